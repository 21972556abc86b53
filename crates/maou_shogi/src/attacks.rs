//! Where pieces attack: small tables for steps, subtraction for sliders.
//!
//! Boards are plain `u128`, square = 9 · file + rank. Black moves towards lower numbers within a
//! file.

use crate::bitboard::ALL_SQUARES;

pub(crate) const BLACK: usize = 0;
pub(crate) const WHITE: usize = 1;

/// Rank a on all files.
const RANK_A: u128 = {
    let mut bits = 0u128;
    let mut file = 0;
    while file < 9 {
        bits |= 1 << (9 * file);
        file += 1;
    }
    bits
};

/// Rank i on all files: the top bit of each file's nine.
const RANK_I: u128 = RANK_A << 8;

/// Where a color's pieces promote, by color.
pub(crate) const ZONE: [u128; 2] = [RANK_A * 7, RANK_A * (7 << 6)];
/// The rank on which pawns and lances could not move again, by color.
pub(crate) const LAST: [u128; 2] = [RANK_A, RANK_I];
/// The ranks on which knights could not move again, by color.
pub(crate) const LAST_TWO: [u128; 2] = [RANK_A * 3, RANK_A * (3 << 7)];

/// The board of one square.
#[inline(always)]
pub(crate) const fn bit(square: usize) -> u128 {
    1 << square
}

/// Moves a board `n` squares forward, for a color; what leaves the board is the caller's matter.
#[inline(always)]
pub(crate) const fn forward<const US: usize>(bits: u128, n: u32) -> u128 {
    if US == BLACK { bits >> n } else { bits << n }
}

/// All files on which a board has at least one square.
///
/// Nine bits a file: adding 255 to the lower eight carries into the ninth if any is set.
#[inline(always)]
pub(crate) const fn fill_files(bits: u128) -> u128 {
    let top = (((bits & !RANK_I) + (RANK_I - RANK_A)) | bits) & RANK_I;
    (top << 1) - (top >> 8)
}

/// The squares that one step in any of these directions (file, rank) reaches from a square.
const fn steps(square: usize, directions: &[(i32, i32)], sign: i32) -> u128 {
    let (file, rank) = (square as i32 / 9, square as i32 % 9);
    let mut bits = 0;
    let mut i = 0;
    while i < directions.len() {
        let (f, r) = (file + sign * directions[i].0, rank + sign * directions[i].1);
        if f >= 0 && f < 9 && r >= 0 && r < 9 {
            bits |= 1 << (9 * f + r);
        }
        i += 1;
    }
    bits
}

const fn step_table(directions: &[(i32, i32)]) -> [[u128; 81]; 2] {
    let mut table = [[0; 81]; 2];
    let mut square = 0;
    while square < 81 {
        table[BLACK][square] = steps(square, directions, 1);
        table[WHITE][square] = steps(square, directions, -1);
        square += 1;
    }
    table
}

/// The squares on a ray in a direction, on an empty board.
const fn ray(square: usize, file_step: i32, rank_step: i32) -> u128 {
    let (mut f, mut r) = (square as i32 / 9 + file_step, square as i32 % 9 + rank_step);
    let mut bits = 0;
    while f >= 0 && f < 9 && r >= 0 && r < 9 {
        bits |= 1 << (9 * f + r);
        f += file_step;
        r += rank_step;
    }
    bits
}

/// By color and square, as all step tables.
pub(crate) static PAWN: [[u128; 81]; 2] = step_table(&[(0, -1)]);
pub(crate) static KNIGHT: [[u128; 81]; 2] = step_table(&[(-1, -2), (1, -2)]);
pub(crate) static SILVER: [[u128; 81]; 2] =
    step_table(&[(-1, -1), (0, -1), (1, -1), (-1, 1), (1, 1)]);
pub(crate) static GOLD: [[u128; 81]; 2] =
    step_table(&[(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (0, 1)]);

const KING_STEPS: [(i32, i32); 8] =
    [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)];

/// By square.
pub(crate) static KING: [u128; 81] = step_table(&KING_STEPS)[BLACK];

/// What a slider's attack needs to know about a square.
pub(crate) struct Lines {
    /// Rank, two diagonals, file through the square without it; the last is empty, for squares
    /// that share no line.
    pub(crate) by_direction: [u128; 5],
    /// Twice the square's bit, and twice the bit of the byte-swapped square.
    twice: u128,
    twice_swapped: u128,
}

const RANK: usize = 0;
const RISING: usize = 1;
const FALLING: usize = 2;
const FILE: usize = 3;

pub(crate) static LINES: [Lines; 81] = {
    const NONE: Lines = Lines { by_direction: [0; 5], twice: 0, twice_swapped: 0 };
    let mut table = [NONE; 81];
    let mut s = 0;
    while s < 81 {
        table[s] = Lines {
            by_direction: [
                ray(s, 1, 0) | ray(s, -1, 0),
                ray(s, 1, 1) | ray(s, -1, -1),
                ray(s, 1, -1) | ray(s, -1, 1),
                ray(s, 0, 1) | ray(s, 0, -1),
                0,
            ],
            twice: 2 << s,
            twice_swapped: (1u128 << s).swap_bytes() << 1,
        };
        s += 1;
    }
    table
};

/// Which of the five entries of `Lines` joins two squares.
static DIRECTION: [[u8; 81]; 81] = {
    let mut table = [[4; 81]; 81];
    let mut a = 0;
    while a < 81 {
        let mut direction = 0;
        while direction < 4 {
            let mut rest = LINES_CONST[a][direction];
            while rest != 0 {
                table[a][rest.trailing_zeros() as usize] = direction as u8;
                rest &= rest - 1;
            }
            direction += 1;
        }
        a += 1;
    }
    table
};

/// The masks of `LINES`, which a constant may not read from a static.
const LINES_CONST: [[u128; 4]; 81] = {
    let mut table = [[0; 4]; 81];
    let mut s = 0;
    while s < 81 {
        table[s] = [
            ray(s, 1, 0) | ray(s, -1, 0),
            ray(s, 1, 1) | ray(s, -1, -1),
            ray(s, 1, -1) | ray(s, -1, 1),
            ray(s, 0, 1) | ray(s, 0, -1),
        ];
        s += 1;
    }
    table
};

/// All squares of the line through two squares but the first, or nothing if no line joins them.
#[inline(always)]
pub(crate) fn line(a: usize, b: usize) -> u128 {
    LINES[a].by_direction[DIRECTION[a][b] as usize]
}

/// The squares strictly between two squares of a line, or nothing if no line joins them.
#[inline(always)]
pub(crate) fn between(a: usize, b: usize) -> u128 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    line(a, b) & (bit(high) - (bit(low) << 1))
}

/// A slider's attack along one line, both ways: subtracting twice its bit from the occupied
/// squares flips everything up to the first blocker above it; the same on the byte-swapped board
/// does it below, since neighbors on ranks and diagonals lie in different bytes.
#[inline(always)]
fn along(lines: &Lines, direction: usize, occupied: u128) -> u128 {
    let mask = lines.by_direction[direction];
    let blockers = occupied & mask;
    let up = blockers.wrapping_sub(lines.twice);
    let down = blockers.swap_bytes().wrapping_sub(lines.twice_swapped);
    (up ^ down.swap_bytes()) & mask
}

/// Attacks within a file, by rank and the seven inner squares of the file.
static FILE_ATTACKS: [[u16; 128]; 9] = {
    let mut table = [[0; 128]; 9];
    let mut rank = 0;
    while rank < 9 {
        let mut inner = 0;
        while inner < 128 {
            let occupied = inner << 1;
            let mut attack = 0u16;
            let mut r = rank as i32 - 1;
            while r >= 0 {
                attack |= 1 << r;
                if occupied >> r & 1 != 0 {
                    break;
                }
                r -= 1;
            }
            let mut r = rank as i32 + 1;
            while r < 9 {
                attack |= 1 << r;
                if occupied >> r & 1 != 0 {
                    break;
                }
                r += 1;
            }
            table[rank][inner as usize] = attack;
            inner += 1;
        }
        rank += 1;
    }
    table
};

/// Nine times the file of each square.
static FILE_START: [u8; 81] = {
    let mut table = [0; 81];
    let mut s = 0;
    while s < 81 {
        table[s] = (s / 9 * 9) as u8;
        s += 1;
    }
    table
};

#[inline(always)]
fn file_attack(square: usize, occupied: u128) -> u128 {
    let start = FILE_START[square] as usize;
    let inner = (occupied >> (start + 1)) as usize & 127;
    (FILE_ATTACKS[square - start][inner] as u128) << start
}

#[inline(always)]
pub(crate) fn rook(square: usize, occupied: u128) -> u128 {
    along(&LINES[square], RANK, occupied) | file_attack(square, occupied)
}

#[inline(always)]
pub(crate) fn bishop(square: usize, occupied: u128) -> u128 {
    let lines = &LINES[square];
    along(lines, RISING, occupied) | along(lines, FALLING, occupied)
}

#[inline(always)]
pub(crate) fn lance<const US: usize>(square: usize, occupied: u128) -> u128 {
    file_attack(square, occupied) & AHEAD[US][square]
}

/// The squares ahead on the same file, by color and square.
pub(crate) static AHEAD: [[u128; 81]; 2] = {
    let mut table = [[0; 81]; 2];
    let mut s = 0;
    while s < 81 {
        table[BLACK][s] = ray(s, 0, -1);
        table[WHITE][s] = ray(s, 0, 1);
        s += 1;
    }
    table
};

/// What a rook and a bishop attack on an empty board, by square.
pub(crate) static CROSS: [u128; 81] = {
    let mut table = [0; 81];
    let mut s = 0;
    while s < 81 {
        table[s] = LINES_CONST[s][RANK] | LINES_CONST[s][FILE];
        s += 1;
    }
    table
};
pub(crate) static DIAGONALS: [u128; 81] = {
    let mut table = [0; 81];
    let mut s = 0;
    while s < 81 {
        table[s] = LINES_CONST[s][RISING] | LINES_CONST[s][FALLING];
        s += 1;
    }
    table
};

/// From where an enemy piece could touch one of the squares around a king.
#[derive(Clone, Copy)]
pub(crate) struct Reach {
    pub(crate) lance: u128,
    pub(crate) silver: u128,
    pub(crate) gold: u128,
    pub(crate) king: u128,
    pub(crate) bishop: u128,
    pub(crate) rook: u128,
}

/// By color of the king and its square.
pub(crate) static REACH: [[Reach; 81]; 2] = {
    const NONE: Reach = Reach { lance: 0, silver: 0, gold: 0, king: 0, bishop: 0, rook: 0 };
    let mut table = [[NONE; 81]; 2];
    let mut color = 0;
    while color < 2 {
        let sign = if color == BLACK { 1 } else { -1 };
        let mut s = 0;
        while s < 81 {
            let mut reach = NONE;
            let mut rest = steps(s, &KING_STEPS, 1);
            while rest != 0 {
                let near = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                // An enemy piece attacks `near` from where our piece of its kind on `near` attacks.
                reach.lance |= ray(near, 0, -sign);
                reach.silver |= steps(near, &[(-1, -1), (0, -1), (1, -1), (-1, 1), (1, 1)], sign);
                reach.gold |=
                    steps(near, &[(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (0, 1)], sign);
                reach.king |= steps(near, &KING_STEPS, 1);
                reach.bishop |= LINES_CONST[near][RISING] | LINES_CONST[near][FALLING];
                reach.rook |= LINES_CONST[near][RANK] | LINES_CONST[near][FILE];
            }
            table[color][s] = reach;
            s += 1;
        }
        color += 1;
    }
    table
};

/// Runs over the set squares of a board.
macro_rules! for_each_square {
    ($square:ident in $bits:expr => $body:block) => {
        let mut rest: u128 = $bits;
        while rest != 0 {
            let $square = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            $body
        }
    };
}
pub(crate) use for_each_square;

/// All squares without those of a file on which the board has a square.
#[inline(always)]
pub(crate) const fn empty_files(bits: u128) -> u128 {
    ALL_SQUARES & !fill_files(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(square: usize, occupied: u128, directions: &[(i32, i32)]) -> u128 {
        let mut bits = 0;
        for &(file_step, rank_step) in directions {
            let (mut f, mut r) = (square as i32 / 9, square as i32 % 9);
            loop {
                (f, r) = (f + file_step, r + rank_step);
                if !(0..9).contains(&f) || !(0..9).contains(&r) {
                    break;
                }
                bits |= 1u128 << (9 * f + r);
                if occupied >> (9 * f + r) & 1 != 0 {
                    break;
                }
            }
        }
        bits
    }

    #[test]
    fn sliders_stop_at_the_first_piece() {
        let mut state = 1u128;
        for round in 0..2_000 {
            state = state.wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645).wrapping_add(1);
            let mixed = state ^ state >> 64;
            let occupied = (if round % 2 == 0 { mixed } else { mixed & state >> 3 }) & ALL_SQUARES;
            for s in 0..81 {
                let occupied = occupied | bit(s);
                assert_eq!(
                    rook(s, occupied),
                    walk(s, occupied, &[(0, 1), (0, -1), (1, 0), (-1, 0)])
                );
                assert_eq!(
                    bishop(s, occupied),
                    walk(s, occupied, &[(1, 1), (1, -1), (-1, 1), (-1, -1)])
                );
                assert_eq!(lance::<BLACK>(s, occupied), walk(s, occupied, &[(0, -1)]));
                assert_eq!(lance::<WHITE>(s, occupied), walk(s, occupied, &[(0, 1)]));
            }
        }
    }

    #[test]
    fn between_and_line_agree_with_walks() {
        for a in 0..81 {
            for b in (0..81).filter(|&b| b != a) {
                let joined = CROSS[a] & bit(b) != 0 || DIAGONALS[a] & bit(b) != 0;
                assert_eq!(line(a, b) & bit(b) != 0, joined);
                assert_eq!(between(a, b), between(b, a));
                if joined {
                    let walked = if CROSS[a] & bit(b) != 0 {
                        rook(a, bit(b)) & rook(b, bit(a))
                    } else {
                        bishop(a, bit(b)) & bishop(b, bit(a))
                    };
                    assert_eq!(between(a, b), walked & line(a, b), "{a} {b}");
                } else {
                    assert_eq!(between(a, b), 0);
                }
            }
        }
    }

    #[test]
    fn files_fill_from_any_square() {
        for s in 0..81 {
            assert_eq!(fill_files(bit(s)), 511u128 << (s / 9 * 9));
        }
        assert_eq!(fill_files(ALL_SQUARES), ALL_SQUARES);
        assert_eq!(fill_files(0), 0);
        assert_eq!(empty_files(bit(0) | bit(8) | bit(40)), ALL_SQUARES & !(511 | 511 << 36));
    }
}
