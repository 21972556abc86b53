"""Records become games in memory: `read_records`, `maou.read_games` and their peer.

The games are generated, like floodgate's: about 7 KB of CSA each, most moves with an
eval, times in whole seconds. The same games are read as CSA, as KIF in UTF-8 and as KIF
in Shift_JIS, on one thread, all sides in turn. cshogi is given decoded text, for which
it is not charged, and maou the bytes; both check every move, and read times and evals
(cshogi leaves those of KIF in its comments).

    python benches/records.py [--games 500] [--runs 9]
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from argparse import ArgumentParser
from typing import TYPE_CHECKING

from cshogi import CSA, KIF
from maou_rust import build_info, maou_shogi

import maou
import measure

if TYPE_CHECKING:
    from collections.abc import Callable

TARGETS = {"CSA": 4, "KIF, UTF-8": 15, "KIF, Shift_JIS": 15}


def peer_csa(text: str) -> int:
    """Read a game with cshogi; returns its number of moves."""
    (game,) = CSA.Parser.parse_str(text)
    return len(game.moves)


def peer_kif(text: str) -> int:
    """Read a game with cshogi; returns its number of moves."""
    return len(KIF.Parser.parse_str(text).moves)


def ours_raw(data: bytes) -> int:
    """Read a game as the binding gives it; returns its number of moves."""
    _, (game,), problems = maou_shogi.read_records(data)
    assert not problems
    return game.n_plies


def ours(data: bytes) -> int:
    """Read a game as users do; returns its number of moves."""
    (game,) = maou.read_games(data)
    return len(game.moves)


class Side:
    """One way of reading the same games, and the times it took."""

    def __init__(
        self, name: str, read: Callable[[str], int] | Callable[[bytes], int]
    ) -> None:
        """Name it as in the table."""
        self.name = name
        self.read = read
        self.times: list[float] = []

    def run(self, records: list[str] | list[bytes]) -> int:
        """Read all once, take the time, and return the number of moves."""
        read = self.read
        # What the others left is not collected on this side's time.
        gc.collect()
        start = time.perf_counter()
        n_moves = sum(map(read, records))  # type: ignore[arg-type]
        self.times.append(time.perf_counter() - start)
        return n_moves

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.times)


def compare(name: str, texts: list[str], encoding: str, n_runs: int) -> None:
    """Print the table of one format, and whether its target is reached."""
    peer_read = peer_csa if name == "CSA" else peer_kif
    peer = Side("cshogi, given text", peer_read)
    raw = Side("`maou_shogi.read_records`, given bytes", ours_raw)
    games = Side("`maou.read_games`, given bytes, with its tree", ours)
    data = [text.encode(encoding) for text in texts]
    for _ in range(n_runs):
        n_moves = [peer.run(texts), raw.run(data), games.run(data)]
        if len(set(n_moves)) != 1:
            sys.exit(f"{name}: expected the same moves, found {n_moves}")
    n_bytes = sum(map(len, data))
    rows = []
    for side in (peer, raw, games):
        rounds = [p / s for p, s in zip(peer.times, side.times, strict=True)]
        rows.append(
            [
                side.name,
                f"{len(texts) / side.median:,.0f}",
                f"{n_bytes / side.median / 1e6:,.1f}",
                f"{peer.median / side.median:.1f}×",
                f"{min(rounds):.1f} to {max(rounds):.1f}",
            ]
        )
    print(f"{name}, {n_bytes / len(data) / 1000:.1f} KB a game\n")
    measure.table(["", "games/s", "MB/s", "ratio", "of single rounds"], rows)
    ratio, target = peer.median / raw.median, TARGETS[name]
    verdict = "reached" if ratio >= target else "missed"
    print(f"target of {target}×: {verdict}\n")


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
    print(f"{n_games:,} games, {arguments.runs} runs in turn, one thread, medians\n")
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
