"""Draw the pictures of guides with the code on their pages.

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
PAGES = (DOCS / "guides/pictures.md", DOCS / "guides/find.md")
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
                if part["image"] is not None:
                    found[DOCS / part["image"]] = str(names["picture"])
                elif "picture = " in part["code"]:
                    exec(compile(part["code"], "a page", "exec"), names)
        finally:
            os.chdir(home)
    return found


def drawn() -> dict[Path, tuple[Path, str]]:
    """Each image with the page that shows it, and its text."""
    return {
        path: (page, text)
        for page in PAGES
        for path, text in pictures(page.read_text(encoding="utf-8")).items()
    }


def main(arguments: list[str] | None = None) -> int:
    """Write the images, or compare them with what is there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    status = 0
    for path, (page, text) in drawn().items():
        now = path.read_text(encoding="utf-8") if path.exists() else None
        if now == text:
            continue
        if options.check:
            print(f"{path}: differs from what {page.name} draws", file=sys.stderr)
            status = 1
            continue
        temporary = path.with_suffix(".tmp")
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.replace(path)
        print(path)
    return status


if __name__ == "__main__":
    sys.exit(main())
