"""Training: networks from training sets, with torch, which the extra `cpu` brings.

Examples:
    >>> import maou
    >>> config = maou.train.Config.from_words(["model.size=4x64", "run.epochs=2"])
    >>> config.model.channels
    64
"""

from __future__ import annotations

from maou.train.config import PRESETS, Config
from maou.train.errors import TrainingError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from maou.train.checkpoint import Loaded, load
    from maou.train.loop import Result, resume, train
    from maou.train.network import Network

__all__ = [
    "PRESETS",
    "Config",
    "Loaded",
    "Network",
    "Result",
    "TrainingError",
    "load",
    "resume",
    "train",
]

# What needs torch is loaded on first use.
_LAZY = {
    "Loaded": "maou.train.checkpoint",
    "Network": "maou.train.network",
    "Result": "maou.train.loop",
    "load": "maou.train.checkpoint",
    "resume": "maou.train.loop",
    "train": "maou.train.loop",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'maou.train' has no attribute {name!r}")
    from importlib import import_module

    from maou._extras import require

    require("torch", "safetensors")
    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
