//! Writing a segment: games and loose positions in the order of the dataset, then keys in theirs.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use maou_io::Result;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::error::AtPath;
use crate::map::{BASE, BLOCK};
use crate::packed::{PackedWriter, width_of};
use crate::segment::{
    Dictionary, ENDING_SHIFT, HOT, IS_VARIATION, MAGIC, MAX_ENDINGS, Meta, NO_DATE, NO_EVAL, Place,
    RANK_BITS, SegmentFile, VERSION, seek, too_much,
};
use crate::spool::Spool;

/// What a dictionary remembers of its texts; when it is full, it forgets them, and texts that come
/// again are written again.
const DICTIONARY_BYTES: usize = 32 << 20;

/// What a segment knows of a game beside its moves and evals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewGame<'a> {
    pub(crate) id: u64,
    pub(crate) is_variation: bool,
    pub(crate) start: &'a str,
    pub(crate) result: u8,
    pub(crate) ending: &'a str,
    pub(crate) black: &'a str,
    pub(crate) white: &'a str,
    pub(crate) event: &'a str,
    pub(crate) black_rating: Option<f64>,
    pub(crate) white_rating: Option<f64>,
    pub(crate) date: Option<i32>,
}

struct DictionaryWriter {
    codes: HashMap<Box<str>, u32>,
    n_bytes: usize,
    n: u32,
    end: u64,
    ends: Spool,
    bytes: Spool,
}

impl DictionaryWriter {
    fn new(dir: &Path, dictionary: Dictionary) -> DictionaryWriter {
        DictionaryWriter {
            codes: HashMap::new(),
            n_bytes: 0,
            n: 0,
            end: 0,
            ends: Spool::new(dir, dictionary.name()),
            bytes: Spool::new(dir, dictionary.name()),
        }
    }

    fn code(&mut self, text: &str) -> Result<u32> {
        if let Some(code) = self.codes.get(text) {
            return Ok(*code);
        }
        self.n_bytes += text.len() + 64;
        if self.n_bytes > DICTIONARY_BYTES {
            (self.codes, self.n_bytes) = (HashMap::new(), text.len() + 64);
        }
        let code = self.n;
        self.n += 1;
        self.end += text.len() as u64;
        self.bytes.push(text.as_bytes())?;
        self.ends.push(&self.end.to_le_bytes())?;
        self.codes.insert(text.into(), code);
        Ok(code)
    }
}

macro_rules! spools {
    ($($name:ident: $section:literal,)*) => {
        /// The sections that are written one after the other.
        struct Spools { $($name: Spool,)* }

        impl Spools {
            fn new(dir: &Path) -> Spools {
                Spools { $($name: Spool::new(dir, $section),)* }
            }

            fn all(&mut self) -> Vec<(&'static str, &mut Spool)> {
                vec![$(($section, &mut self.$name),)*]
            }
        }
    };
}

spools! {
    moves: "moves",
    evals: "evals",
    key_dir: "key_dir",
    keys: "keys",
    flags: "flags",
    flag_ranks: "flag_ranks",
    postings: "postings",
    firsts: "firsts",
    ids: "ids",
    outcomes: "outcomes",
    starts: "game_starts",
    blacks: "blacks",
    whites: "whites",
    events: "game_events",
    black_ratings: "black_ratings",
    white_ratings: "white_ratings",
    dates: "dates",
    loose_results: "loose_results",
    loose_numbers: "loose_numbers",
    hot_finals: "hot_finals",
}

pub(crate) struct SegmentWriter {
    dir: PathBuf,
    spools: Spools,
    dictionaries: [DictionaryWriter; 4],
    meta: Meta,
    n_loose: u32,
    /// Ids with the numbers of their games.
    ids: Vec<(u64, u32)>,
    /// The last position of each game.
    lasts: Vec<u32>,
}

fn little_endian<T: Copy, const N: usize>(numbers: &[T], bytes: fn(T) -> [u8; N]) -> Vec<u8> {
    numbers.iter().flat_map(|number| bytes(*number)).collect()
}

impl SegmentWriter {
    /// A writer whose files stand in the folder `dir`.
    pub(crate) fn new(dir: &Path) -> SegmentWriter {
        SegmentWriter {
            dir: dir.to_owned(),
            spools: Spools::new(dir),
            dictionaries: Dictionary::ALL.map(|dictionary| DictionaryWriter::new(dir, dictionary)),
            meta: Meta { key_version: maou_shogi::KEY_VERSION, ..Meta::default() },
            n_loose: 0,
            ids: Vec::new(),
            lasts: Vec::new(),
        }
    }

    pub(crate) fn n_positions(&self) -> u32 {
        self.meta.n_positions
    }

    /// What follows is of this file.
    pub(crate) fn start_file(&mut self, file: SegmentFile) {
        let first_row = if file.is_games { self.meta.n_games } else { self.n_loose };
        let first_position = self.meta.n_positions;
        let file = SegmentFile { first_row, n_rows: 0, first_position, n_positions: 0, ..file };
        self.meta.files.push(file);
    }

    /// Adds positions of the file at hand, which has `n_rows` more rows by that.
    fn add_positions(&mut self, n: usize, n_rows: u32) -> Result<()> {
        let total = u64::from(self.meta.n_positions) + n as u64;
        if total >= u64::from(u32::MAX) {
            return Err(too_much("expected a file of a dataset with less than 2^32 positions"));
        }
        self.meta.n_positions = total as u32;
        let file = self.meta.files.last_mut().expect("rows are of a file");
        file.n_positions += n as u32;
        file.n_rows += n_rows;
        Ok(())
    }

    /// Adds a game of the file at hand. Its evals are those before its moves.
    pub(crate) fn add_game(
        &mut self,
        game: &NewGame<'_>,
        moves: &[u16],
        evals: &[i16],
    ) -> Result<()> {
        debug_assert_eq!(moves.len(), evals.len());
        let number = self.meta.n_games;
        let first = self.meta.n_positions;
        self.add_positions(moves.len() + 1, 1)?;
        self.meta.n_games += 1;
        self.meta.n_game_positions = self.meta.n_positions;
        self.meta.n_variations += u32::from(game.is_variation);
        let [starts, players, events, endings] = &mut self.dictionaries;
        let ending = endings.code(game.ending)?;
        if ending as usize >= MAX_ENDINGS {
            let message =
                format!("expected at most {MAX_ENDINGS} endings, found `{}`", game.ending);
            return Err(too_much(message));
        }
        let is_variation = if game.is_variation { IS_VARIATION } else { 0 };
        let outcome = game.result & 3 | (ending as u8) << ENDING_SHIFT | is_variation;
        let spools = &mut self.spools;
        spools.moves.push(&little_endian(moves, u16::to_le_bytes))?;
        spools.moves.push(&0_u16.to_le_bytes())?;
        spools.evals.push(&little_endian(evals, i16::to_le_bytes))?;
        spools.evals.push(&NO_EVAL.to_le_bytes())?;
        spools.firsts.push(&first.to_le_bytes())?;
        spools.ids.push(&game.id.to_le_bytes())?;
        spools.outcomes.push(&[outcome])?;
        spools.starts.push(&starts.code(game.start)?.to_le_bytes())?;
        spools.blacks.push(&players.code(game.black)?.to_le_bytes())?;
        spools.whites.push(&players.code(game.white)?.to_le_bytes())?;
        spools.events.push(&events.code(game.event)?.to_le_bytes())?;
        spools.black_ratings.push(&game.black_rating.unwrap_or(f64::NAN).to_le_bytes())?;
        spools.white_ratings.push(&game.white_rating.unwrap_or(f64::NAN).to_le_bytes())?;
        spools.dates.push(&game.date.unwrap_or(NO_DATE).to_le_bytes())?;
        self.ids.push((game.id, number));
        self.lasts.push(first + moves.len() as u32);
        Ok(())
    }

    /// Adds loose positions of the file at hand. Games come before all of them.
    pub(crate) fn add_loose(
        &mut self,
        moves: &[u16],
        evals: &[i16],
        results: &[u8],
        numbers: &[u16],
    ) -> Result<()> {
        self.add_positions(moves.len(), moves.len() as u32)?;
        self.n_loose += moves.len() as u32;
        let spools = &mut self.spools;
        spools.moves.push(&little_endian(moves, u16::to_le_bytes))?;
        spools.evals.push(&little_endian(evals, i16::to_le_bytes))?;
        spools.loose_results.push(results)?;
        spools.loose_numbers.push(&little_endian(numbers, u16::to_le_bytes))
    }

    /// Ends games and loose positions; what follows are the keys of all of them.
    pub(crate) fn into_keys(mut self) -> Result<KeyWriter> {
        let n = u64::from(self.meta.n_positions);
        self.spools.firsts.push(&self.meta.n_game_positions.to_le_bytes())?;
        // About 32 keys a bucket.
        self.meta.dir_bits = width_of(n).saturating_sub(5).clamp(8, 32);
        self.meta.posting_width = width_of(n.saturating_sub(1));
        Ok(KeyWriter {
            keys: PackedWriter::new(64 - self.meta.dir_bits),
            postings: PackedWriter::new(self.meta.posting_width),
            word: 0,
            place: 0,
            n_buckets: 0,
            n_flags: 0,
            of_key: Vec::new(),
            is_hot: false,
            n_lasts_before: 0,
            writer: self,
        })
    }
}

/// Writes the keys of a segment.
pub(crate) struct KeyWriter {
    writer: SegmentWriter,
    keys: PackedWriter,
    postings: PackedWriter,
    /// Flags of the current word.
    word: u64,
    /// Postings that were written.
    place: u32,
    /// Buckets that were begun.
    n_buckets: u64,
    /// Set flags before the current word.
    n_flags: u32,
    /// The first positions of the key at hand, until it is a hot one.
    of_key: Vec<u32>,
    /// Whether it is one.
    is_hot: bool,
    /// Last positions of games up to the last position of the key at hand, if it is a hot one.
    n_lasts_before: usize,
}

impl KeyWriter {
    /// Adds a key, larger than all before it; its positions follow.
    pub(crate) fn add_key(&mut self, key: u64) -> Result<()> {
        let width = 64 - self.writer.meta.dir_bits;
        self.fill_buckets(key >> width)?;
        self.keys.push(key & ((1 << width) - 1));
        if self.keys.bytes.len() >= 1 << 16 {
            self.writer.spools.keys.push(&self.keys.bytes)?;
            self.keys.bytes.clear();
        }
        self.writer.meta.n_keys += 1;
        self.of_key.clear();
        (self.is_hot, self.n_lasts_before) = (false, 0);
        self.word |= 1 << (self.place % 64);
        Ok(())
    }

    /// Begins all buckets up to this one.
    fn fill_buckets(&mut self, last: u64) -> Result<()> {
        while self.n_buckets <= last {
            self.writer.spools.key_dir.push(&self.writer.meta.n_keys.to_le_bytes())?;
            self.n_buckets += 1;
        }
        Ok(())
    }

    /// Adds a position of the key added last; those of a key come in ascending order.
    pub(crate) fn add_position(&mut self, position: u32) -> Result<()> {
        self.postings.push(u64::from(position));
        if self.postings.bytes.len() >= 1 << 16 {
            self.writer.spools.postings.push(&self.postings.bytes)?;
            self.postings.bytes.clear();
        }
        self.tell_final(position)?;
        self.place += 1;
        if self.place.is_multiple_of(64) { self.end_word() } else { Ok(()) }
    }

    /// Tells of a hot key's position if it is the last one of a game.
    fn tell_final(&mut self, position: u32) -> Result<()> {
        if self.of_key.len() + 1 < HOT {
            self.of_key.push(position);
            return Ok(());
        }
        let mut tell = |position: u32, place: u32| -> Result<()> {
            let lasts = &self.writer.lasts;
            self.n_lasts_before = seek(lasts, self.n_lasts_before, position);
            match self.n_lasts_before.checked_sub(1) {
                Some(last) if lasts[last] == position => {
                    self.writer.spools.hot_finals.push(&place.to_le_bytes())
                }
                _ => Ok(()),
            }
        };
        if !std::mem::replace(&mut self.is_hot, true) {
            let first = self.place - self.of_key.len() as u32;
            for (place, position) in (first..).zip(&self.of_key) {
                tell(*position, place)?;
            }
        }
        tell(position, self.place)
    }

    fn end_word(&mut self) -> Result<()> {
        let spools = &mut self.writer.spools;
        let is_first = (spools.flags.len() * 8).is_multiple_of(RANK_BITS as u64);
        if is_first {
            spools.flag_ranks.push(&self.n_flags.to_le_bytes())?;
        }
        spools.flags.push(&self.word.to_le_bytes())?;
        self.n_flags += self.word.count_ones();
        self.word = 0;
        Ok(())
    }

    /// Writes the segment at `path`, under another name until it is whole.
    pub(crate) fn finish(mut self, path: &Path) -> Result<Meta> {
        if !self.place.is_multiple_of(64) {
            self.end_word()?;
        }
        self.fill_buckets(1 << self.writer.meta.dir_bits)?;
        self.keys.finish();
        self.postings.finish();
        self.writer.spools.keys.push(&self.keys.bytes)?;
        self.writer.spools.postings.push(&self.postings.bytes)?;
        assert_eq!(self.place, self.writer.meta.n_positions, "each position has a key");
        self.writer.write(path)
    }
}

impl SegmentWriter {
    fn write(mut self, path: &Path) -> Result<Meta> {
        let beside = self.dir.join("segment.tmp");
        self.ids.sort_unstable();
        let mut id_order = Spool::new(&self.dir, "id_order");
        for (_, number) in &self.ids {
            id_order.push(&number.to_le_bytes())?;
        }
        let mut file = Blocks::create(&beside)?;
        let mut places = std::mem::take(&mut self.meta.places);
        for (name, spool) in self.spools.all() {
            places.insert(name.to_owned(), file.section(spool)?);
        }
        places.insert("id_order".to_owned(), file.section(&mut id_order)?);
        for (dictionary, writer) in Dictionary::ALL.into_iter().zip(&mut self.dictionaries) {
            let name = dictionary.name();
            places.insert(format!("{name}_ends"), file.section(&mut writer.ends)?);
            places.insert(format!("{name}_bytes"), file.section(&mut writer.bytes)?);
        }
        self.meta.places = places;
        file.finish(&self.meta)?;
        std::fs::rename(&beside, path).at(path)?;
        Ok(self.meta)
    }
}

/// A file of blocks, each with its checksum.
struct Blocks {
    path: PathBuf,
    file: BufWriter<File>,
    /// Bytes that were written.
    len: u64,
    hash: Xxh3,
    checksums: Vec<u64>,
}

impl Blocks {
    fn create(path: &Path) -> Result<Blocks> {
        let file = File::create(path).at(path)?;
        let mut file = BufWriter::with_capacity(1 << 18, file);
        file.write_all(&[0; BASE]).at(path)?;
        let path = path.to_owned();
        Ok(Blocks { path, file, len: 0, hash: Xxh3::new(), checksums: Vec::new() })
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let room = BLOCK - self.len as usize % BLOCK;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.hash.update(now);
            self.file.write_all(now).at(&self.path)?;
            self.len += now.len() as u64;
            if now.len() == room {
                self.end_block();
            }
            bytes = later;
        }
        Ok(())
    }

    fn end_block(&mut self) {
        self.checksums.push(self.hash.digest());
        self.hash.reset();
    }

    fn section(&mut self, spool: &mut Spool) -> Result<Place> {
        let gap = self.len.next_multiple_of(64) - self.len;
        self.write(&[0; 64][..gap as usize])?;
        let place = Place { offset: self.len, len: spool.len() };
        spool.read(|bytes| self.write(bytes))?;
        Ok(place)
    }

    fn finish(mut self, meta: &Meta) -> Result<()> {
        if !self.len.is_multiple_of(BLOCK as u64) {
            self.end_block();
        }
        let mut tail = little_endian(&self.checksums, u64::to_le_bytes);
        tail.extend(serde_json::to_vec(meta).expect("plain data becomes JSON"));
        self.file.write_all(&tail).at(&self.path)?;
        let meta_offset = BASE as u64 + self.len;
        let mut header = MAGIC.to_vec();
        let numbers = [
            u64::from(VERSION),
            meta_offset,
            tail.len() as u64,
            xxh3_64(&tail),
            self.len,
            meta_offset + tail.len() as u64,
        ];
        header.extend(little_endian(&numbers, u64::to_le_bytes));
        header.extend(xxh3_64(&header).to_le_bytes());
        let mut file = self.file.into_inner().map_err(|error| error.into_error()).at(&self.path)?;
        file.rewind().at(&self.path)?;
        file.write_all(&header).at(&self.path)?;
        file.sync_all().at(&self.path)
    }
}
