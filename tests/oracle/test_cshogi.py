"""Rules, notations and records agree with cshogi."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from maou_rust import maou_shogi

import maou

if TYPE_CHECKING:
    # Imported in the tests: sessions without the oracles collect this file, too.
    from collections.abc import Iterator
    from pathlib import Path

    import cshogi

pytestmark = pytest.mark.oracle

N_POSITIONS = 20_000


def random_positions(n: int, seed: int) -> Iterator[cshogi.Board]:
    """Positions of random games of cshogi, one board that is moved on."""
    import cshogi

    chance = random.Random(seed)
    while n > 0:
        board = cshogi.Board()
        for _ in range(chance.randrange(40, 300)):
            moves = list(board.legal_moves)
            if not moves:
                break
            board.push(chance.choice(moves))
            yield board
            n -= 1
            if n == 0:
                return


def test_legal_moves_hcp_and_sfen_agree() -> None:
    import cshogi
    import numpy as np

    hcp = np.zeros(1, dtype=cshogi.HuffmanCodedPos)
    n_moves = 0
    for board in random_positions(N_POSITIONS, seed=1):
        sfen = board.sfen()
        wanted = sorted(cshogi.move_to_usi(move) for move in board.legal_moves)
        assert sorted(maou_shogi.legal_moves_usi(sfen)) == wanted, sfen
        board.to_hcp(hcp)
        packed = hcp.tobytes()
        assert maou_shogi.sfen_to_hcp(sfen) == packed, sfen
        canonical = maou_shogi.canonical_sfen(sfen)
        assert canonical == sfen
        without_number = canonical.rsplit(" ", 1)[0]
        assert maou_shogi.hcp_to_sfen(packed).rsplit(" ", 1)[0] == without_number
        n_moves += len(wanted)
    assert n_moves > 20 * N_POSITIONS


def test_move16_is_that_of_cshogi() -> None:
    import cshogi

    table = maou_shogi.usi_table()
    for board in random_positions(1_000, seed=2):
        for move in board.legal_moves:
            assert table[cshogi.move16(move)] == cshogi.move_to_usi(move)


@pytest.mark.parametrize("seed", [3, 4])
def test_csa_main_lines_agree(seed: int, tmp_path: Path) -> None:
    import cshogi
    from cshogi import CSA

    for n, text in enumerate(maou_shogi.generate(200, seed=seed, format="csa")):
        path = tmp_path / f"{n}.csa"
        path.write_bytes(text)
        (game,) = maou.read_games(path)
        (wanted,) = CSA.Parser.parse_file(str(path))
        assert game.start == wanted.sfen
        assert list(map(int, game.moves)) == [
            cshogi.move16(move) for move in wanted.moves
        ]
        # cshogi takes games that end with %TSUMI or %CHUDAN for draws.
        if game.ending not in ("checkmate", "interrupted"):
            assert int(game.result) == wanted.win
        assert [t // 1000 if t is not None else 0 for t in game.times_ms] == [
            int(t) for t in wanted.times
        ]


def test_kif_main_lines_agree(tmp_path: Path) -> None:
    import cshogi
    from cshogi import KIF

    for n, text in enumerate(maou_shogi.generate(100, seed=5, format="kif")):
        path = tmp_path / f"{n}.kif"
        path.write_bytes(text)
        (game,) = maou.read_games(path)
        wanted = KIF.Parser.parse_str(text.decode())
        assert list(map(int, game.moves)) == [
            cshogi.move16(move) for move in wanted.moves
        ]
