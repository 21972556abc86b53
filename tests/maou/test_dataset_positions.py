"""`Dataset.positions` and `Dataset.scan_positions`: every position as a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from maou_rust import maou_io

import maou

if TYPE_CHECKING:
    from pathlib import Path

ALL = [
    "game", "ply", "hcp", "key", "move", "eval_cp", "result", "time_ms", "turn",
    "in_check", "sfen", "ending", "black", "white", "event", "source",
    "black_rating", "white_rating", "date", "eval_scale_cp",
]  # fmt: skip


def test_rows_are_what_boards_say(dataset: Path, records: Path) -> None:
    frame = pl.DataFrame(maou.Dataset(dataset).positions(ALL))
    assert frame.columns == ALL
    rows = frame.iter_rows(named=True)
    for row in maou.Dataset(dataset).games.collect().iter_rows(named=True):
        (game,) = maou.read_games(records / row["source"])
        board = maou.Board(game.start)
        for ply, move in enumerate(game.moves):
            found = next(rows)
            assert found["game"] == game.id
            assert (found["ply"], found["move"]) == (ply, int(move))
            assert bytes(found["hcp"]) == board.hcp()
            assert (found["key"], found["turn"]) == (board.key, board.turn)
            assert (found["sfen"], found["in_check"]) == (
                board.sfen(),
                board.is_check(),
            )
            assert found["eval_cp"] == game.evals_cp[ply]
            assert found["time_ms"] == game.times_ms[ply]
            assert (found["result"], found["ending"]) == (game.result, game.ending)
            for name in ("source", "date", "black_rating", "eval_scale_cp", "white"):
                assert found[name] == row[name]
            board.push(move)
    assert next(rows, None) is None


def test_types_are_pinned(dataset: Path) -> None:
    assert dict(pl.DataFrame(maou.Dataset(dataset).positions()).schema) == {
        "game": pl.UInt64,
        "ply": pl.UInt32,
        "hcp": pl.Array(pl.UInt8, 32),
        "key": pl.UInt64,
        "move": pl.UInt16,
        "eval_cp": pl.Int16,
        "result": pl.UInt8,
    }


def test_batches_are_bounded_and_in_order(dataset: Path) -> None:
    data = maou.Dataset(dataset)
    batches = [pl.DataFrame(batch) for batch in data.positions(["game", "ply"])]
    assert all(0 < batch.height <= 65_536 for batch in batches)
    whole = pl.concat(batches)
    assert whole.height == data.info()["positions"]
    assert whole.equals(pl.DataFrame(data.positions(["game", "ply"], threads=1)))


def test_loose_positions_follow(tmp_path: Path) -> None:
    board = maou.Board()
    board.push_usi("7g7f")
    record = board.hcp() + (-120).to_bytes(2, "little", signed=True)
    record += int(maou.Move.from_usi("3c3d")).to_bytes(2, "little") + bytes([2, 0])
    (tmp_path / "a.hcpe").write_bytes(3 * record)
    (tmp_path / "b.csa").write_bytes(b"V2.2\nPI\n+\n+7776FU\n%TORYO\n")
    maou_io.convert([tmp_path / "a.hcpe", tmp_path / "b.csa"], tmp_path / "data")
    data = maou.Dataset(tmp_path / "data")
    frame = pl.DataFrame(data.positions(["game", "ply", "sfen", "eval_cp", "source"]))
    assert frame["game"].is_null().to_list() == [False, True, True, True]
    assert frame["ply"].to_list() == [0, None, None, None]
    assert frame["eval_cp"].to_list() == [None, -120, -120, -120]
    assert frame["source"].to_list() == ["b.csa", "a.hcpe", "a.hcpe", "a.hcpe"]
    assert frame["sfen"][1].split()[:3] == board.sfen().split()[:3]


def test_a_lazy_frame_makes_what_a_query_uses(dataset: Path) -> None:
    data = maou.Dataset(dataset)
    scan = data.scan_positions(ALL)
    openings = scan.filter(pl.col("ply") == 0).select("sfen", "game").collect()
    assert openings["game"].to_list() == data.games.collect()["id"].to_list()
    assert scan.head(7).select("ply").collect()["ply"].to_list() == list(range(7))
    assert scan.select(pl.len()).collect().item() == data.info()["positions"]
    per_game = scan.group_by("game").agg(n=pl.len())
    streamed = per_game.collect(engine="streaming")
    assert streamed["n"].sum() == data.info()["positions"]


def test_an_empty_dataset_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    (tmp_path / "records/a.csa").write_bytes(b"V2.2\nPI\n+\n%CHUDAN\n")
    maou_io.convert([tmp_path / "records"], tmp_path / "data")
    data = maou.Dataset(tmp_path / "data")
    assert list(data.positions()) == []
    assert pl.DataFrame(data.positions()).columns == ALL[:7]
    assert data.scan_positions().collect().height == 0


def test_what_cannot_be_asked_for(dataset: Path) -> None:
    data = maou.Dataset(dataset)
    with pytest.raises(maou.UsageError, match="found `nothing`"):
        data.positions(["nothing"])
    with pytest.raises(maou.UsageError, match="each column once, found `ply` again"):
        data.scan_positions(["ply", "ply"])
    stream = data.positions()
    pl.DataFrame(stream)
    with pytest.raises(ValueError, match="has been read"):
        stream.without_rows()
