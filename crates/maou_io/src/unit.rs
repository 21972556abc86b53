//! A unit of work: some sources of one games file, read or kept.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow_array::RecordBatch;
use maou_shogi::record::{GameRecord, Reader, RecordError, Sink};
use xxhash_rust::xxh3::xxh3_64;

use crate::agreement::Agreement;
use crate::columns::Columns;
use crate::dataset::Table;
use crate::error::{Error, Result, reason};
use crate::ipc::IpcFile;
use crate::parts::{PART_BYTES, PartFile};
use crate::pipeline::Counters;
use crate::plan::{Item, Kept, ShardPlan};
use crate::positions::PositionColumns;
use crate::read_file::FileBuffer;
use crate::report::ErrorEntry;
use crate::schema::{GAMES_PER_BATCH, POSITIONS_PER_BATCH};
use crate::sniff::{Content, sniff};
use crate::source_table::{SourceEncoding, SourceFormat, SourceRow, UNREADABLE_HASH};
use crate::sources::{Access, Source, Sources, Unpacked};
use crate::teacher::{As, HEAD_BYTES, Part, Target, TeacherFormat, TeacherReader, detect};
use crate::variations::{Lines, max_plies, n_comments};

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
    /// A part of a large source.
    Part {
        source: Source,
        file: Arc<PartFile>,
        index: u64,
    },
    Keep {
        files: Arc<OldFiles>,
        games: Range<u64>,
        positions: Range<u64>,
        sources: Vec<SourceRow>,
        errors: Vec<ErrorEntry>,
    },
}

/// The files of a shard as it is.
struct OldFiles {
    games: IpcFile,
    /// If anything is kept of it.
    positions: Option<IpcFile>,
}

impl Unit {
    /// The sources that are to be read.
    pub(crate) fn sources(&self) -> &[Source] {
        match &self.work {
            Work::Read(sources) => sources,
            Work::Part { source, index: 0, .. } => std::slice::from_ref(source),
            Work::Part { .. } | Work::Keep { .. } => &[],
        }
    }

    /// Whether there is something to unpack from an archive.
    pub(crate) fn needs_unpacking(&self) -> bool {
        self.sources().iter().any(|source| matches!(source.access(), Access::Member))
    }

    /// Bytes of the sources that lie in memory at once, at most, while they are read.
    pub(crate) fn bytes_in_memory(&self) -> u64 {
        match &self.work {
            Work::Read(sources) => sources.iter().map(|source| source.size_bytes).sum(),
            Work::Part { .. } | Work::Keep { .. } => 0,
        }
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
    pub(crate) positions: PositionColumns,
    /// If it is a part of a source; `sources` holds what this part adds to it.
    pub(crate) part: Option<PartPlace>,
    pub(crate) sources: Vec<SourceRow>,
    pub(crate) errors: Vec<ErrorEntry>,
    /// Whether it was read in this run.
    pub(crate) is_read: bool,
    /// By input.
    pub(crate) agreements: Vec<(u32, Agreement)>,
    /// Sources with records of which not everything is kept, and how many.
    pub(crate) inexact: Vec<(Box<str>, u64)>,
}

/// Which part of a source it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartPlace {
    pub(crate) is_first: bool,
    pub(crate) is_last: bool,
}

/// Cuts shards into units.
pub(crate) struct Cutter<'a> {
    pub(crate) sources: &'a Sources<'a>,
    /// The format of all sources, if their content does not decide.
    pub(crate) from: Option<TeacherFormat>,
    /// Opens a file of the shard as it is.
    pub(crate) old: &'a dyn Fn(Table) -> Result<IpcFile>,
}

impl Cutter<'_> {
    fn old_files(&self, items: &[Item]) -> Result<Option<Arc<OldFiles>>> {
        let mut kept = items.iter().filter_map(|item| match item {
            Item::Keep(kept) => Some(kept.row.n_loose() > 0),
            Item::Read(_) => None,
        });
        let Some(first) = kept.next() else { return Ok(None) };
        let has_positions = first || kept.any(|has_positions| has_positions);
        let positions = if has_positions { Some((self.old)(Table::Positions)?) } else { None };
        Ok(Some(Arc::new(OldFiles { games: (self.old)(Table::Games)?, positions })))
    }

    /// The parts of a source, if it is read in parts.
    fn parts(&self, source: &Source) -> Option<Arc<PartFile>> {
        if !matches!(source.access(), Access::File) {
            return None;
        }
        let path = self.sources.path(source);
        PartFile::find(&path, source.size_bytes, self.from.map(As::Format)).map(Arc::new)
    }

    /// Cuts a shard into units.
    pub(crate) fn cut(&self, plan: ShardPlan, units: &mut Vec<Unit>) -> Result<()> {
        let ShardPlan { number: shard, items, is_new } = plan;
        let files = self.old_files(&items)?;
        let mut bytes = 0;
        let mut current: Option<Work> = None;
        let close = |work: &mut Option<Work>, units: &mut Vec<Unit>| {
            units.extend(work.take().map(|work| Unit { shard, work, is_new, is_last: false }));
        };
        for item in items {
            let item = match item {
                Item::Read(source) => match self.parts(&source) {
                    None => Item::Read(source),
                    Some(file) => {
                        close(&mut current, units);
                        for index in 0..file.n_parts() {
                            let (source, file) = (source.clone(), file.clone());
                            current = Some(Work::Part { source, file, index });
                            close(&mut current, units);
                        }
                        continue;
                    }
                },
                kept => kept,
            };
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
                (Item::Keep(kept), Some(Work::Keep { games, positions, sources, errors, .. }))
                    if games.end == kept.first_game
                        && games.end - games.start < GAMES_PER_BATCH as u64
                        && positions.end == kept.first_position
                        && positions.end - positions.start < POSITIONS_PER_BATCH as u64 =>
                {
                    games.end += u64::from(kept.row.n_games);
                    positions.end += kept.row.n_loose();
                    sources.push(kept.row);
                    errors.extend(kept.errors);
                }
                (Item::Keep(kept), _) => {
                    close(&mut current, units);
                    let Kept { row, errors, first_game, first_position } = *kept;
                    let games = first_game..first_game + u64::from(row.n_games);
                    let positions = first_position..first_position + row.n_loose();
                    let files = files.clone().expect("opened above, since an item is kept");
                    let sources = vec![row];
                    current = Some(Work::Keep { files, games, positions, sources, errors });
                }
            }
        }
        close(&mut current, units);
        if let Some(last) = units.last_mut() {
            last.is_last = true;
        }
        Ok(())
    }
}

/// How sources are read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    /// The format of all sources, if their content does not decide.
    pub(crate) from: Option<TeacherFormat>,
    /// Whether variations are games of their own.
    pub(crate) variations: bool,
}

/// Reads units; each thread has its own.
pub(crate) struct UnitReader<'a> {
    sources: &'a Sources<'a>,
    counters: &'a Counters,
    buffer: FileBuffer,
    reader: Reader,
    teacher: TeacherReader,
    reading: Reading,
    game: GameRecord,
    lines: Lines,
}

impl<'a> UnitReader<'a> {
    pub(crate) fn new(
        sources: &'a Sources<'a>,
        counters: &'a Counters,
        reading: Reading,
    ) -> UnitReader<'a> {
        UnitReader {
            sources,
            counters,
            buffer: FileBuffer::default(),
            reader: if reading.variations { Reader::full() } else { Reader::new() },
            teacher: TeacherReader::default(),
            reading,
            game: GameRecord::default(),
            lines: Lines::default(),
        }
    }

    /// Reads a unit; `unpacked` is what [`Sources::unpack`] gave of its sources.
    pub(crate) fn read(&mut self, unit: Unit, unpacked: Vec<Unpacked>) -> Result<UnitResult> {
        match unit.work {
            Work::Keep { files, games, positions, sources, errors } => {
                let mut result = UnitResult { sources, errors, ..UnitResult::default() };
                kept(&files.games, games, GAMES_PER_BATCH, |batch, rows| {
                    result.columns.push_rows(batch, rows);
                })?;
                if let Some(file) = &files.positions {
                    kept(file, positions, POSITIONS_PER_BATCH, |batch, rows| {
                        result.positions.push_rows(batch, rows);
                    })?;
                }
                Ok(result)
            }
            Work::Part { source, file, index } => {
                let mut result = UnitResult { is_read: true, ..UnitResult::default() };
                self.part(source, unit.shard, &file, index, &mut result);
                Ok(result)
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
        let n_positions_before = result.columns.n_positions() + result.positions.len();
        let path = self.sources.path(&source);
        let size_bytes = source.size_bytes;
        let row = SourceRow { shard, ..SourceRow::default() };
        let (columns, positions) = (&mut result.columns, &mut result.positions);
        let (errors, name) = (&mut result.errors, &*source.name);
        let access = source.access();
        let lines = self.reading.variations.then_some(&mut self.lines);
        let (path, plies_left) = (&*path, 0);
        let mut sink =
            Collector { columns, positions, errors, agreement, name, row, path, lines, plies_left };
        let member;
        let content = match access {
            Access::Problem(problem) => Err(problem.to_owned()),
            Access::File => self.buffer.read(path, size_bytes).map_err(|error| reason(&error)),
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
                    return Err(Error::Misnamed(path.to_owned()));
                }
                sink.row.xxh3 = xxh3_64(bytes);
                sink.row.size_bytes = bytes.len() as u64;
                sink.plies_left = max_plies(sink.row.size_bytes);
                let head = &bytes[..bytes.len().min(HEAD_BYTES)];
                match self
                    .reading
                    .from
                    .map_or_else(|| detect(head), |from| Ok(Some(As::Format(from))))
                {
                    Ok(Some(format)) => {
                        let part = Part { bytes, first_byte: 0, first_record: 0 };
                        let n_inexact = sink.teacher(&mut self.teacher, part, format);
                        if n_inexact > 0 {
                            result.inexact.push((source.name.clone(), n_inexact));
                        }
                    }
                    Ok(None) => {
                        let format = self.reader.read(bytes, &mut sink);
                        sink.row.format = SourceFormat::new(format);
                        if format.is_some() {
                            sink.row.encoding = SourceEncoding::of(bytes);
                        }
                    }
                    Err(message) => sink.problem(ErrorEntry::AMBIGUOUS, message),
                }
            }
        }
        let mut row = sink.row;
        row.name = source.name;
        let n_positions = result.columns.n_positions() + result.positions.len();
        row.n_positions = (n_positions - n_positions_before) as u64;
        row.n_errors = (result.errors.len() - n_errors_before) as u32;
        self.count(&row, 1, size_bytes);
        result.sources.push(row);
        Ok(())
    }

    /// Reads a part of a large source.
    fn part(
        &mut self,
        source: Source,
        shard: u32,
        file: &PartFile,
        index: u64,
        result: &mut UnitResult,
    ) {
        let is_last = index + 1 == file.n_parts();
        result.part = Some(PartPlace { is_first: index == 0, is_last });
        result.agreements.push((source.input, Agreement::default()));
        let (_, agreement) = result.agreements.last_mut().expect("pushed above");
        let path = self.sources.path(&source);
        let row = SourceRow { shard, ..SourceRow::default() };
        let mut sink = Collector {
            columns: &mut result.columns,
            positions: &mut result.positions,
            errors: &mut result.errors,
            agreement,
            name: &source.name,
            row,
            path: &path,
            lines: None,
            plies_left: 0,
        };
        // Told also where a file ends earlier than it did, or cannot be read any more.
        sink.row.format = SourceFormat::of_teacher(file.format(), false);
        match file.read(index) {
            Err(error) => sink.unreadable(reason(&error)),
            Ok(read) => {
                let n_inexact = sink.teacher(&mut self.teacher, read.part(), file.format());
                (sink.row.xxh3, sink.row.size_bytes) = read.end.unwrap_or_default();
                if n_inexact > 0 {
                    result.inexact.push((source.name.clone(), n_inexact));
                }
            }
        }
        let mut row = sink.row;
        row.n_positions = (result.columns.n_positions() + result.positions.len()) as u64;
        row.n_errors = result.errors.len() as u32;
        let n_bytes = PART_BYTES.min(source.size_bytes.saturating_sub(index * PART_BYTES));
        self.count(&row, u64::from(is_last), n_bytes);
        row.name = source.name;
        result.sources.push(row);
    }

    fn count(&self, row: &SourceRow, n_sources: u64, n_bytes: u64) {
        let counters = self.counters;
        counters.n_sources.fetch_add(n_sources, Ordering::Relaxed);
        counters.bytes.fetch_add(n_bytes, Ordering::Relaxed);
        counters.n_games.fetch_add(row.n_games.into(), Ordering::Relaxed);
        counters.n_positions.fetch_add(row.n_positions, Ordering::Relaxed);
        counters.n_errors.fetch_add(row.n_errors.into(), Ordering::Relaxed);
    }
}

/// Hands the rows `rows` of a file, whose batches have `batch_len` rows, to `take`.
pub(crate) fn kept(
    file: &IpcFile,
    rows: Range<u64>,
    batch_len: usize,
    mut take: impl FnMut(&RecordBatch, Range<usize>),
) -> Result<()> {
    let batch_len = batch_len as u64;
    let mut start = rows.start;
    while start < rows.end {
        let index = start / batch_len;
        let end = rows.end.min((index + 1) * batch_len);
        let too_few = || Error::corrupt(file.path(), "expected more rows");
        if index as usize >= file.n_batches() {
            return Err(too_few());
        }
        let batch = file.batch(index as usize, None)?;
        let (from, to) = ((start % batch_len) as usize, (end - index * batch_len) as usize);
        if to > batch.num_rows() {
            return Err(too_few());
        }
        take(&batch, from..to);
        start = end;
    }
    Ok(())
}

/// Takes what the reader finds in one source.
struct Collector<'a> {
    columns: &'a mut Columns,
    positions: &'a mut PositionColumns,
    errors: &'a mut Vec<ErrorEntry>,
    agreement: &'a mut Agreement,
    name: &'a str,
    row: SourceRow,
    path: &'a Path,
    /// Makes games of variations, if they are kept.
    lines: Option<&'a mut Lines>,
    /// How many moves they may have, counted from the start of the game.
    plies_left: u64,
}

impl Collector<'_> {
    fn unreadable(&mut self, problem: String) {
        self.problem(ErrorEntry::UNREADABLE, problem);
    }

    fn problem(&mut self, kind: &str, problem: String) {
        let entry = ErrorEntry::unreadable(self.name, self.path.to_owned(), problem);
        self.errors.push(ErrorEntry { kind: kind.to_owned(), shard: self.row.shard, ..entry });
    }

    /// Takes teacher records; returns of how many not everything is kept.
    fn teacher(&mut self, reader: &mut TeacherReader, part: Part<'_>, format: As) -> u64 {
        let mut target = Target {
            columns: self.columns,
            positions: self.positions,
            errors: self.errors,
            agreement: self.agreement,
            source: self.name,
            shard: self.row.shard,
            path: self.path,
        };
        let found = reader.read(part, format, &mut target);
        self.row.n_games = found.n_games;
        self.row.format = SourceFormat::of_teacher(format, found.n_flagged > 0);
        found.n_inexact
    }

    /// Takes the games of a table, and what was wrong with their source.
    fn piece(&mut self, sources: &Sources<'_>, index: u32, game: &mut GameRecord) -> Result<()> {
        let (piece, shard) = (sources.piece(index), self.row.shard);
        self.row =
            SourceRow { shard, n_games: 0, n_errors: 0, n_positions: 0, ..piece.row.clone() };
        let known = piece.errors.iter().cloned();
        self.errors.extend(known.map(|error| ErrorEntry {
            source: self.name.to_owned(),
            shard,
            ..error
        }));
        if piece.row.format.is_loose() {
            return sources.tables().read_loose(index, self.name, self.positions);
        }
        let read = sources.tables().read(index, game, &mut |found| match found {
            Ok(found) if found.parent_id.is_some() && self.lines.is_none() => {
                self.row.n_variations = self.row.n_variations.saturating_add(1);
            }
            Ok(found) => {
                self.columns.push_found(&found, self.name);
                if found.parent_id.is_none() {
                    self.agreement.see(found.game);
                }
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

impl Collector<'_> {
    /// Takes the variations of the game taken last.
    fn variations(&mut self, game: &GameRecord) {
        let Some(lines) = self.lines.as_deref_mut() else { return };
        let game_number = Some(self.row.n_games);
        let n_comments = game.comments.len() as u32 + n_comments(&game.variations);
        self.row.n_comments = self.row.n_comments.saturating_add(n_comments);
        let (columns, name, n_games) = (&mut *self.columns, self.name, &mut self.row.n_games);
        let n_left_out = lines.of(game, game.id(), &mut self.plies_left, &mut |line, parent_id| {
            *n_games += 1;
            columns.push_variation(line, parent_id, name)
        });
        self.row.n_variations = self.row.n_variations.saturating_add(n_left_out);
        if n_left_out > 0 {
            let max = max_plies(self.row.size_bytes);
            let message = format!(
                "expected variations of at most {max} moves in a file of this size, counted from \
                 the start of the game, found more; {n_left_out} are left out"
            );
            self.problem(ErrorEntry::VARIATIONS, message);
            if let Some(entry) = self.errors.last_mut() {
                (entry.kept, entry.game_number) = (true, game_number);
            }
        }
    }
}

impl Sink for Collector<'_> {
    fn game(&mut self, game: &mut GameRecord) {
        self.columns.push(game, self.name);
        self.agreement.see(game);
        self.row.n_games += 1;
        self.row.n_variations = self.row.n_variations.saturating_add(game.n_variations);
        self.row.n_comments = self.row.n_comments.saturating_add(game.n_comments);
        if self.lines.is_some() {
            self.variations(game);
        }
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
