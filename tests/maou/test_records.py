"""`maou.read_games`: sources, games, and what happens to bad records."""

from __future__ import annotations

import dataclasses
import datetime
import io
import os
import sys
from typing import TYPE_CHECKING

import pytest

import maou

if TYPE_CHECKING:
    from pathlib import Path

CSA = """\
V2.2
N+alpha
N-beta
$EVENT:a test
$START_TIME:2026/11/20 10:00:00
PI
+
+7776FU
T12
-3334FU
T3
+8822UM
T1
-3122GI
T0
%TORYO
"""
BROKEN = CSA.replace("-3122GI", "-3121GI")


def test_a_game_as_python_objects() -> None:
    (game,) = maou.read_games(CSA.encode())
    assert game.usi_moves == ["7g7f", "3c3d", "8h2b+", "3a2b"]
    assert game.moves[:2] == (7739, 2581)
    assert game.times_ms == (12_000, 3_000, 1_000, 0)
    assert game.evals_cp == (None,) * 4
    assert (game.black, game.white, game.event) == ("alpha", "beta", "a test")
    assert game.result is maou.GameResult.WHITE_WINS
    assert game.result.winner is maou.Color.WHITE
    assert (game.ending, game.tail) == ("resign", "")
    assert game.date == datetime.date(2026, 11, 20)
    assert game.n_plies == 4
    assert game.start.endswith(" b - 1")
    assert game.sfen_at(0) == game.start
    assert game.sfen_at(4).split()[1:] == ["b", "Bb", "5"]
    with pytest.raises(IndexError, match="found 5"):
        game.sfen_at(5)


def test_games_are_immutable_and_equal_by_content() -> None:
    (first,), (second,) = maou.read_games(CSA.encode()), maou.read_games(CSA.encode())
    assert first == second
    assert len({first, second}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.black = "x"  # type: ignore[misc]


def test_numbers_of_results_and_colors_are_those_of_the_files() -> None:
    assert [(r.name, r.value) for r in maou.GameResult] == [
        ("DRAW", 0),
        ("BLACK_WINS", 1),
        ("WHITE_WINS", 2),
        ("UNKNOWN", 3),
    ]
    assert [(c.name, c.value) for c in maou.Color] == [("BLACK", 0), ("WHITE", 1)]


def test_path_bytes_and_file_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.csa"
    path.write_bytes(CSA.encode())
    games = maou.read_games(CSA.encode())
    assert maou.read_games(path) == games
    assert maou.read_games(str(path)) == games
    assert maou.read_games(io.BytesIO(CSA.encode())) == games
    with path.open("rb") as file:
        assert maou.read_games(file) == games
    with path.open() as text, pytest.raises(TypeError, match="binary mode"):
        maou.read_games(text)  # type: ignore[arg-type]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes with a name")
def test_only_regular_files_are_read_by_path(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csa"
    os.mkfifo(pipe)
    link = tmp_path / "endless.csa"
    link.symlink_to("/dev/zero")
    for path, found in ((pipe, "a pipe"), (link, "a pipe"), (tmp_path, "a folder")):
        with pytest.raises(OSError, match=f"expected a regular file, found {found}"):
            maou.read_games(path)
    with pytest.raises(IsADirectoryError):
        maou.read_games(tmp_path)
    reader, writer = os.pipe()
    os.write(writer, CSA.encode())
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        assert len(maou.read_games(file)) == 1


def test_a_bad_record_raises_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "bad.csa"
    path.write_bytes(BROKEN.encode())
    with pytest.raises(maou.RecordError) as raised:
        maou.read_games(path)
    error = raised.value
    assert (error.path, error.line, error.kind) == (str(path), 14, "illegal_move")
    assert error.column >= 1
    assert str(error).startswith(f"{path}:14:{error.column}: expected ")
    assert "`-3121GI`" in str(error)
    assert isinstance(error, ValueError)
    with path.open("rb") as file, pytest.raises(maou.RecordError) as raised:
        maou.read_games(file)
    assert raised.value.path == str(path)
    with pytest.raises(maou.RecordError) as raised:
        maou.read_games(BROKEN.encode())
    assert raised.value.path is None
    assert str(raised.value).startswith("14:")


def test_skip_keeps_what_can_be_read() -> None:
    (game,) = maou.read_games(BROKEN.encode(), on_error="skip")
    assert game.usi_moves == ["7g7f", "3c3d", "8h2b+"]
    assert game.tail.startswith("-3121GI")
    assert game.result is maou.GameResult.UNKNOWN or game.ending != "illegal_move"


def test_a_callable_gets_every_problem() -> None:
    problems: list[maou.RecordError] = []
    games = maou.read_games(f"{BROKEN}/\n{CSA}".encode(), on_error=problems.append)
    assert [game.n_plies for game in games] == [3, 4]
    assert [problem.line for problem in problems] == [14]


def test_what_is_no_record() -> None:
    with pytest.raises(maou.RecordError) as raised:
        maou.read_games(b"once upon a time\n")
    assert raised.value.kind == "not_a_record"
    with pytest.raises(maou.RecordError) as raised:
        maou.read_games(b"")
    assert raised.value.kind == "empty"
    with pytest.raises(FileNotFoundError):
        maou.read_games("no/such/file.csa")
    with pytest.raises(ValueError, match="`ignore`"):
        maou.read_games(CSA.encode(), on_error="ignore")  # type: ignore[arg-type]
