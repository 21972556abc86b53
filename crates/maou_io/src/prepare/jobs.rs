//! The batches of games and positions that are replayed, and what each thread does with one.

use std::path::Path;
use std::sync::Arc;

use super::emit::{Emitter, Found, Made, Target, Wrong, projection};
use super::select::{GameMask, main_lines};
use super::spill::Buffers;
use crate::dataset::{Dataset, GamesFile};
use crate::error::{Error, Result};
use crate::ipc::IpcFile;
use crate::training::manifest::{Policy, Split};
use crate::training::reader::{OpenTrainingFile, TrainingFile, TrainingSet};

/// Something whose games and positions are kept out.
pub(super) enum Excluded {
    /// A dataset, with the rows of it that are no variations.
    Dataset(Box<Dataset>, GameMask),
    Training(Box<TrainingSet>),
}

impl Excluded {
    pub(super) fn new(dataset: Dataset) -> Result<Excluded> {
        let mask = main_lines(&dataset)?;
        Ok(Excluded::Dataset(Box::new(dataset), mask))
    }

    pub(super) fn n_keys(&self) -> u64 {
        match self {
            Excluded::Dataset(dataset, _) => dataset.info().positions,
            Excluded::Training(set) => Split::ALL.iter().map(|split| set.n_rows(*split)).sum(),
        }
    }
}

/// What is in a file, and to whom it belongs.
#[derive(Clone, Copy)]
enum Kind<'a> {
    Games { dataset: usize, mask: &'a GameMask },
    Loose { dataset: usize },
    ExcludedGames { mask: &'a GameMask },
    ExcludedLoose,
}

/// A batch of a file.
pub(super) enum Job<'a> {
    /// Of a dataset, beginning with this row of its table.
    Table(TableJob<'a>),
    /// Of a training set that is kept out.
    Keys(Arc<OpenTrainingFile>, usize),
}

pub(super) struct TableJob<'a> {
    kind: Kind<'a>,
    file: Arc<IpcFile>,
    batch: usize,
    first_row: usize,
}

/// All batches, in order; files are opened as their turn comes.
pub(super) fn jobs<'a>(
    datasets: &'a [Dataset],
    masks: &'a [GameMask],
    excluded: &'a [Excluded],
    drops_loose: bool,
) -> impl Iterator<Item = Result<Job<'a>>> + Send {
    let kept_out = excluded.iter().flat_map(|excluded| match excluded {
        Excluded::Dataset(dataset, mask) => {
            let games = of_tables(dataset.games_files(), Kind::ExcludedGames { mask });
            let loose = of_tables(dataset.positions_files(), Kind::ExcludedLoose);
            Box::new(games.chain(loose)) as Box<dyn Iterator<Item = _> + Send>
        }
        Excluded::Training(set) => {
            Box::new(Split::ALL.into_iter().flat_map(|split| set.files(split)).flat_map(of_keys))
        }
    });
    let taken = datasets.iter().zip(masks).enumerate().flat_map(move |(dataset, (found, mask))| {
        let loose = if drops_loose { Vec::new() } else { found.positions_files() };
        of_tables(found.games_files(), Kind::Games { dataset, mask })
            .chain(of_tables(loose, Kind::Loose { dataset }))
    });
    kept_out.chain(taken)
}

fn of_tables<'a>(
    files: Vec<GamesFile>,
    kind: Kind<'a>,
) -> impl Iterator<Item = Result<Job<'a>>> + Send {
    let mut next_row = 0;
    files.into_iter().flat_map(move |file| {
        let mut open = || -> Result<Vec<Job<'a>>> {
            let file = Arc::new(file.open()?);
            let job = |batch| {
                let first_row = next_row;
                next_row += file.batch_len(batch)? as usize;
                Ok(Job::Table(TableJob { kind, file: file.clone(), batch, first_row }))
            };
            (0..file.n_batches()).map(job).collect()
        };
        match open() {
            Ok(jobs) => jobs.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        }
    })
}

fn of_keys<'a>(file: TrainingFile) -> Vec<Result<Job<'a>>> {
    match file.open() {
        Ok(file) => {
            let file = Arc::new(file);
            (0..file.n_batches()).map(|batch| Ok(Job::Keys(file.clone(), batch))).collect()
        }
        Err(error) => vec![Err(error)],
    }
}

/// What came of a job: the dataset, unless it is one that is kept out, how many positions were
/// dealt with, and what was found.
pub(super) struct Done {
    pub(super) dataset: Option<usize>,
    pub(super) n_done: u64,
    pub(super) found: Found,
}

impl Job<'_> {
    /// Makes the records of the batch.
    pub(super) fn make(
        &self,
        target: &Target<'_>,
        buffers: &mut Buffers,
        validation_sources: &[String],
        policy: Policy,
    ) -> Result<Done> {
        match self {
            Job::Keys(file, batch) => {
                let keys = file.keys(*batch)?;
                let mut emitter = Emitter::new(target, buffers, 0);
                let made = keys.iter().try_for_each(|key| emitter.exclude(*key));
                at(made, Path::new(""))?;
                let n_done = keys.len() as u64;
                Ok(Done { dataset: None, n_done, found: Found::default() })
            }
            Job::Table(job) => job.make(target, buffers, validation_sources, policy),
        }
    }
}

impl TableJob<'_> {
    fn make(
        &self,
        target: &Target<'_>,
        buffers: &mut Buffers,
        validation_sources: &[String],
        policy: Policy,
    ) -> Result<Done> {
        let columns = match self.kind {
            Kind::Games { .. } => Some(projection(self.file.schema(), policy)),
            Kind::ExcludedGames { .. } => Some(projection(self.file.schema(), Policy::Moves)),
            Kind::Loose { .. } | Kind::ExcludedLoose => None,
        };
        let batch = self.file.batch(self.batch, columns.as_deref())?;
        let dataset = match self.kind {
            Kind::Games { dataset, .. } | Kind::Loose { dataset } => Some(dataset),
            Kind::ExcludedGames { .. } | Kind::ExcludedLoose => None,
        };
        let mut emitter = Emitter::new(target, buffers, dataset.unwrap_or_default() as u8);
        let made = match self.kind {
            Kind::Games { mask, .. } => emitter.games(&batch, |row| mask.get(self.first_row + row)),
            Kind::Loose { .. } => emitter.loose(&batch, validation_sources),
            Kind::ExcludedGames { mask } => {
                emitter.exclude_games(&batch, |row| mask.get(self.first_row + row))
            }
            Kind::ExcludedLoose => emitter.exclude_loose(&batch),
        };
        let n_done = at(made, self.file.path())?;
        Ok(Done { dataset, n_done, found: emitter.found() })
    }
}

/// Adds the file to what is wrong with its content, and what tells more.
fn at<T>(made: Made<T>, path: &Path) -> Result<T> {
    made.map_err(|wrong| match wrong {
        Wrong::Spill(error) => error,
        Wrong::Data(message) => Error::corrupt(
            path,
            format!("damaged: {message}; `maou verify` tells more, and {}", crate::checked::MEND),
        ),
    })
}
