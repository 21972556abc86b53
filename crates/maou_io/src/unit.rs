//! A unit of work: some sources of one games file, read or kept.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use maou_shogi::record::{GameRecord, Reader, RecordError, Sink};
use xxhash_rust::xxh3::xxh3_64;

use crate::agreement::Agreement;
use crate::columns::Columns;
use crate::error::{Error, Result, reason};
use crate::ipc::IpcFile;
use crate::pipeline::Counters;
use crate::plan::{Item, Kept};
use crate::read_file::FileBuffer;
use crate::sniff::{Content, sniff};
use crate::report::ErrorEntry;
use crate::schema::GAMES_PER_BATCH;
use crate::source_table::{SourceFormat, SourceRow, UNREADABLE_HASH};
use crate::sources::{Access, Source, Sources, Unpacked};

/// Bytes of sources in a unit.
const UNIT_BYTES: u64 = 1_000_000;
/// Sources in a unit, however small.
const UNIT_SOURCES: usize = 1_000;

/// Some sources of one games file, in order.
pub(crate) struct Unit {
    shard: u32,
    work: Work,
    /// Whether its sources are new to the dataset.
    pub(crate) is_new: bool,
    /// Whether no more sources of the games file come.
    pub(crate) is_last: bool,
}

enum Work {
    Read(Vec<Source>),
    Keep { file: Arc<IpcFile>, rows: Range<u64>, sources: Vec<SourceRow>, errors: Vec<ErrorEntry> },
}

impl Unit {
    /// The sources that are to be read.
    pub(crate) fn sources(&self) -> &[Source] {
        match &self.work {
            Work::Read(sources) => sources,
            Work::Keep { .. } => &[],
        }
    }

    /// Whether there is something to unpack from an archive.
    pub(crate) fn needs_unpacking(&self) -> bool {
        self.sources().iter().any(|source| matches!(source.access(), Access::Member))
    }

    /// Bytes of the sources that are to be read.
    pub(crate) fn bytes_to_read(&self) -> u64 {
        self.sources().iter().map(|source| source.size_bytes).sum()
    }
}

/// What a unit gave.
#[derive(Default)]
pub(crate) struct UnitResult {
    pub(crate) columns: Columns,
    pub(crate) sources: Vec<SourceRow>,
    pub(crate) errors: Vec<ErrorEntry>,
    /// Whether it was read in this run.
    pub(crate) is_read: bool,
    /// By input.
    pub(crate) agreements: Vec<(u32, Agreement)>,
}

/// Cuts the items of a games file into units. `old` opens the file as it is.
pub(crate) fn cut(
    shard: u32,
    items: Vec<Item>,
    is_new: bool,
    old: &dyn Fn() -> Result<IpcFile>,
    units: &mut Vec<Unit>,
) -> Result<()> {
    let has_kept = items.iter().any(|item| matches!(item, Item::Keep(_)));
    let file = if has_kept { Some(Arc::new(old()?)) } else { None };
    let mut bytes = 0;
    let mut current: Option<Work> = None;
    let close = |work: &mut Option<Work>, units: &mut Vec<Unit>| {
        units.extend(work.take().map(|work| Unit { shard, work, is_new, is_last: false }));
    };
    for item in items {
        match (item, &mut current) {
            (Item::Read(source), Some(Work::Read(sources)))
                if bytes + source.size_bytes <= UNIT_BYTES && sources.len() < UNIT_SOURCES =>
            {
                bytes += source.size_bytes;
                sources.push(source);
            }
            (Item::Read(source), _) => {
                close(&mut current, units);
                bytes = source.size_bytes;
                current = Some(Work::Read(vec![source]));
            }
            (Item::Keep(kept), Some(Work::Keep { rows, sources, errors, .. }))
                if rows.end == kept.first_game
                    && rows.end - rows.start < GAMES_PER_BATCH as u64 =>
            {
                rows.end += u64::from(kept.row.n_games);
                sources.push(kept.row);
                errors.extend(kept.errors);
            }
            (Item::Keep(kept), _) => {
                close(&mut current, units);
                let Kept { row, errors, first_game } = *kept;
                let rows = first_game..first_game + u64::from(row.n_games);
                let file = file.clone().expect("opened above, since an item is kept");
                current = Some(Work::Keep { file, rows, sources: vec![row], errors });
            }
        }
    }
    close(&mut current, units);
    if let Some(last) = units.last_mut() {
        last.is_last = true;
    }
    Ok(())
}

/// Reads units; each thread has its own.
pub(crate) struct UnitReader<'a> {
    sources: &'a Sources<'a>,
    counters: &'a Counters,
    buffer: FileBuffer,
    reader: Reader,
    game: GameRecord,
}

impl<'a> UnitReader<'a> {
    pub(crate) fn new(sources: &'a Sources<'a>, counters: &'a Counters) -> UnitReader<'a> {
        let (buffer, reader, game) = (FileBuffer::default(), Reader::new(), GameRecord::default());
        UnitReader { sources, counters, buffer, reader, game }
    }

    /// Reads a unit; `unpacked` is what [`Sources::unpack`] gave of its sources.
    pub(crate) fn read(&mut self, unit: Unit, unpacked: Vec<Unpacked>) -> Result<UnitResult> {
        match unit.work {
            Work::Keep { file, rows, sources, errors } => {
                let columns = kept(&file, rows)?;
                Ok(UnitResult { columns, sources, errors, ..UnitResult::default() })
            }
            Work::Read(sources) => {
                let mut result = UnitResult { is_read: true, ..UnitResult::default() };
                let mut unpacked = unpacked.into_iter();
                for source in sources {
                    self.source(source, unit.shard, &mut unpacked, &mut result)?;
                }
                Ok(result)
            }
        }
    }

    fn source(
        &mut self,
        source: Source,
        shard: u32,
        unpacked: &mut dyn Iterator<Item = Unpacked>,
        result: &mut UnitResult,
    ) -> Result<()> {
        if result.agreements.last().is_none_or(|(input, _)| *input != source.input) {
            result.agreements.push((source.input, Agreement::default()));
        }
        let (_, agreement) = result.agreements.last_mut().expect("pushed above");
        let n_errors_before = result.errors.len();
        let n_positions_before = result.columns.n_positions();
        let path = self.sources.path(&source);
        let size_bytes = source.size_bytes;
        let row = SourceRow { shard, ..SourceRow::default() };
        let (columns, errors) = (&mut result.columns, &mut result.errors);
        let access = source.access();
        let mut sink =
            Collector { columns, errors, agreement, name: &source.name, row, path: &path };
        let member;
        let content = match access {
            Access::Problem(problem) => Err(problem.to_owned()),
            Access::File => self.buffer.read(&path, size_bytes).map_err(|error| reason(&error)),
            Access::Member => {
                member = unpacked.next().expect("one for each member of an archive");
                member.as_deref().map_err(Clone::clone)
            }
            Access::Piece(piece) => {
                sink.piece(self.sources, piece, &mut self.game)?;
                Ok(&[][..])
            }
        };
        match (access, content) {
            (Access::Piece(_), _) => {}
            (_, Err(problem)) => sink.unreadable(problem),
            (_, Ok(bytes)) => {
                if matches!(access, Access::File) && sniff(bytes) != Content::Other {
                    return Err(Error::Misnamed(path));
                }
                sink.row.xxh3 = xxh3_64(bytes);
                sink.row.size_bytes = bytes.len() as u64;
                let format = self.reader.read(bytes, &mut sink);
                sink.row.format = SourceFormat::new(format);
            }
        }
        let mut row = sink.row;
        row.name = source.name;
        row.n_positions = (result.columns.n_positions() - n_positions_before) as u64;
        row.n_errors = (result.errors.len() - n_errors_before) as u32;
        let counters = self.counters;
        counters.n_sources.fetch_add(1, Ordering::Relaxed);
        counters.bytes.fetch_add(size_bytes, Ordering::Relaxed);
        counters.n_games.fetch_add(row.n_games.into(), Ordering::Relaxed);
        counters.n_positions.fetch_add(row.n_positions, Ordering::Relaxed);
        counters.n_errors.fetch_add(row.n_errors.into(), Ordering::Relaxed);
        result.sources.push(row);
        Ok(())
    }
}

/// The rows `rows` of a games file.
fn kept(file: &IpcFile, rows: Range<u64>) -> Result<Columns> {
    let mut columns = Columns::default();
    let batch_len = GAMES_PER_BATCH as u64;
    let mut start = rows.start;
    while start < rows.end {
        let index = start / batch_len;
        let end = rows.end.min((index + 1) * batch_len);
        let too_few = || Error::corrupt(file.path(), "expected more games");
        if index as usize >= file.n_batches() {
            return Err(too_few());
        }
        let batch = file.batch(index as usize, None)?;
        let (from, to) = ((start % batch_len) as usize, (end - index * batch_len) as usize);
        if to > batch.num_rows() {
            return Err(too_few());
        }
        columns.push_rows(&batch, from..to);
        start = end;
    }
    Ok(columns)
}

/// Takes what the reader finds in one source.
struct Collector<'a> {
    columns: &'a mut Columns,
    errors: &'a mut Vec<ErrorEntry>,
    agreement: &'a mut Agreement,
    name: &'a str,
    row: SourceRow,
    path: &'a Path,
}

impl Collector<'_> {
    fn unreadable(&mut self, problem: String) {
        let entry = ErrorEntry::unreadable(self.name, self.path.to_owned(), problem);
        self.errors.push(ErrorEntry { shard: self.row.shard, ..entry });
    }

    /// Takes the games of a table, and what was wrong with their source.
    fn piece(&mut self, sources: &Sources<'_>, index: u32, game: &mut GameRecord) -> Result<()> {
        let (piece, shard) = (sources.piece(index), self.row.shard);
        self.row = SourceRow {
            shard,
            n_games: 0,
            n_errors: 0,
            n_positions: 0,
            ..piece.row.clone()
        };
        let known = piece.errors.iter().cloned();
        self.errors.extend(known.map(|error| ErrorEntry {
            source: self.name.to_owned(),
            shard,
            ..error
        }));
        let read = sources.tables().read(index, game, &mut |found| match found {
            Ok(game) => {
                self.columns.push(game, self.name);
                self.agreement.see(game);
                self.row.n_games += 1;
            }
            Err((row, column, message)) => self.errors.push(ErrorEntry {
                source: self.name.to_owned(),
                kind: ErrorEntry::ROW.to_owned(),
                message: format!("row {row}, column `{column}`: {message}"),
                shard,
                path: self.path.to_owned(),
                ..ErrorEntry::default()
            }),
        });
        match read {
            // A dataset is whole or not; what others have written may be good in part.
            Err(Error::Corrupt { message, .. }) if piece.row.format == SourceFormat::Feather => {
                self.row.xxh3 = UNREADABLE_HASH;
                self.unreadable(message);
                Ok(())
            }
            other => other,
        }
    }
}

impl Sink for Collector<'_> {
    fn game(&mut self, game: &GameRecord) {
        self.columns.push(game, self.name);
        self.agreement.see(game);
        self.row.n_games += 1;
        self.row.n_variations = self.row.n_variations.saturating_add(game.n_variations);
        self.row.n_comments = self.row.n_comments.saturating_add(game.n_comments);
    }

    fn error(&mut self, error: RecordError) {
        self.errors.push(ErrorEntry {
            source: self.name.to_owned(),
            line: Some(error.line),
            column: Some(error.column),
            kind: error.kind.as_str().to_owned(),
            message: error.message,
            kept: error.kept,
            // The errors in a game come before the game.
            game_number: error.kept.then_some(self.row.n_games + 1),
            shard: self.row.shard,
            path: self.path.to_owned(),
        });
    }
}
