"""`maou.read_games`: sources, games, and what happens to bad records."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import inspect
import io
import os
import pickle
import sys
from typing import TYPE_CHECKING, Any

import pytest

import maou
from maou.headers import parse_datetime, parse_time_control

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
    assert game.moves[:2] == (maou.Move(7739), maou.Move.from_usi("3c3d"))
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
    for ply in (5, -1):
        with pytest.raises(IndexError, match=f"found {ply}"):
            game.sfen_at(ply)
    board = game.board()
    assert board.sfen() == game.sfen_at(4)
    assert tuple(board.move_stack) == game.moves
    assert game.board(2).sfen() == game.sfen_at(2)
    illegal = maou.Game.from_usi("7g7f 7g7f")
    assert illegal.board(1).turn is maou.Color.WHITE
    with pytest.raises(maou.RecordError, match="ply 1: expected a legal move"):
        illegal.board()


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
    folder = "a folder; `maou convert` reads folders"
    for path, found in ((pipe, "a pipe"), (link, "a pipe"), (tmp_path, folder)):
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


KIF = """\
開始日時：2025/01/05(日) 10:00:30
終了日時：2025/01/05 21:47
棋戦：a test
持ち時間：各１時間３０分
秒読み：60秒
場所：東京
手合割：平手
先手：Ada
後手：Bo
手数----指手---------消費時間--
*before the first move
   1 ７六歩(77)        ( 0:12/00:00:12)
*#評価値=40
*a good move
   2 ３四歩(33)        ( 0:03/00:00:03)
   3 投了
まで2手で後手の勝ち

変化：2手
   2 ８四歩(83)
*instead
   3 ２六歩(27)
   4 中断

変化：3手
   3 ６六歩(67)
"""
MAIN = ["7g7f", "3c3d"]


def test_a_tree_as_python_objects() -> None:
    (game,) = maou.read_games(KIF.encode())
    assert game.usi_moves == MAIN
    assert game.times_ms == (12_000, 3_000)
    assert game.evals_cp == (40, None)
    assert game.comments == (
        maou.Comment(0, "before the first move"),
        maou.Comment(1, "#評価値=40"),
        maou.Comment(1, "a good move"),
    )
    (line,) = game.variations
    assert (line.ply, line.usi_moves, line.n_plies) == (1, ["8c8d", "2g2f"], 2)
    assert (line.ending, line.result) == (maou.Ending.INTERRUPTED, game.result.UNKNOWN)
    assert line.comments == (maou.Comment(2, "instead"),)
    (inner,) = line.variations
    assert (inner.ply, inner.usi_moves) == (2, ["6g6f"])
    assert (game.n_variations, game.n_comments) == (2, 4)
    assert list(game.all_variations()) == [line, inner]
    assert game.ending is maou.Ending.RESIGN
    assert len({game, *maou.read_games(KIF.encode())}) == 1


def test_header_fields_as_written_and_parsed() -> None:
    (game,) = maou.read_games(KIF.encode())
    names = [name for name, _ in game.headers]
    assert names == [
        *("開始日時", "終了日時", "棋戦", "持ち時間", "秒読み", "場所"),
        *("先手", "後手"),
    ]
    assert game.header("場所") == game.site == "東京"
    assert game.header("記録係", "場所") == "東京"
    assert game.header("記録係") is None
    assert game.start_time == datetime.datetime(2025, 1, 5, 10, 0, 30)
    assert game.end_time == datetime.datetime(2025, 1, 5, 21, 47)
    assert game.end_date == datetime.date(2025, 1, 5)
    assert game.time_control == maou.TimeControl(5_400_000, 60_000)
    csa = CSA.replace("PI", "$SITE:Tokyo\n$TIME_LIMIT:00:10+05\nPI")
    (game,) = maou.read_games(csa.encode())
    assert game.site == "Tokyo"
    assert game.time_control == maou.TimeControl(600_000, 5_000)
    assert game.start_time == datetime.datetime(2026, 11, 20, 10)
    assert game.end_time is game.end_date is None
    (game,) = maou.read_games(b"PI\n+\n+7776FU\n")
    assert (game.headers, game.site, game.time_control) == ((), "", None)
    assert game.start_time is None


def test_floodgate_tells_the_time_control_in_the_event() -> None:
    for event, expected in (
        ("wdoor+floodgate-300-10F+a+b+20250105", maou.TimeControl(300_000, 0, 10_000)),
        ("wdoor+floodgate-900-0+a+b+20080105", maou.TimeControl(900_000)),
        ("wcsc+test-600-30+a+b+1", maou.TimeControl(600_000, 30_000)),
        ("a-1-2 cup", None),
        ("", None),
    ):
        csa = CSA.replace("PI", f"$EVENT:{event}\nPI")
        (game,) = maou.read_games(csa.encode())
        assert game.time_control == expected, event
    (game,) = maou.read_games((CSA + "'$END_TIME:2025/01/05 23:32:21\n").encode())
    assert game.end_time == datetime.datetime(2025, 1, 5, 23, 32, 21)


def test_sources_that_are_none_are_named() -> None:
    (game,) = maou.read_games(CSA.encode())
    for data in (bytearray(CSA.encode()), memoryview(CSA.encode())):
        assert maou.read_games(data) == [game]
    source: Any = 5
    with pytest.raises(TypeError, match=r"expected a path, .* found int"):
        maou.read_games(source)


def test_time_controls_in_all_words() -> None:
    for text, byoyomi, expected in (
        ("00:25+00", "", (1_500_000, 0, 0)),
        (" 0:00+10", "", (0, 10_000, 0)),
        ("01:00+30", "", (3_600_000, 30_000, 0)),
        ("600+10+0", "", (600_000, 10_000, 0)),
        ("300+0+2.5", "", (300_000, 0, 2_500)),
        ("各５時間", "", (18_000_000, 0, 0)),
        ("10分", "30秒", (600_000, 30_000, 0)),
        ("10分 切れたら30秒", "", (600_000, 30_000, 0)),
        ("60分 切れたら1分将棋", "", (3_600_000, 60_000, 0)),
        ("15分＆30秒（考慮時間10分）", "", (900_000, 30_000, 0)),
        ("1時間、30分", "", (5_400_000, 0, 0)),
        ("15分、30秒", "", (900_000, 30_000, 0)),
        ("1時間30分+60秒", "", (5_400_000, 60_000, 0)),
        ("１手30秒", "", (0, 30_000, 0)),
        ("10分30秒", "", (630_000, 0, 0)),
    ):
        control = maou.TimeControl(*expected)
        assert parse_time_control(text, byoyomi) == control, text
    for text in ("", "一億年", "無制限", "5"):
        assert parse_time_control(text) is None, text


def test_times_of_day_in_all_words() -> None:
    for text, expected in (
        ("2014/09/02 10:00", (2014, 9, 2, 10, 0)),
        ("2023/08/18 23:36:03", (2023, 8, 18, 23, 36, 3)),
        ("1999/07/15(木) 19:07:12", (1999, 7, 15, 19, 7, 12)),
        ("2025年1月5日（日）9時30分", (2025, 1, 5, 9, 30)),
        ("2025-01-05T09:30:00", (2025, 1, 5, 9, 30)),
    ):
        assert parse_datetime(text) == datetime.datetime(*expected), text
    for text in ("2014/09/02", "2014/13/02 10:00", "2014/09/02 25:00", "平成20年", ""):
        assert parse_datetime(text) is None, text


def test_words_of_endings_are_those_of_the_files() -> None:
    assert [str(ending) for ending in maou.Ending] == [
        *("resign", "checkmate", "repetition", "perpetual_check", "declaration"),
        *("impasse", "max_moves", "time", "illegal_move", "illegal_action"),
        *("walkover", "interrupted", "no_mate", "takeback", "error", "unknown"),
    ]
    ids = {maou.Game(ending=ending).id for ending in maou.Ending}
    assert len(ids) == len(maou.Ending)


def test_every_format_comes_back() -> None:
    (game,) = maou.read_games(KIF.encode())
    assert str(game) == game.to_kif()
    for text, keeps_tree in (
        (game.to_kif(), True),
        (game.to_ki2(), True),
        (game.to_jkf(), True),
        (game.to_csa(), False),
    ):
        (back,) = maou.read_games(text.encode())
        assert back.id == game.id
        assert (back.black, back.white, back.date) == ("Ada", "Bo", game.date)
        assert back.evals_cp == game.evals_cp
        assert back.n_variations == (2 if keeps_tree else 0)
    for text in (game.to_kif(), game.to_jkf()):
        assert maou.read_games(text.encode())[0].variations == game.variations
    assert game.to_usi() == f"position sfen {game.start} moves {' '.join(MAIN)}\n"
    assert game.to_sfen() == f"{game.start}\n"
    assert maou.read_games(game.to_usi().encode())[0].moves == game.moves
    assert maou.read_games(game.to_sfen().encode())[0].start == game.start


def test_games_are_built_from_moves() -> None:
    game = maou.Game.from_usi("7g7f 3c3d", black="Ada", times_ms=[3000, None])
    assert game.usi_moves == MAIN
    assert game.evals_cp == (None, None)
    assert game.times_ms == (3000, None)
    for moves in ([7739, 2581], ["7g7f", "3c3d"], iter(game.moves)):
        same = maou.Game(moves=moves, black="Ada", times_ms=(3000, None))  # type: ignore[arg-type]
        assert same == game
        assert same.moves[0] is maou.Move(7739)
    other = maou.Game.from_usi(iter(MAIN), ending="resign", result=2)
    assert (other.ending, other.result) == (
        maou.Ending.RESIGN,
        maou.GameResult.WHITE_WINS,
    )
    assert game.id != other.id
    assert maou.read_games(other.to_csa().encode())[0].id == other.id
    handicap = "lnsgkgsnl/9/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1"
    (back,) = maou.read_games(maou.Game.from_usi("", handicap).to_kif().encode())
    assert back.start == handicap
    with pytest.raises(maou.RecordError, match="`7g7x`"):
        maou.Game.from_usi("7g7x")
    with pytest.raises(maou.RecordError, match="after rank 2"):
        maou.Game(start="9/9")
    with pytest.raises(ValueError, match="resigned"):
        maou.Game(ending="resigned")  # type: ignore[arg-type]


def test_the_class_can_be_looked_into() -> None:
    members = dict(inspect.getmembers(maou.Game))
    assert {field.name for field in dataclasses.fields(maou.Game)} <= set(members)


def test_what_usi_says_of_a_position_is_a_game() -> None:
    main = maou.Game.from_usi("7g7f 3c3d")
    for text in ["startpos moves 7g7f 3c3d", "position startpos moves 7g7f 3c3d"]:
        assert maou.Game.from_usi(text) == main
        assert maou.Game.from_usi(text.split()) == main
    assert maou.Game.from_usi("startpos").moves == ()
    handicap = maou.Board.handicap("two").sfen()
    game = maou.Game.from_usi(f"sfen {handicap} moves 5a6b", black="Ada")
    assert (game.start, game.usi_moves, game.black) == (handicap, ["5a6b"], "Ada")
    for each in (main, game, maou.Game.from_usi("", handicap)):
        again = maou.Game.from_usi(each.to_usi())
        assert (again.start, again.moves) == (each.start, each.moves)


EVEN = maou.Game().start


@pytest.mark.parametrize(
    ("text", "start", "message"),
    [
        ("startpos 7g7f", EVEN, "then `moves …`, found `startpos 7g7f`"),
        ("position moves 7g7f", EVEN, "expected `startpos` or `sfen …`"),
        ("position", EVEN, "expected `startpos` or `sfen …`"),
        ("sfen moves 7g7f", EVEN, "expected"),
        ("startpos moves", "4k4/9/9/9/9/9/9/9/4K4 b - 1", "found `startpos` and `4k4"),
    ],
)
def test_half_a_position_is_no_game(text: str, start: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        maou.Game.from_usi(text, start)


def test_what_is_no_move_makes_no_game() -> None:
    with pytest.raises(ValueError, match="16-bit move, found `32768`"):
        maou.Game(moves=(1 << 15,))  # type: ignore[arg-type]
    with pytest.raises((ValueError, OverflowError)):
        maou.Variation(ply=0, moves=(-1,))  # type: ignore[arg-type]


def test_what_no_record_can_hold_is_refused_and_named() -> None:
    def variation(ply: int, usi: str, **fields: object) -> maou.Variation:
        moves = maou.Game.from_usi(usi).moves
        return maou.Variation(ply=ply, moves=moves, **fields)  # type: ignore[arg-type]

    deep = variation(0, "")
    for _ in range(300):
        deep = variation(0, "", variations=(deep,))
    for game, message in (
        (maou.Game.from_usi("7g7f 7g7f"), "ply 1: expected a legal move, found `7g7f`"),
        (
            maou.Game.from_usi("7g7f", variations=[variation(1, "8c8d 8c8d")]),
            "ply 2: expected a legal move, found `8c8d`",
        ),
        (maou.Game.from_usi("7g7f", variations=[variation(2, "")]), "ply 2: .* 0..=1"),
        (maou.Game.from_usi("7g7f", comments=[maou.Comment(9, "x")]), "ply 9: "),
        (maou.Game.from_usi("7g7f", times_ms=[1, 2]), "1 times, one a move, found 2"),
        (maou.Game.from_usi("1a1b"), "ply 0: expected a legal move, found `1a1b`"),
    ):
        with pytest.raises(maou.RecordError, match=message) as raised:
            game.to_kif()
        assert raised.value.kind == "illegal_move"
    for broken, message in (
        (maou.Game.from_usi("7g7f", times_ms=[-1]), "times_ms: "),
        (maou.Game.from_usi("7g7f", evals_cp=[40_000]), "evals_cp: "),
        (maou.Game(variations=(deep,)), "at most 200 lines"),
    ):
        with pytest.raises((ValueError, OverflowError), match=message):
            broken.to_csa()


def test_games_are_written_into_files(tmp_path: Path) -> None:
    games = maou.read_games(f"{CSA}/\n{CSA.replace('alpha', 'gamma')}".encode())
    for name in ("a.csa", "a.kif", "a.kifu", "a.ki2", "a.jkf", "a.usi", "a.JSON"):
        path = tmp_path / name
        maou.write_games(games, path)
        back = maou.read_games(path)
        assert [game.moves for game in back] == [game.moves for game in games], name
    assert maou.write_games(games[0], tmp_path / "b.sfen", format="usi") == {
        "endings": 1,
        "header fields": 4,
        "times": 4,
    }
    assert (tmp_path / "b.sfen").read_text().startswith("position sfen ")
    assert maou.write_games(games[0], str(tmp_path / "c.csa")) == {}
    (game,) = maou.read_games(KIF.encode())
    assert maou.write_games(game, tmp_path / "d.csa")["variations"] == 2
    maou.write_games(game, tmp_path / "e.kif", encoding="cp932")
    assert "東京".encode("cp932") in (tmp_path / "e.kif").read_bytes()
    assert maou.read_games(tmp_path / "e.kif") == maou.read_games(
        game.to_kif().encode()
    )
    file = io.BytesIO()
    maou.write_games(games, file, format="kif")
    assert len(maou.read_games(file.getvalue())) == 2
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.kif"
    path.write_text("old")
    bad = maou.Game.from_usi("7g7f 7g7f")
    with pytest.raises(maou.RecordError, match="game 2: ply 1: "):
        maou.write_games([maou.Game(), bad], path)
    heart = maou.Game(black="\N{BLACK HEART SUIT}\N{GRINNING FACE}")
    with pytest.raises(maou.RecordError, match="Shift_JIS can hold") as raised:
        maou.write_games(heart, path, encoding="shift_jis")
    assert raised.value.kind == "encoding"
    assert path.read_text() == "old"
    for target, message in ((tmp_path / "a.txt", "`.*a.txt`"), (io.BytesIO(), "open")):
        with pytest.raises(ValueError, match=message):
            maou.write_games(bad, target)
    with pytest.raises(ValueError, match="`pgn`"):
        maou.write_games(maou.Game(), path, format="pgn")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`utf-16`"):
        maou.write_games(maou.Game(), path, encoding="utf-16")
    with pytest.raises(TypeError, match="binary mode"):
        maou.write_games(maou.Game(), io.StringIO(), format="kif")  # type: ignore[arg-type]
    with pytest.raises(IsADirectoryError):
        maou.write_games(maou.Game(), tmp_path, format="kif")
    with pytest.raises(FileNotFoundError):
        maou.write_games(maou.Game(), tmp_path / "no" / "a.kif")
    assert [path.name for path in tmp_path.iterdir()] == ["a.kif"]


def test_a_game_that_was_read_is_as_one_that_was_made() -> None:
    (read,) = maou.read_games(KIF.encode())
    names = [field.name for field in dataclasses.fields(maou.Game)]
    made = maou.Game(**{name: getattr(read, name) for name in names})
    assert made == read
    assert hash(made) == hash(read)
    assert repr(made) == repr(read)
    assert made.to_kif() == read.to_kif()
    assert made.sfen_at(2) == read.sfen_at(2)
    for game in (read, *maou.read_games(KIF.encode())):
        assert pickle.loads(pickle.dumps(game)) == made
        assert copy.copy(game) == copy.deepcopy(game) == made
        other = dataclasses.replace(game, black="x")
        assert (other.black, other.variations) == ("x", made.variations)
        assert other.to_kif() == made.to_kif().replace("Ada", "x")
        assert dataclasses.asdict(game)["comments"][1] == {
            "ply": 1,
            "text": "#評価値=40",
        }
    assert read.moves is read.moves
    for name in names:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(read, name, getattr(made, name))
        with pytest.raises(dataclasses.FrozenInstanceError):
            delattr(read, name)
