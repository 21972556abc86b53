//! Pieces in hand.

use std::fmt;

use crate::piece::PieceType;

/// The pieces that one side holds in hand.
///
/// ```
/// use maou_shogi::{Hand, PieceType};
/// let mut hand = Hand::default();
/// hand.set(PieceType::Pawn, 3);
/// assert_eq!(hand.count(PieceType::Pawn), 3);
/// assert!(!hand.is_empty());
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Hand([u8; 8]);

impl Hand {
    /// Nothing in hand.
    pub const EMPTY: Hand = Hand([0; 8]);

    /// How many pieces of this kind; 0 for a king or a promoted kind.
    #[inline]
    pub const fn count(&self, piece_type: PieceType) -> u8 {
        if (piece_type as u8) < 8 { self.0[piece_type as usize] } else { 0 }
    }

    /// Sets how many pieces of this kind the hand holds.
    ///
    /// # Panics
    /// If no hand can hold this kind: a king, or a promoted kind.
    #[inline]
    pub fn set(&mut self, piece_type: PieceType, count: u8) {
        assert!((piece_type as u8) < 8, "a hand cannot hold a {}", piece_type.name());
        self.0[piece_type as usize] = count;
    }

    /// Whether the hand holds nothing.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        u64::from_le_bytes(self.0) == 0
    }

    /// The kinds held and their counts, in order of the kinds' numbers.
    pub fn iter(&self) -> impl Iterator<Item = (PieceType, u8)> + use<> {
        let hand = *self;
        PieceType::HAND.into_iter().map(move |kind| (kind, hand.count(kind))).filter(|kc| kc.1 > 0)
    }

    /// Whether this hand holds at least as many of every kind as the other.
    pub fn covers(&self, other: &Hand) -> bool {
        self.0.iter().zip(&other.0).all(|(ours, theirs)| ours >= theirs)
    }

    /// The counts by number of the kind; entry 0 is always 0.
    #[inline]
    pub(crate) const fn counts(&self) -> &[u8; 8] {
        &self.0
    }

    /// The counts by number of the kind, to be changed; entry 0 stays 0.
    #[inline]
    pub(crate) const fn counts_mut(&mut self) -> &mut [u8; 8] {
        &mut self.0
    }
}

impl fmt::Debug for Hand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_kept_by_kind() {
        let mut hand = Hand::default();
        assert!(hand.is_empty());
        hand.set(PieceType::Gold, 2);
        hand.set(PieceType::Pawn, 18);
        assert_eq!(hand.iter().collect::<Vec<_>>(), [(PieceType::Pawn, 18), (PieceType::Gold, 2)]);
        assert_eq!(hand.count(PieceType::King), 0);
        assert_eq!(hand.count(PieceType::ProPawn), 0);
        let mut fewer = hand;
        fewer.set(PieceType::Pawn, 17);
        assert!(hand.covers(&fewer) && hand.covers(&hand) && !fewer.covers(&hand));
    }

    #[test]
    #[should_panic(expected = "a hand cannot hold a king")]
    fn a_king_is_never_in_hand() {
        Hand::default().set(PieceType::King, 1);
    }
}
