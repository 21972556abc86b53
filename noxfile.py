"""The tasks of the project: `nox -l` lists them, bare `nox` runs `all`.

Continuous integration runs the same sessions, and nothing else.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2026.10.20"
nox.options.sessions = ["all"]
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"

ROOT = Path(__file__).parent
# A Python that a machine has not, and cannot fetch, is named in nox's summary; with the
# variable CI set it is an error.
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
OLDEST = PYTHONS[0]
# For sessions that run once: the newest that is found everywhere.
USUAL = "3.13"
# Systems for which cshogi has wheels. Elsewhere it would be compiled, and the tests
# that compare with it are left out by their marker, which the session says.
ORACLES = (("linux", "x86_64"), ("win32", "AMD64"))
# Two files of tests at a time; `-n 0` behind it ends that, which `--pdb` needs.
AT_ONCE = ("-n", "2", "--dist", "loadfile")
# Every package with a Cargo.toml is an extension module, maou-rust the first of them.
EXTENSIONS = sorted(path.parent.name for path in ROOT.glob("packages/*/Cargo.toml"))
PACKAGES = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml"))
# Benchmarks that need torch, 2.5 GB on Linux: the extra `cpu` is installed for them.
BENCHES_WITH_TORCH = {"loader", "train"}


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
    """Build all wheels as they are published; cargo keeps what did not change."""
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    for package in EXTENSIONS:
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
            f"packages/{package}/Cargo.toml",
            external=True,
        )
    for package in sorted(set(PACKAGES) - set(EXTENSIONS)):
        session.run_install(
            "uv",
            "build",
            "--quiet",
            "--wheel",
            "--package",
            package,
            "--out-dir",
            str(dist),
            external=True,
        )
    return sorted(str(wheel) for wheel in dist.glob("*.whl"))


def install_wheels(session: nox.Session, *extra_groups: str) -> None:
    """Install the wheels, and locked tools, without the workspace."""
    wheels = build_wheels(session)
    only = [word for name in extra_groups for word in ("--only-group", name)]
    sync(session, *only)
    fresh = [word for name in PACKAGES for word in ("--reinstall-package", name)]
    session.run_install(
        "uv", "pip", "install", "--quiet", *fresh, *wheels, external=True
    )


def install_extra(session: nox.Session, extra: str) -> None:
    """Install what an extra of maou brings, as locked, beside the wheels."""
    path = str(Path(session.create_tmp()).resolve() / f"{extra}.txt")
    options = ("--locked", "--package", "maou", "--extra", extra)
    plain = ("--no-emit-workspace", "--no-hashes", "--no-header", "--no-annotate")
    session.run_install(
        *("uv", "export", "--quiet", *options, *plain, "--output-file", path),
        external=True,
    )
    session.run_install("uv", "pip", "install", "--quiet", "-r", path, external=True)


def pytest(session: nox.Session, *arguments: str) -> None:
    """Run pytest; an empty selection fails, since pytest exits with 5 then."""
    session.run("pytest", *arguments)


@nox.session(name="all", venv_backend="none")
def everything(session: nox.Session) -> None:
    """What must pass: lint, workflows, rust, tests, ffi, e2e, torch, docs, build."""
    for name in ("lint", "workflows", "docs", "rust", "build", "ffi"):
        session.notify(name)
    for python in PYTHONS:
        session.notify(f"tests-{python}")
    for name in ("e2e", "torch", "learn"):
        session.notify(name)


@nox.session(python=OLDEST)
def lint(session: nox.Session) -> None:
    """ruff, mypy (strict), stubtest, rustfmt, clippy: warnings are errors."""
    sync(session, "--all-packages", *groups("dev"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    env = {"MYPYPATH": str(stub_path(session))}
    session.run("mypy", env=env)
    for package in EXTENSIONS:
        allowed = ["--allowlist", f"packages/{package}/stubtest-allowlist.txt"]
        module = package.replace("-", "_")
        session.run("python", "-m", "mypy.stubtest", module, *allowed, env=env)
    cargo_fmt(session, "--check")
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


def cargo_fmt(session: nox.Session, *options: str) -> None:
    """Run rustfmt on the workspace and on those beside it."""
    for folder in (".", "fuzz", "benches/rules"):
        manifest = ("--manifest-path", f"{folder}/Cargo.toml")
        session.run("cargo", "fmt", "--all", *manifest, *options, external=True)


def stub_path(session: nox.Session) -> Path:
    """Lay the stubs out as packages, which is how mypy finds them in a checkout.

    In a wheel they are a stub-only package of PEP 561, such as `maou_rust-stubs`.
    """
    folder = Path(session.create_tmp()) / "stubs"
    shutil.rmtree(folder, ignore_errors=True)
    for stubs in ROOT.glob("packages/*/*-stubs"):
        shutil.copytree(stubs, folder / stubs.name.removesuffix("-stubs"))
    return folder.resolve()


@nox.session(python=OLDEST)
def workflows(session: nox.Session) -> None:
    """Workflows, dev container, Dockerfile, compose, shell scripts: checked offline."""
    sync(session, "--only-group", "workflows")
    session.run("python", "scripts/check_workflows.py", *session.posargs)


@nox.session(venv_backend="none")
def rust(session: nox.Session) -> None:
    """Rust tests and doctests; `-- --tests NAME…`, `-- --doc NAME…` for one kind."""
    cargo_test(session, *session.posargs)


def cargo_test(session: nox.Session, *words: str) -> None:
    """Test the named crates, or all; words with a dash are options of `cargo test`."""
    options = [word for word in words if word.startswith("-")]
    names = [word for word in words if not word.startswith("-")]
    which = [word for name in names for word in ("-p", name)] or ["--workspace"]
    session.run(
        "cargo",
        "test",
        "--locked",
        "--quiet",
        *which,
        *options,
        external=True,
        env=embedded_python(session),
    )


def embedded_python(session: nox.Session) -> dict[str, str]:
    """Variables with which a test binary finds the interpreter that pyo3 linked.

    Not every Python's library is where the system looks for one: uv's are not.
    """
    # In the order in which pyo3 looks.
    named = os.environ.get("PYO3_PYTHON")
    interpreter = named or shutil.which("python") or shutil.which("python3")
    if interpreter is None:
        session.error("expected `python` or `python3` on the PATH")
    probe = "import sys, sysconfig; print(sys.base_prefix)"
    probe += "; print(sysconfig.get_config_var('LIBDIR') or sys.base_prefix)"
    output = subprocess.run(
        [interpreter, "-c", probe], capture_output=True, text=True, check=True
    ).stdout
    home, library = output.splitlines()
    name = {"win32": "PATH", "darwin": "DYLD_LIBRARY_PATH"}.get(
        sys.platform, "LD_LIBRARY_PATH"
    )
    path = [library, *filter(None, [os.environ.get(name)])]
    return {"PYTHONHOME": home, name: os.pathsep.join(path)}


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Python tests on every supported version, cshogi and python-shogi as oracles."""
    wanted = ("test", "oracle") if has_oracles() else ("test",)
    if not has_oracles():
        system = f"{sys.platform} {platform.machine()}"
        session.warn(f"cshogi has no wheel for {system}: no tests marked `oracle`")
    sync(session, "--all-packages", *groups(*wanted))
    pytest(session, "-m", markers_of_tests(), *AT_ONCE, *session.posargs)


def has_oracles() -> bool:
    """Tell whether cshogi has a wheel for this system."""
    return (sys.platform, platform.machine()) in ORACLES


def markers_of_tests() -> str:
    """What `tests` selects: neither what needs wheels nor what takes long."""
    unit = "not ffi and not e2e and not property and not scaffold"
    unit += " and not torch and not learn"
    return unit if has_oracles() else f"{unit} and not oracle"


@nox.session(python=OLDEST)
def ffi(session: nox.Session) -> None:
    """Rust and Python together, through the installed wheel."""
    install_wheels(session, "test")
    pytest(session, "-m", "ffi", *session.posargs)


@nox.session(python=USUAL)
def e2e(session: nox.Session) -> None:
    """The real command line, end to end, from the installed wheels."""
    install_wheels(session, "test")
    pytest(session, "-m", "e2e", *AT_ONCE, *session.posargs)


@nox.session(python=USUAL)
def torch(session: nox.Session) -> None:
    """Training, evaluation and export: the tests that need the extra `cpu`."""
    sync(session, "--all-packages", "--extra", "cpu", *groups("test"))
    # Networks of tests are small: more threads would only wait for each other.
    session.env["OMP_NUM_THREADS"] = "1"
    pytest(session, "-m", "torch", *AT_ONCE, *session.posargs)


@nox.session(python=USUAL)
def learn(session: nox.Session) -> None:
    """Proofs that training learns: by samples and one thread, not by the clock."""
    sync(session, "--all-packages", "--extra", "cpu", *groups("test"))
    session.env["OMP_NUM_THREADS"] = "1"
    # One thread a proof, and both proofs at once.
    pytest(session, "-m", "learn", "-n", "2", *session.posargs)


@nox.session(python=OLDEST)
def docs(session: nox.Session) -> None:
    """The documentation site, warnings as errors, into site/."""
    sync(session, "--only-group", "docs")
    # Not `--quiet`: a warning that is not shown is not counted by `--strict` either.
    # mkdocs-material announces its successor on stderr without the variable.
    session.run("mkdocs", "build", "--strict", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session(python=OLDEST)
def build(session: nox.Session) -> None:
    """All wheels and sdists into dist/, their metadata and contents checked."""
    wheels = build_wheels(session)
    for package in PACKAGES:
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
    check_distributions(session, "dist", wheels)


@nox.session(name="check-dist", python=OLDEST)
def check_dist(session: nox.Session) -> None:
    """What continuous integration built: `-- DIST`, and options of the script."""
    if not session.posargs:
        session.error("usage: nox -s check-dist -- DIST [--all-platforms] …")
    dist, *options = session.posargs
    wheels = sorted(str(wheel) for wheel in Path(dist).glob("*.whl"))
    check_distributions(session, dist, wheels, *options)


def check_distributions(
    session: nox.Session, dist: str, wheels: list[str], *options: str
) -> None:
    """Contents, sizes and metadata of distributions, and what abi3 promises."""
    sync(session, "--only-group", "build")
    session.run("python", "scripts/check_dist.py", dist, *options)
    session.run("twine", "check", "--strict", *wheels)
    # W009: the module and its stub-only package are two entries on purpose.
    session.run("check-wheel-contents", "--ignore", "W009", *wheels)
    session.run("abi3audit", "--strict", *(w for w in wheels if "-abi3-" in w))


@nox.session(python=OLDEST)
def fmt(session: nox.Session) -> None:
    """Format Python and Rust in place, and mend what ruff can mend."""
    sync(session, "--only-group", "lint")
    session.run("ruff", "check", "--fix", ".")
    session.run("ruff", "format", ".")
    cargo_fmt(session)


@nox.session(python=OLDEST)
def bench(session: nox.Session) -> None:
    """Benchmarks against peers; `-- convert --games 100000` runs one, with options."""
    install_wheels(session, "bench", "oracle")
    given = session.posargs
    n_names = next((i for i, a in enumerate(given) if a.startswith("-")), len(given))
    every = sorted(p.stem for p in Path("benches").glob("*.py"))
    names = given[:n_names] or every
    if BENCHES_WITH_TORCH & set(names):
        install_extra(session, "cpu")
    for name in names:
        session.run("python", f"benches/{name}.py", *given[n_names:])


@nox.session(name="property", python=OLDEST)
def property_tests(session: nox.Session) -> None:
    """Long property tests: a million positions, random damage, random kills."""
    sync(session, "--all-packages", *groups("test", "oracle"))
    pytest(session, "-m", "property", *session.posargs)


@nox.session(venv_backend="none")
def fuzz(session: nox.Session) -> None:
    """Fuzz every parser and decoder for 30 seconds each: `-- TARGET --seconds N`."""
    session.run(sys.executable, "scripts/fuzz.py", *session.posargs, external=True)


@nox.session(python=OLDEST)
def corpus(session: nox.Session) -> None:
    """Read a folder of real records, `-- DIR`, and compare with its expected.jsonl."""
    if len(session.posargs) != 1:
        session.error("usage: nox -s corpus -- DIR (with records/ and expected.jsonl)")
    sync(session, "--all-packages")
    session.run("python", "scripts/corpus.py", *session.posargs)


@nox.session(venv_backend="none")
def affected(session: nox.Session) -> None:
    """Print what a change since `-- BASE` touches, as JSON for a CI matrix."""
    session.run(sys.executable, "scripts/affected.py", *session.posargs, external=True)


@nox.session(name="test-affected", venv_backend="none")
def test_affected(session: nox.Session) -> None:
    """Run the tests of what a change since `-- BASE` touches, and no others."""
    command = (sys.executable, "scripts/affected.py", *session.posargs)
    plan = json.loads(str(session.run(*command, silent=True, external=True)))
    session.log(f"crates: {' '.join(plan['crates']) or 'none'}")
    if plan["crates"]:
        cargo_test(session, *plan["crates"])
    for name, paths in plan["sessions"].items():
        session.log(f"{name}: {' '.join(paths) or 'none'}")
        if paths:
            on = f"tests-{OLDEST}" if name == "tests" else name
            session.notify(on, posargs=paths)


@nox.session(venv_backend="none")
def new(session: nox.Session) -> None:
    """Scaffold a crate, `-- NAME`, or `-- --package NAME`; `-- --remove NAME`."""
    session.run(sys.executable, "scripts/new_crate.py", *session.posargs, external=True)


@nox.session(venv_backend="none")
def containers(session: nox.Session) -> None:
    """Build and run each stage of docker/Dockerfile, without an engine, as root."""
    script = "scripts/containers.py"
    session.run(sys.executable, script, *session.posargs, external=True)


@nox.session(python=OLDEST)
def scaffold(session: nox.Session) -> None:
    """Scaffold a crate and a package in a copy of the tree, build, test and remove."""
    sync(session, "--only-group", "test")
    pytest(session, "-m", "scaffold", "tests/scaffold", *session.posargs)


@nox.session(venv_backend="none")
def scale(session: nox.Session) -> None:
    """Measure a synthetic workspace of 500 crates; `-- --crates 100` fewer."""
    session.run(sys.executable, "scripts/scale.py", *session.posargs, external=True)


@nox.session(python=OLDEST)
def version(session: nox.Session) -> None:
    """Set the version everywhere: `-- X.Y.Z`."""
    session.run("python", "scripts/set_version.py", *session.posargs)
    session.run("cargo", "update", "--workspace", "--quiet", external=True)
    session.run("uv", "lock", "--quiet", external=True)


if __name__ == "__main__":
    sys.exit("run me with nox: uvx nox -l")
