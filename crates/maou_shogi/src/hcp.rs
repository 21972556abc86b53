//! `HuffmanCodedPos`, the 32-byte form of positions that dlshogi, cshogi and Apery use.
//!
//! In order: side to move (1 bit), the kings' squares (7 bits each, Black's first), the other 79
//! squares, the hands, and the pieces that are in neither ("box", handicaps and problems). Bits
//! fill bytes from the least significant, and always come to 256, since a piece off the board
//! takes one bit less and its square the one bit of an empty one.

use std::fmt;

use crate::attacks::for_each_square;
use crate::color::Color;
use crate::hand::Hand;
use crate::piece::{Piece, PieceType};
use crate::position::{Position, SetupError};

/// A position that has no 32-byte form, or 32 bytes that are no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HcpError {
    /// This side has no king: the format needs both.
    NoKing(Color),
    /// This side's king is said to stand on a square with this number: above 80, or the square of
    /// the other king.
    KingSquare(Color, u8),
    /// The pieces of the board do not end where they should.
    Board,
    /// The bits from this one on, counted from 0, are no piece in hand or box.
    Hands(u16),
    /// There are not as many pieces of this kind as in a set.
    Count {
        /// The kind, unpromoted.
        kind: PieceType,
        /// How many there are.
        count: u16,
    },
    /// The pieces are arranged against the rules.
    Setup(SetupError),
}

impl fmt::Display for HcpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            HcpError::NoKing(color) => write!(f, "expected two kings, found none of {color}"),
            HcpError::KingSquare(color, square) => {
                write!(f, "expected a square of its own for {color}'s king, found `{square}`")
            }
            HcpError::Board => f.write_str("expected 79 squares in 256 bits, found fewer"),
            HcpError::Hands(bit) => {
                write!(f, "expected a piece in hand or box at bit {bit}, found none")
            }
            HcpError::Count { kind, count } => {
                write!(f, "expected {} {}s, found {count}", kind.total(), kind.name())
            }
            HcpError::Setup(ref error) => error.fmt(f),
        }
    }
}

impl std::error::Error for HcpError {}

/// The order of the kinds in hands and box.
const HAND_ORDER: [PieceType; 7] = [
    PieceType::Pawn,
    PieceType::Lance,
    PieceType::Knight,
    PieceType::Silver,
    PieceType::Gold,
    PieceType::Bishop,
    PieceType::Rook,
];

/// Bits and how many they are.
#[derive(Clone, Copy)]
struct Code {
    bits: u8,
    len: u8,
}

/// Prefix on the board by number of the unpromoted kind; color and promotion follow.
const BOARD_PREFIX: [Code; 8] = [
    Code { bits: 0, len: 1 },
    Code { bits: 0b01, len: 2 },
    Code { bits: 0b0011, len: 4 },
    Code { bits: 0b0111, len: 4 },
    Code { bits: 0b1011, len: 4 },
    Code { bits: 0b01_1111, len: 6 },
    Code { bits: 0b11_1111, len: 6 },
    Code { bits: 0b0_1111, len: 5 },
];

/// Prefix in hand by number of the kind; the color follows.
const HAND_PREFIX: [Code; 8] = [
    Code { bits: 0, len: 0 },
    Code { bits: 0b00, len: 2 },
    Code { bits: 0b0001, len: 4 },
    Code { bits: 0b0011, len: 4 },
    Code { bits: 0b0101, len: 4 },
    Code { bits: 0b01_1111, len: 6 },
    Code { bits: 0b11_1111, len: 6 },
    Code { bits: 0b0111, len: 4 },
];

/// The whole code in the box by number of the kind.
const BOX_CODE: [Code; 8] = [
    Code { bits: 0, len: 0 },
    Code { bits: 0b010, len: 3 },
    Code { bits: 0b0_1001, len: 5 },
    Code { bits: 0b0_1011, len: 5 },
    Code { bits: 0b0_1101, len: 5 },
    Code { bits: 0b000_1111, len: 7 },
    Code { bits: 0b010_1111, len: 7 },
    Code { bits: 0b1_1101, len: 5 },
];

/// By code of the piece; kings take no bits.
static BOARD_CODES: [Code; 32] = {
    let mut table = [Code { bits: 0, len: 0 }; 32];
    let mut code = 0;
    while code < 32 {
        let kind = code & 15;
        if kind != 0 && kind != 8 && kind < 15 {
            let prefix = BOARD_PREFIX[kind & 7];
            let color = (code >> 4) as u8;
            let promoted = (kind >> 3) as u8;
            let is_gold = kind == PieceType::Gold as usize;
            table[code] = Code {
                bits: prefix.bits | color << prefix.len | promoted << (prefix.len + 1),
                len: prefix.len + if is_gold { 1 } else { 2 },
            };
        }
        code += 1;
    }
    table
};

/// By owner (Black, White, box) and number of the kind.
static OTHER_CODES: [[Code; 8]; 3] = {
    let mut table = [HAND_PREFIX, HAND_PREFIX, BOX_CODE];
    let mut kind = 1;
    while kind < 8 {
        let prefix = HAND_PREFIX[kind];
        table[0][kind].len += 1;
        table[1][kind] = Code { bits: prefix.bits | 1 << prefix.len, len: prefix.len + 1 };
        kind += 1;
    }
    table
};

/// How many bits a step of the board's decoder looks at: the longest code and some empty squares.
const STEP_BITS: u32 = 11;

/// One step through the board: empty squares, and the piece after them if it is whole.
#[derive(Clone, Copy)]
struct Step {
    n_empty: u8,
    /// The code of the piece, or 0.
    piece: u8,
    len: u8,
}

static STEPS: [Step; 1 << STEP_BITS] = {
    let mut table = [Step { n_empty: 0, piece: 0, len: 0 }; 1 << STEP_BITS];
    let mut window = 0;
    while window < table.len() {
        let zeros = (window as u32).trailing_zeros();
        let n_empty = if zeros < STEP_BITS { zeros } else { STEP_BITS };
        let mut step = Step { n_empty: n_empty as u8, piece: 0, len: n_empty as u8 };
        let mut code = 0;
        while code < 32 {
            let Code { bits, len } = BOARD_CODES[code];
            let rest = window >> n_empty;
            if len > 0
                && n_empty + len as u32 <= STEP_BITS
                && rest & ((1 << len) - 1) == bits as usize
            {
                step.piece = code as u8;
                step.len += len;
            }
            code += 1;
        }
        table[window] = step;
        window += 1;
    }
    table
};

/// A piece in hand or box: kind, owner (2 is the box), length; length 0 for no code.
#[derive(Clone, Copy)]
struct Held {
    kind: u8,
    owner: u8,
    len: u8,
}

static HELD: [Held; 128] = {
    let mut table = [Held { kind: 0, owner: 0, len: 0 }; 128];
    let mut window = 0;
    while window < 128 {
        let mut owner = 0;
        while owner < 3 {
            let mut kind = 1;
            while kind < 8 {
                let Code { bits, len } = OTHER_CODES[owner][kind];
                if window & ((1 << len) - 1) == bits as usize {
                    table[window] = Held { kind: kind as u8, owner: owner as u8, len };
                }
                kind += 1;
            }
            owner += 1;
        }
        window += 1;
    }
    table
};

/// Bits written from the least significant.
struct Writer {
    words: [u64; 5],
    n_words: usize,
    word: u64,
    n_bits: u32,
}

impl Writer {
    /// Skips `gap` zero bits and writes a code.
    #[inline(always)]
    fn put(&mut self, gap: u32, code: Code) {
        self.skip(gap);
        self.word |= (code.bits as u64) << self.n_bits;
        let n_bits = self.n_bits + code.len as u32;
        if n_bits >= 64 {
            self.flush();
            self.word = (code.bits as u64) >> (code.len as u32 - (n_bits - 64));
            self.n_bits = n_bits - 64;
        } else {
            self.n_bits = n_bits;
        }
    }

    #[inline(always)]
    fn skip(&mut self, gap: u32) {
        self.n_bits += gap;
        while self.n_bits >= 64 {
            self.flush();
            self.n_bits -= 64;
        }
    }

    #[inline(always)]
    fn flush(&mut self) {
        self.words[self.n_words] = self.word;
        self.n_words += 1;
        self.word = 0;
    }
}

pub(crate) fn encode(position: &Position) -> Result<[u8; 32], HcpError> {
    let kings = [position.king_index(0), position.king_index(1)];
    for color in Color::ALL {
        if kings[color.index()] > 80 {
            return Err(HcpError::NoKing(color));
        }
    }
    let head = position.turn() as u64 | (kings[0] as u64) << 1 | (kings[1] as u64) << 8;
    let mut writer = Writer { words: [0; 5], n_words: 0, word: head, n_bits: 15 };
    // What is in neither board nor hands, by number of the kind.
    let mut missing = [0u8; 8];
    for kind in PieceType::HAND {
        missing[kind.index()] = kind.total();
    }
    let mut next = 0;
    for_each_square!(square in position.occupied_bits() => {
        if let Some(piece) = position.board[square] {
            let code = piece.code() as usize & 31;
            missing[code & 7] = missing[code & 7].wrapping_sub(1);
            writer.put((square - next) as u32, BOARD_CODES[code]);
        }
        next = square + 1;
    });
    writer.skip((81 - next) as u32);
    for (owner, hand) in position.hands.iter().enumerate() {
        if hand.is_empty() {
            continue;
        }
        for kind in HAND_ORDER {
            missing[kind.index()] -= hand.count(kind);
            for _ in 0..hand.count(kind) {
                writer.put(0, OTHER_CODES[owner][kind.index()]);
            }
        }
    }
    if u64::from_le_bytes(missing) >> 8 != 0 {
        for kind in HAND_ORDER {
            for _ in 0..missing[kind.index()] {
                writer.put(0, OTHER_CODES[2][kind.index()]);
            }
        }
    }
    debug_assert_eq!((writer.n_words, writer.n_bits), (4, 0));
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.chunks_exact_mut(8).zip(writer.words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    Ok(bytes)
}

/// The 64 bits from one on, zeros after the last.
#[inline(always)]
fn window(words: &[u64; 5], bit: usize) -> u64 {
    let (word, shift) = (bit / 64, bit % 64);
    words[word] >> shift | words[word + 1] << 1 << (63 - shift)
}

pub(crate) fn decode(bytes: &[u8; 32]) -> Result<Position, HcpError> {
    // A window of 64 bits can begin at each of the 256.
    let mut words = [0; 5];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }

    let turn = if words[0] & 1 == 0 { Color::Black } else { Color::White };
    let kings = [(words[0] >> 1 & 127) as usize, (words[0] >> 8 & 127) as usize];
    for color in Color::ALL {
        let king = kings[color.index()];
        if king == 81 {
            return Err(HcpError::NoKing(color));
        }
        if king > 81 || color == Color::White && king == kings[0] {
            return Err(HcpError::KingSquare(color, king as u8));
        }
    }
    let (low_king, high_king) = (kings[0].min(kings[1]), kings[0].max(kings[1]));
    let mut position = Position::empty(turn, 1);
    for color in Color::ALL {
        position.place_king(color, kings[color.index()]);
    }
    // How many of each kind there are, a byte each, by number of the unpromoted kind.
    let mut counts = 0u64;

    let mut at = 15;
    // Among the 79 squares without kings.
    let mut index = 0;
    'board: while index < 79 {
        if at > 255 {
            return Err(HcpError::Board);
        }
        let mut bits = window(&words, at);
        // Five steps use at most 55 bits.
        for _ in 0..5 {
            let step = STEPS[bits as usize & ((1 << STEP_BITS) - 1)];
            let target = index + step.n_empty as usize;
            if target >= 79 {
                // The zeros after the last square belong to the hands.
                at += 79 - index;
                break 'board;
            }
            index = target;
            bits >>= step.len;
            at += step.len as usize;
            if let Some(piece) = Piece::from_code(step.piece) {
                let square = index + usize::from(index >= low_king);
                let square = square + usize::from(square >= high_king);
                position.place(piece, square);
                counts += 1 << (8 * (step.piece & 7));
                index += 1;
                if index == 79 {
                    break 'board;
                }
            }
        }
    }
    let mut hands = [Hand::EMPTY; 2];
    while at < 256 {
        let held = HELD[window(&words, at) as usize & 127];
        if held.len == 0 || at + held.len as usize > 256 {
            return Err(HcpError::Hands(at as u16));
        }
        at += held.len as usize;
        counts += 1 << (8 * (held.kind & 7));
        if held.owner < 2 {
            hands[held.owner as usize].counts_mut()[held.kind as usize & 7] += 1;
        }
    }
    if at > 256 {
        return Err(HcpError::Board);
    }
    // At most 79 on the board and 80 in 240 bits of hands: no byte overflows into the next.
    if counts != FULL_SET {
        let counts = counts.to_le_bytes();
        for kind in PieceType::HAND {
            let count = counts[kind.index()];
            if count != kind.total() {
                return Err(HcpError::Count { kind, count: u16::from(count) });
            }
        }
    }
    position.complete(hands).map_err(HcpError::Setup)
}

/// The counts of a set without kings, a byte each, by number of the kind.
const FULL_SET: u64 = {
    let mut counts = 0;
    let mut i = 0;
    while i < 7 {
        let kind = PieceType::HAND[i];
        counts |= (kind.total() as u64) << (8 * kind.index());
        i += 1;
    }
    counts
};

impl Position {
    /// The position in 32 bytes; move number and history are not part of it.
    ///
    /// ```
    /// use maou_shogi::Position;
    /// let bytes = Position::startpos().to_hcp().unwrap();
    /// assert_eq!(Position::from_hcp(&bytes), Ok(Position::startpos()));
    /// ```
    ///
    /// # Errors
    /// [`HcpError::NoKing`] unless both sides have a king.
    #[inline]
    pub fn to_hcp(&self) -> Result<[u8; 32], HcpError> {
        encode(self)
    }

    /// The position of these 32 bytes, with move number 1.
    ///
    /// # Errors
    /// If the bytes do not hold exactly one full set of pieces in 256 bits, or the position breaks
    /// a rule.
    #[inline]
    pub fn from_hcp(bytes: &[u8; 32]) -> Result<Position, HcpError> {
        decode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::{Handicap, Setup};
    use crate::testing::{Random, random_games, sparse_positions};

    #[test]
    fn every_position_with_two_kings_comes_back() {
        let check = |position: &mut Position| {
            if position.king(Color::Black).is_none() || position.king(Color::White).is_none() {
                assert!(matches!(position.to_hcp(), Err(HcpError::NoKing(_))));
                return;
            }
            let bytes = position.to_hcp().unwrap();
            let decoded = Position::from_hcp(&bytes).unwrap();
            assert_eq!(decoded, *position);
            assert_eq!(decoded.keys(), position.keys());
            assert_eq!(decoded.move_number(), 1);
        };
        random_games(21, 64, check);
        sparse_positions(22, 5_000, check);
    }

    fn hex(text: &str) -> [u8; 32] {
        std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
    }

    /// As cshogi writes them.
    #[test]
    fn bytes_are_pinned() {
        for (position, bytes) in [
            (Setup::startpos(), "58a449210cd757217e8e4d212caf427814c2ab109e4d212cd75f213e8e49210c"),
            (
                Setup::handicap(Handicap::Ten),
                "59240a61a0103f0785b050088f42a0101e0a61a1101f078530a4b4566bbd3f5e",
            ),
            (
                Setup::from_sfen(
                    "l6nl/5+P1gk/2np1S3/p1p4Pp/3P2Sp1/1PPb2P1P/P5GS1/R8/LN4bKL w RGgsn5p 1",
                )
                .unwrap(),
                "2381490986eb1565014b3cbee40200a0c417b84a0004c744113fc3f9912467bd",
            ),
        ] {
            let position = Position::from_setup(&position).unwrap();
            assert_eq!(position.to_hcp(), Ok(hex(bytes)), "{position:?}");
            assert_eq!(Position::from_hcp(&hex(bytes)), Ok(position));
        }
    }

    #[test]
    fn bytes_that_are_no_position() {
        let start = Position::startpos().to_hcp().unwrap();
        let check = |change: &dyn Fn(&mut [u8; 32]), error: HcpError, message: &str| {
            let mut bytes = start;
            change(&mut bytes);
            assert_eq!(Position::from_hcp(&bytes), Err(error));
            assert_eq!(error.to_string(), message);
        };
        check(
            &|bytes| bytes[0] = 82 << 1,
            HcpError::KingSquare(Color::Black, 82),
            "expected a square of its own for Black's king, found `82`",
        );
        check(
            &|bytes| bytes[0] = 81 << 1,
            HcpError::NoKing(Color::Black),
            "expected two kings, found none of Black",
        );
        check(
            &|bytes| bytes[0] = 36 << 1,
            HcpError::KingSquare(Color::White, 36),
            "expected a square of its own for White's king, found `36`",
        );
        check(
            &|bytes| bytes[2..].fill(255),
            HcpError::Board,
            "expected 79 squares in 256 bits, found fewer",
        );
    }

    /// Changed bits give an error or another position that comes back, never a panic.
    #[test]
    fn any_bytes_are_a_position_or_an_error() {
        let mut random = Random::new(23);
        let mut n_decoded = 0;
        let mut check = |bytes: &[u8; 32]| {
            if let Ok(position) = Position::from_hcp(bytes) {
                n_decoded += 1;
                assert_eq!(Position::from_hcp(&position.to_hcp().unwrap()), Ok(position));
            }
        };
        for _ in 0..20_000 {
            check(&std::array::from_fn(|_| random.below(256) as u8));
        }
        random_games(24, 16, |position| {
            let bytes = position.to_hcp().unwrap();
            for bit in 0..256 {
                let mut bytes = bytes;
                bytes[bit / 8] ^= 1 << (bit % 8);
                check(&bytes);
            }
        });
        assert!(n_decoded > 1_000, "{n_decoded}");
    }
}
