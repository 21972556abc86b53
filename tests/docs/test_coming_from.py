"""The page for those who know other libraries: every cell runs, and says the same."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import maou

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = Path(__file__).resolve().parents[2] / "docs/guides/coming-from.md"
LIBRARIES = ("cshogi", "shogi", "maou")
MOVES = ("7g7f", "3c3d", "8h2b+", "3a2b")
MATE = "4k4/9/4P4/9/9/9/9/9/4K4 b Gr2b3g4s4n4l17p 1"
MATED = "4k4/4G4/4P4/9/9/9/9/9/4K4 w r2b3g4s4n4l17p 2"
DECLARED = "1+R1K5/+R+B+B2+P+P+P1/+N+N+S+S5/9/9/9/9/9/4k4 b 4G2S2N4L15P 1"
CSA = """\
V2.2
N+Ada
N-Ben
PI
+
+7776FU
-3334FU
+2726FU
-8384FU
%TORYO
"""
KIF = """\
手合割：平手
先手：Ada
後手：Ben
手数----指手---------消費時間--
   1 ７六歩(77)   ( 0:00/00:00:00)
   2 ３四歩(33)   ( 0:00/00:00:00)
   3 ２二角成(88) ( 0:00/00:00:00)
   4 同　銀(31)   ( 0:00/00:00:00)
   5 ５五角打     ( 0:00/00:00:00)
   6 投了         ( 0:00/00:00:00)
"""
RULES = ("start", MATE, MATED, DECLARED)


def tables() -> dict[str, list[list[str]]]:
    """Rows of the tables by heading: what, and a cell of code for each library."""
    found: dict[str, list[list[str]]] = {}
    heading = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        elif line.startswith("| ") and "`" in line:
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            assert len(cells) == 4, line
            found.setdefault(heading, []).append(cells)
    return found


TABLES = tables()
ROWS = [
    pytest.param(heading, row, id=f"{heading}: {row[0]}")
    for heading in ("Positions", "Moves", "Rules", "Records")
    for row in TABLES[heading]
]


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A file of CSA and one of KIF, in encodings that all three read."""
    folder = tmp_path_factory.mktemp("records")
    (folder / "game.csa").write_text(CSA, encoding="utf-8")
    (folder / "game.kif").write_text(KIF, encoding="cp932")
    return {"path": str(folder / "game.csa"), "kif": str(folder / "game.kif")}


def names(library: str, position: str, records: dict[str, str]) -> dict[str, Any]:
    """What the cells of a library may use."""
    board: Any
    if library == "maou":
        board = maou.Board() if position == "start" else maou.Board(position)
        moves = [maou.Move.from_usi(usi) for usi in ("B*5e", "2g2f")]
        found: dict[str, Any] = {"maou": maou}
    elif library == "cshogi":
        import cshogi
        import cshogi.CSA
        import cshogi.KIF
        import numpy as np

        board = cshogi.Board() if position == "start" else cshogi.Board(position)
        moves = []
        found = {"cshogi": cshogi, "np": np}
    else:
        import shogi
        import shogi.CSA
        import shogi.KIF

        board = shogi.Board() if position == "start" else shogi.Board(position)
        moves = [shogi.Move.from_usi(usi) for usi in ("B*5e", "2g2f")]
        found = {"shogi": shogi}
    if position == "start":
        for usi in MOVES:
            board.push_usi(usi)
    if library == "cshogi":
        moves = [board.move_from_usi(usi) for usi in ("B*5e", "2g2f")]
    return (
        found
        | records
        | {
            "copy": copy,
            "board": board,
            "move": moves[0],
            "quiet": moves[1],
            "sfen": MATE,
            "hcp": maou.Board(DECLARED).hcp(),
        }
    )


CHANGES = {"make a move", "make a move of USI", "take it back", "from HCP"}


def run(row: list[str], library: str, position: str, records: dict[str, str]) -> Any:
    """What a cell comes to: the value of its last statement, or the board after it."""
    cell = row[1 + LIBRARIES.index(library)]
    matched = re.fullmatch("`([^`]+)`", cell)
    assert matched is not None, cell
    *before, last = matched[1].split("; ")
    namespace = names(library, position, records)
    for statement in before:
        exec(statement, namespace)
    value = eval(last, namespace)
    if row[0] in CHANGES and not isinstance(value, type(namespace["board"])):
        value = namespace["board"]
    return plain(value, library)


def plain(value: Any, library: str) -> Any:
    """A value in the words that all libraries share."""
    readers = {"maou": of_maou, "cshogi": of_cshogi, "shogi": of_shogi}
    if isinstance(value, list | tuple):
        return [plain(one, library) for one in value]
    return readers[library](value)


def of_maou(value: Any) -> Any:
    if isinstance(value, maou.Board):
        return value.sfen()
    if isinstance(value, maou.Move):
        return value.usi()
    if isinstance(value, maou.Piece):
        return value.symbol
    if isinstance(value, maou.Square):
        return str(value)
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    return value


def of_cshogi(value: Any) -> Any:
    import cshogi

    return value.sfen() if isinstance(value, cshogi.Board) else value


def of_shogi(value: Any) -> Any:
    import shogi

    if isinstance(value, shogi.Board):
        return value.sfen()
    if isinstance(value, shogi.Move):
        return value.usi()
    if isinstance(value, shogi.Piece):
        return value.symbol()
    if isinstance(value, shogi.SquareSet):
        return sorted(usi_square(square) for square in value)
    return value


def usi_square(square: int) -> str:
    """The name in USI of a square of python-shogi."""
    return f"{9 - square % 9}{'abcdefghi'[square // 9]}"


def same(what: str, ours: Any, theirs: Any, library: str) -> bool:
    """Whether two values mean the same, in the numbers of each library."""
    if library == "cshogi" and isinstance(theirs, int) and not isinstance(theirs, bool):
        return bool(ours == in_our_words(what, theirs))
    if library == "cshogi" and isinstance(theirs, list):
        import cshogi

        theirs = [cshogi.move_to_usi(move) for move in theirs]
    if library == "shogi" and isinstance(ours, str) and isinstance(theirs, int):
        return ours == usi_square(theirs)
    if what == "legal moves":
        return sorted(ours) == sorted(theirs)
    return bool(ours == theirs)


MOVE_ROWS = {
    "the last move", "read USI", "read CSA", "from a 16-bit move", "mate in one",
}  # fmt: skip
SQUARE_ROWS = {"where a king is", "where to", "where from"}


def in_our_words(what: str, number: int) -> Any:
    """What a number of cshogi stands for."""
    import cshogi

    if what in MOVE_ROWS:
        return cshogi.move_to_usi(number) if number else None
    if what in SQUARE_ROWS:
        return str(maou.Square(number))
    if what == "what stands on 2h":
        return maou.Piece(number).symbol
    return number


@pytest.mark.parametrize(("heading", "row"), ROWS)
def test_our_column_runs(heading: str, row: list[str], records: dict[str, str]) -> None:
    assert run(row, "maou", "start", records) is not None or heading == "Rules"


@pytest.mark.oracle
@pytest.mark.parametrize(("heading", "row"), ROWS)
def test_all_columns_say_the_same(
    heading: str, row: list[str], records: dict[str, str]
) -> None:
    compared = 0
    for position in RULES if heading == "Rules" else RULES[:1]:
        ours = run(row, "maou", position, records)
        for library, cell in zip(LIBRARIES[:2], row[1:3], strict=True):
            if cell:
                theirs = run(row, library, position, records)
                assert same(row[0], ours, theirs, library), (library, ours, theirs)
                compared += 1
    assert compared


def numbers(cells: Iterable[str]) -> list[tuple[str, int]]:
    found = [re.fullmatch(r"`([\w.()]+)` = (\d+)", cell) for cell in cells if cell]
    return [(match[1], int(match[2])) for match in found if match]


@pytest.mark.oracle
def test_numbers_are_those_of_the_libraries() -> None:
    import cshogi
    import shogi

    namespace = {"cshogi": cshogi, "shogi": shogi, "maou": maou}
    told = numbers(cell for row in TABLES["What is different"] for cell in row[1:])
    assert len(told) == 14
    for code, number in told:
        assert eval(code, dict(namespace)) == number, code


@pytest.mark.oracle
def test_what_the_others_do_with_an_illegal_move() -> None:
    import cshogi
    import shogi

    theirs, other, ours = cshogi.Board(), shogi.Board(), maou.Board()
    assert theirs.push_usi("9i9a") == 0
    assert theirs.sfen() == ours.sfen()
    other.push_usi("9i9a")
    assert other.sfen() != ours.sfen()
    with pytest.raises(maou.IllegalMoveError, match="`9i9a`"):
        ours.push_usi("9i9a")
    assert ours == maou.Board()


@pytest.mark.oracle
def test_when_the_others_tell_of_a_repetition() -> None:
    import cshogi

    theirs, ours = cshogi.Board(), maou.Board()
    seen = []
    for usi in ["2h3h", "8b7b", "3h2h", "7b8b"] * 3:
        theirs.push_usi(usi)
        ours.push_usi(usi)
        seen.append(
            (theirs.is_draw() == cshogi.REPETITION_DRAW, bool(ours.repetition()))
        )
    assert seen[3::4] == [(True, False), (True, False), (True, True)]
