//! Records that networks learn from: positions with a move, an eval and a result, in the binary
//! formats of dlshogi, cshogi and YaneuraOu.
//!
//! | Format | Holds | Bytes |
//! |---|---|---|
//! | HCPE | a [`TrainingPosition`] | 38 |
//! | HCPE2 | the same, with flags beside the result | 38 |
//! | PSV | a [`TrainingPosition`] | 40 |
//! | HCPE3 | an [`Hcpe3Game`] | 36 and more |
//!
//! Every position that is read is legal and every move can be played; what cannot be is an error
//! with its place in the record. Nothing is lost on the way unless
//! [`is_exact`](TrainingPosition::is_exact) says so.

mod hcpe3;
mod position;
mod sound;
#[cfg(test)]
mod tests;

use std::fmt;

pub use hcpe3::{GameLen, HCPE3_HEADER_BYTES, Hcpe3Game, hcpe3_game_len};
pub use position::{HCPE_BYTES, Hcpe, PSV_BYTES, TrainingPosition};

use crate::{HcpError, Move, Position};

/// The game ended by repetition: this bit of a [`TrainingPosition`]'s or [`Hcpe3Game`]'s flags.
pub const FLAG_REPETITION: u8 = 4;
/// The game ended by a declaration.
pub const FLAG_DECLARATION: u8 = 8;
/// The game reached its greatest number of moves.
pub const FLAG_MAX_MOVES: u8 = 16;
/// The record of PSV names the pieces in hand in YaneuraOu's order,
/// [`HandOrder::Gold7th`](crate::HandOrder::Gold7th).
pub const FLAG_GOLD_7TH: u8 = 64;

/// The flags that a result's byte can hold.
const RESULT_FLAGS: u8 = FLAG_REPETITION | FLAG_DECLARATION | FLAG_MAX_MOVES;

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TeacherErrorKind {
    /// The 32 bytes are no position, or no legal one.
    Position,
    /// The move is none, or cannot be played.
    IllegalMove,
    /// A result or a flag that the format does not have.
    Result,
    /// The file ends within the record.
    Truncated,
}

impl TeacherErrorKind {
    /// All kinds.
    pub const ALL: [TeacherErrorKind; 4] = [
        TeacherErrorKind::Position,
        TeacherErrorKind::IllegalMove,
        TeacherErrorKind::Result,
        TeacherErrorKind::Truncated,
    ];

    /// The name in snake case.
    pub const fn as_str(self) -> &'static str {
        match self {
            TeacherErrorKind::Position => "position",
            TeacherErrorKind::IllegalMove => "illegal_move",
            TeacherErrorKind::Result => "result",
            TeacherErrorKind::Truncated => "truncated",
        }
    }
}

/// Something in a record that cannot be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TeacherError {
    /// What kind of error it is.
    pub kind: TeacherErrorKind,
    /// Bytes of the record before the culprit.
    pub offset: usize,
    /// The sentence, with the culprit in backticks.
    pub message: String,
}

impl fmt::Display for TeacherError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.offset, self.message)
    }
}

impl std::error::Error for TeacherError {}

impl TeacherError {
    #[cold]
    fn new(kind: TeacherErrorKind, offset: usize, message: impl fmt::Display) -> TeacherError {
        TeacherError { kind, offset, message: message.to_string() }
    }
}

#[cold]
fn bad_position(error: HcpError) -> TeacherError {
    TeacherError::new(TeacherErrorKind::Position, 0, error)
}

/// Takes `mv`, which was written as `bits`, if it can be played.
#[inline]
fn legal(
    position: &Position,
    mv: Option<Move>,
    bits: u16,
    offset: usize,
) -> Result<Move, TeacherError> {
    match mv {
        Some(mv) if position.is_legal(mv) => Ok(mv),
        _ => Err(illegal(position, mv, bits, offset)),
    }
}

#[cold]
fn illegal(position: &Position, mv: Option<Move>, bits: u16, offset: usize) -> TeacherError {
    let found = mv.map_or_else(|| format!("{bits:#06x}"), |mv| mv.to_string());
    let sfen = position.to_sfen();
    let message = format!("expected a legal move, found `{found}` in `{sfen}`");
    TeacherError::new(TeacherErrorKind::IllegalMove, offset, message)
}

/// Why a format cannot hold something that a dataset can.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CannotHold {
    /// A side has no king.
    MissingKing,
    /// Nobody knows who won.
    UnknownResult,
    /// The ply has no eval.
    MissingEval,
    /// The ply was not searched: the source marks it as not for training.
    NotForTraining,
    /// The game has no moves.
    NoMoves,
    /// More moves, or more candidates of a move, than a 16-bit number can tell.
    TooLong,
    /// The format is one of games, and a position alone is none.
    NotAGame,
}

impl CannotHold {
    /// All causes.
    pub const ALL: [CannotHold; 7] = [
        CannotHold::MissingKing,
        CannotHold::UnknownResult,
        CannotHold::MissingEval,
        CannotHold::NotForTraining,
        CannotHold::NoMoves,
        CannotHold::TooLong,
        CannotHold::NotAGame,
    ];

    /// The name in snake case.
    pub const fn as_str(self) -> &'static str {
        match self {
            CannotHold::MissingKing => "missing_king",
            CannotHold::UnknownResult => "unknown_result",
            CannotHold::MissingEval => "missing_eval",
            CannotHold::NotForTraining => "not_for_training",
            CannotHold::NoMoves => "no_moves",
            CannotHold::TooLong => "too_long",
            CannotHold::NotAGame => "not_a_game",
        }
    }
}

impl fmt::Display for CannotHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
