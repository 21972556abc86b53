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
    run = measure.sampled(command, interval_s=0.05, env=env)
    (wheel,) = out.glob("*.whl")
    size_mb = wheel.stat().st_size / 1e6
    name = NAMES.get(profile, profile)
    return [name, f"{run.seconds:.0f}", f"{run.peak_mb:.0f}", f"{size_mb:.2f}"]


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
    print(f"{measure.machine()}; {rustc.stdout.decode().strip()}\n")
    with tempfile.TemporaryDirectory(prefix="maou-build-") as folder:
        rows = [build(profile, Path(folder)) for profile in profiles]
    measure.table(["cold build", "s", "peak memory, MB", "wheel, MB"], rows)


if __name__ == "__main__":
    main()
