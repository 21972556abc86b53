//! `HuffmanCodedPos`, the 32-byte form of positions that dlshogi, cshogi and Apery use.
//!
//! The codec is that of [`huffman`](crate::huffman), with these codes.

use std::fmt;

use crate::color::Color;
use crate::hand::Hand;
use crate::huffman::{self, Code, Scheme, Tables};
use crate::piece::{Piece, PieceType};
use crate::position::{Position, SetupError};
use crate::square::Square;

/// A position that has no 32-byte form, HCP or PackedSfen, or 32 bytes that are no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HcpError {
    /// This side has no king: the format needs both.
    NoKing(Color),
    /// This side's king is said to stand on a square with this number: above 80, or the square of
    /// the other king.
    KingSquare(Color, u8),
    /// The pieces of the board do not end where they should.
    Board,
    /// The bits from this one on, counted from 0, are no piece in hand or box.
    Hands(u16),
    /// There are not as many pieces of this kind as in a set.
    Count {
        /// The kind, unpromoted.
        kind: PieceType,
        /// How many there are.
        count: u16,
    },
    /// The pieces are arranged against the rules.
    Setup(SetupError),
}

impl fmt::Display for HcpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            HcpError::NoKing(color) => write!(f, "expected two kings, found none of {color}"),
            HcpError::KingSquare(color, square) => {
                write!(f, "expected a square of its own for {color}'s king, found `{square}`")
            }
            HcpError::Board => f.write_str("expected 79 squares in 256 bits, found fewer"),
            HcpError::Hands(bit) => {
                write!(f, "expected a piece in hand or box at bit {bit}, found none")
            }
            HcpError::Count { kind, count } => {
                write!(f, "expected {} {}s, found {count}", kind.total(), kind.name())
            }
            HcpError::Setup(ref error) => error.fmt(f),
        }
    }
}

impl std::error::Error for HcpError {}

pub(crate) const SCHEME: Scheme = Scheme {
    board: [
        Code { bits: 0, len: 1 },
        Code { bits: 0b01, len: 2 },
        Code { bits: 0b0011, len: 4 },
        Code { bits: 0b0111, len: 4 },
        Code { bits: 0b1011, len: 4 },
        Code { bits: 0b01_1111, len: 6 },
        Code { bits: 0b11_1111, len: 6 },
        Code { bits: 0b0_1111, len: 5 },
    ],
    is_color_first: true,
    hand: [
        Code { bits: 0, len: 0 },
        Code { bits: 0b00, len: 2 },
        Code { bits: 0b0001, len: 4 },
        Code { bits: 0b0011, len: 4 },
        Code { bits: 0b0101, len: 4 },
        Code { bits: 0b01_1111, len: 6 },
        Code { bits: 0b11_1111, len: 6 },
        Code { bits: 0b0111, len: 4 },
    ],
    missing: [
        Code { bits: 0, len: 0 },
        Code { bits: 0b010, len: 3 },
        Code { bits: 0b0_1001, len: 5 },
        Code { bits: 0b0_1011, len: 5 },
        Code { bits: 0b0_1101, len: 5 },
        Code { bits: 0b000_1111, len: 7 },
        Code { bits: 0b010_1111, len: 7 },
        Code { bits: 0b1_1101, len: 5 },
    ],
};

pub(crate) static TABLES: Tables = Tables::new(&SCHEME, &crate::packed_sfen::SCHEME);

impl Position {
    /// The position in 32 bytes; move number and history are not part of it.
    ///
    /// ```
    /// use maou_shogi::Position;
    /// let bytes = Position::startpos().to_hcp().unwrap();
    /// assert_eq!(Position::from_hcp(&bytes), Ok(Position::startpos()));
    /// ```
    ///
    /// # Errors
    /// [`HcpError::NoKing`] unless both sides have a king.
    #[inline]
    pub fn to_hcp(&self) -> Result<[u8; 32], HcpError> {
        huffman::encode(self, &TABLES)
    }

    /// The position as the side to move sees it, in 32 bytes: as it is with Black to move, turned
    /// by 180° with colors swapped with White to move, so that Black is to move there, too.
    ///
    /// # Errors
    /// [`HcpError::NoKing`] unless both sides have a king.
    #[inline]
    pub fn to_hcp_seen(&self) -> Result<[u8; 32], HcpError> {
        match self.turn() {
            Color::Black => huffman::encode(self, &TABLES),
            Color::White => huffman::encode_turned(self, &TABLES),
        }
    }

    /// The position of these 32 bytes, with move number 1.
    ///
    /// # Errors
    /// If the bytes do not hold exactly one full set of pieces in 256 bits, or the position breaks
    /// a rule.
    #[inline]
    pub fn from_hcp(bytes: &[u8; 32]) -> Result<Position, HcpError> {
        huffman::decode(bytes, &TABLES)
    }
}

/// 32 bytes of HCP that are read without making a position of them: for who looks for something in
/// very many.
///
/// ```
/// use maou_shogi::{HcpReader, Position};
/// let bytes = Position::startpos().to_hcp().unwrap();
/// let reader = HcpReader::new(&bytes).unwrap();
/// assert_eq!(reader.kings().map(|square| square.to_string()), ["5i", "5a"]);
/// let mut n_pieces = 0;
/// let hands = reader.pieces(|_, _| n_pieces += 1).unwrap();
/// assert_eq!((n_pieces, hands[0].is_empty()), (38, true));
/// ```
pub struct HcpReader(huffman::Head);

impl HcpReader {
    /// Reads the side to move and the kings.
    ///
    /// # Errors
    /// If there are not two of them.
    #[inline]
    pub fn new(bytes: &[u8; 32]) -> Result<HcpReader, HcpError> {
        huffman::head(bytes).map(HcpReader)
    }

    /// The side to move.
    #[inline]
    pub fn turn(&self) -> Color {
        self.0.turn
    }

    /// The squares of the kings, Black's first.
    #[inline]
    pub fn kings(&self) -> [Square; 2] {
        self.0.kings.map(|square| Square::from_bit(square as u32))
    }

    /// Hands the other pieces on the board to `place`, and returns what the hands hold.
    ///
    /// # Errors
    /// As of [`Position::from_hcp`]; but that no king can be taken is not looked at.
    #[inline]
    pub fn pieces(&self, mut place: impl FnMut(Piece, Square)) -> Result<[Hand; 2], HcpError> {
        let body = huffman::body::<false>(&self.0, &TABLES, |piece, square| {
            place(piece, Square::from_bit(square as u32));
        })?;
        let mut hands = [Hand::EMPTY; 2];
        for (hand, held) in hands.iter_mut().zip(&body.held) {
            hand.counts_mut().copy_from_slice(held);
        }
        Ok(hands)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::{Handicap, Setup};
    use crate::testing::{Random, hex, random_games, sparse_positions};

    #[test]
    fn every_position_with_two_kings_comes_back() {
        let check = |position: &mut Position| {
            if position.king(Color::Black).is_none() || position.king(Color::White).is_none() {
                assert!(matches!(position.to_hcp(), Err(HcpError::NoKing(_))));
                return;
            }
            let bytes = position.to_hcp().unwrap();
            let decoded = Position::from_hcp(&bytes).unwrap();
            assert_eq!(decoded, *position);
            let (black, white) = match position.turn() {
                Color::Black => (position.clone(), position.flipped()),
                Color::White => (position.flipped(), position.clone()),
            };
            assert_eq!(white.to_hcp_seen(), black.to_hcp());
            assert_eq!(black.to_hcp_seen(), black.to_hcp());
            assert_eq!(decoded.keys(), position.keys());
            assert_eq!(decoded.move_number(), 1);
            let mut board = [None; 81];
            let reader = HcpReader::new(&bytes).unwrap();
            for (color, king) in Color::ALL.into_iter().zip(reader.kings()) {
                board[king.index()] = Some(Piece::new(color, PieceType::King));
            }
            let hands = reader.pieces(|piece, square| board[square.index()] = Some(piece));
            assert_eq!((board, hands), (decoded.board, Ok(decoded.hands)));
            assert_eq!(reader.turn(), decoded.turn());
        };
        random_games(21, 64, check);
        sparse_positions(22, 5_000, check);
    }

    /// As cshogi writes them.
    #[test]
    fn bytes_are_pinned() {
        for (position, bytes) in [
            (Setup::startpos(), "58a449210cd757217e8e4d212caf427814c2ab109e4d212cd75f213e8e49210c"),
            (
                Setup::handicap(Handicap::Ten),
                "59240a61a0103f0785b050088f42a0101e0a61a1101f078530a4b4566bbd3f5e",
            ),
            (
                Setup::from_sfen(
                    "l6nl/5+P1gk/2np1S3/p1p4Pp/3P2Sp1/1PPb2P1P/P5GS1/R8/LN4bKL w RGgsn5p 1",
                )
                .unwrap(),
                "2381490986eb1565014b3cbee40200a0c417b84a0004c744113fc3f9912467bd",
            ),
        ] {
            let position = Position::from_setup(&position).unwrap();
            assert_eq!(position.to_hcp(), Ok(hex(bytes)), "{position:?}");
            assert_eq!(Position::from_hcp(&hex(bytes)), Ok(position));
        }
    }

    #[test]
    fn bytes_that_are_no_position() {
        let start = Position::startpos().to_hcp().unwrap();
        let check = |change: &dyn Fn(&mut [u8; 32]), error: HcpError, message: &str| {
            let mut bytes = start;
            change(&mut bytes);
            assert_eq!(Position::from_hcp(&bytes), Err(error));
            assert_eq!(error.to_string(), message);
        };
        check(
            &|bytes| bytes[0] = 82 << 1,
            HcpError::KingSquare(Color::Black, 82),
            "expected a square of its own for Black's king, found `82`",
        );
        check(
            &|bytes| bytes[0] = 81 << 1,
            HcpError::NoKing(Color::Black),
            "expected two kings, found none of Black",
        );
        check(
            &|bytes| bytes[0] = 36 << 1,
            HcpError::KingSquare(Color::White, 36),
            "expected a square of its own for White's king, found `36`",
        );
        check(
            &|bytes| bytes[2..].fill(255),
            HcpError::Board,
            "expected 79 squares in 256 bits, found fewer",
        );
    }

    /// Changed bits give an error or another position that comes back, never a panic.
    #[test]
    fn any_bytes_are_a_position_or_an_error() {
        let mut random = Random::new(23);
        let mut n_decoded = 0;
        let mut check = |bytes: &[u8; 32]| {
            if let Ok(position) = Position::from_hcp(bytes) {
                n_decoded += 1;
                assert_eq!(Position::from_hcp(&position.to_hcp().unwrap()), Ok(position));
            }
        };
        for _ in 0..20_000 {
            check(&std::array::from_fn(|_| random.below(256) as u8));
        }
        random_games(24, 16, |position| {
            let bytes = position.to_hcp().unwrap();
            for bit in 0..256 {
                let mut bytes = bytes;
                bytes[bit / 8] ^= 1 << (bit % 8);
                check(&bytes);
            }
        });
        assert!(n_decoded > 1_000, "{n_decoded}");
    }
}
