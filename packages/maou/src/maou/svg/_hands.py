"""Pieces in hand: on a stand beside the board, or written as a column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maou.svg._arguments import HAND_ORDER
from maou.svg._canvas import num
from maou.svg._pieces import outline
from maou.vocabulary import Color, Piece, PieceType

if TYPE_CHECKING:
    from maou.svg._arguments import Diagram
    from maou.svg._arrows import Point
    from maou.svg._canvas import Canvas, Face
    from maou.svg._layout import Layout
    from maou.svg._pieces import PieceSet
    from maou.svg._style import Style

HEAD, SLOT = 46, 54
TRAY_H = HEAD + SLOT * len(HAND_ORDER) + 4
NAMES = {Color.BLACK: "先手", Color.WHITE: "後手"}
LATIN_NAMES = {Color.BLACK: "Black", Color.WHITE: "White"}


def kanji(number: int) -> str:
    """A number up to 19 in kanji, as counts of pieces are written.

    Examples:
        >>> [kanji(number) for number in (2, 10, 18)]
        ['二', '十', '十八']
    """
    ones: str = ("", *"一二三四五六七八九")[number % 10]
    return ("十" if number >= 10 else "") + ones


class Hands:
    """Draws both hands and knows where their pieces stand."""

    def __init__(
        self,
        canvas: Canvas,
        style: Style,
        layout: Layout,
        diagram: Diagram,
        pieces: PieceSet,
    ) -> None:
        """Draw on `canvas`."""
        self.canvas, self.style, self.layout = canvas, style, layout
        self.diagram, self.pieces = diagram, pieces
        self.places: dict[tuple[Color, PieceType], Point] = {}

    @property
    def latin(self) -> bool:
        """Whether there are letters instead of kanji."""
        return self.pieces.letters == "latin"

    def draw(self, color: Color) -> None:
        """Draw one side's hand."""
        hand = self.diagram.hands[color]
        held = [(kind, hand[kind]) for kind in HAND_ORDER if kind in hand]
        if self.layout.trays:
            self._tray(color, held)
        else:
            self._column(color, held)

    def start(self, color: Color, kind: PieceType) -> Point:
        """Where the arrow of a drop starts: at the piece, or beside the board."""
        if (color, kind) in self.places:
            return self.places[color, kind]
        layout = self.layout
        if color is layout.below:
            return layout.right + layout.label + 4, layout.bottom - 24
        return layout.left - 4, layout.top + 24

    def _mark(self, color: Color, x: float, y: float, width: float) -> str:
        """The small piece that stands for a side: filled for Black, open for White."""
        fill = self.style.label if color is Color.BLACK else self.style.page
        return (
            f'<path transform="translate({num(x)} {num(y)})" d="{outline(width)}"'
            f' fill="{fill}" stroke="{self.style.label}" stroke-width="1.6"'
            ' stroke-linejoin="round"/>'
        )

    def _tray(self, color: Color, held: list[tuple[PieceType, int]]) -> None:
        layout, style, add = self.layout, self.style, self.canvas.add
        x, width = layout.stand_left(color), layout.stand_w
        y = layout.bottom - TRAY_H if color is layout.below else layout.top
        to_move = color is self.diagram.turn
        edge, edge_width = (style.turn, 3) if to_move else (style.edge, 1.2)
        add(
            f'<rect x="{x}" y="{y}" width="{width}" height="{TRAY_H}" rx="5"'
            f' fill="{style.stand}" stroke="{edge}" stroke-width="{edge_width}"/>'
        )
        name = (LATIN_NAMES if self.latin else NAMES)[color]
        add(
            self._mark(color, x + 18, y + 25, 17),
            self.canvas.text(
                name,
                x + 32,
                y + 25.5,
                size=17 if self.latin else 21,
                fill=style.label,
                anchor="start",
            ),
        )
        for row, (kind, number) in enumerate(held):
            at = (x + 31, y + HEAD + SLOT * (row + 0.5))
            self.places[color, kind] = at
            piece = Piece.of(color, kind)
            turned = layout.turned(color)
            add(self.pieces.draw(piece, *at, turned=turned, scale=0.9))
            if number > 1:
                self._count(number, x + 69, at[1])

    def _count(self, number: int, x: float, y: float) -> None:
        if self.latin:
            fill = self.style.label
            self.canvas.add(self.canvas.text(str(number), x, y, size=25, fill=fill))
            return
        text = kanji(number)
        size = 27 if len(text) == 1 else 23
        for n, char in enumerate(text):
            down = (n - (len(text) - 1) / 2) * size * 0.96
            self._kanji(char, x, y + down, size)

    def _kanji(self, char: str, x: float, y: float, size: float) -> None:
        face: Face = "sans" if self.latin else "serif"
        fill = self.style.label
        self.canvas.add(self.canvas.text(char, x, y, size=size, fill=fill, face=face))

    def _column(self, color: Color, held: list[tuple[PieceType, int]]) -> None:
        """A column of characters that starts at the top, as in newspapers."""
        layout = self.layout
        x = layout.stand_left(color) + layout.stand_w / 2
        y = layout.top + 14.0
        self.canvas.add(self._mark(color, x, y, 22))
        y += 31
        for char in NAMES[color] if not self.latin else LATIN_NAMES[color][0]:
            self._kanji(char, x, y, 26)
            y += 28
        if color is self.diagram.turn:
            word = "move" if self.latin else "手番"
            fill = self.style.turn
            self.canvas.add(self.canvas.text(word, x, y - 5, size=15, fill=fill))
            y += 12
        y += 16
        counts = [str(n) if self.latin else kanji(n) for _, n in held]
        texts = [
            count if number > 1 else ""
            for count, (_, number) in zip(counts, held, strict=True)
        ]
        lengths = [(1 if self.latin and text else len(text)) for text in texts]
        full = sum(33 + 25 * length for length in lengths)
        gap = min(10.0, max(0.0, (layout.bottom - y - full) / max(len(held), 1)))
        for (kind, _), text in zip(held, texts, strict=True):
            self.places[color, kind] = (x, y)
            self._kanji(kind.symbol if self.latin else kind.kanji, x, y, 33)
            y += 31
            for char in [text] if self.latin and text else text:
                self._kanji(char, x, y - 1, 24)
                y += 25
            y += 2 + gap
        if not held and not self.latin:
            for char in "なし":
                self._kanji(char, x, y, 24)
                y += 25
