"""What ends a run early: numbers that are none, Ctrl-C, too little memory."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from maou._files import named
from maou._memory import is_out_of_memory
from maou.train import checkpoint as checkpoints
from maou.train.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import Tensor

    from maou.train.config import Config
    from maou.train.ranks import Ranks

N_ROWS_TOLD = 8


class Watch:
    """Looks whether losses and gradients are numbers, and names the rows if not."""

    def __init__(self, run: Path, ranks: Ranks) -> None:
        """Watch a run."""
        self._run = run
        self._ranks = ranks
        self._waiting: list[tuple[Tensor, Any]] = []
        """Whether all is well, and the rows, of the parts not looked at yet."""
        self._n_new = 0

    def add(self, number: Tensor, batch: Any) -> None:
        """Note a loss or gradient of a batch, without waiting for the device."""
        fine = torch.isfinite(number.detach())
        rows = batch.row[batch.weight > 0].copy()
        self._waiting.append((fine, rows))
        self._n_new += 1

    def check(self, *, asked: bool, wait: bool) -> bool:
        """Look at the steps before this one, and at this one if told to wait.

        Args:
            asked: Whether this process was asked to stop.
            wait: Whether to look at this step, too.

        Returns:
            Whether some process was asked to stop.

        Raises:
            TrainingError: A loss or gradient of some process is no number.
        """
        n_seen = len(self._waiting) - (0 if wait else self._n_new)
        self._n_new = 0
        bad = [rows for fine, rows in self._waiting[:n_seen] if not bool(fine)]
        del self._waiting[:n_seen]
        stop, is_bad = self._ranks.any(asked, bool(bad))
        if is_bad:
            raise TrainingError(self._message(bad))
        return stop

    def _message(self, bad: list[Any]) -> str:
        run = self._run
        has_checkpoint = (run / checkpoints.FOLDER / "last").is_dir()
        kept = "the last checkpoint is kept" if has_checkpoint else "none was saved yet"
        helps = (
            f"lower `optimizer.lr` or `optimizer.clip`, and look at the rows; {kept} in"
            f" {run}"
        )
        if not bad:
            return f"a loss or gradient of another process is no number: {helps}"
        rows = bad[0].tolist()
        shown = ", ".join(map(str, rows[:N_ROWS_TOLD]))
        more = f" and {len(rows) - N_ROWS_TOLD:,} more" if rows[N_ROWS_TOLD:] else ""
        file = run / f"failed-rows-{self._ranks.rank}.txt"
        with named(file):
            file.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
        return (
            "the loss or its gradient is no number on the rows"
            f" {shown}{more} of the split `train` (all in {file}): {helps}"
        )


class Interrupt:
    """Ctrl-C asks the loop to stop after its step; a second one stops at once."""

    def __init__(self, told: Callable[[], object] = lambda: None) -> None:
        """Ask for nothing.

        Args:
            told: Called when Ctrl-C asks.
        """
        self.asked = False
        self._told = told
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        """Listen, which only the main thread can."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._ask)
        return self

    def _ask(self, *_: object) -> None:
        self.asked = True
        self._restore()
        self._told()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def __exit__(self, *_: object) -> None:
        """Leave signals as they were."""
        self._restore()


@contextmanager
def enough_memory(
    device: torch.device, part_size: int, config: Config
) -> Iterator[None]:
    """Say which options help where memory runs out.

    Raises:
        TrainingError: It ran out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        data = config.data
        raise TrainingError(
            f"out of memory on `{device}` with {part_size:,} positions at once: `--set"
            f" data.accumulation={2 * data.accumulation}` halves them and keeps the"
            f" step, `--batch-size {max(1, data.batch_size // 2)}` halves both, `--amp"
            " bf16` needs about half for each"
        ) from error
