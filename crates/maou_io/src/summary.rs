//! What a run has found, gathered in the order of the sources.

use crate::agreement::Agreement;
use crate::report::{ErrorEntry, MAX_REPORTED_ERRORS};
use crate::source_table::SourceFormat;
use crate::unit::UnitResult;

/// What has been read in a run.
#[derive(Default)]
pub(crate) struct Summary {
    pub(crate) n_games: u64,
    pub(crate) n_positions: u64,
    pub(crate) n_errors: u64,
    pub(crate) n_variations: u64,
    pub(crate) n_comments: u64,
    /// Whether any source was a game record.
    pub(crate) has_record: bool,
    pub(crate) errors: Vec<ErrorEntry>,
    /// Of all games, only where nothing is written.
    pub(crate) ids: Vec<u64>,
    pub(crate) is_stopped: bool,
    agreements: Vec<Agreement>,
}

impl Summary {
    pub(crate) fn new(n_inputs: usize) -> Summary {
        Summary { agreements: vec![Agreement::default(); n_inputs], ..Summary::default() }
    }

    pub(crate) fn add(&mut self, unit: &UnitResult) {
        if !unit.is_read {
            return;
        }
        self.n_games += unit.columns.n_games() as u64;
        self.n_positions += unit.columns.n_positions() as u64;
        for row in &unit.sources {
            self.n_variations += u64::from(row.n_variations);
            self.n_comments += u64::from(row.n_comments);
            self.has_record |= row.format != SourceFormat::None;
        }
        self.add_errors(&unit.errors);
        for (input, agreement) in &unit.agreements {
            self.agreements[*input as usize].add(agreement);
        }
    }

    pub(crate) fn add_errors(&mut self, errors: &[ErrorEntry]) {
        self.n_errors += errors.len() as u64;
        let n_wanted = MAX_REPORTED_ERRORS - self.errors.len();
        self.errors.extend(errors.iter().take(n_wanted).cloned());
    }

    pub(crate) fn first_error(&self) -> Option<&ErrorEntry> {
        self.errors.first()
    }

    /// What looks wrong, input by input.
    pub(crate) fn warnings(&self, input_name: impl Fn(u32) -> String) -> Vec<String> {
        let inputs = self.agreements.iter().enumerate();
        inputs.filter_map(|(i, agreement)| agreement.warning(&input_name(i as u32))).collect()
    }
}
