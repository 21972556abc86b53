//! Positions that fit a pattern: games are replayed from the moves that the index holds, loose
//! positions are read from the dataset.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use maou_io::{
    Error, OpenTable, POSITIONS_PER_BATCH, Result, TableFile, n_threads, stream_in_order,
};

use maou_shogi::Position;

use crate::build::is_same;
use crate::index::Run;
use crate::pattern::{Board, Matcher, Sums};
use crate::query::Unit;
use crate::results::start_of;
use crate::search::{Hit, Search, Sink};
use crate::segment::Segment;

/// Games that a thread takes at once.
const GAMES_AT_ONCE: u32 = 512;

/// A piece of a run.
enum Job {
    Games { run: usize, games: Range<u32> },
    Loose { run: usize, table: Result<Arc<OpenTable>>, batch: usize, rows: Range<u32> },
}

/// What was found in a piece.
enum Found {
    Count(u64),
    Hits(Vec<Hit>),
}

impl Found {
    fn add(&mut self, hit: impl FnOnce() -> Hit) {
        match self {
            Found::Count(n) => *n += 1,
            Found::Hits(hits) => hits.push(hit()),
        }
    }
}

/// Start positions by their code, each thread's own.
type Starts<S> = HashMap<(usize, u32), Board<S>>;

impl Search<'_> {
    /// Whether one position of the index fits the pattern.
    pub(crate) fn fits(&self, run: &Run, position: u32) -> Result<bool> {
        let segment = &self.index.segments[run.segment];
        let (at, is_game) = (run.segment as u32, run.is_games);
        let row = match is_game {
            true => segment.game_of(position, run.rows.start)?,
            false => position - segment.meta.n_game_positions,
        };
        let hit = Hit { query: 0, is_twin: false, segment: at, is_game, row, position };
        let is_fitting =
            |position: &Position| self.patterns.iter().any(|pattern| pattern.matches(position));
        if is_game {
            return Ok(is_fitting(&self.index.position(&hit, Unit::Positions)?));
        }
        let mut fits = false;
        self.index.each_row(&[hit], |_, batch, row| {
            fits = is_fitting(&self.index.loose_position(&hit, batch.loose().hcp(row))?);
            Ok(())
        })?;
        Ok(fits)
    }

    /// Hands all positions that fit, or the games that have one, to `sink`.
    pub(crate) fn fitting(&self, sink: &mut dyn Sink) -> Result<()> {
        let matcher = Matcher::new(&self.patterns);
        match matcher.n_words() {
            1 => self.fitting_with::<[u64; 1]>(&matcher, sink),
            2 => self.fitting_with::<[u64; 2]>(&matcher, sink),
            _ => self.fitting_with::<Vec<u64>>(&matcher, sink),
        }
    }

    fn fitting_with<S: Sums>(&self, matcher: &Matcher, sink: &mut dyn Sink) -> Result<()> {
        let is_counted = sink.could_skip(u64::MAX);
        let is_over = AtomicBool::new(false);
        let jobs = self.index.runs.iter().enumerate().flat_map(|(at, run)| self.jobs(at, run));
        let jobs = jobs.take_while(|_| !is_over.load(Ordering::Relaxed));
        let worker = || {
            let mut starts = Starts::<S>::new();
            let is_over = &is_over;
            move |job: Job| -> Result<Found> {
                let mut found = match is_counted {
                    true => Found::Count(0),
                    false => Found::Hits(Vec::new()),
                };
                if is_over.load(Ordering::Relaxed) {
                    return Ok(found);
                }
                match job {
                    Job::Games { run, games } => {
                        let run = &self.index.runs[run];
                        self.replay(matcher, run, games, &mut starts, &mut found)?;
                    }
                    Job::Loose { run, table, batch, rows } => {
                        let (run, place) = (&self.index.runs[run], (&*table?, batch));
                        self.decode::<S>(matcher, run, place, rows, &mut found)?;
                    }
                }
                Ok(found)
            }
        };
        let mut consume = |found: Found| {
            match found {
                Found::Count(n) => {
                    sink.skip(n);
                }
                Found::Hits(hits) => {
                    for hit in hits {
                        if is_over.load(Ordering::Relaxed) {
                            break;
                        }
                        is_over.store(!sink.hit(hit)?, Ordering::Relaxed);
                    }
                }
            }
            Ok(())
        };
        let n_threads = n_threads(self.query.threads);
        stream_in_order(n_threads, jobs, worker, &mut consume, &mut || true)?;
        Ok(())
    }

    /// The pieces of a run.
    fn jobs<'b>(&'b self, at: usize, run: &'b Run) -> Box<dyn Iterator<Item = Job> + Send + 'b> {
        if run.is_games {
            let starts = run.rows.clone().step_by(GAMES_AT_ONCE as usize);
            return Box::new(starts.map(move |start| {
                let end = start.saturating_add(GAMES_AT_ONCE).min(run.rows.end);
                Job::Games { run: at, games: start..end }
            }));
        }
        if !self.wants_loose() {
            return Box::new(std::iter::empty());
        }
        let segment = &self.index.segments[run.segment];
        let files = segment.meta.files.iter().filter(|file| {
            !file.is_games && run.rows.start <= file.first_row && file.first_row < run.rows.end
        });
        Box::new(files.flat_map(move |file| {
            let known = self.index.files.iter().find(|known| is_same(file, known));
            let missing = || segment.map.damaged("expected files of the dataset");
            let table = known.ok_or_else(missing).and_then(TableFile::open).map(Arc::new);
            let n_batches = match table {
                Ok(_) => (file.n_rows as usize).div_ceil(POSITIONS_PER_BATCH),
                // The one that tells the error.
                Err(_) => 1,
            };
            let mut table = Some(table);
            (0..n_batches).map_while(move |batch| {
                let table = match table.as_ref()? {
                    Ok(table) => Ok(table.clone()),
                    Err(_) => table.take()?,
                };
                let start = file.first_row + (batch * POSITIONS_PER_BATCH) as u32;
                let end = start.saturating_add(POSITIONS_PER_BATCH as u32);
                let rows = start..end.min(file.first_row + file.n_rows);
                Some(Job::Loose { run: at, table, batch, rows })
            })
        }))
    }

    fn replay<S: Sums>(
        &self,
        matcher: &Matcher,
        run: &Run,
        games: Range<u32>,
        starts: &mut Starts<S>,
        found: &mut Found,
    ) -> Result<()> {
        let segment = &self.index.segments[run.segment];
        let piece = Run { rows: games, ..run.clone() };
        self.games[run.segment].each(&piece, |game| {
            let positions = segment.positions_of(game)?;
            let plies = self.positions.plies(&positions);
            let evals = segment.evals(plies.clone())?;
            let is_wanted =
                |at: u32| self.positions.is_eval_wanted(evals[(at - plies.start) as usize], true);
            let Some(last) = plies.clone().rev().find(|at| is_wanted(*at)) else {
                return Ok(true);
            };
            let code = (run.segment, segment.starts(game..game + 1)?[0]);
            let mut board = match starts.get(&code) {
                Some(board) => board.clone(),
                None => {
                    let board = Board::new(matcher, &start_of(segment, game)?);
                    starts.entry(code).or_insert(board).clone()
                }
            };
            let moves = segment.moves(positions.start..last)?;
            let mut at = positions.start;
            loop {
                if matcher.fits(&board) && at >= plies.start && is_wanted(at) {
                    let segment = run.segment as u32;
                    let hit = Hit {
                        query: 0,
                        is_twin: false,
                        segment,
                        is_game: true,
                        row: game,
                        position: at,
                    };
                    found.add(|| hit);
                    if self.unit == Unit::Games {
                        return Ok(true);
                    }
                }
                if at == last {
                    return Ok(true);
                }
                if !board.make(matcher, moves[(at - positions.start) as usize]) {
                    return Err(segment.map.damaged("expected moves that can be played"));
                }
                at += 1;
            }
        })?;
        Ok(())
    }

    fn decode<S: Sums>(
        &self,
        matcher: &Matcher,
        run: &Run,
        (table, batch): (&OpenTable, usize),
        rows: Range<u32>,
        found: &mut Found,
    ) -> Result<()> {
        let segment: &Segment = &self.index.segments[run.segment];
        let wrong = |message: String| Error::Corrupt { path: table.path().to_owned(), message };
        let changed = || wrong("expected the file that the index knows, found another".to_owned());
        if batch >= table.n_batches() {
            return Err(changed());
        }
        let hcps = table.hcps(batch)?;
        if hcps.rows().len() != rows.len() {
            return Err(changed());
        }
        let first = segment.meta.n_game_positions;
        let evals = segment.evals(first + rows.start..first + rows.end)?;
        let results = segment.loose_results(rows.clone())?;
        let numbers = segment.loose_numbers(rows.clone())?;
        for (at, hcp) in hcps.rows().iter().enumerate() {
            if !self.positions.is_loose_wanted(evals[at], results[at], numbers[at]) {
                continue;
            }
            let fits = matcher.fits_hcp::<S>(hcp).map_err(|error| {
                wrong(format!("loose position: {error}; `maou verify` tells more"))
            })?;
            if fits {
                let (segment, row) = (run.segment as u32, rows.start + at as u32);
                let position = first + row;
                found.add(|| Hit {
                    query: 0,
                    is_twin: false,
                    segment,
                    is_game: false,
                    row,
                    position,
                });
            }
        }
        Ok(())
    }
}
