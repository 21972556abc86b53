"""`maou index`: build the index of a dataset, or bring it up to date."""

from __future__ import annotations

import time
from shlex import quote
from typing import TYPE_CHECKING

from maou.cli.command import Command, n_threads, path_text, size_bytes
from maou.cli.text import count, duration, printable, size

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from maou_rust.maou_index import BuildReport


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `maou index`."""
    parser.add_argument(
        "data", type=path_text, metavar="DATA", help="the dataset folder"
    )
    parser.add_argument(
        "--index-dir",
        type=path_text,
        metavar="DIR",
        help="where the index shall lie, for a dataset that cannot be written to;"
        " without it in the folder `index` of the dataset",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="build all of it again, not only what is new",
    )
    parser.add_argument(
        "--threads",
        type=n_threads,
        default=0,
        metavar="N",
        help="worker threads, 0 for one per core (default: %(default)s)",
    )
    parser.add_argument(
        "--memory",
        type=size_bytes,
        metavar="SIZE",
        help="what keys and buffers may take, such as 500MB",
    )
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(arguments: Namespace) -> int:
    """Build, and say what was done."""
    from maou_rust import maou_index

    from maou.cli.terminal import progress_line

    start = time.perf_counter()
    with progress_line() as progress:
        report = maou_index.build(
            arguments.data,
            index_dir=arguments.index_dir,
            threads=arguments.threads,
            memory=arguments.memory,
            force=arguments.force,
            progress=progress,
        )
    if report["stopped"]:
        raise KeyboardInterrupt
    seconds = time.perf_counter() - start
    if arguments.json:
        import json

        value = {"kind": "index", **report, "seconds": round(seconds, 3)}
        print(json.dumps(value, ensure_ascii=False, indent=2))
    else:
        for line in summary(report, arguments, seconds):
            print(printable(line))
    return 0


def summary(report: BuildReport, arguments: Namespace, seconds: float) -> list[str]:
    """Tell in a few lines what was indexed."""
    lines = []
    if report["problem"]:
        # The problem ends with the command that mends it, which was just given.
        problem = report["problem"].partition("; `maou index ")[0]
        lines.append(f"built all of it again: {problem}")
    n_new, n_gone = report["n_files_new"], report["n_files_gone"]
    if n_new == n_gone == 0:
        lines.append("nothing is new")
    else:
        line = f"indexed {count(report['n_positions_new'], 'position')}"
        line += f" of {count(n_new, 'file')} in {duration(seconds)}"
        if seconds > 0.5:
            line += f" ({report['n_positions_new'] / seconds:,.0f} positions/s)"
        if n_gone:
            line += f"; dropped {count(n_gone, 'file')} that changed or are gone"
        lines.append(line)
    n_positions = report["n_positions"]
    line = (
        f"{report['path']}: {count(report['n_games'], 'game')},"
        f" {count(n_positions, 'position')}, {size(report['size_bytes'])}"
    )
    if n_positions >= 1000:
        line += f", {report['size_bytes'] / n_positions:.1f} bytes a position"
    lines.append(line)
    where = f" --index-dir {quote(arguments.index_dir)}" if arguments.index_dir else ""
    lines.append(f"next: maou find {quote(arguments.data)}{where} --moves")
    return lines


COMMAND = Command(
    name="index",
    summary="build the index of a dataset, or add to it what is new",
    description="Build the index that `maou find` searches, or add to it what is new.",
    example="maou index dataset",
    add_arguments=add_arguments,
    run=run,
    when_interrupted="interrupted: the index is as it was",
)
