//! Many positions at once, as rows of 32 bytes HCP, on one thread or several.
//!
//! Every function reads each row on its own and writes its results where the caller says; nothing
//! is kept. A row that is no position is an error that names it. Squares, pieces and labels are
//! those that the side to move sees: for White the board is turned by 180°.

mod pool;
mod replay;
mod seen;
#[cfg(test)]
mod tests;
mod workers;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::attacks::{BLACK, WHITE};
use crate::color::Color;
use crate::features::{
    self, N_DLSHOGI_PLANES_1, N_DLSHOGI_PLANES_2, N_HAND_COUNTS, N_PIECE_IDS, PIECE_ID,
};
use crate::hcp::{self, HcpError};
use crate::huffman::{self, HandOrder};
use crate::movegen::generate;
use crate::mv::Move;
use crate::packed_sfen;
use crate::policy::{Labels, Labels1496, Labels2187, Mask, PolicyScheme};
use crate::position::Position;
use crate::sfen::SfenError;
use crate::spread::{self, Stream};
use workers::{chunk_rows, run};

pub use replay::{GameError, Moves, Replayed, replay};

/// A position as HCP.
pub type Hcp = [u8; 32];

/// What is wrong with a row, and which one it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// The number of the row, from 0.
    pub row: usize,
    /// What is wrong with it.
    pub problem: RowProblem,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RowProblem {
    /// The 32 bytes are no position.
    Hcp(HcpError),
    /// A text that is no position.
    Sfen(SfenError, String),
    /// A number that is no 16-bit move.
    NotAMove(u16),
    /// A move that is not legal in this position, as SFEN.
    IllegalMove(Move, String),
    /// A move of this side that no piece makes, or for which the scheme has no label.
    NoLabel(Move, Color, PolicyScheme),
    /// A number that is no label of the scheme.
    NotALabel(i64, PolicyScheme),
    /// A label of no legal move of this position, as SFEN.
    IllegalLabel(i64, String),
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}: {}", self.row, self.problem)
    }
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RowProblem::Hcp(error) => error.fmt(f),
            RowProblem::Sfen(SfenError { message, column }, text) => {
                write!(f, "column {column} of `{text}`: {message}")
            }
            RowProblem::NotAMove(bits) => write!(f, "expected a 16-bit move, found `{bits}`"),
            RowProblem::IllegalMove(mv, sfen) => {
                write!(f, "expected a legal move, found `{mv}` in `{sfen}`")
            }
            RowProblem::NoLabel(mv, color, scheme) => {
                let n_labels = scheme.n_labels();
                write!(f, "expected a move with one of {n_labels} labels, found {color}'s `{mv}`")
            }
            RowProblem::NotALabel(label, scheme) => {
                write!(f, "expected a label below {}, found `{label}`", scheme.n_labels())
            }
            RowProblem::IllegalLabel(label, sfen) => {
                write!(f, "expected the label of a legal move, found `{label}` in `{sfen}`")
            }
        }
    }
}

impl std::error::Error for RowError {}

impl From<HcpError> for RowProblem {
    fn from(error: HcpError) -> RowProblem {
        RowProblem::Hcp(error)
    }
}

/// Calls `work` with the number of the first of some rows, the rows, and their share of both results.
/// It may fail with the number of a row among them.
#[inline(always)]
fn fill_chunks<R: Sync, A: Send, B: Send>(
    rows: &[R],
    (first, first_width): (&mut [A], usize),
    (second, second_width): (&mut [B], usize),
    threads: usize,
    work: impl Fn(usize, &[R], &mut [A], &mut [B]) -> Result<(), (usize, RowProblem)> + Sync,
) -> Result<(), RowError> {
    assert_eq!(first.len(), rows.len() * first_width, "the numbers of all rows");
    assert_eq!(second.len(), rows.len() * second_width, "the numbers of all rows");
    let row_bytes = first_width * size_of::<A>() + second_width * size_of::<B>();
    let chunk = chunk_rows(row_bytes);
    let chunks = rows
        .chunks(chunk)
        .zip(first.chunks_mut(chunk * first_width))
        .zip(second.chunks_mut(chunk * second_width))
        .enumerate();
    run(threads, rows.len().div_ceil(chunk), chunks, |(number, ((rows, first), second))| {
        let start = number * chunk;
        work(start, rows, first, second).map_err(|(row, problem)| (start + row, problem))
    })
    .map_err(|(row, problem)| RowError { row, problem })
}

/// Calls `work` with the number of each row, the row, and its share of both results.
#[inline(always)]
fn fill_both<R: Sync, A: Send, B: Send>(
    rows: &[R],
    (first, first_width): (&mut [A], usize),
    (second, second_width): (&mut [B], usize),
    threads: usize,
    work: impl Fn(usize, &R, &mut [A], &mut [B]) -> Result<(), RowProblem> + Sync,
) -> Result<(), RowError> {
    let (first, second) = ((first, first_width), (second, second_width));
    fill_chunks(rows, first, second, threads, |start, rows, first, second| {
        let first = first.chunks_exact_mut(first_width);
        let second = second.chunks_exact_mut(second_width);
        for (i, ((row, first), second)) in rows.iter().zip(first).zip(second).enumerate() {
            work(start + i, row, first, second).map_err(|problem| (i, problem))?;
        }
        Ok(())
    })
}

/// Calls `work` with the number of each row, the row, and its `width` numbers of the result.
#[inline(always)]
fn fill<R: Sync, T: Send>(
    rows: &[R],
    out: &mut [T],
    width: usize,
    threads: usize,
    work: impl Fn(usize, &R, &mut [T]) -> Result<(), RowProblem> + Sync,
) -> Result<(), RowError> {
    // Units take no memory.
    let mut nothing = vec![(); rows.len()];
    fill_both(rows, (out, width), (&mut nothing, 1), threads, |i, row, out, _| work(i, row, out))
}

/// Calls `work` with the number of each row, the row, and the place of its one result.
#[inline(always)]
fn map<R: Sync, T: Send>(
    rows: &[R],
    out: &mut [T],
    threads: usize,
    work: impl Fn(usize, &R) -> Result<T, RowProblem> + Sync,
) -> Result<(), RowError> {
    fill(rows, out, 1, threads, |i, row, out| {
        out[0] = work(i, row)?;
        Ok(())
    })
}

/// Checks that every row is a position. Returns whether each is written as this crate writes it:
/// the hands of others may stand in another order.
///
/// # Errors
/// The first row that is none.
pub fn check(rows: &[Hcp], threads: usize) -> Result<bool, RowError> {
    let is_canonical = AtomicBool::new(true);
    map(rows, &mut vec![(); rows.len()], threads, |_, row| {
        if !seen::check(row)? {
            is_canonical.store(false, Ordering::Relaxed);
        }
        Ok(())
    })?;
    Ok(is_canonical.into_inner())
}

/// Writes each row as this crate writes it.
///
/// # Errors
/// The first row that is no position.
///
/// # Panics
/// If the result has another length; so of all functions here.
pub fn canonical(rows: &[Hcp], out: &mut [Hcp], threads: usize) -> Result<(), RowError> {
    map(rows, out, threads, |_, row| Ok(Position::from_hcp(row)?.to_hcp()?))
}

/// The positions of YaneuraOu's 32 bytes.
///
/// # Errors
/// The first row that is no position.
pub fn from_packed_sfens(
    rows: &[[u8; 32]],
    out: &mut [Hcp],
    threads: usize,
) -> Result<(), RowError> {
    map(rows, out, threads, |_, row| {
        let (_, hcp, _) = huffman::decode_and_translate(row, &packed_sfen::TABLES, &hcp::TABLES)?;
        Ok(hcp)
    })
}

/// YaneuraOu's 32 bytes of each position.
///
/// # Errors
/// The first row that is no position; so of all functions here.
pub fn packed_sfens(rows: &[Hcp], out: &mut [[u8; 32]], threads: usize) -> Result<(), RowError> {
    let order = HandOrder::Gold5th;
    map(rows, out, threads, |_, row| {
        Ok(huffman::translate(row, &hcp::TABLES, &packed_sfen::TABLES, order)?)
    })
}

/// The positions of texts in SFEN; the move number is lost.
///
/// # Errors
/// The first text that is no position with two kings.
pub fn from_sfens<T: AsRef<str> + Sync>(
    texts: &[T],
    out: &mut [Hcp],
    threads: usize,
) -> Result<(), RowError> {
    map(texts, out, threads, |_, text| {
        let text = text.as_ref();
        let sfen = |error| RowProblem::Sfen(error, text.to_owned());
        Ok(Position::from_sfen(text).map_err(sfen)?.to_hcp()?)
    })
}

/// The positions as SFEN, with move number 1.
///
/// # Errors
/// The first row that is no position.
pub fn sfens(rows: &[Hcp], out: &mut [String], threads: usize) -> Result<(), RowError> {
    map(rows, out, threads, |_, row| Ok(Position::from_hcp(row)?.to_sfen()))
}

/// The twins of the positions: turned by 180°, colors and turn swapped.
///
/// # Errors
/// The first row that is no position.
pub fn flip(rows: &[Hcp], out: &mut [Hcp], threads: usize) -> Result<(), RowError> {
    map(rows, out, threads, |_, row| {
        let position = seen::twin(row)?;
        Ok(position.to_hcp()?)
    })
}

/// The keys of the positions, see [`Position::key`].
///
/// # Errors
/// The first row that is no position.
pub fn keys(rows: &[Hcp], out: &mut [u64], threads: usize) -> Result<(), RowError> {
    map(rows, out, threads, |_, row| Ok(seen::key(row)?))
}

/// The sides to move: 0 Black, 1 White.
///
/// # Errors
/// None but for rows that are no position.
pub fn turns(rows: &[Hcp], out: &mut [u8], threads: usize) -> Result<(), RowError> {
    map(rows, out, threads, |_, row| Ok(row[0] & 1))
}

/// Whether the side to move is in check: 0 or 1.
///
/// # Errors
/// The first row that is no position.
pub fn in_check(rows: &[Hcp], out: &mut [u8], threads: usize) -> Result<(), RowError> {
    map(rows, out, threads, |_, row| {
        let (position, _) = seen::position::<false>(row)?;
        Ok(u8::from(position.attacked_king(Color::Black)))
    })
}

/// The pieces on the 81 squares: 0 empty, own 1–14 (P L N S G B R K +P +L +N +S Horse Dragon), the
/// opponent's 15–28 in the same order.
///
/// # Errors
/// The first row that is no position.
pub fn piece_ids(rows: &[Hcp], out: &mut [u8], threads: usize) -> Result<(), RowError> {
    fill(rows, out, N_PIECE_IDS, threads, |_, row, ids| {
        ids.fill(0);
        seen::read::<false>(row, |code, square| ids[square] = PIECE_ID[code])?;
        Ok(())
    })
}

/// How many pieces the hands hold: own P L N S G B R, then the opponent's.
///
/// # Errors
/// The first row that is no position.
pub fn hands(rows: &[Hcp], out: &mut [u8], threads: usize) -> Result<(), RowError> {
    fill(rows, out, N_HAND_COUNTS, threads, |_, row, counts| {
        let seen = seen::read::<false>(row, |_, _| ())?;
        features::hand_counts(&seen.hands, counts);
        Ok(())
    })
}

/// Both [`piece_ids`] and [`hands`].
///
/// # Errors
/// The first row that is no position.
pub fn compact(
    rows: &[Hcp],
    piece_ids: &mut [u8],
    hands: &mut [u8],
    threads: usize,
) -> Result<(), RowError> {
    let (ids, counts) = ((piece_ids, N_PIECE_IDS), (hands, N_HAND_COUNTS));
    fill_both(rows, ids, counts, threads, |_, row, ids, counts| {
        ids.fill(0);
        let seen = seen::read::<false>(row, |code, square| ids[square] = PIECE_ID[code])?;
        features::hand_counts(&seen.hands, counts);
        Ok(())
    })
}

/// From how many bytes of a result on it is not expected to be in a cache when it is read: less than
/// processors have, since the results of a loader are several at a time.
pub const LARGE_BYTES: usize = 1 << 22;

/// The inputs of dlshogi's models: 62 and 57 planes of 9 files of 9 ranks. If they are
/// [many](LARGE_BYTES), they are written past the processor's caches.
///
/// # Errors
/// The first row that is no position.
pub fn dlshogi(
    rows: &[Hcp],
    features1: &mut [f32],
    features2: &mut [f32],
    threads: usize,
) -> Result<(), RowError> {
    if size_of_val(features1) + size_of_val(features2) >= LARGE_BYTES {
        return dlshogi_past_caches(rows, features1, features2, threads);
    }
    let first = (features1, N_DLSHOGI_PLANES_1 * 81);
    let second = (features2, N_DLSHOGI_PLANES_2 * 81);
    fill_both(rows, first, second, threads, |_, row, first, second| {
        let (boards, hands) = dlshogi_boards(row)?;
        spread::write(&boards, first);
        spread::write(&hands, second);
        Ok(())
    })
}

/// As [`dlshogi`], past the caches however few the rows are: for a part of many.
///
/// # Errors
/// The first row that is no position.
pub fn dlshogi_past_caches(
    rows: &[Hcp],
    features1: &mut [f32],
    features2: &mut [f32],
    threads: usize,
) -> Result<(), RowError> {
    let first = (features1, N_DLSHOGI_PLANES_1 * 81);
    let second = (features2, N_DLSHOGI_PLANES_2 * 81);
    fill_chunks(rows, first, second, threads, |_, rows, first, second| {
        let (mut first, mut second) = (Stream::new(first), Stream::new(second));
        for (i, row) in rows.iter().enumerate() {
            let (boards, hands) = dlshogi_boards(row).map_err(|problem| (i, problem))?;
            first.push(&boards);
            second.push(&hands);
        }
        first.finish();
        second.finish();
        Ok(())
    })
}

/// The planes of a row as boards.
#[inline(always)]
fn dlshogi_boards(
    row: &Hcp,
) -> Result<([u128; N_DLSHOGI_PLANES_1], [u128; N_DLSHOGI_PLANES_2]), RowProblem> {
    let mut pieces = [0; 32];
    let seen = seen::read::<false>(row, |code, square| pieces[code] |= 1 << square)?;
    let planes = features::dlshogi_planes(&pieces);
    Ok((planes.boards, features::dlshogi_hands(&seen.hands, planes.is_check)))
}

/// The classes of the legal moves: 1 for each of them, 0 for all others, as many as the scheme has.
///
/// # Errors
/// The first row that is no position.
pub fn legal_masks(
    rows: &[Hcp],
    scheme: PolicyScheme,
    out: &mut [u8],
    threads: usize,
) -> Result<(), RowError> {
    match scheme {
        PolicyScheme::Labels2187 => legal_masks_of::<Labels2187>(rows, out, threads),
        PolicyScheme::Labels1496 => legal_masks_of::<Labels1496>(rows, out, threads),
    }
}

fn legal_masks_of<L: Labels>(rows: &[Hcp], out: &mut [u8], threads: usize) -> Result<(), RowError> {
    fill(rows, out, L::N, threads, |_, row, mask| {
        let (position, _) = seen::position::<false>(row)?;
        generate::<BLACK, WHITE, _>(&position, &mut Mask::<L>::new(mask, 0));
        Ok(())
    })
}

/// The labels of moves, one a position, in cshogi's 16 bits. Without `is_legal_only`, a move needs
/// no more than a label.
///
/// # Errors
/// The first row that is no position, or whose move is not legal.
pub fn labels(
    rows: &[Hcp],
    moves: &[u16],
    scheme: PolicyScheme,
    is_legal_only: bool,
    out: &mut [i64],
    threads: usize,
) -> Result<(), RowError> {
    assert_eq!(moves.len(), rows.len(), "a move for each row");
    map(rows, out, threads, |i, row| {
        let mv = Move::from_move16(moves[i]).ok_or(RowProblem::NotAMove(moves[i]))?;
        let turn = if row[0] & 1 == 0 { Color::Black } else { Color::White };
        if is_legal_only {
            let (position, seen) = seen::position::<false>(row)?;
            let seen_move = if seen.turn == Color::White { mv.flip() } else { mv };
            if !position.is_legal(seen_move) {
                return Err(RowProblem::IllegalMove(mv, Position::from_hcp(row)?.to_sfen()));
            }
        }
        let label = scheme.label(mv, turn).ok_or(RowProblem::NoLabel(mv, turn, scheme))?;
        Ok(label as i64)
    })
}

/// The legal moves of labels, one a position, in cshogi's 16 bits.
///
/// # Errors
/// The first row that is no position, or whose label is that of no legal move.
pub fn moves(
    rows: &[Hcp],
    labels: &[i64],
    scheme: PolicyScheme,
    out: &mut [u16],
    threads: usize,
) -> Result<(), RowError> {
    assert_eq!(labels.len(), rows.len(), "a label for each row");
    map(rows, out, threads, |i, row| {
        let label = usize::try_from(labels[i]).ok().filter(|label| *label < scheme.n_labels());
        let label = label.ok_or(RowProblem::NotALabel(labels[i], scheme))?;
        let (position, seen) = seen::position::<false>(row)?;
        match scheme.legal_move(label, &position) {
            Some(mv) if seen.turn == Color::White => Ok(mv.flip().move16()),
            Some(mv) => Ok(mv.move16()),
            None => {
                let sfen = Position::from_hcp(row)?.to_sfen();
                Err(RowProblem::IllegalLabel(labels[i], sfen))
            }
        }
    })
}
