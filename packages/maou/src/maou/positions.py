"""Arrays of positions, and what networks take of them."""

from __future__ import annotations

import operator
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    NamedTuple,
    Self,
    TypeVar,
    cast,
    overload,
)

import numpy as np
import numpy.typing as npt
from maou_rust.maou_shogi import Positions

from maou.policy import SCHEMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import SupportsIndex

    from maou_rust.maou_shogi import Board

    from maou.game import Game
    from maou.policy import Scheme

    Bools = npt.NDArray[np.bool_]
    Bytes = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float32]
    Index = slice | Sequence[int] | npt.NDArray[np.integer[Any]] | Bools


_T = TypeVar("_T", bound=np.generic)


class CompactFeatures(NamedTuple):
    """Pieces and hands as the side to move sees them: 95 bytes a position."""

    piece_ids: Bytes
    """uint8[N, 81]: as of `PositionArray.piece_ids`."""
    hands: Bytes
    """uint8[N, 14]: as of `PositionArray.hands`."""


class DlshogiFeatures(NamedTuple):
    """The inputs of dlshogi's models, equal to dlshogi's to the bit."""

    features1: Floats
    """float32[N, 62, 9, 9]: pieces, attacks and numbers of attackers, 31 planes of the
    side to move and 31 of the other; then file and rank as it sees them."""
    features2: Floats
    """float32[N, 57, 9, 9]: 28 planes a hand, and one that is full in check."""


class PositionArray:
    """Positions one after the other in memory, 32 bytes each (HCP).

    Every row is a legal position with two kings: what makes an array checks it, and
    an error names the row, counted from 0. An array never changes; slices share its
    memory. Results are NumPy arrays with one row a position, written without the GIL
    by as many threads as the machine has cores. `out` takes results into arrays that
    are used again, C-contiguous and of the type that is told; nothing else may change
    or read them meanwhile. `threads` limits the threads.

    Squares, pieces and labels are those that the side to move sees: with White to
    move, the board is turned by 180° and colors are swapped. Move numbers and history
    are not part of HCP.

    Examples:
        >>> import maou
        >>> positions = maou.PositionArray.from_sfens([
        ...     "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1",
        ...     "lnsgkgsnl/1r5b1/ppppppppp/9/9/2P6/PP1PPPPPP/1B5R1/LNSGKGSNL w - 2",
        ... ])
        >>> positions
        PositionArray(2 positions)
        >>> positions.legal_masks(2187).sum(axis=1).tolist()
        [30, 30]
        >>> moves = [maou.Move.from_usi("7g7f"), maou.Move.from_usi("3c3d")]
        >>> positions.labels(moves, 2187).tolist()
        [59, 59]
        >>> positions.features("compact").piece_ids.shape
        (2, 81)
        >>> str(positions[1]).splitlines()[0]
        '後手の持駒：なし'
        >>> positions[1:].flip().sfens()
        ['lnsgkgsnl/1r5b1/pppppp1pp/6p2/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1']
    """

    __slots__ = ("_rows",)
    _rows: Positions

    def __init__(self, positions: PositionArray | None = None) -> None:
        """Make an empty array, or another name for one.

        The class methods `from_…` make arrays of other things.
        """
        self._rows = Positions.concat([]) if positions is None else _rows_of(positions)

    @classmethod
    def _of(cls, rows: Positions) -> Self:
        array = cls()
        array._rows = rows
        return array

    @classmethod
    def from_sfens(cls, sfens: Iterable[str], *, threads: int = 0) -> Self:
        """Read positions written as SFEN; their move numbers are lost.

        Args:
            sfens: The texts: a list, a Polars series.
            threads: The number of threads, 0 for one a core.

        Raises:
            RecordError: A text is no position with two kings.

        Examples:
            >>> PositionArray.from_sfens(["4k4/9/9/9/9/9/9/9/9 b - 1"])
            Traceback (most recent call last):
            maou_rust.RecordError: row 0: expected two kings, found none of Black
        """
        if isinstance(sfens, str):
            raise TypeError(f"sfens: expected texts in a list, found one: `{sfens}`")
        return cls._of(Positions.from_sfens(list(sfens), _threads(threads)))

    @classmethod
    def from_boards(cls, boards: Iterable[Board]) -> Self:
        """Take the positions of boards; the moves before them are lost.

        Raises:
            RecordError: A board lacks a king.

        Examples:
            >>> import maou
            >>> PositionArray.from_boards([maou.Board()])[0] == maou.Board()
            True
        """
        return cls._of(Positions.from_boards(list(boards)))

    @classmethod
    def from_hcp(cls, data: object, *, threads: int = 0) -> Self:
        """Take positions in HCP, the 32 bytes of dlshogi, cshogi and Apery.

        An Arrow column (FixedSizeBinary or FixedSizeList of 32 bytes, or Binary) is
        taken without a copy where it is one piece of memory; it must not be changed,
        as Arrow demands. Bytes and NumPy arrays are copied. Hands in another order than
        cshogi's are written anew in that order.

        Args:
            data: Bytes, a NumPy array uint8[N, 32] or one of records with a field
                `hcp`, or whatever hands over an Arrow column: a Polars series, an array
                of pyarrow, `position` of a dataset's loose positions.
            threads: The number of threads, 0 for one a core.

        Raises:
            RecordError: A row is no position.
            TypeError: The data is nothing of this.
            ValueError: The data has not 32 bytes a row, or a row is missing.

        Examples:
            >>> start = PositionArray.from_sfens([
            ...     "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1"])
            >>> PositionArray.from_hcp(start.hcp()) == start
            True
            >>> PositionArray.from_hcp(bytes(start.hcp()) + bytes(32))
            Traceback (most recent call last):
            maou_rust.RecordError: row 1: expected a square of its own for White's king,
            found `0`
        """
        if _is_arrow(data):
            return cls._of(Positions.from_arrow(data, False, _threads(threads)))
        return cls._of(
            Positions.from_hcp(_bytes_of(data, "hcp", 32), _threads(threads))
        )

    @classmethod
    def from_packed_sfens(cls, data: object, *, threads: int = 0) -> Self:
        """Read positions in PackedSfen, the 32 bytes of YaneuraOu.

        Args:
            data: As of `from_hcp`; the field of records is `sfen`.
            threads: The number of threads, 0 for one a core.

        Raises:
            RecordError: A row is no position.
            TypeError: The data is nothing of this.
            ValueError: The data has not 32 bytes a row, or a row is missing.

        Examples:
            >>> start = PositionArray.from_sfens([
            ...     "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1"])
            >>> PositionArray.from_packed_sfens(start.packed_sfens()) == start
            True
        """
        if _is_arrow(data):
            return cls._of(Positions.from_arrow(data, True, _threads(threads)))
        packed = _bytes_of(data, "sfen", 32)
        return cls._of(Positions.from_packed_sfens(packed, _threads(threads)))

    @classmethod
    def from_psvs(cls, data: object, *, threads: int = 0) -> Self:
        """Read the positions of PSV, the 40-byte records that YaneuraOu learns from.

        Args:
            data: Bytes, or a NumPy array uint8[N, 40] or of records with a field
                `sfen`. `psv_moves` reads their field `move`.
            threads: The number of threads, 0 for one a core.

        Raises:
            RecordError: A record has no position.
            TypeError: The data is nothing of this.
            ValueError: The data has not 40 bytes a record.

        Examples:
            >>> start = PositionArray.from_sfens([
            ...     "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1"])
            >>> record = bytes(start.packed_sfens()) + bytes(8)
            >>> PositionArray.from_psvs(record) == start
            True
        """
        rows = _bytes_of(data, "sfen", 40)
        packed = np.ascontiguousarray(rows[:, :32])
        return cls._of(Positions.from_packed_sfens(packed, _threads(threads)))

    @classmethod
    def from_games(
        cls, games: Iterable[Game] | object, *, threads: int = 0
    ) -> Replayed:
        r"""Replay games: the position before each of their moves.

        Args:
            games: Games, or a table with a column `moves` and, unless all games begin
                as usual, `start`: a Polars frame, `Dataset.games`, a table of pyarrow.
            threads: The number of threads, 0 for one a core.

        Raises:
            RecordError: A start is no position with two kings, or a move is illegal.
            ValueError: A table without these columns.

        Examples:
            >>> import maou
            >>> record = b"V2.2\nPI\n+\n+7776FU\n-3334FU\n%TORYO\n"
            >>> replayed = maou.PositionArray.from_games(maou.read_games(record))
            >>> replayed.plies.tolist()
            [0, 1]
            >>> replayed.positions.labels(replayed.moves, 1496).tolist()
            [53, 53]
        """
        source: Any = games
        if hasattr(source, "collect_schema") and hasattr(source, "collect"):
            # A lazy frame: no other columns are read.
            names = source.collect_schema()
            source = source.select([c for c in ("start", "moves") if c in names])
            source = source.collect()
        if _is_arrow(source):
            found = Positions.replay_arrow(source, _threads(threads))
        else:
            listed = [_start_and_moves(game) for game in source]
            found = Positions.replay(listed, _threads(threads))
        rows, game_idx, plies, moves = found
        return Replayed(
            cls._of(rows),
            np.frombuffer(game_idx, np.uint32),
            np.frombuffer(plies, np.uint32),
            np.frombuffer(moves, np.uint16),
        )

    @classmethod
    def concat(cls, arrays: Iterable[PositionArray]) -> Self:
        """Join arrays, one after the other.

        Examples:
            >>> start = PositionArray.from_sfens([
            ...     "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1"])
            >>> PositionArray.concat([start, start])
            PositionArray(2 positions)
        """
        return cls._of(Positions.concat([_rows_of(array) for array in arrays]))

    def __len__(self) -> int:
        """The number of positions."""
        return len(self._rows)

    def __iter__(self) -> Iterator[Board]:
        """Boards of the positions, made one by one."""
        return (self._rows.board(row) for row in range(len(self)))

    @overload
    def __getitem__(self, index: int | np.integer[Any]) -> Board: ...
    @overload
    def __getitem__(self, index: Index) -> Self: ...
    def __getitem__(self, index: int | np.integer[Any] | Index) -> Board | Self:
        """Take one position as a board, or some: a slice, row numbers, a mask.

        A slice without steps shares the memory of the array.
        """
        n = len(self)
        if isinstance(index, slice):
            start, stop, step = index.indices(n)
            if step == 1:
                return self._of(self._rows.slice(start, max(start, stop)))
            return self._take(np.arange(start, stop, step))
        array = np.asarray(index)
        if array.ndim == 0:
            (row,) = _numbers_of([operator.index(cast("int", index))], n)
            return self._rows.board(int(row))
        return self._take(_numbers_of(array, n))

    def _take(self, numbers: npt.NDArray[np.int64]) -> Self:
        return self._of(self._rows.take(numbers.astype(np.uint64)))

    def __eq__(self, other: object) -> bool:
        """Whether another array holds the same positions in the same order."""
        if not isinstance(other, PositionArray):
            return NotImplemented
        return self._rows.equals(other._rows)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Tell how many positions there are."""
        n = len(self)
        return f"PositionArray({n:,} position{'s' * (n != 1)})"

    def __reduce__(self) -> tuple[object, tuple[bytes]]:
        """Pickle as the bytes of HCP."""
        return type(self).from_hcp, (self.hcp().tobytes(),)

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        """HCP for NumPy: what `hcp()` gives, and not an array of boards."""
        array = self.hcp()
        if dtype is not None and np.dtype(dtype) != array.dtype:
            if copy is False:
                raise ValueError(f"expected uint8, found {np.dtype(dtype)}")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __arrow_c_array__(
        self, requested_schema: object | None = None
    ) -> tuple[object, object]:
        """Hand the rows over as an Arrow array, without a copy.

        Fixed-size lists of 32 bytes, as in a dataset's table of loose positions, or
        fixed-size binaries if they are asked for.
        """
        return self._rows.__arrow_c_array__(requested_schema)

    def hcp(self, *, out: Bytes | None = None) -> Bytes:
        """The positions in HCP: uint8[N, 32].

        Args:
            out: Where to write. Without it, the array is a view of the memory of the
                positions, and read-only.
        """
        view = np.frombuffer(cast("bytes", self._rows), np.uint8).reshape(-1, 32)
        if out is None:
            return view
        _check_out(out, view.shape, np.uint8)
        out[...] = view
        return out

    def packed_sfens(self, *, out: Bytes | None = None, threads: int = 0) -> Bytes:
        """The positions in PackedSfen, YaneuraOu's 32 bytes: uint8[N, 32]."""
        out = _out(out, (len(self), 32), np.uint8)
        self._rows.packed_sfens(out, _threads(threads))
        return out

    def sfens(self, *, threads: int = 0) -> list[str]:
        """The positions as SFEN, all with move number 1."""
        return self._rows.sfens(_threads(threads))

    def keys(
        self, *, out: npt.NDArray[np.uint64] | None = None, threads: int = 0
    ) -> npt.NDArray[np.uint64]:
        """64-bit keys, uint64[N]: the lowest bit is the side to move.

        The rest is equal for a position and its twin with colors swapped. Keys do not
        depend on the machine.
        """
        out = _out(out, (len(self),), np.uint64)
        self._rows.keys(out, _threads(threads))
        return out

    def turns(self, *, out: Bytes | None = None, threads: int = 0) -> Bytes:
        """Sides to move, uint8[N]: 0 Black, 1 White."""
        out = _out(out, (len(self),), np.uint8)
        self._rows.turns(out, _threads(threads))
        return out

    def in_check(self, *, out: Bools | None = None, threads: int = 0) -> Bools:
        """Whether the side to move is in check: bool[N]."""
        out = _out(out, (len(self),), np.bool_)
        self._rows.in_check(out.view(np.uint8), _threads(threads))
        return out

    def piece_ids(self, *, out: Bytes | None = None, threads: int = 0) -> Bytes:
        """The pieces on the squares: uint8[N, 81].

        0 is empty, 1 to 14 are P L N S G B R K +P +L +N +S horse dragon of the side to
        move, 15 to 28 those of the other. Square 9 · file + rank, both from 0, as the
        side to move sees the board.
        """
        out = _out(out, (len(self), 81), np.uint8)
        self._rows.piece_ids(out, _threads(threads))
        return out

    def hands(self, *, out: Bytes | None = None, threads: int = 0) -> Bytes:
        """The pieces in hand: uint8[N, 14].

        P L N S G B R of the side to move, then those of the other.
        """
        out = _out(out, (len(self), 14), np.uint8)
        self._rows.hands(out, _threads(threads))
        return out

    @overload
    def features(
        self,
        kind: Literal["compact"],
        *,
        out: tuple[Bytes, Bytes] | None = None,
        threads: int = 0,
    ) -> CompactFeatures: ...
    @overload
    def features(
        self,
        kind: Literal["dlshogi"],
        *,
        out: tuple[Floats, Floats] | None = None,
        threads: int = 0,
    ) -> DlshogiFeatures: ...
    def features(
        self,
        kind: Literal["compact", "dlshogi"],
        *,
        out: tuple[Bytes, Bytes] | tuple[Floats, Floats] | None = None,
        threads: int = 0,
    ) -> CompactFeatures | DlshogiFeatures:
        """What a network sees of the positions.

        Args:
            kind: `compact` (81 piece ids and 14 hand counts) or `dlshogi` (62 and 57
                planes).
            out: The two arrays to write to, for instance an earlier result.
            threads: The number of threads, 0 for one a core.

        Raises:
            ValueError: Another kind, or arrays of another shape or type.

        Examples:
            >>> start = PositionArray.from_sfens([
            ...     "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1"])
            >>> planes = start.features("dlshogi")
            >>> planes.features1.shape, planes.features2.shape
            ((1, 62, 9, 9), (1, 57, 9, 9))
            >>> start.features("dlshogi", out=planes).features1 is planes.features1
            True
        """
        first, second = _two(out)
        n = len(self)
        if kind == "compact":
            compact = CompactFeatures(
                _out(cast("Bytes | None", first), (n, 81), np.uint8),
                _out(cast("Bytes | None", second), (n, 14), np.uint8),
            )
            self._rows.compact(*compact, _threads(threads))
            return compact
        if kind == "dlshogi":
            planes = DlshogiFeatures(
                _out(cast("Floats | None", first), (n, 62, 9, 9), np.float32),
                _out(cast("Floats | None", second), (n, 57, 9, 9), np.float32),
            )
            self._rows.dlshogi(*planes, _threads(threads))
            return planes
        raise ValueError(f"kind: expected `compact` or `dlshogi`, found `{kind}`")

    def legal_masks(
        self, scheme: Scheme = 2187, *, out: Bools | None = None, threads: int = 0
    ) -> Bools:
        """Which labels are those of legal moves: bool[N, scheme].

        Args:
            scheme: 2187 or 1496, see `maou.policy`.
            out: Where to write.
            threads: The number of threads, 0 for one a core.
        """
        if scheme not in SCHEMES:
            raise ValueError(f"scheme: expected 2187 or 1496, found `{scheme}`")
        out = _out(out, (len(self), scheme), np.bool_)
        self._rows.legal_masks(scheme, out.view(np.uint8), _threads(threads))
        return out

    def labels(
        self,
        moves: npt.ArrayLike | Sequence[SupportsIndex],
        scheme: Scheme = 2187,
        *,
        check: bool = True,
        out: npt.NDArray[np.int64] | None = None,
        threads: int = 0,
    ) -> npt.NDArray[np.int64]:
        """The labels of moves, one a position, int64[N] as losses want them.

        For several moves of a position, repeat it: `positions[row_of_move]`.

        Args:
            moves: 16-bit moves as in datasets and as cshogi's `move16`, or `Move`s.
            scheme: 2187 or 1496, see `maou.policy`.
            check: Whether a move has to be legal. Otherwise it needs no more than a
                label.
            out: Where to write.
            threads: The number of threads, 0 for one a core.

        Raises:
            RecordError: A move is not legal, or none at all.

        Examples:
            >>> import maou
            >>> start = PositionArray.from_sfens([
            ...     "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1"])
            >>> start.labels([maou.Move.from_usi("7g7e")])
            Traceback (most recent call last):
            maou_rust.RecordError: row 0: expected a legal move, found `7g7e` in `...`
        """
        numbers = _one_a_row(moves, len(self), np.uint16, "moves")
        out = _out(out, (len(self),), np.int64)
        self._rows.labels(numbers, scheme, check, out, _threads(threads))
        return out

    def moves(
        self,
        labels: npt.ArrayLike | Sequence[SupportsIndex],
        scheme: Scheme = 2187,
        *,
        out: npt.NDArray[np.uint16] | None = None,
        threads: int = 0,
    ) -> npt.NDArray[np.uint16]:
        """The legal moves of labels, one a position: uint16[N].

        Args:
            labels: Numbers of labels, one a position.
            scheme: 2187 or 1496, see `maou.policy`.
            out: Where to write.
            threads: The number of threads, 0 for one a core.

        Raises:
            RecordError: A label is that of no legal move, or none of the scheme.

        Examples:
            >>> import maou
            >>> start = PositionArray.from_sfens([
            ...     "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1"])
            >>> maou.Move(int(start.moves([59])[0]))
            Move.from_usi('7g7f')
        """
        numbers = _one_a_row(labels, len(self), np.int64, "labels")
        out = _out(out, (len(self),), np.uint16)
        self._rows.moves(numbers, scheme, out, _threads(threads))
        return out

    def flip(self, *, threads: int = 0) -> Self:
        """The twins: boards turned by 180°, colors and sides to move swapped."""
        return self._of(self._rows.flip(_threads(threads)))


class Replayed(NamedTuple):
    """Games, position by position, one game after the other."""

    positions: PositionArray
    """The position before each move."""
    game_idx: npt.NDArray[np.uint32]
    """uint32[N]: the number of its game, from 0."""
    plies: npt.NDArray[np.uint32]
    """uint32[N]: how many moves of the game were made before."""
    moves: npt.NDArray[np.uint16]
    """uint16[N]: the move that was made, 16 bits as in datasets."""


def psv_moves(moves: npt.ArrayLike) -> npt.NDArray[np.uint16]:
    """Moves as PSV has them, as the 16-bit moves of HCPE, cshogi and `Move`.

    The two agree on moves of pieces but for the bit of promotion, and not on drops.

    Args:
        moves: The field `move` of PSV records: uint16[N].

    Raises:
        TypeError: They are no whole numbers.
        ValueError: They are no uint16[N], or a drop is that of no piece.

    Examples:
        >>> import maou
        >>> moves = psv_moves([0x1E3B, 0xA30A, 0x40A8])
        >>> [maou.Move(int(move)).usi() for move in moves]
        ['7g7f', '8h2b+', 'P*5e']
    """
    numbers: npt.NDArray[np.uint16]
    numbers = _one_a_row(moves, np.size(moves), np.uint16, "moves")
    dropped = (numbers >> 7) & 0x7F
    drops = (numbers & 0x4000) != 0
    wrong = drops & ((numbers >= 0x8000) | (dropped < 1) | (dropped > 7))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"moves: row {row}: expected a move of PSV, found `{numbers[row]}`"
        )
    return np.where(
        drops,
        (numbers & 0x7F) | ((dropped + 80) << 7),
        (numbers & 0x3FFF) | ((numbers >> 1) & 0x4000),
    )


def _rows_of(array: object) -> Positions:
    if not isinstance(array, PositionArray):
        raise TypeError(
            f"expected a PositionArray, found `{type(array).__name__}`;"
            " PositionArray.from_… make one of other things"
        )
    return array._rows


def _start_and_moves(game: Any) -> tuple[str, list[int]]:
    try:
        return game.start, [operator.index(move) for move in game.moves]
    except AttributeError:
        found = type(game).__name__
        raise TypeError(f"games: expected games or a table, found `{found}`") from None


def _threads(threads: int) -> int:
    if threads < 0:
        raise ValueError(f"threads: expected 0 or more, found `{threads}`")
    return threads


def _two(out: Any) -> tuple[Any, Any]:
    if out is None:
        return None, None
    if not isinstance(out, (tuple, list)) or len(out) != 2:
        raise ValueError("out: expected two arrays, as an earlier result has")
    return out[0], out[1]


def _is_arrow(data: object) -> bool:
    return hasattr(data, "__arrow_c_array__") or hasattr(data, "__arrow_c_stream__")


def _bytes_of(data: object, field: str, width: int) -> Bytes:
    """Bytes, or an array of them or of records with the field, as uint8[N, width]."""
    if isinstance(data, (bytes, bytearray, memoryview)):
        flat = np.frombuffer(data, np.uint8)
        if flat.size % width:
            raise ValueError(f"expected a multiple of {width} bytes, found {flat.size}")
        return flat.reshape(-1, width)
    if not isinstance(data, np.ndarray):
        raise TypeError(
            "expected bytes, a NumPy array or an Arrow column,"
            f" found `{type(data).__name__}`"
        )
    array: npt.NDArray[Any] = data
    if array.dtype.names is not None:
        if field not in array.dtype.names:
            names = "`, `".join(array.dtype.names)
            raise ValueError(
                f"expected records with a field `{field}`, found `{names}`"
            )
        array = array[field]
        width = 32
    if array.dtype != np.uint8:
        raise TypeError(f"expected uint8, found {array.dtype}")
    if array.ndim != 2 or array.shape[1] != width:
        shape = "×".join(map(str, array.shape))
        raise ValueError(f"expected an array of N×{width} bytes, found {shape}")
    return np.ascontiguousarray(array)


def _numbers_of(index: object, n: int) -> npt.NDArray[np.int64]:
    """Row numbers from 0, of numbers that may count from the end, or of a mask."""
    array = np.asarray(index)
    if array.ndim != 1:
        raise TypeError(f"expected a slice, row numbers or a mask, found {index!r}")
    if array.dtype == np.bool_:
        if array.size != n:
            raise IndexError(f"expected a mask of {n} rows, found {array.size}")
        return np.flatnonzero(array)
    if array.size == 0:
        return np.empty(0, np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"expected row numbers or a mask, found {array.dtype}")
    wrong = (array < -n) | (array >= n)
    if wrong.any():
        raise IndexError(f"expected rows of {n}, found `{array[wrong][0]}`")
    numbers = array.astype(np.int64)
    return np.where(numbers < 0, numbers + n, numbers)


def _one_a_row(
    values: npt.ArrayLike | Sequence[SupportsIndex],
    n: int,
    dtype: type[np.generic],
    name: str,
) -> npt.NDArray[Any]:
    """Whole numbers, as many as there are rows, none of them bent to the type."""
    if isinstance(values, (list, tuple)):
        # Not only numbers: moves, too. Nothing is rounded.
        values = [operator.index(cast("SupportsIndex", value)) for value in values]
        array = np.array(values) if values else np.empty(0, np.int64)
    else:
        array = np.asarray(values)
    if array.shape != (n,):
        shape = "×".join(map(str, array.shape)) or f"`{values!r}`"
        raise ValueError(
            f"{name}: expected one for each of {n} positions, found {shape}"
        )
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected whole numbers, found {array.dtype}")
    narrowed = array.astype(dtype)
    bent = narrowed != array
    if bent.any():
        row = int(bent.argmax())
        raise ValueError(
            f"{name}: row {row}: expected {dtype.__name__}, found `{array[row]}`"
        )
    return np.ascontiguousarray(narrowed)


def _check_out(
    out: npt.NDArray[Any], shape: tuple[int, ...], dtype: type[np.generic]
) -> None:
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out: expected a NumPy array, found `{type(out).__name__}`")
    if out.shape != shape or out.dtype != dtype:
        raise ValueError(
            f"out: expected {dtype.__name__} of shape {shape},"
            f" found {out.dtype} of shape {out.shape}"
        )
    if not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError("out: expected a writable C-contiguous array")


def _out(
    out: npt.NDArray[_T] | None, shape: tuple[int, ...], dtype: type[_T]
) -> npt.NDArray[_T]:
    """The array to write to, a new one if there is none."""
    if out is None:
        return np.empty(shape, dtype)
    _check_out(out, shape, dtype)
    return out
