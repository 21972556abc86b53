"""Create the release of a tag: wheels, sdists, and the changelog's section.

    python scripts/versioned_release.py check v0.1.0
    python scripts/versioned_release.py create v0.1.0 dist --repository OWNER/REPO

`check` compares the tag with all versions of the tree and looks for the section in
CHANGELOG.md. `create`, with a token in GITHUB_TOKEN, makes a draft, uploads, and
publishes it at the end, so that nobody sees half a release; run again, it completes
what is missing and leaves what is whole.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import changelog_section
import set_version
from github_releases import GitHub, Refused, Unreachable, ensure_asset, steadily
from latest_release import add_servers, client_of


def version_of(tag: str) -> str:
    """Return the version that a tag releases, after a look at the tree.

    Raises:
        ValueError: the tree does not carry it, or the changelog says nothing of it.
    """
    version = tag.removeprefix("v")
    others = {
        f"{place} {found}"
        for place, found in set_version.versions().items()
        if found != version
    }
    if tag != f"v{version}" or others:
        found = "; ".join(sorted(others)) or f"`{tag}`"
        raise ValueError(
            f"{tag}: expected v and the version of the tree, found {found}"
        )
    changelog_section.section(version)
    return version


def files_of(dist: Path, version: str) -> list[Path]:
    """Find what is released: wheels and sdists of this version, of both packages.

    Raises:
        ValueError: something is missing, or something else is there.
    """
    files = sorted(path for path in dist.iterdir() if path.suffix in (".whl", ".gz"))
    for name in ("maou", "maou_rust"):
        wheels = list(dist.glob(f"{name}-{version}-*.whl"))
        sdist = dist / f"{name}-{version}.tar.gz"
        if not wheels or not sdist.is_file():
            message = f"{dist}: expected wheels and the sdist of {name} {version}"
            raise ValueError(message)
    for path in files:
        if path.name.removesuffix(".tar.gz").split("-")[1] != version:
            raise ValueError(f"{path.name}: expected version {version}")
    return files


def find_release(client: GitHub, tag: str) -> dict[str, Any] | None:
    """Find the release of a tag; drafts are only in the list of all."""
    for release in client.pages("releases"):
        if release["tag_name"] == tag:
            return dict(release)
    return None


def create(client: GitHub, tag: str, files: list[Path], text: str) -> None:
    """Have the release of a tag, with these files and this text."""

    def ensure_release() -> dict[str, Any]:
        release = find_release(client, tag)
        if release is None:
            draft = {"tag_name": tag, "name": tag, "body": text, "draft": True}
            release = client.call("POST", "releases", draft)
            print(f"created a draft of {tag}", flush=True)
        return dict(release)

    release = steadily(ensure_release)
    for path in files:

        def upload(path: Path = path) -> None:
            ensure_asset(
                client, release["id"], path.name, path.read_bytes(), replace=False
            )

        steadily(upload)
    if release["draft"]:
        steadily(
            lambda: client.call(
                "PATCH", f"releases/{release['id']}", {"draft": False, "body": text}
            )
        )
        print(f"published {tag}", flush=True)


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = made.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="compare a tag with the tree")
    check.add_argument("tag", help="vX.Y.Z")
    creating = commands.add_parser("create", help="create the release of a tag")
    creating.add_argument("tag", help="vX.Y.Z")
    creating.add_argument("dist", type=Path, help="folder with wheels and sdists")
    creating.add_argument("--repository", required=True, help="OWNER/REPO")
    add_servers(creating)
    return made


def main(arguments: list[str] | None = None) -> None:
    """Check a tag, or create its release."""
    options = parser().parse_args(arguments)
    try:
        version = version_of(options.tag)
        text = changelog_section.section(version)
        if options.command == "check":
            print(text, end="")
        else:
            files = files_of(options.dist, version)
            create(client_of(options), options.tag, files, text)
    except (Refused, Unreachable, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
