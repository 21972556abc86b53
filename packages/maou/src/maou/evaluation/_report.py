"""What an evaluation found: values for programs, tables for people, pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maou.cli.text import count, fields, table
from maou.evaluation._measure import METRICS

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    from maou.evaluation._measure import Bucket
    from maou.evaluation._plots import Picture
    from maou.evaluation._tally import Bin, Estimate
    from maou.svg import Svg

TITLES = {
    "top1": "top-1",
    "top5": "top-5",
    "policy_cross_entropy": "policy cross-entropy",
    "value_accuracy": "value accuracy",
    "brier": "Brier score",
    "calibration_error": "calibration error (ECE)",
}
PERCENTAGES = frozenset(("top1", "top5", "value_accuracy"))
"""Metrics that people read in percent."""


@dataclass(frozen=True)
class Seen:
    """Positions that are in the training set of the model, whatever the color."""

    training_set: str
    n: int
    n_looked_up: int

    @property
    def share(self) -> float:
        """Of the positions that were looked up, 0 to 1."""
        return self.n / self.n_looked_up if self.n_looked_up else 0.0


@dataclass(frozen=True)
class Evaluation:
    """How well a model foretells moves and results.

    `str` of it is the table that `maou evaluate` prints.
    """

    model: dict[str, Any]
    """`path`, `kind`, `features`, `classes`, and of a run `checkpoint` and `ema`."""
    data: dict[str, Any]
    """`path`, `kind`, and what it holds."""
    options: dict[str, Any]
    """What the figures depend on besides."""
    n_positions: int
    """Positions that were measured."""
    scores: dict[str, Estimate | None]
    """`top1`, `top5`, `policy_cross_entropy`, `value_accuracy`, `brier` and
    `calibration_error`; None where no position has what is compared."""
    by_ply: list[Bucket]
    by_rating: list[Bucket]
    """By rating of the side to move."""
    reliability: list[Bin]
    """Values and scores, bin by bin; those without positions are left out."""
    seen: Seen | None
    """None if the training set is not known or not there."""

    def to_dict(self) -> dict[str, Any]:
        """Everything as what JSON has."""
        seen = self.seen
        return {
            "kind": "evaluation",
            "model": self.model,
            "data": self.data,
            "options": self.options,
            "n_positions": self.n_positions,
            "seen": None
            if seen is None
            else {
                "training_set": seen.training_set,
                "n": seen.n,
                "n_looked_up": seen.n_looked_up,
                "share": seen.share,
            },
            "metrics": _as_dicts(self.scores),
            "by_ply": [_bucket_dict(bucket) for bucket in self.by_ply],
            "by_rating": [_bucket_dict(bucket) for bucket in self.by_rating],
            "reliability": [
                {
                    "low": one.low,
                    "high": one.high,
                    "value": one.value,
                    "score": one.score._asdict(),
                }
                for one in self.reliability
            ],
        }

    def __str__(self) -> str:
        """The tables of `maou evaluate`."""
        parts = [fields(self._heading()), scores_table(self.scores)]
        for title, buckets in (("ply", self.by_ply), ("rating", self.by_rating)):
            if buckets:
                parts.append(buckets_table(title, buckets))
        return "\n\n".join(parts)

    def _heading(self) -> list[tuple[str, str]]:
        model, data = self.model, self.data
        about = [f"{model['features']} features", f"{model['classes']} labels"]
        if "checkpoint" in model:
            weights = "averaged weights" if model["ema"] else "weights as trained"
            about = [model["checkpoint"], weights, *about]
        found = [data["kind"]]
        if "split" in data:
            found[0] += f", split {data['split']}"
        if data.get("games"):
            found.append(count(data["games"], "game"))
        rows = [
            ("model", f"{model['path']} ({', '.join(about)})"),
            ("data", f"{data['path']} ({', '.join(found)})"),
            ("measured", self._measured()),
        ]
        told = "not looked up: no training set is known (--training-set)"
        if self.seen is not None:
            told = f"{self.seen.share:.1%} of the positions are in"
            told += f" {self.seen.training_set}"
        rows.append(("seen", told))
        return rows

    def _measured(self) -> str:
        told = count(self.n_positions, "position")
        options = self.options
        if options["legal"]:
            told += ", policy over legal moves"
        if options["n_resamples"]:
            unit = self.data["clustered_by"]
            told += f"; intervals of 95 %, by {unit}"
        return told

    def picture(self, name: Picture) -> Svg:
        """Draw a picture, which notebooks show.

        Args:
            name: `reliability`, `by-ply` or `by-rating`.

        Raises:
            ModuleNotFoundError: matplotlib is not installed.
            ValueError: There is nothing to draw, or no such picture.
        """
        from maou.evaluation._plots import svg

        return svg(self, name)

    def save_pictures(self, folder: str | PathLike[str]) -> list[Path]:
        """Write every picture that there is something for, as PNG and SVG.

        Args:
            folder: Made when missing; pictures that are there are replaced.

        Returns:
            The files.

        Raises:
            ModuleNotFoundError: matplotlib is not installed.
        """
        from maou.evaluation._plots import save

        return save(self, folder)


def _as_dicts(scores: dict[str, Estimate | None]) -> dict[str, Any]:
    return {
        name: None if found is None else found._asdict()
        for name, found in scores.items()
    }


def _bucket_dict(bucket: Bucket) -> dict[str, Any]:
    return {
        "low": bucket.low,
        "high": bucket.high,
        "n": bucket.n,
        "metrics": _as_dicts(bucket.scores),
    }


def number(name: str, value: float) -> str:
    """Write a value of a metric."""
    return f"{value:.1%}" if name in PERCENTAGES else f"{value:.4f}"


def scores_table(scores: dict[str, Estimate | None]) -> str:
    """Lay out the metrics, one a line."""
    rows: list[tuple[str, str, str, str]] = []
    for name in METRICS:
        found = scores[name]
        if found is None:
            rows.append((TITLES[name], "-", "", "0"))
            continue
        interval = ""
        if found.low is not None and found.high is not None:
            interval = f"{number(name, found.low)} to {number(name, found.high)}"
        value = number(name, found.value)
        rows.append((TITLES[name], value, interval, f"{found.n:,}"))
    header = ["metric", "value", "interval", "positions"]
    return table(header, rows, right="value interval positions")


def buckets_table(title: str, buckets: list[Bucket]) -> str:
    """Lay out the metrics by ply or rating, with half the width of each interval."""
    header = [title, "positions"]
    header += ["top-1", "top-5", "cross-entropy", "value-acc.", "Brier", "ECE"]
    rows = [
        [
            range_text(bucket),
            f"{bucket.n:,}",
            *(_with_half_width(name, bucket.scores[name]) for name in METRICS),
        ]
        for bucket in buckets
    ]
    return table(header, rows, right=" ".join(header))


def range_text(bucket: Bucket) -> str:
    """Name the range of a bucket."""
    return f"{bucket.low}-{'' if bucket.high is None else bucket.high}"


def _with_half_width(name: str, found: Estimate | None) -> str:
    if found is None:
        return "-"
    percent = name in PERCENTAGES
    factor, digits = (100, 1) if percent else (1, 3)
    text = f"{found.value * factor:.{digits}f}{'%' * percent}"
    if found.low is None or found.high is None:
        return text
    half = (found.high - found.low) / 2 * factor
    return f"{text} ±{half:.{digits}f}"
