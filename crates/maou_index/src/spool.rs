//! Bytes that are written one after the other before it is known where they will stand: in memory
//! while they are few, in a file otherwise.

use std::io::{BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};

use maou_io::Result;

use crate::error::AtPath;
use crate::temporary::TemporaryFile;

/// What a spool keeps in memory.
const MEMORY_BYTES: usize = 1 << 20;

pub(crate) struct Spool {
    dir: PathBuf,
    name: &'static str,
    memory: Vec<u8>,
    file: Option<TemporaryFile>,
    len: u64,
}

impl Spool {
    /// A spool whose file, if it needs one, stands in the folder `dir` and is named after `name`.
    pub(crate) fn new(dir: &Path, name: &'static str) -> Spool {
        Spool { dir: dir.to_owned(), name, memory: Vec::new(), file: None, len: 0 }
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.len += bytes.len() as u64;
        self.memory.extend_from_slice(bytes);
        if self.memory.len() >= MEMORY_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let TemporaryFile { file, path } = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(TemporaryFile::create(&self.dir, self.name)?),
        };
        file.write_all(&self.memory).at(path)?;
        self.memory.clear();
        Ok(())
    }

    /// Hands over all bytes, a piece at a time.
    pub(crate) fn read(&mut self, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if let Some(TemporaryFile { file, path }) = &mut self.file {
            file.rewind().at(path)?;
            let mut reader = BufReader::with_capacity(1 << 20, file);
            let mut buffer = vec![0; 1 << 20];
            loop {
                let n = reader.read(&mut buffer).at(path)?;
                if n == 0 {
                    break;
                }
                take(&buffer[..n])?;
            }
        }
        take(&self.memory)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn bytes_come_back_from_memory_and_from_the_file() {
        let dir = std::env::temp_dir().join(format!("maou-spool-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        for n in [10_u32, 3_000_000] {
            let mut spool = Spool::new(&dir, "x");
            for i in 0..n {
                spool.push(&i.to_le_bytes()).unwrap();
            }
            let mut found = Vec::new();
            spool
                .read(|bytes| {
                    found.extend_from_slice(bytes);
                    Ok(())
                })
                .unwrap();
            assert_eq!(spool.len(), u64::from(n) * 4);
            assert!((0..n).flat_map(u32::to_le_bytes).eq(found));
        }
        fs::remove_dir(&dir).unwrap();
    }
}
