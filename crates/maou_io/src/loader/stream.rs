//! Copies past the processor's caches: planes of a batch are more than these hold, and to write
//! them the usual way means to read from memory first what is overwritten.

/// From how many bytes of a batch on it is not expected to be in a cache when it is read.
pub(super) const LARGE_BYTES: usize = 1 << 22;

/// Copies numbers to where nobody will look soon.
///
/// # Panics
/// If they are not equally many.
#[cfg(target_arch = "x86_64")]
pub(super) fn copy(from: &[f32], to: &mut [f32]) {
    use std::arch::x86_64::{__m128, _mm_loadu_ps, _mm_stream_ps};
    assert_eq!(from.len(), to.len(), "a number for each");
    let head = to.as_ptr().align_offset(64).min(to.len());
    let (from_head, from) = from.split_at(head);
    let (to_head, to) = to.split_at_mut(head);
    to_head.copy_from_slice(from_head);
    let (from_lines, from_tail) = from.as_chunks::<16>();
    let (to_lines, to_tail) = to.as_chunks_mut::<16>();
    to_tail.copy_from_slice(from_tail);
    for (from, to) in from_lines.iter().zip(to_lines) {
        let (from, to) = (from.as_ptr(), to.as_mut_ptr());
        // SAFETY: both are sixteen numbers, `to` at a multiple of 64 bytes; SSE is part of x86-64.
        unsafe {
            let quarter = |i: usize| -> __m128 { _mm_loadu_ps(from.add(4 * i)) };
            let quarters = [quarter(0), quarter(1), quarter(2), quarter(3)];
            for (i, numbers) in quarters.into_iter().enumerate() {
                _mm_stream_ps(to.add(4 * i), numbers);
            }
        }
    }
}

/// Makes what was copied visible to other threads, as other writes are by themselves.
#[cfg(target_arch = "x86_64")]
pub(super) fn fence() {
    // SAFETY: SSE is part of x86-64.
    unsafe { std::arch::x86_64::_mm_sfence() }
}

/// Copies numbers.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn copy(from: &[f32], to: &mut [f32]) {
    to.copy_from_slice(from);
}

/// Nothing is to be done: copies were usual ones.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn fence() {}

#[cfg(test)]
mod stream_tests {
    use super::*;

    #[test]
    fn every_number_arrives_and_no_other_is_touched() {
        let from: Vec<f32> = (0..200).map(|i| i as f32).collect();
        for start in 0..20 {
            for n in [0, 1, 15, 16, 17, 64, 100] {
                let mut to = vec![-1.0; 200];
                copy(&from[start..start + n], &mut to[start + 3..start + 3 + n]);
                fence();
                for (i, &number) in to.iter().enumerate() {
                    let is_inside = (start + 3..start + 3 + n).contains(&i);
                    assert_eq!(number, if is_inside { (i - 3) as f32 } else { -1.0 });
                }
            }
        }
    }
}
