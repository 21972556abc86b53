//! The few operations by which a dataset's folder is changed, in one place, so that a test can
//! end a run after any of them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{AtPath, Result};
use crate::large_file::LargeFile;

/// Makes file operations fail on purpose; for tests.
#[derive(Debug)]
pub struct Faults {
    done: AtomicU64,
    fail_at: u64,
    kind: Option<io::ErrorKind>,
}

impl Faults {
    /// From operation `n` (from 0) on nothing works any more, as if the process had been killed;
    /// if it is a write, half of it is still done.
    pub fn kill_at(n: u64) -> Faults {
        Faults { done: AtomicU64::new(0), fail_at: n, kind: None }
    }

    /// Operation `n` fails with this error, the ones after it work again.
    pub fn fail_at(n: u64, kind: io::ErrorKind) -> Faults {
        Faults { done: AtomicU64::new(0), fail_at: n, kind: Some(kind) }
    }

    /// The number of operations asked for so far.
    pub fn count(&self) -> u64 {
        self.done.load(Ordering::SeqCst)
    }

    fn step(&self) -> Option<io::Error> {
        let n = self.done.fetch_add(1, Ordering::SeqCst);
        match self.kind {
            None if n >= self.fail_at => Some(io::Error::other("killed by a test")),
            Some(kind) if n == self.fail_at => Some(io::Error::from(kind)),
            _ => None,
        }
    }

    fn tears_write(&self) -> bool {
        self.kind.is_some() || self.count() == self.fail_at + 1
    }
}

/// A file on its way to the disk.
pub(crate) struct Syncing {
    path: PathBuf,
    thread: std::thread::JoinHandle<io::Result<()>>,
}

impl Syncing {
    /// Returns when it is there.
    pub(crate) fn wait(self) -> Result<()> {
        let synced = self.thread.join();
        synced.unwrap_or_else(|panic| std::panic::resume_unwind(panic)).at(&self.path)
    }
}

/// Changes files, and adds the path to what goes wrong.
#[derive(Clone, Copy)]
pub(crate) struct Files<'a> {
    faults: Option<&'a Faults>,
}

impl<'a> Files<'a> {
    pub(crate) fn new(faults: Option<&'a Faults>) -> Files<'a> {
        Files { faults }
    }

    fn step(self, path: &Path) -> Result<()> {
        match self.faults.and_then(Faults::step) {
            Some(error) => Err(error).at(path),
            None => Ok(()),
        }
    }

    pub(crate) fn create_dir_all(self, path: &Path) -> Result<()> {
        self.step(path)?;
        fs::create_dir_all(path).at(path)
    }

    /// Creates a file that must not keep anything of an older one.
    pub(crate) fn create(self, path: &Path) -> Result<File> {
        self.step(path)?;
        File::create(path).at(path)
    }

    pub(crate) fn open_append(self, path: &Path) -> Result<File> {
        self.step(path)?;
        OpenOptions::new().create(true).append(true).open(path).at(path)
    }

    pub(crate) fn write(self, file: &mut File, bytes: &[u8], path: &Path) -> Result<()> {
        self.write_with(bytes, path, |bytes| file.write_all(bytes))
    }

    /// Writes bytes, or parts of them; on purpose only half where that is to fail.
    fn write_with<T>(
        self,
        all: &[T],
        path: &Path,
        mut write: impl FnMut(&[T]) -> io::Result<()>,
    ) -> Result<()> {
        if let Some(faults) = self.faults
            && let Some(error) = faults.step()
        {
            if faults.tears_write() {
                write(&all[..all.len() / 2]).at(path)?;
            }
            return Err(error).at(path);
        }
        write(all).at(path)
    }

    /// As [`create`](Files::create), for a file of many megabytes.
    pub(crate) fn create_large(self, path: &Path) -> Result<LargeFile> {
        self.step(path)?;
        LargeFile::create(path).at(path)
    }

    /// Adds some parts, one after the other.
    pub(crate) fn write_large(
        self,
        file: &mut LargeFile,
        parts: &[&[u8]],
        path: &Path,
    ) -> Result<()> {
        let mut write = |part: &&[u8]| file.write(part);
        self.write_with(parts, path, |parts| parts.iter().try_for_each(&mut write))
    }

    /// Ends a large file, which is complete then, but not yet safe.
    pub(crate) fn finish_large(self, file: LargeFile, path: &Path) -> Result<File> {
        self.step(path)?;
        file.finish().at(path)
    }

    pub(crate) fn truncate(self, file: &File, len: u64, path: &Path) -> Result<()> {
        self.step(path)?;
        file.set_len(len).at(path)
    }

    pub(crate) fn sync(self, file: &File, path: &Path) -> Result<()> {
        self.step(path)?;
        file.sync_all().at(path)
    }

    /// Begins to [`sync`](Files::sync) a file that is complete, while others are written.
    pub(crate) fn sync_later(self, file: File, path: &Path) -> Result<Syncing> {
        self.step(path)?;
        let thread = std::thread::Builder::new().spawn(move || file.sync_all()).at(path)?;
        Ok(Syncing { path: path.to_owned(), thread })
    }

    pub(crate) fn rename(self, from: &Path, to: &Path) -> Result<()> {
        self.step(to)?;
        fs::rename(from, to).at(to)
    }

    /// Removes a file; it is no error if there is none.
    pub(crate) fn remove(self, path: &Path) -> Result<()> {
        self.step(path)?;
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.at(path),
        }
    }

    /// Makes the names in a folder outlive a power cut.
    pub(crate) fn sync_dir(self, path: &Path) -> Result<()> {
        self.step(path)?;
        if cfg!(unix) { File::open(path).and_then(|dir| dir.sync_all()).at(path) } else { Ok(()) }
    }

    /// Puts `bytes` at `path` in one step: a reader sees the old file or the new one.
    pub(crate) fn replace(self, path: &Path, bytes: &[u8]) -> Result<()> {
        let mut name = path.as_os_str().to_owned();
        name.push(".tmp");
        let beside = Path::new(&name);
        let written = self.create(beside).and_then(|mut file| {
            self.write(&mut file, bytes, beside)?;
            self.sync(&file, beside)
        });
        if let Err(error) = written {
            // The error that is told is the first one; the next run removes the file otherwise.
            let _ = self.remove(beside);
            return Err(error);
        }
        self.rename(beside, path)
    }
}
