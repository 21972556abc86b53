//! What a network sees of a position, always as the side to move sees the board: its own pieces
//! first, turned by 180° for White.

use crate::attacks::{self as at, BLACK, WHITE, for_each_square, forward};
use crate::bitboard::ALL_SQUARES;
use crate::checks::{knight_left, knight_right};
use crate::huffman::GOLD_5TH;
use crate::piece::PieceType;

/// The planes of dlshogi's first input: pieces, attacks and numbers of attackers of both sides.
pub const N_DLSHOGI_PLANES_1: usize = 62;
/// The planes of dlshogi's second input: hands of both sides, and check.
pub const N_DLSHOGI_PLANES_2: usize = 57;
/// Pieces on squares and in hands, as [`piece ids`](PIECE_ID) and counts.
pub const N_PIECE_IDS: usize = 81;
/// The kinds that a hand can hold, of both sides.
pub const N_HAND_COUNTS: usize = 14;

/// Piece ids by code of the piece: 0 empty, own 1–14 (P L N S G B R K +P +L +N +S Horse Dragon),
/// the opponent's 14 more.
pub(crate) const PIECE_ID: [u8; 32] = {
    let mut ids = [0; 32];
    let mut code = 1;
    while code < 32 {
        let kind = code & 15;
        if kind >= 1 && kind <= 14 {
            let mut id = kind as u8;
            let mut i = 0;
            while i < 7 {
                if GOLD_5TH[i] as usize == kind {
                    id = i as u8 + 1;
                }
                i += 1;
            }
            ids[code] = id + (code as u8 >> 4) * 14;
        }
        code += 1;
    }
    ids
};

/// Writes the counts of both hands, by number of the kind, in the order P L N S G B R.
#[inline(always)]
pub(crate) fn hand_counts(hands: &[[u8; 8]; 2], counts: &mut [u8]) {
    for (counts, hand) in counts.chunks_exact_mut(7).zip(hands) {
        for (count, kind) in counts.iter_mut().zip(GOLD_5TH) {
            *count = hand[kind as usize];
        }
    }
}

/// Pieces by code: the squares of each.
pub(crate) type Pieces = [u128; 32];

/// What the squares of dlshogi's first input tell, plane by plane, as dlshogi and cshogi have it.
pub(crate) struct Planes {
    pub(crate) boards: [u128; N_DLSHOGI_PLANES_1],
    pub(crate) is_check: bool,
}

/// How many pieces attack each square: at least one, two, three.
#[derive(Default)]
struct Counter([u128; 3]);

impl Counter {
    #[inline(always)]
    fn add(&mut self, attack: u128) {
        let [one, two, three] = &mut self.0;
        *three |= *two & attack;
        *two |= *one & attack;
        *one |= attack;
    }
}

/// Fills the 31 planes of one side.
#[inline(always)]
fn side<const US: usize>(pieces: &Pieces, occupied: u128, planes: &mut [u128]) {
    let mut counter = Counter::default();
    for kind in 1..=14 {
        let squares = pieces[16 * US + kind];
        planes[kind - 1] = squares;
        let mut attacked = 0;
        let mut add = |attack: u128| {
            attacked |= attack;
            counter.add(attack);
        };
        const KINDS: [PieceType; 14] = PieceType::ALL;
        match KINDS[kind - 1] {
            PieceType::Pawn => {
                add(forward::<US>(squares & !at::LAST[US], 1));
            }
            PieceType::Knight => {
                let squares = squares & !at::LAST_TWO[US];
                add(knight_left::<US>(squares) & ALL_SQUARES);
                add(knight_right::<US>(squares) & ALL_SQUARES);
            }
            PieceType::Lance => {
                for_each_square!(s in squares => { add(at::lance::<US>(s, occupied)); });
            }
            PieceType::Silver => {
                for_each_square!(s in squares => { add(at::SILVER[US][s]); });
            }
            PieceType::Bishop => {
                for_each_square!(s in squares => { add(at::bishop(s, occupied)); });
            }
            PieceType::Rook => {
                for_each_square!(s in squares => { add(at::rook(s, occupied)); });
            }
            PieceType::King => {
                for_each_square!(s in squares => { add(at::KING[s]); });
            }
            PieceType::Horse => {
                for_each_square!(s in squares => { add(at::bishop(s, occupied) | at::KING[s]); });
            }
            PieceType::Dragon => {
                for_each_square!(s in squares => { add(at::rook(s, occupied) | at::KING[s]); });
            }
            _ => {
                for_each_square!(s in squares => { add(at::GOLD[US][s]); });
            }
        }
        planes[13 + kind] = attacked;
    }
    planes[28..31].copy_from_slice(&counter.0);
}

/// The planes of these pieces, Black to move.
#[inline(always)]
pub(crate) fn dlshogi_planes(pieces: &Pieces) -> Planes {
    let occupied = pieces.iter().fold(0, |all, squares| all | squares);
    let mut boards = [0; N_DLSHOGI_PLANES_1];
    let (own, other) = boards.split_at_mut(31);
    side::<BLACK>(pieces, occupied, own);
    side::<WHITE>(pieces, occupied, other);
    let is_check = other[28] & pieces[PieceType::King as usize] != 0;
    Planes { boards, is_check }
}

/// The kinds in the order of the second input, with the number of planes of each.
const HAND_PLANES: [(PieceType, usize); 7] = [
    (PieceType::Pawn, 8),
    (PieceType::Lance, 4),
    (PieceType::Knight, 4),
    (PieceType::Silver, 4),
    (PieceType::Gold, 4),
    (PieceType::Bishop, 2),
    (PieceType::Rook, 2),
];

/// The boards of dlshogi's second input: as many full ones as pieces in hand, of pawns at most 8,
/// and one that is full in check.
#[inline(always)]
pub(crate) fn dlshogi_hands(hands: &[[u8; 8]; 2], is_check: bool) -> [u128; N_DLSHOGI_PLANES_2] {
    let mut boards = [0; N_DLSHOGI_PLANES_2];
    let mut at = 0;
    for hand in hands {
        for (kind, n_planes) in HAND_PLANES {
            for number in 0..n_planes {
                let is_full = number < hand[kind as usize] as usize;
                boards[at] = if is_full { ALL_SQUARES } else { 0 };
                at += 1;
            }
        }
    }
    boards[at] = if is_check { ALL_SQUARES } else { 0 };
    boards
}
