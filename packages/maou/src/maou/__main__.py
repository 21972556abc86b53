"""Entry of the command line: `maou` and `python -m maou`."""

import sys

from maou.cli import main

if __name__ == "__main__":
    sys.exit(main())
