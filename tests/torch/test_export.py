"""`maou export`: what is written equals torch, and says what it is."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from runs import make_run

import maou
from maou import export
from maou.cli import main
from maou.evaluation import evaluate
from maou.export import export_onnx
from maou.train import load

if TYPE_CHECKING:
    from collections.abc import Callable

    Maou = Callable[..., Any]

pytestmark = pytest.mark.torch
DLSHOGI = "model.features=dlshogi"
ROOT = Path(__file__).resolve().parents[2]


def positions_of(dataset: Path) -> maou.PositionArray:
    return maou.PositionArray.from_games(maou.Dataset(dataset).games).positions


def by_torch(run: Path, positions: maou.PositionArray, **which: Any) -> tuple[Any, Any]:
    loaded = load(run, **which)
    arrays = positions.features(cast("Any", loaded.config.model.features))
    with torch.inference_mode():
        policy, logit = loaded.network(*map(torch.from_numpy, arrays))
    return policy.numpy(), torch.sigmoid(logit).numpy()


def by_onnxruntime(path: Path, positions: maou.PositionArray) -> tuple[Any, Any]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    features = "compact" if names == ["board", "hand"] else "dlshogi"
    arrays = positions.features(cast("Any", features))
    policy, value = session.run(None, dict(zip(names, arrays, strict=True)))
    return policy, value


def axes(values: Any) -> dict[str, tuple[str, list[Any]]]:
    return {
        value.name: (
            onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type),
            [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim],
        )
        for value in values
    }


PLANES = {
    "input1": ("FLOAT", ["batch", 62, 9, 9]),
    "input2": ("FLOAT", ["batch", 57, 9, 9]),
}
COMPACT = {"board": ("UINT8", ["batch", 81]), "hand": ("UINT8", ["batch", 14])}


@pytest.mark.parametrize("fp16", [False, True])
@pytest.mark.parametrize(
    ("words", "name", "inputs", "outputs"),
    [
        ((), "maou", COMPACT, {"policy": [2187], "value": []}),
        (("model.classes=1496",), "maou", COMPACT, {"policy": [1496], "value": []}),
        ((DLSHOGI,), "maou", PLANES, {"policy": [2187], "value": []}),
        (
            (DLSHOGI,),
            "dlshogi",
            PLANES,
            {"output_policy": [2187], "output_value": [1]},
        ),
    ],
)
def test_onnxruntime_says_what_torch_says(
    words: tuple[str, ...],
    name: Any,
    inputs: Any,
    outputs: dict[str, list[int]],
    fp16: bool,
    dataset: Path,
    tmp_path: Path,
) -> None:
    run = make_run(tmp_path / "run", *words)
    path = tmp_path / "model.onnx"
    found = export_onnx(run, path, format=name, fp16=fp16)
    assert (found.path, found.opset, found.n_compared) == (path, 17, 256)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.onnx", "run"]
    model = onnx.load(str(path))
    assert axes(model.graph.input) == inputs
    assert axes(model.graph.output) == {
        key: ("FLOAT", ["batch", *rest]) for key, rest in outputs.items()
    }
    halves = [t.data_type == onnx.TensorProto.FLOAT16 for t in model.graph.initializer]
    assert any(halves) == fp16
    # Positions that the command has not compared with.
    positions = positions_of(dataset)[:100]
    policy, value = by_torch(run, positions)
    found_policy, found_value = by_onnxruntime(path, positions)
    limit = 1e-2 if fp16 else 1e-4
    assert np.abs(policy).max() > 1
    assert np.abs(found_policy - policy).max() < limit
    assert np.abs(found_value.reshape(-1) - value).max() < limit
    assert value.std() > 0.01


def test_it_says_what_it_is_and_nothing_of_the_machine(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", "loss.eval_scale_cp=512")
    export_onnx(run, tmp_path / "a.onnx")
    export_onnx(run, tmp_path / "b.onnx")
    data = (tmp_path / "a.onnx").read_bytes()
    assert data == (tmp_path / "b.onnx").read_bytes()
    assert str(tmp_path).encode() not in data
    assert b".py" not in data
    model = onnx.load_from_string(data)
    told = {one.key: one.value for one in model.metadata_props}
    lineage = json.loads(told.pop("lineage"))
    config = told.pop("config")
    assert told == {
        "maou_version": maou.__version__,
        "format": "maou",
        "precision": "fp32",
        "features": "compact",
        "classes": "2187",
        "eval_scale_cp": "512.0",
    }
    assert lineage["path"] == "train"
    assert lineage["manifest_xxh3"] == "0" * 16
    assert "eval_scale_cp = 512.0" in config
    assert (model.producer_name, model.opset_import[0].version) == ("maou", 17)


def test_a_run_and_its_model_are_equally_good(dataset: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    export_onnx(run, tmp_path / "m.onnx")
    one = evaluate(run, dataset, limit=500, device="cpu", threads=1)
    other = evaluate(tmp_path / "m.onnx", dataset, limit=500, device="cpu", threads=1)
    for name, found in one.scores.items():
        assert found is not None
        assert other.scores[name] == pytest.approx(found, abs=1e-4)
    assert one.model["checkpoint"] == "best-policy"
    assert one.model["ema"] is False
    assert "(best-policy, weights as trained, compact features" in str(one)


def test_weights_are_those_that_are_asked_for(dataset: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", ema=True, names=("last", "best-policy"))
    positions = positions_of(dataset)[:5]
    policies = []
    for checkpoint, ema in (("last", True), ("last", False), ("best-policy", None)):
        path = tmp_path / "m.onnx"
        export_onnx(run, path, checkpoint=checkpoint, ema=ema, force=True)  # type: ignore[arg-type]
        found, _ = by_onnxruntime(path, positions)
        wanted, _ = by_torch(run, positions, which=checkpoint, ema=ema)
        assert np.abs(found - wanted).max() < 1e-4
        policies.append(found)
    assert np.abs(policies[0] - policies[1]).max() > 0.01
    assert np.abs(policies[0] - policies[2]).max() > 0.01


def test_without_a_validation_the_last_is_meant(dataset: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", names=("last",))
    positions = positions_of(dataset)[:5]
    export_onnx(run, tmp_path / "m.onnx")
    wanted, _ = by_torch(run, positions, which="last")
    assert (
        np.abs(by_onnxruntime(tmp_path / "m.onnx", positions)[0] - wanted).max() < 1e-4
    )
    found = evaluate(run, dataset, limit=10, device="cpu")
    assert found.model["checkpoint"] == "last"


def test_a_difference_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path / "run")
    from maou import _torch_to_onnx

    honest = _torch_to_onnx.outputs_of

    def shifted(idx: int, by: float) -> Any:
        def outputs(*arguments: Any) -> Any:
            found = [array.copy() for array in honest(*arguments)]
            found[idx][7] += by
            return tuple(found)

        return outputs

    for idx, by, name in (
        (0, 0.01, "policy"),
        (1, 2e-4, "value"),
        (1, np.nan, "value"),
    ):
        monkeypatch.setattr(_torch_to_onnx, "outputs_of", shifted(idx, by))
        with pytest.raises(maou.DatasetError, match=f"expected {name} of onnxruntime"):
            export_onnx(run, tmp_path / "m.onnx")
        assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_the_command(
    tmp_path: Path, maou_run: Maou, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "run")
    words = ["export", str(run), "-o", str(tmp_path / "m.onnx")]
    # The real command, where warnings are errors.
    done = maou_run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert lines["format"] == "maou, ONNX opset 17, float32"
    assert lines["inputs"] == "board, hand"
    assert lines["checked"].startswith("onnxruntime against torch on 256 positions: ")
    assert main([*words, "--json"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "is there already; `--force` replaces it" in told.err
    assert main([*words, "--json", "--force"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["precision"]) == ("export", "fp32")
    assert found["size_bytes"] == (tmp_path / "m.onnx").stat().st_size
    assert found["policy_difference"] < 1e-5


def test_what_cannot_be_exported(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "run")
    narrow = make_run(tmp_path / "narrow", DLSHOGI, "model.classes=1496")

    def refused(*words: str | Path) -> str:
        assert main(["export", *map(str, words)]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.count("\n") == 1
        assert not (tmp_path / "m.onnx").exists()
        return told.err

    out = ("-o", tmp_path / "m.onnx")
    message = refused(run, *out, "--format", "dlshogi")
    assert "found compact features and 2187 labels; `--format maou` writes" in message
    assert "`maou train --features dlshogi` trains one that fits" in message
    assert "found dlshogi features and 1496 labels" in refused(
        narrow, *out, "--format", "dlshogi"
    )
    assert "something else: `maou train TRAIN -o RUN` makes" in refused(dataset, *out)
    nothing = tmp_path / "none"
    assert f"`maou train TRAIN -o {nothing}` makes one" in refused(nothing, *out)
    assert "no checkpoint `best-value`" in refused(
        run, *out, "--checkpoint", "best-value"
    )
    assert "no mean of weights" in refused(run, *out, "--ema")
    assert "found a folder" in refused(run, "-o", tmp_path)
    assert "expected a folder to write to" in refused(run, "-o", tmp_path / "x/m.onnx")
    with pytest.raises(maou.UsageError, match="found `other`"):
        export_onnx(run, tmp_path / "m.onnx", format="other")  # type: ignore[arg-type]


@pytest.mark.parametrize("missing", ["torch", "onnx", "onnxruntime"])
def test_a_library_that_is_missing_names_the_extra(
    missing: str, tmp_path: Path, python_run: Callable[[str], str]
) -> None:
    words = ["export", str(tmp_path), "-o", str(tmp_path / "m.onnx")]
    code = f"""
import sys
sys.modules[{missing!r}] = None
sys.stderr = sys.stdout
from maou.cli import main
print(main({words!r}))
"""
    message, status = python_run(code).splitlines()
    assert status == "2"
    assert message.startswith(f"maou export: needs {missing}: `uv sync --extra cpu`")


@pytest.mark.parametrize("page", ["evaluate", "export"])
def test_snippets_of_the_pages_run(
    page: str, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / f"docs/commands/{page}.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"(?ms)^```py\n(.*?)^```", text)
    make_run(tmp_path / "runs/a", DLSHOGI)
    shutil.copytree(dataset, tmp_path / "dataset")
    monkeypatch.chdir(tmp_path)
    exec(compile(block, page, "exec"), {})
    assert (tmp_path / "model.onnx").exists() == (page == "export")


def test_positions_to_compare_with_are_of_all_kinds() -> None:
    positions = export.sample_positions(256)
    assert len(positions) == 256
    assert positions.in_check().any()
    assert set(positions.turns().tolist()) == {0, 1}
    assert len(set(positions.keys().tolist())) > 230
