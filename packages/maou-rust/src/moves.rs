//! Moves as Python objects: one for each 16-bit value, made when it is first asked for.

use maou_shogi::{Move, UsiError};
use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use crate::error::record_error;
use crate::vocabulary;

/// A move, as 16 bits; whether it is legal is the board's question.
#[pyclass(frozen, eq, ord, module = "maou", name = "Move")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PyMove(Move);

/// By the 16 bits. The list is made at once, its entries one by one.
static MOVES: PyOnceLock<Vec<PyOnceLock<Py<PyMove>>>> = PyOnceLock::new();

/// The one object of a move.
#[inline]
pub(crate) fn interned(py: Python<'_>, mv: Move) -> PyResult<Bound<'_, PyMove>> {
    let moves = MOVES.get_or_init(py, || (0..1 << 15).map(|_| PyOnceLock::new()).collect());
    let entry = &moves[usize::from(mv.move16())];
    let object = match entry.get(py) {
        Some(object) => object,
        None => entry.get_or_try_init(py, || Py::new(py, PyMove(mv)))?,
    };
    Ok(object.bind(py).clone())
}

/// A move on its way to Python, where it becomes its one object.
pub(crate) struct Interned(pub(crate) Move);

impl<'py> IntoPyObject<'py> for Interned {
    type Target = PyMove;
    type Output = Bound<'py, PyMove>;
    type Error = PyErr;

    #[inline]
    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyMove>> {
        interned(py, self.0)
    }
}

impl PyMove {
    /// The move of the library.
    #[inline]
    pub(crate) const fn value(&self) -> Move {
        self.0
    }
}

#[pymethods]
impl PyMove {
    #[new]
    fn new(py: Python<'_>, move16: &Bound<'_, PyAny>) -> PyResult<Py<PyMove>> {
        let mv = match move16.extract::<u16>() {
            Ok(number) => Move::from_move16(number),
            // An integer of another size, but nothing that is no integer.
            Err(error) if error.is_instance_of::<PyOverflowError>(py) => None,
            Err(error) => return Err(error),
        };
        let mv = mv.ok_or_else(|| {
            PyValueError::new_err(format!("expected a 16-bit move, found `{move16}`"))
        })?;
        Ok(interned(py, mv)?.unbind())
    }

    /// Read a move as USI writes it, such as `7g7f`, `8h2b+` or `P*5e`.
    #[classmethod]
    fn from_usi<'py>(cls: &Bound<'py, PyType>, usi: &str) -> PyResult<Bound<'py, PyMove>> {
        let py = cls.py();
        let mv = Move::from_usi(usi)
            .map_err(|UsiError { message }| record_error(py, None, 0, 0, "syntax", &message))?;
        interned(py, mv)
    }

    /// The square that the piece goes to.
    #[getter(to_square)]
    fn target<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        vocabulary::square(py, self.0.to())
    }

    /// The square that the piece leaves, None for a drop.
    #[getter(from_square)]
    fn origin<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.from().map(|from| vocabulary::square(py, from)).transpose()
    }

    /// The kind of piece that is dropped, None for a move on the board.
    #[getter]
    fn dropped<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.dropped().map(|kind| vocabulary::piece_type(py, kind)).transpose()
    }

    /// Whether the piece promotes.
    #[getter]
    fn is_promotion(&self) -> bool {
        self.0.is_promotion()
    }

    /// Whether a piece is dropped from the hand.
    #[getter]
    fn is_drop(&self) -> bool {
        self.0.dropped().is_some()
    }

    /// The move as USI writes it.
    fn usi(&self) -> String {
        self.0.to_usi()
    }

    /// The same move with the board turned by 180°, as the opponent would name it.
    fn flip<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMove>> {
        interned(py, self.0.flip())
    }

    fn __int__(&self) -> u16 {
        self.0.move16()
    }

    fn __index__(&self) -> u16 {
        self.0.move16()
    }

    fn __hash__(&self) -> u64 {
        u64::from(self.0.move16())
    }

    fn __str__(&self) -> String {
        self.0.to_usi()
    }

    fn __repr__(&self) -> String {
        format!("Move.from_usi('{}')", self.0)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> (Bound<'py, PyType>, (u16,)) {
        (py.get_type::<PyMove>(), (self.0.move16(),))
    }

    fn __copy__(slf: Bound<'_, PyMove>) -> Bound<'_, PyMove> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, PyMove>, _memo: &Bound<'py, PyAny>) -> Bound<'py, PyMove> {
        slf
    }
}
