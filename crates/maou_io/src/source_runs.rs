//! Whether the games of a file come in the order and number that `sources.feather` tells.

use crate::dataset::Table;
use crate::source_table::{SOURCES_FILE, SourceRow};

/// Games of one source, one after the other.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct SourceRun {
    pub(crate) name: Box<str>,
    pub(crate) first_row: u64,
    pub(crate) n_games: u64,
    pub(crate) n_positions: u64,
}

/// The source whose rows come next in a file of a table.
pub(crate) struct SourceRuns {
    table: Table,
    row: Option<SourceRow>,
    n_games: u64,
    n_positions: u64,
}

impl SourceRuns {
    pub(crate) fn new(table: Table) -> SourceRuns {
        SourceRuns { table, row: None, n_games: 0, n_positions: 0 }
    }

    /// Compares the runs of sources in a batch with `sources.feather`.
    pub(crate) fn check<'a>(
        &mut self,
        runs: &[SourceRun],
        rows: &mut impl Iterator<Item = &'a SourceRow>,
        tell: &mut dyn FnMut(u64, String),
    ) {
        for SourceRun { name, first_row, n_games, n_positions } in runs {
            if self.row.as_ref().is_none_or(|row| row.name != *name) {
                self.close(*first_row, tell);
                self.row = match self.table {
                    Table::Games => rows.find(|row| row.n_games > 0).cloned(),
                    Table::Positions => rows.find(|row| row.n_loose() > 0).cloned(),
                };
                (self.n_games, self.n_positions) = (0, 0);
            }
            let next = self.row.as_ref().map_or("the end", |row| &row.name);
            if next != &**name {
                let expected = format!("expected `{next}` as in {SOURCES_FILE}, found `{name}`");
                tell(*first_row, expected);
            }
            self.n_games += n_games;
            self.n_positions += n_positions;
        }
    }

    fn close(&self, row_number: u64, tell: &mut dyn FnMut(u64, String)) {
        let Some(row) = &self.row else { return };
        let says = (u64::from(row.n_games), row.n_positions);
        if says != (self.n_games, self.n_positions) {
            let name = &row.name;
            tell(
                row_number,
                format!(
                    "expected {} games and {} positions of `{name}` before this row as in \
                     {SOURCES_FILE}, found {} and {}",
                    says.0, says.1, self.n_games, self.n_positions
                ),
            );
        }
    }
}
