"""HCPE and PSV become datasets and come back: `maou convert` and its peer.

The records are the positions of generated games, as many files as the peer gets
smaller ones: it is slow, and its time grows with the number of records alone. Files are
read once before, so that all come from memory; both sides take turns.

    python benches/teacher.py [--records 5000000] [--runs 3]
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

PEER = Path(__file__).parent / "peers/cshogi_teacher.py"
N_GAMES = 2_000
N_PEER_RECORDS = 100_000
RECORD_BYTES = {"hcpe": 38, "psv": 40}


def write_records(work: Path, n_records: int) -> dict[str, Path]:
    """Write files of both formats with the same positions, over and over."""
    records = work / "records"
    records.mkdir()
    (records / "games.csa").write_bytes(
        b"/\n".join(maou_shogi.generate(N_GAMES, seed=0))
    )
    data = work / "games"
    maou_io.convert([records], data)
    paths = {}
    for name, n_bytes in RECORD_BYTES.items():
        part = work / f"part.{name}"
        maou_io.export(data, part, format=name, missing_eval=0)
        content = part.read_bytes()
        paths[name] = work / f"records.{name}"
        with paths[name].open("wb") as file:
            n_left = n_records * n_bytes
            while n_left > 0:
                n_left -= file.write(content[:n_left])
        small = content[: N_PEER_RECORDS * n_bytes]
        (work / f"small.{name}").write_bytes(small)
        paths[name].read_bytes()
    return paths


def main() -> None:
    """Print the machine and a table of speeds."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=5_000_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    n_records: int = arguments.records
    print(measure.machine("maou", "cshogi", "numpy"), end="; ")
    print(f"profile {build_info()['profile']}; {measure.load()}\n")
    rows = []
    with tempfile.TemporaryDirectory(prefix="maou-bench-") as folder:
        work = Path(folder)
        paths = write_records(work, n_records)
        for name, source in paths.items():
            rows += compare(work, name, source, n_records, arguments.runs)
    print(f"{n_records:,} records a file, {arguments.runs} runs in turn\n")
    header = ["", "s (median)", "s", "records/s", "ratio", "peak MB"]
    measure.table(header, rows)


def compare(
    work: Path, name: str, source: Path, n_records: int, n_runs: int
) -> list[list[str]]:
    """Measure one format: the peer, file to dataset, dataset to file."""
    data, back = work / f"data-{name}", work / f"back.{name}"
    small, other = work / f"small.{name}", work / "peer.out"
    n_small = small.stat().st_size // RECORD_BYTES[name]
    peer_command = [sys.executable, str(PEER), name, str(small), str(other)]
    there = [measure.maou(), "convert", str(source), "-o", str(data)]
    again = [measure.maou(), "convert", str(data), "--to", name, "-o", str(back)]
    peer, read, written = [], [], []
    for _ in range(n_runs):
        shutil.rmtree(data, ignore_errors=True)
        back.unlink(missing_ok=True)
        peer.append(measure.seconds(peer_command) * n_records / n_small)
        read.append(measure.seconds(there))
        written.append(measure.seconds(again))
    if back.read_bytes() != source.read_bytes():
        sys.exit(f"expected the bytes of {source} again")
    info = [measure.maou(), "info", str(data), "--json"]
    facts = json.loads(subprocess.run(info, check=True, capture_output=True).stdout)
    if facts["loose_positions"] != n_records:
        sys.exit(f"expected {n_records} positions, found {facts['loose_positions']}")
    shutil.rmtree(data)
    back.unlink()
    peaks = [measure.sampled(there).peak_mb, measure.sampled(again).peak_mb]
    shutil.rmtree(data)
    back.unlink()
    base = statistics.median(peer)

    def row(label: str, times: list[float], peak: str) -> list[str]:
        median = statistics.median(times)
        spread = f"{min(times):.2f} to {max(times):.2f}"
        speed, ratio = f"{n_records / median:,.0f}", f"{base / median:.0f}×"
        return [label, f"{median:.2f}", spread, speed, ratio, peak]

    upper = name.upper()
    target = "PSV" if name == "hcpe" else "HCPE"
    size = facts["size_bytes"] / n_records
    return [
        row(f"numpy and cshogi, {upper} → {target}, one thread", peer, ""),
        row(f"{upper} → dataset, {size:.1f} bytes a row", read, f"{peaks[0]:.0f}"),
        row(f"dataset → {upper}", written, f"{peaks[1]:.0f}"),
    ]


if __name__ == "__main__":
    main()
