"""Print the section of CHANGELOG.md about one version: the text of its release.

python scripts/changelog_section.py 0.1.0
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADING = re.compile(r"(?m)^## \[?([^\]\s]+)\]?.*\n")


def sections(text: str) -> dict[str, str]:
    """Split a changelog into its sections, by version or `Unreleased`."""
    headings = list(HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    return {
        heading[1]: text[heading.end() : end].strip() + "\n"
        for heading, end in zip(headings, ends, strict=True)
    }


def section(version: str) -> str:
    """Return the section of a version of this tree's changelog.

    Raises:
        ValueError: there is none, or it is empty.
    """
    found = sections((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    if not found.get(version, "").strip():
        message = f"CHANGELOG.md: expected a section `## {version}` with text"
        raise ValueError(message)
    return found[version]


def main() -> None:
    """Print the section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("version", help="X.Y.Z")
    try:
        print(section(parser.parse_args().version), end="")
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
