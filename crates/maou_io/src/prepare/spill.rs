//! Where records wait between replaying and merging: in memory as far as there is room, then in a few
//! temporary files, in which each partition has pieces.
//!
//! A partition is a range of keys of one kind of records. Threads fill a buffer for each; full ones
//! stay as they are while there is room, and are written to the end of its file from then on, so that
//! memory does not grow with the data. Partitions that follow each other share a file, which goes
//! when all of them were merged: so the disk holds what is still to be read and what was made of the
//! rest.

use std::fs::{File, OpenOptions};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

use crate::error::{AtPath, Result};
use crate::files::Files;
use crate::ipc::read_at;
use crate::large_file::write_at;

/// The most files that there are.
const MAX_FILES: usize = 32;

/// A piece of a partition.
enum Piece {
    Kept(Vec<u8>),
    /// Where it stands in the file, and how long it is.
    Written(u64, usize),
}

impl Piece {
    fn len(&self) -> usize {
        match self {
            Piece::Kept(bytes) => bytes.len(),
            Piece::Written(_, len) => *len,
        }
    }
}

/// The partitions of a file.
struct Shared {
    path: PathBuf,
    /// `None` when all that was in it is done with.
    file: RwLock<Option<File>>,
    end: AtomicU64,
    n_left: AtomicUsize,
}

impl Shared {
    fn create(files: Files<'_>, path: PathBuf, n_partitions: usize) -> Result<Shared> {
        files.remove(&path)?;
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path);
        let file = file.at(&path)?;
        // Where the system allows it the file has no name any more, and so goes with the process,
        // however that ends.
        if cfg!(unix) {
            std::fs::remove_file(&path).at(&path)?;
        }
        Ok(Shared {
            path,
            file: RwLock::new(Some(file)),
            end: AtomicU64::new(0),
            n_left: AtomicUsize::new(n_partitions),
        })
    }

    fn file(&self) -> RwLockReadGuard<'_, Option<File>> {
        self.file.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the file, which frees what it takes.
    fn close(&self) {
        let file = self.file.write().unwrap_or_else(PoisonError::into_inner).take();
        if file.is_some() && !cfg!(unix) {
            drop(file);
            // It is removed by the next run otherwise.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}

/// All pieces. The files go when it is dropped.
pub(crate) struct Spill {
    files: Vec<Shared>,
    partitions_per_file: usize,
    pieces: Vec<Mutex<Vec<Piece>>>,
    /// Bytes that may be kept beside those that are.
    room: AtomicUsize,
}

impl Spill {
    /// `path_of` names a file by its number; so many bytes are kept in memory, beside [`Buffers`].
    pub(crate) fn create(
        files: Files<'_>,
        path_of: impl Fn(usize) -> PathBuf,
        n_partitions: usize,
        kept_bytes: usize,
    ) -> Result<Spill> {
        let partitions_per_file = n_partitions.div_ceil(MAX_FILES).max(1);
        let file = |number: usize| {
            let n = partitions_per_file.min(n_partitions - number * partitions_per_file);
            Shared::create(files, path_of(number), n)
        };
        let n_files = n_partitions.div_ceil(partitions_per_file);
        Ok(Spill {
            files: (0..n_files).map(file).collect::<Result<_>>()?,
            partitions_per_file,
            pieces: (0..n_partitions).map(|_| Mutex::default()).collect(),
            room: AtomicUsize::new(kept_bytes),
        })
    }

    fn pieces(&self, partition: usize) -> std::sync::MutexGuard<'_, Vec<Piece>> {
        self.pieces[partition].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shared(&self, partition: usize) -> &Shared {
        &self.files[partition / self.partitions_per_file]
    }

    /// Lets as much more be kept, now that nothing is collected any more.
    pub(crate) fn make_room(&self, bytes: usize) {
        self.room.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Adds a piece, and empties the vector.
    fn put(&self, partition: usize, bytes: &mut Vec<u8>) -> Result<()> {
        let take = |room: usize| room.checked_sub(bytes.capacity());
        let piece = if self.room.try_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            Piece::Kept(std::mem::take(bytes))
        } else {
            let len = bytes.len();
            let shared = self.shared(partition);
            let offset = shared.end.fetch_add(len as u64, Ordering::Relaxed);
            write_at(opened(&shared.file()), offset, bytes).at(&shared.path)?;
            bytes.clear();
            Piece::Written(offset, len)
        };
        self.pieces(partition).push(piece);
        Ok(())
    }

    pub(crate) fn n_partitions(&self) -> usize {
        self.pieces.len()
    }

    /// How many bytes were written.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.end.load(Ordering::Relaxed)).sum()
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
        let pieces = self.pieces(partition);
        bytes.clear();
        let mut last = first;
        let mut len = 0;
        while let Some(piece) = pieces.get(last)
            && (len == 0 || len + piece.len() <= max_bytes)
        {
            len += piece.len();
            last += 1;
        }
        bytes.resize(len, 0);
        let mut rest = &mut bytes[..];
        let shared = self.shared(partition);
        let file = shared.file();
        for piece in &pieces[first..last] {
            let (own, others) = rest.split_at_mut(piece.len());
            match piece {
                Piece::Kept(bytes) => own.copy_from_slice(bytes),
                Piece::Written(offset, _) => {
                    read_at(opened(&file), *offset, own).at(&shared.path)?;
                }
            }
            rest = others;
        }
        Ok((last < pieces.len()).then_some(last))
    }

    /// Takes note that a partition is not read again.
    pub(crate) fn release(&self, partition: usize) {
        *self.pieces(partition) = Vec::new();
        let shared = self.shared(partition);
        if shared.n_left.fetch_sub(1, Ordering::AcqRel) == 1 {
            shared.close();
        }
    }
}

/// The file of partitions of which some are not done with.
fn opened(file: &Option<File>) -> &File {
    file.as_ref().expect("a partition is not released before it was read")
}

/// What one thread has not handed over yet, by partition.
pub(crate) struct Buffers {
    parts: Vec<Vec<u8>>,
    /// Bytes at which a part is handed over.
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
            spill.put(partition, part)?;
        }
        if part.capacity() == 0 {
            part.reserve_exact(self.part_bytes.max(record.len()));
        }
        part.extend_from_slice(record);
        Ok(())
    }

    /// Hands over what is left.
    pub(crate) fn flush(self, spill: &Spill) -> Result<()> {
        let parts = self.parts.into_iter().enumerate().filter(|(_, part)| !part.is_empty());
        parts.into_iter().try_for_each(|(partition, mut part)| spill.put(partition, &mut part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn a_file_goes_when_all_of_its_partitions_were_merged() {
        let dir = TempDir::new("spill-files");
        let path_of = |number: usize| dir.path().join(number.to_string());
        let spill = Spill::create(Files::new(None), path_of, 100, 0).unwrap();
        let closed = || -> Vec<usize> {
            let files = spill.files.iter().enumerate();
            files.filter(|(_, file)| file.file().is_none()).map(|(number, _)| number).collect()
        };
        // 25 files of 4 partitions.
        assert_eq!(spill.files.len(), 25);
        (0..7).for_each(|partition| spill.release(partition));
        assert_eq!(closed(), [0]);
        (7..100).for_each(|partition| spill.release(partition));
        assert_eq!(closed().len(), 25);
    }

    /// Kept are no pieces, some, those of the buffers' end, and all.
    #[test]
    fn partitions_come_back_a_part_at_a_time_and_nothing_is_left() {
        let dir = TempDir::new("spill");
        let path = dir.path().join("spill.tmp");
        let path_of = |number: usize| path.with_extension(number.to_string());
        for kept_bytes in [0, 16, 48, 1_000] {
            let spill = Spill::create(Files::new(None), path_of, 3, kept_bytes).unwrap();
            let mut buffers = Buffers::new(3, 16);
            for number in 0..102_u64 {
                let partition = (number % 2) as usize;
                buffers.push(&spill, partition, &number.to_le_bytes()).unwrap();
            }
            spill.make_room(32);
            buffers.flush(&spill).unwrap();
            assert_eq!(spill.size_bytes(), 800_u64.saturating_sub(kept_bytes as u64));
            let read = |partition, max_bytes| {
                let (mut all, mut bytes, mut next, mut n) = (Vec::new(), Vec::new(), Some(0), 0);
                while let Some(first) = next {
                    next = spill.read(partition, first, max_bytes, &mut bytes).unwrap();
                    let numbers = bytes.as_chunks().0.iter().map(|n| u64::from_le_bytes(*n));
                    all.extend(numbers);
                    n += 1;
                }
                (all, n)
            };
            let odd: Vec<u64> = (0..102).filter(|n| n % 2 == 1).collect();
            assert_eq!(read(1, 1_000), (odd.clone(), 1));
            assert_eq!(read(1, 160), (odd.clone(), 3));
            assert_eq!(read(1, 1), (odd, 26));
            assert_eq!(read(2, 1), (vec![], 1));
            assert_eq!((spill.files.len(), spill.n_partitions()), (3, 3));
            spill.release(1);
            assert!(spill.files[1].file().is_none() && spill.files[0].file().is_some());
            assert_eq!((read(0, 1_000).0.len(), read(1, 1_000).0.len()), (51, 0));
            drop(spill);
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        }
    }
}
