"""Batches of a training set as tensors of torch, which is loaded when one is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from maou_rust import UsageError

from maou._extras import require

if TYPE_CHECKING:
    import numpy.typing as npt
    import torch
    from maou_rust import maou_io

    from maou.batches import Batch, Memory


class TorchBatch(NamedTuple):
    """A `Batch` as tensors of the same names and shapes; what is not there is None."""

    value: Any
    value_weight: Any
    eval_cp: Any
    eval_weight: Any
    weight: Any
    n: Any
    """int64[B]."""
    ply: Any
    """int32[B]."""
    key: Any
    """int64[B]: the same bits."""
    row: Any
    """int64[B]."""
    board: Any = None
    hand: Any = None
    input1: Any = None
    input2: Any = None
    policy: Any = None
    legal: Any = None
    policy_rows: Any = None
    policy_labels: Any = None
    policy_weights: Any = None


def tensors_of(
    batch: Batch,
    memory: Memory | None,
    device: torch.device | str | int | None,
    *,
    non_blocking: bool,
) -> TorchBatch:
    """Give a batch as tensors, of the same memory if they stay where it is.

    Args:
        batch: The batch.
        memory: The buffers behind it; None for arrays of their own.
        device: Where to; None for where the arrays are.
        non_blocking: Whether the copy to a GPU may still be under way on return.

    Raises:
        ModuleNotFoundError: torch is missing; the message says how to get it.
    """
    require("torch")
    import torch

    target = torch.device("cpu" if device is None else device)
    if target.type != "cpu" and memory is not None:
        return TorchBatch(**moved(batch, memory, target, non_blocking=non_blocking))
    tensors = {
        name: torch.from_numpy(_signed(array)) for name, array in batch.arrays().items()
    }
    if target.type != "cpu":
        for name, tensor in tensors.items():
            tensors[name] = tensor.to(target, non_blocking=non_blocking)
    return TorchBatch(**tensors)


def moved(
    batch: Batch, memory: Memory, device: torch.device, *, non_blocking: bool
) -> dict[str, Any]:
    """Copy both buffers of a batch to a device, and look into them there."""
    import torch

    tensors: dict[str, Any] = {}
    for buffer, arrays in (
        (memory.main, memory.arrays),
        (memory.sparse, memory.sparse_arrays),
    ):
        if not arrays:
            continue
        last = arrays[-1]
        n_bytes = last.offset + last.size * last.dtype.itemsize
        whole = torch.frombuffer(buffer, dtype=torch.uint8, count=n_bytes)
        whole = whole.to(device, non_blocking=non_blocking)
        for array in arrays:
            end = array.offset + array.size * array.dtype.itemsize
            part = whole[array.offset : end].view(_torch_type(array.dtype))
            tensors[array.name] = _unsigned(part, array.dtype).view(array.shape)
    if non_blocking and device.type == "cuda":
        event = torch.cuda.Event()
        event.record(torch.cuda.current_stream(device))
        memory.in_flight.append((event, batch))
    return tensors


def _signed(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Numbers of types that torch calculates with."""
    if array.dtype == np.uint64:
        return array.view(np.int64)
    if array.dtype == np.uint32:
        return array.astype(np.int64)
    return array.astype(np.int32) if array.dtype == np.uint16 else array


def _torch_type(dtype: np.dtype[Any]) -> Any:
    """The type of torch with as many bits, signed."""
    import torch

    names = {"uint16": "int16", "uint32": "int32", "uint64": "int64"}
    return getattr(torch, names.get(dtype.name, dtype.name))


def _unsigned(tensor: Any, dtype: np.dtype[Any]) -> Any:
    """Numbers whose bits were taken for signed ones, as `_signed` gives them."""
    import torch

    if dtype == np.uint16:
        return tensor.to(torch.int32) & 0xFFFF
    if dtype == np.uint32:
        return tensor.to(torch.int64) & 0xFFFF_FFFF
    return tensor


def pin(loader: maou_io.Loader) -> None:
    """Give page-locked buffers to a loader.

    Raises:
        ModuleNotFoundError: torch is missing; the message says how to get it.
        UsageError: There is no GPU.
    """
    require("torch")
    import torch

    if not torch.cuda.is_available():
        raise UsageError(
            "pin_memory: expected a GPU that torch can use, found none: leave it out"
        )
    n_buffers, main, sparse = loader.buffers()
    for _ in range(n_buffers):
        pinned = [
            torch.empty(n_bytes, dtype=torch.uint8, pin_memory=n_bytes > 0).numpy()
            for n_bytes in (main, sparse)
        ]
        loader.add_buffer(*pinned)
