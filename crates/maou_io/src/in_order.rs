//! Work on sources on all threads, with the results in order and a bounded way ahead.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use crate::error::{Error, Result};
use crate::sources::{Access, Source, Sources, Unpacked};
use crate::workers::TICK;

/// Bytes of sources that are worked on at once.
const UNIT_BYTES: u64 = 1_000_000;
/// Sources that are worked on at once, however small.
const UNIT_SOURCES: usize = 200;

struct State<T> {
    units: VecDeque<Vec<Source>>,
    n_taken: usize,
    n_consumed: usize,
    n_working: usize,
    ready: BTreeMap<usize, T>,
    is_unpacking: bool,
    is_stopped: bool,
    error: Option<Error>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&'a self, state: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
        self.changed.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Marks a thread as done with its unit however that ends.
struct Working<'a, T>(&'a Shared<T>);

impl<T> Drop for Working<'_, T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.n_working -= 1;
        state.is_stopped |= thread::panicking();
        drop(state);
        self.0.changed.notify_all();
    }
}

/// Calls a worker for some sources at a time, with what was unpacked of them, and `consume` with
/// the results in order on the caller's thread. `make_worker` is called once for each thread.
/// `false` if `tick`, which is called now and then, asked to stop.
///
/// # Errors
///
/// The first error of a worker, in time, or that of `consume`.
pub(crate) fn for_each_in_order<T, W>(
    n_threads: usize,
    sources: &Sources<'_>,
    make_worker: impl Fn() -> W + Sync,
    consume: &mut dyn FnMut(T) -> Result<()>,
    tick: &mut dyn FnMut() -> bool,
) -> Result<bool>
where
    T: Send,
    W: FnMut(Vec<Source>, Vec<Unpacked>) -> Result<T>,
{
    let shared = Shared {
        state: Mutex::new(State {
            units: cut(&sources.list),
            n_taken: 0,
            n_consumed: 0,
            n_working: 0,
            ready: BTreeMap::new(),
            is_unpacking: false,
            is_stopped: false,
            error: None,
        }),
        changed: Condvar::new(),
    };
    let n_ahead = 4 * n_threads;
    let work = || {
        let mut worker = make_worker();
        let mut state = shared.lock();
        while !state.is_stopped && !state.units.is_empty() {
            let needs_unpacking = state.units.front().is_some_and(|unit| is_packed(unit));
            if state.n_taken - state.n_consumed >= n_ahead
                || (needs_unpacking && state.is_unpacking)
            {
                state = shared.wait(state);
                continue;
            }
            let unit = state.units.pop_front().expect("it is not empty");
            let index = state.n_taken;
            state.n_taken += 1;
            state.n_working += 1;
            state.is_unpacking |= needs_unpacking;
            drop(state);
            let working = Working(&shared);
            let unpacked = if needs_unpacking { sources.unpack(&unit) } else { Ok(Vec::new()) };
            if needs_unpacking {
                shared.lock().is_unpacking = false;
                shared.changed.notify_all();
            }
            let done = unpacked.and_then(|unpacked| worker(unit, unpacked));
            state = shared.lock();
            match done {
                Ok(done) => drop(state.ready.insert(index, done)),
                Err(error) => {
                    state.error.get_or_insert(error);
                    state.is_stopped = true;
                }
            }
            drop(state);
            drop(working);
            state = shared.lock();
        }
    };
    let mut is_whole = true;
    thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(work);
        }
        let mut last_tick: Option<Instant> = None;
        let mut state = shared.lock();
        while !state.is_stopped {
            let next = state.n_consumed;
            if let Some(done) = state.ready.remove(&next) {
                drop(state);
                let consumed = consume(done);
                state = shared.lock();
                state.n_consumed += 1;
                if let Err(error) = consumed {
                    state.error.get_or_insert(error);
                    state.is_stopped = true;
                }
                shared.changed.notify_all();
            } else if state.units.is_empty() && state.n_taken == state.n_consumed {
                break;
            } else {
                state = shared.wait(state);
            }
            if last_tick.is_none_or(|last| last.elapsed() >= TICK) {
                last_tick = Some(Instant::now());
                drop(state);
                let goes_on = tick();
                state = shared.lock();
                if !goes_on {
                    is_whole = false;
                    state.is_stopped = true;
                    shared.changed.notify_all();
                }
            }
        }
    });
    let state = shared.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    state.error.map_or(Ok(is_whole), Err)
}

fn is_packed(unit: &[Source]) -> bool {
    unit.iter().any(|source| matches!(source.access(), Access::Member))
}

fn cut(sources: &[Source]) -> VecDeque<Vec<Source>> {
    let mut units: VecDeque<Vec<Source>> = VecDeque::new();
    let mut bytes = 0;
    for source in sources {
        bytes += source.size_bytes;
        match units.back_mut() {
            Some(unit) if bytes <= UNIT_BYTES && unit.len() < UNIT_SOURCES => {
                unit.push(source.clone());
            }
            _ => {
                bytes = source.size_bytes;
                units.push_back(vec![source.clone()]);
            }
        }
    }
    units
}
