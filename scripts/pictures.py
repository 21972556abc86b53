"""Draw the pictures of docs/guides/pictures.md with the code on that page.

    uv run python scripts/pictures.py            # write docs/images/*.svg
    uv run python scripts/pictures.py --check    # exit status 1 if one differs

What a block of code leaves in `picture` is the image that follows it.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "guides/pictures.md"
PART = re.compile(
    r"^```python\n(?P<code>.*?)^```|^!\[[^\]]*\]\(\.\./(?P<image>images/[\w-]+\.svg)\)",
    re.MULTILINE | re.DOTALL,
)


def pictures(page: str) -> dict[Path, str]:
    """Text of each image that the page shows, by its path."""
    found: dict[Path, str] = {}
    names: dict[str, object] = {"__name__": "pictures"}
    home = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for part in PART.finditer(page):
                if part["code"] is not None:
                    exec(compile(part["code"], PAGE.name, "exec"), names)
                else:
                    found[DOCS / part["image"]] = str(names["picture"])
        finally:
            os.chdir(home)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Write the images, or compare them with what is there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    status = 0
    for path, text in pictures(PAGE.read_text(encoding="utf-8")).items():
        now = path.read_text(encoding="utf-8") if path.exists() else None
        if now == text:
            continue
        if options.check:
            print(f"{path}: differs from what {PAGE.name} draws", file=sys.stderr)
            status = 1
            continue
        temporary = path.with_suffix(".tmp")
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.replace(path)
        print(path)
    return status


if __name__ == "__main__":
    sys.exit(main())
