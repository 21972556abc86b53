//! USI lines and lists of SFENs.

use super::*;

const EVEN: &str = "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b -";

/// Start, moves, result and ending of a game.
type Told = (String, String, GameResult, Ending);

fn told(text: &str) -> (Option<Format>, Vec<Told>, Vec<String>) {
    let mut found = Found::default();
    let format = Reader::full().read(text.as_bytes(), &mut found);
    let messages = messages(&found);
    let games = found.games.into_iter();
    let told = games.map(|g| (g.start.to_sfen(), usi(&g), g.result, g.ending));
    (format, told.collect(), messages)
}

#[test]
fn a_game_in_all_spellings() {
    for text in [
        "position startpos moves 7g7f 3c3d",
        "startpos moves 7g7f 3c3d",
        "startpos 7g7f 3c3d",
        "moves 7g7f 3c3d",
        "7g7f 3c3d",
        "  position  startpos\tmoves 7g7f  3c3d \r\n\r\n",
        "# a game\n\nposition startpos moves 7g7f 3c3d # so far\n",
        &format!("position sfen {EVEN} 1 moves 7g7f 3c3d"),
        &format!("position {EVEN} 1 moves 7g7f 3c3d"),
        &format!("sfen {EVEN} 1 moves 7g7f 3c3d\n"),
        &format!("sfen {EVEN} moves 7g7f 3c3d\n"),
        &format!("{EVEN} 35 moves 7g7f 3c3d\n"),
        &format!("{EVEN} 0 7g7f 3c3d\n"),
        &format!("{EVEN} 7g7f 3c3d\n"),
        "\u{FEFF}position startpos moves 7g7f 3c3d",
    ] {
        let (format, games, errors) = told(text);
        assert_eq!((format, errors.len()), (Some(Format::Usi), 0), "{text} {errors:?}");
        let (start, moves, result, ending) = &games[0];
        assert_eq!((start.as_str(), moves.as_str()), (format!("{EVEN} 1").as_str(), "7g7f 3c3d"));
        assert_eq!((*result, *ending, games.len()), (GameResult::Unknown, Ending::Unknown, 1));
    }
}

#[test]
fn a_position_on_each_line() {
    let mate = "4k4/9/4P4/9/9/9/9/9/9 b G 1";
    for text in [
        format!("{EVEN} 1\n{mate}\n"),
        format!("sfen {EVEN} 1\nsfen {mate}"),
        format!("sfen {EVEN}\r\n\r\n{mate} # mate in one\r\n"),
    ] {
        let (format, games, errors) = told(&text);
        assert_eq!((format, errors.len()), (Some(Format::Sfen), 0), "{text} {errors:?}");
        assert_eq!(
            games.iter().map(|g| g.0.as_str()).collect::<Vec<_>>(),
            [format!("{EVEN} 1").as_str(), mate]
        );
        assert!(games.iter().all(|g| g.1.is_empty()));
    }
    let (format, games, errors) = told(&format!("position sfen {mate}\n"));
    assert_eq!((format, games.len(), errors.len()), (Some(Format::Usi), 1, 0));
}

#[test]
fn endings_as_engines_write_them() {
    use GameResult::{BlackWins, Draw, WhiteWins};
    for (word, expected) in [
        ("resign", (WhiteWins, Ending::Resign)),
        ("win", (BlackWins, Ending::Declaration)),
        ("draw", (Draw, Ending::Unknown)),
        ("rep_draw", (Draw, Ending::Repetition)),
        ("timeout", (WhiteWins, Ending::Time)),
    ] {
        let (_, games, errors) = told(&format!("startpos moves 7g7f 3c3d {word}\n"));
        assert_eq!((games[0].2, games[0].3), expected, "{word}");
        // The position was there once only.
        assert_eq!(errors.len(), usize::from(word == "rep_draw"), "{word}");
    }
}

#[test]
fn a_bad_line_costs_itself_alone() {
    let text = format!(
        "position startpos moves 7g7f\n\
         position sfen 9/9 b - 1\n\
         position\n\
         startpos moves 7g7f 7g7f 3c3d\n\
         startpos moves 7g7f 歩\n\
         startpos moves 7g7f resign 3c3d\n\
         position  sfen  {EVEN}x 1\n\
         sfen 9/9/9/9/4K4/9/9/9/4K4 b - 1 moves\n\
         歩歩 startpos\n\
         {EVEN} 1\n"
    );
    let (_, games, errors) = told(&text);
    let moves: Vec<_> = games.iter().map(|g| g.1.as_str()).collect();
    assert_eq!(moves, ["7g7f", "7g7f", "7g7f", "7g7f", ""]);
    assert_eq!(games[3].3, Ending::Resign);
    assert_eq!(
        errors,
        [
            "start_position: 2:18: expected `/` after rank 2, found ` `",
            "syntax: 3:1: expected `position`, an SFEN or moves such as `7g7f`, found `position`",
            "illegal_move: 4:21: expected a legal move, found `7g7f`",
            "syntax: 5:21: expected a move such as `7g7f`, `8h2b+` or `P*5e`, found `歩`",
            "syntax: 6:28: expected nothing more after the end of the game, found `3c3d`",
            "start_position: 7:78: expected a space and the move number, found `x`",
            "start_position: 8:25: expected at most one king of Black, found another on `5i`",
            "syntax: 9:1: expected `position`, an SFEN or moves such as `7g7f`, found `歩歩 startpos`",
        ]
    );
    let tails: Vec<_> = {
        let found = read(text.as_bytes());
        found.games.into_iter().map(|game| game.tail).collect()
    };
    assert_eq!(tails, ["", "7g7f 3c3d", "歩", "3c3d", ""]);
}

#[test]
fn comments_are_kept_where_everything_is() {
    let mut found = Found::default();
    let text = "# first\nstartpos moves 7g7f # last\n";
    Reader::full().read(text.as_bytes(), &mut found);
    let comments: Vec<_> = found.games[0].comments.iter().map(|c| (c.ply, c.text)).collect();
    assert_eq!(comments, [(0, "first"), (1, "last")]);
    assert_eq!(read(text.as_bytes()).games[0].n_comments, 2);
}
