//! Record batches whose buffers are compressed one by one, where it is worth its time.
//!
//! Most bytes of a training set are positions and keys, of which compression saves a few hundredths
//! at the cost of most of the time; and the offsets of lists that are equally long are the same
//! bytes. Arrow lets each buffer be compressed or not
//! (<https://arrow.apache.org/docs/format/Columnar.html#compression>).

use arrow_array::{Array, RecordBatch};
use arrow_buffer::Buffer;
use arrow_data::ArrayData;
use arrow_ipc::{
    self as ipc, BodyCompressionBuilder, BodyCompressionMethod, CompressionType, FieldNode,
    MessageBuilder, MessageHeader, MetadataVersion, RecordBatchBuilder,
};
use arrow_schema::{ArrowError, DataType};
use flatbuffers::FlatBufferBuilder;
use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use crate::ipc::ALIGNMENT;

/// What stands before the bytes of a buffer that is not compressed, where others tell their length.
const NOT_COMPRESSED: i64 = -1;

/// What is looked for in numbers of two to eight bytes: long matches alone, in a table that fits the
/// nearest cache. That takes two thirds of the level's own time; files grow by 3 in 1,000.
const LEVEL: i32 = 1;
const MIN_MATCH: u32 = 7;
const HASH_LOG: u32 = 12;

/// Bytes of a buffer that are tried first, and how many eighths of them must remain at most.
const SAMPLE_BYTES: usize = 16 * 1024;
const MAX_EIGHTHS: usize = 7;

/// Buffers shorter than this are not looked for among the earlier ones.
const MIN_SHARED_BYTES: usize = 4096;

/// What a batch consists of, depth first.
#[derive(Default)]
struct Parts {
    nodes: Vec<FieldNode>,
    buffers: Vec<Buffer>,
}

impl Parts {
    /// Adds whole arrays of numbers, and lists of them.
    fn add(&mut self, data: &ArrayData) -> Result<(), ArrowError> {
        let is_known = match data.data_type() {
            DataType::LargeList(_) | DataType::FixedSizeList(..) => true,
            other => other.is_primitive(),
        };
        if !is_known || data.offset() != 0 {
            let message = format!("expected a whole column, found a part of {}", data.data_type());
            return Err(ArrowError::IpcError(message));
        }
        self.nodes.push(FieldNode::new(data.len() as i64, data.null_count() as i64));
        let validity = data.nulls().filter(|nulls| nulls.null_count() > 0);
        self.buffers.push(validity.map_or_else(Buffer::default, |nulls| nulls.inner().sliced()));
        self.buffers.extend(data.buffers().iter().cloned());
        data.child_data().iter().try_for_each(|child| self.add(child))
    }
}

/// A buffer as it is written.
#[derive(Clone)]
enum Packed {
    Empty,
    /// With its length before it.
    Compressed(Buffer),
    /// As it is.
    Plain,
}

/// Packs batches; each thread has its own.
pub(crate) struct Packer {
    compressor: Compressor<'static>,
    scratch: Vec<u8>,
}

impl Packer {
    pub(crate) fn new() -> Packer {
        let mut compressor = Compressor::new(LEVEL).expect("a level that zstd knows");
        for parameter in [CParameter::MinMatch(MIN_MATCH), CParameter::HashLog(HASH_LOG)] {
            compressor.set_parameter(parameter).expect("parameters that zstd knows");
        }
        Packer { compressor, scratch: Vec::new() }
    }

    /// The batch as it is written: its metadata, and its body in parts, of which large ones are the
    /// batch's own memory.
    pub(crate) fn pack(
        &mut self,
        batch: &RecordBatch,
    ) -> Result<(Vec<u8>, Vec<Buffer>), ArrowError> {
        let mut parts = Parts::default();
        batch.columns().iter().try_for_each(|column| parts.add(&column.to_data()))?;
        let padding = Buffer::from([0; ALIGNMENT]);
        let told = Buffer::from(NOT_COMPRESSED.to_le_bytes());
        let mut packed: Vec<Packed> = Vec::with_capacity(parts.buffers.len());
        let mut places: Vec<ipc::Buffer> = Vec::with_capacity(parts.buffers.len());
        let mut body = Vec::with_capacity(3 * parts.buffers.len());
        let mut body_len = 0;
        for (number, bytes) in parts.buffers.iter().enumerate() {
            let is_earlier = |other: &&Buffer| bytes.len() >= MIN_SHARED_BYTES && *other == bytes;
            let earlier = parts.buffers[..number].iter().position(|other| is_earlier(&other));
            packed.push(match earlier {
                Some(number) => packed[number].clone(),
                None => self.put(bytes)?,
            });
            let start = body_len;
            let mut add = |part: Buffer| {
                body_len += part.len();
                body.push(part);
            };
            match &packed[number] {
                Packed::Empty => {}
                Packed::Compressed(bytes) => add(bytes.clone()),
                Packed::Plain => [&told, bytes].into_iter().for_each(|part| add(part.clone())),
            }
            places.push(ipc::Buffer::new(start as i64, (body_len - start) as i64));
            let n_padding = body_len.next_multiple_of(ALIGNMENT) - body_len;
            body_len += n_padding;
            body.push(padding.slice_with_length(0, n_padding));
        }
        Ok((message_of(batch.num_rows(), &parts.nodes, &places, body_len), body))
    }

    /// Compresses a buffer if that is worth it.
    fn put(&mut self, bytes: &[u8]) -> Result<Packed, ArrowError> {
        if bytes.is_empty() {
            return Ok(Packed::Empty);
        }
        if self.is_worth_it(bytes)? {
            self.compress(bytes)?;
            if self.scratch.len() < bytes.len() {
                let told = (bytes.len() as i64).to_le_bytes();
                return Ok(Packed::Compressed([&told[..], &self.scratch].concat().into()));
            }
        }
        Ok(Packed::Plain)
    }

    /// Whether a part from the middle becomes smaller by an eighth, if there is more than that.
    fn is_worth_it(&mut self, bytes: &[u8]) -> Result<bool, ArrowError> {
        if bytes.len() <= 4 * SAMPLE_BYTES {
            return Ok(true);
        }
        let start = (bytes.len() - SAMPLE_BYTES) / 2;
        self.compress(&bytes[start..start + SAMPLE_BYTES])?;
        Ok(8 * self.scratch.len() <= MAX_EIGHTHS * SAMPLE_BYTES)
    }

    fn compress(&mut self, bytes: &[u8]) -> Result<(), ArrowError> {
        self.scratch.clear();
        self.scratch.reserve(zstd::zstd_safe::compress_bound(bytes.len()));
        self.compressor
            .compress_to_buffer(bytes, &mut self.scratch)
            .map(drop)
            .map_err(|error| ArrowError::IpcError(error.to_string()))
    }
}

/// The metadata of a batch whose buffers are compressed.
fn message_of(
    n_rows: usize,
    nodes: &[FieldNode],
    buffers: &[ipc::Buffer],
    body_len: usize,
) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let nodes = builder.create_vector(nodes);
    let buffers = builder.create_vector(buffers);
    let mut compression = BodyCompressionBuilder::new(&mut builder);
    compression.add_codec(CompressionType::ZSTD);
    compression.add_method(BodyCompressionMethod::BUFFER);
    let compression = compression.finish();
    let mut batch = RecordBatchBuilder::new(&mut builder);
    batch.add_length(n_rows as i64);
    batch.add_nodes(nodes);
    batch.add_buffers(buffers);
    batch.add_compression(compression);
    let batch = batch.finish();
    let mut message = MessageBuilder::new(&mut builder);
    message.add_version(MetadataVersion::V5);
    message.add_header_type(MessageHeader::RecordBatch);
    message.add_bodyLength(body_len as i64);
    message.add_header(batch.as_union_value());
    let root = message.finish();
    builder.finish(root, None);
    builder.finished_data().to_vec()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::{Float32Type, UInt8Type, UInt16Type, UInt64Type};
    use arrow_array::{ArrayRef, FixedSizeListArray, LargeListArray, PrimitiveArray};
    use arrow_buffer::OffsetBuffer;
    use arrow_schema::{Field, Schema};

    use super::*;
    use crate::ipc::{BatchEncoder, IpcFile, Layout};
    use crate::report::Compression;
    use crate::schema::list_item;
    use crate::testing::TempDir;

    /// Keys and positions without a pattern, and two lists of the same lengths.
    fn batch(n: usize) -> RecordBatch {
        let mut state = 9_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state >> 24
        };
        let keys: ArrayRef = Arc::new(PrimitiveArray::<UInt64Type>::from_iter_values(
            (0..n).map(|_| (random() << 24) ^ random()),
        ));
        let bytes =
            PrimitiveArray::<UInt8Type>::from_iter_values((0..32 * n).map(|_| random() as u8));
        let item = Arc::new(list_item(DataType::UInt8, false));
        let positions: ArrayRef =
            Arc::new(FixedSizeListArray::new(item, 32, Arc::new(bytes), None));
        let lengths: Vec<usize> = (0..n).map(|_| 1 + random() as usize % 2).collect();
        let n_items = lengths.iter().sum::<usize>();
        let offsets = OffsetBuffer::<i64>::from_lengths(lengths);
        let list = |items: ArrayRef, nullable: bool| -> ArrayRef {
            let item = Arc::new(list_item(items.data_type().clone(), nullable));
            Arc::new(LargeListArray::new(item, offsets.clone(), items, None))
        };
        let moves = (0..n_items).map(|number| number as u16 % 100);
        let moves = list(Arc::new(PrimitiveArray::<UInt16Type>::from_iter_values(moves)), false);
        let scores = (0..n_items).map(|number| (number % 5 > 0).then_some(number as f32 % 3.0));
        let scores = list(Arc::new(PrimitiveArray::<Float32Type>::from_iter(scores)), true);
        let columns =
            [("key", keys), ("position", positions), ("moves", moves), ("scores", scores)];
        let field = |(name, column): &(&str, ArrayRef)| {
            Field::new(*name, column.data_type().clone(), false)
        };
        let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
        let columns = columns.into_iter().map(|(_, column)| column).collect();
        RecordBatch::try_new(Arc::new(schema), columns).unwrap()
    }

    #[test]
    fn batches_come_back_whole() {
        let dir = TempDir::new("pack");
        let path = dir.path().join("x.feather");
        for n in [0, 1, 3, 5_000, 40_000] {
            let batch = batch(n);
            let mut layout = Layout::new(batch.schema(), Compression::Zstd);
            let mut bytes = layout.header();
            let encoded = BatchEncoder::for_training(Compression::Zstd).encode(&batch).unwrap();
            layout.add(&encoded);
            bytes.extend(encoded.parts().flatten());
            bytes.extend(layout.footer());
            std::fs::write(&path, bytes).unwrap();
            let file = IpcFile::open(&path).unwrap();
            assert_eq!(file.batch(0, None).unwrap(), batch, "{n} rows");
            assert_eq!(file.first_column(0).unwrap().column(0), batch.column(0));
        }
    }

    #[test]
    fn only_what_becomes_smaller_is_compressed_and_equal_buffers_once() {
        let (message, body) = Packer::new().pack(&batch(40_000)).unwrap();
        let body: Vec<u8> = body.iter().flat_map(|part| part.iter().copied()).collect();
        let message = ipc::root_as_message(&message).unwrap();
        let batch = message.header_as_record_batch().unwrap();
        let buffers: Vec<&[u8]> = batch
            .buffers()
            .unwrap()
            .iter()
            .map(|buffer| &body[buffer.offset() as usize..][..buffer.length() as usize])
            .collect();
        let told = |bytes: &[u8]| bytes.first_chunk().map(|len| i64::from_le_bytes(*len));
        // Validity and values of keys; validity of positions, validity and values of their bytes.
        assert_eq!((told(buffers[1]), buffers[1].len()), (Some(-1), 8 + 8 * 40_000));
        assert_eq!((told(buffers[4]), buffers[4].len()), (Some(-1), 8 + 32 * 40_000));
        // Validity and offsets of each list, validity and values of its items.
        assert_eq!(told(buffers[6]), Some(8 * 40_001));
        assert!(buffers[6].len() < 100_000 && buffers[6] == buffers[10]);
        assert!(told(buffers[8]).unwrap() > buffers[8].len() as i64);
        assert!(!buffers[11].is_empty() && buffers[7].is_empty());
    }
}
