//! Threads that make batches ahead of whoever asks for them.
//!
//! There are three kinds of work: to load a record batch of a window, to gather the rows of the next
//! batch out of it, and to write a piece of a batch. Threads take whatever is due; what they make
//! does not depend on who makes it. Nothing is made for longer than there are free buffers.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZero;
use std::ops::Range;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::assemble::{self, Piece};
use super::chunk::Chunk;
use super::gather::Group;
use super::layout::{Layout, Places};
use super::memory::{AlignedBytes, Memory};
use super::options::{LoaderOptions, PolicyForm};
use super::order::{Deal, EpochOrder};
use super::ring::{Lease, Slot};
use super::rows::TrainingRows;
use crate::error::{Error, Result};

/// Batches whose pieces are being written at the same time.
const MAX_OPEN: usize = 2;

/// Entries of a sparse policy for which there is room from the beginning, a row.
const CHOICES_PER_ROW: usize = 4;

/// What does not change as long as a loader lives.
struct Plan {
    rows: Arc<TrainingRows>,
    options: LoaderOptions,
    deal: Deal,
    layout: Layout,
    places: Places,
    piece_rows: usize,
}

/// A batch whose rows are known.
struct Open {
    generation: u64,
    step: u64,
    slot: Arc<Slot>,
    n_pieces: usize,
    /// Pieces that are not written yet.
    n_left: AtomicUsize,
    /// Whether one of them could not be written.
    is_broken: AtomicBool,
}

/// A window of record batches that is being read.
#[derive(Default)]
struct Loading {
    chunks: Vec<Option<Arc<Chunk>>>,
    order: Option<Arc<Vec<u32>>>,
    /// Parts that some thread has taken: the order, then the record batches.
    n_taken: usize,
    n_missing: usize,
    whole: Option<Arc<Group>>,
}

struct State {
    is_stopped: bool,
    /// Grows when batches are to begin elsewhere: what is made for an earlier one is dropped.
    generation: u64,
    order: Arc<EpochOrder>,
    groups: BTreeMap<usize, Loading>,
    is_gathering: bool,
    /// The batch to be gathered next, and the one to be given next.
    next_open: u64,
    next_out: u64,
    open: VecDeque<(Arc<Open>, usize)>,
    ready: BTreeMap<u64, Arc<Open>>,
    free: Vec<Arc<Slot>>,
    n_slots: usize,
    error: Option<Error>,
    has_failed: bool,
}

/// What threads and consumer share.
pub(super) struct Shared {
    plan: Plan,
    /// The process whose threads work. One that was forked has none of them, and maybe a lock that
    /// nobody opens.
    process: AtomicU32,
    state: Mutex<State>,
    /// Something may be due.
    work: Condvar,
    /// A batch is ready, or none will come.
    done: Condvar,
}

enum Task {
    Order(usize),
    Load { group: usize, place: usize },
    Gather { step: u64, slot: Arc<Slot>, groups: Vec<Arc<Group>> },
    Write { open: Arc<Open>, piece: usize },
}

/// What comes when a batch is asked for.
pub enum Next {
    /// The next batch.
    Batch(Lease),
    /// There is none in this epoch any more.
    End,
    /// It is not ready yet.
    Later,
}

/// Makes the batches of a split.
pub struct Loader {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Loader {
    /// A loader, which starts with the first batch that is asked for.
    ///
    /// # Errors
    /// Options that make no batches.
    pub fn new(rows: Arc<TrainingRows>, options: LoaderOptions) -> Result<Loader> {
        options.check()?;
        let deal = Deal::new(rows.n_rows(), &options);
        if deal.n_steps() == 0 {
            return Err(no_batches(&rows, &options));
        }
        let (layout, places) = Layout::new(&options);
        let piece_rows = ((1 << 19) / layout.row_bytes()).clamp(16, 512);
        let order = Arc::new(EpochOrder::new(&rows.chunk_rows, &options, 0));
        let plan = Plan { rows, options, deal, layout, places, piece_rows };
        let state = State {
            is_stopped: false,
            generation: 0,
            order,
            groups: BTreeMap::new(),
            is_gathering: false,
            // Nothing is due until a place is told.
            next_open: u64::MAX,
            next_out: u64::MAX,
            open: VecDeque::new(),
            ready: BTreeMap::new(),
            free: Vec::new(),
            n_slots: 0,
            error: None,
            has_failed: false,
        };
        let (work, done) = (Condvar::new(), Condvar::new());
        let process = AtomicU32::new(process::id());
        let shared = Shared { plan, process, state: Mutex::new(state), work, done };
        Ok(Loader { shared: Arc::new(shared), threads: Vec::new() })
    }

    /// Where the fields of a batch stand.
    pub fn layout(&self) -> &Layout {
        &self.shared.plan.layout
    }

    /// The batches of an epoch for this process.
    pub fn n_steps(&self) -> u64 {
        self.shared.plan.deal.n_steps()
    }

    /// The buffers that are used in turn.
    pub fn n_buffers(&self) -> usize {
        // One is in the hands of the consumer.
        self.shared.plan.options.prefetch + 1
    }

    /// The bytes that a sparse policy has from the beginning.
    pub fn coo_len(&self) -> usize {
        let options = &self.shared.plan.options;
        match options.policy {
            Some(PolicyForm::Sparse) => 20 * CHOICES_PER_ROW * options.batch_size,
            _ => 0,
        }
    }

    /// Gives buffers for batches, in place of memory that the loader makes itself: one as long as
    /// the layout says and one of [`coo_len`](Loader::coo_len).
    pub fn add_buffer(&self, main: Box<dyn Memory>, coo: Box<dyn Memory>) {
        self.shared.add_slot(&mut lock(&self.shared.state), Some((main, coo)));
    }

    /// Begins at batch `step` of an epoch: those that were made before are dropped.
    ///
    /// # Errors
    /// In a process that was forked after the first time.
    pub fn seek(&mut self, epoch: u64, step: u64) -> Result<()> {
        if self.threads.is_empty() {
            self.shared.process.store(process::id(), Ordering::Relaxed);
        }
        self.shared.check_process()?;
        let plan = &self.shared.plan;
        let order = Arc::new(EpochOrder::new(&plan.rows.chunk_rows, &plan.options, epoch));
        let (first, stride) = plan.options.stride;
        // The first batch from there on that is one of this process's workers.
        let step =
            if step <= first { first } else { first + (step - first).next_multiple_of(stride) };
        {
            let mut state = lock(&self.shared.state);
            state.begin(order, step);
            while state.n_slots < self.n_buffers() {
                self.shared.add_slot(&mut state, None);
            }
        }
        self.shared.work.notify_all();
        self.start();
        Ok(())
    }

    fn start(&mut self) {
        let wanted = match self.shared.plan.options.threads {
            0 => thread::available_parallelism().map_or(1, NonZero::get),
            n => n,
        };
        while self.threads.len() < wanted {
            let shared = self.shared.clone();
            let name = format!("maou-loader-{}", self.threads.len());
            let thread = thread::Builder::new().name(name).spawn(move || shared.work());
            self.threads.push(thread.expect("the system has threads"));
        }
    }

    /// The next batch, waiting for it no longer than this.
    ///
    /// # Errors
    /// What a thread could not read.
    pub fn next(&self, patience: Duration) -> Result<Next> {
        self.shared.next(patience)
    }

    /// Ends the threads. Batches that somebody has stay as they are.
    pub fn close(&mut self) {
        if self.shared.check_process().is_err() {
            self.threads.drain(..).for_each(std::mem::forget);
            return;
        }
        lock(&self.shared.state).is_stopped = true;
        self.shared.work.notify_all();
        self.shared.done.notify_all();
        for thread in self.threads.drain(..) {
            // What a thread panicked with has been written to stderr.
            let _ = thread.join();
        }
        let mut state = lock(&self.shared.state);
        state.groups.clear();
        state.open.clear();
        state.ready.clear();
        state.free.clear();
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.close();
    }
}

fn no_batches(rows: &TrainingRows, options: &LoaderOptions) -> Error {
    if rows.n_rows() == 0 {
        return Error::Usage(
            "expected rows in this split, found none; `maou prepare` makes a validation split with \
             `--validation 5%`"
                .to_owned(),
        );
    }
    let wanted = options.batch_size as u64 * options.world_size as u64;
    Error::Usage(format!(
        "batch_size: expected at most {} rows in the batches of all processes together, found \
         {wanted}, of which drop_last leaves none",
        rows.n_rows()
    ))
}

impl State {
    fn begin(&mut self, order: Arc<EpochOrder>, step: u64) {
        self.generation += 1;
        self.order = order;
        self.groups.clear();
        self.is_gathering = false;
        (self.error, self.has_failed) = (None, false);
        (self.next_open, self.next_out) = (step, step);
        for (open, n_taken) in self.open.drain(..) {
            let n_untaken = open.n_pieces - n_taken;
            if open.n_left.fetch_sub(n_untaken, Ordering::AcqRel) == n_untaken {
                self.free.push(open.slot.clone());
            }
        }
        for open in std::mem::take(&mut self.ready).into_values() {
            self.free.push(open.slot.clone());
        }
    }

    fn fail(&mut self, error: Error) {
        // The first is told; others most likely say the same.
        self.error.get_or_insert(error);
        self.has_failed = true;
    }
}

impl Shared {
    fn add_slot(&self, state: &mut State, memory: Option<(Box<dyn Memory>, Box<dyn Memory>)>) {
        let (main, coo) = memory.unwrap_or_else(|| {
            let n = match self.plan.options.policy {
                Some(PolicyForm::Sparse) => 20 * CHOICES_PER_ROW * self.plan.options.batch_size,
                _ => 0,
            };
            (Box::new(AlignedBytes::new(self.plan.layout.len)), Box::new(AlignedBytes::new(n)))
        });
        assert!(main.len() >= self.plan.layout.len, "a buffer of the layout's length");
        state.n_slots += 1;
        state.free.push(Arc::new(Slot::new(main, coo)));
    }

    fn check_process(&self) -> Result<()> {
        if self.process.load(Ordering::Relaxed) == process::id() {
            return Ok(());
        }
        Err(Error::Usage(
            "expected the process that made these batches, found one that was forked from it, \
             which has none of its threads: make batches where they are used, and start processes \
             with the method `spawn`"
                .to_owned(),
        ))
    }

    pub(super) fn give_back(&self, slot: Arc<Slot>) {
        if self.check_process().is_err() {
            return;
        }
        let mut state = lock(&self.state);
        if state.is_stopped || state.n_slots > self.plan.options.prefetch + 1 {
            state.n_slots -= 1;
            drop(state);
            drop(slot);
            return;
        }
        state.free.push(slot);
        drop(state);
        self.work.notify_all();
    }

    fn next(self: &Arc<Shared>, patience: Duration) -> Result<Next> {
        self.check_process()?;
        let deadline = Instant::now() + patience;
        let mut state = lock(&self.state);
        loop {
            let next_out = state.next_out;
            if let Some(open) = state.ready.remove(&next_out) {
                state.next_out += self.plan.options.stride.1;
                drop(state);
                let content = open.slot.content.read().unwrap_or_else(PoisonError::into_inner);
                let coo = (content.coo.start(), content.coo.len());
                let is_sparse = self.plan.options.policy == Some(PolicyForm::Sparse);
                let n_choices = if is_sparse { content.gathered.choices.len() } else { 0 };
                let (shared, slot) = (self.clone(), open.slot.clone());
                drop(content);
                return Ok(Next::Batch(Lease { shared, slot, coo, n_choices }));
            }
            if state.has_failed {
                return Err(state.error.take().unwrap_or_else(|| {
                    Error::Usage("these batches ended with an error; make new ones".to_owned())
                }));
            }
            if state.is_stopped {
                return Err(Error::Usage("these batches are closed; make new ones".to_owned()));
            }
            if next_out >= self.plan.deal.n_steps() {
                return Ok(Next::End);
            }
            let is_idle = state.open.is_empty() && state.ready.is_empty() && !state.is_gathering;
            if is_idle && state.free.is_empty() {
                // The consumer keeps batches: it gets others.
                self.add_slot(&mut state, None);
                self.work.notify_all();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Next::Later);
            }
            let waited = self.done.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What each thread does.
    fn work(&self) {
        let mut state = lock(&self.state);
        while !state.is_stopped {
            let generation = state.generation;
            let Some(task) = self.choose(&mut state) else {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let order = state.order.clone();
            drop(state);
            let guard = Panicking(self);
            self.run(task, generation, &order);
            std::mem::forget(guard);
            state = lock(&self.state);
        }
    }

    /// The task that is most urgent.
    fn choose(&self, state: &mut State) -> Option<Task> {
        if state.has_failed {
            return None;
        }
        let n_steps = self.plan.deal.n_steps();
        let needed = (state.next_open < n_steps).then(|| self.groups_of(state, state.next_open));
        if let Some(needed) = &needed {
            self.prepare_groups(state, needed);
            if !self.is_behind(state, needed)
                && let Some(task) = self.gather_task(state, needed)
            {
                return Some(task);
            }
        }
        if let Some((open, n_taken)) = state.open.front_mut() {
            let task = Task::Write { open: open.clone(), piece: *n_taken };
            *n_taken += 1;
            if *n_taken == open.n_pieces {
                state.open.pop_front();
            }
            return Some(task);
        }
        let loading = state.groups.iter_mut().find(|(_, loading)| {
            loading.whole.is_none() && loading.n_taken <= loading.chunks.len()
        });
        let (&group, loading) = loading?;
        loading.n_taken += 1;
        Some(match loading.n_taken {
            1 => Task::Order(group),
            n => Task::Load { group, place: n - 2 },
        })
    }

    /// The groups that a batch is made of.
    fn groups_of(&self, state: &State, step: u64) -> Range<usize> {
        let needed = self.plan.deal.needed(step);
        state.order.group_of(needed.start)..state.order.group_of(needed.end - 1) + 1
    }

    /// Drops the groups that are done with, and asks for those that are needed and the next one.
    fn prepare_groups(&self, state: &mut State, needed: &Range<usize>) {
        let end = (needed.end + 1).min(state.order.n_groups());
        state.groups.retain(|group, _| *group >= needed.start);
        for group in needed.start..end {
            let order = &state.order;
            state.groups.entry(group).or_insert_with(|| {
                let n = order.chunks(group).len();
                Loading { chunks: vec![None; n], n_missing: n + 1, ..Loading::default() }
            });
        }
    }

    /// Whether less of the next group is read than was used of this one: it is to be there when
    /// this one ends.
    fn is_behind(&self, state: &State, needed: &Range<usize>) -> bool {
        let current = needed.end - 1;
        let Some(next) = state.groups.get(&(current + 1)) else { return false };
        let places = state.order.places(current);
        let used = self.plan.deal.needed(state.next_open).end - places.start;
        let n_due = (next.chunks.len() as u64 + 1) * used / (places.end - places.start).max(1);
        (next.n_taken as u64) < n_due
    }

    fn gather_task(&self, state: &mut State, needed: &Range<usize>) -> Option<Task> {
        if state.is_gathering || state.open.len() >= MAX_OPEN || state.free.is_empty() {
            return None;
        }
        let whole = |group: usize| state.groups.get(&group)?.whole.clone();
        let groups = needed.clone().map(whole).collect::<Option<Vec<_>>>()?;
        state.is_gathering = true;
        let slot = state.free.pop().expect("there is one");
        Some(Task::Gather { step: state.next_open, slot, groups })
    }

    fn run(&self, task: Task, generation: u64, order: &EpochOrder) {
        match task {
            Task::Order(group) => {
                let rows = Arc::new(order.rows(group, &self.plan.rows.chunk_rows));
                self.loaded(group, generation, |loading| loading.order = Some(rows));
            }
            Task::Load { group, place } => {
                let chunk = order.chunks(group)[place] as usize;
                match self.plan.rows.chunk(chunk, self.plan.options.check) {
                    Ok(chunk) => self.loaded(group, generation, |loading| {
                        loading.chunks[place] = Some(Arc::new(chunk));
                    }),
                    Err(error) => self.fail(generation, error),
                }
            }
            Task::Gather { step, slot, groups } => self.gather(step, slot, &groups, generation),
            Task::Write { open, piece } => self.write(&open, piece),
        }
    }

    fn fail(&self, generation: u64, error: Error) {
        let mut state = lock(&self.state);
        if state.generation == generation {
            state.fail(error);
        }
        drop(state);
        self.done.notify_all();
    }

    fn loaded(&self, group: usize, generation: u64, put: impl FnOnce(&mut Loading)) {
        let mut state = lock(&self.state);
        if state.generation != generation {
            return;
        }
        let order = state.order.clone();
        let Some(loading) = state.groups.get_mut(&group) else { return };
        put(loading);
        loading.n_missing -= 1;
        if loading.n_missing == 0 {
            let chunks = loading.chunks.drain(..).flatten().collect();
            let rows = loading.order.take().expect("nothing is missing");
            loading.whole =
                Some(Arc::new(Group::new(group, &order, &self.plan.rows, chunks, rows)));
        }
        drop(state);
        self.work.notify_all();
    }

    fn gather(&self, step: u64, slot: Arc<Slot>, groups: &[Arc<Group>], generation: u64) {
        let Plan { options, deal, piece_rows, .. } = &self.plan;
        {
            let mut content = slot.content.write().unwrap_or_else(PoisonError::into_inner);
            let (places, filler) = (deal.places(step), deal.filler(step));
            let with_moves = options.policy.is_some();
            content.gathered.gather(groups, places, filler, options.batch_size, with_moves);
            if options.policy == Some(PolicyForm::Sparse) {
                content.make_room();
            }
        }
        let mut state = lock(&self.state);
        if state.generation != generation {
            state.free.push(slot);
        } else {
            let n_pieces = options.batch_size.div_ceil(*piece_rows);
            let n_left = AtomicUsize::new(n_pieces);
            let is_broken = AtomicBool::new(false);
            let open = Open { generation, step, slot, n_pieces, n_left, is_broken };
            state.open.push_back((Arc::new(open), 0));
            state.is_gathering = false;
            state.next_open += options.stride.1;
            if state.next_open >= deal.n_steps() {
                state.groups.clear();
            }
        }
        drop(state);
        self.work.notify_all();
    }

    fn write(&self, open: &Arc<Open>, piece: usize) {
        let Plan { options, places, piece_rows, .. } = &self.plan;
        let written = {
            let content = open.slot.content.read().unwrap_or_else(PoisonError::into_inner);
            let start = piece * piece_rows;
            let span = start..(start + piece_rows).min(options.batch_size);
            let piece = Piece { main: &*open.slot.main, coo: &*content.coo, places, span };
            // SAFETY: the slot is nobody's but this batch's, and each piece is taken once.
            let filled = unsafe { assemble::fill(&piece, &content.gathered, options) };
            filled.map_err(|(row, what)| {
                self.plan.rows.wrong_row(content.gathered.numbers[row], &what)
            })
        };
        if let Err(error) = written {
            open.is_broken.store(true, Ordering::Release);
            self.fail(open.generation, error);
        }
        if open.n_left.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let mut state = lock(&self.state);
        if state.generation == open.generation && !open.is_broken.load(Ordering::Acquire) {
            state.ready.insert(open.step, open.clone());
        } else {
            state.free.push(open.slot.clone());
        }
        drop(state);
        self.done.notify_all();
        self.work.notify_all();
    }
}

/// Tells the consumer that a thread panicked, who would wait for ever otherwise.
struct Panicking<'a>(&'a Shared);

impl Drop for Panicking<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.fail(Error::Usage("a thread of the loader panicked; please report it".to_owned()));
        drop(state);
        self.0.done.notify_all();
        self.0.work.notify_all();
    }
}
