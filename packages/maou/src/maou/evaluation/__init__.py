"""How well a model foretells moves and results: `maou.evaluate`.

Needs the extra `cpu` or `cuda` for models, and nothing but NumPy for the figures.
"""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from maou_rust import UsageError

from maou.evaluation._measure import Bucket, Filters, Measured, Sums, measure
from maou.evaluation._models import open_model
from maou.evaluation._report import Evaluation, Seen
from maou.evaluation._rows import Range, Wanted, kind_of_folder, open_source
from maou.evaluation._tally import Bin, Estimate

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike
    from typing import Any, Literal

    from maou.evaluation._measure import Contains
    from maou.evaluation._models import Model
    from maou.evaluation._rows import Source

__all__ = ["Bin", "Bucket", "Estimate", "Evaluation", "Seen", "evaluate"]


def evaluate(
    model: str | PathLike[str],
    data: str | PathLike[str],
    *,
    split: Literal["train", "validation"] | None = None,
    checkpoint: Literal["best-policy", "best-value", "last"] | None = None,
    ema: bool | None = None,
    legal: bool = False,
    ply: tuple[int | None, int | None] | None = None,
    rating: tuple[int | None, int | None] | None = None,
    training_set: str | PathLike[str] | None = None,
    unseen: bool = False,
    limit: int | None = None,
    batch_size: int = 1024,
    device: str = "auto",
    threads: int = 0,
    n_resamples: int = 1000,
    n_bins: int = 10,
    seed: int = 0,
    progress: Callable[[int, int], object] | None = None,
) -> Evaluation:
    """Measure how well a model foretells moves and results.

    A position counts once: in a dataset before each move of a game, variations left
    out, in a training set as the one row that equal positions were merged into.
    Intervals of 95 % come from the bootstrap over games, in training sets and HCPE,
    where nothing tells games apart, over positions.

    Args:
        model: A run of `maou train`, or a file of ONNX with maou's or dlshogi's inputs.
        data: A dataset, a training set or a file of HCPE.
        split: Of a training set; None for `validation`.
        checkpoint: Of a run; None for `best-policy`, or `last` if there was no
            validation.
        ema: Whether the averaged weights of a run are taken; None where it has some.
        legal: Whether the policy is taken over legal moves only.
        ply: First and last ply, both included; None for no end.
        rating: Least and greatest rating of the side to move.
        training_set: What the model was trained on; None for what a run names.
        unseen: Whether positions of the training set are left out.
        limit: The first so many positions only.
        batch_size: Positions that the model is asked for at once.
        device: `auto`, `cpu`, `cuda`, `cuda:N`, or of a run `mps`.
        threads: The number of threads, 0 for one a core.
        n_resamples: Of the bootstrap; 0 for no intervals.
        n_bins: Bins of the calibration error, equally wide.
        seed: Of the bootstrap.
        progress: Called with the numbers of positions read and of all.

    Raises:
        DatasetError: A model or data is missing, damaged, or does not fit.
        ModuleNotFoundError: A library of the extras is missing.
        UsageError: There is no such GPU, or no position is left.

    Examples:
        >>> import maou
        >>> found = maou.evaluate("runs/a", "maou-demo/data")  # doctest: +SKIP
        >>> found.scores["top1"].value  # doctest: +SKIP
        0.31
    """
    filters = Filters(
        ply=None if ply is None else Range(*ply),
        rating=None if rating is None else Range(*rating),
        unseen=unseen,
        limit=limit,
    )
    _refuse_swapped(Path(model), Path(data))
    source = open_source(Path(data), split)
    asked = open_model(
        Path(model), checkpoint=checkpoint, ema=ema, device=device, threads=threads
    )
    trained_on = asked.training_set if training_set is None else Path(training_set)
    if unseen and trained_on is None:
        raise UsageError(
            f"{asked.path}: expected a training set whose positions are left out, found"
            " none: `--training-set TRAIN` names it"
        )
    contains = None if trained_on is None else _contains(trained_on)
    measured = measure(
        asked,
        source,
        Wanted(asked.features, asked.classes, legal, batch_size, threads),
        filters,
        Sums(n_resamples, n_bins, seed),
        contains=contains,
        progress=None
        if progress is None
        else lambda n: progress(n, source.n_positions),
    )
    _refuse_nothing(source, filters, measured)
    options = {
        "legal": legal,
        "ply": ply,
        "rating": rating,
        "unseen": unseen,
        "limit": limit,
        "n_resamples": n_resamples,
        "n_bins": n_bins,
        "seed": seed,
    }
    seen = None
    if trained_on is not None:
        seen = Seen(str(trained_on), measured.n_seen, measured.n_found)
    return Evaluation(
        model=_facts_of_model(asked),
        data=_facts_of_source(source),
        options=options,
        n_positions=measured.n_positions,
        scores=measured.scores,
        by_ply=measured.by_ply,
        by_rating=measured.by_rating,
        reliability=measured.reliability,
        seen=seen,
    )


def _refuse_swapped(model: Path, data: Path) -> None:
    """Refuse data in place of the model where the model is in place of the data."""
    is_data = kind_of_folder(model) in ("dataset", "training-set")
    is_model = kind_of_folder(data) == "run" or data.suffix.lower() == ".onnx"
    if (is_data or model.suffix.lower() == ".hcpe") and is_model:
        raise UsageError(
            f"{model}: expected the model first and the data behind it:"
            f" `maou evaluate {quote(str(data))} {quote(str(model))}`"
        )


def _contains(path: Path) -> Contains:
    """Tell which keys a training set holds."""
    from maou.training_set import TrainingSet

    return TrainingSet(path).contains


def _refuse_nothing(source: Source, filters: Filters, measured: Measured) -> None:
    """Refuse to tell figures of no position."""
    if measured.n_positions:
        return
    wished = [
        f"{name} {wish}"
        for name, wish in (("ply", filters.ply), ("rating", filters.rating))
        if wish is not None
    ]
    if not measured.n_read:
        raise UsageError(
            f"{source.path}: expected positions, found an empty {source.kind}"
        )
    if measured.n_found:
        raise UsageError(
            f"{source.path}: expected positions that the training set does not have,"
            f" found none among {measured.n_found:,}"
        )
    wish = " and ".join(wished) or "a move or a result"
    raise UsageError(
        f"{source.path}: expected positions of {wish}, found none among"
        f" {measured.n_read:,}"
    )


def _facts_of_model(model: Model) -> dict[str, Any]:
    fixed = {"features": model.features, "classes": model.classes}
    return {"path": str(model.path), **model.facts, **fixed}


def _facts_of_source(source: Source) -> dict[str, Any]:
    fixed = {"kind": source.kind, "clustered_by": source.clustered_by}
    return {
        "path": str(source.path),
        **fixed,
        "positions": source.n_positions,
        **source.facts,
    }
