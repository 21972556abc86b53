"""Members of a 7z archive, through py7zr, which `maou[7z]` installs.

py7zr hands over what it unpacks by calling back. It runs on a thread of its own here,
with a queue that holds little, so that members come one at a time as those of others.
"""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO

from maou._unpack import Budget, Member, RefusedError, safe_name

if TYPE_CHECKING:
    from collections.abc import Iterator

N_PARTS_AHEAD = 16
"""Parts of members that wait to be read."""


class AbandonedError(Exception):
    """Nobody reads any more what is unpacked."""


class Handover:
    """What one thread unpacks and another one reads."""

    def __init__(self) -> None:
        """Start empty."""
        self._parts: queue.Queue[tuple[str, Any]] = queue.Queue(N_PARTS_AHEAD)
        self._is_abandoned = threading.Event()

    def put(self, kind: str, value: Any) -> None:
        """Hand over a part, as soon as there is room."""
        while not self._is_abandoned.is_set():
            try:
                self._parts.put((kind, value), timeout=0.1)
            except queue.Full:
                continue
            return
        raise AbandonedError

    def get(self) -> tuple[str, Any]:
        """Take the next part."""
        return self._parts.get()

    def abandon(self) -> None:
        """Make the thread that unpacks end."""
        self._is_abandoned.set()


class Empty:
    """The content of an empty member."""

    def read(self, _n_bytes: int, /) -> bytes:
        """Read nothing."""
        return b""


class MemberStream:
    """The content of the member that is being unpacked."""

    def __init__(self, handover: Handover) -> None:
        """Start at its beginning."""
        self._handover = handover
        self._rest = b""
        self.after: tuple[str, Any] | None = None

    def read(self, n_bytes: int, /) -> bytes:
        """Read up to so many bytes."""
        while not self._rest and self.after is None:
            kind, value = self._handover.get()
            if kind == "data":
                self._rest = value
            else:
                self.after = (kind, value)
        if not self._rest and self.after is not None and self.after[0] == "error":
            raise RefusedError(self.after[1])
        part, self._rest = self._rest[:n_bytes], self._rest[n_bytes:]
        return part

    def skip(self) -> None:
        """Pass over what has not been read."""
        self._rest = b""
        while self.after is None:
            kind, value = self._handover.get()
            if kind != "data":
                self.after = (kind, value)


def seven_zip_members(file: BinaryIO, budget: Budget) -> Iterator[Member]:
    """List the members."""
    try:
        py7zr: Any = import_module("py7zr")
    except ImportError as error:
        raise RefusedError(
            "expected an archive that can be read without help, found a 7z archive:"
            " `pip install 'maou[7z]'`, or `uv sync --extra 7z` in a clone, installs"
            " py7zr, which reads it"
        ) from error
    try:
        archive = py7zr.SevenZipFile(file, "r")
        infos = list(archive.files)
        is_locked = archive.needs_password()
    except py7zr.PasswordRequired as error:
        raise RefusedError("expected an archive, found an encrypted one") from error
    except Exception as error:
        # py7zr lets errors of all kinds through where an archive is damaged.
        raise RefusedError(
            f"expected a whole 7z archive, found damage: {error}"
        ) from error
    if is_locked:
        raise RefusedError("expected an archive, found an encrypted one")
    sizes = {}
    for info in infos:
        if info.is_directory:
            continue
        if not info.is_file:
            problem = "expected a file, found a link, which is not followed"
            yield Member(info.filename, 0, None, problem)
            continue
        if not info.uncompressed or safe_name(info.filename)[1]:
            # Nothing is unpacked of it: it is empty, or will be refused for its name.
            yield Member(info.filename, 0, Empty(), "")
            continue
        sizes[info.filename] = info.uncompressed
        budget.take(info.uncompressed)
    yield from unpacked_members(archive, sizes)


def unpacked_members(archive: Any, sizes: dict[str, int]) -> Iterator[Member]:
    """Unpack the members with these names and sizes, in the archive's order."""
    if not sizes:
        return
    handover = Handover()
    thread = threading.Thread(
        target=unpack, args=(archive, list(sizes), handover), daemon=True
    )
    thread.start()
    try:
        kind, value = handover.get()
        while kind == "begin":
            stream = MemberStream(handover)
            yield Member(value, sizes.get(value, 0), stream, "")
            stream.skip()
            assert stream.after is not None
            kind, value = stream.after
        if kind == "error":
            raise RefusedError(value)
    finally:
        handover.abandon()


def unpack(archive: Any, names: list[str], handover: Handover) -> None:
    """Unpack members and hand them over; what goes wrong is handed over, too."""
    io: Any = import_module("py7zr.io")

    class Taker(io.Py7zIO):  # type: ignore[misc]
        """Hands over what is written to it."""

        def __init__(self, name: str) -> None:
            self._name = name
            self._n_bytes = 0

        def write(self, s: bytes | bytearray) -> int:
            if s:
                if not self._n_bytes:
                    handover.put("begin", self._name)
                self._n_bytes += len(s)
                handover.put("data", bytes(s))
            return len(s)

        def read(self, size: int | None = None) -> bytes:  # noqa: ARG002
            return b""

        def seek(self, offset: int, whence: int = 0) -> int:  # noqa: ARG002
            return offset

        def flush(self) -> None:
            pass

        def size(self) -> int:
            return self._n_bytes

    class Takers(io.WriterFactory):  # type: ignore[misc]
        """Makes what members are written to."""

        def create(self, filename: str) -> Taker:
            return Taker(filename)

    try:
        archive.extract(targets=names, factory=Takers())
        handover.put("end", None)
    except AbandonedError:
        pass
    except Exception as error:
        # py7zr lets errors of all kinds through where an archive is damaged.
        with suppress(AbandonedError):
            handover.put("error", f"expected a whole 7z archive, found damage: {error}")
