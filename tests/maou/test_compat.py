"""A missing or different extension is told by a message that mends it."""

from __future__ import annotations

import os
import subprocess
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import maou_rust
import pytest

import maou
from maou import _compat

if TYPE_CHECKING:
    from pathlib import Path


def test_the_installed_extension_fits() -> None:
    _compat.check()
    assert maou_rust.INTERFACE == _compat.INTERFACE


@pytest.mark.parametrize("version", ["0.0.1", "99.0.0"])
def test_another_interface_names_both_versions_and_the_mend(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ModuleType("maou_rust")
    other.__dict__.update(__version__=version, INTERFACE=99)
    monkeypatch.setitem(sys.modules, "maou_rust", other)
    with pytest.raises(ImportError) as raised:
        _compat.check()
    assert str(raised.value) == (
        f"maou {maou.__version__} needs maou-rust {maou.__version__} (interface 5),"
        f" found maou-rust {version} (interface 99):"
        f' install it with `pip install "maou-rust=={maou.__version__}"`,'
        " or in a checkout with `uv sync --reinstall-package maou-rust`"
    )


def test_a_development_build_of_the_same_interface_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = ModuleType("maou_rust")
    other.__dict__.update(__version__="0.1.0.dev7", INTERFACE=_compat.INTERFACE)
    monkeypatch.setitem(sys.modules, "maou_rust", other)
    _compat.check()


def test_a_build_of_main_is_mended_by_the_line_that_installed_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = ModuleType("maou_rust")
    other.__dict__.update(__version__="0.1.0.dev7", INTERFACE=99)
    monkeypatch.setitem(sys.modules, "maou_rust", other)
    monkeypatch.setattr(_compat, "__version__", "0.1.0.dev9")
    with pytest.raises(ImportError) as raised:
        _compat.check()
    assert str(raised.value) == (
        "maou 0.1.0.dev9 needs maou-rust 0.1.0.dev9 (interface 5),"
        " found maou-rust 0.1.0.dev7 (interface 99):"
        " install both again with the line that installed maou,"
        " `pip install -r …/releases/download/latest/colab.txt`"
    )


def test_a_missing_extension_is_an_import_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Nowhere:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "maou_rust":
                raise ModuleNotFoundError("No module named 'maou_rust'", name=name)

    monkeypatch.delitem(sys.modules, "maou_rust")
    monkeypatch.setattr(sys, "meta_path", [Nowhere(), *sys.meta_path])
    with pytest.raises(ImportError) as raised:
        _compat.check()
    message = str(raised.value)
    assert "which is not installed: install it with `pip install" in message
    assert raised.value.name == "maou_rust"


@pytest.mark.parametrize("argument", ["--version", "info", "doctor", "demo"])
def test_the_command_without_the_extension_ends_with_a_sentence(
    argument: str, maou_command: str, tmp_path: Path
) -> None:
    broken = tmp_path / "maou_rust"
    broken.mkdir()
    (broken / "__init__.py").write_text("INTERFACE = 99")
    done = subprocess.run(
        [maou_command, argument],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"maou: maou {maou.__version__} needs maou-rust ")
    assert done.stderr.count("\n") == 1
