//! How the memory that may be used is shared out.

use super::record::Width;
use crate::error::{Error, Result};

/// What a thread needs to make and encode batches, beside all that grows with partitions.
const FIXED_BYTES_PER_THREAD: usize = 24_000_000;

/// What a byte of records becomes while a thread sorts it and makes rows of it, in tenths; and what
/// its rows take while they wait.
const WORK_TENTHS: usize = 36;
const ROWS_TENTHS: usize = 22;

/// The smallest partition worth its file operations, the greatest, and the one that is sorted
/// fastest, near to the processor.
const MIN_PARTITION_BYTES: usize = 50_000;
const MAX_PARTITION_BYTES: usize = 64_000_000;
const BEST_PARTITION_BYTES: usize = 1_500_000;

/// Bytes that a thread collects of a partition before it writes them: what is possible, what is
/// good, and the most.
const MIN_PART_BYTES: usize = 2 * Width::MAX;
const GOOD_PART_BYTES: usize = 16 * 1024;
const MAX_PART_BYTES: usize = 64 * 1024;

/// How the work is cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Plan {
    /// Ranges of keys, each with a partition of each kind.
    pub(super) n_ranges: usize,
    /// Bytes that a thread collects of a partition before it hands them over.
    pub(super) part_bytes: usize,
    /// Bytes of records that a thread sorts at a time.
    pub(super) sort_bytes: usize,
    /// Bytes of records that stay in memory beside those that threads collect.
    pub(super) kept_bytes: usize,
    /// Bytes that stay of those that threads have collected at the end.
    pub(super) kept_at_end_bytes: usize,
}

impl Plan {
    /// For so many records, in `n_kinds` kinds of partitions.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] with the memory that it takes if that is more.
    pub(super) fn new(
        memory: usize,
        n_threads: usize,
        width: Width,
        n_records: u64,
        n_kinds: usize,
    ) -> Result<Plan> {
        let cut = |memory| Plan::cut(memory, n_threads, width, n_records, n_kinds);
        cut(memory).ok_or_else(|| {
            let mut enough = memory.max(1_000_000);
            while cut(enough).is_none() {
                enough += enough / 4;
            }
            Error::Usage(format!(
                "--memory: expected at least {}MB for {n_records} positions on {n_threads} \
                 threads, found {}MB",
                enough.div_ceil(1_000_000),
                memory / 1_000_000
            ))
        })
    }

    /// `None` if the buffers of all partitions would not fit.
    fn cut(
        memory: usize,
        n_threads: usize,
        width: Width,
        n_records: u64,
        n_kinds: usize,
    ) -> Option<Plan> {
        let bytes = n_records.saturating_mul(width.bytes() as u64);
        // Threads at work, and partitions of which rows wait.
        let tenths = n_threads * WORK_TENTHS + (2 * n_threads + 1) * ROWS_TENTHS;
        let free = memory.saturating_sub(n_threads * FIXED_BYTES_PER_THREAD);
        let sort_bytes =
            (free.saturating_mul(10) / tenths).clamp(MIN_PARTITION_BYTES, MAX_PARTITION_BYTES);
        // Partitions differ a little, however evenly keys are spread.
        let n_least = bytes.div_ceil((sort_bytes - sort_bytes / 8) as u64).max(1) as usize;
        let n_best = bytes.div_ceil(BEST_PARTITION_BYTES as u64) as usize;
        let n_good = memory / 4 / (n_threads * n_kinds * GOOD_PART_BYTES);
        let n_ranges = n_best.min(n_good).max(n_least);
        let n_parts = n_threads * n_ranges * n_kinds;
        let part_bytes = (memory / 2 / n_parts).min(MAX_PART_BYTES);
        // Some partitions hold positions that come very often, or more records than were expected:
        // they are merged in parts of twice the usual size.
        let partition_bytes = sort_bytes.min((bytes / n_ranges as u64) as usize / 8 * 9);
        let sort_bytes = sort_bytes.min(BEST_PARTITION_BYTES.max(2 * partition_bytes));
        // What is left beside the work of merging.
        let work = n_threads * WORK_TENTHS * sort_bytes;
        let rows = (2 * n_threads + 1) * ROWS_TENTHS * partition_bytes;
        let stay_bytes = free.saturating_sub((work + rows) / 10);
        let kept_bytes = stay_bytes.saturating_sub(n_parts * part_bytes);
        let kept_at_end_bytes = stay_bytes - kept_bytes;
        let plan = Plan { n_ranges, part_bytes, sort_bytes, kept_bytes, kept_at_end_bytes };
        (part_bytes >= MIN_PART_BYTES).then_some(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_shared_out() {
        let width = Width { has_shares: false };
        let plan = |memory, n_threads, n| Plan::new(memory, n_threads, width, n, 2).unwrap();
        assert_eq!(plan(1 << 30, 4, 0).n_ranges, 1);
        let small = plan(240_000_000, 2, 20_000_000);
        assert!((400..1_000).contains(&small.n_ranges), "{small:?}");
        assert!(small.part_bytes * small.n_ranges * 4 <= 120_000_000, "{small:?}");
        assert!(small.kept_bytes > 0 && small.kept_at_end_bytes > 100_000_000, "{small:?}");
        // Everything fits: 48 bytes for each record.
        let whole = plan(4_000_000_000, 2, 20_000_000);
        assert!(whole.kept_bytes > 20_000_000 * 48, "{whole:?}");
        let large = plan(2_000_000_000, 16, 10_000_000_000);
        assert!(large.part_bytes >= MIN_PART_BYTES && large.n_ranges > 1_000, "{large:?}");
    }

    /// What is collected, kept, sorted and waits never comes to more than may be used.
    #[test]
    fn neither_replaying_nor_merging_takes_more_than_it_may() {
        for (memory, n_threads, n_records, n_kinds, has_shares) in [
            (243_000_000, 2, 20_000_000, 2, false),
            (243_000_000, 2, 200_000_000, 2, false),
            (500_000_000, 8, 100_000_000, 2, false),
            (2_000_000_000, 16, 100_000_000, 3, false),
            (2_000_000_000, 16, 500_000_000, 2, true),
            (2_000_000_000, 2, 1_000_000_000, 2, false),
            (2_000_000_000, 64, 100_000_000, 2, false),
        ] {
            let width = Width { has_shares };
            let plan = Plan::new(memory, n_threads, width, n_records, n_kinds).unwrap();
            let collected = n_threads * plan.n_ranges * n_kinds * plan.part_bytes;
            assert!(collected + plan.kept_bytes <= memory, "{plan:?}");
            let bytes = n_records as usize * width.bytes();
            let partition_bytes = bytes / plan.n_ranges;
            assert!(partition_bytes <= plan.sort_bytes, "{plan:?}");
            let merging = n_threads * FIXED_BYTES_PER_THREAD
                + n_threads * plan.sort_bytes * WORK_TENTHS / 10
                + (2 * n_threads + 1) * partition_bytes * ROWS_TENTHS / 10;
            let kept = plan.kept_bytes + plan.kept_at_end_bytes;
            assert!(kept == 0 || merging + kept <= memory, "{plan:?}: {merging}, {kept}");
            assert!(plan.kept_at_end_bytes <= collected, "{plan:?}");
        }
    }

    #[test]
    fn too_little_memory_is_told_with_what_is_enough() {
        let width = Width { has_shares: false };
        let error = Plan::new(8_000_000, 4, width, 10_000_000_000, 2).unwrap_err();
        assert!(error.is_usage());
        let text = error.to_string();
        assert!(text.starts_with("--memory: expected at least "), "{text}");
        let enough = text.split(' ').nth(4).unwrap().trim_end_matches("MB");
        let enough = enough.parse::<usize>().unwrap() * 1_000_000;
        Plan::new(enough, 4, width, 10_000_000_000, 2).unwrap();
    }
}
