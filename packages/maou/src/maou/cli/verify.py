"""`maou verify`: replay a dataset and check everything that it says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maou.cli.command import Command, n_threads, path_text
from maou.cli.text import count, printable

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from maou_rust.maou_io import Problem, TrainingVerifyReport, VerifyReport


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `maou verify`."""
    parser.add_argument(
        "data", type=path_text, metavar="DATA", help="a dataset or a training set"
    )
    parser.add_argument(
        "--threads",
        type=n_threads,
        default=0,
        metavar="N",
        help="worker threads, 0 for one per core (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(arguments: Namespace) -> int:
    """Verify, and list the findings."""
    from maou_rust import maou_io

    from maou.cli.terminal import progress_line

    if maou_io.is_training_set(arguments.data):
        return verify_training_set(arguments)
    with progress_line() as progress:
        report = maou_io.verify(
            arguments.data, threads=arguments.threads, progress=progress
        )
    checked = [
        count(report["n_files"], "file"),
        count(report["n_games"], "game"),
        count(report["n_positions"], "position"),
    ]
    return tell(arguments, report, checked)


def verify_training_set(arguments: Namespace) -> int:
    """Verify a training set, and list the findings."""
    from maou_rust import maou_io

    from maou.cli.prepare import PrepareLine
    from maou.cli.terminal import shown

    with shown(PrepareLine) as progress:
        report = maou_io.verify_training(
            arguments.data, threads=arguments.threads, progress=progress
        )
    checked = [count(report["n_files"], "file"), count(report["n_rows"], "row")]
    return tell(arguments, report, checked)


def tell(
    arguments: Namespace,
    report: VerifyReport | TrainingVerifyReport,
    checked: list[str],
) -> int:
    """List the findings; returns the exit status."""
    n_problems, problems = report["n_problems"], report["problems"]
    if arguments.json:
        import json

        print(json.dumps({"kind": "verify", **report}, ensure_ascii=False, indent=2))
        return 1 if n_problems else 0
    for problem in problems:
        print(problem_line(problem))
    n_more = n_problems - len(problems)
    if n_more > 0:
        print(f"and {n_more:,} more")
    found = count(n_problems, "problem") if n_problems else "all right"
    print(f"{printable(arguments.data)}: checked {', '.join(checked)}: {found}")
    return 1 if n_problems else 0


def problem_line(problem: Problem) -> str:
    """Write a finding as `file:row:column: message`, as far as it has a place."""
    place = [problem["file"]]
    if problem["row"] is not None:
        place.append(f"row {problem['row']}")
    if problem["column"] is not None:
        place.append(problem["column"])
    return printable(f"{':'.join(place)}: {problem['message']}")


COMMAND = Command(
    name="verify",
    summary="check everything that a dataset or a training set says of itself",
    description="Replay every game of a dataset, and check every id, length, hash and"
    " total; or look at every row of a training set, and check every key, position,"
    " move, hash and sum.",
    example="maou verify dataset",
    add_arguments=add_arguments,
    run=run,
)
