"""Runs of `maou train`, asked through torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from maou_rust import DatasetError

from maou._extras import require
from maou.evaluation._models import Model
from maou.training_set import TrainingSet

if TYPE_CHECKING:
    from maou.evaluation._models import Floats, Inputs
    from maou.evaluation._rows import Features
    from maou.policy import Scheme


def open_run(
    path: Path, checkpoint: str | None, ema: bool | None, device: str, threads: int
) -> Model:
    """Open a checkpoint of a run.

    Raises:
        DatasetError: The checkpoint is damaged.
        ModuleNotFoundError: torch is not installed.
        UsageError: It is no run, has no such checkpoint or no averaged weights, or
            there is no such GPU.
    """
    require("torch", "safetensors")
    import torch

    from maou.train import load
    from maou.train.checkpoint import find
    from maou.train.ranks import pick_device

    checkpoint = checkpoint or checkpoint_of(path)
    loaded = load(path, checkpoint, ema)
    place = pick_device(device)
    if threads:
        torch.set_num_threads(threads)
    network = loaded.network.to(place)

    def predict(batch: Inputs) -> tuple[Floats, Floats]:
        with torch.inference_mode():
            tensors = [torch.from_numpy(array).to(place) for array in batch]
            policy, logit = network(*tensors)
            value = torch.sigmoid(logit.float())
            return policy.float().cpu().numpy(), value.cpu().numpy()

    config = loaded.config.model
    has_mean = (find(path, checkpoint) / "ema.safetensors").is_file()
    facts: dict[str, Any] = {
        "kind": "run",
        "size": config.size,
        "checkpoint": checkpoint,
        "step": loaded.meta["step"],
        "ema": has_mean if ema is None else ema,
    }
    return Model(
        path,
        cast("Features", config.features),
        cast("Scheme", config.classes),
        predict,
        facts,
        training_set_of(loaded.meta["data"]),
    )


def checkpoint_of(run: Path) -> str:
    """The checkpoint that is meant when none is named."""
    folder = run / "checkpoints"
    only_last = (folder / "last").is_dir() and not (folder / "best-policy").is_dir()
    return "last" if only_last else "best-policy"


def training_set_of(lineage: dict[str, Any]) -> Path | None:
    """The training set of a run; None if it is gone, moved or made again.

    Args:
        lineage: What the run says of its data.
    """
    path = Path(lineage["path"])
    try:
        found = TrainingSet(path).info()["manifest_xxh3"]
    except DatasetError:
        return None
    return path if found == lineage["manifest_xxh3"] else None
