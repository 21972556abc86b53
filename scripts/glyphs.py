# /// script
# requires-python = ">=3.11"
# dependencies = ["fonttools==4.68.0"]
# ///
"""Make the outlines that pictures of boards are drawn with, from installed fonts.

    uv run scripts/glyphs.py

The fonts are Noto Serif CJK JP Bold and Noto Sans CJK JP Bold, as Debian's package
`fonts-noto-cjk` installs them. Their license, the SIL Open Font License 1.1, holds for
the outlines too; it lies beside the file that this script writes.
"""

from __future__ import annotations

import argparse
import json
import string
from pathlib import Path

from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTCollection

ROOT = Path(__file__).parent.parent
OUT = ROOT / "packages/maou/src/maou/svg/glyphs.json"
FONTS = Path("/usr/share/fonts/opentype/noto")
FACES = {
    "serif": ("NotoSerifCJK-Bold.ttc", "Noto Serif CJK JP"),
    "sans": ("NotoSansCJK-Bold.ttc", "Noto Sans CJK JP"),
}
PIECES = "歩香桂銀金角飛玉王と杏圭全馬龍兵車将行成"
NUMERALS = "一二三四五六七八九十"
CAPTIONS = "第図番前は先手後同打不左右上引寄直まで竜▲△▼▽　、。（）「」・−–—×…"
CHARACTERS = {
    "serif": PIECES + NUMERALS + "先手後番なし" + string.digits + "PLNSGBRK+abcdefghi",
    "sans": "".join(chr(code) for code in range(0x20, 0x7F))
    + CAPTIONS
    + PIECES
    + NUMERALS,
}


class PathPen(BasePen):  # type: ignore[misc]
    """Writes an outline as SVG path data: whole numbers, relative, y downwards."""

    def __init__(self, glyphs: object) -> None:
        """Start with nothing; `glyphs` holds what composed glyphs are made of."""
        super().__init__(glyphs)
        self.parts: list[str] = []
        self.at = self.start = (0, 0)

    def _moveTo(self, point: tuple[float, float]) -> None:  # noqa: N802
        x, y = self._round(point)
        # Relative to the end of the last outline: that is where `z` has led to.
        self._put("m", x - self.at[0], y - self.at[1])
        self.at = self.start = (x, y)

    def _lineTo(self, point: tuple[float, float]) -> None:  # noqa: N802
        x, y = self._round(point)
        dx, dy = x - self.at[0], y - self.at[1]
        if dy == 0:
            self._put("h", dx)
        elif dx == 0:
            self._put("v", dy)
        else:
            self._put("l", dx, dy)
        self.at = (x, y)

    def _curveToOne(self, *points: tuple[float, float]) -> None:  # noqa: N802
        x0, y0 = self.at
        rounded = [self._round(point) for point in points]
        self._put("c", *(n for x, y in rounded for n in (x - x0, y - y0)))
        self.at = rounded[-1]

    def _closePath(self) -> None:  # noqa: N802
        self.parts.append("z")
        self.at = self.start

    @staticmethod
    def _round(point: tuple[float, float]) -> tuple[int, int]:
        return round(point[0] / 2), -round(point[1] / 2)

    def _put(self, command: str, *numbers: int) -> None:
        text = str(numbers[0])
        for number in numbers[1:]:
            text += str(number) if number < 0 else f" {number}"
        repeats = command in "lc" and self.parts and self.parts[-1][0] == command
        if repeats:
            self.parts[-1] += text if text[0] == "-" else f" {text}"
        else:
            self.parts.append(command + text)


def outlines(path: Path, family: str, characters: str) -> dict[str, list[int | str]]:
    """Advance width and path data of each character, in 500ths of an em.

    Finer steps are below what a printer shows at the size of a piece.
    """
    fonts = TTCollection(path, lazy=True)
    font = next(font for font in fonts if font["name"].getDebugName(1) == family)
    if font["head"].unitsPerEm != 1000:
        raise SystemExit(f"{path}: expected 1000 units an em")
    glyphs, names = font.getGlyphSet(), font.getBestCmap()
    found: dict[str, list[int | str]] = {}
    for character in sorted(set(characters)):
        if ord(character) not in names:
            raise SystemExit(f"{path}: has no `{character}`")
        glyph = glyphs[names[ord(character)]]
        pen = PathPen(glyphs)
        glyph.draw(pen)
        found[character] = [round(glyph.width / 2), "".join(pen.parts)]
    return found


def main() -> None:
    """Write the outlines of all faces, whole or not at all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fonts", type=Path, default=FONTS, help="folder of the fonts")
    parser.add_argument("-o", "--out", type=Path, default=OUT, help="file to write")
    options = parser.parse_args()
    lines = []
    for face, (file, family) in FACES.items():
        glyphs = outlines(options.fonts / file, family, CHARACTERS[face])
        rows = ",\n".join(
            f"{json.dumps(character, ensure_ascii=False)}:{json.dumps(glyph)}"
            for character, glyph in glyphs.items()
        )
        lines.append(f'"{face}":{{\n{rows}\n}}')
    temporary = options.out.with_suffix(".tmp")
    temporary.write_text("{" + ",".join(lines) + "}\n", encoding="utf-8")
    temporary.replace(options.out)


if __name__ == "__main__":
    main()
