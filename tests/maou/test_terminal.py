"""Progress and warnings: for people, and in color only where that is wanted."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from maou.cli import terminal
from maou.cli.train import TimeLeft, Watcher
from maou.train import Config

if TYPE_CHECKING:
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


START = {
    "kind": "start",
    "step": 0,
    "n_steps": 100,
    "steps_in_epoch": 100,
    "n_train": 6_400,
    "n_validation": 1_920,
    "n_weights": 10,
    "n_multiplications": 10,
    "part_size": 64,
    "world_size": 1,
    "device": "cpu",
    "data": {"path": "train"},
}


def test_the_time_left_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validations count, those that are still to come and those that have been."""
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    config = Config.from_words(["data.batch_size=64", "run.validate_steps=50"])
    watched = TimeLeft({**START, "config": config.table()})
    assert watched.seconds() is None
    now = 25.0
    watched.step(25)
    # 75 steps, and twice 30 batches of which each takes a third of a step.
    assert watched.seconds() == pytest.approx(75 + 2 * 10)
    now = 50.0
    watched.step(50)
    watched.measure()
    now = 53.0
    # Three seconds were half of it.
    assert watched.seconds(0.5) == pytest.approx(50 + 3 + 10)
    now = 56.0
    watched.measured()
    assert watched.seconds() == pytest.approx(50 + 6)
    now = 105.9
    watched.step(99)
    assert watched.seconds() == pytest.approx(49.9 / 99 + 50 / 99 + 6, abs=1)
    now = 106.0
    watched.step(100)
    watched.measure()
    assert watched.seconds() == pytest.approx(6)
    assert watched.seconds(0.01) == pytest.approx(0)


def test_a_run_that_ends_while_its_rate_rises_is_warned_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = Config.from_words(["optimizer.warmup_steps=101"]).table()
    Watcher()({**START, "config": config})
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("warning: the learning rate rises over 101 steps, and the")
    assert told.endswith("or `--set optimizer.warmup_steps=10`")
    for fine in (
        {**START, "n_steps": 101, "config": config},
        # What is resumed has its options.
        {**START, "step": 50, "config": config},
    ):
        Watcher()(fine)
        assert "warning" not in capsys.readouterr().err


def test_no_time_left_is_told_before_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    config = Config.from_words(["data.batch_size=64"])
    watcher = Watcher()
    start = {**START, "n_validation": 0, "config": config.table()}
    watcher(start)
    for step in (99, 100):
        now = step / 1000
        watcher({"kind": "step", "step": step, "positions_per_s": 64_000.0})
        event = {"kind": "train", "step": step, "lr": 0.1, "positions_per_s": 64_000.0}
        watcher(event)
    *_, before, last = capsys.readouterr().err.splitlines()
    assert before.endswith("64,000 positions/s  1 s left")
    assert last.endswith("64,000 positions/s")


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
