//! KIF text.

use std::fmt::Write;

use super::{forgets_winner, push_line, rank_squares};
use crate::record::{Ending, GameRecord, GameResult};
use crate::sfen::HAND_ORDER;
use crate::{Color, Move, Piece, PieceType, Position, Square};

/// Appends a game as KIF text, which holds neither evals nor ratings.
///
/// [`encode`](super::encode) makes Shift_JIS of it, for programs that want that.
pub fn write_kif(game: &GameRecord, out: &mut String) {
    if let Some(date) = game.date {
        let (year, month, day) = (date.year(), date.month(), date.day());
        let _ = writeln!(out, "開始日時：{year:04}/{month:02}/{day:02}");
    }
    if !game.event.is_empty() {
        push_line(out, "棋戦：", &game.event);
    }
    if game.start == Position::startpos() {
        out.push_str("手合割：平手\n");
    } else {
        push_board(out, &game.start);
    }
    push_line(out, "先手：", &game.black);
    push_line(out, "後手：", &game.white);
    out.push_str("手数----指手---------消費時間--\n");
    let turn = push_moves(out, game);
    push_ending(out, game, turn);
}

/// Names in move lists; two characters where the piece has one on a board.
const fn piece_name(piece_type: PieceType) -> &'static str {
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
const fn board_piece_name(piece_type: PieceType) -> &'static str {
    match piece_type {
        PieceType::ProLance => "杏",
        PieceType::ProKnight => "圭",
        PieceType::ProSilver => "全",
        other => piece_name(other),
    }
}

const FULL_WIDTH_DIGITS: [&str; 9] = ["１", "２", "３", "４", "５", "６", "７", "８", "９"];
const KANJI_DIGITS: [&str; 10] = ["", "一", "二", "三", "四", "五", "六", "七", "八", "九"];

fn push_hand(out: &mut String, tag: &str, position: &Position, color: Color) {
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
        out.push_str(piece_name(piece_type));
        if count > 1 {
            out.push_str(if count >= 10 { "十" } else { "" });
            out.push_str(KANJI_DIGITS[count % 10]);
        }
        out.push('　');
    }
    out.push('\n');
}

fn push_board(out: &mut String, position: &Position) {
    push_hand(out, "後手の持駒：", position, Color::White);
    out.push_str("  ９ ８ ７ ６ ５ ４ ３ ２ １\n+---------------------------+\n");
    for rank in 0..9 {
        out.push('|');
        for square in rank_squares(rank) {
            match position.piece_on(square) {
                None => out.push_str(" ・"),
                Some(piece) => {
                    out.push(if piece.color() == Color::White { 'v' } else { ' ' });
                    out.push_str(board_piece_name(piece.piece_type()));
                }
            }
        }
        let _ = writeln!(out, "|{}", KANJI_DIGITS[usize::from(rank) + 1]);
    }
    out.push_str("+---------------------------+\n");
    push_hand(out, "先手の持駒：", position, Color::Black);
    if position.turn() == Color::White {
        out.push_str("後手番\n");
    }
}

/// Appends the name of a move without its number, such as `７六歩(77)` or `同　飛成(28)`, and
/// returns how many half-width columns it takes.
fn push_move(out: &mut String, position: &Position, mv: Move, last_to: Option<Square>) -> usize {
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
            out.push_str(piece_name(moved));
            if mv.is_promotion() {
                out.push('成');
            }
            let _ = write!(out, "({}{})", from.file() + 1, from.rank() + 1);
        }
        None => {
            out.push_str(piece_name(mv.dropped().unwrap_or(PieceType::Pawn)));
            out.push('打');
        }
    }
    out[start..].chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

/// Appends a time as `( 0:12/00:03:45)`: of this move, and of this player so far.
fn push_time(out: &mut String, ms: u32, total_ms: u64) {
    let (seconds, total) = (ms / 1000, total_ms / 1000);
    let _ = write!(out, "({:2}:{:02}", seconds / 60, seconds % 60);
    if !ms.is_multiple_of(1000) {
        let _ = write!(out, ".{:03}", ms % 1000);
    }
    let _ = write!(out, "/{:02}:{:02}:{:02})", total / 3600, total / 60 % 60, total % 60);
}

/// Appends all moves, and returns who is to move after them.
fn push_moves(out: &mut String, game: &GameRecord) -> Color {
    /// Where the times stand behind the number of the move.
    const TIME_COLUMN: usize = 18;
    let mut position = game.start.clone();
    let mut last_to = None;
    let mut total_ms = [0u64; 2];
    for (ply, (&mv, time_ms)) in game.moves.iter().zip(&game.times_ms).enumerate() {
        let _ = write!(out, "{:4} ", ply + 1);
        let width = push_move(out, &position, mv, last_to);
        if let Some(ms) = *time_ms {
            let total_ms = &mut total_ms[position.turn().index()];
            *total_ms += u64::from(ms);
            out.extend(std::iter::repeat_n(' ', TIME_COLUMN.saturating_sub(width).max(1)));
            push_time(out, ms, *total_ms);
        }
        out.push('\n');
        last_to = Some(mv.to());
        position.make(mv);
    }
    position.turn()
}

/// Appends how the game ended, with `turn` to move: a word in place of a move, and a sentence.
fn push_ending(out: &mut String, game: &GameRecord, turn: Color) {
    let mover_wins = game.result.winner() == Some(turn);
    let word = match game.ending {
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
        Ending::Interrupted => "中断",
        Ending::NoMate => "不詰",
        Ending::Takeback => "待った",
        Ending::Error => "エラー",
        Ending::Unknown => return,
    };
    let n_plies = game.moves.len();
    if !forgets_winner(game, turn) || game.ending == Ending::IllegalMove {
        let _ = writeln!(out, "{:4} {word}", n_plies + 1);
    }
    let winner = match game.result {
        GameResult::BlackWins => "先手の",
        GameResult::WhiteWins => "後手の",
        GameResult::Draw | GameResult::Unknown => "",
    };
    let (before, after) = match game.ending {
        Ending::Takeback | Ending::Error => return,
        Ending::MaxMoves => ("最大手数により引き分け", ""),
        _ if winner.is_empty() => (word, ""),
        Ending::Time => ("時間切れにより", "勝ち"),
        Ending::PerpetualCheck => ("連続王手の千日手により", "勝ち"),
        Ending::IllegalMove | Ending::IllegalAction => ("", "反則勝ち"),
        Ending::Declaration => ("", "入玉勝ち"),
        Ending::Walkover => ("", "不戦勝"),
        _ => ("", "勝ち"),
    };
    let _ = writeln!(out, "まで{n_plies}手で{before}{winner}{after}");
}
