"""Fetch the wheel of maou-rust that fits this machine from a release of the project.

    python3 scripts/fetch_wheel.py                         # prints the wheel's path
    python3 scripts/fetch_wheel.py --repository OWNER/NAME

The wheel is the one that the release's colab.txt names for this platform. Its hash is
compared with the one in that list, and it has to load and to speak the interface that
this checkout calls. The repository is that of git's remote `origin`, or of the variable
MAOU_REPOSITORY. Where `gh` is logged in it does the downloads, which is what a private
repository needs.

Exits with 1 and one sentence on stderr if there is no such wheel.
"""

from __future__ import annotations

import argparse
import functools
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import colab_txt

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "prebuilt/active"
COMPAT = ROOT / "packages/maou/src/maou/_compat.py"
TIMEOUT_S = 30
# Where GitHub hands out files of branches, and nothing of private repositories.
RAW = "https://raw.githubusercontent.com"
NAME = r"(?P<name>\w[\w.-]*/[\w.-]+?)(\.git)?/?"
PROBE = "import maou_rust; print(maou_rust.INTERFACE, maou_rust.__version__)"


class UnreachableError(ValueError):
    """The release does not answer; a wheel that was fetched before will do."""


@dataclass(frozen=True)
class Repository:
    """Where releases are: the address of the web host, and `owner/name`."""

    host: str
    name: str

    @property
    def downloads(self) -> str:
        """Address below which every asset lies, as TAG/FILE."""
        return f"{self.host}/{self.name}/releases/download/"


def parse_repository(text: str) -> Repository:
    """Read `owner/name`, or the address of a git remote."""
    if found := re.fullmatch(NAME, text):
        return Repository("https://github.com", found["name"])
    if found := re.fullmatch(rf"(https?://)([^/@]+@)?([^/@]+)/{NAME}", text):
        return Repository(found[1] + found[3], found["name"])
    if found := re.fullmatch(rf"(ssh://)?git@([\w.-]+)(:\d+)?[:/]{NAME}", text):
        return Repository(f"https://{found[2]}", found["name"])
    message = f"`{text}` has no releases: expected OWNER/NAME or the URL of a host"
    raise ValueError(f"{message}, as git's remote `origin` or in MAOU_REPOSITORY")


def this_repository() -> Repository:
    """Find the repository of this checkout."""
    named = os.environ.get("MAOU_REPOSITORY")
    if named:
        return parse_repository(named)
    command = ["git", "-C", str(ROOT), "remote", "get-url", "origin"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        message = "no release is known: git is not installed; expected it, or"
        raise ValueError(f"{message} MAOU_REPOSITORY=OWNER/NAME") from None
    if result.returncode != 0:
        message = "no release is known: expected git's remote `origin`"
        raise ValueError(f"{message}, or MAOU_REPOSITORY=OWNER/NAME")
    return parse_repository(result.stdout.strip())


def gh_is_logged_in(repository: Repository) -> bool:
    """Tell whether the command `gh` is there and may ask this host."""
    if shutil.which("gh") is None:
        return False
    host = urlsplit(repository.host).hostname or ""
    command = ["gh", "auth", "status", "--hostname", host]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def gh_command(url: str, repository: Repository) -> tuple[str, list[str]] | None:
    """Say what of the repository a URL names, and how `gh` gets it, which may ask."""
    host = urlsplit(repository.host).hostname or ""
    if url.startswith(repository.downloads):
        tag, file = url.removeprefix(repository.downloads).split("/", 1)
        command = ["gh", "release", "download", tag, "--repo"]
        command += [f"{host}/{repository.name}", "--pattern", file, "--output", "-"]
        return f"release download {tag}: {file}", command
    branches = f"{RAW}/{repository.name}/"
    if host == "github.com" and url.startswith(branches):
        branch, file = url.removeprefix(branches).split("/", 1)
        path = f"repos/{repository.name}/contents/{file}?ref={branch}"
        accept = "Accept: application/vnd.github.raw+json"
        return f"api: {file} of {branch}", ["gh", "api", path, "--header", accept]
    return None


def download(url: str, repository: Repository, *, with_gh: bool) -> bytes:
    """Fetch a file; what is the repository's through `gh` where that is logged in."""
    asked = gh_command(url, repository) if with_gh else None
    if asked is not None:
        what, command = asked
        result = subprocess.run(command, capture_output=True, check=False)
        if result.returncode != 0:
            words = result.stderr.decode(errors="replace").strip().splitlines()
            reason = words[-1] if words else f"status {result.returncode}"
            raise ValueError(f"gh {what}: {reason}")
        return result.stdout
    try:
        with urlopen(url, timeout=TIMEOUT_S) as response:
            content: bytes = response.read()
    except HTTPError as error:
        hint = ""
        if error.code in (401, 403, 404):
            hint = "; if the repository is private: install `gh`, then `gh auth login`"
        raise ValueError(f"{url}: status {error.code}{hint}") from None
    except (OSError, HTTPException) as error:
        cause = getattr(error, "reason", error)
        raise UnreachableError(f"{url}: cannot be reached: {cause}") from None
    return content


def wanted_interface() -> int:
    """Read the number of the interface that this checkout's maou calls."""
    text = COMPAT.read_text(encoding="utf-8")
    found = re.search(r"^INTERFACE = (\d+)$", text, re.MULTILINE)
    if found is None:
        sys.exit(f"{COMPAT.relative_to(ROOT)}: expected the line `INTERFACE = NUMBER`")
    return int(found[1])


def check_loads(wheel: Path) -> None:
    """Load the wheel in an environment of its own and compare interfaces.

    Raises:
        ValueError: it cannot be installed or loaded here, or speaks another interface.
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    alone = ["uv", "run", "--quiet", "--no-project", "--isolated", "--python", python]
    command = [*alone, "--with", str(wheel), "python", "-c", PROBE]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("UV_PROJECT")}
    result = subprocess.run(
        command, env=kept, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        reason = " ".join(result.stderr.split()) or f"status {result.returncode}"
        raise ValueError(f"{wheel.name}: cannot be loaded here: {reason}")
    interface, version = result.stdout.split()
    wanted = wanted_interface()
    if int(interface) != wanted:
        message = f"maou-rust {version} has interface {interface}"
        raise ValueError(f"{message}, this checkout needs interface {wanted}")


def fetch(repository: Repository, release: str) -> Path:
    """Return the path of the wheel that fits, fetched anew or already there.

    Raises:
        ValueError: why there is none.
    """
    with_gh = gh_is_logged_in(repository)
    way = functools.partial(download, repository=repository, with_gh=with_gh)
    url = f"{repository.downloads}{release}/colab.txt"
    lines = [r for r in colab_txt.read(url, download=way) if r.name == "maou-rust"]
    for line in lines:
        if line.is_for_this_platform():
            wheel = colab_txt.fetch(line, FOLDER, download=way)
            check_loads(wheel)
            return wheel
    here = f"{platform.system()} {platform.machine()}"
    there = ", ".join(line.file_name for line in lines) or "no wheel of maou-rust"
    raise ValueError(f"{url}: expected a wheel for {here}, found {there}")


def fetched_before() -> Path | None:
    """Return the wheel of an earlier run if it fits this checkout."""
    for wheel in sorted(FOLDER.glob("maou_rust-*.whl")):
        try:
            check_loads(wheel)
        except ValueError:
            continue
        return wheel
    return None


def main() -> None:
    """Print the path of the wheel."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repository", help="OWNER/NAME, or a URL that ends so")
    parser.add_argument("--release", default="latest", help="the tag (%(default)s)")
    options = parser.parse_args()
    try:
        if options.repository is None:
            repository = this_repository()
        else:
            repository = parse_repository(options.repository)
        print(fetch(repository, options.release))
    except UnreachableError as error:
        earlier = fetched_before()
        if earlier is None:
            sys.exit(str(error))
        print(f"{error}; the wheel fetched before is taken", file=sys.stderr)
        print(earlier)
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
