//! From the inputs that were named to a sorted list of sources.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::dataset::Dataset;
use crate::error::{Error, Result, reason};
use crate::lock::LOCK_FILE;
use crate::source_table::SOURCES_FILE;

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

/// A file to read, or something in its place that cannot be read.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Relative to its input, `/`-separated; the file's name if the input is a file.
    pub(crate) name: Box<str>,
    /// Index of its input.
    pub(crate) input: u32,
    pub(crate) size_bytes: u64,
    /// Only where the path does not follow from the name, or where there is nothing to read.
    odd: Option<Box<Odd>>,
}

#[derive(Clone, Debug)]
struct Odd {
    path: PathBuf,
    problem: Option<String>,
}

impl Source {
    /// Why there is nothing to read.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.odd.as_ref()?.problem.as_deref()
    }
}

/// All sources of a run, sorted by name.
#[derive(Debug)]
pub(crate) struct Sources {
    inputs: Vec<PathBuf>,
    pub(crate) list: Vec<Source>,
}

impl Sources {
    /// Lists the files of all inputs; what lies in `out` is none of them.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if an input does not exist, or if two inputs give the same name.
    pub(crate) fn find(inputs: &[PathBuf], out: &Path) -> Result<Sources> {
        let mut sources = Sources { inputs: inputs.to_vec(), list: Vec::new() };
        let skip = fs::canonicalize(out).ok();
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

    pub(crate) fn path(&self, source: &Source) -> PathBuf {
        match &source.odd {
            Some(odd) => odd.path.clone(),
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
        let metadata = fs::metadata(path).map_err(|error| {
            Error::Usage(format!(
                "{}: expected a file or folder with game records: {}",
                path.display(),
                reason(&error)
            ))
        })?;
        if metadata.is_dir() {
            if is_dataset(path) {
                return Err(Error::Usage(format!(
                    "{}: expected game records, found a dataset",
                    path.display()
                )));
            }
            self.folder(path, "", &mut HashSet::new());
        } else if metadata.is_file() {
            let name = text_of(path.file_name().unwrap_or(path.as_os_str()));
            self.add(&name, metadata.len(), Some(Odd { path: path.to_owned(), problem: None }));
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
        self.add(name, 0, Some(Odd { path, problem: Some(problem) }));
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
                let odd = is_odd.then(|| Odd { path: entry.path(), problem: None });
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

    fn names(sources: &Sources) -> Vec<&str> {
        sources.list.iter().map(|s| &*s.name).collect()
    }

    #[test]
    fn sources_are_sorted_by_their_whole_name_and_hidden_ones_skipped() {
        let dir = TempDir::new("walk");
        fs::create_dir_all(dir.path().join("a/.git")).unwrap();
        for name in ["b.csa", "a/z.csa", "a.csa", ".hidden", "a/.git/config"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        let inputs = [dir.path().to_owned()];
        let sources = Sources::find(&inputs, Path::new("missing")).unwrap();
        assert_eq!(names(&sources), ["a.csa", "a/z.csa", "b.csa"]);
        assert_eq!(sources.path(&sources.list[1]), dir.path().join("a/z.csa"));
        let file = [dir.path().join("b.csa")];
        assert_eq!(names(&Sources::find(&file, Path::new("missing")).unwrap()), ["b.csa"]);
    }

    #[test]
    fn the_output_is_no_input() {
        let dir = TempDir::new("walk-out");
        let out = dir.path().join("out");
        fs::create_dir(&out).unwrap();
        fs::write(out.join("manifest.json"), "x").unwrap();
        fs::write(dir.path().join("a.csa"), "x").unwrap();
        let sources = Sources::find(&[dir.path().to_owned()], &out).unwrap();
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
        let find = |input: &Path| Sources::find(&[input.to_owned()], Path::new("missing"));
        assert_eq!(names(&find(dir.path()).unwrap()), ["other/a.csa", "other/manifest.json"]);
        let error = find(&data).unwrap_err();
        assert!(error.is_usage());
        assert!(error.to_string().ends_with("/data: expected game records, found a dataset"));
    }

    #[test]
    fn one_file_named_twice_is_told_as_such() {
        let dir = TempDir::new("walk-twice");
        fs::create_dir(dir.path().join("a")).unwrap();
        fs::write(dir.path().join("a/x.csa"), "x").unwrap();
        let (folder, file) = (dir.path().join("a"), dir.path().join("a/./x.csa"));
        for inputs in [[folder.clone(), folder.join(".")], [folder.clone(), file]] {
            let error = Sources::find(&inputs, Path::new("missing")).unwrap_err();
            assert!(error.is_usage());
            assert!(error.to_string().ends_with("found that the same file was named twice"));
        }
    }

    #[test]
    fn wrong_inputs_are_usage_errors() {
        let dir = TempDir::new("walk-bad");
        let find = |inputs: &[PathBuf]| Sources::find(inputs, Path::new("missing")).unwrap_err();
        let missing = find(&[dir.path().join("nothing")]);
        assert!(missing.is_usage());
        assert!(missing.to_string().ends_with("game records: no such file or directory"));
        let empty = Sources::find(&[dir.path().to_owned()], Path::new("missing")).unwrap();
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
        let sources = Sources::find(&[dir.path().to_owned()], Path::new("missing")).unwrap();
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
        let sources = Sources::find(&[dir.path().to_owned()], Path::new("missing")).unwrap();
        assert_eq!(names(&sources), ["a/up", "a/x.csa", "b/up", "b/x.csa", "c.csa"]);
        let problems: Vec<_> = sources.list.iter().map(|s| s.problem().is_some()).collect();
        assert_eq!(problems, [true, false, true, false, true]);
    }
}
