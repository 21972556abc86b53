//! A segment: what the index knows of some files of a dataset, as it stands in one file.
//!
//! Positions are numbered in the order of the dataset: those of the games, each game's last one
//! included, then the loose ones. The moves and evals of all positions stand in that order. The
//! keys stand in the order of their values, each once, with the numbers of its positions. Of keys with
//! very many positions, the places of those stand apart that are the last ones of games, so that
//! positions that were played from are counted without a look at each.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use maou_io::{Error, Result};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::error::unusable;
use crate::map::{BASE, BLOCK, Map};
use crate::packed::{self, PADDING};

/// Version of the format; another one is built again.
pub(crate) const VERSION: u32 = 2;

pub(crate) const MAGIC: &[u8; 8] = b"MAOUIDX\n";

/// The eval of a position of a game that has none.
pub(crate) const NO_EVAL: i16 = i16::MIN;

/// The date of a game that has none.
pub(crate) const NO_DATE: i32 = i32::MIN;

/// Bits under one entry of `flag_ranks`.
pub(crate) const RANK_BITS: usize = 512;

/// Positions from which on a key is a hot one: which of its postings are last positions of games
/// stands in `hot_finals`.
pub(crate) const HOT: usize = 64;

/// The bit of a game's outcome that tells a variation.
pub(crate) const IS_VARIATION: u8 = 1 << 7;

/// Where the game's ending begins in its outcome; the result stands below.
pub(crate) const ENDING_SHIFT: u32 = 2;

/// The most endings that there is room for.
pub(crate) const MAX_ENDINGS: usize = 32;

/// What a segment holds, by the name of the section.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Counted from [`BASE`], a multiple of 64.
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

/// A file of the dataset, as a segment holds it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct SegmentFile {
    pub(crate) name: String,
    pub(crate) number: u32,
    pub(crate) is_games: bool,
    pub(crate) xxh3: String,
    pub(crate) size_bytes: u64,
    /// Number of its first game among the segment's games, or of its first loose position.
    pub(crate) first_row: u32,
    pub(crate) n_rows: u32,
    /// Number of its first position.
    pub(crate) first_position: u32,
    pub(crate) n_positions: u32,
}

/// What stands at the end of the file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub(crate) key_version: u32,
    pub(crate) n_positions: u32,
    /// The positions of games, which come first.
    pub(crate) n_game_positions: u32,
    pub(crate) n_games: u32,
    pub(crate) n_keys: u32,
    pub(crate) n_variations: u32,
    /// The highest bits of a key, which `key_dir` stands for.
    pub(crate) dir_bits: u32,
    pub(crate) posting_width: u32,
    pub(crate) places: BTreeMap<String, Place>,
    pub(crate) files: Vec<SegmentFile>,
}

/// The texts of a dictionary: their number and where they stand.
#[derive(Clone, Copy)]
struct Texts {
    ends: usize,
    bytes: usize,
    n: usize,
    n_bytes: usize,
}

/// Which dictionary.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dictionary {
    Starts,
    Players,
    Events,
    Endings,
}

impl Dictionary {
    pub(crate) const ALL: [Dictionary; 4] =
        [Dictionary::Starts, Dictionary::Players, Dictionary::Events, Dictionary::Endings];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Dictionary::Starts => "starts",
            Dictionary::Players => "players",
            Dictionary::Events => "events",
            Dictionary::Endings => "endings",
        }
    }
}

/// Numbers of the games, each an array with one number a game.
#[derive(Clone, Copy)]
struct Offsets {
    moves: usize,
    evals: usize,
    key_dir: usize,
    keys: usize,
    flags: usize,
    flag_ranks: usize,
    postings: usize,
    firsts: usize,
    ids: usize,
    id_order: usize,
    outcomes: usize,
    starts: usize,
    blacks: usize,
    whites: usize,
    events: usize,
    black_ratings: usize,
    white_ratings: usize,
    dates: usize,
    loose_results: usize,
    loose_numbers: usize,
    hot_finals: usize,
    n_hot_finals: usize,
}

pub(crate) struct Segment {
    pub(crate) map: Map,
    pub(crate) meta: Meta,
    pub(crate) name: String,
    at: Offsets,
    texts: [Texts; 4],
}

/// One array over the games of a segment.
macro_rules! game_arrays {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        $($(#[$doc])*
        pub(crate) fn $name(&self, games: Range<u32>) -> Result<&[$type]> {
            self.map.numbers(self.at.$name, games.start as usize..games.end as usize)
        })*
    };
}

impl Segment {
    /// Opens a segment. `mend` is the command that builds it again.
    pub(crate) fn open(dir: &Path, name: &str, mend: &str) -> Result<Segment> {
        let path = dir.join(name);
        let mut map = Map::open(&path, mend)?;
        let header = map.unchecked();
        let word = |at: usize| -> Option<u64> {
            Some(u64::from_le_bytes(*header.get(at..)?.first_chunk::<8>()?))
        };
        let cut = || map.damaged("expected a segment of an index");
        if header.len() < BASE || header[..8] != *MAGIC {
            return Err(cut());
        }
        let version = word(8).ok_or_else(cut)?;
        if word(56) != Some(xxh3_64(&header[..56])) {
            return Err(map.damaged("expected another header"));
        }
        if version != u64::from(VERSION) {
            let what = format!("expected index version {VERSION}, found {version}");
            return Err(unusable(&path, what, mend));
        }
        let [meta_offset, meta_len, meta_xxh3, data_len, file_len] =
            [16, 24, 32, 40, 48].map(|at| word(at).unwrap_or(u64::MAX));
        if header.len() as u64 != file_len {
            let found = header.len();
            return Err(map.damaged(format_args!("expected {file_len} bytes, found {found}")));
        }
        let n_blocks = (data_len as usize).div_ceil(BLOCK);
        let checksums_at = BASE.saturating_add(data_len as usize);
        let tail = header
            .get(checksums_at..meta_offset.saturating_add(meta_len) as usize)
            .ok_or_else(cut)?;
        if xxh3_64(tail) != meta_xxh3 || tail.len() / 8 < n_blocks {
            return Err(map.damaged("expected another list of contents"));
        }
        let checksums =
            tail[..8 * n_blocks].as_chunks().0.iter().map(|word| u64::from_le_bytes(*word));
        let checksums: Vec<u64> = checksums.collect();
        let meta: Meta = serde_json::from_slice(&tail[8 * n_blocks..])
            .map_err(|error| map.damaged(format_args!("its list of contents: {error}")))?;
        map.set_checksums(data_len as usize, checksums);
        Segment::with(map, meta, name)
    }

    fn with(map: Map, meta: Meta, name: &str) -> Result<Segment> {
        let place = |section: &str, len: u64| -> Result<usize> {
            let found = meta.places.get(section);
            match found {
                Some(place) if place.len == len && place.offset % 8 == 0 => {
                    Ok(place.offset as usize)
                }
                _ => Err(map.damaged(format_args!("expected {len} bytes of `{section}`"))),
            }
        };
        let (n, games) = (u64::from(meta.n_positions), u64::from(meta.n_games));
        let n_loose = n.checked_sub(meta.n_game_positions.into());
        let n_loose = n_loose.ok_or_else(|| map.damaged("expected fewer positions of games"))?;
        let n_keys = u64::from(meta.n_keys);
        if !(8..=32).contains(&meta.dir_bits) || meta.posting_width > 32 {
            return Err(map.damaged("expected other widths"));
        }
        let hot_finals = meta.places.get("hot_finals").filter(|place| place.offset % 8 == 0);
        let hot_finals = hot_finals.ok_or_else(|| map.damaged("expected `hot_finals`"))?;
        let at = Offsets {
            moves: place("moves", 2 * n)?,
            evals: place("evals", 2 * n)?,
            key_dir: place("key_dir", 4 * ((1 << meta.dir_bits) + 1))?,
            keys: place("keys", packed::n_bytes(n_keys, 64 - meta.dir_bits))?,
            flags: place("flags", 8 * n.div_ceil(64))?,
            flag_ranks: place("flag_ranks", 4 * n.div_ceil(RANK_BITS as u64))?,
            postings: place("postings", packed::n_bytes(n, meta.posting_width))?,
            firsts: place("firsts", 4 * (games + 1))?,
            ids: place("ids", 8 * games)?,
            id_order: place("id_order", 4 * games)?,
            outcomes: place("outcomes", games)?,
            starts: place("game_starts", 4 * games)?,
            blacks: place("blacks", 4 * games)?,
            whites: place("whites", 4 * games)?,
            events: place("game_events", 4 * games)?,
            black_ratings: place("black_ratings", 8 * games)?,
            white_ratings: place("white_ratings", 8 * games)?,
            dates: place("dates", 4 * games)?,
            loose_results: place("loose_results", n_loose)?,
            loose_numbers: place("loose_numbers", 2 * n_loose)?,
            hot_finals: hot_finals.offset as usize,
            n_hot_finals: hot_finals.len as usize / 4,
        };
        let texts = |dictionary: Dictionary| -> Result<Texts> {
            let name = dictionary.name();
            let ends = meta.places.get(&format!("{name}_ends"));
            let bytes = meta.places.get(&format!("{name}_bytes"));
            let (Some(ends), Some(bytes)) = (ends, bytes) else {
                return Err(map.damaged(format_args!("expected the texts of `{name}`")));
            };
            Ok(Texts {
                ends: ends.offset as usize,
                bytes: bytes.offset as usize,
                n: ends.len as usize / 8,
                n_bytes: bytes.len as usize,
            })
        };
        let [a, b, c, d] = Dictionary::ALL.map(texts);
        let texts = [a?, b?, c?, d?];
        Ok(Segment { map, meta, name: name.to_owned(), at, texts })
    }

    pub(crate) fn moves(&self, positions: Range<u32>) -> Result<&[u16]> {
        self.map.numbers(self.at.moves, positions.start as usize..positions.end as usize)
    }

    pub(crate) fn evals(&self, positions: Range<u32>) -> Result<&[i16]> {
        self.map.numbers(self.at.evals, positions.start as usize..positions.end as usize)
    }

    #[inline]
    pub(crate) fn move_at(&self, position: u32) -> Result<u16> {
        let at = position as usize;
        Ok(self.map.numbers::<u16>(self.at.moves, at..at + 1)?[0])
    }

    #[inline]
    pub(crate) fn eval_at(&self, position: u32) -> Result<i16> {
        let at = position as usize;
        Ok(self.map.numbers::<i16>(self.at.evals, at..at + 1)?[0])
    }

    game_arrays! {
        /// `id` of the games table.
        ids: u64;
        /// Result, ending and whether it is a variation, in one byte.
        outcomes: u8;
        starts: u32;
        blacks: u32;
        whites: u32;
        events: u32;
        black_ratings: f64;
        white_ratings: f64;
        dates: i32;
    }

    /// The first position of each game, and where the last one ends.
    pub(crate) fn firsts(&self, games: Range<u32>) -> Result<&[u32]> {
        let range = games.start as usize..games.end as usize + 1;
        let firsts: &[u32] = self.map.numbers(self.at.firsts, range)?;
        Ok(firsts)
    }

    /// The positions of a game, the last one included.
    pub(crate) fn positions_of(&self, game: u32) -> Result<Range<u32>> {
        let firsts = self.firsts(game..game + 1)?;
        if firsts[0] >= firsts[1] || firsts[1] > self.meta.n_game_positions {
            return Err(self.map.damaged("expected a position in each game"));
        }
        Ok(firsts[0]..firsts[1])
    }

    /// The numbers of the games in the order of their ids.
    pub(crate) fn id_order(&self) -> Result<&[u32]> {
        self.map.numbers(self.at.id_order, 0..self.meta.n_games as usize)
    }

    #[inline]
    pub(crate) fn id_at(&self, game: u32) -> Result<u64> {
        let at = game as usize;
        Ok(self.map.numbers::<u64>(self.at.ids, at..at + 1)?[0])
    }

    #[inline]
    pub(crate) fn outcome_at(&self, game: u32) -> Result<u8> {
        let at = game as usize;
        Ok(self.map.numbers::<u8>(self.at.outcomes, at..at + 1)?[0])
    }

    /// Results of loose positions, by their number among the loose ones.
    pub(crate) fn loose_results(&self, rows: Range<u32>) -> Result<&[u8]> {
        self.map.numbers(self.at.loose_results, rows.start as usize..rows.end as usize)
    }

    /// Move numbers of loose positions, likewise; 0 for none.
    pub(crate) fn loose_numbers(&self, rows: Range<u32>) -> Result<&[u16]> {
        self.map.numbers(self.at.loose_numbers, rows.start as usize..rows.end as usize)
    }

    /// The number of texts of a dictionary; the same text may be there more than once.
    pub(crate) fn n_texts(&self, dictionary: Dictionary) -> usize {
        self.texts[dictionary as usize].n
    }

    pub(crate) fn text(&self, dictionary: Dictionary, code: u32) -> Result<&str> {
        let texts = &self.texts[dictionary as usize];
        let code = code as usize;
        let wrong = || self.map.damaged(format_args!("expected a text of `{}`", dictionary.name()));
        if code >= texts.n {
            return Err(wrong());
        }
        let end = self.map.numbers::<u64>(texts.ends, code..code + 1)?[0] as usize;
        let start = match code {
            0 => 0,
            _ => self.map.numbers::<u64>(texts.ends, code - 1..code)?[0] as usize,
        };
        if start > end || end > texts.n_bytes {
            return Err(wrong());
        }
        let bytes = self.map.bytes(texts.bytes + start..texts.bytes + end)?;
        std::str::from_utf8(bytes).map_err(|_| wrong())
    }

    /// The file that holds a game, or a loose position by its number among the loose ones, and
    /// the row in it.
    pub(crate) fn file_of(&self, is_games: bool, row: u32) -> Result<(usize, u32)> {
        let files = &self.meta.files;
        let holds = |file: &SegmentFile| {
            file.is_games == is_games && file.first_row <= row && row - file.first_row < file.n_rows
        };
        let found = files.iter().position(holds);
        let index = found.ok_or_else(|| self.map.damaged("expected a file for each row"))?;
        Ok((index, row - files[index].first_row))
    }

    /// The game that a position is of; the search begins at game `from`, which is not behind it.
    #[inline]
    pub(crate) fn game_of(&self, position: u32, from: u32) -> Result<u32> {
        let firsts = self.firsts(0..self.meta.n_games)?;
        Ok((seek(firsts, from as usize + 1, position) - 1) as u32)
    }

    fn key_width(&self) -> u32 {
        64 - self.meta.dir_bits
    }

    fn dir(&self, bucket: usize) -> Result<Range<usize>> {
        let ends = self.map.numbers::<u32>(self.at.key_dir, bucket..bucket + 2)?;
        if ends[0] > ends[1] || ends[1] > self.meta.n_keys {
            return Err(self.map.damaged("expected keys in order"));
        }
        Ok(ends[0] as usize..ends[1] as usize)
    }

    #[inline]
    fn packed(&self, offset: usize, width: u32, index: usize) -> Result<u64> {
        let byte = index * width as usize / 8;
        let chunk = self.map.bytes(offset + byte..offset + byte + PADDING)?;
        let chunk: &[u8; 8] = chunk.first_chunk().expect("eight bytes");
        let shift = index * width as usize % 8;
        Ok(u64::from_le_bytes(*chunk) >> shift & ((1 << width) - 1))
    }

    /// The position in place `index` of the postings.
    #[inline]
    pub(crate) fn posting(&self, index: usize) -> Result<u32> {
        let position = self.packed(self.at.postings, self.meta.posting_width, index)? as u32;
        if position >= self.meta.n_positions {
            return Err(self.map.damaged("expected numbers of positions"));
        }
        Ok(position)
    }

    /// The positions in these places, which are looked at as a whole; they may be too large.
    pub(crate) fn postings(&self, places: Range<usize>) -> Result<Postings<'_>> {
        let width = self.meta.posting_width;
        let start = places.start * width as usize / 8;
        let end = packed::n_bytes(places.end as u64, width) as usize;
        let bytes = self.map.bytes(self.at.postings + start..self.at.postings + end)?;
        Ok(Postings { bytes, width, skip: 8 * start, places })
    }

    /// How many of these places, which are at least [`HOT`] ones of one key, hold the last position
    /// of a game.
    pub(crate) fn n_finals(&self, places: &Range<usize>) -> Result<usize> {
        let finals: &[u32] = self.map.numbers(self.at.hot_finals, 0..self.at.n_hot_finals)?;
        let before = |place: usize| finals.partition_point(|at| (*at as usize) < place);
        Ok(before(places.end) - before(places.start))
    }

    /// The places of the postings of a key; empty if no position has it.
    pub(crate) fn postings_of(&self, key: u64) -> Result<Range<usize>> {
        let width = self.key_width();
        let rest = key & ((1 << width) - 1);
        let bucket = self.dir((key >> width) as usize)?;
        let (mut low, mut high) = (bucket.start, bucket.end);
        while low < high {
            let middle = low.midpoint(high);
            match self.packed(self.at.keys, width, middle)?.cmp(&rest) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return self.postings_at(middle),
            }
        }
        Ok(0..0)
    }

    fn flags(&self, words: Range<usize>) -> Result<&[u64]> {
        self.map.numbers(self.at.flags, words)
    }

    /// The places of the postings of the key in place `index`.
    fn postings_at(&self, index: usize) -> Result<Range<usize>> {
        let start = self.select(index)?;
        let end = if index + 1 < self.meta.n_keys as usize {
            self.select(index + 1)?
        } else {
            self.meta.n_positions as usize
        };
        if start >= end {
            return Err(self.map.damaged("expected positions of each key"));
        }
        Ok(start..end)
    }

    /// The place of the set flag number `index`.
    fn select(&self, index: usize) -> Result<usize> {
        let n = self.meta.n_positions as usize;
        let ranks: &[u32] = self.map.numbers(self.at.flag_ranks, 0..n.div_ceil(RANK_BITS))?;
        let block = ranks.partition_point(|rank| *rank as usize <= index).saturating_sub(1);
        let mut left = index - ranks.first().map_or(0, |_| ranks[block] as usize);
        let first = block * RANK_BITS / 64;
        let words = self.flags(first..n.div_ceil(64).min(first + RANK_BITS / 64))?;
        for (at, word) in words.iter().enumerate() {
            let ones = word.count_ones() as usize;
            if left < ones {
                let mut word = *word;
                for _ in 0..left {
                    word &= word - 1;
                }
                return Ok((first + at) * 64 + word.trailing_zeros() as usize);
            }
            left -= ones;
        }
        Err(self.map.damaged("expected a flag for each key"))
    }

    /// All keys, in order, each with the places of its postings.
    pub(crate) fn keys(&self) -> Keys<'_> {
        Keys { segment: self, bucket: 0, end: 0, next: 0, place: 0 }
    }
}

/// The first of ascending numbers, from number `from` on, that is larger than `value`; close ones are
/// found soonest.
#[inline]
pub(crate) fn seek(numbers: &[u32], from: usize, value: u32) -> usize {
    let (mut low, mut step) = (from.min(numbers.len()), 1);
    while low + step <= numbers.len() && numbers[low + step - 1] <= value {
        low += step;
        step *= 2;
    }
    let high = (low + step - 1).min(numbers.len());
    low + numbers[low..high].partition_point(|number| *number <= value)
}

/// Goes through positions of a key.
pub(crate) struct Postings<'a> {
    bytes: &'a [u8],
    width: u32,
    /// Bits before the first byte.
    skip: usize,
    places: Range<usize>,
}

impl Iterator for Postings<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        let bit = self.places.next()? * self.width as usize - self.skip;
        let chunk = self.bytes.get(bit / 8..)?.first_chunk()?;
        Some((u64::from_le_bytes(*chunk) >> (bit % 8) & ((1 << self.width) - 1)) as u32)
    }
}

/// Goes through the keys of a segment.
pub(crate) struct Keys<'a> {
    segment: &'a Segment,
    /// The bucket behind the current one.
    bucket: usize,
    /// Where the current one ends.
    end: usize,
    next: usize,
    place: usize,
}

impl Keys<'_> {
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Range<usize>)>> {
        let segment = self.segment;
        if self.next == segment.meta.n_keys as usize {
            return Ok(None);
        }
        while self.next >= self.end {
            if self.bucket >> segment.meta.dir_bits != 0 {
                return Err(segment.map.damaged("expected more keys"));
            }
            self.end = segment.dir(self.bucket)?.end;
            self.bucket += 1;
        }
        let width = segment.key_width();
        let rest = segment.packed(segment.at.keys, width, self.next)?;
        let key = (self.bucket as u64 - 1) << width | rest;
        self.next += 1;
        let start = self.place;
        self.place = self.next_flag(start + 1)?;
        Ok(Some((key, start..self.place)))
    }

    /// The place of the first set flag from `from` on, or of the end.
    fn next_flag(&self, from: usize) -> Result<usize> {
        let n = self.segment.meta.n_positions as usize;
        if from >= n {
            return Ok(n);
        }
        let mut at = from / 64;
        let mut word = self.segment.flags(at..at + 1)?[0] & (u64::MAX << (from % 64));
        while word == 0 {
            at += 1;
            if at * 64 >= n {
                return Ok(n);
            }
            word = self.segment.flags(at..at + 1)?[0];
        }
        Ok((at * 64 + word.trailing_zeros() as usize).min(n))
    }
}

/// An error about a dataset that the index has to be built of.
pub(crate) fn too_much(what: impl std::fmt::Display) -> Error {
    Error::Usage(format!("{what}"))
}
