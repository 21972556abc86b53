//! Writing one file of games or of loose positions beside its final name.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_schema::SchemaRef;
use xxhash_rust::xxh3::Xxh3;

use crate::checked::open_file;
use crate::error::Result;
use crate::files::Files;
use crate::ipc::{BatchEncoder, EncodedBatch, IpcFile, Layout};
use crate::journal::beside_name;
use crate::report::Compression;
use crate::search_columns::widen;

/// A file of a table that is being written.
pub(crate) struct ShardWriter<'a> {
    files: Files<'a>,
    path: PathBuf,
    file: File,
    compression: Compression,
    layout: Layout,
    hash: Xxh3,
    size_bytes: u64,
}

/// A file of a table that is written and durable, but beside its final name.
pub(crate) struct WrittenShard {
    pub(crate) path: PathBuf,
    pub(crate) xxh3: u64,
    pub(crate) size_bytes: u64,
    pub(crate) schema: SchemaRef,
}

impl<'a> ShardWriter<'a> {
    pub(crate) fn create(
        files: Files<'a>,
        dir: &Path,
        name: &str,
        sequence: usize,
        compression: Compression,
        schema: SchemaRef,
    ) -> Result<ShardWriter<'a>> {
        let path = dir.join(beside_name(name, sequence));
        let file = files.create(&path)?;
        let layout = Layout::new(schema, compression);
        let (hash, size_bytes) = (Xxh3::new(), 0);
        let mut writer = ShardWriter { files, path, file, compression, layout, hash, size_bytes };
        writer.header()?;
        Ok(writer)
    }

    fn header(&mut self) -> Result<()> {
        let header = self.layout.header();
        self.write(&header)
    }

    /// Adds a batch. If it is the first one of games with what a search tells, the games before
    /// it are written once more with the same columns, which are null there.
    pub(crate) fn batch(&mut self, batch: &EncodedBatch) -> Result<()> {
        if batch.schema != *self.layout.schema() {
            self.widen(batch.schema.clone())?;
        }
        self.layout.add(batch);
        batch.parts().try_for_each(|part| self.write(part))
    }

    fn widen(&mut self, schema: SchemaRef) -> Result<()> {
        self.write(&self.layout.footer())?;
        let narrow = IpcFile::from_file(open_file(&self.path)?, &self.path)?;
        // A shard holds few games before its last source, the only one that may be large.
        let batches = (0..narrow.n_batches()).map(|index| narrow.batch(index, None));
        let batches = batches.collect::<Result<Vec<_>>>()?;
        drop(narrow);
        self.file = self.files.create(&self.path)?;
        self.layout = Layout::new(schema, self.compression);
        (self.hash, self.size_bytes) = (Xxh3::new(), 0);
        self.header()?;
        let mut encoder = BatchEncoder::new(self.compression);
        for batch in batches {
            let batch = encoder.encode(&widen(&batch)?)?;
            self.layout.add(&batch);
            batch.parts().try_for_each(|part| self.write(part))?;
        }
        Ok(())
    }

    /// Writes the footer and makes the file durable.
    pub(crate) fn finish(mut self) -> Result<WrittenShard> {
        self.write(&self.layout.footer())?;
        self.files.sync(&self.file, &self.path)?;
        let ShardWriter { path, hash, size_bytes, layout, .. } = self;
        Ok(WrittenShard { path, xxh3: hash.digest(), size_bytes, schema: layout.schema().clone() })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        self.size_bytes += bytes.len() as u64;
        self.files.write(&mut self.file, bytes, &self.path)
    }
}
