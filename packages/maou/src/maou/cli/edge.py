"""The edge of the process: here errors become one sentence and an exit status."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from maou_rust import DatasetError, RecordError

from maou._extras import EXTRAS, how_to_get
from maou.cli.text import printable

if TYPE_CHECKING:
    import argparse
    from typing import TextIO

    from maou.cli.command import Command

FINE, PROBLEMS, UNUSABLE, INTERRUPTED, CLOSED_PIPE = 0, 1, 2, 130, 141


def run_at_edge(command: Command, arguments: argparse.Namespace) -> int:
    """Run a command, and turn what it raises into a message and an exit status."""
    _prepare_streams()
    try:
        status = command.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        return _quiet_on_closed_pipe()
    except KeyboardInterrupt:
        _say(command.when_interrupted)
        return INTERRUPTED
    except RecordError as error:
        _say(str(error))
        return PROBLEMS
    except (DatasetError, OSError, ModuleNotFoundError) as error:
        _say(f"maou {command.name}: {_sentence(error)}")
        _let_go(sys.stdout)
        return UNUSABLE
    return status


def _prepare_streams() -> None:
    """Make writing to both streams possible, whatever the shell made of them."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Names of players are in any script, and the terminal may be ASCII.
            stream.reconfigure(errors="backslashreplace")


def _say(message: str) -> None:
    try:
        print(printable(message), file=sys.stderr, flush=True)
    except OSError:
        _let_go(sys.stderr)


def _sentence(error: Exception) -> str:
    """Name the culprit and what is wrong with it; what is not expected stays raised."""
    if isinstance(error, ModuleNotFoundError):
        package = (error.name or "").partition(".")[0]
        if package in EXTRAS:
            return how_to_get(package)
        if package != "polars":
            raise error
        return "needs polars: `pip install polars`"
    if not isinstance(error, OSError):
        return str(error)
    if error.strerror is None:
        return str(error)
    reason = f"{error.strerror[:1].lower()}{error.strerror[1:]}"
    # Whatever works with files names them: only stdout has no name.
    culprit = "stdout" if error.filename is None else os.fsdecode(error.filename)
    return f"{culprit}: {reason}"


def _quiet_on_closed_pipe() -> int:
    """Let nothing more be written to pipes that nobody reads."""
    _let_go(sys.stdout)
    _let_go(sys.stderr)
    return CLOSED_PIPE


def _let_go(stream: TextIO) -> None:
    """Point a stream that cannot be written to nowhere."""
    try:
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
