"""Install built wheels into empty environments and try them.

    python scripts/smoke_test.py dist/*.whl --python 3.11 3.12 3.13 3.14

For each Python: a new environment, the two wheels with what they depend on, nothing
from source; then import, versions, the commands. cargo is never called: a program of
that name that fails stands in its place. Needs uv, which fetches a missing Python.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

CHECK = """
import importlib.metadata as metadata, sys
import maou, maou_rust
from maou_rust.maou_io import hello
expected = sys.argv[1]
found = {
    "maou": metadata.version("maou"),
    "maou-rust": metadata.version("maou-rust"),
    "maou.__version__": maou.__version__,
    "maou_rust.__version__": maou_rust.__version__,
    "hello()": hello().removeprefix("maou-rust "),
}
assert found == dict.fromkeys(found, expected), found
print(hello())
"""
COMMANDS = (["--version"], ["--help"], ["doctor"], ["demo", "-o", "demo"])


def without_cargo(folder: Path) -> dict[str, str]:
    """Variables in which a call of cargo, rustc or maturin fails."""
    folder.mkdir()
    for name in ("cargo", "rustc", "maturin"):
        if os.name == "nt":
            (folder / f"{name}.bat").write_text("@exit /b 97\n")
        else:
            (folder / name).write_text(
                f"#!/bin/sh\necho {name} is called >&2\nexit 97\n"
            )
            (folder / name).chmod(0o755)
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("VIRTUAL_ENV", "PYTHONPATH") and not name.startswith("UV_PROJ")
    }
    path = os.pathsep.join([str(folder), kept.get("PATH", "")])
    return kept | {"PATH": path, "MATURIN_NO_INSTALL_RUST": "1", "PYTHONUTF8": "1"}


def versions_of(wheels: list[Path]) -> str:
    """Return the one version of the wheels.

    Raises:
        ValueError: they are not maou and maou-rust of one version.
    """
    names = sorted(wheel.name.split("-")[0] for wheel in wheels)
    versions = sorted({wheel.name.split("-")[1] for wheel in wheels})
    if names != ["maou", "maou_rust"] or len(versions) != 1:
        found = ", ".join(wheel.name for wheel in wheels)
        raise ValueError(f"expected a wheel of maou and its maou-rust, found {found}")
    return versions[0]


def smoke_test(wheels: list[Path], python: str) -> None:
    """Install the wheels into an empty environment of one Python, and try them.

    Raises:
        subprocess.CalledProcessError: something does not work.
    """
    version = versions_of(wheels)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = without_cargo(folder / "bin")

        def run(*command: str | Path) -> None:
            # Away from the checkout, whose packages must not be found.
            subprocess.run(list(command), cwd=folder, env=environment, check=True)

        run("uv", "venv", "--quiet", "--no-project", "--python", python, "venv")
        scripts = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        suffix = ".exe" if os.name == "nt" else ""
        interpreter = scripts / f"python{suffix}"
        install = ["uv", "pip", "install", "--quiet", "--only-binary", ":all:"]
        run(*install, "--python", interpreter, *(wheel.resolve() for wheel in wheels))
        run(interpreter, "-c", CHECK, version)
        for words in COMMANDS:
            run(scripts / f"maou{suffix}", *words)
        if not any((folder / "demo").iterdir()):
            raise ValueError("maou demo: expected files in its folder")
    print(f"{version} works with Python {python}", flush=True)


def main() -> None:
    """Try the wheels with every Python."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheels", nargs="+", type=Path, help="maou and maou-rust")
    parser.add_argument(
        "--python", nargs="+", required=True, help="versions, or paths of interpreters"
    )
    options = parser.parse_args()
    try:
        for python in options.python:
            smoke_test(options.wheels, python)
    except (subprocess.CalledProcessError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
