//! `PackedSfen`, the 32-byte form of positions that YaneuraOu and its relatives use.
//!
//! The codec is that of [`huffman`](crate::huffman), with these codes.

use crate::hcp::HcpError;
use crate::huffman::{self, Code, Scheme, Tables};
use crate::position::Position;

/// A piece in hand is its code on the board without the first bit, then a 0 where the board tells
/// promotion, which gold has not.
pub(crate) const SCHEME: Scheme = Scheme {
    board: [
        Code { bits: 0, len: 1 },
        Code { bits: 0b01, len: 2 },
        Code { bits: 0b0011, len: 4 },
        Code { bits: 0b1011, len: 4 },
        Code { bits: 0b0111, len: 4 },
        Code { bits: 0b01_1111, len: 6 },
        Code { bits: 0b11_1111, len: 6 },
        Code { bits: 0b0_1111, len: 5 },
    ],
    is_color_first: false,
    hand: [
        Code { bits: 0, len: 0 },
        Code { bits: 0b00, len: 2 },
        Code { bits: 0b0001, len: 4 },
        Code { bits: 0b0101, len: 4 },
        Code { bits: 0b0011, len: 4 },
        Code { bits: 0b00_1111, len: 6 },
        Code { bits: 0b01_1111, len: 6 },
        Code { bits: 0b0111, len: 4 },
    ],
    missing: [
        Code { bits: 0, len: 0 },
        Code { bits: 0b010, len: 3 },
        Code { bits: 0b0_1001, len: 5 },
        Code { bits: 0b0_1101, len: 5 },
        Code { bits: 0b0_1011, len: 5 },
        Code { bits: 0b010_1111, len: 7 },
        Code { bits: 0b011_1111, len: 7 },
        Code { bits: 0b1_1011, len: 5 },
    ],
};

pub(crate) static TABLES: Tables = Tables::new(&SCHEME, &crate::hcp::SCHEME);

impl Position {
    /// The position as YaneuraOu's 32 bytes, as cshogi writes them; move number and history are
    /// not part of it.
    ///
    /// ```
    /// use maou_shogi::Position;
    /// let bytes = Position::startpos().to_packed_sfen().unwrap();
    /// assert_eq!(Position::from_packed_sfen(&bytes), Ok(Position::startpos()));
    /// ```
    ///
    /// # Errors
    /// [`HcpError::NoKing`] unless both sides have a king.
    #[inline]
    pub fn to_packed_sfen(&self) -> Result<[u8; 32], HcpError> {
        huffman::encode(self, &TABLES)
    }

    /// The position of YaneuraOu's 32 bytes, with move number 1.
    ///
    /// # Errors
    /// If the bytes do not hold exactly one full set of pieces in 256 bits, or the position breaks
    /// a rule.
    #[inline]
    pub fn from_packed_sfen(bytes: &[u8; 32]) -> Result<Position, HcpError> {
        huffman::decode(bytes, &TABLES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hcp;
    use crate::huffman::HandOrder;
    use crate::setup::{Handicap, Setup};
    use crate::testing::{Random, hex, random_games, sparse_positions};

    #[test]
    fn every_position_with_two_kings_comes_back_and_is_the_translated_hcp() {
        let check = |position: &mut Position| {
            let Ok(bytes) = position.to_packed_sfen() else { return };
            assert_eq!(Position::from_packed_sfen(&bytes).as_ref(), Ok(&*position));
            let hcp = position.to_hcp().unwrap();
            let order = HandOrder::Gold5th;
            let translated = huffman::translate(&hcp, &hcp::TABLES, &TABLES, order);
            assert_eq!(translated, Ok(bytes));
            let (again, translated, found) =
                huffman::decode_and_translate(&bytes, &TABLES, &hcp::TABLES).unwrap();
            assert_eq!((again, translated, found), (position.clone(), hcp, order));

            let order = HandOrder::Gold7th;
            let swapped = huffman::translate(&hcp, &hcp::TABLES, &TABLES, order).unwrap();
            let (again, translated, found) =
                huffman::decode_and_translate(&swapped, &TABLES, &hcp::TABLES).unwrap();
            let expected = if swapped == bytes { HandOrder::Gold5th } else { order };
            assert_eq!((again, translated, found), (position.clone(), hcp, expected));
        };
        random_games(31, 64, check);
        sparse_positions(32, 5_000, check);
    }

    /// As cshogi writes them.
    #[test]
    fn bytes_are_pinned() {
        for (setup, bytes) in [
            (Setup::startpos(), "58a451220ceb67227e9653221caf447824c22b119e53221ceb6f223e9651220c"),
            (Setup::handicap(Handicap::Ten), TEN),
            (Setup::from_sfen(MIXED).unwrap(), MIXED_BYTES),
        ] {
            let position = Position::from_setup(&setup).unwrap();
            assert_eq!(position.to_packed_sfen(), Ok(hex(bytes)), "{position:?}");
            assert_eq!(Position::from_packed_sfen(&hex(bytes)), Ok(position));
        }
    }

    const TEN: &str = "5924126120113f0b897090088f4420111e12e120111f0b8930a4d4da5a7bbf7e";
    const MIXED: &str = "l6nl/5+P1gk/2np1S3/p1p4Pp/3P2Sp1/1PPb2P1P/P5GS1/R8/LN4bKL w RGgsn5p 1";
    const MIXED_BYTES: &str = "2381510a86f515e900473c3ed5010020c52758530004cb48123fc3f99024ebbc";

    /// As YaneuraOu writes a hand of a gold and a rook.
    #[test]
    fn yaneuraous_order_of_the_hands_is_told() {
        let hcp = Position::from_sfen("4k4/9/9/9/9/9/9/9/4K4 b 2R2B4G4S4N4L18P 1").unwrap();
        let hcp = hcp.to_hcp().unwrap();
        let ours = huffman::translate(&hcp, &hcp::TABLES, &TABLES, HandOrder::Gold7th).unwrap();
        assert_eq!(ours, hex("582400000000000000000000000000000000104208a59432c6188fc7e773ce39"));
    }

    /// Changed bits give an error or another position that comes back, never a panic.
    #[test]
    fn any_bytes_are_a_position_or_an_error() {
        let mut random = Random::new(33);
        let mut n_decoded = 0;
        let mut check = |bytes: &[u8; 32]| {
            let found = huffman::decode_and_translate(bytes, &TABLES, &hcp::TABLES);
            assert_eq!(found.is_ok(), Position::from_packed_sfen(bytes).is_ok());
            if let Ok((position, hcp, order)) = found {
                n_decoded += 1;
                assert_eq!(position.to_hcp(), Ok(hcp));
                if order != HandOrder::Other {
                    let back = huffman::translate(&hcp, &hcp::TABLES, &TABLES, order);
                    assert_eq!(back, Ok(*bytes));
                }
            }
        };
        for _ in 0..20_000 {
            check(&std::array::from_fn(|_| random.below(256) as u8));
        }
        random_games(34, 16, |position| {
            let bytes = position.to_packed_sfen().unwrap();
            for bit in 0..256 {
                let mut bytes = bytes;
                bytes[bit / 8] ^= 1 << (bit % 8);
                check(&bytes);
            }
        });
        assert!(n_decoded > 1_000, "{n_decoded}");
    }
}
