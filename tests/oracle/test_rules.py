"""The rules, compared with cshogi on positions of every kind.

Where cshogi is known to do something else than the rules, the test computes both what
cshogi does and what the rules are, compares each, and a literal line shows both.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import players
import pytest

from maou import (
    Board,
    Color,
    Ending,
    Move,
    PieceType,
    PositionArray,
    Repetition,
)

if TYPE_CHECKING:
    # Imported in the tests: sessions without the oracles collect this file, too.
    from collections.abc import Iterable

    import cshogi

pytestmark = pytest.mark.oracle

# Rows that are compared as an array at once.
BATCH = 20_000


@pytest.mark.parametrize(
    ("n_positions", "seed"),
    [(30_000, 1), pytest.param(1_000_000, 2, marks=pytest.mark.property)],
)
def test_every_kind_of_position(n_positions: int, seed: int) -> None:
    counts = compare(players.lines(n_positions, seed))
    print("\n".join(f"{name}: {count:,}" for name, count in sorted(counts.items())))
    assert counts["positions"] >= n_positions
    # None of the cases is rare in what was compared.
    for name, per_million in {
        "moves": 20_000_000,
        "in check": 20_000,
        "no legal move": 500,
        "mate in one": 10_000,
        "repetition DRAW": 1_000,
        "repetition WIN": 300,
        "repetition LOSS": 300,
        "repetition SUPERIOR": 1_000,
        "repetition INFERIOR": 1_000,
        "declaration 27": 1_000,
        "declaration 24": 300,
    }.items():
        assert counts[name] >= per_million * n_positions / 1_000_000, name


@pytest.mark.property
def test_records() -> None:
    """The records below the folder that `MAOU_CORPUS` names, or generated ones."""
    folder = os.environ.get("MAOU_CORPUS")
    found: Iterable[players.Line] = (
        players.recorded(Path(folder))
        if folder
        else itertools.islice(players.generated_games(3), 1_000)
    )
    counts = compare(found)
    print("\n".join(f"{name}: {count:,}" for name, count in sorted(counts.items())))
    assert counts["positions"] > 0


def both(start: str, usi: str) -> tuple[Board, cshogi.Board]:
    import cshogi

    ours, theirs = Board(start), cshogi.Board(start)
    for text in usi.split():
        ours.push_usi(text)
        theirs.push_usi(text)
    return ours, theirs


def test_only_checks_on_every_move_lose() -> None:
    """One quiet move in three rounds: a draw. cshogi looks at the last round only."""
    checks, quiet = "9a8a 9i8i 8a9a 8i9i ", "9a8a 9i7i 8a9a 7i9i "
    start = "k8/9/9/9/9/9/9/9/R3K4 w - 1"
    ours, theirs = both(start, checks + quiet + checks)
    assert ours.repetition() is Repetition.DRAW
    assert theirs.is_draw() == Repetition.WIN
    ours, theirs = both(start, checks * 3)
    assert ours.repetition() == theirs.is_draw() == Repetition.WIN


def test_a_position_twice_is_no_draw() -> None:
    """Once with less in hand, then again: inferior still. cshogi calls it a draw."""
    start = "4k4/9/9/9/9/9/9/9/4K4 b P 1"
    given = "P*5b 5a5b 5i5h 5b4a 5h5i 4a5a "
    ours, theirs = both(start, given)
    assert ours.repetition() == theirs.is_draw() == Repetition.INFERIOR
    ours, theirs = both(start, given + "5i5h 5a4a 5h5i 4a5a")
    assert ours.repetition() is Repetition.INFERIOR
    assert theirs.is_draw() == Repetition.DRAW


@pytest.mark.parametrize(
    ("sfen", "mate"),
    [
        ("6+S2/8k/6G2/6+L2/6R2/9/4K4/9/9 b - 1", "3e1e"),
        ("9/6P1k/6+PL1/9/7L1/R8/9/6K2/9 b - 1", "9f1f"),
        ("8k/R7g/6pP1/9/9/9/8K/9/9 b - 1", "9b9a"),
    ],
)
def test_mates_from_afar(sfen: str, mate: str) -> None:
    """What the rules call mate; cshogi's search looks near the king only."""
    ours, theirs = both(sfen, "")
    assert not theirs.mate_move_in_1ply()
    assert ours.mate_in_one() is Move.from_usi(mate)
    ours.push_usi(mate)
    assert ours.is_checkmate()


def test_pieces_that_can_never_move() -> None:
    """Composed problems may begin with them; cshogi lets them leave the board."""
    ours, theirs = both("P3k4/L8/9/9/9/9/9/9/4K4 b - 1", "")
    mine = {move.usi() for move in ours.legal_moves}
    assert mine == {"5i4i", "5i6i", "5i4h", "5i5h", "5i6h"}
    assert len(list(theirs.legal_moves)) > len(mine)


@dataclass
class Entry:
    """A position of a game, as repetition needs it."""

    hands: list[list[int]]
    in_check: bool


class History:
    """The positions of one line, told by texts and checks of cshogi."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.by_board: dict[str, list[int]] = {}

    def add(self, board_and_turn: str, entry: Entry) -> None:
        self.earlier = self.by_board.setdefault(board_and_turn, [])
        self.same = [i for i in self.earlier if self.entries[i].hands == entry.hands]
        self.earlier.append(len(self.entries))
        self.entries.append(entry)

    def always_checked(self, n_plies: int) -> tuple[bool, bool]:
        """Whether the last so many plies always checked the side to move, the other."""
        n = len(self.entries)
        victims = range(n - 1, n - 1 - n_plies, -1)
        return (
            all(self.entries[i].in_check for i in victims[::2]),
            all(self.entries[i].in_check for i in victims[1::2]),
        )

    def by_the_rules(self, turn: int) -> Repetition:
        """The fourth time ends the game; before, the latest other hands compare."""
        last = len(self.entries) - 1
        if len(self.same) >= 3:
            checked, checking = self.always_checked(last - self.same[-3])
            if checked == checking:
                return Repetition.DRAW
            return Repetition.WIN if checked else Repetition.LOSS
        for i in reversed(self.earlier[:-1]):
            if i not in self.same:
                compared = compared_hands(self.entries[last], self.entries[i], turn)
                return compared or Repetition.NONE
        return Repetition.NONE

    def by_cshogi(self, turn: int) -> Repetition:
        """The latest earlier occurrence counts, and only checks since then."""
        last = len(self.entries) - 1
        for i in reversed(self.earlier[:-1]):
            if i in self.same:
                checked, checking = self.always_checked(last - i)
                if checking:
                    return Repetition.LOSS
                return Repetition.WIN if checked else Repetition.DRAW
            compared = compared_hands(self.entries[last], self.entries[i], turn)
            if compared is not None:
                return compared
        return Repetition.NONE


def compared_hands(now: Entry, then: Entry, turn: int) -> Repetition | None:
    pairs = list(zip(now.hands[turn], then.hands[turn], strict=True))
    if all(a >= b for a, b in pairs):
        return Repetition.SUPERIOR
    if all(a <= b for a, b in pairs):
        return Repetition.INFERIOR
    return None


def compare(lines: Iterable[players.Line]) -> Counter[str]:
    """Replay lines on both boards and compare all that both can tell."""
    import cshogi

    theirs = cshogi.Board()
    hcp = np.zeros(BATCH, cshogi.HuffmanCodedPos)
    packed = np.zeros(BATCH, cshogi.PackedSfen)
    counts: Counter[str] = Counter()
    keys: list[Any] = []
    rows: list[tuple[int, bool, int, int]] = []
    for line in lines:
        ours = Board(line.start)
        if not can_be_played_by_cshogi(ours):
            counts["lines that only composed problems have"] += 1
            continue
        theirs.set_sfen(line.start)
        history = History()
        counts[f"positions, {line.kind}"] += len(line.moves) + 1
        for move in (*line.moves, None):
            theirs.to_hcp(hcp[len(rows) :])
            theirs.to_psfen(packed[len(rows) :])
            n_moves = compare_position(ours, theirs, history, counts)
            rows.append((ours.key, ours.is_check(), n_moves, theirs.zobrist_hash()))
            if len(rows) == BATCH:
                keys.append(compare_rows(hcp, packed, rows))
                rows.clear()
            if move is not None:
                ours.push(move)
                theirs.push_move16(int(move))
    keys.append(compare_rows(hcp[: len(rows)], packed[: len(rows)], rows))
    every = np.concatenate(keys)
    counts["positions"] = len(every)
    counts["distinct positions"] = len(np.unique(every))
    # Keys are equal exactly for equal positions, and so are those of cshogi.
    for field in ("key", "zobrist", "hcp"):
        assert len(np.unique(every[field])) == counts["distinct positions"], field
    return counts


def can_be_played_by_cshogi(board: Board) -> bool:
    """Whether both kings are there, and each piece could move on an empty board."""
    if None in (board.king(Color.BLACK), board.king(Color.WHITE)):
        return False
    for square, piece in board.piece_map().items():
        # From the last rank of that side, counted from 0.
        n_ranks = square.rank - 1 if piece.color is Color.BLACK else 9 - square.rank
        least = {PieceType.PAWN: 1, PieceType.LANCE: 1, PieceType.KNIGHT: 2}
        if n_ranks < least.get(piece.piece_type, 0):
            return False
    return True


def compare_position(
    ours: Board, theirs: cshogi.Board, history: History, counts: Counter[str]
) -> int:
    """One position of both boards; returns the number of its legal moves."""
    import cshogi

    sfen = theirs.sfen()
    assert ours.sfen() == sfen
    turn = theirs.turn
    assert ours.turn == turn
    in_check = theirs.is_check()
    assert ours.is_check() == in_check, sfen
    moves = {cshogi.move16(move) for move in theirs.legal_moves}
    ours_moves = list(ours.legal_moves)
    assert set(map(int, ours_moves)) == moves, sfen
    assert len(ours_moves) == len(moves) == len(ours.legal_moves), sfen
    is_over = theirs.is_game_over()
    assert is_over == (not ours.legal_moves) == (not moves), sfen
    assert ours.is_checkmate() == (is_over and in_check), sfen
    counts["moves"] += len(moves)
    counts["in check"] += in_check
    counts["no legal move"] += is_over
    compare_checks_and_mates(ours, theirs, ours_moves, counts)
    board, color, _, _ = sfen.split()
    hands: list[list[int]] = [list(hand) for hand in theirs.pieces_in_hand]
    history.add(board + color, Entry(hands, in_check))
    compare_ends(ours, theirs, history, counts)
    for rule, law in (("27", cshogi.LAW_27), ("24", cshogi.LAW_24)):
        declared = theirs.is_nyugyoku(law)
        assert ours.can_declare_win(rule) == declared, (rule, sfen)  # type: ignore[arg-type]
        counts[f"declaration {rule}"] += declared
    return len(moves)


def compare_checks_and_mates(
    ours: Board, theirs: cshogi.Board, moves: list[Move], counts: Counter[str]
) -> None:
    """Which moves check, and which of those mate; in check, cshogi lists no checks."""
    import cshogi

    checks = [move for move in moves if ours.gives_check(move)]
    counts["checks"] += len(checks)
    found = ours.mate_in_one()
    if theirs.is_check():
        listed = [theirs.move_from_move16(int(move)) for move in checks]
    else:
        listed = list(theirs.check_moves)
        assert {cshogi.move16(move) for move in listed} == set(map(int, checks)), ours
    mates = set()
    for move in listed:
        theirs.push(move)
        if theirs.is_game_over():
            mates.add(cshogi.move16(move))
        theirs.pop()
    counts["mate in one"] += bool(mates)
    assert (found is not None) == bool(mates), ours
    assert found is None or int(found) in mates, ours
    if not theirs.is_check():
        # It looks for no mates of some kinds.
        peer = theirs.mate_move_in_1ply()
        assert not peer or cshogi.move16(peer) in mates, ours
        counts["mate in one that cshogi's search misses"] += bool(mates) and not peer


def compare_ends(
    ours: Board, theirs: cshogi.Board, history: History, counts: Counter[str]
) -> None:
    turn = theirs.turn
    verdict = history.by_the_rules(turn)
    assert ours.repetition() is verdict, ours.move_stack
    n_times = len(history.same) + 1
    assert ours.is_repetition() == (n_times >= 4)
    assert ours.is_repetition(n_times)
    assert not ours.is_repetition(n_times + 1)
    of_cshogi = history.by_cshogi(turn)
    assert theirs.is_draw() == of_cshogi, ours.move_stack
    counts[f"repetition {verdict.name}"] += 1
    counts[f"repetition of cshogi {of_cshogi.name}"] += 1
    counts["fourth occurrence, another verdict of cshogi"] += (
        n_times >= 4 and verdict is not of_cshogi
    )
    outcome = ours.outcome()
    other = Color(turn).opponent
    expected: tuple[Color | None, Ending] | None
    if theirs.is_game_over():
        expected = (other, Ending.CHECKMATE)
    else:
        expected = {
            Repetition.DRAW: (None, Ending.REPETITION),
            Repetition.WIN: (Color(turn), Ending.PERPETUAL_CHECK),
            Repetition.LOSS: (other, Ending.PERPETUAL_CHECK),
        }.get(verdict)
    assert (outcome and (outcome.winner, outcome.ending)) == expected, ours.move_stack


def compare_rows(
    hcp: Any, packed: Any, rows: list[tuple[int, bool, int, int]]
) -> np.ndarray[Any, Any]:
    """Many positions as an array: bytes, keys, checks and masks."""
    positions = PositionArray.from_hcp(hcp)
    assert PositionArray.from_packed_sfens(packed) == positions
    assert (positions.packed_sfens() == packed["sfen"]).all()
    keys, checks, n_moves, zobrist = (
        list(column) for column in zip(*rows, strict=True)
    )
    # Kept move by move on the board, and computed anew from the bytes.
    assert (positions.keys() == np.array(keys, np.uint64)).all()
    assert (positions.in_check() == np.array(checks)).all()
    for scheme in (2187, 1496):
        masks = positions.legal_masks(scheme)
        assert (masks.sum(axis=1) == np.array(n_moves)).all()
    kinds = [("key", "u8"), ("zobrist", "u8"), ("hcp", "S32")]
    result = np.zeros(len(rows), kinds)
    result["key"] = keys
    result["zobrist"] = zobrist
    result["hcp"] = hcp["hcp"].view("S32").reshape(-1)
    return result
