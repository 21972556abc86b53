//! `index.json`: which segments an index has, and which files of the dataset it knows.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use maou_io::{Error, Result, TableFile};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::error::{AtPath, unusable};
use crate::segment::VERSION;
use crate::temporary;

pub(crate) const LIST_FILE: &str = "index.json";

/// The folder of an index within that of the dataset.
const INDEX_FOLDER: &str = "index";

/// Where the index of a dataset stands.
pub(crate) fn folder_of(data: &Path, index_dir: Option<&Path>) -> PathBuf {
    index_dir.map_or_else(|| data.join(INDEX_FOLDER), Path::to_owned)
}

/// The command that builds an index.
pub(crate) fn mend_of(data: &Path, index_dir: Option<&Path>) -> String {
    match index_dir {
        None => format!("maou index {}", data.display()),
        Some(dir) => format!("maou index {} --index-dir {}", data.display(), dir.display()),
    }
}

/// A file of the dataset that the index knows.
#[derive(Clone, Debug, Eq, PartialEq, Hash, Serialize, Deserialize)]
pub(crate) struct KnownFile {
    pub(crate) name: String,
    pub(crate) xxh3: String,
    pub(crate) size_bytes: u64,
}

impl KnownFile {
    pub(crate) fn of(file: &TableFile) -> KnownFile {
        let (name, xxh3) = (file.name.clone(), file.xxh3.clone());
        KnownFile { name, xxh3, size_bytes: file.size_bytes }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct List {
    pub(crate) kind: String,
    pub(crate) index_version: u32,
    pub(crate) key_version: u32,
    pub(crate) maou_version: String,
    /// The number of the next segment.
    pub(crate) next_segment: u32,
    /// Names of the segments' files, the oldest first.
    pub(crate) segments: Vec<String>,
    /// The files of the dataset, in its order.
    pub(crate) files: Vec<KnownFile>,
}

#[derive(Deserialize)]
struct Versions {
    index_version: u32,
    key_version: u32,
}

/// A list with the checksum of its JSON text.
#[derive(Serialize, Deserialize)]
struct Sealed {
    list: List,
    checksum: String,
}

fn checksum_of(list: &List) -> String {
    let bytes = serde_json::to_vec(list).expect("plain data becomes JSON");
    format!("{:016x}", xxh3_64(&bytes))
}

impl List {
    pub(crate) fn empty() -> List {
        List {
            kind: "index".to_owned(),
            index_version: VERSION,
            key_version: maou_shogi::KEY_VERSION,
            maou_version: env!("CARGO_PKG_VERSION").to_owned(),
            next_segment: 0,
            segments: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Reads the list in the folder `dir`; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If it is damaged or of another version; `mend` is the command that builds it again.
    pub(crate) fn read(dir: &Path, mend: &str) -> Result<Option<List>> {
        let path = dir.join(LIST_FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            Err(source) => return Err(Error::Io { path, source }),
        };
        let damaged = || unusable(&path, "damaged: expected the list of an index", mend);
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        let list = value.get("list").ok_or_else(damaged)?;
        let versions = Versions::deserialize(list).map_err(|_| damaged())?;
        for (what, expected, found) in [
            ("index", VERSION, versions.index_version),
            ("key", maou_shogi::KEY_VERSION, versions.key_version),
        ] {
            if found != expected {
                let what = format!("expected {what} version {expected}, found {found}");
                return Err(unusable(&path, what, mend));
            }
        }
        let sealed: Sealed = serde_json::from_value(value).map_err(|_| damaged())?;
        if sealed.checksum != checksum_of(&sealed.list) {
            return Err(damaged());
        }
        Ok(Some(sealed.list))
    }

    /// Writes the list in place of the one before, in one step.
    pub(crate) fn write(&self, dir: &Path) -> Result<()> {
        let sealed = Sealed { list: self.clone(), checksum: checksum_of(self) };
        let bytes = serde_json::to_vec_pretty(&sealed).expect("plain data becomes JSON");
        let (path, beside) = (dir.join(LIST_FILE), dir.join(format!("{LIST_FILE}.tmp")));
        let mut file = File::create(&beside).at(&beside)?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).at(&beside)?;
        fs::rename(&beside, &path).at(&path)
    }

    /// The name of the next segment's file.
    pub(crate) fn next_name(&mut self) -> String {
        let name = format!("segment-{:05}.maouidx", self.next_segment);
        self.next_segment += 1;
        name
    }

    /// Removes the segments that are not in the list, which stands in the folder `dir`.
    pub(crate) fn remove_others(&self, dir: &Path) -> Result<()> {
        remove(dir, |name| {
            name.strip_prefix("segment-")
                .and_then(|rest| rest.strip_suffix(".maouidx"))
                .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
                && !self.segments.iter().any(|known| known == name)
        })
    }
}

/// Removes what builds that were ended have left unfinished.
pub(crate) fn remove_unfinished(dir: &Path) -> Result<()> {
    remove(dir, |name| {
        name.ends_with(temporary::ENDING)
            || name == "segment.tmp"
            || name.strip_suffix(".tmp") == Some(LIST_FILE)
    })
}

fn remove(dir: &Path, is_left: impl Fn(&str) -> bool) -> Result<()> {
    for entry in fs::read_dir(dir).at(dir)? {
        let name = entry.at(dir)?.file_name();
        if name.to_str().is_some_and(&is_left) {
            let path = dir.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                other => other.at(&path)?,
            }
        }
    }
    Ok(())
}
