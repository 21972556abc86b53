//! A record batch of a training set, with what batches need of a row in one place.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{Array, PrimitiveArray, RecordBatch};
use maou_shogi::Move;
use maou_shogi::batch::Hcp;

use crate::training::schema::index;

/// What batches need of a row: a line of the processor's cache, since rows are taken in any order.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Row {
    pub(super) position: Hcp,
    pub(super) key: u64,
    pub(super) n: u32,
    pub(super) weight: f32,
    /// NaN if no result is known.
    pub(super) score: f32,
    /// NaN if there is no eval.
    pub(super) eval_cp: f32,
    /// Where its moves begin among those of the record batch.
    pub(super) moves_start: u32,
    pub(super) n_moves: u16,
    pub(super) ply: u16,
}

/// A move and its share of the row's policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    pub(super) mv: u16,
    pub(super) share: f32,
}

/// The rows of a record batch.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunk {
    pub(super) rows: Vec<Row>,
    pub(super) choices: Vec<Choice>,
}

/// The columns that are read, in the order of the table.
pub(super) const COLUMNS: [usize; 9] = [
    index::KEY,
    index::POSITION,
    index::N,
    index::WEIGHT,
    index::PLY,
    index::SCORE,
    index::EVAL_CP,
    index::MOVES,
    index::MOVE_WEIGHTS,
];

/// A row, if it is one, and what was expected of it.
pub(super) type Wrong = (Option<usize>, String);

impl Chunk {
    pub(super) fn moves_of(&self, row: &Row) -> &[Choice] {
        let start = row.moves_start as usize;
        &self.choices[start..start + usize::from(row.n_moves)]
    }

    /// The rows of a record batch with [`COLUMNS`].
    ///
    /// # Errors
    /// What `maou prepare` does not write.
    pub(super) fn of(batch: &RecordBatch) -> Result<Chunk, Wrong> {
        let columns = Columns::of(batch)?;
        let mut chunk = Chunk {
            rows: Vec::with_capacity(batch.num_rows()),
            choices: Vec::with_capacity(columns.moves.len()),
        };
        let mut last_key = None;
        for row in 0..batch.num_rows() {
            let added = chunk.add(&columns, row, last_key);
            added.map_err(|what| (Some(row), what))?;
            last_key = Some(columns.keys[row]);
        }
        Ok(chunk)
    }

    #[inline]
    fn add(
        &mut self,
        columns: &Columns<'_>,
        row: usize,
        last_key: Option<u64>,
    ) -> Result<(), String> {
        let expected = |what: &str| Err(what.to_owned());
        let (key, position) = (columns.keys[row], columns.positions[row]);
        if key & 1 != 0 || last_key.is_some_and(|last| last >= key) {
            return expected("a key without the color's bit, above that of the row before");
        }
        if position[0] & 1 != 0 {
            return expected("a position with Black to move");
        }
        let weight = columns.weights[row];
        let (score, eval_cp) =
            (value_or_nan(columns.scores, row), value_or_nan(columns.evals_cp, row));
        if !(weight >= 0.0 && weight.is_finite()) {
            return Err(format!("a weight from 0, found `{weight}`"));
        }
        if !(columns.scores.is_null(row) || (0.0..=1.0).contains(&score)) {
            return Err(format!("a score from 0 to 1, found `{score}`"));
        }
        if !(columns.evals_cp.is_null(row) || eval_cp.is_finite()) {
            return Err(format!("an eval, found `{eval_cp}`"));
        }
        let span = columns.offsets[row] as usize..columns.offsets[row + 1] as usize;
        let moves_start = self.choices.len();
        push_shares(&mut self.choices, &columns.moves[span.clone()], &columns.shares[span])?;
        self.rows.push(Row {
            position,
            key,
            n: columns.n[row],
            weight,
            score,
            eval_cp,
            moves_start: moves_start as u32,
            n_moves: (self.choices.len() - moves_start) as u16,
            ply: columns.plies[row],
        });
        Ok(())
    }
}

/// The columns of a record batch.
struct Columns<'a> {
    keys: &'a [u64],
    positions: &'a [Hcp],
    n: &'a [u32],
    weights: &'a [f32],
    plies: &'a [u16],
    scores: &'a PrimitiveArray<Float32Type>,
    evals_cp: &'a PrimitiveArray<Float32Type>,
    offsets: &'a [i64],
    moves: &'a [u16],
    shares: &'a [f32],
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Columns<'a>, Wrong> {
        for (i, column) in batch.columns().iter().enumerate() {
            let may_be_null = [index::SCORE, index::EVAL_CP].contains(&COLUMNS[i]);
            if column.null_count() > 0 && !may_be_null {
                return Err((None, format!("no nulls in `{}`", batch.schema().field(i).name())));
            }
        }
        let positions = batch.column(1).as_fixed_size_list();
        let (moves, shares) = (batch.column(7).as_list::<i64>(), batch.column(8).as_list::<i64>());
        if moves.value_offsets() != shares.value_offsets() {
            return Err((None, "a weight for each move".to_owned()));
        }
        let floats = |column: usize| batch.column(column).as_primitive::<Float32Type>();
        Ok(Columns {
            keys: batch.column(0).as_primitive::<UInt64Type>().values(),
            positions: positions.values().as_primitive::<UInt8Type>().values().as_chunks().0,
            n: batch.column(2).as_primitive::<UInt32Type>().values(),
            weights: floats(3).values(),
            plies: batch.column(4).as_primitive::<UInt16Type>().values(),
            scores: floats(5),
            evals_cp: floats(6),
            offsets: moves.value_offsets(),
            moves: moves.values().as_primitive::<UInt16Type>().values(),
            shares: shares.values().as_primitive::<Float32Type>().values(),
        })
    }
}

#[inline]
fn value_or_nan(values: &PrimitiveArray<Float32Type>, row: usize) -> f32 {
    if values.is_null(row) { f32::NAN } else { values.value(row) }
}

/// Adds the moves that have a share, which together is 1.
#[inline]
fn push_shares(choices: &mut Vec<Choice>, moves: &[u16], weights: &[f32]) -> Result<(), String> {
    if moves.len() > usize::from(u16::MAX) {
        return Err(format!("at most {} moves", u16::MAX));
    }
    let mut sum = 0.0;
    for (&mv, &weight) in moves.iter().zip(weights) {
        if Move::from_move16(mv).is_none() {
            return Err(format!("moves, found `{mv}`"));
        }
        if !(weight >= 0.0 && weight.is_finite()) {
            return Err(format!("weights of moves from 0, found `{weight}`"));
        }
        sum += f64::from(weight);
    }
    for (&mv, &weight) in moves.iter().zip(weights) {
        if weight > 0.0 {
            choices.push(Choice { mv, share: (f64::from(weight) / sum) as f32 });
        }
    }
    Ok(())
}
