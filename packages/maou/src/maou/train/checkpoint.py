"""Checkpoints: folders of safetensors and JSON, there whole or not at all.

A checkpoint `checkpoints/NAME` of a run holds

- `model.safetensors`: the weights; `ema.safetensors`: their mean, if it is kept;
- `state.safetensors`: of the optimizer, of torch's random generator;
- `meta.json`: where the run was (step, the loader's state), its options, the data it
  learns from, versions, measures.

Nothing in it is pickled: reading a checkpoint runs no code of it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from maou_rust import DatasetError, UsageError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from maou._files import named
from maou.train.config import Config
from maou.train.network import Network

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from torch import Tensor

NAMES = ("last", "best-policy", "best-value")
"""Checkpoints of a run."""
FORMAT = 1
"""Grows when older readers cannot read it."""
FOLDER = "checkpoints"
MEND = (
    "another checkpoint of the run may do (`--checkpoint`; to resume from it, rename it"
    " to `last`), or train again"
)
"""What to do about a checkpoint that cannot be used."""


class Loaded(NamedTuple):
    """A network from a checkpoint, ready to be asked."""

    network: Network
    """On the processor, in float32, in evaluation mode."""
    config: Config
    """Options of the run."""
    meta: dict[str, Any]
    """`meta.json`: step, measures, lineage of the data, versions."""


class Checkpoint(NamedTuple):
    """What a folder of a checkpoint holds."""

    weights: Mapping[str, Tensor]
    ema: Mapping[str, Tensor] | None
    state: Mapping[str, Tensor]
    """Of the optimizer (`optimizer/NAME/KEY`) and torch's generator (`random/cpu`)."""
    meta: dict[str, Any]


def write(run: Path, checkpoint: Checkpoint, *, also: tuple[str, ...] = ()) -> None:
    """Write `last`, and the same under other names.

    Args:
        run: The folder of the run.
        checkpoint: What to write.
        also: `best-policy`, `best-value`.

    Raises:
        OSError: It cannot be written; the old ones are as they were.
    """
    folder = run / FOLDER
    folder.mkdir(exist_ok=True)
    _remove_unfinished(folder)
    try:
        _write(folder, checkpoint, also)
    except OSError:
        # On a full disk, what is left of it would be in the way.
        _remove_unfinished(folder)
        raise


def _remove_unfinished(folder: Path) -> None:
    """Remove what writers have left that were ended: one at a time writes here."""
    for path in folder.glob(".new-*"):
        shutil.rmtree(path, ignore_errors=True)


def _write(folder: Path, checkpoint: Checkpoint, also: tuple[str, ...]) -> None:
    beside = folder / f".new-{os.getpid()}"
    beside.mkdir()
    tensors = {
        "model": checkpoint.weights,
        "ema": checkpoint.ema,
        "state": checkpoint.state,
    }
    for name, part in tensors.items():
        if part is not None:
            on_cpu = {k: v.detach().cpu().contiguous() for k, v in part.items()}
            _save(on_cpu, beside / f"{name}.safetensors")
    text = json.dumps({"format": FORMAT, **checkpoint.meta}, indent=2)
    with named(beside / "meta.json"):
        (beside / "meta.json").write_text(text + "\n", encoding="utf-8")
    for path in beside.iterdir():
        _sync(path)
    for name in also:
        copy = folder / f".new-{os.getpid()}-{name}"
        # Files of a checkpoint never change: two names for one file are enough.
        shutil.copytree(beside, copy, copy_function=_link)
        _replace(copy, folder / name)
    _replace(beside, folder / "last")


def _save(tensors: dict[str, Tensor], path: Path) -> None:
    """Write tensors; what the system says is an OSError, as of other files."""
    try:
        save_file(tensors, str(path))
    except SafetensorError as error:
        code = re.search(r"\(os error ([0-9]+)\)", str(error))
        if code is None:
            raise
        number = int(code[1])
        raise OSError(number, os.strerror(number), str(path)) from error


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _sync(path: Path) -> None:
    # Windows syncs files that are open for writing alone.
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _replace(new: Path, folder: Path) -> None:
    """Put a folder in the place of another.

    A folder cannot be renamed over one with files in it. Killed between the two
    renames, the run has the old one as `.old-NAME`, which readers know.
    """
    old = folder.with_name(f".old-{folder.name}")
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def find(run: str | PathLike[str], which: str = "last") -> Path:
    """Find a checkpoint of a run.

    Args:
        run: The folder of the run.
        which: One of `NAMES`.

    Raises:
        UsageError: It is no run, or has no such checkpoint.
    """
    if which not in NAMES:
        raise UsageError(
            f"checkpoint: expected one of {', '.join(NAMES)}, found `{which}`"
        )
    folder = Path(run) / FOLDER
    for name in (which, f".old-{which}"):
        if (folder / name / "meta.json").is_file():
            return folder / name
    if not (Path(run) / "config.toml").is_file():
        is_there = Path(run).exists()
        out = "RUN" if is_there else run
        raise UsageError(
            f"{run}: expected a run of `maou train`, found"
            f" {'something else' if is_there else 'no such folder'}:"
            f" `maou train TRAIN -o {out}` makes one"
        )
    there = ", ".join(name for name in NAMES if (folder / name).is_dir())
    if not there:
        raise UsageError(
            f"{run}: no checkpoint yet: `maou train TRAIN -o {run}` begins it anew"
        )
    raise UsageError(
        f"{run}: no checkpoint `{which}` (it needs a validation), only {there}"
    )


def read_meta(path: Path) -> tuple[dict[str, Any], Config]:
    """Read what a checkpoint says of itself.

    Raises:
        DatasetError: It is damaged, or of a later version.
    """
    file = path / "meta.json"
    try:
        meta = json.loads(file.read_text(encoding="utf-8"))
        form = meta["format"]
        if form != FORMAT:
            raise DatasetError(
                f"{file}: expected format {FORMAT} of checkpoints, found `{form}`:"
                " update maou"
            )
        return meta, Config().merged(meta["config"])
    except (ValueError, KeyError, TypeError, UsageError) as error:
        raise _damaged(file, error) from None


def read(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        DatasetError: It is damaged, or of a later version.
    """
    meta, _ = read_meta(path)
    has_ema = (path / "ema.safetensors").is_file()
    return Checkpoint(
        weights=_tensors(path / "model.safetensors"),
        ema=_tensors(path / "ema.safetensors") if has_ema else None,
        state=_tensors(path / "state.safetensors"),
        meta=meta,
    )


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return dict(load_file(str(path)))
    except OSError:
        raise
    except Exception as error:
        # safetensors has an exception of its own for what is wrong in a file.
        raise _damaged(path, error) from None


def _damaged(path: Path, error: object) -> DatasetError:
    return DatasetError(f"{path}: damaged ({error}): {MEND}")


def load_weights(network: Network, weights: Mapping[str, Tensor], path: Path) -> None:
    """Give a network the weights of a checkpoint.

    Raises:
        UsageError: They are those of another network.
        DatasetError: Some are no numbers.
    """
    own = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    if own != found:
        names = own.keys() | found.keys()
        name = min(name for name in names if own.get(name) != found.get(name))
        raise UsageError(
            f"{path}: expected weights of another network: `{name}` has the shape"
            f" {found.get(name)}, not {own.get(name)}"
        )
    for name, value in weights.items():
        if not bool(torch.isfinite(value).all()):
            raise DatasetError(
                f"{path}: expected numbers, found NaN or infinity in `{name}`: {MEND}"
            )
    network.load_state_dict(dict(weights))


def load(
    run: str | PathLike[str], which: str = "best-policy", ema: bool | None = None
) -> Loaded:
    """Load the network of a run.

    Args:
        run: The folder of the run.
        which: `best-policy`, `best-value` or `last`.
        ema: Whether to take the mean of weights; None takes it if there is one.

    Raises:
        UsageError: It is no run, or has no such checkpoint, or keeps no mean.
        DatasetError: The checkpoint is damaged.
    """
    path = find(run, which)
    meta, config = read_meta(path)
    file = path / "ema.safetensors"
    if ema is None:
        ema = file.is_file()
    elif ema and not file.is_file():
        raise UsageError(f"{run}: no mean of weights: train with `--set run.ema=0.999`")
    network = Network(config.model)
    name = "ema" if ema else "model"
    file = path / f"{name}.safetensors"
    load_weights(network, _tensors(file), file)
    return Loaded(network.eval(), config, meta)


def optimizer_tensors(
    network: Network, optimizer: torch.optim.Optimizer
) -> dict[str, Tensor]:
    """Name the state of an optimizer by the weights that it is about."""
    names = {parameter: name for name, parameter in network.named_parameters()}
    return {
        f"optimizer/{names[parameter]}/{key}": torch.as_tensor(value)
        for parameter, state in optimizer.state.items()
        for key, value in state.items()
        if value is not None
    }


def restore_optimizer(
    network: Network, optimizer: torch.optim.Optimizer, state: Mapping[str, Tensor]
) -> None:
    """Give an optimizer the state that `optimizer_tensors` named."""
    found: dict[str, dict[str, Tensor]] = {}
    for full_name, tensor in state.items():
        kind, _, rest = full_name.partition("/")
        if kind == "optimizer":
            name, _, key = rest.rpartition("/")
            found.setdefault(name, {})[key] = tensor
    names = {parameter: name for name, parameter in network.named_parameters()}
    for parameter, name in names.items():
        for key, tensor in found.get(name, {}).items():
            if tensor.shape == parameter.shape:
                # In the memory layout of the weights, which is faster.
                found[name][key] = torch.empty_like(parameter).copy_(tensor)
    order = [p for group in optimizer.param_groups for p in group["params"]]
    numbered = {
        idx: found[names[parameter]]
        for idx, parameter in enumerate(order)
        if names[parameter] in found
    }
    groups = optimizer.state_dict()["param_groups"]
    # It puts each tensor where this optimizer wants it.
    optimizer.load_state_dict({"state": numbered, "param_groups": groups})
