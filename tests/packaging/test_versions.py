"""The version stands in one place; everywhere else it must be the same."""

from __future__ import annotations

import hashlib
import importlib
import re
import tomllib
from pathlib import Path

import maou_rust
import pytest

import maou
from maou import _compat

ROOT = Path(__file__).resolve().parents[2]
STUBS = ROOT / "packages/maou-rust/maou_rust-stubs"

# The interface number and the digest of the stubs that it stands for. When the stubs
# change, raise INTERFACE in packages/maou-rust/src/lib.rs and maou/_compat.py if code
# written for the old ones would no longer work, and write the new digest here.
INTERFACE = 5
STUBS_DIGEST = "71415e4f3f44e4c646dea8a3d9196c0925519e9f12c38b08b358fd53e015f45e"


def toml(name: str) -> dict[str, object]:
    return tomllib.loads((ROOT / name).read_text(encoding="utf-8"))


def test_every_place_carries_the_version_of_the_cargo_workspace() -> None:
    cargo = toml("Cargo.toml")["workspace"]["package"]["version"]  # type: ignore[index]
    found = {
        path.parent.name: toml(f"packages/{path.parent.name}/pyproject.toml")["project"]
        for path in sorted((ROOT / "packages").glob("*/pyproject.toml"))
    }
    assert {"maou", "maou-rust"} <= set(found)
    versions = {name: project["version"] for name, project in found.items()}  # type: ignore[index]
    for name in found:
        module = importlib.import_module(name.replace("-", "_"))
        versions[f"{name}: __version__"] = module.__version__
    assert versions == dict.fromkeys(versions, cargo)
    assert f"maou-rust=={cargo}" in found["maou"]["dependencies"]  # type: ignore[index]
    assert re.fullmatch(r"\d+\.\d+\.\d+", str(cargo))


def test_the_changelog_has_no_release_newer_than_the_tree() -> None:
    cargo = toml("Cargo.toml")["workspace"]["package"]["version"]  # type: ignore[index]
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"(?m)^## \[?([^\]\s]+)", text)
    assert headings[0] == "Unreleased"
    releases = [tuple(map(int, name.split("."))) for name in headings[1:]]
    assert releases == sorted(releases, reverse=True)
    # The tree carries the number of the next release, or in the commit of a release
    # its own; the commit after it raises the version, as scripts/stamp.py demands.
    assert all(release <= tuple(map(int, cargo.split("."))) for release in releases)


def test_interface_number_stands_for_these_stubs() -> None:
    digest = hashlib.sha256()
    for path in sorted(STUBS.glob("*.pyi")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    assert maou_rust.INTERFACE == _compat.INTERFACE == INTERFACE
    assert digest.hexdigest() == STUBS_DIGEST


def test_another_interface_names_both_versions_and_the_mend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(maou_rust, "INTERFACE", INTERFACE + 1)
    monkeypatch.setattr(maou_rust, "__version__", "9.9.9")
    with pytest.raises(ImportError) as caught:
        _compat.check()
    message = str(caught.value)
    assert maou.__version__ in message
    assert "9.9.9" in message
    assert f'pip install "maou-rust=={maou.__version__}"' in message
