//! Columns made of plain vectors, for results that are no table of a dataset.

use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Float64Type, Int16Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{ArrayRef, LargeStringArray, PrimitiveArray, RecordBatch, RecordBatchIterator};
use arrow_buffer::NullBuffer;
use arrow_schema::{Field, Schema};

use crate::stream::ArrowStream;

/// The values of a column; of the nullable ones, each is there or null.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the type of the values, and whether they may be null")]
pub enum PlainColumn {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    OptionU8(Vec<Option<u8>>),
    OptionU16(Vec<Option<u16>>),
    OptionI16(Vec<Option<i16>>),
    OptionI32(Vec<Option<i32>>),
    OptionU32(Vec<Option<u32>>),
    OptionU64(Vec<Option<u64>>),
    OptionF64(Vec<Option<f64>>),
    /// Days since 1970.
    OptionDate(Vec<Option<i32>>),
    Text(Vec<String>),
    OptionText(Vec<Option<String>>),
}

fn whole<T: ArrowPrimitiveType>(values: Vec<T::Native>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(values.into(), None))
}

fn optional<T: ArrowPrimitiveType>(values: Vec<Option<T::Native>>) -> ArrayRef {
    let nulls = NullBuffer::from_iter(values.iter().map(Option::is_some));
    let values: Vec<T::Native> = values.into_iter().map(Option::unwrap_or_default).collect();
    let nulls = (nulls.null_count() > 0).then_some(nulls);
    Arc::new(PrimitiveArray::<T>::new(values.into(), nulls))
}

impl PlainColumn {
    fn into_array(self) -> ArrayRef {
        match self {
            PlainColumn::U8(values) => whole::<UInt8Type>(values),
            PlainColumn::U16(values) => whole::<UInt16Type>(values),
            PlainColumn::U32(values) => whole::<UInt32Type>(values),
            PlainColumn::U64(values) => whole::<UInt64Type>(values),
            PlainColumn::OptionU8(values) => optional::<UInt8Type>(values),
            PlainColumn::OptionU16(values) => optional::<UInt16Type>(values),
            PlainColumn::OptionI16(values) => optional::<Int16Type>(values),
            PlainColumn::OptionI32(values) => optional::<arrow_array::types::Int32Type>(values),
            PlainColumn::OptionU32(values) => optional::<UInt32Type>(values),
            PlainColumn::OptionU64(values) => optional::<UInt64Type>(values),
            PlainColumn::OptionF64(values) => optional::<Float64Type>(values),
            PlainColumn::OptionDate(values) => optional::<Date32Type>(values),
            PlainColumn::Text(values) => Arc::new(LargeStringArray::from_iter_values(values)),
            PlainColumn::OptionText(values) => Arc::new(LargeStringArray::from_iter(values)),
        }
    }

    fn is_nullable(&self) -> bool {
        !matches!(
            self,
            PlainColumn::U8(_)
                | PlainColumn::U16(_)
                | PlainColumn::U32(_)
                | PlainColumn::U64(_)
                | PlainColumn::Text(_)
        )
    }
}

impl ArrowStream {
    /// A stream of one batch.
    ///
    /// # Panics
    ///
    /// If the columns are not as long as each other.
    pub fn of_columns(columns: Vec<(&str, PlainColumn)>) -> ArrowStream {
        let (mut fields, mut arrays) = (Vec::new(), Vec::new());
        for (name, column) in columns {
            let is_nullable = column.is_nullable();
            let array = column.into_array();
            fields.push(Field::new(name, array.data_type().clone(), is_nullable));
            arrays.push(array);
        }
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(schema.clone(), arrays).expect("columns of one length");
        ArrowStream::new(Box::new(RecordBatchIterator::new([Ok(batch)], schema)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Array;
    use arrow_array::cast::AsArray;

    #[test]
    fn columns_are_what_they_were() {
        let mut stream = ArrowStream::of_columns(vec![
            ("a", PlainColumn::U16(vec![1, 2])),
            ("b", PlainColumn::OptionI16(vec![None, Some(-3)])),
            ("c", PlainColumn::OptionText(vec![Some("x".to_owned()), None])),
        ]);
        let batch = stream.reader().next().unwrap().unwrap();
        assert_eq!(batch.column(0).as_primitive::<UInt16Type>().values()[..], [1, 2]);
        let b = batch.column(1).as_primitive::<Int16Type>();
        assert_eq!((b.is_null(0), b.value(1)), (true, -3));
        assert_eq!(
            (batch.column(2).as_string::<i64>().value(0), batch.column(2).is_null(1)),
            ("x", true)
        );
    }
}
