//! Which move is played: drawn at random, by weights that make games look like games.

use super::rng::Rng;
use crate::attacks;
use crate::{Bitboard, Color, Move, PieceType, Position, Square};

/// Centipawns of a piece by the number of its type; kings are never captured.
const VALUES: [i32; 15] = [0, 90, 315, 405, 495, 855, 990, 540, 0, 540, 540, 540, 540, 945, 1395];

/// What capturing a piece adds to a move's weight, by the number of its type.
const CAPTURE_WEIGHTS: [u32; 15] =
    [0, 30, 105, 135, 165, 285, 330, 180, 0, 180, 180, 180, 180, 315, 465];

/// How often a piece on the board is moved, by the number of its type.
const MOVE_WEIGHTS: [u32; 15] = [0, 24, 3, 12, 26, 16, 20, 20, 8, 12, 8, 10, 12, 24, 28];

pub(super) const fn value_cp(piece_type: PieceType) -> i32 {
    VALUES[piece_type as usize]
}

/// What a move changes in the material balance, in centipawns for its mover.
pub(super) fn gain_cp(position: &Position, mv: Move) -> i32 {
    let captured = position.piece_on(mv.to()).map_or(0, |piece| {
        let piece_type = piece.piece_type();
        value_cp(piece_type) + value_cp(piece_type.unpromoted())
    });
    let promoted = match mv.from().and_then(|from| position.piece_on(from)) {
        Some(piece) if mv.is_promotion() => {
            let piece_type = piece.piece_type();
            piece_type.promoted().map_or(0, value_cp) - value_cp(piece_type)
        }
        _ => 0,
    };
    captured + promoted
}

/// What the choice depends on besides the position.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Intent {
    /// Where the opponent moved to: pieces are taken back.
    pub last_to: Option<Square>,
    /// Whether the side to move walks its king and pieces into the promotion zone.
    pub enters: bool,
}

/// Draws one of `moves`, of which there is at least one; in which order they come does not matter.
pub(super) fn choose(position: &Position, moves: &[Move], intent: Intent, rng: &mut Rng) -> Move {
    let scene = Scene::new(position, intent);
    if intent.enters {
        first_in_race(moves, rng, |mv| scene.weight_entering(mv))
    } else {
        first_in_race(moves, rng, |mv| scene.weight(mv))
    }
}

/// Draws one of `moves`, each as likely as the others.
pub(super) fn choose_any(moves: &[Move], rng: &mut Rng) -> Move {
    first_in_race(moves, rng, |_| 1)
}

/// Every move gets an arrival time, exponentially distributed with its weight as the rate: then
/// each is the first one in proportion to its weight.
#[inline(always)]
fn first_in_race(moves: &[Move], rng: &mut Rng, weight: impl Fn(Move) -> u32) -> Move {
    let salt = rng.next();
    // The times are fractions, time over weight, which are compared crosswise.
    let (mut best_time, mut best_weight, mut best) = (u64::MAX >> 16, 1, None);
    for &mv in moves {
        let mut mixed = (salt ^ u64::from(mv.move16())).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^= mixed >> 32;
        mixed = mixed.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        let time = negative_log2((mixed >> 32) as u32);
        let weight = u64::from(weight(mv));
        let (ours, theirs) = (time * best_weight, best_time * weight);
        if ours <= theirs && (ours < theirs || Some(mv) < best) {
            (best_time, best_weight, best) = (time, weight, Some(mv));
        }
    }
    best.expect("there is a legal move")
}

/// -log2(bits / 2^32) in units of 2^-32, linear between powers of two.
#[inline(always)]
fn negative_log2(bits: u32) -> u64 {
    let bits = bits | 1;
    let n_zeros = bits.leading_zeros();
    let fraction = (bits << n_zeros) << 1;
    (u64::from(n_zeros + 1) << 32) - u64::from(fraction)
}

/// What weights depend on, prepared once for all moves of a position.
struct Scene<'a> {
    position: &'a Position,
    enemies: Bitboard,
    near_king: Bitboard,
    zone: Bitboard,
    last_to: Option<Square>,
}

impl Scene<'_> {
    fn new(position: &Position, intent: Intent) -> Scene<'_> {
        let turn = position.turn();
        let near_king = match position.king(turn.opponent()) {
            Some(king) => NEAR[king.index()],
            None => Bitboard::EMPTY,
        };
        Scene {
            position,
            enemies: position.pieces_of(turn.opponent()),
            near_king,
            zone: ZONES[turn.index()],
            last_to: intent.last_to,
        }
    }

    #[inline(always)]
    fn weight(&self, mv: Move) -> u32 {
        let to = mv.to();
        let near_king = u32::from(self.near_king.contains(to));
        let Some(moved) = mv.from().and_then(|from| self.position.piece_on(from)) else {
            return 1 + 8 * near_king;
        };
        let mut weight = MOVE_WEIGHTS[moved.piece_type().index()] + 12 * near_king;
        if self.enemies.contains(to) {
            let captured = self.position.piece_on(to).map_or(0, |piece| piece.piece_type().index());
            weight += CAPTURE_WEIGHTS[captured];
            if self.last_to == Some(to) {
                weight += 400;
            }
        }
        if mv.is_promotion() {
            weight += 90;
        }
        weight
    }

    /// The weight for a side that wants its king and many pieces in the promotion zone.
    fn weight_entering(&self, mv: Move) -> u32 {
        let weight = self.weight(mv);
        let entering = self.zone.contains(mv.to());
        let Some(from) = mv.from() else {
            return if entering { weight + 60 } else { weight };
        };
        let forward = match self.position.turn() {
            Color::Black => mv.to().rank() < from.rank(),
            Color::White => mv.to().rank() > from.rank(),
        };
        let is_king = self.position.king(self.position.turn()) == Some(from);
        match (self.zone.contains(from), entering) {
            (true, false) => 1,
            (false, _) if is_king && forward => weight + 600,
            (false, true) => weight + 120,
            _ => weight,
        }
    }
}

/// The squares that are on both axes at most two steps from a square.
static NEAR: [Bitboard; 81] = {
    let mut near = [Bitboard::EMPTY; 81];
    let mut square = 0;
    while square < 81 {
        let mut bits = 0u128;
        let mut other = 0;
        while other < 81 {
            let files = (square / 9usize).abs_diff(other / 9);
            let ranks = (square % 9usize).abs_diff(other % 9);
            if files <= 2 && ranks <= 2 {
                bits |= 1 << other;
            }
            other += 1;
        }
        near[square] = Bitboard::from_bits(bits);
        square += 1;
    }
    near
};

/// Where a color's pieces promote.
static ZONES: [Bitboard; 2] =
    [Bitboard::from_bits(attacks::ZONE[0]), Bitboard::from_bits(attacks::ZONE[1])];
