//! Makes the teacher records that fuzzing starts from, of a generated game.
//!
//! ```text
//! cargo run -p maou_shogi --example make_fuzz_seeds
//! ```
//!
//! The test below holds the committed files to what this makes.

use std::fs;
use std::path::{Path, PathBuf};

use maou_shogi::generate::{GameGenerator, GeneratorOptions};
use maou_shogi::record::{GameRecord, GameResult};
use maou_shogi::teacher::{
    FLAG_DECLARATION, FLAG_GOLD_7TH, FLAG_MAX_MOVES, FLAG_REPETITION, Hcpe, Hcpe3Game,
    TrainingPosition,
};

const SEED: u64 = 4;
/// Every so many plies a position becomes a record: hands are full towards the end.
const STEP: usize = 24;
const N_PLIES_OF_HCPE3: usize = 12;

fn main() -> std::io::Result<()> {
    let folder = seed_folder();
    fs::create_dir_all(&folder)?;
    for (name, bytes) in seed_files() {
        fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}

fn seed_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/teacher")
}

/// Names and contents of all files.
fn seed_files() -> Vec<(String, Vec<u8>)> {
    let mut generator = GameGenerator::new(GeneratorOptions { seed: SEED, ..Default::default() });
    let mut game = GameRecord::default();
    generator.next_game(&mut game);
    let positions = positions(&game);
    let hcpe = |format: Hcpe| -> Vec<u8> {
        let written = positions.iter().map(|read| read.to_hcpe(format));
        written.flat_map(|record| record.expect("results are known")).collect()
    };
    let psv = positions.iter().flat_map(|read| read.to_psv().expect("both kings are there"));
    vec![
        ("games.hcpe3".to_owned(), hcpe3(&game)),
        ("positions.hcpe".to_owned(), hcpe(Hcpe::One)),
        ("positions.hcpe2".to_owned(), hcpe(Hcpe::Two)),
        ("positions.psv".to_owned(), psv.collect()),
    ]
}

/// Positions of a game, with all results and flags.
fn positions(game: &GameRecord) -> Vec<TrainingPosition> {
    let results = [GameResult::Draw, GameResult::BlackWins, GameResult::WhiteWins];
    let flags = [0, FLAG_REPETITION | FLAG_GOLD_7TH, FLAG_DECLARATION, FLAG_MAX_MOVES];
    let mut position = game.start.clone();
    let mut positions = Vec::new();
    for (idx, (mv, eval)) in game.moves.iter().zip(&game.evals_cp).enumerate() {
        if idx % STEP == 0 {
            positions.push(TrainingPosition {
                hcp: position.to_hcp().expect("both kings are there"),
                key: position.key(),
                mv: *mv,
                eval: eval.unwrap_or(-1),
                result: results[idx / STEP % results.len()],
                flags: flags[idx / STEP % flags.len()],
                ply: position.move_number(),
                is_exact: true,
            });
        }
        position.make(*mv);
    }
    positions
}

/// The begin of the game, with candidates, and a game without moves.
fn hcpe3(game: &GameRecord) -> Vec<u8> {
    let mut position = game.start.clone();
    let mut cut = Hcpe3Game {
        start: position.clone(),
        result: GameResult::Draw,
        flags: FLAG_MAX_MOVES,
        ..Hcpe3Game::default()
    };
    for (idx, mv) in game.moves.iter().take(N_PLIES_OF_HCPE3).enumerate() {
        cut.moves.push(*mv);
        cut.evals_raw.push(game.evals_cp[idx].unwrap_or_default());
        let candidates = position.legal_moves();
        let n_candidates = idx % 4;
        cut.n_candidates.push(n_candidates as u16);
        for candidate in candidates.iter().take(n_candidates) {
            cut.candidates.push(candidate.move16());
            cut.visits.push(100 * idx as u16);
        }
        position.make(*mv);
    }
    let empty = Hcpe3Game { start: position, result: GameResult::BlackWins, ..Default::default() };
    let mut bytes = Vec::new();
    cut.write(&mut bytes).expect("HCPE3 holds all of it");
    empty.write(&mut bytes).expect("HCPE3 holds all of it");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_seeds_are_what_the_generator_makes() {
        let files = seed_files();
        assert_eq!(fs::read_dir(seed_folder()).unwrap().count(), files.len());
        for (name, bytes) in files {
            let committed = fs::read(seed_folder().join(&name)).unwrap();
            assert!(committed == bytes, "{name}: run the example make_fuzz_seeds");
            assert!(bytes.len() < 1000, "{name}: {} bytes", bytes.len());
        }
    }
}
