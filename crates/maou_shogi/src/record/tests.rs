//! Laws and data for the readers: records and what they say, bad records and their messages.

mod any_bytes;
mod csa;
mod jkf;
mod ki2;
mod kif;
mod kif_evals;
mod repetition;
mod tree;
mod usi;

use super::*;
use crate::{Color, Move, Setup};

/// What a reader hands on.
#[derive(Default)]
pub(super) struct Found {
    pub games: Vec<GameRecord>,
    pub errors: Vec<RecordError>,
}

impl Sink for Found {
    fn game(&mut self, game: &mut GameRecord) {
        assert_eq!(game.moves.len(), game.evals_cp.len());
        assert_eq!(game.moves.len(), game.times_ms.len());
        assert_eq!(game.start.move_number(), 1);
        let mut position = game.start.clone();
        for mv in &game.moves {
            assert!(position.is_legal(*mv), "{mv} in {position:?}");
            position.make(*mv);
        }
        self.games.push(game.clone());
    }

    fn error(&mut self, error: RecordError) {
        assert!(error.line >= 1 && error.column >= 1, "{error}");
        self.errors.push(error);
    }
}

pub(super) fn read(bytes: &[u8]) -> Found {
    let mut found = Found::default();
    Reader::new().read(bytes, &mut found);
    found
}

/// The only game of a record without errors.
pub(super) fn game(text: &str) -> GameRecord {
    let mut found = read(text.as_bytes());
    assert_eq!(messages(&found), [""; 0], "{text}");
    assert_eq!(found.games.len(), 1, "{text}");
    found.games.remove(0)
}

/// The errors as a caller shows them, with their kinds.
pub(super) fn messages(found: &Found) -> Vec<String> {
    found.errors.iter().map(|error| format!("{}: {error}", error.kind)).collect()
}

pub(super) fn usi(game: &GameRecord) -> String {
    game.moves.iter().map(|mv| mv.to_usi()).collect::<Vec<_>>().join(" ")
}

pub(super) fn encode(text: &str, encoding: Encoding) -> Vec<u8> {
    let encoder = match encoding {
        Encoding::ShiftJis => encoding_rs::SHIFT_JIS,
        Encoding::EucJp => encoding_rs::EUC_JP,
        Encoding::Ascii | Encoding::Utf8 => return text.as_bytes().to_vec(),
    };
    let (bytes, _, unmappable) = encoder.encode(text);
    assert!(!unmappable, "{text}");
    bytes.into_owned()
}

#[test]
fn texts_that_are_no_record() {
    let expected = "expected a game record, found";
    for (text, kind, message) in [
        ("", ErrorKind::Empty, format!("1:1: {expected} nothing")),
        (" \r\n\n\u{1A}", ErrorKind::Empty, format!("1:1: {expected} nothing")),
        ("'only a comment\n", ErrorKind::NotARecord, format!("1:1: {expected} `'only a comment`")),
        ("\n  hello, world\n", ErrorKind::NotARecord, format!("2:3: {expected} `hello, world`")),
        ("# Title\n\nText: more.\n", ErrorKind::NotARecord, format!("1:1: {expected} `# Title`")),
        ("お知らせ：なし\n", ErrorKind::NotARecord, format!("1:1: {expected} `お知らせ：なし`")),
        ("\0\u{1}\u{2}", ErrorKind::NotARecord, format!("1:1: {expected} binary data")),
        ("▲お知らせ\n", ErrorKind::NotARecord, format!("1:1: {expected} `▲お知らせ`")),
        ("%PDF-1.4\n+\n-\n", ErrorKind::NotARecord, format!("1:1: {expected} `%PDF-1.4`")),
        ("N+1 queries\n- one\n", ErrorKind::NotARecord, format!("1:1: {expected} `N+1 queries`")),
        ("1 23 45\n2 34 56\n", ErrorKind::NotARecord, format!("1:1: {expected} `1 23 45`")),
        ("| a | b |\n", ErrorKind::NotARecord, format!("1:1: {expected} `| a | b |`")),
        ("先手：A\nこの将棋は、\n", ErrorKind::NotARecord, format!("1:1: {expected} `先手：A`")),
        ("{\"name\": 1}", ErrorKind::NotARecord, format!("1:1: {expected} `{{\"name\": 1}}`")),
    ] {
        let mut found = Found::default();
        assert_eq!(Reader::new().read(text.as_bytes(), &mut found), None, "{text}");
        assert!(found.games.is_empty());
        assert_eq!(messages(&found), [format!("{kind}: {message}")], "{text}");
        assert!(!found.errors[0].kept);
    }
}

#[test]
fn encodings_that_are_not_read_are_named() {
    let utf16 = b"\xFF\xFEV\x002\x00\n\x00";
    let without_mark = b"V\x002\x00\n\x00N\x00+\x00";
    let iso_2022_jp = b"\x1B$B@h<j\x1B(B: A\n";
    let in_a_record = b"V2.2\nN+\x1B$B@h<j\x1B(B\nPI\n+\n+7776FU\n";
    for (bytes, name) in [
        (utf16.as_slice(), "UTF-16"),
        (without_mark, "UTF-16"),
        (iso_2022_jp, "ISO-2022-JP"),
        (in_a_record, "ISO-2022-JP"),
    ] {
        let message =
            format!("encoding: 1:1: expected UTF-8, Shift_JIS or EUC-JP text, found {name}");
        assert_eq!(messages(&read(bytes)), [message]);
    }
}

#[test]
fn encodings_are_told_by_content() {
    let text = "手合割：平手\n先手：山田 太郎\n後手：ＡＢＣ\n";
    for encoding in [Encoding::Utf8, Encoding::ShiftJis, Encoding::EucJp] {
        assert_eq!(Encoding::detect(&encode(text, encoding)), encoding);
        let late = format!("{}{text}", "'x\n".repeat(1000));
        assert_eq!(Encoding::detect(&encode(&late, encoding)), encoding);
        // The first characters beyond ASCII are few, and far from the others.
        let sparse = format!("'、\n{}{text}", "'x\n".repeat(1000));
        assert_eq!(Encoding::detect(&encode(&sparse, encoding)), encoding);
    }
    assert_eq!(Encoding::detect(b"V2.2\n"), Encoding::Ascii);
    assert_eq!(
        Encoding::detect(&encode("N+ﾀﾅｶﾀﾛｳ\nN-ｻﾄｳ\n", Encoding::ShiftJis)),
        Encoding::ShiftJis
    );
    assert_eq!(Encoding::detect(&encode("N+田中\n", Encoding::EucJp)), Encoding::EucJp);
    // A name cut within a character.
    let mut cut = encode("N+田中太郎", Encoding::ShiftJis);
    cut.truncate(cut.len() - 1);
    cut.extend(encode("\nN-鈴木\n", Encoding::ShiftJis));
    assert_eq!(Encoding::detect(&cut), Encoding::ShiftJis);
    let mut cut = encode("N+田中太郎", Encoding::Utf8);
    cut.truncate(cut.len() - 1);
    cut.extend(encode("\nN-鈴木\n", Encoding::Utf8));
    assert_eq!(Encoding::detect(&cut), Encoding::Utf8);
}

#[test]
fn line_ends_of_all_systems() {
    let text = "V2.2\nPI\n+\n+7776FU\nT3\n-3334FU\nT5\n%TORYO\n";
    let expected = game(text);
    for line_end in ["\r\n", "\r"] {
        let other = game(&text.replace('\n', line_end));
        assert_eq!((usi(&other), other.times_ms), (usi(&expected), expected.times_ms.clone()));
        assert_eq!(other.ending, Ending::Resign);
    }
    let found = read("V2.2\rPI\r+\r+7776FU\r-7776FU\r".as_bytes());
    assert_eq!(found.errors[0].line, 5);
}

#[test]
fn malformed_text_is_replaced_and_reported() {
    let mut bytes = b"V2.2\nN+".to_vec();
    bytes.extend(encode("田中太", Encoding::ShiftJis));
    bytes.push(0x98);
    bytes.extend(b"\nN-b\nPI\n+\n+7776FU\n%TORYO\n");
    let found = read(&bytes);
    assert_eq!(found.games[0].black, "田中太\u{FFFD}");
    assert_eq!(
        messages(&found),
        ["encoding: 2:3: expected Shift_JIS text, found malformed bytes in `田中太\u{FFFD}`"]
    );
    assert!(found.errors[0].kept);
}

#[test]
fn names_in_the_games_table_never_change() {
    let names: Vec<&str> = Ending::ALL.iter().map(|ending| ending.as_str()).collect();
    assert_eq!(
        names,
        [
            "resign",
            "checkmate",
            "repetition",
            "perpetual_check",
            "declaration",
            "impasse",
            "max_moves",
            "time",
            "illegal_move",
            "illegal_action",
            "walkover",
            "interrupted",
            "no_mate",
            "takeback",
            "error",
            "unknown",
        ]
    );
    for ending in Ending::ALL {
        assert_eq!(ending.as_str().parse(), Ok(ending));
    }
    assert_eq!("win".parse::<Ending>(), Err(UnknownEnding));
    let results =
        [GameResult::Draw, GameResult::BlackWins, GameResult::WhiteWins, GameResult::Unknown];
    assert_eq!(results.map(|result| result as u8), [0, 1, 2, 3]);
    for (number, result) in (0..).zip(results) {
        assert_eq!(GameResult::from_u8(number), Some(result));
    }
    assert_eq!(GameResult::from_u8(4), None);
}

#[test]
fn ids_are_pinned() {
    let mut record = GameRecord::default();
    // Calculated with the xxhash package of Python.
    assert_eq!(record.id(), 13_295_398_657_159_341_441);
    record.moves.push(Move::from_usi("7g7f").unwrap());
    record.result = GameResult::BlackWins;
    record.ending = Ending::Resign;
    assert_eq!(record.id(), 5_127_132_270_448_623_776);
    record.black = "somebody".to_owned();
    record.times_ms.push(Some(3));
    assert_eq!(
        record.id(),
        5_127_132_270_448_623_776,
        "names, times and evals are no part of the id"
    );
}

#[test]
fn days_since_epoch() {
    for (year, month, day, expected) in [
        (1970, 1, 1, 0),
        (1969, 12, 31, -1),
        (2000, 2, 29, 11_016),
        (2000, 3, 1, 11_017),
        (2025, 1, 5, 20_093),
        (1, 1, 1, -719_162),
        (9999, 12, 31, 2_932_896),
    ] {
        let date = Date::new(year, month, day).unwrap();
        assert_eq!(date.days_since_epoch(), expected, "{date}");
    }
    for (year, month, day) in
        [(2025, 2, 29), (1900, 2, 29), (2025, 0, 1), (2025, 13, 1), (2025, 4, 31), (0, 1, 1)]
    {
        assert_eq!(Date::new(year, month, day), None, "{year} {month} {day}");
    }
    assert_eq!(Date::new(2025, 1, 5).unwrap().to_string(), "2025-01-05");
}

#[test]
fn clearing_keeps_nothing_but_the_start() {
    let mut record = game(
        "V2.2\nN+a\n'black_rate:a:1\n$EVENT:e\n$START_TIME:2025/01/05\nPI\n+\n+7776FU\nT1\n'** 3\n%TORYO\n",
    );
    record.clear();
    assert_eq!(format!("{record:?}"), format!("{:?}", GameRecord::default()));
}
