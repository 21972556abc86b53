//! Handing games over as a C stream.

use std::fs;

use arrow_array::Array;
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::ffi_stream::RecordBatchStreamReader;
use arrow_array::types::UInt64Type;
use maou_io::{ArrowStream, ConvertOptions, Dataset, GAMES_PER_BATCH};

use super::bench::{Bench, small_shards};

pub(super) fn read(stream: ArrowStream) -> Vec<RecordBatch> {
    let raw = stream.into_raw();
    // SAFETY: `raw` is a valid stream, which the reader moves away, leaving it released.
    let reader = unsafe { RecordBatchStreamReader::from_raw(raw.cast()) }.unwrap();
    let batches = reader.collect::<Result<_, _>>().unwrap();
    // SAFETY: `raw` came from `into_raw` and is not used again.
    unsafe { ArrowStream::drop_raw(raw) };
    batches
}

#[test]
fn all_games_come_in_order_in_batches_of_1024() {
    let mut bench = Bench::new("stream");
    let many = bench.games(2_500);
    bench.write("many.csa", many);
    bench.convert(&ConvertOptions::default()).unwrap();
    let dataset = Dataset::open(&bench.out()).unwrap();
    let batches = read(dataset.games_stream(None).unwrap());
    let lens: Vec<_> = batches.iter().map(RecordBatch::num_rows).collect();
    assert_eq!(lens, [GAMES_PER_BATCH, GAMES_PER_BATCH, 452]);
    assert_eq!(batches[0].num_columns(), 16);
    assert_eq!(batches[0].schema().metadata()["schema_version"], "1");
}

#[test]
fn columns_can_be_chosen_over_all_games_files() {
    let mut bench = Bench::new("columns");
    bench.write_games(20);
    bench.convert(&small_shards()).unwrap();
    let dataset = Dataset::open(&bench.out()).unwrap();
    let batches = read(dataset.games_stream(Some(&["source", "id"])).unwrap());
    assert_eq!(batches.len(), dataset.shards().len());
    let names: Vec<_> = batches
        .iter()
        .flat_map(|batch| batch.column(0).as_string::<i64>().iter().flatten())
        .collect();
    assert_eq!(names, (0..20).map(|n| format!("a/{n:03}.csa")).collect::<Vec<_>>());
    assert_eq!(batches[0].column(1).as_primitive::<UInt64Type>().null_count(), 0);
    let error = dataset.games_stream(Some(&["eval"])).unwrap_err().to_string();
    assert!(error.starts_with("expected columns of the games table (id, start, "), "{error}");
    assert!(error.ends_with("found `eval`"), "{error}");
}

#[test]
fn a_file_that_is_gone_is_an_error_of_the_stream() {
    let mut bench = Bench::new("gone");
    bench.write_games(2);
    bench.convert(&ConvertOptions::default()).unwrap();
    let dataset = Dataset::open(&bench.out()).unwrap();
    let raw = dataset.games_stream(None).unwrap().into_raw();
    fs::remove_file(bench.out().join("games-00000.feather")).unwrap();
    // SAFETY: `raw` is a valid stream, which the reader moves away, leaving it released.
    let mut reader = unsafe { RecordBatchStreamReader::from_raw(raw.cast()) }.unwrap();
    let error = reader.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("games-00000.feather: no such file or directory"), "{error}");
    // SAFETY: `raw` came from `into_raw` and is not used again.
    unsafe { ArrowStream::drop_raw(raw) };
}
