"""Laws of training sets: the merge of random games is that of a few lines of Python."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from maou_rust import maou_io

import maou

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.property

STARTS = [
    "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1",
    # The same with colors swapped: rows of both are one.
    "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1",
    "4k4/9/9/9/9/9/4P4/9/4K4 b 2G2p 1",
    # A problem without Black's king, which HCP cannot hold.
    "4k4/9/4G4/9/9/9/9/9/9 b G 1",
    "lnsgkgsn1/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1",
]
EVALS = [None, 0, 12, -35, 31_000, -31_990, 32_000]


def random_game(chance: random.Random) -> dict[str, Any]:
    """A short game of few moves to choose from, so that positions come again."""
    start = chance.choice(STARTS)
    board = maou.Board(start)
    moves: list[int] = []
    for _ in range(chance.randrange(9)):
        legal = sorted(board.legal_moves, key=int)
        if not legal:
            break
        move = chance.choice(legal[:3])
        moves.append(int(move))
        board.push(move)
    rating = chance.choice([None, 1500.0, 2900.0])
    return {
        "start": start,
        "moves": moves,
        "evals_cp": [chance.choice(EVALS) for _ in moves],
        "result": chance.randrange(4),
        "ending": chance.choice(["resign", "unknown", "time"]),
        "black_rating": rating,
        "white_rating": chance.choice([None, 2800.0]),
    }


SCHEMA: dict[str, Any] = {
    "start": pl.String,
    "moves": pl.List(pl.UInt16),
    "evals_cp": pl.List(pl.Int16),
    "result": pl.UInt8,
    "ending": pl.String,
    "black_rating": pl.Float64,
    "white_rating": pl.Float64,
}


def make_dataset(chance: random.Random, folder: Path) -> Path:
    """A dataset of random games, some of them twice, and of loose positions."""
    records = folder / "records"
    records.mkdir(parents=True)
    for name in ("b.feather", "a.feather"):
        games = [random_game(chance) for _ in range(chance.randrange(1, 12))]
        games += chance.choices(games, k=2)
        pl.DataFrame(games, schema=SCHEMA).write_ipc(records / name)
    board = maou.Board()
    loose = b""
    for _ in range(chance.randrange(6)):
        move = min(board.legal_moves, key=int)
        loose += board.hcp() + chance.choice([0, -7]).to_bytes(2, "little", signed=True)
        loose += int(move).to_bytes(2, "little") + bytes([chance.randrange(3), 0])
        board.push(move)
    if loose:
        (records / "loose.hcpe").write_bytes(loose)
    out = folder / "data"
    maou_io.convert([records], out, rows_per_file=chance.choice([None, 5]))
    return out


def seen(sfen: str) -> str:
    """The position as the side to move sees it, by the letters of its SFEN."""
    board, turn, hands, _ = sfen.split()
    if turn == "w":
        board = board[::-1].swapcase()
        # A promoted piece's sign stands before it.
        letters = list(board)
        for idx in range(len(letters) - 1):
            if letters[idx + 1] == "+":
                letters[idx], letters[idx + 1] = "+", letters[idx]
        board, hands = "".join(letters), hands.swapcase()
    return f"{board} b {hands} 1"


def seen_move(move: int, turn: int) -> int:
    """The move as the side to move sees it, by the bits of move16."""
    if turn == 0:
        return move
    target, origin, promotion = move & 127, move >> 7 & 127, move >> 14
    origin = 80 - origin if origin <= 80 else origin
    return (80 - target) | origin << 7 | promotion << 14


def mean(pairs: list[tuple[float, float]]) -> float | None:
    """The mean of values by weight."""
    total = sum(weight for _, weight in pairs)
    return sum(value * weight for value, weight in pairs) / total if pairs else None


def merged(positions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Merge positions into rows, the slow way."""
    groups: dict[bytes, list[dict[str, Any]]] = defaultdict(list)
    for position in positions:
        if position["hcp"] is None:
            continue
        hcp = maou.Board(seen(position["sfen"])).hcp()
        win = 1 if position["turn"] == 0 else 2
        known = position["result"] != 3
        score = 0.5 if position["result"] == 0 else float(position["result"] == win)
        eval_cp = position["eval_cp"]
        groups[hcp].append(
            {
                "key": position["key"] & ~1,
                "weight": position["weight"],
                "ply": 65_535 if position["ply"] is None else position["ply"],
                "move": seen_move(position["move"], position["turn"]),
                "score": score if known else None,
                "eval_cp": (
                    None if eval_cp is None else max(-32_000, min(32_000, eval_cp))
                ),
            }
        )
    rows = []
    for hcp, group in groups.items():

        def means(name: str, part: list[dict[str, Any]]) -> list[tuple[float, float]]:
            return [(p[name], p["weight"]) for p in part if p[name] is not None]

        moves = sorted({p["move"] for p in group})
        parts = [[p for p in group if p["move"] == move] for move in moves]
        rows.append(
            {
                "key": group[0]["key"],
                "position": list(hcp),
                "n": len(group),
                "weight": sum(p["weight"] for p in group),
                "ply": min(p["ply"] for p in group),
                "score": mean(means("score", group)),
                "score_weight": sum(w for _, w in means("score", group)),
                "eval_cp": mean(means("eval_cp", group)),
                "eval_weight": sum(w for _, w in means("eval_cp", group)),
                "moves": moves,
                "counts": [len(part) for part in parts],
                "move_weights": [sum(p["weight"] for p in part) for part in parts],
                "move_scores": [mean(means("score", part)) for part in parts],
                "move_evals_cp": [mean(means("eval_cp", part)) for part in parts],
            }
        )
    return sorted(rows, key=lambda row: row["key"])


def rows_of(path: Path, split: str) -> list[dict[str, Any]]:
    """The rows of a training set as Polars reads them."""
    files = maou_io.training_files(path, split)
    return [row for file in files for row in pl.read_ipc(file).to_dicts()]


def is_close(found: Any, wanted: Any) -> bool:
    """Whether two numbers are the same as 32-bit floats, None among them, or lists."""
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(is_close, found, wanted))
    if wanted is None or found is None:
        return found is wanted
    return bool(found == pytest.approx(wanted, rel=1e-6))


def assert_equal(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Compare rows; sums and means are 32-bit floats."""
    assert len(found) == len(expected)
    for row, wanted in zip(found, expected, strict=True):
        assert list(row) == list(wanted)
        for name, value in wanted.items():
            if name in ("key", "position", "n", "ply", "moves", "counts"):
                assert row[name] == value, name
            else:
                assert is_close(row[name], value), name


def positions_of(paths: list[Path], weights: list[float]) -> list[dict[str, Any]]:
    """Every position of some datasets, without games that came before."""
    columns = ["game", "ply", "hcp", "key", "move", "eval_cp", "result", "turn"]
    columns += ["sfen", "ending", "black_rating", "white_rating", "source"]
    positions = []
    known: set[int] = set()
    for path, weight in zip(paths, weights, strict=True):
        dataset = maou.Dataset(path)
        order = dataset.games.collect().with_row_index()
        first: dict[int, int] = {}
        for row in order.sort("source", "index").iter_rows(named=True):
            if row["id"] not in known:
                first.setdefault(row["id"], row["index"])
        known |= first.keys()
        starts = order.select("index", "id", "moves").iter_rows()
        rows = pl.DataFrame(dataset.positions(columns)).iter_rows(named=True)
        for index, game, moves in starts:
            for _ in moves:
                row = next(rows)
                assert row["game"] == game
                if first.get(game) == index:
                    positions.append({**row, "weight": weight})
        positions += [{**row, "weight": weight} for row in rows]
    return positions


@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_rows_are_those_of_a_slow_merge(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    chance = random.Random(seed)
    folder = tmp_path_factory.mktemp("prepare")
    weights = [1.0, 0.5][: chance.randrange(1, 3)]
    data = [make_dataset(chance, folder / f"d{n}") for n, _ in enumerate(weights)]
    positions = positions_of(data, weights)
    share = chance.choice([0.0, 0.4])
    options: dict[str, Any] = {}
    match chance.randrange(6):
        case 0:
            options["ply"] = (2, 5)
            positions = [
                p for p in positions if p["ply"] is not None and 2 <= p["ply"] <= 5
            ]
        case 1:
            options["eval_cp"] = (-100, None)
            positions = [
                p
                for p in positions
                if p["eval_cp"] is not None and p["eval_cp"] >= -100
            ]
        case 2:
            options["results"] = [0, 1]
            positions = [p for p in positions if p["result"] in (0, 1)]
        case 3:
            # Unlike id, result and ending, ratings may differ among copies of a game.
            options["endings"] = ["time"]
            positions = [p for p in positions if p["ending"] == "time"]
        case _:
            pass

    def is_held_back(position: dict[str, Any]) -> bool:
        return (
            position["game"] is not None and position["game"] % 10_000 < share * 10_000
        )

    expected = {
        "train": merged([p for p in positions if not is_held_back(p)]),
        "validation": merged([p for p in positions if is_held_back(p)]),
    }
    out = folder / "train"

    def make(memory: int, threads: int) -> dict[str, bytes]:
        maou.prepare(
            data, out, weights=weights, validation=share, memory=memory,
            threads=threads, force=True, **options,
        )  # fmt: skip
        return {path.name: path.read_bytes() for path in out.glob("*.*")}

    if not expected["train"]:
        with pytest.raises(maou.UsageError, match="expected positions to learn from"):
            make(10**9, 1)
        assert not out.exists()
        return
    files = make(10**9, 1)
    for split, rows in expected.items():
        assert_equal(rows_of(out, split), rows)
    keys = [{row["key"] for row in rows} for rows in expected.values()]
    info = maou_io.training_info(out)
    assert info["n_shared_rows"] == len(keys[0] & keys[1])
    assert make(100_000, 3) == files
    assert maou_io.verify_training(out)["n_problems"] == 0
