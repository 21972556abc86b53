//! `maou convert`: game records become a dataset, or a dataset is brought up to date with them.
//!
//! The steps of a run: list the sources, lock the folder, finish what an earlier run has left,
//! compare, plan, write games files and journal them one by one, and commit.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::archives::Archives;
use crate::commit::Output;
use crate::dataset::{Dataset, State, Table};
use crate::duplicates;
use crate::error::{AtPath, Error, Result};
use crate::files::Files;
use crate::lock::LOCK_FILE;
use crate::manifest::{
    DEFAULT_SHARD_BYTES, DatasetOptions, MANIFEST_FILE, ShardEntry, Totals, games_file, hex,
};
use crate::pipeline::{self, PipelineOptions};
use crate::plan::{Plan, PlanOptions, plan};
use crate::report::{ConvertOptions, ConvertReport, Progress, ProgressFn};
use crate::sources::{Search, Sources};
use crate::summary::Summary;
use crate::unit::{self, Reading, Unit};
use crate::workers::n_threads;

/// Converts the records in `inputs`, files and folders, into the dataset in the folder `out`.
///
/// `progress` is called on this thread about ten times a second; when it says `false`, the run
/// stops, and the next one goes on where it was.
///
/// # Errors
///
/// [`Error::Usage`] if the inputs or the output cannot be used, [`Error::Strict`] at the first
/// error of a strict run, and otherwise what the operating system says. The dataset is usable
/// after all of them.
pub fn convert(
    inputs: &[PathBuf],
    out: &Path,
    options: &ConvertOptions,
    progress: &mut ProgressFn<'_>,
) -> Result<ConvertReport> {
    convert_with(inputs, out, options, None, progress)
}

/// As [`convert`], with somebody who can look into archives and read standard input.
///
/// # Errors
///
/// As [`convert`], and [`Error::Fault`] if that somebody ends the command.
pub fn convert_with(
    inputs: &[PathBuf],
    out: &Path,
    options: &ConvertOptions,
    archives: Option<&dyn Archives>,
    progress: &mut ProgressFn<'_>,
) -> Result<ConvertReport> {
    check_output(out)?;
    let mut search = Search {
        archives,
        looks_into_all: false,
        cut_rows: options.rows_per_file.or_else(|| rows_per_file_of(out)),
        n_threads: n_threads(options.threads),
    };
    match attempt(inputs, out, options, search, progress) {
        // What was finished before it was found is kept, and stays what it would have been.
        Err(Error::Misnamed(_)) => {
            search.looks_into_all = true;
            attempt(inputs, out, options, search, progress)
        }
        other => other,
    }
}

fn rows_per_file_of(out: &Path) -> Option<u64> {
    State::load(out).ok()??.options?.rows_per_file
}

fn attempt(
    inputs: &[PathBuf],
    out: &Path,
    options: &ConvertOptions,
    search: Search<'_>,
    progress: &mut ProgressFn<'_>,
) -> Result<ConvertReport> {
    let mut sources = Sources::find(inputs, Some(out), search)?;
    // Without any file, there is still everything to prune.
    if !(options.prune && out.join(MANIFEST_FILE).is_file()) {
        sources.check_not_empty()?;
    }
    if options.dry_run {
        return dry_run(&mut sources, out, options, progress);
    }
    let files = Files::new(options.faults.as_deref());
    let mut output = Output::open(files, out, |state| resolve_options(out, state, options))?;
    let result = fill(&mut output, &mut sources, options, progress);
    if result.is_err() || result.as_ref().is_ok_and(|report| report.stopped) {
        output.abandon_if_new();
    }
    result
}

/// Refuses to write where something else is.
fn check_output(out: &Path) -> Result<()> {
    let expected = "expected a dataset, an empty folder or a new name as the output";
    match fs::metadata(out) {
        Err(_) => return Ok(()),
        Ok(metadata) if !metadata.is_dir() => {
            return Err(Error::Usage(format!("{}: {expected}, found a file", out.display())));
        }
        Ok(_) => {}
    }
    if Dataset::is_at(out) {
        return Ok(());
    }
    for entry in fs::read_dir(out).at(out)? {
        let name = entry.at(out)?.file_name();
        if name != LOCK_FILE {
            return Err(Error::Usage(format!(
                "{}: {expected}, found a folder with `{}`",
                out.display(),
                name.display()
            )));
        }
    }
    Ok(())
}

/// The options of the dataset, which cannot be changed later.
fn resolve_options(out: &Path, state: &State, asked: &ConvertOptions) -> Result<DatasetOptions> {
    let Some(has) = state.options else {
        return Ok(DatasetOptions {
            compression: asked.compression.unwrap_or_default(),
            shard_bytes: asked.shard_bytes.unwrap_or(DEFAULT_SHARD_BYTES),
            rows_per_file: asked.rows_per_file,
            variations: asked.variations.unwrap_or_default(),
        });
    };
    let differs = |name: &str, has: String, asked: String| {
        Error::Usage(format!(
            "{}: expected {name} {has}, with which this dataset was made, found {asked}; leave \
             the option out, or convert into another folder",
            out.display()
        ))
    };
    if let Some(asked) = asked.compression
        && asked != has.compression
    {
        return Err(differs("compression", has.compression.to_string(), asked.to_string()));
    }
    if let Some(asked) = asked.shard_bytes
        && asked != has.shard_bytes
    {
        return Err(differs("shard_bytes", has.shard_bytes.to_string(), asked.to_string()));
    }
    if let Some(asked) = asked.rows_per_file
        && Some(asked) != has.rows_per_file
    {
        let found = has.rows_per_file.map_or_else(|| "none".to_owned(), |n| n.to_string());
        return Err(differs("rows_per_file", found, asked.to_string()));
    }
    if let Some(asked) = asked.variations
        && asked != has.variations
    {
        let name = |is_kept| if is_kept { "kept" } else { "left out" }.to_owned();
        return Err(differs("variations", name(has.variations), name(asked)));
    }
    Ok(has)
}

fn plan_options(dataset: DatasetOptions, options: &ConvertOptions) -> PlanOptions {
    PlanOptions {
        prune: options.prune,
        shard_bytes: dataset.shard_bytes,
        rows_per_file: dataset.rows_per_file,
        n_threads: n_threads(options.threads),
    }
}

/// Does the work of a run that writes.
fn fill(
    output: &mut Output<'_>,
    sources: &mut Sources<'_>,
    options: &ConvertOptions,
    progress: &mut ProgressFn<'_>,
) -> Result<ConvertReport> {
    let before = all_of(sources);
    let plan_options = plan_options(output.options(), options);
    let Some(mut plan) = plan(sources, &mut output.details, &plan_options, progress)? else {
        return Ok(stopped(output.totals()));
    };
    check_strict(&plan, options)?;
    let resumed = output.is_unfinished();
    let is_needed = !plan.removals.is_empty() || !plan.shards.is_empty() || resumed;
    let mut report = ConvertReport { resumed, ..ConvertReport::default() };
    if is_needed {
        output.start()?;
        for number in std::mem::take(&mut plan.removals) {
            output.remove_shard(number)?;
        }
        let (units, numbers) = cut_units(&mut plan, sources, options, |table, number| {
            output.open_whole(table, number)
        })?;
        let pipeline_options = PipelineOptions {
            n_threads: plan_options.n_threads,
            strict: options.strict,
            compression: Some(output.options().compression),
            rows_per_file: plan_options.rows_per_file,
            reading: Reading { from: options.from, variations: output.options().variations },
            progress: after_plan(before, &plan, &units),
        };
        let mut numbers = all_numbers(numbers);
        let mut consume = |made| output.take(made, &mut numbers);
        let summary = pipeline::run(units, sources, &pipeline_options, &mut consume, progress);
        let summary = summary.inspect_err(|_| output.drop_unfinished())?;
        if summary.is_stopped {
            output.drop_unfinished();
        } else if output.totals().n_games == 0 && output.is_new() && !summary.has_record {
            output.undo()?;
            return Err(no_records(sources, &summary));
        } else {
            output.commit()?;
        }
        tell(&mut report, summary, sources);
    }
    tell_plan(&mut report, plan);
    report.n_duplicate_games = output.n_duplicate_games();
    report.totals = output.totals();
    Ok(report)
}

/// Does the work of a run that writes nothing.
fn dry_run(
    sources: &mut Sources<'_>,
    out: &Path,
    options: &ConvertOptions,
    progress: &mut ProgressFn<'_>,
) -> Result<ConvertReport> {
    let found = State::load_with(out, |state| {
        state.check_games(out)?;
        state.details(out)
    })?;
    let (mut state, mut details) = found.unwrap_or_else(|| (State::empty(), BTreeMap::new()));
    let dataset_options = resolve_options(out, &state, options)?;
    let before = all_of(sources);
    let plan_options = plan_options(dataset_options, options);
    let Some(mut plan) = plan(sources, &mut details, &plan_options, progress)? else {
        return Ok(stopped(state.totals()));
    };
    check_strict(&plan, options)?;
    let (units, numbers) = cut_units(&mut plan, sources, options, |table, number| {
        state.open_whole(out, table, number)
    })?;
    let pipeline_options = PipelineOptions {
        n_threads: plan_options.n_threads,
        strict: options.strict,
        compression: None,
        rows_per_file: plan_options.rows_per_file,
        reading: Reading { from: options.from, variations: dataset_options.variations },
        progress: after_plan(before, &plan, &units),
    };
    for number in plan.removals.iter().chain(&numbers) {
        state.shards.remove(number);
    }
    let old: Vec<_> =
        state.shards.keys().map(|n| state.games(out, *n).open()).collect::<Result<_>>()?;
    let n_old = state.totals().n_games;
    let mut numbers = all_numbers(numbers);
    let mut consume = |made| {
        if let pipeline::Output::End(done) = made {
            let number = numbers.next().expect("a number for each games file");
            state.shards.insert(number, shard_entry(number, 0, done.totals));
        }
        Ok(())
    };
    let summary = pipeline::run(units, sources, &pipeline_options, &mut consume, progress)?;
    if n_old == 0 && summary.n_games == 0 && !state.is_committed && !summary.has_record {
        return Err(no_records(sources, &summary));
    }
    let mut report = ConvertReport {
        n_duplicate_games: duplicates::count(&old, n_old, &summary.ids)?,
        totals: state.totals(),
        ..ConvertReport::default()
    };
    tell(&mut report, summary, sources);
    tell_plan(&mut report, plan);
    Ok(report)
}

fn shard_entry(number: u32, xxh3: u64, totals: Totals) -> ShardEntry {
    let (file, xxh3) = (games_file(number), hex(xxh3));
    ShardEntry { number, file, xxh3, positions: None, has_search: false, totals }
}

fn all_of(sources: &Sources<'_>) -> Progress {
    Progress {
        n_sources: sources.list.len() as u64,
        bytes: sources.list.iter().map(|source| source.size_bytes).sum(),
        ..Progress::default()
    }
}

/// How far a run is when it begins to read: past what is unchanged.
fn after_plan(all: Progress, plan: &Plan, units: &[Unit]) -> Progress {
    let to_read: u64 = units.iter().map(Unit::bytes_to_read).sum();
    Progress {
        n_sources_done: plan.n_unchanged,
        bytes_done: all.bytes.saturating_sub(to_read),
        n_errors: plan.errors.len() as u64,
        ..all
    }
}

fn cut_units(
    plan: &mut Plan,
    sources: &Sources<'_>,
    options: &ConvertOptions,
    old: impl Fn(Table, u32) -> Result<crate::ipc::IpcFile>,
) -> Result<(Vec<Unit>, Vec<u32>)> {
    let mut units = Vec::new();
    let mut numbers = Vec::new();
    for shard in std::mem::take(&mut plan.shards) {
        let number = shard.number;
        let cutter = unit::Cutter { sources, from: options.from, old: &|table| old(table, number) };
        cutter.cut(shard, &mut units)?;
        numbers.push(number);
    }
    Ok((units, numbers))
}

/// The numbers of the games files, in order. Files that are cut by their rows have the numbers
/// after the last one.
fn all_numbers(planned: Vec<u32>) -> impl Iterator<Item = u32> {
    let next = planned.last().map_or(0, |last| last + 1);
    planned.into_iter().chain(next..)
}

fn check_strict(plan: &Plan, options: &ConvertOptions) -> Result<()> {
    match plan.errors.first() {
        Some(error) if options.strict => Err(Error::Strict(Box::new(error.clone()))),
        _ => Ok(()),
    }
}

fn stopped(totals: Totals) -> ConvertReport {
    ConvertReport { stopped: true, totals, ..ConvertReport::default() }
}

fn no_records(sources: &Sources<'_>, summary: &Summary) -> Error {
    let inputs: Vec<_> = (0..sources.n_inputs() as u32).map(|i| sources.input_name(i)).collect();
    let n = summary.n_errors;
    let first = summary.first_error().map_or_else(String::new, |e| format!(", for example {e}"));
    Error::Usage(format!(
        "{}: expected game records, found none in {n} {}{first}",
        inputs.join(", "),
        if n == 1 { "file" } else { "files" }
    ))
}

fn tell(report: &mut ConvertReport, summary: Summary, sources: &Sources<'_>) {
    report.n_games = summary.n_games;
    report.n_variations = summary.n_variations;
    report.n_positions = summary.n_positions;
    report.n_loose_positions = summary.n_loose_positions;
    report.n_errors += summary.n_errors;
    report.n_variations_dropped = summary.n_variations_dropped;
    report.n_comments_dropped = summary.n_comments;
    report.stopped = summary.is_stopped;
    report.warnings = summary.warnings(|input| sources.input_name(input));
    report.errors = summary.errors;
}

fn tell_plan(report: &mut ConvertReport, plan: Plan) {
    report.n_sources_new = plan.n_new;
    report.n_sources_unchanged = plan.n_unchanged;
    report.n_sources_changed = plan.n_changed;
    report.vanished = plan.vanished;
    report.pruned = plan.pruned;
    report.n_errors += plan.errors.len() as u64;
    report.errors.splice(0..0, plan.errors);
    report.errors.truncate(crate::report::MAX_REPORTED_ERRORS);
}
