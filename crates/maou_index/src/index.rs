//! An open index.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use maou_io::{Dataset, Error, Result, TableFile};
use serde::Serialize;

use crate::error::unusable;
use crate::list::{KnownFile, LIST_FILE, List, folder_of, mend_of};
use crate::merge::placed;
use crate::segment::Segment;

/// Rows that stand one after the other both in the dataset and in a segment.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) segment: usize,
    pub(crate) is_games: bool,
    /// Games, or loose positions by their number among the loose ones.
    pub(crate) rows: Range<u32>,
    pub(crate) positions: Range<u32>,
}

/// An open index of a dataset.
pub struct Index {
    pub(crate) data: PathBuf,
    pub(crate) segments: Vec<Segment>,
    /// All rows of the dataset, in its order.
    pub(crate) runs: Vec<Run>,
    pub(crate) files: Vec<TableFile>,
}

/// What is known of an index without looking into it.
#[derive(Clone, Debug, Serialize)]
pub struct IndexStatus {
    /// `missing`, `fresh`, `stale` or `unusable`.
    pub state: &'static str,
    /// Where it stands, or would stand.
    pub path: PathBuf,
    /// The files that it is made of.
    pub n_segments: u64,
    /// Their size.
    pub size_bytes: u64,
    /// Files of the dataset that it does not know.
    pub n_files_new: u64,
    /// Files that it knows and that are gone or were replaced.
    pub n_files_gone: u64,
    /// Why it is unusable.
    pub problem: Option<String>,
}

/// Tells whether the dataset in the folder `data` has an index, and whether that is fresh.
///
/// # Errors
///
/// If there is no dataset.
pub fn status(data: &Path, index_dir: Option<&Path>) -> Result<IndexStatus> {
    let dataset = Dataset::open(data)?;
    let dir = folder_of(data, index_dir);
    let mend = mend_of(data, index_dir);
    let mut status = IndexStatus {
        state: "missing",
        path: dir.clone(),
        n_segments: 0,
        size_bytes: 0,
        n_files_new: 0,
        n_files_gone: 0,
        problem: None,
    };
    let known: Vec<KnownFile> = dataset.table_files().iter().map(KnownFile::of).collect();
    let list = match List::read(&dir, &mend) {
        Ok(Some(list)) => list,
        Ok(None) => {
            status.n_files_new = known.len() as u64;
            return Ok(status);
        }
        Err(error) => {
            status.state = "unusable";
            status.problem = Some(error.to_string());
            return Ok(status);
        }
    };
    let count = |of: &[KnownFile], not_in: &[KnownFile]| {
        of.iter().filter(|file| !not_in.contains(file)).count() as u64
    };
    status.n_files_new = count(&known, &list.files);
    status.n_files_gone = count(&list.files, &known);
    status.n_segments = list.segments.len() as u64;
    status.state = if list.files == known { "fresh" } else { "stale" };
    for name in &list.segments {
        match Segment::open(&dir, name, &mend) {
            Ok(segment) => status.size_bytes += segment.map.unchecked().len() as u64,
            Err(error) => {
                status.state = "unusable";
                status.problem.get_or_insert(error.to_string());
            }
        }
    }
    Ok(status)
}

impl Index {
    /// Opens the index of the dataset in the folder `data`.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if there is no dataset; [`Error::Corrupt`] if there is no index, or one
    /// that is damaged, of another version or not fresh: the message names the command that
    /// mends it.
    pub fn open(data: &Path, index_dir: Option<&Path>) -> Result<Index> {
        let dataset = Dataset::open(data)?;
        let dir = folder_of(data, index_dir);
        let mend = mend_of(data, index_dir);
        let files = dataset.table_files();
        let segments = open_segments(&dir, &mend, &files)?;
        let places = placed(&segments, &files);
        let mut runs: Vec<Run> = Vec::new();
        for place in places {
            let Some((segment, file)) = place else {
                return Err(unusable(&dir, "expected an index of all files of the dataset", &mend));
            };
            let file = &segments[segment].meta.files[file];
            let rows = file.first_row..file.first_row + file.n_rows;
            let positions = file.first_position..file.first_position + file.n_positions;
            match runs.last_mut() {
                Some(last)
                    if last.segment == segment
                        && last.is_games == file.is_games
                        && last.rows.end == rows.start =>
                {
                    last.rows.end = rows.end;
                    last.positions.end = positions.end;
                }
                _ => runs.push(Run { segment, is_games: file.is_games, rows, positions }),
            }
        }
        Ok(Index { data: data.to_owned(), segments, runs, files })
    }

    /// Looks at every byte of it.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] if one is not as it was written.
    pub fn check(&self) -> Result<()> {
        self.segments.iter().try_for_each(|segment| segment.map.ensure_all())
    }
}

fn open_segments(dir: &Path, mend: &str, files: &[TableFile]) -> Result<Vec<Segment>> {
    let known: Vec<KnownFile> = files.iter().map(KnownFile::of).collect();
    let mut tries_left = 3;
    loop {
        let Some(list) = List::read(dir, mend)? else {
            let what = "expected an index, found none".to_owned();
            let message = format!("{what}; `{mend}` builds it");
            return Err(Error::Corrupt { path: dir.to_owned(), message });
        };
        if list.files != known {
            let n_new = known.iter().filter(|file| !list.files.contains(file)).count();
            let n_gone = list.files.iter().filter(|file| !known.contains(file)).count();
            let message = format!(
                "expected an index of the dataset as it is, found one from before {n_new} of its \
                 files were added and {n_gone} removed; `{mend}` brings it up to date"
            );
            return Err(Error::Corrupt { path: dir.join(LIST_FILE), message });
        }
        let opened: Result<Vec<Segment>> =
            list.segments.iter().map(|name| Segment::open(dir, name, mend)).collect();
        match opened {
            Ok(segments) => return Ok(segments),
            // A build that ended just now has replaced them.
            Err(_) if tries_left > 0 && list.segments.iter().any(|name| !exists(dir, name)) => {
                tries_left -= 1;
            }
            Err(Error::Io { path, source }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Err(unusable(&path, "expected a segment of the index, found none", mend));
            }
            Err(error) => return Err(error),
        }
    }
}

fn exists(dir: &Path, name: &str) -> bool {
    fs::metadata(dir.join(name)).is_ok()
}
