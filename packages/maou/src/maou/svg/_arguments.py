"""What callers may hand over: positions, moves and squares, in several forms."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, SupportsIndex

from maou_rust import maou_shogi
from maou_rust.maou_shogi import Board, Move

from maou.vocabulary import Color, Piece, PieceType, Square

HAND_ORDER = (
    PieceType.ROOK,
    PieceType.BISHOP,
    PieceType.GOLD,
    PieceType.SILVER,
    PieceType.KNIGHT,
    PieceType.LANCE,
    PieceType.PAWN,
)
"""As hands are written: the strongest first."""
_SMALLEST_MOVE = 4


class HasSfen(Protocol):
    """A position that says its SFEN, such as `maou.Board`."""

    def sfen(self) -> str:
        """The position as SFEN."""


class HasSfenText(Protocol):
    """A row that holds an SFEN."""

    @property
    def sfen(self) -> str:
        """The position as SFEN."""


BoardLike = HasSfen | HasSfenText | str | None
MoveLike = str | SupportsIndex
SquareLike = str | SupportsIndex
# Keys of mappings are invariant: each kind of them is named.
Policy = Mapping[str, float] | Mapping[int, float] | Mapping[Move, float]
Values = (
    Mapping[str, float | str] | Mapping[int, float | str] | Mapping[Square, float | str]
)


@dataclass(frozen=True)
class Diagram:
    """What there is to draw of a position."""

    sfen: str
    pieces: Mapping[Square, Piece]
    hands: Mapping[Color, Mapping[PieceType, int]]
    turn: Color

    @property
    def in_check(self) -> bool:
        """Whether the side to move is in check."""
        return Board(self.sfen).is_check()

    def king(self, color: Color) -> Square | None:
        """Where a side's king stands, None if it has none."""
        king = Piece.of(color, PieceType.KING)
        return next((at for at, piece in self.pieces.items() if piece is king), None)


@dataclass(frozen=True)
class Step:
    """A move as it is drawn: from a square, or from the hand, to a square."""

    usi: str
    origin: Square | PieceType
    target: Square

    @property
    def promotes(self) -> bool:
        """Whether the piece is turned over."""
        return self.usi.endswith("+")


def diagram(position: BoardLike) -> Diagram:
    """Read a position.

    Raises:
        RecordError: The SFEN is no legal position.
    """
    if position is None:
        text = maou_shogi.start_sfen()
    elif isinstance(position, str):
        text = position
    else:
        found: object = getattr(position, "sfen", None)
        written = found() if callable(found) else found
        if not isinstance(written, str):
            kind = type(position).__name__
            raise TypeError(f"expected a board or an SFEN, found `{kind}`")
        text = written
    sfen = maou_shogi.canonical_sfen(text)
    rows, turn, hands, _ = sfen.split()
    return Diagram(
        sfen,
        _pieces(rows),
        _hands(hands),
        Color.BLACK if turn == "b" else Color.WHITE,
    )


def _pieces(rows: str) -> dict[Square, Piece]:
    found = {}
    for rank, row in enumerate(rows.split("/"), start=1):
        file, promoted = 9, ""
        for char in row:
            if char == "+":
                promoted = "+"
            elif char.isdigit():
                file -= int(char)
            else:
                found[Square.at(file, rank)] = Piece.from_symbol(promoted + char)
                file, promoted = file - 1, ""
    return found


def _hands(text: str) -> dict[Color, dict[PieceType, int]]:
    hands: dict[Color, dict[PieceType, int]] = {color: {} for color in Color}
    digits = ""
    for char in text.replace("-", ""):
        if char.isdigit():
            digits += char
        else:
            piece = Piece.from_symbol(char)
            hands[piece.color][piece.piece_type] = int(digits or 1)
            digits = ""
    return hands


def step(move: MoveLike) -> Step:
    """Read a move: USI text, `maou.Move`, or its 16-bit number.

    Raises:
        ValueError: It is no move.
    """
    if isinstance(move, str):
        usi = move
    else:
        usi = maou_shogi.move16_to_usi(operator.index(move))
    try:
        if len(usi) < _SMALLEST_MOVE or usi[4:] not in ("", "+"):
            raise ValueError(usi)
        target = Square.from_usi(usi[2:4])
        if usi[1] == "*":
            kind = Piece.from_symbol(usi[0])
            if kind.color or kind.piece_type not in HAND_ORDER or usi[4:]:
                raise ValueError(usi)
            return Step(usi, kind.piece_type, target)
        origin = Square.from_usi(usi[:2])
        if origin is target:
            raise ValueError(usi)
        return Step(usi, origin, target)
    except ValueError:
        raise ValueError(
            f"expected a move in USI such as `7g7f`, found `{usi}`"
        ) from None


def square(name: SquareLike) -> Square:
    """Read a square: USI text such as `7f`, `maou.Square`, or its number.

    Raises:
        ValueError: It is no square.
    """
    if isinstance(name, str):
        return Square.from_usi(name)
    number = name.__index__()
    if not 0 <= number < len(Square):
        raise ValueError(f"expected a square, 0 to 80, found `{number}`")
    return Square(number)
