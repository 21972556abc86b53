"""With torch installed, nothing loads it that does not need it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("words", [["--help"], ["doctor"], ["info"]])
def test_commands_without_a_network_load_no_torch(
    words: list[str], dataset: Path, python_run: Callable[[str], str]
) -> None:
    arguments = [*words, str(dataset)] if words == ["info"] else words
    code = f"""
import sys
from maou.cli import main
try:
    main({arguments!r})
except SystemExit:
    pass
print(*sys.modules)
"""
    loaded = python_run(code).splitlines()[-1].split()
    assert "maou_rust" in loaded
    assert not {"torch", "onnxruntime", "onnx", "matplotlib"} & set(loaded)
