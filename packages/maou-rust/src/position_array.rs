//! Arrays of positions, and what networks take of them: results go into buffers that Python made.

use std::ffi::{CStr, c_int, c_void};
use std::ptr::NonNull;

use maou_io::{GamesColumns, PositionColumn};
use maou_shogi::batch::{self, GameError, Hcp, RowError, RowProblem};
use maou_shogi::{
    N_DLSHOGI_PLANES_1, N_DLSHOGI_PLANES_2, N_HAND_COUNTS, N_LABELS_2187, N_PIECE_IDS,
    PolicyScheme, Position,
};
use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyCapsule};

use crate::board::Board;
use crate::error::record_error;

/// Positions as rows of 32 bytes HCP, each of them checked.
#[pyclass(frozen, module = "maou_rust.maou_shogi")]
pub(crate) struct Positions(PositionColumn);

const SCHEMA: &CStr = PositionColumn::CAPSULE_NAMES[0];
const ARRAY: &CStr = PositionColumn::CAPSULE_NAMES[1];
const STREAM: &CStr = PositionColumn::CAPSULE_NAMES[2];

/// The word for what is wrong with a row, as of errors in records.
fn kind_of(problem: &RowProblem) -> &'static str {
    match problem {
        RowProblem::Hcp(_) => "hcp",
        RowProblem::Sfen(..) => "sfen",
        RowProblem::NotALabel(..) | RowProblem::NoLabel(..) => "label",
        _ => "illegal_move",
    }
}

fn row_error(py: Python<'_>, error: &RowError) -> PyErr {
    record_error(py, None, 0, 0, kind_of(&error.problem), &error.to_string())
}

fn game_error(py: Python<'_>, error: &GameError) -> PyErr {
    record_error(py, None, 0, 0, "illegal_move", &error.to_string())
}

fn scheme_of(n_labels: usize) -> PyResult<PolicyScheme> {
    PolicyScheme::from_n_labels(n_labels).ok_or_else(|| {
        PyValueError::new_err(format!("scheme: expected 2187 or 1496, found `{n_labels}`"))
    })
}

/// The numbers of a buffer, to be read while the GIL is free.
pub(crate) fn numbers<T: Element>(buffer: &PyBuffer<T>) -> PyResult<&[T]> {
    let numbers = buffer
        .as_slice_ptr()
        .ok_or_else(|| PyBufferError::new_err("expected numbers one after the other in memory"))?;
    // SAFETY: the buffer is held, its numbers are of this type, and whoever changes them while
    // they are read breaks the promise that the caller's documentation asks for.
    Ok(unsafe { numbers.as_ref() })
}

/// The numbers of a buffer for `n` results, to be written while the GIL is free.
pub(crate) fn results<T: Element>(buffer: &mut PyBuffer<T>, n: usize) -> PyResult<&mut [T]> {
    let numbers = buffer.as_slice_ptr().filter(|_| !buffer.readonly());
    let mut numbers = numbers.filter(|numbers| numbers.len() == n).ok_or_else(|| {
        PyBufferError::new_err(format!("expected a writable buffer of {n} numbers in a row"))
    })?;
    // SAFETY: as of `numbers`; the buffer may be written to, and is borrowed for as long.
    Ok(unsafe { numbers.as_mut() })
}

fn rows_of(buffer: &PyBuffer<u8>, width: usize) -> PyResult<&[u8]> {
    let bytes = numbers(buffer)?;
    if bytes.len().is_multiple_of(width) {
        return Ok(bytes);
    }
    let message = format!("expected a multiple of {width} bytes, found {}", bytes.len());
    Err(PyValueError::new_err(message))
}

impl Positions {
    /// Rows that are checked here, and written anew if others write them otherwise.
    fn checked(py: Python<'_>, column: PositionColumn, threads: usize) -> PyResult<Positions> {
        py.detach(|| {
            if batch::check(column.rows(), threads)? {
                return Ok(Positions(column));
            }
            Positions::made(column.rows().len(), |rows| {
                batch::canonical(column.rows(), rows, threads)
            })
        })
        .map_err(|error| row_error(py, &error))
    }

    /// Rows that the library makes.
    fn made(
        n: usize,
        make: impl FnOnce(&mut [Hcp]) -> Result<(), RowError>,
    ) -> Result<Positions, RowError> {
        let mut rows = vec![[0; 32]; n];
        make(&mut rows)?;
        Ok(Positions(PositionColumn::new(rows)))
    }

    fn n(&self) -> usize {
        self.0.rows().len()
    }

    /// Calls the library without the GIL, with the buffer for the results.
    fn fill<T: Element + Send>(
        &self,
        py: Python<'_>,
        mut out: PyBuffer<T>,
        width: usize,
        work: impl FnOnce(&[Hcp], &mut [T]) -> Result<(), RowError> + Send,
    ) -> PyResult<()> {
        let out = results(&mut out, width * self.n())?;
        py.detach(|| work(self.0.rows(), out)).map_err(|error| row_error(py, &error))
    }
}

#[pymethods]
impl Positions {
    #[staticmethod]
    fn from_hcp(py: Python<'_>, data: PyBuffer<u8>, threads: usize) -> PyResult<Positions> {
        let rows = rows_of(&data, 32)?.as_chunks().0.to_vec();
        Positions::checked(py, PositionColumn::new(rows), threads)
    }

    #[staticmethod]
    fn from_packed_sfens(
        py: Python<'_>,
        data: PyBuffer<u8>,
        threads: usize,
    ) -> PyResult<Positions> {
        let rows = rows_of(&data, 32)?.as_chunks().0;
        py.detach(|| {
            Positions::made(rows.len(), |out| batch::from_packed_sfens(rows, out, threads))
        })
        .map_err(|error| row_error(py, &error))
    }

    #[staticmethod]
    fn from_sfens(py: Python<'_>, sfens: Vec<String>, threads: usize) -> PyResult<Positions> {
        py.detach(|| Positions::made(sfens.len(), |out| batch::from_sfens(&sfens, out, threads)))
            .map_err(|error| row_error(py, &error))
    }

    /// From an Arrow column of HCP, or of PackedSfen if `is_packed`.
    #[staticmethod]
    fn from_arrow(
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        is_packed: bool,
        threads: usize,
    ) -> PyResult<Positions> {
        let column = column_of(source)?.map_err(PyValueError::new_err)?;
        if !is_packed {
            return Positions::checked(py, column, threads);
        }
        let rows = column.rows();
        py.detach(|| {
            Positions::made(rows.len(), |out| batch::from_packed_sfens(rows, out, threads))
        })
        .map_err(|error| row_error(py, &error))
    }

    #[staticmethod]
    fn replay<'py>(
        py: Python<'py>,
        games: Vec<(String, Vec<u16>)>,
        threads: usize,
    ) -> PyResult<Replayed<'py>> {
        let games: Vec<batch::Moves<'_>> =
            games.iter().map(|(start, moves)| (start.as_str(), &moves[..])).collect();
        replayed(py, py.detach(|| batch::replay(&games, threads)))
    }

    #[staticmethod]
    fn replay_arrow<'py>(
        py: Python<'py>,
        source: &Bound<'py, PyAny>,
        threads: usize,
    ) -> PyResult<Replayed<'py>> {
        let capsule = source.call_method0("__arrow_c_stream__")?.cast_into::<PyCapsule>()?;
        let stream = capsule.pointer_checked(Some(STREAM))?.as_ptr();
        // SAFETY: the name of the capsule says what it holds.
        let games = unsafe { GamesColumns::from_raw_stream(stream) };
        let games = games.map_err(PyValueError::new_err)?;
        replayed(py, py.detach(|| batch::replay(&games.games(), threads)))
    }

    #[staticmethod]
    fn from_boards(py: Python<'_>, boards: Vec<PyRef<'_, Board>>) -> PyResult<Positions> {
        let row = |(row, board): (usize, &PyRef<'_, Board>)| {
            let hcp = board.ask(py, Position::to_hcp);
            hcp.map_err(|error| row_error(py, &RowError { row, problem: RowProblem::Hcp(error) }))
        };
        let rows: Vec<Hcp> = boards.iter().enumerate().map(row).collect::<PyResult<_>>()?;
        Ok(Positions(PositionColumn::new(rows)))
    }

    fn board(&self, py: Python<'_>, row: usize) -> PyResult<Board> {
        let position = Position::from_hcp(&self.0.rows()[row]);
        let position = position
            .map_err(|error| row_error(py, &RowError { row, problem: RowProblem::Hcp(error) }))?;
        Ok(Board::from_position(position))
    }

    #[staticmethod]
    fn concat(arrays: Vec<PyRef<'_, Positions>>) -> Positions {
        let columns: Vec<_> = arrays.iter().map(|array| &array.0).collect();
        Positions(PositionColumn::concat(&columns))
    }

    fn __len__(&self) -> usize {
        self.n()
    }

    fn slice(&self, start: usize, stop: usize) -> Positions {
        Positions(self.0.slice(start..stop))
    }

    fn take(&self, numbers: PyBuffer<u64>) -> PyResult<Positions> {
        let numbers: Vec<usize> =
            self::numbers(&numbers)?.iter().map(|number| *number as usize).collect();
        Ok(Positions(self.0.take(&numbers)))
    }

    fn equals(&self, other: &Positions) -> bool {
        self.0.rows() == other.0.rows()
    }

    fn flip(&self, py: Python<'_>, threads: usize) -> PyResult<Positions> {
        let rows = self.0.rows();
        py.detach(|| Positions::made(rows.len(), |out| batch::flip(rows, out, threads)))
            .map_err(|error| row_error(py, &error))
    }

    fn sfens(&self, py: Python<'_>, threads: usize) -> PyResult<Vec<String>> {
        let mut texts = vec![String::new(); self.n()];
        py.detach(|| batch::sfens(self.0.rows(), &mut texts, threads))
            .map_err(|error| row_error(py, &error))?;
        Ok(texts)
    }

    fn packed_sfens(&self, py: Python<'_>, out: PyBuffer<u8>, threads: usize) -> PyResult<()> {
        self.fill(py, out, 32, |rows, out| {
            batch::packed_sfens(rows, out.as_chunks_mut().0, threads)
        })
    }

    fn keys(&self, py: Python<'_>, out: PyBuffer<u64>, threads: usize) -> PyResult<()> {
        self.fill(py, out, 1, |rows, out| batch::keys(rows, out, threads))
    }

    fn turns(&self, py: Python<'_>, out: PyBuffer<u8>, threads: usize) -> PyResult<()> {
        self.fill(py, out, 1, |rows, out| batch::turns(rows, out, threads))
    }

    fn in_check(&self, py: Python<'_>, out: PyBuffer<u8>, threads: usize) -> PyResult<()> {
        self.fill(py, out, 1, |rows, out| batch::in_check(rows, out, threads))
    }

    fn piece_ids(&self, py: Python<'_>, out: PyBuffer<u8>, threads: usize) -> PyResult<()> {
        self.fill(py, out, N_PIECE_IDS, |rows, out| batch::piece_ids(rows, out, threads))
    }

    fn hands(&self, py: Python<'_>, out: PyBuffer<u8>, threads: usize) -> PyResult<()> {
        self.fill(py, out, N_HAND_COUNTS, |rows, out| batch::hands(rows, out, threads))
    }

    fn compact(
        &self,
        py: Python<'_>,
        piece_ids: PyBuffer<u8>,
        mut hands: PyBuffer<u8>,
        threads: usize,
    ) -> PyResult<()> {
        let hands = results(&mut hands, N_HAND_COUNTS * self.n())?;
        self.fill(py, piece_ids, N_PIECE_IDS, |rows, ids| batch::compact(rows, ids, hands, threads))
    }

    fn dlshogi(
        &self,
        py: Python<'_>,
        features1: PyBuffer<f32>,
        mut features2: PyBuffer<f32>,
        threads: usize,
    ) -> PyResult<()> {
        let second = results(&mut features2, 81 * N_DLSHOGI_PLANES_2 * self.n())?;
        self.fill(py, features1, 81 * N_DLSHOGI_PLANES_1, |rows, first| {
            batch::dlshogi(rows, first, second, threads)
        })
    }

    fn legal_masks(
        &self,
        py: Python<'_>,
        n_labels: usize,
        out: PyBuffer<u8>,
        threads: usize,
    ) -> PyResult<()> {
        let scheme = scheme_of(n_labels)?;
        self.fill(py, out, n_labels, |rows, out| batch::legal_masks(rows, scheme, out, threads))
    }

    fn labels(
        &self,
        py: Python<'_>,
        moves: PyBuffer<u16>,
        n_labels: usize,
        is_legal_only: bool,
        out: PyBuffer<i64>,
        threads: usize,
    ) -> PyResult<()> {
        let (scheme, moves) = (scheme_of(n_labels)?, numbers(&moves)?);
        self.fill(py, out, 1, |rows, out| {
            batch::labels(rows, moves, scheme, is_legal_only, out, threads)
        })
    }

    fn moves(
        &self,
        py: Python<'_>,
        labels: PyBuffer<i64>,
        n_labels: usize,
        out: PyBuffer<u16>,
        threads: usize,
    ) -> PyResult<()> {
        let (scheme, labels) = (scheme_of(n_labels)?, numbers(&labels)?);
        self.fill(py, out, 1, |rows, out| batch::moves(rows, labels, scheme, out, threads))
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        let as_binary = match requested_schema {
            Some(schema) => {
                let schema = schema.pointer_checked(Some(SCHEMA))?.as_ptr();
                // SAFETY: the name of the capsule says what it holds.
                unsafe { PositionColumn::wants_binary(schema) }
            }
            None => false,
        };
        let (schema, array) = self.0.clone().into_raw(as_binary);
        let capsule = |raw: *mut c_void, name, release| {
            let raw = NonNull::new(raw).expect("the address of a box");
            // SAFETY: the pointer is what the name promises, and `release` frees it once.
            unsafe { PyCapsule::new_with_pointer_and_destructor(py, raw, name, Some(release)) }
        };
        Ok((capsule(schema, SCHEMA, release_schema)?, capsule(array, ARRAY, release_array)?))
    }

    /// The rows as bytes in two dimensions, which nobody may change.
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let bytes = slf.get().0.rows().as_flattened();
        // SAFETY: Python gives a buffer to be filled. The rows never change, and live as long as
        // the object, to which the buffer holds a reference.
        let status = unsafe {
            let start = bytes.as_ptr().cast_mut().cast();
            let n = bytes.len() as ffi::Py_ssize_t;
            ffi::PyBuffer_FillInfo(view, slf.as_ptr(), start, n, 1, flags)
        };
        if status == 0 { Ok(()) } else { Err(PyErr::fetch(slf.py())) }
    }
}

/// Positions, and bytes of numbers: games (u32), plies (u32) and moves (u16).
type Replayed<'py> =
    (Positions, Bound<'py, PyByteArray>, Bound<'py, PyByteArray>, Bound<'py, PyByteArray>);

fn replayed<'py>(
    py: Python<'py>,
    found: Result<batch::Replayed, GameError>,
) -> PyResult<Replayed<'py>> {
    let found = found.map_err(|error| game_error(py, &error))?;
    let bytes_32 = |numbers: &[u32]| {
        let bytes: Vec<[u8; 4]> = numbers.iter().map(|number| number.to_ne_bytes()).collect();
        PyByteArray::new(py, bytes.as_flattened())
    };
    let moves: Vec<[u8; 2]> = found.moves.iter().map(|mv| mv.to_ne_bytes()).collect();
    Ok((
        Positions(PositionColumn::new(found.rows)),
        bytes_32(&found.game_idx),
        bytes_32(&found.plies),
        PyByteArray::new(py, moves.as_flattened()),
    ))
}

/// The column of an object that speaks the Arrow PyCapsule interface.
fn column_of(source: &Bound<'_, PyAny>) -> PyResult<Result<PositionColumn, String>> {
    if source.hasattr("__arrow_c_array__")? {
        let capsules = source.call_method0("__arrow_c_array__")?;
        let (schema, array) = capsules.extract::<(Bound<'_, PyCapsule>, Bound<'_, PyCapsule>)>()?;
        let schema = schema.pointer_checked(Some(SCHEMA))?.as_ptr();
        let array = array.pointer_checked(Some(ARRAY))?.as_ptr();
        // SAFETY: the names of the capsules say what they hold.
        return Ok(unsafe { PositionColumn::from_raw_array(schema, array) });
    }
    let capsule = source.call_method0("__arrow_c_stream__")?.cast_into::<PyCapsule>()?;
    let stream = capsule.pointer_checked(Some(STREAM))?.as_ptr();
    // SAFETY: the name of the capsule says what it holds.
    Ok(unsafe { PositionColumn::from_raw_stream(stream) })
}

/// Frees the schema in a capsule made by `__arrow_c_array__`.
unsafe extern "C" fn release_schema(capsule: *mut ffi::PyObject) {
    // SAFETY: Python calls this with the capsule, once; it still holds the pointer given to it.
    unsafe {
        let raw = ffi::PyCapsule_GetPointer(capsule, SCHEMA.as_ptr());
        if !raw.is_null() {
            PositionColumn::drop_raw_schema(raw);
        }
    }
}

/// Frees the array in a capsule made by `__arrow_c_array__`.
unsafe extern "C" fn release_array(capsule: *mut ffi::PyObject) {
    // SAFETY: as of `release_schema`.
    unsafe {
        let raw = ffi::PyCapsule_GetPointer(capsule, ARRAY.as_ptr());
        if !raw.is_null() {
            PositionColumn::drop_raw_array(raw);
        }
    }
}

/// The class among 1,496 of each class among 2,187, -1 where there is none.
#[pyfunction]
pub(crate) fn narrow_labels() -> Vec<i16> {
    let narrow = |label| PolicyScheme::Labels1496.from_label_2187(label);
    (0..N_LABELS_2187).map(|label| narrow(label).map_or(-1, |found| found as i16)).collect()
}
