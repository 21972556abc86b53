"""A folder of CSA records becomes a dataset: `maou convert` and its peer.

Games are generated, like floodgate's: about 7 KB each, most moves with an eval, times
in whole seconds. The files are read once before, so that all come from memory; both
sides take turns. Memory is watched in runs of its own, also with the same games in few
files: what grows with the sources is told from what would grow with the games.

    python benches/convert.py [--games 20000] [--runs 5]
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path

from maou_rust import build_info, maou_shogi

import measure

PEER = Path(__file__).parent / "peers/cshogi_csa_to_hcpe.py"
N_FILES_PER_FOLDER = 1000
N_GAMES_AT_ONCE = 500


def write_games(folder: Path, n_games: int) -> tuple[int, int]:
    """Write one file a game; returns bytes and positions."""
    n_bytes = n_positions = 0
    for first in range(0, n_games, N_GAMES_AT_ONCE):
        n = min(N_GAMES_AT_ONCE, n_games - first)
        texts = maou_shogi.generate(n, seed=first)
        for number, text in enumerate(texts, first):
            path = folder / f"{number // N_FILES_PER_FOLDER:03}/game-{number:05}.csa"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(text)
            n_bytes += len(text)
            n_positions += text.count(b"\nT")
    return n_bytes, n_positions


def info(dataset: Path) -> dict[str, object]:
    """Ask `maou info` about a dataset."""
    command = [measure.maou(), "info", str(dataset), "--json"]
    output = subprocess.run(command, check=True, capture_output=True).stdout
    facts: dict[str, object] = json.loads(output)
    return facts


class Bench:
    """Both converters on one folder of records."""

    def __init__(self, work: Path, records: Path) -> None:
        """Write into `work`, read from `records`."""
        self.hcpe = work / "peer.hcpe"
        self.dataset = work / "dataset"
        self.peer = [sys.executable, str(PEER), str(records), str(self.hcpe)]
        self.ours = [measure.maou(), "convert", str(records), "-o", str(self.dataset)]

    def clear(self) -> None:
        """Remove what both wrote."""
        self.hcpe.unlink(missing_ok=True)
        shutil.rmtree(self.dataset, ignore_errors=True)

    def check(self, n_games: int, n_positions: int) -> float:
        """Hold both results to what was generated; returns bytes a ply."""
        facts = info(self.dataset)
        found = (facts["games"], facts["positions"], facts["errors"])
        if found != (n_games, n_positions, 0):
            sys.exit(
                f"expected {n_games} games, {n_positions} positions, found {found}"
            )
        if self.hcpe.stat().st_size != 38 * n_positions:
            sys.exit(f"expected {n_positions} positions of the peer")
        bytes_per_ply = facts["bytes_per_ply"]
        assert isinstance(bytes_per_ply, float)
        return bytes_per_ply


def compare(bench: Bench, n_games: int, n_positions: int, n_runs: int) -> float:
    """Print the table of speeds; returns bytes a ply."""
    peer, ours = [], []
    bytes_per_ply = 0.0
    for _ in range(n_runs):
        bench.clear()
        peer.append(measure.seconds(bench.peer))
        ours.append(measure.seconds(bench.ours))
        bytes_per_ply = bench.check(n_games, n_positions)
    ratio = statistics.median(peer) / statistics.median(ours)
    rounds = [p / o for p, o in zip(peer, ours, strict=True)]

    def row(name: str, times: list[float], ratio: float) -> list[str]:
        median = statistics.median(times)
        spread = f"{min(times):.2f} to {max(times):.2f}"
        speeds = [f"{n_games / median:,.0f}", f"{n_positions / median:,.0f}"]
        return [name, f"{median:.2f}", spread, *speeds, f"{ratio:.1f}×"]

    measure.table(
        ["", "s (median)", "s", "games/s", "positions/s", "ratio"],
        [
            row("cshogi's parser → HCPE, one thread", peer, 1.0),
            row("`maou convert`", ours, ratio),
        ],
    )
    print(f"ratio of medians; of single rounds {min(rounds):.1f} to {max(rounds):.1f}")
    return bytes_per_ply


def memory(work: Path, sizes: list[int]) -> None:
    """Print the table of peak memory by number of games, in many files and in few."""
    rows = []
    for n_games in sizes:
        records = work / f"records-{n_games}"
        records.mkdir(exist_ok=True)
        if not any(records.iterdir()):
            write_games(records, n_games)
        peaks = []
        for folder in (records, joined(records)):
            bench = Bench(work, folder)
            bench.clear()
            peaks.append(measure.sampled(bench.ours).peak_mb)
        peaks.append(measure.sampled(Bench(work, records).peer).peak_mb)
        rows.append([f"{n_games:,}", *(f"{peak:.0f}" for peak in peaks)])
    few = f"`maou convert`, {N_GAMES_AT_ONCE} games a file, MB"
    measure.table(["games", "`maou convert`, a file a game, MB", few, "peer, MB"], rows)


def joined(records: Path) -> Path:
    """Write the same games into few files, beside the many."""
    folder = records.with_name(f"{records.name}-joined")
    folder.mkdir()
    paths = sorted(records.rglob("*.csa"))
    for first in range(0, len(paths), N_GAMES_AT_ONCE):
        texts = (path.read_bytes() for path in paths[first : first + N_GAMES_AT_ONCE])
        (folder / f"games-{first:05}.csa").write_bytes(b"/\n".join(texts))
    return folder


def main() -> None:
    """Print machine, speeds and memory."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--games", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    n_games: int = arguments.games
    print(measure.machine("maou", "cshogi", "numpy"), end="; ")
    print(f"profile {build_info()['profile']}; {measure.load()}\n")
    with tempfile.TemporaryDirectory(prefix="maou-bench-") as folder:
        work = Path(folder)
        records = work / f"records-{n_games}"
        records.mkdir()
        n_bytes, n_positions = write_games(records, n_games)
        for path in records.rglob("*.csa"):
            path.read_bytes()
        print(
            f"{n_games:,} games, {n_positions:,} positions,"
            f" {n_bytes / n_games / 1000:.1f} KB of CSA a game,"
            f" {arguments.runs} runs in turn\n"
        )
        bench = Bench(work, records)
        bytes_per_ply = compare(bench, n_games, n_positions, arguments.runs)
        print(f"dataset: {bytes_per_ply:.2f} bytes a ply; HCPE: 38\n")
        memory(work, [n_games // 10, n_games // 2, n_games])


if __name__ == "__main__":
    main()
