"""Read a folder of real records and compare each with its expected main line.

`DIR/expected.jsonl` has a line a file: `file`, `start` (board, turn and the sorted
characters of the hand field of SFEN) and `moves` (USI). A file is right when its
first game has that start and those moves; an error when it is reported as unreadable;
silently wrong when it differs and nothing was reported. Every game is also written in
every format that holds main lines, and read again.

    python scripts/corpus.py DIR
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from maou_rust import maou_shogi

# Formats that hold a start and a main line.
WRITTEN = ("csa", "kif", "ki2", "jkf", "usi")


def hands_sorted(sfen: str) -> str:
    """Board, turn and sorted hand characters: how expected.jsonl names a start."""
    board, turn, hands, *_ = sfen.split()
    return f"{board} {turn} {''.join(sorted(hands))}"


def judge(root: Path, expected: dict[str, str]) -> tuple[str, str]:
    """Compare one file; returns the verdict and, unless right, the difference."""
    data = (root / expected["file"]).read_bytes()
    _, games, found = maou_shogi.read_records(data)
    start = moves = "(no game)"
    if games:
        start = hands_sorted(games[0].start)
        moves = " ".join(mv.usi() for mv in games[0].moves)
    if (start, moves) == (expected["start"], expected["moves"]):
        return "right", ""
    detail = (
        f"found    {start} {moves}\n  expected {expected['start']} {expected['moves']}"
    )
    if found:
        first = found[0]
        message = f"{first['line']}:{first['column']}: {first['message']}"
        return "error", f"{message}\n  {detail}"
    return "silently wrong", detail


def lines(data: bytes) -> list[tuple[str, tuple[maou_shogi.Move, ...]]]:
    """Start and main line of every game."""
    _, games, _ = maou_shogi.read_records(data)
    return [(game.start, game.moves) for game in games]


def lost_on_the_way(data: bytes) -> list[str]:
    """Formats in which the games come back with another start or main line."""
    _, games, _ = maou_shogi.read_records(data, full=True)
    expected = lines(data)
    return [
        name
        for name in WRITTEN
        if games and lines(maou_shogi.write_records(games, name)[0]) != expected
    ]


def main(root: Path) -> int:
    """Judge every file of the corpus and print the tally."""
    tally: Counter[str] = Counter()
    for line in (root / "expected.jsonl").read_text(encoding="utf-8").splitlines():
        expected = json.loads(line)
        verdict, detail = judge(root, expected)
        tally[verdict] += 1
        if verdict != "right":
            print(f"{expected['file']}: {verdict}: {detail}")
        for name in lost_on_the_way((root / expected["file"]).read_bytes()):
            tally["changed on the way"] += 1
            print(f"{expected['file']}: written as {name} and read again, it differs")
    n_bad = tally.total() - tally["right"]
    print(", ".join(f"{n} {name}" for name, n in sorted(tally.items())))
    print(f"{tally['right']} passed, {n_bad} failed")
    return 1 if n_bad else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: corpus.py DIR")
    sys.exit(main(Path(sys.argv[1])))
