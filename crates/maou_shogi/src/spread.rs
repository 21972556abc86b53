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

/// Writes the bits of all boards, one behind the other, behind the `n_bits` bits of a word that is
/// not full. Returns how many words are full then, and again what is in the one that is not.
#[inline(always)]
fn join<const N: usize>(
    boards: &[u128; N],
    (mut word, mut n_bits): (u64, u32),
    words: &mut [u64; MAX_WORDS],
) -> (usize, (u64, u32)) {
    const { assert!((N * SQUARES).div_ceil(64) + 2 <= MAX_WORDS, "room for all boards") };
    let mut n_words = 0;
    for board in boards {
        let board = board & ALL_SQUARES;
        let (low, high) = (board as u64, (board >> 64) as u64);
        words[n_words] = word | low << n_bits;
        word = (low >> 1 >> (63 - n_bits)) | high << n_bits;
        words[n_words + 1] = word;
        let n_all = n_bits + SQUARES as u32 - 64;
        let is_full = n_all >= 64;
        word = if is_full { high >> 1 >> (63 - n_bits) } else { word };
        n_words += 1 + usize::from(is_full);
        n_bits = n_all % 64;
    }
    (n_words, (word, n_bits))
}

/// Writes the numbers of all boards.
///
/// # Panics
/// If they do not fill `out`.
#[inline(always)]
pub(crate) fn write<const N: usize>(boards: &[u128; N], out: &mut [f32]) {
    assert_eq!(out.len(), N * SQUARES, "a number for each square");
    let mut words = [0; MAX_WORDS];
    let (n_words, (word, _)) = join(boards, (0, 0), &mut words);
    words[n_words] = word;
    write_bits(&words, out);
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

/// Writes numbers past the processor's caches: for those that will not be in one when they are read,
/// since to write them the usual way means to read from memory first what is overwritten. A cache
/// line is written at once, whatever plane or position its numbers belong to.
#[cfg(target_arch = "x86_64")]
pub(crate) struct Stream<'a> {
    /// What is not written yet: from the beginning of a cache line on, once `n_lead` is 0.
    out: &'a mut [f32],
    /// How many numbers there are before the first cache line begins.
    n_lead: usize,
    /// Bits that are numbers already.
    words: [u64; MAX_WORDS],
    /// Bits of a word that is not full yet, and how many there are.
    rest: (u64, u32),
}

#[cfg(target_arch = "x86_64")]
impl<'a> Stream<'a> {
    /// To write all of `out`.
    pub(crate) fn new(out: &'a mut [f32]) -> Stream<'a> {
        let n_lead = out.as_ptr().align_offset(64) & 15;
        // The bits of the first word that are no numbers make the second one begin a line.
        let n_bits = (64 - n_lead as u32) % 64;
        Stream { out, n_lead, words: [0; MAX_WORDS], rest: (0, n_bits) }
    }

    /// Adds the numbers of some boards.
    ///
    /// # Panics
    /// If `out` has no room for them.
    #[inline(always)]
    pub(crate) fn push<const N: usize>(&mut self, boards: &[u128; N]) {
        const { assert!(N > 0, "a board is more than one word") };
        let (n_words, rest) = join(boards, self.rest, &mut self.words);
        self.rest = rest;
        let mut words = &self.words[..n_words];
        if self.n_lead > 0 {
            let (lead, out) = std::mem::take(&mut self.out).split_at_mut(self.n_lead);
            put_bits(words[0] >> (64 - self.n_lead), lead);
            (self.out, self.n_lead) = (out, 0);
            words = &words[1..];
        }
        let (now, later) = std::mem::take(&mut self.out).split_at_mut(64 * words.len());
        stream_words(words, now);
        self.out = later;
    }

    /// Writes the last numbers.
    ///
    /// # Panics
    /// If `out` is not full.
    pub(crate) fn finish(mut self) {
        if self.n_lead == 0 {
            let out = std::mem::take(&mut self.out);
            let (word, n_bits) = self.rest;
            assert_eq!(out.len(), n_bits as usize, "a number for each square");
            put_bits(word, out);
        }
    }
}

/// From here on everybody sees what was written, as if it had been written the usual way.
#[cfg(target_arch = "x86_64")]
impl Drop for Stream<'_> {
    fn drop(&mut self) {
        // SAFETY: SSE is part of x86-64.
        unsafe { std::arch::x86_64::_mm_sfence() }
    }
}

/// The lowest bits as numbers, the usual way.
#[cfg(target_arch = "x86_64")]
fn put_bits(bits: u64, out: &mut [f32]) {
    let number = |at: usize| if bits >> at & 1 != 0 { 1.0 } else { 0.0 };
    out.iter_mut().enumerate().for_each(|(at, value)| *value = number(at));
}

/// The numbers of all bits, which are as many, from the beginning of a cache line on.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn stream_words(words: &[u64], out: &mut [f32]) {
    let (lines, rest) = out.as_chunks_mut::<16>();
    assert!(lines.len() == 4 * words.len() && rest.is_empty(), "64 numbers for each word");
    assert!(lines.as_ptr().addr().is_multiple_of(64), "a line begins here");
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has the feature, and lines begin where they should.
        unsafe { stream_lines_avx2(words, lines) }
    } else {
        // SAFETY: lines begin where they should.
        unsafe { stream_lines(words, lines) }
    }
}

/// Streams four lines of numbers for each word.
///
/// # Safety
/// Lines are at multiples of 64 bytes.
#[cfg(target_arch = "x86_64")]
unsafe fn stream_lines(words: &[u64], lines: &mut [[f32; 16]]) {
    use std::arch::x86_64::{_mm_loadu_ps, _mm_stream_ps};
    for (four, word) in lines.as_chunks_mut::<4>().0.iter_mut().zip(words) {
        let mut bits = *word as usize;
        for line in four {
            let halves = [&EIGHT[bits & 255], &EIGHT[bits >> 8 & 255]];
            let to = line.as_mut_ptr();
            for quarter in 0..4 {
                // SAFETY: a line is sixteen numbers at a multiple of 64 bytes, as the caller says;
                // halves are eight each; SSE is part of x86-64.
                unsafe {
                    let from = halves[quarter / 2].as_ptr().add(quarter % 2 * 4);
                    _mm_stream_ps(to.add(4 * quarter), _mm_loadu_ps(from));
                }
            }
            bits >>= 16;
        }
    }
}

/// As [`stream_lines`], with half as many writes and without a table.
///
/// # Safety
/// Lines are at multiples of 64 bytes, and the processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn stream_lines_avx2(words: &[u64], lines: &mut [[f32; 16]]) {
    use std::arch::x86_64::{
        _mm256_and_si256, _mm256_castps_si256, _mm256_castsi256_ps, _mm256_cmpeq_epi32,
        _mm256_set1_epi32, _mm256_set1_ps, _mm256_setr_epi32, _mm256_slli_epi32, _mm256_stream_ps,
    };
    let one = _mm256_castps_si256(_mm256_set1_ps(1.0));
    let first = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    let masks = [first, _mm256_slli_epi32::<8>(first)];
    for (four, word) in lines.as_chunks_mut::<4>().0.iter_mut().zip(words) {
        let mut bits = *word;
        for line in four {
            let all = _mm256_set1_epi32(bits as i32);
            for (half, mask) in masks.iter().enumerate() {
                let is_set = _mm256_cmpeq_epi32(_mm256_and_si256(all, *mask), *mask);
                let numbers = _mm256_castsi256_ps(_mm256_and_si256(one, is_set));
                // SAFETY: a line is two times eight numbers at a multiple of 64 bytes, as the
                // caller says.
                unsafe { _mm256_stream_ps(line.as_mut_ptr().add(8 * half), numbers) }
            }
            bits >>= 16;
        }
    }
}

/// Writes numbers the usual way: nothing better is known here.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) struct Stream<'a>(&'a mut [f32]);

#[cfg(not(target_arch = "x86_64"))]
impl<'a> Stream<'a> {
    /// To write all of `out`.
    pub(crate) fn new(out: &'a mut [f32]) -> Stream<'a> {
        Stream(out)
    }

    /// Adds the numbers of some boards.
    ///
    /// # Panics
    /// If `out` has no room for them.
    #[inline(always)]
    pub(crate) fn push<const N: usize>(&mut self, boards: &[u128; N]) {
        let (now, later) = std::mem::take(&mut self.0).split_at_mut(N * SQUARES);
        write(boards, now);
        self.0 = later;
    }

    /// Is to be called at the end.
    ///
    /// # Panics
    /// If `out` is not full.
    pub(crate) fn finish(self) {
        assert!(self.0.is_empty(), "a number for each square");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    fn check<const N: usize>(random: &mut Random, start: usize, n_rows: usize) {
        let mut rows = vec![[0_u128; N]; n_rows];
        for board in rows.iter_mut().flatten() {
            // What is beyond the board does not show.
            *board = (0..16).fold(0, |bits, _| (bits << 8) | random.below(256) as u128);
        }
        let boards = rows.as_flattened();
        let bit = |number: usize| boards[number / 81] >> (number % 81) & 1;
        let expected: Vec<f32> = (0..81 * N * n_rows).map(|number| bit(number) as f32).collect();
        for is_streamed in [false, true] {
            let mut out = vec![-1.0; start + expected.len() + 20];
            let place = &mut out[start..start + expected.len()];
            if is_streamed {
                let mut stream = Stream::new(place);
                rows.iter().for_each(|row| stream.push(row));
                stream.finish();
            } else {
                rows.iter().zip(place.chunks_mut(81 * N)).for_each(|(row, out)| write(row, out));
            }
            assert_eq!(out[start..start + expected.len()], expected);
            assert!(out[..start].iter().chain(&out[start + expected.len()..]).all(|n| *n == -1.0));
        }
    }

    #[test]
    fn every_square_is_a_number_and_nothing_else_is_touched() {
        let mut random = Random::new(5);
        for start in 0..20 {
            for n_rows in [0, 1, 2, 17] {
                check::<1>(&mut random, start, n_rows);
                check::<2>(&mut random, start, n_rows);
                check::<57>(&mut random, start, n_rows);
                check::<62>(&mut random, start, n_rows);
            }
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn streaming_without_avx2_writes_the_same() {
        let mut random = Random::new(6);
        let words: Vec<u64> =
            (0..50).map(|_| (0..8).fold(0, |w, _| w << 8 | random.below(256) as u64)).collect();
        let mut out = vec![-1.0; 64 * words.len() + 16];
        let start = out.as_ptr().align_offset(64);
        let numbers = &mut out[start..][..64 * words.len()];
        // SAFETY: the first line begins at a multiple of 64 bytes.
        unsafe { stream_lines(&words, numbers.as_chunks_mut::<16>().0) };
        let expected = (0..64 * words.len()).map(|at| (words[at / 64] >> (at % 64) & 1) as f32);
        assert!(numbers.iter().copied().eq(expected));
    }
}
