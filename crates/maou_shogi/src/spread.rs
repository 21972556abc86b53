//! Boards become numbers: 1 for each of their squares and 0 for the others, as planes have them.
//!
//! Boards are joined to one row of bits first, so that eight at a time become numbers whatever
//! plane they belong to.

use crate::bitboard::ALL_SQUARES;

/// Squares of a board.
const SQUARES: usize = 81;

/// Words that hold the bits of the most boards, and some zeros behind them.
const MAX_WORDS: usize = (62 * SQUARES).div_ceil(64) + 2;

/// Eight bits as eight numbers.
static EIGHT: [[f32; 8]; 256] = {
    let mut table = [[0.0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            if byte >> bit & 1 != 0 {
                table[byte][bit] = 1.0;
            }
            bit += 1;
        }
        byte += 1;
    }
    table
};

/// The bits of all boards, one behind the other.
#[inline(always)]
fn join<const N: usize>(boards: &[u128; N]) -> [u64; MAX_WORDS] {
    const { assert!((N * SQUARES).div_ceil(64) + 2 <= MAX_WORDS, "room for all boards") };
    let mut words = [0; MAX_WORDS];
    for (number, board) in boards.iter().enumerate() {
        let board = board & ALL_SQUARES;
        let (low, high) = (board as u64, (board >> 64) as u64);
        let (word, shift) = (number * SQUARES / 64, number * SQUARES % 64);
        words[word] |= low << shift;
        words[word + 1] |= (low >> 1 >> (63 - shift)) | (high << shift);
        words[word + 2] |= high >> 1 >> (63 - shift);
    }
    words
}

/// Writes the numbers of all boards.
///
/// # Panics
/// If they do not fill `out`.
#[inline(always)]
pub(crate) fn write<const N: usize>(boards: &[u128; N], out: &mut [f32]) {
    assert_eq!(out.len(), N * SQUARES, "a number for each square");
    write_bits(&join(boards), out);
}

#[inline(always)]
fn write_bits(words: &[u64; MAX_WORDS], out: &mut [f32]) {
    let (eights, rest) = out.as_chunks_mut::<8>();
    let mut last = 0;
    for (eights, word) in eights.chunks_mut(8).zip(words) {
        let mut word = *word;
        for eight in eights {
            *eight = EIGHT[word as usize & 255];
            word >>= 8;
        }
        last = word;
    }
    let last = if eights.len().is_multiple_of(8) { words[eights.len() / 8] } else { last };
    rest.copy_from_slice(&EIGHT[last as usize & 255][..rest.len()]);
}

/// As [`write`], past the processor's caches: for numbers that will not be in one when they are
/// read, since to write them the usual way means to read from memory first what is overwritten.
/// Other threads see them after a [`fence`].
///
/// # Panics
/// As [`write`].
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn stream<const N: usize>(boards: &[u128; N], out: &mut [f32]) {
    use std::arch::x86_64::{_mm_loadu_ps, _mm_stream_ps};
    assert_eq!(out.len(), N * SQUARES, "a number for each square");
    let words = join(boards);
    // The numbers of a cache line at a time, as they lie in memory.
    let head = out.as_ptr().align_offset(64).min(out.len()) & 15;
    let (first, out) = out.split_at_mut(head);
    let (lines, last) = out.as_chunks_mut::<16>();
    let bits = |at: usize| {
        let (word, shift) = (at / 64, at % 64);
        ((words[word] >> shift) | (words[word + 1] << 1 << (63 - shift))) as usize & 0xffff
    };
    let number = |at: usize| if words[at / 64] >> (at % 64) & 1 != 0 { 1.0 } else { 0.0 };
    first.iter_mut().enumerate().for_each(|(at, value)| *value = number(at));
    assert!(lines.as_ptr().addr().is_multiple_of(64), "a line begins here");
    let n_lines = lines.len();
    for (line, numbers) in lines.iter_mut().enumerate() {
        let bits = bits(head + 16 * line);
        let halves = [&EIGHT[bits & 255], &EIGHT[bits >> 8]];
        let to = numbers.as_mut_ptr();
        // SAFETY: a line is sixteen numbers, at a multiple of 64 bytes; halves are eight each; SSE
        // is part of x86-64.
        unsafe {
            for quarter in 0..4 {
                let from = halves[quarter / 2].as_ptr().add(quarter % 2 * 4);
                _mm_stream_ps(to.add(4 * quarter), _mm_loadu_ps(from));
            }
        }
    }
    let end = head + 16 * n_lines;
    last.iter_mut().enumerate().for_each(|(at, value)| *value = number(end + at));
}

/// Makes what was streamed visible to other threads, as other writes are by themselves.
#[cfg(target_arch = "x86_64")]
pub(crate) fn fence() {
    // SAFETY: SSE is part of x86-64.
    unsafe { std::arch::x86_64::_mm_sfence() }
}

/// As [`write`]: nothing better is known here.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(crate) fn stream<const N: usize>(boards: &[u128; N], out: &mut [f32]) {
    write(boards, out);
}

/// Nothing is to be done: writes were usual ones.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn fence() {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    fn check<const N: usize>(random: &mut Random, start: usize) {
        let mut boards = [0_u128; N];
        for board in &mut boards {
            // What is beyond the board does not show.
            *board = (0..16).fold(0, |bits, _| (bits << 8) | random.below(256) as u128);
        }
        let bit = |number: usize| boards[number / 81] >> (number % 81) & 1;
        let expected: Vec<f32> = (0..81 * N).map(|number| bit(number) as f32).collect();
        for is_streamed in [false, true] {
            let mut out = vec![-1.0; start + 81 * N + 20];
            let place = &mut out[start..start + 81 * N];
            if is_streamed {
                stream(&boards, place);
                fence();
            } else {
                write(&boards, place);
            }
            assert_eq!(*place, expected);
            assert!(out[..start].iter().chain(&out[start + 81 * N..]).all(|n| *n == -1.0));
        }
    }

    #[test]
    fn every_square_is_a_number_and_nothing_else_is_touched() {
        let mut random = Random::new(5);
        for start in 0..20 {
            check::<1>(&mut random, start);
            check::<2>(&mut random, start);
            check::<57>(&mut random, start);
            check::<62>(&mut random, start);
        }
    }
}
