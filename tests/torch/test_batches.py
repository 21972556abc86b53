"""Batches of a training set as tensors, and as a dataset of torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from maou_rust import UsageError, maou_io, maou_shogi

import maou
from maou.tensors import TorchBatch, moved

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.torch


@pytest.fixture(scope="session")
def training_set(tmp_path_factory: pytest.TempPathFactory) -> maou.TrainingSet:
    """A training set of generated games."""
    folder: Path = tmp_path_factory.mktemp("batches")
    (folder / "records").mkdir()
    texts = maou_shogi.generate(30, seed=2, format="csa")
    (folder / "records/games.csa").write_bytes(b"/\n".join(texts))
    maou_io.convert([folder / "records"], folder / "data")
    maou_io.prepare([(folder / "data", 1.0, None)], folder / "train", memory=1 << 26)
    return maou.TrainingSet(folder / "train")


def check(batch: maou.Batch, tensors: Any) -> None:
    """Tensors hold the numbers of the arrays, as signed ones."""
    arrays = batch.arrays()
    for name in tensors._fields:
        tensor = getattr(tensors, name)
        assert (tensor is None) == (name not in arrays), name
        if tensor is not None:
            array = arrays[name]
            found = tensor.cpu().numpy()
            if array.dtype == np.uint64:
                found = found.view(np.uint64)
            np.testing.assert_array_equal(found, array)
            assert tuple(tensor.shape) == array.shape


def test_tensors_are_the_arrays(training_set: maou.TrainingSet) -> None:
    import torch

    for features, policy in (("compact", "sparse"), ("dlshogi", "dense")):
        options: Any = {"features": features, "policy": policy, "legal_mask": True}
        with training_set.batches(64, **options) as batches:
            batch = next(batches)
            tensors = batch.torch()
            check(batch, tensors)
            check(batch, batch.torch("cpu"))
            check(batch.copy(), batch.copy().torch())
            assert tensors.n.dtype == torch.int64
            assert tensors.ply.dtype == torch.int32
            assert tensors.legal.dtype == torch.bool
            assert tensors.value.data_ptr() == batch.value.ctypes.data


def test_tensors_elsewhere_come_in_one_piece(training_set: maou.TrainingSet) -> None:
    """What a GPU gets is cut out of one copy: here of memory of the processor."""
    import torch

    with training_set.batches(64, legal_mask=True) as batches:
        batch = next(batches)
        memory = batch._memory
        assert memory is not None
        tensors = moved(batch, memory, torch.device("cpu"), non_blocking=False)
        check(batch, TorchBatch(**tensors))


def test_tensors_keep_their_memory(training_set: maou.TrainingSet) -> None:
    with training_set.batches(32) as batches:
        expected = [batch.board.copy() for batch in batches if batch.board is not None]
    with training_set.batches(32) as batches:
        kept = [batch.torch().board for batch in batches]
    for tensor, array in zip(kept, expected, strict=True):
        np.testing.assert_array_equal(tensor.numpy(), array)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_data_loader_gives_every_batch_in_order(
    training_set: maou.TrainingSet, num_workers: int
) -> None:
    from torch.utils.data import DataLoader

    dataset = training_set.iterable_dataset(64, seed=3, threads=1)
    for epoch in (1,) if num_workers else (0, 1):
        dataset.set_epoch(epoch)
        loader: Any = DataLoader(
            dataset,
            batch_size=None,
            num_workers=num_workers,
            multiprocessing_context="spawn" if num_workers else None,
        )
        found = [batch.row.numpy().copy() for batch in loader]
        with training_set.batches(64, seed=3, epoch=epoch) as batches:
            expected = [batch.row for batch in batches]
        assert len(found) == len(dataset) == len(expected)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one.view(np.uint64), other)


def test_options_are_checked_before_workers_begin(
    training_set: maou.TrainingSet,
) -> None:
    with pytest.raises(UsageError, match="batch_size: expected 1 to"):
        training_set.iterable_dataset(0)


def test_pinned_memory_needs_a_gpu(training_set: maou.TrainingSet) -> None:
    import torch

    if torch.cuda.is_available():
        with training_set.batches(64, pin_memory=True) as batches:
            for batch in batches:
                check(batch, batch.torch("cuda", non_blocking=True))
    else:
        with pytest.raises(UsageError, match="pin_memory: expected a GPU"):
            training_set.batches(64, pin_memory=True)
