"""Games, variations and comments as Python objects."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING

from maou_rust import maou_shogi
from maou_rust.maou_shogi import Move

from maou.headers import (
    parse_date,
    parse_datetime,
    parse_server_event,
    parse_time_control,
)
from maou.vocabulary import Ending, GameResult

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Self

    from maou_rust.maou_shogi import Board, RawVariation, WrittenGame

    from maou.headers import TimeControl

START_SFEN = maou_shogi.start_sfen()
"""SFEN of the usual start position."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A line of comment.

    Attributes:
        ply: Moves from the start of the game before it: 0 is before the first move.
        text: The text, without the sign that marks it as a comment.
    """

    ply: int
    text: str


class _Line:
    """What the main line and a variation share."""

    __slots__ = ()
    moves: tuple[Move, ...]
    evals_cp: tuple[int | None, ...]
    times_ms: tuple[int | None, ...]
    result: GameResult
    ending: Ending
    comments: tuple[Comment, ...]
    variations: tuple[Variation, ...]

    def __post_init__(self) -> None:
        """Take lists and plain words too, and fill in evals and times left out."""
        moves = tuple(map(_move, self.moves))
        nothing = (None,) * len(moves)
        plain: dict[str, object] = {
            "moves": moves,
            "evals_cp": tuple(self.evals_cp) or nothing,
            "times_ms": tuple(self.times_ms) or nothing,
            "result": GameResult(self.result),
            "ending": Ending(self.ending),
            "comments": tuple(self.comments),
            "variations": tuple(self.variations),
        }
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    @property
    def n_plies(self) -> int:
        """Number of moves."""
        return len(self.moves)

    @property
    def usi_moves(self) -> list[str]:
        """The moves as USI text, such as `7g7f`, `8h2b+` or `P*5e`."""
        return [move.usi() for move in self.moves]

    @property
    def n_variations(self) -> int:
        """Number of variations, those within others included."""
        return sum(1 + line.n_variations for line in self.variations)

    @property
    def n_comments(self) -> int:
        """Number of comment lines, those in variations included."""
        return len(self.comments) + sum(line.n_comments for line in self.variations)

    def all_variations(self) -> Iterator[Variation]:
        """Each variation, followed by those within it."""
        for line in self.variations:
            yield line
            yield from line.all_variations()


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation(_Line):
    """A line that could have been played instead.

    `moves`, `evals_cp` and `times_ms` are equally long.

    Attributes:
        ply: Moves from the start of the game before its first one, which it shares with
            the line that it leaves: at 0 it replaces the first move.
        moves: Its moves; the number of each, `int(move)`, is cshogi's 16-bit move.
        evals_cp: As in `Game`.
        times_ms: As in `Game`.
        result: Who wins in it.
        ending: How it ends, `UNKNOWN` where nothing is told.
        tail: What could not be read or played after its last legal move.
        comments: Comments on its moves, their ply counted from the start of the game.
        variations: Lines that leave this one.
    """

    ply: int
    moves: tuple[Move, ...] = ()
    evals_cp: tuple[int | None, ...] = ()
    times_ms: tuple[int | None, ...] = ()
    result: GameResult = GameResult.UNKNOWN
    ending: Ending = Ending.UNKNOWN
    tail: str = ""
    comments: tuple[Comment, ...] = ()
    variations: tuple[Variation, ...] = ()


@dataclass(frozen=True, repr=False, kw_only=True)
class Game(_Line):
    """One game: where it started, its lines, how it ended and who played.

    A game that was read makes its attributes when they are first asked for. `moves`,
    `evals_cp` and `times_ms` are equally long. Games are equal if all of this is; `id`
    tells whether the same was played. What of a record has no attribute of its own
    stands in `headers`, from which the properties below are told.

    Attributes:
        start: SFEN of the start position, move number 1.
        moves: Main line; numbers of 16 bits and words of USI are taken as well.
        evals_cp: Centipawns for the side that made the move: within ±31,000 a score,
            ±(32,000 − plies) a mate, ±32,000 a mate of unknown distance; None where
            the record has none.
        times_ms: Milliseconds used for the move, None where the record has none.
        result: Who won.
        ending: How it ended.
        tail: What could not be read or played after the last legal move.
        black: Name of Black.
        white: Name of White.
        event: Name of the event.
        black_rating: Rating of Black.
        white_rating: Rating of White.
        date: The day on which it started.
        eval_scale_cp: The `a` of `1 / (1 + exp(-cp / a))`, where the record tells it.
        headers: Header fields as they are written, in order, but for those of the
            start position: pairs of a name, such as `場所` or `$SITE`, and a text.
        comments: Comments on the main line, in order.
        variations: Lines that leave the main line, by their ply.

    Examples:
        >>> game = Game.from_usi("7g7f 3c3d", black="Ada", ending=Ending.INTERRUPTED)
        >>> print(game)
        手合割：平手
        先手：Ada
        手数----指手---------消費時間--
           1 ７六歩(77)
           2 ３四歩(33)
           3 中断
        まで2手で中断
        <BLANKLINE>
    """

    start: str = START_SFEN
    moves: tuple[Move, ...] = ()
    evals_cp: tuple[int | None, ...] = ()
    times_ms: tuple[int | None, ...] = ()
    result: GameResult = GameResult.UNKNOWN
    ending: Ending = Ending.UNKNOWN
    tail: str = ""
    black: str = ""
    white: str = ""
    event: str = ""
    black_rating: float | None = None
    white_rating: float | None = None
    date: datetime.date | None = None
    eval_scale_cp: float | None = None
    headers: tuple[tuple[str, str], ...] = ()
    comments: tuple[Comment, ...] = ()
    variations: tuple[Variation, ...] = ()

    def __post_init__(self) -> None:
        """Take lists and plain words too, and refuse a start that is none."""
        super().__post_init__()
        object.__setattr__(self, "start", maou_shogi.canonical_sfen(self.start))
        pairs = tuple((key, value) for key, value in self.headers)
        object.__setattr__(self, "headers", pairs)

    @classmethod
    def from_usi(
        cls, moves: str | Iterable[str], start: str = START_SFEN, **fields: Any
    ) -> Self:
        """Make a game of USI moves.

        Args:
            moves: Moves such as `7g7f`, with blanks between them or one by one; or what
                USI's command `position` has, which tells the start, too.
            start: SFEN of the start position.
            **fields: Other attributes.

        Raises:
            RecordError: A text is no move. Whether the moves are legal is asked when
                the game is written.
            ValueError: The start is told twice.

        Examples:
            >>> Game.from_usi("position startpos moves 7g7f 3c3d").board().sfen()
            'lnsgkgsnl/1r5b1/pppppp1pp/6p2/9/2P6/PP1PPPPPP/1B5R1/LNSGKGSNL b - 3'
        """
        words = moves.split() if isinstance(moves, str) else list(moves)
        if words and words[0] in ("position", "startpos", "sfen"):
            if start != START_SFEN:
                raise ValueError(
                    f"expected one start, found `{words[0]}` and `{start}`"
                )
            start, words = _position(words)
        return cls(start=start, moves=tuple(map(_move, words)), **fields)

    @cached_property
    def _record(self) -> maou_shogi.Game:
        """The game as the extension has it: the source of all, if it was read."""
        return maou_shogi.Game.from_dict(_as_raw(self))

    def __getstate__(self) -> dict[str, object]:
        """Give copies and pickles the attributes."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def id(self) -> int:
        """Equal games have equal ids, whoever played them and whatever the file."""
        return self._record.id

    def __repr__(self) -> str:
        """Name the game by id, players, length and outcome."""
        return (
            f"<Game {self.id:016x}: {self.black!r} against {self.white!r},"
            f" {self.n_plies} plies, {self.result.name}, {self.ending}>"
        )

    def __str__(self) -> str:
        """The game as KIF text, as a person reads it."""
        return self.to_kif()

    def board(self, ply: int | None = None) -> Board:
        """The board after `ply` moves, which it can take back; None for the last one.

        Raises:
            IndexError: The game has fewer moves, or `ply` is negative.
            RecordError: One of them is illegal, in a game that was not read.
        """
        return self._record.board(ply)

    def sfen_at(self, ply: int) -> str:
        """SFEN of the position after `ply` moves: `board(ply).sfen()`."""
        return self.board(ply).sfen()

    def header(self, *names: str) -> str | None:
        """The first header field with one of these names, None if there is none."""
        return next((text for name, text in self.headers if name in names), None)

    @property
    def site(self) -> str:
        """Where it was played."""
        return self.header("場所", "$SITE") or ""

    @property
    def start_time(self) -> datetime.datetime | None:
        """When it started, where the record tells the time of day."""
        return parse_datetime(self.header("開始日時", "$START_TIME") or "")

    @property
    def end_time(self) -> datetime.datetime | None:
        """When it ended, where the record tells the time of day."""
        return parse_datetime(self._end())

    @property
    def end_date(self) -> datetime.date | None:
        """The day on which it ended, where the record tells it."""
        return parse_date(self._end())

    def _end(self) -> str:
        """When it ended as it is written; floodgate has it in a comment."""
        said = self.header("終了日時", "$END_TIME")
        if said is None:
            tag = "$END_TIME:"
            texts = (comment.text for comment in reversed(self.comments))
            said = next((text for text in texts if text.startswith(tag)), tag)
            said = said.removeprefix(tag)
        return said

    @property
    def time_control(self) -> TimeControl | None:
        """The time that each side has; None where it is not told, or in other words.

        What the record says is `header("持ち時間", "$TIME_LIMIT", "$TIME")`; without
        it, `event` may tell, as on floodgate: `floodgate-300-10F`.
        """
        text = self.header("持ち時間", "$TIME_LIMIT", "$TIME")
        byoyomi = self.header("秒読み") or ""
        if text is None and not byoyomi:
            return parse_server_event(self.event)
        return parse_time_control(text or "", byoyomi)

    def to_csa(self) -> str:
        """The game as CSA text, without variations.

        Raises:
            RecordError: A move is illegal; the message names its ply. This is so with
                all formats.
        """
        return write_text([self], "csa")[0].decode()

    def to_kif(self) -> str:
        """The game as KIF text."""
        return write_text([self], "kif")[0].decode()

    def to_ki2(self) -> str:
        """The game as KI2 text, without times."""
        return write_text([self], "ki2")[0].decode()

    def to_jkf(self) -> str:
        """The game as JKF, the JSON form of records."""
        return write_text([self], "jkf")[0].decode()

    def to_usi(self) -> str:
        """Start and main line as a line `position sfen … moves …` of USI."""
        return write_text([self], "usi")[0].decode()

    def to_sfen(self) -> str:
        """The start position as a line; `sfen_at` gives the others."""
        return write_text([self], "sfen")[0].decode()


def write_text(
    games: Iterable[Game], record_format: str, encoding: str = "UTF-8"
) -> tuple[bytes, dict[str, int]]:
    """Games as one text, and how much of what the format could not hold.

    Raises:
        RecordError: A game has an illegal move, or the encoding lacks a character.
    """
    return maou_shogi.write_records(
        [game._record for game in games],
        record_format,
        encoding=encoding,
    )


def as_game(record: maou_shogi.Game) -> Game:
    """The game that the extension read."""
    game = object.__new__(Game)
    game.__dict__["_record"] = record
    return game


class _Field:
    """A field of games that were read, from the record when it is first asked for.

    What stands in the game goes before it, since it cannot be set.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.convert = _CONVERTED.get(name)

    def __get__(self, game: Game | None, _: type[Game]) -> object:
        if game is None:
            return self
        value = getattr(game._record, self.name)
        if self.convert is not None:
            value = self.convert(value)
        game.__dict__[self.name] = value
        return value


def _comments(raw: Iterable[tuple[int, str]]) -> tuple[Comment, ...]:
    return tuple(Comment(ply, text) for ply, text in raw)


def _variations(raw: Iterable[RawVariation]) -> tuple[Variation, ...]:
    return tuple(Variation(**_as_fields(line)) for line in raw)


def _as_fields(line: RawVariation) -> dict[str, Any]:
    comments, variations = _comments(line["comments"]), _variations(line["variations"])
    return {**line, "comments": comments, "variations": variations}


_CONVERTED: dict[str, Callable[[Any], object]] = {
    "result": GameResult,
    "ending": Ending,
    "date": lambda text: parse_date(text or ""),
    "comments": _comments,
    "variations": _variations,
}

for _field in fields(Game):
    setattr(Game, _field.name, _Field(_field.name))


def _as_raw(game: Game) -> WrittenGame:
    raw: Any = {
        **_as_raw_line(game),
        "start": game.start,
        "black": game.black,
        "white": game.white,
        "event": game.event,
        "black_rating": game.black_rating,
        "white_rating": game.white_rating,
        "date": None if game.date is None else game.date.isoformat(),
        "eval_scale_cp": game.eval_scale_cp,
        "headers": game.headers,
    }
    return raw  # type: ignore[no-any-return]


def _as_raw_line(line: Game | Variation) -> dict[str, Any]:
    return {
        "moves": line.moves,
        "evals_cp": line.evals_cp,
        "times_ms": line.times_ms,
        "result": line.result,
        "ending": line.ending,
        "tail": line.tail,
        "comments": [(comment.ply, comment.text) for comment in line.comments],
        "variations": [
            {**_as_raw_line(other), "ply": other.ply} for other in line.variations
        ],
    }


def _position(words: list[str]) -> tuple[str, list[str]]:
    """The start and the moves that USI's command `position` has, or its arguments."""
    words = words[words[0] == "position" :]
    before = words.index("moves") if "moves" in words else len(words)
    match words[:before]:
        case ["startpos"]:
            start = START_SFEN
        case ["sfen", *fields]:
            start = " ".join(fields)
        case other:
            raise ValueError(
                "expected `startpos` or `sfen …`, then `moves …`,"
                f" found `{' '.join(other)}`"
            )
    return start, words[before + 1 :]


def _move(told: Move | int | str) -> Move:
    if isinstance(told, Move):
        return told
    return Move.from_usi(told) if isinstance(told, str) else Move(told)
