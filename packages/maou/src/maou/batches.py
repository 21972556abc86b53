"""Batches of a training set: arrays in buffers that threads of Rust fill."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from maou_rust import UsageError, maou_io

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import torch

    from maou.tensors import TorchBatch

    _Bytes = npt.NDArray[np.uint8]
    _Floats = npt.NDArray[np.float32]
    _Ints = npt.NDArray[np.int64]

STATE_VERSION = 1
"""Version of what `Batches.state_dict` gives."""

_SPARSE = maou_io.Loader.sparse_fields()
_ORDER = ["drop_last", "shuffle", "seed", "window"]
"""The options that decide about the order, beside the rows of a step."""


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Rows of a training set as arrays; what was not asked for is None.

    Squares, pieces, moves and results are those of the side to move. The arrays belong
    to whoever holds them: buffers are used again only when the batch, its arrays, their
    views and tensors are all gone. A loop that keeps none of them runs in the same few
    buffers; `copy` takes what is kept out of them.
    """

    value: _Floats
    """float32[B]: mean result, from 0 (lost) to 1 (won); 0.5 where none is known."""
    value_weight: _Floats
    """float32[B]: 1, or 0 where no result is known."""
    eval_cp: _Floats
    """float32[B]: mean eval in centipawns; 0 where there is none."""
    eval_weight: _Floats
    """float32[B]: 1, or 0 where there is no eval."""
    weight: _Floats
    """float32[B]: how much the row counts; 0 for rows that only fill the batch."""
    n: npt.NDArray[np.uint32]
    """uint32[B]: how often the position occurred."""
    ply: npt.NDArray[np.uint16]
    """uint16[B]: moves played before it, at least; 65535 if not known."""
    key: npt.NDArray[np.uint64]
    """uint64[B]: of the position, without its color."""
    row: npt.NDArray[np.uint64]
    """uint64[B]: the number of the row in the split, from 0."""
    board: _Bytes | None = None
    """uint8[B, 81]: pieces, as of `PositionArray.piece_ids`."""
    hand: _Bytes | None = None
    """uint8[B, 14]: pieces in hand, as of `PositionArray.hands`."""
    input1: _Floats | None = None
    """float32[B, 62, 9, 9]: dlshogi's first input."""
    input2: _Floats | None = None
    """float32[B, 57, 9, 9]: dlshogi's second input."""
    policy: _Floats | None = None
    """float32[B, classes]: the share of each move; a row sums to 1, or to 0 without
    moves."""
    legal: npt.NDArray[np.bool_] | None = None
    """bool[B, classes]: the legal moves."""
    policy_rows: _Ints | None = None
    """int64[K]: by share that is not 0, the row, ascending."""
    policy_labels: _Ints | None = None
    """int64[K]: the label."""
    policy_weights: _Floats | None = None
    """float32[K]: the share; those of a row sum to 1."""
    _memory: Memory | None = None

    def __len__(self) -> int:
        """Count the rows, those that only fill the batch included."""
        return len(self.weight)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Give the arrays that are there, by name."""
        named = ((name, getattr(self, name)) for name in _NAMES)
        return {name: array for name, array in named if array is not None}

    def copy(self) -> Batch:
        """Copy everything out of the buffers."""
        copied: dict[str, Any] = {}
        for name, array in self.arrays().items():
            copied[name] = array.copy()
        return Batch(**copied)

    def torch(
        self,
        device: torch.device | str | int | None = None,
        *,
        non_blocking: bool = False,
    ) -> TorchBatch:
        """Give the batch as tensors, of the same memory if no device is named.

        Unsigned numbers become signed ones: `n` int64, `ply` int32; `key` and `row` are
        the same 64 bits as int64. To a device, the memory of the batch goes in one
        piece.

        Args:
            device: Where to; None for where the arrays are.
            non_blocking: Whether the copy to a GPU may still be under way on return, as
                of `Tensor.to`; with `pin_memory`. The batch is kept until it is done.

        Raises:
            ModuleNotFoundError: torch is missing; the message says how to get it.
        """
        from maou.tensors import tensors_of

        return tensors_of(self, self._memory, device, non_blocking=non_blocking)


_NAMES = [field.name for field in fields(Batch) if not field.name.startswith("_")]


class Array(NamedTuple):
    """Where an array stands in the memory of a batch."""

    name: str
    dtype: np.dtype[Any]
    size: int
    offset: int
    shape: tuple[int, ...]


class Memory(NamedTuple):
    """The buffers behind a batch."""

    main: maou_io.BatchBuffer
    sparse: maou_io.BatchBuffer
    arrays: list[Array]
    sparse_arrays: list[Array]
    in_flight: deque[tuple[Any, Batch]]


class Batches:
    """Batches of an epoch, for this process: an iterator of `Batch`.

    `TrainingSet.batches` makes them. To iterate again after the end begins the next
    epoch. Threads end with `close`, at the end of a `with` block, or when the object
    goes.
    """

    def __init__(
        self,
        rows: maou_io.TrainingRows,
        split: str,
        options: Mapping[str, Any],
        *,
        epoch: int,
        state: Mapping[str, Any] | None,
        pin_memory: bool,
    ) -> None:
        """Begin; `TrainingSet.batches` knows the options and what each is if not given.

        Args:
            rows: What batches are made of.
            split: The name of the split.
            options: As `Loader` takes them.
            epoch: Where to begin.
            state: Where to go on instead.
            pin_memory: Whether buffers are page-locked.
        """
        self._loader = maou_io.Loader(rows, **options)
        self._n_steps = self._loader.n_steps()
        self._stride: tuple[int, int] = options["stride"]
        n_rows: int = options["batch_size"]
        self._identity = {
            "version": STATE_VERSION,
            "split": split,
            "data": rows.digest(),
            "n_rows": len(rows),
            "rows_of_a_step": n_rows * options["world_size"],
            **{name: options[name] for name in _ORDER},
        }
        self._arrays = [
            Array(name, np.dtype(kind), n_rows * math.prod(axes), at, (n_rows, *axes))
            for name, kind, axes, at in self._loader.fields()
        ]
        sparse = _SPARSE if options["policy"] == "sparse" else []
        self._sparse = [(name, np.dtype(kind)) for name, kind in sparse]
        self._in_flight: deque[tuple[Any, Batch]] = deque()
        self._epoch, self._step = epoch, 0
        if pin_memory:
            from maou.tensors import pin

            pin(self._loader)
        if state is not None:
            self.load_state_dict(state)
        else:
            self._seek()

    def __iter__(self) -> Iterator[Batch]:
        """Go on, or begin the next epoch if this one is at its end."""
        if self._step >= self._n_steps:
            self._epoch, self._step = self._epoch + 1, 0
            self._seek()
        return self

    def __next__(self) -> Batch:
        """Take the next batch, and wait for it if need be."""
        in_flight = self._in_flight
        while in_flight and in_flight[0][0].query():
            in_flight.popleft()
        # NumPy's types know no other buffers than those of the standard library.
        found: Any = self._loader.next()
        if found is None:
            self._step = self._n_steps
            raise StopIteration
        main, sparse, n_shares, offsets = found
        arrays: dict[str, Any] = {}
        for name, dtype, size, offset, shape in self._arrays:
            array = np.frombuffer(main, dtype, size, offset)
            arrays[name] = array if len(shape) == 1 else array.reshape(shape)
        sparse_arrays = []
        # Without a sparse policy there are no names, but offsets.
        for (name, dtype), offset in zip(self._sparse, offsets, strict=False):
            shape = (n_shares,)
            sparse_arrays.append(Array(name, dtype, n_shares, offset, shape))
            arrays[name] = np.frombuffer(sparse, dtype, n_shares, offset)
        self._step += self._stride[1]
        memory = Memory(main, sparse, self._arrays, sparse_arrays, in_flight)
        return Batch(**arrays, _memory=memory)

    def __len__(self) -> int:
        """Count the batches of a whole epoch, the same for every rank."""
        return self._n_steps

    @property
    def epoch(self) -> int:
        """The epoch, from 0."""
        return self._epoch

    @property
    def step(self) -> int:
        """How many batches of the epoch were taken, before a resumption, too."""
        return self._step

    def state_dict(self) -> dict[str, Any]:
        """Tell where to go on: behind the last batch that was taken.

        The same for every rank. Plain numbers and texts, ready for JSON.
        """
        return {**self._identity, "epoch": self._epoch, "step": self._step}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to where a state was taken: the same batches follow, to the bit.

        Args:
            state: What `state_dict` gave, of batches of the same rows and order.
                Features, targets, threads and, as long as all processes together take
                as many rows a step, the number of processes may differ.

        Raises:
            UsageError: It is that of other data or of another order.
        """
        for name, expected in self._identity.items():
            if name not in state or state[name] != expected:
                raise _other_state(name, state.get(name), expected)
        epoch = whole("state: epoch", state.get("epoch"), 0)
        step = whole("state: step", state.get("step"), 0)
        if step > self._n_steps:
            raise UsageError(
                f"state: expected a step of at most {self._n_steps}, found `{step}`"
            )
        self._epoch, self._step = epoch, step
        self._seek()

    def _seek(self) -> None:
        self._loader.seek(self._epoch, self._step)
        # A worker begins at its first batch.
        first, stride = self._stride
        if stride > 1:
            self._step = max(self._step, first)

    def close(self) -> None:
        """End the threads; batches that were taken stay as they are."""
        while self._in_flight:
            self._in_flight.popleft()[0].synchronize()
        self._loader.close()

    def __enter__(self) -> Self:
        """Close at the end of a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """Tell how far they are."""
        return f"Batches(epoch={self._epoch}, step={self._step} of {self._n_steps})"


def whole(name: str, value: object, least: int) -> int:
    """A whole number, not below another."""
    import operator

    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise UsageError(f"{name}: expected a whole number, found `{value}`") from None
    if not least <= number < 2**63:
        raise UsageError(f"{name}: expected {least} or more, found `{number}`")
    return number


def _other_state(name: str, found: object, expected: object) -> UsageError:
    """What to do about a state that does not fit."""
    if name == "data":
        return UsageError(
            "state: expected that of these rows, found that of other data: name the"
            " training set with which it was saved, or begin anew without a state"
        )
    return UsageError(
        f"state: expected `{name}` {expected}, found `{found}`: give the option with"
        " which it was saved, or begin anew without a state"
    )
