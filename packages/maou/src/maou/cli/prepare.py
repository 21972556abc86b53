"""`maou prepare`: datasets become a training set."""

from __future__ import annotations

import argparse
import sys
import time
from shlex import quote
from typing import TYPE_CHECKING

from maou.cli.command import Command, n_threads, path_text, positive, size_bytes
from maou.cli.ranges import numbers, whole_numbers
from maou.cli.text import count, duration, fields, printable, size, table

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from maou_rust.maou_io import (
        Balance,
        PrepareProgress,
        PrepareReport,
        SideBalance,
        SplitEntry,
    )

RESULTS = {"draw": 0, "black": 1, "white": 2, "unknown": 3}
"""What `--result` takes: who won."""
LEFT_OUT = {
    "games_filtered": "games by a filter on games",
    "duplicate_games": "games that were there already",
    "games_beyond_max": "games beyond --max-games",
    "games_excluded": "games of --exclude",
    "variations": "variations",
    "loose_filtered": "loose positions by a filter on games",
    "positions_filtered": "positions by --ply or --eval",
    "positions_excluded": "positions of --exclude",
    "without_king": "positions without a king",
    "unsearched": "positions that were not searched",
}
EVALS = (
    *("below -3000", "-3000 to -1000", "-1000 to -300", "-300 to -100"),
    *("-100 to 100", "100 to 300", "300 to 1000", "1000 to 3000", "3000 and above"),
)
MUCH_SHARED = 0.5
"""Where more of validation is in train, too, it is said without being asked for."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `maou prepare`."""
    parser.add_argument(
        "data", nargs="+", type=path_text, metavar="DATA", help="dataset folders"
    )
    parser.add_argument(
        "-o",
        "--out",
        required=True,
        type=path_text,
        metavar="TRAIN",
        help="the folder of the training set, which appears when it is whole",
    )
    parser.add_argument(
        "--weight",
        action="append",
        default=[],
        type=weight,
        metavar="DATA=W",
        help="what the positions of a dataset weigh, such as `old-games=0.5`; 1 for"
        " those that are not named; may be given more than once",
    )
    add_sides(parser)
    add_filters(parser)
    parser.add_argument(
        "--policy",
        choices=("moves", "visits"),
        default="moves",
        help="what a policy learns: the moves that were played, or, where a game has"
        " them (HCPE3), the candidates of the search by their visits"
        " (default: %(default)s)",
    )
    parser.add_argument(
        "--compression",
        choices=("zstd", "lz4", "none"),
        default="zstd",
        help="of the files (default: %(default)s)",
    )
    parser.add_argument(
        "--memory",
        type=size_bytes,
        metavar="SIZE",
        help="what may be used of memory, about, such as 500MB; what does not fit waits"
        " in files in TRAIN; the bytes written do not depend on it (default: 2GB)",
    )
    parser.add_argument(
        "--threads",
        type=n_threads,
        default=0,
        metavar="N",
        help="threads, 0 for one per core; the bytes written do not depend on it"
        " (default: %(default)s)",
    )
    parser.add_argument(
        "--force", action="store_true", help="replace the training set that is there"
    )
    parser.add_argument(
        "--report",
        action="store_true",
        help="show duplicates, positions on both sides, and the balance of results and"
        " evals",
    )
    parser.add_argument("--json", action="store_true", help="report as JSON")


def add_sides(parser: ArgumentParser) -> None:
    """Add what decides between train and validation."""
    group = parser.add_argument_group("validation")
    group.add_argument(
        "--validation",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="share of the games to hold back, such as 5%%; their ids decide, so that"
        " adding data moves no game to the other side (default: none)",
    )
    group.add_argument(
        "--validation-source",
        action="append",
        default=[],
        metavar="NAME",
        help="a source file whose loose positions (HCPE, PSV) are held back, as the"
        " column `source` names it; may be given more than once",
    )


def add_filters(parser: ArgumentParser) -> None:
    """Add what decides which games and positions stay."""
    games = parser.add_argument_group("games")
    games.add_argument(
        "--filter",
        metavar="SQL",
        help="games for which this is true, on the columns of the games table, such as"
        " \"event like '%%final%%' and black_rating > 2000\"",
    )
    games.add_argument(
        "--rating",
        type=numbers,
        default=(None, None),
        metavar="A..B",
        help="games whose players both have such a rating, such as 2800..",
    )
    games.add_argument(
        "--result",
        type=results,
        default=(),
        metavar="RESULT",
        help="games with this result: black or white, who won; draw or unknown; several"
        " with commas between them",
    )
    games.add_argument(
        "--ending",
        type=endings,
        default=(),
        metavar="ENDING",
        help="games that ended so, such as resign; several with commas between them",
    )
    games.add_argument(
        "--max-games",
        type=positive,
        metavar="N",
        help="at most so many games, the first of those that stay",
    )
    games.add_argument(
        "--exclude",
        action="append",
        default=[],
        type=path_text,
        metavar="TEST",
        help="a dataset or training set whose games and positions are kept out; may be"
        " given more than once",
    )
    positions = parser.add_argument_group("positions")
    positions.add_argument(
        "--ply",
        type=whole_numbers,
        default=(None, None),
        metavar="A..B",
        help="positions after so many moves, such as 20..",
    )
    positions.add_argument(
        "--eval",
        type=whole_numbers,
        default=(None, None),
        metavar="A..B",
        help="positions with such an eval for the side to move, in centipawns, such as"
        " -2000..2000",
    )


def weight(text: str) -> tuple[str, float]:
    """Parse a dataset with its weight."""
    path, _, number = text.rpartition("=")
    try:
        found = float(number)
    except ValueError:
        found = 0.0
    if not path or not 0 < found < float("inf"):
        raise argparse.ArgumentTypeError(
            f"expected a dataset and a weight above 0, such as data=0.5, found `{text}`"
        )
    return path, found


def share(text: str) -> float:
    """Parse a share.

    Examples:
        >>> share("5%"), share("0.05")
        (0.05, 0.05)
    """
    digits = text.removesuffix("%")
    try:
        number = float(digits) / (100 if digits != text else 1)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(
            f"expected a share such as 5% or 0.05, found `{text}`"
        )
    return number


def results(text: str) -> tuple[int, ...]:
    """Parse names of results."""
    names = text.split(",")
    for name in names:
        if name not in RESULTS:
            raise argparse.ArgumentTypeError(
                f"expected black, white, draw or unknown, found `{name}`"
            )
    return tuple(RESULTS[name] for name in names)


def endings(text: str) -> tuple[str, ...]:
    """Parse names of endings."""
    from maou.vocabulary import Ending

    names = text.split(",")
    known = [str(ending) for ending in Ending]
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(
                f"expected endings ({', '.join(known)}), found `{name}`"
            )
    return tuple(names)


def run(arguments: Namespace) -> int:
    """Make the training set, and tell what became of the data."""
    from maou.cli.terminal import shown, warning
    from maou.preparation import MEMORY_BYTES, prepare

    weights = dict(arguments.weight)
    started = time.monotonic()
    with shown(PrepareLine) as progress:
        report = prepare(
            arguments.data,
            arguments.out,
            weights=weights,
            validation=arguments.validation,
            validation_sources=arguments.validation_source,
            filter=arguments.filter,
            rating=arguments.rating,
            ply=arguments.ply,
            eval_cp=arguments.eval,
            results=arguments.result,
            endings=arguments.ending,
            max_games=arguments.max_games,
            exclude=arguments.exclude,
            policy=arguments.policy,
            compression=arguments.compression,
            memory=MEMORY_BYTES if arguments.memory is None else arguments.memory,
            threads=arguments.threads,
            force=arguments.force,
            progress=progress,
        )
    seconds = time.monotonic() - started
    for sentence in report["warnings"]:
        warning(sentence)
    if arguments.json:
        import json

        facts = {k: v for k, v in report.items() if k != "stopped"}
        print(json.dumps({"kind": "prepare", **facts}, ensure_ascii=False, indent=2))
        return 0
    if arguments.report:
        print(report_text(report))
    print(summary(arguments.out, report, seconds))
    return 0


def summary(out: str, report: PrepareReport, seconds: float) -> str:
    """Say what was made, what was left out and what comes next."""
    train, validation = report["train"], report["validation"]
    line = (
        f"{printable(out)}: {count(train['n_rows'], 'position')} to learn from"
        f" ({count(train['n_occurrences'], 'occurrence')},"
        f" {count(train['n_games'], 'game')}),"
        f" {validation['n_rows']:,} for validation, {size(report['size_bytes'])}"
        f" in {duration(seconds)}"
    )
    lines = [line]
    parts = left_out_parts(report["left_out"])
    if parts:
        lines.append(f"left out: {', '.join(parts)}")
    shared = shared_share(report)
    if shared > MUCH_SHARED:
        lines.append(
            f"{shared:.0%} of the positions for validation are in train, too: openings"
            " repeat; `--ply 20..` leaves them out"
        )
    lines.append(f"next: maou info {quote(out)}")
    return "\n".join(lines)


def left_out_parts(left_out: dict[str, int]) -> list[str]:
    """Name what was left out, with numbers."""
    return [
        f"{left_out[name]:,} {text}"
        for name, text in LEFT_OUT.items()
        if left_out.get(name)
    ]


def shared_share(report: PrepareReport) -> float:
    """What part of the positions for validation is in train, too."""
    n_rows = report["validation"]["n_rows"]
    return report["n_shared_rows"] / n_rows if n_rows else 0.0


def percent(part: int, whole: int) -> str:
    """Write a part of a whole.

    Examples:
        >>> percent(1, 8), percent(0, 0)
        ('12.5%', '0.0%')
    """
    return f"{part / whole if whole else 0:.1%}"


def report_text(report: PrepareReport) -> str:
    """Show duplicates, leaks and the balance of results and evals."""
    rows = [split_row("train", report["train"])]
    if report["validation"]["n_rows"]:
        rows.append(split_row("validation", report["validation"]))
    header = ["", "games", "loose", "occurrences", "positions", "repeated", "moves"]
    parts = [table(header, rows, right=" ".join(header[1:]))]
    validation = report["validation"]
    shared = (
        f"{report['n_shared_rows']:,} of {validation['n_rows']:,} positions"
        f" ({percent(report['n_shared_rows'], validation['n_rows'])}),"
        f" {report['n_shared_occurrences']:,} of {validation['n_occurrences']:,}"
        f" occurrences"
        f" ({percent(report['n_shared_occurrences'], validation['n_occurrences'])})"
    )
    facts = [("duplicate games", f"{report['left_out']['duplicate_games']:,}")]
    if validation["n_rows"]:
        facts.append(("validation and in train, too", shared))
    parts.append(fields(facts))
    inputs = zip(report["inputs"], report["balance"], strict=True)
    parts += [balance_text(entry["name"], balance) for entry, balance in inputs]
    return "\n\n".join(parts) + "\n"


def split_row(name: str, split: SplitEntry) -> list[str]:
    """Tell what one side holds, for the table of both."""
    return [
        name,
        f"{split['n_games']:,}",
        f"{split['n_loose_positions']:,}",
        f"{split['n_occurrences']:,}",
        f"{split['n_rows']:,}",
        percent(split["n_repeated_rows"], split["n_rows"]),
        f"{split['n_moves'] / split['n_rows'] if split['n_rows'] else 0:.2f}",
    ]


def balance_text(name: str, balance: Balance) -> str:
    """Show results and evals of one dataset, for each side to move."""
    sides = [balance["black"], balance["white"]]
    totals = [sum(side["scores"].values()) for side in sides]

    def row(label: str, numbers: list[int]) -> list[str]:
        shares = zip(numbers, totals, strict=True)
        return [label, *(percent(part, whole) for part, whole in shares)]

    rows = [["positions", *(f"{total:,}" for total in totals)]]
    rows += [
        row(score, [side["scores"][score] for side in sides])
        for score in ("win", "draw", "loss", "unknown")
    ]
    rows.append(row("no eval", [side["n_without_eval"] for side in sides]))
    rows += [
        row(f"eval {label}", [side["evals"][idx] for side in sides])
        for idx, label in enumerate(EVALS)
    ]
    rows.append(["eval with result", *(correlation(side) for side in sides)])
    header = [name, "Black", "White"]
    return table(header, rows, right="Black White")


def correlation(side: SideBalance) -> str:
    """Write how evals and results go together."""
    found = side["correlation"]
    return "" if found is None else f"{found:+.2f}"


PHASES = {
    "select": "choosing games",
    "replay": "replaying",
    "merge": "merging",
    "verify": "checking",
}


class PrepareLine:
    """A line on the terminal with the phase, its rate and its time left."""

    def __init__(self) -> None:
        """Start the clock."""
        self._phase = ""
        self._start = time.monotonic()

    def __call__(self, progress: PrepareProgress) -> None:
        """Rewrite the line."""
        import os

        columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        line = self.line(progress)[: columns - 1]
        print(f"\r{line}\033[K", end="", file=sys.stderr, flush=True)

    def line(self, progress: PrepareProgress) -> str:
        """Compose the line."""
        if progress["phase"] != self._phase:
            self._phase, self._start = progress["phase"], time.monotonic()
        seconds = time.monotonic() - self._start
        done, total = progress["done"], progress["total"]
        part = done / total if total else 0.0
        words = [f"{PHASES[self._phase]} {part:4.0%}"]
        if progress["n_positions"]:
            words.append(f"{progress['n_positions']:,} positions")
        if seconds > 0.5 and part > 0:
            if self._phase in ("replay", "verify"):
                words.append(f"{done / seconds:,.0f} a second")
            words.append(f"{duration(round(seconds / part - seconds))} left")
        return "  ".join(words)


COMMAND = Command(
    name="prepare",
    summary="merge the equal positions of datasets into a training set",
    description="Merge the equal positions of datasets into a training set: one row"
    " per position as the side to move sees it, with the moves played and the mean"
    " result and eval of each.",
    example="maou prepare dataset -o train --validation 5%",
    add_arguments=add_arguments,
    run=run,
    when_interrupted="interrupted: what stood there is as it was",
)
