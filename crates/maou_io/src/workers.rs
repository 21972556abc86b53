//! Spreading independent work over threads.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::error::Result;

/// How often the caller's thread looks up while others work.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// The number of threads that `asked` means.
pub fn n_threads(asked: usize) -> usize {
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
pub fn map_in_order<T, W>(
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
    n_taken: usize,
    n_consumed: usize,
    ready: BTreeMap<usize, Result<T>>,
    is_at_end: bool,
    is_stopped: bool,
}

/// A line, and who is told when it moves.
struct Shared<T> {
    line: Mutex<Line<T>>,
    /// There is room for another job.
    room: Condvar,
    /// A result is ready, or there will be none.
    result: Condvar,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Line<T>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Line<T>)) {
        change(&mut self.lock());
        self.room.notify_one();
        self.result.notify_one();
    }
}

/// Ends the work of the other threads when its own ends, or only if it panics.
struct Stop<'a, T> {
    shared: &'a Shared<T>,
    only_on_panic: bool,
}

impl<T> Drop for Stop<'_, T> {
    fn drop(&mut self) {
        if !self.only_on_panic || thread::panicking() {
            self.shared.change(|line| line.is_stopped = true);
        }
    }
}

/// Calls a worker for each of `jobs` on `n_threads` threads, and `consume` with the results in
/// order on the caller's thread, so that no more than a few results wait. `jobs` is asked for the
/// next one by one thread at a time, which may take its time to make it. `make_worker` is called
/// once for each thread. `tick` is called on the caller's thread at once and then now and then; when
/// it says `false`, the work stops, and `false` is returned.
///
/// # Errors
///
/// The first error, in order, of a worker or of `consume`, which stops the work.
pub fn stream_in_order<J, T, W>(
    n_threads: usize,
    jobs: impl Iterator<Item = J> + Send,
    make_worker: impl Fn() -> W + Sync,
    consume: &mut dyn FnMut(T) -> Result<()>,
    tick: &mut dyn FnMut() -> bool,
) -> Result<bool>
where
    T: Send,
    W: FnMut(J) -> Result<T>,
{
    let line = Line {
        n_taken: 0,
        n_consumed: 0,
        ready: BTreeMap::new(),
        is_at_end: false,
        is_stopped: false,
    };
    let shared = Shared { line: Mutex::new(line), room: Condvar::new(), result: Condvar::new() };
    let jobs = Mutex::new(jobs);
    let n_ahead = 2 * n_threads + 2;
    // The next job with its place, as soon as there is room for its result.
    let take = || -> Option<(usize, J)> {
        // Only a thread that panicked leaves it so.
        let mut jobs = jobs.lock().ok()?;
        let is_full =
            |line: &mut Line<T>| !line.is_stopped && line.n_taken - line.n_consumed >= n_ahead;
        let waited = shared.room.wait_while(shared.lock(), is_full);
        let line = waited.unwrap_or_else(PoisonError::into_inner);
        let (index, is_over) = (line.n_taken, line.is_stopped || line.is_at_end);
        drop(line);
        let job = if is_over { None } else { jobs.next() };
        shared.change(|line| match job {
            Some(_) => line.n_taken += 1,
            None => line.is_at_end = true,
        });
        Some((index, job?))
    };
    let work = || {
        let _stop = Stop { shared: &shared, only_on_panic: true };
        let mut worker = make_worker();
        while let Some((index, job)) = take() {
            let result = worker(job);
            shared.change(|line| drop(line.ready.insert(index, result)));
        }
    };
    thread::scope(|scope| {
        let _stop = Stop { shared: &shared, only_on_panic: false };
        for _ in 0..n_threads {
            scope.spawn(work);
        }
        let mut last_tick: Option<Instant> = None;
        let mut line = shared.lock();
        while !(line.is_stopped || line.is_at_end && line.n_consumed == line.n_taken) {
            let next = line.n_consumed;
            let result = line.ready.remove(&next);
            if result.is_none() && last_tick.is_some_and(|last| last.elapsed() < TICK) {
                let waited = shared.result.wait_timeout(line, TICK);
                line = waited.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            drop(line);
            if let Some(result) = result {
                shared.change(|line| line.n_consumed += 1);
                consume(result?)?;
            }
            if last_tick.is_none_or(|last| last.elapsed() >= TICK) {
                last_tick = Some(Instant::now());
                if !tick() {
                    return Ok(false);
                }
            }
            line = shared.lock();
        }
        Ok(true)
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
            let done = stream_in_order(n_threads, 0..500, || Ok, &mut consume, &mut || true);
            assert!(done.unwrap());
            assert!(seen.iter().copied().eq(0..500));
            let mut n = 0;
            let mut fail = |i: usize| {
                n += 1;
                if i == 7 { Err(Error::Usage("seven".to_owned())) } else { Ok(()) }
            };
            let error = stream_in_order(n_threads, 0..500, || Ok, &mut fail, &mut || true);
            assert_eq!((error.unwrap_err().to_string(), n), ("seven".to_owned(), 8));
            let stopped =
                stream_in_order(n_threads, 0.., || Ok, &mut |_: i32| Ok(()), &mut || false);
            assert!(!stopped.unwrap());
        }
    }

    #[test]
    fn the_first_error_in_order_is_told_and_little_is_made_ahead() {
        for n_threads in [1, 3] {
            let n_made = AtomicUsize::new(0);
            let jobs = (0..).inspect(|_| {
                n_made.fetch_add(1, Ordering::Relaxed);
            });
            let worker = || {
                |i: usize| {
                    if i < 20 {
                        thread::sleep(Duration::from_millis(1));
                    }
                    if i >= 20 { Err(Error::Usage(i.to_string())) } else { Ok(i) }
                }
            };
            let mut n = 0;
            let mut consume = |_: usize| {
                n += 1;
                Ok(())
            };
            let error = stream_in_order(n_threads, jobs, worker, &mut consume, &mut || true);
            assert_eq!((error.unwrap_err().to_string().as_str(), n), ("20", 20));
            let n_made = n_made.into_inner();
            assert!(n_made <= 20 + 2 * n_threads + 3, "{n_made}");
        }
    }

    #[test]
    fn a_panic_anywhere_ends_the_work() {
        let run = |place: &'static str| {
            let fail = |here: &str, at: usize| assert!(place != here || at < 5, "on purpose");
            std::panic::catch_unwind(move || {
                let jobs = (0..1_000).inspect(|at| fail("jobs", *at));
                let worker = || {
                    move |at: usize| {
                        fail("worker", at);
                        Ok(at)
                    }
                };
                let mut consume = |at: usize| {
                    fail("consume", at);
                    Ok(())
                };
                let mut tick = || {
                    fail("tick", 5);
                    true
                };
                stream_in_order(3, jobs, worker, &mut consume, &mut tick).is_ok()
            })
        };
        for place in ["jobs", "worker", "consume", "tick"] {
            assert!(run(place).is_err(), "{place}");
        }
        assert!(run("nowhere").unwrap());
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
