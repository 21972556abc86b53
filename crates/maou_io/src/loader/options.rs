//! What batches are to hold, and how they are dealt.

use std::str::FromStr;

use maou_shogi::PolicyScheme;

use crate::error::{Error, Result};

/// What a network is shown of a position.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Features {
    /// `board` and `hand`: pieces by number, 95 bytes a position.
    Compact,
    /// `input1` and `input2`: dlshogi's planes.
    Dlshogi,
}

/// How the policy target is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PolicyForm {
    /// The classes that are not 0, each with its row and its weight.
    Sparse,
    /// A number for each class.
    Dense,
}

/// How much a row counts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SampleWeight {
    /// Every position once.
    #[default]
    One,
    /// As often as it occurred.
    N,
    /// The root of that.
    Sqrt,
    /// The sum of the weights of the datasets, over its occurrences.
    Weight,
}

/// Reads a name out of a list, or says what was expected.
fn named<T: Copy>(what: &str, name: &str, all: &[(&str, T)]) -> std::result::Result<T, String> {
    if let Some((_, value)) = all.iter().find(|(known, _)| *known == name) {
        return Ok(*value);
    }
    let known: Vec<_> = all.iter().map(|(known, _)| format!("`{known}`")).collect();
    let (last, others) = known.split_last().expect("a name");
    Err(format!("{what}: expected {} or {last}, found `{name}`", others.join(", ")))
}

impl FromStr for Features {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Features, String> {
        named("features", name, &[("compact", Features::Compact), ("dlshogi", Features::Dlshogi)])
    }
}

impl FromStr for PolicyForm {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<PolicyForm, String> {
        named("policy", name, &[("sparse", PolicyForm::Sparse), ("dense", PolicyForm::Dense)])
    }
}

impl FromStr for SampleWeight {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<SampleWeight, String> {
        let all = [
            ("one", SampleWeight::One),
            ("n", SampleWeight::N),
            ("sqrt", SampleWeight::Sqrt),
            ("weight", SampleWeight::Weight),
        ];
        named("sample_weight", name, &all)
    }
}

/// What batches hold, how they are dealt, and by how many threads they are made.
#[derive(Clone, Debug)]
pub struct LoaderOptions {
    /// Rows of a batch.
    pub batch_size: usize,
    /// What decides about the order, together with the epoch.
    pub seed: u64,
    /// Whether rows come in another order than that of the files.
    pub shuffle: bool,
    /// What is shown of a position, if anything.
    pub features: Option<Features>,
    /// How the policy target is written, if it is.
    pub policy: Option<PolicyForm>,
    /// How moves are numbered.
    pub scheme: PolicyScheme,
    /// Whether there is a mask of the legal moves.
    pub legal_mask: bool,
    /// How much a row counts.
    pub sample_weight: SampleWeight,
    /// Number of threads; 0 takes one per core.
    pub threads: usize,
    /// Which of the processes that share a split this is, from 0.
    pub rank: usize,
    /// How many processes share the split.
    pub world_size: usize,
    /// Whether rows that do not fill a batch of every process are left out.
    pub drop_last: bool,
    /// Record batches whose rows are mixed.
    pub window: usize,
    /// Batches that are made before they are asked for.
    pub prefetch: usize,
    /// The first batch that is made, and how many further the next one is each time.
    pub stride: (u64, u64),
    /// Whether the hash of each file is compared before rows of it are used.
    pub check: bool,
}

impl Default for LoaderOptions {
    fn default() -> LoaderOptions {
        LoaderOptions {
            batch_size: 1024,
            seed: 0,
            shuffle: true,
            features: Some(Features::Compact),
            policy: Some(PolicyForm::Sparse),
            scheme: PolicyScheme::Labels2187,
            legal_mask: false,
            sample_weight: SampleWeight::One,
            threads: 0,
            rank: 0,
            world_size: 1,
            drop_last: false,
            window: 8,
            prefetch: 2,
            stride: (0, 1),
            check: true,
        }
    }
}

/// Rows and moves are counted in 32 bits within a batch.
const MAX_BATCH_SIZE: usize = 1 << 22;

impl LoaderOptions {
    /// Refuses what makes no batches.
    ///
    /// # Errors
    /// A sentence about the option.
    pub fn check(&self) -> Result<()> {
        let expected = |name: &str, what: &str, found: usize| {
            Err(Error::Usage(format!("{name}: expected {what}, found `{found}`")))
        };
        if self.batch_size == 0 || self.batch_size > MAX_BATCH_SIZE {
            return expected("batch_size", &format!("1 to {MAX_BATCH_SIZE}"), self.batch_size);
        }
        if self.world_size == 0 {
            return expected("world_size", "1 or more", 0);
        }
        if self.rank >= self.world_size {
            let what = format!("a number below world_size, {}", self.world_size);
            return expected("rank", &what, self.rank);
        }
        if self.window == 0 || self.window > MAX_WINDOW {
            return expected("window", &format!("1 to {MAX_WINDOW} record batches"), self.window);
        }
        if self.prefetch == 0 {
            return expected("prefetch", "1 or more batches", 0);
        }
        Ok(())
    }

    /// The scheme with so many classes.
    ///
    /// # Errors
    /// There is none.
    pub fn scheme_of(classes: usize) -> Result<PolicyScheme> {
        PolicyScheme::from_n_labels(classes).ok_or_else(|| {
            Error::Usage(format!("classes: expected 2187 or 1496, found `{classes}`"))
        })
    }
}

/// A row of the window is told by 16 bits of its record batch and 16 of its place in it.
const MAX_WINDOW: usize = 1 << 15;

#[cfg(test)]
mod options_tests {
    use super::*;

    #[test]
    fn options_that_make_no_batches_are_told() {
        let check = |change: &dyn Fn(&mut LoaderOptions), message: &str| {
            let mut options = LoaderOptions::default();
            change(&mut options);
            assert_eq!(options.check().unwrap_err().to_string(), message);
        };
        check(&|o| o.batch_size = 0, "batch_size: expected 1 to 4194304, found `0`");
        check(&|o| o.world_size = 0, "world_size: expected 1 or more, found `0`");
        check(&|o| o.rank = 1, "rank: expected a number below world_size, 1, found `1`");
        check(&|o| o.window = 0, "window: expected 1 to 32768 record batches, found `0`");
        check(&|o| o.prefetch = 0, "prefetch: expected 1 or more batches, found `0`");
        assert!(LoaderOptions::default().check().is_ok());
        assert_eq!(
            LoaderOptions::scheme_of(1000).unwrap_err().to_string(),
            "classes: expected 2187 or 1496, found `1000`"
        );
        assert_eq!(
            "half".parse::<Features>().unwrap_err(),
            "features: expected `compact` or `dlshogi`, found `half`"
        );
        assert_eq!(
            "log".parse::<SampleWeight>().unwrap_err(),
            "sample_weight: expected `one`, `n`, `sqrt` or `weight`, found `log`"
        );
    }
}
