"""Pieces: five corners of wood and the characters on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from maou.svg._canvas import num
from maou.vocabulary import Color, Piece, PieceType

if TYPE_CHECKING:
    from maou.svg._canvas import Canvas
    from maou.svg._style import Style

Letters = Literal["one", "two", "latin"]

ONE = {kind: kind.kanji for kind in PieceType}
TWO = {
    PieceType.PAWN: "歩兵",
    PieceType.LANCE: "香車",
    PieceType.KNIGHT: "桂馬",
    PieceType.SILVER: "銀将",
    PieceType.BISHOP: "角行",
    PieceType.ROOK: "飛車",
    PieceType.GOLD: "金将",
    PieceType.KING: "玉将",
    PieceType.PRO_PAWN: "と",
    PieceType.PRO_LANCE: "成香",
    PieceType.PRO_KNIGHT: "成桂",
    PieceType.PRO_SILVER: "成銀",
    PieceType.HORSE: "龍馬",
    PieceType.DRAGON: "龍王",
}
LATIN = {kind: kind.symbol for kind in PieceType}
CHARACTERS = {"one": ONE, "two": TWO, "latin": LATIN}

WIDTH = 53.0
"""Of a king, the largest piece."""
HEIGHT = 1.12
"""Of a piece, for a width of 1."""
SIZES = {
    PieceType.KING: 1.0,
    PieceType.ROOK: 0.975,
    PieceType.BISHOP: 0.975,
    PieceType.GOLD: 0.945,
    PieceType.SILVER: 0.945,
    PieceType.KNIGHT: 0.91,
    PieceType.LANCE: 0.89,
    PieceType.PAWN: 0.87,
}
"""Real pieces differ in size by rank; a pawn is the smallest."""


def outline(width: float) -> str:
    """The five corners of a piece that points up, around its middle."""
    half, height = width / 2, width * HEIGHT
    top, shoulder, bottom = -height / 2, -height * 0.34, height / 2
    inner = half * 0.735
    return (
        f"M0 {num(top)}L{num(inner)} {num(shoulder)}L{num(half)} {num(bottom)}"
        f"H{num(-half)}L{num(-inner)} {num(shoulder)}Z"
    )


def characters(piece: Piece, letters: Letters) -> str:
    """What stands on a piece; White's king is the 王, as the senior player's."""
    text = CHARACTERS[letters][piece.piece_type]
    return text.replace("玉", "王") if piece.color is Color.WHITE else text


class PieceSet:
    """Draws the pieces of one picture, each kind of them defined once."""

    def __init__(self, canvas: Canvas, style: Style, letters: Letters) -> None:
        """Draw on `canvas`."""
        self.canvas, self.style, self.letters = canvas, style, letters

    def draw(
        self, piece: Piece, x: float, y: float, *, turned: bool, scale: float = 1
    ) -> str:
        """A piece around a middle; `turned` pieces point down."""
        if self.canvas.selectable:
            turn = " rotate(180)" if turned else ""
            content = self._shadow(piece, turned=turned) + self._face(piece)
            around = f"translate({num(x)} {num(y)}) scale({num(scale)}){turn}"
            return f'<g transform="{around}">{content}</g>'
        href = self._defined(piece, turned=turned)
        if scale == 1:
            return f'<use xlink:href="{href}" x="{num(x)}" y="{num(y)}"/>'
        transform = f"translate({num(x)} {num(y)}) scale({num(scale)})"
        return f'<use xlink:href="{href}" transform="{transform}"/>'

    def _defined(self, piece: Piece, *, turned: bool) -> str:
        """The id of a piece that points up or down."""
        name = (
            piece.name if piece.piece_type is PieceType.KING else piece.piece_type.name
        )
        name = name.replace("_", "-").lower()
        shadow = self._shadow(piece, turned=turned)
        if not (shadow or turned):
            return self.canvas.define(name, f"<g%s>{self._face(piece)}</g>")
        if shadow:
            face = self.canvas.define(f"{name}-face", f"<g%s>{self._face(piece)}</g>")
            content = f'{shadow}<use xlink:href="{face}"/>'
        else:
            face = self._defined(piece, turned=False)
            content = f'<use xlink:href="{face}"/>'
        if turned:
            name, turn = f"{name}-turned", ' transform="rotate(180)"'
        else:
            turn = ""
        return self.canvas.define(name, f"<g%s{turn}>{content}</g>")

    def _shadow(self, piece: Piece, *, turned: bool) -> str:
        """Light comes from the top of the picture, whichever way a piece points."""
        style = self.style
        if style.shadow is None or style.wood is None:
            return ""
        width = WIDTH * SIZES[piece.piece_type.unpromoted]
        look = (
            f'fill="{style.shadow}" stroke="{style.shadow}" stroke-width="1.6"'
            ' stroke-linejoin="round" opacity="0.3"'
        )
        path = f'<path%s d="{outline(width)}" {look}/>'
        below = -2.2 if turned else 2.2
        if self.canvas.selectable:
            return path % f' transform="translate(0 {below})"'
        href = self.canvas.define(f"shadow-{round(width)}", path)
        return f'<use xlink:href="{href}" y="{below}"/>'

    def _face(self, piece: Piece) -> str:
        """The wood and the characters on it, pointing up."""
        style, kind = self.style, piece.piece_type
        width = WIDTH * SIZES[kind.unpromoted]
        ink = style.promoted if kind.is_promoted else style.ink
        if style.wood is None:
            return self._text(piece, ink, WIDTH * 1.3, 0)
        wood = (
            f'<path d="{outline(width)}" fill="{style.wood}" stroke="{style.edge}"'
            ' stroke-width="1.2" stroke-linejoin="round"/>'
        )
        return wood + self._text(piece, ink, width, width * 0.075)

    def _text(self, piece: Piece, ink: str, width: float, down: float) -> str:
        """The characters: one, or one above the other, or letters beside each other."""
        text = characters(piece, self.letters)
        write = self.canvas.text
        if self.letters == "latin":
            size = width * (0.62 if len(text) == 1 else 0.5)
            return write(text, 0, down, size=size, fill=ink, face="serif")
        if len(text) == 1:
            return write(text, 0, down, size=width * 0.7, fill=ink, face="serif")
        size = width * 0.5
        return "".join(
            write(
                char,
                0,
                down + size * 0.86 * (row - 0.5),
                size=size,
                fill=ink,
                face="serif",
                scale=(1.06, 0.86),
            )
            for row, char in enumerate(text)
        )
