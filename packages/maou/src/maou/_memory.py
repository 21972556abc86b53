"""Whether an error says that memory ran out: of the machine or of a GPU."""

from __future__ import annotations

TEXTS = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "failed to allocate memory",
    "not enough memory",
)
"""What torch, onnxruntime and systems write, in lower case."""


def is_out_of_memory(error: BaseException) -> bool:
    """Tell by the type or, where that says nothing, by the text.

    Args:
        error: What computing raised.
    """
    if isinstance(error, MemoryError):
        return True
    module = type(error).__module__
    if not isinstance(error, RuntimeError) and "onnxruntime" not in module:
        return False
    return any(part in str(error).lower() for part in TEXTS)
