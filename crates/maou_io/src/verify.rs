//! `maou verify`: replays everything and checks what a dataset says about itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use xxhash_rust::xxh3::Xxh3;

use crate::dataset::{Dataset, Details};
use crate::duplicates;
use crate::error::{AtPath, Error, Result, reason};
use crate::ipc::IpcFile;
use crate::manifest::{MANIFEST_FILE, ShardEntry, Totals, hex};
use crate::replay::Replayer;
use crate::report::{Progress, ProgressFn};
use crate::schema::GAMES_PER_BATCH;
use crate::source_table::{SOURCES_FILE, SourceRow};
use crate::workers::{map_in_order, n_threads};

/// How many problems a [`VerifyReport`] holds.
pub const MAX_REPORTED_PROBLEMS: usize = 1_000;

/// Something in a dataset that is not as it should be.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Problem {
    /// The file, within the dataset's folder.
    pub file: String,
    /// Row of the table, from 0; `None` if the whole file is meant.
    pub row: Option<u64>,
    /// Column of the table, where one is meant.
    pub column: Option<String>,
    /// The sentence, with the culprit in backticks.
    pub message: String,
}

/// What a verification found.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct VerifyReport {
    /// Games files.
    pub n_files: u64,
    /// Games that were replayed.
    pub n_games: u64,
    /// Their moves.
    pub n_positions: u64,
    /// Problems.
    pub n_problems: u64,
    /// The first problems, [`MAX_REPORTED_PROBLEMS`] at most.
    pub problems: Vec<Problem>,
    /// Whether the work was stopped before it was done.
    pub stopped: bool,
}

impl VerifyReport {
    fn add(&mut self, problem: Problem) {
        self.n_problems += 1;
        if self.problems.len() < MAX_REPORTED_PROBLEMS {
            self.problems.push(problem);
        }
    }

    fn add_file(&mut self, file: &str, message: String) {
        self.add(Problem { file: file.to_owned(), row: None, column: None, message });
    }
}

/// Replays all games of the dataset in the folder `dir`, and checks hashes, columns, ids and
/// counts. `n_threads` 0 takes one per core; `progress` counts games files' bytes as those of
/// sources, and stops the work when it says `false`.
///
/// # Errors
///
/// If there is no dataset, or its tables of sources or errors cannot be read. What is wrong with
/// the games is in the report.
pub fn verify(dir: &Path, threads: usize, progress: &mut ProgressFn<'_>) -> Result<VerifyReport> {
    let mut dataset = Dataset::open(dir)?;
    let details = dataset.details()?;
    let n_threads = n_threads(threads);
    let mut report = VerifyReport::default();
    let all = dataset.info();
    let counters = Counters::default();
    for entry in dataset.shards() {
        report.n_files += 1;
        let check = ShardCheck {
            entry,
            path: dataset.games_path(entry.number),
            details: details.get(&entry.number),
        };
        let mut tick = || {
            progress(&Progress {
                n_sources_done: report.n_files - 1,
                n_sources: all.shards,
                bytes_done: counters.bytes.load(Ordering::Relaxed),
                bytes: all.size_bytes,
                n_games: counters.n_games.load(Ordering::Relaxed),
                n_positions: counters.n_positions.load(Ordering::Relaxed),
                n_errors: report.n_problems,
            })
        };
        let problems = check.run(n_threads, &counters, &mut tick)?;
        counters.bytes.fetch_add(entry.totals.size_bytes, Ordering::Relaxed);
        let Some(problems) = problems else {
            report.stopped = true;
            break;
        };
        problems.into_iter().for_each(|problem| report.add(problem));
    }
    report.n_games = counters.n_games.into_inner();
    report.n_positions = counters.n_positions.into_inner();
    if !report.stopped && report.n_problems == 0 && !all.unfinished {
        check_whole(&dataset, &mut report)?;
    }
    Ok(report)
}

/// Checks what only the whole dataset tells.
fn check_whole(dataset: &Dataset, report: &mut VerifyReport) -> Result<()> {
    let info = dataset.info();
    let files: Vec<_> =
        dataset.games_paths().iter().map(|path| IpcFile::open(path)).collect::<Result<_>>()?;
    let n_duplicates = duplicates::count(&files, info.games, &[])?;
    if n_duplicates != info.duplicate_games {
        report.add_file(
            MANIFEST_FILE,
            format!("expected {n_duplicates} duplicate games, found {}", info.duplicate_games),
        );
    }
    if dataset.manifest_totals()?.is_some_and(|totals| totals != dataset.totals()) {
        let message = "expected the totals to be the sum of the games files'".to_owned();
        report.add_file(MANIFEST_FILE, message);
    }
    Ok(())
}

#[derive(Default)]
struct Counters {
    bytes: AtomicU64,
    n_games: AtomicU64,
    n_positions: AtomicU64,
}

/// The check of one games file.
struct ShardCheck<'a> {
    entry: &'a ShardEntry,
    path: PathBuf,
    details: Option<&'a Details>,
}

impl ShardCheck<'_> {
    /// `None` if it was stopped.
    fn run(
        &self,
        n_threads: usize,
        counters: &Counters,
        tick: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Vec<Problem>>> {
        // A file with another hash is not decoded: it may hold anything.
        match self.open() {
            Err(Error::Io { source, .. }) => {
                Ok(Some(vec![self.problem(format!("cannot be read: {}", reason(&source)))]))
            }
            Err(error) => Ok(Some(vec![self.problem(error.to_string())])),
            Ok(Err(problem)) => Ok(Some(vec![problem])),
            Ok(Ok(file)) => self.games(&file, n_threads, counters, tick),
        }
    }

    fn problem(&self, message: String) -> Problem {
        Problem { file: self.entry.file.clone(), row: None, column: None, message }
    }

    fn open(&self) -> Result<std::result::Result<IpcFile, Problem>> {
        let (hash, size_bytes) = hash_file(&self.path)?;
        let ShardEntry { xxh3, totals, .. } = self.entry;
        if size_bytes != totals.size_bytes {
            let expected = totals.size_bytes;
            return Ok(Err(self.problem(format!("expected {expected} bytes, found {size_bytes}"))));
        }
        if hex(hash) != *xxh3 {
            let found = hex(hash);
            return Ok(Err(self.problem(format!("expected hash `{xxh3}`, found `{found}`"))));
        }
        let file = IpcFile::open(&self.path)?;
        if file.schema() != &crate::schema::games_schema() {
            return Ok(Err(self.problem("expected the columns of the games table".to_owned())));
        }
        Ok(Ok(file))
    }

    fn games(
        &self,
        file: &IpcFile,
        n_threads: usize,
        counters: &Counters,
        tick: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Vec<Problem>>> {
        let make_worker = || {
            let mut replayer = Replayer::default();
            move |index: usize| -> Result<BatchFindings> {
                let batch = file.batch(index, None)?;
                let first_row = (index * GAMES_PER_BATCH) as u64;
                let mut findings = BatchFindings { first_row, ..BatchFindings::default() };
                findings.is_short = batch.num_rows() != GAMES_PER_BATCH;
                replayer.batch(&batch, &mut findings);
                counters.n_games.fetch_add(findings.totals.n_games, Ordering::Relaxed);
                counters.n_positions.fetch_add(findings.totals.n_positions, Ordering::Relaxed);
                Ok(findings)
            }
        };
        let Some(batches) = map_in_order(n_threads, file.n_batches(), make_worker, tick) else {
            return Ok(None);
        };
        let mut problems = Vec::new();
        let mut totals = Totals::default();
        let mut sources = self.details.map_or(&[][..], |details| &details.sources).iter();
        let mut expected = Expected::default();
        let n_batches = batches.len();
        for (index, findings) in batches.into_iter().enumerate() {
            let findings = match findings {
                Ok(findings) => findings,
                Err(error) => {
                    problems.push(self.problem(error.to_string()));
                    continue;
                }
            };
            if findings.is_short && index + 1 < n_batches {
                problems.push(self.problem(format!(
                    "expected {GAMES_PER_BATCH} games in each batch but the last, found fewer in \
                     batch {index}"
                )));
            }
            totals.add(&findings.totals);
            expected.check(&findings, &mut sources, &mut |row, message| {
                problems.push(Problem {
                    row: Some(row),
                    column: Some("source".to_owned()),
                    ..self.problem(message)
                });
            });
            problems.extend(findings.problems.into_iter().map(|(row, column, message)| Problem {
                row: Some(row),
                column: Some(column.to_owned()),
                ..self.problem(message)
            }));
        }
        problems.extend(self.counts(totals).into_iter().map(|message| self.problem(message)));
        Ok(Some(problems))
    }

    /// Compares what was counted with what manifest, sources and errors say.
    fn counts(&self, counted: Totals) -> Vec<String> {
        let mut problems = Vec::new();
        let says = &self.entry.totals;
        let mut compare = |what: &str, counted: u64, says: u64| {
            if counted != says {
                problems
                    .push(format!("expected {says} {what} as in the manifest, found {counted}"));
            }
        };
        compare("games", counted.n_games, says.n_games);
        compare("positions", counted.n_positions, says.n_positions);
        let none = Details::default();
        let Details { sources, errors } = self.details.unwrap_or(&none);
        let sum = |get: fn(&SourceRow) -> u64| sources.iter().map(get).sum::<u64>();
        compare("sources", sources.len() as u64, says.n_sources);
        compare("games in sources.feather", sum(|row| row.n_games.into()), says.n_games);
        compare("positions in sources.feather", sum(|row| row.n_positions), says.n_positions);
        compare("errors in sources.feather", sum(|row| row.n_errors.into()), says.n_errors);
        compare("errors in errors.jsonl", errors.len() as u64, says.n_errors);
        let mut kinds = BTreeMap::new();
        for error in errors {
            *kinds.entry(error.kind.clone()).or_default() += 1;
        }
        if (counted.results, &counted.endings) != (says.results, &says.endings) {
            problems.push("expected the results and endings of the manifest, found others".into());
        }
        if kinds != says.error_kinds {
            problems.push("expected the kinds of errors of the manifest, found others".into());
        }
        problems
    }
}

/// What was found in one batch.
#[derive(Default)]
pub(crate) struct BatchFindings {
    pub(crate) first_row: u64,
    pub(crate) is_short: bool,
    pub(crate) totals: Totals,
    /// Runs of games of one source: name, first row, number of games, of moves.
    pub(crate) sources: Vec<(Box<str>, u64, u64, u64)>,
    /// Row, column and message.
    pub(crate) problems: Vec<(u64, &'static str, String)>,
}

/// The source whose games come next.
#[derive(Default)]
struct Expected {
    row: Option<SourceRow>,
    n_games: u64,
    n_positions: u64,
}

impl Expected {
    /// Compares the runs of sources in a batch with `sources.feather`.
    fn check<'a>(
        &mut self,
        findings: &BatchFindings,
        rows: &mut impl Iterator<Item = &'a SourceRow>,
        tell: &mut dyn FnMut(u64, String),
    ) {
        for (name, first_row, n_games, n_positions) in &findings.sources {
            if self.row.as_ref().is_none_or(|row| row.name != *name) {
                self.close(*first_row, tell);
                self.row = rows.find(|row| row.n_games > 0).cloned();
                (self.n_games, self.n_positions) = (0, 0);
            }
            let next = self.row.as_ref().map_or("the end", |row| &row.name);
            if next != &**name {
                let expected = format!("expected `{next}` as in {SOURCES_FILE}, found `{name}`");
                tell(*first_row, expected);
            }
            self.n_games += n_games;
            self.n_positions += n_positions;
        }
    }

    fn close(&self, row_number: u64, tell: &mut dyn FnMut(u64, String)) {
        let Some(row) = &self.row else { return };
        let says = (u64::from(row.n_games), row.n_positions);
        if says != (self.n_games, self.n_positions) {
            let name = &row.name;
            tell(
                row_number,
                format!(
                    "expected {} games and {} positions of `{name}` before this row as in \
                     {SOURCES_FILE}, found {} and {}",
                    says.0, says.1, self.n_games, self.n_positions
                ),
            );
        }
    }
}

fn hash_file(path: &Path) -> Result<(u64, u64)> {
    use std::io::Read;
    let mut file = File::open(path).at(path)?;
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; 1 << 20];
    let mut size_bytes = 0;
    loop {
        let n = file.read(&mut buffer).at(path)?;
        if n == 0 {
            return Ok((hash.digest(), size_bytes));
        }
        hash.update(&buffer[..n]);
        size_bytes += n as u64;
    }
}
