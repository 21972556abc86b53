"""What `maou find` has found: tables, boards, JSON, records."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from maou.cli.cards import (
    RESULTS,
    board_lines,
    cards,
    eval_text,
    hands_of,
    id_text,
    player_text,
)
from maou.cli.found import as_json, write_sheet
from maou.cli.terminal import warning
from maou.cli.text import count, printable, shorten, table, width

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl
    from maou_rust.maou_shogi import Board

    from maou.game import Game
    from maou.index import Index

    Filters = dict[str, Any]

SORTS = ("eval_cp", "ply", "date", "rating", "id", "n_plies")
"""What `--sort` takes."""
N_SHOWN, N_DRAWN = 10, 20
"""Results in a table and boards in a picture where nothing is said."""
FEW = 50
"""So many rows of a file are sought out one by one; for more, all of it is read."""
PAGE = 50_000
"""Rows that are held at once where everything is written."""
BAR = 20


def show(
    index: Index, position: Board | None, filters: Filters, arguments: Namespace
) -> int:
    """Ask the index, and show the answer as the arguments say."""
    if arguments.moves:
        assert position is not None
        show_moves(index, position, filters, arguments)
        return 0
    pages = Pages(index, position, filters, arguments)
    n = pages.count()
    if arguments.count:
        print(json.dumps({"kind": "find", "count": n}) if arguments.json else n)
    elif arguments.json:
        write_json(pages, n)
    elif arguments.to:
        write_records(pages, arguments.to)
    elif n == 0:
        print(pages.nothing())
    elif arguments.svg:
        rows = pages.first(N_DRAWN)
        write_sheet([as_position(row) for row in rows], arguments.svg)
        print(f"{printable(arguments.svg)}: {shown(len(rows), n, pages.unit)}")
    else:
        rows = pages.first(N_SHOWN)
        first = arguments.offset + 1
        if rows:
            is_games = pages.unit == "games"
            print(games_table(rows) if is_games else cards(rows, first), end="\n\n")
        print(f"{shown(len(rows), n, pages.unit)}")
    return 0


def index_at(path: str, folder: str) -> Index:
    """The index of a dataset that lies in another folder."""
    import maou

    return maou.Index(path, index_dir=folder)


class Pages:
    """What was found, as rows with everything that is known, a page at a time."""

    def __init__(
        self,
        index: Index,
        position: Board | None,
        filters: Filters,
        arguments: Namespace,
    ) -> None:
        """Ask nothing yet."""
        self._index = index
        self._position = position
        self._filters = filters
        self._other_path: str | None = arguments.also_in
        self._other: Index | str | None = arguments.also_in
        if arguments.also_in_index_dir is not None:
            self._other = index_at(arguments.also_in, arguments.also_in_index_dir)
        self._order: dict[str, Any] = {}
        if arguments.sort:
            self._order = {"sort": arguments.sort, "descending": arguments.descending}
        self._limit: int | None = arguments.limit
        self._offset: int = arguments.offset
        self.unit = "games" if "n_plies" in self._page(0, 0).columns else "positions"

    def _page(self, offset: int, limit: int) -> pl.DataFrame:
        page: dict[str, Any] = {"offset": offset, "limit": limit, "details": True}
        if self._other is not None:
            return self._index.also_in(self._other, **self._filters, **page)
        return self._index.find(self._position, **self._filters, **self._order, **page)

    def count(self) -> int:
        """How many there are, whatever the limit."""
        if self._other is not None:
            return self._index.count_also_in(self._other, **self._filters)
        return self._index.count(self._position, **self._filters)

    def nothing(self) -> str:
        """Say that nothing was found, and what could be the reason."""
        filters = self._filters
        if self._other_path is not None:
            return f"nothing found that is also in {printable(self._other_path)}"
        if self._position is not None and not filters.get("final"):
            n_finals = self._index.count(self._position, **filters, final=True)
            if n_finals:
                return (
                    "nothing found, but as the last position of"
                    f" {count(n_finals, 'game')}: --final"
                )
        for name in ("player", "event"):
            told = filters.get(name)
            if told and "*" not in told:
                parts = f"--{name} '*{printable(told)}*'"
                return f"nothing found; {parts} finds parts of names"
        return "nothing found"

    def first(self, n: int) -> list[dict[str, Any]]:
        """As many rows as are asked for, `n` where nothing is said."""
        return self._page(self._offset, self._limit or n).to_dicts()

    def every(self) -> Iterator[list[dict[str, Any]]]:
        """All rows that are asked for, page by page."""
        done = 0
        while self._limit is None or done < self._limit:
            size = PAGE if self._limit is None else min(PAGE, self._limit - done)
            rows = self._page(self._offset + done, size).to_dicts()
            if rows:
                yield rows
            done += len(rows)
            if len(rows) < size:
                return

    def games(self, rows: list[dict[str, Any]]) -> dict[tuple[int, int], Game]:
        """The games of rows, by their place in the dataset."""
        by_shard: dict[int, set[int]] = {}
        for row in rows:
            by_shard.setdefault(row["shard"], set()).add(row["row"])
        found = {
            (shard, number): game
            for shard, numbers in by_shard.items()
            for number, game in read_games(self._index.path, shard, sorted(numbers))
        }
        return {place(row): found[place(row)] for row in rows}


def read_games(
    data: Path, shard: int, numbers: list[int]
) -> Iterator[tuple[int, Game]]:
    """Read games of one games file."""
    import polars as pl

    from maou.index import as_game

    games = pl.scan_ipc(data / f"games-{shard:05}.feather", glob=False)
    if len(numbers) <= FEW:
        for number in numbers:
            yield number, as_game(games.slice(number, 1).collect().row(0, named=True))
        return
    rows = games.with_row_index("row").filter(pl.col("row").is_in(numbers)).collect()
    for row in rows.iter_rows(named=True):
        yield row["row"], as_game(row)


def shown(n_rows: int, n: int, unit: str) -> str:
    """Tell how many there are, and how to see the others."""
    total = count(n, unit[:-1])
    return (
        total if n_rows == n else f"{n_rows:,} of {total}; --limit, --offset show more"
    )


def games_table(rows: list[dict[str, Any]]) -> str:
    """Lay out games, one a line."""
    cells = [
        (
            id_text(row["game"]),
            row["date"] or "",
            *(shorten(player_text(row, side), 24) for side in ("black", "white")),
            RESULTS[row["result"]],
            row["ending"],
            row["n_plies"],
            shorten(row["event"] or "", 32),
        )
        for row in rows
    ]
    header = ["id", "date", "Black", "White", "result", "ending", "plies", "event"]
    return table(header, cells, right="plies")


def write_json(pages: Pages, n: int) -> None:
    """Write one JSON value, a row a line."""
    head = json.dumps({"kind": "find", "unit": pages.unit, "count": n})
    print(f'{head[:-1]}, "{pages.unit}": [', end="")
    separator = "\n"
    for rows in pages.every():
        for row in rows:
            print(separator + json.dumps(as_json(row), ensure_ascii=False), end="")
            separator = ",\n"
    print("\n]}")


def show_moves(
    index: Index, position: Board, filters: Filters, arguments: Namespace
) -> None:
    """Show what was played from a position."""
    from maou_rust.maou_shogi import Move

    rows = index.moves(position, **filters).to_dicts()
    n, n_moves = sum(row["n"] for row in rows), len(rows)
    rows = rows[arguments.offset :][: arguments.limit]
    if arguments.json:
        moves = [{**row, "move": Move(row["move"]).usi()} for row in rows]
        value = {"kind": "moves", "sfen": position.sfen(), "count": n, "moves": moves}
        print(json.dumps(value, ensure_ascii=False, indent=2))
        return
    print(position_text(position, n))
    if rows:
        print(f"\n{moves_table(position, rows, n)}")
    if len(rows) < n_moves:
        print(f"\n{shown(len(rows), n_moves, 'moves')}")


def position_text(position: Board, n: int) -> str:
    """A board with what it is beside it."""
    black, white = hands_of(position)
    turn = "Black" if int(position.turn) == 0 else "White"
    facts = [f"{turn} to move", f"White holds {white}", f"Black holds {black}"]
    facts += ["", f"played from here: {count(n, 'time')}"]
    lines = board_lines(position)
    beside = [*facts, *[""] * (len(lines) - len(facts))]
    pairs = zip(lines, beside, strict=True)
    return "\n".join(
        f"{line}{' ' * (32 - width(line))}{fact}".rstrip() for line, fact in pairs
    )


def moves_table(position: Board, rows: list[dict[str, Any]], n: int) -> str:
    """What was played, one move a line."""
    from maou_rust.maou_shogi import Move

    # A game may come back to the position, and loose positions are of no game.
    shows_times = any(row["n"] != row["games"] for row in rows)
    cells = []
    for row in rows:
        move = Move(row["move"])
        score, eval_cp, rating = row["score"], row["eval_cp"], row["rating"]
        cells.append(
            (
                position.ki2(move),
                move.usi(),
                f"{row['games']:,}",
                *([f"{row['n']:,}"] if shows_times else []),
                "" if score is None else f"{score:.1%}",
                "" if eval_cp is None else eval_text(round(eval_cp)),
                "" if rating is None else f"{rating:.0f}",
                row["last_year"] or "",
                bar(row["n"] / n),
            )
        )
    times = ["times"] if shows_times else []
    header = ["move", "", "games", *times, "score", "eval", "rating", "last", "share"]
    return table(header, cells, right="games times score eval rating last")


def bar(share: float) -> str:
    """Draw a share as a bar of eighths.

    Examples:
        >>> bar(0.5), bar(0.0001)
        ('██████████', '▏')
    """
    eighths = max(1, round(share * BAR * 8))
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def as_position(row: dict[str, Any]) -> dict[str, Any]:
    """A game as the position that it started from; a position as it is."""
    if "sfen" in row:
        return row
    return {**row, "sfen": row["start"], "ply": 0, "move": None, "eval_cp": None}


def write_records(pages: Pages, form: str) -> None:
    """Write what was found to stdout, in the form that is asked for."""
    write = sys.stdout.buffer.write
    from maou.game import write_text

    n_loose = 0
    written: set[tuple[int, int]] = set()
    losses: dict[str, int] = {}
    for rows in pages.every():
        if form == "sfen":
            lines = [row.get("sfen") or row["start"] for row in rows]
            write("".join(f"{line}\n" for line in lines).encode())
            continue
        games = [row for row in rows if row["game"] is not None]
        if form == "usi":
            known = pages.games(games)
            for row in rows:
                write(f"{usi_line(row, known)}\n".encode())
            continue
        n_loose += len(rows) - len(games)
        new = {place(row): row for row in games if place(row) not in written}
        written |= new.keys()
        known = pages.games(list(new.values()))
        if known:
            text, lost = write_text(known.values(), form)
            write(text)
            for name, n in lost.items():
                losses[name] = losses.get(name, 0) + n
    tell_losses(form, n_loose, losses)


def tell_losses(form: str, n_loose: int, losses: dict[str, int]) -> None:
    """Tell what could not be written."""
    if n_loose:
        found = count(n_loose, "loose position")
        warning(f"{form} is for games: left out {found}; --to sfen writes them")
    if losses:
        # The names are regular plurals.
        lost = ", ".join(count(n, name[:-1]) for name, n in sorted(losses.items()))
        warning(f"{form} has no place for: {lost}; left out")


def place(row: dict[str, Any]) -> tuple[int, int]:
    """Which row of the dataset it is."""
    return row["shard"], row["row"]


def usi_line(row: dict[str, Any], known: dict[tuple[int, int], Game]) -> str:
    """The way to a position, as engines are told it."""
    if row["game"] is None:
        return f"position sfen {row['sfen']}"
    game = known[place(row)]
    moves = [move.usi() for move in game.moves[: row.get("ply")]]
    line = f"position sfen {game.start}"
    return f"{line} moves {' '.join(moves)}" if moves else line
