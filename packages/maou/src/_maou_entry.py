"""The console script: outside of `maou`, which cannot be imported without its half."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; without the extension a sentence names the mend."""
    try:
        from maou.cli import main as run
    except ImportError as error:
        if error.name != "maou_rust":
            raise
        print(f"maou: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return run()
