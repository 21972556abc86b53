//! Makes the game records that come with maou, from the generator.
//!
//! ```text
//! cargo run -p maou_shogi --example make_sample
//! ```
//!
//! The test below holds the committed files to what this makes.

use std::fs;
use std::path::{Path, PathBuf};

use maou_shogi::generate::{GameGenerator, GeneratorOptions};
use maou_shogi::record::{Encoding, Format, GameRecord, encode, write_kif};

/// Among these games are a mate, a repetition, a declaration and a loss on time.
const SEED: u64 = 3628;
const N_SINGLE_CSA: usize = 20;
const N_GAMES_IN_ONE_CSA: usize = 6;
const N_KIF: usize = 4;

fn main() -> std::io::Result<()> {
    let folder = sample_folder();
    fs::create_dir_all(&folder)?;
    for (name, bytes) in sample_files() {
        fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}

fn sample_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packages/maou/src/maou/sample")
}

/// Names and contents of all files, 30 games in all.
fn sample_files() -> Vec<(String, Vec<u8>)> {
    let options = GeneratorOptions { seed: SEED, ..GeneratorOptions::default() };
    let mut generator = GameGenerator::new(options);
    let mut game = GameRecord::default();
    let mut csa = || {
        let mut text = String::new();
        generator.next_text(Format::Csa, &mut game, &mut text);
        text
    };
    let mut files = Vec::new();
    for number in 1..=N_SINGLE_CSA {
        files.push((format!("game-{number:02}.csa"), csa().into_bytes()));
    }
    let league: Vec<String> = (0..N_GAMES_IN_ONE_CSA).map(|_| csa()).collect();
    files.push(("games-21-26.csa".to_owned(), league.join("/\n").into_bytes()));
    for number in 0..N_KIF {
        generator.next_game(&mut game);
        game.black = format!("見本ソフト{}", ["甲", "丙", "戊", "庚"][number]);
        game.white = format!("見本ソフト{}", ["乙", "丁", "己", "辛"][number]);
        game.event = "見本棋戦".to_owned();
        // Most KIF files have none.
        game.evals_cp.fill(None);
        let mut text = String::new();
        write_kif(&game, &mut text);
        // As most KIF files are.
        let (encoding, mark) =
            if number == 0 { (Encoding::ShiftJis, "-shift-jis") } else { (Encoding::Utf8, "") };
        let bytes = encode(&text, encoding).expect("both encodings have all characters of KIF");
        files.push((format!("game-{}{mark}.kif", 27 + number), bytes));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_sample_is_what_the_generator_makes() {
        let folder = sample_folder();
        let mut expected = sample_files();
        expected.sort();
        let mut found: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".csa") || name.ends_with(".kif"))
            .collect();
        found.sort();
        let names: Vec<&String> = expected.iter().map(|(name, _)| name).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), names);
        for (name, bytes) in &expected {
            let committed = fs::read(folder.join(name)).unwrap();
            assert!(committed == *bytes, "{name}: run the example make_sample");
        }
        let n_bytes: usize = expected.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(n_bytes < 250_000, "{n_bytes} bytes");
    }
}
