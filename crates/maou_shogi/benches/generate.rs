//! How fast games are made, alone and as CSA text, on one thread: the best of several rounds.
//!
//! ```text
//! cargo bench -p maou_shogi --bench generate
//! ```

use std::time::Instant;

use maou_shogi::generate::{GameGenerator, GeneratorOptions};
use maou_shogi::record::{Format, GameRecord};

const N_ROUNDS: u32 = 5;
const N_GAMES: u32 = 2000;

fn main() {
    let mut generator = GameGenerator::new(GeneratorOptions::default());
    measure("games", |game, _| generator.next_game(game));
    measure("games as CSA", |game, text| generator.next_text(Format::Csa, game, text));
    measure("games as KIF", |game, text| generator.next_text(Format::Kif, game, text));
}

fn measure(what: &str, mut next: impl FnMut(&mut GameRecord, &mut String)) {
    let mut game = GameRecord::default();
    let mut text = String::new();
    let mut best = 0.0f64;
    for _ in 0..N_ROUNDS {
        let start = Instant::now();
        let mut n_plies = 0;
        for _ in 0..N_GAMES {
            text.clear();
            next(&mut game, &mut text);
            n_plies += game.moves.len();
        }
        best = best.max(n_plies as f64 / start.elapsed().as_secs_f64());
    }
    println!("{what}: {:.2} million plies a second", best / 1e6);
}
