//! What can go wrong with an index, in the errors of `maou_io`.

use std::io;
use std::path::Path;

use maou_io::{Error, Result};

/// Adds the path to an error of the operating system.
pub(crate) trait AtPath<T> {
    fn at(self, path: &Path) -> Result<T>;
}

impl<T> AtPath<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|source| Error::Io { path: path.to_owned(), source })
    }
}

/// An index or a file of it that cannot be used; `mend` is the command that builds it again.
pub(crate) fn unusable(path: &Path, what: impl std::fmt::Display, mend: &str) -> Error {
    Error::Corrupt { path: path.to_owned(), message: format!("{what}; `{mend}` builds it again") }
}
