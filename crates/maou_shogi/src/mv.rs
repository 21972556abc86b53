//! Moves in sixteen bits.

use std::fmt;

use crate::piece::PieceType;
use crate::square::Square;

/// A move, in cshogi's `move16` layout: target in bits 0–6, origin in bits 7–13 (a drop: 81 plus
/// P 0, L 1, N 2, S 3, B 4, R 5, G 6), promotion in bit 14.
///
/// Every value is well-formed (origin and target differ, no drop promotes); whether it is legal
/// is the position's question.
///
/// ```
/// use maou_shogi::Move;
/// let mv = Move::from_usi("7g7f").unwrap();
/// assert_eq!(mv.move16(), 7739);
/// assert_eq!(Move::from_usi("P*5e").unwrap().to_string(), "P*5e");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Move(u16);

const PROMOTION: u16 = 1 << 14;

impl Move {
    /// A move of a piece on the board.
    ///
    /// # Panics
    /// If `from` and `to` are the same square.
    #[inline]
    pub const fn board(from: Square, to: Square, promote: bool) -> Move {
        assert!(from.index() != to.index(), "a move changes the square");
        Move((from.index() << 7 | to.index()) as u16 | if promote { PROMOTION } else { 0 })
    }

    /// A drop of a piece from the hand.
    ///
    /// # Panics
    /// If no hand can hold this kind: a king, or a promoted kind.
    #[inline]
    pub const fn drop(piece_type: PieceType, to: Square) -> Move {
        assert!((piece_type as u8) < 8, "kings and promoted pieces are not dropped");
        Move((80 + piece_type as u16) << 7 | to.index() as u16)
    }

    /// The move with these bits, unless they are no move: a square above 80, a drop of an unknown
    /// kind or with promotion, the same origin and target, or bit 15.
    #[inline]
    pub const fn from_move16(bits: u16) -> Option<Move> {
        let to = bits & 127;
        let from = bits >> 7 & 127;
        let is_board = from < 81 && from != to && bits >> 15 == 0;
        let is_drop = from >= 81 && from < 88 && bits >> 14 == 0;
        if to < 81 && (is_board || is_drop) { Some(Move(bits)) } else { None }
    }

    /// The move with these bits; the caller knows that they are one.
    #[inline]
    pub(crate) const fn from_bits(bits: u16) -> Move {
        debug_assert!(Move::from_move16(bits).is_some());
        Move(bits)
    }

    /// The move as 16 bits, in the layout described above.
    #[inline]
    pub const fn move16(self) -> u16 {
        self.0
    }

    /// The move with these bits in YaneuraOu's layout, unless they are no move there: target in
    /// bits 0–6, origin in bits 7–13 (a drop: P 1, L 2, N 3, S 4, B 5, R 6, G 7), bit 14 for a drop,
    /// bit 15 for a promotion.
    #[inline]
    pub const fn from_yaneuraou16(bits: u16) -> Option<Move> {
        let low = bits & (PROMOTION - 1);
        match bits >> 14 {
            0 if low >> 7 < 81 => Move::from_move16(low),
            1 if low >> 7 >= 1 && low >> 7 <= 7 => Move::from_move16(low + (80 << 7)),
            2 if low >> 7 < 81 => Move::from_move16(low | PROMOTION),
            _ => None,
        }
    }

    /// The move in YaneuraOu's layout, see [`from_yaneuraou16`](Move::from_yaneuraou16).
    #[inline]
    pub const fn yaneuraou16(self) -> u16 {
        let low = self.0 & (PROMOTION - 1);
        if self.origin() >= 81 {
            (low - (80 << 7)) | (1 << 14)
        } else {
            low | (self.0 & PROMOTION) << 1
        }
    }

    /// The target square.
    #[inline]
    pub const fn to(self) -> Square {
        Square::from_bit(self.0 as u32 & 127)
    }

    /// The origin, or 81 + kind − 1 for a drop.
    #[inline]
    pub(crate) const fn origin(self) -> usize {
        (self.0 >> 7 & 127) as usize
    }

    /// The square that the piece leaves; nothing for a drop.
    #[inline]
    pub const fn from(self) -> Option<Square> {
        Square::from_index((self.0 >> 7 & 127) as u8)
    }

    /// The kind of piece that is dropped; nothing for a move on the board.
    #[inline]
    pub const fn dropped(self) -> Option<PieceType> {
        PieceType::from_number((self.origin() as u8).saturating_sub(80))
    }

    /// Whether the piece promotes.
    #[inline]
    pub const fn is_promotion(self) -> bool {
        self.0 & PROMOTION != 0
    }

    /// The same move with the board turned by 180°, as the opponent would name it.
    #[inline]
    pub const fn flip(self) -> Move {
        let from = self.0 >> 7 & 127;
        let from = if from < 81 { 80 - from } else { from };
        Move(self.0 & PROMOTION | from << 7 | (80 - (self.0 & 127)))
    }

    /// Reads a move as USI writes it, such as `7g7f`, `8h2b+` or `P*5e`.
    ///
    /// # Errors
    /// If the text is no move; the message names the text and the form that was expected.
    pub fn from_usi(text: &str) -> Result<Move, UsiError> {
        parse_usi(text).ok_or_else(|| UsiError {
            message: format!("expected a move such as `7g7f`, `8h2b+` or `P*5e`, found `{text}`"),
        })
    }

    /// The move as USI writes it.
    pub fn to_usi(self) -> String {
        self.to_string()
    }
}

fn parse_usi(text: &str) -> Option<Move> {
    let (head, tail) = (text.get(..2)?, text.get(2..4)?);
    let to = Square::from_usi(tail)?;
    match (head.as_bytes(), &text[4..]) {
        (&[letter, b'*'], "") => {
            let kind = PieceType::from_letter(letter).filter(|&kind| kind != PieceType::King)?;
            Some(Move::drop(kind, to))
        }
        (_, promotion @ ("" | "+")) => {
            let from = Square::from_usi(head).filter(|&from| from != to)?;
            Some(Move::board(from, to, promotion == "+"))
        }
        _ => None,
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from(), self.dropped()) {
            (Some(from), _) => write!(f, "{from}{}", self.to())?,
            (None, Some(kind)) => write!(f, "{}*{}", kind.to_sfen(), self.to())?,
            (None, None) => unreachable!("a move has an origin or a dropped piece"),
        }
        if self.is_promotion() { f.write_str("+") } else { Ok(()) }
    }
}

impl fmt::Debug for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Move {
    type Err = UsiError;

    fn from_str(text: &str) -> Result<Move, UsiError> {
        Move::from_usi(text)
    }
}

/// A text that is no USI move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsiError {
    /// What was expected, and what was found.
    pub message: String,
}

impl fmt::Display for UsiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for UsiError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_pinned() {
        for (usi, bits) in [
            ("7g7f", 7739),
            ("3c3d", 2581),
            ("8h2b+", 16384 + (70 << 7) + 10),
            ("1a1b", 1),
            ("P*1a", 81 << 7),
            ("L*5e", (82 << 7) + 40),
            ("N*5e", (83 << 7) + 40),
            ("S*5e", (84 << 7) + 40),
            ("B*5e", (85 << 7) + 40),
            ("R*5e", (86 << 7) + 40),
            ("G*9i", (87 << 7) + 80),
        ] {
            let mv = Move::from_usi(usi).unwrap();
            assert_eq!(mv.move16(), bits, "{usi}");
            assert_eq!(mv.to_usi(), usi);
        }
    }

    /// As cshogi's `move16_to_psv` writes them.
    #[test]
    fn yaneuraous_bits_are_pinned() {
        for (usi, bits) in [
            ("7g7f", 7739),
            ("8h2b+", 41738),
            ("P*5e", 16552),
            ("L*5e", 16680),
            ("N*5e", 16808),
            ("S*5e", 16936),
            ("B*5e", 17064),
            ("R*5e", 17192),
            ("G*5e", 17320),
        ] {
            let mv = Move::from_usi(usi).unwrap();
            assert_eq!(mv.yaneuraou16(), bits, "{usi}");
            assert_eq!(Move::from_yaneuraou16(bits), Some(mv));
        }
    }

    #[test]
    fn every_pattern_of_yaneuraou_is_a_move_that_round_trips_or_none() {
        let mut n_moves = 0;
        for bits in 0..=u16::MAX {
            let Some(mv) = Move::from_yaneuraou16(bits) else { continue };
            n_moves += 1;
            assert_eq!(mv.yaneuraou16(), bits, "{mv}");
        }
        assert_eq!(n_moves, 2 * 81 * 80 + 7 * 81);
    }

    #[test]
    fn every_pattern_is_a_move_that_round_trips_or_none() {
        let mut n_moves = 0;
        for bits in 0..=u16::MAX {
            let Some(mv) = Move::from_move16(bits) else { continue };
            n_moves += 1;
            assert_eq!(mv.move16(), bits);
            assert_eq!(Move::from_usi(&mv.to_usi()), Ok(mv));
            assert_eq!(mv.flip().flip(), mv);
            let same = match (mv.from(), mv.dropped()) {
                (Some(from), None) => Move::board(from, mv.to(), mv.is_promotion()),
                (None, Some(kind)) => Move::drop(kind, mv.to()),
                _ => panic!("{mv} is neither on the board nor a drop"),
            };
            assert_eq!(same, mv);
        }
        assert_eq!(n_moves, 2 * 81 * 80 + 7 * 81);
    }

    #[test]
    fn other_texts_are_errors() {
        for text in ["", "7g", "7g7", "7g7f++", "7g7g", "K*5e", "+P*5e", "P*5e+", "p*5e", "７七"]
        {
            let message =
                format!("expected a move such as `7g7f`, `8h2b+` or `P*5e`, found `{text}`");
            assert_eq!(Move::from_usi(text), Err(UsiError { message }));
        }
    }
}
