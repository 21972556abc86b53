//! One move of CSA and its time.

use super::ErrorKind;
use super::csa_start::{color_of, piece_name, piece_type, square};
use crate::{Color, Move, PieceType, Position, Square};

/// Why a move cannot be played.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    NotAMove,
    WrongTurn,
    NoPiece(Square),
    OtherPiece(Square, PieceType),
    Illegal,
}

impl Refusal {
    /// Kind and message for the text `found` with `turn` to move.
    pub fn describe(self, found: &str, turn: Color) -> (ErrorKind, String) {
        let name = |square: Square| format!("{}{}", square.file() + 1, square.rank() + 1);
        let reason = match self {
            Refusal::NotAMove => {
                let message = format!("expected a move such as `+7776FU`, found `{found}`");
                return (ErrorKind::Syntax, message);
            }
            Refusal::WrongTurn => {
                let sign = if turn == Color::Black { '+' } else { '-' };
                let message = format!("expected a move of {turn} (`{sign}`), found `{found}`");
                return (ErrorKind::IllegalMove, message);
            }
            Refusal::NoPiece(from) => format!(": {turn} has no piece on {}", name(from)),
            Refusal::OtherPiece(from, kind) => {
                format!(": the piece on {} is `{}`", name(from), piece_name(kind))
            }
            Refusal::Illegal => String::new(),
        };
        (ErrorKind::IllegalMove, format!("expected a legal move, found `{found}`{reason}"))
    }
}

/// The move of seven bytes in `position`; the piece is named as it is after the move.
#[inline]
pub(super) fn find_move(
    position: &Position,
    sign: u8,
    from: [u8; 2],
    to: [u8; 2],
    name: [u8; 2],
) -> Result<Move, Refusal> {
    let (Some(to), Some(kind)) = (square(to[0], to[1]), piece_type(name)) else {
        return Err(Refusal::NotAMove);
    };
    let turn = position.turn();
    if color_of(sign) != turn {
        return Err(Refusal::WrongTurn);
    }
    let Some(from) = square(from[0], from[1]) else {
        let is_drop = from == *b"00" && (kind as u8) < PieceType::King as u8;
        return if is_drop { Ok(Move::drop(kind, to)) } else { Err(Refusal::NotAMove) };
    };
    let Some(piece) = position.piece_on(from).filter(|piece| piece.color() == turn) else {
        return Err(Refusal::NoPiece(from));
    };
    if from == to {
        return Err(Refusal::Illegal);
    }
    if piece.piece_type() == kind {
        Ok(Move::board(from, to, false))
    } else if piece.piece_type().promoted() == Some(kind) {
        Ok(Move::board(from, to, true))
    } else {
        Err(Refusal::OtherPiece(from, piece.piece_type()))
    }
}

/// The milliseconds of a time such as `T12` or `T3.125` at `at`, and where its digits end.
#[inline]
pub(super) fn time_ms(bytes: &[u8], at: usize) -> (Option<u32>, usize) {
    let (mut end, mut first) = (at + 1, at + 1);
    if bytes.get(end) == Some(&b'+') {
        (end, first) = (at + 2, at + 2);
    }
    let mut seconds = 0u64;
    while let Some(digit) = bytes.get(end).filter(|byte| byte.is_ascii_digit()) {
        seconds = (10 * seconds + u64::from(digit - b'0')).min(u64::from(u32::MAX));
        end += 1;
    }
    if end == first {
        return (None, end);
    }
    let mut ms = 1000 * seconds;
    if bytes.get(end) == Some(&b'.') {
        end += 1;
        for unit in [100, 10, 1] {
            if let Some(digit) = bytes.get(end).filter(|byte| byte.is_ascii_digit()) {
                ms += unit * u64::from(digit - b'0');
                end += 1;
            }
        }
    }
    (u32::try_from(ms).ok(), end)
}
