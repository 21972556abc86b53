"""Write colab.txt: the two wheels of a build as requirements with their hashes.

    python scripts/colab_txt.py dist --url https://example.org/downloads

One line for maou and one per platform of maou-rust. A hash is a fragment of the URL
(`#sha256=…`), which uv and pip check for this file alone; `--hash` would make them
demand one of every dependency.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.parse import quote, unquote, urljoin, urlsplit
from urllib.request import urlopen

import platforms

if TYPE_CHECKING:
    from collections.abc import Callable

LINE = re.compile(
    r"(?P<name>[\w.-]+) @ (?P<url>\S+)#sha256=(?P<sha256>[0-9a-f]{64})"
    r"( ; (?P<marker>.+))?"
)
MAX_NESTING = 5


@dataclass(frozen=True)
class Requirement:
    """One line of colab.txt."""

    name: str
    url: str
    sha256: str
    marker: str | None

    def __str__(self) -> str:
        """The line."""
        line = f"{self.name} @ {self.url}#sha256={self.sha256}"
        return f"{line} ; {self.marker}" if self.marker else line

    @property
    def file_name(self) -> str:
        """Name of the wheel."""
        return unquote(urlsplit(self.url).path.rsplit("/", 1)[-1])

    @property
    def version(self) -> str:
        """Version of the wheel."""
        return self.file_name.split("-")[1]

    def is_for_this_platform(self) -> bool:
        """Tell whether the marker holds for the Python that runs this."""
        if self.marker is None:
            return True
        return any(
            p.marker == self.marker and platforms.is_here(p)
            for p in platforms.PLATFORMS
        )


def wheels_of(dist: Path) -> list[Path]:
    """Find the wheels of one build: one of maou, at most one per platform of maou-rust.

    Raises:
        ValueError: they are not the wheels of one build.
    """
    maou = sorted(dist.glob("maou-*.whl"))
    rust = sorted(dist.glob("maou_rust-*.whl"))
    if len(maou) != 1 or not rust:
        message = (
            f"{dist}: expected one wheel of maou and one of maou-rust per platform,"
            f" found {len(maou)} and {len(rust)}"
        )
        raise ValueError(message)
    versions = {wheel.name.split("-")[1] for wheel in (*maou, *rust)}
    if len(versions) != 1:
        message = f"{dist}: expected one version, found {', '.join(sorted(versions))}"
        raise ValueError(message)
    seen: dict[str, str] = {}
    for wheel in rust:
        name = platforms.of_wheel(wheel.name).name
        if name in seen:
            message = f"{dist}: expected one wheel of {name}, found two: {seen[name]}"
            raise ValueError(f"{message}, {wheel.name}")
        seen[name] = wheel.name
    return maou + rust


def requirements(dist: Path, url: str) -> list[Requirement]:
    """Describe the wheels in `dist`, which lie below `url`."""
    lines = []
    for wheel in wheels_of(dist):
        is_maou = wheel.name.startswith("maou-")
        lines.append(
            Requirement(
                "maou" if is_maou else "maou-rust",
                f"{url.rstrip('/')}/{quote(wheel.name)}",
                sha256_of(wheel.read_bytes()),
                None if is_maou else platforms.of_wheel(wheel.name).marker,
            )
        )
    return lines


def text_of(lines: list[Requirement]) -> str:
    """Write colab.txt."""
    version = lines[0].version
    head = f"# maou {version}, and maou-rust {version} for each platform\n"
    return head + "".join(f"{line}\n" for line in lines)


def parse(text: str) -> list[Requirement]:
    """Read what `text_of` wrote; other lines than requirements are left out."""
    matches = (LINE.fullmatch(line.strip()) for line in text.splitlines())
    return [
        Requirement(m["name"], m["url"], m["sha256"], m["marker"]) for m in matches if m
    ]


def download(url: str) -> bytes:
    """Fetch a file.

    Raises:
        ValueError: it cannot be fetched.
    """
    try:
        with urlopen(url, timeout=60) as response:
            content: bytes = response.read()
    except (OSError, URLError) as error:
        raise ValueError(f"{url}: {error}") from error
    return content


def read(
    source: str, nesting: int = 0, download: Callable[[str], bytes] = download
) -> list[Requirement]:
    """Read a colab.txt by path or URL, and those that it names with `-r`.

    Raises:
        ValueError: it cannot be read.
    """
    if nesting > MAX_NESTING:
        raise ValueError(f"{source}: expected at most {MAX_NESTING} nested files")
    is_url = urlsplit(source).scheme in ("http", "https")
    if is_url:
        text = download(source).decode("utf-8")
    else:
        try:
            text = Path(source).read_text(encoding="utf-8")
        except OSError as error:
            raise ValueError(f"{source}: {error}") from error
    found = parse(text)
    for line in text.splitlines():
        if nested := re.fullmatch(r"-r\s+(\S+)", line.strip()):
            other = nested[1]
            if is_url:
                other = urljoin(source, other)
            elif urlsplit(other).scheme not in ("http", "https"):
                other = str(Path(source).parent / other)
            found += read(other, nesting + 1, download)
    return found


def fetch(
    line: Requirement, folder: Path, download: Callable[[str], bytes] = download
) -> Path:
    """Download a wheel into a folder; other wheels of that name are removed from it.

    Raises:
        ValueError: it cannot be downloaded, or its hash is another one.
    """
    wheel = folder / line.file_name
    if not (wheel.is_file() and sha256_of(wheel.read_bytes()) == line.sha256):
        content = download(line.url)
        if sha256_of(content) != line.sha256:
            found = sha256_of(content)
            message = f"{line.url}: expected sha256 `{line.sha256}`, found `{found}`"
            raise ValueError(message)
        folder.mkdir(parents=True, exist_ok=True)
        beside = wheel.with_name(wheel.name + ".new")
        beside.write_bytes(content)
        beside.replace(wheel)
    for other in folder.glob(f"{wheel.name.split('-', maxsplit=1)[0]}-*.whl"):
        if other != wheel:
            other.unlink()
    return wheel


def sha256_of(content: bytes) -> str:
    """Return the hash as colab.txt writes it."""
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    """Print colab.txt, or write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dist", type=Path, help="folder with the wheels of one build")
    parser.add_argument("--url", required=True, help="URL below which the wheels lie")
    parser.add_argument("-o", "--output", type=Path, help="file instead of stdout")
    options = parser.parse_args()
    try:
        text = text_of(requirements(options.dist, options.url))
    except ValueError as error:
        sys.exit(str(error))
    if options.output is None:
        print(text, end="")
        return
    beside = options.output.with_name(options.output.name + ".new")
    beside.write_text(text, encoding="utf-8", newline="\n")
    beside.replace(options.output)


if __name__ == "__main__":
    main()
