//! Repetition (千日手) and perpetual check.

use crate::color::Color;
use crate::hand::Hand;
use crate::position::Position;

/// What the history says about the current position, for the side to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repetition {
    /// The position has not been there four times, nor its board with other hands.
    None,
    /// The fourth occurrence, and nobody gave check all the time.
    Draw,
    /// The fourth occurrence: the opponent gave perpetual check and loses.
    Win,
    /// The fourth occurrence: the side to move gave perpetual check and loses.
    Loss,
    /// The same board was there before, and the side to move now has more in hand.
    Superior,
    /// The same board was there before, and the side to move now has less in hand.
    Inferior,
}

/// A position of the game, as far as repetition needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    /// Both hashes of the board without hands: 128 bits.
    board_keys: u128,
    hands: [Hand; 2],
    turn: Color,
    in_check: bool,
}

impl Entry {
    fn of(position: &Position) -> Entry {
        Entry {
            board_keys: position.board_keys(),
            hands: position.hands,
            turn: position.turn(),
            in_check: position.in_check(),
        }
    }

    fn is_same_position(&self, other: &Entry) -> bool {
        self.board_keys == other.board_keys && self.turn == other.turn && self.hands == other.hands
    }
}

/// The positions of a game from its start, for the rules about repetition.
///
/// ```
/// use maou_shogi::{History, Move, Position, Repetition};
/// let mut position = Position::startpos();
/// let mut history = History::new(&position);
/// for usi in ["2h3h", "8b7b", "3h2h", "7b8b"].repeat(3) {
///     assert_eq!(history.repetition(), Repetition::None);
///     position.make(Move::from_usi(usi).unwrap());
///     history.push(&position);
/// }
/// assert_eq!(history.repetition(), Repetition::Draw);
/// ```
#[derive(Clone, Debug)]
pub struct History {
    entries: Vec<Entry>,
}

impl History {
    /// The history of a game that starts here.
    pub fn new(start: &Position) -> History {
        History { entries: vec![Entry::of(start)] }
    }

    /// Starts again from another position, keeping the memory.
    pub fn restart(&mut self, start: &Position) {
        self.entries.clear();
        self.entries.push(Entry::of(start));
    }

    /// Adds the position after a move.
    pub fn push(&mut self, position: &Position) {
        self.entries.push(Entry::of(position));
    }

    /// Forgets the last position; the start stays.
    pub fn pop(&mut self) {
        if self.entries.len() > 1 {
            self.entries.pop();
        }
    }

    /// The number of moves since the start.
    pub fn n_plies(&self) -> usize {
        self.entries.len() - 1
    }

    /// How often the current position has been there, this time included.
    pub fn n_occurrences(&self) -> usize {
        self.earlier().count() + 1
    }

    /// The earlier occurrences of the current position, the latest first.
    fn earlier(&self) -> impl Iterator<Item = usize> + '_ {
        let (last, before) = self.entries.split_last().expect("the start is never popped");
        before.iter().enumerate().rev().filter(|(_, e)| e.is_same_position(last)).map(|(i, _)| i)
    }

    /// What the rules say about the current position.
    ///
    /// The fourth occurrence of board, hands and side to move over the whole game ends it: drawn,
    /// unless every move of one side since three occurrences ago gave check, which loses (both
    /// sides at once would draw). Before that, the latest earlier occurrence of the board with
    /// other hands may make this one superior or inferior, as engines use it.
    pub fn repetition(&self) -> Repetition {
        if let Some(first) = self.earlier().nth(2) {
            let turn = self.current().turn;
            // A check is seen where its victim is to move.
            let always_checked = |victim: Color| {
                self.entries[first + 1..].iter().filter(|e| e.turn == victim).all(|e| e.in_check)
            };
            return match (always_checked(turn), always_checked(turn.opponent())) {
                (true, false) => Repetition::Win,
                (false, true) => Repetition::Loss,
                _ => Repetition::Draw,
            };
        }
        let (last, before) = self.entries.split_last().expect("the start is never popped");
        let same_board = before.iter().rev().find(|e| {
            e.board_keys == last.board_keys && e.turn == last.turn && e.hands != last.hands
        });
        match same_board {
            Some(earlier) => {
                let (now, then) =
                    (&last.hands[last.turn.index()], &earlier.hands[last.turn.index()]);
                match (now.covers(then), then.covers(now)) {
                    (true, false) => Repetition::Superior,
                    (false, true) => Repetition::Inferior,
                    _ => Repetition::None,
                }
            }
            None => Repetition::None,
        }
    }

    fn current(&self) -> &Entry {
        self.entries.last().expect("the start is never popped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mv::Move;

    /// What the history says after each move.
    fn verdicts(sfen: &str, moves: &[&str]) -> Vec<Repetition> {
        let mut position = Position::from_sfen(sfen).unwrap();
        let mut history = History::new(&position);
        let verdicts = moves
            .iter()
            .map(|usi| {
                let mv = Move::from_usi(usi).unwrap();
                assert!(position.is_legal(mv), "{usi} in {position:?}");
                position.make(mv);
                history.push(&position);
                history.repetition()
            })
            .collect();
        assert_eq!(history.n_plies(), moves.len());
        verdicts
    }

    const START: &str = "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1";

    #[test]
    fn the_fourth_occurrence_draws_over_the_whole_game() {
        // Other moves in between do not matter.
        let shuffle = ["2h3h", "8b7b", "3h2h", "7b8b"];
        let detour = ["4i4h", "4a4b", "4h4i", "4b4a"];
        let moves = [shuffle, detour, shuffle].concat();
        let verdicts = verdicts(START, &moves);
        assert!(verdicts[..11].iter().all(|&verdict| verdict == Repetition::None));
        assert_eq!(verdicts[11], Repetition::Draw);
    }

    #[test]
    fn perpetual_check_loses_for_the_checker() {
        // Black's rook checks on every move.
        let sfen = "k8/9/9/9/9/9/9/9/R3K4 w - 1";
        let round = ["9a8a", "9i8i", "8a9a", "8i9i"];
        let verdicts = verdicts(sfen, &round.repeat(3));
        assert_eq!(verdicts[10], Repetition::None);
        // White is to move, and the opponent loses.
        assert_eq!(verdicts[11], Repetition::Win);
    }

    #[test]
    fn the_checker_may_also_be_the_side_to_move() {
        let sfen = "k8/9/9/9/9/9/9/9/1R2K4 b - 1";
        let round = ["8i9i", "9a8a", "9i8i", "8a9a"];
        let verdicts = verdicts(sfen, &round.repeat(3));
        // Black, who is to move, gave check on every move since the first occurrence.
        assert_eq!(verdicts[11], Repetition::Loss);
    }

    #[test]
    fn one_quiet_move_makes_it_a_draw() {
        let sfen = "k8/9/9/9/9/9/9/9/R3K4 w - 1";
        let checks = ["9a8a", "9i8i", "8a9a", "8i9i"];
        let quiet = ["9a8a", "9i7i", "8a9a", "7i9i"];
        let verdicts = verdicts(sfen, &[checks, quiet, checks].concat());
        assert_eq!(verdicts[11], Repetition::Draw);
    }

    #[test]
    fn checks_before_the_first_occurrence_do_not_count() {
        // A quiet move, then the position for the first time, then checks only.
        let sfen = "k8/9/9/9/9/9/9/9/2R1K4 w - 1";
        let mut moves = vec!["9a9b", "5i5h", "9b9a", "7i9i"];
        moves.extend(["9a8a", "9i8i", "8a9a", "8i9i"].repeat(3));
        let verdicts = verdicts(sfen, &moves);
        assert_eq!(verdicts[14], Repetition::None);
        assert_eq!(verdicts[15], Repetition::Win);
    }

    #[test]
    fn more_in_hand_is_superior_less_inferior() {
        // Black drops a pawn, White takes it, and both kings go back.
        let less = verdicts(
            "4k4/9/9/9/9/9/9/9/4K4 b P 1",
            &["P*5b", "5a5b", "5i5h", "5b4a", "5h5i", "4a5a"],
        );
        assert_eq!(less[..5], [Repetition::None; 5]);
        assert_eq!(less[5], Repetition::Inferior);
        let more = verdicts(
            "4k4/9/9/9/9/9/9/9/4K4 w P 1",
            &["5a5b", "P*5c", "5b5c", "5i5h", "5c5b", "5h4i", "5b5a", "4i5i"],
        );
        assert_eq!(more[..7], [Repetition::None; 7]);
        assert_eq!(more[7], Repetition::Superior);
    }

    #[test]
    fn pop_forgets() {
        let mut position = Position::startpos();
        let mut history = History::new(&position);
        let mv = Move::from_usi("2h3h").unwrap();
        let undo = position.make(mv);
        history.push(&position);
        history.pop();
        position.undo(mv, undo);
        history.pop();
        assert_eq!((history.n_plies(), history.n_occurrences()), (0, 1));
    }
}
