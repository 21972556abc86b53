"""Search over datasets: at present the scanner that finds them below a folder."""

from os import PathLike
from typing import TypedDict, type_check_only

__all__ = [
    "scan",
]

@type_check_only
class Found(TypedDict):
    """A dataset found below a folder; `problem` says why it cannot be read."""

    path: str
    games: int
    positions: int
    size_bytes: int
    problem: str | None

def scan(path: str | PathLike[str]) -> list[Found]:
    """List the datasets at or below a folder, sorted by path.

    Raises:
        OSError: The folder cannot be read.
    """
