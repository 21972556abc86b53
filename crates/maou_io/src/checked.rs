//! Opening the files of a dataset: only regular ones, and only those that its manifest or its
//! journal knows where the content is to be decoded.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek};
use std::path::Path;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::error::{AtPath, Error, Result};
use crate::manifest::hex;

/// What a user can do about a file of a dataset that is not what it was.
pub(crate) const MEND: &str = "convert the records again into a new folder";

/// A file's content, as far as it takes to tell whether it is still the same.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    /// xxh3-64 of its bytes, as 16 hex digits.
    pub(crate) xxh3: String,
    pub(crate) size_bytes: u64,
}

impl Fingerprint {
    pub(crate) fn of(bytes: &[u8]) -> Fingerprint {
        Fingerprint { xxh3: hex(xxh3_64(bytes)), size_bytes: bytes.len() as u64 }
    }

    /// Reads `file` from its beginning to its end.
    pub(crate) fn of_file(file: &mut File) -> io::Result<Fingerprint> {
        file.rewind()?;
        let mut hash = Xxh3::new();
        let mut buffer = vec![0; 1 << 20];
        let mut size_bytes = 0;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(Fingerprint { xxh3: hex(hash.digest()), size_bytes }),
                Ok(n) => {
                    hash.update(&buffer[..n]);
                    size_bytes += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// A file that does not hold what a run wrote.
pub(crate) fn damaged(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::corrupt(path, format!("damaged: {what}; {MEND}"))
}

/// Whether there is nothing of the name.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Refuses what is no regular file: to open a fifo would wait forever, to read a device never end.
pub(crate) fn check_is_file(metadata: &Metadata, path: &Path) -> Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let found = if metadata.is_dir() { "a folder" } else { "neither file nor folder" };
    Err(Error::corrupt(path, format!("expected a file, found {found}")))
}

/// Opens a regular file; `None` if there is nothing of the name.
pub(crate) fn open_if_there(path: &Path) -> Result<Option<File>> {
    match fs::metadata(path) {
        Err(error) if is_missing(&error) => return Ok(None),
        other => check_is_file(&other.at(path)?, path)?,
    }
    match File::open(path) {
        Err(error) if is_missing(&error) => Ok(None),
        other => other.map(Some).at(path),
    }
}

/// Opens a regular file.
pub(crate) fn open_file(path: &Path) -> Result<File> {
    let missing = || Error::io(path, io::Error::from_raw_os_error(NO_SUCH_FILE));
    open_if_there(path)?.ok_or_else(missing)
}

/// `ENOENT`, and `ERROR_FILE_NOT_FOUND` on Windows.
const NO_SUCH_FILE: i32 = 2;

/// The content of a regular file; `None` if there is nothing of the name.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    let Some(mut file) = open_if_there(path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).at(path)?;
    Ok(Some(bytes))
}

/// Refuses what is no regular file of this size.
pub(crate) fn check_size(path: &Path, size_bytes: u64) -> Result<()> {
    match fs::metadata(path) {
        Err(error) if is_missing(&error) => Err(wrong_size(path, size_bytes, "none")),
        other => {
            let metadata = other.at(path)?;
            check_is_file(&metadata, path)?;
            match metadata.len() {
                len if len == size_bytes => Ok(()),
                len => Err(wrong_size(path, size_bytes, &format!("one of {len}"))),
            }
        }
    }
}

fn wrong_size(path: &Path, expected: u64, found: &str) -> Error {
    damaged(path, format!("expected a file of {expected} bytes, found {found}"))
}

/// Opens the file at `path` if its content is one of `known`, the last of which is the latest.
pub(crate) fn open_known(path: &Path, known: &[&Fingerprint]) -> Result<File> {
    let latest = known.last().expect("a file that is read is known");
    // One look at one file: at the next one, a run that goes on may have replaced it.
    let Some(mut file) = open_if_there(path)? else {
        return Err(wrong_size(path, latest.size_bytes, "none"));
    };
    let len = file.metadata().at(path)?.len();
    if known.iter().all(|known| known.size_bytes != len) {
        return Err(wrong_size(path, latest.size_bytes, &format!("one of {len}")));
    }
    let found = Fingerprint::of_file(&mut file).at(path)?;
    if !known.contains(&&found) {
        let (expected, found) = (&latest.xxh3, found.xxh3);
        return Err(damaged(path, format!("expected hash `{expected}`, found `{found}`")));
    }
    file.rewind().at(path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn only_what_is_known_is_opened() {
        let dir = TempDir::new("known");
        let path = dir.path().join("f");
        let known = [Fingerprint::of(b"old one"), Fingerprint::of(b"new")];
        let open = || open_known(&path, &[&known[0], &known[1]]).map_err(|e| e.to_string());
        assert!(
            open().unwrap_err().contains("/f: damaged: expected a file of 3 bytes, found none")
        );
        for content in ["old one", "new"] {
            fs::write(&path, content).unwrap();
            let mut text = String::new();
            open().unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, content);
        }
        fs::write(&path, "newer").unwrap();
        assert!(
            open()
                .unwrap_err()
                .contains("expected a file of 3 bytes, found one of 5; convert the records")
        );
        fs::write(&path, "neW").unwrap();
        assert!(open().unwrap_err().contains("damaged: expected hash `"));
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        let dir = TempDir::new("no-file");
        let error = open_file(dir.path()).unwrap_err().to_string();
        assert!(error.ends_with(": expected a file, found a folder"), "{error}");
        let error = open_file(&dir.path().join("x")).unwrap_err().to_string();
        assert!(error.ends_with("/x: no such file or directory"), "{error}");
        #[cfg(unix)]
        {
            let path = dir.path().join("zero");
            std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
            let error = read_if_there(&path).unwrap_err().to_string();
            assert!(error.ends_with("expected a file, found neither file nor folder"), "{error}");
        }
    }
}
