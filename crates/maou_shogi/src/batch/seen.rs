//! Positions as the side to move sees them, straight from HCP: turned by 180° with colors swapped
//! if White is to move, so that what follows knows one side only.

use crate::color::Color;
use crate::hcp::{HcpError, TABLES};
use crate::huffman::{self, HandOrder};
use crate::key::{HAND_KEYS, PIECE_KEYS, key_of};
use crate::piece::{Piece, PieceType};
use crate::position::{Position, SetupError};

/// The piece code of a king, without its color.
const KING: usize = PieceType::King as usize;
/// What White's pieces have more in their code.
const WHITE: usize = 16;

/// What stands beside the board: the side to move, and the hands by number of the kind, its own
/// first.
pub(super) struct Seen {
    pub(super) turn: Color,
    pub(super) hands: [[u8; 8]; 2],
    /// Meant only if it was asked for.
    pub(super) order: HandOrder,
}

/// Hands each piece, kings first, by code and square to `place`: the side to move is Black. `FULL`
/// asks for the order of the hands.
#[inline(always)]
pub(super) fn read<const FULL: bool>(
    bytes: &[u8; 32],
    mut place: impl FnMut(usize, usize),
) -> Result<Seen, HcpError> {
    let head = huffman::head(bytes)?;
    let us = head.turn.index();
    let (swap, last) = (us * WHITE, us * 80);
    let view = |square: usize| if last == 0 { square } else { last - square };
    place(KING, view(head.kings[us]));
    place(KING | WHITE, view(head.kings[1 - us]));
    let body = huffman::body::<FULL>(&head, &TABLES, |piece, square| {
        place((piece.code() as usize & 31) ^ swap, view(square));
    })?;
    let hands = [body.held[us], body.held[1 - us]];
    Ok(Seen { turn: head.turn, hands, order: body.order })
}

/// The position as the side to move sees it, and what was read. Nobody asks for its key, and that
/// the other side is not in check is left to the caller.
#[inline(always)]
pub(super) fn position<const FULL: bool>(bytes: &[u8; 32]) -> Result<(Position, Seen), HcpError> {
    let mut position = Position::empty(Color::Black, 1);
    let seen = read::<FULL>(bytes, |code, square| {
        let Some(piece) = Piece::from_code(code as u8) else { return };
        if code & 15 == KING {
            position.place_king_unkeyed(piece.color(), square);
        } else {
            position.place_unkeyed(piece, square);
        }
    })?;
    for (hand, held) in position.hands.iter_mut().zip(&seen.hands) {
        hand.counts_mut().copy_from_slice(held);
    }
    Ok((position, seen))
}

/// The twin of the position: turned by 180°, colors and turn swapped. Nobody asks for its key.
#[inline(always)]
pub(super) fn twin(bytes: &[u8; 32]) -> Result<Position, HcpError> {
    let head = huffman::head(bytes)?;
    let mut twin = Position::empty(head.turn.opponent(), 1);
    for color in Color::ALL {
        twin.place_king_unkeyed(color, 80 - head.kings[color.opponent().index()]);
    }
    let body = huffman::body::<false>(&head, &TABLES, |piece, square| {
        twin.place_unkeyed(piece.flip(), 80 - square);
    })?;
    for color in Color::ALL {
        let held = &body.held[color.opponent().index()];
        twin.hands[color.index()].counts_mut().copy_from_slice(held);
    }
    Ok(twin)
}

/// Checks that the bytes are a position. Returns whether it would be written so, too: hands may
/// stand in another order.
#[inline(always)]
pub(super) fn check(bytes: &[u8; 32]) -> Result<bool, HcpError> {
    let (position, seen) = position::<true>(bytes)?;
    if position.attacked_king(Color::White) {
        return Err(HcpError::Setup(SetupError::OpponentInCheck(seen.turn.opponent())));
    }
    Ok(seen.order == HandOrder::Gold5th)
}

/// The key of the position.
#[inline(always)]
pub(super) fn key(bytes: &[u8; 32]) -> Result<u64, HcpError> {
    let mut keys = 0;
    let seen = read::<false>(bytes, |code, square| keys ^= PIECE_KEYS[code][square])?;
    for (table, held) in HAND_KEYS.iter().zip(&seen.hands) {
        for (table, &count) in table.iter().zip(held) {
            keys ^= table[count as usize];
        }
    }
    // The side to move is Black here, whose half is that of White in the twin.
    Ok(key_of(keys, Color::Black) | seen.turn as u64)
}
