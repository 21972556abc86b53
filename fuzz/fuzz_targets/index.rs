//! Damaged indexes: whatever bytes of a segment are changed, cut or added, a question is answered
//! as before or with an error.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};
use maou_index::{BuildOptions, Index, Other, Pattern, Query, SortKey, Span, Unit, build};
use maou_shogi::Position;
use maou_shogi::generate::{GameGenerator, GeneratorOptions};
use maou_shogi::record::{Format, GameRecord};

/// A dataset with an index: its folder, the segment's file and the bytes in it, and the answers.
struct Sound {
    data: PathBuf,
    segment: PathBuf,
    bytes: Vec<u8>,
    answers: Vec<String>,
}

static SOUND: LazyLock<Sound> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let folder = folder.join(format!("maou-fuzz-index-{}", std::process::id()));
    let (records, data) = (folder.join("records"), folder.join("data"));
    std::fs::create_dir_all(&records).expect("a temporary folder can be made");
    let mut generator = GameGenerator::new(GeneratorOptions::default());
    let (mut game, mut text) = (GameRecord::default(), String::new());
    for number in 0..4 {
        text.clear();
        generator.next_text(Format::Csa, &mut game, &mut text);
        let path = records.join(format!("{number}.csa"));
        std::fs::write(path, &text).expect("a temporary file can be written");
    }
    maou_io::convert(&[records], &data, &Default::default(), &mut |_| true)
        .expect("games become a dataset");
    build(&data, &BuildOptions { threads: 1, ..BuildOptions::default() }, &mut |_| true)
        .expect("a dataset gets an index");
    let segment = data.join("index/segment-00000.maouidx");
    let bytes = std::fs::read(&segment).expect("the segment is there");
    let answers = questions()
        .iter()
        .map(|ask| ask(&Index::open(&data, None).expect("sound")).expect("sound"))
        .collect();
    Sound { data, segment, bytes, answers }
});

type Question = Box<dyn Fn(&Index) -> maou_io::Result<String>>;

/// A question of each kind.
fn questions() -> Vec<Question> {
    let find = |query: Query| -> Question {
        Box::new(move |index| {
            let rows = index.find(&query, false, false)?;
            Ok(format!("{rows:?} {}", index.count(&query)?))
        })
    };
    let start = Query { keys: Some(vec![Position::startpos().key()]), ..Query::default() };
    let moves = start.clone();
    let pattern = Pattern::parse("R2h hand:P").expect("a pattern");
    vec![
        find(start),
        find(Query { limit: Some(50), eval_cp: Span { low: Some(0), high: None }, ..query() }),
        find(Query { ply: Span { low: Some(3), high: Some(9) }, finals: true, ..query() }),
        find(Query { player: Some("*a*".to_owned()), sort: Some(SortKey::Rating), ..query() }),
        find(Query { ids: Some(0..=u64::MAX / 2), results: Some(6), ..query() }),
        find(Query { event: Some("*1*".to_owned()), ending: Some("resign".into()), ..query() }),
        find(Query { pattern: Some(pattern), threads: 1, limit: Some(9), ..query() }),
        find(Query { unit: Some(Unit::Games), date: Span { low: Some(0), high: None }, ..query() }),
        Box::new(move |index| Ok(format!("{:?}", index.moves(&moves)?))),
        Box::new(|index| {
            let query = Query { limit: Some(20), ..query() };
            Ok(format!("{:?}", index.also_in(&Other::Dataset(index), &query, false)?))
        }),
    ]
}

fn query() -> Query {
    Query::default()
}

fuzz_target!(|data: &[u8]| -> Corpus {
    // Changes of four bytes each: where, and what is done there.
    let (changes, _) = data.as_chunks::<4>();
    if changes.is_empty() {
        return Corpus::Reject;
    }
    let sound = &*SOUND;
    let mut bytes = sound.bytes.clone();
    for [low, middle, kind, value] in changes {
        let far = usize::from(kind & 0x3f) << 16 | usize::from(*middle) << 8 | usize::from(*low);
        let at = far % bytes.len().max(1);
        match kind >> 6 {
            0 | 1 if !bytes.is_empty() => bytes[at] ^= value,
            2 => bytes.truncate(at),
            _ => bytes.insert(at, *value),
        }
    }
    // A new file: whoever has the old one mapped keeps it.
    let beside = sound.segment.with_extension("new");
    std::fs::write(&beside, &bytes).expect("a temporary file can be written");
    std::fs::rename(&beside, &sound.segment).expect("a temporary file can be renamed");
    let Ok(index) = Index::open(&sound.data, None) else {
        assert_ne!(bytes, sound.bytes, "a sound index is opened");
        return Corpus::Keep;
    };
    for (ask, expected) in questions().iter().zip(&sound.answers) {
        match ask(&index) {
            Ok(found) => assert_eq!(&found, expected),
            Err(_) => assert_ne!(bytes, sound.bytes, "a sound index answers"),
        }
    }
    Corpus::Keep
});
