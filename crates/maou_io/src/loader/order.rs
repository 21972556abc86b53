//! In which order rows come, and which of them a batch holds.
//!
//! The record batches of a split are permuted, and every few of them (the window) are one group,
//! whose rows are permuted once more; the groups come one after the other. Both permutations are
//! functions of seed, epoch and group, so that the rows of any batch can be told at once. Batch
//! `step` of all processes together holds the next `batch_size * world_size` places of the order,
//! dealt to them in equal parts.

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

use super::options::LoaderOptions;

/// The bits of a row's place that tell it within its record batch.
pub(super) const ROW_BITS: u32 = 16;

/// Numbers that depend on nothing but what they are made from: SplitMix64 (Steele, Lea and Flood
/// 2014), started at a hash.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(words: [u64; 4]) -> Random {
        let mut bytes = [0; 32];
        for (eight, word) in bytes.chunks_exact_mut(8).zip(words) {
            eight.copy_from_slice(&word.to_le_bytes());
        }
        Random(xxh3_64(&bytes))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`. Some are more likely than others by less than `n` in 2^64.
    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// Fisher and Yates' shuffle.
    pub(super) fn shuffle<T>(&mut self, values: &mut [T]) {
        for i in (1..values.len()).rev() {
            values.swap(i, self.below(i + 1));
        }
    }
}

/// What keeps the two kinds of permutations apart.
const CHUNKS: u64 = 1;
const ROWS: u64 = 2;

/// The order of one epoch.
#[derive(Debug)]
pub(super) struct EpochOrder {
    seed: u64,
    epoch: u64,
    shuffle: bool,
    /// The record batches, in the order in which they come.
    chunks: Vec<u32>,
    /// Which of them are each group; one more than there are groups.
    group_chunks: Vec<usize>,
    /// The place of the first row of each group; one more than there are groups.
    group_starts: Vec<u64>,
}

impl EpochOrder {
    /// The order of record batches with so many rows.
    pub(super) fn new(chunk_rows: &[u32], options: &LoaderOptions, epoch: u64) -> EpochOrder {
        let LoaderOptions { seed, shuffle, window, .. } = *options;
        let n_chunks = chunk_rows.len();
        let mut chunks: Vec<u32> = (0..n_chunks as u32).collect();
        if shuffle {
            Random::new([seed, epoch, CHUNKS, 0]).shuffle(&mut chunks);
        }
        // In the order of the files, no two record batches are needed at once.
        let window = if shuffle { window } else { 1 };
        let n_groups = n_chunks.div_ceil(window);
        let group_chunks: Vec<usize> =
            (0..=n_groups).map(|g| g * n_chunks / n_groups.max(1)).collect();
        let mut group_starts = vec![0];
        for group in group_chunks.windows(2) {
            let rows = |chunk: &u32| u64::from(chunk_rows[*chunk as usize]);
            let n_rows: u64 = chunks[group[0]..group[1]].iter().map(rows).sum();
            group_starts.push(group_starts[group_starts.len() - 1] + n_rows);
        }
        EpochOrder { seed, epoch, shuffle, chunks, group_chunks, group_starts }
    }

    pub(super) fn n_groups(&self) -> usize {
        self.group_starts.len() - 1
    }

    /// The record batches of a group.
    pub(super) fn chunks(&self, group: usize) -> &[u32] {
        &self.chunks[self.group_chunks[group]..self.group_chunks[group + 1]]
    }

    /// The places of the rows of a group.
    pub(super) fn places(&self, group: usize) -> Range<u64> {
        self.group_starts[group]..self.group_starts[group + 1]
    }

    /// The group of a place.
    pub(super) fn group_of(&self, place: u64) -> usize {
        self.group_starts.partition_point(|start| *start <= place) - 1
    }

    /// The rows of a group in the order in which they come: the number of the record batch within
    /// the group, shifted by [`ROW_BITS`], and that of the row within the record batch.
    pub(super) fn rows(&self, group: usize, chunk_rows: &[u32]) -> Vec<u32> {
        let of_chunk = |(i, chunk): (usize, &u32)| {
            (0..chunk_rows[*chunk as usize]).map(move |row| (i as u32) << ROW_BITS | row)
        };
        let mut rows: Vec<u32> = self.chunks(group).iter().enumerate().flat_map(of_chunk).collect();
        if self.shuffle {
            Random::new([self.seed, self.epoch, ROWS, group as u64]).shuffle(&mut rows);
        }
        rows
    }
}

/// Which places of the order each batch holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deal {
    pub(super) n_rows: u64,
    pub(super) batch_size: u64,
    pub(super) rank: u64,
    pub(super) world_size: u64,
    pub(super) drop_last: bool,
}

impl Deal {
    pub(super) fn new(n_rows: u64, options: &LoaderOptions) -> Deal {
        Deal {
            n_rows,
            batch_size: options.batch_size as u64,
            rank: options.rank as u64,
            world_size: options.world_size as u64,
            drop_last: options.drop_last,
        }
    }

    /// The rows of a batch of all processes together.
    fn step_rows(&self) -> u64 {
        self.batch_size * self.world_size
    }

    /// The batches of each process.
    pub(super) fn n_steps(&self) -> u64 {
        if self.drop_last {
            self.n_rows / self.step_rows()
        } else {
            self.n_rows.div_ceil(self.step_rows())
        }
    }

    /// The places of a batch of this process: as many as it has rows, but in the last one, whose
    /// rest is dealt in equal parts. A process may have none of them.
    pub(super) fn places(&self, step: u64) -> Range<u64> {
        let start = step * self.step_rows();
        let n = self.step_rows().min(self.n_rows - start);
        let part = |rank: u64| start + n * rank / self.world_size;
        part(self.rank)..part(self.rank + 1)
    }

    /// The place whose row fills a batch without rows of its own.
    pub(super) fn filler(&self, step: u64) -> u64 {
        step * self.step_rows()
    }

    /// The places that have to be there for a batch; at least one.
    pub(super) fn needed(&self, step: u64) -> Range<u64> {
        let places = self.places(step);
        if places.is_empty() {
            let filler = self.filler(step);
            return filler..filler + 1;
        }
        places
    }
}

#[cfg(test)]
mod order_tests {
    use super::*;

    fn options(window: usize, seed: u64) -> LoaderOptions {
        LoaderOptions { window, seed, ..Default::default() }
    }

    fn whole(order: &EpochOrder, chunk_rows: &[u32]) -> Vec<(u32, u32)> {
        (0..order.n_groups())
            .flat_map(|group| {
                let rows = order.rows(group, chunk_rows);
                let places = order.places(group);
                assert_eq!(rows.len() as u64, places.end - places.start);
                let chunks = order.chunks(group).to_vec();
                rows.into_iter().map(move |row| (chunks[(row >> ROW_BITS) as usize], row & 0xFFFF))
            })
            .collect()
    }

    /// A state that was saved must lead to the same rows in every version.
    #[test]
    fn the_order_is_pinned() {
        let mut random = Random::new([1, 2, 3, 4]);
        let mut values: Vec<u32> = (0..10).collect();
        random.shuffle(&mut values);
        let order = EpochOrder::new(&[3, 3, 2], &options(2, 7), 1);
        let found = whole(&order, &[3, 3, 2]);
        assert_eq!(values, PINNED_SHUFFLE);
        assert_eq!(found, PINNED_ORDER);
    }

    const PINNED_SHUFFLE: [u32; 10] = [5, 2, 6, 0, 4, 8, 9, 7, 1, 3];
    const PINNED_ORDER: [(u32, u32); 8] =
        [(0, 2), (0, 1), (0, 0), (1, 2), (1, 1), (2, 1), (2, 0), (1, 0)];

    #[test]
    fn every_row_comes_once_and_epochs_and_seeds_differ() {
        let chunk_rows: Vec<u32> = (0..23).map(|i| 5 + i % 7).collect();
        let mut seen = Vec::new();
        for (window, seed, epoch) in [(1, 0, 0), (4, 0, 0), (4, 0, 1), (4, 1, 0), (100, 0, 0)] {
            let order = EpochOrder::new(&chunk_rows, &options(window, seed), epoch);
            let found = whole(&order, &chunk_rows);
            let mut sorted = found.clone();
            sorted.sort_unstable();
            let all = (0..23).flat_map(|c| (0..chunk_rows[c as usize]).map(move |r| (c, r)));
            assert!(sorted.into_iter().eq(all));
            assert!(!seen.contains(&found));
            seen.push(found);
        }
        let plain = LoaderOptions { shuffle: false, ..options(4, 0) };
        let found = whole(&EpochOrder::new(&chunk_rows, &plain, 3), &chunk_rows);
        assert!(found.is_sorted());
    }

    #[test]
    fn groups_are_of_equal_size_and_found_by_place() {
        let chunk_rows = [10; 9];
        let order = EpochOrder::new(&chunk_rows, &options(4, 0), 0);
        assert_eq!(order.n_groups(), 3);
        assert!((0..3).all(|group| order.chunks(group).len() == 3));
        for place in 0..90 {
            assert!(order.places(order.group_of(place)).contains(&place));
        }
        assert_eq!(EpochOrder::new(&[], &options(4, 0), 0).n_groups(), 0);
    }

    #[test]
    fn every_place_is_dealt_once() {
        for (n_rows, batch_size, world_size) in
            [(1, 4, 1), (17, 4, 1), (16, 4, 2), (17, 4, 2), (3, 5, 4), (61, 5, 3)]
        {
            for drop_last in [false, true] {
                let deal = |rank| Deal { n_rows, batch_size, rank, world_size, drop_last };
                let n_steps = deal(0).n_steps();
                let mut dealt = Vec::new();
                for step in 0..n_steps {
                    for rank in 0..world_size {
                        let places = deal(rank).places(step);
                        assert!(places.end - places.start <= batch_size);
                        assert!(!deal(rank).needed(step).is_empty());
                        assert!(deal(rank).needed(step).end <= n_rows);
                        dealt.extend(places);
                    }
                }
                let n = if drop_last { n_steps * batch_size * world_size } else { n_rows };
                assert!(dealt.into_iter().eq(0..n));
            }
        }
    }

    /// Rows of one record batch stand about as far apart as those of a window taken at random.
    #[test]
    fn rows_of_a_record_batch_are_spread_over_the_window() {
        let chunk_rows = [1_000; 64];
        let order = EpochOrder::new(&chunk_rows, &options(8, 5), 0);
        let found = whole(&order, &chunk_rows);
        let next_to = found.windows(2).filter(|two| two[0].0 == two[1].0).count();
        // One in eight by chance: 8,000 of 64,000.
        assert!((7_500..8_500).contains(&next_to), "{next_to}");
        let mut places = vec![[0; 2]; 64_000];
        for (epoch, column) in [(0, 0), (1, 1)] {
            let order = EpochOrder::new(&chunk_rows, &options(8, 5), epoch);
            for (place, (chunk, row)) in whole(&order, &chunk_rows).into_iter().enumerate() {
                places[chunk as usize * 1_000 + row as usize][column] = place as i64;
            }
        }
        let moved: i64 = places.iter().map(|two| (two[0] - two[1]).abs()).sum();
        let share = moved as f64 / 64_000.0 / 64_000.0;
        // A third of the epoch for two orders that know nothing of each other.
        assert!((0.28..0.39).contains(&share), "{share}");
    }
}
