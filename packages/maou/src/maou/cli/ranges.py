"""Ranges on the command line: `A..B`, `A..`, `..B`, or one value."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Sequence

    T = TypeVar("T")
    Range = tuple[T | None, T | None]
    """The least and the greatest value, None for an open end."""

_NEGATIVE_RANGE = re.compile(r"-[0-9]+\.\.")
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?")


def joined(arguments: Sequence[str]) -> list[str]:
    """Join an option with its range where that begins with a minus sign.

    argparse would take the range for an option.

    Examples:
        >>> joined(["--eval", "-200..200", "--limit", "3"])
        ['--eval=-200..200', '--limit', '3']
    """
    done: list[str] = []
    for argument in arguments:
        is_option = done and done[-1].startswith("--") and "=" not in done[-1]
        if is_option and done[-1] != "--" and _NEGATIVE_RANGE.match(argument):
            done[-1] += f"={argument}"
        else:
            done.append(argument)
    return done


def whole_numbers(text: str) -> Range[int]:
    """Parse a range of whole numbers.

    Examples:
        >>> whole_numbers("-200..200"), whole_numbers("30.."), whole_numbers("7")
        ((-200, 200), (30, None), (7, 7))
    """
    what = "a range of whole numbers such as `30..60`"
    first, last = _ends(text, _whole_number, what)
    if first is not None and last is not None and first > last:
        raise _upside_down(text)
    return first, last


def numbers(text: str) -> Range[float]:
    """Parse a range of numbers.

    Examples:
        >>> numbers("2800.."), numbers("..1999.5")
        ((2800.0, None), (None, 1999.5))
    """
    first, last = _ends(text, _number, "a range of numbers such as `2800..`")
    if first is not None and last is not None and first > last:
        raise _upside_down(text)
    return first, last


def dates(text: str) -> Range[datetime.date]:
    """Parse a range of dates; a month or a year as an end is in it as a whole.

    Examples:
        >>> first, last = dates("2023..2024-02")
        >>> str(first), str(last)
        ('2023-01-01', '2024-02-29')
    """
    first, last = _ends(text, _days, "a range of dates such as `2024-01..2024-06`")
    if first and last and first[0] > last[1]:
        raise _upside_down(text)
    return first and first[0], last and last[1]


def _ends(
    text: str, parse: Callable[[str], T | None], what: str
) -> tuple[T | None, T | None]:
    first, dots, last = text.partition("..")
    told = [first, last] if dots else [first, first]
    ends = [parse(end) if end else None for end in told]
    is_wrong = any(
        bool(end) and value is None for end, value in zip(told, ends, strict=True)
    )
    if is_wrong or told == ["", ""]:
        raise argparse.ArgumentTypeError(f"expected {what}, found `{text}`")
    return ends[0], ends[1]


def _upside_down(text: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(
        f"expected a range from the lesser to the greater end, found `{text}`"
    )


def _whole_number(text: str) -> int | None:
    # As many digits as 32 bits hold.
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else None


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]+)?", text) else None


def _days(text: str) -> tuple[datetime.date, datetime.date] | None:
    """The first and the last day of a year, a month or a day."""
    from calendar import monthrange
    from datetime import date

    found = _DATE.fullmatch(text)
    if not found:
        return None
    year, *rest = (int(number) for number in found.groups() if number is not None)
    try:
        first = date(year, *(*rest, 1, 1)[:2])
        if len(rest) == 2:
            return first, first
        last_month = rest[0] if rest else 12
        return first, date(year, last_month, monthrange(year, last_month)[1])
    except ValueError:
        return None
