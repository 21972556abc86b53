"""How a game ends by the rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from maou.vocabulary import Color, GameResult

if TYPE_CHECKING:
    from maou.vocabulary import Ending


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a game has ended by the rules alone: what `Board.outcome` tells.

    Attributes:
        winner: The side that won, None after a draw.
        ending: Checkmate, repetition or perpetual check.

    Examples:
        >>> import maou
        >>> outcome = maou.Board("4k4/4G4/4P4/9/9/9/9/9/4K4 w - 2").outcome()
        >>> outcome.winner, outcome.ending, outcome.result
        (<Color.BLACK: 0>, <Ending.CHECKMATE: 'checkmate'>, <GameResult.BLACK_WINS: 1>)
    """

    winner: Color | None
    ending: Ending

    @property
    def result(self) -> GameResult:
        """The result of the game, as records have it."""
        if self.winner is None:
            return GameResult.DRAW
        return GameResult(1 + self.winner)
