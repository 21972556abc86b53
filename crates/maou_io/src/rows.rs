//! Rows of the games table as games again, each one played through.

use arrow_array::types::{Date32Type, Float64Type};
use maou_shogi::record::{Date, Ending, GameRecord, GameResult};
use maou_shogi::{Move, Position};

use crate::columns::GamesBatch;
use crate::manifest::hex;

/// Why a row is no game.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct RowProblem {
    /// The column in question.
    pub(crate) column: &'static str,
    /// The sentence, with the culprit in backticks.
    pub(crate) message: String,
}

fn problem(column: &'static str, message: String) -> RowProblem {
    RowProblem { column, message }
}

/// The greatest eval, a mate of unknown distance.
const MAX_EVAL_CP: u16 = 32_000;

/// Makes `game` the game of a row. Its id is compared with that of the row if `has_id` is set.
///
/// # Errors
///
/// If anything in the row contradicts the rules or the meaning of its column; `game` is then of no
/// use.
pub(crate) fn read_row(
    games: &GamesBatch<'_>,
    row: usize,
    has_id: bool,
    game: &mut GameRecord,
) -> Result<(), RowProblem> {
    game.clear();
    let columns = games.row(row);
    let n_plies = columns.moves.len();
    for (column, len) in
        [("evals_cp", columns.evals_cp.len()), ("times_ms", columns.times_ms.len())]
    {
        if len != n_plies {
            return Err(problem(column, format!("expected {n_plies} values, found {len}")));
        }
    }
    let (result, ending) = (columns.result, games.text(6, row));
    game.result = GameResult::from_u8(result)
        .ok_or_else(|| problem("result", format!("expected 0, 1, 2 or 3, found `{result}`")))?;
    game.ending = ending.parse::<Ending>().map_err(|_| {
        problem("ending", format!("expected the name of an ending, found `{ending}`"))
    })?;
    play(games.text(1, row), columns.moves, game)?;
    if has_id && game.id() != columns.id {
        let (expected, found) = (hex(game.id()), hex(columns.id));
        let message = format!(
            "expected `{expected}`, found `{found}`; without the column, ids are made anew"
        );
        return Err(problem("id", message));
    }
    for ply in 0..n_plies {
        let eval = columns.eval_cp(ply);
        if let Some(eval) = eval.filter(|eval| eval.unsigned_abs() > MAX_EVAL_CP) {
            let message = format!("expected -32000 to 32000 at ply {ply}, found `{eval}`");
            return Err(problem("evals_cp", message));
        }
        game.evals_cp.push(eval);
        game.times_ms.push(columns.time_ms(ply));
    }
    for (text, column) in
        [(&mut game.tail, 7), (&mut game.black, 8), (&mut game.white, 9), (&mut game.event, 10)]
    {
        text.push_str(games.text(column, row));
    }
    game.black_rating = games.optional::<Float64Type>(12, row);
    game.white_rating = games.optional::<Float64Type>(13, row);
    game.date = match games.optional::<Date32Type>(14, row) {
        None => None,
        Some(days) => Some(Date::from_days_since_epoch(days).ok_or_else(|| {
            let message = format!("expected a day of the years 1 to 9999, found day `{days}`");
            problem("date", message)
        })?),
    };
    game.eval_scale_cp = games.optional::<Float64Type>(15, row);
    Ok(())
}

/// Plays the moves from the start position.
fn play(start: &str, moves: &[u16], game: &mut GameRecord) -> Result<(), RowProblem> {
    let mut position = Position::from_sfen(start).map_err(|error| {
        problem("start", format!("expected a legal position, found `{start}`: {error}"))
    })?;
    game.start = position.clone();
    for (ply, &move16) in moves.iter().enumerate() {
        let mv =
            Move::from_move16(move16).filter(|mv| position.is_legal(*mv)).ok_or_else(|| {
                let found = Move::from_move16(move16)
                    .map_or_else(|| move16.to_string(), |mv| mv.to_string());
                problem("moves", format!("expected a legal move at ply {ply}, found `{found}`"))
            })?;
        position.make(mv);
        game.moves.push(mv);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::{Columns, Piece, to_batch};
    use crate::schema::Width;

    fn sound() -> GameRecord {
        let moves = ["7g7f", "3c3d", "8h2b+"].map(|usi| Move::from_usi(usi).unwrap());
        GameRecord {
            moves: moves.to_vec(),
            evals_cp: vec![Some(-12), None, Some(32_000)],
            times_ms: vec![Some(1_000), None, None],
            result: GameResult::BlackWins,
            ending: Ending::Resign,
            tail: "x".to_owned(),
            black: "a".to_owned(),
            date: Date::new(2024, 2, 29),
            black_rating: Some(1.5),
            ..GameRecord::default()
        }
    }

    /// What is read of a row with this game.
    fn read(game: &GameRecord) -> Result<GameRecord, RowProblem> {
        let mut columns = Columns::default();
        columns.push(game, "a.csa");
        let batch = to_batch(&[Piece { columns: columns.into(), rows: 0..1 }], Width::default());
        let mut found = GameRecord::default();
        read_row(&GamesBatch::new(&batch), 0, true, &mut found).map(|()| found)
    }

    #[test]
    fn a_row_gives_the_game_again() {
        let game = sound();
        let found = read(&game).unwrap();
        assert_eq!((found.id(), &found.evals_cp), (game.id(), &game.evals_cp));
        assert_eq!((&found.times_ms, &found.tail), (&game.times_ms, &game.tail));
        assert_eq!((&found.black, found.date), (&game.black, game.date));
        assert_eq!((found.black_rating, found.white_rating), (Some(1.5), None));
    }

    #[test]
    fn days_become_dates_again() {
        for days in (-719_162..=2_932_896).step_by(53).chain([2_932_896, -1, 0, 11_016, 11_017]) {
            let date = Date::from_days_since_epoch(days).unwrap();
            assert_eq!(date.days_since_epoch(), days);
        }
        for days in [-719_163, 2_932_897, i32::MIN, i32::MAX] {
            assert_eq!(Date::from_days_since_epoch(days), None);
        }
    }

    #[test]
    fn what_cannot_be_is_named_with_its_column() {
        let mut game = sound();
        game.moves[1] = Move::from_usi("3c3e").unwrap();
        let found = read(&game).unwrap_err();
        let expected = "expected a legal move at ply 1, found `3c3e`".to_owned();
        assert_eq!(found, problem("moves", expected));
        let mut game = sound();
        game.evals_cp[0] = Some(-32_001);
        let expected = "expected -32000 to 32000 at ply 0, found `-32001`".to_owned();
        assert_eq!(read(&game).unwrap_err(), problem("evals_cp", expected));
    }
}
