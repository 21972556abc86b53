"""Switch this checkout to a prebuilt maou-rust, or back to building it.

    eval "$(python3 scripts/prebuilt.py on dist)"    # or a .whl, colab.txt, their URLs
    eval "$(python3 scripts/prebuilt.py off)"

After `on`, plain `uv run` in this shell takes maou editable from the checkout and
maou-rust from the wheel: it never calls cargo. The wheel is found anew each time, so
nothing stamped is committed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shlex
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import colab_txt

ROOT = Path(__file__).resolve().parent.parent
PREBUILT = ROOT / "prebuilt"
ACTIVE = PREBUILT / "active"
# The checkout's packages seen from active/, one folder below prebuilt/.
MAOU_LINE = 'maou = { path = "../packages/maou", editable = true }'
OVERRIDES_LINE = 'override-dependencies = ["maou-rust"]'


def source_lines(source: str | None) -> tuple[str, str]:
    """Say where maou-rust comes from: an override, and TOML about an index.

    A wheel is named in the override, which holds for `uv run` and for `uv pip install`
    alike; the latter does not look at `tool.uv.sources` for an override.
    """
    if source is None:
        return "maou-rust", ""
    parts = urlsplit(source)
    if parts.path.endswith(".txt"):
        return f"maou-rust @ {listed_wheel(source).as_uri()}", ""
    if parts.scheme not in ("http", "https"):
        return f"maou-rust @ {find_wheel(Path(source)).as_uri()}", ""
    if parts.path.endswith(".whl"):
        return f"maou-rust @ {source}", ""
    index = 'maou-rust = { index = "prebuilt" }\n\n[[tool.uv.index]]\n'
    return "maou-rust", (
        f'{index}name = "prebuilt"\nurl = {json.dumps(source)}\nexplicit = true\n'
    )


def listed_wheel(source: str) -> Path:
    """Fetch this platform's wheel of a colab.txt into active/, and check its hash.

    uv allows no hash in the URL of a source, and ignores that of an override.
    """
    try:
        listed = colab_txt.read(source)
        for line in listed:
            if line.name == "maou-rust" and line.is_for_this_platform():
                return colab_txt.fetch(line, ACTIVE)
    except ValueError as error:
        sys.exit(str(error))
    here = f"{sys.platform} {platform.machine()}"
    sys.exit(
        f"{source}: expected a wheel of maou-rust for {here}, found none:"
        " build it from source, with a Rust toolchain and plain `uv run`"
    )


def find_wheel(path: Path) -> Path:
    """Return the wheel itself, or the newest one of a folder."""
    if path.is_dir():
        wheels = sorted(
            path.glob("maou_rust-*.whl"), key=lambda w: w.stat().st_mtime_ns
        )
        if not wheels:
            sys.exit(f"{path}: expected a maou_rust-*.whl in this folder, found none")
        path = wheels[-1]
    if path.suffix != ".whl" or not path.is_file():
        sys.exit(f"{path}: expected a wheel, a folder of wheels, or an http(s) URL")
    if not path.name.startswith("maou_rust-"):
        sys.exit(f"{path}: expected a wheel of maou-rust, maou_rust-*.whl")
    return path.resolve()


def tool_lines(override: str) -> tuple[str, str]:
    """Write the TOML that gives the active project the workspace's tools.

    The groups are the workspace's and the versions those of its lock file, so that
    `uv run --group test pytest` is the same command on both sides of the switch.
    """
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = re.search(r"^\[dependency-groups\]\n.*?(?=^\[|\Z)", text, re.S | re.M)
    if section is None:
        sys.exit("pyproject.toml: expected the table `[dependency-groups]`")
    overrides = tomllib.loads(text)["tool"]["uv"].get("override-dependencies", [])
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    versions = [
        requirement
        for package in lock["package"]
        if "registry" in package["source"]
        for requirement in pins(package)
    ]
    lines = [
        f"override-dependencies = {json.dumps([override, *overrides])}",
        f"constraint-dependencies = {json.dumps(versions, indent=4)}",
    ]
    return "\n".join(lines), "\n" + section[0].rstrip("\n") + "\n"


def pins(package: dict[str, str | list[str]]) -> list[str]:
    """Pin a package of the lock file, once for each of its environments."""
    pin = f"{package['name']}=={package['version']}"
    markers = package.get("resolution-markers")
    return [f"{pin} ; {marker}" for marker in markers] if markers else [pin]


def turn_on(source: str | None) -> dict[str, str]:
    """Write the active project; returns the variables that make uv use it."""
    override, index = source_lines(source)
    versions, groups = tool_lines(override)
    text = (PREBUILT / "pyproject.toml").read_text(encoding="utf-8")
    for line in (MAOU_LINE, OVERRIDES_LINE):
        if line not in text:
            sys.exit(f"prebuilt/pyproject.toml: expected the line `{line}`")
    text = text.replace(OVERRIDES_LINE, versions)
    there = MAOU_LINE.replace("../packages", "../../packages") + "\n" + index + groups
    ACTIVE.mkdir(exist_ok=True)
    written = ACTIVE / "pyproject.toml.new"
    written.write_text(text.replace(MAOU_LINE + "\n", there), encoding="utf-8")
    written.replace(ACTIVE / "pyproject.toml")
    # A lock of an earlier source would keep its wheel.
    (ACTIVE / "uv.lock").unlink(missing_ok=True)
    return {
        "UV_PROJECT": str(ACTIVE),
        "UV_PROJECT_ENVIRONMENT": os.environ.get(
            "UV_PROJECT_ENVIRONMENT", str(ROOT / ".venv")
        ),
    }


def main() -> None:
    """Print the shell commands that turn the switch."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("state", choices=["on", "off"])
    parser.add_argument(
        "source",
        nargs="?",
        help="a wheel, a folder of wheels, a colab.txt, the URL of a wheel, of a "
        "colab.txt or of an index; the default package index when left out",
    )
    parser.add_argument("--powershell", action="store_true", help="print PowerShell")
    options = parser.parse_args()
    if options.state == "off" and options.source is not None:
        parser.error("off takes no source")
    if options.state == "on":
        for name, value in turn_on(options.source).items():
            if options.powershell:
                quoted = value.replace("'", "''")
                print(f"$env:{name} = '{quoted}'")
            else:
                print(f"export {name}={shlex.quote(value)}")
    elif options.powershell:
        print("Remove-Item Env:UV_PROJECT, Env:UV_PROJECT_ENVIRONMENT")
    else:
        print("unset UV_PROJECT UV_PROJECT_ENVIRONMENT")


if __name__ == "__main__":
    main()
