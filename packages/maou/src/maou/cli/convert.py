"""`maou convert`: game records become a dataset, or text of one format."""

from __future__ import annotations

import sys
import time
from argparse import BooleanOptionalAction
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from maou.cli.command import (
    Command,
    eval_cp,
    n_threads,
    path_text,
    positive,
    size_bytes,
)
from maou.cli.targets import TEACHERS, TEXTS, teacher_target, text_target
from maou.cli.text import count, duration, printable, size

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from maou_rust import RecordError
    from maou_rust.maou_io import ConvertReport, ErrorEntry

N_ERRORS_SHOWN = 10
NOTHING_WRITTEN = "nothing was written"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `maou convert`."""
    parser.add_argument(
        "inputs",
        nargs="+",
        type=path_text,
        metavar="IN",
        help="files, folders, archives, datasets and Arrow files; - is standard input",
    )
    parser.add_argument(
        "-o",
        "--out",
        type=path_text,
        metavar="OUT",
        help="the dataset folder; with --to a folder, for a file per game, or a file"
        " for all games, or - for stdout (default with --to: -)",
    )
    parser.add_argument(
        "--to",
        choices=[target.name for target in (*TEXTS, *TEACHERS)],
        help="write this format instead of a dataset",
    )
    parser.add_argument(
        "--from",
        dest="source_format",
        choices=[target.name for target in TEACHERS],
        help="read every input as this format (default: told by content)",
    )
    parser.add_argument(
        "--missing-eval",
        type=eval_cp,
        metavar="CP",
        help="with --to hcpe, hcpe2, hcpe3 or psv, the eval of moves that have none"
        " (default: they are left out; hcpe3 marks them as not for training)",
    )
    parser.add_argument(
        "--encoding",
        choices=TEXTS[0].encodings,
        help="of what --to writes (default: utf-8)",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="with --to, replace files that have other content",
    )
    parser.add_argument(
        "--compression",
        choices=("zstd", "lz4", "none"),
        help="of the games files (default: that of the dataset, zstd for a new one)",
    )
    parser.add_argument(
        "--rows-per-file",
        type=positive,
        metavar="N",
        help="games in a games file, instead of a size in bytes (default: that of the"
        " dataset)",
    )
    parser.add_argument(
        "--variations",
        action=BooleanOptionalAction,
        help="whether each variation of a record becomes a row with the id of the line"
        " that it leaves (default: that of the dataset; left out of a new one)",
    )
    parser.add_argument(
        "--unpack-limit",
        type=size_bytes,
        metavar="SIZE",
        help="what an archive may become when it is unpacked, such as 50GB (default:"
        " 200 times its size)",
    )
    parser.add_argument(
        "--threads",
        type=n_threads,
        default=0,
        metavar="N",
        help="worker threads, 0 for one per core; the bytes written do not depend on"
        " it (default: %(default)s)",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="stop at the first record that cannot be read whole",
    )
    parser.add_argument(
        "--prune",
        action="store_true",
        help="remove the games of sources that are gone",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="read and report, write nothing"
    )
    parser.add_argument("--json", action="store_true", help="report as JSON")
    parser.set_defaults(refuse=parser.error)


def check_options(arguments: Namespace) -> None:
    """Refuse options that would have no effect."""
    is_dataset, is_text = arguments.to is None, text_target(arguments.to) is not None
    written = "a dataset" if is_dataset else "text" if is_text else arguments.to
    is_teacher = teacher_target(arguments.to) is not None
    options = {
        "--encoding": (arguments.encoding is not None, is_text),
        "--force": (arguments.force, not is_dataset),
        "--missing-eval": (arguments.missing_eval is not None, is_teacher),
        "--from": (arguments.source_format is not None, not is_text),
        "--compression": (arguments.compression is not None, is_dataset),
        "--rows-per-file": (arguments.rows_per_file is not None, is_dataset),
        "--variations": (arguments.variations is not None, is_dataset),
        "--prune": (arguments.prune, is_dataset),
        "--dry-run": (arguments.dry_run, is_dataset),
    }
    for option, (is_given, has_effect) in options.items():
        if is_given and not has_effect:
            arguments.refuse(f"argument {option}: no effect where {written} is written")
    if is_dataset and arguments.out is None:
        arguments.refuse("the following arguments are required: -o/--out, or --to")
    if is_dataset and arguments.out == "-":
        arguments.refuse("argument -o/--out: expected a dataset folder, found -")


def run(arguments: Namespace) -> int:
    """Convert, and report what was done."""
    check_options(arguments)
    if target := text_target(arguments.to):
        from maou.cli.transcribe import run_text

        return run_text(arguments, target)
    if target := teacher_target(arguments.to):
        from maou.cli.teacher import run_teacher

        return run_teacher(arguments, target)
    return run_dataset(arguments)


def run_dataset(arguments: Namespace) -> int:
    """Write a dataset."""
    from maou_rust import RecordError, maou_io

    from maou._archives import Archives
    from maou.cli.terminal import progress_line, warning

    start = time.perf_counter()
    try:
        limit = arguments.unpack_limit
        with progress_line() as progress, Archives(limit) as archives:
            report = maou_io.convert(
                arguments.inputs,
                arguments.out,
                compression=arguments.compression,
                threads=arguments.threads,
                strict=arguments.strict,
                prune=arguments.prune,
                dry_run=arguments.dry_run,
                rows_per_file=arguments.rows_per_file,
                variations=arguments.variations,
                source_format=arguments.source_format,
                archives=archives,
                progress=progress,
            )
    except RecordError as error:
        # Only a strict run ends so.
        return stopped_by(error, arguments, what_there_is(arguments))
    seconds = time.perf_counter() - start
    for text in report["warnings"]:
        warning(text)
    if arguments.json:
        print_json(as_json(report, arguments, seconds))
    else:
        print_errors(report, arguments)
        print("\n".join(map(printable, summary(report, arguments, seconds))))
    return 1 if report["total_errors"] or report["n_errors"] else 0


def stopped_by(error: RecordError, arguments: Namespace, what_there_is: str) -> int:
    """Tell what a strict run stopped at, and give its exit status."""
    if arguments.json:
        print_json(
            {
                "kind": "convert",
                "out": arguments.out,
                "stopped_at": {
                    "path": error.path,
                    "line": error.line,
                    "column": error.column,
                    "kind": error.kind,
                    "message": str(error),
                },
            }
        )
    print(printable(str(error)), file=sys.stderr)
    stopped = f"stopped at the first error (--strict): {what_there_is}"
    print(printable(stopped), file=sys.stderr)
    return 1


def print_json(value: object) -> None:
    """Write one JSON object to stdout."""
    import json

    print(json.dumps(value, ensure_ascii=False, indent=2))


def what_there_is(arguments: Namespace) -> str:
    """Tell what there is where a strict run stopped."""
    from maou_rust import maou_io

    from maou.cli.info import is_dataset

    out = Path(arguments.out)
    if arguments.dry_run or not is_dataset(out):
        return NOTHING_WRITTEN
    games = count(maou_io.info(out)["games"], "game")
    return f"{out} is not brought up to date, it holds {games}"


def as_json(
    report: ConvertReport, arguments: Namespace, seconds: float
) -> dict[str, object]:
    """Give the report as plain data."""
    return {
        "kind": "convert",
        "out": arguments.out,
        "dry_run": arguments.dry_run,
        **report,
        "seconds": round(seconds, 3),
        "positions_per_second": round(report["n_positions"] / seconds),
    }


def print_errors(report: ConvertReport, arguments: Namespace) -> None:
    """Write the first errors of this run to stderr, each with a path that opens."""
    where = "" if arguments.dry_run else f": maou info {quote(arguments.out)} --errors"
    print_first_errors(report["errors"], report["n_errors"], where)


def print_first_errors(entries: list[ErrorEntry], n_errors: int, where: str) -> None:
    """Write the first errors to stderr, and how many more there are, and where."""
    shown = entries[:N_ERRORS_SHOWN]
    for entry in shown:
        print(error_line(entry), file=sys.stderr)
    n_more = n_errors - len(shown)
    if n_more > 0:
        print(printable(f"and {n_more:,} more{where}"), file=sys.stderr)


def error_line(entry: ErrorEntry) -> str:
    """Write an error as `path:line:column: message`, on one line."""
    place = f"{entry['line']}:{entry['column']}:" if entry["line"] else ""
    return printable(f"{entry['path']}:{place} {entry['message']}")


def summary(report: ConvertReport, arguments: Namespace, seconds: float) -> list[str]:
    """Tell in a few lines what the run did, and what the dataset holds now."""
    n_read = report["n_sources_new"] + report["n_sources_changed"]
    lines = []
    if n_read == 0:
        files = count(report["n_sources_unchanged"], "file")
        lines.append(f"nothing new: {files} read before")
    else:
        line = (
            f"read {count(n_read, 'file')} in {duration(seconds)}:"
            f" {games_text(report['n_games'], report['n_variations'])},"
            f" {count(report['n_positions'], 'position')}"
        )
        if report["n_positions"]:
            line += f" ({report['n_positions'] / seconds:,.0f} positions/s)"
        lines.append(line)
        if report["n_sources_unchanged"]:
            n_unchanged = report["n_sources_unchanged"]
            lines.append(f"skipped {count(n_unchanged, 'file')} read before")
    lines += notes(report, arguments)
    if arguments.dry_run:
        lines.append("dry run: nothing was written")
    else:
        games = games_text(report["total_games"], report["total_variations"])
        positions = count(report["total_positions"], "position")
        size_text = size(report["size_bytes"])
        lines.append(f"{arguments.out}: {games}, {positions}, {size_text}")
    if arguments.dry_run and (report["n_errors"] or not report["total_errors"]):
        return lines
    if report["total_errors"]:
        lines.append(
            f"{count(report['total_errors'], 'error')} in its sources:"
            f" maou info {quote(arguments.out)} --errors"
        )
    else:
        lines.append(f"no errors; next: maou info {quote(arguments.out)}")
    return lines


def games_text(n_games: int, n_variations: int) -> str:
    """Write a number of games, and how many of them are variations.

    Examples:
        >>> games_text(1, 0), games_text(4, 3)
        ('1 game', '4 games (3 variations)')
    """
    text = count(n_games, "game")
    return f"{text} ({count(n_variations, 'variation')})" if n_variations else text


def notes(report: ConvertReport, arguments: Namespace) -> list[str]:
    """Tell what happened besides reading."""
    lines = []
    if report["n_sources_changed"]:
        lines.append(f"read {count(report['n_sources_changed'], 'changed file')} again")
    if report["n_errors"]:
        n_more = report["n_errors"] - N_ERRORS_SHOWN
        which = "listed above" if n_more <= 0 else f"the first {N_ERRORS_SHOWN} above"
        lines.append(f"found {count(report['n_errors'], 'error')}, {which}")
    if report["n_duplicate_games"]:
        lines.append(
            f"found {count(report['n_duplicate_games'], 'duplicate game')}, kept"
        )
    dropped = [
        count(number, noun)
        for number, noun in (
            (report["n_variations_dropped"], "variation"),
            (report["n_comments_dropped"], "comment"),
        )
        if number
    ]
    if dropped:
        lines.append(f"left out {' and '.join(dropped)}")
    if report["n_variations_dropped"] and arguments.variations is None:
        lines[-1] += "; --variations keeps variations"
    if report["pruned"]:
        removed = "would remove" if arguments.dry_run else "removed"
        sources = count(len(report["pruned"]), "source")
        lines.append(f"{removed} the games of {sources}")
    if report["vanished"]:
        names = ", ".join(report["vanished"][:3])
        more = "" if len(report["vanished"]) <= 3 else ", …"
        lines.append(
            f"kept the games of {count(len(report['vanished']), 'source')} that"
            f" vanished ({names}{more}); --prune removes them"
        )
    return lines


COMMAND = Command(
    name="convert",
    summary="game records become a dataset, or records of another format",
    description="Read game records, in parallel, into a dataset that Polars opens as it"
    " is.\nA second run reads only what is new; an interrupted one is completed.\n"
    "Archives and datasets are inputs, too; formats are told by content.",
    example="maou convert records/ -o dataset\n"
    "maou convert dataset1/ dataset2/ games.feather -o merged\n"
    "maou convert game.kif --to usi",
    add_arguments=add_arguments,
    run=run,
    when_interrupted="interrupted: nothing is lost, the same command goes on from here",
)
