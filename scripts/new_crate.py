"""Scaffold a crate with its Python side, or a package, and take it away again.

    python scripts/new_crate.py poh_ack               # a crate, bound in maou-rust
    python scripts/new_crate.py --package bridge_s1   # a distribution of its own
    python scripts/new_crate.py --remove poh_ack

Everything below `scripts/templates/crate` (or `package`) becomes a file of the
repository, NAME in paths and `@NAME@` in texts replaced. Where a file has to name the
newcomer, `EDITS` says how a line gets in and out. What builds and passes before passes
after, the lock files included. Removing works by name alone, so that an interrupted
scaffold can be removed as well.

Exit status: 0 done, 1 refused (nothing is written) or a tool failed, 2 usage.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import keyword
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = Path(__file__).resolve().parent / "templates"
KINDS = ("crate", "package")
SUMMARY = "Fingerprints of bytes: what a scaffold begins with."
SECTION = "ARCHITECTURE.md.section.in"
BINDINGS = Path("packages/maou-rust")
STUBS = "packages/maou-rust/maou_rust-stubs"
VERSIONS_TEST = "tests/packaging/test_versions.py"
MAX_LENGTH = 30  # longer names would not fit the line widths of the templates

RUST_KEYWORDS = """
    abstract as async await become box break const continue crate do dyn else enum
    extern false final fn for gen if impl in let loop macro match mod move mut
    override priv pub ref return self static struct super trait true try type typeof
    union unsafe unsized use virtual where while yield
"""
# Crates of the compiler, folders of cargo, file names of Windows, and words that paths
# of this repository use already.
RESERVED = """
    alloc aux build com1 com2 com3 com4 con core debug deps doc embed examples
    incremental index lpt1 lpt2 lpt3 lpt4 main maou nul prn proc_macro python
    release std target test tests
"""


def refuse(message: str) -> NoReturn:
    """End with a sentence on stderr; nothing has been written."""
    print(message, file=sys.stderr)
    raise SystemExit(1)


# Texts of the repository -------------------------------------------------------------


def plain(name: str) -> tuple[object, ...]:
    """Sort key of most lists, and of rustfmt for modules: character by character."""
    return (name,)


def rustfmt_use(name: str) -> tuple[object, ...]:
    """Sort key of rustfmt for imports: `_` first, then numbers by their value."""
    return _by_token(name, "_0")


def ruff(name: str) -> tuple[object, ...]:
    """Sort key of ruff for imports and `__all__`: numbers by their value, then `_`."""
    return _by_token(name, "0_")


def _by_token(name: str, first: str) -> tuple[object, ...]:
    kinds = {kind: rank for rank, kind in enumerate(first)}
    return tuple(
        (kinds["0"], int(token), "")
        if token.isdigit()
        else (kinds.get(token, len(kinds)), 0, token)
        for token in re.findall(r"_|\d+|[^\d_]+", name)
    )


class Line:
    """An entry of a sorted list in a file: consecutive lines that look alike."""

    def __init__(
        self,
        path: str,
        entry: str,
        line: str,
        *,
        after: str = "",
        order: Callable[[str], tuple[object, ...]] = plain,
    ) -> None:
        """Take the text of an entry, with @NAME@, and what all entries look like.

        Args:
            path: File of the repository.
            entry: Regular expression of an entry; its group is the name to sort by.
            line: The entry of the newcomer.
            after: The list begins after this text, at the next thing like an entry or,
                while there is none, right there.
            order: Sort key of the list.
        """
        self.path, self.entry, self.line = path, entry, line
        self.after, self.order = after, order

    def add(self, text: str, name: str) -> str:
        """Return the text with the entry of `name`."""
        line = self.line.replace("@NAME@", name)
        begin = text.find(self.after)
        if begin < 0:
            msg = f"expected `{self.after.strip()}`"
            raise LookupError(msg)
        at = begin + len(self.after)
        first = re.compile(self.entry).search(text, at)
        if first is not None:
            at = first.start()
        elif not self.after:
            msg = f"expected an entry like `{self.entry.strip()}`"
            raise LookupError(msg)
        while match := re.compile(self.entry).match(text, at):
            if match[0] == line:
                return text
            if self.order(match[1]) > self.order(name):
                break
            at = match.end()
        return text[:at] + line + text[at:]

    def remove(self, text: str, name: str) -> str:
        """Return the text without the entry of `name`."""
        line = self.line.replace("@NAME@", name)
        return re.sub(rf"(?m)^{re.escape(line)}", "", text, count=1)


class Section:
    """A section of ARCHITECTURE.md, the map of the repository."""

    path = "ARCHITECTURE.md"

    def __init__(self, kind: str, before: str) -> None:
        """Take the kind of the scaffold, and the heading that the section precedes."""
        self.kind, self.before = kind, before

    def add(self, text: str, name: str) -> str:
        """Return the text with the section of `name`."""
        if f"### {self.kind}s/{name}\n" in text:
            return text
        if text.count(self.before) != 1:
            msg = f"expected one `{self.before.strip()}`"
            raise LookupError(msg)
        section = render(TEMPLATES / self.kind / SECTION, name)
        return text.replace(self.before, section + self.before)

    def remove(self, text: str, name: str) -> str:
        """Return the text without the section, whatever was written into it."""
        return re.sub(rf"(?ms)^### {self.kind}s/{name}\n.*?(?=^##)", "", text)


PAGE = Line(
    "mkdocs.yml",
    r"          - ([\w-]+): crates/\w+\.md\n",
    "          - @NAME@: crates/@NAME@.md\n",
    after="          - crates/index.md\n",
)
EDITS: dict[str, list[Line | Section]] = {
    "crate": [
        Line(
            "Cargo.toml",
            r'(\w+) = \{ path = "crates/\w+" \}\n',
            '@NAME@ = { path = "crates/@NAME@" }\n',
            after="[workspace.dependencies]\n",
        ),
        Line(
            "packages/maou-rust/Cargo.toml",
            r"([\w-]+)\.workspace = true\n",
            "@NAME@.workspace = true\n",
            after="[dependencies]\n",
        ),
        Line("packages/maou-rust/src/lib.rs", r"mod (\w+);\n", "mod @NAME@;\n"),
        Line(
            "packages/maou-rust/src/lib.rs",
            r"    #\[pymodule_export\]\n    use super::(\w+).*;\n",
            "    #[pymodule_export]\n    use super::@NAME@::python as @NAME@;\n",
            order=rustfmt_use,
        ),
        Line(
            "packages/maou-rust/tests/embed/main.rs", r"mod (\w+);\n", "mod @NAME@;\n"
        ),
        Line(
            f"{STUBS}/__init__.pyi",
            r"from maou_rust import (\w+) as \w+\n",
            "from maou_rust import @NAME@ as @NAME@\n",
            order=ruff,
        ),
        Line(
            f"{STUBS}/__init__.pyi",
            r'    "(\w+)",\n',
            '    "@NAME@",\n',
            after='    "__version__",\n',
            order=ruff,
        ),
        PAGE,
        Section("crate", "### packages/maou-rust\n"),
    ],
    "package": [PAGE, Section("package", "## Life of a game\n")],
}


def render(template: Path, name: str) -> str:
    """Return a template's text for `name`."""
    return functools.reduce(
        lambda text, item: text.replace(f"@{item[0]}@", item[1]),
        values(name).items(),
        template.read_text(encoding="utf-8"),
    )


def values(name: str) -> dict[str, str]:
    """What the templates may ask for, by the word between the `@`."""
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    ranges = project["tool"]["maou"]["shared-ranges"]
    return {
        "NAME": name,
        "DISTRIBUTION": name.replace("_", "-"),
        "SUMMARY": SUMMARY,
        "VERSION": cargo["workspace"]["package"]["version"],
        "PYTHON": ranges["python"],
        "MATURIN": ranges["maturin"],
    }


def files(kind: str, name: str) -> dict[Path, Path]:
    """Files of a scaffold, relative to the repository, with their templates."""
    folder = TEMPLATES / kind
    return {
        Path(
            path.relative_to(folder)
            .as_posix()
            .replace("NAME", name)
            .removesuffix(".in")
        ): path
        for path in sorted(folder.rglob("*.in"))
        if path.name != SECTION
    }


def edited(kind: str, name: str, *, add: bool) -> dict[Path, str]:
    """New texts of the files that name the newcomer, without those that stay."""
    texts: dict[Path, str] = {}
    for edit in EDITS[kind]:
        path = Path(edit.path)
        text = texts.get(path) or (ROOT / path).read_text(encoding="utf-8")
        try:
            texts[path] = (edit.add if add else edit.remove)(text, name)
        except LookupError as error:
            refuse(f"{path}: {error}: the file is not as new_crate.py knows it")
    return {
        path: text
        for path, text in texts.items()
        if text != (ROOT / path).read_text(encoding="utf-8")
    }


def digest(stubs: dict[str, bytes]) -> str:
    """The digest of maou-rust's stubs, as tests/packaging/test_versions.py has it."""
    total = hashlib.sha256()
    for name, data in sorted(stubs.items()):
        total.update(name.encode() + b"\0" + data)
    return total.hexdigest()


def with_digest(changes: dict[Path, str | None]) -> dict[Path, str | None]:
    """Carry the digest of the stubs along: a module more or less is no new interface.

    A digest that was wrong before stays, so that its test goes on asking.
    """
    before = {path.name: path.read_bytes() for path in (ROOT / STUBS).glob("*.pyi")}
    after = dict(before)
    for path, text in changes.items():
        if path.parent.as_posix() == STUBS:
            after.pop(path.name, None)
            if text is not None:
                after[path.name] = text.encode()
    test = Path(VERSIONS_TEST)
    text = (ROOT / test).read_text(encoding="utf-8")
    replaced = text.replace(digest(before), digest(after))
    return changes if replaced == text else {**changes, test: replaced}


# Names -------------------------------------------------------------------------------


def check_name(name: str) -> None:
    """Refuse what cargo, Python or this repository could not call a crate."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        refuse(
            f"`{name}`: expected lower-case letters, digits and single underscores"
            " between them, with a letter first, such as `poh_ack`"
        )
    if len(name) > MAX_LENGTH:
        refuse(f"`{name}`: expected at most {MAX_LENGTH} characters, found {len(name)}")
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        refuse(f"`{name}`: a keyword of Python")
    if name in RUST_KEYWORDS.split():
        refuse(f"`{name}`: a keyword of Rust")
    if name in RESERVED.split():
        refuse(f"`{name}`: reserved; take a name that says what the crate decides")
    if name in sys.stdlib_module_names:
        refuse(f"`{name}`: a module of Python's standard library")
    for lock, what in (("Cargo.lock", "a crate"), ("uv.lock", "a distribution")):
        taken = tomllib.loads((ROOT / lock).read_text(encoding="utf-8"))["package"]
        if name in {package["name"].replace("-", "_") for package in taken}:
            refuse(f"`{name}`: {what} of {lock} has this name")
    for kind in KINDS:
        for path in [Path(f"{kind}s/{name}"), *files(kind, name)]:
            if (ROOT / path).exists():
                refuse(f"`{name}`: {path.as_posix()} exists")


# Reading and writing -----------------------------------------------------------------


def write(path: Path, text: str) -> None:
    """Write a file of the repository: whole or not at all."""
    target = ROOT / path
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.new")
    beside.write_text(text, encoding="utf-8", newline="\n")
    beside.replace(target)


def delete(path: Path) -> None:
    """Delete a file or folder of the repository, and folders that are empty then."""
    target = ROOT / path
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
    parent = target.parent
    while parent != ROOT and parent.is_dir() and not any(parent.iterdir()):
        parent.rmdir()
        parent = parent.parent


def lock(*, python: bool) -> None:
    """Bring the lock files up to date; without a network where that is enough."""
    commands = [["cargo", "update", "--workspace", "--quiet"]]
    if python:
        commands.append(["uv", "lock", "--quiet"])
    for command in commands:
        for options in (["--offline"], []):
            done = subprocess.run(
                [*command, *options],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode == 0:
                break
        else:
            refuse(f"{' '.join(command)} failed, run it again:\n{done.stderr}")


def scaffold(kind: str, name: str) -> None:
    """Write a crate or a package; everything is made up before the first write."""
    check_name(name)
    texts: dict[Path, str | None] = {
        path: render(template, name) for path, template in files(kind, name).items()
    }
    texts |= edited(kind, name, add=True)
    for path, text in with_digest(texts).items():
        if text is not None:  # only a removal has None
            write(path, text)
    lock(python=kind == "package")
    print(f"{kind}s/{name} is there, with:")
    for path in files(kind, name):
        if path.parts[0] != f"{kind}s":
            print(f"  {path.as_posix()}")
    print(f"begin with `cargo test -p {name}`; `--remove {name}` takes it away again")


def in_manifest(name: str) -> str:
    """Pattern of a line of TOML that depends on `name`; prose with the word is none.

    A key, a table of its own, or what a string begins with or has as part of a path.
    """
    either = name.replace("_", "[-_]")
    return (
        rf"^\s*[\"']?{either}[\"']?\s*[.=]"
        rf"|^\s*\[\S*\.[\"']?{either}[\"']?\]"
        rf"|[\"'/]{either}\s*(?=[\"'/\[<>=!~;@,])"
    )


def in_bindings(name: str) -> str:
    """Pattern of a line of the bindings that uses the crate or its module.

    A path that begins with it, alone or after `crate` and the like: `Kind::NAME` is
    something else.
    """
    return (
        rf"(?<![\w:]){name}::|(?<![\w:>])::{name}\b|\b(?:crate|super)::{name}\b"
        rf"|\b(?:use|mod) {name}\b"
    )


def uses(name: str, own: set[Path], texts: dict[Path, str]) -> Iterator[str]:
    """Places outside the scaffold that need it, as `path:line`."""
    patterns = {
        ".rs": in_bindings(name),
        ".toml": in_manifest(name),
        ".py": rf"^\s*(?:import|from)\b.*\b{name}\b|\bmaou_rust\.{name}\b",
    }
    patterns[".pyi"] = patterns[".py"]
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout
    for path in sorted(map(Path, filter(None, listed.split("\0")))):
        pattern = patterns.get(path.suffix)
        if pattern is None or own & {path, *path.parents}:
            continue
        if not (ROOT / path).is_file():
            continue
        # A crate that uses it says so in its manifest, but for the one that binds it.
        if path.suffix == ".rs" and BINDINGS not in path.parents:
            continue
        text = texts.get(path) or (ROOT / path).read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(pattern, line):
                yield f"{path.as_posix()}:{number}"


def remove(name: str) -> None:
    """Take a crate or package away, also one that was not finished."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in RESERVED.split():
        refuse(f"`{name}`: not the name of a scaffold")
    own: set[Path] = set()
    texts: dict[Path, str] = {}
    for kind in KINDS:
        own |= {Path(f"{kind}s/{name}"), *files(kind, name)}
        texts |= edited(kind, name, add=False)
    there = {path for path in own if (ROOT / path).exists()}
    if not there and not texts:
        refuse(f"`{name}`: found nothing of this name, nothing to remove")
    if found := list(uses(name, own, texts)):
        refuse(f"`{name}` is in use, nothing is removed:\n  " + "\n  ".join(found))
    changes: dict[Path, str | None] = {**dict.fromkeys(there), **texts}
    for path, text in with_digest(changes).items():
        if text is not None:
            write(path, text)
    for path in sorted(there, reverse=True):
        delete(path)
    for path in own | {Path(edit.path) for kind in KINDS for edit in EDITS[kind]}:
        delete(path.with_name(f".{path.name}.new"))
    lock(python=True)
    print(f"removed {name}: " + ", ".join(sorted(path.as_posix() for path in there)))


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="nox -s new --",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--package", action="store_true", help="a distribution of its own in packages/"
    )
    way.add_argument(
        "--remove", action="store_true", help="take a crate or a package away again"
    )
    parser.add_argument("name", metavar="NAME", help="such as poh_ack")
    options = parser.parse_args()
    if options.remove:
        remove(options.name)
    else:
        scaffold("package" if options.package else "crate", options.name)


if __name__ == "__main__":
    main()
