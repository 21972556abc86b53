"""`maou.Dataset` and `maou.to_usi`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from maou_rust import maou_io, maou_shogi

import maou

if TYPE_CHECKING:
    from pathlib import Path


def test_games_is_a_lazy_frame_of_the_contract(dataset: Path) -> None:
    games = maou.Dataset(dataset).games
    assert isinstance(games, pl.LazyFrame)
    assert dict(games.collect_schema()) == {
        "id": pl.UInt64,
        "start": pl.String,
        "moves": pl.List(pl.UInt16),
        "evals_cp": pl.List(pl.Int16),
        "times_ms": pl.List(pl.UInt32),
        "result": pl.UInt8,
        "ending": pl.String,
        "tail": pl.String,
        "black": pl.String,
        "white": pl.String,
        "event": pl.String,
        "source": pl.String,
        "black_rating": pl.Float64,
        "white_rating": pl.Float64,
        "date": pl.Date,
        "eval_scale_cp": pl.Float64,
    }
    lengths = games.select(
        n=pl.len(),
        plies=pl.col("moves").list.len().sum(),
        evals=pl.col("evals_cp").list.len().sum(),
        times=pl.col("times_ms").list.len().sum(),
    ).collect()
    info = maou.Dataset(dataset).info()
    assert lengths["n"].item() == info["games"] == 60
    assert lengths["plies"].item() == info["positions"]
    assert lengths["evals"].item() == lengths["times"].item() == info["positions"]


def test_the_dataset_holds_what_read_games_reads(dataset: Path, records: Path) -> None:
    frame = maou.Dataset(dataset).games.collect()
    for row in frame.iter_rows(named=True):
        (game,) = maou.read_games(records / row["source"])
        assert row["id"] == game.id
        assert tuple(map(maou.Move, row["moves"])) == game.moves
        assert tuple(row["evals_cp"]) == game.evals_cp
        assert tuple(row["times_ms"]) == game.times_ms
        assert row["result"] == game.result
        assert row["date"] == game.date
        for name in ("start", "ending", "tail", "black", "white", "event"):
            assert row[name] == getattr(game, name)


def test_shards_are_read_in_order(records: Path, tmp_path: Path) -> None:
    maou_io.convert([records], tmp_path / "data", shard_bytes=50_000)
    dataset = maou.Dataset(tmp_path / "data")
    assert len(maou_io.shards(dataset.path)) > 2
    sources = dataset.games.select("source").collect()["source"].to_list()
    assert len(sources) == 60
    streamed = pl.DataFrame(dataset.stream(["source"]))["source"].to_list()
    assert streamed == sources


def test_stream_takes_columns(dataset: Path) -> None:
    frame = pl.DataFrame(maou.Dataset(dataset).stream(["id", "moves"]))
    assert frame.columns == ["id", "moves"]
    with pytest.raises(maou.UsageError, match="`color`"):
        maou.Dataset(dataset).stream(["color"])


def test_repr_and_errors(dataset: Path) -> None:
    opened = maou.Dataset(str(dataset))
    n_positions = opened.info()["positions"]
    expected = f"Dataset({str(dataset)!r}, games=60, positions={n_positions})"
    assert repr(opened) == expected
    assert opened.errors() == []


def test_what_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises((maou.DatasetError, OSError)) as raised:
        maou.Dataset(tmp_path / "nothing")
    assert "nothing" in str(raised.value)
    with pytest.raises(maou.DatasetError) as raised:
        maou.Dataset(tmp_path)
    assert str(tmp_path) in str(raised.value)


def test_to_usi_writes_lists_and_single_moves(dataset: Path) -> None:
    moves = maou.Dataset(dataset).games.select("moves").head(5).collect()["moves"]
    texts = maou.to_usi(moves)
    assert texts.name == "moves"
    assert texts.dtype == pl.List(pl.String)
    for numbers, words in zip(moves, texts, strict=True):
        assert [maou_shogi.move16_to_usi(n) for n in numbers] == words.to_list()
    assert maou.to_usi(moves.explode()).to_list() == texts.explode().to_list()


def test_to_usi_keeps_empty_lists_and_nulls() -> None:
    series = pl.Series("m", [[7739], [], None, [None]], dtype=pl.List(pl.UInt16))
    assert maou.to_usi(series).to_list() == [["7g7f"], [], None, [None]]
    assert maou.to_usi(pl.Series([], dtype=pl.List(pl.UInt16))).to_list() == []
    assert maou.to_usi(pl.Series([], dtype=pl.UInt16)).dtype == pl.String


@pytest.mark.parametrize("culprit", [127, 0, 32_768, 65_535])
def test_to_usi_names_what_is_no_move(culprit: int) -> None:
    for series in (
        pl.Series([7739, culprit], dtype=pl.UInt16),
        pl.Series([[], [7739, culprit]], dtype=pl.List(pl.UInt16)),
    ):
        with pytest.raises(ValueError, match=f"`{culprit}`"):
            maou.to_usi(series)


def test_to_usi_takes_only_u16() -> None:
    with pytest.raises(TypeError, match="Int64"):
        maou.to_usi(pl.Series([7739]))
