//! Games of the library as objects of Python, and back.

use std::cell::RefCell;
use std::collections::BTreeMap;

use maou_shogi::record::{
    Comment, Comments, Date, Encoding, Ending, Format, GameRecord, GameResult, Reader, RecordError,
    Sink, Variation, encode, write_records as write_text,
};
use maou_shogi::{Move, Position, SfenError};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyInt, PyList, PyTuple};

use crate::board::Board;
use crate::error::record_error;
use crate::moves::Interned;

/// A game that was read or made; Python's values are made when they are asked for.
#[pyclass(frozen, module = "maou_rust.maou_shogi")]
pub(crate) struct Game {
    record: Box<GameRecord>,
    /// It came from a reader, whose games are legal.
    was_read: bool,
}

impl Game {
    /// The game, if a writer may take it; `name` begins the error.
    fn checked(&self, py: Python<'_>, name: &str) -> PyResult<&GameRecord> {
        if !self.was_read {
            self.record.check().map_err(|error| illegal_move(py, &format!("{name}{error}")))?;
        }
        Ok(&self.record)
    }
}

#[pymethods]
impl Game {
    #[staticmethod]
    fn from_dict(py: Python<'_>, fields: &Bound<'_, PyDict>) -> PyResult<Game> {
        Ok(Game { record: Box::new(from_dict(py, fields)?), was_read: false })
    }

    #[getter]
    fn id(&self) -> u64 {
        self.record.id()
    }

    #[getter]
    fn start(&self) -> String {
        self.record.start.to_sfen()
    }

    #[getter]
    fn moves<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        moves(py, &self.record.moves)
    }

    #[getter]
    fn evals_cp<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        evals(py, &self.record.evals_cp)
    }

    #[getter]
    fn times_ms<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        times(py, &self.record.times_ms)
    }

    #[getter]
    fn n_plies(&self) -> usize {
        self.record.moves.len()
    }

    #[getter]
    fn result(&self) -> u8 {
        self.record.result as u8
    }

    #[getter]
    fn ending(&self) -> &'static str {
        self.record.ending.as_str()
    }

    #[getter]
    fn tail(&self) -> &str {
        &self.record.tail
    }

    #[getter]
    fn black(&self) -> &str {
        &self.record.black
    }

    #[getter]
    fn white(&self) -> &str {
        &self.record.white
    }

    #[getter]
    fn event(&self) -> &str {
        &self.record.event
    }

    #[getter]
    fn black_rating(&self) -> Option<f64> {
        self.record.black_rating
    }

    #[getter]
    fn white_rating(&self) -> Option<f64> {
        self.record.white_rating
    }

    #[getter]
    fn date(&self) -> Option<String> {
        self.record.date.map(|date| date.to_string())
    }

    #[getter]
    fn eval_scale_cp(&self) -> Option<f64> {
        self.record.eval_scale_cp
    }

    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.record.headers.iter().map(|(key, value)| (key, value)))
    }

    #[getter]
    fn comments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        comments(py, &self.record.comments)
    }

    #[getter]
    fn variations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        variations(py, &self.record.variations)
    }

    #[pyo3(signature = (ply = None))]
    fn board(&self, py: Python<'_>, ply: Option<i64>) -> PyResult<Board> {
        let moves = &self.record.moves;
        let n_plies = moves.len();
        let ply = ply.unwrap_or(n_plies as i64);
        let moves =
            usize::try_from(ply).ok().and_then(|ply| moves.get(..ply)).ok_or_else(|| {
                PyIndexError::new_err(format!("expected a ply in 0..={n_plies}, found {ply}"))
            })?;
        let mut board = maou_shogi::Board::new(self.record.start.clone());
        for (ply, mv) in moves.iter().enumerate() {
            if !self.was_read && !board.position().is_legal(*mv) {
                let sfen = board.position().to_sfen();
                let message = format!("ply {ply}: expected a legal move, found `{mv}` in `{sfen}`");
                return Err(illegal_move(py, &message));
            }
            board.push(*mv);
        }
        Ok(Board::new(board))
    }
}

fn illegal_move(py: Python<'_>, message: &str) -> PyErr {
    record_error(py, None, 0, 0, "illegal_move", message)
}

fn moves<'py>(py: Python<'py>, moves: &[Move]) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, moves.iter().map(|mv| Interned(*mv)))
}

/// Numbers of which there is one object each: evals from below zero to as far above, and whole
/// seconds. Most of a file are among them.
const N_SHARED: i32 = 3_000;
static EVALS: PyOnceLock<Vec<Py<PyInt>>> = PyOnceLock::new();
static SECONDS: PyOnceLock<Vec<Py<PyInt>>> = PyOnceLock::new();

fn evals<'py>(py: Python<'py>, evals: &[Option<i16>]) -> PyResult<Bound<'py, PyTuple>> {
    let new = |cp: i32| PyInt::new(py, cp);
    let shared =
        EVALS.get_or_init(py, || (-N_SHARED..=N_SHARED).map(|cp| new(cp).unbind()).collect());
    let object = |cp: i16| match shared.get((i32::from(cp) + N_SHARED) as usize) {
        Some(shared) => shared.bind(py).clone(),
        None => new(cp.into()),
    };
    PyTuple::new(py, evals.iter().map(|cp| cp.map(object)))
}

fn times<'py>(py: Python<'py>, times: &[Option<u32>]) -> PyResult<Bound<'py, PyTuple>> {
    let new = |ms: u32| PyInt::new(py, ms);
    let shared = SECONDS.get_or_init(py, || {
        (0..N_SHARED as u32).map(|seconds| new(1_000 * seconds).unbind()).collect()
    });
    let object = |ms: u32| match shared.get((ms / 1_000) as usize) {
        Some(shared) if ms.is_multiple_of(1_000) => shared.bind(py).clone(),
        _ => new(ms),
    };
    PyTuple::new(py, times.iter().map(|ms| ms.map(object)))
}

fn comments<'py>(py: Python<'py>, comments: &Comments) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, comments.iter().map(|comment| (comment.ply, comment.text)))
}

fn variations<'py>(py: Python<'py>, lines: &[Variation]) -> PyResult<Bound<'py, PyTuple>> {
    let dicts: Vec<_> = lines.iter().map(|line| variation(py, line)).collect::<PyResult<_>>()?;
    PyTuple::new(py, dicts)
}

fn variation<'py>(py: Python<'py>, line: &Variation) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("ply", line.ply)?;
    dict.set_item("moves", moves(py, &line.moves)?)?;
    dict.set_item("evals_cp", evals(py, &line.evals_cp)?)?;
    dict.set_item("times_ms", times(py, &line.times_ms)?)?;
    dict.set_item("result", line.result as u8)?;
    dict.set_item("ending", line.ending.as_str())?;
    dict.set_item("tail", &line.tail)?;
    dict.set_item("comments", comments(py, &line.comments)?)?;
    dict.set_item("variations", variations(py, &line.variations)?)?;
    Ok(dict)
}

/// The game that a dict describes, as it is told.
fn from_dict(py: Python<'_>, dict: &Bound<'_, PyDict>) -> PyResult<GameRecord> {
    let sfen: String = item(dict, "start")?;
    let start = Position::from_sfen(&sfen).map_err(|SfenError { message, column }| {
        let message = format!("column {column} of `{sfen}`: {message}");
        record_error(py, None, 0, 0, "start_position", &message)
    })?;
    let date: Option<String> = item(dict, "date")?;
    Ok(GameRecord {
        moves: moves_of(dict)?,
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
    })
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

fn moves_of(dict: &Bound<'_, PyDict>) -> PyResult<Vec<Move>> {
    let bits: Vec<u16> = item(dict, "moves")?;
    bits.into_iter().map(move_of).collect()
}

/// The move with these bits.
pub(crate) fn move_of(bits: u16) -> PyResult<Move> {
    Move::from_move16(bits)
        .ok_or_else(|| PyValueError::new_err(format!("expected a 16-bit move, found `{bits}`")))
}

fn result(dict: &Bound<'_, PyDict>) -> PyResult<GameResult> {
    let number: u8 = item(dict, "result")?;
    GameResult::from_u8(number).ok_or_else(|| {
        PyValueError::new_err(format!("expected a result, 0 to 3, found `{number}`"))
    })
}

fn ending(dict: &Bound<'_, PyDict>) -> PyResult<Ending> {
    let name: String = item(dict, "ending")?;
    name.parse().map_err(|error| PyValueError::new_err(format!("{error}, found `{name}`")))
}

fn date_of(text: &str) -> PyResult<Date> {
    Date::from_iso(text).ok_or_else(|| {
        PyValueError::new_err(format!("expected a date such as `2025-01-05`, found `{text}`"))
    })
}

fn comments_of(dict: &Bound<'_, PyDict>) -> PyResult<Comments> {
    let comments: Vec<(u32, String)> = item(dict, "comments")?;
    Ok(comments.iter().map(|(ply, text)| Comment { ply: *ply, text }).collect())
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
            moves: moves_of(dict)?,
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

/// Everything that a reader found in one file.
#[derive(Default)]
struct Found {
    games: Vec<Game>,
    /// Errors, each with the number of its game, from 1.
    errors: Vec<(usize, RecordError)>,
}

impl Sink for Found {
    fn game(&mut self, game: &mut GameRecord) {
        // Columns and comments are copied, so that the reader keeps its room for the next ones;
        // of the headers it would keep nothing.
        let headers = std::mem::take(&mut game.headers);
        let record = GameRecord { headers, ..game.clone() };
        self.games.push(Game { record: Box::new(record), was_read: true });
    }

    fn error(&mut self, error: RecordError) {
        // The errors of a game come before the game.
        self.errors.push((self.games.len() + 1, error));
    }
}

thread_local! {
    /// Readers of the columns and of everything: a new one takes a fifth of the time of a game.
    static READERS: RefCell<[Reader; 2]> = RefCell::new([Reader::new(), Reader::full()]);
}

#[pyfunction]
#[pyo3(signature = (data, *, full = false))]
pub(crate) fn read_records<'py>(
    py: Python<'py>,
    data: &[u8],
    full: bool,
) -> PyResult<(Option<&'static str>, Bound<'py, PyList>, Bound<'py, PyList>)> {
    let read = py.detach(|| {
        if let Some(found) = maou_io::teacher_games(data) {
            return Err(found);
        }
        let mut found = Found::default();
        let read = |readers: &RefCell<[Reader; 2]>| {
            readers.borrow_mut()[usize::from(full)].read(data, &mut found)
        };
        Ok((READERS.with(read), found))
    });
    let (format, found) = match read {
        Ok(read) => read,
        Err(found) => return teacher_games(py, found),
    };
    let games = found.games.into_iter();
    let games = games.map(|game| Py::new(py, game)).collect::<PyResult<Vec<_>>>()?;
    let games = PyList::new(py, games)?;
    let problems = PyList::empty(py);
    for (game_number, error) in &found.errors {
        let problem = PyDict::new(py);
        problem.set_item("game_number", game_number)?;
        problem.set_item("line", error.line)?;
        problem.set_item("column", error.column)?;
        problem.set_item("kind", error.kind.as_str())?;
        problem.set_item("message", &error.message)?;
        problem.set_item("kept", error.kept)?;
        problems.append(problem)?;
    }
    Ok((format.map(Format::as_str), games, problems))
}

/// The games of HCPE3, or that there are none in other teacher records.
fn teacher_games<'py>(
    py: Python<'py>,
    found: maou_io::TeacherGames,
) -> PyResult<(Option<&'static str>, Bound<'py, PyList>, Bound<'py, PyList>)> {
    let games = found.games.into_iter();
    let games = games.map(|record| Py::new(py, Game { record: Box::new(record), was_read: true }));
    let games = PyList::new(py, games.collect::<PyResult<Vec<_>>>()?)?;
    let problems = PyList::empty(py);
    for error in &found.errors {
        let problem = PyDict::new(py);
        problem.set_item("game_number", error.game_number.unwrap_or_default())?;
        problem.set_item("line", 0)?;
        problem.set_item("column", 0)?;
        problem.set_item("kind", &error.kind)?;
        problem.set_item("message", &error.message)?;
        problem.set_item("kept", error.kept)?;
        problems.append(problem)?;
    }
    Ok((Some(found.format), games, problems))
}

#[pyfunction]
#[pyo3(signature = (games, format, *, encoding = "UTF-8"))]
pub(crate) fn write_records<'py>(
    py: Python<'py>,
    games: Vec<Py<Game>>,
    format: &str,
    encoding: &str,
) -> PyResult<(Bound<'py, PyBytes>, BTreeMap<&'static str, u64>)> {
    let format = format_of(format)?;
    let encoding = Encoding::from_name(encoding).ok_or_else(|| {
        PyValueError::new_err(format!(
            "encoding: expected `UTF-8`, `Shift_JIS`, `EUC-JP` or `ASCII`, found `{encoding}`"
        ))
    })?;
    // Several games are named by their number.
    let name = |number: usize| match games.len() {
        1 => String::new(),
        _ => format!("game {number}: "),
    };
    let games = (1..).zip(&games).map(|(number, game)| game.get().checked(py, &name(number)));
    let games = games.collect::<PyResult<Vec<_>>>()?;
    let (bytes, loss) = py.detach(|| {
        let mut text = String::new();
        let loss = write_text(format, games, &mut text);
        (encode(&text, encoding), loss)
    });
    let bytes =
        bytes.map_err(|error| record_error(py, None, 0, 0, "encoding", &error.to_string()))?;
    Ok((PyBytes::new(py, &bytes), loss.entries().into_iter().filter(|(_, n)| *n > 0).collect()))
}
