"""`maou doctor`: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypedDict

from maou._compat import INTERFACE
from maou._extras import EXTRAS
from maou._version import __version__
from maou.cli.command import Command
from maou.cli.text import fields

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

OPTIONAL = {
    "pyarrow": "another reader of datasets",
    "pandas": "another reader of datasets",
    "duckdb": "SQL over datasets, through Arrow",
    "torch": "training",
    "onnxruntime": "running models",
}
"""Packages that maou runs without, and what each is good for."""


class Check(TypedDict):
    """One thing that was looked for."""

    name: str
    found: str | None
    """Version or description, None when it is missing or does not work."""
    needed: bool
    remedy: str
    """How to get it, or what is wrong with it; empty when it is there."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `maou doctor`."""
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(arguments: Namespace) -> int:
    """Check, and report; the exit status is 0 when all that is needed works."""
    checks = [*core(), *optional(), *gpus()]
    healthy = all(check["found"] is not None for check in checks if check["needed"])
    if arguments.json:
        import json

        print(json.dumps({"kind": "doctor", "ok": healthy, "checks": checks}, indent=2))
        return 0 if healthy else 1
    rows = [(check["name"], check["found"] or _lack(check)) for check in checks]
    print(fields(rows))
    print("\nall that is needed works" if healthy else "\nsomething needed is missing")
    return 0 if healthy else 1


def _lack(check: Check) -> str:
    word = "MISSING" if check["needed"] else "none"
    return f"{word}: {check['remedy']}"


def _present(name: str, found: str) -> Check:
    return {"name": name, "found": found, "needed": True, "remedy": ""}


def core() -> list[Check]:
    """Look at what every command needs."""
    import platform

    import maou_rust
    from maou_rust import maou_shogi

    build = maou_rust.build_info()
    leaves = maou_shogi.perft(maou_shogi.start_sfen(), 3)
    rules: Check = _present("rules", f"{leaves:,} leaves at depth 3")
    if leaves != 25_470:
        rules |= {"found": None, "remedy": f"expected 25470 leaves, found {leaves}"}
    return [
        _present("maou", __version__),
        _present("maou-rust", f"{maou_rust.__version__}, interface {INTERFACE}"),
        *(_present(name.replace("_", " "), value) for name, value in build.items()),
        rules,
        _present("python", f"{platform.python_version()} ({sys.executable})"),
        _present("system", f"{platform.system()} {platform.machine()}"),
        polars(),
    ]


def polars() -> Check:
    """Look for the one package that maou depends on besides its own extension."""
    try:
        from polars import __version__ as version
    except ImportError as error:
        found, remedy = None, f"pip install polars ({error})"
    else:
        found, remedy = version, ""
    return {"name": "polars", "found": found, "needed": True, "remedy": remedy}


def optional() -> list[Check]:
    """Look for packages that maou runs without; imports none of them."""
    from importlib.metadata import PackageNotFoundError, version

    checks: list[Check] = []
    for name, use in OPTIONAL.items():
        try:
            found, remedy = version(name), ""
        except PackageNotFoundError:
            package = f"'maou[{EXTRAS[name]}]'" if name in EXTRAS else name
            found, remedy = None, f"pip install {package} ({use})"
        checks.append({"name": name, "found": found, "needed": False, "remedy": remedy})
    return checks


def gpus() -> list[Check]:
    """Ask the driver of NVIDIA for its devices, where there is one."""
    import shutil
    import subprocess

    check: Check = {
        "name": "gpu",
        "found": None,
        "needed": False,
        "remedy": "training works without one, slower",
    }
    program = shutil.which("nvidia-smi")
    if program is None:
        return [check]
    query = [program, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        answer = subprocess.run(
            query, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        check["remedy"] = f"nvidia-smi failed: {error}"
        return [check]
    return [
        {**check, "found": device.strip(), "remedy": ""}
        for device in answer.stdout.splitlines()
        if device.strip()
    ]


COMMAND = Command(
    name="doctor",
    summary="versions, build and CPU; what is missing and how to get it",
    description="Tell what is installed and works, what is missing, and how to get it.",
    example="maou doctor",
    add_arguments=add_arguments,
    run=run,
)
