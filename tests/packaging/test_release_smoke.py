"""The smoke test takes the two wheels of one build, and never calls Rust."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import smoke_test


@pytest.mark.parametrize(
    "names",
    [
        ["maou-1.0-py3-none-any.whl"],
        ["maou-1.0-py3-none-any.whl", "maou_rust-1.1-cp311-abi3-win_amd64.whl"],
        ["maou-1.0-py3-none-any.whl", "other-1.0-py3-none-any.whl"],
    ],
)
def test_other_wheels_are_refused(names: list[str]) -> None:
    with pytest.raises(ValueError, match="expected a wheel of maou and its maou-rust"):
        smoke_test.versions_of([Path(name) for name in names])


def test_the_version_of_a_build() -> None:
    names = [
        "maou_rust-1.0.dev2-cp311-abi3-win_amd64.whl",
        "maou-1.0.dev2-py3-none-any.whl",
    ]
    assert smoke_test.versions_of([Path(name) for name in names]) == "1.0.dev2"


def test_cargo_fails_if_it_is_called(tmp_path: Path) -> None:
    environment = smoke_test.without_cargo(tmp_path / "bin")
    for name in ("cargo", "rustc", "maturin"):
        done = subprocess.run(name, shell=True, env=environment, check=False)
        assert done.returncode == 97
