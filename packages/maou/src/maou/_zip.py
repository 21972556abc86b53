"""Members of a zip archive, in the order of its directory.

The directory is read part by part, so that memory does not grow with the number of
members (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT).
"""

from __future__ import annotations

import stat
import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from maou._tar import Bounded, decode_name
from maou._unpack import (
    CHUNK_BYTES,
    Budget,
    Member,
    RefusedError,
    exactly,
    make_decompressor,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

END = struct.Struct("<4s4H2LH")
END64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR64 = struct.Struct("<4sLQL")
ENTRY = struct.Struct("<4s4B4HL2L5H2L")
LOCAL = struct.Struct("<4s2B4HL2L2H")
MAX_COMMENT_BYTES = 1 << 16
UNIX = 3
ENCRYPTED, UTF_8 = 1, 1 << 11
UNICODE_PATH = 0x7075
STORED, DEFLATED, BZIP2, LZMA = 0, 8, 12, 14


class Entry(NamedTuple):
    """What the directory says of a member."""

    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed_bytes: int
    size_bytes: int
    offset: int
    is_link: bool
    extra: bytes


def zip_members(file: BinaryIO, size_bytes: int, budget: Budget) -> Iterator[Member]:
    """List the members."""
    shift, start, n_entries = find_directory(file, size_bytes)
    n_packed_bytes = 0
    for entry in entries(file, start, n_entries):
        name = name_of(entry)
        if name.endswith("/"):
            continue
        n_packed_bytes += entry.packed_bytes
        if n_packed_bytes > size_bytes:
            raise RefusedError(
                "expected members one after the other, found them overlapping"
            )
        budget.take(entry.size_bytes)
        problem = problem_of(entry)
        content = None if problem else ZipFile(file, entry, shift)
        yield Member(name, entry.size_bytes, content, problem)


def find_directory(file: BinaryIO, size_bytes: int) -> tuple[int, int, int]:
    """Find the directory: what comes before the archive, its start, its entries."""
    start = max(0, size_bytes - END.size - MAX_COMMENT_BYTES)
    file.seek(start)
    tail = exactly(file, size_bytes - start)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < END.size:
        raise RefusedError(
            "expected a zip archive with its directory at the end, found none;"
            " the archive is cut off or damaged"
        )
    _, disk, _, _, n_entries, length, offset, _ = END.unpack_from(tail, at)
    end = start + at
    if disk not in (0, 0xFFFF):
        raise RefusedError("expected a zip archive in one part, found one of several")
    if 0xFFFF in (disk, n_entries) or 0xFFFFFFFF in (length, offset):
        found = find_directory64(file, end)
        if found is not None:
            n_entries, length, offset, end = found
    shift = end - length - offset
    if shift < 0:
        raise RefusedError("expected the directory of a zip archive, found damage")
    return shift, shift + offset, n_entries


def find_directory64(file: BinaryIO, end: int) -> tuple[int, int, int, int] | None:
    """Find the directory of a large archive."""
    if end < LOCATOR64.size:
        return None
    file.seek(end - LOCATOR64.size)
    magic, _, offset, _ = LOCATOR64.unpack(exactly(file, LOCATOR64.size))
    if magic != b"PK\x06\x07" or offset > end:
        return None
    file.seek(offset)
    data = exactly(file, END64.size)
    if len(data) < END64.size or data[:4] != b"PK\x06\x06":
        raise RefusedError(
            "expected the directory of a large zip archive, found damage"
        )
    *_, n_entries, length, start = END64.unpack(data)
    return n_entries, length, start, offset


def entries(file: BinaryIO, start: int, n_entries: int) -> Iterator[Entry]:
    """Read the directory entry by entry; members may be read in between."""
    damage = "expected an entry in the directory of the zip archive, found damage"
    for _ in range(n_entries):
        file.seek(start)
        data = exactly(file, ENTRY.size)
        if len(data) < ENTRY.size or data[:4] != b"PK\x01\x02":
            raise RefusedError(damage)
        values = ENTRY.unpack(data)
        (_, _, system, _, _, flags, method, _, _, crc, packed, size) = values[:12]
        name_len, extra_len, comment_len, _, _, attributes, offset = values[12:]
        rest = exactly(file, name_len + extra_len)
        if len(rest) < name_len + extra_len:
            raise RefusedError(damage)
        raw_name, extra = rest[:name_len], rest[name_len:]
        size, packed, offset = large_values(extra, size, packed, offset)
        is_link = system == UNIX and stat.S_ISLNK(attributes >> 16)
        yield Entry(raw_name, flags, method, crc, packed, size, offset, is_link, extra)
        start += ENTRY.size + name_len + extra_len + comment_len


def extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """Take apart the extra fields of an entry."""
    while len(extra) >= 4:
        tag, length = struct.unpack_from("<2H", extra)
        yield tag, extra[4 : 4 + length]
        extra = extra[4 + length :]


def large_values(
    extra: bytes, size: int, packed: int, offset: int
) -> tuple[int, int, int]:
    """Take numbers that need 64 bits from their extra field."""
    values = [size, packed, offset]
    for tag, data in extra_fields(extra):
        at = 0
        for idx, value in enumerate(values if tag == 1 else ()):
            if value == 0xFFFFFFFF and len(data) >= at + 8:
                (values[idx],) = struct.unpack_from("<Q", data, at)
                at += 8
    return values[0], values[1], values[2]


def name_of(entry: Entry) -> str:
    """Decode a member's name."""
    raw = entry.raw_name
    if entry.flags & UTF_8:
        name = raw.decode("utf-8", "backslashreplace")
    else:
        name = decode_name(raw)
        for tag, data in extra_fields(entry.extra):
            is_same = len(data) > 5 and data[1:5] == struct.pack("<L", zlib.crc32(raw))
            if tag == UNICODE_PATH and is_same:
                name = data[5:].decode("utf-8", "backslashreplace")
    # Some programs of Windows write their own separator.
    return name.replace("\\", "/") if b"/" not in raw else name


def problem_of(entry: Entry) -> str:
    """Say why a member is not read; nothing if it is."""
    if entry.is_link:
        return "expected a file, found a link, which is not followed"
    if entry.flags & ENCRYPTED:
        return "expected a file, found an encrypted one"
    if entry.method not in (STORED, DEFLATED, BZIP2, LZMA):
        return (
            "expected a file that is stored, deflated, or packed with bzip2 or LZMA,"
            f" found method {entry.method}"
        )
    return ""


class ZipFile:
    """The content of a member."""

    def __init__(self, archive: BinaryIO, entry: Entry, shift: int) -> None:
        """Take note of where it stands."""
        self._archive = archive
        self._entry = entry
        self._shift = shift
        self._packed: Bounded | None = None
        self._decompressor: Any = None
        self._position = 0
        self._n_bytes = 0
        self._crc = 0

    def read(self, n_bytes: int, /) -> bytes:
        """Read up to so many bytes."""
        if not n_bytes:
            return b""
        try:
            if self._packed is None:
                self._packed = self._open()
            else:
                # The directory was read in between.
                self._archive.seek(self._position)
            data = self._unpack(self._packed, n_bytes)
        except (RefusedError, EOFError):
            raise
        except Exception as error:
            # zlib, lzma and bz2 raise errors of their own.
            raise RefusedError(
                f"expected packed data, found damage: {error}"
            ) from error
        self._position = self._archive.tell()
        self._n_bytes += len(data)
        self._crc = zlib.crc32(data, self._crc)
        size_bytes = self._entry.size_bytes
        if self._n_bytes > size_bytes:
            raise RefusedError(f"expected {size_bytes:,} bytes, found more")
        if not data:
            if self._n_bytes < size_bytes:
                found = self._n_bytes
                raise RefusedError(f"expected {size_bytes:,} bytes, found {found:,}")
            if self._crc != self._entry.crc:
                raise RefusedError(
                    "expected the content that was packed, found another one"
                )
        return data

    def _open(self) -> Bounded:
        archive, entry = self._archive, self._entry
        archive.seek(self._shift + entry.offset)
        header = exactly(archive, LOCAL.size)
        if len(header) < LOCAL.size or header[:4] != b"PK\x03\x04":
            raise RefusedError("expected the header of a member, found damage")
        *_, name_len, extra_len = LOCAL.unpack(header)
        exactly(archive, name_len + extra_len)
        packed = Bounded(archive, entry.packed_bytes)
        if entry.method == DEFLATED:
            self._decompressor = make_decompressor("deflate")
        elif entry.method == BZIP2:
            self._decompressor = make_decompressor("bzip2")
        elif entry.method == LZMA:
            self._decompressor = lzma_decompressor(packed)
        return packed

    def _unpack(self, packed: Bounded, n_bytes: int) -> bytes:
        if self._decompressor is None:
            return packed.read(n_bytes)
        # One byte more than there should be tells of there being too many.
        n_bytes = min(n_bytes, self._entry.size_bytes - self._n_bytes + 1)
        while not self._decompressor.eof:
            needs_input = self._decompressor.needs_input
            data = packed.read(CHUNK_BYTES) if needs_input else b""
            unpacked: bytes = self._decompressor.decompress(data, n_bytes)
            if unpacked:
                return unpacked
            if needs_input and not data:
                return b""
        return b""


def lzma_decompressor(packed: Bounded) -> Any:
    """Make the decompressor that the head of a member packed with LZMA asks for."""
    import lzma

    from maou._unpack import MAX_DICTIONARY_BYTES

    head = exactly(packed, 9)
    if len(head) < 9 or head[2:4] != b"\x05\0":
        raise RefusedError("expected the properties of LZMA, found damage")
    properties, dictionary_bytes = struct.unpack("<BL", head[4:])
    if properties >= 225 or dictionary_bytes > MAX_DICTIONARY_BYTES:
        raise RefusedError("expected properties of LZMA that can be met, found others")
    bits, literal = divmod(properties, 9)
    position, low = divmod(bits, 5)
    options = {
        "id": lzma.FILTER_LZMA1,
        "dict_size": dictionary_bytes,
        "lc": literal,
        "lp": low,
        "pb": position,
    }
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[options])
