//! Training sets: made of datasets, and described.

use std::path::PathBuf;

use maou_io::{
    Between, Compression, GameMask, PrepareInput, PrepareOptions, PrepareProgress, Selection,
    TrainingOptions, TrainingSet,
};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};

use crate::error::UsageError;
use crate::maou_io::dataset_error;
use crate::plain::to_python;

/// Calls back to Python while the library works without the GIL.
struct Watcher {
    callback: Option<Py<PyAny>>,
    /// What the callback, or Ctrl-C, raised: it stops the work and is raised again at its end.
    raised: Option<PyErr>,
}

impl Watcher {
    fn report(&mut self, progress: &PrepareProgress) -> bool {
        let outcome = Python::attach(|py| {
            py.check_signals()?;
            if let Some(callback) = &self.callback {
                let dict = PyDict::new(py);
                dict.set_item("phase", progress.phase)?;
                dict.set_item("done", progress.done)?;
                dict.set_item("total", progress.total)?;
                dict.set_item("n_positions", progress.n_positions)?;
                dict.set_item("n_rows", progress.n_rows)?;
                callback.call1(py, (dict,))?;
            }
            Ok(())
        });
        self.raised = self.raised.take().or(outcome.err());
        self.raised.is_none()
    }
}

/// A boolean column behind the Arrow PyCapsule interface.
fn mask_of(column: &Bound<'_, PyAny>) -> PyResult<GameMask> {
    let capsule = column.call_method0("__arrow_c_stream__")?.cast_into::<PyCapsule>()?;
    let stream = capsule.pointer_checked(Some(maou_io::ArrowStream::CAPSULE_NAME))?.as_ptr();
    // SAFETY: the name of the capsule says what it holds.
    unsafe { GameMask::from_raw_stream(stream) }.map_err(UsageError::new_err)
}

fn between<T>((min, max): (Option<T>, Option<T>)) -> Between<T> {
    Between { min, max }
}

type Range<T> = (Option<T>, Option<T>);

#[pyfunction]
#[pyo3(signature = (
    inputs, out, *, memory, compression = "zstd", policy = "moves", validation_per_10000 = 0,
    validation_sources = vec![], filter = None, rating = (None, None), ply = (None, None),
    eval_cp = (None, None), results = vec![], endings = vec![], max_games = None,
    exclude = vec![], threads = 0, force = false, progress = None,
))]
#[expect(clippy::too_many_arguments, reason = "one keyword argument an option")]
pub(crate) fn prepare<'py>(
    py: Python<'py>,
    inputs: Vec<(PathBuf, f64, Option<Bound<'py, PyAny>>)>,
    out: PathBuf,
    memory: usize,
    compression: &str,
    policy: &str,
    validation_per_10000: u32,
    validation_sources: Vec<String>,
    filter: Option<String>,
    rating: Range<f64>,
    ply: Range<u32>,
    eval_cp: Range<i32>,
    results: Vec<u8>,
    endings: Vec<String>,
    max_games: Option<u64>,
    exclude: Vec<PathBuf>,
    threads: usize,
    force: bool,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let inputs: Vec<PrepareInput> = inputs
        .into_iter()
        .map(|(path, weight, mask)| {
            let mask = mask.as_ref().map(mask_of).transpose()?;
            Ok(PrepareInput { path, weight, mask })
        })
        .collect::<PyResult<_>>()?;
    let selection = Selection {
        filter,
        rating: between(rating),
        ply: between(ply),
        eval_cp: between(eval_cp),
        results,
        endings,
        max_games,
    };
    let training = TrainingOptions {
        compression: compression.parse::<Compression>().map_err(UsageError::new_err)?,
        policy: policy.parse().map_err(UsageError::new_err)?,
        validation_per_10000,
        validation_sources,
        selection,
    };
    let options =
        PrepareOptions { training, exclude, memory, threads, force, ..PrepareOptions::default() };
    let mut watcher = Watcher { callback: progress, raised: None };
    let report = py
        .detach(|| maou_io::prepare(&inputs, &out, &options, &mut |p| watcher.report(p)))
        .map_err(|error| dataset_error(py, error))?;
    match watcher.raised {
        Some(raised) => Err(raised),
        None => to_python(py, &report),
    }
}

#[pyfunction]
pub(crate) fn training_info(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyAny>> {
    let info = py
        .detach(|| Ok(TrainingSet::open(&path)?.info()))
        .map_err(|error| dataset_error(py, error))?;
    to_python(py, &info)
}

#[pyfunction]
pub(crate) fn training_files(py: Python<'_>, path: PathBuf, split: &str) -> PyResult<Vec<String>> {
    let split = split.parse().map_err(UsageError::new_err)?;
    let set = py.detach(|| TrainingSet::open(&path)).map_err(|error| dataset_error(py, error))?;
    let files = set.files(split);
    Ok(files.iter().map(|file| file.path().to_string_lossy().into_owned()).collect())
}

#[pyfunction]
pub(crate) fn is_training_set(py: Python<'_>, path: PathBuf) -> bool {
    py.detach(|| TrainingSet::is_at(&path))
}

#[pyfunction]
#[pyo3(signature = (path, *, threads = 0, progress = None))]
pub(crate) fn verify_training<'py>(
    py: Python<'py>,
    path: PathBuf,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut watcher = Watcher { callback: progress, raised: None };
    let report = py
        .detach(|| maou_io::verify_training(&path, threads, &mut |p| watcher.report(p)))
        .map_err(|error| dataset_error(py, error))?;
    match watcher.raised {
        Some(raised) => Err(raised),
        None => to_python(py, &report),
    }
}
