//! The lines of a game while it is read: the main line and the variations that are still open.
//!
//! The line that is being read has its moves, evals and times in the columns of the game, so that
//! playing a move is the same in all lines; the others wait in a stack.

use super::{GameRecord, Variation};
use crate::{Move, Position};

/// What walks a tree may do so by recursion.
const MAX_DEPTH: usize = GameRecord::MAX_DEPTH;

/// Moves between two positions that are kept of a line, so that going back to any move is cheap.
const MARK_PLIES: usize = 64;

/// What is being read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Place {
    #[default]
    Main,
    Variation,
    /// A variation that is left out.
    Skipped,
}

/// Why there is no variation at this place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Misplaced {
    /// The line that it comes from ends before; it has so many moves from the start of the game.
    Beyond(usize),
    /// There are too many variations within each other.
    TooDeep,
}

/// A line and, at every [`MARK_PLIES`] moves as far as it was needed, its position.
#[derive(Debug)]
struct OpenLine {
    line: Variation,
    marks: Vec<Position>,
}

impl OpenLine {
    fn new(ply: usize, start: Position) -> OpenLine {
        let line = Variation { ply: ply as u32, ..Variation::default() };
        OpenLine { line, marks: vec![start] }
    }

    fn first_ply(&self) -> usize {
        self.line.ply as usize
    }

    /// Moves from the start of the game to the end of the line.
    fn end_ply(&self) -> usize {
        self.first_ply() + self.line.moves.len()
    }

    /// The position after `n_moves` of its moves.
    fn position_after(&mut self, n_moves: usize) -> Position {
        let moves = &self.line.moves;
        let after = |mark: &Position, moves: &[Move]| {
            let mut position = mark.clone();
            for mv in moves {
                position.make(*mv);
            }
            position
        };
        while self.marks.len() <= n_moves / MARK_PLIES {
            let last = self.marks.len() - 1;
            let next = &moves[last * MARK_PLIES..][..MARK_PLIES];
            self.marks.push(after(&self.marks[last], next));
        }
        let mark = n_moves / MARK_PLIES;
        after(&self.marks[mark], &moves[mark * MARK_PLIES..n_moves])
    }
}

/// The open lines of one game.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub place: Place,
    /// Moves of the game before the first one of the line that is being read.
    pub first_ply: usize,
    /// The last of them, where the line is a variation.
    pub move_before: Option<Move>,
    /// The main line broke off.
    pub main_is_broken: bool,
    /// The main line and each variation within the one before; empty before the first variation.
    open: Vec<OpenLine>,
}

impl Lines {
    /// The variation that is being read.
    pub fn current(&mut self) -> Option<&mut Variation> {
        match self.place {
            Place::Variation => self.open.last_mut().map(|open| &mut open.line),
            Place::Main | Place::Skipped => None,
        }
    }

    /// Goes on with a variation that leaves an open line after `ply` moves of the game, and sets
    /// `position`; if there is no such line, what follows is passed over.
    pub fn enter(
        &mut self,
        ply: usize,
        game: &mut GameRecord,
        position: &mut Position,
    ) -> Result<(), Misplaced> {
        if self.open.is_empty() {
            self.open.push(OpenLine::new(0, game.start.clone()));
        }
        self.leave(game);
        while let [_, .., last] = self.open.as_slice()
            && (ply <= last.first_ply() || last.end_ply() < ply)
        {
            self.close_last(game);
        }
        let n_open = self.open.len();
        let Some(parent) = self.open.last_mut().filter(|_| n_open < MAX_DEPTH) else {
            return Err(Misplaced::TooDeep);
        };
        if ply > parent.end_ply() {
            return Err(Misplaced::Beyond(parent.end_ply()));
        }
        let n_before = ply - parent.first_ply();
        *position = parent.position_after(n_before);
        self.move_before = n_before.checked_sub(1).map(|last| parent.line.moves[last]);
        self.first_ply = ply;
        self.place = Place::Variation;
        self.open.push(OpenLine::new(ply, position.clone()));
        Ok(())
    }

    /// Puts the columns of the line that is being read with the waiting ones.
    fn leave(&mut self, game: &mut GameRecord) {
        if let (Place::Main | Place::Variation, Some(last)) = (self.place, self.open.last_mut()) {
            swap_columns(&mut last.line, game);
        }
        self.place = Place::Skipped;
    }

    /// Hands the last open line to the one that it leaves, unless there is nothing in it.
    fn close_last(&mut self, game: &mut GameRecord) {
        let Some(mut line) = self.open.pop().map(|open| open.line) else { return };
        line.variations.sort_by_key(|variation| variation.ply);
        match self.open.last_mut().filter(|_| line != empty_at(line.ply)) {
            Some(parent) => parent.line.variations.push(line),
            None => game.n_variations += 1,
        }
    }

    /// Puts the main line back into the game, with all variations, and gets ready for the next.
    pub fn finish(&mut self, game: &mut GameRecord) {
        if !self.open.is_empty() {
            self.leave(game);
            while self.open.len() > 1 {
                self.close_last(game);
            }
        }
        if let Some(mut main) = self.open.pop().map(|open| open.line) {
            swap_columns(&mut main, game);
            main.variations.sort_by_key(|variation| variation.ply);
            game.variations = main.variations;
        }
        *self = Lines::default();
    }
}

fn empty_at(ply: u32) -> Variation {
    Variation { ply, ..Variation::default() }
}

fn swap_columns(line: &mut Variation, game: &mut GameRecord) {
    std::mem::swap(&mut line.moves, &mut game.moves);
    std::mem::swap(&mut line.evals_cp, &mut game.evals_cp);
    std::mem::swap(&mut line.times_ms, &mut game.times_ms);
}
