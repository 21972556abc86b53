//! Reading and encoding on all threads, with the results in order.
//!
//! Workers take units of sources in order, read them into columns, and encode batches as soon as
//! enough games have come together; the caller's thread gets encoded batches in order and writes
//! them. The same threads do both kinds of work, whichever there is, which is why this is no use of
//! [`crate::workers::stream_in_order`]. How far reading may run ahead is bounded, so memory does not grow with the number of
//! games, and what comes out does not depend on the number of threads.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use arrow_array::RecordBatch;

use crate::columns::{Columns, Piece, to_batch};
use crate::error::{Error, Result};
use crate::ipc::{BatchEncoder, EncodedBatch};
use crate::manifest::Totals;
use crate::positions::{self, PositionColumns, PositionPiece};
use crate::report::{Compression, ErrorEntry, Progress, ProgressFn};
use crate::schema::{GAMES_PER_BATCH, POSITIONS_PER_BATCH, Width};
use crate::source_table::SourceRow;
use crate::sources::Sources;
use crate::summary::Summary;
use crate::unit::{PartPlace, Reading, Unit, UnitReader, UnitResult};
use crate::workers::TICK;

/// Bytes of sources that are read at the same time, unless one alone has more: a file of records
/// is read whole.
const MAX_BYTES_IN_WORK: u64 = 256 << 20;

/// What comes out, in order.
pub(crate) enum Output {
    /// The next batch of the games file.
    Batch(EncodedBatch),
    /// The games file is complete.
    End(Box<ShardDone>),
}

/// What belongs to a games file beside its batches.
#[derive(Default)]
pub(crate) struct ShardDone {
    pub(crate) sources: Vec<SourceRow>,
    pub(crate) errors: Vec<ErrorEntry>,
    pub(crate) totals: Totals,
}

/// How a pipeline works.
pub(crate) struct PipelineOptions {
    pub(crate) n_threads: usize,
    pub(crate) strict: bool,
    /// `None`: nothing is written, so nothing is encoded; the ids are collected instead.
    pub(crate) compression: Option<Compression>,
    /// Games at which a games file of new sources is full. It is cut between sources, so that one
    /// with more games makes a larger file.
    pub(crate) rows_per_file: Option<u64>,
    /// How sources are read.
    pub(crate) reading: Reading,
    /// How far the run had come before.
    pub(crate) progress: Progress,
}

/// Counted by all workers for the progress.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) n_sources: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) n_games: AtomicU64,
    pub(crate) n_positions: AtomicU64,
    pub(crate) n_errors: AtomicU64,
}

struct State {
    units: VecDeque<Unit>,
    n_taken: usize,
    n_delivered: usize,
    /// Bytes of the sources that are being read.
    bytes_in_work: u64,
    read: BTreeMap<usize, (UnitResult, UnitPlace)>,
    /// Whether some thread takes members out of archives, which goes in order.
    is_unpacking: bool,
    /// Games that wait for enough others.
    pending: Vec<Piece>,
    n_pending: usize,
    /// Loose positions that do.
    pending_positions: Vec<PositionPiece>,
    n_pending_positions: usize,
    /// The columns of the games file, as far as it is known.
    width: Width,
    /// The source of which parts have come.
    part: Option<SourceRow>,
    shard: ShardDone,
    /// How many games files have been cut by their rows, so that numbers have moved on.
    n_cuts: u32,
    to_encode: VecDeque<(usize, ToEncode)>,
    n_slots: usize,
    ready: BTreeMap<usize, Output>,
    n_consumed: usize,
    summary: Summary,
    is_stopped: bool,
    error: Option<Error>,
}

/// The rows of a batch.
enum ToEncode {
    Games(Vec<Piece>, Width),
    Positions(Vec<PositionPiece>),
}

impl ToEncode {
    fn to_batch(&self) -> RecordBatch {
        match self {
            ToEncode::Games(pieces, width) => to_batch(pieces, *width),
            ToEncode::Positions(pieces) => positions::to_batch(pieces),
        }
    }
}

/// Rows of what a unit gave.
struct Rows {
    columns: Arc<Columns>,
    games: Range<usize>,
    positions: Arc<PositionColumns>,
    loose: Range<usize>,
}

/// Where the games of a unit go.
#[derive(Clone, Copy)]
struct UnitPlace {
    is_new: bool,
    is_last: bool,
}

struct Shared<'a> {
    state: Mutex<State>,
    work: Condvar,
    output: Condvar,
    counters: Counters,
    options: &'a PipelineOptions,
    sources: &'a Sources<'a>,
}

/// Stops everything if its thread panics, so that nobody waits for it.
struct PanicGuard<'a>(&'a Shared<'a>);

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop(&mut self.0.lock());
        }
    }
}

/// Reads all units and hands what comes out to `consume`, on the caller's thread. The last unit of
/// each games file is marked as such. What was found is told also if `progress` asked to stop,
/// which [`Summary::is_stopped`] says.
pub(crate) fn run(
    units: Vec<Unit>,
    sources: &Sources<'_>,
    options: &PipelineOptions,
    consume: &mut dyn FnMut(Output) -> Result<()>,
    progress: &mut ProgressFn<'_>,
) -> Result<Summary> {
    let shared = Shared {
        state: Mutex::new(State {
            width: Width { variations: options.reading.variations, search: false },
            ..State::new(units, Summary::new(sources.n_inputs()))
        }),
        work: Condvar::new(),
        output: Condvar::new(),
        counters: Counters::default(),
        options,
        sources,
    };
    thread::scope(|scope| {
        for _ in 0..options.n_threads {
            scope.spawn(|| {
                let _guard = PanicGuard(&shared);
                shared.work();
            });
        }
        let _guard = PanicGuard(&shared);
        shared.consume(consume, progress);
    });
    let state = shared.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    match state.error {
        Some(error) => Err(error),
        None => Ok(state.summary),
    }
}

impl State {
    fn new(units: Vec<Unit>, summary: Summary) -> State {
        State {
            units: units.into(),
            n_taken: 0,
            n_delivered: 0,
            bytes_in_work: 0,
            read: BTreeMap::new(),
            is_unpacking: false,
            pending: Vec::new(),
            n_pending: 0,
            pending_positions: Vec::new(),
            n_pending_positions: 0,
            width: Width::default(),
            part: None,
            shard: ShardDone::default(),
            n_cuts: 0,
            to_encode: VecDeque::new(),
            n_slots: 0,
            ready: BTreeMap::new(),
            n_consumed: 0,
            summary,
            is_stopped: false,
            error: None,
        }
    }

    fn is_read(&self) -> bool {
        self.units.is_empty() && self.n_delivered == self.n_taken
    }

    /// Puts a unit into its place in the order, and passes on what is complete.
    fn deliver(&mut self, index: usize, result: UnitResult, place: UnitPlace, o: &PipelineOptions) {
        self.read.insert(index, (result, place));
        while let Some((result, place)) = self.read.remove(&self.n_delivered) {
            self.n_delivered += 1;
            self.summary.add(&result);
            if o.strict
                && let Some(first) = self.summary.first_error()
            {
                self.error.get_or_insert(Error::Strict(Box::new(first.clone())));
                self.is_stopped = true;
                return;
            }
            let rows = Rows {
                games: 0..result.columns.n_games(),
                columns: Arc::new(result.columns),
                loose: 0..result.positions.len(),
                positions: Arc::new(result.positions),
            };
            let (sources, errors) = (result.sources, result.errors);
            match (result.part, o.rows_per_file.filter(|_| place.is_new)) {
                (Some(part), max) => self.take_part(&rows, sources, errors, (part, max), o),
                (None, Some(max)) => self.take_by_source(&rows, sources, errors, max, o),
                (None, None) => self.take(&rows, sources, errors, o),
            }
            if place.is_last {
                self.end_shard();
            }
        }
    }

    /// Takes sources with their rows into the shard.
    fn take(
        &mut self,
        rows: &Rows,
        sources: Vec<SourceRow>,
        errors: Vec<ErrorEntry>,
        o: &PipelineOptions,
    ) {
        self.shard.sources.extend(sources);
        for error in &errors {
            *self.shard.totals.error_kinds.entry(error.kind.clone()).or_default() += 1;
        }
        self.shard.errors.extend(errors);
        rows.columns.count_into(rows.games.clone(), &mut self.shard.totals);
        self.shard.totals.n_loose_positions += rows.loose.len() as u64;
        self.width.search |= rows.columns.search.has_any_of(&rows.games);
        if o.compression.is_some() {
            self.cut(&rows.columns, rows.games.clone());
            self.cut_positions(&rows.positions, rows.loose.clone());
        } else {
            self.summary.ids.extend_from_slice(&rows.columns.ids()[rows.games.clone()]);
        }
    }

    /// Takes a part of a source; its rows come before the source itself. A shard with anything in
    /// it is ended before the first part if shards are cut by rows, which `place` tells.
    fn take_part(
        &mut self,
        rows: &Rows,
        parts: Vec<SourceRow>,
        mut errors: Vec<ErrorEntry>,
        place: (PartPlace, Option<u64>),
        o: &PipelineOptions,
    ) {
        let (part, max) = place;
        if max.is_some() && part.is_first && self.n_rows() > 0 {
            self.end_shard();
            self.n_cuts += 1;
        }
        let mut row = self.part.take();
        let n_games_before = row.as_ref().map_or(0, |row| row.n_games);
        for mut part in parts {
            part.shard += if max.is_some() { self.n_cuts } else { 0 };
            errors.iter_mut().for_each(|error| {
                error.shard = part.shard;
                error.game_number = error.game_number.map(|number| number + n_games_before);
            });
            match &mut row {
                Some(row) => row.add_part(&part),
                None => row = Some(part),
            }
        }
        let sources = if part.is_last { row.take().into_iter().collect() } else { Vec::new() };
        self.part = row;
        self.take(rows, sources, errors, o);
    }

    /// Rows of the shard that is being filled.
    fn n_rows(&self) -> u64 {
        self.shard.totals.n_games + self.shard.totals.n_loose_positions
    }

    /// Takes sources one by one, and begins a games file where one would have more than `max`
    /// rows otherwise. The cut depends on the sources after the last whole games file alone, so
    /// that a run that goes on cuts in the same places.
    fn take_by_source(
        &mut self,
        rows: &Rows,
        sources: Vec<SourceRow>,
        errors: Vec<ErrorEntry>,
        max: u64,
        o: &PipelineOptions,
    ) {
        let mut errors = errors.into_iter();
        let (mut game, mut loose) = (0, 0);
        for mut row in sources {
            let (n_games, n_loose) = (u64::from(row.n_games), row.n_loose());
            let n_before = self.n_rows();
            if n_before > 0 && n_before + n_games + n_loose > max {
                self.end_shard();
                self.n_cuts += 1;
            }
            row.shard += self.n_cuts;
            let mut own: Vec<_> = errors.by_ref().take(row.n_errors as usize).collect();
            own.iter_mut().for_each(|error| error.shard = row.shard);
            let own_rows = Rows {
                columns: rows.columns.clone(),
                games: game..game + n_games as usize,
                positions: rows.positions.clone(),
                loose: loose..loose + n_loose as usize,
            };
            (game, loose) = (own_rows.games.end, own_rows.loose.end);
            self.take(&own_rows, vec![row], own, o);
        }
    }

    fn cut(&mut self, columns: &Arc<Columns>, rows: Range<usize>) {
        let mut start = rows.start;
        while start < rows.end {
            let end = rows.end.min(start + GAMES_PER_BATCH - self.n_pending);
            self.pending.push(Piece { columns: columns.clone(), rows: start..end });
            self.n_pending += end - start;
            start = end;
            if self.n_pending == GAMES_PER_BATCH {
                self.queue_batch();
            }
        }
    }

    fn cut_positions(&mut self, positions: &Arc<PositionColumns>, rows: Range<usize>) {
        let mut start = rows.start;
        while start < rows.end {
            let end = rows.end.min(start + POSITIONS_PER_BATCH - self.n_pending_positions);
            let columns = positions.clone();
            self.pending_positions.push(PositionPiece { columns, rows: start..end });
            self.n_pending_positions += end - start;
            start = end;
            if self.n_pending_positions == POSITIONS_PER_BATCH {
                self.queue_positions();
            }
        }
    }

    fn queue_batch(&mut self) {
        let pieces = std::mem::take(&mut self.pending);
        self.n_pending = 0;
        self.queue(ToEncode::Games(pieces, self.width));
    }

    fn queue_positions(&mut self) {
        let pieces = std::mem::take(&mut self.pending_positions);
        self.n_pending_positions = 0;
        self.queue(ToEncode::Positions(pieces));
    }

    fn queue(&mut self, batch: ToEncode) {
        self.to_encode.push_back((self.n_slots, batch));
        self.n_slots += 1;
    }

    fn end_shard(&mut self) {
        if self.n_pending > 0 {
            self.queue_batch();
        }
        if self.n_pending_positions > 0 {
            self.queue_positions();
        }
        self.width.search = false;
        let mut done = std::mem::take(&mut self.shard);
        for row in &done.sources {
            done.totals.n_sources += 1;
            done.totals.n_errors += u64::from(row.n_errors);
            done.totals.n_variations_dropped += u64::from(row.n_variations);
            done.totals.n_comments_dropped += u64::from(row.n_comments);
        }
        self.ready.insert(self.n_slots, Output::End(Box::new(done)));
        self.n_slots += 1;
    }
}

impl Shared<'_> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self, state: &mut State) {
        state.is_stopped = true;
        self.work.notify_all();
        self.output.notify_all();
    }

    /// What a worker does until nothing is left.
    fn work(&self) {
        let mut reader = UnitReader::new(self.sources, &self.counters, self.options.reading);
        let mut encoder = BatchEncoder::new(self.options.compression.unwrap_or_default());
        let n_ahead = 4 * self.options.n_threads;
        let mut state = self.lock();
        while !state.is_stopped {
            if let Some((slot, pieces)) = state.to_encode.pop_front() {
                drop(state);
                let encoded = encoder.encode(&pieces.to_batch());
                drop(pieces);
                state = self.lock();
                match encoded {
                    Ok(batch) => drop(state.ready.insert(slot, Output::Batch(batch))),
                    Err(error) => {
                        state.error.get_or_insert(error);
                        self.stop(&mut state);
                    }
                }
                self.output.notify_one();
            } else if !state.units.is_empty()
                && state.n_taken - state.n_delivered < n_ahead
                && state.n_slots - state.n_consumed < n_ahead
                && !(state.is_unpacking && state.units[0].needs_unpacking())
                && (state.bytes_in_work == 0
                    || state.bytes_in_work + state.units[0].bytes_in_memory() <= MAX_BYTES_IN_WORK)
            {
                let unit = state.units.pop_front().expect("it is not empty");
                let (index, bytes) = (state.n_taken, unit.bytes_in_memory());
                state.n_taken += 1;
                state.bytes_in_work += bytes;
                let unpacked = if unit.needs_unpacking() {
                    state.is_unpacking = true;
                    drop(state);
                    let unpacked = self.sources.unpack(unit.sources());
                    state = self.lock();
                    state.is_unpacking = false;
                    self.work.notify_all();
                    unpacked
                } else {
                    Ok(Vec::new())
                };
                drop(state);
                let place = UnitPlace { is_new: unit.is_new, is_last: unit.is_last };
                let result = unpacked.and_then(|unpacked| reader.read(unit, unpacked));
                state = self.lock();
                state.bytes_in_work -= bytes;
                match result {
                    Ok(result) => state.deliver(index, result, place, self.options),
                    Err(error) => {
                        state.error.get_or_insert(error);
                        state.is_stopped = true;
                    }
                }
                self.work.notify_all();
                self.output.notify_one();
            } else if state.is_read() {
                break;
            } else {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// What the caller's thread does until everything has come out.
    fn consume(
        &self,
        consume: &mut dyn FnMut(Output) -> Result<()>,
        progress: &mut ProgressFn<'_>,
    ) {
        // Told at once, then from time to time, and after each games file.
        let mut last_tick: Option<Instant> = None;
        let mut state = self.lock();
        while !state.is_stopped {
            let next = state.n_consumed;
            let output = state.ready.remove(&next);
            if output.is_none() && state.is_read() && state.n_consumed == state.n_slots {
                break;
            }
            if last_tick.is_none_or(|last| last.elapsed() >= TICK) {
                last_tick = Some(Instant::now());
                drop(state);
                let goes_on = progress(&self.progress());
                state = self.lock();
                if !goes_on {
                    state.summary.is_stopped = true;
                    return self.stop(&mut state);
                }
            }
            if let Some(output) = output {
                state.n_consumed += 1;
                self.work.notify_all();
                if matches!(output, Output::End(_)) {
                    last_tick = None;
                }
                drop(state);
                let consumed = consume(output);
                state = self.lock();
                if let Err(error) = consumed {
                    state.error.get_or_insert(error);
                    return self.stop(&mut state);
                }
            } else {
                let waited = self.output.wait_timeout(state, TICK);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    fn progress(&self) -> Progress {
        let before = &self.options.progress;
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Progress {
            n_sources_done: before.n_sources_done + get(&self.counters.n_sources),
            bytes_done: before.bytes_done + get(&self.counters.bytes),
            n_games: get(&self.counters.n_games),
            n_positions: get(&self.counters.n_positions),
            n_errors: before.n_errors + get(&self.counters.n_errors),
            ..*before
        }
    }
}
