//! Bytes pinned by literal values, messages, and laws on made-up games.

use super::*;
use crate::generate::{GameGenerator, GeneratorOptions};
use crate::record::{Ending, GameRecord, GameResult};
use crate::testing::{Random, random_games};

const START_HCP: &str = "58a449210cd757217e8e4d212caf427814c2ab109e4d212cd75f213e8e49210c";
const START_PACKED: &str = "58a451220ceb67227e9653221caf447824c22b119e53221ceb6f223e9651220c";

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    let text: String = text.split_whitespace().collect();
    std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
}

fn hcpe(tail: &str) -> [u8; HCPE_BYTES] {
    bytes(&format!("{START_HCP} {tail}"))
}

fn psv(tail: &str) -> [u8; PSV_BYTES] {
    bytes(&format!("{START_PACKED} {tail}"))
}

#[test]
fn records_of_hcpe_are_pinned() {
    // 7g7f, -56 cp, White wins.
    let record = hcpe("c8ff 3b1e 02 00");
    let read = TrainingPosition::from_hcpe(&record, Hcpe::One).unwrap();
    let expected = TrainingPosition {
        hcp: bytes(START_HCP),
        key: Position::startpos().key(),
        mv: Move::from_usi("7g7f").unwrap(),
        eval: -56,
        result: GameResult::WhiteWins,
        flags: 0,
        ply: 0,
        is_exact: true,
    };
    assert_eq!(read, expected);
    assert_eq!(read.to_hcpe(Hcpe::One), Ok(record));
    assert_eq!(read.to_psv(), Ok(psv("c8ff 3b1e 0000 ff 00")));

    // A draw by repetition.
    let record = hcpe("0180 8e07 04 00");
    let read = TrainingPosition::from_hcpe(&record, Hcpe::Two).unwrap();
    assert_eq!((read.eval, read.result, read.flags), (-32_767, GameResult::Draw, FLAG_REPETITION));
    assert_eq!(read.to_hcpe(Hcpe::Two), Ok(record));
    assert_eq!(read.to_hcpe(Hcpe::One), Ok(hcpe("0180 8e07 00 00")));
}

#[test]
fn records_of_psv_are_pinned() {
    // 2g2f, 31999 cp, ply 300, the side to move wins.
    let record = psv("ff7c 8e07 2c01 01 00");
    let read = TrainingPosition::from_psv(&record).unwrap();
    let expected = TrainingPosition {
        hcp: bytes(START_HCP),
        key: Position::startpos().key(),
        mv: Move::from_usi("2g2f").unwrap(),
        eval: 31_999,
        result: GameResult::BlackWins,
        flags: 0,
        ply: 300,
        is_exact: true,
    };
    assert_eq!(read, expected);
    assert_eq!(read.to_psv(), Ok(record));
    assert_eq!(read.to_hcpe(Hcpe::One), Ok(hcpe("ff7c 8e07 01 00")));
    // A byte of padding that says something is told, not kept.
    let read = TrainingPosition::from_psv(&psv("ff7c 8e07 2c01 01 07")).unwrap();
    assert_eq!(read, TrainingPosition { is_exact: false, ..expected });
}

#[test]
fn results_are_those_of_the_side_to_move_in_psv() {
    let mut position = Position::startpos();
    position.make(Move::from_usi("7g7f").unwrap());
    for (result, number) in
        [(GameResult::Draw, 0), (GameResult::BlackWins, -1), (GameResult::WhiteWins, 1)]
    {
        let white = TrainingPosition {
            hcp: position.to_hcp().unwrap(),
            key: position.key(),
            mv: Move::from_usi("3c3d").unwrap(),
            eval: 0,
            result,
            flags: 0,
            ply: 2,
            is_exact: true,
        };
        let record = white.to_psv().unwrap();
        assert_eq!(record[38] as i8, number);
        assert_eq!(TrainingPosition::from_psv(&record), Ok(white));
    }
    let unknown = TrainingPosition {
        result: GameResult::Unknown,
        ..TrainingPosition::from_psv(&psv("0000 3b1e 0100 00 00")).unwrap()
    };
    assert_eq!(unknown.to_psv(), Err(CannotHold::UnknownResult));
    assert_eq!(unknown.to_hcpe(Hcpe::One), Err(CannotHold::UnknownResult));
}

#[test]
fn bad_records_are_told_with_their_place() {
    let check = |found: Result<TrainingPosition, TeacherError>, expected: &str| {
        assert_eq!(found.unwrap_err().to_string(), expected);
    };
    let one = |tail: &str| TrainingPosition::from_hcpe(&hcpe(tail), Hcpe::One);
    let two = |tail: &str| TrainingPosition::from_hcpe(&hcpe(tail), Hcpe::Two);
    let start = "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1";
    check(
        one("0000 150a 01 00"),
        &format!("byte 34: expected a legal move, found `3c3d` in `{start}`"),
    );
    check(
        one("0000 0000 01 00"),
        &format!("byte 34: expected a legal move, found `0x0000` in `{start}`"),
    );
    check(one("0000 3b1e 04 00"), "byte 36: expected a result of 0, 1 or 2, found `4`");
    check(
        two("0000 3b1e 03 00"),
        "byte 36: expected a result of 0, 1 or 2 with flags of 4, 8 and 16, found `3`",
    );
    check(
        two("0000 3b1e 21 00"),
        "byte 36: expected a result of 0, 1 or 2 with flags of 4, 8 and 16, found `33`",
    );
    check(
        TrainingPosition::from_hcpe(&[0; 38], Hcpe::One),
        "byte 0: expected a square of its own for White's king, found `0`",
    );
    check(
        TrainingPosition::from_psv(&psv("0000 3b1e 0100 02 00")),
        "byte 38: expected a result of 1, 0 or -1, found `2`",
    );
    // cshogi's number of a drop in the place of YaneuraOu's.
    check(
        TrainingPosition::from_psv(&psv("0000 a828 0100 00 00")),
        &format!("byte 34: expected a legal move, found `0x28a8` in `{start}`"),
    );
}

#[test]
fn what_a_table_says_is_checked() {
    let (hcp, key) = (bytes(START_HCP), Position::startpos().key());
    assert_eq!(TrainingPosition::check(&hcp, key, 7739), Ok(()));
    let wrong = |key, mv| TrainingPosition::check(&hcp, key, mv).unwrap_err().to_string();
    assert_eq!(
        wrong(1, 7739),
        format!("byte 0: expected the key `{key:016x}`, found `0000000000000001`")
    );
    assert!(wrong(key, 2581).starts_with("byte 34: expected a legal move, found `3c3d`"));
}

#[test]
fn every_position_comes_back_in_every_format() {
    let mut random = Random::new(41);
    let mut n = 0;
    random_games(42, 48, |position| {
        let moves = position.legal_moves();
        let Ok(hcp) = position.to_hcp() else { return };
        if moves.is_empty() {
            return;
        }
        n += 1;
        let flags = [0, FLAG_REPETITION, FLAG_DECLARATION, FLAG_MAX_MOVES][random.below(4)];
        let position = TrainingPosition {
            hcp,
            key: position.key(),
            mv: moves[random.below(moves.len())],
            eval: random.below(65_536) as u16 as i16,
            result: GameResult::from_u8(random.below(3) as u8).unwrap(),
            flags,
            ply: 0,
            is_exact: true,
        };
        let record = position.to_hcpe(Hcpe::Two).unwrap();
        assert_eq!(TrainingPosition::from_hcpe(&record, Hcpe::Two).as_ref(), Ok(&position));
        let one = TrainingPosition { flags: 0, ..position };
        let record = one.to_hcpe(Hcpe::One).unwrap();
        assert_eq!(TrainingPosition::from_hcpe(&record, Hcpe::One).as_ref(), Ok(&one));
        let mut numbered = TrainingPosition { ply: random.below(500) as u16, ..one };
        let record = numbered.to_psv().unwrap();
        assert_eq!(TrainingPosition::from_psv(&record).as_ref(), Ok(&numbered));
        // YaneuraOu's order, where it differs.
        numbered.flags = FLAG_GOLD_7TH;
        let record = numbered.to_psv().unwrap();
        let read = TrainingPosition::from_psv(&record).unwrap();
        assert_eq!(read.to_psv(), Ok(record));
        assert_eq!((read.hcp, read.is_exact), (numbered.hcp, true));
    });
    assert!(n > 5_000, "{n}");
}

/// Two moves; the first with two candidates, the second not for training.
const GAME: &str = "0200 09 01  3b1e 7b00 0200 3b1e 0f27 8e07 0100  150a 0000 0000";

fn game() -> Vec<u8> {
    bytes::<56>(&format!("{START_HCP} {GAME}")).to_vec()
}

#[test]
fn games_of_hcpe3_are_pinned() {
    let bytes = game();
    assert_eq!(hcpe3_game_len(&bytes), GameLen::Whole(56));
    let mut game = Hcpe3Game::default();
    assert_eq!(game.read(&bytes), Ok(()));
    let expected = Hcpe3Game {
        start: Position::startpos(),
        moves: ["7g7f", "3c3d"].map(|usi| Move::from_usi(usi).unwrap()).to_vec(),
        evals_raw: vec![123, 0],
        n_candidates: vec![2, 0],
        candidates: vec![7739, 1934],
        visits: vec![9_999, 1],
        result: GameResult::BlackWins,
        flags: FLAG_DECLARATION,
        opponent: 1,
        is_exact: true,
    };
    assert_eq!(game, expected);
    let mut out = Vec::new();
    assert_eq!(game.write(&mut out), Ok(()));
    assert_eq!(out, bytes);
    let mut record = GameRecord::default();
    game.to_record(&mut record);
    assert_eq!(record.evals_cp, [Some(123), None]);
    assert_eq!((record.result, record.ending), (GameResult::BlackWins, Ending::Declaration));
    assert_eq!(record.times_ms, [None, None]);
}

#[test]
fn bad_games_are_kept_up_to_the_error() {
    let mut game = Hcpe3Game::default();
    let mut check = |change: &dyn Fn(&mut Vec<u8>), expected: &str, n_kept: Option<usize>| {
        let mut bytes = self::game();
        change(&mut bytes);
        let (error, is_kept) = game.read(&bytes).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(is_kept.then_some(game.moves.len()), n_kept);
        assert_eq!(game.candidates.len(), game.n_candidates.iter().map(|n| *n as usize).sum());
        assert!(!game.is_exact || !is_kept);
    };
    check(
        &|bytes| bytes[0] = 82 << 1,
        "byte 0: expected a square of its own for Black's king, found `82`",
        None,
    );
    let after = "lnsgkgsnl/1r5b1/ppppppppp/9/9/2P6/PP1PPPPPP/1B5R1/LNSGKGSNL w - 2";
    check(
        &|bytes| bytes[50] = 0x3b,
        &format!("byte 50: expected a legal move, found `3c7f` in `{after}`"),
        Some(1),
    );
    let start = "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1";
    check(
        &|bytes| bytes[46] = 0,
        &format!("byte 46: expected a legal move, found `2f1a` in `{start}`"),
        Some(0),
    );
    check(
        &|bytes| bytes[34] = 3,
        "byte 34: expected a result of 0, 1 or 2 with flags of 4, 8 and 16, found `3`",
        Some(2),
    );
    check(&|bytes| bytes.truncate(52), "byte 52: expected another move, found the end", Some(1));
    check(&|bytes| bytes.truncate(10), "byte 0: expected 36 bytes, found 10", None);
}

#[test]
fn the_length_of_a_game_follows_from_its_numbers() {
    let mut bytes = game();
    for len in 0..bytes.len() {
        assert!(matches!(hcpe3_game_len(&bytes[..len]), GameLen::Truncated(n) if n > len), "{len}");
    }
    bytes.extend([0; 7]);
    assert_eq!(hcpe3_game_len(&bytes), GameLen::Whole(56));
    bytes[40..42].copy_from_slice(&[0xff, 0xff]);
    assert_eq!(hcpe3_game_len(&bytes), GameLen::Implausible(40));
}

#[test]
fn generated_games_come_back_as_hcpe3() {
    let mut generator = GameGenerator::new(GeneratorOptions { seed: 43, ..Default::default() });
    let (mut record, mut game, mut again) =
        (GameRecord::default(), Hcpe3Game::default(), Hcpe3Game::default());
    let mut random = Random::new(44);
    for _ in 0..50 {
        generator.next_game(&mut record);
        game.clear();
        game.start = record.start.clone();
        let mut position = record.start.clone();
        for mv in &record.moves {
            let moves = position.legal_moves();
            let n = random.below(moves.len().min(5) + 1);
            game.n_candidates.push(n as u16);
            game.candidates.extend(moves.iter().take(n).map(|mv| mv.move16()));
            game.visits.extend((0..n).map(|i| 100 - i as u16));
            game.evals_raw.push(random.below(65_536) as u16 as i16);
            game.moves.push(*mv);
            position.make(*mv);
        }
        game.result = record.result;
        game.flags = Hcpe3Game::flags_of(record.ending);
        let mut bytes = Vec::new();
        if record.result == GameResult::Unknown {
            assert_eq!(game.write(&mut bytes), Err(CannotHold::UnknownResult));
            continue;
        }
        game.write(&mut bytes).unwrap();
        assert_eq!(hcpe3_game_len(&bytes), GameLen::Whole(bytes.len()));
        assert_eq!(again.read(&bytes), Ok(()));
        assert_eq!(again, game);
    }
}

#[test]
fn any_bytes_are_read_without_a_panic() {
    let mut random = Random::new(45);
    let mut game = Hcpe3Game::default();
    for _ in 0..20_000 {
        let mut record: [u8; 64] = std::array::from_fn(|_| random.below(256) as u8);
        if random.below(2) == 0 {
            record[..32].copy_from_slice(&bytes::<32>(START_HCP));
            record[33] = 0;
        }
        let _ = game.read(&record);
        let _ = hcpe3_game_len(&record);
        let _ = TrainingPosition::from_hcpe(record.first_chunk().unwrap(), Hcpe::Two);
        let _ = TrainingPosition::from_psv(record.first_chunk().unwrap());
    }
}
