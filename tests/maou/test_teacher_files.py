"""Files of teacher records: what they hold, where they are read, their games."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import subprocess
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from maou_rust import RecordError, maou_io, maou_shogi

import maou

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = ("hcpe", "hcpe2", "hcpe3", "psv")
RECORD_BYTES = {"hcpe": 38, "hcpe2": 38, "psv": 40}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same games as teacher records of each format."""
    folder = tmp_path_factory.mktemp("teacher")
    (folder / "games.csa").write_bytes(b"/\n".join(maou_shogi.generate(40, seed=21)))
    maou_io.convert([folder / "games.csa"], folder / "data")
    paths = {}
    for name in FORMATS:
        paths[name] = folder / f"games.{name}"
        maou_io.export(folder / "data", paths[name], format=name)
    return paths


def wrap(content: bytes, kind: str) -> bytes:
    """Compress, or put into an archive."""
    if kind in ("zip", "tar.gz"):
        out = io.BytesIO()
        if kind == "zip":
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("inside.bin", content)
        else:
            with tarfile.open(fileobj=out, mode="w:gz") as tar:
                entry = tarfile.TarInfo("inside.bin")
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        return out.getvalue()
    if kind == "gz":
        return gzip.compress(content)
    return lzma.compress(content) if kind == "xz" else bz2.compress(content)


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "gz", "xz", "bz2"])
@pytest.mark.parametrize("name", FORMATS)
def test_archives_hold_them(
    maou_run: Any, files: dict[str, Path], tmp_path: Path, name: str, kind: str
) -> None:
    packed, out = tmp_path / f"a.{kind}", tmp_path / "out"
    packed.write_bytes(wrap(files[name].read_bytes(), kind))
    done = maou_run("convert", packed, "--to", name, "-o", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert out.read_bytes() == files[name].read_bytes()


@pytest.mark.parametrize("name", FORMATS)
def test_standard_input_holds_them(
    maou_command: str, files: dict[str, Path], tmp_path: Path, name: str
) -> None:
    for content in (files[name].read_bytes(), wrap(files[name].read_bytes(), "xz")):
        done = subprocess.run(
            [maou_command, "convert", "-", "--to", name, "-o", "-"],
            input=content,
            capture_output=True,
            check=True,
        )
        assert done.stdout == files[name].read_bytes()


@pytest.mark.parametrize("name", FORMATS)
def test_info_tells_what_is_in_them(
    maou_run: Any, files: dict[str, Path], name: str
) -> None:
    done = maou_run("info", files[name], "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    size_bytes = files[name].stat().st_size
    assert (found["kind"], found["size_bytes"]) == ("teacher", size_bytes)
    assert (found["errors"], found["error_list"]) == (0, [])
    n_results = sum(found["results"].values())
    if name == "hcpe3":
        assert (found["format"], n_results) == ("hcpe3", found["n_games"])
        assert 0 < found["n_evals"] <= found["n_positions"]
        assert found["n_candidates"] == found["n_evals"]
    else:
        assert found["n_positions"] == size_bytes // RECORD_BYTES[name] == n_results
        assert found["n_evals"] == found["n_positions"]
    # Without a game that ends by repetition or the like, HCPE2 is HCPE.
    assert found["format"] == name
    assert -32768 <= found["eval_min"] < found["eval_max"] <= 32767
    text = maou_run("info", files[name]).stdout
    lines = dict(line.split(maxsplit=1) for line in text.splitlines())
    assert lines["format"] == name.upper()
    assert lines["positions"].startswith(f"{found['n_positions']:,}")
    least, most = found["eval_min"], found["eval_max"]
    assert lines["evals"] == f"{least:,} to {most:,}, for the side to move"


def test_info_counts_what_is_wrong(
    maou_run: Any, files: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "a.psv"
    content = bytearray(files["psv"].read_bytes())
    content[40 + 34 : 40 + 36] = b"\0\0"
    path.write_bytes(content[:-20])
    done = maou_run("info", path)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert "record 2, byte 74: expected a legal move, found `0x0000` in" in first
    assert second.endswith("expected a record of 40 bytes, found 20")
    assert "errors     2" in done.stdout
    assert f"positions  {len(content) // 40 - 2:,}" in done.stdout
    listed = maou_run("info", path, "--errors").stdout
    assert listed.startswith("illegal_move: 1 error\n")
    assert "truncated: 1 error\n" in listed


def test_games_of_hcpe3_are_games(files: dict[str, Path]) -> None:
    games = maou.read_games(files["hcpe3"])
    data = maou_io.teacher_info(files["hcpe3"])
    assert data is not None
    assert len(games) == data["n_games"]
    assert sum(len(game.moves) for game in games) == data["n_positions"]
    assert {game.result for game in games} <= set(maou.GameResult)
    evals = [cp for game in games for cp in game.evals_cp if cp is not None]
    assert len(evals) == data["n_evals"]
    cut = files["hcpe3"].read_bytes()[:-1]
    with pytest.raises(RecordError, match="the end of the file") as raised:
        maou.read_games(cut)
    assert raised.value.kind == "truncated"
    assert len(maou.read_games(cut, on_error="skip")) == len(games)


@pytest.mark.parametrize("name", ["hcpe", "hcpe2", "psv"])
def test_loose_positions_are_no_games(files: dict[str, Path], name: str) -> None:
    with pytest.raises(RecordError, match="positions_table") as raised:
        maou.read_games(files[name])
    assert raised.value.kind == "loose_positions"
    assert str(raised.value).startswith(f"{files[name]}: expected games, found ")
    assert maou.read_games(files[name], on_error="skip") == []


@pytest.mark.parametrize("target", ["csa", "kif", "ki2", "jkf", "usi", "sfen"])
def test_text_of_games_and_of_nothing_else(
    maou_run: Any, files: dict[str, Path], tmp_path: Path, target: str
) -> None:
    out = tmp_path / f"out.{target}"
    done = maou_run("convert", files["hcpe3"], "--to", target, "-o", out, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    found = maou_io.teacher_info(files["hcpe3"])
    assert found is not None
    assert report["n_games"] == found["n_games"]
    assert report["left_out"]["candidates"] == found["n_candidates"]
    text = maou_run("convert", files["hcpe3"], "--to", target)
    assert f"{found['n_candidates']:,} candidates" in text.stderr
    if target in ("csa", "kif", "jkf", "usi"):
        wanted = [game.moves for game in maou.read_games(files["hcpe3"])]
        assert [game.moves for game in maou.read_games(out)] == wanted
    done = maou_run("convert", files["psv"], "--to", target)
    n = files["psv"].stat().st_size // 40
    # A list of no games, in JSON.
    assert (done.returncode, done.stdout) == (1, "[]\n" if target == "jkf" else "")
    told = f"expected games, found {n} loose positions of PSV, which have no text\n"
    assert told in done.stderr


def test_a_dataset_of_hcpe3_loses_its_candidates_in_text(
    maou_run: Any, files: dict[str, Path], tmp_path: Path
) -> None:
    maou_io.convert([files["hcpe3"]], tmp_path / "data")
    done = maou_run("convert", tmp_path / "data", "--to", "usi")
    assert done.returncode == 0
    assert "candidates" in done.stderr


@pytest.mark.parametrize("n_moves", [0, 65535])
def test_numbers_of_moves_at_their_ends(
    maou_run: Any, files: dict[str, Path], tmp_path: Path, n_moves: int
) -> None:
    path = tmp_path / "a.hcpe3"
    content = bytearray(files["hcpe3"].read_bytes())
    content[32:34] = n_moves.to_bytes(2, "little")
    path.write_bytes(content[:36] if n_moves == 0 else content)
    done = maou_run("convert", path, "--from", "hcpe3", "-o", tmp_path / "data")
    if n_moves == 0:
        assert (done.returncode, done.stderr) == (0, "")
        assert maou_io.info(tmp_path / "data")["positions"] == 0
    else:
        # The next game's position is no move.
        assert done.returncode == 1
        assert "record 1, byte " in done.stderr
        games = maou.read_games(files["hcpe3"])
        (first, *_) = maou.Dataset(tmp_path / "data").games.collect()["moves"]
        assert list(first) == [int(move) for move in games[0].moves]


@pytest.mark.parametrize("content", [b"", b"\0" * 19])
@pytest.mark.parametrize("told", [[], ["--from", "hcpe"]])
def test_an_empty_file_and_half_a_record(
    maou_run: Any, tmp_path: Path, content: bytes, told: list[str]
) -> None:
    path, out = tmp_path / "a.hcpe", tmp_path / "out"
    path.write_bytes(content)
    done = maou_run("convert", path, "--to", "psv", "-o", out, *told)
    assert done.returncode in (0, 1) if told else done.returncode in (1, 2)
    if content or not told:
        assert str(path) in done.stderr
    assert not out.exists() or out.read_bytes() == b""
    done = maou_run("info", path)
    assert done.returncode == 1
    assert str(path) in done.stderr
