"""Packages that come with an extra of maou, and the sentence that names it."""

from __future__ import annotations

EXTRAS = {
    "matplotlib": "cpu",
    "onnx": "cpu",
    "onnxruntime": "cpu",
    "safetensors": "cpu",
    "tensorboard": "cpu",
    "torch": "cpu",
}
"""The extra of each; `cuda` has the same, with onnxruntime for CUDA."""


def how_to_get(name: str) -> str:
    """Say how a package that is not there is installed.

    Args:
        name: A key of `EXTRAS`.
    """
    extra = EXTRAS[name]
    return (
        f"needs {name}: `uv sync --extra {extra}` in a clone,"
        f" `pip install 'maou[{extra}]'` elsewhere; `cuda` in place of `{extra}` for"
        " onnxruntime on a GPU"
    )


def require(*names: str) -> None:
    """Check that packages of an extra are there, without importing them.

    Args:
        names: Keys of `EXTRAS`.

    Raises:
        ModuleNotFoundError: One is missing; the message names the extra.
    """
    import sys
    from importlib.util import find_spec

    for name in names:
        # None stands in `sys.modules` for what must not be imported.
        there = sys.modules[name] if name in sys.modules else find_spec(name)
        if there is None:
            raise ModuleNotFoundError(how_to_get(name), name=name)
