"""A cold build of the extension within the memory of a small machine.

Time, memory under a limit with one and with two jobs, and the size of the wheel.
Sources of crates are fetched before, since the network is not what is measured. Every
build starts with an empty target folder and without sccache.

    python benches/build.py [--profile release] [--jobs 1] [--limit-gib 4]
"""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser
from pathlib import Path

import measure
from measure import extension, limited

NAMES = {"release": "`release`: wheels", "dev": "`dev`: daily work"}


def build(profile: str, jobs: int, limit_bytes: int, work: Path) -> list[str]:
    """Build a wheel from nothing; returns a row of the table."""
    name = f"{profile}-{jobs}"
    out = work / "dist" / name
    env = extension.environment(work / "target" / name, CARGO_BUILD_JOBS=str(jobs))
    run = limited.run(extension.command(profile, out), limit_bytes, env=env)
    (wheel,) = out.glob("*.whl")
    size_mb = wheel.stat().st_size / 1e6
    none = "" if run.anonymous_mb is None else f"{run.anonymous_mb:.0f}"
    numbers = [f"{run.seconds:.0f}", f"{run.cpu_seconds:.0f}", f"{run.peak_mb:.0f}"]
    return [NAMES[profile], str(jobs), *numbers, none, f"{size_mb:.2f}"]


def main() -> None:
    """Print the table."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--profile", action="append", choices=sorted(NAMES))
    parser.add_argument("--jobs", action="append", type=int)
    parser.add_argument("--limit-gib", type=float, default=4)
    arguments = parser.parse_args()
    profiles: list[str] = arguments.profile or ["release", "dev"]
    limit_bytes = int(arguments.limit_gib * 2**30)
    version = extension.fetch()
    print(f"{measure.machine()}; {version}; {measure.load()};")
    print(f"{limited.how(limit_bytes)}:\n")
    with tempfile.TemporaryDirectory(prefix="maou-build-") as folder:
        rows = [
            build(profile, jobs, limit_bytes, Path(folder))
            for profile in profiles
            for jobs in arguments.jobs or [2, 1]
        ]
    header = ["cold build", "jobs", "s", "processor, s", "peak, MB", "no file's, MB"]
    measure.table([*header, "wheel, MB"], rows)


if __name__ == "__main__":
    main()
