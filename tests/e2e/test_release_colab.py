"""The line of the Colab page, and the clone, against a server in place of GitHub."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import colab_txt
import latest_release
import pytest
from clone import clone
from file_server import served
from github_releases import GitHub
from tiny_wheel import tiny_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/guides/colab.md").read_text(encoding="utf-8")
CELLS = [
    "".join(cell["source"])
    for cell in json.loads((ROOT / "docs/guides/colab.ipynb").read_text("utf-8"))[
        "cells"
    ]
    if cell["cell_type"] == "code"
]
REPOSITORY = "OWNER/maou"
TORCH = "2.9.0+cu130"
WINDOWS = os.name == "nt"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHub]:
    """The release page: the wheels of dist/, the pointer, the list on its branch."""
    folder = tmp_path_factory.mktemp("site")
    with served(folder) as url:
        client = GitHub(REPOSITORY, "", downloads=url, raw=f"{url}/raw")
        lines = colab_txt.requirements(
            ROOT / "dist", client.download_url(latest_release.TAG)
        )
        release = folder / REPOSITORY / "releases/download/latest"
        release.mkdir(parents=True)
        for line in lines:
            shutil.copy(ROOT / "dist" / line.file_name, release)
        (release / "colab.txt").write_bytes(latest_release.pointer(client))
        branch = folder / "raw" / REPOSITORY / latest_release.BRANCH
        branch.mkdir(parents=True)
        (branch / "colab.txt").write_text(colab_txt.text_of(lines))
        yield client


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """What stands in for the notebook's Python: pip, and a torch that must stay."""
    venv = tmp_path / "venv"
    command = ["uv", "venv", "--quiet", "--seed", "--no-project", str(venv)]
    subprocess.run([*command, "--python", sys.executable], check=True)
    python = venv / ("Scripts/python.exe" if WINDOWS else "bin/python")
    torch = tiny_wheel(tmp_path, "torch", TORCH)
    install = ["uv", "pip", "install", "--quiet", "--python", str(python)]
    subprocess.run([*install, str(torch)], check=True)
    return python


@pytest.fixture
def environment(tmp_path: Path, python: Path) -> dict[str, str]:
    """Variables in which Rust is never called and the notebook's programs are first."""
    hidden = tmp_path / "no-rust"
    hidden.mkdir()
    for name in ("cargo", "rustc", "maturin"):
        script = hidden / (f"{name}.bat" if WINDOWS else name)
        script.write_text("@exit /b 97\n" if WINDOWS else "#!/bin/sh\nexit 97\n")
        script.chmod(0o755)
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("VIRTUAL_ENV", "PYTHONPATH")
        and not name.startswith("UV_PROJECT")
    }
    path = os.pathsep.join([str(python.parent), str(hidden), kept["PATH"]])
    local = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    return kept | local | {"PATH": path, "MATURIN_NO_INSTALL_RUST": "1"}


def documented(site: GitHub, python: Path, pattern: str) -> list[str]:
    """A line of the page, with the server and the environment of this test in it."""
    line = re.search(rf"(?m)^!({pattern}.*)$", GUIDE)
    assert line, f"docs/guides/colab.md: expected a line `!{pattern}…`"
    text = line[1].replace("https://github.com", site.downloads)
    words = text.replace("--system", f"--python {python.as_posix()}").split()
    if words[0] in ("python", "pip"):
        words[:1] = (
            [str(python)] if words[0] == "python" else [str(python), "-m", "pip"]
        )
    return words


def run(words: list[str], environment: dict[str, str], cwd: Path) -> str:
    if found := shutil.which(words[0], path=environment["PATH"]):
        words = [found, *words[1:]]
    done = subprocess.run(
        words, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def torch_version(python: Path, environment: dict[str, str], cwd: Path) -> str:
    code = "import torch, importlib.metadata as m; print(torch.__version__, "
    return run([str(python), "-c", f"{code}m.version('torch'))"], environment, cwd)


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_one_line_installs_and_leaves_torch(
    tool: str,
    site: GitHub,
    python: Path,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    before = torch_version(python, environment, tmp_path)
    assert before == f"{TORCH} {TORCH}\n"
    words = documented(site, python, "uv pip install --system -r")
    if tool == "pip":
        words = [str(python), "-m", "pip", "install", *words[-2:]]
    run(words, environment, tmp_path)
    assert torch_version(python, environment, tmp_path) == before

    assert "all that is needed works" in run(["maou", "doctor"], environment, tmp_path)
    assert "What to try next" in run(["maou", "demo"], environment, tmp_path)
    # The last cell, on what the demo has left.
    code = CELLS[-1].replace("maou.Dataset", "print(maou.Dataset", 1) + ")"
    assert "shape: (30, " in run([str(python), "-c", code], environment, tmp_path)
    # The line is typed again, and finds all in place.
    run(words, environment, tmp_path)


def test_a_clone_takes_the_wheel_of_the_release(
    site: GitHub, python: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    checkout = clone(tmp_path / "maou")
    before = torch_version(python, environment, tmp_path)
    for pattern in ("python scripts/prebuilt.py", "uv pip install --system --dir"):
        run(documented(site, python, pattern), environment, checkout)
    assert torch_version(python, environment, tmp_path) == before

    code = "import maou, maou_rust; print(maou.__file__, maou_rust.__file__, sep='\\n')"
    where = run([str(python), "-c", code], environment, tmp_path).splitlines()
    assert Path(where[0]).is_relative_to(checkout / "packages/maou/src")
    assert Path(where[1]).is_relative_to(python.parent.parent)
    assert "all that is needed works" in run(["maou", "doctor"], environment, tmp_path)

    # The same active project serves `uv run`, in an environment of its own.
    project = {
        "UV_PROJECT": str(checkout / "prebuilt/active"),
        "UV_PROJECT_ENVIRONMENT": str(checkout / ".venv"),
        "UV_PYTHON": str(sys.executable),
    }
    version = run(["uv", "run", "maou", "--version"], environment | project, checkout)
    assert version.startswith("maou ")


def test_a_wheel_with_another_hash_stops_the_switch(
    site: GitHub, environment: dict[str, str], tmp_path: Path
) -> None:
    checkout = clone(tmp_path / "maou")
    text = re.sub("sha256=.{64}", f"sha256={'0' * 64}", "".join(
        f"{line}\n"
        for line in colab_txt.requirements(ROOT / "dist", site.download_url("latest"))
    ))  # fmt: skip
    (tmp_path / "colab.txt").write_text(text)
    done = subprocess.run(
        [sys.executable, "scripts/prebuilt.py", "on", str(tmp_path / "colab.txt")],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "expected sha256 `000" in done.stderr
    assert not (checkout / "prebuilt/active").exists()
