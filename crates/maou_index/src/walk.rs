//! Very many positions, looked at side by side and piece by piece.

use std::ops::Range;

use maou_io::{Result, map_in_order, n_threads};

use crate::game_filter::GameFilter;
use crate::index::Run;
use crate::query::Unit;
use crate::search::{Search, within};
use crate::segment::{HOT, Segment, seek};

/// Postings from which on something is asked of them as a whole.
pub(crate) const MANY: usize = 256;

/// Postings from which on it pays to look at all that the index knows of games.
const MIN_WALK: usize = 1 << 12;

/// Postings from which on it pays to walk through them piece by piece.
const MIN_SPLIT: usize = 1 << 15;

/// Games of a piece, and loose positions of one.
const PIECE_GAMES: usize = 1 << 12;
const PIECE_POSITIONS: usize = 1 << 19;

/// Pieces from which on more than one thread is worth the while of starting it.
const MIN_PIECES: usize = 4;

/// Postings of a run of games.
pub(crate) struct Many<'a, 'b> {
    pub(crate) search: &'a Search<'b>,
    pub(crate) run: &'a Run,
    /// Those of the key that is asked for, and those of its twin.
    pub(crate) places: [Range<usize>; 2],
}

/// A position that is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) is_twin: bool,
    pub(crate) game: u32,
    pub(crate) mv: u16,
    pub(crate) eval: i16,
}

impl Search<'_> {
    /// A run in pieces that can be looked at side by side. They do not depend on the number of
    /// threads, so that sums do not either.
    pub(crate) fn pieces(&self, run: &Run) -> Result<Vec<Run>> {
        let segment = &self.index.segments[run.segment];
        let size = if run.is_games { PIECE_GAMES } else { PIECE_POSITIONS };
        let mut pieces = Vec::new();
        let mut start = run.positions.start;
        for first in run.rows.clone().step_by(size) {
            let rows = first..first.saturating_add(size as u32).min(run.rows.end);
            let end = match run.is_games {
                true if rows.end == run.rows.end => run.positions.end,
                true => segment.positions_of(rows.end)?.start,
                false => start + rows.len() as u32,
            };
            if start > end {
                return Err(segment.map.damaged("expected games in order"));
            }
            pieces.push(Run { rows, positions: start..end, ..run.clone() });
            start = end;
        }
        Ok(pieces)
    }

    /// What `look` makes of each piece, in order.
    pub(crate) fn each_piece<T: Send>(
        &self,
        pieces: &[Run],
        look: impl Fn(&Run) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let n_threads = n_threads(self.query.threads);
        if n_threads < 2 || pieces.len() < MIN_PIECES {
            return pieces.iter().map(look).collect();
        }
        let make_worker = || |at: usize| look(&pieces[at]);
        let made = map_in_order(n_threads, pieces.len(), make_worker, &mut || true);
        made.into_iter().flatten().collect()
    }
}

impl Many<'_, '_> {
    pub(crate) fn n_places(&self) -> usize {
        self.places.iter().map(Range::len).sum()
    }

    /// Whether they are enough to be walked through.
    pub(crate) fn can_be_walked(&self) -> bool {
        self.n_places() >= MIN_WALK
    }

    /// How many hits there are, if that is found sooner than by looking at each.
    pub(crate) fn count(&self) -> Result<Option<u64>> {
        let filter = &self.search.games[self.run.segment];
        let asked = &self.search.positions;
        let is_of_positions = self.search.unit == Unit::Positions;
        if is_of_positions
            && filter.is_open()
            && asked.eval_of_games.is_none()
            && asked.ply.is_open()
        {
            return self
                .places
                .iter()
                .map(|places| self.n_bare(places))
                .sum::<Result<_>>()
                .map(Some);
        }
        if !self.can_be_walked() {
            return Ok(None);
        }
        let counts = self.each_piece(|steps| {
            let (mut n, mut last) = (0, None);
            steps(&mut |step| {
                n += u64::from(is_of_positions || last.replace(step.game) != Some(step.game));
            })?;
            Ok(n)
        })?;
        Ok(Some(counts.iter().sum()))
    }

    /// How many of these places are asked for if nothing is but their key.
    fn n_bare(&self, places: &Range<usize>) -> Result<u64> {
        let segment = &self.search.index.segments[self.run.segment];
        if self.search.positions.finals || places.is_empty() {
            return Ok(places.len() as u64);
        }
        let n_finals = if places.len() >= HOT {
            segment.n_finals(places)?
        } else {
            let mut n = 0;
            for position in segment.postings(places.clone())? {
                n += usize::from(segment.move_at(position)? == 0);
            }
            n
        };
        Ok((places.len() - n_finals) as u64)
    }

    /// What `look` makes of the hits of each piece of the run, in order: it is handed what calls
    /// it with each of them.
    pub(crate) fn each_piece<T: Send>(
        &self,
        look: impl Fn(&dyn Fn(&mut dyn FnMut(Step)) -> Result<()>) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let segment = &self.search.index.segments[self.run.segment];
        let walk = |run: &Run| {
            look(&|take| {
                let [a, b] = &self.places;
                let places = [within(segment, a, run)?, within(segment, b, run)?];
                self.walk(segment, run, places, take)
            })
        };
        if self.n_places() < MIN_SPLIT {
            return Ok(vec![walk(self.run)?]);
        }
        self.search.each_piece(&self.search.pieces(self.run)?, walk)
    }

    /// Calls `take` with the hits among these places, whose positions are in `run`.
    fn walk(
        &self,
        segment: &Segment,
        run: &Run,
        [a, b]: [Range<usize>; 2],
        take: &mut dyn FnMut(Step),
    ) -> Result<()> {
        let search = self.search;
        let filter: &GameFilter<'_> = &search.games[run.segment];
        let asked = &search.positions;
        let wrong = || segment.map.damaged("expected numbers of positions");
        let moves = segment.moves(run.positions.clone())?;
        let evals = segment.evals(run.positions.clone())?;
        let firsts = segment.firsts(run.rows.clone())?;
        let is_open = filter.is_open();
        let (mut first, mut second) = (segment.postings(a)?, segment.postings(b)?);
        let (mut one, mut other) = (first.next(), second.next());
        let mut game = 0;
        loop {
            let (position, is_twin) = match (one, other) {
                (Some(position), None) => (position, false),
                (Some(position), Some(later)) if position <= later => (position, false),
                (_, Some(position)) => (position, true),
                (None, None) => return Ok(()),
            };
            if is_twin {
                other = second.next();
            } else {
                one = first.next();
            }
            let at = position.wrapping_sub(run.positions.start) as usize;
            let (Some(&mv), Some(&eval)) = (moves.get(at), evals.get(at)) else {
                return Err(wrong());
            };
            if mv == 0 && !asked.finals || !asked.is_eval_wanted(eval, true) {
                continue;
            }
            game = seek(firsts, game + 1, position) - 1;
            let number = run.rows.start + game as u32;
            if number >= run.rows.end {
                return Err(wrong());
            }
            if (is_open || filter.matches(number))
                && (asked.ply.is_open() || asked.ply.contains(position.wrapping_sub(firsts[game])))
            {
                take(Step { is_twin, game: number, mv, eval });
            }
        }
    }
}
