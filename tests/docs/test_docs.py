"""The papers of the house say what is true: links, commands, pages, names."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from maou.cli import COMMANDS, build_parser, main

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
TRACKED = subprocess.run(
    ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    cwd=ROOT, capture_output=True, text=True, check=True,
).stdout.split("\0")  # fmt: skip
FILES = [ROOT / name for name in TRACKED if name and (ROOT / name).is_file()]
PAPERS = [path for path in FILES if path.suffix == ".md"]

FENCE = re.compile(r"(?ms)^( *)```(\w*)[^\n]*\n(.*?)^\1```")
LINK = re.compile(r"\]\(([^)\s]+)\)")
INLINE_CODE = re.compile(r"`([^`\n]+)`")


NOT_ON_THE_MAP = {"lib.rs", "testing.rs", "fixture.rs", "teacher_fixture.rs"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    """The text without its code blocks."""
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def blocks(path: Path, *languages: str) -> Iterator[str]:
    for match in FENCE.finditer(path.read_text(encoding="utf-8")):
        if match[2] in languages:
            indent = match[1]
            yield "".join(
                line.removeprefix(indent) for line in match[3].splitlines(keepends=True)
            )


def anchors(path: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub and MkDocs make them."""
    headings = re.findall(r"(?m)^#+ +(.+?) *$", prose(path))
    plain = (
        re.sub(r"[^\w\- ]", "", text.replace("`", "")).lower() for text in headings
    )
    return {text.replace(" ", "-") for text in plain}


@pytest.mark.parametrize("path", PAPERS, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    for target in LINK.findall(prose(path)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), f"{name_of(path)}: {target}"
        if anchor:
            assert anchor in anchors(there), f"{name_of(path)}: {target}"


def shell_commands(path: Path) -> Iterator[str]:
    """Calls of maou in a page: after `$` in a console, on any line of a script."""
    lines = [
        line[2:]
        for block in blocks(path, "console")
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith("$ ")
    ]
    for block in blocks(path, "bash", "powershell", "sh"):
        lines += block.replace("\\\n", " ").splitlines()
    for line in lines:
        for part in re.split(r"&&|\|\|?|;|>", line):
            words = part.strip().removeprefix("uv run ")
            if re.match(r"maou(\s|$)", words):
                yield words


@pytest.mark.parametrize("path", PAPERS, ids=name_of)
def test_commands_are_accepted(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in shell_commands(path):
        words = shlex.split(command, comments=True)[1:]
        try:
            build_parser().parse_args(words)
        except SystemExit as stop:
            status = stop.code
        else:
            status = 0
        message = capsys.readouterr().err
        assert status == 0, f"{name_of(path)}: {command}: {message}"


def help_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        build_parser().parse_args([*words, "--help"])
    return capsys.readouterr().out


@pytest.mark.parametrize("path", PAPERS, ids=name_of)
def test_commands_and_options_in_the_text_exist(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {command.name for command in COMMANDS}
    for code in INLINE_CODE.findall(prose(path)):
        words = code.removeprefix("uv run ").split()
        if words[0] != "maou" or len(words) < 2:
            continue
        verb = [word for word in words[1:2] if not word.startswith("-")]
        assert set(verb) <= known | {"COMMAND", "VERB"}, f"{name_of(path)}: `{code}`"
        text = help_of([v for v in verb if v in known], capsys)
        for option in re.findall(r"(?<!\S)--?[a-z-]+", code):
            found = re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text)
            assert found, f"{name_of(path)}: `{code}`: no {option}"


def test_every_page_is_in_the_navigation() -> None:
    _, nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")
    listed = sorted(re.findall(r"[\w/-]+\.md", nav))
    docs = ROOT / "docs"
    assert listed == sorted(
        path.relative_to(docs).as_posix()
        for path in PAPERS
        if path.is_relative_to(docs)
    )


def test_the_readme_begins_with_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    beginning = "\n".join(text.splitlines()[:30])
    for command in (
        "pip install uv && uv run maou demo",
        "pip install uv && uvx nox",
    ):
        assert f"$ {command}\n" in beginning
    assert "![" in beginning
    commands = re.findall(r"(?m)^\| `maou (\w+)", text)
    assert commands == [command.name for command in COMMANDS]


def without_clock(text: str) -> str:
    """Output without seconds and rates, which differ from run to run."""
    text = re.sub(r"in [\d.]+ s:", "in … s:", text)
    return re.sub(r"\([\d,]+ positions/s\)", "(… positions/s)", text)


def test_the_readme_shows_what_the_commands_print(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo"]) == 0
    capsys.readouterr()
    (shown,) = (
        block for block in blocks(ROOT / "README.md", "console") if "convert" in block
    )
    commands = re.findall(r"(?m)^\$ uv run maou (.*)\n((?:(?!\$ ).*\n)+)", shown)
    assert len(commands) == 2
    for command, expected in commands:
        assert main(shlex.split(command)) == 0
        assert without_clock(capsys.readouterr().out) == without_clock(expected)


def test_sessions_that_are_named_exist() -> None:
    noxfile = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    sessions = {
        name or function
        for options, name, function in re.findall(
            r'@nox\.session((?:\((?:name="([\w-]+)")?[^)]*\))?)\ndef (\w+)\(', noxfile
        )
    }
    sessions |= {f"tests-3.{minor}" for minor in (11, 12, 13, 14)}
    assert {"all", "lint", "docs", "corpus"} <= sessions
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = contributing.split("## Sessions")[1].split("\n## ")[0]
    listed = re.findall(
        r"`([a-z][\w.-]*)`",
        "".join(
            line.split(" | ")[0] for line in section.splitlines() if line[:3] == "| `"
        ),
    )
    assert set(listed) == sessions - {"tests"}
    for path in PAPERS:
        text = path.read_text(encoding="utf-8")
        for names in re.findall(r"nox -s((?: [a-z][\w.-]*)+)", text):
            assert set(names.split()) <= sessions, f"{name_of(path)}: nox -s{names}"


def test_tests_that_hold_invariants_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/.-]+\.(?:py|rs))::(\w+)`", text)
    assert len(named) > 10
    for file, test in named:
        source = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"\b(def|fn) {test}\b", source), f"{file}::{test}"


def test_files_that_the_map_names_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for section in re.split(r"(?m)^##+ ", text)[1:]:
        title = section.splitlines()[0]
        if title in ("Invariants", "Where to begin"):
            continue
        folder = ROOT / title / "src" if "/" in title else ROOT
        for cell in re.findall(r"(?m)^\| (`[^|]+) \|", section):
            for name in INLINE_CODE.findall(cell):
                assert list(folder.glob(name.rstrip("/"))), f"{title}: {name}"


def test_the_map_names_every_crate_and_package() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    listed = re.findall(r"(?m)^### ((?:crates|packages)/[\w-]+)$", text)
    there = {
        name_of(path.parent)
        for name in ("Cargo.toml", "pyproject.toml")
        for path in ROOT.glob(f"*/*/{name}")
        if path.parent.parent.name in ("crates", "packages")
    }
    assert sorted(listed) == sorted(there)


@pytest.mark.parametrize(
    "crate", sorted(path.parent.name for path in ROOT.glob("crates/*/Cargo.toml"))
)
def test_the_map_names_every_module(crate: str) -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = text.split(f"### crates/{crate}\n")[1].split("\n### ")[0]
    modules = {path.name for path in (ROOT / f"crates/{crate}/src").glob("*.rs")}
    missing = modules - set(INLINE_CODE.findall(section)) - NOT_ON_THE_MAP
    assert not missing


def test_the_pages_of_columns_are_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location(
        "schema_page", ROOT / "scripts/schema_page.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, make in module.PAGES.items():
        page = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert page == make(), "run `python scripts/schema_page.py`"


def test_no_path_of_one_machine_is_in_the_tree() -> None:
    folders = "|".join(("work", "farm", "root"))
    pattern = re.compile(
        rf"(?m)(^|[^\w.])/(?:{folders})/|(^|[^\w.])/(?:home|Users)/\w|[A-Z]:\\Users\\\w"
    )
    for path in FILES:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found = pattern.search(text)
        line = text[: found.start()].count("\n") + 1 if found else 0
        assert found is None, f"{name_of(path)}:{line}: {found and found[0]}"


def test_no_unfinished_mark_is_in_the_tree() -> None:
    marks = "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3))
    pattern = re.compile(rf"\b({marks})\b")
    for path in FILES:
        if path.suffix in {".py", ".pyi", ".rs", ".toml", ".yml", ".md", ".sh"}:
            found = pattern.search(path.read_text(encoding="utf-8"))
            assert found is None, f"{name_of(path)}: {found and found[0]}"
