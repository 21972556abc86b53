"""Check what is in the built distributions: files, sizes, the pin between them.

python scripts/check_dist.py dist
python scripts/check_dist.py dist --all-platforms --no-sdists
"""

from __future__ import annotations

import argparse
import sys
import tarfile
import zipfile
from pathlib import Path

import platforms

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


def problems(
    dist: Path, *, all_platforms: bool = False, sdists: bool = True
) -> list[str]:
    """List what is wrong with the files in `dist`.

    With `all_platforms` it holds what continuous integration builds: maou, and
    maou-rust for each platform.
    """
    found = []
    wanted_names = ["maou", "maou_rust"] if all_platforms else WANTED
    for name in wanted_names:
        wheels = sorted(dist.glob(f"{name}-*.whl"))
        if all_platforms and name == "maou_rust":
            found += check_platforms(dist, wheels)
        elif len(wheels) != 1:
            found.append(f"{name}: expected one wheel in {dist}")
        for wheel in wheels:
            found += check_wheel(wheel, WANTED[name])
        if sdists:
            found += check_sdist(dist, name)
    return found


def check_platforms(dist: Path, wheels: list[Path]) -> list[str]:
    """List what is missing, and what is there twice."""
    names = [platforms.of_wheel(wheel.name).name for wheel in wheels]
    return [
        f"{dist}: expected one wheel of maou-rust for {platform.name},"
        f" found {names.count(platform.name)}"
        for platform in platforms.PLATFORMS
        if names.count(platform.name) != 1
    ]


def check_sdist(dist: Path, name: str) -> list[str]:
    """List what is wrong with the sdist of one package."""
    sdists = list(dist.glob(f"{name}-*.tar.gz"))
    if len(sdists) != 1:
        return [f"{name}: expected one sdist in {dist}"]
    with tarfile.open(sdists[0]) as archive:
        entries = archive.getnames()
    return [
        f"{sdists[0].name}: expected {what}"
        for what in ("pyproject.toml", "README.md", "PKG-INFO")
        if not any(entry.endswith(what) for entry in entries)
    ]


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


def main() -> None:
    """Check a folder, and name what is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dist", type=Path, help="folder with wheels and sdists")
    parser.add_argument(
        "--all-platforms",
        action="store_true",
        help="expect maou-rust for each platform, not for one",
    )
    parser.add_argument(
        "--no-sdists", dest="sdists", action="store_false", help="expect wheels alone"
    )
    options = parser.parse_args()
    found = problems(
        options.dist, all_platforms=options.all_platforms, sdists=options.sdists
    )
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
