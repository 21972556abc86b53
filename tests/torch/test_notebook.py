"""The notebook from records to a model, cell by cell, and what its cells show."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = json.loads((ROOT / "docs/guides/training.ipynb").read_text(encoding="utf-8"))
pytestmark = pytest.mark.torch


def shell(command: str) -> None:
    """Run a line that begins with `!`, with the commands of this environment."""
    scripts = sysconfig.get_path("scripts")
    path = os.pathsep.join([scripts, os.environ["PATH"]])
    done = subprocess.run(
        command,
        shell=True,
        env={**os.environ, "PATH": path, "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    print(done.stdout, end="")
    assert done.returncode == 0, f"{command}: {done.stderr}"


def run_cell(source: str, names: dict[str, Any]) -> Any:
    """Run a cell as a notebook does; return the value of its last line, if any."""
    source = re.sub(r"(?m)^( *)!(.*)$", r"\1shell(\2)", source)
    source = re.sub(
        r"(?m)^( *)shell\((.*)\)$", lambda m: f"{m[1]}shell({m[2]!r})", source
    )
    *statements, last = ast.parse(source).body
    if not isinstance(last, ast.Expr):
        statements, last = [*statements, last], ast.Expr(ast.Constant(None))
    exec(compile(ast.Module(statements, []), "cell", "exec"), names)
    value = ast.fix_missing_locations(ast.Expression(last.value))
    return eval(compile(value, "cell", "eval"), names)


def test_its_cells_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"shell": shell}
    printed, shown = {}, {}
    for cell in NOTEBOOK["cells"]:
        if cell["cell_type"] == "code":
            shown[cell["id"]] = run_cell("".join(cell["source"]), names)
            printed[cell["id"]] = capsys.readouterr().out
    assert list(printed) == [
        "install", "demo", "prepare", "train", "evaluate", "reliability", "export",
        "ask", "picture",
    ]  # fmt: skip
    assert printed["install"] == ""
    assert "it holds 30 games, 3,278 positions, 0 errors" in printed["demo"]
    assert "for validation" in printed["prepare"]
    assert re.search(r"(?m)^policy loss +\d\.\d", printed["train"])
    rows = re.findall(r"(?m)^(\S.*?)  +([\d.]+)(%?)  +", printed["evaluate"])
    scores = {name: float(value) for name, value, _ in rows}
    # It has learned: without, the entropy is that of 2,187 labels, 7.69.
    assert scores["policy cross-entropy"] < 6.8
    assert scores["top-5"] > 5
    assert shown["reliability"]._repr_svg_().startswith("<?xml")
    assert "onnxruntime against torch on 256 positions" in printed["export"]
    *moves, value = printed["ask"].splitlines()
    assert len(moves) == 5
    chances = [float(re.fullmatch(r"(\S+)  ([\d.]+)%", line)[2]) for line in moves]  # type: ignore[index]
    assert chances == sorted(chances, reverse=True)
    assert 0 <= float(value.removeprefix("White expects a score of ")) <= 1
    assert shown["picture"]._repr_svg_().startswith("<svg")
