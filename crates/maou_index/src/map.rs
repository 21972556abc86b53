//! A file in memory of which nothing is believed before its checksum has been looked at.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use maou_io::Result;
use memmap2::Mmap;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::{AtPath, unusable};

/// Bytes under one checksum.
pub(crate) const BLOCK: usize = 1 << 16;

/// Where the blocks begin in a file: all offsets count from there.
pub(crate) const BASE: usize = 64;

#[cfg(target_endian = "big")]
compile_error!("an index is read as it stands in its file, which is little-endian");

/// Types of which any bytes are a value.
///
/// # Safety
///
/// Only for plain numbers.
pub(crate) unsafe trait Plain: Copy + 'static {}
// SAFETY: a plain number.
unsafe impl Plain for u8 {}
// SAFETY: a plain number.
unsafe impl Plain for u16 {}
// SAFETY: a plain number.
unsafe impl Plain for i16 {}
// SAFETY: a plain number.
unsafe impl Plain for u32 {}
// SAFETY: a plain number.
unsafe impl Plain for i32 {}
// SAFETY: a plain number.
unsafe impl Plain for u64 {}
// SAFETY: a plain number.
unsafe impl Plain for f64 {}

/// A mapped file whose blocks are checked when they are first looked at.
pub(crate) struct Map {
    path: PathBuf,
    mend: String,
    bytes: Mmap,
    /// Where the blocks end, counted from [`BASE`].
    data_len: usize,
    /// A checksum for each block.
    checksums: Vec<u64>,
    /// A bit for each block that was found as it should be.
    is_sound: Vec<AtomicU64>,
}

impl Map {
    pub(crate) fn open(path: &Path, mend: &str) -> Result<Map> {
        let file = File::open(path).at(path)?;
        // SAFETY: files of an index are never changed once they have their name: a build writes
        // others and replaces them. Whoever changes one all the same may see this process end, or
        // numbers that are checked as those of any damaged file.
        let bytes = unsafe { Mmap::map(&file) }.at(path)?;
        Ok(Map {
            path: path.to_owned(),
            mend: mend.to_owned(),
            bytes,
            data_len: 0,
            checksums: Vec::new(),
            is_sound: Vec::new(),
        })
    }

    pub(crate) fn damaged(&self, what: impl std::fmt::Display) -> maou_io::Error {
        unusable(&self.path, format!("damaged: {what}"), &self.mend)
    }

    /// The bytes, checked by the caller.
    pub(crate) fn unchecked(&self) -> &[u8] {
        &self.bytes
    }

    fn data(&self) -> &[u8] {
        &self.bytes[BASE..]
    }

    /// From here on, blocks below `data_len` can be looked at.
    pub(crate) fn set_checksums(&mut self, data_len: usize, checksums: Vec<u64>) {
        self.is_sound = (0..checksums.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        (self.data_len, self.checksums) = (data_len, checksums);
    }

    fn check_block(&self, block: usize) -> Result<()> {
        let range = block * BLOCK..self.data_len.min((block + 1) * BLOCK);
        if self.checksums.get(block) != Some(&xxh3_64(&self.data()[range])) {
            let at = BASE + block * BLOCK;
            return Err(self.damaged(format_args!("expected another content from byte {at}")));
        }
        self.is_sound[block / 64].fetch_or(1 << (block % 64), Ordering::Release);
        Ok(())
    }

    /// Checks the blocks of a range.
    #[inline]
    pub(crate) fn ensure(&self, range: Range<usize>) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        if range.end > self.data_len {
            return Err(self.damaged("expected places within the file"));
        }
        for block in range.start / BLOCK..=(range.end - 1) / BLOCK {
            if self.is_sound[block / 64].load(Ordering::Acquire) >> (block % 64) & 1 == 0 {
                self.check_block(block)?;
            }
        }
        Ok(())
    }

    /// Checks all blocks.
    pub(crate) fn ensure_all(&self) -> Result<()> {
        self.ensure(0..self.data_len)
    }

    #[inline]
    pub(crate) fn bytes(&self, range: Range<usize>) -> Result<&[u8]> {
        self.ensure(range.clone())?;
        Ok(&self.data()[range])
    }

    /// Numbers that begin at byte `offset`, which is a multiple of 8.
    #[inline]
    pub(crate) fn numbers<T: Plain>(&self, offset: usize, range: Range<usize>) -> Result<&[T]> {
        let size = size_of::<T>();
        let bytes = self.bytes(offset + range.start * size..offset + range.end * size)?;
        // SAFETY: any bytes are a value of the type; the map begins on a page, and offsets are
        // multiples of the alignment, which `align_to` checks.
        let (before, numbers, after) = unsafe { bytes.align_to::<T>() };
        if !before.is_empty() || !after.is_empty() {
            return Err(self.damaged("expected numbers at a multiple of their size"));
        }
        Ok(numbers)
    }
}
