//! Answering questions: every hit, in the order of the dataset.

use std::ops::Range;

use maou_io::Result;

use crate::game_filter::GameFilter;
use crate::index::{Index, Run};
use crate::pattern::Pattern;
use crate::query::{Query, Span, Unit};
use crate::segment::{NO_EVAL, Segment};
use crate::walk::{MANY, Many};

/// A result: where it stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Hit {
    /// Which of the query's keys it answers.
    pub(crate) query: u32,
    /// Whether it is the twin of what was asked for, as far as a key was.
    pub(crate) is_twin: bool,
    pub(crate) segment: u32,
    pub(crate) is_game: bool,
    /// The game, or the loose position by its number among the loose ones.
    pub(crate) row: u32,
    /// The position; of a game that is asked for as a whole, its first one.
    pub(crate) position: u32,
}

/// The key that a position was found by.
#[derive(Clone, Copy)]
struct Asked {
    query: u32,
    is_twin: bool,
}

/// Who takes hits.
pub(crate) trait Sink {
    /// Takes a hit, and says whether there is need of more.
    fn hit(&mut self, hit: Hit) -> Result<bool>;

    /// Of `n` hits to come, how many it takes without looking at them.
    fn skip(&mut self, n: u64) -> u64;

    /// Whether it can take `n` hits without looking at them.
    fn could_skip(&self, n: u64) -> bool;

    /// Whether it can take a hit without looking at it.
    fn can_skip(&self) -> bool {
        self.could_skip(1)
    }

    /// Takes all hits among many positions at once, if it can and that is worth while.
    fn take_all(&mut self, many: &Many<'_, '_>) -> Result<bool> {
        if !self.could_skip(many.n_places() as u64) {
            return Ok(false);
        }
        Ok(many.count()?.is_some_and(|n| self.skip(n) == n))
    }
}

/// Counts hits.
#[derive(Default)]
pub(crate) struct Counter(pub(crate) u64);

impl Sink for Counter {
    fn hit(&mut self, _: Hit) -> Result<bool> {
        self.0 += 1;
        Ok(true)
    }

    fn skip(&mut self, n: u64) -> u64 {
        self.0 += n;
        n
    }

    fn could_skip(&self, _: u64) -> bool {
        true
    }
}

/// Keeps hits of one page.
pub(crate) struct Page {
    left_out: u64,
    limit: usize,
    pub(crate) hits: Vec<Hit>,
}

impl Page {
    pub(crate) fn new(query: &Query) -> Page {
        let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
        Page { left_out: query.offset, limit, hits: Vec::new() }
    }
}

impl Sink for Page {
    fn hit(&mut self, hit: Hit) -> Result<bool> {
        if self.left_out > 0 {
            self.left_out -= 1;
        } else if self.hits.len() < self.limit {
            self.hits.push(hit);
        }
        Ok(self.hits.len() < self.limit)
    }

    fn skip(&mut self, n: u64) -> u64 {
        let n = n.min(self.left_out);
        self.left_out -= n;
        n
    }

    fn could_skip(&self, n: u64) -> bool {
        self.left_out >= n
    }
}

/// What is asked of positions.
pub(crate) struct PositionFilter {
    /// In the numbers of games, where the least one stands for none.
    pub(crate) eval_of_games: Option<(i16, i16)>,
    eval_of_loose: Option<(i16, i16)>,
    pub(crate) ply: Span<u32>,
    pub(crate) finals: bool,
    results: Option<u8>,
}

/// The part of a range that evals can have; an empty one is the wrong way round.
fn clipped(span: &Span<i32>, least: i16) -> (i16, i16) {
    let (least, most) = (i32::from(least), i32::from(i16::MAX));
    let low = span.low.unwrap_or(least).max(least);
    let high = span.high.unwrap_or(most).min(most);
    if low > high { (1, 0) } else { (low as i16, high as i16) }
}

impl PositionFilter {
    fn new(query: &Query) -> PositionFilter {
        let is_open = query.eval_cp.is_open();
        PositionFilter {
            eval_of_games: (!is_open).then(|| clipped(&query.eval_cp, NO_EVAL + 1)),
            eval_of_loose: (!is_open).then(|| clipped(&query.eval_cp, i16::MIN)),
            ply: query.ply,
            finals: query.finals,
            results: query.results,
        }
    }

    /// The positions of a game that have the right ply.
    pub(crate) fn plies(&self, positions: &Range<u32>) -> Range<u32> {
        let n = positions.len() as u32 - u32::from(!self.finals);
        let low = self.ply.low.unwrap_or(0).min(n);
        let high = self.ply.high.map_or(n, |high| high.saturating_add(1)).min(n);
        positions.start + low..positions.start + high.max(low)
    }

    pub(crate) fn is_eval_wanted(&self, eval: i16, is_game: bool) -> bool {
        let range = if is_game { self.eval_of_games } else { self.eval_of_loose };
        range.is_none_or(|(low, high)| eval >= low && eval <= high)
    }

    /// Whether a loose position is asked for.
    pub(crate) fn is_loose_wanted(&self, eval: i16, result: u8, number: u16) -> bool {
        self.is_eval_wanted(eval, false)
            && self.results.is_none_or(|results| results >> (result & 7) & 1 != 0)
            && (self.ply.is_open() || number > 0 && self.ply.contains(u32::from(number) - 1))
    }
}

fn n_in(evals: &[i16], (low, high): (i16, i16)) -> u64 {
    let is_in = |eval: &i16| u16::from(*eval >= low) & u16::from(*eval <= high);
    // Pieces that a narrow counter is wide enough for; checked sums are not made of vectors.
    let n_of = |evals: &[i16]| evals.iter().map(is_in).fold(0_u16, u16::wrapping_add);
    evals.chunks(1 << 15).map(|evals| u64::from(n_of(evals))).sum()
}

/// A question, made ready for each segment.
pub(crate) struct Search<'a> {
    pub(crate) index: &'a Index,
    pub(crate) query: &'a Query,
    pub(crate) unit: Unit,
    pub(crate) games: Vec<GameFilter<'a>>,
    pub(crate) positions: PositionFilter,
    /// The images of the pattern, one of which has to fit.
    pub(crate) patterns: Vec<Pattern>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(index: &'a Index, query: &'a Query) -> Result<Search<'a>> {
        query.check()?;
        let games = index.segments.iter().map(|segment| GameFilter::new(segment, query));
        Ok(Search {
            index,
            query,
            unit: query.unit(),
            games: games.collect::<Result<_>>()?,
            positions: PositionFilter::new(query),
            patterns: query
                .pattern
                .as_ref()
                .map_or_else(Vec::new, |pattern| pattern.images(query.mirror, query.either_color)),
        })
    }

    /// Hands all hits to `sink`, query by query, each in the order of the dataset.
    pub(crate) fn run(&self, sink: &mut dyn Sink) -> Result<()> {
        match &self.query.keys {
            Some(keys) => {
                for (query, key) in (0..).zip(keys) {
                    if !self.exact(query, *key, sink)? {
                        break;
                    }
                }
            }
            None if !self.patterns.is_empty() => self.fitting(sink)?,
            None if sink.could_skip(u64::MAX) => {
                let n = self.counted()?;
                sink.skip(n);
            }
            None => {
                for run in &self.index.runs {
                    if !self.scan(run, sink)? {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// How many hits all rows have, which are looked at side by side.
    fn counted(&self) -> Result<u64> {
        let pieces: Vec<Run> = self
            .index
            .runs
            .iter()
            .map(|run| self.pieces(run))
            .collect::<Result<Vec<_>>>()?
            .concat();
        let count = |piece: &Run| {
            let mut counter = Counter::default();
            self.scan(piece, &mut counter)?;
            Ok(counter.0)
        };
        Ok(self.each_piece(&pieces, count)?.iter().sum())
    }

    /// Whether hits in loose positions are possible.
    pub(crate) fn wants_loose(&self) -> bool {
        self.unit == Unit::Positions && !self.query.has_filters_of_games_alone()
    }

    /// The positions with this key, or its twin if that counts.
    pub(crate) fn exact(&self, query: u32, key: u64, sink: &mut dyn Sink) -> Result<bool> {
        let keys = [key, key ^ 1];
        let keys = if self.query.either_color { &keys[..] } else { &keys[..1] };
        let mut postings: Vec<Option<[Range<usize>; 2]>> = vec![None; self.index.segments.len()];
        // Whether the positions of each key fit the pattern.
        let mut fits = if self.patterns.is_empty() { [Some(true); 2] } else { [None; 2] };
        for run in &self.index.runs {
            if !run.is_games && !self.wants_loose() {
                continue;
            }
            let segment = &self.index.segments[run.segment];
            let found = match &mut postings[run.segment] {
                Some(found) => found,
                none => {
                    let mut found = [0..0, 0..0];
                    for (found, key) in found.iter_mut().zip(keys) {
                        *found = segment.postings_of(*key)?;
                    }
                    none.insert(found)
                }
            };
            let [mut a, mut b] =
                [within(segment, &found[0], run)?, within(segment, &found[1], run)?];
            if run.is_games && a.len() + b.len() >= MANY && self.patterns.is_empty() {
                let places = [a.clone(), b.clone()];
                if sink.take_all(&Many { search: self, run, places })? {
                    continue;
                }
            }
            let mut state = GameState { game: run.rows.start, last: None };
            let next = |places: &mut Range<usize>| -> Result<Option<u32>> {
                places.next().map(|place| segment.posting(place)).transpose()
            };
            let (mut first, mut second) = (next(&mut a)?, next(&mut b)?);
            loop {
                let position = match (first, second) {
                    (Some(one), Some(other)) if one < other => one,
                    (_, Some(other)) => other,
                    (Some(one), None) => one,
                    (None, None) => break,
                };
                let is_first = first == Some(position);
                if is_first {
                    first = next(&mut a)?;
                } else {
                    second = next(&mut b)?;
                }
                let asked = Asked { query, is_twin: !is_first };
                let fits = &mut fits[usize::from(!is_first)];
                let fits = match *fits {
                    Some(fits) => fits,
                    None => *fits.insert(self.fits(run, position)?),
                };
                if !fits {
                    continue;
                }
                let goes_on = match run.is_games {
                    true => self.position_of_game(asked, run, position, &mut state, sink)?,
                    false => self.loose_position(asked, run, position, sink)?,
                };
                if !goes_on {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Looks at a position that has the right key.
    fn position_of_game(
        &self,
        Asked { query, is_twin }: Asked,
        run: &Run,
        position: u32,
        state: &mut GameState,
        sink: &mut dyn Sink,
    ) -> Result<bool> {
        let segment = &self.index.segments[run.segment];
        let filter = &self.games[run.segment];
        let is_final = segment.move_at(position)? == 0;
        if is_final && !self.positions.finals {
            return Ok(true);
        }
        if self.positions.eval_of_games.is_some()
            && !self.positions.is_eval_wanted(segment.eval_at(position)?, true)
        {
            return Ok(true);
        }
        let needs_game =
            self.unit == Unit::Games || !filter.is_open() || !self.positions.ply.is_open();
        if !needs_game && sink.can_skip() {
            return Ok(sink.skip(1) == 1);
        }
        let game = segment.game_of(position, state.game)?;
        state.game = game;
        if !filter.matches(game) {
            return Ok(true);
        }
        if !self.positions.ply.is_open() {
            let first = segment.positions_of(game)?.start;
            if !self.positions.ply.contains(position - first) {
                return Ok(true);
            }
        }
        if self.unit == Unit::Games && state.last.replace(game) == Some(game) {
            return Ok(true);
        }
        let segment = run.segment as u32;
        sink.hit(Hit { query, is_twin, segment, is_game: true, row: game, position })
    }

    fn loose_position(
        &self,
        Asked { query, is_twin }: Asked,
        run: &Run,
        position: u32,
        sink: &mut dyn Sink,
    ) -> Result<bool> {
        let segment = &self.index.segments[run.segment];
        let row = position - segment.meta.n_game_positions;
        let eval = segment.eval_at(position)?;
        let result = segment.loose_results(row..row + 1)?[0];
        let number = segment.loose_numbers(row..row + 1)?[0];
        if !self.positions.is_loose_wanted(eval, result, number) {
            return Ok(true);
        }
        let segment = run.segment as u32;
        sink.hit(Hit { query, is_twin, segment, is_game: false, row, position })
    }

    /// Goes through all rows of a run.
    fn scan(&self, run: &Run, sink: &mut dyn Sink) -> Result<bool> {
        if !run.is_games {
            return if self.wants_loose() { self.scan_loose(run, sink) } else { Ok(true) };
        }
        let segment = &self.index.segments[run.segment];
        let filter = &self.games[run.segment];
        let evals = segment.evals(run.positions.clone())?;
        let is_plain = filter.is_open() && self.positions.ply.is_open();
        if let (Unit::Positions, true, Some(range)) =
            (self.unit, is_plain, self.positions.eval_of_games)
        {
            // Last positions have no eval.
            if sink.could_skip(u64::MAX) && skip_all(n_in(evals, range), sink) {
                return Ok(true);
            }
        }
        let firsts = segment.firsts(0..segment.meta.n_games)?;
        let wants_whole = self.unit == Unit::Games && !self.query.has_position_filters();
        let at = run.segment as u32;
        filter.each(run, |game| {
            let positions = firsts[game as usize]..firsts[game as usize + 1];
            if positions.is_empty() || positions.end > run.positions.end {
                return Err(segment.map.damaged("expected a position in each game"));
            }
            let hit = |position: u32| Hit {
                query: 0,
                is_twin: false,
                segment: at,
                is_game: true,
                row: game,
                position,
            };
            if wants_whole {
                return sink.hit(hit(positions.start));
            }
            let plies = self.positions.plies(&positions);
            let Some((low, high)) = self.positions.eval_of_games else {
                if self.unit == Unit::Games {
                    return if plies.is_empty() { Ok(true) } else { sink.hit(hit(plies.start)) };
                }
                let n_skipped = sink.skip(plies.len() as u64) as u32;
                for position in plies.start + n_skipped..plies.end {
                    if !sink.hit(hit(position))? {
                        return Ok(false);
                    }
                }
                return Ok(true);
            };
            let start = run.positions.start;
            let here = &evals[(plies.start - start) as usize..(plies.end - start) as usize];
            if self.unit == Unit::Positions
                && sink.can_skip()
                && skip_all(n_in(here, (low, high)), sink)
            {
                return Ok(true);
            }
            for (position, eval) in plies.zip(here) {
                if *eval >= low && *eval <= high {
                    let goes_on = sink.hit(hit(position))?;
                    if !goes_on || self.unit == Unit::Games {
                        return Ok(goes_on);
                    }
                }
            }
            Ok(true)
        })
    }

    fn scan_loose(&self, run: &Run, sink: &mut dyn Sink) -> Result<bool> {
        let segment = &self.index.segments[run.segment];
        let evals = segment.evals(run.positions.clone())?;
        let filter = &self.positions;
        if filter.results.is_none() && filter.ply.is_open() && sink.can_skip() {
            let n = filter.eval_of_loose.map_or(evals.len() as u64, |range| n_in(evals, range));
            if skip_all(n, sink) {
                return Ok(true);
            }
        }
        let results = segment.loose_results(run.rows.clone())?;
        let numbers = segment.loose_numbers(run.rows.clone())?;
        let rows = run.rows.clone().zip(run.positions.clone());
        for (((row, position), eval), (result, number)) in
            rows.zip(evals).zip(results.iter().zip(numbers))
        {
            if filter.is_loose_wanted(*eval, *result, *number) {
                let segment = run.segment as u32;
                if !sink.hit(Hit {
                    query: 0,
                    is_twin: false,
                    segment,
                    is_game: false,
                    row,
                    position,
                })? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// Whether `sink` takes `n` hits without looking at them; otherwise it takes none.
fn skip_all(n: u64, sink: &mut dyn Sink) -> bool {
    sink.could_skip(n) && sink.skip(n) == n
}

/// Where the walk through the postings of a run is.
struct GameState {
    /// The game at hand.
    game: u32,
    /// The game of the last hit.
    last: Option<u32>,
}

/// The places of postings whose positions are in a run.
pub(crate) fn within(segment: &Segment, places: &Range<usize>, run: &Run) -> Result<Range<usize>> {
    let point = |limit: u32| -> Result<usize> {
        let (mut low, mut high) = (places.start, places.end);
        while low < high {
            let middle = low.midpoint(high);
            if segment.posting(middle)? < limit { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    };
    if places.is_empty() {
        return Ok(0..0);
    }
    Ok(point(run.positions.start)?..point(run.positions.end)?)
}
