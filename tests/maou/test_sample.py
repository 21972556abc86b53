"""Random positions of a dataset are rows of all of its positions."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import polars as pl
import pytest
from maou_rust import maou_io, maou_shogi

import maou
from maou._sample import COLUMNS
from maou.cli import main

if TYPE_CHECKING:
    from pathlib import Path

KIF = """手合割：平手
   1 ７六歩(77)
   2 ３四歩(33)
   3 ２六歩(27)

変化：2手
   2 ８四歩(83)
   3 ２六歩(27)
   4 ８五歩(84)
"""


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of several files with games, variations and loose positions."""
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "in").mkdir()
    for n, text in enumerate(maou_shogi.generate(6, seed=3)):
        (folder / f"in/{n}.csa").write_bytes(text)
    (folder / "in/tree.kif").write_text(KIF, encoding="utf-8")
    games = make(folder, "games", variations=False)
    main(["convert", str(games), "--to", "hcpe", "-o", str(folder / "in/a.hcpe")])
    return make(folder, "data", variations=True)


def make(folder: Path, name: str, *, variations: bool) -> Path:
    data = folder / name
    maou_io.convert([folder / "in"], data, variations=variations, rows_per_file=3)
    return data


def test_a_sample_of_all_is_all(mixed: Path) -> None:
    dataset = maou.Dataset(mixed)
    every = pl.DataFrame(dataset.positions(COLUMNS))
    assert every["game"].null_count() > 0
    assert maou.Dataset(mixed).info()["variations"] == 1
    assert dataset.sample(1_000_000).equals(every)


def test_every_position_is_as_likely_and_none_comes_twice(mixed: Path) -> None:
    dataset = maou.Dataset(mixed)
    every = pl.DataFrame(dataset.positions(COLUMNS)).with_row_index("number")
    key = ["game", "ply", "sfen", "source", "move"]
    drawn: list[int] = []
    first = every.unique(subset=key, keep="first", maintain_order=True)
    for seed in range(40):
        rows = dataset.sample(25, seed=seed)
        found = rows.join(first, on=key, how="left", nulls_equal=True)["number"]
        assert (len(found), found.null_count()) == (25, 0)
        drawn.extend(found.to_list())
    # Halves of the dataset are drawn about equally often: 1,000 draws, 5 sigmas.
    low = sum(number < every.height / 2 for number in drawn)
    assert abs(low - len(drawn) / 2) < 80


def test_the_seed_decides(mixed: Path) -> None:
    dataset = maou.Dataset(mixed)
    assert dataset.sample(5).equals(dataset.sample(5, seed=0))
    assert not dataset.sample(5).equals(dataset.sample(5, seed=1))
    assert dataset.sample(0).height == 0
    with pytest.raises(ValueError, match="from 0, found `-1`"):
        dataset.sample(-1)


def test_damage_is_told_with_what_tells_more(mixed: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(mixed, data)
    for file in data.glob("games-*.feather"):
        damaged = file.read_bytes()
        file.write_bytes(damaged[:8] + bytes(len(damaged) - 400) + damaged[-392:])
    with pytest.raises(maou.DatasetError, match=r"cannot be read: .*maou verify"):
        maou.Dataset(data).sample(1_000)
