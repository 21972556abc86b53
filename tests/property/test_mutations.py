"""Laws that hold for damaged records, texts and positions of any kind."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from maou_rust import maou_io, maou_shogi

import maou

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.property

LONG = settings(
    max_examples=2_000,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
RECORDS = [
    *maou_shogi.generate(8, seed=21, format="csa"),
    *maou_shogi.generate(8, seed=22, format="kif"),
    *(
        text.decode().encode("shift_jis")
        for text in maou_shogi.generate(8, seed=23, format="kif")
    ),
]


def damaged(record: bytes, chance: random.Random) -> bytes:
    """Change, remove, repeat or insert a few bytes or lines."""
    data = bytearray(record)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(data) + 1)
        size = chance.choice((1, 1, 1, 2, 7, 40))
        match chance.randrange(5):
            case 0:
                data[at : at + size] = chance.randbytes(size)
            case 1:
                del data[at : at + size]
            case 2:
                data[at:at] = data[at : at + size]
            case 3:
                lines = bytes(data).split(b"\n")
                first, second = (chance.randrange(len(lines)) for _ in "ab")
                lines[first], lines[second] = lines[second], lines[first]
                data = bytearray(b"\n".join(lines))
            case _:
                del data[at:]
    return bytes(data)


def check_games(data: bytes) -> list[maou.Game]:
    """Whatever the bytes, the games that come out of them are whole and legal."""
    problems: list[maou.RecordError] = []
    games = maou.read_games(data, on_error=problems.append)
    for problem in problems:
        assert problem.line >= 0
        assert problem.column >= 0
        assert problem.kind
        assert str(problem)
    for game in games:
        assert len(game.moves) == len(game.evals_cp) == len(game.times_ms)
        assert maou_shogi.canonical_sfen(game.start) == game.start
        # Raises if a move is not legal.
        game.sfen_at(game.n_plies)
        assert all(-32_000 <= cp <= 32_000 for cp in game.evals_cp if cp is not None)
    if not games:
        assert problems
    return games


@LONG
@given(st.sampled_from(RECORDS), st.integers(0, 2**32))
def test_damaged_records(record: bytes, seed: int) -> None:
    check_games(damaged(record, random.Random(seed)))


@LONG
@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    check_games(data)


@LONG
@given(st.text(max_size=80))
def test_any_text_as_sfen(text: str) -> None:
    error = None
    try:
        canonical = maou_shogi.canonical_sfen(text)
    except maou.RecordError as raised:
        error = raised
    if error is None:
        assert maou_shogi.canonical_sfen(canonical) == canonical
    else:
        assert 1 <= error.column <= len(text) + 1


@pytest.mark.parametrize("seed", range(20))
def test_datasets_of_damaged_records_are_sound(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    folder = tmp_path / "in"
    folder.mkdir()
    for n in range(100):
        record = damaged(chance.choice(RECORDS), chance)
        (folder / f"{n:03}.txt").write_bytes(record)
    report = maou_io.convert([folder], tmp_path / "data", shard_bytes=100_000)
    verified = maou_io.verify(tmp_path / "data")
    assert verified["problems"] == []
    assert verified["n_games"] == report["n_games"]
    frame = maou.Dataset(tmp_path / "data").games.collect()
    for (source,), rows in frame.group_by("source"):
        games = maou.read_games(folder / str(source), on_error="skip")
        assert rows["id"].to_list() == [game.id for game in games]
        assert rows["moves"].to_list() == [list(map(int, game.moves)) for game in games]
        texts = maou.to_usi(rows["moves"])
        assert texts.dtype == pl.List(pl.String)


@pytest.mark.parametrize("seed", range(20))
def test_positions_of_random_games(seed: int) -> None:
    chance = random.Random(seed)
    sfen = maou_shogi.start_sfen()
    for _ in range(300):
        assert maou_shogi.canonical_sfen(sfen) == sfen
        hcp = maou_shogi.sfen_to_hcp(sfen)
        decoded = maou_shogi.hcp_to_sfen(hcp)
        assert decoded.split()[:3] == sfen.split()[:3]
        assert maou_shogi.key(decoded) == maou_shogi.key(sfen)
        picture = maou.svg.board(sfen)
        assert picture.endswith("</svg>\n")
        moves = maou_shogi.legal_moves_usi(sfen)
        assert len(set(moves)) == len(moves)
        if not moves:
            break
        sfen = maou_shogi.play_usi(sfen, chance.choice(moves))
