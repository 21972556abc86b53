//! Sorting the keys of positions within bounded memory: by their highest bits into parts, which are
//! sorted one after the other.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use maou_io::{Result, stream_in_order};

use crate::error::AtPath;
use crate::segment_writer::KeyWriter;
use crate::temporary::TemporaryFile;

/// A key and the number of its position.
type Entry = (u64, u32);

/// Bytes of an entry in memory, with the room that a growing list has beyond its end.
const ENTRY_MEMORY: usize = 24;

/// Bytes of an entry in the file.
const ENTRY_BYTES: usize = 12;

#[derive(Default)]
struct Part {
    entries: Vec<Entry>,
    /// Where entries stand in the file, and how many.
    spilled: Vec<(u64, usize)>,
}

pub(crate) struct KeySorter {
    dir: PathBuf,
    file: Option<TemporaryFile>,
    file_len: u64,
    parts: Vec<Part>,
    part_bits: u32,
    /// Entries in memory, and how many there may be.
    n: usize,
    max: usize,
}

impl KeySorter {
    /// A sorter for about `expected` keys, whose file stands in the folder `dir`.
    pub(crate) fn new(dir: &Path, memory: u64, expected: u64) -> KeySorter {
        let bytes = expected.saturating_mul(ENTRY_MEMORY as u64);
        // Some parts are sorted at a time, beside the others.
        let n_parts = (bytes / (memory / 16).max(1)).clamp(64, 4096).next_power_of_two();
        KeySorter {
            dir: dir.to_owned(),
            file: None,
            file_len: 0,
            parts: (0..n_parts).map(|_| Part::default()).collect(),
            part_bits: n_parts.trailing_zeros(),
            n: 0,
            max: (memory / 2) as usize / ENTRY_MEMORY,
        }
    }

    /// Adds the keys of positions that are numbered from `first`.
    pub(crate) fn push(&mut self, keys: &[u64], first: u32) -> Result<()> {
        let shift = 64 - self.part_bits;
        for (key, position) in keys.iter().zip(first..) {
            self.parts[(key >> shift) as usize].entries.push((*key, position));
        }
        self.n += keys.len();
        if self.n > self.max { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> Result<()> {
        let TemporaryFile { file, path } = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(TemporaryFile::create(&self.dir, "sorter")?),
        };
        let mut bytes = Vec::new();
        for part in &mut self.parts {
            if part.entries.is_empty() {
                continue;
            }
            bytes.clear();
            for (key, position) in &part.entries {
                bytes.extend_from_slice(&key.to_le_bytes());
                bytes.extend_from_slice(&position.to_le_bytes());
            }
            file.write_all(&bytes).at(path)?;
            part.spilled.push((self.file_len, part.entries.len()));
            self.file_len += bytes.len() as u64;
            part.entries = Vec::new();
        }
        self.n = 0;
        Ok(())
    }

    /// Hands all keys over in order, sorted on so many threads; `false` if `tick` stopped it.
    pub(crate) fn finish(
        mut self,
        writer: &mut KeyWriter,
        n_threads: usize,
        tick: &mut dyn FnMut() -> bool,
    ) -> Result<bool> {
        let file = Mutex::new(self.file.take());
        let parts = std::mem::take(&mut self.parts).into_iter();
        let worker = || {
            |part: Part| -> Result<Vec<Entry>> {
                let mut entries = read_back(&file, &part)?;
                entries.extend(part.entries);
                entries.sort_unstable();
                Ok(entries)
            }
        };
        let mut last = None;
        let mut consume = |entries: Vec<Entry>| {
            for (key, position) in entries {
                if last != Some(key) {
                    writer.add_key(key)?;
                    last = Some(key);
                }
                writer.add_position(position)?;
            }
            Ok(())
        };
        stream_in_order(n_threads, parts, worker, &mut consume, tick)
    }
}

fn read_back(file: &Mutex<Option<TemporaryFile>>, part: &Part) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut bytes = Vec::new();
    for (offset, n) in &part.spilled {
        bytes.resize(n * ENTRY_BYTES, 0);
        let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let TemporaryFile { file, path } = file.as_mut().expect("what was spilled is in the file");
        file.seek(SeekFrom::Start(*offset)).at(path)?;
        file.read_exact(&mut bytes).at(path)?;
        entries.extend(bytes.as_chunks::<ENTRY_BYTES>().0.iter().map(|entry| {
            let (key, position) = entry.split_first_chunk::<8>().expect("12 bytes");
            let position: &[u8; 4] = position.first_chunk().expect("12 bytes");
            (u64::from_le_bytes(*key), u32::from_le_bytes(*position))
        }));
    }
    Ok(entries)
}
