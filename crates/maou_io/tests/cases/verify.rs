//! What `verify` finds.

use std::fs;

use maou_io::{ConvertOptions, Dataset, verify};

use super::bench::{Bench, assert_same, small_shards};

fn problems(bench: &Bench) -> Vec<String> {
    let report = verify(&bench.out(), 2, &mut |_| true).unwrap();
    assert_eq!(report.n_problems, report.problems.len() as u64);
    report.problems.into_iter().map(|p| format!("{}: {}", p.file, p.message)).collect()
}

#[test]
fn damage_is_found_and_named() {
    let mut bench = Bench::new("damage");
    bench.write_games(30);
    bench.convert(&ConvertOptions::default()).unwrap();
    assert_eq!(problems(&bench), Vec::<String>::new());
    let good = bench.snapshot();
    let path = bench.out().join("games-00000.feather");

    let mut content = good["games-00000.feather"].clone();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(&path, &content).unwrap();
    assert!(problems(&bench)[0].starts_with("games-00000.feather: expected hash `"));

    fs::write(&path, &content[..middle]).unwrap();
    assert!(problems(&bench)[0].contains(" bytes, found "));

    fs::remove_file(&path).unwrap();
    assert!(problems(&bench)[0].contains("cannot be read: no such file"));

    bench.restore(&good);
    let manifest = String::from_utf8(good["manifest.json"].clone()).unwrap();
    let wrong = manifest.replace("\"n_games\": 30", "\"n_games\": 31");
    let path = bench.out().join("manifest.json");
    fs::write(&path, &wrong).unwrap();
    let error = Dataset::open(&bench.out()).unwrap_err().to_string();
    assert!(error.contains("manifest.json: damaged: expected the content that its"), "{error}");
    fs::write(&path, sealed(&wrong)).unwrap();
    assert!(problems(&bench)[0].contains("expected 31 games as in the manifest, found 30"));
    let wrong = manifest.replacen("\"n_games\": 30", "\"n_games\": 31", 1);
    fs::write(&path, sealed(&wrong)).unwrap();
    assert!(problems(&bench)[0].contains("expected the totals to be the sum"));
}

/// The text of a manifest with the checksum that it should have.
pub(super) fn sealed(manifest: &str) -> String {
    let (content, _) = manifest.split_once(",\n  \"checksum\"").unwrap();
    let checksum = xxhash_rust::xxh3::xxh3_64(content.as_bytes());
    format!("{content},\n  \"checksum\": \"{checksum:016x}\"\n}}\n")
}

#[test]
fn damaged_tables_are_refused_by_all_who_read_them() {
    let mut bench = Bench::new("tables");
    bench.write_games(3);
    bench.write("none.txt", "no record");
    bench.convert(&ConvertOptions::default()).unwrap();
    let good = bench.snapshot();
    for name in ["sources.feather", "errors.jsonl", "manifest.json"] {
        let path = bench.out().join(name);
        let check = |what: &str| {
            let errors = [
                bench.convert(&ConvertOptions::default()).unwrap_err(),
                bench
                    .convert(&ConvertOptions { dry_run: true, ..ConvertOptions::default() })
                    .unwrap_err(),
                verify(&bench.out(), 1, &mut |_| true).unwrap_err(),
                Dataset::open(&bench.out()).and_then(|dataset| dataset.errors()).unwrap_err(),
            ];
            for error in errors {
                let error = error.to_string();
                assert!(error.contains(&format!("/out/{name}: ")), "{what}: {error}");
            }
        };
        for at in (0..good[name].len()).step_by(37) {
            let mut content = good[name].clone();
            content[at] ^= 0x10;
            fs::write(&path, content).unwrap();
            check(&format!("{name} at {at}"));
        }
        if name != "manifest.json" {
            fs::write(&path, "").unwrap();
            check("empty");
            fs::remove_file(&path).unwrap();
            check("missing");
        }
        bench.restore(&good);
    }
    bench.convert(&ConvertOptions::default()).unwrap();
    assert_same(&bench.snapshot(), &good, "restored");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_before_it_is_opened() {
    let mut bench = Bench::new("no-files");
    bench.write_games(1);
    bench.convert(&ConvertOptions::default()).unwrap();
    let good = bench.snapshot();
    let names = ["manifest.json", "sources.feather", "errors.jsonl", "journal.jsonl", ".lock"];
    for name in names {
        let path = bench.out().join(name);
        let _ = fs::remove_file(&path);
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        let text = bench.games(1);
        bench.write("new.csa", text);
        let error = bench.convert(&ConvertOptions::default()).unwrap_err().to_string();
        let is_told = error.contains(&format!("/out/{name}: expected a file, found neither"))
            || (name == "manifest.json" && error.contains("as the output, found a folder with"));
        assert!(is_told, "{name}: {error}");
        if name != ".lock" {
            verify(&bench.out(), 1, &mut |_| true).unwrap_err();
        }
        bench.restore(&good);
    }
}

#[test]
fn a_games_file_that_is_gone_or_cut_is_told_by_all_who_open_the_dataset() {
    let mut bench = Bench::new("games-gone");
    bench.write_games(20);
    bench.convert(&small_shards()).unwrap();
    let good = bench.snapshot();
    let path = bench.out().join("games-00001.feather");
    let len = good["games-00001.feather"].len();
    let check = |found: &str| {
        let dry_run = ConvertOptions { dry_run: true, ..small_shards() };
        let errors = [
            bench.convert(&small_shards()).unwrap_err(),
            bench.convert(&dry_run).unwrap_err(),
            Dataset::open(&bench.out()).unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().contains(found), "{error}");
        }
        assert_eq!(verify(&bench.out(), 1, &mut |_| true).unwrap().n_problems, 1);
    };
    let expected = format!("games-00001.feather: damaged: expected a file of {len} bytes, found");
    fs::write(&path, &good["games-00001.feather"][..len / 2]).unwrap();
    check(&format!("{expected} one of {}; convert the records again into", len / 2));
    fs::remove_file(&path).unwrap();
    check(&format!("{expected} none; "));
    fs::create_dir(&path).unwrap();
    check("games-00001.feather: expected a file, found a folder");
    fs::remove_dir(&path).unwrap();
    bench.restore(&good);
    bench.convert(&small_shards()).unwrap();
}

#[test]
fn rows_are_not_taken_from_a_damaged_games_file() {
    let mut bench = Bench::new("damaged-kept");
    bench.write_games(20);
    bench.convert(&small_shards()).unwrap();
    let path = bench.out().join("games-00000.feather");
    let mut content = fs::read(&path).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(&path, content).unwrap();
    let text = bench.games(1);
    bench.write("a/000.csa", text);
    for dry_run in [true, false] {
        let options = ConvertOptions { dry_run, ..small_shards() };
        let error = bench.convert(&options).unwrap_err().to_string();
        assert!(error.contains("games-00000.feather: damaged: expected hash `"), "{error}");
    }
}
