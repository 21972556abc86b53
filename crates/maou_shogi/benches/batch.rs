//! How fast arrays of positions become what networks take, from HCP, on one thread and on two: the
//! best of several rounds over rows in batches whose results are written over each other.
//!
//! ```text
//! cargo bench -p maou_shogi --bench batch [-- WORDS OF A NAME]
//! ```

use std::hint::black_box;
use std::time::Instant;

use maou_shogi::batch::{self, Hcp};
use maou_shogi::generate::{GameGenerator, GeneratorOptions};
use maou_shogi::record::GameRecord;
use maou_shogi::{N_DLSHOGI_PLANES_1, N_DLSHOGI_PLANES_2, N_LABELS_2187, PolicyScheme, Position};

const N_ROUNDS: u32 = 9;
const N_GAMES: usize = 200;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let (rows, moves) = positions();
    let n = rows.len();
    println!("{n} positions of {N_GAMES} games");
    let scheme = PolicyScheme::Labels2187;
    let mut labels = vec![0; n];
    batch::labels(&rows, &moves, scheme, true, &mut labels, 1).expect("the moves are legal");
    for threads in [1, 2] {
        let measure = |what: &str, batch: usize, run: &mut dyn FnMut(usize, &[Hcp])| {
            if wanted.is_empty() || wanted.iter().all(|word| what.contains(word)) {
                measure(&format!("{what}, {threads} threads"), &rows, batch, run);
            }
        };
        let mut keys = vec![0; n];
        let mut bytes = vec![0; N_LABELS_2187 * 1_024];
        let mut counts = vec![0; 14 * n];
        let mut ids = vec![0; 81 * n];
        let mut found = vec![0; n];
        let mut found_moves = vec![0; n];
        let mut twins = vec![[0; 32]; n];
        measure("checked", n, &mut |_, rows| {
            batch::check(rows, threads).unwrap();
        });
        measure("keys", n, &mut |_, rows| batch::keys(rows, &mut keys, threads).unwrap());
        measure("compact", n, &mut |_, rows| {
            batch::compact(rows, &mut ids, &mut counts, threads).unwrap();
        });
        measure("piece ids", n, &mut |_, rows| {
            batch::piece_ids(rows, &mut ids, threads).unwrap();
        });
        measure("hands", n, &mut |_, rows| batch::hands(rows, &mut counts, threads).unwrap());
        measure("masks 2187", 1_024, &mut |_, rows| {
            let out = &mut bytes[..N_LABELS_2187 * rows.len()];
            batch::legal_masks(rows, scheme, out, threads).unwrap();
        });
        measure("masks 1496", 1_024, &mut |_, rows| {
            let out = &mut bytes[..1_496 * rows.len()];
            batch::legal_masks(rows, PolicyScheme::Labels1496, out, threads).unwrap();
        });
        measure("labels of legal moves", n, &mut |_, rows| {
            batch::labels(rows, &moves, scheme, true, &mut found, threads).unwrap();
        });
        measure("labels of any moves", n, &mut |_, rows| {
            batch::labels(rows, &moves, scheme, false, &mut found, threads).unwrap();
        });
        measure("moves of labels", n, &mut |_, rows| {
            batch::moves(rows, &labels, scheme, &mut found_moves, threads).unwrap();
        });
        measure("in check", n, &mut |_, rows| {
            batch::in_check(rows, &mut counts[..rows.len()], threads).unwrap();
        });
        measure("flipped", n, &mut |_, rows| batch::flip(rows, &mut twins, threads).unwrap());
        for size in [256, 1_024] {
            let mut first = vec![0.0; N_DLSHOGI_PLANES_1 * 81 * size];
            let mut second = vec![0.0; N_DLSHOGI_PLANES_2 * 81 * size];
            measure(&format!("dlshogi, batches of {size}"), size, &mut |_, rows| {
                let first = &mut first[..N_DLSHOGI_PLANES_1 * 81 * rows.len()];
                let second = &mut second[..N_DLSHOGI_PLANES_2 * 81 * rows.len()];
                batch::dlshogi(rows, first, second, threads).unwrap();
            });
        }
    }
}

fn measure(what: &str, rows: &[Hcp], batch: usize, run: &mut dyn FnMut(usize, &[Hcp])) {
    let mut best = 0.0f64;
    for _ in 0..N_ROUNDS {
        let start = Instant::now();
        for (i, rows) in rows.chunks(batch).enumerate() {
            run(i, black_box(rows));
        }
        best = best.max(rows.len() as f64 / start.elapsed().as_secs_f64());
    }
    println!("{what}: {:.2} million positions a second", best / 1e6);
}

/// The positions before each move of generated games, and the moves.
fn positions() -> (Vec<Hcp>, Vec<u16>) {
    let mut generator = GameGenerator::new(GeneratorOptions::default());
    let mut game = GameRecord::default();
    let (mut rows, mut moves) = (Vec::new(), Vec::new());
    for _ in 0..N_GAMES {
        generator.next_game(&mut game);
        let mut position: Position = game.start.clone();
        for &mv in &game.moves {
            rows.push(position.to_hcp().expect("there are two kings"));
            moves.push(mv.move16());
            position.make(mv);
        }
    }
    (rows, moves)
}
