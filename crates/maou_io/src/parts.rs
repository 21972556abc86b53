//! A large file of teacher records, read from front to back in parts that several threads decode.
//!
//! The parts of a file depend on its content alone. Whoever takes a part reads it, after those who
//! took the parts before have read theirs, so that the file is read once and in order, and its hash
//! is made on the way.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

use maou_shogi::teacher::{GameLen, hcpe3_game_len};
use xxhash_rust::xxh3::Xxh3;

use crate::source_table::UNREADABLE_HASH;
use crate::teacher::{As, HEAD_BYTES, Part, detect};

/// Bytes of a part; a file with no more is read at once.
pub(crate) const PART_BYTES: u64 = 4_000_000;

/// A part that was read.
#[derive(Debug, Default)]
pub(crate) struct PartRead {
    bytes: Vec<u8>,
    first_byte: u64,
    first_record: u64,
    /// Hash and size of the whole file, with its last part.
    pub(crate) end: Option<(u64, u64)>,
}

impl PartRead {
    pub(crate) fn part(&self) -> Part<'_> {
        let PartRead { bytes, first_byte, first_record, .. } = self;
        Part { bytes, first_byte: *first_byte, first_record: *first_record }
    }
}

/// A file that is read part by part.
#[derive(Debug)]
pub(crate) struct PartFile {
    path: PathBuf,
    format: As,
    size_bytes: u64,
    state: Mutex<State>,
    turn: Condvar,
}

struct State {
    /// Open from the first part to the last: no more files are than there are threads.
    file: Option<File>,
    hash: Xxh3,
    n_read: u64,
    /// Index of the part that comes next.
    next: u64,
    /// What was read and belongs to the part that comes next.
    rest: Vec<u8>,
    n_records: u64,
    /// Whether it is not known where the next record begins: nothing further is decoded.
    is_lost: bool,
    /// Whether nothing further can be read.
    has_failed: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("next", &self.next).finish_non_exhaustive()
    }
}

impl PartFile {
    /// Takes a file if it is worth reading in parts: a large one of teacher records, told by its
    /// content or by `format`. What cannot be opened is left to those who read files.
    pub(crate) fn find(path: &Path, size_bytes: u64, format: Option<As>) -> Option<PartFile> {
        if size_bytes <= PART_BYTES {
            return None;
        }
        let format = match format {
            Some(format) => format,
            None => {
                let mut head = vec![0; HEAD_BYTES];
                File::open(path).and_then(|mut file| file.read_exact(&mut head)).ok()?;
                detect(&head).ok()??
            }
        };
        let state = State {
            file: None,
            hash: Xxh3::new(),
            n_read: 0,
            next: 0,
            rest: Vec::new(),
            n_records: 0,
            is_lost: false,
            has_failed: false,
        };
        let (state, turn) = (Mutex::new(state), Condvar::new());
        Some(PartFile { path: path.to_owned(), format, size_bytes, state, turn })
    }

    pub(crate) fn format(&self) -> As {
        self.format
    }

    pub(crate) fn n_parts(&self) -> u64 {
        self.size_bytes.div_ceil(PART_BYTES)
    }

    /// Reads part `index`, after those before it.
    ///
    /// # Errors
    /// What the operating system says; the parts after that are empty.
    pub(crate) fn read(&self, index: u64) -> io::Result<PartRead> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.next < index {
            state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let is_last = index + 1 == self.n_parts();
        let target = if is_last { self.size_bytes } else { (index + 1) * PART_BYTES };
        let result = if state.has_failed {
            Ok(PartRead { end: is_last.then_some((UNREADABLE_HASH, 0)), ..PartRead::default() })
        } else {
            state.open(&self.path).and_then(|()| state.read(target, self.format, is_last))
        };
        state.has_failed |= result.is_err();
        if is_last {
            state.file = None;
        }
        state.next += 1;
        self.turn.notify_all();
        result
    }
}

impl State {
    fn open(&mut self, path: &Path) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(File::open(path)?);
        }
        Ok(())
    }

    /// Reads up to the byte `target`, and the records that begin before it.
    fn read(&mut self, target: u64, format: As, is_last: bool) -> io::Result<PartRead> {
        let mut bytes = std::mem::take(&mut self.rest);
        let first_byte = self.n_read - bytes.len() as u64;
        self.fill(&mut bytes, target)?;
        let n_wanted = (target.saturating_sub(first_byte) as usize).min(bytes.len());
        let (end, n_records) = if self.is_lost {
            (bytes.len(), 0)
        } else if let Some(size) = format.record_bytes() {
            let n = n_wanted.div_ceil(size);
            (n * size, n)
        } else {
            self.end_of_games(&mut bytes, n_wanted)?
        };
        // A record that begins before the target may end behind it.
        self.fill(&mut bytes, first_byte + end as u64)?;
        if !is_last {
            self.rest = bytes.split_off(end.min(bytes.len()));
        }
        let mut read = PartRead {
            first_byte,
            first_record: self.n_records,
            bytes,
            end: is_last.then(|| (self.hash.digest(), self.n_read)),
        };
        self.n_records += n_records as u64;
        if self.is_lost && n_records == 0 {
            read.bytes.clear();
        }
        Ok(read)
    }

    /// Where the games end that begin within the first `n_wanted` bytes, and how many there are.
    fn end_of_games(&mut self, bytes: &mut Vec<u8>, n_wanted: usize) -> io::Result<(usize, usize)> {
        let (mut end, mut n) = (0, 0);
        while end < n_wanted {
            match hcpe3_game_len(&bytes[end..]) {
                GameLen::Whole(len) => end += len,
                GameLen::Truncated(needed) => {
                    let start = self.n_read - bytes.len() as u64;
                    let n_before = bytes.len();
                    let more = (end + needed).max(bytes.len() + HEAD_BYTES);
                    self.fill(bytes, start + more as u64)?;
                    if bytes.len() > n_before {
                        continue;
                    }
                    // The file ends here.
                    end = bytes.len();
                }
                GameLen::Implausible(_) => {
                    self.is_lost = true;
                    end = bytes.len();
                }
            }
            n += 1;
        }
        Ok((end, n))
    }

    /// Reads on until the file's byte `target`, or its end.
    fn fill(&mut self, bytes: &mut Vec<u8>, target: u64) -> io::Result<()> {
        let wanted = target.saturating_sub(self.n_read);
        if wanted == 0 {
            return Ok(());
        }
        let from = bytes.len();
        bytes.reserve(wanted as usize);
        let Some(file) = &mut self.file else { return Ok(()) };
        let n = file.take(wanted).read_to_end(bytes)?;
        self.hash.update(&bytes[from..]);
        self.n_read += n as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::teacher::TeacherFormat;
    use crate::testing::TempDir;
    use xxhash_rust::xxh3::xxh3_64;

    fn parts(bytes: &[u8], format: As) -> Vec<PartRead> {
        let dir = TempDir::new("parts");
        let path = dir.path().join("f");
        std::fs::write(&path, bytes).unwrap();
        let file = PartFile::find(&path, bytes.len() as u64, Some(format)).unwrap();
        (0..file.n_parts()).map(|index| file.read(index).unwrap()).collect()
    }

    fn check(bytes: &[u8], format: As, n_records: impl Fn(&[u8]) -> u64) {
        let parts = parts(bytes, format);
        assert_eq!(parts.len() as u64, (bytes.len() as u64).div_ceil(PART_BYTES));
        let mut joined = Vec::new();
        let mut n = 0;
        for part in &parts {
            assert_eq!((part.first_byte, part.first_record), (joined.len() as u64, n));
            joined.extend_from_slice(&part.bytes);
            n += n_records(&part.bytes);
        }
        assert!(joined == bytes);
        let end = (xxh3_64(bytes), bytes.len() as u64);
        assert_eq!(parts.last().unwrap().end, Some(end));
        assert!(parts[..parts.len() - 1].iter().all(|part| part.end.is_none()));
    }

    #[test]
    fn records_of_one_size_are_not_cut() {
        for n in [4_000_001, 9_999_999, 12_000_000] {
            let bytes: Vec<u8> = (0..n).map(|i: usize| (i % 251) as u8).collect();
            check(&bytes, As::Hcpe1Or2, |part| part.len().div_ceil(38) as u64);
            check(&bytes, As::Format(TeacherFormat::Psv), |part| part.len().div_ceil(40) as u64);
        }
    }

    #[test]
    fn games_are_not_cut() {
        // A game of 300 moves without candidates, then one of 60,000 moves, and so on.
        let game = |n: u16| {
            let mut game = vec![0; 36 + 6 * usize::from(n)];
            game[32..34].copy_from_slice(&n.to_le_bytes());
            game
        };
        let mut bytes = Vec::new();
        while bytes.len() < 9_000_000 {
            bytes.extend(game(300));
            bytes.extend(game(60_000));
        }
        let count = |part: &[u8]| {
            let (mut at, mut n) = (0, 0);
            while at < part.len() {
                let GameLen::Whole(len) = hcpe3_game_len(&part[at..]) else { panic!("cut") };
                at += len;
                n += 1;
            }
            n
        };
        check(&bytes, As::Format(TeacherFormat::Hcpe3), count);
    }

    #[test]
    fn what_cannot_be_walked_over_is_read_but_not_handed_on() {
        let mut bytes = vec![0; 9_000_000];
        // Not a game without moves every 36 bytes, but a move with too many candidates.
        bytes[36 * 100 + 32] = 1;
        bytes[36 * 101 + 4] = 0xff;
        bytes[36 * 101 + 5] = 0xff;
        let parts = parts(&bytes, As::Format(TeacherFormat::Hcpe3));
        assert_eq!(parts.len(), 3);
        assert!(!parts[0].bytes.is_empty());
        assert!(parts[1].bytes.is_empty() && parts[2].bytes.is_empty());
        assert_eq!(parts[2].end, Some((xxh3_64(&bytes), 9_000_000)));
    }
}
