//! How the endings of the formats are told: their names, and who wins.

use super::{Ending, GameRecord, GameResult};
use crate::{Color, History, Repetition};

/// What a record says of the end of its game.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Verdict {
    pub ending: Ending,
    /// `None` if this place does not tell.
    pub result: Option<GameResult>,
}

impl Verdict {
    /// The verdict for an ending with `turn` to move, by the rules of the formats.
    pub fn of(ending: Ending, turn: Color) -> Verdict {
        let result = match ending {
            Ending::Resign | Ending::Checkmate | Ending::Time | Ending::IllegalMove => {
                Some(GameResult::win_of(turn.opponent()))
            }
            Ending::Declaration => Some(GameResult::win_of(turn)),
            Ending::Repetition | Ending::Impasse | Ending::MaxMoves => Some(GameResult::Draw),
            _ => None,
        };
        Verdict { ending, result }
    }

    /// The verdict for an ending of which the record names the winner.
    pub fn won_by(ending: Ending, winner: Color) -> Verdict {
        Verdict { ending, result: Some(GameResult::win_of(winner)) }
    }

    /// Takes up what a second place tells; returns both texts if they contradict each other, and
    /// then nobody knows the result.
    pub fn merge(&mut self, second: Verdict) -> Option<(String, String)> {
        let perpetual =
            self.ending == Ending::Repetition && second.ending == Ending::PerpetualCheck;
        if perpetual || self.ending == Ending::Unknown {
            *self = Verdict { result: second.result.or(self.result), ..second };
            return None;
        }
        match (self.result, second.result) {
            (Some(first), Some(other)) if first != other => {
                let texts = (self.describe(), second.describe());
                self.result = Some(GameResult::Unknown);
                Some(texts)
            }
            (None, Some(_)) if self.ending != Ending::Interrupted => {
                self.result = second.result;
                None
            }
            _ => None,
        }
    }

    fn describe(&self) -> String {
        let result = match self.result {
            Some(GameResult::Draw) => "draw",
            Some(GameResult::BlackWins) => "Black wins",
            Some(GameResult::WhiteWins) => "White wins",
            Some(GameResult::Unknown) | None => "result unknown",
        };
        format!("{}: {result}", self.ending)
    }

    /// The final verdict, and what the rules have against it: at a repetition they decide about
    /// perpetual check, unless the record names a winner, and about how often the position was there.
    pub fn settled(self, game: &GameRecord) -> (Verdict, Option<String>) {
        if !matches!(self.ending, Ending::Repetition | Ending::PerpetualCheck) {
            return (self, None);
        }
        let end = RepeatedEnd::of(game);
        let told = self.describe();
        match (self.ending, self.result, end.checker) {
            (_, _, _) if end.n_occurrences < 4 => {
                let n = end.n_occurrences;
                let message = format!(
                    "expected the position there for the fourth time, found it there `{n}` times, \
                     at the end `{told}`"
                );
                (self, Some(message))
            }
            (Ending::Repetition, Some(GameResult::Draw), Some(loser))
            | (Ending::PerpetualCheck, None, Some(loser)) => {
                (Verdict::won_by(Ending::PerpetualCheck, loser.opponent()), None)
            }
            (Ending::PerpetualCheck, _, None) => {
                let message =
                    format!("expected check on every move, found others, at the end `{told}`");
                (self, Some(message))
            }
            (Ending::PerpetualCheck, Some(result), Some(loser))
                if result != GameResult::win_of(loser.opponent()) =>
            {
                let message =
                    format!("expected `{loser}` to lose by perpetual check, found `{told}`");
                (Verdict { result: Some(GameResult::Unknown), ..self }, Some(message))
            }
            _ => (self, None),
        }
    }
}

/// What the rules say of the last position of a main line.
struct RepeatedEnd {
    n_occurrences: usize,
    /// Who gave check all the time since its first occurrence.
    checker: Option<Color>,
}

impl RepeatedEnd {
    fn of(game: &GameRecord) -> RepeatedEnd {
        let mut position = game.start.clone();
        let mut history = History::new(&position);
        for mv in &game.moves {
            position.make(*mv);
            history.push(&position);
        }
        let checker = match history.repetition() {
            Repetition::Win => Some(position.turn().opponent()),
            Repetition::Loss => Some(position.turn()),
            _ => None,
        };
        RepeatedEnd { n_occurrences: history.n_occurrences(), checker }
    }
}
