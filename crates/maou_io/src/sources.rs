//! From the inputs that were named to a sorted list of sources.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::archives::{Archives, Member, Members};
use crate::dataset::Dataset;
use crate::error::{Error, Result, reason};
use crate::lock::LOCK_FILE;
use crate::sniff::{Content, SNIFFED_BYTES, sniff};
use crate::source_table::SOURCES_FILE;
use crate::tables::{Piece, Tables};
use crate::workers::map_in_order;

/// The text of a file's name: itself if it is UTF-8; otherwise with `\xff` for each byte that is
/// none, and `\\` for a backslash, so that different names stay different.
fn text_of(name: &OsStr) -> Cow<'_, str> {
    if let Some(name) = name.to_str() {
        return Cow::Borrowed(name);
    }
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', "\\\\"));
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    Cow::Owned(text)
}

/// The input that stands for standard input, and the name of its source.
pub(crate) const STDIN: &str = "-";

/// A file to read, a part of one, or something in its place that cannot be read.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Relative to its input, `/`-separated; the file's name if the input is a file.
    pub(crate) name: Box<str>,
    /// Index of its input.
    pub(crate) input: u32,
    pub(crate) size_bytes: u64,
    /// For all but files whose path follows from their name.
    odd: Option<Box<Odd>>,
}

#[derive(Clone, Debug)]
enum Odd {
    /// A file with this path.
    At(PathBuf),
    /// Nothing to read.
    Problem { path: PathBuf, problem: String },
    /// A dataset, before its sources have been found.
    Dataset(PathBuf),
    /// Standard input, before it is known what it is.
    Stdin,
    /// A member of an archive.
    Member { archive: u32, index: u64, problem: Option<String> },
    /// Games of a table.
    Piece(u32),
}

/// How the content of a source is got at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Access<'a> {
    /// There is nothing to read.
    Problem(&'a str),
    /// It is a file.
    File,
    /// It is unpacked from an archive.
    Member,
    /// It is the piece of a table with this index.
    Piece(u32),
}

impl Source {
    pub(crate) fn access(&self) -> Access<'_> {
        match self.odd.as_deref() {
            None | Some(Odd::At(_)) => Access::File,
            Some(Odd::Problem { problem, .. } | Odd::Member { problem: Some(problem), .. }) => {
                Access::Problem(problem)
            }
            Some(Odd::Member { .. }) => Access::Member,
            Some(Odd::Piece(piece)) => Access::Piece(*piece),
            Some(Odd::Dataset(_) | Odd::Stdin) => unreachable!("replaced by what they hold"),
        }
    }
}

/// An archive among the inputs.
#[derive(Debug)]
struct Archive {
    path: PathBuf,
    /// The name that the names of its sources begin with.
    name: Box<str>,
}

/// How sources are looked for.
#[derive(Clone, Copy, Default)]
pub(crate) struct Search<'a> {
    /// Who can look into archives.
    pub(crate) archives: Option<&'a dyn Archives>,
    /// Whether files with the usual name of a record are looked into, too. Without it, one that
    /// turns out to be something else when it is read gives [`Error::Misnamed`].
    pub(crate) looks_into_all: bool,
    /// Number of rows of which no part of a table spans a multiple.
    pub(crate) cut_rows: Option<u64>,
    pub(crate) n_threads: usize,
}

/// All sources of a run, sorted by name, those of an archive or a table in its order.
pub(crate) struct Sources<'a> {
    inputs: Vec<PathBuf>,
    pub(crate) list: Vec<Source>,
    access: Option<&'a dyn Archives>,
    archives: Vec<Archive>,
    tables: Tables,
    /// The archive that is being read.
    open: Mutex<Option<(u32, Box<dyn Members>)>>,
}

/// What a member of an archive holds, or why it cannot be read.
pub(crate) type Unpacked = std::result::Result<Vec<u8>, String>;

impl<'a> Sources<'a> {
    /// Lists the files of all inputs, and what is in them; what lies in `out` is none of them.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if an input does not exist, or if two inputs give the same name.
    pub(crate) fn find(
        inputs: &[PathBuf],
        out: Option<&Path>,
        search: Search<'a>,
    ) -> Result<Sources<'a>> {
        let mut sources = Sources {
            inputs: inputs.to_vec(),
            list: Vec::new(),
            access: search.archives,
            archives: Vec::new(),
            tables: Tables::default(),
            open: Mutex::new(None),
        };
        let skip = out.and_then(|out| fs::canonicalize(out).ok());
        for (index, input) in inputs.iter().enumerate() {
            let found = std::mem::take(&mut sources.list);
            let mut walk = Walk { input: index as u32, skip: skip.as_deref(), found };
            walk.input(input)?;
            sources.list = walk.found;
        }
        sources.list.sort_unstable_by(|a, b| a.name.cmp(&b.name).then(a.input.cmp(&b.input)));
        for pair in sources.list.windows(2) {
            if pair[0].name == pair[1].name {
                return Err(sources.clash(&pair[0], &pair[1]));
            }
        }
        sources.open_up(search)?;
        Ok(sources)
    }

    fn clash(&self, a: &Source, b: &Source) -> Error {
        let (path_a, path_b) = (self.path(a), self.path(b));
        if fs::canonicalize(&path_a).is_ok_and(|a| fs::canonicalize(&path_b).is_ok_and(|b| a == b))
        {
            let also =
                if path_a == path_b { String::new() } else { format!(" and {}", path_b.display()) };
            return Error::Usage(format!(
                "{}{also}: expected different files, found that the same file was named twice",
                path_a.display()
            ));
        }
        Error::Usage(format!(
            "{} and {}: expected sources with different names, found `{}` twice; name a folder \
             above both as the input, or convert them into two datasets",
            path_a.display(),
            path_b.display(),
            a.name
        ))
    }

    /// Puts what archives, tables and datasets hold into their places.
    fn open_up(&mut self, search: Search<'a>) -> Result<()> {
        let contents = self.look_into(search);
        if contents.is_empty() {
            return Ok(());
        }
        let is_sole = self.list.len() == 1 && self.inputs.len() == 1;
        let list = std::mem::take(&mut self.list);
        for (index, source) in list.into_iter().enumerate() {
            match (contents.get(&index), source.odd.as_deref()) {
                (_, Some(Odd::Stdin)) => {
                    let archives = self.access.ok_or_else(|| {
                        Error::Usage("-: standard input cannot be read here".to_owned())
                    })?;
                    self.archive(source, PathBuf::from(STDIN), archives, search, is_sole)?;
                }
                (_, Some(Odd::Dataset(path))) => {
                    let prefix = prefix_of(&source, is_sole);
                    let found = self.tables.add_dataset(path, &prefix)?;
                    self.list.extend(pieces(source.input, found));
                }
                (Some(Content::Archive), _) => {
                    let path = self.path(&source);
                    if let Some(archives) = self.access {
                        self.archive(source, path, archives, search, is_sole)?;
                    } else {
                        let problem = "archives cannot be read here".to_owned();
                        self.list.push(source.with_problem(path, problem));
                    }
                }
                (Some(Content::Arrow), _) => {
                    let (path, prefix) = (self.path(&source), prefix_of(&source, is_sole));
                    let cut_rows = search.cut_rows;
                    let name = &source.name;
                    match self.tables.add_foreign(path.clone(), None, name, &prefix, cut_rows) {
                        Ok(found) => self.list.extend(pieces(source.input, found)),
                        Err(error) => {
                            self.list.push(source.with_problem(path, message_of(error)));
                        }
                    }
                }
                _ => self.list.push(source),
            }
        }
        let mut names = HashMap::with_capacity(self.list.len());
        for (index, source) in self.list.iter().enumerate() {
            if let Some(other) = names.insert(&*source.name, index) {
                return Err(self.clash(&self.list[other], source));
            }
        }
        Ok(())
    }

    /// What the files are that are no records, by index; empty if all are records. Datasets and
    /// standard input are not looked into, but count.
    fn look_into(&self, search: Search<'a>) -> HashMap<usize, Content> {
        let wanted: Vec<usize> = (0..self.list.len())
            .filter(|&index| {
                let source = &self.list[index];
                match source.odd.as_deref() {
                    Some(Odd::Problem { .. }) => false,
                    Some(_) => true,
                    None => search.looks_into_all || !has_name_of_record(&source.name),
                }
            })
            .collect();
        let n_threads = if wanted.len() < 100 { 1 } else { search.n_threads };
        let look = |index: usize| {
            let source = &self.list[wanted[index]];
            match source.odd.as_deref() {
                Some(Odd::Dataset(_) | Odd::Stdin) => Content::Archive,
                // What cannot be read is told when it is read.
                _ => first_bytes(&self.path(source)).map_or(Content::Other, |first| sniff(&first)),
            }
        };
        let found = match n_threads {
            1 => (0..wanted.len()).map(look).collect(),
            n => map_in_order(n, wanted.len(), || &look, &mut || true).unwrap_or_default(),
        };
        let found = wanted.into_iter().zip(found);
        found.filter(|(_, content)| *content != Content::Other).collect()
    }

    /// Adds the members of an archive.
    fn archive(
        &mut self,
        source: Source,
        path: PathBuf,
        archives: &'a dyn Archives,
        search: Search<'_>,
        is_sole: bool,
    ) -> Result<()> {
        let number = self.archives.len() as u32;
        let mut index = 0;
        let mut names = Names::default();
        let (list, tables) = (&mut self.list, &mut self.tables);
        let mut take = |member: Member| {
            let name = names.unique(match member.name.as_str() {
                "" => source.name.to_string(),
                name => format!("{}/{name}", source.name),
            });
            let Member { size_bytes, mut problem, table, .. } = member;
            let is_whole_input = is_sole && name == *source.name;
            if let Some(file) = table {
                let prefix = if is_whole_input { String::new() } else { format!("{name}/") };
                let of_member = path_of_member(&path, &source.name, &name);
                let cut_rows = search.cut_rows;
                match tables.add_foreign(of_member, Some(file), &name, &prefix, cut_rows) {
                    Ok(found) => {
                        list.extend(pieces(source.input, found));
                        index += 1;
                        return;
                    }
                    Err(error) => problem = Some(message_of(error)),
                }
            }
            let odd = Odd::Member { archive: number, index, problem };
            let (name, odd) = (name.into(), Some(Box::new(odd)));
            list.push(Source { name, input: source.input, size_bytes, odd });
            index += 1;
        };
        archives.list(&path, &mut take).map_err(Error::Fault)?;
        self.archives.push(Archive { path, name: source.name });
        Ok(())
    }

    /// Where the user finds it: for a member of an archive, the path of the archive with the
    /// member's path behind it.
    pub(crate) fn path(&self, source: &Source) -> PathBuf {
        match source.odd.as_deref() {
            Some(Odd::At(path) | Odd::Problem { path, .. } | Odd::Dataset(path)) => path.clone(),
            Some(Odd::Stdin) => PathBuf::from(STDIN),
            Some(Odd::Member { archive, .. }) => {
                let Archive { path, name } = &self.archives[*archive as usize];
                path_of_member(path, name, &source.name)
            }
            Some(Odd::Piece(piece)) => self.tables.path(*piece).to_owned(),
            None => self.inputs[source.input as usize].join(&*source.name),
        }
    }

    /// Refuses to go on without any file.
    pub(crate) fn check_not_empty(&self) -> Result<()> {
        if !self.list.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = self.inputs.iter().map(|path| path.display().to_string()).collect();
        Err(Error::Usage(format!("{}: expected game records, found no files", names.join(", "))))
    }

    pub(crate) fn input_name(&self, input: u32) -> String {
        self.inputs[input as usize].display().to_string()
    }

    pub(crate) fn n_inputs(&self) -> usize {
        self.inputs.len()
    }

    pub(crate) fn tables(&self) -> &Tables {
        &self.tables
    }

    pub(crate) fn piece(&self, piece: u32) -> &Piece {
        &self.tables.pieces[piece as usize]
    }

    /// Unpacks those of the sources that lie in archives, in order. One thread at a time does
    /// that, in the order in which the sources stand in their archives: most archives can only be
    /// read from the front.
    ///
    /// # Errors
    ///
    /// If the command has to end.
    pub(crate) fn unpack(&self, sources: &[Source]) -> Result<Vec<Unpacked>> {
        let mut unpacked = Vec::new();
        let mut wanted: Option<(u32, Vec<u64>)> = None;
        for source in sources {
            let Some(Odd::Member { archive, index, problem: None }) = source.odd.as_deref() else {
                continue;
            };
            match &mut wanted {
                Some((of, indices)) if of == archive => indices.push(*index),
                _ => {
                    self.unpack_from(wanted.replace((*archive, vec![*index])), &mut unpacked)?;
                }
            }
        }
        self.unpack_from(wanted, &mut unpacked)?;
        Ok(unpacked)
    }

    fn unpack_from(
        &self,
        wanted: Option<(u32, Vec<u64>)>,
        unpacked: &mut Vec<Unpacked>,
    ) -> Result<()> {
        let (Some((archive, indices)), Some(archives)) = (wanted, self.access) else {
            return Ok(());
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.as_ref().is_none_or(|(of, _)| *of != archive) {
            // Closed first, so that one archive is open at a time.
            *open = None;
            let path = &self.archives[archive as usize].path;
            *open = Some((archive, archives.open(path).map_err(Error::Fault)?));
        }
        let (_, members) = open.as_mut().expect("set above");
        unpacked.extend(members.read(&indices).map_err(Error::Fault)?);
        Ok(())
    }
}

/// Names that were given, so that each one is given once.
#[derive(Default)]
pub(crate) struct Names {
    /// The last number that was put behind each name.
    numbers: HashMap<String, u32>,
}

impl Names {
    /// The name, with a number behind it if it was given before.
    pub(crate) fn unique(&mut self, name: String) -> String {
        let Some(number) = self.numbers.get_mut(&name) else {
            self.numbers.insert(name.clone(), 1);
            return name;
        };
        let mut last = *number;
        let numbered = loop {
            last += 1;
            let numbered = format!("{name}#{last}");
            // Something may have the name by itself.
            if !self.numbers.contains_key(&numbered) {
                break numbered;
            }
        };
        self.numbers.insert(name, last);
        self.numbers.insert(numbered.clone(), 1);
        numbered
    }
}

/// The path that the user knows a member of an archive by, given both names.
fn path_of_member(archive: &Path, archive_name: &str, name: &str) -> PathBuf {
    match name[archive_name.len()..].strip_prefix('/') {
        Some(member) => archive.join(member),
        None => archive.to_owned(),
    }
}

/// The sources that are in a table.
fn pieces(input: u32, found: crate::tables::Found) -> impl Iterator<Item = Source> {
    found.into_iter().map(move |(name, size_bytes, piece)| Source {
        name: name.into(),
        input,
        size_bytes,
        odd: Some(Box::new(Odd::Piece(piece))),
    })
}

impl Source {
    fn with_problem(self, path: PathBuf, problem: String) -> Source {
        Source { odd: Some(Box::new(Odd::Problem { path, problem })), ..self }
    }
}

/// What the names of the sources of a dataset or table begin with: names of several inputs could
/// be the same.
fn prefix_of(source: &Source, is_sole: bool) -> String {
    if is_sole { String::new() } else { format!("{}/", source.name) }
}

/// The message of an error without the path, which is that of the source.
fn message_of(error: Error) -> String {
    match error {
        Error::Io { source, .. } => reason(&source),
        Error::Corrupt { message, .. } => message,
        other => other.to_string(),
    }
}

/// Endings of names that records usually have, in lower case.
const RECORD_NAMES: [&str; 9] = ["csa", "kif", "kifu", "ki2", "ki2u", "jkf", "json", "usi", "sfen"];

fn has_name_of_record(name: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, end)| RECORD_NAMES.iter().any(|known| known.eq_ignore_ascii_case(end)))
}

fn first_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut first = Vec::with_capacity(SNIFFED_BYTES);
    File::open(path)?.take(SNIFFED_BYTES as u64).read_to_end(&mut first)?;
    Ok(first)
}

/// Whether the folder holds a dataset and not only a file that happens to have the name of one of
/// a dataset's: records beside such a file must not be passed over.
fn is_dataset(folder: &Path) -> bool {
    let has = |name| folder.join(name).exists();
    Dataset::is_at(folder) && (has(SOURCES_FILE) || has(LOCK_FILE))
}

struct Walk<'a> {
    input: u32,
    skip: Option<&'a Path>,
    found: Vec<Source>,
}

impl Walk<'_> {
    fn input(&mut self, path: &Path) -> Result<()> {
        if path == Path::new(STDIN) {
            self.add(STDIN, 0, Some(Odd::Stdin));
            return Ok(());
        }
        let metadata = fs::metadata(path).map_err(|error| {
            Error::Usage(format!(
                "{}: expected a file or folder with game records: {}",
                path.display(),
                reason(&error)
            ))
        })?;
        if metadata.is_dir() {
            if is_dataset(path) {
                let real = fs::canonicalize(path).ok();
                if real.is_some() && real.as_deref() == self.skip {
                    return Err(Error::Usage(format!(
                        "{}: expected another folder as the output, found the input",
                        path.display()
                    )));
                }
                let name =
                    real.as_deref().and_then(Path::file_name).map_or(Cow::from("."), text_of);
                self.add(&name, 0, Some(Odd::Dataset(path.to_owned())));
                return Ok(());
            }
            self.folder(path, "", &mut HashSet::new());
        } else if metadata.is_file() {
            let name = text_of(path.file_name().unwrap_or(path.as_os_str()));
            self.add(&name, metadata.len(), Some(Odd::At(path.to_owned())));
        } else {
            return Err(Error::Usage(format!(
                "{}: expected a file or folder with game records, found neither",
                path.display()
            )));
        }
        Ok(())
    }

    fn add(&mut self, name: &str, size_bytes: u64, odd: Option<Odd>) {
        let source =
            Source { name: name.into(), input: self.input, size_bytes, odd: odd.map(Box::new) };
        self.found.push(source);
    }

    fn problem(&mut self, name: &str, path: PathBuf, problem: String) {
        let name = if name.is_empty() { "." } else { name };
        self.add(name, 0, Some(Odd::Problem { path, problem }));
    }

    /// Adds what lies below `path`. `above` holds the real paths of the folders that it lies in,
    /// as far as links could lead back into them.
    fn folder(&mut self, path: &Path, name: &str, above: &mut HashSet<PathBuf>) {
        let real = match fs::canonicalize(path) {
            Ok(real) => real,
            Err(error) => return self.problem(name, path.to_owned(), reason(&error)),
        };
        if self.skip == Some(&real) || is_dataset(path) {
            return;
        }
        if above.contains(&real) {
            let problem = "expected a folder, found a link to a folder that it lies in".to_owned();
            return self.problem(name, path.to_owned(), problem);
        }
        match fs::read_dir(path) {
            Err(error) => self.problem(name, path.to_owned(), reason(&error)),
            Ok(entries) => {
                above.insert(real.clone());
                for entry in entries {
                    match entry {
                        Ok(entry) => self.entry(&entry, name, above),
                        // Once: the rest of the folder cannot be listed either.
                        Err(error) => {
                            self.problem(name, path.to_owned(), reason(&error));
                            break;
                        }
                    }
                }
                above.remove(&real);
            }
        }
    }

    fn entry(&mut self, entry: &fs::DirEntry, folder: &str, above: &mut HashSet<PathBuf>) {
        let file_name = entry.file_name();
        if file_name.as_encoded_bytes().starts_with(b".") {
            return;
        }
        let text = text_of(&file_name);
        let name = if folder.is_empty() { text.into_owned() } else { format!("{folder}/{text}") };
        // `DirEntry::metadata` does not follow links, and is cheaper than a look-up by path.
        let metadata = match entry.metadata() {
            Ok(metadata) if metadata.is_symlink() => fs::metadata(entry.path()),
            other => other,
        };
        match metadata {
            Err(error) => self.problem(&name, entry.path(), reason(&error)),
            Ok(metadata) if metadata.is_dir() => self.folder(&entry.path(), &name, above),
            Ok(metadata) if metadata.is_file() => {
                // A name with a byte escaped in it gives another path.
                let is_odd = name.contains('\\');
                let odd = is_odd.then(|| Odd::At(entry.path()));
                self.add(&name, metadata.len(), odd);
            }
            Ok(_) => {
                let problem = "expected a file, found neither file nor folder".to_owned();
                self.problem(&name, entry.path(), problem);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    fn names<'a>(sources: &'a Sources<'_>) -> Vec<&'a str> {
        sources.list.iter().map(|s| &*s.name).collect()
    }

    fn find_with_out(inputs: &[PathBuf], out: &Path) -> Result<Sources<'static>> {
        Sources::find(inputs, Some(out), Search { n_threads: 1, ..Search::default() })
    }

    fn find_in(inputs: &[PathBuf]) -> Result<Sources<'static>> {
        find_with_out(inputs, Path::new("missing"))
    }

    #[test]
    fn sources_are_sorted_by_their_whole_name_and_hidden_ones_skipped() {
        let dir = TempDir::new("walk");
        fs::create_dir_all(dir.path().join("a/.git")).unwrap();
        for name in ["b.csa", "a/z.csa", "a.csa", ".hidden", "a/.git/config"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        let inputs = [dir.path().to_owned()];
        let sources = find_in(&inputs).unwrap();
        assert_eq!(names(&sources), ["a.csa", "a/z.csa", "b.csa"]);
        assert_eq!(sources.path(&sources.list[1]), dir.path().join("a/z.csa"));
        let file = [dir.path().join("b.csa")];
        assert_eq!(names(&find_in(&file).unwrap()), ["b.csa"]);
    }

    #[test]
    fn names_stay_different_whatever_they_are() {
        let mut names = Names::default();
        let given =
            ["a", "a#2", "a", "a", "a#2", "b#2", "b", "b"].map(|n| names.unique(n.to_owned()));
        assert_eq!(given, ["a", "a#2", "a#3", "a#4", "a#2#2", "b#2", "b", "b#3"]);
    }

    #[test]
    fn the_output_is_no_input() {
        let dir = TempDir::new("walk-out");
        let out = dir.path().join("out");
        fs::create_dir(&out).unwrap();
        fs::write(out.join("manifest.json"), "x").unwrap();
        fs::write(dir.path().join("a.csa"), "x").unwrap();
        let sources = find_with_out(&[dir.path().to_owned()], &out).unwrap();
        assert_eq!(names(&sources), ["a.csa"]);
    }

    #[test]
    fn other_datasets_are_passed_over_but_not_what_looks_a_little_like_one() {
        let dir = TempDir::new("walk-datasets");
        let (data, started, other) =
            (dir.path().join("data"), dir.path().join("x/started"), dir.path().join("other"));
        for (folder, names) in [
            (&data, &["manifest.json", "sources.feather", "games-00000.feather"][..]),
            (&started, &["journal.jsonl", ".lock", "games-00000.feather.1.tmp"]),
            (&other, &["manifest.json", "a.csa"]),
        ] {
            fs::create_dir_all(folder).unwrap();
            names.iter().for_each(|name| fs::write(folder.join(name), "x").unwrap());
        }
        let sources = find_in(&[dir.path().to_owned()]).unwrap();
        assert_eq!(names(&sources), ["other/a.csa", "other/manifest.json"]);
        let error = find_with_out(std::slice::from_ref(&data), &data).err().unwrap();
        assert!(error.is_usage());
        let expected = "/data: expected another folder as the output, found the input";
        assert!(error.to_string().ends_with(expected), "{error}");
    }

    #[test]
    fn one_file_named_twice_is_told_as_such() {
        let dir = TempDir::new("walk-twice");
        fs::create_dir(dir.path().join("a")).unwrap();
        fs::write(dir.path().join("a/x.csa"), "x").unwrap();
        let (folder, file) = (dir.path().join("a"), dir.path().join("a/./x.csa"));
        for inputs in [[folder.clone(), folder.join(".")], [folder.clone(), file]] {
            let error = find_in(&inputs).err().unwrap();
            assert!(error.is_usage());
            assert!(error.to_string().ends_with("found that the same file was named twice"));
        }
    }

    #[test]
    fn wrong_inputs_are_usage_errors() {
        let dir = TempDir::new("walk-bad");
        let find = |inputs: &[PathBuf]| find_in(inputs).err().unwrap();
        let missing = find(&[dir.path().join("nothing")]);
        assert!(missing.is_usage());
        assert!(missing.to_string().ends_with("game records: no such file or directory"));
        let empty = find_in(&[dir.path().to_owned()]).unwrap();
        let empty = empty.check_not_empty().unwrap_err();
        assert!(empty.to_string().ends_with("expected game records, found no files"), "{empty}");

        for folder in ["a", "b"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
            fs::write(dir.path().join(folder).join("x.csa"), "x").unwrap();
        }
        let clash = find(&[dir.path().join("a"), dir.path().join("b")]).to_string();
        assert!(clash.contains("a/x.csa and ") && clash.contains("b/x.csa: "), "{clash}");
        assert!(clash.contains("found `x.csa` twice"), "{clash}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn names_that_are_not_utf_8_stay_different() {
        use std::os::unix::ffi::OsStrExt;
        let dir = TempDir::new("walk-bytes");
        let folder = dir.path().join(OsStr::from_bytes(b"\x83t"));
        fs::create_dir(&folder).unwrap();
        for name in [&b"bad\xff.kif"[..], b"bad\xfe.kif", b"a\\\xe3\x81.kif", b"a\\b.kif"] {
            fs::write(folder.join(OsStr::from_bytes(name)), name).unwrap();
        }
        let sources = find_in(&[dir.path().to_owned()]).unwrap();
        let expected = ["a\\\\\\xe3\\x81.kif", "a\\b.kif", "bad\\xfe.kif", "bad\\xff.kif"];
        assert_eq!(names(&sources), expected.map(|name| format!("\\x83t/{name}")));
        for source in &sources.list {
            let path = sources.path(source);
            assert_eq!(fs::read(&path).unwrap(), path.file_name().unwrap().as_bytes());
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_not_in_circles() {
        use std::os::unix::fs::symlink;
        let dir = TempDir::new("walk-links");
        fs::create_dir(dir.path().join("a")).unwrap();
        fs::write(dir.path().join("a/x.csa"), "x").unwrap();
        symlink("..", dir.path().join("a/up")).unwrap();
        symlink("a", dir.path().join("b")).unwrap();
        symlink("nowhere", dir.path().join("c.csa")).unwrap();
        let sources = find_in(&[dir.path().to_owned()]).unwrap();
        assert_eq!(names(&sources), ["a/up", "a/x.csa", "b/up", "b/x.csa", "c.csa"]);
        let problems: Vec<_> =
            sources.list.iter().map(|s| matches!(s.access(), Access::Problem(_))).collect();
        assert_eq!(problems, [true, false, true, false, true]);
    }
}
