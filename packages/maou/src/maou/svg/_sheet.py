"""Several boards in one picture."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from maou.svg._board import board
from maou.svg._canvas import PREFIX, Canvas, num
from maou.svg._picture import Svg
from maou.svg._style import style as to_style

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from maou.svg._arguments import BoardLike
    from maou.svg._style import Look, Style

CELL = 800
"""Width of one board on a sheet, in the sheet's own units."""
GAP = 28
CAPTION, CAPTION_SIZE = 52, 30

_PICTURE = re.compile(
    r'<svg [^>]*viewBox="0 0 ([\d.]+) ([\d.]+)"[^>]*>\n<title>(.*)</title>\n'
    r"<defs>\n(.*?)\n?</defs>\n(.*)</svg>\n",
    re.DOTALL,
)
_ID = re.compile(r'(?<=id=")m[0-9a-f]{8}(?=-)')
_NAME = re.compile(rf'(?<=id="){PREFIX}-([\w-]+)')


def sheet(
    boards: Iterable[Svg | BoardLike],
    *,
    columns: int | None = None,
    captions: Sequence[str] | None = None,
    style: Look | Style = "wood",
    size: int = 1200,
) -> Svg:
    """Put several boards into one picture, row by row.

    Args:
        boards: Pictures that `board` has made, or positions.
        columns: How many beside each other; None is as square as it gets.
        captions: One line under each board. Latin text, numerals and the characters of
            moves and of figures (第1図) become outlines; a line with others stays text.
        style: How positions look, and the page of the sheet.
        size: Width of the whole picture in pixels.

    Returns:
        An SVG document, as a `str` that notebooks show as a picture.

    Raises:
        RecordError: An SFEN is no legal position.
        ValueError: There is no board, or not a caption for each of them, or an option
            is none.

    Examples:
        >>> import maou
        >>> first = maou.svg.board(last_move="7g7f")
        >>> picture = maou.svg.sheet([first, None], captions=["Figure 1", "第2図"])
        >>> picture.count("<title>")
        3
    """
    look = to_style(style)
    pictures = [
        item if isinstance(item, Svg) else board(item, style=look) for item in boards
    ]
    if not pictures:
        raise ValueError("expected at least one board, found none")
    if captions is not None and len(captions) != len(pictures):
        raise ValueError(
            f"expected a caption for each of {len(pictures)} boards, found"
            f" {len(captions)}"
        )
    if columns is None:
        columns = math.ceil(math.sqrt(len(pictures)))
    if columns < 1:
        raise ValueError(f"expected at least one column, found `{columns}`")
    if not size >= 1:
        raise ValueError(f"expected a size of at least 1 pixel, found `{size}`")
    columns = min(columns, len(pictures))
    canvas = Canvas(selectable=False)
    parts = [_Part(picture, canvas) for picture in pictures]
    below = CAPTION if captions else 0
    tallest = max(part.height for part in parts)
    rows = math.ceil(len(parts) / columns)
    width = columns * (CELL + GAP) + GAP
    height = rows * (tallest + below + GAP) + GAP
    canvas.add(f'<rect width="{width}" height="{num(height)}" fill="{look.page}"/>')
    for n, part in enumerate(parts):
        row, column = divmod(n, columns)
        x, y = GAP + column * (CELL + GAP), GAP + row * (tallest + below + GAP)
        canvas.add(part.at(x, y))
        if captions and captions[n]:
            middle, under = x + CELL / 2, y + tallest + CAPTION / 2
            fill = look.label
            text = canvas.text(captions[n], middle, under, size=CAPTION_SIZE, fill=fill)
            canvas.add(text)
    title = f"{len(parts)} boards"
    return Svg(canvas.document(title, width, height, size))


class _Part:
    """A picture taken apart: its definitions go to the sheet, shared where alike."""

    def __init__(self, picture: Svg, canvas: Canvas) -> None:
        found = _PICTURE.fullmatch(picture)
        if found is None:
            raise ValueError("expected a picture that `board` has made, found another")
        box_w, box_h, self.title, definitions, body = found.groups()
        self.box = f"0 0 {box_w} {box_h}"
        self.height = CELL * float(box_h) / float(box_w)
        prefix = _ID.search(definitions)
        if prefix:
            definitions = definitions.replace(prefix[0], PREFIX)
            body = body.replace(f"#{prefix[0]}-", f"#{PREFIX}-")
        for line in definitions.splitlines():
            name = _NAME.search(line)[1]  # type: ignore[index]
            shared = canvas.share(name, line)
            if shared != name:
                body = body.replace(f'#{PREFIX}-{name}"', f'#{PREFIX}-{shared}"')
        self.body = body

    def at(self, x: float, y: float) -> str:
        """The picture as an element of a sheet."""
        return (
            f'<svg x="{num(x)}" y="{num(y)}" width="{CELL}" height="{num(self.height)}"'
            f' viewBox="{self.box}">\n<title>{self.title}</title>\n{self.body}</svg>'
        )
