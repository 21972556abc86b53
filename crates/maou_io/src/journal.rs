//! `journal.jsonl`: what a run has finished before its manifest says so.
//!
//! A line is appended, and made durable, after a games file has been written beside its final
//! name and before it is renamed. So whatever instant a run ends at, the manifest with the valid
//! lines laid over it describes files that are whole. The last line may be torn: its checksum
//! tells.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::checked::read_if_there;
use crate::error::{AtPath, Result};
use crate::files::Files;
use crate::manifest::{DatasetOptions, ShardEntry, Tables, hex};
use crate::report::ErrorEntry;
use crate::source_table::SourceRow;

pub(crate) const JOURNAL_FILE: &str = "journal.jsonl";

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entry {
    /// The first line: what is being made.
    Start { schema_version: u32, options: DatasetOptions },
    /// A games file is written; `games-NNNNN.feather.SEQ.tmp`, with the line's index as SEQ,
    /// takes its place, and so does the positions file if there is one. If there is none, one of
    /// before goes.
    Shard { entry: Box<ShardEntry>, sources: Vec<SourceRow>, errors: Vec<ErrorEntry> },
    /// All sources of a games file were pruned, and the file goes.
    Removed { number: u32 },
    /// The tables of sources and errors are about to be replaced by these.
    Tables(Tables),
}

#[derive(Deserialize)]
struct Line {
    entry: Entry,
}

const PREFIX: &str = "{\"checksum\":\"";
const MIDDLE: &str = "\",\"entry\":";

/// The valid lines of a journal and where they end.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) entries: Vec<Entry>,
    pub(crate) valid_len: u64,
}

impl Journal {
    /// Reads the journal of the folder `dir`; `None` if there is none.
    pub(crate) fn read(dir: &Path) -> Result<Option<Journal>> {
        let path = dir.join(JOURNAL_FILE);
        let Some(bytes) = read_if_there(&path)? else { return Ok(None) };
        let mut journal = Journal { entries: Vec::new(), valid_len: 0 };
        for line in bytes.split_inclusive(|&b| b == b'\n') {
            let Some(entry) = parse(line) else { break };
            journal.entries.push(entry);
            journal.valid_len += line.len() as u64;
        }
        Ok(Some(journal))
    }
}

fn parse(line: &[u8]) -> Option<Entry> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix("}\n")?;
    let (checksum, rest) = line.strip_prefix(PREFIX)?.split_at_checked(16)?;
    let entry = rest.strip_prefix(MIDDLE)?;
    if hex(xxh3_64(entry.as_bytes())) != checksum {
        return None;
    }
    let Line { entry } = serde_json::from_str(&format!("{{\"entry\":{entry}}}")).ok()?;
    Some(entry)
}

fn to_line(entry: &Entry) -> Vec<u8> {
    let json = serde_json::to_string(entry).expect("plain data becomes JSON");
    let checksum = hex(xxh3_64(json.as_bytes()));
    format!("{PREFIX}{checksum}{MIDDLE}{json}}}\n").into_bytes()
}

/// The name that a file has until the journal's line `sequence` has been written and the file
/// renamed.
pub(crate) fn beside_name(file: &str, sequence: usize) -> String {
    format!("{file}.{sequence}.tmp")
}

/// Appends to a journal.
pub(crate) struct JournalWriter<'a> {
    files: Files<'a>,
    path: PathBuf,
    file: File,
    n_entries: usize,
}

impl<'a> JournalWriter<'a> {
    /// Goes on after the valid lines of `found`, or starts a journal.
    pub(crate) fn open(
        files: Files<'a>,
        dir: &Path,
        found: Option<(usize, u64)>,
        options: DatasetOptions,
    ) -> Result<JournalWriter<'a>> {
        let path = dir.join(JOURNAL_FILE);
        let file = files.open_append(&path)?;
        let (n_entries, valid_len) = found.unwrap_or_default();
        if file.metadata().at(&path)?.len() > valid_len {
            files.truncate(&file, valid_len, &path)?;
        }
        let mut journal = JournalWriter { files, path, file, n_entries };
        if n_entries == 0 {
            let schema_version = crate::schema::SCHEMA_VERSION;
            journal.append(&Entry::Start { schema_version, options })?;
            files.sync_dir(dir)?;
        }
        Ok(journal)
    }

    /// The index of the next line.
    pub(crate) fn sequence(&self) -> usize {
        self.n_entries
    }

    /// Appends a line; when this returns, it outlives a power cut.
    pub(crate) fn append(&mut self, entry: &Entry) -> Result<()> {
        self.files.write(&mut self.file, &to_line(entry), &self.path)?;
        self.files.sync(&self.file, &self.path)?;
        self.n_entries += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::testing::TempDir;

    fn journal_of(text: &[u8]) -> Journal {
        let dir = TempDir::new("journal");
        fs::write(dir.path().join(JOURNAL_FILE), text).unwrap();
        Journal::read(dir.path()).unwrap().unwrap()
    }

    #[test]
    fn a_torn_last_line_is_dropped_wherever_it_is_torn() {
        let whole = to_line(&Entry::Removed { number: 1 });
        let last = to_line(&Entry::Removed { number: 2 });
        for cut in 0..last.len() {
            let text = [&whole[..], &last[..cut]].concat();
            let journal = journal_of(&text);
            assert_eq!(journal.entries.len(), 1, "cut at {cut}");
            assert_eq!(journal.valid_len, whole.len() as u64);
        }
        assert_eq!(journal_of(&[whole, last].concat()).entries.len(), 2);
    }

    #[test]
    fn a_changed_line_ends_the_valid_ones() {
        let mut text = to_line(&Entry::Removed { number: 1 });
        let at = text.iter().rposition(|&b| b == b'1').unwrap();
        text[at] = b'2';
        assert_eq!(journal_of(&text).entries.len(), 0);
    }

    #[test]
    fn there_may_be_no_journal() {
        let dir = TempDir::new("no-journal");
        assert!(Journal::read(dir.path()).unwrap().is_none());
        assert!(Journal::read(&dir.path().join("missing")).unwrap().is_none());
    }
}
