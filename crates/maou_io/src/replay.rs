//! Replaying the games of a batch.

use arrow_array::RecordBatch;
use maou_shogi::record::{Ending, GameRecord, GameResult};
use maou_shogi::teacher::TrainingPosition;
use maou_shogi::{Move, Position};

use crate::columns::GamesBatch;
use crate::manifest::{Totals, hex};
use crate::positions::PositionsBatch;
use crate::search_columns::SearchBatch;
use crate::source_runs::SourceRun;

/// What was found in one batch.
#[derive(Default)]
pub(crate) struct BatchFindings {
    pub(crate) first_row: u64,
    pub(crate) is_short: bool,
    pub(crate) totals: Totals,
    pub(crate) sources: Vec<SourceRun>,
    /// Id and parent of each row, where variations are kept.
    pub(crate) lines: Vec<(u64, Option<u64>)>,
    /// Row, column and message.
    pub(crate) problems: Vec<(u64, &'static str, String)>,
}

/// Checks all loose positions of a batch.
pub(crate) fn positions(batch: &RecordBatch, findings: &mut BatchFindings) {
    let table = PositionsBatch::new(batch);
    for row in 0..table.len() {
        let row_number = findings.first_row + row as u64;
        findings.totals.n_loose_positions += 1;
        let source = table.source(row);
        match findings.sources.last_mut() {
            Some(run) if &*run.name == source => run.n_positions += 1,
            _ => findings.sources.push(SourceRun {
                name: source.into(),
                first_row: row_number,
                n_games: 0,
                n_positions: 1,
            }),
        }
        let checked =
            TrainingPosition::check(table.position(row), table.keys[row], table.moves[row]);
        if let Err(error) = checked {
            let column = if error.offset == 0 { "position" } else { "move" };
            findings.problems.push((row_number, column, error.message));
        }
        if table.results[row] > 2 {
            let message = format!("expected 0, 1 or 2, found `{}`", table.results[row]);
            findings.problems.push((row_number, "result", message));
        }
    }
}

/// Replays games; each thread has its own.
#[derive(Default)]
pub(crate) struct Replayer {
    game: GameRecord,
}

type Problems<'a> = dyn FnMut(&'static str, String) + 'a;

impl Replayer {
    /// Checks all games of a batch.
    pub(crate) fn batch(&mut self, batch: &RecordBatch, findings: &mut BatchFindings) {
        let games = GamesBatch::new(batch);
        let search = SearchBatch::new(batch);
        let totals = &mut findings.totals;
        for row in 0..games.n_games() {
            let game = games.row(row);
            totals.n_games += 1;
            totals.n_positions += game.moves.len() as u64;
            match game.result {
                0 => totals.results.draw += 1,
                1 => totals.results.black_wins += 1,
                2 => totals.results.white_wins += 1,
                _ => totals.results.unknown += 1,
            }
            *totals.endings.entry(games.text(6, row).to_owned()).or_default() += 1;
            if games.has_parents() {
                let parent_id = games.parent_id(row);
                totals.n_variations += u64::from(parent_id.is_some());
                findings.lines.push((game.id, parent_id));
            }

            let row_number = findings.first_row + row as u64;
            let source = games.text(11, row);
            let n_positions = game.moves.len() as u64;
            match findings.sources.last_mut() {
                Some(run) if &*run.name == source => {
                    run.n_games += 1;
                    run.n_positions += n_positions;
                }
                _ => findings.sources.push(SourceRun {
                    name: source.into(),
                    first_row: row_number,
                    n_games: 1,
                    n_positions,
                }),
            }
            let problems = &mut findings.problems;
            let mut tell = |column, message| problems.push((row_number, column, message));
            self.game(&games, row, &mut tell);
            // Of a game that cannot be replayed, something else is told.
            if self.game.moves.len() == game.moves.len()
                && let Err((column, message)) =
                    search.of_game(row, &self.game.start, &self.game.moves)
            {
                tell(column, message);
            }
        }
    }

    /// Checks one game.
    fn game(&mut self, games: &GamesBatch<'_>, row: usize, tell: &mut Problems<'_>) {
        let game = games.row(row);
        for (column, len) in [("evals_cp", game.evals_cp.len()), ("times_ms", game.times_ms.len())]
        {
            if len != game.moves.len() {
                tell(column, format!("expected {} values, found {len}", game.moves.len()));
            }
        }
        let result = GameResult::from_u8(game.result);
        if result.is_none() {
            tell("result", format!("expected 0, 1, 2 or 3, found `{}`", game.result));
        }
        let ending = games.text(6, row).parse::<Ending>();
        if ending.is_err() {
            let found = games.text(6, row);
            tell("ending", format!("expected the name of an ending, found `{found}`"));
        }
        let is_replayed = self.replay(games.text(1, row), game.moves, tell);
        let (Some(result), Ok(ending), true) = (result, ending, is_replayed) else { return };
        self.game.result = result;
        self.game.ending = ending;
        let id = self.game.id();
        if id != game.id {
            tell("id", format!("expected `{}`, found `{}`", hex(id), hex(game.id)));
        }
    }

    /// Plays the moves, and leaves start and moves in `self.game` if all can be played.
    fn replay(&mut self, start: &str, moves: &[u16], tell: &mut Problems<'_>) -> bool {
        let mut position = match Position::from_sfen(start) {
            Ok(position) => position,
            Err(error) => {
                tell("start", format!("expected a legal position, found `{start}`: {error}"));
                return false;
            }
        };
        let canonical = position.to_sfen();
        if canonical != start || !canonical.ends_with(" 1") {
            let expected = "expected canonical SFEN with move number 1";
            tell("start", format!("{expected}, found `{start}`"));
        }
        self.game.start = position.clone();
        self.game.moves.clear();
        for (ply, &move16) in moves.iter().enumerate() {
            let mv = Move::from_move16(move16).filter(|mv| position.is_legal(*mv));
            let Some(mv) = mv else {
                let found = Move::from_move16(move16)
                    .map_or_else(|| move16.to_string(), |mv| mv.to_string());
                tell("moves", format!("expected a legal move at ply {ply}, found `{found}`"));
                return false;
            };
            position.make(mv);
            self.game.moves.push(mv);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::{Columns, Piece, to_batch};
    use crate::schema::Width;

    /// What is said about a batch of the one game, which was a sound one before `change`.
    fn check(change: impl FnOnce(&mut GameRecord), expected: &[(&str, &str)]) {
        let moves = ["7g7f", "3c3d", "8h2b+"].map(|usi| Move::from_usi(usi).unwrap());
        let mut game = GameRecord {
            moves: moves.to_vec(),
            evals_cp: vec![None; 3],
            times_ms: vec![None; 3],
            result: GameResult::BlackWins,
            ending: Ending::Resign,
            ..GameRecord::default()
        };
        change(&mut game);
        let mut columns = Columns::default();
        columns.push(&game, "a.csa");
        let piece = Piece { columns: columns.into(), rows: 0..1 };
        let mut findings = BatchFindings { first_row: 7, ..BatchFindings::default() };
        Replayer::default().batch(&to_batch(&[piece], Width::default()), &mut findings);
        let found: Vec<_> =
            findings.problems.iter().map(|(row, c, m)| (*row, *c, m.as_str())).collect();
        let expected: Vec<_> = expected.iter().map(|(c, m)| (7, *c, *m)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn sound_games_have_no_problems() {
        check(|_| {}, &[]);
    }

    #[test]
    fn a_move_that_cannot_be_played_is_found() {
        check(
            |game| game.moves[2] = game.moves[0],
            &[("moves", "expected a legal move at ply 2, found `7g7f`")],
        );
        let bare_king = Position::from_sfen("4k4/9/9/9/9/9/PPPPPPPPP/1B7/4K4 b - 1").unwrap();
        check(
            |game| game.start = bare_king,
            &[("moves", "expected a legal move at ply 1, found `3c3d`")],
        );
    }
}
