//! The way back: a dataset's games and loose positions as one file of teacher records.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use maou_shogi::record::{Ending, GameResult};
use maou_shogi::teacher::{CannotHold, FLAG_GOLD_7TH, Hcpe, Hcpe3Game, TrainingPosition};
use maou_shogi::{Move, Position};
use serde::Serialize;

use crate::checked::damaged;
use crate::columns::{GameRow, GamesBatch};
use crate::dataset::{Dataset, GamesFile, Table};
use crate::error::{AtPath, Error, Result};
use crate::files::Files;
use crate::ipc::IpcFile;
use crate::positions::PositionsBatch;
use crate::report::{Progress, ProgressFn};
use crate::search_columns::{SearchBatch, SearchRow};
use crate::teacher::TeacherFormat;
use crate::workers::{n_threads, stream_in_order};

/// What an export is told beside the dataset and the file.
#[derive(Clone, Copy, Debug)]
pub struct ExportOptions {
    /// The format of the file.
    pub format: TeacherFormat,
    /// The eval of plies that have none; without it, formats of positions leave them out, and
    /// HCPE3 marks them as not for training.
    pub missing_eval: Option<i16>,
    /// Number of worker threads; 0 takes one per core.
    pub threads: usize,
}

/// What an export did. What is counted are games if the format is one of games, positions
/// otherwise.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct ExportReport {
    /// What the numbers count: `games` or `positions`. A loose position counts either way.
    pub counted: &'static str,
    /// How many there are in the dataset.
    pub n_found: u64,
    /// How many were written.
    pub n_written: u64,
    /// Size of the file.
    pub size_bytes: u64,
    /// What the format cannot hold and was left out, by cause.
    pub left_out: BTreeMap<&'static str, u64>,
    /// How many were written without their flags, which the format does not have.
    pub n_flags_dropped: u64,
    /// Whether the work was stopped before it was done; there is no file then.
    pub stopped: bool,
}

/// Writes everything in the dataset in the folder `data` into the file `out`, `-` for standard
/// output: shard by shard, games before loose positions. The file appears when it is whole.
///
/// # Errors
///
/// If there is no dataset, it is damaged, or the file cannot be written.
pub fn export(
    data: &Path,
    out: &Path,
    options: &ExportOptions,
    progress: &mut ProgressFn<'_>,
) -> Result<ExportReport> {
    let dataset = Dataset::open(data)?;
    let mut jobs = Vec::new();
    let mut bytes = 0;
    for shard in dataset.shards() {
        for table in Table::ALL {
            let Some(known) = table.fingerprint(shard) else { continue };
            let file = dataset.file(table, shard.number);
            bytes += known.size_bytes;
            let n_batches = file.open()?.n_batches();
            let per_batch = known.size_bytes / (n_batches as u64).max(1);
            jobs.extend((0..n_batches).map(|index| Job {
                table,
                file: file.clone(),
                index,
                per_batch,
            }));
        }
    }
    let counted = if options.format.is_loose() { "positions" } else { "games" };
    let mut report = ExportReport { counted, ..ExportReport::default() };
    let mut target = Target::create(out)?;
    let n_done = AtomicU64::new(0);
    let n_written = AtomicU64::new(0);
    let make_worker = || {
        let mut worker = Worker::new(*options);
        let (n_done, n_written) = (&n_done, &n_written);
        move |job: &Job| {
            let written = worker.run(job);
            n_done.fetch_add(job.per_batch, Ordering::Relaxed);
            if let Ok(written) = &written {
                n_written.fetch_add(written.n_written, Ordering::Relaxed);
            }
            written
        }
    };
    let mut consume = |written: Written| -> Result<()> {
        report.n_found += written.n_found;
        report.n_written += written.n_written;
        report.n_flags_dropped += written.n_flags_dropped;
        report.size_bytes += written.bytes.len() as u64;
        if written.n_of_variations > 0 {
            *report.left_out.entry("variation").or_default() += written.n_of_variations;
        }
        for (cause, n) in written.left_out {
            *report.left_out.entry(cause.as_str()).or_default() += n;
        }
        target.write(&written.bytes)
    };
    let mut tick = || {
        progress(&Progress {
            bytes_done: n_done.load(Ordering::Relaxed),
            bytes,
            n_positions: n_written.load(Ordering::Relaxed),
            ..Progress::default()
        })
    };
    let n_threads = n_threads(options.threads);
    let is_done = stream_in_order(n_threads, jobs.iter(), make_worker, &mut consume, &mut tick);
    match is_done {
        Ok(true) => target.finish()?,
        Ok(false) => {
            report.stopped = true;
            target.remove();
        }
        Err(error) => {
            target.remove();
            return Err(error);
        }
    }
    Ok(report)
}

/// Where the bytes go.
enum Target {
    Stdout,
    File { file: File, beside: PathBuf, path: PathBuf },
}

impl Target {
    fn create(out: &Path) -> Result<Target> {
        if out == Path::new("-") {
            return Ok(Target::Stdout);
        }
        if out.is_dir() {
            let message = "expected the name of a file, found a folder";
            return Err(Error::Usage(format!("{}: {message}", out.display())));
        }
        let mut beside = out.as_os_str().to_owned();
        beside.push(".tmp");
        let beside = PathBuf::from(beside);
        let file = Files::new(None).create(&beside)?;
        Ok(Target::File { file, beside, path: out.to_owned() })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Target::Stdout => std::io::stdout().write_all(bytes).at(Path::new("-")),
            Target::File { file, beside, .. } => file.write_all(bytes).at(beside),
        }
    }

    fn finish(self) -> Result<()> {
        match self {
            Target::Stdout => std::io::stdout().flush().at(Path::new("-")),
            Target::File { file, beside, path } => {
                let files = Files::new(None);
                files.sync(&file, &beside)?;
                files.rename(&beside, &path)
            }
        }
    }

    fn remove(self) {
        if let Target::File { beside, .. } = self {
            // What went wrong before is what is told.
            let _ = fs::remove_file(beside);
        }
    }
}

/// A batch of a file.
struct Job {
    table: Table,
    file: GamesFile,
    index: usize,
    /// Share of the file's bytes, for the progress.
    per_batch: u64,
}

/// What a batch gave.
#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    n_found: u64,
    n_written: u64,
    n_flags_dropped: u64,
    /// Games that are variations, or their positions: nobody played them, and they begin with
    /// moves that the line which they leave has, too.
    n_of_variations: u64,
    left_out: BTreeMap<CannotHold, u64>,
}

impl Written {
    fn leave_out(&mut self, cause: CannotHold, n: u64) {
        if n > 0 {
            *self.left_out.entry(cause).or_default() += n;
        }
    }

    fn position(&mut self, position: &TrainingPosition, format: TeacherFormat) {
        let record = match format {
            TeacherFormat::Psv => position.to_psv().map(|r| self.bytes.extend_from_slice(&r)),
            TeacherFormat::Hcpe2 => {
                position.to_hcpe(Hcpe::Two).map(|r| self.bytes.extend_from_slice(&r))
            }
            _ => position.to_hcpe(Hcpe::One).map(|r| self.bytes.extend_from_slice(&r)),
        };
        match record {
            Ok(()) => {
                self.n_written += 1;
                let has_flags = position.flags & !FLAG_GOLD_7TH != 0;
                self.n_flags_dropped += u64::from(has_flags && format != TeacherFormat::Hcpe2);
            }
            Err(cause) => self.leave_out(cause, 1),
        }
    }
}

/// Writes batches; each thread has its own.
struct Worker {
    options: ExportOptions,
    open: Option<IpcFile>,
    game: Hcpe3Game,
}

impl Worker {
    fn new(options: ExportOptions) -> Worker {
        Worker { options, open: None, game: Hcpe3Game::default() }
    }

    fn run(&mut self, job: &Job) -> Result<Written> {
        if self.open.as_ref().is_none_or(|file| file.path() != job.file.path()) {
            self.open = Some(job.file.open()?);
        }
        let Some(file) = &self.open else { unreachable!("opened above") };
        let batch = file.batch(job.index, None)?;
        let path = file.path().to_owned();
        let wrong = |row: usize, column: &str| {
            damaged(
                &path,
                format!("expected a sound value in `{column}` of row {row} of batch {}", job.index),
            )
        };
        let mut written = Written::default();
        match job.table {
            Table::Positions => {
                let table = PositionsBatch::new(&batch);
                let size = self.options.format.record_bytes().unwrap_or_default();
                written.bytes.reserve(size * table.len());
                for row in 0..table.len() {
                    written.n_found += 1;
                    if !self.options.format.is_loose() {
                        written.leave_out(CannotHold::NotAGame, 1);
                        continue;
                    }
                    let position = table.row(row).map_err(|column| wrong(row, column))?;
                    written.position(&position, self.options.format);
                }
            }
            Table::Games => {
                let (games, search) = (GamesBatch::new(&batch), SearchBatch::new(&batch));
                for row in 0..games.n_games() {
                    let game = games.row(row);
                    if games.parent_id(row).is_some() {
                        let is_loose = self.options.format.is_loose();
                        let n = if is_loose { game.moves.len() as u64 } else { 1 };
                        written.n_found += n;
                        written.n_of_variations += n;
                        continue;
                    }
                    let start = Position::from_sfen(games.text(1, row));
                    let start = start.map_err(|_| wrong(row, "start"))?;
                    let ending = games.text(6, row).parse().unwrap_or_default();
                    let result =
                        GameResult::from_u8(game.result).ok_or_else(|| wrong(row, "result"))?;
                    let game = Game { start, game, search: search.row(row), result, ending };
                    if game.game.evals_cp.len() != game.game.moves.len()
                        || game.search.is_some_and(|s| s.evals_raw.len() != game.game.moves.len())
                    {
                        return Err(wrong(row, "evals_cp"));
                    }
                    let is_sound = if self.options.format.is_loose() {
                        self.plies(&game, &mut written)
                    } else {
                        self.game(&game, &mut written)
                    };
                    if is_sound.is_none() {
                        return Err(wrong(row, "moves"));
                    }
                }
            }
        }
        Ok(written)
    }

    /// The eval of a ply, and whether it is for training.
    fn eval(&self, game: &Game<'_>, ply: usize) -> std::result::Result<i16, CannotHold> {
        match &game.search {
            Some(search) if search.n_candidates(ply) == 0 => Err(CannotHold::NotForTraining),
            Some(search) => Ok(search.evals_raw[ply]),
            None => {
                game.game.eval_cp(ply).or(self.options.missing_eval).ok_or(CannotHold::MissingEval)
            }
        }
    }

    /// Writes each ply of a game; `None` if a move cannot be played.
    fn plies(&self, game: &Game<'_>, written: &mut Written) -> Option<()> {
        let n_plies = game.game.moves.len() as u64;
        written.n_found += n_plies;
        let mut position = game.start.clone();
        if position.to_hcp().is_err() {
            written.leave_out(CannotHold::MissingKing, n_plies);
            return Some(());
        }
        if game.result == GameResult::Unknown {
            written.leave_out(CannotHold::UnknownResult, n_plies);
            return Some(());
        }
        let flags = game.flags();
        for (ply, &bits) in game.game.moves.iter().enumerate() {
            let mv = Move::from_move16(bits).filter(|mv| position.is_legal(*mv))?;
            match (self.eval(game, ply), position.to_hcp()) {
                (Err(cause), _) => written.leave_out(cause, 1),
                (Ok(_), Err(_)) => written.leave_out(CannotHold::MissingKing, 1),
                (Ok(eval), Ok(hcp)) => {
                    let position = TrainingPosition {
                        hcp,
                        key: 0,
                        mv,
                        eval,
                        result: game.result,
                        flags,
                        ply: u16::try_from(ply + 1).unwrap_or_default(),
                        is_exact: true,
                    };
                    written.position(&position, self.options.format);
                }
            }
            position.make(mv);
        }
        Some(())
    }

    /// Writes a game; `None` if a move cannot be played.
    fn game(&mut self, game: &Game<'_>, written: &mut Written) -> Option<()> {
        written.n_found += 1;
        if game.game.moves.is_empty() && game.search.is_none() {
            written.leave_out(CannotHold::NoMoves, 1);
            return Some(());
        }
        self.game.clear();
        self.game.start.clone_from(&game.start);
        self.game.result = game.result;
        self.game.flags = game.flags();
        self.game.opponent = game.search.map_or(0, |search| search.opponent);
        let mut position = game.start.clone();
        for (ply, &bits) in game.game.moves.iter().enumerate() {
            let mv = Move::from_move16(bits).filter(|mv| position.is_legal(*mv))?;
            position.make(mv);
            self.game.moves.push(mv);
            match &game.search {
                Some(search) => {
                    let n = u16::try_from(search.n_candidates(ply)).ok()?;
                    self.game.evals_raw.push(search.evals_raw[ply]);
                    self.game.n_candidates.push(n);
                }
                // As dlshogi's converter does: the move that was played, visited once.
                None => {
                    let eval = self.eval(game, ply).ok();
                    self.game.evals_raw.push(eval.unwrap_or_default());
                    self.game.n_candidates.push(u16::from(eval.is_some()));
                    if eval.is_some() {
                        self.game.candidates.push(bits);
                        self.game.visits.push(1);
                    }
                }
            }
        }
        if let Some(search) = &game.search {
            self.game.candidates.extend_from_slice(search.candidates);
            self.game.visits.extend_from_slice(search.visits);
        }
        match self.game.write(&mut written.bytes) {
            Ok(()) => written.n_written += 1,
            Err(cause) => written.leave_out(cause, 1),
        }
        Some(())
    }
}

/// A row of a games file.
struct Game<'a> {
    start: Position,
    game: GameRow<'a>,
    search: Option<SearchRow<'a>>,
    result: GameResult,
    ending: Ending,
}

impl Game<'_> {
    fn flags(&self) -> u8 {
        self.search.map_or_else(|| Hcpe3Game::flags_of(self.ending), |search| search.flags)
    }
}
