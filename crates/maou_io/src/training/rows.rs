//! Rows of a training set as columns, and record batches of them.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, FixedSizeListArray, LargeListArray, PrimitiveArray, RecordBatch};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType;

use super::schema::training_schema;
use crate::schema::list_item;

/// Sums over occurrences, and what a row or one of its moves tells of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) n: u64,
    pub(crate) weight: f64,
    /// Of the policy target.
    pub(crate) policy: f64,
    pub(crate) score: f64,
    pub(crate) score_weight: f64,
    pub(crate) eval_cp: f64,
    pub(crate) eval_weight: f64,
}

impl Sums {
    pub(crate) fn add(&mut self, other: &Sums) {
        self.n += other.n;
        self.weight += other.weight;
        self.policy += other.policy;
        self.score += other.score;
        self.score_weight += other.score_weight;
        self.eval_cp += other.eval_cp;
        self.eval_weight += other.eval_weight;
    }

    /// Mean score; NaN, which stands for null here, if none is known.
    fn mean_score(&self) -> f32 {
        if self.score_weight > 0.0 { (self.score / self.score_weight) as f32 } else { f32::NAN }
    }

    /// Mean eval; NaN if there is none.
    fn mean_eval_cp(&self) -> f32 {
        if self.eval_weight > 0.0 { (self.eval_cp / self.eval_weight) as f32 } else { f32::NAN }
    }

    fn count(&self) -> u32 {
        u32::try_from(self.n).unwrap_or(u32::MAX)
    }
}

/// Rows in key order.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) keys: Vec<u64>,
    positions: Vec<[u8; 32]>,
    pub(crate) n: Vec<u32>,
    weights: Vec<f32>,
    plies: Vec<u16>,
    scores: Vec<f32>,
    score_weights: Vec<f32>,
    evals_cp: Vec<f32>,
    eval_weights: Vec<f32>,
    /// Where the moves of each row end.
    ends: Vec<usize>,
    moves: Vec<u16>,
    counts: Vec<u32>,
    move_weights: Vec<f32>,
    move_scores: Vec<f32>,
    move_evals_cp: Vec<f32>,
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn n_moves(&self) -> usize {
        self.moves.len()
    }

    /// Makes room for rows with a move each, so that no vector is copied as it grows.
    pub(crate) fn reserve(&mut self, n: usize) {
        self.keys.reserve(n);
        self.positions.reserve(n);
        self.n.reserve(n);
        self.weights.reserve(n);
        self.plies.reserve(n);
        self.scores.reserve(n);
        self.score_weights.reserve(n);
        self.evals_cp.reserve(n);
        self.eval_weights.reserve(n);
        self.ends.reserve(n);
        self.moves.reserve(n);
        self.counts.reserve(n);
        self.move_weights.reserve(n);
        self.move_scores.reserve(n);
        self.move_evals_cp.reserve(n);
    }

    /// Adds one of the moves of the row that [`end_row`](Rows::end_row) adds next.
    #[inline]
    pub(crate) fn push_move(&mut self, move16: u16, sums: &Sums) {
        self.moves.push(move16);
        self.counts.push(sums.count());
        self.move_weights.push(sums.policy as f32);
        self.move_scores.push(sums.mean_score());
        self.move_evals_cp.push(sums.mean_eval_cp());
    }

    /// Adds a row with the moves since the last one.
    #[inline]
    pub(crate) fn end_row(&mut self, key: u64, position: &[u8; 32], ply: u16, sums: &Sums) {
        self.keys.push(key);
        self.positions.push(*position);
        self.n.push(sums.count());
        self.weights.push(sums.weight as f32);
        self.plies.push(ply);
        self.scores.push(sums.mean_score());
        self.score_weights.push(sums.score_weight as f32);
        self.evals_cp.push(sums.mean_eval_cp());
        self.eval_weights.push(sums.eval_weight as f32);
        self.ends.push(self.moves.len());
    }

    /// Where the moves of some rows stand.
    fn span(&self, rows: &Range<usize>) -> Range<usize> {
        let start = |row: usize| if row == 0 { 0 } else { self.ends[row - 1] };
        start(rows.start)..start(rows.end)
    }
}

/// Some of the rows that were merged together.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) rows: Arc<Rows>,
    pub(crate) range: Range<usize>,
}

/// Makes one batch of the rows of all pieces, in order.
pub(crate) fn to_batch(pieces: &[Piece]) -> RecordBatch {
    let n = pieces.iter().map(|piece| piece.range.len()).sum::<usize>();
    let mut positions = Vec::with_capacity(32 * n);
    let mut lengths = Vec::with_capacity(n);
    for Piece { rows, range } in pieces {
        positions.extend_from_slice(rows.positions[range.clone()].as_flattened());
        let mut start = rows.span(range).start;
        for end in &rows.ends[range.clone()] {
            lengths.push(end - start);
            start = *end;
        }
    }
    let positions = FixedSizeListArray::new(
        Arc::new(list_item(DataType::UInt8, false)),
        32,
        Arc::new(PrimitiveArray::<UInt8Type>::new(positions.into(), None)),
        None,
    );
    let offsets = OffsetBuffer::<i64>::from_lengths(lengths);
    let list = |items: ArrayRef, nullable: bool| -> ArrayRef {
        let item = Arc::new(list_item(items.data_type().clone(), nullable));
        Arc::new(LargeListArray::new(item, offsets.clone(), items, None))
    };
    let columns: Vec<ArrayRef> = vec![
        values::<UInt64Type>(pieces, n, |rows| &rows.keys),
        Arc::new(positions),
        values::<UInt32Type>(pieces, n, |rows| &rows.n),
        values::<Float32Type>(pieces, n, |rows| &rows.weights),
        values::<UInt16Type>(pieces, n, |rows| &rows.plies),
        means(pieces, n, |rows| &rows.scores),
        values::<Float32Type>(pieces, n, |rows| &rows.score_weights),
        means(pieces, n, |rows| &rows.evals_cp),
        values::<Float32Type>(pieces, n, |rows| &rows.eval_weights),
        list(items::<UInt16Type>(pieces, |rows| &rows.moves), false),
        list(items::<UInt32Type>(pieces, |rows| &rows.counts), false),
        list(items::<Float32Type>(pieces, |rows| &rows.move_weights), false),
        list(item_means(pieces, |rows| &rows.move_scores), true),
        list(item_means(pieces, |rows| &rows.move_evals_cp), true),
    ];
    RecordBatch::try_new(training_schema(), columns).expect("the columns of the schema")
}

fn array<T: ArrowPrimitiveType>(values: Vec<T::Native>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(values.into(), None))
}

/// The column of values that may be NaN, which become null.
fn nullable(mut values: Vec<f32>) -> ArrayRef {
    let is_set = BooleanBuffer::collect_bool(values.len(), |index| !values[index].is_nan());
    let nulls = NullBuffer::new(is_set);
    if nulls.null_count() == 0 {
        return array::<Float32Type>(values);
    }
    // What stands behind a null is the same on every machine.
    values.iter_mut().filter(|value| value.is_nan()).for_each(|value| *value = 0.0);
    Arc::new(PrimitiveArray::<Float32Type>::new(ScalarBuffer::from(values), Some(nulls)))
}

fn collect<T: Copy>(pieces: &[Piece], n: usize, get: fn(&Rows) -> &Vec<T>) -> Vec<T> {
    let mut values = Vec::with_capacity(n);
    for Piece { rows, range } in pieces {
        values.extend_from_slice(&get(rows)[range.clone()]);
    }
    values
}

fn values<T: ArrowPrimitiveType>(
    pieces: &[Piece],
    n: usize,
    get: fn(&Rows) -> &Vec<T::Native>,
) -> ArrayRef {
    array::<T>(collect(pieces, n, get))
}

fn means(pieces: &[Piece], n: usize, get: fn(&Rows) -> &Vec<f32>) -> ArrayRef {
    nullable(collect(pieces, n, get))
}

fn collect_items<T: Copy>(pieces: &[Piece], get: fn(&Rows) -> &Vec<T>) -> Vec<T> {
    let n = pieces.iter().map(|piece| piece.rows.span(&piece.range).len()).sum();
    let mut values = Vec::with_capacity(n);
    for Piece { rows, range } in pieces {
        values.extend_from_slice(&get(rows)[rows.span(range)]);
    }
    values
}

fn items<T: ArrowPrimitiveType>(pieces: &[Piece], get: fn(&Rows) -> &Vec<T::Native>) -> ArrayRef {
    array::<T>(collect_items(pieces, get))
}

fn item_means(pieces: &[Piece], get: fn(&Rows) -> &Vec<f32>) -> ArrayRef {
    nullable(collect_items(pieces, get))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::reader::TrainingBatch;
    use std::path::Path;

    fn rows(first: u64, n: usize) -> Arc<Rows> {
        let mut rows = Rows::default();
        for row in 0..n {
            let mut total = Sums::default();
            for number in 0..=row {
                let known = f64::from(u8::from(number > 0));
                let sums = Sums {
                    n: number as u64 + 1,
                    weight: 0.5,
                    policy: 0.25,
                    score: known,
                    score_weight: 2.0 * known,
                    eval_cp: -300.0 * known,
                    eval_weight: 3.0 * known,
                };
                rows.push_move(100 * row as u16 + number as u16, &sums);
                total.add(&sums);
            }
            rows.end_row(first + 2 * row as u64, &[row as u8; 32], row as u16, &total);
        }
        Arc::new(rows)
    }

    #[test]
    fn rows_come_back_out_of_any_pieces() {
        let (a, b) = (rows(10, 3), rows(20, 2));
        let piece = |rows: &Arc<Rows>, range| Piece { rows: rows.clone(), range };
        let batch = to_batch(&[piece(&a, 1..3), piece(&b, 0..0), piece(&b, 0..2)]);
        let table = TrainingBatch::new(&batch, Path::new("x")).unwrap();
        assert_eq!(table.keys, [12, 14, 20, 22]);
        assert_eq!(table.plies, [1, 2, 0, 1]);
        assert_eq!(table.n, [3, 6, 1, 3]);
        assert_eq!(table.weights, [1.0, 1.5, 0.5, 1.0]);
        assert_eq!(table.position(1), &[2; 32]);
        let scores: Vec<_> = (0..4).map(|row| (table.score(row), table.eval_cp(row))).collect();
        let (known, none) = ((Some(0.5), Some(-100.0)), (None, None));
        assert_eq!(scores, [known, known, none, known]);
        assert_eq!((table.score_weights[1], table.eval_weights[1]), (4.0, 6.0));
        let policy = table.moves(1);
        assert_eq!((policy.moves, policy.weights), (&[200, 201, 202][..], &[0.25; 3][..]));
        let moves = table.moves(3);
        assert_eq!((moves.moves, moves.counts), (&[100, 101][..], &[1, 2][..]));
        assert_eq!(moves.scores.iter().collect::<Vec<_>>(), [None, Some(0.5)]);
        assert_eq!(moves.evals_cp.iter().collect::<Vec<_>>(), [None, Some(-100.0)]);
        assert_eq!((table.len(), table.moves(0).moves.len()), (4, 2));
    }
}
