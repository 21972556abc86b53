"""`import maou` is as light as the extension, and `maou convert` needs no Polars."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

from maou._extras import EXTRAS

HEAVY = {"torch", "polars", "numpy", "rich", "importlib.metadata", "pyarrow"}
Python = Callable[[str], str]


def test_import_maou_loads_nothing_heavy(python_run: Python) -> None:
    loaded = python_run("import maou, sys; print(*sys.modules)").split()
    assert "maou_rust" in loaded
    assert not HEAVY & set(loaded)
    assert "maou.records" not in loaded


def test_help_loads_nothing_heavy(python_run: Python) -> None:
    """Milliseconds are measured by `nox -s bench -- startup`."""
    code = """
import sys
from maou.cli import main
try:
    main(["--help"])
except SystemExit as ended:
    print()
    print(ended.code, *sys.modules)
"""
    status, *loaded = python_run(code).splitlines()[-1].split()
    assert status == "0"
    assert "maou.cli" in loaded
    assert not HEAVY & set(loaded)


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


def test_without_polars_a_sentence_names_the_mend(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['polars'] = None; from maou.cli import main;"
        f"sys.exit(main(['demo', '-o', {str(tmp_path / 'out')!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "maou demo: needs polars: `pip install polars`\n"


def test_without_torch_a_sentence_names_the_extra(python_run: Python) -> None:
    code = """
import sys
sys.modules["torch"] = None
from maou import _extras
try:
    _extras.require("torch")
except ModuleNotFoundError as error:
    print(error.name, error, sep=": ")
"""
    assert python_run(code) == (
        "torch: needs torch: `uv sync --extra cpu` in a clone,"
        " `pip install 'maou[cpu]'` elsewhere; `cuda` in place of `cpu` for"
        " onnxruntime on a GPU\n"
    )


def test_extras_are_those_of_the_distribution() -> None:
    path = Path(__file__).parents[2] / "packages/maou/pyproject.toml"
    project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    extras = {
        name: {re.split(r"[<>=]", entry)[0] for entry in entries}
        for name, entries in project["optional-dependencies"].items()
    }
    assert extras["cpu"] == set(EXTRAS)
    assert extras["cuda"] ^ extras["cpu"] == {"onnxruntime", "onnxruntime-gpu"}
