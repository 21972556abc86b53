"""Training sets, and batches of them.

A training set is what `maou prepare` makes: one row per distinct position, as the side
to move sees it. `TrainingSet(path).batches(1024)` gives batches of NumPy arrays that
threads of Rust fill ahead, without the GIL; `batch.torch(device)` gives tensors.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, TypeAlias

import numpy as np
import numpy.typing as npt
from maou_rust import UsageError, maou_io

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import PathLike

    import polars as pl
    import torch
    from maou_rust.maou_io import TrainingInfo

    from maou._torch_dataset import BatchDataset
    from maou.policy import Scheme

    _Bytes = npt.NDArray[np.uint8]
    _Floats = npt.NDArray[np.float32]
    _Ints = npt.NDArray[np.int64]

Split: TypeAlias = Literal["train", "validation"]
Features: TypeAlias = Literal["compact", "dlshogi"]
PolicyForm: TypeAlias = Literal["sparse", "dense"]
SampleWeight: TypeAlias = Literal["one", "n", "sqrt", "weight"]

STATE_VERSION = 1
"""Version of what `Batches.state_dict` gives."""

_SPARSE = maou_io.Loader.sparse_fields()
_ORDER = ["drop_last", "shuffle", "seed", "window"]
"""The options that decide about the order, beside the rows of a step."""


class TrainingSet:
    """A folder that `maou prepare` made.

    Rows of a split lie in the order of their keys, which are hashes: rows beside each
    other have nothing to do with each other.

    Examples:
        >>> import maou
        >>> training_set = maou.TrainingSet("train")  # made by `maou prepare`
        >>> with training_set.batches(64, legal_mask=True) as batches:
        ...     batch = next(batches)
        >>> batch.board.shape, batch.legal.shape, batch.weight.sum()
        ((64, 81), (64, 2187), np.float32(64.0))
        >>> training_set.contains(batch.key).all()
        np.True_
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        """Open a training set.

        Args:
            path: The folder.

        Raises:
            UsageError: It is no training set; the message says what it is.
            DatasetError: It is a damaged one.
        """
        self._path = Path(path)
        self._rows: dict[str, maou_io.TrainingRows] = {}
        maou_io.training_info(self._path)

    @property
    def path(self) -> Path:
        """The folder."""
        return self._path

    def info(self) -> TrainingInfo:
        """Totals of both splits, options, and what it was made of."""
        return maou_io.training_info(self._path)

    def n_rows(self, split: Split = "train") -> int:
        """Count the rows of a split."""
        return len(self._open(split))

    def rows(self, split: Split = "train") -> pl.LazyFrame:
        """One row per position, read when collected: only the columns that are used.

        Args:
            split: `train` or `validation`.

        Raises:
            UsageError: There is no such split.
        """
        import polars as pl

        paths = self._open(split).paths()
        if not paths:
            return pl.DataFrame(schema=_polars_schema()).lazy()
        return pl.scan_ipc([Path(path) for path in paths], glob=False)

    def contains(
        self, keys: npt.ArrayLike, split: Split = "train"
    ) -> npt.NDArray[np.bool_]:
        """Tell which positions are in a split.

        Rows ascend by key, so that record batches are looked into by halves: few keys
        need few of them, and many keys each of them once.

        Args:
            keys: uint64[N]: keys of positions, as of `PositionArray.keys`. The color
                bit does not count: twins of swapped colors are one row.
            split: `train` or `validation`.

        Returns:
            bool[N]: whether a row has the key.

        Raises:
            TypeError: They are no uint64.
            DatasetError: A file is damaged.
        """
        array = np.ascontiguousarray(keys)
        if array.size == 0:
            return np.zeros(array.shape, np.bool_)
        if array.dtype != np.uint64 or array.ndim != 1:
            raise TypeError(
                f"keys: expected uint64[N], found {array.dtype} of shape {array.shape}"
            )
        out = np.empty(array.shape, np.uint8)
        self._open(split).contains(array, out)
        return out.view(np.bool_)

    def batches(
        self,
        batch_size: int,
        *,
        split: Split = "train",
        seed: int = 0,
        shuffle: bool = True,
        epoch: int = 0,
        features: Features | None = "compact",
        policy: PolicyForm | None = "sparse",
        classes: Scheme = 2187,
        legal_mask: bool = False,
        sample_weight: SampleWeight = "one",
        threads: int = 0,
        rank: int = 0,
        world_size: int = 1,
        drop_last: bool = False,
        window: int = 8,
        prefetch: int = 2,
        pin_memory: bool = False,
        check: bool = True,
        state: Mapping[str, Any] | None = None,
        _stride: tuple[int, int] = (0, 1),
    ) -> Batches:
        """Give the rows of a split in batches, made ahead by threads.

        Every batch has `batch_size` rows: where an epoch ends before it is full, its
        last row is repeated with weight 0. The order is decided by the seed, the epoch
        and the window, whatever the threads.

        Args:
            batch_size: Rows of a batch of this process.
            split: `train` or `validation`.
            seed: Decides about the order, together with the epoch.
            shuffle: Whether rows are mixed; otherwise they come in the order of keys.
            epoch: Where to begin.
            features: `compact` for `board` and `hand`, `dlshogi` for `input1` and
                `input2`, None for neither.
            policy: `sparse` for `policy_rows`, `policy_labels` and `policy_weights`,
                `dense` for `policy`, None for neither.
            classes: The scheme of the moves, by its number of labels.
            legal_mask: Whether there is `legal`.
            sample_weight: What `weight` is: `one`, `n` (occurrences), `sqrt` (the root
                of that) or `weight` (occurrences by the weights of their datasets).
            threads: Number of threads; 0 takes one per core.
            rank: Which of the processes that share the split this is, from 0.
            world_size: How many share it: each gets its part of every
                `batch_size * world_size` rows.
            drop_last: Whether rows are left out that do not fill a batch of all.
            window: Record batches of 65,536 rows that are mixed with each other. It
                costs about 5 MB each, twice: the next ones are read ahead.
            prefetch: Batches that are made before they are asked for.
            pin_memory: Whether buffers are page-locked, for copies to a GPU that do not
                hold up the process; needs torch and a GPU.
            check: Whether the hash of each file is compared before its first use.
            state: What `Batches.state_dict` gave: where to go on, in place of `epoch`.

        Raises:
            UsageError: An option that makes no batches, a split without rows, or a
                state of other data.
            DatasetError: A file is damaged.
            ModuleNotFoundError: `pin_memory` without torch; the message says how to get
                it.
        """
        options: dict[str, Any] = {
            "batch_size": _whole("batch_size", batch_size, 0),
            "seed": _whole("seed", seed, 0),
            "shuffle": bool(shuffle),
            "features": features,
            "policy": policy,
            "classes": _whole("classes", classes, 0),
            "legal_mask": bool(legal_mask),
            "sample_weight": sample_weight,
            "threads": _whole("threads", threads, 0),
            "rank": _whole("rank", rank, 0),
            "world_size": _whole("world_size", world_size, 0),
            "drop_last": bool(drop_last),
            "window": _whole("window", window, 0),
            "prefetch": _whole("prefetch", prefetch, 0),
            "stride": _stride,
            "check": bool(check),
        }
        return Batches(
            self._open(split),
            split,
            options,
            epoch=_whole("epoch", epoch, 0),
            state=state,
            pin_memory=pin_memory,
        )

    def iterable_dataset(self, batch_size: int, **options: Any) -> BatchDataset:
        """Give the batches as a torch `IterableDataset` of `TorchBatch`.

        For a `DataLoader` with `batch_size=None`. Its workers share the batches, in the
        same order; threads make them needless. `set_epoch` is to be called before each
        epoch, as of torch's `DistributedSampler`.

        Args:
            batch_size: Rows of a batch.
            **options: As of `batches`, without `state`.

        Raises:
            ModuleNotFoundError: torch is missing; the message says how to get it.
            UsageError: As of `batches`.
        """
        from maou._extras import require

        require("torch")
        from maou._torch_dataset import BatchDataset

        return BatchDataset(self, batch_size, options)

    def _open(self, split: Split) -> maou_io.TrainingRows:
        if split not in self._rows:
            self._rows[split] = maou_io.TrainingRows(self._path, split)
        return self._rows[split]

    def __reduce__(self) -> tuple[type[TrainingSet], tuple[Path]]:
        """Pickle as the path, for other processes."""
        return TrainingSet, (self._path,)

    def __repr__(self) -> str:
        """Name the folder and its rows."""
        counts = f"train={self.n_rows('train')}, validation={self.n_rows('validation')}"
        return f"TrainingSet({str(self._path)!r}, {counts})"


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
    _memory: _Memory | None = None

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
        from maou._extras import require

        require("torch")
        import torch

        target = None if device is None else torch.device(device)
        if target is None or target.type == "cpu":
            return TorchBatch(
                **{
                    name: torch.from_numpy(_signed(array))
                    for name, array in self.arrays().items()
                }
            )
        if self._memory is None:
            moved = {
                name: torch.from_numpy(_signed(array)).to(
                    target, non_blocking=non_blocking
                )
                for name, array in self.arrays().items()
            }
        else:
            moved = self._memory.to(self, target, non_blocking)
        return TorchBatch(**moved)


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


_NAMES = [field.name for field in fields(Batch) if not field.name.startswith("_")]


class _Array(NamedTuple):
    """Where an array stands in the memory of a batch."""

    name: str
    dtype: np.dtype[Any]
    size: int
    offset: int
    shape: tuple[int, ...]


class _Memory(NamedTuple):
    """The buffers behind a batch."""

    main: maou_io.BatchBuffer
    sparse: maou_io.BatchBuffer
    arrays: list[_Array]
    sparse_arrays: list[_Array]
    in_flight: deque[tuple[Any, Batch]]

    def to(
        self, batch: Batch, device: torch.device, non_blocking: bool
    ) -> dict[str, Any]:
        """Copy both buffers to a device, and look into them there."""
        import torch

        tensors: dict[str, Any] = {}
        for buffer, arrays in (
            (self.main, self.arrays),
            (self.sparse, self.sparse_arrays),
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
            self.in_flight.append((event, batch))
        return tensors


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
            _Array(name, np.dtype(kind), n_rows * math.prod(axes), at, (n_rows, *axes))
            for name, kind, axes, at in self._loader.fields()
        ]
        sparse = _SPARSE if options["policy"] == "sparse" else []
        self._sparse = [(name, np.dtype(kind)) for name, kind in sparse]
        self._in_flight: deque[tuple[Any, Batch]] = deque()
        self._epoch, self._step = epoch, 0
        if pin_memory:
            _pin(self._loader)
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
            sparse_arrays.append(_Array(name, dtype, n_shares, offset, shape))
            arrays[name] = np.frombuffer(sparse, dtype, n_shares, offset)
        self._step += self._stride[1]
        memory = _Memory(main, sparse, self._arrays, sparse_arrays, in_flight)
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
        epoch = _whole("state: epoch", state.get("epoch"), 0)
        step = _whole("state: step", state.get("step"), 0)
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


def _whole(name: str, value: object, least: int) -> int:
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


def _pin(loader: maou_io.Loader) -> None:
    """Give page-locked buffers to a loader."""
    from maou._extras import require

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


def _polars_schema() -> dict[str, Any]:
    """The columns of a training set without rows."""
    import polars as pl

    return {
        "key": pl.UInt64,
        "position": pl.Array(pl.UInt8, 32),
        "n": pl.UInt32,
        "weight": pl.Float32,
        "ply": pl.UInt16,
        "score": pl.Float32,
        "score_weight": pl.Float32,
        "eval_cp": pl.Float32,
        "eval_weight": pl.Float32,
        "moves": pl.List(pl.UInt16),
        "counts": pl.List(pl.UInt32),
        "move_weights": pl.List(pl.Float32),
        "move_scores": pl.List(pl.Float32),
        "move_evals_cp": pl.List(pl.Float32),
    }
