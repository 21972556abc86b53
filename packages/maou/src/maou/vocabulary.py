"""The numbers and words that stand in files, by name."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Color(IntEnum):
    """A side: Black (先手) moves first in even games, White (後手) in handicap games.

    Examples:
        >>> Color.BLACK.opponent
        <Color.WHITE: 1>
    """

    BLACK = 0
    WHITE = 1

    @property
    def opponent(self) -> Color:
        """The other side."""
        return Color(1 - self)


_SYMBOLS: tuple[str, ...] = ("", *"PLNSBRGK", "+P", "+L", "+N", "+S", "+B", "+R")
_KANJI = "　歩香桂銀角飛金玉と杏圭全馬龍"


class PieceType(IntEnum):
    """A kind of piece; promotion adds 8 to its number.

    `str` is its symbol.

    Examples:
        >>> PieceType.BISHOP.promoted
        <PieceType.HORSE: 13>
        >>> PieceType.PRO_SILVER.unpromoted.kanji
        '銀'
    """

    PAWN = 1
    LANCE = 2
    KNIGHT = 3
    SILVER = 4
    BISHOP = 5
    ROOK = 6
    GOLD = 7
    KING = 8
    PRO_PAWN = 9
    PRO_LANCE = 10
    PRO_KNIGHT = 11
    PRO_SILVER = 12
    HORSE = 13
    DRAGON = 14

    @property
    def promoted(self) -> PieceType | None:
        """What this kind becomes by promotion: None for gold, king and promoted."""
        return PieceType(self + 8) if self < PieceType.GOLD else None

    @property
    def unpromoted(self) -> PieceType:
        """The kind before promotion; other kinds stay what they are."""
        return PieceType(self - 8) if self.is_promoted else self

    @property
    def is_promoted(self) -> bool:
        """Whether this kind is a promoted one."""
        return self > PieceType.KING

    @property
    def symbol(self) -> str:
        """The kind as SFEN writes Black's piece, such as `P` or `+R`."""
        return _SYMBOLS[self.value]

    @property
    def kanji(self) -> str:
        """The kind in one character, as boards of KIF have it."""
        return _KANJI[self]

    def __str__(self) -> str:
        """The symbol."""
        return self.symbol

    def __format__(self, spec: str) -> str:
        """The symbol, as text is formatted."""
        return format(self.symbol, spec)


class Piece(IntEnum):
    """A piece: the number of its kind, plus 16 if it is White's.

    `str` is its symbol.

    Examples:
        >>> Piece.from_symbol("+r")
        <Piece.WHITE_DRAGON: 30>
        >>> piece = Piece.of(Color.BLACK, PieceType.PAWN)
        >>> piece.color, str(piece), piece.kanji
        (<Color.BLACK: 0>, 'P', '歩')
    """

    BLACK_PAWN = 1
    BLACK_LANCE = 2
    BLACK_KNIGHT = 3
    BLACK_SILVER = 4
    BLACK_BISHOP = 5
    BLACK_ROOK = 6
    BLACK_GOLD = 7
    BLACK_KING = 8
    BLACK_PRO_PAWN = 9
    BLACK_PRO_LANCE = 10
    BLACK_PRO_KNIGHT = 11
    BLACK_PRO_SILVER = 12
    BLACK_HORSE = 13
    BLACK_DRAGON = 14
    WHITE_PAWN = 17
    WHITE_LANCE = 18
    WHITE_KNIGHT = 19
    WHITE_SILVER = 20
    WHITE_BISHOP = 21
    WHITE_ROOK = 22
    WHITE_GOLD = 23
    WHITE_KING = 24
    WHITE_PRO_PAWN = 25
    WHITE_PRO_LANCE = 26
    WHITE_PRO_KNIGHT = 27
    WHITE_PRO_SILVER = 28
    WHITE_HORSE = 29
    WHITE_DRAGON = 30

    @classmethod
    def of(cls, color: Color, piece_type: PieceType) -> Piece:
        """The piece of a side and a kind."""
        return cls(piece_type + 16 * color)

    @classmethod
    def from_symbol(cls, symbol: str) -> Piece:
        """Read a piece as SFEN writes it: White's in lower case.

        Raises:
            ValueError: The text is no piece.
        """
        color = Color.WHITE if symbol.islower() else Color.BLACK
        upper = symbol.upper()
        if upper not in _SYMBOLS[1:] or symbol not in (upper, upper.lower()):
            raise ValueError(f"expected a piece such as `P` or `+r`, found `{symbol}`")
        return cls.of(color, PieceType(_SYMBOLS.index(upper)))

    @property
    def color(self) -> Color:
        """Whose piece it is."""
        return Color(self >> 4)

    @property
    def piece_type(self) -> PieceType:
        """What kind it is."""
        return PieceType(self & 15)

    @property
    def symbol(self) -> str:
        """The piece as SFEN writes it: White's in lower case."""
        symbol = _SYMBOLS[self.value & 15]
        return symbol.lower() if self & 16 else symbol

    @property
    def kanji(self) -> str:
        """The kind in one character; it does not tell the side."""
        return _KANJI[self & 15]

    def __str__(self) -> str:
        """The symbol."""
        return self.symbol

    def __format__(self, spec: str) -> str:
        """The symbol, as text is formatted."""
        return format(self.symbol, spec)


class Square(IntEnum):
    """A square: 9 · (file − 1) + (rank − 1), so 1a = 0, 7f = 59 and 9i = 80.

    `str` is its name in USI.

    Examples:
        >>> Square.SQ_7F, str(Square(59)), Square.from_usi("7f").kanji
        (<Square.SQ_7F: 59>, '7f', '７六')
        >>> Square.SQ_7F.file, Square.SQ_7F.rank
        (7, 6)
    """

    # fmt: off
    SQ_1A, SQ_1B, SQ_1C, SQ_1D, SQ_1E, SQ_1F, SQ_1G, SQ_1H, SQ_1I = range(9)
    SQ_2A, SQ_2B, SQ_2C, SQ_2D, SQ_2E, SQ_2F, SQ_2G, SQ_2H, SQ_2I = range(9, 18)
    SQ_3A, SQ_3B, SQ_3C, SQ_3D, SQ_3E, SQ_3F, SQ_3G, SQ_3H, SQ_3I = range(18, 27)
    SQ_4A, SQ_4B, SQ_4C, SQ_4D, SQ_4E, SQ_4F, SQ_4G, SQ_4H, SQ_4I = range(27, 36)
    SQ_5A, SQ_5B, SQ_5C, SQ_5D, SQ_5E, SQ_5F, SQ_5G, SQ_5H, SQ_5I = range(36, 45)
    SQ_6A, SQ_6B, SQ_6C, SQ_6D, SQ_6E, SQ_6F, SQ_6G, SQ_6H, SQ_6I = range(45, 54)
    SQ_7A, SQ_7B, SQ_7C, SQ_7D, SQ_7E, SQ_7F, SQ_7G, SQ_7H, SQ_7I = range(54, 63)
    SQ_8A, SQ_8B, SQ_8C, SQ_8D, SQ_8E, SQ_8F, SQ_8G, SQ_8H, SQ_8I = range(63, 72)
    SQ_9A, SQ_9B, SQ_9C, SQ_9D, SQ_9E, SQ_9F, SQ_9G, SQ_9H, SQ_9I = range(72, 81)
    # fmt: on

    @classmethod
    def from_usi(cls, name: str) -> Square:
        """Read a square as USI writes it, such as `7f`.

        Raises:
            ValueError: The text is no square.
        """
        if len(name) == 2 and name[0] in "123456789" and name[1] in "abcdefghi":
            return cls.at(int(name[0]), "abcdefghi".index(name[1]) + 1)
        raise ValueError(f"expected a square such as `7f`, found `{name}`")

    @classmethod
    def at(cls, file: int, rank: int) -> Square:
        """The square on a file and a rank, each 1 to 9.

        Raises:
            ValueError: There is no such file or rank.
        """
        if not (1 <= file <= 9 and 1 <= rank <= 9):
            found = f"`{file}` and `{rank}`"
            raise ValueError(f"expected a file and a rank, each 1 to 9, found {found}")
        return cls(9 * (file - 1) + rank - 1)

    @property
    def file(self) -> int:
        """The file, 1 (right) to 9 (left) as Black sees it."""
        return self // 9 + 1

    @property
    def rank(self) -> int:
        """The rank, 1 (top) to 9 (bottom) as Black sees it."""
        return self % 9 + 1

    @property
    def kanji(self) -> str:
        """The name in records, such as `７六`."""
        return "１２３４５６７８９"[self // 9] + "一二三四五六七八九"[self % 9]

    def flip(self) -> Square:
        """The square that the opponent would call by this square's name."""
        return Square(80 - self)

    def __str__(self) -> str:
        """The name in USI."""
        return f"{self // 9 + 1}{'abcdefghi'[self % 9]}"

    def __format__(self, spec: str) -> str:
        """The name in USI, as text is formatted."""
        return format(str(self), spec)


class Repetition(IntEnum):
    """What the history says about a position, for the side to move; `NONE` is false.

    Examples:
        >>> bool(Repetition.NONE), bool(Repetition.DRAW)
        (False, True)
    """

    NONE = 0
    """Not there four times, nor its board with more or less in hand."""
    DRAW = 1
    """The fourth occurrence, and nobody gave check all the time."""
    WIN = 2
    """The fourth occurrence: the opponent gave perpetual check and loses."""
    LOSS = 3
    """The fourth occurrence: the side to move gave perpetual check and loses."""
    SUPERIOR = 4
    """The board was there before, and the side to move now has more in hand."""
    INFERIOR = 5
    """The board was there before, and the side to move now has less in hand."""


class GameResult(IntEnum):
    """Who won a game, with the numbers of HCPE; `UNKNOWN` is never a draw.

    Examples:
        >>> GameResult(1)
        <GameResult.BLACK_WINS: 1>
        >>> GameResult.WHITE_WINS.winner
        <Color.WHITE: 1>
        >>> GameResult.DRAW.winner is None
        True
    """

    DRAW = 0
    BLACK_WINS = 1
    WHITE_WINS = 2
    UNKNOWN = 3

    @property
    def winner(self) -> Color | None:
        """The side that won, None after a draw or where the record does not tell."""
        if self is GameResult.BLACK_WINS:
            return Color.BLACK
        if self is GameResult.WHITE_WINS:
            return Color.WHITE
        return None


class Ending(StrEnum):
    """How a game ended; a member is equal to the word that stands in the games table.

    Examples:
        >>> Ending("resign") is Ending.RESIGN, Ending.RESIGN == "resign"
        (True, True)
    """

    RESIGN = "resign"
    CHECKMATE = "checkmate"
    REPETITION = "repetition"
    PERPETUAL_CHECK = "perpetual_check"
    DECLARATION = "declaration"
    IMPASSE = "impasse"
    MAX_MOVES = "max_moves"
    TIME = "time"
    ILLEGAL_MOVE = "illegal_move"
    ILLEGAL_ACTION = "illegal_action"
    WALKOVER = "walkover"
    INTERRUPTED = "interrupted"
    NO_MATE = "no_mate"
    TAKEBACK = "takeback"
    ERROR = "error"
    UNKNOWN = "unknown"
