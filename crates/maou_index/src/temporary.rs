//! Files that a build needs for a while.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use maou_io::Result;

use crate::error::AtPath;

/// What the names of all of them end with.
pub(crate) const ENDING: &str = ".spool.tmp";

/// The number in the name of the next one.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A file that is removed when it is done with. No two have the same name, whatever they are called.
pub(crate) struct TemporaryFile {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
}

impl TemporaryFile {
    /// Creates a file in the folder `dir`, to be written and read, whose name tells `what` it holds.
    pub(crate) fn create(dir: &Path, what: &str) -> Result<TemporaryFile> {
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = dir.join(format!("{what}-{number}{ENDING}"));
            match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(TemporaryFile { file, path }),
                // Of a build that was ended.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).at(&path),
            }
        }
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // The next build removes what stays.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_name_are_different_ones() {
        let dir = std::env::temp_dir().join(format!("maou-temporary-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let files = [(); 3].map(|()| TemporaryFile::create(&dir, "x").unwrap());
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 3);
        assert!(files.iter().all(|file| file.path.to_str().unwrap().ends_with(ENDING)));
        drop(files);
        fs::remove_dir(&dir).unwrap();
    }
}
