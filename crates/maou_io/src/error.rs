//! What can stop a whole command, as opposed to what is wrong with one record.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::archives::Fault;
use crate::report::ErrorEntry;

/// The result of everything here that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a command could not do its work.
#[derive(Debug)]
pub enum Error {
    /// The command was called with something that it cannot work on (exit status 2).
    Usage(String),
    /// The operating system refused something.
    Io {
        /// The file or folder in question.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A file of a dataset does not hold what it should.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The first error of a `strict` run.
    Strict(Box<ErrorEntry>),
    /// What those who look into archives ended the command with.
    Fault(Fault),
    /// A file with the usual name of a record is an archive or a table; what runs into it begins
    /// again and looks into all files first.
    #[doc(hidden)]
    Misnamed(PathBuf),
}

impl Error {
    /// Whether the caller is at fault, so that the exit status is 2.
    pub fn is_usage(&self) -> bool {
        matches!(self, Error::Usage(_))
    }

    pub(crate) fn io(path: impl Into<PathBuf>, source: io::Error) -> Error {
        Error::Io { path: path.into(), source }
    }

    pub(crate) fn corrupt(path: impl Into<PathBuf>, message: impl fmt::Display) -> Error {
        Error::Corrupt { path: path.into(), message: message.to_string() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(message) => f.write_str(message),
            Error::Io { path, source } => write!(f, "{}: {}", path.display(), reason(source)),
            Error::Corrupt { path, message } => write!(f, "{}: {message}", path.display()),
            Error::Strict(entry) => write!(f, "{entry}"),
            Error::Fault(fault) => write!(f, "{fault}"),
            Error::Misnamed(path) => {
                write!(f, "{}: expected a file that stays as it is, found changes", path.display())
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// The sentence of an operating system error in the style of the house: lower case, without the
/// number that the standard library puts behind it.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Adds the path to an operating system error.
pub(crate) trait AtPath<T> {
    fn at(self, path: &Path) -> Result<T>;
}

impl<T> AtPath<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|source| Error::io(path, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_path_and_read_like_the_house() {
        let error = Error::io("out/games", io::Error::from_raw_os_error(28));
        assert_eq!(error.to_string(), "out/games: no space left on device");
        assert!(!error.is_usage());
        assert!(Error::Usage("x".to_owned()).is_usage());
        assert_eq!(Error::corrupt("a", "torn").to_string(), "a: torn");
    }
}
