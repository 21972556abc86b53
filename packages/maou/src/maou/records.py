"""Record files as lists of games, and games as record files, whatever the format."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from os import PathLike, fspath
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from maou_rust import RecordError, maou_shogi

from maou._files import named
from maou.game import Game, as_game, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from maou_rust.maou_shogi import RecordProblem

    Bytes: TypeAlias = bytes | bytearray | memoryview
    Source: TypeAlias = str | PathLike[str] | Bytes | IO[bytes]
    Target: TypeAlias = str | PathLike[str] | IO[bytes]
    OnError: TypeAlias = Literal["raise", "skip"] | Callable[[RecordError], object]
    FormatName: TypeAlias = Literal["csa", "kif", "ki2", "jkf", "usi", "sfen"]

# Formats by the suffixes that files of them have.
_FORMATS: dict[str, FormatName] = {
    ".csa": "csa",
    ".kif": "kif",
    ".kifu": "kif",
    ".ki2": "ki2",
    ".ki2u": "ki2",
    ".jkf": "jkf",
    ".json": "jkf",
    ".usi": "usi",
    ".sfen": "sfen",
}

# Encodings of records by the names that Python has for them.
_ENCODINGS = {
    "utf-8": "UTF-8",
    "ascii": "ASCII",
    "shift_jis": "Shift_JIS",
    "cp932": "Shift_JIS",
    "euc_jp": "EUC-JP",
}


def read_games(source: Source, *, on_error: OnError = "raise") -> list[Game]:
    r"""Read every game of one record file; format and encoding are told by content.

    Comments, variations and header fields are kept.

    Args:
        source: Path of a CSA, KIF, KI2, JKF, USI or SFEN file, its bytes, or a file
            opened in binary mode; what has no end, such as a pipe, can be given as an
            open file only.
        on_error: What to do about a record that cannot be read whole. `"raise"`
            raises the first problem. `"skip"` returns what can be read: a game with
            an unreadable move is kept up to that move, and its `tail` says what came
            then. A callable is given each problem, then as with `"skip"`.

    Returns:
        The games in file order.

    Raises:
        RecordError: A problem, with `on_error="raise"`. It has `path`, `line`,
            `column` and `kind`.
        OSError: The file cannot be read, or the path is that of no regular file.

    Examples:
        >>> import maou
        >>> maou.read_games(b"N+Ada\nN-Bo\nPI\n+\n+7776FU\n%TORYO\n")
        [<Game ...: 'Ada' against 'Bo', 1 plies, BLACK_WINS, resign>]
        >>> record = b"PI\n+\n+7776FU\n-7776FU\n"
        >>> maou.read_games(record)[0]
        Traceback (most recent call last):
        maou_rust.RecordError: ...
        >>> problems = []
        >>> game = maou.read_games(record, on_error=problems.append)[0]
        >>> game.usi_moves, problems[0].line, problems[0].kind
        (['7g7f'], 4, 'illegal_move')
    """
    if isinstance(on_error, str) and on_error not in ("raise", "skip"):
        raise ValueError(
            f'expected on_error "raise", "skip" or a callable, found `{on_error}`'
        )
    data, path = _load(source)
    _, records, problems = maou_shogi.read_records(data, full=True)
    for problem in problems:
        if on_error == "raise":
            raise _as_error(path, problem)
        if callable(on_error):
            on_error(_as_error(path, problem))
    return [as_game(record) for record in records]


def write_games(
    games: Game | Iterable[Game],
    target: Target,
    *,
    format: FormatName | None = None,  # noqa: A002 - the word that users look for
    encoding: str = "utf-8",
) -> dict[str, int]:
    r"""Write games as one record file.

    A file appears whole or not at all: it is written beside and renamed.

    Args:
        games: A game, or several, which the file then holds one behind the other.
        target: Path of the file, or a file opened in binary mode.
        format: What to write; told by the suffix of a path where it is left out.
        encoding: Encoding of the text. Programs for Windows often want KIF in
            `"cp932"`; JKF is always UTF-8 for others.

    Returns:
        How many things of each kind the format could not hold, such as
        `{"variations": 3}` for CSA; empty if everything was written.

    Raises:
        RecordError: A move is illegal, or the encoding lacks a character; nothing is
            written.
        OSError: The file cannot be written.
        ValueError: The format or the encoding is not known.

    Examples:
        >>> import io, maou
        >>> games = maou.read_games(b"PI\n+\n+7776FU\nT3\n%TORYO\n")
        >>> file = io.BytesIO()
        >>> maou.write_games(games, file, format="usi")
        {'endings': 1, 'times': 1}
        >>> file.getvalue().decode()
        'position sfen lnsgkgsnl/.../LNSGKGSNL b - 1 moves 7g7f\n'
    """
    path = Path(target) if isinstance(target, (str, PathLike)) else None
    data, losses = write_text(
        [games] if isinstance(games, Game) else games,
        _format_of(path, format),
        _encoding_of(encoding),
    )
    if path is not None:
        _write_file(path, data)
    else:
        write = target.write  # type: ignore[union-attr]
        try:
            write(data)
        except TypeError as error:
            message = 'expected a file opened in binary mode ("wb")'
            raise TypeError(message) from error
    return losses


def _format_of(path: Path | None, told: FormatName | None) -> FormatName:
    if told is not None:
        return told
    found = None if path is None else _FORMATS.get(path.suffix.lower())
    if found is None:
        what = "a file that is open" if path is None else f"`{path}`"
        raise ValueError(
            f"expected a format for {what}, such as"
            f' `format="kif"`, or a suffix that tells one: {", ".join(_FORMATS)}'
        )
    return found


def _encoding_of(name: str) -> str:
    try:
        known = _ENCODINGS.get(codecs.lookup(name).name)
    except LookupError:
        known = None
    if known is None:
        names = ", ".join(f"`{name}`" for name in _ENCODINGS)
        raise ValueError(f"expected an encoding, one of {names}, found `{name}`")
    return known


def _write_file(path: Path, data: bytes) -> None:
    """Write a regular file beside and rename it."""
    if path.exists() and not path.is_file():
        number = errno.EISDIR if path.is_dir() else errno.EINVAL
        raise OSError(number, "expected the name of a regular file", str(path))
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with named(path), beside.open("xb") as file:
            file.write(data)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def read_file(path: Path) -> bytes:
    """Read a regular file whole; a device or a pipe may have no end.

    Raises:
        OSError: It is no regular file, or cannot be read.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        found = "a pipe, a socket or a device"
        if stat.S_ISDIR(mode):
            found = "a folder; `maou convert` reads folders"
        number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise OSError(number, f"expected a regular file, found {found}", str(path))
    with named(path):
        return path.read_bytes()


def _load(source: Source) -> tuple[bytes, str | None]:
    """Read the bytes of a source, and name it where it has a name."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source), None
    if isinstance(source, (str, PathLike)):
        return read_file(Path(source)), fspath(source)
    if not hasattr(source, "read"):
        found = type(source).__name__
        raise TypeError(f"expected a path, bytes or a binary file, found {found}")
    data = source.read()
    if not isinstance(data, bytes):
        raise TypeError('expected a file opened in binary mode ("rb")')
    name = getattr(source, "name", None)
    return data, name if isinstance(name, str) else None


def _as_error(path: str | None, problem: RecordProblem) -> RecordError:
    place = [path] if path is not None else []
    if problem["line"]:
        place += [str(problem["line"]), str(problem["column"])]
    prefix = ":".join(place)
    error = RecordError(
        f"{prefix}: {problem['message']}" if prefix else problem["message"]
    )
    error.path = path
    error.line = problem["line"]
    error.column = problem["column"]
    error.kind = problem["kind"]
    return error
