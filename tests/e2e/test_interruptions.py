"""Kill, Ctrl-C, a closed pipe, two runs at once: nothing is lost or torn."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

if sys.platform != "win32":
    import pty
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        sys.platform == "win32", reason="signals and terminals of POSIX systems"
    ),
]


def start(*command: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def wait_for(path: Path) -> None:
    for _ in range(10_000):
        if path.exists():
            return
        time.sleep(0.001)
    pytest.fail(f"expected {path} within 10 s")


@pytest.mark.parametrize("seed", range(10))
def test_kill_at_random_points_and_go_on(
    seed: int, check_kills: Callable[[int], None]
) -> None:
    check_kills(seed)


def test_kill_the_real_command(
    many_records: Path, tmp_path: Path, maou_command: str, maou_run: Any, snapshot: Any
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "data"
    begun = time.monotonic()
    assert maou_run("convert", many_records, "-o", whole).returncode == 0
    seconds = time.monotonic() - begun
    for share in (0.3, 0.6, 0.9):
        process = start(maou_command, "convert", many_records, "-o", out)
        time.sleep(share * seconds)
        process.kill()
        process.communicate()
    assert maou_run("convert", many_records, "-o", out).returncode == 0
    assert snapshot(out) == snapshot(whole)


def test_ctrl_c_leaves_what_the_next_run_completes(
    many_records: Path, tmp_path: Path, maou_command: str, maou_run: Any
) -> None:
    out = tmp_path / "data"
    process = start(maou_command, "convert", many_records, "-o", out)
    wait_for(out / "games-00000.feather")
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == ""
    assert stderr == (
        "interrupted: nothing is lost, the same command goes on from here\n"
    )
    assert "\nunfinished: " in maou_run("info", out).stdout
    assert maou_run("convert", many_records, "-o", out).returncode == 0
    assert "unfinished" not in maou_run("info", out).stdout


def test_two_runs_on_one_output(
    many_records: Path, records: Path, tmp_path: Path, maou_command: str, maou_run: Any
) -> None:
    out = tmp_path / "data"
    first = start(maou_command, "convert", many_records, "-o", out)
    wait_for(out / ".lock")
    while not (out / ".lock").read_text():
        assert first.poll() is None
    os.kill(first.pid, signal.SIGSTOP)
    try:
        second = maou_run("convert", records, "-o", out)
    finally:
        os.kill(first.pid, signal.SIGCONT)
    stdout, stderr = first.communicate(timeout=120)
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr == (
        f"maou convert: {out}: process {first.pid} is writing into this dataset;"
        " wait until it has finished\n"
    )
    assert (first.returncode, stderr) == (0, "")
    assert f"{out}: " in stdout


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--help"], 0),  # argparse, which prints it, does not mind
        (["info", "--schema"], 141),
        (["info", "{dataset}"], 141),
        (["convert", "{records}", "-o", "{tmp}"], 141),
        (["doctor"], 141),
    ],
)
def test_a_closed_pipe_is_no_drama(
    arguments: list[str],
    status: int,
    maou_command: str,
    dataset: Path,
    records: Path,
    tmp_path: Path,
) -> None:
    places = {"dataset": dataset, "records": records, "tmp": tmp_path}
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [maou_command, *(word.format_map(places) for word in arguments)],
        stdout=writer,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    os.close(writer)
    assert done.stderr == ""
    assert done.returncode == status


def on_a_terminal(command: list[str], env: dict[str, str]) -> str:
    """What a command writes to stderr when that is a terminal."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=follower, env={**os.environ, **env}
    )
    os.close(follower)
    seen = b""
    while True:
        try:
            chunk = os.read(leader, 4096)
        except OSError:  # how Linux tells that the other side is closed
            break
        if not chunk:
            break
        seen += chunk
    os.close(leader)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    return seen.decode()


def test_progress_is_for_terminals(
    many_records: Path, tmp_path: Path, maou_command: str
) -> None:
    command = [maou_command, "convert", str(many_records), "-o"]
    seen = on_a_terminal([*command, str(tmp_path / "a")], {"TERM": "xterm"})
    assert "% " in seen
    assert " games" in seen
    assert seen.endswith("\r\033[K")
    dumb = on_a_terminal([*command, str(tmp_path / "b")], {"TERM": "dumb"})
    assert dumb == ""
