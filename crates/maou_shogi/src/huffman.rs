//! What HCP and PackedSfen have in common: positions in 256 bits.
//!
//! In order: side to move (1 bit), the kings' squares (7 bits each, Black's first), the other 79
//! squares, the hands, and the pieces that are in neither ("box", handicaps and problems). Bits
//! fill bytes from the least significant, and always come to 256, since a piece off the board
//! takes one bit less and its square the one bit of an empty one.
//!
//! The two forms give different bits to the same things, but as many: the board of one becomes the
//! board of the other in place.

use crate::attacks::for_each_square;
use crate::color::Color;
use crate::hand::Hand;
use crate::hcp::HcpError;
use crate::piece::{Piece, PieceType};
use crate::position::Position;

/// The order in which a writer names the kinds in hands and box. Readers take any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HandOrder {
    /// P L N S G B R: cshogi, dlshogi and Apery, in HCP and in PackedSfen.
    #[default]
    Gold5th,
    /// P L N S B R G: YaneuraOu.
    Gold7th,
    /// Neither.
    Other,
}

pub(crate) const GOLD_5TH: [PieceType; 7] = [
    PieceType::Pawn,
    PieceType::Lance,
    PieceType::Knight,
    PieceType::Silver,
    PieceType::Gold,
    PieceType::Bishop,
    PieceType::Rook,
];

const GOLD_7TH: [PieceType; 7] = [
    PieceType::Pawn,
    PieceType::Lance,
    PieceType::Knight,
    PieceType::Silver,
    PieceType::Bishop,
    PieceType::Rook,
    PieceType::Gold,
];

/// The place of each kind in both orders, by number: places in one byte each. A sequence of owners
/// and kinds is in an order if its places never go back.
pub(crate) const PLACES: [[u8; 8]; 2] = [[0, 0, 1, 2, 3, 5, 6, 4], [0, 0, 1, 2, 3, 4, 5, 6]];

/// Bits and how many they are.
#[derive(Clone, Copy)]
pub(crate) struct Code {
    pub(crate) bits: u8,
    pub(crate) len: u8,
}

/// The codes of one form, by number of the unpromoted kind.
pub(crate) struct Scheme {
    /// Prefix on the board; color and promotion follow, for gold the color alone.
    pub(crate) board: [Code; 8],
    /// Whether the color comes before the promotion.
    pub(crate) is_color_first: bool,
    /// Prefix in hand; the color follows.
    pub(crate) hand: [Code; 8],
    /// The whole code in the box.
    pub(crate) missing: [Code; 8],
}

/// How many bits a step of the board's decoder looks at: the longest code and some empty squares.
const STEP_BITS: u32 = 11;

/// One step through the board: empty squares, and the piece after them if it is whole.
#[derive(Clone, Copy)]
struct Step {
    n_empty: u8,
    /// The code of the piece, or 0.
    piece: u8,
    len: u8,
    /// The same bits in the other form.
    other: u16,
}

/// A piece in hand or box: kind, owner (2 is the box), length; length 0 for no code.
#[derive(Clone, Copy)]
struct Held {
    kind: u8,
    owner: u8,
    len: u8,
}

/// Everything that follows from the codes of a form.
pub(crate) struct Tables {
    /// By code of the piece; kings take no bits.
    board: [Code; 32],
    /// By owner (Black, White, box) and number of the kind.
    held: [[Code; 8]; 3],
    steps: [Step; 1 << STEP_BITS],
    held_steps: [Held; 128],
}

pub(crate) const fn board_codes(scheme: &Scheme) -> [Code; 32] {
    let mut table = [Code { bits: 0, len: 0 }; 32];
    let mut code = 0;
    while code < 32 {
        let kind = code & 15;
        if kind != 0 && kind != 8 && kind < 15 {
            let prefix = scheme.board[kind & 7];
            let color = (code >> 4) as u8;
            let promoted = (kind >> 3) as u8;
            let is_gold = kind == PieceType::Gold as usize;
            let suffix = if is_gold {
                color
            } else if scheme.is_color_first {
                color | promoted << 1
            } else {
                promoted | color << 1
            };
            table[code] = Code {
                bits: prefix.bits | suffix << prefix.len,
                len: prefix.len + if is_gold { 1 } else { 2 },
            };
        }
        code += 1;
    }
    table
}

pub(crate) const fn held_codes(scheme: &Scheme) -> [[Code; 8]; 3] {
    let mut table = [scheme.hand, scheme.hand, scheme.missing];
    let mut kind = 1;
    while kind < 8 {
        let prefix = scheme.hand[kind];
        table[0][kind].len += 1;
        table[1][kind] = Code { bits: prefix.bits | 1 << prefix.len, len: prefix.len + 1 };
        kind += 1;
    }
    table
}

impl Tables {
    /// The tables of a form; `other` is the form into which boards are translated.
    pub(crate) const fn new(scheme: &Scheme, other: &Scheme) -> Tables {
        let board = board_codes(scheme);
        let other_board = board_codes(other);
        let held = held_codes(scheme);
        let mut steps = [Step { n_empty: 0, piece: 0, len: 0, other: 0 }; 1 << STEP_BITS];
        let mut window = 0;
        while window < steps.len() {
            let zeros = (window as u32).trailing_zeros();
            let n_empty = if zeros < STEP_BITS { zeros } else { STEP_BITS };
            let mut step = Step { n_empty: n_empty as u8, piece: 0, len: n_empty as u8, other: 0 };
            let mut code = 0;
            while code < 32 {
                let Code { bits, len } = board[code];
                let rest = window >> n_empty;
                if len > 0
                    && n_empty + len as u32 <= STEP_BITS
                    && rest & ((1 << len) - 1) == bits as usize
                {
                    step.piece = code as u8;
                    step.len += len;
                    step.other = (other_board[code].bits as u16) << n_empty;
                }
                code += 1;
            }
            steps[window] = step;
            window += 1;
        }
        let mut held_steps = [Held { kind: 0, owner: 0, len: 0 }; 128];
        let mut window = 0;
        while window < 128 {
            let mut owner = 0;
            while owner < 3 {
                let mut kind = 1;
                while kind < 8 {
                    let Code { bits, len } = held[owner][kind];
                    if window & ((1 << len) - 1) == bits as usize {
                        held_steps[window] = Held { kind: kind as u8, owner: owner as u8, len };
                    }
                    kind += 1;
                }
                owner += 1;
            }
            window += 1;
        }
        Tables { board, held, steps, held_steps }
    }
}

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

fn bytes_of(words: &[u64; 5]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

#[inline(always)]
pub(crate) fn encode(position: &Position, tables: &Tables) -> Result<[u8; 32], HcpError> {
    encode_from::<false>(position, tables)
}

/// The position turned by 180° with colors swapped, the turn among them.
#[inline(always)]
pub(crate) fn encode_turned(position: &Position, tables: &Tables) -> Result<[u8; 32], HcpError> {
    encode_from::<true>(position, tables)
}

#[inline(always)]
fn encode_from<const TURNED: bool>(
    position: &Position,
    tables: &Tables,
) -> Result<[u8; 32], HcpError> {
    let mut kings = [position.king_index(0), position.king_index(1)];
    for color in Color::ALL {
        if kings[color.index()] > 80 {
            return Err(HcpError::NoKing(color));
        }
    }
    let view = |square: usize| if TURNED { 80 - square } else { square };
    let swap = if TURNED { 16 } else { 0 };
    let mut occupied = position.occupied_bits();
    if TURNED {
        kings = [80 - kings[1], 80 - kings[0]];
        occupied = occupied.reverse_bits() >> (128 - 81);
    }
    let turn = position.turn() as u64 ^ u64::from(TURNED);
    let head = turn | (kings[0] as u64) << 1 | (kings[1] as u64) << 8;
    let mut writer = Writer { words: [0; 5], n_words: 0, word: head, n_bits: 15 };
    // What is in neither board nor hands, by number of the kind.
    let mut missing = [0u8; 8];
    for kind in PieceType::HAND {
        missing[kind.index()] = kind.total();
    }
    let mut next = 0;
    for_each_square!(square in occupied => {
        if let Some(piece) = position.board[view(square)] {
            let code = (piece.code() as usize & 31) ^ swap;
            missing[code & 7] = missing[code & 7].wrapping_sub(1);
            writer.put((square - next) as u32, tables.board[code]);
        }
        next = square + 1;
    });
    writer.skip((81 - next) as u32);
    for owner in 0..2 {
        let hand = &position.hands[owner ^ usize::from(TURNED)];
        if hand.is_empty() {
            continue;
        }
        for kind in GOLD_5TH {
            missing[kind.index()] -= hand.count(kind);
            for _ in 0..hand.count(kind) {
                writer.put(0, tables.held[owner][kind.index()]);
            }
        }
    }
    if u64::from_le_bytes(missing) >> 8 != 0 {
        for kind in GOLD_5TH {
            for _ in 0..missing[kind.index()] {
                writer.put(0, tables.held[2][kind.index()]);
            }
        }
    }
    debug_assert_eq!((writer.n_words, writer.n_bits), (4, 0));
    Ok(bytes_of(&writer.words))
}

/// The 64 bits from one on, zeros after the last.
#[inline(always)]
fn window(words: &[u64; 5], bit: usize) -> u64 {
    let (word, shift) = (bit / 64, bit % 64);
    words[word] >> shift | words[word + 1] << 1 << (63 - shift)
}

/// What stands before the board.
pub(crate) struct Head {
    words: [u64; 5],
    pub(crate) turn: Color,
    pub(crate) kings: [usize; 2],
}

#[inline(always)]
pub(crate) fn head(bytes: &[u8; 32]) -> Result<Head, HcpError> {
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
    Ok(Head { words, turn, kings })
}

/// What the bits behind the head say, apart from the pieces on the board.
pub(crate) struct Body {
    /// Head and board in the other form.
    other: [u64; 5],
    /// Where the hands begin.
    hands_at: usize,
    /// By owner (Black, White, box) and number of the kind.
    pub(crate) held: [[u8; 8]; 3],
    /// Meant only if the body was read in full.
    pub(crate) order: HandOrder,
}

/// Reads what stands behind the head, and hands each piece on the board with its square to
/// `place`. `FULL` asks for the other form and the order, too.
#[inline(always)]
pub(crate) fn body<const FULL: bool>(
    head: &Head,
    tables: &Tables,
    mut place: impl FnMut(Piece, usize),
) -> Result<Body, HcpError> {
    let Head { words, kings, .. } = head;
    let (low_king, high_king) = (kings[0].min(kings[1]), kings[0].max(kings[1]));
    // How many of each kind there are, a byte each, by number of the unpromoted kind.
    let mut counts = 0u64;
    let mut other = [words[0] & 0x7fff, 0, 0, 0, 0];
    let mut at = 15;
    // Among the 79 squares without kings.
    let mut index = 0;
    'board: while index < 79 {
        if at > 255 {
            return Err(HcpError::Board);
        }
        let mut bits = window(words, at);
        let mut translated = 0u64;
        let mut n_bits = 0;
        let mut is_done = false;
        // Five steps use at most 55 bits.
        for _ in 0..5 {
            let step = tables.steps[bits as usize & ((1 << STEP_BITS) - 1)];
            let target = index + step.n_empty as usize;
            if target >= 79 {
                // The zeros after the last square belong to the hands.
                n_bits += 79 - index;
                is_done = true;
                break;
            }
            index = target;
            bits >>= step.len;
            if FULL {
                translated |= u64::from(step.other) << n_bits;
            }
            n_bits += step.len as usize;
            if let Some(piece) = Piece::from_code(step.piece) {
                let square = index + usize::from(index >= low_king);
                let square = square + usize::from(square >= high_king);
                place(piece, square);
                counts += 1 << (8 * (step.piece & 7));
                index += 1;
                if index == 79 {
                    is_done = true;
                    break;
                }
            }
        }
        if FULL {
            let (word, shift) = (at / 64, at % 64);
            other[word] |= translated << shift;
            other[word + 1] |= translated >> 1 >> (63 - shift);
        }
        at += n_bits;
        if is_done {
            break 'board;
        }
    }
    if at > 256 {
        return Err(HcpError::Board);
    }
    let hands_at = at;
    let mut held = [[0u8; 8]; 3];
    let mut last = [0u8; 2];
    let mut is_order = [true; 2];
    while at < 256 {
        let step = tables.held_steps[window(words, at) as usize & 127];
        if step.len == 0 || at + step.len as usize > 256 {
            return Err(HcpError::Hands(at as u16));
        }
        at += step.len as usize;
        let (owner, kind) = (step.owner as usize % 3, step.kind as usize & 7);
        counts += 1 << (8 * kind);
        held[owner][kind] += 1;
        if FULL {
            for (order, places) in PLACES.iter().enumerate() {
                let now = (owner as u8) << 4 | places[kind];
                is_order[order] &= now >= last[order];
                last[order] = now;
            }
        }
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
    let order = match is_order {
        [true, _] => HandOrder::Gold5th,
        [false, true] => HandOrder::Gold7th,
        [false, false] => HandOrder::Other,
    };
    Ok(Body { other, hands_at, held, order })
}

impl Body {
    /// The whole position in the other form, whose tables these are.
    #[inline(always)]
    fn translate(&self, tables: &Tables, order: HandOrder) -> [u8; 32] {
        let kinds = if order == HandOrder::Gold7th { &GOLD_7TH } else { &GOLD_5TH };
        let n_words = self.hands_at / 64;
        let mut writer = Writer {
            words: self.other,
            n_words,
            word: self.other[n_words],
            n_bits: (self.hands_at % 64) as u32,
        };
        for (held, codes) in self.held.iter().zip(&tables.held) {
            if u64::from_le_bytes(*held) == 0 {
                continue;
            }
            for kind in kinds {
                for _ in 0..held[kind.index()] {
                    writer.put(0, codes[kind.index()]);
                }
            }
        }
        debug_assert_eq!((writer.n_words, writer.n_bits), (4, 0));
        bytes_of(&writer.words)
    }
}

#[inline(always)]
fn read<const FULL: bool>(bytes: &[u8; 32], tables: &Tables) -> Result<(Position, Body), HcpError> {
    let head = head(bytes)?;
    let mut position = Position::empty(head.turn, 1);
    for color in Color::ALL {
        position.place_king(color, head.kings[color.index()]);
    }
    let body = body::<FULL>(&head, tables, |piece, square| position.place(piece, square))?;
    let mut hands = [Hand::EMPTY; 2];
    for (hand, held) in hands.iter_mut().zip(&body.held) {
        hand.counts_mut().copy_from_slice(held);
    }
    let position = position.complete(hands).map_err(HcpError::Setup)?;
    Ok((position, body))
}

#[inline(always)]
pub(crate) fn decode(bytes: &[u8; 32], tables: &Tables) -> Result<Position, HcpError> {
    read::<false>(bytes, tables).map(|(position, _)| position)
}

/// The position, its bytes in the other form, whose tables are `other`, in the usual order, and
/// the order that it had.
#[inline(always)]
pub(crate) fn decode_and_translate(
    bytes: &[u8; 32],
    tables: &Tables,
    other: &Tables,
) -> Result<(Position, [u8; 32], HandOrder), HcpError> {
    let (position, body) = read::<true>(bytes, tables)?;
    let translated = body.translate(other, HandOrder::Gold5th);
    Ok((position, translated, body.order))
}

/// The position and the order of its hands.
#[inline(always)]
pub(crate) fn decode_with_order(
    bytes: &[u8; 32],
    tables: &Tables,
) -> Result<(Position, HandOrder), HcpError> {
    read::<true>(bytes, tables).map(|(position, body)| (position, body.order))
}

/// The bytes in the other form, whose tables are `other`, with the hands in `order`. That they are
/// a full set is checked, the rules are not.
#[inline(always)]
pub(crate) fn translate(
    bytes: &[u8; 32],
    tables: &Tables,
    other: &Tables,
    order: HandOrder,
) -> Result<[u8; 32], HcpError> {
    let body = body::<true>(&head(bytes)?, tables, |_, _| ())?;
    Ok(body.translate(other, order))
}

/// The counts of a set without kings, a byte each, by number of the kind.
pub(crate) const FULL_SET: u64 = {
    let mut counts = 0;
    let mut i = 0;
    while i < 7 {
        let kind = PieceType::HAND[i];
        counts |= (kind.total() as u64) << (8 * kind.index());
        i += 1;
    }
    counts
};
