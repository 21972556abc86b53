"""Boards as SVG text: for a notebook, a web page or a printer.

Nothing is embedded and nothing is shared: the text has no fonts, scripts, styles or
ids, so that any number of boards can stand in one page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from maou_rust import maou_shogi

from maou.vocabulary import Color

if TYPE_CHECKING:
    from collections.abc import Iterator

CELL_W, CELL_H = 60, 64
"""Squares are a little taller than wide, as on a real board."""
MARGIN = 16
STAND_W = 96
GAP = 20
LABEL = 26
BOARD_X = MARGIN + STAND_W + GAP
BOARD_Y = MARGIN + LABEL
BOARD_W, BOARD_H = 9 * CELL_W, 9 * CELL_H
WIDTH = BOARD_X + BOARD_W + LABEL + GAP + STAND_W + MARGIN
HEIGHT = BOARD_Y + BOARD_H + MARGIN

KANJI_FONTS = (
    "'Noto Serif CJK JP','Noto Serif JP','Source Han Serif JP','Hiragino Mincho ProN',"
    "'Yu Mincho',YuMincho,'BIZ UDMincho','MS PMincho','Noto Sans CJK JP',serif"
)
LABEL_FONTS = (
    "'Noto Sans CJK JP','Noto Sans JP','Hiragino Sans','Yu Gothic',Meiryo,sans-serif"
)
WOOD, PIECE_WOOD, EDGE, LINE = "#f6dfae", "#fff3d6", "#8a6a35", "#5b4522"
INK, RED, GREY = "#17130d", "#c4161c", "#6d6354"
TO, FROM = "#f2b04a", "#f5cf8a"

KANJI = {
    "P": "歩", "L": "香", "N": "桂", "S": "銀",
    "G": "金", "B": "角", "R": "飛", "K": "玉",
    "+P": "と", "+L": "杏", "+N": "圭", "+S": "全", "+B": "馬", "+R": "龍",
}  # fmt: skip
SCALE = {"K": 1.0, "R": 0.97, "B": 0.97, "G": 0.94, "S": 0.94, "N": 0.9, "L": 0.88}
"""Real pieces differ in size by rank; a pawn is the smallest."""
RANKS = "一二三四五六七八九"
HAND_ORDER = "RBGSNLP"


class Svg(str):
    """SVG text, which notebooks show as a picture."""

    __slots__ = ()

    def _repr_svg_(self) -> str:
        return str(self)


def board(
    sfen: str | None = None,
    *,
    last_move: str | int | None = None,
    flipped: bool = False,
    size: int = 640,
) -> Svg:
    """Draw a position.

    Args:
        sfen: The position, None for the usual start position.
        last_move: The move that led to it, as USI text or as a 16-bit move; its
            squares are highlighted.
        flipped: Draw it as White sees it.
        size: Width of the picture in pixels; it can be scaled without loss.

    Returns:
        An SVG document, as a `str` that notebooks show as a picture.

    Raises:
        RecordError: The SFEN is no legal position.
        ValueError: `last_move` is no move.

    Examples:
        >>> import maou
        >>> picture = maou.svg.board()
        >>> picture.count("歩"), picture[:4]
        (18, '<svg')
    """
    text = maou_shogi.start_sfen() if sfen is None else sfen
    canonical = maou_shogi.canonical_sfen(text)
    rows, turn, hands, _ = canonical.split()
    to_move = Color.BLACK if turn == "b" else Color.WHITE
    below = Color.WHITE if flipped else Color.BLACK
    height = round(size * HEIGHT / WIDTH)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{size}" height="{height}" role="img">'
        ),
        f"<title>{escape(canonical)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        *_squares(_squares_of(last_move), flipped),
        *_labels(flipped),
        *_pieces(rows, flipped),
        *_stand(below, hands, to_move, turned=False),
        *_stand(below.opponent, hands, to_move, turned=True),
        "</svg>",
    ]
    return Svg("\n".join(parts) + "\n")


def _squares_of(move: str | int | None) -> list[tuple[int, int, str]]:
    """File, rank (from 0) and color of the squares to highlight."""
    if move is None:
        return []
    usi = maou_shogi.move16_to_usi(move) if isinstance(move, int) else move
    from_text, to_text = usi[:2], usi[2:4]
    to_square = _square(to_text)
    drop = from_text[1:] == "*" and from_text[0] in HAND_ORDER
    from_square = None if drop else _square(from_text)
    if to_square is None or not (drop or from_square) or usi[4:] not in ("", "+"):
        raise ValueError(f"expected a move in USI such as `7g7f`, found `{usi}`")
    origin = [] if from_square is None else [(*from_square, FROM)]
    return [*origin, (*to_square, TO)]


def _square(text: str) -> tuple[int, int] | None:
    if len(text) != 2 or text[0] not in "123456789" or text[1] not in "abcdefghi":
        return None
    return int(text[0]) - 1, "abcdefghi".index(text[1])


def _corner(file: int, rank: int, flipped: bool) -> tuple[int, int]:
    """Top left corner of a square on the picture."""
    column, row = (file, 8 - rank) if flipped else (8 - file, rank)
    return BOARD_X + column * CELL_W, BOARD_Y + row * CELL_H


def _squares(highlights: list[tuple[int, int, str]], flipped: bool) -> Iterator[str]:
    right, bottom = BOARD_X + BOARD_W, BOARD_Y + BOARD_H
    yield (
        f'<rect x="{BOARD_X}" y="{BOARD_Y}" width="{BOARD_W}" height="{BOARD_H}"'
        f' fill="{WOOD}"/>'
    )
    for file, rank, color in highlights:
        x, y = _corner(file, rank, flipped)
        yield (
            f'<rect x="{x}" y="{y}" width="{CELL_W}" height="{CELL_H}" fill="{color}"/>'
        )
    lines = [
        f"M{BOARD_X + n * CELL_W} {BOARD_Y}V{bottom}"
        f"M{BOARD_X} {BOARD_Y + n * CELL_H}H{right}"
        for n in range(1, 9)
    ]
    yield f'<path d="{"".join(lines)}" stroke="{LINE}" fill="none"/>'
    for column in (3, 6):
        for row in (3, 6):
            x, y = BOARD_X + column * CELL_W, BOARD_Y + row * CELL_H
            yield f'<circle cx="{x}" cy="{y}" r="3.5" fill="{LINE}"/>'
    yield (
        f'<rect x="{BOARD_X}" y="{BOARD_Y}" width="{BOARD_W}" height="{BOARD_H}"'
        f' fill="none" stroke="{LINE}" stroke-width="3"/>'
    )


def _labels(flipped: bool) -> Iterator[str]:
    """Files in digits above the board, ranks in kanji to its right."""
    yield (
        f'<g font-family="{LABEL_FONTS}" font-size="17" text-anchor="middle"'
        f' fill="{GREY}">'
    )
    for n in range(9):
        x, y = _corner(n, n, flipped)
        yield f'<text x="{x + CELL_W // 2}" y="{BOARD_Y - 9}">{n + 1}</text>'
        yield (
            f'<text x="{BOARD_X + BOARD_W + LABEL // 2 + 2}"'
            f' y="{y + CELL_H / 2 + 6}">{RANKS[n]}</text>'
        )
    yield "</g>"


def _pieces(rows: str, flipped: bool) -> Iterator[str]:
    """Draw what stands on the board, from the first field of an SFEN."""
    for rank, row in enumerate(rows.split("/")):
        file, promoted = 8, ""
        for char in row:
            if char == "+":
                promoted = "+"
            elif char.isdigit():
                file -= int(char)
            else:
                x, y = _corner(file, rank, flipped)
                color = Color.BLACK if char.isupper() else Color.WHITE
                yield _piece(
                    x + CELL_W / 2,
                    y + CELL_H / 2,
                    promoted + char.upper(),
                    color,
                    turned=(color is Color.WHITE) != flipped,
                )
                file, promoted = file - 1, ""


def _piece(
    x: float, y: float, name: str, color: Color, *, turned: bool, width: float = 52
) -> str:
    """Draw one piece around a center: wood, and a kanji that reads from its side."""
    width *= SCALE.get(name[-1], 0.85)
    kanji = "王" if name == "K" and color is Color.WHITE else KANJI[name]
    ink = RED if name[0] == "+" else INK
    rotation = " rotate(180)" if turned else ""
    font = width * 0.63
    return (
        f'<g transform="translate({x:g} {y:g}){rotation}">'
        f'<path d="{_outline(width)}" fill="{PIECE_WOOD}" stroke="{EDGE}"'
        f' stroke-width="1.4" stroke-linejoin="round"/>'
        f'<text y="{font * 0.44:.1f}" font-family="{KANJI_FONTS}" font-weight="700"'
        f' font-size="{font:.1f}" text-anchor="middle" fill="{ink}">{kanji}</text></g>'
    )


def _outline(width: float) -> str:
    """The five corners of a piece that points up, around its center."""
    half, height = width / 2, width * 1.1
    top, shoulder, bottom = -height / 2, -height * 0.31, height / 2
    return (
        f"M0 {top:.1f}L{half * 0.74:.1f} {shoulder:.1f}L{half:.1f} {bottom:.1f}"
        f"H{-half:.1f}L{-half * 0.74:.1f} {shoulder:.1f}Z"
    )


def _hand(hands: str, color: Color) -> list[tuple[str, int]]:
    """Pieces and counts of one side, from the third field of an SFEN."""
    counts: dict[str, int] = {}
    digits = ""
    for char in hands:
        if char.isdigit():
            digits += char
            continue
        if char.isupper() == (color is Color.BLACK) and char != "-":
            counts[char.upper()] = int(digits or 1)
        digits = ""
    return [(name, counts[name]) for name in HAND_ORDER if name in counts]


def _stand(color: Color, hands: str, to_move: Color, *, turned: bool) -> Iterator[str]:
    """Draw a side's stand with its pieces in hand, as that side sees it.

    It stands to the right of the board at the bottom; `turned` puts it, rotated, to
    the left at the top.
    """
    step, head = 56, 54
    pieces = _hand(hands, color)
    height = head + step * max(len(pieces), 1) + 8
    x, y = BOARD_X + BOARD_W + LABEL + GAP, BOARD_Y + BOARD_H - height
    if turned:
        x, y = MARGIN + STAND_W, BOARD_Y + height
    rotation = " rotate(180)" if turned else ""
    yield f'<g transform="translate({x} {y}){rotation}">'
    edge, edge_width = (RED, 2.5) if color is to_move else (EDGE, 1.4)
    yield (
        f'<rect width="{STAND_W}" height="{height}" rx="6" fill="{WOOD}"'
        f' stroke="{edge}" stroke-width="{edge_width}"/>'
    )
    mark = INK if color is Color.BLACK else "#fff"
    label = "先手" if color is Color.BLACK else "後手"
    yield (
        f'<path transform="translate(22 28)" d="{_outline(20)}" fill="{mark}"'
        f' stroke="{INK}" stroke-width="1.6" stroke-linejoin="round"/>'
        f'<text x="38" y="35" font-family="{LABEL_FONTS}" font-size="20"'
        f' fill="{INK}">{label}</text>'
    )
    for n, (name, number) in enumerate(pieces):
        center = head + step * n + step / 2
        yield _piece(34, center, name, color, turned=False, width=46)
        if number > 1:
            yield (
                f'<text x="62" y="{center + 9:g}" font-family="{LABEL_FONTS}"'
                f' font-size="25" fill="{INK}">{number}</text>'
            )
    if not pieces:
        yield (
            f'<text x="{STAND_W / 2:g}" y="{head + step / 2 + 7:g}" fill="{GREY}"'
            f' font-family="{LABEL_FONTS}" font-size="20" text-anchor="middle">'
            "なし</text>"
        )
    yield "</g>"
