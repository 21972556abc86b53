"""Search over datasets: any position, pattern or game in milliseconds."""

from __future__ import annotations

import calendar
import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast, overload

import numpy as np
import polars as pl
from maou_rust import UsageError, maou_index

from maou.game import Game
from maou.positions import PositionArray
from maou.vocabulary import Ending, GameResult

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike
    from typing import Unpack

    import numpy.typing as npt
    from maou_rust.maou_index import Filters as RawFilters
    from maou_rust.maou_shogi import Board

    Date = datetime.date | str
    Position = Board | str | bytes | PositionArray

_EPOCH = datetime.date(1970, 1, 1)


class Filters(TypedDict, total=False):
    """What games and positions have to be: all that is given has to hold.

    Ranges have both of their ends in them; None leaves an end open, and one value
    stands for a range of that value alone.
    """

    either_color: bool
    """Whether the twin with colors swapped counts as the position, and fits `pattern`
    as it does."""
    pattern: str
    """What the position looks like, for instance `R2h hand:P`."""
    mirror: bool
    """Whether the mirror image, left and right swapped, fits `pattern` as well."""
    id: int | str
    """Id of the game: a number, or 16 hex digits."""
    id_prefix: str
    """First hex digits of the id."""
    player: str
    """Name of either player; `*` stands for any text."""
    rating: float | tuple[float | None, float | None]
    """Rating of either player, or of the one that `player` names."""
    date: Date | tuple[Date | None, Date | None]
    """Day of the game; `2024` and `2024-05` are whole years and months."""
    eval_cp: int | tuple[int | None, int | None]
    """Centipawns for the side to move."""
    ply: int | tuple[int | None, int | None]
    """Moves played before, 0 at the start of the record."""
    result: int | Iterable[int]
    """Results: `GameResult`s or their numbers."""
    ending: str
    """How the game ended: an `Ending` or its word."""
    event: str
    """Name of the event; `*` stands for any text."""
    final: bool
    """Whether the last position of each game counts too, of which nothing is known but
    the game."""
    variations: bool
    """Whether variations count too, in a dataset that keeps them."""
    unit: Literal["games", "positions"] | None
    """What is counted and listed: games if only they are filtered, else positions."""
    threads: int
    """Number of threads that look at patterns, at ranges, at positions of very many
    games and at arrays of positions, 0 for one a core."""


class Index:
    """The index of a dataset, which `maou index` made.

    It is mapped into memory, and read where it is needed; of the dataset itself only
    what `details` asks for, `game`, and patterns in loose positions.

    A position is found by its key, of which 63 bits are the position: at 50 million
    positions the chance that any two of them share one is below 10⁻⁴.

    Examples:
        >>> import maou
        >>> from maou_rust import maou_index
        >>> report = maou_index.build("maou-demo/data")  # as `maou index` does
        >>> index = maou.Index("maou-demo/data")
        >>> index.count(maou.Board()) == maou.Dataset("maou-demo/data").info()["games"]
        True
        >>> index.find(eval_cp=(-100, 100), ply=(20, 40), limit=3).height
        3
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        index_dir: str | PathLike[str] | None = None,
    ) -> None:
        """Open the index of a dataset.

        Args:
            path: The dataset.
            index_dir: Where the index stands, if not in the folder `index` of the
                dataset.

        Raises:
            DatasetError: There is none, or it is damaged, of another version or older
                than the dataset; the message names the command that mends it.
            UsageError: There is no dataset.
        """
        self._path = Path(path)
        self._index = maou_index.Index(path, index_dir=index_dir)

    @property
    def path(self) -> Path:
        """The dataset."""
        return self._path

    def find(
        self,
        position: Position | None = None,
        *,
        sort: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
        details: bool = False,
        **filters: Unpack[Filters],
    ) -> pl.DataFrame:
        """List positions or games.

        Args:
            position: A board, an SFEN, 32 bytes of HCP (positions without both kings
                have none), or a `PositionArray`, each row of which is asked for.
            sort: `eval_cp` or `ply` (of positions), `date`, `rating` (the higher of
                both), `id` or `n_plies`. Equal ones, and all without it, come in the
                order of the dataset: games in that of the table, by ply, then the
                loose positions. What has no value comes last.
            descending: Whether the largest come first.
            limit: Rows at most.
            offset: Rows that are left out first.
            details: Whether to add what the dataset knows, for which the batches of
                its files are read that hold the rows.
            **filters: See `Filters`.

        Returns:
            With a `PositionArray` first `query` (u32), the row in it; rows come by
            query, then. Then `game` (u64: its id; null for a loose position), `shard`
            (u32: the number of the file of games or positions) and `row` (u32: the row
            in that file). Of positions `ply` (u32, null if unknown), `move` (u16, null
            after the last move), `eval_cp` (i16, for the side to move, null if there is
            none) and `result` (u8); of games `n_plies` (u32) and `result` (u8). With
            `details` also `sfen` (of games `start`), `black`, `white`, `black_rating`,
            `white_rating`, `date`, `event`, `ending` and `source`.

        Raises:
            RecordError: The SFEN or the pattern cannot be read; `column` is where.
            DatasetError: The index is damaged.
            UsageError: A filter that is none.
        """
        raw = _filters(filters)
        if sort is not None:
            raw["sort"] = sort
        if descending:
            raw["descending"] = True
        if limit is not None:
            raw["limit"] = _number("limit", limit)
        if offset:
            raw["offset"] = _number("offset", offset)
        found = self._index.find(_position(position), details=details, **raw)
        return pl.DataFrame(found)

    @overload
    def count(
        self, position: PositionArray, **filters: Unpack[Filters]
    ) -> npt.NDArray[np.uint64]: ...
    @overload
    def count(
        self,
        position: Board | str | bytes | None = None,
        **filters: Unpack[Filters],
    ) -> int: ...
    def count(
        self, position: Position | None = None, **filters: Unpack[Filters]
    ) -> int | npt.NDArray[np.uint64]:
        """Count positions or games: exactly those that `find` lists without a limit.

        Args:
            position: As of `find`.
            **filters: See `Filters`.

        Returns:
            A number; with a `PositionArray` one for each of its rows, uint64[N].
        """
        raw = _filters(filters)
        if isinstance(position, PositionArray):
            out = np.empty(len(position), np.uint64)
            self._index.count_each(position.keys(), out, **raw)
            return out
        return self._index.count(_position(position), **raw)

    def moves(
        self, position: Board | str | bytes, **filters: Unpack[Filters]
    ) -> pl.DataFrame:
        """What was played from a position, the most frequent move first.

        Args:
            position: A board, an SFEN, or 32 bytes of HCP.
            **filters: See `Filters`. With `either_color`, moves of the twin are turned.

        Returns:
            `move` (u16), `n` (u64: how often), `games` (u64: in how many games; loose
            positions are of none), `score` (f64: the mean result for the side to move,
            0 to 1, of those that have one), `eval_cp` (f64: the mean of those that have
            one), `rating` (f64: the mean of who moved), and `last_year` (i32). Means
            are over `n`.
        """
        return pl.DataFrame(self._index.moves(_one(position), **_filters(filters)))

    def also_in(
        self,
        other: Index | str | PathLike[str],
        unit: Literal["positions", "games"] = "positions",
        *,
        variations: bool = False,
        limit: int | None = None,
        offset: int = 0,
        details: bool = False,
    ) -> pl.DataFrame:
        """List the positions or games that another dataset has as well: leaks.

        A position is equal to its twin with colors swapped, as in a training set; games
        are equal by id. Last positions of games, from which nothing was played, are not
        looked at.

        Args:
            other: An index, the path of a dataset that has one beside it, or (for
                positions) the path of a training set.
            unit: What is compared.
            variations: Whether variations count, on both sides.
            limit: Rows at most.
            offset: Rows that are left out first.
            details: As of `find`.

        Returns:
            The columns of `find`, in the order of the dataset, and `n` (u64): how often
            the other one has the position or game; of a training set, how many rows.

        Raises:
            DatasetError: An index is missing or damaged.
            UsageError: Games of a training set, which has none.
        """
        raw = _filters({"variations": variations, "unit": unit})
        if limit is not None:
            raw["limit"] = _number("limit", limit)
        if offset:
            raw["offset"] = _number("offset", offset)
        found = self._index.also_in(_other(other), details=details, **raw)
        return pl.DataFrame(found)

    def count_also_in(
        self,
        other: Index | str | PathLike[str],
        unit: Literal["positions", "games"] = "positions",
        *,
        variations: bool = False,
    ) -> int:
        """Count what `also_in` lists without a limit.

        Args:
            other: As of `also_in`.
            unit: As of `also_in`.
            variations: As of `also_in`.
        """
        raw = _filters({"variations": variations, "unit": unit})
        return self._index.count_also_in(_other(other), **raw)

    def game(self, id: int | str) -> Game:  # noqa: A002 - the word that users know
        """Read a game from the dataset.

        Args:
            id: A number, or 16 hex digits.

        Raises:
            KeyError: There is no game with this id.
        """
        number = _ids(id)[0]
        found = self._index.game(number)
        if found is None:
            raise KeyError(f"{number:016x}")
        return as_game(pl.DataFrame(found).row(0, named=True))

    def check(self) -> None:
        """Look at every byte of the index.

        Queries look at what they use and no more.

        Raises:
            DatasetError: One is not as it was written.
        """
        self._index.check()

    def __repr__(self) -> str:
        """Name the folder."""
        return f"Index({str(self._path)!r})"


def as_game(row: dict[str, Any]) -> Game:
    """The game of a row of the games table."""
    return Game(
        start=row["start"],
        moves=tuple(row["moves"]),
        evals_cp=tuple(row["evals_cp"]),
        times_ms=tuple(row["times_ms"]),
        result=GameResult(row["result"]),
        ending=Ending(row["ending"]),
        tail=row["tail"],
        black=row["black"],
        white=row["white"],
        event=row["event"],
        black_rating=row["black_rating"],
        white_rating=row["white_rating"],
        date=row["date"],
        eval_scale_cp=row["eval_scale_cp"],
    )


def _position(position: Position | None) -> object:
    return position.keys() if isinstance(position, PositionArray) else position


def _other(other: Index | str | PathLike[str]) -> maou_index.Index | PathLike[str]:
    if isinstance(other, Index):
        return other._index
    path = Path(other)
    return path if maou_index.is_training_set(path) else Index(path)._index


def _one(position: Board | str | bytes | PositionArray) -> Board | str | bytes:
    if isinstance(position, PositionArray):
        raise TypeError("position: expected one, found a PositionArray")
    return position


def _filters(filters: Filters) -> RawFilters:
    """Filters as the extension takes them."""
    raw: dict[str, Any] = {}
    given = cast("dict[str, Any]", filters)
    for name, value in given.items():
        if value is None:
            continue
        if name in ("rating", "eval_cp", "ply"):
            raw[name] = _span(name, value)
        elif name == "date":
            low, high = _pair(name, value)
            raw[name] = (_day(low, first=True), _day(high, first=False))
        elif name in ("id", "id_prefix"):
            if "ids" in raw:
                raise UsageError("expected `id` or `id_prefix`, found both")
            raw["ids"] = _ids(value) if name == "id" else _ids_of_prefix(value)
        elif name == "result":
            raw["results"] = _results(value)
        elif name == "ending":
            raw[name] = _ending(value)
        elif name in _PLAIN:
            raw[name] = value
        else:
            raise TypeError(f"unexpected argument `{name}`")
    return cast("RawFilters", raw)


_PLAIN = frozenset(
    [
        *("either_color", "pattern", "mirror", "player", "event", "final"),
        *("variations", "unit", "threads"),
    ]
)


def _pair(name: str, value: object) -> tuple[Any, Any]:
    if not isinstance(value, tuple | list):
        return value, value
    if len(value) != 2:
        raise UsageError(f"{name}: expected two ends, found {len(value)}")
    return value[0], value[1]


def _number(name: str, value: int) -> int:
    if value < 0:
        raise UsageError(f"{name}: expected a number from 0, found `{value}`")
    return value


def _span(name: str, value: object) -> tuple[Any, Any]:
    low, high = _pair(name, value)
    for end in (low, high):
        if isinstance(end, str):
            raise UsageError(f"{name}: expected numbers as ends, found `{end}`")
    # Wider than any value, but within the numbers that the extension takes.
    if name == "eval_cp":
        return _clip(low, -(1 << 31)), _clip(high, -(1 << 31))
    if name == "ply":
        if high is not None and high < 0:
            return 1, 0
        return _clip(low, 0), _clip(high, 0)
    return low, high


def _clip(value: int | None, least: int) -> int | None:
    return None if value is None else min(max(value, least), (1 << 31) - 1)


def _day(value: Date | None, *, first: bool) -> int | None:
    """Days since 1970 of a day, or of the first or last one of a month or year."""
    if value is None or value == "":
        return None
    if isinstance(value, datetime.date):
        return (value - _EPOCH).days
    parts = value.split("-")
    try:
        if not 1 <= len(parts) <= 3:
            raise ValueError
        numbers = [int(part) for part in parts]
        year = numbers[0]
        month = numbers[1] if len(numbers) > 1 else (1 if first else 12)
        last = calendar.monthrange(year, month)[1]
        day = numbers[2] if len(numbers) > 2 else (1 if first else last)
        return (datetime.date(year, month, day) - _EPOCH).days
    except (ValueError, calendar.IllegalMonthError):
        message = "date: expected such as `2024`, `2024-05` or `2024-05-31`, found"
        raise UsageError(f"{message} `{value}`") from None


def _ids(value: int | str) -> tuple[int, int]:
    if isinstance(value, str):
        if len(value) != 16 or not _is_hex(value):
            raise UsageError(f"id: expected 16 hex digits, found `{value}`")
        value = int(value, 16)
    if not 0 <= value < 1 << 64:
        raise UsageError(f"id: expected a number of 64 bits, found `{value}`")
    return value, value


def _ids_of_prefix(value: str) -> tuple[int, int]:
    if not 1 <= len(value) <= 16 or not _is_hex(value):
        raise UsageError(f"id_prefix: expected 1 to 16 hex digits, found `{value}`")
    shift = 4 * (16 - len(value))
    low = int(value, 16) << shift
    return low, low | ((1 << shift) - 1)


def _is_hex(text: str) -> bool:
    return all(digit in "0123456789abcdefABCDEF" for digit in text)


def _results(value: int | Iterable[int]) -> int:
    bits = 0
    for result in [value] if isinstance(value, int | str) else value:
        try:
            bits |= 1 << GameResult(result)
        except ValueError:
            message = "result: expected 0 draw, 1 Black wins, 2 White wins, 3 unknown"
            raise UsageError(f"{message}, found `{result}`") from None
    return bits


def _ending(value: str) -> str:
    try:
        return Ending(value).value
    except ValueError:
        message = f"ending: expected {', '.join(Ending)}, found `{value}`"
        raise UsageError(message) from None
