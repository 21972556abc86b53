//! Every position of a dataset as rows: games replayed, then the loose ones.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::{LargeStringBuilder, PrimitiveBuilder};
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Float64Type, Int16Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{
    ArrayRef, BooleanArray, FixedSizeListArray, LargeStringArray, PrimitiveArray, RecordBatch,
    RecordBatchReader,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use maou_shogi::{Move, Position};

use crate::columns::{GameRow, GamesBatch};
use crate::dataset::{Dataset, GamesFile};
use crate::error::{Error, Result};
use crate::ipc::IpcFile;
use crate::manifest::hex;
use crate::positions::PositionsBatch;
use crate::schema::{
    Column, FieldDoc, POSITIONS_PER_BATCH, column, field_of, fields_of, list_item,
};
use crate::stream::ArrowStream;
use crate::workers::{map_in_order, n_threads};

/// Rows of a record batch, unless a single game has more.
const MAX_ROWS: usize = POSITIONS_PER_BATCH / 4;

/// What was found in rows, or a sentence about one that the rules do not allow.
type Found<T> = std::result::Result<T, String>;

/// Index of the column of the games table with the source.
const SOURCE_COLUMN: usize = 11;

/// Where the values of a column come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Source {
    Game,
    Ply,
    Hcp,
    Key,
    Move,
    Eval,
    Time,
    Result,
    Turn,
    InCheck,
    Sfen,
    /// A text of the game, by the index of its column in the games table.
    Text(usize),
    /// A number of the game, likewise.
    Number(usize),
    Date(usize),
}

fn hcp_type() -> DataType {
    DataType::FixedSizeList(Arc::new(list_item(DataType::UInt8, false)), 32)
}

/// The columns that are there; the first seven are given where nothing is asked for.
const COLUMNS: [(Source, Column); 20] = [
    (
        Source::Game,
        column("game", || DataType::UInt64, true, "`id` of the game; null for a loose position"),
    ),
    (
        Source::Ply,
        column(
            "ply",
            || DataType::UInt32,
            true,
            "moves played before, 0 at the start of the record; null where a loose position does not \
         tell",
        ),
    ),
    (
        Source::Hcp,
        column(
            "hcp",
            hcp_type,
            true,
            "the position as HCP, 32 bytes; null where a king is missing, which HCP cannot hold",
        ),
    ),
    (Source::Key, column("key", || DataType::UInt64, false, "the position's key")),
    (
        Source::Move,
        column("move", || DataType::UInt16, false, "the move that was played or chosen, as move16"),
    ),
    (
        Source::Eval,
        column(
            "eval_cp",
            || DataType::Int16,
            true,
            "centipawns for the side to move; null = none given",
        ),
    ),
    (
        Source::Result,
        column(
            "result",
            || DataType::UInt8,
            false,
            "of the game: 0 draw, 1 Black wins, 2 White wins, 3 unknown",
        ),
    ),
    (
        Source::Time,
        column(
            "time_ms",
            || DataType::UInt32,
            true,
            "milliseconds used for the move; null = none given",
        ),
    ),
    (Source::Turn, column("turn", || DataType::UInt8, false, "side to move: 0 Black, 1 White")),
    (
        Source::InCheck,
        column("in_check", || DataType::Boolean, false, "whether the side to move is in check"),
    ),
    (
        Source::Sfen,
        column(
            "sfen",
            || DataType::LargeUtf8,
            false,
            "the position as canonical SFEN, its move number `ply` + 1",
        ),
    ),
    (Source::Text(6), column("ending", || DataType::LargeUtf8, true, "how the game ended")),
    (Source::Text(8), column("black", || DataType::LargeUtf8, true, "name of Black")),
    (Source::Text(9), column("white", || DataType::LargeUtf8, true, "name of White")),
    (Source::Text(10), column("event", || DataType::LargeUtf8, true, "name of the event")),
    (
        Source::Text(11),
        column("source", || DataType::LargeUtf8, true, "file that it was read from"),
    ),
    (Source::Number(12), column("black_rating", || DataType::Float64, true, "rating of Black")),
    (Source::Number(13), column("white_rating", || DataType::Float64, true, "rating of White")),
    (Source::Date(14), column("date", || DataType::Date32, true, "day on which the game started")),
    (
        Source::Number(15),
        column(
            "eval_scale_cp",
            || DataType::Float64,
            true,
            "the `a` of win rate = 1 / (1 + exp(-cp / a)), where the record tells it",
        ),
    ),
];

/// Number of the columns that are given where nothing is asked for.
const N_DEFAULT: usize = 7;

/// The columns that [`Dataset::every_position`] can give; the first seven are those that it gives
/// where nothing is asked for.
pub fn every_position_fields() -> Vec<FieldDoc> {
    fields_of(COLUMNS.iter().map(|(_, column)| column))
}

/// What is wanted of positions, and found by replaying.
#[derive(Default)]
struct Views {
    hcps: Option<(Vec<u8>, Vec<bool>)>,
    keys: Option<Vec<u64>>,
    turns: Option<Vec<u8>>,
    in_check: Option<Vec<bool>>,
    sfens: Option<LargeStringBuilder>,
}

impl Views {
    fn new(wanted: &[Source], n: usize) -> Views {
        let wants = |source| wanted.contains(&source);
        Views {
            hcps: wants(Source::Hcp).then(|| (Vec::with_capacity(32 * n), Vec::with_capacity(n))),
            keys: wants(Source::Key).then(|| Vec::with_capacity(n)),
            turns: wants(Source::Turn).then(|| Vec::with_capacity(n)),
            in_check: wants(Source::InCheck).then(|| Vec::with_capacity(n)),
            sfens: wants(Source::Sfen).then(LargeStringBuilder::new),
        }
    }

    /// Whether no position has to be looked at.
    fn is_empty(&self) -> bool {
        matches!(self, Views { hcps: None, keys: None, turns: None, in_check: None, sfens: None })
    }

    fn push(&mut self, position: &Position) {
        if let Some((bytes, is_there)) = &mut self.hcps {
            let hcp = position.to_hcp();
            is_there.push(hcp.is_ok());
            bytes.extend_from_slice(&hcp.unwrap_or([0; 32]));
        }
        if let Some(keys) = &mut self.keys {
            keys.push(position.key());
        }
        if let Some(turns) = &mut self.turns {
            turns.push(position.turn() as u8);
        }
        if let Some(in_check) = &mut self.in_check {
            in_check.push(position.in_check());
        }
        if let Some(sfens) = &mut self.sfens {
            sfens.append_value(position.to_sfen());
        }
    }

    /// The column of a source that tells of positions.
    fn column(&mut self, source: Source) -> Option<ArrayRef> {
        Some(match source {
            Source::Hcp => {
                let (bytes, is_there) = self.hcps.take()?;
                let nulls = is_there.contains(&false).then(|| NullBuffer::from(is_there));
                hcp_array(bytes, nulls)
            }
            Source::Key => Arc::new(PrimitiveArray::<UInt64Type>::from(self.keys.take()?)),
            Source::Turn => Arc::new(PrimitiveArray::<UInt8Type>::from(self.turns.take()?)),
            Source::InCheck => Arc::new(BooleanArray::from(self.in_check.take()?)),
            Source::Sfen => Arc::new(self.sfens.take()?.finish()),
            _ => return None,
        })
    }
}

fn hcp_array(bytes: Vec<u8>, nulls: Option<NullBuffer>) -> ArrayRef {
    let bytes = Arc::new(PrimitiveArray::<UInt8Type>::from(bytes));
    Arc::new(FixedSizeListArray::new(Arc::new(list_item(DataType::UInt8, false)), 32, bytes, nulls))
}

/// Some games of a batch, of which every position becomes a row.
struct GamesPart<'a> {
    games: &'a GamesBatch<'a>,
    /// Rows of the games.
    rows: &'a [usize],
}

impl GamesPart<'_> {
    fn n_plies(&self, row: usize) -> usize {
        self.games.n_plies(row)
    }

    fn game(&self, row: usize) -> GameRow<'_> {
        self.games.row(row)
    }

    /// Makes the rows.
    ///
    /// # Errors
    ///
    /// A sentence about a start or a move that the rules do not allow.
    fn to_batch(&self, wanted: &[Source], schema: &SchemaRef) -> Found<RecordBatch> {
        let n = self.rows.iter().map(|row| self.n_plies(*row)).sum();
        let mut views = Views::new(wanted, n);
        if !views.is_empty() {
            self.rows.iter().try_for_each(|row| self.replay(*row, &mut views))?;
        }
        let column =
            |source: &Source| views.column(*source).unwrap_or_else(|| self.column(*source, n));
        let columns = wanted.iter().map(column).collect();
        Ok(RecordBatch::try_new(schema.clone(), columns).expect("the columns of the schema"))
    }

    fn replay(&self, row: usize, views: &mut Views) -> Found<()> {
        let game = self.game(row);
        let named = |problem: String| format!("game {}: {problem}", hex(game.id));
        let mut position = Position::from_sfen(self.games.text(1, row))
            .map_err(|error| named(format!("start: {error}")))?;
        for (ply, bits) in game.moves.iter().enumerate() {
            let mv = Move::from_move16(*bits)
                .filter(|mv| position.is_legal(*mv))
                .ok_or_else(|| named(format!("expected a legal move at ply {ply}")))?;
            views.push(&position);
            position.make(mv);
        }
        Ok(())
    }

    fn column(&self, source: Source, n: usize) -> ArrayRef {
        match source {
            Source::Game => self.repeated::<UInt64Type>(n, |row| Some(self.game(row).id)),
            Source::Result => self.repeated::<UInt8Type>(n, |row| Some(self.game(row).result)),
            Source::Number(index) => self
                .repeated::<Float64Type>(n, |row| self.games.optional::<Float64Type>(index, row)),
            Source::Date(index) => {
                self.repeated::<Date32Type>(n, |row| self.games.optional::<Date32Type>(index, row))
            }
            Source::Text(index) => {
                let mut values = LargeStringBuilder::new();
                for row in self.rows {
                    values.append_value_n(self.games.text(index, *row), self.n_plies(*row));
                }
                Arc::new(values.finish())
            }
            Source::Ply => {
                let plies = self.rows.iter().flat_map(|row| 0..self.n_plies(*row) as u32);
                Arc::new(PrimitiveArray::<UInt32Type>::from_iter_values(plies))
            }
            Source::Move => {
                let mut moves = Vec::with_capacity(n);
                self.rows.iter().for_each(|row| moves.extend_from_slice(self.game(*row).moves));
                Arc::new(PrimitiveArray::<UInt16Type>::from(moves))
            }
            Source::Eval => self.of_each_ply::<Int16Type>(n, |game, ply| game.eval_cp(ply)),
            Source::Time => self.of_each_ply::<UInt32Type>(n, |game, ply| game.time_ms(ply)),
            Source::Hcp | Source::Key | Source::Turn | Source::InCheck | Source::Sfen => {
                unreachable!("columns of positions are those of `Views`")
            }
        }
    }

    /// A value of each game, once for each ply.
    fn repeated<T: ArrowPrimitiveType>(
        &self,
        n: usize,
        value: impl Fn(usize) -> Option<T::Native>,
    ) -> ArrayRef {
        let mut values = PrimitiveBuilder::<T>::with_capacity(n);
        for row in self.rows {
            match value(*row) {
                Some(value) => values.append_value_n(value, self.n_plies(*row)),
                None => values.append_nulls(self.n_plies(*row)),
            }
        }
        Arc::new(values.finish())
    }

    fn of_each_ply<T: ArrowPrimitiveType>(
        &self,
        n: usize,
        value: impl Fn(&GameRow<'_>, usize) -> Option<T::Native>,
    ) -> ArrayRef {
        let mut values = PrimitiveBuilder::<T>::with_capacity(n);
        for row in self.rows {
            let game = self.game(*row);
            (0..game.moves.len()).for_each(|ply| values.append_option(value(&game, ply)));
        }
        Arc::new(values.finish())
    }
}

/// Some rows of the table of loose positions.
struct LoosePart<'a> {
    positions: &'a PositionsBatch<'a>,
    rows: Range<usize>,
}

impl LoosePart<'_> {
    /// Makes the rows.
    ///
    /// # Errors
    ///
    /// A sentence about bytes that are no position.
    fn to_batch(&self, wanted: &[Source], schema: &SchemaRef) -> Found<RecordBatch> {
        let of_positions = [Source::Turn, Source::InCheck, Source::Sfen];
        let looked_at: Vec<Source> =
            wanted.iter().copied().filter(|source| of_positions.contains(source)).collect();
        let mut views = Views::new(&looked_at, self.rows.len());
        if !views.is_empty() {
            for row in self.rows.clone() {
                let mut position = Position::from_hcp(self.positions.position(row))
                    .map_err(|error| format!("loose position {row} of the batch: {error}"))?;
                position.set_move_number(self.positions.ply(row).max(1));
                views.push(&position);
            }
        }
        let column =
            |source: &Source| views.column(*source).unwrap_or_else(|| self.column(*source));
        let columns = wanted.iter().map(column).collect();
        Ok(RecordBatch::try_new(schema.clone(), columns).expect("the columns of the schema"))
    }

    fn column(&self, source: Source) -> ArrayRef {
        let (table, rows) = (self.positions, self.rows.clone());
        let n = rows.len();
        match source {
            Source::Game => Arc::new(PrimitiveArray::<UInt64Type>::new_null(n)),
            Source::Ply => Arc::new(PrimitiveArray::<UInt32Type>::from_iter(
                rows.map(|row| table.ply(row).checked_sub(1).map(u32::from)),
            )),
            Source::Hcp => {
                let bytes = rows.flat_map(|row| *table.position(row)).collect();
                hcp_array(bytes, None)
            }
            Source::Key => Arc::new(PrimitiveArray::<UInt64Type>::from(table.keys[rows].to_vec())),
            Source::Move => {
                Arc::new(PrimitiveArray::<UInt16Type>::from(table.moves[rows].to_vec()))
            }
            Source::Eval => {
                Arc::new(PrimitiveArray::<Int16Type>::from(table.evals_cp[rows].to_vec()))
            }
            Source::Result => {
                Arc::new(PrimitiveArray::<UInt8Type>::from(table.results[rows].to_vec()))
            }
            Source::Text(SOURCE_COLUMN) => {
                Arc::new(LargeStringArray::from_iter_values(rows.map(|row| table.source(row))))
            }
            Source::Text(_) => Arc::new(LargeStringArray::new_null(n)),
            Source::Number(_) => Arc::new(PrimitiveArray::<Float64Type>::new_null(n)),
            Source::Date(_) => Arc::new(PrimitiveArray::<Date32Type>::new_null(n)),
            Source::Time => Arc::new(PrimitiveArray::<UInt32Type>::new_null(n)),
            Source::Turn | Source::InCheck | Source::Sfen => {
                unreachable!("columns of positions are those of `Views`")
            }
        }
    }
}

/// Reads a dataset a batch of games at a time, and replays them on all threads.
struct EveryPosition {
    wanted: Vec<Source>,
    schema: SchemaRef,
    with_variations: bool,
    n_threads: usize,
    games: VecDeque<GamesFile>,
    loose: VecDeque<GamesFile>,
    /// The file at hand, whether it holds games, and its next batch.
    current: Option<(IpcFile, bool, usize)>,
    ready: VecDeque<RecordBatch>,
}

impl EveryPosition {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            let Some((file, is_games, index)) = &mut self.current else {
                let (file, is_games) = match self.games.pop_front() {
                    Some(file) => (file, true),
                    None => match self.loose.pop_front() {
                        Some(file) => (file, false),
                        None => return Ok(None),
                    },
                };
                self.current = Some((file.open()?, is_games, 0));
                continue;
            };
            if *index == file.n_batches() {
                self.current = None;
                continue;
            }
            let batch = file.batch(*index, None)?;
            *index += 1;
            let made = if *is_games { self.of_games(&batch) } else { self.of_loose(&batch) };
            let path = self.current.as_ref().expect("the file that was read").0.path();
            let made = made.map_err(|message| {
                Error::corrupt(path, format!("{message}; `maou verify` tells more"))
            })?;
            self.ready.extend(made);
        }
    }

    fn of_games(&self, batch: &RecordBatch) -> Found<Vec<RecordBatch>> {
        let games = GamesBatch::new(batch);
        let is_wanted = |row: &usize| self.with_variations || games.parent_id(*row).is_none();
        let rows: Vec<usize> = (0..games.n_games()).filter(is_wanted).collect();
        let mut parts = Vec::new();
        let mut start = 0;
        let mut n_rows = 0;
        for (idx, row) in rows.iter().enumerate() {
            let n_plies = games.n_plies(*row);
            if n_rows > 0 && n_rows + n_plies > MAX_ROWS {
                parts.push(start..idx);
                (start, n_rows) = (idx, 0);
            }
            n_rows += n_plies;
        }
        if n_rows > 0 {
            parts.push(start..rows.len());
        }
        self.in_order(parts.len(), |idx| {
            let part = GamesPart { games: &games, rows: &rows[parts[idx].clone()] };
            part.to_batch(&self.wanted, &self.schema)
        })
    }

    fn of_loose(&self, batch: &RecordBatch) -> Found<Vec<RecordBatch>> {
        let positions = PositionsBatch::new(batch);
        let n = positions.len();
        self.in_order(n.div_ceil(MAX_ROWS), |idx| {
            let rows = idx * MAX_ROWS..n.min((idx + 1) * MAX_ROWS);
            LoosePart { positions: &positions, rows }.to_batch(&self.wanted, &self.schema)
        })
    }

    fn in_order(
        &self,
        n: usize,
        make: impl Fn(usize) -> Found<RecordBatch> + Sync,
    ) -> Found<Vec<RecordBatch>> {
        let made = map_in_order(self.n_threads, n, || &make, &mut || true);
        made.expect("nobody stops it").into_iter().collect()
    }
}

impl Iterator for EveryPosition {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().map_err(|error| ArrowError::ExternalError(Box::new(error))).transpose()
    }
}

impl RecordBatchReader for EveryPosition {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

impl Dataset {
    /// A row for each position of the dataset: those of its games, each before its move and in the
    /// order of the table, then the loose ones. The columns are those that are named, in the order
    /// of the names, or else the first seven of [`every_position_fields`]. Variations are left out
    /// unless asked for. Games are replayed as the consumer asks for more, on so many threads, or
    /// all if 0, and memory does not grow with the dataset.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if there is no column of a name.
    pub fn every_position(
        &self,
        columns: Option<&[&str]>,
        with_variations: bool,
        threads: usize,
    ) -> Result<ArrowStream> {
        let of_name = |name: &&str| {
            COLUMNS.iter().find(|(_, column)| column.name == *name).ok_or_else(|| {
                let names: Vec<_> = COLUMNS.iter().map(|(_, column)| column.name).collect();
                let names = names.join(", ");
                Error::Usage(format!("expected columns of positions ({names}), found `{name}`"))
            })
        };
        let chosen: Vec<&(Source, Column)> = match columns {
            Some(names) => names.iter().map(of_name).collect::<Result<_>>()?,
            None => COLUMNS[..N_DEFAULT].iter().collect(),
        };
        let twice = chosen.iter().enumerate().find_map(|(idx, (source, column))| {
            chosen[..idx].iter().any(|(earlier, _)| earlier == source).then_some(column.name)
        });
        if let Some(name) = twice {
            return Err(Error::Usage(format!("expected each column once, found `{name}` again")));
        }
        let fields: Vec<_> = chosen.iter().map(|(_, column)| field_of(column)).collect();
        let reader = EveryPosition {
            wanted: chosen.iter().map(|(source, _)| *source).collect(),
            schema: Arc::new(Schema::new(fields)),
            with_variations,
            n_threads: n_threads(threads),
            games: self.games_files().into(),
            loose: self.positions_files().into(),
            current: None,
            ready: VecDeque::new(),
        };
        Ok(ArrowStream::new(Box::new(reader)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::convert;
    use crate::testing::TempDir;
    use arrow_array::Array;
    use arrow_array::cast::AsArray;

    const KIF: &str = "手合割：平手\n   1 ７六歩(77)\n   2 ３四歩(33)\n   3 ２六歩(27)\n   4 投了\n\
                       \n変化：2手\n   2 ８四歩(83)\n   3 ２六歩(27)\n";

    fn dataset(dir: &TempDir, variations: bool) -> Dataset {
        let (records, data) = (dir.path().join("records"), dir.path().join("data"));
        std::fs::create_dir(&records).unwrap();
        std::fs::write(records.join("a.kif"), KIF).unwrap();
        let csa = "V2.2\nPI\n+\n+2726FU,T3\n'** 50\n-8384FU,T4\n%TORYO\n";
        std::fs::write(records.join("b.csa"), csa).unwrap();
        // A mate problem without Black's king.
        std::fs::write(records.join("c.sfen"), "4k4/9/4G4/9/9/9/9/9/9 b G 1 moves G*5b\n").unwrap();
        let options = crate::ConvertOptions { variations: Some(variations), ..Default::default() };
        convert(&[records], &data, &options, &mut |_| true).unwrap();
        Dataset::open(&data).unwrap()
    }

    fn rows(dataset: &Dataset, columns: Option<&[&str]>, with_variations: bool) -> RecordBatch {
        let mut stream = dataset.every_position(columns, with_variations, 1).unwrap();
        let batch = stream.reader().next().unwrap().unwrap();
        assert!(stream.reader().next().is_none());
        batch
    }

    #[test]
    fn every_ply_of_every_game_is_a_row() {
        let dir = TempDir::new("positions");
        let dataset = dataset(&dir, false);
        let batch = rows(&dataset, None, false);
        let names: Vec<_> = batch.schema().fields().iter().map(|f| f.name().clone()).collect();
        assert_eq!(names, ["game", "ply", "hcp", "key", "move", "eval_cp", "result"]);
        assert_eq!(batch.column(1).as_primitive::<UInt32Type>().values()[..], [0, 1, 2, 0, 1, 0]);
        let start = Position::startpos();
        let hcps = batch.column(2).as_fixed_size_list();
        assert_eq!(hcps.value(3).as_primitive::<UInt8Type>().values()[..], start.to_hcp().unwrap());
        assert!(hcps.is_null(5));
        assert_eq!(batch.column(3).as_primitive::<UInt64Type>().value(0), start.key());
        assert_eq!(batch.column(4).as_primitive::<UInt16Type>().value(0), 7_739);
        let evals = batch.column(5).as_primitive::<Int16Type>();
        assert_eq!((evals.is_null(0), evals.value(3), evals.is_null(4)), (true, 50, true));
    }

    #[test]
    fn columns_come_in_the_order_of_their_names() {
        let dir = TempDir::new("positions");
        let dataset = dataset(&dir, false);
        let batch = rows(&dataset, Some(&["sfen", "turn", "in_check", "time_ms", "source"]), false);
        let sfens = batch.column(0).as_string::<i64>();
        let expected = "lnsgkgsnl/1r5b1/ppppppppp/9/9/2P6/PP1PPPPPP/1B5R1/LNSGKGSNL w - 2";
        assert_eq!(sfens.value(1), expected);
        assert_eq!(batch.column(1).as_primitive::<UInt8Type>().values()[..], [0, 1, 0, 0, 1, 0]);
        assert!(!batch.column(2).as_boolean().value(1));
        assert_eq!(batch.column(3).as_primitive::<UInt32Type>().value(4), 4_000);
        assert_eq!(batch.column(4).as_string::<i64>().value(5), "c.sfen");
        let fail = |columns: &[&str]| dataset.every_position(Some(columns), false, 1).unwrap_err();
        assert!(fail(&["nothing"]).to_string().contains("found `nothing`"));
        assert!(fail(&["ply", "ply"]).to_string().contains("found `ply` again"));
    }

    #[test]
    fn variations_come_if_they_are_asked_for() {
        let dir = TempDir::new("positions");
        let dataset = dataset(&dir, true);
        let n_rows = |with| rows(&dataset, Some(&["ply"]), with).num_rows();
        assert_eq!((n_rows(false), n_rows(true)), (6, 9));
    }
}
