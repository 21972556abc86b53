//! Batches of a training set: threads fill buffers, and arrays of Python look into them.

use std::ffi::c_int;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use maou_io::{COO_FIELDS, Error, Lease, LoaderOptions, Memory, Next, TrainingSet};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::error::UsageError;
use crate::maou_io::{ArrowStream, dataset_error};
use crate::position_array::{numbers, results};

/// How long Ctrl-C may have to wait for an answer.
const PATIENCE: Duration = Duration::from_millis(50);

/// The rows of one split of a training set.
#[pyclass(frozen, module = "maou_rust.maou_io")]
pub(crate) struct TrainingRows(Arc<maou_io::TrainingRows>);

#[pymethods]
impl TrainingRows {
    #[new]
    fn new(py: Python<'_>, path: PathBuf, split: &str) -> PyResult<TrainingRows> {
        let split = split.parse().map_err(UsageError::new_err)?;
        let open = || maou_io::TrainingRows::open(&TrainingSet::open(&path)?, split);
        let rows = py.detach(open).map_err(|error| dataset_error(py, error))?;
        Ok(TrainingRows(Arc::new(rows)))
    }

    fn __len__(&self) -> usize {
        self.0.n_rows() as usize
    }

    fn paths(&self) -> Vec<String> {
        self.0.paths().map(|path| path.to_string_lossy().into_owned()).collect()
    }

    fn digest(&self) -> String {
        self.0.digest()
    }

    fn without_rows(&self) -> ArrowStream {
        ArrowStream::new(self.0.without_rows())
    }

    #[pyo3(signature = (keys, out, *, check))]
    fn contains(
        &self,
        py: Python<'_>,
        keys: PyBuffer<u64>,
        mut out: PyBuffer<u8>,
        check: bool,
    ) -> PyResult<()> {
        let keys = numbers(&keys)?;
        let out = results(&mut out, keys.len())?;
        let mut raised = None;
        let mut go_on = || {
            raised = Python::attach(|py| py.check_signals()).err();
            raised.is_none()
        };
        py.detach(|| self.0.contains(keys, check, out, &mut go_on))
            .map_err(|error| dataset_error(py, error))?;
        raised.map_or(Ok(()), Err)
    }
}

/// A buffer of Python's, which threads write to.
struct PyMemory {
    start: *mut u8,
    len: usize,
    /// Keeps it where it is.
    _buffer: PyBuffer<u8>,
}

// SAFETY: the bytes stay where they are as long as the buffer is held, and whoever lends them
// leaves them alone.
unsafe impl Send for PyMemory {}
// SAFETY: as above.
unsafe impl Sync for PyMemory {}

impl PyMemory {
    fn lent(mut buffer: PyBuffer<u8>, len: usize) -> PyResult<Box<dyn Memory>> {
        let start = results(&mut buffer, len)?.as_mut_ptr();
        if len > 0 && !start.addr().is_multiple_of(64) {
            return Err(PyBufferError::new_err("expected memory aligned to 64 bytes"));
        }
        Ok(Box::new(PyMemory { start, len, _buffer: buffer }))
    }
}

// SAFETY: as of `Send`.
unsafe impl Memory for PyMemory {
    fn start(&self) -> *mut u8 {
        self.start
    }

    fn len(&self) -> usize {
        self.len
    }
}

/// Makes batches of rows.
#[pyclass(frozen, module = "maou_rust.maou_io")]
pub(crate) struct Loader(Mutex<maou_io::Loader>);

/// A batch: its memory, that of its sparse policy, entries of that, and where its arrays begin.
type Batch = (BatchBuffer, BatchBuffer, usize, [usize; 3]);

/// Name, type, axes behind that of the rows, and first byte.
type Field = (&'static str, &'static str, Vec<usize>, usize);

impl Loader {
    /// Calls the library without the GIL.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut maou_io::Loader) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        py.detach(|| work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner)))
            .map_err(|error| dataset_error(py, error))
    }
}

#[pymethods]
impl Loader {
    #[new]
    #[pyo3(signature = (
        rows, *, batch_size, seed, shuffle, features, policy, classes, legal_mask, sample_weight,
        threads, rank, world_size, drop_last, window, prefetch, stride, check,
    ))]
    #[expect(clippy::too_many_arguments, reason = "one keyword argument an option")]
    fn new(
        py: Python<'_>,
        rows: &TrainingRows,
        batch_size: usize,
        seed: u64,
        shuffle: bool,
        features: Option<&str>,
        policy: Option<&str>,
        classes: usize,
        legal_mask: bool,
        sample_weight: &str,
        threads: usize,
        rank: usize,
        world_size: usize,
        drop_last: bool,
        window: usize,
        prefetch: usize,
        stride: (u64, u64),
        check: bool,
    ) -> PyResult<Loader> {
        let scheme = LoaderOptions::scheme_of(classes).map_err(|error| dataset_error(py, error))?;
        let options = LoaderOptions {
            batch_size,
            seed,
            shuffle,
            features: features.map(str::parse).transpose().map_err(UsageError::new_err)?,
            policy: policy.map(str::parse).transpose().map_err(UsageError::new_err)?,
            scheme,
            legal_mask,
            sample_weight: sample_weight.parse().map_err(UsageError::new_err)?,
            threads,
            rank,
            world_size,
            drop_last,
            window,
            prefetch,
            stride,
            check,
        };
        let loader = maou_io::Loader::new(rows.0.clone(), options);
        Ok(Loader(Mutex::new(loader.map_err(|error| dataset_error(py, error))?)))
    }

    fn fields(&self, py: Python<'_>) -> PyResult<Vec<Field>> {
        self.with(py, |loader| {
            let field = |field: &maou_io::Field| {
                (field.name, field.number.name(), field.axes.clone(), field.offset)
            };
            Ok(loader.layout().fields.iter().map(field).collect())
        })
    }

    #[staticmethod]
    fn sparse_fields() -> Vec<(&'static str, &'static str)> {
        COO_FIELDS.iter().map(|(name, number)| (*name, number.name())).collect()
    }

    fn n_steps(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |loader| Ok(loader.n_steps()))
    }

    fn buffers(&self, py: Python<'_>) -> PyResult<(usize, usize, usize)> {
        self.with(py, |loader| Ok((loader.n_buffers(), loader.layout().len, loader.coo_len())))
    }

    fn add_buffer(&self, py: Python<'_>, main: PyBuffer<u8>, sparse: PyBuffer<u8>) -> PyResult<()> {
        let (_, main_len, sparse_len) = self.buffers(py)?;
        let memory = (PyMemory::lent(main, main_len)?, PyMemory::lent(sparse, sparse_len)?);
        self.with(py, |loader| {
            loader.add_buffer(memory.0, memory.1);
            Ok(())
        })
    }

    fn seek(&self, py: Python<'_>, epoch: u64, step: u64) -> PyResult<()> {
        self.with(py, |loader| loader.seek(epoch, step))
    }

    fn next(&self, py: Python<'_>) -> PyResult<Option<Batch>> {
        loop {
            match self.with(py, |loader| loader.next(PATIENCE))? {
                Next::End => return Ok(None),
                Next::Later => py.check_signals()?,
                Next::Batch(lease) => {
                    let (n, offsets) = (lease.n_choices(), lease.coo_offsets());
                    let lease = Arc::new(lease);
                    let main = BatchBuffer { lease: lease.clone(), is_sparse: false };
                    return Ok(Some((main, BatchBuffer { lease, is_sparse: true }, n, offsets)));
                }
            }
        }
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |loader| {
            loader.close();
            Ok(())
        })
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        // Threads are waited for, and one may just need the GIL to give a buffer of Python's back.
        Python::attach(|py| {
            py.detach(|| self.0.get_mut().unwrap_or_else(PoisonError::into_inner).close());
        });
    }
}

/// The memory of a batch, which is used again when nobody holds any of its buffers.
#[pyclass(frozen, module = "maou_rust.maou_io")]
pub(crate) struct BatchBuffer {
    lease: Arc<Lease>,
    is_sparse: bool,
}

#[pymethods]
impl BatchBuffer {
    /// The bytes, which may be changed.
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let this = slf.get();
        let (start, len) = if this.is_sparse { this.lease.coo() } else { this.lease.main() };
        // SAFETY: Python gives a buffer to be filled. Nobody but its owner touches the memory as
        // long as the lease lives, that is, the object, to which the buffer holds a reference.
        let status = unsafe {
            let n = len as ffi::Py_ssize_t;
            ffi::PyBuffer_FillInfo(view, slf.as_ptr(), start.cast(), n, 0, flags)
        };
        if status == 0 { Ok(()) } else { Err(PyErr::fetch(slf.py())) }
    }
}
