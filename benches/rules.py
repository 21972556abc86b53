"""Rules: trees of legal moves, against the crates haitaka and rsshogi in one binary.

The binary is built from benches/rules with the profile of maou's wheels, and walks the
trees of all sides in turn, on one thread. The positions are those of real games where
`--records` names a folder of them, and of generated games otherwise.

    python benches/rules.py [--records FOLDER] [--positions 20000] [--runs 9]
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

from maou_rust import maou_shogi

import maou
import measure

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGETS = {
    "start, depth 5, counted": 2.0,
    "start, depth 4, made": 1.5,
    "middle game, depth 3, counted": 1.1,
    "middle game, depth 3, made": 1.5,
    "593 moves, depth 2, counted": 1.1,
    "593 moves, depth 2, made": 1.5,
    "given, depth 1, counted": 2.0,
    "given, depth 2, counted": 2.0,
    "given, depth 1, made": 1.5,
}
"""Ratios to the better peer."""


def games(records: Path | None) -> Iterator[maou.Game]:
    """Give the games of a folder, or generated ones."""
    if records is None:
        for data in maou_shogi.generate(2_000):
            yield from maou.read_games(data)
        return
    for path in sorted(path for path in records.rglob("*") if path.is_file()):
        yield from maou.read_games(path, on_error="skip")


def sample(records: Path | None, n: int) -> list[str]:
    """Choose positions with both kings from all that are reached in the games."""
    reached: set[str] = set()
    for game in games(records):
        board = maou.Board(game.start)
        for move in game.moves:
            reached.add(board.sfen())
            board.push(move)
    # The peers take no position without a king.
    both = sorted(sfen for sfen in reached if "K" in sfen and "k" in sfen)
    return random.Random(1).sample(both, min(n, len(both)))


def build() -> Path:
    """Compile the binary; returns its path."""
    default = measure.ROOT / "target/bench-rules"
    target = Path(os.environ.get("CARGO_TARGET_DIR", default))
    command = ["cargo", "build", "--release", "--locked", "--quiet"]
    where = ["--manifest-path", str(measure.ROOT / "benches/rules/Cargo.toml")]
    command += [*where, "--target-dir", str(target)]
    if subprocess.run(command, check=False).returncode != 0:
        sys.exit("benches/rules: cargo failed")
    return target / "release/maou-bench-rules"


def report(line: str) -> list[str]:
    """Turn what was measured on one task into a row of the table."""
    task = json.loads(line)
    sides = {side["name"]: side for side in task["sides"]}
    ours = sides.pop("maou")
    n_leaves = ours["leaves"]
    row = [task["task"], f"{n_leaves:,}"]
    medians = {name: statistics.median(s["seconds"]) for name, s in sides.items()}
    # Of haitaka's two ways the faster one.
    other = medians.pop("haitaka, `count`", medians["haitaka"])
    best_name = "haitaka, `count`" if other < medians["haitaka"] else "haitaka"
    medians["haitaka"] = min(other, medians["haitaka"])
    our_median = statistics.median(ours["seconds"])
    for_each = (our_median, medians["haitaka"], medians["rsshogi"])
    row += [f"{n_leaves / seconds / 1e6:,.1f}" for seconds in for_each]
    better = min(medians, key=medians.__getitem__)
    rounds = sides[best_name if better == "haitaka" else better]["seconds"]
    ratios = [p / s for p, s in zip(rounds, ours["seconds"], strict=True)]
    ratio, target = medians[better] / our_median, TARGETS[task["task"]]
    verdict = "reached" if ratio >= target else "missed"
    row += [f"{ratio:.2f}×", f"{min(ratios):.2f} to {max(ratios):.2f}"]
    row.append(f"{target}×: {verdict}")
    if sides["rsshogi"]["leaves"] != n_leaves:
        sys.exit(f"{task['task']}: maou and rsshogi find different trees: {task}")
    if sides["haitaka"]["leaves"] != n_leaves:
        row[0] += f" (haitaka finds {sides['haitaka']['leaves']:,})"
    return row


def main() -> None:
    """Print the machine and a table."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=Path)
    parser.add_argument("--positions", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=9)
    arguments = parser.parse_args()
    if arguments.positions < 1 or arguments.runs < 1:
        parser.error("expected at least one position and one run")
    binary = build()
    with tempfile.TemporaryDirectory() as folder:
        sfens = sample(arguments.records, arguments.positions)
        path = Path(folder) / "positions.sfen"
        path.write_text("".join(f"{sfen}\n" for sfen in sfens), encoding="utf-8")
        print(measure.machine("maou"), end="; ")
        print(f"{rust()}; {measure.load()}\n", flush=True)
        whence = "real" if arguments.records else "generated"
        print(
            f"{len(sfens):,} given positions of {whence} games; {arguments.runs} runs"
            " in turn, one thread; millions of leaves a second, medians\n",
            flush=True,
        )
        command = [str(binary), str(path), str(arguments.runs)]
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        if process.returncode != 0:
            sys.exit(f"{binary}: status {process.returncode}\n{process.stderr}")
    heads = ["tree", "leaves", "maou", "haitaka", "rsshogi"]
    rows = [report(line) for line in process.stdout.splitlines()]
    measure.table([*heads, "ratio", "of single rounds", "target"], rows)


def rust() -> str:
    """Name the compiler."""
    command = ["rustc", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return result.stdout.strip()


if __name__ == "__main__":
    main()
