//! The pieces in hand as a Python object.

use maou_shogi::{Hand, PieceType};
use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyList, PyType};

use crate::vocabulary::{self, PieceTypeArg};

/// The pieces that one side holds in hand: how many, asked by kind.
#[pyclass(frozen, eq, module = "maou", name = "Hand")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct PyHand(pub(crate) Hand);

impl PyHand {
    /// The kinds held and their counts, as members of the enum.
    fn dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (kind, count) in self.0.iter() {
            dict.set_item(vocabulary::piece_type(py, kind)?, count)?;
        }
        Ok(dict)
    }
}

/// A kind that a hand can hold.
fn held(kind: PieceType) -> PyResult<PieceType> {
    if PieceType::HAND.contains(&kind) {
        return Ok(kind);
    }
    let message = format!("expected a kind that a hand can hold, found a {}", kind.name());
    Err(PyValueError::new_err(message))
}

#[pymethods]
impl PyHand {
    #[new]
    #[pyo3(signature = (counts = None))]
    fn new(counts: Option<&Bound<'_, PyDict>>) -> PyResult<PyHand> {
        let mut hand = Hand::EMPTY;
        for (kind, count) in counts.into_iter().flatten() {
            let kind = held(kind.extract::<PieceTypeArg>()?.0)?;
            let number = match count.extract::<u8>() {
                Ok(number) if number <= kind.total() => number,
                Err(error) if !error.is_instance_of::<PyOverflowError>(count.py()) => {
                    return Err(error);
                }
                _ => {
                    let (total, name) = (kind.total(), kind.name());
                    let message = format!("expected 0 to {total} {name}s, found {count}");
                    return Err(PyValueError::new_err(message));
                }
            };
            hand.set(kind, number);
        }
        Ok(PyHand(hand))
    }

    /// How many pieces of a kind.
    fn __getitem__(&self, piece_type: PieceTypeArg) -> PyResult<u8> {
        Ok(self.0.count(held(piece_type.0)?))
    }

    fn __contains__(&self, piece_type: PieceTypeArg) -> bool {
        self.0.count(piece_type.0) > 0
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.dict(py)?.try_iter()
    }

    fn __len__(&self) -> usize {
        self.0.iter().count()
    }

    /// The kinds held, each with its count.
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        Ok(self.dict(py)?.items())
    }

    fn __hash__(&self) -> u64 {
        self.0.iter().fold(0, |hash, (kind, count)| hash | u64::from(count) << (8 * kind.index()))
    }

    fn __repr__(&self) -> String {
        // As in Python, where the members of the enum have the names of Rust in capitals.
        let counts: Vec<String> = self
            .0
            .iter()
            .map(|(kind, count)| {
                let name = kind.name().to_uppercase();
                format!("PieceType.{name}: {count}")
            })
            .collect();
        match counts.as_slice() {
            [] => "Hand()".to_owned(),
            _ => format!("Hand({{{}}})", counts.join(", ")),
        }
    }

    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyType>, (Bound<'py, PyDict>,))> {
        Ok((py.get_type::<PyHand>(), (self.dict(py)?,)))
    }
}
