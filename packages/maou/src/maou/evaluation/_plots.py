"""Pictures of an evaluation: reliability, and the metrics by ply and by rating."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from maou._extras import require
from maou._files import write_whole
from maou.evaluation._report import TITLES, range_text
from maou.svg import Svg

if TYPE_CHECKING:
    from os import PathLike

    from maou.evaluation._measure import Bucket
    from maou.evaluation._report import Evaluation
    from maou.evaluation._tally import Estimate

Picture: TypeAlias = Literal["reliability", "by-ply", "by-rating"]
PICTURES: tuple[Picture, ...] = get_args(Picture)
DRAWN = ("top1", "policy_cross_entropy", "value_accuracy", "brier")
"""Metrics of the pictures by ply and by rating."""
INK, BLUE, GRAY = "#1f2933", "#2563a8", "#9aa5b1"


def svg(evaluation: Evaluation, name: Picture) -> Svg:
    """Draw a picture as SVG text."""
    if name not in PICTURES:
        raise ValueError(f"name: expected one of {PICTURES}, found `{name}`")
    if not has(evaluation, name):
        raise ValueError(f"name: nothing was measured that `{name}` shows")
    return Svg(_bytes(figure(evaluation, name), "svg").decode())


def save(evaluation: Evaluation, folder: str | PathLike[str]) -> list[Path]:
    """Write all pictures; each file appears whole or not at all."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for name in PICTURES:
        if has(evaluation, name):
            drawn = figure(evaluation, name)
            for form in ("png", "svg"):
                path = target / f"{name}.{form}"
                write_whole(path, _bytes(drawn, form))
                written.append(path)
    return written


def has(evaluation: Evaluation, name: Picture) -> bool:
    """Whether there is something to draw."""
    if name == "reliability":
        return bool(evaluation.reliability)
    return bool(evaluation.by_ply if name == "by-ply" else evaluation.by_rating)


def figure(evaluation: Evaluation, name: Picture) -> Any:
    """Draw a picture: a figure of matplotlib, apart from those of `pyplot`."""
    # With no clock and no random ids the same evaluation gives the same bytes.
    require("matplotlib")
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "maou", "font.size": 9}):
        if name == "reliability":
            return _reliability(evaluation)
        by_ply = name == "by-ply"
        buckets = evaluation.by_ply if by_ply else evaluation.by_rating
        return _curves(buckets, "ply" if by_ply else "rating of the side to move")


def _bytes(drawn: Any, form: str) -> bytes:
    import matplotlib

    file = io.BytesIO()
    metadata = {"Date": None} if form == "svg" else {"Software": None}
    with matplotlib.rc_context({"svg.hashsalt": "maou"}):
        drawn.savefig(file, format=form, dpi=144, metadata=metadata)
    return file.getvalue()


def _new_figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _reliability(evaluation: Evaluation) -> Any:
    """Mean score against mean value, and below it how many positions are in a bin."""
    drawn = _new_figure(4.6, 5.4)
    above, below = drawn.subplots(
        2, 1, sharex=True, gridspec_kw={"height_ratios": [4, 1]}
    )
    bins = evaluation.reliability
    above.plot([0, 1], [0, 1], color=GRAY, linewidth=1, linestyle="--")
    _points(above, [one.value for one in bins], [one.score for one in bins])
    above.set(xlim=(0, 1), ylim=(0, 1), ylabel="mean score")
    error = evaluation.scores["calibration_error"]
    if error is not None:
        above.set_title(f"calibration error {error.value:.4f}", color=INK)
    below.bar(
        [one.low for one in bins],
        [one.score.n for one in bins],
        width=[one.high - one.low for one in bins],
        align="edge",
        color=BLUE,
        edgecolor="white",
    )
    below.set(xlabel="value, the expected score", ylabel="positions")
    return drawn


def _curves(buckets: list[Bucket], label: str) -> Any:
    """Each metric over the buckets, with its interval."""
    drawn = _new_figure(7.2, 5.0)
    axes = drawn.subplots(2, 2, sharex=True)
    places = list(range(len(buckets)))
    for axis, name in zip(axes.flat, DRAWN, strict=True):
        there = [(x, b.scores[name]) for x, b in zip(places, buckets, strict=True)]
        known = [(x, found) for x, found in there if found is not None]
        _points(axis, [x for x, _ in known], [found for _, found in known])
        axis.set_title(TITLES[name], color=INK)
        axis.grid(alpha=0.25)
        axis.set_xticks(places, [range_text(b) for b in buckets], rotation=60)
    for axis in axes[-1]:
        axis.set_xlabel(label)
    return drawn


def _points(axis: Any, places: list[Any], found: list[Estimate]) -> None:
    """A line through estimates, with their intervals where there are some."""
    axis.plot(
        places, [one.value for one in found], color=BLUE, marker="o", markersize=3
    )
    for x, one in zip(places, found, strict=True):
        if one.low is not None:
            axis.vlines(x, one.low, one.high, color=BLUE, alpha=0.5, linewidth=2)
