//! Building an index, and bringing it up to date.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use maou_io::{
    Dataset, Error, GameFields, Lock, OpenTable, Progress, ProgressFn, Result, TableBatch,
    TableFile, n_threads, stream_in_order,
};
use maou_shogi::{Move, Position};
use serde::Serialize;

use crate::error::AtPath;
use crate::key_sorter::KeySorter;
use crate::list::{KnownFile, List, folder_of, mend_of, remove_unfinished};
use crate::merge;
use crate::segment::{NO_EVAL, Segment, SegmentFile};
use crate::segment_writer::{NewGame, SegmentWriter};

/// The memory that a build takes at most, unless it is told otherwise.
pub const DEFAULT_MEMORY: u64 = 512 << 20;

/// The least memory that a build can be told; in tests so little that few positions spill.
pub const MIN_MEMORY: u64 = if cfg!(test) { 1 << 20 } else { 64 << 20 };

/// Positions of a segment at most.
const MAX_SEGMENT_POSITIONS: u64 = 4_000_000_000;

/// What a build is told beside the dataset.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// Where the index stands, if not in the folder `index` of the dataset.
    pub index_dir: Option<PathBuf>,
    /// Number of worker threads; 0 takes one per core.
    pub threads: usize,
    /// Bytes of memory that keys and buffers take at most, in about.
    pub memory: u64,
    /// Build all of it again.
    pub force: bool,
}

impl Default for BuildOptions {
    fn default() -> BuildOptions {
        BuildOptions { index_dir: None, threads: 0, memory: DEFAULT_MEMORY, force: false }
    }
}

/// What a build did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct BuildReport {
    /// Where the index stands.
    pub path: PathBuf,
    /// Files of the dataset that were read.
    pub n_files_new: u64,
    /// Files that the index knew and that are gone.
    pub n_files_gone: u64,
    /// Games that were read.
    pub n_games_new: u64,
    /// Positions that were read.
    pub n_positions_new: u64,
    /// Games that the index knows.
    pub n_games: u64,
    /// Positions with a move that the index knows.
    pub n_positions: u64,
    /// Files that it is made of.
    pub n_segments: u64,
    /// Their size.
    pub size_bytes: u64,
    /// Why the index that was there could not be used, if there was one.
    pub problem: Option<String>,
    /// Whether the work was stopped before it was done; the index is what it was then.
    pub stopped: bool,
}

/// Builds the index of the dataset in the folder `data`, or reads the files into it that it does
/// not know yet.
///
/// # Errors
///
/// [`Error::Usage`] if there is no dataset or another build is at work; otherwise if a file cannot
/// be read or written, or a game cannot be replayed. The index is what it was then.
pub fn build(
    data: &Path,
    options: &BuildOptions,
    progress: &mut ProgressFn<'_>,
) -> Result<BuildReport> {
    if options.memory < MIN_MEMORY {
        let (least, found) = (MIN_MEMORY >> 20, options.memory);
        return Err(Error::Usage(format!(
            "--memory: expected at least {least} MB, found {found} bytes"
        )));
    }
    let dataset = Dataset::open(data)?;
    let index_dir = options.index_dir.as_deref();
    let dir = folder_of(data, index_dir);
    fs::create_dir_all(&dir).at(&dir)?;
    let _lock = Lock::acquire_as(&dir, "this index")?;
    let mend = mend_of(data, index_dir);
    let mut report = BuildReport { path: dir.clone(), ..BuildReport::default() };
    let (mut list, segments) = if options.force {
        let next_segment = List::read(&dir, &mend).ok().flatten().map_or(0, |l| l.next_segment);
        (List { next_segment, ..List::empty() }, Vec::new())
    } else {
        open_for_build(&dir, &mend, &mut report.problem)
    };
    remove_unfinished(&dir)?;
    let files = dataset.table_files();
    let known: Vec<KnownFile> = files.iter().map(KnownFile::of).collect();
    report.n_files_gone = list.files.iter().filter(|file| !known.contains(file)).count() as u64;
    let is_covered = |file: &TableFile| {
        segments.iter().any(|segment| segment.meta.files.iter().any(|held| is_same(held, file)))
    };
    let new: Vec<&TableFile> = files.iter().filter(|file| !is_covered(file)).collect();
    let is_same_list = list.files == known && new.is_empty();
    let mut work = Work { dir: &dir, options, progress, report, state: Progress::default() };
    work.state.n_sources = new.len() as u64;
    work.state.bytes = new.iter().map(|file| file.size_bytes).sum();
    let mut segments = segments;
    for group in groups(&new) {
        let name = list.next_name();
        if !work.build_segment(group, &name)? {
            work.report.stopped = true;
            return Ok(work.report);
        }
        segments.push(Segment::open(&dir, &name, &mend)?);
    }
    let mut report = work.report;
    if !is_same_list || report.problem.is_some() {
        segments = merge::tidy(&dir, &mend, segments, &files, &mut list)?;
        list.segments = segments.iter().map(|segment| segment.name.clone()).collect();
        list.files = known;
        list.write(&dir)?;
        list.remove_others(&dir)?;
    }
    summarize(&mut report, &segments, &files);
    Ok(report)
}

/// Whether a segment's file is this one of the dataset.
pub(crate) fn is_same(held: &SegmentFile, file: &TableFile) -> bool {
    held.name == file.name && held.xxh3 == file.xxh3 && held.size_bytes == file.size_bytes
}

fn summarize(report: &mut BuildReport, segments: &[Segment], files: &[TableFile]) {
    report.n_segments = segments.len() as u64;
    report.n_games = files.iter().filter(|f| f.is_games).map(|f| f.n_rows).sum();
    report.n_positions = files.iter().map(|f| f.n_positions).sum();
    report.size_bytes = segments.iter().map(|s| s.map.unchecked().len() as u64).sum();
}

/// The index that is there, as far as it can be used: each segment is looked at as a whole.
fn open_for_build(dir: &Path, mend: &str, problem: &mut Option<String>) -> (List, Vec<Segment>) {
    let list = match List::read(dir, mend) {
        Ok(Some(list)) => list,
        Ok(None) => return (List::empty(), Vec::new()),
        Err(error) => {
            *problem = Some(error.to_string());
            // Numbers of segments that may be there are not used again.
            let next_segment = next_free_segment(dir);
            return (List { next_segment, ..List::empty() }, Vec::new());
        }
    };
    let mut segments = Vec::new();
    for name in &list.segments {
        let opened = Segment::open(dir, name, mend)
            .and_then(|segment| segment.map.ensure_all().map(|()| segment));
        match opened {
            Ok(segment) => segments.push(segment),
            Err(error) => *problem = Some(error.to_string()),
        }
    }
    let names = segments.iter().map(|segment| segment.name.clone()).collect();
    (List { segments: names, ..list }, segments)
}

fn next_free_segment(dir: &Path) -> u32 {
    let names = fs::read_dir(dir).into_iter().flatten().flatten();
    let numbers = names.filter_map(|entry| {
        let name = entry.file_name();
        name.to_str()?.strip_prefix("segment-")?.strip_suffix(".maouidx")?.parse::<u32>().ok()
    });
    numbers.max().map_or(0, |number| number.saturating_add(1))
}

/// Files for one segment each.
fn groups<'a>(files: &'a [&'a TableFile]) -> Vec<&'a [&'a TableFile]> {
    let mut groups = Vec::new();
    let (mut start, mut n) = (0, 0);
    for (index, file) in files.iter().enumerate() {
        let more = file.n_positions + file.n_rows;
        if index > start && n + more > MAX_SEGMENT_POSITIONS {
            groups.push(&files[start..index]);
            (start, n) = (index, 0);
        }
        n += more;
    }
    if start < files.len() {
        groups.push(&files[start..]);
    }
    groups
}

struct Work<'a, 'p> {
    dir: &'a Path,
    options: &'a BuildOptions,
    progress: &'a mut ProgressFn<'p>,
    report: BuildReport,
    state: Progress,
}

/// A batch to be read: of which file, and its number in it.
struct Job {
    file_idx: usize,
    table: Result<Arc<OpenTable>>,
    batch_idx: usize,
    n_batches: usize,
}

/// A batch that was read.
struct Chunk {
    file_idx: usize,
    is_last: bool,
    batch: TableBatch,
    /// Evals of the games' moves, one game after the other; those of loose positions stand in the
    /// batch.
    evals: Vec<i16>,
    /// Keys of all positions, the last one of each game included.
    keys: Vec<u64>,
}

/// The batches of files, which are opened one after the other.
fn jobs<'a>(files: &'a [&'a TableFile]) -> impl Iterator<Item = Job> + Send + 'a {
    files.iter().enumerate().flat_map(|(file_idx, file)| {
        let (table, n) = match file.open() {
            Ok(table) => (Some(Arc::new(table)), None),
            Err(error) => (None, Some(error)),
        };
        let n_batches = table.as_ref().map_or(1, |table| table.n_batches());
        let mut error = n;
        (0..n_batches).map(move |batch_idx| {
            let table = match (&table, error.take()) {
                (Some(table), _) => Ok(table.clone()),
                (None, Some(error)) => Err(error),
                (None, None) => unreachable!("an error stops the work"),
            };
            Job { file_idx, table, batch_idx, n_batches }
        })
    })
}

impl Work<'_, '_> {
    /// Builds a segment of these files; `false` if it was stopped.
    fn build_segment(&mut self, files: &[&TableFile], name: &str) -> Result<bool> {
        let threads = n_threads(self.options.threads);
        let mut writer = SegmentWriter::new(self.dir);
        let expected = files.iter().map(|file| file.n_positions + file.n_rows).sum();
        let mut sorter = KeySorter::new(self.dir, self.options.memory, expected);
        let mut at = None;
        let mut start = |writer: &mut SegmentWriter, file_idx: usize| {
            while at != Some(file_idx) {
                let next = at.map_or(0, |at| at + 1);
                let file = files[next];
                writer.start_file(SegmentFile {
                    name: file.name.clone(),
                    number: file.number,
                    is_games: file.is_games,
                    xxh3: file.xxh3.clone(),
                    size_bytes: file.size_bytes,
                    first_row: 0,
                    n_rows: 0,
                    first_position: 0,
                    n_positions: 0,
                });
                at = Some(next);
            }
        };
        let state = std::cell::RefCell::new((&mut self.state, &mut self.report));
        let mut consume = |chunk: Chunk| {
            start(&mut writer, chunk.file_idx);
            sorter.push(&chunk.keys, writer.n_positions())?;
            add_chunk(&mut writer, &chunk, files[chunk.file_idx].is_games)?;
            let (state, report) = &mut *state.borrow_mut();
            state.n_positions += chunk.keys.len() as u64;
            report.n_positions_new += chunk.keys.len() as u64;
            if files[chunk.file_idx].is_games {
                state.n_games += chunk.batch.n_rows() as u64;
                report.n_games_new += chunk.batch.n_rows() as u64;
                report.n_positions_new -= chunk.batch.n_rows() as u64;
            }
            if chunk.is_last {
                state.n_sources_done += 1;
                state.bytes_done += files[chunk.file_idx].size_bytes;
                report.n_files_new += 1;
            }
            Ok(())
        };
        let progress = &mut self.progress;
        let mut tick = || progress(state.borrow().0);
        let make = || |job: Job| read_batch(job, files);
        if !stream_in_order(threads, jobs(files), make, &mut consume, &mut tick)? {
            return Ok(false);
        }
        if let Some(last) = files.len().checked_sub(1) {
            start(&mut writer, last);
        }
        let mut keys = writer.into_keys()?;
        if !sorter.finish(&mut keys, threads, &mut tick)? {
            return Ok(false);
        }
        keys.finish(&self.dir.join(name))?;
        Ok(true)
    }
}

fn read_batch(job: Job, files: &[&TableFile]) -> Result<Chunk> {
    let table = job.table?;
    let batch = table.batch(job.batch_idx)?;
    let mut chunk = Chunk {
        file_idx: job.file_idx,
        is_last: job.batch_idx + 1 == job.n_batches,
        batch,
        evals: Vec::new(),
        keys: Vec::new(),
    };
    if !files[job.file_idx].is_games {
        chunk.keys = chunk.batch.loose().keys().to_vec();
        return Ok(chunk);
    }
    let games = chunk.batch.games();
    let mut starts = HashMap::new();
    for row in 0..games.len() {
        let game = games.get(row);
        let replayed = replay(&game, &mut starts, &mut chunk.keys, &mut chunk.evals);
        replayed.map_err(|problem| {
            let message = format!("game {:016x}: {problem}; `maou verify` tells more", game.id);
            Error::Corrupt { path: table.path().to_owned(), message }
        })?;
    }
    Ok(chunk)
}

/// Adds the keys and evals of a game.
fn replay<'a>(
    game: &GameFields<'a>,
    starts: &mut HashMap<&'a str, Position>,
    keys: &mut Vec<u64>,
    evals: &mut Vec<i16>,
) -> std::result::Result<(), String> {
    let mut position = match starts.get(game.start) {
        Some(position) => position.clone(),
        None => {
            let position =
                Position::from_sfen(game.start).map_err(|error| format!("start: {error}"))?;
            starts.insert(game.start, position.clone());
            position
        }
    };
    keys.push(position.key());
    for (ply, bits) in game.moves.iter().enumerate() {
        let mv = Move::from_move16(*bits)
            .filter(|mv| position.is_legal(*mv))
            .ok_or_else(|| format!("expected a legal move at ply {ply}"))?;
        position.make(mv);
        keys.push(position.key());
        evals.push(game.eval_cp(ply).unwrap_or(NO_EVAL));
    }
    Ok(())
}

fn add_chunk(writer: &mut SegmentWriter, chunk: &Chunk, is_games: bool) -> Result<()> {
    if !is_games {
        let rows = chunk.batch.loose();
        let numbers: Vec<u16> = (0..rows.keys().len()).map(|row| rows.move_number(row)).collect();
        return writer.add_loose(rows.moves(), rows.evals_cp(), rows.results(), &numbers);
    }
    let games = chunk.batch.games();
    let mut evals = &chunk.evals[..];
    for row in 0..games.len() {
        let game = games.get(row);
        let (here, rest) = evals.split_at(game.moves.len());
        evals = rest;
        let new = NewGame {
            id: game.id,
            is_variation: game.parent_id.is_some(),
            start: game.start,
            result: game.result,
            ending: game.ending,
            black: game.black,
            white: game.white,
            event: game.event,
            black_rating: game.black_rating,
            white_rating: game.white_rating,
            date: game.date,
        };
        writer.add_game(&new, game.moves, here)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use maou_shogi::generate::{GameGenerator, GeneratorOptions};
    use maou_shogi::record::{Format, GameRecord};

    /// Enough positions that the sorter and the spools of the writer all need their files.
    #[test]
    fn what_is_spilled_gives_the_same_bytes() {
        let root = std::env::temp_dir().join(format!("maou-index-spill-{}", std::process::id()));
        let (record, data) = (root.join("games.csa"), root.join("data"));
        fs::create_dir_all(&root).unwrap();
        let mut generator = GameGenerator::new(GeneratorOptions::default());
        let (mut game, mut text) = (GameRecord::default(), String::new());
        for _ in 0..2_000 {
            generator.next_text(Format::Csa, &mut game, &mut text);
            text.push_str("/\n");
        }
        fs::write(&record, text).unwrap();
        maou_io::convert(&[record], &data, &Default::default(), &mut |_| true).unwrap();
        let bytes = |memory: u64| {
            let options = BuildOptions { memory, force: true, ..Default::default() };
            assert!(build(&data, &options, &mut |_| true).unwrap().n_positions > 200_000);
            let mut files = fs::read_dir(data.join("index")).unwrap().map(|f| f.unwrap().path());
            let segment = files.find(|path| {
                path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"segment"))
            });
            fs::read(segment.unwrap()).unwrap()
        };
        assert!(bytes(DEFAULT_MEMORY) == bytes(MIN_MEMORY));
        fs::remove_dir_all(&root).unwrap();
    }
}
