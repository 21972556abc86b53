"""The peers of `maou convert` for teacher records: numpy and cshogi, as in dlshogi.

HCPE becomes PSV and PSV becomes HCPE in one loop on one thread, as dlshogi's
`hcpe_to_psv.py` and `psv_to_hcpe.py` do, with the check that the move can be played.

    python benches/peers/cshogi_teacher.py hcpe IN.hcpe OUT.psv
    python benches/peers/cshogi_teacher.py psv IN.psv OUT.hcpe
"""

from __future__ import annotations

import sys

import cshogi
import numpy as np


def from_hcpe(source: str, out: str) -> int:
    """Read HCPE, write PSV; returns the number of records."""
    hcpes = np.fromfile(source, dtype=cshogi.HuffmanCodedPosAndEval)
    psvs = np.zeros(len(hcpes), cshogi.PackedSfenValue)
    board = cshogi.Board()
    for hcpe, psv in zip(hcpes, psvs, strict=True):
        board.set_hcp(hcpe["hcp"])
        move16 = int(hcpe["bestMove16"])
        if not board.is_legal(board.move_from_move16(move16)):
            sys.exit(f"{source}: expected a legal move")
        board.to_psfen(psv["sfen"])
        psv["score"] = hcpe["eval"]
        psv["move"] = cshogi.move16_to_psv(move16)
        if hcpe["gameResult"]:
            psv["game_result"] = 1 if board.turn == hcpe["gameResult"] - 1 else -1
    psvs.tofile(out)
    return len(hcpes)


def from_psv(source: str, out: str) -> int:
    """Read PSV, write HCPE; returns the number of records."""
    psvs = np.fromfile(source, dtype=cshogi.PackedSfenValue)
    hcpes = np.zeros(len(psvs), cshogi.HuffmanCodedPosAndEval)
    board = cshogi.Board()
    for psv, hcpe in zip(psvs, hcpes, strict=True):
        board.set_psfen(psv["sfen"])
        move16 = cshogi.move16_from_psv(int(psv["move"]))
        if not board.is_legal(board.move_from_move16(move16)):
            sys.exit(f"{source}: expected a legal move")
        board.to_hcp(hcpe["hcp"])
        hcpe["eval"] = psv["score"]
        hcpe["bestMove16"] = move16
        if psv["game_result"] == 1:
            hcpe["gameResult"] = board.turn + 1
        elif psv["game_result"] == -1:
            hcpe["gameResult"] = 2 - board.turn
    hcpes.tofile(out)
    return len(psvs)


def main() -> int:
    """Convert; prints the number of records."""
    kind, source, out = sys.argv[1:]
    print((from_hcpe if kind == "hcpe" else from_psv)(source, out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
