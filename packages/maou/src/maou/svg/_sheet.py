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

GAP = 28
CAPTION, CAPTION_SIZE, CAPTION_LINE = 52, 30, 38

_PICTURE = re.compile(
    r'<svg [^>]*viewBox="0 0 ([\d.]+) ([\d.]+)"[^>]*>\n<title>(.*)</title>\n'
    r"<defs>\n(.*?)\n?</defs>\n(.*)</svg>\n",
    re.DOTALL,
)
_ID = re.compile(r'(?<=id=")m[0-9a-f]{8}(?=-)')
_NAME = re.compile(rf' id="{PREFIX}-([\w-]+)"')
_REFERENCE = re.compile(rf'#{PREFIX}-([\w-]+)"')


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
        captions: A line under each board, or several with line breaks. Latin text,
            numerals and the characters of moves and of figures (第1図) become outlines;
            a line with others stays text.
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
    if not 1 <= size < float("inf"):
        raise ValueError(f"expected a size of at least 1 pixel, found `{size}`")
    columns = min(columns, len(pictures))
    canvas = Canvas(selectable=False)
    parts = [
        _Part(picture, caption, canvas)
        for picture, caption in zip(
            pictures, captions or [""] * len(pictures), strict=True
        )
    ]
    n_lines = max(1, *(len(part.caption) for part in parts))
    below = CAPTION + (n_lines - 1) * CAPTION_LINE if captions else 0
    cell = max(part.width for part in parts)
    rows = [parts[n : n + columns] for n in range(0, len(parts), columns)]
    heights = [max(part.height for part in row) + below for row in rows]
    width = columns * (cell + GAP) + GAP
    height = sum(heights) + GAP * (len(rows) + 1)
    canvas.add(
        f'<rect width="{num(width)}" height="{num(height)}" fill="{look.page}"/>'
    )
    y: float = GAP
    for row, row_height in zip(rows, heights, strict=True):
        for column, part in enumerate(row):
            x = GAP + column * (cell + GAP)
            canvas.add(part.at(x + (cell - part.width) / 2, y))
            under = y + row_height - below + CAPTION / 2
            for idx, line in enumerate(part.caption):
                middle = x + cell / 2, under + idx * CAPTION_LINE
                canvas.add(
                    canvas.text(line, *middle, size=CAPTION_SIZE, fill=look.label)
                )
        y += row_height + GAP
    title = f"{len(parts)} boards"
    return Svg(canvas.document(title, width, height, size))


class _Part:
    """A picture taken apart: its definitions go to the sheet, shared where alike."""

    def __init__(self, picture: Svg, caption: str, canvas: Canvas) -> None:
        found = _PICTURE.fullmatch(picture)
        if found is None:
            raise ValueError("expected a picture that `board` has made, found another")
        width, height, self.title, definitions, body = found.groups()
        self.width, self.height = float(width), float(height)
        self.caption = caption.split("\n") if caption else []
        prefix = _ID.search(definitions)
        if prefix:
            definitions = definitions.replace(prefix[0], PREFIX)
            body = body.replace(f"#{prefix[0]}-", f"#{PREFIX}-")
        shared: dict[str, str] = {}

        def renamed(reference: re.Match[str]) -> str:
            return f'#{PREFIX}-{shared[reference[1]]}"'

        # What a definition refers to stands before it.
        for name, line in zip(
            _NAME.findall(definitions), definitions.splitlines(), strict=True
        ):
            shared[name] = canvas.share(name, _REFERENCE.sub(renamed, line))
        self.body = _REFERENCE.sub(renamed, body)

    def at(self, x: float, y: float) -> str:
        """The picture as an element of a sheet."""
        size = f'width="{num(self.width)}" height="{num(self.height)}"'
        box = f"0 0 {num(self.width)} {num(self.height)}"
        return (
            f'<svg x="{num(x)}" y="{num(y)}" {size} viewBox="{box}">\n'
            f"<title>{self.title}</title>\n{self.body}</svg>"
        )
