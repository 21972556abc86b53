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
    pub(crate) n_loose_positions: u64,
    pub(crate) n_errors: u64,
    /// Variations that are kept.
    pub(crate) n_variations: u64,
    pub(crate) n_variations_dropped: u64,
    pub(crate) n_comments: u64,
    /// Whether any source was a game record.
    pub(crate) has_record: bool,
    pub(crate) errors: Vec<ErrorEntry>,
    /// Of all games, only where nothing is written.
    pub(crate) ids: Vec<u64>,
    pub(crate) is_stopped: bool,
    agreements: Vec<Agreement>,
    /// Sources with records of which not everything is kept, and how many.
    inexact: Vec<(Box<str>, u64)>,
    n_inexact_more: u64,
}

/// How many sources a warning about lost padding names.
const MAX_INEXACT: usize = 5;

impl Summary {
    pub(crate) fn new(n_inputs: usize) -> Summary {
        Summary { agreements: vec![Agreement::default(); n_inputs], ..Summary::default() }
    }

    pub(crate) fn add(&mut self, unit: &UnitResult) {
        if !unit.is_read {
            return;
        }
        self.n_games += unit.columns.n_games() as u64;
        self.n_variations += unit.columns.n_variations() as u64;
        self.n_positions += (unit.columns.n_positions() + unit.positions.len()) as u64;
        self.n_loose_positions += unit.positions.len() as u64;
        for (source, n) in &unit.inexact {
            let n_sources = self.inexact.len();
            match self.inexact.last_mut() {
                Some((last, n_before)) if last == source => *n_before += n,
                _ if n_sources < MAX_INEXACT => self.inexact.push((source.clone(), *n)),
                _ => self.n_inexact_more += n,
            }
        }
        for row in &unit.sources {
            self.n_variations_dropped += u64::from(row.n_variations);
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
        let contradictions =
            inputs.filter_map(|(i, agreement)| agreement.warning(&input_name(i as u32)));
        let more = ("other sources".into(), self.n_inexact_more);
        let inexact = self.inexact.iter().chain(std::iter::once(&more)).filter(|(_, n)| *n > 0);
        let inexact = inexact.map(|(source, n)| {
            format!(
                "{source}: {n} of the records are kept but for a byte of padding that is not 0, or \
                 for the order of the pieces in hand: written again, these bytes differ"
            )
        });
        contradictions.chain(inexact).collect()
    }
}
