//! What HCPE3 tells of its games beside what the games table has: raw evals, the candidates of the
//! search, who played. Rows of other formats take no room.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Int16Type, UInt8Type, UInt16Type};
use arrow_array::{Array, ArrayRef, LargeListArray, PrimitiveArray, RecordBatch, new_null_array};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use maou_shogi::teacher::Hcpe3Game;
use maou_shogi::{Move, Position};

use crate::columns::Piece;
use crate::error::{Error, Result};
use crate::schema::{N_GAMES_COLUMNS, N_SEARCH_COLUMNS, Width, list_item};

/// The columns of those games that have them, in order.
#[derive(Default)]
pub(crate) struct SearchColumns {
    /// Row among all games.
    rows: Vec<usize>,
    opponent: Vec<u8>,
    flags: Vec<u8>,
    ply_ends: Vec<usize>,
    evals_raw: Vec<i16>,
    candidate_ends: Vec<usize>,
    candidates: Vec<u16>,
    visits: Vec<u16>,
}

fn start_of(ends: &[usize], index: usize) -> usize {
    if index == 0 { 0 } else { ends[index - 1] }
}

/// The columns of one game.
#[derive(Clone, Copy)]
pub(crate) struct SearchRow<'a> {
    pub(crate) opponent: u8,
    pub(crate) flags: u8,
    pub(crate) evals_raw: &'a [i16],
    /// Candidates of each ply, one ply after the other.
    pub(crate) candidates: &'a [u16],
    pub(crate) visits: &'a [u16],
    /// Where the candidates of each ply begin, and where those of the last end, counted from any
    /// number.
    pub(crate) offsets: &'a [i64],
}

impl SearchRow<'_> {
    /// How many candidates a ply has.
    pub(crate) fn n_candidates(&self, ply: usize) -> usize {
        (self.offsets[ply + 1] - self.offsets[ply]) as usize
    }
}

impl SearchColumns {
    /// Whether any of these rows among all games has such columns.
    pub(crate) fn has_any_of(&self, rows: &Range<usize>) -> bool {
        let index = self.rows.partition_point(|row| *row < rows.start);
        self.rows.get(index).is_some_and(|row| *row < rows.end)
    }

    /// Adds what `game`, which is row `row` among all games, tells.
    pub(crate) fn push(&mut self, row: usize, game: &Hcpe3Game) {
        self.rows.push(row);
        self.opponent.push(game.opponent);
        self.flags.push(game.flags);
        self.evals_raw.extend_from_slice(&game.evals_raw);
        self.ply_ends.push(self.evals_raw.len());
        let mut end = self.candidates.len();
        self.candidate_ends.extend(game.n_candidates.iter().map(|n| {
            end += usize::from(*n);
            end
        }));
        self.candidates.extend_from_slice(&game.candidates);
        self.visits.extend_from_slice(&game.visits);
    }

    /// Adds what the row of a batch of a games file tells, if it tells anything.
    pub(crate) fn push_row(&mut self, row: usize, batch: &SearchBatch<'_>, batch_row: usize) {
        if let Some(game) = batch.row(batch_row) {
            self.push_found(row, game);
        }
    }

    /// Adds what a row of a games file tells.
    pub(crate) fn push_found(&mut self, row: usize, game: SearchRow<'_>) {
        self.rows.push(row);
        self.opponent.push(game.opponent);
        self.flags.push(game.flags);
        self.evals_raw.extend_from_slice(game.evals_raw);
        self.ply_ends.push(self.evals_raw.len());
        let mut end = self.candidates.len();
        self.candidate_ends.extend((0..game.evals_raw.len()).map(|ply| {
            end += game.n_candidates(ply);
            end
        }));
        self.candidates.extend_from_slice(game.candidates);
        self.visits.extend_from_slice(game.visits);
    }
}

/// The columns of the rows of all pieces, in order.
pub(crate) fn to_arrays(pieces: &[Piece]) -> Vec<ArrayRef> {
    let mut is_set = Vec::new();
    let (mut opponent, mut flags) = (Vec::new(), Vec::new());
    let (mut n_plies, mut evals_raw) = (Vec::new(), Vec::new());
    let (mut n_candidates, mut candidates, mut visits) = (Vec::new(), Vec::new(), Vec::new());
    for Piece { columns, rows } in pieces {
        let search = &columns.search;
        let mut index = search.rows.partition_point(|row| *row < rows.start);
        for row in rows.clone() {
            let is_here = search.rows.get(index) == Some(&row);
            is_set.push(is_here);
            if !is_here {
                opponent.push(0);
                flags.push(0);
                n_plies.push(0);
                continue;
            }
            opponent.push(search.opponent[index]);
            flags.push(search.flags[index]);
            let plies = start_of(&search.ply_ends, index)..search.ply_ends[index];
            n_plies.push(plies.len());
            evals_raw.extend_from_slice(&search.evals_raw[plies.clone()]);
            let ends = &search.candidate_ends;
            n_candidates.extend(plies.clone().map(|ply| ends[ply] - start_of(ends, ply)));
            let span = start_of(ends, plies.start)..start_of(ends, plies.end);
            candidates.extend_from_slice(&search.candidates[span.clone()]);
            visits.extend_from_slice(&search.visits[span]);
            index += 1;
        }
    }
    let nulls = NullBuffer::from(is_set);
    let nulls = (nulls.null_count() > 0).then_some(nulls);
    let by_game = OffsetBuffer::from_lengths(n_plies);
    let by_ply = OffsetBuffer::from_lengths(n_candidates);
    let games = |plies: ArrayRef| list(&by_game, plies, nulls.clone());
    let plies = |values: Vec<u16>| list(&by_ply, array::<UInt16Type>(values, None), None);
    vec![
        games(array::<Int16Type>(evals_raw, None)),
        games(plies(candidates)),
        games(plies(visits)),
        array::<UInt8Type>(opponent, nulls.clone()),
        array::<UInt8Type>(flags, nulls.clone()),
    ]
}

fn array<T: ArrowPrimitiveType>(values: Vec<T::Native>, nulls: Option<NullBuffer>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(values.into(), nulls))
}

fn list(offsets: &OffsetBuffer<i64>, items: ArrayRef, nulls: Option<NullBuffer>) -> ArrayRef {
    let item = Arc::new(list_item(items.data_type().clone(), false));
    Arc::new(LargeListArray::new(item, offsets.clone(), items, nulls))
}

/// A batch of the games table with these columns, all of them null.
pub(crate) fn widen(batch: &RecordBatch) -> Result<RecordBatch> {
    let width = Width::of(&batch.schema()).unwrap_or_default();
    let schema = Width { search: true, ..width }.schema();
    let mut columns = batch.columns().to_vec();
    for field in &schema.fields()[columns.len()..] {
        columns.push(new_null_array(field.data_type(), batch.num_rows()));
    }
    RecordBatch::try_new(schema, columns).map_err(|error| Error::corrupt("", error))
}

/// The columns of a batch of a games file, if it has them.
pub(crate) struct SearchBatch<'a> {
    columns: Option<[&'a ArrayRef; N_SEARCH_COLUMNS]>,
}

impl<'a> SearchBatch<'a> {
    pub(crate) fn new(batch: &'a RecordBatch) -> SearchBatch<'a> {
        let first = batch.num_columns().saturating_sub(N_SEARCH_COLUMNS);
        let columns = (first >= N_GAMES_COLUMNS)
            .then(|| std::array::from_fn(|index| batch.column(first + index)));
        SearchBatch { columns }
    }

    /// What a row tells; `None` if it is null, or its lists are not as long as each other.
    pub(crate) fn row(&self, row: usize) -> Option<SearchRow<'a>> {
        let [evals, candidates, visits, opponent, flags] = self.columns?;
        let lists = [evals, candidates, visits];
        if lists.iter().any(|list| list.is_null(row)) || opponent.is_null(row) {
            return None;
        }
        let span = |list: &ArrayRef| -> Range<usize> {
            let offsets = list.as_list::<i64>().value_offsets();
            offsets[row] as usize..offsets[row + 1] as usize
        };
        let evals_at = span(evals);
        let (by_ply, of_visits) = (plies_of(candidates), plies_of(visits));
        let (candidates_at, visits_at) = (span(candidates), span(visits));
        if candidates_at.len() != evals_at.len() || visits_at.len() != evals_at.len() {
            return None;
        }
        let values = |list: &'a LargeListArray, plies: &Range<usize>| {
            let offsets = list.value_offsets();
            let span = offsets[plies.start] as usize..offsets[plies.end] as usize;
            &list.values().as_primitive::<UInt16Type>().values()[span]
        };
        let offsets = &by_ply.value_offsets()[candidates_at.start..=candidates_at.end];
        let of_visits_offsets = &of_visits.value_offsets()[visits_at.start..=visits_at.end];
        let lengths = |offsets: &[i64]| -> Vec<i64> {
            offsets.windows(2).map(|pair| pair[1] - pair[0]).collect()
        };
        if lengths(offsets) != lengths(of_visits_offsets) {
            return None;
        }
        let evals = evals.as_list::<i64>().values().as_primitive::<Int16Type>().values();
        Some(SearchRow {
            opponent: opponent.as_primitive::<UInt8Type>().value(row),
            flags: flags.as_primitive::<UInt8Type>().value(row),
            evals_raw: &evals[evals_at],
            candidates: values(by_ply, &candidates_at),
            visits: values(of_visits, &visits_at),
            offsets,
        })
    }

    /// What a row tells of the game with this start and these moves.
    ///
    /// # Errors
    ///
    /// If it cannot be of that game: the column and the sentence.
    pub(crate) fn of_game(
        &self,
        row: usize,
        start: &Position,
        moves: &[Move],
    ) -> std::result::Result<Option<SearchRow<'a>>, (&'static str, String)> {
        if !self.is_sound(row) {
            let message = "expected lists as long as each other in `eval_raw`, `candidates` and \
                           `visits`, found others";
            return Err(("candidates", message.to_owned()));
        }
        let Some(game) = self.row(row) else { return Ok(None) };
        if game.evals_raw.len() != moves.len() {
            let (expected, found) = (moves.len(), game.evals_raw.len());
            return Err(("eval_raw", format!("expected {expected} values, found {found}")));
        }
        let mut position = start.clone();
        let mut candidates = game.candidates.iter();
        for (ply, mv) in moves.iter().enumerate() {
            for &bits in candidates.by_ref().take(game.n_candidates(ply)) {
                if !Move::from_move16(bits).is_some_and(|mv| position.is_legal(mv)) {
                    let message = format!("expected legal moves at ply {ply}, found `{bits}`");
                    return Err(("candidates", message));
                }
            }
            position.make(*mv);
        }
        Ok(Some(game))
    }

    /// Whether a row is null in all of the columns, or in none.
    fn is_sound(&self, row: usize) -> bool {
        self.columns.is_none_or(|columns| {
            let n_null = columns.iter().filter(|column| column.is_null(row)).count();
            n_null == columns.len() || n_null == 0 && self.row(row).is_some()
        })
    }
}

fn plies_of(games: &ArrayRef) -> &LargeListArray {
    games.as_list::<i64>().values().as_list()
}
