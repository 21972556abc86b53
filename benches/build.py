"""A cold build of the extension: time, memory of the process tree, size of the wheel.

Sources of crates are fetched before, since the network is not what is measured. Every
build starts with an empty target folder and without sccache.

    python benches/build.py [--profile release] [--profile dev]
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from argparse import ArgumentParser
from pathlib import Path

import measure

MANIFEST = measure.ROOT / "packages/maou-rust/Cargo.toml"
NAMES = {"release": "`release`: wheels", "dev": "`dev`: daily work"}


def build(profile: str, work: Path) -> list[str]:
    """Build a wheel from nothing; returns a row of the table."""
    out = work / "dist" / profile
    command = [
        *("uvx", "--quiet", "maturin@1.16.0", "build", "--locked", "--quiet"),
        *("--profile", profile),
        *("--out", str(out), "--manifest-path", str(MANIFEST)),
    ]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("RUSTC", "CARGO_"))}
    env |= {key: os.environ[key] for key in ("CARGO_HOME",) if key in os.environ}
    env["CARGO_TARGET_DIR"] = str(work / "target" / profile)
    before = os.times()
    run = measure.sampled(command, interval_s=0.05, env=env)
    after = os.times()
    cpu_s = after.children_user + after.children_system
    cpu_s -= before.children_user + before.children_system
    (wheel,) = out.glob("*.whl")
    size_mb = wheel.stat().st_size / 1e6
    name = NAMES.get(profile, profile)
    seconds = [f"{run.seconds:.0f}", f"{cpu_s:.0f}"]
    return [name, *seconds, f"{run.peak_mb:.0f}", f"{size_mb:.2f}"]


def main() -> None:
    """Print the table."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--profile", action="append", choices=sorted(NAMES))
    arguments = parser.parse_args()
    profiles: list[str] = arguments.profile or ["release", "dev"]
    fetch = ["cargo", "fetch", "--quiet", "--locked", "--manifest-path", str(MANIFEST)]
    subprocess.run(fetch, check=True)
    maturin = ["uvx", "--quiet", "maturin@1.16.0", "--version"]
    subprocess.run(maturin, check=True, stdout=subprocess.DEVNULL)
    rustc = subprocess.run(["rustc", "--version"], check=True, capture_output=True)
    version = rustc.stdout.decode().strip()
    print(f"{measure.machine()}; {version}; {measure.load()}\n")
    with tempfile.TemporaryDirectory(prefix="maou-build-") as folder:
        rows = [build(profile, Path(folder)) for profile in profiles]
    header = ["cold build", "s", "processor, s", "peak memory, MB", "wheel, MB"]
    measure.table(header, rows)


if __name__ == "__main__":
    main()
