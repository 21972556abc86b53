//! Writing one games file beside its final name.

use std::fs::File;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use crate::error::Result;
use crate::files::Files;
use crate::ipc::{EncodedBatch, Layout};
use crate::journal::beside_name;
use crate::report::Compression;
use crate::schema::games_schema;

/// A games file that is being written.
pub(crate) struct ShardWriter<'a> {
    files: Files<'a>,
    number: u32,
    path: PathBuf,
    file: File,
    layout: Layout,
    hash: Xxh3,
    size_bytes: u64,
}

/// A games file that is written and durable, but beside its final name.
pub(crate) struct WrittenShard {
    pub(crate) path: PathBuf,
    pub(crate) xxh3: u64,
    pub(crate) size_bytes: u64,
}

impl<'a> ShardWriter<'a> {
    pub(crate) fn create(
        files: Files<'a>,
        dir: &Path,
        number: u32,
        sequence: usize,
        compression: Compression,
    ) -> Result<ShardWriter<'a>> {
        let path = dir.join(beside_name(number, sequence));
        let mut layout = Layout::new(games_schema(), compression);
        let header = layout.header();
        let file = files.create(&path)?;
        let mut writer =
            ShardWriter { files, number, path, file, layout, hash: Xxh3::new(), size_bytes: 0 };
        writer.write(&header)?;
        Ok(writer)
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn batch(&mut self, batch: &EncodedBatch) -> Result<()> {
        self.layout.add(batch);
        self.write(&batch.bytes)
    }

    /// Writes the footer and makes the file durable.
    pub(crate) fn finish(mut self) -> Result<WrittenShard> {
        self.write(&self.layout.footer())?;
        self.files.sync(&self.file, &self.path)?;
        let ShardWriter { path, hash, size_bytes, .. } = self;
        Ok(WrittenShard { path, xxh3: hash.digest(), size_bytes })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        self.size_bytes += bytes.len() as u64;
        self.files.write(&mut self.file, bytes, &self.path)
    }
}
