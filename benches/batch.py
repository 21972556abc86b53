"""Arrays of positions become what networks take: `maou.PositionArray` and its peers.

The positions are those of generated games, given as HCP. maou writes batches of 1,024
rows (planes: 256) into buffers that are used again, on one thread and on two. cshogi
has functions of one position; a loop in Python calls them with its board set from the
HCP, for the planes also with boards that were set before. All sides run in turn.

    python benches/batch.py [--positions 20000] [--runs 9]
"""

from __future__ import annotations

import gc
import statistics
import time
from argparse import ArgumentParser
from typing import TYPE_CHECKING

import cshogi
import numpy as np
from cshogi import dlshogi
from maou_rust import build_info, maou_shogi

import maou
import measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from maou.positions import Replayed

BATCH = 1_024
PLANES_BATCH = 256
# Million positions a second on one thread, and the ratio to the better of the peers.
TARGETS = {"dlshogi planes": (0.44, 2.0)}
USUAL_TARGET = (2.0, 1.0)
THREADS_TARGET = 1.8


class Side:
    """One way of doing the same, and the times it took."""

    def __init__(self, name: str, run: Callable[[], None], n: int) -> None:
        """Name it as in the table; `n` positions are done at a call."""
        self.name = name
        self.run = run
        self.n = n
        self.times: list[float] = []

    def go(self) -> None:
        """Run once and take the time."""
        gc.collect()
        start = time.perf_counter()
        self.run()
        self.times.append(time.perf_counter() - start)

    @property
    def rate(self) -> float:
        """Positions a second, of the median."""
        return self.n / statistics.median(self.times)

    @property
    def best(self) -> float:
        """Positions a second, of the shortest run."""
        return self.n / min(self.times)


def positions_of(n: int) -> Replayed:
    """The first positions of generated games."""
    games = [maou.read_games(t)[0] for t in maou_shogi.generate(n // 90 + 1)]
    found = maou.PositionArray.from_games(games)
    return found._replace(positions=found.positions[:n], moves=found.moves[:n])


def batches(
    positions: maou.PositionArray, size: int = BATCH
) -> list[tuple[slice, maou.PositionArray]]:
    """Cut into batches, each with its rows."""
    starts = range(0, len(positions), size)
    return [(slice(s, s + size), positions[s : s + size]) for s in starts]


def ours(replayed: Replayed, threads: int) -> dict[str, Callable[[], None]]:
    """What is measured, on so many threads."""
    positions, moves = replayed.positions, replayed.moves
    n = len(positions)
    cut, cut_small = batches(positions), batches(positions, PLANES_BATCH)
    whole = positions.hcp().tobytes()
    masks = np.empty((BATCH, 2187), np.bool_)
    narrow = np.empty((BATCH, 1496), np.bool_)
    numbers, keys = np.empty(n, np.int64), np.empty(n, np.uint64)
    ids, hands = np.empty((n, 81), np.uint8), np.empty((n, 14), np.uint8)
    planes = positions[:PLANES_BATCH].features("dlshogi")
    labels = positions.labels(moves)
    back = np.empty(n, np.uint16)

    def all_masks() -> None:
        for _, part in cut:
            part.legal_masks(2187, out=masks[: len(part)], threads=threads)

    def all_narrow() -> None:
        for _, part in cut:
            part.legal_masks(1496, out=narrow[: len(part)], threads=threads)

    def all_labels() -> None:
        positions.labels(moves, out=numbers, threads=threads)

    def any_labels() -> None:
        positions.labels(moves, check=False, out=numbers, threads=threads)

    def all_moves() -> None:
        positions.moves(labels, out=back, threads=threads)

    def all_compact() -> None:
        positions.features("compact", out=(ids, hands), threads=threads)

    def all_keys() -> None:
        positions.keys(out=keys, threads=threads)

    def decode() -> None:
        maou.PositionArray.from_hcp(whole, threads=threads)

    def all_planes() -> None:
        for _, part in cut_small:
            first, second = planes
            size = len(part)
            part.features("dlshogi", out=(first[:size], second[:size]), threads=threads)

    return {
        "HCP decoded and checked": decode,
        "legal masks, 2187": all_masks,
        "legal masks, 1496": all_narrow,
        "labels of legal moves": all_labels,
        "labels, moves not checked": any_labels,
        "moves of labels": all_moves,
        "compact features": all_compact,
        "keys": all_keys,
        "dlshogi planes": all_planes,
    }


def peers(replayed: Replayed) -> dict[str, list[tuple[str, Callable[[], None], int]]]:
    """What cshogi does in a loop, with its name and the number of positions."""
    # As cshogi gives them: a row of its own type for each position.
    rows = replayed.positions.hcp().copy()
    n = len(rows)
    board = cshogi.Board()
    mask = np.zeros((PLANES_BATCH, 2187), np.bool_)
    first = np.zeros((PLANES_BATCH, 62, 9, 9), np.float32)
    second = np.zeros((PLANES_BATCH, 57, 9, 9), np.float32)
    boards = []
    moves = []
    for row, move16 in zip(rows, replayed.moves, strict=True):
        own = cshogi.Board()
        own.set_hcp(row)
        boards.append(own)
        moves.append((own.move_from_move16(int(move16)), own.turn))

    def decode() -> None:
        for row in rows:
            board.set_hcp(row)

    def masks() -> None:
        label = dlshogi.make_move_label
        for i, row in enumerate(rows):
            board.set_hcp(row)
            own = mask[i % PLANES_BATCH]
            own[:] = False
            turn = board.turn
            own[[label(move, turn) for move in board.legal_moves]] = True

    def labels() -> None:
        label = dlshogi.make_move_label
        for move, turn in moves:
            label(move, turn)

    def legal_labels() -> None:
        label = dlshogi.make_move_label
        for row, (move, turn) in zip(rows, moves, strict=True):
            board.set_hcp(row)
            if board.is_legal(move):
                label(move, turn)

    def pieces() -> None:
        for row in rows:
            board.set_hcp(row)
            _ = board.pieces, board.pieces_in_hand

    def keys() -> None:
        for row in rows:
            board.set_hcp(row)
            board.zobrist_hash()

    def planes() -> None:
        make = dlshogi.make_input_features
        for i, row in enumerate(rows):
            board.set_hcp(row)
            make(board, first[i % PLANES_BATCH], second[i % PLANES_BATCH])

    def planes_of_boards() -> None:
        make = dlshogi.make_input_features
        for i, own in enumerate(boards):
            make(own, first[i % PLANES_BATCH], second[i % PLANES_BATCH])

    return {
        "HCP decoded and checked": [("set_hcp", decode, n)],
        "legal masks, 2187": [("legal_moves, make_move_label", masks, n)],
        "labels of legal moves": [("is_legal, make_move_label", legal_labels, n)],
        "labels, moves not checked": [("make_move_label", labels, n)],
        "compact features": [("pieces, pieces_in_hand", pieces, n)],
        "keys": [("zobrist_hash", keys, n)],
        "dlshogi planes": [
            ("make_input_features", planes, n),
            ("make_input_features, boards set before", planes_of_boards, n),
        ],
    }


def main() -> None:
    """Print the machine and one table."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--positions", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=9)
    arguments = parser.parse_args()
    if arguments.positions < BATCH or arguments.runs < 1:
        parser.error(f"expected at least {BATCH} positions and one run")
    print(measure.machine("maou", "cshogi", "numpy"), end="; ")
    print(f"profile {build_info()['profile']}; {measure.load()}\n")
    replayed = positions_of(arguments.positions)
    n = len(replayed.positions)
    print(f"{n:,} positions, {arguments.runs} runs in turn, medians\n")
    one, two = ours(replayed, 1), ours(replayed, 2)
    others = peers(replayed)
    rows = []
    verdicts = []
    for name, run in one.items():
        sides = [Side("maou", run, n), Side("two threads", two[name], n)]
        sides += [Side(*peer) for peer in others.get(name, [])]
        for side in sides:
            side.run()
        for _ in range(arguments.runs):
            for side in sides:
                side.go()
        rate, both = sides[0].rate, sides[1].rate / sides[0].rate
        target, wanted_ratio = TARGETS.get(name, USUAL_TARGET)
        ratio = rate / max((side.rate for side in sides[2:]), default=rate)
        best = sides[0].best
        rows.append(
            [name, f"{rate / 1e6:.2f}", f"{best / 1e6:.2f}", f"{both:.2f}×", "", ""]
        )
        for side in sides[2:]:
            rates = [f"{side.rate / 1e6:.3f}", f"{side.best / 1e6:.3f}"]
            times = f"{rate / side.rate:.1f}×"
            rows.append([f"— cshogi: {side.name}", *rates, "", times, ""])
        is_reached = rate >= target * 1e6 and ratio >= wanted_ratio
        rows[1 - len(sides)][5] = "reached" if is_reached else "missed"
        # Threads have nothing to do in a call of less than a millisecond.
        if n / rate > 0.001:
            verdicts.append((name, both))
    header = ["", "M positions/s", "best", "two threads", "ratio", "target"]
    measure.table(header, rows)
    slow = [f"{name} {both:.2f}×" for name, both in verdicts if both < THREADS_TARGET]
    verdict = f"missed by {', '.join(slow)}" if slow else "reached by all"
    print(f"target of {THREADS_TARGET}× on two threads: {verdict}")


if __name__ == "__main__":
    main()
