//! Which games become rows of a training set.

use std::collections::HashSet;
use std::ffi::c_void;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt8Type, UInt64Type};
use arrow_array::{Array, LargeStringArray, PrimitiveArray, RecordBatch};
use arrow_schema::DataType;

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::ipc::IpcFile;
use crate::position_column::arrays_of;
use crate::training::manifest::{LeftOut, Selection};

/// A bit for each game of a dataset, by its row over all games files.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GameMask {
    words: Vec<u64>,
    len: usize,
}

impl GameMask {
    /// A mask without bits.
    pub fn new() -> GameMask {
        GameMask::default()
    }

    /// The mask of a stream of boolean columns, one after the other; null is as false.
    ///
    /// # Safety
    ///
    /// The pointer must be that of a valid `struct ArrowArrayStream`, which is moved away.
    ///
    /// # Errors
    ///
    /// If the stream fails or holds other things.
    pub unsafe fn from_raw_stream(stream: *mut c_void) -> std::result::Result<GameMask, String> {
        let mut mask = GameMask::new();
        // SAFETY: promised by the caller.
        for array in unsafe { arrays_of(stream)? } {
            let array = array?;
            if array.data_type() == &DataType::Null {
                (0..array.len()).for_each(|_| mask.push(false));
                continue;
            }
            let values = array.as_boolean_opt().ok_or_else(|| {
                format!("filter: expected true or false for each game, found {}", array.data_type())
            })?;
            values.iter().for_each(|stays| mask.push(stays == Some(true)));
        }
        Ok(mask)
    }

    /// Adds the bit of the next game.
    #[inline]
    pub fn push(&mut self, stays: bool) {
        if self.len.is_multiple_of(64) {
            self.words.push(0);
        }
        self.words[self.len / 64] |= u64::from(stays) << (self.len % 64);
        self.len += 1;
    }

    /// Number of games.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no games.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the game of a row stays.
    #[inline]
    pub fn get(&self, row: usize) -> bool {
        row < self.len && self.words[row / 64] >> (row % 64) & 1 == 1
    }

    fn clear(&mut self, row: usize) {
        self.words[row / 64] &= !(1 << (row % 64));
    }

    /// Clears all bits after the first `n` that are set, and returns how many those were.
    fn keep_first(&mut self, n: u64) -> u64 {
        let mut n_left = n;
        let mut n_cleared = 0;
        for row in 0..self.len {
            if !self.get(row) {
                continue;
            }
            if n_left > 0 {
                n_left -= 1;
            } else {
                self.clear(row);
                n_cleared += 1;
            }
        }
        n_cleared
    }

    /// Number of games that stay.
    pub fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }
}

impl FromIterator<bool> for GameMask {
    fn from_iter<I: IntoIterator<Item = bool>>(bits: I) -> GameMask {
        let mut mask = GameMask::new();
        bits.into_iter().for_each(|stays| mask.push(stays));
        mask
    }
}

/// A game that may stay: id, number of the dataset, row.
type Candidate = (u64, u8, u32);

/// Which games of each dataset stay; counts those that do not. `masks` are what a caller says of
/// the games of each dataset; `excluded` is ids.
pub(super) fn select(
    datasets: &[Dataset],
    masks: &[Option<GameMask>],
    selection: &Selection,
    excluded: &HashSet<u64>,
    left_out: &mut LeftOut,
) -> Result<Vec<GameMask>> {
    let mut candidates = Vec::new();
    let mut selected = Vec::with_capacity(datasets.len());
    for ((number, dataset), mask) in (0_u8..).zip(datasets).zip(masks) {
        let mut stays = GameMask::new();
        let mut row = 0;
        each_batch(dataset, &columns_of(selection), &mut |batch| {
            let filter = Filter::new(batch, selection);
            for (index, id) in filter.ids.iter().enumerate() {
                let is_game = !filter.is_variation(index);
                left_out.variations += u64::from(!is_game);
                let passes = is_game
                    && mask.as_ref().is_none_or(|mask| mask.get(row))
                    && filter.passes(index);
                left_out.games_filtered += u64::from(is_game && !passes);
                let is_excluded = passes && excluded.contains(id);
                left_out.games_excluded += u64::from(is_excluded);
                stays.push(passes && !is_excluded);
                if passes && !is_excluded {
                    candidates.push((*id, number, row as u32));
                }
                row += 1;
            }
        })?;
        if let Some(mask) = mask.as_ref().filter(|mask| mask.len() != row) {
            return Err(Error::Usage(format!(
                "{}: expected a value of the filter for each of its {row} games, found {}",
                dataset.path().display(),
                mask.len()
            )));
        }
        selected.push(stays);
    }
    drop_copies(datasets, candidates, &mut selected, left_out)?;
    if let Some(mut n) = selection.max_games {
        for mask in &mut selected {
            left_out.games_beyond_max += mask.keep_first(n);
            n -= mask.count();
        }
    }
    Ok(selected)
}

/// The ids of all games of a dataset.
pub(super) fn ids(dataset: &Dataset, ids: &mut HashSet<u64>) -> Result<()> {
    each_batch(dataset, &["id"], &mut |batch| {
        ids.extend(batch.column(0).as_primitive::<UInt64Type>().values());
    })
}

/// Which rows of a dataset are games and no variations.
pub(super) fn main_lines(dataset: &Dataset) -> Result<GameMask> {
    let mut mask = GameMask::new();
    let all = Selection::default();
    each_batch(dataset, &columns_of(&all), &mut |batch| {
        let filter = Filter::new(batch, &all);
        (0..filter.ids.len()).for_each(|index| mask.push(!filter.is_variation(index)));
    })?;
    Ok(mask)
}

/// Of games with the same id, leaves the first: by dataset, then by source, then by row.
fn drop_copies(
    datasets: &[Dataset],
    mut candidates: Vec<Candidate>,
    selected: &mut [GameMask],
    left_out: &mut LeftOut,
) -> Result<()> {
    candidates.sort_unstable();
    let copies: Vec<&[Candidate]> =
        candidates.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1).collect();
    // Sources are only asked for where more than one copy is in the same dataset.
    let in_doubt = |group: &[Candidate]| group.iter().filter(|c| c.1 == group[0].1).count();
    let mut sources = vec![Vec::new(); datasets.len()];
    for group in &copies {
        let n = in_doubt(group);
        if n > 1 {
            sources[usize::from(group[0].1)].extend(group[..n].iter().map(|c| c.2));
        }
    }
    let mut names = Vec::with_capacity(datasets.len());
    for (dataset, rows) in datasets.iter().zip(&mut sources) {
        rows.sort_unstable();
        names.push(source_names(dataset, rows)?);
    }
    for group in copies {
        let first = group[..in_doubt(group)]
            .iter()
            .min_by_key(|(_, number, row)| {
                let number = usize::from(*number);
                let index = sources[number].binary_search(row).ok();
                (index.map(|index| names[number][index].as_str()), *row)
            })
            .expect("a group has members");
        for candidate in group.iter().filter(|candidate| *candidate != first) {
            selected[usize::from(candidate.1)].clear(candidate.2 as usize);
            left_out.duplicate_games += 1;
        }
    }
    Ok(())
}

/// The sources of some rows, which ascend.
fn source_names(dataset: &Dataset, rows: &[u32]) -> Result<Vec<String>> {
    let mut names = Vec::with_capacity(rows.len());
    let (mut first, mut rest) = (0, rows);
    if rows.is_empty() {
        return Ok(names);
    }
    each_batch(dataset, &["source"], &mut |batch| {
        let sources: &LargeStringArray = batch.column(0).as_string();
        let end = first + sources.len();
        while let Some((row, others)) = rest.split_first()
            && (*row as usize) < end
        {
            names.push(sources.value(*row as usize - first).to_owned());
            rest = others;
        }
        first = end;
    })?;
    Ok(names)
}

/// The columns of the games table that decide.
fn columns_of(selection: &Selection) -> Vec<&'static str> {
    let mut names = vec!["id"];
    if !selection.results.is_empty() {
        names.push("result");
    }
    if !selection.endings.is_empty() {
        names.push("ending");
    }
    if !selection.rating.is_open() {
        names.extend(["black_rating", "white_rating"]);
    }
    names.push("parent_id");
    names
}

/// Hands over each batch of the games of a dataset in order, with those of the columns that it
/// has.
fn each_batch(
    dataset: &Dataset,
    columns: &[&str],
    take: &mut dyn FnMut(&RecordBatch),
) -> Result<()> {
    for file in dataset.games_files() {
        let file: IpcFile = file.open()?;
        let schema = file.schema();
        let indices: Vec<usize> =
            columns.iter().filter_map(|name| schema.index_of(name).ok()).collect();
        for index in 0..file.n_batches() {
            // Of the first column alone, no more is read than that.
            let batch = match indices[..] {
                [0] => file.first_column(index)?,
                _ => file.batch(index, Some(&indices))?,
            };
            take(&batch);
        }
    }
    Ok(())
}

/// The games of a batch with the columns of [`columns_of`].
struct Filter<'a> {
    selection: &'a Selection,
    ids: &'a [u64],
    results: Option<&'a [u8]>,
    endings: Option<&'a LargeStringArray>,
    ratings: Option<[&'a PrimitiveArray<Float64Type>; 2]>,
    parents: Option<&'a PrimitiveArray<UInt64Type>>,
}

impl<'a> Filter<'a> {
    fn new(batch: &'a RecordBatch, selection: &'a Selection) -> Filter<'a> {
        let column = |name: &str| batch.column_by_name(name);
        let ratings = column("black_rating").zip(column("white_rating"));
        Filter {
            selection,
            ids: batch.column(0).as_primitive::<UInt64Type>().values(),
            results: column("result").map(|c| &c.as_primitive::<UInt8Type>().values()[..]),
            endings: column("ending").map(|c| c.as_string()),
            ratings: ratings.map(|(black, white)| [black.as_primitive(), white.as_primitive()]),
            parents: column("parent_id").map(|c| c.as_primitive()),
        }
    }

    fn is_variation(&self, index: usize) -> bool {
        self.parents.is_some_and(|parents| parents.is_valid(index))
    }

    fn passes(&self, index: usize) -> bool {
        let Selection { results, endings, rating, .. } = self.selection;
        self.results.is_none_or(|all| results.contains(&all[index]))
            && self.endings.is_none_or(|all| endings.iter().any(|name| name == all.value(index)))
            && self.ratings.is_none_or(|sides| {
                sides.iter().all(|side| side.is_valid(index) && rating.contains(side.value(index)))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_hold_a_bit_for_each_game() {
        let mut mask: GameMask = (0..200).map(|row| row % 3 == 0).collect();
        assert_eq!((mask.len(), mask.count(), mask.is_empty()), (200, 67, false));
        assert!(mask.get(198) && !mask.get(199) && !mask.get(201));
        assert_eq!(mask.keep_first(60), 7);
        assert!(mask.get(177) && !mask.get(180));
        assert_eq!(mask.count(), 60);
    }
}
