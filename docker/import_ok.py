"""Import the package that this image is made for and print `import OK -> VERSION`.

python /opt/app/import_ok.py
"""

import importlib
import importlib.metadata
import sys
from pathlib import Path


def main() -> int:
    """Import it; a version other than the installed distribution's is an error."""
    package = (
        (Path(__file__).parent / "package.txt").read_text(encoding="utf-8").strip()
    )
    version = importlib.import_module(package.replace("-", "_")).__version__
    installed = importlib.metadata.version(package)
    if version != installed:
        print(f"error: `{package}` says {version}, is {installed}", file=sys.stderr)
        return 1
    print(f"import OK -> {version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
