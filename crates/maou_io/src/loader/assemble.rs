//! Rows become the numbers of a batch.

use std::ops::Range;
use std::slice;

use maou_shogi::batch::{self, Hcp};
use maou_shogi::{
    Color, Move, N_DLSHOGI_PLANES_1, N_DLSHOGI_PLANES_2, N_HAND_COUNTS, N_PIECE_IDS, PolicyScheme,
    Position,
};

use super::gather::Gathered;
use super::layout::Places;
use super::memory::Memory;
use super::options::{Features, LoaderOptions, PolicyForm, SampleWeight};
use super::ring::coo_offsets;

/// A row of the batch, and what is wrong with it.
pub(super) type Wrong = (usize, String);

/// The value of a row whose result is not known.
const NO_VALUE: f32 = 0.5;

/// Where some of the rows of a batch are written to.
pub(super) struct Piece<'a> {
    pub(super) main: &'a dyn Memory,
    pub(super) coo: &'a dyn Memory,
    pub(super) places: &'a Places,
    pub(super) span: Range<usize>,
}

impl Piece<'_> {
    /// The numbers of the rows of this piece in a field that begins at `offset`.
    ///
    /// # Safety
    ///
    /// The field must be of this type and have `width` numbers a row, and nobody else may look at
    /// these rows of it meanwhile.
    #[expect(clippy::mut_from_ref, reason = "the memory is not the piece's own")]
    unsafe fn rows<T>(&self, offset: usize, width: usize) -> &mut [T] {
        let (start, n) = (self.span.start * width, self.span.len() * width);
        // SAFETY: the layout has room for the field's rows, and the caller has these to itself.
        unsafe { numbers(self.main, offset, start, n) }
    }
}

/// Numbers `start..start + n` of those that begin `offset` bytes into memory.
///
/// # Safety
///
/// As of [`Piece::rows`].
#[expect(clippy::mut_from_ref, reason = "the memory is not the reference's own")]
unsafe fn numbers<T>(memory: &dyn Memory, offset: usize, start: usize, n: usize) -> &mut [T] {
    assert!(offset + (start + n) * size_of::<T>() <= memory.len(), "a field within the memory");
    // SAFETY: within the memory, which is aligned, as all offsets are; promised by the caller.
    unsafe { slice::from_raw_parts_mut(memory.start().add(offset).cast::<T>().add(start), n) }
}

/// Writes all fields of the rows of a piece.
///
/// # Safety
///
/// The memory must be that of a batch with this layout, and nobody else may look at these rows of
/// it meanwhile.
///
/// # Errors
/// A row that is no position, or has a move without a class.
pub(super) unsafe fn fill(
    piece: &Piece<'_>,
    gathered: &Gathered,
    options: &LoaderOptions,
) -> Result<(), Wrong> {
    // SAFETY: promised by the caller, who has these rows of all fields to itself; so of all below.
    unsafe {
        fill_positions(piece, gathered, options)?;
        match options.policy {
            Some(PolicyForm::Sparse) => fill_sparse(piece, gathered, options.scheme)?,
            Some(PolicyForm::Dense) => fill_dense(piece, gathered, options.scheme)?,
            None => {}
        }
        fill_numbers(piece, gathered, options.sample_weight);
    }
    Ok(())
}

/// Features and legal moves.
unsafe fn fill_positions(
    piece: &Piece<'_>,
    gathered: &Gathered,
    options: &LoaderOptions,
) -> Result<(), Wrong> {
    if options.features.is_none() && !options.legal_mask {
        return Ok(());
    }
    let positions: Vec<Hcp> =
        gathered.rows[piece.span.clone()].iter().map(|row| row.position).collect();
    let places = piece.places;
    // SAFETY: promised by the caller.
    let filled = unsafe {
        let features = match options.features {
            Some(Features::Compact) => {
                let board = piece.rows::<u8>(places.board, N_PIECE_IDS);
                batch::compact(&positions, board, piece.rows(places.hand, N_HAND_COUNTS), 1)
            }
            Some(Features::Dlshogi) => {
                let first = piece.rows::<f32>(places.input1, 81 * N_DLSHOGI_PLANES_1);
                let second = piece.rows::<f32>(places.input2, 81 * N_DLSHOGI_PLANES_2);
                if piece.main.len() < batch::LARGE_BYTES {
                    batch::dlshogi(&positions, first, second, 1)
                } else {
                    batch::dlshogi_past_caches(&positions, first, second, 1)
                }
            }
            None => Ok(()),
        };
        features.and_then(|()| match options.legal_mask {
            true => {
                let mask = piece.rows::<u8>(places.legal, options.scheme.n_labels());
                batch::legal_masks(&positions, options.scheme, mask, 1)
            }
            false => Ok(()),
        })
    };
    filled.map_err(|error| (piece.span.start + error.row, error.problem.to_string()))
}

/// The class of a move of Black's.
#[inline]
fn label(gathered: &Gathered, row: usize, mv: u16, scheme: PolicyScheme) -> Result<usize, Wrong> {
    let label = Move::from_move16(mv).and_then(|mv| scheme.label(mv, Color::Black));
    label.ok_or_else(|| {
        let name = Move::from_move16(mv).map_or_else(|| mv.to_string(), |mv| mv.to_string());
        let position = Position::from_hcp(&gathered.rows[row].position);
        let sfen = position.map_or_else(|error| error.to_string(), |p| p.to_sfen());
        let n = scheme.n_labels();
        (row, format!("expected a move with one of {n} labels, found `{name}` in `{sfen}`"))
    })
}

unsafe fn fill_sparse(
    piece: &Piece<'_>,
    gathered: &Gathered,
    scheme: PolicyScheme,
) -> Result<(), Wrong> {
    let (start, end) = (gathered.starts[piece.span.start], gathered.starts[piece.span.end]);
    let (start, n) = (start as usize, (end - start) as usize);
    let [rows_at, labels_at, weights_at] = coo_offsets(piece.coo.len());
    // SAFETY: promised by the caller.
    let (rows, labels, weights) = unsafe {
        (
            numbers::<i64>(piece.coo, rows_at, start, n),
            numbers::<i64>(piece.coo, labels_at, start, n),
            numbers::<f32>(piece.coo, weights_at, start, n),
        )
    };
    for row in piece.span.clone() {
        for i in gathered.starts[row] as usize..gathered.starts[row + 1] as usize {
            let choice = gathered.choices[i];
            rows[i - start] = row as i64;
            labels[i - start] = label(gathered, row, choice.mv, scheme)? as i64;
            weights[i - start] = choice.share;
        }
    }
    Ok(())
}

unsafe fn fill_dense(
    piece: &Piece<'_>,
    gathered: &Gathered,
    scheme: PolicyScheme,
) -> Result<(), Wrong> {
    let n = scheme.n_labels();
    // SAFETY: promised by the caller.
    let policy = unsafe { piece.rows::<f32>(piece.places.policy, n) };
    policy.fill(0.0);
    for (row, classes) in piece.span.clone().zip(policy.chunks_exact_mut(n)) {
        for i in gathered.starts[row] as usize..gathered.starts[row + 1] as usize {
            let choice = gathered.choices[i];
            classes[label(gathered, row, choice.mv, scheme)?] = choice.share;
        }
    }
    Ok(())
}

/// The fields with one number a row.
unsafe fn fill_numbers(piece: &Piece<'_>, gathered: &Gathered, sample_weight: SampleWeight) {
    let places = piece.places;
    // SAFETY: promised by the caller.
    let (value, value_weight, eval_cp, eval_weight, weight, n, ply, key, number) = unsafe {
        (
            piece.rows::<f32>(places.value, 1),
            piece.rows::<f32>(places.value_weight, 1),
            piece.rows::<f32>(places.eval_cp, 1),
            piece.rows::<f32>(places.eval_weight, 1),
            piece.rows::<f32>(places.weight, 1),
            piece.rows::<u32>(places.n, 1),
            piece.rows::<u16>(places.ply, 1),
            piece.rows::<u64>(places.key, 1),
            piece.rows::<u64>(places.row, 1),
        )
    };
    let known = |value: f32, otherwise: f32| {
        if value.is_nan() { (otherwise, 0.0) } else { (value, 1.0) }
    };
    for (i, at) in piece.span.clone().enumerate() {
        let row = &gathered.rows[at];
        (value[i], value_weight[i]) = known(row.score, NO_VALUE);
        (eval_cp[i], eval_weight[i]) = known(row.eval_cp, 0.0);
        weight[i] = match sample_weight {
            _ if at >= gathered.n_real => 0.0,
            SampleWeight::One => 1.0,
            SampleWeight::N => row.n as f32,
            SampleWeight::Sqrt => (row.n as f32).sqrt(),
            SampleWeight::Weight => row.weight,
        };
        n[i] = row.n;
        ply[i] = row.ply;
        key[i] = row.key;
        number[i] = gathered.numbers[at];
    }
}
