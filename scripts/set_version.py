"""Write one version into every file that carries it.

The cargo workspace is the place that counts;
tests/packaging/test_versions.py compares all.

    python scripts/set_version.py 0.2.0
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

ROOT = Path(__file__).resolve().parent.parent
# File, and the pattern whose first group stays and whose second is the version.
PLACES = [
    ("Cargo.toml", r'(?m)^(\[workspace\.package\]\nversion = )"([^"]+)"'),
    *(
        (path.relative_to(ROOT).as_posix(), r'(?m)^(version = )"([^"]+)"')
        for path in sorted(ROOT.glob("packages/*/pyproject.toml"))
    ),
    ("packages/maou/pyproject.toml", r'("maou-rust==)([^"]+)"'),
    ("packages/maou/src/maou/_version.py", r'(?m)^(__version__ = )"([^"]+)"'),
]


def versions() -> dict[str, str]:
    """Read the version at every place, by file and what stands before it."""
    found = {}
    for name, pattern in PLACES:
        match = re.search(pattern, (ROOT / name).read_text(encoding="utf-8"))
        if match is None:
            sys.exit(f"{name}: expected a line like `{pattern}`")
        found[f"{name}: {match[1].splitlines()[-1].strip()}"] = match[2]
    return found


def set_version(version: str, keep: Collection[str] = ()) -> None:
    """Write `version` at every place, except in the files of `keep`."""
    for name, pattern in PLACES:
        if name in keep:
            continue
        path = ROOT / name
        text = path.read_text(encoding="utf-8")
        match = re.search(pattern, text)
        if match is None:
            sys.exit(f"{name}: expected a line like `{pattern}`")
        start, end = match.span(2)
        replaced = text[:start] + version + text[end:]
        path.write_text(replaced, encoding="utf-8", newline="\n")


def main() -> None:
    """Write the version that was named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("version", metavar="X.Y.Z")
    version = parser.parse_args().version
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        parser.error(f"expected a version X.Y.Z, found `{version}`")
    set_version(version)


if __name__ == "__main__":
    main()
