//! Spreading independent work over threads.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

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

#[cfg(test)]
mod tests {
    use super::*;

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
