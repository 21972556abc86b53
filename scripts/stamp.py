"""Give a build of main a version of its own, `X.Y.Z.devN`, in a working copy.

    python scripts/stamp.py number --run 12 --attempt 1    # prints number=1201
    python scripts/stamp.py write 1201                     # 0.1.0 becomes 0.1.0.dev1201

Only what Python sees is written: the pyproject.toml of the packages, the pin between
them, `_version.py`, and their entries in uv.lock. The version of the cargo workspace
stays, so that Cargo.lock stays true and caches hold every compiled crate; the
extension takes its version from pyproject.toml. A stamp is never committed.

`X.Y.Z.devN` comes before `X.Y.Z`: a tree whose version is released already, by the
sections of CHANGELOG.md, is refused. The version is raised right after a release.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from pathlib import Path

import set_version
from changelog_section import sections

ROOT = Path(__file__).resolve().parent.parent
MAX_ATTEMPTS = 100


def base_version() -> str:
    """Return the version that the tree leads to: that of the cargo workspace."""
    version = next(v for k, v in set_version.versions().items() if k.startswith("Car"))
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if version in sections(text):
        sys.exit(
            f"CHANGELOG.md: {version} is released, and {version}.devN would come before"
            " it: raise the version with `nox -s version -- X.Y.Z`"
        )
    return version


def number_of(run: int, attempt: int) -> int:
    """Number of a build: grows with each run, and with each attempt of a run."""
    if not 1 <= attempt < MAX_ATTEMPTS:
        sys.exit(f"--attempt {attempt}: expected 1 to {MAX_ATTEMPTS - 1}")
    return run * MAX_ATTEMPTS + attempt


def members() -> list[str]:
    """Names of the packages, as uv.lock writes them."""
    return [
        re.sub(r"[-_.]+", "-", tomllib.loads(text)["project"]["name"]).lower()
        for path in sorted(ROOT.glob("packages/*/pyproject.toml"))
        for text in [path.read_text(encoding="utf-8")]
    ]


def stamp(number: int) -> str:
    """Write `X.Y.Z.devN` into the tree; returns it."""
    version = f"{base_version()}.dev{number}"
    set_version.set_version(version, keep={"Cargo.toml"})
    lock = ROOT / "uv.lock"
    text = lock.read_text(encoding="utf-8")
    for member in members():
        pattern = rf'(?m)^(name = "{member}"\nversion = )"[^"]+"'
        text, n_found = re.subn(pattern, rf'\g<1>"{version}"', text)
        if n_found != 1:
            sys.exit(f"uv.lock: expected one package `{member}`, found {n_found}")
    lock.write_text(text, encoding="utf-8", newline="\n")
    return version


def main() -> None:
    """Print a number, or stamp the tree."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    number = commands.add_parser("number", help="print the number of a build")
    number.add_argument("--run", type=int, required=True, help="number of the run")
    number.add_argument("--attempt", type=int, required=True, help="attempt of the run")
    write = commands.add_parser("write", help="stamp this working copy")
    write.add_argument("number", type=int, help="N of X.Y.Z.devN")
    options = parser.parse_args()
    if options.command == "number":
        base_version()
        print(f"number={number_of(options.run, options.attempt)}")
    else:
        print(stamp(options.number))


if __name__ == "__main__":
    main()
