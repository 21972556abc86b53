"""Runs as ONNX models, compared with torch before they are written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, get_args

from maou_rust import DatasetError, UsageError

from maou._extras import require
from maou._files import write_whole
from maou._version import __version__

if TYPE_CHECKING:
    from os import PathLike

    import numpy.typing as npt

    Array = npt.NDArray[Any]

Format: TypeAlias = Literal["maou", "dlshogi"]
FORMATS: tuple[Format, ...] = get_args(Format)
OPSET = 17
"""Of ONNX: the newest that the exporter writes, and old enough for engines of 2022."""
INPUTS = {"compact": ("board", "hand"), "dlshogi": ("input1", "input2")}
OUTPUTS: dict[Format, tuple[str, str]] = {
    "maou": ("policy", "value"),
    "dlshogi": ("output_policy", "output_value"),
}
TOLERANCES = {"fp32": (1e-4, 1e-4), "fp16": (2e-2, 1e-2)}
"""Greatest differences to torch: of logits, as a share of the greatest logit of all if
that is above 1, and of values, in [0, 1]."""
N_COMPARED = 256
"""Positions of the bundled games with which models are compared."""


class Exported(NamedTuple):
    """A model that was written."""

    path: Path
    format: Format
    precision: Literal["fp32", "fp16"]
    """Of weights and computation; inputs and outputs stay as they are."""
    inputs: tuple[str, str]
    outputs: tuple[str, str]
    classes: int
    opset: int
    size_bytes: int
    n_compared: int
    """Positions on which torch and onnxruntime were compared."""
    policy_difference: float
    """Greatest difference of a logit, as a share of the greatest logit if that is
    above 1."""
    value_difference: float


def export_onnx(
    run: str | PathLike[str],
    out: str | PathLike[str],
    *,
    format: Format = "maou",  # noqa: A002 - as the option is called
    checkpoint: Literal["best-policy", "best-value", "last"] | None = None,
    ema: bool | None = None,
    fp16: bool = False,
    force: bool = False,
) -> Exported:
    """Write a run as an ONNX model.

    The batch is dynamic, its axis is called `batch`. The model is run by onnxruntime on
    positions of the bundled games and compared with torch before anything is written;
    the file appears whole or not at all.

    Args:
        run: A run of `maou train`.
        out: File to write.
        format: `maou` (`board` uint8[N, 81] and `hand` uint8[N, 14], or dlshogi's
            planes for a network that takes them; `policy` float32[N, classes] of
            logits, `value` float32[N] in [0, 1]) or `dlshogi` (`input1`, `input2`,
            `output_policy`, `output_value` float32[N, 1]).
        checkpoint: Of the run; None for `best-policy`, or `last` if there was no
            validation.
        ema: Whether the averaged weights are taken; None where there are some.
        fp16: Whether weights and computation are float16. Inputs and outputs are not,
            as engines expect.
        force: Whether a file that is there is replaced.

    Raises:
        DatasetError: The run is damaged, or onnxruntime computes something else than
            torch.
        OSError: The file cannot be written.
        ModuleNotFoundError: A library of the extras is missing.
        UsageError: There is no run, its network does not fit the format, or the file
            is there.

    Examples:
        >>> import maou
        >>> maou.export_onnx("runs/a", "model.onnx").opset  # doctest: +SKIP
        17
    """
    if format not in FORMATS:
        raise UsageError(f"format: expected maou or dlshogi, found `{format}`")
    require("torch", "onnx", "onnxruntime")
    target = Path(out)
    _refuse_target(target, force)
    from maou.evaluation._runs import checkpoint_of
    from maou.train import load

    loaded = load(run, checkpoint or checkpoint_of(Path(run)), ema)
    features, classes = loaded.config.model.features, loaded.config.model.classes
    if format == "dlshogi" and (features, classes) != ("dlshogi", 2187):
        raise UsageError(
            f"{run}: `--format dlshogi` expects a network of dlshogi's planes with 2187"
            f" labels, found {features} features and {classes} labels; `--format maou`"
            " writes it as it is, `maou train --features dlshogi` trains one that fits"
        )
    from maou import _torch_to_onnx

    positions = sample_positions(N_COMPARED)
    arrays = tuple(positions.features(features))
    names = (INPUTS[features], OUTPUTS[format])
    module = _torch_to_onnx.with_values(loaded.network, column=format == "dlshogi")
    model = _torch_to_onnx.traced(module, arrays, *names, classes=classes, opset=OPSET)
    if fp16:
        model = _torch_to_onnx.halved(model)
    _torch_to_onnx.describe(model, _metadata(loaded, format, fp16))
    data = model.SerializeToString(deterministic=True)
    precision: Literal["fp32", "fp16"] = "fp16" if fp16 else "fp32"
    expected = _torch_to_onnx.outputs_of(module, arrays)
    differences = _compared(
        run, data, names, arrays=arrays, expected=expected, precision=precision
    )
    write_whole(target, data)
    return Exported(
        path=target,
        format=format,
        precision=precision,
        inputs=names[0],
        outputs=names[1],
        classes=classes,
        opset=OPSET,
        size_bytes=len(data),
        n_compared=len(positions),
        policy_difference=differences[0],
        value_difference=differences[1],
    )


def _refuse_target(target: Path, force: bool) -> None:
    """Refuse a place where nothing can be or shall be written, before the work."""
    if target.is_dir():
        raise UsageError(f"{target}: expected a file to write, found a folder")
    if target.exists() and not force:
        raise UsageError(f"{target}: is there already; `--force` replaces it")
    if not target.absolute().parent.is_dir():
        raise UsageError(
            f"{target}: expected a folder to write to, found no {target.parent}"
        )


def sample_positions(n: int) -> Any:
    """Positions from all over the bundled games: a PositionArray."""
    from maou.positions import PositionArray
    from maou.records import read_games

    folder = Path(__file__).parent / "sample"
    paths = sorted(p for p in folder.iterdir() if p.suffix in {".csa", ".kif"})
    games = [game for path in paths for game in read_games(path)]
    replayed = PositionArray.from_games(games).positions
    return replayed[:: max(1, len(replayed) // n)][:n]


def _metadata(loaded: Any, name: Format, fp16: bool) -> dict[str, str]:
    """What a model says of itself: texts by name, in an order that stays."""
    config, meta = loaded.config, loaded.meta
    # A model travels: of the training set's path it keeps the name.
    lineage = {**meta["data"], "path": Path(meta["data"]["path"]).name}
    lineage["step"] = meta["step"]
    return {
        "maou_version": __version__,
        "format": name,
        "precision": "fp16" if fp16 else "fp32",
        "features": config.model.features,
        "classes": str(config.model.classes),
        "eval_scale_cp": repr(config.loss.eval_scale_cp),
        "config": config.toml(),
        "lineage": json.dumps(lineage, ensure_ascii=False, sort_keys=True),
    }


def _compared(
    run: str | PathLike[str],
    data: bytes,
    names: tuple[tuple[str, str], tuple[str, str]],
    *,
    arrays: tuple[Array, ...],
    expected: tuple[Array, Array],
    precision: Literal["fp32", "fp16"],
) -> tuple[float, float]:
    """Run the model, one position and then all, and compare with torch."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        data, options, providers=["CPUExecutionProvider"]
    )

    def ask(part: slice) -> list[Array]:
        feeds = dict(zip(names[0], (a[part] for a in arrays), strict=True))
        return list(session.run(list(names[1]), feeds))

    n = len(arrays[0])
    differences = np.zeros(2)
    scales = (max(1.0, float(np.abs(expected[0]).max())), 1.0)
    for part in (slice(1), slice(n)):
        for idx, (found, wanted) in enumerate(zip(ask(part), expected, strict=True)):
            if found.shape != wanted[part].shape or found.dtype != np.float32:
                raise DatasetError(
                    f"{run}: onnxruntime gives {names[1][idx]} as {found.dtype} of"
                    f" shape {found.shape}, torch float32 of {wanted[part].shape}:"
                    " nothing was written"
                )
            distance = float(np.abs(found - wanted[part]).max()) / scales[idx]
            differences[idx] = np.fmax(differences[idx], distance)
            # NaN is not within it either.
            if not distance <= TOLERANCES[precision][idx]:
                raise DatasetError(
                    f"{run}: expected {names[1][idx]} of onnxruntime within"
                    f" {TOLERANCES[precision][idx]:g} of torch's, found"
                    f" `{distance:.3g}`: nothing was written"
                )
    return float(differences[0]), float(differences[1])
