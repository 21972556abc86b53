"""Each check of `nox -s workflows` refuses what it is there to refuse."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import check_workflows
import pytest

ROOT = Path(__file__).resolve().parents[2]
ONE, TWO = "1" * 40, "2" * 40
WITH = "        with:\n          "
GOOD = f"""\
name: Check
on:
  pull_request:
permissions: {{}}
jobs:
  check:
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    permissions:
      contents: read
    strategy:
      matrix:
        session: [lint, tests-3.11]
    steps:
      - uses: actions/checkout@{ONE} # v6.0.2
        with:
          persist-credentials: false
      - uses: actions/cache/restore@{TWO} # v5.0.5
        with:
          path: target
          key: one
      - run: uvx nox -s ${{{{ matrix.session }}}} -- -k links
      - run: |
          python scripts/thing.py \\
            --out dist
"""
NOXFILE = """\
import nox


@nox.session
def lint(session): ...


@nox.session(python=["3.11"])
def tests(session): ...


@nox.session(name="all")
def everything(session): ...
"""
COMPOSE = "services:\n  app:\n    image: python:3.13\n    profiles: [app]\n"
DEVCONTAINER = """\
{
  "name": "thing",
  "image": "mcr.microsoft.com/devcontainers/python:3.13-bookworm",
  "hostRequirements": {"cpus": 2, "memory": "4gb"},
  "remoteUser": "vscode",
  "mounts": ["source=registry,target=/usr/local/cargo/registry,type=volume"]
}
"""
SCRIPT = '#!/usr/bin/env bash\nset -euo pipefail\necho "$1"\n'
DOCKERFILE = 'FROM python:3.13-slim-bookworm\nCMD ["python3"]\n'

wheels_of_all_tools = pytest.mark.skipif(
    sys.platform == "win32", reason="hadolint has no wheel for Windows"
)
Checkout = Callable[..., Path]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Lay out a small repository; files given replace those that are fine, or all."""

    def make(files: dict[str, str], *, alone: bool = False) -> Path:
        root = tmp_path / "checkout"
        fine = {
            ".github/workflows/check.yml": GOOD,
            ".devcontainer/devcontainer.json": DEVCONTAINER,
            "docker/Dockerfile": DOCKERFILE,
            "compose.yaml": COMPOSE,
            "noxfile.py": NOXFILE,
            "scripts/thing.py": "",
            "scripts/run": SCRIPT,
        }
        if alone:
            fine = {"noxfile.py": NOXFILE, "scripts/thing.py": ""}
        for name, text in (fine | files).items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        subprocess.run(["git", "init", "--quiet", root], check=True)
        return root

    return make


def rules(root: Path) -> list[str]:
    names = [n for n in check_workflows.tracked(root) if n.startswith(".github/")]
    return check_workflows.rules(root, names)


def test_a_workflow_as_it_has_to_be_gives_no_finding(checkout: Checkout) -> None:
    assert rules(checkout({})) == []


def test_the_workflows_of_this_repository_keep_its_rules() -> None:
    names = [
        n for n in check_workflows.tracked(ROOT) if n.startswith(".github/workflows/")
    ]
    assert check_workflows.rules(ROOT, names) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (f"checkout@{ONE} # v6.0.2", "checkout@v6", "expected a full SHA"),
        (f"checkout@{ONE} # v6.0.2", f"checkout@{ONE[:7]} # v6.0.2", "a full SHA"),
        (f"{ONE} # v6.0.2", ONE, "expected `# vX.Y.Z`"),
        (f"{ONE} # v6.0.2", f"{ONE} # v6", "expected `# vX.Y.Z`"),
        ("permissions: {}\n", "", "expected `permissions:` at the top"),
        ("permissions: {}", "permissions: write-all", "`{}` or read at the top"),
        ("permissions: {}", "permissions:\n  contents: write", "`{}` or read"),
        ("permissions: {}", "permissions:", "`{}` or read"),
        (
            "contents: read",
            "contents: write",
            "expected no cache in a job that may write",
        ),
        ("    timeout-minutes: 10\n", "", "expected `timeout-minutes`"),
        ("scripts/thing.py", "scripts/other.py", "found no `scripts/other.py`"),
        ("[lint, tests-3.11]", "[lint, coverage]", "found `coverage`"),
        ("nox -s ${{ matrix.session }}", "nox -s lint tests other", "found `other`"),
        ("nox -s ${{ matrix.session }}", "nox --session=other", "found `other`"),
        (
            "nox -s ${{ matrix.session }}",
            'nox -s "other-$PYTHON"',
            "found `other-$PYTHON`",
        ),
        ("name: Check", "- name", "check.yml"),
    ],
)
def test_a_workflow_that_breaks_a_rule_is_refused(
    checkout: Checkout, old: str, new: str, said: str
) -> None:
    assert GOOD.count(old) == 1
    findings = rules(checkout({".github/workflows/check.yml": GOOD.replace(old, new)}))
    assert any(said in finding for finding in findings), findings
    assert all(
        finding.startswith(".github/workflows/check.yml:") for finding in findings
    )


@pytest.mark.parametrize(
    "command",
    ['nox -s "tests-$PYTHON"', 'nox -s "$SESSION"', "nox -s tests lint -- -k other"],
)
def test_sessions_that_are_there_give_no_finding(
    checkout: Checkout, command: str
) -> None:
    text = GOOD.replace("nox -s ${{ matrix.session }}", command)
    assert rules(checkout({".github/workflows/check.yml": text})) == []


def test_an_action_is_the_same_everywhere(checkout: Checkout) -> None:
    other = GOOD.replace(f"restore@{TWO}", f"save@{ONE}")
    (finding,) = rules(checkout({".github/workflows/other.yml": other}))
    assert finding.startswith(
        ".github/workflows/other.yml:18: expected `actions/cache`"
    )


def test_publishing_uses_no_cache(checkout: Checkout) -> None:
    (finding,) = rules(checkout({".github/workflows/publish.yml": GOOD}))
    assert "expected no cache in publish.yml, found actions/cache/restore" in finding


@pytest.mark.parametrize(
    ("step", "cached"),
    [
        ("uses: astral-sh/setup-uv@%s # v8.1.0", True),
        (f"uses: astral-sh/setup-uv@%s # v8.1.0\n{WITH}enable-cache: false", False),
        ("uses: mozilla-actions/sccache-action@%s # v0.0.9", True),
        ("uses: Swatinem/rust-cache@%s # v2.8.0", True),
        ("uses: actions/setup-python@%s # v6.0.0", False),
        (f"uses: actions/setup-python@%s # v6.0.0\n{WITH}cache: pip", True),
        ('run: cargo build\n        env:\n          SCCACHE_GHA_ENABLED: "true"', True),
        ("uses: actions/upload-artifact@%s # v7.0.1", False),
    ],
)
def test_what_counts_as_a_cache(checkout: Checkout, step: str, cached: bool) -> None:
    text = GOOD.replace("contents: read", "contents: write")
    restore = text.index(f"uses: actions/cache/restore@{TWO}")
    end = text.index("      - run: uvx")
    text = f"{text[:restore]}{step.replace('%s', TWO)}\n{text[end:]}"
    findings = rules(checkout({".github/workflows/check.yml": text}))
    assert bool(findings) is cached, findings


def test_sessions_are_read_from_the_noxfile(checkout: Checkout) -> None:
    assert check_workflows.nox_sessions(checkout({})) == {"lint", "tests", "all"}


def test_shell_scripts_are_known_by_name_or_first_line(checkout: Checkout) -> None:
    root = checkout({"a.sh": "", "b": "#!/bin/sh\n", "c": "#!/usr/bin/env python3\n"})
    names = check_workflows.tracked(root)
    assert check_workflows.shell_scripts(root, names) == ["a.sh", "b", "scripts/run"]


def test_the_shell_scripts_of_this_repository_are_found() -> None:
    found = check_workflows.shell_scripts(ROOT, check_workflows.tracked(ROOT))
    assert {".ci/run", "docker/install-package", "docker/with-index"} <= set(found)


@pytest.fixture(scope="session")
def tool_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The locked tools, in an environment of their own."""
    environment = tmp_path_factory.mktemp("tools") / "venv"
    subprocess.run(
        ["uv", "sync", "--quiet", "--locked", "--only-group", "workflows"],
        cwd=ROOT,
        env=os.environ | {"UV_PROJECT_ENVIRONMENT": str(environment)},
        check=True,
    )
    return environment / "bin"


@pytest.fixture
def with_tools(tool_folder: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder on PATH, before the tools, that holds a docker-compose."""
    folder = tmp_path / "bin"
    folder.mkdir()
    stand_in(folder, 0)
    before = os.environ["PATH"]
    os.environ["PATH"] = os.pathsep.join([str(folder), str(tool_folder), before])
    yield folder
    os.environ["PATH"] = before


def stand_in(folder: Path, status: int) -> None:
    """A docker-compose that ends with `status`, and says what it was asked."""
    path = folder / "docker-compose"
    path.write_text(f'#!/bin/sh\necho "asked $*"\nexit {status}\n', encoding="utf-8")
    path.chmod(0o755)


@wheels_of_all_tools
def test_a_good_checkout_passes(
    checkout: Checkout, with_tools: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_workflows.check(checkout({})) == []
    assert capsys.readouterr().out == (
        "no findings in 1 workflows, 1 dev containers, 1 Dockerfiles, "
        "1 compose files, 1 shell scripts\n"
    )


@wheels_of_all_tools
@pytest.mark.parametrize(
    ("name", "text", "tool", "said"),
    [
        (
            ".github/workflows/check.yml",
            GOOD.replace(
                "python scripts/thing.py", "echo ${{ github.event.pull_request.title }}"
            ),
            "zizmor",
            "template-injection",
        ),
        (
            ".github/workflows/check.yml",
            GOOD.replace("          persist-credentials: false\n", "").replace(
                f"checkout@{ONE} # v6.0.2\n        with:\n",
                f"checkout@{ONE} # v6.0.2\n",
            ),
            "zizmor",
            "artipacked",
        ),
        (
            ".github/workflows/check.yml",
            GOOD.replace("runs-on:", "run-on:"),
            "check-jsonschema",
            "run-on",
        ),
        (
            ".github/dependabot.yml",
            "version: 2\nupdates:\n  - package-ecosystem: uv\n",
            "check-jsonschema",
            "dependabot",
        ),
        (
            "compose.yaml",
            COMPOSE.replace("image:", "imagine:"),
            "check-jsonschema",
            "imagine",
        ),
        (
            ".devcontainer/devcontainer.json",
            DEVCONTAINER.replace('"remoteUser"', '"remoteUsers"'),
            "check-jsonschema",
            "remoteUsers",
        ),
        (
            ".devcontainer/devcontainer.json",
            DEVCONTAINER.replace('"cpus": 2', '"cpus": "2"'),
            "check-jsonschema",
            "cpus",
        ),
        (
            ".devcontainer/devcontainer.json",
            DEVCONTAINER.replace("/cargo/registry", "/cargo"),
            "check-jsonschema",
            "mounts",
        ),
        (
            ".devcontainer/devcontainer.json",
            DEVCONTAINER.replace(":3.13-bookworm", ":latest"),
            "check-jsonschema",
            "latest",
        ),
        ("docker/Dockerfile", "FROM python\n", "hadolint", "DL3006"),
        (
            "docker/Dockerfile",
            DOCKERFILE + "RUN cd /tmp && echo $HOME/*\n",
            "hadolint",
            "DL3003",
        ),
        ("scripts/run", SCRIPT.replace('"$1"', "$1"), "shellcheck", "SC2086"),
        ("new.sh", "#!/bin/bash\nif true; then\n", "shellcheck", "SC1009"),
    ],
)
def test_a_tool_refuses_what_it_is_there_for(
    checkout: Checkout, with_tools: Path, name: str, text: str, tool: str, said: str
) -> None:
    findings = check_workflows.check(checkout({name: text}, alone=True))
    assert any(f.startswith(f"{tool}:") and said in f for f in findings), findings


@wheels_of_all_tools
def test_compose_is_asked(checkout: Checkout, with_tools: Path) -> None:
    stand_in(with_tools, 3)
    root = checkout({"compose.yaml": COMPOSE}, alone=True)
    (finding,) = check_workflows.check(root)
    assert finding.startswith("docker-compose: ended with 3")
    assert "asked --file compose.yaml config --quiet" in finding


def test_a_missing_tool_is_named(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = checkout({})
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.setattr(sys, "executable", str(empty / "python"))
    assert check_workflows.tool(root, "hadolint", "docker/Dockerfile") == [
        (
            "`hadolint` is missing: it is in the dependency group `workflows`; "
            "where that has no wheel of it, install it with the system's packages"
        )
    ]
    assert check_workflows.compose_config(root, "compose.yaml") == [
        "`docker-compose` is missing: install it with `apt-get install docker-compose`"
    ]


@wheels_of_all_tools
def test_findings_end_with_1(checkout: Checkout, with_tools: Path) -> None:
    root = checkout({"scripts/run": SCRIPT.replace('"$1"', "$1")}, alone=True)
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/check_workflows.py", "--root", root],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1
    assert "SC2086" in done.stdout
