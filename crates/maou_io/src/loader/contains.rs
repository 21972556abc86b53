//! Which keys a split has: its rows ascend by key, so each is looked for by halves.

use super::rows::TrainingRows;
use crate::error::Result;

/// The bit of a key that tells the side to move, which training sets leave out.
const COLOR: u64 = 1;

impl TrainingRows {
    /// Writes for each key whether a row has it, but for the color's bit: 1 or 0.
    ///
    /// The manifest tells which file may have a key. Of those, the keys of no more record batches
    /// are read than it takes: about as many as the logarithm of their number for one key, and each
    /// at most once. With `check` the hash of such a file is compared before its first use, since
    /// damage may hide in keys that are still in order. `go_on` is asked before each file.
    ///
    /// # Errors
    /// A file that cannot be read, is not the one that was written, or holds keys out of order.
    ///
    /// # Panics
    /// If there is no place for each result.
    pub fn contains(
        &self,
        keys: &[u64],
        check: bool,
        out: &mut [u8],
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<()> {
        assert_eq!(keys.len(), out.len(), "a result for each key");
        out.fill(0);
        let mut sorted: Vec<(u64, usize)> =
            keys.iter().enumerate().map(|(i, key)| (key & !COLOR, i)).collect();
        sorted.sort_unstable();
        for part in self.parts()? {
            let below = sorted.partition_point(|(key, _)| *key < part.first_key);
            let not_above = sorted.partition_point(|(key, _)| *key <= part.last_key);
            if below == not_above {
                continue;
            }
            if !go_on() {
                break;
            }
            if check {
                self.check_file(part.file)?;
            }
            self.look(&sorted[below..not_above], part.chunks.start, part.chunks.end, out)?;
        }
        Ok(())
    }

    /// Looks for sorted keys in record batches `start..end`.
    fn look(
        &self,
        wanted: &[(u64, usize)],
        start: usize,
        end: usize,
        out: &mut [u8],
    ) -> Result<()> {
        if wanted.is_empty() || start == end {
            return Ok(());
        }
        let middle = start + (end - start) / 2;
        let keys = self.keys(middle)?;
        let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Ok(()) };
        let below = wanted.partition_point(|(key, _)| key < first);
        let not_above = wanted.partition_point(|(key, _)| key <= last);
        let mut at = 0;
        for &(key, i) in &wanted[below..not_above] {
            at = gallop(&keys, at, key);
            out[i] = u8::from(keys.get(at) == Some(&key));
        }
        drop(keys);
        self.look(&wanted[..below], start, middle, out)?;
        self.look(&wanted[not_above..], middle + 1, end, out)
    }
}

/// The first place from `at` on whose key is not below `key`: in steps that double, then by halves.
fn gallop(keys: &[u64], at: usize, key: u64) -> usize {
    let mut step = 1;
    while at + step < keys.len() && keys[at + step] < key {
        step *= 2;
    }
    let end = (at + step + 1).min(keys.len());
    at + keys[at..end].partition_point(|found| *found < key)
}
