//! How fast teacher records are read and written, on one thread and in memory: the positions of
//! generated games.
//!
//! `cargo bench -p maou_shogi --bench teacher` prints the best of several rounds.

use std::hint::black_box;
use std::time::Instant;

use maou_shogi::Position;
use maou_shogi::generate::{GameGenerator, GeneratorOptions};
use maou_shogi::record::{GameRecord, GameResult};
use maou_shogi::teacher::{Hcpe, TrainingPosition};

const N_POSITIONS: usize = 400_000;
const N_ROUNDS: usize = 7;

fn positions() -> Vec<TrainingPosition> {
    let mut generator = GameGenerator::new(GeneratorOptions { seed: 1, ..Default::default() });
    let mut game = GameRecord::default();
    let mut positions = Vec::new();
    while positions.len() < N_POSITIONS {
        generator.next_game(&mut game);
        let mut position: Position = game.start.clone();
        for (mv, eval) in game.moves.iter().zip(&game.evals_cp) {
            positions.push(TrainingPosition {
                hcp: position.to_hcp().expect("generated games have kings"),
                key: position.key(),
                mv: *mv,
                eval: eval.unwrap_or_default(),
                result: GameResult::Draw,
                flags: 0,
                ply: position.move_number(),
                is_exact: true,
            });
            position.make(*mv);
        }
    }
    positions.truncate(N_POSITIONS);
    positions
}

fn measure<T, R>(name: &str, items: &[T], work: impl Fn(&T) -> R) {
    let mut best_s = f64::INFINITY;
    for _ in 0..N_ROUNDS {
        let start = Instant::now();
        for item in items {
            black_box(work(item));
        }
        best_s = best_s.min(start.elapsed().as_secs_f64());
    }
    println!("{name}: {:.2}M/s", items.len() as f64 / best_s / 1e6);
}

fn main() {
    let positions = positions();
    let hcpe: Vec<_> = positions.iter().map(|p| p.to_hcpe(Hcpe::One).unwrap()).collect();
    let psv: Vec<_> = positions.iter().map(|p| p.to_psv().unwrap()).collect();
    measure("HCP decoded", &positions, |p| Position::from_hcp(&p.hcp).unwrap());
    let decoded: Vec<_> = positions.iter().map(|p| Position::from_hcp(&p.hcp).unwrap()).collect();
    measure("HCP encoded", &decoded, Position::to_hcp);
    measure("PackedSfen encoded", &decoded, Position::to_packed_sfen);
    measure("HCPE read", &hcpe, |record| TrainingPosition::from_hcpe(record, Hcpe::Two).unwrap());
    measure("PSV read", &psv, |record| TrainingPosition::from_psv(record).unwrap());
    measure("HCPE written", &positions, |p| p.to_hcpe(Hcpe::One));
    measure("PSV written", &positions, TrainingPosition::to_psv);
}
