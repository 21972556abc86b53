"""The edge of the process: here errors become one sentence and an exit status."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from maou_rust import DatasetError, RecordError

from maou.cli.text import printable

if TYPE_CHECKING:
    import argparse

    from maou.cli.command import Command

FINE, PROBLEMS, UNUSABLE, INTERRUPTED, CLOSED_PIPE = 0, 1, 2, 130, 141


def run_at_edge(command: Command, arguments: argparse.Namespace) -> int:
    """Run a command, and turn what it raises into a message and an exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Names of players are in any script, and the terminal may be ASCII.
            stream.reconfigure(errors="backslashreplace")
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
        return UNUSABLE
    return status


def _say(message: str) -> None:
    try:
        print(printable(message), file=sys.stderr, flush=True)
    except BrokenPipeError:
        _quiet_on_closed_pipe()


def _sentence(error: Exception) -> str:
    """Name the culprit and what is wrong with it; what is not expected stays raised."""
    if isinstance(error, ModuleNotFoundError):
        if error.name != "polars":
            raise error
        return "needs polars: `pip install polars`"
    if not isinstance(error, OSError):
        return str(error)
    reason = error.strerror or str(error)
    if error.filename is None:
        return reason
    return f"{os.fsdecode(error.filename)}: {reason[:1].lower()}{reason[1:]}"


def _quiet_on_closed_pipe() -> int:
    """Let nothing more be written to pipes that nobody reads."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())
    return CLOSED_PIPE
