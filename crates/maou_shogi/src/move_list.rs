//! Lists of moves.

use std::mem::MaybeUninit;
use std::ops::Deref;

use crate::attacks::for_each_square;
use crate::movegen::Sink;
use crate::mv::Move;

/// No position has more moves; 593 is the most that is known.
///
/// Seven kinds in hand drop on at most 7 · 81 − 9 − 9 − 18 squares, and every piece on the board
/// takes seven of them. Only rook and bishop (at most 32 moves with promotions), lances and silvers
/// (10) and the king (8) can move to more, and with one of each kind in hand there are 1, 1, 3, 3
/// and 1 of them: 531 + 25 + 25 + 9 + 9 + 1. Fewer kinds in hand come to less.
const CAPACITY: usize = 600;

/// The legal moves of a position, in an order that depends on the position alone: a slice of moves.
///
/// ```
/// use maou_shogi::{Move, Position};
/// let moves = Position::startpos().legal_moves();
/// assert!(moves.contains(&Move::from_usi("2g2f").unwrap()));
/// ```
#[derive(Clone)]
pub struct MoveList {
    len: usize,
    moves: [MaybeUninit<Move>; CAPACITY],
}

impl MoveList {
    pub(crate) const fn new() -> MoveList {
        MoveList { len: 0, moves: [const { MaybeUninit::uninit() }; CAPACITY] }
    }

    #[inline(always)]
    fn push(&mut self, bits: usize) {
        self.moves[self.len] = MaybeUninit::new(Move::from_bits(bits as u16));
        self.len += 1;
    }
}

impl Deref for MoveList {
    type Target = [Move];

    #[inline]
    fn deref(&self) -> &[Move] {
        let initialized = &self.moves[..self.len];
        // SAFETY: `push` writes the entries one after the other and counts them, so that all
        // below `len` are initialized, and `MaybeUninit<Move>` has the layout of `Move`.
        unsafe { &*(std::ptr::from_ref(initialized) as *const [Move]) }
    }
}

impl<'a> IntoIterator for &'a MoveList {
    type Item = &'a Move;
    type IntoIter = std::slice::Iter<'a, Move>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl std::fmt::Debug for MoveList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

const PROMOTION: usize = 1 << 14;

impl Sink for MoveList {
    #[inline(always)]
    fn steps(&mut self, step: i32, plain: u128, promoting: u128) {
        for_each_square!(to in plain => {
            self.push((to as i32 - step) as usize * 128 + to);
        });
        for_each_square!(to in promoting => {
            self.push(PROMOTION + (to as i32 - step) as usize * 128 + to);
        });
    }

    #[inline(always)]
    fn moves(&mut self, from: usize, plain: u128, promoting: u128) {
        for_each_square!(to in plain => {
            self.push(from * 128 + to);
        });
        for_each_square!(to in promoting => {
            self.push(PROMOTION + from * 128 + to);
        });
    }

    #[inline(always)]
    fn drops(&mut self, kinds: &[u8], targets: u128) {
        for &kind in kinds {
            for_each_square!(to in targets => {
                self.push((80 + kind as usize) * 128 + to);
            });
        }
    }
}
