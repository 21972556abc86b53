//! Spreading independent work over threads.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::error::Result;

/// How often the caller's thread looks up while others work.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// The number of threads that `asked` means.
pub(crate) fn n_threads(asked: usize) -> usize {
    if asked > 0 { asked } else { thread::available_parallelism().map_or(1, NonZero::get) }
}

/// Counts a thread as done, and wakes the caller, however the thread ends.
struct Done<'a> {
    n: &'a AtomicUsize,
    caller: &'a Thread,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.n.fetch_add(1, Ordering::Release);
        self.caller.unpark();
    }
}

/// Calls a worker for each of `0..n` on `n_threads` threads and returns the results in order.
/// `make_worker` is called once for each thread. `tick` is called on the caller's thread now and
/// then; when it says `false`, the work stops and there is no result.
pub(crate) fn map_in_order<T, W>(
    n_threads: usize,
    n: usize,
    make_worker: impl Fn() -> W + Sync,
    tick: &mut dyn FnMut() -> bool,
) -> Option<Vec<T>>
where
    T: Send,
    W: FnMut(usize) -> T,
{
    let next = AtomicUsize::new(0);
    let is_stopped = AtomicBool::new(false);
    let n_done = AtomicUsize::new(0);
    let caller = thread::current();
    let work = || {
        let _done = Done { n: &n_done, caller: &caller };
        let mut worker = make_worker();
        let mut results = Vec::new();
        while !is_stopped.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= n {
                break;
            }
            results.push((index, worker(index)));
        }
        results
    };
    let n_started = n_threads.min(n);
    let mut results = thread::scope(|scope| {
        let handles: Vec<_> = (0..n_started).map(|_| scope.spawn(work)).collect();
        while n_done.load(Ordering::Acquire) < n_started {
            thread::park_timeout(TICK);
            if !tick() {
                is_stopped.store(true, Ordering::Relaxed);
            }
        }
        let join = |handle: thread::ScopedJoinHandle<'_, Vec<(usize, T)>>| {
            handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        handles.into_iter().flat_map(join).collect::<Vec<_>>()
    });
    if results.len() < n {
        return None;
    }
    results.sort_unstable_by_key(|(index, _)| *index);
    Some(results.into_iter().map(|(_, result)| result).collect())
}

/// What [`stream_in_order`]'s threads share.
struct Line<T> {
    next: usize,
    n_consumed: usize,
    ready: BTreeMap<usize, T>,
    is_stopped: bool,
}

/// Stops everything if its thread panics, so that nobody waits for it.
struct StopOnPanic<'a, T>(&'a Mutex<Line<T>>, &'a Condvar);

impl<T> Drop for StopOnPanic<'_, T> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).is_stopped = true;
            self.1.notify_all();
        }
    }
}

/// Calls a worker for each of `0..n` on `n_threads` threads, and `consume` with the results in
/// order on the caller's thread, so that no more than a few results wait. `tick` is called there
/// now and then, too; when it says `false`, the work stops, and `false` is returned.
///
/// # Errors
///
/// The first error of `consume`, which stops the work.
pub(crate) fn stream_in_order<T, W>(
    n_threads: usize,
    n: usize,
    make_worker: impl Fn() -> W + Sync,
    consume: &mut dyn FnMut(T) -> Result<()>,
    tick: &mut dyn FnMut() -> bool,
) -> Result<bool>
where
    T: Send,
    W: FnMut(usize) -> T,
{
    let line = Line { next: 0, n_consumed: 0, ready: BTreeMap::new(), is_stopped: false };
    let (line, changed) = (Mutex::new(line), Condvar::new());
    let lock = || line.lock().unwrap_or_else(PoisonError::into_inner);
    let n_ahead = 2 * n_threads + 2;
    let work = || {
        let _guard = StopOnPanic(&line, &changed);
        let mut worker = make_worker();
        let mut state = lock();
        while !state.is_stopped && state.next < n {
            if state.next >= state.n_consumed + n_ahead {
                state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let index = state.next;
            state.next += 1;
            drop(state);
            let result = worker(index);
            state = lock();
            state.ready.insert(index, result);
            changed.notify_all();
        }
    };
    thread::scope(|scope| {
        for _ in 0..n_threads.min(n) {
            scope.spawn(work);
        }
        let mut goes_on = tick();
        let mut outcome = Ok(());
        let mut last_tick = Instant::now();
        let mut state = lock();
        while goes_on && outcome.is_ok() && !state.is_stopped && state.n_consumed < n {
            let next = state.n_consumed;
            match state.ready.remove(&next) {
                Some(result) => {
                    state.n_consumed += 1;
                    changed.notify_all();
                    drop(state);
                    outcome = consume(result);
                }
                None => {
                    let waited = changed.wait_timeout(state, TICK);
                    drop(waited.unwrap_or_else(PoisonError::into_inner).0);
                }
            }
            if last_tick.elapsed() >= TICK {
                last_tick = Instant::now();
                goes_on = tick();
            }
            state = lock();
        }
        state.is_stopped = true;
        drop(state);
        changed.notify_all();
        outcome.map(|()| goes_on)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_stream_is_consumed_in_order_and_can_be_ended() {
        for n_threads in [1, 3] {
            let mut seen = Vec::new();
            let mut consume = |i: usize| {
                seen.push(i);
                Ok(())
            };
            let done = stream_in_order(n_threads, 500, || |i| i, &mut consume, &mut || true);
            assert!(done.unwrap());
            assert!(seen.iter().copied().eq(0..500));
            let mut n = 0;
            let mut fail = |i: usize| {
                n += 1;
                if i == 7 { Err(Error::Usage("seven".to_owned())) } else { Ok(()) }
            };
            let error = stream_in_order(n_threads, 500, || |i| i, &mut fail, &mut || true);
            assert_eq!((error.unwrap_err().to_string(), n), ("seven".to_owned(), 8));
            let stopped = stream_in_order(n_threads, 500, || |i| i, &mut |_| Ok(()), &mut || false);
            assert!(!stopped.unwrap());
        }
    }

    #[test]
    fn results_come_in_order() {
        for n_threads in [1, 3] {
            let squares = map_in_order(n_threads, 100, || |i| i * i, &mut || true).unwrap();
            assert!(squares.iter().enumerate().all(|(i, square)| *square == i * i));
        }
        assert_eq!(map_in_order(2, 0, || |i| i, &mut || true), Some(vec![]));
    }

    #[test]
    fn work_stops_when_asked() {
        let slow = || |_: usize| thread::sleep(Duration::from_millis(1));
        assert_eq!(map_in_order(2, 1_000_000, slow, &mut || false), None);
    }
}
