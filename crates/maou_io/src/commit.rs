//! The output of a run: games files that are journaled one by one, and the commit at the end.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use arrow_schema::SchemaRef;

use crate::checked::Fingerprint;
use crate::dataset::{Details, ERRORS_FILE, State, Table};
use crate::duplicates;
use crate::error::{Error, Result};
use crate::files::Files;
use crate::ipc::{EncodedBatch, IpcFile};
use crate::journal::{Entry, JOURNAL_FILE, JournalWriter};
use crate::lock::{LOCK_FILE, Lock};
use crate::manifest::{
    DatasetOptions, MANIFEST_FILE, Manifest, PositionsEntry, ShardEntry, Tables, Totals,
    games_file, hex, positions_file,
};
use crate::pipeline;
use crate::schema::{SCHEMA_VERSION, Width, positions_schema};
use crate::shard_writer::ShardWriter;
use crate::source_table::{self, SOURCES_FILE};

/// A dataset's folder under lock.
pub(crate) struct Output<'a> {
    files: Files<'a>,
    dir: PathBuf,
    options: DatasetOptions,
    state: State,
    /// Sources and errors by games file.
    pub(crate) details: BTreeMap<u32, Details>,
    journal: Option<JournalWriter<'a>>,
    writer: Option<OpenShard<'a>>,
    is_dir_created: bool,
    // Dropped last, after everything else has been closed.
    lock: Option<Lock>,
}

/// The files of a shard that are being written.
struct OpenShard<'a> {
    number: u32,
    sequence: usize,
    games: ShardWriter<'a>,
    positions: Option<ShardWriter<'a>>,
}

impl<'a> Output<'a> {
    /// Creates the folder if need be, locks it and finishes what an earlier run has left.
    pub(crate) fn open(
        files: Files<'a>,
        dir: &Path,
        resolve_options: impl FnOnce(&State) -> Result<DatasetOptions>,
    ) -> Result<Output<'a>> {
        let is_dir_created = !dir.exists();
        if is_dir_created {
            files.create_dir_all(dir)?;
        }
        let lock = Lock::acquire(dir)?;
        let mut state = State::load(dir)?.unwrap_or_else(State::empty);
        let options = resolve_options(&state)?;
        state.check_games(dir)?;
        state.recover(files, dir)?;
        let details = state.details(dir)?;
        for (number, shard) in &state.shards {
            let n_sources = details.get(number).map_or(0, |d| d.sources.len() as u64);
            if n_sources != shard.totals.n_sources {
                let path = dir.join(SOURCES_FILE);
                let expected = shard.totals.n_sources;
                let message =
                    format!("expected {expected} sources of `{}`, found {n_sources}", shard.file);
                return Err(Error::corrupt(path, message));
            }
        }
        Ok(Output {
            files,
            dir: dir.to_owned(),
            options,
            state,
            details,
            journal: None,
            writer: None,
            is_dir_created,
            lock: Some(lock),
        })
    }

    pub(crate) fn options(&self) -> DatasetOptions {
        self.options
    }

    /// The columns that all games files have.
    fn narrow(&self) -> Width {
        Width { variations: self.options.variations, search: false }
    }

    pub(crate) fn totals(&self) -> Totals {
        self.state.totals()
    }

    pub(crate) fn n_duplicate_games(&self) -> u64 {
        self.state.n_duplicate_games
    }

    /// Whether no run into this folder has come to its end yet.
    pub(crate) fn is_new(&self) -> bool {
        !self.state.is_committed
    }

    /// Whether an earlier run has left its journal.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.state.journal.is_some()
    }

    fn open_games(&self, number: u32) -> Result<IpcFile> {
        self.state.games(&self.dir, number).open()
    }

    /// Opens a file from which rows are to be taken.
    pub(crate) fn open_whole(&self, table: Table, number: u32) -> Result<IpcFile> {
        self.state.open_whole(&self.dir, table, number)
    }

    /// Opens the journal: from here on the folder is a dataset.
    pub(crate) fn start(&mut self) -> Result<()> {
        let found = self.state.journal;
        self.journal = Some(JournalWriter::open(self.files, &self.dir, found, self.options)?);
        Ok(())
    }

    fn journal(&mut self) -> &mut JournalWriter<'a> {
        self.journal.as_mut().expect("the journal is open while something is written")
    }

    /// Removes a games file all of whose sources are gone.
    pub(crate) fn remove_shard(&mut self, number: u32) -> Result<()> {
        self.journal().append(&Entry::Removed { number })?;
        let removed = self.state.shards.remove(&number);
        self.details.remove(&number);
        self.files.remove(&self.dir.join(games_file(number)))?;
        if removed.is_some_and(|shard| shard.positions.is_some()) {
            self.files.remove(&self.dir.join(positions_file(number)))?;
        }
        Ok(())
    }

    /// Takes what the pipeline has made; `numbers` gives the numbers of the games files in order.
    pub(crate) fn take(
        &mut self,
        made: pipeline::Output,
        numbers: &mut (dyn Iterator<Item = u32> + '_),
    ) -> Result<()> {
        let mut shard = match self.writer.take() {
            Some(shard) => shard,
            None => {
                let number = numbers.next().expect("a number for each games file");
                let sequence = self.journal().sequence();
                let games = self.create(&games_file(number), sequence, self.narrow().schema())?;
                OpenShard { number, sequence, games, positions: None }
            }
        };
        match made {
            pipeline::Output::Batch(batch) => {
                let written = self.batch(&mut shard, &batch);
                self.writer = Some(shard);
                written
            }
            pipeline::Output::End(done) => self.finish_shard(shard, *done),
        }
    }

    fn create(&self, name: &str, sequence: usize, schema: SchemaRef) -> Result<ShardWriter<'a>> {
        let compression = self.options.compression;
        ShardWriter::create(self.files, &self.dir, name, sequence, compression, schema)
    }

    fn batch(&self, shard: &mut OpenShard<'a>, batch: &EncodedBatch) -> Result<()> {
        if batch.schema != positions_schema() {
            return shard.games.batch(batch);
        }
        let positions = match &mut shard.positions {
            Some(positions) => positions,
            none => {
                let name = positions_file(shard.number);
                none.insert(self.create(&name, shard.sequence, positions_schema())?)
            }
        };
        positions.batch(batch)
    }

    fn finish_shard(&mut self, shard: OpenShard<'a>, done: pipeline::ShardDone) -> Result<()> {
        let OpenShard { number, games, positions, .. } = shard;
        let games = games.finish()?;
        let positions = positions.map(ShardWriter::finish).transpose()?;
        let entry = ShardEntry {
            number,
            file: games_file(number),
            xxh3: hex(games.xxh3),
            has_search: games.schema != self.narrow().schema(),
            positions: positions.as_ref().map(|written| PositionsEntry {
                file: positions_file(number),
                xxh3: hex(written.xxh3),
            }),
            totals: Totals {
                size_bytes: games.size_bytes,
                loose_size_bytes: positions.as_ref().map_or(0, |written| written.size_bytes),
                ..done.totals
            },
        };
        let line = Entry::Shard { entry: entry.into(), sources: done.sources, errors: done.errors };
        self.journal().append(&line)?;
        let Entry::Shard { entry, sources, errors } = line else { unreachable!("made above") };
        let before = self.state.shards.insert(number, *entry);
        self.details.insert(number, Details { sources, errors });
        self.files.rename(&games.path, &self.dir.join(games_file(number)))?;
        let path = self.dir.join(positions_file(number));
        match positions {
            Some(written) => self.files.rename(&written.path, &path),
            None if before.is_some_and(|shard| shard.positions.is_some()) => {
                self.files.remove(&path)
            }
            None => Ok(()),
        }
    }

    /// Removes the games file that was being written when something went wrong. A file that the
    /// journal names stays: the next run gives it its name.
    pub(crate) fn drop_unfinished(&mut self) {
        self.writer = None;
        if let Ok(Some(mut state)) = State::load(&self.dir) {
            // What went wrong is told; this is tried again by the next run.
            let _ = state.recover(self.files, &self.dir);
        }
    }

    /// Writes the tables of sources and errors and the manifest, and removes the journal.
    pub(crate) fn commit(&mut self) -> Result<()> {
        let rows = self.details.values().flat_map(|details| &details.sources);
        let sources = source_table::to_bytes(rows, self.options.compression)?;
        let mut errors = Vec::new();
        for error in self.details.values().flat_map(|details| &details.errors) {
            serde_json::to_writer(&mut errors, error).expect("plain data becomes JSON");
            errors.push(b'\n');
        }
        // The journal first: until the manifest is replaced, it alone knows the new tables.
        let tables =
            Tables { sources: Fingerprint::of(&sources), errors: Fingerprint::of(&errors) };
        self.journal().append(&Entry::Tables(tables.clone()))?;
        self.files.replace(&self.dir.join(SOURCES_FILE), &sources)?;
        self.files.replace(&self.dir.join(ERRORS_FILE), &errors)?;

        let numbers: Vec<_> = self.state.shards.keys().copied().collect();
        let games: Vec<_> =
            numbers.into_iter().map(|n| self.open_games(n)).collect::<Result<_>>()?;
        let totals = self.totals();
        self.state.n_duplicate_games = duplicates::count(&games, totals.n_games, &[])?;
        let manifest = Manifest {
            kind: "dataset".to_owned(),
            schema_version: SCHEMA_VERSION,
            key_version: maou_shogi::KEY_VERSION,
            maou_version: env!("CARGO_PKG_VERSION").to_owned(),
            options: self.options,
            n_duplicate_games: self.state.n_duplicate_games,
            totals,
            tables,
            shards: self.state.shards.values().cloned().collect(),
        };
        self.files.sync_dir(&self.dir)?;
        self.files.replace(&self.dir.join(MANIFEST_FILE), &manifest.to_bytes())?;
        self.files.sync_dir(&self.dir)?;
        self.state.is_committed = true;
        self.journal = None;
        self.files.remove(&self.dir.join(JOURNAL_FILE))
    }

    /// Takes back everything, for a new dataset that turned out to have no content.
    pub(crate) fn undo(&mut self) -> Result<()> {
        let numbers: Vec<_> = self.state.shards.keys().copied().collect();
        for number in numbers {
            self.remove_shard(number)?;
        }
        Ok(())
    }

    /// If nothing was finished in a new dataset, leaves the folder as it was found.
    pub(crate) fn abandon_if_new(&mut self) {
        self.journal = None;
        self.writer = None;
        if self.is_new() && self.clear().is_ok_and(|is_clear| is_clear) && self.is_dir_created {
            // Only of a folder that this run has made: in another one, the lock file has to stay,
            // since a second run may have opened it already.
            self.lock = None;
            let _ = self.files.remove(&self.dir.join(LOCK_FILE));
            let _ = fs::remove_dir(&self.dir);
        }
    }

    /// Removes journal and leftovers if there is no games file, and says whether there was none.
    /// What counts is what the journal says on disk, which the next run would go by.
    fn clear(&self) -> Result<bool> {
        if let Some(mut state) = State::load(&self.dir)? {
            if !state.shards.is_empty() {
                return Ok(false);
            }
            state.recover(self.files, &self.dir)?;
        }
        self.files.remove(&self.dir.join(JOURNAL_FILE))?;
        Ok(true)
    }
}
