"""The stubs' dictionaries have the keys that the extension really returns.

stubtest compares functions and classes; what is inside a TypedDict it cannot see.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from maou_rust import maou_index, maou_io, maou_shogi

ROOT = Path(__file__).resolve().parents[2]
STUBS = ROOT / "packages/maou-rust/maou_rust-stubs"
GAME = b"V2.2\nPI\n+\n+7776FU\n'** 12\nT3\n+7776FU\n"


def keys(module: str, name: str) -> set[str]:
    """Names of the fields of a TypedDict in a stub."""
    tree = ast.parse((STUBS / f"{module}.pyi").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            fields = [stmt for stmt in node.body if isinstance(stmt, ast.AnnAssign)]
            return {ast.unparse(field.target) for field in fields}
    raise AssertionError(f"{module}.pyi has no class {name}")


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    record = tmp_path / "games/a.csa"
    record.parent.mkdir()
    record.write_bytes(GAME)
    maou_io.convert([record.parent], tmp_path / "data")
    return tmp_path / "data"


def test_reports_of_datasets(dataset: Path, tmp_path: Path) -> None:
    seen: list[Any] = []
    report = maou_io.convert(
        [tmp_path / "games"], tmp_path / "other", progress=seen.append
    )
    assert set(report) == keys("maou_io", "ConvertReport")
    assert set(report["errors"][0]) == keys("maou_io", "ErrorEntry")
    assert set(seen[-1]) == keys("maou_io", "Progress")
    assert set(maou_io.info(dataset)) == keys("maou_io", "DatasetInfo")
    assert set(maou_io.errors(dataset)[0]) == keys("maou_io", "ErrorEntry")
    assert set(maou_io.schema()[0]) == keys("maou_io", "Column")
    assert set(maou_index.scan(dataset)[0]) == keys("maou_index", "Found")


def test_findings_of_verify(dataset: Path) -> None:
    report = maou_io.verify(dataset)
    assert set(report) == keys("maou_io", "VerifyReport")
    games = dataset / "games-00000.feather"
    games.write_bytes(games.read_bytes()[:-1])
    problems = maou_io.verify(dataset)["problems"]
    assert set(problems[0]) == keys("maou_io", "Problem")


def test_games_and_their_problems() -> None:
    _, games, problems = maou_shogi.read_records(GAME)
    assert set(games[0]) == keys("maou_shogi", "Game")
    assert set(problems[0]) == keys("maou_shogi", "RecordProblem")
