//! Variations as games of their own.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{UInt8Type, UInt16Type, UInt64Type};
use arrow_array::{Array, RecordBatch};
use maou_io::{
    ConvertOptions, ConvertReport, Dataset, ErrorEntry, Faults, TextOut, TranscribeOptions,
    convert, transcribe, verify,
};
use maou_shogi::generate::{GameGenerator, GeneratorOptions};
use maou_shogi::record::{
    Encoding, Ending, Format, GameRecord, Reader, RecordError, Sink, Variation, write_record,
};
use maou_shogi::{Move, Position};

use super::bench::{Bench, Snapshot, assert_same, small_shards};
use super::stream::read;
use super::verify::sealed;

/// A game with a variation in a variation, one that tells how it ends, and one of the next game.
const KIF: &str = "\
手合割：平手
先手：甲
後手：乙
   1 ７六歩(77)   ( 0:10/00:00:10)
   2 ３四歩(33)   ( 0:02/00:00:02)
*角道
   3 ２六歩(27)   ( 0:03/00:00:13)
   4 投了
変化：3手
   3 ６六歩(67)   ( 0:09/00:00:19)
   4 ８四歩(83)
   5 ２六歩(27)
変化：5手
   5 ７八銀(79)
   6 中断
変化：2手
   2 ８四歩(83)
*居飛車
   3 投了
手合割：平手
   1 ２六歩(27)
   2 中断
変化：1手
   1 ５六歩(57)
";

fn with_variations() -> ConvertOptions {
    ConvertOptions { variations: Some(true), ..ConvertOptions::default() }
}

/// A row of the games table: id, parent, moves, result, ending and source.
type Row = (u64, Option<u64>, String, u8, String, String);

fn rows(batches: &[RecordBatch]) -> Vec<Row> {
    let row = |batch: &RecordBatch, row: usize| {
        let column = |name| batch.column_by_name(name).unwrap();
        let number = |name| column(name).as_primitive::<UInt64Type>();
        let parents = number("parent_id");
        let moves = column("moves").as_list::<i64>().value(row);
        let usi = moves.as_primitive::<UInt16Type>().values().iter();
        let usi: Vec<_> = usi.map(|mv| Move::from_move16(*mv).unwrap().to_string()).collect();
        for name in ["evals_cp", "times_ms"] {
            assert_eq!(column(name).as_list::<i64>().value_length(row), usi.len() as i64);
        }
        let text = |name| column(name).as_string::<i64>().value(row).to_owned();
        (
            number("id").value(row),
            parents.is_valid(row).then(|| parents.value(row)),
            usi.join(" "),
            column("result").as_primitive::<UInt8Type>().value(row),
            text("ending"),
            text("source"),
        )
    };
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|r| row(batch, r))).collect()
}

fn rows_of(dataset: &std::path::Path) -> Vec<Row> {
    rows(&read(Dataset::open(dataset).unwrap().games_stream(None).unwrap()))
}

fn counts(report: &ConvertReport) -> [u64; 5] {
    [
        report.n_games,
        report.n_variations,
        report.n_variations_dropped,
        report.n_comments_dropped,
        report.n_errors,
    ]
}

#[test]
fn each_variation_is_a_row_with_its_parent() {
    let bench = Bench::new("tree");
    bench.write("a.kif", KIF);
    let report = bench.convert(&ConvertOptions::default()).unwrap();
    assert_eq!(counts(&report), [2, 0, 4, 2, 0]);
    bench.restore(&Snapshot::new());
    let report = bench.convert(&with_variations()).unwrap();
    assert_eq!(counts(&report), [6, 4, 0, 2, 0]);
    assert_eq!(report.totals.n_variations, 4);
    bench.assert_usable("variations");
    let info = Dataset::open(&bench.out()).unwrap().info();
    assert_eq!((info.games, info.variations, info.keeps_variations), (6, 4, true));
    let manifest = fs::read_to_string(bench.out().join("manifest.json")).unwrap();
    assert!(manifest.contains("\"variations\": true"), "{manifest}");

    let found = rows_of(&bench.out());
    let id = |row: usize| Some(found[row].0);
    let of = |row: usize| {
        let (_, parent, moves, result, ending, source) = &found[row];
        assert_eq!(source, "a.kif");
        (*parent, moves.as_str(), *result, ending.as_str())
    };
    assert_eq!(of(0), (None, "7g7f 3c3d 2g2f", 1, "resign"));
    assert_eq!(of(1), (id(0), "7g7f 8c8d", 2, "resign"));
    assert_eq!(of(2), (id(0), "7g7f 3c3d 6g6f 8c8d 2g2f", 3, "unknown"));
    assert_eq!(of(3), (id(2), "7g7f 3c3d 6g6f 8c8d 7i7h", 3, "interrupted"));
    assert_eq!(of(4), (None, "2g2f", 3, "interrupted"));
    assert_eq!(of(5), (id(4), "5g5f", 3, "unknown"));
    assert_eq!(found.len(), 6);
}

#[test]
fn the_option_belongs_to_the_dataset() {
    let bench = Bench::new("tree-option");
    bench.write("a.kif", KIF);
    let asking = |variations| ConvertOptions { variations, ..ConvertOptions::default() };
    for (made, other, has, found) in
        [(true, false, "kept", "left out"), (false, true, "left out", "kept")]
    {
        bench.restore(&Snapshot::new());
        bench.convert(&asking(Some(made))).unwrap();
        let before = bench.snapshot();
        let error = bench.convert(&asking(Some(other))).unwrap_err();
        assert!(error.is_usage());
        let expected = format!(
            "expected variations {has}, with which this dataset was made, found {found}; leave the \
             option out"
        );
        assert!(error.to_string().contains(&expected), "{error}");
        // Without the option, a further run is as the first one was.
        for variations in [None, Some(made)] {
            let report = bench.convert(&asking(variations)).unwrap();
            assert_eq!((report.n_sources_unchanged, report.n_games), (1, 0));
            assert_same(&bench.snapshot(), &before, "second run");
        }
        bench.write("b.kif", KIF);
        let report = bench.convert(&asking(None)).unwrap();
        assert_eq!(report.n_variations, if made { 4 } else { 0 });
        // The rows of a neighbor that changes are taken from the games file as it is.
        bench.write("a.kif", KIF.replace("甲", "丙"));
        bench.convert(&asking(None)).unwrap();
        bench.assert_usable("changed");
        let info = Dataset::open(&bench.out()).unwrap().info();
        assert_eq!((info.games, info.variations), if made { (12, 8) } else { (4, 0) });
        fs::remove_file(bench.input().join("b.kif")).unwrap();
    }
}

#[test]
fn datasets_are_merged_and_split_with_their_variations() {
    let bench = Bench::new("tree-merge");
    (0..5).for_each(|n| bench.write(&format!("{n}.kif"), KIF.replace("甲", &n.to_string())));
    bench.convert(&with_variations()).unwrap();
    let expected = rows_of(&bench.out());
    let into = |name: &str, options: &ConvertOptions| {
        let out = bench.path(name);
        let report = convert(&[bench.out()], &out, options, &mut |_| true).unwrap();
        assert_eq!(verify(&out, 1, &mut |_| true).unwrap().problems, []);
        report
    };
    let split = ConvertOptions { rows_per_file: Some(7), ..with_variations() };
    assert_eq!(counts(&into("split", &split)), [30, 20, 0, 10, 0]);
    assert_eq!(Dataset::open(&bench.path("split")).unwrap().info().shards, 5);
    assert_eq!(rows_of(&bench.path("split")), expected);
    // Otherwise it is as if the records had been converted.
    assert_eq!(counts(&into("played", &ConvertOptions::default())), [10, 0, 20, 10, 0]);
    assert!(!Dataset::open(&bench.path("played")).unwrap().info().keeps_variations);
}

#[test]
fn verify_finds_a_parent_that_is_not_there() {
    let bench = Bench::new("tree-verify");
    bench.write("a.kif", KIF);
    let compression = Some("none".parse().unwrap());
    bench.convert(&ConvertOptions { compression, ..with_variations() }).unwrap();
    let path = bench.out().join("games-00000.feather");
    let parent = rows_of(&bench.out())[0].0.to_le_bytes();
    let mut bytes = fs::read(&path).unwrap();
    let at: Vec<_> = (0..bytes.len() - 8).filter(|&at| bytes[at..at + 8] == parent).collect();
    // Its own id, and those of its two variations.
    assert_eq!(at.len(), 3);
    bytes[at[2]] ^= 1;
    fs::write(&path, &bytes).unwrap();
    // The hashes, too, so that the rows are looked at.
    let manifest = bench.out().join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let hash = |bytes: &[u8]| format!("{:016x}", xxhash_rust::xxh3::xxh3_64(bytes));
    bytes[at[2]] ^= 1;
    let before = hash(&bytes);
    bytes[at[2]] ^= 1;
    fs::write(&manifest, sealed(&text.replace(&before, &hash(&bytes)))).unwrap();
    let report = verify(&bench.out(), 1, &mut |_| true).unwrap();
    let found: Vec<_> = report.problems.iter().map(|p| (p.row, p.column.as_deref())).collect();
    assert_eq!(found, [(Some(2), Some("parent_id")), (Some(3), Some("parent_id"))]);
    assert!(report.problems[0].message.starts_with("expected the id of a line of the game above"));
}

#[test]
fn what_would_take_too_much_room_is_told() {
    let bench = Bench::new("tree-bomb");
    let shuffle = ["３八飛(28)", "７二飛(82)", "２八飛(38)", "８二飛(72)"];
    let mut text = "手合割：平手\n".to_owned();
    let line = |ply: usize| format!("{} {}\n", ply + 1, shuffle[ply % 4]);
    (0..3_000).for_each(|ply| text.push_str(&line(ply)));
    (0..2_000).for_each(|_| text.push_str(&format!("変化：2999手\n{}", line(2_998))));
    bench.write("a.kif", &text);
    let report = bench.convert(&with_variations()).unwrap();
    let n_kept = (8 * text.len() as u64) / 2_999;
    assert_eq!((report.n_games, report.n_variations_dropped), (1 + n_kept, 2_000 - n_kept));
    assert_eq!((report.n_errors, &*report.errors[0].kind), (1, ErrorEntry::VARIATIONS));
    assert_eq!(report.errors[0].game_number, Some(1));
    let message = &report.errors[0].message;
    assert!(message.contains(&format!("found more; {} are left out", 2_000 - n_kept)), "{message}");
    bench.assert_usable("bomb");
}

/// A fixed sequence of numbers (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    /// Variations of a line that begins with `start` after `first` moves.
    fn variations(
        &mut self,
        start: &Position,
        first: usize,
        moves: &[Move],
        depth: usize,
    ) -> Vec<Variation> {
        let mut found = Vec::new();
        for _ in 0..self.below(4 - depth) {
            // At its first move a variation leaves the line from which this one comes.
            let n_before = usize::from(depth > 0) + self.below(moves.len().max(1));
            let mut position = start.clone();
            let Some(before) = moves.get(..n_before) else { continue };
            before.iter().for_each(|mv| {
                position.make(*mv);
            });
            let begin = position.clone();
            let mut line = Variation { ply: (first + n_before) as u32, ..Variation::default() };
            for _ in 0..=self.below(5) {
                let legal = position.legal_moves();
                let Some(mv) = legal.get(self.below(legal.len().max(1))).copied() else { break };
                position.make(mv);
                line.moves.push(mv);
                line.evals_cp.push(None);
                line.times_ms.push((self.below(2) == 0).then(|| 1_000 * self.below(60) as u32));
            }
            if line.moves.is_empty() {
                continue;
            }
            if self.below(3) == 0 {
                line.ending = Ending::Interrupted;
            }
            line.variations = self.variations(&begin, first + n_before, &line.moves, depth + 1);
            found.push(line);
        }
        found.sort_by_key(|line| line.ply);
        found
    }
}

/// Every line of a game, as moves and ending.
fn all_lines(game: &GameRecord) -> Vec<(Vec<Move>, Ending)> {
    fn walk(moves: &[Move], lines: &[Variation], found: &mut Vec<(Vec<Move>, Ending)>) {
        for line in lines {
            let moves = [&moves[..line.ply as usize], &line.moves].concat();
            found.push((moves.clone(), line.ending));
            walk(&moves, &line.variations, found);
        }
    }
    let mut found = vec![(game.moves.clone(), game.ending)];
    walk(&game.moves, &game.variations, &mut found);
    found
}

#[derive(Default)]
struct Found(Vec<GameRecord>);

impl Sink for Found {
    fn game(&mut self, game: &mut GameRecord) {
        self.0.push(game.clone());
    }

    fn error(&mut self, error: RecordError) {
        panic!("{error}");
    }
}

#[test]
fn generated_trees_come_back_through_a_dataset() {
    let bench = Bench::new("tree-law");
    let mut generator = GameGenerator::new(GeneratorOptions { seed: 5, ..Default::default() });
    let mut numbers = Numbers(0x2545_F491_4F6C_DD1D);
    let mut game = GameRecord::default();
    let mut expected: Vec<GameRecord> = Vec::new();
    for index in 0..60 {
        generator.next_game(&mut game);
        game.variations = numbers.variations(&game.start, 0, &game.moves, 0);
        let mut text = String::new();
        write_record(Format::Kif, &game, &mut text);
        bench.write(&format!("{index:02}.kif"), &text);
        let mut found = Found::default();
        Reader::full().read(text.as_bytes(), &mut found);
        expected.append(&mut found.0);
    }
    let n_lines: usize = expected.iter().map(|game| all_lines(game).len()).sum();
    assert!(n_lines > 200, "{n_lines}");

    let options = ConvertOptions { variations: Some(true), ..small_shards() };
    bench.convert(&options).unwrap();
    bench.assert_usable("law");
    let rows = rows_of(&bench.out());
    let usi = |moves: &[Move]| moves.iter().map(Move::to_string).collect::<Vec<_>>().join(" ");
    let lines = expected.iter().flat_map(all_lines);
    let lines: Vec<_> = lines.map(|(moves, ending)| (usi(&moves), ending.to_string())).collect();
    let found: Vec<_> = rows.into_iter().map(|row| (row.2, row.4)).collect();
    assert_eq!(found, lines);

    let one_thread = bench.snapshot();
    bench.restore(&Snapshot::new());
    bench.convert(&ConvertOptions { threads: 4, ..options }).unwrap();
    assert_same(&bench.snapshot(), &one_thread, "threads");

    for format in [Format::Kif, Format::Jkf] {
        let out = bench.path(&format!("back-{}", format.as_str()));
        let text_options = TranscribeOptions {
            format,
            encoding: Encoding::Utf8,
            threads: 2,
            strict: true,
            force: false,
        };
        let to = TextOut::Folder(&out);
        let inputs: [PathBuf; 1] = [bench.out()];
        let report = transcribe(&inputs, to, &text_options, None, &mut |_| true).unwrap();
        assert_eq!((report.n_games, report.n_errors), (60, 0));
        for (index, game) in expected.iter().enumerate() {
            let text = fs::read(out.join(format!("{index:02}.{}", format.as_str()))).unwrap();
            let mut found = Found::default();
            Reader::full().read(&text, &mut found);
            let mut lines = (all_lines(&found.0[0]), all_lines(game));
            // Lines that begin alike may leave each other instead of the same one.
            lines.0.sort_by_key(|(moves, ending)| (usi(moves), ending.as_str()));
            lines.1.sort_by_key(|(moves, ending)| (usi(moves), ending.as_str()));
            assert_eq!(lines.0, lines.1, "{index}");
        }
    }
}

#[test]
fn a_run_with_variations_may_end_at_any_instant() {
    let bench = Bench::new("tree-kill");
    (0..6).for_each(|n| bench.write(&format!("{n}.kif"), KIF.replace("甲", &n.to_string())));
    let options = ConvertOptions {
        variations: Some(true),
        shard_bytes: Some(2 * KIF.len() as u64),
        ..ConvertOptions::default()
    };
    bench.convert(&options).unwrap();
    let expected = bench.snapshot();
    let mut n_ended = 0;
    for k in (0..).step_by(3) {
        bench.restore(&Snapshot::new());
        let faults = Some(Arc::new(Faults::kill_at(k)));
        if bench.convert(&ConvertOptions { faults, ..options.clone() }).is_ok() {
            break;
        }
        n_ended += 1;
        bench.assert_usable(&format!("killed at {k}"));
        bench.convert(&options).unwrap();
        assert_same(&bench.snapshot(), &expected, &format!("killed at {k}"));
    }
    assert!(n_ended > 10, "{n_ended}");
}
