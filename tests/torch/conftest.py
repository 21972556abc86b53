"""What tests with torch need; without torch none of them is read.

`nox -s torch` has it, in one interpreter; every test here carries the marker `torch` or
`learn`, which the other sessions leave out.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

collect_ignore_glob = [] if find_spec("torch") else ["test_*.py"]


def prepared(folder: Path, n_games: int, seed: int) -> Path:
    """Make a training set of generated games, through a dataset."""
    from maou_rust import maou_io, maou_shogi

    records = folder / "records.csa"
    games = maou_shogi.generate(n_games, seed=seed, format="csa")
    records.write_bytes(b"/\n".join(games))
    maou_io.convert([records], folder / "data")
    maou_io.prepare(
        [(folder / "data", 1.0, None)],
        folder / "train",
        memory=100_000_000,
        validation_per_10000=1000,
    )
    return folder / "train"


@pytest.fixture(scope="session")
def training_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training set of 40 games; tests leave it as it is."""
    return prepared(tmp_path_factory.mktemp("training-set"), 40, seed=5)


@pytest.fixture(scope="session")
def other_training_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another one."""
    return prepared(tmp_path_factory.mktemp("other-training-set"), 10, seed=6)
