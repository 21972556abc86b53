"""`maou convert`, through the real command: what works, and every kind of bad input."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from maou_rust import maou_shogi

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

GAME = "V2.2\nN+a\nN-b\nPI\n+\n+7776FU\n-3334FU\n+2726FU\n%TORYO\n"
KIF = (
    "手合割：平手\n先手：あ\n後手：い\n手数----指手---------消費時間--\n"
    "   1 ７六歩(77)   ( 0:01/00:00:01)\n   2 ３四歩(33)   ( 0:01/00:00:01)\n"
    "   3 投了\n"
)


def info_of(maou_run: Any, data: Path) -> dict[str, Any]:
    done = maou_run("info", data, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    value = json.loads(done.stdout)
    assert isinstance(value, dict)
    return value


def test_records_become_a_dataset(maou_run: Any, records: Path, tmp_path: Path) -> None:
    out = tmp_path / "data"
    done = maou_run("convert", records, "-o", out)
    assert (done.returncode, done.stderr) == (0, "")
    first, *_, total, last = done.stdout.splitlines()
    assert first.startswith("read 60 files in ")
    assert ": 60 games, " in first
    assert first.endswith(" positions/s)")
    assert total.startswith(f"{out}: 60 games, ")
    assert last == f"no errors; next: maou info {out}"

    info = info_of(maou_run, out)
    assert info["kind"] == "dataset"
    assert (info["games"], info["errors"], info["schema_version"]) == (60, 0, 1)
    games = pl.read_ipc(out / "games-00000.feather")
    assert games["moves"].list.len().sum() == info["positions"]
    sizes = sum(file.stat().st_size for file in out.glob("games-*.feather"))
    assert info["bytes_per_ply"] == pytest.approx(sizes / info["positions"])
    assert games["source"].to_list()[0] == "000.csa"
    assert games["source"].to_list()[-1] == "older/019.kif"

    done = maou_run("verify", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(": all right\n")


def test_the_second_run_converts_nothing(
    maou_run: Any, records: Path, tmp_path: Path, snapshot: Any
) -> None:
    out = tmp_path / "data"
    assert maou_run("convert", records, "-o", out).returncode == 0
    before = snapshot(out)
    done = maou_run("convert", records, "-o", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("nothing new: 60 files read before\n")
    assert snapshot(out) == before


def test_json_report(maou_run: Any, records: Path, tmp_path: Path) -> None:
    done = maou_run("convert", records, "-o", tmp_path / "data", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["kind"] == "convert"
    assert (report["n_sources_new"], report["n_games"], report["errors"]) == (
        60,
        60,
        [],
    )
    assert report["positions_per_second"] > 0


def test_dry_run_writes_nothing(maou_run: Any, records: Path, tmp_path: Path) -> None:
    out = tmp_path / "data"
    done = maou_run("convert", records, "-o", out, "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("dry run: nothing was written\n")
    assert not out.exists()


def test_a_dry_run_tells_of_errors_that_are_there(
    maou_run: Any, tmp_path: Path
) -> None:
    folder, out = tmp_path / "in", tmp_path / "data"
    folder.mkdir()
    (folder / "a.csa").write_text(GAME)
    (folder / "b.csa").write_text("nothing\n")
    done = maou_run("convert", folder, "-o", out, "--dry-run")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{folder / 'b.csa'}:1:1: ")
    assert done.stdout.endswith("dry run: nothing was written\n")
    assert maou_run("convert", folder, "-o", out).returncode == 1
    done = maou_run("convert", folder, "-o", out, "--dry-run")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        "nothing new: 2 files read before\n"
        "dry run: nothing was written\n"
        f"1 error in its sources: maou info {out} --errors\n"
    )


@pytest.mark.parametrize("compression", ["zstd", "lz4", "none"])
def test_the_bytes_do_not_depend_on_threads(
    maou_run: Any, records: Path, tmp_path: Path, snapshot: Any, compression: str
) -> None:
    seen = []
    for threads in (1, 2, 5):
        out = tmp_path / str(threads)
        options = ("--threads", str(threads), "--compression", compression)
        assert maou_run("convert", records, "-o", out, *options).returncode == 0
        seen.append(snapshot(out))
    assert seen[0] == seen[1] == seen[2]
    assert pl.read_ipc(out / "games-00000.feather").height == 60


def test_the_bytes_do_not_depend_on_the_folder(
    maou_run: Any, records: Path, tmp_path: Path, snapshot: Any
) -> None:
    shutil.copytree(records, tmp_path / "moved")
    for n, inputs in enumerate(
        (records, tmp_path / "moved", tmp_path / "moved/../moved")
    ):
        assert maou_run("convert", inputs, "-o", tmp_path / f"out{n}").returncode == 0
    first = snapshot(tmp_path / "out0")
    assert first == snapshot(tmp_path / "out1") == snapshot(tmp_path / "out2")


BAD: dict[str, tuple[bytes, str, int, str]] = {
    # name: content, place, games kept, part of the message
    "no-record.csa": (b"once upon a time\n", ":1:1:", 0, "`once upon a time`"),
    "empty.kif": (b"", ":", 0, "empty"),
    "illegal.csa": (GAME.replace("-3334", "-3335").encode(), ":7:1:", 1, "`-3335FU`"),
    "illegal.kif": (KIF.replace("３四歩(33)", "３三歩(33)").encode(), ":6:", 1, "`"),
    "torn.csa": (GAME.encode()[:-21], ":7:1:", 1, "`-3`"),
    "wrong-encoding.csa": (GAME.encode("utf-16"), ":", 0, ""),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_record_does_not_stop_the_others(
    name: str, maou_run: Any, tmp_path: Path
) -> None:
    content, place, n_kept, part = BAD[name]
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.csa").write_text(GAME)
    (folder / name).write_bytes(content)
    (folder / "z.kif").write_text(KIF, encoding="utf-8")
    out = tmp_path / "data"
    done = maou_run("convert", folder, "-o", out)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{folder / name}{place}")
    assert part in line
    assert f": {2 + n_kept} games, " in done.stdout
    assert done.stdout.endswith(f"1 error in its sources: maou info {out} --errors\n")
    assert "\nfound 1 error, listed above\n" in done.stdout

    again = maou_run("convert", folder, "-o", out)
    assert again.returncode == 1
    assert again.stderr == ""
    assert again.stdout.startswith("nothing new")

    listed = maou_run("info", out, "--errors")
    assert listed.returncode == 0
    assert f"  {line.removeprefix(f'{folder}/')}\n" in listed.stdout
    assert maou_run("verify", out).returncode == 0


def test_strict_stops_at_the_first_bad_record(maou_run: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csa"
    bad.write_text(GAME.replace("+2726FU", "+2725FU"))
    done = maou_run("convert", bad, "-o", tmp_path / "data", "--strict")
    assert done.returncode == 1
    assert done.stdout == ""
    first, last = done.stderr.splitlines()
    assert first.startswith(f"{bad}:8:1: expected ")
    assert last == "stopped at the first error (--strict): nothing was written"
    assert list(tmp_path.iterdir()) == [bad]


def test_strict_leaves_a_dataset_as_it_was(maou_run: Any, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "data"
    folder.mkdir()
    (folder / "a.csa").write_text(GAME)
    assert maou_run("convert", folder, "-o", out).returncode == 0
    (folder / "b.csa").write_text("nothing\n")
    done = maou_run("convert", folder, "-o", out, "--strict")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[1] == (
        "stopped at the first error (--strict):"
        f" {out} is not brought up to date, it holds 1 game"
    )
    assert info_of(maou_run, out)["games"] == 1
    done = maou_run("convert", folder, "-o", out)
    assert done.returncode == 1
    assert ": 0 games, 0 positions\n" in done.stdout
    assert info_of(maou_run, out)["errors"] == 1


def test_many_errors_are_cut_short(maou_run: Any, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "data"
    folder.mkdir()
    for n in range(25):
        (folder / f"{n:02}.csa").write_text("nothing\n")
    (folder / "good.csa").write_text(GAME)
    done = maou_run("convert", folder, "-o", out)
    assert done.returncode == 1
    *lines, more = done.stderr.splitlines()
    assert len(lines) == 10
    assert more == f"and 15 more: maou info {out} --errors"
    assert "\nfound 25 errors, the first 10 above\n" in done.stdout
    listed = maou_run("info", out, "--errors").stdout
    assert listed.startswith("not_a_record: 25 errors\n")
    assert len(listed.splitlines()) == 26


def usage_error(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("maou convert: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_inputs_that_cannot_be_used(maou_run: Any, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    out = tmp_path / "data"
    message = usage_error(maou_run("convert", empty, "-o", out))
    assert f"{empty}: expected game records, found no files" in message
    (empty / "a.csa").write_text("nothing\n")
    message = usage_error(maou_run("convert", empty, "-o", out))
    assert f"{empty}: expected game records, found none in 1 file" in message
    assert f"{empty / 'a.csa'}:1:1: expected a game record" in message
    message = usage_error(maou_run("convert", tmp_path / "gone", "-o", out))
    assert f"{tmp_path / 'gone'}: " in message
    assert not out.exists()


def test_an_output_that_is_a_file(maou_run: Any, records: Path, tmp_path: Path) -> None:
    out = tmp_path / "data"
    out.write_text("mine")
    message = usage_error(maou_run("convert", records, "-o", out))
    assert str(out) in message
    assert out.read_text() == "mine"


def test_arguments_that_cannot_be_used(maou_run: Any, tmp_path: Path) -> None:
    for arguments in (
        ["convert"],
        ["convert", "x"],
        ["convert", "x", "-o", ""],
        ["convert", "", "-o", "y"],
        ["info", ""],
        *(
            [*command, "--threads", number]
            for command in (["convert", "x", "-o", "y"], ["verify", "x"])
            for number in ("-1", "abc", "1025", "9" * 20, "9" * 5000, "²")
        ),
        ["convert", "x", "-o", "y", "--compression", "gzip"],
        ["converts"],
    ):
        done = maou_run(*arguments, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert "error: " in done.stderr
        assert "Traceback" not in done.stderr


def test_unknown_options_are_answered_with_the_usage_of_the_command(
    maou_run: Any,
) -> None:
    done = maou_run("convert", "x", "-o", "y", "--fast")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: maou convert ")
    last = "maou convert: error: unrecognized arguments: --fast\n"
    assert done.stderr.endswith(last)


def test_commands_that_are_named_can_be_copied(maou_run: Any, tmp_path: Path) -> None:
    out = tmp_path / "my data"
    (tmp_path / "my game.csa").write_text(GAME)
    done = maou_run("convert", tmp_path / "my game.csa", "-o", out)
    assert done.stdout.endswith(f"; next: maou info '{out}'\n")
    done = maou_run("info", out / "errors.jsonl")
    assert done.stderr.endswith(f": maou info '{out}'\n")


def without_privileges(command: list[str]) -> list[str]:
    """Make root obey file permissions, as everybody else has to."""
    if os.geteuid() != 0:
        return command
    caps = "-dac_override,-dac_read_search"
    return ["setpriv", "--bounding-set", caps, "--inh-caps", caps, *command]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX systems")
def test_missing_permissions(
    maou_command: str, maou_run: Any, tmp_path: Path, records: Path
) -> None:
    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = without_privileges([maou_command, *map(str, arguments)])
        return subprocess.run(
            command, capture_output=True, encoding="utf-8", check=False
        )

    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.csa").write_text(GAME)
    (folder / "b.csa").write_text(GAME)
    (folder / "a.csa").chmod(0)
    done = run("convert", folder, "-o", tmp_path / "data")
    assert done.returncode == 1
    assert done.stderr == f"{folder / 'a.csa'}: permission denied\n"
    assert ": 1 game, " in done.stdout
    (folder / "a.csa").chmod(stat.S_IRUSR)
    done = run("convert", folder, "-o", tmp_path / "data")
    assert done.returncode == 0, done.stdout + done.stderr

    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    message = usage_error(run("convert", records, "-o", closed / "data"))
    assert str(closed) in message
    assert message.lower().endswith("permission denied\n")
    closed.chmod(0o700)


@pytest.mark.skipif(sys.platform == "win32", reason="ulimit")
def test_a_full_disk(
    maou_command: str, maou_run: Any, records: Path, tmp_path: Path, snapshot: Any
) -> None:
    out = tmp_path / "data"
    # A limit on the size of files: writing fails as on a full disk.
    limited = f"ulimit -f 4; exec {maou_command} convert {records} -o {out}"
    done = subprocess.run(
        ["bash", "-c", limited], capture_output=True, encoding="utf-8", check=False
    )
    message = usage_error(done)
    assert str(out) in message
    assert message.endswith(": file too large\n")
    assert list(out.glob("games-*.feather")) == []
    assert maou_run("convert", records, "-o", out).returncode == 0
    assert maou_run("convert", records, "-o", tmp_path / "other").returncode == 0
    assert snapshot(out) == snapshot(tmp_path / "other")


def test_changed_and_vanished_sources(
    maou_run: Any, records: Path, tmp_path: Path
) -> None:
    folder, out = tmp_path / "in", tmp_path / "data"
    shutil.copytree(records, folder)
    assert maou_run("convert", folder, "-o", out).returncode == 0
    (folder / "000.csa").write_text(GAME)
    (folder / "001.csa").unlink()
    done = maou_run("convert", folder, "-o", out)
    assert done.returncode == 0
    assert "read 1 changed file again\n" in done.stdout
    assert "kept the games of 1 source that vanished (001.csa)" in done.stdout
    assert info_of(maou_run, out)["games"] == 60
    done = maou_run("convert", folder, "-o", out, "--prune", "--dry-run")
    assert done.returncode == 0
    assert "would remove the games of 1 source\n" in done.stdout
    assert info_of(maou_run, out)["games"] == 60
    done = maou_run("convert", folder, "-o", out, "--prune")
    assert done.returncode == 0
    assert "removed the games of 1 source\n" in done.stdout
    assert info_of(maou_run, out)["games"] == 59
    assert maou_run("verify", out).returncode == 0


def test_duplicates_are_kept_and_counted(maou_run: Any, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "data"
    folder.mkdir()
    for name in ("a.csa", "b.csa", "c.csa"):
        (folder / name).write_text(GAME)
    done = maou_run("convert", folder, "-o", out)
    assert done.returncode == 0
    assert "2 duplicate games" in done.stdout
    assert info_of(maou_run, out)["duplicate_games"] == 2


def test_results_that_contradict_the_evals_are_warned_about(
    maou_run: Any, tmp_path: Path
) -> None:
    def turned(match: re.Match[str]) -> str:
        return f"'** {-int(match[1])}"

    folder = tmp_path / "in"
    folder.mkdir()
    for n, text in enumerate(maou_shogi.generate(60, seed=11, format="csa")):
        wrong = re.sub(r"'\*\* (-?\d+)", turned, text.decode())
        (folder / f"{n:02}.csa").write_text(wrong)
    done = maou_run("convert", folder, "-o", tmp_path / "data")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("warning: ")
    assert "eval" in line
    report = maou_run("convert", folder, "-o", tmp_path / "other", "--json")
    assert len(json.loads(report.stdout)["warnings"]) == 1
