"""The two workflows that build and publish: what they may do and what they call."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import build_wheels
import check_dist
import platforms
import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github" / "workflows"
BUILD = FOLDER / "build-wheel.yml"
PUBLISH = FOLDER / "publish.yml"
RUN = "uv run --no-project --python 3.13 "


def jobs(path: Path) -> dict[str, str]:
    """The text of each job."""
    _, text = path.read_text(encoding="utf-8").split("\njobs:\n")
    parts = re.split(r"(?m)^  ([\w-]+):\n", text)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def permissions(job: str) -> set[str]:
    return set(re.findall(r"(?m)^      ([\w-]+: (?:read|write)) #", job))


def commands(path: Path) -> list[str]:
    """The commands that the workflow runs, each on one line."""
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"(?m)^        run: (?:>-\n((?: {10}.+\n)+)|(.+)\n)", text)
    return [" ".join((folded or line).split()) for folded, line in found]


@pytest.mark.parametrize("path", [BUILD, PUBLISH], ids=lambda p: p.stem)
def test_workflows_only_call_scripts_and_nox(path: Path) -> None:
    """And with options that the scripts have."""
    found = commands(path)
    text = path.read_text(encoding="utf-8")
    assert len(found) == len(re.findall(r"(?m)^ +(- )?run: ", text)) > 5
    for command in found:
        if command == "rustup update stable --no-self-update":
            continue  # a runner's image may be older than the toolchain we ask for
        if command.startswith("uvx --python 3.13 nox -s check-dist -- "):
            script, options = "scripts/check_dist.py", command.split(" -- ")[1]
        else:
            assert command.startswith(f"{RUN}scripts/"), command
            script, _, options = command.removeprefix(RUN).partition(" ")
        words = shlex.split(options.split(">>")[0])
        verb = [w for w in words[:1] if re.fullmatch("[a-z]+", w) and w != "dist"]
        help_text = subprocess.run(
            [sys.executable, script, *verb, "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for word in words:
            if word.startswith("--"):
                assert re.search(rf"{word}\b", help_text), f"{command}: {word}"


def test_what_each_job_may_do() -> None:
    build, publish = jobs(BUILD), jobs(PUBLISH)
    special = {
        "latest": {"contents: write"},
        "publish-rust": {"id-token: write", "attestations: write"},
        "publish-pure": {"id-token: write", "attestations: write"},
        "release": {"contents: write"},
    }
    for name, job in (build | publish).items():
        assert permissions(job) == special.get(name, {"contents: read"}), name
        assert "timeout-minutes: " in job, name
        assert job.count("actions/checkout@") == job.count("persist-credentials: false")
    for path in (BUILD, PUBLISH):
        assert "\npermissions: {}\n" in path.read_text(encoding="utf-8")


def test_caches_are_read_and_written_by_the_builds_of_main_alone() -> None:
    for name, job in jobs(BUILD).items():
        assert ("actions/cache" in job) == ("--sccache" in job) == (name == "rust")
    text = PUBLISH.read_text(encoding="utf-8")
    assert "actions/cache" not in text
    assert "sccache" not in text
    for path in (BUILD, PUBLISH):
        text = path.read_text(encoding="utf-8")
        assert text.count("setup-uv@") == text.count("enable-cache: false")


def test_jobs_that_write_build_nothing() -> None:
    for name, job in (jobs(BUILD) | jobs(PUBLISH)).items():
        if any("write" in permission for permission in permissions(job)):
            assert "build_wheels" not in job, name
            assert "nox" not in job, name
            assert "download-artifact@" in job, name


def test_no_run_that_waits_is_left_out() -> None:
    """Else an older one that comes later takes the place of the newest."""
    assert "cancel-in-progress: false\n      queue: max #" in jobs(BUILD)["latest"]
    text = PUBLISH.read_text(encoding="utf-8")
    assert "cancel-in-progress: false\n  queue: max #" in text


def test_both_packages_are_published_maou_rust_first() -> None:
    publish = jobs(PUBLISH)
    assert "needs: publish-rust" in publish["publish-pure"]
    assert "needs: publish-pure" in publish["release"]
    packages = {"publish-rust": "maou-rust", "publish-pure": "maou"}
    for name, package in packages.items():
        assert f"environment:\n      name: pypi-{package}\n" in publish[name]
        assert "skip-existing: true" in publish[name]
        assert "attest-build-provenance@" in publish[name]


def test_wheels_are_tried_on_every_python() -> None:
    for path in (BUILD, PUBLISH):
        assert any(c.endswith("--python 3.11 3.12 3.13 3.14") for c in commands(path))


def test_the_workflows_build_with_the_maturin_of_nox() -> None:
    text = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    assert re.findall(r'"maturin@([\d.]+)"', text) == [build_wheels.MATURIN]


def test_a_matrix_names_every_platform() -> None:
    names = [entry["platform"] for entry in platforms.matrix()["include"]]
    assert names == [
        "linux-x86_64",
        "linux-aarch64",
        "macos-arm64",
        "macos-x86_64",
        "windows-x86_64",
    ]
    assert sum(platforms.is_here(p) for p in platforms.PLATFORMS) == 1
    with pytest.raises(ValueError, match="solaris: expected one of linux-x86_64, "):
        platforms.named("solaris")


def test_a_missing_platform_is_named(tmp_path: Path) -> None:
    wheels = [
        tmp_path / f"maou_rust-1.0-cp311-abi3-{tag}.whl"
        for tag in ("manylinux_2_28_x86_64", "macosx_11_0_arm64", "win_amd64")
    ]
    expected = "expected one wheel of maou-rust for"
    assert check_dist.check_platforms(tmp_path, wheels) == [
        f"{tmp_path}: {expected} linux-aarch64, found 0",
        f"{tmp_path}: {expected} macos-x86_64, found 0",
    ]
