//! Inputs that hold more than one source: archives, datasets, tables; games files cut by rows.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use maou_io::{
    Archives, ConvertOptions, ConvertReport, Dataset, Fault, Faults, Member, Members, Result,
    convert_with,
};

use super::bench::{Bench, Snapshot, assert_same, small_shards};
use super::faults::check_every_end;

/// An archive whose members are in memory, and which can be read from the front only.
#[derive(Default)]
struct Memory {
    members: Arc<Vec<(String, String)>>,
    n_opened: AtomicU64,
}

impl Archives for Memory {
    fn list(&self, _: &Path, take: &mut dyn FnMut(Member)) -> std::result::Result<(), Fault> {
        for (name, content) in &*self.members {
            let size_bytes = content.len() as u64;
            take(Member { name: name.clone(), size_bytes, ..Member::default() });
        }
        let problem = Some("expected a file, found a link".to_owned());
        take(Member { name: "link".to_owned(), problem, ..Member::default() });
        Ok(())
    }

    fn open(&self, _: &Path) -> std::result::Result<Box<dyn Members>, Fault> {
        self.n_opened.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(Open { members: self.members.clone(), next: Mutex::new(0) }))
    }
}

struct Open {
    members: Arc<Vec<(String, String)>>,
    next: Mutex<u64>,
}

impl Members for Open {
    fn read(
        &mut self,
        indices: &[u64],
    ) -> std::result::Result<Vec<std::result::Result<Vec<u8>, String>>, Fault> {
        let mut next = self.next.lock().unwrap();
        let read = |index: &u64| {
            assert!(*index >= *next, "read backwards: {index} after {next}");
            *next = index + 1;
            Ok(self.members[*index as usize].1.clone().into_bytes())
        };
        Ok(indices.iter().map(read).collect())
    }
}

struct ArchiveBench {
    bench: Bench,
    memory: Memory,
}

impl ArchiveBench {
    /// An archive between two files; its members are in no order of names.
    fn new(name: &str) -> ArchiveBench {
        let mut bench = Bench::new(name);
        let mut members: Vec<_> =
            (0..40).map(|n| (format!("m/{:02}.csa", n * 7 % 40), bench.games(1 + n % 3))).collect();
        members.push(("m/01.csa".to_owned(), members[3].1.clone()));
        let (before, after) = (bench.games(1), bench.games(1));
        bench.write("a.csa", before);
        // It has the name of a record, so that it is found out only when it is read.
        bench.write("b.csa", "PK\u{3}\u{4}");
        bench.write("c.csa", after);
        ArchiveBench { bench, memory: Memory { members: Arc::new(members), ..Memory::default() } }
    }

    fn convert(&self, options: &ConvertOptions) -> Result<ConvertReport> {
        let inputs = [self.bench.input()];
        let archives = Some(&self.memory as &dyn Archives);
        convert_with(&inputs, &self.bench.out(), options, archives, &mut |_| true)
    }
}

#[test]
fn members_are_sources_in_the_order_of_their_archive() {
    let this = ArchiveBench::new("archive");
    let report = this.convert(&small_shards()).unwrap();
    assert_eq!((report.n_sources_new, report.n_errors), (44, 1));
    assert_eq!(report.errors[0].source, "b.csa/link");
    assert!(report.errors[0].to_string().ends_with("b.csa/link: expected a file, found a link"));
    // The first attempt found it out; the second read it once.
    assert_eq!(this.memory.n_opened.load(Ordering::Relaxed), 1);
    this.bench.assert_usable("archive");
    let before = this.bench.snapshot();
    let report = this.convert(&small_shards()).unwrap();
    assert_eq!((report.n_sources_unchanged, report.n_sources_new), (44, 0));
    assert_same(&this.bench.snapshot(), &before, "second run");
}

#[test]
fn the_number_of_threads_does_not_show() {
    let this = ArchiveBench::new("archive-threads");
    let mut expected: Option<Snapshot> = None;
    for threads in [1, 2, 5] {
        this.bench.restore(&Snapshot::new());
        this.convert(&ConvertOptions { threads, ..small_shards() }).unwrap();
        let found = this.bench.snapshot();
        let expected = expected.get_or_insert_with(|| found.clone());
        assert_same(&found, expected, &format!("{threads} threads"));
    }
}

#[test]
fn a_run_over_an_archive_may_end_at_any_instant() {
    let this = ArchiveBench::new("archive-kill");
    this.convert(&small_shards()).unwrap();
    let expected = this.bench.snapshot();
    let mut n_ended = 0;
    for k in (0..).step_by(3) {
        this.bench.restore(&Snapshot::new());
        let faults = Some(Arc::new(Faults::kill_at(k)));
        if this.convert(&ConvertOptions { faults, ..small_shards() }).is_ok() {
            break;
        }
        n_ended += 1;
        this.bench.assert_usable(&format!("killed at {k}"));
        this.convert(&small_shards()).unwrap();
        assert_same(&this.bench.snapshot(), &expected, &format!("killed at {k}"));
    }
    assert!(n_ended > 10, "{n_ended}");
}

#[test]
fn files_are_cut_by_their_rows_whatever_instant_a_run_ends_at() {
    let mut bench = Bench::new("rows");
    bench.write_games(20);
    let many = bench.games(9);
    bench.write("a/many.csa", many);
    let options =
        ConvertOptions { rows_per_file: Some(6), threads: 2, ..ConvertOptions::default() };
    check_every_end(&bench, &Snapshot::new(), &options);
    let dataset = Dataset::open(&bench.out()).unwrap();
    let heights: Vec<_> = dataset.shards().map(|shard| shard.totals.n_games).collect();
    assert_eq!(heights.iter().sum::<u64>(), 29);
    assert!(heights.contains(&9), "a source is not cut: {heights:?}");
    assert!(heights.iter().all(|n| *n <= 6 || *n == 9), "{heights:?}");
    // New sources begin a new file, and the option stays.
    let added = bench.games(1);
    bench.write("zz.csa", added);
    bench.convert(&ConvertOptions::default()).unwrap();
    let again = Dataset::open(&bench.out()).unwrap();
    assert_eq!(again.shards().len(), heights.len() + 1);
    bench.assert_usable("rows");
}

fn convert_all(inputs: &[PathBuf], out: &Path, options: &ConvertOptions) -> ConvertReport {
    convert_with(inputs, out, options, None, &mut |_| true).unwrap()
}

#[test]
fn a_dataset_alone_gives_the_same_bytes_and_is_skipped_then() {
    let mut bench = Bench::new("dataset");
    bench.write_games(20);
    bench.write("a/003b.txt", "no record");
    bench.convert(&small_shards()).unwrap();
    let other = bench.out().with_file_name("copy");
    let inputs = [bench.out()];
    let report = convert_all(&inputs, &other, &small_shards());
    assert_eq!((report.n_games, report.n_errors), (20, 1));
    assert_same(&super::bench::snapshot(&other), &bench.snapshot(), "copy");
    let report = convert_all(&inputs, &other, &ConvertOptions::default());
    assert_eq!((report.n_sources_unchanged, report.n_games), (21, 0));
    // Where there are several inputs, the name of the dataset goes before.
    let twice = bench.out().with_file_name("twice");
    let report = convert_all(&[bench.out(), other], &twice, &ConvertOptions::default());
    assert_eq!((report.n_games, report.n_duplicate_games), (40, 20));
}

#[test]
fn a_damaged_dataset_is_no_input() {
    let mut bench = Bench::new("damaged-input");
    bench.write_games(5);
    bench.convert(&ConvertOptions::default()).unwrap();
    let games = bench.out().join("games-00000.feather");
    let mut bytes = fs::read(&games).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&games, bytes).unwrap();
    let other = bench.out().with_file_name("copy");
    let error =
        convert_with(&[bench.out()], &other, &ConvertOptions::default(), None, &mut |_| true)
            .unwrap_err();
    assert!(error.to_string().contains("games-00000.feather: damaged: "), "{error}");
    assert!(!other.exists());
}
