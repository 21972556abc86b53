//! Batches of other programs as batches of the games table: columns in any order, other widths of
//! numbers and texts, columns that are missing.

use std::sync::{Arc, LazyLock};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, LargeListArray, LargeStringArray, PrimitiveArray, RecordBatch};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Schema};
use maou_shogi::Position;
use maou_shogi::record::Ending;

use crate::schema::{Width, games_schema, list_item};

/// The index of the column `moves` in the games table, without which there are no games.
const MOVES: usize = 2;

/// The columns that are looked for.
const WIDTH: Width = Width { variations: true, search: false };

/// Where the columns of the games table stand in another table.
#[derive(Debug)]
pub(crate) struct Mapping {
    /// By index in the games table.
    indices: Vec<Option<usize>>,
    /// The index of the column with the parents of variations.
    parent_id: Option<usize>,
}

impl Mapping {
    /// # Errors
    ///
    /// If there is no column `moves`, or a column of the games table has another type.
    pub(crate) fn new(schema: &Schema) -> Result<Mapping, String> {
        let mut indices = Vec::new();
        for field in WIDTH.schema().fields() {
            let index = schema.index_of(field.name()).ok();
            if let Some(index) = index {
                let found = schema.field(index).data_type();
                if !is_convertible(found, field.data_type()) {
                    return Err(format!(
                        "expected {} in the column `{}` of the games table, found {found}",
                        field.data_type(),
                        field.name()
                    ));
                }
            }
            indices.push(index);
        }
        let parent_id = indices.pop().flatten();
        if indices[MOVES].is_none() {
            let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            return Err(format!(
                "expected the columns of the games table (`maou info --schema` lists them), of \
                 which `moves` must be there, found `{}`",
                names.join("`, `")
            ));
        }
        Ok(Mapping { indices, parent_id })
    }

    /// The index of the column `parent_id` in the other table.
    pub(crate) fn parent_id(&self) -> Option<usize> {
        self.parent_id
    }

    /// Whether the table has ids, which are checked then.
    pub(crate) fn has_id(&self) -> bool {
        self.indices[0].is_some()
    }

    /// The index of the column `source` in the other table.
    pub(crate) fn source(&self) -> Option<usize> {
        self.indices[11]
    }

    /// The batch as one of the games table, with parents if the other table has them.
    ///
    /// # Errors
    ///
    /// If a value does not fit, or one is missing that has to be there.
    pub(crate) fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch, String> {
        let games = games_schema();
        let n_rows = batch.num_rows();
        let column = |index: usize| self.indices[index].map(|found| batch.column(found));
        let moves = list::<UInt16Type>(column(MOVES).expect("checked in `new`"), None, false)?;
        let mut columns: Vec<ArrayRef> = Vec::new();
        for (index, field) in games.fields().iter().enumerate() {
            let named = |error| format!("column `{}`: {error}", field.name());
            let converted: Result<ArrayRef, String> = match (column(index), field.data_type()) {
                _ if index == MOVES => Ok(Arc::new(moves.clone())),
                (Some(found), DataType::LargeUtf8) => texts(found, default_text(field.name()))
                    .map(|texts| Arc::new(texts) as ArrayRef),
                (None, DataType::LargeUtf8) => Ok(Arc::new(LargeStringArray::from_iter_values(
                    std::iter::repeat_n(default_text(field.name()).unwrap_or_default(), n_rows),
                ))),
                (found, DataType::LargeList(item)) => match item.data_type() {
                    DataType::Int16 => list_or_none::<Int16Type>(found, &moves),
                    _ => list_or_none::<UInt32Type>(found, &moves),
                },
                (found, DataType::UInt64) => numbers::<UInt64Type>(found, n_rows, Some(0)),
                // Unknown where nothing is said.
                (found, DataType::UInt8) => numbers::<UInt8Type>(found, n_rows, Some(3)),
                (found, DataType::Date32) => numbers::<Date32Type>(found, n_rows, None),
                (found, _) => numbers::<Float64Type>(found, n_rows, None),
            };
            columns.push(converted.map_err(named)?);
        }
        let Some(parent_id) = self.parent_id else {
            return Ok(RecordBatch::try_new(games, columns).expect("the columns of the schema"));
        };
        let parents = numbers::<UInt64Type>(Some(batch.column(parent_id)), n_rows, None);
        columns.push(parents.map_err(|error| format!("column `parent_id`: {error}"))?);
        Ok(RecordBatch::try_new(WIDTH.schema(), columns).expect("the columns of the schema"))
    }
}

static START: LazyLock<String> = LazyLock::new(|| Position::startpos().to_sfen());

/// What a text is where there is none; `None` if it has to be there.
fn default_text(column: &str) -> Option<&'static str> {
    match column {
        "start" => Some(&START),
        "ending" => Some(Ending::Unknown.as_str()),
        _ => Some(""),
    }
}

fn is_convertible(found: &DataType, wanted: &DataType) -> bool {
    match (found, wanted) {
        (DataType::Null, _) => true,
        (DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View, DataType::LargeUtf8) => true,
        (DataType::List(item) | DataType::LargeList(item), DataType::LargeList(wanted)) => {
            is_convertible(item.data_type(), wanted.data_type())
        }
        (DataType::Date32, DataType::Date32) => true,
        (found, DataType::Float64) => {
            found.is_integer() || matches!(found, DataType::Float32 | DataType::Float64)
        }
        (found, wanted) => found.is_integer() && wanted.is_integer(),
    }
}

pub(crate) fn texts(found: &ArrayRef, default: Option<&str>) -> Result<LargeStringArray, String> {
    let mut text = Vec::new();
    let mut offsets = vec![0_i64];
    let mut push = |value: Option<&str>| -> Result<(), String> {
        let value = match (value, default) {
            (Some(value), _) | (None, Some(value)) => value,
            (None, None) => return Err("expected a text, found null".to_owned()),
        };
        text.extend_from_slice(value.as_bytes());
        offsets.push(text.len() as i64);
        Ok(())
    };
    match found.data_type() {
        DataType::Utf8 => found.as_string::<i32>().iter().try_for_each(&mut push)?,
        DataType::LargeUtf8 => found.as_string::<i64>().iter().try_for_each(&mut push)?,
        DataType::Utf8View => found.as_string_view().iter().try_for_each(&mut push)?,
        _ => (0..found.len()).try_for_each(|_| push(None))?,
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Ok(LargeStringArray::new(offsets, text.into(), None))
}

/// Lists of 16-bit moves, of numbers of any width.
pub(crate) fn moves(found: &ArrayRef) -> Result<LargeListArray, String> {
    if !is_convertible(found.data_type(), &list_of_moves()) {
        let found = found.data_type();
        return Err(format!("expected lists of 16-bit moves, found {found}"));
    }
    list::<UInt16Type>(found, None, false)
}

fn list_of_moves() -> DataType {
    DataType::LargeList(Arc::new(list_item(DataType::UInt16, false)))
}

/// The value at `row` of any column of numbers, as one that holds all of them.
fn number_at(found: &ArrayRef, row: usize) -> Number {
    macro_rules! integer {
        ($type:ty) => {
            Number::Integer(found.as_primitive::<$type>().value(row).into())
        };
    }
    match found.data_type() {
        _ if found.is_null(row) => Number::Null,
        DataType::Int8 => integer!(Int8Type),
        DataType::Int16 => integer!(Int16Type),
        DataType::Int32 => integer!(Int32Type),
        DataType::Int64 => integer!(Int64Type),
        DataType::UInt8 => integer!(UInt8Type),
        DataType::UInt16 => integer!(UInt16Type),
        DataType::UInt32 => integer!(UInt32Type),
        DataType::UInt64 => integer!(UInt64Type),
        DataType::Date32 => integer!(Date32Type),
        DataType::Float32 => Number::Float(found.as_primitive::<Float32Type>().value(row).into()),
        DataType::Float64 => Number::Float(found.as_primitive::<Float64Type>().value(row)),
        _ => Number::Null,
    }
}

enum Number {
    Null,
    Integer(i128),
    Float(f64),
}

/// A number that a column of the games table can be made of.
trait Native: Sized + Default + Copy {
    fn of(number: &Number) -> Option<Self>;
}

macro_rules! native_integers {
    ($($type:ty),*) => {
        $(impl Native for $type {
            fn of(number: &Number) -> Option<$type> {
                match number {
                    Number::Integer(value) => <$type>::try_from(*value).ok(),
                    _ => None,
                }
            }
        })*
    };
}
native_integers!(u8, u16, u32, u64, i16, i32);

impl Native for f64 {
    fn of(number: &Number) -> Option<f64> {
        match number {
            Number::Integer(value) => Some(*value as f64),
            Number::Float(value) => Some(*value),
            Number::Null => None,
        }
    }
}

/// Numbers as those of the games table. `default` stands where there is nothing, if there has to
/// be something.
fn numbers<T>(
    found: Option<&ArrayRef>,
    n_rows: usize,
    default: Option<T::Native>,
) -> Result<ArrayRef, String>
where
    T: ArrowPrimitiveType,
    T::Native: Native,
{
    let Some(found) = found else {
        return Ok(match default {
            Some(value) => Arc::new(PrimitiveArray::<T>::from_value(value, n_rows)),
            None => Arc::new(PrimitiveArray::<T>::new_null(n_rows)),
        });
    };
    let mut converted: PrimitiveArray<T> = convert(found)?;
    if let (Some(default), Some(nulls)) = (default, converted.nulls().cloned()) {
        let values = converted.values().iter().zip(&nulls);
        let values: Vec<_> = values.map(|(v, is_set)| if is_set { *v } else { default }).collect();
        converted = PrimitiveArray::new(values.into(), None);
    }
    Ok(Arc::new(converted))
}

fn convert<T>(found: &ArrayRef) -> Result<PrimitiveArray<T>, String>
where
    T: ArrowPrimitiveType,
    T::Native: Native,
{
    if found.data_type() == &T::DATA_TYPE {
        return Ok(found.as_primitive::<T>().clone());
    }
    let mut values = Vec::with_capacity(found.len());
    let mut is_set = Vec::with_capacity(found.len());
    for row in 0..found.len() {
        let number = number_at(found, row);
        let value = match &number {
            Number::Null => None,
            number => Some(T::Native::of(number).ok_or_else(|| {
                let shown = match number {
                    Number::Integer(value) => value.to_string(),
                    Number::Float(value) => value.to_string(),
                    Number::Null => "null".to_owned(),
                };
                format!("expected a number that {} holds, found `{shown}`", T::DATA_TYPE)
            })?),
        };
        values.push(value.unwrap_or_default());
        is_set.push(value.is_some());
    }
    let nulls = NullBuffer::from(is_set);
    Ok(PrimitiveArray::new(values.into(), (nulls.null_count() > 0).then_some(nulls)))
}

/// A column of lists as that of the games table. Where a row is null, `or_null_for` gives a list
/// of as many nulls as it has items there.
fn list<T>(
    found: &ArrayRef,
    or_null_for: Option<&LargeListArray>,
    nullable: bool,
) -> Result<LargeListArray, String>
where
    T: ArrowPrimitiveType,
    T::Native: Native,
{
    let (items, offsets): (&ArrayRef, Vec<usize>) = match found.data_type() {
        DataType::List(_) => {
            let list = found.as_list::<i32>();
            (list.values(), list.value_offsets().iter().map(|at| *at as usize).collect())
        }
        DataType::LargeList(_) => {
            let list = found.as_list::<i64>();
            (list.values(), list.value_offsets().iter().map(|at| *at as usize).collect())
        }
        _ => return Err("expected lists, found nulls".to_owned()),
    };
    if found.null_count() == 0 {
        let (from, to) = (offsets[0], offsets[offsets.len() - 1]);
        let items: PrimitiveArray<T> = convert(&items.slice(from, to - from))?;
        if !nullable && items.null_count() > 0 {
            return Err("expected a number in each place of a list, found null".to_owned());
        }
        let offsets: Vec<i64> = offsets.iter().map(|at| (at - from) as i64).collect();
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let item = Arc::new(list_item(T::DATA_TYPE, nullable));
        return Ok(LargeListArray::new(item, offsets, Arc::new(items), None));
    }
    let Some(lengths) = or_null_for else {
        return Err("expected a list in each row, found null".to_owned());
    };
    let items: PrimitiveArray<T> = convert(items)?;
    let mut values: Vec<Option<T::Native>> = Vec::new();
    let mut ends = vec![0_i64];
    for row in 0..found.len() {
        if found.is_null(row) {
            values.resize(values.len() + lengths.value_length(row) as usize, None);
        } else {
            let span = offsets[row]..offsets[row + 1];
            values.extend(span.map(|at| items.is_valid(at).then(|| items.value(at))));
        }
        ends.push(values.len() as i64);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
    let items: PrimitiveArray<T> = values.into_iter().collect();
    let item = Arc::new(list_item(T::DATA_TYPE, true));
    Ok(LargeListArray::new(item, offsets, Arc::new(items), None))
}

fn list_or_none<T>(found: Option<&ArrayRef>, moves: &LargeListArray) -> Result<ArrayRef, String>
where
    T: ArrowPrimitiveType,
    T::Native: Native,
{
    if let Some(found) = found.filter(|found| found.data_type() != &DataType::Null) {
        return Ok(Arc::new(list::<T>(found, Some(moves), true)?));
    }
    let items = PrimitiveArray::<T>::new_null(moves.values().len());
    let item = Arc::new(list_item(T::DATA_TYPE, true));
    Ok(Arc::new(LargeListArray::new(item, moves.offsets().clone(), Arc::new(items), None)))
}

#[cfg(test)]
mod tests {
    use arrow_array::builder::{Int64Builder, ListBuilder};
    use arrow_array::{Int64Array, StringViewArray};
    use arrow_schema::Field;

    use super::*;

    fn batch_of(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        let fields: Vec<_> =
            columns.iter().map(|(n, c)| Field::new(*n, c.data_type().clone(), true)).collect();
        let columns = columns.into_iter().map(|(_, column)| column).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    }

    fn lists(rows: &[Option<&[i64]>]) -> ArrayRef {
        let mut builder = ListBuilder::new(Int64Builder::new());
        for row in rows {
            match row {
                Some(values) => builder.append_value(values.iter().copied().map(Some)),
                None => builder.append_null(),
            }
        }
        Arc::new(builder.finish())
    }

    fn apply(batch: &RecordBatch) -> Result<RecordBatch, String> {
        Mapping::new(&batch.schema())?.apply(batch)
    }

    #[test]
    fn other_widths_and_orders_become_the_games_table() {
        let batch = batch_of(vec![
            ("black", Arc::new(StringViewArray::from(vec![Some("a"), None]))),
            ("result", Arc::new(Int64Array::from(vec![Some(1), None]))),
            ("evals_cp", lists(&[Some(&[-5, 7]), None])),
            ("moves", lists(&[Some(&[7739, 2]), Some(&[3])])),
            ("more", Arc::new(Int64Array::from(vec![1, 2]))),
        ]);
        let games = apply(&batch).unwrap();
        assert_eq!(games.schema(), games_schema());
        assert_eq!(games.column(5).as_primitive::<UInt8Type>().values(), &[1, 3]);
        assert_eq!(games.column(8).as_string::<i64>().value(1), "");
        assert_eq!(games.column(6).as_string::<i64>().value(0), "unknown");
        assert_eq!(games.column(1).as_string::<i64>().value(1), *START);
        let evals = games.column(3).as_list::<i64>();
        assert_eq!(evals.value_offsets(), [0, 2, 3]);
        let evals = evals.values().as_primitive::<Int16Type>();
        assert_eq!(evals.iter().collect::<Vec<_>>(), [Some(-5), Some(7), None]);
        assert_eq!(games.column(4).as_list::<i64>().values().null_count(), 3);
        assert_eq!(games.column(12).null_count(), 2);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let expect = |columns, expected: &str| {
            let error = apply(&batch_of(columns)).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        expect(vec![("x", lists(&[]))], "of which `moves` must be there, found `x`");
        expect(
            vec![("moves", Arc::new(Int64Array::from(vec![1])))],
            "in the column `moves` of the games table, found Int64",
        );
        expect(
            vec![("moves", lists(&[Some(&[70_000])]))],
            "expected a number that UInt16 holds, found `70000`",
        );
        expect(vec![("moves", lists(&[None]))], "expected a list in each row, found null");
        expect(
            vec![("moves", lists(&[Some(&[])])), ("result", Arc::new(Int64Array::from(vec![-1])))],
            "column `result`: expected a number that UInt8 holds, found `-1`",
        );
    }
}
