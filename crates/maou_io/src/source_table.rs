//! `sources.feather`: one row per source file, in the order of the games.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{UInt32Type, UInt64Type};
use arrow_array::{ArrayRef, LargeStringArray, PrimitiveArray, RecordBatch};
use maou_shogi::record::{Encoding, Format};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::ipc::{BatchEncoder, IpcFile, Layout};
use crate::report::Compression;
use crate::schema::{first_sources_schema, sources_schema};
use crate::teacher::{As, TeacherFormat};

pub(crate) const SOURCES_FILE: &str = "sources.feather";

/// The hash of a source that could not be read; xxh3-64 of nothing is another number.
pub(crate) const UNREADABLE_HASH: u64 = 0;

const ROWS_PER_BATCH: usize = 8_192;

/// The format of a source, as far as it has one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SourceFormat {
    #[default]
    None,
    Csa,
    Kif,
    Ki2,
    Jkf,
    Usi,
    Sfen,
    /// Games of an Arrow file.
    Feather,
    Hcpe,
    Hcpe2,
    Hcpe3,
    Psv,
}

impl SourceFormat {
    const ALL: [SourceFormat; 12] = [
        SourceFormat::None,
        SourceFormat::Csa,
        SourceFormat::Kif,
        SourceFormat::Ki2,
        SourceFormat::Jkf,
        SourceFormat::Usi,
        SourceFormat::Sfen,
        SourceFormat::Feather,
        SourceFormat::Hcpe,
        SourceFormat::Hcpe2,
        SourceFormat::Hcpe3,
        SourceFormat::Psv,
    ];

    pub(crate) fn new(format: Option<Format>) -> SourceFormat {
        match format {
            None => SourceFormat::None,
            Some(Format::Csa) => SourceFormat::Csa,
            Some(Format::Kif) => SourceFormat::Kif,
            Some(Format::Ki2) => SourceFormat::Ki2,
            Some(Format::Jkf) => SourceFormat::Jkf,
            Some(Format::Usi) => SourceFormat::Usi,
            Some(Format::Sfen) => SourceFormat::Sfen,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            SourceFormat::None => "",
            SourceFormat::Csa => Format::Csa.as_str(),
            SourceFormat::Kif => Format::Kif.as_str(),
            SourceFormat::Ki2 => Format::Ki2.as_str(),
            SourceFormat::Jkf => Format::Jkf.as_str(),
            SourceFormat::Usi => Format::Usi.as_str(),
            SourceFormat::Sfen => Format::Sfen.as_str(),
            SourceFormat::Feather => "feather",
            SourceFormat::Hcpe => TeacherFormat::Hcpe.as_str(),
            SourceFormat::Hcpe2 => TeacherFormat::Hcpe2.as_str(),
            SourceFormat::Hcpe3 => TeacherFormat::Hcpe3.as_str(),
            SourceFormat::Psv => TeacherFormat::Psv.as_str(),
        }
    }

    /// The format of a source of teacher records, of which some have flags of HCPE2 or none.
    pub(crate) fn of_teacher(format: As, has_flags: bool) -> SourceFormat {
        match format {
            As::Hcpe1Or2 if has_flags => SourceFormat::Hcpe2,
            As::Hcpe1Or2 | As::Format(TeacherFormat::Hcpe) => SourceFormat::Hcpe,
            As::Format(TeacherFormat::Hcpe2) => SourceFormat::Hcpe2,
            As::Format(TeacherFormat::Hcpe3) => SourceFormat::Hcpe3,
            As::Format(TeacherFormat::Psv) => SourceFormat::Psv,
        }
    }

    /// Whether what such a source holds are loose positions.
    pub(crate) fn is_loose(self) -> bool {
        matches!(self, SourceFormat::Hcpe | SourceFormat::Hcpe2 | SourceFormat::Psv)
    }
}

/// The encoding of a source, as far as it is text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SourceEncoding {
    #[default]
    None,
    Ascii,
    Utf8,
    /// UTF-8 with a byte order mark.
    Utf8Sig,
    ShiftJis,
    EucJp,
}

impl SourceEncoding {
    const ALL: [SourceEncoding; 6] = [
        SourceEncoding::None,
        SourceEncoding::Ascii,
        SourceEncoding::Utf8,
        SourceEncoding::Utf8Sig,
        SourceEncoding::ShiftJis,
        SourceEncoding::EucJp,
    ];

    /// The encoding of a record.
    pub(crate) fn of(bytes: &[u8]) -> SourceEncoding {
        if bytes.starts_with(b"\xEF\xBB\xBF") {
            return SourceEncoding::Utf8Sig;
        }
        match Encoding::detect(bytes) {
            Encoding::Ascii => SourceEncoding::Ascii,
            Encoding::Utf8 => SourceEncoding::Utf8,
            Encoding::ShiftJis => SourceEncoding::ShiftJis,
            Encoding::EucJp => SourceEncoding::EucJp,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            SourceEncoding::None => "",
            SourceEncoding::Ascii => "ascii",
            SourceEncoding::Utf8 => "utf-8",
            SourceEncoding::Utf8Sig => "utf-8-sig",
            SourceEncoding::ShiftJis => "shift_jis",
            SourceEncoding::EucJp => "euc-jp",
        }
    }
}

/// One source of a dataset.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct SourceRow {
    pub(crate) name: Box<str>,
    pub(crate) xxh3: u64,
    pub(crate) size_bytes: u64,
    pub(crate) shard: u32,
    pub(crate) n_games: u32,
    pub(crate) n_errors: u32,
    pub(crate) n_positions: u64,
    pub(crate) n_variations: u32,
    pub(crate) n_comments: u32,
    pub(crate) format: SourceFormat,
    #[serde(default)]
    pub(crate) encoding: SourceEncoding,
}

impl SourceRow {
    /// How many rows it has in the positions file.
    pub(crate) fn n_loose(&self) -> u64 {
        if self.format.is_loose() { self.n_positions } else { 0 }
    }

    /// Takes up what the next part of the same source gave.
    pub(crate) fn add_part(&mut self, part: &SourceRow) {
        (self.xxh3, self.size_bytes) = (part.xxh3, part.size_bytes);
        self.n_games += part.n_games;
        self.n_errors += part.n_errors;
        self.n_positions += part.n_positions;
        if self.format == SourceFormat::Hcpe {
            self.format = part.format;
        }
    }
}

/// The bytes of `sources.feather`.
pub(crate) fn to_bytes<'a>(
    rows: impl Iterator<Item = &'a SourceRow>,
    compression: Compression,
) -> Result<Vec<u8>> {
    let mut layout = Layout::new(sources_schema(), compression);
    let mut encoder = BatchEncoder::new(compression);
    let mut bytes = layout.header();
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let chunk: Vec<_> = rows.by_ref().take(ROWS_PER_BATCH).collect();
        let encoded = encoder.encode(&batch_of(&chunk))?;
        layout.add(&encoded);
        encoded.parts().for_each(|part| bytes.extend_from_slice(part));
    }
    bytes.extend_from_slice(&layout.footer());
    Ok(bytes)
}

fn batch_of(rows: &[&SourceRow]) -> RecordBatch {
    let u32s = |get: fn(&SourceRow) -> u32| -> ArrayRef {
        Arc::new(PrimitiveArray::<UInt32Type>::from_iter_values(rows.iter().map(|r| get(r))))
    };
    let u64s = |get: fn(&SourceRow) -> u64| -> ArrayRef {
        Arc::new(PrimitiveArray::<UInt64Type>::from_iter_values(rows.iter().map(|r| get(r))))
    };
    let names = LargeStringArray::from_iter_values(rows.iter().map(|r| &*r.name));
    let formats = LargeStringArray::from_iter_values(rows.iter().map(|r| r.format.as_str()));
    let encodings = LargeStringArray::from_iter_values(rows.iter().map(|r| r.encoding.as_str()));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(names),
        u64s(|r| r.xxh3),
        u64s(|r| r.size_bytes),
        u32s(|r| r.shard),
        u32s(|r| r.n_games),
        u64s(|r| r.n_positions),
        u32s(|r| r.n_errors),
        u32s(|r| r.n_variations),
        u32s(|r| r.n_comments),
        Arc::new(formats),
        Arc::new(encodings),
    ];
    RecordBatch::try_new(sources_schema(), columns).expect("the columns of the schema")
}

/// Hands all rows of the file, which stands at `path`, to `take`.
pub(crate) fn read(file: File, path: &Path, mut take: impl FnMut(SourceRow)) -> Result<()> {
    let file = IpcFile::from_file(file, path)?;
    // Tables of earlier versions end before the encodings.
    let is_known = [sources_schema(), first_sources_schema()].contains(file.schema());
    if !is_known {
        return Err(Error::corrupt(path, "expected the columns of sources.feather"));
    }
    for index in 0..file.n_batches() {
        let batch = file.batch(index, None)?;
        let names = batch.column(0).as_string::<i64>();
        let formats = batch.column(9).as_string::<i64>();
        let encodings = batch.columns().get(10).map(|column| column.as_string::<i64>());
        let u32s = |i: usize| batch.column(i).as_primitive::<UInt32Type>().values();
        let u64s = |i: usize| batch.column(i).as_primitive::<UInt64Type>().values();
        for row in 0..batch.num_rows() {
            let format = SourceFormat::ALL.into_iter().find(|f| f.as_str() == formats.value(row));
            take(SourceRow {
                name: names.value(row).into(),
                xxh3: u64s(1)[row],
                size_bytes: u64s(2)[row],
                shard: u32s(3)[row],
                n_games: u32s(4)[row],
                n_positions: u64s(5)[row],
                n_errors: u32s(6)[row],
                n_variations: u32s(7)[row],
                n_comments: u32s(8)[row],
                format: format.unwrap_or_default(),
                encoding: encodings.map_or_else(SourceEncoding::default, |encodings| {
                    let is_it = |e: &SourceEncoding| e.as_str() == encodings.value(row);
                    SourceEncoding::ALL.into_iter().find(is_it).unwrap_or_default()
                }),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    fn read_bytes(bytes: &[u8]) -> Vec<SourceRow> {
        let dir = TempDir::new("sources");
        let path = dir.path().join(SOURCES_FILE);
        std::fs::write(&path, bytes).unwrap();
        let mut rows = Vec::new();
        read(File::open(&path).unwrap(), &path, |row| rows.push(row)).unwrap();
        rows
    }

    #[test]
    fn encodings_are_told_and_may_be_missing() {
        let texts: [(&[u8], &str); 5] = [
            (b"V2.2\n", "ascii"),
            ("先手：羽生".as_bytes(), "utf-8"),
            ("\u{feff}先手：羽生".as_bytes(), "utf-8-sig"),
            (b"\x90\xe6\x8e\xe8\x81F\x89H\x90\xb6", "shift_jis"),
            (b"\xc0\xe8\xbc\xea\xa1\xa7\xb1\xa9\xc0\xb8", "euc-jp"),
        ];
        let rows = texts.map(|(text, expected)| {
            let encoding = SourceEncoding::of(text);
            assert_eq!(encoding.as_str(), expected);
            SourceRow { name: expected.into(), encoding, ..SourceRow::default() }
        });
        let bytes = to_bytes(rows.iter(), Compression::Zstd).unwrap();
        assert_eq!(read_bytes(&bytes), rows);

        let batch = batch_of(&rows.iter().collect::<Vec<_>>());
        let first = batch.project(&(0..10).collect::<Vec<_>>()).unwrap();
        let mut layout = Layout::new(first_sources_schema(), Compression::None);
        let mut bytes = layout.header();
        let encoded = BatchEncoder::new(Compression::None).encode(&first).unwrap();
        layout.add(&encoded);
        encoded.parts().for_each(|part| bytes.extend_from_slice(part));
        bytes.extend_from_slice(&layout.footer());
        let old = read_bytes(&bytes);
        assert_eq!(old.len(), 5);
        assert!(old.iter().all(|row| row.encoding == SourceEncoding::None));
    }
}
