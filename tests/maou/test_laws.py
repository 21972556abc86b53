"""Laws of boards on positions of every kind, and counts of their trees of moves."""

from __future__ import annotations

import contextlib
import gc
import pickle
import random
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import players
import pytest
from maou_rust import maou_shogi

import maou
from maou import Board, Color, Move, Square

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERY_MOVE = [
    Move(number) for number, usi in enumerate(maou_shogi.usi_table()) if usi is not None
]


def seen(n_positions: int, seed: int, every: int) -> list[Board]:
    """Boards of every kind, each so many positions apart in play."""
    boards = []
    n_seen = 0
    for line in players.lines(every * n_positions, seed):
        board = Board(line.start)
        for move in (*line.moves, None):
            n_seen += 1
            if n_seen % every == 0:
                boards.append(board.copy())
            if move is not None:
                board.push(move)
    return boards


@pytest.mark.parametrize(
    ("n_positions", "seed"),
    [(300, 11), pytest.param(5_000, 12, marks=pytest.mark.property)],
)
def test_legal_is_what_is_listed(n_positions: int, seed: int) -> None:
    """Each of the 2187 labels' moves, and every other number that is a move."""
    assert len(EVERY_MOVE) == 2 * 81 * 80 + 7 * 81
    boards = seen(n_positions, seed, every=7)
    assert len(boards) >= n_positions
    for board in boards:
        listed = list(board.legal_moves)
        legal = list(filter(board.is_legal, EVERY_MOVE))
        assert legal == sorted(listed), board
        contained = board.legal_moves
        assert [move for move in EVERY_MOVE if move in contained] == legal, board
        assert len(contained) == len(legal)
        assert bool(contained) == bool(legal)


def state(board: Board) -> tuple[Any, ...]:
    """Everything that a board tells."""
    rules: tuple[Any, ...] = ("27", "24", "try")
    return (
        board.sfen(),
        str(board),
        repr(board),
        board.hcp(),
        board.packed_sfen(),
        board.key,
        hash(board),
        board.hands,
        board.turn,
        board.ply,
        board.move_number,
        board.move_stack,
        board.last_move,
        board.piece_map(),
        [board.piece_at(square) for square in Square],
        [board.king(color) for color in Color],
        [board.pinned(color) for color in Color],
        [board.attackers(color, square) for color in Color for square in (40, 44, 4)],
        list(board.legal_moves),
        board.mate_in_one(),
        board.is_check(),
        board.is_checkmate(),
        board.checkers(),
        board.repetition(),
        [board.is_repetition(count) for count in (1, 2, 3, 4)],
        [board.can_declare_win(rule) for rule in rules],
        board.outcome(),
    )


@pytest.mark.parametrize(
    ("n_positions", "seed"),
    [(1_500, 13), pytest.param(40_000, 14, marks=pytest.mark.property)],
)
def test_pop_restores_everything(n_positions: int, seed: int) -> None:
    for line in players.lines(n_positions, seed):
        board = Board(line.start)
        states = []
        for move in line.moves:
            states.append(state(board))
            board.push(move)
        assert board.move_stack == list(line.moves)
        for move in reversed(line.moves):
            assert board.pop() is move
            assert state(board) == states.pop()
        with pytest.raises(IndexError):
            board.pop()


@pytest.mark.parametrize(
    ("n_positions", "seed"),
    [(3_000, 15), pytest.param(100_000, 16, marks=pytest.mark.property)],
)
def test_what_is_kept_equals_what_is_computed_anew(n_positions: int, seed: int) -> None:
    for line in players.lines(n_positions, seed):
        board = Board(line.start)
        for move in line.moves:
            gives_check = board.gives_check(move)
            board.push(move)
            fresh = Board(board.sfen())
            assert board == fresh
            assert board.key == fresh.key == maou_shogi.key(board.sfen())
            assert board.hcp() == fresh.hcp()
            assert list(board.legal_moves) == list(fresh.legal_moves)
            assert board.checkers() == fresh.checkers()
            assert gives_check == fresh.is_check()
            assert board.flip().key == board.key ^ 1


def test_threads_share_a_board() -> None:
    """Each call is whole: nothing panics, and what is legal stays legal."""
    board = Board()
    errors: list[BaseException] = []

    def work(seed: int) -> None:
        chance = random.Random(seed)
        try:
            for _ in range(1_500):
                with contextlib.suppress(IndexError, maou.IllegalMoveError):
                    match chance.randrange(6):
                        case 0 | 1:
                            board.push(chance.choice(list(board.legal_moves)))
                        case 2:
                            board.pop()
                        case 3:
                            assert Board(board.sfen()).sfen()
                            copy = board.copy()
                            assert pickle.loads(pickle.dumps(copy)) == copy
                        case 4:
                            board.push_usi("7g7f")
                        case _:
                            state(board)
        except BaseException as error:
            errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert errors == []
    moves = board.move_stack
    while board.move_stack:
        board.pop()
    assert Board(None, moves).ply == len(moves)
    assert board == Board()


def test_python_code_that_runs_inside_a_call_may_use_the_board() -> None:
    """Finalizers, conversions and iterators of Python that push and pop."""
    board = Board()
    move = Move.from_usi("7g7f")
    n_runs = 0

    class Finalized:
        def __init__(self) -> None:
            self.cycle = self

        def __del__(self) -> None:
            nonlocal n_runs
            board.push(move)
            board.pop()
            n_runs += 1

    thresholds = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(200):
            Finalized()
            state(board)
    finally:
        gc.set_threshold(*thresholds)
    gc.collect()
    assert n_runs == 200
    assert board == Board()

    class Index:
        def __index__(self) -> int:
            board.push(move)
            return 10

    index: Any = Index()
    assert board.piece_at(index) is not None
    assert board.pop() is move

    def moves() -> Iterator[Move]:
        board.push(move)
        yield move

    assert Board(None, moves()) == board


def test_boards_and_moves_go_to_other_processes() -> None:
    board = Board(None, [Move.from_usi("7g7f"), Move.from_usi("3c3d")])
    code = (
        "import pickle, sys; board, move, hands = pickle.load(sys.stdin.buffer);"
        "assert board.move_stack[0] is move; assert board.hands == hands;"
        "board.pop(); sys.stdout.buffer.write(pickle.dumps(board))"
    )
    sent = pickle.dumps((board, Move.from_usi("7g7f"), board.hands))
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, input=sent, stdout=subprocess.PIPE, check=True)
    back = pickle.loads(done.stdout)
    board.pop()
    assert (back, back.move_stack) == (board, board.move_stack)


TREES = [
    (Board().sfen(), [30, 900, 25_470, 719_731, 19_861_490, 547_581_517]),
    (
        "l6nl/5+P1gk/2np1S3/p1p4Pp/3P2Sp1/1PPb2P1P/P5GS1/R8/LN4bKL w GR5pnsg 1",
        [207, 28_684, 4_809_015, 516_925_165],
    ),
    (
        "R8/2K1S1SSk/4B4/9/9/9/9/9/1L1L1L3 b RBGSNLP3g3n17p 1",
        [593, 105_677, 53_393_368],
    ),
    (Board.handicap("two").sfen(), [26, 780, 19_740, 558_731]),
    (Board.handicap("six").sfen(), [24, 720, 16_740, 473_823]),
    ("7lk/9/8S/9/9/9/9/7L1/8K b P 1", [85, 639, 10_786]),
    (
        "4k4/9/9/9/9/9/PPPPPPPP1/9/4K4 b RBGSNL2Prb3g3s3n3l7p 1",
        [422, 178_926, 60_729_510],
    ),
]


@pytest.mark.parametrize(("sfen", "counts"), TREES)
def test_trees_of_moves(sfen: str, counts: list[int]) -> None:
    """The published counts: all of them by Rust, small ones by pushes and pops."""
    for depth, expected in enumerate(counts, 1):
        assert maou_shogi.perft(sfen, depth) == expected
        if expected < 200_000:
            board = Board(sfen)
            assert walked(board, depth) == expected
            assert (board, board.ply) == (Board(sfen), 0)


def walked(board: Board, depth: int) -> int:
    """Leaves counted by pushing and popping."""
    if depth == 1:
        return len(board.legal_moves)
    n_leaves = 0
    for move in board.legal_moves:
        board.push(move)
        n_leaves += walked(board, depth - 1)
        board.pop()
    return n_leaves
