//! The same bytes for any number of threads.

use maou_io::{Compression, ConvertOptions, Dataset};

use super::bench::{Bench, assert_same, small_shards};

#[test]
fn the_number_of_threads_does_not_show() {
    let mut bench = Bench::new("threads");
    bench.write_games(60);
    // More games than a batch holds, in one file, and a file of none.
    let many = bench.games(1_500);
    bench.write("b/many.csa", many);
    bench.write("b/none.txt", "hello");
    for options in [small_shards(), ConvertOptions::default()] {
        let mut expected = None;
        for threads in [1, 2, 3, 8] {
            bench.restore(&Default::default());
            bench.convert(&ConvertOptions { threads, ..options.clone() }).unwrap();
            let found = bench.snapshot();
            let expected = expected.get_or_insert_with(|| found.clone());
            assert_same(&found, expected, &format!("{threads} threads"));
        }
        bench.assert_usable("threads");
    }
}

#[test]
fn small_shards_are_cut_at_their_size_and_batches_at_1024_games() {
    let mut bench = Bench::new("cut");
    bench.write_games(30);
    let report = bench.convert(&small_shards()).unwrap();
    assert_eq!((report.n_sources_new, report.n_games), (30, 30));
    let dataset = Dataset::open(&bench.out()).unwrap();
    assert!(dataset.shards().len() >= 4, "{}", dataset.shards().len());
    let files: Vec<_> = dataset.shards().map(|shard| shard.file.clone()).collect();
    assert_eq!(files[..2], ["games-00000.feather", "games-00001.feather"]);
    assert_eq!(dataset.info().games, 30);
}

#[test]
fn every_compression_can_be_read_back() {
    let mut bench = Bench::new("compression");
    bench.write_games(5);
    for compression in Compression::ALL {
        bench.restore(&Default::default());
        let options =
            ConvertOptions { compression: Some(compression), ..ConvertOptions::default() };
        bench.convert(&options).unwrap();
        bench.assert_usable(compression.as_str());
        let info = Dataset::open(&bench.out()).unwrap().info();
        assert_eq!(info.compression, compression.as_str());
    }
}
