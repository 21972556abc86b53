"""Where things stand on a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from maou.vocabulary import Color

if TYPE_CHECKING:
    from maou.svg._arrows import Point
    from maou.vocabulary import Square

CELL_W, CELL_H = 60, 66
"""Squares are taller than wide by a tenth, as on a real board."""
BOARD_W, BOARD_H = 9 * CELL_W, 9 * CELL_H
MARGIN = 14
LABEL = 27
TRAY, TRAY_GAP = 88, 18
COLUMN, COLUMN_GAP = 38, 14


@dataclass(frozen=True)
class Layout:
    """The measures of a picture, in its own units."""

    flipped: bool
    hands: bool
    """Whether hands are shown at all."""
    trays: bool
    """On stands, or written in columns."""
    labels: bool

    @property
    def stand_w(self) -> int:
        """Width of a stand, or of a column."""
        return TRAY if self.trays else COLUMN

    @property
    def side(self) -> int:
        """Room for a stand and what parts it from the board."""
        if not self.hands:
            return 0
        return self.stand_w + (TRAY_GAP if self.trays else COLUMN_GAP)

    @property
    def label(self) -> int:
        """Room for coordinates."""
        return LABEL if self.labels else 0

    @property
    def left(self) -> int:
        """Left side of the board."""
        return MARGIN + self.side

    @property
    def top(self) -> int:
        """Top of the board."""
        return MARGIN + self.label

    @property
    def right(self) -> int:
        """Right side of the board."""
        return self.left + BOARD_W

    @property
    def bottom(self) -> int:
        """Bottom of the board."""
        return self.top + BOARD_H

    @property
    def width(self) -> int:
        """Width of the picture."""
        return self.right + self.label + self.side + MARGIN

    @property
    def height(self) -> int:
        """Height of the picture."""
        return self.bottom + MARGIN

    @property
    def below(self) -> Color:
        """Who sits at the lower side."""
        return Color.WHITE if self.flipped else Color.BLACK

    def stand_left(self, color: Color) -> int:
        """Left side of a stand: the lower side's is to the right."""
        if color is self.below:
            return self.width - MARGIN - self.stand_w
        return MARGIN

    def corner(self, square: Square) -> tuple[int, int]:
        """Top left corner of a square."""
        file, rank = square.file, square.rank
        column, row = (file - 1, 9 - rank) if self.flipped else (9 - file, rank - 1)
        return self.left + column * CELL_W, self.top + row * CELL_H

    def middle(self, square: Square) -> Point:
        """Middle of a square."""
        x, y = self.corner(square)
        return x + CELL_W / 2, y + CELL_H / 2

    def turned(self, color: Color) -> bool:
        """Whether a side's pieces point down."""
        return color is not self.below
