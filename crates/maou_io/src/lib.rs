//! Datasets of shogi games as Arrow IPC files: schema, writer, reader, manifest.
//!
//! [`convert`] turns game records into a dataset, [`Dataset`] opens one, [`verify`] checks one.
//! This is the only crate that knows Arrow; what leaves it is plain data and [`ArrowStream`].
//!
//! A dataset is a folder:
//!
//! | File | Holds |
//! |---|---|
//! | `games-NNNNN.feather` | one row per game, [`games_fields`] |
//! | `positions-NNNNN.feather` | one row per loose position, [`positions_fields`] |
//! | `sources.feather` | one row per source file, [`sources_fields`] |
//! | `errors.jsonl` | one [`ErrorEntry`] a line |
//! | `manifest.json` | versions, options, totals, the hashes of all other files, and its own |
//! | `journal.jsonl` | only while a run is unfinished: what it has done so far |
//! | `.lock` | empty; locked, with the process id, while a run lasts |
//!
//! [`prepare`] merges the equal positions of datasets into a training set, [`TrainingSet`] opens
//! one, [`verify_training`] checks one. It is a folder, too:
//!
//! | File | Holds |
//! |---|---|
//! | `train-NNNNN.feather`, `validation-NNNNN.feather` | one row per distinct position, [`training_fields`] |
//! | `manifest.json` | versions, options, what it was made of, its files with their hashes |
//!
//! # Examples
//!
//! ```
//! # let dir = std::env::temp_dir().join(format!("maou-io-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&dir)?;
//! let (record, data) = (dir.join("game.csa"), dir.join("data"));
//! std::fs::write(&record, "V2.2\nPI\n+\n+7776FU\n-3334FU\n%TORYO\n")?;
//! let report = maou_io::convert(&[record], &data, &Default::default(), &mut |_| true)?;
//! assert_eq!((report.n_games, report.n_errors), (1, 0));
//! let info = maou_io::Dataset::open(&data)?.info();
//! assert_eq!((info.games, info.positions), (1, 2));
//! # std::fs::remove_dir_all(&dir)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod agreement;
mod archives;
mod checked;
mod columns;
mod commit;
mod convert;
mod dataset;
mod duplicates;
mod error;
mod every_position;
mod export;
mod files;
#[cfg(test)]
mod fixture;
mod ipc;
mod journal;
mod large_file;
mod loader;
mod lock;
mod manifest;
mod mirror;
mod normalize;
mod pack;
mod parts;
mod pipeline;
mod plain_columns;
mod plan;
mod position_column;
mod positions;
mod prepare;
mod read_file;
mod replay;
mod report;
mod rows;
mod schema;
mod search_columns;
mod shard_writer;
mod sniff;
mod source_runs;
mod source_table;
mod sources;
mod stream;
mod summary;
mod table_files;
mod tables;
mod teacher;
#[cfg(test)]
mod teacher_fixture;
mod teacher_info;
#[cfg(test)]
mod testing;
mod text_out;
mod text_reader;
mod training;
mod transcribe;
mod unit;
mod variations;
mod verify;
mod workers;

pub use archives::{Archives, Fault, Member, Members};
pub use convert::{convert, convert_with};
pub use dataset::{Dataset, DatasetInfo};
pub use error::{Error, Result};
pub use every_position::every_position_fields;
pub use export::{ExportOptions, ExportReport, export};
#[doc(hidden)]
pub use files::Faults;
pub use loader::{
    AlignedBytes, COO_FIELDS, Features, Field, Layout, Lease, Loader, LoaderOptions, Memory, Next,
    Number, PolicyForm, SampleWeight, TrainingRows,
};
pub use lock::Lock;
pub use manifest::{DatasetOptions, PositionsEntry, ResultCounts, ShardEntry, Totals};
pub use plain_columns::PlainColumn;
pub use position_column::{GamesColumns, PositionColumn};
pub use prepare::balance::{Balance, EVAL_BOUNDS_CP, SideBalance};
pub use prepare::select::GameMask;
pub use prepare::{PrepareInput, PrepareOptions, PrepareProgress, PrepareReport, prepare};
pub use report::{
    Compression, ConvertOptions, ConvertReport, ErrorEntry, MAX_REPORTED_ERRORS, Progress,
    ProgressFn,
};
pub use schema::{
    FieldDoc, GAMES_PER_BATCH, POSITIONS_PER_BATCH, SCHEMA_VERSION, games_fields, positions_fields,
    search_fields, sources_fields, variation_fields,
};
pub use stream::{ArrowStream, probe_stream};
pub use table_files::{GameFields, GameRows, Hcps, LooseRows, OpenTable, TableBatch, TableFile};
pub use teacher::TeacherFormat;
pub use teacher_info::{TeacherGames, TeacherInfo, teacher_games, teacher_info};
pub use training::manifest::{
    Between, InputEntry, LeftOut, Policy, ScoreCounts, Selection, Split, SplitEntry,
    TrainingContents, TrainingFileEntry, TrainingOptions,
};
pub use training::reader::{OpenTrainingFile, TrainingFile, TrainingInfo, TrainingSet};
pub use training::schema::{
    MAX_EVAL_CP, ROWS_PER_BATCH, ROWS_PER_FILE, TRAINING_SCHEMA_VERSION, UNKNOWN_PLY,
    training_fields,
};
pub use training::verify::{TrainingVerifyReport, verify_training};
pub use transcribe::{TextOut, TranscribeOptions, TranscribeReport, transcribe};
pub use verify::{MAX_REPORTED_PROBLEMS, Problem, VerifyReport, verify};
pub use workers::{map_in_order, n_threads, stream_in_order};
