//! What `verify` finds.

use std::fs;

use maou_io::{ConvertOptions, verify};

use super::bench::Bench;

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
    fs::write(bench.out().join("manifest.json"), wrong).unwrap();
    assert!(problems(&bench)[0].contains("expected 31 games as in the manifest, found 30"));

    bench.restore(&good);
    fs::write(bench.out().join("errors.jsonl"), "{}").unwrap();
    assert!(verify(&bench.out(), 0, &mut |_| true).is_err());
}
