"""Archives as inputs: told by content, listed, and unpacked in memory.

`Archives` is what the extension asks when it comes upon an archive or standard input.
It reads from the front to the end, a member at a time, and writes nothing. What a
member's name or header says is not followed: links, devices, absolute names and `..`
are refused with a reason, as is what grows beyond all measure when it is unpacked.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from maou._unpack import (
    BROKEN,
    CHUNK_BYTES,
    Budget,
    Decompressed,
    Member,
    RefusedError,
    Stream,
    compression_of,
    exactly,
    safe_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MAX_DEPTH = 3
"""How deep archives may lie in archives."""
MAX_RECORD_BYTES = 1 << 30
"""The largest member that is read."""
MAX_NESTED_BYTES = 1 << 28
"""The largest zip or 7z archive within another archive: it has to lie in memory."""
STDIN_IN_MEMORY_BYTES = 1 << 26
"""What standard input may hold before it goes into a temporary file."""
SNIFFED_BYTES = 512
STDIN = "-"


class Leaf(NamedTuple):
    """One thing in an archive that may be a record."""

    name: str
    size_bytes: int | None
    """None where only unpacking tells."""
    read: Callable[[], bytes]
    """Gives the content, until the next leaf is asked for."""
    problem: str = ""
    table: Stream | None = None
    """The content, if it is an Arrow File or Stream, which is read to and fro."""


class Archives:
    """Looks into archives, and reads standard input once."""

    def __init__(self, unpack_limit: int | None = None) -> None:
        """Set the limits.

        Args:
            unpack_limit: Bytes that an archive may become; None for a multiple of its
                size.
        """
        self._unpack_limit = unpack_limit
        self._stdin: BinaryIO | None = None

    def __enter__(self) -> Archives:
        """Look into archives within a `with` statement."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of what was read from standard input."""
        if self._stdin is not None:
            self._stdin.close()

    def members(self, path: str) -> Iterator[tuple[str, int, int | None, str]]:
        """List name, size, file and problem of each member, in the archive's order.

        Arrow Files and Streams alone have a file: one without a name that is closed
        when the next member is asked for. The number is what the system calls it.
        """
        for leaf in self._leaves(path):
            problem, size_bytes = leaf.problem, leaf.size_bytes
            if leaf.table is not None:
                try:
                    with spilled(leaf.table) as file:
                        yield leaf.name, size_bytes or 0, handle_of(file), ""
                except BROKEN as error:
                    yield leaf.name, 0, None, reason(error)
                continue
            if not problem and size_bytes is None:
                try:
                    size_bytes = len(leaf.read())
                except BROKEN as error:
                    problem = reason(error)
            yield leaf.name, size_bytes or 0, None, problem

    def open(self, path: str) -> Members:
        """Open an archive to read its members."""
        return Members(lambda: self._leaves(path))

    def _leaves(self, path: str) -> Iterator[Leaf]:
        try:
            if path == STDIN:
                file = self._standard_input()
                file.seek(0)
                yield from self._file(file)
            else:
                with Path(path).open("rb") as file:
                    yield from self._file(file)
        except BROKEN as error:
            yield problem_leaf("", reason(error))

    def _file(self, file: BinaryIO) -> Iterator[Leaf]:
        size_bytes = file.seek(0, 2)
        file.seek(0)
        budget = Budget(size_bytes, self._unpack_limit)
        yield from Walk(budget).content(file, "", size_bytes, 0)

    def _standard_input(self) -> BinaryIO:
        if self._stdin is None:
            import shutil
            import tempfile

            if sys.stdin is None:
                raise RefusedError(
                    "expected records on standard input, found it closed"
                )
            spool = tempfile.SpooledTemporaryFile(STDIN_IN_MEMORY_BYTES)  # noqa: SIM115
            shutil.copyfileobj(sys.stdin.buffer, spool, CHUNK_BYTES)
            self._stdin = spool  # type: ignore[assignment]
        assert self._stdin is not None
        return self._stdin


class Members:
    """The members of an open archive, read in order."""

    def __init__(self, leaves: Callable[[], Iterator[Leaf]]) -> None:
        """Start before the first member."""
        self._leaves = leaves
        self._open: Iterator[Leaf] = iter(())
        self._next_idx = -1

    def read(self, indices: Sequence[int]) -> list[bytes | str]:
        """Give the bytes of the members with these indices, or why there are none."""
        return [self._read_one(idx) for idx in indices]

    def _read_one(self, idx: int) -> bytes | str:
        if self._next_idx < 0 or idx < self._next_idx:
            self._open, self._next_idx = self._leaves(), 0
        for leaf in self._open:
            self._next_idx += 1
            if leaf.problem and not leaf.name and self._next_idx <= idx:
                return leaf.problem
            if self._next_idx == idx + 1:
                if leaf.problem:
                    return leaf.problem
                try:
                    return leaf.read()
                except BROKEN as error:
                    return reason(error)
        return "expected the archive to stay as it is, found changes"


class Walk:
    """The way through an archive and those in it."""

    def __init__(self, budget: Budget) -> None:
        """Set what may be unpacked in all."""
        self._budget = budget

    def content(
        self, file: Stream, name: str, size_bytes: int | None, depth: int
    ) -> Iterator[Leaf]:
        """Tell what a stream holds: an archive's members, or itself."""
        file, first = peek(file)
        kind = kind_of(first)
        if kind and depth >= MAX_DEPTH:
            yield problem_leaf(
                name,
                f"expected archives in archives {MAX_DEPTH} deep at most, found more",
            )
        elif kind in ("gzip", "bzip2", "xz"):
            unpacked = Decompressed(file, kind, self._budget)
            yield from self.content(unpacked, name, None, depth + 1)
        elif kind == "tar":
            from maou._tar import tar_members

            yield from self._members(name, depth, tar_members(file))
        elif kind == "zip":
            from maou._zip import zip_members

            file, size_bytes = seekable(file, size_bytes)
            members = zip_members(file, size_bytes, self._budget)
            yield from self._members(name, depth, members)
        elif kind == "7z":
            from maou._seven_zip import seven_zip_members

            file, _ = seekable(file, size_bytes)
            found = seven_zip_members(file, self._budget)
            yield from self._members(name, depth, found)
        else:
            table = file if is_arrow(first) else None
            yield Leaf(name, size_bytes, lambda: whole(file, size_bytes), table=table)

    def _members(
        self,
        name: str,
        depth: int,
        members: Iterator[Member],
    ) -> Iterator[Leaf]:
        try:
            for member, size_bytes, file, problem in members:
                path, refused = safe_name(member)
                full = f"{name}/{path}" if name else path
                if is_hidden(path):
                    continue
                if problem or refused or file is None:
                    yield problem_leaf(full, problem or refused)
                    continue
                yield from self._guarded(file, full, size_bytes, depth + 1)
        except BROKEN as error:
            # What follows cannot be found any more.
            yield problem_leaf(name, reason(error))

    def _guarded(
        self, file: Stream, name: str, size_bytes: int, depth: int
    ) -> Iterator[Leaf]:
        try:
            yield from self.content(file, name, size_bytes, depth)
        except BROKEN as error:
            yield problem_leaf(name, reason(error))


def problem_leaf(name: str, problem: str) -> Leaf:
    """Make a leaf that stands for something that is not read."""
    return Leaf(name, 0, lambda: b"", problem)


def reason(error: Exception) -> str:
    """Write why something cannot be read, in the style of the house."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror[:1].lower()}{error.strerror[1:]}"
    if isinstance(error, (RefusedError, EOFError)) and str(error):
        return str(error)
    return f"expected a whole archive, found damage: {error}"


def kind_of(first: bytes) -> str:
    """Name what the first bytes of a file tell; empty for no archive."""
    compression = compression_of(first)
    if compression:
        return compression
    if first.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return "zip"
    if first.startswith(b"7z\xbc\xaf\x27\x1c"):
        return "7z"
    return "tar" if is_tar_header(first[:512]) else ""


def is_arrow(first: bytes) -> bool:
    """Whether the first bytes are those of an Arrow File or Stream."""
    if first.startswith(b"ARROW1"):
        return True
    # The marker of a message, and the length of what describes it.
    length = int.from_bytes(first[4:8], "little")
    return first.startswith(b"\xff" * 4) and length % 8 == 0 and 0 < length < 1 << 24


def is_tar_header(block: bytes) -> bool:
    """Whether the checksum tells that a block is the header of a tar member."""
    if len(block) < 512 or block[0] == 0:
        return False
    field = block[148:156].lstrip(b" ")
    digits = field[: len(field) - len(field.lstrip(b"01234567"))]
    if not digits:
        return False
    return int(digits, 8) == sum(block) - sum(block[148:156]) + 8 * 0x20


def peek(file: Stream) -> tuple[Stream, bytes]:
    """Look at the first bytes of a stream, and give a stream that still has them."""
    first = exactly(file, SNIFFED_BYTES)
    seek = getattr(file, "seek", None)
    if seek is not None:
        seek(0)
        return file, first
    return Prefixed(first, file), first


class Prefixed:
    """A stream with bytes before it."""

    def __init__(self, first: bytes, rest: Stream) -> None:
        """Join the two."""
        self._first = first
        self._rest = rest

    def read(self, n_bytes: int, /) -> bytes:
        """Read up to so many bytes."""
        if self._first:
            part, self._first = self._first[:n_bytes], self._first[n_bytes:]
            return part
        return self._rest.read(n_bytes)


@contextmanager
def spilled(file: Stream) -> Iterator[BinaryIO]:
    """Give the content as a file of the system that has no name."""
    import tempfile

    if isinstance(file, tempfile.SpooledTemporaryFile):
        # Standard input, which lies in such a file already, or will now.
        file.rollover()
        file.flush()
        yield file  # type: ignore[misc]
        return
    with tempfile.TemporaryFile() as copy:
        while part := file.read(CHUNK_BYTES):
            copy.write(part)
        copy.flush()
        yield copy


def handle_of(file: BinaryIO) -> int:
    """Give the number by which the system knows an open file."""
    if sys.platform == "win32":
        import msvcrt

        return msvcrt.get_osfhandle(file.fileno())
    return file.fileno()


def whole(file: Stream, size_bytes: int | None) -> bytes:
    """Read a record file, of a size that is bounded."""
    if (size_bytes or 0) > MAX_RECORD_BYTES:
        raise RefusedError(too_large())
    import io

    # Grows in place, and gives what it holds without a copy.
    data = io.BytesIO()
    while part := file.read(CHUNK_BYTES):
        data.write(part)
        if data.tell() > MAX_RECORD_BYTES:
            raise RefusedError(too_large())
    return data.getvalue()


def too_large() -> str:
    """Say that a record file is too large."""
    return "expected at most 1 GiB in one file of records, found more; split the file"


def seekable(file: Stream, size_bytes: int | None) -> tuple[BinaryIO, int]:
    """Give a file to go to and fro in; one within an archive lies in memory."""
    import io

    if hasattr(file, "seek"):
        assert size_bytes is not None
        return file, size_bytes  # type: ignore[return-value]
    data = bytearray()
    while part := file.read(CHUNK_BYTES):
        data += part
        if len(data) > MAX_NESTED_BYTES:
            raise RefusedError(
                "expected at most 256 MiB in a zip or 7z archive within an archive,"
                " found more; unpack the outer one first"
            )
    return io.BytesIO(data), len(data)


def is_hidden(path: str) -> bool:
    """Whether a member is passed over, as hidden files of folders are."""
    parts = PurePosixPath(path).parts
    return any(part.startswith(".") for part in parts) or "__MACOSX" in parts
