"""`maou evaluate` with runs: which weights, and what they were trained on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import onnxruntime
import pytest
import torch
from maou_rust import maou_io
from onnx_models import linear_model
from runs import LINEAGE, make_run

import maou
from maou.cli import main
from maou.evaluation import evaluate
from maou.train.network import Network

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.torch


def prepared(dataset: Path, out: Path) -> Path:
    maou_io.prepare(
        [(dataset, 1.0, None)], out, memory=100_000_000, validation_per_10000=3333
    )
    return out


def lineage_of(training_set: Path) -> dict[str, object]:
    found = maou.TrainingSet(training_set).info()["manifest_xxh3"]
    return {**LINEAGE, "path": str(training_set), "manifest_xxh3": found}


def test_positions_of_the_runs_training_set_are_told(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training_set = prepared(dataset, tmp_path / "train")
    run = make_run(tmp_path / "run", lineage=lineage_of(training_set))
    words = ["evaluate", str(run), str(dataset), "--resamples", "0", "--limit", "400"]
    assert main([*words, "--json"]) == 0
    told = capsys.readouterr()
    seen = json.loads(told.out)["seen"]
    assert seen["training_set"] == str(training_set)
    assert 0 < seen["n"] <= seen["n_looked_up"] == 400
    assert told.err.startswith(
        f"warning: {seen['n']} of 400 positions ({seen['share']:.1%}) are in the"
        f" training set {training_set}: "
    )
    assert main([*words, "--unseen"]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert "400 positions" in told.out


def test_a_training_set_that_is_gone_or_another_is_not_looked_into(
    dataset: Path, tmp_path: Path
) -> None:
    training_set = prepared(dataset, tmp_path / "train")
    lineage = lineage_of(training_set)
    other = {**lineage, "manifest_xxh3": "0" * 16}
    gone = {**lineage, "path": str(tmp_path / "gone")}
    for number, wrong in enumerate((other, gone)):
        run = make_run(tmp_path / f"run{number}", lineage=wrong)
        found = evaluate(run, dataset, limit=100, n_resamples=0, device="cpu")
        assert found.seen is None
        assert "not looked up" in str(found)
    named = evaluate(
        run, dataset, limit=100, n_resamples=0, training_set=training_set, device="cpu"
    )
    assert named.seen is not None


def test_weights_are_those_that_are_asked_for(dataset: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", ema=True, names=("last", "best-policy"))

    def entropy(**which: object) -> float:
        found = evaluate(run, dataset, limit=50, device="cpu", **which)  # type: ignore[arg-type]
        score = found.scores["policy_cross_entropy"]
        assert score is not None
        return score.value

    assert entropy() == entropy(checkpoint="best-policy", ema=True)
    figures = {
        entropy(checkpoint=checkpoint, ema=ema)
        for checkpoint in ("last", "best-policy")
        for ema in (True, False)
    }
    assert len(figures) == 4


def test_model_and_data_in_the_other_order(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "run")
    training_set = prepared(dataset, tmp_path / "train")
    linear_model(tmp_path / "m.onnx")
    (tmp_path / "a.hcpe").write_bytes(b"")

    def told(model: Path, data: Path) -> str:
        assert main(["evaluate", str(model), str(data)]) == 2
        return capsys.readouterr().err

    for model in (run, tmp_path / "m.onnx"):
        for data in (dataset, training_set, tmp_path / "a.hcpe"):
            assert told(data, model) == (
                f"maou evaluate: {data}: expected the model first and the data behind"
                f" it: `maou evaluate {model} {data}`\n"
            )
    assert "found a dataset: `maou evaluate RUN DATA`" in told(dataset, training_set)
    assert "found a training set: `maou ev" in told(training_set, dataset)
    assert "found a run of `maou train`: `maou evaluate RUN DATA`" in told(run, run)


def test_a_gpu_that_is_not_there(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "run")
    words = ["evaluate", str(run), str(dataset), "--device", "cuda:99"]
    assert main(words) == 2
    told = capsys.readouterr().err
    assert "device `cuda:99`: expected a GPU" in told
    assert told.endswith(
        "`maou doctor` says what is there, `--device cpu` does without\n"
    )


@pytest.mark.parametrize("kind", ["run", "onnx"])
def test_too_little_memory_names_the_knob(
    kind: str,
    dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if kind == "run":
        path = make_run(tmp_path / "run")
        raised: Exception = torch.OutOfMemoryError("CUDA out of memory. Tried to all")
        owner: Any = Network
        name = "forward"
    else:
        path = tmp_path / "m.onnx"
        linear_model(path)
        # As of a GPU: "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : …".
        state = onnxruntime.capi.onnxruntime_pybind11_state
        raised = state.RuntimeException(
            "Failed to allocate memory for requested buffer"
        )
        owner, name = onnxruntime.InferenceSession, "run"
    ask = getattr(owner, name)

    def run(self: Any, *arguments: Any) -> Any:
        n = len(next(iter(arguments[1].values())) if kind == "onnx" else arguments[0])
        if n > 300:
            raise raised
        return ask(self, *arguments)

    monkeypatch.setattr(owner, name, run)
    words = ["evaluate", str(path), str(dataset), "--limit", "400", "--device", "cpu"]
    assert main([*words, "--batch-size", "400"]) == 2
    assert capsys.readouterr().err == (
        f"maou evaluate: {path}: out of memory with 400 positions at once:"
        " `--batch-size 200` needs half, `--device cpu` none of a GPU\n"
    )
    assert main([*words, "--batch-size", "200"]) == 0


def test_without_torch_the_command_names_the_extra(
    dataset: Path, tmp_path: Path, python_run: Callable[[str], str]
) -> None:
    run = make_run(tmp_path / "run")
    code = (
        "import sys; sys.modules['torch'] = None; sys.stderr = sys.stdout;"
        " from maou.cli import main;"
        f" print(main(['evaluate', {str(run)!r}, {str(dataset)!r}]))"
    )
    message, status = python_run(code).splitlines()
    assert status == "2"
    assert message.startswith("maou evaluate: needs torch: `uv sync --extra cpu` in a")
