"""Feeds a model from a source and sums up what it is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from maou.evaluation._models import asked, checked_outputs
from maou.evaluation._rows import UNKNOWN
from maou.evaluation._scores import policy_scores, value_scores
from maou.evaluation._tally import (
    Estimate,
    Tally,
    bin_of,
    calibration_error,
    mean_of,
    reliability,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from maou.evaluation._models import Model
    from maou.evaluation._rows import Range, Rows, Source, Wanted
    from maou.evaluation._tally import Bin, Moments

    Contains = Callable[[npt.NDArray[np.uint64]], npt.NDArray[np.bool_]]

METRICS = (
    "top1",
    "top5",
    "policy_cross_entropy",
    "value_accuracy",
    "brier",
    "calibration_error",
)
"""Names of what is measured, in the order of tables."""
MOVED, TOP1, TOP5, CROSS_ENTROPY, DECIDED, RIGHT, SCORED, SQUARED_ERROR = range(8)
"""Columns of the sums."""
MEANS = (
    (TOP1, MOVED),
    (TOP5, MOVED),
    (CROSS_ENTROPY, MOVED),
    (RIGHT, DECIDED),
    (SQUARED_ERROR, SCORED),
)
"""Of the metrics but the last: a column, and the one that counts its positions."""
PLY_STEP, N_PLY_BUCKETS = 20, 11
"""0 to 19, 20 to 39, … and 200 on."""
RATING_STEP, N_RATING_BUCKETS = 200, 26
"""0 to 199, … and 5,000 on."""
ALL, PLY, RATING = 0, 1, 1 + N_PLY_BUCKETS
"""Numbers of the cell of all positions, and of the first of each kind of bucket."""
N_GATHERED = 1 << 13
"""Positions whose sums are resampled at once: 33 MB for a thousand resamples."""


class Bucket(NamedTuple):
    """Positions whose ply or rating lies in a range."""

    low: int
    high: int | None
    """The last that is in it; None for no end."""
    n: int
    scores: dict[str, Estimate | None]


@dataclass(frozen=True)
class Filters:
    """Which positions are measured."""

    ply: Range | None = None
    rating: Range | None = None
    unseen: bool = False
    """Only those that are not in the training set."""
    limit: int | None = None
    """The first so many that the other filters leave."""


class Measured(NamedTuple):
    """What came out."""

    n_read: int
    """Positions that were looked at."""
    n_found: int
    """Those of them that lie in the ranges of ply and rating."""
    n_seen: int
    """Those of them that are in the training set; `unseen` leaves them out."""
    n_positions: int
    """Positions that were measured."""
    scores: dict[str, Estimate | None]
    by_ply: list[Bucket]
    by_rating: list[Bucket]
    reliability: list[Bin]


class Sums:
    """Sums of everything, over all positions and in buckets."""

    def __init__(self, n_resamples: int, n_bins: int, seed: int) -> None:
        """Begin with nothing."""
        self._n_bins = n_bins
        self._means = Tally(8, n_resamples, seed)
        self._bins = Tally(3, n_resamples, seed)
        self._gathered: list[tuple[npt.NDArray[np.int64], ...]] = []
        self._columns: list[npt.NDArray[np.float64]] = []
        self._values: list[npt.NDArray[np.float64]] = []
        self._clusters: list[npt.NDArray[np.uint64]] = []
        self._n_gathered = 0

    def add(
        self,
        rows: Rows,
        keep: npt.NDArray[np.bool_],
        policy: npt.NDArray[np.float32],
        value: npt.NDArray[np.float32],
    ) -> None:
        """Add positions of a batch.

        Args:
            rows: The batch.
            keep: bool[N]: which of its positions.
            policy: float32[N, classes]: what the model says of all of them.
            value: float32[N].
        """
        of_policy = policy_scores(
            policy,
            rows.policy_rows,
            rows.policy_labels,
            rows.policy_weights,
            rows.legal,
        )
        value = value.clip(0, 1)
        of_value = value_scores(value, rows.scores, rows.scored)
        columns = np.full((len(keep), 8), np.nan)
        for known, count, pairs in (
            (
                of_policy.known,
                MOVED,
                (
                    (TOP1, of_policy.top1),
                    (TOP5, of_policy.top5),
                    (CROSS_ENTROPY, of_policy.cross_entropy),
                ),
            ),
            (of_value.decided, DECIDED, ((RIGHT, of_value.right),)),
            (rows.scored, SCORED, ((SQUARED_ERROR, of_value.squared_error),)),
        ):
            columns[known, count] = 1
            for column, numbers in pairs:
                columns[known, column] = numbers[known]
        bins = np.where(rows.scored, bin_of(value, self._n_bins), UNKNOWN)
        values = np.stack([np.ones(len(keep)), value, rows.scores], axis=1)
        cells = (
            np.zeros(len(keep), np.int64),
            _bucket(rows.plies, PLY_STEP, N_PLY_BUCKETS, PLY),
            _bucket(rows.ratings, RATING_STEP, N_RATING_BUCKETS, RATING),
            bins,
        )
        self._gathered.append(tuple(part[keep] for part in cells))
        self._columns.append(columns[keep])
        self._values.append(values[keep])
        self._clusters.append(rows.clusters[keep])
        self._n_gathered += int(keep.sum())
        if self._n_gathered >= N_GATHERED:
            self._resample()

    def _resample(self) -> None:
        """Bring what was gathered into the sums."""
        if not self._n_gathered:
            return
        *kinds, bins = (
            np.concatenate(parts) for parts in zip(*self._gathered, strict=True)
        )
        clusters = np.concatenate(self._clusters)
        columns, values = np.concatenate(self._columns), np.concatenate(self._values)
        means = np.stack(kinds)
        of_bins = np.where((means < 0) | (bins < 0), -1, means * self._n_bins + bins)
        for start in range(0, len(clusters), N_GATHERED):
            part = slice(start, start + N_GATHERED)
            self._means.add(means[:, part], clusters[part], columns[part])
            self._bins.add(of_bins[:, part], clusters[part], values[part])
        for gathered in (self._gathered, self._clusters, self._columns, self._values):
            gathered.clear()
        self._n_gathered = 0

    def scores(self, cell: int) -> dict[str, Estimate | None]:
        """The metrics of a cell."""
        self._resample()
        moments = self._means[cell]
        found = [mean_of(moments, column, weight) for column, weight in MEANS]
        error = calibration_error(self._bins_of(cell))
        return dict(zip(METRICS, [*found, error], strict=True))

    def _bins_of(self, cell: int) -> list[Moments]:
        first = cell * self._n_bins
        return [self._bins[first + idx] for idx in range(self._n_bins)]

    def reliability(self) -> list[Bin]:
        """Values and scores of all positions, bin by bin."""
        self._resample()
        return reliability(self._bins_of(ALL))

    def buckets(self, first: int, n: int, step: int) -> list[Bucket]:
        """The metrics of the buckets of a kind that have positions."""
        self._resample()
        found = []
        for idx in range(n):
            n_rows = self._means[first + idx].n_rows
            if n_rows:
                high = None if idx == n - 1 else (idx + 1) * step - 1
                scores = self.scores(first + idx)
                found.append(Bucket(idx * step, high, n_rows, scores))
        return found


def _bucket(
    numbers: npt.NDArray[np.int64], step: int, n: int, first: int
) -> npt.NDArray[np.int64]:
    """int64[N]: the cell of each number, -1 for unknown ones."""
    return np.where(numbers == UNKNOWN, -1, first + np.clip(numbers // step, 0, n - 1))


def measure(
    model: Model,
    source: Source,
    wanted: Wanted,
    filters: Filters,
    sums: Sums,
    *,
    contains: Contains | None = None,
    progress: Callable[[int], object] | None = None,
) -> Measured:
    """Ask the model for every position, and sum up.

    Args:
        model: The model.
        source: Where positions come from.
        wanted: How the model is fed.
        filters: Which positions are measured.
        sums: Where to sum up.
        contains: Tells which keys, without colors, are in the training set.
        progress: Called with the number of positions read so far.
    """
    n_read = n_found = n_seen = n_kept = 0
    for rows in source.batches(wanted):
        if progress is not None:
            progress(n_read)
        found = _in_ranges(rows, filters)
        seen = found & contains(rows.keys) if contains else np.zeros_like(found)
        keep = found & ~seen if filters.unseen else found
        if filters.limit is not None:
            n_before = n_kept + np.cumsum(keep) - keep
            within = n_before < filters.limit
            found, seen, keep = found & within, seen & within, keep & within
        if keep.any():
            policy, value = asked(model, rows.inputs)
            checked_outputs(model, policy, value, n_read)
            sums.add(rows, keep, policy, value)
        n_read += len(rows.keys)
        n_found += int(found.sum())
        n_seen += int(seen.sum())
        n_kept += int(keep.sum())
        if filters.limit is not None and n_kept >= filters.limit:
            break
    return Measured(
        n_read=n_read,
        n_found=n_found,
        n_seen=n_seen,
        n_positions=n_kept,
        scores=sums.scores(ALL),
        by_ply=sums.buckets(PLY, N_PLY_BUCKETS, PLY_STEP),
        by_rating=sums.buckets(RATING, N_RATING_BUCKETS, RATING_STEP),
        reliability=sums.reliability(),
    )


def _in_ranges(rows: Rows, filters: Filters) -> npt.NDArray[np.bool_]:
    """bool[N]: whether each position is one that is asked for."""
    found = np.ones(len(rows.keys), np.bool_)
    if filters.ply is not None:
        found &= filters.ply.holds(rows.plies)
    if filters.rating is not None:
        found &= filters.rating.holds(rows.ratings)
    return found
