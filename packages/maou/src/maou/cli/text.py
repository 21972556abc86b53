"""Numbers, sizes and tables as text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def count(number: int, noun: str, plural: str = "") -> str:
    """Write a number with its noun.

    Examples:
        >>> count(1, "game"), count(31204, "game"), count(2, "ply", "plies")
        ('1 game', '31,204 games', '2 plies')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def size(size_bytes: int) -> str:
    """Write a size in bytes with a unit of a thousand.

    Examples:
        >>> size(999), size(151_300), size(64_000_000)
        ('999 B', '151 kB', '64.0 MB')
    """
    number = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.{0 if unit in ('B', 'kB') else 1}f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def duration(seconds: float) -> str:
    """Write a time span.

    Examples:
        >>> duration(0.002), duration(0.034), duration(12.3)
        ('0.01 s', '0.03 s', '12.3 s')
        >>> duration(754), duration(7500)
        ('12 min 34 s', '2 h 05 min')
        >>> duration(9)
        '9 s'
    """
    if isinstance(seconds, int) and seconds < 60:
        return f"{seconds} s"
    if seconds < 60:
        # Nothing takes no time.
        return f"{max(seconds, 0.01):.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def width(text: str) -> int:
    """Count the columns that a text takes on a terminal: kanji take two.

    Examples:
        >>> width("7六歩")
        5
    """
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(
        2 if east_asian_width(char) in "WF" else 1
        for char in text
        if not combining(char)
    )


def printable(text: str) -> str:
    r"""Write control characters as escapes: what data says must not steer a terminal.

    Examples:
        >>> print(printable("a\x1b[31mb\n"))
        a\x1b[31mb\x0a
    """
    return text.translate(_ESCAPES)


_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}


def shorten(text: str, columns: int) -> str:
    """Cut a text that is wider than so many columns, and escape control characters.

    The time does not grow with the length of the text.

    Examples:
        >>> shorten("Computer Shogi Championship", 12)
        'Computer Sh…'
    """
    # Combining characters take no column: their number has to be limited, too.
    shown = printable(text[: 8 * columns])
    if len(text) <= 8 * columns and width(shown) <= columns:
        return shown
    n_kept, n_columns = 0, 0
    for char in shown:
        n_columns += width(char)
        if n_columns >= columns:
            break
        n_kept += 1
    return shown[:n_kept] + "…"


def table(
    header: Sequence[str], rows: Iterable[Sequence[object]], *, right: str = ""
) -> str:
    """Lay out a table; control characters are escaped.

    Args:
        header: Column names.
        rows: Cells.
        right: Names of the columns to align right, separated by blanks.

    Examples:
        >>> print(table(["name", "n"], [["飛", 2], ["歩", 18]], right="n"))
        name   n
        飛     2
        歩    18
    """
    lines = [[printable(str(cell)) for cell in row] for row in rows]
    widths = [
        max(width(line[idx]) for line in [list(header), *lines])
        for idx in range(len(header))
    ]
    to_right = {idx for idx, name in enumerate(header) if name in right.split()}
    return "\n".join(
        "  ".join(
            _padded(cell, widths[idx], idx in to_right) for idx, cell in enumerate(line)
        ).rstrip()
        for line in [list(header), *lines]
    )


def fields(pairs: Iterable[tuple[str, str]]) -> str:
    """Lay out names and values, one a line; control characters are escaped.

    Examples:
        >>> print(fields([("games", "262"), ("positions", "31,204")]))
        games      262
        positions  31,204
    """
    pairs = [(name, printable(value)) for name, value in pairs]
    columns = max(width(name) for name, _ in pairs)
    return "\n".join(
        f"{_padded(name, columns, False)}  {value}".rstrip() for name, value in pairs
    )


def _padded(text: str, columns: int, to_right: bool) -> str:
    blanks = " " * (columns - width(text))
    return blanks + text if to_right else text + blanks
