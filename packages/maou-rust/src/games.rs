//! Games as plain Python values, and back.

use maou_shogi::record::{Comment, Date, Ending, Format, GameRecord, GameResult, Variation};
use maou_shogi::{Move, Position, SfenError};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::error::record_error;

/// A game as a dict, with its tree if it `is_full`.
pub(crate) fn to_dict<'py>(
    py: Python<'py>,
    game: &GameRecord,
    is_full: bool,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("id", game.id())?;
    dict.set_item("start", game.start.to_sfen())?;
    set_line(&dict, &game.moves, &game.evals_cp, &game.times_ms)?;
    set_end(&dict, game.result, game.ending, &game.tail)?;
    dict.set_item("black", &game.black)?;
    dict.set_item("white", &game.white)?;
    dict.set_item("event", &game.event)?;
    dict.set_item("black_rating", game.black_rating)?;
    dict.set_item("white_rating", game.white_rating)?;
    dict.set_item("date", game.date.map(|date| date.to_string()))?;
    dict.set_item("eval_scale_cp", game.eval_scale_cp)?;
    if is_full {
        dict.set_item("headers", &game.headers)?;
        dict.set_item("comments", comments(&game.comments))?;
        dict.set_item("variations", variations(py, &game.variations)?)?;
    }
    Ok(dict)
}

fn set_line(
    dict: &Bound<'_, PyDict>,
    moves: &[Move],
    evals_cp: &[Option<i16>],
    times_ms: &[Option<u32>],
) -> PyResult<()> {
    let moves: Vec<u16> = moves.iter().map(|mv| mv.move16()).collect();
    dict.set_item("moves", moves)?;
    dict.set_item("evals_cp", evals_cp)?;
    dict.set_item("times_ms", times_ms)
}

fn set_end(
    dict: &Bound<'_, PyDict>,
    result: GameResult,
    ending: Ending,
    tail: &str,
) -> PyResult<()> {
    dict.set_item("result", result as u8)?;
    dict.set_item("ending", ending.as_str())?;
    dict.set_item("tail", tail)
}

fn comments(comments: &[Comment]) -> Vec<(u32, &str)> {
    comments.iter().map(|comment| (comment.ply, comment.text.as_str())).collect()
}

fn variations<'py>(py: Python<'py>, lines: &[Variation]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for line in lines {
        let dict = PyDict::new(py);
        dict.set_item("ply", line.ply)?;
        set_line(&dict, &line.moves, &line.evals_cp, &line.times_ms)?;
        set_end(&dict, line.result, line.ending, &line.tail)?;
        dict.set_item("comments", comments(&line.comments))?;
        dict.set_item("variations", variations(py, &line.variations)?)?;
        list.append(dict)?;
    }
    Ok(list)
}

/// The games that dicts with their trees describe, checked; several are named by their number.
pub(crate) fn from_dicts(py: Python<'_>, dicts: &[Bound<'_, PyDict>]) -> PyResult<Vec<GameRecord>> {
    let named = |number: usize| match dicts.len() {
        1 => String::new(),
        _ => format!("game {number}: "),
    };
    (1..).zip(dicts).map(|(number, dict)| from_dict(py, dict, &named(number))).collect()
}

fn from_dict(py: Python<'_>, dict: &Bound<'_, PyDict>, name: &str) -> PyResult<GameRecord> {
    let sfen: String = item(dict, "start")?;
    let start = Position::from_sfen(&sfen).map_err(|SfenError { message, column }| {
        let message = format!("{name}column {column} of `{sfen}`: {message}");
        record_error(py, None, 0, 0, "start_position", &message)
    })?;
    let date: Option<String> = item(dict, "date")?;
    let game = GameRecord {
        moves: moves(dict)?,
        evals_cp: item(dict, "evals_cp")?,
        times_ms: item(dict, "times_ms")?,
        result: result(dict)?,
        ending: ending(dict)?,
        tail: item(dict, "tail")?,
        black: item(dict, "black")?,
        white: item(dict, "white")?,
        event: item(dict, "event")?,
        black_rating: item(dict, "black_rating")?,
        white_rating: item(dict, "white_rating")?,
        date: date.map(|text| date_of(&text)).transpose()?,
        eval_scale_cp: item(dict, "eval_scale_cp")?,
        headers: item(dict, "headers")?,
        comments: comments_of(dict)?,
        variations: variations_of(dict, 1)?,
        ..GameRecord::starting_at(&start)
    };
    game.check()
        .map_err(|error| record_error(py, None, 0, 0, "illegal_move", &format!("{name}{error}")))?;
    Ok(game)
}

fn item<'py, T>(dict: &Bound<'py, PyDict>, key: &str) -> PyResult<T>
where
    T: for<'a> FromPyObject<'a, 'py, Error: Into<PyErr>>,
{
    let value = dict
        .get_item(key)?
        .ok_or_else(|| PyValueError::new_err(format!("expected the key `{key}` in a game")))?;
    value.extract::<T>().map_err(|error| {
        let error = Into::<PyErr>::into(error);
        PyValueError::new_err(format!("{key}: {error}"))
    })
}

fn moves(dict: &Bound<'_, PyDict>) -> PyResult<Vec<Move>> {
    let bits: Vec<u16> = item(dict, "moves")?;
    bits.into_iter().map(move_of).collect()
}

/// The move with these bits.
pub(crate) fn move_of(bits: u16) -> PyResult<Move> {
    Move::from_move16(bits)
        .ok_or_else(|| PyValueError::new_err(format!("expected a 16-bit move, found `{bits}`")))
}

fn result(dict: &Bound<'_, PyDict>) -> PyResult<GameResult> {
    result_of(item(dict, "result")?)
}

/// The result with this number.
pub(crate) fn result_of(number: u8) -> PyResult<GameResult> {
    GameResult::from_u8(number).ok_or_else(|| {
        PyValueError::new_err(format!("expected a result, 0 to 3, found `{number}`"))
    })
}

fn ending(dict: &Bound<'_, PyDict>) -> PyResult<Ending> {
    ending_of(&item::<String>(dict, "ending")?)
}

/// The ending with this name.
pub(crate) fn ending_of(name: &str) -> PyResult<Ending> {
    name.parse().map_err(|error| PyValueError::new_err(format!("{error}, found `{name}`")))
}

fn date_of(text: &str) -> PyResult<Date> {
    Date::from_iso(text).ok_or_else(|| {
        PyValueError::new_err(format!("expected a date such as `2025-01-05`, found `{text}`"))
    })
}

fn comments_of(dict: &Bound<'_, PyDict>) -> PyResult<Vec<Comment>> {
    let comments: Vec<(u32, String)> = item(dict, "comments")?;
    Ok(comments.into_iter().map(|(ply, text)| Comment { ply, text }).collect())
}

/// The variations of a line that is itself so deep; a tree too deep is refused before it takes the
/// whole stack.
fn variations_of(dict: &Bound<'_, PyDict>, depth: usize) -> PyResult<Vec<Variation>> {
    let dicts: Vec<Bound<'_, PyDict>> = item(dict, "variations")?;
    if depth >= GameRecord::MAX_DEPTH && !dicts.is_empty() {
        let max = GameRecord::MAX_DEPTH;
        let message = format!("expected at most {max} lines within each other");
        return Err(PyValueError::new_err(message));
    }
    let variation = |dict: &Bound<'_, PyDict>| {
        Ok(Variation {
            ply: item(dict, "ply")?,
            moves: moves(dict)?,
            evals_cp: item(dict, "evals_cp")?,
            times_ms: item(dict, "times_ms")?,
            result: result(dict)?,
            ending: ending(dict)?,
            tail: item(dict, "tail")?,
            comments: comments_of(dict)?,
            variations: variations_of(dict, depth + 1)?,
        })
    };
    dicts.iter().map(variation).collect()
}

/// The format with this name.
pub(crate) fn format_of(name: &str) -> PyResult<Format> {
    let found = Format::ALL.into_iter().find(|format| format.as_str() == name);
    found.ok_or_else(|| {
        let names: Vec<_> = Format::ALL.iter().map(|f| format!("`{}`", f.as_str())).collect();
        let names = names.join(", ");
        PyValueError::new_err(format!("format: expected one of {names}, found `{name}`"))
    })
}
