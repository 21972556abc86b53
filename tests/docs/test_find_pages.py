"""The pages about searching show what the commands print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from maou.cli import main

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("guides/find.md", "commands/sample.md")
COMMAND = re.compile(r"^\$ maou (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def without_clock(text: str) -> str:
    return re.sub(r"in [\d.]+ s\b", "in … s", text)


@pytest.mark.parametrize("page", PAGES)
def test_what_is_shown_is_what_is_printed(
    page: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["demo"]) == 0
    text = (DOCS / page).read_text(encoding="utf-8")
    shown = [
        (command, output)
        for block in CONSOLE.findall(text)
        for command, output in COMMAND.findall(block)
        if "maou-demo" in command
    ]
    assert shown
    for command, output in shown:
        capsys.readouterr()
        assert main(shlex.split(command)) == 0, command
        assert output, command
        assert without_clock(capsys.readouterr().out) == without_clock(output), command
