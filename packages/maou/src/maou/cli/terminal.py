"""Progress and color, only where somebody looks at a terminal."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from maou.cli.text import duration, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from typing import TypeVar

    from maou_rust.maou_io import Progress

    Line = TypeVar("Line")


def is_terminal() -> bool:
    """Whether stderr is a terminal that can rewrite a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def warning(text: str) -> None:
    """Write a warning to stderr, yellow where that is wanted."""
    label = "warning:"
    if is_terminal() and not os.environ.get("NO_COLOR"):
        label = f"\033[33m{label}\033[0m"
    print(f"{label} {printable(text)}", file=sys.stderr)


class ProgressLine:
    """A line on the terminal with rate and time left."""

    def __init__(self) -> None:
        """Start the clock."""
        self._start = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        """Rewrite the line."""
        columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        line = self.line(progress)[: columns - 1]
        print(f"\r{line}\033[K", end="", file=sys.stderr, flush=True)

    def line(self, progress: Progress) -> str:
        """Compose the line."""
        seconds = time.monotonic() - self._start
        total, done = progress["bytes"], progress["bytes_done"]
        share = done / total if total else 0.0
        words = [
            f"{share:4.0%}",
            f"{progress['n_sources_done']:,}/{progress['n_sources']:,} files",
            f"{progress['n_games']:,} games",
        ]
        if progress["n_errors"]:
            words.append(f"{progress['n_errors']:,} errors")
        if seconds > 0.5:
            words.append(f"{progress['n_positions'] / seconds:,.0f} positions/s")
            if share > 0:
                words.append(f"{duration(round(seconds / share - seconds))} left")
        return "  ".join(words)


@contextmanager
def shown(make_line: Callable[[], Line]) -> Iterator[Line | None]:
    """Show a line of progress while the block runs; None where nobody looks."""
    if not is_terminal():
        yield None
        return
    try:
        yield make_line()
    finally:
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def progress_line() -> AbstractContextManager[ProgressLine | None]:
    """Show progress while the block runs; None where nobody looks."""
    return shown(ProgressLine)
