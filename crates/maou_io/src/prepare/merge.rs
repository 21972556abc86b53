//! Merging the records of a partition into rows.
//!
//! Everything is summed as whole numbers first, by position, move and dataset, and weighed only
//! then, in an order of their own: the rows do not depend on the order of the records.

use super::record::{Records, Score, WHOLE_SHARE, Width};
use super::spill::Spill;
use crate::error::Result;
use crate::training::manifest::ScoreCounts;
use crate::training::rows::{Rows, Sums};

/// What the occurrences of a position with one move in one dataset come to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Entry {
    move16: u16,
    dataset: u8,
    n: u32,
    wins: u32,
    draws: u32,
    losses: u32,
    n_evals: u32,
    eval_sum: i64,
    share_sum: u64,
}

impl Entry {
    /// Move and dataset, by which entries are in order.
    fn name(&self) -> (u16, u8) {
        (self.move16, self.dataset)
    }

    #[inline]
    fn add_record(&mut self, records: Records<'_>, index: usize) {
        self.share_sum += u64::from(records.share(index));
        if !records.is_played(index) {
            return;
        }
        self.n = self.n.saturating_add(1);
        match records.score(index) {
            Score::Win => self.wins = self.wins.saturating_add(1),
            Score::Draw => self.draws = self.draws.saturating_add(1),
            Score::Loss => self.losses = self.losses.saturating_add(1),
            Score::Unknown => {}
        }
        if let Some(eval_cp) = records.eval_cp(index) {
            self.n_evals = self.n_evals.saturating_add(1);
            self.eval_sum += i64::from(eval_cp);
        }
    }

    fn add(&mut self, other: &Entry) {
        self.n = self.n.saturating_add(other.n);
        self.wins = self.wins.saturating_add(other.wins);
        self.draws = self.draws.saturating_add(other.draws);
        self.losses = self.losses.saturating_add(other.losses);
        self.n_evals = self.n_evals.saturating_add(other.n_evals);
        self.eval_sum += other.eval_sum;
        self.share_sum += other.share_sum;
    }

    fn n_known(&self) -> u32 {
        self.wins + self.draws + self.losses
    }

    fn weighed(&self, weight: f64) -> Sums {
        Sums {
            n: u64::from(self.n),
            weight: weight * f64::from(self.n),
            policy: weight * (self.share_sum as f64 / f64::from(WHOLE_SHARE)),
            score: weight * (f64::from(self.wins) + 0.5 * f64::from(self.draws)),
            score_weight: weight * f64::from(self.n_known()),
            eval_cp: weight * self.eval_sum as f64,
            eval_weight: weight * f64::from(self.n_evals),
        }
    }
}

/// One position with its entries, in order of move and dataset.
#[derive(Clone, Copy)]
struct Group<'a> {
    key: u64,
    hcp: &'a [u8; 32],
    ply: u16,
    entries: &'a [Entry],
}

/// Records that were sorted, merged as far as possible.
#[derive(Default)]
struct Merged {
    keys: Vec<u64>,
    hcps: Vec<[u8; 32]>,
    plies: Vec<u16>,
    /// Where the entries of each position end.
    ends: Vec<usize>,
    entries: Vec<Entry>,
}

impl Merged {
    fn push(&mut self, group: Group<'_>) {
        self.keys.push(group.key);
        self.hcps.push(*group.hcp);
        self.plies.push(group.ply);
        self.entries.extend_from_slice(group.entries);
        self.ends.push(self.entries.len());
    }

    fn group(&self, index: usize) -> Group<'_> {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        Group {
            key: self.keys[index],
            hcp: &self.hcps[index],
            ply: self.plies[index],
            entries: &self.entries[start..self.ends[index]],
        }
    }

    /// All groups of both, equal ones merged.
    fn merge(&self, other: &Merged) -> Merged {
        let mut merged = Merged::default();
        let mut entries = Vec::new();
        let (mut i, mut j) = (0, 0);
        while i < self.keys.len() && j < other.keys.len() {
            let (a, b) = (self.group(i), other.group(j));
            if a.key < b.key {
                merged.push(a);
                i += 1;
            } else if b.key < a.key {
                merged.push(b);
                j += 1;
            } else {
                merge_entries(a.entries, b.entries, &mut entries);
                let hcp = a.hcp.min(b.hcp);
                merged.push(Group { hcp, ply: a.ply.min(b.ply), entries: &entries, ..a });
                (i, j) = (i + 1, j + 1);
            }
        }
        (i..self.keys.len()).for_each(|index| merged.push(self.group(index)));
        (j..other.keys.len()).for_each(|index| merged.push(other.group(index)));
        merged
    }
}

fn merge_entries(a: &[Entry], b: &[Entry], merged: &mut Vec<Entry>) {
    merged.clear();
    merged.extend_from_slice(a);
    merged.extend_from_slice(b);
    // Stable, and both halves are in order already.
    merged.sort_by_key(Entry::name);
    merged.dedup_by(|later, earlier| {
        let is_same = later.name() == earlier.name();
        if is_same {
            earlier.add(later);
        }
        is_same
    });
}

/// What was merged in a partition beside its rows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) n_occurrences: u64,
    pub(crate) n_excluded: u64,
    pub(crate) n_evals: u64,
    /// Rows that are more than one occurrence.
    pub(crate) n_repeated_rows: u64,
    pub(crate) scores: ScoreCounts,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Counts) {
        self.n_occurrences += other.n_occurrences;
        self.n_excluded += other.n_excluded;
        self.n_evals += other.n_evals;
        self.n_repeated_rows += other.n_repeated_rows;
        self.scores.add(&other.scores);
    }
}

/// Merges partitions; each thread has its own.
pub(crate) struct Merger<'a> {
    spill: &'a Spill,
    width: Width,
    /// By number of the dataset.
    weights: &'a [f64],
    /// Records that are sorted at a time.
    max_bytes: usize,
    bytes: Vec<u8>,
    order: Vec<u128>,
    sorted: Vec<u128>,
    entries: Vec<Entry>,
}

impl<'a> Merger<'a> {
    pub(crate) fn new(
        spill: &'a Spill,
        width: Width,
        weights: &'a [f64],
        max_bytes: usize,
    ) -> Merger<'a> {
        Merger {
            spill,
            width,
            weights,
            max_bytes,
            bytes: Vec::new(),
            order: Vec::new(),
            sorted: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// The rows of a partition, without those whose key is one of `excluded`, which ascend.
    pub(crate) fn partition(
        &mut self,
        partition: usize,
        excluded: &[u64],
    ) -> Result<(Rows, Counts)> {
        let mut finish = Finish {
            weights: self.weights,
            excluded,
            rows: Rows::default(),
            counts: Counts::default(),
        };
        let mut next = self.spill.read(partition, 0, self.max_bytes, &mut self.bytes)?;
        if next.is_none() {
            self.spill.release(partition);
            finish.rows.reserve(Records::new(&self.bytes, self.width).len());
            self.groups(&mut |group| finish.take(group));
            return Ok((finish.rows, finish.counts));
        }
        // Few positions that come very often make a partition larger than others; what is merged
        // is not.
        let mut all = Merged::default();
        self.groups(&mut |group| all.push(group));
        while let Some(first) = next {
            next = self.spill.read(partition, first, self.max_bytes, &mut self.bytes)?;
            let mut part = Merged::default();
            self.groups(&mut |group| part.push(group));
            all = all.merge(&part);
        }
        self.spill.release(partition);
        (0..all.keys.len()).for_each(|index| finish.take(all.group(index)));
        Ok((finish.rows, finish.counts))
    }

    /// The keys of a partition of keys alone, each once, ascending.
    pub(crate) fn keys(&mut self, partition: usize) -> Result<Vec<u64>> {
        let mut keys: Vec<u64> = Vec::new();
        let mut next = Some(0);
        while let Some(first) = next {
            next = self.spill.read(partition, first, self.max_bytes, &mut self.bytes)?;
            keys.extend(self.bytes.as_chunks().0.iter().map(|key| u64::from_le_bytes(*key)));
            keys.sort_unstable();
            keys.dedup();
        }
        self.spill.release(partition);
        Ok(keys)
    }

    /// Sorts the records that were read, and hands each position over.
    fn groups(&mut self, take: &mut impl FnMut(Group<'_>)) {
        let records = Records::new(&self.bytes, self.width);
        self.order.clear();
        self.order.extend((0..records.len()).map(|index| {
            u128::from(records.key(index)) << 64
                | u128::from(records.move16(index)) << 48
                | u128::from(records.dataset(index)) << 40
                | index as u128
        }));
        sort(&mut self.order, &mut self.sorted);
        let entries = &mut self.entries;
        let mut start = 0;
        while start < self.order.len() {
            let key = (self.order[start] >> 64) as u64;
            let first = self.order[start] as usize & INDEX_MASK;
            let (mut hcp, mut ply) = (records.hcp(first), u16::MAX);
            entries.clear();
            let mut end = start;
            while end < self.order.len() && (self.order[end] >> 64) as u64 == key {
                let item = self.order[end];
                let index = item as usize & INDEX_MASK;
                let name = ((item >> 48) as u16, (item >> 40) as u8);
                if entries.last().is_none_or(|entry| entry.name() != name) {
                    entries.push(Entry { move16: name.0, dataset: name.1, ..Entry::default() });
                }
                let entry = entries.last_mut().expect("one was pushed");
                entry.add_record(records, index);
                ply = ply.min(records.ply(index));
                // Two positions with the same key are one row: always with the same bytes.
                if records.hcp(index) != hcp {
                    hcp = hcp.min(records.hcp(index));
                }
                end += 1;
            }
            take(Group { key, hcp, ply, entries });
            start = end;
        }
    }
}

/// The part of an item of the order that is the index of its record.
const INDEX_MASK: usize = (1 << 40) - 1;

/// About how many items are sorted at a time: few enough for the nearest cache.
const BUCKET: usize = 32;

/// Sorts items whose highest bits are spread evenly over a range: into buckets first.
fn sort(items: &mut Vec<u128>, spare: &mut Vec<u128>) {
    let top = |item: u128| (item >> 64) as u64;
    let bounds = items.iter().map(|item| top(*item)).fold(None, |bounds, key| match bounds {
        None => Some((key, key)),
        Some((low, high)) => Some((low.min(key), high.max(key))),
    });
    let Some((low, high)) = bounds else { return };
    let n_buckets = (items.len() / BUCKET).max(1) as u128;
    let range = u128::from(high - low) + 1;
    // Bits that are shifted away, and a factor instead of a division.
    let shift = range.ilog2().saturating_sub(31);
    let factor = (n_buckets << 32) / ((range >> shift) + 1);
    let bucket = |item: u128| {
        let place = u128::from((top(item) - low) >> shift);
        ((place * factor) >> 32) as usize
    };
    let mut starts = vec![0_u32; n_buckets as usize + 1];
    for item in items.iter() {
        starts[bucket(*item) + 1] += 1;
    }
    for index in 1..starts.len() {
        starts[index] += starts[index - 1];
    }
    spare.clear();
    spare.resize(items.len(), 0);
    let mut next = starts.clone();
    for item in items.iter() {
        let place = &mut next[bucket(*item)];
        spare[*place as usize] = *item;
        *place += 1;
    }
    for bounds in starts.windows(2) {
        spare[bounds[0] as usize..bounds[1] as usize].sort_unstable();
    }
    std::mem::swap(items, spare);
}

/// Makes rows of positions in key order.
struct Finish<'a> {
    weights: &'a [f64],
    excluded: &'a [u64],
    rows: Rows,
    counts: Counts,
}

impl Finish<'_> {
    #[inline]
    fn take(&mut self, group: Group<'_>) {
        let n = group.entries.iter().map(|entry| u64::from(entry.n)).sum::<u64>();
        while self.excluded.first().is_some_and(|key| *key < group.key) {
            self.excluded = &self.excluded[1..];
        }
        if self.excluded.first() == Some(&group.key) {
            self.counts.n_excluded += n;
            return;
        }
        self.count(n, group.entries);
        let mut total = Sums::default();
        for entries in group.entries.chunk_by(|a, b| a.move16 == b.move16) {
            let mut sums = Sums::default();
            for entry in entries {
                sums.add(&entry.weighed(self.weights[usize::from(entry.dataset)]));
            }
            self.rows.push_move(entries[0].move16, &sums);
            total.add(&sums);
        }
        self.rows.end_row(group.key, group.hcp, group.ply, &total);
    }

    fn count(&mut self, n: u64, entries: &[Entry]) {
        let counts = &mut self.counts;
        counts.n_occurrences += n;
        counts.n_repeated_rows += u64::from(n > 1);
        for entry in entries {
            counts.n_evals += u64::from(entry.n_evals);
            counts.scores.win += u64::from(entry.wins);
            counts.scores.draw += u64::from(entry.draws);
            counts.scores.loss += u64::from(entry.losses);
            counts.scores.unknown += u64::from(entry.n - entry.n_known());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Files;
    use crate::prepare::record::Record;
    use crate::prepare::spill::Buffers;
    use crate::testing::TempDir;
    use crate::training::reader::TrainingBatch;
    use crate::training::rows::{Piece, to_batch};
    use std::path::Path;
    use std::sync::Arc;

    fn record(key: u64, move16: u16, score: Score, eval_cp: Option<i16>) -> Record {
        Record {
            key,
            hcp: [key as u8; 32],
            move16,
            eval_cp,
            ply: (key % 7) as u16 + move16,
            score,
            is_played: true,
            dataset: u8::from(move16 == 9),
            share: WHOLE_SHARE,
        }
    }

    fn merge(records: &[Record], excluded: &[u64], max_bytes: usize) -> (Rows, Counts) {
        let dir = TempDir::new("merge");
        let path = dir.path().join("spill.tmp");
        let path_of = |number: usize| path.with_extension(number.to_string());
        let spill = Spill::create(Files::new(None), path_of, 2, 500).unwrap();
        let width = Width { has_shares: true };
        let mut buffers = Buffers::new(2, 4 * width.bytes());
        for record in records {
            let mut bytes = [0; Width::MAX];
            width.write(record, &mut bytes);
            buffers.push(&spill, 0, &bytes[..width.bytes()]).unwrap();
        }
        for key in excluded {
            buffers.push(&spill, 1, &key.to_le_bytes()).unwrap();
        }
        buffers.flush(&spill).unwrap();
        let mut merger = Merger::new(&spill, width, &[1.0, 0.5], max_bytes);
        let excluded = merger.keys(1).unwrap();
        merger.partition(0, &excluded).unwrap()
    }

    #[test]
    fn equal_positions_become_one_row() {
        let records = [
            record(8, 5, Score::Win, Some(100)),
            record(2, 9, Score::Unknown, None),
            record(8, 9, Score::Loss, Some(-50)),
            record(8, 5, Score::Draw, None),
            Record { is_played: false, share: WHOLE_SHARE / 4, ..record(8, 7, Score::Win, None) },
            record(6, 5, Score::Win, None),
        ];
        let (rows, counts) = merge(&records, &[6, 6, 3], usize::MAX);
        let piece = Piece { range: 0..rows.len(), rows: Arc::new(rows) };
        let batch = to_batch(&[piece]);
        let table = TrainingBatch::new(&batch, Path::new("x")).unwrap();
        assert_eq!(table.keys, [2, 8]);
        assert_eq!((table.n, table.weights), (&[1, 3][..], &[0.5, 2.5][..]));
        assert_eq!(table.plies, [11, 6]);
        assert_eq!((table.score(0), table.eval_cp(0)), (None, None));
        // A win and a draw of weight 1, a loss of weight 0.5.
        assert_eq!((table.score(1), table.score_weights[1]), (Some(0.6), 2.5));
        assert_eq!((table.eval_cp(1), table.eval_weights[1]), (Some(50.0), 1.5));
        let moves = table.moves(1);
        assert_eq!((moves.moves, moves.weights), (&[5, 7, 9][..], &[2.0, 0.25, 0.5][..]));
        assert_eq!(moves.counts, [2, 0, 1]);
        assert_eq!(moves.scores.iter().collect::<Vec<_>>(), [Some(0.75), None, Some(0.0)]);
        let evals: Vec<_> = moves.evals_cp.iter().collect();
        assert_eq!(evals, [Some(100.0), None, Some(-50.0)]);
        assert_eq!((counts.n_occurrences, counts.n_excluded, counts.n_evals), (4, 1, 2));
        assert_eq!(counts.n_repeated_rows, 1);
        let scores = ScoreCounts { win: 1, draw: 1, loss: 1, unknown: 1 };
        assert_eq!(counts.scores, scores);
    }

    #[test]
    fn neither_the_order_nor_the_memory_shows() {
        let scores = [Score::Win, Score::Draw, Score::Loss, Score::Unknown];
        let mut state = 1_u64;
        let mut random = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % n
        };
        let mut records: Vec<_> = (0..3_000)
            .map(|number| {
                // One key comes very often.
                let key = if number % 3 == 0 { 40 } else { 2 * random(400) };
                let eval_cp = (random(2) == 0).then_some(random(100) as i16);
                record(key, random(12) as u16, scores[random(4) as usize], eval_cp)
            })
            .collect();
        let text = |records: &[Record], max_bytes| {
            let (rows, _) = merge(records, &[], max_bytes);
            format!("{rows:?}")
        };
        let expected = text(&records, usize::MAX);
        assert_eq!(text(&records, 4_000), expected);
        records.reverse();
        assert_eq!(text(&records, usize::MAX), expected);
        assert_eq!(text(&records, 1), expected);
    }

    #[test]
    fn everything_is_sorted() {
        let mut state = 7_u64;
        for n in [0, 1, 2, 31, 1_000, 40_000] {
            for spread in [0, 3, 20, 63] {
                let mut items: Vec<u128> = (0..n)
                    .map(|index| {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
                        let key = u64::MAX - ((state >> 1) & ((1 << spread) - 1));
                        u128::from(key) << 64 | index
                    })
                    .collect();
                let mut expected = items.clone();
                expected.sort_unstable();
                sort(&mut items, &mut Vec::new());
                assert_eq!(items, expected, "{n} items over 2^{spread}");
            }
        }
    }
}
