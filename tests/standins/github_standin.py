"""A server that stands in for GitHub: releases, git data, downloads, uploads.

It behaves like the real one where that matters to a script that may break off: a name
can be used once (422), an upload that breaks off leaves an asset in the state
`starter`, branches move forward only unless forced, content is addressed by its hash.
A token is wanted for the API and for uploads, none for downloads.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN = "token-of-the-stand-in"
REPOSITORY = "owner/repo"


class Dead(Exception):  # noqa: N818, a state and no error
    """The connection is cut: no answer."""


@dataclass
class Answer(Exception):  # noqa: N818, the way out of a handler
    status: int
    body: Any = None
    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class State:
    """What GitHub would store."""

    releases: dict[int, dict[str, Any]] = field(default_factory=dict)
    assets: dict[int, dict[str, Any]] = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)
    objects: dict[str, Any] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    n_ids: int = 0
    now: datetime = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def new_id(self) -> int:
        self.n_ids += 1
        return self.n_ids

    def store(self, value: Any) -> str:
        """Store an object of git under a hash of what it is."""
        text = json.dumps(value, sort_keys=True)
        sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self.objects[sha] = value
        return sha

    def release_of(self, tag: str) -> dict[str, Any] | None:
        return next((r for r in self.releases.values() if r["tag_name"] == tag), None)

    def published(self, tag: str, name: str) -> bytes | None:
        """What a download of an asset gives."""
        release = self.release_of(tag)
        for asset in self.assets.values():
            if release is None or release["draft"]:
                return None
            mine = asset["release_id"] == release["id"] and asset["name"] == name
            if mine and asset["state"] == "uploaded":
                return self.contents[asset["id"]]
        return None

    def file_of(self, ref: str, path: str) -> bytes | None:
        """A file of a branch, or of a commit."""
        commit = self.objects.get(self.refs.get(f"refs/heads/{ref}", ref))
        if commit is None:
            return None
        for entry in self.objects[commit["tree"]]["tree"]:
            if entry["path"] == path:
                return str(entry["content"]).encode()
        return None


class Server(http.server.ThreadingHTTPServer):
    """The stand-in; `url` is all of its servers in one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.state = State()
        self.lock = threading.Lock()
        self.n_changes = 0
        self.dies_at: int | None = None
        self.dies_halfway = False
        self.is_dead = False
        self.n_failures = 0
        self.failure = Answer(502, {"message": "Server Error"})
        # Beginning of the changes that are not allowed, such as `PATCH releases`.
        self.forbidden: str | None = None
        self.changes: list[str] = []
        self.after_change: Callable[[], None] = lambda: None
        # What it raised: an exception in a handler would only cut the connection.
        self.problems: list[AssertionError] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def options(self) -> list[str]:
        """Options that lead a script here."""
        return [
            word
            for name in ("api", "uploads", "downloads", "raw")
            for word in (f"--{name}", f"{self.url}/{name}")
        ]

    def die_at(self, change: int | None, *, halfway: bool = False) -> None:
        """Cut all connections from the n-th change on, counted from now.

        `halfway` cuts within the change: an upload is then there in part, another
        change not at all.
        """
        self.n_changes, self.dies_at, self.dies_halfway = 0, change, halfway
        self.is_dead = False
        self.changes = []

    def tick(self, **elapsed: float) -> None:
        """Let time go by."""
        self.state.now += timedelta(**elapsed)


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *args: object) -> None:
        pass

    def handle_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        data = self.rfile.read(length)
        with self.server.lock:
            try:
                answer = self.answer(data)
            except Dead:
                self.close_connection = True
                return
            except Answer as raised:
                answer = raised
        content = answer.content
        if content is None:
            content = b"" if answer.body is None else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815

    def answer(self, data: bytes) -> Answer:
        if self.server.is_dead:
            raise Dead
        parts = urlsplit(self.path)
        path, query = unquote(parts.path), parse_qs(parts.query)
        _, which, rest = path.split("/", 2)
        if which in ("downloads", "raw"):
            return self.download(which, rest)
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return Answer(401, {"message": "Bad credentials"})
        prefix = f"repos/{REPOSITORY}/"
        if not rest.startswith(prefix):
            return Answer(404, {"message": "Not Found"})
        rest = rest.removeprefix(prefix)
        if self.command == "GET":
            return self.read(rest, query)
        return self.change(which, rest, query, data)

    def download(self, which: str, rest: str) -> Answer:
        state = self.server.state
        content = None
        if which == "downloads":
            pattern = rf"{REPOSITORY}/releases/download/([^/]+)/([^/]+)"
            if match := re.fullmatch(pattern, rest):
                content = state.published(match[1], match[2])
        elif match := re.fullmatch(rf"{REPOSITORY}/([^/]+)/(.+)", rest):
            content = state.file_of(match[1], match[2])
        if content is None:
            return Answer(404, content=b"Not Found")
        return Answer(200, content=content)

    def read(  # noqa: PLR0911, a return for each route
        self, rest: str, query: dict[str, list[str]]
    ) -> Answer:
        state = self.server.state
        missing = Answer(404, {"message": "Not Found"})
        if match := re.fullmatch(r"releases/tags/(.+)", rest):
            release = state.release_of(match[1])
            return missing if release is None or release["draft"] else ok(release)
        if rest == "releases":
            return page(list(state.releases.values()), query)
        if match := re.fullmatch(r"releases/(\d+)", rest):
            found = state.releases.get(int(match[1]))
            return ok(found) if found else missing
        if match := re.fullmatch(r"releases/(\d+)/assets", rest):
            release_id = int(match[1])
            mine = [a for a in state.assets.values() if a["release_id"] == release_id]
            return page(mine, query)
        if match := re.fullmatch(r"git/ref/(.+)", rest):
            sha = state.refs.get(f"refs/{match[1]}")
            return ok({"object": {"sha": sha, "type": "commit"}}) if sha else missing
        if match := re.fullmatch(r"git/commits/(\w+)", rest):
            commit = state.objects.get(match[1])
            if commit is None:
                return missing
            parents = [{"sha": sha} for sha in commit["parents"]]
            return ok(commit | {"parents": parents})
        if match := re.fullmatch(r"contents/(.+)", rest):
            content = state.file_of(query["ref"][0], match[1])
            if content is None:
                return missing
            assert self.headers["Accept"] == "application/vnd.github.raw+json"
            return Answer(200, content=content)
        return missing

    def change(
        self, which: str, rest: str, query: dict[str, list[str]], data: bytes
    ) -> Answer:
        if self.server.n_failures:
            self.server.n_failures -= 1
            return self.server.failure
        forbidden = self.server.forbidden
        if forbidden is not None and f"{self.command} {rest}".startswith(forbidden):
            return Answer(403, {"message": "Resource not accessible by integration"})
        self.server.n_changes += 1
        dies = self.server.n_changes == self.server.dies_at
        if which == "uploads":
            answer = self.upload(rest, query["name"][0], data, dies)
        elif dies and self.server.dies_halfway:
            self.server.is_dead = True
            raise Dead
        else:
            body = json.loads(data) if data else {}
            answer = self.write(f"{self.command} {rest}", body)
        self.server.changes.append(f"{self.command} {rest} {answer.status}")
        if answer.status < 300:
            try:
                self.server.after_change()
            except AssertionError as problem:
                self.server.problems.append(problem)
        if dies:
            self.server.is_dead = True
            raise Dead
        return answer

    def upload(self, rest: str, name: str, data: bytes, dies: bool) -> Answer:
        state = self.server.state
        match = re.fullmatch(r"releases/(\d+)/assets", rest)
        if match is None or int(match[1]) not in state.releases:
            return Answer(404, {"message": "Not Found"})
        release_id = int(match[1])
        for asset in state.assets.values():
            if (asset["release_id"], asset["name"]) == (release_id, name):
                return invalid("already_exists")
        number = state.new_id()
        starter = dies and self.server.dies_halfway
        state.contents[number] = data
        state.assets[number] = {
            "id": number,
            "name": name,
            "release_id": release_id,
            "state": "starter" if starter else "uploaded",
            "size": 0 if starter else len(data),
            "digest": None if starter else f"sha256:{hashlib.sha256(data).hexdigest()}",
        }
        return Answer(201, state.assets[number])

    def write(  # noqa: PLR0911, a return for each route
        self, what: str, body: dict[str, Any]
    ) -> Answer:
        state = self.server.state
        if what == "POST releases":
            return self.create_release(body)
        if match := re.fullmatch(r"PATCH releases/(\d+)", what):
            release = state.releases[int(match[1])]
            release.update(body)
            self.tag_published(release)
            return ok(release)
        if match := re.fullmatch(r"DELETE releases/assets/(\d+)", what):
            if state.assets.pop(int(match[1]), None) is None:
                return Answer(404, {"message": "Not Found"})
            return Answer(204)
        if what == "POST git/trees":
            return Answer(201, {"sha": state.store(body)})
        if what == "POST git/commits":
            date = f"{state.now:%Y-%m-%dT%H:%M:%SZ}"
            commit = body | {"committer": {"date": date}}
            return Answer(201, {"sha": state.store(commit)})
        if what == "POST git/refs":
            if body["ref"] in state.refs:
                return invalid("Reference already exists")
            state.refs[body["ref"]] = body["sha"]
            return Answer(201, {"object": {"sha": body["sha"]}})
        if match := re.fullmatch(r"PATCH git/(refs/.+)", what):
            return self.move_ref(match[1], body)
        return Answer(404, {"message": "Not Found"})

    def create_release(self, body: dict[str, Any]) -> Answer:
        state = self.server.state
        given = {"draft": False, "prerelease": False, "body": "", **body}
        existing = state.release_of(given["tag_name"])
        if existing is not None and not (existing["draft"] or given["draft"]):
            return invalid("already_exists")
        number = state.new_id()
        state.releases[number] = given | {"id": number}
        self.tag_published(state.releases[number])
        return Answer(201, state.releases[number])

    def tag_published(self, release: dict[str, Any]) -> None:
        """A release that is published creates its tag where there is none."""
        ref = f"refs/tags/{release['tag_name']}"
        if not release["draft"] and ref not in self.server.state.refs:
            self.server.state.refs[ref] = release["target_commitish"]

    def move_ref(self, ref: str, body: dict[str, Any]) -> Answer:
        state = self.server.state
        if ref not in state.refs:
            return invalid("Reference does not exist")
        before, commit = state.refs[ref], state.objects.get(body["sha"])
        is_forward = commit is not None and before in {body["sha"], *commit["parents"]}
        if not (is_forward or body.get("force")):
            return invalid("Update is not a fast forward")
        state.refs[ref] = body["sha"]
        return ok({"object": {"sha": body["sha"]}})


def ok(body: Any) -> Answer:
    return Answer(200, body)


def invalid(message: str) -> Answer:
    return Answer(422, {"message": "Validation Failed", "errors": [message]})


def page(items: list[Any], query: dict[str, list[str]]) -> Answer:
    size = int(query.get("per_page", ["30"])[0])
    start = (int(query.get("page", ["1"])[0]) - 1) * size
    return ok(items[start : start + size])


@contextlib.contextmanager
def github() -> Iterator[Server]:
    """Run the stand-in on loopback."""
    with Server() as server:
        thread = threading.Thread(
            target=server.serve_forever, args=(0.01,), daemon=True
        )
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
