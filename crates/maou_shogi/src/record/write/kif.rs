//! KIF and KI2 text: header, start position and endings.

use std::fmt::Write;

use super::header::{Header, Names};
use super::kif_lines::{Line, Start, Style, push_lines};
use super::{Loss, ending, push_line, rank_squares};
use crate::record::{Ending, GameRecord, GameResult, kif_ending};
use crate::sfen::HAND_ORDER;
use crate::{Color, Handicap, Move, Piece, PieceType, Position, Setup, Square};

/// Appends a game as KIF text, and returns what KIF has no place for.
///
/// Headers stand as they are written in the record, or come from the fields of the game. Evals
/// that no comment tells already are written as comments in the way of ShogiHome. Variations follow
/// the main line, from the last one to the first. [`encode`](super::encode) makes Shift_JIS of it,
/// for programs that want that.
pub fn write_kif(game: &GameRecord, out: &mut String) -> Loss {
    push_game(game, Style::Kif, out)
}

/// Appends a game as KI2 text, and returns what KI2 has no place for: times, beside what
/// [`write_kif`] leaves out.
pub fn write_ki2(game: &GameRecord, out: &mut String) -> Loss {
    push_game(game, Style::Ki2, out)
}

fn push_game(game: &GameRecord, style: Style, out: &mut String) -> Loss {
    let handicap = handicap_of(&game.start);
    let is_handicap = !matches!(handicap, None | Some("平手"));
    let header = Header::of(game, Names::Kif, is_handicap);
    let is_player = |key: &str| matches!(key, "先手" | "下手" | "後手" | "上手");
    let n_before = header.lines.iter().take_while(|(key, _)| !is_player(key)).count();
    let (before, after) = header.lines.split_at(n_before);
    push_headers(out, before);
    match handicap {
        Some(name) => push_line(out, "手合割：", name),
        None => push_board(out, &game.start),
    }
    push_headers(out, after);
    out.push_str(match style {
        Style::Kif => "手数----指手---------消費時間--\n",
        Style::Ki2 => "\n",
    });
    let start = Start { position: game.start.clone(), last_to: None, total_ms: [0; 2] };
    let mut loss = push_lines(out, style, start, Line::from(game));
    loss.n_headers += header.n_lost;
    loss.n_headers += [game.black_rating, game.white_rating].iter().flatten().count() as u64;
    loss
}

fn push_headers(out: &mut String, lines: &[(String, String)]) {
    for (key, value) in lines {
        push_line(out, &format!("{key}："), value);
    }
}

/// The name of a start position, if it has one.
fn handicap_of(start: &Position) -> Option<&'static str> {
    const NAMES: [(Handicap, &str); 16] = [
        (Handicap::Even, "平手"),
        (Handicap::Lance, "香落ち"),
        (Handicap::RightLance, "右香落ち"),
        (Handicap::Bishop, "角落ち"),
        (Handicap::Rook, "飛車落ち"),
        (Handicap::RookLance, "飛香落ち"),
        (Handicap::Two, "二枚落ち"),
        (Handicap::Three, "三枚落ち"),
        (Handicap::Four, "四枚落ち"),
        (Handicap::Five, "五枚落ち"),
        (Handicap::FiveLeft, "左五枚落ち"),
        (Handicap::Six, "六枚落ち"),
        (Handicap::SevenLeft, "左七枚落ち"),
        (Handicap::SevenRight, "右七枚落ち"),
        (Handicap::Eight, "八枚落ち"),
        (Handicap::Ten, "十枚落ち"),
    ];
    if *start == Position::startpos() {
        return Some("平手");
    }
    // None of them has pieces in hand, or anything on other ranks.
    if start.turn() == Color::Black || start.occupied().len() >= 40 {
        return None;
    }
    let setup = start.to_setup();
    let name = NAMES.iter().find(|(handicap, _)| Setup::handicap(*handicap) == setup);
    name.map(|(_, name)| *name)
}

/// Names in move lists; two characters where the piece has one on a board.
pub(super) const fn piece_name(piece_type: PieceType) -> &'static str {
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

pub(super) fn push_board(out: &mut String, position: &Position) {
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

/// Appends the name of a square such as `７六`.
pub(super) fn push_target(out: &mut String, to: Square) {
    out.push_str(FULL_WIDTH_DIGITS[usize::from(to.file())]);
    out.push_str(KANJI_DIGITS[usize::from(to.rank()) + 1]);
}

/// Appends the name of a move without its number, such as `７六歩(77)` or `同　飛成(28)`, and
/// returns how many half-width columns it takes.
pub(super) fn push_kif_move(
    out: &mut String,
    position: &Position,
    mv: Move,
    last_to: Option<Square>,
) -> usize {
    let start = out.len();
    let to = mv.to();
    if last_to == Some(to) {
        out.push_str("同　");
    } else {
        push_target(out, to);
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
pub(super) fn push_time(out: &mut String, ms: u32, total_ms: u64) {
    let (seconds, total) = (ms / 1000, total_ms / 1000);
    let _ = write!(out, "({:2}:{:02}", seconds / 60, seconds % 60);
    if !ms.is_multiple_of(1000) {
        let _ = write!(out, ".{:03}", ms % 1000);
    }
    let _ = write!(out, "/{:02}:{:02}:{:02})", total / 3600, total / 60 % 60, total % 60);
}

/// Appends how a line ends after `n_plies` and with `turn` to move: the word in place of a move,
/// which KI2 does not have, and the last line; returns whether they tell it all.
pub(super) fn push_end(
    out: &mut String,
    line: &Line<'_>,
    style: Style,
    n_plies: usize,
    turn: Color,
) -> bool {
    let word = word(line, turn);
    let sentence = word.and_then(|word| sentence(line, word, style, n_plies, turn));
    let sentence = sentence.as_deref().filter(|line| kif_ending::of_line(line, turn).is_some());
    let word = word.filter(|_| style == Style::Kif);
    let ways = [(word, sentence), (None, sentence), (word, None), (None, None)].map(|way| {
        let of_word = way.0.and_then(|word| kif_ending::of_word(word, turn));
        let of_line = way.1.and_then(|line| kif_ending::of_line(line, turn));
        (way, of_word.into_iter().chain(of_line).collect())
    });
    let chosen = ending::choose(line, ways);
    if let Some((Some(word), _)) = chosen.map(|chosen| chosen.0) {
        let _ = writeln!(out, "{:4} {word}", n_plies + 1);
    }
    if let Some((_, Some(sentence))) = chosen.map(|chosen| chosen.0) {
        let _ = writeln!(out, "{sentence}");
    }
    chosen.is_some_and(|chosen| chosen.1)
}

fn word(line: &Line<'_>, turn: Color) -> Option<&'static str> {
    let mover_wins = line.result.winner() == Some(turn);
    let word = match line.ending {
        Ending::Resign => "投了",
        Ending::Checkmate => "詰み",
        Ending::Repetition | Ending::PerpetualCheck => "千日手",
        Ending::Declaration => "入玉勝ち",
        Ending::Impasse => "持将棋",
        Ending::MaxMoves => "最大手数",
        Ending::Time => "切れ負け",
        Ending::IllegalMove | Ending::IllegalAction if mover_wins => "反則勝ち",
        Ending::IllegalMove if line.result.winner().is_none() => "反則",
        Ending::IllegalMove | Ending::IllegalAction => "反則負け",
        Ending::Walkover if mover_wins => "不戦勝",
        Ending::Walkover => "不戦敗",
        Ending::Interrupted => "中断",
        Ending::NoMate => "不詰",
        Ending::Takeback => "待った",
        Ending::Error => "エラー",
        Ending::Unknown if line.result == GameResult::Draw => "引き分け",
        Ending::Unknown => return None,
    };
    Some(word)
}

/// The last line, after `n_plies` and with `turn` to move.
fn sentence(
    line: &Line<'_>,
    word: &str,
    style: Style,
    n_plies: usize,
    turn: Color,
) -> Option<String> {
    let winner = match line.result {
        GameResult::BlackWins => "先手の",
        GameResult::WhiteWins => "後手の",
        GameResult::Draw | GameResult::Unknown => "",
    };
    let mover_loses = line.result == GameResult::win_of(turn.opponent());
    let (before, after) = match line.ending {
        // Only KI2 has no other place for them.
        Ending::Takeback | Ending::Error if style == Style::Kif => return None,
        Ending::MaxMoves => ("最大手数により引き分け", ""),
        Ending::Checkmate if style == Style::Ki2 && mover_loses => {
            return Some(format!("まで{n_plies}手詰"));
        }
        _ if winner.is_empty() => (word, ""),
        Ending::Time => ("時間切れにより", "勝ち"),
        Ending::PerpetualCheck => ("連続王手の千日手により", "勝ち"),
        Ending::IllegalMove | Ending::IllegalAction => ("", "反則勝ち"),
        Ending::Declaration => ("", "入玉勝ち"),
        Ending::Walkover => ("", "不戦勝"),
        _ => ("", "勝ち"),
    };
    Some(format!("まで{n_plies}手で{before}{winner}{after}"))
}
