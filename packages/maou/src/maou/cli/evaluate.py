"""`maou evaluate`: how well a model foretells moves and results."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentTypeError, BooleanOptionalAction
from contextlib import contextmanager
from typing import TYPE_CHECKING

from maou.cli.command import Command, n_threads, path_text, positive
from maou.cli.ranges import whole_numbers
from maou.cli.text import duration, printable

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterator

    from maou.evaluation import Evaluation

CHECKPOINTS = ("best-policy", "best-value", "last")
SPLITS = ("validation", "train")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `maou evaluate`."""
    parser.add_argument(
        "model",
        type=path_text,
        metavar="MODEL",
        help="a run of maou train, or an ONNX model with maou's or dlshogi's inputs",
    )
    parser.add_argument(
        "data",
        type=path_text,
        metavar="DATA",
        help="a dataset, a training set or a file of HCPE",
    )
    add_model_arguments(parser)
    parser.add_argument(
        "--split",
        choices=SPLITS,
        help="of a training set (default: validation)",
    )
    parser.add_argument(
        "--legal",
        action="store_true",
        help="take the policy over legal moves only",
    )
    parser.add_argument(
        "--ply",
        type=whole_numbers,
        metavar="A..B",
        help="positions of these plies only, from 0, both ends included: 30..60, 30..",
    )
    parser.add_argument(
        "--rating",
        type=whole_numbers,
        metavar="A..B",
        help="positions in which the side to move has such a rating: 2800..",
    )
    parser.add_argument(
        "--training-set",
        type=path_text,
        metavar="TRAIN",
        help="what the model was trained on (default: what the run names)",
    )
    parser.add_argument(
        "--unseen",
        action="store_true",
        help="leave out positions of the training set, whatever the color",
    )
    parser.add_argument(
        "--limit",
        type=positive,
        metavar="N",
        help="stop after so many positions",
    )
    parser.add_argument(
        "--batch-size",
        type=positive,
        default=1024,
        metavar="N",
        help="positions that the model is asked for at once (default: %(default)s)",
    )
    parser.add_argument(
        "--device",
        type=device_name,
        default="auto",
        help="auto, cpu, cuda, cuda:N, or mps for a run (default: %(default)s)",
    )
    parser.add_argument(
        "--threads",
        type=n_threads,
        default=0,
        metavar="N",
        help="threads for positions and for the model, 0 for one per core (default:"
        " %(default)s)",
    )
    parser.add_argument(
        "--resamples",
        type=whole_number,
        default=1000,
        metavar="N",
        help="of the bootstrap, 0 for no intervals (default: %(default)s)",
    )
    parser.add_argument(
        "--bins",
        type=positive,
        default=10,
        metavar="N",
        help="of the calibration error (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=whole_number,
        default=0,
        metavar="N",
        help="of the bootstrap (default: %(default)s)",
    )
    parser.add_argument(
        "--plots",
        type=path_text,
        metavar="FOLDER",
        help="write pictures there, as PNG and SVG: reliability, by ply, by rating",
    )
    parser.add_argument("--json", action="store_true", help="report as JSON")


def add_model_arguments(parser: ArgumentParser) -> None:
    """Add the arguments that tell which weights of a run are meant."""
    parser.add_argument(
        "--checkpoint",
        choices=CHECKPOINTS,
        help="of a run (default: best-policy, or last if there was no validation)",
    )
    parser.add_argument(
        "--ema",
        action=BooleanOptionalAction,
        help="whether the averaged weights of a run are taken (default: where it has"
        " some)",
    )


def device_name(text: str) -> str:
    """Parse the name of a device."""
    import re

    if re.fullmatch(r"auto|cpu|mps|cuda(:[0-9]{1,3})?", text) is None:
        raise ArgumentTypeError(
            f"expected auto, cpu, cuda, cuda:N or mps, found `{text}`"
        )
    return text


def whole_number(text: str) -> int:
    """Parse a number from 0."""
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ArgumentTypeError(f"expected a number from 0, found `{text}`")
    return int(text)


def run(arguments: Namespace) -> int:
    """Evaluate, print the table, and draw."""
    from maou._extras import require

    if arguments.plots is not None:
        # Before the work, not behind it.
        require("matplotlib")
    from maou.evaluation import evaluate

    with positions_line() as progress:
        found = evaluate(
            arguments.model,
            arguments.data,
            split=arguments.split,
            checkpoint=arguments.checkpoint,
            ema=arguments.ema,
            legal=arguments.legal,
            ply=arguments.ply,
            rating=arguments.rating,
            training_set=arguments.training_set,
            unseen=arguments.unseen,
            limit=arguments.limit,
            batch_size=arguments.batch_size,
            device=arguments.device,
            threads=arguments.threads,
            n_resamples=arguments.resamples,
            n_bins=arguments.bins,
            seed=arguments.seed,
            progress=progress,
        )
    if arguments.json:
        import json

        print(json.dumps(found.to_dict(), ensure_ascii=False, indent=2))
    else:
        print(found)
    warn_of_seen(found)
    if arguments.plots is not None:
        for path in found.save_pictures(arguments.plots):
            print(f"wrote {printable(str(path))}", file=sys.stderr)
    return 0


def warn_of_seen(found: Evaluation) -> None:
    """Say how much of the data the model was trained on."""
    from maou.cli.terminal import warning

    seen = found.seen
    if seen is None or not seen.n or found.options["unseen"]:
        return
    warning(
        f"{seen.n:,} of {seen.n_looked_up:,} positions ({seen.share:.1%}) are in the"
        f" training set {seen.training_set}: the figures are too good as far as the"
        " model remembers them; `--unseen` leaves them out"
    )


@contextmanager
def positions_line() -> Iterator[Callable[[int, int], None] | None]:
    """Show how many positions are done, at what rate; None where nobody looks."""
    from maou.cli.terminal import is_terminal

    if not is_terminal():
        yield None
        return
    start = time.monotonic()
    shown = start - 1

    def show(n: int, n_all: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown < 0.1:
            return
        shown = now
        words = [f"{n / max(n_all, 1):4.0%}", f"{n:,}/{n_all:,} positions"]
        if n and now - start > 0.5:
            rate = n / (now - start)
            words.append(f"{rate:,.0f} positions/s")
            words.append(f"{duration(round((n_all - n) / rate))} left")
        line = "  ".join(words)
        print(f"\r{line}\033[K", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        print("\r\033[K", end="", file=sys.stderr, flush=True)


COMMAND = Command(
    name="evaluate",
    summary="how well a model foretells moves and results",
    description="Measure how well a model foretells moves and results.",
    example="maou evaluate runs/a dataset\n"
    "maou evaluate model.onnx train --split validation --plots pictures",
    add_arguments=add_arguments,
    run=run,
)
