"""Progress and warnings: for people, and in color only where that is wanted."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from maou.cli import terminal

if TYPE_CHECKING:
    import pytest
    from maou_rust.maou_io import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_screen(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make stderr a terminal; no fixture, after which pytest would take it back."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return screen


PROGRESS: Progress = {
    "n_sources_done": 3,
    "n_sources": 12,
    "bytes_done": 250,
    "bytes": 1000,
    "n_games": 4_000,
    "n_positions": 400_000,
    "n_errors": 2,
}


def test_the_line_has_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 104.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    line = terminal.ProgressLine().line(PROGRESS)
    assert line == (
        " 25%  3/12 files  4,000 games  2 errors  100,000 positions/s  12 s left"
    )


def test_the_line_starts_without_a_rate() -> None:
    nothing: Progress = {**PROGRESS, "bytes": 0, "bytes_done": 0, "n_errors": 0}
    line = terminal.ProgressLine().line(nothing)
    assert line == "  0%  3/12 files  4,000 games"


def test_warnings_are_colored_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = on_a_screen(monkeypatch)
    terminal.warning("x")
    assert screen.getvalue() == "\033[33mwarning:\033[0m x\n"
    monkeypatch.setenv("NO_COLOR", "1")
    terminal.warning("y")
    assert screen.getvalue().endswith("\nwarning: y\n")


def test_no_progress_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_screen(monkeypatch)
    with terminal.progress_line() as line:
        assert line is not None
    monkeypatch.setenv("TERM", "dumb")
    with terminal.progress_line() as line:
        assert line is None
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with terminal.progress_line() as line:
        assert line is None
