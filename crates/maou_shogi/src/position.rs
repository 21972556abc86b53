//! Legal positions, and the moves that lead from one to the next.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::attacks::{BLACK, WHITE, bit};
use crate::bitboard::Bitboard;
use crate::color::Color;
use crate::hand::Hand;
use crate::key::{self, HAND_KEYS, PIECE_KEYS};
use crate::mv::Move;
use crate::piece::{Piece, PieceType};
use crate::setup::Setup;
use crate::sfen::{self, SfenError};
use crate::square::Square;

/// The boards by class of piece. Gold's board holds all that move like gold; horses and dragons
/// are on the boards of bishops and rooks, and again with the kings on the last.
pub(crate) const PAWN: usize = 0;
pub(crate) const LANCE: usize = 1;
pub(crate) const KNIGHT: usize = 2;
pub(crate) const SILVER: usize = 3;
pub(crate) const GOLD: usize = 4;
pub(crate) const BISHOP: usize = 5;
pub(crate) const ROOK: usize = 6;
pub(crate) const KING: usize = 7;

/// The class by number of the kind.
const CLASS: [u8; 16] = [0, 0, 1, 2, 3, 5, 6, 4, 7, 4, 4, 4, 4, 5, 6, 0];

const NO_SQUARE: u8 = 81;

/// A position that the rules allow, kept so by every operation.
///
/// Each side has at most one king (mate problems leave one out), nobody has more pieces than a set
/// holds, and the side that just moved is not in check. Composed problems may begin with two pawns
/// of a side on a file or with pieces that can never move; no move leads there. Equality and hash
/// look at board, hands and side to move, not at the move number; there is no history, see
/// [`History`](crate::History).
///
/// ```
/// use maou_shogi::{Move, Position};
/// let mut position = Position::startpos();
/// assert_eq!(position.legal_moves().len(), 30);
/// let mv = Move::from_usi("7g7f").unwrap();
/// let undo = position.make(mv);
/// assert_eq!(
///     position.to_sfen(),
///     "lnsgkgsnl/1r5b1/ppppppppp/9/9/2P6/PP1PPPPPP/1B5R1/LNSGKGSNL w - 2"
/// );
/// position.undo(mv, undo);
/// assert_eq!(position, Position::startpos());
/// ```
#[derive(Clone)]
pub struct Position {
    pub(crate) classes: [u128; 8],
    pub(crate) colors: [u128; 2],
    /// Both views of the key, see [`key`].
    keys: u128,
    pub(crate) hands: [Hand; 2],
    pub(crate) board: [Option<Piece>; 81],
    turn: Color,
    kings: [u8; 2],
    move_number: u16,
}

/// What [`Position::undo`] needs to take a move back.
#[derive(Clone, Copy, Debug)]
pub struct Undo {
    pub(crate) keys: u128,
    pub(crate) captured: Option<Piece>,
    pub(crate) move_number: u16,
}

impl Undo {
    /// The piece that the move took, as it stood on the board.
    #[inline]
    pub const fn captured(&self) -> Option<Piece> {
        self.captured
    }
}

/// A rule that a [`Setup`] breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetupError {
    /// A second king of one side, on this square.
    TwoKings(Color, Square),
    /// More pieces of a kind, hands and promoted ones included, than a set holds.
    TooMany {
        /// The kind, unpromoted.
        kind: PieceType,
        /// How many there are.
        count: u16,
    },
    /// The side that is not to move is in check.
    OpponentInCheck(Color),
    /// Move number 0: the first move is number 1.
    MoveNumber,
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            SetupError::TwoKings(color, square) => {
                write!(f, "expected at most one king of {color}, found another on `{square}`")
            }
            SetupError::TooMany { kind, count } => {
                write!(f, "expected at most {} {}s, found {count}", kind.total(), kind.name())
            }
            SetupError::OpponentInCheck(color) => {
                let turn = color.opponent();
                write!(f, "expected {color} to move, whose king is in check, found {turn}")
            }
            SetupError::MoveNumber => f.write_str("expected a move number from 1, found `0`"),
        }
    }
}

impl std::error::Error for SetupError {}

impl Position {
    /// The start of an even game.
    pub fn startpos() -> Position {
        Position::from_setup(&Setup::startpos()).expect("the start position is legal")
    }

    /// The position of a setup.
    ///
    /// # Errors
    /// The first rule that the setup breaks.
    pub fn from_setup(setup: &Setup) -> Result<Position, SetupError> {
        for color in Color::ALL {
            if let Some(square) = setup.squares_of(color, PieceType::King).nth(1) {
                return Err(SetupError::TwoKings(color, square));
            }
        }
        for (kind, &count) in PieceType::HAND.into_iter().zip(&setup.totals()[1..]) {
            if count > u16::from(kind.total()) {
                return Err(SetupError::TooMany { kind, count });
            }
        }
        let mut position = Position::empty(setup.turn, setup.move_number);
        for (square, piece) in setup.board.iter().enumerate() {
            match *piece {
                Some(piece) if piece.piece_type() == PieceType::King => {
                    position.place_king(piece.color(), square);
                }
                Some(piece) => position.place(piece, square),
                None => {}
            }
        }
        position.complete(setup.hands)
    }

    /// A board without pieces and with empty hands, to be filled with [`place`](Position::place).
    #[inline]
    pub(crate) const fn empty(turn: Color, move_number: u16) -> Position {
        Position {
            classes: [0; 8],
            colors: [0; 2],
            keys: 0,
            hands: [Hand::EMPTY; 2],
            board: [None; 81],
            turn,
            kings: [NO_SQUARE; 2],
            move_number,
        }
    }

    /// Puts a piece that is no king on an empty square.
    #[inline(always)]
    pub(crate) fn place(&mut self, piece: Piece, square: usize) {
        self.place_unkeyed(piece, square);
        self.keys ^= PIECE_KEYS[piece.code() as usize & 31][square];
    }

    /// Puts a piece that is no king on an empty square of a position that nobody asks for its key.
    #[inline(always)]
    pub(crate) fn place_unkeyed(&mut self, piece: Piece, square: usize) {
        self.toggle(piece, square);
        self.board[square] = Some(piece);
    }

    /// Puts a king on an empty square of a position that nobody asks for its key.
    #[inline(always)]
    pub(crate) fn place_king_unkeyed(&mut self, color: Color, square: usize) {
        self.place_unkeyed(Piece::new(color, PieceType::King), square);
        self.kings[color.index()] = square as u8;
    }

    /// Puts a king on an empty square.
    #[inline]
    pub(crate) fn place_king(&mut self, color: Color, square: usize) {
        self.place(Piece::new(color, PieceType::King), square);
        self.kings[color.index()] = square as u8;
    }

    /// Fills the hands and checks the rules, but for the number of pieces.
    #[inline]
    pub(crate) fn complete(mut self, hands: [Hand; 2]) -> Result<Position, SetupError> {
        for color in Color::ALL {
            self.keys ^= key::hand_keys(color, &hands[color.index()]);
        }
        self.hands = hands;
        self.check()?;
        Ok(self)
    }

    /// The rules about arrangements but for the number of pieces.
    ///
    /// Two pawns of a side on a file, and pieces that can never move, are no fault: no move leads
    /// there, but composed problems begin so.
    fn check(&self) -> Result<(), SetupError> {
        if self.move_number == 0 {
            return Err(SetupError::MoveNumber);
        }
        let waiting = self.turn.opponent();
        if self.attacked_king(waiting) {
            return Err(SetupError::OpponentInCheck(waiting));
        }
        Ok(())
    }

    /// The setup of this position.
    pub fn to_setup(&self) -> Setup {
        Setup {
            board: self.board,
            hands: self.hands,
            turn: self.turn,
            move_number: self.move_number,
        }
    }

    /// Reads an SFEN and checks the position.
    ///
    /// # Errors
    /// If the text is no SFEN or the position breaks a rule; the column is that of the culprit.
    pub fn from_sfen(text: &str) -> Result<Position, SfenError> {
        let setup = Setup::from_sfen(text)?;
        Position::from_setup(&setup).map_err(|error| {
            let column = match error {
                SetupError::TwoKings(_, square) => sfen::column_of(text, square),
                SetupError::OpponentInCheck(_) => sfen::column_of_field(text, 1),
                SetupError::TooMany { .. } => 1,
                SetupError::MoveNumber => sfen::column_of_field(text, 3),
            };
            SfenError { message: error.to_string(), column }
        })
    }

    /// The canonical SFEN: hands Black then White in the order R B G S N L P, counts above 1, and
    /// the move number.
    pub fn to_sfen(&self) -> String {
        sfen::print(&self.board, &self.hands, self.turn, self.move_number)
    }

    /// The side to move.
    #[inline]
    pub const fn turn(&self) -> Color {
        self.turn
    }

    /// The piece on a square.
    #[inline]
    pub const fn piece_on(&self, square: Square) -> Option<Piece> {
        self.board[square.index()]
    }

    /// The pieces that a side holds in hand.
    #[inline]
    pub const fn hand(&self, color: Color) -> &Hand {
        &self.hands[color.index()]
    }

    /// The square of a side's king, if it has one.
    #[inline]
    pub const fn king(&self, color: Color) -> Option<Square> {
        Square::from_index(self.kings[color.index()])
    }

    /// The number of the king's square, or 81.
    #[inline(always)]
    pub(crate) const fn king_index(&self, color: usize) -> usize {
        self.kings[color] as usize
    }

    /// All squares with a piece.
    #[inline]
    pub const fn occupied(&self) -> Bitboard {
        Bitboard::from_bits(self.occupied_bits())
    }

    #[inline(always)]
    pub(crate) const fn occupied_bits(&self) -> u128 {
        self.colors[BLACK] | self.colors[WHITE]
    }

    /// The squares with a piece of one side.
    #[inline]
    pub const fn pieces_of(&self, color: Color) -> Bitboard {
        Bitboard::from_bits(self.colors[color.index()])
    }

    /// The squares with a side's pieces of one kind.
    ///
    /// ```
    /// use maou_shogi::{Color, PieceType, Position};
    /// assert_eq!(Position::startpos().squares_of(Color::Black, PieceType::Pawn).len(), 9);
    /// ```
    #[inline]
    pub fn squares_of(&self, color: Color, kind: PieceType) -> Bitboard {
        let class = CLASS[kind.index()] as usize & 7;
        let bits = self.classes[class] & self.colors[color.index()];
        Bitboard::from_bits(match class {
            BISHOP | ROOK if kind.is_promoted() => bits & self.classes[KING],
            BISHOP | ROOK => bits & !self.classes[KING],
            KING => bits & !(self.classes[BISHOP] | self.classes[ROOK]),
            GOLD => {
                let piece = Some(Piece::new(color, kind));
                let squares = Bitboard::from_bits(bits).iter();
                return squares.filter(|square| self.board[square.index()] == piece).collect();
            }
            _ => bits,
        })
    }

    /// The number of the next move: SFEN's fourth field. It grows with every move made, and counts
    /// for neither key nor equality.
    #[inline]
    pub const fn move_number(&self) -> u16 {
        self.move_number
    }

    /// Sets the number of the next move, from 1.
    ///
    /// # Panics
    /// If the number is 0.
    pub fn set_move_number(&mut self, move_number: u16) {
        assert!(move_number > 0, "move numbers count from 1");
        self.move_number = move_number;
    }

    /// The key: 63 bits of the position as the side to move sees it (turned by 180° with colors
    /// swapped for White), the lowest bit the color of the side to move.
    ///
    /// The same position with colors swapped has the same key but for the lowest bit. The
    /// constants belong to [`KEY_VERSION`](crate::KEY_VERSION).
    #[inline]
    pub const fn key(&self) -> u64 {
        key::key_of(self.keys, self.turn)
    }

    /// The two 64-bit hashes of board and hands behind the key: as Black sees them in the low
    /// half, as White sees them in the high half. Neither tells the side to move.
    #[inline]
    pub const fn keys(&self) -> u128 {
        self.keys
    }

    /// Both hashes without the hands.
    pub(crate) fn board_keys(&self) -> u128 {
        self.keys
            ^ key::hand_keys(Color::Black, &self.hands[0])
            ^ key::hand_keys(Color::White, &self.hands[1])
    }

    /// The twin of the position: turned by 180°, colors and turn swapped.
    pub fn flipped(&self) -> Position {
        let setup = self.to_setup().flipped();
        Position::from_setup(&setup).expect("the twin of a legal position is legal")
    }

    /// Moves a piece onto or off the boards.
    #[inline(always)]
    fn toggle(&mut self, piece: Piece, square: usize) {
        let bits = bit(square);
        let kind = piece.code() & 15;
        self.classes[(CLASS[kind as usize] & 7) as usize] ^= bits;
        if kind >= PieceType::Horse as u8 {
            self.classes[KING] ^= bits;
        }
        self.colors[(piece.code() >> 4 & 1) as usize] ^= bits;
    }

    /// Makes a legal move, and returns what [`undo`](Position::undo) needs.
    ///
    /// The caller knows that the move is legal ([`is_legal`](Position::is_legal) tells): other
    /// moves leave a position that is not legal, or panic.
    #[inline]
    pub fn make(&mut self, mv: Move) -> Undo {
        debug_assert!(self.is_legal(mv), "{mv} is not legal in {}", self.to_sfen());
        let us = self.turn.index();
        let to = mv.to().index();
        let origin = mv.origin();
        let mut undo = Undo { keys: self.keys, captured: None, move_number: self.move_number };
        let mut keys = self.keys;
        if origin < 81 {
            let moved = self.board[origin].expect("a legal move has a piece to move");
            let code = moved.code() | u8::from(mv.is_promotion()) << 3;
            let placed = Piece::from_code(code).expect("no code is 0");
            if let Some(captured) = self.board[to] {
                undo.captured = Some(captured);
                self.toggle(captured, to);
                keys ^= PIECE_KEYS[captured.code() as usize & 31][to];
                let kind = captured.code() as usize & 7;
                let count = &mut self.hands[us].counts_mut()[kind];
                let table = &HAND_KEYS[us][kind];
                keys ^= table[*count as usize] ^ table[*count as usize + 1];
                *count += 1;
            }
            self.toggle(moved, origin);
            self.toggle(placed, to);
            self.board[origin] = None;
            self.board[to] = Some(placed);
            keys ^= PIECE_KEYS[moved.code() as usize & 31][origin]
                ^ PIECE_KEYS[placed.code() as usize & 31][to];
            if moved.code() & 15 == PieceType::King as u8 {
                self.kings[us] = to as u8;
            }
        } else {
            let kind = (origin - 80) & 7;
            let dropped = Piece::from_code(kind as u8 | (us as u8) << 4).expect("no code is 0");
            let count = &mut self.hands[us].counts_mut()[kind];
            let table = &HAND_KEYS[us][kind];
            keys ^= table[*count as usize] ^ table[*count as usize - 1];
            *count -= 1;
            self.toggle(dropped, to);
            self.board[to] = Some(dropped);
            keys ^= PIECE_KEYS[dropped.code() as usize & 31][to];
        }
        self.keys = keys;
        self.turn = self.turn.opponent();
        self.move_number = self.move_number.saturating_add(1);
        undo
    }

    /// Takes back the last move made; everything is as it was before.
    #[inline]
    pub fn undo(&mut self, mv: Move, undo: Undo) {
        self.turn = self.turn.opponent();
        let us = self.turn.index();
        let to = mv.to().index();
        let origin = mv.origin();
        let placed = self.board[to].expect("the moved piece stands on its target");
        self.toggle(placed, to);
        self.board[to] = undo.captured;
        if origin < 81 {
            let code = placed.code() & !(u8::from(mv.is_promotion()) << 3);
            let moved = Piece::from_code(code).expect("no code is 0");
            self.toggle(moved, origin);
            self.board[origin] = Some(moved);
            if let Some(captured) = undo.captured {
                self.toggle(captured, to);
                self.hands[us].counts_mut()[captured.code() as usize & 7] -= 1;
            }
            if moved.code() & 15 == PieceType::King as u8 {
                self.kings[us] = origin as u8;
            }
        } else {
            self.hands[us].counts_mut()[(origin - 80) & 7] += 1;
        }
        self.keys = undo.keys;
        self.move_number = undo.move_number;
    }
}

impl TryFrom<&Setup> for Position {
    type Error = SetupError;

    fn try_from(setup: &Setup) -> Result<Position, SetupError> {
        Position::from_setup(setup)
    }
}

impl Default for Position {
    /// The start of an even game.
    fn default() -> Position {
        Position::startpos()
    }
}

impl PartialEq for Position {
    fn eq(&self, other: &Position) -> bool {
        self.board == other.board && self.hands == other.hands && self.turn == other.turn
    }
}

impl Eq for Position {}

impl Hash for Position {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.key());
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Position({})", self.to_sfen())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{random_games, sparse_positions};

    fn assert_same_in_every_field(a: &Position, b: &Position) {
        assert_eq!(a.classes, b.classes);
        assert_eq!(a.colors, b.colors);
        assert_eq!(a.keys, b.keys);
        assert_eq!(a.hands, b.hands);
        assert_eq!(a.board, b.board);
        assert_eq!(a.turn, b.turn);
        assert_eq!(a.kings, b.kings);
        assert_eq!(a.move_number, b.move_number);
    }

    /// Make keeps every field as a fresh position has it, and undo restores every field.
    #[test]
    fn make_agrees_with_a_fresh_position_and_undo_takes_it_back() {
        let check = |position: &mut Position| {
            let before = position.clone();
            for &mv in &position.legal_moves() {
                let undo = position.make(mv);
                assert_eq!(undo.captured(), before.piece_on(mv.to()));
                assert_eq!(position.move_number(), before.move_number() + 1);
                assert_ne!(*position, before);
                let fresh = Position::from_setup(&position.to_setup()).unwrap();
                assert_same_in_every_field(position, &fresh);
                position.undo(mv, undo);
                assert_same_in_every_field(position, &before);
                assert_eq!(*position, before);
            }
        };
        random_games(11, 8, check);
        sparse_positions(12, 2_000, check);
    }

    #[test]
    fn twins_swap_the_halves_of_the_key() {
        let check = |position: &mut Position| {
            let twin = position.flipped();
            assert_eq!(twin.keys(), position.keys().rotate_left(64));
            assert_eq!(twin.key(), position.key() ^ 1);
            assert_eq!(position.key() & 1, position.turn() as u64);
            assert_eq!(twin.flipped(), *position);
        };
        random_games(13, 32, check);
        sparse_positions(14, 2_000, check);
    }

    #[test]
    fn sfen_and_setup_come_back() {
        let check = |position: &mut Position| {
            let text = position.to_sfen();
            assert_same_in_every_field(&Position::from_sfen(&text).unwrap(), position);
            assert_eq!(Setup::from_sfen(&text), Ok(position.to_setup()));
            assert_eq!(position.to_setup().to_sfen(), text);
        };
        random_games(15, 32, check);
        sparse_positions(16, 2_000, check);
    }

    /// Files and datasets store keys: a change is a new `KEY_VERSION`.
    #[test]
    fn keys_are_pinned() {
        for (sfen, key) in [
            ("9/9/9/9/9/9/9/9/9 b - 1", 0),
            ("9/9/9/9/9/9/9/9/9 w - 1", 1),
            (
                "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1",
                0xbed4_f1a2_a033_e1bc,
            ),
            (
                "l6nl/5+P1gk/2np1S3/p1p4Pp/3P2Sp1/1PPb2P1P/P5GS1/R8/LN4bKL w RGgsn5p 1",
                0x20ba_97e9_461c_5807,
            ),
        ] {
            let position = Position::from_sfen(sfen).unwrap();
            assert_eq!(position.key(), key, "{sfen}: {:#018x}", position.key());
        }
    }

    #[test]
    fn equality_and_key_leave_the_move_number_out() {
        let mut position = Position::startpos();
        position.set_move_number(300);
        assert_eq!(position, Position::startpos());
        assert_eq!(position.key(), Position::startpos().key());
        assert_eq!(position.move_number(), 300);
        assert!(position.to_sfen().ends_with(" 300"));
    }

    #[test]
    fn the_last_move_number_stays() {
        let mut position = Position::startpos();
        position.set_move_number(u16::MAX);
        let mv = Move::from_usi("7g7f").unwrap();
        let undo = position.make(mv);
        assert_eq!(position.move_number(), u16::MAX);
        position.undo(mv, undo);
        assert_eq!(position.move_number(), u16::MAX);
    }

    #[test]
    fn setups_that_break_a_rule() {
        let check = |sfen: &str, error: SetupError| {
            assert_eq!(Position::try_from(&Setup::from_sfen(sfen).unwrap()), Err(error), "{sfen}");
        };
        let square = |usi| Square::from_usi(usi).unwrap();
        use Color::*;
        check("kk7/9/9/9/9/9/9/9/4K4 b - 1", SetupError::TwoKings(White, square("9a")));
        check(
            "k8/9/9/9/9/9/9/9/4K4 b 3R 1",
            SetupError::TooMany { kind: PieceType::Rook, count: 3 },
        );
        check(
            "k+b7/9/9/9/9/9/9/9/4K4 b 2B 1",
            SetupError::TooMany { kind: PieceType::Bishop, count: 3 },
        );
        check("4k4/9/9/9/9/9/9/9/4R4 b - 1", SetupError::OpponentInCheck(White));
        check("4k4/9/9/9/9/9/9/4r4/4K4 w - 1", SetupError::OpponentInCheck(Black));
        let zero = Setup { move_number: 0, ..Setup::startpos() };
        assert_eq!(Position::from_setup(&zero), Err(SetupError::MoveNumber));
    }

    #[test]
    fn pawns_may_share_a_file_and_pieces_may_have_no_moves() {
        for sfen in [
            "4k4/9/9/9/P8/+P8/+P8/9/4K4 b - 1",
            "4k4/9/9/9/9/P8/9/9/P3K4 b - 1",
            "PL2k4/2N6/9/9/9/9/9/7n1/4K2lp w - 1",
        ] {
            assert_eq!(Position::from_sfen(sfen).unwrap().to_sfen(), sfen);
        }
    }

    #[test]
    fn handicaps_are_legal_and_white_starts() {
        use crate::setup::Handicap;
        for handicap in Handicap::ALL {
            let position = Position::from_setup(&Setup::handicap(handicap)).unwrap();
            let expected = if handicap == Handicap::Even { Color::Black } else { Color::White };
            assert_eq!(position.turn(), expected);
        }
        let sizes = Handicap::ALL
            .map(|handicap| 40 - Setup::handicap(handicap).board.iter().flatten().count());
        assert_eq!(sizes, [0, 1, 1, 1, 1, 2, 2, 3, 4, 5, 5, 6, 7, 7, 8, 10]);
    }

    #[test]
    fn the_squares_of_a_kind_are_those_of_the_board() {
        random_games(47, 16, |position| {
            for color in Color::ALL {
                for kind in PieceType::ALL {
                    let expected = position.to_setup().squares_of(color, kind).collect();
                    assert_eq!(position.squares_of(color, kind), expected);
                }
            }
        });
    }
}
