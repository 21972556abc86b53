//! Training sets: whole at every instant, and the same whatever the run may use.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use maou_io::{
    Error, Faults, PrepareInput, PrepareOptions, PrepareReport, Split, TrainingOptions,
    TrainingSet, prepare, verify_training,
};

use super::bench::{Bench, Snapshot, assert_same, small_shards, snapshot};

/// A dataset in `out`, and a training set that goes into `train`.
struct Setup {
    bench: Bench,
}

impl Setup {
    fn new(name: &str, n_games: usize) -> Setup {
        let mut bench = Bench::new(name);
        bench.write_games(n_games);
        bench.convert(&small_shards()).unwrap();
        Setup { bench }
    }

    fn train(&self) -> PathBuf {
        self.bench.path("train")
    }

    fn run(&self, options: &PrepareOptions) -> Result<PrepareReport, Error> {
        let input = PrepareInput { path: self.bench.out(), weight: 1.0, mask: None };
        prepare(&[input], &self.train(), options, &mut |_| true)
    }

    fn restore(&self, before: &Snapshot) {
        let _ = fs::remove_dir_all(self.train());
        if !before.is_empty() {
            fs::create_dir_all(self.train()).unwrap();
        }
        for (name, content) in before {
            fs::write(self.train().join(name), content).unwrap();
        }
    }
}

fn options() -> PrepareOptions {
    let training = TrainingOptions { validation_per_10000: 3_000, ..TrainingOptions::default() };
    PrepareOptions { training, memory: 1_000_000, threads: 2, ..PrepareOptions::default() }
}

/// Ends runs after every file operation; the set is `before` or the new one at each of them.
fn check_every_end(setup: &Setup, before: &Snapshot, options: &PrepareOptions) {
    setup.restore(before);
    let old = TrainingSet::open(&setup.train()).ok().map(|set| set.info());
    let counter = Arc::new(Faults::kill_at(u64::MAX));
    setup.run(&PrepareOptions { faults: Some(counter.clone()), ..options.clone() }).unwrap();
    let expected = snapshot(&setup.train());
    let new = TrainingSet::open(&setup.train()).unwrap().info();
    let n = counter.count();
    assert!(n > 15, "{n}");
    for k in 0..n {
        for faults in [Faults::kill_at(k), Faults::fail_at(k, ErrorKind::StorageFull)] {
            let what = format!("{faults:?} of {n}");
            setup.restore(before);
            let faulty = PrepareOptions { faults: Some(Arc::new(faults)), ..options.clone() };
            let is_done = setup.run(&faulty).is_ok();
            match TrainingSet::open(&setup.train()) {
                Ok(set) => {
                    let info = set.info();
                    assert!(Some(&info) == old.as_ref() || info == new, "{what}");
                    let report = verify_training(&setup.train(), 1, &mut |_| true).unwrap();
                    assert_eq!(report.problems, [], "{what}");
                }
                Err(error) => {
                    assert!(old.is_none() && !is_done, "{what}: {error}");
                }
            }
            setup.run(&PrepareOptions { force: true, ..options.clone() }).unwrap();
            assert_same(&snapshot(&setup.train()), &expected, &what);
        }
    }
}

#[test]
fn a_first_run_may_end_at_any_instant() {
    let setup = Setup::new("prepare-first", 12);
    check_every_end(&setup, &Snapshot::new(), &options());
}

#[test]
fn a_run_that_replaces_a_set_may_end_at_any_instant() {
    let setup = Setup::new("prepare-second", 12);
    let other = TrainingOptions { validation_per_10000: 0, ..TrainingOptions::default() };
    setup.run(&PrepareOptions { training: other, ..options() }).unwrap();
    let before = snapshot(&setup.train());
    check_every_end(&setup, &before, &PrepareOptions { force: true, ..options() });
}

#[test]
fn neither_memory_nor_threads_show_in_the_bytes() {
    let setup = Setup::new("prepare-bytes", 60);
    let make = |memory, threads| {
        let report =
            setup.run(&PrepareOptions { memory, threads, force: true, ..options() }).unwrap();
        // What fits into memory is not written to be read again.
        assert_eq!(report.spilled_bytes > 0, memory < 10_000_000, "{report:?}");
        snapshot(&setup.train())
    };
    let expected = make(1 << 30, 1);
    assert!(expected.keys().all(|name| !name.ends_with(".tmp")));
    for (memory, threads) in [(1 << 30, 4), (200_000, 1), (300_000, 3)] {
        assert_same(&make(memory, threads), &expected, &format!("{memory}, {threads}"));
    }
    let set = TrainingSet::open(&setup.train()).unwrap();
    let keys = |split| set.keys(split).flat_map(Result::unwrap).collect::<Vec<_>>();
    let (train, validation) = (keys(Split::Train), keys(Split::Validation));
    assert!(train.is_sorted() && validation.is_sorted() && !validation.is_empty());
    assert_eq!(train.len() as u64, set.n_rows(Split::Train));
    let n_shared = validation.iter().filter(|key| train.binary_search(key).is_ok()).count();
    assert_eq!(set.info().contents.n_shared_rows, n_shared as u64);
}

#[test]
fn a_run_that_is_stopped_leaves_nothing() {
    let setup = Setup::new("prepare-stop", 8);
    let input = PrepareInput { path: setup.bench.out(), weight: 1.0, mask: None };
    for n in 0..4 {
        let mut n_left = n;
        let mut progress = |_: &_| {
            n_left -= 1;
            n_left >= 0
        };
        let report =
            prepare(std::slice::from_ref(&input), &setup.train(), &options(), &mut progress);
        assert!(report.unwrap().stopped, "after {n}");
        assert!(!setup.train().exists());
    }
}

#[test]
fn damage_is_found_and_named() {
    let setup = Setup::new("prepare-damage", 8);
    setup.run(&options()).unwrap();
    let path = setup.train().join("train-00000.feather");
    let content = fs::read(&path).unwrap();
    fs::write(&path, &content[..content.len() - 1]).unwrap();
    let error = TrainingSet::open(&setup.train()).unwrap_err().to_string();
    assert!(error.contains("train-00000.feather: damaged: expected a file of"), "{error}");
    assert!(error.ends_with("`maou prepare DATA -o TRAIN --force`"), "{error}");
    for at in (0..content.len()).step_by(content.len() / 40) {
        let mut changed = content.clone();
        changed[at] ^= 0x10;
        fs::write(&path, &changed).unwrap();
        let report = verify_training(&setup.train(), 2, &mut |_| true).unwrap();
        assert_eq!(report.n_problems, 1, "byte {at}: {:?}", report.problems);
        assert!(report.problems[0].message.contains("expected hash"));
    }
}
