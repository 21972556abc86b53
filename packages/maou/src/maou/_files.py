"""Files that appear whole or not at all, and errors that name them."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def write_whole(target: Path, data: bytes) -> None:
    """Write a file beside its name, then give it that; one that is there is replaced.

    Raises:
        OSError: It cannot be written; what was there is as it was.
    """
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        beside.write_bytes(data)
        beside.replace(target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Give the path to an OSError that has none, as one of reading or writing."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise
