//! Handing tables over to other libraries in the same process, without a copy: the Arrow C stream
//! interface (<https://arrow.apache.org/docs/format/CStreamInterface.html>).

use std::collections::VecDeque;
use std::ffi::c_void;
use std::sync::Arc;

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::types::UInt64Type;
use arrow_array::{PrimitiveArray, RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use crate::dataset::{Dataset, GamesFile};
use crate::error::{Error, Result};
use crate::ipc::IpcFile;
use crate::schema::positions_schema;
use crate::search_columns::widen;

/// A stream of record batches behind the C interface, whose layout anybody may read.
///
/// A Python binding puts the pointer of [`ArrowStream::into_raw`] into a capsule named
/// [`ArrowStream::CAPSULE_NAME`], and calls [`ArrowStream::drop_raw`] when the capsule goes.
pub struct ArrowStream {
    reader: Box<dyn RecordBatchReader + Send>,
}

impl ArrowStream {
    /// The name that the Arrow PyCapsule interface gives to such a capsule.
    pub const CAPSULE_NAME: &'static std::ffi::CStr = c"arrow_array_stream";

    pub(crate) fn new(reader: Box<dyn RecordBatchReader + Send>) -> ArrowStream {
        ArrowStream { reader }
    }

    #[cfg(test)]
    pub(crate) fn reader(&mut self) -> &mut dyn RecordBatchReader {
        &mut *self.reader
    }

    /// A stream of no batches.
    pub(crate) fn empty(schema: SchemaRef) -> ArrowStream {
        ArrowStream::new(Box::new(RecordBatchIterator::new([], schema)))
    }

    /// A stream of no batches with the same columns.
    pub fn without_rows(&self) -> ArrowStream {
        ArrowStream::empty(self.reader.schema())
    }

    /// The next batch, as a stream of its own.
    ///
    /// # Errors
    ///
    /// If the data cannot be read.
    pub fn next_batch(&mut self) -> Result<Option<ArrowStream>> {
        let Some(batch) = self.reader.next() else { return Ok(None) };
        let batch = batch.map_err(|error| match error {
            ArrowError::ExternalError(error) => error
                .downcast::<Error>()
                .map_or_else(|error| Error::corrupt("the stream", error), |error| *error),
            error => Error::corrupt("the stream", error),
        })?;
        let schema = batch.schema();
        Ok(Some(ArrowStream::new(Box::new(RecordBatchIterator::new([Ok(batch)], schema)))))
    }

    /// The address of a `struct ArrowArrayStream` that the caller owns from here on.
    pub fn into_raw(self) -> *mut c_void {
        Box::into_raw(Box::new(FFI_ArrowArrayStream::new(self.reader))).cast()
    }

    /// Releases the stream, unless its consumer has done so, and frees the memory.
    ///
    /// # Safety
    ///
    /// `raw` must come from [`ArrowStream::into_raw`] and must not be used afterwards.
    pub unsafe fn drop_raw(raw: *mut c_void) {
        // SAFETY: the caller hands back what `into_raw` gave. A consumer that moved the stream
        // away has set its release callback to null, which dropping respects.
        drop(unsafe { Box::from_raw(raw.cast::<FFI_ArrowArrayStream>()) });
    }
}

impl std::fmt::Debug for ArrowStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArrowStream").finish_non_exhaustive()
    }
}

/// Reads files of a table one batch at a time.
struct TableReader {
    schema: SchemaRef,
    /// The columns of the whole table; a games file may lack the last of them.
    all: SchemaRef,
    projection: Option<Vec<usize>>,
    files: VecDeque<GamesFile>,
    current: Option<(IpcFile, usize)>,
}

impl TableReader {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some((file, index)) = &mut self.current
                && *index < file.n_batches()
            {
                let n_columns = file.schema().fields().len();
                let projection = self.projection.as_deref();
                let batch = if n_columns == self.all.fields().len()
                    || projection.is_some_and(|all| all.iter().all(|i| *i < n_columns))
                {
                    file.batch(*index, projection)?
                } else {
                    let batch = widen(&file.batch(*index, None)?)?;
                    match projection {
                        Some(indices) => batch.project(indices).expect("indices of its columns"),
                        None => batch,
                    }
                };
                *index += 1;
                return Ok(Some(batch));
            }
            let Some(file) = self.files.pop_front() else { return Ok(None) };
            self.current = Some((file.open()?, 0));
        }
    }
}

impl Iterator for TableReader {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().map_err(|error| ArrowError::ExternalError(Box::new(error))).transpose()
    }
}

impl RecordBatchReader for TableReader {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

impl Dataset {
    /// The games table: all columns, or those that are named, in the order of the names. Files
    /// are opened and read as the consumer asks for more. If a game of HCPE3 is in the dataset,
    /// its columns are there, null for games of other formats.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if there is no column of a name.
    pub fn games_stream(&self, columns: Option<&[&str]>) -> Result<ArrowStream> {
        table_stream("games", self.width().schema(), self.games_files(), columns)
    }

    /// The table of loose positions: all columns, or those that are named, in the order of the
    /// names.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if there is no column of a name.
    pub fn positions_stream(&self, columns: Option<&[&str]>) -> Result<ArrowStream> {
        table_stream("positions", positions_schema(), self.positions_files(), columns)
    }
}

fn table_stream(
    table: &str,
    all: SchemaRef,
    files: Vec<GamesFile>,
    columns: Option<&[&str]>,
) -> Result<ArrowStream> {
    let index_of = |name: &&str| {
        all.index_of(name).map_err(|_| {
            let names: Vec<_> = all.fields().iter().map(|f| f.name().as_str()).collect();
            Error::Usage(format!(
                "expected columns of the {table} table ({}), found `{name}`",
                names.join(", ")
            ))
        })
    };
    let projection: Option<Vec<usize>> =
        columns.map(|names| names.iter().map(index_of).collect::<Result<_>>()).transpose()?;
    let schema = match &projection {
        None => all.clone(),
        Some(indices) => Arc::new(all.project(indices).expect("indices of its own fields")),
    };
    let files = files.into();
    let reader = TableReader { schema, all, projection, files, current: None };
    Ok(ArrowStream::new(Box::new(reader)))
}

/// A stream of one batch with one column `x` of the numbers 0 to `n - 1` as u64, and the
/// address of the buffer that holds them: whoever finds that address in the table that a consumer
/// makes of the stream knows that nothing was copied.
pub fn probe_stream(n: u32) -> (ArrowStream, usize) {
    let values = PrimitiveArray::<UInt64Type>::from_iter_values((0..n).map(u64::from));
    let address = values.values().inner().as_ptr() as usize;
    let schema = Arc::new(Schema::new(vec![Field::new("x", DataType::UInt64, false)]));
    let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(values)])
        .expect("the column of the schema");
    let reader = RecordBatchIterator::new([Ok(batch)], schema);
    (ArrowStream::new(Box::new(reader)), address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::cast::AsArray;
    use arrow_array::ffi_stream::RecordBatchStreamReader;

    #[test]
    fn a_consumer_gets_the_same_buffer() {
        let (stream, address) = probe_stream(1_000);
        let raw = stream.into_raw();
        // SAFETY: `raw` is a valid stream, which the reader moves away, leaving it released.
        let reader = unsafe { RecordBatchStreamReader::from_raw(raw.cast()) }.unwrap();
        let batches: Vec<_> = reader.map(|batch| batch.unwrap()).collect();
        // SAFETY: `raw` came from `into_raw` and is not used again.
        unsafe { ArrowStream::drop_raw(raw) };
        let values = batches[0].column(0).as_primitive::<UInt64Type>().values();
        assert_eq!(values.inner().as_ptr() as usize, address);
        assert_eq!(values.len(), 1_000);
    }

    #[test]
    fn a_stream_that_nobody_reads_is_released() {
        let (stream, _) = probe_stream(10);
        let raw = stream.into_raw();
        // SAFETY: `raw` came from `into_raw` and is not used again.
        unsafe { ArrowStream::drop_raw(raw) };
    }
}
