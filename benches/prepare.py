"""Datasets become training sets: `maou prepare` and its peers.

Games are generated with repeated openings. The peers are Polars' streaming group_by
over the positions of the same dataset, once with the position carried along and once
on scalars alone: neither splits, keeps moves apart or writes the files of a training
set. Each runs in a process of its own, under a memory limit where the machine allows
one, and all take turns.

    python benches/prepare.py [--plies 20000000] [--runs 3]
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

from maou_rust import build_info, maou_io, maou_shogi

import measure
from measure import limited

RECORD_BYTES = 48
GAMES_PER_FILE = 2_000
LIMIT_BYTES = 20 * 2**30

PEER = """
import sys
import polars as pl
import maou
columns = ["key", "move", "eval_cp", "result"]
by = [pl.col("key")]
sums = [pl.len(), pl.col("eval_cp").mean(), (pl.col("result") == 1).mean()]
if sys.argv[2] == "position":
    columns.append("hcp")
    sums.append(pl.col("hcp").first())
frame = maou.Dataset(sys.argv[1]).scan_positions(columns)
rows = frame.group_by(by).agg(
    sums[0].alias("n"), *(e.alias(f"s{i}") for i, e in enumerate(sums[1:]))
)
print(rows.collect(engine="streaming").height)
"""


def write_dataset(work: Path, n_plies: int) -> Path:
    """Generate games until they have so many moves, and convert them."""
    records = work / "records"
    records.mkdir()
    data = work / "data"
    n_files = 0
    while True:
        for _ in range(5):
            games = maou_shogi.generate(GAMES_PER_FILE, seed=n_files)
            (records / f"{n_files:05}.csa").write_bytes(b"/\n".join(games))
            n_files += 1
        report = maou_io.convert([records], data)
        if report["total_positions"] >= n_plies:
            shutil.rmtree(records)
            return data


def main() -> None:
    """Print the machine and a table of speeds and memory."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--plies", type=int, default=20_000_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    print(measure.machine("maou", "polars"), end="; ")
    print(f"profile {build_info()['profile']}; {measure.load()}")
    print(f"{limited.how(LIMIT_BYTES)}\n")
    with tempfile.TemporaryDirectory(prefix="maou-bench-") as folder:
        work = Path(folder)
        data = write_dataset(work, arguments.plies)
        compare(work, data, arguments.runs)


def compare(work: Path, data: Path, n_runs: int) -> None:
    """Measure both sides in turn."""
    n = maou_io.info(data)["positions"]
    out = work / "train"
    memory = n * RECORD_BYTES // 4
    ours = [measure.maou(), "prepare", str(data), "-o", str(out)]
    ours += ["--validation", "5%", "--memory", str(memory), "--json"]
    whole = [*ours[:-1], "--memory", str(4 * n * RECORD_BYTES), "--json"]
    script = work / "peer.py"
    script.write_text(PEER, encoding="utf-8")
    peers = {
        name: [sys.executable, str(script), str(data), name]
        for name in ("position", "scalars")
    }
    commands = {"quarter": ours, "whole": whole, **peers}
    times: dict[str, list[limited.Limited]] = {name: [] for name in commands}
    for _ in range(n_runs):
        for name, command in commands.items():
            # To remove an older training set takes time that is not asked about.
            shutil.rmtree(out, ignore_errors=True)
            times[name].append(limited.run(command, LIMIT_BYTES))
    shutil.rmtree(out, ignore_errors=True)
    facts = json.loads(subprocess.run(ours, check=True, capture_output=True).stdout)
    n_rows = facts["train"]["n_rows"] + facts["validation"]["n_rows"]
    merge = merge_seconds(data, out, memory)
    base = statistics.median(run.seconds for run in times["position"])

    def row(label: str, runs: list[limited.Limited]) -> list[str]:
        median = statistics.median(run.seconds for run in runs)
        anonymous = [run.anonymous_mb for run in runs if run.anonymous_mb is not None]
        return [
            label,
            f"{median:.2f}",
            f"{n / median:,.0f}",
            f"{base / median:.1f}×",
            f"{max(run.peak_mb for run in runs):,.0f}",
            f"{max(anonymous):,.0f}" if anonymous else "",
        ]

    quarter_mb, whole_mb = memory / 1e6, 4 * n * RECORD_BYTES / 1e6
    print(
        f"{n:,} positions, {n_rows:,} rows, {facts['size_bytes'] / 1e6:,.0f} MB;"
        f" {n_runs} runs in turn\n"
    )
    header = ["", "s (median)", "plies/s", "ratio", "peak MB", "anonymous MB"]
    measure.table(
        header,
        [
            row("Polars group_by, position carried along", times["position"]),
            row("Polars group_by, scalars alone", times["scalars"]),
            row(f"maou prepare --memory {quarter_mb:.0f}MB", times["quarter"]),
            row(f"maou prepare --memory {whole_mb:.0f}MB", times["whole"]),
        ],
    )
    print(
        f"merging alone, from records to files: {merge:.2f} s,"
        f" {n / merge:,.0f} records a second, {n_rows / merge:,.0f} rows a second"
    )


def merge_seconds(data: Path, out: Path, memory: int) -> float:
    """How long it takes from the first report of merging to the end of it all."""
    import time

    began: dict[str, float] = {}
    shutil.rmtree(out)

    def note(progress: maou_io.PrepareProgress) -> None:
        began.setdefault(progress["phase"], time.perf_counter())

    maou_io.prepare(
        [(data, 1.0, None)],
        out,
        memory=memory,
        validation_per_10000=500,
        progress=note,
    )
    return time.perf_counter() - began["merge"]


if __name__ == "__main__":
    main()
