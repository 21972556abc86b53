//! Who attacks whom: checks, pins, the squares around a king, and mates by a dropped pawn.

use crate::attacks::{self as at, BLACK, WHITE, bit, for_each_square, forward};
use crate::bitboard::{ALL_SQUARES, Bitboard};
use crate::color::Color;
use crate::piece::PieceType;
use crate::position::{BISHOP, GOLD, KING, KNIGHT, LANCE, PAWN, Position, ROOK, SILVER};
use crate::square::Square;

/// The squares around a king that a side attacks, when `occupied` stands on the board (the king
/// itself left out, so that sliders see through it).
#[inline(always)]
pub(crate) fn danger<const BY: usize>(position: &Position, king: usize, occupied: u128) -> u128 {
    let by = position.colors[BY];
    let classes = &position.classes;
    let reach = &at::REACH[1 - BY][king];
    let knights = by & classes[KNIGHT] & !at::LAST_TWO[BY];
    let mut attacked = forward::<BY>(by & classes[PAWN] & !at::LAST[BY], 1)
        | knight_left::<BY>(knights)
        | knight_right::<BY>(knights);
    for_each_square!(s in by & classes[SILVER] & reach.silver => { attacked |= at::SILVER[BY][s]; });
    for_each_square!(s in by & classes[GOLD] & reach.gold => { attacked |= at::GOLD[BY][s]; });
    for_each_square!(s in by & classes[KING] & reach.king => { attacked |= at::KING[s]; });
    for_each_square!(s in by & classes[LANCE] & reach.lance => {
        attacked |= at::lance::<BY>(s, occupied);
    });
    for_each_square!(s in by & classes[BISHOP] & reach.bishop => {
        attacked |= at::bishop(s, occupied);
    });
    for_each_square!(s in by & classes[ROOK] & reach.rook => {
        attacked |= at::rook(s, occupied);
    });
    attacked
}

/// Two ranks forward and one file up in number; what leaves the board is above its 81 bits, below
/// them, or never there since `knights` leaves out the last two ranks.
pub(crate) const fn knight_left<const US: usize>(knights: u128) -> u128 {
    if US == BLACK { knights << 7 } else { knights << 11 }
}

/// Two ranks forward and one file down in number.
pub(crate) const fn knight_right<const US: usize>(knights: u128) -> u128 {
    if US == BLACK { knights >> 11 } else { knights >> 7 }
}

/// The pieces among `them` (the opponents of `US`) that attack a square by steps.
#[inline(always)]
pub(crate) fn step_attackers<const US: usize>(
    classes: &[u128; 8],
    square: usize,
    them: u128,
) -> u128 {
    let near_kings = classes[KING];
    them & (at::PAWN[US][square] & classes[PAWN]
        | at::KNIGHT[US][square] & classes[KNIGHT]
        | at::SILVER[US][square] & (classes[SILVER] | near_kings)
        | at::GOLD[US][square] & (classes[GOLD] | near_kings))
}

/// The sliders among `them` (the opponents of `US`) that would attack a square on an empty board.
#[inline(always)]
pub(crate) fn snipers<const US: usize>(classes: &[u128; 8], square: usize, them: u128) -> u128 {
    them & (at::CROSS[square] & classes[ROOK]
        | at::DIAGONALS[square] & classes[BISHOP]
        | at::AHEAD[US][square] & classes[LANCE])
}

/// The pieces that check the king of `US`, and those of both sides that alone stand between it
/// and a slider.
#[inline(always)]
pub(crate) fn checkers_and_blockers<const US: usize>(
    position: &Position,
    king: usize,
) -> (u128, u128) {
    let them = position.colors[1 - US];
    let occupied = position.occupied_bits();
    let mut checkers = step_attackers::<US>(&position.classes, king, them);
    let mut blockers = 0;
    for_each_square!(sniper in snipers::<US>(&position.classes, king, them) => {
        let between = at::between(king, sniper) & occupied;
        if between == 0 {
            checkers |= bit(sniper);
        } else if between & (between - 1) == 0 {
            blockers |= between;
        }
    });
    (checkers, blockers)
}

/// Whether a king of `US` on this square would be attacked by `them`, with these squares occupied.
#[inline(always)]
pub(crate) fn is_attacked<const US: usize>(
    classes: &[u128; 8],
    king: usize,
    them: u128,
    occupied: u128,
) -> bool {
    if step_attackers::<US>(classes, king, them) != 0 {
        return true;
    }
    for_each_square!(sniper in snipers::<US>(classes, king, them) => {
        if at::between(king, sniper) & occupied == 0 {
            return true;
        }
    });
    false
}

/// What the piece of `US` on a square attacks; the boards tell what it is.
#[inline(always)]
pub(crate) fn attack_of<const US: usize>(
    position: &Position,
    square: usize,
    occupied: u128,
) -> u128 {
    let Some(piece) = position.board[square] else { return 0 };
    use PieceType::*;
    match piece.piece_type() {
        Pawn => at::PAWN[US][square],
        Lance => at::lance::<US>(square, occupied),
        Knight => at::KNIGHT[US][square],
        Silver => at::SILVER[US][square],
        Bishop => at::bishop(square, occupied),
        Rook => at::rook(square, occupied),
        Gold | ProPawn | ProLance | ProKnight | ProSilver => at::GOLD[US][square],
        King => at::KING[square],
        Horse => at::bishop(square, occupied) | at::KING[square],
        Dragon => at::rook(square, occupied) | at::KING[square],
    }
}

/// Whether a pawn of `US` dropped on `front`, which checks their king, mates it.
pub(crate) fn mates_by_pawn<const US: usize, const THEM: usize>(
    position: &Position,
    king: usize,
    front: usize,
) -> bool {
    let classes = &position.classes;
    let ours = position.colors[US];
    let theirs = position.colors[THEM];
    let occupied = position.occupied_bits();
    // Their king takes the pawn unless something of ours guards it. No slider of ours can stand
    // behind the king, since it is not in check.
    if !is_attacked::<THEM>(classes, front, ours, occupied) {
        return false;
    }
    // Another piece takes it, if the pin that it may be under lets it.
    let king_bit = bit(king);
    let mut takers = step_attackers::<US>(classes, front, theirs & !king_bit);
    for_each_square!(sniper in snipers::<US>(classes, front, theirs) => {
        if at::between(front, sniper) & occupied == 0 {
            takers |= bit(sniper);
        }
    });
    if takers != 0 {
        let (_, pinned) = checkers_and_blockers::<THEM>(position, king);
        if takers & !(pinned & !at::line(king, front)) != 0 {
            return false;
        }
    }
    let flights = at::KING[king] & !theirs & !bit(front);
    flights & !danger::<US>(position, king, (occupied ^ king_bit) | bit(front)) == 0
}

/// Where pawns of `US` may be dropped, among these empty squares, but for the mate rule.
#[inline(always)]
pub(crate) fn pawn_drop_targets<const US: usize>(position: &Position, targets: u128) -> u128 {
    targets & !at::LAST[US] & at::empty_files(position.classes[PAWN] & position.colors[US])
}

/// Where a piece that leaves this square may promote.
#[inline(always)]
pub(crate) const fn promoting_targets<const US: usize>(from: usize) -> u128 {
    if at::ZONE[US] & bit(from) != 0 { ALL_SQUARES } else { at::ZONE[US] }
}

/// The squares on which an unpromoted piece of this kind could not move again.
#[inline(always)]
pub(crate) const fn no_moves<const US: usize>(kind: PieceType) -> u128 {
    match kind {
        PieceType::Pawn | PieceType::Lance => at::LAST[US],
        PieceType::Knight => at::LAST_TWO[US],
        _ => 0,
    }
}

impl Position {
    /// Whether a side's king is attacked.
    pub(crate) fn attacked_king(&self, color: Color) -> bool {
        let king = self.king_index(color.index());
        let them = self.colors[1 - color.index()];
        let occupied = self.occupied_bits();
        king < 81
            && match color {
                Color::Black => is_attacked::<BLACK>(&self.classes, king, them, occupied),
                Color::White => is_attacked::<WHITE>(&self.classes, king, them, occupied),
            }
    }

    /// The pieces that check the side to move.
    pub fn checkers(&self) -> Bitboard {
        let king = self.king_index(self.turn().index());
        if king >= 81 {
            return Bitboard::EMPTY;
        }
        Bitboard::from_bits(match self.turn() {
            Color::Black => checkers_and_blockers::<BLACK>(self, king).0,
            Color::White => checkers_and_blockers::<WHITE>(self, king).0,
        })
    }

    /// Whether the side to move is in check.
    #[inline]
    pub fn in_check(&self) -> bool {
        self.attacked_king(self.turn())
    }

    /// The squares that the piece on a square attacks, own pieces included: nothing if it is empty.
    pub fn attacks_from(&self, square: Square) -> Bitboard {
        let occupied = self.occupied_bits();
        Bitboard::from_bits(match self.piece_on(square).map(|piece| piece.color()) {
            Some(Color::Black) => attack_of::<BLACK>(self, square.index(), occupied),
            Some(Color::White) => attack_of::<WHITE>(self, square.index(), occupied),
            None => 0,
        })
    }
}
