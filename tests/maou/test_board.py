"""`maou.Board`, `maou.Move` and the vocabulary around them."""

from __future__ import annotations

import copy
import pickle
import random
from typing import TYPE_CHECKING, Any

import pytest

import maou
from maou import Board, Color, Hand, Move, Piece, PieceType, Repetition, Square

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START = "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1"
NO_KINGS = "9/9/4P4/9/9/9/9/9/9 b G 1"
WIDE = "R8/2K1S1SSk/4B4/9/9/9/9/9/1L1L1L3 b RBGSNLP3g3n17p 1"


def usi(*texts: str) -> list[Move]:
    return [Move.from_usi(text) for text in texts]


def played(*texts: str, sfen: str | None = None) -> Board:
    return Board(sfen, usi(*texts))


def random_boards(n: int, seed: int) -> Iterator[Board]:
    """One board that is moved on through random games from all kinds of starts."""
    chance = random.Random(seed)
    names = ["even", "lance", "bishop", "rook", "two", "four", "six", "ten"]
    while n > 0:
        board = Board.handicap(chance.choice(names))
        for _ in range(chance.randrange(20, 200)):
            if n == 0 or not board.legal_moves:
                break
            yield board
            board.push(chance.choice(board.legal_moves))
            n -= 1


class TestMove:
    def test_there_is_one_object_for_each_number(self) -> None:
        move = Move.from_usi("7g7f")
        assert move is Move(7739)
        assert int(move) == 7739
        assert move is pickle.loads(pickle.dumps(move))
        assert move is copy.copy(move)
        assert move is copy.deepcopy([move])[0]
        assert eval(repr(move)) is move
        assert str(move) == move.usi() == "7g7f"

    def test_every_number_is_a_move_or_an_error(self) -> None:
        n_moves = 0
        for number in range(1 << 16):
            try:
                move = Move(number)
            except ValueError as error:
                expected = f"expected a 16-bit move, found `{number}`"
                assert str(error) == expected  # noqa: PT017
                continue
            n_moves += 1
            assert int(move) == number
            assert Move.from_usi(str(move)) is move
            assert move.flip().flip() is move
            assert move.is_drop == (move.from_square is None) == bool(move.dropped)
        assert n_moves == 2 * 81 * 80 + 7 * 81

    def test_parts(self) -> None:
        move = Move.from_usi("8h2b+")
        assert (move.from_square, move.to_square) == (Square.SQ_8H, Square.SQ_2B)
        assert (move.is_promotion, move.is_drop, move.dropped) == (True, False, None)
        drop = Move.from_usi("G*5b")
        assert (drop.from_square, drop.to_square) == (None, Square.SQ_5B)
        assert (drop.is_promotion, drop.is_drop) == (False, True)
        assert drop.dropped is PieceType.GOLD
        assert drop.flip() is Move.from_usi("G*5h")

    def test_order_and_equality(self) -> None:
        first, second = Move(1), Move(7739)
        assert first < second
        assert first <= second
        assert second > first
        assert second >= first
        assert first != second
        assert len({first, second, Move(1)}) == 2
        assert sorted([second, first]) == [first, second]
        # A number is not a move.
        numbers: list[object] = [1]
        assert first not in numbers

    @pytest.mark.parametrize("text", ["", "7g7g", "7g7", "K*5e", "７六歩", "resign"])
    def test_other_texts_are_errors(self, text: str) -> None:
        message = f"expected a move such as `7g7f`, `8h2b+` or `P*5e`, found `{text}`"
        with pytest.raises(maou.RecordError) as caught:
            Move.from_usi(text)
        assert str(caught.value) == message
        assert caught.value.kind == "syntax"

    @pytest.mark.parametrize("number", [-1, 0, 1 << 15, 1 << 40, 1 << 70, -(1 << 70)])
    def test_other_numbers_are_errors(self, number: int) -> None:
        with pytest.raises(ValueError, match=f"16-bit move, found `{number}`"):
            Move(number)


class TestVocabulary:
    def test_squares_are_pinned(self) -> None:
        for name, number in [("1a", 0), ("1i", 8), ("2b", 10), ("7f", 59), ("9i", 80)]:
            square = Square.from_usi(name)
            assert square == number
            assert square.name == f"SQ_{name.upper()}"
            assert str(square) == f"{square}" == name
            assert Square.at(square.file, square.rank) is square
            assert square.flip() == 80 - number
        assert len(Square) == 81
        assert Square.SQ_7F.kanji == "７六"

    @pytest.mark.parametrize("name", ["", "7", "7j", "0a", "f7", "７f", "7f "])
    def test_other_names_are_no_squares(self, name: str) -> None:
        with pytest.raises(ValueError, match=f"such as `7f`, found `{name}`"):
            Square.from_usi(name)
        with pytest.raises(ValueError, match="each 1 to 9, found `0` and `5`"):
            Square.at(0, 5)

    def test_kinds_and_pieces_are_pinned(self) -> None:
        assert [int(kind) for kind in PieceType] == list(range(1, 15))
        assert [PieceType.PAWN, PieceType.GOLD, PieceType.KING] == [1, 7, 8]
        for kind in PieceType:
            assert kind.unpromoted.promoted in (kind, kind.unpromoted.promoted)
            if kind.promoted is not None:
                assert kind.promoted == kind + 8
                assert kind.promoted.unpromoted is kind
            for color in Color:
                piece = Piece.of(color, kind)
                assert int(piece) == kind + 16 * color
                assert (piece.color, piece.piece_type) == (color, kind)
                assert piece.kanji == kind.kanji
                assert Piece.from_symbol(piece.symbol) is piece
                assert str(piece) == f"{piece}" == piece.symbol
            assert str(kind) == f"{kind}" == kind.symbol
        assert len(Piece) == 28
        assert Piece.from_symbol("+r") is Piece.WHITE_DRAGON

    @pytest.mark.parametrize("symbol", ["", "X", "+G", "+k", "PP", "+", "歩"])
    def test_other_symbols_are_no_pieces(self, symbol: str) -> None:
        with pytest.raises(ValueError, match="expected a piece such as `P` or `"):
            Piece.from_symbol(symbol)

    def test_repetitions_are_pinned(self) -> None:
        names = ["NONE", "DRAW", "WIN", "LOSS", "SUPERIOR", "INFERIOR"]
        assert [member.name for member in Repetition] == names
        assert [int(member) for member in Repetition] == list(range(6))


class TestHand:
    def test_is_asked_by_kind(self) -> None:
        black, white = Board("4k4/9/9/9/9/9/9/9/4K4 b RG3p 1").hands
        assert (black[PieceType.ROOK], black[PieceType.PAWN]) == (1, 0)
        assert white[PieceType.PAWN] == 3
        assert PieceType.PAWN in white
        assert PieceType.KING not in white
        assert list(black) == [PieceType.ROOK, PieceType.GOLD]
        assert black.items() == [(PieceType.ROOK, 1), (PieceType.GOLD, 1)]
        assert (len(black), bool(black), bool(Hand())) == (2, True, False)

    def test_equality_hash_pickle_and_repr(self) -> None:
        hand = Hand({PieceType.PAWN: 18, PieceType.BISHOP: 2})
        assert hand == Board("4k4/9/9/9/9/9/9/9/4K4 b 2B18P 1").hands[0]
        assert hand != Hand()
        assert hash(hand) == hash(Hand({PieceType.BISHOP: 2, PieceType.PAWN: 18}))
        assert pickle.loads(pickle.dumps(hand)) == hand
        assert repr(hand) == "Hand({PieceType.PAWN: 18, PieceType.BISHOP: 2})"
        assert eval(repr(hand)) == hand
        assert repr(Hand()) == "Hand()"

    def test_errors(self) -> None:
        hand = Hand()
        with pytest.raises(ValueError, match="a hand can hold, found a king"):
            hand[PieceType.KING]
        with pytest.raises(ValueError, match="a hand can hold, found a promoted pawn"):
            Hand({PieceType.PRO_PAWN: 1})
        with pytest.raises(ValueError, match="expected 0 to 2 rooks, found 3"):
            Hand({PieceType.ROOK: 3})
        for count in (-1, 256, 1 << 70):
            with pytest.raises(
                ValueError, match=f"expected 0 to 2 rooks, found {count}"
            ):
                Hand({PieceType.ROOK: count})
        with pytest.raises(TypeError):
            Hand({PieceType.ROOK: 1.5})  # type: ignore[dict-item]


class TestStarts:
    def test_the_usual_start(self) -> None:
        board = Board()
        assert board.sfen() == START
        assert (board.turn, board.ply, board.move_number) == (Color.BLACK, 0, 1)
        assert (board.last_move, board.move_stack) == (None, [])
        assert board.hands == (Hand(), Hand())
        assert (board.king(Color.BLACK), board.king(Color.WHITE)) == (44, 36)

    def test_moves_from_a_position(self) -> None:
        board = played("7g7f", "3c3d", sfen=START)
        assert (board.ply, board.move_number, board.turn) == (2, 3, Color.BLACK)
        assert board.move_stack == usi("7g7f", "3c3d")
        assert board.last_move is Move.from_usi("3c3d")

    @pytest.mark.parametrize(
        ("name", "japanese"),
        [("even", "平手"), ("lance", "香落ち"), ("two", "二枚落ち"), ("ten", "十枚落")],
    )
    def test_handicaps(self, name: str, japanese: str) -> None:
        board = Board.handicap(name)
        assert board == Board.handicap(japanese)
        expected = Color.BLACK if name == "even" else Color.WHITE
        assert board.turn is expected

    def test_bytes_come_back(self) -> None:
        for board in random_boards(300, seed=1):
            assert Board.from_hcp(board.hcp()) == board
            assert Board.from_packed_sfen(board.packed_sfen()) == board

    def test_bytes_of_any_kind(self) -> None:
        board = played("7g7f")
        for make in (bytes, bytearray, memoryview):
            assert Board.from_hcp(make(board.hcp())) == board
            assert Board.from_packed_sfen(make(board.packed_sfen())) == board
        positions = maou.PositionArray.from_boards([board])
        assert Board.from_hcp(positions.hcp()[0]) == board
        for wrong in (None, "x" * 32, [0] * 32, 5):
            kind = type(wrong).__name__
            with pytest.raises(TypeError, match=f"expected 32 bytes, found `{kind}`"):
                Board.from_hcp(wrong)

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (
                lambda: Board("x"),
                "1:1: expected a piece or a number of empty squares, found `x`",
            ),
            (
                lambda: Board("4k4/4R4/9/9/9/9/9/9/4K4 b - 1"),
                "1:25: expected White to move, whose king is in check, found Black",
            ),
            (lambda: Board.from_hcp(b"x"), "expected 32 bytes, found 1"),
            (lambda: Board.from_packed_sfen(b""), "expected 32 bytes, found 0"),
            (
                lambda: Board(NO_KINGS).hcp(),
                f"expected two kings, found none of Black in `{NO_KINGS}`",
            ),
            (
                lambda: Board(NO_KINGS).packed_sfen(),
                f"expected two kings, found none of Black in `{NO_KINGS}`",
            ),
        ],
    )
    def test_errors(self, make: Callable[[], object], message: str) -> None:
        with pytest.raises(maou.RecordError) as caught:
            make()
        assert str(caught.value) == message

    def test_an_unknown_handicap(self) -> None:
        with pytest.raises(ValueError, match=r"^expected a handicap, `even`, .*`x`$"):
            Board.handicap("x")

    def test_bytes_that_are_no_position(self) -> None:
        with pytest.raises(maou.RecordError) as caught:
            Board.from_hcp(bytes(32))
        assert caught.value.kind == "hcp"


class TestMoves:
    def test_push_and_pop(self) -> None:
        board = Board()
        assert board.push(Move.from_usi("7g7f")) is None  # type: ignore[func-returns-value]
        assert board.pop() is Move.from_usi("7g7f")
        assert board.sfen() == START

    def test_three_notations(self) -> None:
        board = Board()
        assert board.push_usi("7g7f") is Move.from_usi("7g7f")
        assert board.push_csa("-3334FU") is Move.from_usi("3c3d")
        assert board.push_kif("▲２二角成") is Move.from_usi("8h2b+")
        assert board.push_kif("同　銀(31)") is Move.from_usi("3a2b")
        assert board.push_csa("4958KI") is Move.from_usi("4i5h")
        assert board.ply == 5

    def test_a_move_is_written_in_all_notations(self) -> None:
        board = played("7g7f", "3c3d", "8h2b+")
        move = board.parse_kif("△同銀")
        assert move is board.parse_usi("3a2b") is board.parse_csa("-3122GI")
        assert (board.csa(move), board.kif(move)) == ("-3122GI", "同　銀(31)")
        assert board.ki2(move) == "△同　銀"
        board.push(move)
        assert board.kif(Move.from_usi("B*5e")) == "５五角打"
        assert board.ki2(Move.from_usi("B*5e")) == "▲５五角"
        assert board.ki2(Move.from_usi("6i5h")) == "▲５八金左"

    def test_every_move_comes_back_from_every_notation(self) -> None:
        for board in random_boards(200, seed=2):
            for move in board.legal_moves:
                assert board.parse_usi(move.usi()) is move
                assert board.parse_csa(board.csa(move)) is move
                assert board.parse_kif(board.kif(move)) is move
                assert board.parse_kif(board.ki2(move)) is move

    @pytest.mark.parametrize(
        ("name", "argument", "message"),
        [
            ("push", Move(1), "expected a legal move, found `1a1b`"),
            ("csa", Move(1), "expected a legal move, found `1a1b`"),
            ("kif", Move(1), "expected a legal move, found `1a1b`"),
            ("ki2", Move(1), "expected a legal move, found `1a1b`"),
            ("gives_check", Move(1), "expected a legal move, found `1a1b`"),
            ("push_usi", "3c3d", "expected a legal move, found `3c3d`"),
            ("parse_usi", "P*5e", "expected a legal move, found `P*5e`"),
            ("push_csa", "-3334FU", "expected a move of Black (`+`), found `-3334FU`"),
            ("parse_csa", "+7775FU", "expected a legal move, found `+7775FU`"),
            ("push_kif", "△３四歩", "expected a move of Black (`▲`), found `△３四歩`"),
            ("parse_kif", "５五角", "expected a legal move, found `５五角`"),
            (
                "parse_kif",
                "５八金",
                (
                    "expected a move of one piece only, found `５八金`, which may be "
                    "`▲５八金(49)`, `▲５八金(69)`"
                ),
            ),
        ],
    )
    def test_illegal_moves(self, name: str, argument: object, message: str) -> None:
        board = Board()
        with pytest.raises(maou.IllegalMoveError) as caught:
            getattr(board, name)(argument)
        assert str(caught.value) == f"{message} in `{START}`"
        error = caught.value
        assert (error.kind, error.path, error.line) == ("illegal_move", None, 0)
        assert isinstance(error, maou.RecordError)
        assert isinstance(error, ValueError)
        assert (board.sfen(), board.ply) == (START, 0)

    @pytest.mark.parametrize(
        ("name", "text", "example"),
        [
            ("push_usi", "７六歩", "`7g7f`, `8h2b+` or `P*5e`"),
            ("parse_usi", "", "`7g7f`, `8h2b+` or `P*5e`"),
            ("push_csa", "7g7f", "`+7776FU`"),
            ("parse_csa", "%TORYO", "`+7776FU`"),
            ("push_kif", "投了", "`▲７六歩`"),
            ("parse_kif", "同　歩", "`▲７六歩`"),
        ],
    )
    def test_texts_that_are_no_moves(self, name: str, text: str, example: str) -> None:
        with pytest.raises(maou.RecordError) as caught:
            getattr(Board(), name)(text)
        expected = f"expected a move such as {example}, found `{text}` in `{START}`"
        assert str(caught.value) == expected
        assert not isinstance(caught.value, maou.IllegalMoveError)
        assert caught.value.kind == "syntax"

    def test_nothing_to_take_back(self) -> None:
        with pytest.raises(IndexError) as caught:
            Board().pop()
        message = f"expected a move to take back, found none before `{START}`"
        assert str(caught.value) == message

    @pytest.mark.parametrize("name", ["push", "is_legal", "gives_check", "csa"])
    def test_only_moves_are_moves(self, name: str) -> None:
        with pytest.raises(TypeError):
            getattr(Board(), name)("7g7f")
        with pytest.raises(TypeError):
            Board(START, ["7g7f"])  # type: ignore[list-item]


class TestLegalMoves:
    def test_is_counted_tested_and_listed(self) -> None:
        board = Board()
        moves = board.legal_moves
        assert (len(moves), bool(moves)) == (30, True)
        assert Move.from_usi("7g7f") in moves
        assert Move.from_usi("7g7e") not in moves
        assert len(set(moves)) == 30
        assert [moves[n] for n in range(-30, 30)] == [*moves, *moves]
        assert repr(moves).startswith("<LegalMoves: ")
        assert len(repr(moves).split()) == 31

    def test_is_that_of_the_board_now(self) -> None:
        board = Board()
        moves = board.legal_moves
        before = list(moves)
        board.push_usi("7g7f")
        assert list(moves) == list(board.legal_moves) != before

    def test_the_widest_position(self) -> None:
        board = Board(WIDE)
        assert len(board.legal_moves) == len(list(board.legal_moves)) == 593

    def test_errors(self) -> None:
        moves = Board().legal_moves
        for index in (30, -31):
            message = f"expected one of 30 legal moves, found {index}"
            with pytest.raises(IndexError, match=message):
                moves[index]
        with pytest.raises(TypeError):
            "7g7f" in moves  # type: ignore[operator] # noqa: B015

    def test_every_number_is_legal_exactly_if_it_is_listed(self) -> None:
        every = []
        for number in range(1 << 15):
            try:
                every.append(Move(number))
            except ValueError:
                continue
        boards = [*map(Board, (START, NO_KINGS, WIDE)), *sampled_boards(20, seed=3)]
        for board in boards:
            listed = set(board.legal_moves)
            assert len(listed) == len(board.legal_moves)
            assert {move for move in every if board.is_legal(move)} == listed
            assert {move for move in every if move in board.legal_moves} == listed


def sampled_boards(n: int, seed: int) -> list[Board]:
    boards = [board.copy() for board in random_boards(40 * n, seed)]
    return random.Random(seed).sample(boards, n)


def state(board: Board) -> tuple[Any, ...]:
    """Everything that a board tells."""
    return (
        board.sfen(),
        board.key,
        board.hands,
        board.turn,
        board.ply,
        board.move_number,
        board.move_stack,
        board.piece_map(),
        list(board.legal_moves),
        board.repetition(),
        board.is_repetition(2),
        board.checkers(),
        board.outcome(),
    )


class TestLaws:
    def test_undo_restores_everything(self) -> None:
        for board in sampled_boards(40, seed=4):
            before = state(board)
            for move in board.legal_moves:
                board.push(move)
                board.pop()
                assert state(board) == before

    def test_a_whole_game_is_taken_back(self) -> None:
        for board in sampled_boards(10, seed=5):
            states = []
            moves = board.move_stack
            for move in reversed(moves):
                states.append(state(board))
                assert board.pop() is move
            for move in moves:
                board.push(move)
                assert state(board) == states.pop()

    def test_a_kept_key_equals_a_fresh_one(self) -> None:
        for board in random_boards(500, seed=6):
            fresh = Board(board.sfen())
            assert board == fresh
            assert board.key == fresh.key
            assert hash(board) == hash(fresh)
            assert list(board.legal_moves) == list(fresh.legal_moves)

    def test_checks_and_mates_are_those_after_the_move(self) -> None:
        for board in sampled_boards(40, seed=7):
            mates = []
            for move in board.legal_moves:
                gives_check = board.gives_check(move)
                board.push(move)
                assert board.is_check() == bool(board.checkers()) == gives_check
                is_mate = board.is_check() and not board.legal_moves
                assert board.is_checkmate() == is_mate
                board.pop()
                mates += [move] if is_mate else []
            assert board.mate_in_one() is (mates[0] if mates else None)

    def test_attackers_are_those_that_attack(self) -> None:
        for board in sampled_boards(20, seed=8):
            pieces = board.piece_map()
            for square in Square:
                for color in Color:
                    expected = {
                        origin
                        for origin, piece in pieces.items()
                        if piece.color is color and square in board.attacks(origin)
                    }
                    assert board.attackers(color, square) == expected
                assert board.piece_at(square) is pieces.get(square)

    def test_mirror_and_flip(self) -> None:
        for board in random_boards(200, seed=9):
            mirror, twin = board.mirror(), board.flip()
            assert (mirror.ply, twin.ply) == (0, 0)
            assert mirror.mirror() == board
            assert twin.flip() == board
            assert len(mirror.legal_moves) == len(board.legal_moves)
            assert {m.flip() for m in twin.legal_moves} == set(board.legal_moves)
            assert (mirror.turn, twin.turn) == (board.turn, board.turn.opponent)
            assert twin.key ^ board.key == 1
            assert twin.hands == board.hands[::-1]


class TestQueries:
    def test_checks_pins_and_attackers(self) -> None:
        board = Board("4k4/4r4/9/9/4S4/9/9/9/4K4 b - 1")
        assert board.pinned(Color.BLACK) == {Square.SQ_5E}
        assert board.pinned(Color.WHITE) == set()
        assert board.attackers(Color.WHITE, "5e") == {Square.from_usi("5b")}
        assert board.attacks(Square.SQ_5E) == set(
            map(Square.from_usi, ("4d", "5d", "6d", "4f", "6f"))
        )
        checked = Board("4k4/4r4/9/9/9/9/9/9/4K4 b - 1")
        assert checked.is_check()
        assert checked.checkers() == {Square.from_usi("5b")}
        assert all(type(square) is Square for square in checked.checkers())

    def test_squares_in_three_ways(self) -> None:
        board = Board()
        for square in (Square.SQ_8H, 70, "8h"):
            assert board.piece_at(square) is Piece.BLACK_BISHOP

    @pytest.mark.parametrize("square", [81, -1, 1 << 70, "7x", "", "８h"])
    def test_no_square(self, square: int | str) -> None:
        message = f"expected a square, 0 to 80 or such as `7f`, found `{square!r}`"
        for ask in (Board().piece_at, Board().attacks):
            with pytest.raises(ValueError) as caught:  # noqa: PT011
                ask(square)
            assert str(caught.value) == message
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            Board().attackers(Color.BLACK, square)
        assert str(caught.value) == message

    def test_no_count(self) -> None:
        for count in (0, -1):
            message = f"count: expected 1 or more, found `{count}`"
            with pytest.raises(ValueError, match=message):
                Board().is_repetition(count)

    def test_no_color(self) -> None:
        for ask in (Board().pinned, Board().king):
            with pytest.raises(ValueError, match="a color, 0 or 1, found `2`"):
                ask(2)
        with pytest.raises(TypeError, match="a color, 0 or 1, found `None`"):
            Board().king(None)  # type: ignore[arg-type]

    def test_missing_kings(self) -> None:
        board = Board(NO_KINGS)
        assert (board.king(0), board.king(1)) == (None, None)
        assert not board.is_check()
        assert board.checkers() == board.pinned(0) == set()
        assert board.mate_in_one() is None
        assert not board.can_declare_win()
        problem = Board("4k4/9/4P4/9/9/9/9/9/9 b G 1")
        assert problem.mate_in_one() is Move.from_usi("G*5b")

    def test_declarations(self) -> None:
        ten = "K+R+B+P+P+P+P2/4+P+P+P+P1/9/9/9/9/9/9/4k4 b"
        assert Board(f"{ten} R5P 1").can_declare_win()
        assert not Board(f"{ten} R4P 1").can_declare_win("27")
        assert Board(f"{ten} RG7P 1").can_declare_win("24")
        assert not Board(f"{ten} RG6P 1").can_declare_win("24")
        assert Board("9/4K4/9/9/9/9/9/9/k8 b - 1").can_declare_win("try")
        assert not Board().can_declare_win("try")
        with pytest.raises(ValueError, match=r"`27`, `24` or `try`, found `28`"):
            Board().can_declare_win("28")  # type: ignore[arg-type]


class TestEnds:
    def test_repetition(self) -> None:
        board = Board()
        for count in range(1, 5):
            assert board.is_repetition(count)
            assert not board.is_repetition(count + 1)
            if count < 4:
                assert (board.repetition(), board.outcome()) == (Repetition.NONE, None)
                assert not board.is_game_over()
                for text in ("2h3h", "8b7b", "3h2h", "7b8b"):
                    board.push_usi(text)
        assert board.repetition() is Repetition.DRAW
        outcome = board.outcome()
        assert board.is_game_over()
        assert outcome is not None
        assert (outcome.winner, outcome.ending) == (None, maou.Ending.REPETITION)
        assert outcome.result is maou.GameResult.DRAW

    @pytest.mark.parametrize(
        ("sfen", "round_", "expected"),
        [
            ("k8/9/9/9/9/9/9/9/R3K4 w - 1", "9a8a 9i8i 8a9a 8i9i", Repetition.WIN),
            ("k8/9/9/9/9/9/9/9/1R2K4 b - 1", "8i9i 9a8a 9i8i 8a9a", Repetition.LOSS),
        ],
    )
    def test_perpetual_check(
        self, sfen: str, round_: str, expected: Repetition
    ) -> None:
        board = played(*round_.split() * 3, sfen=sfen)
        assert board.repetition() is expected
        outcome = board.outcome()
        assert board.is_game_over()
        assert outcome is not None
        assert outcome.winner is Color.WHITE
        assert outcome.ending is maou.Ending.PERPETUAL_CHECK
        assert outcome.result is maou.GameResult.WHITE_WINS

    def test_superior_and_inferior(self) -> None:
        start = "4k4/9/9/9/9/9/9/9/4K4"
        moves = ["P*5b", "5a5b", "5i5h", "5b4a", "5h5i", "4a5a"]
        assert played(*moves, sfen=f"{start} b P 1").repetition() is Repetition.INFERIOR
        moves = ["5a5b", "P*5c", "5b5c", "5i5h", "5c5b", "5h4i", "5b5a", "4i5i"]
        assert played(*moves, sfen=f"{start} w P 1").repetition() is Repetition.SUPERIOR

    def test_mate_and_no_move(self) -> None:
        mate = played("G*5b", sfen="4k4/9/4P4/9/9/9/9/9/4K4 b G 1")
        assert mate.is_checkmate()
        outcome = mate.outcome()
        assert outcome is not None
        assert (outcome.winner, outcome.ending) == (
            Color.BLACK,
            maou.Ending.CHECKMATE,
        )
        stuck = Board("k8/2G6/1G7/9/9/9/9/9/4K4 w - 1")
        assert not stuck.is_checkmate()
        assert stuck.outcome() == outcome
        assert Board().outcome() is None
        assert [mate.is_game_over(), stuck.is_game_over()] == [True, True]
        assert not Board().is_game_over()


class TestObject:
    def test_equality_and_hash(self) -> None:
        board = played("7g7f", "3c3d")
        other = Board(board.sfen().replace(" 3", " 99"))
        assert board == other
        assert hash(board) == hash(other)
        assert board != Board()
        assert board != board.sfen()
        assert len({board, other, Board()}) == 2

    def test_pickle_keeps_the_history(self) -> None:
        moves = ["2h3h", "8b7b", "3h2h", "7b8b"] * 3
        board = played(*moves)
        again = pickle.loads(pickle.dumps(board))
        assert state(again) == state(board)
        assert again.repetition() is Repetition.DRAW
        while board.ply:
            assert again.pop() is board.pop()
            assert state(again) == state(board)
        late = Board("4k4/9/9/9/9/9/9/9/4K4 b G 77", usi("G*5b"))
        assert pickle.loads(pickle.dumps(late)).sfen() == late.sfen()

    @pytest.mark.parametrize("make", [Board.copy, copy.copy, copy.deepcopy])
    def test_a_copy_is_its_own(self, make: Callable[[Board], Board]) -> None:
        board = played("7g7f", "3c3d")
        before = state(board)
        other = make(board)
        assert state(other) == before
        other.pop()
        other.push_usi("8c8d")
        assert state(board) == before

    def test_a_copy_without_moves(self) -> None:
        board = played("7g7f", "3c3d")
        other = board.copy(stack=False)
        assert other == board
        assert (other.ply, other.move_stack, board.ply) == (0, [], 2)

    def test_repr_builds_it_again(self) -> None:
        for board in random_boards(50, seed=10):
            again = eval(repr(board))
            assert again == board
            assert again.sfen() == board.sfen()
        assert repr(Board()) == f"Board('{START}')"

    def test_str_is_a_board(self) -> None:
        board = Board("4k4/9/4+P4/9/9/9/9/9/4K4 w R12P2b 1")
        lines = str(board).splitlines()
        assert lines[0] == "後手の持駒：角二　"
        assert lines[1] == "  ９ ８ ７ ６ ５ ４ ３ ２ １"
        assert lines[3] == "| ・ ・ ・ ・v玉 ・ ・ ・ ・|一"
        assert lines[5] == "| ・ ・ ・ ・ と ・ ・ ・ ・|三"
        assert lines[-2:] == ["先手の持駒：飛　歩十二　", "後手番"]

    def test_notebooks_show_a_picture(self) -> None:
        board = played("7g7f")
        picture = board._repr_svg_()
        assert picture.startswith("<svg")
        assert picture == str(maou.svg.board(board, last_move=board.last_move))
        assert Board()._repr_svg_() == str(maou.svg.board(Board()))

    def test_keys_are_pinned(self) -> None:
        assert Board().key == maou_key(START)
        assert Board().key & 1 == Color.BLACK
        assert played("7g7f").key & 1 == Color.WHITE


def maou_key(sfen: str) -> int:
    from maou_rust import maou_shogi

    return maou_shogi.key(sfen)
