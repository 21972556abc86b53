"""Folders of runs with random weights, as `maou train` leaves them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from maou.train import Config
from maou.train.checkpoint import Checkpoint, write
from maou.train.network import Network

if TYPE_CHECKING:
    from pathlib import Path

LINEAGE = {
    "path": "data/train",
    "manifest_xxh3": "0" * 16,
    "n_train": 1000,
    "n_validation": 100,
}


def random_network(config: Config, seed: int) -> Network:
    """A network whose outputs differ between positions and whose norms do something."""
    torch.manual_seed(seed)
    network = Network(config.model)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.0)
            torch.nn.init.uniform_(module.running_mean, -0.3, 0.3)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    torch.nn.init.normal_(network.policy.weight, 0, 0.2)
    torch.nn.init.normal_(network.value2.weight, 0, 0.5)
    network.eval()
    return network


def make_run(
    path: Path,
    *words: str,
    ema: bool = False,
    names: tuple[str, ...] = ("best-policy",),
    lineage: dict[str, Any] | None = None,
) -> Path:
    """Write a run of 2 blocks and 32 channels; checkpoints differ in their weights."""
    config = Config.from_words(["model.size=2x32", *words])
    path.mkdir(parents=True)
    (path / "config.toml").write_text(config.toml(), encoding="utf-8")
    for seed, name in reversed(list(enumerate(names))):
        meta = {
            "step": 10 * (seed + 1),
            "config": config.table(),
            "data": lineage or LINEAGE,
        }
        checkpoint = Checkpoint(
            weights=random_network(config, seed).state_dict(),
            ema=random_network(config, 100 + seed).state_dict() if ema else None,
            state={"random/cpu": torch.get_rng_state()},
            meta=meta,
        )
        write(path, checkpoint, also=() if name == "last" else (name,))
    return path
