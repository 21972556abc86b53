//! Columns of positions, 32 bytes each, and of games, from and to other libraries in the same
//! process: the Arrow C data and stream interfaces
//! (<https://arrow.apache.org/docs/format/CDataInterface.html>).

use std::ffi::{CStr, c_void};
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow_array::ffi_stream::{ArrayStreamReader, FFI_ArrowArrayStream};
use arrow_array::types::{UInt8Type, UInt16Type};
use arrow_array::{
    Array, ArrayRef, FixedSizeBinaryArray, FixedSizeListArray, LargeListArray, LargeStringArray,
    PrimitiveArray, make_array,
};
use arrow_buffer::{Buffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field};
use maou_shogi::Setup;
use maou_shogi::batch::{Hcp, Moves};

use crate::normalize;
use crate::schema::list_item;

/// The bytes of a position.
const WIDTH: usize = 32;

/// Positions in one piece of memory, which several columns can share and nobody changes.
#[derive(Clone, Debug)]
pub struct PositionColumn {
    bytes: Buffer,
}

impl PositionColumn {
    /// A column that owns its rows.
    pub fn new(rows: Vec<Hcp>) -> PositionColumn {
        PositionColumn { bytes: Buffer::from_vec(rows.into_flattened()) }
    }

    /// The rows.
    #[inline]
    pub fn rows(&self) -> &[Hcp] {
        self.bytes.as_slice().as_chunks().0
    }

    /// Some of the rows, in the same memory.
    ///
    /// # Panics
    ///
    /// If the column has not all of these rows.
    pub fn slice(&self, range: Range<usize>) -> PositionColumn {
        let bytes = self.bytes.slice_with_length(range.start * WIDTH, range.len() * WIDTH);
        PositionColumn { bytes }
    }

    /// The rows with these numbers.
    ///
    /// # Panics
    ///
    /// If the column has not all of these rows.
    pub fn take(&self, numbers: &[usize]) -> PositionColumn {
        let rows = self.rows();
        PositionColumn::new(numbers.iter().map(|&number| rows[number]).collect())
    }

    /// The rows of several columns, one after the other.
    pub fn concat(columns: &[&PositionColumn]) -> PositionColumn {
        match columns {
            [column] => (*column).clone(),
            _ => PositionColumn::new(columns.iter().flat_map(|c| c.rows()).copied().collect()),
        }
    }

    /// The column of an array: of its memory, if its rows lie one after the other there.
    ///
    /// # Safety
    ///
    /// The pointers must be those of a valid `struct ArrowSchema` and a valid `struct ArrowArray`
    /// that belong together. The array is moved away; the schema stays its owner's.
    ///
    /// # Errors
    ///
    /// If the array holds other things, or a row is null.
    pub unsafe fn from_raw_array(
        schema: *mut c_void,
        array: *mut c_void,
    ) -> Result<PositionColumn, String> {
        // SAFETY: promised by the caller.
        let array = unsafe { array_of(schema, array)? };
        column(&array, 0)
    }

    /// The column of a stream: of the memory of its array, if there is but one.
    ///
    /// # Safety
    ///
    /// The pointer must be that of a valid `struct ArrowArrayStream`, which is moved away.
    ///
    /// # Errors
    ///
    /// If the stream fails or holds other things, or a row is null.
    pub unsafe fn from_raw_stream(stream: *mut c_void) -> Result<PositionColumn, String> {
        let mut columns = Vec::new();
        let mut n_rows = 0;
        // SAFETY: promised by the caller.
        for array in unsafe { arrays_of(stream)? } {
            let found = column(&array?, n_rows)?;
            n_rows += found.rows().len();
            columns.push(found);
        }
        Ok(PositionColumn::concat(&columns.iter().collect::<Vec<_>>()))
    }

    /// The column as an array of the same memory, and the array's schema: fixed-size lists of
    /// bytes, as in the table of loose positions, or fixed-size binaries. The caller owns both and
    /// gives them back to [`drop_raw`](PositionColumn::drop_raw).
    pub fn into_raw(self, as_binary: bool) -> (*mut c_void, *mut c_void) {
        let n_rows = self.rows().len();
        let array: ArrayRef = if as_binary {
            let values =
                FixedSizeBinaryArray::try_new_with_len(WIDTH as i32, self.bytes, None, n_rows);
            Arc::new(values.expect("rows of this width"))
        } else {
            let values = PrimitiveArray::<UInt8Type>::new(ScalarBuffer::from(self.bytes), None);
            let item = Arc::new(list_item(DataType::UInt8, false));
            Arc::new(FixedSizeListArray::new(item, WIDTH as i32, Arc::new(values), None))
        };
        let field = Field::new("position", array.data_type().clone(), false);
        let schema = FFI_ArrowSchema::try_from(&field).expect("a schema of C's interface");
        let array = FFI_ArrowArray::new(&array.to_data());
        (Box::into_raw(Box::new(schema)).cast(), Box::into_raw(Box::new(array)).cast())
    }

    /// Whether a consumer who asks for this type asks for fixed-size binaries.
    ///
    /// # Safety
    ///
    /// The pointer must be that of a valid `struct ArrowSchema`.
    pub unsafe fn wants_binary(schema: *const c_void) -> bool {
        // SAFETY: promised by the caller.
        let schema = unsafe { &*schema.cast::<FFI_ArrowSchema>() };
        matches!(DataType::try_from(schema), Ok(DataType::FixedSizeBinary(_)))
    }

    /// The names of the capsules of a schema, an array and a stream in the Arrow PyCapsule
    /// interface.
    pub const CAPSULE_NAMES: [&'static CStr; 3] =
        [c"arrow_schema", c"arrow_array", c"arrow_array_stream"];

    /// Releases a schema, unless its consumer has done so, and frees the memory.
    ///
    /// # Safety
    ///
    /// The pointer must come from [`into_raw`](PositionColumn::into_raw), and is not used again.
    pub unsafe fn drop_raw_schema(schema: *mut c_void) {
        // SAFETY: promised by the caller.
        drop(unsafe { Box::from_raw(schema.cast::<FFI_ArrowSchema>()) });
    }

    /// Releases an array, unless its consumer has done so, and frees the memory.
    ///
    /// # Safety
    ///
    /// The pointer must come from [`into_raw`](PositionColumn::into_raw), and is not used again.
    pub unsafe fn drop_raw_array(array: *mut c_void) {
        // SAFETY: promised by the caller.
        drop(unsafe { Box::from_raw(array.cast::<FFI_ArrowArray>()) });
    }
}

/// # Safety
///
/// As of [`PositionColumn::from_raw_array`].
unsafe fn array_of(schema: *mut c_void, array: *mut c_void) -> Result<ArrayRef, String> {
    // SAFETY: promised by the caller; moving the array away marks it as released.
    let data = unsafe {
        let schema = &*schema.cast::<FFI_ArrowSchema>();
        from_ffi(FFI_ArrowArray::from_raw(array.cast()), schema)
    };
    data.map(make_array).map_err(|error| error.to_string())
}

/// # Safety
///
/// As of [`PositionColumn::from_raw_stream`].
pub(crate) unsafe fn arrays_of(
    stream: *mut c_void,
) -> Result<impl Iterator<Item = Result<ArrayRef, String>>, String> {
    let text = |error: ArrowError| error.to_string();
    // SAFETY: promised by the caller.
    let reader = unsafe { ArrayStreamReader::from_raw(stream.cast::<FFI_ArrowArrayStream>()) };
    Ok(reader.map_err(text)?.map(move |array| array.map_err(text)))
}

/// The positions in an array, whose first row has the number `first_row`.
fn column(array: &ArrayRef, first_row: usize) -> Result<PositionColumn, String> {
    if let Some(row) = (0..array.len()).find(|row| array.is_null(*row)) {
        return Err(format!("row {}: expected a position, found null", first_row + row));
    }
    let range = |offset: usize| offset * WIDTH..(offset + array.len()) * WIDTH;
    let shared = |bytes: &Buffer, range: Range<usize>| PositionColumn {
        bytes: bytes.slice_with_length(range.start, range.len()),
    };
    match array.data_type() {
        DataType::FixedSizeBinary(32) => {
            let values = array.as_fixed_size_binary();
            // The values of a slice begin with those of its first row.
            Ok(shared(values.values(), range(0)))
        }
        DataType::FixedSizeList(item, 32) if item.data_type() == &DataType::UInt8 => {
            let lists = array.as_fixed_size_list();
            let values = lists.values().as_primitive::<UInt8Type>();
            let range = range(lists.value_offset_at(0) / WIDTH);
            if let Some(at) = range.clone().find(|at| values.is_null(*at)) {
                let row = first_row + (at - range.start) / WIDTH;
                return Err(format!("row {row}: expected 32 bytes, found null among them"));
            }
            Ok(shared(values.values().inner(), range))
        }
        DataType::Binary => gather(array.as_binary::<i32>().iter(), first_row),
        DataType::LargeBinary => gather(array.as_binary::<i64>().iter(), first_row),
        DataType::BinaryView => gather(array.as_binary_view().iter(), first_row),
        DataType::Null if array.is_empty() => Ok(PositionColumn::new(Vec::new())),
        found => Err(format!(
            "expected a column of 32 bytes a row (FixedSizeBinary, FixedSizeList of UInt8 or \
             Binary), found {found}"
        )),
    }
}

fn gather<'a>(
    values: impl Iterator<Item = Option<&'a [u8]>>,
    first_row: usize,
) -> Result<PositionColumn, String> {
    let rows = values.enumerate().map(|(row, value)| {
        let value = value.unwrap_or_default();
        value.try_into().map_err(|_| {
            format!("row {}: expected 32 bytes, found {}", first_row + row, value.len())
        })
    });
    Ok(PositionColumn::new(rows.collect::<Result<_, String>>()?))
}

/// Starts and moves of games, as in the games table.
#[derive(Debug)]
pub struct GamesColumns {
    start: String,
    batches: Vec<(Option<LargeStringArray>, LargeListArray)>,
}

impl GamesColumns {
    /// The games of a stream of tables with a column `moves`, and `start` unless all games begin
    /// as usual.
    ///
    /// # Safety
    ///
    /// The pointer must be that of a valid `struct ArrowArrayStream`, which is moved away.
    ///
    /// # Errors
    ///
    /// If the stream fails or holds other things.
    pub unsafe fn from_raw_stream(stream: *mut c_void) -> Result<GamesColumns, String> {
        let start = Setup::startpos().to_sfen();
        let mut batches = Vec::new();
        // SAFETY: promised by the caller.
        for array in unsafe { arrays_of(stream)? } {
            let array = array?;
            let table = array.as_struct_opt().ok_or_else(|| {
                let found = array.data_type();
                format!("expected a table with the columns `start` and `moves`, found {found}")
            })?;
            let moves = table.column_by_name("moves").ok_or_else(|| {
                let names = table.column_names().join("`, `");
                format!("expected the columns `start` and `moves`, found `{names}`")
            })?;
            let moves =
                normalize::moves(moves).map_err(|error| format!("column `moves`: {error}"))?;
            let starts = table
                .column_by_name("start")
                .map(|starts| normalize::texts(starts, Some(&start)))
                .transpose()
                .map_err(|error| format!("column `start`: {error}"))?;
            batches.push((starts, moves));
        }
        Ok(GamesColumns { start, batches })
    }

    /// The games, one after the other.
    pub fn games(&self) -> Vec<Moves<'_>> {
        let mut games = Vec::new();
        for (starts, moves) in &self.batches {
            let values = moves.values().as_primitive::<UInt16Type>().values();
            let offsets = moves.value_offsets();
            for row in 0..moves.len() {
                let start = starts.as_ref().map_or(self.start.as_str(), |starts| starts.value(row));
                games.push((start, &values[offsets[row] as usize..offsets[row + 1] as usize]));
            }
        }
        games
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use maou_shogi::Position;

    fn rows() -> Vec<Hcp> {
        let start = Position::startpos();
        let hcp = |position: &Position| position.to_hcp().unwrap();
        vec![hcp(&start), hcp(&start.flipped()), hcp(&start), hcp(&start.flipped())]
    }

    /// Out and in again.
    fn through(column: &PositionColumn, as_binary: bool) -> PositionColumn {
        let (schema, array) = column.clone().into_raw(as_binary);
        // SAFETY: they come from `into_raw`, and are used once.
        unsafe {
            assert_eq!(PositionColumn::wants_binary(schema), as_binary);
            let again = PositionColumn::from_raw_array(schema, array).unwrap();
            PositionColumn::drop_raw_schema(schema);
            PositionColumn::drop_raw_array(array);
            again
        }
    }

    #[test]
    fn a_column_goes_out_and_in_without_a_copy() {
        let column = PositionColumn::new(rows());
        for as_binary in [false, true] {
            let again = through(&column, as_binary);
            assert_eq!(again.rows(), column.rows());
            assert_eq!(again.rows().as_ptr(), column.rows().as_ptr());
            let slice = through(&column.slice(1..3), as_binary);
            assert_eq!(slice.rows(), &rows()[1..3]);
            assert_eq!(slice.rows().as_ptr(), column.rows()[1..].as_ptr());
            assert!(through(&column.slice(4..4), as_binary).rows().is_empty());
        }
        assert_eq!(column.take(&[3, 0]).rows(), [rows()[3], rows()[0]]);
        let twice = PositionColumn::concat(&[&column.slice(2..4), &column.slice(0..1)]);
        assert_eq!(twice.rows(), [rows()[2], rows()[3], rows()[0]]);
    }

    #[test]
    fn slices_of_arrays_and_other_types_are_read_and_nulls_are_named() {
        let found = |array: ArrayRef| column(&array, 10).map(|column| column.rows().to_vec());
        let binary: FixedSizeBinaryArray =
            FixedSizeBinaryArray::try_from_iter(rows().into_iter()).unwrap();
        assert_eq!(found(Arc::new(binary.slice(1, 2))), Ok(rows()[1..3].to_vec()));
        let lists = FixedSizeListArray::from_iter_primitive::<UInt8Type, _, _>(
            rows().into_iter().map(|row| Some(row.map(Some))),
            32,
        );
        assert_eq!(found(Arc::new(lists.slice(1, 2))), Ok(rows()[1..3].to_vec()));
        let views = arrow_array::BinaryViewArray::from_iter_values(rows());
        assert_eq!(found(Arc::new(views)), Ok(rows()));
        let short = arrow_array::BinaryArray::from_iter_values([&rows()[0][..], &[1, 2]]);
        assert_eq!(found(Arc::new(short)), Err("row 11: expected 32 bytes, found 2".to_owned()));
        let null = arrow_array::LargeBinaryArray::from_iter([Some(rows()[0]), None]);
        let message = "row 11: expected a position, found null".to_owned();
        assert_eq!(found(Arc::new(null)), Err(message));
        let lists = FixedSizeListArray::from_iter_primitive::<UInt8Type, _, _>(
            [Some(rows()[0].map(Some)), Some([None; 32])],
            32,
        );
        let message = "row 11: expected 32 bytes, found null among them".to_owned();
        assert_eq!(found(Arc::new(lists)), Err(message));
        let error = found(Arc::new(arrow_array::Int32Array::from(vec![1]))).unwrap_err();
        assert!(error.ends_with("found Int32"), "{error}");
    }
}
