//! Legal moves: one generator for counting, listing and masking.
//!
//! Moves come out legal, without a test of each: in check only those that end it, and pinned
//! pieces apart, along the line of their pin.

use crate::attacks::{self as at, BLACK, WHITE, bit, for_each_square, forward};
use crate::bitboard::ALL_SQUARES;
use crate::checks::{
    attack_of, checkers_and_blockers, danger, knight_left, knight_right, mates_by_pawn, no_moves,
    pawn_drop_targets, promoting_targets,
};
use crate::color::Color;
use crate::move_list::MoveList;
use crate::piece::PieceType;
use crate::position::{BISHOP, GOLD, KING, KNIGHT, LANCE, PAWN, Position, ROOK, SILVER};

/// Where generated moves go.
pub(crate) trait Sink {
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

/// Sends all legal moves of the side to move, `US`, to the sink.
#[inline(always)]
pub(crate) fn generate<const US: usize, const THEM: usize, S: Sink>(
    position: &Position,
    sink: &mut S,
) {
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
    board_moves::<US, S>(position, ours & !pinned, targets, sink);
    if empty != 0 && !position.hands[US].is_empty() {
        drops::<US, THEM, S>(position, empty, sink);
    }
}

/// The moves of pieces that are neither king nor pinned, to these targets.
#[inline(always)]
fn board_moves<const US: usize, S: Sink>(
    position: &Position,
    free: u128,
    targets: u128,
    sink: &mut S,
) {
    let classes = &position.classes;
    let occupied = position.occupied_bits();
    let zone = at::ZONE[US];

    let to = forward::<US>(free & classes[PAWN] & !at::LAST[US], 1) & targets;
    sink.steps(if US == BLACK { -1 } else { 1 }, to & !at::LAST[US], to & zone);
    let knights = free & classes[KNIGHT] & !at::LAST_TWO[US];
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
}

/// The drops onto these empty squares.
#[inline(always)]
fn drops<const US: usize, const THEM: usize, S: Sink>(
    position: &Position,
    empty: u128,
    sink: &mut S,
) {
    let counts = position.hands[US].counts();
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

impl Position {
    /// Sends all legal moves to the sink.
    #[inline(always)]
    pub(crate) fn generate(&self, sink: &mut impl Sink) {
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
    pub fn count_legal_moves(&self) -> usize {
        // A third of the instructions count bits where the processor is not asked to.
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "popcnt")]
            fn with_popcnt(position: &Position) -> usize {
                position.count()
            }
            if is_x86_feature_detected!("popcnt") {
                // SAFETY: the processor has the feature.
                return unsafe { with_popcnt(self) };
            }
        }
        self.count()
    }

    #[inline(always)]
    fn count(&self) -> usize {
        let mut counter = Counter(0);
        self.generate(&mut counter);
        counter.0
    }

    /// Whether there is a legal move: if not, the side to move has lost.
    pub fn has_legal_move(&self) -> bool {
        self.count_legal_moves() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mv::Move;
    use crate::setup::Setup;
    use crate::square::Square;
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
            let pawn = Some(crate::Piece::new(us, PieceType::Pawn));
            let is_nifu =
                (0..9).any(|rank| position.piece_on(Square::new(front.file(), rank)) == pawn);
            if front.file() != king.file()
                || is_nifu
                || position.piece_on(front).is_some()
                || position.hand(us).count(PieceType::Pawn) == 0
            {
                return;
            }
            let mut setup = position.to_setup();
            setup.board[front.index()] = pawn;
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
