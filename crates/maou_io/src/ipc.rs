//! The Arrow IPC file format, cut so that batches can be encoded on any thread and are written on
//! one, and read one at a time.
//!
//! A file is a header, the encoded batches and a footer that lists where they stand
//! (<https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format>).

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_buffer::{Buffer, MutableBuffer};
use arrow_ipc::convert::{IpcSchemaEncoder, try_fb_to_schema};
use arrow_ipc::reader::{RecordBatchDecoder, read_footer_length};
use arrow_ipc::writer::{
    DictionaryTracker, EncodedData, IpcDataGenerator, IpcWriteContext, IpcWriteOptions,
    write_message,
};
use arrow_ipc::{Block, CompressionType, FooterBuilder, MetadataVersion, root_as_footer};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use flatbuffers::FlatBufferBuilder;

use crate::checked::{damaged, open_file};
use crate::error::{AtPath, Error, Result};
use crate::pack::Packer;
use crate::report::Compression;
use crate::schema::positions_schema;

const MAGIC: &[u8; 6] = b"ARROW1";
/// Each buffer begins at a multiple of so many bytes.
pub(crate) const ALIGNMENT: usize = 64;

/// The level at which more time buys hardly smaller files; docs/performance.md has the figures.
const ZSTD_LEVEL: i32 = 3;

/// No schema and no batch of a table needs more to be described.
const MAX_METADATA_BYTES: u32 = 1 << 24;

/// No buffer of the tables here comes near this.
const MAX_BUFFER_BYTES: i64 = 1 << 32;

/// What a record batch may become when it is unpacked, however small it is, and for each of its
/// bytes beyond that.
const FREE_BATCH_BYTES: u64 = 1 << 28;
const MAX_RATIO: u64 = 200;

/// The level of loose positions: files are 2 % larger, in two thirds of the time, which is a good
/// part of all that it takes to read them.
const POSITIONS_ZSTD_LEVEL: i32 = 1;

fn write_options(compression: Compression, zstd_level: i32) -> IpcWriteOptions {
    let (codec, level) = match compression {
        Compression::Zstd => (Some(CompressionType::ZSTD), Some(zstd_level)),
        Compression::Lz4 => (Some(CompressionType::LZ4_FRAME), None),
        Compression::None => (None, None),
    };
    IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5)
        .and_then(|options| options.try_with_compression(codec))
        .and_then(|options| options.try_with_compression_level(level))
        .expect("these options go together")
}

/// What stands before the body of a message.
fn to_head(ipc_message: Vec<u8>, options: &IpcWriteOptions) -> Vec<u8> {
    let mut head = Vec::with_capacity(ipc_message.len() + 128);
    let metadata = EncodedData { ipc_message, arrow_data: Vec::new() };
    write_message(&mut head, metadata, options).expect("writing into memory works");
    head
}

/// A record batch as it stands in a file.
pub(crate) struct EncodedBatch {
    pub(crate) schema: SchemaRef,
    head: Vec<u8>,
    body: Vec<Buffer>,
}

impl EncodedBatch {
    /// All bytes, one part after the other.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(&self.head[..]).chain(self.body.iter().map(Buffer::as_slice))
    }

    fn body_len(&self) -> usize {
        self.body.iter().map(Buffer::len).sum()
    }
}

/// Encodes record batches; each thread has its own.
pub(crate) struct BatchEncoder {
    options: IpcWriteOptions,
    positions_options: IpcWriteOptions,
    context: IpcWriteContext,
    positions_context: IpcWriteContext,
    /// Compresses instead of the library, which has no choice of buffers.
    packer: Option<Packer>,
}

impl BatchEncoder {
    pub(crate) fn new(compression: Compression) -> BatchEncoder {
        BatchEncoder {
            options: write_options(compression, ZSTD_LEVEL),
            positions_options: write_options(compression, POSITIONS_ZSTD_LEVEL),
            context: IpcWriteContext::default(),
            positions_context: IpcWriteContext::default(),
            packer: None,
        }
    }

    /// For the batches of training sets, in which most bytes are positions.
    pub(crate) fn for_training(compression: Compression) -> BatchEncoder {
        match compression {
            Compression::Zstd => {
                BatchEncoder { packer: Some(Packer::new()), ..BatchEncoder::new(Compression::None) }
            }
            Compression::Lz4 | Compression::None => BatchEncoder::new(compression),
        }
    }

    pub(crate) fn encode(&mut self, batch: &RecordBatch) -> Result<EncodedBatch> {
        let mut no_dictionaries = DictionaryTracker::new(true);
        let (options, context) = if batch.schema() == positions_schema() {
            (&self.positions_options, &mut self.positions_context)
        } else {
            (&self.options, &mut self.context)
        };
        let encoded = match &mut self.packer {
            Some(packer) => packer.pack(batch),
            None => IpcDataGenerator::default()
                .encode(batch, &mut no_dictionaries, options, context)
                .map(|(_, data)| (data.ipc_message, vec![data.arrow_data.into()])),
        };
        let (message, body) = encoded.map_err(|error| Error::corrupt("", error))?;
        Ok(EncodedBatch { schema: batch.schema(), head: to_head(message, options), body })
    }
}

/// Header and footer of a file, and where its batches stand.
pub(crate) struct Layout {
    schema: SchemaRef,
    options: IpcWriteOptions,
    blocks: Vec<Block>,
    offset: usize,
}

impl Layout {
    pub(crate) fn new(schema: SchemaRef, compression: Compression) -> Layout {
        Layout {
            schema,
            options: write_options(compression, ZSTD_LEVEL),
            blocks: Vec::new(),
            offset: 0,
        }
    }

    /// The bytes before the first batch.
    pub(crate) fn header(&mut self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.resize(ALIGNMENT, 0);
        let data = IpcDataGenerator::default().schema_to_bytes_with_dictionary_tracker(
            &self.schema,
            &mut DictionaryTracker::new(true),
            &self.options,
        );
        bytes.extend_from_slice(&to_head(data.ipc_message, &self.options));
        self.offset = bytes.len();
        bytes
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Takes note of the next batch.
    pub(crate) fn add(&mut self, batch: &EncodedBatch) {
        let (head_len, body_len) = (batch.head.len(), batch.body_len());
        self.blocks.push(Block::new(self.offset as i64, head_len as i32, body_len as i64));
        self.offset += head_len + body_len;
    }

    /// The bytes after the last batch.
    pub(crate) fn footer(&self) -> Vec<u8> {
        let mut builder = FlatBufferBuilder::new();
        let dictionaries = builder.create_vector::<Block>(&[]);
        let batches = builder.create_vector(&self.blocks);
        let schema = IpcSchemaEncoder::new()
            .with_dictionary_tracker(&mut DictionaryTracker::new(true))
            .schema_to_fb_offset(&mut builder, &self.schema);
        let mut footer = FooterBuilder::new(&mut builder);
        footer.add_version(MetadataVersion::V5);
        footer.add_schema(schema);
        footer.add_dictionaries(dictionaries);
        footer.add_recordBatches(batches);
        let root = footer.finish();
        builder.finish(root, None);
        let footer = builder.finished_data();

        let mut bytes = vec![0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        bytes.extend_from_slice(footer);
        bytes.extend_from_slice(&(footer.len() as i32).to_le_bytes());
        bytes.extend_from_slice(MAGIC);
        bytes
    }
}

/// An open Arrow IPC file without dictionaries.
pub(crate) struct IpcFile {
    path: PathBuf,
    file: File,
    schema: SchemaRef,
    blocks: Vec<Block>,
}

impl IpcFile {
    pub(crate) fn open(path: &Path) -> Result<IpcFile> {
        IpcFile::from_file(open_file(path)?, path)
    }

    pub(crate) fn from_file(file: File, path: &Path) -> Result<IpcFile> {
        let len = file.metadata().at(path)?.len();
        let not_arrow = || damaged(path, "expected an Arrow IPC file with its footer");
        let mut end = [0; 10];
        let end_start = len.checked_sub(10).ok_or_else(not_arrow)?;
        read_at(&file, end_start, &mut end).at(path)?;
        let footer_len = read_footer_length(end).map_err(|_| not_arrow())? as u64;
        let footer_start = end_start.checked_sub(footer_len).ok_or_else(not_arrow)?;
        let mut bytes = vec![0; footer_len as usize];
        read_at(&file, footer_start, &mut bytes).at(path)?;

        let footer = root_as_footer(&bytes).map_err(|_| not_arrow())?;
        let schema = footer.schema().ok_or_else(not_arrow)?;
        let schema = try_fb_to_schema(schema).map_err(|_| not_arrow())?;
        let blocks: Vec<_> = footer.recordBatches().into_iter().flatten().copied().collect();
        let inside = |block: &Block| {
            let end = [block.offset(), block.metaDataLength().into(), block.bodyLength()]
                .into_iter()
                .try_fold(0_u64, |sum, part| sum.checked_add(u64::try_from(part).ok()?));
            end.is_some_and(|end| end <= footer_start) && block.metaDataLength() >= 8
        };
        if !blocks.iter().all(inside) {
            return Err(not_arrow());
        }
        Ok(IpcFile { path: path.to_owned(), file, schema: schema.into(), blocks })
    }

    /// Takes what another program may have written: an Arrow IPC File, or a Stream in a file, whose messages are found one after the other.
    ///
    /// # Errors
    ///
    /// Also if it has dictionaries, which are not read.
    pub(crate) fn from_foreign(file: File, path: &Path) -> Result<IpcFile> {
        let mut magic = [0; 6];
        let is_file = read_at(&file, 0, &mut magic).is_ok() && magic == *MAGIC;
        let opened = if is_file {
            IpcFile::from_file(file, path)?
        } else {
            IpcFile::from_stream(file, path)?
        };
        let is_dictionary =
            |field: &&arrow_schema::FieldRef| matches!(field.data_type(), DataType::Dictionary(..));
        match opened.schema.fields().iter().find(is_dictionary) {
            None => Ok(opened),
            Some(field) => Err(Error::corrupt(
                path,
                format!("expected plain values, found the categorical column `{}`", field.name()),
            )),
        }
    }

    fn from_stream(file: File, path: &Path) -> Result<IpcFile> {
        let len = file.metadata().at(path)?.len();
        let not_arrow = || Error::corrupt(path, "expected a whole Arrow IPC stream");
        let mut schema = None;
        let mut blocks = Vec::new();
        let mut offset = 0;
        while offset < len {
            let mut prefix = [0; 8];
            read_at(&file, offset, &mut prefix).map_err(|_| not_arrow())?;
            let metadata_len = u32::from_le_bytes(prefix[4..].try_into().expect("four bytes"));
            if prefix[..4] != [0xff; 4] || metadata_len > MAX_METADATA_BYTES {
                return Err(not_arrow());
            }
            if metadata_len == 0 {
                break;
            }
            let mut bytes = vec![0; metadata_len as usize];
            read_at(&file, offset + 8, &mut bytes).map_err(|_| not_arrow())?;
            let message = arrow_ipc::root_as_message(&bytes).map_err(|_| not_arrow())?;
            let body_len = u64::try_from(message.bodyLength()).map_err(|_| not_arrow())?;
            let end = (offset + 8 + u64::from(metadata_len)).checked_add(body_len);
            let end = end.filter(|end| *end <= len).ok_or_else(not_arrow)?;
            if let Some(found) = message.header_as_schema() {
                schema = Some(try_fb_to_schema(found).map_err(|_| not_arrow())?);
            } else if message.header_as_record_batch().is_some() {
                let block = Block::new(offset as i64, 8 + metadata_len as i32, body_len as i64);
                blocks.push(block);
            }
            offset = end;
        }
        let schema = schema.ok_or_else(not_arrow)?.into();
        Ok(IpcFile { path: path.to_owned(), file, schema, blocks })
    }

    /// The number of rows in batch `index`, as its metadata says.
    pub(crate) fn batch_len(&self, index: usize) -> Result<u64> {
        let metadata = self.read_block(&self.blocks[index], 0)?;
        message_of(&metadata)
            .ok()
            .and_then(|message| message.header_as_record_batch())
            .and_then(|batch| u64::try_from(batch.length()).ok())
            .ok_or_else(|| self.damaged_batch(index))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(crate) fn n_batches(&self) -> usize {
        self.blocks.len()
    }

    /// Reads batch `index`: all columns, or those with the given indices.
    pub(crate) fn batch(&self, index: usize, projection: Option<&[usize]>) -> Result<RecordBatch> {
        let block = &self.blocks[index];
        let buffer = self.read_block(block, block.bodyLength() as usize)?;
        self.decode(index, buffer, projection)
    }

    /// Reads the first column of batch `index`, and no more of the file than that takes.
    pub(crate) fn first_column(&self, index: usize) -> Result<RecordBatch> {
        let block = &self.blocks[index];
        let metadata = self.read_block(block, 0)?;
        let message = message_of(&metadata).map_err(|_| self.damaged_batch(index))?;
        // Validity and values; lists of a fixed size have a validity of their own.
        let n_buffers = match self.schema.field(0).data_type() {
            DataType::FixedSizeList(..) => 3,
            _ => 2,
        };
        let end = message
            .header_as_record_batch()
            .and_then(|batch| batch.buffers())
            .and_then(|all| (all.len() > n_buffers).then(|| all.get(n_buffers).offset()))
            .and_then(|end| usize::try_from(end).ok());
        let body_len = block.bodyLength() as usize;
        let buffer = self.read_block(block, end.unwrap_or(body_len).min(body_len))?;
        self.decode(index, buffer, Some(&[0]))
    }

    fn read_block(&self, block: &Block, body_len: usize) -> Result<Buffer> {
        let mut buffer = MutableBuffer::from_len_zeroed(block.metaDataLength() as usize + body_len);
        read_at(&self.file, block.offset() as u64, &mut buffer).at(&self.path)?;
        Ok(buffer.into())
    }

    fn decode(
        &self,
        index: usize,
        buffer: Buffer,
        projection: Option<&[usize]>,
    ) -> Result<RecordBatch> {
        let body_len = self.blocks[index].bodyLength().unsigned_abs();
        let max_bytes = FREE_BATCH_BYTES.saturating_add(body_len.saturating_mul(MAX_RATIO));
        if unpacked_bytes(&buffer, self.blocks[index].metaDataLength() as usize) > max_bytes {
            let message = format!(
                "expected record batches of at most {max_bytes} bytes when they are unpacked \
                 ({MAX_RATIO} times their size), found more in batch {index}"
            );
            return Err(damaged(&self.path, message));
        }
        let decode = || -> std::result::Result<RecordBatch, ArrowError> {
            let message = message_of(&buffer)?;
            let batch = message
                .header_as_record_batch()
                .ok_or_else(|| ArrowError::IpcError("expected a record batch".to_owned()))?;
            let body = buffer.slice(self.blocks[index].metaDataLength() as usize);
            check_buffers(&batch, &body, projection)?;
            RecordBatchDecoder::try_new(
                &body,
                batch,
                self.schema.clone(),
                &HashMap::new(),
                &message.version(),
            )?
            .with_projection(projection)
            .read_record_batch()
        };
        // A buffer whose length is no multiple of its values' size makes the decoder panic, which
        // the consumer of a stream, on the other side of C, could not catch.
        let decoded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode));
        decoded.ok().and_then(std::result::Result::ok).ok_or_else(|| self.damaged_batch(index))
    }

    /// What the decoder says about it speaks of its own inside.
    fn damaged_batch(&self, index: usize) -> Error {
        damaged(&self.path, format!("expected a whole record batch {index}"))
    }
}

/// Refuses what the decoder would panic about, or ask too much memory for: buffers that are not
/// there, or that say of themselves that they grow beyond all measure.
fn check_buffers(
    batch: &arrow_ipc::RecordBatch<'_>,
    body: &[u8],
    projection: Option<&[usize]>,
) -> std::result::Result<(), ArrowError> {
    // Of the first column alone, only its validity and its values have been read.
    let n_read = if projection == Some(&[0]) { 2 } else { usize::MAX };
    let is_compressed = batch.compression().is_some();
    for buffer in batch.buffers().into_iter().flatten().take(n_read) {
        let bytes = usize::try_from(buffer.offset())
            .ok()
            .zip(usize::try_from(buffer.length()).ok())
            .and_then(|(offset, len)| body.get(offset..offset.checked_add(len)?));
        let is_sound = match bytes {
            Some(bytes) if is_compressed && !bytes.is_empty() => {
                bytes.first_chunk().is_some_and(|len| i64::from_le_bytes(*len) <= MAX_BUFFER_BYTES)
            }
            other => other.is_some(),
        };
        if !is_sound {
            return Err(ArrowError::IpcError("expected a whole record batch".to_owned()));
        }
    }
    Ok(())
}

/// What the buffers of a batch say of themselves that they become, as far as they can be read.
fn unpacked_bytes(block: &[u8], metadata_len: usize) -> u64 {
    let Some(batch) = message_of(block).ok().and_then(|message| message.header_as_record_batch())
    else {
        return 0;
    };
    let is_compressed = batch.compression().is_some();
    let body = block.get(metadata_len..).unwrap_or_default();
    let bytes_of = |buffer: &arrow_ipc::Buffer| {
        let told =
            usize::try_from(buffer.offset()).ok().and_then(|at| body.get(at..)?.first_chunk());
        match told.filter(|_| is_compressed && buffer.length() > 0) {
            Some(told) => u64::try_from(i64::from_le_bytes(*told)).unwrap_or_default(),
            None => 0,
        }
    };
    let buffers = batch.buffers().into_iter().flatten();
    buffers.map(bytes_of).fold(0, u64::saturating_add)
}

fn message_of(block: &[u8]) -> std::result::Result<arrow_ipc::Message<'_>, ArrowError> {
    let skip = if block.starts_with(&[0xff; 4]) { 8 } else { 4 };
    arrow_ipc::root_as_message(&block[skip..])
        .map_err(|error| ArrowError::ParseError(error.to_string()))
}

/// Reads from a place in a file that others may read at the same time.
pub(crate) fn read_at(file: &File, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset);
    #[cfg(windows)]
    {
        use std::io::{Error, ErrorKind};
        use std::os::windows::fs::FileExt;
        let mut n_read = 0;
        while n_read < buffer.len() {
            match file.seek_read(&mut buffer[n_read..], offset + n_read as u64) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => n_read += n,
                Err(error) if Error::kind(&error) == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
