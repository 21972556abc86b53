"""Stamping a working copy: what changes, what stays, and when it is refused."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import set_version

ROOT = Path(__file__).resolve().parents[2]
BASE = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"][
    "package"
]["version"]
FILES = (
    *sorted({name for name, _ in set_version.PLACES}),
    "Cargo.lock",
    "CHANGELOG.md",
    "pyproject.toml",
    "uv.lock",
    "packages/maou/README.md",
    "packages/maou-rust/Cargo.toml",
    "packages/maou-rust/README.md",
    "scripts/changelog_section.py",
    "scripts/set_version.py",
    "scripts/stamp.py",
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what stamping reads, with no section for the next version."""
    copy = tmp_path / "tree"
    for name in FILES:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    changelog = copy / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8").replace(f"## {BASE}", "## 0.0.0")
    changelog.write_text(text, encoding="utf-8")
    return copy


def stamp(tree: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "scripts/stamp.py", *map(str, words)],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )


def texts(tree: Path) -> dict[str, str]:
    return {name: (tree / name).read_text(encoding="utf-8") for name in FILES}


def test_python_sees_the_stamp_and_cargo_does_not(tree: Path) -> None:
    before = texts(tree)
    done = stamp(tree, "write", 1201)
    assert (done.returncode, done.stdout) == (0, f"{BASE}.dev1201\n")
    after = texts(tree)
    changed = {name for name in FILES if after[name] != before[name]}
    projects = {p.relative_to(ROOT) for p in ROOT.glob("packages/*/pyproject.toml")}
    assert len(projects) >= 2
    assert changed == {
        *(path.as_posix() for path in projects),
        "packages/maou/src/maou/_version.py",
        "uv.lock",
    }
    version = f"{BASE}.dev1201"
    maou = tomllib.loads(after["packages/maou/pyproject.toml"])["project"]
    rust = tomllib.loads(after["packages/maou-rust/pyproject.toml"])["project"]
    assert maou["version"] == rust["version"] == version
    assert f"maou-rust=={version}" in maou["dependencies"]
    assert after["packages/maou/src/maou/_version.py"].endswith(f'"{version}"\n')
    for name in changed:
        assert before[name] == re.sub(r"\.dev1201\b", "", after[name]), name
    # Another number takes the place of the first.
    assert stamp(tree, "write", 1202).stdout == f"{BASE}.dev1202\n"
    assert "dev1201" not in "".join(texts(tree)[name] for name in changed)


def test_the_lock_file_stays_true(tree: Path) -> None:
    stamp(tree, "write", 1201)
    command = ["uv", "lock", "--check", "--offline", "--python", sys.executable]
    # The wheels of the lock file are not asked for: only its text is compared.
    done = subprocess.run(
        command, cwd=tree, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_numbers_grow_with_runs_and_attempts(tree: Path) -> None:
    numbers = [
        int(stamp(tree, "number", "--run", run, "--attempt", attempt).stdout[7:])
        for run, attempt in [(1, 1), (1, 2), (2, 1), (12, 99), (13, 1)]
    ]
    assert numbers == [101, 102, 201, 1299, 1301]
    assert numbers == sorted(numbers)
    done = stamp(tree, "number", "--run", 1, "--attempt", 100)
    assert done.returncode == 1
    assert "--attempt 100: expected 1 to 99" in done.stderr


@pytest.mark.parametrize("words", [("write", 5), ("number", "--run=1", "--attempt=1")])
def test_a_released_version_is_not_stamped(
    tree: Path, words: tuple[object, ...]
) -> None:
    """X.Y.Z.devN would come before X.Y.Z, which is out already."""
    changelog = tree / "CHANGELOG.md"
    with changelog.open("a", encoding="utf-8") as file:
        file.write(f"\n## {BASE} - 2026-11-20\n\nThe first.\n")
    before = texts(tree)
    done = stamp(tree, *words)
    assert done.returncode == 1
    assert f"{BASE} is released" in done.stderr
    assert "raise the version" in done.stderr
    assert texts(tree) == before
