"""The tasks of the project: `nox -l` lists them, bare `nox` runs `all`.

Continuous integration runs the same sessions, and nothing else.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2026.10.20"
nox.options.sessions = ["all"]
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"

ROOT = Path(__file__).parent
PYTHONS = ["3.11", "3.12", "3.13"]
NEWEST, OLDEST = PYTHONS[-1], PYTHONS[0]
STUBS = ROOT / "packages/maou-rust/maou_rust-stubs"


def sync(session: nox.Session, *options: str) -> None:
    """Bring the session's environment to exactly what the lock file says.

    The extension is built once, in the daily profile, and then comes from uv's
    cache in every environment.
    """
    session.run_install(
        "uv",
        "sync",
        "--quiet",
        "--locked",
        *options,
        env={"UV_PROJECT_ENVIRONMENT": session.virtualenv.location},
        external=True,
    )


def groups(*names: str) -> list[str]:
    """Options of `uv sync` for dependency groups."""
    return [word for name in names for word in ("--group", name)]


def build_wheels(session: nox.Session) -> list[str]:
    """Build both wheels as they are published; cargo keeps what did not change."""
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    session.run_install(
        "uvx",
        "--quiet",
        "maturin@1.16.0",
        "build",
        "--release",
        "--locked",
        "--quiet",
        "--out",
        str(dist),
        "--manifest-path",
        "packages/maou-rust/Cargo.toml",
        external=True,
    )
    session.run_install(
        "uv",
        "build",
        "--quiet",
        "--wheel",
        "--package",
        "maou",
        "--out-dir",
        str(dist),
        external=True,
    )
    return sorted(str(wheel) for wheel in dist.glob("*.whl"))


def install_wheels(session: nox.Session, *extra_groups: str) -> None:
    """Install the two wheels, and locked tools, without the workspace."""
    wheels = build_wheels(session)
    only = [word for name in extra_groups for word in ("--only-group", name)]
    sync(session, *only)
    session.run_install(
        "uv",
        "pip",
        "install",
        "--quiet",
        "--reinstall-package",
        "maou",
        "--reinstall-package",
        "maou-rust",
        *wheels,
        external=True,
    )


def pytest(session: nox.Session, *arguments: str) -> None:
    """Run pytest; an empty selection fails, since pytest exits with 5 then."""
    session.run("pytest", *arguments, *session.posargs)


@nox.session(name="all", venv_backend="none")
def everything(session: nox.Session) -> None:
    """Everything that has to pass: lint, rust, tests, ffi, e2e, docs, build."""
    for name in ("lint", "docs", "rust", "build", "ffi"):
        session.notify(name)
    for python in PYTHONS:
        session.notify(f"tests-{python}")
    session.notify("e2e")


@nox.session(python=OLDEST)
def lint(session: nox.Session) -> None:
    """ruff, mypy (strict), stubtest, rustfmt, clippy: warnings are errors."""
    sync(session, "--all-packages", *groups("dev"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    env = {"MYPYPATH": str(stub_path(session))}
    session.run("mypy", env=env)
    allowed = ["--allowlist", "packages/maou-rust/stubtest-allowlist.txt"]
    session.run("python", "-m", "mypy.stubtest", "maou_rust", *allowed, env=env)
    session.run("cargo", "fmt", "--all", "--check", external=True)
    session.run(
        "cargo",
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--quiet",
        "--",
        "-D",
        "warnings",
        external=True,
        # Apart from target/, or the next `uv run` would rebuild pyo3.
        env={"CARGO_TARGET_DIR": str(ROOT / "target/lint")},
    )


def stub_path(session: nox.Session) -> Path:
    """Lay the stubs out as a package, which is how mypy finds them in a checkout.

    In the wheel they are the stub-only package `maou_rust-stubs` of PEP 561.
    """
    folder = Path(session.create_tmp()) / "stubs"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(STUBS, folder / "maou_rust")
    return folder.resolve()


@nox.session(venv_backend="none")
def rust(session: nox.Session) -> None:
    """Rust unit tests, doctests, and the module inside an embedded interpreter."""
    session.run("cargo", "test", "--workspace", "--locked", "--quiet", external=True)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Python tests on every supported version, cshogi and python-shogi as oracles."""
    sync(session, "--all-packages", *groups("test", "oracle"))
    pytest(session, "-m", "not ffi and not e2e and not property")


@nox.session(python=OLDEST)
def ffi(session: nox.Session) -> None:
    """Rust and Python together, through the installed wheel."""
    install_wheels(session, "test")
    pytest(session, "-m", "ffi")


@nox.session(python=NEWEST)
def e2e(session: nox.Session) -> None:
    """The real command line, end to end, from the installed wheels."""
    install_wheels(session, "test")
    pytest(session, "-m", "e2e")


@nox.session(python=OLDEST)
def docs(session: nox.Session) -> None:
    """The documentation site, warnings as errors, into site/."""
    sync(session, "--only-group", "docs")
    # Not `--quiet`: a warning that is not shown is not counted by `--strict` either.
    # mkdocs-material announces its successor on stderr without the variable.
    session.run("mkdocs", "build", "--strict", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session(python=OLDEST)
def build(session: nox.Session) -> None:
    """Both wheels and sdists into dist/, their metadata and contents checked."""
    wheels = build_wheels(session)
    for package in ("maou", "maou-rust"):
        session.run_install(
            "uv",
            "build",
            "--quiet",
            "--sdist",
            "--package",
            package,
            "--out-dir",
            "dist",
            external=True,
        )
    sync(session, "--only-group", "build")
    session.run("python", "scripts/check_dist.py", "dist")
    session.run("twine", "check", "--strict", *wheels)
    # W009: the module and its stub-only package are two entries on purpose.
    session.run("check-wheel-contents", "--ignore", "W009", *wheels)
    session.run("abi3audit", "--strict", *(w for w in wheels if "maou_rust" in w))


@nox.session(python=OLDEST)
def fmt(session: nox.Session) -> None:
    """Format Python and Rust in place, and mend what ruff can mend."""
    sync(session, "--only-group", "lint")
    session.run("ruff", "check", "--fix", ".")
    session.run("ruff", "format", ".")
    session.run("cargo", "fmt", "--all", external=True)


@nox.session(python=OLDEST)
def bench(session: nox.Session) -> None:
    """Benchmarks against peers; `-- convert`, `-- build` … run one alone."""
    install_wheels(session, "bench", "oracle")
    names = session.posargs or sorted(p.stem for p in Path("benches").glob("*.py"))
    for name in names:
        session.run("python", f"benches/{name}.py")


@nox.session(name="property", python=OLDEST)
def property_tests(session: nox.Session) -> None:
    """Long property tests: random games, random kills."""
    sync(session, "--all-packages", *groups("test", "oracle"))
    pytest(session, "-m", "property")


@nox.session(python=OLDEST)
def corpus(session: nox.Session) -> None:
    """Read a folder of real records, `-- DIR`, and compare with its expected.jsonl."""
    if len(session.posargs) != 1:
        session.error("usage: nox -s corpus -- DIR (with records/ and expected.jsonl)")
    sync(session, "--all-packages")
    session.run("python", "scripts/corpus.py", *session.posargs)


@nox.session(python=OLDEST)
def version(session: nox.Session) -> None:
    """Set the version everywhere: `-- X.Y.Z`."""
    session.run("python", "scripts/set_version.py", *session.posargs)
    session.run("cargo", "update", "--workspace", "--quiet", external=True)
    session.run("uv", "lock", "--quiet", external=True)


if __name__ == "__main__":
    sys.exit("run me with nox: uvx nox -l")
