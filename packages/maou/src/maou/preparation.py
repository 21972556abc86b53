"""From datasets to a training set."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING

from maou_rust import UsageError, maou_io

from maou.vocabulary import Ending, GameResult

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl
    from maou_rust.maou_io import PrepareProgress, PrepareReport

    PathText = str | PathLike[str]

MEMORY_BYTES = 2_000_000_000
"""What `prepare` may use of memory where nothing is said."""
SHARES = 10_000
"""Games are divided into this many equal parts by their ids."""


def prepare(
    data: PathText | Sequence[PathText],
    out: PathText,
    *,
    weights: Mapping[str, float] | Sequence[float] | None = None,
    validation: float = 0.0,
    validation_sources: Sequence[str] = (),
    filter: str | pl.Expr | None = None,  # noqa: A002 - as the command's option
    rating: tuple[float | None, float | None] = (None, None),
    ply: tuple[int | None, int | None] = (None, None),
    eval_cp: tuple[int | None, int | None] = (None, None),
    results: Sequence[GameResult | int] = (),
    endings: Sequence[Ending | str] = (),
    max_games: int | None = None,
    exclude: PathText | Sequence[PathText] = (),
    policy: str = "moves",
    compression: str = "zstd",
    memory: int = MEMORY_BYTES,
    threads: int = 0,
    force: bool = False,
    progress: Callable[[PrepareProgress], object] | None = None,
) -> PrepareReport:
    """Merge the equal positions of datasets into a training set.

    A row of it is a position as the side to move sees it, with how often it occurred,
    the moves played, and the mean result and eval of each. Its bytes depend neither on
    the number of threads nor on the memory. Ranges are inclusive at both ends, and None
    is an open end.

    Args:
        data: A dataset, or several.
        out: The folder of the training set, which appears when it is whole.
        weights: What the occurrences of a dataset weigh, in the order of `data`, or by
            path; those that are not named weigh 1.
        validation: Share of the games that is held back, 0 to 1, by their ids: adding
            data moves no game to the other side.
        validation_sources: Source files whose loose positions are held back, as in the
            column `source`; all others go to train.
        filter: Which games stay: an expression of Polars on the games table, or one in
            SQL, such as `"black_rating > 2800 and result < 2"`.
        rating: Rating that both sides of a game must have.
        ply: Moves played before a position, 0 at the start.
        eval_cp: Eval of a position for the side to move, in centipawns.
        results: Results of games that stay; all if empty.
        endings: Endings of games that stay; all if empty.
        max_games: Games at most: the first ones of those that stay.
        exclude: Datasets or training sets whose games and positions are kept out, such
            as a test set.
        policy: `moves`, the moves that were played, or `visits`, the candidates of the
            search by their visits where a game has them (HCPE3).
        compression: `zstd`, `lz4` or `none`.
        memory: Bytes of memory that may be used, about.
        threads: Number of threads; 0 takes one per core.
        force: Replace the training set that stands at `out`.
        progress: Called about ten times a second.

    Returns:
        What was written and what was left out; `warnings` are sentences.

    Raises:
        UsageError: Data, output or options that cannot be used; no position is left.
        DatasetError: A dataset is damaged.
        OSError: A file cannot be written; what stood at `out` stays as it was.

    Examples:
        >>> import maou
        >>> report = maou.prepare("maou-demo/data", "train-demo", validation=0.1)
        >>> report["train"]["n_rows"] <= report["train"]["n_occurrences"]
        True
    """
    paths = _paths(data)
    return maou_io.prepare(
        [
            (path, weight, None if filter is None else _mask(path, filter))
            for path, weight in zip(paths, _weights(paths, weights), strict=True)
        ],
        out,
        memory=memory,
        compression=compression,
        policy=policy,
        validation_per_10000=_per_10000(validation),
        validation_sources=list(validation_sources),
        filter=None if filter is None else str(filter),
        rating=rating,
        ply=ply,
        eval_cp=eval_cp,
        results=[int(GameResult(result)) for result in results],
        endings=[str(Ending(ending)) for ending in endings],
        max_games=max_games,
        exclude=_paths(exclude),
        threads=threads,
        force=force,
        progress=progress,
    )


def _paths(paths: PathText | Sequence[PathText]) -> list[str]:
    if isinstance(paths, str | PathLike):
        return [os.fspath(paths)]
    return [os.fspath(path) for path in paths]


def _weights(
    paths: Sequence[str], weights: Mapping[str, float] | Sequence[float] | None
) -> list[float]:
    """The weight of each dataset."""
    if weights is None:
        return [1.0] * len(paths)
    if not isinstance(weights, Mapping):
        if len(weights) != len(paths):
            raise UsageError(
                f"weights: expected one for each of {len(paths)} datasets,"
                f" found {len(weights)}"
            )
        return [float(weight) for weight in weights]
    named = {os.path.normpath(path): weight for path, weight in weights.items()}
    found = [named.pop(os.path.normpath(path), 1.0) for path in paths]
    if named:
        raise UsageError(
            f"weights: expected the datasets {', '.join(paths)}, found `{min(named)}`"
        )
    return [float(weight) for weight in found]


def _per_10000(share: float) -> int:
    per_10000 = round(share * SHARES)
    if not 0 <= share <= 1 or (share > 0 and per_10000 == 0):
        raise UsageError(
            "validation: expected 0, or a share from 0.0001 to 1 (0.01% to 100%),"
            f" found `{share}`"
        )
    return per_10000


def _mask(path: str, condition: str | pl.Expr) -> pl.Series:
    """Whether each game of a dataset stays."""
    import polars as pl

    from maou.dataset import Dataset

    games = Dataset(path).games
    try:
        expression = pl.sql_expr(condition) if isinstance(condition, str) else condition
        # Beside a column, a single value stands for every game.
        stays = games.select("id", expression.alias("_stays")).collect()["_stays"]
    except pl.exceptions.PolarsError as error:
        text = str(error).strip().partition("\n")[0]
        raise UsageError(
            f"filter: expected an expression on the games table of {path}"
            f" (`maou info --schema`), found `{condition}`: {text}"
        ) from error
    if stays.dtype not in (pl.Boolean, pl.Null):
        raise UsageError(
            f"filter: expected a condition that is true or false for each game,"
            f" found `{condition}`, which is {stays.dtype}"
        )
    return stays
