//! The constants behind the key of a position.
//!
//! A position is hashed twice at once: the low half of a 128-bit sum is its hash as Black sees the
//! board, the high half as White does (turned by 180°, colors swapped). Each table entry holds
//! both halves, so that one exclusive or updates both, and the side to move picks its half.

use crate::color::Color;
use crate::piece::PieceType;

/// The version of the key's constants; files that store keys store it too.
pub const KEY_VERSION: u32 = 1;

/// SplitMix64's output function (Steele, Lea and Flood 2014) of a counter.
const fn mix(index: u64) -> u64 {
    let z = (index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The hash of a piece (by code: kind, plus 16 for White) on a square, as Black sees it.
const fn square_hash(code: usize, square: usize) -> u64 {
    mix((code * 81 + square) as u64)
}

/// The hash of `count` pieces of a kind in a hand, as Black sees it; nothing is 0.
const fn hand_hash(color: usize, kind: usize, count: usize) -> u64 {
    if count == 0 { 0 } else { mix((32 * 81 + (color * 8 + kind) * 19 + count) as u64) }
}

const fn both(black: u64, white: u64) -> u128 {
    (white as u128) << 64 | black as u128
}

/// By code of the piece and square.
pub(crate) static PIECE_KEYS: [[u128; 81]; 32] = {
    let mut table = [[0; 81]; 32];
    let mut code = 0;
    while code < 32 {
        let mut square = 0;
        while square < 81 {
            table[code][square] =
                both(square_hash(code, square), square_hash(code ^ 16, 80 - square));
            square += 1;
        }
        code += 1;
    }
    table
};

/// By color, kind and count. Counts have entries of their own, since sums would carry across.
pub(crate) static HAND_KEYS: [[[u128; 19]; 8]; 2] = {
    let mut table = [[[0; 19]; 8]; 2];
    let mut color = 0;
    while color < 2 {
        let mut kind = 0;
        while kind < 8 {
            let mut count = 0;
            while count < 19 {
                table[color][kind][count] =
                    both(hand_hash(color, kind, count), hand_hash(1 - color, kind, count));
                count += 1;
            }
            kind += 1;
        }
        color += 1;
    }
    table
};

/// The key of design and files: the half of the side to move, with its color in the lowest bit.
#[inline]
pub(crate) const fn key_of(keys: u128, turn: Color) -> u64 {
    let half = match turn {
        Color::Black => keys as u64,
        Color::White => (keys >> 64) as u64,
    };
    half & !1 | turn as u64
}

/// The part of the sum that comes from a hand.
pub(crate) fn hand_keys(color: Color, hand: &crate::hand::Hand) -> u128 {
    PieceType::HAND.iter().fold(0, |keys, &kind| {
        keys ^ HAND_KEYS[color.index()][kind.index()][hand.count(kind) as usize]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_pinned() {
        assert_eq!(KEY_VERSION, 1);
        // The first outputs of SplitMix64 seeded with 0, as published with the generator.
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(mix(1), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn no_two_constants_are_equal() {
        let mut all: Vec<u64> = PIECE_KEYS
            .iter()
            .flatten()
            .chain(HAND_KEYS.iter().flatten().flat_map(|counts| &counts[1..]))
            .map(|&keys| keys as u64)
            .collect();
        let n_constants = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), n_constants);
    }
}
