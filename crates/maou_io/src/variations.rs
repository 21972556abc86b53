//! The variations of a game as games of their own, and back.

use std::collections::{HashMap, HashSet};

use maou_shogi::Move;
use maou_shogi::record::{Comments, GameRecord, Variation};

use crate::manifest::hex;

/// Moves that the variations of a source may have in all, each counted from the start of its game,
/// for each byte of the source: the shortest way to write a variation takes a few dozen bytes,
/// whatever the length of the game that it leaves.
const PLIES_PER_BYTE: u64 = 8;
/// Such moves that a source may have however small it is.
const MIN_PLIES: u64 = 1 << 16;
/// Such moves that a source may have however large it is.
const MAX_PLIES: u64 = 1 << 27;

/// How many moves the variations of a source with so many bytes may have in all.
pub(crate) fn max_plies(n_bytes: u64) -> u64 {
    n_bytes.saturating_mul(PLIES_PER_BYTE).clamp(MIN_PLIES, MAX_PLIES)
}

/// Makes games of variations; kept from game to game for its buffers.
#[derive(Default)]
pub(crate) struct Lines {
    line: GameRecord,
}

impl Lines {
    /// Hands each variation of `game` to `take` as the game that it would be, after the line that
    /// it leaves, with that line's id; `take` returns its own. No more than `plies_left` moves are
    /// handed over, which is what remains of them then. Returns how many variations were left out.
    pub(crate) fn of(
        &mut self,
        game: &GameRecord,
        id: u64,
        plies_left: &mut u64,
        take: &mut dyn FnMut(&GameRecord, u64) -> u64,
    ) -> u32 {
        if game.variations.is_empty() {
            return 0;
        }
        let line = &mut self.line;
        line.clear();
        line.start.clone_from(&game.start);
        line.moves.extend_from_slice(&game.moves);
        line.evals_cp.extend_from_slice(&game.evals_cp);
        line.times_ms.extend_from_slice(&game.times_ms);
        line.black.push_str(&game.black);
        line.white.push_str(&game.white);
        line.event.push_str(&game.event);
        line.black_rating = game.black_rating;
        line.white_rating = game.white_rating;
        line.date = game.date;
        line.eval_scale_cp = game.eval_scale_cp;
        branch(line, id, &game.variations, plies_left, take)
    }
}

/// Hands over the variations of `line`, whose moves are as they were in the end.
fn branch(
    line: &mut GameRecord,
    parent_id: u64,
    variations: &[Variation],
    plies_left: &mut u64,
    take: &mut dyn FnMut(&GameRecord, u64) -> u64,
) -> u32 {
    let mut n_left_out = 0;
    for variation in variations {
        let ply = variation.ply as usize;
        let n_plies = (ply + variation.moves.len()) as u64;
        if n_plies > *plies_left {
            *plies_left = 0;
            n_left_out += 1 + n_within(&variation.variations);
            continue;
        }
        *plies_left -= n_plies;
        let moves = line.moves.split_off(ply);
        let (evals_cp, times_ms) = (line.evals_cp.split_off(ply), line.times_ms.split_off(ply));
        line.moves.extend_from_slice(&variation.moves);
        line.evals_cp.extend_from_slice(&variation.evals_cp);
        line.times_ms.extend_from_slice(&variation.times_ms);
        line.result = variation.result;
        line.ending = variation.ending;
        line.tail.clone_from(&variation.tail);
        let id = take(line, parent_id);
        n_left_out += branch(line, id, &variation.variations, plies_left, take);
        line.moves.truncate(ply);
        line.moves.extend(moves);
        line.evals_cp.truncate(ply);
        line.evals_cp.extend(evals_cp);
        line.times_ms.truncate(ply);
        line.times_ms.extend(times_ms);
    }
    n_left_out
}

fn n_within(variations: &[Variation]) -> u32 {
    variations.iter().map(|variation| 1 + n_within(&variation.variations)).sum()
}

/// Comment lines in variations.
pub(crate) fn n_comments(variations: &[Variation]) -> u32 {
    variations.iter().map(|v| v.comments.len() as u32 + n_comments(&v.variations)).sum()
}

/// Whether each variation among the rows of a source follows the game that it belongs to.
#[derive(Default)]
pub(crate) struct Lineage {
    /// Of the lines of the last game.
    ids: HashSet<u64>,
}

impl Lineage {
    /// Takes the next row, which is a game if `parent_id` is `None`.
    ///
    /// # Errors
    ///
    /// If the line that it leaves is none of the game above.
    pub(crate) fn see(&mut self, id: u64, parent_id: Option<u64>) -> Result<(), String> {
        match parent_id {
            None => self.ids.clear(),
            Some(parent_id) if !self.ids.contains(&parent_id) => {
                let found = hex(parent_id);
                return Err(format!(
                    "expected the id of a line of the game above, found `{found}`"
                ));
            }
            Some(_) => {}
        }
        self.ids.insert(id);
        Ok(())
    }

    /// Takes a row that is no sound game: no variation of it can follow.
    pub(crate) fn pass_over(&mut self, parent_id: Option<u64>) {
        if parent_id.is_none() {
            self.ids.clear();
        }
    }
}

/// A line of the game whose variations are gathered.
struct Line {
    game: GameRecord,
    /// The line that it leaves, and after how many moves; itself for the game as it was played.
    parent: usize,
    ply: usize,
    depth: usize,
}

/// Puts variations that come as rows back into the game above.
#[derive(Default)]
pub(crate) struct Tree {
    lines: Vec<Line>,
    by_id: HashMap<u64, usize>,
}

impl Tree {
    /// Takes a row, whose parent [`Lineage`] has seen; returns the game above with its variations
    /// if the row is a game.
    pub(crate) fn push(&mut self, game: &GameRecord, parent_id: Option<u64>) -> Option<GameRecord> {
        let parent = parent_id.and_then(|id| self.by_id.get(&id).copied());
        let done = if parent.is_none() { self.finish() } else { None };
        let (parent, ply, depth) = parent.map_or((0, 0, 1), |parent| self.fork(game, parent));
        self.by_id.insert(game.id(), self.lines.len());
        self.lines.push(Line { game: game.clone(), parent, ply, depth });
        done
    }

    /// Where a line leaves another one, or one of those that this one comes from: it has to have
    /// one of the moves at least that make it another one, and not too many lines may be within
    /// each other.
    fn fork(&self, game: &GameRecord, mut parent: usize) -> (usize, usize, usize) {
        loop {
            let line = &self.lines[parent];
            let mut ply = n_shared(game, &line.game);
            // A line that is all within another one would be nothing if nothing is told of its end.
            let ends = game.ending != GameRecord::default().ending
                || game.result != GameRecord::default().result
                || !game.tail.is_empty();
            if ply == game.moves.len() && !ends {
                ply = ply.saturating_sub(1);
            }
            let is_main = line.parent == parent;
            if is_main || (ply > line.ply && line.depth < GameRecord::MAX_DEPTH) {
                return (parent, ply, line.depth + 1);
            }
            parent = line.parent;
        }
    }

    /// The last game with its variations, if there was one.
    pub(crate) fn finish(&mut self) -> Option<GameRecord> {
        self.by_id.clear();
        // The last line first, so that each one has its own variations when it is handed on.
        while self.lines.len() > 1 {
            let Line { game, parent, ply, .. } = self.lines.pop()?;
            let mut variations = game.variations;
            variations.reverse();
            variations.sort_by_key(|variation| variation.ply);
            let variation = Variation {
                ply: ply as u32,
                moves: game.moves[ply..].to_vec(),
                evals_cp: game.evals_cp[ply..].to_vec(),
                times_ms: game.times_ms[ply..].to_vec(),
                ending: game.ending,
                result: game.result,
                tail: game.tail,
                comments: Comments::default(),
                variations,
            };
            self.lines[parent].game.variations.push(variation);
        }
        let mut game = self.lines.pop()?.game;
        game.variations.reverse();
        game.variations.sort_by_key(|variation| variation.ply);
        Some(game)
    }
}

/// Moves that two games begin with, evals and times being the same, too.
fn n_shared(a: &GameRecord, b: &GameRecord) -> usize {
    let ply = |game: &GameRecord, ply: usize| -> Option<(Move, Option<i16>, Option<u32>)> {
        Some((*game.moves.get(ply)?, game.evals_cp[ply], game.times_ms[ply]))
    };
    (0..).take_while(|&n| ply(a, n).is_some_and(|move_a| ply(b, n) == Some(move_a))).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use maou_shogi::record::{Ending, GameResult};

    fn moves(usi: &str) -> Vec<Move> {
        usi.split_whitespace().map(|text| Move::from_usi(text).unwrap()).collect()
    }

    fn variation(ply: u32, usi: &str, variations: Vec<Variation>) -> Variation {
        let moves = moves(usi);
        let n = moves.len();
        let times_ms = vec![Some(ply); n];
        Variation {
            ply,
            moves,
            evals_cp: vec![None; n],
            times_ms,
            variations,
            ..Default::default()
        }
    }

    fn game() -> GameRecord {
        let moves = moves("7g7f 3c3d 2g2f");
        let mut last = variation(3, "", vec![]);
        last.ending = Ending::Interrupted;
        let inner = variation(2, "6g6f 3c3d", vec![]);
        GameRecord {
            moves,
            evals_cp: vec![Some(7); 3],
            times_ms: vec![None; 3],
            result: GameResult::BlackWins,
            ending: Ending::Resign,
            variations: vec![
                variation(1, "8c8d 2g2f", vec![inner]),
                variation(1, "4a3b", vec![]),
                last,
            ],
            ..GameRecord::default()
        }
    }

    /// The lines of a game with their parents.
    fn lines_of(game: &GameRecord, max: u64) -> (Vec<(GameRecord, Option<u64>)>, u32) {
        let mut found = vec![(GameRecord { variations: vec![], ..game.clone() }, None)];
        let mut left = max;
        let n_left_out = Lines::default().of(game, game.id(), &mut left, &mut |line, parent| {
            found.push((line.clone(), Some(parent)));
            line.id()
        });
        (found, n_left_out)
    }

    #[test]
    fn each_line_is_whole_and_names_the_one_that_it_leaves() {
        let game = game();
        let (lines, n_left_out) = lines_of(&game, 100);
        let usi: Vec<String> = lines
            .iter()
            .map(|(line, _)| line.moves.iter().map(|mv| format!("{mv} ")).collect())
            .collect();
        let expected = [
            "7g7f 3c3d 2g2f ",
            "7g7f 8c8d 2g2f ",
            "7g7f 8c8d 6g6f 3c3d ",
            "7g7f 4a3b ",
            "7g7f 3c3d 2g2f ",
        ];
        assert_eq!((usi, n_left_out), (expected.map(str::to_owned).to_vec(), 0));
        let ids: Vec<_> = lines.iter().map(|(line, _)| line.id()).collect();
        let parents: Vec<_> = lines.iter().map(|(_, parent)| *parent).collect();
        let main = Some(ids[0]);
        assert_eq!(parents, [None, main, Some(ids[1]), main, main]);
        assert_eq!(lines[2].0.evals_cp, [Some(7), None, None, None]);
        assert_eq!(lines[2].0.times_ms, [None, Some(1), Some(2), Some(2)]);
        assert_eq!(lines[2].0.result, GameResult::Unknown);
        assert_eq!(lines[4].0.ending, Ending::Interrupted);
    }

    #[test]
    fn the_tree_comes_back() {
        let game = game();
        let mut tree = Tree::default();
        let mut lineage = Lineage::default();
        for (line, parent) in lines_of(&game, 100).0 {
            lineage.see(line.id(), parent).unwrap();
            assert!(tree.push(&line, parent).is_none());
        }
        let done = tree.push(&GameRecord::default(), None).unwrap();
        assert_eq!((done.id(), &done.variations), (game.id(), &game.variations));
        done.check().unwrap();
        assert!(tree.finish().unwrap().variations.is_empty());
        assert!(tree.finish().is_none());
        lineage.see(1, None).unwrap();
        let error = lineage.see(2, Some(game.id())).unwrap_err();
        let expected = "expected the id of a line of the game above, found `";
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn lines_within_each_other_stay_as_many_as_writers_take() {
        let game = GameRecord::default();
        let mut tree = Tree::default();
        tree.push(&game, None);
        let mut line = game;
        for n in 0..300 {
            let parent = Some(line.id());
            let knight_and_back = ["2h3h", "8b7b", "3h2h", "7b8b"];
            line.moves.push(Move::from_usi(knight_and_back[n % 4]).unwrap());
            line.evals_cp.push(None);
            line.times_ms.push(None);
            tree.push(&line, parent);
        }
        let done = tree.finish().unwrap();
        done.check().unwrap();
        assert_eq!(n_within(&done.variations), 300);
    }

    #[test]
    fn what_would_take_too_much_room_is_left_out() {
        let game = game();
        let (lines, n_left_out) = lines_of(&game, 7);
        assert_eq!((lines.len(), n_left_out), (3, 2));
        let (lines, n_left_out) = lines_of(&game, 2);
        assert_eq!((lines.len(), n_left_out), (1, 4));
        assert_eq!((max_plies(0), max_plies(1 << 20)), (MIN_PLIES, 8 << 20));
        assert_eq!(max_plies(u64::MAX), MAX_PLIES);
    }
}
