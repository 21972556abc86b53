"""Ranges of the command line."""

from __future__ import annotations

import argparse
import datetime
from typing import TYPE_CHECKING

import pytest

from maou.cli.ranges import dates, joined, numbers, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Callable


def test_ends_may_be_left_out_and_are_whole_months_and_years() -> None:
    assert whole_numbers("-200..-100") == (-200, -100)
    assert whole_numbers("..0") == (None, 0)
    assert numbers("1500.5") == (1500.5, 1500.5)
    day = datetime.date
    assert dates("2024-02") == (day(2024, 2, 1), day(2024, 2, 29))
    assert dates("2024-03..2024") == (day(2024, 3, 1), day(2024, 12, 31))
    assert dates("2023-12-31..") == (day(2023, 12, 31), None)
    assert dates("..1999") == (None, day(1999, 12, 31))


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (whole_numbers, "", "a range of whole numbers such as `30..60`, found ``"),
        (whole_numbers, "..", "found `..`"),
        (whole_numbers, "1-2", "found `1-2`"),
        (whole_numbers, "1...2", "found `1...2`"),
        (whole_numbers, "1.5..", "found `1.5..`"),
        (whole_numbers, "12345678901", "found `12345678901`"),
        (whole_numbers, "٣..", "found `٣..`"),
        (whole_numbers, "9..1", "from the lesser to the greater end, found `9..1`"),
        (numbers, "nan..", "a range of numbers such as `2800..`, found `nan..`"),
        (numbers, "2.5..2.4", "from the lesser to the greater end"),
        (dates, "2024-13", "a range of dates such as `2024-01..2024-06`"),
        (dates, "2024-00", "found `2024-00`"),
        (dates, "2024-01-00", "found `2024-01-00`"),
        (dates, "2023-02-29", "found `2023-02-29`"),
        (dates, "0000", "found `0000`"),
        (dates, "2024-1-1-1", "found `2024-1-1-1`"),
        (dates, "2025..2024", "from the lesser to the greater end"),
    ],
)
def test_other_texts_are_no_ranges(
    parse: Callable[[str], object], text: str, message: str
) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as error:
        parse(text)
    assert message in str(error.value)


def test_a_range_that_begins_with_a_minus_sign_belongs_to_its_option() -> None:
    assert joined(["--eval", "-5..-3", "-2.."]) == ["--eval=-5..-3", "-2.."]
    assert joined(["--offset", "-5"]) == ["--offset", "-5"]
    assert joined(["--", "-5..3"]) == ["--", "-5..3"]
