//! The two sides.

use std::fmt;
use std::ops::Not;

/// A side: Black (先手) moves first in even games, White (後手, 上手) in handicap games.
///
/// ```
/// use maou_shogi::Color;
/// assert_eq!(Color::Black.opponent(), Color::White);
/// assert_eq!(Color::White as u8, 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Color {
    /// 先手 or 下手: moves up the board, towards rank a.
    Black = 0,
    /// 後手 or 上手: moves down the board, towards rank i.
    White = 1,
}

impl Color {
    /// Both colors, Black first.
    pub const ALL: [Color; 2] = [Color::Black, Color::White];

    /// The other side.
    #[inline]
    pub const fn opponent(self) -> Color {
        match self {
            Color::Black => Color::White,
            Color::White => Color::Black,
        }
    }

    /// 0 for Black, 1 for White.
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl Not for Color {
    type Output = Color;

    #[inline]
    fn not(self) -> Color {
        self.opponent()
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Color::Black => "Black",
            Color::White => "White",
        })
    }
}
