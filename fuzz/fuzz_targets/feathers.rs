//! Arrow IPC Files and Streams as inputs: any bytes give games and errors, never a panic that is
//! not caught, and never memory beyond measure.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};
use maou_io::{TextOut, TranscribeOptions, transcribe};
use maou_shogi::record::{Encoding, Format};

/// A file of this process; Linux keeps what is in `/dev/shm` in memory.
static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    folder.join(format!("maou-fuzz-{}.feather", std::process::id()))
});

fuzz_target!(
    // Panics of the decoder are caught and become errors; the runner's own hook would abort at
    // once. What is not caught there is caught, and fails, in the runner.
    init: std::panic::set_hook(Box::new(|_| {})),
    |data: &[u8]| -> Corpus {
        // Others are records, which have a target of their own.
        if !data.starts_with(b"ARROW1") && !data.starts_with(&[0xff; 4]) {
            return Corpus::Reject;
        }
        std::fs::write(&*PATH, data).expect("a temporary file can be written");
        let options = TranscribeOptions {
            format: Format::Usi,
            encoding: Encoding::Utf8,
            threads: 1,
            strict: false,
            force: false,
        };
        let mut n_games = 0;
        let mut take = |bytes: &[u8]| {
            n_games += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
            Ok(())
        };
        let out = TextOut::Taker(&mut take);
        let result = transcribe(&[PATH.clone()], out, &options, None, &mut |_| true);
        std::fs::remove_file(&*PATH).expect("the file is there");
        if let Ok(report) = result {
            assert_eq!(report.n_games, n_games);
        }
        Corpus::Keep
    }
);
