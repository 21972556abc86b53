//! JKF text: one element of the main line on a line.

use std::fmt::Write;

use super::header::{Header, Names};
use super::ki2::{kind_of, relation};
use super::kif_lines::{Line, Parts, Start, eval_comment, take_while, told_eval};
use super::remarks::Remark;
use super::{Loss, ending};
use crate::record::csa_start::piece_name;
use crate::record::jkf;
use crate::record::jkf_start::preset;
use crate::record::{GameRecord, Variation};
use crate::{Color, Move, PieceType, Position, Square};

/// Appends a game as JKF text, and returns what JKF has no place for: fractions of seconds, ratings,
/// and comments before the first move of a variation.
///
/// Evals stand in comments, as in KIF. Several games are an array, whose brackets and commas are
/// the caller's to write.
pub fn write_jkf(game: &GameRecord, out: &mut String) -> Loss {
    let mut loss = Loss::NONE;
    let preset = preset(&game.start);
    let is_handicap = preset.is_some_and(|name| name != "HIRATE");
    out.push_str("{\"header\":{");
    loss.n_headers += push_header(out, Header::of(game, Names::Jkf, is_handicap));
    loss.n_headers += [game.black_rating, game.white_rating].iter().flatten().count() as u64;
    out.push_str("},\n\"initial\":{\"preset\":");
    match preset {
        Some(name) => push_string(out, name),
        None => {
            out.push_str("\"OTHER\",\"data\":");
            push_position(out, &game.start);
        }
    }
    out.push_str("},\n\"moves\":[\n");
    let start = Start { position: game.start.clone(), last_to: None, total_ms: [0; 2] };
    let line = Line::from(game);
    loss += push_line_of(out, start, line);
    out.push_str("\n]}\n");
    loss
}

/// Appends the fields; returns how many are left out.
fn push_header(out: &mut String, header: Header) -> u64 {
    let mut n_lost = header.n_lost;
    for (idx, (key, value)) in header.lines.iter().enumerate() {
        // A key stands once in an object.
        if header.lines[..idx].iter().any(|(other, _)| other == key) {
            n_lost += 1;
            continue;
        }
        out.push_str(if idx == 0 { "" } else { "," });
        push_string(out, key);
        out.push(':');
        push_string(out, value);
    }
    n_lost
}

fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for ch in text.chars() {
        match ch {
            '"' | '\\' => out.extend(['\\', ch]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\x1F' => {
                let _ = write!(out, "\\u{:04x}", u32::from(ch));
            }
            _ => out.push(ch),
        }
    }
    out.push('"');
}

fn push_position(out: &mut String, position: &Position) {
    let _ = write!(out, "{{\"color\":{},\"board\":[", position.turn() as u8);
    for file in 0..9 {
        out.push_str(if file == 0 { "\n[" } else { ",\n[" });
        for rank in 0..9 {
            out.push_str(if rank == 0 { "" } else { "," });
            match position.piece_on(Square::new(file, rank)) {
                None => out.push_str("{}"),
                Some(piece) => {
                    let (color, kind) = (piece.color() as u8, piece_name(piece.piece_type()));
                    let _ = write!(out, "{{\"color\":{color},\"kind\":\"{kind}\"}}");
                }
            }
        }
        out.push(']');
    }
    out.push_str("],\n\"hands\":[");
    for color in [Color::Black, Color::White] {
        out.push_str(if color == Color::Black { "{" } else { ",{" });
        for (idx, kind) in PieceType::HAND.into_iter().enumerate() {
            let comma = if idx == 0 { "" } else { "," };
            let count = position.hand(color).count(kind);
            let _ = write!(out, "{comma}\"{}\":{count}", piece_name(kind));
        }
        out.push('}');
    }
    out.push_str("]}");
}

/// The name of an ending, with `turn` to move, and whether it tells all: chosen by what the reader
/// would make of it.
fn special(line: &Line<'_>, turn: Color) -> (Option<&'static str>, bool) {
    let named = |name: &'static str| (Some(name), jkf::verdict(name, turn).into_iter().collect());
    let names = ending::special_names(line.ending).iter().map(|name| named(name));
    ending::choose(line, names.chain([(None, Vec::new())])).unwrap_or_default()
}

/// Appends the elements of a line, within those of which are the lines that leave it; returns what
/// is left out. A main line alone has an element before its first move.
fn push_line_of(out: &mut String, start: Start, line: Line<'_>) -> Loss {
    let Parts { remarks, variations, mut loss } = line.parts_with_evals();
    let mut state = start;
    let (mut remarks, mut waiting) = (remarks.as_slice(), variations.as_slice());
    let first = take_while(&mut remarks, |remark| remark.ply == line.ply);
    let is_main = line.game.is_some();
    let separator = if is_main { ",\n" } else { "," };
    let mut is_first = true;
    if is_main {
        out.push('{');
        push_comments(out, "", None, first, state.position.turn());
        out.push('}');
        is_first = false;
    } else {
        loss.n_comments += first.len() as u64;
    }
    for (idx, mv) in line.moves.iter().enumerate() {
        out.push_str(if is_first { "" } else { separator });
        is_first = false;
        out.push_str("{\"move\":{");
        push_move(out, &state, *mv);
        out.push('}');
        let before = state.clone();
        state.last_to = Some(mv.to());
        state.position.make(*mv);
        if let Some(ms) = line.times_ms[idx] {
            loss.n_times += u64::from(!ms.is_multiple_of(1000));
            let total_ms = &mut state.total_ms[before.position.turn().index()];
            *total_ms += u64::from(ms);
            push_time(out, ms, *total_ms);
        }
        let ply = line.ply + idx;
        let here = take_while(&mut remarks, |remark| remark.ply == ply + 1);
        push_comments(out, ",", line.evals_cp[idx], here, state.position.turn());
        let leaving = take_while(&mut waiting, |variation| variation.ply as usize == ply);
        loss += push_forks(out, ",", &before, leaving);
        out.push('}');
    }
    let (name, is_told) = special(&line, state.position.turn());
    loss.n_endings += u64::from(!is_told);
    if name.is_some() || !waiting.is_empty() {
        out.push_str(if is_first { "" } else { separator });
        out.push('{');
        if let Some(name) = name {
            let _ = write!(out, "\"special\":\"{name}\"");
        }
        let comma = if name.is_some() { "," } else { "" };
        loss += push_forks(out, comma, &state, waiting);
        out.push('}');
    }
    loss
}

fn push_forks(out: &mut String, comma: &str, start: &Start, leaving: &[&Variation]) -> Loss {
    let mut loss = Loss::NONE;
    if leaving.is_empty() {
        return loss;
    }
    let _ = write!(out, "{comma}\"forks\":[");
    for (idx, variation) in leaving.iter().enumerate() {
        out.push_str(if idx == 0 { "[" } else { ",[" });
        loss += push_line_of(out, start.clone(), Line::from(*variation));
        out.push(']');
    }
    out.push(']');
    loss
}

/// Appends comments and the eval of the move before, unless one of them tells it.
fn push_comments(
    out: &mut String,
    comma: &str,
    eval: Option<i16>,
    remarks: &[Remark],
    turn: Color,
) {
    let eval = eval.filter(|eval| told_eval(remarks, turn) != Some(*eval));
    let eval = eval.map(|eval| eval_comment(eval, turn));
    let texts = remarks.iter().map(|remark| &*remark.text);
    for (idx, text) in eval.as_deref().into_iter().chain(texts).enumerate() {
        match idx {
            0 => {
                let _ = write!(out, "{comma}\"comments\":[");
            }
            _ => out.push(','),
        }
        push_string(out, text);
    }
    out.push_str(if eval.is_none() && remarks.is_empty() { "" } else { "]" });
}

fn push_square(out: &mut String, key: &str, square: Square) {
    let (file, rank) = (square.file() + 1, square.rank() + 1);
    let _ = write!(out, "\"{key}\":{{\"x\":{file},\"y\":{rank}}},");
}

/// Appends the fields of a move.
fn push_move(out: &mut String, state: &Start, mv: Move) {
    let position = &state.position;
    let to = mv.to();
    let kind = kind_of(position, mv);
    if let Some(from) = mv.from() {
        push_square(out, "from", from);
    }
    push_square(out, "to", to);
    let _ = write!(out, "\"color\":{},\"piece\":\"{}\"", position.turn() as u8, piece_name(kind));
    if state.last_to == Some(to) {
        out.push_str(",\"same\":true");
    }
    // `false` where it could have promoted.
    if mv.is_promotion() {
        out.push_str(",\"promote\":true");
    } else if mv.from().is_some_and(|from| position.is_legal(Move::board(from, to, true))) {
        out.push_str(",\"promote\":false");
    }
    if let Some(taken) = position.piece_on(to) {
        let _ = write!(out, ",\"capture\":\"{}\"", piece_name(taken.piece_type()));
    }
    let relation = relation(position, mv);
    if !relation.is_empty() {
        out.push_str(",\"relative\":\"");
        out.extend(relation.chars().map(relative_letter));
        out.push('"');
    }
}

/// The letter of JKF for a word that tells a piece from others.
fn relative_letter(word: char) -> char {
    match word {
        '左' => 'L',
        '直' => 'C',
        '右' => 'R',
        '上' => 'U',
        '寄' => 'M',
        '引' => 'D',
        _ => 'H',
    }
}

/// Appends the time of a move and what its side used so far.
fn push_time(out: &mut String, ms: u32, total_ms: u64) {
    let (seconds, total) = (ms / 1000, total_ms / 1000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let (h, m, s) = (total / 3600, total / 60 % 60, total % 60);
    let _ = write!(
        out,
        ",\"time\":{{\"now\":{{\"m\":{minutes},\"s\":{seconds}}},\
         \"total\":{{\"h\":{h},\"m\":{m},\"s\":{s}}}}}"
    );
}
