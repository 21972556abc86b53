"""`maou convert --to csa`: game records become records of another format."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from maou.cli.text import count, duration, printable

if TYPE_CHECKING:
    from argparse import Namespace
    from typing import TypedDict

    from maou_rust.maou_io import TranscribeReport

    from maou.cli.targets import Target

    class Place(TypedDict, total=False):
        """Where texts go; nothing for stdout."""

        folder: str
        file: str


STDOUT = "-"


def run_text(arguments: Namespace, target: Target) -> int:
    """Write the records as text, and report what was done."""
    from maou_rust import RecordError, maou_io

    from maou._archives import Archives
    from maou.cli.convert import NOTHING_WRITTEN, stopped_by
    from maou.cli.terminal import progress_line

    encoding = arguments.encoding or target.encodings[0]
    if encoding not in target.encodings:
        arguments.refuse(
            f"argument --encoding: expected {' or '.join(target.encodings)} for"
            f" {target.name}, found {encoding}"
        )
    place = place_of(arguments)
    if arguments.json and not place:
        arguments.refuse(
            "argument --json: expected -o OUT, since the text is on stdout"
        )
    start = time.perf_counter()
    try:
        limit = arguments.unpack_limit
        with progress_line() as progress, Archives(limit) as archives:
            report = maou_io.transcribe(
                arguments.inputs,
                format=target.name,
                write=None if place else sys.stdout.buffer.write,
                encoding=encoding,
                threads=arguments.threads,
                strict=arguments.strict,
                force=arguments.force,
                archives=archives,
                progress=progress,
                **place,
            )
    except RecordError as error:
        return stopped_by(error, arguments, NOTHING_WRITTEN)
    seconds = time.perf_counter() - start
    tell(report, arguments, target, seconds)
    return 1 if report["n_errors"] else 0


def place_of(arguments: Namespace) -> Place:
    """Decide what `-o` means: a folder, a file, or nothing for stdout.

    A folder is what is one, what ends like one, and what has no ending.
    """
    out: str | None = arguments.out
    if out is None or out == STDOUT:
        return {}
    separators = (os.sep, os.altsep or os.sep, "/")
    path = Path(out)
    if path.is_dir() or out.endswith(separators) or not path.suffix:
        return {"folder": out}
    return {"file": out}


def tell(
    report: TranscribeReport, arguments: Namespace, target: Target, seconds: float
) -> None:
    """Report: with the text on stdout, everything else is on stderr."""
    from maou.cli.convert import print_first_errors, print_json

    if arguments.json:
        out = {"kind": "convert", "to": target.name, "out": arguments.out}
        print_json({**out, **report, "seconds": round(seconds, 3)})
        return
    print_first_errors(report["errors"], report["n_errors"], "")
    stream = sys.stdout if place_of(arguments) else sys.stderr
    for line in summary(report, arguments, target, seconds):
        print(printable(line), file=stream)


def summary(
    report: TranscribeReport, arguments: Namespace, target: Target, seconds: float
) -> list[str]:
    """Tell in a few lines what was written, and what was left out."""
    lines = []
    if place_of(arguments):
        n_files, n_unchanged = report["n_files"], report["n_files_unchanged"]
        line = (
            f"wrote {count(report['n_games'], 'game')} of"
            f" {count(report['n_sources'], 'source')} in {duration(seconds)}:"
            f" {count(n_files, 'file')} in {arguments.out}"
        )
        if n_unchanged:
            line += f", {count(n_unchanged, 'file')} as before"
        lines.append(line)
    if report["n_errors"]:
        lines.append(f"found {count(report['n_errors'], 'error')}")
    if report["left_out"]:
        # The names are regular plurals.
        losses = ", ".join(
            count(n, name[:-1]) for name, n in report["left_out"].items()
        )
        lines.append(f"{target.name} has no place for: {losses}; left out")
    return lines
