//! What a run has to do: which sources are read, into which games files, and which rows are kept.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use xxhash_rust::xxh3::xxh3_64;

use crate::checked::Fingerprint;
use crate::dataset::Details;
use crate::error::{Error, Result, reason};
use crate::manifest::hex;
use crate::parts::PART_BYTES;
use crate::read_file::FileBuffer;
use crate::report::{ErrorEntry, Progress, ProgressFn};
use crate::sniff::{Content, SNIFFED_BYTES, sniff};
use crate::source_table::{SourceRow, UNREADABLE_HASH};
use crate::sources::{Access, Source, Sources, Unpacked};
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
    /// Where its positions begin in the positions file as it is.
    pub(crate) first_position: u64,
}

/// A games file that is to be written.
#[derive(Debug)]
pub(crate) struct ShardPlan {
    pub(crate) number: u32,
    pub(crate) items: Vec<Item>,
    /// Whether all of its sources are new to the dataset.
    pub(crate) is_new: bool,
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
    /// It is an archive or a table, which its name does not tell.
    Misnamed,
}

/// Where the dataset has a source: games file, index among its sources.
type Place = (u32, u32);

/// Compares the sources with those of the dataset. Games files that have to be rewritten are
/// taken out of `details`. `None` if `progress` asked to stop.
///
/// # Errors
///
/// [`Error::Misnamed`], or if an archive ends the command.
pub(crate) fn plan(
    sources: &mut Sources<'_>,
    details: &mut BTreeMap<u32, Details>,
    options: &PlanOptions,
    progress: &mut ProgressFn<'_>,
) -> Result<Option<Plan>> {
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
    let known = Known { sources, places: &places, details };
    let Some(verdicts) = known.compare(&matched, options.n_threads, progress)? else {
        return Ok(None);
    };
    let mut changed: BTreeMap<Place, usize> = BTreeMap::new();
    for (&index, verdict) in matched.iter().zip(verdicts) {
        match verdict {
            Verdict::Same => plan.n_unchanged += 1,
            Verdict::Changed => {
                plan.n_changed += 1;
                changed.extend(places[index].map(|place| (place, index)));
            }
            Verdict::Misnamed => return Err(Error::Misnamed(sources.path(&sources.list[index]))),
            Verdict::Unreadable(message) => {
                plan.n_unchanged += 1;
                plan.errors.push(kept_error(sources, &sources.list[index], &message));
            }
        }
    }
    rewrite(&mut plan, sources, details, &changed, &gone);
    let is_new = places.iter().map(Option::is_none).collect();
    add_new(&mut plan, sources, is_new, details.keys().last().copied(), options);
    Ok(Some(plan))
}

/// What a plan depends on beside sources and dataset.
pub(crate) struct PlanOptions {
    pub(crate) prune: bool,
    pub(crate) shard_bytes: u64,
    pub(crate) rows_per_file: Option<u64>,
    pub(crate) n_threads: usize,
}

fn kept_error(sources: &Sources<'_>, source: &Source, message: &str) -> ErrorEntry {
    let message = format!("{message}; the games that an earlier run read from it are kept");
    let mut error = ErrorEntry::unreadable(&source.name, sources.path(source), message);
    error.kept = true;
    error
}

/// Bytes of members that are unpacked at once to be compared.
const COMPARED_BYTES: u64 = 1 << 20;

/// The sources of which the dataset has something.
struct Known<'a> {
    sources: &'a Sources<'a>,
    places: &'a [Option<Place>],
    details: &'a BTreeMap<u32, Details>,
}

impl Known<'_> {
    fn row(&self, index: usize) -> &SourceRow {
        let (shard, row) = self.places[index].expect("it is matched");
        &self.details[&shard].sources[row as usize]
    }

    /// Reads and hashes the sources with these indices. `None` if `progress` asked to stop.
    fn compare(
        &self,
        matched: &[usize],
        n_threads: usize,
        progress: &mut ProgressFn<'_>,
    ) -> Result<Option<Vec<Verdict>>> {
        let list = &self.sources.list;
        let bytes_done = AtomicU64::new(0);
        let n_done = AtomicU64::new(0);
        let n_sources = list.len() as u64;
        let bytes = list.iter().map(|s| s.size_bytes).sum();
        let done = |source: &Source| {
            bytes_done.fetch_add(source.size_bytes, Ordering::Relaxed);
            n_done.fetch_add(1, Ordering::Relaxed);
        };
        let mut tick = || {
            progress(&Progress {
                n_sources_done: n_done.load(Ordering::Relaxed),
                n_sources,
                bytes_done: bytes_done.load(Ordering::Relaxed),
                bytes,
                ..Progress::default()
            })
        };
        let is_member = |index: usize| matches!(list[index].access(), Access::Member);
        let make_worker = || {
            let mut buffer = FileBuffer::default();
            let done = &done;
            move |index: usize| {
                let index = matched[index];
                if is_member(index) {
                    return Verdict::Same;
                }
                done(&list[index]);
                self.verdict(&list[index], self.row(index), &mut buffer)
            }
        };
        let verdicts = map_in_order(n_threads, matched.len(), make_worker, &mut tick);
        let Some(mut verdicts) = verdicts else { return Ok(None) };
        // In order, since archives can mostly be read from the front only.
        let members: Vec<usize> =
            (0..matched.len()).filter(|&index| is_member(matched[index])).collect();
        let mut rest = members.as_slice();
        while !rest.is_empty() {
            let mut n_bytes = 0;
            let n = rest.iter().take_while(|&&index| {
                let fits = n_bytes < COMPARED_BYTES;
                n_bytes += list[matched[index]].size_bytes;
                fits
            });
            let (now, later) = rest.split_at(n.count());
            rest = later;
            let wanted: Vec<_> = now.iter().map(|&index| list[matched[index]].clone()).collect();
            for (&index, unpacked) in now.iter().zip(self.sources.unpack(&wanted)?) {
                done(&list[matched[index]]);
                verdicts[index] = judge(unpacked, self.row(matched[index]));
            }
            if !tick() {
                return Ok(None);
            }
        }
        Ok(Some(verdicts))
    }

    fn verdict(&self, source: &Source, row: &SourceRow, buffer: &mut FileBuffer) -> Verdict {
        match source.access() {
            Access::Problem(problem) => judge(Err(problem.to_owned()), row),
            Access::Member => unreachable!("compared in order"),
            Access::Piece(piece) => {
                let piece = &self.sources.piece(piece).row;
                let is_same = (piece.xxh3, piece.size_bytes) == (row.xxh3, row.size_bytes);
                if is_same { Verdict::Same } else { Verdict::Changed }
            }
            Access::File if source.size_bytes > PART_BYTES => {
                compare_large(&self.sources.path(source), row)
                    .unwrap_or_else(|error| judge(Err(reason(&error)), row))
            }
            Access::File => match buffer.read(&self.sources.path(source), source.size_bytes) {
                Ok(bytes) if sniff(bytes) != Content::Other => Verdict::Misnamed,
                Ok(bytes) => compare(bytes, row),
                Err(error) => judge(Err(reason(&error)), row),
            },
        }
    }
}

/// As [`compare`], with little in memory.
fn compare_large(path: &Path, row: &SourceRow) -> io::Result<Verdict> {
    let mut file = File::open(path)?;
    let mut first = Vec::new();
    (&mut file).take(SNIFFED_BYTES as u64).read_to_end(&mut first)?;
    if sniff(&first) != Content::Other {
        return Ok(Verdict::Misnamed);
    }
    let found = Fingerprint::of_file(&mut file)?;
    let is_same = (found.xxh3, found.size_bytes) == (hex(row.xxh3), row.size_bytes);
    Ok(if is_same { Verdict::Same } else { Verdict::Changed })
}

fn compare(bytes: &[u8], row: &SourceRow) -> Verdict {
    let is_same = bytes.len() as u64 == row.size_bytes && xxh3_64(bytes) == row.xxh3;
    if is_same { Verdict::Same } else { Verdict::Changed }
}

fn judge(content: Unpacked, row: &SourceRow) -> Verdict {
    match content {
        Ok(bytes) => compare(&bytes, row),
        Err(_) if row.xxh3 == UNREADABLE_HASH => Verdict::Same,
        Err(problem) => Verdict::Unreadable(problem),
    }
}

/// Plans the games files in which a source has changed or goes.
fn rewrite(
    plan: &mut Plan,
    sources: &Sources<'_>,
    details: &mut BTreeMap<u32, Details>,
    changed: &BTreeMap<Place, usize>,
    gone: &BTreeSet<Place>,
) {
    let numbers: BTreeSet<u32> = changed.keys().chain(gone).map(|(shard, _)| *shard).collect();
    for number in numbers {
        let Details { sources: rows, errors } = details.remove(&number).unwrap_or_default();
        let mut errors = errors.into_iter();
        let (mut first_game, mut first_position) = (0, 0);
        let mut items = Vec::new();
        for (index, row) in (0..).zip(rows) {
            let errors: Vec<_> = errors.by_ref().take(row.n_errors as usize).collect();
            let (n_games, n_loose) = (u64::from(row.n_games), row.n_loose());
            if let Some(&source) = changed.get(&(number, index)) {
                items.push(Item::Read(sources.list[source].clone()));
            } else if !gone.contains(&(number, index)) {
                let kept = Kept { row, errors, first_game, first_position };
                items.push(Item::Keep(Box::new(kept)));
            }
            first_game += n_games;
            first_position += n_loose;
        }
        if items.is_empty() {
            plan.removals.push(number);
        } else {
            plan.shards.push(ShardPlan { number, items, is_new: false });
        }
    }
}

/// Cuts the new sources into games files. The cut depends on their order and sizes alone, so that
/// a run that goes on after an end in between cuts the rest in the same places. Where rows count
/// and not bytes, it is cut when the games have been read.
fn add_new(
    plan: &mut Plan,
    sources: &mut Sources<'_>,
    is_new: Vec<bool>,
    last_untouched: Option<u32>,
    options: &PlanOptions,
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
        if options.rows_per_file.is_none() && bytes >= options.shard_bytes {
            let items = std::mem::take(&mut items);
            plan.shards.push(ShardPlan { number, items, is_new: true });
            number += 1;
            bytes = 0;
        }
    }
    if !items.is_empty() {
        plan.shards.push(ShardPlan { number, items, is_new: true });
    }
}
