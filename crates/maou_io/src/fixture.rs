//! The committed dataset `tests/data/v1`: what version 1 of the schema and of the key mean, as
//! literal values. A dataset of this version must be read like this forever.
//!
//! After a deliberate change (with a new version, and a new folder beside the old one), write it
//! with `MAOU_WRITE_FIXTURE=1 cargo test -p maou_io --lib fixture`.

use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use maou_shogi::record::{GameRecord, Reader, RecordError, Sink};
use maou_shogi::{Move, Position};

use crate::columns::{Columns, GamesBatch, Piece, to_batch};
use crate::commit::Output;
use crate::dataset::Dataset;
use crate::files::Files;
use crate::ipc::{BatchEncoder, IpcFile, Layout};
use crate::manifest::{DatasetOptions, Totals};
use crate::pipeline::{self, ShardDone};
use crate::report::{Compression, ErrorEntry};
use crate::schema::{Width, games_fields, games_schema};
use crate::source_table::{self, SourceFormat, SourceRow};
use crate::testing::TempDir;

/// Every column is set here, apart from the tail.
const FULL: &str = "V2.2
N+Sente Engine
N-後手エンジン
$EVENT:fixture cup
$START_TIME:2024/02/29 12:00:00
'black_rate:sente:3000.5
'white_rate:gote:-12
PI
+
+7776FU,T12
'** 56 -3334FU
-3334FU,T0
'** -44 +8822UM
+8822UM,T3
'** 300
-3122GI,T70
'** -250
+0055KA
%TORYO,T1
";

/// White moves first; no evals; times.
const HANDICAP: &str = "手合割：二枚落ち
下手：Shitate
上手：Uwate
手数----指手---------消費時間--
   1 ６二銀(71)   ( 0:05/00:00:05)
   2 ７六歩(77)   ( 1:01/00:01:01)
   3 中断
";

/// A mate problem in which Black has no king; no names, nothing that may be null is there.
const PROBLEM: &str = "V2.2
P1 *  *  *  *  * -OU *  *  *
P2 *  *  *  *  *  *  *  *  *
P3 *  *  *  *  * +FU *  *  *
P+00KI
+
+0042KI
%TSUMI
";

/// Ends with a move that cannot be played.
const ILLEGAL: &str = "V2.2
PI
+
+2726FU
'** 31
-8384FU
-8485FU
+2625FU
";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/v1")
}

#[derive(Default)]
struct Games {
    games: Vec<GameRecord>,
    errors: Vec<RecordError>,
}

impl Sink for Games {
    fn game(&mut self, game: &mut GameRecord) {
        self.games.push(game.clone());
    }

    fn error(&mut self, error: RecordError) {
        self.errors.push(error);
    }
}

/// Writes the fixture into `dir`.
fn write(dir: &Path) {
    let options = DatasetOptions { compression: Compression::Zstd, ..DatasetOptions::default() };
    let mut output = Output::open(Files::new(None), dir, |_| Ok(options)).unwrap();
    output.start().unwrap();
    let mut columns = Columns::default();
    let mut done = ShardDone::default();
    let texts = [
        ("a/full.csa", FULL),
        ("handicap.kif", HANDICAP),
        ("problem.csa", PROBLEM),
        ("z.csa", ILLEGAL),
    ];
    for (name, text) in texts {
        let mut found = Games::default();
        let format = Reader::new().read(text.as_bytes(), &mut found);
        let game = &mut found.games[0];
        // No record format tells the scale yet.
        game.eval_scale_cp = (name == "a/full.csa").then_some(600.0);
        columns.push(game, name);
        done.sources.push(SourceRow {
            name: name.into(),
            xxh3: xxhash_rust::xxh3::xxh3_64(text.as_bytes()),
            size_bytes: text.len() as u64,
            n_games: 1,
            n_positions: game.moves.len() as u64,
            n_errors: found.errors.len() as u32,
            format: SourceFormat::new(format),
            ..SourceRow::default()
        });
        done.errors.extend(found.errors.into_iter().map(|error| ErrorEntry {
            source: name.to_owned(),
            line: Some(error.line),
            column: Some(error.column),
            kind: error.kind.as_str().to_owned(),
            message: error.message,
            kept: error.kept,
            game_number: Some(1),
            ..ErrorEntry::default()
        }));
    }
    columns.count_into(0..columns.n_games(), &mut done.totals);
    done.totals = Totals { n_sources: 4, n_errors: 1, ..done.totals };
    done.totals.error_kinds.insert(done.errors[0].kind.clone(), 1);
    let piece = Piece { rows: 0..columns.n_games(), columns: columns.into() };
    let batch = BatchEncoder::new(options.compression)
        .encode(&to_batch(&[piece], Width::default()))
        .unwrap();
    let mut numbers = [0].into_iter();
    output.take(pipeline::Output::Batch(batch), &mut numbers).unwrap();
    output.take(pipeline::Output::End(done.into()), &mut numbers).unwrap();
    output.commit().unwrap();
}

fn games_of(dir: &Path) -> RecordBatch {
    let dataset = Dataset::open(dir).unwrap();
    let file = IpcFile::open(&dataset.games_paths()[0]).unwrap();
    assert_eq!(file.n_batches(), 1);
    file.batch(0, None).unwrap()
}

#[test]
fn the_fixture_is_what_is_written_today() {
    if std::env::var_os("MAOU_WRITE_FIXTURE").is_some() {
        std::fs::remove_dir_all(folder()).unwrap_or_default();
        write(&folder());
        std::fs::remove_file(folder().join(".lock")).unwrap();
    }
    let dir = TempDir::new("fixture");
    write(dir.path());
    assert_eq!(games_of(dir.path()), games_of(&folder()));
}

#[test]
fn the_fixture_is_whole() {
    let report = crate::verify(&folder(), 1, &mut |_| true).unwrap();
    assert_eq!(report.problems, []);
    assert_eq!((report.n_files, report.n_games, report.n_positions), (1, 4, 10));
    let dataset = Dataset::open(&folder()).unwrap();
    let info = dataset.info();
    assert_eq!((info.schema_version, info.key_version, info.compression), (1, 1, "zstd"));
    assert_eq!((info.games, info.positions, info.errors, info.unfinished), (4, 10, 1, false));
    assert_eq!(
        dataset.errors().unwrap()[0].to_string(),
        "z.csa:7:1: expected a move of Black (`+`), found `-8485FU`"
    );
}

#[test]
fn its_schema_is_that_of_version_1() {
    let dataset = Dataset::open(&folder()).unwrap();
    let file = IpcFile::open(&dataset.games_paths()[0]).unwrap();
    assert_eq!(file.schema(), &games_schema());
    assert_eq!(file.schema().metadata()["schema_version"], "1");
    assert_eq!(file.schema().metadata()["key_version"], "1");
    assert_eq!(games_fields().len(), 16);
}

#[test]
fn its_values_are_those_of_version_1() {
    let batch = games_of(&folder());
    let games = GamesBatch::new(&batch);
    let ids: Vec<_> = (0..4).map(|row| games.row(row).id).collect();
    assert_eq!(
        ids,
        [2557063544606339545, 6010431951019493850, 16765188109115841022, 14162848400501897955,]
    );
    let moves: Vec<_> = (0..4).map(|row| games.row(row).moves.to_vec()).collect();
    // 7g7f 3c3d 8h2b+ 3a2b B*5e, 7a6b 7g7f, G*4b, 2g2f 8c8d
    let expected = [&[7739, 2581, 25354, 2314, 10920][..], &[6958, 7739], &[11164], &[1934, 8386]];
    assert_eq!(moves, expected);
    let evals: Vec<Vec<_>> = rows(&games, |game, ply| game.eval_cp(ply));
    let none = |n| vec![None; n];
    let full = vec![Some(56), Some(44), Some(300), Some(250), None];
    assert_eq!(evals, [full, none(2), none(1), vec![Some(31), None]]);
    let times: Vec<Vec<_>> = rows(&games, |game, ply| game.time_ms(ply));
    let full = vec![Some(12_000), Some(0), Some(3_000), Some(70_000), None];
    assert_eq!(times, [full, vec![Some(5_000), Some(61_000)], none32(1), none32(2)]);
}

fn none32(n: usize) -> Vec<Option<u32>> {
    vec![None; n]
}

fn rows<T>(
    games: &GamesBatch<'_>,
    get: impl Fn(&crate::columns::GameRow<'_>, usize) -> Option<T>,
) -> Vec<Vec<Option<T>>> {
    let row = |row| {
        let game = games.row(row);
        (0..game.moves.len()).map(|ply| get(&game, ply)).collect()
    };
    (0..4).map(row).collect()
}

#[test]
fn its_texts_are_those_of_version_1() {
    let batch = games_of(&folder());
    let games = GamesBatch::new(&batch);
    let column = |index| (0..4).map(|row| games.text(index, row)).collect::<Vec<_>>();
    assert_eq!(
        column(1),
        [
            "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1",
            "lnsgkgsnl/9/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1",
            "5k3/9/5P3/9/9/9/9/9/9 b G 1",
            "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1",
        ]
    );
    assert_eq!(column(6), ["resign", "interrupted", "checkmate", "unknown"]);
    assert_eq!(column(7), ["", "", "", "-8485FU\n+2625FU"]);
    assert_eq!(column(8), ["Sente Engine", "Shitate", "", ""]);
    assert_eq!(column(9), ["後手エンジン", "Uwate", "", ""]);
    assert_eq!(column(10), ["fixture cup", "", "", ""]);
    assert_eq!(column(11), ["a/full.csa", "handicap.kif", "problem.csa", "z.csa"]);
    let results: Vec<_> = (0..4).map(|row| games.row(row).result).collect();
    assert_eq!(results, [1, 3, 1, 3]);
}

#[test]
fn its_nullable_columns_are_those_of_version_1() {
    use arrow_array::types::{Date32Type, Float64Type};
    let batch = games_of(&folder());
    let games = GamesBatch::new(&batch);
    let number = |column, row| games.optional::<Float64Type>(column, row);
    assert_eq!([12, 13, 15].map(|c| number(c, 0)), [Some(3000.5), Some(-12.0), Some(600.0)]);
    assert_eq!([12, 13, 15].map(|c| number(c, 1)), [None, None, None]);
    let date = |row| games.optional::<Date32Type>(14, row);
    // 2024-02-29
    assert_eq!([date(0), date(1)], [Some(19_782), None]);
}

#[test]
fn the_keys_of_its_final_positions_are_those_of_version_1() {
    let batch = games_of(&folder());
    let games = GamesBatch::new(&batch);
    let key = |row| {
        let mut position = Position::from_sfen(games.text(1, row)).unwrap();
        for &move16 in games.row(row).moves {
            position.make(Move::from_move16(move16).unwrap());
        }
        format!("{:016x}", position.key())
    };
    assert_eq!(
        [0, 1, 2, 3].map(key),
        ["9dfc4eecede1b8dd", "e9f1a528c7ffc489", "438d3bb697c207a5", "8ced2e3fe873fbb0"]
    );
}

#[test]
fn a_damaged_file_is_an_error_and_never_a_panic() {
    for name in ["games-00000.feather", "sources.feather"] {
        check_damage(&std::fs::read(folder().join(name)).unwrap());
    }
    let rows = [0, 1].map(|n| SourceRow { name: format!("{n}.csa").into(), ..Default::default() });
    for compression in [Compression::None, Compression::Lz4] {
        check_damage(&source_table::to_bytes(rows.iter(), compression).unwrap());
    }
    let file = IpcFile::open(&folder().join("games-00000.feather")).unwrap();
    let mut layout = Layout::new(games_schema(), Compression::None);
    let encoded = BatchEncoder::new(Compression::None).encode(&file.batch(0, None).unwrap());
    let encoded = encoded.unwrap();
    let mut content = layout.header();
    layout.add(&encoded);
    content.extend(encoded.parts().flatten());
    content.extend(layout.footer());
    check_damage(&content);
}

/// Damages the file's content in many ways, and reads it.
fn check_damage(content: &[u8]) {
    let dir = TempDir::new("damaged");
    let path = dir.path().join("games.feather");
    let read = |content: &[u8]| {
        std::fs::write(&path, content).unwrap();
        let file = IpcFile::open(&path)?;
        (0..file.n_batches()).try_for_each(|index| {
            if file.schema() == &games_schema() {
                file.first_column(index)?;
            }
            file.batch(index, None).map(drop)
        })
    };
    read(content).unwrap();
    let mut n_read = 0;
    for (n, at) in (0..content.len()).step_by(3).enumerate() {
        for kind in [n % 3, 3] {
            let mut damaged = content.to_vec();
            match kind {
                0 => damaged[at] ^= 1 << (n % 8),
                1 => damaged[at] ^= 0x80,
                2 => damaged[at..].iter_mut().take(8).for_each(|byte| *byte = 0xff),
                _ => damaged[at..].iter_mut().take(8).for_each(|byte| *byte = 0),
            }
            match read(&damaged) {
                Ok(()) => n_read += 1,
                Err(error) => {
                    assert!(error.to_string().contains(": damaged: expected "), "{error}");
                }
            }
        }
        if at % 5 == 0 {
            assert!(read(&content[..at]).is_err(), "cut at {at}");
        }
    }
    assert!(n_read > 0, "some damage only a hash tells");
}
