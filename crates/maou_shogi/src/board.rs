//! A position with the moves that led to it: pushed, popped, and asked about repetition.

use crate::mv::Move;
use crate::outcome::Outcome;
use crate::piece::Piece;
use crate::position::{Position, Undo};
use crate::repetition::{History, Repetition};

/// A move that was made, and what it takes to take it back.
///
/// Not a move and an [`Undo`]: those are copied in wide steps just after they were written in narrow
/// ones, for which the processor waits.
#[derive(Clone, Copy, Debug)]
struct Ply {
    keys: u128,
    captured: Option<Piece>,
    move_number: u16,
    mv: Move,
}

impl Ply {
    #[inline]
    const fn undo(&self) -> Undo {
        Undo { keys: self.keys, captured: self.captured, move_number: self.move_number }
    }
}

/// A position, and the moves that led to it from a first one.
///
/// ```
/// use maou_shogi::{Board, Move, Position, Repetition};
/// let mut board = Board::new(Position::startpos());
/// for usi in ["2h3h", "8b7b", "3h2h", "7b8b"].repeat(3) {
///     board.push(Move::from_usi(usi).unwrap());
/// }
/// assert_eq!(board.repetition(), Repetition::Draw);
/// board.pop();
/// assert_eq!(board.repetition(), Repetition::None);
/// ```
#[derive(Clone, Debug)]
pub struct Board {
    position: Position,
    plies: Vec<Ply>,
    /// Of the first position and some of the moves: the rest is added when it is asked for, since
    /// searches push and pop far more often than they ask.
    history: History,
}

impl Board {
    /// A board without moves before this position.
    pub fn new(position: Position) -> Board {
        let history = History::new(&position);
        Board { position, plies: Vec::new(), history }
    }

    /// The position.
    #[inline]
    pub const fn position(&self) -> &Position {
        &self.position
    }

    /// The moves since the first position.
    pub fn moves(&self) -> impl ExactSizeIterator<Item = Move> + '_ {
        self.plies.iter().map(|ply| ply.mv)
    }

    /// The last move, if there is one.
    #[inline]
    pub fn last_move(&self) -> Option<Move> {
        self.plies.last().map(|ply| ply.mv)
    }

    /// Makes a legal move.
    ///
    /// The caller knows that the move is legal ([`Position::is_legal`] tells).
    #[inline]
    pub fn push(&mut self, mv: Move) {
        let Undo { keys, captured, move_number } = self.position.make(mv);
        self.plies.push(Ply { keys, captured, move_number, mv });
    }

    /// Makes a move if it is legal, and tells whether it was.
    #[inline]
    #[must_use]
    pub fn push_if_legal(&mut self, mv: Move) -> bool {
        let is_legal = self.position.is_legal(mv);
        if is_legal {
            self.push(mv);
        }
        is_legal
    }

    /// Takes the last move back and returns it.
    #[inline]
    pub fn pop(&mut self) -> Option<Move> {
        let ply = self.plies.pop()?;
        self.position.undo(ply.mv, ply.undo());
        if self.history.n_plies() > self.plies.len() {
            self.history.pop();
        }
        Some(ply.mv)
    }

    /// The first position.
    pub fn first(&self) -> Position {
        self.position_at(0)
    }

    /// The position after so many of the moves.
    fn position_at(&self, n_plies: usize) -> Position {
        let mut position = self.position.clone();
        for ply in self.plies[n_plies..].iter().rev() {
            position.undo(ply.mv, ply.undo());
        }
        position
    }

    /// The history up to now.
    fn history(&mut self) -> &History {
        let n_known = self.history.n_plies();
        if n_known < self.plies.len() {
            let mut position = self.position_at(n_known);
            for ply in &self.plies[n_known..] {
                position.make(ply.mv);
                self.history.push(&position);
            }
        }
        &self.history
    }

    /// How often the position has been there, this time included.
    pub fn n_occurrences(&mut self) -> usize {
        self.history().n_occurrences()
    }

    /// What the rules say about repetition.
    pub fn repetition(&mut self) -> Repetition {
        self.history().repetition()
    }

    /// How the game has ended by the rules alone, if it has.
    pub fn outcome(&mut self) -> Option<Outcome> {
        self.history();
        self.history.outcome(&self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Random, random_games, sparse_positions};

    #[test]
    fn a_history_that_is_asked_for_now_and_then_is_the_whole_one() {
        let mut random = Random::new(45);
        let start = Position::from_sfen("4k4/9/9/9/9/9/9/9/R3K4 b 2P 1").unwrap();
        let mut board = Board::new(start.clone());
        let mut n_found = 0;
        for _ in 0..3_000 {
            let moves = board.position().legal_moves();
            if random.below(5) < 2 || moves.is_empty() {
                let last = board.last_move();
                assert_eq!(board.pop(), last);
            } else {
                board.push(moves[random.below(moves.len().min(3))]);
            }
            if random.below(7) > 0 {
                continue;
            }
            let mut position = board.first();
            assert_eq!(position, start);
            let mut history = History::new(&position);
            for mv in board.moves() {
                position.make(mv);
                history.push(&position);
            }
            assert_eq!(position, *board.position());
            assert_eq!(board.repetition(), history.repetition());
            assert_eq!(board.n_occurrences(), history.n_occurrences());
            assert_eq!(board.outcome(), history.outcome(&position));
            n_found += usize::from(history.n_occurrences() > 1);
        }
        assert!(n_found > 20, "{n_found}");
    }

    #[test]
    fn a_move_is_pushed_exactly_if_it_is_legal() {
        let every: Vec<Move> = (0..1 << 15).filter_map(Move::from_move16).collect();
        let check = |position: &Position| {
            let mut board = Board::new(position.clone());
            for &mv in &every {
                let is_legal = position.is_legal(mv);
                assert_eq!(board.push_if_legal(mv), is_legal, "{mv} in {position:?}");
                if is_legal {
                    assert_eq!(board.pop(), Some(mv));
                }
            }
            assert_eq!(board.position(), position);
        };
        let mut n_positions = 0;
        random_games(46, 16, |position| {
            n_positions += 1;
            if n_positions % 40 == 0 {
                check(position);
            }
        });
        sparse_positions(47, 100, |position| check(position));
    }
}
