"""Fuzz the parsers and decoders for a bounded time: no panic, no hang, no hunger.

    python scripts/fuzz.py                        # every target, 30 seconds each
    python scripts/fuzz.py records --seconds 600
    python scripts/fuzz.py records --minimize fuzz/artifacts/records/crash-1234

The targets are in fuzz/fuzz_targets/, what they start from in fuzz/seeds/, words of
their formats in fuzz/dictionaries/, and what they have found worth keeping in
fuzz/corpus/ (ignored by git). libFuzzer is compiled in by the crate libfuzzer-sys and
told the coverage by the compiler's own instrumentation, so the stable toolchain and a
C++ compiler are all that is needed. An input that fails is left in fuzz/artifacts/ and
named; `--minimize FILE` makes it as small as it can be.
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
    dictionary = FUZZ / "dictionaries" / f"{program.name}.dict"
    words = [f"-dict={dictionary}"] if dictionary.exists() else []
    print(f"{program.name}: {seconds} s", flush=True)
    done = subprocess.run(
        [
            str(program),
            str(corpus),
            str(seeds),
            f"-artifact_prefix={artifacts}/",
            f"-max_total_time={seconds}",
            *words,
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


def minimize(program: Path, found: Path, seconds: int) -> bool:
    """Make an input that fails smaller, beside it; returns whether it does fail."""
    smaller = found.with_name(f"{found.name}.min")
    command = [str(program), str(found), "-minimize_crash=1", *LIMITS]
    command += [f"-max_total_time={seconds}", f"-exact_artifact_path={smaller}"]
    done = subprocess.run(command, check=False, capture_output=True, errors="replace")
    if smaller.exists():
        print(f"{smaller}: {smaller.stat().st_size} bytes")
        return True
    print(done.stderr[-2000:], file=sys.stderr)
    print(f"{found}: does not fail, or is as small as it gets", file=sys.stderr)
    return False


def main() -> int:
    """Fuzz what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all")
    parser.add_argument("--seconds", type=int, default=30, help="for each target")
    parser.add_argument(
        "--minimize", type=Path, metavar="FILE", help="an input at which TARGET fails"
    )
    options = parser.parse_args()
    unknown = set(options.targets) - set(targets())
    if unknown:
        parser.error(f"expected targets of {targets()}, found {sorted(unknown)}")
    if options.seconds < 1:
        parser.error(f"--seconds: expected at least 1, found {options.seconds}")
    if options.minimize and len(options.targets) != 1:
        parser.error("--minimize: expected one TARGET that fails at the file")
    if options.minimize and not options.minimize.is_file():
        parser.error(f"--minimize: expected a file, found {options.minimize}")
    folder = build()
    if options.minimize:
        program = folder / options.targets[0]
        return 0 if minimize(program, options.minimize, options.seconds) else 1
    results = [
        run(folder / name, options.seconds) for name in options.targets or targets()
    ]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
