//! `maou verify`: replays everything and checks what a dataset says about itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::checked::{Fingerprint, open_file};
use crate::dataset::{Dataset, Details, GamesFile, Table};
use crate::duplicates;
use crate::error::{AtPath, Error, Result, reason};
use crate::ipc::IpcFile;
use crate::manifest::{MANIFEST_FILE, ShardEntry, Totals};
use crate::replay::{self, BatchFindings, Replayer};
use crate::report::{Progress, ProgressFn};
use crate::schema::{GAMES_PER_BATCH, POSITIONS_PER_BATCH};
use crate::source_runs::SourceRuns;
use crate::source_table::SourceRow;
use crate::variations::Lineage;
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
    /// Games files and positions files.
    pub n_files: u64,
    /// Games that were replayed.
    pub n_games: u64,
    /// Their moves, and the loose positions.
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
    let (dataset, details) = Dataset::open_with_details(dir)?;
    let n_threads = n_threads(threads);
    let mut report = VerifyReport::default();
    let all = dataset.info();
    let counters = Counters::default();
    let tables = |entry| Table::ALL.into_iter().map(move |table| (entry, table));
    let files = dataset.shards().flat_map(tables);
    for (entry, table) in files {
        let Some(known) = table.fingerprint(entry) else { continue };
        report.n_files += 1;
        let file = dataset.file(table, entry.number);
        let check = FileCheck { entry, table, known, file, details: details.get(&entry.number) };
        let mut tick = || {
            progress(&Progress {
                n_sources_done: report.n_files - 1,
                n_sources: all.shards + all.positions_files,
                bytes_done: counters.bytes.load(Ordering::Relaxed),
                bytes: all.size_bytes,
                n_games: counters.n_games.load(Ordering::Relaxed),
                n_positions: counters.n_positions.load(Ordering::Relaxed),
                n_errors: report.n_problems,
            })
        };
        let problems = check.run(n_threads, &counters, &mut tick)?;
        counters.bytes.fetch_add(check.known.size_bytes, Ordering::Relaxed);
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
    let files: Vec<_> = dataset.games_files().iter().map(GamesFile::open).collect::<Result<_>>()?;
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

/// The check of one file of a shard.
struct FileCheck<'a> {
    entry: &'a ShardEntry,
    table: Table,
    known: Fingerprint,
    file: GamesFile,
    details: Option<&'a Details>,
}

impl FileCheck<'_> {
    /// `None` if it was stopped.
    fn run(
        &self,
        n_threads: usize,
        counters: &Counters,
        tick: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Vec<Problem>>> {
        match self.open() {
            Ok(file) => self.rows(&file, n_threads, counters, tick),
            Err(message) => Ok(Some(vec![self.problem(message)])),
        }
    }

    fn problem(&self, message: String) -> Problem {
        let file = match (self.table, &self.entry.positions) {
            (Table::Positions, Some(positions)) => &positions.file,
            _ => &self.entry.file,
        };
        Problem { file: file.clone(), row: None, column: None, message }
    }

    /// Opens the file if it is the one that the manifest means: another one may hold anything.
    fn open(&self) -> std::result::Result<IpcFile, String> {
        let path = self.file.path();
        let reason = |error| match error {
            Error::Io { source, .. } => format!("cannot be read: {}", reason(&source)),
            Error::Corrupt { message, .. } => message,
            other => other.to_string(),
        };
        let found = open_file(path)
            .and_then(|mut file| Fingerprint::of_file(&mut file).at(path))
            .map_err(reason)?;
        let Fingerprint { xxh3, size_bytes } = &self.known;
        if found.size_bytes != *size_bytes {
            return Err(format!("expected {size_bytes} bytes, found {}", found.size_bytes));
        }
        if found.xxh3 != *xxh3 {
            return Err(format!("expected hash `{xxh3}`, found `{}`", found.xxh3));
        }
        self.file.open().map_err(reason)
    }

    fn rows(
        &self,
        file: &IpcFile,
        n_threads: usize,
        counters: &Counters,
        tick: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Vec<Problem>>> {
        let (batch_len, rows) = match self.table {
            Table::Games => (GAMES_PER_BATCH, "games"),
            Table::Positions => (POSITIONS_PER_BATCH, "positions"),
        };
        let make_worker = || {
            let mut replayer = Replayer::default();
            move |index: usize| -> Result<BatchFindings> {
                let batch = file.batch(index, None)?;
                let first_row = (index * batch_len) as u64;
                let mut findings = BatchFindings { first_row, ..BatchFindings::default() };
                findings.is_short = batch.num_rows() != batch_len;
                match self.table {
                    Table::Games => replayer.batch(&batch, &mut findings),
                    Table::Positions => replay::positions(&batch, &mut findings),
                }
                let n_positions = findings.totals.n_all_positions();
                counters.n_games.fetch_add(findings.totals.n_games, Ordering::Relaxed);
                counters.n_positions.fetch_add(n_positions, Ordering::Relaxed);
                Ok(findings)
            }
        };
        let Some(batches) = map_in_order(n_threads, file.n_batches(), make_worker, tick) else {
            return Ok(None);
        };
        let mut problems = Vec::new();
        let mut totals = Totals::default();
        let mut sources = self.details.map_or(&[][..], |details| &details.sources).iter();
        let mut runs = SourceRuns::new(self.table);
        let (mut source, mut lineage) = (None, Lineage::default());
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
                    "expected {batch_len} {rows} in each batch but the last, found fewer in batch \
                     {index}"
                )));
            }
            totals.add(&findings.totals);
            let mut lines = (findings.first_row..).zip(&findings.lines);
            for run in &findings.sources {
                if source.as_ref() != Some(&run.name) {
                    (source, lineage) = (Some(run.name.clone()), Lineage::default());
                }
                for (row, (id, parent_id)) in lines.by_ref().take(run.n_games as usize) {
                    if let Err(message) = lineage.see(*id, *parent_id) {
                        problems.push(Problem {
                            row: Some(row),
                            column: Some("parent_id".to_owned()),
                            ..self.problem(message)
                        });
                    }
                }
            }
            runs.check(&findings.sources, &mut sources, &mut |row, message| {
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
        problems.extend(
            match self.table {
                Table::Games => self.counts(totals),
                Table::Positions => self.positions_counts(totals),
            }
            .into_iter()
            .map(|message| self.problem(message)),
        );
        Ok(Some(problems))
    }

    /// Compares the number of positions with what the manifest says.
    fn positions_counts(&self, counted: Totals) -> Vec<String> {
        let (says, found) = (self.entry.totals.n_loose_positions, counted.n_loose_positions);
        let problem = format!("expected {says} positions as in the manifest, found {found}");
        (says != found).then_some(problem).into_iter().collect()
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
        compare("variations", counted.n_variations, says.n_variations);
        compare("positions", counted.n_positions, says.n_positions);
        let none = Details::default();
        let Details { sources, errors } = self.details.unwrap_or(&none);
        let sum = |get: fn(&SourceRow) -> u64| sources.iter().map(get).sum::<u64>();
        compare("sources", sources.len() as u64, says.n_sources);
        compare("games in sources.feather", sum(|row| row.n_games.into()), says.n_games);
        let n_positions = says.n_all_positions();
        compare("positions in sources.feather", sum(|row| row.n_positions), n_positions);
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
