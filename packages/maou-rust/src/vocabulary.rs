//! Sides, kinds, pieces and squares as the members of maou's enums: one object each, made once.

use maou_shogi::{Color, Piece, PieceType, Repetition, Square};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyInt, PyString, PyType};

/// The members of an enum of `maou.vocabulary`, by their number.
struct Members(PyOnceLock<Vec<Option<Py<PyAny>>>>);

impl Members {
    const fn new() -> Members {
        Members(PyOnceLock::new())
    }

    fn get<'py>(&self, py: Python<'py>, name: &str, number: usize) -> PyResult<Bound<'py, PyAny>> {
        let members = self.0.get_or_try_init(py, || {
            let mut members = Vec::new();
            for member in class(py, name)?.try_iter()? {
                let member = member?;
                let number: usize = member.extract()?;
                members.resize_with(members.len().max(number + 1), || None);
                members[number] = Some(member.unbind());
            }
            Ok::<_, PyErr>(members)
        })?;
        let member = members.get(number).and_then(Option::as_ref);
        let member = member.ok_or_else(|| {
            PyValueError::new_err(format!("expected a member of `{name}`, found `{number}`"))
        })?;
        Ok(member.bind(py).clone())
    }
}

static COLORS: Members = Members::new();
static PIECE_TYPES: Members = Members::new();
static PIECES: Members = Members::new();
static SQUARES: Members = Members::new();
static REPETITIONS: Members = Members::new();

/// A class of `maou.vocabulary`.
pub(crate) fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyType>> {
    Ok(py.import(intern!(py, "maou.vocabulary"))?.getattr(name)?.cast_into()?)
}

pub(crate) fn color(py: Python<'_>, color: Color) -> PyResult<Bound<'_, PyAny>> {
    COLORS.get(py, "Color", color.index())
}

pub(crate) fn piece_type(py: Python<'_>, kind: PieceType) -> PyResult<Bound<'_, PyAny>> {
    PIECE_TYPES.get(py, "PieceType", kind.index())
}

pub(crate) fn piece(py: Python<'_>, piece: Piece) -> PyResult<Bound<'_, PyAny>> {
    PIECES.get(py, "Piece", piece.piece_type().index() + 16 * piece.color().index())
}

pub(crate) fn square(py: Python<'_>, square: Square) -> PyResult<Bound<'_, PyAny>> {
    SQUARES.get(py, "Square", square.index())
}

pub(crate) fn repetition(py: Python<'_>, repetition: Repetition) -> PyResult<Bound<'_, PyAny>> {
    REPETITIONS.get(py, "Repetition", repetition as usize)
}

/// A number of Python, by name of what is wanted in the message.
fn number(value: &Bound<'_, PyAny>, expected: &str) -> PyResult<u8> {
    value.extract().map_err(|_| wrong(value, expected))
}

fn wrong(value: &Bound<'_, PyAny>, expected: &str) -> PyErr {
    let message = match value.repr() {
        Ok(found) => format!("expected {expected}, found `{found}`"),
        Err(error) => return error,
    };
    // A number or a text that is none of those, or nothing of the kind.
    let is_number = value.is_instance_of::<PyInt>() || value.extract::<i64>().is_ok();
    if is_number || value.is_instance_of::<PyString>() {
        PyValueError::new_err(message)
    } else {
        PyTypeError::new_err(message)
    }
}

/// A side given to a method: a member of `Color`, or its number.
pub(crate) struct ColorArg(pub(crate) Color);

impl<'py> FromPyObject<'_, 'py> for ColorArg {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<ColorArg> {
        let expected = "a color, 0 or 1";
        match number(&value, expected)? {
            0 => Ok(ColorArg(Color::Black)),
            1 => Ok(ColorArg(Color::White)),
            _ => Err(wrong(&value, expected)),
        }
    }
}

/// A kind of piece given to a method: a member of `PieceType`, or its number.
pub(crate) struct PieceTypeArg(pub(crate) PieceType);

impl<'py> FromPyObject<'_, 'py> for PieceTypeArg {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<PieceTypeArg> {
        let expected = "a kind of piece, 1 to 14";
        let kind = PieceType::from_number(number(&value, expected)?);
        kind.map(PieceTypeArg).ok_or_else(|| wrong(&value, expected))
    }
}

/// A square given to a method: a member of `Square`, its number, or its name in USI.
pub(crate) struct SquareArg(pub(crate) Square);

impl<'py> FromPyObject<'_, 'py> for SquareArg {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<SquareArg> {
        let expected = "a square, 0 to 80 or such as `7f`";
        let square = match value.extract::<&str>() {
            Ok(name) => Square::from_usi(name),
            Err(_) => Square::from_index(number(&value, expected)?),
        };
        square.map(SquareArg).ok_or_else(|| wrong(&value, expected))
    }
}
