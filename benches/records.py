"""Records become games in memory: `read_records`, `maou.read_games` and their peer.

The games are generated, like floodgate's: about 7 KB of CSA each, most moves with an
eval, times in whole seconds. The same games are read as CSA, as KIF in UTF-8 and as KIF
in Shift_JIS, on one thread, all sides in turn. cshogi is given decoded text, for which
it is not charged, and maou the bytes; both check every move, and read times and evals
(cshogi leaves those of KIF in its comments).

Both sides keep what they read in their own memory, and make lists of Python when they
are asked for them. So all is measured twice: records read, and records read and their
moves, times and evals asked for, each against the peer doing the same.

    python benches/records.py [--games 500] [--runs 9]
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from argparse import ArgumentParser
from typing import TYPE_CHECKING, Any

from cshogi import CSA, KIF
from maou_rust import build_info, maou_shogi

import maou
import measure

if TYPE_CHECKING:
    from collections.abc import Callable

TARGETS = {"CSA": 4, "KIF, UTF-8": 15, "KIF, Shift_JIS": 15}
TITLES = ("read", "read, and moves, times and evals asked for")


def peer_csa(text: str) -> Any:
    """Read a game with cshogi."""
    (game,) = CSA.Parser.parse_str(text)
    return game


def ours_raw(data: bytes) -> Any:
    """Read a game as the binding gives it, without header, comments and variations."""
    _, (game,), problems = maou_shogi.read_records(data)
    assert not problems
    return game


def ours(data: bytes) -> Any:
    """Read a game as users do."""
    (game,) = maou.read_games(data)
    return game


class Side:
    """One way of reading the same games, and the times it took."""

    def __init__(
        self, name: str, read: Callable[[Any], Any], columns: tuple[str, ...] = ()
    ) -> None:
        """Name it as in the table; columns are asked for of each game."""
        self.name = name
        self.read = read
        self.columns = columns
        self.times: list[float] = []

    def run(self, records: list[str] | list[bytes]) -> None:
        """Read all once, and take the time."""
        read, columns = self.read, self.columns
        # What the others left is not collected on this side's time.
        gc.collect()
        # Of the processor: what else runs on the machine takes none of it.
        start = time.process_time()
        for record in records:
            game = read(record)
            for column in columns:
                getattr(game, column)
        self.times.append(time.process_time() - start)

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.times)


def compare(name: str, texts: list[str], encoding: str, n_runs: int) -> None:
    """Print the tables of one format, and whether its target is reached."""
    data = [text.encode(encoding) for text in texts]
    peer_read = peer_csa if name == "CSA" else KIF.Parser.parse_str
    # cshogi leaves the evals of KIF in the comments.
    peer_evals = "scores" if name == "CSA" else "comments"
    columns = ("moves", "times_ms", "evals_cp")
    for text, record in zip(texts, data, strict=True):
        n_moves = [len(peer_read(text).moves), len(ours(record).moves)]
        if len(set(n_moves)) != 1:
            sys.exit(f"{name}: expected the same moves, found {n_moves}")
    levels = [
        [
            Side("cshogi, given text", peer_read, ("moves", "times", peer_evals)[:n]),
            Side("`maou_shogi.read_records`, given bytes", ours_raw, columns[:n]),
            Side("`maou.read_games`, given bytes, with its tree", ours, columns[:n]),
        ]
        for n in (0, 3)
    ]
    for _ in range(n_runs):
        for sides in levels:
            for side in sides:
                side.run(texts if side is sides[0] else data)
    n_bytes = sum(map(len, data))
    print(f"{name}, {n_bytes / len(data) / 1000:.1f} KB a game\n")
    for title, sides in zip(TITLES, levels, strict=True):
        rows = [row(side, sides[0], len(data), n_bytes) for side in sides]
        measure.table([title, "games/s", "MB/s", "ratio", "of single rounds"], rows)
    target = TARGETS[name]
    for title, (peer, *others) in zip(TITLES, levels, strict=True):
        for side in others:
            verdict = "reached" if peer.median / side.median >= target else "missed"
            print(f"target of {target}×, {title}, {side.name}: {verdict}")
    print()


def row(side: Side, peer: Side, n_games: int, n_bytes: int) -> list[str]:
    """What the table tells of a side."""
    rounds = [p / s for p, s in zip(peer.times, side.times, strict=True)]
    return [
        side.name,
        f"{n_games / side.median:,.0f}",
        f"{n_bytes / side.median / 1e6:,.1f}",
        f"{peer.median / side.median:.1f}×",
        f"{min(rounds):.1f} to {max(rounds):.1f}",
    ]


def main() -> None:
    """Print the machine and a table for each format."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--games", type=int, default=500)
    parser.add_argument("--runs", type=int, default=9)
    arguments = parser.parse_args()
    n_games: int = arguments.games
    if n_games < 1 or arguments.runs < 1:
        parser.error("expected at least one game and one run")
    print(measure.machine("maou", "cshogi"), end="; ")
    print(f"profile {build_info()['profile']}; {measure.load()}\n")
    print(f"{n_games:,} games, {arguments.runs} runs in turn, one thread,")
    print("medians of processor time\n")
    for name, encoding in (
        ("CSA", "utf-8"),
        ("KIF, UTF-8", "utf-8"),
        ("KIF, Shift_JIS", "cp932"),
    ):
        made = maou_shogi.generate(n_games, format=name[:3].lower())
        texts = [text.decode() for text in made]
        compare(name, texts, encoding, arguments.runs)


if __name__ == "__main__":
    main()
