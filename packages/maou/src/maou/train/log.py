"""The log of a run: a line of JSON for each event, the same for TensorBoard."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from maou._files import named, write_whole
from maou.train.losses import means, no_sums

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import Tensor

    from maou.train.ranks import Ranks

LOG = "log.jsonl"
CURVES = {
    "policy_loss": "policy/loss",
    "policy_accuracy": "policy/accuracy",
    "policy_top5": "policy/top5",
    "value_loss": "value/loss",
    "value_accuracy": "value/accuracy",
    "lr": "run/lr",
    "gradient": "run/gradient",
    "positions_per_s": "run/positions_per_s",
}
"""Where TensorBoard shows what."""


class Meter:
    """Losses and positions a second since the last line of the log."""

    def __init__(self, ranks: Ranks) -> None:
        """Start the clock."""
        self._ranks = ranks
        self._restart()

    def _restart(self) -> None:
        self._sums = no_sums(self._ranks.device)
        self._start, self._n = time.monotonic(), 0

    def add(self, sums: Tensor, n_positions: int) -> None:
        """Count a part of a step, of all processes."""
        self._sums += sums
        self._n += n_positions

    def rate(self) -> dict[str, float]:
        """Tell the positions a second."""
        seconds = max(time.monotonic() - self._start, 1e-9)
        return {"positions_per_s": self._n / seconds}

    def means(self) -> dict[str, float | None]:
        """Tell all of it, over all processes, and begin again."""
        found = {**means(self._ranks.summed(self._sums)), **self.rate()}
        self._restart()
        return found

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the clock in the block: validations and checkpoints are no learning."""
        before = time.monotonic()
        yield
        self._start += time.monotonic() - before


class Log:
    """Writes the log of a run; nothing in a process that is not the first."""

    def __init__(self, run: Path, step: int, *, writes: bool) -> None:
        """Open the log, without what an earlier process wrote after its checkpoint.

        Args:
            run: The folder of the run.
            step: Steps that are done; later ones will be done again.
            writes: Whether this process writes.
        """
        self._board: Any = None
        self._file: Any = None
        self._run = run
        if not writes:
            return
        from torch.utils.tensorboard import SummaryWriter

        path = run / LOG
        kept = [line for line in _lines(path) if line.get("step", 0) <= step]
        text = "".join(json.dumps(line) + "\n" for line in kept)
        write_whole(path, text.encode())
        self._file = path.open("a", encoding="utf-8")
        purge = step + 1 if kept else None
        self._board = SummaryWriter(str(run / "tensorboard"), purge_step=purge)

    def write(self, event: Mapping[str, Any]) -> None:
        """Write an event: its `kind`, its `step`, and numbers by name."""
        if self._file is None:
            return
        with named(self._run / LOG):
            self._file.write(json.dumps(event) + "\n")
            self._file.flush()
        with named(self._run / "tensorboard"):
            for name, curve in CURVES.items():
                value = event.get(name)
                if value is not None:
                    tag = f"{curve}_{event['kind']}"
                    self._board.add_scalar(tag, value, event["step"])

    def close(self) -> None:
        """Close both files."""
        if self._file is not None:
            with named(self._run / LOG):
                self._file.close()
            with named(self._run / "tensorboard"):
                self._board.close()


def _lines(path: Path) -> list[dict[str, Any]]:
    """Read what is whole of a log."""
    if not path.is_file():
        return []
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            # The last line of a run that was killed.
            continue
    return lines
