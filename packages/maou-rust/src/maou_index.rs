//! Search over datasets: at present the scanner that finds them below a folder.

use pyo3::prelude::*;

/// Search over datasets: at present the scanner that finds them below a folder.
#[pymodule]
#[pyo3(name = "maou_index")]
pub(crate) mod python {}
