//! How many games of a dataset are there twice or more, in memory that does not grow with it.

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;

use crate::error::Result;
use crate::ipc::IpcFile;

/// Ids held at a time: 32 MB.
const IDS_PER_PASS: u64 = 4_000_000;

/// Counts the games whose id an earlier game has, over all `files`, which hold `n_games`, and
/// `ids` that are in no file.
pub(crate) fn count(files: &[IpcFile], n_games: u64, ids: &[u64]) -> Result<u64> {
    count_in_passes(files, (n_games + ids.len() as u64).div_ceil(IDS_PER_PASS).max(1), ids)
}

/// Ids are hashes, so equal parts of their range hold equally many: one part for each pass.
fn count_in_passes(files: &[IpcFile], n_passes: u64, ids: &[u64]) -> Result<u64> {
    let part = |id: u64| ((u128::from(id) * u128::from(n_passes)) >> 64) as u64;
    let mut n_duplicates = 0;
    let mut seen = Vec::new();
    for pass in 0..n_passes {
        seen.clear();
        seen.extend(ids.iter().copied().filter(|&id| part(id) == pass));
        for file in files {
            for index in 0..file.n_batches() {
                let batch = file.first_column(index)?;
                let ids = batch.column(0).as_primitive::<UInt64Type>().values();
                seen.extend(ids.iter().copied().filter(|&id| part(id) == pass));
            }
        }
        seen.sort_unstable();
        n_duplicates += seen.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
    }
    Ok(n_duplicates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_further_copy_counts_whatever_the_number_of_passes() {
        let ids = [5, u64::MAX, 7, 5, 1 << 63, 5, u64::MAX];
        for n_passes in 1..6 {
            assert_eq!(count_in_passes(&[], n_passes, &ids).unwrap(), 3);
        }
        assert_eq!(count(&[], 0, &[]).unwrap(), 0);
    }
}
