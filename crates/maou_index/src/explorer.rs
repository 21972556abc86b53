//! What was played from a position.

use std::collections::HashMap;

use maou_io::{Error, PlainColumn, Result};
use maou_shogi::Move;

use crate::index::Index;
use crate::query::{Query, Unit};
use crate::results::Columns;
use crate::search::{Hit, Search, Sink};
use crate::segment::{NO_DATE, NO_EVAL};

/// What is known of one move.
#[derive(Clone, Copy, Debug, Default)]
struct Played {
    n: u64,
    games: u64,
    /// The segment and row of the game that was counted last: hits come game by game.
    last_game: Option<(u32, u32)>,
    n_results: u64,
    /// Twice the points of the side to move.
    half_points: u64,
    n_evals: u64,
    evals: i64,
    n_ratings: u64,
    ratings: f64,
    /// The last day it was played, and whether there is one.
    last: Option<i32>,
}

/// Adds up what was played in hits.
struct Explorer<'a> {
    index: &'a Index,
    key: u64,
    moves: HashMap<u16, Played>,
}

impl Sink for Explorer<'_> {
    fn hit(&mut self, hit: Hit) -> Result<bool> {
        let segment = &self.index.segments[hit.segment as usize];
        let bits = segment.move_at(hit.position)?;
        let Some(mv) = Move::from_move16(bits) else { return Ok(true) };
        let is_black = hit.is_twin != (self.key & 1 == 0);
        let mv = if hit.is_twin { mv.flip() } else { mv };
        let played = self.moves.entry(mv.move16()).or_default();
        played.n += 1;
        let one = hit.row..hit.row + 1;
        let result = match hit.is_game {
            true => segment.outcome_at(hit.row)? & 3,
            false => segment.loose_results(one.clone())?[0],
        };
        if result < 3 {
            played.n_results += 1;
            played.half_points += match result {
                0 => 1,
                1 if is_black => 2,
                2 if !is_black => 2,
                _ => 0,
            };
        }
        let eval = segment.eval_at(hit.position)?;
        if eval != NO_EVAL || !hit.is_game {
            played.n_evals += 1;
            played.evals += i64::from(eval);
        }
        if hit.is_game {
            let game = (hit.segment, hit.row);
            played.games += u64::from(played.last_game.replace(game) != Some(game));
            let rating = match is_black {
                true => segment.black_ratings(one.clone())?[0],
                false => segment.white_ratings(one.clone())?[0],
            };
            if !rating.is_nan() {
                played.n_ratings += 1;
                played.ratings += rating;
            }
            let date = segment.dates(one)?[0];
            if date != NO_DATE {
                played.last = played.last.max(Some(date));
            }
        }
        Ok(true)
    }

    fn skip(&mut self, _: u64) -> u64 {
        0
    }

    fn could_skip(&self, n: u64) -> bool {
        n == 0
    }
}

impl Index {
    /// What was played from the position of the query's one key: a row a move, the most frequent
    /// first, with `move`, `n` (how often), `games` (in how many), `score` and `eval_cp` (means,
    /// for the side to move), `rating` (mean of who moved) and `last_year`. With `either_color`,
    /// moves of the twin are turned.
    ///
    /// # Errors
    ///
    /// If the index is damaged, or the query has not one key.
    pub fn moves(&self, query: &Query) -> Result<Columns> {
        let Some(&[key]) = query.keys.as_deref() else {
            return Err(Error::Usage("moves: expected one position".to_owned()));
        };
        let query = Query { finals: false, unit: Some(Unit::Positions), ..query.clone() };
        let mut explorer = Explorer { index: self, key, moves: HashMap::new() };
        Search::new(self, &query)?.exact(0, key, &mut explorer)?;
        let mut rows: Vec<(u16, Played)> = explorer.moves.into_iter().collect();
        rows.sort_unstable_by_key(|(bits, played)| (std::cmp::Reverse(played.n), *bits));
        let mean = |sum: f64, n: u64| (n > 0).then(|| sum / n as f64);
        let column = |value: &dyn Fn(&Played) -> Option<f64>| {
            PlainColumn::OptionF64(rows.iter().map(|(_, played)| value(played)).collect())
        };
        Ok(vec![
            ("move", PlainColumn::U16(rows.iter().map(|(bits, _)| *bits).collect())),
            ("n", PlainColumn::U64(rows.iter().map(|(_, played)| played.n).collect())),
            ("games", PlainColumn::U64(rows.iter().map(|(_, played)| played.games).collect())),
            ("score", column(&|p| mean(p.half_points as f64 / 2.0, p.n_results))),
            ("eval_cp", column(&|p| mean(p.evals as f64, p.n_evals))),
            ("rating", column(&|p| mean(p.ratings, p.n_ratings))),
            ("last_year", {
                let years = rows.iter().map(|(_, played)| played.last.map(year_of));
                PlainColumn::OptionI32(years.collect())
            }),
        ])
    }
}

/// The year of a day, counted in days since 1970 (Hinnant's `civil_from_days`).
fn year_of(day: i32) -> i32 {
    let z = i64::from(day) + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // March is the first month of these years.
    let is_later = day_of_year >= 306;
    (year_of_era + era * 400 + i64::from(is_later)) as i32
}

#[cfg(test)]
mod tests {
    use super::year_of;

    #[test]
    fn years_change_on_the_first_of_january() {
        for (day, year) in [
            (0, 1970),
            (-1, 1969),
            (364, 1970),
            (365, 1971),
            (18_627, 2020),
            (18_628, 2021),
            (11_016, 2000),
            (10_956, 1999),
            (10_957, 2000),
        ] {
            assert_eq!(year_of(day), year, "{day}");
        }
    }
}
