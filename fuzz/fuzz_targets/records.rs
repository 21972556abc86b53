//! Record files: any bytes give games and errors, the same in both ways of reading, and every
//! format gives back what it can hold of a game.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maou_shogi::record::{
    Comment, Comments, ErrorKind, Format, GameRecord, Loss, Reader, RecordError, Sink, Variation,
    write_record, write_records,
};

#[derive(Default)]
struct Found {
    format: Option<Format>,
    games: Vec<GameRecord>,
    errors: Vec<RecordError>,
}

impl Sink for Found {
    fn game(&mut self, game: &mut GameRecord) {
        self.games.push(game.clone());
    }

    fn error(&mut self, error: RecordError) {
        self.errors.push(error);
    }
}

fn read(mut reader: Reader, bytes: &[u8]) -> Found {
    let mut found = Found::default();
    found.format = reader.read(bytes, &mut found);
    found
}

/// So many games of one input are written in every format.
const MAX_WRITTEN_GAMES: usize = 4;

fuzz_target!(|data: &[u8]| {
    let table = read(Reader::new(), data);
    let full = read(Reader::full(), data);
    let n_lines = data.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u64 + 1;
    for error in table.errors.iter().chain(&full.errors) {
        assert!((1..=n_lines + 1).contains(&error.line), "{error:?}");
        assert!(error.column >= 1, "{error:?}");
    }
    check_both(&table, &full);
    for game in &full.games {
        game.check().unwrap();
    }
    for game in full.games.iter().take(MAX_WRITTEN_GAMES) {
        for format in Format::ALL {
            check_written(format, game);
        }
    }
    if let games @ [_, _, ..] = &full.games[..full.games.len().min(MAX_WRITTEN_GAMES)] {
        check_written_together(games);
    }
});

/// What fills the columns of the games table does not depend on what else is kept.
fn check_both(table: &Found, full: &Found) {
    assert_eq!(table.format, full.format);
    assert_eq!(table.games.len(), full.games.len());
    for error in &table.errors {
        assert!(full.errors.contains(error), "{error:?} in {:?}", full.errors);
    }
    for (table, full) in table.games.iter().zip(&full.games) {
        assert_eq!(table.id(), full.id());
        assert_eq!(table.start, full.start);
        assert_eq!(table.moves, full.moves);
        assert_eq!(table.evals_cp, full.evals_cp);
        assert_eq!(table.times_ms, full.times_ms);
        assert_eq!((table.result, table.ending), (full.result, full.ending));
        assert_eq!(table.tail, full.tail);
        assert_eq!((&table.black, &table.white), (&full.black, &full.white));
        assert_eq!((&table.event, table.date), (&full.event, full.date));
        assert_eq!(table.black_rating, full.black_rating);
        assert_eq!(table.white_rating, full.white_rating);
        assert_eq!(table.eval_scale_cp, full.eval_scale_cp);
        assert_eq!(table.variations, []);
        assert!(table.comments.is_empty() && table.headers.is_empty());
        let n_variations = full.n_variations + n_lines(&full.variations);
        assert_eq!(table.n_variations, n_variations);
    }
}

/// Number of lines in variations and those that leave them.
fn n_lines(variations: &[Variation]) -> u32 {
    variations.iter().map(|variation| 1 + n_lines(&variation.variations)).sum()
}

/// Reads a game again that was written alone.
fn check_written(format: Format, game: &GameRecord) {
    let mut text = String::new();
    let loss = write_record(format, game, &mut text);
    let again = read(Reader::full(), text.as_bytes());
    // A game that contradicts its own ending still does.
    let is_expected = |error: &RecordError| error.kind == ErrorKind::Contradiction;
    assert!(again.errors.iter().all(is_expected), "{format:?}: {:?}\n{text}", again.errors);
    assert_eq!(again.games.len(), 1, "{format:?}\n{text}");
    check_same(format, &loss, game, &again.games[0], &text);
}

fn check_same(format: Format, loss: &Loss, game: &GameRecord, again: &GameRecord, text: &str) {
    assert_eq!(again.start, game.start, "{format:?}\n{text}");
    if loss.n_moves > 0 {
        assert_eq!(format, Format::Sfen);
        return;
    }
    assert_eq!(again.moves, game.moves, "{format:?}\n{text}");
    if loss.n_endings == 0 {
        let (found, expected) = ((again.result, again.ending), (game.result, game.ending));
        assert_eq!(found, expected, "{format:?}\n{text}");
    }
    if loss.n_evals == 0 {
        assert_eq!(again.evals_cp, game.evals_cp, "{format:?}\n{text}");
    }
    if loss.n_times == 0 {
        assert_eq!(again.times_ms, game.times_ms, "{format:?}\n{text}");
    }
    if format == Format::Csa && loss.n_comments == 0 {
        assert_eq!(again.black_rating, game.black_rating, "{text}");
        assert_eq!(again.white_rating, game.white_rating, "{text}");
    }
    if loss.n_comments == 0 {
        check_comments(&game.comments, &again.comments, text);
    }
    if loss.n_variations == 0 {
        assert_eq!(tree(&again.variations), tree(&game.variations), "{format:?}\n{text}");
    }
}

/// Comments come back as lines of text, with evals among them.
fn check_comments(written: &Comments, again: &Comments, text: &str) {
    let mut again = again.iter();
    let mut written: Vec<Comment> = written.iter().collect();
    written.sort_by_key(|comment| comment.ply);
    for comment in written {
        let plain = |ch: char| if ch.is_control() && ch != '\t' { ' ' } else { ch };
        let expected: String = comment.text.chars().map(plain).collect();
        let is_it = |found: Comment| {
            found.ply == comment.ply && found.text.trim_end() == expected.trim_end()
        };
        assert!(again.any(is_it), "{comment:?}\n{text}");
    }
}

/// The moves of variations, line by line, in the order of the plies at which they begin.
fn tree(variations: &[Variation]) -> Vec<(u32, &[maou_shogi::Move])> {
    let mut sorted: Vec<&Variation> = variations.iter().collect();
    sorted.sort_by_key(|variation| variation.ply);
    let mut lines = Vec::new();
    // What is left of a line whose first move is illegal holds nothing that can be written.
    for variation in sorted.into_iter().filter(|variation| !variation.moves.is_empty()) {
        lines.push((variation.ply, &variation.moves[..]));
        lines.extend(tree(&variation.variations));
    }
    lines
}

/// Reads games again that were written into one text.
fn check_written_together(games: &[GameRecord]) {
    for format in Format::ALL {
        let mut text = String::new();
        write_records(format, games, &mut text);
        let again = read(Reader::new(), text.as_bytes());
        assert_eq!(again.games.len(), games.len(), "{format:?}\n{text}");
        for (again, game) in again.games.iter().zip(games) {
            assert_eq!(again.start, game.start, "{format:?}\n{text}");
            if format != Format::Sfen {
                assert_eq!(again.moves, game.moves, "{format:?}\n{text}");
            }
        }
    }
}
