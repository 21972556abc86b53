"""The switch to a prebuilt maou-rust: by path, by URL and by index, without cargo."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform == "win32", reason="the line for POSIX shells"),
]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel() -> Path:
    """The wheel that the session installed maou-rust from, left in dist/."""
    wheels = list((ROOT / "dist").glob("maou_rust-*.whl"))
    assert len(wheels) == 1, "nox -s e2e builds exactly one wheel into dist/"
    return wheels[0]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the switch reads: no crates, nothing that cargo could build."""
    copy = tmp_path / "checkout"
    for name in ("packages", "prebuilt", "scripts"):
        ignored = shutil.ignore_patterns("active", "__pycache__", ".venv", "uv.lock")
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Variables without a Rust toolchain: `cargo` on the PATH fails loudly."""
    hidden = tmp_path / "bin"
    hidden.mkdir()
    for name in ("cargo", "rustc", "maturin"):
        script = hidden / name
        script.write_text('#!/bin/sh\necho "no Rust here" >&2\nexit 97\n')
        script.chmod(0o755)
    # nox names its own environment: the checkout is to make one.
    kept = {
        name: value
        for name, value in os.environ.items()
        if name != "VIRTUAL_ENV" and not name.startswith("UV_PROJECT")
    }
    uv = shutil.which("uv")
    assert uv is not None
    path = os.pathsep.join([str(hidden), str(Path(uv).parent), kept["PATH"]])
    return kept | {
        "PATH": path,
        "MATURIN_NO_INSTALL_RUST": "1",
        "UV_PYTHON": sys.executable,
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


@pytest.fixture
def server(tmp_path: Path, wheel: Path):  # type: ignore[no-untyped-def]
    """A package index on loopback that holds the one wheel."""
    site = tmp_path / "site"
    simple = site / "simple" / "maou-rust"
    simple.mkdir(parents=True)
    shutil.copy(wheel, site / wheel.name)
    page = f'<a href="/{wheel.name}">{wheel.name}</a>'
    (simple / "index.html").write_text(
        f"<!DOCTYPE html><html><body>{page}</body></html>"
    )

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()
        thread.join()


def switch(checkout: Path, environment: dict[str, str], *words: str) -> dict[str, str]:
    """Run the documented line in a shell; returns the variables after it."""
    command = " ".join(["python3", "scripts/prebuilt.py", *words])
    script = f'set -e; eval "$({command})"; env -0'
    output = subprocess.run(
        ["bash", "-c", script],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return dict(line.split("=", 1) for line in output.split("\0") if line)


@pytest.mark.parametrize("way", ["path", "folder", "url", "index"])
def test_demo_runs_from_a_prebuilt_wheel(
    way: str, checkout: Path, environment: dict[str, str], server: str, wheel: Path
) -> None:
    source = {
        "path": str(wheel),
        "folder": str(wheel.parent),
        "url": f"{server}/{wheel.name}",
        "index": f"{server}/simple",
    }[way]
    switched = switch(checkout, environment, "on", source)
    result = subprocess.run(
        ["uv", "run", "maou", "demo", "-o", "demo-out"],
        cwd=checkout,
        env=switched,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert (checkout / "demo-out").is_dir()
    where = subprocess.run(
        [
            "uv",
            "run",
            "python",
            "-c",
            "import maou, maou_rust; print(maou.__file__); print(maou_rust.__file__)",
        ],
        cwd=checkout,
        env=switched,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert Path(where[0]).is_relative_to(checkout / "packages/maou/src")
    assert Path(where[1]).is_relative_to(checkout / ".venv")

    off = switch(checkout, switched, "off")
    assert "UV_PROJECT" not in off
    assert "UV_PROJECT_ENVIRONMENT" not in off


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere.whl", "nowhere.whl: expected a wheel, a folder of wheels, or an"),
        ("scripts", "scripts: expected a maou_rust-*.whl in this folder, found none"),
        ("maou-1.0-py3-none-any.whl", "expected a wheel of maou-rust, maou_rust-*"),
    ],
)
def test_a_wrong_source_is_named(
    source: str, message: str, checkout: Path, environment: dict[str, str]
) -> None:
    (checkout / "maou-1.0-py3-none-any.whl").write_bytes(b"")
    result = subprocess.run(
        [sys.executable, "scripts/prebuilt.py", "on", source],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert message in result.stderr
    assert not (checkout / "prebuilt/active/pyproject.toml").exists()
