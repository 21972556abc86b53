//! The order of it all: open, select, replay, merge, write.

use std::cell::Cell;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::balance::Balance;
use super::emit::{Found, Target};
use super::jobs::{Done, Excluded, Job, jobs};
use super::merge::Merger;
use super::output::{Merged, Partitions, Shared, write_splits};
use super::plan::Plan;
use super::record::Width;
use super::select::{self, GameMask};
use super::spill::{Buffers, Spill};
use crate::checked::read_if_there;
use crate::dataset::{Dataset, DatasetInfo};
use crate::error::{Error, Result};
use crate::files::{Faults, Files};
use crate::journal::JOURNAL_FILE;
use crate::manifest::{MANIFEST_FILE, hex};
use crate::training::manifest::{
    InputEntry, LeftOut, Policy, Split, SplitEntry, TrainingContents, TrainingManifest,
    TrainingOptions,
};
use crate::training::reader::TrainingSet;
use crate::training::writer::{Output, new_manifest};
use crate::workers::{n_threads, stream_in_order};

/// A dataset that becomes part of a training set.
#[derive(Clone, Debug)]
pub struct PrepareInput {
    /// Its folder.
    pub path: PathBuf,
    /// What each of its occurrences weighs, above 0.
    pub weight: f64,
    /// Which of its games stay, as far as the caller has looked at them.
    pub mask: Option<GameMask>,
}

/// What a run is told beside its inputs and its output.
#[derive(Clone, Debug, Default)]
pub struct PrepareOptions {
    /// What decides about the bytes.
    pub training: TrainingOptions,
    /// Datasets and training sets that are kept out.
    pub exclude: Vec<PathBuf>,
    /// Bytes of memory that may be used, about; they do not show in the files.
    pub memory: usize,
    /// Number of threads; 0 takes one per core.
    pub threads: usize,
    /// Replace a training set that stands where this one goes.
    pub force: bool,
    /// Makes file operations fail on purpose.
    #[doc(hidden)]
    pub faults: Option<Arc<Faults>>,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PrepareProgress {
    /// What it is doing: `select`, `replay`, `merge` or, of a verification, `verify`.
    pub phase: &'static str,
    /// What is done of that, in no unit.
    pub done: u64,
    /// All that there is to do in that phase.
    pub total: u64,
    /// Positions replayed so far.
    pub n_positions: u64,
    /// Rows written so far.
    pub n_rows: u64,
}

/// What a run did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PrepareReport {
    /// What is in the training set, and what it was made of.
    #[serde(flatten)]
    pub contents: TrainingContents,
    /// Results and evals by side, for each input.
    pub balance: Vec<Balance>,
    /// Size of all files.
    pub size_bytes: u64,
    /// Size of the temporary files, where what did not fit into memory was kept.
    pub spilled_bytes: u64,
    /// What its user should look at.
    pub warnings: Vec<String>,
    /// Whether the work was stopped before it was done; there is no training set then.
    pub stopped: bool,
}

/// Told now and then how far the work has come; says `false` to stop it.
type ProgressFn<'a> = dyn FnMut(&PrepareProgress) -> bool + 'a;

/// Makes the training set `out` of datasets. `progress` is called on the caller's thread now and
/// then; when it says `false`, the work stops, and what stood at `out` stays.
///
/// # Errors
///
/// [`Error::Usage`] if inputs, output or options cannot be used, or no position is left;
/// [`Error::Corrupt`] if a dataset is damaged.
pub fn prepare(
    inputs: &[PrepareInput],
    out: &Path,
    options: &PrepareOptions,
    progress: &mut ProgressFn<'_>,
) -> Result<PrepareReport> {
    check(inputs, options)?;
    let datasets: Vec<Dataset> =
        inputs.iter().map(|input| open(&input.path)).collect::<Result<_>>()?;
    let infos: Vec<DatasetInfo> = datasets.iter().map(Dataset::info).collect();
    let excluded: Vec<Excluded> =
        options.exclude.iter().map(|path| open_excluded(path)).collect::<Result<_>>()?;
    for input in inputs {
        check_elsewhere(&input.path, out)?;
    }
    for path in &options.exclude {
        check_elsewhere(path, out)?;
    }
    let output = Output::open(Files::new(options.faults.as_deref()), out, options.force)?;
    let mut run = Run {
        inputs,
        datasets: &datasets,
        infos: &infos,
        excluded: &excluded,
        options,
        output: &output,
        n_threads: n_threads(options.threads),
        progress,
        state: PrepareProgress::default(),
        left_out: LeftOut::default(),
        warnings: Vec::new(),
    };
    match run.all()? {
        Some((manifest, mut report)) => {
            report.warnings = run.warnings;
            output.commit(&manifest)?;
            Ok(report)
        }
        None => Ok(PrepareReport { stopped: true, ..PrepareReport::default() }),
    }
}

/// Refuses options and inputs that cannot be used.
fn check(inputs: &[PrepareInput], options: &PrepareOptions) -> Result<()> {
    let usage = |message: String| Err(Error::Usage(message));
    if inputs.is_empty() {
        return usage("expected a dataset, found none".to_owned());
    }
    if inputs.len() > usize::from(u8::MAX) {
        return usage(format!("expected at most 255 datasets, found {}", inputs.len()));
    }
    for (number, input) in inputs.iter().enumerate() {
        let path = input.path.display();
        if !(input.weight.is_finite() && input.weight > 0.0) {
            return usage(format!(
                "{path}: expected a weight above 0, found `{}`; leave a dataset out that shall \
                 not count",
                input.weight
            ));
        }
        if inputs[..number].iter().any(|other| is_same(&other.path, &input.path)) {
            return usage(format!(
                "{path}: expected each dataset once, found it again; `--weight {path}=2` makes it \
                 count twice"
            ));
        }
    }
    if options.training.validation_per_10000 > 10_000 {
        return usage("validation: expected a share from 0% to 100%, found more".to_owned());
    }
    Ok(())
}

/// Whether two paths are the same folder.
fn is_same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

fn check_elsewhere(input: &Path, out: &Path) -> Result<()> {
    if !is_same(input, out) {
        return Ok(());
    }
    let out = out.display();
    Err(Error::Usage(format!("{out}: expected another folder than those that are read")))
}

/// Opens a dataset whose keys are those of this version.
fn open(path: &Path) -> Result<Dataset> {
    if !Dataset::is_at(path) && path.exists() {
        let path = path.display();
        return Err(Error::Usage(format!(
            "{path}: expected a dataset, found none: `maou convert {path} -o DATA` makes one of \
             game records, and `maou info {path}` lists those that are below a folder"
        )));
    }
    let dataset = Dataset::open(path)?;
    let found = dataset.info().key_version;
    if found != maou_shogi::KEY_VERSION {
        return Err(Error::Usage(format!(
            "{}: expected key version {}, found {found}: convert the records again into a new \
             folder with this version of maou",
            path.display(),
            maou_shogi::KEY_VERSION
        )));
    }
    Ok(dataset)
}

fn open_excluded(path: &Path) -> Result<Excluded> {
    if TrainingSet::is_at(path) {
        TrainingSet::open(path).map(|set| Excluded::Training(Box::new(set)))
    } else {
        open(path).and_then(Excluded::new)
    }
}

fn excluded_entry(excluded: &Excluded) -> Result<InputEntry> {
    match excluded {
        Excluded::Dataset(dataset, _) => input_entry(dataset, 0.0),
        Excluded::Training(set) => Ok(InputEntry {
            name: last_part(set.path()),
            manifest_xxh3: set.manifest_xxh3(),
            weight: 0.0,
            n_games: 0,
            n_loose_positions: 0,
        }),
    }
}

/// The last part of a path, as the folder is called.
fn last_part(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn input_entry(dataset: &Dataset, weight: f64) -> Result<InputEntry> {
    let mut bytes = Vec::new();
    for name in [MANIFEST_FILE, JOURNAL_FILE] {
        bytes.extend(read_if_there(&dataset.path().join(name))?.unwrap_or_default());
    }
    let info = dataset.info();
    Ok(InputEntry {
        name: last_part(dataset.path()),
        manifest_xxh3: hex(xxhash_rust::xxh3::xxh3_64(&bytes)),
        weight,
        n_games: info.games,
        n_loose_positions: info.loose_positions,
    })
}

/// One run.
struct Run<'a, 'p> {
    inputs: &'a [PrepareInput],
    datasets: &'a [Dataset],
    infos: &'a [DatasetInfo],
    excluded: &'a [Excluded],
    options: &'a PrepareOptions,
    output: &'a Output<'a>,
    n_threads: usize,
    progress: &'a mut ProgressFn<'p>,
    state: PrepareProgress,
    left_out: LeftOut,
    warnings: Vec<String>,
}

impl Run<'_, '_> {
    fn begin(&mut self, phase: &'static str, total: u64) -> bool {
        self.state = PrepareProgress { phase, done: 0, total, ..self.state };
        (self.progress)(&self.state)
    }

    /// Everything up to the manifest; `None` if the work was stopped.
    fn all(&mut self) -> Result<Option<(TrainingManifest, PrepareReport)>> {
        let training = &self.options.training;
        if !self.begin("select", 1) {
            return Ok(None);
        }
        self.look_at_inputs()?;
        let masks = self.select()?;
        let width = Width { has_shares: training.policy == Policy::Visits };
        let n_positions = self.infos.iter().map(|info| info.positions).sum::<u64>();
        let n_excluded = self.excluded.iter().map(Excluded::n_keys).sum::<u64>();
        let n_kinds = Split::ALL.len() + usize::from(!self.excluded.is_empty());
        // Searches have many candidates a position: how many is not known before.
        let n_records = n_positions * if width.has_shares { 8 } else { 1 } + n_excluded / 4;
        let plan = Plan::new(self.options.memory, self.n_threads, width, n_records, n_kinds)?;
        let n_partitions = n_kinds * plan.n_ranges;
        let path_of = |number| self.output.spill_path(number);
        let spill = Spill::create(self.output.files(), path_of, n_partitions, plan.kept_bytes)?;
        let target = Target {
            spill: &spill,
            width,
            n_ranges: plan.n_ranges,
            selection: &training.selection,
            validation_per_10000: training.validation_per_10000,
        };
        let Some(found) = self.replay(&target, &plan, &masks)? else {
            return Ok(None);
        };
        drop(masks);
        let mut total = Found::default();
        found.iter().for_each(|found| total.add(found));
        self.left_out.positions_filtered = total.n_filtered;
        self.left_out.loose_filtered += total.n_loose_filtered;
        self.left_out.without_king = total.n_without_king;
        self.left_out.unsearched = total.n_unsearched;

        let Some(([train, validation], shared)) = self.merge(&target, &plan, &total)? else {
            return Ok(None);
        };
        self.check_result(&train, &validation)?;
        let spilled_bytes = spill.size_bytes();
        drop(spill);
        let balance = self.balance(found);
        let entries = self.datasets.iter().zip(self.inputs);
        let inputs: Vec<InputEntry> = entries
            .map(|(dataset, input)| input_entry(dataset, input.weight))
            .collect::<Result<_>>()?;
        let excluded: Vec<InputEntry> =
            self.excluded.iter().map(excluded_entry).collect::<Result<_>>()?;
        let contents = TrainingContents {
            inputs,
            excluded,
            left_out: self.left_out,
            n_shared_rows: shared.n_rows,
            n_shared_occurrences: shared.n_occurrences,
            train,
            validation,
        };
        let manifest = new_manifest(training.clone(), contents.clone());
        let size_bytes = contents.size_bytes();
        let report =
            PrepareReport { contents, balance, size_bytes, spilled_bytes, ..Default::default() };
        Ok(Some((manifest, report)))
    }

    /// Warns about inputs that are not as one expects, and refuses names that are in none.
    fn look_at_inputs(&mut self) -> Result<()> {
        for (input, info) in self.inputs.iter().zip(self.infos) {
            if info.unfinished {
                let path = input.path.display();
                self.warnings.push(format!(
                    "{path}: a conversion into it was ended before it was done; the same `maou \
                     convert` again completes it"
                ));
            }
        }
        let names = &self.options.training.validation_sources;
        if names.is_empty() {
            return Ok(());
        }
        let mut known = HashSet::new();
        for input in self.inputs {
            let (_, details) = Dataset::open_with_details(&input.path)?;
            let sources = details.into_values().flat_map(|details| details.sources);
            let loose = sources.filter(|row| row.n_games == 0 && row.n_positions > 0);
            known.extend(loose.map(|row| row.name.to_string()));
        }
        match names.iter().find(|name| !known.contains(*name)) {
            None => Ok(()),
            Some(name) => Err(Error::Usage(format!(
                "--validation-source: expected a source of loose positions, as in the column \
                 `source` of `maou.Dataset.positions_table`, found `{name}`"
            ))),
        }
    }

    fn select(&mut self) -> Result<Vec<GameMask>> {
        let mut ids = HashSet::new();
        for excluded in self.excluded {
            if let Excluded::Dataset(dataset, _) = excluded {
                select::ids(dataset, &mut ids)?;
            }
        }
        let masks: Vec<_> = self.inputs.iter().map(|input| input.mask.clone()).collect();
        let selection = &self.options.training.selection;
        select::select(self.datasets, &masks, selection, &ids, &mut self.left_out)
    }

    /// Whether a filter on games drops loose positions, which have no game.
    fn drops_loose(&self) -> bool {
        let selection = &self.options.training.selection;
        self.inputs.iter().any(|input| input.mask.is_some())
            || !selection.rating.is_open()
            || !selection.endings.is_empty()
    }

    /// Makes records of everything that stays; what was found is told by dataset.
    fn replay(
        &mut self,
        target: &Target<'_>,
        plan: &Plan,
        masks: &[GameMask],
    ) -> Result<Option<Vec<Found>>> {
        let drops_loose = self.drops_loose();
        if drops_loose {
            self.left_out.loose_filtered +=
                self.infos.iter().map(|info| info.loose_positions).sum::<u64>();
        }
        let total = self.infos.iter().map(|info| info.positions).sum::<u64>()
            + self.excluded.iter().map(Excluded::n_keys).sum::<u64>();
        if !self.begin("replay", total) {
            return Ok(None);
        }
        // Buffers outlive the threads, so that what is left in them is kept at the end.
        let pool = Mutex::new(Vec::<Buffers>::new());
        let lock = || pool.lock().unwrap_or_else(PoisonError::into_inner);
        let n_partitions = target.spill.n_partitions();
        let TrainingOptions { validation_sources, policy, .. } = &self.options.training;
        let work = |job: Result<Job<'_>>| -> Result<Done> {
            let job = job?;
            let taken = lock().pop();
            let mut buffers = taken.unwrap_or_else(|| Buffers::new(n_partitions, plan.part_bytes));
            let done = job.make(target, &mut buffers, validation_sources, *policy);
            lock().push(buffers);
            done
        };
        let (n_done, n_replayed) = (Cell::new(0), Cell::new(0));
        let mut all = vec![Found::default(); self.datasets.len()];
        let mut consume = |done: Done| {
            n_done.set(n_done.get() + done.n_done);
            n_replayed.set(n_replayed.get() + done.found.n_positions);
            if let Some(dataset) = done.dataset {
                all[dataset].add(&done.found);
            }
            Ok(())
        };
        let (state, progress) = (&mut self.state, &mut *self.progress);
        let mut tick = || {
            (state.done, state.n_positions) = (n_done.get(), n_replayed.get());
            progress(state)
        };
        let jobs = jobs(self.datasets, masks, self.excluded, drops_loose);
        if !stream_in_order(self.n_threads, jobs, || work, &mut consume, &mut tick)? {
            return Ok(None);
        }
        target.spill.make_room(plan.kept_at_end_bytes);
        for buffers in pool.into_inner().unwrap_or_else(PoisonError::into_inner) {
            buffers.flush(target.spill)?;
        }
        Ok(Some(all))
    }

    /// Merges the records and writes the files of both splits.
    fn merge(
        &mut self,
        target: &Target<'_>,
        plan: &Plan,
        found: &Found,
    ) -> Result<Option<([SplitEntry; 2], Shared)>> {
        if !self.begin("merge", plan.n_ranges as u64) {
            return Ok(None);
        }
        let weights: Vec<f64> = self.inputs.iter().map(|input| input.weight).collect();
        let new_merger = || Merger::new(target.spill, target.width, &weights, plan.sort_bytes);
        let has_excluded = !self.excluded.is_empty();
        let partitions = Partitions { target, has_excluded, new_merger: &new_merger };
        let compression = self.options.training.compression;
        let mut writers = Split::ALL.map(|split| self.output.split(split, compression));
        let (state, progress) = (&mut self.state, &mut *self.progress);
        let mut tick = |n_merged: usize, n_rows: u64| {
            (state.done, state.n_rows) = (n_merged as u64, n_rows);
            progress(state)
        };
        let n_threads = self.n_threads;
        let merged = write_splits(&partitions, compression, n_threads, &mut writers, &mut tick)?;
        let Some(Merged { splits, shared }) = merged else { return Ok(None) };
        let mut entries = [SplitEntry::default(), SplitEntry::default()];
        for (split, writer) in Split::ALL.into_iter().zip(writers) {
            let (counts, n_moves) = splits[split as usize];
            self.left_out.positions_excluded += counts.n_excluded;
            entries[split as usize] = SplitEntry {
                n_occurrences: counts.n_occurrences,
                n_games: found.n_games[split as usize],
                n_loose_positions: found.n_loose[split as usize],
                n_repeated_rows: counts.n_repeated_rows,
                n_moves,
                n_evals: counts.n_evals,
                scores: counts.scores,
                ..writer.finish()?
            };
        }
        Ok(Some((entries, shared)))
    }

    /// Refuses a training set that nothing can be learned from.
    fn check_result(&mut self, train: &SplitEntry, validation: &SplitEntry) -> Result<()> {
        let training = &self.options.training;
        if train.n_rows == 0 && validation.n_rows > 0 {
            return Err(Error::Usage(format!(
                "expected positions to learn from, found all {} in validation; name a smaller \
                 share for it",
                validation.n_occurrences
            )));
        }
        if train.n_rows == 0 {
            return Err(Error::Usage(format!(
                "expected positions to learn from, found none{}",
                left_out_text(&self.left_out)
            )));
        }
        let wants_validation =
            training.validation_per_10000 > 0 || !training.validation_sources.is_empty();
        if wants_validation && validation.n_rows == 0 {
            self.warnings.push(
                "nothing is in validation: games are few, and loose positions go to train unless \
                 `--validation-source` names their file"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// What results and evals look like by side, with a warning where they look wrong.
    fn balance(&mut self, found: Vec<Found>) -> Vec<Balance> {
        let mut all = Vec::with_capacity(found.len());
        for (input, found) in self.inputs.iter().zip(found) {
            let mut balance = found.balance;
            balance.black.finish();
            balance.white.finish();
            self.warnings.extend(balance.warning(&input.path.display().to_string()));
            all.push(balance);
        }
        all
    }
}

/// What was left out, in words, for the message that nothing is left.
fn left_out_text(left_out: &LeftOut) -> String {
    let parts = [
        (left_out.games_filtered, "games by a filter on games"),
        (left_out.duplicate_games, "games as duplicates"),
        (left_out.games_beyond_max, "games by their number"),
        (left_out.games_excluded, "games as excluded"),
        (left_out.variations, "variations"),
        (left_out.loose_filtered, "loose positions by a filter on games"),
        (left_out.positions_filtered, "positions by a filter on positions"),
        (left_out.positions_excluded, "positions as excluded"),
        (left_out.without_king, "positions without a king"),
        (left_out.unsearched, "positions without a search"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if parts.is_empty() { String::new() } else { format!(": left out were {}", parts.join(", ")) }
}
