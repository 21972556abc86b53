//! CSA text.

use std::fmt::Write;

use super::header::{Header, Names};
use super::kif_lines::{Line, Parts, take_while};
use super::remarks::Remark;
use super::{Loss, ending, n_lines, push_line, rank_squares};
use crate::record::builder::Eval;
use crate::record::csa_comment::{self, Comment};
use crate::record::csa_ending;
use crate::record::csa_start::piece_name;
use crate::record::ending::Verdict;
use crate::record::{Ending, GameRecord, GameResult};
use crate::sfen::HAND_ORDER;
use crate::{Color, Move, Piece, PieceType, Position};

/// How [`write_csa_with`] writes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CsaOptions {
    /// The most moves of a line that is written behind an eval, as engines on floodgate do; the
    /// line is how the game went on, cut at a length that changes from move to move.
    pub max_line_plies: u8,
}

/// The line that names the encoding, since version 3.
pub(super) const ENCODING_LINE: &str = "'CSA encoding=UTF-8\n";

/// Appends a game as CSA text, and returns what CSA has no place for: variations, above all.
///
/// Headers stand as they are written in the record, or come from the fields of the game. Evals
/// that no comment tells already are written as `'**` comments from Black's point of view. Several
/// games in one file are parted by a line with `/`, which is the caller's to write.
pub fn write_csa(game: &GameRecord, out: &mut String) -> Loss {
    write_csa_with(game, CsaOptions::default(), out)
}

/// Like [`write_csa`], with options.
pub fn write_csa_with(game: &GameRecord, options: CsaOptions, out: &mut String) -> Loss {
    let header = Header::of(game, Names::Csa, false);
    // Fractions of a second and some headers came with version 3.
    let has_fractions = game.times_ms.iter().flatten().any(|ms| !ms.is_multiple_of(1000));
    let is_v3 = has_fractions || header.lines.iter().any(|(key, _)| !V2_KEYS.contains(&&**key));
    out.push_str(if is_v3 { ENCODING_LINE } else { "" });
    out.push_str(if is_v3 { "V3.0\n" } else { "V2.2\n" });
    for (key, value) in &header.lines {
        let colon = if key.starts_with('$') { ":" } else { "" };
        push_line(out, &format!("{key}{colon}"), value);
    }
    push_board(out, &game.start);
    let line = Line::from(game);
    let Parts { mut remarks, mut loss, .. } = line.parts();
    loss.n_comments += quote_data(&line, game, &mut remarks);
    let after_end = remarks.split_off(n_before_end(&remarks, game.moves.len()));
    push_ratings(out, game, &remarks);
    let turn = push_moves(out, game, &remarks, options);
    loss += push_end(out, &line, game, after_end, turn);
    loss.n_variations = game.variations.iter().map(n_lines).sum();
    loss.n_headers = header.n_lost;
    loss
}

/// Headers of version 2.
const V2_KEYS: [&str; 8] =
    ["N+", "N-", "$EVENT", "$SITE", "$START_TIME", "$END_TIME", "$TIME_LIMIT", "$OPENING"];

/// What a comment says to the reader.
fn said(remark: &Remark) -> Comment {
    csa_comment::parse(format!("'{}", remark.text).as_bytes())
}

/// The eval that a comment tells.
fn told(remark: &Remark) -> Option<Eval> {
    match said(remark) {
        Comment::EvalBlack(cp) => Some(Eval::Black(cp)),
        _ => csa_comment::eval_of_gui(&remark.text),
    }
}

/// The rating of a side that is told last.
fn told_rating(remarks: &[Remark], color: Color) -> Option<f64> {
    remarks.iter().rev().find_map(|remark| match (said(remark), color) {
        (Comment::BlackRating(told), Color::Black) | (Comment::WhiteRating(told), Color::White) => {
            Some(told)
        }
        _ => None,
    })
}

/// Quotes the comments that would be read as data which the game does not have; returns how many.
fn quote_data(line: &Line<'_>, game: &GameRecord, remarks: &mut [Remark]) -> u64 {
    let is_other_rating =
        |color, rating| told_rating(remarks, color).is_some_and(|told| Some(told) != rating);
    let other_black = is_other_rating(Color::Black, game.black_rating);
    let other_white = is_other_rating(Color::White, game.white_rating);
    let mut n_quoted = 0;
    for remark in remarks {
        let is_misread = match said(remark) {
            Comment::BlackRating(_) => other_black,
            Comment::WhiteRating(_) => other_white,
            Comment::Summary(_) => remark.ply < game.moves.len(),
            _ if remark.text.starts_with("CSA encoding=") => true,
            _ => remark.ply > 0 && line.eval_before(remark.ply).is_none() && told(remark).is_some(),
        };
        if is_misread {
            remark.quote();
            n_quoted += 1;
        }
    }
    n_quoted
}

/// Appends the ratings, unless a comment tells them.
fn push_ratings(out: &mut String, game: &GameRecord, remarks: &[Remark]) {
    for (tag, color, name, rating) in [
        ("'black_rate:", Color::Black, &game.black, game.black_rating),
        ("'white_rate:", Color::White, &game.white, game.white_rating),
    ] {
        let Some(rating) = rating else { continue };
        if told_rating(remarks, color) != Some(rating) {
            push_line(out, tag, &format!("{name}:{rating:?}"));
        }
    }
}

const fn sign(color: Color) -> char {
    match color {
        Color::Black => '+',
        Color::White => '-',
    }
}

fn push_board(out: &mut String, position: &Position) {
    for rank in 0..9 {
        let _ = write!(out, "P{}", rank + 1);
        for square in rank_squares(rank) {
            match position.piece_on(square) {
                None => out.push_str(" * "),
                Some(piece) => {
                    out.push(sign(piece.color()));
                    out.push_str(piece_name(piece.piece_type()));
                }
            }
        }
        out.push('\n');
    }
    for color in [Color::Black, Color::White] {
        let hand = position.hand(color);
        if hand.is_empty() {
            continue;
        }
        let _ = write!(out, "P{}", sign(color));
        for piece_type in HAND_ORDER {
            for _ in 0..hand.count(piece_type) {
                let _ = write!(out, "00{}", piece_name(piece_type));
            }
        }
        out.push('\n');
    }
    out.push(sign(position.turn()));
    out.push('\n');
}

/// The seven characters of a move, such as `+7776FU`.
type WrittenMove = [u8; 7];

pub(super) fn written(position: &Position, mv: Move) -> WrittenMove {
    let digit = |n: u8| b'1' + n;
    let (from, piece_type) = match mv.from() {
        Some(from) => {
            let moved = position.piece_on(from).map_or(PieceType::Pawn, Piece::piece_type);
            let after = if mv.is_promotion() { moved.promoted().unwrap_or(moved) } else { moved };
            ([digit(from.file()), digit(from.rank())], after)
        }
        None => ([b'0', b'0'], mv.dropped().unwrap_or(PieceType::Pawn)),
    };
    let name = piece_name(piece_type).as_bytes();
    let to = mv.to();
    let sign = sign(position.turn()) as u8;
    [sign, from[0], from[1], digit(to.file()), digit(to.rank()), name[0], name[1]]
}

/// Appends all moves with their comments, and returns who is to move.
fn push_moves(
    out: &mut String,
    game: &GameRecord,
    mut remarks: &[Remark],
    options: CsaOptions,
) -> Color {
    let mut position = game.start.clone();
    let mut moves: Vec<WrittenMove> = Vec::with_capacity(game.moves.len());
    for &mv in &game.moves {
        moves.push(written(&position, mv));
        position.make(mv);
    }
    let mut turn = game.start.turn();
    push_comments(out, take_while(&mut remarks, |remark| remark.ply == 0));
    for (ply, text) in moves.iter().enumerate() {
        push_move(out, text);
        out.push('\n');
        turn = turn.opponent();
        if let Some(ms) = game.times_ms[ply] {
            let _ = write!(out, "T{}", ms / 1000);
            if !ms.is_multiple_of(1000) {
                let _ = write!(out, ".{:03}", ms % 1000);
            }
            out.push('\n');
        }
        let here = take_while(&mut remarks, |remark| remark.ply == ply + 1);
        let eval = game.evals_cp[ply].filter(|eval| told_eval(here, turn) != Some(*eval));
        if let Some(eval) = eval {
            let black = if turn == Color::White { i32::from(eval) } else { -i32::from(eval) };
            let _ = write!(out, "'** {black}");
            let line = &moves[ply + 1..];
            for text in &line[..line.len().min(line_plies(game.moves[ply], ply, options))] {
                out.push(' ');
                push_move(out, text);
            }
            out.push('\n');
        }
        push_comments(out, here);
    }
    turn
}

/// The eval of the move before that comments tell, with `turn` to move now.
fn told_eval(remarks: &[Remark], turn: Color) -> Option<i16> {
    remarks.iter().find_map(told).map(|eval| eval.of_mover(turn))
}

/// Number of comments before the end of the game: those after its last move from the summary on
/// follow it.
fn n_before_end(remarks: &[Remark], n_moves: usize) -> usize {
    let is_summary =
        |remark: &Remark| remark.ply == n_moves && matches!(said(remark), Comment::Summary(_));
    remarks.iter().position(is_summary).unwrap_or(remarks.len())
}

fn push_comments(out: &mut String, remarks: &[Remark]) {
    for remark in remarks {
        let _ = writeln!(out, "'{}", remark.text);
    }
}

fn push_move(out: &mut String, text: &WrittenMove) {
    out.extend(text.iter().map(|&byte| char::from(byte)));
}

/// A length from 1 to `max_line_plies` that only depends on the move and its place.
fn line_plies(mv: Move, ply: usize, options: CsaOptions) -> usize {
    let max = usize::from(options.max_line_plies);
    if max == 0 {
        return 0;
    }
    // Fibonacci hashing: neighbors get unlike lengths.
    let mixed = (u32::from(mv.move16()) ^ (ply as u32) << 16).wrapping_mul(0x9e37_79b9);
    1 + (mixed >> 16) as usize % max
}

/// A way to write how a game ended.
#[derive(Clone, Copy)]
struct End {
    special: Option<&'static str>,
    has_summary: bool,
    /// What the comments from the summary on say is not meant so.
    quotes: bool,
}

/// Appends how the game ended, with `turn` to move, and the comments from the summary on; returns
/// what is left out.
fn push_end(
    out: &mut String,
    line: &Line<'_>,
    game: &GameRecord,
    mut after_end: Vec<Remark>,
    turn: Color,
) -> Loss {
    let verdict_of = |text: &str| match csa_comment::parse(text.as_bytes()) {
        Comment::Summary(verdict) => Some(verdict),
        _ => None,
    };
    let summary = summary(game).filter(|_| after_end.is_empty());
    let said_after: Vec<Verdict> =
        after_end.iter().filter_map(|remark| verdict_of(&format!("'{}", remark.text))).collect();
    let way = |end: End| {
        let name = end.special.map(|name| format!("%{name}"));
        let special = name.and_then(|name| csa_ending::of_name(name.as_bytes(), turn));
        let summary = summary.as_deref().filter(|_| end.has_summary).and_then(verdict_of);
        let comments = said_after.iter().copied().filter(|_| !end.quotes);
        (end, special.into_iter().chain(summary).chain(comments).collect())
    };
    // The rules tell perpetual check, but not every program knows them.
    let summary_first = game.ending == Ending::PerpetualCheck && summary.is_some();
    let names = ending::special_names(game.ending).iter().map(|name| Some(*name)).chain([None]);
    let ways = [false, true].into_iter().flat_map(|quotes| {
        names.clone().flat_map(move |special| {
            [summary_first, !summary_first].map(|has_summary| End { special, has_summary, quotes })
        })
    });
    let Some((end, is_told)) = ending::choose(line, ways.map(way)) else { return Loss::NONE };
    if let Some(special) = end.special {
        let _ = writeln!(out, "%{special}");
    }
    if let Some(summary) = summary.filter(|_| end.has_summary) {
        push_line(out, "", &summary);
    }
    let mut n_quoted = 0;
    for remark in after_end.iter_mut().filter(|_| end.quotes) {
        if matches!(said(remark), Comment::Summary(_)) {
            remark.quote();
            n_quoted += 1;
        }
    }
    push_comments(out, &after_end);
    Loss { n_endings: u64::from(!is_told), n_comments: n_quoted, ..Loss::NONE }
}

/// The comment in which floodgate names winner and loser, for endings whose name alone does not
/// tell them.
fn summary(game: &GameRecord) -> Option<String> {
    let kind = match game.ending {
        Ending::Resign => "toryo",
        Ending::Time => "time up",
        Ending::PerpetualCheck => "oute_sennichite",
        Ending::IllegalMove => "illegal move",
        Ending::Declaration => "kachi",
        _ => return None,
    };
    let (black, white) = match game.result {
        GameResult::BlackWins => ("win", "lose"),
        GameResult::WhiteWins => ("lose", "win"),
        GameResult::Draw => ("draw", "draw"),
        GameResult::Unknown => return None,
    };
    Some(format!("'summary:{kind}:{} {black}:{} {white}", game.black, game.white))
}
