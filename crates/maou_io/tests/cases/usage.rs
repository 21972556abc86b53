//! What cannot be worked on.

use std::fs;

use maou_io::{Compression, ConvertOptions, Dataset, convert};

use super::bench::{Bench, assert_same, small_shards};

fn usage_error(bench: &Bench, options: &ConvertOptions) -> String {
    let error = bench.convert(options).unwrap_err();
    assert!(error.is_usage(), "{error}");
    error.to_string()
}

#[test]
fn without_records_nothing_is_created() {
    let bench = Bench::new("no-records");
    let error = usage_error(&bench, &small_shards());
    assert!(error.ends_with("/in: expected game records, found no files"), "{error}");
    bench.write("readme.txt", "hello");
    bench.write("empty.csa", "");
    for options in [small_shards(), ConvertOptions { dry_run: true, ..small_shards() }] {
        let error = usage_error(&bench, &options);
        assert!(error.contains("/in: expected game records, found none in 2 files"), "{error}");
        assert!(error.contains("/in/empty.csa:1:1: "), "{error}");
        assert!(!bench.out().exists());
    }
    // In a folder that was there before, only the lock file stays.
    fs::create_dir(bench.out()).unwrap();
    usage_error(&bench, &small_shards());
    assert_eq!(bench.snapshot().keys().collect::<Vec<_>>(), [".lock"]);
}

#[test]
fn foreign_files_are_not_touched() {
    let mut bench = Bench::new("foreign");
    bench.write_games(1);
    fs::write(bench.out(), "mine").unwrap();
    assert!(usage_error(&bench, &small_shards()).ends_with("as the output, found a file"));
    fs::remove_file(bench.out()).unwrap();
    fs::create_dir(bench.out()).unwrap();
    fs::write(bench.out().join("notes.txt"), "mine").unwrap();
    let before = bench.snapshot();
    let error = usage_error(&bench, &small_shards());
    assert!(error.ends_with("found a folder with `notes.txt`"), "{error}");
    assert_same(&bench.snapshot(), &before, "foreign folder");
    // Beside a dataset they may lie.
    fs::remove_file(bench.out().join("notes.txt")).unwrap();
    bench.convert(&small_shards()).unwrap();
    fs::write(bench.out().join("notes.tmp"), "mine").unwrap();
    let text = bench.games(1);
    bench.write("b.csa", text);
    bench.convert(&small_shards()).unwrap();
    assert_eq!(fs::read(bench.out().join("notes.tmp")).unwrap(), b"mine");
}

#[test]
fn other_options_than_those_of_the_dataset_are_refused() {
    let mut bench = Bench::new("options");
    bench.write_games(1);
    bench.convert(&small_shards()).unwrap();
    let lz4 = ConvertOptions { compression: Some(Compression::Lz4), ..small_shards() };
    let error = usage_error(&bench, &lz4);
    assert!(error.contains("expected compression zstd, with which"), "{error}");
    assert!(error.contains("found lz4"), "{error}");
    let larger = ConvertOptions { shard_bytes: Some(13_000), ..small_shards() };
    assert!(usage_error(&bench, &larger).contains("expected shard_bytes 12000"));
}

#[test]
fn one_name_from_two_inputs_is_refused() {
    let mut bench = Bench::new("clash");
    bench.write_games(1);
    let inputs = [bench.input(), bench.input().join("a/000.csa"), bench.input().join("a")];
    let error = convert(&inputs, &bench.out(), &small_shards(), &mut |_| true).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("same file was named twice"), "{error}");
    let text = bench.games(1);
    bench.write("b/000.csa", text);
    let others = [bench.input().join("b"), bench.input().join("a")];
    let error = convert(&others, &bench.out(), &small_shards(), &mut |_| true).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("found `000.csa` twice"), "{error}");
    fs::remove_dir_all(&others[0]).unwrap();
    assert!(!bench.out().exists());
    convert(&inputs[..2], &bench.out(), &small_shards(), &mut |_| true).unwrap();
    assert_eq!(Dataset::open(&bench.out()).unwrap().info().sources, 2);
}

#[test]
fn a_second_run_at_the_same_time_is_refused() {
    let mut bench = Bench::new("two-runs");
    bench.write_games(20);
    bench.convert(&small_shards()).unwrap();
    let lock = fs::File::options().write(true).open(bench.out().join(".lock")).unwrap();
    lock.try_lock().unwrap();
    fs::write(bench.out().join(".lock"), "4711").unwrap();
    let error = usage_error(&bench, &small_shards());
    assert!(error.contains("process 4711 is writing into this dataset"), "{error}");
    // Reading goes on all the time.
    bench.assert_usable("locked");
    lock.unlock().unwrap();
    bench.convert(&small_shards()).unwrap();
}
