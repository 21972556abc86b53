"""Batches of a training set as a dataset of torch, which only this module imports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.utils.data import IterableDataset, get_worker_info

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maou.tensors import TorchBatch
    from maou.training_set import TrainingSet


class BatchDataset(IterableDataset):  # type: ignore[misc]
    """The batches of an epoch; `TrainingSet.iterable_dataset` makes one."""

    def __init__(
        self, training_set: TrainingSet, batch_size: int, options: dict[str, Any]
    ) -> None:
        """Take what `TrainingSet.batches` is to be called with."""
        super().__init__()
        self._training_set = training_set
        self._options = {"epoch": 0, **options, "batch_size": batch_size}
        # Options are checked here, not in a worker.
        with training_set.batches(**self._options) as batches:
            self._n_steps = len(batches)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that is iterated over next; each has its own order."""
        self._options["epoch"] = epoch

    def __len__(self) -> int:
        """Count the batches of an epoch for this rank."""
        return self._n_steps

    def __iter__(self) -> Iterator[TorchBatch]:
        """Give the batches, or those of this worker of a `DataLoader`."""
        worker = get_worker_info()
        stride = (0, 1) if worker is None else (worker.id, worker.num_workers)
        batches = self._training_set.batches(**self._options, _stride=stride)
        with batches:
            for batch in batches:
                yield batch.torch()
