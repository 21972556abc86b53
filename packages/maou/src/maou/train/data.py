"""What a run learns from, and what may change between a run and the next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from maou_rust import UsageError

from maou.train import checkpoint as checkpoints
from maou.train.config import Config, difference
from maou.training_set import TrainingSet

if TYPE_CHECKING:
    from os import PathLike

    from maou.train.network import Network

FREE_ON_RESUME = {
    "data.threads",
    "run.epochs",
    "run.steps",
    "run.device",
    "run.compile",
    "run.log_steps",
    "run.save_steps",
    "run.validate_steps",
    "run.validate_positions",
}
"""What a resumed run may be told anew: neither what it learns nor in which order."""


def lineage_of(training_set: TrainingSet, path: str | PathLike[str]) -> dict[str, Any]:
    """Say which data a run learns from: the manifest's hash stands for all of it."""
    info = training_set.info()
    return {
        "path": str(path),
        "manifest_xxh3": info["manifest_xxh3"],
        "inputs": info["inputs"],
        "n_train": training_set.n_rows("train"),
        "n_validation": training_set.n_rows("validation"),
    }


def mean_weight(training_set: TrainingSet, config: Config) -> float:
    """The mean weight of a row of the train split, which a step is divided by."""
    kind = config.data.sample_weight
    if kind == "one":
        return 1.0
    import polars as pl

    n = pl.col("n").cast(pl.Float64)
    weight = {"n": n, "sqrt": n.sqrt(), "weight": pl.col("weight").cast(pl.Float64)}
    mean = training_set.rows("train").select(weight[kind].mean()).collect().item()
    return float(mean)


def same_training_set(
    path: str | PathLike[str] | None, lineage: dict[str, Any], run: str | PathLike[str]
) -> TrainingSet:
    """Open the training set of a run, and check that it is the same."""
    where = lineage["path"] if path is None else path
    if not Path(where).is_dir():
        raise UsageError(
            f"{where}: no such training set: `maou train TRAIN --resume {run}` names"
            " where it is by now"
        )
    training_set = TrainingSet(where)
    found = lineage_of(training_set, where)
    if found["manifest_xxh3"] != lineage["manifest_xxh3"]:
        raise UsageError(
            f"{where}: expected the data that {run} learns from"
            f" ({lineage['n_train']:,} rows, manifest"
            f" {lineage['manifest_xxh3'][:12]}), found another training set"
            f" ({found['n_train']:,} rows, manifest {found['manifest_xxh3'][:12]}):"
            f" `maou train {where} -o RUN --init {run}` begins a run with its weights"
        )
    return training_set


def check_changes(old: Config, new: Config, path: Path) -> None:
    """Refuse options that a checkpoint has settled."""
    for name, (was, now) in difference(old, new).items():
        if name not in FREE_ON_RESUME:
            what = "the label scheme of " if name == "model.classes" else ""
            raise UsageError(
                f"`{name}`: {what}{path.parent.parent} is {was}, found {now}:"
                " resume without it, or begin a new run with `maou train TRAIN -o RUN"
                f" --init {path.parent.parent}`"
            )


def begin_with(network: Network, config: Config, run: Path) -> None:
    """Take the weights of another run, which must be of the same network."""
    path = checkpoints.find(run, "last")
    _, other = checkpoints.read_meta(path)
    for name, (was, now) in difference(other, config).items():
        if name.startswith("model."):
            what = "the label scheme of " if name == "model.classes" else ""
            raise UsageError(
                f"`{name}`: {what}{run} is {was}, found {now}: add `--set {name}={was}`"
            )
    loaded = checkpoints.load(run, "last")
    network.load_state_dict(loaded.network.state_dict())
