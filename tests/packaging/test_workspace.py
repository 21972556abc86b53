"""What a user's environment gets, and what the lock file may name."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GPL = {"cshogi", "python-shogi"}


def exported(*options: str) -> set[str]:
    """Names of the packages that uv would install, from the lock file."""
    output = subprocess.run(
        ["uv", "export", "--locked", "--no-hashes", "--no-header", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [line.strip().removeprefix("-e ") for line in output.splitlines()]
    return {
        line.split("==")[0].rsplit("/", 1)[-1]
        for line in lines
        if line and not line.startswith("#")
    }


def test_a_user_gets_no_tool_and_no_gpl_package() -> None:
    names = exported("--all-packages")
    assert {"maou", "maou-rust", "polars"} <= names
    assert names == {"maou", "maou-rust", "polars", "polars-runtime-32"}


def test_dev_has_every_group() -> None:
    groups = PROJECT["dependency-groups"]
    included = {
        entry["include-group"] for entry in groups["dev"] if isinstance(entry, dict)
    }
    assert included == set(groups) - {"dev"}
    assert PROJECT["tool"]["uv"]["default-groups"] == []


def test_gpl_packages_are_oracles_only() -> None:
    for name, entries in PROJECT["dependency-groups"].items():
        texts = {entry for entry in entries if isinstance(entry, str)}
        found = {gpl for gpl in GPL if any(t.startswith(gpl) for t in texts)}
        assert found == (GPL if name == "oracle" else set()), name


def test_the_lock_names_the_default_index_only() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    registries = {
        package["source"]["registry"]
        for package in lock["package"]
        if "registry" in package["source"]
    }
    assert registries == {"https://pypi.org/simple"}


@pytest.mark.parametrize("crate", ["maou_shogi", "maou_io", "maou_index", "maou-rust"])
def test_crates_keep_their_borders(crate: str) -> None:
    """Only maou-rust uses pyo3, only maou_io uses arrow, no one uses polars."""
    folder = ROOT / ("packages" if crate == "maou-rust" else "crates") / crate
    manifest = tomllib.loads((folder / "Cargo.toml").read_text(encoding="utf-8"))
    names = {
        name
        for table in ("dependencies", "dev-dependencies", "build-dependencies")
        for name in manifest.get(table, {})
    }
    assert not any(name.startswith("polars") for name in names)
    assert ("pyo3" in names) == (crate == "maou-rust")
    assert any(name.startswith("arrow") for name in names) == (crate == "maou_io")
