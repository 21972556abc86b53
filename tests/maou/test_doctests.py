"""The examples in docstrings, README and docs run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import maou
from maou._extras import EXTRAS
from maou.cli import main

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def is_there(name: str) -> bool:
    """Whether a module can be imported: few environments have packages of extras."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRAS:
            raise
        return False
    return True


MODULES = sorted(
    {
        "maou",
        *(
            info.name
            for info in pkgutil.walk_packages(maou.__path__, prefix="maou.")
            if is_there(info.name)
        ),
    }
    - {"maou.__main__"}
)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FLAGS = (
    doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
)


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `maou demo` ran, with the files that the docs speak of."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["demo"]) == 0
        assert main(["index", "maou-demo/data"]) == 0
        assert main(["convert", "maou-demo/records", "-o", "dataset"]) == 0
        assert main(["prepare", "dataset", "-o", "train", "--validation", "5%"]) == 0
        games = sorted((folder / "maou-demo/records").glob("*.csa"))
        (folder / "game.csa").write_bytes(games[0].read_bytes())
    return folder


def has_examples(module: ModuleType) -> bool:
    return any(test.examples for test in doctest.DocTestFinder().find(module))


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(
    name: str, demo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(demo_folder)
    module = importlib.import_module(name)
    failed, tried = doctest.testmod(module, optionflags=FLAGS)
    assert failed == 0
    assert (tried > 0) == has_examples(module)


def test_the_library_has_examples() -> None:
    for name in ("maou", "maou.records", "maou.dataset", "maou.svg"):
        assert has_examples(importlib.import_module(name)), name


def python_blocks(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if python_blocks(page)],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_snippets_of_the_docs_run_in_order(
    page: Path, demo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(demo_folder)
    namespace: dict[str, object] = {"__name__": "snippet"}
    for block in python_blocks(page):
        if ">>>" in block:
            test = doctest.DocTestParser().get_doctest(
                block, namespace, page.name, str(page), 0
            )
            runner = doctest.DocTestRunner(optionflags=FLAGS)
            runner.run(test, clear_globs=False)
            assert runner.summarize(verbose=False).failed == 0
            namespace.update(test.globs)
        else:
            exec(compile(block, str(page), "exec"), namespace)


def test_the_picture_of_the_readme_is_that_of_the_demo(demo_folder: Path) -> None:
    drawn = (demo_folder / "maou-demo/board.svg").read_bytes()
    assert (ROOT / "docs/images/board.svg").read_bytes() == drawn
