"""What is measured of single positions: NumPy in, a number a position out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Doubles = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Bools = npt.NDArray[np.bool_]

MAX_COMPARED = 1 << 23
"""Logits that are compared at once: 8 million booleans of memory."""


class PolicyScores(NamedTuple):
    """What a policy is worth, position by position."""

    known: Bools
    """bool[N]: whether there is a move to compare with; the others are 0 below."""
    top1: Doubles
    """float64[N]: the target's share on the first move of the policy, in [0, 1]."""
    top5: Doubles
    """float64[N]: the target's share on the first five, in [0, 1]."""
    cross_entropy: Doubles
    """float64[N]: of the target with the policy, in nats."""


def policy_scores(
    logits: Floats,
    rows: Integers,
    labels: Integers,
    weights: npt.NDArray[np.floating[Any]],
    legal: Bools | None = None,
) -> PolicyScores:
    """Compare policies with moves.

    Of equal logits, the lower label comes first.

    Args:
        logits: float32[N, classes].
        rows: int64[K]: the position of each entry of the target.
        labels: int64[K]: its label.
        weights: float[K]: its share, which sum to 1 for a position.
        legal: bool[N, classes]: the labels that count at all; None for all.
    """
    n = len(logits)
    if legal is not None:
        logits = np.where(legal, logits, np.float32(-np.inf))
    chosen = logits[rows, labels].astype(np.float64)
    greatest = logits.max(axis=1, keepdims=True)
    # Where no label counts, as in a mate, there is no greatest one and no sum.
    greatest = np.where(np.isneginf(greatest), np.float32(0), greatest)
    sums = np.exp(logits - greatest).sum(axis=1, dtype=np.float64)
    log_sums = np.log(sums, out=np.zeros(n), where=sums > 0) + greatest[:, 0]

    def per_row(values: Doubles) -> Doubles:
        return np.bincount(rows, weights=values, minlength=n).astype(np.float64)

    ranks = _ranks(logits, rows, labels)
    shares = weights.astype(np.float64)
    return PolicyScores(
        known=np.bincount(rows, minlength=n) > 0,
        top1=per_row(shares * (ranks < 1)),
        top5=per_row(shares * (ranks < 5)),
        cross_entropy=per_row(shares * (log_sums[rows] - chosen)),
    )


def _ranks(logits: Floats, rows: Integers, labels: Integers) -> Integers:
    """int64[K]: how many labels come before the given one in its row."""
    ranks = np.empty(len(rows), np.int64)
    step = max(1, MAX_COMPARED // logits.shape[1])
    numbers = np.arange(logits.shape[1])
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        several = logits[rows[part]]
        chosen = logits[rows[part], labels[part]][:, None]
        before = (several > chosen) | (
            (several == chosen) & (numbers < labels[part][:, None])
        )
        ranks[part] = before.sum(axis=1)
    return ranks


class ValueScores(NamedTuple):
    """What a value is worth, position by position."""

    decided: Bools
    """bool[N]: whether one side won more than the other: draws have no right side."""
    right: Doubles
    """float64[N]: 1 if the value is on the side of the score, 0.5 if it is 0.5."""
    squared_error: Doubles
    """float64[N]: the square of value less score."""


def value_scores(values: Floats, scores: Floats, known: Bools) -> ValueScores:
    """Compare values with results.

    Args:
        values: float32[N]: expected scores of the side to move, in [0, 1].
        scores: float32[N]: its scores, in [0, 1]; 0.5 is a draw.
        known: bool[N]: whether there is a score.
    """
    value, score = values.astype(np.float64), scores.astype(np.float64)
    right = np.where(value == 0.5, 0.5, (value > 0.5) == (score > 0.5))
    decided = known & (score != 0.5)
    return ValueScores(
        decided=decided,
        right=np.where(decided, right, 0.0),
        squared_error=np.where(known, (value - score) ** 2, 0.0),
    )
