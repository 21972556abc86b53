//! A dataset's folder as it stands: the manifest with the journal laid over it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::checked::{Fingerprint, check_size, damaged, open_if_there, open_known};
use crate::error::{AtPath, Error, Result};
use crate::files::Files;
use crate::ipc::IpcFile;
use crate::journal::{Entry, JOURNAL_FILE, Journal, beside_name};
use crate::manifest::{
    DatasetOptions, MANIFEST_FILE, Manifest, ResultCounts, ShardEntry, Tables, Totals,
    check_schema_version, games_file, positions_file,
};
use crate::report::ErrorEntry;
use crate::schema::{SCHEMA_VERSION, Width, positions_schema};
use crate::source_table::{self, SOURCES_FILE, SourceRow};

pub(crate) const ERRORS_FILE: &str = "errors.jsonl";

/// The sources of one games file and what was wrong with them, in order.
#[derive(Debug, Default)]
pub(crate) struct Details {
    pub(crate) sources: Vec<SourceRow>,
    pub(crate) errors: Vec<ErrorEntry>,
}

/// What a folder holds, read without changing it.
#[derive(Debug)]
pub(crate) struct State {
    /// As far as they are known: a run may have ended before it wrote them down.
    pub(crate) options: Option<DatasetOptions>,
    pub(crate) key_version: u32,
    pub(crate) maou_version: String,
    /// Whether any run has come to its end.
    pub(crate) is_committed: bool,
    pub(crate) n_duplicate_games: u64,
    pub(crate) shards: BTreeMap<u32, ShardEntry>,
    /// What `sources.feather` and `errors.jsonl` may be: those of the manifest, or those with
    /// which a run was about to replace them when it ended.
    tables: Vec<Tables>,
    /// Number of lines and valid length, if there is a journal.
    pub(crate) journal: Option<(usize, u64)>,
    /// What the journal says about games files and their positions files, and the line that says
    /// it; without details if they were removed.
    journaled: BTreeMap<u32, (usize, Option<Details>)>,
}

impl State {
    /// Reads the folder `dir`; `None` if it is no dataset.
    pub(crate) fn load(dir: &Path) -> Result<Option<State>> {
        // The journal first: a run that ends in between removes it after writing the manifest.
        let journal = Journal::read(dir)?;
        let manifest = Manifest::read(dir)?;
        if journal.is_none() && manifest.is_none() {
            return Ok(None);
        }
        let mut state = State::empty();
        if let Some(manifest) = manifest {
            state.options = Some(manifest.options);
            state.key_version = manifest.key_version;
            state.maou_version = manifest.maou_version;
            state.is_committed = true;
            state.n_duplicate_games = manifest.n_duplicate_games;
            state.tables.push(manifest.tables);
            state.shards = manifest.shards.into_iter().map(|s| (s.number, s)).collect();
        }
        if let Some(journal) = journal {
            state.journal = Some((journal.entries.len(), journal.valid_len));
            for (sequence, entry) in journal.entries.into_iter().enumerate() {
                state.overlay(dir, sequence, entry)?;
            }
        }
        Ok(Some(state))
    }

    /// Reads the folder `dir` and what `look` finds in it. A run that goes on may replace files in
    /// between; it says so first, in journal or manifest, so it is looked again then.
    pub(crate) fn load_with<T>(
        dir: &Path,
        look: impl Fn(&mut State) -> Result<T>,
    ) -> Result<Option<(State, T)>> {
        let Some(mut state) = State::load(dir)? else { return Ok(None) };
        loop {
            let error = match look(&mut state) {
                Ok(found) => return Ok(Some((state, found))),
                Err(error) => error,
            };
            match State::load(dir)? {
                Some(now) if (&now.shards, &now.tables) != (&state.shards, &state.tables) => {
                    state = now;
                }
                _ => return Err(error),
            }
        }
    }

    pub(crate) fn empty() -> State {
        State {
            options: None,
            key_version: maou_shogi::KEY_VERSION,
            maou_version: env!("CARGO_PKG_VERSION").to_owned(),
            is_committed: false,
            n_duplicate_games: 0,
            shards: BTreeMap::new(),
            tables: Vec::new(),
            journal: None,
            journaled: BTreeMap::new(),
        }
    }

    fn overlay(&mut self, dir: &Path, sequence: usize, entry: Entry) -> Result<()> {
        match entry {
            Entry::Start { schema_version, options } => {
                check_schema_version(&dir.join(JOURNAL_FILE), schema_version)?;
                self.options = Some(options);
            }
            Entry::Shard { entry, sources, errors } => {
                let details = Details { sources, errors };
                self.journaled.insert(entry.number, (sequence, Some(details)));
                self.shards.insert(entry.number, *entry);
            }
            Entry::Removed { number } => {
                self.journaled.insert(number, (sequence, None));
                self.shards.remove(&number);
            }
            Entry::Tables(tables) => self.tables.push(tables),
        }
        Ok(())
    }

    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for shard in self.shards.values() {
            totals.add(&shard.totals);
        }
        totals
    }

    /// Where the bytes of a games file stand.
    pub(crate) fn games(&self, dir: &Path, number: u32) -> GamesFile {
        self.file(dir, Table::Games, number)
    }

    /// Where the bytes of a file stand.
    pub(crate) fn file(&self, dir: &Path, table: Table, number: u32) -> GamesFile {
        let sequence = self.journaled.get(&number).map(|(sequence, _)| *sequence);
        let name = table.file_name(number);
        GamesFile {
            table,
            beside: sequence.map(|sequence| dir.join(beside_name(&name, sequence))),
            path: dir.join(name),
        }
    }

    /// Opens a file after its hash has been checked, so that damage does not get into another one,
    /// where no hash would tell any more.
    pub(crate) fn open_whole(&self, dir: &Path, table: Table, number: u32) -> Result<IpcFile> {
        let file = self.file(dir, table, number);
        if let Some(known) = self.shards.get(&number).and_then(|shard| table.fingerprint(shard)) {
            open_known(file.path(), &[&known])?;
        }
        file.open()
    }

    /// Checks that the games files and positions files are there and have the size that they
    /// should have.
    pub(crate) fn check_games(&self, dir: &Path) -> Result<()> {
        self.shards.iter().try_for_each(|(number, shard)| {
            Table::ALL.into_iter().try_for_each(|table| match table.fingerprint(shard) {
                Some(known) => self.file(dir, table, *number).check_size(known.size_bytes),
                None => Ok(()),
            })
        })
    }

    /// Sources and errors by games file; the journal's part only the first time.
    pub(crate) fn details(&mut self, dir: &Path) -> Result<BTreeMap<u32, Details>> {
        let mut all = BTreeMap::<u32, Details>::new();
        let is_current =
            |shard: u32| self.shards.contains_key(&shard) && !self.journaled.contains_key(&shard);
        // Before the first commit, the journal alone has everything.
        if self.is_committed {
            let known = |get: fn(&Tables) -> &Fingerprint| self.tables.iter().map(get).collect();
            let (sources, errors): (Vec<_>, Vec<_>) = (known(|t| &t.sources), known(|t| &t.errors));
            let path = dir.join(SOURCES_FILE);
            source_table::read(open_known(&path, &sources)?, &path, |row| {
                if is_current(row.shard) {
                    all.entry(row.shard).or_default().sources.push(row);
                }
            })?;
            read_errors(dir, &errors, |entry| {
                if is_current(entry.shard) {
                    all.entry(entry.shard).or_default().errors.push(entry);
                }
            })?;
        }
        for (number, (_, details)) in &mut self.journaled {
            if let Some(details) = details.as_mut() {
                all.insert(*number, std::mem::take(details));
            }
        }
        Ok(all)
    }

    /// Brings the folder into the state that the journal describes, and removes what runs that
    /// were ended have left behind. The caller holds the lock.
    pub(crate) fn recover(&mut self, files: Files<'_>, dir: &Path) -> Result<()> {
        for (number, (sequence, details)) in &self.journaled {
            for table in Table::ALL {
                let name = table.file_name(*number);
                let (path, beside) = (dir.join(&name), dir.join(beside_name(&name, *sequence)));
                let shard = self.shards.get(number).filter(|_| details.is_some());
                if shard.is_none_or(|shard| table.fingerprint(shard).is_none()) {
                    // Where no file is, there is nothing to do, and there may be none of the kind.
                    if path.exists() {
                        files.remove(&path)?;
                    }
                } else if beside.exists() {
                    files.rename(&beside, &path)?;
                }
            }
        }
        remove_leftovers(files, dir)
    }
}

/// The tables of which a shard may have a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Table {
    Games,
    Positions,
}

impl Table {
    pub(crate) const ALL: [Table; 2] = [Table::Games, Table::Positions];

    fn file_name(self, number: u32) -> String {
        match self {
            Table::Games => games_file(number),
            Table::Positions => positions_file(number),
        }
    }

    /// What is known of a shard's file; `None` if it has none.
    pub(crate) fn fingerprint(self, shard: &ShardEntry) -> Option<Fingerprint> {
        let (xxh3, size_bytes) = match self {
            Table::Games => (&shard.xxh3, shard.totals.size_bytes),
            Table::Positions => (&shard.positions.as_ref()?.xxh3, shard.totals.loose_size_bytes),
        };
        Some(Fingerprint { xxh3: xxh3.clone(), size_bytes })
    }
}

/// A file of a table, which stands beside its final name if the run that wrote it has ended just
/// then, or goes on.
#[derive(Clone, Debug)]
pub(crate) struct GamesFile {
    table: Table,
    beside: Option<PathBuf>,
    path: PathBuf,
}

impl GamesFile {
    pub(crate) fn path(&self) -> &Path {
        self.beside.as_deref().filter(|beside| beside.exists()).unwrap_or(&self.path)
    }

    fn check_size(&self, size_bytes: u64) -> Result<()> {
        match &self.beside {
            // If it is not there, it may have got its final name just now.
            Some(beside) => {
                check_size(beside, size_bytes).or_else(|_| check_size(&self.path, size_bytes))
            }
            None => check_size(&self.path, size_bytes),
        }
    }

    /// Opens it and checks its columns.
    pub(crate) fn open(&self) -> Result<IpcFile> {
        let beside = self.beside.as_deref();
        let beside = beside.map(|path| Ok((open_if_there(path)?, path))).transpose()?;
        let file = match beside {
            Some((Some(file), path)) => IpcFile::from_file(file, path)?,
            _ => IpcFile::open(&self.path)?,
        };
        let (is_known, name) = match self.table {
            Table::Games => (Width::of(file.schema()).is_some(), "games"),
            Table::Positions => (*file.schema() == positions_schema(), "positions"),
        };
        if !is_known {
            let message = format!("expected the columns of the {name} table, found others");
            return Err(damaged(file.path(), message));
        }
        Ok(file)
    }
}

/// Removes files that only a run that was ended can have left.
fn remove_leftovers(files: Files<'_>, dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir).at(dir)? {
        let entry = entry.at(dir)?;
        if entry.file_name().to_str().is_some_and(is_leftover) {
            files.remove(&entry.path())?;
        }
    }
    Ok(())
}

fn is_leftover(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let Some(name) = name.strip_suffix(".tmp") else { return false };
    if [MANIFEST_FILE, SOURCES_FILE, ERRORS_FILE].contains(&name) {
        return true;
    }
    name.strip_prefix("games-")
        .or_else(|| name.strip_prefix("positions-"))
        .and_then(|rest| rest.split_once(".feather."))
        .is_some_and(|(number, sequence)| is_number(number) && is_number(sequence))
}

fn read_errors(dir: &Path, known: &[&Fingerprint], mut take: impl FnMut(ErrorEntry)) -> Result<()> {
    let path = dir.join(ERRORS_FILE);
    let file = open_known(&path, known)?;
    for (index, line) in BufReader::new(file).split(b'\n').enumerate() {
        let entry = serde_json::from_slice(&line.at(&path)?);
        take(
            entry
                .map_err(|_| damaged(&path, format!("expected an error as line {}", index + 1)))?,
        );
    }
    Ok(())
}

/// What a dataset holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DatasetInfo {
    /// Always `dataset`.
    pub kind: &'static str,
    /// Games, each variation being one of its own where they are kept.
    pub games: u64,
    /// Variations among the games.
    pub variations: u64,
    /// Whether variations are kept, as games with a parent.
    pub keeps_variations: bool,
    /// Positions with a move: those of the games, which are as many as moves, and the loose ones.
    pub positions: u64,
    /// Loose positions.
    pub loose_positions: u64,
    /// Errors that its sources had.
    pub errors: u64,
    /// Size of the games files and the positions files.
    pub size_bytes: u64,
    /// Size of the games files for a move; `None` without moves.
    pub bytes_per_ply: Option<f64>,
    /// Version of the games table's columns.
    pub schema_version: u32,
    /// Version of the key of positions.
    pub key_version: u32,
    /// Source files.
    pub sources: u64,
    /// Games files.
    pub shards: u64,
    /// Positions files.
    pub positions_files: u64,
    /// Games whose id an earlier game has, as of the last run that came to its end.
    pub duplicate_games: u64,
    /// Games by result.
    pub results: ResultCounts,
    /// Games by ending.
    pub endings: BTreeMap<String, u64>,
    /// Errors by kind.
    pub errors_by_kind: BTreeMap<String, u64>,
    /// Variations that were left out.
    pub n_variations_dropped: u64,
    /// Comment lines that were left out.
    pub n_comments_dropped: u64,
    /// Compression of its files.
    pub compression: &'static str,
    /// The version of maou that wrote it last.
    pub maou_version: String,
    /// Whether a run into it was ended before it was done; the next one goes on.
    pub unfinished: bool,
}

/// An open dataset.
#[derive(Debug)]
pub struct Dataset {
    dir: PathBuf,
    state: State,
}

impl Dataset {
    /// Opens the dataset in the folder `dir`, finished or not.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if there is none, or one of a later version; [`Error::Corrupt`] if a games
    /// file is missing or has another size than the one that was written.
    pub fn open(dir: &Path) -> Result<Dataset> {
        Dataset::open_with(dir, |state| state.check_games(dir)).map(|(dataset, ())| dataset)
    }

    /// Opens it with its sources and errors by games file, whatever the games files are.
    pub(crate) fn open_with_details(dir: &Path) -> Result<(Dataset, BTreeMap<u32, Details>)> {
        Dataset::open_with(dir, |state| state.details(dir))
    }

    fn open_with<T>(dir: &Path, look: impl Fn(&mut State) -> Result<T>) -> Result<(Dataset, T)> {
        if let Some((state, found)) = State::load_with(dir, look)? {
            return Ok((Dataset { dir: dir.to_owned(), state }, found));
        }
        let found = match fs::metadata(dir) {
            Err(error) => crate::error::reason(&error),
            Ok(metadata) if metadata.is_dir() => "a folder without it".to_owned(),
            Ok(_) => "a file".to_owned(),
        };
        Err(Error::Usage(format!(
            "{}: expected a dataset, that is, a folder with {MANIFEST_FILE}, found {found}",
            dir.display()
        )))
    }

    /// Whether the folder `dir` holds a dataset, finished or not.
    pub fn is_at(dir: &Path) -> bool {
        dir.join(MANIFEST_FILE).is_file() || dir.join(JOURNAL_FILE).is_file()
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Its games files, in order.
    pub fn shards(&self) -> impl ExactSizeIterator<Item = &ShardEntry> {
        self.state.shards.values()
    }

    /// Where its games files lie, in order.
    pub fn games_paths(&self) -> Vec<PathBuf> {
        self.games_files().iter().map(|file| file.path().to_owned()).collect()
    }

    pub(crate) fn games_files(&self) -> Vec<GamesFile> {
        self.state.shards.keys().map(|n| self.state.games(&self.dir, *n)).collect()
    }

    /// Where its positions files lie, in order; shards without loose positions have none.
    pub fn positions_paths(&self) -> Vec<PathBuf> {
        self.positions_files().iter().map(|file| file.path().to_owned()).collect()
    }

    pub(crate) fn positions_files(&self) -> Vec<GamesFile> {
        let shards = self.state.shards.values().filter(|shard| shard.positions.is_some());
        shards.map(|shard| self.file(Table::Positions, shard.number)).collect()
    }

    /// Where the bytes of a file stand.
    pub(crate) fn file(&self, table: Table, number: u32) -> GamesFile {
        self.state.file(&self.dir, table, number)
    }

    /// The columns of its widest games file.
    pub(crate) fn width(&self) -> Width {
        Width {
            variations: self.state.options.is_some_and(|options| options.variations),
            search: self.state.shards.values().any(|shard| shard.has_search),
        }
    }

    pub(crate) fn totals(&self) -> Totals {
        self.state.totals()
    }

    /// The totals that the manifest itself gives, if a run has come to its end.
    pub(crate) fn manifest_totals(&self) -> Result<Option<Totals>> {
        Ok(Manifest::read(&self.dir)?.map(|manifest| manifest.totals))
    }

    /// What it holds; reads no games.
    pub fn info(&self) -> DatasetInfo {
        let totals = self.state.totals();
        let plies = totals.n_positions;
        DatasetInfo {
            kind: "dataset",
            games: totals.n_games,
            variations: totals.n_variations,
            keeps_variations: self.width().variations,
            positions: totals.n_all_positions(),
            loose_positions: totals.n_loose_positions,
            errors: totals.n_errors,
            size_bytes: totals.size_bytes + totals.loose_size_bytes,
            bytes_per_ply: (plies > 0).then(|| totals.size_bytes as f64 / plies as f64),
            schema_version: SCHEMA_VERSION,
            key_version: self.state.key_version,
            sources: totals.n_sources,
            shards: self.state.shards.len() as u64,
            positions_files: self.positions_files().len() as u64,
            duplicate_games: self.state.n_duplicate_games,
            results: totals.results,
            endings: totals.endings,
            errors_by_kind: totals.error_kinds,
            n_variations_dropped: totals.n_variations_dropped,
            n_comments_dropped: totals.n_comments_dropped,
            compression: self.state.options.unwrap_or_default().compression.as_str(),
            maou_version: self.state.maou_version.clone(),
            unfinished: self.state.journal.is_some() || !self.state.is_committed,
        }
    }

    /// All errors that its sources had, in the order of the sources.
    ///
    /// # Errors
    ///
    /// If a file cannot be read.
    pub fn errors(&self) -> Result<Vec<ErrorEntry>> {
        let (_, details) = Dataset::open_with_details(&self.dir)?;
        Ok(details.into_values().flat_map(|details| details.errors).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn only_our_own_leftovers_are_removed() {
        for name in ["games-00001.feather.3.tmp", "manifest.json.tmp", "sources.feather.tmp"] {
            assert!(is_leftover(name), "{name}");
        }
        assert!(is_leftover("positions-00001.feather.12.tmp"));
        for name in ["games-00001.feather", "games-x.feather.3.tmp", "notes.tmp", "a.json.tmp"] {
            assert!(!is_leftover(name), "{name}");
        }
    }

    #[test]
    fn what_is_no_dataset_is_said_so() {
        let dir = TempDir::new("no-dataset");
        let open = |path: &Path| Dataset::open(path).unwrap_err().to_string();
        assert!(open(dir.path()).ends_with("manifest.json, found a folder without it"));
        assert!(open(&dir.path().join("x")).ends_with("found no such file or directory"));
        fs::write(dir.path().join("f"), "").unwrap();
        assert!(open(&dir.path().join("f")).ends_with("found a file"));
    }

    #[test]
    fn a_later_schema_version_is_refused() {
        let dir = TempDir::new("newer");
        fs::write(dir.path().join(MANIFEST_FILE), "{\"schema_version\": 2, \"x\": []}").unwrap();
        let error = Dataset::open(dir.path()).unwrap_err();
        assert!(error.is_usage());
        assert!(error.to_string().contains("schema version 1 or lower, found 2"), "{error}");
    }
}
