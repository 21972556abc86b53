"""Write docs/schema.md and docs/training-sets.md, or check that they are up to date.

python scripts/schema_page.py            # write
python scripts/schema_page.py --check    # exit status 1 if it differs
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from maou_rust import maou_io

from maou.vocabulary import GameResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maou_rust.maou_io import Column

DOCS = Path(__file__).resolve().parent.parent / "docs"

HEAD = """\
<!-- Made by scripts/schema_page.py: edit crates/maou_io/src/schema.rs instead. -->

# The columns

One row of `games-NNNNN.feather` is one game. `maou info --schema` prints the same
table. Record batches hold up to 1,024 games. Only columns with a `?` are ever null; in
a list, the `?` of its item says that a ply may have none.

"""

VARIATIONS = """
## Variations

In a dataset that was made with `maou convert --variations`, all games files have this
column behind the others. A variation is a row like that of a game: its moves are those
from the start, its result and ending what the record tells of that line. It follows the
game that it belongs to; the games as they were played are the rows where `parent_id` is
null.

"""

SEARCH = """
## Games of HCPE3

A games file has these columns behind all others if a game of HCPE3 is in it; they are
null for games of other formats. `maou.Dataset.games` has them if any file has.

"""

POSITIONS = """
## Loose positions

One row of `positions-NNNNN.feather` is one position of HCPE, HCPE2 or PSV, and
`maou.Dataset.positions_table` holds all of them. Record batches hold up to 65,536.
[Teacher records](teacher-formats.md) says what becomes of each format.

"""

EVERY_POSITION = """
## Every position

`maou.Dataset.positions` replays the games and streams a row for each position before a
move, then the loose positions: the columns that are named, or the first seven. They
stand in no file. `maou.Dataset.scan_positions` is the same as a lazy frame of Polars.

"""

RESULTS = """
## Numbers of `result`

| Number | Name in Python | Meaning |
|---:|---|---|
"""

MEANINGS = {
    GameResult.DRAW: "draw",
    GameResult.BLACK_WINS: "Black (先手) wins",
    GameResult.WHITE_WINS: "White (後手) wins",
    GameResult.UNKNOWN: "the record does not tell",
}

ENDINGS = """
## Names of `ending`

"The side to move" is the one that would have moved next. No ending tells the result by
itself: `result` does.

| Name | Meaning | In Japanese |
|---|---|---|
"""

# Names in the order of the column's own list, which `page` compares with.
ENDING_MEANINGS = {
    "resign": ("the side to move resigned", "投了"),
    "checkmate": ("the side to move is mated", "詰み"),
    "repetition": ("a position came for the fourth time: a draw", "千日手"),
    "perpetual_check": (
        "the same by checks alone: who checked loses",
        "連続王手の千日手",
    ),
    "declaration": ("the side to move declared its win by entering", "入玉宣言"),
    "impasse": ("a draw by entered kings or by agreement", "持将棋"),
    "max_moves": ("the game reached its greatest length: a draw", "最大手数"),
    "time": ("the side to move ran out of time", "切れ負け"),
    "illegal_move": ("an illegal move", "反則"),
    "illegal_action": ("another forbidden action", "反則行為"),
    "walkover": ("one side did not play", "不戦勝、不戦敗"),
    "interrupted": ("stopped or adjourned", "中断、封じ手"),
    "no_mate": ("a problem that has no mate", "不詰"),
    "takeback": ("a move was taken back", "待った"),
    "error": ("an error of the program that wrote the record", "エラー"),
    "unknown": ("the record does not tell, or breaks off", ""),
}


def table(columns: Sequence[Column]) -> str:
    """Lay the columns out as a Markdown table."""
    lines = ["| Column | Type | Meaning |", "|---|---|---|"]
    for column in columns:
        kind = column["type"] + ("?" if column["nullable"] else "")
        meaning = column["meaning"].replace("|", "\\|")
        lines.append(f"| `{column['name']}` | `{kind}` | {meaning} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """Write the whole page."""
    results = "".join(
        f"| {result.value} | `GameResult.{result.name}` | {MEANINGS[result]} |\n"
        for result in GameResult
    )
    columns = maou_io.schema()
    ending = next(c["meaning"] for c in columns if c["name"] == "ending")
    names = ending.partition(": ")[2].replace(" or ", ", ").split(", ")
    if names != list(ENDING_MEANINGS):
        raise SystemExit(f"ENDING_MEANINGS: expected the names {', '.join(names)}")
    endings = "".join(
        f"| `{name}` | {meaning} | {japanese} |\n"
        for name, (meaning, japanese) in ENDING_MEANINGS.items()
    )
    tables = [
        HEAD + table(columns),
        VARIATIONS + table(maou_io.schema("variations")),
        SEARCH + table(maou_io.schema("search")),
        POSITIONS + table(maou_io.schema("positions")),
        EVERY_POSITION + table(maou_io.schema("every_position")),
    ]
    return "".join(tables) + RESULTS + results + ENDINGS + endings


TRAINING_HEAD = """\
<!-- Made by scripts/schema_page.py: edit that script, or the columns in
crates/maou_io/src/training/schema.rs. -->

# Training sets

`maou prepare dataset -o train` merges the equal positions of datasets into a training
set, a folder of Arrow IPC files that Polars, pandas and pyarrow open as they are:

| File | Holds |
|---|---|
| `train-NNNNN.feather` | what is learned from, one row for each distinct position |
| `validation-NNNNN.feather` | what is held back, from other games |
| `manifest.json` | options, what it was made of, what was left out, its files |

Files are numbered from 0 and hold up to 1,048,576 rows, in record batches of up to
65,536. All rows of a split stand in the order of `key`, over all of its files. The
manifest tells rows, hash and range of keys of each file.

```python
import polars as pl

rows = pl.scan_ipc("train/train-*.feather")
rows.filter(pl.col("n") > 100).select("key", "n", "score", "moves", "counts").collect()
```

[`maou prepare`](commands/prepare.md) says which games and positions become rows, `maou
info train` what a set holds, and `maou verify train` checks every row of it.

## The columns

A row is a position *as the side to move sees it*: with White to move, the board is
turned by 180° and colors are swapped, moves, scores and evals among it. So a position
and its twin are one row. Only columns with a `?` are ever null; in a list, the `?` of
its item says that a move may have none. The five lists of a row are equally long: one
item for each move.

"""

TRAINING_NOTES = """
## Notes

- **Means and weights.** `score` is the sum of the weights of the won occurrences, and
  half of that of the drawn ones, by `score_weight`. Sums are of whole numbers and are
  weighed at the end, in an order of their own; means and weights are 32-bit floats of
  64-bit sums.
- **Evals** are those of the games, each for the side to move: a mate in 5 is 31,995.
  Raw numbers of loose positions beyond 32,000 count as 32,000.
- **`ply`** of a position that several ways lead to is the smallest.
- **Moves** are move16 as cshogi has it, of `position`: `maou.to_usi` reads the column,
  and `maou.Board.from_hcp(bytes(row["position"]))` is the board to it.
- **Keys** have 63 bits. The chance that two positions of a set of 50 million have the
  same one is below 1 in 5,000; they would be one row then, with the position whose
  bytes come first.
- **Validation** is decided by `id` modulo 10,000 of each game, before anything is
  merged.
"""


def training_page() -> str:
    """Write the page about training sets."""
    return TRAINING_HEAD + table(maou_io.schema("training")) + TRAINING_NOTES


PAGES = {"schema.md": page, "training-sets.md": training_page}


def main(arguments: Sequence[str]) -> int:
    """Write or check; returns the exit status."""
    if list(arguments) not in ([], ["--check"]):
        print("usage: schema_page.py [--check]", file=sys.stderr)
        return 2
    status = 0
    for name, make in PAGES.items():
        path, text = DOCS / name, make()
        if not arguments:
            path.write_text(text, encoding="utf-8", newline="\n")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            print(f"docs/{name}: expected what `python scripts/schema_page.py` writes")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
