//! Squares of the board.

use std::fmt;

/// A square: 9 · (file − 1) + (rank − 1), so 1a = 0, 7f = 59 and 9i = 80.
///
/// ```
/// use maou_shogi::Square;
/// let square = Square::from_usi("7f").unwrap();
/// assert_eq!((square.index(), square.file(), square.rank()), (59, 6, 5));
/// assert_eq!(square.flip().to_string(), "3d");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Square(u8);

impl Square {
    /// The number of squares.
    pub const COUNT: usize = 81;

    /// The square on a file and a rank, both counted from 0 (file 0 = 1筋, rank 0 = 一段).
    ///
    /// # Panics
    /// If `file` or `rank` is 9 or more.
    #[inline]
    pub const fn new(file: u8, rank: u8) -> Square {
        assert!(file < 9 && rank < 9, "file and rank are below 9");
        Square(9 * file + rank)
    }

    /// The square with this number, if it is below 81.
    #[inline]
    pub const fn from_index(index: u8) -> Option<Square> {
        if index < 81 { Some(Square(index)) } else { None }
    }

    /// The square of a set bit of a board; the caller knows that `index` is below 81.
    #[inline]
    pub(crate) const fn from_bit(index: u32) -> Square {
        debug_assert!(index < 81);
        Square(index as u8)
    }

    /// All squares, in order of their numbers.
    pub fn all() -> impl DoubleEndedIterator<Item = Square> + ExactSizeIterator {
        (0..81).map(Square)
    }

    /// The number of the square, 0 to 80.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The file from 0 (1筋) to 8 (9筋).
    #[inline]
    pub const fn file(self) -> u8 {
        self.0 / 9
    }

    /// The rank from 0 (一段, a) to 8 (九段, i).
    #[inline]
    pub const fn rank(self) -> u8 {
        self.0 % 9
    }

    /// The square that the opponent would call by this square's name: the board turned by 180°.
    #[inline]
    pub const fn flip(self) -> Square {
        Square(80 - self.0)
    }

    /// Reads a square as USI writes it, such as `7f`.
    pub const fn from_usi(text: &str) -> Option<Square> {
        match text.as_bytes() {
            &[file @ b'1'..=b'9', rank @ b'a'..=b'i'] => {
                Some(Square::new(file - b'1', rank - b'a'))
            }
            _ => None,
        }
    }

    /// The square as USI writes it, such as `7f`.
    pub fn to_usi(self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Square {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", (b'1' + self.file()) as char, (b'a' + self.rank()) as char)
    }
}

impl fmt::Debug for Square {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_pinned() {
        for (name, index) in [("1a", 0), ("1i", 8), ("2b", 10), ("5e", 40), ("7f", 59), ("9i", 80)]
        {
            let square = Square::from_usi(name).unwrap();
            assert_eq!(square.index(), index, "{name}");
            assert_eq!(square.to_usi(), name);
            assert_eq!(Square::new(square.file(), square.rank()), square);
            assert_eq!(square.flip().index(), 80 - index);
        }
        assert_eq!(Square::from_index(81), None);
        assert_eq!(Square::all().len(), 81);
    }

    #[test]
    fn other_names_are_no_squares() {
        for text in ["", "7", "7f ", "0a", "7j", "f7", "７f"] {
            assert_eq!(Square::from_usi(text), None, "{text}");
        }
    }
}
