//! The scanner that finds datasets below a folder.

use std::fs;
use std::path::{Path, PathBuf};

use maou_io::{Dataset, Error, Result};
use serde::Serialize;

/// A dataset that was found.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Found {
    /// Its folder.
    pub path: PathBuf,
    /// Games.
    pub games: u64,
    /// Positions with a move played, that is, moves.
    pub positions: u64,
    /// Size of its games files.
    pub size_bytes: u64,
    /// Why it cannot be read; the counts are 0 then.
    pub problem: Option<String>,
}

/// Finds the datasets at `path` and below, sorted by path.
///
/// Hidden folders are skipped, links are not followed, and nothing is looked for inside of a
/// dataset. A folder that cannot be read is told as one with a problem.
///
/// # Errors
///
/// [`Error::Io`] if `path` itself cannot be read.
pub fn scan(path: &Path) -> Result<Vec<Found>> {
    fs::read_dir(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    let mut found = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        if Dataset::is_at(&folder) {
            found.push(look_at(folder));
            continue;
        }
        match subfolders(&folder) {
            Ok(below) => folders.extend(below),
            Err(source) => {
                let error = Error::Io { path: folder.clone(), source };
                found.push(unreadable(folder, &error));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn look_at(path: PathBuf) -> Found {
    match Dataset::open(&path) {
        Err(error) => unreadable(path, &error),
        Ok(dataset) => {
            let info = dataset.info();
            Found {
                path,
                games: info.games,
                positions: info.positions,
                size_bytes: info.size_bytes,
                problem: None,
            }
        }
    }
}

fn unreadable(path: PathBuf, error: &Error) -> Found {
    Found { path, games: 0, positions: 0, size_bytes: 0, problem: Some(error.to_string()) }
}

fn subfolders(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut below = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !is_hidden && entry.file_type()?.is_dir() {
            below.push(entry.path());
        }
    }
    Ok(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datasets_are_found_at_any_depth_and_broken_ones_told() {
        let root = std::env::temp_dir().join(format!("maou-scan-{}", std::process::id()));
        let record = root.join("records/a.csa");
        fs::create_dir_all(record.parent().unwrap()).unwrap();
        fs::write(&record, "V2.2\nPI\n+\n+7776FU\n-3334FU\n%TORYO\n").unwrap();
        let convert = |out: PathBuf| {
            let options = maou_io::ConvertOptions::default();
            maou_io::convert(&[root.join("records")], &out, &options, &mut |_| true).unwrap();
        };
        convert(root.join("x/deep/data"));
        convert(root.join("data"));
        fs::create_dir_all(root.join("broken")).unwrap();
        fs::write(root.join("broken/manifest.json"), "{}").unwrap();

        let found = scan(&root).unwrap();
        let paths: Vec<_> = found.iter().map(|f| f.path.strip_prefix(&root).unwrap()).collect();
        assert_eq!(paths, ["broken", "data", "x/deep/data"].map(Path::new));
        assert!(found[0].problem.as_ref().unwrap().contains("expected a dataset's manifest"));
        assert_eq!((found[1].games, found[1].positions), (1, 2));
        assert_eq!(scan(&root.join("data")).unwrap().len(), 1);
        assert!(scan(&root.join("nothing")).is_err());
        fs::remove_file(root.join("data/games-00000.feather")).unwrap();
        let problem = scan(&root.join("data")).unwrap().remove(0).problem.unwrap();
        assert!(problem.contains("games-00000.feather: damaged: expected a file of"), "{problem}");
        fs::remove_dir_all(&root).unwrap();
    }
}
