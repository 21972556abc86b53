//! An open training set: its files, and their batches by row.

use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{Array, LargeListArray, PrimitiveArray, RecordBatch};
use serde::Serialize;

use super::manifest::{
    MEND, NEXT_MANIFEST_FILE, Split, TrainingContents, TrainingFileEntry, TrainingManifest,
    TrainingOptions,
};
use super::schema::{ROWS_PER_BATCH, index, training_schema};
use crate::checked::{self, Fingerprint, open_if_there};
use crate::error::{AtPath, Error, Result};
use crate::ipc::IpcFile;
use crate::lock::LOCK_FILE;
use crate::manifest::{MANIFEST_FILE, hex};

/// What a file is called until the run that wrote it has come to its end.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    name.into()
}

/// Whether a run into the folder has begun: one without a manifest did not come to its end.
pub(crate) fn is_begun(dir: &Path) -> bool {
    dir.join(LOCK_FILE).exists()
}

/// What a training set holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrainingInfo {
    /// Always `training-set`.
    pub kind: &'static str,
    /// What is in it, and what it was made of.
    #[serde(flatten)]
    pub contents: TrainingContents,
    /// What it was made with.
    pub options: TrainingOptions,
    /// Size of all its files.
    pub size_bytes: u64,
    /// Version of the columns.
    pub training_schema_version: u32,
    /// Version of the key of positions.
    pub key_version: u32,
    /// The version of maou that wrote it.
    pub maou_version: String,
    /// xxh3-64 of the manifest, as 16 hex digits: what others note as their lineage.
    pub manifest_xxh3: String,
}

/// An open training set.
#[derive(Clone, Debug)]
pub struct TrainingSet {
    dir: PathBuf,
    manifest: TrainingManifest,
    is_next: bool,
}

impl TrainingSet {
    /// Opens the training set in the folder `dir`.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if there is none, a dataset, or one of a later version;
    /// [`Error::Corrupt`] if a file is missing or has another size than the one that was written.
    pub fn open(dir: &Path) -> Result<TrainingSet> {
        let (manifest, is_next) = TrainingManifest::read(dir)?;
        let set = TrainingSet { dir: dir.to_owned(), manifest, is_next };
        for split in Split::ALL {
            for file in set.files(split) {
                file.check_size()?;
            }
        }
        Ok(set)
    }

    /// Whether the folder `dir` says of itself that it is a training set.
    pub fn is_at(dir: &Path) -> bool {
        [NEXT_MANIFEST_FILE, MANIFEST_FILE].iter().any(|name| {
            let is_kind = |bytes: Vec<u8>| {
                serde_json::from_slice::<serde_json::Value>(&bytes)
                    .is_ok_and(|value| value["kind"] == super::manifest::KIND)
            };
            std::fs::read(dir.join(name)).is_ok_and(is_kind)
        })
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// What it holds; reads no rows.
    pub fn info(&self) -> TrainingInfo {
        let manifest = self.manifest.clone();
        TrainingInfo {
            kind: super::manifest::KIND,
            size_bytes: manifest.contents.size_bytes(),
            contents: manifest.contents,
            options: manifest.options,
            training_schema_version: manifest.training_schema_version,
            key_version: manifest.key_version,
            maou_version: manifest.maou_version,
            manifest_xxh3: self.manifest_xxh3(),
        }
    }

    /// xxh3-64 of the manifest, as 16 hex digits.
    pub fn manifest_xxh3(&self) -> String {
        hex(xxhash_rust::xxh3::xxh3_64(&self.manifest.to_bytes()))
    }

    /// The rows of a split.
    pub fn n_rows(&self, split: Split) -> u64 {
        self.manifest.contents.split(split).n_rows
    }

    /// The files of a split, in key order.
    pub fn files(&self, split: Split) -> Vec<TrainingFile> {
        let mut first_row = 0;
        let file = |entry: &TrainingFileEntry| {
            let path = self.dir.join(&entry.file);
            let is_next = self.is_next;
            let file = TrainingFile { path, is_next, entry: entry.clone(), first_row };
            first_row += entry.n_rows;
            file
        };
        self.manifest.contents.split(split).files.iter().map(file).collect()
    }

    /// The keys of a split in ascending order, a batch of rows at a time.
    pub fn keys(&self, split: Split) -> impl Iterator<Item = Result<Vec<u64>>> + use<> {
        self.files(split).into_iter().flat_map(|file| match file.open() {
            Err(error) => vec![Err(error)].into_iter().chain(Vec::new()),
            Ok(opened) => {
                let batches = (0..opened.n_batches()).map(|batch| opened.keys(batch));
                Vec::new().into_iter().chain(batches.collect::<Vec<_>>())
            }
        })
    }
}

/// A file of a training set, as its manifest knows it.
#[derive(Clone, Debug)]
pub struct TrainingFile {
    path: PathBuf,
    /// Whether it may still stand beside its name.
    is_next: bool,
    entry: TrainingFileEntry,
    first_row: u64,
}

impl TrainingFile {
    /// Where it lies.
    pub fn path(&self) -> PathBuf {
        let beside = beside(&self.path);
        if self.is_next && beside.exists() { beside } else { self.path.clone() }
    }

    /// What the manifest says of it.
    pub fn entry(&self) -> &TrainingFileEntry {
        &self.entry
    }

    /// The number of its first row within the split.
    pub fn first_row(&self) -> u64 {
        self.first_row
    }

    /// The keys of its first and last row.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] if the manifest does not tell them.
    pub fn key_range(&self) -> Result<(u64, u64)> {
        let range = self.entry.key_range();
        range.ok_or_else(|| damaged(&self.path, "expected keys of 16 hex digits in the manifest"))
    }

    fn check_size(&self) -> Result<()> {
        let size_bytes = self.entry.size_bytes;
        let found = checked::check_size(&self.path(), size_bytes);
        // It may have got its name just now.
        found.or_else(|_| checked::check_size(&self.path, size_bytes)).map_err(mended)
    }

    /// Opens it and checks its columns; the content is not hashed.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] if it is no such file, with the command that mends it.
    pub fn open(&self) -> Result<OpenTrainingFile> {
        let path = self.path();
        let opened = match open_if_there(&path)? {
            Some(file) => IpcFile::from_file(file, &path),
            // It may have got its name just now.
            None => IpcFile::open(&self.path),
        };
        let file = opened.map_err(mended)?;
        if *file.schema() != training_schema() {
            let message = "expected the columns of a training set, found others";
            return Err(damaged(file.path(), message));
        }
        if file.n_batches() as u64 != self.entry.n_rows.div_ceil(ROWS_PER_BATCH as u64) {
            let message = format!("expected {} rows, found others", self.entry.n_rows);
            return Err(damaged(file.path(), message));
        }
        Ok(OpenTrainingFile { file, n_rows: self.entry.n_rows })
    }

    /// Checks the hash of the content.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] if it is another one.
    pub(crate) fn check_hash(&self) -> Result<()> {
        let path = self.path();
        let mut file = checked::open_file(&path)?;
        let found = Fingerprint::of_file(&mut file).at(&path)?.xxh3;
        if found == self.entry.xxh3 {
            return Ok(());
        }
        let expected = &self.entry.xxh3;
        Err(damaged(&path, format!("expected hash `{expected}`, found `{found}`")))
    }
}

/// A file of a training set that is open; threads may read it at the same time.
pub struct OpenTrainingFile {
    file: IpcFile,
    n_rows: u64,
}

impl OpenTrainingFile {
    /// Record batches of [`ROWS_PER_BATCH`] rows, the last of fewer.
    pub fn n_batches(&self) -> usize {
        self.file.n_batches()
    }

    /// Rows of a batch.
    pub fn batch_len(&self, batch: usize) -> usize {
        let first = (batch * ROWS_PER_BATCH) as u64;
        (self.n_rows - first).min(ROWS_PER_BATCH as u64) as usize
    }

    /// Reads a batch: all columns, or those of [`index`] that are named, ascending.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] if it is damaged.
    pub(crate) fn batch(&self, batch: usize, columns: Option<&[usize]>) -> Result<RecordBatch> {
        let found = self.file.batch(batch, columns).map_err(mended)?;
        if found.num_rows() != self.batch_len(batch) {
            let (expected, found) = (self.batch_len(batch), found.num_rows());
            let message = format!("expected {expected} rows in batch {batch}, found {found}");
            return Err(damaged(self.file.path(), message));
        }
        Ok(found)
    }

    /// Reads the keys of a batch, and no more of the file than that takes.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] if it is damaged.
    pub fn keys(&self, batch: usize) -> Result<Vec<u64>> {
        let found = self.file.first_column(batch).map_err(mended)?;
        Ok(found.column(index::KEY).as_primitive::<UInt64Type>().values().to_vec())
    }
}

/// A whole batch of a training set, by row.
pub(crate) struct TrainingBatch<'a> {
    positions: &'a [u8],
    pub(crate) keys: &'a [u64],
    pub(crate) n: &'a [u32],
    pub(crate) weights: &'a [f32],
    #[cfg(test)]
    pub(crate) plies: &'a [u16],
    scores: &'a PrimitiveArray<Float32Type>,
    pub(crate) score_weights: &'a [f32],
    evals_cp: &'a PrimitiveArray<Float32Type>,
    pub(crate) eval_weights: &'a [f32],
    offsets: &'a [i64],
    moves: &'a [u16],
    counts: &'a [u32],
    move_weights: &'a [f32],
    move_scores: &'a PrimitiveArray<Float32Type>,
    move_evals_cp: &'a PrimitiveArray<Float32Type>,
}

/// The lists of one row; all are equally long.
pub(crate) struct RowMoves<'a> {
    pub(crate) moves: &'a [u16],
    pub(crate) counts: &'a [u32],
    pub(crate) weights: &'a [f32],
    pub(crate) scores: PrimitiveArray<Float32Type>,
    pub(crate) evals_cp: PrimitiveArray<Float32Type>,
}

impl<'a> TrainingBatch<'a> {
    /// Takes a batch with all columns apart; the path is that of its file.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] if the lists of a row are not equally long.
    ///
    /// # Panics
    ///
    /// If the schema is another one; [`TrainingFile::open`] checks it.
    pub(crate) fn new(batch: &'a RecordBatch, path: &Path) -> Result<TrainingBatch<'a>> {
        let list = |index: usize| batch.column(index).as_list::<i64>();
        let moves: &LargeListArray = list(index::MOVES);
        let lists = [index::COUNTS, index::MOVE_WEIGHTS, index::MOVE_SCORES, index::MOVE_EVALS_CP];
        if lists.iter().any(|index| list(*index).value_offsets() != moves.value_offsets()) {
            return Err(damaged(path, "expected lists as long as `moves` in each row"));
        }
        let floats = |index: usize| batch.column(index).as_primitive::<Float32Type>();
        let positions = batch.column(index::POSITION).as_fixed_size_list();
        Ok(TrainingBatch {
            positions: positions.values().as_primitive::<UInt8Type>().values(),
            keys: batch.column(index::KEY).as_primitive::<UInt64Type>().values(),
            n: batch.column(index::N).as_primitive::<UInt32Type>().values(),
            weights: floats(index::WEIGHT).values(),
            #[cfg(test)]
            plies: batch.column(index::PLY).as_primitive::<UInt16Type>().values(),
            scores: floats(index::SCORE),
            score_weights: floats(index::SCORE_WEIGHT).values(),
            evals_cp: floats(index::EVAL_CP),
            eval_weights: floats(index::EVAL_WEIGHT).values(),
            offsets: moves.value_offsets(),
            moves: moves.values().as_primitive::<UInt16Type>().values(),
            counts: list(index::COUNTS).values().as_primitive::<UInt32Type>().values(),
            move_weights: list(index::MOVE_WEIGHTS).values().as_primitive::<Float32Type>().values(),
            move_scores: list(index::MOVE_SCORES).values().as_primitive(),
            move_evals_cp: list(index::MOVE_EVALS_CP).values().as_primitive(),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// HCP with the side to move as Black.
    pub(crate) fn position(&self, row: usize) -> &'a [u8; 32] {
        self.positions[32 * row..].first_chunk().expect("32 bytes a row")
    }

    pub(crate) fn score(&self, row: usize) -> Option<f32> {
        self.scores.is_valid(row).then(|| self.scores.value(row))
    }

    pub(crate) fn eval_cp(&self, row: usize) -> Option<f32> {
        self.evals_cp.is_valid(row).then(|| self.evals_cp.value(row))
    }

    /// All that is known of the moves of a row.
    pub(crate) fn moves(&self, row: usize) -> RowMoves<'a> {
        let span = self.offsets[row] as usize..self.offsets[row + 1] as usize;
        RowMoves {
            moves: &self.moves[span.clone()],
            counts: &self.counts[span.clone()],
            weights: &self.move_weights[span.clone()],
            scores: self.move_scores.slice(span.start, span.len()),
            evals_cp: self.move_evals_cp.slice(span.start, span.len()),
        }
    }
}

/// A file of a training set that does not hold what a run wrote.
pub(crate) fn damaged(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::corrupt(path, format!("damaged: {what}; {MEND}"))
}

/// The error with what mends a training set, where it names what mends a dataset.
pub(crate) fn mended(error: Error) -> Error {
    match error {
        Error::Corrupt { path, message } => {
            Error::Corrupt { path, message: message.replace(checked::MEND, MEND) }
        }
        other => other,
    }
}
