//! A unit of work: some sources of one games file, read or kept.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use maou_shogi::record::{GameRecord, Reader, RecordError, Sink};
use xxhash_rust::xxh3::xxh3_64;

use crate::agreement::Agreement;
use crate::columns::Columns;
use crate::error::{Result, reason};
use crate::ipc::IpcFile;
use crate::pipeline::Counters;
use crate::plan::{Item, Kept};
use crate::read_file::FileBuffer;
use crate::report::ErrorEntry;
use crate::schema::GAMES_PER_BATCH;
use crate::source_table::{SourceFormat, SourceRow};
use crate::sources::{Source, Sources};

/// Bytes of sources in a unit.
const UNIT_BYTES: u64 = 1_000_000;
/// Sources in a unit, however small.
const UNIT_SOURCES: usize = 1_000;

/// Some sources of one games file, in order.
pub(crate) struct Unit {
    shard: u32,
    work: Work,
    /// Whether no more sources of the games file come.
    pub(crate) is_last: bool,
}

enum Work {
    Read(Vec<Source>),
    Keep { file: Arc<IpcFile>, rows: Range<u64>, sources: Vec<SourceRow>, errors: Vec<ErrorEntry> },
}

impl Unit {
    /// Bytes of the sources that are to be read.
    pub(crate) fn bytes_to_read(&self) -> u64 {
        match &self.work {
            Work::Read(sources) => sources.iter().map(|source| source.size_bytes).sum(),
            Work::Keep { .. } => 0,
        }
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
    old: &dyn Fn() -> Result<IpcFile>,
    units: &mut Vec<Unit>,
) -> Result<()> {
    let has_kept = items.iter().any(|item| matches!(item, Item::Keep(_)));
    let file = if has_kept { Some(Arc::new(old()?)) } else { None };
    let mut bytes = 0;
    let mut current: Option<Work> = None;
    let close = |work: &mut Option<Work>, units: &mut Vec<Unit>| {
        units.extend(work.take().map(|work| Unit { shard, work, is_last: false }));
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
    sources: &'a Sources,
    counters: &'a Counters,
    buffer: FileBuffer,
    reader: Reader,
}

impl<'a> UnitReader<'a> {
    pub(crate) fn new(sources: &'a Sources, counters: &'a Counters) -> UnitReader<'a> {
        UnitReader { sources, counters, buffer: FileBuffer::default(), reader: Reader::new() }
    }

    pub(crate) fn read(&mut self, unit: Unit) -> Result<UnitResult> {
        match unit.work {
            Work::Keep { file, rows, sources, errors } => {
                let columns = kept(&file, rows)?;
                Ok(UnitResult { columns, sources, errors, ..UnitResult::default() })
            }
            Work::Read(sources) => {
                let mut result = UnitResult { is_read: true, ..UnitResult::default() };
                for source in sources {
                    self.source(source, unit.shard, &mut result);
                }
                Ok(result)
            }
        }
    }

    fn source(&mut self, source: Source, shard: u32, result: &mut UnitResult) {
        if result.agreements.last().is_none_or(|(input, _)| *input != source.input) {
            result.agreements.push((source.input, Agreement::default()));
        }
        let (_, agreement) = result.agreements.last_mut().expect("pushed above");
        let n_errors_before = result.errors.len();
        let n_positions_before = result.columns.n_positions();
        let path = self.sources.path(&source);
        let content = match source.problem() {
            Some(problem) => Err(problem.to_owned()),
            None => self.buffer.read(&path, source.size_bytes).map_err(|error| reason(&error)),
        };
        let size_bytes = source.size_bytes;
        let mut row = SourceRow { name: source.name, shard, ..SourceRow::default() };
        match content {
            Err(problem) => result
                .errors
                .push(ErrorEntry { shard, ..ErrorEntry::unreadable(&row.name, path, problem) }),
            Ok(bytes) => {
                row.xxh3 = xxh3_64(bytes);
                row.size_bytes = bytes.len() as u64;
                let (columns, errors) = (&mut result.columns, &mut result.errors);
                let mut sink = Collector { columns, errors, agreement, row: &mut row, path: &path };
                let format = self.reader.read(bytes, &mut sink);
                row.format = SourceFormat::new(format);
            }
        }
        row.n_positions = (result.columns.n_positions() - n_positions_before) as u64;
        row.n_errors = (result.errors.len() - n_errors_before) as u32;
        let counters = self.counters;
        counters.n_sources.fetch_add(1, Ordering::Relaxed);
        counters.bytes.fetch_add(size_bytes, Ordering::Relaxed);
        counters.n_games.fetch_add(row.n_games.into(), Ordering::Relaxed);
        counters.n_positions.fetch_add(row.n_positions, Ordering::Relaxed);
        counters.n_errors.fetch_add(row.n_errors.into(), Ordering::Relaxed);
        result.sources.push(row);
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
        let too_few = || crate::error::Error::corrupt(file.path(), "expected more games");
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
    row: &'a mut SourceRow,
    path: &'a std::path::Path,
}

impl Sink for Collector<'_> {
    fn game(&mut self, game: &GameRecord) {
        self.columns.push(game, &self.row.name);
        self.agreement.see(game);
        self.row.n_games += 1;
        self.row.n_variations = self.row.n_variations.saturating_add(game.n_variations);
        self.row.n_comments = self.row.n_comments.saturating_add(game.n_comments);
    }

    fn error(&mut self, error: RecordError) {
        self.errors.push(ErrorEntry {
            source: self.row.name.to_string(),
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
