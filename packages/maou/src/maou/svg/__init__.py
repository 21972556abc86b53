"""Boards as SVG: for a notebook, a web page, a paper or a printer.

Characters are outlines, so that pictures look the same wherever they are shown; they
come from Noto Serif CJK JP and Noto Sans CJK JP (SIL Open Font License 1.1, `OFL.txt`
beside this module).

Examples:
    >>> import maou
    >>> maou.svg.board("4k4/9/4P4/9/9/9/9/9/9 b G2r2b3g4s4n4l17p 1", size=320)[:28]
    '<svg xmlns="http://www.w3.or'
"""

from __future__ import annotations

from maou.svg._arrows import Arrow, policy_arrows
from maou.svg._board import board
from maou.svg._picture import Svg, png
from maou.svg._sheet import sheet
from maou.svg._style import COLORS, STYLES, Style

__all__ = [
    "COLORS",
    "STYLES",
    "Arrow",
    "Style",
    "Svg",
    "board",
    "png",
    "policy_arrows",
    "sheet",
]
