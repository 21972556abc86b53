"""Decompressing step by step, within limits."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from typing import Any

CHUNK_BYTES = 1 << 16
MAX_RATIO = 200
"""How many times its size an archive may become."""
FREE_BYTES = 1 << 26
"""What an archive may become however small it is."""
MAX_UNPACKED_BYTES = 200_000_000_000
"""What an archive may become however large it is."""
MAX_DICTIONARY_BYTES = 1 << 28
"""Memory that an xz archive may ask for."""


class RefusedError(Exception):
    """Something that is not unpacked, with the reason."""


BROKEN = (RefusedError, EOFError, OSError, ValueError, OverflowError, struct.error)
"""What reading an archive raises where it is damaged: any number in it may be wrong."""


class Stream(Protocol):
    """What can be read from the front to the end."""

    def read(self, n_bytes: int, /) -> bytes:
        """Read up to so many bytes, none at the end."""


class Member(NamedTuple):
    """A member of an archive, whose file is read before the next one is asked for."""

    name: str
    size_bytes: int
    file: Stream | None
    problem: str


class Budget:
    """What may still be unpacked of an archive and those in it."""

    def __init__(self, size_bytes: int, limit: int | None) -> None:
        """Start with everything that an archive of this size may become."""
        by_ratio = FREE_BYTES + MAX_RATIO * size_bytes
        self._limit = min(by_ratio, MAX_UNPACKED_BYTES) if limit is None else limit
        self._n_bytes = 0

    def take(self, n_bytes: int) -> None:
        """Take note of bytes that were, or will be, unpacked."""
        self._n_bytes += n_bytes
        if self._n_bytes > self._limit:
            raise RefusedError(
                f"expected at most {self._limit:,} bytes when it is unpacked"
                f" ({MAX_RATIO} times its size), found more;"
                " `--unpack-limit` sets another limit"
            )


def exactly(file: Stream, n_bytes: int) -> bytes:
    """Read so many bytes, fewer only at the end."""
    data = file.read(n_bytes) if n_bytes else b""
    while len(data) < n_bytes and (part := file.read(n_bytes - len(data))):
        data += part
    return data


def safe_name(name: str) -> tuple[str, str]:
    """Write a member's name without detours, and say why it is refused, if it is.

    Examples:
        >>> safe_name("a//./b.csa")
        ('a/b.csa', '')
        >>> safe_name("../b.csa")
        ('b.csa', 'expected a name within the archive, found `../b.csa`')
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    path = "/".join(part for part in parts if part != "..") or "unnamed"
    is_drive = len(name) > 1 and name[1] == ":" and name[0].isalpha()
    if name.startswith("/") or ".." in parts or is_drive or "\0" in name:
        shown = name.replace("\0", "\\0")
        return path.replace("\0", "\\0"), (
            f"expected a name within the archive, found `{shown}`"
        )
    return path, ""


def compression_of(first: bytes) -> str:
    """Name the compression that the first bytes tell; empty for none."""
    if first.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if first.startswith(b"\xfd7zXZ\0"):
        return "xz"
    is_bzip2 = first[:3] == b"BZh" and first[3:4] in b"123456789" and first[3:4]
    if is_bzip2 and first[4:10] in (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90"):
        return "bzip2"
    return ""


class Decompressed:
    """What a compressed stream holds, one part of it at a time.

    Streams one after the other, as `cat a.gz b.gz` makes, are read as one.
    """

    def __init__(self, file: Stream, kind: str, budget: Budget) -> None:
        """Start at the beginning of a compressed stream."""
        self._file = file
        self._kind = kind
        self._budget = budget
        self._decompressor: Any = make_decompressor(kind)
        self._rest = b""
        self._has_begun = False

    def read(self, n_bytes: int, /) -> bytes:
        """Read up to so many bytes."""
        if not n_bytes:
            # No limit is what the decompressors take a zero for.
            return b""
        try:
            data = self._read(n_bytes)
        except (RefusedError, EOFError):
            raise
        except Exception as error:
            # zlib, lzma and bz2 raise errors of their own.
            raise RefusedError(
                f"expected {self._kind} data, found damage: {error}"
            ) from error
        self._budget.take(len(data))
        return data

    def _read(self, n_bytes: int) -> bytes:
        while True:
            decompressor = self._decompressor
            if decompressor.eof:
                if not self._next_stream(decompressor.unused_data):
                    return b""
                continue
            is_at_end = False
            if self._rest or not decompressor.needs_input:
                data, self._rest = self._rest, b""
            else:
                data = self._file.read(CHUNK_BYTES)
                is_at_end = not data
            unpacked: bytes = decompressor.decompress(data, n_bytes)
            if unpacked:
                return unpacked
            if is_at_end and not decompressor.eof:
                raise EOFError(f"expected more {self._kind} data, found the end")

    def _next_stream(self, rest: bytes) -> bool:
        """Go on with the stream after this one; zeros may fill up the last block."""
        while not rest.strip(b"\0"):
            rest = self._file.read(CHUNK_BYTES)
            if not rest:
                return False
        rest = rest.lstrip(b"\0")
        rest += exactly(self._file, 10)
        if compression_of(rest) != self._kind:
            raise RefusedError(f"expected the end of the {self._kind} data, found more")
        self._rest = rest
        self._decompressor = make_decompressor(self._kind)
        return True


class Zlib:
    """zlib's decompressor with the interface of the other two."""

    def __init__(self, window_bits: int) -> None:
        """Start a stream; the bits tell whether it has a header."""
        import zlib

        self._inner = zlib.decompressobj(window_bits)

    @property
    def eof(self) -> bool:
        """Whether the stream has come to its end."""
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        """What follows the stream."""
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        """Whether there is nothing left to decompress."""
        return not self._inner.unconsumed_tail

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Decompress up to so many bytes."""
        tail = self._inner.unconsumed_tail
        return self._inner.decompress(tail + data if tail else data, max_length)


def make_decompressor(kind: str) -> Any:
    """Make the decompressor of one stream."""
    if kind == "gzip":
        return Zlib(31)
    if kind == "deflate":
        return Zlib(-15)
    if kind == "bzip2":
        import bz2

        return bz2.BZ2Decompressor()
    import lzma

    return lzma.LZMADecompressor(memlimit=MAX_DICTIONARY_BYTES)
