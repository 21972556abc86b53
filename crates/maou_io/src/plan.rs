//! What a run has to do: which sources are read, into which games files, and which rows are kept.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use xxhash_rust::xxh3::xxh3_64;

use crate::dataset::Details;
use crate::error::reason;
use crate::read_file::FileBuffer;
use crate::report::{ErrorEntry, Progress, ProgressFn};
use crate::source_table::{SourceRow, UNREADABLE_HASH};
use crate::sources::{Source, Sources};
use crate::workers::map_in_order;

/// One source of a games file that is to be written.
#[derive(Debug)]
pub(crate) enum Item {
    /// Read it.
    Read(Source),
    /// Take its games from the games file as it is.
    Keep(Box<Kept>),
}

/// A source whose games stay.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) row: SourceRow,
    pub(crate) errors: Vec<ErrorEntry>,
    /// Where its games begin in the games file as it is.
    pub(crate) first_game: u64,
}

/// A games file that is to be written.
#[derive(Debug)]
pub(crate) struct ShardPlan {
    pub(crate) number: u32,
    pub(crate) items: Vec<Item>,
}

/// All that a run has to do, in this order.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Games files that go because all of their sources do.
    pub(crate) removals: Vec<u32>,
    pub(crate) shards: Vec<ShardPlan>,
    pub(crate) n_new: u64,
    pub(crate) n_unchanged: u64,
    pub(crate) n_changed: u64,
    pub(crate) vanished: Vec<String>,
    pub(crate) pruned: Vec<String>,
    /// Sources that the dataset has and that cannot be read now; their games are kept.
    pub(crate) errors: Vec<ErrorEntry>,
}

/// How a source compares with what the dataset has of it.
enum Verdict {
    Same,
    Changed,
    Unreadable(String),
}

/// Where the dataset has a source: games file, index among its sources.
type Place = (u32, u32);

/// Compares the sources with those of the dataset. Games files that have to be rewritten are
/// taken out of `details`. `None` if `progress` asked to stop.
pub(crate) fn plan(
    sources: &mut Sources,
    details: &mut BTreeMap<u32, Details>,
    options: &PlanOptions,
    progress: &mut ProgressFn<'_>,
) -> Option<Plan> {
    let mut plan = Plan::default();
    let mut known: HashMap<&str, Place> = HashMap::new();
    for (&shard, details) in &*details {
        for (index, row) in details.sources.iter().enumerate() {
            known.insert(&row.name, (shard, index as u32));
        }
    }
    let places: Vec<Option<Place>> =
        sources.list.iter().map(|source| known.remove(&*source.name)).collect();
    let mut gone: BTreeSet<Place> = known.into_values().collect();
    let gone_names =
        gone.iter().map(|&(s, i)| details[&s].sources[i as usize].name.to_string()).collect();
    if options.prune {
        plan.pruned = gone_names;
    } else {
        plan.vanished = gone_names;
        gone.clear();
    }

    let matched: Vec<usize> = (0..places.len()).filter(|&i| places[i].is_some()).collect();
    let verdicts = compare(sources, &places, &matched, details, options.n_threads, progress)?;
    let mut changed: BTreeMap<Place, usize> = BTreeMap::new();
    for (&index, verdict) in matched.iter().zip(verdicts) {
        match verdict {
            Verdict::Same => plan.n_unchanged += 1,
            Verdict::Changed => {
                plan.n_changed += 1;
                changed.extend(places[index].map(|place| (place, index)));
            }
            Verdict::Unreadable(message) => {
                plan.n_unchanged += 1;
                plan.errors.push(kept_error(sources, &sources.list[index], &message));
            }
        }
    }
    rewrite(&mut plan, sources, details, &changed, &gone);
    let is_new = places.iter().map(Option::is_none).collect();
    add_new(&mut plan, sources, is_new, details.keys().last().copied(), options.shard_bytes);
    Some(plan)
}

/// What a plan depends on beside sources and dataset.
pub(crate) struct PlanOptions {
    pub(crate) prune: bool,
    pub(crate) shard_bytes: u64,
    pub(crate) n_threads: usize,
}

fn kept_error(sources: &Sources, source: &Source, message: &str) -> ErrorEntry {
    let message = format!("{message}; the games that an earlier run read from it are kept");
    let mut error = ErrorEntry::unreadable(&source.name, sources.path(source), message);
    error.kept = true;
    error
}

/// Reads and hashes the sources that the dataset has.
fn compare(
    sources: &Sources,
    places: &[Option<Place>],
    matched: &[usize],
    details: &BTreeMap<u32, Details>,
    n_threads: usize,
    progress: &mut ProgressFn<'_>,
) -> Option<Vec<Verdict>> {
    let bytes_done = AtomicU64::new(0);
    let n_done = AtomicU64::new(0);
    let make_worker = || {
        let mut buffer = FileBuffer::default();
        let (bytes_done, n_done) = (&bytes_done, &n_done);
        move |index: usize| {
            let source = &sources.list[matched[index]];
            let (shard, row) = places[matched[index]].expect("it is matched");
            let row = &details[&shard].sources[row as usize];
            bytes_done.fetch_add(source.size_bytes, Ordering::Relaxed);
            n_done.fetch_add(1, Ordering::Relaxed);
            verdict(source, &sources.path(source), row, &mut buffer)
        }
    };
    let n_sources = sources.list.len() as u64;
    let bytes = sources.list.iter().map(|s| s.size_bytes).sum();
    map_in_order(n_threads, matched.len(), make_worker, &mut || {
        progress(&Progress {
            n_sources_done: n_done.load(Ordering::Relaxed),
            n_sources,
            bytes_done: bytes_done.load(Ordering::Relaxed),
            bytes,
            ..Progress::default()
        })
    })
}

fn verdict(source: &Source, path: &Path, row: &SourceRow, buffer: &mut FileBuffer) -> Verdict {
    let was_unreadable = row.xxh3 == UNREADABLE_HASH;
    let problem = match source.problem() {
        Some(problem) => problem.to_owned(),
        None => match buffer.read(path, source.size_bytes) {
            Ok(bytes) if bytes.len() as u64 == row.size_bytes && xxh3_64(bytes) == row.xxh3 => {
                return Verdict::Same;
            }
            Ok(_) => return Verdict::Changed,
            Err(error) => reason(&error),
        },
    };
    if was_unreadable { Verdict::Same } else { Verdict::Unreadable(problem) }
}

/// Plans the games files in which a source has changed or goes.
fn rewrite(
    plan: &mut Plan,
    sources: &Sources,
    details: &mut BTreeMap<u32, Details>,
    changed: &BTreeMap<Place, usize>,
    gone: &BTreeSet<Place>,
) {
    let numbers: BTreeSet<u32> = changed.keys().chain(gone).map(|(shard, _)| *shard).collect();
    for number in numbers {
        let Details { sources: rows, errors } = details.remove(&number).unwrap_or_default();
        let mut errors = errors.into_iter();
        let mut first_game = 0;
        let mut items = Vec::new();
        for (index, row) in (0..).zip(rows) {
            let errors: Vec<_> = errors.by_ref().take(row.n_errors as usize).collect();
            let n_games = u64::from(row.n_games);
            if let Some(&source) = changed.get(&(number, index)) {
                items.push(Item::Read(sources.list[source].clone()));
            } else if !gone.contains(&(number, index)) {
                items.push(Item::Keep(Box::new(Kept { row, errors, first_game })));
            }
            first_game += n_games;
        }
        if items.is_empty() {
            plan.removals.push(number);
        } else {
            plan.shards.push(ShardPlan { number, items });
        }
    }
}

/// Cuts the new sources into games files. The cut depends on their order and sizes alone, so that
/// a run that goes on after an end in between cuts the rest in the same places.
fn add_new(
    plan: &mut Plan,
    sources: &mut Sources,
    is_new: Vec<bool>,
    last_untouched: Option<u32>,
    shard_bytes: u64,
) {
    let last_rewritten = plan.shards.last().map(|shard| shard.number);
    let mut number = last_untouched.max(last_rewritten).map_or(0, |last| last + 1);
    let mut items = Vec::new();
    let mut bytes = 0;
    for (source, is_new) in std::mem::take(&mut sources.list).into_iter().zip(is_new) {
        if !is_new {
            continue;
        }
        plan.n_new += 1;
        bytes += source.size_bytes;
        items.push(Item::Read(source));
        if bytes >= shard_bytes {
            plan.shards.push(ShardPlan { number, items: std::mem::take(&mut items) });
            number += 1;
            bytes = 0;
        }
    }
    if !items.is_empty() {
        plan.shards.push(ShardPlan { number, items });
    }
}
