//! The columns of the tables that a dataset holds: the one list from which the Arrow schemas,
//! `maou info --schema` and the documentation are made.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Metadata, Schema, SchemaRef};

/// Version of the tables' columns. It grows with every change that a reader can see.
pub const SCHEMA_VERSION: u32 = 1;

/// Number of games in a record batch; the last one of a file may have fewer.
pub const GAMES_PER_BATCH: usize = 1_024;

/// Number of loose positions in a record batch; the last one of a file may have fewer.
pub const POSITIONS_PER_BATCH: usize = 65_536;

/// Number of the columns that every games file has.
pub(crate) const N_GAMES_COLUMNS: usize = GAMES.len();

/// Number of the columns for what a search tells, which stand behind all others.
pub(crate) const N_SEARCH_COLUMNS: usize = SEARCH.len();

/// One column: its name, type and meaning.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct FieldDoc {
    /// The column's name.
    pub name: &'static str,
    /// Its Arrow type, as in `LargeList<UInt16>`; a `?` marks what may be null.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether a value of the column (not an item of a list) may be null.
    pub nullable: bool,
    /// What it holds, with unit, index and point of view.
    pub meaning: &'static str,
}

pub(crate) struct Column {
    pub(crate) name: &'static str,
    data_type: fn() -> DataType,
    nullable: bool,
    meaning: &'static str,
}

pub(crate) const fn column(
    name: &'static str,
    data_type: fn() -> DataType,
    nullable: bool,
    meaning: &'static str,
) -> Column {
    Column { name, data_type, nullable, meaning }
}

const GAMES: [Column; 16] = [
    column(
        "id",
        || DataType::UInt64,
        false,
        "xxh3-64 of the canonical start SFEN, the moves (move16, little-endian), result and \
         ending: equal games have equal ids, whoever played them. Shown as 16 hex digits",
    ),
    column(
        "start",
        || DataType::LargeUtf8,
        false,
        "start position as canonical SFEN with move number 1; a mate problem may lack a king",
    ),
    column(
        "moves",
        || list(DataType::UInt16, false),
        false,
        "main line, legal, as cshogi's move16: to in bits 0-6, from in bits 7-13 (a drop: 81 + \
         P0 L1 N2 S3 B4 R5 G6), promotion in bit 14; square = 9*(file-1)+(rank-1). \
         `maou.to_usi(series)` reads it",
    ),
    column(
        "evals_cp",
        || list(DataType::Int16, true),
        false,
        "centipawns after each move, for the side that made it; as long as `moves`. Within 31000 \
         a score, 32000 - plies a mate, 32000 a mate of unknown distance; null = none given",
    ),
    column(
        "times_ms",
        || list(DataType::UInt32, true),
        false,
        "milliseconds used for each move; as long as `moves`; null = none given",
    ),
    column(
        "result",
        || DataType::UInt8,
        false,
        "0 draw, 1 Black wins, 2 White wins, 3 unknown; Black moves first in even games",
    ),
    column(
        "ending",
        || DataType::LargeUtf8,
        false,
        "how the game ended: resign, checkmate, repetition, perpetual_check, declaration, \
         impasse, max_moves, time, illegal_move, illegal_action, walkover, interrupted, no_mate, \
         takeback, error or unknown",
    ),
    column(
        "tail",
        || DataType::LargeUtf8,
        false,
        "what could not be read or played after the last legal move; empty if nothing",
    ),
    column("black", || DataType::LargeUtf8, false, "name of Black; empty if not given"),
    column("white", || DataType::LargeUtf8, false, "name of White; empty if not given"),
    column("event", || DataType::LargeUtf8, false, "name of the event; empty if not given"),
    column(
        "source",
        || DataType::LargeUtf8,
        false,
        "file that the game was read from, relative to the input that was named, `/`-separated",
    ),
    column("black_rating", || DataType::Float64, true, "rating of Black, as in the record"),
    column("white_rating", || DataType::Float64, true, "rating of White, as in the record"),
    column("date", || DataType::Date32, true, "day on which the game started"),
    column(
        "eval_scale_cp",
        || DataType::Float64,
        true,
        "the `a` of win rate = 1 / (1 + exp(-cp / a)), where the record tells it",
    ),
];

/// What games files have beside [`GAMES`] in a dataset that keeps variations.
const VARIATIONS: [Column; 1] = [column(
    "parent_id",
    || DataType::UInt64,
    true,
    "in a variation, the `id` of the line that it leaves, which is in an earlier row of the same \
     source; null in a game as it was played",
)];

/// What games files have behind all other columns where a game of HCPE3 is in them.
const SEARCH: [Column; 5] = [
    column(
        "eval_raw",
        || list(DataType::Int16, false),
        true,
        "the eval of each move as the record has it, for the side to move, where `evals_cp` has \
         the numbers of this table; as long as `moves`",
    ),
    column(
        "candidates",
        || list(list(DataType::UInt16, false), false),
        true,
        "for each move, the moves that the search considered, as move16; as long as `moves`. \
         None for a move: its position was not searched and is not for training",
    ),
    column(
        "visits",
        || list(list(DataType::UInt16, false), false),
        true,
        "how often the search visited each of the `candidates`",
    ),
    column(
        "opponent",
        || DataType::UInt8,
        true,
        "who played, as the record has it: 0 a program against itself, 1 and 2 against another; \
         tools differ about which side that had",
    ),
    column(
        "flags",
        || DataType::UInt8,
        true,
        "4 repetition, 8 declaration, 16 greatest number of moves, as the record has them; sums",
    ),
];

const POSITIONS: [Column; 8] = [
    column(
        "position",
        || DataType::FixedSizeList(Arc::new(list_item(DataType::UInt8, false)), 32),
        false,
        "the position as HCP, 32 bytes, with the pieces in hand in the order P L N S G B R: equal \
         positions have equal bytes",
    ),
    column(
        "key",
        || DataType::UInt64,
        false,
        "the position's key: 63 bits of it as the side to move sees it, and its color in the \
         lowest bit",
    ),
    column(
        "move",
        || DataType::UInt16,
        false,
        "the move that was chosen, legal, as cshogi's move16. `maou.to_usi(series)` reads it",
    ),
    column(
        "eval_cp",
        || DataType::Int16,
        false,
        "centipawns for the side to move as the record has them. Beyond 31000 a mate or out of \
         range, in the numbers of the tool that wrote it",
    ),
    column("result", || DataType::UInt8, false, "of the game: 0 draw, 1 Black wins, 2 White wins"),
    column(
        "ply",
        || DataType::UInt16,
        true,
        "number of the move in its game, from 1, where the record tells it (PSV)",
    ),
    column(
        "flags",
        || DataType::UInt8,
        false,
        "4 repetition, 8 declaration, 16 greatest number of moves (HCPE2); 64 the record has the \
         pieces in hand in YaneuraOu's order, P L N S B R G (PSV); sums",
    ),
    column("source", || DataType::LargeUtf8, false, "file that the position was read from"),
];

const SOURCES: [Column; 11] = [
    column("source", || DataType::LargeUtf8, false, "the file, as in the games table"),
    column(
        "xxh3",
        || DataType::UInt64,
        false,
        "xxh3-64 of the file's bytes; 0 if it could not be read",
    ),
    column("size_bytes", || DataType::UInt64, false, "size of the file"),
    column(
        "shard",
        || DataType::UInt32,
        false,
        "number of the games file that holds its games, or of the positions file",
    ),
    column(
        "n_games",
        || DataType::UInt32,
        false,
        "rows of the games table, one for each game that was kept and each variation",
    ),
    column("n_positions", || DataType::UInt64, false, "their moves, or its loose positions"),
    column("n_errors", || DataType::UInt32, false, "lines about it in errors.jsonl"),
    column("n_variations_dropped", || DataType::UInt32, false, "variations that were left out"),
    column("n_comments_dropped", || DataType::UInt32, false, "comment lines that were left out"),
    column(
        "format",
        || DataType::LargeUtf8,
        false,
        "csa, kif, ki2, jkf, usi, sfen, feather, hcpe, hcpe2, hcpe3 or psv; empty if it is no \
         game record",
    ),
    column(
        "encoding",
        || DataType::LargeUtf8,
        false,
        "ascii, utf-8, utf-8-sig (with a byte order mark), shift_jis or euc-jp; empty if it is no \
         text, or was read by a version that did not tell",
    ),
];

fn list(item: DataType, nullable: bool) -> DataType {
    DataType::LargeList(Arc::new(list_item(item, nullable)))
}

pub(crate) fn list_item(item: DataType, nullable: bool) -> Field {
    Field::new("item", item, nullable)
}

fn schema_of(columns: &[Column], metadata: Metadata) -> SchemaRef {
    let fields = columns.iter().map(field_of).collect::<Vec<_>>();
    Arc::new(Schema::new(fields).with_metadata(metadata))
}

pub(crate) fn field_of(column: &Column) -> Field {
    Field::new(column.name, (column.data_type)(), column.nullable)
}

/// Which columns a games file has beside those that every one has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Width {
    /// Those of variations: the same in all games files of a dataset.
    pub(crate) variations: bool,
    /// Those for what a search tells.
    pub(crate) search: bool,
}

impl Width {
    const ALL: [Width; 4] = [
        Width { variations: false, search: false },
        Width { variations: false, search: true },
        Width { variations: true, search: false },
        Width { variations: true, search: true },
    ];

    /// The width of a games file with this schema; `None` if no games file has it.
    pub(crate) fn of(schema: &SchemaRef) -> Option<Width> {
        Width::ALL.into_iter().find(|width| width.schema() == *schema)
    }

    /// The Arrow schema of such a `games-NNNNN.feather`, with the versions in its metadata.
    pub(crate) fn schema(self) -> SchemaRef {
        static SCHEMAS: LazyLock<[SchemaRef; 4]> = LazyLock::new(|| {
            Width::ALL.map(|width| {
                let variations = if width.variations { &VARIATIONS[..] } else { &[] };
                let search = if width.search { &SEARCH[..] } else { &[] };
                let columns = GAMES.iter().chain(variations).chain(search);
                let versions = [
                    ("key_version", maou_shogi::KEY_VERSION.to_string()),
                    ("schema_version", SCHEMA_VERSION.to_string()),
                ];
                let fields: Vec<_> = columns.map(field_of).collect();
                Arc::new(Schema::new(fields).with_metadata(Metadata::from(versions)))
            })
        });
        SCHEMAS[2 * usize::from(self.variations) + usize::from(self.search)].clone()
    }
}

/// The Arrow schema of a `games-NNNNN.feather` with the columns that every one has.
pub(crate) fn games_schema() -> SchemaRef {
    Width::default().schema()
}

/// The Arrow schema of `positions-NNNNN.feather`, with the versions in its metadata.
pub(crate) fn positions_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> =
        LazyLock::new(|| schema_of(&POSITIONS, games_schema().metadata().clone()));
    SCHEMA.clone()
}

/// The Arrow schema of `sources.feather`.
pub(crate) fn sources_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        schema_of(&SOURCES, Metadata::from([("schema_version", SCHEMA_VERSION.to_string())]))
    });
    SCHEMA.clone()
}

/// The Arrow schema of `sources.feather` before it told encodings.
pub(crate) fn first_sources_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let all = sources_schema();
        let first: Vec<usize> = (0..SOURCES.len() - 1).collect();
        Arc::new(all.project(&first).expect("indices of its own fields"))
    });
    SCHEMA.clone()
}

/// The columns of `games-NNNNN.feather`, in order.
pub fn games_fields() -> Vec<FieldDoc> {
    fields_of(&GAMES)
}

/// The columns that games files have behind [`games_fields`] in a dataset that keeps variations.
pub fn variation_fields() -> Vec<FieldDoc> {
    fields_of(&VARIATIONS)
}

/// The columns that games files have behind all others where a game of HCPE3 is in them, in
/// order; null for games of other formats.
pub fn search_fields() -> Vec<FieldDoc> {
    fields_of(&SEARCH)
}

/// The columns of `positions-NNNNN.feather`, in order.
pub fn positions_fields() -> Vec<FieldDoc> {
    fields_of(&POSITIONS)
}

/// The columns of `sources.feather`, in order.
pub fn sources_fields() -> Vec<FieldDoc> {
    fields_of(&SOURCES)
}

pub(crate) fn fields_of<'a>(columns: impl IntoIterator<Item = &'a Column>) -> Vec<FieldDoc> {
    let doc = |c: &Column| FieldDoc {
        name: c.name,
        type_name: type_name(&(c.data_type)()),
        nullable: c.nullable,
        meaning: c.meaning,
    };
    columns.into_iter().map(doc).collect()
}

fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::LargeList(item) => {
            let mark = if item.is_nullable() { "?" } else { "" };
            format!("LargeList<{}{mark}>", type_name(item.data_type()))
        }
        DataType::FixedSizeList(item, n) => {
            format!("FixedSizeList<{}, {n}>", type_name(item.data_type()))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_games_table_is_the_contract() {
        let fields = games_fields();
        let table: Vec<_> =
            fields.iter().map(|f| (f.name, f.type_name.as_str(), f.nullable)).collect();
        let expected = [
            ("id", "UInt64", false),
            ("start", "LargeUtf8", false),
            ("moves", "LargeList<UInt16>", false),
            ("evals_cp", "LargeList<Int16?>", false),
            ("times_ms", "LargeList<UInt32?>", false),
            ("result", "UInt8", false),
            ("ending", "LargeUtf8", false),
            ("tail", "LargeUtf8", false),
            ("black", "LargeUtf8", false),
            ("white", "LargeUtf8", false),
            ("event", "LargeUtf8", false),
            ("source", "LargeUtf8", false),
            ("black_rating", "Float64", true),
            ("white_rating", "Float64", true),
            ("date", "Date32", true),
            ("eval_scale_cp", "Float64", true),
        ];
        assert_eq!(table, expected);
        assert_eq!(games_schema().metadata().len(), 2);
        assert_eq!(games_schema().metadata()["schema_version"], "1");
    }

    #[test]
    fn the_other_columns_are_the_contract() {
        let check = |fields: Vec<FieldDoc>, expected: &[(&str, &str, bool)]| {
            let table: Vec<_> =
                fields.iter().map(|f| (f.name, f.type_name.as_str(), f.nullable)).collect();
            assert_eq!(table, expected);
        };
        check(
            search_fields(),
            &[
                ("eval_raw", "LargeList<Int16>", true),
                ("candidates", "LargeList<LargeList<UInt16>>", true),
                ("visits", "LargeList<LargeList<UInt16>>", true),
                ("opponent", "UInt8", true),
                ("flags", "UInt8", true),
            ],
        );
        check(
            positions_fields(),
            &[
                ("position", "FixedSizeList<UInt8, 32>", false),
                ("key", "UInt64", false),
                ("move", "UInt16", false),
                ("eval_cp", "Int16", false),
                ("result", "UInt8", false),
                ("ply", "UInt16", true),
                ("flags", "UInt8", false),
                ("source", "LargeUtf8", false),
            ],
        );
        check(variation_fields(), &[("parent_id", "UInt64", true)]);
        let columns = |variations, search| {
            let schema = Width { variations, search }.schema();
            assert_eq!(schema.metadata(), games_schema().metadata());
            assert_eq!(Width::of(&schema), Some(Width { variations, search }));
            (schema.fields().len(), schema.index_of("parent_id").ok())
        };
        assert_eq!(columns(false, false), (16, None));
        assert_eq!(columns(false, true), (21, None));
        assert_eq!(columns(true, false), (17, Some(16)));
        assert_eq!(columns(true, true), (22, Some(16)));
        assert_eq!(Width::of(&positions_schema()), None);
        assert_eq!(positions_schema().metadata(), games_schema().metadata());
    }

    #[test]
    fn the_ending_column_names_every_ending() {
        let fields = games_fields();
        let meaning = fields.iter().find(|f| f.name == "ending").unwrap().meaning;
        for ending in maou_shogi::record::Ending::ALL {
            assert!(meaning.contains(ending.as_str()), "{ending}");
        }
    }
}
