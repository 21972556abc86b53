"""The peer of `maou convert`: a folder of CSA files becomes HCPE, through cshogi.

Works as dlshogi's converter does: one loop over cshogi's parser on one thread, every
position into a 38-byte record, a game's records written at once.

    python benches/peers/cshogi_csa_to_hcpe.py FOLDER OUT.hcpe
"""

from __future__ import annotations

import sys
from pathlib import Path

import cshogi
import numpy as np
from cshogi import CSA

MAX_EVAL_CP = 32767


def main() -> int:
    """Convert; prints the number of games and positions."""
    folder, out = sys.argv[1:]
    records = np.zeros(1024, cshogi.HuffmanCodedPosAndEval)
    board = cshogi.Board()
    n_games = n_positions = 0
    with Path(out).open("wb") as file:
        for path in sorted(Path(folder).rglob("*.csa")):
            for game in CSA.Parser.parse_file(str(path)):
                board.set_sfen(game.sfen)
                n_plies = 0
                for move, eval_cp_black in zip(game.moves, game.scores, strict=True):
                    if not board.is_legal(move):
                        sys.exit(f"{path}: expected a legal move")
                    record = records[n_plies]
                    board.to_hcp(record["hcp"])
                    eval_cp = min(max(eval_cp_black, -MAX_EVAL_CP), MAX_EVAL_CP)
                    record["eval"] = eval_cp if board.turn == cshogi.BLACK else -eval_cp
                    record["bestMove16"] = cshogi.move16(move)
                    record["gameResult"] = game.win
                    n_plies += 1
                    board.push(move)
                records[:n_plies].tofile(file)
                n_games += 1
                n_positions += n_plies
    print(n_games, n_positions)
    return 0


if __name__ == "__main__":
    sys.exit(main())
