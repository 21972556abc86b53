"""Figures of evaluations: by hand, and against the plainest way to compute them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from maou.evaluation._scores import policy_scores, value_scores
from maou.evaluation._tally import (
    Moments,
    Tally,
    bin_of,
    calibration_error,
    mean_of,
    poisson_weights,
    reliability,
)

Array = npt.NDArray[Any]


def f32(*numbers: float) -> Array:
    return np.array(numbers, np.float32)


def test_of_a_policy_by_hand() -> None:
    logits = np.log(np.array([[0.5, 0.25, 0.125, 0.125], [0.1, 0.2, 0.3, 0.4]]))
    found = policy_scores(
        logits.astype(np.float32), np.array([0, 1]), np.array([0, 1]), f32(1, 1)
    )
    assert found.known.tolist() == [True, True]
    assert found.top1.tolist() == [1, 0]
    assert found.top5.tolist() == [1, 1]
    assert found.cross_entropy == pytest.approx([math.log(2), math.log(5)], rel=1e-6)


def test_of_a_soft_target() -> None:
    logits = np.log(np.array([[0.5, 0.25, 0.25]])).astype(np.float32)
    rows, labels = np.array([0, 0]), np.array([0, 2])
    found = policy_scores(logits, rows, labels, f32(0.75, 0.25))
    assert found.top1.tolist() == [0.75]
    wanted = 0.75 * math.log(2) + 0.25 * math.log(4)
    assert found.cross_entropy == pytest.approx([wanted], rel=1e-6)


def test_of_equal_logits_the_lower_label_is_first() -> None:
    logits = np.zeros((3, 9), np.float32)
    labels = np.array([0, 4, 5])
    found = policy_scores(logits, np.arange(3), labels, f32(1, 1, 1))
    assert found.top1.tolist() == [1, 0, 0]
    assert found.top5.tolist() == [1, 1, 0]


def test_over_legal_moves_only() -> None:
    logits = f32(5, 1, 0)[None]
    legal = np.array([[False, True, True]])
    found = policy_scores(logits, np.array([0]), np.array([1]), f32(1), legal)
    assert found.top1.tolist() == [1]
    wanted = math.log(1 + math.exp(-1))
    assert found.cross_entropy == pytest.approx([wanted], rel=1e-6)


def test_a_position_without_a_move_says_nothing_of_the_policy() -> None:
    found = policy_scores(
        np.zeros((3, 4), np.float32), np.array([1]), np.array([0]), f32(1)
    )
    assert found.known.tolist() == [False, True, False]
    assert found.cross_entropy[0] == found.cross_entropy[2] == 0


def test_a_position_without_a_legal_move_says_nothing_of_the_policy() -> None:
    legal = np.array([[False, False], [True, True]])
    found = policy_scores(
        np.zeros((2, 2), np.float32), np.array([1]), np.array([1]), f32(1), legal
    )
    assert found.known.tolist() == [False, True]
    assert found.cross_entropy == pytest.approx([0, math.log(2)])


@settings(max_examples=60, deadline=None)
@example(seed=777, n=7, c=7, masked=True)
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(6, 30), st.booleans())
def test_policies_equal_brute_force(seed: int, n: int, c: int, masked: bool) -> None:
    random = np.random.default_rng(seed)
    # Few different logits, so that there are ties.
    logits = random.integers(-3, 4, (n, c)).astype(np.float32)
    legal = random.random((n, c)) < 0.6 if masked else np.ones((n, c), bool)
    entries = [
        (row, label, random.random() + 0.1)
        for row in range(n)
        for label in np.flatnonzero(legal[row])
        if random.random() < 0.3
    ]
    sums = [sum(w for r, _, w in entries if r == row) for row in range(n)]
    rows = np.array([r for r, _, _ in entries], np.int64)
    labels = np.array([m for _, m, _ in entries], np.int64)
    weights = f32(*(w / sums[r] for r, _, w in entries))
    found = policy_scores(logits, rows, labels, weights, legal if masked else None)
    for row in range(n):
        moves = [m for m in range(c) if legal[row, m]]
        order = sorted(moves, key=lambda m: (-logits[row, m], m))
        total = sum(math.exp(logits[row, m]) for m in moves)
        target = {
            int(m): float(w)
            for r, m, w in zip(rows, labels, weights, strict=True)
            if r == row
        }
        assert found.known[row] == bool(target)
        for k, shares in ((1, found.top1), (5, found.top5)):
            share = sum(target.get(m, 0.0) for m in order[:k])
            assert shares[row] == pytest.approx(share, abs=1e-6)
        wanted = -sum(
            w * math.log(math.exp(logits[row, m]) / total) for m, w in target.items()
        )
        assert found.cross_entropy[row] == pytest.approx(wanted, abs=1e-5)


def test_of_values_by_hand() -> None:
    values = f32(0.9, 0.4, 0.5, 0.8, 0.7)
    scores = f32(1, 1, 0, 0.5, 1)
    known = np.array([True, True, True, True, False])
    found = value_scores(values, scores, known)
    # A draw has no right side, and 0.5 is half right.
    assert found.decided.tolist() == [True, True, True, False, False]
    assert found.right.tolist() == [1, 0, 0.5, 0, 0]
    assert found.squared_error == pytest.approx([0.01, 0.36, 0.25, 0.09, 0], rel=1e-5)


def test_bins_have_their_lower_ends() -> None:
    values = f32(0, 0.0999, 0.1, 0.5, 0.9999, 1)
    assert bin_of(values, 10).tolist() == [0, 0, 1, 5, 9, 9]


def filled(
    cells: Array, clusters: Array, columns: Array, n_resamples: int = 0, seed: int = 0
) -> Tally:
    tally = Tally(columns.shape[1], n_resamples, seed)
    tally.add(cells[None], clusters.astype(np.uint64), columns)
    return tally


def test_a_calibration_error_by_hand() -> None:
    values = np.array([0.05, 0.15, 0.85, 0.95])
    scores = np.array([0.0, 1.0, 1.0, 1.0])
    columns = np.stack([np.ones(4), values, scores], axis=1)
    tally = filled(bin_of(values, 2), np.arange(4), columns)
    bins = [tally[0], tally[1]]
    # |0.1 - 0.5| and |0.9 - 1|, each half of the positions.
    found = calibration_error(bins)
    assert found is not None
    assert found.value == pytest.approx(0.25)
    assert found.n == 4
    assert (found.low, found.high) == (None, None)
    first, second = reliability(bins)
    assert (first.low, first.high, second.low, second.high) == (0, 0.5, 0.5, 1)
    assert first.value == pytest.approx(0.1)
    assert (first.score.value, first.score.n) == (0.5, 2)
    assert calibration_error([Tally(3, 0, 0)[0]]) is None


def test_columns_that_do_not_speak_count_nothing() -> None:
    columns = np.array([[1, 3.0], [np.nan, np.nan], [1, 5.0], [1, 9.0]])
    tally = filled(np.array([0, 0, 0, -1]), np.arange(4), columns)
    found = mean_of(tally[0], 1, 0)
    assert found is not None
    assert (found.value, found.n, tally[0].n_rows) == (4, 2, 3)
    assert mean_of(tally[7], 1, 0) is None


def test_parts_and_order_change_nothing() -> None:
    random = np.random.default_rng(5)
    n = 500
    cells = random.integers(0, 3, (2, n))
    clusters = random.integers(0, 40, n).astype(np.uint64)
    columns = random.normal(size=(n, 2))
    whole, parts = Tally(2, 50, 3), Tally(2, 50, 3)
    whole.add(cells, clusters, columns)
    order = random.permutation(n)
    for part in np.array_split(order, 7):
        parts.add(cells[:, part], clusters[part], columns[part])
    for cell in range(3):
        assert parts[cell].sums == pytest.approx(whole[cell].sums)
        assert parts[cell].resampled == pytest.approx(whole[cell].resampled, abs=1e-3)
        assert parts[cell].several


def test_weights_are_pinned() -> None:
    ids = np.array([0, 1, 2**64 - 1], np.uint64)
    assert poisson_weights(ids, 10, seed=0).tolist() == PINNED
    assert poisson_weights(ids[1:], 5, seed=0).tolist() == [r[:5] for r in PINNED[1:]]
    assert poisson_weights(ids, 10, seed=1).tolist() != PINNED


def test_weights_are_of_poissons_distribution() -> None:
    weights = poisson_weights(np.arange(2000, dtype=np.uint64), 1000, seed=7)
    n = weights.size
    for number in range(6):
        chance = math.exp(-1) / math.factorial(number)
        share = (weights == number).sum() / n
        assert abs(share - chance) < 6 * math.sqrt(chance / n) + 2e-5
    # Neither the games nor the resamples know of each other.
    for one, other in ((weights[:-1], weights[1:]), (weights[:, :-1], weights[:, 1:])):
        product = (one.astype(float) - 1) * (other.astype(float) - 1)
        assert abs(product.mean()) < 6 / math.sqrt(product.size)


def test_intervals_are_those_of_the_bootstrap_over_games() -> None:
    random = np.random.default_rng(11)
    n_games, length = 300, 20
    games = np.repeat(np.arange(n_games), length)
    # Positions of a game are alike: the interval over positions would be too narrow.
    right = (random.random(n_games) < 0.6)[games] * 1.0
    columns = np.stack([np.ones(len(games)), right], axis=1)
    found = mean_of(filled(games * 0, games, columns, 2000)[0], 1, 0)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    per_game = right.reshape(n_games, length).mean(axis=1)
    drawn = per_game[random.integers(0, n_games, (4000, n_games))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=0.01)
    assert found.high == pytest.approx(high, abs=0.01)
    narrow = mean_of(filled(games * 0, np.arange(len(games)), columns, 2000)[0], 1, 0)
    assert narrow is not None
    assert narrow.low is not None
    assert narrow.high is not None
    assert (narrow.high - narrow.low) * 3 < high - low


def test_one_game_has_no_interval() -> None:
    columns = np.ones((5, 2))
    found = mean_of(filled(np.zeros(5, int), np.full(5, 9), columns, 100)[0], 1, 0)
    assert found is not None
    assert (found.low, found.high) == (None, None)
    tally = filled(np.array([0, 0, 1, 1, 1]), np.full(5, 9), np.ones((5, 3)), 100)
    error = calibration_error([tally[0], tally[1]])
    assert error is not None
    assert error.low is None


def test_two_games_in_different_bins_have_an_interval() -> None:
    columns = np.array([[1, 0.2, 0], [1, 0.9, 1]])
    tally = filled(np.array([0, 1]), np.array([5, 6]), columns, 100)
    error = calibration_error([tally[0], tally[1]])
    assert error is not None
    assert error.low is not None


def bins_of(
    values: Array, scores: Array, n_bins: int, n_resamples: int
) -> list[Moments]:
    columns = np.stack([np.ones(len(values)), values, scores], axis=1)
    clusters = np.arange(len(values))
    tally = filled(bin_of(values, n_bins), clusters, columns, n_resamples)
    return [tally[idx] for idx in range(n_bins)]


def test_the_interval_of_a_calibration_error_holds_the_truth() -> None:
    random = np.random.default_rng(3)
    missed = {0.0: 0, 0.1: 0}
    for shift, _ in ((s, t) for s in missed for t in range(40)):
        values = random.uniform(0.05, 0.85, 400)
        scores = (random.random(400) < values + shift) * 1.0
        found = calibration_error(bins_of(values, scores, 10, 200))
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        assert found.low <= found.value <= found.high
        missed[shift] += not found.low <= shift <= found.high
    assert max(missed.values()) <= 4


PINNED = [
    [2, 1, 1, 2, 1, 1, 1, 1, 0, 1],
    [2, 2, 1, 2, 1, 1, 0, 1, 2, 2],
    [1, 2, 1, 1, 1, 1, 0, 1, 3, 1],
]
