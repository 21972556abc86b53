//! Search over datasets: at present the scanner that finds them below a folder.

use std::path::PathBuf;

use pyo3::prelude::*;

use crate::maou_io::dataset_error;
use crate::plain::to_python;

/// Search over datasets: at present the scanner that finds them below a folder.
#[pymodule]
#[pyo3(name = "maou_index")]
pub(crate) mod python {
    #[pymodule_export]
    use super::scan;
}

#[pyfunction]
fn scan<'py>(py: Python<'py>, path: PathBuf) -> PyResult<Bound<'py, PyAny>> {
    let found = py.detach(|| maou_index::scan(&path)).map_err(|error| dataset_error(py, error))?;
    to_python(py, &found)
}
