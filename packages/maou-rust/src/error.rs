//! The one map from Rust errors to Python exceptions.

use maou_shogi::record::{ErrorKind, MoveTextError};
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;

create_exception!(
    maou_rust,
    RecordError,
    PyValueError,
    "A game record, a position or a move text that cannot be read."
);
create_exception!(
    maou_rust,
    IllegalMoveError,
    RecordError,
    "A move that the position does not allow."
);
create_exception!(maou_rust, DatasetError, PyException, "A dataset that cannot be used as asked.");
create_exception!(maou_rust, UsageError, DatasetError, "Inputs or options that cannot be used.");

/// Makes a `RecordError` with its place as attributes; line and column 0 mean the whole input.
pub(crate) fn record_error(
    py: Python<'_>,
    path: Option<&str>,
    line: u64,
    column: u64,
    kind: &str,
    message: &str,
) -> PyErr {
    let mut place = path.map_or_else(String::new, |path| format!("{path}:"));
    if line > 0 {
        place.push_str(&format!("{line}:{column}:"));
    }
    let space = if place.is_empty() { "" } else { " " };
    placed(py, RecordError::new_err(format!("{place}{space}{message}")), path, line, column, kind)
}

/// Makes the error of a text that is no move, or of a move that a position does not allow.
pub(crate) fn move_error(py: Python<'_>, error: MoveTextError) -> PyErr {
    let MoveTextError { kind, message } = error;
    let error = match kind {
        ErrorKind::IllegalMove => IllegalMoveError::new_err(message),
        _ => RecordError::new_err(message),
    };
    placed(py, error, None, 0, 0, kind.as_str())
}

/// The error with its place as attributes.
fn placed(
    py: Python<'_>,
    error: PyErr,
    path: Option<&str>,
    line: u64,
    column: u64,
    kind: &str,
) -> PyErr {
    let value = error.value(py);
    let set = value
        .setattr("path", path)
        .and_then(|()| value.setattr("line", line))
        .and_then(|()| value.setattr("column", column))
        .and_then(|()| value.setattr("kind", kind));
    match set {
        Ok(()) => error,
        Err(failed) => failed,
    }
}
