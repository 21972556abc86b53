"""What a command is, and a parser whose help starts with an example."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from maou.cli.ranges import joined
from maou.cli.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


MAX_THREADS = 1024
MAX_EVAL_CP = 32_767


class Parser(argparse.ArgumentParser):
    """A parser whose help starts with an example."""

    def __init__(self, *, example: str = "", **options: Any) -> None:
        """Make a parser.

        Args:
            example: Command lines that work as they stand.
            options: Those of `argparse.ArgumentParser`.
        """
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**options)
        self._example = example

    def format_help(self) -> str:
        """Write the help, the example first."""
        lines = "".join(f"  {line}\n" for line in self._example.splitlines())
        return f"example:\n{lines}\n{super().format_help()}"

    def parse_known_args(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        namespace: argparse.Namespace | None = None,
    ) -> tuple[argparse.Namespace, list[str]]:
        """Take ranges such as `-200..200` for what they are.

        Unknown arguments are refused with the usage of the command they stand at.
        """
        told = sys.argv[1:] if args is None else args
        parsed, unknown = super().parse_known_args(joined(told), namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        """End with the usage and a message, in which arguments may be quoted."""
        super().error(printable(message))


class Command(NamedTuple):
    """One command: its texts, its arguments, and what it does."""

    name: str
    summary: str
    """One line, for `maou --help`."""
    description: str
    example: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    """Does the work and returns the exit status."""
    when_interrupted: str = "interrupted"
    """What Ctrl-C is answered with."""

    def add_to(self, commands: argparse._SubParsersAction[Parser]) -> None:
        """Add the command to the parser of the whole command line."""
        parser = commands.add_parser(
            self.name,
            help=self.summary,
            description=self.description,
            example=self.example,
        )
        self.add_arguments(parser)


def path_text(text: str) -> str:
    """Parse a path; an empty one, as from an unset variable, is none."""
    if not text:
        raise argparse.ArgumentTypeError("expected a path, found ``")
    return text


def positive(text: str) -> int:
    """Parse a number from 1."""
    is_number = text.isascii() and text.isdigit() and len(text) < 16
    if not is_number or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, found `{text}`")
    return int(text)


def number(text: str) -> int:
    """Parse a number from 0."""
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise argparse.ArgumentTypeError(f"expected a number from 0, found `{text}`")
    return int(text)


def eval_cp(text: str) -> int:
    """Parse an eval, as 16 bits hold it."""
    digits = text.removeprefix("-")
    is_number = digits.isascii() and digits.isdigit() and len(digits) < 16
    if not is_number or abs(int(text)) > MAX_EVAL_CP:
        raise argparse.ArgumentTypeError(
            f"expected centipawns, -{MAX_EVAL_CP} to {MAX_EVAL_CP}, found `{text}`"
        )
    return int(text)


UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def size_bytes(text: str) -> int:
    """Parse a size in bytes, such as `50GB`."""
    digits = text.rstrip("kKMGTBb")
    unit = UNITS.get(text[len(digits) :].upper())
    is_number = digits.isascii() and digits.isdigit() and len(digits) < 16
    if unit is None or not is_number:
        raise argparse.ArgumentTypeError(
            f"expected a size such as 500MB or 50GB, found `{text}`"
        )
    return int(digits) * unit


def n_threads(text: str) -> int:
    """Parse a number of threads, 0 for one per core."""
    # More digits than any machine has threads: `int` is not asked to read them.
    is_number = text.isascii() and text.isdigit() and len(text) < 10
    if not is_number or int(text) > MAX_THREADS:
        raise argparse.ArgumentTypeError(
            f"expected a number of threads, 0 (one per core) to {MAX_THREADS},"
            f" found `{text}`"
        )
    return int(text)
