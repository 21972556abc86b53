"""Build and run every stage of docker/Dockerfile on a machine without an engine.

    python scripts/containers.py
    python scripts/containers.py --package NAME    # and one more package's image

buildah does the building, as root: chroot isolation, nothing pulled, storage driver
overlay, or vfs where no overlay can be mounted (slower by far). In the place of the
Python image stands a Debian made with mmdebstrap from the archive that apt of this
machine uses; in the place of the Rust image the same with a copy of this machine's own
toolchain. Settings of the package index reach the build as secrets and stay out of the
images.

It prints sizes and times as a Markdown table and fails when a default command does
not print `import OK -> VERSION`, when an image for users runs as root or holds a
compiler, or when `runtime-rust` is 100 MB or more. Afterwards nothing of it is left.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT_MB = 100
PYTHON_IMAGE = "localhost/maou-python:local"
RUST_IMAGE = "localhost/maou-rust-toolchain:local"
TOOLS = {"buildah": "buildah", "mmdebstrap": "mmdebstrap"}
INDEX_VARIABLE = re.compile(
    r"PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|DEFAULT_TIMEOUT)"
    r"|UV_(DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|INSECURE_HOST|HTTP_TIMEOUT)"
    r"|UV_INDEX_\w+_(USERNAME|PASSWORD)"
)
COMPILER = re.compile(
    r"([\w.-]+-)?(cc|gcc|g\+\+|c\+\+|cpp|clang|ld|rustc|cargo|rustup|maturin|sccache|uvx?)"
    r"(-[\d.]+)?"
)


class FailureError(Exception):
    """Something is not as it has to be; the text says what."""


@dataclass(frozen=True)
class Stage:
    """One image to build: a stage of the Dockerfile, and for which package."""

    target: str
    package: str | None = None

    @property
    def for_users(self) -> bool:
        """Whether it is run by people who only want the package."""
        return self.package is not None

    @property
    def image(self) -> str:
        """The name under which it is kept while this runs."""
        return f"localhost/maou-{self.target}:{self.package or 'tools'}"


@dataclass(frozen=True)
class Measured:
    """What the table says of a stage."""

    stage: Stage
    size_mb: float
    build_s: float
    start_s: float


def missing_tools() -> list[str]:
    """What has to be installed before this can run, as sentences."""
    found = [
        f"`{tool}` is missing: install it with `apt-get install {package}`"
        for tool, package in TOOLS.items()
        if shutil.which(tool) is None
    ]
    if shutil.which("rustup") is None:
        found.append("`rustup` is missing: install it from https://rustup.rs")
    if os.geteuid() != 0:
        found.append("chroot isolation needs root: run it with sudo")
    return found


def output(*command: str | Path) -> str:
    """What a command prints; its own message when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        words = " ".join(str(word) for word in command[:4])
        raise FailureError(
            f"`{words} …` ended with {done.returncode}: {done.stderr.strip()}"
        )
    return done.stdout


def archive() -> tuple[str, str]:
    """URL and suite of the Debian archive that apt of this machine uses."""
    form = "$(REPO_URI)|$(CODENAME)|$(LABEL)|$(COMPONENT)"
    lines = output("apt-get", "indextargets", "--format", form, "Created-By: Packages")
    for line in lines.splitlines():
        url, suite, label, component = line.split("|")
        if (label, component) == ("Debian", "main") and "-" not in suite:
            return url, suite
    raise FailureError(
        "apt knows no Debian archive: see /etc/apt, then run `apt-get update`"
    )


def apt_options() -> list[str]:
    """How apt of this machine reaches its archive: proxies, and old archives."""
    wanted = re.compile(r'(Acquire::(?:https?::Proxy\b|Check-)[^ ]* "[^"]+";)')
    dump = output("apt-config", "dump", "Acquire")
    return [f"--aptopt={found}" for found in wanted.findall(dump)]


def toolchain_into(folder: Path) -> None:
    """Lay a copy of this machine's toolchain out as the Rust image has it."""
    sysroot = Path(output("rustc", "--print", "sysroot").strip()).resolve()
    rustup = Path(output("rustup", "which", "rustc").strip())
    if rustup.resolve() != (sysroot / "bin/rustc").resolve():
        raise FailureError(
            f"`{sysroot}` is not a toolchain of rustup: install one with it"
        )
    shutil.copytree(
        sysroot,
        folder / "usr/local/rustup/toolchains" / sysroot.name,
        symlinks=True,
        ignore=shutil.ignore_patterns("doc", "man"),
    )
    (folder / "usr/local/rustup/settings.toml").write_text(
        f'version = "12"\ndefault_toolchain = "{sysroot.name}"\nprofile = "minimal"\n',
        encoding="utf-8",
    )
    binary = folder / "usr/local/cargo/bin/rustup"
    binary.parent.mkdir(parents=True)
    # The proxies beside it are links to it; `which` may find one of a wrapper's.
    shutil.copy2(Path(shutil.which("rustup") or "rustup").resolve(), binary)


def overlays(work: Path) -> bool:
    """Whether a file system can be mounted as an overlay below `work`."""
    folder = work / "overlay"
    for name in ("lower", "upper", "work", "merged"):
        (folder / name).mkdir(parents=True)
    options = ",".join(f"{n}dir={folder / n}" for n in ("lower", "upper", "work"))
    merged = str(folder / "merged")
    mount = ["mount", "-t", "overlay", "overlay", "-o", options, merged]
    done = subprocess.run(mount, capture_output=True, check=False)
    if done.returncode == 0:
        output("umount", merged)
    shutil.rmtree(folder)
    return done.returncode == 0


class Buildah:
    """buildah with a storage of its own below a folder that is removed afterwards."""

    def __init__(self, work: Path) -> None:
        """Keep everything below `work`, which must be an empty folder."""
        self.work = work
        self.environment = os.environ | {
            "TMPDIR": str(work / "tmp"),
            "BUILDAH_ISOLATION": "chroot",
        }
        (work / "tmp").mkdir()
        self.driver = "overlay" if overlays(work) else "vfs"
        self.words = ["buildah", "--storage-driver", self.driver]
        self.words += ["--root", str(work / "storage"), "--runroot", str(work / "run")]

    def __call__(self, *arguments: str | Path, show: bool = False) -> str:
        """Run a subcommand and return what it prints."""
        done = subprocess.run(
            [*self.words, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if show else subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            said = done.stdout if show else done.stderr
            tail = "\n".join(said.splitlines()[-40:])
            raise FailureError(
                f"`buildah {arguments[0]}` ended with {done.returncode}:\n{tail}"
            )
        return done.stdout

    def build(self, context: Path, *options: str | Path) -> None:
        """Build an image; what it says is shown only when it fails."""
        self(
            "build", "--pull-never", "--format", "docker", *options, context, show=True
        )

    def remove(self) -> None:
        """Leave nothing: containers hold mounts, which are given back first."""
        subprocess.run(
            [*self.words, "rm", "--all"],
            env=self.environment,
            capture_output=True,
            check=False,
        )


def secrets(work: Path) -> list[str]:
    """The index settings of this machine as secrets of the build."""
    found = []
    lines = [f"{k}={v}" for k, v in os.environ.items() if INDEX_VARIABLE.fullmatch(k)]
    if lines:
        (work / "index").write_text("\n".join(lines) + "\n", encoding="utf-8")
        found.append(f"id=index,src={work / 'index'}")
    trusted = os.environ.get("SSL_CERT_FILE") or os.environ.get("PIP_CERT")
    if trusted and Path(trusted).is_file():
        found.append(f"id=ca,src={trusted}")
    cargo = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    for name in ("config.toml", "config"):
        if (cargo / name).is_file():
            found.append(f"id=cargo,src={cargo / name}")
            break
    return [word for secret in found for word in ("--secret", secret)]


def bases(buildah: Buildah) -> None:
    """Make the two images that the Dockerfile starts from."""
    context = buildah.work / "bases"
    context.mkdir()
    url, suite = archive()
    output(
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        "--include=python3,python3-venv,ca-certificates",
        *(f"--dpkgopt=path-exclude=/usr/share/{x}/*" for x in ("doc", "man", "locale")),
        *apt_options(),
        suite,
        context / "python.tar",
        url,
    )
    (context / "python").write_text(
        "FROM scratch\nADD python.tar /\n", encoding="utf-8"
    )
    buildah.build(context, "--file", context / "python", "--tag", PYTHON_IMAGE)
    (context / "python.tar").unlink()
    toolchain_into(context / "toolchain")
    (context / "rust").write_text(
        f"FROM {PYTHON_IMAGE}\n"
        "COPY toolchain /\n"
        "ENV RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo "
        "PATH=/usr/local/cargo/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin\n",
        encoding="utf-8",
    )
    buildah.build(context, "--file", context / "rust", "--tag", RUST_IMAGE)
    shutil.rmtree(context)


def unpacked_mb(root: Path) -> float:
    """Bytes of all files below `root`, each counted once, in millions."""
    sizes = {}
    for at, folders, files in os.walk(root):
        for name in files + folders:
            state = Path(at, name).lstat()
            if not stat.S_ISDIR(state.st_mode):
                sizes[state.st_dev, state.st_ino] = state.st_size
    return sum(sizes.values()) / 1e6


def compilers(root: Path) -> list[str]:
    """Programs below `root` that only a builder needs."""
    return sorted(
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.parent.name in {"bin", "sbin"} and COMPILER.fullmatch(path.name)
    )


def findings(  # one line for each thing that an image must be
    stage: Stage,
    *,
    says: str,
    version: str,
    user_id: int,
    found: list[str],
    size_mb: float,
) -> list[str]:
    """What is wrong with an image that users run."""
    name = f"`{stage.target}` with PACKAGE={stage.package}"
    wrong = []
    if says != f"import OK -> {version}\n":
        wrong.append(f"{name}: expected `import OK -> {version}`, found {says!r}")
    if user_id == 0:
        wrong.append(f"{name}: expected a user other than root, found 0")
    if found:
        wrong.append(f"{name}: expected no compiler, found {', '.join(found)}")
    if stage.target == "runtime-rust" and size_mb >= LIMIT_MB:
        wrong.append(f"{name}: expected under {LIMIT_MB} MB, found {size_mb:.1f} MB")
    return wrong


def version_of(package: str) -> str:
    """The version that the package's pyproject.toml states."""
    text = (ROOT / "packages" / package / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["version"])


def look_at(
    buildah: Buildah, stage: Stage, build_s: float
) -> tuple[Measured, list[str]]:
    """Run an image and measure it."""
    container = buildah("from", "--pull-never", stage.image).strip()
    try:
        root = Path(buildah("mount", container).strip())
        size_mb = unpacked_mb(root)
        found = compilers(root)
        config = json.loads(buildah("inspect", "--type", "image", stage.image))
        command = config["OCIv1"]["config"].get("Cmd", [])
        if stage.for_users:
            assert stage.package is not None
            start = time.perf_counter()
            says = buildah("run", container, "--", *command)
            start_s = time.perf_counter() - start
            ask = "import os; print(os.getuid())"
            user_id = int(buildah("run", container, "--", command[0], "-c", ask))
            wrong = findings(
                stage,
                says=says,
                version=version_of(stage.package),
                user_id=user_id,
                found=found,
                size_mb=size_mb,
            )
        else:
            start = time.perf_counter()
            buildah("run", container, "--", "bash", "-c", "true")
            start_s = time.perf_counter() - start
            wrong = tools(buildah, stage, container)
        return Measured(stage, size_mb, build_s, start_s), wrong
    finally:
        buildah("rm", container)


def tools(buildah: Buildah, stage: Stage, container: str) -> list[str]:
    """Whether the tools of a stage for builders start, and see a mounted checkout."""
    commands = ["rustc --version", "cargo --version", "cargo fmt --version"]
    commands += ["cargo clippy --version", "gcc --version", "git --version"]
    pins = (ROOT / "docker/tools.txt").read_text(encoding="utf-8")
    commands += [f"{tool} --version" for tool in ("maturin", "sccache", "uv")]
    said = buildah("run", container, "--", "bash", "-c", " && ".join(commands))
    wrong = [
        f"`{stage.target}`: expected {tool} {version}, found none of it"
        for tool, version in re.findall(r"^(maturin|sccache|uv)==(.+)$", pins, re.M)
        if f"{tool} {version}" not in said
    ]
    if stage.target == "dev":
        metadata = "cargo metadata --no-deps --offline --locked --format-version 1"
        mount = f"{ROOT}:/src:ro"
        seen = buildah(
            "run",
            "--volume",
            mount,
            container,
            "--",
            "bash",
            "-c",
            f"id -u; {metadata}",
        )
        user_id, _, workspace = seen.partition("\n")
        if user_id == "0":
            wrong.append("`dev`: expected a user other than root, found 0")
        if not json.loads(workspace)["packages"]:
            wrong.append("`dev`: expected the crates of the checkout, found none")
    return wrong


def table(rows: list[Measured]) -> str:
    """The rows as Markdown."""
    lines = [
        "| Stage | Package | Unpacked | Build | Start and default command |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        start = (
            f"{row.start_s:.2f} s"
            if row.stage.for_users
            else f"{row.start_s:.2f} s (shell)"
        )
        lines.append(
            f"| `{row.stage.target}` | {row.stage.package or ''} "
            f"| {row.size_mb:,.1f} MB | {row.build_s:,.0f} s | {start} |"
        )
    return "\n".join(lines)


def one(buildah: Buildah, stage: Stage, work: Path) -> tuple[Measured, list[str]]:
    """Build a stage and look at it."""
    # vfs copies everything for each layer; without layers only for each stage.
    layers = "true" if buildah.driver == "overlay" else "false"
    options = [f"--layers={layers}", "--file", str(ROOT / "docker/Dockerfile")]
    options += ["--build-arg", f"PYTHON_IMAGE={PYTHON_IMAGE}"]
    options += ["--build-arg", f"RUST_IMAGE={RUST_IMAGE}"]
    if stage.package:
        options += ["--build-arg", f"PACKAGE={stage.package}"]
    options += [*secrets(work), "--target", stage.target, "--tag", stage.image]
    start = time.perf_counter()
    buildah.build(ROOT, *options)
    return look_at(buildah, stage, time.perf_counter() - start)


def run(stages: list[Stage], work: Path) -> list[str]:
    """Build and look at each stage; return what is wrong."""
    buildah = Buildah(work)
    try:
        start = time.perf_counter()
        bases(buildah)
        print(f"bases made in {time.perf_counter() - start:.0f} s", flush=True)
        print(f"storage driver {buildah.driver}", flush=True)
        rows, wrong = [], []
        for stage in stages:
            try:
                row, found = one(buildah, stage, work)
            except FailureError as failure:
                wrong.append(f"{stage.image}: {failure}")
                continue
            print(f"built {stage.image} in {row.build_s:.0f} s", flush=True)
            rows.append(row)
            wrong += found
        print(f"\n{table(rows)}\n", flush=True)
        return wrong
    finally:
        buildah.remove()


def main() -> int:
    """Build, run, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--package",
        action="append",
        default=[],
        metavar="NAME",
        help="build `runtime` for this folder of packages/ as well; may be repeated",
    )
    options = parser.parse_args()
    for package in options.package:
        if not (ROOT / "packages" / package / "pyproject.toml").is_file():
            print(f"error: `packages/{package}` has no pyproject.toml", file=sys.stderr)
            return 2
    if missing := missing_tools():
        print("\n".join(f"error: {sentence}" for sentence in missing), file=sys.stderr)
        return 2

    stages = [
        Stage("builder"),
        Stage("dev"),
        Stage("runtime-rust", "maou-rust"),
        Stage("runtime", "maou"),
        *(Stage("runtime", package) for package in options.package),
    ]
    work = Path(tempfile.mkdtemp(prefix="maou-containers-"))
    try:
        wrong = run(stages, work)
    except FailureError as failure:
        wrong = [str(failure)]
    finally:
        shutil.rmtree(work)
    for sentence in wrong:
        print(f"error: {sentence}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
