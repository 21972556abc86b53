"""`maou evaluate` with ONNX models: of maou's inputs, of dlshogi's, and of others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from onnx_models import linear_model

import maou
from maou.cli import main
from maou.evaluation import evaluate
from maou.evaluation._models import open_onnx

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from onnx_models import Weights

    Maou = Callable[..., Any]

pytestmark = pytest.mark.torch


def positions_of(dataset: Path, n: int) -> maou.PositionArray:
    games = maou.Dataset(dataset).games
    return maou.PositionArray.from_games(games).positions[:n]


def expected(weights: Weights, inputs: Any) -> tuple[Any, Any]:
    """What a linear model says, computed by NumPy."""
    policy, value = np.float64(0), np.float64(weights.bias)
    for array, to_policy, to_value in zip(
        inputs, weights.policy, weights.value, strict=True
    ):
        flat = array.reshape(len(array), -1).astype(np.float64)
        policy = policy + flat @ to_policy
        value = value + (flat @ to_value)[:, 0]
    return policy, 1 / (1 + np.exp(-value))


@pytest.mark.parametrize("batch", ["batch", 1, 7])
@pytest.mark.parametrize("classes", [2187, 1496])
@pytest.mark.parametrize("features", ["compact", "dlshogi"])
def test_a_model_is_asked_what_it_is_made_for(
    features: Any, classes: int, batch: str | int, dataset: Path, tmp_path: Path
) -> None:
    weights = linear_model(tmp_path / "m.onnx", features, classes=classes, batch=batch)
    model = open_onnx(tmp_path / "m.onnx", "cpu", 1)
    assert (model.features, model.classes) == (features, classes)
    inputs = positions_of(dataset, 20).features(features)
    policy, value = model.predict((inputs[0], inputs[1]))
    wanted_policy, wanted_value = expected(weights, inputs)
    assert policy.shape == (20, classes)
    assert value.shape == (20,)
    assert np.abs(policy - wanted_policy).max() < 1e-3
    assert np.abs(value - wanted_value).max() < 1e-5


def test_inputs_of_any_name_and_order_and_of_float16(
    dataset: Path, tmp_path: Path
) -> None:
    shapes = {"hands": (57, 9, 9), "squares": (62, 9, 9)}
    weights = linear_model(
        tmp_path / "m.onnx", "dlshogi", float16=True, shapes=shapes, outputs=("a", "b")
    )
    inputs = positions_of(dataset, 20).features("dlshogi")
    model = open_onnx(tmp_path / "m.onnx", "cpu", 1)
    policy, value = model.predict((inputs[0], inputs[1]))
    wanted_policy, wanted_value = expected(weights, inputs[::-1])
    assert policy.dtype == value.dtype == np.dtype(np.float32)
    assert np.abs(policy - wanted_policy).max() < 1e-2
    assert np.abs(value - wanted_value).max() < 1e-3


def test_top1_is_that_of_numpy(dataset: Path, tmp_path: Path) -> None:
    weights = linear_model(tmp_path / "m.onnx", scale=0.02)
    replayed = maou.PositionArray.from_games(maou.Dataset(dataset).games)
    policy, _ = expected(weights, replayed.positions.features("compact"))
    legal = replayed.positions.legal_masks()
    labels = replayed.positions.labels(replayed.moves)
    best = np.where(legal, policy, -np.inf).argmax(axis=1)
    found = evaluate(tmp_path / "m.onnx", dataset, legal=True, device="cpu")
    top1 = found.scores["top1"]
    assert top1 is not None
    assert top1.value == pytest.approx((best == labels).mean(), abs=2e-4)
    assert top1.value > 0.01


def test_the_command_prints_and_draws_what_python_has(
    dataset: Path, tmp_path: Path, maou_run: Maou
) -> None:
    linear_model(tmp_path / "m.onnx", "dlshogi")
    words = ["evaluate", tmp_path / "m.onnx", dataset, "--resamples", "50"]
    done = maou_run(*words, "--limit", "300", "--plots", tmp_path / "pics")
    assert done.returncode == 0, done.stderr
    found = evaluate(tmp_path / "m.onnx", dataset, n_resamples=50, limit=300)
    assert done.stdout == f"{found}\n"
    rows = [line.split("  ")[0] for line in done.stdout.splitlines()]
    assert rows[:4] == ["model", "data", "measured", "seen"]
    assert {"top-1", "Brier score", "calibration error (ECE)"} <= set(rows)
    names = ("reliability", "by-ply", "by-rating")
    files = {f"{name}.{form}" for name in names for form in ("png", "svg")}
    first = {p.name: p.read_bytes() for p in (tmp_path / "pics").iterdir()}
    assert first.keys() == files
    assert first["by-ply.png"][:4] == b"\x89PNG"
    assert done.stderr.count("wrote ") == 6
    again = {p.name: p.read_bytes() for p in found.save_pictures(tmp_path / "pics")}
    assert again == first


def test_json_holds_everything(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    linear_model(tmp_path / "m.onnx", "dlshogi")
    words = ["evaluate", str(tmp_path / "m.onnx"), str(dataset), "--resamples", "50"]
    assert main([*words, "--limit", "300", "--json", "--ply", "10.."]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    found = json.loads(told.out)
    again = evaluate(
        tmp_path / "m.onnx", dataset, n_resamples=50, limit=300, ply=(10, None)
    )
    assert found == json.loads(json.dumps(again.to_dict()))
    assert list(found) == [
        "kind", "model", "data", "options", "n_positions", "seen", "metrics", "by_ply",
        "by_rating", "reliability",
    ]  # fmt: skip
    assert list(found["metrics"]) == [
        "top1", "top5", "policy_cross_entropy", "value_accuracy", "brier",
        "calibration_error",
    ]  # fmt: skip
    for metric in found["metrics"].values():
        assert metric["low"] <= metric["value"] <= metric["high"]


def test_pictures_for_notebooks(dataset: Path, tmp_path: Path) -> None:
    linear_model(tmp_path / "m.onnx")
    found = evaluate(tmp_path / "m.onnx", dataset, limit=200, n_resamples=0)
    picture = found.picture("reliability")
    assert picture._repr_svg_().startswith("<?xml")
    with pytest.raises(ValueError, match="found `other`"):
        found.picture("other")  # type: ignore[arg-type]
    hcpe = tmp_path / "a.hcpe"
    from maou_rust import maou_io

    maou_io.export(dataset, hcpe, format="hcpe", missing_eval=0)
    bare = evaluate(tmp_path / "m.onnx", hcpe, limit=50)
    with pytest.raises(ValueError, match="nothing was measured that `by-ply` shows"):
        bare.picture("by-ply")
    assert len(bare.save_pictures(tmp_path / "pics")) == 2


def test_models_that_do_not_fit_are_refused(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.onnx"

    def refused(*words: str) -> str:
        assert main(["evaluate", str(path), str(dataset), *words]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.startswith("maou evaluate: ")
        assert told.err.count("\n") == 1
        return told.err

    assert "expected a run folder or an ONNX model, found nothing" in refused()
    path.write_bytes(b"no model")
    assert "m.onnx: expected a run folder or an ONNX model, found some" in refused()
    wide = {"input1": (119, 9, 9), "input2": (57, 9, 9)}
    linear_model(path, "dlshogi", shapes=wide)
    assert "found `input1` (float) batch×119×9×9" in refused()
    assert "`119` and `57` planes are of a variant" in refused()
    linear_model(path, "compact", shapes={"x": (14,), "y": (80,)})
    assert "expected the inputs board N×81 and hand N×14 of maou" in refused()
    linear_model(path, classes=1234)
    assert "expected a policy of 2187 or 1496 labels, found `1234`" in refused()
    linear_model(path, sigmoid=False, scale=1)
    assert "expected values from 0 to 1, after a sigmoid, found `" in refused()
    linear_model(path)
    told = refused("--device", "cuda")
    assert "`cuda`: the onnxruntime that is installed knows no CUDA: the extra" in told
    assert "`--device cpu` does without" in told
    assert "device `mps`: expected `cpu` or `cuda`" in refused("--device", "mps")
    path = dataset
    assert "expected a run folder or an ONNX model, found a dataset" in refused()
    path = tmp_path
    assert "expected a run of `maou train`, found something else" in refused()


@pytest.mark.parametrize("missing", ["onnxruntime", "matplotlib"])
def test_a_library_that_is_missing_names_the_extra(
    missing: str, dataset: Path, tmp_path: Path, python_run: Callable[[str], str]
) -> None:
    linear_model(tmp_path / "m.onnx")
    words = ["evaluate", str(tmp_path / "m.onnx"), str(dataset)]
    words += ["--plots", str(tmp_path / "pics")]
    code = f"""
import sys
sys.modules[{missing!r}] = None
sys.stderr = sys.stdout
from maou.cli import main
print(main({words!r}))
"""
    message, status = python_run(code).splitlines()
    assert status == "2"
    assert message.startswith(f"maou evaluate: needs {missing}: `uv sync --extra cpu`")
    assert not (tmp_path / "pics").exists()
