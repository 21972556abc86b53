//! Legal moves: one generator for counting and listing, and a test of a single move.

use std::mem::MaybeUninit;
use std::ops::Deref;

use crate::attacks::{self as at, BLACK, WHITE, bit, for_each_square, forward};
use crate::bitboard::{ALL_SQUARES, Bitboard};
use crate::color::Color;
use crate::mv::Move;
use crate::piece::PieceType;
use crate::policy::{self, Mask, N_POLICY_LABELS};
use crate::position::{BISHOP, GOLD, KING, KNIGHT, LANCE, PAWN, Position, ROOK, SILVER};
use crate::square::Square;

/// Where generated moves go.
trait Sink {
    /// Moves of many pieces by one step: each comes from its target minus `step`.
    fn steps(&mut self, step: i32, plain: u128, promoting: u128);
    /// Moves of one piece.
    fn moves(&mut self, from: usize, plain: u128, promoting: u128);
    /// Drops of each of these kinds onto each target.
    fn drops(&mut self, kinds: &[u8], targets: u128);
}

/// Counts the moves without looking at them.
struct Counter(usize);

impl Sink for Counter {
    #[inline(always)]
    fn steps(&mut self, _step: i32, plain: u128, promoting: u128) {
        self.0 += (plain.count_ones() + promoting.count_ones()) as usize;
    }

    #[inline(always)]
    fn moves(&mut self, _from: usize, plain: u128, promoting: u128) {
        self.0 += (plain.count_ones() + promoting.count_ones()) as usize;
    }

    #[inline(always)]
    fn drops(&mut self, kinds: &[u8], targets: u128) {
        self.0 += targets.count_ones() as usize * kinds.len();
    }
}

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
    const fn new() -> MoveList {
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

impl Sink for Mask<'_> {
    #[inline(always)]
    fn steps(&mut self, step: i32, plain: u128, promoting: u128) {
        for_each_square!(to in plain => {
            self.board((to as i32 - step) as usize, to, 0);
        });
        for_each_square!(to in promoting => {
            self.board((to as i32 - step) as usize, to, policy::PROMOTION);
        });
    }

    #[inline(always)]
    fn moves(&mut self, from: usize, plain: u128, promoting: u128) {
        for_each_square!(to in plain => {
            self.board(from, to, 0);
        });
        for_each_square!(to in promoting => {
            self.board(from, to, policy::PROMOTION);
        });
    }

    #[inline(always)]
    fn drops(&mut self, kinds: &[u8], targets: u128) {
        for &kind in kinds {
            for_each_square!(to in targets => {
                self.drop(kind, to);
            });
        }
    }
}

/// The squares around a king that a side attacks, when `occupied` stands on the board (the king
/// itself left out, so that sliders see through it).
#[inline(always)]
fn danger<const BY: usize>(position: &Position, king: usize, occupied: u128) -> u128 {
    let by = position.colors[BY];
    let classes = &position.classes;
    let reach = &at::REACH[1 - BY][king];
    let knights = by & classes[KNIGHT];
    let mut attacked = forward::<BY>(by & classes[PAWN], 1)
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
/// them, or never there since knights do not stand on the last two ranks.
const fn knight_left<const US: usize>(knights: u128) -> u128 {
    if US == BLACK { knights << 7 } else { knights << 11 }
}

/// Two ranks forward and one file down in number.
const fn knight_right<const US: usize>(knights: u128) -> u128 {
    if US == BLACK { knights >> 11 } else { knights >> 7 }
}

/// The pieces among `them` (the opponents of `US`) that attack a square by steps.
#[inline(always)]
fn step_attackers<const US: usize>(classes: &[u128; 8], square: usize, them: u128) -> u128 {
    let near_kings = classes[KING];
    them & (at::PAWN[US][square] & classes[PAWN]
        | at::KNIGHT[US][square] & classes[KNIGHT]
        | at::SILVER[US][square] & (classes[SILVER] | near_kings)
        | at::GOLD[US][square] & (classes[GOLD] | near_kings))
}

/// The sliders among `them` (the opponents of `US`) that would attack a square on an empty board.
#[inline(always)]
fn snipers<const US: usize>(classes: &[u128; 8], square: usize, them: u128) -> u128 {
    them & (at::CROSS[square] & classes[ROOK]
        | at::DIAGONALS[square] & classes[BISHOP]
        | at::AHEAD[US][square] & classes[LANCE])
}

/// The pieces that check the king of `US`, and those of both sides that alone stand between it
/// and a slider.
#[inline(always)]
fn checkers_and_blockers<const US: usize>(position: &Position, king: usize) -> (u128, u128) {
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
fn is_attacked<const US: usize>(
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
fn attack_of<const US: usize>(position: &Position, square: usize, occupied: u128) -> u128 {
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
fn mates_by_pawn<const US: usize, const THEM: usize>(
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
fn pawn_drop_targets<const US: usize>(position: &Position, targets: u128) -> u128 {
    targets & !at::LAST[US] & at::empty_files(position.classes[PAWN] & position.colors[US])
}

#[inline(always)]
fn generate<const US: usize, const THEM: usize, S: Sink>(position: &Position, sink: &mut S) {
    let classes = &position.classes;
    let ours = position.colors[US];
    let occupied = position.occupied_bits();
    let king = position.king_index(US);
    let mut targets = ALL_SQUARES & !ours;
    let mut empty = ALL_SQUARES & !occupied;
    let mut pinned = 0;
    if king < 81 {
        let (checkers, blockers) = checkers_and_blockers::<US>(position, king);
        let around = at::KING[king] & !ours;
        if around != 0 {
            let attacked = danger::<THEM>(position, king, occupied ^ bit(king));
            sink.moves(king, around & !attacked, 0);
        }
        pinned = blockers & ours;
        if checkers != 0 {
            if checkers & (checkers - 1) != 0 {
                return;
            }
            let between = at::between(king, checkers.trailing_zeros() as usize);
            targets = between | checkers;
            empty = between;
        } else {
            // In check, a pinned piece can neither take the checker nor step between.
            for_each_square!(from in pinned => {
                pinned_moves::<US, S>(position, king, from, targets, sink);
            });
        }
    }
    let free = ours & !pinned;
    let zone = at::ZONE[US];

    let to = forward::<US>(free & classes[PAWN], 1) & targets;
    sink.steps(if US == BLACK { -1 } else { 1 }, to & !at::LAST[US], to & zone);
    let knights = free & classes[KNIGHT];
    if knights != 0 {
        let to = knight_left::<US>(knights) & targets;
        sink.steps(if US == BLACK { 7 } else { 11 }, to & !at::LAST_TWO[US], to & zone);
        let to = knight_right::<US>(knights) & targets;
        sink.steps(if US == BLACK { -11 } else { -7 }, to & !at::LAST_TWO[US], to & zone);
    }
    for_each_square!(from in free & classes[LANCE] => {
        let to = at::lance::<US>(from, occupied) & targets;
        sink.moves(from, to & !at::LAST[US], to & zone);
    });
    for_each_square!(from in free & classes[SILVER] => {
        let to = at::SILVER[US][from] & targets;
        sink.moves(from, to, to & promoting_targets::<US>(from));
    });
    for_each_square!(from in free & classes[GOLD] => {
        sink.moves(from, at::GOLD[US][from] & targets, 0);
    });
    let near_kings = classes[KING];
    for_each_square!(from in free & classes[BISHOP] & !near_kings => {
        let to = at::bishop(from, occupied) & targets;
        sink.moves(from, to, to & promoting_targets::<US>(from));
    });
    for_each_square!(from in free & classes[ROOK] & !near_kings => {
        let to = at::rook(from, occupied) & targets;
        sink.moves(from, to, to & promoting_targets::<US>(from));
    });
    for_each_square!(from in free & classes[BISHOP] & near_kings => {
        sink.moves(from, (at::bishop(from, occupied) | at::KING[from]) & targets, 0);
    });
    for_each_square!(from in free & classes[ROOK] & near_kings => {
        sink.moves(from, (at::rook(from, occupied) | at::KING[from]) & targets, 0);
    });

    let hand = &position.hands[US];
    if empty == 0 || hand.is_empty() {
        return;
    }
    let counts = hand.counts();
    if counts[PieceType::Pawn as usize] > 0 {
        let mut to = pawn_drop_targets::<US>(position, empty);
        let their_king = position.king_index(THEM);
        if their_king < 81 {
            let checking = at::PAWN[THEM][their_king] & to;
            if checking != 0 {
                let front = checking.trailing_zeros() as usize;
                if mates_by_pawn::<US, THEM>(position, their_king, front) {
                    to ^= checking;
                }
            }
        }
        sink.drops(&[PieceType::Pawn as u8], to);
    }
    if counts[PieceType::Lance as usize] > 0 {
        sink.drops(&[PieceType::Lance as u8], empty & !at::LAST[US]);
    }
    if counts[PieceType::Knight as usize] > 0 {
        sink.drops(&[PieceType::Knight as u8], empty & !at::LAST_TWO[US]);
    }
    let mut kinds = [0; 4];
    let mut n_kinds = 0;
    for kind in PieceType::Silver as u8..=PieceType::Gold as u8 {
        kinds[n_kinds] = kind;
        n_kinds += usize::from(counts[kind as usize] > 0);
        n_kinds = n_kinds.min(4);
    }
    sink.drops(&kinds[..n_kinds], empty);
}

/// Where a piece that leaves this square may promote.
#[inline(always)]
const fn promoting_targets<const US: usize>(from: usize) -> u128 {
    if at::ZONE[US] & bit(from) != 0 { ALL_SQUARES } else { at::ZONE[US] }
}

/// The moves of a pinned piece: along the line of the pin.
fn pinned_moves<const US: usize, S: Sink>(
    position: &Position,
    king: usize,
    from: usize,
    targets: u128,
    sink: &mut S,
) {
    let Some(piece) = position.board[from] else { return };
    let to =
        attack_of::<US>(position, from, position.occupied_bits()) & targets & at::line(king, from);
    let kind = piece.piece_type();
    let promoting = if kind.can_promote() { to & promoting_targets::<US>(from) } else { 0 };
    sink.moves(from, to & !no_moves::<US>(kind), promoting);
}

/// The squares on which an unpromoted piece of this kind could not move again.
#[inline(always)]
const fn no_moves<const US: usize>(kind: PieceType) -> u128 {
    match kind {
        PieceType::Pawn | PieceType::Lance => at::LAST[US],
        PieceType::Knight => at::LAST_TWO[US],
        _ => 0,
    }
}

/// Whether a move is legal, without a list.
#[inline(always)]
fn is_legal<const US: usize, const THEM: usize>(position: &Position, mv: Move) -> bool {
    let classes = &position.classes;
    let (ours, theirs) = (position.colors[US], position.colors[THEM]);
    let occupied = ours | theirs;
    let king = position.king_index(US);
    let to = mv.to().index();
    let to_bit = bit(to);
    let Some(from) = mv.from() else {
        let Some(kind) = mv.dropped() else { return false };
        if position.hands[US].count(kind) == 0
            || occupied & to_bit != 0
            || no_moves::<US>(kind) & to_bit != 0
            || king < 81 && is_attacked::<US>(classes, king, theirs, occupied | to_bit)
        {
            return false;
        }
        if kind != PieceType::Pawn {
            return true;
        }
        let their_king = position.king_index(THEM);
        return pawn_drop_targets::<US>(position, to_bit) != 0
            && !(their_king < 81
                && at::PAWN[THEM][their_king] & to_bit != 0
                && mates_by_pawn::<US, THEM>(position, their_king, to));
    };
    let from = from.index();
    let Some(piece) = position.board[from] else { return false };
    let kind = piece.piece_type();
    if piece.color().index() != US
        || ours & to_bit != 0
        || attack_of::<US>(position, from, occupied) & to_bit == 0
    {
        return false;
    }
    if mv.is_promotion() {
        if !kind.can_promote() || promoting_targets::<US>(from) & to_bit == 0 {
            return false;
        }
    } else if no_moves::<US>(kind) & to_bit != 0 {
        return false;
    }
    let king = if kind == PieceType::King { to } else { king };
    king >= 81
        || !is_attacked::<US>(classes, king, theirs & !to_bit, (occupied ^ bit(from)) | to_bit)
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

    #[inline(always)]
    fn generate(&self, sink: &mut impl Sink) {
        match self.turn() {
            Color::Black => generate::<BLACK, WHITE, _>(self, sink),
            Color::White => generate::<WHITE, BLACK, _>(self, sink),
        }
    }

    /// All legal moves.
    #[inline]
    pub fn legal_moves(&self) -> MoveList {
        let mut list = MoveList::new();
        self.generate(&mut list);
        list
    }

    /// The number of legal moves, faster than the list.
    #[inline]
    pub fn count_legal_moves(&self) -> usize {
        let mut counter = Counter(0);
        self.generate(&mut counter);
        counter.0
    }

    /// Writes 1 for the class of each legal move (see
    /// [`policy_label_2187`](crate::policy_label_2187)) and 0 for all others.
    #[inline]
    pub fn legal_mask_2187(&self, mask: &mut [u8; N_POLICY_LABELS]) {
        mask.fill(0);
        let flip = if self.turn() == Color::White { 80 } else { 0 };
        self.generate(&mut Mask { classes: mask, flip });
    }

    /// Whether there is a legal move: if not, the side to move has lost.
    pub fn has_legal_move(&self) -> bool {
        self.count_legal_moves() > 0
    }

    /// Whether a move is legal: exactly whether [`legal_moves`](Position::legal_moves) holds it,
    /// and faster.
    #[inline]
    pub fn is_legal(&self, mv: Move) -> bool {
        match self.turn() {
            Color::Black => is_legal::<BLACK, WHITE>(self, mv),
            Color::White => is_legal::<WHITE, BLACK>(self, mv),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::Setup;
    use crate::testing::{cornered_kings, random_games, sparse_positions};

    /// `is_legal` says of all 65,536 patterns what the list says, and the list has no doubles.
    fn check_every_pattern(position: &Position) {
        let moves = position.legal_moves();
        let mut in_list = vec![false; 1 << 16];
        for mv in &moves {
            assert!(!std::mem::replace(&mut in_list[mv.move16() as usize], true), "{mv} twice");
        }
        assert_eq!(position.count_legal_moves(), moves.len());
        assert_eq!(position.has_legal_move(), !moves.is_empty());
        for bits in 0..=u16::MAX {
            let is_legal = Move::from_move16(bits).is_some_and(|mv| position.is_legal(mv));
            assert_eq!(is_legal, in_list[bits as usize], "{bits} in {position:?}");
        }
    }

    #[test]
    fn one_move_is_legal_exactly_if_the_list_holds_it() {
        let mut n_seen = 0;
        let mut check = |position: &mut Position| {
            n_seen += 1;
            if n_seen % 7 == 0 || position.in_check() {
                check_every_pattern(position);
            }
        };
        random_games(1, 16, &mut check);
        sparse_positions(2, 3_000, &mut check);
    }

    #[test]
    fn twins_have_twin_moves() {
        let check = |position: &mut Position| {
            let mut moves: Vec<Move> = position.legal_moves().iter().map(|mv| mv.flip()).collect();
            let mut twins = position.flipped().legal_moves().to_vec();
            moves.sort();
            twins.sort();
            assert_eq!(moves, twins, "{position:?}");
        };
        random_games(3, 16, check);
        sparse_positions(4, 2_000, check);
    }

    #[test]
    fn no_legal_move_leaves_the_king_in_check() {
        let check = |position: &mut Position| {
            let us = position.turn();
            for &mv in &position.legal_moves() {
                let undo = position.make(mv);
                assert!(!position.attacked_king(us), "{mv} in {position:?}");
                assert!(Position::from_setup(&position.to_setup()).is_ok());
                position.undo(mv, undo);
            }
        };
        random_games(5, 16, check);
        sparse_positions(6, 2_000, check);
    }

    /// Drop-pawn mate by its definition, with the moves of the mated side.
    #[test]
    fn a_pawn_drop_is_legal_unless_it_mates() {
        let (mut n_mates, mut n_checks) = (0, 0);
        let mut check = |position: &Position| {
            let (us, them) = (position.turn(), position.turn().opponent());
            let Some(king) = position.king(them) else { return };
            let front = king.index() as i32 + if us == Color::Black { 1 } else { -1 };
            let Some(front) = u8::try_from(front).ok().and_then(Square::from_index) else { return };
            if front.file() != king.file()
                || position.piece_on(front).is_some()
                || position.hand(us).count(PieceType::Pawn) == 0
            {
                return;
            }
            let mut setup = position.to_setup();
            setup.board[front.index()] = Some(crate::Piece::new(us, PieceType::Pawn));
            setup.hands[us.index()].set(PieceType::Pawn, 0);
            setup.turn = them;
            let Ok(after) = Position::from_setup(&setup) else { return };
            let mates = !after.has_legal_move();
            n_mates += usize::from(mates);
            n_checks += 1;
            let drop = Move::drop(PieceType::Pawn, front);
            assert_eq!(position.is_legal(drop), !mates, "{drop} in {position:?}");
            assert_eq!(position.legal_moves().contains(&drop), !mates, "{drop} in {position:?}");
        };
        sparse_positions(7, 5_000, |position| check(position));
        cornered_kings(8, 30_000, &mut check);
        assert!(n_mates > 100 && n_checks > 1_000, "{n_mates} mates in {n_checks} drops");
    }

    /// Whether each move is legal.
    fn check(sfen: &str, legal: &[&str], illegal: &[&str]) {
        let position = Position::from_sfen(sfen).unwrap();
        for (moves, expected) in [(legal, true), (illegal, false)] {
            for usi in moves {
                let mv = Move::from_usi(usi).unwrap();
                assert_eq!(position.is_legal(mv), expected, "{usi} in {sfen}");
                assert_eq!(position.legal_moves().contains(&mv), expected, "{usi} in {sfen}");
            }
        }
    }

    #[test]
    fn drop_pawn_mate() {
        // Nobody can take, the king cannot flee.
        check("7nk/9/7G1/9/9/9/9/9/4K4 b P 1", &["P*3b"], &["P*1b"]);
        // A silver takes, unless it is pinned across.
        check("7sk/9/7G1/9/9/9/9/9/4K4 b P 1", &["P*1b"], &[]);
        check("R6sk/9/7G1/9/9/9/9/9/4K4 b P 1", &[], &["P*1b"]);
        // A rook that is pinned along the file takes.
        check("7nk/9/7G1/9/8r/9/9/9/4K3R b P 1", &["P*1b"], &[]);
        // The king takes a pawn that nothing guards.
        check("7nk/9/9/9/9/9/9/9/4K4 b P 1", &["P*1b"], &[]);
        // Moving a pawn to mate is fine.
        check("7nk/9/7GP/9/9/9/9/9/4K4 b - 1", &["1c1b"], &[]);
    }

    #[test]
    fn nifu_and_squares_without_moves() {
        check(
            "4k4/9/9/9/9/9/P8/9/4K4 b PLN 1",
            &["P*8b", "P*1i", "L*9b", "N*9c"],
            &["P*9b", "P*9i", "P*8a", "L*1a", "N*1a", "N*1b"],
        );
        // A promoted pawn does not count.
        check("4k4/9/9/9/9/9/+P8/9/4K4 b P 1", &["P*9b"], &["P*9a"]);
        check("4k4/9/9/9/9/9/9/9/4K4 w pln 1", &["P*9h", "N*9g"], &["P*9i", "L*9i", "N*9h"]);
    }

    #[test]
    fn promotion_forced_and_optional() {
        check(
            "4k4/P7P/8L/2N6/1S7/G7B/9/9/4K4 b - 1",
            &["9b9a+", "1b1a+", "7d6b+", "7d8b+", "8e8d", "1f4c+", "1f4c", "1f2e"],
            &["9b9a", "1b1a", "7d6b", "7d8b", "8e8d+", "9f9e+", "1f2e+", "1c1b", "1c1b+"],
        );
        // Out of the zone, too; a gold never, and a promoted piece not again.
        check(
            "4k4/1S7/+R8/9/9/9/9/9/4K4 b - 1",
            &["8b7c+", "8b7c", "8b9a+", "9c9i"],
            &["9c9i+", "9c9a+"],
        );
    }

    #[test]
    fn pins_and_evasions() {
        // The gold may only move along the rook's file; it does not move while the king is in
        // check from elsewhere.
        check("4r3k/9/9/9/9/9/9/4G4/4K4 b - 1", &["5h5g", "5i4h"], &["5h4h", "5h4g"]);
        check("4r3k/9/9/9/9/9/3n5/4G4/4K4 b P 1", &["5i6i"], &["5h5g", "P*6h", "5h6h"]);
        // Two checkers: only the king moves.
        check("4r3k/9/9/9/9/9/3n5/9/4K4 b PG 1", &["5i6i"], &["P*5h", "G*5h"]);
        // A slider sees through the king.
        check("4r3k/9/9/9/9/9/9/4K4/9 b P 1", &["5h4h", "P*5e"], &["5h5i", "5h5g", "P*4e"]);
        // The checker may be taken.
        check("8k/9/9/9/9/9/9/4r4/3GK4 b - 1", &["6i5h", "5i5h"], &["5i4h", "6i7i"]);
        assert!(
            Position::from_sfen("4r3k/9/9/9/9/9/9/4K4/9 b P 1").unwrap().checkers()
                == [Square::new(4, 0)].into_iter().collect()
        );
    }

    #[test]
    fn a_missing_king_is_never_in_check() {
        let position = Position::from_sfen("4k4/9/4P4/9/9/9/9/9/9 b G 1").unwrap();
        assert!(!position.in_check() && position.checkers().is_empty());
        assert_eq!(position.legal_moves().len(), 81 - 2 + 2);
        assert!(Position::from_setup(&Setup::EMPTY).unwrap().legal_moves().is_empty());
    }

    #[test]
    fn attacks_of_pieces() {
        let position = Position::startpos();
        let attacked = |usi| position.attacks_from(Square::from_usi(usi).unwrap()).len();
        assert_eq!(attacked("5i"), 5);
        assert_eq!(attacked("2h"), 9);
        assert_eq!(attacked("8b"), 9);
        assert_eq!(attacked("5e"), 0);
    }
}
