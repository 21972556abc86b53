"""Labels, planes, masks and encodings of arrays of positions are those of cshogi."""

from __future__ import annotations

import contextlib

import numpy as np
import players
import pytest

import maou
from maou import PositionArray, policy
from maou.positions import psv_moves

pytestmark = pytest.mark.oracle

N_POSITIONS = 20_000

Played = tuple[PositionArray, list[str]]


@pytest.fixture(scope="module")
def played() -> Played:
    """Positions of every kind, as cshogi encodes and as it writes them."""
    import cshogi

    board = cshogi.Board()
    hcp = np.zeros(2 * N_POSITIONS, cshogi.HuffmanCodedPos)
    sfens: list[str] = []
    for line in players.lines(N_POSITIONS, seed=5):
        board.set_sfen(line.start)
        for move in (*line.moves, None):
            board.to_hcp(hcp[len(sfens) :])
            sfens.append(board.sfen())
            if move is not None:
                board.push_move16(int(move))
    assert len(sfens) >= N_POSITIONS
    return PositionArray.from_hcp(hcp[: len(sfens)]), sfens


def test_encodings_agree(played: Played) -> None:
    import cshogi

    positions, sfens = played
    assert PositionArray.from_sfens(sfens) == positions
    without_number = [sfen.rsplit(" ", 1)[0] for sfen in sfens]
    assert [sfen.rsplit(" ", 1)[0] for sfen in positions.sfens()] == without_number
    board = cshogi.Board()
    packed = np.zeros(len(positions), cshogi.PackedSfen)
    hcp = positions.hcp()
    checks = positions.in_check()
    turns = positions.turns()
    for i, row in enumerate(hcp):
        board.set_hcp(row)
        board.to_psfen(packed[i:])
        assert checks[i] == board.is_check()
        assert turns[i] == board.turn
    assert (positions.packed_sfens() == packed["sfen"]).all()
    assert PositionArray.from_packed_sfens(packed) == positions


def test_the_planes_of_dlshogi_agree(played: Played) -> None:
    """All of them, and hands of more pawns than there are planes."""
    import cshogi
    from cshogi import dlshogi

    many = ["4k4/9/9/9/9/9/9/9/4K4 w 2R2B4G4S4N4L18P 1"]
    many.append("4k4/9/4L4/9/9/9/9/9/4K4 w 2R2B4G4S4N3L18p 1")
    positions = PositionArray.concat([played[0], PositionArray.from_sfens(many)])
    board = cshogi.Board()
    first = np.zeros((dlshogi.FEATURES1_NUM, 9, 9), np.float32)
    second = np.zeros((dlshogi.FEATURES2_NUM, 9, 9), np.float32)
    n_white = 0
    out = None
    for start in range(0, len(positions), 500):
        part = positions[start : start + 500]
        out = part.features("dlshogi", out=out if len(part) == 500 else None)
        for row, ours_1, ours_2 in zip(part.hcp(), *out, strict=True):
            board.set_hcp(row)
            dlshogi.make_input_features(board, first, second)
            assert first.tobytes() == ours_1.tobytes(), board.sfen()
            assert second.tobytes() == ours_2.tobytes(), board.sfen()
            n_white += board.turn
    assert 0.4 < n_white / len(positions) < 0.6


def test_labels_and_masks_agree(played: Played) -> None:
    """Every legal move of every position: its label, the way back, and the masks."""
    import cshogi
    from cshogi import dlshogi

    positions, _ = played
    board = cshogi.Board()
    rows: list[int] = []
    moves: list[int] = []
    labels: list[int] = []
    for i, row in enumerate(positions.hcp()):
        board.set_hcp(row)
        for move in board.legal_moves:
            rows.append(i)
            moves.append(cshogi.move16(move))
            labels.append(dlshogi.make_move_label(move, board.turn))
    assert len(labels) > 20 * len(positions)
    moved = positions[rows]
    wanted = np.array(labels)
    assert (moved.labels(moves, 2187) == wanted).all()
    assert (moved.moves(wanted, 2187) == np.array(moves)).all()
    narrow = policy.TO_1496[wanted].astype(np.int64)
    assert (narrow >= 0).all()
    assert (moved.labels(moves, 1496) == narrow).all()
    assert (moved.moves(narrow, 1496) == np.array(moves)).all()
    for scheme, of_scheme in ((2187, wanted), (1496, narrow)):
        for start in range(0, len(positions), 5_000):
            here = slice(*np.searchsorted(rows, [start, start + 5_000]))
            part = positions[start : start + 5_000]
            masks = np.zeros((len(part), scheme), np.bool_)
            masks[np.array(rows[here]) - start, of_scheme[here]] = True
            assert (part.legal_masks(scheme) == masks).all()  # type: ignore[arg-type]


def test_moves_of_psv_agree() -> None:
    import cshogi

    moves = []
    for number in range(1 << 15):
        with contextlib.suppress(ValueError):
            moves.append(int(maou.Move(number)))
    assert len(moves) > 10_000
    psv = [cshogi.move16_to_psv(move) for move in moves]
    assert psv_moves(np.array(psv, np.uint16)).tolist() == moves


def test_piece_ids_are_the_pieces_of_cshogi(played: Played) -> None:
    import cshogi

    # cshogi numbers P L N S B R G K, promoted +8, White +16.
    of_kind = [0, 1, 2, 3, 4, 6, 7, 5, 8, 9, 10, 11, 12, 13, 14]
    positions = played[0][::5]
    board = cshogi.Board()
    for row, ids, hands in zip(
        positions.hcp(), positions.piece_ids(), positions.hands(), strict=True
    ):
        board.set_hcp(row)
        pieces = board.pieces[::-1] if board.turn else board.pieces
        expected = [
            of_kind[piece & 15] + 14 * (piece >> 4 != board.turn) if piece else 0
            for piece in pieces
        ]
        assert ids.tolist() == expected
        # Its hands are P L N S G B R, Black's first.
        held = board.pieces_in_hand
        held = held[::-1] if board.turn else held
        assert hands.tolist() == [*held[0], *held[1]]


def test_real_looking_games_agree() -> None:
    """Replayed games: keys as of texts, and labels of what was played."""
    import cshogi
    from cshogi import dlshogi
    from maou_rust import maou_shogi

    games = [maou.read_games(text)[0] for text in maou_shogi.generate(50, seed=6)]
    replayed = PositionArray.from_games(games)
    labels = replayed.positions.labels(replayed.moves)
    keys = replayed.positions.keys()
    at = 0
    for game in games:
        board = cshogi.Board(game.start)
        for move16 in map(int, game.moves):
            move = board.move_from_move16(move16)
            assert labels[at] == dlshogi.make_move_label(move, board.turn)
            assert keys[at] == maou_shogi.key(board.sfen())
            board.push(move)
            at += 1
    assert at == len(labels)
