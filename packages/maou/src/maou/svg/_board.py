"""One board: its layers from the ground up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from maou.svg._arguments import diagram, square, step
from maou.svg._arrows import Arrow, Labels, policy_arrows, shaft
from maou.svg._canvas import Canvas, num
from maou.svg._hands import Hands
from maou.svg._layout import BOARD_H, BOARD_W, CELL_H, CELL_W, Layout
from maou.svg._picture import Svg
from maou.svg._pieces import CHARACTERS, PieceSet
from maou.svg._style import color as to_color
from maou.svg._style import style as to_style
from maou.vocabulary import PieceType, Square

if TYPE_CHECKING:
    from maou.svg._arguments import (
        BoardLike,
        Diagram,
        MoveLike,
        Policy,
        SquareLike,
        Step,
        Values,
    )
    from maou.svg._arrows import Point
    from maou.svg._pieces import Letters
    from maou.svg._style import Look, Style

Coordinates = Literal["kanji", "latin", "none"]

RANKS = {"kanji": "一二三四五六七八九", "latin": "abcdefghi"}
STARS = [(column, row) for column in (3, 6) for row in (3, 6)]


def board(
    board: BoardLike = None,
    *,
    last_move: MoveLike | None = None,
    arrows: Iterable[MoveLike | Arrow] = (),
    policy: Policy | None = None,
    squares: Iterable[SquareLike] | Values = (),
    numbers: str | None = ".2f",
    check: bool = True,
    flipped: bool = False,
    hands: bool = True,
    coordinates: Coordinates = "kanji",
    pieces: Letters = "one",
    style: Look | Style = "wood",
    size: int = 640,
    selectable: bool = False,
) -> Svg:
    """Draw a position.

    Args:
        board: A `maou.Board`, anything else that has an `sfen`, or an SFEN itself; None
            for the usual start position.
        last_move: The move that led to it; its squares are tinted. A move is USI text,
            a `maou.Move`, or a 16-bit number.
        arrows: Moves, or `Arrow` with color, weight and label; a drop starts at the
            piece on the stand of the side to move.
        policy: Probability of each move: `policy_arrows` makes arrows of it.
        squares: Squares to mark, such as `7f`, or a mapping from squares. One to a
            color's name marks the square in that color. One to a number tints the
            square by its share of the greatest number, values below zero in another
            color, and writes the number.
        numbers: Format of the numbers of `squares`, such as `.0%`; None writes none.
        check: Mark the king of the side to move if it is in check.
        flipped: Draw it as White sees it.
        hands: Draw the pieces in hand.
        coordinates: `kanji` (ranks 一 to 九), `latin` (a to i) or `none`.
        pieces: `one` or `two` kanji a piece, or `latin` letters.
        style: `wood`, `print` (black and white lines), `plain` (white, for heat and for
            papers), `dark`, or a `Style`.
        size: Width of the picture in pixels; it can be scaled without loss.
        selectable: Write text, which can be selected and searched, instead of
            outlines; then the fonts of whoever looks at it decide.

    Returns:
        An SVG document, as a `str` that notebooks show as a picture.

    Raises:
        RecordError: The SFEN is no legal position.
        ValueError: A move, a square, a color, a number or an option is none.

    Examples:
        >>> import maou
        >>> picture = maou.svg.board(last_move="7g7f", style="print")
        >>> picture[:4], len(picture) < 30_000
        ('<svg', True)
        >>> maou.svg.board(arrows=["7g7g"])
        Traceback (most recent call last):
        ...
        ValueError: expected a move in USI such as `7g7f`, found `7g7g`
    """
    look = to_style(style)
    _one_of("coordinates", coordinates, (*RANKS, "none"))
    _one_of("pieces", pieces, CHARACTERS)
    if not 1 <= size < float("inf"):
        raise ValueError(f"expected a size of at least 1 pixel, found `{size}`")
    drawn = _Board(
        diagram(board),
        look,
        Layout(
            flipped=flipped,
            hands=hands,
            trays=look.stand is not None,
            labels=coordinates != "none",
        ),
        Canvas(selectable=selectable),
        pieces,
    )
    drawn.ground()
    if last_move is not None:
        drawn.last_move(step(last_move))
    drawn.squares(squares)
    if check:
        drawn.check()
    drawn.grid()
    if coordinates != "none":
        drawn.coordinates(RANKS[coordinates])
    drawn.pieces()
    drawn.numbers(numbers)
    drawn.arrows(
        [arrow if isinstance(arrow, Arrow) else Arrow(arrow) for arrow in arrows]
        + policy_arrows({} if policy is None else policy)
    )
    return drawn.picture(size)


def _one_of(name: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        listed = ", ".join(f"`{one}`" for one in known)
        raise ValueError(f"expected `{name}` to be one of {listed}, found `{value}`")


class _Board:
    """The layers of one picture, in the order in which `board` asks for them."""

    def __init__(
        self,
        diagram: Diagram,
        style: Style,
        layout: Layout,
        canvas: Canvas,
        letters: Letters,
    ) -> None:
        self.diagram, self.style, self.layout = diagram, style, layout
        self.canvas = canvas
        self.piece_set = PieceSet(canvas, style, letters)
        self.hands = Hands(canvas, style, layout, diagram, self.piece_set)
        self.heat: dict[Square, float] = {}

    def ground(self) -> None:
        """The page and the wood of the board."""
        layout, style = self.layout, self.style
        self.canvas.add(
            f'<rect width="{layout.width}" height="{layout.height}"'
            f' fill="{style.page}"/>',
            f'<rect x="{layout.left}" y="{layout.top}" width="{BOARD_W}"'
            f' height="{BOARD_H}" fill="{style.board}"/>',
        )

    def _fill(self, square: Square, color: str, opacity: float = 1) -> None:
        x, y = self.layout.corner(square)
        through = "" if opacity == 1 else f' fill-opacity="{num(opacity)}"'
        self.canvas.add(
            f'<rect x="{x}" y="{y}" width="{CELL_W}" height="{CELL_H}"'
            f' fill="{color}"{through}/>'
        )

    def _frame(self, square: Square, color: str, width: float = 4) -> None:
        x, y = self.layout.corner(square)
        inset = width / 2 + 0.5
        self.canvas.add(
            f'<rect x="{num(x + inset)}" y="{num(y + inset)}"'
            f' width="{num(CELL_W - 2 * inset)}" height="{num(CELL_H - 2 * inset)}"'
            f' rx="3" fill="none" stroke="{color}" stroke-width="{num(width)}"/>'
        )

    def last_move(self, step: Step) -> None:
        """Tint the squares of a move."""
        if isinstance(step.origin, Square):
            self._fill(step.origin, self.style.last_from)
        self._fill(step.target, self.style.last_to)

    def squares(self, squares: Iterable[SquareLike] | Values) -> None:
        """Tint squares by number, and mark them by color."""
        if not isinstance(squares, Mapping):
            squares = dict.fromkeys(squares, self.style.mark)
        marks = {}
        for name, value in squares.items():
            at = square(name)
            if isinstance(value, str):
                marks[at] = to_color(value)
            elif not math.isfinite(value):
                raise ValueError(
                    f"expected a finite number for `{at}`, found `{value}`"
                )
            else:
                self.heat[at] = float(value)
        for at in self.heat:
            self._fill(at, self._heat_color(at), self._share(at))
        for at, color in marks.items():
            self._fill(at, color, 0.22)
            self._frame(at, color)

    def _heat_color(self, square: Square) -> str:
        return self.style.high if self.heat[square] >= 0 else self.style.low

    def _share(self, square: Square) -> float:
        """How strong a tint is: by its share of the greatest value."""
        greatest = max(map(abs, self.heat.values())) or 1
        return 0.9 * abs(self.heat[square]) / greatest

    def check(self) -> None:
        """Mark the king of the side to move if it is in check."""
        king = self.diagram.king(self.diagram.turn)
        if king is not None and self.diagram.in_check:
            self._fill(king, self.style.check, 0.35)
            self._frame(king, self.style.check)

    def grid(self) -> None:
        """Lines, star points and the frame."""
        layout, style = self.layout, self.style
        left, top = layout.left, layout.top
        lines = "".join(
            f"M{left + n * CELL_W} {top}v{BOARD_H}M{left} {top + n * CELL_H}h{BOARD_W}"
            for n in range(1, 9)
        )
        stars = (
            f'<circle cx="{left + column * CELL_W}" cy="{top + row * CELL_H}" r="3.4"'
            f' fill="{style.line}"/>'
            for column, row in STARS
        )
        self.canvas.add(
            f'<path d="{lines}" fill="none" stroke="{style.line}"'
            f' stroke-width="{num(style.line_width)}"/>',
            *stars,
            f'<rect x="{left}" y="{top}" width="{BOARD_W}" height="{BOARD_H}"'
            f' fill="none" stroke="{style.line}"'
            f' stroke-width="{num(style.frame_width)}"/>',
        )

    def coordinates(self, ranks: str) -> None:
        """Files in digits above the board, ranks to its right."""
        layout, write = self.layout, self.canvas.text
        fill = self.style.label
        for n in range(1, 10):
            x, y = layout.middle(Square.at(n, n))
            above, beside = layout.top - 15, layout.right + 15
            self.canvas.add(
                write(str(n), x, above, size=19, fill=fill, face="serif"),
                write(ranks[n - 1], beside, y, size=18, fill=fill, face="serif"),
            )

    def pieces(self) -> None:
        """What stands on the board and beside it."""
        for at, piece in self.diagram.pieces.items():
            turned = self.layout.turned(piece.color)
            x, y = self.layout.middle(at)
            self.canvas.add(self.piece_set.draw(piece, x, y, turned=turned))
        if self.layout.hands:
            for color in self.diagram.hands:
                self.hands.draw(color)

    def numbers(self, spec: str | None) -> None:
        """Write the numbers of tinted squares, where they hide no character."""
        if spec is None:
            return
        for at, value in self.heat.items():
            x, y = self.layout.middle(at)
            text = format(value, spec)
            piece = self.diagram.pieces.get(at)
            if piece is None:
                ink = _readable(self._blend(at))
                self.canvas.add(self.canvas.text(text, x, y, size=20, fill=ink))
                continue
            aside = -1 if not self.layout.turned(piece.color) else 1
            self.canvas.add(
                self.canvas.text(
                    text,
                    x + aside * (CELL_W / 2 - 3),
                    y + aside * (CELL_H / 2 - 9),
                    size=14,
                    fill="#000000",
                    anchor="start" if aside < 0 else "end",
                    halo="#ffffff",
                )
            )

    def _blend(self, square: Square) -> tuple[float, ...]:
        """The color that a tinted square has."""
        share = self._share(square)
        over, under = _rgb(self._heat_color(square)), _rgb(self.style.board)
        return tuple(
            share * o + (1 - share) * u for o, u in zip(over, under, strict=True)
        )

    def arrows(self, arrows: list[Arrow]) -> None:
        """Draw moves, the widest first, and then the words on them."""
        drawn = [
            (arrow, *self._ends(step(arrow.move)))
            for arrow in sorted(arrows, key=lambda arrow: -arrow.weight)
        ]
        labels = Labels(self.canvas, "#ffffff", "#000000")
        words = []
        for _, start, end in drawn:
            labels.keep_free(start, end)
        for arrow, start, end in drawn:
            color = to_color(arrow.color) if arrow.color else self.style.arrow
            self.canvas.add(shaft(start, end, arrow.weight, color, "#ffffff"))
            if arrow.label:
                words.append(labels.write(arrow.label, start, end, color))
        self.canvas.add(*words)

    def _ends(self, step: Step) -> tuple[Point, Point]:
        """Where an arrow starts and where it ends."""
        end = self.layout.middle(step.target)
        if isinstance(step.origin, PieceType):
            return self.hands.start(self.diagram.turn, step.origin), end
        return self.layout.middle(step.origin), end

    def picture(self, size: int) -> Svg:
        """The finished document."""
        layout = self.layout
        title = self.diagram.sfen
        return Svg(self.canvas.document(title, layout.width, layout.height, size))


def _rgb(color: str) -> tuple[float, ...]:
    return tuple(int(color[n : n + 2], 16) / 255 for n in (1, 3, 5))


def _readable(ground: tuple[float, ...]) -> str:
    """Black or white, whichever is easier to read on a color (WCAG 2 contrast)."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in ground
    ]
    luminance = sum(
        w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True)
    )
    return "#ffffff" if luminance < 0.179 else "#000000"
