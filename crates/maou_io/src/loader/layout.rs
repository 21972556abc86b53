//! Where the fields of a batch stand in memory.

use maou_shogi::{N_DLSHOGI_PLANES_1, N_DLSHOGI_PLANES_2, N_HAND_COUNTS, N_PIECE_IDS};

use super::memory::ALIGNMENT;
use super::options::{Features, LoaderOptions, PolicyForm};

/// The type of a field's numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Number {
    U8,
    U16,
    U32,
    U64,
    I64,
    F32,
    /// A byte that is 0 or 1.
    Bool,
}

impl Number {
    /// The size of one.
    pub const fn size(self) -> usize {
        match self {
            Number::U8 | Number::Bool => 1,
            Number::U16 => 2,
            Number::U32 | Number::F32 => 4,
            Number::U64 | Number::I64 => 8,
        }
    }

    /// What NumPy calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Number::U8 => "uint8",
            Number::U16 => "uint16",
            Number::U32 => "uint32",
            Number::U64 => "uint64",
            Number::I64 => "int64",
            Number::F32 => "float32",
            Number::Bool => "bool",
        }
    }
}

/// One field: an array with a row for each row of the batch.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// The type of its numbers.
    pub number: Number,
    /// The axes behind that of the rows.
    pub axes: Vec<usize>,
    /// Where it begins, in bytes.
    pub offset: usize,
}

impl Field {
    /// The numbers of a row.
    pub fn width(&self) -> usize {
        self.axes.iter().product()
    }
}

/// Where the fields stand; those of a sparse policy are apart, since nobody knows their size.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// In order, without a sparse policy.
    pub fields: Vec<Field>,
    /// The bytes of all of them.
    pub len: usize,
    pub(super) n_rows: usize,
}

/// Where the fields begin that are filled piece by piece; `None` for those that are not asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    pub(super) board: usize,
    pub(super) hand: usize,
    pub(super) input1: usize,
    pub(super) input2: usize,
    pub(super) policy: usize,
    pub(super) legal: usize,
    pub(super) value: usize,
    pub(super) value_weight: usize,
    pub(super) eval_cp: usize,
    pub(super) eval_weight: usize,
    pub(super) weight: usize,
    pub(super) n: usize,
    pub(super) ply: usize,
    pub(super) key: usize,
    pub(super) row: usize,
}

impl Layout {
    pub(super) fn new(options: &LoaderOptions) -> (Layout, Places) {
        let mut layout = Layout { n_rows: options.batch_size, ..Layout::default() };
        let classes = options.scheme.n_labels();
        let (mut board, mut hand, mut input1, mut input2) = (0, 0, 0, 0);
        match options.features {
            Some(Features::Compact) => {
                board = layout.add("board", Number::U8, &[N_PIECE_IDS]);
                hand = layout.add("hand", Number::U8, &[N_HAND_COUNTS]);
            }
            Some(Features::Dlshogi) => {
                input1 = layout.add("input1", Number::F32, &[N_DLSHOGI_PLANES_1, 9, 9]);
                input2 = layout.add("input2", Number::F32, &[N_DLSHOGI_PLANES_2, 9, 9]);
            }
            None => {}
        }
        let policy = match options.policy {
            Some(PolicyForm::Dense) => layout.add("policy", Number::F32, &[classes]),
            _ => 0,
        };
        let legal =
            if options.legal_mask { layout.add("legal", Number::Bool, &[classes]) } else { 0 };
        let places = Places {
            board,
            hand,
            input1,
            input2,
            policy,
            legal,
            value: layout.add("value", Number::F32, &[]),
            value_weight: layout.add("value_weight", Number::F32, &[]),
            eval_cp: layout.add("eval_cp", Number::F32, &[]),
            eval_weight: layout.add("eval_weight", Number::F32, &[]),
            weight: layout.add("weight", Number::F32, &[]),
            n: layout.add("n", Number::U32, &[]),
            ply: layout.add("ply", Number::U16, &[]),
            key: layout.add("key", Number::U64, &[]),
            row: layout.add("row", Number::U64, &[]),
        };
        (layout, places)
    }

    fn add(&mut self, name: &'static str, number: Number, axes: &[usize]) -> usize {
        let offset = self.len.next_multiple_of(ALIGNMENT);
        let field = Field { name, number, axes: axes.to_vec(), offset };
        self.len = offset + self.n_rows * field.width() * number.size();
        self.fields.push(field);
        offset
    }

    /// The bytes of a row.
    pub(super) fn row_bytes(&self) -> usize {
        self.fields.iter().map(|field| field.width() * field.number.size()).sum()
    }
}
