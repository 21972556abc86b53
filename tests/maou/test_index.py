"""Indexes that are damaged, stale, half built, or somewhere else."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from maou_rust import maou_index, maou_io, maou_shogi

import maou

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A dataset of its own with an index."""
    records = tmp_path / "records"
    records.mkdir()
    for number, text in enumerate(maou_shogi.generate(60, seed=3, format="csa")):
        (records / f"{number:02}.csa").write_bytes(text)
    start = maou.Board()
    row = start.hcp() + struct.pack("<hHBx", 55, 7739, 1)
    (records / "loose.hcpe").write_bytes(row * 3)
    data = tmp_path / "data"
    maou_io.convert([records], data)
    maou_index.build(data)
    return data


def answers(index: maou.Index) -> list[object]:
    """A bit of everything."""
    return [
        index.count(maou.Board()),
        index.find(maou.Board(), final=True).rows(),
        index.moves(maou.Board()).rows(),
        index.count(eval_cp=(-50, 50)),
        index.find(pattern="hand:B not black", limit=50).rows(),
        index.find(player="*a*", sort="rating", details=True).rows(),
        index.find(event="*1*", unit="positions", ply=(3, 5)).rows(),
        index.find(date=("2021", "2023"), rating=(2000, None)).rows(),
        index.also_in(index, limit=20).rows(),
        index.also_in(index, "games").rows(),
        index.find(result=[1, 2], limit=10, details=True).rows(),
        index.find(id_prefix="1", ending="resign").rows(),
    ]


def open_and_check(data: Path) -> None:
    maou.Index(data).check()


def attempt(data: Path) -> tuple[list[object] | None, str]:
    """The answers, or what was said instead."""
    try:
        return answers(maou.Index(data)), ""
    except maou.DatasetError as error:
        return None, str(error)


def test_every_region_is_watched(data: Path) -> None:
    """A byte that was changed anywhere is told, and never used."""
    (segment,) = (data / "index").glob("segment-*")
    sound = segment.read_bytes()
    expected = answers(maou.Index(data))
    places = json.loads(sound[sound.rindex(b'{"key_version"') :])["places"]
    starts = {
        64 + place["offset"] + at
        for place in places.values()
        if place["len"]
        for at in (0, place["len"] // 2, place["len"] - 1)
    }
    tail = range(len(sound) - 3000, len(sound), 300)
    at_risk = sorted({*starts, *range(0, 64, 3), *tail, len(sound) - 1})
    for at in at_risk:
        spoiled = bytearray(sound)
        spoiled[at] ^= 0x40
        segment.write_bytes(spoiled)
        with pytest.raises(maou.DatasetError, match=r"`maou index .*data`") as told:
            open_and_check(data)
        assert str(segment) in str(told.value)
        # What does not need the byte is answered, and rightly.
        found, problem = attempt(data)
        assert found == expected or "damaged" in problem or "version" in problem, at
    report = maou_index.build(data)
    assert "damaged" in str(report["problem"])
    assert answers(maou.Index(data)) == expected


def test_a_list_with_a_changed_byte_is_told(data: Path) -> None:
    path = data / "index" / "index.json"
    sound = path.read_bytes()
    expected = answers(maou.Index(data))
    changes = 0
    for at in range(0, len(sound), 7):
        spoiled = bytearray(sound)
        spoiled[at] ^= 0x01
        path.write_bytes(spoiled)
        found, problem = attempt(data)
        if found is None:
            changes += 1
            assert "`maou index" in problem
            assert maou_index.status(data)["state"] in ("unusable", "stale")
        else:
            assert found == expected
    assert changes > len(sound) // 7 * 0.6
    maou_index.build(data)
    assert answers(maou.Index(data)) == expected


@pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.999])
def test_a_cut_segment_is_told(data: Path, share: float) -> None:
    (segment,) = (data / "index").glob("segment-*")
    os.truncate(segment, int(segment.stat().st_size * share))
    with pytest.raises(maou.DatasetError, match=r"damaged.*`maou index .*data`"):
        maou.Index(data)
    assert maou_index.status(data)["state"] == "unusable"
    maou_index.build(data)
    assert maou.Index(data).count(maou.Board()) == 63


def test_a_missing_segment_and_a_missing_index_are_told(data: Path) -> None:
    (segment,) = (data / "index").glob("segment-*")
    segment.unlink()
    with pytest.raises(maou.DatasetError, match=r"found none; `maou index .*data`"):
        maou.Index(data)
    shutil.rmtree(data / "index")
    with pytest.raises(maou.DatasetError, match=r"found none; `maou index .*data`"):
        maou.Index(data)
    assert maou_index.status(data)["state"] == "missing"


def test_another_version_is_told(data: Path) -> None:
    path = data / "index" / "index.json"
    sealed = json.loads(path.read_text())
    for what, version in (("index", 2), ("key", 1)):
        older = {**sealed, "list": {**sealed["list"], f"{what}_version": 0}}
        path.write_text(json.dumps(older))
        message = f"expected {what} version {version}, found 0; `maou index .*data`"
        with pytest.raises(maou.DatasetError, match=message):
            maou.Index(data)
        assert maou_index.status(data)["state"] == "unusable"
    maou_index.build(data)
    maou.Index(data).check()


def test_a_stale_index_is_told_and_only_what_is_new_is_read(data: Path) -> None:
    records = data.parent / "records"
    open_before = maou.Index(data)
    (records / "more.csa").write_bytes(next(iter(maou_shogi.generate(1, seed=9))))
    maou_io.convert([records], data)
    with pytest.raises(maou.DatasetError, match="before 1 of its files were added"):
        maou.Index(data)
    assert maou_index.status(data)["state"] == "stale"
    report = maou_index.build(data)
    assert (report["n_files_new"], report["n_games_new"]) == (1, 1)
    assert maou.Index(data).count(maou.Board()) == 64
    # Who has it open goes on.
    assert open_before.count(maou.Board()) == 63
    again = maou_index.build(data)
    assert (again["n_files_new"], again["n_positions_new"]) == (0, 0)


def test_segments_stay_few(tmp_path: Path) -> None:
    records, data = tmp_path / "records", tmp_path / "data"
    records.mkdir()
    texts = maou_shogi.generate(40, seed=5, format="csa")
    for number, text in enumerate(texts):
        (records / f"{number:02}.csa").write_bytes(text)
        maou_io.convert([records], data, shard_bytes=1)
        report = maou_index.build(data)
        assert report["n_files_new"] == 1
        assert report["n_segments"] <= 8
    index = maou.Index(data)
    index.check()
    assert index.count(maou.Board()) == 40
    assert len(list((data / "index").glob("segment-*"))) == report["n_segments"]
    rows = index.find(ply=0, limit=100, details=True)
    assert rows["source"].to_list() == [f"{number:02}.csa" for number in range(40)]
    for path in sorted(records.iterdir())[:35]:
        path.unlink()
    maou_io.convert([records], data, prune=True)
    report = maou_index.build(data)
    assert report["n_files_gone"] == 35
    assert report["n_segments"] == 1
    assert maou.Index(data).count(maou.Board()) == 5


BUILD = """
import sys
from maou_rust import maou_index
tell = lambda _: print(flush=True)
maou_index.build(sys.argv[1], force=True, threads=1, progress=tell)
"""


def test_a_killed_build_leaves_the_old_index_in_use(data: Path) -> None:
    expected = answers(maou.Index(data))
    for delay in (0, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08):
        run = subprocess.Popen(
            [sys.executable, "-c", BUILD, str(data)], stdout=subprocess.PIPE
        )
        assert run.stdout is not None
        run.stdout.readline()
        time.sleep(delay)
        run.send_signal(signal.SIGKILL)
        run.wait()
        run.stdout.close()
        assert answers(maou.Index(data)) == expected
    maou_index.build(data)
    left = {path.name for path in (data / "index").iterdir()}
    assert {name for name in left if name.endswith(".tmp")} == set()
    assert answers(maou.Index(data)) == expected


def test_a_stopped_build_leaves_the_old_index_in_use(data: Path) -> None:
    class StopError(Exception):
        pass

    def stop(_: object) -> None:
        raise StopError

    expected = answers(maou.Index(data))
    with pytest.raises(StopError):
        maou_index.build(data, force=True, progress=stop)
    assert answers(maou.Index(data)) == expected


def test_a_second_build_is_told_who_is_at_work(data: Path) -> None:
    told: list[str] = []

    def build_again(_: object) -> None:
        if not told:
            with pytest.raises(maou.UsageError) as error:
                maou_index.build(data)
            told.append(str(error.value))

    maou_index.build(data, force=True, progress=build_again)
    assert f"process {os.getpid()} is writing into this index; wait" in told[0]


def test_a_read_only_dataset_has_its_index_elsewhere(data: Path) -> None:
    expected = answers(maou.Index(data))
    shutil.rmtree(data / "index")
    elsewhere = data.parent / "elsewhere"
    modes = {path: path.stat().st_mode for path in (data, *data.iterdir())}
    for path in modes:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        before = sorted(path.name for path in data.iterdir())
        with pytest.raises(maou.DatasetError, match=r"--index-dir .*elsewhere`"):
            maou.Index(data, index_dir=elsewhere)
        report = maou_index.build(data, index_dir=elsewhere)
        assert report["path"] == str(elsewhere)
        assert answers(maou.Index(data, index_dir=elsewhere)) == expected
        assert sorted(path.name for path in data.iterdir()) == before
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def test_the_dataset_does_not_mind_its_index(data: Path) -> None:
    assert maou_io.verify(data)["problems"] == []
    copy = data.parent / "copy"
    maou_io.convert([data], copy)
    assert maou.Dataset(copy).info()["games"] == 60
    maou_io.convert([data.parent / "records"], data)
    assert maou_index.status(data)["state"] == "fresh"


def test_bytes_do_not_depend_on_threads_or_memory(data: Path) -> None:
    def segment() -> bytes:
        (path,) = (data / "index").glob("segment-*")
        return path.read_bytes()

    found = []
    for threads, memory in ((1, 512 << 20), (3, 64 << 20)):
        maou_index.build(data, force=True, threads=threads, memory=memory)
        found.append(segment())
    assert found[0] == found[1]


def test_a_dataset_that_changed_below_an_open_index_is_told(data: Path) -> None:
    index = maou.Index(data)
    records = data.parent / "records"
    (records / "00.csa").unlink()
    maou_io.convert([records], data, prune=True)
    assert index.count(maou.Board()) == 63
    with pytest.raises(maou.DatasetError, match="open the index again"):
        index.find(maou.Board(), details=True)


def test_an_empty_dataset_has_an_index(tmp_path: Path) -> None:
    records = tmp_path / "records"
    records.mkdir()
    (records / "a.csa").write_text("V2.2\nPI\n+\n%TORYO\n")
    maou_io.convert([records], tmp_path / "data")
    maou_index.build(tmp_path / "data")
    index = maou.Index(tmp_path / "data")
    assert (index.count(), index.count(unit="games")) == (0, 1)
    assert index.find(maou.Board(), final=True)["move"].to_list() == [None]
    assert index.moves(maou.Board()).height == 0


def test_bad_questions_are_told(data: Path) -> None:
    index = maou.Index(data)
    questions: list[tuple[Any, str]] = [
        ({"date": "2024-13"}, "date: expected such as `2024`"),
        ({"id": "12"}, "id: expected 16 hex digits, found `12`"),
        ({"id_prefix": "x"}, "id_prefix: expected 1 to 16 hex digits, found `x`"),
        ({"result": 4}, "result: expected 0 draw"),
        ({"ending": "gone"}, "ending: expected resign, .*found `gone`"),
        ({"unit": "moves"}, "unit: expected `games` or `positions`"),
        ({"result": "black"}, "result: expected 0 draw, .*found `black`"),
        ({"ply": (1, 2, 3)}, "ply: expected two ends, found 3"),
        ({"eval_cp": "30"}, "eval_cp: expected numbers as ends, found `30`"),
    ]
    for filters, message in questions:
        with pytest.raises(maou.UsageError, match=message):
            index.count(**filters)
    with pytest.raises(maou.UsageError, match="sort: expected eval_cp, ply"):
        index.find(sort="name")
    with pytest.raises(maou.UsageError, match="limit: expected a number from 0"):
        index.find(limit=-1)
    with pytest.raises(maou.UsageError, match="offset: expected a number from 0"):
        index.also_in(index, offset=-1)
    with pytest.raises(maou.UsageError, match="sort: expected `date`"):
        index.find(player="a", sort="ply")
    with pytest.raises(TypeError, match="unexpected argument `names`"):
        index.find(names="x")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="position: expected a Board"):
        index.find(3)  # type: ignore[arg-type]
    with pytest.raises(maou.RecordError) as sfen:
        index.count("lnsgkgsnl/9/9/9/9/9/9/9/9 x - 1")
    assert sfen.value.column == 27
    with pytest.raises(maou.RecordError) as pattern:
        index.count(pattern="P7f Q5e")
    assert pattern.value.column == 5
    with pytest.raises(maou.RecordError, match="expected 32 bytes, found 3"):
        index.count(b"abc")
    with pytest.raises(maou.UsageError, match="--memory: expected at least 64 MB"):
        maou_index.build(data, memory=1)


def test_columns_are_pinned(data: Path) -> None:
    index = maou.Index(data)
    assert dict(index.find(limit=1, details=True).schema) == {
        "game": pl.UInt64,
        "shard": pl.UInt32,
        "row": pl.UInt32,
        "ply": pl.UInt32,
        "move": pl.UInt16,
        "eval_cp": pl.Int16,
        "result": pl.UInt8,
        "sfen": pl.String,
        "black": pl.String,
        "white": pl.String,
        "black_rating": pl.Float64,
        "white_rating": pl.Float64,
        "date": pl.Date,
        "event": pl.String,
        "ending": pl.String,
        "source": pl.String,
    }
    assert index.find(player="*", limit=1).columns == [
        "game",
        "shard",
        "row",
        "n_plies",
        "result",
    ]
    assert dict(index.moves(maou.Board()).schema) == {
        "move": pl.UInt16,
        "n": pl.UInt64,
        "games": pl.UInt64,
        "score": pl.Float64,
        "eval_cp": pl.Float64,
        "rating": pl.Float64,
        "last_year": pl.Int32,
    }
    assert re.fullmatch(r"Index\('.*data'\)", repr(index))


def test_moves_count_a_game_once(tmp_path: Path) -> None:
    """However often it comes to the position or, without colors, to its twin."""
    # The first game comes back to the start, and then to the start with White to move.
    (tmp_path / "games.usi").write_text(
        "startpos moves 5i5h 5a5b 5h5i 5b5a 5i5h 5a5b 5h4h 5b5a 4h5i 5a5b\n"
        "startpos moves 5i5h\n"
        "startpos moves 7g7f\n"
    )
    maou_io.convert([tmp_path / "games.usi"], tmp_path / "data")
    maou_index.build(tmp_path / "data")
    index = maou.Index(tmp_path / "data")
    counts = index.moves(maou.Board())["n", "games"].rows()
    assert counts == [(3, 2), (1, 1)]
    counts = index.moves(maou.Board(), either_color=True)["n", "games"].rows()
    assert counts == [(4, 2), (1, 1)]


def test_dates_may_be_whole_months_and_years(data: Path) -> None:
    index = maou.Index(data)
    games = maou.Dataset(data).games.collect()
    for value, year, month in [("2022", 2022, None), ("2022-02", 2022, 2)]:
        wanted = games.filter(
            (pl.col("date").dt.year() == year)
            & (True if month is None else pl.col("date").dt.month() == month)
        )
        assert index.find(date=value)["game"].to_list() == wanted["id"].to_list()


def test_the_format_is_pinned(tmp_path: Path) -> None:
    """The bytes of a segment: another layout needs another version."""
    record = tmp_path / "a.csa"
    record.write_text("V2.2\nPI\n+\n+7776FU\n'** 30\n-3334FU\n%TORYO\n")
    maou_io.convert([record], tmp_path / "data")
    maou_index.build(tmp_path / "data")
    (path,) = (tmp_path / "data" / "index").glob("segment-*")
    assert path.name == "segment-00000.maouidx"
    content = path.read_bytes()
    assert content[:8] == b"MAOUIDX\n"
    assert struct.unpack_from("<Q", content, 8) == (2,)
    meta = json.loads(content[content.rindex(b'{"key_version"') :])

    def section(name: str, form: str) -> tuple[int, ...]:
        place = meta["places"][name]
        return struct.unpack_from(form, content, 64 + place["offset"])

    assert section("moves", "<3H") == (7739, 2581, 0)
    assert section("evals", "<3h") == (30, -32768, -32768)
    assert section("firsts", "<2I") == (0, 3)
    assert meta["places"]["hot_finals"]["len"] == 0
    (ending,) = section("outcomes", "<B")
    assert ending == 2
