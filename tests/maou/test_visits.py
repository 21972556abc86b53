"""From the visits of a search to the policy target of a batch."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from maou_rust import maou_io

import maou

if TYPE_CHECKING:
    from pathlib import Path

    from maou.policy import Scheme

Searched = list[tuple[str, dict[str, int]]]
"""The moves of a game, each with the visits of the candidates before it."""


def searched_games(n: int, seed: int) -> list[Searched]:
    """Games of random moves; some positions have no candidates. The last is a copy."""
    chance = random.Random(seed)
    games: list[Searched] = []
    for number in range(n):
        board, moves = maou.Board(), []
        # Games that begin alike have positions in common.
        played = [usi for usi, _ in games[0]] if number == n - 1 else ["7g7f", "3c3d"]
        for ply in range(30):
            legal = [move.usi() for move in board.legal_moves]
            usi = played[ply] if ply < len(played) else chance.choice(legal)
            others = chance.sample(legal, min(len(legal), chance.randrange(6)))
            visits = {move: chance.choice([1, 2, 30, 65_535]) for move in others}
            moves.append((usi, visits if chance.random() < 0.8 else {}))
            board.push_usi(usi)
        games.append(moves)
    return games


def hcpe3(games: list[Searched]) -> bytes:
    """The games as a file of HCPE3; Black wins each."""

    def number(value: int) -> bytes:
        return value.to_bytes(2, "little")

    def move16(usi: str) -> bytes:
        return number(int(maou.Move.from_usi(usi)))

    data = b""
    for game in games:
        data += maou.Board().hcp() + number(len(game)) + bytes([1, 0])
        for usi, visits in game:
            data += move16(usi) + number(0) + number(len(visits))
            for candidate, n in visits.items():
                data += move16(candidate) + number(n)
    return data


def shares_of(games: list[Searched], classes: Scheme, weight: float) -> Any:
    """The weight of each label by key: the definition, move by move."""
    found: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for game in games:
        board = maou.Board()
        for usi, visits in game:
            array = maou.PositionArray.from_boards([board])
            key = int(array.keys()[0]) & ~1
            for candidate, n in visits.items():
                move = np.array([int(maou.Move.from_usi(candidate))], np.uint16)
                label = int(array.labels(move, classes)[0])
                found[key][label] += weight * n / sum(visits.values())
            board.push_usi(usi)
    return found


@pytest.mark.parametrize("classes", [2187, 1496])
@pytest.mark.parametrize("form", ["dense", "sparse"])
def test_the_target_of_a_batch_is_the_share_of_visits(
    classes: Scheme, form: Any, tmp_path: Path
) -> None:
    parts = {"one": (searched_games(8, seed=1), 1.0)}
    parts |= {"same": (searched_games(7, seed=2), 0.5)}
    expected: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for name, (games, weight) in parts.items():
        (tmp_path / f"{name}.hcpe3").write_bytes(hcpe3(games))
        maou_io.convert([tmp_path / f"{name}.hcpe3"], tmp_path / name)
        # Games that are the same in moves count once.
        distinct = {tuple(usi for usi, _ in game): game for game in reversed(games)}
        for key, shares in shares_of(list(distinct.values()), classes, weight).items():
            for label, share in shares.items():
                expected[key][label] += share
    data = [tmp_path / name for name in parts]
    weights = [weight for _, weight in parts.values()]
    maou.prepare(data, tmp_path / "train", policy="visits", weights=weights)
    seen = set()
    with maou.TrainingSet(tmp_path / "train").batches(
        16, policy=form, classes=classes, drop_last=False
    ) as batches:
        for batch in batches:
            target = batch.policy
            if target is None:
                named = batch.arrays()
                target = np.zeros((16, classes), np.float32)
                place = (named["policy_rows"], named["policy_labels"])
                np.add.at(target, place, named["policy_weights"])
            for row in np.flatnonzero(batch.weight):
                key = int(batch.key[row])
                shares = expected[key]
                wanted = np.zeros(classes)
                for label, share in shares.items():
                    wanted[label] = share / sum(shares.values())
                np.testing.assert_allclose(target[row], wanted, atol=1e-6)
                seen.add(key)
    assert seen == {key for key, shares in expected.items() if shares}
    # Some positions were searched in many games, and differently.
    assert len(seen) > 150
    assert max(map(len, expected.values())) > 15
