//! Checking everything that a training set says of itself.

use std::path::Path;

use maou_shogi::{Move, Position};
use serde::Serialize;

use super::manifest::{MEND, Split};
use super::reader::{OpenTrainingFile, TrainingBatch, TrainingFile, TrainingSet};
use crate::error::{Error, Result};
use crate::prepare::PrepareProgress;
use crate::verify::{MAX_REPORTED_PROBLEMS, Problem};
use crate::workers::{map_in_order, n_threads};

/// What a verification of a training set found.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct TrainingVerifyReport {
    /// Files.
    pub n_files: u64,
    /// Rows that were looked at.
    pub n_rows: u64,
    /// Problems.
    pub n_problems: u64,
    /// The first problems, [`MAX_REPORTED_PROBLEMS`] at most.
    pub problems: Vec<Problem>,
    /// Whether the work was stopped before it was done.
    pub stopped: bool,
}

impl TrainingVerifyReport {
    fn add(&mut self, problem: Problem) {
        self.n_problems += 1;
        if self.problems.len() < MAX_REPORTED_PROBLEMS {
            self.problems.push(problem);
        }
    }

    fn add_file(&mut self, file: &TrainingFile, error: &Error) {
        let message = match error {
            Error::Corrupt { message, .. } => message.clone(),
            other => other.to_string(),
        };
        let file = file.entry().file.clone();
        self.add(Problem { file, row: None, column: None, message });
    }
}

/// What was found in a batch: its first and last key, and problems by row and column.
struct Looked {
    keys: (u64, u64),
    problems: Vec<(u64, &'static str, String)>,
}

/// Looks at every row of the training set in the folder `dir`, and checks hashes, the order of the
/// keys, positions, keys, moves and sums. `progress` says `false` to stop.
///
/// # Errors
///
/// If there is no training set. What is wrong with its files is in the report.
pub fn verify_training(
    dir: &Path,
    threads: usize,
    progress: &mut dyn FnMut(&PrepareProgress) -> bool,
) -> Result<TrainingVerifyReport> {
    let set = TrainingSet::open(dir)?;
    let mut report = TrainingVerifyReport::default();
    let total = Split::ALL.iter().map(|split| set.n_rows(*split)).sum();
    for split in Split::ALL {
        let mut last_key = None;
        for file in set.files(split) {
            report.n_files += 1;
            let checked = file.check_hash().and_then(|()| file.open());
            let opened = match checked {
                Ok(opened) => opened,
                Err(error) => {
                    report.add_file(&file, &error);
                    last_key = None;
                    continue;
                }
            };
            let done = report.n_rows;
            let mut tick = || {
                progress(&PrepareProgress {
                    phase: "verify",
                    done,
                    total,
                    n_rows: done,
                    ..PrepareProgress::default()
                })
            };
            let look = || |batch: usize| look(&opened, batch, &file.path());
            let n_threads = n_threads(threads);
            let Some(looked) = map_in_order(n_threads, opened.n_batches(), look, &mut tick) else {
                report.stopped = true;
                return Ok(report);
            };
            check_file(&file, looked, &mut last_key, &mut report);
            report.n_rows += file.entry().n_rows;
        }
    }
    Ok(report)
}

/// Enters what was found in the batches of a file, and checks that keys ascend over all of them.
fn check_file(
    file: &TrainingFile,
    looked: Vec<Result<Looked>>,
    last_key: &mut Option<u64>,
    report: &mut TrainingVerifyReport,
) {
    let name = &file.entry().file;
    let mut bounds = None::<(u64, u64)>;
    for looked in looked {
        let Looked { keys, problems } = match looked {
            Ok(looked) => looked,
            Err(error) => {
                report.add_file(file, &error);
                continue;
            }
        };
        if last_key.is_some_and(|last| last >= keys.0) {
            let message = "expected keys that ascend from batch to batch, found others".to_owned();
            let column = Some("key".to_owned());
            report.add(Problem { file: name.clone(), row: None, column, message });
        }
        *last_key = Some(keys.1);
        bounds = Some((bounds.map_or(keys.0, |bounds| bounds.0), keys.1));
        for (row, column, message) in problems {
            let column = Some(column.to_owned());
            report.add(Problem { file: name.clone(), row: Some(row), column, message });
        }
    }
    if bounds != file.entry().key_range() {
        let message = format!("expected the keys that the manifest tells, found others; {MEND}");
        report.add(Problem { file: name.clone(), row: None, column: Some("key".into()), message });
    }
}

fn look(file: &OpenTrainingFile, batch: usize, path: &Path) -> Result<Looked> {
    let first_row = (batch * super::schema::ROWS_PER_BATCH) as u64;
    let batch = file.batch(batch, None)?;
    let table = TrainingBatch::new(&batch, path)?;
    let mut problems = Vec::new();
    for row in 0..table.len() {
        let mut tell = |column, message| problems.push((first_row + row as u64, column, message));
        if row > 0 && table.keys[row - 1] >= table.keys[row] {
            tell("key", "expected a key above that of the row before".to_owned());
        }
        check_row(&table, row, &mut tell);
    }
    let ends = table.keys.first().copied().zip(table.keys.last().copied());
    Ok(Looked { keys: ends.unwrap_or_default(), problems })
}

fn check_row(table: &TrainingBatch<'_>, row: usize, tell: &mut dyn FnMut(&'static str, String)) {
    let position = match Position::from_hcp(table.position(row)) {
        Ok(position) => position,
        Err(error) => return tell("position", error.to_string()),
    };
    if position.key() != table.keys[row] {
        let (expected, found) = (position.key(), table.keys[row]);
        tell("key", format!("expected `{expected:016x}`, found `{found:016x}`"));
    }
    let moves = table.moves(row);
    let is_legal = |bits: &u16| Move::from_move16(*bits).is_some_and(|mv| position.is_legal(mv));
    if let Some(bits) = moves.moves.iter().find(|bits| !is_legal(bits)) {
        tell("moves", format!("expected legal moves, found `{bits}`"));
    }
    if moves.moves.windows(2).any(|pair| pair[0] >= pair[1]) {
        tell("moves", "expected moves that ascend, each once".to_owned());
    }
    let n = moves.counts.iter().map(|n| u64::from(*n)).sum::<u64>();
    if n.min(u64::from(u32::MAX)) != u64::from(table.n[row]) || n == 0 {
        tell("counts", format!("expected the sum {}, found {n}", table.n[row]));
    }
    let is_score = |score: f32| (0.0..=1.0).contains(&score);
    let is_eval = |eval: f32| eval.abs() <= f32::from(super::schema::MAX_EVAL_CP);
    let scores = moves.scores.iter().flatten().chain(table.score(row));
    if !scores.into_iter().all(is_score) {
        tell("score", "expected scores from 0 to 1".to_owned());
    }
    let evals = moves.evals_cp.iter().flatten().chain(table.eval_cp(row));
    if !evals.into_iter().all(is_eval) {
        tell("eval_cp", "expected evals within 32000".to_owned());
    }
    let is_weight = |weight: &f32| weight.is_finite() && *weight >= 0.0;
    let weights = [table.weights[row], table.score_weights[row], table.eval_weights[row]];
    if !weights.iter().chain(moves.weights).all(is_weight) || weights[0] <= 0.0 {
        tell("weight", "expected weights from 0 up".to_owned());
    }
    if (table.score(row).is_some(), table.eval_cp(row).is_some())
        != (weights[1] > 0.0, weights[2] > 0.0)
    {
        tell("score", "expected a score and an eval exactly where they weigh something".to_owned());
    }
}
