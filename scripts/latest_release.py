"""Move the release `latest` to a build of main, without a moment when it is broken.

    python scripts/latest_release.py dist --repository OWNER/REPO --commit SHA

with a token in GITHUB_TOKEN. Users always type `uv pip install --system -r URL`, where
URL is https://github.com/OWNER/REPO/releases/download/latest/colab.txt.

An asset of a release cannot be replaced in one step, but a branch can be moved in one.
So the asset colab.txt is written once and names, with `-r`, the file colab.txt on the
branch `colab`, which lists the wheels of the newest build with their hashes. In order:
the release exists; the new wheels are up; the branch moves to the new list; the asset
exists; tag and body follow; wheels that no list names any more are removed. The run
may end anywhere: the line works, and the next run, of this build or of a newer one,
completes it. A build that is older than the one in place changes nothing.
docs/decisions/0006-the-latest-release.md says why.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import colab_txt
from github_releases import (
    API,
    DOWNLOADS,
    RAW,
    UPLOADS,
    GitHub,
    Refused,
    Unreachable,
    delete_asset,
    ensure_asset,
    steadily,
)

TAG = "latest"
BRANCH = "colab"
LIST = "colab.txt"
# raw.githubusercontent.com hands out a file for five minutes after it has changed, and
# an installation that has read a list needs some time to fetch what it names.
SETTLED_S = 600
STAMP = re.compile(r"(\d+)\.(\d+)\.(\d+)\.dev(\d+)")


@dataclass(frozen=True)
class Build:
    """What is to become the latest release."""

    wheels: dict[str, bytes]
    """Content by file name."""
    lines: list[colab_txt.Requirement]
    commit: str
    date: str
    """When it was built, for people to read."""

    @property
    def version(self) -> str:
        """`X.Y.Z.devN`."""
        return self.lines[0].version


@dataclass(frozen=True)
class Listed:
    """A list on the branch: one commit, and what it says."""

    sha: str
    parent: str | None
    moved_at: datetime
    text: str

    @property
    def lines(self) -> list[colab_txt.Requirement]:
        """The requirements in it."""
        return colab_txt.parse(self.text)


def order_of(version: str) -> tuple[int, ...]:
    """Return what orders stamped versions.

    Raises:
        ValueError: it is not `X.Y.Z.devN`.
    """
    match = STAMP.fullmatch(version)
    if match is None:
        raise ValueError(f"{version}: expected a stamped version, X.Y.Z.devN")
    return tuple(int(number) for number in match.groups())


def pointer(client: GitHub) -> bytes:
    """Text of the asset, the same for every build."""
    return (
        "# maou and maou-rust, built from the newest commit of main:\n"
        f"#   uv pip install --system -r {client.download_url(TAG, LIST)}\n"
        f"-r {client.raw}/{client.repository}/{BRANCH}/{LIST}\n"
    ).encode()


def body(client: GitHub, build: Build) -> str:
    """Text of the release."""
    wheels = "".join(f"- `{line.file_name}`\n" for line in build.lines)
    return (
        f"maou and maou-rust {build.version}, built from the newest commit of main.\n\n"
        f"```\nuv pip install --system -r {client.download_url(TAG, LIST)}\n```\n\n"
        f"- Commit: {build.commit}\n- Built: {build.date}\n{wheels}"
    )


def current_list(client: GitHub, sha: str | None = None) -> Listed | None:
    """Read the list on the branch, or that of one of its commits."""
    if sha is None:
        ref = client.look(f"git/ref/heads/{BRANCH}")
        if ref is None:
            return None
        sha = ref["object"]["sha"]
    commit = client.call("GET", f"git/commits/{sha}")
    parents = commit["parents"]
    return Listed(
        str(sha),
        parents[0]["sha"] if parents else None,
        datetime.fromisoformat(commit["committer"]["date"]),
        client.call("GET", f"contents/{LIST}?ref={sha}", accept="raw"),
    )


def ensure_release(client: GitHub, build: Build) -> int:
    """Have the release, and return its id."""
    release = client.look(f"releases/tags/{TAG}")
    if release is None:
        release = client.call(
            "POST",
            "releases",
            {
                "tag_name": TAG,
                "target_commitish": build.commit,
                "name": "Latest build of main",
                "body": "The first build is being uploaded.",
                "prerelease": True,
                "make_latest": "false",
            },
        )
        print(f"created the release {TAG}", flush=True)
    return int(release["id"])


def swap(client: GitHub, build: Build) -> bool:
    """Move the branch to the list of this build: the one step that users see.

    The list before becomes the parent, and the branch is not forced: if another run
    has moved it meanwhile, this is refused. Tells whether the list is that of this
    build, and not of a newer one.
    """
    before = current_list(client)
    text = colab_txt.text_of(build.lines)
    if before is not None and before.text == text:
        return True
    if not check_order(before, build):
        return False
    entry = {"path": LIST, "mode": "100644", "type": "blob", "content": text}
    tree = client.call("POST", "git/trees", {"tree": [entry]})
    commit = client.call(
        "POST",
        "git/commits",
        {
            "message": f"{build.version} of {build.commit}",
            "tree": tree["sha"],
            "parents": [] if before is None else [before.sha],
        },
    )
    if before is None:
        ref = {"ref": f"refs/heads/{BRANCH}", "sha": commit["sha"]}
        client.call("POST", "git/refs", ref)
    else:
        moved = {"sha": commit["sha"], "force": False}
        client.call("PATCH", f"git/refs/heads/{BRANCH}", moved)
    print(f"{LIST} lists {build.version}", flush=True)
    return True


def describe(client: GitHub, build: Build, release_id: int) -> None:
    """Write the body of the release."""
    wanted = {"body": body(client, build), "prerelease": True, "draft": False}
    release = client.call("GET", f"releases/{release_id}")
    if any(release[key] != value for key, value in wanted.items()):
        wanted["make_latest"] = "false"
        client.call("PATCH", f"releases/{release_id}", wanted)
        print("described the release", flush=True)


def move_tag(client: GitHub, build: Build) -> None:
    """Move the git tag to the commit that was built."""
    ref = client.look(f"git/ref/tags/{TAG}")
    if ref is None:
        created = {"ref": f"refs/tags/{TAG}", "sha": build.commit}
        client.call("POST", "git/refs", created)
    elif ref["object"]["sha"] != build.commit:
        moved = {"sha": build.commit, "force": True}
        client.call("PATCH", f"git/refs/tags/{TAG}", moved)
    else:
        return
    print(f"tag {TAG} is at {build.commit}", flush=True)


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def names_in_use(client: GitHub, at: datetime) -> set[str]:
    """Wheels that somebody may be about to download, by file name.

    Those of the current list, of the one before, and of every list that was the
    current one a moment ago.
    """
    listed = current_list(client)
    if listed is None:
        raise ValueError(f"{BRANCH}: expected a list of wheels on this branch")
    names: set[str] = set()
    n_lists = 0
    while listed is not None:
        names |= {line.file_name for line in listed.lines}
        n_lists += 1
        # What came before this list was replaced at the moment of this list.
        settled = (at - listed.moved_at).total_seconds() > SETTLED_S
        if listed.parent is None or (settled and n_lists > 1):
            break
        listed = current_list(client, listed.parent)
    return names


def old_wheels(client: GitHub, release_id: int, version: str) -> list[dict[str, Any]]:
    """Find the wheels of the release that are older and that no list names any more.

    Those of a newer version are being uploaded by the next run, or were, until it
    broke off.
    """
    kept = names_in_use(client, now())
    return [
        asset
        for asset in client.pages(f"releases/{release_id}/assets")
        if asset["name"].endswith(".whl")
        and asset["name"] not in kept
        and not is_newer(asset["name"], version)
    ]


def is_newer(wheel_name: str, version: str) -> bool:
    """Tell whether a wheel is of a stamped version that comes after this one."""
    other = wheel_name.split("-")[1]
    return bool(STAMP.fullmatch(other)) and order_of(other) > order_of(version)


def check_order(listed: Listed | None, build: Build) -> bool:
    """Tell whether the build may follow the list in place.

    Raises:
        ValueError: the list in place has a wheel of the same name and other content.
    """
    if listed is None or not listed.lines:
        return True
    version = listed.lines[0].version
    if order_of(build.version) < order_of(version):
        print(f"nothing done: {TAG} holds {version}, newer than {build.version}")
        return False
    hashes = {line.file_name: line.sha256 for line in listed.lines}
    for line in build.lines:
        if hashes.get(line.file_name, line.sha256) != line.sha256:
            raise ValueError(
                f"{line.file_name}: expected one build per number,"
                f" but {TAG} holds another one of {build.version}"
            )
    return True


def move(client: GitHub, build: Build) -> None:
    """Make a build the latest release."""
    order_of(build.version)
    release_id = steadily(lambda: ensure_release(client, build))
    if not check_order(steadily(lambda: current_list(client)), build):
        return
    for name, content in build.wheels.items():

        def upload(name: str = name, content: bytes = content) -> None:
            ensure_asset(client, release_id, name, content)

        steadily(upload)
    if not steadily(lambda: swap(client, build)):
        return
    steadily(lambda: ensure_asset(client, release_id, LIST, pointer(client)))
    # The tag first: GitHub refuses a workflow to change a release whose tag is at a
    # commit with other workflow files than main has, as that of the build before may.
    refused = None
    try:
        steadily(lambda: move_tag(client, build))
        steadily(lambda: describe(client, build, release_id))
    except Refused as error:
        if error.status != http.client.FORBIDDEN:
            raise
        refused = error

    def tidy() -> None:
        for asset in old_wheels(client, release_id, build.version):
            delete_asset(client, asset)

    steadily(tidy)
    if refused is not None:
        raise ValueError(
            f"{LIST} lists {build.version}, but tag and text of the release are those"
            f" of another build: {refused}. If main has other workflow files by now,"
            " the build of its newest commit sets both"
        )


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("dist", type=Path, help="folder with the wheels of one build")
    made.add_argument("--repository", required=True, help="OWNER/REPO")
    made.add_argument("--commit", required=True, help="full SHA of what was built")
    made.add_argument(
        "--date",
        default=f"{now():%Y-%m-%d %H:%M} UTC",
        help="date for the body (default: now)",
    )
    add_servers(made)
    return made


def add_servers(made: argparse.ArgumentParser) -> None:
    """Add the options that name GitHub's servers, or others in their place."""
    made.add_argument("--api", default=API, help="server of the REST API")
    made.add_argument("--uploads", default=UPLOADS, help="server of uploads")
    made.add_argument("--downloads", default=DOWNLOADS, help="server of downloads")
    made.add_argument("--raw", default=RAW, help="server of files of branches")


def client_of(options: argparse.Namespace) -> GitHub:
    """Make the client that the options describe."""
    token = os.environ.get("GITHUB_TOKEN", "")
    if not token:
        sys.exit("expected a token in the variable GITHUB_TOKEN")
    return GitHub(
        options.repository,
        token,
        options.api,
        options.uploads,
        options.downloads,
        options.raw,
    )


def main(arguments: list[str] | None = None) -> None:
    """Move the release."""
    options = parser().parse_args(arguments)
    client = client_of(options)
    try:
        lines = colab_txt.requirements(options.dist, client.download_url(TAG))
        wheels = {
            line.file_name: (options.dist / line.file_name).read_bytes()
            for line in lines
        }
        move(client, Build(wheels, lines, options.commit, options.date))
    except (Refused, Unreachable, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
