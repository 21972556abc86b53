//! The rows of a batch, taken together from all over a window.

use std::ops::Range;
use std::sync::Arc;

use super::chunk::{Choice, Chunk, Row};
use super::order::{EpochOrder, ROW_BITS};
use super::rows::TrainingRows;

/// Record batches that are mixed with each other, in memory.
pub(super) struct Group {
    places: Range<u64>,
    chunks: Vec<Arc<Chunk>>,
    /// By record batch: the number of its first row in the split.
    starts: Vec<u64>,
    /// The rows in the order in which they come, as of [`EpochOrder::rows`].
    order: Arc<Vec<u32>>,
}

impl Group {
    pub(super) fn new(
        number: usize,
        epoch: &EpochOrder,
        rows: &TrainingRows,
        chunks: Vec<Arc<Chunk>>,
        order: Arc<Vec<u32>>,
    ) -> Group {
        let start = |chunk: &u32| rows.chunk_starts[*chunk as usize];
        let starts = epoch.chunks(number).iter().map(start).collect();
        Group { places: epoch.places(number), chunks, starts, order }
    }

    /// What stands at these places, of those that are in the group.
    fn at(&self, places: &Range<u64>) -> &[u32] {
        let clamp = |place: u64| place.clamp(self.places.start, self.places.end);
        let index = |place: u64| (clamp(place) - self.places.start) as usize;
        &self.order[index(places.start)..index(places.end)]
    }
}

/// The rows of a batch in its order.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) rows: Vec<Row>,
    /// By row: its number in the split.
    pub(super) numbers: Vec<u64>,
    /// The moves of all rows, one after the other.
    pub(super) choices: Vec<Choice>,
    /// By row: where its moves begin among them; one more than there are.
    pub(super) starts: Vec<u32>,
    /// The rows that do not only fill the batch.
    pub(super) n_real: usize,
}

impl Gathered {
    /// Takes the rows at these places, and fills the batch with the last of them; with that at
    /// `filler` if there are none.
    pub(super) fn gather(
        &mut self,
        groups: &[Arc<Group>],
        places: Range<u64>,
        filler: u64,
        batch_size: usize,
        with_moves: bool,
    ) {
        self.rows.clear();
        self.numbers.clear();
        self.choices.clear();
        self.starts.clear();
        self.n_real = (places.end - places.start) as usize;
        let wanted = if places.is_empty() { filler..filler + 1 } else { places };
        for group in groups {
            for &at in group.at(&wanted) {
                let (chunk, row) = ((at >> ROW_BITS) as usize, at & ((1 << ROW_BITS) - 1));
                self.rows.push(group.chunks[chunk].rows[row as usize]);
                self.numbers.push(group.starts[chunk] + u64::from(row));
            }
        }
        for group in groups.iter().filter(|_| with_moves) {
            for &at in group.at(&wanted) {
                let row = self.rows[self.starts.len()];
                self.starts.push(self.choices.len() as u32);
                let chunk = &group.chunks[(at >> ROW_BITS) as usize];
                self.choices.extend_from_slice(chunk.moves_of(&row));
            }
        }
        let last = self.rows.len() - 1;
        let (row, number) = (self.rows[last], self.numbers[last]);
        self.rows.resize(batch_size, row);
        self.numbers.resize(batch_size, number);
        if with_moves {
            let moves_of_last = self.starts[last] as usize..self.choices.len();
            while self.starts.len() < batch_size {
                self.starts.push(self.choices.len() as u32);
                self.choices.extend_from_within(moves_of_last.clone());
            }
            self.starts.push(self.choices.len() as u32);
        }
    }
}
