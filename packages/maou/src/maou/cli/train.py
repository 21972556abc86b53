"""`maou train`: learn a network from a training set."""

from __future__ import annotations

import math
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from maou.cli.command import Command, path_text
from maou.cli.text import count, duration, fields, printable, shorten

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

    from maou.train.loop import Result

SHORT = {
    "model": (
        "model.size",
        "SIZE",
        "residual blocks x channels, 2x32 to 20x256",
    ),
    "features": ("model.features", "NAME", "what the network sees: compact or dlshogi"),
    "classes": ("model.classes", "N", "labels of its policy: 2187 or 1496"),
    "epochs": ("run.epochs", "N", "passes over the training set"),
    "batch_size": ("data.batch_size", "N", "positions of a step"),
    "lr": ("optimizer.lr", "X", "highest learning rate"),
    "device": ("run.device", "NAME", "auto, cpu, cuda, cuda:N or mps"),
    "amp": ("run.amp", "NAME", "half precision: off, bf16 or fp16"),
    "seed": ("run.seed", "N", "decides the first weights and the order of positions"),
}
"""Options that have a name of their own: the option of the configuration each is."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `maou train`."""
    parser.add_argument(
        "data",
        type=path_text,
        nargs="?",
        metavar="TRAIN",
        help="the training set, of `maou prepare`; on a resumed run only if it moved",
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "-o", "--out", type=path_text, metavar="RUN", help="the folder of a new run"
    )
    where.add_argument(
        "--resume", type=path_text, metavar="RUN", help="go on with this run"
    )
    for name, (option, metavar, text) in SHORT.items():
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, metavar=metavar, help=f"{text} (`{option}`)")
    parser.add_argument(
        "--config", type=path_text, metavar="FILE", help="options from a TOML file"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any option by its name, such as optimizer.kind=sgd; may be repeated",
    )
    parser.add_argument(
        "--init",
        type=path_text,
        metavar="RUN",
        help="begin with the weights of another run",
    )
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(arguments: Namespace) -> int:
    """Train, and report."""
    from maou_rust import UsageError

    from maou import train

    words = [
        f"{option}={getattr(arguments, name)}"
        for name, (option, *_) in SHORT.items()
        if getattr(arguments, name) is not None
    ]
    words += arguments.set
    watcher = Watcher()
    try:
        if arguments.resume is not None:
            for name in ("config", "init"):
                if getattr(arguments, name) is not None:
                    raise UsageError(
                        f"--{name}: a resumed run has its options; `--set` changes one"
                    )
            result = train.resume(
                arguments.resume, arguments.data, words=tuple(words), progress=watcher
            )
        else:
            if arguments.data is None:
                raise UsageError("expected a TRAIN to learn from, or --resume RUN")
            config = train.Config()
            if arguments.config is not None:
                config = train.Config.from_file(arguments.config)
            result = train.train(
                arguments.data,
                arguments.out,
                config.with_words(words),
                init=arguments.init,
                progress=watcher,
            )
    except train.TrainingError as error:
        watcher.clear()
        print(f"maou train: {printable(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        watcher.clear()
        told = str(error) or interrupted(arguments.resume or arguments.out)
        print(printable(told), file=sys.stderr)
        return 130
    except OSError:
        watcher.clear()
        raise
    watcher.clear()
    # torchrun starts many of these: the first one speaks.
    if os.environ.get("RANK", "0") == "0":
        report(result, as_json=arguments.json)
    return 0


def interrupted(run: str) -> str:
    """Say what is left of a run that was stopped at once."""
    from maou_rust import DatasetError

    if "maou.train.checkpoint" not in sys.modules:
        # It had not come to the run yet.
        return "interrupted"
    from maou.train import checkpoint

    try:
        meta, _ = checkpoint.read_meta(checkpoint.find(run))
    except (DatasetError, OSError):
        return "interrupted: nothing was saved"
    return (
        f"interrupted: `maou train --resume {run}` goes on from step"
        f" {meta['step']:,}, which is saved"
    )


def report(result: Result, *, as_json: bool) -> None:
    """Write what the run came to."""
    if as_json:
        import json

        found = {"run": str(result.run), "step": result.step, **result.measures}
        print(json.dumps({"kind": "train", **found}, indent=2))
        return
    rows = [("run", str(result.run)), ("steps", f"{result.step:,}")]
    rows += measured(result.measures)
    print(fields(rows))
    if not result.measures:
        print("no positions for validation: the checkpoint is `last`")


LABELS = {
    "policy_loss": "policy loss",
    "policy_accuracy": "policy top-1",
    "policy_top5": "policy top-5",
    "value_loss": "value loss",
    "value_accuracy": "value accuracy",
}


def measured(measures: Mapping[str, float | None]) -> list[tuple[str, str]]:
    """Write measures for people."""
    return [
        (label, _number(name, measures[name]))
        for name, label in LABELS.items()
        if measures.get(name) is not None
    ]


def _number(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if name.endswith("loss") else f"{value:.2%}"


class TimeLeft:
    """Foretells how long a run goes on: its steps, and the validations between them."""

    def __init__(self, start: Mapping[str, Any]) -> None:
        """Begin with the first event of a run."""
        self._before: int = start["step"]
        self._n_steps: int = start["n_steps"]
        config = start["config"]
        every: int = config["run"]["validate_steps"] or start["steps_in_epoch"]
        self._every: int = every if start["n_validation"] else 0
        most = config["run"]["validate_positions"] or start["n_validation"]
        steps: float = min(most, start["n_validation"]) / config["data"]["batch_size"]
        # To look at a position takes about a third of what it takes to learn from it.
        self._steps_of_a_validation: float = steps / 3
        self._begin = time.monotonic()
        self._began: float | None = None
        self._seconds: list[float] = []
        self._at: int = self._before

    def step(self, step: int) -> None:
        """Note a step."""
        self._at = step

    def measure(self) -> None:
        """Note that a validation begins."""
        self._began = time.monotonic()

    def measured(self) -> None:
        """Note that it is done."""
        if self._began is not None:
            self._seconds.append(time.monotonic() - self._began)
            self._began = None

    def _n_validations(self) -> int:
        """Count the validations that begin after this step."""
        if not self._every:
            return 0
        n: int = self._n_steps // self._every - self._at // self._every
        # There is one at the end, whatever the step.
        is_extra = self._n_steps % self._every > 0 and self._at < self._n_steps
        return n + int(is_extra)

    def seconds(self, share: float = 1.0) -> float | None:
        """Tell how long it takes from here; None before the first step.

        Args:
            share: How much of the validation that is under way is still to come.
        """
        n_done = self._at - self._before
        if n_done <= 0:
            return None
        now = time.monotonic()
        under_way = 0.0 if self._began is None else now - self._began
        pace = (now - self._begin - sum(self._seconds) - under_way) / n_done
        one = pace * self._steps_of_a_validation
        if self._seconds:
            one = sum(self._seconds) / len(self._seconds)
        left: float = pace * (self._n_steps - self._at) + one * self._n_validations()
        if self._began is not None:
            left += under_way / (1 - share) * share if share < 1 else one
        return left


class Watcher:
    """Writes the events of a run to stderr, with a line that moves on a terminal."""

    def __init__(self) -> None:
        """Begin with nothing."""
        from maou.cli.terminal import is_terminal

        self._moves = is_terminal()
        self._n_steps = 0
        self._time: TimeLeft | None = None

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Write an event."""
        kind = event["kind"]
        if kind == "step":
            self._step(event)
        elif kind == "measure":
            self._measure(event)
        elif kind == "stopping":
            self._stopping()
        else:
            self._line(event)

    def _stopping(self) -> None:
        """Answer Ctrl-C, past a line that may just be written."""
        start = "\r\033[K" if self._moves else ""
        text = "saving after this step; Ctrl-C again stops at once"
        with suppress(OSError):
            os.write(2, f"{start}{text}\n".encode())

    def _line(self, event: Mapping[str, Any]) -> None:
        self.clear()
        if event["kind"] == "start":
            self._n_steps, self._time = event["n_steps"], TimeLeft(event)
            print(fields(started(event)), file=sys.stderr, flush=True)
            warn_of_warmup(event)
            return
        if event["kind"] == "validation" and self._time is not None:
            self._time.measured()
        words = [f"{event['step']:>8,}", event_line(event)]
        if event["kind"] == "train":
            words += self._left()
        print("  ".join(words), file=sys.stderr, flush=True)

    def _step(self, event: Mapping[str, Any]) -> None:
        step, n_steps = event["step"], self._n_steps
        if self._time is not None:
            self._time.step(step)
        words = [
            f"{step / n_steps:4.0%}",
            f"step {step:,}/{n_steps:,}",
            f"{event['positions_per_s']:,.0f} positions/s",
        ]
        self._show([*words, *self._left()])

    def _measure(self, event: Mapping[str, Any]) -> None:
        n, n_all = event["n"], event["n_all"]
        if self._time is not None and n == 0:
            self._time.measure()
        words = [f"{n / n_all:4.0%}", f"validation {n:,}/{n_all:,} positions"]
        self._show([*words, *self._left(1 - n / n_all)])

    def _show(self, words: list[str]) -> None:
        """Rewrite the line that moves."""
        if not self._moves:
            return
        columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        line = shorten("  ".join(words), columns - 1)
        print(f"\r{line}\033[K", end="", file=sys.stderr, flush=True)

    def _left(self, share: float = 1.0) -> list[str]:
        """Tell the time left, in whole seconds: what goes on takes one at least."""
        seconds = None if self._time is None else self._time.seconds(share)
        return [f"{duration(math.ceil(seconds))} left"] if seconds else []

    def clear(self) -> None:
        """Take the moving line away."""
        if self._moves:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def event_line(event: Mapping[str, Any]) -> str:
    """Write a line of the log for people."""
    words = [f"{event['kind']:<10}"]
    words += [f"{label} {text}" for label, text in measured(event)]
    if "positions_per_s" in event:
        words.append(f"lr {event['lr']:.2g}")
        words.append(f"{event['positions_per_s']:,.0f} positions/s")
    return "  ".join(words)


def started(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say what a run is, with the numbers that follow from its options."""
    config = event["config"]
    model, data, run = config["model"], config["data"], config["run"]
    epochs = event["n_steps"] / event["steps_in_epoch"]
    network = f"{model['size']}, {model['features']}, {model['classes']} labels:"
    network += f" {_short(event['n_weights'])} weights,"
    network += f" {_short(event['n_multiplications'])} multiplications a position"
    rows = f"{event['data']['path']}: {count(event['n_train'], 'position')},"
    rows += f" {event['n_validation']:,} for validation"
    steps = f"{event['n_steps']:,} of {count(data['batch_size'], 'position')},"
    if event["part_size"] != data["batch_size"]:
        steps += f" {event['part_size']:,} at once,"
    steps += f" {epochs:.4g} {'epoch' if epochs == 1 else 'epochs'}"
    if event["step"] >= event["n_steps"]:
        steps += f", all done: `{_more(run, epochs)}` goes on"
    elif event["step"]:
        steps += f", from step {event['step']:,}"
    device = f"{event['device']}, amp {run['amp']}"
    if event["world_size"] > 1:
        device = f"{count(event['world_size'], 'process', 'processes')}, {device}"
    return [("model", network), ("data", rows), ("steps", steps), ("device", device)]


def warn_of_warmup(event: Mapping[str, Any]) -> None:
    """Say where a new run ends before its learning rate has risen."""
    from maou.cli.terminal import warning

    n_steps = event["n_steps"]
    n_warmup = event["config"]["optimizer"]["warmup_steps"]
    if event["step"] == 0 and n_steps < n_warmup:
        warning(
            f"the learning rate rises over {count(n_warmup, 'step')}, and the run ends"
            f" after {n_steps:,}: take more steps (a smaller `--batch-size`, more"
            f" `--epochs`), or `--set optimizer.warmup_steps={n_steps // 10}`"
        )


def _more(run: Mapping[str, Any], epochs: float) -> str:
    """Name the option that makes a run which is at its end twice as long."""
    if run["steps"]:
        return f"--set run.steps={2 * run['steps']}"
    return f"--set run.epochs={round(2 * epochs)}"


def _short(number: int) -> str:
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return str(number)


COMMAND = Command(
    name="train",
    summary="learn a network from a training set",
    description="Learn a policy and value network from a training set of `maou"
    " prepare`. Needs torch: `uv sync --extra cpu` in a clone,"
    " `pip install 'maou[cpu]'` elsewhere.",
    example="maou train train/ -o runs/a --model 10x192\nmaou train --resume runs/a",
    add_arguments=add_arguments,
    run=run,
)
