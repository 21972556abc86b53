"""`maou convert` on archives, standard input, datasets and Arrow files."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import tarfile
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.ipc
import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

GAME = "V2.2\nN+a\nN-b\nPI\n+\n+7776FU\n-3334FU\n+2726FU\n%TORYO\n"


def pack(folder: Path, archive: Path) -> None:
    """Put the files of a folder into an archive whose kind the name tells."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
            for path in files:
                zipped.write(path, path.relative_to(folder).as_posix())
    elif archive.suffix == ".7z":
        import py7zr

        with py7zr.SevenZipFile(archive, "w") as packed:
            for path in files:
                packed.write(path, path.relative_to(folder).as_posix())
    else:
        mode = {".tar": "w", ".gz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2"}
        with tarfile.open(archive, mode[archive.suffix]) as tar:  # type: ignore[call-overload]
            for path in files:
                tar.add(path, path.relative_to(folder).as_posix())


def games_of(data: Path) -> pl.DataFrame:
    return pl.concat([pl.read_ipc(p) for p in sorted(data.glob("games-*.feather"))])


@pytest.fixture(scope="session")
def games(dataset: Path) -> pl.DataFrame:
    return games_of(dataset)


KINDS = ["zip", "tar", "tar.gz", "tar.xz", "tar.bz2", "7z"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_is_read_like_its_folder(
    kind: str, maou_run: Any, records: Path, games: pl.DataFrame, tmp_path: Path
) -> None:
    folder, out = tmp_path / "in", tmp_path / "data"
    folder.mkdir()
    pack(records, folder / f"all.{kind}")
    # The name does not tell: one of a record hides it.
    (folder / f"all.{kind}").rename(folder / "all.csa")
    (folder / "z.csa").write_text(GAME)
    done = maou_run("convert", folder, "-o", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert maou_run("verify", out).returncode == 0
    found = games_of(out)
    assert found.height == games.height + 1
    sources = [f"all.csa/{name}" for name in games["source"]]
    assert found["source"].to_list() == [*sources, "z.csa"]
    same = [name for name in games.columns if name != "source"]
    assert found.select(same).head(60).equals(games.select(same))

    before = {path: path.read_bytes() for path in out.iterdir()}
    done = maou_run("convert", folder, "-o", out)
    assert done.stdout.startswith("nothing new: 61 files read before\n")
    assert {path: path.read_bytes() for path in out.iterdir()} == before


def test_a_changed_member_is_read_again(
    maou_run: Any, records: Path, tmp_path: Path
) -> None:
    copy, archive = tmp_path / "copy", tmp_path / "a.zip"
    shutil.copytree(records, copy)
    pack(copy, archive)
    assert maou_run("convert", archive, "-o", tmp_path / "data").returncode == 0
    (copy / "003.csa").write_text(GAME)
    (copy / "100.csa").write_text(GAME)
    archive.unlink()
    pack(copy, archive)
    done = maou_run("convert", archive, "-o", tmp_path / "data")
    assert done.returncode == 0
    assert "read 1 changed file again\n" in done.stdout
    assert "skipped 59 files read before\n" in done.stdout
    assert games_of(tmp_path / "data").height == 61


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_the_bytes_do_not_depend_on_threads(
    kind: str, maou_run: Any, records: Path, tmp_path: Path, snapshot: Any
) -> None:
    archive = tmp_path / f"a.{kind}"
    pack(records, archive)
    seen = []
    for n in (1, 3):
        out = tmp_path / f"out{n}"
        done = maou_run("convert", archive, "-o", out, "--threads", str(n))
        assert done.returncode == 0
        seen.append(snapshot(out))
    assert seen[0] == seen[1]


def test_errors_name_archive_member_line_and_column(
    maou_run: Any, tmp_path: Path
) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("b/bad.csa", GAME.replace("-3334", "-3335"))
        zipped.writestr("b/good.csa", GAME)
        zipped.writestr("../../evil.csa", GAME)
    out = tmp_path / "data"
    done = maou_run("convert", archive, "-o", out)
    assert done.returncode == 1
    illegal, outside = done.stderr.splitlines()
    assert illegal.startswith(f"{archive}/b/bad.csa:7:1: expected a legal move, ")
    assert outside == (
        f"{archive}/evil.csa: expected a name within the archive,"
        " found `../../evil.csa`"
    )
    assert games_of(out)["source"].to_list() == ["a.zip/b/bad.csa", "a.zip/b/good.csa"]
    listed = maou_run("info", out, "--errors").stdout
    assert "  a.zip/b/bad.csa:7:1: expected a legal move, " in listed


def test_a_cut_archive_gives_what_is_whole(
    maou_run: Any, records: Path, tmp_path: Path
) -> None:
    archive, out = tmp_path / "a.tar", tmp_path / "data"
    pack(records, archive)
    with archive.open("r+b") as file:
        file.truncate(archive.stat().st_size // 2)
    done = maou_run("convert", archive, "-o", out)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"{archive}: expected the rest of a member, found the end of the archive"
    )
    assert games_of(out).height > 10


def test_a_bomb_is_refused(maou_run: Any, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.csa.gz"
    bomb.write_bytes(gzip.compress(bytes(120_000_000)))
    done = maou_run("convert", bomb, "-o", tmp_path / "data")
    assert done.returncode == 2
    limit = (1 << 26) + 200 * bomb.stat().st_size
    assert (
        f"{bomb}: expected at most {limit:,} bytes when it is unpacked (200 times its"
        " size), found more; `--unpack-limit` sets another limit\n"
    ) in done.stderr


def test_a_line_without_end_and_a_file_too_large(maou_run: Any, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "good.csa").write_text(GAME)
    # Sparse: it takes no room.
    with (folder / "huge.csa").open("wb") as file:
        file.truncate(2_000_000_000)
    (folder / "line.csa").write_bytes(b"V2.2\nN+" + b"x" * 5_000_000)
    done = maou_run("convert", folder, "-o", tmp_path / "data")
    assert done.returncode == 1
    huge, line = done.stderr.splitlines()
    assert huge == (
        f"{folder / 'huge.csa'}: expected at most 1 GiB in one file of records,"
        " found more; split the file"
    )
    assert line.startswith(f"{folder / 'line.csa'}:")


def run_with_stdin(
    command: str, data: bytes, *arguments: str | Path
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [command, *map(str, arguments)],
        input=data,
        capture_output=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "error", "PYTHONUTF8": "1"},
    )


def test_standard_input(
    maou_command: str, maou_run: Any, records: Path, tmp_path: Path
) -> None:
    out = tmp_path / "one"
    done = run_with_stdin(maou_command, GAME.encode(), "convert", "-", "-o", out)
    assert (done.returncode, done.stderr) == (0, b"")
    assert games_of(out)["source"].to_list() == ["-"]
    again = GAME.replace("%TORYO", "%CHUDAN").encode()
    done = run_with_stdin(maou_command, again, "convert", "-", "-o", out)
    assert b"read 1 changed file again\n" in done.stdout
    assert games_of(out)["ending"].to_list() == ["interrupted"]

    for kind in ("zip", "tar.gz"):
        archive = tmp_path / f"a.{kind}"
        pack(records, archive)
        out = tmp_path / kind
        data = archive.read_bytes()
        done = run_with_stdin(maou_command, data, "convert", "-", "-o", out)
        assert (done.returncode, done.stderr) == (0, b"")
        assert games_of(out)["source"][0] == "-/000.csa"
    done = run_with_stdin(maou_command, GAME.encode(), "convert", "-", "--to", "usi")
    assert done.stdout.startswith(b"position ")
    assert done.stdout.endswith(b" moves 7g7f 3c3d 2g2f\n")


def test_a_dataset_alone_becomes_the_same_dataset(
    maou_run: Any, dataset: Path, tmp_path: Path, snapshot: Any
) -> None:
    done = maou_run("convert", dataset, "-o", tmp_path / "same")
    assert (done.returncode, done.stderr) == (0, "")
    wanted = snapshot(dataset)
    wanted.pop(".lock", None)
    found = snapshot(tmp_path / "same")
    found.pop(".lock", None)
    assert found == wanted


def test_datasets_are_merged_and_split(
    maou_run: Any, dataset: Path, games: pl.DataFrame, tmp_path: Path, snapshot: Any
) -> None:
    more, out = tmp_path / "more", tmp_path / "out"
    (tmp_path / "bad.csa").write_text(GAME.replace("-3334", "-3335"))
    assert maou_run("convert", tmp_path / "bad.csa", "-o", more).returncode == 1
    done = maou_run("convert", dataset, more, "-o", out, "--rows-per-file", "25")
    assert done.returncode == 1
    assert done.stderr.startswith("more/bad.csa:7:1: expected a legal move, ")
    heights = [pl.read_ipc(p).height for p in sorted(out.glob("games-*"))]
    assert heights == [25, 25, 11]
    found = games_of(out)
    assert set(found["source"].str.split("/").list.first()) == {"data", "more"}
    assert found.head(60)["id"].equals(games["id"])
    assert maou_run("verify", out).returncode == 0
    before = snapshot(out)
    done = maou_run("convert", dataset, more, "-o", out)
    assert done.stdout.startswith("nothing new: 61 files read before\n")
    assert snapshot(out) == before
    done = maou_run("convert", dataset, "-o", out, "--rows-per-file", "30")
    assert done.returncode == 2
    assert "expected rows_per_file 25, with which this dataset was made" in done.stderr


def test_a_dataset_is_no_input_of_itself(maou_run: Any, dataset: Path) -> None:
    done = maou_run("convert", dataset, "-o", dataset)
    assert done.returncode == 2
    assert done.stderr == (
        f"maou convert: {dataset}: expected another folder as the output, found the"
        " input\n"
    )


def write_arrow(games: pl.DataFrame, kind: str, path: Path) -> None:
    if kind == "polars":
        games.write_ipc(path, compression="lz4")
    elif kind == "polars, newest texts":
        games.write_ipc(path, compression="zstd", compat_level=pl.CompatLevel.newest())
    elif kind == "polars stream":
        games.write_ipc_stream(path)
    else:
        table = games.to_arrow()
        new = pa.ipc.new_stream if kind == "pyarrow stream" else pa.ipc.new_file
        with new(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=7)


ARROW = [
    "polars",
    "polars, newest texts",
    "polars stream",
    "pyarrow file",
    "pyarrow stream",
]


@pytest.mark.parametrize("kind", ARROW)
def test_arrow_files_of_others(
    kind: str, maou_run: Any, games: pl.DataFrame, tmp_path: Path
) -> None:
    path, out = tmp_path / "games.arrow", tmp_path / "data"
    write_arrow(games.select(sorted(games.columns)), kind, path)
    done = maou_run("convert", path, "-o", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert games_of(out).equals(games)
    done = maou_run("convert", path, "-o", out)
    assert done.stdout.startswith("nothing new: 60 files read before\n")


def test_shuffled_rows_and_missing_columns(
    maou_run: Any, games: pl.DataFrame, tmp_path: Path
) -> None:
    path, out = tmp_path / "g.feather", tmp_path / "data"
    twice = pl.concat([games, games]).sample(fraction=1, shuffle=True, seed=3)
    twice.with_columns(pl.col("result").cast(pl.Int64)).drop("id").write_ipc(path)
    done = maou_run("convert", path, "-o", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert "found 60 duplicate games, kept\n" in done.stdout
    found = games_of(out)
    assert found["id"].equals(twice["id"])
    assert found["source"].str.replace(r"#2$", "").equals(twice["source"])
    assert maou_run("verify", out).returncode == 0

    games.select("moves", "result", "ending").write_ipc(path)
    done = maou_run("convert", path, "-o", tmp_path / "bare")
    assert (done.returncode, done.stderr) == (0, "")
    bare = games_of(tmp_path / "bare")
    assert set(bare["source"]) == {"g.feather"}
    assert bare["evals_cp"].list.drop_nulls().list.len().sum() == 0


def test_wrong_rows_are_named(
    maou_run: Any, games: pl.DataFrame, tmp_path: Path
) -> None:
    path, out = tmp_path / "g.feather", tmp_path / "data"
    edited = games.with_row_index("n").with_columns(
        pl.when(pl.col("n") == 5).then(3).otherwise(pl.col("id")).alias("id"),
        pl.when(pl.col("n") == 7)
        .then(pl.lit("lost"))
        .otherwise(pl.col("ending"))
        .alias("ending"),
    )
    edited.cast({"id": pl.UInt64}).write_ipc(path)
    done = maou_run("convert", path, "-o", out)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    expected = f"{games['id'][5]:016x}"
    assert first == (
        f"{path}: row 5, column `id`: expected `{expected}`, found"
        " `0000000000000003`; without the column, ids are made anew"
    )
    assert second == (
        f"{path}: row 7, column `ending`: expected the name of an ending, found `lost`"
    )
    assert games_of(out).height == 58


def test_arrow_files_that_are_no_games(
    maou_run: Any, games: pl.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "x.feather"

    def refused() -> str:
        done = maou_run("convert", path, "-o", tmp_path / "data")
        assert (done.returncode, done.stdout) == (2, "")
        return str(done.stderr)

    pl.DataFrame({"a": [1]}).write_ipc(path)
    assert "of which `moves` must be there, found `a`\n" in refused()
    games.with_columns(pl.lit("x").alias("moves")).write_ipc(path)
    assert "in the column `moves` of the games table, found " in refused()
    games.cast({"ending": pl.Categorical}).write_ipc(path)
    assert "expected plain values, found the categorical column `ending`\n" in refused()
    games.write_ipc_stream(path)
    path.write_bytes(path.read_bytes()[:-3000])
    assert "expected a whole Arrow IPC stream\n" in refused()


@pytest.mark.parametrize("kind", ["polars", "pyarrow stream"])
def test_arrow_on_standard_input(
    kind: str, maou_command: str, games: pl.DataFrame, tmp_path: Path
) -> None:
    path, out = tmp_path / "games.arrow", tmp_path / "data"
    write_arrow(games, kind, path)
    for data in (path.read_bytes(), gzip.compress(path.read_bytes())):
        shutil.rmtree(out, ignore_errors=True)
        done = run_with_stdin(maou_command, data, "convert", "-", "-o", out)
        assert (done.returncode, done.stderr) == (0, b"")
        assert games_of(out).equals(games)
        done = run_with_stdin(maou_command, data, "convert", "-", "-o", out)
        assert b"nothing new: " in done.stdout
    done = run_with_stdin(maou_command, data, "convert", "-", "--to", "usi")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == games.height
    cut_off = path.read_bytes()[:-3000]
    done = run_with_stdin(maou_command, cut_off, "convert", "-", "-o", tmp_path / "x")
    assert done.returncode == 2
    assert b"-: expected game records, found none in 1 file, for example -: " in (
        done.stderr
    )


@pytest.mark.parametrize("kind", KINDS)
def test_arrow_within_archives(
    kind: str, maou_run: Any, games: pl.DataFrame, tmp_path: Path
) -> None:
    folder, out = tmp_path / "in", tmp_path / "data"
    folder.mkdir()
    (folder / "a.csa").write_text(GAME)
    write_arrow(games, "polars", folder / "b.feather")
    write_arrow(games[:9], "pyarrow stream", folder / "c.arrow")
    pl.DataFrame({"x": [1]}).write_ipc(folder / "d.feather")
    (folder / "e.csa").write_text(GAME)
    inner = tmp_path / "inner.tar"
    pack(folder, inner)
    (folder / "f.tar").write_bytes(inner.read_bytes())
    archive = tmp_path / f"a.{kind}"
    pack(folder, archive)
    done = maou_run("convert", archive, "-o", out)
    assert done.returncode == 1
    bad = [line.split(": expected")[0] for line in done.stderr.splitlines()]
    assert bad == [f"{archive / 'd.feather'}", f"{archive / 'f.tar/d.feather'}"]
    assert "found `x`" in done.stderr
    found = games_of(out)["source"].to_list()
    prefixed = games["source"].to_list()
    expected = [
        "a.csa",
        *(f"b.feather/{name}" for name in prefixed),
        *(f"c.arrow/{name}" for name in prefixed[:9]),
        "e.csa",
    ]
    expected += [f"f.tar/{name}" for name in expected]
    assert found == [f"a.{kind}/{name}" for name in expected]
    assert maou_run("verify", out).returncode == 0
    done = maou_run("convert", archive, "-o", out)
    assert done.stdout.startswith("nothing new: ")


def test_names_that_numbers_are_put_behind(maou_run: Any, tmp_path: Path) -> None:
    archive, out = tmp_path / "a.zip", tmp_path / "data"
    with warnings.catch_warnings(), zipfile.ZipFile(archive, "w") as zipped:
        warnings.simplefilter("ignore", UserWarning)
        for name in ("x.csa", "x.csa", "x.csa#2", "x.csa"):
            zipped.writestr(name, GAME)
    done = maou_run("convert", archive, "-o", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert games_of(out)["source"].to_list() == [
        "a.zip/x.csa",
        "a.zip/x.csa#2",
        "a.zip/x.csa#2#2",
        "a.zip/x.csa#3",
    ]


def test_an_arrow_file_that_grows_beyond_measure(maou_run: Any, tmp_path: Path) -> None:
    path = tmp_path / "bomb.arrow"
    moves = pa.array([[]], pa.large_list(pa.uint16()))
    table = pa.table({"moves": moves, "tail": pa.array(["x" * (300 << 20)])})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(path, table.schema, options=options) as writer:
        writer.write_table(table)
    done = maou_run("convert", path, "-o", tmp_path / "data")
    assert done.returncode in (1, 2)
    assert "expected record batches of at most 2" in done.stderr
    assert "bytes when they are unpacked (200 times their size), found more" in (
        done.stderr
    )


@pytest.mark.parametrize("target", [(), ("--to", "usi"), ("--to", "hcpe")])
def test_json_of_a_strict_run_that_stops(
    maou_run: Any, tmp_path: Path, target: tuple[str, ...]
) -> None:
    bad = tmp_path / "bad.csa"
    bad.write_text(GAME.replace("+2726FU", "+2725FU"))
    out = tmp_path / "data"
    done = maou_run("convert", bad, *target, "-o", out, "--strict", "--json")
    assert done.returncode == 1
    stopped = json.loads(done.stdout)["stopped_at"]
    assert (stopped["path"], stopped["line"], stopped["kind"]) == (
        str(bad),
        8,
        "illegal_move",
    )
    assert done.stderr.startswith(f"{bad}:8:1: expected ")


def test_memory_does_not_grow_with_the_number_of_members(tmp_path: Path) -> None:
    from maou._archives import Archives

    def peak(n_members: int) -> int:
        import tracemalloc

        path = tmp_path / f"{n_members}.zip"
        with zipfile.ZipFile(path, "w") as zipped:
            for n in range(n_members):
                zipped.writestr(f"{n:08}.csa", b"x")
        tracemalloc.start()
        n_found = sum(1 for _ in Archives().members(str(path)))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert n_found == n_members
        return most

    few, many = peak(100), peak(3000)
    assert many < few + 100_000


def test_a_member_that_is_an_archive(maou_run: Any, tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as zipped:
        zipped.writestr("x.csa", GAME)
    outer = tmp_path / "outer.zip"
    with zipfile.ZipFile(outer, "w") as zipped:
        zipped.writestr("inner.zip", inner.getvalue())
    assert maou_run("convert", outer, "-o", tmp_path / "data").returncode == 0
    sources = games_of(tmp_path / "data")["source"].to_list()
    assert sources == ["outer.zip/inner.zip/x.csa"]


def test_info_of_an_archive_says_what_reads_it(
    maou_run: Any, records: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "a b.zip"
    pack(records, archive)
    done = maou_run("info", archive)
    assert done.returncode == 2
    assert done.stderr == (
        f"maou info: {archive}: expected a dataset or a record, found zip data:"
        f" `maou convert '{archive}' -o OUT` reads what is in it\n"
    )


@pytest.mark.parametrize("name", ["csa", "kif", "ki2", "jkf", "usi"])
def test_info_of_one_record_of_any_format(
    name: str, maou_run: Any, tmp_path: Path
) -> None:
    game, path = tmp_path / "game.csa", tmp_path / f"record.{name}"
    game.write_text(GAME)
    assert maou_run("convert", game, "--to", name, "-o", path).returncode == 0
    done = maou_run("info", path, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    info = json.loads(done.stdout)
    assert (info["format"], info["games"], info["positions"]) == (name, 1, 3)


def test_sources_tell_their_encoding(maou_run: Any, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "data"
    folder.mkdir()
    named = GAME.replace("N+a", "N+羽生善治と羽生")
    encodings = ["ascii", "euc-jp", "shift_jis", "utf-8-sig", "utf-8"]
    for encoding in encodings:
        text = GAME if encoding == "ascii" else named
        (folder / f"{encoding}.csa").write_text(text, encoding=encoding)
    assert maou_run("convert", folder, "-o", out).returncode == 0
    sources = pl.read_ipc(out / "sources.feather")
    assert sources["encoding"].to_list() == encodings
    merged = tmp_path / "merged"
    assert maou_run("convert", out, "-o", merged).returncode == 0
    assert pl.read_ipc(merged / "sources.feather").equals(sources)
