"""Write docs/schema.md from the code, or check that it is up to date.

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

PAGE = Path(__file__).resolve().parent.parent / "docs/schema.md"

HEAD = """\
<!-- Made by scripts/schema_page.py: edit crates/maou_io/src/schema.rs instead. -->

# The columns

One row of `games-NNNNN.feather` is one game. `maou info --schema` prints the same
table. Record batches hold up to 1,024 games. Only columns with a `?` are ever null; in
a list, the `?` of its item says that a ply may have none.

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
    return HEAD + table(maou_io.schema()) + RESULTS + results


def main(arguments: Sequence[str]) -> int:
    """Write or check; returns the exit status."""
    if list(arguments) not in ([], ["--check"]):
        print("usage: schema_page.py [--check]", file=sys.stderr)
        return 2
    text = page()
    if not arguments:
        PAGE.write_text(text, encoding="utf-8", newline="\n")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    print("docs/schema.md: expected what `python scripts/schema_page.py` writes")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
