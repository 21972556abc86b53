"""Numbers of moves for policy networks: two schemes and the map between them.

The scheme is called by its number of labels. 2187 is dlshogi's: 81 · kind of move +
target square, as the side to move sees the board. 1496 leaves out the labels that no
legal move has, and keeps the order of the others.

Examples:
    >>> from maou import policy
    >>> int(policy.TO_1496[59])  # 7g7f
    53
    >>> int(policy.TO_2187[53])
    59
    >>> int((policy.TO_1496 == -1).sum())
    691
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from maou_rust import maou_shogi

Scheme: TypeAlias = Literal[2187, 1496]
"""A scheme, by its number of labels."""

SCHEMES: tuple[Scheme, Scheme] = (2187, 1496)
"""Both schemes."""


def _read_only(array: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    array.flags.writeable = False
    return array


TO_1496: npt.NDArray[np.int16] = _read_only(
    np.array(maou_shogi.narrow_labels(), dtype=np.int16)
)
"""int16[2187]: the label of 1496 for each label of 2187, -1 for those it leaves out."""

TO_2187: npt.NDArray[np.int16] = _read_only(
    np.flatnonzero(TO_1496 >= 0).astype(np.int16)
)
"""int16[1496]: the label of 2187 for each label of 1496."""
