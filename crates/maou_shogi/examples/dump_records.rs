//! Prints the games and errors of record files as JSON lines: `cargo run --example dump_records
//! FILE…`.

use std::fmt::Write as _;

use maou_shogi::record::{GameRecord, Reader, RecordError, Sink};

struct Printer {
    path: String,
}

impl Sink for Printer {
    fn game(&mut self, game: &mut GameRecord) {
        let moves: Vec<String> = game.moves.iter().map(|mv| mv.to_usi()).collect();
        let evals: Vec<String> = game
            .evals_cp
            .iter()
            .map(|eval| eval.map_or("null".to_owned(), |cp| cp.to_string()))
            .collect();
        let times: Vec<String> = game
            .times_ms
            .iter()
            .map(|time| time.map_or("null".to_owned(), |ms| ms.to_string()))
            .collect();
        println!(
            "{{\"file\":{},\"start\":{},\"moves\":{},\"result\":{},\"ending\":\"{}\",\"tail\":{},\
             \"black\":{},\"white\":{},\"event\":{},\"black_rating\":{},\"white_rating\":{},\
             \"date\":{},\"n_variations\":{},\"n_comments\":{},\"evals\":[{}],\"times\":[{}]}}",
            quoted(&self.path),
            quoted(&game.start.to_sfen()),
            quoted(&moves.join(" ")),
            game.result as u8,
            game.ending,
            quoted(&game.tail),
            quoted(&game.black),
            quoted(&game.white),
            quoted(&game.event),
            number(game.black_rating),
            number(game.white_rating),
            game.date.map_or("null".to_owned(), |date| quoted(&date.to_string())),
            game.n_variations,
            game.n_comments,
            evals.join(","),
            times.join(","),
        );
    }

    fn error(&mut self, error: RecordError) {
        println!(
            "{{\"file\":{},\"error\":\"{}\",\"text\":{},\"kept\":{}}}",
            quoted(&self.path),
            error.kind,
            quoted(&error.to_string()),
            error.kept
        );
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or("null".to_owned(), |value| value.to_string())
}

/// `text` as a JSON string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for ch in text.chars() {
        match ch {
            '"' | '\\' => {
                out.push('\\');
                out.push(ch);
            }
            ch if ch.is_control() => {
                let _ = write!(out, "\\u{:04x}", ch as u32);
            }
            ch => out.push(ch),
        }
    }
    out.push('"');
    out
}

fn main() {
    let mut reader = Reader::new();
    for path in std::env::args().skip(1) {
        match std::fs::read(&path) {
            Ok(bytes) => {
                reader.read(&bytes, &mut Printer { path });
            }
            Err(error) => eprintln!("{path}: {error}"),
        }
    }
}
