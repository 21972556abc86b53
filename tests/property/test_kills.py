"""Kill -9 at a hundred random points loses nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.property


@pytest.mark.parametrize("seed", range(10, 45))
def test_kill_at_random_points_and_go_on(
    seed: int, check_kills: Callable[[int], None]
) -> None:
    # Three kills a seed.
    check_kills(seed)
