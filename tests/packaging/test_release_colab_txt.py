"""colab.txt: what it lists, and that uv and pip obey its hashes."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import colab_txt
import platforms
import prebuilt
import pytest
from file_server import served
from tiny_wheel import tiny_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = "0.1.0.dev7"
TAGS = (
    "manylinux_2_28_x86_64",
    "manylinux_2_28_aarch64",
    "macosx_11_0_arm64",
    "macosx_10_12_x86_64",
    "win_amd64",
)


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheels of one build, in miniature."""
    folder = tmp_path_factory.mktemp("dist")
    tiny_wheel(folder, "maou", VERSION, requires=[f"maou-rust=={VERSION}"])
    for tag in TAGS:
        tiny_wheel(folder, "maou-rust", VERSION, f"cp311-abi3-{tag}")
    return folder


@pytest.fixture(scope="module")
def url(dist: Path) -> Iterator[str]:
    with served(dist) as address:
        yield address


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with pip."""
    venv = tmp_path_factory.mktemp("venv") / "venv"
    command = ["uv", "venv", "--quiet", "--seed", "--no-project", str(venv)]
    subprocess.run([*command, "--python", sys.executable], check=True)
    windows = os.name == "nt"
    return venv / ("Scripts/python.exe" if windows else "bin/python")


def install(
    tool: str, python: Path, requirements: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Install a requirements file by its URL, into a folder of its own."""
    target = ["--target", str(folder / "installed"), "--no-index"]
    command = {
        "uv": ["uv", "pip", "install", "--python", str(python)],
        "pip": [str(python), "-m", "pip", "install", "--disable-pip-version-check"],
    }[tool]
    local = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    caches = {"UV_CACHE_DIR": str(folder / "uv"), "PIP_CACHE_DIR": str(folder / "pip")}
    return subprocess.run(
        [*command, *target, "-r", requirements],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | local | caches,
    )


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_the_wheels_are_installed(
    tool: str, dist: Path, url: str, python: Path, tmp_path: Path
) -> None:
    lines = colab_txt.requirements(dist, url)
    (dist / "list.txt").write_text(colab_txt.text_of(lines))
    (dist / "colab.txt").write_text(f"# the pointer\n-r {url}/list.txt\n")
    done = install(tool, python, f"{url}/colab.txt", tmp_path)
    assert done.returncode == 0, done.stderr
    installed = tmp_path / "installed"
    for name in ("maou", "maou_rust"):
        text = (installed / name / "__init__.py").read_text()
        assert text == f'__version__ = "{VERSION}"\n'


@pytest.mark.parametrize("tool", ["uv", "pip"])
@pytest.mark.parametrize("wrong", ["maou", "maou-rust"])
def test_a_wrong_hash_is_refused(
    tool: str, wrong: str, dist: Path, url: str, python: Path, tmp_path: Path
) -> None:
    lines = [
        colab_txt.Requirement(line.name, line.url, "0" * 64, line.marker)
        if line.name == wrong
        else line
        for line in colab_txt.requirements(dist, url)
    ]
    (dist / "wrong.txt").write_text(colab_txt.text_of(lines))
    done = install(tool, python, f"{url}/wrong.txt", tmp_path)
    assert done.returncode != 0
    expected = {"uv": "Hash mismatch", "pip": "DO NOT MATCH THE HASHES"}[tool]
    assert expected in done.stdout + done.stderr
    assert not (tmp_path / "installed" / wrong.replace("-", "_")).exists()


def test_one_line_per_platform(dist: Path) -> None:
    lines = colab_txt.requirements(dist, "https://example.org/latest/")
    text = colab_txt.text_of(lines)
    first = f"# maou {VERSION}, and maou-rust {VERSION} for each platform"
    assert text.splitlines()[0] == first
    assert "--hash" not in text
    assert lines[0].name == "maou"
    assert lines[0].marker is None
    assert {line.marker for line in lines[1:]} == {
        "sys_platform == 'linux' and platform_machine == 'x86_64'",
        "sys_platform == 'linux' and platform_machine == 'aarch64'",
        "sys_platform == 'darwin' and platform_machine == 'arm64'",
        "sys_platform == 'darwin' and platform_machine == 'x86_64'",
        "sys_platform == 'win32' and platform_machine == 'AMD64'",
    }
    here = [line for line in lines[1:] if line.is_for_this_platform()]
    assert [platforms.is_here(platforms.of_wheel(w.file_name)) for w in here] == [True]
    assert colab_txt.parse(text) == lines
    assert all(line.url.startswith("https://example.org/latest/maou") for line in lines)


def test_nested_lists_are_followed(dist: Path, url: str, tmp_path: Path) -> None:
    lines = colab_txt.requirements(dist, url)
    (tmp_path / "list.txt").write_text(colab_txt.text_of(lines))
    (tmp_path / "colab.txt").write_text("# pointer\n-r list.txt\n")
    assert colab_txt.read(str(tmp_path / "colab.txt")) == lines
    (tmp_path / "circle.txt").write_text("-r circle.txt\n")
    with pytest.raises(ValueError, match="expected at most 5 nested files"):
        colab_txt.read(str(tmp_path / "circle.txt"))
    with pytest.raises(ValueError, match=r"nowhere\.txt"):
        colab_txt.read(f"{url}/nowhere.txt")


def test_a_fetched_wheel_is_checked(dist: Path, url: str, tmp_path: Path) -> None:
    line = colab_txt.requirements(dist, url)[1]
    old = tmp_path / "maou_rust-0.1.0.dev1-cp311-abi3-win_amd64.whl"
    old.write_bytes(b"")
    wheel = colab_txt.fetch(line, tmp_path)
    assert wheel.read_bytes() == (dist / line.file_name).read_bytes()
    assert list(tmp_path.iterdir()) == [wheel]
    wrong = colab_txt.Requirement(line.name, line.url, "0" * 64, line.marker)
    with pytest.raises(ValueError, match="expected sha256 `000"):
        colab_txt.fetch(wrong, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_the_switch_names_a_platform_without_a_wheel(
    dist: Path, tmp_path: Path
) -> None:
    others = [
        line
        for line in colab_txt.requirements(dist, "https://example.org")
        if line.name == "maou" or not line.is_for_this_platform()
    ]
    (tmp_path / "colab.txt").write_text(colab_txt.text_of(others))
    with pytest.raises(
        SystemExit, match=r"expected a wheel of maou-rust for .*, found"
    ):
        prebuilt.listed_wheel(str(tmp_path / "colab.txt"))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["maou-1.0-py3-none-any.whl"], "one of maou-rust per platform, found 1 and 0"),
        (
            ["maou-1.0-py3-none-any.whl", "maou_rust-1.1-cp311-abi3-win_amd64.whl"],
            "expected one version, found 1.0, 1.1",
        ),
        (
            [
                "maou-1.0-py3-none-any.whl",
                "maou_rust-1.0-cp311-abi3-macosx_11_0_arm64.whl",
                "maou_rust-1.0-cp311-abi3-macosx_12_0_arm64.whl",
            ],
            "expected one wheel of macos-arm64, found two",
        ),
        (
            ["maou-1.0-py3-none-any.whl", "maou_rust-1.0-cp311-abi3-win32.whl"],
            "expected a wheel of linux-x86_64, .*, found the tag `win32`",
        ),
    ],
)
def test_wheels_of_other_builds_are_refused(
    names: list[str], message: str, tmp_path: Path
) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ValueError, match=message):
        colab_txt.requirements(tmp_path, "https://example.org")
