use super::*;
use crate::record::{Ending, GameResult};
use crate::{History, Move, Repetition};

fn generator(options: GeneratorOptions) -> impl FnMut() -> GameRecord {
    let mut generator = GameGenerator::new(options);
    move || {
        let mut game = GameRecord::default();
        generator.next_game(&mut game);
        game
    }
}

fn seeded(seed: u64) -> GeneratorOptions {
    GeneratorOptions { seed, ..GeneratorOptions::default() }
}

/// The same games on every machine and in every version: tests and benchmarks rely on them.
#[test]
fn games_are_pinned() {
    let mut next = generator(seeded(1));
    let ids: [u64; 4] = std::array::from_fn(|_| next().id());
    assert_eq!(
        ids,
        [
            0x4f5d_d7f6_0296_8cb5,
            0x902a_799c_e197_8efc,
            0x965b_efdb_5631_7b86,
            0x24f6_f8c9_272c_8a03
        ]
    );
    let mut next = generator(seeded(u64::MAX));
    assert_eq!(next().id(), 0x4086_aa51_aac9_3776);
    let mut sum = 0u64;
    let mut next = generator(seeded(2));
    for _ in 0..2000 {
        let game = next();
        sum = sum.rotate_left(1) ^ game.id();
        let data = format!("{:?} {:?} {:?}", game.evals_cp, game.times_ms, game.black_rating);
        sum ^= xxhash_rust::xxh3::xxh3_64(data.as_bytes());
    }
    assert_eq!(sum, 0xbcce_ec60_9924_c05e);
}

#[test]
fn a_game_depends_on_its_number_only() {
    let mut in_order = GameGenerator::new(seeded(3));
    let mut sought = GameGenerator::new(seeded(3));
    let (mut one, mut other) = (GameRecord::default(), GameRecord::default());
    for number in 0..20 {
        in_order.next_game(&mut one);
        if number % 7 == 0 {
            sought.seek(number);
            sought.next_game(&mut other);
            assert_eq!(one.id(), other.id());
            assert_eq!((&one.black, &one.evals_cp), (&other.black, &other.evals_cp));
        }
    }
}

#[test]
fn games_are_legal_and_end_as_they_say() {
    let mut next = generator(seeded(4));
    for _ in 0..5000 {
        let game = next();
        assert_eq!(game.evals_cp.len(), game.moves.len());
        assert_eq!(game.times_ms.len(), game.moves.len());
        assert!(game.times_ms.iter().all(|ms| ms.is_some_and(|ms| ms % 1000 == 0)));
        let mut position = Position::startpos();
        assert_eq!(game.start, position);
        let mut history = History::new(&position);
        for &mv in &game.moves {
            assert!(!is_over(&history));
            assert!(position.is_legal(mv), "{mv} in {}", position.to_sfen());
            position.make(mv);
            history.push(&position);
        }
        let turn = position.turn();
        let loss = GameResult::win_of(turn.opponent());
        match game.ending {
            Ending::Resign | Ending::Time => assert_eq!(game.result, loss),
            Ending::Checkmate => {
                assert!(position.in_check() && !position.has_legal_move());
                assert_eq!(game.result, loss);
            }
            Ending::Repetition => {
                assert_eq!(history.repetition(), Repetition::Draw);
                assert_eq!(game.result, GameResult::Draw);
            }
            Ending::Declaration => {
                assert!(position.can_declare_win());
                assert_eq!(game.result, GameResult::win_of(turn));
            }
            Ending::MaxMoves => {
                assert_eq!((game.moves.len(), game.result), (512, GameResult::Draw));
            }
            Ending::Interrupted => assert_eq!(game.result, GameResult::Unknown),
            Ending::PerpetualCheck => assert_ne!(history.repetition(), Repetition::Draw),
            other => panic!("{other}"),
        }
    }
}

/// Whether the rules end the game by repetition.
fn is_over(history: &History) -> bool {
    matches!(history.repetition(), Repetition::Draw | Repetition::Win | Repetition::Loss)
}

#[test]
fn games_have_the_shape_of_games_on_floodgate() {
    let mut generator = GameGenerator::new(seeded(5));
    let mut game = GameRecord::default();
    let mut text = String::new();
    let n_games = 4000;
    let mut n_plies = 0;
    let mut n_winners_losing = 0;
    let mut counts = std::collections::HashMap::new();
    for _ in 0..n_games {
        generator.next_text(Format::Csa, &mut game, &mut text);
        n_plies += game.moves.len();
        *counts.entry(game.ending).or_insert(0) += 1;
        let last = game.evals_cp.iter().rev().take(2).map(|cp| cp.unwrap_or(0));
        let movers = [game.moves.len() + 1, game.moves.len()].map(|n| n % 2);
        for (eval_cp, mover) in last.zip(movers) {
            let wins = game.result.winner().map(|winner| winner.index() == mover);
            n_winners_losing += usize::from(wins == Some(true) && eval_cp < 0);
        }
    }
    assert!((115..=130).contains(&(n_plies / n_games)), "{} plies", n_plies / n_games);
    let n_bytes = text.len() / n_games;
    assert!((6500..=7500).contains(&n_bytes), "{n_bytes} bytes");
    assert!(counts[&Ending::Resign] > 3200, "{counts:?}");
    for ending in [
        Ending::Checkmate,
        Ending::Repetition,
        Ending::Declaration,
        Ending::Time,
        Ending::Interrupted,
    ] {
        assert!((4..600).contains(&counts[&ending]), "{counts:?}");
    }
    assert!(n_winners_losing < n_games / 50, "{n_winners_losing} winners were losing");
}

#[test]
fn openings_repeat_as_often_as_is_asked_for() {
    let n_after_ten_plies = |repeat_openings| {
        let mut next = generator(GeneratorOptions { repeat_openings, ..seeded(6) });
        let starts: std::collections::HashSet<Vec<Move>> =
            (0..500).map(|_| next().moves.into_iter().take(10).collect()).collect();
        starts.len()
    };
    assert!(n_after_ten_plies(0.0) > 490);
    assert!((200..480).contains(&n_after_ten_plies(0.5)));
    assert!(n_after_ten_plies(1.0) < 300);
}

#[test]
fn games_are_cut_at_the_greatest_number_of_plies() {
    let mut next = generator(GeneratorOptions { max_plies: 40, ..seeded(8) });
    let games: Vec<GameRecord> = (0..200).map(|_| next()).collect();
    assert!(games.iter().all(|game| game.moves.len() <= 40));
    assert!(games.iter().any(|game| game.ending == Ending::MaxMoves));
    let mut next = generator(GeneratorOptions { max_plies: 0, ..seeded(8) });
    assert_eq!(next().moves, []);
}
