"""What `maou convert --to` writes: one table of all targets."""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """A format that records can be written in."""

    name: str
    meaning: str
    encodings: tuple[str, ...]
    """Those that programs read it in, the usual one first."""


TEXTS = (
    Target("csa", "CSA", ("utf-8", "shift_jis", "euc-jp")),
    Target("kif", "KIF", ("utf-8", "shift_jis", "euc-jp")),
    Target("ki2", "KI2", ("utf-8", "shift_jis", "euc-jp")),
    Target("jkf", "JKF, the JSON form", ("utf-8",)),
    Target("usi", "a USI `position` line for each game", ("utf-8",)),
    Target("sfen", "the SFEN of each game's start position", ("utf-8",)),
)
"""Text formats of games."""


TEACHERS = (
    Target("hcpe", "HCPE", ()),
    Target("hcpe2", "HCPE2", ()),
    Target("hcpe3", "HCPE3", ()),
    Target("psv", "PSV", ()),
)
"""Binary formats of records that networks learn from, also for `--from`."""


def teacher_target(name: str | None) -> Target | None:
    """Find a format of teacher records by its name."""
    return next((target for target in TEACHERS if target.name == name), None)


def text_target(name: str | None) -> Target | None:
    """Find a text format by its name."""
    return next((target for target in TEXTS if target.name == name), None)
