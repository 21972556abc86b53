//! Whether one move is legal, without a list.

use crate::attacks::{self as at, BLACK, WHITE, bit};
use crate::checks::{
    attack_of, is_attacked, mates_by_pawn, no_moves, pawn_drop_targets, promoting_targets,
};
use crate::color::Color;
use crate::mv::Move;
use crate::piece::PieceType;
use crate::position::Position;

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
