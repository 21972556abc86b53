"""The folder of a run: where one may begin, and that one at a time writes into it."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from maou_rust import UsageError, maou_io

from maou._files import write_whole
from maou.train import checkpoint as checkpoints
from maou.train.log import LOG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from maou.train.config import Config
    from maou.train.ranks import Ranks

LOCK = ".lock"
"""The file that a run holds while it lasts."""


def refuse_taken(run: Path) -> None:
    """Refuse a folder where no run can begin: one may where another saved nothing.

    Raises:
        UsageError: There is something else in it.
    """
    if not run.exists() or all(path.name == LOCK for path in run.iterdir()):
        return
    begun = (run / "config.toml").is_file()
    if begun and not any(run.glob(f"{checkpoints.FOLDER}/*/meta.json")):
        return
    goes_on = f": `maou train --resume {run}` goes on with it, another name begins one"
    raise UsageError(
        f"{run}: expected a folder that is new or empty, found"
        f" {f'a run{goes_on}' if begun else 'something else: name another one'}"
    )


@contextmanager
def held(run: Path, ranks: Ranks, *, begins: bool) -> Iterator[None]:
    """Hold the folder of a run: the first process does, for all that belong to it.

    Args:
        run: The folder.
        ranks: The processes.
        begins: Whether a run begins there, and makes the folder.

    Raises:
        UsageError: Another run is at work there, or has just begun; in every process.
    """
    lock: maou_io.FolderLock | None = None
    problem: Exception | None = None
    if ranks.is_first:
        try:
            if begins:
                run.mkdir(parents=True, exist_ok=True)
            lock = maou_io.FolderLock(run, "this run")
            if begins:
                refuse_taken(run)
        except (UsageError, OSError) as error:
            problem = error
    try:
        for found in ranks.gathered(problem):
            if found is not None:
                raise found
        yield
    finally:
        if lock is not None:
            lock.release()


def make(run: Path, config: Config) -> None:
    """Make the folder of a run, without what another one left that saved nothing."""
    shutil.rmtree(run / "tensorboard", ignore_errors=True)
    for path in (run / LOG, *run.glob("failed-rows-*.txt")):
        path.unlink(missing_ok=True)
    write_whole(run / "config.toml", config.toml().encode())
