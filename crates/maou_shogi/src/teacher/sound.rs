//! The quick way through the position and the move of a record with which nothing is wrong.
//!
//! A position is decoded, translated, hashed and checked in one pass, without a
//! [`Position`](crate::Position) for the caller. Everything is seen from the side to move, so that
//! one color's rules, and one half of the keys, are enough. What is not sound, or rare, is left to
//! [`huffman`], which has the words for it.

use crate::color::Color;
use crate::huffman::{self, FULL_SET, HandOrder, Scheme};
use crate::key::{HAND_KEYS, PIECE_KEYS};
use crate::mv::Move;
use crate::piece::{Piece, PieceType};
use crate::position::{BISHOP, GOLD, KING, KNIGHT, LANCE, PAWN, Position, ROOK, SILVER};
use crate::{hcp as hcp_form, packed_sfen as packed_form};

/// How many bits a step over the board looks at: the longest code and some empty squares.
const STEP_BITS: u32 = 11;
/// Steps over the board, and pieces in hand, between two looks at the bytes, which give 57 bits.
const N_STEPS: usize = 5;
const N_HELD: usize = 8;

/// One step over the board: empty squares, and the piece after them if its code is whole.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Step {
    /// Bits.
    len: u8,
    n_empty: u8,
    /// Empty squares and the piece's.
    n_squares: u8,
    /// The code of the piece, or 0.
    code: u8,
    /// The same bits in the other form.
    other: u16,
}

/// A piece in hand or box.
#[derive(Clone, Copy)]
struct Held {
    /// 0 for no code.
    len: u8,
    /// Eight times the owner (Black, White, box), plus the number of the kind.
    slot: u8,
    /// The same bits in the other form.
    other: u8,
    /// The places in the two orders of hands, a byte each: they never go back in a hand that
    /// is in this order.
    places: u16,
}

/// The bits of so many pieces of one kind in one hand.
#[derive(Clone, Copy)]
struct Run {
    bits: u64,
    len: u32,
}

/// Everything that follows from the codes of a form.
struct Tables {
    steps: [Step; 1 << STEP_BITS],
    held: [Held; 128],
    /// In the other form, by owner, number of the kind and count.
    runs: [[[Run; 19]; 8]; 3],
}

const fn tables(scheme: &Scheme, other: &Scheme) -> Tables {
    let (board, other_board) = (huffman::board_codes(scheme), huffman::board_codes(other));
    let (held, other_held) = (huffman::held_codes(scheme), huffman::held_codes(other));
    let mut tables = Tables {
        steps: [Step { len: 0, n_empty: 0, n_squares: 0, code: 0, other: 0 }; 1 << STEP_BITS],
        held: [Held { len: 0, slot: 0, other: 0, places: 0 }; 128],
        runs: [[[Run { bits: 0, len: 0 }; 19]; 8]; 3],
    };
    let mut window = 0;
    while window < tables.steps.len() {
        let zeros = (window as u32).trailing_zeros();
        let n_empty = if zeros < STEP_BITS { zeros } else { STEP_BITS } as u8;
        let mut step = Step { len: n_empty, n_empty, n_squares: n_empty, code: 0, other: 0 };
        let mut code = 0;
        while code < 32 {
            let len = board[code].len;
            if len > 0
                && (n_empty + len) as u32 <= STEP_BITS
                && (window >> n_empty) & ((1 << len) - 1) == board[code].bits as usize
            {
                step.len += len;
                step.n_squares += 1;
                step.code = code as u8;
                step.other = (other_board[code].bits as u16) << n_empty;
            }
            code += 1;
        }
        tables.steps[window] = step;
        window += 1;
    }
    let mut owner = 0;
    while owner < 3 {
        let mut kind = 1;
        while kind < 8 {
            let (code, translated) = (held[owner][kind], other_held[owner][kind]);
            let mut window = code.bits as usize;
            while window < 128 {
                let places = huffman::PLACES;
                tables.held[window] = Held {
                    len: code.len,
                    slot: (8 * owner + kind) as u8,
                    other: translated.bits,
                    places: (owner as u16) << 4
                        | places[0][kind] as u16
                        | ((owner as u16) << 4 | places[1][kind] as u16) << 8,
                };
                window += 1 << code.len;
            }
            let mut count = 1;
            while count < 19 {
                let before = tables.runs[owner][kind][count - 1];
                tables.runs[owner][kind][count] = if before.len + translated.len as u32 > 57 {
                    before
                } else {
                    Run {
                        bits: before.bits | (translated.bits as u64) << before.len,
                        len: before.len + translated.len as u32,
                    }
                };
                count += 1;
            }
            kind += 1;
        }
        owner += 1;
    }
    tables
}

static HCP: Tables = tables(&hcp_form::SCHEME, &packed_form::SCHEME);
static PACKED_SFEN: Tables = tables(&packed_form::SCHEME, &hcp_form::SCHEME);

/// What a piece on a square, or pieces in hand, add to the key and to the boards.
struct Additions {
    /// By the side to move, square and code; 0 for no piece.
    keys: [[[u64; 32]; 128]; 2],
    /// By the side to move, owner, kind and count.
    hand_keys: [[[[u64; 32]; 8]; 2]; 2],
    /// By square: its bit in the lower and the upper half of a board.
    low: [u64; 128],
    high: [u64; 128],
    /// By code: one piece of its kind, in a byte each.
    one: [u64; 32],
}

static ADDITIONS: Additions = {
    let mut table = Additions {
        keys: [[[0; 32]; 128]; 2],
        hand_keys: [[[[0; 32]; 8]; 2]; 2],
        low: [0; 128],
        high: [0; 128],
        one: [0; 32],
    };
    let mut square = 0;
    while square < 81 {
        table.low[square] = (1u128 << square) as u64;
        table.high[square] = (1u128 << square >> 64) as u64;
        let mut code = 0;
        while code < 32 {
            if code & 15 != 0 {
                table.keys[0][square][code] = PIECE_KEYS[code][square] as u64;
                table.keys[1][square][code] = (PIECE_KEYS[code][square] >> 64) as u64;
                table.one[code] = 1 << (8 * (code & 7));
            }
            code += 1;
        }
        square += 1;
    }
    let mut slot = 0;
    while slot < 16 {
        let mut count = 0;
        while count < 19 {
            let keys = HAND_KEYS[slot / 8][slot % 8][count];
            table.hand_keys[0][slot / 8][slot % 8][count] = keys as u64;
            table.hand_keys[1][slot / 8][slot % 8][count] = (keys >> 64) as u64;
            count += 1;
        }
        slot += 1;
    }
    table
};

/// 32 bytes with zeros behind, of which 57 bits can be taken from any of the 256.
struct Bits([u8; 40]);

impl Bits {
    #[inline(always)]
    fn new(bytes: &[u8; 32]) -> Bits {
        let mut padded = [0; 40];
        padded[..32].copy_from_slice(bytes);
        Bits(padded)
    }

    #[inline(always)]
    fn from(&self, bit: usize) -> u64 {
        let word = self.0[bit >> 3 & 31..].first_chunk().expect("40 bytes");
        u64::from_le_bytes(*word) >> (bit & 7)
    }
}

/// Bits written one after the other, at most 57 at once.
struct Writer {
    bytes: [u8; 72],
    at: usize,
    word: u64,
    n_bits: u32,
}

impl Writer {
    #[inline(always)]
    fn put(&mut self, bits: u64, len: u32) {
        self.word |= bits << self.n_bits;
        self.bytes[self.at & 63..][..8].copy_from_slice(&self.word.to_le_bytes());
        let n_bits = self.n_bits + len;
        self.at += (n_bits >> 3) as usize;
        self.word >>= n_bits & 56;
        self.n_bits = n_bits & 7;
    }

    #[inline(always)]
    fn finish(&self) -> [u8; 32] {
        *self.bytes.first_chunk().expect("72 bytes")
    }
}

/// What a sound position is.
#[derive(Debug, PartialEq)]
pub(super) struct Sound {
    /// As HCP with the hands in the usual order.
    pub(super) hcp: [u8; 32],
    pub(super) key: u64,
    pub(super) order: HandOrder,
}

/// Reads a position as HCP, and checks it and the move. `None`: something is wrong with them, or
/// they are rare.
#[inline]
pub(super) fn hcp(bytes: &[u8; 32], mv: Move) -> Option<Sound> {
    sound::<false>(bytes, mv, &HCP)
}

/// Reads a position as PackedSfen, and checks it and the move. `None`: something is wrong with
/// them, or they are rare.
#[inline]
pub(super) fn packed_sfen(bytes: &[u8; 32], mv: Move) -> Option<Sound> {
    sound::<true>(bytes, mv, &PACKED_SFEN)
}

#[inline(always)]
fn sound<const TRANSLATES: bool>(bytes: &[u8; 32], mv: Move, tables: &Tables) -> Option<Sound> {
    let bits = Bits::new(bytes);
    let head = bits.from(0);
    let turn = (head & 1) as usize;
    let kings = [(head >> 1 & 127) as usize, (head >> 8 & 127) as usize];
    if kings[0] > 80 || kings[1] > 80 || kings[0] == kings[1] {
        return None;
    }
    let mut writer = Writer { bytes: [0; 72], at: 1, word: head >> 8 & 127, n_bits: 7 };
    writer.bytes[0] = bytes[0];
    let (board, at) = board::<TRANSLATES>(&bits, kings, turn, tables, &mut writer)?;
    let at_hands = (writer.at, writer.word, writer.n_bits);
    let (held, order) = hands::<TRANSLATES>(&bits, at, tables, &mut writer)?;
    let counts = held.iter().fold(board.counts, |sum, held| sum + u64::from_le_bytes(*held));
    // HCP in another order than the usual one is rare.
    if counts != FULL_SET || order == HandOrder::Other || !TRANSLATES && order != HandOrder::Gold5th
    {
        return None;
    }
    let mut key = board.key;
    for (held, keys) in held.iter().zip(&ADDITIONS.hand_keys[turn]) {
        for (count, keys) in held.iter().zip(keys).skip(1) {
            key ^= keys[usize::from(*count & 31)];
        }
    }
    let mut position = position(&board, kings, turn, &held);
    if let Some(from) = mv.from()
        && position.board[from.index()].is_none()
    {
        position.board[from.index()] = Piece::from_code(board.codes[from.index()]);
    }
    if position.attacked_king(position.turn().opponent()) || !position.is_legal(mv) {
        return None;
    }
    if order == HandOrder::Gold7th {
        (writer.at, writer.word, writer.n_bits) = at_hands;
        for (runs, held) in tables.runs.iter().zip(&held) {
            for kind in huffman::GOLD_5TH {
                let run = runs[kind.index()][usize::from(held[kind.index()]) % 19];
                writer.put(run.bits, run.len);
            }
        }
    }
    let hcp = if TRANSLATES { writer.finish() } else { *bytes };
    Some(Sound { hcp, key: key & !1 | turn as u64, order })
}

/// What the bits of the board say.
struct Board {
    /// The halves of the boards by code of the piece; those of no piece mean nothing.
    low: [u64; 32],
    high: [u64; 32],
    /// By square, without kings.
    codes: [u8; 128],
    key: u64,
    /// How many pieces of each kind, kings left out, a byte each.
    counts: u64,
}

/// Reads the board, and tells where the hands begin.
#[inline(always)]
fn board<const TRANSLATES: bool>(
    bits: &Bits,
    kings: [usize; 2],
    turn: usize,
    tables: &Tables,
    writer: &mut Writer,
) -> Option<(Board, usize)> {
    let keys = &ADDITIONS.keys[turn];
    let key = keys[kings[0] & 127][8] ^ keys[kings[1] & 127][24];
    let (low_king, high_king) = (kings[0].min(kings[1]), kings[0].max(kings[1]));
    let mut board = Board { low: [0; 32], high: [0; 32], codes: [0; 128], key, counts: 0 };
    let mut at = 15;
    // Among the 79 squares without kings.
    let mut index = 0;
    loop {
        if at > 255 {
            return None;
        }
        let mut window = bits.from(at);
        let mut translated = 0;
        let mut n_bits = 0;
        let mut is_done = false;
        for _ in 0..N_STEPS {
            let step = &tables.steps[window as usize & ((1 << STEP_BITS) - 1)];
            let target = index + usize::from(step.n_empty);
            if target >= 79 {
                // The zeros after the last square belong to the hands.
                n_bits += 79 - index as u32;
                is_done = true;
                break;
            }
            if TRANSLATES {
                translated |= u64::from(step.other) << n_bits;
            }
            window >>= step.len;
            n_bits += u32::from(step.len);
            // Without a branch where no piece is: it adds nothing, and the next one overwrites it.
            let square = target + usize::from(target >= low_king);
            let square = (square + usize::from(square >= high_king)) & 127;
            let code = usize::from(step.code & 31);
            board.low[code] |= ADDITIONS.low[square];
            board.high[code] |= ADDITIONS.high[square];
            board.codes[square] = step.code;
            board.key ^= keys[square][code];
            board.counts += ADDITIONS.one[code];
            index += usize::from(step.n_squares);
        }
        at += n_bits as usize;
        if TRANSLATES {
            writer.put(translated, n_bits);
        }
        if is_done {
            return (at <= 256).then_some((board, at));
        }
    }
}

/// Reads what is in hands and box, by owner and number of the kind.
#[inline(always)]
fn hands<const TRANSLATES: bool>(
    bits: &Bits,
    mut at: usize,
    tables: &Tables,
    writer: &mut Writer,
) -> Option<([[u8; 8]; 4], HandOrder)> {
    let mut held = [[0u8; 8]; 4];
    let mut last = 0u16;
    let mut back = 0u16;
    while at < 256 {
        let mut window = bits.from(at);
        let mut translated = 0;
        let mut n_bits = 0;
        for _ in 0..N_HELD {
            let piece = tables.held[window as usize & 127];
            if piece.len == 0 {
                return None;
            }
            if TRANSLATES {
                translated |= u64::from(piece.other) << n_bits;
            }
            window >>= piece.len;
            n_bits += u32::from(piece.len);
            held.as_flattened_mut()[usize::from(piece.slot) & 31] += 1;
            // The top bit of each byte stays where its place did not go back.
            back |= !((piece.places | 0x8080) - last);
            last = piece.places;
            if at + n_bits as usize >= 256 {
                break;
            }
        }
        if TRANSLATES {
            writer.put(translated, n_bits);
        }
        at += n_bits as usize;
    }
    let order = match back & 0x8080 {
        0 | 0x8000 => HandOrder::Gold5th,
        0x80 => HandOrder::Gold7th,
        _ => HandOrder::Other,
    };
    (at == 256).then_some((held, order))
}

/// The position, as far as the rules ask for it: kings, boards and hands.
#[inline(always)]
fn position(board: &Board, kings: [usize; 2], turn: usize, held: &[[u8; 8]; 4]) -> Position {
    use PieceType::*;
    let turn = if turn == 0 { Color::Black } else { Color::White };
    let mut position = Position::empty(turn, 1);
    position.place_king(Color::Black, kings[0]);
    position.place_king(Color::White, kings[1]);
    let of_code = |code: usize| u128::from(board.high[code]) << 64 | u128::from(board.low[code]);
    let all = |kind: PieceType| of_code(kind as usize) | of_code(kind as usize + 16);
    position.classes[PAWN] = all(Pawn);
    position.classes[LANCE] = all(Lance);
    position.classes[KNIGHT] = all(Knight);
    position.classes[SILVER] = all(Silver);
    position.classes[GOLD] = all(Gold) | all(ProPawn) | all(ProLance) | all(ProKnight);
    position.classes[GOLD] |= all(ProSilver);
    position.classes[BISHOP] = all(Bishop) | all(Horse);
    position.classes[ROOK] = all(Rook) | all(Dragon);
    position.classes[KING] |= all(Horse) | all(Dragon);
    for (color, held) in held[..2].iter().enumerate() {
        position.colors[color] |= (1..15).fold(0, |all, code| all | of_code(16 * color + code));
        position.hands[color].counts_mut().copy_from_slice(held);
    }
    position
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Random, random_games, sparse_positions};

    /// What the general decoder makes of the bytes, if they and the move are sound.
    fn by_position(bytes: &[u8; 32], mv: Move, is_packed_sfen: bool) -> Option<Sound> {
        let (position, order) = if is_packed_sfen {
            let tables = (&packed_form::TABLES, &hcp_form::TABLES);
            let found = huffman::decode_and_translate(bytes, tables.0, tables.1).ok()?;
            (found.0, found.2)
        } else {
            huffman::decode_with_order(bytes, &hcp_form::TABLES).ok()?
        };
        let is_usual = order == HandOrder::Gold5th;
        let is_rare = order == HandOrder::Other || !is_packed_sfen && !is_usual;
        if is_rare || !position.is_legal(mv) {
            return None;
        }
        Some(Sound { hcp: position.to_hcp().unwrap(), key: position.key(), order })
    }

    /// Counts what is sound.
    fn check(bytes: &[u8; 32], mv: Move, n_sound: &mut usize) {
        for is_packed_sfen in [false, true] {
            let found = if is_packed_sfen { packed_sfen(bytes, mv) } else { hcp(bytes, mv) };
            *n_sound += usize::from(found.is_some());
            assert_eq!(found, by_position(bytes, mv, is_packed_sfen), "{bytes:02x?} {mv}");
        }
    }

    /// The position in both forms and both orders, and changed by a bit, with moves of all kinds.
    fn check_all(position: &Position, random: &mut Random, n_sound: &mut usize) {
        let Ok(hcp) = position.to_hcp() else { return };
        let mut forms = vec![hcp];
        for order in [HandOrder::Gold5th, HandOrder::Gold7th] {
            let tables = (&hcp_form::TABLES, &packed_form::TABLES);
            forms.push(huffman::translate(&hcp, tables.0, tables.1, order).unwrap());
        }
        let moves = position.legal_moves();
        for bytes in &forms {
            let mut moves: Vec<Move> = (0..3)
                .filter_map(|_| moves.get(random.below(moves.len().max(1))))
                .copied()
                .collect();
            moves.extend((0..3).filter_map(|_| Move::from_move16(random.below(1 << 15) as u16)));
            for mv in moves {
                check(bytes, mv, n_sound);
                let mut changed = *bytes;
                let bit = random.below(256);
                changed[bit / 8] ^= 1 << (bit % 8);
                check(&changed, mv, n_sound);
            }
        }
    }

    #[test]
    fn the_quick_way_and_the_general_one_agree() {
        let mut random = Random::new(51);
        let mut n_sound = 0;
        random_games(52, 64, |position| check_all(position, &mut random, &mut n_sound));
        assert!(n_sound > 50_000, "{n_sound}");
        sparse_positions(53, 5_000, |position| check_all(position, &mut random, &mut n_sound));
        for _ in 0..20_000 {
            let bytes = std::array::from_fn(|_| random.below(256) as u8);
            check(&bytes, Move::from_usi("7g7f").unwrap(), &mut n_sound);
        }
    }
}
