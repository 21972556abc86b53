//! Readers take a small multiple of their input, whatever it is.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use maou_shogi::record::{GameRecord, Reader, RecordError, Sink};

/// The system's allocator, which counts what each thread holds and has held at most.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(change: isize) {
    // While a thread ends there is nothing to count any more.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + change);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

// SAFETY: all is the system allocator's doing; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // Old and new may be there at the same time.
        count(new_size as isize);
        // SAFETY: as the caller promises.
        let moved = unsafe { System.realloc(pointer, layout, new_size) };
        count(-(layout.size() as isize));
        moved
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Takes everything and keeps nothing.
#[derive(Default)]
struct Dropped {
    n_games: usize,
    n_errors: usize,
}

impl Sink for Dropped {
    fn game(&mut self, _: &mut GameRecord) {
        self.n_games += 1;
    }

    fn error(&mut self, _: RecordError) {
        self.n_errors += 1;
    }
}

/// The most memory that a reader holds at once, as a multiple of the input.
fn multiple(mut reader: Reader, input: &[u8]) -> f64 {
    let mut dropped = Dropped::default();
    let before = HELD.get();
    PEAK.set(before);
    reader.read(input, &mut dropped);
    assert!(dropped.n_games + dropped.n_errors > 0);
    (PEAK.get() - before) as f64 / input.len() as f64
}

/// `table` and `full` are the largest multiples that the two ways of reading may take.
fn check(name: &str, input: &str, table: f64, full: f64) {
    for (way, reader, limit) in [("table", Reader::new(), table), ("full", Reader::full(), full)] {
        let found = multiple(reader, input.as_bytes());
        assert!(found <= limit, "{name}, {way}: {found:.1} times the input, expected {limit}");
    }
}

const N: usize = 200_000;
const LONG_LINE: usize = 16 << 20;

const CSA: &str = "V2.2\nPI\n+\n+7776FU\n";
const KIF: &str = "手合割：平手\n手数----指手---------消費時間--\n   1 ７六歩(77)\n";
const JKF: &str = "{\"header\":{},\"initial\":{\"preset\":\"HIRATE\"},\"moves\":[{}";

#[test]
fn lines_of_16_mb() {
    let long = "a".repeat(LONG_LINE);
    check("nothing known", &long, 4.0, 4.0);
    check("a comment of CSA", &format!("{CSA}'{long}\n%TORYO\n"), 1.0, 4.0);
    check("no statement of CSA", &format!("{CSA}{long}\n"), 1.0, 1.0);
    check("a name in KIF", &format!("先手：{long}\n{KIF}"), 4.0, 6.0);
    check("a comment of KIF", &format!("{KIF}*{long}\n"), 1.0, 4.0);
    check("no line of KIF", &format!("{KIF}{long}\n"), 4.0, 4.0);
    check("a string of JKF", &format!("{JKF},{{\"comments\":[\"{long}\"]}}]}}"), 4.0, 6.0);
    let moves = "2h1h 8b9b 1h2h 9b8b ".repeat(LONG_LINE / 80);
    check("moves of USI", &format!("position startpos moves {moves}"), 8.0, 8.0);
}

#[test]
fn json_within_json() {
    let arrays = format!("{JKF},{}", "[".repeat(N));
    check("arrays", &arrays, 1.0, 1.0);
    let lines = format!("{JKF},{}", "{\"forks\":[[".repeat(N));
    check("lines within lines", &lines, 1.0, 1.0);
    let forks = "{\"move\":{\"to\":{\"x\":7,\"y\":6}},\"forks\":[[".repeat(N);
    check("moves within lines", &format!("{JKF},{forks}"), 1.0, 1.0);
}

#[test]
fn many_small_things() {
    check("comments of CSA", &format!("{CSA}{}", "'\n".repeat(N)), 1.0, 17.0);
    check("comments of KIF", &format!("{KIF}{}", "*\n".repeat(N)), 1.0, 17.0);
    let lines = "変化：1手\n1 ２六歩(27)\n".repeat(N);
    check("variations", &format!("{KIF}{lines}"), 1.0, 40.0);
    let forks = "[{\"move\":{}}],".repeat(N);
    let forks = format!("{JKF},{{\"forks\":[{forks}[]]}}]}}");
    check("lines of JKF", &forks, 4.0, 40.0);
    check("headers", &format!("{}{KIF}", "備考：\n".repeat(N)), 1.0, 16.0);
    check("errors", &format!("{KIF}{}", "?\n".repeat(N)), 1.0, 1.0);
    check("games", &"4k4/9/9/9/9/9/9/9/4K4 b P 1\n".repeat(N / 10), 1.0, 1.0);
}
