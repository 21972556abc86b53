"""What is measured: runs of `maou train`, and ONNX models of maou and of dlshogi."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from maou_rust import DatasetError, UsageError

from maou._extras import require
from maou._memory import is_out_of_memory
from maou.policy import SCHEMES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from maou.evaluation._rows import Features
    from maou.policy import Scheme

    Floats = npt.NDArray[np.float32]
    Inputs = tuple[npt.NDArray[Any], npt.NDArray[Any]]
    Predict = Callable[[Inputs], tuple[Floats, Floats]]

INPUT_SHAPES: dict[Features, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "compact": ((81,), (14,)),
    "dlshogi": ((62, 9, 9), (57, 9, 9)),
}
"""Of the two inputs, without the batch: board and hands, or dlshogi's planes."""
VALUE_SLACK = 1e-3
"""How far a value may be outside of [0, 1]: what float16 rounds."""


@dataclass(frozen=True)
class Model:
    """A network that can be asked."""

    path: Path
    features: Features
    classes: Scheme
    predict: Predict
    """Inputs of N positions → float32[N, classes] logits, float32[N] values."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What else a report says of it."""
    training_set: Path | None = None
    """What it was trained on, if that is known and still there."""


def open_model(
    path: Path, *, checkpoint: str | None, ema: bool | None, device: str, threads: int
) -> Model:
    """Open a run or an ONNX model.

    Args:
        path: A run folder, or a file of ONNX.
        checkpoint: `best-policy`, `best-value` or `last`, of a run; None for the
            first, or the last if there was no validation.
        ema: Whether averaged weights are taken, of a run; None where there are some.
        device: `auto`, `cpu`, `cuda`, `cuda:N`, or of a run `mps`.
        threads: The number of threads, 0 for as many as the library takes.

    Raises:
        DatasetError: There is no model, or none that fits.
        ModuleNotFoundError: A library of the extras is missing.
        UsageError: There is no such GPU.
    """
    if path.is_dir():
        from maou.evaluation._rows import kind_of_folder
        from maou.evaluation._runs import open_run

        kind = kind_of_folder(path)
        if kind in ("dataset", "training-set"):
            raise UsageError(
                f"{path}: expected a run folder or an ONNX model, found a"
                f" {kind.replace('-', ' ')}: `maou evaluate RUN DATA`"
            )

        return open_run(path, checkpoint, ema, device, threads)
    if not path.exists():
        raise DatasetError(
            f"{path}: expected a run folder or an ONNX model, found nothing"
        )
    return open_onnx(path, device, threads)


def open_onnx(path: Path, device: str, threads: int) -> Model:
    """Open an ONNX model, and tell its inputs and outputs by their shapes."""
    session = _session(path, device, threads)
    inputs = session.get_inputs()
    features, order = _told_inputs(path, inputs)
    ordered = [inputs[idx] for idx in order]
    names = [value.name for value in ordered]
    types = [_TYPES[value.type] for value in ordered]
    fixed = ordered[0].shape[0] if isinstance(ordered[0].shape[0], int) else None

    def run(batch: Inputs) -> list[npt.NDArray[Any]]:
        fed = zip(names, batch, types, strict=True)
        feeds = {
            name: np.ascontiguousarray(array, dtype=dtype) for name, array, dtype in fed
        }
        return cast("list[npt.NDArray[Any]]", session.run(None, feeds))

    shapes = INPUT_SHAPES[features]
    n_probed = fixed or 2
    first, second = (np.zeros((n_probed, *shape), np.uint8) for shape in shapes)
    found = run((first, second))
    output_names = [value.name for value in session.get_outputs()]
    policy_idx, value_idx = _told_outputs(path, output_names, found, n_probed)
    classes = found[policy_idx].shape[1]
    if classes not in SCHEMES:
        raise DatasetError(
            f"{path}: expected a policy of 2187 or 1496 labels, found `{classes}`"
            f" in `{output_names[policy_idx]}`"
        )

    def predict(batch: Inputs) -> tuple[Floats, Floats]:
        outputs = run(batch) if fixed is None else _in_parts(run, batch, fixed)
        policy, value = outputs[policy_idx], outputs[value_idx]
        return policy.astype(np.float32), value.astype(np.float32).reshape(-1)

    facts = {"kind": "onnx", "inputs": names}
    return Model(path, features, classes, predict, facts)


def _session(path: Path, device: str, threads: int) -> Any:
    require("onnxruntime")
    import onnxruntime as runtime

    if device == "mps":
        raise UsageError(
            "device `mps`: expected `cpu` or `cuda` for an ONNX model, `auto` takes"
            " what is there"
        )
    providers = ["CPUExecutionProvider"]
    has_cuda = "CUDAExecutionProvider" in runtime.get_available_providers()
    if device.startswith("cuda") and not has_cuda:
        raise UsageError(
            f"device `{device}`: the onnxruntime that is installed knows no CUDA:"
            " the extra `cuda` brings one in place of that of `cpu`, `--device cpu`"
            " does without"
        )
    if device != "cpu" and has_cuda:
        _, _, number = device.partition(":")
        cuda = ("CUDAExecutionProvider", {"device_id": int(number or 0)})
        providers = cast("list[str]", [cuda, *providers])
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    if threads:
        options.intra_op_num_threads = threads
    state = runtime.capi.onnxruntime_pybind11_state
    unreadable = (
        state.Fail,
        state.InvalidProtobuf,
        state.InvalidGraph,
        state.InvalidArgument,
        state.NotImplemented,
        state.NoSuchFile,
        state.RuntimeException,
    )
    try:
        session = runtime.InferenceSession(str(path), options, providers=providers)
    except unreadable as error:
        reason = str(error).partition(" : ")[2].splitlines() or [str(error)]
        raise DatasetError(
            f"{path}: expected a run folder or an ONNX model, found something that"
            f" onnxruntime cannot read: {reason[-1].strip()}"
        ) from None
    if device.startswith("cuda") and session.get_providers()[0] != (
        "CUDAExecutionProvider"
    ):
        raise UsageError(
            f"device `{device}`: onnxruntime can use no such GPU here: `maou doctor`"
            " says what is there, `--device cpu` does without"
        )
    return session


_TYPES: dict[str, type[np.generic]] = {
    "tensor(uint8)": np.uint8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
}


def _told_inputs(path: Path, inputs: Sequence[Any]) -> tuple[Features, list[int]]:
    """Which features the inputs are, and the numbers of the first and the second."""
    shapes = [tuple(value.shape[1:]) for value in inputs]
    known = all(value.type in _TYPES for value in inputs)
    if len(inputs) == 2 and known:
        for features, wanted in INPUT_SHAPES.items():
            if sorted(map(str, shapes)) == sorted(map(str, wanted)):
                return features, [shapes.index(shape) for shape in wanted]
    found = ", ".join(
        f"`{value.name}` {value.type.removeprefix('tensor')}"
        f" {'×'.join(map(str, value.shape))}"
        for value in inputs
    )
    message = (
        f"{path}: expected the inputs board N×81 and hand N×14 of maou, or input1"
        f" N×62×9×9 and input2 N×57×9×9 of dlshogi, found {found or 'none'}"
    )
    planes = [s[0] for s in shapes if len(s) == 3 and s[1:] == (9, 9)]
    if planes:
        told = " and ".join(f"`{n}`" for n in planes)
        message += f": {told} planes are of a variant whose features maou does not make"
    raise DatasetError(message)


def _told_outputs(
    path: Path, names: list[str], found: list[npt.NDArray[Any]], n: int
) -> tuple[int, int]:
    """The numbers of policy and value: by their names, otherwise by their shapes."""
    policies = [idx for idx, a in enumerate(found) if a.ndim == 2 and a.shape[1] > 1]
    values = [idx for idx, a in enumerate(found) if a.shape in ((n,), (n, 1))]
    for one, name in ((policies, "policy"), (values, "value")):
        named = [idx for idx in one if names[idx] in (name, f"output_{name}")]
        one[:] = named or one
    if len(policies) == 1 and len(values) == 1:
        return policies[0], values[0]
    told = ", ".join(
        f"`{name}` {'×'.join(map(str, a.shape))}"
        for name, a in zip(names, found, strict=True)
    )
    raise DatasetError(
        f"{path}: expected two outputs, a policy N×2187 or N×1496 and a value N or"
        f" N×1, found for N = {n} {told}"
    )


def _in_parts(
    run: Callable[[Inputs], list[npt.NDArray[Any]]], batch: Inputs, size: int
) -> list[npt.NDArray[Any]]:
    """Feed a model whose batch is of one size; the last part is filled up."""
    n = len(batch[0])
    parts = []
    for start in range(0, n, size):
        first, second = (array[start : start + size] for array in batch)
        n_missing = size - len(first)
        if n_missing:
            first, second = (
                np.concatenate([array, np.repeat(array[:1], n_missing, axis=0)])
                for array in (first, second)
            )
        parts.append(run((first, second)))
    return [
        np.concatenate([part[idx] for part in parts])[:n]
        for idx in range(len(parts[0]))
    ]


def asked(model: Model, batch: Inputs) -> tuple[Floats, Floats]:
    """Ask a model.

    Raises:
        UsageError: Memory ran out; the message names what helps.
    """
    try:
        return model.predict(batch)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        n = len(batch[0])
        raise UsageError(
            f"{model.path}: out of memory with {n:,} positions at once:"
            f" `--batch-size {max(1, n // 2)}` needs half, `--device cpu` none of a GPU"
        ) from error


def checked_outputs(model: Model, policy: Floats, value: Floats, first: int) -> None:
    """Refuse outputs that are no logits or no values.

    Args:
        model: Where they come from.
        policy: float32[N, classes].
        value: float32[N].
        first: The number of the first position, from 0.

    Raises:
        DatasetError: A NaN, or a value that is no expected score.
    """
    wrong = np.isnan(value) | np.isnan(policy).any(axis=1)
    if wrong.any():
        number = first + int(wrong.argmax()) + 1
        raise DatasetError(
            f"{model.path}: expected numbers, found NaN for position {number:,}"
        )
    wrong = (value < -VALUE_SLACK) | (value > 1 + VALUE_SLACK)
    if wrong.any():
        found = float(value[int(wrong.argmax())])
        raise DatasetError(
            f"{model.path}: expected values from 0 to 1, after a sigmoid, found"
            f" `{found:.4g}`"
        )
