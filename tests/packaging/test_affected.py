"""What a change touches, rule by rule, in a small repository of git."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import affected
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Plan = dict[str, Any]

ROOT_MANIFEST = """
[workspace]
members = ["crates/*", "packages/*"]
exclude = ["packages/maou", "packages/other"]

[workspace.dependencies]
base = { path = "crates/base" }
mid = { path = "crates/mid" }
serde = "1"
"""
# base ← mid ← top; base ⇐ gen (build) ← user; base ⇠ probe (dev) ← over;
# mid ← maou-rust, the bindings, which maou needs; reader reads papers of others.
DEPENDENCIES = {
    "crates/base": "[dependencies]\nserde.workspace = true\n",
    "crates/mid": "[dependencies]\nbase.workspace = true\n",
    "crates/top": '[target."cfg(unix)".dependencies]\nmid = { workspace = true }\n',
    "crates/gen": '[build-dependencies]\nother_name = { path = "../base" }\n',
    "crates/user": '[dependencies]\ngen = { path = "../gen" }\n',
    "crates/probe": "[dev-dependencies]\nbase = { workspace = true }\n",
    "crates/over": '[dependencies]\nprobe = { path = "../probe" }\n',
    "crates/reader": "",
    "crates/alone": "",
    "packages/maou-rust": "[dependencies]\nmid.workspace = true\n",
    "packages/bridge": "",
}
FFI = "pytestmark = pytest.mark.ffi\n"
FILES = {
    "Cargo.toml": ROOT_MANIFEST,
    "Cargo.lock": "",
    "uv.lock": "",
    "noxfile.py": "",
    "rust-toolchain.toml": "",
    "README.md": "",
    "mkdocs.yml": "",
    "LICENSE-MIT": "",
    ".gitignore": "target/\n",
    ".github/workflows/ci.yml": "",
    ".ci/run": "",
    "scripts/stamp.py": "",
    "docker/Dockerfile": "",
    "docs/index.md": "",
    "docs/schema.md": "",
    "fuzz/Cargo.toml": "",
    "crates/alone/README.md": "",
    "crates/alone/docs/why.md": "",
    "crates/alone/tests/main.rs": "",
    "crates/alone/benches/speed.rs": "",
    "crates/alone/examples/show.rs": "",
    "crates/alone/build.rs": "",
    "crates/base/tests/main.rs": "",
    "crates/base/data/table.bin": "",
    "crates/reader/README.md": "",
    "crates/reader/src/lib.rs": """
#![doc = include_str!("../README.md")]
const A: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema.md"));
""",
    "crates/reader/tests/main.rs": """
fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packages/other/sample")
}
""",
    "packages/maou-rust/maou_rust-stubs/mid.pyi": "",
    "packages/maou-rust/README.md": "",
    "packages/other/sample/one.csa": "",
    "packages/other/src/other.py": "",
    "packages/maou/src/maou.py": "",
    "benches/speed.py": "",
    "tests/conftest.py": "",
    "tests/ffi/test_mid.py": FFI + "from maou_rust import mid\n",
    "tests/ffi/test_bridge.py": "from bridge import x\n"
    "pytestmark = [\n    pytest.mark.ffi,\n    pytest.mark.skipif(a),\n]\n",
    "tests/maou/test_command.py": "def test(maou_run): ...\n",
    "tests/packaging/test_tree.py": "@pytest.mark.e2e\ndef test(): ...\n"
    'TEXT = "@pytest.mark.ffi"\n',
    "tests/property/test_long.py": "import other\n" + FFI.replace("ffi", "property"),
}
PROJECTS = {
    "packages/maou-rust": "",
    "packages/maou": "\"maou_rust[fast]==0.1.0; python_version > '3'\"",
    "packages/other": "",
    "packages/bridge": "",
}
CRATES = sorted(folder.partition("/")[2] for folder in DEPENDENCIES)
PACKAGES = ["bridge", "maou", "maou-rust", "other"]
TREE = ["tests/packaging/test_tree.py"]
OF_MAOU = ["tests/ffi/test_mid.py", "tests/maou/test_command.py", *TREE]
NOTHING: Plan = {
    "all": False,
    "crates": [],
    "packages": [],
    "rust": False,
    "python": False,
    "sessions": {"tests": [], "ffi": [], "e2e": [], "torch": [], "learn": []},
}


def git(repo: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", *identity, *arguments],
        cwd=repo,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def write(repo: Path, path: str, text: str) -> None:
    (repo / path).parent.mkdir(parents=True, exist_ok=True)
    (repo / path).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repo = tmp_path_factory.mktemp("affected") / "repo"
    for folder, dependencies in DEPENDENCIES.items():
        name = folder.partition("/")[2]
        manifest = f'[package]\nname = "{name}"\n\n{dependencies}'
        write(repo, f"{folder}/Cargo.toml", manifest)
        write(repo, f"{folder}/src/lib.rs", "")
    for folder, needs in PROJECTS.items():
        name = folder.partition("/")[2]
        project = f'[project]\nname = "{name}"\ndependencies = [{needs}]\n'
        write(repo, f"{folder}/pyproject.toml", project)
    for path, text in FILES.items():
        write(repo, path, text)
    git(repo, "init", "--quiet", "--initial-branch=main")
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--message=first")
    return repo


@pytest.fixture
def repo(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "repo"
    shutil.copytree(original, copy)
    monkeypatch.setattr(affected, "ROOT", copy)
    return copy


@pytest.fixture
def plan(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Plan]:
    def run(*arguments: str) -> Plan:
        monkeypatch.setattr(sys, "argv", ["affected.py", *arguments])
        affected.main()
        printed: Plan = json.loads(capsys.readouterr().out)
        return printed

    return run


def expected(
    crates: str = "",
    packages: str = "",
    tests: list[str] | None = None,
) -> Plan:
    return {
        "all": False,
        "crates": crates.split(),
        "packages": packages.split(),
        "rust": bool(crates),
        "python": tests is not None,
        "sessions": {
            "tests": [p for p in tests or [] if "/ffi/" not in p],
            "ffi": [p for p in tests or [] if "/ffi/" in p or p == "tests"],
            "e2e": [p for p in tests or [] if p in ("tests", *TREE)],
            "torch": [p for p in tests or [] if p == "tests"],
            "learn": [p for p in tests or [] if p == "tests"],
        },
    }


def check(found: Plan, wanted: Plan) -> None:
    jobs = found.pop("matrix")["include"]
    assert found == wanted
    assert [job["crates"] for job in jobs] == [" ".join(wanted["crates"])] * len(jobs)
    assert bool(jobs) == wanted["rust"]


EVERYTHING: Plan = {
    "all": True,
    "crates": CRATES,
    "packages": PACKAGES,
    "rust": True,
    "python": True,
    "sessions": {name: ["tests"] for name in affected.SESSIONS},
}
# What base touches: everything but `over`, since a dev dependency goes one step.
BASE = "base gen maou-rust mid probe top user"


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("crates/base/src/lib.rs", expected(BASE, "maou maou-rust", OF_MAOU)),
        ("crates/base/data/table.bin", expected(BASE, "maou maou-rust", OF_MAOU)),
        ("crates/base/tests/main.rs", expected("base")),
        ("crates/top/src/lib.rs", expected("top")),
        ("crates/gen/src/lib.rs", expected("gen user")),
        ("crates/probe/src/lib.rs", expected("over probe")),
        (
            "crates/mid/src/lib.rs",
            expected("maou-rust mid top", "maou maou-rust", OF_MAOU),
        ),
        ("crates/alone/src/lib.rs", expected("alone")),
        ("crates/alone/build.rs", expected("alone")),
        ("crates/alone/tests/main.rs", expected("alone")),
        ("crates/alone/benches/speed.rs", expected("alone")),
        ("crates/alone/examples/show.rs", expected("alone")),
        ("crates/alone/Cargo.toml", expected("alone", "", TREE)),
        ("crates/alone/README.md", NOTHING),
        ("crates/alone/docs/why.md", NOTHING),
        # Papers that a crate reads, its own and others, and a folder its tests read.
        ("crates/reader/README.md", expected("reader")),
        ("docs/schema.md", expected("reader")),
        ("packages/other/sample/one.csa", expected("reader", "other", TREE)),
        ("packages/other/src/other.py", expected("", "other", TREE)),
        ("packages/maou/src/maou.py", expected("", "maou", OF_MAOU)),
        ("packages/maou-rust/README.md", NOTHING),
        (
            "packages/maou-rust/src/lib.rs",
            expected("maou-rust", "maou maou-rust", OF_MAOU),
        ),
        (
            "packages/maou-rust/maou_rust-stubs/mid.pyi",
            expected("maou-rust", "maou maou-rust", OF_MAOU),
        ),
        (
            "packages/bridge/src/lib.rs",
            expected("bridge", "bridge", ["tests/ffi/test_bridge.py", *TREE]),
        ),
        (
            "tests/ffi/test_bridge.py",
            expected("", "", ["tests/ffi/test_bridge.py", *TREE]),
        ),
        ("tests/conftest.py", expected("", "", ["tests"])),
        ("benches/speed.py", expected("", "", TREE)),
        ("docker/Dockerfile", expected("", "", TREE)),
        ("docs/index.md", NOTHING),
        ("README.md", NOTHING),
        ("mkdocs.yml", NOTHING),
        ("LICENSE-MIT", NOTHING),
        (".gitignore", NOTHING),
        ("Cargo.toml", EVERYTHING),
        ("Cargo.lock", EVERYTHING),
        ("uv.lock", EVERYTHING),
        ("noxfile.py", EVERYTHING),
        ("rust-toolchain.toml", EVERYTHING),
        (".github/workflows/ci.yml", EVERYTHING),
        (".ci/run", EVERYTHING),
        ("scripts/stamp.py", EVERYTHING),
    ],
)
def test_an_edit(
    path: str, wanted: Plan, repo: Path, plan: Callable[..., Plan]
) -> None:
    write(repo, path, (repo / path).read_text() + "\n")
    check(plan("HEAD"), wanted)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("crates/alone/src/more.rs", expected("alone")),
        ("crates/alone/notes.md", NOTHING),
        ("tests/ffi/test_new.py", expected("", "", ["tests/ffi/test_new.py", *TREE])),
        ("strange.cfg", EVERYTHING),
        ("strange/file.txt", EVERYTHING),
        ("target/debug/x", NOTHING),
    ],
)
def test_a_new_file(
    path: str, wanted: Plan, repo: Path, plan: Callable[..., Plan]
) -> None:
    write(repo, path, "pytestmark = pytest.mark.ffi\n")
    check(plan("HEAD"), wanted)


def test_nothing(repo: Path, plan: Callable[..., Plan]) -> None:
    check(plan("HEAD"), NOTHING)


def test_a_new_crate(repo: Path, plan: Callable[..., Plan]) -> None:
    manifest = '[package]\nname = "new"\n[dependencies]\nbase.workspace = true\n'
    write(repo, "crates/new/Cargo.toml", manifest)
    write(repo, "crates/new/src/lib.rs", "")
    check(plan("HEAD"), expected("new", "", TREE))


def test_a_deleted_crate(repo: Path, plan: Callable[..., Plan]) -> None:
    shutil.rmtree(repo / "crates/base")
    left = "gen maou-rust mid probe top user"
    check(plan("HEAD"), expected(left, "maou maou-rust", OF_MAOU))


def test_a_deleted_crate_whose_dependent_let_go(
    repo: Path, plan: Callable[..., Plan]
) -> None:
    shutil.rmtree(repo / "crates/gen")
    write(repo, "crates/user/Cargo.toml", '[package]\nname = "user"\n')
    check(plan("HEAD"), expected("user", "", TREE))


def test_a_moved_crate(repo: Path, plan: Callable[..., Plan]) -> None:
    (repo / "crates/gen").rename(repo / "crates/made")
    gen = (repo / "crates/made/Cargo.toml").read_text()
    write(repo, "crates/made/Cargo.toml", gen.replace('"gen"', '"made"'))
    check(plan("HEAD"), expected("made user", "", TREE))


def test_a_crate_with_another_name_in_its_folder(
    repo: Path, plan: Callable[..., Plan]
) -> None:
    write(repo, "crates/probe/Cargo.toml", '[package]\nname = "sonde"\n')
    check(plan("HEAD"), expected("over sonde", "", TREE))


def test_a_deleted_package(repo: Path, plan: Callable[..., Plan]) -> None:
    shutil.rmtree(repo / "packages/maou-rust")
    check(plan("HEAD"), expected("", "maou", OF_MAOU))


def test_committed_edited_and_new_files_count_together(
    repo: Path, plan: Callable[..., Plan]
) -> None:
    write(repo, "crates/alone/src/lib.rs", "// 1\n")
    git(repo, "commit", "--quiet", "--all", "--message=second")
    write(repo, "crates/top/src/lib.rs", "// 2\n")
    git(repo, "add", "crates/top/src/lib.rs")
    write(repo, "crates/over/src/new.rs", "// 3\n")
    check(plan("HEAD~1"), expected("alone over top"))
    check(plan("HEAD"), expected("over top"))


def test_what_happened_on_the_base_meanwhile_does_not_count(
    repo: Path, plan: Callable[..., Plan]
) -> None:
    git(repo, "checkout", "--quiet", "-b", "work")
    write(repo, "crates/alone/src/lib.rs", "// 1\n")
    git(repo, "commit", "--quiet", "--all", "--message=mine")
    git(repo, "checkout", "--quiet", "main")
    write(repo, "Cargo.toml", ROOT_MANIFEST + "\n# later\n")
    git(repo, "commit", "--quiet", "--all", "--message=theirs")
    git(repo, "checkout", "--quiet", "work")
    check(plan("main"), expected("alone"))


def test_all_needs_no_base(repo: Path, plan: Callable[..., Plan]) -> None:
    check(plan("--all"), EVERYTHING)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "one of the arguments BASE --all is required"),
        (["--all", "HEAD"], "not allowed with argument"),
        (["nowhere"], "`nowhere` is no commit here"),
        (["--all", "--axis", "os"], "expected NAME=VALUE,VALUE"),
        (["HEAD", "--crates-per-job", "0"], "expected at least 1"),
    ],
)
def test_usage(
    arguments: list[str],
    message: str,
    repo: Path,
    plan: Callable[..., Plan],
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as stopped:
        plan(*arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_a_broken_manifest_is_named(repo: Path, plan: Callable[..., Plan]) -> None:
    write(repo, "crates/alone/Cargo.toml", "[package")
    with pytest.raises(SystemExit, match=r"^crates/alone/Cargo.toml: "):
        plan("HEAD")


# Ten layers of fifty crates, each built from two of the layer below.


def layers() -> affected.Workspace:
    crates = {}
    for layer in range(10):
        for n in range(50):
            below = (
                {f"l{layer - 1}_{k % 50:02}" for k in (n, n + 1)} if layer else set()
            )
            name = f"l{layer}_{n:02}"
            crates[name] = affected.Crate(name, f"crates/{name}", frozenset(below))
    return affected.Workspace(crates)


def test_a_base_crate_of_five_hundred_touches_its_cone() -> None:
    state = layers()
    touched = affected.affected({"crates/l0_20/src/lib.rs"}, state, state)
    # One more crate in each layer: 1 + 2 + … + 10.
    assert len(touched.tested) == 55
    assert {name for name in touched.tested if name.startswith("l2")} == {
        "l2_18",
        "l2_19",
        "l2_20",
    }
    touched = affected.affected({"crates/l9_20/src/lib.rs"}, state, state)
    assert touched.tested == {"l9_20"}
    touched = affected.affected({"Cargo.lock"}, state, state)
    assert len(touched.tested) == 500


def test_jobs_hold_every_crate_once_for_each_combination() -> None:
    crates = sorted(layers().crates)
    axes = {"os": ["linux", "windows", "macos"], "python": ["3.11", "3.14"]}
    jobs = affected.jobs(crates, axes)
    assert len(jobs) == 20 * 6
    for system in axes["os"]:
        for python in axes["python"]:
            names = [
                name
                for job in jobs
                if (job["os"], job["python"]) == (system, python)
                for name in job["crates"].split()
            ]
            assert names == crates
    assert jobs == affected.jobs(crates, axes)
    assert jobs[0]["name"] == "1/20"
    assert jobs[0]["crates"].split() == crates[:25]


def test_there_are_never_more_jobs_than_a_matrix_may_have() -> None:
    crates = sorted(layers().crates)
    jobs = affected.jobs(crates, {"os": ["a", "b", "c"]}, per_job=1)
    assert len(jobs) == 255
    sizes = {len(job["crates"].split()) for job in jobs}
    assert sizes == {5, 6}
    assert affected.jobs([], {"os": ["a"]}) == []
    assert affected.jobs(["x"], {}) == [{"name": "1/1", "crates": "x"}]
    with pytest.raises(SystemExit, match="257 combinations, at most 256"):
        affected.jobs(["x"], {"n": [str(n) for n in range(257)]})
