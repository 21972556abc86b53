"""`maou doctor` where things are missing."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from maou.cli import doctor, main

if TYPE_CHECKING:
    from pathlib import Path

has_sh = pytest.mark.skipif(sys.platform == "win32", reason="a stand-in for a shell")


def with_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> list[doctor.Check]:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return doctor.gpus()


@has_sh
def test_every_device_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = with_driver(
        tmp_path, monkeypatch, "echo 'NVIDIA H200, 143771 MiB'; echo 'T4, 15360 MiB'"
    )
    assert [c["found"] for c in checks] == ["NVIDIA H200, 143771 MiB", "T4, 15360 MiB"]


@has_sh
def test_a_driver_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (check,) = with_driver(tmp_path, monkeypatch, "exit 9")
    assert check["found"] is None
    assert check["remedy"].startswith("nvidia-smi failed: ")


def test_no_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (check,) = doctor.gpus()
    assert (check["found"], check["needed"]) == (None, False)


def test_without_polars_something_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    assert main(["doctor"]) == 1
    text = capsys.readouterr().out
    assert "MISSING: pip install polars" in text
    assert text.endswith("something needed is missing\n")
    assert main(["doctor", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_optional_packages_are_not_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "pandas", None)
    names = [check["name"] for check in doctor.optional()]
    assert names == ["pyarrow", "pandas", "duckdb", "torch", "onnxruntime"]
