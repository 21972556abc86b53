use super::*;

const EVEN: &str = "P1-KY-KE-GI-KI-OU-KI-GI-KE-KY
P2 * -HI *  *  *  *  * -KA * 
P3-FU-FU-FU-FU-FU-FU-FU-FU-FU
P4 *  *  *  *  *  *  *  *  * 
P5 *  *  *  *  *  *  *  *  * 
P6 *  *  *  *  *  *  *  *  * 
P7+FU+FU+FU+FU+FU+FU+FU+FU+FU
P8 * +KA *  *  *  *  * +HI * 
P9+KY+KE+GI+KI+OU+KI+GI+KE+KY
";

fn with_moves(moves: &str) -> String {
    format!("V2.2\nPI\n+\n{moves}")
}

#[test]
fn a_floodgate_game() {
    let record = game(&format!(
        "V2\nN+one\nN-two, the other\n'Max_Moves:256\n$EVENT:wdoor+one+two\n\
         $START_TIME:2025/01/05 10:00:01\n{EVEN}+\n\
         'rating:one+1f:two+2e\n'black_rate:one+1f:1703.5\n'white_rate:two+2e:3034.0\n\
         +7776FU\nT12\n'** 42 -3334FU\n-3334FU\nT0\n'** 30 +2726FU\n+2726FU\nT3\n-8384FU\n\
         T4\n'** -100000\n%TORYO\n'P1-KY\n'summary:toryo:one lose:two win\n"
    ));
    assert_eq!(usi(&record), "7g7f 3c3d 2g2f 8c8d");
    assert_eq!(record.evals_cp, [Some(42), Some(-30), None, Some(32_000)]);
    assert_eq!(record.times_ms, [Some(12_000), Some(0), Some(3_000), Some(4_000)]);
    assert_eq!((record.result, record.ending), (GameResult::WhiteWins, Ending::Resign));
    assert_eq!((record.black.as_str(), record.white.as_str()), ("one", "two, the other"));
    assert_eq!(record.event, "wdoor+one+two");
    assert_eq!((record.black_rating, record.white_rating), (Some(1703.5), Some(3034.0)));
    assert_eq!(record.date, Date::new(2025, 1, 5));
    assert_eq!(record.n_comments, 3);
    assert_eq!(record.tail, "");
}

#[test]
fn a_second_eval_of_a_move_and_one_before_all_moves_are_comments() {
    let record = game(&with_moves("'** 5\n+7776FU\n'** 1\n'** 2\n%TORYO\n'** 3\n"));
    assert_eq!(record.evals_cp, [Some(1)]);
    assert_eq!(record.n_comments, 3);
}

#[test]
fn statements_on_one_line() {
    let record = game(&with_moves(
        "+7776FU,T12\n-3334FU ,T1       ,'T1 ,  comment\n+2726FU,T3,-8384FU,T4\n%CHUDAN,T51\n",
    ));
    assert_eq!(usi(&record), "7g7f 3c3d 2g2f 8c8d");
    assert_eq!(record.times_ms, [Some(12_000), Some(1_000), Some(3_000), Some(4_000)]);
    assert_eq!(record.ending, Ending::Interrupted);
}

/// The time stands behind the ending, known or not, and is none of a move.
#[test]
fn the_time_of_an_ending_is_not_that_of_the_last_move() {
    for ending in ["%TORYO\nT9\n", "%TORYO,T9\n", "%WHAT\nT9\n", "%WHAT,T9\n", "%WHAT\r\nT9"] {
        let found = read(with_moves(&format!("+7776FU\nT1\n{ending}")).as_bytes());
        assert_eq!(found.games[0].times_ms, [Some(1_000)], "{ending}");
    }
}

#[test]
fn times_of_version_3() {
    let record = game(
        "'CSA encoding=UTF-8\nV3.0\nPI\n+\n+7776FU\nT3.123\n-3334FU\nT0.5\n+2726FU\nT7.\n%MAX_MOVES\n",
    );
    assert_eq!(record.times_ms, [Some(3_123), Some(500), Some(7_000)]);
    assert_eq!((record.result, record.ending), (GameResult::Draw, Ending::MaxMoves));
}

#[test]
fn start_positions() {
    let tsume = "9/9/3pp4/+r2k1p3/2L1+p4/2+R6/B8/B8/9 b 4g4s4n3l14p 1";
    for (text, expected) in [
        ("PI\n+", Setup::startpos().to_sfen()),
        ("+", Setup::startpos().to_sfen()),
        (&format!("{EVEN}+"), Setup::startpos().to_sfen()),
        (&format!("{}+", EVEN.replace(" * \n", " *\n")), Setup::startpos().to_sfen()),
        ("PI82HI22KA\n-", Setup::handicap(crate::Handicap::Two).to_sfen()),
        (
            "P1 *  *  *  *  *  *  *  *  *\nP2 *  *  *  *  *  *  *  *  *\nP3 *  *  * -FU-FU *  *  *  *\n\
             P4-RY *  * -OU * -FU *  *  *\nP5 *  * +KY * -TO *  *  *  *\nP6 *  * +RY *  *  *  *  *  *\n\
             P7+KA *  *  *  *  *  *  *  *\nP8+KA *  *  *  *  *  *  *  *\nP9 *  *  *  *  *  *  *  *  *\n\
             P-00AL\n+",
            tsume.to_owned(),
        ),
        ("P-63FU53FU94RY64OU44FU55TO\nP+75KY76RY97KA98KA\nP-00AL\n+", tsume.to_owned()),
        ("P-51OU\nP+59OU00FU00FU00KI\n-", "4k4/9/9/9/9/9/9/9/4K4 w G2P 1".to_owned()),
    ] {
        let record = game(&format!("{text}\n%CHUDAN\n"));
        assert_eq!(record.start.to_sfen(), expected, "{text}");
    }
}

#[test]
fn endings() {
    use GameResult::{BlackWins, Draw, Unknown, WhiteWins};
    for (name, ending, black_to_move, white_to_move) in [
        ("%TORYO", Ending::Resign, WhiteWins, BlackWins),
        ("%CHUDAN", Ending::Interrupted, Unknown, Unknown),
        ("%TIME_UP", Ending::Time, WhiteWins, BlackWins),
        ("%ILLEGAL_MOVE", Ending::IllegalMove, WhiteWins, BlackWins),
        ("%+ILLEGAL_ACTION", Ending::IllegalAction, WhiteWins, WhiteWins),
        ("%-ILLEGAL_ACTION", Ending::IllegalAction, BlackWins, BlackWins),
        ("%JISHOGI", Ending::Impasse, Draw, Draw),
        ("%KACHI", Ending::Declaration, BlackWins, WhiteWins),
        ("%HIKIWAKE", Ending::Impasse, Draw, Draw),
        ("%MAX_MOVES", Ending::MaxMoves, Draw, Draw),
        ("%MATTA", Ending::Takeback, Unknown, Unknown),
        ("%TSUMI", Ending::Checkmate, WhiteWins, BlackWins),
        ("%FUZUMI", Ending::NoMate, Unknown, Unknown),
        ("%ERROR", Ending::Error, Unknown, Unknown),
        ("", Ending::Unknown, Unknown, Unknown),
    ] {
        let black = game(&with_moves(&format!("+7776FU\n-3334FU\n{name}\n")));
        assert_eq!((black.ending, black.result), (ending, black_to_move), "{name}");
        let white = game(&with_moves(&format!("+7776FU\n{name},T3\n")));
        assert_eq!((white.ending, white.result), (ending, white_to_move), "{name}");
    }
}

#[test]
fn summaries_of_floodgate() {
    for (lines, ending, result) in [
        ("'summary:max_moves:a draw:b draw", Ending::MaxMoves, GameResult::Draw),
        ("%CHUDAN\n'summary:abnormal:a lose:b win", Ending::Interrupted, GameResult::Unknown),
        ("%TIME_UP\n'summary:time up:a win:b lose", Ending::Time, GameResult::BlackWins),
    ] {
        let record = game(&with_moves(&format!("+7776FU\n{lines}\n")));
        assert_eq!((record.ending, record.result), (ending, result), "{lines}");
    }
}

#[test]
fn results_that_contradict_each_other() {
    let found = read(with_moves("+7776FU\n%TORYO\n'summary:toryo:a lose:b win\n").as_bytes());
    assert_eq!(
        messages(&found),
        [
            "contradiction: 6:1: expected `resign: Black wins` as told before, found `resign: White wins`"
        ]
    );
    assert!(found.errors[0].kept);
    assert_eq!(found.games[0].result, GameResult::Unknown);
    assert_eq!(found.games[0].ending, Ending::Resign);
}

#[test]
fn perpetual_check_loses() {
    let start = "P1 *  *  *  *  *  *  *  * -OU\nP2 *  *  *  *  *  *  *  *  *\nP3 *  *  *  *  *  *  *  *  *\n\
                 P4 *  *  *  *  *  *  *  *  *\nP5 *  *  *  *  *  *  *  *  *\nP6 *  *  *  *  *  *  *  *  *\n\
                 P7 *  *  *  *  *  *  *  *  *\nP8 *  *  *  *  *  *  *  *  *\nP9+OU *  *  *  *  *  * +HI *\n+\n";
    let checks = "+2919HI\n-1121OU\n+1929HI\n-2111OU\n".repeat(3);
    let record = game(&format!("{start}{checks}%SENNICHITE\n"));
    assert_eq!((record.ending, record.result), (Ending::PerpetualCheck, GameResult::WhiteWins));
    let quiet = "+2928HI\n-1121OU\n+2829HI\n-2111OU\n"
        .repeat(3)
        .replace("+2928HI", "+2939HI")
        .replace("+2829HI", "+3929HI");
    let record = game(&format!("{start}{quiet}%SENNICHITE\n"));
    assert_eq!((record.ending, record.result), (Ending::Repetition, GameResult::Draw));
}

#[test]
fn several_games() {
    for separator in ["/\n", "/\r\n", ""] {
        let one = "V2.2\nN+a\nPI\n+\n+7776FU\n%TORYO\n";
        let two = "N+b\n$EVENT:e\nPI82HI\n-\n-5142OU\n%CHUDAN\n";
        let found = read(format!("{one}{separator}{two}{separator}").as_bytes());
        assert_eq!(messages(&found), [""; 0]);
        assert_eq!(found.games.len(), 2);
        let [one, two] = [&found.games[0], &found.games[1]];
        assert_eq!(
            (one.black.as_str(), one.event.as_str(), usi(one)),
            ("a", "", "7g7f".to_owned())
        );
        assert_eq!(
            (two.black.as_str(), two.event.as_str(), usi(two)),
            ("b", "e", "5a4b".to_owned())
        );
        assert_eq!(two.start.turn(), Color::White);
    }
}

#[test]
fn games_that_start_alike_share_the_start_position() {
    let mut reader = Reader::new();
    for (start, expected) in [
        (EVEN, Setup::startpos().to_sfen()),
        (EVEN, Setup::startpos().to_sfen()),
        (
            &EVEN.replace("-HI", " * "),
            Setup::handicap(crate::Handicap::Rook).to_sfen().replace(" w ", " b "),
        ),
        (EVEN, Setup::startpos().to_sfen()),
    ] {
        let mut found = Found::default();
        reader.read(format!("{start}+\n+7776FU\n").as_bytes(), &mut found);
        assert_eq!(found.games[0].start.to_sfen(), expected);
        assert_eq!(usi(&found.games[0]), "7g7f");
    }
    // The same lines with another side to move, and with more lines behind.
    let mut found = Found::default();
    reader.read(format!("{EVEN}-\n-3334FU\n").as_bytes(), &mut found);
    assert_eq!(usi(&found.games[0]), "3c3d");
}

#[test]
fn bad_moves_end_the_main_line() {
    for (moves, kept, message, tail) in [
        (
            "+7776FU\n-3334FU\n+2725FU\n-8384FU\n%TORYO\n",
            2,
            "illegal_move: 6:1: expected a legal move, found `+2725FU`",
            "+2725FU\n-8384FU\n%TORYO",
        ),
        (
            "+7776FU\n+2726FU\n",
            1,
            "illegal_move: 5:1: expected a move of White (`-`), found `+2726FU`",
            "+2726FU",
        ),
        (
            "+7776FU,T1,-5554FU,T2\n",
            1,
            "illegal_move: 4:12: expected a legal move, found `-5554FU`: White has no piece on 55",
            "-5554FU,T2",
        ),
        ("+8822KA\n", 0, "illegal_move: 4:1: expected a legal move, found `+8822KA`", "+8822KA"),
        (
            "+7776KI\n",
            0,
            "illegal_move: 4:1: expected a legal move, found `+7776KI`: the piece on 77 is `FU`",
            "+7776KI",
        ),
        ("+0055FU\n", 0, "illegal_move: 4:1: expected a legal move, found `+0055FU`", "+0055FU"),
        ("+7777FU\n", 0, "illegal_move: 4:1: expected a legal move, found `+7777FU`", "+7777FU"),
        (
            "+0055TO\n",
            0,
            "syntax: 4:1: expected a move such as `+7776FU`, found `+0055TO`",
            "+0055TO",
        ),
        (
            "+7776XX\n",
            0,
            "syntax: 4:1: expected a move such as `+7776FU`, found `+7776XX`",
            "+7776XX",
        ),
        (
            "+7706FU\n",
            0,
            "syntax: 4:1: expected a move such as `+7776FU`, found `+7706FU`",
            "+7706FU",
        ),
        (
            "+7776FUx\n",
            0,
            "syntax: 4:1: expected a move such as `+7776FU`, found `+7776FUx`",
            "+7776FUx",
        ),
        (
            "+7776FU\n-333",
            1,
            "syntax: 5:1: expected a move such as `+7776FU`, found `-333`",
            "-333",
        ),
        ("+7776FU\n-", 1, "syntax: 5:1: expected a move such as `+7776FU`, found `-`", ""),
        (
            "+7776FU\nwhat\n-3334FU\n",
            1,
            "syntax: 5:1: expected a statement of CSA, found `what`",
            "what\n-3334FU",
        ),
    ] {
        let found = read(with_moves(moves).as_bytes());
        assert_eq!(messages(&found), [message], "{moves}");
        assert!(found.errors[0].kept);
        let record = &found.games[0];
        assert_eq!(record.moves.len(), kept, "{moves}");
        assert_eq!(record.tail, tail, "{moves}");
        assert_eq!(
            (record.ending, record.result),
            (Ending::Unknown, GameResult::Unknown),
            "{moves}"
        );
    }
}

#[test]
fn an_illegal_move_that_the_record_owns_up_to_is_no_error() {
    let record = game(&with_moves("+7776FU\n-3335FU\nT3\n%ILLEGAL_MOVE\n"));
    assert_eq!((record.ending, record.result), (Ending::IllegalMove, GameResult::BlackWins));
    assert_eq!(
        (usi(&record).as_str(), record.tail.as_str()),
        ("7g7f", "-3335FU\nT3\n%ILLEGAL_MOVE")
    );
    // But not if the game went on.
    let found = read(with_moves("+7776FU\n-3335FU\n+2726FU\n%ILLEGAL_MOVE\n").as_bytes());
    assert_eq!(found.errors.len(), 1);
    assert_eq!(found.games[0].ending, Ending::Unknown);
}

#[test]
fn a_long_tail_is_cut() {
    let moves = format!("+7776FU\n+2726FU\n{}", "'歩\n".repeat(600));
    let found = read(with_moves(&moves).as_bytes());
    assert_eq!(found.games[0].tail.chars().count(), 1000);
}

#[test]
fn other_bad_lines_cost_only_themselves() {
    for (text, message) in [
        (
            "V2.2\nhello\nPI\n+\n+7776FU\n%TORYO\n",
            "syntax: 2:1: expected a statement of CSA, found `hello`",
        ),
        (
            "V2.2\nPI\n+\n+7776FU\nTx\n%TORYO\n",
            "syntax: 5:1: expected a time in seconds such as `T12`, found `Tx`",
        ),
        (
            "V2.2\nPI\n+\n+7776FU\nT4294968\n%TORYO\n",
            "syntax: 5:1: expected a time in seconds such as `T12`, found `T4294968`",
        ),
        (
            "V2.2\nPI\n+\n+7776FU\nT1\n%TORYO\n%WHAT\n",
            "syntax: 7:1: expected an ending such as `%TORYO`, found `%WHAT`",
        ),
        (
            "V2.2\nPI\n+\n+7776FU\n%TORYO\n-3334FU\n+2726FU\n",
            "syntax: 6:1: expected nothing more after the end of the game, found `-3334FU`",
        ),
    ] {
        let found = read(text.as_bytes());
        assert_eq!(messages(&found), [message], "{text}");
        assert!(found.errors[0].kept);
        assert_eq!(usi(&found.games[0]), "7g7f", "{text}");
        assert_eq!(found.games[0].ending, Ending::Resign, "{text}");
    }
}

#[test]
fn bad_start_positions_cost_the_game_and_no_other() {
    for (start, message) in [
        ("PI82KA\n+", "2:3: expected a piece of the even position on its square, found `82KA`"),
        ("PI8\n+", "2:3: expected a square and its piece such as `82HI`, found `8`"),
        ("P1-KY-XX\n+", "2:6: expected a piece such as `+FU` or ` * `, found `-XX`"),
        (
            "P1-KY-KE-GI-KI-OU-KI-GI-KE\n+",
            "2:27: expected nine cells such as `+FU` or ` * `, found ``",
        ),
        ("P1-KY-KE-GI-KI-OU-KI-GI-KE-KY+FU\n+", "2:30: expected nine cells, found `+FU`"),
        ("P+00OU\n+", "2:3: expected a piece for the hand such as `00FU`, found `00OU`"),
        ("P+59OU59FU\n+", "2:7: expected an empty square, found `59FU`"),
        ("P+5\n+", "2:3: expected a square and a piece such as `59OU`, found `5`"),
        ("PX\n+", "2:1: expected `PI`, `P1` to `P9`, `P+` or `P-`, found `PX`"),
        ("P+59OU58OU\n+", "2:1: expected at most one king of Black, found another on `5i`"),
        ("-", "2:1: expected a start position before White's first move, found none"),
        ("PI", "2:3: expected the side to move (`+` or `-`), found the end of the game"),
    ] {
        let text = format!("N+a\n{start}\n/\nN+b\nPI\n+\n+7776FU\n%TORYO\n");
        let found = read(text.as_bytes());
        assert_eq!(messages(&found), [format!("start_position: {message}")], "{text}");
        assert!(!found.errors[0].kept);
        assert_eq!(found.games.len(), 1, "{text}");
        assert_eq!(found.games[0].black, "b");
    }
}

#[test]
fn a_record_that_is_cut_off_before_its_start_is_an_error() {
    let message = "expected the side to move (`+` or `-`), found the end of the game";
    for (text, place) in [("V2.2", "1:5"), ("V2.2\n", "1:5"), ("V2.2\n'a comment\n", "2:11")] {
        let found = read(text.as_bytes());
        assert_eq!(messages(&found), [format!("start_position: {place}: {message}")], "{text}");
        assert!(found.games.is_empty());
    }
}

#[test]
fn names_in_each_encoding() {
    let text = "V2.2\nN+山田 太郎\nN-鈴木､ﾊﾅｺ\n$EVENT:第１回 ソ－表示\nPI\n+\n+7776FU,'７六歩\n-3335FU\n%TORYO\n";
    for encoding in [Encoding::Utf8, Encoding::ShiftJis, Encoding::EucJp] {
        let found = read(&encode(text, encoding));
        let record = &found.games[0];
        assert_eq!((record.black.as_str(), record.white.as_str()), ("山田 太郎", "鈴木､ﾊﾅｺ"));
        assert_eq!(
            record.event, "第１回 ソ－表示",
            "the second byte of ソ and 表 is a backslash in Shift_JIS"
        );
        assert_eq!(messages(&found), ["illegal_move: 8:1: expected a legal move, found `-3335FU`"]);
    }
    let with_mark = format!("\u{FEFF}{text}");
    assert_eq!(read(with_mark.as_bytes()).games[0].black, "山田 太郎");
}

#[test]
fn statements_may_share_a_line() {
    let text = "PI82HI,-,-3334FU,T3,+7776FU,T+600,%TORYO\n/\nPI82HI,-,-5142OU,%CHUDAN\n";
    let mut reader = Reader::new();
    // A reader that has seen the start reads it no other way.
    for _ in 0..3 {
        let mut found = Found::default();
        assert_eq!(reader.read(text.as_bytes(), &mut found), Some(Format::Csa));
        assert_eq!(messages(&found), [""; 0]);
        let moves: Vec<_> = found.games.iter().map(usi).collect();
        assert_eq!(moves, ["3c3d 7g7f", "5a4b"]);
        assert_eq!(found.games[0].times_ms, [Some(3_000), Some(600_000)]);
        assert_eq!(found.games[0].ending, Ending::Resign);
    }
}

#[test]
fn an_illegal_action_may_be_the_last_move() {
    let with = |end: &str| read(format!("PI\n+\n+7776FU\n-3334FU\n+8899UM\n{end}\n").as_bytes());
    let found = with("%+ILLEGAL_ACTION");
    assert_eq!(messages(&found), [""; 0]);
    let game = &found.games[0];
    assert_eq!((game.ending, game.result), (Ending::IllegalAction, GameResult::WhiteWins));
    assert_eq!((usi(game).as_str(), &game.tail[..7]), ("7g7f 3c3d", "+8899UM"));
    // The other side's is another one, of which nothing is known here.
    let found = with("%-ILLEGAL_ACTION");
    assert_eq!(messages(&found).len(), 1);
    assert_eq!(found.games[0].result, GameResult::Unknown);
}
