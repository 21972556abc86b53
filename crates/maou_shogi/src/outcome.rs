//! How the rules alone end a game.

use crate::color::Color;
use crate::position::Position;
use crate::record::Ending;
use crate::repetition::{History, Repetition};

/// An end of the game that nobody has to declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Outcome {
    /// Who won; nobody after a draw.
    pub winner: Option<Color>,
    /// [`Ending::Checkmate`], [`Ending::Repetition`] or [`Ending::PerpetualCheck`].
    pub ending: Ending,
}

impl History {
    /// How the game has ended in `position`, the last one of this history, if it has.
    ///
    /// Who has no legal move loses, in check or not. Then the fourth occurrence of a position
    /// draws, or loses for the side that gave perpetual check.
    pub fn outcome(&self, position: &Position) -> Option<Outcome> {
        let turn = position.turn();
        if !position.has_legal_move() {
            return Some(Outcome { winner: Some(turn.opponent()), ending: Ending::Checkmate });
        }
        match self.repetition() {
            Repetition::Draw => Some(Outcome { winner: None, ending: Ending::Repetition }),
            Repetition::Win => Some(Outcome { winner: Some(turn), ending: Ending::PerpetualCheck }),
            Repetition::Loss => {
                Some(Outcome { winner: Some(turn.opponent()), ending: Ending::PerpetualCheck })
            }
            Repetition::None | Repetition::Superior | Repetition::Inferior => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mv::Move;

    fn outcome(sfen: &str, moves: &[&str]) -> Option<Outcome> {
        let mut position = Position::from_sfen(sfen).unwrap();
        let mut history = History::new(&position);
        for usi in moves {
            assert_eq!(history.outcome(&position), None);
            position.make(Move::from_usi(usi).unwrap());
            history.push(&position);
        }
        history.outcome(&position)
    }

    #[test]
    fn games_end_by_mate_repetition_and_perpetual_check() {
        let of = |winner, ending| Some(Outcome { winner, ending });
        let (black, white) = (Some(Color::Black), Some(Color::White));
        assert_eq!(
            outcome("4k4/9/4P4/9/9/9/9/9/4K4 b G 1", &["G*5b"]),
            of(black, Ending::Checkmate)
        );
        // Not in check, and nothing can move.
        assert_eq!(outcome("k8/2G6/1P7/9/9/9/9/9/4K4 w - 1", &[]), None);
        assert_eq!(outcome("k8/2G6/1G7/9/9/9/9/9/4K4 w - 1", &[]), of(black, Ending::Checkmate));
        let start = "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1";
        assert_eq!(
            outcome(start, &["2h3h", "8b7b", "3h2h", "7b8b"].repeat(3)),
            of(None, Ending::Repetition)
        );
        let round = ["9a8a", "9i8i", "8a9a", "8i9i"].repeat(3);
        assert_eq!(
            outcome("k8/9/9/9/9/9/9/9/R3K4 w - 1", &round),
            of(white, Ending::PerpetualCheck)
        );
        let round = ["8i9i", "9a8a", "9i8i", "8a9a"].repeat(3);
        assert_eq!(
            outcome("k8/9/9/9/9/9/9/9/1R2K4 b - 1", &round),
            of(white, Ending::PerpetualCheck)
        );
    }
}
