//! Tables of games as inputs: datasets, and Arrow files of other programs. Their games are cut
//! into pieces, each of which is a source of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{Array, RecordBatch};
use maou_shogi::record::GameRecord;
use xxhash_rust::xxh3::Xxh3;

use crate::checked::{Fingerprint, open_file, open_known};
use crate::columns::GamesBatch;
use crate::dataset::{self, Dataset, GamesFile};
use crate::error::{AtPath, Error, Result};
use crate::ipc::IpcFile;
use crate::normalize::Mapping;
use crate::positions::PositionColumns;
use crate::report::ErrorEntry;
use crate::rows::read_row;
use crate::schema::{POSITIONS_PER_BATCH, Width};
use crate::search_columns::{SearchBatch, SearchRow};
use crate::source_table::{SourceFormat, SourceRow};
use crate::sources::Names;
use crate::unit::kept;
use crate::variations::Lineage;

/// Games in a piece of a table that was not cut into sources before, so that threads share it.
const PIECE_GAMES: u64 = 8_192;

/// How many tables are kept open: the threads read the one or two that come next.
const N_OPEN: usize = 4;

/// Consecutive rows of a table that came from one source.
#[derive(Debug)]
pub(crate) struct Piece {
    table: u32,
    first_row: u64,
    n_rows: u64,
    /// What is known of the source, but for its name and its games.
    pub(crate) row: SourceRow,
    /// What was wrong with the source when it was read, of a dataset.
    pub(crate) errors: Vec<ErrorEntry>,
}

/// A file with games.
#[derive(Debug)]
enum Table {
    /// Of a dataset, whose manifest knows its content.
    Known(GamesFile, Fingerprint),
    /// Of anybody, at a path.
    Foreign(PathBuf),
    /// Of anybody, out of an archive: a file without a name, and the path to tell.
    Unpacked(File, PathBuf),
}

impl Table {
    /// The path that the user knows it by.
    fn path(&self) -> &Path {
        match self {
            Table::Known(file, _) => file.path(),
            Table::Foreign(path) | Table::Unpacked(_, path) => path,
        }
    }

    /// Opens what is no part of a dataset.
    fn open_foreign(&self) -> Result<File> {
        match self {
            Table::Unpacked(file, path) => file.try_clone().at(path),
            other => open_file(other.path()),
        }
    }
}

/// All tables among the inputs.
#[derive(Default)]
pub(crate) struct Tables {
    tables: Vec<Table>,
    pub(crate) pieces: Vec<Piece>,
    /// The tables opened last, the latest first.
    open: Mutex<Vec<(u32, Arc<OpenTable>)>>,
    /// The table of loose positions opened last.
    open_loose: Mutex<Option<(u32, Arc<IpcFile>)>>,
}

/// A game with what its row tells beside it.
pub(crate) struct FoundGame<'a> {
    pub(crate) game: &'a GameRecord,
    pub(crate) search: Option<SearchRow<'a>>,
    /// The id of the line that it leaves, which came before, if it is a variation.
    pub(crate) parent_id: Option<u64>,
}

/// A game, or what is wrong with a row: row, column and message.
pub(crate) type FoundRow<'a> = std::result::Result<FoundGame<'a>, (u64, &'static str, String)>;

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tables").field("tables", &self.tables).finish_non_exhaustive()
    }
}

/// A table that is being read.
struct OpenTable {
    file: IpcFile,
    mapping: Mapping,
    /// The first row of each batch, and the number of all rows.
    starts: Vec<u64>,
    /// The batch read last: the next piece is mostly of the same.
    last: Mutex<Option<(usize, Arc<RecordBatch>)>>,
}

impl OpenTable {
    fn new(file: IpcFile) -> Result<OpenTable> {
        let mapping =
            Mapping::new(file.schema()).map_err(|error| Error::corrupt(file.path(), error))?;
        let mut starts = vec![0];
        for index in 0..file.n_batches() {
            starts.push(starts[index] + file.batch_len(index)?);
        }
        Ok(OpenTable { file, mapping, starts, last: Mutex::new(None) })
    }

    fn n_rows(&self) -> u64 {
        self.starts[self.starts.len() - 1]
    }

    /// Batch `index` as one of the games table.
    fn batch(&self, index: usize) -> Result<Arc<RecordBatch>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((found, batch)) = &*last
            && *found == index
        {
            return Ok(batch.clone());
        }
        *last = None;
        let path = self.file.path();
        let batch = self.file.batch(index, None)?;
        if batch.num_rows() as u64 != self.starts[index + 1] - self.starts[index] {
            return Err(Error::corrupt(path, "expected batches of the size that they tell"));
        }
        let batch = if Width::of(self.file.schema()).is_some() {
            batch
        } else {
            self.mapping.apply(&batch).map_err(|error| Error::corrupt(path, error))?
        };
        let batch = Arc::new(batch);
        *last = Some((index, batch.clone()));
        Ok(batch)
    }
}

/// Name, number of bytes and index of the piece for each source that was found.
pub(crate) type Found = Vec<(String, u64, u32)>;

impl Tables {
    /// Adds the sources of the dataset in the folder `dir`, with `prefix` before their names.
    pub(crate) fn add_dataset(&mut self, dir: &Path, prefix: &str) -> Result<Found> {
        let (dataset, mut details) = Dataset::open_with_details(dir)?;
        let mut found = Vec::new();
        for (entry, file) in dataset.shards().zip(dataset.games_files()) {
            let table = self.tables.len() as u32;
            let size_bytes = entry.totals.size_bytes;
            let known = Fingerprint { xxh3: entry.xxh3.clone(), size_bytes };
            self.tables.push(Table::Known(file, known));
            let loose = dataset::Table::Positions;
            let loose_table = self.tables.len() as u32;
            if let Some(known) = loose.fingerprint(entry) {
                self.tables.push(Table::Known(dataset.file(loose, entry.number), known));
            }
            let details = details.remove(&entry.number).unwrap_or_default();
            let mut errors = details.errors.into_iter();
            let (mut first_game, mut first_loose) = (0, 0);
            for mut row in details.sources {
                let (table, first, n_rows) = if row.format.is_loose() {
                    (loose_table, &mut first_loose, row.n_loose())
                } else {
                    (table, &mut first_game, u64::from(row.n_games))
                };
                let first_row = *first;
                *first += n_rows;
                let errors = errors.by_ref().take(row.n_errors as usize).collect();
                let name = format!("{prefix}{}", std::mem::take(&mut row.name));
                found.push((name, row.size_bytes, self.pieces.len() as u32));
                self.pieces.push(Piece { table, first_row, n_rows, row, errors });
            }
        }
        Ok(found)
    }

    /// Adds the sources of an Arrow file, which may come out of an archive, as its column `source` names them, with `prefix` before
    /// their names; games without the name of a source are those of `own_name`. A name that comes
    /// again after another one is told apart by a number. A piece spans a multiple of `cut_rows`
    /// only where a game has variations.
    pub(crate) fn add_foreign(
        &mut self,
        path: PathBuf,
        unpacked: Option<File>,
        own_name: &str,
        prefix: &str,
        cut_rows: Option<u64>,
    ) -> Result<Found> {
        let table = match unpacked {
            None => Table::Foreign(path),
            Some(file) => Table::Unpacked(file, path),
        };
        let (mut file, path) = (table.open_foreign()?, table.path());
        let fingerprint = Fingerprint::of_file(&mut file).at(path)?;
        let open = OpenTable::new(IpcFile::from_foreign(file, path)?)?;
        let mut cutter = Cutter {
            tables: self,
            found: Vec::new(),
            names: Names::default(),
            file: &fingerprint,
            n_rows_in_all: open.n_rows(),
            next_row: 0,
            run: None,
            own_name,
            prefix,
            cut_rows: cut_rows.unwrap_or(u64::MAX),
        };
        for index in 0..open.file.n_batches() {
            let n_rows = open.starts[index + 1] - open.starts[index];
            let wanted: Vec<usize> =
                [open.mapping.source(), open.mapping.parent_id()].into_iter().flatten().collect();
            let batch = open.file.batch(index, Some(&wanted))?;
            if batch.num_rows() as u64 != n_rows {
                let message = "expected batches of the size that they tell";
                return Err(Error::corrupt(path, message));
            }
            let names = match open.mapping.source() {
                None => None,
                Some(_) => Some(
                    crate::normalize::texts(batch.column(0), Some(""))
                        .map_err(|error| Error::corrupt(path, error))?,
                ),
            };
            let parents = open.mapping.parent_id().map(|_| batch.column(batch.num_columns() - 1));
            for row in 0..n_rows as usize {
                let name = names.as_ref().map_or("", |names| names.value(row));
                cutter.row(name, parents.is_some_and(|parents| parents.is_valid(row)));
            }
        }
        cutter.close();
        let found = cutter.found;
        self.tables.push(table);
        Ok(found)
    }

    /// The file that a piece is in.
    pub(crate) fn path(&self, piece: u32) -> &Path {
        self.tables[self.pieces[piece as usize].table as usize].path()
    }

    fn open(&self, table: u32) -> Result<Arc<OpenTable>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = open.iter().find(|(index, _)| *index == table) {
            return Ok(found.clone());
        }
        let file = match &self.tables[table as usize] {
            Table::Known(file, known) => {
                open_known(file.path(), &[known])?;
                file.open()?
            }
            foreign => IpcFile::from_foreign(foreign.open_foreign()?, foreign.path())?,
        };
        let opened = Arc::new(OpenTable::new(file)?);
        open.insert(0, (table, opened.clone()));
        open.truncate(N_OPEN);
        Ok(opened)
    }

    /// Adds the loose positions of a piece, as those of the source `name`.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub(crate) fn read_loose(
        &self,
        piece: u32,
        name: &str,
        positions: &mut PositionColumns,
    ) -> Result<()> {
        let Piece { table, first_row, n_rows, .. } = self.pieces[piece as usize];
        if n_rows == 0 {
            return Ok(());
        }
        let Table::Known(known_file, known) = &self.tables[table as usize] else {
            unreachable!("only datasets have loose positions");
        };
        let mut open = self.open_loose.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &*open {
            Some((found, file)) if *found == table => file.clone(),
            _ => {
                open_known(known_file.path(), &[known])?;
                let file = Arc::new(known_file.open()?);
                *open = Some((table, file.clone()));
                file
            }
        };
        drop(open);
        kept(&file, first_row..first_row + n_rows, POSITIONS_PER_BATCH, |batch, rows| {
            positions.push_rows_of(batch, rows, name);
        })
    }

    /// Hands the games of a piece to `take`, or what is wrong with one: row, column and message.
    ///
    /// # Errors
    ///
    /// If the table cannot be read, which is so for all of its pieces.
    pub(crate) fn read(
        &self,
        piece: u32,
        game: &mut GameRecord,
        take: &mut dyn FnMut(FoundRow<'_>),
    ) -> Result<()> {
        let Piece { table, first_row, n_rows, .. } = self.pieces[piece as usize];
        if n_rows == 0 {
            return Ok(());
        }
        let open = self.open(table)?;
        let end = first_row + n_rows;
        if end > open.n_rows() {
            return Err(Error::corrupt(open.file.path(), "expected more games"));
        }
        let mut lineage = Lineage::default();
        let mut row = first_row;
        while row < end {
            let index = open.starts.partition_point(|start| *start <= row) - 1;
            let batch = open.batch(index)?;
            let games = GamesBatch::new(&batch);
            let search = SearchBatch::new(&batch);
            let batch_end = open.starts[index + 1].min(end);
            for row in row..batch_end {
                let within = (row - open.starts[index]) as usize;
                let read = read_row(&games, within, open.mapping.has_id(), game);
                let found = read.map_err(|problem| (problem.column, problem.message));
                let found = found.and_then(|()| search.of_game(within, &game.start, &game.moves));
                let parent_id = games.parent_id(within);
                if found.is_err() {
                    lineage.pass_over(parent_id);
                }
                let found = found.and_then(|search| {
                    if games.has_parents() {
                        let seen = lineage.see(game.id(), parent_id);
                        seen.map_err(|message| ("parent_id", message))?;
                    }
                    Ok(search)
                });
                match found {
                    Ok(search) => take(Ok(FoundGame { game, search, parent_id })),
                    Err((column, message)) => take(Err((row, column, message))),
                }
            }
            row = batch_end;
        }
        Ok(())
    }
}

/// Cuts the rows of an Arrow file into pieces.
struct Cutter<'a> {
    tables: &'a mut Tables,
    found: Found,
    names: Names,
    file: &'a Fingerprint,
    n_rows_in_all: u64,
    next_row: u64,
    /// The name and the first row of the piece that is being made. Variations are never parted
    /// from the game that they belong to.
    run: Option<(String, u64)>,
    own_name: &'a str,
    prefix: &'a str,
    cut_rows: u64,
}

impl Cutter<'_> {
    fn row(&mut self, name: &str, is_variation: bool) {
        let is_same = self.run.as_ref().is_some_and(|(of, first)| {
            let is_full = self.next_row - first >= PIECE_GAMES
                || self.next_row / self.cut_rows != first / self.cut_rows;
            of == name && (is_variation || !is_full)
        });
        if !is_same {
            self.close();
            self.run = Some((name.to_owned(), self.next_row));
        }
        self.next_row += 1;
    }

    fn close(&mut self) {
        let Some((name, first_row)) = self.run.take() else { return };
        let n_rows = self.next_row - first_row;
        let name = match name.as_str() {
            "" => self.own_name.to_owned(),
            name => format!("{}{name}", self.prefix),
        };
        let name = self.names.unique(name);
        let mut hash = Xxh3::new();
        hash.update(self.file.xxh3.as_bytes());
        hash.update(&first_row.to_le_bytes());
        hash.update(&n_rows.to_le_bytes());
        let share = |row: u64| {
            let all = u128::from(self.n_rows_in_all.max(1));
            (u128::from(self.file.size_bytes) * u128::from(row) / all) as u64
        };
        let row = SourceRow {
            xxh3: hash.digest(),
            size_bytes: share(self.next_row) - share(first_row),
            format: SourceFormat::Feather,
            ..SourceRow::default()
        };
        let table = self.tables.tables.len() as u32;
        self.found.push((name, row.size_bytes, self.tables.pieces.len() as u32));
        self.tables.pieces.push(Piece { table, first_row, n_rows, row, errors: Vec::new() });
    }
}
