//! Partitions become rows, rows become batches, batches become files: both splits side by side, on
//! all threads, in key order, with bounded memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::emit::Target;
use super::merge::{Counts, Merger};
use crate::error::Result;
use crate::ipc::{BatchEncoder, EncodedBatch};
use crate::report::Compression;
use crate::training::manifest::Split;
use crate::training::rows::{Piece, Rows, to_batch};
use crate::training::schema::ROWS_PER_BATCH;
use crate::training::writer::SplitWriter;
use crate::workers::TICK;

/// An encoded batch with what its file notes of it.
struct Encoded {
    batch: EncodedBatch,
    n_rows: usize,
    keys: (u64, u64),
}

/// Where the rows of a split are.
#[derive(Default)]
struct Line {
    /// Rows that are no whole batch yet.
    pending: VecDeque<Piece>,
    n_pending: usize,
    /// How many batches were cut.
    n_batches: usize,
    encoded: BTreeMap<usize, Encoded>,
    n_written: usize,
    n_moves: u64,
    counts: Counts,
}

impl Line {
    fn push(&mut self, rows: Rows) {
        if rows.len() == 0 {
            return;
        }
        self.n_moves += rows.n_moves() as u64;
        self.n_pending += rows.len();
        let range = 0..rows.len();
        self.pending.push_back(Piece { rows: Arc::new(rows), range });
    }

    /// The next batch, of so many rows, and its number.
    fn cut(&mut self, n_rows: usize) -> (usize, Vec<Piece>) {
        let mut pieces = Vec::new();
        let mut n_left = n_rows;
        while n_left > 0 {
            let piece = self.pending.front_mut().expect("as many rows as are pending");
            let n = piece.range.len().min(n_left);
            let start = piece.range.start;
            pieces.push(Piece { rows: piece.rows.clone(), range: start..start + n });
            piece.range.start += n;
            if piece.range.is_empty() {
                self.pending.pop_front();
            }
            n_left -= n;
        }
        self.n_pending -= n_rows;
        self.n_batches += 1;
        (self.n_batches - 1, pieces)
    }
}

/// Rows of train that are rows of validation, too, and their occurrences there.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Shared {
    pub(super) n_rows: u64,
    pub(super) n_occurrences: u64,
}

impl Shared {
    fn of(train: &Rows, validation: &Rows) -> Shared {
        let mut shared = Shared::default();
        let mut keys = &train.keys[..];
        for (key, n) in validation.keys.iter().zip(&validation.n) {
            keys = &keys[keys.partition_point(|other| other < key)..];
            if keys.first() == Some(key) {
                shared.n_rows += 1;
                shared.n_occurrences += u64::from(*n);
            }
        }
        shared
    }
}

/// What the threads share.
#[derive(Default)]
struct Flow {
    /// Ranges that a thread has taken, and those whose rows were cut into batches.
    n_taken: usize,
    n_cut: usize,
    /// Rows of each split.
    merged: BTreeMap<usize, [Rows; 2]>,
    lines: [Line; 2],
    /// Batches to be encoded.
    cut: VecDeque<(Split, usize, Vec<Piece>)>,
    shared: Shared,
    error: Option<crate::error::Error>,
    is_stopped: bool,
}

impl Flow {
    /// Cuts the rows of ranges that are next in order into batches.
    fn cut(&mut self, n_ranges: usize) {
        while let Some(rows) = self.merged.remove(&self.n_cut) {
            self.n_cut += 1;
            for (split, rows) in Split::ALL.into_iter().zip(rows) {
                let line = &mut self.lines[split as usize];
                line.push(rows);
                let is_last = self.n_cut == n_ranges;
                while line.n_pending >= ROWS_PER_BATCH || is_last && line.n_pending > 0 {
                    let (number, pieces) = line.cut(line.n_pending.min(ROWS_PER_BATCH));
                    self.cut.push_back((split, number, pieces));
                }
            }
        }
    }

    /// A batch that is next in its file.
    fn next_encoded(&mut self) -> Option<(Split, Encoded)> {
        Split::ALL.into_iter().find_map(|split| {
            let line = &mut self.lines[split as usize];
            let encoded = line.encoded.remove(&line.n_written)?;
            line.n_written += 1;
            Some((split, encoded))
        })
    }

    fn n_encoded(&self) -> usize {
        self.lines.iter().map(|line| line.encoded.len()).sum()
    }

    fn is_written(&self) -> bool {
        self.lines.iter().all(|line| line.n_written == line.n_batches)
    }
}

/// A piece of work.
enum Job {
    Merge(usize),
    Encode(Split, usize, Vec<Piece>),
}

/// The state of the work, and who is told when it changes.
struct State {
    flow: Mutex<Flow>,
    changed: Condvar,
    n_ranges: usize,
    n_threads: usize,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Flow> {
        self.flow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Flow)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// The next piece of work; encoding first, which makes room.
    fn take(&self) -> Option<Job> {
        let mut flow = self.lock();
        loop {
            if flow.is_stopped || flow.error.is_some() {
                return None;
            }
            // Batches that wait to be written are few, and so are ranges that wait to be cut.
            let has_room = flow.n_encoded() <= 2 * self.n_threads;
            if has_room && let Some((split, number, pieces)) = flow.cut.pop_front() {
                return Some(Job::Encode(split, number, pieces));
            }
            let is_ahead = flow.n_taken - flow.n_cut >= 2 * self.n_threads || !flow.cut.is_empty();
            if flow.n_taken < self.n_ranges && !is_ahead {
                flow.n_taken += 1;
                return Some(Job::Merge(flow.n_taken - 1));
            }
            if flow.n_cut == self.n_ranges && flow.cut.is_empty() {
                return None;
            }
            flow = self.changed.wait(flow).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Ends the work of all threads when one panics.
struct StopOnPanic<'a>(&'a State);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.change(|flow| flow.is_stopped = true);
        }
    }
}

/// Which partitions there are.
pub(super) struct Partitions<'a> {
    pub(super) target: &'a Target<'a>,
    pub(super) has_excluded: bool,
    pub(super) new_merger: &'a (dyn Fn() -> Merger<'a> + Sync),
}

/// What was merged: of each split what was counted and the number of all moves.
pub(super) struct Merged {
    pub(super) splits: [(Counts, u64); 2],
    pub(super) shared: Shared,
}

/// Merges all partitions and writes the files of both splits. `tick` is called on the caller's
/// thread now and then with the number of ranges that were merged and of rows that were written;
/// when it says `false`, the work stops, and there is no result.
pub(super) fn write_splits(
    partitions: &Partitions<'_>,
    compression: Compression,
    n_threads: usize,
    writers: &mut [SplitWriter<'_>; 2],
    tick: &mut dyn FnMut(usize, u64) -> bool,
) -> Result<Option<Merged>> {
    let state = State {
        flow: Mutex::default(),
        changed: Condvar::new(),
        n_ranges: partitions.target.n_ranges,
        n_threads,
    };
    let work = || {
        let _stop = StopOnPanic(&state);
        let mut merger = (partitions.new_merger)();
        let mut encoder = BatchEncoder::for_training(compression);
        while let Some(job) = state.take() {
            let done = match job {
                Job::Merge(range) => merge(&state, partitions, &mut merger, range),
                Job::Encode(split, number, pieces) => {
                    encode(&state, &mut encoder, split, number, &pieces)
                }
            };
            if let Err(error) = done {
                state.change(|flow| flow.error = flow.error.take().or(Some(error)));
            }
        }
    };
    let is_complete = thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(work);
        }
        let _stop = StopOnPanic(&state);
        let written = write_all(&state, writers, tick);
        state.change(|flow| flow.is_stopped = true);
        written
    })?;
    let flow = state.flow.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = flow.error {
        return Err(error);
    }
    let splits = flow.lines.map(|line| (line.counts, line.n_moves));
    Ok(is_complete.then_some(Merged { splits, shared: flow.shared }))
}

fn merge(
    state: &State,
    partitions: &Partitions<'_>,
    merger: &mut Merger<'_>,
    range: usize,
) -> Result<()> {
    let target = partitions.target;
    let excluded = match partitions.has_excluded {
        true => merger.keys(target.excluded(range))?,
        false => Vec::new(),
    };
    let mut split = |split| merger.partition(target.partition(split, range), &excluded);
    let (train, train_counts) = split(Split::Train)?;
    let (validation, validation_counts) = split(Split::Validation)?;
    let shared = Shared::of(&train, &validation);
    state.change(|flow| {
        flow.lines[Split::Train as usize].counts.add(&train_counts);
        flow.lines[Split::Validation as usize].counts.add(&validation_counts);
        flow.shared.n_rows += shared.n_rows;
        flow.shared.n_occurrences += shared.n_occurrences;
        flow.merged.insert(range, [train, validation]);
        flow.cut(state.n_ranges);
    });
    Ok(())
}

fn encode(
    state: &State,
    encoder: &mut BatchEncoder,
    split: Split,
    number: usize,
    pieces: &[Piece],
) -> Result<()> {
    let ends = pieces.first().zip(pieces.last()).expect("a batch has rows");
    let keys = (ends.0.rows.keys[ends.0.range.start], ends.1.rows.keys[ends.1.range.end - 1]);
    let n_rows = pieces.iter().map(|piece| piece.range.len()).sum();
    let batch = encoder.encode(&to_batch(pieces))?;
    state.change(|flow| {
        flow.lines[split as usize].encoded.insert(number, Encoded { batch, n_rows, keys });
    });
    Ok(())
}

/// Writes batches in order as they are ready; `false` if the work was stopped.
fn write_all(
    state: &State,
    writers: &mut [SplitWriter<'_>; 2],
    tick: &mut dyn FnMut(usize, u64) -> bool,
) -> Result<bool> {
    let mut last_tick = None::<std::time::Instant>;
    let mut n_rows_written = 0;
    let mut flow = state.lock();
    loop {
        if flow.is_stopped || flow.error.is_some() {
            return Ok(false);
        }
        if last_tick.is_none_or(|last| last.elapsed() >= TICK) {
            last_tick = Some(std::time::Instant::now());
            let n_cut = flow.n_cut;
            drop(flow);
            if !tick(n_cut, n_rows_written) {
                return Ok(false);
            }
            flow = state.lock();
        }
        if let Some((split, Encoded { batch, n_rows, keys })) = flow.next_encoded() {
            drop(flow);
            state.changed.notify_all();
            writers[split as usize].batch(&batch, n_rows, keys)?;
            n_rows_written += n_rows as u64;
            flow = state.lock();
        } else if flow.n_cut == state.n_ranges && flow.is_written() {
            return Ok(true);
        } else {
            let waited = state.changed.wait_timeout(flow, TICK);
            flow = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
