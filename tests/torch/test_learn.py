"""Proofs that training learns: by the number of samples, on one thread.

The data goes the way that a user's goes: records, `maou convert`, `maou prepare`, the
loader, the loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import torch
from maou_rust import maou_io, maou_shogi

import maou
from maou.train import Config, train

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.learn

VALUES = np.array([1, 3, 4, 5, 8, 10, 6, 0, 6, 6, 6, 6, 10, 12])
"""What pieces count: P L N S B R G K +P +L +N +S horse dragon."""
IN_HAND = np.array([1, 3, 4, 5, 6, 8, 10])
"""P L N S G B R."""
HCPE = np.dtype(
    [
        ("hcp", "u1", 32),
        ("eval", "<i2"),
        ("move", "<u2"),
        ("result", "u1"),
        ("padding", "u1"),
    ]
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


class Lessons(NamedTuple):
    """Positions with what a teacher says of them."""

    positions: maou.PositionArray
    moves: NDArray[np.uint16]
    wins: NDArray[np.bool_]
    """Whether the side to move wins."""


def positions_of(n_games: int, seed: int) -> maou.PositionArray:
    """Distinct positions of generated games."""
    texts = maou_shogi.generate(n_games, seed=seed, format="csa")
    games = [game for text in texts for game in maou.read_games(text)]
    positions = maou.PositionArray.from_games(games).positions
    _, first = np.unique(positions.keys() | np.uint64(1), return_index=True)
    return positions[np.sort(first)]


def teach(positions: maou.PositionArray) -> Lessons:
    """Take what is worth most, and call who has more the winner.

    Of captures that are worth the same, that with the smallest label. Positions without
    a legal capture, and those where both have the same, are no lessons.
    """
    pieces, hands = positions.features("compact")
    worth = np.concatenate([[0], VALUES, -VALUES])[pieces]  # [N, 81]
    labels = np.arange(2187)
    taken = np.maximum(-worth, 0)[:, labels % 81] * positions.legal_masks(2187)
    best = (taken * 4096 - labels).argmax(axis=1)
    balance = worth.sum(axis=1) + (hands[:, :7].astype(int) - hands[:, 7:]) @ IN_HAND
    rows = np.flatnonzero((taken.max(axis=1) > 0) & (balance != 0))
    chosen = positions[rows]
    moves = chosen.moves(best[rows].astype(np.int64), 2187)
    return Lessons(chosen, moves, balance[rows] > 0)


def write_hcpe(lessons: Lessons, path: Path) -> None:
    """Write lessons as HCPE, as a teacher's engine would."""
    rows = np.zeros(len(lessons.positions), HCPE)
    rows["hcp"] = lessons.positions.hcp()
    rows["move"] = lessons.moves
    is_black = lessons.positions.turns() == 0
    rows["result"] = np.where(lessons.wins == is_black, 1, 2)
    rows.tofile(path)


def prepared(folder: Path, *held_back: str) -> Path:
    """Make a training set of the HCPE files in a folder."""
    maou_io.convert([folder / "hcpe"], folder / "data")
    maou_io.prepare(
        [(folder / "data", 1.0, None)],
        folder / "train",
        memory=100_000_000,
        validation_sources=held_back,
    )
    return folder / "train"


def test_2048_positions_are_learned_by_heart(tmp_path: Path) -> None:
    """Random legal moves, which follow no rule: in 64k samples, 31 epochs."""
    positions = positions_of(40, seed=11)
    order = np.random.default_rng(1).permutation(len(positions))[:2048]
    chosen = positions[np.sort(order)]
    random = np.random.default_rng(2).random((2048, 2187))
    labels = (random * chosen.legal_masks(2187)).argmax(axis=1).astype(np.int64)
    wins = np.random.default_rng(3).random(2048) < 0.5
    (tmp_path / "hcpe").mkdir()
    lessons = Lessons(chosen, chosen.moves(labels, 2187), wins)
    # The same again as a validation: what is asked in the end is what was learned.
    for name in ("lessons.hcpe", "questions.hcpe"):
        write_hcpe(lessons, tmp_path / "hcpe" / name)
    data = prepared(tmp_path, "questions.hcpe")
    assert maou.TrainingSet(data).n_rows("validation") == 2048
    batch_size, n_samples = 64, 64_000
    config = Config.from_words(
        [
            "model.size=2x32",
            f"data.batch_size={batch_size}",
            "data.threads=1",
            "optimizer.lr=0.005",
            "optimizer.weight_decay=0",
            "loss.legal_mask=true",
            "optimizer.warmup_steps=60",
            "loss.value=0.1",
            f"run.steps={n_samples // batch_size}",
            "run.validate_steps=100000",
            "run.device=cpu",
        ]
    )
    measures = train(data, tmp_path / "run", config).measures
    assert measures["policy_accuracy"] is not None
    assert measures["policy_accuracy"] >= 0.99


def test_a_teacher_that_takes_what_is_worth_most(tmp_path: Path) -> None:
    """A rule is learned: held-out positions, in fewer than 200k samples."""
    lessons = teach(positions_of(800, seed=21))
    test = teach(positions_of(60, seed=22))
    (tmp_path / "hcpe").mkdir()
    write_hcpe(lessons, tmp_path / "hcpe/lessons.hcpe")
    write_hcpe(test, tmp_path / "hcpe/test.hcpe")
    data = prepared(tmp_path, "test.hcpe")
    # What both have is no test of a rule.
    keys = test.positions.keys()
    seen = maou.TrainingSet(data).contains(keys, "train")
    assert seen.mean() < 0.02
    batch_size, n_samples = 128, 96_000
    config = Config.from_words(
        [
            "model.size=2x24",
            f"data.batch_size={batch_size}",
            "data.threads=1",
            "optimizer.lr=0.004",
            "optimizer.warmup_steps=50",
            f"run.steps={n_samples // batch_size}",
            "run.validate_steps=100000",
            "run.device=cpu",
        ]
    )
    measures = train(data, tmp_path / "run", config).measures
    assert measures["policy_accuracy"] is not None
    assert measures["policy_accuracy"] >= 0.80
    assert measures["value_accuracy"] is not None
    assert measures["value_accuracy"] >= 0.85
