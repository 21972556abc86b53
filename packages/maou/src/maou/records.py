"""Game records as Python objects: one call per file, whatever its format."""

from __future__ import annotations

import errno
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from os import PathLike, fspath
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from maou_rust import RecordError, maou_shogi

from maou.vocabulary import GameResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from maou_rust.maou_shogi import Game as RawGame
    from maou_rust.maou_shogi import RecordProblem

    Source: TypeAlias = str | PathLike[str] | bytes | IO[bytes]
    OnError: TypeAlias = Literal["raise", "skip"] | Callable[[RecordError], object]


@dataclass(frozen=True, slots=True, repr=False)
class Game:
    """One game: where it started, its main line, how it ended and who played.

    `moves`, `evals_cp` and `times_ms` are equally long.

    Attributes:
        id: Equal games have equal ids, whoever played them and whatever the file.
        start: SFEN of the start position, move number 1.
        moves: Main line as cshogi's 16-bit moves; `usi_moves` reads them.
        evals_cp: Centipawns for the side that made the move: within ±31,000 a score,
            ±(32,000 − plies) a mate, ±32,000 a mate of unknown distance; None where
            the record has none.
        times_ms: Milliseconds used for the move, None where the record has none.
        result: Who won.
        ending: How it ended, such as `resign`, `checkmate` or `repetition`.
        tail: What could not be read or played after the last legal move.
        black: Name of Black.
        white: Name of White.
        event: Name of the event.
        black_rating: Rating of Black.
        white_rating: Rating of White.
        date: The day on which it started.
        eval_scale_cp: The `a` of `1 / (1 + exp(-cp / a))`, where the record tells it.
    """

    id: int
    start: str
    moves: tuple[int, ...]
    evals_cp: tuple[int | None, ...]
    times_ms: tuple[int | None, ...]
    result: GameResult
    ending: str
    tail: str
    black: str
    white: str
    event: str
    black_rating: float | None
    white_rating: float | None
    date: date | None
    eval_scale_cp: float | None

    def __repr__(self) -> str:
        """Name the game by id, players, length and outcome."""
        return (
            f"<Game {self.id:016x}: {self.black!r} against {self.white!r},"
            f" {self.n_plies} plies, {self.result.name}, {self.ending}>"
        )

    @property
    def n_plies(self) -> int:
        """Number of moves."""
        return len(self.moves)

    @property
    def usi_moves(self) -> list[str]:
        """The main line as USI text, such as `7g7f`, `8h2b+` or `P*5e`."""
        table = _usi_table()
        return [table[move] or maou_shogi.move16_to_usi(move) for move in self.moves]

    def sfen_at(self, ply: int) -> str:
        """SFEN of the position after `ply` moves.

        Raises:
            IndexError: The game has fewer moves, or `ply` is negative.
        """
        if not 0 <= ply <= len(self.moves):
            raise IndexError(f"expected a ply in 0..={len(self.moves)}, found {ply}")
        return maou_shogi.play_usi(self.start, " ".join(self.usi_moves[:ply]))


def read_games(source: Source, *, on_error: OnError = "raise") -> list[Game]:
    r"""Read every game of one record file; format and encoding are told by content.

    Args:
        source: Path of a CSA or KIF file, its bytes, or a file opened in binary mode;
            what has no end, such as a pipe, can be given as an open file only.
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
    _, raw_games, problems = maou_shogi.read_records(data)
    for problem in problems:
        if on_error == "raise":
            raise _as_error(path, problem)
        if callable(on_error):
            on_error(_as_error(path, problem))
    return [_as_game(raw) for raw in raw_games]


def read_file(path: Path) -> bytes:
    """Read a regular file whole; a device or a pipe may have no end.

    Raises:
        OSError: It is no regular file, or cannot be read.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        found = "a folder" if stat.S_ISDIR(mode) else "a pipe, a socket or a device"
        number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise OSError(number, f"expected a regular file, found {found}", str(path))
    with named(path):
        return path.read_bytes()


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Give the path to an OSError that has none, as one of reading or writing."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def _load(source: Source) -> tuple[bytes, str | None]:
    """Read the bytes of a source, and name it where it has a name."""
    if isinstance(source, bytes):
        return source, None
    if isinstance(source, (str, PathLike)):
        return read_file(Path(source)), fspath(source)
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


def _as_game(raw: RawGame) -> Game:
    day = raw["date"]
    return Game(
        id=raw["id"],
        start=raw["start"],
        moves=tuple(raw["moves"]),
        evals_cp=tuple(raw["evals_cp"]),
        times_ms=tuple(raw["times_ms"]),
        result=GameResult(raw["result"]),
        ending=raw["ending"],
        tail=raw["tail"],
        black=raw["black"],
        white=raw["white"],
        event=raw["event"],
        black_rating=raw["black_rating"],
        white_rating=raw["white_rating"],
        date=None if day is None else date.fromisoformat(day),
        eval_scale_cp=raw["eval_scale_cp"],
    )


@cache
def _usi_table() -> list[str | None]:
    return maou_shogi.usi_table()
