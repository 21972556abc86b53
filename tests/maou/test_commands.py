"""Every command has help, an example that works, and a page that is true."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from maou.cli import COMMANDS, build_parser, main

if TYPE_CHECKING:
    from maou.cli.command import Command

DOCS = Path(__file__).resolve().parents[2] / "docs/commands"
PAGES = {"index": "index-data"}
"""Pages of another name: `index.md` is the list of all."""
every_command = pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)


def help_of(command: Command, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as exit_:
        main([command.name, "--help"])
    assert exit_.value.code == 0
    return capsys.readouterr().out


def options_of(command: Command) -> list[str]:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return re.findall(
        r"(?<![\w-])(--[a-z-]+)", parser.format_help().split("\n\n", 1)[1]
    )


def test_the_list_of_commands_is_what_works(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert text.startswith("example:\n  maou demo\n")
    listed = re.findall(r"^    ([a-z]+) +\S", text, re.MULTILINE)
    assert listed == [command.name for command in COMMANDS]
    assert listed == [
        "demo",
        "convert",
        "info",
        "verify",
        "index",
        "find",
        "sample",
        "prepare",
        "train",
        "evaluate",
        "export",
        "doctor",
    ]


@every_command
def test_help_starts_with_an_example_that_parses(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    text = help_of(command, capsys)
    assert text.startswith(f"example:\n  maou {command.name}")
    assert command.description in text
    for line in command.example.splitlines():
        program, *arguments = shlex.split(line)
        assert program == "maou"
        assert build_parser().parse_args(arguments).command == command.name


@every_command
def test_every_argument_has_help(command: Command) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert all(action.help for action in parser._actions)


@every_command
def test_the_docs_page_names_example_and_options(command: Command) -> None:
    name = PAGES.get(command.name, command.name)
    page = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# maou {command.name}\n")
    for line in command.example.splitlines():
        assert line in page
    for option in set(options_of(command)) - {"--help"}:
        assert f"`{option}" in page, option


def test_the_docs_have_no_other_pages() -> None:
    names = {PAGES.get(command.name, command.name) for command in COMMANDS}
    assert {page.stem for page in DOCS.glob("*.md")} == names | {"index"}
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    for command in COMMANDS:
        name = PAGES.get(command.name, command.name)
        assert f"[`maou {command.name}`]({name}.md)" in index
        assert command.summary in index


def test_no_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("example:")
