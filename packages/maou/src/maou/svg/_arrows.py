"""Moves as arrows, as wide as they are likely."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from maou.svg._arguments import step
from maou.svg._canvas import num

if TYPE_CHECKING:
    from maou.svg._arguments import MoveLike, Policy
    from maou.svg._canvas import Canvas

Point = tuple[float, float]
Box = tuple[float, float, float, float]

LABEL_SIZE = 16.0
LABEL_HEIGHT = 22.0
# Where labels may stand on the way of a long arrow, the best first.
ALONG = (0.6, 0.5, 0.7, 0.4, 0.3, 0.8, 0.2)
SHORT = 130.0


@dataclass(frozen=True)
class Arrow:
    """A move that is drawn as an arrow; a drop starts at the stand.

    Attributes:
        move: USI text, `maou.Move`, or a 16-bit move.
        color: A name of `COLORS` or `#rrggbb`; None is the style's own.
        weight: How wide the arrow is, above 0 and up to 1.
        label: A word on the arrow, such as `32%`.

    Raises:
        ValueError: `weight` is out of range.
    """

    move: MoveLike
    color: str | None = None
    weight: float = 0.4
    label: str = ""

    def __post_init__(self) -> None:
        """Check the weight, which nothing else would."""
        if not 0 < self.weight <= 1:
            raise ValueError(
                f"expected a weight above 0 and up to 1, found `{self.weight}`"
            )


def policy_arrows(
    policy: Policy,
    *,
    top: int = 8,
    least: float = 0.01,
    color: str | None = None,
) -> list[Arrow]:
    """Arrows for the likeliest moves, which say their probabilities.

    Widths grow with the square root, so that one in a hundred is still seen; the label
    has the number, and a `+` for a promotion.

    Args:
        policy: Probability of each move, 0 to 1.
        top: At most so many arrows.
        least: Moves that are less likely get none.
        color: A name of `COLORS` or `#rrggbb`; None is the style's own.

    Returns:
        The arrows, the likeliest move first.

    Raises:
        ValueError: A move or a probability is none.

    Examples:
        >>> import maou
        >>> [arrow] = maou.svg.policy_arrows({"7g7f": 0.42, "2g2f": 0.004})
        >>> arrow.move, round(arrow.weight, 2), arrow.label
        ('7g7f', 0.65, '42%')
    """
    if not isinstance(policy, Mapping):
        raise TypeError(
            "policy: expected a mapping of moves to probabilities,"
            f" found `{type(policy).__name__}`"
        )
    listed: list[tuple[MoveLike, float]] = list(policy.items())
    for move, probability in listed:
        if not 0 <= probability <= 1:
            raise ValueError(
                f"expected a probability, 0 to 1, found `{probability}` for"
                f" `{step(move).usi}`"
            )
    listed.sort(key=lambda item: -item[1])
    return [
        Arrow(
            move,
            color,
            math.sqrt(probability),
            f"{probability:.0%}" + ("+" if step(move).promotes else ""),
        )
        for move, probability in listed[:top]
        if probability >= least and probability > 0
    ]


def shaft(start: Point, end: Point, weight: float, color: str, halo: str) -> str:
    """One arrow, from near a start to near an end."""
    (x0, y0), (x1, y1) = start, end
    length = math.hypot(x1 - x0, y1 - y0)
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    half = 1.4 + 5.4 * weight
    head, wing = 13 + 12 * weight, 7.5 + 8.5 * weight
    begin, tip = 11.0, length - 5
    neck = tip - head

    def at(along: float, aside: float) -> str:
        return (
            f"{num(x0 + ux * along - uy * aside)} {num(y0 + uy * along + ux * aside)}"
        )

    corners = (
        (begin, half * 0.55),
        (neck, half),
        (neck - head * 0.12, wing),
        (tip, 0),
        (neck - head * 0.12, -wing),
        (neck, -half),
        (begin, -half * 0.55),
    )
    path = "L".join(at(*corner) for corner in corners)
    return (
        f'<path d="M{path}Z" fill="{color}" stroke="{halo}" stroke-width="1.6"'
        ' stroke-linejoin="round" opacity="0.86"/>'
    )


class Labels:
    """Words on arrows, off each other and off the heads as long as there is room."""

    def __init__(self, canvas: Canvas, paper: str, ink: str) -> None:
        """Write on `canvas`, in `ink` on `paper`."""
        self.canvas, self.paper, self.ink = canvas, paper, ink
        self.taken: list[Box] = []

    def keep_free(self, start: Point, end: Point) -> None:
        """Keep labels off the head of an arrow."""
        length = math.hypot(end[0] - start[0], end[1] - start[1])
        back = 14 / length
        x = end[0] - (end[0] - start[0]) * back
        y = end[1] - (end[1] - start[1]) * back
        self.taken.append((x - 10, y - 10, x + 10, y + 10))

    def write(self, text: str, start: Point, end: Point, color: str) -> str:
        """A label with its border in the color of the arrow."""
        width = self.canvas.width(text, LABEL_SIZE, "sans") + 12
        boxes = [
            (x - width / 2, y - LABEL_HEIGHT / 2, x + width / 2, y + LABEL_HEIGHT / 2)
            for x, y in self._places(start, end, width)
        ]
        box = min(boxes, key=self._overlap)
        self.taken.append(box)
        left, top, right, bottom = box
        return (
            f'<rect x="{num(left)}" y="{num(top)}" width="{num(width)}"'
            f' height="{num(LABEL_HEIGHT)}" rx="6" fill="{self.paper}"'
            f' stroke="{color}" stroke-width="1.8"/>'
        ) + self.canvas.text(
            text,
            (left + right) / 2,
            (top + bottom) / 2,
            size=LABEL_SIZE,
            fill=self.ink,
        )

    @staticmethod
    def _places(start: Point, end: Point, width: float) -> list[Point]:
        """Middles of a label, the best first: around the tip, or along the way."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        length = math.hypot(dx, dy)
        along = [(start[0] + dx * t, start[1] + dy * t) for t in ALONG]
        beyond = LABEL_HEIGHT / 2 * abs(dy / length) + width / 2 * abs(dx / length)
        x, y = end[0] + dx / length * beyond, end[1] + dy / length * beyond
        beside = width / 2 + 12
        around = [(x, y), (end[0] + beside, end[1]), (end[0] - beside, end[1])]
        return along + around if length > SHORT else around + along

    def _overlap(self, box: Box) -> float:
        return sum(
            max(0, min(box[2], other[2]) - max(box[0], other[0]) + 3)
            * max(0, min(box[3], other[3]) - max(box[1], other[1]) + 3)
            for other in self.taken
        )
