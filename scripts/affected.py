"""Tell which crates and packages a change touches, as JSON for a CI matrix.

    python scripts/affected.py origin/main
    python scripts/affected.py --all --axis os=ubuntu-latest,windows-latest,macos-latest

What counts is everything between the merge base of BASE with HEAD and the working tree,
files that git does not know yet included. The rules, path by path:

- A crate's sources or manifest touch the crate, and with it everything that is built
  from it: reverse dependencies, normal and build ones, over any number of steps. A dev
  dependency touches the tests of the crate that has it, and nothing further.
- A crate's tests/, benches/ and examples/ touch its tests alone; its README and docs/
  nothing, unless a crate reads them (`include_str!` and the like).
- A deleted or renamed crate touches those that depended on it.
- A package with a Cargo.toml is touched when its crate is, and every package that
  depends on it then, too. A file of tests/ touches those who test with it, which other
  tests a package touches can be told from their imports.
- The root's manifests, lock files, the toolchain, noxfile.py, .github/, .ci/, scripts/
  and whatever no rule knows touch everything; papers touch nothing.

`crates` is what `cargo test -p` has to test, `sessions` what pytest has to, `packages`
whose wheels are others than before. `matrix` cuts the crates into jobs of about one
size, never more than the 256 that one matrix may have, times the axes included.

Exit status: 0 done, 1 git or a manifest cannot be read, 2 usage.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import posixpath
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from itertools import chain, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
MAX_JOBS = 256
CRATES_PER_JOB = 25

# Paths below the root, the first rule that fits; a name with a slash is a folder.
EVERYTHING = (
    *("Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "rustfmt.toml", "clippy.toml"),
    *("pyproject.toml", "uv.lock", "noxfile.py"),
    *(".cargo/", ".ci/", ".github/", "scripts/"),
)
# Read by tests in tests/, and by no Rust.
PYTHON = (
    *("tests/", "benches/", "prebuilt/", "docker/", ".devcontainer/"),
    *("compose.yaml", ".dockerignore", ".gitattributes"),
)
# Sessions that a change runs, and markers of those that are run by name.
SESSIONS = ("tests", "ffi", "e2e", "torch", "learn")
MARKERS = ("ffi", "e2e", "torch", "learn", "property", "scaffold")
WHOLE = frozenset({"maou", "maou-rust"})
# What tests in tests/packaging compare, wherever it lies.
MANIFESTS = ("Cargo.toml", "pyproject.toml")
# Papers, and what only tools beside the tests read. fuzz/ is a workspace of its own.
NOTHING = (
    *("docs/", "fuzz/", "mkdocs.yml", "*.md", "LICENSE*"),
    *(".gitignore", ".editorconfig", ".pre-commit-config.yaml"),
)


@dataclass(frozen=True)
class Crate:
    """A member of the cargo workspace; dependencies are names of other members."""

    name: str
    folder: str
    built_from: frozenset[str] = frozenset()
    tested_with: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Package:
    """A member of the uv workspace; `needs` are normalized names of distributions."""

    name: str
    folder: str
    distribution: str
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Reading:
    """A crate that reads a file or folder by a path in its source."""

    path: str
    crate: str
    built: bool


@dataclass(frozen=True)
class Workspace:
    """The members of both workspaces at one state of the tree."""

    crates: Mapping[str, Crate] = field(default_factory=dict)
    packages: Mapping[str, Package] = field(default_factory=dict)
    readings: Sequence[Reading] = ()


@dataclass
class Touched:
    """What a change touches; `built` crates are other binaries than before."""

    everything: bool = False
    built: set[str] = field(default_factory=set)
    tested: set[str] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)
    python: bool = False


# Which paths touch what --------------------------------------------------------------


def fits(path: str, rules: Iterable[str]) -> bool:
    """Tell whether one of the rules is about a path below the root."""
    return any(
        path.startswith(rule) if rule.endswith("/") else fnmatch.fnmatch(path, rule)
        for rule in rules
        if rule.endswith("/") or "/" not in path
    )


def is_paper(inside: str) -> bool:
    """Tell whether a path inside a crate or package is documentation."""
    return inside.endswith(".md") or inside.startswith(("docs/", "LICENSE"))


def is_of_tests(inside: str) -> bool:
    """Tell whether a path inside a crate is compiled for its tests alone."""
    return inside.startswith(("tests/", "benches/", "examples/"))


def touch(touched: Touched, member: Crate | Package, inside: str) -> None:
    """Note that a file inside a crate or package is another than before."""
    if is_paper(inside):
        return
    if isinstance(member, Package):
        if not is_of_tests(inside):
            touched.packages.add(member.name)
    elif is_of_tests(inside):
        touched.tested.add(member.name)
    else:
        touched.built.add(member.name)


def seeds(changed: Iterable[str], states: Sequence[Workspace]) -> Touched:
    """Say what the changed paths touch by themselves, without dependents."""
    touched = Touched()
    for path in sorted(changed):
        for reading in (reading for state in states for reading in state.readings):
            if path == reading.path or path.startswith(reading.path + "/"):
                (touched.built if reading.built else touched.tested).add(reading.crate)
        members: list[Crate | Package] = []
        for state in states:
            members += [*state.crates.values(), *state.packages.values()]
        owners = [m for m in members if path.startswith(m.folder + "/")]
        for member in owners:
            touch(touched, member, path.removeprefix(member.folder + "/"))
        touched.python |= posixpath.basename(path) in MANIFESTS
        if owners or fits(path, NOTHING):
            continue
        if fits(path, PYTHON):
            touched.python = True
        elif fits(path, EVERYTHING) or not is_paper(posixpath.basename(path)):
            touched.everything = True
    return touched


def closure(names: set[str], edges: Mapping[str, set[str]]) -> set[str]:
    """Everything that can be reached from `names`, they included."""
    reached, waiting = set(names), list(names)
    while waiting:
        for name in edges.get(waiting.pop(), ()):
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    return reached


def affected(changed: Iterable[str], before: Workspace, after: Workspace) -> Touched:
    """Say what a change touches; names of members that are there `after`."""
    states = (before, after)
    touched = seeds(changed, states)
    if touched.everything:
        touched.built = touched.tested = set(after.crates)
        touched.packages = set(after.packages)
        touched.python = True
        return touched
    # Dependents in both states: those of a deleted crate stand in the first alone.
    builds: dict[str, set[str]] = {}
    tests: dict[str, set[str]] = {}
    for crate in chain.from_iterable(state.crates.values() for state in states):
        for name in crate.built_from:
            builds.setdefault(name, set()).add(crate.name)
        for name in crate.tested_with:
            tests.setdefault(name, set()).add(crate.name)
    built = closure(touched.built, builds)
    # One step and no more: a test is nobody's dependency.
    tested = touched.tested | built | {t for name in built for t in tests.get(name, ())}
    touched.built, touched.tested = (
        built & set(after.crates),
        tested & set(after.crates),
    )

    folders = {after.crates[name].folder for name in touched.built}
    needs: dict[str, set[str]] = {}
    names: dict[str, str] = {}
    for package in chain.from_iterable(state.packages.values() for state in states):
        names[package.distribution] = package.name
        if package.folder in folders:
            touched.packages.add(package.name)
        for name in package.needs:
            needs.setdefault(name, set()).add(package.distribution)
    distributions = {d for d, name in names.items() if name in touched.packages}
    reached = {names[name] for name in closure(distributions, needs) if name in names}
    # A package that is gone has tests in tests/, which are gone as well.
    touched.packages = reached & set(after.packages)
    touched.python |= bool(reached)
    return touched


def sessions(
    changed: set[str],
    touched: Touched,
    packages: Iterable[str],
    texts: Mapping[str, str],
) -> dict[str, list[str]]:
    """Files of tests to run, of `texts`, which has all, by the nox session they are of.

    A test that imports packages other than maou and maou-rust alone is about these. Any
    other is about maou and maou-rust, whose command it may run, and those in
    tests/packaging look at the whole repository. `tests` stands for all of them.
    """
    modules = {name.replace("-", "_"): name for name in packages}
    helpers = [p for p in changed if p.startswith("tests/") and not is_test(p)]
    found = []
    for path, text in sorted(texts.items()):
        imported = re.findall(r"(?m)^\s*(?:import|from)\s+(\w+)", text)
        about = {modules[name] for name in imported if name in modules}
        if not about or about & WHOLE:
            about |= WHOLE
        if (
            touched.everything
            or helpers
            or path in changed
            or (touched.python and path.startswith("tests/packaging/"))
            or about & touched.packages
        ):
            found.append(path)
    if found and len(found) == len(texts):
        return {session: ["tests"] for session in SESSIONS}
    return {
        session: [path for path in found if session in sessions_of(texts[path])]
        for session in SESSIONS
    }


def sessions_of(text: str) -> set[str]:
    """The sessions that a file of tests is of, told from its markers."""
    marker = rf"pytest\.mark\.({'|'.join(MARKERS)})\b"
    if whole := re.search(rf"(?m)^pytestmark = \[?\s*{marker}", text):
        return {whole[1]}
    # At the begin of a line: a text that holds such a word is not marked with it.
    return {"tests", *re.findall(rf"(?m)^\s*@{marker}", text)}


def is_test(path: str) -> bool:
    """Tell whether a path is a file of Python's tests."""
    return fnmatch.fnmatch(path, "tests/*/test_*.py")


def jobs(
    crates: Sequence[str],
    axes: Mapping[str, Sequence[str]],
    *,
    max_jobs: int = MAX_JOBS,
    per_job: int = CRATES_PER_JOB,
) -> list[dict[str, str]]:
    """Cut crates into jobs, each once for every combination of the axes.

    Chunks are neighbors in the order of names and differ by one crate at most.
    """
    combinations = list(product(*axes.values()))
    n_chunks = min(max_jobs // len(combinations), -(-len(crates) // per_job))
    if crates and n_chunks == 0:
        sys.exit(f"--axis: {len(combinations)} combinations, at most {max_jobs} jobs")
    found = []
    for idx in range(n_chunks):
        start, end = (len(crates) * n // n_chunks for n in (idx, idx + 1))
        for values in combinations:
            job = {
                "name": f"{idx + 1}/{n_chunks}",
                "crates": " ".join(crates[start:end]),
            }
            found.append(job | dict(zip(axes, values, strict=True)))
    return found


# Reading a state of the tree ---------------------------------------------------------


def normalized(requirement: str) -> str:
    """The name of a requirement, as the index writes it."""
    match = re.match(r"[\w.-]+", requirement)
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else ""


def workspace(
    paths: Iterable[str], read: Callable[[list[str]], list[str]]
) -> Workspace:
    """Read the members of a state; `read` gives the texts of a list of paths."""
    paths = sorted(paths)
    there = set(paths)
    if "Cargo.toml" not in there:
        return Workspace()
    root = tomllib.loads(read(["Cargo.toml"])[0])["workspace"]
    members = root.get("members", [])
    excluded = set(root.get("exclude", []))
    manifests = [
        path
        for path in paths
        if path.endswith("/Cargo.toml")
        and posixpath.dirname(path) not in excluded
        and any(is_member(posixpath.dirname(path), member) for member in members)
    ]
    shared = {
        name: posixpath.normpath(entry["path"])
        for name, entry in root.get("dependencies", {}).items()
        if isinstance(entry, dict) and "path" in entry
    }
    tables = {
        posixpath.dirname(path): parsed(path, text)
        for path, text in zip(manifests, read(manifests), strict=True)
    }
    names = {folder: table["package"]["name"] for folder, table in tables.items()}
    crates = {}
    for folder, table in tables.items():
        built, tested = dependencies(table, folder, shared, names)
        crates[names[folder]] = Crate(names[folder], folder, built, tested)

    projects = [p for p in paths if fnmatch.fnmatch(p, "packages/*/pyproject.toml")]
    packages = {}
    for path, text in zip(projects, read(projects), strict=True):
        folder = posixpath.dirname(path)
        if folder.count("/") == 1:
            project = parsed(path, text)["project"]
            extras = project.get("optional-dependencies", {}).values()
            asked = chain(project.get("dependencies", []), *extras)
            name = posixpath.basename(folder)
            needs = frozenset(map(normalized, asked))
            distribution = normalized(project["name"])
            packages[name] = Package(name, folder, distribution, needs)
    return Workspace(crates, packages, readings(paths, read, crates.values()))


def is_member(folder: str, member: str) -> bool:
    """Tell whether a folder is what `members` names: `*` stands for one step."""
    return fnmatch.fnmatch(folder, member) and folder.count("/") == member.count("/")


def parsed(path: str, text: str) -> dict[str, Any]:
    """Parse a manifest; a broken one is named."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        sys.exit(f"{path}: {error}")


def dependencies(
    table: Mapping[str, Any],
    folder: str,
    shared: Mapping[str, str],
    names: Mapping[str, str],
) -> tuple[frozenset[str], frozenset[str]]:
    """Members that a manifest depends on: to be built, and for its tests."""
    found: dict[bool, set[str]] = {False: set(), True: set()}
    for part in [table, *table.get("target", {}).values()]:
        for kind in ("dependencies", "build-dependencies", "dev-dependencies"):
            for name, entry in part.get(kind, {}).items():
                if not isinstance(entry, dict):
                    continue
                there = shared.get(name, "") if entry.get("workspace") else ""
                if "path" in entry:
                    there = posixpath.normpath(posixpath.join(folder, entry["path"]))
                if there in names:
                    found[kind == "dev-dependencies"].add(names[there])
    return frozenset(found[False]), frozenset(found[True])


# A path in a source: relative to the file, or to the folder of the manifest.
BY_FILE = re.compile(
    r'include(?:_str|_bytes)?!\s*\(\s*"([^"]+)"|#\[path\s*=\s*"([^"]+)"\]'
)
BY_MANIFEST = re.compile(
    r'CARGO_MANIFEST_DIR"\s*\)(?:\s*,\s*|\s*\)\s*\.join\(\s*)"/?([^"]+)"'
)


def readings(
    paths: Sequence[str],
    read: Callable[[list[str]], list[str]],
    crates: Iterable[Crate],
) -> list[Reading]:
    """Find which files crates read by a path that stands in their sources."""
    folders = {crate.folder: crate.name for crate in crates}
    sources = []
    for path in paths:
        if path.endswith(".rs"):
            owner = next((folder for folder in steps(path) if folder in folders), None)
            if owner is not None:
                sources.append((path, owner))
    found = []
    texts = read([path for path, _ in sources])
    for (path, folder), text in zip(sources, texts, strict=True):
        here = posixpath.dirname(path)
        targets = [(here, a or b) for a, b in BY_FILE.findall(text)]
        targets += [(folder, target) for target in BY_MANIFEST.findall(text)]
        built = not is_of_tests(path.removeprefix(folder + "/"))
        found += [
            Reading(
                posixpath.normpath(posixpath.join(base, target)), folders[folder], built
            )
            for base, target in targets
        ]
    return found


def steps(path: str) -> Iterable[str]:
    """The folders that a path is in, the innermost first."""
    while path := posixpath.dirname(path):
        yield path


# Git ---------------------------------------------------------------------------------


def git(*arguments: str, stdin: bytes | None = None) -> bytes:
    """Run git at the root; ends the program with its message when it fails."""
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, input=stdin, check=False
    )
    if done.returncode != 0:
        sys.exit(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def listed(output: bytes) -> list[str]:
    """Paths of git's `-z` output."""
    return [
        path for path in output.decode(errors="surrogateescape").split("\0") if path
    ]


def read_commit(commit: str, paths: list[str]) -> list[str]:
    """Texts of files of a commit, with one call of git."""
    if not paths:
        return []
    wanted = "".join(f"{commit}:{path}\n" for path in paths).encode()
    output = git("cat-file", "--batch", stdin=wanted)
    texts, at = [], 0
    for _ in paths:
        end = output.index(b"\n", at)
        size = int(output[at:end].split()[-1])
        texts.append(output[end + 1 : end + 1 + size].decode(errors="replace"))
        at = end + 1 + size + 1
    return texts


def read_files(paths: list[str]) -> list[str]:
    """Texts of files of the working tree."""
    return [
        (ROOT / path).read_text(encoding="utf-8", errors="replace") for path in paths
    ]


def working_tree() -> list[str]:
    """Paths of the working tree, without what git ignores."""
    options = ("-z", "--cached", "--others", "--exclude-standard")
    return [
        path for path in listed(git("ls-files", *options)) if (ROOT / path).is_file()
    ]


def changes(base: str) -> tuple[str, set[str]]:
    """The commit to compare with, and the paths that differ from it."""
    known = (
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        f"{base}^{{commit}}",
    )
    done = subprocess.run(["git", *known], cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        print(f"`{base}` is no commit here; `git fetch` it first", file=sys.stderr)
        raise SystemExit(2)
    commit = git("merge-base", done.stdout.decode().strip(), "HEAD").decode().strip()
    # Without renames: the old path and the new one are both listed.
    differ = listed(git("diff", "--name-only", "--no-renames", "-z", commit, "--"))
    new = listed(git("ls-files", "-z", "--others", "--exclude-standard"))
    return commit, {*differ, *new}


# The command line --------------------------------------------------------------------


def axis(text: str) -> tuple[str, list[str]]:
    """Parse `NAME=VALUE,VALUE`."""
    name, _, values = text.partition("=")
    if not name or not all(values.split(",")):
        msg = f"`{text}`: expected NAME=VALUE,VALUE"
        raise argparse.ArgumentTypeError(msg)
    return name, values.split(",")


def result(
    touched: Touched,
    to_run: Mapping[str, list[str]],
    axes: Mapping[str, Sequence[str]],
    per_job: int,
) -> dict[str, Any]:
    """What is printed."""
    crates = sorted(touched.tested)
    return {
        "all": touched.everything,
        "crates": crates,
        "packages": sorted(touched.packages),
        "rust": bool(crates),
        "python": touched.python,
        "sessions": to_run,
        "matrix": {"include": jobs(crates, axes, per_job=per_job)},
    }


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(
        prog="nox -s affected --",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("base", metavar="BASE", nargs="?", help="a commit or branch")
    what.add_argument("--all", action="store_true", help="everything, without a BASE")
    parser.add_argument(
        "--axis",
        metavar="NAME=A,B",
        type=axis,
        action="append",
        default=[],
        help="another axis of the matrix; counts for the limit of jobs",
    )
    parser.add_argument(
        "--crates-per-job", type=int, default=CRATES_PER_JOB, help="%(default)s"
    )
    options = parser.parse_args()
    if options.crates_per_job < 1:
        parser.error("--crates-per-job: expected at least 1")
    here = working_tree()
    after = workspace(here, read_files)
    if options.all:
        changed, before = {"Cargo.toml"}, Workspace()
    else:
        commit, changed = changes(options.base)
        paths = listed(git("ls-tree", "-r", "-z", "--name-only", commit))
        before = workspace(paths, lambda names: read_commit(commit, names))
    touched = affected(changed, before, after)
    names = [path for path in here if is_test(path)]
    texts = dict(zip(names, read_files(names), strict=True))
    to_run = sessions(changed, touched, after.packages, texts)
    printed = result(touched, to_run, dict(options.axis), options.crates_per_job)
    print(json.dumps(printed, separators=(",", ":")))


if __name__ == "__main__":
    main()
