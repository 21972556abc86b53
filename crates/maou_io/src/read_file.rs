//! Reading many small files with few system calls and one buffer.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// A buffer that is reused from file to file.
#[derive(Default)]
pub(crate) struct FileBuffer {
    bytes: Vec<u8>,
}

/// The size of the largest record file that is read, of many games or of one.
pub(crate) const MAX_RECORD_BYTES: u64 = 1 << 30;

fn too_large() -> io::Error {
    io::Error::other("expected at most 1 GiB in one file of records, found more; split the file")
}

/// Above this, a buffer is given back after use.
const KEPT_BYTES: usize = 4 << 20;

impl FileBuffer {
    /// The whole file, whose size is probably `size_bytes`.
    pub(crate) fn read(&mut self, path: &Path, size_bytes: u64) -> io::Result<&[u8]> {
        if size_bytes > MAX_RECORD_BYTES {
            return Err(too_large());
        }
        let mut file = File::open(path)?;
        if self.bytes.len() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
        // One byte more, so that the read that finds the end needs no larger buffer.
        let wanted = usize::try_from(size_bytes).map_err(io::Error::other)? + 1;
        if self.bytes.len() < wanted {
            // Room for the next files, too, but not where one takes much.
            let room = if wanted > KEPT_BYTES { wanted } else { wanted.next_power_of_two() };
            self.bytes.resize(room, 0);
        }
        let mut len = 0;
        loop {
            if len as u64 > MAX_RECORD_BYTES {
                return Err(too_large());
            }
            if len == self.bytes.len() {
                self.bytes.resize(2 * len, 0);
            }
            match file.read(&mut self.bytes[len..]) {
                Ok(0) => return Ok(&self.bytes[..len]),
                Ok(n) => len += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn files_are_read_whole_whatever_size_was_expected() {
        let dir = TempDir::new("read");
        let path = dir.path().join("f");
        let mut buffer = FileBuffer::default();
        for len in [5_000, 0, 1, 4_096] {
            let content: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            std::fs::write(&path, &content).unwrap();
            for expected in [0, 100, 4_096, 10_000] {
                assert_eq!(buffer.read(&path, expected).unwrap(), content);
            }
        }
        assert!(buffer.read(dir.path(), 0).is_err());
    }
}
