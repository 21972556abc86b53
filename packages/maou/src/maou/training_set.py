"""Training sets: what `maou prepare` makes, one row per distinct position.

Rows are positions as the side to move sees them. `TrainingSet(path).batches(1024)`
gives batches of NumPy arrays that threads of Rust fill ahead, without the GIL;
`batch.torch(device)` gives tensors.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from maou_rust import maou_io

from maou.batches import Batches, whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    import polars as pl
    from maou_rust.maou_io import TrainingInfo

    from maou._torch_dataset import BatchDataset
    from maou.policy import Scheme

Split: TypeAlias = Literal["train", "validation"]
Features: TypeAlias = Literal["compact", "dlshogi"]
PolicyForm: TypeAlias = Literal["sparse", "dense"]
SampleWeight: TypeAlias = Literal["one", "n", "sqrt", "weight"]


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
            return pl.DataFrame(self._open(split).without_rows()).lazy()
        return pl.scan_ipc([Path(path) for path in paths], glob=False)

    def contains(
        self, keys: npt.ArrayLike, split: Split = "train", *, check: bool = True
    ) -> npt.NDArray[np.bool_]:
        """Tell which positions are in a split.

        Rows ascend by key, so that files and record batches are looked into by halves:
        few keys need few of them, and many keys each of them once.

        Args:
            keys: uint64[N]: keys of positions, as of `PositionArray.keys`. The color
                bit does not count: twins of swapped colors are one row.
            split: `train` or `validation`.
            check: Whether the hash of each file that may have a key is compared before
                its first use, as of `batches`: once, for all calls.

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
        self._open(split).contains(array, out, check=bool(check))
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
            "batch_size": whole("batch_size", batch_size, 0),
            "seed": whole("seed", seed, 0),
            "shuffle": bool(shuffle),
            "features": features,
            "policy": policy,
            "classes": whole("classes", classes, 0),
            "legal_mask": bool(legal_mask),
            "sample_weight": sample_weight,
            "threads": whole("threads", threads, 0),
            "rank": whole("rank", rank, 0),
            "world_size": whole("world_size", world_size, 0),
            "drop_last": bool(drop_last),
            "window": whole("window", window, 0),
            "prefetch": whole("prefetch", prefetch, 0),
            "stride": _stride,
            "check": bool(check),
        }
        return Batches(
            self._open(split),
            split,
            options,
            epoch=whole("epoch", epoch, 0),
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
