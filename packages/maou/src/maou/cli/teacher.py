"""`maou convert --to hcpe`: a dataset becomes one file of teacher records."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from maou.cli.text import count, duration, printable, size

if TYPE_CHECKING:
    from argparse import Namespace

    from maou_rust.maou_io import ConvertReport, ExportReport

    from maou.cli.targets import Target

CAUSES = {
    "missing_eval": "without an eval; --missing-eval CP gives them one",
    "missing_king": "of positions with one king or none",
    "no_moves": "without moves",
    "not_a_game": "that are loose positions and no games",
    "not_for_training": "not for training, as their source says",
    "too_long": "too long for the format",
    "unknown_result": "with an unknown result",
    "variation": "of variations, which were not played",
}
"""What is left out, by cause."""


def run_teacher(arguments: Namespace, target: Target) -> int:
    """Write the records, and report what was done."""
    from maou.cli.info import is_dataset

    check_out(arguments)
    start = time.perf_counter()
    inputs = [Path(path) for path in arguments.inputs]
    if len(inputs) == 1 and is_dataset(inputs[0]):
        if arguments.source_format is not None:
            arguments.refuse("argument --from: no effect where a dataset is read")
        return write(arguments, target, inputs[0], start, None)
    with tempfile.TemporaryDirectory(prefix="maou-convert-") as folder:
        data = Path(folder) / "dataset"
        report = read(arguments, data)
        if report is None:
            return 1
        return write(arguments, target, data, start, report)


def check_out(arguments: Namespace) -> None:
    """Decide where the records go, and refuse what cannot be meant."""
    from maou_rust import UsageError

    arguments.out = arguments.out or "-"
    if arguments.out != "-":
        if Path(arguments.out).is_file() and not arguments.force:
            raise UsageError(
                f"{arguments.out}: expected a new name, found a file; --force"
                " replaces it"
            )
    elif arguments.json:
        arguments.refuse(
            "argument --json: expected -o OUT, since the records are on stdout"
        )
    elif sys.stdout.isatty():
        arguments.refuse(
            "argument -o/--out: expected a file, since the records are no text"
        )


def read(arguments: Namespace, data: Path) -> ConvertReport | None:
    """Read what is no dataset yet into one; None if a strict run stopped."""
    from maou_rust import RecordError, maou_io

    from maou._archives import Archives
    from maou.cli.convert import NOTHING_WRITTEN, print_first_errors, stopped_by
    from maou.cli.terminal import progress_line, warning

    try:
        limit = arguments.unpack_limit
        with progress_line() as progress, Archives(limit) as archives:
            report = maou_io.convert(
                arguments.inputs,
                data,
                compression="lz4",
                threads=arguments.threads,
                strict=arguments.strict,
                source_format=arguments.source_format,
                archives=archives,
                progress=progress,
            )
    except RecordError as error:
        stopped_by(error, arguments, NOTHING_WRITTEN)
        return None
    for text in report["warnings"]:
        warning(text)
    print_first_errors(report["errors"], report["n_errors"], "")
    return report


def write(
    arguments: Namespace,
    target: Target,
    data: Path,
    start: float,
    read_report: ConvertReport | None,
) -> int:
    """Write the file, and tell what it holds and what it does not."""
    from maou_rust import maou_io

    from maou.cli.convert import print_json
    from maou.cli.terminal import progress_line

    with progress_line() as progress:
        report = maou_io.export(
            data,
            arguments.out,
            format=target.name,
            missing_eval=arguments.missing_eval,
            threads=arguments.threads,
            progress=progress,
        )
    seconds = time.perf_counter() - start
    n_errors = read_report["n_errors"] if read_report else 0
    to_stdout = arguments.out == "-"
    if arguments.json:
        print_json(
            {
                "kind": "export",
                "format": target.name,
                "out": arguments.out,
                **report,
                "n_errors": n_errors,
                "seconds": round(seconds, 3),
            }
        )
    else:
        stream = sys.stderr if to_stdout else sys.stdout
        for line in summary(report, arguments, target, seconds):
            print(printable(line), file=stream)
    return 1 if report["left_out"] or n_errors else 0


def summary(
    report: ExportReport, arguments: Namespace, target: Target, seconds: float
) -> list[str]:
    """Tell in a few lines what was written and what was left out."""
    noun = report["counted"].removesuffix("s")
    written = count(report["n_written"], noun)
    size_text = size(report["size_bytes"])
    first = f"{arguments.out}: {written} as {target.meaning}, {size_text}"
    lines = [f"{first} in {duration(seconds)}"]
    lines += [
        f"left out {count(number, noun)} {CAUSES.get(cause, cause)}"
        for cause, number in sorted(report["left_out"].items())
    ]
    if report["n_flags_dropped"]:
        dropped = count(report["n_flags_dropped"], noun)
        lines.append(f"{dropped} lost flags, which {target.meaning} does not have")
    return lines
