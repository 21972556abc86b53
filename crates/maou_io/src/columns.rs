//! Games as columns: what readers fill, and what record batches are made of and taken apart into.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Float64Type, Int16Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, ArrayRef, LargeListArray, LargeStringArray, PrimitiveArray, RecordBatch};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType;
use maou_shogi::record::GameRecord;
use maou_shogi::teacher::Hcpe3Game;

use crate::manifest::Totals;
use crate::schema::{N_GAMES_COLUMNS, Width, list_item};
use crate::search_columns::{self, SearchBatch, SearchColumns};
use crate::tables::FoundGame;

/// Texts one after the other.
#[derive(Default)]
struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    fn span(&self, rows: &Range<usize>) -> Range<usize> {
        start_of(&self.ends, rows.start)..start_of(&self.ends, rows.end)
    }

    fn get(&self, row: usize) -> &str {
        &self.text[self.span(&(row..row + 1))]
    }
}

/// Where row `row` begins, given where each row ends.
fn start_of(ends: &[usize], row: usize) -> usize {
    if row == 0 { 0 } else { ends[row - 1] }
}

/// Values of which some are not there.
struct Optional<T> {
    values: Vec<T>,
    is_set: Vec<bool>,
}

impl<T> Default for Optional<T> {
    fn default() -> Optional<T> {
        Optional { values: Vec::new(), is_set: Vec::new() }
    }
}

impl<T: Copy + Default> Optional<T> {
    fn push(&mut self, value: Option<T>) {
        self.values.push(value.unwrap_or_default());
        self.is_set.push(value.is_some());
    }

    fn extend(&mut self, values: impl IntoIterator<Item = Option<T>>) {
        for value in values {
            self.push(value);
        }
    }
}

/// Games, in the order of their sources.
#[derive(Default)]
pub(crate) struct Columns {
    ids: Vec<u64>,
    ply_ends: Vec<usize>,
    moves: Vec<u16>,
    evals_cp: Optional<i16>,
    times_ms: Optional<u32>,
    results: Vec<u8>,
    start: Texts,
    ending: Texts,
    tail: Texts,
    black: Texts,
    white: Texts,
    event: Texts,
    source: Texts,
    black_rating: Optional<f64>,
    white_rating: Optional<f64>,
    date: Optional<i32>,
    eval_scale_cp: Optional<f64>,
    /// Row and parent of each variation, in order.
    parents: Vec<(usize, u64)>,
    pub(crate) search: SearchColumns,
}

impl Columns {
    pub(crate) fn n_games(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn n_positions(&self) -> usize {
        self.moves.len()
    }

    pub(crate) fn n_variations(&self) -> usize {
        self.parents.len()
    }

    pub(crate) fn ids(&self) -> &[u64] {
        &self.ids
    }

    /// Adds a game that was read from `source`.
    ///
    /// # Panics
    ///
    /// If there is not one eval and one time for each move, which all readers take care of: the
    /// lists share their offsets, and the games after it would silently get wrong values.
    pub(crate) fn push(&mut self, game: &GameRecord, source: &str) {
        let n_plies = game.moves.len();
        assert_eq!((n_plies, n_plies), (game.evals_cp.len(), game.times_ms.len()));
        let mut start = game.start.to_setup();
        start.move_number = 1;
        self.start.push(&start.to_sfen());
        self.ids.push(game.id());
        self.moves.extend(game.moves.iter().map(|mv| mv.move16()));
        self.evals_cp.extend(game.evals_cp.iter().copied());
        self.times_ms.extend(game.times_ms.iter().copied());
        self.ply_ends.push(self.moves.len());
        self.results.push(game.result as u8);
        self.ending.push(game.ending.as_str());
        self.tail.push(&game.tail);
        self.black.push(&game.black);
        self.white.push(&game.white);
        self.event.push(&game.event);
        self.source.push(source);
        self.black_rating.push(game.black_rating);
        self.white_rating.push(game.white_rating);
        self.date.push(game.date.map(|date| date.days_since_epoch()));
        self.eval_scale_cp.push(game.eval_scale_cp);
    }

    /// Adds a variation that was read from `source`, as the game that it would be; `parent_id` is
    /// the id of the line that it leaves. Returns its own.
    pub(crate) fn push_variation(
        &mut self,
        line: &GameRecord,
        parent_id: u64,
        source: &str,
    ) -> u64 {
        self.parents.push((self.n_games(), parent_id));
        self.push(line, source);
        self.ids[self.ids.len() - 1]
    }

    /// Adds a game of HCPE3 with what its search tells.
    pub(crate) fn push_searched(&mut self, game: &GameRecord, search: &Hcpe3Game, source: &str) {
        assert_eq!(game.moves.len(), search.moves.len());
        self.search.push(self.n_games(), search);
        self.push(game, source);
    }

    /// Adds a game of a games file with what its row tells beside it.
    pub(crate) fn push_found(&mut self, found: &FoundGame<'_>, source: &str) {
        if let Some(search) = found.search {
            self.search.push_found(self.n_games(), search);
        }
        self.parents.extend(found.parent_id.map(|parent| (self.n_games(), parent)));
        self.push(found.game, source);
    }

    /// Adds rows of a batch of a games file.
    pub(crate) fn push_rows(&mut self, batch: &RecordBatch, rows: Range<usize>) {
        let games = GamesBatch::new(batch);
        let search = SearchBatch::new(batch);
        for row in rows {
            let game = games.row(row);
            self.search.push_row(self.n_games(), &search, row);
            self.parents.extend(games.parent_id(row).map(|parent| (self.n_games(), parent)));
            self.ids.push(game.id);
            self.moves.extend_from_slice(game.moves);
            self.evals_cp.extend((0..game.moves.len()).map(|ply| game.eval_cp(ply)));
            self.times_ms.extend((0..game.moves.len()).map(|ply| game.time_ms(ply)));
            self.ply_ends.push(self.moves.len());
            self.results.push(game.result);
            for (to, column) in [
                (&mut self.start, 1),
                (&mut self.ending, 6),
                (&mut self.tail, 7),
                (&mut self.black, 8),
                (&mut self.white, 9),
                (&mut self.event, 10),
                (&mut self.source, 11),
            ] {
                to.push(games.text(column, row));
            }
            self.black_rating.push(games.optional::<Float64Type>(12, row));
            self.white_rating.push(games.optional::<Float64Type>(13, row));
            self.date.push(games.optional::<Date32Type>(14, row));
            self.eval_scale_cp.push(games.optional::<Float64Type>(15, row));
        }
    }

    fn parents_of(&self, rows: &Range<usize>) -> &[(usize, u64)] {
        let index = |row| self.parents.partition_point(|(found, _)| *found < row);
        &self.parents[index(rows.start)..index(rows.end)]
    }

    /// Counts some of the games with their moves, results and endings.
    pub(crate) fn count_into(&self, rows: Range<usize>, totals: &mut Totals) {
        totals.n_games += rows.len() as u64;
        totals.n_variations += self.parents_of(&rows).len() as u64;
        let ply_end = start_of(&self.ply_ends, rows.end);
        totals.n_positions += (ply_end - start_of(&self.ply_ends, rows.start)) as u64;
        for row in rows {
            match self.results[row] {
                0 => totals.results.draw += 1,
                1 => totals.results.black_wins += 1,
                2 => totals.results.white_wins += 1,
                _ => totals.results.unknown += 1,
            }
            let ending = self.ending.get(row);
            if let Some(n) = totals.endings.get_mut(ending) {
                *n += 1;
            } else {
                totals.endings.insert(ending.to_owned(), 1);
            }
        }
    }
}

/// Some rows of some columns.
pub(crate) struct Piece {
    pub(crate) columns: Arc<Columns>,
    pub(crate) rows: Range<usize>,
}

/// Makes one batch of the rows of all pieces, in order, with the columns of a games file of this
/// width.
pub(crate) fn to_batch(pieces: &[Piece], width: Width) -> RecordBatch {
    let mut columns = arrays(pieces);
    if width.variations {
        columns.push(parents(pieces));
    }
    if width.search {
        columns.extend(search_columns::to_arrays(pieces));
    }
    RecordBatch::try_new(width.schema(), columns).expect("the columns of the schema")
}

fn parents(pieces: &[Piece]) -> ArrayRef {
    let mut ids = Vec::with_capacity(pieces.iter().map(|piece| piece.rows.len()).sum());
    for Piece { columns, rows } in pieces {
        let first = ids.len();
        ids.resize(first + rows.len(), None);
        for (row, parent_id) in columns.parents_of(rows) {
            ids[first + row - rows.start] = Some(*parent_id);
        }
    }
    Arc::new(PrimitiveArray::<UInt64Type>::from(ids))
}

fn arrays(pieces: &[Piece]) -> Vec<ArrayRef> {
    let bytes = |get: fn(&Columns) -> &Vec<u8>| -> ArrayRef {
        let values: Vec<u8> =
            pieces.iter().flat_map(|p| &get(&p.columns)[p.rows.clone()]).copied().collect();
        Arc::new(PrimitiveArray::<UInt8Type>::new(values.into(), None))
    };
    let ids: Vec<u64> =
        pieces.iter().flat_map(|p| &p.columns.ids[p.rows.clone()]).copied().collect();
    let offsets = ply_offsets(pieces);
    let moves: Vec<u16> = pieces.iter().flat_map(|p| &p.columns.moves[plies(p)]).copied().collect();
    let moves = PrimitiveArray::<UInt16Type>::new(moves.into(), None);
    let evals = optional::<Int16Type>(pieces, plies, |c| &c.evals_cp);
    let times = optional::<UInt32Type>(pieces, plies, |c| &c.times_ms);
    let rows = |p: &Piece| p.rows.clone();
    vec![
        Arc::new(PrimitiveArray::<UInt64Type>::new(ids.into(), None)),
        texts(pieces, |c| &c.start),
        list(&offsets, Arc::new(moves), false),
        list(&offsets, Arc::new(evals), true),
        list(&offsets, Arc::new(times), true),
        bytes(|c| &c.results),
        texts(pieces, |c| &c.ending),
        texts(pieces, |c| &c.tail),
        texts(pieces, |c| &c.black),
        texts(pieces, |c| &c.white),
        texts(pieces, |c| &c.event),
        texts(pieces, |c| &c.source),
        Arc::new(optional::<Float64Type>(pieces, rows, |c| &c.black_rating)),
        Arc::new(optional::<Float64Type>(pieces, rows, |c| &c.white_rating)),
        Arc::new(optional::<Date32Type>(pieces, rows, |c| &c.date)),
        Arc::new(optional::<Float64Type>(pieces, rows, |c| &c.eval_scale_cp)),
    ]
}

fn plies(piece: &Piece) -> Range<usize> {
    let ends = &piece.columns.ply_ends;
    start_of(ends, piece.rows.start)..start_of(ends, piece.rows.end)
}

fn ply_offsets(pieces: &[Piece]) -> OffsetBuffer<i64> {
    let lengths = pieces.iter().flat_map(|p| {
        let ends = &p.columns.ply_ends;
        p.rows.clone().map(|row| ends[row] - start_of(ends, row))
    });
    OffsetBuffer::from_lengths(lengths)
}

fn list(offsets: &OffsetBuffer<i64>, items: ArrayRef, nullable: bool) -> ArrayRef {
    let item = Arc::new(list_item(items.data_type().clone(), nullable));
    Arc::new(LargeListArray::new(item, offsets.clone(), items, None))
}

fn texts(pieces: &[Piece], get: fn(&Columns) -> &Texts) -> ArrayRef {
    let mut text = Vec::new();
    let mut offsets = vec![0_i64];
    for piece in pieces {
        let texts = get(&piece.columns);
        let span = texts.span(&piece.rows);
        let shift = text.len();
        let ends = &texts.ends[piece.rows.clone()];
        offsets.extend(ends.iter().map(|end| (end - span.start + shift) as i64));
        text.extend_from_slice(&texts.text.as_bytes()[span]);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Arc::new(LargeStringArray::new(offsets, text.into(), None))
}

fn optional<T: ArrowPrimitiveType>(
    pieces: &[Piece],
    span: fn(&Piece) -> Range<usize>,
    get: fn(&Columns) -> &Optional<T::Native>,
) -> PrimitiveArray<T> {
    let n = pieces.iter().map(|p| span(p).len()).sum();
    let mut values = Vec::with_capacity(n);
    let mut is_set = BooleanBufferBuilder::new(n);
    for piece in pieces {
        let column = get(&piece.columns);
        values.extend_from_slice(&column.values[span(piece)]);
        is_set.append_slice(&column.is_set[span(piece)]);
    }
    // The same bytes whether nulls were possible or not: no bitmap where nothing is null.
    let nulls = NullBuffer::new(is_set.finish());
    PrimitiveArray::new(values.into(), (nulls.null_count() > 0).then_some(nulls))
}

/// A batch of the games table, by row.
pub(crate) struct GamesBatch<'a> {
    batch: &'a RecordBatch,
    ids: &'a [u64],
    moves: &'a LargeListArray,
    evals_cp: &'a LargeListArray,
    times_ms: &'a LargeListArray,
    results: &'a [u8],
    parents: Option<&'a PrimitiveArray<UInt64Type>>,
}

/// The columns of a game that have to do with its moves; texts are asked for by column.
pub(crate) struct GameRow<'a> {
    pub(crate) id: u64,
    pub(crate) moves: &'a [u16],
    pub(crate) evals_cp: PrimitiveArray<Int16Type>,
    pub(crate) times_ms: PrimitiveArray<UInt32Type>,
    pub(crate) result: u8,
}

impl GameRow<'_> {
    pub(crate) fn eval_cp(&self, ply: usize) -> Option<i16> {
        self.evals_cp.is_valid(ply).then(|| self.evals_cp.value(ply))
    }

    pub(crate) fn time_ms(&self, ply: usize) -> Option<u32> {
        self.times_ms.is_valid(ply).then(|| self.times_ms.value(ply))
    }
}

impl<'a> GamesBatch<'a> {
    /// # Panics
    ///
    /// If the schema is not that of the games table; readers check it when they open a file.
    pub(crate) fn new(batch: &'a RecordBatch) -> GamesBatch<'a> {
        GamesBatch {
            batch,
            ids: batch.column(0).as_primitive::<UInt64Type>().values(),
            moves: batch.column(2).as_list(),
            evals_cp: batch.column(3).as_list(),
            times_ms: batch.column(4).as_list(),
            results: batch.column(5).as_primitive::<UInt8Type>().values(),
            // The columns of a search, if there are any, begin with a list.
            parents: batch
                .columns()
                .get(N_GAMES_COLUMNS)
                .and_then(|column| column.as_primitive_opt()),
        }
    }

    pub(crate) fn n_games(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn n_plies(&self, row: usize) -> usize {
        self.moves.value_length(row) as usize
    }

    pub(crate) fn row(&self, row: usize) -> GameRow<'a> {
        let span = |list: &LargeListArray| {
            let offsets = list.value_offsets();
            offsets[row] as usize..offsets[row + 1] as usize
        };
        let (evals, times) = (span(self.evals_cp), span(self.times_ms));
        GameRow {
            id: self.ids[row],
            moves: &self.moves.values().as_primitive::<UInt16Type>().values()[span(self.moves)],
            evals_cp: self.evals_cp.values().as_primitive().slice(evals.start, evals.len()),
            times_ms: self.times_ms.values().as_primitive().slice(times.start, times.len()),
            result: self.results[row],
        }
    }

    /// Whether the table tells variations from games.
    pub(crate) fn has_parents(&self) -> bool {
        self.parents.is_some()
    }

    /// The id of the line that a row leaves, if it is a variation.
    pub(crate) fn parent_id(&self, row: usize) -> Option<u64> {
        let parents = self.parents?;
        parents.is_valid(row).then(|| parents.value(row))
    }

    /// The text of a row in the column with this index.
    pub(crate) fn text(&self, column: usize, row: usize) -> &'a str {
        debug_assert_eq!(self.batch.column(column).data_type(), &DataType::LargeUtf8);
        self.batch.column(column).as_string::<i64>().value(row)
    }

    pub(crate) fn optional<T: ArrowPrimitiveType>(
        &self,
        column: usize,
        row: usize,
    ) -> Option<T::Native> {
        let column = self.batch.column(column).as_primitive::<T>();
        column.is_valid(row).then(|| column.value(row))
    }
}
