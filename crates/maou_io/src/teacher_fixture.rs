//! The committed dataset `tests/data/v1-teacher`: what loose positions and games of HCPE3 mean in
//! version 1 of the schema, as literal values. A dataset of this version must be read like this
//! forever.
//!
//! Written like that of `fixture.rs`, with `MAOU_WRITE_FIXTURE=1 cargo test -p maou_io --lib
//! fixture`.

use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;

use crate::columns::GamesBatch;
use crate::dataset::{Dataset, Table};
use crate::positions::PositionsBatch;
use crate::schema::{Width, positions_schema};
use crate::search_columns::SearchBatch;
use crate::testing::TempDir;

const START_HCP: &str = "58a449210cd757217e8e4d212caf427814c2ab109e4d212cd75f213e8e49210c";
/// Kings on 5i and 5a, everything else in Black's hand, as cshogi and as YaneuraOu name it.
const ALL_HCP: &str = "582400000000000000000000000000000000104208638c514a29e79cf3f9fc7e";
const ALL_PACKED_GOLD_7TH: &str =
    "582400000000000000000000000000000000104208a59432c6188fc7e773ce39";

/// -56 cp, 7g7f, White won; 32767 cp, 2g2f, Black won.
const HCPE: [&str; 2] = ["c8ff3b1e0200", "ff7f8e070100"];
/// 0 cp, 7g7f, a draw by repetition.
const HCPE2: [&str; 1] = ["00003b1e0400"];
/// 100 cp, P*5e, ply 77, the side to move won.
const PSV: &str = "6400a8404d000100";
/// Black wins by declaration, opponent 1. 7g7f, 123 cp, candidates 7g7f with 9,999 visits and 2g2f
/// with 1; 3c3d, not searched.
const HCPE3: &str = "020009013b1e7b0002003b1e0f278e070100150a00000000";

fn bytes(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/v1-teacher")
}

fn sources() -> [(&'static str, Vec<u8>); 5] {
    let after_start = |tails: &[&str]| -> Vec<u8> {
        tails.iter().flat_map(|tail| bytes(&format!("{START_HCP}{tail}"))).collect()
    };
    [
        ("a.csa", b"PI\n+\n+7776FU\n%TORYO\n".to_vec()),
        ("b.hcpe", after_start(&HCPE)),
        ("c.hcpe2", after_start(&HCPE2)),
        ("d.psv", bytes(&format!("{ALL_PACKED_GOLD_7TH}{PSV}"))),
        ("e.hcpe3", after_start(&[HCPE3])),
    ]
}

fn write(dir: &Path, out: &Path) {
    for (name, content) in sources() {
        std::fs::write(dir.join(name), content).unwrap();
    }
    let report =
        crate::convert(&[dir.to_owned()], out, &Default::default(), &mut |_| true).unwrap();
    assert_eq!((report.n_errors, report.warnings.len()), (0, 0));
}

fn batch(dir: &Path, table: Table) -> RecordBatch {
    let file = Dataset::open(dir).unwrap().file(table, 0).open().unwrap();
    assert_eq!(file.n_batches(), 1);
    file.batch(0, None).unwrap()
}

#[test]
fn the_fixture_is_what_is_written_today() {
    let dir = TempDir::new("teacher-fixture");
    if std::env::var_os("MAOU_WRITE_FIXTURE").is_some() {
        std::fs::remove_dir_all(folder()).unwrap_or_default();
        write(dir.path(), &folder());
        std::fs::remove_file(folder().join(".lock")).unwrap();
    }
    let out = dir.path().join("out");
    write(dir.path(), &out);
    for table in Table::ALL {
        assert_eq!(batch(&out, table), batch(&folder(), table));
    }
    let report = crate::verify(&folder(), 1, &mut |_| true).unwrap();
    assert_eq!(report.problems, []);
    assert_eq!((report.n_files, report.n_games, report.n_positions), (2, 2, 7));
}

#[test]
fn its_loose_positions_are_those_of_version_1() {
    let batch = batch(&folder(), Table::Positions);
    assert_eq!(batch.schema(), positions_schema());
    let table = PositionsBatch::new(&batch);
    assert_eq!(table.len(), 4);
    let position = |row: usize| table.position(row).to_vec();
    for row in 0..3 {
        assert_eq!(position(row), bytes(START_HCP));
        assert_eq!(format!("{:016x}", table.keys[row]), "bed4f1a2a033e1bc");
    }
    assert_eq!(position(3), bytes(ALL_HCP));
    assert_eq!(format!("{:016x}", table.keys[3]), "a45af67742155f90");
    assert_eq!(table.moves, [7739, 1934, 7739, 10408]);
    assert_eq!(table.evals_cp, [-56, 32_767, 0, 100]);
    assert_eq!(table.results, [2, 1, 0, 1]);
    assert_eq!([0, 1, 2, 3].map(|row| table.ply(row)), [0, 0, 0, 77]);
    assert_eq!(table.flags, [0, 0, 4, 64]);
    let sources = [0, 1, 2, 3].map(|row| table.source(row));
    assert_eq!(sources, ["b.hcpe", "b.hcpe", "c.hcpe2", "d.psv"]);
}

#[test]
fn its_games_are_those_of_version_1() {
    let batch = batch(&folder(), Table::Games);
    assert_eq!(batch.schema(), Width { search: true, ..Width::default() }.schema());
    let (games, search) = (GamesBatch::new(&batch), SearchBatch::new(&batch));
    assert_eq!((games.text(11, 0), games.text(11, 1)), ("a.csa", "e.hcpe3"));
    assert!(search.row(0).is_none());
    let (game, found) = (games.row(1), search.row(1).unwrap());
    assert_eq!((game.moves, game.result, games.text(6, 1)), (&[7739, 2581][..], 1, "declaration"));
    assert_eq!([game.eval_cp(0), game.eval_cp(1)], [Some(123), None]);
    assert_eq!((found.opponent, found.flags, found.evals_raw), (1, 8, &[123, 0][..]));
    assert_eq!((found.candidates, found.visits), (&[7739, 1934][..], &[9_999, 1][..]));
    assert_eq!([found.n_candidates(0), found.n_candidates(1)], [2, 0]);
}
