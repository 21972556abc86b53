"""SVG text from outlines: what every picture is put together with.

A picture holds no fonts, scripts or styles. Its ids start with a checksum of itself,
so that any number of pictures can stand in one page.
"""

from __future__ import annotations

import json
import zlib
from functools import cache
from importlib.resources import files
from typing import Any, Literal
from xml.sax.saxutils import escape

Face = Literal["serif", "sans"]
Anchor = Literal["start", "middle", "end"]

FAMILIES = {
    "serif": (
        "'Noto Serif CJK JP','Noto Serif JP','Source Han Serif JP',"
        "'Hiragino Mincho ProN','Yu Mincho',YuMincho,'BIZ UDMincho','MS PMincho',serif"
    ),
    "sans": (
        "'Noto Sans CJK JP','Noto Sans JP','Hiragino Sans','Yu Gothic',Meiryo,"
        "sans-serif"
    ),
}
PREFIX = "\0"
"""Stands for the start of the ids until the picture is complete."""
EM = 500
"""Units of an em in which outlines are."""
SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"

# The middle of a kanji, and of a digit or a capital, above its baseline, in ems.
_MIDDLE, _CAPITAL_MIDDLE = 0.38, 0.366


@cache
def outlines(face: Face) -> dict[str, tuple[int, str]]:
    """Advance width and path of each character, in 500ths of an em."""
    text = files("maou.svg").joinpath("glyphs.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return {name: (width, path) for name, (width, path) in loaded[face].items()}


def num(value: float) -> str:
    """A number as short as two decimals allow."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def middle(text: str) -> float:
    """How far the middle of a line is above its baseline, in ems."""
    return _CAPITAL_MIDDLE if text.isascii() else _MIDDLE


class Canvas:
    """Collects definitions and a body, and makes an SVG document of them."""

    def __init__(self, *, selectable: bool) -> None:
        """Start with nothing; `selectable` text stays text and needs a font."""
        self.selectable = selectable
        self.body: list[str] = []
        self._definitions: dict[str, str] = {}

    def add(self, *parts: str) -> None:
        """Draw on top of what is there."""
        self.body.extend(parts)

    def define(self, name: str, element: str) -> str:
        """Keep an element, whose text has `%s` where its id stands; returns the id."""
        self._definitions.setdefault(name, element % f' id="{PREFIX}-{name}"')
        return f"#{PREFIX}-{name}"

    def share(self, name: str, element: str) -> str:
        """Keep an element of another canvas; returns the name that it has here."""
        taken, n = name, 1
        while True:
            ours = element.replace(f'id="{PREFIX}-{name}"', f'id="{PREFIX}-{taken}"')
            if self._definitions.setdefault(taken, ours) == ours:
                return taken
            n += 1
            taken = f"{name}-{n}"

    def glyph(self, character: str, face: Face) -> str:
        """Keep the outline of a character; returns the id."""
        _, path = outlines(face)[character]
        name = f"{face[:2]}{ord(character):x}"
        return self.define(name, f'<path%s d="{path}"/>')

    def width(self, text: str, size: float, face: Face) -> float:
        """Width of a text, estimated where its characters have no outline."""
        table, guess = outlines(face), {True: 0.56 * EM, False: EM}
        widths = (
            table[char][0] if char in table else guess[ord(char) < 0x250]
            for char in text
        )
        return sum(widths) * size / EM

    def text(
        self,
        text: str,
        x: float,
        y: float,
        *,
        size: float,
        fill: str,
        face: Face = "sans",
        anchor: Anchor = "middle",
        scale: tuple[float, float] = (1, 1),
        halo: str | None = None,
    ) -> str:
        """A line of text whose vertical middle is `y`; a halo is drawn around it.

        Characters without an outline make the whole line a text element, which needs a
        font where it is shown.
        """
        down = size * middle(text)
        if self.selectable or not set(text) <= outlines(face).keys():
            place = f'x="{num(x)}" y="{num(y + down * scale[1])}"'
            if scale != (1, 1):
                factors = f"{num(scale[0])} {num(scale[1])}"
                move = f"translate({num(x)} {num(y)}) scale({factors})"
                place = f'transform="{move}" y="{num(down)}"'
            stroke = (
                f' stroke="{halo}" stroke-width="3.6" paint-order="stroke"'
                if halo
                else ""
            )
            return (
                f'<text {place} font-family="{FAMILIES[face]}" font-weight="700"'
                f' font-size="{num(size)}" text-anchor="{anchor}" fill="{fill}"'
                f"{stroke}>{escape(text)}</text>"
            )
        start = x
        if anchor != "start":
            share = {"middle": 0.5, "end": 1.0}[anchor]
            start -= share * self.width(text, size, face) * scale[0]
        factors = f"{size * scale[0] / EM:.5g}"
        if scale[0] != scale[1]:
            factors += f" {size * scale[1] / EM:.5g}"
        transform = (
            f'transform="translate({num(start)} {num(y + down * scale[1])})'
            f' scale({factors})" fill="{fill}"'
        )
        outlined = self._outlined(text, face, transform)
        if not halo:
            return outlined
        # Twice, since not every program knows `paint-order`.
        stroke = f'stroke="{halo}" stroke-width="{num(3.6 * EM / size)}"'
        return f'<g {stroke} stroke-linejoin="round">{outlined}</g>{outlined}'

    def _outlined(self, text: str, face: Face, attributes: str) -> str:
        """The outlines of a line of text, side by side."""
        parts, at = [], 0
        for character in text:
            advance, path = outlines(face)[character]
            if path:
                place = f' x="{at}"' if at else ""
                href = self.glyph(character, face)
                parts.append(f'<use xlink:href="{href}"{place}/>')
            at += advance
        if len(text) == len(parts) == 1:
            return parts[0].replace("/>", f" {attributes}/>")
        return f"<g {attributes}>{''.join(parts)}</g>"

    def document(self, title: str, width: float, height: float, size: int) -> str:
        """The whole document, `size` pixels wide, with ids of its own."""
        pixels = round(size * height / width)
        lines = [
            (
                f'<svg xmlns="{SVG}" xmlns:xlink="{XLINK}"'
                f' viewBox="0 0 {num(width)} {num(height)}"'
                f' width="{size}" height="{pixels}" role="img">'
            ),
            f"<title>{escape(title)}</title>",
            "<defs>",
            *self._definitions.values(),
            "</defs>",
            *self.body,
            "</svg>\n",
        ]
        text = "\n".join(lines)
        return text.replace(PREFIX, f"m{zlib.crc32(text.encode()):08x}")
