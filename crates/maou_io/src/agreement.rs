//! Do the evals of a run agree with its results? A wrong point of view in the records is silent
//! otherwise, and spoils everything that is learned from them.

use maou_shogi::Color;
use maou_shogi::record::{Ending, GameRecord};

/// Fewer games than this tell nothing.
const MIN_GAMES: u64 = 20;
/// Evals nearer to zero than this do not say who is winning.
const CLEAR_CP: i16 = 100;

/// Decided games by who gave the last clear eval, [Black, White].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Agreement {
    n_games: [u64; 2],
    n_contradicting: [u64; 2],
}

impl Agreement {
    /// Looks at the last eval of each side, if the game was decided on the board.
    pub(crate) fn see(&mut self, game: &GameRecord) {
        let Some(winner) = game.result.winner() else { return };
        // Somebody who runs out of time or plays an illegal move may be winning.
        if !matches!(game.ending, Ending::Resign | Ending::Checkmate | Ending::Unknown) {
            return;
        }
        let first = game.start.turn();
        for color in [Color::Black, Color::White] {
            let parity = usize::from(color != first);
            let evals = game.evals_cp.iter().enumerate().skip(parity).step_by(2);
            let Some((_, Some(last_cp))) = evals.rev().find(|(_, eval)| eval.is_some()) else {
                continue;
            };
            if last_cp.unsigned_abs() < CLEAR_CP as u16 {
                continue;
            }
            self.n_games[color.index()] += 1;
            let contradicts = (*last_cp > 0) != (winner == color);
            self.n_contradicting[color.index()] += u64::from(contradicts);
        }
    }

    pub(crate) fn add(&mut self, other: &Agreement) {
        for color in 0..2 {
            self.n_games[color] += other.n_games[color];
            self.n_contradicting[color] += other.n_contradicting[color];
        }
    }

    /// What looks wrong about the records of `input`, if anything does.
    pub(crate) fn warning(&self, input: &str) -> Option<String> {
        let wrong = |color: usize| {
            self.n_games[color] >= MIN_GAMES
                && 2 * self.n_contradicting[color] > self.n_games[color]
        };
        let (who, cause) = match (wrong(0), wrong(1)) {
            (false, false) => return None,
            (false, true) => ("White's", "the evals may be from Black's view on every move"),
            (true, false) => ("Black's", "the evals may be from White's view on every move"),
            (true, true) => {
                ("both sides'", "the evals may be from the opponent's view, or the results swapped")
            }
        };
        let (mut n_games, mut n_contradicting) = (0, 0);
        for color in (0..2).filter(|&color| wrong(color)) {
            n_games += self.n_games[color];
            n_contradicting += self.n_contradicting[color];
        }
        Some(format!(
            "{input}: results and evals contradict each other: {n_contradicting} of {n_games} last \
             evals, {who}, say that the loser is winning; {cause}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use maou_shogi::record::GameResult;

    /// Games of four plies, half of them won by Black; the last evals as `eval_of(color, won)`.
    fn agreement(n: usize, eval_of: impl Fn(Color, bool) -> i16) -> Agreement {
        let mut agreement = Agreement::default();
        for index in 0..n {
            let winner = if index % 2 == 0 { Color::Black } else { Color::White };
            let eval = |color| Some(eval_of(color, color == winner));
            let game = GameRecord {
                evals_cp: vec![Some(30), None, eval(Color::Black), eval(Color::White), None],
                result: GameResult::win_of(winner),
                ending: Ending::Resign,
                ..GameRecord::default()
            };
            agreement.see(&game);
        }
        agreement
    }

    #[test]
    fn right_evals_give_no_warning() {
        let right = agreement(100, |_, won| if won { 900 } else { -900 });
        assert_eq!(right.n_games, [100, 100]);
        assert_eq!(right.warning("x"), None);
    }

    #[test]
    fn evals_from_one_side_are_found_though_half_of_them_are_right() {
        let black = agreement(40, |color, won| {
            let stm = if won { 900 } else { -900 };
            if color == Color::Black { stm } else { -stm }
        });
        let warning = black.warning("x").unwrap();
        assert!(warning.contains("40 of 40 last evals, White's"), "{warning}");
        assert!(warning.contains("from Black's view"), "{warning}");
    }

    #[test]
    fn swapped_results_are_found() {
        let swapped = agreement(40, |_, won| if won { -900 } else { 900 });
        assert!(swapped.warning("x").unwrap().contains("the results swapped"));
    }

    #[test]
    fn few_games_and_small_evals_say_nothing() {
        assert_eq!(agreement(19, |_, won| if won { -900 } else { 900 }).warning("x"), None);
        assert_eq!(agreement(100, |_, won| if won { -99 } else { 99 }).warning("x"), None);
    }
}
