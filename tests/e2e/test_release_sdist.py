"""maou-rust is built from its sdist, away from the checkout, and knows its stamp."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
from clone import clone

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
NUMBER = 4242
CHECK = """
import importlib.metadata, maou_rust
from maou_rust.maou_io import hello
print(hello(), maou_rust.__version__, importlib.metadata.version("maou-rust"))
"""


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_stamped_sdist_is_enough(tmp_path: Path) -> None:
    tree = clone(tmp_path / "tree")
    cargo = tomllib.loads((tree / "Cargo.toml").read_text(encoding="utf-8"))
    version = f"{cargo['workspace']['package']['version']}.dev{NUMBER}"
    stamped = run(sys.executable, "scripts/stamp.py", "write", str(NUMBER), cwd=tree)
    assert stamped == f"{version}\n"

    build: list[str | Path] = ["uv", "build", "--python", sys.executable]
    run(*build, "--sdist", "--package", "maou-rust", "--out-dir", tmp_path, cwd=tree)
    sdist = tmp_path / f"maou_rust-{version}.tar.gz"
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    assert f"{sdist.name.removesuffix('.tar.gz')}/Cargo.lock" in names
    shutil.rmtree(tree)

    # Dependencies are compiled already, by whoever built the wheels of this session.
    target = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))
    wheels = tmp_path / "wheels"
    build += ["--wheel", "--out-dir", wheels, sdist]
    run(*build, cwd=tmp_path, CARGO_TARGET_DIR=target)
    (wheel,) = wheels.glob(f"maou_rust-{version}-cp311-abi3-*.whl")

    run("uv", "venv", "--quiet", "--no-project", "--python", sys.executable, "venv",
        cwd=tmp_path)  # fmt: skip
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = ("uv", "pip", "install", "--quiet", "--python", python)
    run(*install, "--no-deps", wheel, cwd=tmp_path)
    found = run(python, "-c", CHECK, cwd=tmp_path)
    assert found == f"maou-rust {version} {version} {version}\n"
