//! Games that did not come from a reader: whether writers may take them.

use std::fmt;

use super::{Comments, GameRecord, Variation};
use crate::{Move, Position};

/// Why a game cannot be one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GameError {
    /// Moves of the game before the culprit.
    pub ply: usize,
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Display for GameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ply {}: {}", self.ply, self.message)
    }
}

impl std::error::Error for GameError {}

/// A line: its columns, and where it begins.
struct Line<'a> {
    ply: usize,
    moves: &'a [Move],
    n_evals: usize,
    n_times: usize,
    comments: &'a Comments,
    variations: &'a [Variation],
}

impl GameRecord {
    /// Variations within each other that readers and writers take, the main line included.
    pub const MAX_DEPTH: usize = 200;

    /// A game without moves from a position, whose move number becomes 1.
    pub fn starting_at(start: &Position) -> GameRecord {
        let mut setup = start.to_setup();
        setup.move_number = 1;
        let start = Position::from_setup(&setup).expect("a number makes no position illegal");
        GameRecord { start, ..GameRecord::default() }
    }

    /// Tells whether all lines are legal and what belongs to their moves lies within them, as it is
    /// with every game of a reader.
    ///
    /// # Errors
    /// If a move is illegal, the columns of a line are not equally long, a comment or a variation
    /// stands beyond its line, or variations are within each other more than [`Self::MAX_DEPTH`]
    /// deep.
    pub fn check(&self) -> Result<(), GameError> {
        let line = Line {
            ply: 0,
            moves: &self.moves,
            n_evals: self.evals_cp.len(),
            n_times: self.times_ms.len(),
            comments: &self.comments,
            variations: &self.variations,
        };
        check_line(&line, self.start.clone(), 1)
    }
}

fn check_line(line: &Line<'_>, mut position: Position, depth: usize) -> Result<(), GameError> {
    let fail = |ply, message: String| Err(GameError { ply, message });
    if depth > GameRecord::MAX_DEPTH {
        let max = GameRecord::MAX_DEPTH;
        return fail(line.ply, format!("expected at most {max} lines within each other"));
    }
    let n_moves = line.moves.len();
    for (name, n) in [("evals", line.n_evals), ("times", line.n_times)] {
        if n != n_moves {
            return fail(line.ply, format!("expected {n_moves} {name}, one a move, found {n}"));
        }
    }
    let plies = line.ply..=line.ply + n_moves;
    let (first, last) = (plies.start(), plies.end());
    if let Some(comment) = line.comments.iter().find(|c| !plies.contains(&(c.ply as usize))) {
        let ply = comment.ply as usize;
        return fail(ply, format!("expected a comment at a ply in {first}..={last}, found {ply}"));
    }
    let mut waiting: Vec<&Variation> = line.variations.iter().collect();
    waiting.sort_by_key(|variation| variation.ply);
    if let Some(stray) = waiting.iter().find(|v| !plies.contains(&(v.ply as usize))) {
        let ply = stray.ply as usize;
        return fail(
            ply,
            format!("expected a variation at a ply in {first}..={last}, found {ply}"),
        );
    }
    let mut waiting = waiting.into_iter().peekable();
    for ply in plies {
        while let Some(variation) = waiting.next_if(|variation| variation.ply as usize == ply) {
            let line = Line {
                ply,
                moves: &variation.moves,
                n_evals: variation.evals_cp.len(),
                n_times: variation.times_ms.len(),
                comments: &variation.comments,
                variations: &variation.variations,
            };
            check_line(&line, position.clone(), depth + 1)?;
        }
        if let Some(mv) = line.moves.get(ply - line.ply) {
            if !position.is_legal(*mv) {
                let sfen = position.to_sfen();
                return fail(ply, format!("expected a legal move, found `{mv}` in `{sfen}`"));
            }
            position.make(*mv);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Comment;

    fn moves(usi: &str) -> Vec<Move> {
        usi.split_whitespace().map(|text| Move::from_usi(text).unwrap()).collect()
    }

    fn game(usi: &str) -> GameRecord {
        let moves = moves(usi);
        let n = moves.len();
        GameRecord { moves, evals_cp: vec![None; n], times_ms: vec![None; n], ..Default::default() }
    }

    fn variation(ply: u32, usi: &str) -> Variation {
        let moves = moves(usi);
        let n = moves.len();
        let (evals_cp, times_ms) = (vec![None; n], vec![None; n]);
        Variation { ply, moves, evals_cp, times_ms, ..Variation::default() }
    }

    #[test]
    fn games_that_could_be_read_pass() {
        let mut good = game("7g7f 3c3d");
        good.comments.push(Comment { ply: 2, text: "end" });
        let mut inner = variation(1, "8c8d 2g2f");
        inner.variations.push(variation(2, "6g6f"));
        good.variations = vec![variation(2, "8h2b+"), inner];
        assert_eq!(good.check(), Ok(()));
    }

    #[test]
    fn a_game_starts_at_move_1() {
        let sfen = "lnsgkgsnl/9/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 35";
        let game = GameRecord::starting_at(&Position::from_sfen(sfen).unwrap());
        assert_eq!(game.start.to_sfen(), sfen.replace(" 35", " 1"));
    }

    #[test]
    fn what_no_reader_gives_is_named() {
        let check = |change: &dyn Fn(&mut GameRecord), expected: &str| {
            let mut game = game("7g7f 3c3d");
            change(&mut game);
            assert_eq!(game.check().unwrap_err().to_string(), expected);
        };
        check(
            &|game| game.moves[1] = game.moves[0],
            "ply 1: expected a legal move, found `7g7f` in \
             `lnsgkgsnl/1r5b1/ppppppppp/9/9/2P6/PP1PPPPPP/1B5R1/LNSGKGSNL w - 2`",
        );
        check(&|game| game.times_ms.clear(), "ply 0: expected 2 times, one a move, found 0");
        check(&|game| game.evals_cp.push(None), "ply 0: expected 2 evals, one a move, found 3");
        check(
            &|game| game.comments.push(Comment { ply: 3, text: "" }),
            "ply 3: expected a comment at a ply in 0..=2, found 3",
        );
        check(
            &|game| game.variations.push(variation(3, "")),
            "ply 3: expected a variation at a ply in 0..=2, found 3",
        );
        check(
            &|game| game.variations.push(variation(1, "8c8d 8c8d")),
            "ply 2: expected a legal move, found `8c8d` in \
             `lnsgkgsnl/1r5b1/p1ppppppp/1p7/9/2P6/PP1PPPPPP/1B5R1/LNSGKGSNL b - 3`",
        );
        let deep = |game: &mut GameRecord| {
            let mut line = variation(0, "");
            for _ in 0..250 {
                line = Variation { variations: vec![line], ..variation(0, "") };
            }
            game.variations.push(line);
        };
        check(&deep, "ply 0: expected at most 200 lines within each other");
    }
}
