"""`info`, `verify`, `demo`, `doctor` and the options of the whole command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

import maou

pytestmark = pytest.mark.e2e

DOCS = Path(__file__).resolve().parents[2] / "docs"

BAD = "PI\n+\n+7776FU\n-7776FU\n"


def test_version(maou_run: Any) -> None:
    done = maou_run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        f"maou {maou.__version__}\n",
        "",
    )


def test_info_of_a_dataset(maou_run: Any, dataset: Path) -> None:
    done = maou_run("info", dataset)
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("dataset", "games", "positions", "results", "errors", "size"):
        assert f"\n{name} " in f"\n{done.stdout}"
    info = json.loads(maou_run("info", dataset, "--json").stdout)
    assert f"positions  {info['positions']:,}\n" in done.stdout
    assert sum(info["results"].values()) == info["games"] == 60
    assert sum(info["endings"].values()) == 60
    listed = maou_run("info", dataset, "--errors")
    assert (listed.returncode, listed.stdout) == (0, "no errors\n")
    as_json = json.loads(maou_run("info", dataset, "--errors", "--json").stdout)
    assert as_json["error_list"] == []


def test_info_of_a_folder_of_datasets(maou_run: Any, dataset: Path) -> None:
    done = maou_run("info", dataset.parent)
    assert (done.returncode, done.stderr) == (0, "")
    header, row = done.stdout.splitlines()
    assert header.split() == ["dataset", "games", "positions", "size"]
    assert row.split()[1] == "60"
    found = json.loads(maou_run("info", dataset.parent, "--json").stdout)
    assert found["kind"] == "folder"
    assert [entry["games"] for entry in found["datasets"]] == [60]


def test_info_of_a_record(maou_run: Any, records: Path, tmp_path: Path) -> None:
    done = maou_run("info", records / "000.csa")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2
    value = json.loads(maou_run("info", records / "000.csa", "--json").stdout)
    assert (value["kind"], value["format"], value["games"]) == ("record", "csa", 1)
    bad = tmp_path / "bad.csa"
    bad.write_text(BAD)
    done = maou_run("info", bad)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{bad}:4:1: expected ")
    assert len(done.stdout.splitlines()) == 2


def test_info_of_what_it_cannot_use(
    maou_run: Any, tmp_path: Path, dataset: Path
) -> None:
    for arguments, part in (
        ((tmp_path / "gone",), "gone"),
        ((tmp_path,), "expected a dataset at or below it, found none"),
        ((), "expected a PATH"),
        ((dataset / "games-00000.feather",), f"maou info {dataset}"),
        (("/dev/zero",), "/dev/zero: expected a regular file, found a pipe, a "),
    ):
        if arguments == ("/dev/zero",) and sys.platform == "win32":
            continue
        done = maou_run("info", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("maou info: ")
        assert part in done.stderr


def test_schema(maou_run: Any) -> None:
    done = maou_run("info", "--schema")
    assert (done.returncode, done.stderr) == (0, "")
    columns = json.loads(maou_run("info", "--schema", "--json").stdout)
    assert [c["name"] for c in columns][:3] == ["id", "start", "moves"]
    for column in columns:
        assert column["meaning"] in done.stdout


def test_verify_finds_a_changed_byte(
    maou_run: Any, records: Path, tmp_path: Path
) -> None:
    out = tmp_path / "data"
    assert maou_run("convert", records, "-o", out).returncode == 0
    games = out / "games-00000.feather"
    content = bytearray(games.read_bytes())
    content[len(content) // 2] ^= 0x10
    games.write_bytes(content)
    done = maou_run("verify", out)
    assert done.returncode == 1
    assert done.stdout.startswith("games-00000.feather")
    report = json.loads(maou_run("verify", out, "--json").stdout)
    assert report["n_problems"] >= 1
    done = maou_run("verify", tmp_path / "gone")
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_stdout_that_takes_nothing(
    unbuffered: str, maou_command: str, dataset: Path
) -> None:
    env = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [maou_command, "info", dataset],
            stdout=full,
            stderr=subprocess.PIPE,
            env=env,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == b"maou info: stdout: no space left on device\n"
    for closed in (">&-", ">&- 2>&-"):
        script = f'"$0" info "$1" {closed}'
        done = subprocess.run(
            ["bash", "-c", script, maou_command, dataset],
            stderr=subprocess.PIPE,
            env=env,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")


def test_a_rate_needs_a_thousand_plies(
    maou_run: Any, dataset: Path, tmp_path: Path
) -> None:
    record, out = tmp_path / "a.csa", tmp_path / "data"
    record.write_text("PI\n+\n+7776FU\n%TORYO\n")
    assert maou_run("convert", record, "-o", out).returncode == 0
    lines = maou_run("info", out).stdout.splitlines()
    (line,) = (line for line in lines if line.startswith("size "))
    assert line.endswith(" in 1 games file, zstd")
    assert " bytes a ply, zstd\n" in maou_run("info", dataset).stdout
    assert json.loads(maou_run("info", out, "--json").stdout)["bytes_per_ply"] > 1000


def test_demo_twice(maou_run: Any, tmp_path: Path) -> None:
    first = maou_run("demo", cwd=tmp_path)
    assert (first.returncode, first.stderr) == (0, "")
    folder = tmp_path / "maou-demo"
    assert ET.parse(folder / "board.svg").getroot().tag.endswith("svg")
    assert (folder / "data/games-00000.feather").is_file()
    assert "def win_rate_by_eval" in first.stdout
    assert "What to try next" in first.stdout
    page = (DOCS / "commands/demo.md").read_text(encoding="utf-8")
    assert page.split("```\n")[2] in first.stdout
    second = maou_run("demo", cwd=tmp_path)
    assert (second.returncode, second.stderr) == (0, "")
    assert "nothing new" in second.stdout
    assert first.stdout.split("\n2. ")[1] == second.stdout.split("\n2. ")[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["maou-demo"]


def test_demo_elsewhere(maou_run: Any, tmp_path: Path) -> None:
    assert maou_run("demo", "-o", "a/b", cwd=tmp_path).returncode == 0
    assert (tmp_path / "a/b/board.svg").is_file()
    (tmp_path / "file").write_text("mine")
    done = maou_run("demo", "-o", "file", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("maou demo: ")
    assert done.stderr.count("\n") == 1


def test_doctor(maou_run: Any) -> None:
    done = maou_run("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("\nall that is needed works\n")
    report = json.loads(maou_run("doctor", "--json").stdout)
    assert report["ok"] is True
    found = {check["name"]: check["found"] for check in report["checks"]}
    assert found["maou"] == maou.__version__
    assert found["maou-rust"].endswith("interface 5")
    assert {"profile", "cpu features", "python", "polars", "torch"} <= set(found)


RED = "\x1b[31m\x9b\x7f\n"
ESCAPED = r"\x1b[31m\x9b\x7f\x0a"


def test_control_characters_of_data_do_not_reach_the_terminal(
    maou_run: Any, tmp_path: Path
) -> None:
    folder, out = tmp_path / f"in{RED}", tmp_path / f"out{RED}"
    folder.mkdir()
    game = folder / f"a{RED}.csa"
    game.write_text(f"N+{RED[:-1]}\nPI\n+\n+7776FU\n%TORYO\n", encoding="utf-8")
    (folder / f"b{RED}.csa").write_text(f"{RED[:-1]}\n", encoding="utf-8")
    bad = f"{tmp_path}/in{ESCAPED}/b{ESCAPED}.csa:1:1: expected "
    shown = maou_run("info", game)
    assert ESCAPED[:-4] in shown.stdout
    listed = json.loads(maou_run("info", game, "--json").stdout)["game_list"]
    assert listed[0]["black"] == RED[:-1]
    converted = maou_run("convert", folder, "-o", out)
    assert converted.stderr.startswith(bad)
    assert converted.stderr.count("\n") == 1
    dropped = maou_run("convert", folder / game, "-o", out)
    assert f"(b{ESCAPED}.csa)" in dropped.stdout
    for done in [shown, converted, dropped] + [
        maou_run(*arguments)
        for arguments in (
            ("info", out),
            ("info", out, "--errors"),
            ("info", folder),
            ("info", tmp_path),
            ("info", folder / RED),
            ("info", RED, RED),
            ("convert", folder, "-o", tmp_path / f"strict{RED}", "--strict"),
            ("verify", out),
            ("demo", "-o", tmp_path / f"demo{RED}"),
        )
    ]:
        text = (done.stdout + done.stderr).replace("\n", "")
        assert done.returncode in {0, 1, 2}
        assert text.isprintable(), done.args
        assert r"\x1b[31m\x9b\x7f" in text, done.args


def test_a_long_header_field_takes_no_time(maou_run: Any, tmp_path: Path) -> None:
    record = tmp_path / "long.csa"
    record.write_text(f"N+{'x' * 10_000_000}\nPI\n+\n+7776FU\n%TORYO\n")
    start = time.monotonic()
    done = maou_run("info", record)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout) < 300
    assert time.monotonic() - start < 20
