//! How CSA tells the end of a game: the special moves, which begin with `%`.

use super::Ending;
use super::ending::Verdict;
use crate::Color;

/// The verdict of a special move, with `turn` to move.
pub(super) fn of_name(name: &[u8], turn: Color) -> Option<Verdict> {
    let ending = match name {
        b"%TORYO" => Ending::Resign,
        b"%CHUDAN" => Ending::Interrupted,
        b"%SENNICHITE" => Ending::Repetition,
        b"%OUTE_SENNICHITE" => Ending::PerpetualCheck,
        b"%TIME_UP" => Ending::Time,
        b"%ILLEGAL_MOVE" => Ending::IllegalMove,
        b"%+ILLEGAL_ACTION" => return Some(Verdict::won_by(Ending::IllegalAction, Color::White)),
        b"%-ILLEGAL_ACTION" => return Some(Verdict::won_by(Ending::IllegalAction, Color::Black)),
        b"%ILLEGAL_ACTION" => Ending::IllegalAction,
        b"%JISHOGI" | b"%HIKIWAKE" => Ending::Impasse,
        b"%KACHI" => Ending::Declaration,
        b"%MAX_MOVES" => Ending::MaxMoves,
        b"%MATTA" => Ending::Takeback,
        b"%TSUMI" => Ending::Checkmate,
        b"%FUZUMI" => Ending::NoMate,
        b"%ERROR" => Ending::Error,
        _ => return None,
    };
    Some(Verdict::of(ending, turn))
}
