"""`import maou` is as light as the extension, and `maou convert` needs no Polars."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {"torch", "polars", "numpy", "rich", "importlib.metadata", "pyarrow"}
Python = Callable[[str], str]


def test_import_maou_loads_nothing_heavy(python_run: Python) -> None:
    loaded = python_run("import maou, sys; print(*sys.modules)").split()
    assert "maou_rust" in loaded
    assert not HEAVY & set(loaded)
    assert "maou.records" not in loaded


def test_convert_loads_nothing_heavy(
    python_run: Python, records: Path, tmp_path: Path
) -> None:
    arguments = ["convert", str(records), "-o", str(tmp_path / "out")]
    code = (
        "import sys; from maou.cli import main;"
        f"status = main({arguments!r}); print(); print(status, *sys.modules)"
    )
    status, *loaded = python_run(code).splitlines()[-1].split()
    assert status == "0"
    assert not HEAVY & set(loaded)


def fastest(*arguments: str) -> float:
    """Seconds of the fastest of seven runs of the interpreter."""
    seconds = []
    for _ in range(7):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def test_import_maou_takes_less_than_50_ms() -> None:
    assert fastest("-c", "import maou") - fastest("-c", "pass") < 0.05


def test_help_takes_less_than_150_ms() -> None:
    assert fastest("-m", "maou", "--help") < 0.15
