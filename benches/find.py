"""Searching datasets: `maou.Index` beside DuckDB with an index and a scan by Polars.

The games are generated, four of five with one of a few openings, as many as it takes
for the positions asked for. Each size is measured in a process of its own, warm, as is
each peer; times are medians in milliseconds unless said. An exact search lists the
first 100 rows, of positions drawn as they come. Peers hold `game`, `ply`, `key`,
`move`, `eval_cp`, `result` and the ratings of each position.

    python benches/find.py [--millions 1 10 50] [--peers-up-to 10] [--loose-up-to 50]
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import SUPPRESS, ArgumentParser
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import polars as pl
from maou_rust import build_info, maou_index, maou_io, maou_shogi

import maou
import measure

if TYPE_CHECKING:
    from collections.abc import Callable

GAMES_AT_ONCE = 4_000
PLIES_A_GAME = 118
N_EXACT = 2_000
FIRST = 100
BEGIN = time.perf_counter()
PATTERN = "R5h|R6h|R7h|R8h K2h,3h hand:P"
COLUMNS = ["game", "ply", "key", "move", "eval_cp", "result"]
RATINGS = ["black_rating", "white_rating"]


def make_games(data: Path, n_positions: int) -> None:
    """Make a dataset of at least so many positions of games."""
    with tempfile.TemporaryDirectory(prefix="maou-bench-") as folder:
        records = Path(folder)

        def write(number: int) -> None:
            texts = maou_shogi.generate(GAMES_AT_ONCE, seed=number)
            (records / f"{number:04}.csa").write_bytes(b"/\n".join(texts))

        n_games = -(-n_positions // PLIES_A_GAME)
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            list(threads.map(write, range(-(-n_games // GAMES_AT_ONCE))))
        maou_io.convert([records], data)


def make_loose(games: Path, data: Path) -> None:
    """Make a dataset of the same positions as loose ones."""
    path = data.with_suffix(".hcpe")
    maou_io.export(games, path, format="hcpe", missing_eval=0)
    maou_io.convert([path], data)
    path.unlink()


def median_ms(work: Callable[[], object], n: int = 9) -> float:
    """Time a piece of work, once warm."""
    work()
    times = []
    for _ in range(n):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def quantiles_us(work: Callable[[Any], object], values: list[Any]) -> Any:
    """Time a piece of work for each value: the median and the 99th percentile."""
    times = []
    for value in values:
        start = time.perf_counter()
        work(value)
        times.append(1e6 * (time.perf_counter() - start))
    return np.quantile(times, [0.5, 0.99]).tolist()


def anonymous_mb() -> float:
    """Memory that is no file, of this process."""
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.exists() else []:
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1e3
    return float("nan")


def samples(data: Path) -> list[str]:
    """Positions all over the dataset, as they come: most of them stand in one game."""
    picked: list[str] = []
    chance = np.random.default_rng(1)
    files = [file["path"] for file in maou_io.files(data) if file["table"] == "games"]
    per_file = -(-N_EXACT // len(files))
    for path in files:
        games = pl.read_ipc(path, columns=["start", "moves"]).sample(per_file, seed=1)
        for start, moves in games.iter_rows():
            board = maou.Board(start)
            for move in moves[: chance.integers(len(moves) + 1)]:
                board.push(maou.Move(move))
            picked.append(board.sfen())
    return picked[:N_EXACT]


def measure_index(data: Path) -> dict[str, float]:
    """All figures of one index."""
    facts: dict[str, float] = {}
    start = time.perf_counter()
    report = maou_index.build(data, force=True)
    facts["build s"] = time.perf_counter() - start
    facts["positions"] = report["n_positions"]
    facts["Mpositions/s"] = report["n_positions"] / facts["build s"] / 1e6
    facts["bytes a position"] = report["size_bytes"] / report["n_positions"]
    return facts


def measure_search(data: Path, loose: Path | None) -> dict[str, float]:
    """How fast a built index answers."""
    facts: dict[str, float] = {}
    boards = [maou.Board(sfen) for sfen in samples(data)]
    before = anonymous_mb()
    facts["open"] = median_ms(lambda: maou.Index(data))
    index = maou.Index(data)
    for board in boards:
        index.count(board)
    facts["exact p50 µs"], facts["exact p99 µs"] = quantiles_us(
        lambda board: index.find(board, limit=FIRST), boards
    )
    array = maou.PositionArray.from_boards(boards * 10)
    batch = median_ms(lambda: index.count(array))
    facts["counts/s, an array"] = len(array) / batch * 1e3
    start = maou.Board()
    facts["moves, start"] = median_ms(lambda: index.moves(start))
    for name, filters in RANGES.items():
        page = {**filters, "offset": 10_000, "limit": 50}
        facts[f"count {name}"] = median_ms(partial(index.count, **filters))
        facts[f"page {name}"] = median_ms(partial(index.find, **page))
    facts["pattern"] = median_ms(lambda: index.count(pattern=PATTERN), 3)
    facts["anonymous MB"] = anonymous_mb() - before
    if loose is not None:
        maou_index.build(loose)
        of_loose = maou.Index(loose)
        facts["pattern, loose"] = median_ms(lambda: of_loose.count(pattern=PATTERN), 3)
        facts["exact p50 µs, loose"] = quantiles_us(of_loose.find, boards)[0]
    return facts


RANGES: dict[str, dict[str, Any]] = {
    "eval": {"eval_cp": (-50, 50)},
    "ply": {"ply": (30, 60)},
    "eval, ply, rating": {
        "eval_cp": (-200, 200),
        "ply": (30, 60),
        "rating": (2800, None),
        "unit": "positions",
    },
}
SQL = {
    "eval": "eval_cp between -50 and 50",
    "ply": "ply between 30 and 60",
    "eval, ply, rating": "eval_cp between -200 and 200 and ply between 30 and 60"
    " and (black_rating >= 2800 or white_rating >= 2800)",
}


def measure_duckdb(data: Path) -> dict[str, float]:
    """The same questions to a table of DuckDB with an index on the key."""
    facts: dict[str, float] = {}
    database = data.with_suffix(".duckdb")
    database.unlink(missing_ok=True)
    db = duckdb.connect(str(database))
    begin = time.perf_counter()
    # DuckDB asks a stream more than once, and finds tables by the names of variables.
    for number, batch in enumerate(maou.Dataset(data).positions([*COLUMNS, *RATINGS])):
        rows = pl.DataFrame(batch)
        if number == 0:
            db.execute("create table positions as select * from rows")
        else:
            db.execute("insert into positions select * from rows")
    db.execute("create index by_key on positions (key)")
    db.execute("checkpoint")
    del rows, batch
    facts["build s"] = time.perf_counter() - begin
    (n,) = db.execute("select count(*) from positions").fetchone() or (0,)
    facts["positions"] = n
    facts["Mpositions/s"] = n / facts["build s"] / 1e6
    facts["bytes a position"] = database.stat().st_size / n
    keys = [maou.Board(sfen).key for sfen in samples(data)]
    query = "select game, ply, move, eval_cp, result from positions where key = ?"
    query += f" limit {FIRST}"

    def exact(key: int) -> object:
        return db.execute(query, [key]).fetchall()

    def ask(query: str) -> object:
        return db.execute(query).fetchall()

    quantiles_us(exact, keys[:100])
    facts["exact p50 µs"], facts["exact p99 µs"] = quantiles_us(exact, keys[:500])
    moves = (
        "select move, count(*), avg(result), avg(eval_cp) from positions where key = ?"
        " group by move order by count(*) desc"
    )
    start = [maou.Board().key]
    facts["moves, start"] = median_ms(lambda: db.execute(moves, start).fetchall(), 5)
    for name, where in SQL.items():
        count = f"select count(*) from positions where {where}"
        page = f"select * from positions where {where} limit 50 offset 10000"
        facts[f"count {name}"] = median_ms(partial(ask, count), 5)
        facts[f"page {name}"] = median_ms(partial(ask, page), 5)
    db.close()
    database.unlink()
    return facts


def measure_polars(data: Path) -> dict[str, float]:
    """The same questions to an uncompressed Arrow file that Polars scans."""
    facts: dict[str, float] = {}
    path = data.with_suffix(".feather")
    begin = time.perf_counter()
    frame = maou.Dataset(data).scan_positions([*COLUMNS, *RATINGS])
    frame.sink_ipc(path, compression="uncompressed")
    facts["build s"] = time.perf_counter() - begin
    lazy = pl.scan_ipc(path, glob=False)
    n = lazy.select(pl.len()).collect().item()
    facts["positions"] = n
    facts["Mpositions/s"] = n / facts["build s"] / 1e6
    facts["bytes a position"] = path.stat().st_size / n
    keys = [maou.Board(sfen).key for sfen in samples(data)]

    def exact(key: int) -> object:
        return lazy.filter(pl.col("key") == key).head(FIRST).collect()

    exact(keys[0])
    facts["exact p50 µs"], facts["exact p99 µs"] = quantiles_us(exact, keys[:15])
    start = maou.Board().key
    facts["moves, start"] = median_ms(
        lambda: (
            lazy.filter(pl.col("key") == start)
            .group_by("move")
            .agg(pl.len(), pl.col("result", "eval_cp").mean())
            .sort("len", descending=True)
            .collect()
        ),
        5,
    )
    ply, eval_cp = pl.col("ply"), pl.col("eval_cp")
    rated = (pl.col("black_rating") >= 2800) | (pl.col("white_rating") >= 2800)
    filters = {
        "eval": eval_cp.is_between(-50, 50),
        "ply": ply.is_between(30, 60),
        "eval, ply, rating": eval_cp.is_between(-200, 200)
        & ply.is_between(30, 60)
        & rated,
    }
    for name, wanted in filters.items():
        rows = lazy.filter(wanted)
        facts[f"count {name}"] = median_ms(rows.select(pl.len()).collect, 3)
        facts[f"page {name}"] = median_ms(rows.slice(10_000, 50).collect, 3)
    path.unlink()
    return facts


def apart(what: str, *paths: Path | None) -> dict[str, float]:
    """Measure in a process of its own."""
    command = [sys.executable, __file__, "--measure", what]
    command += [str(path) for path in paths if path is not None]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


MEASURES: dict[str, Callable[..., dict[str, float]]] = {
    "index": measure_index,
    "search": lambda data, loose=None: measure_search(data, loose),
    "duckdb": measure_duckdb,
    "polars": measure_polars,
}


def tell(text: str) -> None:
    """What is done now, and after how many seconds."""
    print(f"{time.perf_counter() - BEGIN:.0f} s: {text}", file=sys.stderr, flush=True)


def cell(value: float | None) -> str:
    """A figure with three digits or so."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> None:
    """Print the machine, a table of growth, and one of peers for each size."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 10, 50])
    parser.add_argument("--peers-up-to", type=float, default=10)
    parser.add_argument("--loose-up-to", type=float, default=50)
    parser.add_argument("--measure", nargs="+", help=SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        what, *paths = arguments.measure
        print(json.dumps(MEASURES[what](*map(Path, paths))))
        return
    print(measure.machine("maou", "duckdb", "polars"), end="; ")
    print(f"profile {build_info()['profile']}; {measure.load()}\n")
    growth: dict[float, dict[str, float]] = {}
    for millions in arguments.millions:
        tell(f"{millions:g} million: games")
        work = Path(tempfile.mkdtemp(prefix="maou-bench-"))
        data, loose = work / "games", None
        make_games(data, int(millions * 1e6))
        if millions <= arguments.loose_up_to:
            tell("loose positions")
            loose = work / "loose"
            make_loose(data, loose)
        tell("searches")
        growth[millions] = apart("index", data) | apart("search", data, loose)
        if millions <= arguments.peers_up_to:
            tell("peers")
            facts = {
                "`maou.Index`": growth[millions],
                "DuckDB, indexed": apart("duckdb", data),
                "Polars, scan": apart("polars", data),
            }
            print(f"{growth[millions]['positions']:,.0f} positions\n")
            compare(facts)
        shutil.rmtree(work)
    labels = [name for name in next(iter(growth.values())) if name != "positions"]
    rows = [
        [label, *(cell(facts.get(label)) for facts in growth.values())]
        for label in labels
    ]
    heads = [f"{facts['positions']:,.0f}" for facts in growth.values()]
    measure.table(["positions", *heads], rows)


def compare(facts: dict[str, dict[str, float]]) -> None:
    """Print all figures of one size, and how many times ours is the better peer's."""
    ours = facts["`maou.Index`"]
    rows = []
    for label, value in ours.items():
        peers = [f[label] for name, f in facts.items() if f is not ours and label in f]
        if label == "positions" or not peers:
            continue
        is_more_better = label in ("Mpositions/s",)
        best = max(peers) if is_more_better else min(peers)
        ratio = value / best if is_more_better else best / value
        cells = [cell(f.get(label)) for f in facts.values()]
        rows.append([label, *cells, f"{ratio:.3g}×"])
    measure.table(["", *facts, "ratio to the better"], rows)
    print()


if __name__ == "__main__":
    main()
