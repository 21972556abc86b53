"""Batches of a training set: `maou.TrainingSet.batches` and its peers.

A training set is made of generated games; then whole epochs of shuffled batches are
taken from it, on one thread of maou and on two, by a consumer that does nothing with
them: the figure is what the loader can give. Peers, which are given the same rows in
memory, positions as HCP:

- a loop in Python over cshogi: `Board.set_hcp`, then `pieces` and `pieces_in_hand` for
  piece ids or `cshogi.dlshogi.make_input_features` for planes, and `make_move_label`
  for the policy, into arrays that are used again;
- torch's `DataLoader` over a dataset that does the same for one row, with the samples
  stacked by torch; if torch is there.

Sides run in turn and are told by positions a second of processor time, of the whole
process: other threads than the loader's do nothing.

    python benches/loader.py [--games 4000] [--runs 5] [--peer-rows 20000]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cshogi
import numpy as np
from cshogi import dlshogi
from maou_rust import build_info, maou_io, maou_shogi

import maou
import measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import polars as pl

BATCH = 1_024
# Million positions a second and core, and the ratio to each peer.
TARGETS = {"compact": (1.0, 5.0), "dlshogi": (0.3, 5.0)}


class Side:
    """One way to take batches, and what it cost."""

    def __init__(self, name: str, run: Callable[[], int]) -> None:
        """Name it; `run` tells how many positions it gave."""
        self.name = name
        self.run = run
        self.cpu: list[float] = []
        self.wall: list[float] = []

    def go(self) -> None:
        """Run once; keep positions a second of processor time and of the clock."""
        wall, cpu = time.perf_counter(), time.process_time()
        n = self.run()
        self.cpu.append(n / (time.process_time() - cpu))
        self.wall.append(n / (time.perf_counter() - wall))


def make(folder: Path, n_games: int) -> maou.TrainingSet:
    """A training set of generated games."""
    (folder / "records").mkdir()
    for part, start in enumerate(range(0, n_games, 1_000)):
        n = min(1_000, n_games - start)
        texts = maou_shogi.generate(n, seed=part + 1, format="csa")
        (folder / f"records/{part:04}.csa").write_bytes(b"/\n".join(texts))
    maou_io.convert([folder / "records"], folder / "data")
    maou_io.prepare([(folder / "data", 1.0, None)], folder / "train", memory=1 << 28)
    return maou.TrainingSet(folder / "train")


def ours(training_set: maou.TrainingSet, threads: int, **options: Any) -> Side:
    """An epoch of maou's batches."""
    seed = iter(range(1_000))

    def run() -> int:
        n = 0
        with training_set.batches(
            BATCH, seed=next(seed), threads=threads, drop_last=True, **options
        ) as batches:
            for batch in batches:
                n += len(batch)
        return n

    return Side(f"maou, {threads} thread{'s' * (threads > 1)}", run)


class Rows:
    """Rows in memory, decoded one by one with cshogi: what a Python dataset does."""

    def __init__(self, table: pl.DataFrame, features: str) -> None:
        """Take the columns as NumPy arrays."""
        self.features = features
        self.hcp = table["position"].to_numpy().reshape(-1, 32).copy()
        self.moves = table["moves"].list.first().to_numpy()
        self.score = table["score"].fill_null(0.5).to_numpy().astype(np.float32)
        self.board = cshogi.Board()

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.hcp)

    def __getitem__(self, i: int) -> tuple[Any, ...]:
        """Decode a row."""
        board = self.board
        board.set_hcp(self.hcp[i])
        if self.features == "compact":
            hand = np.array(board.pieces_in_hand, np.uint8).reshape(14)
            inputs: tuple[Any, ...] = (np.array(board.pieces, np.uint8), hand)
        else:
            first = np.zeros((62, 9, 9), np.float32)
            second = np.zeros((57, 9, 9), np.float32)
            dlshogi.make_input_features(board, first, second)
            inputs = (first, second)
        move = board.move_from_move16(int(self.moves[i]))
        return *inputs, dlshogi.make_move_label(move, board.turn), self.score[i]


def loop(rows: Rows, n: int) -> Side:
    """Batches by a loop that writes into arrays that are used again."""
    order = np.random.default_rng(1).permutation(len(rows))[:n]
    shapes = {
        "compact": (((81,), np.uint8), ((14,), np.uint8)),
        "dlshogi": (((62, 9, 9), np.float32), ((57, 9, 9), np.float32)),
    }
    first, second = (
        np.zeros((BATCH, *shape), dtype) for shape, dtype in shapes[rows.features]
    )
    labels, values = np.zeros(BATCH, np.int64), np.zeros(BATCH, np.float32)

    def run() -> int:
        board = rows.board
        make = dlshogi.make_input_features
        for start in range(0, n - BATCH + 1, BATCH):
            for i, at in enumerate(order[start : start + BATCH]):
                board.set_hcp(rows.hcp[at])
                if rows.features == "compact":
                    first[i] = board.pieces
                    second[i] = np.array(board.pieces_in_hand).reshape(14)
                else:
                    make(board, first[i], second[i])
                move = board.move_from_move16(int(rows.moves[at]))
                labels[i] = dlshogi.make_move_label(move, board.turn)
                values[i] = rows.score[at]
        return n // BATCH * BATCH

    return Side("loop over cshogi", run)


def data_loader(rows: Rows, n: int) -> Side:
    """torch's `DataLoader` in this process: workers would be other cores."""
    import torch
    from torch.utils.data import DataLoader, RandomSampler

    torch.set_num_threads(1)

    def run() -> int:
        sampler = RandomSampler(rows, num_samples=n // BATCH * BATCH)
        loader: Any = DataLoader(
            rows,  # type: ignore[arg-type,unused-ignore]
            batch_size=BATCH,
            sampler=sampler,
        )
        return sum(len(batch[-1]) for batch in loader)

    return Side("torch DataLoader over NumPy and cshogi", run)


def sides(
    training_set: maou.TrainingSet, features: str, peer_rows: int
) -> Iterator[Side]:
    """What is measured with these features: maou first."""
    for threads in (1, 2):
        yield ours(training_set, threads, features=features)
    table = training_set.rows().select("position", "moves", "score")
    rows = Rows(table.head(8 * peer_rows).collect(), features)
    n = min(peer_rows, len(rows))
    yield loop(rows, n)
    if find_spec("torch"):
        yield data_loader(rows, n)


def python_us(training_set: maou.TrainingSet) -> float:
    """Microseconds a batch that Python takes, with next to nothing in it."""
    with training_set.batches(1, threads=1, features="compact", prefetch=64) as batches:
        for _ in range(200):
            next(batches)
        times = []
        for _ in range(1_000):
            time.sleep(0.0002)
            start = time.perf_counter()
            next(batches)
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


# In a process of its own: this one has memory to give away.
MEMORY = """
import sys, maou
from pathlib import Path

def anonymous():
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1e3

training_set = maou.TrainingSet(sys.argv[1])
before = most = anonymous()
with training_set.batches(1024, window=int(sys.argv[2]), threads=1) as batches:
    for step, _ in enumerate(batches):
        most = max(most, anonymous()) if step % 8 == 0 else most
print(most - before)
"""


def memory_mb(training_set: maou.TrainingSet, window: int) -> float:
    """Megabytes of anonymous memory that an epoch takes beside what was there."""
    command = [sys.executable, "-c", MEMORY, str(training_set.path), str(window)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def mixing(training_set: maou.TrainingSet) -> list[list[str]]:
    """How well rows are mixed, beside what two orders by chance would show."""
    table = training_set.rows().select("ply").collect()
    plies = table["ply"].to_numpy().astype(float)
    n = len(plies)
    found = []
    for window in (1, 2, 8):
        orders = []
        for epoch in (0, 1):
            with training_set.batches(
                BATCH, window=window, epoch=epoch, features=None, policy=None
            ) as batches:
                parts = [batch.row[batch.weight > 0] for batch in batches]
            orders.append(np.concatenate(parts).astype(np.int64))
        places = [np.argsort(order) for order in orders]
        ply = plies[orders[0]]
        distance = np.abs(places[0] - places[1]).mean() / n
        # Rows that stand in one batch of the first epoch, and how many of their pairs
        # stand in one batch of the second.
        batch_of = [place // BATCH for place in places]
        together = np.bincount(batch_of[0] * (n // BATCH + 1) + batch_of[1])
        pairs = (together * (together - 1.0)).sum() / n
        found.append(
            [
                f"window {window}",
                f"{np.corrcoef(np.arange(n), ply)[0, 1]:+.4f}",
                f"{np.corrcoef(ply[1:], ply[:-1])[0, 1]:+.4f}",
                f"{np.corrcoef(places[0], places[1])[0, 1]:+.4f}",
                f"{distance:.3f}",
                f"{pairs:.2f}",
            ]
        )
    spread = 1 / np.sqrt(n)
    expected = f"0 ± {spread:.4f}"
    chance = f"{(BATCH - 1) * BATCH / n:.2f}"
    return [*found, ["by chance", expected, expected, expected, "0.333", chance]]


def main() -> None:
    """Print the machine and the tables."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--games", type=int, default=4_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peer-rows", type=int, default=20_000)
    arguments = parser.parse_args()
    if arguments.games < 100 or arguments.runs < 1 or arguments.peer_rows < BATCH:
        parser.error(f"expected 100 games, one run and {BATCH} rows at least")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    print(measure.machine("maou", "cshogi", "numpy"), end="; ")
    print(f"profile {build_info()['profile']}; {measure.load()}")
    with tempfile.TemporaryDirectory() as folder:
        training_set = make(Path(folder), arguments.games)
        n = training_set.n_rows()
        print(f"{n:,} rows, batches of {BATCH:,}, medians of {arguments.runs} runs\n")
        header = ["", "M positions/s of one core", "by the clock", "ratio", "target"]
        for features, (rate, ratio) in TARGETS.items():
            table = []
            measured = list(sides(training_set, features, arguments.peer_rows))
            for side in measured:
                side.run()
            for _ in range(arguments.runs):
                for side in measured:
                    side.go()
            own = statistics.median(measured[0].cpu)
            for side in measured:
                cpu, wall = statistics.median(side.cpu), statistics.median(side.wall)
                is_own = side.name.startswith("maou")
                ok = cpu >= rate * 1e6 if is_own else own / cpu >= ratio
                table.append(
                    [
                        f"{features}: {side.name}",
                        f"{cpu / 1e6:.3f}",
                        f"{wall / 1e6:.3f}",
                        "" if is_own else f"{own / cpu:.1f}×",
                        "reached" if ok else "missed",
                    ]
                )
            measure.table(header, table)
        if not find_spec("torch"):
            print("torch is not installed: its DataLoader is left out\n")
        print(f"Python's part of a batch: {python_us(training_set):.0f} µs\n")
        windows = (1, 2, 4, 8) if sys.platform == "linux" else ()
        for window in windows:
            used = memory_mb(training_set, window)
            print(f"memory of an epoch with a window of {window}: {used:.0f} MB")
        print()
        measure.table(
            [
                "mixing",
                "place and ply",
                "ply and the next row's",
                "places of two epochs",
                "mean distance",
                "met again",
            ],
            mixing(training_set),
        )


if __name__ == "__main__":
    main()
