"""The training loop, top to bottom: batches in, checkpoints out.

A step of the optimizer sees `data.batch_size` positions, cut into a part for each
process (`torchrun`) and each turn of accumulation. Losses are divided by that number:
a step is the same however it is cut, norms of batches aside, which see one part.
"""

from __future__ import annotations

import math
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from maou_rust import UsageError
from torch import nn

from maou._files import write_whole
from maou._version import __version__
from maou.train import checkpoint as checkpoints
from maou.train import folder
from maou.train.config import Config
from maou.train.data import (
    begin_with,
    check_changes,
    lineage_of,
    mean_weight,
    same_training_set,
)
from maou.train.learner import Learner, predict
from maou.train.log import Log, Meter
from maou.train.losses import losses, means, no_sums
from maou.train.network import Network, n_multiplications, n_weights
from maou.train.ranks import Ranks, ranks
from maou.train.watch import Interrupt, Watch, enough_memory
from maou.training_set import TrainingSet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from os import PathLike

    from maou.batches import Batches

    Progress = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Result:
    """What a run came to."""

    run: Path
    """Its folder."""
    step: int
    """Steps of the optimizer that are done."""
    measures: dict[str, float | None]
    """Of the last validation; empty without one."""
    network: nn.Module
    """The network as it is now, on the run's device."""


class Place(NamedTuple):
    """How far a run is."""

    step: int = 0
    """Steps of the optimizer that are done."""
    epoch: int = 0
    part: int = 0
    """Parts of steps that every process has had of the epoch."""
    loader: dict[str, Any] | None = None
    """State of the loader, of any process; None at the begin of an epoch."""
    best: dict[str, float] | None = None
    """Lowest losses of validations, by name."""


def train(
    data: str | PathLike[str],
    out: str | PathLike[str],
    config: Config | None = None,
    *,
    init: str | PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Result:
    """Train a network.

    Args:
        data: A training set of `maou prepare`.
        out: The folder of the run, which is made.
        config: Its options.
        init: A run whose weights to begin with, in place of random ones.
        progress: Called with each event that the log gets, after each step, before
            each batch of a validation, and when Ctrl-C asks the run to stop.

    Raises:
        DatasetError: The training set is none, or damaged.
        UsageError: The options do not fit the data or the machine, or another process
            is at work in the folder.
        TrainingError: The losses are no numbers, or memory ran out.
        KeyboardInterrupt: The run was interrupted, and is saved.
    """
    config = config or Config()
    run = Path(out)
    with ranks(config.run.device) as here:
        training_set = TrainingSet(data)
        folder.refuse_taken(run)
        lineage = lineage_of(training_set, data)
        task = Task(here, run, config, training_set, lineage, progress)
        _check_parts(task)
        torch.manual_seed(config.run.seed)
        network = Network(config.model)
        if init is not None:
            begin_with(network, config, Path(init))
        # Every process has looked before the first one makes the folder.
        here.wait()
        with folder.held(run, here, begins=True):
            if here.is_first:
                folder.make(run, config)
            here.wait()
            return _loop(task, network, Place(), None)


def resume(
    run: str | PathLike[str],
    data: str | PathLike[str] | None = None,
    *,
    words: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> Result:
    """Go on with a run from its last checkpoint.

    On the processor the result is, to the bit, that of a run which was not interrupted.

    Args:
        run: The folder of the run.
        data: The training set, if it is elsewhere by now; the same one.
        words: Options that may change on the way, `run.epochs=4`.
        progress: As of `train`.

    Raises:
        DatasetError: The checkpoint or the training set is damaged.
        UsageError: It is another training set, an option cannot change any more, or
            another process is at work on the run.
        TrainingError: The losses are no numbers, or memory ran out.
        KeyboardInterrupt: The run was interrupted, and is saved.
    """
    _, old = checkpoints.read_meta(checkpoints.find(run))
    device = old.with_words(words).run.device
    with ranks(device) as here, folder.held(Path(run), here, begins=False):
        # Another process may have saved and ended just before it could be held.
        path = checkpoints.find(run)
        meta, old = checkpoints.read_meta(path)
        config = old.with_words(words)
        check_changes(old, config, path)
        training_set = same_training_set(data, meta["data"], run)
        saved = checkpoints.read(path)
        network = Network(config.model)
        checkpoints.load_weights(network, saved.weights, path / "model.safetensors")
        if here.is_first:
            write_whole(Path(run) / "config.toml", config.toml().encode())
        task = Task(here, Path(run), config, training_set, meta["data"], progress)
        _check_parts(task)
        place = Place(**{name: meta[name] for name in Place._fields})
        if len(steps := set(here.gathered(place.step))) > 1:
            raise UsageError(
                f"{path}: expected one step for all processes, found"
                f" {sorted(steps)}: the folder of the run has to be the same for all"
            )
        return _loop(task, network, place, saved)


@dataclass(frozen=True)
class Task:
    """What does not change while a run goes on."""

    ranks: Ranks
    run: Path
    config: Config
    training_set: TrainingSet
    lineage: dict[str, Any]
    progress: Progress | None

    @property
    def part_size(self) -> int:
        """Positions that the network sees at once."""
        return self.config.data.batch_size // self.n_parts

    @property
    def n_parts(self) -> int:
        """Parts of a step: processes times turns of accumulation."""
        return self.ranks.world_size * self.config.data.accumulation

    def batches(self, split: str, place: Place) -> Batches:
        """This process's batches of an epoch, from this place on."""
        config, here = self.config, self.ranks
        is_train = split == "train"
        options: dict[str, Any] = {
            "split": split,
            "seed": config.run.seed,
            "shuffle": is_train,
            "epoch": place.epoch if is_train else 0,
            "state": place.loader if is_train else None,
            "features": config.model.features,
            "policy": "sparse",
            "classes": config.model.classes,
            "legal_mask": config.loss.legal_mask,
            "sample_weight": config.data.sample_weight,
            "threads": config.data.threads,
            "rank": here.rank,
            "world_size": here.world_size,
            "pin_memory": here.device.type == "cuda",
        }
        return self.training_set.batches(self.part_size, **options)

    @property
    def is_measured(self) -> bool:
        """Whether there is anything to validate with."""
        return self.training_set.n_rows("validation") > 0

    def tell(self, event: Mapping[str, Any], log: Log | None = None) -> None:
        """Hand an event to whoever watches the run, and to the log."""
        if log is not None:
            log.write(event)
        if self.progress is not None and self.ranks.is_first:
            self.progress(event)


def _loop(
    task: Task,
    network: Network,
    place: Place,
    saved: checkpoints.Checkpoint | None,
) -> Result:
    """Learn until the last step, or until something ends it early."""
    log = Log(task.run, place.step, writes=task.ranks.is_first)
    memory = enough_memory(task.ranks.device, task.part_size, task.config)
    try:
        with memory, Interrupt(lambda: task.tell({"kind": "stopping"})) as interrupt:
            return _steps(task, network, place, saved, log=log, interrupt=interrupt)
    finally:
        log.close()


def _steps(  # noqa: PLR0915 (the loop is read from top to bottom)
    task: Task,
    network: Network,
    place: Place,
    saved: checkpoints.Checkpoint | None,
    *,
    log: Log,
    interrupt: Interrupt,
) -> Result:
    """The loop itself."""
    here, config = task.ranks, task.config
    divisor = config.data.batch_size * mean_weight(task.training_set, config)
    learner = Learner(network, config, here, divisor, saved)
    batches = task.batches("train", place)
    n_parts = len(batches)  # of this process, in an epoch
    accumulation = config.data.accumulation
    steps_in_epoch = -(-n_parts // accumulation)
    n_steps = config.run.steps or config.run.epochs * steps_in_epoch
    task.tell(_started(task, network, place, n_steps, steps_in_epoch), log)

    measures: dict[str, float | None] = saved.meta["measures"] if saved else {}
    watch, meter = Watch(task.run, here), Meter(here)
    while place.step < n_steps:
        for batch in batches:
            place = place._replace(part=place.part + 1)
            ends_epoch = place.part == n_parts
            ends_step = place.part % accumulation == 0 or ends_epoch
            tensors = batch.torch(here.device, non_blocking=True)
            found = learner.look(tensors, ends_step=ends_step)
            meter.add(found.sums, task.part_size * here.world_size)
            watch.add(found.total, batch)
            if not ends_step:
                continue

            lr, gradient = learner.step(place.step, n_steps)
            if not learner.skips_steps:
                watch.add(gradient, batch)
            place = place._replace(step=place.step + 1)
            task.tell({"kind": "step", "step": place.step, **meter.rate()})
            # A step of a GPU is looked at while the next one is computed.
            stop = watch.check(asked=interrupt.asked, wait=here.device.type == "cpu")
            is_last = place.step == n_steps
            if place.step % config.run.log_steps == 0 or is_last or stop:
                epoch = place.epoch + place.part / n_parts
                event = {"kind": "train", "step": place.step, "epoch": epoch, "lr": lr}
                event |= {"gradient": float(gradient), **meter.means()}
                task.tell(event, log)

            if ends_epoch:
                place = place._replace(epoch=place.epoch + 1, part=0)
            validates, saves = _due(task, place, ends_epoch=ends_epoch)
            also: tuple[str, ...] = ()
            if validates or saves or is_last or stop:
                watch.check(asked=False, wait=True)
                with meter.paused():
                    if task.is_measured and (validates or is_last):
                        here.same_buffers(network)
                        measures = validate(task, learner.judged)
                        place, also = _better(place, measures)
                        event = {"kind": "validation", "step": place.step}
                        task.tell(event | measures, log)
                    _save(task, learner, place, batches, measures=measures, also=also)
            if stop:
                batches.close()
                raise KeyboardInterrupt(
                    f"saved after step {place.step:,} of {n_steps:,}: `maou train"
                    f" --resume {task.run}` goes on"
                )
            if is_last:
                break
        # To iterate again begins the next epoch.
    batches.close()
    return Result(task.run, place.step, measures, network)


def _due(task: Task, place: Place, *, ends_epoch: bool) -> tuple[bool, bool]:
    """Tell whether a validation is due after this step, and whether a checkpoint is."""
    every, saves = task.config.run.validate_steps, task.config.run.save_steps
    validates = place.step % every == 0 if every else ends_epoch
    return validates, bool(saves) and place.step % saves == 0


def _save(
    task: Task,
    learner: Learner,
    place: Place,
    batches: Batches,
    *,
    measures: dict[str, float | None],
    also: tuple[str, ...],
) -> None:
    """Write a checkpoint, in the first process; the others wait until it is there."""
    if task.ranks.is_first:
        _write(task, learner, place, batches, measures=measures, also=also)
    task.ranks.wait()


def _write(
    task: Task,
    learner: Learner,
    place: Place,
    batches: Batches,
    *,
    measures: dict[str, float | None],
    also: tuple[str, ...],
) -> None:
    """Write a checkpoint."""
    # At the begin of an epoch there is nothing to go on with.
    place = place._replace(loader=batches.state_dict() if place.part else None)
    meta = {
        **place._asdict(),
        "samples": place.step * task.config.data.batch_size,
        "measures": measures,
        "world_size": task.ranks.world_size,
        "config": task.config.table(),
        "data": task.lineage,
        "versions": versions(),
    }
    checkpoints.write(task.run, learner.checkpoint(meta), also=also)


def _started(
    task: Task, network: Network, place: Place, n_steps: int, steps_in_epoch: int
) -> dict[str, Any]:
    """The first event: what the run is, and the numbers that follow from it."""
    return {
        "kind": "start",
        "step": place.step,
        "n_steps": n_steps,
        "steps_in_epoch": steps_in_epoch,
        "n_train": task.training_set.n_rows("train"),
        "n_validation": task.training_set.n_rows("validation"),
        "n_weights": n_weights(network),
        "n_multiplications": n_multiplications(task.config.model),
        "part_size": task.part_size,
        "world_size": task.ranks.world_size,
        "device": device_name(task.ranks.device),
        "config": task.config.table(),
        "data": task.lineage,
        "versions": versions(),
    }


@torch.no_grad()
def validate(task: Task, network: nn.Module) -> dict[str, float | None]:
    """Measure a network on the validation split; means over all processes."""
    config, here = task.config, task.ranks
    sums = no_sums(here.device)
    most = config.run.validate_positions or math.inf
    was_training = network.training
    network.eval()
    n_all = min(task.training_set.n_rows("validation"), most)
    task.tell({"kind": "measure", "n": 0, "n_all": n_all})
    batches = task.batches("validation", Place())
    for idx, batch in enumerate(batches):
        n = idx * task.part_size * here.world_size
        if n >= most:
            break
        if n:
            task.tell({"kind": "measure", "n": n, "n_all": n_all})
        tensors = batch.torch(here.device, non_blocking=True)
        logits, value = predict(network, tensors, config, here.device)
        sums += losses(logits, value, tensors, config.loss).sums
    batches.close()
    network.train(was_training)
    return means(here.summed(sums))


def _better(
    place: Place, measures: dict[str, float | None]
) -> tuple[Place, tuple[str, ...]]:
    """Tell which losses are the lowest so far."""
    best, also = dict(place.best or {}), []
    for name in ("policy", "value"):
        loss = measures[f"{name}_loss"]
        if loss is not None and loss < best.get(name, math.inf):
            best[name] = loss
            also.append(f"best-{name}")
    return place._replace(best=best), tuple(also)


def _check_parts(task: Task) -> None:
    size, n_parts = task.config.data.batch_size, task.n_parts
    if size % n_parts:
        raise UsageError(
            f"`data.batch_size`: expected a multiple of {n_parts} (processes times"
            f" `data.accumulation`), found `{size}`"
        )
    if not task.training_set.n_rows("train"):
        raise UsageError(
            f"{task.lineage['path']}: no positions to learn from: prepare it with a"
            " smaller `--validation`, or from more data"
        )


def device_name(device: torch.device) -> str:
    """Name what is computed on."""
    if device.type == "cuda":
        return f"{device}, {torch.cuda.get_device_name(device)}"
    if device.type == "cpu":
        n_threads = torch.get_num_threads()
        return f"cpu, {n_threads} {'thread' if n_threads == 1 else 'threads'}"
    return str(device)


def versions() -> dict[str, str]:
    """Versions of what decides the numbers."""
    return {
        "maou": __version__,
        "torch": str(torch.__version__),
        "python": platform.python_version(),
    }
