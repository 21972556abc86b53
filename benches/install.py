"""Installing the two wheels of dist/ into an empty environment, and a first command.

The index cache is warm: what is measured is what an install costs once files are there.

    python benches/install.py [--runs 5]
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path

import measure

DIST = measure.ROOT / "dist"


def wheels() -> list[str]:
    """The two wheels of `nox -s build`."""
    found = sorted(str(wheel) for wheel in DIST.glob("maou*.whl"))
    if len(found) != 2:
        sys.exit(f"{DIST}: expected two wheels, found {len(found)}: `nox -s build`")
    return found


def size_mb(folder: Path) -> float:
    """Size of all files below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files) / 1e6


def main() -> None:
    """Print the tables."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    dropped = ("UV_PROJECT", "VIRTUAL_ENV")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    names = ["make the environment (uv)", "install with uv", "`maou demo`"]
    names += ["make the environment (venv)", "install with pip"]
    times: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="maou-install-") as folder:
        for run in range(-1, arguments.runs):
            with_uv, with_pip = Path(folder, "uv"), Path(folder, "pip")
            there = {"cwd": folder, "env": kept}
            uv_install = ["uv", "pip", "install", "--python", str(with_uv), *wheels()]
            commands = [
                ["uv", "venv", "--python", sys.executable, str(with_uv)],
                uv_install,
                [str(with_uv / "bin/maou"), "demo", "-o", str(Path(folder, "demo"))],
                [sys.executable, "-m", "venv", str(with_pip)],
                [str(with_pip / "bin/pip"), "install", *wheels()],
            ]
            for name, command in zip(names, commands, strict=True):
                seconds = measure.seconds(command, **there)
                # The first round fills caches.
                if run >= 0:
                    times[name].append(seconds)
            packages = next(with_uv.glob("lib/python*/site-packages"))
            sizes = {
                path.name: size_mb(path)
                for path in sorted(packages.iterdir())
                if path.is_dir() and path.suffix != ".dist-info"
            }
            if run + 1 < arguments.runs:
                for path in (with_uv, with_pip, Path(folder, "demo")):
                    shutil.rmtree(path)
    print(f"{measure.machine()}; {uv_version()}; {measure.load()}; medians of")
    print(f"{arguments.runs} runs:\n")
    rows = [
        [name, f"{statistics.median(seconds):.2f}"] for name, seconds in times.items()
    ]
    measure.table(["into an empty environment, warm cache", "s"], rows)
    rows = [
        [f"wheel: {Path(wheel).name}", f"{Path(wheel).stat().st_size / 1e6:.2f}"]
        for wheel in wheels()
    ]
    rows += [[f"unpacked: {name}", f"{size:.2f}"] for name, size in sizes.items()]
    measure.table(["size", "MB"], rows)


def uv_version() -> str:
    """Version of uv, in its own words."""
    result = subprocess.run(["uv", "--version"], capture_output=True, check=True)
    return " ".join(result.stdout.decode().split()[:2])


if __name__ == "__main__":
    main()
