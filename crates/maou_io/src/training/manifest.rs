//! `manifest.json` of a training set: what it is, what it was made of, and its files. Its
//! replacement is the end of a run.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::schema::TRAINING_SCHEMA_VERSION;
use crate::checked::read_if_there;
use crate::error::{Error, Result};
use crate::manifest::{MANIFEST_FILE, is_sealed, seal};
use crate::report::Compression;

/// The `kind` in the manifest of a training set.
pub(crate) const KIND: &str = "training-set";

/// The manifest of a set that is complete, but whose files may still have to get their names.
pub(crate) const NEXT_MANIFEST_FILE: &str = "manifest.json.next";

/// What a user can do about a training set that is not what it was.
pub(crate) const MEND: &str = "make it again: `maou prepare DATA -o TRAIN --force`";

/// One of the two sides of a training set.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Split {
    /// What is learned from.
    Train,
    /// What is held back to measure with.
    Validation,
}

impl Split {
    /// Both of them.
    pub const ALL: [Split; 2] = [Split::Train, Split::Validation];

    /// The name, as in the names of files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Validation => "validation",
        }
    }

    /// The name of its file `number`, counted from 0.
    pub(crate) fn file_name(self, number: usize) -> String {
        format!("{}-{number:05}.feather", self.as_str())
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Split {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Split, String> {
        let found = Split::ALL.into_iter().find(|split| split.as_str() == name);
        found.ok_or_else(|| format!("split: expected train or validation, found `{name}`"))
    }
}

/// What becomes the policy target of a position.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// The moves that were played.
    #[default]
    Moves,
    /// The candidates of the search by their visits, where a game has them (HCPE3).
    Visits,
}

impl Policy {
    /// The name, as in `--policy visits`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Policy::Moves => "moves",
            Policy::Visits => "visits",
        }
    }
}

impl FromStr for Policy {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Policy, String> {
        [Policy::Moves, Policy::Visits]
            .into_iter()
            .find(|policy| policy.as_str() == name)
            .ok_or_else(|| format!("policy: expected moves or visits, found `{name}`"))
    }
}

/// A range of numbers, both ends inclusive; an end that is `None` is open.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Between<T> {
    /// The smallest.
    pub min: Option<T>,
    /// The largest.
    pub max: Option<T>,
}

impl<T> Default for Between<T> {
    fn default() -> Between<T> {
        Between { min: None, max: None }
    }
}

impl<T: PartialOrd + Copy> Between<T> {
    /// Whether both ends are open.
    pub fn is_open(&self) -> bool {
        self.min.is_none() && self.max.is_none()
    }

    /// Whether a number lies in it.
    pub fn contains(&self, value: T) -> bool {
        self.min.is_none_or(|min| min <= value) && self.max.is_none_or(|max| value <= max)
    }
}

/// Which games and positions become rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// The expression on the games table that the caller has computed, as text.
    pub filter: Option<String>,
    /// Ratings that both sides of a game must have.
    pub rating: Between<f64>,
    /// Moves played before the position.
    pub ply: Between<u32>,
    /// Eval of the position, for the side to move.
    pub eval_cp: Between<i32>,
    /// Results as in the games table; all if empty.
    pub results: Vec<u8>,
    /// Endings as in the games table; all if empty.
    pub endings: Vec<String>,
    /// At most so many games.
    pub max_games: Option<u64>,
}

/// The options that decide about a training set's bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainingOptions {
    /// Compression of its files.
    pub compression: Compression,
    /// What becomes the policy target.
    pub policy: Policy,
    /// A game is for validation if its id modulo 10,000 is below this.
    pub validation_per_10000: u32,
    /// Source files whose loose positions are for validation.
    pub validation_sources: Vec<String>,
    /// Which games and positions become rows.
    pub selection: Selection,
}

/// A dataset or training set that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputEntry {
    /// The last part of its path: paths of the machine stay out of files.
    pub name: String,
    /// xxh3-64 of its manifest, as 16 hex digits; of an unfinished dataset, of its journal.
    pub manifest_xxh3: String,
    /// What each of its occurrences weighs.
    pub weight: f64,
    /// Games in it.
    pub n_games: u64,
    /// Loose positions in it.
    pub n_loose_positions: u64,
}

/// What was left out of a training set, and why.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Variations.
    pub variations: u64,
    /// Games that a filter on games dropped.
    pub games_filtered: u64,
    /// Games whose id an earlier one has.
    pub duplicate_games: u64,
    /// Games beyond the number that was asked for.
    pub games_beyond_max: u64,
    /// Games that are in an excluded dataset.
    pub games_excluded: u64,
    /// Loose positions that a filter on games dropped.
    pub loose_filtered: u64,
    /// Positions that a filter on positions dropped.
    pub positions_filtered: u64,
    /// Positions without both kings, which HCP cannot hold.
    pub without_king: u64,
    /// Positions that an HCPE3 record marks as not for training, with `--policy visits`.
    pub unsearched: u64,
    /// Occurrences of positions that are in an excluded dataset or training set.
    pub positions_excluded: u64,
}

/// Occurrences by result, for the side to move.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct ScoreCounts {
    /// Won by the side to move.
    pub win: u64,
    /// Drawn.
    pub draw: u64,
    /// Lost by the side to move.
    pub loss: u64,
    /// Not known.
    pub unknown: u64,
}

impl ScoreCounts {
    pub(crate) fn add(&mut self, other: &ScoreCounts) {
        self.win += other.win;
        self.draw += other.draw;
        self.loss += other.loss;
        self.unknown += other.unknown;
    }
}

/// One file of a split.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct TrainingFileEntry {
    /// Its name within the folder.
    pub file: String,
    /// xxh3-64 of its bytes, as 16 hex digits.
    pub xxh3: String,
    /// Its size.
    pub size_bytes: u64,
    /// Its rows.
    pub n_rows: u64,
    /// The key of its first row, as 16 hex digits.
    pub first_key: String,
    /// The key of its last row, as 16 hex digits.
    pub last_key: String,
}

impl TrainingFileEntry {
    /// The keys of its first and last row.
    pub(crate) fn key_range(&self) -> Option<(u64, u64)> {
        let key = |text: &str| u64::from_str_radix(text, 16).ok();
        Some((key(&self.first_key)?, key(&self.last_key)?))
    }
}

/// One side of a training set.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct SplitEntry {
    /// Rows: distinct positions.
    pub n_rows: u64,
    /// Occurrences that were merged into them.
    pub n_occurrences: u64,
    /// Games that they come from.
    pub n_games: u64,
    /// Loose positions that they come from.
    pub n_loose_positions: u64,
    /// Rows that are more than one occurrence.
    pub n_repeated_rows: u64,
    /// Entries of all lists of moves.
    pub n_moves: u64,
    /// Occurrences with an eval.
    pub n_evals: u64,
    /// Occurrences by result, for the side to move.
    pub scores: ScoreCounts,
    /// Size of its files.
    pub size_bytes: u64,
    /// Its files, in key order.
    pub files: Vec<TrainingFileEntry>,
}

/// What a training set holds, and what it was made of: the part that its manifest, its
/// description and the report of the run that made it have in common.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainingContents {
    /// What it was made of.
    pub inputs: Vec<InputEntry>,
    /// What was kept out of it.
    pub excluded: Vec<InputEntry>,
    /// What was left out.
    pub left_out: LeftOut,
    /// Validation rows whose position is in train, too.
    pub n_shared_rows: u64,
    /// Their occurrences in validation.
    pub n_shared_occurrences: u64,
    /// What is learned from.
    pub train: SplitEntry,
    /// What is held back.
    pub validation: SplitEntry,
}

impl TrainingContents {
    /// One of the two sides.
    pub fn split(&self, split: Split) -> &SplitEntry {
        match split {
            Split::Train => &self.train,
            Split::Validation => &self.validation,
        }
    }

    /// Size of all files.
    pub fn size_bytes(&self) -> u64 {
        self.train.size_bytes + self.validation.size_bytes
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrainingManifest {
    pub(crate) kind: String,
    pub(crate) training_schema_version: u32,
    pub(crate) key_version: u32,
    pub(crate) maou_version: String,
    pub(crate) options: TrainingOptions,
    #[serde(flatten)]
    pub(crate) contents: TrainingContents,
}

#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    training_schema_version: u32,
    #[serde(default)]
    key_version: u32,
}

impl TrainingManifest {
    /// Reads the manifest of the folder `dir`, and whether its files may still stand beside their
    /// names: those of the manifest that is about to take its place, which is complete, if there
    /// is one.
    pub(crate) fn read(dir: &Path) -> Result<(TrainingManifest, bool)> {
        for (name, is_next) in [(NEXT_MANIFEST_FILE, true), (MANIFEST_FILE, false)] {
            let path = dir.join(name);
            if let Some(bytes) = read_if_there(&path)? {
                return Ok((TrainingManifest::parse(dir, &path, &bytes)?, is_next));
            }
        }
        Err(Error::Usage(expected_training_set(dir)))
    }

    fn parse(dir: &Path, path: &Path, bytes: &[u8]) -> Result<TrainingManifest> {
        let damaged =
            |what: String| Error::corrupt(path, format!("damaged: expected {what}; {MEND}"));
        let corrupt = |error| damaged(format!("a training set's manifest: {error}"));
        let head: Head = serde_json::from_slice(bytes).map_err(corrupt)?;
        if head.kind == "dataset" {
            let dir = dir.display();
            return Err(Error::Usage(format!(
                "{dir}: expected a training set, found a dataset: `maou prepare {dir} -o TRAIN` \
                 makes a training set of it"
            )));
        }
        if head.kind != KIND {
            return Err(damaged(format!("the kind {KIND}, found `{}`", head.kind)));
        }
        for (what, expected, found) in [
            ("schema", TRAINING_SCHEMA_VERSION, head.training_schema_version),
            ("key", maou_shogi::KEY_VERSION, head.key_version),
        ] {
            if found > expected {
                return Err(Error::Usage(format!(
                    "{}: expected {what} version {expected} or lower, found {found}: this training \
                     set was made by a later version of maou than this one ({}); upgrade maou to \
                     read it",
                    path.display(),
                    env!("CARGO_PKG_VERSION"),
                )));
            }
        }
        let manifest = serde_json::from_slice(bytes).map_err(corrupt)?;
        if !is_sealed(bytes) {
            return Err(damaged("the content that its `checksum` is of".to_owned()));
        }
        Ok(manifest)
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        seal(serde_json::to_vec_pretty(self).expect("plain data becomes JSON"))
    }
}

/// The sentence about a path with no manifest.
fn expected_training_set(dir: &Path) -> String {
    let (found, mend) = match std::fs::metadata(dir) {
        Err(error) => (crate::error::reason(&error), ""),
        Ok(metadata) if !metadata.is_dir() => ("a file".to_owned(), ""),
        Ok(_) if dir.join("checkpoints").is_dir() => {
            ("a run of `maou train`".to_owned(), ": name the training set that it learns from")
        }
        Ok(_) if super::reader::is_begun(dir) => {
            ("one that was not finished".to_owned(), "; the same `maou prepare` again makes it")
        }
        Ok(_) => ("a folder without it".to_owned(), ""),
    };
    format!(
        "{}: expected a training set, that is, a folder with {MANIFEST_FILE}, found {found}{mend}",
        dir.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_pinned() {
        assert_eq!(Split::Train.file_name(0), "train-00000.feather");
        assert_eq!(Split::Validation.file_name(12_345), "validation-12345.feather");
        assert_eq!("validation".parse(), Ok(Split::Validation));
        let error = "test".parse::<Split>().unwrap_err();
        assert_eq!(error, "split: expected train or validation, found `test`");
        assert_eq!("visits".parse(), Ok(Policy::Visits));
        assert!("x".parse::<Policy>().unwrap_err().contains("moves or visits"));
    }

    #[test]
    fn ranges_hold_both_ends() {
        let between = |min, max| Between { min, max };
        assert!(between(Some(3), Some(5)).contains(3) && between(Some(3), Some(5)).contains(5));
        assert!(!between(Some(3), None).contains(2) && between(Some(3), None).contains(900));
        assert!(!between(None, Some(5)).contains(6) && Between::<i32>::default().is_open());
    }
}
