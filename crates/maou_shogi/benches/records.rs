//! How fast records are read, on one thread and in memory: generated games in CSA, KIF, KI2 and JKF.
//!
//! `cargo bench -p maou_shogi --bench records` prints the best of several rounds, with `-- JKF` of
//! those formats alone whose names hold the word.

use std::hint::black_box;
use std::time::Instant;

use maou_shogi::generate::{GameGenerator, GeneratorOptions};
use maou_shogi::record::{Encoding, Format, GameRecord, Reader, RecordError, Sink, encode};

const N_GAMES: usize = 2_000;
const N_ROUNDS: usize = 25;

/// Counts what is read.
#[derive(Default)]
struct Counter {
    n_games: usize,
    n_plies: usize,
    n_errors: usize,
}

impl Sink for Counter {
    fn game(&mut self, game: &mut GameRecord) {
        self.n_games += 1;
        self.n_plies += black_box(&game.moves).len();
    }

    fn error(&mut self, _: RecordError) {
        self.n_errors += 1;
    }
}

fn texts(format: Format, encoding: Encoding) -> Vec<Vec<u8>> {
    let mut generator = GameGenerator::new(GeneratorOptions { seed: 1, ..Default::default() });
    let mut game = GameRecord::default();
    let mut text = String::new();
    let mut next = || {
        text.clear();
        generator.next_text(format, &mut game, &mut text);
        encode(&text, encoding).expect("generated text is in every encoding")
    };
    (0..N_GAMES).map(|_| next()).collect()
}

fn measure(name: &str, format: Format, encoding: Encoding) {
    // Cargo itself passes `--bench`.
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with("--")).peekable();
    if words.peek().is_some() && !words.any(|word| name.contains(&word)) {
        return;
    }
    let texts = texts(format, encoding);
    let n_bytes: usize = texts.iter().map(Vec::len).sum();
    let mut reader = Reader::new();
    let mut best_s = f64::INFINITY;
    let mut counter = Counter::default();
    for _ in 0..N_ROUNDS {
        counter = Counter::default();
        let start = Instant::now();
        for text in &texts {
            reader.read(text, &mut counter);
        }
        best_s = best_s.min(start.elapsed().as_secs_f64());
    }
    assert_eq!((counter.n_games, counter.n_errors), (N_GAMES, 0), "{name}");
    println!(
        "{name:14} {:6.0} MB/s {:7.0} games/s {:5.1} M plies/s  ({} bytes, {} plies a game)",
        n_bytes as f64 / best_s / 1e6,
        N_GAMES as f64 / best_s,
        counter.n_plies as f64 / best_s / 1e6,
        n_bytes / N_GAMES,
        counter.n_plies / N_GAMES,
    );
}

fn main() {
    measure("CSA", Format::Csa, Encoding::Utf8);
    measure("KIF UTF-8", Format::Kif, Encoding::Utf8);
    measure("KIF Shift_JIS", Format::Kif, Encoding::ShiftJis);
    measure("KIF EUC-JP", Format::Kif, Encoding::EucJp);
    measure("KI2", Format::Ki2, Encoding::Utf8);
    measure("JKF", Format::Jkf, Encoding::Utf8);
}
