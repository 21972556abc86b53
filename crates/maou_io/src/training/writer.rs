//! How a training set comes into its folder: all files beside their names, then the manifest, then
//! the names. What stood there before can be used up to that instant, and what stands there after
//! it from then on.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use xxhash_rust::xxh3::Xxh3;

use super::manifest::{
    KIND, NEXT_MANIFEST_FILE, Split, SplitEntry, TrainingContents, TrainingFileEntry,
    TrainingManifest, TrainingOptions,
};
use super::reader::{TrainingSet, beside};
use super::schema::{ROWS_PER_FILE, training_schema};
use crate::dataset::Dataset;
use crate::error::{AtPath, Error, Result};
use crate::files::{Files, Syncing};
use crate::ipc::{EncodedBatch, Layout};
use crate::large_file::LargeFile;
use crate::lock::{LOCK_FILE, Lock};
use crate::manifest::{MANIFEST_FILE, hex};
use crate::report::Compression;

/// What the files are called that a run needs beside those that it writes, while it lasts.
const SPILL: &str = "spill";

/// A folder that is about to become a training set.
pub(crate) struct Output<'a> {
    files: Files<'a>,
    dir: PathBuf,
    is_new: bool,
    is_done: bool,
    /// Files that are complete, oldest first.
    syncing: Mutex<VecDeque<Syncing>>,
    lock: Option<Lock>,
}

/// The most files that are on their way to the disk at a time: what comes faster has to wait.
const MAX_SYNCING: usize = 4;

impl<'a> Output<'a> {
    /// Locks the folder, which is made when missing, and removes what runs that were ended have
    /// left in it.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if something else stands there, or a training set and not `force`.
    pub(crate) fn open(files: Files<'a>, dir: &Path, force: bool) -> Result<Output<'a>> {
        check_free(dir, force)?;
        let is_new = !dir.exists();
        files.create_dir_all(dir)?;
        let mut output = Output {
            files,
            dir: dir.to_owned(),
            is_new,
            is_done: false,
            syncing: Mutex::default(),
            lock: None,
        };
        output.lock = Some(Lock::acquire_as(dir, "this training set")?);
        // Another run may have come to its end meanwhile.
        complete(files, dir)?;
        check_free(dir, force)?;
        remove_leftovers(files, dir)?;
        Ok(output)
    }

    pub(crate) fn files(&self) -> Files<'a> {
        self.files
    }

    /// Where records wait, by number of the file.
    pub(crate) fn spill_path(&self, number: usize) -> PathBuf {
        self.dir.join(format!("{SPILL}-{number:05}.tmp"))
    }

    /// Begins the files of a split.
    pub(crate) fn split(&self, split: Split, compression: Compression) -> SplitWriter<'_> {
        SplitWriter {
            output: self,
            split,
            compression,
            current: None,
            entry: SplitEntry::default(),
        }
    }

    /// Sends a file that is complete to the disk, while others are written.
    fn sync_later(&self, file: File, path: &Path) -> Result<()> {
        self.wait_for_syncing(MAX_SYNCING - 1)?;
        let syncing = self.files.sync_later(file, path)?;
        self.syncing().push_back(syncing);
        Ok(())
    }

    fn syncing(&self) -> MutexGuard<'_, VecDeque<Syncing>> {
        self.syncing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no more files than these are on their way.
    fn wait_for_syncing(&self, n: usize) -> Result<()> {
        let mut syncing = self.syncing();
        while syncing.len() > n {
            syncing.pop_front().expect("there are more").wait()?;
        }
        Ok(())
    }

    /// Makes the files that were written the training set of the folder.
    pub(crate) fn commit(mut self, manifest: &TrainingManifest) -> Result<()> {
        self.wait_for_syncing(0)?;
        self.files.sync_dir(&self.dir)?;
        self.files.replace(&self.dir.join(NEXT_MANIFEST_FILE), &manifest.to_bytes())?;
        // From here on it is the training set, whenever and however this run may end.
        self.is_done = true;
        self.files.sync_dir(&self.dir)?;
        complete(self.files, &self.dir)
    }
}

impl Drop for Output<'_> {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        // The error that is told is the one that led here; the next run removes what is left.
        while self.wait_for_syncing(0).is_err() {}
        let _ = remove_leftovers(self.files, &self.dir);
        drop(self.lock.take());
        if self.is_new {
            let _ = self.files.remove(&self.dir.join(LOCK_FILE));
            let _ = fs::remove_dir(&self.dir);
        }
    }
}

/// Refuses a folder that is not free for a training set.
fn check_free(dir: &Path, force: bool) -> Result<()> {
    let usage = |found: String| Err(Error::Usage(format!("{}: {found}", dir.display())));
    match fs::metadata(dir) {
        Err(_) => return Ok(()),
        Ok(metadata) if !metadata.is_dir() => {
            return usage("expected a folder for the training set, found a file".to_owned());
        }
        Ok(_) => {}
    }
    if TrainingSet::is_at(dir) {
        if force {
            return Ok(());
        }
        return usage(
            "expected a new folder, found a training set: `--force` replaces it".to_owned(),
        );
    }
    if Dataset::is_at(dir) {
        return usage(
            "expected a folder for the training set, found a dataset: name another one".to_owned(),
        );
    }
    for entry in fs::read_dir(dir).at(dir)? {
        let name = entry.at(dir)?.file_name();
        let name = name.to_string_lossy();
        if name != LOCK_FILE && !is_leftover(&name) {
            return usage(format!("expected a new or an empty folder, found one with `{name}`"));
        }
    }
    Ok(())
}

/// Gives the files of a set that is complete their names, if a run ended before it did so.
fn complete(files: Files<'_>, dir: &Path) -> Result<()> {
    let next = dir.join(NEXT_MANIFEST_FILE);
    if !next.exists() {
        return Ok(());
    }
    let (manifest, _) = TrainingManifest::read(dir)?;
    let entries = || Split::ALL.into_iter().flat_map(|split| &manifest.contents.split(split).files);
    for entry in entries() {
        let path = dir.join(&entry.file);
        if beside(&path).exists() {
            files.rename(&beside(&path), &path)?;
        }
    }
    for name in names(dir)? {
        if is_file_of_set(&name) && entries().all(|entry| entry.file != name) {
            files.remove(&dir.join(&name))?;
        }
    }
    files.rename(&next, &dir.join(MANIFEST_FILE))?;
    files.sync_dir(dir)
}

fn names(dir: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).at(dir)? {
        if let Ok(name) = entry.at(dir)?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn remove_leftovers(files: Files<'_>, dir: &Path) -> Result<()> {
    for name in names(dir)?.iter().filter(|name| is_leftover(name)) {
        files.remove(&dir.join(name))?;
    }
    Ok(())
}

/// Whether a file of the name is one of the two splits.
fn is_file_of_set(name: &str) -> bool {
    Split::ALL.into_iter().any(|split| is_numbered(name, split.as_str(), ".feather"))
}

/// Whether only a run that was ended can have left a file of the name.
fn is_leftover(name: &str) -> bool {
    is_numbered(name, SPILL, ".tmp")
        || name.strip_suffix(".tmp").is_some_and(|name| {
            is_file_of_set(name) || [MANIFEST_FILE, NEXT_MANIFEST_FILE].contains(&name)
        })
}

/// Whether a name is `kind-NNNNN` with this ending.
fn is_numbered(name: &str, kind: &str, ending: &str) -> bool {
    let number = name.strip_prefix(kind).and_then(|name| name.strip_prefix('-'));
    let number = number.and_then(|rest| rest.strip_suffix(ending));
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// A file that is being written.
struct Current {
    path: PathBuf,
    file: LargeFile,
    layout: Layout,
    hash: Xxh3,
    entry: TrainingFileEntry,
}

/// Writes the files of a split, one after the other.
pub(crate) struct SplitWriter<'a> {
    output: &'a Output<'a>,
    split: Split,
    compression: Compression,
    current: Option<Current>,
    entry: SplitEntry,
}

impl SplitWriter<'_> {
    /// Adds a batch whose rows have keys from `first` to `last`.
    pub(crate) fn batch(
        &mut self,
        batch: &EncodedBatch,
        n_rows: usize,
        (first, last): (u64, u64),
    ) -> Result<()> {
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.create(first)?,
        };
        current.layout.add(batch);
        current.entry.n_rows += n_rows as u64;
        current.entry.last_key = hex(last);
        self.write(&mut current, &batch.parts().collect::<Vec<_>>())?;
        self.entry.n_rows += n_rows as u64;
        if current.entry.n_rows < ROWS_PER_FILE as u64 {
            self.current = Some(current);
            return Ok(());
        }
        self.end(current)
    }

    fn create(&mut self, first_key: u64) -> Result<Current> {
        let name = self.split.file_name(self.entry.files.len());
        let path = beside(&self.output.dir.join(&name));
        let file = self.output.files.create_large(&path)?;
        let layout = Layout::new(training_schema(), self.compression);
        let entry = TrainingFileEntry {
            file: name,
            xxh3: String::new(),
            size_bytes: 0,
            n_rows: 0,
            first_key: hex(first_key),
            last_key: String::new(),
        };
        let mut current = Current { path, file, layout, hash: Xxh3::new(), entry };
        let header = current.layout.header();
        self.write(&mut current, &[&header])?;
        Ok(current)
    }

    fn write(&self, current: &mut Current, parts: &[&[u8]]) -> Result<()> {
        for part in parts {
            current.hash.update(part);
            current.entry.size_bytes += part.len() as u64;
        }
        self.output.files.write_large(&mut current.file, parts, &current.path)
    }

    fn end(&mut self, mut current: Current) -> Result<()> {
        let footer = current.layout.footer();
        self.write(&mut current, &[&footer])?;
        let file = self.output.files.finish_large(current.file, &current.path)?;
        self.output.sync_later(file, &current.path)?;
        current.entry.xxh3 = hex(current.hash.digest());
        self.entry.size_bytes += current.entry.size_bytes;
        self.entry.files.push(current.entry);
        Ok(())
    }

    /// Ends the last file, and tells what was written: rows and files.
    pub(crate) fn finish(mut self) -> Result<SplitEntry> {
        if let Some(current) = self.current.take() {
            self.end(current)?;
        }
        Ok(self.entry)
    }
}

/// The manifest that this version writes.
pub(crate) fn new_manifest(
    options: TrainingOptions,
    contents: TrainingContents,
) -> TrainingManifest {
    TrainingManifest {
        kind: KIND.to_owned(),
        training_schema_version: super::schema::TRAINING_SCHEMA_VERSION,
        key_version: maou_shogi::KEY_VERSION,
        maou_version: env!("CARGO_PKG_VERSION").to_owned(),
        options,
        contents,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn only_our_own_leftovers_are_removed() {
        for name in ["spill-00031.tmp", "train-00001.feather.tmp", "manifest.json.next.tmp"] {
            assert!(is_leftover(name), "{name}");
        }
        for name in
            ["train-00001.feather", "train-x.feather.tmp", "spill-.tmp", "notes.tmp", "games.tmp"]
        {
            assert!(!is_leftover(name), "{name}");
        }
    }

    #[test]
    fn what_stands_there_is_not_overwritten() {
        let dir = TempDir::new("output");
        let path = dir.path().join("train");
        let open = |force| Output::open(Files::new(None), &path, force).map(drop);
        let fail = |force| open(force).unwrap_err().to_string();
        open(false).unwrap();
        assert!(!path.exists(), "a run that does not come to its end leaves nothing");
        fs::write(&path, "").unwrap();
        assert!(fail(true).ends_with("found a file"), "{}", fail(true));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        fs::write(path.join("notes"), "").unwrap();
        assert!(fail(true).ends_with("found one with `notes`"));
        fs::remove_file(path.join("notes")).unwrap();
        fs::write(path.join("train-00000.feather.tmp"), "torn").unwrap();
        open(false).unwrap();
        assert!(!path.join("train-00000.feather.tmp").exists());
        fs::write(path.join(MANIFEST_FILE), r#"{"kind": "dataset"}"#).unwrap();
        assert!(fail(true).contains("found a dataset"));
        Output::open(Files::new(None), &path, false).map(drop).unwrap_err();
        fs::write(path.join(MANIFEST_FILE), r#"{"kind": "training-set"}"#).unwrap();
        assert!(fail(false).ends_with("`--force` replaces it"));
        open(true).unwrap();
    }
}
