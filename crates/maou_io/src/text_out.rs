//! Where the texts of games go: a file for each, or all into one.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use maou_shogi::record::{Format, GamesText};

use crate::error::{AtPath, Error, Result};
use crate::mirror::{file_name, may_collide, stem_of};
use crate::report::ProgressFn;
use crate::sources::Source;
use crate::text_reader::Text;
use crate::transcribe::{Outcome, Run, TranscribeReport};

impl Run<'_> {
    /// Writes a file for each game.
    pub(crate) fn write_folder(
        &self,
        dir: &Path,
        progress: &mut ProgressFn<'_>,
    ) -> Result<TranscribeReport> {
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
                        "{}: expected games with different names, found that two would be \
                         `{name}`; write one file (`-o all.{}`), or convert them apart",
                        dir.display(),
                        name.rsplit('.').next().unwrap_or_default()
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
    pub(crate) fn write_file(
        &self,
        path: &Path,
        progress: &mut ProgressFn<'_>,
    ) -> Result<TranscribeReport> {
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
    pub(crate) fn give_all(
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
pub(crate) struct PlacedTexts<'a> {
    pub(crate) source: &'a Source,
    pub(crate) texts: Vec<Text>,
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
