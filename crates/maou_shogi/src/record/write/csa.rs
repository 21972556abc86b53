//! CSA text.

use std::fmt::Write;

use super::{forgets_winner, push_line, rank_squares};
use crate::record::csa_start::piece_name;
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

/// Appends a game as CSA text, with evals as `'**` comments from Black's point of view.
///
/// Several games in one file are parted by a line with `/`, which is the caller's to write.
pub fn write_csa(game: &GameRecord, out: &mut String) {
    write_csa_with(game, CsaOptions::default(), out);
}

/// Like [`write_csa`], with options.
pub fn write_csa_with(game: &GameRecord, options: CsaOptions, out: &mut String) {
    // Fractions of a second came with version 3.
    let has_fractions = game.times_ms.iter().flatten().any(|ms| !ms.is_multiple_of(1000));
    out.push_str(if has_fractions { "'CSA encoding=UTF-8\nV3.0\n" } else { "V2.2\n" });
    push_header(out, game);
    push_board(out, &game.start);
    for (tag, name, rating) in [
        ("'black_rate:", &game.black, game.black_rating),
        ("'white_rate:", &game.white, game.white_rating),
    ] {
        if let Some(rating) = rating {
            push_line(out, tag, &format!("{name}:{rating:?}"));
        }
    }
    let turn = push_moves(out, game, options);
    push_ending(out, game, turn);
}

fn push_header(out: &mut String, game: &GameRecord) {
    for (tag, text) in [("N+", &game.black), ("N-", &game.white), ("$EVENT:", &game.event)] {
        if !text.is_empty() {
            push_line(out, tag, text);
        }
    }
    if let Some(date) = game.date {
        let (year, month, day) = (date.year(), date.month(), date.day());
        let _ = writeln!(out, "$START_TIME:{year:04}/{month:02}/{day:02}");
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

/// Appends all moves, and returns who is to move after them.
fn push_moves(out: &mut String, game: &GameRecord, options: CsaOptions) -> Color {
    let mut position = game.start.clone();
    let mut moves: Vec<WrittenMove> = Vec::with_capacity(game.moves.len());
    for &mv in &game.moves {
        moves.push(written(&position, mv));
        position.make(mv);
    }
    let mut mover = game.start.turn();
    for (ply, text) in moves.iter().enumerate() {
        push_move(out, text);
        out.push('\n');
        if let Some(ms) = game.times_ms[ply] {
            let _ = write!(out, "T{}", ms / 1000);
            if !ms.is_multiple_of(1000) {
                let _ = write!(out, ".{:03}", ms % 1000);
            }
            out.push('\n');
        }
        if let Some(eval_cp) = game.evals_cp[ply] {
            let eval_cp_black = match mover {
                Color::Black => i32::from(eval_cp),
                Color::White => -i32::from(eval_cp),
            };
            let _ = write!(out, "'** {eval_cp_black}");
            let line = &moves[ply + 1..];
            for text in &line[..line.len().min(line_plies(game.moves[ply], ply, options))] {
                out.push(' ');
                push_move(out, text);
            }
            out.push('\n');
        }
        mover = mover.opponent();
    }
    mover
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

/// Appends how the game ended, with `turn` to move.
fn push_ending(out: &mut String, game: &GameRecord, turn: Color) {
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
    if !forgets_winner(game, turn) {
        out.push_str(special);
        out.push('\n');
    }
    if game.ending == Ending::PerpetualCheck || forgets_winner(game, turn) {
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
