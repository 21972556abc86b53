//! Where records wait between replaying and merging: one temporary file, in which each partition
//! has pieces.
//!
//! A partition is a range of keys of one kind of records. Threads fill a buffer for each, and
//! write full ones to the end of the file, so that memory does not grow with the data.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::{AtPath, Result};
use crate::files::Files;
use crate::ipc::read_at;

/// A piece of a partition: where it stands in the file, and how long it is.
#[derive(Clone, Copy)]
struct Piece {
    offset: u64,
    len: usize,
}

/// The file and what is where in it. It goes when it is dropped.
pub(crate) struct Spill {
    file: File,
    path: PathBuf,
    end: AtomicU64,
    pieces: Vec<Mutex<Vec<Piece>>>,
}

impl Spill {
    pub(crate) fn create(files: Files<'_>, path: &Path, n_partitions: usize) -> Result<Spill> {
        files.remove(path)?;
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path);
        let file = file.at(path)?;
        // Where the system allows it the file has no name any more, and so goes with the process,
        // however that ends.
        if cfg!(unix) {
            std::fs::remove_file(path).at(path)?;
        }
        let pieces = (0..n_partitions).map(|_| Mutex::default()).collect();
        Ok(Spill { file, path: path.to_owned(), end: AtomicU64::new(0), pieces })
    }

    fn pieces(&self, partition: usize) -> std::sync::MutexGuard<'_, Vec<Piece>> {
        self.pieces[partition].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, partition: usize, bytes: &[u8]) -> Result<()> {
        let len = bytes.len();
        let offset = self.end.fetch_add(len as u64, Ordering::Relaxed);
        write_at(&self.file, offset, bytes).at(&self.path)?;
        self.pieces(partition).push(Piece { offset, len });
        Ok(())
    }

    pub(crate) fn n_partitions(&self) -> usize {
        self.pieces.len()
    }

    /// How many bytes were written.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.end.load(Ordering::Relaxed)
    }

    /// Reads pieces of a partition from number `first` on until `bytes` holds `max_bytes`, one at
    /// least, and returns the number of the next, or `None` if there is none.
    pub(crate) fn read(
        &self,
        partition: usize,
        first: usize,
        max_bytes: usize,
        bytes: &mut Vec<u8>,
    ) -> Result<Option<usize>> {
        let pieces = self.pieces(partition).clone();
        bytes.clear();
        let mut last = first;
        let mut len = 0;
        while let Some(piece) = pieces.get(last)
            && (len == 0 || len + piece.len <= max_bytes)
        {
            len += piece.len;
            last += 1;
        }
        bytes.resize(len, 0);
        let mut rest = &mut bytes[..];
        for piece in &pieces[first..last] {
            let (own, others) = rest.split_at_mut(piece.len);
            read_at(&self.file, piece.offset, own).at(&self.path)?;
            rest = others;
        }
        Ok((last < pieces.len()).then_some(last))
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        if !cfg!(unix) {
            // It is removed by the next run otherwise.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// What one thread has not written yet, by partition.
pub(crate) struct Buffers {
    parts: Vec<Vec<u8>>,
    /// Bytes at which a part is written.
    part_bytes: usize,
}

impl Buffers {
    pub(crate) fn new(n_partitions: usize, part_bytes: usize) -> Buffers {
        Buffers { parts: vec![Vec::new(); n_partitions], part_bytes }
    }

    #[inline]
    pub(crate) fn push(&mut self, spill: &Spill, partition: usize, record: &[u8]) -> Result<()> {
        let part = &mut self.parts[partition];
        if part.len() + record.len() > self.part_bytes {
            spill.write(partition, part)?;
            part.clear();
        }
        if part.capacity() == 0 {
            part.reserve_exact(self.part_bytes.max(record.len()));
        }
        part.extend_from_slice(record);
        Ok(())
    }

    /// Writes what is left.
    pub(crate) fn flush(self, spill: &Spill) -> Result<()> {
        let parts = self.parts.into_iter().enumerate().filter(|(_, part)| !part.is_empty());
        parts.into_iter().try_for_each(|(partition, part)| spill.write(partition, &part))
    }
}

/// Writes to a place in a file into which others may write at the same time.
fn write_at(file: &File, offset: u64, bytes: &[u8]) -> std::io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::write_all_at(file, bytes, offset);
    #[cfg(windows)]
    {
        use std::os::windows::fs::FileExt;
        let mut n_written = 0;
        while n_written < bytes.len() {
            match file.seek_write(&bytes[n_written..], offset + n_written as u64) {
                Ok(0) => return Err(std::io::ErrorKind::WriteZero.into()),
                Ok(n) => n_written += n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn partitions_come_back_a_part_at_a_time_and_nothing_is_left() {
        let dir = TempDir::new("spill");
        let path = dir.path().join("spill.tmp");
        let spill = Spill::create(Files::new(None), &path, 3).unwrap();
        let mut buffers = Buffers::new(3, 16);
        for number in 0..100_u64 {
            let partition = (number % 2) as usize;
            buffers.push(&spill, partition, &number.to_le_bytes()).unwrap();
        }
        buffers.flush(&spill).unwrap();
        assert_eq!(spill.size_bytes(), 800);
        let read = |partition, max_bytes| {
            let (mut all, mut bytes, mut next, mut n_reads) = (Vec::new(), Vec::new(), Some(0), 0);
            while let Some(first) = next {
                next = spill.read(partition, first, max_bytes, &mut bytes).unwrap();
                let numbers = bytes.as_chunks().0.iter().map(|n| u64::from_le_bytes(*n));
                all.extend(numbers);
                n_reads += 1;
            }
            (all, n_reads)
        };
        let odd: Vec<u64> = (0..100).filter(|n| n % 2 == 1).collect();
        assert_eq!(read(1, 1_000), (odd.clone(), 1));
        assert_eq!(read(1, 160), (odd.clone(), 3));
        assert_eq!(read(1, 1), (odd, 25));
        assert_eq!(read(2, 1), (vec![], 1));
        drop(spill);
        assert!(!path.exists());
    }
}
