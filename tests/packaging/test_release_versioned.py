"""The release of a tag: what is checked, and that it may break off anywhere."""

from __future__ import annotations

import contextlib
import copy
import itertools
from typing import TYPE_CHECKING, Any

import changelog_section
import github_releases
import pytest
import set_version
import versioned_release
from github_standin import REPOSITORY, TOKEN, Server, State, github

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = next(iter(set_version.versions().values()))
TAG = f"v{VERSION}"
CHANGELOG = f"""# Changelog

## Unreleased

### Added

- What is to come.

## [{VERSION}] - 2026-11-20

### Added

- What is in it.

## 0.0.1

The first.
"""
SECTION = "### Added\n\n- What is in it.\n"


@pytest.fixture(autouse=True)
def changelog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A changelog with a section for the version of the tree."""
    path = tmp_path / "CHANGELOG.md"
    path.write_text(CHANGELOG, encoding="utf-8")
    monkeypatch.setattr(changelog_section, "ROOT", tmp_path)
    return path


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    folder.mkdir()
    for name in (
        f"maou-{VERSION}-py3-none-any.whl",
        f"maou-{VERSION}.tar.gz",
        f"maou_rust-{VERSION}-cp311-abi3-manylinux_2_28_x86_64.whl",
        f"maou_rust-{VERSION}-cp311-abi3-win_amd64.whl",
        f"maou_rust-{VERSION}.tar.gz",
    ):
        (folder / name).write_bytes(name.encode() * 10)
    return folder


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(github_releases, "RETRY_DELAYS_S", (0, 0))
    with github() as running:
        running.state.refs[f"refs/tags/{TAG}"] = "0" * 40
        yield running


def create(server: Server, dist: Path) -> None:
    words = ["create", TAG, str(dist), "--repository", REPOSITORY]
    versioned_release.main([*words, *server.options])


def visible(state: State) -> dict[str, Any]:
    (release,) = state.releases.values()
    return {
        "assets": {a["name"]: (a["state"], a["digest"]) for a in state.assets.values()},
        "release": {k: release[k] for k in ("tag_name", "body", "draft")},
    }


@pytest.mark.parametrize("halfway", [False, True], ids=["after", "within"])
def test_a_run_may_end_after_every_step(
    server: Server, dist: Path, halfway: bool
) -> None:
    start = copy.deepcopy(server.state)
    create(server, dist)
    whole = visible(server.state)
    assert whole["release"] == {"tag_name": TAG, "body": SECTION, "draft": False}
    assert set(whole["assets"]) == {path.name for path in dist.iterdir()}
    for change in itertools.count(1):
        server.state = copy.deepcopy(start)
        server.die_at(change, halfway=halfway)
        with contextlib.suppress(SystemExit):
            create(server, dist)
        if not server.is_dead:
            break
        published = [r for r in server.state.releases.values() if not r["draft"]]
        if published:
            assert visible(server.state) == whole, "half a release is seen"
        server.die_at(None)
        create(server, dist)
        assert visible(server.state) == whole
    assert change > len(whole["assets"])
    server.die_at(None)
    create(server, dist)
    assert server.changes == []


def test_what_is_released_stays(server: Server, dist: Path) -> None:
    create(server, dist)
    whole = visible(server.state)
    (dist / f"maou-{VERSION}.tar.gz").write_bytes(b"built again")
    create(server, dist)
    assert visible(server.state) == whole


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        (
            "v9.9.9",
            r"v9\.9\.9: expected v and the version of the tree, found .*Cargo\.toml",
        ),
        (VERSION, "expected v and the version of the tree"),
        (f"v{VERSION}.dev1", "expected v and the version of the tree"),
    ],
)
def test_another_tag_is_refused(tag: str, message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        versioned_release.main(["check", tag])


def test_the_section_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    versioned_release.main(["check", TAG])
    assert capsys.readouterr().out == SECTION


@pytest.mark.parametrize("text", ["", f"## {VERSION}\n\n## 0.0.1\n\nThe first.\n"])
def test_a_version_without_a_section_is_refused(changelog: Path, text: str) -> None:
    changelog.write_text(f"# Changelog\n\n## Unreleased\n\nNew.\n\n{text}")
    with pytest.raises(SystemExit, match=f"expected a section `## {VERSION}` with"):
        versioned_release.main(["check", TAG])


def test_sections_of_the_changelog() -> None:
    assert list(changelog_section.sections(CHANGELOG)) == [
        "Unreleased",
        VERSION,
        "0.0.1",
    ]
    assert changelog_section.section("0.0.1") == "The first.\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (f"maou_rust-{VERSION}.tar.gz", f"the sdist of maou_rust {VERSION}"),
        (f"maou-{VERSION}-py3-none-any.whl", f"the sdist of maou {VERSION}"),
    ],
)
def test_a_missing_distribution_is_named(
    server: Server, dist: Path, name: str, message: str
) -> None:
    (dist / name).unlink()
    server.die_at(None)
    with pytest.raises(SystemExit, match=message):
        create(server, dist)
    assert server.changes == []


def test_a_distribution_of_another_version_is_named(server: Server, dist: Path) -> None:
    (dist / "maou-9.9.9.tar.gz").write_bytes(b"")
    with pytest.raises(SystemExit, match=r"maou-9\.9\.9\.tar\.gz: expected version"):
        create(server, dist)
