"""Measure what a workspace of 500 crates costs; prints a Markdown table.

    python scripts/scale.py
    python scripts/scale.py --crates 100

The crates are those of `nox -s new`, without bindings, in ten layers of a temporary
folder: each calls two of the layer below, so that a change of a base crate touches one
crate more in every layer. Profile and lints are the repository's. Figures of a machine
that does something else at the same time are worth little.

Exit status: 0 measured, 1 a command failed, 2 usage.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import new_crate

N_LAYERS = 10
SCRIPTS = Path(__file__).resolve().parent
ROOT = SCRIPTS.parent
LEAF, BASE = (N_LAYERS - 1, 0), (0, 0)


def name(layer: int, n: int) -> str:
    """Name of a crate: its layer, and its place in it."""
    return f"layer{layer}_crate{n:03}"


def write_crate(root: Path, layer: int, n: int, width: int) -> None:
    """Write a crate from the scaffold's templates, with its dependencies."""
    folder = new_crate.TEMPLATES / "crate" / "crates" / "NAME"
    crate = name(layer, n)
    below = sorted({n, (n + 1) % width}) if layer else []
    called = [name(layer - 1, k) for k in below]
    for template in sorted(folder.rglob("*.in")):
        text = new_crate.render(template, crate)
        if template.name == "Cargo.toml.in":
            text += "".join(f"{other}.workspace = true\n" for other in called)
        elif called:
            total = " ^ ".join(f"{other}::fingerprint(bytes)" for other in called)
            text = text.replace(
                "#[cfg(test)]",
                "/// Calls the layer below.\n"
                f"pub fn of_below(bytes: &[u8]) -> u64 {{\n    {total}\n}}\n\n"
                "#[cfg(test)]",
            )
        path = root / "crates" / crate / template.relative_to(folder).with_suffix("")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def write_workspace(root: Path, n_crates: int) -> None:
    """Write the workspace, with what affected.py needs, and commit it."""
    width = n_crates // N_LAYERS
    members = "".join(
        f'{name(layer, n)} = {{ path = "crates/{name(layer, n)}" }}\n'
        for layer in range(N_LAYERS)
        for n in range(width)
    )
    manifest = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    heading = "[workspace.dependencies]\n"
    start = manifest.index(heading)
    end = manifest.index("\n[", start)
    manifest = manifest[:start] + heading + members + manifest[end:]
    manifest = re.sub(r"(?m)^(members|exclude) = .*\n", "", manifest)
    manifest = manifest.replace(
        "[workspace]\n", '[workspace]\nmembers = ["crates/*"]\n'
    )
    (root / "Cargo.toml").write_text(manifest, encoding="utf-8")
    (root / ".gitignore").write_text("/target/\n", encoding="utf-8")
    for layer in range(N_LAYERS):
        for n in range(width):
            write_crate(root, layer, n, width)
    (root / "scripts").mkdir()
    shutil.copy(SCRIPTS / "affected.py", root / "scripts")
    # The toolchain is that of the repository.
    shutil.copy(ROOT / "rust-toolchain.toml", root)
    run(root, "cargo", "generate-lockfile", "--quiet", "--offline")
    run(root, "git", "init", "--quiet")
    run(root, "git", "add", "--all")
    identity = ("-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false")
    run(root, "git", *identity, "commit", "--quiet", "--message=scale")


def run(root: Path, *command: str) -> tuple[float, str]:
    """Run a command in the workspace; returns its seconds and its output."""
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("CARGO_", "RUSTC"))
    }
    kept |= {k: os.environ[k] for k in ("CARGO_HOME",) if k in os.environ}
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=root, env=kept, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(
            f"{' '.join(command)}: status {done.returncode}\n{done.stderr[-2000:]}"
        )
    return seconds, done.stdout


def edit(root: Path, which: tuple[int, int]) -> Path:
    """Change what a crate computes; returns its source."""
    path = root / "crates" / name(*which) / "src/lib.rs"
    text = path.read_text(encoding="utf-8")
    # In length as well: cargo goes by the time of files, which may be coarse.
    path.write_text(text.replace("b325,", "b325_u64,", 1) + "\n", encoding="utf-8")
    return path


def size_mb(folder: Path) -> float:
    """Disk that a folder takes, a file with several names counted once."""
    seen: dict[tuple[int, int], int] = {}
    for parent, _, files in os.walk(folder):
        for file in files:
            status = os.lstat(os.path.join(parent, file))  # noqa: PTH118
            used = getattr(status, "st_blocks", status.st_size / 512) * 512
            seen[status.st_dev, status.st_ino] = int(used)
    return sum(seen.values()) / 1e6


def machine() -> str:
    """Name the processor, its cores and the compiler."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"model name\s*: (.+)", info.read_text(encoding="utf-8"))
        model = found[1] if found else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    version = run(ROOT, "rustc", "--version")[1].strip()
    load = (
        f"; load before {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    )
    return f"{model}, {cores or os.cpu_count()} cores; {version}{load}"


class Table:
    """Rows of the table, and the workspace that they are measured in."""

    def __init__(self, root: Path) -> None:
        """Begin an empty table."""
        self.root = root
        self.rows: list[list[str]] = []

    def row(self, what: str, *command: str, rounds: int = 1, disk: bool = False) -> str:
        """Measure a command, in the median of some rounds; returns its output."""
        print(f"{what} …", file=sys.stderr, flush=True)
        times = [run(self.root, *command) for _ in range(rounds)]
        seconds = statistics.median(seconds for seconds, _ in times)
        megabytes = f"{size_mb(self.root / 'target'):.0f}" if disk else ""
        self.rows.append([what, f"{seconds:.1f}", megabytes])
        return times[-1][1]

    def changed(self, what: str, which: tuple[int, int], *command: str) -> None:
        """Measure a command after an edit of a crate, which is taken back."""
        path = edit(self.root, which)
        self.row(what, *command)
        run(self.root, "git", "checkout", "--quiet", str(path))
        run(self.root, *command)

    def affected(self, what: str, which: tuple[int, int]) -> None:
        """Measure affected.py after an edit of a crate, and count what it names."""
        path = edit(self.root, which)
        command = (sys.executable, "scripts/affected.py", "HEAD")
        crates = json.loads(run(self.root, *command)[1])["crates"]
        touched = f"{len(crates)} crate{'s' if len(crates) > 1 else ''}"
        self.row(f"`affected`, {what}: {touched}", *command, rounds=5)
        run(self.root, "git", "checkout", "--quiet", str(path))

    def tests_of_what_is_touched(self) -> None:
        """Measure the tests that a change of a base crate asks for."""
        path = edit(self.root, BASE)
        command = (sys.executable, "scripts/affected.py", "HEAD")
        crates = json.loads(run(self.root, *command)[1])["crates"]
        which = [word for crate in crates for word in ("-p", crate)]
        test = ("cargo", "test", "--quiet", "--locked", "--tests", *which)
        self.row(f"tests of the {len(crates)} that a base crate touches", *test)
        run(self.root, "git", "checkout", "--quiet", str(path))


def measured(root: Path) -> list[list[str]]:
    """Measure everything; returns the rows."""
    table = Table(root)
    metadata = ("cargo", "metadata", "--format-version=1", "--locked", "--offline")
    table.row("`cargo metadata`", *metadata, rounds=5)
    table.row("`cargo metadata --no-deps`", *metadata, "--no-deps", rounds=5)
    table.affected("a leaf crate", LEAF)
    table.affected("a base crate", BASE)
    check = ("cargo", "check", "--workspace", "--quiet", "--locked", "--offline")
    table.row("`cargo check`, cold", *check, disk=True)
    table.row("… nothing changed", *check, rounds=5)
    table.changed("… a leaf crate changed", LEAF, *check)
    table.changed("… a base crate changed", BASE, *check)
    shutil.rmtree(root / "target")
    test = ("cargo", "test", "--workspace", "--quiet", "--locked", "--offline")
    table.row(
        "test binaries, one per crate, cold", *test, "--tests", "--no-run", disk=True
    )
    table.row("… run", *test, "--tests")
    table.changed("… a leaf crate changed, built", LEAF, *test, "--tests", "--no-run")
    table.tests_of_what_is_touched()
    run(root, *test, "--tests", "--no-run")
    table.row("doctests, apart", *test, "--doc")
    return table.rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="nox -s scale --",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--crates", type=int, default=500, help="a multiple of ten; %(default)s"
    )
    options = parser.parse_args()
    if options.crates < N_LAYERS or options.crates % N_LAYERS:
        parser.error(f"--crates: expected a multiple of {N_LAYERS}")
    described = machine()
    with tempfile.TemporaryDirectory(prefix="maou-scale-") as folder:
        root = Path(folder) / "workspace"
        root.mkdir()
        write_workspace(root, options.crates)
        rows = measured(root)
    print(f"{described}; {options.crates} crates in {N_LAYERS} layers:\n")
    print("| | s | target/, MB |\n|---|---:|---:|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
