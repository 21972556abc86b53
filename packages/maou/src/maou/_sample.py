"""Random positions of a dataset, found without replaying the rest of it."""

from __future__ import annotations

import random
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import polars as pl
from maou_rust import DatasetError, maou_io
from maou_rust.maou_shogi import Board, Move

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from maou_rust.maou_io import File

COLUMNS = (
    *("game", "ply", "sfen", "move", "eval_cp", "result", "time_ms", "ending"),
    *("black", "white", "event", "source", "black_rating", "white_rating", "date"),
)
"""What is told of a position, of the columns that `Dataset.positions` has."""
_OF_GAME = (
    *("result", "ending", "black", "white", "event", "source"),
    *("black_rating", "white_rating", "date"),
)


def sample(path: Path, n: int, seed: int) -> pl.DataFrame:
    """Draw positions: each is as likely as any other, none comes twice.

    Files are chosen by what the manifest says that they hold; of a chosen file, only
    the lengths of the games and the chosen games are read.
    """
    files = maou_io.files(path)
    ends = list(accumulate(file["n_positions"] for file in files))
    total = ends[-1] if ends else 0
    keeps_variations = maou_io.info(path)["keeps_variations"]
    tables: dict[int, _Games | _Loose] = {}
    rows: dict[int, dict[str, Any]] = {}
    for number in _without_repetition(total, random.Random(seed)):
        if len(rows) == n:
            break
        idx = bisect_right(ends, number)
        file = files[idx]
        try:
            if idx not in tables:
                is_loose = file["table"] == "positions"
                tables[idx] = (
                    _Loose(file) if is_loose else _Games(file, keeps_variations)
                )
            row = tables[idx].row(number - ends[idx] + file["n_positions"])
        except (pl.exceptions.PolarsError, OSError, IndexError) as error:
            reason = str(error).partition("\n")[0]
            place = f"{file['path']}: cannot be read: {reason}"
            raise DatasetError(f"{place}; `maou verify {path}` tells more") from error
        if row is not None:
            rows[number] = row
    schema = pl.DataFrame(maou_io.every_position(path, COLUMNS).without_rows()).schema
    return pl.DataFrame([rows[number] for number in sorted(rows)], schema=schema)


def _without_repetition(total: int, rng: random.Random) -> Iterator[int]:
    """All numbers below `total` in random order; memory grows with those asked for."""
    moved: dict[int, int] = {}
    for n_left in range(total, 0, -1):
        drawn = rng.randrange(n_left)
        yield moved.get(drawn, drawn)
        moved[drawn] = moved.pop(n_left - 1, n_left - 1)


class _Games:
    """The positions of a games file."""

    def __init__(self, file: File, keeps_variations: bool) -> None:
        parent = ["parent_id"] if keeps_variations else []
        self._games = pl.scan_ipc(file["path"], glob=False)
        lengths = self._games.select(pl.col("moves").list.len(), *parent).collect()
        self._ends = list(accumulate(lengths["moves"]))
        self._parents = lengths["parent_id"] if parent else None

    def row(self, number: int) -> dict[str, Any] | None:
        """What is known of a position; nothing if a variation has it."""
        game_row = bisect_right(self._ends, number)
        if self._parents is not None and self._parents[game_row] is not None:
            return None
        columns = ("id", "start", "moves", "evals_cp", "times_ms", *_OF_GAME)
        game = (
            self._games.slice(game_row, 1).select(columns).collect().row(0, named=True)
        )
        ply = len(game["moves"]) - (self._ends[game_row] - number)
        board = Board(game["start"], map(Move, game["moves"][:ply]))
        return {
            "game": game["id"],
            "ply": ply,
            "sfen": board.sfen(),
            "move": game["moves"][ply],
            "eval_cp": game["evals_cp"][ply],
            "time_ms": game["times_ms"][ply],
            **{name: game[name] for name in _OF_GAME},
        }


class _Loose:
    """The positions of a positions file."""

    def __init__(self, file: File) -> None:
        self._rows = pl.scan_ipc(file["path"], glob=False)

    def row(self, number: int) -> dict[str, Any]:
        """What is known of a position."""
        row = self._rows.slice(number, 1).collect().row(0, named=True)
        # Counted from 1; 0 tells nothing.
        ply = row["ply"] - 1 if row["ply"] else None
        board = Board.from_hcp(bytes(row["position"]))
        fields = board.sfen().rsplit(" ", 1)[0]
        return {
            "ply": ply,
            "sfen": f"{fields} {1 + (ply or 0)}",
            **{name: row[name] for name in ("move", "eval_cp", "result", "source")},
        }
