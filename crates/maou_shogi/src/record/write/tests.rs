mod full;
mod jkf;
mod meant;
mod usi;

use super::remarks::Remark;
use super::*;
use crate::generate::{GameGenerator, GeneratorOptions};
use crate::record::{Date, Ending, Format, GameRecord, GameResult, Reader, RecordError, Sink};
use crate::{Color, Handicap, Move, Position, Setup};

#[derive(Default)]
struct Found {
    games: Vec<GameRecord>,
    errors: Vec<RecordError>,
}

impl Sink for Found {
    fn game(&mut self, game: &mut GameRecord) {
        self.games.push(game.clone());
    }

    fn error(&mut self, error: RecordError) {
        self.errors.push(error);
    }
}

fn read(bytes: &[u8], format: Format) -> Vec<GameRecord> {
    let mut found = Found::default();
    let text = String::from_utf8_lossy(bytes);
    assert_eq!(Reader::new().read(bytes, &mut found), Some(format), "{text}");
    assert_eq!(found.errors, [], "{text}");
    found.games
}

fn read_one(bytes: &[u8], format: Format) -> GameRecord {
    let mut games = read(bytes, format);
    assert_eq!(games.len(), 1);
    games.remove(0)
}

fn csa(game: &GameRecord) -> String {
    let mut text = String::new();
    write_csa(game, &mut text);
    text
}

fn kif(game: &GameRecord) -> String {
    let mut text = String::new();
    write_kif(game, &mut text);
    text
}

fn ki2(game: &GameRecord) -> String {
    let mut text = String::new();
    write_ki2(game, &mut text);
    text
}

/// Everything but ratings.
fn assert_same_without_ratings(found: &GameRecord, expected: &GameRecord) {
    assert_eq!(found.start, expected.start);
    assert_eq!(found.moves, expected.moves);
    assert_eq!(found.times_ms, expected.times_ms);
    assert_eq!(found.evals_cp, expected.evals_cp);
    assert_eq!((found.result, found.ending), (expected.result, expected.ending));
    assert_eq!((&found.black, &found.white), (&expected.black, &expected.white));
    assert_eq!((&found.event, found.date), (&expected.event, expected.date));
    assert_eq!((found.n_comments, found.n_variations, found.tail.as_str()), (0, 0, ""));
    assert_eq!(found.id(), expected.id());
}

fn assert_same(found: &GameRecord, expected: &GameRecord) {
    assert_same_without_ratings(found, expected);
    assert_eq!(found.black_rating, expected.black_rating);
    assert_eq!(found.white_rating, expected.white_rating);
}

fn check_csa(game: &GameRecord) {
    assert_same(&read_one(csa(game).as_bytes(), Format::Csa), game);
}

fn check_kif(game: &GameRecord) {
    let text = kif(game);
    assert_same_without_ratings(&read_one(text.as_bytes(), Format::Kif), game);
    for encoding in [Encoding::ShiftJis, Encoding::EucJp] {
        let bytes = encode(&text, encoding).unwrap();
        assert_same_without_ratings(&read_one(&bytes, Format::Kif), game);
    }
}

fn check_ki2(game: &GameRecord) {
    let text = ki2(game);
    let mut expected = game.clone();
    expected.times_ms.fill(None);
    // Without a move it is a KIF as well.
    let format = if game.moves.is_empty() { Format::Kif } else { Format::Ki2 };
    for encoding in [Encoding::Utf8, Encoding::ShiftJis, Encoding::EucJp] {
        let bytes = encode(&text, encoding).unwrap();
        assert_same_without_ratings(&read_one(&bytes, format), &expected);
    }
}

/// A game of these USI moves without anything else.
fn game(start: &Position, moves: &str, ending: Ending, result: GameResult) -> GameRecord {
    let mut game = GameRecord { start: start.clone(), ending, result, ..GameRecord::default() };
    game.moves.extend(moves.split_whitespace().map(|usi| Move::from_usi(usi).unwrap()));
    game.evals_cp.resize(game.moves.len(), None);
    game.times_ms.resize(game.moves.len(), None);
    game
}

#[test]
fn generated_games_come_back() {
    let mut generator = GameGenerator::new(GeneratorOptions { seed: 7, ..Default::default() });
    let mut game = GameRecord::default();
    let mut text = String::new();
    for number in 0..4000 {
        text.clear();
        generator.next_text(Format::Csa, &mut game, &mut text);
        assert_same(&read_one(text.as_bytes(), Format::Csa), &game);
        check_csa(&game);
        if number % 8 == 0 {
            check_kif(&game);
            check_ki2(&game);
        }
    }
}

#[test]
fn many_games_in_one_csa_file_come_back() {
    let mut generator = GameGenerator::new(GeneratorOptions::default());
    let mut games = vec![GameRecord::default(); 5];
    let mut text = String::new();
    for game in &mut games {
        if !text.is_empty() {
            text.push_str("/\n");
        }
        generator.next_text(Format::Csa, game, &mut text);
    }
    let found = read(text.as_bytes(), Format::Csa);
    assert_eq!(found.len(), games.len());
    for (found, game) in found.iter().zip(&games) {
        assert_same(found, game);
    }
}

#[test]
fn texts_are_pinned() {
    let start = Setup::from_sfen("4k4/9/9/9/9/9/4P4/9/4K4 b G2p 1").unwrap();
    let start = Position::from_setup(&start).unwrap();
    let mut game = game(&start, "G*5b 5a5b", Ending::Resign, GameResult::WhiteWins);
    game.black = "One".to_owned();
    game.white = "二".to_owned();
    game.event = "A\nB".to_owned();
    game.date = Date::new(2025, 1, 5);
    game.black_rating = Some(1500.0);
    game.evals_cp = vec![Some(-12), Some(950)];
    game.times_ms = vec![Some(61_000), Some(2_000)];
    let expected = "\
V2.2
N+One
N-二
$EVENT:A B
$START_TIME:2025/01/05
P1 *  *  *  * -OU *  *  *  * 
P2 *  *  *  *  *  *  *  *  * 
P3 *  *  *  *  *  *  *  *  * 
P4 *  *  *  *  *  *  *  *  * 
P5 *  *  *  *  *  *  *  *  * 
P6 *  *  *  *  *  *  *  *  * 
P7 *  *  *  * +FU *  *  *  * 
P8 *  *  *  *  *  *  *  *  * 
P9 *  *  *  * +OU *  *  *  * 
P+00KI
P-00FU00FU
+
'black_rate:One:1500.0
+0052KI
T61
'** -12
-5152OU
T2
'** -950
%TORYO
";
    assert_eq!(csa(&game), expected);
    let expected = "\
開始日時：2025/01/05
棋戦：A B
後手の持駒：歩二　
  ９ ８ ７ ６ ５ ４ ３ ２ １
+---------------------------+
| ・ ・ ・ ・v玉 ・ ・ ・ ・|一
| ・ ・ ・ ・ ・ ・ ・ ・ ・|二
| ・ ・ ・ ・ ・ ・ ・ ・ ・|三
| ・ ・ ・ ・ ・ ・ ・ ・ ・|四
| ・ ・ ・ ・ ・ ・ ・ ・ ・|五
| ・ ・ ・ ・ ・ ・ ・ ・ ・|六
| ・ ・ ・ ・ 歩 ・ ・ ・ ・|七
| ・ ・ ・ ・ ・ ・ ・ ・ ・|八
| ・ ・ ・ ・ 玉 ・ ・ ・ ・|九
+---------------------------+
先手の持駒：金　
先手：One
後手：二
手数----指手---------消費時間--
   1 ５二金打          ( 1:01/00:01:01)
**評価値=-12
   2 同　玉(51)        ( 0:02/00:00:02)
**評価値=-950
   3 投了
まで2手で後手の勝ち
";
    assert_eq!(kif(&game), expected);
    let (board, _) = expected.split_once("手数----").unwrap();
    let moves = "\n▲５二金\n**評価値=-12\n△同　玉\n**評価値=-950\nまで2手で後手の勝ち\n";
    assert_eq!(ki2(&game), format!("{board}{moves}"));
}

#[test]
fn every_ending_comes_back() {
    use Ending::{Declaration, Error, IllegalAction, IllegalMove, Impasse, Interrupted, NoMate};
    use Ending::{MaxMoves, Resign, Takeback, Time, Unknown, Walkover};
    use GameResult::{BlackWins, Draw, WhiteWins};
    let start = Position::startpos();
    for moves in ["7g7f", "7g7f 3c3d"] {
        let turn = if moves.len() == 4 { Color::White } else { Color::Black };
        let (mover, other) = (GameResult::win_of(turn), GameResult::win_of(turn.opponent()));
        for (ending, result) in [
            (Resign, other),
            (Resign, mover),
            (Ending::Checkmate, other),
            (Declaration, mover),
            (Declaration, other),
            (Impasse, Draw),
            (MaxMoves, Draw),
            (Time, other),
            (Time, mover),
            (IllegalMove, other),
            (IllegalMove, mover),
            (Interrupted, GameResult::Unknown),
            (NoMate, GameResult::Unknown),
            (Takeback, GameResult::Unknown),
            (Error, GameResult::Unknown),
            (Unknown, GameResult::Unknown),
        ] {
            let game = game(&start, moves, ending, result);
            check_csa(&game);
            check_kif(&game);
            check_ki2(&game);
        }
        check_kif(&game(&start, moves, Unknown, Draw));
        check_ki2(&game(&start, moves, Unknown, Draw));
        for result in [BlackWins, WhiteWins] {
            check_csa(&game(&start, moves, IllegalAction, result));
            check_kif(&game(&start, moves, Walkover, result));
            check_ki2(&game(&start, moves, Walkover, result));
            let in_kif = kif(&game(&start, moves, IllegalAction, result));
            let found = read_one(in_kif.as_bytes(), Format::Kif);
            assert_eq!((found.ending, found.result), (IllegalMove, result));
            let in_csa = csa(&game(&start, moves, Walkover, result));
            assert_eq!(read_one(in_csa.as_bytes(), Format::Csa).ending, Interrupted);
        }
    }
}

#[test]
fn repetitions_come_back() {
    use GameResult::{BlackWins, Draw, WhiteWins};
    let shuffle = "2h3h 8b7b 3h2h 7b8b ".repeat(3);
    let check = |game: &GameRecord| {
        check_csa(game);
        check_kif(game);
        check_ki2(game);
    };
    check(&game(&Position::startpos(), &shuffle, Ending::Repetition, Draw));
    for (sfen, round, result) in [
        ("k8/9/9/9/9/9/9/9/R3K4 w - 1", "9a8a 9i8i 8a9a 8i9i ", WhiteWins),
        ("4k3r/9/9/9/9/9/9/9/8K b - 1", "1i2i 1a2a 2i1i 2a1a ", BlackWins),
    ] {
        let start = Position::from_sfen(sfen).unwrap();
        check(&game(&start, &round.repeat(3), Ending::PerpetualCheck, result));
    }
}

#[test]
fn every_start_comes_back() {
    let handicaps = Handicap::ALL.map(|handicap| Setup::handicap(handicap).to_sfen());
    let boards = [
        "4k4/9/9/9/9/9/9/9/9 b 2r2b4g4s4n4l18p 1",
        "9/9/9/9/9/9/9/9/4K4 w R2B4G4S4N4L18P 1",
        "+P+L+N+S1+s+n+l+p/k8/9/4+B4/4+r4/9/9/8K/9 w 10P2p 1",
        "8l/1l+R2P3/p2pBG1pp/kps1p4/Nn1P2G2/P1P1P2PP/1PS6/1KSG3+r1/LN2+p3L w Sbgn3p 1",
    ];
    for sfen in handicaps.iter().map(String::as_str).chain(boards) {
        let start = Position::from_sfen(sfen).unwrap();
        let mv = start.legal_moves().first().map_or(String::new(), |mv| mv.to_usi());
        let game = game(&start, &mv, Ending::Interrupted, GameResult::Unknown);
        check_csa(&game);
        check_kif(&game);
        check_ki2(&game);
    }
}

#[test]
fn milliseconds_come_back() {
    let mut game =
        game(&Position::startpos(), "7g7f 3c3d 2g2f", Ending::Unknown, GameResult::Unknown);
    game.times_ms = vec![Some(1_005), None, Some(4_000_999)];
    assert!(csa(&game).starts_with("'CSA encoding=UTF-8\nV3.0\n"));
    check_csa(&game);
    check_kif(&game);
}

#[test]
fn headers_are_one_line_each() {
    let mut game = game(&Position::startpos(), "7g7f", Ending::Resign, GameResult::BlackWins);
    game.black = "  a\r\n+7776FU\u{7}  ".to_owned();
    game.white = "b：c:d".to_owned();
    game.black_rating = Some(-0.1);
    for found in
        [read_one(csa(&game).as_bytes(), Format::Csa), read_one(kif(&game).as_bytes(), Format::Kif)]
    {
        assert_eq!((found.black.as_str(), found.white.as_str()), ("a  +7776FU", "b：c:d"));
    }
}

#[test]
fn csa_names_the_encoding_that_it_is_in() {
    let mut game = game(&Position::startpos(), "7g7f", Ending::Unknown, GameResult::Unknown);
    game.black = "山田".to_owned();
    game.times_ms[0] = Some(1_500);
    for (encoding, name) in
        [(Encoding::Utf8, "UTF-8"), (Encoding::ShiftJis, "SHIFT_JIS"), (Encoding::EucJp, "EUC-JP")]
    {
        let bytes = encode(&csa(&game), encoding).unwrap();
        assert!(bytes.starts_with(format!("'CSA encoding={name}\nV3.0\n").as_bytes()), "{name}");
        assert_eq!(read_one(&bytes, Format::Csa).black, "山田");
    }
}

#[test]
fn characters_that_an_encoding_lacks_are_named() {
    let check = |text: &str, encoding: Encoding, expected: Result<&[u8], &str>| {
        let found = encode(text, encoding).map_err(|error| error.to_string());
        assert_eq!(found.as_deref(), expected.map_err(str::to_owned).as_deref());
    };
    check("歩", Encoding::Utf8, Ok("歩".as_bytes()));
    check("歩", Encoding::ShiftJis, Ok(&[0x95, 0xE0]));
    check("歩", Encoding::EucJp, Ok(&[0xCA, 0xE2]));
    check("FU", Encoding::Ascii, Ok(b"FU"));
    check("a歩", Encoding::Ascii, Err("expected text that ASCII can hold, found `歩`"));
    check("歩♥", Encoding::ShiftJis, Err("expected text that Shift_JIS can hold, found `♥`"));
}
