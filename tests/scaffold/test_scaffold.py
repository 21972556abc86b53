"""What `nox -s new` makes builds and passes as it is, each part alone.

A crate and a package are scaffolded in a copy of the tree, which lies at one place of
.nox/, so that what cargo has built for it serves the next run. The tests share the
copy; the last fixture to go removes both and looks for traces.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.scaffold

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".nox/scaffold-work"
TREE = WORK / "tree"
PYTHON = ("uv", "run", "--no-sync", "--quiet")


def run(*command: str | Path, cwd: Path = TREE, **variables: str) -> str:
    """Run a command of the copy, which has to succeed; returns its output."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("UV_", "VIRTUAL"))}
    env |= {
        "CARGO_TARGET_DIR": str(WORK / "build"),
        "UV_PROJECT_ENVIRONMENT": str(WORK / "venv"),
        "UV_PYTHON": sys.executable,
        "NO_MKDOCS_2_WARNING": "1",
    }
    done = subprocess.run(
        command,
        cwd=cwd,
        env=env | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def status() -> str:
    return run("git", "status", "--porcelain", "--untracked-files=all")


@pytest.fixture(scope="module", autouse=True)
def scaffolded() -> Iterator[None]:
    """A copy of what git has and would take, with a crate and a package more."""
    shutil.rmtree(TREE, ignore_errors=True)
    TREE.mkdir(parents=True)
    options = ("--cached", "--others", "--exclude-standard", "-z")
    for name in run("git", "ls-files", *options, cwd=ROOT).split("\0"):
        if name and (ROOT / name).is_file():
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            # With its time: cargo builds again what is newer than the last build.
            shutil.copy2(ROOT / name, TREE / name)
    run("git", "init", "--quiet")
    run("git", "add", "--all")
    identity = ("-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false")
    run("git", *identity, "commit", "--quiet", "--message=copy")
    run(sys.executable, "scripts/new_crate.py", "poh_ack")
    run(sys.executable, "scripts/new_crate.py", "--package", "bridge_s1")
    before = status()
    yield
    # Testing has left nothing behind, and removing leaves nothing at all.
    assert status() == before
    run(sys.executable, "scripts/new_crate.py", "--remove", "poh_ack")
    run(sys.executable, "scripts/new_crate.py", "--remove", "bridge_s1")
    assert status() == ""


@pytest.fixture(scope="module")
def environment() -> None:
    """The copy's environment: all packages built from it, and every tool."""
    # Anew: the programs of an environment know the folder that it was made in.
    shutil.rmtree(WORK / "venv", ignore_errors=True)
    run("uv", "sync", "--quiet", "--locked", "--all-packages", "--group", "dev")


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [
        # A unit test and a doctest.
        ("-p poh_ack", "1 passed"),
        # A unit test, and the module inside an embedded interpreter.
        ("-p bridge_s1", "2 passed"),
        ("-p maou-rust --test embed poh_ack::", "1 passed"),
    ],
)
def test_rust_passes_alone(arguments: str, passed: str) -> None:
    output = run("cargo", "test", "--locked", "--quiet", *arguments.split())
    assert f"test result: ok. {passed}; 0 failed" in output


def test_clippy_and_rustfmt_have_nothing_to_say() -> None:
    crates = ["-p", "poh_ack", "-p", "bridge_s1", "-p", "maou-rust"]
    options = ("--locked", "--quiet", "--all-targets", *crates)
    run("cargo", "clippy", *options, "--", "-D", "warnings")
    run("cargo", "fmt", *crates, "--check")


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("path", "passed"),
    [("tests/ffi/test_poh_ack.py", 3), ("tests/ffi/test_bridge_s1.py", 4)],
)
def test_python_passes_alone(path: str, passed: int) -> None:
    assert f"{passed} passed" in run(*PYTHON, "pytest", "--quiet", path)


@pytest.mark.usefixtures("environment")
def test_the_repository_is_as_its_tests_want_it() -> None:
    markers = "not ffi and not e2e and not property and not scaffold"
    run(*PYTHON, "pytest", "--quiet", "-m", markers, "tests/packaging", "tests/docs")
    run(*PYTHON, "mkdocs", "build", "--strict", "--site-dir", WORK / "site")


@pytest.mark.usefixtures("environment")
def test_types_and_stubs_are_right() -> None:
    stubs = WORK / "stubs"
    shutil.rmtree(stubs, ignore_errors=True)
    for folder in TREE.glob("packages/*/*-stubs"):
        shutil.copytree(folder, stubs / folder.name.removesuffix("-stubs"))
    new = ("tests/ffi/test_poh_ack.py", "tests/ffi/test_bridge_s1.py")
    run(*PYTHON, "ruff", "check", "packages", "tests/ffi")
    run(*PYTHON, "ruff", "format", "--check", "packages", "tests/ffi")
    run(*PYTHON, "mypy", *new, MYPYPATH=str(stubs))
    for package in ("maou-rust", "bridge_s1"):
        module = package.replace("-", "_")
        allowed = f"packages/{package}/stubtest-allowlist.txt"
        command = ("python", "-m", "mypy.stubtest", module, "--allowlist", allowed)
        run(*PYTHON, *command, MYPYPATH=str(stubs))


def test_a_package_has_a_wheel_of_its_own() -> None:
    dist = WORK / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    # In the daily profile: what is asked is what the wheel holds.
    command = ("build", "--locked", "--quiet", "--profile", "dev", "--out", dist)
    manifest = ("--manifest-path", "packages/bridge_s1/Cargo.toml")
    run("uvx", "--quiet", "maturin@1.16.0", *command, *manifest)
    (wheel,) = dist.glob("*.whl")
    assert wheel.name.startswith("bridge_s1-")
    assert "-cp311-abi3-" in wheel.name
    venv = WORK / "wheel-venv"
    run("uv", "venv", "--quiet", "--clear", "--no-project", venv)
    run("uv", "pip", "install", "--quiet", "--offline", "--python", venv, wheel)
    code = "import bridge_s1; print(bridge_s1.__version__, bridge_s1.fingerprint(b''))"
    folder, name = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    said = run(venv / folder / name, "-c", code, cwd=dist).split()
    assert said == [wheel.name.split("-")[1], str(0xCBF29CE484222325)]
