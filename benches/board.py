"""One board from Python: legal moves, push and pop, SFEN, HCP; `maou.Board` and peers.

The positions are those of generated games, 1 in 20 of them. Every side does the same to
each of them, all sides in turn: cshogi, nshogi where it has the call, and python-shogi
for the record on fewer positions, since it is slow. HCP goes into a NumPy array that
cshogi is given beforehand, and its boards are set anew rather than made, which is what
it is faster at.

    python benches/board.py [--positions 2000] [--runs 9]
"""

from __future__ import annotations

import gc
import random
import statistics
import sys
import time
from argparse import ArgumentParser
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import cshogi
import numpy as np
import shogi
from maou_rust import build_info, maou_shogi

import maou
import measure

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET = 1.0
PEERS = ("cshogi", "nshogi", "python-shogi")
SLOW_SHARE = 50


def installed(distribution: str) -> bool:
    """Tell whether a peer is there."""
    return distribution != "nshogi" or find_spec("nshogi") is not None


def positions(n: int) -> list[str]:
    """Choose positions of generated games."""
    found: list[str] = []
    chance = random.Random(45)
    for data in maou_shogi.generate(n // 4 + 1, seed=45):
        (game,) = maou.read_games(data)
        board = maou.Board(game.start)
        for move in game.moves:
            board.push(maou.Move(int(move)))
            if chance.random() < 0.05:
                found.append(board.sfen())
    return chance.sample(found, n)


@dataclass
class Side:
    """One library's way of doing one thing, and the times it took."""

    name: str
    act: Callable[[Any], object]
    inputs: list[Any]
    ns: list[float] = field(default_factory=list)

    def run(self) -> None:
        """Act on every input and take the time of one."""
        act, inputs = self.act, self.inputs
        gc.collect()
        start = time.perf_counter()
        for given in inputs:
            act(given)
        self.ns.append((time.perf_counter() - start) / len(inputs) * 1e9)

    @property
    def median(self) -> float:
        """Nanoseconds of one."""
        return statistics.median(self.ns)


def push_and_pop(given: tuple[Any, list[Any]]) -> None:
    """Make and take back every legal move, listed beforehand."""
    board, moves = given
    for move in moves:
        board.push(move)
        board.pop()


def do_and_undo(given: tuple[Any, list[Any]]) -> None:
    """Make and take back every legal move of a state of nshogi."""
    state, moves = given
    for move in moves:
        state.do_move(move)
        state.undo_move()


def of_nshogi(sfens: list[str]) -> dict[str, Side]:
    """What nshogi can do, as in `cases`; it has wheels for few systems."""
    if not installed("nshogi"):
        return {}
    import nshogi

    read = nshogi.io.sfen.make_state_from_sfen
    states = [read(sfen) for sfen in sfens]
    listed = [(state, state.legal_moves) for state in states]
    acts: dict[str, tuple[Callable[[Any], object], list[Any]]] = {
        "legal moves, listed": (lambda state: state.legal_moves, states),
        "legal moves, counted": (lambda state: len(state.legal_moves), states),
        "push and pop of all": (do_and_undo, listed),
        "SFEN written": (lambda state: state.to_sfen(), states),
        "SFEN read": (read, sfens),
        "in check": (lambda state: state.is_in_check, states),
    }
    return {name: Side("nshogi", act, given) for name, (act, given) in acts.items()}


def cases(sfens: list[str]) -> dict[str, list[Side]]:
    """The sides of each thing, maou first, then cshogi, then who else can."""
    few = sfens[::SLOW_SHARE]
    ours = [maou.Board(sfen) for sfen in sfens]
    theirs = [cshogi.Board(sfen) for sfen in sfens]
    slow = [shogi.Board(sfen) for sfen in few]
    ours_moves = [(board, list(board.legal_moves)) for board in ours]
    their_moves = [(board, list(board.legal_moves)) for board in theirs]
    slow_moves = [(board, list(board.legal_moves)) for board in slow]
    for (_, listed), (_, peer) in zip(ours_moves, their_moves, strict=True):
        if len(listed) != len(peer):
            sys.exit("expected the same legal moves")
    hcps = np.zeros(len(sfens), dtype=cshogi.HuffmanCodedPos)
    for row, board in enumerate(theirs):
        board.to_hcp(hcps[row : row + 1])
    rows = [(board, hcps[row : row + 1]) for row, board in enumerate(theirs)]
    if [board.hcp() for board in ours] != [row.tobytes() for _, row in rows]:
        sys.exit("expected the same HCP")
    scratch = cshogi.Board()
    found = {
        "legal moves, listed": [
            Side("maou", lambda board: list(board.legal_moves), ours),
            Side("cshogi", lambda board: list(board.legal_moves), theirs),
            Side("python-shogi", lambda board: list(board.legal_moves), slow),
        ],
        "legal moves, counted": [
            Side("maou", lambda board: len(board.legal_moves), ours),
            Side("cshogi", lambda board: len(board.legal_moves), theirs),
            Side("python-shogi", lambda board: len(board.legal_moves), slow),
        ],
        "push and pop of all": [
            Side("maou", push_and_pop, ours_moves),
            Side("cshogi", push_and_pop, their_moves),
            Side("python-shogi", push_and_pop, slow_moves),
        ],
        "SFEN written": [
            Side("maou", lambda board: board.sfen(), ours),
            Side("cshogi", lambda board: board.sfen(), theirs),
            Side("python-shogi", lambda board: board.sfen(), slow),
        ],
        "SFEN read": [
            Side("maou", maou.Board, sfens),
            Side("cshogi", scratch.set_sfen, sfens),
            Side("python-shogi", shogi.Board, few),
        ],
        "HCP written": [
            Side("maou", lambda given: given.hcp(), ours),
            Side("cshogi", lambda given: given[0].to_hcp(given[1]), rows),
        ],
        "HCP read": [
            Side("maou", maou.Board.from_hcp, [row.tobytes() for _, row in rows]),
            Side("cshogi", scratch.set_hcp, [row for _, row in rows]),
        ],
        "in check": [
            Side("maou", lambda board: board.is_check(), ours),
            Side("cshogi", lambda board: board.is_check(), theirs),
            Side("python-shogi", lambda board: board.is_check(), slow),
        ],
        "key": [
            Side("maou", lambda board: board.key, ours),
            Side("cshogi", lambda board: board.zobrist_hash(), theirs),
            Side("python-shogi", lambda board: board.zobrist_hash(), slow),
        ],
    }
    for name, side in of_nshogi(sfens).items():
        found[name].append(side)
    return found


def main() -> None:
    """Print the machine and a table."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--positions", type=int, default=2_000)
    parser.add_argument("--runs", type=int, default=9)
    arguments = parser.parse_args()
    if arguments.positions < SLOW_SHARE or arguments.runs < 1:
        parser.error(f"expected at least {SLOW_SHARE} positions and one run")
    print(measure.machine("maou", *filter(installed, PEERS)), end="; ")
    print(f"profile {build_info()['profile']}; {measure.load()}\n")
    n, n_runs = arguments.positions, arguments.runs
    print(f"{n:,} positions, {n_runs} runs in turn, medians\n")
    rows = []
    for name, sides in cases(positions(n)).items():
        for _ in range(n_runs):
            for side in sides:
                side.run()
        mine = sides[0]
        peers = {side.name: side for side in sides[1:]}
        best = min(peers.values(), key=lambda side: side.median)
        rounds = [p / m for m, p in zip(mine.ns, best.ns, strict=True)]
        ratio = best.median / mine.median
        rows.append(
            [
                name,
                f"{mine.median:,.0f}",
                *(f"{peers[p].median:,.0f}" if p in peers else "" for p in PEERS),
                f"{ratio:.2f}×",
                f"{min(rounds):.2f} to {max(rounds):.2f}",
                "reached" if ratio >= TARGET else "missed",
            ]
        )
    header = ["ns a position", "maou", *PEERS, "ratio to the fastest peer"]
    measure.table([*header, "of single rounds", f"target of {TARGET:g}×"], rows)


if __name__ == "__main__":
    main()
