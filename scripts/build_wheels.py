"""Build what continuous integration uploads: wheels and sdists, one kind per call.

    python scripts/build_wheels.py rust linux-x86_64 --out dist --sccache
    python scripts/build_wheels.py pure --out dist
    python scripts/build_wheels.py sdists --out dist

`rust` builds the abi3 wheel of maou-rust on and for the named platform, on Linux for
manylinux_2_28 with zig as the linker. Needs Rust and uv, which fetches the rest. With
`--sccache` compiled crates come from and go to SCCACHE_DIR.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import platforms

ROOT = Path(__file__).resolve().parent.parent
PYTHON = "3.13"
MATURIN = "1.16.0"
SCCACHE = "0.16.0"
MANYLINUX = "manylinux_2_28"


def run(*command: str | Path, environment: dict[str, str] | None = None) -> None:
    """Run a command in the checkout."""
    print("+", *command, flush=True)
    subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        env=os.environ | (environment or {}),
        check=True,
    )


def sccache() -> Path:
    """Install sccache, and return its path."""
    run("uv", "tool", "install", "--quiet", f"sccache=={SCCACHE}")
    folder = subprocess.run(
        ["uv", "tool", "dir", "--bin"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return Path(folder) / ("sccache.exe" if os.name == "nt" else "sccache")


def build_rust(platform: platforms.Platform, out: Path, *, with_sccache: bool) -> None:
    """Build the wheel of maou-rust for the platform that this runs on.

    Raises:
        ValueError: this is another platform, or the wheel is not as wanted.
    """
    if not platforms.is_here(platform):
        raise ValueError(f"{platform.name}: expected to run on {platform.marker}")
    # maturin compiles against the Python that it runs in.
    command = ["uvx", "--python", PYTHON, "--from", f"maturin[zig]=={MATURIN}"]
    command += ["maturin", "build"]
    command += ["--release", "--locked", "--out", str(out)]
    command += ["--manifest-path", "packages/maou-rust/Cargo.toml"]
    if platform.sys_platform == "linux":
        command += ["--zig", "--compatibility", MANYLINUX]
    wrapper = sccache() if with_sccache else None
    run(*command, environment={"RUSTC_WRAPPER": str(wrapper)} if wrapper else None)
    if wrapper:
        run(wrapper, "--show-stats")
    (wheel,) = out.glob("maou_rust-*.whl")
    wanted = MANYLINUX if platform.sys_platform == "linux" else platform.tag_start
    if not platform.fits(wheel.name.split("-")[-1].removesuffix(".whl")) or (
        wanted not in wheel.name
    ):
        raise ValueError(f"{wheel.name}: expected a wheel of {platform.name}")


def main() -> None:
    """Build one kind of distribution."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    rust = kinds.add_parser("rust", help="the wheel of maou-rust for this platform")
    rust.add_argument("platform", choices=[p.name for p in platforms.PLATFORMS])
    rust.add_argument("--sccache", action="store_true", help="compile through sccache")
    for kind in (
        rust,
        kinds.add_parser("pure", help="the wheel of maou"),
        kinds.add_parser("sdists", help="both sdists"),
    ):
        kind.add_argument("--out", type=Path, default=ROOT / "dist", help="folder")
    options = parser.parse_args()
    out = options.out.resolve()
    build = ["uv", "build", "--out-dir", str(out)]
    try:
        if options.kind == "rust":
            platform = platforms.named(options.platform)
            build_rust(platform, out, with_sccache=options.sccache)
        elif options.kind == "pure":
            run(*build, "--wheel", "--package", "maou")
        else:
            for package in ("maou", "maou-rust"):
                run(*build, "--sdist", "--package", package)
    except (subprocess.CalledProcessError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
