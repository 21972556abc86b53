//! The rows of one split of a training set: its files, and where their record batches are.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use xxhash_rust::xxh3::xxh3_64;

use super::chunk::{COLUMNS, Chunk};
use crate::error::{Error, Result};
use crate::manifest::hex;
use crate::stream::ArrowStream;
use crate::training::manifest::Split;
use crate::training::reader::{TrainingFile, TrainingSet, damaged};
use crate::training::schema::{ROWS_PER_BATCH, training_schema};

/// A record batch of a split.
#[derive(Clone, Copy, Debug)]
struct Block {
    /// The number of its file.
    file: u32,
    /// Its number within the file.
    number: u32,
}

/// The part of the rows that is in one file.
pub(super) struct Part {
    /// The number of the file.
    pub(super) file: usize,
    /// Its record batches.
    pub(super) chunks: Range<usize>,
    /// The key of its first row.
    pub(super) first_key: u64,
    /// The key of its last row.
    pub(super) last_key: u64,
}

/// The rows of one split, in the order of their keys.
#[derive(Debug)]
pub struct TrainingRows {
    files: Vec<TrainingFile>,
    blocks: Vec<Block>,
    /// By record batch: its rows.
    pub(super) chunk_rows: Vec<u32>,
    /// By record batch: the number of its first row; one more than there are.
    pub(super) chunk_starts: Vec<u64>,
    /// By file: whether its hash was compared.
    is_checked: Vec<Mutex<bool>>,
    /// Record batches of tests, in place of files.
    #[cfg(test)]
    pub(super) made: Vec<Chunk>,
}

impl TrainingRows {
    /// The rows of a split.
    ///
    /// # Errors
    /// A file that is missing, or does not hold what it should.
    pub fn open(set: &TrainingSet, split: Split) -> Result<TrainingRows> {
        let files = set.files(split);
        let mut rows = TrainingRows {
            blocks: Vec::new(),
            chunk_rows: Vec::new(),
            chunk_starts: vec![0],
            is_checked: files.iter().map(|_| Mutex::new(false)).collect(),
            files: Vec::new(),
            #[cfg(test)]
            made: Vec::new(),
        };
        for (number, file) in files.iter().enumerate() {
            // Looks at the columns, and at how many record batches there are.
            let open = file.open()?;
            for block in 0..open.n_batches() {
                rows.blocks.push(Block { file: number as u32, number: block as u32 });
                rows.add(open.batch_len(block));
            }
        }
        Ok(TrainingRows { files, ..rows })
    }

    /// Takes note of the rows of the next record batch.
    fn add(&mut self, n_rows: usize) {
        self.chunk_rows.push(n_rows as u32);
        self.chunk_starts.push(self.n_rows() + n_rows as u64);
    }

    /// Rows that are in memory.
    #[cfg(test)]
    pub(super) fn of_chunks(chunks: Vec<Chunk>) -> TrainingRows {
        let mut rows = TrainingRows {
            files: Vec::new(),
            blocks: Vec::new(),
            chunk_rows: Vec::new(),
            chunk_starts: vec![0],
            is_checked: Vec::new(),
            made: Vec::new(),
        };
        chunks.iter().for_each(|chunk| rows.add(chunk.rows.len()));
        TrainingRows { made: chunks, ..rows }
    }

    /// How many there are.
    pub fn n_rows(&self) -> u64 {
        *self.chunk_starts.last().expect("one more than record batches")
    }

    /// The number of record batches.
    pub fn n_chunks(&self) -> usize {
        self.chunk_rows.len()
    }

    /// The rows by file, in the order of their keys.
    pub(super) fn parts(&self) -> Result<Vec<Part>> {
        #[cfg(test)]
        if !self.made.is_empty() {
            let chunks = 0..self.made.len();
            return Ok(vec![Part { file: 0, chunks, first_key: 0, last_key: u64::MAX }]);
        }
        let part = |(file, entry): (usize, &TrainingFile)| {
            let start = self.blocks.partition_point(|block| (block.file as usize) < file);
            let end = self.blocks.partition_point(|block| block.file as usize <= file);
            let (first_key, last_key) = entry.key_range()?;
            Ok(Part { file, chunks: start..end, first_key, last_key })
        };
        self.files.iter().enumerate().map(part).collect()
    }

    /// The columns of a training set, without rows.
    pub fn without_rows(&self) -> ArrowStream {
        ArrowStream::empty(training_schema())
    }

    /// The paths of the files, in the order of their keys.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.files.iter().map(TrainingFile::path)
    }

    /// What tells these rows from others: a hash of the hashes of the files.
    pub fn digest(&self) -> String {
        let hashes: Vec<_> = self.files.iter().map(|file| &*file.entry().xxh3).collect();
        hex(xxh3_64(hashes.join(" ").as_bytes()))
    }

    /// Reads a record batch, after the hash of its file if that is to be compared.
    pub(super) fn chunk(&self, number: usize, check: bool) -> Result<Chunk> {
        #[cfg(test)]
        if let Some(chunk) = self.made.get(number) {
            return Ok(chunk.clone());
        }
        let Block { file, number: block } = self.blocks[number];
        if check {
            self.check_file(file as usize)?;
        }
        let file = &self.files[file as usize];
        let open = file.open()?;
        let batch = open.batch(block as usize, Some(&COLUMNS))?;
        let first_row = block as usize * ROWS_PER_BATCH;
        Chunk::of(&batch).map_err(|(row, what)| {
            let place = row.map_or_else(String::new, |row| format!("row {}: ", first_row + row));
            damaged(&file.path(), format!("{place}expected {what}"))
        })
    }

    /// The keys of a record batch, ascending.
    pub(super) fn keys(&self, number: usize) -> Result<Vec<u64>> {
        #[cfg(test)]
        if let Some(chunk) = self.made.get(number) {
            return Ok(chunk.rows.iter().map(|row| row.key).collect());
        }
        let Block { file, number: block } = self.blocks[number];
        let file = &self.files[file as usize];
        let keys = file.open()?.keys(block as usize)?;
        if keys.len() == self.chunk_rows[number] as usize && keys.is_sorted() {
            return Ok(keys);
        }
        Err(damaged(&file.path(), format!("expected keys in order in record batch {block}")))
    }

    /// Compares the hash of a file, unless that was done before.
    pub(super) fn check_file(&self, file: usize) -> Result<()> {
        let mut is_checked = self.is_checked[file].lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_checked {
            self.files[file].check_hash()?;
            *is_checked = true;
        }
        Ok(())
    }

    /// The error of a row that cannot be what it is said to be.
    pub(super) fn wrong_row(&self, row: u64, what: &str) -> Error {
        match self.files.iter().rev().find(|file| file.first_row() <= row) {
            Some(file) => {
                let number = row - file.first_row();
                damaged(&file.path(), format!("row {number}: {what}"))
            }
            None => damaged(Path::new(""), format!("row {row}: {what}")),
        }
    }
}
