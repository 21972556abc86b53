use super::*;
use crate::Handicap;

pub(super) const ALL_ENCODINGS: [Encoding; 3] =
    [Encoding::Utf8, Encoding::ShiftJis, Encoding::EucJp];

fn with_moves(moves: &str) -> String {
    format!("手合割：平手\n手数----指手---------消費時間--\n{moves}")
}

/// The same record in each encoding, without errors.
fn in_all_encodings(text: &str) -> GameRecord {
    let expected = game(text);
    for encoding in ALL_ENCODINGS {
        let found = read(&encode(text, encoding));
        assert_eq!(messages(&found), [""; 0], "{encoding:?} {text}");
        assert_eq!(
            format!("{:?}", found.games),
            format!("{:?}", [&expected]),
            "{encoding:?} {text}"
        );
    }
    expected
}

#[test]
fn a_record_that_is_cut_off_before_its_start_is_an_error() {
    for (text, place) in [("#KIF version=2.0 e", "1:19"), ("#KIF version=2.0\n# x\n", "2:4")] {
        let found = read(text.as_bytes());
        let message = format!("empty: {place}: expected a game, found the end of the file");
        assert_eq!(messages(&found), [message], "{text}");
        assert!(found.games.is_empty());
    }
}

#[test]
fn a_game_of_kifu_for_windows() {
    let record = in_all_encodings(
        "# ---- Kifu for Windows V7 棋譜ファイル ----\n開始日時：2014/10/12(日) 14:46:51\n\
         終了日時：2014/10/12 14:47:55\n棋戦：第１回 表示戦\n場所：東京：千駄ヶ谷\n手合割：平手　　\n\
         先手：山田 太郎\n後手：鈴木：花子\n先手省略名：山田\n手数----指手---------消費時間--\n\
         *対局前のコメント\n   1 ７六歩(77)   ( 0:02/00:00:02)\n*初手\n&しおり\n\
         \u{20}  2 ３四歩(33)   ( 1:05/00:01:05)+\n   3 ２二角成(88) ( 0:06/00:00:08)\n\
         \u{20}  4 同　銀(31)   ( 0:00/00:01:05)\n   5 ４五角打     ( 0:01/00:00:09)\n\
         \u{20}  6 投了         ( 0:51/00:00:56)\nまで5手で先手の勝ち\n\n\
         変化：2手\n   2 ８四歩(83)   ( 0:00/00:00:00)\n*別の手\n",
    );
    assert_eq!(usi(&record), "7g7f 3c3d 8h2b+ 3a2b B*4e");
    assert_eq!(record.times_ms, [2, 65, 6, 0, 1].map(|seconds| Some(1000 * seconds)));
    assert_eq!((record.result, record.ending), (GameResult::BlackWins, Ending::Resign));
    assert_eq!((record.black.as_str(), record.white.as_str()), ("山田 太郎", "鈴木：花子"));
    assert_eq!(record.event, "第１回 表示戦");
    assert_eq!(record.date, Date::new(2014, 10, 12));
    assert_eq!((record.n_variations, record.n_comments), (1, 4));
}

#[test]
fn headers_in_all_spellings() {
    for (line, expected) in [
        ("先手：山田", "山田"),
        ("先手:山田", "山田"),
        ("先手 ： 山田 ", "山田"),
        ("先手　：山田", "山田"),
        ("先手：", ""),
        ("先手\u{A0}：", ""),
    ] {
        assert_eq!(game(&format!("手合割：平手\n{line}")).black, expected, "{line}");
    }
    assert_eq!(in_all_encodings("手合割：平手\n先手 ：　山田　\n").black, "山田");
    let record = in_all_encodings("手合割：二枚落\n");
    assert_eq!(record.start.to_setup(), Setup::handicap(Handicap::Two));
}

#[test]
fn moves_in_all_spellings() {
    for (first, second, third, fourth) in [
        ("７六歩(77)", "３四歩(33)", "２二角成(88)", "同　銀(31)"),
        ("76歩(77)", "34歩(33)", "22角成(88)", "同銀(31)"),
        ("７６歩(77)", "３４歩(33)", "２２角成(88)", "同 銀(31)"),
        ("７六歩 (77)", "３四歩　(33)", "２二角成 (88)", "２二銀(31)"),
    ] {
        if second.contains('　') {
            continue;
        }
        let record = in_all_encodings(&with_moves(&format!(
            "1 {first}\n2 {second} ( 0:01/00:00:01)\n   3   {third}+\n4 {fourth}   (00:01 / 00:00:01)\r\n"
        )));
        assert_eq!(usi(&record), "7g7f 3c3d 8h2b+ 3a2b", "{first}");
    }
    let record = in_all_encodings(&with_moves(
        "1 ７六歩(77)\n2 ３四歩(33)\n3 ２二角不成(88)\n4 同　飛(82)\n5 ６八王(59)\n6 ５五角打\n",
    ));
    assert_eq!(usi(&record), "7g7f 3c3d 8h2b 8b2b 5i6h B*5e");
}

#[test]
fn promoted_pieces_in_all_spellings() {
    let board = "後手の持駒：なし\n  ９ ８ ７ ６ ５ ４ ３ ２ １\n+---------------------------+\n\
                 | ・ ・ ・ ・ ・ ・ ・ ・v玉|一\n| ・ ・ ・ ・ ・ ・ ・ ・ ・|二\n\
                 | 全 圭 杏 と 馬 龍 竜 ・ ・|三\n| ・ ・ ・ ・ ・ ・ ・ ・ ・|四\n\
                 | ・ ・ ・ ・ ・ ・ ・ ・ ・|五\n| ・ ・ ・ ・ ・ ・ ・ ・ ・|六\n\
                 | ・ ・ ・ ・ ・ ・ ・ ・ ・|七\n| ・ ・ ・ ・ ・ ・ ・ ・ ・|八\n\
                 | ・ ・ ・ ・ ・ ・ ・ ・ 王|九\n+---------------------------+\n\
                 先手の持駒：歩十一　金\n手数＝0    まで\n先手番\n先手：\n後手：\n";
    for (written, expected) in [
        ("９二全(93)", "9c9b"),
        ("９二成銀(93)", "9c9b"),
        ("８二圭(83)", "8c8b"),
        ("８二成桂(83)", "8c8b"),
        ("７二杏(73)", "7c7b"),
        ("７二成香(73)", "7c7b"),
        ("６二と(63)", "6c6b"),
        ("５二馬(53)", "5c5b"),
        ("４二龍(43)", "4c4b"),
        ("４二竜(43)", "4c4b"),
        ("９四歩打", "P*9d"),
    ] {
        let record = in_all_encodings(&format!("{board}1 {written}\n"));
        assert_eq!(usi(&record), expected, "{written}");
        assert_eq!(record.start.to_sfen(), "8k/9/+S+N+L+P+B+R+R2/9/9/9/9/9/8K b G11P 1");
    }
}

#[test]
fn all_may_be_wide() {
    let record = in_all_encodings(
        "手合割：平手\n１　７六歩（７７）　（　０：０５／００：００：０５）\n\
         ２　３四歩(３３)　( ０:07/00:00:07)\n３　２二角成（８８）\n４　同　銀（３１）\n\
         ５　５五角打（００）　（　１：００：０５／）\n６　中断\n",
    );
    assert_eq!(usi(&record), "7g7f 3c3d 8h2b+ 3a2b B*5e");
    assert_eq!(record.times_ms, [Some(5_000), Some(7_000), None, None, Some(3_605_000)]);
}

#[test]
fn handicaps() {
    for (name, handicap) in [
        ("平手", Handicap::Even),
        ("香落ち", Handicap::Lance),
        ("右香落ち", Handicap::RightLance),
        ("角落ち", Handicap::Bishop),
        ("飛車落ち", Handicap::Rook),
        ("飛落ち", Handicap::Rook),
        ("飛香落ち", Handicap::RookLance),
        ("二枚落ち", Handicap::Two),
        ("２枚落ち", Handicap::Two),
        ("2枚落", Handicap::Two),
        ("三枚落ち", Handicap::Three),
        ("四枚落ち", Handicap::Four),
        ("五枚落ち", Handicap::Five),
        ("左五枚落ち", Handicap::FiveLeft),
        ("六枚落ち", Handicap::Six),
        ("左七枚落ち", Handicap::SevenLeft),
        ("右七枚落ち", Handicap::SevenRight),
        ("八枚落ち", Handicap::Eight),
        ("十枚落ち", Handicap::Ten),
    ] {
        let text = format!("手合割：{name}　\n下手：した手\n上手：うわ手\n1 中断\n");
        let record = in_all_encodings(&text);
        assert_eq!(record.start.to_sfen(), Setup::handicap(handicap).to_sfen(), "{name}");
        assert_eq!((record.black.as_str(), record.white.as_str()), ("した手", "うわ手"));
    }
}

#[test]
fn boards_as_start_positions() {
    let rows = "+---------------------------+\n| ・ ・ ・ ・ ・ ・ ・v桂v香|一\n\
                | ・ ・ ・ ・ ・ ・ ・v玉 ・|二\n| ・ ・ ・ ・ ・ ・ ・v歩 ・|三\n\
                | ・ ・ ・ ・ ・ ・ ・ ・ ・|四\n| ・ ・ ・ ・ ・ ・ ・ ・ 歩|五\n\
                | ・ ・ ・ ・ ・ ・ ・ ・ ・|六\n| ・ ・ ・ ・ ・ ・ ・ ・ ・|七\n\
                | ・ ・ ・ ・ ・ ・ ・ ・ ・|八\n| ・ ・ ・ ・ ・ ・ ・ ・ ・|九\n\
                +---------------------------+\n";
    let board = "7nl/7k1/7p1/9/8P/9/9/9/9";
    for (before, after, expected) in [
        ("後手の持駒：飛二　歩十六\n", "先手の持駒：金　銀　\n", "b GS2r16p 1"),
        ("後手の持駒：飛2 歩１6\n", "先手の持駒：金 銀\n後手番\n", "w GS2r16p 1"),
        ("手合割：その他　\n上手の持駒：歩\n", "下手の持駒：なし\n下手番\n", "b p 1"),
        ("手合割：平手　　\n", "", "b - 1"),
        ("", "先手の持駒：飛　飛\n上手番\n", "w 2R 1"),
    ] {
        let record = in_all_encodings(&format!("{before}{rows}{after}手数----指手--\n1 中断\n"));
        assert_eq!(record.start.to_sfen(), format!("{board} {expected}"), "{before}{after}");
    }
}

#[test]
fn a_main_line_may_begin_with_any_number() {
    let record = game(&with_moves("  54 ７六歩(77)\n  55 ３四歩(33)\n  56 中断\n"));
    assert_eq!((usi(&record).as_str(), record.ending), ("7g7f 3c3d", Ending::Interrupted));
}

#[test]
fn endings_in_place_of_a_move_and_in_the_last_line() {
    use GameResult::{BlackWins, Draw, Unknown, WhiteWins};
    for (word, last_line, ending, result) in [
        ("投了", "まで1手で先手の勝ち", Ending::Resign, BlackWins),
        ("中断", "まで1手で中断", Ending::Interrupted, Unknown),
        ("封じ手", "まで1手で封じ手", Ending::Interrupted, Unknown),
        ("持将棋", "まで1手で持将棋", Ending::Impasse, Draw),
        ("詰み", "まで1手で詰", Ending::Checkmate, BlackWins),
        ("不詰", "まで1手で不詰", Ending::NoMate, Unknown),
        ("切れ負け", "まで1手で時間切れにより先手の勝ち", Ending::Time, BlackWins),
        ("反則勝ち", "まで1手で後手の反則勝ち", Ending::IllegalMove, WhiteWins),
        ("反則負け", "まで1手で後手の反則負け", Ending::IllegalMove, BlackWins),
        ("入玉勝ち", "まで1手で後手の入玉勝ち", Ending::Declaration, WhiteWins),
        ("不戦勝", "まで1手で後手の不戦勝", Ending::Walkover, WhiteWins),
        ("不戦敗", "まで1手で後手の不戦敗", Ending::Walkover, BlackWins),
    ] {
        let mv = "   1 ７六歩(77)   ( 0:00/00:00:00)\n";
        for lines in [
            format!("{mv}   2 {word}         ( 0:00/00:00:00)\n{last_line}\n"),
            format!("{mv}   2 {word}\n"),
            format!("{mv}{last_line}"),
            format!(
                "{mv}{last_line}\n\n変化：1手\n   1 ２六歩(27)\n   2 投了\nまで1手で先手の勝ち\n"
            ),
        ] {
            let record = in_all_encodings(&with_moves(&lines));
            assert_eq!((record.ending, record.result), (ending, result), "{lines}");
        }
    }
    let record = game(&with_moves("1 ７六歩(77)\n"));
    assert_eq!((record.ending, record.result), (Ending::Unknown, Unknown));
    let record = game("手合割：平手\n先手：\n後手：\n手数----指手---------消費時間--\n");
    assert_eq!((record.moves.len(), record.ending), (0, Ending::Unknown));
}

#[test]
fn results_that_contradict_each_other() {
    let found = read(with_moves("1 ７六歩(77)\n2 投了\nまで1手で後手の勝ち\n").as_bytes());
    assert_eq!(
        messages(&found),
        [
            "contradiction: 5:1: expected `resign: Black wins` as told before, found `resign: White wins`"
        ]
    );
    assert_eq!(found.games[0].result, GameResult::Unknown);
}

#[test]
fn several_games() {
    for header in
        ["手合割：平手\n", "先手：B\n", "#KIF version=2.0\n手合割：平手\n", "手数----指手--\n"]
    {
        let text = format!(
            "{}1 ７六歩(77)\n2 投了\nまで1手で先手の勝ち\n変化：1手\n1 ２六歩(27)\n{header}1 ２六歩(27)\n2 中断\n",
            with_moves("")
        );
        let record = read(text.as_bytes());
        assert_eq!(messages(&record), [""; 0], "{header}");
        let games: Vec<_> =
            record.games.iter().map(|game| (usi(game), game.ending, game.n_variations)).collect();
        assert_eq!(
            games,
            [("7g7f".to_owned(), Ending::Resign, 1), ("2g2f".to_owned(), Ending::Interrupted, 0)],
            "{header}"
        );
    }
}

#[test]
fn bad_moves_end_the_main_line() {
    for (moves, kept, message, tail) in [
        (
            "1 ７六歩(77)\n2 ７六歩(77)\n3 ２六歩(27)\n4 投了\n",
            1,
            "illegal_move: 4:3: expected a legal move, found `７六歩(77)`: White has no piece on 77",
            "７六歩(77)\n3 ２六歩(27)\n4 投了",
        ),
        (
            "   1 ７五歩(77)   ( 0:00/00:00:00)\n",
            0,
            "illegal_move: 3:6: expected a legal move, found `７五歩(77)`",
            "７五歩(77)   ( 0:00/00:00:00)",
        ),
        (
            "1 ７六銀(77)\n",
            0,
            "illegal_move: 3:3: expected a legal move, found `７六銀(77)`: the piece on 77 is a `pawn`",
            "７六銀(77)",
        ),
        (
            "1 ５五歩打\n",
            0,
            "illegal_move: 3:3: expected a legal move, found `５五歩打`",
            "５五歩打",
        ),
        (
            "1 ５八金\n",
            0,
            "illegal_move: 3:3: expected a move of one piece only, found `５八金`, which may be \
             `▲５八金(49)`, `▲５八金(69)`",
            "５八金",
        ),
        (
            "1 同　歩(77)\n",
            0,
            "syntax: 3:3: expected a move such as `７六歩(77)`, found `同　歩(77)`",
            "同　歩(77)",
        ),
        (
            "1 ７六歩(77)\n3 ２六歩(27)\n",
            1,
            "move_number: 4:1: expected move 2, found `3 ２六歩(27)`",
            "3 ２六歩(27)",
        ),
        (
            "1 ７六歩(77)\n2 ３四",
            1,
            "syntax: 4:3: expected a move such as `７六歩(77)`, found `３四`",
            "３四",
        ),
        (
            "1 ７六歩(77)\n2 ３四歩(3",
            1,
            "syntax: 4:3: expected a move such as `７六歩(77)`, found `３四歩(3`",
            "３四歩(3",
        ),
        (
            "1 ７六歩(77)\n2 ３四歩",
            1,
            "syntax: 4:3: expected a move such as `７六歩(77)`, found `３四歩`",
            "３四歩",
        ),
        (
            "1 ７六歩(77)\n2 ３四歩(3\n",
            1,
            "syntax: 4:3: expected a move such as `７六歩(77)`, found `３四歩(3`",
            "３四歩(3",
        ),
        (
            "1 ７六歩(77)\n2 降参\n",
            1,
            "syntax: 4:3: expected a move such as `７六歩(77)`, found `降参`",
            "降参",
        ),
        ("1 ７六歩(77)\n2", 1, "syntax: 4:2: expected a move such as `７六歩(77)`, found ``", ""),
    ] {
        for encoding in ALL_ENCODINGS {
            let found = read(&encode(&with_moves(moves), encoding));
            assert_eq!(messages(&found), [message], "{moves}");
            assert!(found.errors[0].kept);
            let record = &found.games[0];
            assert_eq!((record.moves.len(), record.tail.as_str()), (kept, tail), "{moves}");
            assert_eq!(
                (record.ending, record.result),
                (Ending::Unknown, GameResult::Unknown),
                "{moves}"
            );
        }
    }
}

#[test]
fn an_illegal_move_that_the_record_owns_up_to_is_no_error() {
    for ending in
        ["3 反則勝ち\n", "3 反則負け\n", "まで2手で先手の反則勝ち\n", "まで2手で後手の反則負け\n"]
    {
        let record = game(&with_moves(&format!("1 ７六歩(77)\n2 ３五歩(33)\n{ending}")));
        assert_eq!(
            (record.ending, record.result),
            (Ending::IllegalMove, GameResult::BlackWins),
            "{ending}"
        );
        assert_eq!(usi(&record), "7g7f");
        assert!(record.tail.starts_with("３五歩(33)"));
    }
}

#[test]
fn other_bad_lines_cost_only_themselves() {
    for (text, message) in [
        (
            "手合割：平手\n何だろう\n1 ７六歩(77)\n2 投了\n",
            "syntax: 2:1: expected a header, a move or an ending, found `何だろう`",
        ),
        (
            "手合割：平手\n1 ７六歩(77)   0:01\n2 投了\n",
            "syntax: 2:13: expected a time such as `( 0:16/00:00:16)`, found `0:01`",
        ),
        (
            "手合割：平手\n1 ７六歩(77) (x)\n2 投了\n",
            "syntax: 2:11: expected a time such as `( 0:16/00:00:16)`, found `(x)`",
        ),
        (
            "手合割：平手\n1 ７六歩(77)\n2 投了\nまで1手\n",
            "syntax: 4:1: expected an ending such as `まで85手で先手の勝ち`, found `まで1手`",
        ),
        (
            "手合割：平手\n1 ７六歩(77)\n2 投了\n3 ２六歩(27)\n",
            "syntax: 4:1: expected nothing more after the end of the game, found `3 ２六歩(27)`",
        ),
    ] {
        let found = read(text.as_bytes());
        assert_eq!(messages(&found), [message], "{text}");
        assert!(found.errors[0].kept);
        assert_eq!(usi(&found.games[0]), "7g7f");
        assert_eq!(found.games[0].ending, Ending::Resign);
    }
}

#[test]
fn bad_start_positions_cost_the_game_and_no_other() {
    for (header, message) in [
        ("手合割：裸玉\n", "1:5: expected a handicap such as `二枚落ち` or a board, found `裸玉`"),
        ("先手の持駒：玉\n", "1:7: expected a piece in hand such as `歩二`, found `玉`"),
        ("先手の持駒：歩多\n", "1:7: expected a number of pieces such as `歩二`, found `歩多`"),
        ("先手の持駒：歩\n", "2:1: expected a board with the pieces in hand, found none"),
        ("| ・ ・|一\n", "1:1: expected ` ` or `v` before a piece, found `|`"),
        ("| 何 ・ ・ ・ ・ ・ ・ ・ ・|一\n", "1:1: expected a piece or `・`, found `何`"),
        ("| ・ ・ ・ ・ ・ ・ ・ ・ 王|一\n", "1:1: expected nine rows, found `1`"),
    ] {
        let text = format!("{header}1 ７六歩(77)\n2 投了\n手合割：平手\n1 ２六歩(27)\n2 投了\n");
        let found = read(text.as_bytes());
        assert_eq!(messages(&found), [format!("start_position: {message}")], "{text}");
        assert!(!found.errors[0].kept);
        assert_eq!(found.games.len(), 1, "{text}");
        assert_eq!(usi(&found.games[0]), "2g2f");
    }
}

#[test]
fn wide_blanks_and_numbers() {
    for moves in [
        "　 1　７六歩(77)　( 0:01/00:00:01)\n\t2　３四歩(33)\n",
        "１　７六歩(77)　( 0:01/00:00:01)\n２ ３四歩(33)\n",
    ] {
        for header in ["", "手合割：平手\n"] {
            let record = in_all_encodings(&format!("{header}{moves}"));
            assert_eq!(usi(&record), "7g7f 3c3d", "{moves}");
            assert_eq!(record.times_ms, [Some(1_000), None], "{moves}");
        }
    }
}

#[test]
fn pieces_named_as_they_are_after_the_move() {
    let record = in_all_encodings(&with_moves("1 ７六歩(77)\n2 ３四歩(33)\n3 ２二馬(88)\n"));
    assert_eq!(usi(&record), "7g7f 3c3d 8h2b+");
}

#[test]
fn hands_without_blanks() {
    let rows = "| ・ ・ ・ ・ ・ ・ ・ ・ ・|一\n".repeat(8);
    let record = in_all_encodings(&format!(
        "後手の持駒：飛角金二歩十一\n| ・ ・ ・ ・v玉 ・ ・ ・ ・|一\n{rows}先手の持駒：銀2桂\n手数--\n"
    ));
    assert_eq!(record.start.to_sfen(), "4k4/9/9/9/9/9/9/9/9 b 2SNrb2g11p 1");
}

#[test]
fn boards_alone() {
    let rows = "| ・ ・ ・ ・ ・ ・ ・ ・ ・|一\n".repeat(8);
    let board = format!(
        "後手の持駒：なし\n  ９ ８ ７ ６ ５ ４ ３ ２ １\n+---------------------------+\n\
         | ・ ・ ・ ・v玉 ・ ・ ・ ・|一\n{rows}+---------------------------+\n先手の持駒：飛　\n"
    );
    for (last, turn) in [
        ("手数＝171  ▲６二角成  まで\n後手番\n", "w"),
        ("手数＝170  △６二角成  まで\n", "b"),
        ("手番：後手\n", "w"),
    ] {
        let record = in_all_encodings(&format!("{board}{last}"));
        assert_eq!(record.start.to_sfen(), format!("4k4/9/9/9/9/9/9/9/9 {turn} R 1"), "{last}");
    }
}

#[test]
fn the_moves_decide_and_not_the_first_line() {
    let record = game("#KIF version=2.0 encoding=UTF-8\n手合割：平手\n\n▲７六歩 △３四歩\n");
    assert_eq!(usi(&record), "7g7f 3c3d");
    let found = read(b"#KIF version=2.0\nhello\n");
    assert_eq!(found.errors.len(), 1);
}

#[test]
fn numbered_moves_may_lack_their_origins() {
    let text = "1 ７六歩\n2 △３四歩   ( 0:05/00:00:05)\n3 ２二角成\n4 同　銀\n5 ５八金右\n";
    for encoding in ALL_ENCODINGS {
        let found = read(&encode(text, encoding));
        assert_eq!(messages(&found), [""; 0]);
        let game = &found.games[0];
        let moves: Vec<String> = game.moves.iter().map(|mv| mv.to_usi()).collect();
        assert_eq!(moves, ["7g7f", "3c3d", "8h2b+", "3a2b", "4i5h"]);
        assert_eq!(game.times_ms[1], Some(5_000));
    }
}

#[test]
fn handicaps_have_several_names() {
    for (name, first) in [
        ("飛落ち", "飛車落ち"),
        ("２枚落ち", "二枚落ち"),
        ("2枚落", "二枚落ち"),
        ("10枚落ち", "十枚落ち"),
        ("右五枚落ち", "五枚落ち"),
    ] {
        let start = |name: &str| {
            let found = read(format!("手合割：{name}\n1 ５二玉(51)\n").as_bytes());
            assert_eq!(messages(&found), [""; 0], "{name}");
            found.games[0].start.to_sfen()
        };
        assert_eq!(start(name), start(first));
    }
    // Left or right is not told.
    assert_eq!(read("手合割：七枚落ち\n1 ５二玉(51)\n".as_bytes()).games.len(), 0);
}
