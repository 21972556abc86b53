"""Rules, notations and records."""

from collections.abc import Sequence
from typing import Self, TypedDict, final, type_check_only

from maou.vocabulary import PieceType, Square

__all__ = [
    "Game",
    "Move",
    "canonical_sfen",
    "generate",
    "hcp_to_sfen",
    "key",
    "legal_moves_usi",
    "move16_to_usi",
    "perft",
    "play_usi",
    "read_records",
    "sfen_to_hcp",
    "start_sfen",
    "usi_table",
    "write_records",
]

@final
class Move:
    """A move: what moves where, as 16 bits; whether it is legal is the board's question.

    There is one object for each of the 16-bit values, so that moves can be compared with
    `is`. The number, `int(move)`, is cshogi's `move16`: target in bits 0 to 6, origin in
    bits 7 to 13 (a drop: 81 plus P 0, L 1, N 2, S 3, B 4, R 5, G 6), promotion in bit 14.

    Examples:
        >>> move = maou.Move.from_usi("8h2b+")
        >>> move, int(move), str(move)
        (Move.from_usi('8h2b+'), 25354, '8h2b+')
        >>> maou.Move(25354) is move
        True
    """

    def __new__(cls, move16: int) -> Self:
        """The move with these 16 bits.

        Raises:
            ValueError: The number is no move.
        """

    @classmethod
    def from_usi(cls, usi: str) -> Move:
        """Read a move as USI writes it, such as `7g7f`, `8h2b+` or `P*5e`.

        Raises:
            RecordError: The text is no move.

        Examples:
            >>> maou.Move.from_usi("P*5e").dropped
            <PieceType.PAWN: 1>
        """

    @property
    def to_square(self) -> Square:
        """The square that the piece goes to."""

    @property
    def from_square(self) -> Square | None:
        """The square that the piece leaves, None for a drop."""

    @property
    def dropped(self) -> PieceType | None:
        """The kind of piece that is dropped, None for a move on the board."""

    @property
    def is_promotion(self) -> bool:
        """Whether the piece promotes."""

    @property
    def is_drop(self) -> bool:
        """Whether a piece is dropped from the hand."""

    def usi(self) -> str:
        """The move as USI writes it.

        Examples:
            >>> maou.Move(7739).usi()
            '7g7f'
        """

    def flip(self) -> Move:
        """The same move with the board turned by 180°, as the opponent would name it.

        Examples:
            >>> maou.Move.from_usi("7g7f").flip()
            Move.from_usi('3c3d')
        """

    def __int__(self) -> int: ...
    def __index__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __eq__(self, other: object) -> bool: ...
    def __ne__(self, other: object) -> bool: ...
    def __lt__(self, other: Move) -> bool: ...
    def __le__(self, other: Move) -> bool: ...
    def __gt__(self, other: Move) -> bool: ...
    def __ge__(self, other: Move) -> bool: ...
    def __copy__(self) -> Move: ...
    def __deepcopy__(self, memo: object, /) -> Move: ...
    def __reduce__(self) -> tuple[type[Move], tuple[int]]: ...

@final
class Game:
    r"""One game; what it has is made when it is asked for.

    Columns are equally long, one entry a ply; comments have the number of moves before
    them. Headers, comments and variations are empty unless everything was read.

    Examples:
        >>> _, (game,), _ = read_records(b"PI\n+\n+7776FU\nT3\n%TORYO\n")
        >>> game.moves, game.times_ms, game.ending
        ((7739,), (3000,), 'resign')
    """

    @staticmethod
    def from_dict(fields: WrittenGame) -> Game:
        """Make a game as it is told; writers ask whether it is legal.

        Raises:
            RecordError: The start is no position.
            ValueError: A key is missing, or a value is none of its kind.
        """
    @property
    def id(self) -> int:
        """Equal for equal games, whoever played and wrote them down."""
    @property
    def start(self) -> str:
        """SFEN of the start position."""
    @property
    def moves(self) -> tuple[int, ...]:
        """16-bit moves of the main line."""
    @property
    def evals_cp(self) -> tuple[int | None, ...]:
        """Centipawns for the side that made the move."""
    @property
    def times_ms(self) -> tuple[int | None, ...]:
        """Milliseconds used for the move."""
    @property
    def n_plies(self) -> int:
        """Number of moves."""
    @property
    def result(self) -> int:
        """Who won: 0 draw, 1 Black, 2 White, 3 unknown."""
    @property
    def ending(self) -> str:
        """How it ended."""
    @property
    def tail(self) -> str:
        """What could not be read or played after the last legal move."""
    @property
    def black(self) -> str:
        """Name of Black."""
    @property
    def white(self) -> str:
        """Name of White."""
    @property
    def event(self) -> str:
        """Name of the event."""
    @property
    def black_rating(self) -> float | None:
        """Rating of Black."""
    @property
    def white_rating(self) -> float | None:
        """Rating of White."""
    @property
    def date(self) -> str | None:
        """The day on which it started, such as `2025-01-05`."""
    @property
    def eval_scale_cp(self) -> float | None:
        """The `a` of `1 / (1 + exp(-cp / a))`, where the record tells it."""
    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Header fields as they are written, in order."""
    @property
    def comments(self) -> tuple[tuple[int, str], ...]:
        """Comments on the main line, in order."""
    @property
    def variations(self) -> tuple[RawVariation, ...]:
        """Lines that leave the main line, by their ply."""
    def sfen_at(self, ply: int) -> str:
        """SFEN of the position after `ply` moves.

        Raises:
            IndexError: The game has fewer moves, or `ply` is negative.
            RecordError: One of them is illegal.
        """

@type_check_only
class RawVariation(TypedDict):
    """A line that leaves another one after `ply` moves of the game."""

    ply: int
    moves: Sequence[int]
    evals_cp: Sequence[int | None]
    times_ms: Sequence[int | None]
    result: int
    ending: str
    tail: str
    comments: Sequence[tuple[int, str]]
    variations: Sequence[RawVariation]

@type_check_only
class WrittenGame(TypedDict):
    """A game to be made: what `Game` has, but the id."""

    start: str
    moves: Sequence[int]
    evals_cp: Sequence[int | None]
    times_ms: Sequence[int | None]
    result: int
    ending: str
    tail: str
    black: str
    white: str
    event: str
    black_rating: float | None
    white_rating: float | None
    date: str | None
    eval_scale_cp: float | None
    headers: Sequence[tuple[str, str]]
    comments: Sequence[tuple[int, str]]
    variations: Sequence[RawVariation]

@type_check_only
class RecordProblem(TypedDict):
    """One problem of a record; `kept`: its game was kept up to there."""

    game_number: int
    line: int
    column: int
    kind: str
    message: str
    kept: bool

def read_records(
    data: bytes, *, full: bool = ...
) -> tuple[str | None, list[Game], list[RecordProblem]]:
    """Read every game in the bytes of one file.

    Format and encoding are told by content.

    Args:
        data: The bytes.
        full: Whether headers, comments and variations are kept.

    Returns:
        Format name (`csa`, `kif`, `ki2`, `jkf`, `usi`, `sfen`, or None when it is no
        record), games, problems.
    """

def write_records(
    games: Sequence[Game], format: str, *, encoding: str = ...
) -> tuple[bytes, dict[str, int]]:
    """Write games as one text.

    Args:
        games: The games; one alone is written as such, several as the format has it.
        format: `csa`, `kif`, `ki2`, `jkf`, `usi` or `sfen`.
        encoding: `UTF-8`, `Shift_JIS`, `EUC-JP` or `ASCII`.

    Returns:
        The bytes, and how many things of each kind the format could not hold.

    Raises:
        RecordError: A move is illegal, something stands beyond its line, or the
            encoding lacks a character.
        ValueError: The format or the encoding is not known.
    """

def move16_to_usi(move16: int) -> str:
    """Write a 16-bit move as USI text, such as `7g7f`, `8h2b+` or `P*5e`.

    Raises:
        ValueError: The number is no move.
    """

def usi_table() -> list[str | None]:
    """USI text of every 16-bit number below 32,768, None where it is no move."""

def start_sfen() -> str:
    """SFEN of the usual start position."""

def canonical_sfen(sfen: str) -> str:
    """Parse and validate an SFEN, and write it in its canonical form.

    Raises:
        RecordError: With the column of the culprit.
    """

def play_usi(sfen: str, moves: str) -> str:
    """Play blank-separated USI moves from a position, and return the SFEN after.

    Raises:
        RecordError: With the number of the move as `column`.
    """

def legal_moves_usi(sfen: str) -> list[str]:
    """List the legal moves of a position as USI text.

    Raises:
        RecordError: With the column of the culprit.
    """

def perft(sfen: str, depth: int) -> int:
    """Count the leaves of the legal move tree.

    Raises:
        RecordError: With the column of the culprit.
    """

def key(sfen: str) -> int:
    """64-bit key of a position: lowest bit the color, the rest as the mover sees it.

    Raises:
        RecordError: With the column of the culprit.
    """

def sfen_to_hcp(sfen: str) -> bytes:
    """Encode a position as 32 bytes HCP.

    Raises:
        RecordError: The SFEN is wrong, or a king is missing.
    """

def hcp_to_sfen(hcp: bytes) -> str:
    """Decode 32 bytes HCP.

    Raises:
        ValueError: They are no legal position.
    """

def generate(
    n: int,
    *,
    seed: int = ...,
    format: str = ...,
    repeat_openings: float = ...,
) -> list[bytes]:
    """Make `n` legal, varied games with evals and times, as record text.

    Args:
        n: Number of games.
        seed: Same seed, same games.
        format: `csa`, `kif`, `ki2`, `jkf`, `usi` or `sfen` (UTF-8).
        repeat_openings: Share of games, 0 to 1, that take a common opening.
    """
