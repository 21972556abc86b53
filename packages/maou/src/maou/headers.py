"""What header fields say: dates, times of day and time controls."""

from __future__ import annotations

import datetime
import re
import unicodedata
from dataclasses import dataclass

# Year, month, day; then, perhaps behind the day of the week, the time of day.
_DATE = re.compile(r"\s*(\d{4})[/\-.年](\d{1,2})[/\-.月](\d{1,2})日?(?!\d)")
_TIME = re.compile(r"\s*(?:\([^)]*\))?[\sT]*(\d{1,2})[:時](\d{1,2})(?:[:分](\d{1,2}))?")

# `00:25+00` (hours, minutes, byoyomi) of CSA 2; `0:10+30` of programs that write KIF.
_CLOCK = re.compile(r"\s*(\d+):(\d{1,2})\s*\+\s*(\d+)\s*$")
# `600+10+0` of CSA 3: seconds, byoyomi, increment.
_SECONDS = re.compile(r"\s*(\d+(?:\.\d+)?)\+(\d+(?:\.\d+)?)\+(\d+(?:\.\d+)?)\s*$")
_AMOUNT = re.compile(r"(\d+)\s*(時間|分|秒)")
# What stands before seconds of byoyomi, or, where the words leave no doubt, minutes.
_BYOYOMI = re.compile(
    r"(?:(?:秒読み|切れ|1手|一手)\D*?(\d+)\s*(秒|分)|[、,+&\s]\D*?(\d+)\s*(秒))"
)
# `wdoor+floodgate-300-10F+black+white+…`: seconds; an increment if F follows.
_SERVER = re.compile(r"[^+]*\+[^+]*-(\d{1,9})-(\d{1,9})(F?)\+")
_UNIT_MS = {"時間": 3_600_000, "分": 60_000, "秒": 1_000}


@dataclass(frozen=True, slots=True)
class TimeControl:
    """How much time each side has.

    Attributes:
        main_ms: Milliseconds for the whole game.
        byoyomi_ms: Milliseconds for each move once those are used up.
        increment_ms: Milliseconds that are added with each move.
    """

    main_ms: int
    byoyomi_ms: int = 0
    increment_ms: int = 0


def parse_date(text: str) -> datetime.date | None:
    """The day that a text begins with, such as `2025/01/05 10:00` or `2025年1月5日`."""
    found = _DATE.match(unicodedata.normalize("NFKC", text))
    if found is None:
        return None
    try:
        return datetime.date(*map(int, found.groups()))
    except ValueError:
        return None


def parse_datetime(text: str) -> datetime.datetime | None:
    """Day and time that a text begins with; None where it tells no time of day."""
    text = unicodedata.normalize("NFKC", text)
    day = parse_date(text)
    date = _DATE.match(text)
    if day is None or date is None:
        return None
    found = _TIME.match(text, date.end())
    if found is None:
        return None
    hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        time = datetime.time(hour, minute, second)
    except ValueError:
        return None
    return datetime.datetime.combine(day, time)


def parse_time_control(text: str, byoyomi: str = "") -> TimeControl | None:
    """The time control that a text tells; None where it is told in other words.

    Args:
        text: Value of `持ち時間`, `$TIME_LIMIT` or `$TIME`.
        byoyomi: Value of `秒読み`, where that is a field of its own.

    Examples:
        >>> parse_time_control("00:25+10")
        TimeControl(main_ms=1500000, byoyomi_ms=10000, increment_ms=0)
        >>> parse_time_control("各１時間３０分 秒読み60秒")
        TimeControl(main_ms=5400000, byoyomi_ms=60000, increment_ms=0)
    """
    text = unicodedata.normalize("NFKC", text)
    if found := _SECONDS.match(text):
        main, limit, increment = (round(1000 * float(s)) for s in found.groups())
        return TimeControl(main, limit, increment)
    if found := _CLOCK.match(text):
        hours, minutes, seconds = map(int, found.groups())
        return TimeControl(3_600_000 * hours + 60_000 * minutes, 1000 * seconds)
    limit_ms = 0
    if told := _AMOUNT.search(unicodedata.normalize("NFKC", byoyomi)):
        limit_ms = int(told[1]) * _UNIT_MS[told[2]]
    elif found := _BYOYOMI.search(text):
        limit_ms = int(found[1] or found[3]) * _UNIT_MS[found[2] or found[4]]
        text = text[: found.start()]
    amounts = _AMOUNT.findall(text)
    if not amounts and not limit_ms:
        return None
    main_ms = sum(int(number) * _UNIT_MS[unit] for number, unit in amounts)
    return TimeControl(main_ms, limit_ms)


def parse_server_event(text: str) -> TimeControl | None:
    """The time control in the name that servers of the CSA protocol give a game.

    Examples:
        >>> parse_server_event("wdoor+floodgate-300-10F+one+two+20250105233006")
        TimeControl(main_ms=300000, byoyomi_ms=0, increment_ms=10000)
    """
    found = _SERVER.match(text)
    if found is None:
        return None
    main_ms, each_ms = 1000 * int(found[1]), 1000 * int(found[2])
    if found[3]:
        return TimeControl(main_ms, increment_ms=each_ms)
    return TimeControl(main_ms, each_ms)
