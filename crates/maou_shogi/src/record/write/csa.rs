//! CSA text.

use std::fmt::Write;

use super::header::{Header, Names};
use super::kif_lines::{by_ply, take_while};
use super::{Loss, forgets_winner, n_lines, push_line, push_text, rank_squares};
use crate::record::builder::Eval;
use crate::record::csa_comment;
use crate::record::csa_start::piece_name;
use crate::record::{Comment, Ending, GameRecord, GameResult};
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
    let comments = by_ply(&game.comments, |comment| comment.ply, 0, game.moves.len());
    push_ratings(out, game, &comments);
    let turn = push_moves(out, game, &comments, options);
    let changes_ending = match game.ending {
        Ending::Unknown => game.result != GameResult::Unknown,
        ending => ending == Ending::Walkover,
    };
    push_ending(out, game, &comments, turn);
    Loss {
        n_variations: game.variations.iter().map(n_lines).sum(),
        n_comments: (game.comments.len() - comments.len()) as u64,
        n_headers: header.n_lost,
        n_endings: u64::from(changes_ending),
        ..Loss::NONE
    }
}

/// Headers of version 2.
const V2_KEYS: [&str; 8] =
    ["N+", "N-", "$EVENT", "$SITE", "$START_TIME", "$END_TIME", "$TIME_LIMIT", "$OPENING"];

/// What a comment says to the reader.
fn said(comment: &Comment) -> csa_comment::Comment {
    csa_comment::parse(format!("'{}", comment.text).as_bytes())
}

/// Appends the ratings, unless a comment tells them.
fn push_ratings(out: &mut String, game: &GameRecord, comments: &[&Comment]) {
    for (tag, color, name, rating) in [
        ("'black_rate:", Color::Black, &game.black, game.black_rating),
        ("'white_rate:", Color::White, &game.white, game.white_rating),
    ] {
        let Some(rating) = rating else { continue };
        let told = comments.iter().rev().find_map(|comment| match (said(comment), color) {
            (csa_comment::Comment::BlackRating(told), Color::Black)
            | (csa_comment::Comment::WhiteRating(told), Color::White) => Some(told),
            _ => None,
        });
        if told != Some(rating) {
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

fn written(position: &Position, mv: Move) -> WrittenMove {
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

/// Appends all moves and comments but those that follow the end, and returns who is to move.
fn push_moves(
    out: &mut String,
    game: &GameRecord,
    comments: &[&Comment],
    options: CsaOptions,
) -> Color {
    let mut position = game.start.clone();
    let mut moves: Vec<WrittenMove> = Vec::with_capacity(game.moves.len());
    for &mv in &game.moves {
        moves.push(written(&position, mv));
        position.make(mv);
    }
    let mut comments = comments;
    let mut turn = game.start.turn();
    push_comments(out, take_while(&mut comments, |comment| comment.ply == 0), moves.is_empty());
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
        let here = take_while(&mut comments, |comment| comment.ply as usize == ply + 1);
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
        push_comments(out, here, ply + 1 == moves.len());
    }
    turn
}

/// The eval of the move before that comments tell, with `turn` to move now.
fn told_eval(comments: &[&Comment], turn: Color) -> Option<i16> {
    let told = |comment: &&Comment| match said(comment) {
        csa_comment::Comment::EvalBlack(cp) => Some(Eval::Black(cp)),
        _ => csa_comment::eval_of_gui(&comment.text),
    };
    comments.iter().find_map(told).map(|eval| eval.of_mover(turn))
}

/// Where the comments begin that follow the end of the game: those from the summary on.
fn n_before_end(comments: &[&Comment]) -> usize {
    let is_summary =
        |comment: &&&Comment| matches!(said(comment), csa_comment::Comment::Summary(_));
    comments.iter().take_while(|comment| !is_summary(comment)).count()
}

fn push_comments(out: &mut String, comments: &[&Comment], is_last: bool) {
    let n_comments = if is_last { n_before_end(comments) } else { comments.len() };
    for comment in &comments[..n_comments] {
        push_text(out, "'", &comment.text);
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

/// Appends how the game ended, with `turn` to move, and the comments from the summary on.
fn push_ending(out: &mut String, game: &GameRecord, comments: &[&Comment], turn: Color) {
    let n_moves = game.moves.len();
    let first = comments.partition_point(|comment| (comment.ply as usize) < n_moves);
    let last = &comments[first..];
    let after = &last[n_before_end(last)..];
    push_special(out, game, turn, !after.is_empty());
    for comment in after {
        push_text(out, "'", &comment.text);
    }
}

/// Appends the special move that ends the game, and the summary unless a comment is one.
fn push_special(out: &mut String, game: &GameRecord, turn: Color, has_summary: bool) {
    let special = match game.ending {
        Ending::Resign => "%TORYO",
        Ending::Checkmate => "%TSUMI",
        Ending::Repetition | Ending::PerpetualCheck => "%SENNICHITE",
        Ending::Declaration => "%KACHI",
        Ending::Impasse => "%JISHOGI",
        Ending::MaxMoves => "%MAX_MOVES",
        Ending::Time => "%TIME_UP",
        Ending::IllegalMove => "%ILLEGAL_MOVE",
        Ending::IllegalAction if game.result == GameResult::WhiteWins => "%+ILLEGAL_ACTION",
        Ending::IllegalAction => "%-ILLEGAL_ACTION",
        Ending::Interrupted | Ending::Walkover => "%CHUDAN",
        Ending::NoMate => "%FUZUMI",
        Ending::Takeback => "%MATTA",
        Ending::Error => "%ERROR",
        Ending::Unknown => return,
    };
    let forgets_winner = forgets_winner(game.ending, game.result, turn);
    if !forgets_winner {
        out.push_str(special);
        out.push('\n');
    }
    if !has_summary && (game.ending == Ending::PerpetualCheck || forgets_winner) {
        push_summary(out, game);
    }
}

/// Appends the comment in which floodgate names winner and loser, for endings whose name alone
/// does not tell them.
fn push_summary(out: &mut String, game: &GameRecord) {
    let kind = match game.ending {
        Ending::Resign => "toryo",
        Ending::Time => "time up",
        Ending::PerpetualCheck => "oute_sennichite",
        Ending::IllegalMove => "illegal move",
        Ending::Declaration => "kachi",
        _ => return,
    };
    let (black, white) = match game.result {
        GameResult::BlackWins => ("win", "lose"),
        GameResult::WhiteWins => ("lose", "win"),
        GameResult::Draw => ("draw", "draw"),
        GameResult::Unknown => return,
    };
    push_line(out, "'summary:", &format!("{kind}:{} {black}:{} {white}", game.black, game.white));
}
