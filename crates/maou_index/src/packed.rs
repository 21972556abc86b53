//! Numbers of any width, one after the other.

/// Bytes behind the last number, so that eight bytes can be read anywhere.
pub(crate) const PADDING: usize = 8;

/// The widest number that one look finds wherever it begins.
pub(crate) const MAX_WIDTH: u32 = 57;

/// The bits that it takes to write numbers up to `max`.
pub(crate) fn width_of(max: u64) -> u32 {
    u64::BITS - max.leading_zeros()
}

/// The bytes that `n` numbers take, padding included.
pub(crate) fn n_bytes(n: u64, width: u32) -> u64 {
    (n * u64::from(width)).div_ceil(8) + PADDING as u64
}

/// Number `index`.
#[cfg(test)]
pub(crate) fn get(bytes: &[u8], width: u32, index: usize) -> u64 {
    let bit = index * width as usize;
    let chunk = bytes[bit / 8..].first_chunk().expect("padding behind the last number");
    u64::from_le_bytes(*chunk) >> (bit % 8) & ((1 << width) - 1)
}

/// Writes numbers.
pub(crate) struct PackedWriter {
    width: u32,
    bits: u128,
    n_bits: u32,
    /// Whole bytes that were written.
    pub(crate) bytes: Vec<u8>,
}

impl PackedWriter {
    pub(crate) fn new(width: u32) -> PackedWriter {
        debug_assert!(width <= MAX_WIDTH);
        PackedWriter { width, bits: 0, n_bits: 0, bytes: Vec::new() }
    }

    #[inline]
    pub(crate) fn push(&mut self, value: u64) {
        debug_assert!(width_of(value) <= self.width);
        self.bits |= u128::from(value) << self.n_bits;
        self.n_bits += self.width;
        if self.n_bits >= 64 {
            self.bytes.extend_from_slice(&(self.bits as u64).to_le_bytes());
            self.bits >>= 64;
            self.n_bits -= 64;
        }
    }

    /// Writes the last bits, and the padding.
    pub(crate) fn finish(&mut self) {
        let n = self.n_bits.div_ceil(8) as usize;
        self.bytes.extend_from_slice(&self.bits.to_le_bytes()[..n]);
        self.bytes.extend_from_slice(&[0; PADDING]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_width_come_back() {
        for width in 0..=MAX_WIDTH {
            let mask = (1_u64 << width) - 1;
            let value = |i: u64| i.wrapping_mul(0x9E37_79B9_7F4A_7C15) & mask;
            let mut writer = PackedWriter::new(width);
            (0..100).for_each(|i| writer.push(value(i)));
            writer.finish();
            assert_eq!(writer.bytes.len() as u64, n_bytes(100, width), "{width}");
            for i in 0..100 {
                assert_eq!(get(&writer.bytes, width, i), value(i as u64), "{width} {i}");
            }
        }
        assert_eq!([0, 1, 255, 256, u64::MAX].map(width_of), [0, 1, 8, 9, 64]);
    }
}
