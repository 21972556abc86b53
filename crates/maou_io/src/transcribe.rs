//! `maou convert --to csa`: records of any format as text of one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use maou_shogi::record::{Encoding, Format, Loss};
use serde::Serialize;

use crate::archives::{Archives, Fault};
use crate::error::{Error, Result};
use crate::report::{ErrorEntry, MAX_REPORTED_ERRORS, Progress, ProgressFn};
use crate::sources::{Search, Source, Sources, Unpacked};
use crate::text_out::PlacedTexts;
use crate::text_reader::{SourceTexts, TextReader};
use crate::workers::{n_threads, stream_in_order};

/// Bytes of sources that are worked on at once.
const UNIT_BYTES: u64 = 1_000_000;
/// Sources that are worked on at once, however small.
const UNIT_SOURCES: usize = 200;

/// Where texts go.
pub enum TextOut<'a> {
    /// A file for each game below this folder, named as the source that it is from.
    Folder(&'a Path),
    /// One file with all games.
    File(&'a Path),
    /// Somebody who takes all games, such as standard output.
    Taker(&'a mut dyn FnMut(&[u8]) -> std::result::Result<(), Fault>),
}

/// What a transcription is told beside its inputs and its output.
#[derive(Clone, Copy, Debug)]
pub struct TranscribeOptions {
    /// The format of the texts.
    pub format: Format,
    /// Their encoding.
    pub encoding: Encoding,
    /// Number of worker threads; 0 takes one per core.
    pub threads: usize,
    /// Stop at the first error, before anything is written.
    pub strict: bool,
    /// Replace files that have other content.
    pub force: bool,
}

/// What a transcription did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TranscribeReport {
    /// Sources that were read.
    pub n_sources: u64,
    /// Games that were written.
    pub n_games: u64,
    /// Their moves.
    pub n_positions: u64,
    /// Errors found.
    pub n_errors: u64,
    /// The first errors, [`MAX_REPORTED_ERRORS`] at most.
    pub errors: Vec<ErrorEntry>,
    /// Files that were written.
    pub n_files: u64,
    /// Files that had the content already that they would have got.
    pub n_files_unchanged: u64,
    /// What the format has no place for, by name, and how much of it was left out.
    pub left_out: Vec<(&'static str, u64)>,
    /// Whether the run was asked to stop before it was done.
    pub stopped: bool,
}

/// Writes the records in `inputs` as text. `archives` looks into archives and reads standard input.
///
/// # Errors
///
/// [`Error::Usage`] if the inputs or the output cannot be used, also if files would be replaced or
/// two games have one name; nothing is written then. [`Error::Strict`] at the first error of a
/// strict run, and otherwise what the operating system says.
pub fn transcribe(
    inputs: &[PathBuf],
    mut out: TextOut<'_>,
    options: &TranscribeOptions,
    archives: Option<&dyn Archives>,
    progress: &mut ProgressFn<'_>,
) -> Result<TranscribeReport> {
    let mut search = Search {
        archives,
        looks_into_all: false,
        cut_rows: None,
        n_threads: n_threads(options.threads),
    };
    // A taker cannot take back what it was given, so all files are looked into before.
    search.looks_into_all = matches!(out, TextOut::Taker(_));
    match attempt(inputs, &mut out, options, search, progress) {
        Err(Error::Misnamed(_)) if !search.looks_into_all => {
            search.looks_into_all = true;
            attempt(inputs, &mut out, options, search, progress)
        }
        other => other,
    }
}

fn attempt(
    inputs: &[PathBuf],
    out: &mut TextOut<'_>,
    options: &TranscribeOptions,
    search: Search<'_>,
    progress: &mut ProgressFn<'_>,
) -> Result<TranscribeReport> {
    let real = |path: &Path| fs::canonicalize(path).ok();
    // What was written before is not read again, unless it was named.
    let skip = match out {
        TextOut::Folder(dir) => {
            let dir: &Path = dir;
            Some(dir).filter(|dir| inputs.iter().all(|input| real(input) != real(dir)))
        }
        _ => None,
    };
    let sources = Sources::find(inputs, skip, search)?;
    sources.check_not_empty()?;
    let run = Run { sources: &sources, options, n_threads: search.n_threads };
    match out {
        TextOut::Folder(dir) => run.write_folder(dir, progress),
        TextOut::File(path) => run.write_file(path, progress),
        TextOut::Taker(take) => {
            if options.strict {
                let checked = run.pass(&|_| Ok(Vec::new()), &mut |_| Ok(()), progress)?;
                if checked.stopped {
                    return Ok(checked);
                }
            }
            run.give_all(&mut |bytes| take(bytes).map_err(Error::Fault), progress)
        }
    }
}

/// What became of some sources: files that were written, or texts to be written.
#[derive(Default)]
struct Done {
    report: TranscribeReport,
    loss: Loss,
    n_candidates: u64,
    outcomes: Vec<Outcome>,
}

/// What became of a game.
pub(crate) enum Outcome {
    /// It is to be written by whoever gets this.
    Text(Vec<u8>),
    /// It was written to a file, or is there already.
    File { name: String, is_new: bool },
    /// A file with other content is there.
    Conflict(String),
}

/// What is transcribed, and how.
pub(crate) struct Run<'a> {
    pub(crate) sources: &'a Sources<'a>,
    pub(crate) options: &'a TranscribeOptions,
    n_threads: usize,
}

impl Run<'_> {
    /// Reads all sources, hands the texts of each to `place` on any thread and what became of them
    /// to `take` in order.
    pub(crate) fn pass(
        &self,
        place: &(dyn Fn(PlacedTexts<'_>) -> Result<Vec<Outcome>> + Sync),
        take: &mut dyn FnMut(Vec<Outcome>) -> Result<()>,
        progress: &mut ProgressFn<'_>,
    ) -> Result<TranscribeReport> {
        let counters = [const { AtomicU64::new(0) }; 5];
        let [n_sources, n_bytes, n_games, n_positions, n_errors] = &counters;
        let make_worker = || {
            let mut reader = TextReader::new(self.sources, self.options);
            move |(unit, unpacked): (&[Source], Result<Vec<Unpacked>>)| {
                let mut unpacked = unpacked?.into_iter();
                let mut done = Done::default();
                for source in unit {
                    let SourceTexts { texts, errors, loss, n_candidates } =
                        reader.read(source, &mut unpacked)?;
                    let count = |counter: &AtomicU64, n: usize| {
                        counter.fetch_add(n as u64, Ordering::Relaxed);
                    };
                    count(n_sources, 1);
                    count(n_bytes, source.size_bytes as usize);
                    count(n_games, texts.len());
                    count(n_errors, errors.len());
                    done.report.n_sources += 1;
                    done.report.n_games += texts.len() as u64;
                    let n_plies = texts.iter().map(|text| text.n_positions).sum::<u64>();
                    count(n_positions, n_plies as usize);
                    done.report.n_positions += n_plies;
                    done.report.n_errors += errors.len() as u64;
                    done.report.errors.extend(errors);
                    done.report.errors.truncate(MAX_REPORTED_ERRORS);
                    done.loss += loss;
                    done.n_candidates += n_candidates;
                    done.outcomes.extend(place(PlacedTexts { source, texts })?);
                }
                Ok(done)
            }
        };
        let list = &self.sources.list;
        let bytes = list.iter().map(|source| source.size_bytes).sum();
        let mut tick = || {
            let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            progress(&Progress {
                n_sources_done: get(n_sources),
                n_sources: list.len() as u64,
                bytes_done: get(n_bytes),
                bytes,
                n_games: get(n_games),
                n_positions: get(n_positions),
                n_errors: get(n_errors),
            })
        };
        let mut report = TranscribeReport::default();
        let mut loss = Loss::NONE;
        let mut n_candidates = 0;
        let mut consume = |done: Done| {
            let part = done.report;
            report.n_sources += part.n_sources;
            report.n_games += part.n_games;
            report.n_positions += part.n_positions;
            report.n_errors += part.n_errors;
            let n_wanted = MAX_REPORTED_ERRORS - report.errors.len();
            report.errors.extend(part.errors.into_iter().take(n_wanted));
            loss += done.loss;
            n_candidates += done.n_candidates;
            if self.options.strict
                && let Some(first) = report.errors.first()
            {
                return Err(Error::Strict(Box::new(first.clone())));
            }
            for outcome in &done.outcomes {
                match outcome {
                    Outcome::File { is_new: true, .. } => report.n_files += 1,
                    Outcome::File { .. } => report.n_files_unchanged += 1,
                    _ => {}
                }
            }
            take(done.outcomes)
        };
        // Members are unpacked as their units are asked for: one after the other.
        let units = units(list).map(|unit| (unit, self.sources.unpack(unit)));
        let is_whole =
            stream_in_order(self.n_threads, units, make_worker, &mut consume, &mut tick)?;
        report.stopped = !is_whole;
        let entries = loss.entries().into_iter().chain([("candidates", n_candidates)]);
        report.left_out = entries.filter(|(_, n)| *n > 0).collect();
        Ok(report)
    }
}

/// Cuts the sources into those that are worked on at once.
fn units(sources: &[Source]) -> impl Iterator<Item = &[Source]> {
    let mut rest = sources;
    std::iter::from_fn(move || {
        let mut bytes = 0_u64;
        let n_fitting = rest.iter().take(UNIT_SOURCES).take_while(|source| {
            bytes = bytes.saturating_add(source.size_bytes);
            bytes <= UNIT_BYTES
        });
        // One at least, however large it is.
        let (unit, later) = rest.split_at(n_fitting.count().max(1).min(rest.len()));
        rest = later;
        (!unit.is_empty()).then_some(unit)
    })
}
