"""The platforms that wheels of maou-rust are built for: one list for all scripts.

python scripts/platforms.py    # the build matrix of the workflows, as JSON
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Platform:
    """One platform: where it is built, how its wheels and its Pythons are named."""

    name: str
    runner: str
    """The label of the hosted runner that builds and tests it."""
    tag_start: str
    tag_end: str
    """A wheel is of this platform if its tag begins and ends like this."""
    sys_platform: str
    machine: str
    """What `platform.machine()` says in a Python of this platform."""

    @property
    def marker(self) -> str:
        """The environment marker of this platform."""
        return (
            f"sys_platform == '{self.sys_platform}'"
            f" and platform_machine == '{self.machine}'"
        )

    def fits(self, tag: str) -> bool:
        """Tell whether a wheel's platform tag (`a` or `a.b`) is of this platform."""
        return any(
            part.startswith(self.tag_start) and part.endswith(self.tag_end)
            for part in tag.split(".")
        )


PLATFORMS = (
    Platform(
        "linux-x86_64", "ubuntu-24.04", "manylinux_", "_x86_64", "linux", "x86_64"
    ),
    Platform(
        "linux-aarch64",
        "ubuntu-24.04-arm",
        "manylinux_",
        "_aarch64",
        "linux",
        "aarch64",
    ),
    Platform("macos-arm64", "macos-15", "macosx_", "_arm64", "darwin", "arm64"),
    Platform(
        "macos-x86_64", "macos-15-intel", "macosx_", "_x86_64", "darwin", "x86_64"
    ),
    Platform("windows-x86_64", "windows-2025", "win_", "_amd64", "win32", "AMD64"),
)


def of_wheel(wheel_name: str) -> Platform:
    """Return the platform of a wheel of maou-rust, by its file name."""
    tag = wheel_name.removesuffix(".whl").rsplit("-", 1)[-1]
    for candidate in PLATFORMS:
        if candidate.fits(tag):
            return candidate
    known = ", ".join(p.name for p in PLATFORMS)
    message = f"{wheel_name}: expected a wheel of {known}, found the tag `{tag}`"
    raise ValueError(message)


def named(name: str) -> Platform:
    """Return the platform of this name."""
    for candidate in PLATFORMS:
        if candidate.name == name:
            return candidate
    known = ", ".join(p.name for p in PLATFORMS)
    message = f"{name}: expected one of {known}"
    raise ValueError(message)


def is_here(candidate: Platform) -> bool:
    """Tell whether this Python runs on that platform."""
    here = (sys.platform, platform.machine())
    return here == (candidate.sys_platform, candidate.machine)


def matrix() -> dict[str, list[dict[str, str]]]:
    """The build matrix of the workflows."""
    return {"include": [{"platform": p.name, "runner": p.runner} for p in PLATFORMS]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    print(f"matrix={json.dumps(matrix())}")
