//! Sets of squares.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitXor, Not};

use crate::square::Square;

/// The bits of the 81 squares.
pub(crate) const ALL_SQUARES: u128 = (1 << 81) - 1;

/// A set of squares, one bit for each: bit n is the square with number n.
///
/// ```
/// use maou_shogi::{Bitboard, Square};
/// let board: Bitboard = [Square::new(6, 5)].into_iter().collect();
/// assert_eq!(board.bits(), 1 << 59);
/// assert!(board.contains(Square::new(6, 5)));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Bitboard(u128);

impl Bitboard {
    /// No square.
    pub const EMPTY: Bitboard = Bitboard(0);
    /// All 81 squares.
    pub const ALL: Bitboard = Bitboard(ALL_SQUARES);

    /// The set with these bits; bits from 81 on are dropped.
    #[inline]
    pub const fn from_bits(bits: u128) -> Bitboard {
        Bitboard(bits & ALL_SQUARES)
    }

    /// The bits of the set.
    #[inline]
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// Whether the set holds this square.
    #[inline]
    pub const fn contains(self, square: Square) -> bool {
        self.0 >> square.index() & 1 != 0
    }

    /// Whether the set is empty.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The number of squares in the set.
    #[inline]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The set with the board turned by 180°.
    #[inline]
    pub const fn flip(self) -> Bitboard {
        Bitboard(self.0.reverse_bits() >> 47)
    }

    /// The squares of the set, in order of their numbers.
    #[inline]
    pub const fn iter(self) -> Squares {
        Squares(self.0)
    }
}

/// The set bits of a board, from the lowest.
#[derive(Clone, Debug)]
pub struct Squares(u128);

impl Iterator for Squares {
    type Item = Square;

    #[inline]
    fn next(&mut self) -> Option<Square> {
        if self.0 == 0 {
            return None;
        }
        let index = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(Square::from_bit(index))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let n_left = self.0.count_ones() as usize;
        (n_left, Some(n_left))
    }
}

impl ExactSizeIterator for Squares {}

impl IntoIterator for Bitboard {
    type Item = Square;
    type IntoIter = Squares;

    #[inline]
    fn into_iter(self) -> Squares {
        self.iter()
    }
}

impl FromIterator<Square> for Bitboard {
    fn from_iter<I: IntoIterator<Item = Square>>(squares: I) -> Bitboard {
        Bitboard(squares.into_iter().fold(0, |bits, square| bits | 1 << square.index()))
    }
}

impl BitAnd for Bitboard {
    type Output = Bitboard;

    #[inline]
    fn bitand(self, other: Bitboard) -> Bitboard {
        Bitboard(self.0 & other.0)
    }
}

impl BitOr for Bitboard {
    type Output = Bitboard;

    #[inline]
    fn bitor(self, other: Bitboard) -> Bitboard {
        Bitboard(self.0 | other.0)
    }
}

impl BitXor for Bitboard {
    type Output = Bitboard;

    #[inline]
    fn bitxor(self, other: Bitboard) -> Bitboard {
        Bitboard(self.0 ^ other.0)
    }
}

impl Not for Bitboard {
    type Output = Bitboard;

    #[inline]
    fn not(self) -> Bitboard {
        Bitboard(!self.0 & ALL_SQUARES)
    }
}

impl fmt::Debug for Bitboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(*self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_its_squares() {
        let squares = [Square::new(0, 0), Square::new(6, 5), Square::new(8, 8)];
        let set: Bitboard = squares.into_iter().collect();
        assert_eq!(set.bits(), 1 | 1 << 59 | 1 << 80);
        assert_eq!(set.iter().collect::<Vec<_>>(), squares);
        assert_eq!((set.len(), set.is_empty()), (3, false));
        assert_eq!(set.flip().flip(), set);
        assert!(set.flip().contains(Square::new(6, 5).flip()));
        assert_eq!((!set).len(), 78);
        assert_eq!(set | !set, Bitboard::ALL);
        assert_eq!(set & !set, Bitboard::EMPTY);
        assert_eq!(set ^ set, Bitboard::EMPTY);
        assert_eq!(Bitboard::from_bits(u128::MAX), Bitboard::ALL);
    }
}
