//! Teacher records become loose positions or games, and these the same bytes again.

use std::fs;
use std::path::Path;

use maou_io::{
    ConvertOptions, Dataset, ExportOptions, ExportReport, Progress, TeacherFormat, convert, export,
    verify,
};
use maou_shogi::generate::{GameGenerator, GeneratorOptions};
use maou_shogi::record::{GameRecord, GameResult};
use maou_shogi::teacher::{FLAG_GOLD_7TH, FLAG_REPETITION, Hcpe, Hcpe3Game, TrainingPosition};

use super::bench::{Bench, assert_same, small_shards};
use super::faults::check_every_end;

/// Games with a result, and the positions of all of them.
fn games(seed: u64, n: usize) -> Vec<GameRecord> {
    let options = GeneratorOptions { seed, ..GeneratorOptions::default() };
    let mut generator = GameGenerator::new(options);
    let mut game = GameRecord::default();
    let mut games = Vec::new();
    while games.len() < n {
        generator.next_game(&mut game);
        if game.result != GameResult::Unknown {
            games.push(game.clone());
        }
    }
    games
}

fn positions(seed: u64, n_games: usize) -> Vec<TrainingPosition> {
    let mut positions = Vec::new();
    for game in games(seed, n_games) {
        let mut position = game.start.clone();
        for (ply, mv) in game.moves.iter().enumerate() {
            positions.push(TrainingPosition {
                hcp: position.to_hcp().unwrap(),
                key: position.key(),
                mv: *mv,
                eval: (ply as i16 - 50).wrapping_mul(700),
                result: game.result,
                flags: 0,
                ply: 0,
                is_exact: true,
            });
            position.make(*mv);
        }
    }
    positions
}

fn hcpe(seed: u64, n_games: usize) -> Vec<u8> {
    let records = positions(seed, n_games).into_iter().flat_map(|p| p.to_hcpe(Hcpe::One).unwrap());
    records.collect()
}

fn hcpe2(seed: u64, n_games: usize) -> Vec<u8> {
    let record = |(n, mut p): (usize, TrainingPosition)| {
        p.flags = if n % 3 == 0 { FLAG_REPETITION } else { 0 };
        p.to_hcpe(Hcpe::Two).unwrap()
    };
    positions(seed, n_games).into_iter().enumerate().flat_map(record).collect()
}

/// As YaneuraOu and others write it, half and half.
fn psv(seed: u64, n_games: usize) -> Vec<u8> {
    let record = |(n, mut p): (usize, TrainingPosition)| {
        p.flags = if n % 2 == 0 { FLAG_GOLD_7TH } else { 0 };
        p.ply = (n % 300) as u16;
        p.to_psv().unwrap()
    };
    positions(seed, n_games).into_iter().enumerate().flat_map(record).collect()
}

fn hcpe3(seed: u64, n_games: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (n, record) in games(seed, n_games).into_iter().enumerate() {
        let mut game = Hcpe3Game {
            start: record.start.clone(),
            moves: record.moves.clone(),
            result: record.result,
            flags: Hcpe3Game::flags_of(record.ending),
            opponent: (n % 3) as u8,
            ..Hcpe3Game::default()
        };
        let mut position = record.start.clone();
        for (ply, mv) in record.moves.iter().enumerate() {
            let moves = position.legal_moves();
            let n = if ply < 4 { 0 } else { moves.len().min(1 + ply % 4) };
            game.n_candidates.push(n as u16);
            game.candidates.extend(moves.iter().take(n).map(|mv| mv.move16()));
            game.visits.extend((0..n).map(|n| 1000 - n as u16));
            game.evals_raw.push(if ply < 4 { 0 } else { (ply as i16 - 40).wrapping_mul(800) });
            position.make(*mv);
        }
        game.write(&mut bytes).unwrap();
    }
    bytes
}

fn write_back(bench: &Bench, format: TeacherFormat) -> (ExportReport, Vec<u8>) {
    let path = bench.path("back");
    let options = ExportOptions { format, missing_eval: None, threads: 2 };
    let report = export(&bench.out(), &path, &options, &mut |_| true).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(report.size_bytes, bytes.len() as u64);
    assert!(!bench.path("back.tmp").exists());
    (report, bytes)
}

fn check_way_back(format: TeacherFormat, bytes: &[u8], n: u64) {
    let bench = Bench::new(format.as_str());
    bench.write("a", bytes);
    let mut expected = None;
    for threads in [1, 2, 3] {
        bench.restore(&Default::default());
        let report = bench.convert(&ConvertOptions { threads, ..Default::default() }).unwrap();
        assert_eq!(report.n_errors, 0);
        assert!(!report.warnings.iter().any(|text| text.contains("written again")));
        let found = bench.snapshot();
        let expected = expected.get_or_insert_with(|| found.clone());
        assert_same(&found, expected, &format!("{threads} threads"));
    }
    bench.assert_usable(format.as_str());
    let (report, back) = write_back(&bench, format);
    assert!(back == bytes, "{format}");
    assert_eq!((report.n_found, report.n_written), (n, n));
    assert!(report.left_out.is_empty());
    // A second run has nothing to do.
    let before = bench.snapshot();
    let report = bench.convert(&ConvertOptions::default()).unwrap();
    assert_eq!((report.n_sources_unchanged, report.n_positions), (1, 0));
    assert_same(&bench.snapshot(), &before, "again");
    // A change is seen.
    bench.write("a", hcpe(99, 1));
    assert_eq!(bench.convert(&ConvertOptions::default()).unwrap().n_sources_changed, 1);
    bench.assert_usable("changed");
    let names = bench.snapshot();
    assert!(names.contains_key("positions-00000.feather"));
}

#[test]
fn what_is_read_is_written_again_byte_for_byte() {
    // Files of one part, and of several.
    for n_games in [3, 1_000] {
        let bytes = hcpe(1, n_games);
        assert_eq!(bytes.len() > 4_000_000, n_games > 3);
        check_way_back(TeacherFormat::Hcpe, &bytes, (bytes.len() / 38) as u64);
        let bytes = psv(2, n_games);
        check_way_back(TeacherFormat::Psv, &bytes, (bytes.len() / 40) as u64);
    }
    let bytes = hcpe2(3, 3);
    check_way_back(TeacherFormat::Hcpe2, &bytes, (bytes.len() / 38) as u64);
    check_way_back(TeacherFormat::Hcpe3, &hcpe3(4, 3), 3);
    let bytes = hcpe3(5, 3_500);
    assert!(bytes.len() > 4_000_000, "{}", bytes.len());
    check_way_back(TeacherFormat::Hcpe3, &bytes, 3_500);
}

/// Games, games with a search and loose positions, in several shards.
fn write_mixed(bench: &mut Bench) {
    bench.write_games(4);
    bench.write("a/002b.hcpe3", hcpe3(11, 1));
    bench.write("b/000.hcpe", hcpe(12, 1));
    bench.write("b/001.psv", psv(13, 1));
    let text = bench.games(2);
    bench.write("b/002.csa", text);
    bench.write("c/000.bin", hcpe2(14, 1));
    bench.write("c/001.bin", hcpe3(15, 2));
    let text = bench.games(1);
    bench.write("c/002.csa", text);
}

#[test]
fn mixed_sources_live_in_one_dataset() {
    let mut bench = Bench::new("teacher-mixed");
    write_mixed(&mut bench);
    let mut expected = None;
    for threads in [1, 3] {
        bench.restore(&Default::default());
        let report = bench.convert(&ConvertOptions { threads, ..small_shards() }).unwrap();
        assert_eq!((report.n_errors, report.n_games), (0, 10));
        let found = bench.snapshot();
        let expected = expected.get_or_insert_with(|| found.clone());
        assert_same(&found, expected, &format!("{threads} threads"));
    }
    bench.assert_usable("mixed");
    let info = Dataset::open(&bench.out()).unwrap().info();
    assert!(info.loose_positions > 100 && info.loose_positions < info.positions);
    assert!(info.positions_files >= 2 && info.shards > info.positions_files);
    // One with a search and one without, in one file.
    let dataset = Dataset::open(&bench.out()).unwrap();
    let n_search = dataset.shards().filter(|shard| shard.has_search).count();
    assert!(n_search >= 1 && n_search < dataset.shards().len());

    // All of it in one shard: the games before the first with a search are written anew.
    bench.restore(&Default::default());
    bench.convert(&ConvertOptions::default()).unwrap();
    bench.assert_usable("one shard");
    let (report, back) = write_back(&bench, TeacherFormat::Hcpe3);
    assert_eq!(report.n_found, 10 + info.loose_positions);
    assert_eq!(report.left_out.get("not_a_game"), Some(&info.loose_positions));
    let mut game = Hcpe3Game::default();
    let mut n = 0;
    let mut rest = &back[..];
    while let maou_shogi::teacher::GameLen::Whole(len) = maou_shogi::teacher::hcpe3_game_len(rest) {
        game.read(&rest[..len]).unwrap();
        rest = &rest[len..];
        n += 1;
    }
    assert_eq!((n, rest.len()), (report.n_written, 0));
}

#[test]
fn a_run_over_mixed_sources_may_end_at_any_instant() {
    let mut bench = Bench::new("teacher-kill");
    write_mixed(&mut bench);
    check_every_end(&bench, &Default::default(), &small_shards());
    // Changed: loose positions go, come, and stay beside others that change.
    bench.restore(&Default::default());
    bench.convert(&small_shards()).unwrap();
    let before = bench.snapshot();
    let text = bench.games(1);
    bench.write("b/000.hcpe", text);
    bench.write("a/001.csa", psv(16, 1));
    fs::remove_file(bench.input().join("c/000.bin")).unwrap();
    let options = ConvertOptions { prune: true, ..small_shards() };
    check_every_end(&bench, &before, &options);
}

#[test]
fn kept_rows_are_those_of_before() {
    let bench = Bench::new("teacher-keep");
    for n in 0..6 {
        bench.write(&format!("{n}.hcpe"), hcpe(20 + n, 1));
        bench.write(&format!("{n}.hcpe3"), hcpe3(30 + n, 1));
    }
    bench.convert(&ConvertOptions::default()).unwrap();
    bench.write("3.hcpe", hcpe(40, 2));
    bench.write("4.hcpe3", hcpe3(41, 2));
    let report = bench.convert(&ConvertOptions::default()).unwrap();
    assert_eq!((report.n_sources_changed, report.n_sources_unchanged), (2, 10));
    bench.assert_usable("kept");
    let (_, kept) = write_back(&bench, TeacherFormat::Hcpe);
    let changed = bench.snapshot();
    bench.restore(&Default::default());
    bench.convert(&ConvertOptions::default()).unwrap();
    assert_same(&changed, &bench.snapshot(), "as if read at once");
    assert!(write_back(&bench, TeacherFormat::Hcpe).1 == kept);
}

#[test]
fn bad_records_are_listed_and_the_others_read() {
    let bench = Bench::new("teacher-bad");
    let mut bytes = hcpe(50, 1);
    let n = bytes.len() / 38;
    bytes[38 * 2 + 34..][..2].copy_from_slice(&[0, 0]);
    bytes[38 * 5 + 36] = 3;
    bytes[38 * 7] = 0xff;
    bytes.extend([1, 2, 3]);
    bench.write("a.hcpe", &bytes);
    let mut game = hcpe3(51, 2);
    game.truncate(game.len() - 5);
    bench.write("b.hcpe3", &game);
    let mut padded = psv(52, 1);
    padded[39] = 9;
    bench.write("c.psv", &padded);
    let report = bench.convert(&ConvertOptions::default()).unwrap();
    bench.assert_usable("bad");
    let found: Vec<_> = report
        .errors
        .iter()
        .map(|e| (e.kind.as_str(), e.message.split(" in `").next().unwrap(), e.kept))
        .collect();
    let truncated = format!(
        "record 2, byte {}: expected at least {} bytes of this game, found the end of the file \
         after {}",
        game.len(),
        game.len() - len_of_first(&game) + 5,
        game.len() - len_of_first(&game)
    );
    let short =
        format!("record {}, byte {}: expected a record of 38 bytes, found 3", n + 1, n * 38);
    let expected = [
        ("illegal_move", "record 3, byte 110: expected a legal move, found `0x0000`", false),
        (
            "result",
            "record 6, byte 226: expected a result of 0, 1 or 2 with flags of 4, 8 and 16, found \
             `3`",
            false,
        ),
        (
            "position",
            "record 8, byte 266: expected a square of its own for Black's king, found `127`",
            false,
        ),
        ("truncated", &short, false),
        ("truncated", &truncated, true),
    ];
    assert_eq!(found, expected);
    assert_eq!(report.errors[4].game_number, Some(2));
    assert_eq!(
        report.warnings,
        ["c.psv: 1 of the records are kept but for a byte of padding that is not 0, or for the \
          order of the pieces in hand: written again, these bytes differ"]
    );
    let info = Dataset::open(&bench.out()).unwrap().info();
    assert_eq!(info.games, 2);
}

fn len_of_first(bytes: &[u8]) -> usize {
    match maou_shogi::teacher::hcpe3_game_len(bytes) {
        maou_shogi::teacher::GameLen::Whole(len) => len,
        other => panic!("{other:?}"),
    }
}

#[test]
fn many_errors_of_a_part_are_told_in_one_line() {
    let bench = Bench::new("teacher-many");
    let mut bytes = hcpe(53, 6);
    for record in bytes.chunks_exact_mut(38).skip(100).take(150) {
        record[36] = 3;
    }
    bench.write("a", &bytes);
    let options = ConvertOptions { from: Some(TeacherFormat::Hcpe), ..Default::default() };
    let report = bench.convert(&options).unwrap();
    assert_eq!(report.n_errors, 101);
    let entries = Dataset::open(&bench.out()).unwrap().errors().unwrap();
    let last = entries.last().unwrap();
    let message = format!("50 more records with errors in bytes 0 to {}", bytes.len());
    assert_eq!((last.kind.as_str(), &last.message), ("more", &message));
    bench.assert_usable("many");
}

#[test]
fn what_a_format_cannot_hold_is_left_out_by_cause() {
    let bench = Bench::new("teacher-left-out");
    bench.write("a.csa", "V2.2\nPI\n+\n+7776FU\n'** 30\n-3334FU\n%TORYO\n");
    bench.write("b.csa", "V2.2\nPI\n+\n+7776FU\n'** 30\n%CHUDAN\n");
    bench.write(
        "c.csa",
        "V2.2\nP1 *  *  *  *  * -OU *  *  *\nP2 *  *  *  *  *  *  *  *  *\n\
         P3 *  *  *  *  * +FU *  *  *\nP+00KI\n+\n+0042KI\n%TSUMI\n",
    );
    bench.write("d.csa", "V2.2\nPI\n+\n%TORYO\n");
    bench.convert(&ConvertOptions::default()).unwrap();
    let (report, back) = write_back(&bench, TeacherFormat::Psv);
    let left_out: Vec<_> = report.left_out.into_iter().collect();
    assert_eq!(left_out, [("missing_eval", 1), ("missing_king", 1), ("unknown_result", 1)]);
    assert_eq!((report.counted, report.n_found, report.n_written), ("positions", 4, 1));
    assert_eq!(back.len(), 40);
    // 30 cp, 7g7f, ply 1, White wins.
    assert_eq!(back[32..], [30, 0, 0x3b, 0x1e, 1, 0, 0xff, 0]);

    let (report, back) = write_back(&bench, TeacherFormat::Hcpe3);
    let left_out: Vec<_> = report.left_out.into_iter().collect();
    assert_eq!(left_out, [("missing_king", 1), ("no_moves", 1), ("unknown_result", 1)]);
    assert_eq!((report.counted, report.n_found, report.n_written), ("games", 4, 1));
    // The move with an eval has itself as its only candidate, the other one has none.
    assert_eq!(
        back[32..],
        [2, 0, 2, 0, 0x3b, 0x1e, 30, 0, 1, 0, 0x3b, 0x1e, 1, 0, 0x15, 0xa, 0, 0, 0, 0]
    );

    let options = ExportOptions { format: TeacherFormat::Hcpe, missing_eval: Some(-7), threads: 1 };
    let path = bench.path("back");
    let report = export(&bench.out(), &path, &options, &mut |_| true).unwrap();
    assert_eq!(report.n_written, 2);
    assert_eq!(fs::read(&path).unwrap()[38 + 32..], [0xf9, 0xff, 0x15, 0xa, 2, 0]);
}

#[test]
fn flags_that_a_format_does_not_have_are_counted() {
    let bench = Bench::new("teacher-flags");
    let bytes = hcpe2(60, 1);
    bench.write("a", &bytes);
    bench.convert(&ConvertOptions::default()).unwrap();
    let (report, _) = write_back(&bench, TeacherFormat::Hcpe);
    assert_eq!(report.n_flags_dropped, (bytes.len() / 38).div_ceil(3) as u64);
    assert_eq!(write_back(&bench, TeacherFormat::Hcpe2).0.n_flags_dropped, 0);
}

#[test]
fn an_export_that_is_stopped_or_fails_leaves_nothing() {
    let bench = Bench::new("teacher-export");
    bench.write("a", hcpe(61, 3));
    bench.convert(&ConvertOptions::default()).unwrap();
    let options = ExportOptions { format: TeacherFormat::Psv, missing_eval: None, threads: 1 };
    let path = bench.path("back");
    let stopped = export(&bench.out(), &path, &options, &mut |_: &Progress| false).unwrap();
    assert!(stopped.stopped);
    let folder = export(&bench.out(), &bench.input(), &options, &mut |_| true).unwrap_err();
    assert!(folder.to_string().ends_with("/in: expected the name of a file, found a folder"));
    let none = export(&bench.input(), &path, &options, &mut |_| true).unwrap_err();
    assert!(none.to_string().contains("expected a dataset"), "{none}");
    assert!(!path.exists() && !bench.path("back.tmp").exists());
}

#[test]
fn damage_to_positions_is_found() {
    let bench = Bench::new("teacher-damage");
    bench.write("a", hcpe(62, 2));
    bench.convert(&ConvertOptions::default()).unwrap();
    let path = bench.out().join("positions-00000.feather");
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let report = verify(&bench.out(), 1, &mut |_| true).unwrap();
    assert_eq!(report.problems[0].file, "positions-00000.feather");
    assert!(report.problems[0].message.starts_with("expected hash `"));
    fs::write(&path, &bytes[..at]).unwrap();
    assert!(
        Dataset::open(&bench.out()).unwrap_err().to_string().contains("damaged: expected a file")
    );
}

#[test]
fn a_format_can_be_named() {
    let bench = Bench::new("teacher-from");
    // A damaged beginning tells nothing; named, the rest is read.
    let mut bytes = hcpe(63, 1);
    for record in bytes.chunks_exact_mut(38).take(40) {
        record[1] = 0xff;
    }
    bench.write("a", &bytes);
    let error = bench.convert(&ConvertOptions::default()).unwrap_err();
    assert!(error.is_usage(), "{error}");
    let options = ConvertOptions { from: Some(TeacherFormat::Hcpe), ..Default::default() };
    let report = bench.convert(&options).unwrap();
    assert!(report.n_loose_positions > 0 && report.n_errors > 0);
    let strict = ConvertOptions { strict: true, ..options };
    let into = |out: &Path| convert(&[bench.input()], out, &strict, &mut |_| true);
    let error = into(&bench.path("strict")).unwrap_err().to_string();
    assert!(error.contains("/in/a: record 1, byte 0: expected"), "{error}");
}

#[test]
fn datasets_with_loose_positions_and_searches_can_be_inputs() {
    let mut bench = Bench::new("teacher-merge");
    write_mixed(&mut bench);
    bench.convert(&ConvertOptions::default()).unwrap();
    let merged = bench.path("merged");
    let report =
        convert(&[bench.out()], &merged, &ConvertOptions::default(), &mut |_| true).unwrap();
    let info = Dataset::open(&bench.out()).unwrap().info();
    assert_eq!((report.n_games, report.n_positions), (info.games, info.positions));
    assert_eq!(report.n_loose_positions, info.loose_positions);
    let report = verify(&merged, 1, &mut |_| true).unwrap();
    assert_eq!(report.problems, []);
    for format in TeacherFormat::ALL {
        let back = [bench.out(), merged.clone()].map(|data| {
            let options = ExportOptions { format, missing_eval: Some(0), threads: 1 };
            let path = bench.path("back");
            export(&data, &path, &options, &mut |_| true).unwrap();
            fs::read(&path).unwrap()
        });
        assert!(!back[0].is_empty() && back[0] == back[1], "{format}");
    }
}
