//! Whatever instant a run ends at, nothing is lost, and the next run completes it to the bytes of
//! a run that was not interrupted.

use std::fs;
use std::io::ErrorKind;
use std::sync::Arc;

use maou_io::{ConvertOptions, Dataset, Error, Faults, Progress, convert};

use super::bench::{Bench, Snapshot, assert_same, small_shards};

/// Ends runs after every file operation. `before` is what `out` holds at first.
pub(crate) fn check_every_end(bench: &Bench, before: &Snapshot, options: &ConvertOptions) {
    bench.restore(before);
    let counter = Arc::new(Faults::kill_at(u64::MAX));
    let counted = ConvertOptions { faults: Some(counter.clone()), ..options.clone() };
    bench.convert(&counted).unwrap();
    let expected = bench.snapshot();
    assert!(!expected.contains_key("journal.jsonl"));
    let n = counter.count();
    assert!(n > 20, "{n}");
    for k in 0..n {
        let what = format!("killed at operation {k} of {n}");
        bench.restore(before);
        bench.convert_faulty(options, Faults::kill_at(k)).unwrap_err();
        bench.assert_usable(&what);
        // The run that goes on may be ended, too.
        let _ = bench.convert_faulty(options, Faults::kill_at(k % 13));
        bench.assert_usable(&format!("{what}, then again"));
        bench.convert(options).unwrap();
        assert_same(&bench.snapshot(), &expected, &what);

        let what = format!("no space at operation {k} of {n}");
        bench.restore(before);
        let result = bench.convert_faulty(options, Faults::fail_at(k, ErrorKind::StorageFull));
        if let Err(error) = result {
            assert!(error.to_string().ends_with(": no storage space"), "{what}: {error}");
            assert!(!error.is_usage());
        }
        bench.assert_usable(&what);
        bench.convert(options).unwrap();
        assert_same(&bench.snapshot(), &expected, &what);
    }
}

#[test]
fn a_first_run_may_end_at_any_instant() {
    let mut bench = Bench::new("kill-first");
    bench.write_games(20);
    bench.write("a/003b.txt", "no record");
    check_every_end(&bench, &Snapshot::new(), &small_shards());
}

#[test]
fn a_run_that_changes_adds_and_prunes_may_end_at_any_instant() {
    let mut bench = Bench::new("kill-second");
    bench.write_games(20);
    bench.convert(&small_shards()).unwrap();
    let before = bench.snapshot();
    let (changed, added) = (bench.games(3), bench.games(4));
    bench.write("a/002.csa", changed);
    bench.write("a/000b.csa", added);
    bench.write("z/none.txt", "no record");
    // A games file in the middle loses a source, the last one all of them, so that its number is
    // given again.
    let dataset = Dataset::open(&bench.out()).unwrap();
    let n_last = dataset.shards().last().unwrap().totals.n_sources;
    let last: Vec<_> = (20 - n_last..20).map(|n| format!("a/{n:03}.csa")).collect();
    for name in last.iter().map(String::as_str).chain(["a/010.csa"]) {
        fs::remove_file(bench.input().join(name)).unwrap();
    }
    let options = ConvertOptions { prune: true, ..small_shards() };
    check_every_end(&bench, &before, &options);
}

#[test]
fn after_a_full_disk_no_half_file_is_left() {
    let mut bench = Bench::new("full");
    bench.write_games(4);
    let full = |k| Faults::fail_at(k, ErrorKind::StorageFull);
    // Operation 0 creates the folder; the others write the first games file.
    for k in 0..8 {
        let result = bench.convert_faulty(&ConvertOptions::default(), full(k));
        assert!(matches!(result, Err(Error::Io { .. })), "{k}");
        assert!(!bench.out().exists(), "{k}: {:?}", bench.snapshot().keys());
    }
}

#[test]
fn asked_to_stop_it_stops_and_goes_on_later() {
    let mut bench = Bench::new("stop");
    bench.write_games(40);
    bench.convert(&small_shards()).unwrap();
    let expected = bench.snapshot();
    for n_calls in 0..8 {
        bench.restore(&Snapshot::new());
        let mut n_left = n_calls;
        let mut progress = |_: &Progress| {
            n_left -= 1;
            n_left >= 0
        };
        let stopped = convert(&[bench.input()], &bench.out(), &small_shards(), &mut progress);
        let stopped = stopped.unwrap();
        assert!(stopped.stopped);
        bench.assert_usable("stopped");
        assert_eq!(bench.out().exists(), stopped.totals.n_games > 0, "after {n_calls} calls");
        if bench.out().exists() {
            assert!(Dataset::open(&bench.out()).unwrap().info().unfinished);
        }
        let resumed = bench.convert(&small_shards()).unwrap();
        assert_eq!(resumed.resumed, stopped.totals.n_games > 0);
        assert_eq!(stopped.totals.n_games + resumed.n_games, 40);
        assert_same(&bench.snapshot(), &expected, "stopped");
    }
}
