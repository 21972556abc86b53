"""The part of GitHub's REST API that the release scripts use. Not run by itself.

    client = GitHub("owner/name", token=…)
    steadily(lambda: ensure_asset(client, release, "a.whl", content))

A step looks first and acts then, so that it may be repeated: after a server error, a
lost connection, or by a whole new run. Nothing is retried that was refused (4xx),
but for the limits on how many requests there may be.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

API = "https://api.github.com"
UPLOADS = "https://uploads.github.com"
DOWNLOADS = "https://github.com"
RAW = "https://raw.githubusercontent.com"
RETRY_DELAYS_S = (1, 2, 4, 8, 16, 32)
TIMEOUT_S = 60
PER_PAGE = 100
MEDIA_TYPES = {
    "json": "application/vnd.github+json",
    "raw": "application/vnd.github.raw+json",
}


class Refused(Exception):  # noqa: N818, what happened, as in `except Refused`
    """The API said no (4xx): repeating it would not help."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the status that was answered."""
        super().__init__(message)
        self.status = status


class Unreachable(Exception):  # noqa: N818, as above
    """The API did not answer, or not now: it may be repeated."""


@dataclass(frozen=True)
class GitHub:
    """A repository, seen through the API."""

    repository: str
    token: str
    api: str = API
    uploads: str = UPLOADS
    downloads: str = DOWNLOADS
    raw: str = RAW

    def call(
        self, method: str, path: str, body: object = None, accept: str = "json"
    ) -> Any:
        """Call the API once, below the repository.

        Returns the decoded answer, or its text for `accept="raw"`.
        """
        data = None if body is None else json.dumps(body).encode()
        url = f"{self.api}/repos/{self.repository}/{path}"
        answer = self._send(method, url, data, "application/json", MEDIA_TYPES[accept])
        if accept == "raw":
            return answer.decode()
        return json.loads(answer) if answer else None

    def look(self, path: str, accept: str = "json") -> Any:
        """Get something, or None if it is not there."""
        try:
            return self.call("GET", path, accept=accept)
        except Refused as refused:
            if refused.status == http.client.NOT_FOUND:
                return None
            raise

    def pages(self, path: str) -> list[Any]:
        """Get all pages of a list."""
        found: list[Any] = []
        for number in range(1, 100):
            page = self.call("GET", f"{path}?per_page={PER_PAGE}&page={number}")
            found += page
            if len(page) < PER_PAGE:
                break
        return found

    def upload(self, release_id: int, name: str, content: bytes) -> None:
        """Upload an asset once."""
        where = f"{self.uploads}/repos/{self.repository}/releases/{release_id}/assets"
        url = f"{where}?name={quote(name)}"
        self._send("POST", url, content, "application/octet-stream", "*/*")

    def download_url(self, tag: str, name: str = "") -> str:
        """URL at which everybody downloads an asset of a release."""
        return (
            f"{self.downloads}/{self.repository}/releases/download/{tag}/{quote(name)}"
        )

    def _send(
        self, method: str, url: str, data: bytes | None, sent: str, wanted: str
    ) -> bytes:
        headers = {
            "Accept": wanted,
            "Authorization": f"Bearer {self.token}",
            "User-Agent": self.repository,
            "X-GitHub-Api-Version": "2022-11-28",
        }
        if data is not None:
            headers["Content-Type"] = sent
        request = Request(url, data=data, headers=headers, method=method)
        what = f"{method} {url}"
        try:
            with urlopen(request, timeout=TIMEOUT_S) as response:
                content: bytes = response.read()
                return content
        except HTTPError as error:
            message = f"{what}: {error.code} {error.read().decode(errors='replace')}"
            if error.code >= http.client.INTERNAL_SERVER_ERROR or is_limit(error):
                raise Unreachable(message) from error
            raise Refused(error.code, message) from error
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{what}: {error!r}") from error


def is_limit(error: HTTPError) -> bool:
    """Tell whether the API asks to wait, for there were too many requests."""
    return error.code == http.client.TOO_MANY_REQUESTS or (
        error.code == http.client.FORBIDDEN
        and (
            error.headers.get("Retry-After") is not None
            or error.headers.get("X-RateLimit-Remaining") == "0"
        )
    )


def steadily(step: Callable[[], Result]) -> Result:
    """Run a step; while the API cannot be reached, wait and run it again."""
    for delay_s in RETRY_DELAYS_S:
        try:
            return step()
        except Unreachable as error:
            print(f"again in {delay_s} s: {error}", flush=True)
            time.sleep(delay_s)
    return step()


def ensure_asset(
    client: GitHub, release_id: int, name: str, content: bytes, *, replace: bool = True
) -> bool:
    """Have an asset of this name and content; tells whether it had to be uploaded.

    What an upload that broke off left behind is removed. Without `replace`, a whole
    asset of that name stays as it is.
    """
    for asset in client.pages(f"releases/{release_id}/assets"):
        if asset["name"] == name:
            if is_whole(asset, content) or (
                asset["state"] == "uploaded" and not replace
            ):
                return False
            delete_asset(client, asset)
    client.upload(release_id, name, content)
    print(f"uploaded {name}, {len(content)} bytes", flush=True)
    return True


def is_whole(asset: dict[str, Any], content: bytes) -> bool:
    """Tell whether an asset was uploaded to its end and holds this content."""
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return (
        asset["state"] == "uploaded"
        and asset["size"] == len(content)
        # Assets that are older than the field have none.
        and (asset.get("digest") or digest) == digest
    )


def delete_asset(client: GitHub, asset: dict[str, Any]) -> None:
    """Remove an asset that may be gone already."""
    try:
        client.call("DELETE", f"releases/assets/{asset['id']}")
    except Refused as refused:
        if refused.status != http.client.NOT_FOUND:
            raise
    print(f"removed {asset['name']}", flush=True)
