//! What is written is never read as something that the game does not say.

use super::full::read_full;
use super::*;
use crate::record::{Comment, Loss, write_record};

/// Formats that hold endings, comments and headers.
const FORMATS: [Format; 4] = [Format::Csa, Format::Kif, Format::Ki2, Format::Jkf];

/// A game written and read again, without errors but contradictions that it has itself.
fn again(format: Format, game: &GameRecord) -> (GameRecord, Loss, String) {
    let mut text = String::new();
    let loss = write_record(format, game, &mut text);
    let mut found = read_full(text.as_bytes());
    found.errors.retain(|error| error.kind != crate::record::ErrorKind::Contradiction);
    assert_eq!(found.errors, [], "{format:?}\n{text}");
    assert_eq!(found.games.len(), 1, "{format:?}\n{text}");
    let back = found.games.remove(0);
    assert_eq!((&back.start, &back.moves), (&game.start, &game.moves), "{format:?}\n{text}");
    (back, loss, text)
}

#[test]
fn no_ending_becomes_another_result_unsaid() {
    let mut n_kept = 0;
    for moves in ["", "7g7f", "7g7f 3c3d"] {
        for ending in Ending::ALL {
            for result in (0..4).filter_map(GameResult::from_u8) {
                let game = game(&Position::startpos(), moves, ending, result);
                for format in FORMATS {
                    let (back, loss, text) = again(format, &game);
                    let is_same = (back.ending, back.result) == (ending, result);
                    assert_eq!(is_same, loss.n_endings == 0, "{ending} {result:?}\n{text}");
                    let is_honest = [result, GameResult::Unknown].contains(&back.result);
                    assert!(is_honest, "{ending} {result:?}: {:?}\n{text}", back.result);
                    n_kept += u32::from(is_same);
                }
                let mut text = String::new();
                let is_told = (ending, result) == (Ending::Unknown, GameResult::Unknown);
                assert_eq!(write_usi(&game, &mut text).n_endings == 0, is_told);
            }
        }
    }
    assert!(n_kept > 200, "{n_kept}");
}

#[test]
fn two_endings_at_odds_stay_so() {
    for text in [
        "手合割：平手\n   1 ７六歩(77)\n   2 詰\nまで持将棋\n",
        "手合割：平手\n   1 ７六歩(77)\n   2 投了\nまで1手で後手の勝ち\n",
    ] {
        let game = read_full(text.as_bytes()).games.remove(0);
        assert_eq!(game.result, GameResult::Unknown);
        for format in FORMATS {
            let (back, loss, written) = again(format, &game);
            assert_eq!((back.result, loss.n_endings), (GameResult::Unknown, 1), "{written}");
        }
    }
}

#[test]
fn comments_of_other_formats_are_no_data() {
    let mut plain = game(&Position::startpos(), "7g7f 3c3d", Ending::Resign, GameResult::WhiteWins);
    for text in [
        "*7\0",
        "*7",
        "** 42",
        "*評価値=12",
        "#指し手[62]",
        "評価値 3",
        "black_rate:a:1500.0",
        "white_rate:a:1500.0",
        "CSA encoding=EUC-JP",
        "summary:toryo:a win:b lose",
        "a\u{7}b",
        "trailing\u{1}\u{3000} ",
    ] {
        for ply in 0..=2 {
            plain.comments = [Comment { ply, text }].into_iter().collect();
            for format in FORMATS {
                let (back, loss, written) = again(format, &plain);
                assert_eq!(back.evals_cp, plain.evals_cp, "{written}");
                assert_eq!((back.black_rating, back.white_rating), (None, None), "{written}");
                assert_eq!((back.ending, back.result), (plain.ending, plain.result), "{written}");
                // It stands there all the same, perhaps behind a blank.
                let Some(comment) = back.comments.iter().next() else { panic!("{written}") };
                assert_eq!(back.comments.len(), 1, "{written}");
                let expected = Remark::from(Comment { ply, text }).text;
                assert_eq!((comment.ply, comment.text.trim_start()), (ply, &*expected));
                assert_eq!(comment.text == expected, loss.n_comments == 0, "{written}");
            }
        }
    }
}

#[test]
fn a_line_of_moves_makes_no_eval_of_the_comment_above() {
    let mut game = game(&Position::startpos(), "7g7f", Ending::Unknown, GameResult::Unknown);
    let comment = |text| Comment { ply: 1, text };
    game.comments = [comment("-30"), comment("▲３四歩")].into_iter().collect();
    for format in FORMATS {
        assert_eq!(again(format, &game).0.evals_cp, [None], "{format:?}");
    }
    // With the eval that it tells it is written as it is.
    game.evals_cp = vec![Some(-30)];
    for format in [Format::Kif, Format::Ki2, Format::Jkf] {
        let (back, loss, written) = again(format, &game);
        assert_eq!((&back.evals_cp, &back.comments), (&game.evals_cp, &game.comments));
        assert_eq!(loss.n_comments, 0, "{written}");
    }
}

#[test]
fn ratings_of_comments_are_those_of_the_game() {
    let mut game = game(&Position::startpos(), "", Ending::Unknown, GameResult::Unknown);
    game.black_rating = Some(1500.0);
    game.comments.push(Comment { ply: 0, text: "black_rate:a:1700.0" });
    let (back, loss, _) = again(Format::Csa, &game);
    assert_eq!((back.black_rating, loss.n_comments), (Some(1500.0), 1));
    game.black_rating = Some(1700.0);
    let (back, loss, _) = again(Format::Csa, &game);
    assert_eq!((back.black_rating, loss.n_comments), (Some(1700.0), 0));
    assert_eq!(back.comments, game.comments);
}

#[test]
fn a_long_report_is_read_to_its_eval() {
    let mut game = game(&Position::startpos(), "7g7f", Ending::Unknown, GameResult::Unknown);
    game.evals_cp = vec![Some(88)];
    let text = format!("*対局 {} 評価値 88 読み筋 △", "時間 00:01 ".repeat(100));
    game.comments = [Comment { ply: 1, text: &text }].into_iter().collect();
    for format in FORMATS {
        assert_eq!(again(format, &game).0.evals_cp, [Some(88)], "{format:?}");
    }
}

#[test]
fn no_header_is_read_as_a_move_or_a_turn() {
    let mut game = game(&Position::startpos(), "7g7f", Ending::Unknown, GameResult::Unknown);
    for (key, is_kept) in [
        ("５５歩(56)  ( 0", false),
        ("同歩", false),
        ("三五歩", false),
        ("一 ７六歩", false),
        ("手番", true),
        ("三番勝負", true),
        ("備考", true),
    ] {
        game.headers = vec![(key.to_owned(), "後手".to_owned())];
        for format in [Format::Kif, Format::Ki2] {
            let (back, loss, written) = again(format, &game);
            assert_eq!(loss.n_headers == 0, is_kept, "{key}\n{written}");
            let has_it = back.headers.iter().any(|(found, _)| found == key);
            assert_eq!(has_it, is_kept && key != "手番", "{key}\n{written}");
        }
    }
}

#[test]
fn what_could_not_be_played_is_counted() {
    let text = "PI\n+\n+7776FU\n-3334FU\n+8899UM\n%ILLEGAL_MOVE\n";
    let game = read_full(text.as_bytes()).games.remove(0);
    assert_eq!((game.ending, game.tail.is_empty()), (Ending::IllegalMove, false));
    for format in Format::ALL {
        let mut text = String::new();
        let loss = write_record(format, &game, &mut text);
        assert_eq!(loss.n_tails, 1, "{text}");
        assert!(loss.to_string().contains("1 unplayed end"), "{loss}");
    }
    // Who lost by it is told all the same.
    for format in FORMATS {
        let (back, loss, _) = again(format, &game);
        assert_eq!((back.ending, back.result), (game.ending, GameResult::WhiteWins));
        assert_eq!(loss.n_endings, 0);
    }
}
