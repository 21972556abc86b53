"""Datasets, as Polars frames and Arrow streams."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from maou_rust import maou_io, maou_shogi

if TYPE_CHECKING:
    from collections.abc import Sequence
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
