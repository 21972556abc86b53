"""`maou find`: every option against a scan of all positions, and what it refuses."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from maou_rust import maou_io, maou_shogi

import maou
from maou.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Find = Callable[..., str]

COLUMNS = (
    *("game", "ply", "sfen", "move", "eval_cp", "result", "ending", "date"),
    *("black", "white", "event", "source", "black_rating", "white_rating", "turn"),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An indexed dataset of games and loose positions."""
    folder = tmp_path_factory.mktemp("find")
    for n, text in enumerate(maou_shogi.generate(30, seed=11)):
        (folder / f"{n:02}.csa").write_bytes(text)
    (folder / "b.kif").write_text(
        "先手：羽生\n後手：*\n棋戦：a|b\n手合割：平手\n1 ７六歩(77)\n2 投了\n",
        encoding="utf-8",
    )
    out = folder / "data"
    maou_io.convert([folder], out)
    main(["convert", str(out), "--to", "hcpe", "-o", str(folder / "loose.hcpe")])
    maou_io.convert([folder], out)
    assert main(["index", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def every(data: Path) -> pl.DataFrame:
    return pl.DataFrame(maou.Dataset(data).positions(COLUMNS))


@pytest.fixture
def find(data: Path, capsys: pytest.CaptureFixture[str]) -> Find:
    def run(*arguments: str, status: int = 0) -> str:
        capsys.readouterr()
        assert main(["find", str(data), *arguments]) == status
        captured = capsys.readouterr()
        return captured.err if status else captured.out

    return run


@pytest.fixture
def refused(data: Path, capsys: pytest.CaptureFixture[str]) -> Find:
    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as exit_:
            main(["find", str(data), *arguments])
        assert exit_.value.code == 2
        return capsys.readouterr().err.splitlines()[-1]

    return run


def listed(find: Find, *arguments: str) -> list[dict[str, Any]]:
    found = json.loads(find(*arguments, "--json"))
    rows: list[dict[str, Any]] = found[found["unit"]]
    assert found["count"] == int(find(*arguments, "--count"))
    return rows


def either(low: float | None, high: float | None) -> pl.Expr:
    """A rating of either player in a range."""
    sides = [pl.col(f"{side}_rating") for side in ("black", "white")]
    return pl.any_horizontal(
        [
            side.is_not_null()
            & (side >= (low if low is not None else -1e9))
            & (side <= (high if high is not None else 1e9))
            for side in sides
        ]
    )


START = maou.Board().sfen()
P7F = maou.Board(moves=[maou.Move.from_usi("7g7f")])
COL = pl.col
QUESTIONS: list[tuple[Sequence[str], pl.Expr]] = [
    (["--after", "7g7f"], COL("sfen").str.starts_with(P7F.sfen()[:-2])),
    (["--sfen", P7F.sfen()], COL("sfen").str.starts_with(P7F.sfen()[:-2])),
    (["--hcp", P7F.hcp().hex()], COL("sfen").str.starts_with(P7F.sfen()[:-2])),
    (
        ["--sfen", START, "--after", "7g7f"],
        COL("sfen").str.starts_with(P7F.sfen()[:-2]),
    ),
    (["--sfen", "startpos"], COL("sfen").str.starts_with(START[:-2])),
    (["--eval", "-200..200"], COL("eval_cp").is_between(-200, 200)),
    (["--eval", "1000.."], COL("eval_cp") >= 1000),
    (["--ply", "30..60"], COL("ply").is_between(30, 60)),
    (["--pattern", "black", "--ply", "..9"], (COL("turn") == 0) & (COL("ply") < 10)),
    (["--ply", "5", "--rating", "2800.."], (COL("ply") == 5) & either(2800, None)),
    (["--ply", "5", "--result", "black"], (COL("ply") == 5) & (COL("result") == 1)),
    (
        ["--unit", "positions", "--ending", "resign"],
        COL("game").is_not_null() & (COL("ending") == "resign"),
    ),
    (
        ["--ply", "0..", "--date", "2020..2021"],
        COL("date").dt.year().is_between(2020, 2021),
    ),
    (["--ply", "0", "--player", "羽生"], COL("black") == "羽生"),
    (["--ply", "0", "--event", "a|b"], COL("event") == "a|b"),
]


@pytest.mark.parametrize(("arguments", "expected"), QUESTIONS)
def test_positions_are_those_of_a_scan(
    arguments: Sequence[str], expected: pl.Expr, find: Find, every: pl.DataFrame
) -> None:
    rows = listed(find, *arguments)
    known = every.filter(expected)
    assert known.height > 0
    assert [row["sfen"] for row in rows] == known["sfen"].to_list()
    assert [row["ply"] for row in rows] == known["ply"].to_list()
    moves = maou.to_usi(known["move"]).to_list()
    assert [row["move"] for row in rows] == moves
    assert [row["source"] for row in rows] == known["source"].to_list()


def test_games_are_those_of_the_table(find: Find, data: Path) -> None:
    games = maou.Dataset(data).games.collect()
    ids = [f"{number:016x}" for number in games["id"]]
    rows = listed(find, "--rating", "..9999")
    known = games.filter(either(None, 9999))
    assert [row["game"] for row in rows] == [f"{n:016x}" for n in known["id"]]
    assert [row["game"] for row in listed(find, "--id", ids[3])] == [ids[3]]
    prefix = ids[3][:1]
    expected = [text for text in ids if text.startswith(prefix)]
    assert [row["game"] for row in listed(find, "--id-prefix", prefix)] == expected
    for result, number in (("black_wins", 1), ("white", 2), ("unknown", 3)):
        rows = listed(find, "--result", result, "--player", "*")
        assert len(rows) == games.filter(pl.col("result") == number).height
    assert "羽生" in find("--player", "羽*")
    assert find("--player", "生") == (
        "nothing found; --player '*生*' finds parts of names\n"
    )


def test_pages_and_order(find: Find) -> None:
    every = listed(find, "--ply", "10..12")
    paged = listed(find, "--ply", "10..12", "--limit", "7", "--offset", "4")
    assert paged == every[4:11]
    falling = listed(
        find, "--ply", "10..12", "--sort", "eval_cp", "--descending", "--limit", "9"
    )
    evals = [row["eval_cp"] for row in every if row["eval_cp"] is not None]
    assert [row["eval_cp"] for row in falling] == sorted(evals, reverse=True)[:9]
    assert "10 of " in find("--ply", "10..12")
    assert find("--ply", "10..12", "--limit", "2").count("#") == 2
    assert find("--ply", "10", "--offset", "999").startswith("0 of ")
    assert "#5 " in find("--ply", "10..12", "--limit", "2", "--offset", "3")


def test_either_color_and_mirror(find: Find) -> None:
    board = maou.Board()
    board.push_usi("2g2f")
    twin = ["--sfen", board.flip().sfen()]
    assert find(*twin, "--count") == "0\n"
    n = find("--after", "2g2f", "--count")
    assert find(*twin, "--either-color", "--count") == n != "0\n"
    for option, other in (("--either-color", "p3d"), ("--mirror", "P3f")):
        both = find("--pattern", "P7f|" + other, "--count")
        assert find("--pattern", "P7f", option, "--count") == both


def test_final_positions_are_asked_for(find: Find, data: Path) -> None:
    game = maou.read_games(data.parent / "00.csa")[0]
    last = ["--sfen", game.sfen_at(game.n_plies)]
    assert find(*last) == (
        "nothing found, but as the last position of 1 game: --final\n"
    )
    assert "played  nothing: the last position" in find(*last, "--final")
    assert json.loads(find(*last, "--final", "--json"))["positions"][0]["move"] is None


def test_moves_add_up_what_was_played(find: Find, every: pl.DataFrame) -> None:
    found = json.loads(find("--moves", "--json"))
    start = every.filter(pl.col("sfen").str.starts_with(START[:-2]))
    counted = start.group_by("move").agg(
        pl.len(), pl.col("eval_cp").mean(), pl.col("date").dt.year().max()
    )
    known = {maou.Move(move).usi(): rest for move, *rest in counted.rows()}
    assert found["count"] == start.height
    assert {row["move"] for row in found["moves"]} == known.keys()
    for row in found["moves"]:
        told = [row["n"], row["eval_cp"], row["last_year"]]
        assert told == pytest.approx(known[row["move"]])
    lines = find("--moves", "--limit", "1").splitlines()
    assert lines[0].endswith("Black to move")
    assert lines[-4].startswith("move ")
    assert "█" in lines[-3]
    n = len(found["moves"])
    assert lines[-1] == f"1 of {n} moves; --limit, --offset show more"
    assert len(find("--moves").splitlines()) == 12 + len(found["moves"])


def test_moves_tell_how_often_where_games_come_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "games.usi").write_text(
        "startpos moves 5i5h 5a5b 5h5i 5b5a 5i5h\nstartpos moves 7g7f\n"
    )
    data = str(tmp_path / "data")
    maou_io.convert([tmp_path / "games.usi"], data)
    assert main(["index", data]) == 0
    capsys.readouterr()
    assert main(["find", data, "--moves"]) == 0
    header, *moves = capsys.readouterr().out.splitlines()[-3:]
    columns = "move games times score eval rating last share"
    assert " ".join(header.split()) == columns
    assert [line.split()[1:4] for line in moves] == [
        ["5i5h", "1", "2"],
        ["7g7f", "1", "1"],
    ]


def test_records_of_what_was_found(
    data: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    capfdbinary.readouterr()
    assert main(["find", str(data), "--player", "*", "--to", "csa"]) == 0
    written = maou.read_games(capfdbinary.readouterr().out)
    assert [game.id for game in written] == [
        row["id"] for row in maou.Dataset(data).games.collect().to_dicts()
    ]
    asked = ["find", str(data), "--ply", "3..4", "--limit", "9"]
    assert main([*asked, "--to", "kif"]) == 0
    assert len(maou.read_games(capfdbinary.readouterr().out)) == 5
    assert main([*asked, "--to", "sfen"]) == 0
    sfens = capfdbinary.readouterr().out.decode().splitlines()
    assert main([*asked, "--to", "usi"]) == 0
    lines = capfdbinary.readouterr().out.decode().splitlines()
    for sfen, line in zip(sfens, lines, strict=True):
        game = maou.Game.from_usi(line)
        assert game.sfen_at(game.n_plies) == sfen


def test_loose_positions_have_no_game_to_write(
    data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    assert main(["find", str(data), "--eval", "-9999..9999", "--to", "kif"]) == 0
    captured = capfd.readouterr()
    assert "kif is for games: left out " in captured.err


def test_a_sheet_of_boards(find: Find, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.svg"
    told = find("--ply", "20", "--limit", "3", "--svg", str(sheet))
    assert told.startswith(f"{sheet}: 3 of ")
    assert sheet.read_text(encoding="utf-8").count("<title>") == 4
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.svg"]
    nowhere = str(tmp_path / "no" / "sheet.svg")
    told = find("--player", "*", "--limit", "1", "--svg", nowhere, status=2)
    assert told == f"maou find: {nowhere}: no such file or directory\n"


@pytest.mark.parametrize(
    ("arguments", "message", "caret"),
    [
        (["--pattern", "P7f 歩7e"], "column 5: expected a term: ", 4),
        (["--pattern", "R2h hand:3R"], "column 10: expected from 1 to 2 rooks", 9),
        (["--sfen", "歩 x"], "column 1: expected a piece", 0),
        (["--sfen", "startpos moves 7g7f"], "column 10: expected an SFEN or", 9),
        (["--sfen", "position startpos"], "column 1: expected an SFEN or", 0),
        (["--after", "7g7f 　3c3e"], "column 7: expected a legal move", 7),
        (["--after", "7g7f foo"], "column 6: expected a move such as", 5),
        (["--hcp", "zz"], "column 1: expected 64 hex digits, found `z`", 0),
        (["--hcp", "00"], "column 1: expected 64 hex digits, found 2", 0),
    ],
)
def test_a_caret_points_at_what_cannot_be_read(
    arguments: list[str], message: str, caret: int, find: Find
) -> None:
    told, text, pointer = find(*arguments, status=2).splitlines()
    assert told.startswith(f"maou find: {arguments[0]}: {message}")
    assert text == f"  {arguments[1]}"
    assert pointer == " " * (2 + caret) + "^"


def test_other_things_that_cannot_be_asked(find: Find, refused: Find) -> None:
    assert "--hcp: expected " in find("--hcp", "00" * 32, status=2)
    for arguments, message in (
        (["--ending", "mate"], "ending: expected resign, "),
        (["--sort", "ply", "--player", "*"], "sort: expected `date`"),
    ):
        assert message in find(*arguments, status=2)
    for arguments, message in (
        (["--json", "--to", "csa"], "--json: not allowed with argument --to"),
        (["--json", "--svg", "a.svg"], "--json: not allowed with argument --svg"),
        (["--count", "--moves"], "not allowed with argument"),
        (["--mirror"], "expected a --pattern"),
        (["--either-color"], "expected a position or a --pattern"),
        (["--moves", "--pattern", "P7f"], "expected one position"),
        (["--moves", "--unit", "games"], "not allowed with argument --unit"),
        (["--moves", "--final"], "not allowed with argument --final"),
        (["--moves", "--sort", "rating"], "not allowed with argument --sort"),
        (["--descending"], "expected a --sort"),
        (["--svg", "a.svg", "--limit", "401"], "at most 400 boards"),
        (["--svg", "a.txt"], "ends in .svg or .png, found `a.txt`"),
        (["--also-in", "x", "--ply", "3"], "not allowed with argument --ply"),
        (["--also-in-index-dir", "x"], "expected an --also-in that it is about"),
        (["--result", "won"], "invalid choice: 'won'"),
        (["--date", "2024-13"], "expected a range of dates"),
        (["--limit", "0"], "expected a number from 1, found `0`"),
        (["--id", "12"], "argument --id: expected 16 hex digits, found `12`"),
        (["--id-prefix", "x"], "--id-prefix: expected 1 to 16 hex digits, found `x`"),
    ):
        assert message in refused(*arguments)


def test_a_missing_and_a_stale_index_name_the_command(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records, out = tmp_path / "records", tmp_path / "a b"
    records.mkdir()
    (records / "0.csa").write_bytes(maou_shogi.generate(1, seed=1)[0])
    maou_io.convert([records], out)
    elsewhere = str(tmp_path / "elsewhere")

    def told(*arguments: str, status: int = 0) -> str:
        capsys.readouterr()
        assert main([*arguments]) == status
        captured = capsys.readouterr()
        return captured.err if status else captured.out

    assert "maou index" in told("find", str(out), "--count", status=2)
    assert f"none: maou index '{out}'\n" in told("info", str(out))
    place = ["--index-dir", elsewhere]
    assert "1 game" in told("index", str(out), *place)
    assert not (out / "index").exists()
    assert told("find", str(out), *place, "--sfen", "startpos", "--count") == "1\n"
    assert "\nindex      fresh, " in told("info", str(out), *place)
    assert json.loads(told("info", str(out), *place, "--json"))["index"]["state"] == (
        "fresh"
    )
    (records / "1.csa").write_bytes(maou_shogi.generate(1, seed=2)[0])
    maou_io.convert([records], out)
    assert f"stale (1 file new): maou index '{out}' --index-dir" in told(
        "info", str(out), *place
    )
    assert "maou index" in told("find", str(out), *place, "--count", status=2)
    report = json.loads(told("index", str(out), *place, "--json"))
    assert (report["kind"], report["n_games"]) == ("index", 2)
    assert told("index", str(out), *place).startswith("nothing is new\n")
    assert told("index", str(tmp_path / "no"), status=2).startswith("maou index: ")


def test_what_two_datasets_share(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    maou_io.convert([data.parent / "00.csa", data.parent / "01.csa"], other)
    assert main(["index", str(other)]) == 0
    shared = ["find", str(data), "--also-in", str(other)]
    capsys.readouterr()
    assert main([*shared, "--unit", "games", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    games = maou.Dataset(other).games.collect()
    assert [row["game"] for row in found["games"]] == [f"{n:016x}" for n in games["id"]]
    assert main([*shared, "--count"]) == 0
    keys = {key & ~1 for key in pl.DataFrame(maou.Dataset(other).positions())["key"]}
    mine = pl.DataFrame(maou.Dataset(data).positions())["key"]
    assert int(capsys.readouterr().out) == sum(key & ~1 in keys for key in mine)
    assert main([*shared, "--limit", "100"]) == 0
    assert capsys.readouterr().out.count(" to move, there ") == 100
    (other / "index").rename(tmp_path / "elsewhere")
    assert main([*shared, "--count"]) == 2
    assert "maou index" in capsys.readouterr().err
    place = ["--also-in-index-dir", str(tmp_path / "elsewhere")]
    assert main([*shared, *place, "--count"]) == 0
    assert int(capsys.readouterr().out) == sum(key & ~1 in keys for key in mine)


def test_what_a_dataset_shares_with_a_training_set(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows of both splits count, as the side to move sees them."""
    other, train = tmp_path / "other", tmp_path / "train"
    maou_io.convert([data.parent / "00.csa", data.parent / "01.csa"], other)
    options: dict[str, Any] = {"memory": 1 << 26, "validation_per_10000": 5_000}
    maou_io.prepare([(other, 1.0, None)], train, **options)
    training = maou.TrainingSet(train)
    splits = [training.rows(split).collect() for split in ("train", "validation")]
    assert all(rows.height > 0 for rows in splits)
    n_rows = Counter(key for rows in splits for key in rows["key"])
    mine = pl.DataFrame(maou.Dataset(data).positions())
    expected = [n_rows[key & ~1] for key in mine["key"] if key & ~1 in n_rows]
    assert 0 < len(expected) < mine.height
    index = maou.Index(data)
    shared = index.also_in(train)
    assert shared["n"].to_list() == expected
    assert index.count_also_in(train) == len(expected)
    both = mine.filter([key & ~1 in n_rows for key in mine["key"]])
    assert shared["move"].to_list() == both["move"].to_list()
    assert shared[3:8].equals(index.also_in(train, offset=3, limit=5))
    capsys.readouterr()
    assert main(["find", str(data), "--also-in", str(train), "--count"]) == 0
    assert int(capsys.readouterr().out) == len(expected)
    games = ["find", str(data), "--also-in", str(train), "--unit", "games"]
    assert main(games) == 2
    assert "found a training set" in capsys.readouterr().err
    place = ["--also-in-index-dir", str(tmp_path)]
    assert main([*games[:4], *place, "--count"]) == 2
    assert "expected a dataset" in capsys.readouterr().err
