"""`maou demo`: the whole way on bundled games."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from maou.cli.command import Command, path_text
from maou.cli.text import count, duration, printable, shorten, size, table

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator
    from typing import Any

    import polars as pl

SAMPLE = Path(__file__).parent.parent / "sample"
"""Generated games, bundled as CSA and KIF."""
RECORD_SUFFIXES = {".csa", ".kif", ".kifu"}
N_GAMES_SHOWN = 8
MAX_SCORE_CP, MATE_CP = 31_000, 32_000
"""Scores lie within the first; a mate in n plies is the second less n."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `maou demo`."""
    parser.add_argument(
        "-o",
        "--out",
        type=path_text,
        default="maou-demo",
        metavar="FOLDER",
        help="where records, dataset and picture go (default: %(default)s)",
    )


def run(arguments: Namespace) -> int:
    """Convert the sample, look at it, draw a board, ask a question."""
    from maou.dataset import Dataset

    out = Path(arguments.out)
    data = out / "data"
    records = copy_sample(out / "records")
    convert_sample(records, data)
    games = Dataset(data).games
    show_games(games)
    draw_turning_point(games, out / "board.svg")
    ask(games)
    # `uv run` sets this; without it the commands below would not be found.
    prefix = "uv run " if "UV_RUN_RECURSION_DEPTH" in os.environ else ""
    names = '"black", "white", "ending"'
    python = f'maou.Dataset("{data.as_posix()}").games.select({names}).collect()'
    print("\nWhat to try next")
    for line in (
        f"maou info {quote(str(data))}",
        "maou convert YOUR-GAMES/ -o my-data      (folders of CSA and KIF files)",
        f"python -c 'import maou; print({python})'",
        "maou --help",
    ):
        print(f"  {prefix}{printable(line)}")
    return 0


def copy_sample(records: Path) -> Path:
    """Lay the bundled records where the user can look at them."""
    from maou._files import named

    records.mkdir(parents=True, exist_ok=True)
    for path in sorted(SAMPLE.iterdir()):
        if path.suffix in RECORD_SUFFIXES:
            with named(records / path.name):
                (records / path.name).write_bytes(path.read_bytes())
    return records


def convert_sample(records: Path, data: Path) -> None:
    """Turn the records into a dataset; the second time nothing is new."""
    import time

    from maou_rust import maou_io

    from maou.cli.terminal import progress_line

    command = printable(f"maou convert {quote(str(records))} -o {quote(str(data))}")
    print(f"1. Game records become a dataset: {command}\n")
    start = time.monotonic()
    with progress_line() as progress:
        report = maou_io.convert([records], data, progress=progress)
    seconds = time.monotonic() - start
    if report["n_games"]:
        print(
            f"read {count(report['n_games'], 'game')},"
            f" {count(report['n_positions'], 'position')} in {duration(seconds)}"
        )
    else:
        print(printable(f"nothing new: {data} was there"))
    print(
        f"it holds {count(report['total_games'], 'game')},"
        f" {count(report['total_positions'], 'position')},"
        f" {count(report['total_errors'], 'error')} in {size(report['size_bytes'])}"
    )


def show_games(games: pl.LazyFrame) -> None:
    """Print the first games as a table."""
    import polars as pl

    frame = games.select(
        pl.format("{}", pl.col("id")).alias("id"),
        "black",
        "white",
        "result",
        "ending",
        pl.col("moves").list.len().alias("plies"),
        "source",
    )
    shown = frame.head(N_GAMES_SHOWN).collect()
    results = ("draw", "Black wins", "White wins", "unknown")
    rows = [
        (
            f"{int(row['id']):016x}",
            shorten(row["black"], 16),
            shorten(row["white"], 16),
            results[row["result"]],
            row["ending"],
            row["plies"],
            row["source"],
        )
        for row in shown.iter_rows(named=True)
    ]
    header = ["id", "Black", "White", "result", "ending", "plies", "source"]
    print(f"\n2. Its first {len(rows)} games\n")
    print(table(header, rows, right="plies"))


def turning_points(games: pl.LazyFrame) -> Iterator[tuple[int, dict[str, Any]]]:
    """Find in each game the move by which its player lost the most."""
    columns = ["start", "moves", "evals_cp", "black", "white", "source"]
    for game in games.select(columns).collect().iter_rows(named=True):
        evals = game["evals_cp"]
        losses = [
            # Both are seen by the side that made the move: their sum is what changed.
            (before + after, ply)
            for ply, (before, after) in enumerate(pairwise(evals))
            if before is not None and after is not None
        ]
        if losses:
            loss_cp, ply = max(losses)
            yield loss_cp, {**game, "ply": ply, "loss_cp": loss_cp}


def eval_text(eval_cp: int) -> str:
    """Write an eval of the games table.

    Examples:
        >>> eval_text(120), eval_text(31_995), eval_text(-31_993), eval_text(-32_000)
        ('+120 centipawns', 'mate in 5', 'mated in 7', 'mated')
    """
    if abs(eval_cp) <= MAX_SCORE_CP:
        return f"{eval_cp:+} centipawns"
    word = "mate" if eval_cp > 0 else "mated"
    n_plies = MATE_CP - abs(eval_cp)
    return f"{word} in {n_plies}" if n_plies else word


def draw_turning_point(games: pl.LazyFrame, path: Path) -> None:
    """Draw the position after the greatest mistake of all games."""
    from maou_rust import maou_shogi

    from maou import svg
    from maou._files import named

    _, game = max(turning_points(games), key=lambda item: item[0])
    moves = [maou_shogi.move16_to_usi(move) for move in game["moves"]]
    ply = game["ply"]
    sfen = maou_shogi.play_usi(game["start"], " ".join(moves[: ply + 1]))
    with named(path):
        path.write_text(svg.board(sfen, last_move=moves[ply]), encoding="utf-8")
    before = eval_text(game["evals_cp"][ply])
    after = eval_text(-game["evals_cp"][ply + 1])
    print()
    for line in (
        (
            f"3. The greatest mistake: move {ply + 1}, {moves[ply]}, of"
            f" {game['black'] or 'Black'} against {game['white'] or 'White'}"
            f" ({game['source']})"
        ),
        f"   its eval before the move: {before}; after it: {after}",
        f"   {sfen}",
        f"   drawn in {path}",
    ):
        print(printable(line))


def win_rate_by_eval(games: pl.LazyFrame) -> pl.DataFrame:
    """Ask how often Black won, by the eval at ply 40."""
    import polars as pl

    # The eval of move 41, which is Black's: positive is good for Black.
    eval_cp = pl.col("evals_cp").list.get(40, null_on_oob=True)
    ahead = (
        pl.when(eval_cp > 300)
        .then(pl.lit("Black"))
        .when(eval_cp < -300)
        .then(pl.lit("White"))
        .otherwise(pl.lit("nobody"))
    )
    return (
        games.filter(pl.col("result").is_in([1, 2]), eval_cp.is_not_null())
        .group_by(ahead.alias("ahead_at_ply_40"))
        .agg(
            pl.len().alias("games"),
            pl.col("result").eq(1).mean().round(2).alias("won_by_black"),
        )
        .sort("won_by_black", "ahead_at_ply_40")
        .collect()
    )


def ask(games: pl.LazyFrame) -> None:
    """Show a query as it stands in this file, and run it."""
    import inspect

    print("\n4. A question to Polars: does the eval at ply 40 tell who wins?\n")
    source, _ = inspect.getsourcelines(win_rate_by_eval)
    print("".join(f"   {line}".rstrip() + "\n" for line in source))
    answer = win_rate_by_eval(games)
    print(table(answer.columns, answer.rows(), right="games won_by_black"))


COMMAND = Command(
    name="demo",
    summary="the whole way on bundled games, in seconds once maou is built",
    description="Turn bundled game records into a dataset, show what is in it, draw a"
    " board,\nrun a query, and say what to try next.",
    example="maou demo",
    add_arguments=add_arguments,
    run=run,
)
