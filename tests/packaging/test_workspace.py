"""What a user's environment gets, and what the lock file may name."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

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
    names = exported("--package", "maou")
    assert names == {"maou", "maou-rust", "numpy", "polars", "polars-runtime-32"}
    assert not exported("--all-packages") & GPL


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


MANIFESTS = [
    path.relative_to(ROOT).as_posix()
    for folder in ("crates", "packages")
    for path in sorted(ROOT.glob(f"{folder}/*/Cargo.toml"))
]
PROJECTS = ["pyproject.toml", "prebuilt/pyproject.toml"] + [
    path.relative_to(ROOT).as_posix()
    for path in sorted(ROOT.glob("packages/*/pyproject.toml"))
]
Table = dict[str, Any]


def toml(path: str) -> Table:
    return tomllib.loads((ROOT / path).read_text(encoding="utf-8"))


def dependency_tables(manifest: Table) -> dict[str, Table]:
    """Dependencies of a manifest by kind, those of single platforms included."""
    found: dict[str, Table] = {}
    for part in [manifest, *manifest.get("target", {}).values()]:
        for kind in ("dependencies", "dev-dependencies", "build-dependencies"):
            found.setdefault(kind, {}).update(part.get(kind, {}))
    return found


@pytest.mark.parametrize("path", MANIFESTS)
def test_crates_keep_their_borders(path: str) -> None:
    """Only packages use pyo3, only maou_io uses arrow, no one uses polars."""
    names = {name for table in dependency_tables(toml(path)).values() for name in table}
    assert not any(name.startswith("polars") for name in names)
    assert ("pyo3" in names) == path.startswith("packages/")
    uses_arrow = any(name.startswith("arrow") for name in names)
    assert uses_arrow == (path == "crates/maou_io/Cargo.toml")


@pytest.mark.parametrize("path", MANIFESTS)
def test_versions_of_crates_stand_in_one_place(path: str) -> None:
    """A manifest says `workspace = true`; version and path are in Cargo.toml."""
    manifest = toml(path)
    for table in dependency_tables(manifest).values():
        for name, entry in table.items():
            assert isinstance(entry, dict), f"{path}: {name}"
            assert entry.get("workspace") is True, f"{path}: {name}"
            assert not {"version", "path", "git"} & set(entry), f"{path}: {name}"
    for key in ("version", "edition", "rust-version", "license", "publish"):
        assert manifest["package"][key] == {"workspace": True}, f"{path}: {key}"
    assert manifest["lints"] == {"workspace": True}, path


def test_no_version_of_a_crate_is_left_over() -> None:
    """What Cargo.toml lists is a crate of the workspace, or some crate asks for it."""
    tables = [t for path in MANIFESTS for t in dependency_tables(toml(path)).values()]
    used = {name for table in tables for name in table}
    members = {Path(path).parent.name for path in MANIFESTS}
    assert set(toml("Cargo.toml")["workspace"]["dependencies"]) <= used | members


def test_only_test_builds_start_an_interpreter() -> None:
    """An extension module with `auto-initialize` would not load in Python."""
    assert "auto-initialize" not in str(toml("Cargo.toml")["workspace"])
    for path in MANIFESTS:
        for kind, table in dependency_tables(toml(path)).items():
            features = table.get("pyo3", {}).get("features", [])
            wanted = path.startswith("packages/") and kind == "dev-dependencies"
            assert ("auto-initialize" in features) == wanted, f"{path}: {kind}"


def requirements(path: str) -> dict[str, str]:
    """Name and range of everything that a pyproject asks for."""
    data = toml(path)
    project = data.get("project", {})
    lists = [
        project.get("dependencies", []),
        data.get("build-system", {}).get("requires", []),
        *project.get("optional-dependencies", {}).values(),
        *data.get("dependency-groups", {}).values(),
    ]
    found = {}
    for entry in (entry for entries in lists for entry in entries):
        if isinstance(entry, str):
            match = re.match(r"([\w.-]+)(?:\[[^]]*\])?\s*([^;]*)", entry)
            assert match is not None, f"{path}: {entry}"
            found[match[1].lower().replace("_", "-")] = match[2].strip()
    if "requires-python" in project:
        found["python"] = project["requires-python"]
    return found


def test_ranges_of_python_packages_stand_in_one_place() -> None:
    """What more than one pyproject names has its range in the root's table."""
    shared: dict[str, str] = PROJECT["tool"]["maou"]["shared-ranges"]
    own = {Path(path).parent.name.replace("_", "-") for path in PROJECTS}
    asked: dict[str, dict[str, str]] = {}
    for path in PROJECTS:
        for name, wanted in requirements(path).items():
            asked.setdefault(name, {})[path] = wanted
    for name, places in asked.items():
        if name in own:
            continue
        if len(places) > 1:
            assert name in shared, f"{name}: {places}"
        if name in shared:
            assert places == dict.fromkeys(places, shared[name])
    assert set(shared) <= set(asked)


def test_rules_are_compared_with_the_profile_of_wheels() -> None:
    profiles = [
        tomllib.loads((ROOT / name).read_text(encoding="utf-8"))["profile"]["release"]
        for name in ("Cargo.toml", "benches/rules/Cargo.toml")
    ]
    assert profiles[0] == profiles[1]
