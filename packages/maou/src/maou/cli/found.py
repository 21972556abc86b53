"""Positions that were found, as JSON and as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from maou._files import write_whole
from maou.cli.cards import board_of, caption, id_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maou.cli.cards import Row

RESULT_NAMES = ("draw", "black_wins", "white_wins", "unknown")


def as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its numbers as names: ids in hex, moves in USI, results in words."""
    from maou_rust.maou_shogi import Move

    fields: dict[str, Any] = dict(row)
    if row.get("game") is not None:
        fields["game"] = id_text(row["game"])
    if row.get("move") is not None:
        fields["move"] = Move(row["move"]).usi()
    if row.get("result") is not None:
        fields["result"] = RESULT_NAMES[row["result"]]
    if row.get("date") is not None:
        fields["date"] = str(row["date"])
    return fields


def picture_path(text: str) -> str:
    """Parse the name of a picture."""
    import argparse

    if not text.lower().endswith((".svg", ".png")):
        raise argparse.ArgumentTypeError(
            f"expected a name that ends in .svg or .png, found `{text}`"
        )
    return text


def write_sheet(rows: Sequence[Row], path: str) -> None:
    """Draw the positions on a sheet, with the move played from each as an arrow."""
    import maou

    boards = [
        maou.svg.board(
            board_of(row),
            arrows=[] if row["move"] is None else [row["move"]],
            size=640,
        )
        for row in rows
    ]
    columns = next(n for n in range(1, 100) if n * n >= len(boards))
    picture = maou.svg.sheet(
        boards, captions=[caption(row) for row in rows], size=400 * columns
    )
    if path.lower().endswith(".png"):
        picture.to_png(path)
    else:
        write_whole(Path(path), picture.encode())
