//! JKF, written and read again.

use super::full::{Numbers, comments, normalized_all, read_full, variations, without_told_evals};
use super::*;
use crate::record::{Comment, Loss, Variation};

fn jkf(game: &GameRecord) -> (String, Loss) {
    let mut text = String::new();
    let loss = write_jkf(game, &mut text);
    (text, loss)
}

fn read_back(text: &str) -> GameRecord {
    let mut found = read_full(text.as_bytes());
    assert_eq!(found.errors, [], "{text}");
    assert_eq!(found.games.len(), 1);
    found.games.remove(0)
}

/// Takes out the comments before the first move of variations, and counts them.
fn take_first_comments(lines: &mut [Variation]) -> u64 {
    let mut n_taken = 0;
    for line in lines {
        let n_before = line.comments.len();
        let ply = line.ply;
        let comments = std::mem::take(&mut line.comments);
        line.comments = comments.iter().filter(|comment| comment.ply != ply).collect();
        n_taken += (n_before - line.comments.len()) as u64;
        n_taken += take_first_comments(&mut line.variations);
    }
    n_taken
}

#[test]
fn generated_games_with_everything_come_back() {
    let mut generator = GameGenerator::new(GeneratorOptions { seed: 11, ..Default::default() });
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let mut game = GameRecord::default();
    let mut all = Vec::new();
    for _ in 0..400 {
        generator.next_game(&mut game);
        game.times_ms.iter_mut().flatten().for_each(|ms| *ms -= *ms % 1000);
        game.comments = comments(&mut numbers, 0, game.moves.len());
        game.variations = variations(&mut numbers, &game.start, 0, &game.moves, 0);
        game.headers = vec![
            ("先手".to_owned(), game.black.clone()),
            ("備考：\n\"quoted\"".to_owned(), "\\ / \u{1} \t 歩 😀".to_owned()),
            ("後手".to_owned(), game.white.clone()),
        ];
        let n_ratings = [game.black_rating, game.white_rating].iter().flatten().count() as u64;
        let n_comments = take_first_comments(&mut game.variations.clone());
        let (text, loss) = jkf(&game);
        assert_eq!(loss, Loss { n_headers: n_ratings, n_comments, ..Loss::NONE });
        let back = read_back(&text);
        assert_same_without_ratings(&back, &game);
        assert_eq!(without_told_evals(&back.comments), game.comments, "{text}");
        let mut expected = game.variations.clone();
        take_first_comments(&mut expected);
        assert_eq!(
            normalized_all(&back.variations, true),
            normalized_all(&expected, true),
            "{text}"
        );
        assert!(game.headers.iter().all(|field| back.headers.contains(field)), "{text}");
        assert_eq!(jkf(&back).0, text);
        all.push(game.clone());
    }
    let mut text = String::new();
    write_records(Format::Jkf, &all, &mut text);
    let found = read_full(text.as_bytes());
    assert_eq!((found.errors.len(), found.games.len()), (0, all.len()));
    for (found, game) in found.games.iter().zip(&all) {
        assert_same_without_ratings(found, game);
    }
    text.clear();
    write_records(Format::Jkf, &[], &mut text);
    assert_eq!(text, "[]\n");
}

#[test]
fn starts_come_back() {
    let positions = Handicap::ALL.map(|handicap| Setup::handicap(handicap).to_sfen());
    let others = [
        "8k/9/9/9/9/9/9/9/9 b 2P 1",
        "9/9/9/9/9/9/9/9/9 w g 1",
        "l6nl/5+P1gk/2np1S3/p1p4Pp/3P2Sp1/1PPb2P1P/P5GS1/R8/LN4bKL w GR5pnsg 1",
        "lnsgkgsnl/9/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1",
    ];
    for sfen in positions.iter().map(String::as_str).chain(others) {
        let game = GameRecord::starting_at(&Position::from_sfen(sfen).unwrap());
        let (text, loss) = jkf(&game);
        assert_eq!(loss, Loss::NONE);
        assert_eq!(read_back(&text).start.to_sfen(), game.start.to_sfen(), "{text}");
    }
}

#[test]
fn endings_come_back_or_are_counted() {
    let start = Position::startpos();
    let results =
        [GameResult::Draw, GameResult::BlackWins, GameResult::WhiteWins, GameResult::Unknown];
    let mut n_kept = 0;
    for ending in Ending::ALL {
        for result in results {
            for moves in ["7g7f", "7g7f 3c3d"] {
                let game = game(&start, moves, ending, result);
                let (text, loss) = jkf(&game);
                let mut found = read_full(text.as_bytes());
                // A repetition that is none is reported, and kept.
                assert!(found.errors.len() <= 1, "{:?}", found.errors);
                let back = found.games.remove(0);
                let is_same = (back.ending, back.result) == (ending, result);
                assert_eq!(loss.n_endings, u64::from(!is_same), "{ending} {result:?} {text}");
                assert!(back.result == result || back.result == GameResult::Unknown);
                n_kept += usize::from(is_same);
            }
        }
    }
    assert!(n_kept >= 28, "{n_kept}");
}

#[test]
fn texts_are_pinned() {
    let start = Setup::from_sfen("4k4/9/9/9/9/9/4P4/9/4K4 b G2p 1").unwrap();
    let start = Position::from_setup(&start).unwrap();
    let mut game = game(&start, "G*5b 5a5b", Ending::Resign, GameResult::WhiteWins);
    game.black = "One".to_owned();
    game.headers = vec![("$SITE".to_owned(), "\"東京\"".to_owned())];
    game.date = Date::new(2025, 1, 5);
    game.evals_cp[1] = Some(950);
    game.times_ms = vec![Some(61_500), Some(3_602_000)];
    game.comments.push(Comment { ply: 0, text: "start" });
    let mut line = Variation { ply: 1, ..Variation::default() };
    line.moves = vec![Move::from_usi("5a4a").unwrap()];
    line.evals_cp = vec![None];
    line.times_ms = vec![None];
    line.ending = Ending::Interrupted;
    let at_end = Variation { ply: 2, moves: vec![Move::from_usi("5g5f").unwrap()], ..line.clone() };
    game.variations = vec![line, at_end];
    let (text, loss) = jkf(&game);
    assert_eq!(loss, Loss { n_times: 1, ..Loss::NONE });
    let expected = "\
{\"header\":{\"場所\":\"\\\"東京\\\"\",\"開始日時\":\"2025/01/05\",\"先手\":\"One\"},
\"initial\":{\"preset\":\"OTHER\",\"data\":{\"color\":0,\"board\":[
[{},{},{},{},{},{},{},{},{}],
[{},{},{},{},{},{},{},{},{}],
[{},{},{},{},{},{},{},{},{}],
[{},{},{},{},{},{},{},{},{}],
[{\"color\":1,\"kind\":\"OU\"},{},{},{},{},{},{\"color\":0,\"kind\":\"FU\"},{},{\"color\":0,\"kind\":\"OU\"}],
[{},{},{},{},{},{},{},{},{}],
[{},{},{},{},{},{},{},{},{}],
[{},{},{},{},{},{},{},{},{}],
[{},{},{},{},{},{},{},{},{}]],
\"hands\":[{\"FU\":0,\"KY\":0,\"KE\":0,\"GI\":0,\"KA\":0,\"HI\":0,\"KI\":1},{\"FU\":2,\"KY\":0,\"KE\":0,\"GI\":0,\"KA\":0,\"HI\":0,\"KI\":0}]}},
\"moves\":[
{\"comments\":[\"start\"]},
{\"move\":{\"to\":{\"x\":5,\"y\":2},\"color\":0,\"piece\":\"KI\"},\"time\":{\"now\":{\"m\":1,\"s\":1},\"total\":{\"h\":0,\"m\":1,\"s\":1}}},
{\"move\":{\"from\":{\"x\":5,\"y\":1},\"to\":{\"x\":5,\"y\":2},\"color\":1,\"piece\":\"OU\",\"same\":true,\"capture\":\"KI\"},\"time\":{\"now\":{\"m\":60,\"s\":2},\"total\":{\"h\":1,\"m\":0,\"s\":2}},\"comments\":[\"*評価値=-950\"],\"forks\":[[{\"move\":{\"from\":{\"x\":5,\"y\":1},\"to\":{\"x\":4,\"y\":1},\"color\":1,\"piece\":\"OU\"}},{\"special\":\"CHUDAN\"}]]},
{\"special\":\"TORYO\",\"forks\":[[{\"move\":{\"from\":{\"x\":5,\"y\":7},\"to\":{\"x\":5,\"y\":6},\"color\":0,\"piece\":\"FU\"}},{\"special\":\"CHUDAN\"}]]}
]}
";
    assert_eq!(text, expected);
}

#[test]
fn promotions_and_relations_are_those_of_the_format() {
    let sfen = "4k4/9/2P6/9/9/9/9/3G1G3/4K4 b N 1";
    let start = Position::from_sfen(sfen).unwrap();
    for (usi, expected) in [
        ("7c7b+", r#""piece":"FU","promote":true}"#),
        ("7c7b", r#""piece":"FU","promote":false}"#),
        ("4h5h", r#""piece":"KI","relative":"R"}"#),
        ("6h5h", r#""piece":"KI","relative":"L"}"#),
        ("6h6g", r#""piece":"KI"}"#),
        ("N*5g", r#""piece":"KE"}"#),
    ] {
        let (text, _) = jkf(&game(&start, usi, Ending::Unknown, GameResult::Unknown));
        let line = text.lines().find(|line| line.starts_with("{\"move\"")).unwrap();
        assert!(line.contains(expected), "{usi}: {line}");
        assert_eq!(read_back(&text).moves[0].to_usi(), usi);
    }
    let drop = Position::from_sfen("4k4/9/9/9/9/9/5G3/9/4K4 b G 1").unwrap();
    let (text, _) = jkf(&game(&drop, "G*5g", Ending::Unknown, GameResult::Unknown));
    assert!(text.contains(r#""piece":"KI","relative":"H"}"#), "{text}");
}

#[test]
fn many_games_in_one_text_come_back_in_every_format() {
    let mut generator = GameGenerator::new(GeneratorOptions { seed: 13, ..Default::default() });
    let mut numbers = Numbers(0xD1B5_4A32_D192_ED03);
    let mut games = vec![GameRecord::default(); 40];
    for game in &mut games {
        generator.next_game(game);
        game.moves.truncate(30);
        game.evals_cp.truncate(30);
        game.times_ms.truncate(30);
        (game.ending, game.result) = (Ending::Interrupted, GameResult::Unknown);
        game.comments = comments(&mut numbers, 0, game.moves.len());
        game.variations = variations(&mut numbers, &game.start, 0, &game.moves, 0);
        game.headers = vec![("場所".to_owned(), format!("{}", numbers.below(9)))];
    }
    for format in [Format::Csa, Format::Kif, Format::Ki2, Format::Jkf, Format::Usi] {
        let mut text = String::new();
        let mut loss = Loss::NONE;
        for game in &games {
            let mut alone = String::new();
            loss += write_record(format, game, &mut alone);
        }
        assert_eq!(write_records(format, &games, &mut text), loss);
        let found = read_full(text.as_bytes());
        assert_eq!((found.errors.as_slice(), found.games.len()), ([].as_slice(), games.len()));
        for (found, game) in found.games.iter().zip(&games) {
            assert_eq!((&found.start, &found.moves), (&game.start, &game.moves));
            if matches!(format, Format::Kif | Format::Ki2 | Format::Jkf) {
                assert_eq!(found.variations.len(), game.variations.len(), "{format:?}");
                assert!(found.headers.contains(&game.headers[0]), "{format:?}");
                assert_eq!(without_told_evals(&found.comments), game.comments, "{format:?}");
            }
        }
    }
}

#[test]
fn headers_fill_what_no_field_tells() {
    let mut game = GameRecord::default();
    let fields = [("先手", "a"), ("棋戦", "e"), ("開始日時", "2025/01/05 10:00")];
    game.headers = fields.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    game.white = "b".to_owned();
    let back = read_back(&jkf(&game).0);
    assert_eq!((back.black.as_str(), back.white.as_str(), back.event.as_str()), ("a", "b", "e"));
    assert_eq!(back.date, Date::new(2025, 1, 5));
    assert!(back.headers.contains(&game.headers[2]));
    game.black = "other".to_owned();
    game.date = Date::new(2025, 1, 6);
    let back = read_back(&jkf(&game).0);
    assert_eq!((back.black.as_str(), back.date), ("other", Date::new(2025, 1, 6)));
}

#[test]
fn games_without_moves_in_one_text_stay_apart() {
    let even = Position::startpos().to_sfen();
    let sfens = ["4k4/9/4P4/9/9/9/9/9/9 b G 1", &even, "8k/9/9/9/9/9/9/9/9 b 2P 1", &even, &even];
    let games =
        sfens.map(|sfen| GameRecord::starting_at(&Position::from_sfen(sfen).unwrap())).to_vec();
    for format in Format::ALL {
        let mut text = String::new();
        assert_eq!(write_records(format, &games, &mut text), Loss::NONE);
        let found = read_full(text.as_bytes());
        assert_eq!(found.errors, [], "{format:?}\n{text}");
        let starts: Vec<_> = found.games.iter().map(|game| game.start.to_sfen()).collect();
        assert_eq!(starts, sfens, "{format:?}\n{text}");
    }
}
