//! How fast the rules are, on one thread: the best of several rounds.
//!
//! ```text
//! cargo bench -p maou_shogi --bench perft
//! ```

use std::hint::black_box;
use std::time::Instant;

use maou_shogi::generate::{GameGenerator, GeneratorOptions};
use maou_shogi::record::GameRecord;
use maou_shogi::{Move, Position, perft};

const N_ROUNDS: u32 = 7;
const N_GAMES: usize = 200;

fn main() {
    let start = Position::startpos();
    let position = |sfen| Position::from_sfen(sfen).expect("the SFENs here are good");
    let middle = position("l6nl/5+P1gk/2np1S3/p1p4Pp/3P2Sp1/1PPb2P1P/P5GS1/R8/LN4bKL w RGgsn5p 1");
    let widest = position("R8/2K1S1SSk/4B4/9/9/9/9/9/1L1L1L3 b RBGSNLP3g3n17p 1");
    measure("start d5, last ply counted", "leaves", || perft(&start, 5));
    measure("start d4, every leaf made", "leaves", || leaves_made(&mut start.clone(), 4));
    measure("middle game d3, last ply counted", "leaves", || perft(&middle, 3));
    measure("593 moves d2, last ply counted", "leaves", || perft(&widest, 2));

    let games = generated_games();
    let positions: Vec<Position> =
        games.iter().flat_map(|(start, moves)| replay(start, moves)).collect();
    measure("moves counted", "positions", || {
        positions.iter().for_each(|position| _ = black_box(position.count_legal_moves()));
        positions.len() as u64
    });
    measure("moves listed", "positions", || {
        positions.iter().for_each(|position| _ = black_box(position.legal_moves().len()));
        positions.len() as u64
    });
    measure("games replayed", "plies", || play(&games, |_, _| true));
    measure("games replayed and checked", "plies", || {
        play(&games, |position, mv| position.is_legal(mv))
    });
    let encoded: Vec<[u8; 32]> =
        positions.iter().map(|position| position.to_hcp().expect("there are two kings")).collect();
    measure("HCP encoded", "positions", || {
        positions.iter().for_each(|position| _ = black_box(position.to_hcp()));
        positions.len() as u64
    });
    measure("HCP decoded", "positions", || {
        encoded.iter().for_each(|bytes| _ = black_box(Position::from_hcp(bytes)));
        encoded.len() as u64
    });
}

fn measure(what: &str, unit: &str, mut run: impl FnMut() -> u64) {
    let mut best = 0.0f64;
    for _ in 0..N_ROUNDS {
        let start = Instant::now();
        let n = run();
        best = best.max(n as f64 / start.elapsed().as_secs_f64());
    }
    println!("{what}: {:.1} million {unit} a second", best / 1e6);
}

fn leaves_made(position: &mut Position, depth: u32) -> u64 {
    if depth == 0 {
        return 1;
    }
    let mut n_leaves = 0;
    for &mv in &position.legal_moves() {
        let undo = position.make(mv);
        n_leaves += leaves_made(position, depth - 1);
        position.undo(mv, undo);
    }
    n_leaves
}

fn generated_games() -> Vec<(Position, Vec<Move>)> {
    let mut generator = GameGenerator::new(GeneratorOptions::default());
    let mut game = GameRecord::default();
    let mut next = || {
        generator.next_game(&mut game);
        (game.start.clone(), game.moves.clone())
    };
    (0..N_GAMES).map(|_| next()).collect()
}

fn replay(start: &Position, moves: &[Move]) -> Vec<Position> {
    let mut position = start.clone();
    let mut visit = |&mv| {
        let before = position.clone();
        position.make(mv);
        before
    };
    moves.iter().map(&mut visit).collect()
}

fn play(games: &[(Position, Vec<Move>)], mut check: impl FnMut(&Position, Move) -> bool) -> u64 {
    let mut n_plies = 0;
    for (start, moves) in games {
        let mut position = start.clone();
        for &mv in moves {
            assert!(check(&position, mv));
            position.make(mv);
            n_plies += 1;
        }
        black_box(position.key());
    }
    n_plies
}
