//! What HCP and PackedSfen have in common: positions in 256 bits.
//!
//! In order: side to move (1 bit), the kings' squares (7 bits each, Black's first), the other 79
//! squares, the hands, and the pieces that are in neither ("box", handicaps and problems). Bits
//! fill bytes from the least significant, and always come to 256, since a piece off the board
//! takes one bit less and its square the one bit of an empty one.
//!
//! The two forms give different bits to the same things, but as many: the board of one becomes the
//! board of the other in place.

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
    /// By the codes of what is on two squares, 5 bits each: the bits of both, and above
    /// these 16 how many they are.
    pairs: [u32; 1 << 10],
    /// By owner (Black, White, box), number of the kind and how many there are: their codes.
    runs: [[[u64; MAX_HELD]; 8]; 3],
    held_lens: [[u32; 8]; 3],
    steps: [Step; 1 << STEP_BITS],
    held_steps: [Held; 128],
}

/// More than there are pieces of any kind.
const MAX_HELD: usize = 32;

/// The code of a king, who takes no bits of the board.
const KING: usize = 8;

/// The bits of each two squares, from the codes of pieces.
const fn pair_codes(board: &[Code; 32]) -> [u32; 1 << 10] {
    const fn code_of(board: &[Code; 32], code: usize) -> Code {
        if code & 15 == 0 { Code { bits: 0, len: 1 } } else { board[code] }
    }
    let mut pairs = [0; 1 << 10];
    let mut index = 0;
    while index < pairs.len() {
        let (first, second) = (code_of(board, index & 31), code_of(board, index >> 5));
        pairs[index] = first.bits as u32
            | (second.bits as u32) << first.len
            | ((first.len + second.len) as u32) << 16;
        index += 1;
    }
    pairs
}

/// The codes of several pieces of a kind, one after the other.
const fn runs_of(held: &[[Code; 8]; 3]) -> [[[u64; MAX_HELD]; 8]; 3] {
    let mut runs = [[[0; MAX_HELD]; 8]; 3];
    let mut owner = 0;
    while owner < 3 {
        let mut kind = 1;
        while kind < 8 {
            let Code { bits, len } = held[owner][kind];
            let mut n = 1;
            // No more than there are: 18 pawns and 4 of others, which fit.
            while n < MAX_HELD && n * (len as usize) <= 64 {
                runs[owner][kind][n] = runs[owner][kind][n - 1] << len | bits as u64;
                n += 1;
            }
            kind += 1;
        }
        owner += 1;
    }
    runs
}

const fn lens_of(held: &[[Code; 8]; 3]) -> [[u32; 8]; 3] {
    let mut lens = [[0; 8]; 3];
    let mut owner = 0;
    while owner < 3 {
        let mut kind = 1;
        while kind < 8 {
            lens[owner][kind] = held[owner][kind].len as u32;
            kind += 1;
        }
        owner += 1;
    }
    lens
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
        Tables {
            pairs: pair_codes(&board),
            runs: runs_of(&held),
            held_lens: lens_of(&held),
            steps,
            held_steps,
        }
    }
}

/// Bits written from the least significant.
struct Writer {
    /// Four words come out; those behind are touched, no more.
    words: [u64; 8],
    at: u32,
    /// The bits of the word where the writer stands, which is stored with each of its bits.
    word: u64,
}

impl Writer {
    /// Goes on after so many bits of which the last word is not full.
    #[inline(always)]
    fn after(words: [u64; 8], at: u32) -> Writer {
        Writer { words, at, word: words[(at as usize / 64) & 7] }
    }

    /// Writes up to 64 bits. Nothing here depends on a guess of the processor.
    #[inline(always)]
    fn put(&mut self, bits: u64, len: u32) {
        let (index, shift) = (self.at / 64, self.at % 64);
        let word = self.word | bits << shift;
        self.words[index as usize & 7] = word;
        self.at += len;
        let is_same = index == self.at / 64;
        self.word = if is_same { word } else { bits >> 1 >> (63 - shift) };
    }

    /// Stores what was begun.
    #[inline(always)]
    fn bytes(mut self) -> [u8; 32] {
        debug_assert_eq!(self.at, 256);
        self.words[(self.at as usize / 64) & 7] = self.word;
        let mut bytes = [0; 32];
        for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(self.words) {
            *bytes = word.to_le_bytes();
        }
        bytes
    }

    /// Writes the code of each piece of some in hand or box.
    #[inline(always)]
    fn put_held(&mut self, held: &[u8; 8], owner: usize, kinds: &[PieceType; 7], tables: &Tables) {
        for kind in kinds {
            let kind = kind.index();
            let n = held[kind] as usize % MAX_HELD;
            self.put(tables.runs[owner][kind][n], n as u32 * tables.held_lens[owner][kind]);
        }
    }
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
    if TURNED {
        kings = [80 - kings[1], 80 - kings[0]];
    }
    // The code of what is on a square as it is seen; an empty one may have a color.
    let code = |square: usize| {
        let square = if TURNED { 80 - square } else { square };
        let code = position.board[square].map_or(0, |piece| piece.code() as usize & 31);
        if TURNED { code ^ 16 } else { code }
    };
    let turn = position.turn() as u64 ^ u64::from(TURNED);
    let head = turn | (kings[0] as u64) << 1 | (kings[1] as u64) << 8;
    let mut writer = Writer { words: [0; 8], at: 15, word: head };
    for start in (0..80).step_by(8) {
        // Four pairs take at most 64 bits.
        let (mut bits, mut len) = (0, 0);
        for square in [start, start + 2, start + 4, start + 6] {
            let pair = tables.pairs[code(square) | code(square + 1) << 5];
            bits |= u64::from(pair & 0xffff) << (len & 63);
            len += pair >> 16;
        }
        writer.put(bits, len);
    }
    let last = tables.pairs[code(80) | KING << 5];
    writer.put(u64::from(last & 0xffff), last >> 16);
    for owner in 0..2 {
        let hand = &position.hands[owner ^ usize::from(TURNED)];
        if !hand.is_empty() {
            writer.put_held(hand.counts(), owner, &GOLD_5TH, tables);
        }
    }
    if writer.at < 256 {
        writer.put_held(&missing(position), 2, &GOLD_5TH, tables);
    }
    Ok(writer.bytes())
}

/// What is in neither board nor hands, by number of the kind.
fn missing(position: &Position) -> [u8; 8] {
    let mut missing = FULL_SET.to_le_bytes();
    let pieces = position.board.iter().flatten().map(|piece| piece.code() as usize & 7);
    pieces.filter(|kind| *kind > 0).for_each(|kind| missing[kind] -= 1);
    for hand in &position.hands {
        missing.iter_mut().zip(hand.counts()).for_each(|(missing, count)| *missing -= count);
    }
    missing
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
        let mut words = [0; 8];
        words[..5].copy_from_slice(&self.other);
        let mut writer = Writer::after(words, self.hands_at as u32);
        for (owner, held) in self.held.iter().enumerate() {
            if u64::from_le_bytes(*held) != 0 {
                writer.put_held(held, owner, kinds, tables);
            }
        }
        writer.bytes()
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
