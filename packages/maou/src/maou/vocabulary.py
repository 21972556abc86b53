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
