"""`maou convert --to`: records as records of another format."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

import maou

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

GAME = "V2.2\nN+a\nN-b\nPI\n+\n+7776FU\n-3334FU\n+2726FU\n%TORYO\n"
USI = "position startpos moves 7g7f 3c3d 2g2f\n"
FORMATS = ("csa", "kif", "ki2", "jkf", "usi", "sfen")


def lines_of(path: Path) -> list[list[str]]:
    return [game.usi_moves for game in maou.read_games(path)]


def test_stdout_holds_the_text_alone(maou_run: Any, tmp_path: Path) -> None:
    path = tmp_path / "game.csa"
    path.write_text(GAME)
    for out in ([], ["-o", "-"]):
        done = maou_run("convert", path, "--to", "usi", *out)
        assert done.returncode == 0
        assert done.stdout.startswith("position ")
        assert done.stdout.endswith(" moves 7g7f 3c3d 2g2f\n")
        assert done.stdout.count("\n") == 1
        assert done.stderr.startswith("usi has no place for: ")
        assert done.stderr.endswith("; left out\n")


@pytest.mark.parametrize("name", FORMATS)
def test_a_tree_mirrors_the_inputs(
    name: str, maou_run: Any, records: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = maou_run("convert", records, "--to", name, "-o", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("wrote 60 games of 60 sources in ")
    assert f": 60 files in {out}\n" in done.stdout
    files = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    wanted = [p for p in records.rglob("*") if p.is_file()]
    assert files == {
        p.relative_to(records).with_suffix(f".{name}").as_posix() for p in wanted
    }
    if name != "sfen":
        for path in wanted:
            written = out / path.relative_to(records).with_suffix(f".{name}")
            assert lines_of(written) == lines_of(path)
    done = maou_run("convert", records, "--to", name, "-o", out)
    assert ": 0 files in " in done.stdout
    assert ", 60 files as before\n" in done.stdout


@pytest.mark.parametrize("name", FORMATS)
def test_many_games_in_one_file_and_apart_again(
    name: str, maou_run: Any, records: Path, tmp_path: Path
) -> None:
    path = tmp_path / f"all.{name}"
    done = maou_run("convert", records, "--to", name, "-o", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(maou.read_games(path)) == 60
    done = maou_run("convert", path, "--to", "usi", "-o", tmp_path / "apart")
    assert done.returncode == 0
    files = sorted(file.name for file in (tmp_path / "apart").iterdir())
    assert files == sorted(f"all-{n}.usi" for n in range(1, 61))


def test_from_datasets_and_archives(
    maou_run: Any, records: Path, dataset: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in records.rglob("*.csa"):
            zipped.write(path, path.name)
    done = maou_run("convert", archive, "--to", "kif", "-o", tmp_path / "out")
    assert done.returncode == 0
    assert (tmp_path / "out/a.zip/000.kif").is_file()
    done = maou_run("convert", dataset, "--to", "csa", "-o", tmp_path / "out2")
    assert done.returncode == 0
    assert lines_of(tmp_path / "out2/older/003.csa") == lines_of(
        records / "older/003.kif"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "shift_jis", "euc-jp"])
def test_encodings(encoding: str, maou_run: Any, tmp_path: Path) -> None:
    path, out = tmp_path / "game.csa", tmp_path / "game.kif"
    path.write_text(GAME.replace("N+a", "N+羽生"), encoding="utf-8")
    done = maou_run("convert", path, "--to", "kif", "-o", out, "--encoding", encoding)
    assert done.returncode == 0
    assert "羽生" in out.read_text(encoding=encoding)
    path.write_text(GAME.replace("N+a", "N+😀"), encoding="utf-8")
    done = maou_run(
        "convert", path, "--to", "csa", "-o", tmp_path / "x", "--encoding", "shift_jis"
    )
    assert done.returncode == 1
    assert done.stderr == (
        f"{path}: game 1: expected text that Shift_JIS can hold, found `😀`\n"
    )


def test_files_of_other_content_are_not_replaced(maou_run: Any, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    (folder / "a.csa").write_text(GAME)
    (folder / "b.csa").write_text(GAME)
    (out / "b.usi").write_text("mine")
    command = ("convert", folder, "--to", "usi", "-o", out)
    done = maou_run(*command)
    assert done.returncode == 2
    assert done.stderr == (
        f"maou convert: {out / 'b.usi'}: expected a new name, found a file with other"
        " content; --force replaces it\n"
    )
    assert sorted(path.name for path in out.iterdir()) == ["b.usi"]
    done = maou_run(*command, "--force")
    assert done.returncode == 0
    assert (out / "b.usi").read_text() == (out / "a.usi").read_text()
    (tmp_path / "one.usi").write_text("mine")
    done = maou_run("convert", folder, "--to", "usi", "-o", tmp_path / "one.usi")
    assert done.returncode == 2
    assert (tmp_path / "one.usi").read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "one.usi", "out"]


def test_two_games_of_one_name(maou_run: Any, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "a.csa").write_text(f"{GAME}/\n{GAME}")
    (folder / "a-3.csa").write_text(GAME)
    assert maou_run("convert", folder, "--to", "kif", "-o", out).returncode == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == ["a-1.kif", "a-2.kif", "a-3.kif"]
    (folder / "a-2.csa").write_text(GAME)
    done = maou_run("convert", folder, "--to", "ki2", "-o", tmp_path / "other")
    assert done.returncode == 2
    assert done.stderr == (
        f"maou convert: {tmp_path / 'other'}: expected games with different names,"
        " found that two would be `a-2.ki2`; write one file (`-o all.ki2`),"
        " or convert them apart\n"
    )
    assert not (tmp_path / "other").exists()


def test_sources_of_tables_do_not_lead_out(
    maou_run: Any, dataset: Path, tmp_path: Path
) -> None:
    import polars as pl

    games = pl.read_ipc(dataset / "games-00000.feather").head(1)
    table = tmp_path / "g.feather"
    games.with_columns(pl.lit("../../evil.csa").alias("source")).write_ipc(table)
    done = maou_run("convert", table, "--to", "csa", "-o", tmp_path / "a/b/out")
    assert done.returncode == 1
    assert done.stderr == (
        f"{table}: expected the name of a source within its input, found"
        " `../../evil.csa`\n"
    )
    assert not list(tmp_path.rglob("evil*"))


def test_errors_and_strict(maou_run: Any, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "a.csa").write_text(GAME)
    (folder / "b.csa").write_text(GAME.replace("+2726FU", "+2725FU"))
    done = maou_run("convert", folder, "--to", "usi", "-o", out, "--strict")
    assert (done.returncode, done.stdout) == (1, "")
    first, last = done.stderr.splitlines()
    assert first.startswith(f"{folder / 'b.csa'}:8:1: expected a legal move, ")
    assert last == "stopped at the first error (--strict): nothing was written"
    assert not out.exists()
    done = maou_run("convert", folder, "--to", "usi", "-o", out, "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert (report["n_games"], report["n_errors"], report["n_files"]) == (2, 1, 2)
    assert report["left_out"]["header fields"] > 0
    assert (out / "b.usi").read_text().endswith(" moves 7g7f 3c3d\n")


def test_options_without_effect_are_refused(maou_run: Any, tmp_path: Path) -> None:
    for arguments in (
        ["x", "--to", "usi", "--prune"],
        ["x", "--to", "usi", "--json"],
        ["x", "--to", "usi", "--rows-per-file", "5"],
        ["x", "--to", "usi", "--encoding", "euc-jp"],
        ["x", "--to", "pgn"],
        ["x", "-o", "y", "--force"],
        ["x", "-o", "y", "--encoding", "utf-8"],
        ["x", "-o", "y", "--rows-per-file", "0"],
        ["x", "-o", "y", "--unpack-limit", "much"],
        ["x", "-o", "-"],
    ):
        done = maou_run("convert", *arguments, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert "error: argument " in done.stderr
