//! `manifest.json`: what a dataset is and holds. Its replacement is the end of a run.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::checked::{Fingerprint, damaged, read_if_there};
use crate::error::{Error, Result};
use crate::report::Compression;
use crate::schema::SCHEMA_VERSION;
use crate::training;

pub(crate) const MANIFEST_FILE: &str = "manifest.json";

/// Bytes of sources at which a games file is full, for new datasets.
pub(crate) const DEFAULT_SHARD_BYTES: u64 = 64_000_000;

/// The options that decide about a dataset's bytes; they stay the same over all of its runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct DatasetOptions {
    /// Compression of all files.
    pub compression: Compression,
    /// Bytes of sources at which a games file is full.
    pub shard_bytes: u64,
    /// Games at which a games file is full, instead of bytes of sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_per_file: Option<u64>,
    /// Whether each variation is a game of its own, with the id of the line that it leaves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub variations: bool,
}

impl Default for DatasetOptions {
    fn default() -> DatasetOptions {
        DatasetOptions {
            compression: Compression::default(),
            shard_bytes: DEFAULT_SHARD_BYTES,
            rows_per_file: None,
            variations: false,
        }
    }
}

/// Games by result.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct ResultCounts {
    /// Draws.
    pub draw: u64,
    /// Games that Black won.
    pub black_wins: u64,
    /// Games that White won.
    pub white_wins: u64,
    /// Games whose record does not tell.
    pub unknown: u64,
}

/// What a games file or a whole dataset holds.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Size of the games files.
    pub size_bytes: u64,
    /// Source files.
    pub n_sources: u64,
    /// Games, each variation being one of its own where they are kept.
    pub n_games: u64,
    /// Variations among the games.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub n_variations: u64,
    /// Positions with a move played in the games, that is, moves.
    pub n_positions: u64,
    /// Loose positions.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub n_loose_positions: u64,
    /// Size of the positions files.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub loose_size_bytes: u64,
    /// Errors.
    pub n_errors: u64,
    /// Variations that were left out.
    pub n_variations_dropped: u64,
    /// Comment lines that were left out.
    pub n_comments_dropped: u64,
    /// Games by result.
    pub results: ResultCounts,
    /// Games by ending.
    pub endings: BTreeMap<String, u64>,
    /// Errors by kind.
    pub error_kinds: BTreeMap<String, u64>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Totals {
    /// Positions with a move: those of the games and the loose ones.
    pub fn n_all_positions(&self) -> u64 {
        self.n_positions + self.n_loose_positions
    }

    pub(crate) fn add(&mut self, other: &Totals) {
        self.size_bytes += other.size_bytes;
        self.n_sources += other.n_sources;
        self.n_games += other.n_games;
        self.n_variations += other.n_variations;
        self.n_positions += other.n_positions;
        self.n_loose_positions += other.n_loose_positions;
        self.loose_size_bytes += other.loose_size_bytes;
        self.n_errors += other.n_errors;
        self.n_variations_dropped += other.n_variations_dropped;
        self.n_comments_dropped += other.n_comments_dropped;
        self.results.draw += other.results.draw;
        self.results.black_wins += other.results.black_wins;
        self.results.white_wins += other.results.white_wins;
        self.results.unknown += other.results.unknown;
        for (to, from) in
            [(&mut self.endings, &other.endings), (&mut self.error_kinds, &other.error_kinds)]
        {
            for (name, n) in from {
                *to.entry(name.clone()).or_default() += n;
            }
        }
    }
}

/// One games file, and the positions file of the same number if its sources have loose positions.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ShardEntry {
    /// Its number; gaps are left by pruning.
    pub number: u32,
    /// Its name within the dataset's folder.
    pub file: String,
    /// xxh3-64 of its bytes, as 16 hex digits.
    pub xxh3: String,
    /// The positions file; its size is in the totals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positions: Option<PositionsEntry>,
    /// Whether the games file has the columns for what a search tells.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_search: bool,
    /// What it holds.
    #[serde(flatten)]
    pub totals: Totals,
}

/// One positions file.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PositionsEntry {
    /// Its name within the dataset's folder.
    pub file: String,
    /// xxh3-64 of its bytes, as 16 hex digits.
    pub xxh3: String,
}

/// The name of positions file `number`.
pub(crate) fn positions_file(number: u32) -> String {
    format!("positions-{number:05}.feather")
}

/// The name of games file `number`.
pub(crate) fn games_file(number: u32) -> String {
    format!("games-{number:05}.feather")
}

/// A hash as it stands in text files.
pub(crate) fn hex(hash: u64) -> String {
    format!("{hash:016x}")
}

/// The files of a dataset beside the games files.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tables {
    /// `sources.feather`.
    pub(crate) sources: Fingerprint,
    /// `errors.jsonl`.
    pub(crate) errors: Fingerprint,
}

/// The end of the file, a hash of all that stands before it.
const CHECKSUM: [&str; 2] = [",\n  \"checksum\": \"", "\"\n}\n"];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) kind: String,
    pub(crate) schema_version: u32,
    pub(crate) key_version: u32,
    pub(crate) maou_version: String,
    pub(crate) options: DatasetOptions,
    pub(crate) n_duplicate_games: u64,
    pub(crate) totals: Totals,
    pub(crate) tables: Tables,
    pub(crate) shards: Vec<ShardEntry>,
}

#[derive(Deserialize)]
struct Versions {
    schema_version: u32,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    kind: String,
}

impl Manifest {
    /// Reads the manifest of the folder `dir`; `None` if there is none.
    pub(crate) fn read(dir: &Path) -> Result<Option<Manifest>> {
        let path = dir.join(MANIFEST_FILE);
        let Some(bytes) = read_if_there(&path)? else { return Ok(None) };
        let corrupt =
            |error| Error::corrupt(&path, format!("expected a dataset's manifest: {error}"));
        let Kind { kind } = serde_json::from_slice(&bytes).map_err(corrupt)?;
        if kind == training::manifest::KIND {
            return Err(Error::Usage(format!(
                "{}: expected a dataset, found a training set: open it with \
                 `maou.TrainingSet(path)`, or name the dataset that it was made of",
                dir.display(),
            )));
        }
        let versions: Versions = serde_json::from_slice(&bytes).map_err(corrupt)?;
        check_schema_version(&path, versions.schema_version)?;
        let manifest = serde_json::from_slice(&bytes).map_err(corrupt)?;
        if !is_sealed(&bytes) {
            return Err(damaged(&path, "expected the content that its `checksum` is of"));
        }
        Ok(Some(manifest))
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        seal(serde_json::to_vec_pretty(self).expect("plain data becomes JSON"))
    }
}

/// Puts the checksum at the end of a manifest, which is a JSON object on several lines.
pub(crate) fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() - "\n}".len());
    let checksum = hex(xxh3_64(&bytes));
    bytes.extend_from_slice(format!("{}{checksum}{}", CHECKSUM[0], CHECKSUM[1]).as_bytes());
    bytes
}

/// Whether the checksum at the end is that of what stands before it.
pub(crate) fn is_sealed(bytes: &[u8]) -> bool {
    let end = CHECKSUM[0].len() + 16 + CHECKSUM[1].len();
    let Some((content, end)) = bytes.len().checked_sub(end).map(|at| bytes.split_at(at)) else {
        return false;
    };
    end == format!("{}{}{}", CHECKSUM[0], hex(xxh3_64(content)), CHECKSUM[1]).as_bytes()
}

/// Refuses what a later version has written.
pub(crate) fn check_schema_version(path: &Path, found: u32) -> Result<()> {
    if found > SCHEMA_VERSION {
        return Err(Error::Usage(format!(
            "{}: expected schema version {SCHEMA_VERSION} or lower, found {found}: this dataset \
             was made by a later version of maou than this one ({}); upgrade maou to read it",
            path.display(),
            env!("CARGO_PKG_VERSION"),
        )));
    }
    Ok(())
}
