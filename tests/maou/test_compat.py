"""A missing or different extension is told by a message that mends it."""

from __future__ import annotations

import sys
from types import ModuleType

import maou_rust
import pytest

import maou
from maou import _compat


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
        f"maou {maou.__version__} needs maou-rust {maou.__version__} (interface 1),"
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
