//! New files of many megabytes, written from start to end.
//!
//! What is written as usual is copied into pages of memory that the system makes for it, and its own
//! threads take them to the disk. On Linux a file can be written past all that, straight from a
//! buffer that stands at a round address, at places in the file that are round, too. Decision 0011
//! says what that is worth.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Addresses and places that every disk takes.
const ALIGNMENT: usize = 4096;

/// How many bytes are written at a time: enough that a disk is at work, not at waiting.
const BUFFER_BYTES: usize = 2 << 20;

/// A file that is being written.
pub(crate) struct LargeFile {
    file: File,
    /// The same, opened so that the system's cache is passed by, where that can be.
    direct: Option<File>,
    /// Room for the buffer and the way to its start, which is at a round address. Never grows.
    room: Vec<u8>,
    start: usize,
    /// Bytes in the buffer, and those that were written before.
    n_buffered: usize,
    n_written: u64,
}

impl LargeFile {
    /// Creates a file, which keeps nothing of an older one.
    pub(crate) fn create(path: &Path) -> io::Result<LargeFile> {
        // So that it is empty, and whatever is wrong with the path is told as usual.
        let file = File::create(path)?;
        let room = vec![0; BUFFER_BYTES + ALIGNMENT];
        Ok(LargeFile {
            file,
            direct: open_direct(path),
            start: room.as_ptr().align_offset(ALIGNMENT),
            room,
            n_buffered: 0,
            n_written: 0,
        })
    }

    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let n = bytes.len().min(BUFFER_BYTES - self.n_buffered);
            let (now, later) = bytes.split_at(n);
            self.room[self.start + self.n_buffered..][..n].copy_from_slice(now);
            self.n_buffered += n;
            bytes = later;
            if self.n_buffered == BUFFER_BYTES {
                self.flush(BUFFER_BYTES)?;
            }
        }
        Ok(())
    }

    /// Writes what is left, and returns the file, of which nothing is safe from a power cut yet.
    pub(crate) fn finish(mut self) -> io::Result<File> {
        let len = self.n_written + self.n_buffered as u64;
        let n_round = self.n_buffered.next_multiple_of(ALIGNMENT);
        self.room[self.start..][self.n_buffered..n_round].fill(0);
        self.flush(n_round)?;
        self.file.set_len(len)?;
        Ok(self.file)
    }

    /// Writes so many bytes of the buffer.
    fn flush(&mut self, n: usize) -> io::Result<()> {
        let bytes = &self.room[self.start..][..n];
        let file = self.direct.as_ref().unwrap_or(&self.file);
        match write_at(file, self.n_written, bytes) {
            // Some file systems only say here that they always use the cache.
            Err(error) if self.direct.is_some() && error.kind() == io::ErrorKind::InvalidInput => {
                self.direct = None;
                write_at(&self.file, self.n_written, bytes)?;
            }
            other => other?,
        }
        self.n_written += n as u64;
        self.n_buffered = 0;
        Ok(())
    }
}

/// The file, opened so that the cache is passed by; `None` where that cannot be.
#[cfg(target_os = "linux")]
fn open_direct(path: &Path) -> Option<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).custom_flags(libc::O_DIRECT).open(path).ok()
}

#[cfg(not(target_os = "linux"))]
fn open_direct(_path: &Path) -> Option<File> {
    None
}

/// Writes to a place in a file into which others may write at the same time.
pub(crate) fn write_at(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::write_all_at(file, bytes, offset);
    #[cfg(windows)]
    {
        use std::os::windows::fs::FileExt;
        let mut n_written = 0;
        while n_written < bytes.len() {
            match file.seek_write(&bytes[n_written..], offset + n_written as u64) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => n_written += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
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

    /// Bytes without a period that a mistake could hide in.
    fn bytes(n: usize) -> Vec<u8> {
        (0..n).map(|index| (index * index / 7) as u8).collect()
    }

    #[test]
    fn files_are_what_was_written_whatever_their_length() {
        let dir = TempDir::new("large-file");
        let path = dir.path().join("x");
        let lens = [0, 1, ALIGNMENT, ALIGNMENT + 1, BUFFER_BYTES, 2 * BUFFER_BYTES + 4097];
        for n in lens {
            let expected = bytes(n);
            std::fs::write(&path, bytes(3 * BUFFER_BYTES)).unwrap();
            for is_direct in [true, false] {
                let mut file = LargeFile::create(&path).unwrap();
                if !is_direct {
                    file.direct = None;
                }
                for part in expected.chunks(777_777) {
                    file.write(part).unwrap();
                }
                drop(file.finish().unwrap());
                assert!(std::fs::read(&path).unwrap() == expected, "{n} bytes, {is_direct}");
            }
        }
    }

    /// A buffer at an address that is not round is refused as by a file system that has no such way.
    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_refused_goes_through_the_cache() {
        let dir = TempDir::new("large-file-refused");
        let path = dir.path().join("x");
        let mut file = LargeFile::create(&path).unwrap();
        if file.direct.is_none() {
            return;
        }
        file.start = (file.start + 1) % ALIGNMENT;
        let expected = bytes(BUFFER_BYTES + 5);
        file.write(&expected).unwrap();
        assert!(file.direct.is_none());
        drop(file.finish().unwrap());
        assert!(std::fs::read(&path).unwrap() == expected);
    }
}
