"""Labels, planes and masks are those of a slow reference, written from the definitions.

The reference reads SFEN and knows squares, kinds of pieces and how they move; it shares
nothing with the library.
"""

from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import players
import pytest

from maou import Board, Move, PositionArray, policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

# Kinds in the order of planes; the number of a kind of board ids is apart.
KINDS = ["P", "L", "N", "S", "B", "R", "G", "K", "+P", "+L", "+N", "+S", "+B", "+R"]
IDS = ["P", "L", "N", "S", "G", "B", "R", "K", "+P", "+L", "+N", "+S", "+B", "+R"]
HAND = ["P", "L", "N", "S", "G", "B", "R"]
HAND_PLANES = [8, 4, 4, 4, 4, 2, 2]
DROPS = ["P", "L", "N", "S", "B", "R", "G"]

# Steps (file, rank) of the side to move: up is a smaller rank, left a larger file.
UP, DOWN, LEFT, RIGHT = (0, -1), (0, 1), (1, 0), (-1, 0)
UP_LEFT, UP_RIGHT, DOWN_LEFT, DOWN_RIGHT = (1, -1), (-1, -1), (1, 1), (-1, 1)
DIRECTIONS = [UP, UP_LEFT, UP_RIGHT, LEFT, RIGHT, DOWN, DOWN_LEFT, DOWN_RIGHT]
KNIGHTS = [(1, -2), (-1, -2)]
DIAGONAL = [UP_LEFT, UP_RIGHT, DOWN_LEFT, DOWN_RIGHT]
STRAIGHT = [UP, DOWN, LEFT, RIGHT]
GOLD = [UP, UP_LEFT, UP_RIGHT, LEFT, RIGHT, DOWN]
STEPS = {
    "P": [UP],
    "L": [],
    "N": KNIGHTS,
    "S": [UP, *DIAGONAL],
    "B": [],
    "R": [],
    "K": DIRECTIONS,
    "+B": STRAIGHT,
    "+R": DIAGONAL,
} | dict.fromkeys(["G", "+P", "+L", "+N", "+S"], GOLD)
SLIDES = {"L": [UP], "B": DIAGONAL, "R": STRAIGHT, "+B": DIAGONAL, "+R": STRAIGHT}

Cells = dict[tuple[int, int], tuple[bool, str]]


def seen(sfen: str) -> tuple[Cells, list[list[int]]]:
    """Pieces by file and rank, and hands, as the side to move sees them: own first."""
    rows, turn, hands, _ = sfen.split()
    cells: Cells = {}
    for rank, row in enumerate(rows.split("/")):
        file, promoted = 8, ""
        for letter in row:
            if letter.isdigit():
                file -= int(letter)
            elif letter == "+":
                promoted = "+"
            else:
                is_own = letter.isupper() == (turn == "b")
                place = (file, rank) if turn == "b" else (8 - file, 8 - rank)
                cells[place] = (is_own, promoted + letter.upper())
                file, promoted = file - 1, ""
    held = [[0] * 7, [0] * 7]
    count = ""
    for letter in hands.replace("-", ""):
        if letter.isdigit():
            count += letter
        else:
            side = int(letter.isupper() != (turn == "b"))
            held[side][HAND.index(letter.upper())] = int(count or 1)
            count = ""
    return cells, held


def targets(cells: Cells, place: tuple[int, int]) -> list[tuple[int, int]]:
    """The squares that the piece on a square attacks."""
    is_own, kind = cells[place]
    sign = 1 if is_own else -1
    found = []
    for steps, reach in ((STEPS[kind], 1), (SLIDES.get(kind, []), 8)):
        for file, rank in steps:
            at = place
            for _ in range(reach):
                at = (at[0] + sign * file, at[1] + sign * rank)
                if not (0 <= at[0] < 9 and 0 <= at[1] < 9):
                    break
                found.append(at)
                if at in cells:
                    break
    return found


def planes(sfen: str) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The inputs of dlshogi."""
    cells, held = seen(sfen)
    first = np.zeros((2, 31, 9, 9), np.float32)
    second = np.zeros((57, 9, 9), np.float32)
    n_attackers = np.zeros((2, 9, 9), int)
    for place, (is_own, kind) in cells.items():
        side = int(not is_own)
        first[side, KINDS.index(kind)][place] = 1
        for target in targets(cells, place):
            first[side, 14 + KINDS.index(kind)][target] = 1
            n_attackers[side][target] += 1
    for least in (1, 2, 3):
        first[:, 27 + least] = n_attackers >= least
    at = 0
    for side in (0, 1):
        for count, size in zip(held[side], HAND_PLANES, strict=True):
            second[at : at + min(count, size)] = 1
            at += size
    king = next(place for place, piece in cells.items() if piece == (True, "K"))
    second[56] = n_attackers[1][king] > 0
    return first.reshape(62, 9, 9), second


def ids(sfen: str) -> tuple[list[int], list[int]]:
    """Ids of pieces by square, and what both hands hold."""
    cells, held = seen(sfen)
    board = [0] * 81
    for (file, rank), (is_own, kind) in cells.items():
        board[9 * file + rank] = 1 + IDS.index(kind) + (0 if is_own else 14)
    return board, held[0] + held[1]


def is_stuck(kind: str, place: tuple[int, int]) -> bool:
    """Whether an own piece could never move from there."""
    return place[1] < {"P": 1, "L": 1, "N": 2}.get(kind, 0)


def is_safe(cells: Cells) -> bool:
    """Whether nothing attacks the own king, if there is one."""
    king = next((place for place, piece in cells.items() if piece == (True, "K")), None)
    return not any(
        king in targets(cells, place)
        for place, (is_own, _) in cells.items()
        if not is_own
    )


def name(place: tuple[int, int]) -> str:
    return f"{place[0] + 1}{'abcdefghi'[place[1]]}"


def legal(cells: Cells, held: list[list[int]]) -> Iterator[str]:
    """The legal moves by the rules, as the side to move writes them if it is Black."""
    for origin, (is_own, kind) in cells.items():
        for to in targets(cells, origin) if is_own else []:
            if cells.get(to, (False, ""))[0]:
                continue
            can_promote = kind in "PLNSBR" and min(origin[1], to[1]) < 3
            for mark in ("", "+")[: 1 + can_promote]:
                after = {**cells, to: (True, mark + kind)}
                del after[origin]
                if is_safe(after) and not (mark == "" and is_stuck(kind, to)):
                    yield f"{name(origin)}{name(to)}{mark}"
    for kind, count in zip(HAND, held[0], strict=True):
        for to in ((file, rank) for file in range(9) for rank in range(9)):
            if not count or to in cells or is_stuck(kind, to):
                continue
            file = [cells.get((to[0], rank)) for rank in range(9)]
            if kind == "P" and (True, "P") in file:
                continue
            after = {**cells, to: (True, kind)}
            if is_safe(after) and not (kind == "P" and pawn_mates(after, held, to)):
                yield f"{kind}*{name(to)}"


def pawn_mates(cells: Cells, held: list[list[int]], pawn: tuple[int, int]) -> bool:
    """Whether a pawn that was dropped there mates, which is forbidden."""
    if cells.get((pawn[0], pawn[1] - 1)) != (False, "K"):
        return False
    turned = {(8 - f, 8 - r): (not own, kind) for (f, r), (own, kind) in cells.items()}
    return next(legal(turned, [held[1], held[0]]), None) is None


@pytest.mark.parametrize(
    ("n_positions", "seed"),
    [(500, 21), pytest.param(10_000, 22, marks=pytest.mark.property)],
)
def test_legal_moves_by_the_rules(n_positions: int, seed: int) -> None:
    """Also those of composed problems, which other libraries do not know."""
    chance = random.Random(seed)
    boards = [players.composed(chance) for _ in range(2 * n_positions)]
    for line in players.lines(40 * n_positions, seed):
        last = chance.randrange(len(line.moves) + 1)
        boards.append(Board(line.start, line.moves[:last]))
    n_without_king = 0
    for board in chance.sample(boards, n_positions):
        expected = set(legal(*seen(board.sfen())))
        found = [move.flip() if board.turn else move for move in board.legal_moves]
        assert {move.usi() for move in found} == expected, board
        n_without_king += None in (board.king(0), board.king(1))
    assert n_without_king > n_positions // 10


@cache
def label(usi: str, is_white: bool) -> int:
    """The label of a move among 2187."""

    def place(text: str) -> tuple[int, int]:
        file, rank = int(text[0]) - 1, "abcdefghi".index(text[1])
        return (8 - file, 8 - rank) if is_white else (file, rank)

    to = place(usi[2:4])
    if usi[1] == "*":
        number = 20 + DROPS.index(usi[0])
    else:
        origin = place(usi[:2])
        file, rank = to[0] - origin[0], to[1] - origin[1]
        if (file, rank) in KNIGHTS:
            number = 8 + KNIGHTS.index((file, rank))
        else:
            length = max(abs(file), abs(rank))
            number = DIRECTIONS.index((file // length, rank // length))
        number += 10 * usi.endswith("+")
    return 81 * number + 9 * to[0] + to[1]


@cache
def occurring() -> list[int]:
    """The labels of 2187 that some move on an empty board has, in order."""
    names = [f"{file}{rank}" for file in "123456789" for rank in "abcdefghi"]
    found = set()
    for origin in names:
        for to in names:
            file, rank = (ord(to[i]) - ord(origin[i]) for i in (0, 1))
            is_knight = (file, rank) in KNIGHTS
            is_ray = file == 0 or rank == 0 or abs(file) == abs(rank)
            if origin == to or not (is_knight or is_ray):
                continue
            if not is_knight or to[1] not in "ab":
                found.add(label(origin + to, False))
            if origin[1] in "abc" or to[1] in "abc":
                found.add(label(f"{origin}{to}+", False))
    for kind in DROPS:
        last = {"P": "a", "L": "a", "N": "ab"}.get(kind, "")
        found |= {label(f"{kind}*{to}", False) for to in names if to[1] not in last}
    return sorted(found)


def test_1496_are_the_labels_that_occur() -> None:
    assert policy.TO_2187.tolist() == occurring()


@pytest.mark.parametrize(
    ("n_positions", "seed"),
    [(1_500, 1), pytest.param(25_000, 2, marks=pytest.mark.property)],
)
def test_positions_of_every_kind(n_positions: int, seed: int) -> None:
    boards: list[Board] = []
    n_compared = 0
    for line in players.lines(n_positions, seed):
        board = Board(line.start)
        for move in (*line.moves, None):
            boards.append(board.copy(stack=False))
            if move is not None:
                board.push(move)
        while len(boards) >= 500:
            n_compared += compare(boards[:500])
            del boards[:500]
    n_compared += compare(boards)
    assert n_compared >= n_positions


def compare(boards: list[Board]) -> int:
    """Compare arrays with the reference; returns the number of positions."""
    positions = PositionArray.from_boards(boards)
    twins = positions.flip()
    sfens = [board.sfen() for board in boards]
    first, second = positions.features("dlshogi")
    piece_ids, hands = positions.features("compact")
    for row, sfen in enumerate(sfens):
        expected_first, expected_second = planes(sfen)
        assert (first[row] == expected_first).all(), sfen
        assert (second[row] == expected_second).all(), sfen
        assert (piece_ids[row].tolist(), hands[row].tolist()) == ids(sfen), sfen
    of_twins = (*twins.features("dlshogi"), *twins.features("compact"))
    array: Any
    for array, same in zip((first, second, piece_ids, hands), of_twins, strict=True):
        assert (array == same).all()
    compare_moves(boards, positions, twins)
    return len(boards)


def compare_moves(
    boards: list[Board], positions: PositionArray, twins: PositionArray
) -> None:
    """Labels of all legal moves, there and back, in both schemes and turned."""
    rows: list[int] = []
    moves: list[Move] = []
    wide: list[int] = []
    for row, board in enumerate(boards):
        is_white = bool(board.turn)
        for move in board.legal_moves:
            rows.append(row)
            moves.append(move)
            wide.append(label(move.usi(), is_white))
    numbers = np.array(list(map(int, moves)), np.uint16)
    turned = np.array([int(move.flip()) for move in moves], np.uint16)
    of_1496 = {number: index for index, number in enumerate(occurring())}
    narrow = [of_1496[number] for number in wide]
    for n_labels, expected in ((2187, wide), (1496, narrow)):
        scheme: Any = n_labels
        for array, of_moves in ((positions, numbers), (twins, turned)):
            moved = array[rows]
            assert moved.labels(of_moves, scheme).tolist() == expected
            assert (moved.moves(expected, scheme) == of_moves).all()
            masks = np.zeros((len(boards), n_labels), np.bool_)
            masks[rows, expected] = True
            assert (array.legal_masks(scheme) == masks).all()
            assert masks.sum() == len(moves)
