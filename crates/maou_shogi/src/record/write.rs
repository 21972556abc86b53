//! Writing game records as CSA and KIF text.
//!
//! What a format cannot hold is left out:
//!
//! | | CSA | KIF |
//! |---|---|---|
//! | evals, ratings | kept | left out |
//! | times | to the millisecond | whole seconds, rounded down |
//! | the kind of forbidden action | kept | told as an illegal move |
//! | perpetual check | told as a repetition, and found again by replaying the moves | the same |
//! | takeback, error | kept | told as interrupted |
//! | walkover | told as interrupted | kept |
//! | `tail`, `eval_scale_cp`, counts of what was dropped | left out | left out |

use std::fmt::Write;

use super::{Ending, GameRecord, GameResult};
use crate::{Color, Move, Piece, PieceType, Position, Square};

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
    let fractions = game.times_ms.iter().flatten().any(|ms| ms % 1000 != 0);
    out.push_str(if fractions { "'CSA encoding=UTF-8\nV3.0\n" } else { "V2.2\n" });
    for (tag, text) in [("N+", &game.black), ("N-", &game.white), ("$EVENT:", &game.event)] {
        if !text.is_empty() {
            push_line(out, tag, text);
        }
    }
    if let Some(date) = game.date {
        let _ = writeln!(
            out,
            "$START_TIME:{:04}/{:02}/{:02}",
            date.year(),
            date.month(),
            date.day()
        );
    }
    push_csa_board(out, &game.start);
    for (tag, name, rating) in [
        ("'black_rate:", &game.black, game.black_rating),
        ("'white_rate:", &game.white, game.white_rating),
    ] {
        if let Some(rating) = rating {
            let mut value = String::new();
            let _ = write!(value, "{name}:{rating:?}");
            push_line(out, tag, &value);
        }
    }
    push_csa_moves(out, game, options);
    out.push_str(csa_ending(game));
}

/// Appends a game as KIF text, which holds no evals.
///
/// Encode it with [`encode`](super::encode) where a program wants Shift_JIS.
pub fn write_kif(game: &GameRecord, out: &mut String) {
    if let Some(date) = game.date {
        let _ = writeln!(
            out,
            "開始日時：{:04}/{:02}/{:02}",
            date.year(),
            date.month(),
            date.day()
        );
    }
    if !game.event.is_empty() {
        push_line(out, "棋戦：", &game.event);
    }
    if game.start == Position::startpos() {
        out.push_str("手合割：平手\n");
    } else {
        push_kif_board(out, &game.start);
    }
    push_line(out, "先手：", &game.black);
    push_line(out, "後手：", &game.white);
    out.push_str("手数----指手---------消費時間--\n");
    push_kif_moves(out, game);
}

/// Writes `tag` and `text` as one line, whatever the text holds.
fn push_line(out: &mut String, tag: &str, text: &str) {
    out.push_str(tag);
    out.extend(text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }));
    out.push('\n');
}

const fn csa_piece(piece_type: PieceType) -> &'static str {
    match piece_type {
        PieceType::Pawn => "FU",
        PieceType::Lance => "KY",
        PieceType::Knight => "KE",
        PieceType::Silver => "GI",
        PieceType::Bishop => "KA",
        PieceType::Rook => "HI",
        PieceType::Gold => "KI",
        PieceType::King => "OU",
        PieceType::ProPawn => "TO",
        PieceType::ProLance => "NY",
        PieceType::ProKnight => "NK",
        PieceType::ProSilver => "NG",
        PieceType::Horse => "UM",
        PieceType::Dragon => "RY",
    }
}

const fn csa_sign(color: Color) -> char {
    match color {
        Color::Black => '+',
        Color::White => '-',
    }
}

/// The types that can be in hand, from the most valuable on, as records list them.
const HAND_ORDER: [PieceType; 7] = [
    PieceType::Rook,
    PieceType::Bishop,
    PieceType::Gold,
    PieceType::Silver,
    PieceType::Knight,
    PieceType::Lance,
    PieceType::Pawn,
];

/// Squares of a rank from the ninth file to the first, as boards are printed.
fn rank_squares(rank: u8) -> impl Iterator<Item = Square> {
    (0..9).rev().map(move |file| Square::new(file, rank))
}

fn push_csa_board(out: &mut String, position: &Position) {
    for rank in 0..9 {
        let _ = write!(out, "P{}", rank + 1);
        for square in rank_squares(rank) {
            match position.piece_on(square) {
                None => out.push_str(" * "),
                Some(piece) => {
                    out.push(csa_sign(piece.color()));
                    out.push_str(csa_piece(piece.piece_type()));
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
        let _ = write!(out, "P{}", csa_sign(color));
        for piece_type in HAND_ORDER {
            for _ in 0..hand.count(piece_type) {
                let _ = write!(out, "00{}", csa_piece(piece_type));
            }
        }
        out.push('\n');
    }
    out.push(csa_sign(position.turn()));
    out.push('\n');
}

/// The seven characters of a CSA move, such as `+7776FU`.
type CsaMove = [u8; 7];

fn csa_move(position: &Position, mv: Move) -> CsaMove {
    let digit = |n: u8| b'1' + n;
    let (from, piece_type) = match mv.from() {
        Some(from) => {
            let moved = position.piece_on(from).map_or(PieceType::Pawn, Piece::piece_type);
            let after = if mv.is_promotion() { moved.promoted().unwrap_or(moved) } else { moved };
            ([digit(from.file()), digit(from.rank())], after)
        }
        None => ([b'0', b'0'], mv.dropped().unwrap_or(PieceType::Pawn)),
    };
    let name = csa_piece(piece_type).as_bytes();
    let to = mv.to();
    let sign = csa_sign(position.turn()) as u8;
    [sign, from[0], from[1], digit(to.file()), digit(to.rank()), name[0], name[1]]
}

fn push_csa_moves(out: &mut String, game: &GameRecord, options: CsaOptions) {
    let mut position = game.start.clone();
    let mut moves: Vec<CsaMove> = Vec::with_capacity(game.moves.len());
    for &mv in &game.moves {
        moves.push(csa_move(&position, mv));
        position.make(mv);
    }
    let mut mover = game.start.turn();
    for (ply, text) in moves.iter().enumerate() {
        push_csa_move(out, text);
        out.push('\n');
        if let Some(ms) = game.times_ms[ply] {
            let _ = write!(out, "T{}", ms / 1000);
            if ms % 1000 != 0 {
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
                push_csa_move(out, text);
            }
            out.push('\n');
        }
        mover = mover.opponent();
    }
}

fn push_csa_move(out: &mut String, text: &CsaMove) {
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

/// The last line of a CSA game; empty if nothing is known.
fn csa_ending(game: &GameRecord) -> &'static str {
    match game.ending {
        Ending::Resign => "%TORYO\n",
        Ending::Checkmate => "%TSUMI\n",
        Ending::Repetition | Ending::PerpetualCheck => "%SENNICHITE\n",
        Ending::Declaration => "%KACHI\n",
        Ending::Impasse => "%JISHOGI\n",
        Ending::MaxMoves => "%MAX_MOVES\n",
        Ending::Time => "%TIME_UP\n",
        Ending::IllegalMove => "%ILLEGAL_MOVE\n",
        Ending::IllegalAction if game.result == GameResult::WhiteWins => "%+ILLEGAL_ACTION\n",
        Ending::IllegalAction => "%-ILLEGAL_ACTION\n",
        Ending::Interrupted | Ending::Walkover => "%CHUDAN\n",
        Ending::NoMate => "%FUZUMI\n",
        Ending::Takeback => "%MATTA\n",
        Ending::Error => "%ERROR\n",
        Ending::Unknown => "",
    }
}

/// Names in move lists; two characters where the piece has one on a board.
const fn kif_piece(piece_type: PieceType) -> &'static str {
    match piece_type {
        PieceType::Pawn => "歩",
        PieceType::Lance => "香",
        PieceType::Knight => "桂",
        PieceType::Silver => "銀",
        PieceType::Bishop => "角",
        PieceType::Rook => "飛",
        PieceType::Gold => "金",
        PieceType::King => "玉",
        PieceType::ProPawn => "と",
        PieceType::ProLance => "成香",
        PieceType::ProKnight => "成桂",
        PieceType::ProSilver => "成銀",
        PieceType::Horse => "馬",
        PieceType::Dragon => "龍",
    }
}

/// Names on boards, one character each.
const fn kif_board_piece(piece_type: PieceType) -> &'static str {
    match piece_type {
        PieceType::ProLance => "杏",
        PieceType::ProKnight => "圭",
        PieceType::ProSilver => "全",
        other => kif_piece(other),
    }
}

const FULL_WIDTH_DIGITS: [&str; 9] = ["１", "２", "３", "４", "５", "６", "７", "８", "９"];
const KANJI_DIGITS: [&str; 10] = ["", "一", "二", "三", "四", "五", "六", "七", "八", "九"];

fn push_kif_hand(out: &mut String, tag: &str, position: &Position, color: Color) {
    out.push_str(tag);
    let hand = position.hand(color);
    if hand.is_empty() {
        out.push_str("なし");
    }
    for piece_type in HAND_ORDER {
        let count = usize::from(hand.count(piece_type));
        if count == 0 {
            continue;
        }
        out.push_str(kif_piece(piece_type));
        if count > 1 {
            out.push_str(if count >= 10 { "十" } else { "" });
            out.push_str(KANJI_DIGITS[count % 10]);
        }
        out.push('　');
    }
    out.push('\n');
}

fn push_kif_board(out: &mut String, position: &Position) {
    push_kif_hand(out, "後手の持駒：", position, Color::White);
    out.push_str("  ９ ８ ７ ６ ５ ４ ３ ２ １\n+---------------------------+\n");
    for rank in 0..9 {
        out.push('|');
        for square in rank_squares(rank) {
            match position.piece_on(square) {
                None => out.push_str(" ・"),
                Some(piece) => {
                    out.push(if piece.color() == Color::White { 'v' } else { ' ' });
                    out.push_str(kif_board_piece(piece.piece_type()));
                }
            }
        }
        let _ = writeln!(out, "|{}", KANJI_DIGITS[usize::from(rank) + 1]);
    }
    out.push_str("+---------------------------+\n");
    push_kif_hand(out, "先手の持駒：", position, Color::Black);
    if position.turn() == Color::White {
        out.push_str("後手番\n");
    }
}

/// Appends the name of a move without its number, such as `７六歩(77)` or `同　飛成(28)`, and
/// returns how many half-width columns it takes.
fn push_kif_move(out: &mut String, position: &Position, mv: Move, last_to: Option<Square>) -> usize {
    let start = out.len();
    let to = mv.to();
    if last_to == Some(to) {
        out.push_str("同　");
    } else {
        out.push_str(FULL_WIDTH_DIGITS[usize::from(to.file())]);
        out.push_str(KANJI_DIGITS[usize::from(to.rank()) + 1]);
    }
    match mv.from() {
        Some(from) => {
            let moved = position.piece_on(from).map_or(PieceType::Pawn, Piece::piece_type);
            out.push_str(kif_piece(moved));
            if mv.is_promotion() {
                out.push('成');
            }
            let _ = write!(out, "({}{})", from.file() + 1, from.rank() + 1);
        }
        None => {
            out.push_str(kif_piece(mv.dropped().unwrap_or(PieceType::Pawn)));
            out.push('打');
        }
    }
    out[start..].chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

/// Appends a time as `( 0:12/00:03:45)`: of this move, and of this player so far.
fn push_kif_time(out: &mut String, seconds: u64, total_seconds: u64) {
    let _ = write!(
        out,
        "({:2}:{:02}/{:02}:{:02}:{:02})",
        seconds / 60,
        seconds % 60,
        total_seconds / 3600,
        total_seconds / 60 % 60,
        total_seconds % 60
    );
}

fn push_kif_moves(out: &mut String, game: &GameRecord) {
    /// Where the times stand.
    const TIME_COLUMN: usize = 18;
    let mut position = game.start.clone();
    let mut last_to = None;
    let mut total_seconds = [0u64; 2];
    for (ply, &mv) in game.moves.iter().enumerate() {
        let _ = write!(out, "{:4} ", ply + 1);
        let width = push_kif_move(out, &position, mv, last_to);
        if let Some(ms) = game.times_ms[ply] {
            let seconds = u64::from(ms / 1000);
            let total = &mut total_seconds[position.turn().index()];
            *total += seconds;
            out.extend(std::iter::repeat_n(' ', TIME_COLUMN.saturating_sub(width).max(1)));
            push_kif_time(out, seconds, *total);
        }
        out.push('\n');
        last_to = Some(mv.to());
        position.make(mv);
    }
    let Some(ending) = kif_ending(game, position.turn()) else {
        return;
    };
    let n_plies = game.moves.len();
    let _ = writeln!(out, "{:4} {ending}", n_plies + 1);
    let winner = match game.result {
        GameResult::BlackWins => "先手の",
        GameResult::WhiteWins => "後手の",
        GameResult::Draw | GameResult::Unknown => "",
    };
    let outcome = match game.ending {
        Ending::Time => "勝ち",
        Ending::IllegalMove | Ending::IllegalAction => "反則勝ち",
        Ending::Declaration => "入玉勝ち",
        _ if winner.is_empty() => ending,
        _ => "勝ち",
    };
    let _ = writeln!(out, "まで{n_plies}手で{winner}{outcome}");
}

/// The last entry of a KIF move list; `None` if nothing is known.
fn kif_ending(game: &GameRecord, turn: Color) -> Option<&'static str> {
    let mover_wins = game.result.winner() == Some(turn);
    Some(match game.ending {
        Ending::Resign => "投了",
        Ending::Checkmate => "詰み",
        Ending::Repetition | Ending::PerpetualCheck => "千日手",
        Ending::Declaration => "入玉勝ち",
        Ending::Impasse => "持将棋",
        Ending::MaxMoves => "最大手数",
        Ending::Time => "切れ負け",
        Ending::IllegalMove | Ending::IllegalAction if mover_wins => "反則勝ち",
        Ending::IllegalMove | Ending::IllegalAction => "反則負け",
        Ending::Walkover if mover_wins => "不戦勝",
        Ending::Walkover => "不戦敗",
        Ending::Interrupted | Ending::Takeback | Ending::Error => "中断",
        Ending::NoMate => "不詰",
        Ending::Unknown => return None,
    })
}
