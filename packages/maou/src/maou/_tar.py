"""Members of a tar archive, read from the front to the end."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

from maou._unpack import CHUNK_BYTES, Member, RefusedError, Stream, exactly

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_BYTES = 512
MAX_HEADER_BYTES = 1 << 20
"""The largest extended header that is read."""


class Bounded:
    """So many of the next bytes of a stream."""

    def __init__(self, file: Stream, size_bytes: int) -> None:
        """Begin where the stream stands."""
        self._file = file
        self.n_left = size_bytes

    def read(self, n_bytes: int, /) -> bytes:
        """Read up to so many bytes."""
        data = self._file.read(min(n_bytes, self.n_left)) if self.n_left else b""
        if not data and self.n_left and n_bytes:
            raise EOFError(
                "expected the rest of a member, found the end of the archive"
            )
        self.n_left -= len(data)
        return data

    def skip(self) -> None:
        """Pass over what has not been read."""
        while self.n_left:
            self.read(CHUNK_BYTES)


PROBLEMS = {
    tarfile.LNKTYPE: "expected a file, found a link, which is not followed",
    tarfile.SYMTYPE: "expected a file, found a link, which is not followed",
    tarfile.CHRTYPE: "expected a file, found a device",
    tarfile.BLKTYPE: "expected a file, found a device",
    tarfile.FIFOTYPE: "expected a file, found a pipe",
    tarfile.GNUTYPE_SPARSE: "expected a whole file, found one with holes",
}


def tar_members(file: Stream) -> Iterator[Member]:
    """List the members; what lies between them is checked."""
    extended: dict[str, bytes] = {}
    while header := exactly(file, BLOCK_BYTES):
        if not header.strip(b"\0") and len(header) == BLOCK_BYTES:
            return
        try:
            info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            if len(header) < BLOCK_BYTES:
                message = (
                    "expected the header of a member, found the end of the archive"
                )
                raise EOFError(message) from error
            message = "expected the header of a member, found damage"
            raise RefusedError(message) from error
        if info.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
            extended |= pax_fields(header_data(file, info.size))
            continue
        if info.type in (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK):
            data = header_data(file, info.size)
            if info.type == tarfile.GNUTYPE_LONGNAME:
                extended["path"] = data.rstrip(b"\0")
            continue
        if info.type == tarfile.XGLTYPE:
            header_data(file, info.size)
            continue
        # What `frombuf` gives for the name is the bytes, decoded without loss.
        raw = extended.get("path", info.name.encode("utf-8", "surrogateescape"))
        size_bytes = pax_size(extended, info.size)
        is_sparse = any(key.startswith("GNU.sparse") for key in extended)
        extended = {}
        has_data = info.type not in PROBLEMS or info.type == tarfile.GNUTYPE_SPARSE
        body = Bounded(file, size_bytes if has_data and not info.isdir() else 0)
        n_filling = -body.n_left % BLOCK_BYTES
        name = decode_name(raw)
        problem = PROBLEMS.get(info.type, "")
        if is_sparse:
            problem = PROBLEMS[tarfile.GNUTYPE_SPARSE]
        if not info.isdir() and not name.endswith("/"):
            yield Member(name, size_bytes, None if problem else body, problem)
        body.skip()
        if len(exactly(file, n_filling)) < n_filling:
            break
    # What is cut off between two members would look whole otherwise.
    raise EOFError(
        "expected a block of zeros that ends the archive, found none; the archive is"
        " cut off"
    )


def header_data(file: Stream, size_bytes: int) -> bytes:
    """Read what an extended header holds."""
    if not 0 <= size_bytes <= MAX_HEADER_BYTES:
        raise RefusedError(
            f"expected a header of 1 MiB at most, found {size_bytes:,} bytes"
        )
    n_blocks = -(-size_bytes // BLOCK_BYTES)
    data = exactly(file, n_blocks * BLOCK_BYTES)
    if len(data) < size_bytes:
        raise EOFError("expected the rest of a header, found the end of the archive")
    return data[:size_bytes]


def pax_fields(data: bytes) -> dict[str, bytes]:
    """Take apart `LENGTH KEY=VALUE` lines."""
    fields = {}
    while data:
        length, _, _ = data.partition(b" ")
        is_number = length.isdigit() and len(length) < 10
        if not is_number or not 0 < int(length) <= len(data):
            raise RefusedError("expected the fields of a header, found damage")
        line, data = data[: int(length)], data[int(length) :]
        key, _, value = line[len(length) + 1 :].rstrip(b"\n").partition(b"=")
        fields[key.decode("utf-8", "replace")] = value
    return fields


def pax_size(extended: dict[str, bytes], size_bytes: int) -> int:
    """Give the size that an extended header tells, or that of the header."""
    told = extended.get("size", b"%d" % size_bytes)
    if not told.isdigit() or len(told) > 18:
        raise RefusedError("expected the size of a member, found damage")
    return int(told)


def decode_name(raw: bytes) -> str:
    """Decode a name: UTF-8, otherwise what Japanese systems wrote.

    Examples:
        >>> decode_name("棋譜".encode("cp932")), decode_name("棋譜".encode())
        ('棋譜', '棋譜')
    """
    for encoding in ("utf-8", "cp932", "euc_jp"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", "backslashreplace")
