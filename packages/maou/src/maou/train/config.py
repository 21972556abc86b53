"""What a training run is told: a checked tree of options, from TOML and from words.

Every option has a name, `section.option`, which is the same in a file, in `--set` and
in the `config.toml` that a run keeps.

Examples:
    >>> from maou.train.config import Config
    >>> config = Config.from_words(["model.size=2x32", "optimizer.lr=0.1"])
    >>> config.model.blocks, config.model.channels, config.optimizer.lr
    (2, 32, 0.1)
    >>> Config.from_words(["optimizer.rate=0.1"])
    Traceback (most recent call last):
    maou_rust.UsageError: `optimizer.rate`: expected one of kind, lr, momentum, beta1, \
beta2, weight_decay, warmup_steps, schedule, final_lr, clip
"""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, get_type_hints

from maou_rust import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from os import PathLike

PRESETS = ("2x32", "4x64", "6x96", "10x128", "10x192", "15x224", "20x256")
"""Sizes that are in use, blocks x channels, small to large; any other may be named."""
SIZE = re.compile(r"(\d{1,3})x(\d{1,4})")

FEATURES = ("compact", "dlshogi")
CLASSES = (2187, 1496)
SAMPLE_WEIGHTS = ("one", "n", "sqrt", "weight")
OPTIMIZERS = ("adamw", "sgd")
SCHEDULES = ("cosine", "constant")
AMP = ("off", "bf16", "fp16")
DEVICES = re.compile(r"auto|cpu|mps|cuda(:\d{1,3})?")


def _one_of(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        words = ", ".join(map(str, allowed))
        raise UsageError(f"`{name}`: expected one of {words}, found `{value}`")


def _between(name: str, value: float, least: float, most: float = math.inf) -> None:
    if not least <= value <= most:
        upper = "" if most == math.inf else f" to {most:.12g}"
        raise UsageError(
            f"`{name}`: expected a number from {least:.12g}{upper}, found `{value}`"
        )


@dataclass(frozen=True)
class ModelConfig:
    """What the network is: fixed for all of its life."""

    size: str = "10x192"
    """Residual blocks x channels of the tower."""
    features: str = "compact"
    """What it sees: `compact` (piece ids and hands) or `dlshogi` (dlshogi's planes)."""
    classes: int = 2187
    """The scheme of its policy: 2187 or 1496, see `maou.policy`."""
    embedding: int = 32
    """Numbers that stand for a piece id; for `compact` alone."""
    value_channels: int = 32
    """Channels of the value head's convolution."""
    value_hidden: int = 256
    """Width of the value head's hidden layer."""

    def __post_init__(self) -> None:
        """Check every option."""
        match = SIZE.fullmatch(self.size)
        if match is None or not (int(match[1]) >= 1 and int(match[2]) >= 1):
            raise UsageError(
                "`model.size`: expected blocks x channels such as"
                f" {', '.join(PRESETS)}, found `{self.size}`"
            )
        _one_of("model.features", self.features, FEATURES)
        _one_of("model.classes", self.classes, CLASSES)
        for name in ("embedding", "value_channels", "value_hidden"):
            _between(f"model.{name}", getattr(self, name), 1, 65_536)

    @property
    def blocks(self) -> int:
        """Residual blocks."""
        return int(self.size.partition("x")[0])

    @property
    def channels(self) -> int:
        """Channels of the tower."""
        return int(self.size.partition("x")[2])


@dataclass(frozen=True)
class DataConfig:
    """How the training set is read."""

    batch_size: int = 1024
    """Positions of one step of the optimizer, over all accumulated parts and ranks."""
    accumulation: int = 1
    """Parts into which a rank's share of a step is cut, to need less memory."""
    sample_weight: str = "one"
    """What a row counts: `one`, `n` (as often as it occurred), `sqrt` (its root),
    `weight` (the sum of the weights of its datasets)."""
    threads: int = 0
    """Threads of the loader, 0 for one per core."""

    def __post_init__(self) -> None:
        """Check every option."""
        _between("data.batch_size", self.batch_size, 1, 2**24)
        _between("data.accumulation", self.accumulation, 1, 2**16)
        _one_of("data.sample_weight", self.sample_weight, SAMPLE_WEIGHTS)
        _between("data.threads", self.threads, 0, 1024)


@dataclass(frozen=True)
class LossConfig:
    """What the network is asked to get right."""

    policy: float = 1.0
    """Weight of the policy's loss."""
    value: float = 1.0
    """Weight of the value's loss."""
    value_lambda: float = 0.7
    """Share of the game's result in the value's target; the rest is the eval. Where one
    of the two is unknown, the other is the target."""
    eval_scale_cp: float = 600.0
    """Evals become win rates by 1 / (1 + exp(-eval / scale))."""
    legal_mask: bool = False
    """Whether logits of illegal moves are left out of the policy's loss."""

    def __post_init__(self) -> None:
        """Check every option."""
        _between("loss.policy", self.policy, 0)
        _between("loss.value", self.value, 0)
        _between("loss.value_lambda", self.value_lambda, 0, 1)
        _between("loss.eval_scale_cp", self.eval_scale_cp, 1)
        if self.policy == self.value == 0:
            raise UsageError("`loss.policy`, `loss.value`: expected one above 0")


@dataclass(frozen=True)
class OptimizerConfig:
    """How weights are changed."""

    kind: str = "adamw"
    """`adamw` or `sgd` (Nesterov)."""
    lr: float = 1e-3
    """The highest learning rate."""
    momentum: float = 0.9
    """Of `sgd`."""
    beta1: float = 0.9
    """Of `adamw`."""
    beta2: float = 0.999
    """Of `adamw`."""
    weight_decay: float = 0.01
    """Of matrices and kernels; biases, norms and embeddings have none."""
    warmup_steps: int = 200
    """Steps over which the learning rate rises from 0."""
    schedule: str = "cosine"
    """What it does then: `cosine` falls over the rest of the run, `constant` stays."""
    final_lr: float = 0.01
    """Where `cosine` ends, as a share of `lr`."""
    clip: float = 1.0
    """Longest gradient, over all weights; 0 for any."""

    def __post_init__(self) -> None:
        """Check every option."""
        _one_of("optimizer.kind", self.kind, OPTIMIZERS)
        _one_of("optimizer.schedule", self.schedule, SCHEDULES)
        _between("optimizer.lr", self.lr, 0)
        _between("optimizer.momentum", self.momentum, 0, 0.9999)
        _between("optimizer.beta1", self.beta1, 0, 0.9999)
        _between("optimizer.beta2", self.beta2, 0, 0.999999)
        _between("optimizer.weight_decay", self.weight_decay, 0)
        _between("optimizer.warmup_steps", self.warmup_steps, 0)
        _between("optimizer.final_lr", self.final_lr, 0, 1)
        _between("optimizer.clip", self.clip, 0)


@dataclass(frozen=True)
class RunConfig:
    """How long, on what, and what is kept."""

    epochs: int = 1
    """Passes over the training set."""
    steps: int = 0
    """Steps of the optimizer in place of `epochs`; 0 for whole epochs."""
    seed: int = 0
    """Decides the first weights and the order of rows."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:N` or `mps`."""
    amp: str = "off"
    """Computing in half precision: `off`, `bf16` or `fp16` (with a loss scaler)."""
    compile: bool = False
    """Whether `torch.compile` is used."""
    ema: float = 0.0
    """Decay of the mean of weights that is kept, such as 0.999; 0 for none."""
    log_steps: int = 50
    """Steps between lines of the log."""
    save_steps: int = 1000
    """Steps between checkpoints; 0 for validations alone."""
    validate_steps: int = 0
    """Steps between validations; 0 for one at the end of each epoch."""
    validate_positions: int = 0
    """Most positions of a validation; 0 for the whole split."""

    def __post_init__(self) -> None:
        """Check every option."""
        _between("run.epochs", self.epochs, 1, 10**6)
        _between("run.seed", self.seed, 0, 2**63 - 1)
        for name in ("steps", "save_steps", "validate_steps", "validate_positions"):
            _between(f"run.{name}", getattr(self, name), 0)
        _between("run.log_steps", self.log_steps, 1)
        _between("run.ema", self.ema, 0, 0.999999)
        _one_of("run.amp", self.amp, AMP)
        if DEVICES.fullmatch(self.device) is None:
            raise UsageError(
                "`run.device`: expected auto, cpu, cuda, cuda:N or mps,"
                f" found `{self.device}`"
            )


@dataclass(frozen=True)
class Config:
    """All options of a training run."""

    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    run: RunConfig = field(default_factory=RunConfig)

    @classmethod
    def from_file(cls, path: str | PathLike[str]) -> Self:
        """Read a TOML file; options that it leaves out keep their defaults.

        Raises:
            UsageError: It is no TOML, or names something that is no option.
            OSError: It cannot be read.
        """
        try:
            table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
            return cls().merged(table)
        except tomllib.TOMLDecodeError as error:
            raise UsageError(_no_toml(path, str(error))) from None
        except UnicodeDecodeError:
            raise UsageError(f"{path}: expected a text in UTF-8") from None
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from None

    @classmethod
    def from_words(cls, words: Iterable[str]) -> Self:
        """Take `section.option=value` words over the defaults."""
        return cls().with_words(words)

    def with_words(self, words: Iterable[str]) -> Self:
        """Take `section.option=value` words over these options.

        Raises:
            UsageError: A word is no assignment, or names something that is no option.
        """
        changed = self
        for word in words:
            name, equals, text = word.partition("=")
            section, _, option = name.strip().partition(".")
            if not (equals and option):
                raise UsageError(
                    "expected section.option=value such as optimizer.lr=0.1,"
                    f" found `{word}`"
                )
            value = _value(text.strip())
            part = getattr(changed, section, None)
            if isinstance(getattr(part, option, None), str) and type(value) is not str:
                # `--model 3` names no number, it is a wrong word.
                value = text.strip()
            changed = changed.merged({section: {option: value}})
        return changed

    def merged(self, table: Mapping[str, Any]) -> Self:
        """Take a table of tables over these options.

        Raises:
            UsageError: It names something that is no option, or a value is not of the
                option's type or range.
        """
        sections = {part.name: getattr(self, part.name) for part in fields(self)}
        changed: dict[str, Any] = {}
        for name, options in table.items():
            if name not in sections:
                raise UsageError(
                    f"`{name}`: expected one of {', '.join(sections)}",
                )
            if not isinstance(options, dict):
                raise UsageError(f"`{name}`: expected a table, found `{options}`")
            changed[name] = _changed(name, sections[name], options)
        return replace(self, **changed)

    def table(self) -> dict[str, dict[str, Any]]:
        """All options by section, as JSON takes them."""
        return asdict(self)

    def toml(self) -> str:
        """Write all options as TOML, which `from_file` reads."""
        return "\n".join(
            f"[{name}]\n"
            + "".join(f"{option} = {_toml(value)}\n" for option, value in part.items())
            for name, part in self.table().items()
        )


def _no_toml(path: str | PathLike[str], message: str) -> str:
    """What is wrong in a file, with its place in front."""
    place = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message, re.DOTALL)
    if place is None:
        return f"{path}: {message}"
    what, line, column = place.groups()
    return f"{path}:{line}:{column}: {what[:1].lower()}{what[1:]}"


def _changed(name: str, section: Any, options: dict[str, Any]) -> Any:
    """Take options over those of a section."""
    known = [part.name for part in fields(section)]
    types = get_type_hints(type(section))
    checked = {}
    for option, value in options.items():
        if option not in known:
            raise UsageError(f"`{name}.{option}`: expected one of {', '.join(known)}")
        checked[option] = _typed(f"{name}.{option}", value, types[option])
    return replace(section, **checked)


WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}


def _typed(name: str, value: Any, wanted: type) -> Any:
    """Check the type of a value; a whole number is a number, too."""
    if wanted is float and type(value) is int:
        value = float(value)
    is_finite = not isinstance(value, float) or math.isfinite(value)
    if type(value) is not wanted or not is_finite:
        raise UsageError(f"`{name}`: expected {WORDS[wanted]}, found `{value}`")
    return value


def _value(text: str) -> Any:
    """Read a value as TOML does; what is none is a word."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _toml(value: Any) -> str:
    """Write a value: words here hold neither quotes nor control characters."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def is_run(path: Path) -> bool:
    """Whether a folder is a run of `maou train`."""
    return (path / "config.toml").is_file() and (path / "checkpoints").is_dir()


def difference(old: Config, new: Config) -> dict[str, tuple[Any, Any]]:
    """List the options that two configurations do not share, by name."""
    return {
        f"{section}.{option}": (value, new.table()[section][option])
        for section, options in old.table().items()
        for option, value in options.items()
        if value != new.table()[section][option]
    }
