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

    /// The final verdict: at a repetition the rules decide about perpetual check.
    pub fn settled(self, game: &GameRecord) -> Verdict {
        match (self.ending, self.result) {
            (Ending::Repetition, Some(GameResult::Draw)) | (Ending::PerpetualCheck, None) => {
                match perpetual_checker(game) {
                    Some(loser) => Verdict::won_by(Ending::PerpetualCheck, loser.opponent()),
                    None => self,
                }
            }
            _ => self,
        }
    }
}

/// Who loses by perpetual check, if the main line ends so.
fn perpetual_checker(game: &GameRecord) -> Option<Color> {
    let mut position = game.start.clone();
    let mut history = History::new(&position);
    for mv in &game.moves {
        position.make(*mv);
        history.push(&position);
    }
    match history.repetition() {
        Repetition::Win => Some(position.turn().opponent()),
        Repetition::Loss => Some(position.turn()),
        _ => None,
    }
}
