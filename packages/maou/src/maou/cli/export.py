"""`maou export`: a run as an ONNX model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maou.cli.command import Command, path_text
from maou.cli.evaluate import add_model_arguments
from maou.cli.text import count, fields, size

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from maou.export import Exported


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `maou export`."""
    parser.add_argument(
        "run", type=path_text, metavar="RUN", help="a run of maou train"
    )
    parser.add_argument(
        "-o",
        "--out",
        type=path_text,
        required=True,
        metavar="FILE",
        help="the ONNX model to write",
    )
    parser.add_argument(
        "--format",
        choices=("maou", "dlshogi"),
        default="maou",
        help="inputs and outputs: maou's, or those that engines of dlshogi's family"
        " know, for networks of dlshogi's planes (default: %(default)s)",
    )
    add_model_arguments(parser)
    parser.add_argument(
        "--fp16",
        action="store_true",
        help="weights and computation in float16; inputs and outputs stay float32",
    )
    parser.add_argument(
        "--force", action="store_true", help="replace a file that is there"
    )
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(arguments: Namespace) -> int:
    """Export, and tell what was written."""
    from maou.export import export_onnx

    found = export_onnx(
        arguments.run,
        arguments.out,
        format=arguments.format,
        checkpoint=arguments.checkpoint,
        ema=arguments.ema,
        fp16=arguments.fp16,
        force=arguments.force,
    )
    if arguments.json:
        import json

        facts = {**found._asdict(), "path": str(found.path)}
        print(json.dumps({"kind": "export", **facts}, ensure_ascii=False, indent=2))
    else:
        print(exported_text(found))
    return 0


def exported_text(found: Exported) -> str:
    """Describe a model that was written."""
    precision = "float16" if found.precision == "fp16" else "float32"
    differences = (
        f"policy within {found.policy_difference:.1e},"
        f" value within {found.value_difference:.1e}"
    )
    compared = count(found.n_compared, "position")
    return fields(
        [
            ("model", str(found.path)),
            ("format", f"{found.format}, ONNX opset {found.opset}, {precision}"),
            ("inputs", ", ".join(found.inputs)),
            ("outputs", f"{', '.join(found.outputs)} ({found.classes} labels)"),
            ("size", size(found.size_bytes)),
            ("checked", f"onnxruntime against torch on {compared}: {differences}"),
        ]
    )


COMMAND = Command(
    name="export",
    summary="a trained network as an ONNX model, checked against torch",
    description="Write a trained network as an ONNX model, checked against torch.",
    example="maou export runs/a -o model.onnx\n"
    "maou export runs/a -o model.onnx --format dlshogi --fp16",
    add_arguments=add_arguments,
    run=run,
)
