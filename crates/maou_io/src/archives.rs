//! What this crate asks of those who can look into archives.

use std::fs::File;
use std::path::Path;

/// One thing in an archive that may be a game record.
#[derive(Debug, Default)]
pub struct Member {
    /// Its path within the archive, `/`-separated, without `..`; empty if what is compressed is
    /// one file, or if a problem is that of the whole archive.
    pub name: String,
    /// Its size, as far as it is known before it is read.
    pub size_bytes: u64,
    /// Why it is not read.
    pub problem: Option<String>,
    /// What is in it, if it is an Arrow IPC File or Stream: such a member is read to and fro, and
    /// not by [`Members::read`].
    pub table: Option<File>,
}

/// What ends a command from outside of this crate, such as an exception that is raised again in
/// the end.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Looks into archives. What is wrong with an archive is told as a member's problem.
pub trait Archives: Sync {
    /// Hands what the archive at `path` holds to `take`, in the archive's order, which is the same
    /// every time. `-` is standard input, be it an archive or a record.
    ///
    /// # Errors
    ///
    /// If the command has to end.
    fn list(&self, path: &Path, take: &mut dyn FnMut(Member)) -> Result<(), Fault>;

    /// Opens the archive to read its members.
    ///
    /// # Errors
    ///
    /// If the command has to end.
    fn open(&self, path: &Path) -> Result<Box<dyn Members>, Fault>;
}

/// The members of an open archive.
pub trait Members: Send {
    /// The bytes of the members with these indices, counted from 0 as they were listed, or why
    /// they cannot be read. The indices grow; reading on after the last call costs least.
    ///
    /// # Errors
    ///
    /// If the command has to end.
    fn read(&mut self, indices: &[u64]) -> Result<Vec<Result<Vec<u8>, String>>, Fault>;
}
