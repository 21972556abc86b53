//! The moves of KI2, with the words that tell which of several pieces is meant.

use super::kif::{piece_name, push_target};
use crate::attacks::{BLACK, WHITE, bit};
use crate::checks::attack_of;
use crate::record::ki2::{is_great, origin_offset};
use crate::{Color, Move, Piece, PieceType, Position, Square};

/// Appends a move such as `▲７六歩`, `△同　銀` or `▲５八金右`, and returns how many half-width columns
/// it takes.
pub(super) fn push_ki2_move(
    out: &mut String,
    position: &Position,
    mv: Move,
    last_to: Option<Square>,
) -> usize {
    let start = out.len();
    let to = mv.to();
    out.push(if position.turn() == Color::Black { '▲' } else { '△' });
    let mut rest = String::new();
    rest.push_str(piece_name(kind_of(position, mv)));
    rest.push_str(&relation(position, mv));
    if mv.is_promotion() {
        rest.push('成');
    } else if mv.from().is_some_and(|from| position.is_legal(Move::board(from, to, true))) {
        rest.push_str("不成");
    }
    if last_to == Some(to) {
        out.push('同');
        if rest.chars().count() == 1 {
            out.push('　');
        }
    } else {
        push_target(out, to);
    }
    out.push_str(&rest);
    2 * out[start..].chars().count()
}

/// The piece that moves or is dropped, as it is before the move.
pub(super) fn kind_of(position: &Position, mv: Move) -> PieceType {
    let moved = mv.from().and_then(|from| position.piece_on(from)).map(Piece::piece_type);
    moved.or(mv.dropped()).unwrap_or(PieceType::Pawn)
}

/// What tells the piece that moves from others of its kind: 打, or words such as 右 and 上.
pub(super) fn relation(position: &Position, mv: Move) -> String {
    let (to, from, kind) = (mv.to(), mv.from(), kind_of(position, mv));
    let fellows = fellows(position, kind, to, from);
    let mut words = String::new();
    match from {
        None if !fellows.is_empty() => words.push('打'),
        None => {}
        Some(from) => push_words(&mut words, kind, from, to, &fellows, position.turn()),
    }
    words
}

/// Where other pieces of a kind stand that reach a square, pinned or not.
fn fellows(position: &Position, kind: PieceType, to: Square, from: Option<Square>) -> Vec<Square> {
    let turn = position.turn();
    let occupied = position.occupied_bits();
    let reaches = |square: Square| {
        let attacks = match turn {
            Color::Black => attack_of::<BLACK>(position, square.index(), occupied),
            Color::White => attack_of::<WHITE>(position, square.index(), occupied),
        };
        attacks & bit(to.index()) != 0
    };
    let is_fellow = |square: &Square| {
        let piece = position.piece_on(*square);
        piece.is_some_and(|piece| piece.color() == turn && piece.piece_type() == kind)
            && Some(*square) != from
            && reaches(*square)
    };
    Square::all().filter(is_fellow).collect()
}

/// Appends what tells the piece on `from` from its fellows: first how it moves, then 直 for the one
/// straight behind, then the side it comes from, then both.
fn push_words(
    out: &mut String,
    kind: PieceType,
    from: Square,
    to: Square,
    fellows: &[Square],
    turn: Color,
) {
    if fellows.is_empty() {
        return;
    }
    let offset = |square: Square| origin_offset(square, to, turn);
    let motion = |square: Square| offset(square).1.signum();
    let word = match motion(from) {
        1 => '上',
        0 => '寄',
        _ => '引',
    };
    if fellows.iter().all(|fellow| motion(*fellow) != motion(from)) {
        out.push(word);
        return;
    }
    if is_great(kind) {
        // Two at most, and never both straight behind each other.
        let is_right = fellows.iter().all(|fellow| offset(from).0 > offset(*fellow).0);
        out.push(if is_right { '右' } else { '左' });
        return;
    }
    let side = offset(from).0.signum();
    if side == 0 {
        out.push('直');
        return;
    }
    out.push(if side > 0 { '右' } else { '左' });
    if fellows.iter().any(|fellow| offset(*fellow).0.signum() == side) {
        out.push(word);
    }
}
