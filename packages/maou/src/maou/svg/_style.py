"""How pictures look: colors and the kind of lines, by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

COLORS = {
    "black": "#000000",
    "orange": "#e69f00",
    "sky": "#56b4e9",
    "green": "#009e73",
    "yellow": "#f0e442",
    "blue": "#0072b2",
    "red": "#d55e00",
    "purple": "#cc79a7",
}
"""Colors that color-blind people tell apart too: those of Okabe and Ito."""

_HEX = re.compile(r"#[0-9a-fA-F]{6}")


def color(name: str) -> str:
    """A color as SVG writes it.

    Raises:
        ValueError: It is neither a known name nor `#rrggbb`.
    """
    if name in COLORS:
        return COLORS[name]
    if not _HEX.fullmatch(name):
        known = ", ".join(f"`{known}`" for known in COLORS)
        raise ValueError(f"expected a color ({known} or `#rrggbb`), found `{name}`")
    return name


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a board looks; every color is `#rrggbb`.

    Examples:
        >>> import dataclasses, maou
        >>> mine = dataclasses.replace(maou.svg.STYLES["wood"], board="#e8c98f")
        >>> "#e8c98f" in maou.svg.board(), "#e8c98f" in maou.svg.board(style=mine)
        (False, True)
    """

    page: str
    """Behind everything."""
    board: str
    line: str
    line_width: float
    frame_width: float
    label: str
    """Coordinates, captions and what is written beside the board."""
    ink: str
    """Characters on pieces."""
    promoted: str
    """Characters on promoted pieces."""
    wood: str | None
    """Faces of pieces; None draws characters alone, as newspapers do."""
    edge: str
    """Edges of pieces and of stands."""
    shadow: str | None
    """Under pieces; None for none."""
    stand: str | None
    """Stands for pieces in hand; None writes hands as a column of characters."""
    turn: str
    """What says whose turn it is."""
    last_to: str
    """The square that the last move led to."""
    last_from: str
    """The square that it came from."""
    check: str
    """A king in check."""
    mark: str
    """Squares that are marked without a color."""
    arrow: str
    """Arrows without a color."""
    high: str
    """Heat of the highest value."""
    low: str
    """Heat of the lowest value, where there are values below zero."""


Look = Literal["wood", "print", "plain", "dark"]

STYLES: dict[str, Style] = {
    "wood": Style(
        page="#ffffff",
        board="#f3d9a4",
        line="#6b5127",
        line_width=1.1,
        frame_width=2.6,
        label="#4f4433",
        ink="#1a140c",
        promoted="#b3140f",
        wood="#fdf0d0",
        edge="#9a7a42",
        shadow="#6b4a16",
        stand="#f3d9a4",
        turn="#b3140f",
        last_to="#e8a33d",
        last_from="#f0c477",
        check="#d55e00",
        mark="#0072b2",
        arrow="#0072b2",
        high="#0b5394",
        low="#c2410c",
    ),
    "print": Style(
        page="#ffffff",
        board="#ffffff",
        line="#000000",
        line_width=0.9,
        frame_width=2.4,
        label="#000000",
        ink="#000000",
        promoted="#000000",
        wood=None,
        edge="#000000",
        shadow=None,
        stand=None,
        turn="#000000",
        last_to="#cfcfcf",
        last_from="#ebebeb",
        check="#000000",
        mark="#000000",
        arrow="#000000",
        high="#8c8c8c",
        low="#8c8c8c",
    ),
    "plain": Style(
        page="#ffffff",
        board="#ffffff",
        line="#9aa0a6",
        line_width=1,
        frame_width=1.8,
        label="#3c4043",
        ink="#17191c",
        promoted="#b3140f",
        wood="#ffffff",
        edge="#5f6368",
        shadow=None,
        stand="#f6f7f8",
        turn="#0072b2",
        last_to="#f7d070",
        last_from="#fbe9b7",
        check="#d55e00",
        mark="#0072b2",
        arrow="#0072b2",
        high="#0b5394",
        low="#c2410c",
    ),
    "dark": Style(
        page="#17191d",
        board="#4a3f31",
        line="#8a795f",
        line_width=1,
        frame_width=2.6,
        label="#c9c2b6",
        ink="#1a140c",
        promoted="#a5120d",
        wood="#dfc592",
        edge="#6b5c45",
        shadow="#000000",
        stand="#3b3329",
        turn="#e69f00",
        last_to="#93702c",
        last_from="#6e5a37",
        check="#e4572e",
        mark="#56b4e9",
        arrow="#56b4e9",
        high="#56b4e9",
        low="#f08a5d",
    ),
}
"""The ready looks, by name."""


def style(name: str | Style) -> Style:
    """A look by name, or one that the caller has made.

    Raises:
        ValueError: There is no look of that name.
    """
    if isinstance(name, Style):
        return name
    if name not in STYLES:
        known = ", ".join(f"`{known}`" for known in STYLES)
        raise ValueError(f"expected a style ({known}), found `{name}`")
    return STYLES[name]
