//! KI2: moves told by the rules and by words, and what is wrong with those that are not.

use super::kif::ALL_ENCODINGS;
use super::tree::{outline, read_full};
use super::*;

/// A record that begins with this position, Black to move unless the moves say otherwise.
fn with_board(sfen: &str, moves: &str) -> String {
    let mut game = GameRecord { start: Position::from_sfen(sfen).unwrap(), ..Default::default() };
    game.black = "A".to_owned();
    let mut text = String::new();
    write_ki2(&game, &mut text);
    text + moves + "\n"
}

#[test]
fn moves_in_all_spellings() {
    let expected = "7g7f 3c3d 8h2b+ 3a2b";
    for moves in [
        "▲７六歩    △３四歩    ▲２二角成  △同　銀",
        "▲７六歩△３四歩▲２二角成△同銀\r",
        "☗７六歩 ☖３四歩 ☗２二角成 ☖同 銀",
        "▲76歩 △34歩 ▲22角成 △同銀",
        "　▲７六歩　△３四歩　▲２二角成　△同　銀",
        "▲７六歩(77) △３四歩(33) ▲２二角成(88) △同　銀(31)",
        "▼７六歩 ▽３四歩\n*comment\n▼２二角成 ▽同銀右",
        "⛊７六歩 ⛉３四歩 ⛊２二角成 ⛉同　銀",
        "７六歩\n３四歩\n２二角成\n同銀",
        "76歩 34歩 22角成 同銀",
        // The piece as it is after it is promoted.
        "▲７六歩 △３四歩 ▲２二馬 △２二銀",
    ] {
        for header in ["", "手合割：平手\n先手：A\n後手：B\n\n"] {
            assert_eq!(usi(&game(&format!("{header}{moves}\n"))), expected, "{moves}");
        }
    }
    for encoding in [Encoding::ShiftJis, Encoding::EucJp, Encoding::Utf8] {
        let text = "先手：甲\n▲７六歩 △３四歩 ▲２二角不成 △同　銀\nまで4手で中断\n";
        let mut found = Found::default();
        let format = Reader::new().read(&encode(text, encoding), &mut found);
        assert_eq!((format, messages(&found).len()), (Some(Format::Ki2), 0));
        assert_eq!(usi(&found.games[0]), "7g7f 3c3d 8h2b 3a2b");
        assert_eq!(found.games[0].ending, Ending::Interrupted);
    }
}

/// Words for each of the pieces that could go to one square; the writer writes the same.
#[test]
fn words_tell_the_pieces_apart() {
    // Golds side by side behind 5h, silvers around 5e, and so on.
    let golds = "4k4/9/9/9/9/9/9/9/3GGG3 b - 1";
    let silvers = "9/9/9/3S1S3/9/3S1S3/9/9/9 b - 1";
    let tokins = "9/9/9/9/4+P4/3+P1+P3/3+P+P+P3/9/9 b - 1";
    for (sfen, moves) in [
        (golds, vec![("6i5h", "▲５八金左"), ("5i5h", "▲５八金直"), ("4i5h", "▲５八金右")]),
        (
            silvers,
            vec![
                ("6f5e", "▲５五銀左上"),
                ("4f5e", "▲５五銀右上"),
                ("6d5e", "▲５五銀左引"),
                ("4d5e", "▲５五銀右引"),
            ],
        ),
        (
            tokins,
            vec![
                ("6g5f", "▲５六と左上"),
                ("5g5f", "▲５六と直"),
                ("4g5f", "▲５六と右上"),
                ("6f5f", "▲５六と左寄"),
                ("4f5f", "▲５六と右寄"),
                ("5e5f", "▲５六と引"),
            ],
        ),
        // How it moves goes before where it comes from.
        ("8k/9/9/9/9/9/9/3G5/4G4 b - 1", vec![("5i5h", "▲５八金上"), ("6h5h", "▲５八金寄")]),
        // Great pieces: beside each other, not beside the target.
        ("+R8/9/9/1+R7/9/9/9/9/9 b - 1", vec![("9a8b", "▲８二龍引"), ("8d8b", "▲８二龍上")]),
        ("9/9/9/9/9/9/9/9/+R+R7 b - 1", vec![("9i8h", "▲８八龍左"), ("8i8h", "▲８八龍右")]),
        ("9/9/9/9/9/9/9/9/1R5R1 b - 1", vec![("8i5i", "▲５九飛左"), ("2i5i", "▲５九飛右")]),
        ("9/9/9/4+B4/9/9/9/9/8+B b - 1", vec![("5d5e", "▲５五馬引"), ("1i5e", "▲５五馬上")]),
        ("7k1/9/9/9/9/3N1N3/9/9/9 b - 1", vec![("6f5d", "▲５四桂左"), ("4f5d", "▲５四桂右")]),
        // Promotion and what is told of it.
        (
            "7k1/9/9/9/3N1N3/9/9/9/9 b - 1",
            vec![("6e5c+", "▲５三桂左成"), ("6e5c", "▲５三桂左不成"), ("4e5c+", "▲５三桂右成")],
        ),
        // A drop where a piece on the board could go, and where none could.
        ("7k1/9/9/9/9/9/9/9/4G4 b G 1", vec![("G*5h", "▲５八金打"), ("5i5h", "▲５八金")]),
        ("7k1/9/9/9/9/9/9/9/4G4 b G 1", vec![("G*5e", "▲５五金")]),
        // White's right is the other way.
        (
            "3ggg3/9/9/9/9/9/9/9/K8 w - 1",
            vec![("6a5b", "△５二金右"), ("5a5b", "△５二金直"), ("4a5b", "△５二金左")],
        ),
    ] {
        for (mv, name) in moves {
            let mut expected =
                GameRecord { start: Position::from_sfen(sfen).unwrap(), ..Default::default() };
            expected.moves.push(Move::from_usi(mv).unwrap());
            expected.evals_cp.push(None);
            expected.times_ms.push(None);
            let mut text = String::new();
            write_ki2(&expected, &mut text);
            assert_eq!(text.lines().last(), Some(name));
            assert_eq!(usi(&game(&text)), mv, "{text}");
        }
    }
}

/// Spellings that the writer does not use, but people do.
#[test]
fn words_that_say_more_or_less() {
    let golds = "4k4/9/9/9/9/9/9/9/3GGG3 b - 1";
    let two = "4k4/9/9/9/9/9/9/9/4GG3 b - 1";
    for (sfen, text, expected) in [
        (golds, "▲５八金左上", "6i5h"),
        (golds, "▲５八金右上", "4i5h"),
        (two, "▲５八金左", "5i5h"),
        (two, "▲５八金右", "4i5h"),
        ("+R8/9/9/1+R7/9/9/9/9/9 b - 1", "▲８二龍行", "8d8b"),
        ("+R8/9/9/1+R7/9/9/9/9/9 b - 1", "▲８二龍左", "9a8b"),
        ("4k4/9/9/9/9/9/9/9/4G4 b - 1", "▲５八金直", "5i5h"),
        ("4k4/9/9/9/9/9/9/9/4G4 b G 1", "▲５五金打", "G*5e"),
    ] {
        assert_eq!(usi(&game(&with_board(sfen, text))), expected, "{text}");
    }
}

#[test]
fn the_first_mark_tells_who_begins_where_nothing_else_does() {
    let board = with_board("4k4/4g4/9/9/9/9/9/9/4K4 b - 1", "");
    assert_eq!(usi(&game(&format!("{board}△５三金\n"))), "5b5c");
    let told = board.replace("先手：A", "先手番\n先手：A");
    let found = read(format!("{told}△５三金\n").as_bytes());
    assert_eq!(messages(&found), ["illegal_move: 19:1: expected a legal move, found `△５三金`"]);
}

#[test]
fn marks_may_be_those_of_the_other_side_throughout() {
    let handicap = "手合割：二枚落ち\n";
    for moves in ["△３二金 ▲７六歩 △６二銀", "▲３二金 △７六歩 ▲６二銀"]
    {
        assert_eq!(usi(&game(&format!("{handicap}{moves}\n"))), "4a3b 7g7f 7a6b");
    }
    let found = read(format!("{handicap}▲３二金 ▲７六歩\n").as_bytes());
    assert_eq!(
        messages(&found),
        ["illegal_move: 2:6: expected a move of Black (`△`), found `▲７六歩`"]
    );
}

#[test]
fn bad_moves_say_why() {
    for (moves, message, kept) in [
        (
            "▲７六歩 △３四歩\n▲５八金\n",
            "illegal_move: 2:1: expected a move of one piece only, found `▲５八金`, which may be \
             `▲５八金(49)`, `▲５八金(69)`",
            2,
        ),
        (
            "▲７六歩 ▲２六歩",
            "illegal_move: 1:6: expected a move of White (`△`), found `▲２六歩`",
            1,
        ),
        ("▲７六歩 △３五歩", "illegal_move: 1:6: expected a legal move, found `△３五歩`", 1),
        ("▲７六歩 △七六", "syntax: 1:6: expected a move such as `▲７六歩`, found `△七六`", 1),
        ("▲７六歩 なし", "syntax: 1:6: expected a move such as `▲７六歩`, found `なし`", 1),
        ("▲７六歩 △", "syntax: 1:6: expected a move such as `７六歩(77)`, found `△`", 1),
        ("▲７六歩 △同　歩", "illegal_move: 1:6: expected a legal move, found `△同　歩`", 1),
        ("▲２二角成", "illegal_move: 1:1: expected a legal move, found `▲２二角成`", 0),
        ("▲７六歩\n▲同", "illegal_move: 2:1: expected a move such as", 1),
    ] {
        let found = read(format!("{moves}\n").as_bytes());
        let first = &messages(&found)[0];
        if message.ends_with("as") {
            assert!(first.starts_with("syntax: 2:1: expected a move such as"), "{first}");
        } else {
            assert_eq!(first, message, "{moves}");
        }
        assert_eq!(found.games[0].moves.len(), kept, "{moves}");
        assert_ne!(found.games[0].tail, "", "{moves}");
    }
}

#[test]
fn endings_comments_and_variations() {
    let text = "▲７六歩 △３四歩 ▲２六歩\n*-30\n*▲２六歩(27)△８四歩(83)\n△８四歩\n*+Mate:5\n*△８四歩(83)\n\
                まで4手で後手の勝ち\n\n変化：　3手\n▲６六歩 △８四歩\nまで4手で千日手\n\n\
                変化：2手\n△８四歩 ▲２六歩\n";
    let found = read_full(text.as_bytes());
    assert_eq!(messages(&found), [""; 0]);
    let game = &found.games[0];
    assert_eq!(outline(game), "7g7f 3c3d 2g2f 8c8d (1: 8c8d 2g2f) (2: 6g6f 8c8d)");
    assert_eq!((game.ending, game.result), (Ending::Resign, GameResult::WhiteWins));
    assert_eq!(game.evals_cp, [None, None, Some(-30), Some(31_995)]);
    assert_eq!(game.comments.len(), 4);
    assert_eq!(game.variations[1].ending, Ending::Repetition);
    let counted = read(text.as_bytes());
    assert_eq!((counted.games[0].n_variations, counted.games[0].n_comments), (2, 2));
    // The ending in place of a move, as in KIF.
    let resigned = super::game("▲７六歩 △投了\n");
    assert_eq!((resigned.ending, resigned.result), (Ending::Resign, GameResult::BlackWins));
}

#[test]
fn people_write_more_into_lines_of_moves() {
    for encoding in ALL_ENCODINGS {
        let text =
            "▲先手：A\n△後手：B\n▲７六歩 △３四歩*between\n☗２六歩 ☖８四歩 まで4手で後手の勝ち\n";
        let found = read(&encode(&text.replace('☗', "▲").replace('☖', "△"), encoding));
        assert_eq!(messages(&found), [""; 0]);
        let game = &found.games[0];
        assert_eq!(usi(game), "7g7f 3c3d 2g2f 8c8d");
        assert_eq!((game.black.as_str(), game.white.as_str()), ("A", "B"));
        assert_eq!((game.ending, game.result), (Ending::Resign, GameResult::WhiteWins));
        assert_eq!(game.n_comments, 1);
        let found = read(&encode("▲７六歩\n△３四歩まで\n", encoding));
        assert_eq!((usi(&found.games[0]).as_str(), found.errors.len()), ("7g7f 3c3d", 0));
        assert_eq!(found.games[0].ending, Ending::Unknown);
    }
}
