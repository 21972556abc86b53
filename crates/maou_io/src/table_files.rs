//! The files of a dataset as plain values, for who works on them file by file, batch by batch.

use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_array::RecordBatchIterator;
use arrow_array::types::{Date32Type, Float64Type};

use crate::columns::{GameRow, GamesBatch};
use crate::dataset::{Dataset, GamesFile, Table};
use crate::error::Result;
use crate::ipc::IpcFile;
use crate::positions::PositionsBatch;
use crate::stream::ArrowStream;

/// One file of a dataset's tables.
#[derive(Clone, Debug)]
pub struct TableFile {
    /// The number in its name.
    pub number: u32,
    /// Whether it holds games, or else loose positions.
    pub is_games: bool,
    /// Its name within the dataset's folder.
    pub name: String,
    /// xxh3-64 of its bytes as 16 hex digits, as the manifest tells it.
    pub xxh3: String,
    /// Its size, likewise.
    pub size_bytes: u64,
    /// Rows, likewise.
    pub n_rows: u64,
    /// Positions with a move, likewise.
    pub n_positions: u64,
    file: GamesFile,
}

impl Dataset {
    /// The files of its tables in the order of the dataset: all games files, then all positions
    /// files.
    pub fn table_files(&self) -> Vec<TableFile> {
        let mut files = Vec::new();
        for table in Table::ALL {
            for shard in self.shards() {
                let Some(known) = table.fingerprint(shard) else { continue };
                let totals = &shard.totals;
                let (name, n_rows, n_positions) = match (table, &shard.positions) {
                    (Table::Positions, Some(entry)) => {
                        (&entry.file, totals.n_loose_positions, totals.n_loose_positions)
                    }
                    _ => (&shard.file, totals.n_games, totals.n_positions),
                };
                files.push(TableFile {
                    number: shard.number,
                    is_games: table == Table::Games,
                    name: name.clone(),
                    xxh3: known.xxh3,
                    size_bytes: known.size_bytes,
                    n_rows,
                    n_positions,
                    file: self.file(table, shard.number),
                });
            }
        }
        files
    }
}

impl TableFile {
    /// Opens it and checks its columns.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is no file of its table.
    pub fn open(&self) -> Result<OpenTable> {
        Ok(OpenTable { file: self.file.open()?, path: self.file.path().to_owned() })
    }
}

/// An open file of a table.
pub struct OpenTable {
    file: IpcFile,
    path: PathBuf,
}

impl OpenTable {
    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of its batches, all but the last of which are full:
    /// [`GAMES_PER_BATCH`](crate::GAMES_PER_BATCH) or
    /// [`POSITIONS_PER_BATCH`](crate::POSITIONS_PER_BATCH) rows.
    pub fn n_batches(&self) -> usize {
        self.file.n_batches()
    }

    /// Reads a batch.
    ///
    /// # Errors
    ///
    /// If it cannot be read or is damaged.
    pub fn batch(&self, index: usize) -> Result<TableBatch> {
        Ok(TableBatch(self.file.batch(index, None)?))
    }

    /// The positions of a batch of loose ones, and no other column of it.
    ///
    /// # Errors
    ///
    /// If it cannot be read or is damaged.
    pub fn hcps(&self, index: usize) -> Result<Hcps> {
        Ok(Hcps(self.file.first_column(index)?))
    }
}

/// A batch of a table.
pub struct TableBatch(RecordBatch);

/// The positions of a batch.
pub struct Hcps(RecordBatch);

impl Hcps {
    /// One row a position, as HCP.
    pub fn rows(&self) -> &[[u8; 32]] {
        use arrow_array::cast::AsArray;
        let rows = self.0.column(0).as_fixed_size_list();
        rows.values().as_primitive::<arrow_array::types::UInt8Type>().values().as_chunks().0
    }
}

impl TableBatch {
    /// Rows.
    pub fn n_rows(&self) -> usize {
        self.0.num_rows()
    }

    /// Its games.
    ///
    /// # Panics
    ///
    /// If it is of a positions file.
    pub fn games(&self) -> GameRows<'_> {
        GameRows(GamesBatch::new(&self.0))
    }

    /// Its loose positions.
    ///
    /// # Panics
    ///
    /// If it is of a games file.
    pub fn loose(&self) -> LooseRows<'_> {
        LooseRows(PositionsBatch::new(&self.0))
    }

    /// One row with all columns of the table.
    pub fn row(&self, row: usize) -> ArrowStream {
        let batch = self.0.slice(row, 1);
        let schema = batch.schema();
        ArrowStream::new(Box::new(RecordBatchIterator::new([Ok(batch)], schema)))
    }
}

/// The games of a batch.
pub struct GameRows<'a>(GamesBatch<'a>);

/// A game of a batch.
pub struct GameFields<'a> {
    /// `id` of the table.
    pub id: u64,
    /// Id of the line that it leaves, if it is a variation.
    pub parent_id: Option<u64>,
    /// SFEN.
    pub start: &'a str,
    /// move16.
    pub moves: &'a [u16],
    /// 0 draw, 1 Black wins, 2 White wins, 3 unknown.
    pub result: u8,
    /// The name of its ending.
    pub ending: &'a str,
    /// Black's name.
    pub black: &'a str,
    /// White's name.
    pub white: &'a str,
    /// The event's name.
    pub event: &'a str,
    /// The file that it was read from.
    pub source: &'a str,
    /// Black's rating.
    pub black_rating: Option<f64>,
    /// White's rating.
    pub white_rating: Option<f64>,
    /// Days since 1970.
    pub date: Option<i32>,
    row: GameRow<'a>,
}

impl GameFields<'_> {
    /// Centipawns for the side to move before a ply.
    pub fn eval_cp(&self, ply: usize) -> Option<i16> {
        if ply < self.row.evals_cp.len() { self.row.eval_cp(ply) } else { None }
    }
}

impl<'a> GameRows<'a> {
    /// Games.
    pub fn len(&self) -> usize {
        self.0.n_games()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The game of a row.
    pub fn get(&self, row: usize) -> GameFields<'a> {
        let fields = self.0.row(row);
        GameFields {
            id: fields.id,
            parent_id: self.0.parent_id(row),
            start: self.0.text(1, row),
            moves: fields.moves,
            result: fields.result,
            ending: self.0.text(6, row),
            black: self.0.text(8, row),
            white: self.0.text(9, row),
            event: self.0.text(10, row),
            source: self.0.text(11, row),
            black_rating: self.0.optional::<Float64Type>(12, row),
            white_rating: self.0.optional::<Float64Type>(13, row),
            date: self.0.optional::<Date32Type>(14, row),
            row: fields,
        }
    }
}

/// The loose positions of a batch.
pub struct LooseRows<'a>(PositionsBatch<'a>);

impl<'a> LooseRows<'a> {
    /// The positions' keys.
    pub fn keys(&self) -> &'a [u64] {
        self.0.keys
    }

    /// The moves, as move16.
    pub fn moves(&self) -> &'a [u16] {
        self.0.moves
    }

    /// Centipawns for the side to move.
    pub fn evals_cp(&self) -> &'a [i16] {
        self.0.evals_cp
    }

    /// 0 draw, 1 Black wins, 2 White wins, 3 unknown.
    pub fn results(&self) -> &'a [u8] {
        self.0.results
    }

    /// A position as HCP.
    pub fn hcp(&self, row: usize) -> &'a [u8; 32] {
        self.0.position(row)
    }

    /// The number of the move as the record has it, counted from 1; 0 for none.
    pub fn move_number(&self, row: usize) -> u16 {
        self.0.ply(row)
    }

    /// The file that a position was read from.
    pub fn source(&self, row: usize) -> &'a str {
        self.0.source(row)
    }
}
