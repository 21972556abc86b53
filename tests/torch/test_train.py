"""Training runs: what they leave, how they are interrupted, and what they refuse."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from maou import DatasetError, TrainingSet, UsageError
from maou.cli import main
from maou.evaluation import evaluate
from maou.export import export_onnx
from maou.train import Config, TrainingError, load, resume, train
from maou.train import checkpoint as checkpoints
from maou.train.learner import learning_rate
from maou.train.loop import Task, validate
from maou.train.network import Network
from maou.train.ranks import Ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

pytestmark = pytest.mark.torch

# Steps of 64: some 40 in an epoch.
TINY = [
    "model.size=1x8",
    "model.embedding=4",
    "model.value_channels=2",
    "model.value_hidden=8",
    "data.batch_size=64",
    "data.threads=1",
    "optimizer.warmup_steps=5",
    "run.steps=12",
    "run.log_steps=4",
    "run.save_steps=5",
    "run.seed=3",
    "run.device=cpu",
]
WAYS = [
    pytest.param([], id="adamw"),
    pytest.param(["run.ema=0.9", "optimizer.kind=sgd"], id="sgd and mean"),
    pytest.param(["data.accumulation=4", "model.classes=1496"], id="accumulation"),
    pytest.param(["model.features=dlshogi", "loss.legal_mask=true"], id="dlshogi"),
]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def tiny(*words: str) -> Config:
    return Config.from_words([*TINY, *words])


def interrupt_after(step: int) -> Callable[[Mapping[str, Any]], None]:
    """What Ctrl-C does after so many steps."""

    def progress(event: Mapping[str, Any]) -> None:
        if event["kind"] == "step" and event["step"] == step:
            os.kill(os.getpid(), signal.SIGINT)

    return progress


def weights(run: Path, which: str = "last") -> dict[str, bytes]:
    folder = run / "checkpoints" / which
    return {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}


def log(run: Path) -> list[dict[str, Any]]:
    lines = (run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def finished(training_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 12 steps; tests leave it as it is."""
    run = tmp_path_factory.mktemp("finished") / "run"
    train(training_set, run, tiny("run.validate_steps=6"))
    return run


def test_a_run_leaves_checkpoints_and_logs(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    assert names == {".lock", "config.toml", "log.jsonl", "tensorboard", "checkpoints"}
    # What says who is at work is empty when nobody is.
    assert (finished / ".lock").read_bytes() == b""
    assert {path.name for path in (finished / "checkpoints").iterdir()} == {
        "last",
        "best-policy",
        "best-value",
    }
    assert Config.from_file(finished / "config.toml") == tiny("run.validate_steps=6")
    assert any((finished / "tensorboard").iterdir())
    kinds = [(line["kind"], line["step"]) for line in log(finished)]
    assert kinds == [
        ("start", 0),
        ("train", 4),
        ("validation", 6),
        ("train", 8),
        ("train", 12),
        ("validation", 12),
    ]
    start, *_, trained, validated = log(finished)
    assert start["n_weights"] > 1000
    assert start["data"]["n_train"] == start["n_train"] > 500
    assert 0 <= trained["policy_accuracy"] <= trained["policy_top5"] <= 1
    loaded = load(finished, "last")
    assert loaded.meta["measures"] == {
        name: validated[name] for name in loaded.meta["measures"]
    }
    assert loaded.meta["step"] == 12
    assert loaded.meta["samples"] == 12 * 64
    assert set(loaded.meta["versions"]) == {"maou", "torch", "python"}
    assert loaded.meta["data"]["manifest_xxh3"] == start["data"]["manifest_xxh3"]
    assert loaded.meta["data"]["inputs"]


def test_losses_fall(training_set: Path, tmp_path: Path) -> None:
    words = ["run.steps=60", "run.log_steps=10", "optimizer.lr=0.01"]
    train(training_set, tmp_path / "run", tiny(*words))
    losses = [e for e in log(tmp_path / "run") if e["kind"] == "train"]
    assert losses[-1]["policy_loss"] < losses[0]["policy_loss"] - 1
    assert losses[-1]["value_loss"] < losses[0]["value_loss"]


@pytest.mark.parametrize("words", WAYS)
@pytest.mark.parametrize("step", [3, 5, 7])
def test_a_resumed_run_is_the_uninterrupted_one(
    training_set: Path, tmp_path: Path, words: list[str], step: int
) -> None:
    """To the bit: weights, optimizer, mean, losses, in the middle of an epoch."""
    config = tiny(*words, "run.validate_steps=6")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(training_set, whole, config)
    with pytest.raises(KeyboardInterrupt, match="goes on") as caught:
        train(training_set, cut, config, progress=interrupt_after(step))
    assert f"saved after step {step} of 12" in str(caught.value)
    assert f"maou train --resume {cut}" in str(caught.value)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    torch.manual_seed(99)
    resume(cut)
    assert weights(cut) == weights(whole)
    for name in ("best-policy", "best-value"):
        assert weights(cut, name) == weights(whole, name)
    timeless = [
        {name: e[name] for name in ("step", "policy_loss", "value_loss")}
        for run in (whole, cut)
        for e in log(run)
        if e["kind"] == "validation"
    ]
    assert timeless[:2] == timeless[2:]


def test_a_killed_run_goes_on_from_its_last_checkpoint(
    training_set: Path, tmp_path: Path, finished: Path
) -> None:
    class Killed(BaseException):
        pass

    def kill(event: Mapping[str, Any]) -> None:
        if event["kind"] == "step" and event["step"] == 8:
            raise Killed

    run = tmp_path / "run"
    with pytest.raises(Killed):
        train(training_set, run, tiny("run.validate_steps=6"), progress=kill)
    assert json.loads((run / "checkpoints/last/meta.json").read_text())["step"] == 6
    # What the log has of step 8 is written again.
    with (run / "log.jsonl").open("a") as file:
        file.write('{"kind": "train", "step": 8}\n{"kind": "tra')
    resume(run)
    assert weights(run) == weights(finished)
    steps = [line["step"] for line in log(run) if line["kind"] != "start"]
    assert steps == [4, 6, 8, 12, 12]


def test_killed_between_two_renames(finished: Path, tmp_path: Path) -> None:
    """A folder cannot be replaced in one move: the old one stands in for it."""
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    (run / "checkpoints/last").rename(run / "checkpoints/.old-last")
    (run / "checkpoints/.new-1").mkdir()
    assert load(run, "last").meta["step"] == 12
    assert resume(run, words=("run.steps=13",)).step == 13
    assert load(run, "last").meta["step"] == 13


def test_more_epochs_can_follow(training_set: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ["run.steps=0", "data.batch_size=256", "run.save_steps=0"]
    train(training_set, run, tiny(*words, "optimizer.schedule=constant"))
    n_steps = load(run, "last").meta["step"]
    assert load(run, "last").meta["epoch"] == 1
    result = resume(run, words=("run.epochs=2",))
    assert result.step == 2 * n_steps
    whole = tmp_path / "whole"
    words += ["run.epochs=2", "optimizer.schedule=constant"]
    train(training_set, whole, tiny(*words))
    assert weights(run) == weights(whole)
    assert Config.from_file(run / "config.toml").run.epochs == 2


def test_best_checkpoints_are_those_of_the_lowest_losses(
    training_set: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    config = tiny("run.validate_steps=2", "run.steps=20", "optimizer.lr=0.3")
    train(training_set, run, config)
    validations = [line for line in log(run) if line["kind"] == "validation"]
    for name in ("policy", "value"):
        losses = {line["step"]: line[f"{name}_loss"] for line in validations}
        best = min(losses, key=lambda step: losses[step])
        meta = load(run, f"best-{name}").meta
        assert meta["step"] == best
        assert meta["measures"][f"{name}_loss"] == losses[best]
        assert meta["best"][name] == losses[best]


def test_the_mean_of_weights(training_set: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(training_set, run, tiny("run.ema=0.5", "run.steps=3"))
    mean, last = load(run, "last"), load(run, "last", ema=False)
    assert not mean.network.training
    name = "policy.weight"
    ours, theirs = mean.network.state_dict()[name], last.network.state_dict()[name]
    assert not torch.equal(ours, theirs)
    plain = tmp_path / "plain"
    with pytest.raises(KeyboardInterrupt):
        train(training_set, plain, tiny(), progress=interrupt_after(1))
    with pytest.raises(UsageError, match="no mean of weights"):
        load(plain, "last", ema=True)
    with pytest.raises(UsageError, match="needs a validation"):
        load(plain, "best-policy")


def test_accumulation_is_one_step(training_set: Path, tmp_path: Path) -> None:
    """The gradient of a step is that of all its parts; norms, which see one, aside."""
    gradients = []
    for parts in (1, 4):
        run = tmp_path / str(parts)
        words = [f"data.accumulation={parts}", "run.steps=1", "run.log_steps=1"]
        train(training_set, run, tiny(*words))
        gradients.append(next(e["gradient"] for e in log(run) if e["kind"] == "train"))
    assert gradients[0] == pytest.approx(gradients[1], rel=0.25)


@pytest.mark.parametrize("amp", ["bf16", "fp16"])
def test_half_precision(training_set: Path, tmp_path: Path, amp: str) -> None:
    run = tmp_path / "run"
    words = [f"run.amp={amp}", "run.steps=8", "run.log_steps=1"]
    with pytest.raises(KeyboardInterrupt):
        train(training_set, run, tiny(*words), progress=interrupt_after(4))
    scaler = load(run, "last").meta["scaler"]
    assert (scaler.get("scale", 0) > 1) == (amp == "fp16")
    resume(run)
    exact = tmp_path / "exact"
    train(training_set, exact, tiny(*words, "run.amp=off"))
    losses = [
        [e["policy_loss"] for e in log(path) if e["kind"] == "train"]
        for path in (run, exact)
    ]
    assert losses[0] == pytest.approx(losses[1], abs=0.05)
    assert load(run, "last").network.policy.weight.dtype == torch.float32


# What torch's compiler has to say of a Python is torch's business.
@pytest.mark.filterwarnings("ignore")
def test_a_compiled_network_is_saved_as_it_is(
    training_set: Path, tmp_path: Path
) -> None:
    train(training_set, tmp_path / "run", tiny("run.compile=true", "run.steps=2"))
    train(training_set, tmp_path / "plain", tiny("run.steps=2"))
    found = load(tmp_path / "run", "last").network.state_dict()
    plain = load(tmp_path / "plain", "last").network.state_dict()
    assert found.keys() == plain.keys()
    assert torch.allclose(found["value2.weight"], plain["value2.weight"], atol=1e-4)


def test_learning_rates_of_a_run(finished: Path) -> None:
    lrs = [line["lr"] for line in log(finished) if line["kind"] == "train"]
    config = tiny()
    assert lrs == [learning_rate(config, step, 12) for step in (3, 7, 11)]
    assert lrs[0] == pytest.approx(0.8e-3)


def test_numbers_that_are_none_stop_the_run(
    training_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    forward = Network.forward

    def poisoned(self: Network, *inputs: Any) -> Any:
        nonlocal calls
        calls += 1
        logits, value = forward(self, *inputs)
        return (logits * float("nan") if calls == 8 else logits), value

    monkeypatch.setattr(Network, "forward", poisoned)
    run = tmp_path / "run"
    with pytest.raises(TrainingError) as caught:
        train(training_set, run, tiny("run.validate_steps=100"))
    message = str(caught.value)
    assert "the loss or its gradient is no number on the rows" in message
    assert "and 56 more of the split `train`" in message
    assert "the last checkpoint is kept" in message
    rows = (run / "failed-rows-0.txt").read_text().split()
    assert len(set(rows)) == 64
    assert f"rows {', '.join(rows[:8])} and" in message
    assert load(run, "last").meta["step"] == 5
    monkeypatch.undo()
    assert resume(run).step == 12


def test_gradients_that_are_none_stop_the_run(
    training_set: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    words = ["optimizer.lr=1e38", "optimizer.kind=sgd", "optimizer.clip=0"]
    assert main(["train", str(training_set), "-o", str(run), *sets(*words)]) == 1
    assert not (run / "checkpoints/last").exists()
    # Nothing was saved: the folder may be used again.
    assert (run / "failed-rows-0.txt").exists()
    assert main(["train", str(training_set), "-o", str(run), *sets("run.steps=1")]) == 0
    assert not (run / "failed-rows-0.txt").exists()
    assert [line["kind"] for line in log(run)] == ["start", "train", "validation"]


def sets(*words: str) -> list[str]:
    return [part for word in [*TINY, *words] for part in ("--set", word)]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB"),
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_too_little_memory_names_the_knobs(
    error: Exception,
    training_set: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def forward(*_: Any) -> None:
        raise error

    monkeypatch.setattr(Network, "forward", forward)
    words = ["train", str(training_set), "-o", str(tmp_path / "run"), *sets()]
    assert main(words) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert message == (
        "maou train: out of memory on `cpu` with 64 positions at once: `--set"
        " data.accumulation=2` halves them and keeps the step, `--batch-size 32` halves"
        " both, `--amp bf16` needs about half for each"
    )


def test_other_errors_stay_errors(
    training_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forward(*_: Any) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(Network, "forward", forward)
    with pytest.raises(RuntimeError, match="shapes"):
        train(training_set, tmp_path / "run", tiny())


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["train", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    line: str = captured.err.splitlines()[-1]
    return line


def test_what_a_new_run_refuses(
    training_set: Path,
    finished: Path,
    dataset: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    new, data = str(tmp_path / "run"), str(training_set)
    assert refused([data, "-o", str(finished)], capsys) == (
        f"maou train: {finished}: expected a folder that is new or empty, found a run:"
        f" `maou train --resume {finished}` goes on with it, another name begins one"
    )
    assert refused([data, "-o", str(dataset)], capsys) == (
        f"maou train: {dataset}: expected a folder that is new or empty, found"
        " something else: name another one"
    )
    assert refused([str(finished), "-o", new], capsys) == (
        f"maou train: {finished}: expected a training set, that is, a folder with"
        " manifest.json, found a run of `maou train`: name the training set that it"
        " learns from"
    )
    assert "`maou prepare" in refused([str(dataset), "-o", new], capsys)
    assert "no-such-folder" in refused([f"{data}/no-such-folder", "-o", new], capsys)
    assert refused(["-o", new], capsys) == (
        "maou train: expected a TRAIN to learn from, or --resume RUN"
    )
    words = [data, "-o", new, "--batch-size", "10", "--set", "data.accumulation=4"]
    assert refused(words, capsys) == (
        "maou train: `data.batch_size`: expected a multiple of 4 (processes times"
        " `data.accumulation`), found `10`"
    )
    words = [data, "-o", new, "--init", str(finished), "--model", "2x8"]
    assert refused(words, capsys) == (
        f"maou train: `model.size`: {finished} is 1x8, found 2x8: add `--set"
        " model.size=1x8`"
    )
    words = [data, "-o", new, "--init", str(finished), "--model", "1x8"]
    assert refused([*words, "--classes", "1496"], capsys) == (
        f"maou train: `model.classes`: the label scheme of {finished} is 2187, found"
        " 1496: add `--set model.classes=2187`"
    )
    assert "`--device cpu` does without" in refused(
        [data, "-o", new, "--device", "cuda:77"], capsys
    )
    assert not Path(new).exists()


def test_what_a_resumed_run_refuses(
    training_set: Path,
    other_training_set: Path,
    finished: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = str(finished)
    assert refused(["--resume", run, "--classes", "1496"], capsys) == (
        f"maou train: `model.classes`: the label scheme of {run} is 2187, found 1496:"
        f" resume without it, or begin a new run with `maou train TRAIN -o RUN --init"
        f" {run}`"
    )
    message = refused([str(other_training_set), "--resume", run], capsys)
    assert f"expected the data that {run} learns from" in message
    assert f"`maou train {other_training_set} -o RUN --init {run}`" in message
    assert "expected a run of `maou train`, found no such folder" in refused(
        ["--resume", str(tmp_path / "nothing")], capsys
    )
    assert refused(["--resume", str(training_set)], capsys) == (
        f"maou train: {training_set}: expected a run of `maou train`, found something"
        " else: `maou train TRAIN -o RUN` makes one"
    )
    assert "--config: a resumed run has its options" in refused(
        ["--resume", run, "--config", "x.toml"], capsys
    )
    moved = tmp_path / "moved"
    shutil.copytree(training_set, moved)
    assert main(["train", str(moved), "--resume", run]) == 0
    # It is at its end already.
    assert "all done: `--set run.steps=24` goes on" in capsys.readouterr().err


def test_a_training_set_that_is_gone(
    training_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(training_set, data)
    train(data, run, tiny("run.steps=1"))
    shutil.rmtree(data)
    assert refused(["--resume", str(run)], capsys) == (
        f"maou train: {data}: no such training set: `maou train TRAIN --resume {run}`"
        " names where it is by now"
    )


@pytest.mark.parametrize(
    "name", ["meta.json", "model.safetensors", "state.safetensors"]
)
def test_a_damaged_checkpoint_is_named(
    finished: Path, tmp_path: Path, name: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    path = run / "checkpoints/last" / name
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DatasetError, match="damaged") as caught:
        resume(run, words=("run.steps=20",))
    assert str(path) in str(caught.value)
    assert "rename it to `last`), or train again" in str(caught.value)
    # As it is said, it works.
    shutil.rmtree(run / "checkpoints/last")
    (run / "checkpoints/best-policy").rename(run / "checkpoints/last")
    assert resume(run, words=("run.steps=20",)).step == 20


def test_a_checkpoint_of_a_later_version_is_named(
    finished: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    path = run / "checkpoints/last/meta.json"
    meta = json.loads(path.read_text(encoding="utf-8"))
    assert meta["format"] == checkpoints.FORMAT == 1
    path.write_text(json.dumps(meta | {"format": 2}), encoding="utf-8")
    message = r"expected format 1 of chec.*found `2`: update maou"
    with pytest.raises(DatasetError, match=message):
        load(run, "last")


def test_weights_of_another_run_begin_a_new_one(
    training_set: Path, finished: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    words = ["run.steps=1", "optimizer.lr=0"]
    train(training_set, run, tiny(*words), init=finished)
    before = load(finished, "last").network.state_dict()
    after = load(run, "last").network.state_dict()
    for name in ("policy.weight", "value1.weight", "stem.conv.weight"):
        assert torch.equal(before[name], after[name])


def test_the_command_line(
    training_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    words = ["train", str(training_set), "-o", str(run), "--model", "1x8", "--json"]
    assert main([*words, *sets("run.steps=4")]) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert report["kind"] == "train"
    assert report["step"] == 4
    assert 0 < report["policy_loss"] < 10
    lines = captured.err.splitlines()
    assert lines[0].startswith("model   1x8, compact, 2187 labels: ")
    assert any("positions/s" in line and "policy top-1" in line for line in lines)
    assert main(["train", "--resume", str(run), "--set", "run.steps=5"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "steps           5"
    assert main(["info", str(run)]) == 2
    assert capsys.readouterr().err == (
        f"maou info: {run}: expected a dataset or a training set, found a run of `maou"
        f" train`: `maou evaluate {run} DATA` measures it, its options are in"
        f" {run / 'config.toml'}\n"
    )


def test_ctrl_c_on_the_command_line(training_set: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = [*sets("run.steps=100000"), "--set", "run.log_steps=1"]
    command = [sys.executable, "-m", "maou", "train", str(training_set)]
    with subprocess.Popen(
        [*command, "-o", str(run), *words], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if " train " in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert rest.splitlines()[-1].endswith(f"`maou train --resume {run}` goes on")
    assert "Traceback" not in rest
    assert load(run, "last").meta["step"] >= 1


def begun(data: Path, run: Path, *words: str) -> subprocess.Popen[str]:
    """Another process that trains, from when its first step is done and saved."""
    words = tuple(sets("run.steps=100000", "run.log_steps=1", *words))
    command = [sys.executable, "-m", "maou", "train", str(data), "-o", str(run), *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("       2  train "):
            break
    return process


@pytest.mark.parametrize("saves", [True, False])
def test_one_process_at_a_time(
    training_set: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    saves: bool,
) -> None:
    run = tmp_path / "run"
    words = [f"run.save_steps={int(saves)}", "run.validate_steps=100000"]
    with begun(training_set, run, *words) as process:
        before = [line["step"] for line in log(run)]
        again = [str(training_set), "-o", str(run), *sets()]
        message = refused(["--resume", str(run)] if saves else again, capsys)
        process.kill()
    assert message == (
        f"maou train: {run}: process {process.pid} is writing into this run; wait until"
        " it has finished"
    )
    # Its log is as it was: nothing was begun anew.
    assert [line["step"] for line in log(run)][: len(before)] == before
    # A process that was killed holds nothing.
    if saves:
        step = load(run, "last").meta["step"]
        assert resume(run, words=(f"run.steps={step + 1}",)).step == step + 1
    else:
        assert main(["train", *again]) == 0


def test_ctrl_c_again_stops_at_once(training_set: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    # Steps that take long enough to be interrupted twice.
    words = ["data.batch_size=2048", "model.size=4x64", "run.save_steps=1"]
    with begun(training_set, run, *words, "run.validate_steps=100000") as process:
        assert process.stderr is not None
        process.send_signal(signal.SIGINT)
        for line in process.stderr:
            if line.startswith("saving after this step; Ctrl-C again stops at once"):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
    assert process.returncode == 130
    step = load(run, "last").meta["step"]
    assert rest == (
        f"interrupted: `maou train --resume {run}` goes on from step {step}, which is"
        " saved\n"
    )


LIMITED = """
import resource, sys
from maou.cli import main
# Python ignores the signal: writing beyond it is an error like that of a full disk.
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
sys.exit(main(sys.argv[1:]))
"""


def test_a_file_that_cannot_be_written_is_named(
    training_set: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    train(training_set, run, tiny("run.steps=1"))
    before = weights(run)
    assert max(map(len, before.values())) > 60_000
    words = ["train", "--resume", str(run), "--set", "run.steps=3"]
    command = [sys.executable, "-c", LIMITED, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    message = done.stderr.splitlines()[-1]
    assert message.startswith(f"maou train: {run}/checkpoints/.new-")
    assert message.endswith(".safetensors: file too large")
    # The old checkpoints are as they were, and nothing is left in the way.
    assert weights(run) == before
    assert not [path for path in (run / "checkpoints").iterdir() if path.name[0] == "."]
    assert resume(run, words=("run.steps=3",)).step == 3


def test_weights_that_are_no_numbers_are_refused(
    training_set: Path, finished: Path, tmp_path: Path, dataset: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    for path in run.glob("checkpoints/*/model.safetensors"):
        tensors = load_file(str(path))
        tensors["policy.weight"].view(-1)[7] = math.nan
        save_file(tensors, str(path))
    message = "found NaN or infinity in `policy.weight`: another checkpoint of the run"
    for ask in (
        lambda: evaluate(run, dataset, limit=9),
        lambda: export_onnx(run, tmp_path / "m.onnx"),
        lambda: resume(run, words=("run.steps=20",)),
        lambda: train(training_set, tmp_path / "new", tiny(), init=run),
    ):
        with pytest.raises(DatasetError, match=message):
            ask()
    assert not (tmp_path / "new").exists()


def test_without_torch_the_command_names_the_extra(training_set: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from maou.cli import main;"
        f"sys.exit(main(['train', {str(training_set)!r}, '-o', 'run']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("maou train: needs torch: `uv sync --extra cpu` in")


WORKER = """
import hashlib, json, os, sys
import torch
from maou.train import Config, resume, train
torch.set_num_threads(1)
data, run, *words = sys.argv[1:]
found = []
for result in (
    lambda: train(data, run, Config.from_words(words)),
    lambda: resume(run, words=("run.steps=8",)),
):
    result = result()
    digest = hashlib.sha256()
    for parameter in result.network.parameters():
        digest.update(parameter.detach().numpy().tobytes())
    found.append([result.step, digest.hexdigest(), result.measures])
rank = os.environ["RANK"]
open(f"{run}/rank-{rank}.json", "w").write(json.dumps(found))
"""


def test_two_processes_learn_the_same(training_set: Path, tmp_path: Path) -> None:
    script, run = tmp_path / "worker.py", tmp_path / "run"
    script.write_text(WORKER, encoding="utf-8")
    words = [*TINY, "data.accumulation=2", "run.steps=6", "run.validate_steps=3"]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, "--standalone", str(script), str(training_set), str(run), *words],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    first, second = (
        json.loads((run / f"rank-{rank}.json").read_text()) for rank in (0, 1)
    )
    assert first == second
    assert [step for step, *_ in first] == [6, 8]
    start = log(run)[0]
    assert (start["world_size"], start["part_size"]) == (2, 16)

    # Over both processes every row of the split is measured once, padding not at all.
    network, config, meta = load(run, "last")
    alone = Ranks(0, 1, torch.device("cpu"))
    config = replace(config, data=replace(config.data, batch_size=7, accumulation=1))
    task = Task(alone, run, config, TrainingSet(training_set), meta["data"], None)
    assert validate(task, network) == pytest.approx(first[-1][-1], rel=1e-5)

    # One process may go on: it takes as many rows a step.
    assert resume(run, words=("run.steps=9",)).step == 9
