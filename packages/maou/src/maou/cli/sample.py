"""`maou sample`: random positions of a dataset, to look at one's data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maou.cli.command import Command, number, path_text, positive
from maou.cli.found import as_json, picture_path, write_sheet
from maou.cli.text import count, printable

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

MOST_BOARDS = 400
"""More in one picture are too small to see, and slow to draw."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `maou sample`."""
    parser.add_argument(
        "data", type=path_text, metavar="DATA", help="the dataset folder"
    )
    parser.add_argument(
        "-n",
        "--number",
        type=positive,
        default=20,
        metavar="N",
        help="how many positions (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=number,
        default=0,
        metavar="N",
        help="another number draws others (default: %(default)s)",
    )
    out = parser.add_mutually_exclusive_group()
    out.add_argument(
        "--svg",
        type=picture_path,
        metavar="FILE",
        help="draw them as one picture; a name that ends in .png makes PNG",
    )
    out.add_argument("--json", action="store_true", help="report as JSON")


def run(arguments: Namespace) -> int:
    """Draw positions and show them."""
    from maou_rust import UsageError

    from maou.cli.cards import cards
    from maou.dataset import Dataset

    if arguments.svg and arguments.number > MOST_BOARDS:
        raise UsageError(
            f"--svg: expected at most {MOST_BOARDS} boards in a picture,"
            f" found -n {arguments.number}"
        )
    dataset = Dataset(arguments.data)
    rows = dataset.sample(arguments.number, seed=arguments.seed).to_dicts()
    if arguments.json:
        import json

        value = {"kind": "sample", "data": arguments.data, "seed": arguments.seed}
        listed = {**value, "positions": [as_json(row) for row in rows]}
        print(json.dumps(listed, ensure_ascii=False, indent=2))
    elif not rows:
        print(f"{printable(arguments.data)}: no positions")
    elif arguments.svg:
        write_sheet(rows, arguments.svg)
        print(f"{printable(arguments.svg)}: {count(len(rows), 'board')}")
    else:
        print(cards(rows, 1))
    return 0


COMMAND = Command(
    name="sample",
    summary="random positions of a dataset, to look at one's data",
    description="Show random positions of a dataset with what is known of each:"
    " every position is as likely as any other.",
    example="maou sample dataset\nmaou sample dataset -n 20 --svg sheet.svg",
    add_arguments=add_arguments,
    run=run,
)
