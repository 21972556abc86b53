//! Record files: any bytes give games and errors, and what is given can be written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maou_shogi::record::{GameRecord, Reader, RecordError, Sink, write_csa, write_kif};

#[derive(Default)]
struct Found {
    games: Vec<GameRecord>,
    errors: Vec<RecordError>,
}

impl Sink for Found {
    fn game(&mut self, game: &GameRecord) {
        self.games.push(game.clone());
    }

    fn error(&mut self, error: RecordError) {
        self.errors.push(error);
    }
}

fn read(bytes: &[u8]) -> Found {
    let mut found = Found::default();
    Reader::new().read(bytes, &mut found);
    found
}

fuzz_target!(|data: &[u8]| {
    let found = read(data);
    let n_lines = data.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u64 + 1;
    for error in &found.errors {
        assert!((1..=n_lines + 1).contains(&error.line), "{error:?}");
        assert!(error.column >= 1, "{error:?}");
    }
    for game in &found.games {
        assert_eq!(game.moves.len(), game.evals_cp.len());
        assert_eq!(game.moves.len(), game.times_ms.len());
        let mut position = game.start.clone();
        for mv in &game.moves {
            assert!(position.is_legal(*mv));
            position.make(*mv);
        }
        for write in [write_csa, write_kif] {
            let mut text = String::new();
            write(game, &mut text);
            let again = read(text.as_bytes());
            assert_eq!(again.games.len(), 1, "{text}");
            assert_eq!(again.games[0].start, game.start, "{text}");
            assert_eq!(again.games[0].moves, game.moves, "{text}");
        }
    }
});
