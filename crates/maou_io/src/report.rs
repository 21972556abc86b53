//! What goes into a conversion and what comes out of it, as plain data.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::files::Faults;
use crate::manifest::Totals;
use crate::teacher::TeacherFormat;

/// How the columns of a dataset's files are compressed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Zstandard: the smallest files.
    #[default]
    Zstd,
    /// LZ4: faster to read, larger.
    Lz4,
    /// No compression: files can be memory-mapped.
    None,
}

impl Compression {
    /// All of them.
    pub const ALL: [Compression; 3] = [Compression::Zstd, Compression::Lz4, Compression::None];

    /// The name, as in `--compression zstd`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Compression::Zstd => "zstd",
            Compression::Lz4 => "lz4",
            Compression::None => "none",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Compression {
    type Err = String;

    fn from_str(name: &str) -> Result<Compression, String> {
        let found = Compression::ALL.into_iter().find(|c| c.as_str() == name);
        found.ok_or_else(|| format!("compression: expected zstd, lz4 or none, found `{name}`"))
    }
}

/// What a conversion is told beside its inputs and its output.
#[derive(Clone, Debug, Default)]
pub struct ConvertOptions {
    /// Compression of the files; `None` takes that of the dataset, or zstd for a new one.
    pub compression: Option<Compression>,
    /// Number of worker threads; 0 takes one per core.
    pub threads: usize,
    /// Stop at the first error.
    pub strict: bool,
    /// Remove the games of sources that are no longer among the inputs.
    pub prune: bool,
    /// Read and report everything, write nothing.
    pub dry_run: bool,
    /// Bytes of sources at which a games file is full; `None` takes what the dataset was made
    /// with, or 64 MB for a new one.
    pub shard_bytes: Option<u64>,
    /// Games at which a games file is full, instead of bytes of sources; `None` takes what the
    /// dataset was made with.
    pub rows_per_file: Option<u64>,
    /// Whether each variation is a game of its own; `None` takes what the dataset was made with,
    /// or leaves them out of a new one.
    pub variations: Option<bool>,
    /// The format of all sources, where their content must not decide.
    pub from: Option<TeacherFormat>,
    /// Makes file operations fail on purpose.
    #[doc(hidden)]
    pub faults: Option<Arc<Faults>>,
}

/// How far a conversion or a verification has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    /// Sources dealt with.
    pub n_sources_done: u64,
    /// Sources in all.
    pub n_sources: u64,
    /// Bytes of the sources dealt with.
    pub bytes_done: u64,
    /// Bytes of all sources.
    pub bytes: u64,
    /// Games read in this run.
    pub n_games: u64,
    /// Their moves.
    pub n_positions: u64,
    /// Errors found in this run.
    pub n_errors: u64,
}

/// Called now and then on the caller's thread; `false` asks to stop.
pub type ProgressFn<'a> = dyn FnMut(&Progress) -> bool + 'a;

/// One line of `errors.jsonl`: something that could not be read or played.
///
/// Displayed as `path:line:column: message`, or `path: message` where there is no place.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct ErrorEntry {
    /// The file, as in the games table.
    pub source: String,
    /// Line, from 1; `None` if the file could not be read at all.
    pub line: Option<u64>,
    /// Column in characters, from 1.
    pub column: Option<u64>,
    /// The kind in snake case: `not_a_record`, `illegal_move`, `unreadable`, …
    pub kind: String,
    /// The sentence, with the culprit in backticks.
    pub message: String,
    /// Whether the game with the error was kept, at least up to there.
    pub kept: bool,
    /// If it was kept: its number among the games that the file gave, from 1.
    pub game_number: Option<u32>,
    /// Number of the games file that the source belongs to.
    pub shard: u32,
    /// Where the file was found in this run; empty if the entry was read from a dataset.
    #[serde(skip)]
    pub path: PathBuf,
}

impl ErrorEntry {
    /// The kind of entries for files and folders that could not be read.
    pub const UNREADABLE: &'static str = "unreadable";

    /// The kind of entries for files that may be of several formats.
    pub const AMBIGUOUS: &'static str = "ambiguous";

    /// The kind of entries for variations that would take too much room.
    pub const VARIATIONS: &'static str = "variations";

    /// The kind of entries for rows of tables that are no games.
    pub const ROW: &'static str = "row";

    pub(crate) fn unreadable(source: &str, path: PathBuf, message: String) -> ErrorEntry {
        ErrorEntry {
            source: source.to_owned(),
            kind: ErrorEntry::UNREADABLE.to_owned(),
            message,
            path,
            ..ErrorEntry::default()
        }
    }
}

impl fmt::Display for ErrorEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.as_os_str().is_empty() {
            f.write_str(&self.source)?;
        } else {
            write!(f, "{}", self.path.display())?;
        }
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// What a conversion did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConvertReport {
    /// Sources that were read for the first time.
    pub n_sources_new: u64,
    /// Sources that the dataset had already, with the same content.
    pub n_sources_unchanged: u64,
    /// Sources whose content had changed.
    pub n_sources_changed: u64,
    /// Sources of the dataset that are not among the inputs any more, and were kept.
    pub vanished: Vec<String>,
    /// Such sources that were removed, with `prune`.
    pub pruned: Vec<String>,
    /// Games read in this run, with the variations that are kept.
    pub n_games: u64,
    /// Variations kept in this run.
    pub n_variations: u64,
    /// The moves of the games, and the loose positions.
    pub n_positions: u64,
    /// Loose positions read in this run.
    pub n_loose_positions: u64,
    /// Errors found in this run.
    pub n_errors: u64,
    /// Variations left out in this run.
    pub n_variations_dropped: u64,
    /// Comment lines left out in this run.
    pub n_comments_dropped: u64,
    /// The first errors of this run, [`MAX_REPORTED_ERRORS`] at most.
    pub errors: Vec<ErrorEntry>,
    /// What looks wrong without being an error.
    pub warnings: Vec<String>,
    /// Whether the run went on with one that was ended before it was done.
    pub resumed: bool,
    /// Whether the run was asked to stop before it was done; the next run goes on.
    pub stopped: bool,
    /// Games of the dataset whose id an earlier game has.
    pub n_duplicate_games: u64,
    /// What the dataset holds now.
    pub totals: Totals,
}

/// How many errors a [`ConvertReport`] holds.
pub const MAX_REPORTED_ERRORS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_displayed_with_the_path_of_this_run() {
        let mut entry = ErrorEntry::unreadable("a/b.csa", PathBuf::new(), "no".to_owned());
        assert_eq!(entry.to_string(), "a/b.csa: no");
        entry.path = PathBuf::from("games/a/b.csa");
        entry.line = Some(3);
        entry.column = Some(9);
        assert_eq!(entry.to_string(), "games/a/b.csa:3:9: no");
    }

    #[test]
    fn compressions_have_names() {
        for compression in Compression::ALL {
            assert_eq!(compression.as_str().parse(), Ok(compression));
        }
        let error = "gzip".parse::<Compression>().unwrap_err();
        assert_eq!(error, "compression: expected zstd, lz4 or none, found `gzip`");
    }
}
