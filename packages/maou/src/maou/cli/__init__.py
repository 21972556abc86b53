"""The command line: one module a command, and the edge of the process.

Data goes to stdout, logs and progress to stderr. Exit status: 0 fine, 1 ran and found
problems, 2 usage or input, 130 interrupted.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from maou._version import __version__
from maou.cli import (
    convert,
    demo,
    doctor,
    evaluate,
    export,
    find,
    index,
    info,
    prepare,
    sample,
    train,
    verify,
)
from maou.cli.command import Parser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maou.cli.command import Command

COMMANDS: tuple[Command, ...] = (
    demo.COMMAND,
    convert.COMMAND,
    info.COMMAND,
    verify.COMMAND,
    index.COMMAND,
    find.COMMAND,
    sample.COMMAND,
    prepare.COMMAND,
    train.COMMAND,
    evaluate.COMMAND,
    export.COMMAND,
    doctor.COMMAND,
)
"""Every command that works, in the order of `maou --help`."""


def build_parser() -> Parser:
    """Make the parser of the whole command line."""
    parser = Parser(
        prog="maou",
        description="From shogi game records to a shogi AI.",
        epilog="`maou COMMAND --help` tells more.",
        example="maou demo",
    )
    parser.add_argument("--version", action="version", version=f"maou {__version__}")
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", dest="command", parser_class=Parser
    )
    for command in COMMANDS:
        command.add_to(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments without the program name, None for those of the process.

    Returns:
        The exit status.
    """
    from maou.cli.edge import run_at_edge

    parser = build_parser()
    arguments = parser.parse_args(sys.argv[1:] if argv is None else argv)
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return 2
    command = next(c for c in COMMANDS if c.name == arguments.command)
    return run_at_edge(command, arguments)
