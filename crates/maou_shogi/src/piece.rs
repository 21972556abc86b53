//! Kinds of pieces and pieces.

use std::fmt;
use std::num::NonZeroU8;

use crate::color::Color;

/// A kind of piece; promotion adds 8 to its number.
///
/// ```
/// use maou_shogi::PieceType;
/// assert_eq!(PieceType::Pawn.promoted(), Some(PieceType::ProPawn));
/// assert_eq!(PieceType::Horse.unpromoted(), PieceType::Bishop);
/// assert_eq!(PieceType::Gold.promoted(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum PieceType {
    /// 歩
    Pawn = 1,
    /// 香
    Lance = 2,
    /// 桂
    Knight = 3,
    /// 銀
    Silver = 4,
    /// 角
    Bishop = 5,
    /// 飛
    Rook = 6,
    /// 金
    Gold = 7,
    /// 王, 玉
    King = 8,
    /// と
    ProPawn = 9,
    /// 成香
    ProLance = 10,
    /// 成桂
    ProKnight = 11,
    /// 成銀
    ProSilver = 12,
    /// 馬
    Horse = 13,
    /// 竜, 龍
    Dragon = 14,
}

use PieceType::*;

/// By number; 0 and 15 are never asked for and repeat a neighbor.
const BY_NUMBER: [PieceType; 16] = [
    Pawn, Pawn, Lance, Knight, Silver, Bishop, Rook, Gold, King, ProPawn, ProLance, ProKnight,
    ProSilver, Horse, Dragon, Dragon,
];

impl PieceType {
    /// All kinds, in order of their numbers.
    pub const ALL: [PieceType; 14] = [
        Pawn, Lance, Knight, Silver, Bishop, Rook, Gold, King, ProPawn, ProLance, ProKnight,
        ProSilver, Horse, Dragon,
    ];

    /// The kinds that a hand can hold, in order of their numbers.
    pub const HAND: [PieceType; 7] = [Pawn, Lance, Knight, Silver, Bishop, Rook, Gold];

    /// The kind with this number, 1 to 14.
    #[inline]
    pub const fn from_number(number: u8) -> Option<PieceType> {
        if number >= 1 && number <= 14 { Some(BY_NUMBER[number as usize]) } else { None }
    }

    /// The number, 1 to 14.
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// What this kind becomes by promotion: nothing for gold, king and promoted kinds.
    #[inline]
    pub const fn promoted(self) -> Option<PieceType> {
        if self.can_promote() { Some(BY_NUMBER[self as usize + 8]) } else { None }
    }

    /// The kind before promotion; other kinds stay what they are.
    #[inline]
    pub const fn unpromoted(self) -> PieceType {
        if self.is_promoted() { BY_NUMBER[self as usize - 8] } else { self }
    }

    /// Whether this kind can promote.
    #[inline]
    pub const fn can_promote(self) -> bool {
        (self as u8) < Gold as u8
    }

    /// Whether this kind is a promoted one.
    #[inline]
    pub const fn is_promoted(self) -> bool {
        self as u8 > King as u8
    }

    /// How many pieces of this kind, promoted ones included, a set has; 2 for the king.
    pub const fn total(self) -> u8 {
        match self.unpromoted() {
            Pawn => 18,
            Bishop | Rook | King => 2,
            _ => 4,
        }
    }

    /// The kind as SFEN writes Black's piece, such as `P` or `+R`.
    pub const fn to_sfen(self) -> &'static str {
        match self {
            Pawn => "P",
            Lance => "L",
            Knight => "N",
            Silver => "S",
            Bishop => "B",
            Rook => "R",
            Gold => "G",
            King => "K",
            ProPawn => "+P",
            ProLance => "+L",
            ProKnight => "+N",
            ProSilver => "+S",
            Horse => "+B",
            Dragon => "+R",
        }
    }

    /// The unpromoted kind of an upper-case SFEN letter.
    pub const fn from_letter(letter: u8) -> Option<PieceType> {
        Some(match letter {
            b'P' => Pawn,
            b'L' => Lance,
            b'N' => Knight,
            b'S' => Silver,
            b'B' => Bishop,
            b'R' => Rook,
            b'G' => Gold,
            b'K' => King,
            _ => return None,
        })
    }

    /// The English name, in lower case, for messages.
    pub const fn name(self) -> &'static str {
        match self {
            Pawn => "pawn",
            Lance => "lance",
            Knight => "knight",
            Silver => "silver",
            Bishop => "bishop",
            Rook => "rook",
            Gold => "gold",
            King => "king",
            ProPawn => "promoted pawn",
            ProLance => "promoted lance",
            ProKnight => "promoted knight",
            ProSilver => "promoted silver",
            Horse => "horse",
            Dragon => "dragon",
        }
    }
}

/// A piece: a kind and the side that owns it, in one byte (`Option<Piece>` too).
///
/// ```
/// use maou_shogi::{Color, Piece, PieceType};
/// let piece = Piece::new(Color::White, PieceType::Dragon);
/// assert_eq!(piece.to_string(), "+r");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Piece(NonZeroU8);

impl Piece {
    /// The piece of this kind and side.
    #[inline]
    pub const fn new(color: Color, piece_type: PieceType) -> Piece {
        match NonZeroU8::new(piece_type as u8 | (color as u8) << 4) {
            Some(code) => Piece(code),
            None => unreachable!(),
        }
    }

    /// The piece with this code; the caller knows that it is one.
    #[inline]
    pub(crate) const fn from_code(code: u8) -> Option<Piece> {
        match NonZeroU8::new(code) {
            Some(code) => Some(Piece(code)),
            None => None,
        }
    }

    /// The number of the kind, plus 16 for White: below 32.
    #[inline]
    pub const fn code(self) -> u8 {
        self.0.get()
    }

    /// Whose piece it is.
    #[inline]
    pub const fn color(self) -> Color {
        if self.0.get() & 16 == 0 { Color::Black } else { Color::White }
    }

    /// What kind it is.
    #[inline]
    pub const fn piece_type(self) -> PieceType {
        BY_NUMBER[(self.0.get() & 15) as usize]
    }

    /// The same kind for the other side.
    #[inline]
    pub const fn flip(self) -> Piece {
        Piece::new(self.color().opponent(), self.piece_type())
    }
}

impl fmt::Display for Piece {
    /// The piece as SFEN writes it, such as `P`, `+b`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.piece_type().to_sfen();
        match self.color() {
            Color::Black => f.write_str(text),
            Color::White => f.write_str(&text.to_ascii_lowercase()),
        }
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_pinned() {
        let numbers: Vec<u8> = PieceType::ALL.iter().map(|&kind| kind as u8).collect();
        assert_eq!(numbers, (1..=14).collect::<Vec<u8>>());
        for (kind, number) in [(Pawn, 1), (Gold, 7), (King, 8), (ProPawn, 9), (Dragon, 14)] {
            assert_eq!(kind as u8, number);
            assert_eq!(PieceType::from_number(number), Some(kind));
        }
        assert_eq!(PieceType::from_number(0), None);
        assert_eq!(PieceType::from_number(15), None);
    }

    #[test]
    fn promotion_adds_eight_and_comes_back() {
        for kind in PieceType::ALL {
            if let Some(promoted) = kind.promoted() {
                assert_eq!(promoted as u8, kind as u8 + 8);
                assert_eq!(promoted.unpromoted(), kind);
                assert!(promoted.is_promoted() && promoted.promoted().is_none());
            }
        }
        assert_eq!(PieceType::ALL.iter().filter(|kind| kind.can_promote()).count(), 6);
        assert_eq!(PieceType::ALL[..8].iter().map(|kind| kind.total()).sum::<u8>(), 40);
    }

    #[test]
    fn a_piece_is_its_kind_and_color_in_one_byte() {
        assert_eq!(size_of::<Option<Piece>>(), 1);
        for color in Color::ALL {
            for kind in PieceType::ALL {
                let piece = Piece::new(color, kind);
                assert_eq!((piece.color(), piece.piece_type()), (color, kind));
                assert_eq!(piece.flip().flip(), piece);
                assert_ne!(piece.flip(), piece);
            }
        }
        assert_eq!(Piece::new(Color::White, ProSilver).to_string(), "+s");
    }
}
