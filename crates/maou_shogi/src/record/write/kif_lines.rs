//! The lines of a game in KIF and KI2: moves with times and comments, then the variations from the
//! last one to the first, each followed by its own.

use std::fmt::Write;

use super::ki2::push_ki2_move;
use super::kif::{push_end, push_kif_move, push_time};
use super::remarks::Remark;
use super::{Loss, n_lines};
use crate::record::builder::Eval;
use crate::record::{Comment, Comments, Ending, GameRecord, GameResult, Variation, kif_comment};
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
    /// The game, if it is a main line.
    pub game: Option<&'a GameRecord>,
    /// Moves of the game before its first one.
    pub ply: usize,
    pub moves: &'a [Move],
    pub evals_cp: &'a [Option<i16>],
    pub times_ms: &'a [Option<u32>],
    pub ending: Ending,
    pub result: GameResult,
    pub tail: &'a str,
    pub comments: &'a Comments,
    pub variations: &'a [Variation],
}

impl<'a> From<&'a GameRecord> for Line<'a> {
    fn from(game: &'a GameRecord) -> Line<'a> {
        Line {
            game: Some(game),
            ply: 0,
            moves: &game.moves,
            evals_cp: &game.evals_cp,
            times_ms: &game.times_ms,
            ending: game.ending,
            result: game.result,
            tail: &game.tail,
            comments: &game.comments,
            variations: &game.variations,
        }
    }
}

impl<'a> From<&'a Variation> for Line<'a> {
    fn from(line: &'a Variation) -> Line<'a> {
        Line {
            game: None,
            ply: line.ply as usize,
            moves: &line.moves,
            evals_cp: &line.evals_cp,
            times_ms: &line.times_ms,
            ending: line.ending,
            result: line.result,
            tail: &line.tail,
            comments: &line.comments,
            variations: &line.variations,
        }
    }
}

/// What belongs to the moves of a line, by its ply, and what is lost since it stands beyond them.
pub(super) struct Parts<'a> {
    pub remarks: Vec<Remark<'a>>,
    pub variations: Vec<&'a Variation>,
    pub loss: Loss,
}

impl<'a> Line<'a> {
    /// What stands beside the moves.
    pub fn parts(&self) -> Parts<'a> {
        let plies = self.ply..=self.ply + self.moves.len();
        let is_here = |ply: u32| plies.contains(&(ply as usize));
        let (comments, strays): (Vec<Comment>, Vec<_>) =
            self.comments.iter().partition(|comment| is_here(comment.ply));
        let n_tails = u64::from(!self.tail.is_empty());
        let mut loss = Loss { n_comments: strays.len() as u64, n_tails, ..Loss::NONE };
        let mut remarks: Vec<Remark> = comments.into_iter().map(Remark::from).collect();
        remarks.sort_by_key(|remark| remark.ply);
        let (mut variations, strays): (Vec<&Variation>, Vec<_>) =
            self.variations.iter().partition(|variation| is_here(variation.ply));
        variations.sort_by_key(|variation| variation.ply);
        loss.n_variations += strays.into_iter().map(n_lines).sum::<u64>();
        Parts { remarks, variations, loss }
    }

    /// The eval of the move before which `ply` moves are played.
    pub fn eval_before(&self, ply: usize) -> Option<i16> {
        self.evals_cp[ply.checked_sub(self.ply + 1)?]
    }

    /// Like [`Line::parts`], for formats whose evals stand in comments as in KIF: comments that
    /// would be read as the eval of a move without one are quoted.
    pub fn parts_with_evals(&self) -> Parts<'a> {
        let mut parts = self.parts();
        for idx in 0..parts.remarks.len() {
            let ply = parts.remarks[idx].ply;
            if ply > self.ply
                && self.eval_before(ply).is_none()
                && told(&parts.remarks, idx).is_some()
            {
                parts.remarks[idx].quote();
                parts.loss.n_comments += 1;
            }
        }
        parts
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
    let end_ply = line.ply + line.moves.len();
    let Parts { remarks, variations, mut loss } = line.parts_with_evals();

    let mut branches = Vec::new();
    let mut row = Row::default();
    let mut state = start;
    let (mut remarks, mut waiting) = (remarks.as_slice(), variations.as_slice());
    for idx in 0..=line.moves.len() {
        let ply = line.ply + idx;
        let here = take_while(&mut remarks, |remark| remark.ply == ply);
        push_remarks(out, &mut row, line.eval_before(ply), here, state.position.turn());
        let leaving = take_while(&mut waiting, |variation| variation.ply as usize == ply);
        if !leaving.is_empty() {
            branches.push((state.clone(), leaving));
        }
        if let Some(mv) = line.moves.get(idx) {
            push_move(out, style, &mut row, &mut state, ply, *mv, line.times_ms[idx]);
        }
    }
    row.end(out);
    if style == Style::Ki2 {
        loss.n_times += line.times_ms.iter().flatten().count() as u64;
    }
    let is_told = push_end(out, &line, style, end_ply, state.position.turn());
    loss.n_endings += u64::from(!is_told);

    for (state, leaving) in branches.into_iter().rev() {
        for variation in leaving {
            let _ = write!(out, "\n変化：{}手\n", variation.ply + 1);
            loss += push_lines(out, style, state.clone(), Line::from(*variation));
        }
    }
    loss
}

/// Takes the items off the front that are wanted.
pub(super) fn take_while<'a, T>(items: &mut &'a [T], is_wanted: impl Fn(&T) -> bool) -> &'a [T] {
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
    remarks: &[Remark],
    turn: Color,
) {
    let eval = eval.filter(|eval| told_eval(remarks, turn) != Some(*eval));
    if eval.is_some() || !remarks.is_empty() {
        row.end(out);
    }
    if let Some(eval) = eval {
        let _ = writeln!(out, "*{}", eval_comment(eval, turn));
    }
    for remark in remarks {
        // A bookmark has its own sign.
        let sign = if remark.text.starts_with('&') { "" } else { "*" };
        let _ = writeln!(out, "{sign}{}", remark.text);
    }
}

/// The eval that a comment tells, the one of this number.
fn told(remarks: &[Remark], idx: usize) -> Option<Eval> {
    let next = remarks.get(idx + 1).filter(|next| next.ply == remarks[idx].ply);
    kif_comment::told(&remarks[idx].text, next.map(|next| &*next.text))
}

/// The eval of the move before that comments tell, with `turn` to move now.
pub(super) fn told_eval(remarks: &[Remark], turn: Color) -> Option<i16> {
    (0..remarks.len()).find_map(|idx| told(remarks, idx)).map(|eval| eval.of_mover(turn))
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
