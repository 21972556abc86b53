//! Rows spread over threads.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use super::pool::call_on;

/// How many rows a thread takes at a time, when each of them makes so many bytes: enough that
/// taking them costs nothing, few enough that small arrays keep all threads busy.
pub(super) fn chunk_rows(row_bytes: usize) -> usize {
    ((1 << 19) / row_bytes.max(1)).clamp(16, 128)
}

/// The number of threads that `asked` means; 0 is one for each core.
fn n_threads(asked: usize) -> usize {
    // The system is asked once: it takes longer than a small batch.
    static CORES: OnceLock<usize> = OnceLock::new();
    if asked > 0 {
        asked
    } else {
        *CORES.get_or_init(|| thread::available_parallelism().map_or(1, NonZero::get))
    }
}

/// Works on all chunks, of which there are `n_chunks`, on this thread and others.
///
/// # Errors
/// The first row that has an error, whichever thread found it.
pub(super) fn run<I, P>(
    asked_threads: usize,
    n_chunks: usize,
    chunks: I,
    work: impl Fn(I::Item) -> Result<(), (usize, P)> + Sync,
) -> Result<(), (usize, P)>
where
    I: Iterator + Send,
    P: Send,
{
    let n_threads = n_threads(asked_threads).min(n_chunks);
    if n_threads <= 1 {
        return chunks.into_iter().try_for_each(work);
    }
    let chunks = Mutex::new(chunks);
    let is_stopped = AtomicBool::new(false);
    let found = Mutex::new(None::<(usize, P)>);
    let take = || {
        while !is_stopped.load(Ordering::Relaxed) {
            let Some(chunk) = chunks.lock().unwrap_or_else(PoisonError::into_inner).next() else {
                break;
            };
            if let Err(error) = work(chunk) {
                // Chunks are taken in order: all before this one are done or being worked on.
                is_stopped.store(true, Ordering::Relaxed);
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                if found.as_ref().is_none_or(|known| error.0 < known.0) {
                    *found = Some(error);
                }
            }
        }
    };
    call_on(n_threads - 1, &take);
    found.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}
