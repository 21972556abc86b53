//! Threads that wait for work between calls: starting one for each call takes some 60 µs, as long
//! as 150 legal masks.
//!
//! A process that was forked, as Python's multiprocessing does, has none of its parent's threads:
//! the pool knows its process, and a child makes its own.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

/// Work that is offered to other threads, on the stack of the thread that waits for it.
struct Call<'a> {
    task: &'a (dyn Fn() + Sync),
    caller: Thread,
    /// How many threads are done with it.
    n_done: AtomicUsize,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// The address of a call. While it is in the queue, or a thread works on it, the call is there.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Offer(*const Call<'static>);

// SAFETY: what a call refers to may be used by several threads.
unsafe impl Send for Offer {}

#[derive(Default)]
struct Queue {
    offers: VecDeque<Offer>,
    n_threads: usize,
}

struct Pool {
    process: u32,
    queue: Mutex<Queue>,
    changed: Condvar,
}

static POOL: AtomicPtr<Pool> = AtomicPtr::new(ptr::null_mut());

impl Pool {
    /// The pool of this process, which lives as long as the process.
    fn get() -> &'static Pool {
        let found = POOL.load(Ordering::Acquire);
        // SAFETY: what is stored there is never freed.
        match unsafe { found.as_ref() } {
            Some(pool) if pool.process == process::id() => pool,
            _ => {
                let (queue, changed) = (Mutex::default(), Condvar::new());
                let new = Box::into_raw(Box::new(Pool { process: process::id(), queue, changed }));
                let order = Ordering::AcqRel;
                let stored = POOL.compare_exchange(found, new, order, Ordering::Acquire);
                // SAFETY: either of the two is a pool that is never freed. The new one of a thread
                // that was second is left alone: it happens once in a process, if at all.
                unsafe { &*stored.map_or_else(|other| other, |_| new) }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread of the pool does.
    fn serve(&self) {
        let mut queue = self.lock();
        loop {
            let Some(offer) = queue.offers.pop_front() else {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(queue);
            // SAFETY: the offer was in the queue until now, and its owner waits for this thread.
            let call = unsafe { &*offer.0 };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(call.task)) {
                *call.panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic);
            }
            let caller = call.caller.clone();
            // The call may be gone from here on.
            call.n_done.fetch_add(1, Ordering::Release);
            caller.unpark();
            queue = self.lock();
        }
    }

    /// Offers a call to so many threads, and starts those that are missing.
    fn offer(&'static self, offer: Offer, n_threads: usize) {
        let mut queue = self.lock();
        queue.offers.extend(std::iter::repeat_n(offer, n_threads));
        while queue.n_threads < n_threads {
            let builder = thread::Builder::new().name("maou-batch".to_owned());
            if builder.spawn(|| self.serve()).is_err() {
                // The threads that there are do the work.
                break;
            }
            queue.n_threads += 1;
        }
        drop(queue);
        for _ in 0..n_threads {
            self.changed.notify_one();
        }
    }
}

/// Takes back what nobody has begun, and waits for those who have, however the caller ends.
struct Wait<'a> {
    pool: &'static Pool,
    call: &'a Call<'a>,
    offer: Offer,
    n_offered: usize,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut queue = self.pool.lock();
        let n_before = queue.offers.len();
        queue.offers.retain(|offer| *offer != self.offer);
        let n_begun = self.n_offered - (n_before - queue.offers.len());
        drop(queue);
        while self.call.n_done.load(Ordering::Acquire) < n_begun {
            thread::park();
        }
    }
}

/// Calls the task on this thread, and on as many others as have time before this one is done.
///
/// # Panics
/// If the task does, on any thread.
pub(super) fn call_on(n_others: usize, task: &(dyn Fn() + Sync)) {
    let call = Call {
        task,
        caller: thread::current(),
        n_done: AtomicUsize::new(0),
        panic: Mutex::new(None),
    };
    let pool = Pool::get();
    let offer = Offer(ptr::from_ref(&call).cast());
    pool.offer(offer, n_others);
    let wait = Wait { pool, call: &call, offer, n_offered: n_others };
    task();
    drop(wait);
    if let Some(panic) = call.panic.into_inner().unwrap_or_else(PoisonError::into_inner) {
        resume_unwind(panic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_done_by_this_thread_and_others_at_once() {
        for n_others in [0, 1, 5, 2] {
            let left = AtomicUsize::new(1_000);
            let done = AtomicUsize::new(0);
            call_on(n_others, &|| {
                while left
                    .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1))
                    .is_ok()
                {
                    done.fetch_add(1, Ordering::AcqRel);
                }
            });
            assert_eq!(done.into_inner(), 1_000);
        }
    }

    #[test]
    fn others_work_while_the_caller_does() {
        // Both have to be there at the same time.
        let barrier = std::sync::Barrier::new(2);
        call_on(1, &|| {
            barrier.wait();
        });
    }

    #[test]
    fn calls_of_many_threads_share_the_pool() {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let sum = AtomicUsize::new(0);
                        let next = AtomicUsize::new(0);
                        call_on(3, &|| loop {
                            let n = next.fetch_add(1, Ordering::Relaxed);
                            if n >= 20 {
                                break;
                            }
                            sum.fetch_add(n, Ordering::Relaxed);
                        });
                        assert_eq!(sum.into_inner(), 190);
                    }
                });
            }
        });
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_goes_on() {
        let caller = thread::current().id();
        for _ in 0..20 {
            let barrier = std::sync::Barrier::new(2);
            let found = catch_unwind(AssertUnwindSafe(|| {
                call_on(1, &|| {
                    barrier.wait();
                    assert!(thread::current().id() == caller, "of the other thread");
                });
            }));
            assert!(found.is_err());
            let found = catch_unwind(AssertUnwindSafe(|| {
                call_on(1, &|| assert!(thread::current().id() != caller, "of the caller"));
            }));
            assert!(found.is_err());
        }
        a_task_is_done_by_this_thread_and_others_at_once();
    }
}
