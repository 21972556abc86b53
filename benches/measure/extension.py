"""What the benchmarks of building share: the command, its variables, its output."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import measure

if TYPE_CHECKING:
    from pathlib import Path

MATURIN = ["uvx", "--quiet", "maturin@1.16.0"]
MANIFEST = "packages/maou-rust/Cargo.toml"


def command(profile: str, out: Path, checkout: Path = measure.ROOT) -> list[str]:
    """Build the extension's wheel into a folder."""
    where = ["--out", str(out), "--manifest-path", str(checkout / MANIFEST)]
    return [*MATURIN, "build", "--locked", "--quiet", "--profile", profile, *where]


def environment(target: Path, **more: str) -> dict[str, str]:
    """Variables of a build that nothing of the caller's speeds up or slows down."""
    dropped = ("RUSTC", "CARGO_", "SCCACHE_", "UV_PROJECT", "VIRTUAL_ENV")
    env = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    env |= {key: os.environ[key] for key in ("CARGO_HOME",) if key in os.environ}
    return env | {"CARGO_TARGET_DIR": str(target)} | more


def fetch() -> str:
    """Fetch sources and tools, which are not measured; returns rustc's version."""
    manifest = str(measure.ROOT / MANIFEST)
    subprocess.run(
        ["cargo", "fetch", "--quiet", "--locked", "--manifest-path", manifest],
        check=True,
    )
    subprocess.run([*MATURIN, "--version"], check=True, stdout=subprocess.DEVNULL)
    rustc = subprocess.run(["rustc", "--version"], check=True, capture_output=True)
    return rustc.stdout.decode().strip()


def clone(to: Path) -> Path:
    """Clone this checkout's last commit."""
    subprocess.run(["git", "clone", "--quiet", str(measure.ROOT), str(to)], check=True)
    return to
