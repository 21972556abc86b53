"""The release `latest` is moved so that its line works at every moment."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import itertools
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import colab_txt
import github_releases
import latest_release
import platforms
import pytest
from github_standin import REPOSITORY, TOKEN, Answer, Server, State, github

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TAGS = {
    "linux-x86_64": "manylinux_2_28_x86_64",
    "linux-aarch64": "manylinux_2_28_aarch64",
    "macos-arm64": "macosx_11_0_arm64",
    "macos-x86_64": "macosx_10_12_x86_64",
    "windows-x86_64": "win_amd64",
}
CACHED = timedelta(minutes=5)
"""For so long the server of raw files may hand out what has been replaced."""


def build(folder: Path, number: int, salt: str = "") -> Path:
    """A folder of wheels as the workflow makes them."""
    dist = folder / f"dist-{number}{salt}"
    dist.mkdir(exist_ok=True)
    version = f"0.1.0.dev{number}"
    names = [f"maou-{version}-py3-none-any.whl"]
    names += [f"maou_rust-{version}-cp311-abi3-{tag}.whl" for tag in TAGS.values()]
    for name in names:
        (dist / name).write_bytes(f"wheel {name}{salt}\n".encode() * 100)
    return dist


def commit(number: int) -> str:
    return hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest()


class Watch:
    """After every change the line works, also for those with an old copy of a list."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.lists: list[tuple[Any, str]] = []
        self.has_worked = False
        server.after_change = self.check

    def check(self) -> None:
        state = self.server.state
        pointer = state.published("latest", "colab.txt")
        if pointer is None:
            assert not self.has_worked, "the asset colab.txt is gone"
            return
        text = (state.file_of("colab", "colab.txt") or b"").decode()
        assert text, "the asset colab.txt names a list that is not there"
        self.has_worked = True
        if not self.lists or self.lists[-1][1] != text:
            self.lists.append((state.now, text))
        for i, (_, seen) in enumerate(self.lists):
            age = state.now - self.lists[i + 1][0] if i + 1 < len(self.lists) else None
            if age is None or age <= CACHED or i == len(self.lists) - 2:
                assert_downloads(state, seen)


def assert_downloads(state: State, text: str) -> None:
    lines = colab_txt.parse(text)
    assert len(lines) == 1 + len(platforms.PLATFORMS)
    for line in lines:
        content = state.published("latest", line.file_name)
        assert content is not None, f"{line.file_name} is listed and not there"
        assert colab_txt.sha256_of(content) == line.sha256


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(github_releases, "RETRY_DELAYS_S", (0, 0))
    with github() as running:
        monkeypatch.setattr(latest_release, "now", lambda: running.state.now)
        Watch(running)
        yield running
        assert running.problems == []


def move(server: Server, dist: Path, number: int) -> None:
    latest_release.main(
        [
            str(dist),
            *("--repository", REPOSITORY),
            *("--commit", commit(number)),
            *("--date", "2026-11-20 12:00 UTC"),
            *server.options,
        ]
    )


def visible(state: State) -> dict[str, Any]:
    """What anybody can see of the release and its branch."""
    release = state.release_of("latest")
    assert release is not None
    head = state.objects[state.refs["refs/heads/colab"]]
    return {
        "assets": {
            asset["name"]: (asset["state"], asset["digest"])
            for asset in state.assets.values()
        },
        "release": {k: release[k] for k in ("body", "prerelease", "draft")},
        "tag": state.refs["refs/tags/latest"],
        "list": state.file_of("colab", "colab.txt"),
        "lists before": [state.file_of(sha, "colab.txt") for sha in head["parents"]],
    }


def builds_in(state: State) -> set[str]:
    names = (a["name"] for a in state.assets.values() if a["name"].endswith(".whl"))
    return {name.split("-")[1] for name in names}


def user_installs(server: Server) -> str:
    """Follow the line as uv does; returns the version that it leads to."""
    url = f"{server.url}/downloads/{REPOSITORY}/releases/download/latest/colab.txt"
    lines = colab_txt.read(url)
    for line in lines:
        content = colab_txt.download(line.url)
        assert colab_txt.sha256_of(content) == line.sha256
    assert len(lines) == 1 + len(platforms.PLATFORMS)
    return lines[0].version


def before(server: Server, tmp_path: Path, n_builds: int) -> State:
    """The state after some builds, an hour apart."""
    for number in range(1, n_builds + 1):
        move(server, build(tmp_path, number), number)
        server.tick(hours=1)
    return copy.deepcopy(server.state)


@pytest.mark.parametrize(
    ("n_before", "halfway", "next_number"),
    [
        pytest.param(0, False, 10, id="first run, after a step, same build next"),
        pytest.param(0, True, 10, id="first run, within a step, same build next"),
        pytest.param(3, False, 10, id="later run, after a step, same build next"),
        pytest.param(3, True, 10, id="later run, within a step, same build next"),
        pytest.param(3, True, 11, id="later run, within a step, newer build next"),
    ],
)
def test_a_run_may_end_after_every_step(
    server: Server, tmp_path: Path, n_before: int, halfway: bool, next_number: int
) -> None:
    start = before(server, tmp_path, n_before)
    dist = build(tmp_path, 10)
    move(server, dist, 10)
    whole = visible(server.state)
    assert set(whole["assets"]) > {"colab.txt"}

    for change in itertools.count(1):
        server.state = copy.deepcopy(start)
        watch = Watch(server)
        watch.check()
        server.die_at(change, halfway=halfway)
        with contextlib.suppress(SystemExit):
            move(server, dist, 10)
        if not server.is_dead:
            break
        server.die_at(None)
        watch.check()
        if n_before:
            assert user_installs(server) in {f"0.1.0.dev{n_before}", "0.1.0.dev10"}
        server.tick(minutes=20)
        move(server, build(tmp_path, next_number), next_number)
        assert user_installs(server) == f"0.1.0.dev{next_number}"
        assert len(builds_in(server.state)) <= 2
        if next_number == 10:
            assert visible(server.state) == whole
    # Six wheels, the release, the list's three, the pointer and what follows.
    assert change > 10
    assert visible(server.state) == whole
    server.die_at(None)
    move(server, dist, 10)
    assert server.changes == [], "a run that finds all in place changes nothing"


def test_wheels_of_two_builds_remain(server: Server, tmp_path: Path) -> None:
    before(server, tmp_path, 5)
    assert builds_in(server.state) == {"0.1.0.dev4", "0.1.0.dev5"}


def test_builds_in_quick_succession_keep_what_caches_still_list(
    server: Server, tmp_path: Path
) -> None:
    for number in range(1, 5):
        move(server, build(tmp_path, number), number)
        server.tick(minutes=2)
    assert builds_in(server.state) == {f"0.1.0.dev{n}" for n in range(1, 5)}
    server.tick(hours=1)
    move(server, build(tmp_path, 5), 5)
    assert builds_in(server.state) == {"0.1.0.dev4", "0.1.0.dev5"}


def test_an_older_build_changes_nothing(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before(server, tmp_path, 3)
    server.die_at(None)
    move(server, build(tmp_path, 2), 2)
    assert server.changes == []
    expected = "nothing done: latest holds 0.1.0.dev3, newer than 0.1.0.dev2\n"
    assert capsys.readouterr().out.endswith(expected)


def test_two_builds_of_one_number_are_refused(server: Server, tmp_path: Path) -> None:
    before(server, tmp_path, 1)
    server.die_at(None)
    with pytest.raises(SystemExit, match="expected one build per number"):
        move(server, build(tmp_path, 1, salt="other"), 1)
    assert server.changes == []


def test_a_version_without_a_stamp_is_refused(server: Server, tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    dist.mkdir()
    (dist / "maou-0.1.0-py3-none-any.whl").write_bytes(b"")
    (dist / "maou_rust-0.1.0-cp311-abi3-win_amd64.whl").write_bytes(b"")
    with pytest.raises(SystemExit, match=r"0\.1\.0: expected a stamped version"):
        move(server, dist, 1)
    assert server.changes == []


@pytest.mark.parametrize("content", [None, b"-r https://elsewhere.example/colab.txt\n"])
def test_the_pointer_is_repaired(
    server: Server, tmp_path: Path, content: bytes | None
) -> None:
    state = before(server, tmp_path, 1)
    whole = visible(state)
    (number,) = (n for n, a in state.assets.items() if a["name"] == "colab.txt")
    if content is None:
        del server.state.assets[number]
    else:
        server.state.contents[number] = content
        digest = hashlib.sha256(content).hexdigest()
        server.state.assets[number] |= {
            "size": len(content),
            "digest": f"sha256:{digest}",
        }
    Watch(server)
    move(server, build(tmp_path, 1), 1)
    assert visible(server.state) == whole
    assert user_installs(server) == "0.1.0.dev1"


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (502, {}),
        (429, {}),
        (403, {"Retry-After": "60"}),
        (403, {"X-RateLimit-Remaining": "0"}),
    ],
)
def test_server_errors_and_limits_are_waited_for(
    server: Server, tmp_path: Path, status: int, headers: dict[str, str]
) -> None:
    server.n_failures = 2
    server.failure = Answer(status, {"message": "Wait"}, headers=headers)
    move(server, build(tmp_path, 1), 1)
    assert user_installs(server) == "0.1.0.dev1"


def test_the_tag_moves_before_the_text_changes(server: Server, tmp_path: Path) -> None:
    """A release is not to be changed while its tag has other workflow files."""
    before(server, tmp_path, 1)
    server.die_at(None)
    move(server, build(tmp_path, 2), 2)
    begin = ("PATCH git/refs/tags/", "PATCH releases/")
    changed = [c.rsplit("/", 1)[0] + "/" for c in server.changes if c.startswith(begin)]
    assert changed == list(begin)


@pytest.mark.parametrize("forbidden", ["PATCH git/refs/tags/", "PATCH releases/"])
def test_a_refused_tag_or_text_stops_nothing_else(
    server: Server, tmp_path: Path, forbidden: str
) -> None:
    """As when main has got other workflow files while this was built."""
    before(server, tmp_path, 2)
    server.forbidden = forbidden
    with pytest.raises(SystemExit, match=r"lists 0\.1\.0\.dev3, but tag and text"):
        move(server, build(tmp_path, 3), 3)
    assert user_installs(server) == "0.1.0.dev3"
    assert builds_in(server.state) == {"0.1.0.dev2", "0.1.0.dev3"}
    server.forbidden = None
    server.tick(hours=1)
    move(server, build(tmp_path, 4), 4)
    assert server.state.refs["refs/tags/latest"] == commit(4)
    assert commit(4) in visible(server.state)["release"]["body"]


def test_what_is_refused_is_not_repeated(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    monkeypatch.setenv("GITHUB_TOKEN", "another")
    with pytest.raises(SystemExit, match="401"):
        move(server, build(tmp_path, 1), 1)
    assert slept == []


def test_a_token_is_wanted(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    with pytest.raises(SystemExit, match="expected a token"):
        move(server, build(tmp_path, 1), 1)


def test_a_run_beside_this_one_is_not_overwritten(
    server: Server, tmp_path: Path
) -> None:
    before(server, tmp_path, 1)
    other = server.state.refs["refs/heads/colab"]

    def swap_beside() -> None:
        if server.changes[-1].startswith("POST git/commits"):
            state = server.state
            commit = state.objects[other] | {"parents": [other], "message": "beside"}
            state.refs["refs/heads/colab"] = state.store(commit)

    server.after_change = swap_beside
    server.die_at(None)
    with pytest.raises(SystemExit, match="not a fast forward"):
        move(server, build(tmp_path, 2), 2)
    server.after_change = lambda: None
    assert user_installs(server) == "0.1.0.dev1"


def test_a_newer_run_beside_this_one_wins(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The older run has begun first, and the newer one moves the branch before it."""
    before(server, tmp_path, 1)
    newer = build(tmp_path, 3)
    # Its wheels are up and not listed yet.
    server.die_at(1 + len(TAGS))
    with pytest.raises(SystemExit):
        move(server, newer, 3)
    server.die_at(None)
    client = github_releases.GitHub(
        REPOSITORY, TOKEN, downloads=f"{server.url}/downloads"
    )
    lines = colab_txt.requirements(newer, client.download_url("latest"))

    def be_overtaken() -> None:
        state = server.state
        entry = {"path": "colab.txt", "content": colab_txt.text_of(lines)}
        head = state.objects[state.refs["refs/heads/colab"]]
        tree = state.store({"tree": [entry]})
        state.refs["refs/heads/colab"] = state.store(head | {"tree": tree})

    server.after_change = be_overtaken
    move(server, build(tmp_path, 2), 2)
    assert "newer than 0.1.0.dev2" in capsys.readouterr().out
    assert user_installs(server) == "0.1.0.dev3"


def test_wheels_that_a_newer_run_uploads_are_left_alone(
    server: Server, tmp_path: Path
) -> None:
    before(server, tmp_path, 1)
    server.die_at(3)
    with pytest.raises(SystemExit):
        move(server, build(tmp_path, 3), 3)
    server.die_at(None)
    move(server, build(tmp_path, 2), 2)
    assert builds_in(server.state) == {f"0.1.0.dev{n}" for n in (1, 2, 3)}
    server.tick(hours=1)
    move(server, build(tmp_path, 4), 4)
    assert builds_in(server.state) == {"0.1.0.dev2", "0.1.0.dev4"}


def test_the_body_names_commit_date_versions_and_the_line(
    server: Server, tmp_path: Path
) -> None:
    before(server, tmp_path, 1)
    release = server.state.release_of("latest")
    assert release is not None
    url = f"{server.url}/downloads/{REPOSITORY}"
    assert release["prerelease"]
    assert release["make_latest"] == "false"
    for text in (
        commit(1),
        "2026-11-20 12:00 UTC",
        "maou and maou-rust 0.1.0.dev1",
        f"uv pip install --system -r {url}/releases/download/latest/colab.txt\n",
    ):
        assert text in release["body"]
