"""`maou convert --variations`: each variation as a row with a parent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow.feather
import pytest

import maou

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

KIF = """\
手合割：平手
先手：甲
後手：乙
   1 ７六歩(77)   ( 0:10/00:00:10)
   2 ３四歩(33)   ( 0:02/00:00:02)
   3 ２六歩(27)   ( 0:03/00:00:13)
   4 投了
変化：3手
   3 ６六歩(67)   ( 0:09/00:00:19)
   4 ８四歩(83)
変化：4手
   4 ４二銀(31)
   5 中断
変化：2手
   2 ８四歩(83)
   3 投了
"""
LINES = ["7g7f 3c3d 2g2f", "7g7f 8c8d", "7g7f 3c3d 6g6f 8c8d", "7g7f 3c3d 6g6f 3a4b"]


@pytest.fixture
def data(maou_run: Any, tmp_path: Path) -> Path:
    """Give a dataset that keeps the variations of two equal records."""
    for name in ("a.kif", "b.kif"):
        (tmp_path / name).write_text(KIF, encoding="utf-8")
    out = tmp_path / "data"
    result = maou_run("convert", tmp_path / "a.kif", tmp_path / "b.kif", "-o", out)
    assert "left out 6 variations; --variations keeps variations" in result.stdout
    arguments = ["convert", tmp_path / "a.kif", tmp_path / "b.kif", "-o", out]
    refused = maou_run(*arguments, "--variations")
    assert refused.returncode == 2
    assert "expected variations left out, with which this" in refused.stderr
    out = tmp_path / "kept"
    result = maou_run(*arguments[:-1], out, "--variations")
    assert "8 games (6 variations), 26 positions" in result.stdout
    assert "found 4 duplicate games, kept" in result.stdout
    assert "left out" not in result.stdout
    return out


def usi(games: pl.DataFrame) -> list[str]:
    return [" ".join(moves) for moves in maou.to_usi(games["moves"]).to_list()]


def test_rows_name_the_line_that_they_leave(maou_run: Any, data: Path) -> None:
    games = maou.Dataset(data).games.collect()
    assert games.schema["parent_id"] == pl.UInt64
    assert games.columns[-1] == "parent_id"
    assert usi(games) == LINES * 2
    ids = games["id"].to_list()
    assert games["parent_id"].to_list() == [None, ids[0], ids[0], ids[2]] * 2
    assert games["result"].to_list() == [1, 2, 3, 3] * 2
    assert games["ending"].to_list()[:4] == [
        "resign",
        "resign",
        "unknown",
        "interrupted",
    ]
    assert games["times_ms"].to_list()[3] == [10_000, 2_000, 9_000, None]
    # The games as they were played.
    played = games.filter(pl.col("parent_id").is_null())
    assert usi(played) == [LINES[0]] * 2
    assert pyarrow.feather.read_table(data / "games-00000.feather").num_columns == 17
    assert "kept: checked 1 file, 8 games" in maou_run("verify", data).stdout
    assert "8 (6 variations, 4 duplicates)" in maou_run("info", data).stdout
    info = json.loads(maou_run("info", data, "--json").stdout)
    assert (info["games"], info["variations"], info["keeps_variations"]) == (8, 6, True)
    schema = json.loads(maou_run("info", "--schema", "--json").stdout)
    assert [c["name"] for c in schema if c["table"] == "variations"] == ["parent_id"]


@pytest.mark.parametrize("write", ["write_ipc", "write_ipc_stream"])
def test_a_feather_keeps_them(
    maou_run: Any, data: Path, tmp_path: Path, write: str
) -> None:
    games = maou.Dataset(data).games.collect()
    feather = tmp_path / "games.feather"
    # Ids are made anew, and parents are compared with them.
    getattr(games.drop("id"), write)(feather)
    out = tmp_path / "out"
    options = ("--rows-per-file", "3")
    report = json.loads(
        maou_run(
            "convert", feather, "-o", out, "--variations", "--json", *options
        ).stdout
    )
    assert (report["n_games"], report["n_variations"]) == (8, 6)
    assert (report["total_games"], report["total_variations"]) == (8, 6)
    # A game is not parted from its variations.
    assert [pl.read_ipc(p).height for p in sorted(out.glob("games-*"))] == [4, 4]
    assert pl.read_ipc(out / "games-00000.feather").equals(games[:4])
    maou_run("verify", out)
    orphans = games.filter(pl.col("parent_id").is_not_null())
    getattr(orphans, write)(feather)
    lost = maou_run("convert", feather, "-o", tmp_path / "x", "--variations")
    assert lost.returncode == 1
    expected = "row 0, column `parent_id`: expected the id of a line of the game above"
    assert expected in lost.stderr


def test_they_are_written_as_variations_again(
    maou_run: Any, data: Path, tmp_path: Path
) -> None:
    for target in ("kif", "jkf"):
        out = tmp_path / target
        result = maou_run("convert", data, "--to", target, "-o", out)
        assert "wrote 2 games of 2 sources" in result.stdout
        (game,) = maou.read_games(out / f"a.{target}")
        first, second = game.variations
        assert (first.ply, second.ply) == (1, 2)
        assert [line.ply for line in second.variations] == [3]
        assert (game.n_variations, first.result) == (3, maou.GameResult.WHITE_WINS)


def test_teacher_records_have_none(maou_run: Any, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.hcpe"
    arguments = ("convert", data, "--to", "hcpe", "-o", out, "--missing-eval", "0")
    result = maou_run(*arguments)
    assert result.returncode == 1
    assert "left out 20 positions of variations, which were not played" in result.stdout
    assert out.stat().st_size == 6 * 38
