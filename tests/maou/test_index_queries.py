"""Every question to an index has the answer of one who looks at everything."""

from __future__ import annotations

import datetime
import random
import shutil
import struct
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from maou_rust import maou_index, maou_io

import maou
from maou.positions import psv_moves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LIMITS = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TURNED = "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1"
STARTS = [
    maou.Board().sfen(),
    maou.Board().sfen(),
    maou.Board().sfen(),
    TURNED,
    maou.Board.handicap("rook").sfen(),
    maou.Board.handicap("two").sfen(),
    # A problem without Black's king.
    "4k4/9/4G4/9/9/9/9/9/9 b G2r2b2g4s4n4l18p 1",
]
NAMES = ["Ada", "Bo", "Ada Bo", "", "羽生"]
EVENTS = ["", "cup", "cup final"]
ENDINGS = ["resign", "checkmate", "max_moves", "unknown"]
DAY = datetime.date(2024, 1, 30)


def random_moves(chance: random.Random, start: str) -> list[int]:
    """Few different moves, so that positions come back, in other games and in this."""
    board = maou.Board(start)
    moves: list[int] = []
    width = chance.choice([1, 2, 2, 3, 30])
    for _ in range(chance.choice([0, 1, 4, 9, 25])):
        legal = sorted(map(int, board.legal_moves))
        if not legal:
            break
        back = [m for m in legal if len(moves) > 1 and m == flipped(moves[-2])]
        if back and chance.random() < 0.3:
            moves.append(back[0])
        else:
            if board.turn == 1:
                legal.reverse()
            moves.append(chance.choice(legal[:width]))
        board.push(maou.Move(moves[-1]))
    return moves


def flipped(move: int) -> int:
    """The way back of a move on the board."""
    return (move & 127) << 7 | move >> 7 & 127


def random_games(chance: random.Random, n: int) -> pl.DataFrame:
    """Games as a table that `maou convert` takes."""
    rows = []
    for _ in range(n):
        start = chance.choice(STARTS)
        moves = random_moves(chance, start)
        rows.append(
            {
                "start": start,
                "moves": moves,
                "evals_cp": [
                    chance.choice([None, -300, -10, 0, 10, 300, 32000]) for _ in moves
                ],
                "result": chance.randrange(4),
                "ending": chance.choice(ENDINGS),
                "black": chance.choice(NAMES),
                "white": chance.choice(NAMES),
                "event": chance.choice(EVENTS),
                "black_rating": chance.choice([None, 1500.0, 2000.5, 2800.0]),
                "white_rating": chance.choice([None, 1500.0, 2000.5, 2800.0]),
                "date": chance.choice(
                    [None, DAY, DAY + datetime.timedelta(chance.randrange(400))]
                ),
            }
        )
    schema: dict[str, Any] = {
        "start": pl.String,
        "moves": pl.List(pl.UInt16),
        "evals_cp": pl.List(pl.Int16),
        "result": pl.UInt8,
        "ending": pl.String,
        "black": pl.String,
        "white": pl.String,
        "event": pl.String,
        "black_rating": pl.Float64,
        "white_rating": pl.Float64,
        "date": pl.Date,
    }
    return pl.DataFrame(rows, schema=schema)


def random_variations(chance: random.Random) -> str:
    """A game with variations as KIF."""
    moves = random_moves(chance, STARTS[0]) or [7739]
    ply = chance.randrange(len(moves))
    board = maou.Board()
    for move in moves[:ply]:
        board.push(maou.Move(move))
    others = [int(m) for m in board.legal_moves if int(m) != moves[ply]]
    line = maou.Variation(ply=ply, moves=(maou.Move(chance.choice(others)),))
    game = maou.Game(
        moves=tuple(map(maou.Move, moves)), variations=(line,), black="Vera"
    )
    return game.to_kif()


def random_loose(chance: random.Random, name: str) -> bytes:
    """Positions as HCPE, or as PSV, which tells their ply."""
    rows = []
    for _ in range(chance.randrange(1, 8)):
        board = maou.Board(chance.choice([*STARTS[:4], *STARTS[4:6]]))
        for _ in range(chance.randrange(3)):
            board.push(sorted(board.legal_moves, key=int)[chance.randrange(2)])
        move = chance.choice(sorted(map(int, board.legal_moves)))
        eval_cp = chance.choice([-32768, -300, -10, 0, 10, 300, 32767])
        result = chance.randrange(3)
        if name.endswith(".hcpe"):
            rows.append(board.hcp() + struct.pack("<hHBx", eval_cp, move, result))
        else:
            yaneuraou = int(psv_moves(np.array([move], np.uint16))[0])
            side = {0: 0, 1: 1, 2: -1}[result] * (1 if board.turn == 0 else -1)
            rows.append(
                board.packed_sfen()
                + struct.pack(
                    "<hHHbx", eval_cp, yaneuraou, chance.randrange(1, 40), side
                )
            )
    return b"".join(rows)


def write_source(chance: random.Random, folder: Path, number: int) -> None:
    kind = chance.choice(["table", "table", "table", "kif", "hcpe", "psv"])
    if kind == "table":
        table = random_games(chance, chance.randrange(1, 6))
        table.write_ipc(folder / f"{number:02}.feather")
    elif kind == "kif":
        (folder / f"{number:02}.kif").write_text(random_variations(chance))
    else:
        name = f"{number:02}.{kind}"
        (folder / name).write_bytes(random_loose(chance, name))


@dataclass
class Everything:
    """All positions and games of a dataset, found by looking at each."""

    positions: list[dict[str, Any]]
    games: list[dict[str, Any]]


def everything(data: Path) -> Everything:
    positions: list[dict[str, Any]] = []
    games = []
    files = maou_io.files(data)
    for file in files:
        if file["table"] != "games":
            continue
        frame = pl.read_ipc(file["path"])
        for row, game in enumerate(frame.iter_rows(named=True)):
            place = {"shard": number_of(file["path"]), "row": row}
            known = {
                **{name: game[name] for name in ("black", "white", "event", "date")},
                **{name: game[name] for name in ("result", "ending", "source")},
                "black_rating": game["black_rating"],
                "white_rating": game["white_rating"],
                "is_variation": game.get("parent_id") is not None,
                "n_plies": len(game["moves"]),
                "start": game["start"],
                "game": game["id"],
                **place,
            }
            games.append(known)
            board = maou.Board(game["start"])
            for ply, move in enumerate([*game["moves"], None]):
                eval_cp = None if move is None else game["evals_cp"][ply]
                positions.append(
                    {
                        **known,
                        **seen(board),
                        "ply": ply,
                        "move": move,
                        "eval_cp": eval_cp,
                        "game_number": len(games),
                    }
                )
                if move is not None:
                    board.push(maou.Move(move))
    for file in files:
        if file["table"] != "positions":
            continue
        frame = pl.read_ipc(file["path"])
        for row, loose in enumerate(frame.iter_rows(named=True)):
            board = maou.Board.from_hcp(bytes(loose["position"]))
            ply = loose["ply"]
            moves = board.sfen().rsplit(" ", 1)[0]
            positions.append(
                {
                    "game": None,
                    "shard": number_of(file["path"]),
                    "row": row,
                    **seen(board),
                    "sfen": f"{moves} {1 if ply is None else ply}",
                    "ply": None if ply is None else ply - 1,
                    "move": loose["move"],
                    "eval_cp": loose["eval_cp"],
                    "result": loose["result"],
                    "source": loose["source"],
                    "game_number": 0,
                }
            )
    return Everything(positions, games)


def number_of(path: str) -> int:
    return int(path.rsplit("-", 1)[1].partition(".")[0])


def seen(board: maou.Board) -> dict[str, Any]:
    return {"key": board.key, "sfen": board.sfen(), "turn": int(board.turn)}


SQUARES = [f"{file}{rank}" for file in "123456789" for rank in "abcdefghi"]
# Patterns, and what they say of a board.
PATTERNS: dict[str, Callable[[maou.Board], bool]] = {
    "P7f": lambda b: symbol(b, "7f") == "P",
    "p3d|P2f": lambda b: symbol(b, "3d") == "p" or symbol(b, "2f") == "P",
    "R2h white": lambda b: symbol(b, "2h") == "R" and b.turn == 1,
    "hand:P": lambda b: b.hands[0][maou.PieceType.PAWN] >= 1,
    "not r8b .5e": lambda b: symbol(b, "8b") != "r" and symbol(b, "5e") == "",
    "G*": lambda b: any(symbol(b, s) == "G" for s in SQUARES),
}


def symbol(board: maou.Board, square: str) -> str:
    piece = board.piece_at(square)
    return "" if piece is None else piece.symbol


def turned(board: maou.Board) -> maou.Board:
    """The twin of a board, colors swapped."""
    places, turn, hands, number = board.sfen().split()
    return maou.Board(
        f"{swapped(places[::-1])} {'w' if turn == 'b' else 'b'}"
        f" {sorted_hands(hands.swapcase())} {number}"
    )


def swapped(places: str) -> str:
    """Case swapped, in a text that was read backwards: `+` stands behind its piece."""
    out: list[str] = []
    for char in places:
        if char == "+":
            out.insert(len(out) - 1, "+")
        else:
            out.append(char.swapcase())
    return "".join(out)


def sorted_hands(hands: str) -> str:
    if hands == "-":
        return hands
    parts: list[str] = []
    count = ""
    for char in hands:
        if char.isdigit():
            count += char
        else:
            parts.append(count + char)
            count = ""
    return "".join(sorted(parts, key=lambda part: part[-1].islower()))


def mirrored(board: maou.Board) -> maou.Board:
    """The board with left and right swapped."""
    places, *rest = board.sfen().split()
    ranks = []
    for rank in places.split("/"):
        out: list[str] = []
        for char in reversed(rank):
            if char == "+":
                out.insert(len(out) - 1, "+")
            else:
                out.append(char)
        ranks.append("".join(out))
    return maou.Board(" ".join(["/".join(ranks), *rest]))


def fits(board: maou.Board, pattern: str, mirror: bool, either_color: bool) -> bool:
    boards = [board]
    if mirror:
        boards.append(mirrored(board))
    if either_color:
        boards += [turned(board) for board in boards]
    return any(PATTERNS[pattern](board) for board in boards)


Row = dict[str, Any]


def is_within(value: Any, span: tuple[Any, Any]) -> bool:
    low, high = span
    return (
        value is not None
        and (low is None or value >= low)
        and (high is None or value <= high)
    )


def is_game_wanted(game: Row, query: Row) -> bool:  # noqa: PLR0911 - one a filter
    """Whether the game, or a loose position without what it lacks, is asked for."""
    if game.get("is_variation") and not query.get("variations"):
        return False
    if "id" in query and game["game"] != query["id"]:
        return False
    if "id_prefix" in query and not f"{game['game']:016x}".startswith(
        query["id_prefix"]
    ):
        return False
    sides = ["black", "white"]
    if "player" in query:
        sides = [side for side in sides if like(game[side], query["player"])]
    if "rating" in query:
        sides = [s for s in sides if is_within(game[f"{s}_rating"], query["rating"])]
    if not sides:
        return False
    if "date" in query and not is_within(game["date"], query["date"]):
        return False
    if "ending" in query and game["ending"] != query["ending"]:
        return False
    if "event" in query and not like(game["event"], query["event"]):
        return False
    return "result" not in query or game["result"] in query["result"]


def like(text: str, pattern: str) -> bool:
    if pattern.endswith("*"):
        return text.startswith(pattern[:-1])
    return text == pattern


OF_GAMES = ("id", "id_prefix", "player", "rating", "date", "ending", "event")


def answer(  # noqa: PLR0912 - one a filter
    found: Everything, query: Row, position: maou.Board | None
) -> list[Row]:
    """The rows that a query asks for, in the order of the dataset."""
    of_positions = position is not None or any(
        name in query for name in ("pattern", "eval_cp", "ply")
    )
    of_games = any(name in query for name in (*OF_GAMES, "result"))
    unit = query.get("unit") or (
        "games" if of_games and not of_positions else "positions"
    )
    either = query.get("either_color", False)
    if unit == "games" and not of_positions:
        return [game for game in found.games if is_game_wanted(game, query)]
    rows = []
    for row in found.positions:
        is_loose = row["game"] is None
        if is_loose and any(name in query for name in OF_GAMES):
            continue
        if is_loose:
            if "result" in query and row["result"] not in query["result"]:
                continue
        elif not is_game_wanted(row, query):
            continue
        if not is_loose and row["move"] is None and not query.get("final"):
            continue
        if position is not None:
            shift = 1 if either else 0
            if row["key"] >> shift != position.key >> shift:
                continue
        if "eval_cp" in query and not is_within(row["eval_cp"], query["eval_cp"]):
            continue
        if "ply" in query and not is_within(row["ply"], query["ply"]):
            continue
        if "pattern" in query and not fits(
            maou.Board(row["sfen"]),
            query["pattern"],
            query.get("mirror", False),
            either,
        ):
            continue
        rows.append(row)
    if unit == "positions":
        return rows
    numbers = {row["game_number"] for row in rows} - {0}
    return [found.games[number - 1] for number in sorted(numbers)]


def ordered(rows: list[Row], sort: str, descending: bool) -> list[Row]:
    def value(row: Row) -> Any:
        if sort == "rating":
            ratings = [row.get("black_rating"), row.get("white_rating")]
            return max((r for r in ratings if r is not None), default=None)
        return row.get({"id": "game"}.get(sort, sort))

    known = [row for row in rows if value(row) is not None]
    unknown = [row for row in rows if value(row) is None]
    # Equal ones stay in the order of the dataset.
    return sorted(known, key=value, reverse=descending) + unknown


SPAN_OF_EVALS = st.tuples(
    st.sampled_from([None, -40000, -32768, -300, 0, 10]),
    st.sampled_from([None, -300, 0, 10, 32000, 40000]),
)
SPAN_OF_PLIES = st.tuples(
    st.sampled_from([None, 0, 1, 5]), st.sampled_from([None, 0, 2, 9, 100])
)
QUERY = st.fixed_dictionaries(
    {},
    optional={
        "either_color": st.booleans(),
        "pattern": st.sampled_from(sorted(PATTERNS)),
        "mirror": st.booleans(),
        "player": st.sampled_from([*NAMES, "Ada*", "*", "Nobody", "Vera"]),
        "rating": st.tuples(
            st.sampled_from([None, 1500.0, 2000.5, 2001.0]),
            st.sampled_from([None, 1500.0, 2800.0]),
        ),
        "date": st.tuples(
            st.sampled_from([None, DAY, DAY + datetime.timedelta(100)]),
            st.sampled_from([None, DAY, DAY + datetime.timedelta(200)]),
        ),
        "eval_cp": SPAN_OF_EVALS,
        "ply": SPAN_OF_PLIES,
        "result": st.sets(st.integers(0, 3), min_size=1),
        "ending": st.sampled_from(ENDINGS),
        "event": st.sampled_from([*EVENTS, "cup*"]),
        "final": st.booleans(),
        "variations": st.booleans(),
        "unit": st.sampled_from(["games", "positions"]),
    },
)


def few(query: Row, chance: random.Random) -> Row:
    """Some of the filters: all of them together find nothing."""
    names = [name for name in query if chance.random() < 0.35]
    return {name: query[name] for name in names if query[name] != (None, None)}


POSITION_COLUMNS = ["game", "shard", "row", "ply", "move", "eval_cp", "result"]
GAME_COLUMNS = ["game", "shard", "row", "n_plies", "result"]
DETAILS = ["black", "white", "black_rating", "white_rating", "date", "event"]


def check(
    index: maou.Index,
    found: Everything,
    query: Row,
    position: maou.Board | None,
    chance: random.Random,
) -> None:
    """One question, asked in all ways."""
    expected = answer(found, query, position)
    assert index.count(position, **query) == len(expected), query
    is_games = index.find(position, limit=0, **query).columns[3] == "n_plies"
    columns = GAME_COLUMNS if is_games else POSITION_COLUMNS
    asked = [rows(index.find(position, **query), columns)]
    assert asked[0] == [pick(row, columns) for row in expected], query
    offset, limit = chance.randrange(6), chance.randrange(6)
    page = index.find(position, offset=offset, limit=limit, details=True, **query)
    wanted = expected[offset : offset + limit]
    assert rows(page, columns) == [pick(row, columns) for row in wanted]
    more = [*DETAILS, "ending", "source", "start" if is_games else "sfen"]
    assert rows(page, more) == [pick(row, more) for row in wanted], query
    keys = ["date", "rating", "id", "n_plies"]
    sort = chance.choice(keys if is_games else [*keys, "eval_cp", "ply"])
    descending = chance.random() < 0.5
    page = index.find(
        position,
        sort=sort,
        descending=descending,
        offset=offset,
        limit=limit,
        **query,
    )
    wanted = ordered(expected, sort, descending)[offset : offset + limit]
    assert rows(page, columns) == [pick(row, columns) for row in wanted], (sort, query)


def rows(frame: pl.DataFrame, columns: list[str]) -> list[tuple[Any, ...]]:
    return list(frame.select(columns).iter_rows())


def pick(row: Row, columns: list[str]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in columns)


def check_moves(index: maou.Index, found: Everything, query: Row, board: Any) -> None:
    query = {k: v for k, v in query.items() if k not in ("unit", "final", "pattern")}
    expected: dict[int, list[Row]] = {}
    for row in answer(found, {**query, "unit": "positions"}, board):
        move = row["move"]
        if row["turn"] != board.turn:
            move = int(turned_move(move))
        expected.setdefault(move, []).append(row)
    moves = index.moves(board, **query)
    assert set(moves.select("move", "n", "games").iter_rows()) == {
        (
            move,
            len(rows),
            len({r["game_number"] for r in rows if r["game"] is not None}),
        )
        for move, rows in expected.items()
    }
    assert moves["n"].is_sorted(descending=True)
    for row in moves.iter_rows(named=True):
        games = expected[row["move"]]
        points = [
            {0: 0.5, 1: 1 - g["turn"], 2: g["turn"]}[g["result"]]
            for g in games
            if g["result"] < 3
        ]
        evals = [float(g["eval_cp"]) for g in games if g["eval_cp"] is not None]
        side = ["black_rating", "white_rating"]
        rated = [g.get(side[g["turn"]]) for g in games]
        ratings = [float(rating) for rating in rated if rating is not None]
        years = [g["date"].year for g in games if g.get("date") is not None]
        for name, values in [("score", points), ("eval_cp", evals)]:
            assert row[name] == (pytest.approx(np.mean(values)) if values else None)
        assert row["rating"] == (pytest.approx(np.mean(ratings)) if ratings else None)
        assert row["last_year"] == max(years, default=None)


def turned_move(move: int) -> int:
    to, origin = move & 127, move >> 7 & 127
    origin = 80 - origin if origin < 81 else origin
    return move & 1 << 14 | origin << 7 | (80 - to)


def check_shared(
    one: maou.Index, ours: Everything, theirs: Everything, other: Any
) -> None:
    def counted(found: Everything) -> Iterator[Row]:
        return (
            row
            for row in found.positions
            if not row.get("is_variation")
            and (row["game"] is None or row["move"] is not None)
        )

    keys = Counter(row["key"] >> 1 for row in counted(theirs))
    expected = [row for row in counted(ours) if row["key"] >> 1 in keys]
    shared = one.also_in(other)
    assert rows(shared, POSITION_COLUMNS) == [
        pick(row, POSITION_COLUMNS) for row in expected
    ]
    assert shared["n"].to_list() == [keys[row["key"] >> 1] for row in expected]
    assert one.count_also_in(other) == len(expected)
    page = one.also_in(other, offset=2, limit=3)
    assert page.equals(shared[2:5])
    ids = Counter(g["game"] for g in theirs.games if not g["is_variation"])
    games = [g for g in ours.games if g["game"] in ids and not g["is_variation"]]
    shared = one.also_in(other, "games")
    assert rows(shared, GAME_COLUMNS) == [pick(row, GAME_COLUMNS) for row in games]
    assert shared["n"].to_list() == [ids[game["game"]] for game in games]
    assert one.count_also_in(other, "games") == len(games)


def convert(records: Path, data: Path, variations: bool) -> None:
    maou_io.convert([records], data, variations=variations, shard_bytes=1, prune=True)


@LIMITS
@given(
    seed=st.integers(0, 1 << 32),
    variations=st.booleans(),
    queries=st.lists(QUERY, min_size=12, max_size=12),
)
def test_answers_are_those_of_brute_force(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    variations: bool,
    queries: list[Row],
) -> None:
    chance = random.Random(seed)
    folder = tmp_path_factory.mktemp("index")
    records, data = folder / "records", folder / "data"
    records.mkdir()
    numbers = list(range(chance.randrange(1, 7)))
    for number in numbers:
        write_source(chance, records, number)
    before: tuple[maou.Index, Everything] | None = None
    for _ in range(3):
        convert(records, data, variations)
        if maou_index.status(data)["state"] != "fresh":
            with pytest.raises(maou.DatasetError, match=r"`maou index .*data`"):
                maou.Index(data)
        force = chance.random() < 0.2
        maou_index.build(data, threads=chance.randrange(3), force=force)
        assert maou_index.status(data)["state"] == "fresh"
        index = maou.Index(data)
        found = everything(data)
        ids = [game["game"] for game in found.games]
        for drawn in queries:
            query = few(drawn, chance)
            if ids and chance.random() < 0.2:
                query["id"] = chance.choice([*ids, 7])
            elif ids and chance.random() < 0.2:
                digits = f"{chance.choice(ids):016x}"
                query["id_prefix"] = digits[: chance.choice([1, 2, 8, 16])]
            board = None
            if chance.random() < 0.4 and found.positions:
                board = maou.Board(chance.choice(found.positions)["sfen"])
                if chance.random() < 0.3:
                    board = turned(board)
            check(index, found, query, board, chance)
            if board is not None:
                check_moves(index, found, query, board)
        check_many(index, found, chance)
        check_games(index, found, chance)
        if before is not None:
            shutil.rmtree(folder / "copy", ignore_errors=True)
            shutil.copytree(data, folder / "copy")
            check_shared(index, found, before[1], before[0])
            check_shared(index, found, found, folder / "copy")
        # The dataset goes on, and the open index answers as before.
        before = (index, found)
        numbers = change(chance, records, numbers)
    shutil.rmtree(folder)


def change(chance: random.Random, records: Path, numbers: list[int]) -> list[int]:
    """Some sources go, some are replaced, some come."""
    left = []
    for number in numbers:
        fate = chance.random()
        if fate < 0.4:
            for path in records.glob(f"{number:02}.*"):
                path.unlink()
            if fate < 0.2:
                write_source(chance, records, number)
                left.append(number)
        else:
            left.append(number)
    new = max(numbers, default=0) + 1
    for number in range(new, new + chance.randrange(1, 3)):
        write_source(chance, records, number)
        left.append(number)
    return left


def check_many(index: maou.Index, found: Everything, chance: random.Random) -> None:
    """An array of positions is as many questions."""
    queries: list[Row] = [{}, {"either_color": True}, {"ply": (1, 4)}]
    boards = [maou.Board(row["sfen"]) for row in found.positions]
    boards = [board for board in boards if board.king(0) and board.king(1)]
    if not boards:
        return
    boards = [*chance.choices(boards, k=5), maou.Board()]
    array = maou.PositionArray.from_boards(boards)
    for query in queries:
        counts = index.count(array, **query)
        assert counts.dtype == np.uint64
        assert counts.tolist() == [index.count(board, **query) for board in boards]
        frame = index.find(array, **query)
        expected = pl.concat(
            index.find(board, **query).with_columns(query=pl.lit(n, pl.UInt32))
            for n, board in enumerate(boards)
        )
        assert frame.equals(expected.select(frame.columns))


def check_games(index: maou.Index, found: Everything, chance: random.Random) -> None:
    for known in chance.sample(found.games, k=min(3, len(found.games))):
        game = index.game(known["game"])
        assert game.id == known["game"]
        assert game.id == index.game(f"{known['game']:016x}").id
        assert len(game.moves) == known["n_plies"]
    with pytest.raises(KeyError, match="0000000000000001"):
        index.game(1)


def short_games(chance: random.Random, n: int, first: int) -> pl.DataFrame:
    """Games of up to two moves, so that few positions stand in all of them."""
    opening = [7739, 1934]
    rows = []
    for number in range(first, first + n):
        moves = [chance.choice(opening)]
        board = maou.Board()
        board.push(maou.Move(moves[0]))
        moves.append(chance.choice(sorted(map(int, board.legal_moves))[:3]))
        if number % 50 == 7:
            # As the start, but for colors.
            start, moves = TURNED, [8 << 7 | 7]
        else:
            start, moves = STARTS[0], moves[: chance.choice([0, 1, 1, 2])]
        rows.append(
            {
                "start": start,
                "moves": moves,
                "evals_cp": [chance.choice([None, -300, 0, 10]) for _ in moves],
                "result": chance.randrange(4),
                "ending": chance.choice(ENDINGS),
                "black": f"{number}",
                "white": chance.choice(NAMES),
                "event": chance.choice(EVENTS),
                "black_rating": chance.choice([None, 1500.0, 2000.5]),
                "white_rating": chance.choice([None, 1500.0, 2800.0]),
                "date": chance.choice([None, DAY]),
            }
        )
    return pl.DataFrame(rows, schema=random_games(chance, 0).schema)


def test_positions_of_very_many_games(tmp_path: Path) -> None:
    """They are looked at as a whole, piece by piece; some end there."""
    chance = random.Random(1)
    records, data = tmp_path / "records", tmp_path / "data"
    records.mkdir()
    short_games(chance, 34_000, 0).write_ipc(records / "a.feather")
    short_games(chance, 6_000, 34_000).write_ipc(records / "b.feather")
    (records / "c.hcpe").write_bytes(random_loose(chance, "c.hcpe"))
    queries: list[Row] = [
        {},
        {"final": True},
        {"either_color": True},
        {"unit": "games"},
        {"rating": (2000.5, None), "either_color": True},
        {"eval_cp": (0, 10), "ply": (0, 1)},
        {"player": "Ada*", "threads": 1},
    ]
    for _ in range(2):
        convert(records, data, variations=False)
        maou_index.build(data)
        index, found = maou.Index(data), everything(data)
        after = maou.Board()
        after.push(maou.Move(7739))
        for query in queries:
            asked = {name: query[name] for name in query if name != "threads"}
            for board in (maou.Board(), maou.Board(TURNED), after, None):
                expected = answer(found, asked, board)
                assert index.count(board, **query) == len(expected), (query, board)
                page = index.find(board, offset=5_000, limit=20, **query)
                columns = GAME_COLUMNS if "n_plies" in page else POSITION_COLUMNS
                wanted = [pick(row, columns) for row in expected[5_000:5_020]]
                assert rows(page, columns) == wanted, (query, board)
            for board in (maou.Board(), after):
                check_moves(index, found, asked, board)
        # What is left stands in a part of what was.
        (records / "b.feather").unlink(missing_ok=True)
        short_games(chance, 2_000, 50_000).write_ipc(records / "d.feather")
