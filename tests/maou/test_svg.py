"""Boards as SVG: what is drawn where, and what is refused."""

from __future__ import annotations

import dataclasses
import re
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import maou
from maou import svg
from maou.svg._hands import kanji
from maou.svg._layout import CELL_H, CELL_W, Layout
from maou.vocabulary import Square

if TYPE_CHECKING:
    from pathlib import Path

MIDDLE = "l6nl/5+P1gk/2np1S3/p1p4Pp/3P2Sp1/1PPb2P1P/P5GS1/R8/LN4bKL w GR5pnsg 1"
FULL_HAND = "4k4/9/9/9/9/9/9/9/9 b 2R2B4G4S4N4L18P 1"
PIECE = re.compile(
    r'<use xlink:href="#m[0-9a-f]{8}-([a-z-]+)" x="([\d.]+)" y="([\d.]+)"/>'
)
SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"
WOOD = svg.STYLES["wood"]


def on_board(picture: str) -> dict[str, str]:
    """Name of each piece, by USI square as seen by Black; hands are scaled."""
    layout = Layout(flipped=False, hands=True, trays=True, labels=True)
    found = {}
    for name, x, y in PIECE.findall(picture):
        column = (float(x) - layout.left) / CELL_W - 0.5
        row = (float(y) - layout.top) / CELL_H - 0.5
        if column.is_integer() and row.is_integer() and 0 <= column <= 8:
            found[f"{9 - int(column)}{'abcdefghi'[int(row)]}"] = name
    return found


def test_start_position() -> None:
    pieces = on_board(svg.board())
    assert len(pieces) == 40
    assert Counter(name.removesuffix("-turned") for name in pieces.values()) == {
        "pawn": 18, "lance": 4, "knight": 4, "silver": 4, "gold": 4, "bishop": 2,
        "rook": 2, "black-king": 1, "white-king": 1,
    }  # fmt: skip
    assert pieces["5i"] == "black-king"
    assert pieces["5a"] == "white-king-turned"
    assert (pieces["2h"], pieces["8b"]) == ("rook", "rook-turned")
    assert (pieces["8h"], pieces["2b"]) == ("bishop", "bishop-turned")


def test_flipped_turns_everything() -> None:
    straight = on_board(svg.board(MIDDLE))
    opposite = dict(zip("123456789abcdefghi", "987654321ihgfedcba", strict=True))
    other = {True: "", False: "-turned"}
    assert on_board(svg.board(MIDDLE, flipped=True)) == {
        opposite[square[0]] + opposite[square[1]]: name.removesuffix("-turned")
        + other[name.endswith("-turned")]
        for square, name in straight.items()
    }


def texts(picture: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(picture).iter(f"{SVG}text")]


def test_characters_on_pieces() -> None:
    one = Counter(texts(svg.board(MIDDLE, selectable=True)))
    assert (one["歩"], one["と"], one["玉"], one["王"]) == (13, 1, 1, 1)
    two = Counter(texts(svg.board(MIDDLE, selectable=True, pieces="two")))
    assert (two["兵"], two["車"], two["行"]) == (13, 6, 2)
    latin = texts(svg.board(MIDDLE, selectable=True, pieces="latin"))
    assert Counter(latin)["+P"] == 1
    assert not re.search(
        "[^\x00-\x7f]",
        "".join(latin).translate(dict.fromkeys(map(ord, "一二三四五六七八九"))),
    )
    promoted = svg.board(MIDDLE, selectable=True)
    assert re.search(rf'fill="{WOOD.promoted}">と</text>', promoted)


def test_hands_are_counted_in_kanji() -> None:
    picture = svg.board(FULL_HAND, selectable=True, coordinates="none")
    counted = "".join(texts(picture))
    for part in ("飛二", "角二", "金四", "銀四", "桂四", "香四", "歩十八"):
        assert part in counted
    assert "".join(texts(svg.board(selectable=True, style="print"))).count("なし") == 2
    without = svg.board(FULL_HAND, selectable=True, coordinates="none", hands=False)
    assert texts(without) == ["王"]
    latin = svg.board(FULL_HAND, selectable=True, pieces="latin", coordinates="none")
    assert {"18", "Black", "White"} <= set(texts(latin))
    assert [kanji(n) for n in (1, 9, 10, 11, 18)] == ["一", "九", "十", "十一", "十八"]


def test_coordinates() -> None:
    picture = svg.board("9/9/9/9/9/9/9/9/9 b - 1", selectable=True, hands=False)
    assert sorted(texts(picture)) == sorted("123456789一二三四五六七八九")
    picture = svg.board(
        "9/9/9/9/9/9/9/9/9 b - 1", selectable=True, hands=False, coordinates="latin"
    )
    assert sorted(texts(picture)) == sorted("123456789abcdefghi")


def filled(picture: str, color: str) -> int:
    return picture.count(f'fill="{color}"')


def test_last_move_is_highlighted() -> None:
    def tinted(picture: str) -> tuple[int, int]:
        return filled(picture, WOOD.last_from), filled(picture, WOOD.last_to)

    assert tinted(svg.board()) == (0, 0)
    assert tinted(svg.board(last_move="7g7f")) == (1, 1)
    assert svg.board(last_move=7739) == svg.board(last_move="7g7f")
    assert svg.board(last_move=maou.Move.from_usi("7g7f")) == svg.board(
        last_move="7g7f"
    )
    assert tinted(svg.board(MIDDLE, last_move="P*5e")) == (0, 1)
    for wrong in ("", "7g", "7g7", "0a1a", "7g7f=", "K*5e", "7j7f", "*P5e", "P*5e+"):
        with pytest.raises(ValueError, match=f"in USI .*`{re.escape(wrong)}`"):
            svg.board(last_move=wrong)


def labels(picture: str) -> list[str]:
    return [text for text in texts(picture) if text.rstrip("+").endswith("%")]


def test_policy_is_drawn_by_probability() -> None:
    policy = {"2b3c": 0.2, "S*4c": 0.35, "2a3c": 0.004, "2b3b": 0.1}
    picture = svg.board(MIDDLE, policy=policy, selectable=True)
    assert labels(picture) == ["35%", "20%", "10%"]
    arrows = svg.policy_arrows(policy, top=2, color="red")
    assert [arrow.move for arrow in arrows] == ["S*4c", "2b3c"]
    assert arrows[0].weight > arrows[1].weight
    assert filled(svg.board(MIDDLE, arrows=arrows), svg.COLORS["red"]) == 2
    promotes = svg.policy_arrows({"8h2b+": 0.6, "8h2b": 0.3})
    assert [arrow.label for arrow in promotes] == ["60%+", "30%"]
    for wrong in (1.01, -0.1, float("nan")):
        with pytest.raises(ValueError, match=r"probability.*`7g7f`"):
            svg.board(policy={"7g7f": wrong})


def rects(picture: str, **attributes: str) -> list[dict[str, str]]:
    every = [element.attrib for element in ET.fromstring(picture).iter(f"{SVG}rect")]
    return [one for one in every if attributes.items() <= one.items()]


def test_labels_of_arrows_do_not_hide_each_other() -> None:
    to_one_square = ("4a5b", "5a5b", "6a5b")
    policy = dict.fromkeys(to_one_square, 0.2)
    boxes = [
        tuple(float(box[key]) for key in ("x", "y", "width", "height"))
        for box in rects(svg.board(policy=policy), rx="6")
    ]
    assert len(boxes) == 3
    for n, (x, y, width, height) in enumerate(boxes):
        for other_x, other_y, *_ in boxes[:n]:
            assert abs(x - other_x) >= width or abs(y - other_y) >= height


def test_drops_start_at_the_stand() -> None:
    def first_corner(picture: str) -> float:
        return float(re.findall(r'd="M([\d.]+) [^"]*Z"', picture)[-1])

    layout = Layout(flipped=False, hands=True, trays=True, labels=True)
    assert first_corner(svg.board(MIDDLE, arrows=["S*5e"])) < layout.left
    assert first_corner(svg.board(MIDDLE, arrows=["S*5e"], flipped=True)) > layout.right
    assert first_corner(svg.board(MIDDLE, arrows=["R*5e"])) < layout.left + 4
    assert first_corner(svg.board(arrows=["P*5e"], hands=False)) > 500


def test_squares_are_marked_and_tinted() -> None:
    picture = svg.board(squares=["5e", Square.SQ_7F, 0])
    assert len(rects(picture, stroke=WOOD.mark)) == 3
    assert svg.board(squares={"5e": "red"}).count(svg.COLORS["red"]) == 2
    heat = svg.board(squares={"5e": 0.5, "5f": -0.25, "7g": 0}, selectable=True)
    opacities = [box["fill-opacity"] for box in rects(heat) if "fill-opacity" in box]
    assert opacities == ["0.9", "0.45", "0"]
    assert (filled(heat, WOOD.high), filled(heat, WOOD.low)) == (2, 1)
    assert {"0.50", "-0.25", "0.00"} <= set(texts(heat))
    assert "50%" in texts(
        svg.board(squares={"5e": 0.5}, numbers=".0%", selectable=True)
    )
    plain = svg.board(squares={"5e": 0.5}, numbers=None, selectable=True)
    assert not any("." in text for text in texts(plain))


def test_a_king_in_check_is_marked() -> None:
    check = "4k4/9/4L4/9/9/9/9/9/4K4 w - 1"
    assert len(rects(svg.board(check), stroke=WOOD.check)) == 1
    assert rects(svg.board(check, check=False), stroke=WOOD.check) == []
    assert rects(svg.board(), stroke=WOOD.check) == []
    assert rects(svg.board("4k4/9/9/9/9/9/9/9/9 b - 1"), stroke=WOOD.check) == []


def every_kind_of_picture() -> list[svg.Svg]:
    options: list[dict[str, Any]] = [
        {"style": style, "pieces": pieces}
        for style in svg.STYLES
        for pieces in ("one", "two", "latin")
    ]
    options += [{"selectable": True}, {"flipped": True, "size": 200}, {"hands": False}]
    policy = {"2b3c": 0.2, "S*4c": 0.35}
    return [
        svg.board(MIDDLE, policy=policy, last_move="3d3c+", **each) for each in options
    ]


def test_pictures_are_well_formed_and_small() -> None:
    for picture in every_kind_of_picture():
        root = ET.fromstring(picture)
        assert root.tag == f"{SVG}svg"
        names = [element.get("id") for element in root.iter() if element.get("id")]
        assert len(names) == len(set(names))
        hrefs = {element.get(HREF) for element in root.iter(f"{SVG}use")}
        assert hrefs == {f"#{name}" for name in names}
        assert not {"style", "script", "image"} & {
            element.tag.removeprefix(SVG) for element in root.iter()
        }
        assert "<text" in picture or len(picture.encode()) < 33_000


def test_pictures_share_no_ids() -> None:
    pictures = every_kind_of_picture()
    ids = [set(re.findall(r'id="(m[0-9a-f]{8})-', picture)) for picture in pictures]
    assert all(len(prefixes) <= 1 for prefixes in ids)
    assert len(set.union(*ids)) == sum(map(len, ids))
    assert svg.board() == svg.board()


def test_without_text_unless_asked_for() -> None:
    assert "<text" not in svg.board(MIDDLE, policy={"S*4c": 0.35})
    assert "<use" not in svg.board(MIDDLE, selectable=True)
    assert "<text" in svg.sheet([None], captions=["第1譜 — 薔薇"])
    assert "<text" not in svg.sheet([None], captions=["第1図は▲7六歩まで (50%)"])


def test_captions_may_have_several_lines() -> None:
    one = svg.sheet([None, None], captions=["薔薇", ""])
    two = svg.sheet([None, None], captions=["薔薇\n一輪", "菊"])
    assert one.count("<text") == 1
    assert [f">{line}</text>" in two for line in ("薔薇", "一輪", "菊")] == [True] * 3
    heights = [float(picture.split('"')[5].split()[3]) for picture in (one, two)]
    assert heights[1] - heights[0] == 38


SMALL = """\
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" \
viewBox="0 0 568 622" width="90" height="99" role="img">
<title>9/9/9/9/9/9/9/9/9 b - 1</title>
<defs>
</defs>
<rect width="568" height="622" fill="#ffffff"/>
<rect x="14" y="14" width="540" height="594" fill="#ffffff"/>
<rect x="134" y="344" width="60" height="66" fill="#ebebeb"/>
<rect x="134" y="278" width="60" height="66" fill="#cfcfcf"/>
<path d="M74 14v594M14 80h540M134 14v594M14 146h540M194 14v594M14 212h540M254 14v594\
M14 278h540M314 14v594M14 344h540M374 14v594M14 410h540M434 14v594M14 476h540\
M494 14v594M14 542h540" fill="none" stroke="#000000" stroke-width="0.9"/>
<circle cx="194" cy="212" r="3.4" fill="#000000"/>
<circle cx="194" cy="410" r="3.4" fill="#000000"/>
<circle cx="374" cy="212" r="3.4" fill="#000000"/>
<circle cx="374" cy="410" r="3.4" fill="#000000"/>
<rect x="14" y="14" width="540" height="594" fill="none" stroke="#000000" \
stroke-width="2.4"/>
<path d="M465.96 366L467.56 333.8L474.9 335.94L464 316L453.1 335.94L460.44 333.8\
L462.04 366Z" fill="#000000" stroke="#ffffff" stroke-width="1.6" \
stroke-linejoin="round" opacity="0.86"/>
</svg>
"""


def test_a_small_picture_to_the_byte() -> None:
    picture = svg.board(
        "9/9/9/9/9/9/9/9/9 b - 1",
        last_move="7f7e",
        arrows=["2f2e"],
        hands=False,
        coordinates="none",
        style="print",
        size=90,
    )
    assert picture == SMALL


def test_sizes() -> None:
    root = ET.fromstring(svg.board(size=320))
    assert root.get("width") == "320"
    assert 200 < int(root.get("height", "")) < 320
    assert svg.board()._repr_svg_() == str(svg.board())


def test_styles_of_ones_own() -> None:
    mine = dataclasses.replace(WOOD, board="#abcdef")
    assert svg.board(style=mine).count("#abcdef") == 1


def drawn(picture: str, box: int = 0) -> str:
    """A picture, or one of a sheet, with every reference replaced by what it means."""
    root = ET.fromstring(picture)
    by_id = {element.get("id"): element for element in root.iter() if element.get("id")}

    def written(element: ET.Element) -> str:
        attributes = {k: v for k, v in element.items() if k not in ("id", HREF)}
        inside = [*element]
        if HREF in element.keys():  # noqa: SIM118
            inside.append(by_id[element.attrib[HREF][1:]])
        return f"{element.tag}{attributes}({''.join(map(written, inside))})"

    outer = [*root.iter(f"{SVG}svg")][box]
    wanted = [each for each in outer if each.tag != f"{SVG}defs"]
    return "\n".join(map(written, wanted))


def test_boards_look_the_same_on_a_sheet() -> None:
    pictures = [
        svg.board(MIDDLE),
        svg.board(),
        svg.board(MIDDLE, style="print", pieces="two"),
        svg.board(MIDDLE, style="plain", policy={"S*4c": 0.4}, flipped=True),
        svg.board(MIDDLE, style="dark"),
        svg.board(MIDDLE),
    ]
    sheet = svg.sheet(pictures)
    for n, picture in enumerate(pictures, start=1):
        assert drawn(sheet, n) == drawn(picture)


def test_sheet() -> None:
    first = svg.board(MIDDLE)
    picture = svg.sheet([first, None, first, svg.board(style="print")], columns=3)
    root = ET.fromstring(picture)
    places = [(e.get("x"), e.get("y")) for e in root.iter(f"{SVG}svg") if e.get("x")]
    assert len(places) == 4
    assert len({y for _, y in places}) == 2
    names = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(names) == len(set(names))
    twice = svg.sheet([first, first])
    assert len(twice) < len(first) * 1.7, "what boards have in common is there once"
    assert ET.fromstring(svg.sheet([first], size=500)).get("width") == "500"
    assert ">第三譜</text>" in svg.sheet([None], captions=["第三譜"])
    assert svg.sheet(iter([None])) == svg.sheet([None])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"style": "stone"}, r"expected a style \(`wood`, .*\), found `stone`"),
        ({"pieces": "three"}, "expected `pieces` to be one of .*, found `three`"),
        ({"coordinates": "x"}, "expected `coordinates` to be one of .*, found `x`"),
        ({"size": 0}, "expected a size of at least 1 pixel, found `0`"),
        ({"size": float("inf")}, "a size of at least 1 pixel, found `inf`"),
        ({"squares": ["7j"]}, "expected a square such as `7f`, found `7j`"),
        ({"squares": [81]}, "expected a square, 0 to 80, found `81`"),
        ({"squares": {"7f": "pink"}}, r"expected a color \(`black`.*found `pink`"),
        ({"squares": {"7f": float("inf")}}, "a finite number for `7f`, found `inf`"),
        ({"arrows": ["7g7g"]}, "expected a move in USI .* found `7g7g`"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        svg.board(**options)


def test_wrong_sheets_and_arrows_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one board"):
        svg.sheet([])
    with pytest.raises(ValueError, match="a caption for each of 2 boards, found 1"):
        svg.sheet([None, None], captions=["one"])
    with pytest.raises(ValueError, match="at least one column, found `0`"):
        svg.sheet([None], columns=0)
    with pytest.raises(ValueError, match="a picture that `board` has made"):
        svg.sheet([svg.Svg("<svg/>")])
    with pytest.raises(ValueError, match=r"weight above 0 and up to 1, found `1\.5`"):
        svg.Arrow("7g7f", weight=1.5)
    with pytest.raises(ValueError, match="found `pink`"):
        svg.board(arrows=[svg.Arrow("7g7f", color="pink")])


def test_a_wrong_sfen_is_refused() -> None:
    with pytest.raises(maou.RecordError) as raised:
        svg.board("lnsgkgsnl/9/9 b - 1")
    assert raised.value.column >= 1


def test_what_is_no_board_and_no_move() -> None:
    for position in (5, b"x", maou.PositionArray()):
        kind = type(position).__name__
        with pytest.raises(TypeError, match=f"a board or an SFEN, found `{kind}`"):
            svg.board(position)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        svg.board(last_move=7739.5)  # type: ignore[arg-type]


def test_labels_of_a_network_are_no_policy() -> None:
    for policy in ([0.5, 0.5], (), np.zeros(2187)):
        kind = type(policy).__name__
        with pytest.raises(TypeError, match=f"moves to probabilities, found `{kind}`"):
            svg.board(policy=policy)  # type: ignore[arg-type]


def test_positions_without_kings_are_drawn() -> None:
    assert on_board(svg.board("9/9/9/9/4P4/9/9/9/9 w 2r 1")) == {"5e": "pawn"}


def test_boards_are_drawn() -> None:
    class Position:
        def sfen(self) -> str:
            return MIDDLE

    class Row:
        sfen = MIDDLE

    assert svg.board(Position()) == svg.board(Row()) == svg.board(MIDDLE)
    board = maou.Board()
    board.push_usi("7g7f")
    assert svg.board(board) == svg.board(board.sfen())
    assert on_board(svg.board(board))["7f"] == "pawn"


def test_png(tmp_path: Path) -> None:
    picture = svg.board(size=200)
    path = picture.to_png(tmp_path / "board.png", scale=2)
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(path.read_bytes()[16:20], "big") == 400
    assert svg.png(picture, 2) == path.read_bytes()
    assert [each.name for each in tmp_path.iterdir()] == ["board.png"]
    for wrong in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="expected a scale above 0"):
            svg.png(picture, wrong)


def test_png_without_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'maou\[png\]'"):
        svg.png(svg.board())


def test_the_license_of_the_outlines_is_shipped() -> None:
    from importlib.resources import files

    text = files("maou.svg").joinpath("OFL.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in text
    assert "Copyright 2014-2022 Adobe" in text
