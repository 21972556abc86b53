//! Loose positions as columns: what readers fill, and what record batches are made of and taken
//! apart into.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Int16Type, UInt8Type, UInt16Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, LargeStringArray, PrimitiveArray, RecordBatch,
};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer, OffsetBuffer, ScalarBuffer};
use maou_shogi::Move;
use maou_shogi::record::GameResult;
use maou_shogi::teacher::TrainingPosition;

use crate::schema::{list_item, positions_schema};

/// Positions, in the order of their sources.
#[derive(Default)]
pub(crate) struct PositionColumns {
    positions: Vec<[u8; 32]>,
    keys: Vec<u64>,
    moves: Vec<u16>,
    evals_cp: Vec<i16>,
    results: Vec<u8>,
    /// 0 for none.
    plies: Vec<u16>,
    flags: Vec<u8>,
    /// Name of each source, and where its rows end.
    sources: Vec<(Arc<str>, usize)>,
}

impl PositionColumns {
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn reserve(&mut self, n: usize) {
        self.positions.reserve(n);
        self.keys.reserve(n);
        self.moves.reserve(n);
        self.evals_cp.reserve(n);
        self.results.reserve(n);
        self.plies.reserve(n);
        self.flags.reserve(n);
    }

    /// Adds a position whose source [`end_source`](PositionColumns::end_source) names later.
    #[inline]
    pub(crate) fn push(&mut self, position: &TrainingPosition) {
        self.positions.push(position.hcp);
        self.keys.push(position.key);
        self.moves.push(position.mv.move16());
        self.evals_cp.push(position.eval);
        self.results.push(position.result as u8);
        self.plies.push(position.ply);
        self.flags.push(position.flags);
    }

    pub(crate) fn evals_cp(&self) -> &[i16] {
        &self.evals_cp
    }

    pub(crate) fn results(&self) -> &[u8] {
        &self.results
    }

    /// Says where the positions since the last call came from.
    pub(crate) fn end_source(&mut self, name: &str) {
        let end = self.len();
        match self.sources.last_mut() {
            Some((last, last_end)) if &**last == name => *last_end = end,
            Some((_, last_end)) if *last_end == end => {}
            None if end == 0 => {}
            _ => self.sources.push((name.into(), end)),
        }
    }

    /// Adds a row of a batch whose source [`end_source`](PositionColumns::end_source) names later.
    fn push_row(&mut self, table: &PositionsBatch<'_>, row: usize) {
        self.positions.push(*table.position(row));
        self.keys.push(table.keys[row]);
        self.moves.push(table.moves[row]);
        self.evals_cp.push(table.evals_cp[row]);
        self.results.push(table.results[row]);
        self.plies.push(table.ply(row));
        self.flags.push(table.flags[row]);
    }

    /// Adds rows of a batch of the positions table as those of the source `name`.
    pub(crate) fn push_rows_of(&mut self, batch: &RecordBatch, rows: Range<usize>, name: &str) {
        let table = PositionsBatch::new(batch);
        rows.for_each(|row| self.push_row(&table, row));
        self.end_source(name);
    }

    /// Adds rows of a batch of the positions table.
    pub(crate) fn push_rows(&mut self, batch: &RecordBatch, rows: Range<usize>) {
        let table = PositionsBatch::new(batch);
        let end = rows.end;
        for row in rows {
            self.push_row(&table, row);
            if row + 1 == end || table.source(row + 1) != table.source(row) {
                self.end_source(table.source(row));
            }
        }
    }
}

/// Some rows of some columns.
pub(crate) struct PositionPiece {
    pub(crate) columns: Arc<PositionColumns>,
    pub(crate) rows: Range<usize>,
}

/// Makes one batch of the rows of all pieces, in order.
pub(crate) fn to_batch(pieces: &[PositionPiece]) -> RecordBatch {
    let n = pieces.iter().map(|piece| piece.rows.len()).sum::<usize>();
    let mut positions = Vec::with_capacity(32 * n);
    for PositionPiece { columns, rows } in pieces {
        positions.extend_from_slice(columns.positions[rows.clone()].as_flattened());
    }
    let positions = FixedSizeListArray::new(
        Arc::new(list_item(arrow_schema::DataType::UInt8, false)),
        32,
        Arc::new(PrimitiveArray::<UInt8Type>::new(positions.into(), None)),
        None,
    );
    let columns: Vec<ArrayRef> = vec![
        Arc::new(positions),
        Arc::new(values::<UInt64Type>(pieces, n, |c| &c.keys)),
        Arc::new(values::<UInt16Type>(pieces, n, |c| &c.moves)),
        Arc::new(values::<Int16Type>(pieces, n, |c| &c.evals_cp)),
        Arc::new(values::<UInt8Type>(pieces, n, |c| &c.results)),
        Arc::new(plies(pieces, n)),
        Arc::new(values::<UInt8Type>(pieces, n, |c| &c.flags)),
        Arc::new(sources(pieces, n)),
    ];
    RecordBatch::try_new(positions_schema(), columns).expect("the columns of the schema")
}

fn values<T: ArrowPrimitiveType>(
    pieces: &[PositionPiece],
    n: usize,
    get: fn(&PositionColumns) -> &Vec<T::Native>,
) -> PrimitiveArray<T> {
    let mut values = Vec::with_capacity(n);
    for PositionPiece { columns, rows } in pieces {
        values.extend_from_slice(&get(columns)[rows.clone()]);
    }
    PrimitiveArray::new(values.into(), None)
}

fn plies(pieces: &[PositionPiece], n: usize) -> PrimitiveArray<UInt16Type> {
    let plies = values::<UInt16Type>(pieces, n, |c| &c.plies);
    let mut is_set = BooleanBufferBuilder::new(n);
    plies.values().iter().for_each(|ply| is_set.append(*ply > 0));
    // No bitmap where nothing is null.
    let nulls = NullBuffer::new(is_set.finish());
    let nulls = (nulls.null_count() > 0).then_some(nulls);
    PrimitiveArray::new(plies.values().clone(), nulls)
}

fn sources(pieces: &[PositionPiece], n: usize) -> LargeStringArray {
    let mut text = Vec::new();
    let mut offsets = Vec::with_capacity(n + 1);
    offsets.push(0_i64);
    for PositionPiece { columns, rows } in pieces {
        let mut start = rows.start;
        let first = columns.sources.partition_point(|(_, end)| *end <= start);
        for (name, end) in &columns.sources[first..] {
            let end = rows.end.min(*end);
            for _ in start..end {
                text.extend_from_slice(name.as_bytes());
                offsets.push(text.len() as i64);
            }
            start = end;
            if start == rows.end {
                break;
            }
        }
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    LargeStringArray::new(offsets, text.into(), None)
}

/// A batch of the positions table, by row.
pub(crate) struct PositionsBatch<'a> {
    positions: &'a [u8],
    pub(crate) keys: &'a [u64],
    pub(crate) moves: &'a [u16],
    pub(crate) evals_cp: &'a [i16],
    pub(crate) results: &'a [u8],
    plies: &'a PrimitiveArray<UInt16Type>,
    pub(crate) flags: &'a [u8],
    sources: &'a LargeStringArray,
}

impl<'a> PositionsBatch<'a> {
    /// # Panics
    ///
    /// If the schema is not that of the positions table; readers check it when they open a file.
    pub(crate) fn new(batch: &'a RecordBatch) -> PositionsBatch<'a> {
        let positions = batch.column(0).as_fixed_size_list();
        let bytes = positions.values().as_primitive::<UInt8Type>().values();
        PositionsBatch {
            positions: bytes,
            keys: batch.column(1).as_primitive::<UInt64Type>().values(),
            moves: batch.column(2).as_primitive::<UInt16Type>().values(),
            evals_cp: batch.column(3).as_primitive::<Int16Type>().values(),
            results: batch.column(4).as_primitive::<UInt8Type>().values(),
            plies: batch.column(5).as_primitive(),
            flags: batch.column(6).as_primitive::<UInt8Type>().values(),
            sources: batch.column(7).as_string(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn position(&self, row: usize) -> &'a [u8; 32] {
        self.positions[32 * row..].first_chunk().expect("32 bytes a row")
    }

    /// 0 for none.
    pub(crate) fn ply(&self, row: usize) -> u16 {
        if self.plies.is_valid(row) { self.plies.value(row) } else { 0 }
    }

    pub(crate) fn source(&self, row: usize) -> &'a str {
        self.sources.value(row)
    }

    /// The row as it is, or the column that holds something impossible. The position is not
    /// looked at.
    pub(crate) fn row(&self, row: usize) -> Result<TrainingPosition, &'static str> {
        Ok(TrainingPosition {
            hcp: *self.position(row),
            key: self.keys[row],
            mv: Move::from_move16(self.moves[row]).ok_or("move")?,
            eval: self.evals_cp[row],
            result: GameResult::from_u8(self.results[row]).ok_or("result")?,
            flags: self.flags[row],
            ply: self.ply(row),
            is_exact: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use maou_shogi::Position;

    fn columns(n: usize, name: &str) -> PositionColumns {
        let mut columns = PositionColumns::default();
        let start = Position::startpos();
        for row in 0..n {
            columns.push(&TrainingPosition {
                hcp: start.to_hcp().unwrap(),
                key: start.key(),
                mv: Move::from_usi("7g7f").unwrap(),
                eval: row as i16,
                result: GameResult::WhiteWins,
                flags: 0,
                ply: row as u16,
                is_exact: true,
            });
        }
        columns.end_source(name);
        columns
    }

    #[test]
    fn rows_come_back_out_of_any_pieces() {
        let mut both = columns(3, "a");
        let batch = to_batch(&[PositionPiece { columns: columns(4, "b").into(), rows: 1..4 }]);
        both.push_rows(&batch, 0..2);
        both.push_rows(&batch, 2..3);
        both.end_source("nothing");
        let both = Arc::new(both);
        let piece = |rows| PositionPiece { columns: both.clone(), rows };
        let batch = to_batch(&[piece(1..4), piece(4..4), piece(4..6)]);
        let table = PositionsBatch::new(&batch);
        let rows: Vec<_> =
            (0..5).map(|row| (table.evals_cp[row], table.ply(row), table.source(row))).collect();
        assert_eq!(rows, [(1, 1, "a"), (2, 2, "a"), (1, 1, "b"), (2, 2, "b"), (3, 3, "b")]);
        assert_eq!(table.row(0).unwrap().hcp, Position::startpos().to_hcp().unwrap());
    }
}
