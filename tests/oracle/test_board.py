"""`maou.Board` agrees with cshogi, and with the rules where cshogi is known not to."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

import maou
from maou import Board, Color, Move, Repetition, Square

if TYPE_CHECKING:
    # Imported in the tests: sessions without the oracles collect this file, too.
    from collections.abc import Iterator

    import cshogi

pytestmark = pytest.mark.oracle

N_POSITIONS = 20_000


def games(n: int, seed: int) -> Iterator[tuple[Board, cshogi.Board]]:
    """Both boards, moved on through the same random games."""
    import cshogi

    chance = random.Random(seed)
    while n > 0:
        ours, theirs = Board(), cshogi.Board()
        for _ in range(chance.randrange(40, 300)):
            if n == 0 or not ours.legal_moves:
                break
            yield ours, theirs
            n -= 1
            move = chance.choice(ours.legal_moves)
            ours.push(move)
            theirs.push(theirs.move_from_usi(move.usi()))


def test_moves_positions_and_checks() -> None:
    import cshogi
    import numpy as np

    hcp = np.zeros(1, dtype=cshogi.HuffmanCodedPos)
    n_checks = 0
    for ours, theirs in games(N_POSITIONS, seed=51):
        listed = {Move(cshogi.move16(move)) for move in theirs.legal_moves}
        assert set(ours.legal_moves) == listed, ours
        assert len(ours.legal_moves) == len(listed)
        assert ours.sfen() == theirs.sfen()
        theirs.to_hcp(hcp)
        assert ours.hcp() == hcp.tobytes()
        assert ours.is_check() == theirs.is_check()
        assert (ours.turn, ours.move_number) == (theirs.turn, theirs.move_number)
        assert ours.king(Color.BLACK) == theirs.king_square(cshogi.BLACK)
        assert ours.king(Color.WHITE) == theirs.king_square(cshogi.WHITE)
        n_checks += ours.is_check()
    assert n_checks > N_POSITIONS // 100


def test_texts_of_moves() -> None:
    import cshogi

    for ours, theirs in games(2_000, seed=52):
        for move in ours.legal_moves:
            peer = theirs.move_from_usi(move.usi())
            assert cshogi.move16(peer) == int(move)
            assert ours.csa(move)[1:] == cshogi.move_to_csa(peer)
            assert theirs.move_from_csa(ours.csa(move)[1:]) == peer


def test_pieces_and_hands() -> None:
    for ours, theirs in games(2_000, seed=53):
        # Both number pieces alike, but for the empty square.
        pieces = [int(ours.piece_at(square) or 0) for square in Square]
        assert pieces == list(theirs.pieces)
        # cshogi counts pawn, lance, knight, silver, gold, bishop, rook.
        order = [1, 2, 3, 4, 7, 5, 6]
        counts = [[hand[maou.PieceType(n)] for n in order] for hand in ours.hands]
        assert counts == [list(hand) for hand in theirs.pieces_in_hand]


def test_mates_in_one() -> None:
    """What cshogi finds is a mate; it does not look for all kinds of them."""
    import cshogi

    n_mates = 0
    for ours, theirs in games(N_POSITIONS, seed=54):
        found = ours.mate_in_one()
        if not theirs.is_check():
            peer = theirs.mate_move_in_1ply()
            if peer:
                assert found is not None, ours
                assert is_mate(ours, Move(cshogi.move16(peer)))
        if found is not None:
            assert is_mate(ours, found)
            n_mates += 1
    assert n_mates > 20


def is_mate(board: Board, move: Move) -> bool:
    after = board.copy(stack=False)
    after.push(move)
    return after.is_checkmate()


def test_declarations() -> None:
    import cshogi

    n_declared = 0
    chance = random.Random(55)
    theirs = cshogi.Board()
    for _ in range(2_000):
        sfen = entered(chance)
        try:
            ours = Board(sfen)
        except maou.RecordError:
            continue
        theirs.set_sfen(sfen)
        assert ours.can_declare_win() == theirs.is_nyugyoku(), sfen
        n_declared += ours.can_declare_win()
    assert n_declared > 50


def entered(chance: random.Random) -> str:
    """A position with a king and about ten pieces in the enemy camp."""
    pieces = [
        "K",
        *chance.choices(["+P", "G", "+B", "+R", "+S"], [9, 2, 1, 1, 1], k=10),
    ]
    if chance.random() < 0.3:
        pieces.append("+P")
    rows: list[list[str | None]] = [[None] * 9 for _ in range(3)]
    for piece, place in zip(pieces, chance.sample(range(27), len(pieces)), strict=True):
        rows[place // 9][place % 9] = piece
    board = "/".join(map(packed, rows)) + "/9/9/9/9/9/4k4"
    hand = f"{chance.choice(['', 'R', 'B', 'RB'])}{chance.randrange(2, 9)}P"
    sfen = f"{board} b {hand} 1"
    try:
        return Board(sfen).flip().sfen() if chance.random() < 0.5 else sfen
    except maou.RecordError:
        return sfen


def packed(row: list[str | None]) -> str:
    text, empty = "", 0
    for piece in [*row, ""]:
        if piece is None:
            empty += 1
            continue
        text += (str(empty) if empty else "") + piece
        empty = 0
    return text


def test_repetition() -> None:
    """The rule counts four; cshogi's search calls the second occurrence a repetition.

    Where both call it one, they agree on who is to blame.
    """
    import cshogi

    names = {
        cshogi.REPETITION_DRAW: Repetition.DRAW,
        cshogi.REPETITION_WIN: Repetition.WIN,
        cshogi.REPETITION_LOSE: Repetition.LOSS,
    }
    checked = "k8/9/9/9/9/9/9/9/R3K4 w - 1"
    checking = "k8/9/9/9/9/9/9/9/1R2K4 b - 1"
    for sfen, moves in (
        (None, ["2h3h", "8b7b", "3h2h", "7b8b"]),
        (checked, ["9a8a", "9i8i", "8a9a", "8i9i"]),
        (checking, ["8i9i", "9a8a", "9i8i", "8a9a"]),
    ):
        ours = Board(sfen)
        theirs = cshogi.Board() if sfen is None else cshogi.Board(sfen)
        for text in moves * 3:
            assert ours.repetition() is Repetition.NONE
            ours.push_usi(text)
            theirs.push_usi(text)
        assert ours.repetition() is names[theirs.is_draw()]
