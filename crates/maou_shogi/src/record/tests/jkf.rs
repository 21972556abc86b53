//! JKF: games, and what is wrong with them.

use super::*;

fn full(text: &str) -> Found {
    let mut found = Found::default();
    assert_eq!(Reader::full().read(text.as_bytes(), &mut found), Some(Format::Jkf), "{text}");
    found
}

/// The text of a game with these elements behind the first one.
fn with_moves(elements: &str) -> String {
    format!("{{\"header\":{{}},\"moves\":[{{}},{elements}]}}")
}

const PAWN: &str = r#"{"move":{"from":{"x":7,"y":7},"to":{"x":7,"y":6},"color":0,"piece":"FU"}}"#;
const REPLY: &str = r#"{"move":{"from":{"x":3,"y":3},"to":{"x":3,"y":4},"color":1,"piece":"FU"}}"#;

#[test]
fn a_game_with_everything() {
    let text = r#"{
      "moves": [
        {"comments": ["before\nthe\u0001first", ""]},
        {"time": {"now": {"m": 1, "s": 2}, "total": {"h": 0, "m": 1, "s": 2}},
         "comments": ["good"],
         "move": {"from": {"x": 7, "y": 7}, "piece": "FU", "to": {"x": 7, "y": 6}, "color": 0}},
        {"move": {"from": {"x": 3, "y": 3}, "to": {"x": 3, "y": 4}, "piece": "FU", "same": null},
         "time": {"now": {"h": 1, "m": 0, "s": 0.5}},
         "forks": [
           [{"move": {"from": {"x":8,"y":3}, "to": {"x":8,"y":4}, "piece": "FU", "color": 1}},
            {"special": "CHUDAN", "comments": ["stop"],
             "forks": [[{"move": {"from":{"x":2,"y":7},"to":{"x":2,"y":6},"piece":"FU","color":0}}]]}],
           [{"move": {"from": {"x":4,"y":1}, "to": {"x":3,"y":2}, "piece": "KI", "color": 1}}]]},
        {"move": {"from": {"x":8,"y":8}, "to": {"x":2,"y":2}, "piece":"KA", "capture":"KA",
                  "promote": true, "color": 0}},
        {"move": {"from": {"x":3,"y":1}, "to": {"x":2,"y":2}, "piece":"GI", "capture":"UM",
                  "same": true, "color": 1}},
        {"move": {"to": {"x":4,"y":5}, "piece":"KA", "color": 0, "relative": "H"}},
        {"special": "TORYO", "time": {"now": {"m": 0, "s": 3}, "total": {"m": 0, "s": 3}},
         "forks": [[{"move": {"from":{"x":4,"y":1},"to":{"x":3,"y":2},"piece":"KI"}}]]}
      ],
      "header": {"先手": " 山田 ", "後手": "b", "棋戦": "名人戦", "開始日時": "2025/01/05",
                 "場所": "東京", "手合割": "平手　　"},
      "initial": {"preset": "HIRATE"}
    }"#;
    let found = full(text);
    assert_eq!(messages(&found), [""; 0]);
    let game = &found.games[0];
    assert_eq!(usi(game), "7g7f 3c3d 8h2b+ 3a2b B*4e");
    assert_eq!(game.times_ms[..3], [Some(62_000), Some(3_600_500), None]);
    assert_eq!((game.result, game.ending), (GameResult::BlackWins, Ending::Resign));
    assert_eq!((game.black.as_str(), game.event.as_str()), ("山田", "名人戦"));
    assert_eq!(game.date, Date::new(2025, 1, 5));
    let keys: Vec<_> = game.headers.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["先手", "後手", "棋戦", "開始日時", "場所"]);
    let said: Vec<_> = game.comments.iter().map(|c| (c.ply, c.text)).collect();
    assert_eq!(said, [(0, "before"), (0, "the first"), (0, ""), (1, "good")]);
    let lines: Vec<_> = game.variations.iter().map(|v| (v.ply, v.moves.len())).collect();
    assert_eq!(lines, [(1, 1), (1, 1), (5, 1)]);
    let first = &game.variations[0];
    assert_eq!((first.ending, first.comments.iter().next().unwrap().ply), (Ending::Interrupted, 2));
    assert_eq!((first.variations.len(), first.variations[0].ply), (1, 2));
    assert_eq!(first.variations[0].moves[0].to_usi(), "2g2f");
    assert_eq!((game.n_variations, game.n_comments), (0, 0));

    let table = read(text.as_bytes());
    let game = &table.games[0];
    assert_eq!(usi(game), "7g7f 3c3d 8h2b+ 3a2b B*4e");
    assert_eq!((game.n_variations, game.n_comments), (4, 5));
    assert!(game.variations.is_empty() && game.comments.is_empty() && game.headers.is_empty());
}

#[test]
fn start_positions() {
    let board = |cells: &str| format!("[{}]", vec![format!("[{cells}]"); 9].join(","));
    let empty = board("{},{},{},{},{},{},{},{},{}");
    let one_king = empty.replacen("{}", r#"{"color":1,"kind":"OU"}"#, 1);
    for (initial, expected) in [
        ("null", "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1"),
        (r#"{"preset":"6"}"#, "2sgkgs2/9/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1"),
        (r#"{"preset":"KY_R"}"#, "1nsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1"),
        (
            &format!(
                r#"{{"preset":"OTHER","data":{{"board":{one_king},"color":0,"hands":[{{"FU":2,"OU":0}},{{}}]}}}}"#
            ),
            "8k/9/9/9/9/9/9/9/9 b 2P 1",
        ),
        (
            r#"{"preset":"OTHER","data":{"color":1,"board":{},"hands":[{},{"KI":1}]}}"#,
            "9/9/9/9/9/9/9/9/9 w g 1",
        ),
    ] {
        let text = format!(r#"{{"header":{{}},"moves":[{{}}],"initial":{initial}}}"#);
        let found = full(&text);
        assert_eq!(messages(&found), [""; 0], "{initial}");
        assert_eq!(found.games[0].start.to_sfen(), expected);
    }
    let named = full(r#"{"header":{"手合割":"二枚落ち"},"moves":[{}]}"#);
    assert!(named.games[0].start.to_sfen().starts_with("lnsgkgsnl/9/ppppppppp/"));
    for (initial, message) in [
        (r#"{"preset":"9"}"#, "1:47: expected the name of a preset, found `9`"),
        (r#"{}"#, "1:37: expected `preset` or `data`, found neither"),
        (r#"{"preset":"OTHER"}"#, "1:47: expected `data` beside `OTHER`, found `OTHER`"),
        (r#"7"#, "1:37: expected an initial position as an object, found `7`"),
        (
            r#"{"data":{"board":[[]],"color":0}}"#,
            "1:55: expected a file of nine squares, found `[]`",
        ),
        (r#"{"data":{"board":{},"color":2}}"#, "1:65: expected a color, 0 or 1, found `2`"),
        (
            r#"{"data":{"board":{},"hands":[{"OU":1}],"color":0}}"#,
            "1:72: expected a piece that can be in hand with a number, not `OU`, found `1`",
        ),
        (
            r#"{"data":{"board":{},"hands":[{"FU":-1}],"color":0}}"#,
            "1:72: expected a number of pieces from 0 to 18, found `-1`",
        ),
        (
            r#"{"data":{"board":{},"hands":[{"KI":3},{"KI":2}],"color":0}}"#,
            "1:45: expected at most 4 golds, found 5",
        ),
    ] {
        let text = format!(r#"{{"header":{{}},"moves":[{{}}],"initial":{initial}}}"#);
        let found = full(&text);
        assert_eq!(messages(&found), [format!("start_position: {message}")]);
        assert!(found.games.is_empty() && !found.errors[0].kept);
    }
}

#[test]
fn errors_point_at_the_value() {
    for (element, n_moves, message) in [
        (
            r#"{"move":{"from":{"x":7,"y":7},"to":{"x":7,"y":6},"color":1,"piece":"FU"}}"#,
            0,
            "illegal_move: 1:83: expected a move of Black, `0`, found `1`",
        ),
        (
            r#"{"move":{"from":{"x":7,"y":7},"to":{"x":7,"y":6},"color":0,"piece":"KY"}}"#,
            0,
            "illegal_move: 1:93: expected the piece on 77, `FU`, found `KY`",
        ),
        (
            r#"{"move":{"from":{"x":7,"y":7},"to":{"x":7,"y":5},"color":0,"piece":"FU"}}"#,
            0,
            "illegal_move: 1:34: expected a legal move, found `7g7e`",
        ),
        (
            r#"{"move":{"from":{"x":5,"y":5},"to":{"x":7,"y":5},"color":0,"piece":"FU"}}"#,
            0,
            "illegal_move: 1:42: expected a square with a piece of Black, found `55`, empty",
        ),
        (
            r#"{"move":{"from":{"x":3,"y":3},"to":{"x":7,"y":5},"color":0,"piece":"FU"}}"#,
            0,
            "illegal_move: 1:42: expected a square with a piece of Black, found `33` of the other side",
        ),
        (
            r#"{"move":{"to":{"x":7,"y":5},"color":0,"piece":"FU"}}"#,
            0,
            "illegal_move: 1:72: expected a piece in the hand of Black, found `FU`",
        ),
        (
            r#"{"move":{"from":{"x":7,"y":10},"to":{"x":7,"y":5},"color":0,"piece":"FU"}}"#,
            0,
            "syntax: 1:42: expected a square such as `{\"x\":7,\"y\":6}`, found `{\"x\":7,\"y\":10}`",
        ),
        (
            r#"{"move":{"from":{"x":7,"y":7},"color":0,"piece":"FU"}}"#,
            0,
            "syntax: 1:34: expected the square `to` of a move, found none",
        ),
        (r#"{"move":7}"#, 0, "syntax: 1:34: expected a move as an object, found `7`"),
        (r#"7"#, 0, "syntax: 1:26: expected a move as an object, found `7`"),
        (
            r#"{"move":{"from":{"x":7,"y":7},"to":{"x":7,"y":6},"piece":"FU","promote":1}}"#,
            0,
            "syntax: 1:98: expected true or false, found `1`",
        ),
        (
            r#"{"move":{"from":{"x":7,"y":7},"to":{"x":7,"y":6},"piece":"FU","capture":"KI"}}"#,
            1,
            "contradiction: 1:98: expected no `capture` on 76, found `KI`",
        ),
        (
            r#"{"move":{"from":{"x":7,"y":7},"to":{"x":7,"y":6},"piece":"FU","same":true}}"#,
            1,
            "contradiction: 1:95: expected `same` only on the square of the move before, found it on 76",
        ),
        (
            r#"{"special":"投了"}"#,
            0,
            "syntax: 1:37: expected an ending such as `TORYO`, found `投了`",
        ),
        (
            r#"{"time":{"now":{"m":"1"}}}"#,
            0,
            "syntax: 1:34: expected a time such as `{\"now\":{\"m\":0,\"s\":12}}`, found `{\"now\":{\"m\":\"1\"}}`",
        ),
        (r#"{"comments":"good"}"#, 0, "syntax: 1:38: expected an array of comments, found `\"`"),
        (r#"{"forks":7}"#, 0, "syntax: 1:35: expected variations as an array, found `7`"),
        (r#"{"forks":[7]}"#, 0, "syntax: 1:36: expected an array of moves, found `7`"),
    ] {
        let found = full(&with_moves(element));
        assert_eq!(messages(&found), [message], "{element}");
        assert_eq!(found.games[0].moves.len(), n_moves, "{element}");
        assert!(found.errors[0].kept);
    }
}

#[test]
fn a_game_is_kept_up_to_a_bad_move() {
    let bad = PAWN.replace("FU", "KY");
    let fork = format!(r#"{{"forks":[[{REPLY}],[{PAWN}]]}}"#);
    let found = full(&with_moves(&format!("{PAWN},{REPLY},{bad},{PAWN},{fork}")));
    assert_eq!(messages(&found).len(), 1, "{:?}", messages(&found));
    let game = &found.games[0];
    assert_eq!((usi(game).as_str(), game.ending), ("7g7f 3c3d", Ending::Unknown));
    assert!(game.tail.starts_with(r#"{"x":7,"y":7}"#), "{}", game.tail);
    // What leaves moves that are not kept is counted.
    assert_eq!((game.n_variations, game.variations.len()), (2, 0));
    // A record that owns up to it has no error.
    let played_twice = PAWN;
    let owned = full(&with_moves(&format!(
        "{PAWN},{REPLY},{played_twice},{{\"special\":\"ILLEGAL_MOVE\"}}"
    )));
    assert_eq!(messages(&owned), [""; 0]);
    let game = &owned.games[0];
    assert_eq!((game.ending, game.result), (Ending::IllegalMove, GameResult::WhiteWins));
}

#[test]
fn a_bad_variation_costs_itself_alone() {
    let bad = REPLY.replace("\"y\":4", "\"y\":5");
    let inner = PAWN.replace("7,\"y\":7", "2,\"y\":7").replace("7,\"y\":6", "2,\"y\":6");
    let with_forks = REPLY.replacen(
        '{',
        &format!("{{\"forks\":[[{bad},{{\"forks\":[[{inner}]]}}],[{REPLY},{inner}]],"),
        1,
    );
    let found = full(&with_moves(&format!("{PAWN},{with_forks}")));
    assert_eq!(messages(&found), ["illegal_move: 1:119: expected a legal move, found `3c3e`"]);
    let game = &found.games[0];
    assert_eq!((usi(game).as_str(), game.n_variations), ("7g7f 3c3d", 1));
    assert_eq!(game.variations.len(), 2);
    assert_eq!((game.variations[0].moves.len(), game.variations[1].moves.len()), (0, 2));
    assert!(game.variations[0].tail.starts_with("{\"from\""));
}

#[test]
fn many_games() {
    let game = with_moves(PAWN);
    for text in [
        format!("[{game},{game}]"),
        format!("{game}\n{game}\n"),
        format!(" [ {game} ]\n{game}\u{1A}"),
    ] {
        let found = full(&text);
        assert_eq!((messages(&found).len(), found.games.len()), (0, 2), "{text}");
    }
    let found = full(&format!("[{game},7,{{}},{game}"));
    assert_eq!(found.games.len(), 2);
    assert_eq!(
        messages(&found),
        [
            "syntax: 1:103: expected a game as an object, found `7`",
            "syntax: 1:105: expected a game with `moves`, found none",
            "syntax: 1:208: expected `,` or `]`, found the end of the file",
        ]
    );
}

#[test]
fn a_text_that_breaks_off_is_kept_up_to_there() {
    let text = with_moves(&format!("{PAWN},{REPLY}"));
    let cut = &text[..text.len() - 5];
    let found = full(cut);
    assert_eq!(usi(&found.games[0]), "7g7f");
    assert_eq!(
        messages(&found),
        ["syntax: 1:170: expected `\"` at the end of a string, found the end of the file"]
    );
    let found = full(&text.replace("\"y\":4}", "\"y\":4"));
    assert_eq!(usi(&found.games[0]), "7g7f");
    assert_eq!(messages(&found).len(), 1);
    // Every prefix that is still known as JKF gives an error and never a panic.
    let text = format!(
        r#"{{"header":{{"先手":"a"}},"moves":[{{"comments":["x"]}},{PAWN},{{"forks":[[{REPLY}]]}}],"initial":{{"preset":"HIRATE"}}}}"#
    );
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        let mut found = Found::default();
        let format = Reader::full().read(&text.as_bytes()[..end], &mut found);
        assert_eq!(found.errors.len(), 1, "{}: {:?}", &text[..end], messages(&found));
        assert!(format.is_some() || found.games.is_empty());
        read(&text.as_bytes()[..end]);
    }
}

#[test]
fn nesting_is_limited() {
    let mut deep = String::new();
    for _ in 0..2_000 {
        deep.push_str("{\"forks\":[[");
    }
    let found = full(&with_moves(&deep));
    assert_eq!(messages(&found), ["syntax: 1:2369: expected at most 640 values within each other"]);
    let mut nested = PAWN.to_owned();
    for _ in 0..205 {
        nested = PAWN.replacen('{', &format!("{{\"forks\":[[{nested}]],"), 1);
    }
    let found = full(&with_moves(&nested));
    assert_eq!((found.games.len(), messages(&found).len()), (1, 0));
    // All of them replace the first move.
    assert_eq!(found.games[0].variations.len(), 205);
}

#[test]
fn other_encodings_are_decoded() {
    let text = with_moves(PAWN).replace("\"header\":{}", "\"header\":{\"先手\":\"表示ソフト\"}");
    for encoding in [Encoding::ShiftJis, Encoding::EucJp] {
        let found = read(&encode(&text, encoding));
        assert_eq!((found.games[0].black.as_str(), found.errors.len()), ("表示ソフト", 0));
    }
}

/// Number of lines in variations and those that leave them.
fn n_lines(variations: &[Variation]) -> u32 {
    variations.iter().map(|line| 1 + n_lines(&line.variations)).sum()
}

/// A fixed sequence of numbers (xorshift).
fn below(state: &mut u64, limit: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state % limit.max(1) as u64) as usize
}

#[test]
fn mutated_texts_never_panic_and_what_is_kept_is_legal() {
    const LIKELY: &[u8] = b"{}[]\",:0123456789-.e\\ntfu \n\x80\xE6";
    const WORDS: [&str; 8] = [
        "\"forks\":[[",
        "\"moves\":[",
        "\"special\":\"TORYO\"",
        "\"comments\":[\"**42\"]",
        "\"initial\":{\"preset\":\"2\"}",
        "null",
        "{}",
        "]}]",
    ];
    let fork = REPLY.replacen('{', &format!("{{\"forks\":[[{REPLY},{PAWN}],[{REPLY}]],"), 1);
    let text = with_moves(&format!("{{\"comments\":[\"x\",\"*評価値=7\"]}},{PAWN},{fork},{PAWN}"));
    let usi = "position startpos moves 7g7f 3c3d 8h2b+ resign # x\n\
               sfen 4k4/9/4P4/9/9/9/9/9/9 b G 1\nlnsgkgsnl/1r5b1/9/9/9/9/9/9/4K4 w - 1 2b3c\n";
    let mut state = 0x2545_F491_4F6C_DD1D;
    let mut n_games = 0;
    for number in 0..20_000 {
        let sample = if number % 4 == 3 { usi } else { text.as_str() };
        let mut bytes = sample.as_bytes().to_vec();
        for _ in 0..=below(&mut state, 4) {
            let at = below(&mut state, bytes.len());
            match below(&mut state, 5) {
                0 => bytes[at] = LIKELY[below(&mut state, LIKELY.len())],
                1 => bytes.insert(at, LIKELY[below(&mut state, LIKELY.len())]),
                2 => drop(bytes.drain(at..(at + 1 + below(&mut state, 12)).min(bytes.len()))),
                3 => {
                    let word = WORDS[below(&mut state, WORDS.len())].bytes();
                    bytes.splice(at..at, word);
                }
                _ => bytes.truncate(at + 1),
            }
            if bytes.is_empty() {
                bytes.push(b'{');
            }
        }
        let mut found = Found::default();
        Reader::full().read(&bytes, &mut found);
        for game in &found.games {
            assert_eq!(game.check(), Ok(()));
            for format in Format::ALL {
                write_record(format, game, &mut String::new());
            }
        }
        let table = read(&bytes);
        assert_eq!(table.games.len(), found.games.len());
        for (table, full) in table.games.iter().zip(&found.games) {
            assert_eq!((table.id(), &table.tail), (full.id(), &full.tail));
            assert_eq!(table.evals_cp, full.evals_cp);
            let n_kept = n_lines(&full.variations);
            let text = String::from_utf8_lossy(&bytes);
            assert_eq!(table.n_variations, full.n_variations + n_kept, "{text}");
        }
        n_games += table.games.len();
    }
    assert!(n_games > 10_000, "mutations are mild enough to leave games: {n_games}");
}

#[test]
fn errors_in_many_variations_do_not_take_quadratic_time() {
    // Variations are read from the end to the start: the place of each error is before the last.
    let bad = format!("{{\"forks\":[[{PAWN}]]}},");
    let text = with_moves(&format!("{PAWN},{}{{}}", bad.repeat(20_000)));
    let found = full(&text);
    assert_eq!((found.games.len(), found.errors.len()), (1, 20_000));
    assert_eq!(found.errors[19_999].column, 168);
}

#[test]
fn a_text_that_breaks_off_deep_within_is_read_once() {
    let mut text = with_moves(PAWN);
    text.truncate(text.len() - 2);
    // Not the first move, or all of them would be variations of one line.
    for (from, to) in [((3, 3), (3, 4)), ((2, 7), (2, 6))].iter().cycle().take(150) {
        let ((x, y), (to_x, to_y)) = (from, to);
        text.push_str(&format!(
            ",{{\"forks\":[[{{\"move\":{{\"from\":{{\"x\":{x},\"y\":{y}}},\
             \"to\":{{\"x\":{to_x},\"y\":{to_y}}}}}}}"
        ));
    }
    text.push_str(&",{\"comments\":[\"x\"]}".repeat(200_000));
    let found = full(&text);
    assert_eq!((found.games.len(), found.games[0].moves.len()), (1, 1));
    assert!(found.errors.iter().any(|error| error.message.contains("end of the file")));
}
