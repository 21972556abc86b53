"""Rules, notations and records."""

from collections.abc import Sequence
from typing import Literal, Self, TypedDict, final, overload, type_check_only

from maou.vocabulary import PieceType, Square

__all__ = [
    "Move",
    "canonical_sfen",
    "game_id",
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

@type_check_only
class Game(TypedDict):
    """One game as read; lists are equally long, one entry a ply."""

    id: int
    start: str
    moves: list[int]
    evals_cp: list[int | None]
    times_ms: list[int | None]
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

@type_check_only
class RawVariation(TypedDict):
    """A line that leaves another one after `ply` moves of the game."""

    ply: int
    moves: list[int]
    evals_cp: list[int | None]
    times_ms: list[int | None]
    result: int
    ending: str
    tail: str
    comments: list[tuple[int, str]]
    variations: list[RawVariation]

@type_check_only
class FullGame(Game):
    """A game with its tree; comments have the number of moves before them."""

    headers: list[tuple[str, str]]
    comments: list[tuple[int, str]]
    variations: list[RawVariation]

@type_check_only
class WrittenGame(TypedDict):
    """A game to be written: all of `FullGame` but the id."""

    start: str
    moves: list[int]
    evals_cp: list[int | None]
    times_ms: list[int | None]
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
    headers: list[tuple[str, str]]
    comments: list[tuple[int, str]]
    variations: list[RawVariation]

@type_check_only
class RecordProblem(TypedDict):
    """One problem of a record; `kept`: its game was kept up to there."""

    game_number: int
    line: int
    column: int
    kind: str
    message: str
    kept: bool

@overload
def read_records(
    data: bytes, *, full: Literal[False] = ...
) -> tuple[str | None, list[Game], list[RecordProblem]]: ...
@overload
def read_records(
    data: bytes, *, full: Literal[True]
) -> tuple[str | None, list[FullGame], list[RecordProblem]]:
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
    games: Sequence[WrittenGame], format: str, *, encoding: str = ...
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
        ValueError: A key is missing, or a value is none of its kind.
    """

def game_id(start: str, moves: Sequence[int], result: int, ending: str) -> int:
    """Id of a game: equal for equal games, whoever played and wrote them down.

    Raises:
        RecordError: The start is no position.
        ValueError: A move, the result or the ending is none.
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
