"""The stubs are the reference: their examples run, and `help` shows their sentences."""

from __future__ import annotations

import ast
import doctest
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import maou_rust
import pytest

import maou

if TYPE_CHECKING:
    from collections.abc import Iterator

STUBS = Path(__file__).resolve().parents[2] / "packages/maou-rust/maou_rust-stubs"
FLAGS = (
    doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
)
Documented = ast.Module | ast.ClassDef | ast.FunctionDef
CLASSES = ["Board", "Hand", "LegalMoves", "Move"]


def documented(path: Path) -> Iterator[tuple[str, Documented]]:
    """Modules, classes and functions of a stub, by name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield path.stem, tree
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield f"{path.stem}.{node.name}", node
        if isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, ast.FunctionDef):
                    yield f"{path.stem}.{node.name}.{part.name}", part


def test_type_checkers_find_the_stubs() -> None:
    found = [Path(entry, "maou_rust-stubs/maou_shogi.pyi") for entry in sys.path]
    assert any(path.is_file() for path in found)


EXAMPLES = [
    (name, docstring)
    for path in sorted(STUBS.glob("*.pyi"))
    for name, node in documented(path)
    if ">>>" in (docstring := ast.get_docstring(node) or "")
]


@pytest.mark.parametrize(("name", "docstring"), EXAMPLES, ids=[e[0] for e in EXAMPLES])
def test_examples(
    name: str, docstring: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    module = vars(maou_rust).get(name.partition(".")[0], maou_rust)
    names = {"maou": maou, **vars(maou_rust), **vars(module)}
    test = doctest.DocTestParser().get_doctest(docstring, names, name, None, 0)
    assert doctest.DocTestRunner(optionflags=FLAGS).run(test).failed == 0


def test_there_are_examples() -> None:
    names = {name for name, _ in EXAMPLES}
    assert {f"maou_shogi.{name}" for name in CLASSES} <= names
    assert "maou_shogi.Board.push" in names


@pytest.mark.parametrize("name", CLASSES)
def test_help_shows_the_sentence_of_the_stub(name: str) -> None:
    found = dict(documented(STUBS / "maou_shogi.pyi"))
    shown = getattr(maou, name)
    told = {name: (shown, found[f"maou_shogi.{name}"])}
    for key, node in found.items():
        if key.startswith(f"maou_shogi.{name}.") and not node.name.startswith("__"):  # type: ignore[union-attr]
            part = key.rpartition(".")[2]
            told[part] = (inspect.getattr_static(shown, part), node)
    for part, (member, node) in told.items():
        docstring = ast.get_docstring(node)
        assert docstring, f"{name}.{part}: expected a docstring"
        if isinstance(member, staticmethod | classmethod):
            member = getattr(shown, part)  # noqa: PLW2901
        assert inspect.getdoc(member) == docstring.splitlines()[0], part
