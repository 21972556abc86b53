"""What several tests need: records, a dataset, and the real command."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Maou = Callable[..., subprocess.CompletedProcess[str]]
Snapshot = Callable[[Path], dict[str, bytes]]

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def maou_command() -> str:
    """Path of the installed `maou` command."""
    scripts = sysconfig.get_path("scripts")
    command = shutil.which("maou", path=scripts)
    assert command is not None, f"expected the command `maou` in {scripts}"
    return command


@pytest.fixture(scope="session")
def maou_run(maou_command: str) -> Maou:
    """Run the real command line; warnings of Python are errors there, too."""

    def run(
        *arguments: str | Path, cwd: Path | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [maou_command, *map(str, arguments)],
            cwd=cwd,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
            env={**os.environ, "PYTHONWARNINGS": "error", "PYTHONUTF8": "1"},
            **options,
        )

    return run


@pytest.fixture(scope="session")
def python_run() -> Callable[[str], str]:
    """Run a piece of Python in an interpreter of its own, and return its stdout."""

    def run(code: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=cwd,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 60 generated games, CSA and KIF, some below another folder."""
    from maou_rust import maou_shogi

    folder = tmp_path_factory.mktemp("records")
    (folder / "older").mkdir()
    for n, text in enumerate(maou_shogi.generate(40, seed=7, format="csa")):
        (folder / f"{n:03}.csa").write_bytes(text)
    for n, text in enumerate(maou_shogi.generate(20, seed=8, format="kif")):
        (folder / "older" / f"{n:03}.kif").write_bytes(text)
    return folder


@pytest.fixture(scope="session")
def many_records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About 200 MB of records that take little room: one file under many names."""
    from maou_rust import maou_shogi

    folder = tmp_path_factory.mktemp("many")
    text = b"/\n".join(maou_shogi.generate(600, seed=9, format="csa"))
    first = folder / "0000.csa"
    first.write_bytes(text)
    for n in range(1, max(2, 200_000_000 // len(text))):
        os.link(first, folder / f"{n:04}.csa")
    return folder


@pytest.fixture(scope="session")
def dataset(records: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of `records`; tests leave it as it is."""
    from maou_rust import maou_io

    out = tmp_path_factory.mktemp("dataset") / "data"
    maou_io.convert([records], out)
    return out


@pytest.fixture(scope="session")
def snapshot() -> Snapshot:
    """Read all files below a folder, by relative name."""

    def read(folder: Path) -> dict[str, bytes]:
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    return read


CONVERT = """
import sys
from maou_rust import maou_io
maou_io.convert([sys.argv[1]], sys.argv[2], shard_bytes=40_000)
"""


@pytest.fixture
def check_kills(
    records: Path, tmp_path: Path, maou_run: Maou, snapshot: Snapshot
) -> Callable[[int], None]:
    """Kill three runs one after another; the fourth leaves what one run leaves."""

    def check(seed: int) -> None:
        whole, out = tmp_path / "whole", tmp_path / "data"
        command = [sys.executable, "-c", CONVERT, str(records)]
        subprocess.run([*command, str(whole)], check=True)
        wanted = snapshot(whole)
        chance = random.Random(seed)
        for _ in range(3):
            process = subprocess.Popen([*command, str(out)])
            # Half of the kills come while files are written, half of them at any time.
            if chance.random() < 0.5:
                while process.poll() is None and not out.exists():
                    time.sleep(0.001)
                time.sleep(chance.random() * 0.05)
            else:
                time.sleep(chance.random() * 0.15)
            process.kill()
            process.wait()
            # A games file that is there is whole.
            for path in out.glob("games-*.feather"):
                assert path.read_bytes() == wanted[path.name]
        subprocess.run([*command, str(out)], check=True)
        assert snapshot(out) == wanted
        assert maou_run("verify", out).returncode == 0

    return check
