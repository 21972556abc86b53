//! The columns of a training set: the one list from which the Arrow schema, `maou info --schema`
//! and docs/training-sets.md are made.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Metadata, Schema, SchemaRef};

use crate::schema::{Column, FieldDoc, column, field_of, fields_of, list_item};

/// Version of the columns of training sets. It grows with every change that a reader can see.
pub const TRAINING_SCHEMA_VERSION: u32 = 1;

/// Number of rows in a record batch; the last one of a file may have fewer.
pub const ROWS_PER_BATCH: usize = 65_536;

/// Number of rows in a file; the last one of a split may have fewer.
pub const ROWS_PER_FILE: usize = 16 * ROWS_PER_BATCH;

/// The `ply` of a position of which no occurrence tells one.
pub const UNKNOWN_PLY: u16 = u16::MAX;

/// No eval of a training set is beyond this: larger ones count as this.
pub const MAX_EVAL_CP: i16 = 32_000;

/// Where each column stands among [`training_schema`]'s.
pub(crate) mod index {
    pub(crate) const KEY: usize = 0;
    pub(crate) const POSITION: usize = 1;
    pub(crate) const N: usize = 2;
    pub(crate) const WEIGHT: usize = 3;
    pub(crate) const PLY: usize = 4;
    pub(crate) const SCORE: usize = 5;
    pub(crate) const SCORE_WEIGHT: usize = 6;
    pub(crate) const EVAL_CP: usize = 7;
    pub(crate) const EVAL_WEIGHT: usize = 8;
    pub(crate) const MOVES: usize = 9;
    pub(crate) const COUNTS: usize = 10;
    pub(crate) const MOVE_WEIGHTS: usize = 11;
    pub(crate) const MOVE_SCORES: usize = 12;
    pub(crate) const MOVE_EVALS_CP: usize = 13;
}

fn list(item: DataType, nullable: bool) -> DataType {
    DataType::LargeList(Arc::new(list_item(item, nullable)))
}

const TRAINING: [Column; 14] = [
    column(
        "key",
        || DataType::UInt64,
        false,
        "the position's key without its color bit, which is 0: equal for a position and its twin \
         of swapped colors. Rows ascend by it, over all files of a split",
    ),
    column(
        "position",
        || DataType::FixedSizeList(Arc::new(list_item(DataType::UInt8, false)), 32),
        false,
        "the position as the side to move sees it, as HCP with Black to move: turned by 180° with \
         colors swapped where White was to move",
    ),
    column("n", || DataType::UInt32, false, "how often it occurred"),
    column(
        "weight",
        || DataType::Float32,
        false,
        "the weights of the datasets, summed over the occurrences; `n` if all weights are 1",
    ),
    column(
        "ply",
        || DataType::UInt16,
        false,
        "moves played before it where it came earliest, 0 at the start of a record; 65535 if no \
         occurrence tells",
    ),
    column(
        "score",
        || DataType::Float32,
        true,
        "mean result for the side to move, by weight: 1 a win, 0.5 a draw, 0 a loss; null if no \
         result is known",
    ),
    column(
        "score_weight",
        || DataType::Float32,
        false,
        "the weights of the occurrences with a known result, summed",
    ),
    column(
        "eval_cp",
        || DataType::Float32,
        true,
        "mean eval in centipawns for the side to move, by weight, mates as they are in the games \
         and none beyond 32000; null if there is none",
    ),
    column(
        "eval_weight",
        || DataType::Float32,
        false,
        "the weights of the occurrences with an eval, summed",
    ),
    column(
        "moves",
        || list(DataType::UInt16, false),
        false,
        "the moves that were played, as move16 of `position`, each once, ascending; with `--policy \
         visits` also the other candidates of the search",
    ),
    column(
        "counts",
        || list(DataType::UInt32, false),
        false,
        "how often each of the `moves` was played; 0 for a candidate that never was",
    ),
    column(
        "move_weights",
        || list(DataType::Float32, false),
        false,
        "what each of the `moves` weighs as policy target: the weights of the occurrences in which \
         it was played, summed; with `--policy visits` each occurrence's weight is shared among \
         its candidates by their visits",
    ),
    column(
        "move_scores",
        || list(DataType::Float32, true),
        false,
        "mean result of the occurrences in which the move was played, like `score`",
    ),
    column(
        "move_evals_cp",
        || list(DataType::Float32, true),
        false,
        "mean eval of the occurrences in which the move was played, like `eval_cp`",
    ),
];

/// The Arrow schema of `train-NNNNN.feather` and `validation-NNNNN.feather`, with the versions in
/// its metadata.
pub(crate) fn training_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let versions = [
            ("key_version", maou_shogi::KEY_VERSION.to_string()),
            ("training_schema_version", TRAINING_SCHEMA_VERSION.to_string()),
        ];
        let fields: Vec<_> = TRAINING.iter().map(field_of).collect();
        Arc::new(Schema::new(fields).with_metadata(Metadata::from(versions)))
    });
    SCHEMA.clone()
}

/// The columns of a training set's files, in order.
pub fn training_fields() -> Vec<FieldDoc> {
    fields_of(&TRAINING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_the_contract() {
        let fields = training_fields();
        let table: Vec<_> =
            fields.iter().map(|f| (f.name, f.type_name.as_str(), f.nullable)).collect();
        let expected = [
            ("key", "UInt64", false),
            ("position", "FixedSizeList<UInt8, 32>", false),
            ("n", "UInt32", false),
            ("weight", "Float32", false),
            ("ply", "UInt16", false),
            ("score", "Float32", true),
            ("score_weight", "Float32", false),
            ("eval_cp", "Float32", true),
            ("eval_weight", "Float32", false),
            ("moves", "LargeList<UInt16>", false),
            ("counts", "LargeList<UInt32>", false),
            ("move_weights", "LargeList<Float32>", false),
            ("move_scores", "LargeList<Float32?>", false),
            ("move_evals_cp", "LargeList<Float32?>", false),
        ];
        assert_eq!(table, expected);
        assert_eq!(training_schema().metadata()["training_schema_version"], "1");
        assert_eq!(training_schema().metadata()["key_version"], "1");
    }

    #[test]
    fn columns_stand_where_their_index_says() {
        let at = |index: usize| training_schema().field(index).name().clone();
        let names = [
            (index::KEY, "key"),
            (index::POSITION, "position"),
            (index::N, "n"),
            (index::WEIGHT, "weight"),
            (index::PLY, "ply"),
            (index::SCORE, "score"),
            (index::SCORE_WEIGHT, "score_weight"),
            (index::EVAL_CP, "eval_cp"),
            (index::EVAL_WEIGHT, "eval_weight"),
            (index::MOVES, "moves"),
            (index::COUNTS, "counts"),
            (index::MOVE_WEIGHTS, "move_weights"),
            (index::MOVE_SCORES, "move_scores"),
            (index::MOVE_EVALS_CP, "move_evals_cp"),
        ];
        for (index, name) in names {
            assert_eq!(at(index), name);
        }
    }
}
