"""Fuzz the parsers and decoders for a bounded time: no panic, no hang, no hunger.

    python scripts/fuzz.py                        # every target, 30 seconds each
    python scripts/fuzz.py records --seconds 600

The targets are in fuzz/fuzz_targets/, what they start from in fuzz/seeds/, and what
they have found worth keeping in fuzz/corpus/ (ignored by git). libFuzzer is compiled in
by the crate libfuzzer-sys and told the coverage by the compiler's own instrumentation,
so the stable toolchain and a C++ compiler are all that is needed. An input that fails
is left in fuzz/artifacts/ and named.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FUZZ = ROOT / "fuzz"
# What `cargo fuzz` passes, without the options that only nightly has.
COVERAGE = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "--cfg=fuzzing",
]
LIMITS = [
    "-timeout=5",  # seconds for one input
    "-rss_limit_mb=1024",
    "-malloc_limit_mb=256",  # one allocation
    "-max_len=16384",
    "-print_final_stats=1",
    "-verbosity=0",
]


def targets() -> list[str]:
    """All fuzz targets, by name."""
    return sorted(path.stem for path in (FUZZ / "fuzz_targets").glob("*.rs"))


def build() -> Path:
    """Build all targets; returns the folder that holds them."""
    rustc = subprocess.run(
        ["rustc", "-vV"], check=True, capture_output=True, text=True
    ).stdout
    host = next(
        line.removeprefix("host: ")
        for line in rustc.splitlines()
        if line.startswith("host: ")
    )
    folder = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "fuzz"
    # Naming the target keeps the instrumentation out of build scripts.
    subprocess.run(
        ["cargo", "build", "--release", "--locked", "--quiet", "--target", host],
        check=True,
        cwd=FUZZ,
        env={
            **os.environ,
            "CARGO_TARGET_DIR": str(folder),
            "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(COVERAGE),
        },
    )
    return folder / host / "release"


def run(program: Path, seconds: int) -> bool:
    """Run one target; returns whether it found nothing."""
    corpus = FUZZ / "corpus" / program.name
    seeds = FUZZ / "seeds" / program.name
    artifacts = FUZZ / "artifacts" / program.name
    for folder in (corpus, artifacts):
        folder.mkdir(parents=True, exist_ok=True)
    print(f"{program.name}: {seconds} s", flush=True)
    done = subprocess.run(
        [
            str(program),
            str(corpus),
            str(seeds),
            f"-artifact_prefix={artifacts}/",
            f"-max_total_time={seconds}",
            *LIMITS,
        ],
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode == 0:
        stats = dict(
            line.removeprefix("stat::").split(":", 1)
            for line in done.stderr.splitlines()
            if line.startswith("stat::")
        )
        executed = int(stats["number_of_executed_units"])
        memory = int(stats["peak_rss_mb"])
        print(f"{program.name}: {executed:,} inputs, {memory} MB at most, no failure")
        return True
    print(done.stderr[-6000:], file=sys.stderr)
    print(f"{program.name}: failed; the input is in {artifacts}", file=sys.stderr)
    return False


def main() -> int:
    """Fuzz what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all")
    parser.add_argument("--seconds", type=int, default=30, help="for each target")
    options = parser.parse_args()
    unknown = set(options.targets) - set(targets())
    if unknown:
        parser.error(f"expected targets of {targets()}, found {sorted(unknown)}")
    if options.seconds < 1:
        parser.error(f"--seconds: expected at least 1, found {options.seconds}")
    folder = build()
    results = [
        run(folder / name, options.seconds) for name in options.targets or targets()
    ]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
