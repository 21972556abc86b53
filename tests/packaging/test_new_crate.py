"""`nox -s new` in a copy of the tree: what it writes, refuses and takes away.

That what it writes builds and passes is tests/scaffold/test_scaffold.py's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import new_crate
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]


def run(
    repo: Path, *command: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("UV_", "VIRTUAL"))}
    done = subprocess.run(
        command, cwd=repo, env=kept, capture_output=True, text=True, check=False
    )
    if check:
        assert done.returncode == 0, f"{command}: {done.stderr}"
    return done


def new(
    repo: Path, *arguments: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    return run(repo, sys.executable, "scripts/new_crate.py", *arguments, check=check)


def status(repo: Path) -> str:
    """What git sees that is not committed, file by file."""
    return run(repo, "git", "status", "--porcelain", "--untracked-files=all").stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git has of the tree, and what it would take, as a repository of its own."""
    copy = tmp_path_factory.mktemp("new") / "repo"
    options = ("--cached", "--others", "--exclude-standard", "-z")
    for name in run(ROOT, "git", "ls-files", *options).stdout.split("\0"):
        # What no part of a scaffold lies in would only take time.
        if name and "/data/" not in name and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    run(copy, "git", "init", "--quiet")
    run(copy, "git", "add", "--all")
    identity = ("-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false")
    run(copy, "git", *identity, "commit", "--quiet", "--message=copy")
    return copy


@pytest.fixture
def repo(copy: Path) -> Iterator[Path]:
    """The copy, which every test leaves as it was."""
    yield copy
    assert status(copy) == ""


@pytest.fixture
def inside(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script works in the copy, in this process and without the lock files."""
    monkeypatch.setattr(new_crate, "ROOT", repo)
    monkeypatch.setattr(new_crate, "TEMPLATES", repo / "scripts/templates")
    monkeypatch.setattr(new_crate, "lock", lambda **_: None)


def check_format(repo: Path) -> None:
    """rustfmt on the bindings, their tests and what is new, file by file."""
    known = ["packages/maou-rust/src/lib.rs", "packages/maou-rust/tests/embed/main.rs"]
    fresh = [line[3:] for line in status(repo).splitlines() if line.endswith(".rs")]
    for name in {*known, *fresh}:
        # From stdin: given a path, it would look into the modules of the file as well.
        text = (repo / name).read_text(encoding="utf-8")
        done = subprocess.run(
            ["rustfmt", "--check", "--edition=2024"],
            cwd=repo,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, ""), name


def test_a_crate_comes_and_goes(repo: Path) -> None:
    said = new(repo, "trial_crate").stdout
    assert "`cargo test -p trial_crate`" in said
    untracked = {
        line[3:] for line in status(repo).splitlines() if line.startswith("??")
    }
    assert untracked == {
        "crates/trial_crate/Cargo.toml",
        "crates/trial_crate/src/lib.rs",
        "docs/crates/trial_crate.md",
        "packages/maou-rust/maou_rust-stubs/trial_crate.pyi",
        "packages/maou-rust/src/trial_crate.rs",
        "packages/maou-rust/tests/embed/trial_crate.rs",
        "tests/ffi/test_trial_crate.py",
    }
    metadata = ("cargo", "metadata", "--format-version=1", "--no-deps")
    found = json.loads(run(repo, *metadata, "--offline", "--locked").stdout)
    crates = {crate["name"]: crate for crate in found["packages"]}
    assert crates["trial_crate"]["version"] == crates["maou_shogi"]["version"]
    assert "trial_crate" in {d["name"] for d in crates["maou-rust"]["dependencies"]}
    check_format(repo)
    # A second time it exists, and nothing is written.
    before = status(repo)
    assert new(repo, "trial_crate", check=False).returncode == 1
    assert status(repo) == before
    new(repo, "--remove", "trial_crate")
    assert status(repo) == ""
    assert not (repo / "crates/trial_crate").exists()


def test_a_package_comes_and_goes(repo: Path) -> None:
    new(repo, "--package", "trial_package")
    folder = repo / "packages/trial_package"
    manifest = tomllib.loads((folder / "Cargo.toml").read_text(encoding="utf-8"))
    assert manifest["lib"]["crate-type"] == ["cdylib", "rlib"]
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["name"] == "trial-package"
    assert project["build-system"]["build-backend"] == "maturin"
    lock = tomllib.loads((repo / "uv.lock").read_text(encoding="utf-8"))
    assert "trial-package" in lock["manifest"]["members"]
    # It changes what git knows in the lists alone.
    changed = {line[3:] for line in status(repo).splitlines() if line[:2] == " M"}
    assert changed == {"ARCHITECTURE.md", "Cargo.lock", "mkdocs.yml", "uv.lock"}
    check_format(repo)
    # The other way round both are there, and go in any order.
    new(repo, "trial_crate")
    new(repo, "--remove", "trial_package")
    new(repo, "--remove", "trial_crate")
    assert status(repo) == ""


def test_lines_are_sorted_as_the_formatters_want_them(repo: Path, inside: None) -> None:
    names = ["zz", "a10", "a_1", "a9", "maou_in2", "maou_indexer", "a1_b", "a1b"]
    for name in names:
        new_crate.scaffold("crate", name)
    check_format(repo)
    stubs = (repo / "packages/maou-rust/maou_rust-stubs/__init__.pyi").read_text()
    # As ruff has it: numbers by their value, and before `_`.
    listed = [name for name in stubs.split('"')[1::2] if name in names]
    wanted = "a1_b a1b a9 a10 a_1 maou_in2 maou_indexer zz"
    assert listed == wanted.split()
    for name in names:
        new_crate.remove(name)


def test_an_interrupted_scaffold_can_be_removed(
    repo: Path, inside: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, n_writes = new_crate.write, 0

    def count(path: Path, text: str) -> None:
        nonlocal n_writes
        n_writes += 1
        whole(path, text)

    monkeypatch.setattr(new_crate, "write", count)
    new_crate.scaffold("crate", "trial_crate")
    new_crate.remove("trial_crate")
    assert status(repo) == ""
    n_of_scaffold = 15
    assert n_writes > n_of_scaffold

    for last in range(1, n_of_scaffold):
        n_writes = 0

        def stop(path: Path, text: str, last: int = last) -> None:
            nonlocal n_writes
            n_writes += 1
            if n_writes == last:
                (repo / path).parent.mkdir(parents=True, exist_ok=True)
                beside = (repo / path).with_name(f".{path.name}.new")
                beside.write_text(text[: len(text) // 2])
                raise KeyboardInterrupt
            whole(path, text)

        monkeypatch.setattr(new_crate, "write", stop)
        with pytest.raises(KeyboardInterrupt):
            new_crate.scaffold("crate", "trial_crate")
        monkeypatch.setattr(new_crate, "write", whole)
        new_crate.remove("trial_crate")
        assert status(repo) == "", last


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Poh", "`Poh`: expected lower-case letters, digits and single underscores"),
        ("poh-ack", "`poh-ack`: expected lower-case letters"),
        ("poh__ack", "`poh__ack`: expected lower-case letters"),
        ("_poh", "`_poh`: expected lower-case letters"),
        ("9poh", "`9poh`: expected lower-case letters"),
        ("../poh", "`../poh`: expected lower-case letters"),
        ("", "``: expected lower-case letters"),
        ("a" * 31, "expected at most 30 characters, found 31"),
        ("class", "`class`: a keyword of Python"),
        ("match", "`match`: a keyword of Python"),
        ("fn", "`fn`: a keyword of Rust"),
        ("gen", "`gen`: a keyword of Rust"),
        ("core", "`core`: reserved"),
        ("nul", "`nul`: reserved"),
        ("json", "`json`: a module of Python's standard library"),
        ("serde", "`serde`: a crate of Cargo.lock has this name"),
        ("maou_io", "`maou_io`: a crate of Cargo.lock has this name"),
        ("maou_rust", "`maou_rust`: a crate of Cargo.lock has this name"),
        ("polars", "`polars`: a distribution of uv.lock has this name"),
        ("plain", "`plain`: packages/maou-rust/src/plain.rs exists"),
        ("boundary", "`boundary`: tests/ffi/test_boundary.py exists"),
    ],
)
@pytest.mark.parametrize("kind", ["crate", "package"])
def test_a_bad_name_is_refused(
    kind: str,
    name: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def write(path: Path, text: str) -> None:
        pytest.fail(f"wrote {path}")

    monkeypatch.setattr(new_crate, "write", write)
    with pytest.raises(SystemExit) as stopped:
        new_crate.scaffold(kind, name)
    assert stopped.value.code == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("trial_crate", "`trial_crate`: found nothing of this name"),
        ("maou", "`maou`: not the name of a scaffold"),
        ("../maou", "`../maou`: not the name of a scaffold"),
        ("maou_io", "crates/maou_index/Cargo.toml:"),
        ("maou_index", "packages/maou/src/maou/cli/info.py:"),
    ],
)
def test_what_is_in_use_is_not_removed(
    name: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(path: Path, *rest: str) -> None:
        pytest.fail(f"changed {path}")

    monkeypatch.setattr(new_crate, "write", fail)
    monkeypatch.setattr(new_crate, "delete", fail)
    with pytest.raises(SystemExit) as stopped:
        new_crate.remove(name)
    assert stopped.value.code == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "is_use"),
    [
        ("search.workspace = true", True),
        ('search = { path = "../search" }', True),
        ('other = { package = "search", version = "1" }', True),
        ('path = "../search/src"', True),
        ("[target.'cfg(unix)'.dependencies.search]", True),
        ('    "search[fast]>=1",', True),
        ("    \"search >=1 ; python_version > '3'\",", True),
        ("# What search needs.", False),
        ('description = "search and play shogi"', False),
        ('keywords = ["re-search"]', False),
        ("research.workspace = true", False),
    ],
)
def test_a_manifest_uses_a_crate_and_not_a_word(line: str, is_use: bool) -> None:
    assert bool(re.search(new_crate.in_manifest("search"), line)) == is_use


@pytest.mark.parametrize(
    ("line", "is_use"),
    [
        ("use search::find;", True),
        ("use search;", True),
        ("    search::find(data)", True),
        ("    ::search::find(data)", True),
        ("    crate::search::python::find", True),
        ("use super::search;", True),
        ("mod search;", True),
        ("    Kind::search(data)", False),
        ("    Vec::<u8>::search", False),
        ("    deep::search::find()", False),
        ("// What search finds.", False),
        ("    research::find()", False),
    ],
)
def test_the_bindings_use_a_crate_and_not_a_word(line: str, is_use: bool) -> None:
    assert bool(re.search(new_crate.in_bindings("search"), line)) == is_use


def test_a_manifest_writes_a_distribution_with_a_dash() -> None:
    assert re.search(new_crate.in_manifest("bridge_s1"), '    "bridge-s1==0.1.0",')


def test_a_wrong_digest_of_the_stubs_stays_wrong(repo: Path, inside: None) -> None:
    stub = repo / new_crate.STUBS / "maou_io.pyi"
    text = stub.read_text(encoding="utf-8")
    stub.write_text(text + "\n", encoding="utf-8", newline="\n")
    test = repo / new_crate.VERSIONS_TEST
    before = test.read_bytes()
    new_crate.scaffold("crate", "trial_crate")
    assert test.read_bytes() == before
    new_crate.remove("trial_crate")
    stub.write_text(text, encoding="utf-8", newline="\n")


def test_no_text_of_a_template_is_left_to_fill_in() -> None:
    for kind in new_crate.KINDS:
        for template in new_crate.files(kind, "trial_crate").values():
            text = new_crate.render(template, "trial_crate")
            assert not re.search(r"@[A-Z]+@", text), template
