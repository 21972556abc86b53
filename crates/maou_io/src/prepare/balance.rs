//! What evals and results look like by side, to tell data that was labelled from the wrong side.

use serde::Serialize;

use super::record::Score;
use crate::training::manifest::ScoreCounts;

/// Evals are counted by these bounds in centipawns: below the first, up to the next, and so on.
pub const EVAL_BOUNDS_CP: [i16; 8] = [-3_000, -1_000, -300, -100, 100, 300, 1_000, 3_000];

/// Evals beyond this count as this where they are compared with results.
const CLIP_CP: i64 = 2_000;

/// Fewer decided positions with an eval tell nothing about points of view.
const MIN_COMPARED: i64 = 1_000;

/// A correlation nearer to 0 tells nothing.
const MIN_CORRELATION: f64 = 0.05;

/// Positions with one side to move, by result and eval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct SideBalance {
    /// By result, for the side to move.
    pub scores: ScoreCounts,
    /// By eval, for the side to move: below each of [`EVAL_BOUNDS_CP`], and the rest.
    pub evals: [u64; 9],
    /// Without an eval.
    pub n_without_eval: u64,
    /// How evals and results go together, −1 to 1; `None` if too few tell both.
    pub correlation: Option<f64>,
    #[serde(skip)]
    sums: Moments,
}

/// Sums over decided positions with an eval: whole numbers, so that their order does not matter,
/// and small ones, so that 10¹² positions fit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Moments {
    n: i64,
    eval: i64,
    eval_squared: i64,
    /// 1 for a win, 0 for a loss.
    score: i64,
    eval_score: i64,
}

impl SideBalance {
    pub(crate) fn add(&mut self, score: Score, eval_cp: Option<i16>) {
        match score {
            Score::Win => self.scores.win += 1,
            Score::Draw => self.scores.draw += 1,
            Score::Loss => self.scores.loss += 1,
            Score::Unknown => self.scores.unknown += 1,
        }
        let Some(eval_cp) = eval_cp else {
            self.n_without_eval += 1;
            return;
        };
        self.evals[EVAL_BOUNDS_CP.iter().filter(|bound| **bound <= eval_cp).count()] += 1;
        let is_win = match score {
            Score::Win => 1,
            Score::Loss => 0,
            Score::Draw | Score::Unknown => return,
        };
        let eval = i64::from(eval_cp).clamp(-CLIP_CP, CLIP_CP);
        let sums = &mut self.sums;
        sums.n += 1;
        sums.eval += eval;
        sums.eval_squared += eval * eval;
        sums.score += is_win;
        sums.eval_score += eval * is_win;
    }

    pub(crate) fn merge(&mut self, other: &SideBalance) {
        self.scores.add(&other.scores);
        self.evals.iter_mut().zip(other.evals).for_each(|(a, b)| *a += b);
        self.n_without_eval += other.n_without_eval;
        let (a, b) = (&mut self.sums, &other.sums);
        a.n += b.n;
        a.eval += b.eval;
        a.eval_squared += b.eval_squared;
        a.score += b.score;
        a.eval_score += b.eval_score;
    }

    /// Computes what follows from the sums.
    pub(crate) fn finish(&mut self) {
        if self.sums.n < MIN_COMPARED {
            return;
        }
        let Moments { n, eval, eval_squared, score, eval_score } = self.sums;
        let product = |a: i64, b: i64| i128::from(a) * i128::from(b);
        let covariance = product(n, eval_score) - product(eval, score);
        // The square of 0 or 1 is itself.
        let (eval, score) = (
            product(n, eval_squared) - product(eval, eval),
            product(n, score) - product(score, score),
        );
        if eval > 0 && score > 0 {
            self.correlation =
                Some(covariance as f64 / ((eval as f64).sqrt() * (score as f64).sqrt()));
        }
    }
}

/// Positions by result and eval, for each side to move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Balance {
    /// Black to move.
    pub black: SideBalance,
    /// White to move.
    pub white: SideBalance,
}

impl Balance {
    pub(crate) fn side(&mut self, turn: u8) -> &mut SideBalance {
        if turn == 0 { &mut self.black } else { &mut self.white }
    }

    pub(crate) fn merge(&mut self, other: &Balance) {
        self.black.merge(&other.black);
        self.white.merge(&other.white);
    }

    /// A sentence if evals do not look like those of the side to move.
    pub(crate) fn warning(&self, name: &str) -> Option<String> {
        let (black, white) = (self.black.correlation?, self.white.correlation?);
        let whose = match (black > MIN_CORRELATION, white > MIN_CORRELATION) {
            (true, false) if white < -MIN_CORRELATION => "Black's view",
            (false, true) if black < -MIN_CORRELATION => "White's view",
            (false, false) if black < -MIN_CORRELATION && white < -MIN_CORRELATION => {
                "the view of the side that just moved"
            }
            _ => return None,
        };
        Some(format!(
            "{name}: evals look like {whose}, expected that of the side to move: they go with the \
             result by {black:+.2} with Black to move and by {white:+.2} with White to move"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The warning about evals that are the side to move's times a sign for each side.
    fn warning(signs: [i16; 2]) -> Option<String> {
        let mut balance = Balance::default();
        for number in 0..4_000_u32 {
            let turn = (number % 2) as u8;
            let eval = ((number * 37) % 1_200) as i16 - 600;
            let score = if number % 5 == 0 || eval > 0 { Score::Win } else { Score::Loss };
            balance.side(turn).add(score, Some(signs[usize::from(turn)] * eval));
        }
        balance.black.finish();
        balance.white.finish();
        balance.warning("data")
    }

    #[test]
    fn a_wrong_point_of_view_is_told() {
        assert_eq!(warning([1, 1]), None);
        assert!(warning([1, -1]).unwrap().starts_with("data: evals look like Black's view"));
        assert!(warning([-1, 1]).unwrap().contains("White's view"));
        assert!(warning([-1, -1]).unwrap().contains("the side that just moved"));
        assert_eq!(Balance::default().warning("data"), None);
    }

    #[test]
    fn evals_are_counted_between_their_bounds() {
        let mut side = SideBalance::default();
        for eval in [-32_000, -3_001, -3_000, -101, -100, 99, 100, 3_000, 32_000] {
            side.add(Score::Unknown, Some(eval));
        }
        side.add(Score::Draw, None);
        assert_eq!(side.evals, [2, 1, 0, 1, 2, 1, 0, 0, 2]);
        assert_eq!((side.n_without_eval, side.scores.unknown, side.scores.draw), (1, 9, 1));
    }
}
