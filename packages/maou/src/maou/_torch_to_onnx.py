"""A network of torch as an ONNX model, and what torch says of positions.

The exporter is the one that traces (`dynamo=False`): a network of a few blocks takes it
0.2 s instead of 13, it needs no onnxscript, writes an opset that older runtimes read,
and puts no source lines and paths of this machine into the file.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import onnx
import torch

from maou._version import __version__

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

BATCH = "batch"
"""Name of the dynamic axis."""


class _WithValues(torch.nn.Module):  # type: ignore[misc]
    """A network whose second output is the expected score instead of its logit."""

    def __init__(self, network: Any, column: bool) -> None:
        super().__init__()
        self.network = network
        self.column = column

    def forward(self, first: Any, second: Any) -> tuple[Any, Any]:
        """Policy logits [B, classes], and values [B], or [B, 1] as a column."""
        policy, logit = self.network(first, second)
        value = torch.sigmoid(logit)
        return policy, value.unsqueeze(1) if self.column else value


def with_values(network: Any, *, column: bool) -> Any:
    """Wrap a network so that it gives values in [0, 1]; in float32, on the CPU.

    Args:
        network: Gives policy logits and value logits.
        column: Whether values are [N, 1] instead of [N].
    """
    return _WithValues(network.float().cpu(), column).eval()


def outputs_of(module: Any, arrays: tuple[Array, ...]) -> tuple[Array, Array]:
    """Ask torch: float32[N, classes], and float32[N] or [N, 1]."""
    with torch.inference_mode():
        policy, value = module(*(torch.from_numpy(array) for array in arrays))
    return policy.numpy(), value.numpy()


def traced(
    module: Any,
    arrays: tuple[Array, ...],
    inputs: tuple[str, str],
    outputs: tuple[str, str],
    *,
    classes: int,
    opset: int,
) -> Any:
    """Make an ONNX model of a network.

    Args:
        module: The network, with values.
        arrays: Inputs to trace it with, two positions or more.
        inputs: Names of the inputs.
        outputs: Names of the outputs.
        classes: Labels of the policy.
        opset: Of ONNX.
    """
    file = io.BytesIO()
    few = tuple(torch.from_numpy(array[:2].copy()) for array in arrays)
    with warnings.catch_warnings():
        # That it will be replaced, some day.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            module,
            few,
            file,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: {0: BATCH} for name in (*inputs, *outputs)},
            opset_version=opset,
            dynamo=False,
        )
    model = onnx.load_from_string(file.getvalue())
    _, value = model.graph.output
    column = bool(module.column)
    for output, shape in ((model.graph.output[0], [classes]), (value, [1] * column)):
        _name_axes(output, shape)
    return model


def _name_axes(output: Any, shape: list[int]) -> None:
    """Write the axes of an output, whose sizes the exporter does not always know."""
    axes = output.type.tensor_type.shape
    del axes.dim[:]
    axes.dim.add().dim_param = BATCH
    for size in shape:
        axes.dim.add().dim_value = size


def halved(model: Any) -> Any:
    """Make weights and computation float16; inputs and outputs stay as they are."""
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    with warnings.catch_warnings():
        # Of numbers so small that float16 has none next to them.
        warnings.simplefilter("ignore", UserWarning)
        narrow = convert_float_to_float16(model, keep_io_types=True)
    # The conversion of inputs is put behind what needs it.
    ordered = OnnxModel(narrow)
    ordered.topological_sort(is_deterministic=True)
    return ordered.model


def describe(model: Any, metadata: dict[str, str]) -> None:
    """Write what a model is of, and nothing of the machine that made it."""
    model.producer_name = "maou"
    model.producer_version = __version__
    model.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
