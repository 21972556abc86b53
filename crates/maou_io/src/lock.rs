//! One run at a time per output folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::checked::check_is_file;
use crate::error::{AtPath, Error, Result};

/// The file that is locked; it holds the process id while a run lasts, and is empty otherwise, so
/// that finished datasets are equal whoever made them.
pub(crate) const LOCK_FILE: &str = ".lock";

/// Held while a run changes a dataset. The operating system releases it when the process ends,
/// however it ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Locks the folder `dir`, which exists.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] with the holder's process id if another run holds the lock.
    pub fn acquire(dir: &Path) -> Result<Lock> {
        Lock::acquire_as(dir, "this dataset")
    }

    /// The same for a folder that is no dataset; `what` names it in the error.
    ///
    /// # Errors
    ///
    /// As of [`acquire`](Lock::acquire).
    pub fn acquire_as(dir: &Path, what: &str) -> Result<Lock> {
        let path = dir.join(LOCK_FILE);
        if let Ok(metadata) = fs::metadata(&path) {
            check_is_file(&metadata, &path)?;
        }
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = file.at(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(dir, what, &mut file)),
            Err(TryLockError::Error(error)) => return Err(error).at(&path),
        }
        file.set_len(0).at(&path)?;
        write!(file, "{}", std::process::id()).at(&path)?;
        Ok(Lock { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // An id that stays behind is overwritten by the next run.
        let _ = self.file.set_len(0);
    }
}

fn held(dir: &Path, what: &str, file: &mut File) -> Error {
    let mut pid = String::new();
    let known = file.rewind().and_then(|()| file.read_to_string(&mut pid)).is_ok();
    let holder = match pid.trim() {
        pid if known && !pid.is_empty() => format!("process {pid}"),
        _ => "another process".to_owned(),
    };
    Error::Usage(format!(
        "{}: {holder} is writing into {what}; wait until it has finished",
        dir.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn a_second_run_is_told_who_holds_the_lock() {
        let dir = TempDir::new("lock");
        let lock = Lock::acquire(dir.path()).unwrap();
        let error = Lock::acquire(dir.path()).unwrap_err();
        assert!(error.is_usage());
        let expected = format!("process {} is writing", std::process::id());
        assert!(error.to_string().contains(&expected), "{error}");
        drop(lock);
        assert_eq!(fs::read(dir.path().join(LOCK_FILE)).unwrap(), b"");
        Lock::acquire(dir.path()).unwrap();
    }
}
