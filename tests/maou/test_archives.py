"""Looking into archives: what is found, and what is refused with which words."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import zipfile
from typing import TYPE_CHECKING

import py7zr
import pytest

from maou import _archives, _unpack
from maou._archives import Archives

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GAME = b"V2.2\nN+a\nN-b\nPI\n+\n+7776FU\n-3334FU\n%TORYO\n"
FILES = {"a/1.csa": GAME, "a/2.csa": GAME * 40, "b/3.kif": b"x" * 100_000}


def tar_of(files: dict[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zip_of(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def seven_zip_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(data, name)
    return out.getvalue()


def read_all(path: Path, **options: int) -> dict[str, bytes | str]:
    """Give the content of each member, or its problem."""
    archives = Archives(**options)
    found = list(archives.members(str(path)))
    members = archives.open(str(path))
    contents = members.read(range(len(found)))
    for (_, size_bytes, _, problem), content in zip(found, contents, strict=True):
        if problem:
            assert content == problem
        elif isinstance(content, bytes):
            assert len(content) == size_bytes
    return {name: data for (name, *_), data in zip(found, contents, strict=True)}


ARCHIVES: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "tar": tar_of,
    "tar.gz": lambda files: tar_of(files, "w:gz"),
    "tar.bz2": lambda files: tar_of(files, "w:bz2"),
    "tar.xz": lambda files: tar_of(files, "w:xz"),
    "stored zip": lambda files: zip_of(files, zipfile.ZIP_STORED),
    "zip": zip_of,
    "bzip2 zip": lambda files: zip_of(files, zipfile.ZIP_BZIP2),
    "LZMA zip": lambda files: zip_of(files, zipfile.ZIP_LZMA),
    "7z": seven_zip_of,
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_members_are_found_whatever_the_name(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "records.dat"
    path.write_bytes(ARCHIVES[kind](FILES))
    assert read_all(path) == FILES
    # In order from anywhere, and from the front again.
    members = Archives().open(str(path))
    assert members.read([1]) == [FILES["a/2.csa"]]
    assert members.read([2]) == [FILES["b/3.kif"]]
    assert members.read([0, 2]) == [FILES["a/1.csa"], FILES["b/3.kif"]]


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_one_compressed_file(
    compress: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "game"
    path.write_bytes(compress(GAME) + compress(GAME))
    assert read_all(path) == {"": GAME + GAME}


def test_archives_in_archives(tmp_path: Path) -> None:
    inner = zip_of({"x.csa": GAME})
    path = tmp_path / "outer"
    path.write_bytes(tar_of({"in.zip": inner, "y.csa.gz": gzip.compress(GAME)}))
    assert read_all(path) == {"in.zip/x.csa": GAME, "y.csa.gz": GAME}
    path.write_bytes(gzip.compress(gzip.compress(zip_of({"z.zip": inner}))))
    message = "expected archives in archives 3 deep at most, found more"
    assert read_all(path) == {"z.zip": message}


def test_names_of_japanese_systems(tmp_path: Path) -> None:
    name = "棋譜/一.kif"
    data = bytearray(zip_of({"0123456789": GAME}))
    raw = name.encode("cp932")
    old = b"0123456789"
    assert len(raw) == 11 or len(raw) == len(old) + 1
    # The name is one byte longer: written by hand into an archive made for it.
    data = bytearray(zip_of({"0123456789a": GAME}))
    data = bytearray(bytes(data).replace(b"0123456789a", raw))
    path = tmp_path / "old.zip"
    path.write_bytes(data)
    assert list(read_all(path)) == [name]
    path.write_bytes(zip_of({name: GAME}))
    assert list(read_all(path)) == [name]
    path.write_bytes(tar_of({name: GAME, "a/" * 80 + "long.csa": GAME}))
    assert list(read_all(path)) == [name, "a/" * 80 + "long.csa"]


def test_hidden_members_and_folders_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "mac.zip"
    files = {"a/": b"", "a/x.csa": GAME, "__MACOSX/a/._x.csa": b"", "a/.git/y": b""}
    path.write_bytes(zip_of(files))
    assert read_all(path) == {"a/x.csa": GAME}


@pytest.mark.parametrize("make", [tar_of, zip_of], ids=["tar", "zip"])
@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../x.csa", "x.csa"),
        ("a/../../x.csa", "a/x.csa"),
        ("/etc/x.csa", "etc/x.csa"),
        ("C:/x.csa", "C:/x.csa"),
    ],
)
def test_names_that_lead_out_are_refused(
    make: Callable[[dict[str, bytes]], bytes], name: str, kept: str, tmp_path: Path
) -> None:
    path = tmp_path / "evil"
    path.write_bytes(make({name: GAME, "good.csa": GAME}))
    message = f"expected a name within the archive, found `{name}`"
    assert read_all(path) == {kept: message, "good.csa": GAME}


def test_links_and_devices_are_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in {
            "a": tarfile.SYMTYPE,
            "b": tarfile.LNKTYPE,
            "c": tarfile.CHRTYPE,
            "d": tarfile.FIFOTYPE,
        }.items():
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "/etc/passwd"
            archive.addfile(info)
    link = "expected a file, found a link, which is not followed"
    assert read_all(path) == {
        "a": link,
        "b": link,
        "c": "expected a file, found a device",
        "d": "expected a file, found a pipe",
    }
    entry = zipfile.ZipInfo("l")
    entry.create_system = 3
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "links.zip", "w") as zipped:
        zipped.writestr(entry, "/etc/passwd")
    assert read_all(tmp_path / "links.zip") == {"l": link}


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    data = bytearray(zip_of({"x.csa": GAME}))
    directory = data.index(b"PK\x01\x02")
    data[directory + 8] |= 1
    (tmp_path / "x.zip").write_bytes(data)
    expected = {"x.csa": "expected a file, found an encrypted one"}
    assert read_all(tmp_path / "x.zip") == expected
    with py7zr.SevenZipFile(tmp_path / "x.7z", "w", password="p") as archive:
        archive.writestr(GAME, "x.csa")
    expected = {"": "expected an archive, found an encrypted one"}
    assert read_all(tmp_path / "x.7z") == expected


def test_a_7z_archive_without_py7zr_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    path = tmp_path / "x.7z"
    path.write_bytes(seven_zip_of({"x.csa": GAME}))
    monkeypatch.setitem(sys.modules, "py7zr", None)
    assert read_all(path) == {
        "": "expected an archive that can be read without help, found a 7z archive:"
        " `pip install 'maou[7z]'`, or `uv sync --extra 7z` in a clone, installs"
        " py7zr, which reads it"
    }


BOMB = bytes(20_000_000)


@pytest.mark.parametrize("kind", ["gzip", "xz", "bzip2", "tar.gz", "zip"])
def test_bombs_are_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_unpack, "FREE_BYTES", 1 << 16)
    path = tmp_path / "bomb"
    compress: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "xz": lzma.compress,
        "bzip2": bz2.compress,
    }
    if kind in compress:
        path.write_bytes(compress[kind](BOMB))
    else:
        path.write_bytes(ARCHIVES[kind]({"x.csa": BOMB}))
    limit = _unpack.FREE_BYTES + _unpack.MAX_RATIO * path.stat().st_size
    (problem,) = set(read_all(path).values())
    assert problem == (
        f"expected at most {limit:,} bytes when it is unpacked (200 times its size),"
        " found more; `--unpack-limit` sets another limit"
    )
    (content,) = read_all(path, unpack_limit=1_000_000_000).values()
    assert content == BOMB


def test_members_that_overlap_are_refused(tmp_path: Path) -> None:
    # A second entry of the directory that points to the same packed data.
    data = zip_of({"x.csa": GAME * 100}, zipfile.ZIP_STORED)
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry = data[start:end]
    fields = list(struct.unpack("<4s4H2LH", data[end:]))
    n = 6
    fields[3] = fields[4] = n
    fields[5] = n * len(entry)
    path = tmp_path / "overlap.zip"
    path.write_bytes(data[:start] + n * entry + struct.pack("<4s4H2LH", *fields))
    found = list(Archives().members(str(path)))
    message = "expected members one after the other, found them overlapping"
    assert found[-1] == ("", 0, None, message)


def test_a_member_that_is_larger_than_it_says(tmp_path: Path) -> None:
    data = bytearray(zip_of({"x.csa": GAME * 10}))
    directory = data.index(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = struct.pack("<L", 100)
    path = tmp_path / "liar.zip"
    path.write_bytes(data)
    found = Archives().open(str(path)).read([0])
    assert found == ["expected 100 bytes, found more"]


def test_a_record_that_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_archives, "MAX_RECORD_BYTES", 10_000)
    for kind in ("zip", "tar.gz"):
        path = tmp_path / kind
        path.write_bytes(ARCHIVES[kind]({"x.csa": b"x" * 20_000, "y.csa": GAME}))
        message = (
            "expected at most 1 GiB in one file of records, found more; split the file"
        )
        contents = Archives().open(str(path)).read([0, 1])
        assert contents == [message, GAME]


@pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz", "tar", "zip", "7z"])
def test_archives_that_are_cut_off(kind: str, tmp_path: Path) -> None:
    data = ARCHIVES[kind](FILES)
    path = tmp_path / "cut"
    ends = {
        "tar.gz": "expected more gzip data, found the end",
        "tar.bz2": "expected more bzip2 data, found the end",
        "tar.xz": "expected more xz data, found the end",
        "tar": "expected the rest of a member, found the end of the archive",
        "zip": "expected a zip archive with its directory at the end, found none;"
        " the archive is cut off or damaged",
        "7z": "expected a whole 7z archive, found damage: ",
    }
    path.write_bytes(data[: len(data) * 2 // 3])
    problems = [problem for *_, problem in Archives().members(str(path)) if problem]
    assert problems
    assert problems[-1].startswith(ends[kind])


def test_a_tar_archive_that_ends_between_members_is_cut_off(tmp_path: Path) -> None:
    data = tar_of(FILES)
    path = tmp_path / "cut.tar"
    first_len = 512 + -(-len(next(iter(FILES.values()))) // 512) * 512
    path.write_bytes(data[:first_len])
    found = read_all(path)
    assert next(iter(found)) == next(iter(FILES))
    assert found[""] == (
        "expected a block of zeros that ends the archive, found none; the archive is"
        " cut off"
    )


def test_damage_is_told(tmp_path: Path) -> None:
    data = bytearray(tar_of(FILES))
    second = data.index(b"a/2.csa")
    data[second] = ord("z")
    path = tmp_path / "x.tar"
    path.write_bytes(data)
    found = read_all(path)
    assert found["a/1.csa"] == GAME
    assert found[""] == "expected the header of a member, found damage"

    data = bytearray(zip_of(FILES, zipfile.ZIP_STORED))
    data[data.index(b"N+a")] = ord("M")
    path.write_bytes(data)
    found = read_all(path)
    message = "expected the content that was packed, found another one"
    assert found["a/1.csa"] == message
    assert found["b/3.kif"] == FILES["b/3.kif"]

    data = bytearray(zip_of(FILES))
    data[data.index(b"PK\x01\x02") + 1] = 0
    path.write_bytes(data)
    found = read_all(path)
    assert found == {
        "": "expected an entry in the directory of the zip archive, found damage"
    }


@pytest.mark.parametrize("kind", [kind for kind in ARCHIVES if kind != "7z"])
def test_any_damage_is_told(kind: str, tmp_path: Path) -> None:
    data = ARCHIVES[kind]({"a/1.csa": GAME, "a/2.csa": GAME * 3})
    chance = random.Random(kind)
    path = tmp_path / "damaged"
    for _ in range(150):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(data))] = chance.choice((0, 1, 0x7F, 0xFF))
        path.write_bytes(damaged[: chance.choice((len(data), len(data) // 2))])
        for content in read_all(path).values():
            assert isinstance(content, (bytes, str))
