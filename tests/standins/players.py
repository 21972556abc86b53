"""Lines of play that reach positions of every kind: the same for the same seed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from maou_rust import maou_shogi

import maou
from maou import Board, Move, Square

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HANDICAPS = ["lance", "bishop", "rook", "rook_lance", "two", "four", "six", "ten"]
# How many pieces of each kind there are, but for kings.
SET = {"P": 18, "L": 4, "N": 4, "S": 4, "G": 4, "B": 2, "R": 2}


@dataclass(frozen=True)
class Line:
    """A start, and legal moves from there."""

    kind: str
    start: str
    moves: tuple[Move, ...]


Player = Callable[[Board, list[Move], random.Random], Move]


def any_move(board: Board, moves: list[Move], chance: random.Random) -> Move:
    return chance.choice(moves)


def lively_move(board: Board, moves: list[Move], chance: random.Random) -> Move:
    """Often a check, a capture, a promotion or a drop, so that hands fill."""
    at = chance.random()
    if at < 0.15:
        wanted = [move for move in moves if board.gives_check(move)]
    elif at < 0.45:
        wanted = [move for move in moves if board.piece_at(move.to_square) is not None]
    elif at < 0.6:
        wanted = [move for move in moves if move.is_promotion]
    elif at < 0.65:
        wanted = [move for move in moves if move.is_drop]
    else:
        wanted = []
    return chance.choice(wanted or moves)


def returning_move(board: Board, moves: list[Move], chance: random.Random) -> Move:
    """Mostly back to where the piece moved last came from, with check if it can."""
    stack = board.move_stack
    if len(stack) > 1 and chance.random() < 0.85:
        last = stack[-2]
        for move in moves:
            if (
                move.from_square == last.to_square
                and move.to_square == last.from_square
                and not move.is_promotion
            ):
                return move
    if chance.random() < 0.6:
        checks = [move for move in moves if board.gives_check(move)]
        quiet = [move for move in checks if not (move.is_drop or move.is_promotion)]
        if checks:
            return chance.choice(quiet or checks)
    return chance.choice(moves)


def hovering_move(board: Board, moves: list[Move], chance: random.Random) -> Move:
    """The king about where it is, and now and then a piece given to the other one."""
    king = home = board.king(board.turn)
    enemy = board.king(board.turn.opponent)
    assert home is not None
    assert enemy is not None
    # Own moves from the last to the first: what came to the king's place is the king.
    for move in board.move_stack[-2::-2]:
        if move.to_square == home and move.from_square is not None:
            home = move.from_square
    captures = [move for move in moves if board.piece_at(move.to_square) is not None]
    if captures and chance.random() < 0.9:
        return chance.choice(captures)
    if chance.random() < 0.08:
        given = [move for move in moves if move.is_drop and near(move.to_square, enemy)]
        if given:
            return chance.choice(given)
    steps = [move for move in moves if move.from_square == king]
    close = [move for move in steps if near(move.to_square, home)]
    return chance.choice(close or steps or moves)


def near(one: Square, other: Square) -> bool:
    return abs(one.file - other.file) <= 1 and abs(one.rank - other.rank) <= 1


def play(
    kind: str, board: Board, chance: random.Random, n_plies: int, player: Player
) -> Line:
    """Go on from a board until the end, or for so many moves."""
    start = board.sfen()
    for _ in range(n_plies):
        moves = list(board.legal_moves)
        if not moves:
            break
        board.push(player(board, moves, chance))
    return Line(kind, start, tuple(board.move_stack))


def started(chance: random.Random) -> Board:
    """The usual start, often with a handicap."""
    return (
        Board() if chance.random() < 0.6 else Board.handicap(chance.choice(HANDICAPS))
    )


def random_game(chance: random.Random) -> Line:
    return play("random", started(chance), chance, chance.randrange(40, 300), any_move)


def lively_game(chance: random.Random) -> Line:
    return play(
        "lively", started(chance), chance, chance.randrange(40, 250), lively_move
    )


def generated_games(seed: int) -> Iterator[Line]:
    """What a generator of plausible games makes: openings, exchanges, mates."""
    for batch in itertools.count():
        seed_of_batch = 1_000 * seed + batch
        for text in maou_shogi.generate(20, seed=seed_of_batch, format="usi"):
            for game in maou.read_games(text):
                yield Line("generated", game.start, game.moves)


def sparse_game(chance: random.Random) -> Line:
    """Few pieces anywhere, and any number of others in hand."""
    while True:
        board = scattered(chance, chance.randrange(12), chance.random())
        if board is not None:
            return play("sparse", board, chance, chance.randrange(24), lively_move)


def mate_problem(chance: random.Random) -> Line:
    """A king in its camp, pieces around it, and more in hand."""
    while True:
        board = scattered(chance, chance.randrange(4, 14), 0.4, is_problem=True)
        if board is not None:
            return play("problem", board, chance, chance.randrange(6), lively_move)


def repetition(chance: random.Random) -> Line:
    """A few pieces that go to and fro, with checks."""
    while True:
        if chance.random() < 0.1:
            board = started(chance)
        else:
            few = scattered(chance, chance.randrange(1, 5), 0.1, kinds="RBGSR")
            if few is None:
                continue
            board = few
        return play("repetition", board, chance, 60, returning_move)


def sacrifice(chance: random.Random) -> Line:
    """Two kings that stay about their places, and pieces that one gives the other."""
    while True:
        board = scattered(chance, 0, 0.3, kinds="PLNSGBR")
        if board is not None:
            return play("sacrifice", board, chance, 80, hovering_move)


def declaration(chance: random.Random) -> Line:
    """A king in the enemy camp with about ten pieces and about the points that win."""
    while True:
        board = entered(chance)
        if board is not None:
            return play("declaration", board, chance, chance.randrange(12), any_move)


def scattered(
    chance: random.Random,
    n_pieces: int,
    in_hand: float,
    *,
    is_problem: bool = False,
    kinds: str = "PPPPLNSGBR",
) -> Board | None:
    """Two kings, some pieces on the board, a share of the others in hand.

    None where the rules do not allow what came out.
    """
    left = dict(SET)
    cells: list[str | None] = [None] * 81
    if is_problem:
        white = 9 * chance.randrange(3) + chance.randrange(9)
        black = 9 * chance.randrange(6, 9) + chance.randrange(9)
        # Around the king, two files and two ranks away at most.
        row, column = divmod(white, 9)
        free = [
            9 * r + c
            for r in range(max(row - 2, 0), min(row + 3, 9))
            for c in range(max(column - 2, 0), min(column + 3, 9))
        ]
    else:
        black, white = chance.sample(range(81), 2)
        free = list(range(81))
    cells[black], cells[white] = "K", "k"
    for cell in chance.sample(free, min(n_pieces, len(free))):
        kind = chance.choice(kinds)
        if cells[cell] is None and left[kind]:
            left[kind] -= 1
            is_black = chance.random() < 0.5
            # Ranks to the last one. What could never move is left to literal tests.
            n_ranks = cell // 9 if is_black else 8 - cell // 9
            must = n_ranks < {"P": 1, "L": 1, "N": 2}.get(kind, 0)
            is_promoted = kind != "G" and (must or chance.random() < 0.4)
            piece = f"+{kind}" if is_promoted else kind
            cells[cell] = piece if is_black else piece.lower()
    hand = ""
    for kind in "RBGSNLP":
        held = sum(chance.random() < in_hand for _ in range(left[kind]))
        black_share = held if is_problem else chance.randint(0, held)
        hand += counted(kind, black_share) + counted(kind.lower(), held - black_share)
    return allowed(cells, "b" if is_problem else chance.choice("bw"), hand)


def composed(chance: random.Random) -> Board:
    """A start that only a problem has: no king, two pawns on a file, stuck pieces."""
    while True:
        left = dict(SET)
        cells: list[str | None] = [None] * 81
        places = chance.sample(range(81), chance.randrange(3, 16))
        for king, cell in zip("Kk", places, strict=False):
            cells[cell] = king if chance.random() < 0.6 else None
        for cell in places[2:]:
            kind = chance.choice("PPPLNSGBR")
            if left[kind]:
                left[kind] -= 1
                piece = kind if kind == "G" or chance.random() < 0.8 else f"+{kind}"
                cells[cell] = piece if chance.random() < 0.6 else piece.lower()
        held = [kind for kind in "RBGSNLP" if left[kind] and chance.random() < 0.3]
        board = allowed(cells, chance.choice("bw"), "".join(held))
        if board is not None:
            return board


def entered(chance: random.Random) -> Board | None:
    """A king in the enemy camp, and pieces around it; often the other king as well."""
    cells: list[str | None] = [None] * 81
    left = dict(SET)
    n_pieces = chance.choice([8, 9, 10, 10, 10, 11, 12, 15])
    places = chance.sample(range(27), n_pieces + 1)
    cells[places[0]] = "K"
    for cell in places[1:]:
        kind = chance.choices("PGBRS", [9, 3, 1, 1, 1])[0]
        if left[kind]:
            left[kind] -= 1
            cells[cell] = (
                kind if kind in "GBR" and chance.random() < 0.5 else f"+{kind}"
            )
    if chance.random() < 0.5:
        cells[chance.randrange(45, 81)] = "k"
    else:
        free = [cell for cell in range(27) if cells[cell] is None]
        cells[chance.choice(free)] = "k"
    hand = ""
    points = n_pieces + 4 * sum(cell is not None and cell[-1] in "BR" for cell in cells)
    target = chance.choice([24, 26, 27, 27, 28, 28, 29, 30, 31, 32])
    for kind, worth in (("R", 5), ("B", 5), ("P", 1)):
        held = 0
        while left[kind] and points + worth <= target and chance.random() < 0.9:
            left[kind] -= 1
            points += worth
            held += 1
        hand += counted(kind, held)
    board = allowed(cells, "b", hand)
    return board.flip() if board is not None and chance.random() < 0.5 else board


def counted(kind: str, count: int) -> str:
    return f"{count if count > 1 else ''}{kind}" if count else ""


def allowed(cells: list[str | None], turn: str, hand: str) -> Board | None:
    """The board of cells from 9a by rank, None where the rules do not allow it."""
    rows = []
    for rank in range(9):
        row = ""
        for piece in cells[9 * rank : 9 * rank + 9]:
            if piece is not None:
                row += piece
            elif row and row[-1].isdigit():
                row = f"{row[:-1]}{int(row[-1]) + 1}"
            else:
                row += "1"
        rows.append(row)
    try:
        return Board(f"{'/'.join(rows)} {turn} {hand or '-'} 1")
    except maou.RecordError:
        return None


# With the share of the positions that a kind has.
KINDS: dict[str, float] = {
    "random": 0.3,
    "lively": 0.2,
    "generated": 0.2,
    "sparse": 0.08,
    "problem": 0.04,
    "repetition": 0.08,
    "sacrifice": 0.05,
    "declaration": 0.05,
}
MAKERS: dict[str, Callable[[random.Random], Line]] = {
    "random": random_game,
    "lively": lively_game,
    "sparse": sparse_game,
    "problem": mate_problem,
    "repetition": repetition,
    "sacrifice": sacrifice,
    "declaration": declaration,
}


def lines(n_positions: int, seed: int) -> Iterator[Line]:
    """Lines of all kinds with about so many positions, starts included."""
    for kind, share in KINDS.items():
        chance = random.Random(f"{seed} {kind}")
        made: Iterator[Line] = (
            generated_games(seed)
            if kind == "generated"
            else (MAKERS[kind](chance) for _ in itertools.count())
        )
        wanted = round(share * n_positions)
        while wanted > 0:
            line = next(made)
            yield line
            wanted -= len(line.moves) + 1


def recorded(folder: Path) -> Iterator[Line]:
    """The main lines of all records below a folder, read as far as they can be."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            for game in maou.read_games(path, on_error="skip"):
                yield Line("recorded", game.start, game.moves)
