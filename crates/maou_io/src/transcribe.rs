//! `maou convert --to csa`: records of any format as text of one.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use maou_shogi::record::{
    Encoding, Format, GameRecord, GamesText, Loss, Reader, RecordError, Sink, encode, write_record,
};
use serde::Serialize;

use crate::archives::{Archives, Fault};
use crate::error::{AtPath, Error, Result, reason};
use crate::in_order::for_each_in_order;
use crate::mirror::{file_name, may_collide, stem_of};
use crate::read_file::FileBuffer;
use crate::report::{ErrorEntry, MAX_REPORTED_ERRORS, Progress, ProgressFn};
use crate::sniff::{Content, sniff};
use crate::sources::{Access, STDIN, Search, Source, Sources, Unpacked};
use crate::teacher::{HEAD_BYTES, detect};
use crate::variations::Tree;
use crate::workers::n_threads;

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

/// One game as text.
struct Text {
    bytes: Vec<u8>,
    n_positions: u64,
}

/// What was read of one source.
#[derive(Default)]
struct Read1 {
    texts: Vec<Text>,
    errors: Vec<ErrorEntry>,
    loss: Loss,
}

/// What became of some sources: files that were written, or texts to be written.
#[derive(Default)]
struct Done {
    report: TranscribeReport,
    loss: Loss,
    outcomes: Vec<Outcome>,
}

/// What became of a game.
enum Outcome {
    /// It is to be written by whoever gets this.
    Text(Vec<u8>),
    /// It was written to a file, or is there already.
    File { name: String, is_new: bool },
    /// A file with other content is there.
    Conflict(String),
}

struct Run<'a> {
    sources: &'a Sources<'a>,
    options: &'a TranscribeOptions,
    n_threads: usize,
}

impl Run<'_> {
    /// Reads all sources, hands the texts of each to `place` on any thread and what became of them
    /// to `take` in order.
    fn pass(
        &self,
        place: &(dyn Fn(PlacedTexts<'_>) -> Result<Vec<Outcome>> + Sync),
        take: &mut dyn FnMut(Vec<Outcome>) -> Result<()>,
        progress: &mut ProgressFn<'_>,
    ) -> Result<TranscribeReport> {
        let counters = [const { AtomicU64::new(0) }; 5];
        let [n_sources, n_bytes, n_games, n_positions, n_errors] = &counters;
        let make_worker = || {
            let mut reader = TextReader::new(self);
            move |units: Vec<Source>, unpacked: Vec<Unpacked>| {
                let mut unpacked = unpacked.into_iter();
                let mut done = Done::default();
                for source in units {
                    let Read1 { texts, errors, loss } = reader.read(&source, &mut unpacked)?;
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
                    done.outcomes.extend(place(PlacedTexts { source: &source, texts })?);
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
        let mut consume = |done: Done| {
            let part = done.report;
            report.n_sources += part.n_sources;
            report.n_games += part.n_games;
            report.n_positions += part.n_positions;
            report.n_errors += part.n_errors;
            let n_wanted = MAX_REPORTED_ERRORS - report.errors.len();
            report.errors.extend(part.errors.into_iter().take(n_wanted));
            loss += done.loss;
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
        let is_whole =
            for_each_in_order(self.n_threads, self.sources, make_worker, &mut consume, &mut tick)?;
        report.stopped = !is_whole;
        report.left_out = loss.entries().into_iter().filter(|(_, n)| *n > 0).collect();
        Ok(report)
    }

    /// Writes a file for each game.
    fn write_folder(&self, dir: &Path, progress: &mut ProgressFn<'_>) -> Result<TranscribeReport> {
        if dir.exists() && !dir.is_dir() {
            return Err(Error::Usage(format!(
                "{}: expected a folder as the output, found a file",
                dir.display()
            )));
        }
        let is_empty = fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none());
        let is_taken = dir.exists() && !is_empty && !self.options.force;
        let names = self.sources.list.iter().map(|source| &*source.name);
        if self.options.strict || is_taken || may_collide(names) {
            let checked = self.check_folder(dir, progress)?;
            if checked.stopped {
                return Ok(checked);
            }
        }
        let write = |texts: PlacedTexts<'_>| {
            let place = |(path, name, bytes): (PathBuf, String, Vec<u8>)| {
                if has_content(&path, &bytes) {
                    return Ok(Outcome::File { name, is_new: false });
                }
                write_whole(&path, &bytes)?;
                Ok(Outcome::File { name, is_new: true })
            };
            texts.files(dir, self.options.format).map(place).collect()
        };
        fs::create_dir_all(dir).at(dir)?;
        self.pass(&write, &mut |_| Ok(()), progress)
    }

    /// Finds what would make writing fail halfway: errors of a strict run, files that are there,
    /// and names that two games would have.
    fn check_folder(&self, dir: &Path, progress: &mut ProgressFn<'_>) -> Result<TranscribeReport> {
        let force = self.options.force;
        let compare = |texts: PlacedTexts<'_>| {
            let place = |(path, name, bytes): (PathBuf, String, Vec<u8>)| {
                if force || !path.exists() || has_content(&path, &bytes) {
                    Ok(Outcome::File { name, is_new: false })
                } else {
                    Ok(Outcome::Conflict(name))
                }
            };
            texts.files(dir, self.options.format).map(place).collect()
        };
        let mut names = HashSet::new();
        let mut conflicts: Vec<String> = Vec::new();
        let mut n_conflicts = 0_u64;
        let mut take = |outcomes: Vec<Outcome>| {
            for outcome in outcomes {
                let (Outcome::File { name, .. } | Outcome::Conflict(name)) = &outcome else {
                    continue;
                };
                if !names.insert(name.clone()) {
                    return Err(Error::Usage(format!(
                        "{}: expected games with different names, found that two would be `{name}`",
                        dir.display()
                    )));
                }
                if matches!(outcome, Outcome::Conflict(_)) {
                    n_conflicts += 1;
                    if conflicts.is_empty() {
                        conflicts.push(name.clone());
                    }
                }
            }
            Ok(())
        };
        let report = self.pass(&compare, &mut take, progress)?;
        if let Some(first) = conflicts.first() {
            let more = match n_conflicts {
                1 => String::new(),
                n => format!(" and {} more", n - 1),
            };
            return Err(Error::Usage(format!(
                "{}: expected a new name, found a file with other content{more}; --force replaces \
                 it",
                dir.join(first).display()
            )));
        }
        Ok(report)
    }

    /// Writes one file with all games.
    fn write_file(&self, path: &Path, progress: &mut ProgressFn<'_>) -> Result<TranscribeReport> {
        let beside = beside_of(path);
        let mut writer = BufWriter::new(File::create(&beside).at(path)?);
        let written = self
            .give_all(&mut |bytes| writer.write_all(bytes).at(path), progress)
            .and_then(|report| writer.flush().at(path).map(|()| report));
        drop(writer);
        let finished = written.and_then(|mut report| {
            if report.stopped {
                return Ok((report, false));
            }
            if is_same_file(path, &beside) {
                report.n_files_unchanged = 1;
                return Ok((report, false));
            }
            if path.exists() && !self.options.force {
                return Err(Error::Usage(format!(
                    "{}: expected a new name, found a file with other content; --force replaces it",
                    path.display()
                )));
            }
            fs::rename(&beside, path).at(path)?;
            report.n_files = 1;
            Ok((report, true))
        });
        if !finished.as_ref().is_ok_and(|(_, is_renamed)| *is_renamed) {
            // What went wrong is told; the file beside is of no use to anybody.
            let _ = fs::remove_file(&beside);
        }
        finished.map(|(report, _)| report)
    }

    /// Hands all games to `take`, as one text.
    fn give_all(
        &self,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
        progress: &mut ProgressFn<'_>,
    ) -> Result<TranscribeReport> {
        let mut text = GamesText::new(self.options.format);
        // The first game, until it is known whether it is the only one.
        let mut first: Option<Vec<u8>> = None;
        let mut n_games = 0_u64;
        let give = |texts: PlacedTexts<'_>| {
            Ok(texts.texts.into_iter().map(|text| Outcome::Text(text.bytes)).collect())
        };
        let mut take_all = |outcomes: Vec<Outcome>| {
            for outcome in outcomes {
                let Outcome::Text(bytes) = outcome else { continue };
                n_games += 1;
                if n_games == 1 {
                    first = Some(bytes);
                    continue;
                }
                if let Some(first) = first.take() {
                    take(text.before_next().as_bytes())?;
                    take(&first)?;
                }
                take(text.before_next().as_bytes())?;
                take(&bytes)?;
            }
            Ok(())
        };
        let report = self.pass(&give, &mut take_all, progress)?;
        if report.stopped {
            return Ok(report);
        }
        match first {
            Some(only) => take(&only)?,
            None => {
                let mut end = String::new();
                text.finish(&mut end);
                take(end.as_bytes())?;
            }
        }
        Ok(report)
    }
}

/// The texts of one source, on their way to their places.
struct PlacedTexts<'a> {
    source: &'a Source,
    texts: Vec<Text>,
}

impl PlacedTexts<'_> {
    /// The path, its part below `dir`, and the content of the file of each game.
    fn files(self, dir: &Path, format: Format) -> impl Iterator<Item = (PathBuf, String, Vec<u8>)> {
        let n_texts = self.texts.len();
        let stem = stem_of(&self.source.name).unwrap_or_default();
        self.texts.into_iter().enumerate().map(move |(index, text)| {
            let name = file_name(&stem, (n_texts > 1).then_some(index + 1), format.as_str());
            (dir.join(&name), name, text.bytes)
        })
    }
}

/// Reads sources into texts; each thread has its own.
struct TextReader<'a> {
    run: &'a Run<'a>,
    buffer: FileBuffer,
    reader: Reader,
    game: GameRecord,
}

impl<'a> TextReader<'a> {
    fn new(run: &'a Run<'a>) -> TextReader<'a> {
        let (buffer, reader, game) = (FileBuffer::default(), Reader::full(), GameRecord::default());
        TextReader { run, buffer, reader, game }
    }

    fn read(
        &mut self,
        source: &Source,
        unpacked: &mut dyn Iterator<Item = Unpacked>,
    ) -> Result<Read1> {
        let sources = self.run.sources;
        let path = sources.path(source);
        let mut writer = TextWriter {
            options: self.run.options,
            source: &source.name,
            path: &path,
            n_games: 0,
            text: String::new(),
            read: Read1::default(),
        };
        if source.name.as_ref() != STDIN && stem_of(&source.name).is_none() {
            writer.unreadable(format!(
                "expected the name of a source within its input, found `{}`",
                source.name
            ));
            return Ok(writer.read);
        }
        let member;
        let content = match source.access() {
            Access::Problem(problem) => Err(problem.to_owned()),
            Access::File => {
                self.buffer.read(&path, source.size_bytes).map_err(|error| reason(&error))
            }
            Access::Member => {
                member = unpacked.next().expect("one for each member of an archive");
                member.as_deref().map_err(Clone::clone)
            }
            Access::Piece(piece) => {
                let known = sources.piece(piece).errors.iter().cloned();
                writer.read.errors.extend(known);
                if sources.piece(piece).row.format.is_loose() {
                    writer.unreadable(
                        "expected games, found loose positions, which have no text".to_owned(),
                    );
                    return Ok(writer.read);
                }
                let mut tree = Tree::default();
                sources.tables().read(piece, &mut self.game, &mut |found| match found {
                    Ok(found) => {
                        if let Some(game) = tree.push(found.game, found.parent_id) {
                            writer.game(&game);
                        }
                    }
                    Err((row, column, message)) => writer.row_problem(row, column, &message),
                })?;
                if let Some(game) = tree.finish() {
                    writer.game(&game);
                }
                return Ok(writer.read);
            }
        };
        match content {
            Err(problem) => writer.unreadable(problem),
            Ok(bytes) => {
                if matches!(source.access(), Access::File) && sniff(bytes) != Content::Other {
                    return Err(Error::Misnamed(path));
                }
                if let Ok(Some(_)) = detect(&bytes[..bytes.len().min(HEAD_BYTES)]) {
                    writer.unreadable(
                        "expected records of games as text, found teacher records; convert them \
                         into a dataset first"
                            .to_owned(),
                    );
                } else {
                    self.reader.read(bytes, &mut writer);
                }
            }
        }
        Ok(writer.read)
    }
}

/// Takes what is read in one source.
struct TextWriter<'a> {
    options: &'a TranscribeOptions,
    source: &'a str,
    path: &'a Path,
    n_games: u32,
    text: String,
    read: Read1,
}

impl TextWriter<'_> {
    fn unreadable(&mut self, problem: String) {
        let entry = ErrorEntry::unreadable(self.source, self.path.to_owned(), problem);
        self.read.errors.push(entry);
    }

    fn row_problem(&mut self, row: u64, column: &str, message: &str) {
        self.read.errors.push(ErrorEntry {
            kind: ErrorEntry::ROW.to_owned(),
            ..ErrorEntry::unreadable(
                self.source,
                self.path.to_owned(),
                format!("row {row}, column `{column}`: {message}"),
            )
        });
    }
}

impl Sink for TextWriter<'_> {
    fn game(&mut self, game: &GameRecord) {
        self.n_games += 1;
        self.text.clear();
        let loss = write_record(self.options.format, game, &mut self.text);
        match encode(&self.text, self.options.encoding) {
            Ok(bytes) => {
                self.read.loss += loss;
                let n_positions = game.moves.len() as u64;
                self.read.texts.push(Text { bytes, n_positions });
            }
            Err(error) => self.read.errors.push(ErrorEntry {
                kind: "encoding".to_owned(),
                ..ErrorEntry::unreadable(
                    self.source,
                    self.path.to_owned(),
                    format!("game {}: {error}", self.n_games),
                )
            }),
        }
    }

    fn error(&mut self, error: RecordError) {
        self.read.errors.push(ErrorEntry {
            source: self.source.to_owned(),
            line: Some(error.line),
            column: Some(error.column),
            kind: error.kind.as_str().to_owned(),
            message: error.message,
            kept: error.kept,
            game_number: error.kept.then_some(self.n_games + 1),
            shard: 0,
            path: self.path.to_owned(),
        });
    }
}

/// The name that a file has until it is whole.
fn beside_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".maou.tmp");
    path.with_file_name(name)
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = beside_of(path);
    let written = fs::write(&beside, bytes).or_else(|error| {
        // The folder, mostly; it is made once for many files.
        let folder = path.parent().filter(|folder| !folder.exists()).ok_or(error)?;
        fs::create_dir_all(folder)?;
        fs::write(&beside, bytes)
    });
    let renamed = written.and_then(|()| fs::rename(&beside, path));
    renamed.at(path).inspect_err(|_| {
        // What went wrong is told; the file beside is of no use to anybody.
        let _ = fs::remove_file(&beside);
    })
}

fn has_content(path: &Path, bytes: &[u8]) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() == bytes.len() as u64)
        && fs::read(path).is_ok_and(|found| found == bytes)
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    let same = || -> std::io::Result<bool> {
        if fs::metadata(a)?.len() != fs::metadata(b)?.len() {
            return Ok(false);
        }
        let (a, b) = (BufReader::new(File::open(a)?), BufReader::new(File::open(b)?));
        for (x, y) in a.bytes().zip(b.bytes()) {
            if x? != y? {
                return Ok(false);
            }
        }
        Ok(true)
    };
    same().unwrap_or(false)
}
