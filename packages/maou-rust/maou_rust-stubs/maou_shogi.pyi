"""Rules, notations and records."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import (
    Literal,
    Self,
    SupportsIndex,
    TypeAlias,
    TypedDict,
    final,
    type_check_only,
)

from maou.board import Outcome
from maou.vocabulary import Color, Piece, PieceType, Repetition, Square

__all__ = [
    "Board",
    "Game",
    "Hand",
    "LegalMoves",
    "Move",
    "Positions",
    "canonical_sfen",
    "generate",
    "hcp_to_sfen",
    "key",
    "legal_moves_usi",
    "move16_to_usi",
    "narrow_labels",
    "perft",
    "play_usi",
    "read_records",
    "sfen_to_hcp",
    "start_sfen",
    "usi_table",
    "write_records",
]

# What speaks the buffer protocol, for which Python has a type from 3.12 on.
_Buffer: TypeAlias = object

@final
class Move:
    """A move, as 16 bits; whether it is legal is the board's question.

    There is one object for each of the 16-bit values, so that moves can be compared
    with `is`. The number, `int(move)`, is cshogi's `move16`: target in bits 0 to 6,
    origin in bits 7 to 13 (a drop: 81 plus P 0, L 1, N 2, S 3, B 4, R 5, G 6),
    promotion in bit 14.

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
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __lt__(self, other: Move, /) -> bool: ...
    def __le__(self, other: Move, /) -> bool: ...
    def __gt__(self, other: Move, /) -> bool: ...
    def __ge__(self, other: Move, /) -> bool: ...
    def __copy__(self) -> Move: ...
    def __deepcopy__(self, memo: object, /) -> Move: ...
    def __reduce__(self) -> tuple[type[Move], tuple[int]]: ...

@final
class Hand:
    """The pieces that one side holds in hand: how many, asked by kind.

    Iterating gives the kinds that are held; `bool` tells whether there are any.

    Examples:
        >>> hand = maou.Board("4k4/9/9/9/9/9/9/9/4K4 b R3P 1").hands[0]
        >>> hand[maou.PieceType.PAWN], hand[maou.PieceType.GOLD]
        (3, 0)
        >>> hand
        Hand({PieceType.PAWN: 3, PieceType.ROOK: 1})
    """

    def __new__(cls, counts: dict[PieceType, int] | None = None) -> Self:
        """The hand with so many pieces of each kind.

        Raises:
            ValueError: A hand cannot hold this kind, or not so many.
        """

    def __getitem__(self, piece_type: PieceType, /) -> int:
        """How many pieces of a kind.

        Raises:
            ValueError: A hand cannot hold this kind.
        """

    def __contains__(self, piece_type: PieceType, /) -> bool: ...
    def __iter__(self) -> Iterator[PieceType]: ...
    def __len__(self) -> int: ...
    def items(self) -> list[tuple[PieceType, int]]:
        """The kinds held, each with its count."""

    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __reduce__(self) -> tuple[type[Hand], tuple[dict[PieceType, int]]]: ...

@final
class LegalMoves:
    """The legal moves of a board's position at the time when they are asked for.

    Nothing is listed before it is needed: `len` counts, `in` looks at one move.

    Examples:
        >>> board = maou.Board()
        >>> len(board.legal_moves), maou.Move.from_usi("7g7f") in board.legal_moves
        (30, True)
        >>> sorted(move.usi() for move in board.legal_moves)[:3]
        ['1g1f', '1i1h', '2g2f']
    """

    def __len__(self) -> int: ...
    def __bool__(self) -> bool: ...
    def __contains__(self, move: Move, /) -> bool: ...
    def __iter__(self) -> Iterator[Move]: ...
    def __getitem__(self, index: int, /) -> Move: ...

@final
class Board:
    """A legal position, the moves that led to it, and what may be played.

    Boards are equal if pieces, hands and side to move are; the move number and the
    moves before do not count. A board with another position has another hash, so one
    that is a key of a dict must not be changed.

    A side without a king, as in mate problems, is never in check. Squares are members
    of `Square`, their numbers, or their names in USI.

    Examples:
        >>> board = maou.Board()
        >>> for usi in ("7g7f", "3c3d"):
        ...     move = board.push_usi(usi)
        >>> board.ki2(board.parse_kif("２二角成(88)"))
        '▲２二角成'
        >>> board.pop(), board.sfen().split()[3]
        (Move.from_usi('3c3d'), '2')
    """

    def __new__(
        cls, sfen: str | None = None, moves: Iterable[Move] | None = None
    ) -> Self:
        """The board of a position, after moves from there.

        Args:
            sfen: The position, the start of an even game if None.
            moves: Moves to make on the board.

        Raises:
            RecordError: The text is no SFEN, or the rules do not allow its position.
            IllegalMoveError: A move is not legal.
        """

    @staticmethod
    def handicap(name: str) -> Board:
        """The start of a handicap game, by its name in English or Japanese.

        Args:
            name: `even`, `lance`, `right_lance`, `bishop`, `rook`, `rook_lance`,
                `two`, `three`, `four`, `five`, `five_left`, `six`, `seven_left`,
                `seven_right`, `eight` or `ten`, or a name as KIF has it.

        Raises:
            ValueError: There is no such handicap.

        Examples:
            >>> maou.Board.handicap("two") == maou.Board.handicap("二枚落ち")
            True
        """

    @staticmethod
    def from_hcp(hcp: _Buffer) -> Board:
        """The position that these 32 bytes of HCP hold.

        Args:
            hcp: Bytes, or what holds bytes, such as a row of an array of NumPy.

        Raises:
            RecordError: The bytes are no position.
        """

    @staticmethod
    def from_packed_sfen(packed: _Buffer) -> Board:
        """The position that these 32 bytes of YaneuraOu's PackedSfen hold.

        Raises:
            RecordError: The bytes are no position.
        """

    @property
    def turn(self) -> Color:
        """The side to move."""

    @property
    def ply(self) -> int:
        """The number of moves made on this board."""

    @property
    def move_number(self) -> int:
        """The number of the next move: SFEN's fourth field."""

    @property
    def key(self) -> int:
        """The 64-bit key of the position as the side to move sees it.

        The lowest bit is the color of that side.
        """

    @property
    def hands(self) -> tuple[Hand, Hand]:
        """The pieces in hand: Black's and White's.

        Examples:
            >>> board = maou.Board("4k4/9/9/9/9/9/9/9/4K4 b 2G3p 1")
            >>> board.hands[maou.Color.WHITE][maou.PieceType.PAWN]
            3
        """

    @property
    def move_stack(self) -> list[Move]:
        """The moves made on this board."""

    @property
    def last_move(self) -> Move | None:
        """The move made last, None before the first one."""

    @property
    def legal_moves(self) -> LegalMoves:
        """The legal moves: counted, tested and listed when asked."""

    def push(self, move: Move, /) -> None:
        """Make a legal move.

        Raises:
            IllegalMoveError: The move is not legal.

        Examples:
            >>> board = maou.Board()
            >>> board.push(maou.Move.from_usi("7g7f"))
            >>> board.push(maou.Move.from_usi("7f7e"))
            Traceback (most recent call last):
            maou_rust.IllegalMoveError: expected a legal move, found `7f7e` in `lnsg...`
        """

    def pop(self) -> Move:
        """Take the last move back and return it.

        Raises:
            IndexError: No move was made on this board.
        """

    def push_usi(self, text: str) -> Move:
        """Make the legal move of a text of USI, such as `7g7f`, and return it.

        Raises:
            RecordError: The text is no move.
            IllegalMoveError: The move is not legal.
        """

    def push_csa(self, text: str) -> Move:
        """Make the legal move of a text of CSA, such as `+7776FU`, and return it.

        Raises:
            RecordError: The text is no move.
            IllegalMoveError: The move is not legal.
        """

    def push_kif(self, text: str) -> Move:
        """Make the legal move of a text of KIF or KI2 and return it.

        Such as `７六歩(77)`, `▲７六歩` or `同　銀右`.

        Raises:
            RecordError: The text is no move.
            IllegalMoveError: The move is not legal, or several pieces could make it.

        Examples:
            >>> board = maou.Board()
            >>> [board.push_kif(text).usi() for text in ("▲７六歩", "３四歩(33)")]
            ['7g7f', '3c3d']
        """

    def parse_usi(self, text: str) -> Move:
        """Read a legal move as USI writes it, such as `7g7f`, `8h2b+` or `P*5e`.

        Raises:
            RecordError: The text is no move.
            IllegalMoveError: The move is not legal.
        """

    def parse_csa(self, text: str) -> Move:
        """Read a legal move as CSA writes it; the sign may be left out.

        Raises:
            RecordError: The text is no move.
            IllegalMoveError: The move is not legal.

        Examples:
            >>> maou.Board().parse_csa("+2726FU"), maou.Board().parse_csa("2726FU")
            (Move.from_usi('2g2f'), Move.from_usi('2g2f'))
        """

    def parse_kif(self, text: str) -> Move:
        """Read a legal move as KIF or KI2 writes it.

        Such as `７六歩(77)`, `▲７六歩` or `同　銀右`.

        Raises:
            RecordError: The text is no move.
            IllegalMoveError: The move is not legal, or several pieces could make it.
        """

    def csa(self, move: Move, /) -> str:
        """Write a legal move as CSA does, such as `+7776FU`.

        Raises:
            IllegalMoveError: The move is not legal.
        """

    def kif(self, move: Move, /) -> str:
        """Write a legal move as KIF does, such as `７六歩(77)` or `同　飛成(28)`.

        Raises:
            IllegalMoveError: The move is not legal.
        """

    def ki2(self, move: Move, /) -> str:
        """Write a legal move as KI2 does, such as `▲７六歩`, `△同　銀` or `▲５八金右`.

        Raises:
            IllegalMoveError: The move is not legal.

        Examples:
            >>> board = maou.Board()
            >>> board.ki2(board.parse_usi("4i5h"))
            '▲５八金右'
        """

    def is_legal(self, move: Move, /) -> bool:
        """Tell whether a move is legal: exactly whether `legal_moves` holds it."""

    def gives_check(self, move: Move, /) -> bool:
        """Tell whether a legal move checks the opponent's king.

        Raises:
            IllegalMoveError: The move is not legal.
        """

    def is_check(self) -> bool:
        """Tell whether the side to move is in check."""

    def is_checkmate(self) -> bool:
        """Tell whether the side to move is in check and has no legal move."""

    def mate_in_one(self) -> Move | None:
        """A legal move that mates, None if there is none.

        Examples:
            >>> maou.Board("4k4/9/4P4/9/9/9/9/9/9 b G 1").mate_in_one()
            Move.from_usi('G*5b')
        """

    def checkers(self) -> frozenset[Square]:
        """The squares of the pieces that check the side to move."""

    def attackers(
        self, color: Color | int, square: Square | int | str
    ) -> frozenset[Square]:
        """The squares of a side's pieces that attack a square, pinned ones too.

        Examples:
            >>> squares = maou.Board().attackers(maou.Color.BLACK, "5h")
            >>> sorted(map(str, squares))
            ['2h', '4i', '5i', '6i']
        """

    def attacks(self, square: Square | int | str) -> frozenset[Square]:
        """The squares that the piece on a square attacks, none if there is no piece."""

    def pinned(self, color: Color | int) -> frozenset[Square]:
        """The squares of a side's pieces that may only move along the line of a pin."""

    def piece_at(self, square: Square | int | str) -> Piece | None:
        """The piece on a square, None if it is empty.

        Examples:
            >>> maou.Board().piece_at(maou.Square.SQ_8H)
            <Piece.BLACK_BISHOP: 5>
        """

    def piece_map(self) -> dict[Square, Piece]:
        """The pieces on the board by square, from the first square to the last."""

    def king(self, color: Color | int) -> Square | None:
        """The square of a side's king, None if it has none."""

    def repetition(self) -> Repetition:
        """What the history says about the position, for the side to move.

        The fourth occurrence ends the game. Before it, a position whose board was there
        with more or less in hand is inferior or superior, as engines use it.

        Examples:
            >>> board = maou.Board()
            >>> for usi in ["2h3h", "8b7b", "3h2h", "7b8b"] * 3:
            ...     move = board.push_usi(usi)
            >>> board.repetition(), board.is_repetition()
            (<Repetition.DRAW: 1>, True)
        """

    def is_repetition(self, count: int = ...) -> bool:
        """Tell whether the position has been there so often, this time included.

        Raises:
            ValueError: The count is below 1.
        """

    def can_declare_win(self, rule: Literal["27", "24", "try"] = ...) -> bool:
        """Tell whether the side to move wins by a rule about kings in the enemy camp.

        Args:
            rule: `27`: the declaration of programs, with 28 points for Black and 27 for
                White; `24`: that of professionals, with 31 points, fewer would only
                draw; `try`: the king can go now, or went, to where the other one
                starts.

        Raises:
            ValueError: There is no such rule.
        """

    def outcome(self) -> Outcome | None:
        """How the game has ended by the rules alone, None if it goes on.

        Who has no legal move loses, in check or not; the fourth occurrence of a
        position draws, or loses for the side that gave perpetual check. A win that has
        to be declared is no end before it is.

        Examples:
            >>> board = maou.Board("4k4/9/4P4/9/9/9/9/9/4K4 b G 1")
            >>> move = board.push_usi("G*5b")
            >>> board.outcome()
            Outcome(winner=<Color.BLACK: 0>, ending=<Ending.CHECKMATE: 'checkmate'>)
        """

    def is_game_over(self) -> bool:
        """Tell whether the game has ended by the rules alone, as `outcome` tells how.

        Examples:
            >>> import random
            >>> board = maou.Board()
            >>> while not board.is_game_over() and board.ply < 400:
            ...     board.push(random.choice(board.legal_moves))
        """

    def sfen(self) -> str:
        """The position as SFEN: board, side to move, hands and move number."""

    def hcp(self) -> bytes:
        """The position as 32 bytes of HCP.

        Raises:
            RecordError: A king or other pieces are missing.
        """

    def packed_sfen(self) -> bytes:
        """The position as 32 bytes of YaneuraOu's PackedSfen.

        Raises:
            RecordError: A king or other pieces are missing.
        """

    def mirror(self) -> Board:
        """The position with left and right swapped, on a board without moves.

        Examples:
            >>> maou.Board().mirror().piece_at("8h")
            <Piece.BLACK_ROOK: 6>
        """

    def flip(self) -> Board:
        """The position turned by 180°, colors and turn swapped, without moves."""

    def copy(self, *, stack: bool = ...) -> Board:
        """A board of its own with the same position and, if asked, the same moves."""

    def __copy__(self) -> Board: ...
    def __deepcopy__(self, memo: object, /) -> Board: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[type[Board], tuple[str, list[Move]]]: ...
    def _repr_svg_(self) -> str:
        """The picture for notebooks, with the last move marked."""

@final
class Game:
    r"""One game; what it has is made when it is asked for.

    Columns are equally long, one entry a ply; comments have the number of moves before
    them. Headers, comments and variations are empty unless everything was read.

    Examples:
        >>> _, (game,), _ = read_records(b"PI\n+\n+7776FU\nT3\n%TORYO\n")
        >>> game.moves, game.times_ms, game.ending
        ((Move.from_usi('7g7f'),), (3000,), 'resign')
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
    def moves(self) -> tuple[Move, ...]:
        """Main line."""
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
    def board(self, ply: int | None = ...) -> Board:
        """The board after `ply` moves, with these moves; after all if None is given.

        Raises:
            IndexError: The game has fewer moves, or `ply` is negative.
            RecordError: One of them is illegal.
        """

@type_check_only
class RawVariation(TypedDict):
    """A line that leaves another one after `ply` moves of the game."""

    ply: int
    moves: Sequence[SupportsIndex]
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
    moves: Sequence[SupportsIndex]
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
        Format name (`csa`, `kif`, `ki2`, `jkf`, `usi`, `sfen`, `hcpe`, `hcpe3`,
        `psv`, or None when it is no record), games, problems. HCPE and PSV have no
        games, which is a problem.
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

@final
class Positions:
    """Positions as rows of 32 bytes HCP, each of them checked; `maou.PositionArray`.

    Results go into buffers, one after the other in memory, with as many numbers for
    each row as a method says; nobody else may change or read them meanwhile. Threads:
    0 for one a core. Every error names its row, counted from 0. The object itself is a
    buffer of all bytes, read-only.

    Examples:
        >>> from maou_rust.maou_shogi import Positions, start_sfen
        >>> positions = Positions.from_sfens([start_sfen()], 1)
        >>> len(positions), bytes(positions).hex()[:8]
        (1, '58a44921')
        >>> mask = bytearray(2187)
        >>> positions.legal_masks(2187, mask, 1)
        >>> sum(mask), mask[59]
        (30, 1)
    """

    @staticmethod
    def from_hcp(data: _Buffer, threads: int) -> Positions:
        """Take a copy of rows of 32 bytes HCP.

        Raises:
            RecordError: A row is no position.
            ValueError: The bytes are no multiple of 32.
        """

    @staticmethod
    def from_packed_sfens(data: _Buffer, threads: int) -> Positions:
        """Read rows of 32 bytes PackedSfen.

        Raises:
            RecordError: A row is no position.
            ValueError: The bytes are no multiple of 32.
        """

    @staticmethod
    def from_sfens(sfens: Sequence[str], threads: int) -> Positions:
        """Read texts.

        Raises:
            RecordError: A text is no position with two kings.
        """

    @staticmethod
    def from_arrow(source: object, is_packed: bool, threads: int) -> Positions:
        """Take a column of HCP, or read one of PackedSfen.

        Args:
            source: An object with `__arrow_c_array__` or `__arrow_c_stream__`. Rows
                of HCP stay where they are if they are one piece of memory.
            is_packed: Whether the rows are PackedSfen.
            threads: The number of threads.

        Raises:
            RecordError: A row is no position.
            ValueError: The column has another type, or a row is null.
        """

    @staticmethod
    def replay(
        games: Sequence[tuple[str, Sequence[int]]], threads: int
    ) -> tuple[Positions, bytearray, bytearray, bytearray]:
        """Replay games given as starts (SFEN) and 16-bit moves.

        Returns:
            The position before each move, the number of its game (u32), of moves made
            before (u32), and the move (u16).

        Raises:
            RecordError: A start is no position with two kings, or a move is illegal.
        """

    @staticmethod
    def replay_arrow(
        source: object, threads: int
    ) -> tuple[Positions, bytearray, bytearray, bytearray]:
        """Replay the games of a table with the columns `start` and `moves`.

        Args:
            source: An object with `__arrow_c_stream__`.
            threads: The number of threads.

        Returns:
            As of `replay`.

        Raises:
            RecordError: A start is no position with two kings, or a move is illegal.
            ValueError: There are no such columns.
        """

    @staticmethod
    def from_boards(boards: Sequence[Board]) -> Positions:
        """Take the positions of boards.

        Raises:
            RecordError: A board lacks a king.
        """

    def board(self, row: int) -> Board:
        """A board of a row that is there, without moves before it."""

    @staticmethod
    def concat(arrays: Sequence[Positions]) -> Positions:
        """Join rows, one array after the other."""

    def __len__(self) -> int:
        """The number of rows."""

    def slice(self, start: int, stop: int) -> Positions:
        """Some of the rows, in the same memory; all of them are there."""

    def take(self, numbers: _Buffer) -> Positions:
        """The rows with these numbers (u64); all of them are there."""

    def equals(self, other: Positions) -> bool:
        """Whether the rows are equal."""

    def flip(self, threads: int) -> Positions:
        """The twins: turned by 180°, colors and sides to move swapped."""

    def sfens(self, threads: int) -> list[str]:
        """The rows as SFEN with move number 1."""

    def packed_sfens(self, out: _Buffer, threads: int) -> None:
        """Write PackedSfen: 32 u8 a row."""

    def keys(self, out: _Buffer, threads: int) -> None:
        """Write keys: one u64 a row."""

    def turns(self, out: _Buffer, threads: int) -> None:
        """Write sides to move: one u8 a row, 0 Black, 1 White."""

    def in_check(self, out: _Buffer, threads: int) -> None:
        """Write whether the side to move is in check: one u8 a row."""

    def piece_ids(self, out: _Buffer, threads: int) -> None:
        """Write the ids of the pieces on the squares: 81 u8 a row."""

    def hands(self, out: _Buffer, threads: int) -> None:
        """Write how many pieces the hands hold: 14 u8 a row."""

    def compact(self, piece_ids: _Buffer, hands: _Buffer, threads: int) -> None:
        """Write both of them."""

    def dlshogi(self, features1: _Buffer, features2: _Buffer, threads: int) -> None:
        """Write dlshogi's inputs: 62 · 81 and 57 · 81 f32 a row."""

    def legal_masks(self, n_labels: int, out: _Buffer, threads: int) -> None:
        """Write 1 for the labels of legal moves, 0 for others: `n_labels` u8 a row."""

    def labels(
        self,
        moves: _Buffer,
        n_labels: int,
        is_legal_only: bool,
        out: _Buffer,
        threads: int,
    ) -> None:
        """Write the labels of moves.

        Args:
            moves: One u16 a row.
            n_labels: The scheme: 2187 or 1496.
            is_legal_only: Whether moves have to be legal; if not, they need a label.
            out: One i64 a row.
            threads: The number of threads.

        Raises:
            RecordError: A move is not legal, or none at all.
        """

    def moves(self, labels: _Buffer, n_labels: int, out: _Buffer, threads: int) -> None:
        """Write the legal moves of labels.

        Args:
            labels: One i64 a row.
            n_labels: The scheme: 2187 or 1496.
            out: One u16 a row.
            threads: The number of threads.

        Raises:
            RecordError: A label is that of no legal move.
        """

    def __arrow_c_array__(
        self, requested_schema: object | None = None
    ) -> tuple[object, object]:
        """Hand the rows over as an Arrow array of the same memory.

        Fixed-size lists of 32 bytes, or fixed-size binaries if they are asked for.
        """

    if sys.version_info >= (3, 12):
        def __buffer__(self, flags: int, /) -> memoryview: ...

def narrow_labels() -> list[int]:
    """The label of 1496 for each label of 2187, -1 where there is none."""
