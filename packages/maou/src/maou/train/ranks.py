"""The processes of a run: one, or as many as `torchrun` starts."""

from __future__ import annotations

import atexit
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from maou_rust import UsageError
from torch import distributed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


@dataclass(frozen=True)
class Ranks:
    """This process among those of the run."""

    rank: int
    world_size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    def summed(self, tensor: Tensor) -> Tensor:
        """Add up a tensor over the processes, in place."""
        if self.world_size > 1:
            distributed.all_reduce(tensor)
        return tensor

    def any(self, *flags: bool) -> list[bool]:
        """Tell of each flag whether some process raises it."""
        if self.world_size == 1:
            return list(flags)
        raised = torch.tensor(flags, dtype=torch.int32, device=self.device)
        distributed.all_reduce(raised, op=distributed.ReduceOp.MAX)
        return [bool(flag) for flag in raised.tolist()]

    def gathered(self, value: Any) -> list[Any]:
        """Collect a value of every process, in their order."""
        if self.world_size == 1:
            return [value]
        values = [None] * self.world_size
        distributed.all_gather_object(values, value)
        return values

    def same_buffers(self, network: torch.nn.Module) -> None:
        """Give every process the first one's statistics of norms."""
        if self.world_size > 1:
            for buffer in network.buffers():
                distributed.broadcast(buffer, 0)

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.world_size > 1:
            distributed.barrier()


def pick_device(name: str, local_rank: int = 0) -> torch.device:
    """Choose what a process computes on.

    Args:
        name: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        local_rank: Number of the process on this machine, which `cuda` takes.

    Raises:
        UsageError: There is no such device.
    """
    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        has_mps = torch.backends.mps.is_available()
        name = "cuda" if n_gpus else "mps" if has_mps else "cpu"
    if name.startswith("cuda"):
        number = int(name[5:]) if ":" in name else local_rank
        if number >= n_gpus:
            found = f"{n_gpus} of them" if n_gpus else "none"
            raise UsageError(
                f"device `{name}`: expected a GPU with the number {number} that torch"
                f" {torch.__version__} can use, found {found}: `maou doctor` says what"
                " is there, `--device cpu` does without"
            )
        return torch.device("cuda", number)
    if name == "mps" and not torch.backends.mps.is_available():
        raise UsageError(
            "device `mps`: expected a GPU of Apple's that torch can use, found none:"
            " `--device cpu` does without"
        )
    return torch.device(name)


@contextmanager
def ranks(device: str) -> Iterator[Ranks]:
    """Join the processes that torchrun started; alone without it."""
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    picked = pick_device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if world_size == 1:
        yield Ranks(0, 1, picked)
        return
    if picked.type == "cuda":
        torch.cuda.set_device(picked)
    # Once in a process: torchrun's store does not take a second group after the first.
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if picked.type == "cuda" else "gloo")
        atexit.register(distributed.destroy_process_group)
    yield Ranks(distributed.get_rank(), world_size, picked)
