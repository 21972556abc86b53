"""Datasets, as Polars frames and Arrow streams."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from maou_rust import maou_io, maou_shogi
from polars.io.plugins import register_io_source

from maou._sample import sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from os import PathLike

    from maou_rust.maou_io import ArrowStream, DatasetInfo, ErrorEntry


class Dataset:
    """A folder of games that `maou convert` made.

    Examples:
        >>> import maou
        >>> import polars as pl
        >>> dataset = maou.Dataset("maou-demo/data")  # made by `maou demo`
        >>> decided = dataset.games.filter(pl.col("result").is_in([1, 2]))
        >>> decided.select(pl.len()).collect().item() <= dataset.info()["games"]
        True
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        """Open a dataset.

        Args:
            path: The folder.

        Raises:
            DatasetError: It is no dataset, or a damaged one.
        """
        self._path = Path(path)
        maou_io.info(self._path)

    @property
    def path(self) -> Path:
        """The folder."""
        return self._path

    @property
    def games(self) -> pl.LazyFrame:
        """One row per game, read when collected: only the columns that are used.

        `maou info --schema` tells what the columns mean.
        """
        files = [f for f in maou_io.files(self._path) if f["table"] == "games"]
        if not files:
            return pl.DataFrame(maou_io.games(self._path)).lazy()
        # Files that hold games of HCPE3 have more columns than others.
        runs = [
            pl.scan_ipc([Path(file["path"]) for file in run], glob=False)
            for _, run in groupby(files, key=itemgetter("has_search"))
        ]
        return runs[0] if len(runs) == 1 else pl.concat(runs, how="diagonal")

    @property
    def positions_table(self) -> pl.LazyFrame:
        """One row per loose position (HCPE, PSV), read when collected.

        The positions of games are not among them. `maou info --schema` tells what the
        columns mean.

        Examples:
            >>> import maou
            >>> dataset = maou.Dataset("maou-demo/data")  # made by `maou demo`
            >>> dataset.positions_table.collect().height
            0
        """
        files = [f for f in maou_io.files(self._path) if f["table"] == "positions"]
        if not files:
            return pl.DataFrame(maou_io.positions(self._path)).lazy()
        return pl.scan_ipc([Path(file["path"]) for file in files], glob=False)

    def positions(
        self,
        columns: Sequence[str] | None = None,
        *,
        variations: bool = False,
        threads: int = 0,
    ) -> ArrowStream:
        """Stream every position: games replayed, then the loose positions.

        A row is a position before its move; games come in the order of the table.
        Memory does not grow with the dataset: games are replayed as rows are asked
        for. Iterate over the stream for one batch at a time, or hand it whole to a
        reader of the Arrow PyCapsule interface, such as `pl.DataFrame(stream)`.

        Args:
            columns: Names of the columns wanted, in this order; None for the first
                seven: `game`, `ply`, `hcp`, `key`, `move`, `eval_cp`, `result`. There
                are also `time_ms`, `turn`, `in_check`, `sfen`, and of the game
                `ending`, `black`, `white`, `event`, `source`, `black_rating`,
                `white_rating`, `date` and `eval_scale_cp`; `maou info --schema` tells
                what they mean.
            variations: Whether the positions of variations are given too, in a dataset
                that keeps them: a variation is a game from the start.
            threads: Number of threads that replay; 0 takes one per core.

        Raises:
            DatasetError: The dataset is gone or damaged.
            UsageError: A name that is no column, or twice the same.

        Examples:
            >>> import maou
            >>> import polars as pl
            >>> dataset = maou.Dataset("maou-demo/data")  # made by `maou demo`
            >>> n_checks = 0
            >>> for batch in dataset.positions(["in_check"]):
            ...     n_checks += pl.DataFrame(batch)["in_check"].sum()
            >>> n_checks > 0
            True
        """
        return maou_io.every_position(
            self._path, columns, variations=variations, threads=threads
        )

    def scan_positions(
        self, columns: Sequence[str] | None = None, *, variations: bool = False
    ) -> pl.LazyFrame:
        """Every position as a lazy frame, which replays only what is asked for.

        Polars' streaming engine keeps memory bounded: `.collect(engine="streaming")`
        or `.sink_parquet(…)`. Columns that a query does not use are not made.

        Args:
            columns: As in `positions`.
            variations: As in `positions`.

        Raises:
            DatasetError: The dataset is gone or damaged.
            UsageError: A name that is no column, or twice the same.

        Examples:
            >>> import maou
            >>> import polars as pl
            >>> dataset = maou.Dataset("maou-demo/data")  # made by `maou demo`
            >>> opening = dataset.scan_positions().filter(pl.col("ply") == 0)
            >>> opening.select(pl.len()).collect().item() == dataset.info()["games"]
            True
        """

        def batches(
            with_columns: list[str] | None,
            predicate: pl.Expr | None,
            n_rows: int | None,
            batch_size: int | None,  # noqa: ARG001 - a hint; a batch is a few games
        ) -> Iterator[pl.DataFrame]:
            wanted = columns if with_columns is None else with_columns
            left = n_rows
            for batch in self.positions(wanted, variations=variations):
                frame = pl.DataFrame(batch)
                if left is not None:
                    frame = frame.head(left)
                    left -= frame.height
                yield frame if predicate is None else frame.filter(predicate)
                if left == 0:
                    return

        empty = self.positions(columns).without_rows()
        return register_io_source(batches, schema=pl.DataFrame(empty).schema)

    def sample(self, n: int = 20, *, seed: int = 0) -> pl.DataFrame:
        """Draw random positions, in the order of the dataset.

        Every position is as likely as any other, and none comes twice; a dataset with
        fewer gives them all. The positions of variations are not among them. Little is
        read for that, however large the dataset.

        Args:
            n: How many.
            seed: The same number gives the same positions.

        Returns:
            A row for each position: `game`, `ply`, `sfen`, `move`, `eval_cp`, `result`,
            `time_ms`, `ending`, `black`, `white`, `event`, `source`, `black_rating`,
            `white_rating` and `date`, as in `positions`.

        Raises:
            DatasetError: The dataset is gone or damaged.
            ValueError: `n` is below 0.

        Examples:
            >>> import maou
            >>> dataset = maou.Dataset("maou-demo/data")  # made by `maou demo`
            >>> drawn = dataset.sample(3)
            >>> drawn.height, drawn.equals(dataset.sample(3, seed=0))
            (3, True)
        """
        if n < 0:
            raise ValueError(f"expected a number of positions from 0, found `{n}`")
        return sample(self._path, n, seed)

    def stream_positions(self, columns: Sequence[str] | None = None) -> ArrowStream:
        """Stream the loose positions as Arrow record batches of up to 65,536 rows.

        Args:
            columns: Names of the columns wanted, None for all.

        Raises:
            DatasetError: The dataset is gone or damaged.
            UsageError: A name that is no column.
        """
        return maou_io.positions(self._path, columns)

    def stream(self, columns: Sequence[str] | None = None) -> ArrowStream:
        """Stream the games as Arrow record batches of up to 1,024 rows.

        Memory does not grow with the number of games. Every reader of the Arrow
        PyCapsule interface takes the stream, once: `pyarrow.table(stream)`,
        `pl.DataFrame(stream)`, DuckDB, pandas.

        Args:
            columns: Names of the columns wanted, None for all.

        Raises:
            DatasetError: The dataset is gone or damaged.
            UsageError: A name that is no column.
        """
        return maou_io.games(self._path, columns)

    def info(self) -> DatasetInfo:
        """Totals: games, positions, errors, results, endings, sizes."""
        return maou_io.info(self._path)

    def errors(self) -> list[ErrorEntry]:
        """What could not be read from the sources, in source order."""
        return maou_io.errors(self._path)

    def __repr__(self) -> str:
        """Name the folder and its totals."""
        info = self.info()
        return (
            f"Dataset({str(self._path)!r}, games={info['games']},"
            f" positions={info['positions']})"
        )


def to_usi(series: pl.Series) -> pl.Series:
    """Write 16-bit moves as USI text.

    Args:
        series: `moves` of a dataset (lists of u16), or single moves (u16).

    Returns:
        A series of the same shape and name: lists of strings, or strings.

    Raises:
        TypeError: A series of another type.
        ValueError: A number that is no move.

    Examples:
        >>> import maou
        >>> import polars as pl
        >>> moves = pl.Series([[7739, 2581], []], dtype=pl.List(pl.UInt16))
        >>> maou.to_usi(moves).to_list()
        [['7g7f', '3c3d'], []]
    """
    if series.dtype == pl.UInt16:
        expression = _usi_of(pl.col("moves"))
    elif series.dtype == pl.List(pl.UInt16):
        expression = pl.col("moves").list.eval(_usi_of(pl.element()))
    else:
        raise TypeError(f"expected u16 or lists of u16, found {series.dtype}")
    try:
        return (
            series.to_frame("moves").select(expression).to_series().alias(series.name)
        )
    except pl.exceptions.InvalidOperationError:
        flat = series if series.dtype == pl.UInt16 else series.explode()
        culprit = flat.filter(~flat.is_in(_usi_table()[0]))
        if culprit.is_empty():
            raise
        maou_shogi.move16_to_usi(culprit[0])
        raise


def _usi_of(moves: pl.Expr) -> pl.Expr:
    return moves.replace_strict(*_usi_table(), return_dtype=pl.String)


@cache
def _usi_table() -> tuple[pl.Series, pl.Series]:
    """Every 16-bit move, and its text."""
    texts = pl.Series("usi", maou_shogi.usi_table(), dtype=pl.String)
    moves = pl.int_range(len(texts), dtype=pl.UInt16, eager=True)
    return moves.filter(texts.is_not_null()), texts.drop_nulls()
