//! Partitions become rows, rows become batches, batches become files: on all threads, in key order,
//! with bounded memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::merge::{Counts, Merger};
use crate::error::Result;
use crate::ipc::{BatchEncoder, EncodedBatch};
use crate::report::Compression;
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

/// What the threads share.
#[derive(Default)]
struct Flow {
    /// Partitions that a thread has taken, and those whose rows were cut into batches.
    n_taken: usize,
    n_cut: usize,
    merged: BTreeMap<usize, Rows>,
    /// Rows that are no whole batch yet.
    pending: VecDeque<Piece>,
    n_pending: usize,
    n_moves: u64,
    /// Batches to be encoded, and how many were cut.
    cut: VecDeque<(usize, Vec<Piece>)>,
    n_batches: usize,
    encoded: BTreeMap<usize, Encoded>,
    n_written: usize,
    counts: Counts,
    error: Option<crate::error::Error>,
    is_stopped: bool,
}

impl Flow {
    /// Cuts the rows of partitions that are next in order into batches.
    fn cut(&mut self, n_partitions: usize) {
        while let Some(rows) = self.merged.remove(&self.n_cut) {
            self.n_cut += 1;
            self.n_moves += rows.n_moves() as u64;
            let range = 0..rows.len();
            self.n_pending += rows.len();
            self.pending.push_back(Piece { rows: Arc::new(rows), range });
            while self.n_pending >= ROWS_PER_BATCH {
                self.cut_batch(ROWS_PER_BATCH);
            }
        }
        if self.n_cut == n_partitions && self.n_pending > 0 {
            self.cut_batch(self.n_pending);
        }
    }

    fn cut_batch(&mut self, n_rows: usize) {
        let mut pieces = Vec::new();
        let mut n_left = n_rows;
        while n_left > 0 {
            let piece = self.pending.front_mut().expect("as many rows as are pending");
            let n = piece.range.len().min(n_left);
            let start = piece.range.start;
            if n > 0 {
                pieces.push(Piece { rows: piece.rows.clone(), range: start..start + n });
            }
            piece.range.start += n;
            if piece.range.is_empty() {
                self.pending.pop_front();
            }
            n_left -= n;
        }
        self.n_pending -= n_rows;
        self.cut.push_back((self.n_batches, pieces));
        self.n_batches += 1;
    }
}

/// A piece of work.
enum Job {
    Merge(usize),
    Encode(usize, Vec<Piece>),
}

/// The state of the work, and who is told when it changes.
struct Shared {
    flow: Mutex<Flow>,
    changed: Condvar,
    n_partitions: usize,
    n_threads: usize,
}

impl Shared {
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
            // Batches that wait to be written are few, and so are partitions that wait to be cut.
            let has_room = flow.encoded.len() <= self.n_threads;
            if has_room && let Some((number, pieces)) = flow.cut.pop_front() {
                return Some(Job::Encode(number, pieces));
            }
            let is_ahead = flow.n_taken - flow.n_cut >= self.n_threads || !flow.cut.is_empty();
            if flow.n_taken < self.n_partitions && !is_ahead {
                flow.n_taken += 1;
                return Some(Job::Merge(flow.n_taken - 1));
            }
            if flow.n_cut == self.n_partitions && flow.cut.is_empty() {
                return None;
            }
            flow = self.changed.wait(flow).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Ends the work of all threads when one panics.
struct StopOnPanic<'a>(&'a Shared);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.change(|flow| flow.is_stopped = true);
        }
    }
}

/// What a split is made of.
pub(super) struct Partitions<'a> {
    /// Number of the first of its partitions of records.
    pub(super) first: usize,
    pub(super) n: usize,
    /// Number of the first partition of excluded keys, if there are any.
    pub(super) first_excluded: Option<usize>,
    pub(super) new_merger: &'a (dyn Fn() -> Merger<'a> + Sync),
}

/// Merges the partitions of a split and writes its files. `tick` is called on the caller's thread
/// now and then with the number of partitions that were merged; when it says `false`, the work
/// stops, and there is no result. Beside what was counted, the number of all moves is returned.
pub(super) fn write_split(
    partitions: &Partitions<'_>,
    compression: Compression,
    n_threads: usize,
    writer: &mut SplitWriter<'_>,
    tick: &mut dyn FnMut(usize) -> bool,
) -> Result<Option<(Counts, u64)>> {
    let shared = Shared {
        flow: Mutex::default(),
        changed: Condvar::new(),
        n_partitions: partitions.n,
        n_threads,
    };
    let work = || {
        let _stop = StopOnPanic(&shared);
        let mut merger = (partitions.new_merger)();
        let mut encoder = BatchEncoder::for_training(compression);
        while let Some(job) = shared.take() {
            let done = match job {
                Job::Merge(number) => merge(&shared, partitions, &mut merger, number),
                Job::Encode(number, pieces) => encode(&shared, &mut encoder, number, &pieces),
            };
            if let Err(error) = done {
                shared.change(|flow| flow.error = flow.error.take().or(Some(error)));
            }
        }
    };
    let is_complete = thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(work);
        }
        let _stop = StopOnPanic(&shared);
        let written = write_all(&shared, writer, tick);
        shared.change(|flow| flow.is_stopped = true);
        written
    })?;
    let flow = shared.flow.into_inner().unwrap_or_else(PoisonError::into_inner);
    match flow.error {
        Some(error) => Err(error),
        None => Ok(is_complete.then_some((flow.counts, flow.n_moves))),
    }
}

fn merge(
    shared: &Shared,
    partitions: &Partitions<'_>,
    merger: &mut Merger<'_>,
    number: usize,
) -> Result<()> {
    let excluded = partitions.first_excluded.map(|first| first + number);
    let (rows, counts) = merger.partition(partitions.first + number, excluded)?;
    shared.change(|flow| {
        flow.counts.add(&counts);
        flow.merged.insert(number, rows);
        flow.cut(shared.n_partitions);
    });
    Ok(())
}

fn encode(
    shared: &Shared,
    encoder: &mut BatchEncoder,
    number: usize,
    pieces: &[Piece],
) -> Result<()> {
    let ends = pieces.first().zip(pieces.last()).expect("a batch has rows");
    let keys = (ends.0.rows.keys[ends.0.range.start], ends.1.rows.keys[ends.1.range.end - 1]);
    let n_rows = pieces.iter().map(|piece| piece.range.len()).sum();
    let batch = encoder.encode(&to_batch(pieces))?;
    shared.change(|flow| drop(flow.encoded.insert(number, Encoded { batch, n_rows, keys })));
    Ok(())
}

/// Writes batches in order as they are ready; `false` if the work was stopped.
fn write_all(
    shared: &Shared,
    writer: &mut SplitWriter<'_>,
    tick: &mut dyn FnMut(usize) -> bool,
) -> Result<bool> {
    let mut last_tick = None::<std::time::Instant>;
    let mut flow = shared.lock();
    loop {
        if flow.is_stopped || flow.error.is_some() {
            return Ok(false);
        }
        if last_tick.is_none_or(|last| last.elapsed() >= TICK) {
            last_tick = Some(std::time::Instant::now());
            let n_cut = flow.n_cut;
            drop(flow);
            if !tick(n_cut) {
                return Ok(false);
            }
            flow = shared.lock();
        }
        let next = flow.n_written;
        if let Some(Encoded { batch, n_rows, keys }) = flow.encoded.remove(&next) {
            flow.n_written += 1;
            drop(flow);
            shared.changed.notify_all();
            writer.batch(&batch, n_rows, keys)?;
            flow = shared.lock();
        } else if flow.n_cut == shared.n_partitions && flow.n_written == flow.n_batches {
            return Ok(true);
        } else {
            let waited = shared.changed.wait_timeout(flow, TICK);
            flow = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
