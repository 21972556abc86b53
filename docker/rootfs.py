"""Copy an environment with its Python, and nothing else of the system, into a folder.

    /opt/app/bin/python docker/rootfs.py /opt/app /rootfs

What comes along: the environment, the interpreter, its standard library, and every
shared library that one of them links to. Symbolic links stay symbolic links, so that
everything lies where the loader looks for it.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

# Parts of the standard library that serve people who write programs.
LEFT_OUT = {
    "__pycache__",
    "dist-packages",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "site-packages",
    "test",
    "tests",
    "tkinter",
    "turtledemo",
}
USER_ID = 10001
LIBRARY = re.compile(r"(?:=> |^\s*)(/\S+) \(0x")


def place(path: Path, root: Path) -> None:
    """Copy `path` to where it lies below `root`, with each link on the way to it."""
    at = Path("/")
    for part in path.parts[1:]:
        here = at / part
        if here.is_symlink():
            copy = root / here.relative_to("/")
            if not copy.is_symlink():
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.symlink_to(here.readlink())
            rest = path.relative_to(here)
            place(Path(os.path.normpath(at / here.readlink() / rest)), root)
            return
        at = here
    copy = root / path.relative_to("/")
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)


def tree(folder: Path, root: Path) -> list[Path]:
    """Copy what `folder` holds and return its shared objects."""
    shared = []
    for at, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if name not in LEFT_OUT and not name.startswith("config-")
        )
        for name in sorted(files):
            path = Path(at, name)
            place(path, root)
            if ".so" in path.suffixes:
                shared.append(path)
    return shared


def libraries(path: Path) -> list[Path]:
    """Everything that the loader maps for the ELF file `path`."""
    done = subprocess.run(["ldd", path], capture_output=True, text=True, check=False)
    if "not found" in done.stdout:
        missing = [
            line.strip() for line in done.stdout.splitlines() if "not found" in line
        ]
        raise SystemExit(f"error: `{path}` needs {', '.join(missing)}")
    return [
        Path(found)
        for line in done.stdout.splitlines()
        for found in LIBRARY.findall(line)
    ]


def environment(folder: Path, root: Path) -> list[Path]:
    """Copy the environment whole, compiled modules too."""
    target = root / folder.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder, target, symlinks=True)
    return [path for path in folder.rglob("*.so*") if path.is_file()]


def main() -> int:
    """Fill the folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("environment", type=Path, help="the environment to take")
    parser.add_argument("root", type=Path, help="the folder to fill; must not exist")
    options = parser.parse_args()
    root: Path = options.root
    if root.exists():
        print(f"error: `{root}` is there already: name a new folder", file=sys.stderr)
        return 2

    interpreter = Path(options.environment, "bin/python").resolve()
    elf = [interpreter, *environment(options.environment, root)]
    # The environment's `python` is a link to one of the names of the interpreter.
    link = Path(options.environment, "bin/python")
    while link.is_symlink() and link.is_relative_to(options.environment):
        link = Path(os.path.normpath(link.parent / link.readlink()))
    place(link, root)
    place(interpreter, root)
    for name in sorted(
        {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    ):
        elf += tree(Path(name), root)
    for path in sorted({found for file in elf for found in libraries(file)}):
        place(path, root)
    # Where the loader finds a library outside of its own folders.
    if Path("/etc/ld.so.cache").exists():
        place(Path("/etc/ld.so.cache"), root)

    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/passwd").write_text(
        f"root:x:0:0:root:/:\napp:x:{USER_ID}:{USER_ID}::/data:\n", encoding="utf-8"
    )
    (root / "etc/group").write_text(f"root:x:0:\napp:x:{USER_ID}:\n", encoding="utf-8")
    (root / "tmp").mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)
    return 0


if __name__ == "__main__":
    sys.exit(main())
