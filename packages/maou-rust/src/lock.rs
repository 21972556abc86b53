//! One process at a time per folder.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use maou_io::Lock;
use pyo3::prelude::*;

use crate::maou_io::dataset_error;

/// Held while something is written into a folder.
#[pyclass(frozen, module = "maou_rust.maou_io")]
pub(crate) struct FolderLock(Mutex<Option<Lock>>);

#[pymethods]
impl FolderLock {
    #[new]
    fn new(py: Python<'_>, path: PathBuf, what: &str) -> PyResult<FolderLock> {
        let lock = py.detach(|| Lock::acquire_as(&path, what));
        lock.map(|lock| FolderLock(Mutex::new(Some(lock))))
            .map_err(|error| dataset_error(py, error))
    }

    fn release(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}
