//! Second runs: unchanged, changed, added, vanished and pruned sources.

use std::fs;

use maou_io::{ConvertOptions, Dataset, convert};

use super::bench::{Bench, Snapshot, assert_same, small_shards};

#[test]
fn what_is_unchanged_is_skipped_and_nothing_is_written() {
    let mut bench = Bench::new("unchanged");
    bench.write_games(20);
    bench.write("none.txt", "no record");
    let first = bench.convert(&small_shards()).unwrap();
    assert_eq!((first.n_games, first.n_errors, first.totals.n_errors), (20, 1, 1));
    let before = bench.snapshot();
    let second = bench.convert(&ConvertOptions::default()).unwrap();
    assert_eq!((second.n_sources_unchanged, second.n_sources_new, second.n_games), (21, 0, 0));
    assert_eq!((second.n_errors, second.totals.n_errors), (0, 1));
    assert_eq!(second.totals, first.totals);
    assert_same(&bench.snapshot(), &before, "unchanged");
}

#[test]
fn a_changed_source_rewrites_its_games_file_and_no_other() {
    let mut bench = Bench::new("changed");
    bench.write_games(20);
    bench.convert(&small_shards()).unwrap();
    let before = bench.snapshot();
    let text = bench.games(2);
    bench.write("a/001.csa", &text);
    let report = bench.convert(&small_shards()).unwrap();
    assert_eq!((report.n_sources_changed, report.n_sources_unchanged), (1, 19));
    assert_eq!((report.n_games, report.totals.n_games), (2, 21));
    let after = bench.snapshot();
    for (name, content) in &after {
        let is_first = name == "games-00000.feather";
        if name.starts_with("games-") {
            assert_eq!(*content != before[name], is_first, "{name}");
        }
    }
    bench.assert_usable("changed");
    // The rows that were kept are those that a run from the beginning gives.
    let old_cut = Dataset::open(&bench.out()).unwrap().shards().next().unwrap().clone();
    fs::remove_dir_all(bench.out()).unwrap();
    fs::create_dir_all(bench.path("all")).unwrap();
    fs::rename(bench.input(), bench.path("all/in")).unwrap();
    for index in 0..old_cut.totals.n_sources {
        let name = format!("a/{index:03}.csa");
        bench.write(&name, fs::read(bench.path("all/in").join(&name)).unwrap());
    }
    bench.convert(&ConvertOptions { shard_bytes: None, ..small_shards() }).unwrap();
    assert!(bench.snapshot()["games-00000.feather"] == after["games-00000.feather"]);
}

#[test]
fn a_changed_source_may_lose_all_its_games() {
    let mut bench = Bench::new("changed-to-none");
    bench.write_games(3);
    bench.convert(&small_shards()).unwrap();
    bench.write("a/001.csa", "no record");
    let report = bench.convert(&small_shards()).unwrap();
    assert_eq!((report.totals.n_games, report.totals.n_errors, report.n_errors), (2, 1, 1));
    bench.assert_usable("changed to no record");
    let text = bench.games(1);
    bench.write("a/001.csa", text);
    let report = bench.convert(&small_shards()).unwrap();
    assert_eq!((report.totals.n_games, report.totals.n_errors), (3, 0));
    assert!(report.totals.error_kinds.is_empty());
}

#[test]
fn added_sources_make_new_games_files() {
    let mut bench = Bench::new("added");
    bench.write_games(20);
    bench.convert(&small_shards()).unwrap();
    let before = bench.snapshot();
    let n_before = Dataset::open(&bench.out()).unwrap().shards().len();
    let text = bench.games(1);
    bench.write("a/000-added.csa", text);
    let report = bench.convert(&small_shards()).unwrap();
    assert_eq!((report.n_sources_new, report.n_sources_unchanged), (1, 20));
    let after = bench.snapshot();
    for (name, content) in before.iter().filter(|(name, _)| name.starts_with("games-")) {
        assert!(after[name] == *content, "{name}");
    }
    assert!(after.contains_key(&format!("games-{n_before:05}.feather")));
    bench.assert_usable("added");
}

#[test]
fn vanished_sources_are_reported_kept_and_pruned_when_asked() {
    let mut bench = Bench::new("vanished");
    bench.write_games(20);
    bench.convert(&small_shards()).unwrap();
    let before = bench.snapshot();
    fs::remove_file(bench.input().join("a/000.csa")).unwrap();
    let report = bench.convert(&small_shards()).unwrap();
    assert_eq!(report.vanished, ["a/000.csa"]);
    assert_eq!(report.totals.n_games, 20);
    assert_same(&bench.snapshot(), &before, "vanished");

    let prune = ConvertOptions { prune: true, ..small_shards() };
    let report = bench.convert(&prune).unwrap();
    assert_eq!((report.pruned, report.totals.n_games), (vec!["a/000.csa".to_owned()], 19));
    bench.assert_usable("pruned");
    let report = bench.convert(&prune).unwrap();
    assert!(report.pruned.is_empty() && report.vanished.is_empty());
}

#[test]
fn a_games_file_without_sources_goes() {
    let mut bench = Bench::new("prune-all");
    bench.write_games(20);
    bench.convert(&small_shards()).unwrap();
    let first = Dataset::open(&bench.out()).unwrap().shards().next().unwrap().clone();
    for index in 0..first.totals.n_sources {
        fs::remove_file(bench.input().join(format!("a/{index:03}.csa"))).unwrap();
    }
    bench.convert(&ConvertOptions { prune: true, ..small_shards() }).unwrap();
    assert!(!bench.snapshot().contains_key(&first.file));
    bench.assert_usable("a games file less");
}

#[test]
fn all_sources_may_be_pruned() {
    let mut bench = Bench::new("prune-emptied");
    bench.write_games(20);
    bench.convert(&small_shards()).unwrap();
    let before = bench.snapshot();
    fs::remove_dir_all(bench.input().join("a")).unwrap();
    let error = bench.convert(&small_shards()).unwrap_err();
    assert!(error.is_usage() && error.to_string().ends_with("found no files"), "{error}");
    for dry_run in [true, false] {
        assert_same(&bench.snapshot(), &before, "not pruned yet");
        let prune = ConvertOptions { prune: true, dry_run, ..small_shards() };
        let report = bench.convert(&prune).unwrap();
        assert_eq!((report.pruned.len(), report.totals.n_games), (20, 0));
    }
    bench.assert_usable("emptied");
    let left: Vec<_> = bench.snapshot().into_keys().collect();
    assert_eq!(left, [".lock", "errors.jsonl", "manifest.json", "sources.feather"]);
    bench.write_games(2);
    assert_eq!(bench.convert(&small_shards()).unwrap().totals.n_games, 2);
    // A dataset is no input, so that a slip does not empty it.
    let prune = ConvertOptions { prune: true, ..small_shards() };
    let error = convert(&[bench.out()], &bench.out(), &prune, &mut |_| true).unwrap_err();
    assert!(error.is_usage(), "{error}");
}

#[test]
fn duplicates_are_kept_and_counted() {
    let mut bench = Bench::new("duplicates");
    let (one, other) = (bench.games(1), bench.games(1));
    for (name, text) in [("a.csa", &one), ("b.csa", &other), ("c.csa", &one), ("d.csa", &one)] {
        bench.write(name, text);
    }
    let report = bench.convert(&small_shards()).unwrap();
    assert_eq!((report.n_games, report.n_duplicate_games), (4, 2));
    assert_eq!(Dataset::open(&bench.out()).unwrap().info().duplicate_games, 2);
    bench.write("e.csa", &other);
    let dry = bench.convert(&ConvertOptions { dry_run: true, ..small_shards() }).unwrap();
    assert_eq!(dry.n_duplicate_games, 3);
    assert_eq!(bench.convert(&small_shards()).unwrap().n_duplicate_games, 3);
}

#[test]
fn a_dry_run_reports_the_same_and_writes_nothing() {
    let mut bench = Bench::new("dry");
    bench.write_games(20);
    bench.write("none.txt", "no record");
    let dry_run = ConvertOptions { dry_run: true, ..small_shards() };
    let dry = bench.convert(&dry_run).unwrap();
    assert!(!bench.out().exists());
    let wet = bench.convert(&small_shards()).unwrap();
    assert_eq!((dry.n_games, dry.n_positions, dry.n_errors), (wet.n_games, wet.n_positions, 1));
    assert_eq!(dry.totals.endings, wet.totals.endings);
    let before = bench.snapshot();
    let text = bench.games(1);
    bench.write("a/001.csa", text);
    assert_eq!(bench.convert(&dry_run).unwrap().n_sources_changed, 1);
    assert_same(&bench.snapshot(), &before, "dry run");
}

#[cfg(unix)]
#[test]
fn an_unreadable_source_is_an_error_and_the_rest_goes_on() {
    use std::os::unix::fs::symlink;
    let mut bench = Bench::new("unreadable");
    bench.write_games(3);
    let link = bench.input().join("a/001-link.csa");
    symlink("nowhere.csa", &link).unwrap();
    let report = bench.convert(&small_shards()).unwrap();
    assert_eq!((report.n_games, report.n_errors), (3, 1));
    let expected = format!("{}: no such file or directory", link.display());
    assert_eq!(report.errors[0].to_string(), expected);
    assert_eq!(report.totals.error_kinds["unreadable"], 1);
    let again = bench.convert(&small_shards()).unwrap();
    assert_eq!((again.n_sources_unchanged, again.n_errors), (4, 0));
    // It becomes readable, and then a source that was read becomes unreadable.
    let text = bench.games(1);
    bench.write("a/nowhere.csa", text);
    let report = bench.convert(&small_shards()).unwrap();
    assert_eq!((report.totals.n_games, report.totals.n_errors), (5, 0));
    fs::remove_file(bench.input().join("a/nowhere.csa")).unwrap();
    let report = bench.convert(&small_shards()).unwrap();
    assert_eq!((report.totals.n_games, report.n_errors), (5, 1));
    assert!(report.errors[0].message.ends_with("are kept"), "{}", report.errors[0]);
    assert!(report.errors[0].kept);
    assert_eq!(report.vanished, ["a/nowhere.csa"]);
}

#[test]
fn errors_have_their_place_and_are_listed() {
    let bench = Bench::new("errors");
    let good = "V2.2\nPI\n+\n+7776FU\n-3334FU\n%TORYO\n";
    let bad = "V2.2\nPI\n+\n+7776FU\n-3344FU\n%TORYO\n";
    bench.write("x.csa", format!("{good}/\n{bad}"));
    bench.write("y.txt", "no record");
    let report = bench.convert(&ConvertOptions::default()).unwrap();
    assert_eq!((report.n_games, report.n_errors), (2, 2));
    let path = bench.input().join("x.csa");
    let text = report.errors[0].to_string();
    assert!(text.starts_with(&format!("{}:12:1: ", path.display())), "{text}");
    let errors = Dataset::open(&bench.out()).unwrap().errors().unwrap();
    let listed: Vec<_> = errors.iter().map(|e| (&*e.source, &*e.kind, e.game_number)).collect();
    assert_eq!(listed, [("x.csa", "illegal_move", Some(2)), ("y.txt", "not_a_record", None)]);
    let lines = String::from_utf8(bench.snapshot()["errors.jsonl"].clone()).unwrap();
    assert_eq!(lines.lines().count(), 2);
    assert!(!lines.contains(&*bench.input().to_string_lossy()), "no path of the machine");
}

#[test]
fn a_warning_tells_of_evals_from_the_wrong_side() {
    let bench = Bench::new("warning");
    for index in 0..40 {
        // White resigns, though the evals, meant for the side to move, say that White wins.
        let moves = "+7776FU\n'** -900\n-3334FU\n'** -900\n+2726FU\n'** -900\n";
        bench.write(&format!("{index:02}.csa"), format!("V2.2\nPI\n+\n{moves}%TORYO\n"));
    }
    let report = bench.convert(&ConvertOptions::default()).unwrap();
    assert_eq!(report.warnings.len(), 1, "{:?}", report.warnings);
    let mut right = Bench::new("no-warning");
    right.write_games(200);
    assert_eq!(right.convert(&ConvertOptions::default()).unwrap().warnings, Vec::<String>::new());
}

#[test]
fn strict_stops_at_the_first_error_in_order_and_leaves_nothing() {
    let mut bench = Bench::new("strict");
    bench.write_games(20);
    bench.write("a/004b.txt", "no record");
    bench.write("a/001b.txt", "no record");
    let strict = ConvertOptions { strict: true, ..ConvertOptions::default() };
    let error = bench.convert(&strict).unwrap_err();
    assert!(matches!(error, maou_io::Error::Strict(_)));
    assert!(error.to_string().contains("001b.txt:1:1: "), "{error}");
    assert!(!bench.out().exists());
    // Into a dataset: what was finished before the error stays, and the rest is as it was.
    let strict = ConvertOptions { strict: true, ..small_shards() };
    fs::remove_file(bench.input().join("a/001b.txt")).unwrap();
    bench.convert(&strict).unwrap_err();
    bench.assert_usable("strict");
    fs::remove_file(bench.input().join("a/004b.txt")).unwrap();
    bench.convert(&strict).unwrap();
    let resumed = bench.snapshot();
    bench.restore(&Snapshot::new());
    bench.convert(&small_shards()).unwrap();
    assert_same(&resumed, &bench.snapshot(), "strict");
}

#[test]
fn readers_are_not_disturbed_by_a_run() {
    let mut bench = Bench::new("readers");
    bench.write_games(20);
    bench.convert(&small_shards()).unwrap();
    let texts: Vec<_> = (0..30).map(|n| bench.games(1 + n % 3)).collect();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let prune = ConvertOptions { prune: true, ..small_shards() };
            for (index, text) in texts.iter().enumerate() {
                bench.write("a/003.csa", text);
                bench.write(&format!("b/{index}.txt"), "no record");
                let _ = fs::remove_file(bench.input().join(format!("b/{}.txt", index.max(4) - 4)));
                bench.convert(&prune).unwrap();
            }
        });
        while !writer.is_finished() {
            Dataset::open(&bench.out()).unwrap().errors().unwrap();
        }
        writer.join().unwrap();
    });
}
