//! What was played from a position.

use std::ops::Range;

use maou_io::{Error, PlainColumn, Result};
use maou_shogi::Move;

use crate::index::Index;
use crate::query::{Query, Unit};
use crate::results::Columns;
use crate::search::{Hit, Search, Sink};
use crate::segment::{NO_DATE, NO_EVAL};
use crate::walk::{Many, Step};

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

/// What is known of moves, by their bits.
struct Moves {
    rows: Vec<(u16, Played)>,
    /// The row of each, from 1; 0 for none.
    of_bits: Vec<u16>,
}

impl Default for Moves {
    fn default() -> Moves {
        Moves { rows: Vec::new(), of_bits: vec![0; 1 << 16] }
    }
}

impl Moves {
    #[inline]
    fn of(&mut self, mv: Move) -> &mut Played {
        let bits = mv.move16();
        let row = &mut self.of_bits[usize::from(bits)];
        if *row == 0 {
            self.rows.push((bits, Played::default()));
            *row = self.rows.len() as u16;
        }
        &mut self.rows[usize::from(*row) - 1].1
    }
}

/// What counts of a game, by its number less that of the first one.
struct Games<'a> {
    segment: u32,
    first: u32,
    outcomes: &'a [u8],
    /// Those of Black and of White.
    ratings: [&'a [f64]; 2],
    dates: &'a [i32],
}

impl<'a> Games<'a> {
    fn of(index: &'a Index, at: u32, games: Range<u32>) -> Result<Games<'a>> {
        let segment = &index.segments[at as usize];
        Ok(Games {
            segment: at,
            first: games.start,
            outcomes: segment.outcomes(games.clone())?,
            ratings: [segment.black_ratings(games.clone())?, segment.white_ratings(games.clone())?],
            dates: segment.dates(games)?,
        })
    }

    /// Adds a move of one of them.
    #[inline]
    fn add(&self, played: &mut Played, game: u32, is_black: bool, eval: i16) {
        let at = (game - self.first) as usize;
        played.add(self.outcomes[at] & 3, is_black, (eval != NO_EVAL).then_some(eval));
        let place = (self.segment, game);
        played.games += u64::from(played.last_game.replace(place) != Some(place));
        let rating = self.ratings[usize::from(!is_black)][at];
        if !rating.is_nan() {
            played.n_ratings += 1;
            played.ratings += rating;
        }
        if self.dates[at] != NO_DATE {
            played.last = played.last.max(Some(self.dates[at]));
        }
    }
}

impl Played {
    #[inline]
    fn add(&mut self, result: u8, is_black: bool, eval: Option<i16>) {
        self.n += 1;
        self.n_results += u64::from(result < 3);
        self.half_points += match result {
            0 => 1,
            1 if is_black => 2,
            2 if !is_black => 2,
            _ => 0,
        };
        self.n_evals += u64::from(eval.is_some());
        self.evals += i64::from(eval.unwrap_or_default());
    }

    /// Adds what was played in other games.
    fn merge(&mut self, other: &Played) {
        self.n += other.n;
        self.games += other.games;
        self.last_game = other.last_game.or(self.last_game);
        self.n_results += other.n_results;
        self.half_points += other.half_points;
        self.n_evals += other.n_evals;
        self.evals += other.evals;
        self.n_ratings += other.n_ratings;
        self.ratings += other.ratings;
        self.last = self.last.max(other.last);
    }
}

/// Adds up what was played in hits.
struct Explorer<'a> {
    index: &'a Index,
    key: u64,
    moves: Moves,
}

impl Explorer<'_> {
    fn is_black(&self, is_twin: bool) -> bool {
        is_twin != (self.key & 1 == 0)
    }
}

impl Sink for Explorer<'_> {
    fn hit(&mut self, hit: Hit) -> Result<bool> {
        let segment = &self.index.segments[hit.segment as usize];
        let bits = segment.move_at(hit.position)?;
        let Some(mv) = Move::from_move16(bits) else { return Ok(true) };
        let is_black = self.is_black(hit.is_twin);
        let played = self.moves.of(if hit.is_twin { mv.flip() } else { mv });
        let eval = segment.eval_at(hit.position)?;
        if hit.is_game {
            let games = Games::of(self.index, hit.segment, hit.row..hit.row + 1)?;
            games.add(played, hit.row, is_black, eval);
        } else {
            let result = segment.loose_results(hit.row..hit.row + 1)?[0];
            played.add(result, is_black, Some(eval));
        }
        Ok(true)
    }

    fn skip(&mut self, _: u64) -> u64 {
        0
    }

    fn could_skip(&self, n: u64) -> bool {
        n == 0
    }

    fn take_all(&mut self, many: &Many<'_, '_>) -> Result<bool> {
        if !many.can_be_walked() {
            return Ok(false);
        }
        let run = many.run;
        let games = Games::of(self.index, run.segment as u32, run.rows.clone())?;
        let pieces = many.each_piece(|steps| {
            let mut moves = Moves::default();
            steps(&mut |Step { is_twin, game, mv, eval }| {
                let Some(mv) = Move::from_move16(mv) else { return };
                let played = moves.of(if is_twin { mv.flip() } else { mv });
                games.add(played, game, self.is_black(is_twin), eval);
            })?;
            Ok(moves.rows)
        })?;
        for (bits, played) in pieces.iter().flatten() {
            if let Some(mv) = Move::from_move16(*bits) {
                self.moves.of(mv).merge(played);
            }
        }
        Ok(true)
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
        let mut explorer = Explorer { index: self, key, moves: Moves::default() };
        Search::new(self, &query)?.exact(0, key, &mut explorer)?;
        let mut rows = explorer.moves.rows;
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
