"""Boards as SVG: what is drawn where, and what is refused."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter

import pytest

import maou
from maou import svg

MIDDLE = "l6nl/5+P1gk/2np1S3/p1p4Pp/3P2Sp1/1PPb2P1P/P5GS1/R8/LN4bKL w GR5pnsg 1"
GROUP = re.compile(
    r'<g transform="translate\(([\d.]+) ([\d.]+)\)( rotate\(180\))?"><path [^>]*/>'
    r"<text [^>]*fill=\"(#\w+)\">(\w)</text></g>"
)


def on_board(picture: str) -> dict[str, tuple[str, bool, str]]:
    """Kanji, whether it is turned, and ink, by USI square as seen by Black."""
    found = {}
    for x, y, turned, ink, kanji in GROUP.findall(picture):
        column = (float(x) - svg.BOARD_X) / svg.CELL_W - 0.5
        row = (float(y) - svg.BOARD_Y) / svg.CELL_H - 0.5
        if column.is_integer() and row.is_integer() and 0 <= column <= 8:
            square = f"{9 - int(column)}{'abcdefghi'[int(row)]}"
            found[square] = (kanji, bool(turned), ink)
    return found


def test_start_position() -> None:
    pieces = on_board(svg.board())
    assert len(pieces) == 40
    assert pieces["5i"] == ("玉", False, svg.INK)
    assert pieces["5a"] == ("王", True, svg.INK)
    assert pieces["2h"][0] == "飛"
    assert pieces["8h"][0] == "角"
    assert pieces["8b"][:2] == ("飛", True)


def test_promoted_pieces_are_red_and_hands_are_counted() -> None:
    picture = svg.board(MIDDLE)
    assert on_board(picture)["4b"] == ("と", False, svg.RED)
    assert Counter(k for *_, k in GROUP.findall(picture))["歩"] == 13
    assert re.search(r">5</text>", picture)


def test_flipped_turns_everything() -> None:
    straight, turned = (
        on_board(svg.board(MIDDLE)),
        on_board(svg.board(MIDDLE, flipped=True)),
    )
    opposite = dict(zip("123456789abcdefghi", "987654321ihgfedcba", strict=True))
    assert turned == {
        opposite[square[0]] + opposite[square[1]]: (kanji, not upside_down, ink)
        for square, (kanji, upside_down, ink) in straight.items()
    }


def squares_highlighted(picture: str) -> list[str]:
    return re.findall(rf'fill="({svg.TO}|{svg.FROM})"', picture)


def test_last_move_is_highlighted() -> None:
    assert squares_highlighted(svg.board()) == []
    assert squares_highlighted(svg.board(last_move="7g7f")) == [svg.FROM, svg.TO]
    assert svg.board(last_move=7739) == svg.board(last_move="7g7f")
    assert squares_highlighted(svg.board(MIDDLE, last_move="P*5e")) == [svg.TO]
    for wrong in ("", "7g", "7g7", "0a1a", "7g7f=", "K*5e", "7j7f", "*P5e"):
        with pytest.raises(ValueError, match="USI"):
            svg.board(last_move=wrong)


def test_it_is_well_formed_and_shares_nothing() -> None:
    for picture in (svg.board(), svg.board(MIDDLE, flipped=True, size=320)):
        root = ET.fromstring(picture)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "id=" not in picture
        assert "<style" not in picture
    assert ET.fromstring(svg.board(size=320)).get("width") == "320"
    assert svg.board()._repr_svg_() == str(svg.board())


def test_a_wrong_sfen_is_refused() -> None:
    with pytest.raises(maou.RecordError) as raised:
        svg.board("lnsgkgsnl/9/9 b - 1")
    assert raised.value.column >= 1
