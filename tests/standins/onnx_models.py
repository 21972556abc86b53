"""Small ONNX models of maou's and of dlshogi's inputs, made without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "compact": {"board": (81,), "hand": (14,)},
    "dlshogi": {"input1": (62, 9, 9), "input2": (57, 9, 9)},
}


class Weights(NamedTuple):
    """What a linear model multiplies its inputs by, in their order."""

    policy: list[Any]
    value: list[Any]
    bias: float


def linear_model(
    path: Path,
    features: str = "compact",
    *,
    classes: int = 2187,
    seed: int = 0,
    scale: float = 0.05,
    sigmoid: bool = True,
    batch: str | int = "batch",
    float16: bool = False,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    outputs: tuple[str, str] | None = None,
) -> Weights:
    """Write a model that is linear in its inputs, and return its weights."""
    random = np.random.default_rng(seed)
    shapes = shapes or SHAPES[features]
    usual = ("policy", "value")
    if features == "dlshogi":
        usual = ("output_policy", "output_value")
    names = outputs or usual
    wide = TensorProto.FLOAT16 if float16 else TensorProto.FLOAT
    kind = TensorProto.UINT8 if features == "compact" else wide
    nodes, initializers = [], []
    policies, values = [], []
    for idx, (name, shape) in enumerate(shapes.items()):
        size = int(np.prod(shape))
        policy = random.normal(0, scale, (size, classes)).astype(np.float32)
        value = random.normal(0, scale, (size, 1)).astype(np.float32)
        policies.append(policy)
        values.append(value)
        initializers += [
            numpy_helper.from_array(policy, f"p{idx}"),
            numpy_helper.from_array(value, f"v{idx}"),
        ]
        nodes += [
            helper.make_node("Cast", [name], [f"c{idx}"], to=TensorProto.FLOAT),
            helper.make_node("Flatten", [f"c{idx}"], [f"f{idx}"]),
            helper.make_node("MatMul", [f"f{idx}", f"p{idx}"], [f"lp{idx}"]),
            helper.make_node("MatMul", [f"f{idx}", f"v{idx}"], [f"lv{idx}"]),
        ]
    bias = np.float32(random.normal())
    initializers.append(numpy_helper.from_array(np.array([bias], np.float32), "bias"))
    last = "Sigmoid" if sigmoid else "Identity"
    nodes += [
        helper.make_node("Add", ["lp0", "lp1"], ["sum_policy"]),
        helper.make_node("Add", ["lv0", "lv1"], ["sum_value"]),
        helper.make_node("Add", ["sum_value", "bias"], ["logit"]),
        helper.make_node(last, ["logit"], ["expected"]),
        helper.make_node("Cast", ["sum_policy"], [names[0]], to=wide),
        helper.make_node("Cast", ["expected"], [names[1]], to=wide),
    ]
    graph = helper.make_graph(
        nodes,
        "linear",
        [
            helper.make_tensor_value_info(name, kind, [batch, *shape])
            for name, shape in shapes.items()
        ],
        [
            helper.make_tensor_value_info(names[0], wide, [batch, classes]),
            helper.make_tensor_value_info(names[1], wide, [batch, 1]),
        ],
        initializers,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return Weights(policies, values, float(bias))
