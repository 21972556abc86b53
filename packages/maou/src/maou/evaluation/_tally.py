"""Sums over positions, in buckets, with intervals by the Poisson bootstrap.

A resample weighs each game by a number drawn from Poisson(1); the weights are a
function of the seed and the game's id alone. So sums can be added up in any order and
in parts of a game, memory does not grow with the data, and copies of a game, which have
one id, weigh the same. Source: Chamandy, Muralidharan, Najmi and Naidu, Estimating
Uncertainty for Massive Data Streams, 2012.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Doubles = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Words = npt.NDArray[np.uint64]

COVERAGE = 0.95
"""Of the intervals."""


class Estimate(NamedTuple):
    """A number, and the interval in which it would lie for other games of the kind."""

    value: float
    low: float | None
    """Lower end of the 95 % interval; None if there are too few games for one."""
    high: float | None
    n: int
    """The positions that it is of."""


class Moments(NamedTuple):
    """Sums of one cell: of the data, and of each resample."""

    n_rows: int
    """Positions that were added."""
    n: Integers
    """int64[K]: positions behind each sum."""
    sums: Doubles
    """float64[K]."""
    resampled: Doubles
    """float64[R, K]."""
    several: bool
    """Whether more than one game is in it."""


class Tally:
    """Sums of K columns in cells that are numbered from 0."""

    def __init__(self, n_columns: int, n_resamples: int, seed: int) -> None:
        """Begin with nothing.

        Args:
            n_columns: K.
            n_resamples: R, 0 for no intervals.
            seed: Of the weights.
        """
        self._n_columns = n_columns
        self._n_resamples = n_resamples
        self._seed = seed
        self._cells: dict[int, Moments] = {}
        self._first: dict[int, int] = {}

    def add(self, cells: Integers, clusters: Words, columns: Doubles) -> None:
        """Add positions.

        Args:
            cells: int64[D, N]: the D cells that each belongs to; none where it is
                below 0.
            clusters: uint64[N]: the id of its game.
            columns: float64[N, K]: NaN where a column does not speak of a position.
        """
        ids, cluster_idx = np.unique(clusters, return_inverse=True)
        # float32 holds these whole numbers exactly.
        weights = poisson_weights(ids, self._n_resamples, self._seed).astype(np.float32)
        for of_one_kind in cells:
            order = np.argsort(of_one_kind, kind="stable")
            ordered = of_one_kind[order]
            starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
            for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
                cell, rows = int(ordered[start]), order[start:end]
                if cell >= 0:
                    self._add_to(cell, ids, cluster_idx[rows], columns[rows], weights)

    def _add_to(
        self,
        cell: int,
        ids: Words,
        cluster_idx: npt.NDArray[np.intp],
        columns: Doubles,
        weights: npt.NDArray[np.float32],
    ) -> None:
        known = ~np.isnan(columns)
        filled = np.where(known, columns, 0.0)
        there, local_idx = np.unique(cluster_idx, return_inverse=True)
        per_cluster = np.stack(
            [
                np.bincount(local_idx, weights=filled[:, k], minlength=len(there))
                for k in range(self._n_columns)
            ],
            axis=1,
        )
        resampled = weights[there].T @ per_cluster.astype(np.float32)
        first = self._first.setdefault(cell, int(ids[there[0]]))
        several = len(there) > 1 or int(ids[there[0]]) != first
        old = self._cells.get(cell)
        if old is None:
            old = self._nothing()
        self._cells[cell] = Moments(
            n_rows=old.n_rows + len(columns),
            n=old.n + known.sum(axis=0),
            sums=old.sums + filled.sum(axis=0),
            resampled=old.resampled + resampled,
            several=old.several or several,
        )

    def _nothing(self) -> Moments:
        k, r = self._n_columns, self._n_resamples
        return Moments(0, np.zeros(k, np.int64), np.zeros(k), np.zeros((r, k)), False)

    def __getitem__(self, cell: int) -> Moments:
        """The sums of a cell, zeros if nothing was added to it."""
        return self._cells.get(cell) or self._nothing()


def poisson_weights(ids: Words, n_resamples: int, seed: int) -> npt.NDArray[np.uint8]:
    """Draw how often each game is in each resample: uint8[N, R], Poisson(1).

    The draws are SplitMix64's, from a state that is a function of seed and id.
    """
    n_words = -(-n_resamples // 4)
    states = _mixed(ids ^ _mixed(np.array([seed], np.uint64)))
    steps = np.arange(1, n_words + 1, dtype=np.uint64) * _GAMMA
    words = _mixed(states[:, None] + steps)
    drawn = words.astype("<u8").view("<u2")[:, :n_resamples]
    return np.take(_POISSON, drawn)


def _mixed(words: Words) -> Words:
    """SplitMix64's mix of 64 bits (Steele, Lea and Flood, 2014)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _poisson_table() -> npt.NDArray[np.uint8]:
    """uint8[65536]: the draw of each 16-bit number."""
    chances = np.exp(-1.0) / np.cumprod(np.r_[1.0, np.arange(1, 12)])
    numbers = (np.arange(1 << 16) + 0.5) / (1 << 16)
    return np.searchsorted(np.cumsum(chances), numbers).astype(np.uint8)


_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_POISSON = _poisson_table()


def mean_of(moments: Moments, column: int, weight: int) -> Estimate | None:
    """The mean of a column, whose weights are another; None without positions.

    The interval goes from the 2.5th to the 97.5th percentile of the resamples.
    """
    total = moments.sums[weight]
    if total <= 0:
        return None
    low = high = None
    weights = moments.resampled[:, weight]
    if moments.several and (weights > 0).any():
        drawn = moments.resampled[weights > 0, column] / weights[weights > 0]
        low, high = _interval(drawn)
    n = int(moments.n[weight])
    return Estimate(float(moments.sums[column] / total), low, high, n)


def _interval(drawn: Doubles) -> tuple[float, float]:
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


class Bin(NamedTuple):
    """One bin of a reliability plot."""

    low: float
    high: float
    """Values from `low` to below `high`; the last bin has its upper end, too."""
    value: float
    """Mean of the values in it."""
    score: Estimate
    """Mean score of the same positions."""


COUNT, VALUE, SCORE = range(3)
"""Columns of the cells of bins."""


def bin_of(values: npt.NDArray[Any], n_bins: int) -> Integers:
    """int64[N]: the bin of each value in [0, 1], of bins that are equally wide."""
    return np.minimum((values.astype(np.float64) * n_bins).astype(np.int64), n_bins - 1)


def reliability(bins: list[Moments]) -> list[Bin]:
    """Compare values and scores bin by bin; bins without positions are left out."""
    found = []
    for idx, moments in enumerate(bins):
        score = mean_of(moments, SCORE, COUNT)
        if score is not None:
            value = float(moments.sums[VALUE] / moments.sums[COUNT])
            found.append(Bin(idx / len(bins), (idx + 1) / len(bins), value, score))
    return found


def calibration_error(bins: list[Moments]) -> Estimate | None:
    """Expected calibration error: the mean distance of value and score over bins.

    An absolute value of something uncertain is on average too large, and more so in a
    resample, so percentiles would lie above the estimate. The interval is the estimate
    plus and minus the 95th percentile of how far the bins of a resample are from those
    of the data; by the triangle inequality it is rather too wide.
    """
    sums = np.stack([moments.sums for moments in bins])
    total = sums[:, COUNT].sum()
    if total <= 0:
        return None
    gaps = (sums[:, VALUE] - sums[:, SCORE]) / total
    value = float(np.abs(gaps).sum())
    low = high = None
    resampled = np.stack([moments.resampled for moments in bins])
    totals = resampled[:, :, COUNT].sum(axis=0)
    several = any(moments.several for moments in bins) or _differ(bins)
    if several and (totals > 0).any():
        drawn = resampled[:, totals > 0]
        moved = (drawn[:, :, VALUE] - drawn[:, :, SCORE]) / totals[totals > 0]
        reach = np.quantile(np.abs(moved - gaps[:, None]).sum(axis=0), COVERAGE)
        low, high = max(0.0, value - float(reach)), min(1.0, value + float(reach))
    return Estimate(value, low, high, int(sums[:, COUNT].sum()))


def _differ(bins: list[Moments]) -> bool:
    """Whether bins that hold one game each hold different ones."""
    rows = [m.resampled[:, COUNT] > 0 for m in bins if m.sums[COUNT] > 0]
    return any(not np.array_equal(rows[0], row) for row in rows[1:])
