"""Check what is in the built distributions: files, sizes, the pin between them.

python scripts/check_dist.py dist
"""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_WHEEL_BYTES = 5_000_000
# A wheel must hold a file that ends with each of these: an extension its module and its
# stubs, maou what makes it typed and its sample.
WANTED = {
    path.parent.name.replace("-", "_"): [
        f"{path.parent.name.replace('-', '_')}/__init__.py",
        *(
            stub.relative_to(path.parent).as_posix()
            for stub in path.parent.rglob("*.pyi")
        ),
    ]
    for path in sorted(ROOT.glob("packages/*/pyproject.toml"))
}
WANTED["maou"] += ["maou/py.typed", "maou/sample/games-21-26.csa"]


def problems(dist: Path) -> list[str]:
    """List what is wrong with the files in `dist`."""
    found = []
    for name, wanted in WANTED.items():
        wheels = list(dist.glob(f"{name}-*.whl"))
        sdists = list(dist.glob(f"{name}-*.tar.gz"))
        if len(wheels) != 1 or len(sdists) != 1:
            found.append(f"{name}: expected one wheel and one sdist in {dist}")
            continue
        found += check_wheel(wheels[0], wanted)
        with tarfile.open(sdists[0]) as archive:
            entries = archive.getnames()
        found += [
            f"{sdists[0].name}: expected {what}"
            for what in ("pyproject.toml", "README.md", "PKG-INFO")
            if not any(entry.endswith(what) for entry in entries)
        ]
    return found


def check_wheel(wheel: Path, wanted: list[str]) -> list[str]:
    """List what is wrong with one wheel."""
    found = []
    size_bytes = wheel.stat().st_size
    print(f"{wheel.name}: {size_bytes / 1e6:.2f} MB")
    if size_bytes > MAX_WHEEL_BYTES:
        found.append(f"{wheel.name}: {size_bytes} bytes, at most {MAX_WHEEL_BYTES}")
    with zipfile.ZipFile(wheel) as archive:
        entries = archive.namelist()
        metadata = next(e for e in entries if e.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
    found += [
        f"{wheel.name}: expected {what}"
        for what in wanted
        if not any(entry.endswith(what) for entry in entries)
    ]
    version = wheel.name.split("-")[1]
    if wheel.name.startswith("maou-") and f"maou-rust=={version}" not in text:
        found.append(f"{wheel.name}: expected the pin maou-rust=={version}")
    return found


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: check_dist.py DIST")
    if found := problems(Path(sys.argv[1])):
        sys.exit("\n".join(found))
