//! A folder to work in, with records to convert.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use maou_io::{ConvertOptions, ConvertReport, Dataset, Error, Faults, convert, verify};
use maou_shogi::generate::{GameGenerator, GeneratorOptions};
use maou_shogi::record::{GameRecord, write_csa};

/// All files of a folder.
pub(crate) type Snapshot = BTreeMap<String, Vec<u8>>;

/// A temporary folder with `in/`, from which `out/` is made.
pub(crate) struct Bench {
    dir: PathBuf,
    generator: GameGenerator,
}

impl Bench {
    pub(crate) fn new(name: &str) -> Bench {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("maou-io-{}-{n}-{name}", std::process::id()));
        fs::create_dir_all(dir.join("in")).unwrap();
        let options = GeneratorOptions { seed: 7, ..GeneratorOptions::default() };
        Bench { dir, generator: GameGenerator::new(options) }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(crate) fn input(&self) -> PathBuf {
        self.path("in")
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.path("out")
    }

    /// The text of `n` further games in one file.
    pub(crate) fn games(&mut self, n: usize) -> String {
        let mut game = GameRecord::default();
        let texts = (0..n).map(|_| {
            self.generator.next_game(&mut game);
            let mut text = String::new();
            write_csa(&game, &mut text);
            text
        });
        texts.collect::<Vec<_>>().join("/\n")
    }

    /// Writes a file of the input.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.input().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Writes `n` files of one game each, `a/000.csa` and so on.
    pub(crate) fn write_games(&mut self, n: usize) {
        for index in 0..n {
            let text = self.games(1);
            self.write(&format!("a/{index:03}.csa"), text);
        }
    }

    /// Converts `in` into `out`.
    pub(crate) fn convert(&self, options: &ConvertOptions) -> Result<ConvertReport, Error> {
        convert(&[self.input()], &self.out(), options, &mut |_| true)
    }

    /// Converts with file operations that fail.
    pub(crate) fn convert_faulty(
        &self,
        options: &ConvertOptions,
        faults: Faults,
    ) -> Result<ConvertReport, Error> {
        self.convert(&ConvertOptions { faults: Some(Arc::new(faults)), ..options.clone() })
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        snapshot(&self.out())
    }

    /// Lays the folder `out` back to what it was.
    pub(crate) fn restore(&self, snapshot: &Snapshot) {
        let _ = fs::remove_dir_all(self.out());
        if !snapshot.is_empty() {
            fs::create_dir_all(self.out()).unwrap();
        }
        for (name, content) in snapshot {
            fs::write(self.out().join(name), content).unwrap();
        }
    }

    /// Checks that the folder `out`, if it is a dataset, is whole: every file that it speaks of
    /// is there, and every game can be replayed.
    pub(crate) fn assert_usable(&self, what: &str) {
        if !Dataset::is_at(&self.out()) {
            return;
        }
        let dataset = Dataset::open(&self.out()).unwrap();
        let info = dataset.info();
        assert_eq!(dataset.errors().unwrap().len() as u64, info.errors, "{what}");
        let report = verify(&self.out(), 1, &mut |_| true).unwrap();
        assert_eq!(report.problems, [], "{what}");
        assert_eq!((report.n_games, report.n_positions), (info.games, info.positions), "{what}");
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

pub(crate) fn snapshot(dir: &Path) -> Snapshot {
    let Ok(entries) = fs::read_dir(dir) else { return Snapshot::new() };
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        let content = fs::read(entry.path()).unwrap();
        (name, content)
    };
    entries.map(|entry| read(entry.unwrap())).collect()
}

/// Options under which a few games fill a games file.
pub(crate) fn small_shards() -> ConvertOptions {
    ConvertOptions { shard_bytes: Some(12_000), threads: 2, ..ConvertOptions::default() }
}

/// Says which files differ, instead of showing their bytes.
pub(crate) fn assert_same(found: &Snapshot, expected: &Snapshot, what: &str) {
    let names = |s: &Snapshot| s.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected), "{what}");
    for (name, content) in expected {
        assert!(found[name] == *content, "{what}: `{name}` differs");
    }
}
