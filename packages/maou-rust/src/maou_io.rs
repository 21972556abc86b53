//! Datasets of shogi games: convert, inspect, verify, and hand over to Arrow readers.

use std::ffi::{CStr, c_void};
use std::path::PathBuf;
use std::ptr::NonNull;
use std::sync::Mutex;

use maou_io::{
    Compression, ConvertOptions, ConvertReport, Dataset, Error, ErrorEntry, ExportOptions, Fault,
    Progress, TeacherFormat, TextOut, TranscribeOptions, VerifyReport,
};
use maou_shogi::record::{Encoding, Format};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict};

use crate::archives::PyArchives;
use crate::error::{DatasetError, UsageError, record_error};
use crate::plain::to_python;

/// Datasets of shogi games: convert, inspect, verify, and hand over to Arrow readers.
#[pymodule]
#[pyo3(name = "maou_io")]
pub(crate) mod python {
    #[pymodule_export]
    use crate::loader::{BatchBuffer, Loader, TrainingRows};
    #[pymodule_export]
    use crate::lock::FolderLock;
    #[pymodule_export]
    use crate::training::{
        is_training_set, prepare, training_files, training_info, verify_training,
    };

    #[pymodule_export]
    use super::{
        ArrowStream, convert, errors, every_position, export, files, games, hello, info, positions,
        probe_stream, schema, shards, teacher_info, transcribe, verify,
    };
}

/// Turns what stopped a command into the exception that Python users expect.
pub(crate) fn dataset_error(py: Python<'_>, error: Error) -> PyErr {
    match error {
        Error::Usage(message) => UsageError::new_err(message),
        Error::Io { path, source } => match source.raw_os_error() {
            Some(code) => PyOSError::new_err((code, os_reason(&source), path)),
            None => PyOSError::new_err(format!("{}: {source}", path.display())),
        },
        error @ (Error::Corrupt { .. } | Error::Misnamed(_)) => {
            DatasetError::new_err(error.to_string())
        }
        Error::Fault(fault) => match fault.downcast::<PyErr>() {
            Ok(raised) => *raised,
            Err(fault) => DatasetError::new_err(fault.to_string()),
        },
        Error::Strict(entry) => record_error(
            py,
            Some(&entry_path(&entry)),
            entry.line.unwrap_or_default(),
            entry.column.unwrap_or_default(),
            &entry.kind,
            &entry.message,
        ),
    }
}

/// What the operating system said, without the number that Python shows anyway.
fn os_reason(source: &std::io::Error) -> String {
    let text = source.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Where the user finds the file of an entry; its name in the dataset if nothing better is known.
fn entry_path(entry: &ErrorEntry) -> String {
    if entry.path.as_os_str().is_empty() {
        entry.source.clone()
    } else {
        entry.path.to_string_lossy().into_owned()
    }
}

/// Calls back to Python while the library works without the GIL.
pub(crate) struct Watcher {
    callback: Option<Py<PyAny>>,
    /// What the callback, or Ctrl-C, raised: it stops the work and is raised again at its end.
    pub(crate) raised: Option<PyErr>,
}

impl Watcher {
    pub(crate) fn new(callback: Option<Py<PyAny>>) -> Watcher {
        Watcher { callback, raised: None }
    }

    /// Reports progress; `false` stops the work.
    pub(crate) fn report(&mut self, progress: &Progress) -> bool {
        let outcome = Python::attach(|py| {
            py.check_signals()?;
            if let Some(callback) = &self.callback {
                callback.call1(py, (progress_dict(py, progress)?,))?;
            }
            Ok(())
        });
        self.raised = self.raised.take().or(outcome.err());
        self.raised.is_none()
    }
}

fn progress_dict<'py>(py: Python<'py>, progress: &Progress) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("n_sources_done", progress.n_sources_done)?;
    dict.set_item("n_sources", progress.n_sources)?;
    dict.set_item("bytes_done", progress.bytes_done)?;
    dict.set_item("bytes", progress.bytes)?;
    dict.set_item("n_games", progress.n_games)?;
    dict.set_item("n_positions", progress.n_positions)?;
    dict.set_item("n_errors", progress.n_errors)?;
    Ok(dict)
}

fn error_dict<'py>(py: Python<'py>, entry: &ErrorEntry) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("source", &entry.source)?;
    dict.set_item("path", entry_path(entry))?;
    dict.set_item("game_number", entry.game_number.unwrap_or_default())?;
    dict.set_item("line", entry.line.unwrap_or_default())?;
    dict.set_item("column", entry.column.unwrap_or_default())?;
    dict.set_item("kind", &entry.kind)?;
    dict.set_item("message", &entry.message)?;
    dict.set_item("kept", entry.kept)?;
    Ok(dict)
}

#[pyfunction]
fn hello() -> &'static str {
    concat!("maou-rust ", env!("MAOU_VERSION"))
}

#[pyfunction]
#[pyo3(signature = (
    inputs, out, *, compression = None, threads = 0, strict = false, prune = false,
    dry_run = false, shard_bytes = None, rows_per_file = None, variations = None,
    source_format = None, archives = None, progress = None,
))]
#[expect(clippy::too_many_arguments, reason = "one keyword argument an option")]
fn convert<'py>(
    py: Python<'py>,
    inputs: Vec<PathBuf>,
    out: PathBuf,
    compression: Option<&str>,
    threads: usize,
    strict: bool,
    prune: bool,
    dry_run: bool,
    shard_bytes: Option<u64>,
    rows_per_file: Option<u64>,
    variations: Option<bool>,
    source_format: Option<&str>,
    archives: Option<Py<PyAny>>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let from =
        source_format.map(str::parse::<TeacherFormat>).transpose().map_err(UsageError::new_err)?;
    let compression =
        compression.map(str::parse::<Compression>).transpose().map_err(UsageError::new_err)?;
    let options = ConvertOptions {
        compression,
        threads,
        strict,
        prune,
        dry_run,
        shard_bytes,
        rows_per_file,
        variations,
        from,
        ..ConvertOptions::default()
    };
    let mut watcher = Watcher::new(progress);
    let archives = archives.map(PyArchives);
    let archives = archives.as_ref().map(|archives| archives as &dyn maou_io::Archives);
    let report = py
        .detach(|| {
            let mut report = |progress: &Progress| watcher.report(progress);
            maou_io::convert_with(&inputs, &out, &options, archives, &mut report)
        })
        .map_err(|error| dataset_error(py, error))?;
    match watcher.raised {
        Some(raised) => Err(raised),
        None => report_dict(py, &report),
    }
}

/// What was asked for by its name.
fn named<T: Copy>(what: &str, name: &str, all: &[(&str, T)]) -> PyResult<T> {
    let found = all.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|(known, _)| *known).collect();
        UsageError::new_err(format!("{what}: expected {}, found `{name}`", names.join(", ")))
    })
}

#[pyfunction]
#[pyo3(signature = (
    inputs, *, format, folder = None, file = None, write = None, encoding = "utf-8",
    threads = 0, strict = false, force = false, archives = None, progress = None,
))]
#[expect(clippy::too_many_arguments, reason = "one keyword argument an option")]
fn transcribe<'py>(
    py: Python<'py>,
    inputs: Vec<PathBuf>,
    format: &str,
    folder: Option<PathBuf>,
    file: Option<PathBuf>,
    write: Option<Py<PyAny>>,
    encoding: &str,
    threads: usize,
    strict: bool,
    force: bool,
    archives: Option<Py<PyAny>>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let format = named("format", format, &Format::ALL.map(|format| (format.as_str(), format)))?;
    let encodings =
        [("utf-8", Encoding::Utf8), ("shift_jis", Encoding::ShiftJis), ("euc-jp", Encoding::EucJp)];
    let encoding = named("encoding", encoding, &encodings)?;
    let options = TranscribeOptions { format, encoding, threads, strict, force };
    let mut watcher = Watcher::new(progress);
    let archives = archives.map(PyArchives);
    let archives = archives.as_ref().map(|archives| archives as &dyn maou_io::Archives);
    let report = py
        .detach(|| {
            let mut take = |bytes: &[u8]| -> Result<(), Fault> {
                Python::attach(|py| match &write {
                    Some(write) => write.call1(py, (PyBytes::new(py, bytes),)).map(drop),
                    None => Ok(()),
                })
                .map_err(Fault::from)
            };
            let out = match (&folder, &file) {
                (Some(folder), _) => TextOut::Folder(folder),
                (None, Some(file)) => TextOut::File(file),
                (None, None) => TextOut::Taker(&mut take),
            };
            let mut report = |progress: &Progress| watcher.report(progress);
            maou_io::transcribe(&inputs, out, &options, archives, &mut report)
        })
        .map_err(|error| dataset_error(py, error))?;
    if let Some(raised) = watcher.raised {
        return Err(raised);
    }
    let dict = to_python(py, &report)?.cast_into::<PyDict>()?;
    let errors: Vec<_> =
        report.errors.iter().map(|entry| error_dict(py, entry)).collect::<PyResult<_>>()?;
    dict.set_item("errors", errors)?;
    let left_out = PyDict::new(py);
    for (name, n) in &report.left_out {
        left_out.set_item(name, n)?;
    }
    dict.set_item("left_out", left_out)?;
    Ok(dict)
}

fn report_dict<'py>(py: Python<'py>, report: &ConvertReport) -> PyResult<Bound<'py, PyDict>> {
    let dict = to_python(py, report)?.cast_into::<PyDict>()?;
    let errors: Vec<_> =
        report.errors.iter().map(|entry| error_dict(py, entry)).collect::<PyResult<_>>()?;
    dict.set_item("errors", errors)?;
    dict.del_item("totals")?;
    dict.set_item("total_games", report.totals.n_games)?;
    dict.set_item("total_variations", report.totals.n_variations)?;
    dict.set_item("total_positions", report.totals.n_all_positions())?;
    dict.set_item("total_errors", report.totals.n_errors)?;
    dict.set_item("size_bytes", report.totals.size_bytes + report.totals.loose_size_bytes)?;
    Ok(dict)
}

#[pyfunction]
#[pyo3(signature = (data, out, *, format, missing_eval = None, threads = 0, progress = None))]
fn export<'py>(
    py: Python<'py>,
    data: PathBuf,
    out: PathBuf,
    format: &str,
    missing_eval: Option<i16>,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let format = format.parse::<TeacherFormat>().map_err(UsageError::new_err)?;
    let options = ExportOptions { format, missing_eval, threads };
    let mut watcher = Watcher::new(progress);
    let report = py
        .detach(|| maou_io::export(&data, &out, &options, &mut |p| watcher.report(p)))
        .map_err(|error| dataset_error(py, error))?;
    match watcher.raised {
        Some(raised) => Err(raised),
        None => to_python(py, &report),
    }
}

#[pyfunction]
#[pyo3(signature = (path, *, source_format = None))]
fn teacher_info<'py>(
    py: Python<'py>,
    path: PathBuf,
    source_format: Option<&str>,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let from = source_format.map(str::parse::<TeacherFormat>).transpose();
    let from = from.map_err(UsageError::new_err)?;
    let info = py
        .detach(|| maou_io::teacher_info(&path, from))
        .map_err(|error| dataset_error(py, error))?;
    let Some(info) = info else { return Ok(None) };
    let dict = to_python(py, &info)?.cast_into::<PyDict>()?;
    let errors: Vec<_> =
        info.errors.iter().map(|entry| error_dict(py, entry)).collect::<PyResult<_>>()?;
    dict.set_item("errors", errors)?;
    Ok(Some(dict))
}

#[pyfunction]
fn info<'py>(py: Python<'py>, path: PathBuf) -> PyResult<Bound<'py, PyAny>> {
    let info =
        py.detach(|| Ok(Dataset::open(&path)?.info())).map_err(|error| dataset_error(py, error))?;
    to_python(py, &info)
}

#[pyfunction]
fn errors<'py>(py: Python<'py>, path: PathBuf) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let entries =
        py.detach(|| Dataset::open(&path)?.errors()).map_err(|error| dataset_error(py, error))?;
    entries.iter().map(|entry| error_dict(py, entry)).collect()
}

#[pyfunction]
fn shards(py: Python<'_>, path: PathBuf) -> PyResult<Vec<String>> {
    let dataset = py.detach(|| Dataset::open(&path)).map_err(|error| dataset_error(py, error))?;
    Ok(dataset.games_paths().iter().map(|path| path.to_string_lossy().into_owned()).collect())
}

#[pyfunction]
fn files(py: Python<'_>, path: PathBuf) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let dataset = py.detach(|| Dataset::open(&path)).map_err(|error| dataset_error(py, error))?;
    let games = dataset.shards().zip(dataset.games_paths());
    let games = games.map(|(s, path)| ("games", path, s.totals.n_positions, s.has_search));
    let with_positions = dataset.shards().filter(|shard| shard.positions.is_some());
    let positions = with_positions.zip(dataset.positions_paths());
    let positions =
        positions.map(|(s, path)| ("positions", path, s.totals.n_loose_positions, false));
    let file = |(table, path, n_positions, has_search): (&str, PathBuf, u64, bool)| {
        let dict = PyDict::new(py);
        dict.set_item("table", table)?;
        dict.set_item("path", path.to_string_lossy())?;
        dict.set_item("n_positions", n_positions)?;
        dict.set_item("has_search", has_search)?;
        Ok(dict)
    };
    games.chain(positions).map(file).collect()
}

#[pyfunction]
#[pyo3(signature = (path, *, threads = 0, progress = None))]
fn verify<'py>(
    py: Python<'py>,
    path: PathBuf,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut watcher = Watcher::new(progress);
    let report: VerifyReport = py
        .detach(|| maou_io::verify(&path, threads, &mut |p| watcher.report(p)))
        .map_err(|error| dataset_error(py, error))?;
    match watcher.raised {
        Some(raised) => Err(raised),
        None => to_python(py, &report),
    }
}

#[pyfunction]
#[pyo3(signature = (table = "games"))]
fn schema<'py>(py: Python<'py>, table: &str) -> PyResult<Vec<Bound<'py, PyDict>>> {
    type Fields = fn() -> Vec<maou_io::FieldDoc>;
    let tables: [(&str, Fields); 7] = [
        ("games", maou_io::games_fields),
        ("variations", maou_io::variation_fields),
        ("search", maou_io::search_fields),
        ("positions", maou_io::positions_fields),
        ("sources", maou_io::sources_fields),
        ("every_position", maou_io::every_position_fields),
        ("training", maou_io::training_fields),
    ];
    let fields = named("table", table, &tables)?();
    let column = |field: &maou_io::FieldDoc| {
        let dict = PyDict::new(py);
        dict.set_item("name", field.name)?;
        dict.set_item("type", &field.type_name)?;
        dict.set_item("nullable", field.nullable)?;
        dict.set_item("meaning", field.meaning)?;
        Ok(dict)
    };
    fields.iter().map(column).collect()
}

/// A stream of record batches behind the Arrow PyCapsule interface, read once.
#[pyclass(frozen, module = "maou_rust.maou_io")]
pub(crate) struct ArrowStream(Mutex<Option<maou_io::ArrowStream>>);

impl ArrowStream {
    pub(crate) fn new(stream: maou_io::ArrowStream) -> ArrowStream {
        ArrowStream(Mutex::new(Some(stream)))
    }
}

#[pymethods]
impl ArrowStream {
    fn __iter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<ArrowStream>> {
        let next = py.detach(|| {
            let mut stream = self.0.lock().expect("no one panics with the lock");
            stream.as_mut().map_or(Ok(None), maou_io::ArrowStream::next_batch)
        });
        let batch = next.map_err(|error| dataset_error(py, error))?;
        Ok(batch.map(ArrowStream::new))
    }

    fn without_rows(&self) -> PyResult<ArrowStream> {
        let stream = self.0.lock().expect("no one panics with the lock");
        Ok(ArrowStream::new(stream.as_ref().ok_or_else(read_before)?.without_rows()))
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The interface allows to hand over the stream as it is, whatever was asked for.
        drop(requested_schema);
        let stream = self.0.lock().expect("no one panics with the lock").take();
        let stream = stream.ok_or_else(read_before)?;
        let raw = NonNull::new(stream.into_raw()).expect("the address of a box");
        // SAFETY: the pointer is that of an ArrowArrayStream, which is what the name promises to
        // consumers, and `release` frees it once, when the capsule goes.
        unsafe {
            PyCapsule::new_with_pointer_and_destructor(
                py,
                raw,
                maou_io::ArrowStream::CAPSULE_NAME,
                Some(release),
            )
        }
    }
}

fn read_before() -> PyErr {
    PyValueError::new_err("this stream has been read; ask the dataset for another one")
}

/// Frees the stream in a capsule made by `__arrow_c_stream__`.
unsafe extern "C" fn release(capsule: *mut pyo3::ffi::PyObject) {
    let name: &CStr = maou_io::ArrowStream::CAPSULE_NAME;
    // SAFETY: Python calls this with the capsule, once; it still holds the pointer given to it.
    unsafe {
        let raw: *mut c_void = pyo3::ffi::PyCapsule_GetPointer(capsule, name.as_ptr());
        if !raw.is_null() {
            maou_io::ArrowStream::drop_raw(raw);
        }
    }
}

#[pyfunction]
#[pyo3(signature = (path, columns = None, *, variations = false, threads = 0))]
fn every_position(
    py: Python<'_>,
    path: PathBuf,
    columns: Option<Vec<String>>,
    variations: bool,
    threads: usize,
) -> PyResult<ArrowStream> {
    let stream = py
        .detach(|| {
            let names: Option<Vec<&str>> =
                columns.as_ref().map(|names| names.iter().map(String::as_str).collect());
            Dataset::open(&path)?.every_position(names.as_deref(), variations, threads)
        })
        .map_err(|error| dataset_error(py, error))?;
    Ok(ArrowStream::new(stream))
}

#[pyfunction]
#[pyo3(signature = (path, columns = None))]
fn games(py: Python<'_>, path: PathBuf, columns: Option<Vec<String>>) -> PyResult<ArrowStream> {
    let stream = py
        .detach(|| {
            let names: Option<Vec<&str>> =
                columns.as_ref().map(|names| names.iter().map(String::as_str).collect());
            Dataset::open(&path)?.games_stream(names.as_deref())
        })
        .map_err(|error| dataset_error(py, error))?;
    Ok(ArrowStream::new(stream))
}

#[pyfunction]
#[pyo3(signature = (path, columns = None))]
fn positions(py: Python<'_>, path: PathBuf, columns: Option<Vec<String>>) -> PyResult<ArrowStream> {
    let stream = py
        .detach(|| {
            let names: Option<Vec<&str>> =
                columns.as_ref().map(|names| names.iter().map(String::as_str).collect());
            Dataset::open(&path)?.positions_stream(names.as_deref())
        })
        .map_err(|error| dataset_error(py, error))?;
    Ok(ArrowStream::new(stream))
}

#[pyfunction]
fn probe_stream(n: u32) -> (ArrowStream, usize) {
    let (stream, address) = maou_io::probe_stream(n);
    (ArrowStream::new(stream), address)
}
