//! Search over datasets: any position, pattern or game in milliseconds.

use std::path::PathBuf;

use maou_index::{BuildOptions, Other, Pattern, PatternError, Query, Span, Unit};
use maou_io::{Progress, TrainingSet};
use maou_shogi::Position;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::board::Board;
use crate::error::{UsageError, record_error};
use crate::maou_io::{ArrowStream, Watcher, dataset_error};
use crate::maou_shogi::parse;
use crate::plain::to_python;
use crate::position_array::{numbers, results};

/// Search over datasets: any position, pattern or game in milliseconds.
#[pymodule]
#[pyo3(name = "maou_index")]
pub(crate) mod python {
    #[pymodule_export]
    use super::{Index, build, check_pattern, is_training_set, scan, status};
}

#[pyfunction]
fn scan<'py>(py: Python<'py>, path: PathBuf) -> PyResult<Bound<'py, PyAny>> {
    let found = py.detach(|| maou_index::scan(&path)).map_err(|error| dataset_error(py, error))?;
    to_python(py, &found)
}

#[pyfunction]
#[pyo3(signature = (
    path, *, index_dir = None, threads = 0, memory = None, force = false, progress = None,
))]
fn build<'py>(
    py: Python<'py>,
    path: PathBuf,
    index_dir: Option<PathBuf>,
    threads: usize,
    memory: Option<u64>,
    force: bool,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let memory = memory.unwrap_or(maou_index::DEFAULT_MEMORY);
    let options = BuildOptions { index_dir, threads, memory, force };
    let mut watcher = Watcher::new(progress);
    let report = py
        .detach(|| {
            let mut report = |progress: &Progress| watcher.report(progress);
            maou_index::build(&path, &options, &mut report)
        })
        .map_err(|error| dataset_error(py, error))?;
    match watcher.raised {
        Some(raised) => Err(raised),
        None => to_python(py, &report),
    }
}

#[pyfunction]
#[pyo3(signature = (path, *, index_dir = None))]
fn status<'py>(
    py: Python<'py>,
    path: PathBuf,
    index_dir: Option<PathBuf>,
) -> PyResult<Bound<'py, PyAny>> {
    let found = py.detach(|| maou_index::status(&path, index_dir.as_deref()));
    to_python(py, &found.map_err(|error| dataset_error(py, error))?)
}

fn pattern(py: Python<'_>, text: &str) -> PyResult<Pattern> {
    Pattern::parse(text).map_err(|PatternError { column, message }| {
        record_error(py, None, 1, column as u64, "pattern", &message)
    })
}

#[pyfunction]
fn check_pattern(py: Python<'_>, text: &str) -> PyResult<String> {
    Ok(pattern(py, text)?.to_string())
}

#[pyfunction]
fn is_training_set(path: PathBuf) -> bool {
    TrainingSet::is_at(&path)
}

/// The key of a position, or the keys of many.
enum Keys {
    One(u64),
    Many(Vec<u64>),
}

impl Keys {
    fn of(py: Python<'_>, position: &Bound<'_, PyAny>) -> PyResult<Keys> {
        if let Ok(board) = position.cast::<Board>() {
            return Ok(Keys::One(board.get().ask(py, Position::key)));
        }
        if let Ok(sfen) = position.cast::<PyString>() {
            return Ok(Keys::One(parse(py, sfen.to_str()?)?.key()));
        }
        if let Ok(bytes) = position.cast::<PyBytes>() {
            let fail = |message: &str| record_error(py, None, 0, 0, "hcp", message);
            let bytes = bytes.as_bytes();
            let hcp = bytes
                .try_into()
                .map_err(|_| fail(&format!("expected 32 bytes, found {}", bytes.len())))?;
            let position = Position::from_hcp(hcp).map_err(|error| fail(&error.to_string()))?;
            return Ok(Keys::One(position.key()));
        }
        match PyBuffer::<u64>::get(position) {
            Ok(keys) => Ok(Keys::Many(numbers(&keys)?.to_vec())),
            Err(_) => {
                let kind = position.get_type().name()?;
                Err(PyTypeError::new_err(format!(
                    "position: expected a Board, an SFEN, 32 bytes of HCP or a PositionArray, \
                     found `{kind}`"
                )))
            }
        }
    }
}

fn span<'py, T>(value: &Bound<'py, PyAny>) -> PyResult<Span<T>>
where
    T: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
{
    let (low, high) = value.extract::<(Option<T>, Option<T>)>()?;
    Ok(Span { low, high })
}

/// The question that keyword arguments ask; the second part tells whether it is about many
/// positions.
fn query_of(
    py: Python<'_>,
    position: Option<&Bound<'_, PyAny>>,
    filters: Option<&Bound<'_, PyDict>>,
) -> PyResult<(Query, bool)> {
    let mut query = Query::default();
    let mut is_many = false;
    match position.map(|position| Keys::of(py, position)).transpose()? {
        None => {}
        Some(Keys::One(key)) => query.keys = Some(vec![key]),
        Some(Keys::Many(keys)) => (query.keys, is_many) = (Some(keys), true),
    }
    for (name, value) in filters.into_iter().flatten() {
        let name = name.cast_into::<PyString>()?;
        match name.to_str()? {
            "either_color" => query.either_color = value.extract()?,
            "pattern" => query.pattern = Some(pattern(py, value.extract()?)?),
            "mirror" => query.mirror = value.extract()?,
            "ids" => {
                let (first, last) = value.extract::<(u64, u64)>()?;
                query.ids = Some(first..=last);
            }
            "player" => query.player = Some(value.extract()?),
            "rating" => query.rating = span(&value)?,
            "date" => query.date = span(&value)?,
            "eval_cp" => query.eval_cp = span(&value)?,
            "ply" => query.ply = span(&value)?,
            "results" => query.results = Some(value.extract()?),
            "ending" => query.ending = Some(value.extract()?),
            "event" => query.event = Some(value.extract()?),
            "final" => query.finals = value.extract()?,
            "variations" => query.variations = value.extract()?,
            "unit" => {
                query.unit = Some(match value.extract::<&str>()? {
                    "games" => Unit::Games,
                    "positions" => Unit::Positions,
                    other => {
                        return Err(UsageError::new_err(format!(
                            "unit: expected `games` or `positions`, found `{other}`"
                        )));
                    }
                });
            }
            "sort" => {
                let key = value.extract::<&str>()?.parse().map_err(UsageError::new_err)?;
                query.sort = Some(key);
            }
            "descending" => query.descending = value.extract()?,
            "limit" => query.limit = Some(value.extract()?),
            "offset" => query.offset = value.extract()?,
            "threads" => query.threads = value.extract()?,
            other => {
                return Err(PyTypeError::new_err(format!("unexpected argument `{other}`")));
            }
        }
    }
    Ok((query, is_many))
}

/// An open index.
#[pyclass(frozen, module = "maou_rust.maou_index")]
struct Index(maou_index::Index);

#[pymethods]
impl Index {
    #[new]
    #[pyo3(signature = (path, *, index_dir = None))]
    fn py_new(py: Python<'_>, path: PathBuf, index_dir: Option<PathBuf>) -> PyResult<Index> {
        let opened = py.detach(|| maou_index::Index::open(&path, index_dir.as_deref()));
        opened.map(Index).map_err(|error| dataset_error(py, error))
    }

    fn check(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.0.check()).map_err(|error| dataset_error(py, error))
    }

    #[pyo3(signature = (position = None, *, details = false, **filters))]
    fn find(
        &self,
        py: Python<'_>,
        position: Option<&Bound<'_, PyAny>>,
        details: bool,
        filters: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<ArrowStream> {
        let (query, is_many) = query_of(py, position, filters)?;
        let found = py.detach(|| self.0.find(&query, is_many, details));
        stream(py, found)
    }

    #[pyo3(signature = (position = None, **filters))]
    fn count(
        &self,
        py: Python<'_>,
        position: Option<&Bound<'_, PyAny>>,
        filters: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        let (query, _) = query_of(py, position, filters)?;
        py.detach(|| self.0.count(&query)).map_err(|error| dataset_error(py, error))
    }

    #[pyo3(signature = (positions, out, **filters))]
    fn count_each(
        &self,
        py: Python<'_>,
        positions: &Bound<'_, PyAny>,
        mut out: PyBuffer<u64>,
        filters: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let (query, _) = query_of(py, Some(positions), filters)?;
        let out = results(&mut out, query.keys.as_ref().map_or(0, Vec::len))?;
        let counted = py.detach(|| self.0.count_each(&query));
        out.copy_from_slice(&counted.map_err(|error| dataset_error(py, error))?);
        Ok(())
    }

    #[pyo3(signature = (position, **filters))]
    fn moves(
        &self,
        py: Python<'_>,
        position: &Bound<'_, PyAny>,
        filters: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<ArrowStream> {
        let (query, _) = query_of(py, Some(position), filters)?;
        let found = py.detach(|| self.0.moves(&query));
        stream(py, found)
    }

    #[pyo3(signature = (other, *, details = false, **filters))]
    fn also_in(
        &self,
        py: Python<'_>,
        other: &Bound<'_, PyAny>,
        details: bool,
        filters: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<ArrowStream> {
        let (query, _) = query_of(py, None, filters)?;
        let other = Compared::of(py, other)?;
        let found = py.detach(|| self.0.also_in(&other.as_other(), &query, details));
        stream(py, found)
    }

    #[pyo3(signature = (other, **filters))]
    fn count_also_in(
        &self,
        py: Python<'_>,
        other: &Bound<'_, PyAny>,
        filters: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        let (query, _) = query_of(py, None, filters)?;
        let other = Compared::of(py, other)?;
        let found = py.detach(|| self.0.count_also_in(&other.as_other(), &query));
        found.map_err(|error| dataset_error(py, error))
    }

    fn game(&self, py: Python<'_>, id: u64) -> PyResult<Option<ArrowStream>> {
        let found = py.detach(|| self.0.game(id)).map_err(|error| dataset_error(py, error))?;
        Ok(found.map(ArrowStream::new))
    }
}

/// What an index is compared with: another one, or the training set at a path.
enum Compared {
    Dataset(Py<Index>),
    TrainingSet(Box<TrainingSet>),
}

impl Compared {
    fn of(py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Compared> {
        if let Ok(index) = other.cast::<Index>() {
            return Ok(Compared::Dataset(index.clone().unbind()));
        }
        let path: PathBuf = other.extract()?;
        let opened = py.detach(|| TrainingSet::open(&path));
        let set = opened.map_err(|error| dataset_error(py, error))?;
        Ok(Compared::TrainingSet(Box::new(set)))
    }

    fn as_other(&self) -> Other<'_> {
        match self {
            Compared::Dataset(index) => Other::Dataset(&index.get().0),
            Compared::TrainingSet(set) => Other::TrainingSet(set),
        }
    }
}

fn stream(py: Python<'_>, found: maou_io::Result<maou_index::Columns>) -> PyResult<ArrowStream> {
    let columns = found.map_err(|error| dataset_error(py, error))?;
    Ok(ArrowStream::new(maou_io::ArrowStream::of_columns(columns)))
}
