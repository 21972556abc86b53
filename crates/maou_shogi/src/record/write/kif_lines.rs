//! The lines of a game in KIF and KI2: moves with times and comments, then the variations from the
//! last one to the first, each followed by its own.

use std::fmt::Write;

use super::ki2::push_ki2_move;
use super::kif::{push_kif_move, push_sentence, push_time, push_word};
use super::{Loss, n_lines, push_text};
use crate::record::builder::Eval;
use crate::record::{Comment, Ending, GameRecord, GameResult, Variation, kif_comment};
use crate::{Color, Move, Position, Square};

/// How moves are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Style {
    /// One on a line, numbered, with origin and time.
    Kif,
    /// Several on a line, with the mark of their side.
    Ki2,
}

/// The main line of a game, or a variation.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    /// Moves of the game before its first one.
    pub ply: usize,
    pub moves: &'a [Move],
    pub evals_cp: &'a [Option<i16>],
    pub times_ms: &'a [Option<u32>],
    pub ending: Ending,
    pub result: GameResult,
    pub comments: &'a [Comment],
    pub variations: &'a [Variation],
}

impl<'a> From<&'a GameRecord> for Line<'a> {
    fn from(game: &'a GameRecord) -> Line<'a> {
        Line {
            ply: 0,
            moves: &game.moves,
            evals_cp: &game.evals_cp,
            times_ms: &game.times_ms,
            ending: game.ending,
            result: game.result,
            comments: &game.comments,
            variations: &game.variations,
        }
    }
}

impl<'a> From<&'a Variation> for Line<'a> {
    fn from(line: &'a Variation) -> Line<'a> {
        Line {
            ply: line.ply as usize,
            moves: &line.moves,
            evals_cp: &line.evals_cp,
            times_ms: &line.times_ms,
            ending: line.ending,
            result: line.result,
            comments: &line.comments,
            variations: &line.variations,
        }
    }
}

/// Where a line begins.
#[derive(Clone)]
pub(super) struct Start {
    pub position: Position,
    pub last_to: Option<Square>,
    /// Times used so far, by color.
    pub total_ms: [u64; 2],
}

/// Appends a line and all that leave it; returns what is left out.
pub(super) fn push_lines(out: &mut String, style: Style, start: Start, line: Line<'_>) -> Loss {
    let mut loss = Loss::NONE;
    let end_ply = line.ply + line.moves.len();
    let comments = by_ply(line.comments, |comment| comment.ply, line.ply, end_ply);
    let variations = by_ply(line.variations, |variation| variation.ply, line.ply, end_ply);
    loss.n_comments += (line.comments.len() - comments.len()) as u64;
    let lost = line.variations.iter().filter(|v| !(line.ply..=end_ply).contains(&(v.ply as usize)));
    loss.n_variations += lost.map(n_lines).sum::<u64>();

    let mut branches = Vec::new();
    let mut row = Row::default();
    let mut state = start;
    let (mut comments, mut waiting) = (comments.as_slice(), variations.as_slice());
    for idx in 0..=line.moves.len() {
        let ply = line.ply + idx;
        let here = take_while(&mut comments, |comment| comment.ply as usize == ply);
        let eval = idx.checked_sub(1).and_then(|last| line.evals_cp[last]);
        push_remarks(out, &mut row, eval, here, state.position.turn());
        let leaving = take_while(&mut waiting, |variation| variation.ply as usize == ply);
        if !leaving.is_empty() {
            branches.push((state.clone(), leaving));
        }
        if let Some(mv) = line.moves.get(idx) {
            push_move(out, style, &mut row, &mut state, ply, *mv, line.times_ms[idx]);
        }
    }
    row.end(out);
    let turn = state.position.turn();
    if style == Style::Kif {
        push_word(out, &line, end_ply, turn);
    } else {
        loss.n_times += line.times_ms.iter().flatten().count() as u64;
    }
    push_sentence(out, &line, style, end_ply, turn);
    loss.n_endings += u64::from(changes_ending(&line));

    for (state, leaving) in branches.into_iter().rev() {
        for variation in leaving {
            let _ = write!(out, "\n変化：{}手\n", variation.ply + 1);
            loss += push_lines(out, style, state.clone(), Line::from(*variation));
        }
    }
    loss
}

/// Whether the ending that is read again is another one.
fn changes_ending(line: &Line<'_>) -> bool {
    let told_by_nothing = line.ending == Ending::Unknown && line.result.winner().is_some();
    told_by_nothing || line.ending == Ending::IllegalAction
}

/// What stands from ply `first` to `last`, by its ply, in the order as given.
pub(super) fn by_ply<T>(items: &[T], ply: fn(&T) -> u32, first: usize, last: usize) -> Vec<&T> {
    let mut found: Vec<&T> =
        items.iter().filter(|item| (first..=last).contains(&(ply(item) as usize))).collect();
    found.sort_by_key(|item| ply(item));
    found
}

/// Takes the items off the front that are wanted.
pub(super) fn take_while<'a, T>(
    items: &mut &'a [&'a T],
    is_wanted: impl Fn(&T) -> bool,
) -> &'a [&'a T] {
    let n_wanted = items.iter().take_while(|item| is_wanted(item)).count();
    let (wanted, rest) = items.split_at(n_wanted);
    *items = rest;
    wanted
}

/// Moves that stand on the last line in KI2.
#[derive(Default)]
struct Row {
    n_moves: usize,
    /// Half-width columns that the last one leaves empty.
    n_blanks: usize,
}

impl Row {
    /// Ends the line, if one is begun.
    fn end(&mut self, out: &mut String) {
        if self.n_moves > 0 {
            out.push('\n');
        }
        *self = Row::default();
    }
}

/// Appends the eval of the move before, unless a comment tells it, and the comments.
fn push_remarks(
    out: &mut String,
    row: &mut Row,
    eval: Option<i16>,
    comments: &[&Comment],
    turn: Color,
) {
    let has_eval = eval.is_some() && told_eval(comments, turn) != eval;
    if has_eval || !comments.is_empty() {
        row.end(out);
    }
    if let Some(eval) = eval.filter(|_| has_eval) {
        push_text(out, "*", &eval_comment(eval, turn));
    }
    for comment in comments {
        // A bookmark has its own sign.
        push_text(out, if comment.text.starts_with('&') { "" } else { "*" }, &comment.text);
    }
}

/// The eval of the move before that comments tell, with `turn` to move now.
pub(super) fn told_eval(comments: &[&Comment], turn: Color) -> Option<i16> {
    let told = |(idx, comment): (usize, &&Comment)| {
        let next = comments.get(idx + 1).map(|next| next.text.as_str());
        kif_comment::told(&comment.text, next)
    };
    comments.iter().enumerate().find_map(told).map(|eval: Eval| eval.of_mover(turn))
}

/// The eval of the move before as ShogiHome writes it in a comment, with `turn` to move now.
pub(super) fn eval_comment(eval: i16, turn: Color) -> String {
    let black = if turn == Color::White { i32::from(eval) } else { -i32::from(eval) };
    let winner = if black > 0 { "先手勝ち" } else { "後手勝ち" };
    match 32_000 - black.abs() {
        0 => format!("*詰み={winner}"),
        plies @ 1..1_000 => format!("*詰み={winner}:{plies}手"),
        _ => format!("*評価値={black}"),
    }
}

/// Appends the move after `ply` moves, and plays it.
fn push_move(
    out: &mut String,
    style: Style,
    row: &mut Row,
    state: &mut Start,
    ply: usize,
    mv: Move,
    time_ms: Option<u32>,
) {
    /// Where the times stand behind the number of the move.
    const TIME_COLUMN: usize = 18;
    /// In KI2, moves on a line and half-width columns of each.
    const ROW_MOVES: usize = 6;
    const ROW_COLUMNS: usize = 12;
    let blanks = |n: usize| std::iter::repeat_n(' ', n);
    let turn = state.position.turn();
    match style {
        Style::Kif => {
            let _ = write!(out, "{:4} ", ply + 1);
            let width = push_kif_move(out, &state.position, mv, state.last_to);
            if let Some(ms) = time_ms {
                let total_ms = &mut state.total_ms[turn.index()];
                *total_ms += u64::from(ms);
                out.extend(blanks(TIME_COLUMN.saturating_sub(width).max(1)));
                push_time(out, ms, *total_ms);
            }
            out.push('\n');
        }
        Style::Ki2 => {
            if row.n_moves == ROW_MOVES {
                row.end(out);
            }
            out.extend(blanks(row.n_blanks));
            let width = push_ki2_move(out, &state.position, mv, state.last_to);
            *row = Row { n_moves: row.n_moves + 1, n_blanks: ROW_COLUMNS.saturating_sub(width) };
        }
    }
    state.last_to = Some(mv.to());
    state.position.make(mv);
}
