"""Check workflows, dev container, Dockerfiles, compose file and shell scripts, offline.

    uv run --only-group workflows python scripts/check_workflows.py

It runs zizmor, check-jsonschema, hadolint, shellcheck and `docker-compose config`, and
holds the workflows against the rules of this repository, which no tool knows:

- every action is pinned by its full SHA with its version as comment, the same one
  everywhere;
- a workflow may do nothing, or read; what a job may write, the job says itself;
- a job that may write, and all of publish.yml, uses no cache;
- a job has a time limit;
- scripts and nox sessions that a workflow calls exist.

Every finding is a line on stdout. Exit status: 0 fine, 1 findings, 2 usage.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
SHELL = re.compile(rb"#!\s*(/usr/bin/env\s+|/bin/|/usr/bin/)(ba|da)?sh\b")
USES = re.compile(r"^\s*(?:-\s+)?uses:\s*(?P<what>\S+)\s*(?:#\s*(?P<comment>.*?))?\s*$")
PINNED = re.compile(
    r"(?P<repository>[\w.-]+/[\w.-]+)(?P<path>/[\w./-]+)?@(?P<sha>[0-9a-f]{40})"
)
VERSION = re.compile(r"v\d+\.\d+\.\d+")
SCRIPT = re.compile(
    r"(?<![\w/.$}-])(?:\./)?((?:scripts|docker|benches|\.ci)/[\w./-]*\w)"
)
NOX = re.compile(r"\bnox\b(?P<rest>[^\n|&;]*)")
MATRIX = re.compile(r"\$\{\{\s*matrix\.([\w-]+)\s*\}\}")
# Actions that keep files between runs, and those that do unless they are told not to.
CACHES = re.compile(r"actions/cache(/\w+)?|[\w.-]+/[\w.-]*(rust-cache|sccache-action)")
MAY_CACHE = {"astral-sh/setup-uv": ("enable-cache", {False, "false"}, True)}
MAY_CACHE |= {
    f"actions/setup-{n}": ("cache", {False, "false", ""}, False)
    for n in ("python", "node", "go")
}


@dataclass(frozen=True)
class Workflow:
    """A workflow as text and as data."""

    path: Path
    name: str
    text: str
    data: dict[str, Any]

    def line(self, part: str) -> int:
        """The first line that holds `part`, from 1; 1 when none does."""
        for number, line in enumerate(self.text.splitlines(), 1):
            if part in line:
                return number
        return 1

    def finding(self, line: int, sentence: str) -> str:
        """A finding at a line."""
        return f"{self.name}:{line}: {sentence}"

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        """Its jobs by name."""
        return dict(self.data.get("jobs") or {})


def tracked(root: Path) -> list[str]:
    """Files of the repository, those too that git does not know yet."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    names = sorted(set(done.stdout.split("\0")) - {""})
    return [name for name in names if (root / name).is_file()]


def shell_scripts(root: Path, names: list[str]) -> list[str]:
    """Those of the files that a POSIX shell or bash runs, by name or first line."""
    found = []
    for name in names:
        if name.endswith((".sh", ".bash")):
            found.append(name)
        elif "." not in Path(name).name:
            with (root / name).open("rb") as file:
                if SHELL.match(file.readline(200)):
                    found.append(name)
    return found


def nox_sessions(root: Path) -> set[str]:
    """Names of the sessions that noxfile.py defines."""
    tree = ast.parse((root / "noxfile.py").read_text(encoding="utf-8"))
    names = set()
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for mark in node.decorator_list:
            call = mark.func if isinstance(mark, ast.Call) else mark
            if ast.unparse(call) != "nox.session":
                continue
            given = {k.arg: k.value for k in getattr(mark, "keywords", [])}
            name = given.get("name")
            names.add(name.value if isinstance(name, ast.Constant) else node.name)
    return {str(name) for name in names}


def pins(workflows: list[Workflow]) -> list[str]:
    """Actions that are not pinned, or not everywhere the same."""
    wrong = []
    seen: dict[str, tuple[str, str]] = {}
    for workflow in workflows:
        for number, line in enumerate(workflow.text.splitlines(), 1):
            found = USES.match(line)
            if found is None or found["what"].startswith("./"):
                continue
            pinned = PINNED.fullmatch(found["what"])
            if pinned is None:
                wrong.append(
                    workflow.finding(
                        number, f"expected a full SHA, found `{found['what']}`"
                    )
                )
                continue
            comment = found["comment"] or ""
            if not VERSION.fullmatch(comment):
                wrong.append(
                    workflow.finding(
                        number, f"expected `# vX.Y.Z` after it, found `{comment}`"
                    )
                )
                continue
            pin = (pinned["sha"], comment)
            first = seen.setdefault(pinned["repository"], pin)
            if first != pin:
                wrong.append(
                    workflow.finding(
                        number,
                        f"expected `{pinned['repository']}` at {first[0]} # {first[1]} "
                        f"as elsewhere, found {pin[0]} # {pin[1]}",
                    )
                )
    return wrong


def writes(permissions: object) -> bool:
    """Whether a `permissions` value lets anything be written."""
    if isinstance(permissions, dict):
        return "write" in permissions.values()
    return permissions == "write-all"


def permissions(workflow: Workflow) -> list[str]:
    """Workflows that may more than read."""
    if "permissions" not in workflow.data:
        return [workflow.finding(1, "expected `permissions:` at the top, found none")]
    given = workflow.data["permissions"]
    if given is None or writes(given):
        line = workflow.line("permissions:")
        return [workflow.finding(line, "expected `{}` or read at the top, found more")]
    return []


def cached(step: dict[str, Any]) -> str | None:
    """What of a step keeps files between runs."""
    action = str(step.get("uses", "")).partition("@")[0]
    if CACHES.fullmatch(action):
        return action
    if action in MAY_CACHE:
        option, off, default = MAY_CACHE[action]
        given = (step.get("with") or {}).get(option, "on" if default else "")
        if given not in off:
            return f"{action} without `{option}: false`"
    if (step.get("env") or {}).get("SCCACHE_GHA_ENABLED"):
        return "SCCACHE_GHA_ENABLED"
    return None


def caches(workflow: Workflow) -> list[str]:
    """Caches where a poisoned one would reach what is published."""
    wrong = []
    publishes = workflow.path.stem == "publish"
    for name, job in workflow.jobs.items():
        may_write = writes(job.get("permissions", workflow.data.get("permissions")))
        if not (publishes or may_write):
            continue
        scopes = [{"env": workflow.data.get("env")}, {"env": job.get("env")}]
        for step in [*scopes, *(job.get("steps") or [])]:
            if found := cached(step):
                why = "publish.yml" if publishes else "a job that may write"
                line = workflow.line(f"{name}:")
                wrong.append(
                    workflow.finding(
                        line, f"job `{name}`: expected no cache in {why}, found {found}"
                    )
                )
    return wrong


def time_limits(workflow: Workflow) -> list[str]:
    """Jobs that could hang for hours."""
    return [
        workflow.finding(
            workflow.line(f"{name}:"),
            f"job `{name}`: expected `timeout-minutes`, found none",
        )
        for name, job in workflow.jobs.items()
        if "uses" not in job and "timeout-minutes" not in job
    ]


def matrix_values(job: dict[str, Any], key: str) -> list[str]:
    """Values that a matrix states for a key; none when they are made at run time."""
    matrix = (job.get("strategy") or {}).get("matrix")
    if not isinstance(matrix, dict):
        return []
    listed = matrix.get(key)
    found = list(listed) if isinstance(listed, list) else []
    include = matrix.get("include")
    if isinstance(include, list):
        found += [entry[key] for entry in include if key in entry]
    return [str(value) for value in found]


def spelled_out(text: str, job: dict[str, Any]) -> list[str]:
    """The text once for each value of the matrix."""
    keys = sorted(set(MATRIX.findall(text)))
    # What is made at run time stays as it is.
    choices = [matrix_values(job, key) or [f"${{{{matrix.{key}}}}}"] for key in keys]
    texts = []
    for values in itertools.product(*choices):
        spelled = text
        for key, value in zip(keys, values, strict=True):
            mention = r"\$\{\{\s*matrix\." + re.escape(key) + r"\s*\}\}"
            spelled = re.sub(mention, value.replace("\\", r"\\"), spelled)
        texts.append(spelled)
    return texts


def sessions_called(line: str) -> list[str]:
    """Names after `-s` of each nox in a command."""
    found = []
    for call in NOX.finditer(line):
        words = iter(call["rest"].replace("'", " ").replace('"', " ").split())
        taking = False
        for word in words:
            if word == "--":
                break
            if word in {"-s", "--session", "--sessions", "-e"}:
                taking = True
            elif word.startswith("-"):
                taking = False
                _, equal, value = word.partition("=")
                if equal and word.startswith("--session"):
                    found.append(value)
            elif taking:
                found.append(word)
    return found


def calls(workflow: Workflow, root: Path, sessions: set[str]) -> list[str]:
    """Scripts and sessions that a workflow calls and that are not there."""
    wrong = set()
    for job in workflow.jobs.values():
        for step in job.get("steps") or []:
            run = str(step.get("run", "")).replace("\\\n", " ")
            for text in spelled_out(run, job):
                for script in SCRIPT.findall(text):
                    if not (root / script).exists():
                        wrong.add((script, f"expected a file, found no `{script}`"))
                for name in sessions_called(text):
                    plain = re.sub(r"-(3\.\d+|\$.+)$", "", name.partition("(")[0])
                    if not name.startswith("$") and plain not in sessions:
                        wrong.add(
                            (name, f"expected a session of noxfile.py, found `{name}`")
                        )
    return [workflow.finding(workflow.line(part), said) for part, said in sorted(wrong)]


def rules(root: Path, names: list[str]) -> list[str]:
    """Everything that the workflows do against the rules of this repository."""
    workflows, wrong = [], []
    for name in names:
        text = (root / name).read_text(encoding="utf-8")
        try:
            data = yaml.safe_load(text)
        except yaml.YAMLError as error:
            wrong.append(f"{name}: {error}")
            continue
        if not isinstance(data, dict):
            wrong.append(f"{name}:1: expected a workflow, found {type(data).__name__}")
            continue
        workflows.append(Workflow(root / name, name, text, data))
    wrong += pins(workflows)
    sessions = nox_sessions(root)
    for workflow in workflows:
        if "jobs" not in workflow.data:
            continue  # an action of this repository: only its pins are looked at
        wrong += permissions(workflow)
        wrong += caches(workflow)
        wrong += time_limits(workflow)
        wrong += calls(workflow, root, sessions)
    return wrong


def tool(root: Path, *command: str | Path) -> list[str]:
    """Run a tool; what it says is the finding when it is not content."""
    name = str(command[0])
    beside = Path(sys.executable).with_name(name)
    program = shutil.which(name, path=str(beside.parent)) or shutil.which(name)
    if program is None:
        return [
            (
                f"`{name}` is missing: it is in the dependency group `workflows`; "
                "where that has no wheel of it, install it with the system's packages"
            )
        ]
    done = subprocess.run(
        [program, *command[1:]], cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return []
    return [
        f"{name}: ended with {done.returncode}\n{done.stdout}{done.stderr}".rstrip()
    ]


def compose_config(root: Path, name: str) -> list[str]:
    """Whether compose takes the file: Debian's docker-compose, else docker's own."""
    if shutil.which("docker-compose"):
        return tool(root, "docker-compose", "--file", name, "config", "--quiet")
    docker = shutil.which("docker")
    if docker and not tool(root, docker, "compose", "version"):
        return tool(root, docker, "compose", "--file", name, "config", "--quiet")
    return [
        "`docker-compose` is missing: install it with `apt-get install docker-compose`"
    ]


def check(root: Path) -> list[str]:
    """All findings below `root`, which must be a git checkout."""
    names = tracked(root)
    workflows = [
        n for n in names if re.fullmatch(r"\.github/workflows/[^/]+\.ya?ml", n)
    ]
    actions = [n for n in names if Path(n).name in {"action.yml", "action.yaml"}]
    dependabot = [n for n in names if re.fullmatch(r"\.github/dependabot\.ya?ml", n)]
    containers = [
        n for n in names if re.fullmatch(r"\.devcontainer/(.+/)?devcontainer\.json", n)
    ]
    dockerfiles = [n for n in names if re.fullmatch(r"Dockerfile(\..+)?", Path(n).name)]
    composes = [
        n for n in names if re.fullmatch(r"(docker-)?compose\.ya?ml", Path(n).name)
    ]
    scripts = shell_scripts(root, names)

    wrong = rules(root, [*workflows, *actions])
    if audited := [*workflows, *actions, *dependabot]:
        wrong += tool(root, "zizmor", "--offline", "--quiet", "--color=never", *audited)
    schema = ["check-jsonschema", "--color=never"]
    for builtin, files in (
        ("vendor.github-workflows", workflows),
        ("vendor.github-actions", actions),
        ("vendor.dependabot", dependabot),
        ("vendor.compose-spec", composes),
    ):
        if files:
            wrong += tool(root, *schema, "--builtin-schema", builtin, *files)
    if containers:
        own = HERE / "schemas/devcontainer.json"
        wrong += tool(root, *schema, "--schemafile", own, *containers)
    if dockerfiles:
        wrong += tool(root, "hadolint", "--no-color", *dockerfiles)
    if scripts:
        wrong += tool(root, "shellcheck", "--color=never", *scripts)
    for name in composes:
        wrong += compose_config(root, name)
    if not wrong:
        counts = (
            f"{len(workflows)} workflows, {len(containers)} dev containers, "
            f"{len(dockerfiles)} Dockerfiles, {len(composes)} compose files, "
            f"{len(scripts)} shell scripts"
        )
        print(f"no findings in {counts}")
    return wrong


def main() -> int:
    """Check and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--root", type=Path, default=HERE.parent, help="the checkout to look at"
    )
    options = parser.parse_args()
    wrong = check(options.root.resolve())
    for finding in wrong:
        print(finding)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
