//! One position with its move: HCPE, HCPE2 and PSV.

use super::sound::{self, Sound};
use super::{
    CannotHold, FLAG_GOLD_7TH, RESULT_FLAGS, TeacherError, TeacherErrorKind, bad_position, illegal,
    legal,
};
use crate::hcp;
use crate::huffman::{self, HandOrder};
use crate::packed_sfen;
use crate::record::GameResult;
use crate::{Color, Move, Position};

/// Bytes of a record of HCPE or HCPE2: hcp\[32\], i16 eval, u16 move16, u8 result, u8 padding.
pub const HCPE_BYTES: usize = 38;

/// Bytes of a record of PSV: packed\[32\], i16 score, u16 move, u16 gamePly, i8 result, u8 padding.
pub const PSV_BYTES: usize = 40;

/// Which of the formats of 38 bytes a record is in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hcpe {
    /// A result alone.
    One,
    /// A result with flags, which HCPE has not.
    Two,
}

/// A position, the move that was chosen in it, an eval and the result of the game.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TrainingPosition {
    /// The position as HCP, with the hands in the usual order.
    pub hcp: [u8; 32],
    /// Its key, [`Position::key`].
    pub key: u64,
    /// The move, legal in the position.
    pub mv: Move,
    /// The eval for the side to move as the record has it: every tool has its own numbers for
    /// mates and for what is out of range.
    pub eval: i16,
    /// The result of the game, never unknown where it was read from a record.
    pub result: GameResult,
    /// [`FLAG_REPETITION`](super::FLAG_REPETITION) and its like.
    pub flags: u8,
    /// PSV's number of the move in its game, from 1; 0 if it is not known.
    pub ply: u16,
    /// Whether the record that it was read from is what is written of it. A padding byte that is
    /// not 0 is lost, and so is an order of the pieces in hand that no tool is known to write in
    /// this format.
    pub is_exact: bool,
}

#[inline]
fn split<const N: usize>(bytes: &[u8; N], at: usize) -> [u8; 2] {
    [bytes[at], bytes[at + 1]]
}

#[cold]
fn bad_result(offset: usize, expected: &str, found: impl std::fmt::Display) -> TeacherError {
    let message = format!("expected {expected}, found `{found}`");
    TeacherError::new(TeacherErrorKind::Result, offset, message)
}

#[inline]
const fn turn_of(hcp: &[u8; 32]) -> Color {
    if hcp[0] & 1 == 0 { Color::Black } else { Color::White }
}

/// Reads what is not sound, or rare, and says what is wrong with it.
#[cold]
fn hcp_with_words(
    hcp: &[u8; 32],
    mv: Option<Move>,
    bits: u16,
) -> Result<(Move, Sound), TeacherError> {
    let (position, order) = huffman::decode_with_order(hcp, &hcp::TABLES).map_err(bad_position)?;
    let mv = legal(&position, mv, bits, 34)?;
    // In the usual order.
    let hcp = huffman::encode(&position, &hcp::TABLES).map_err(bad_position)?;
    Ok((mv, Sound { hcp, key: position.key(), order }))
}

/// Reads what is not sound, or rare, and says what is wrong with it.
#[cold]
fn packed_sfen_with_words(
    packed: &[u8; 32],
    mv: Option<Move>,
    bits: u16,
) -> Result<(Move, Sound), TeacherError> {
    let (position, hcp, order) =
        huffman::decode_and_translate(packed, &packed_sfen::TABLES, &hcp::TABLES)
            .map_err(bad_position)?;
    let mv = legal(&position, mv, bits, 34)?;
    Ok((mv, Sound { hcp, key: position.key(), order }))
}

impl TrainingPosition {
    /// Reads a record of HCPE or HCPE2.
    ///
    /// # Errors
    /// If the position is not legal, the move cannot be played in it, or the format has no such
    /// result.
    #[inline]
    pub fn from_hcpe(record: &[u8; HCPE_BYTES], format: Hcpe) -> Result<Self, TeacherError> {
        let hcp = record.first_chunk::<32>().expect("38 bytes begin with 32");
        let bits = u16::from_le_bytes(split(record, 34));
        let mv = Move::from_move16(bits);
        let (mv, found) = match mv.and_then(|mv| Some((mv, sound::hcp(hcp, mv)?))) {
            Some(sound) => sound,
            None => hcp_with_words(hcp, mv, bits)?,
        };
        let (result, flags) = match (format, record[36]) {
            (Hcpe::One, number @ 0..=2) => (number, 0),
            (Hcpe::One, number) => return Err(bad_result(36, "a result of 0, 1 or 2", number)),
            (Hcpe::Two, byte) => (byte & 3, byte & !3),
        };
        let result = match GameResult::from_u8(result) {
            Some(result) if result != GameResult::Unknown && flags & !RESULT_FLAGS == 0 => result,
            _ => {
                let expected = "a result of 0, 1 or 2 with flags of 4, 8 and 16";
                return Err(bad_result(36, expected, record[36]));
            }
        };
        Ok(TrainingPosition {
            hcp: found.hcp,
            key: found.key,
            mv,
            eval: i16::from_le_bytes(split(record, 32)),
            result,
            flags,
            ply: 0,
            is_exact: record[37] == 0 && found.order == HandOrder::Gold5th,
        })
    }

    /// Reads a record of PSV.
    ///
    /// # Errors
    /// If the position is not legal, the move cannot be played in it, or the result is none of 1,
    /// 0 and −1.
    #[inline]
    pub fn from_psv(record: &[u8; PSV_BYTES]) -> Result<Self, TeacherError> {
        let packed = record.first_chunk::<32>().expect("40 bytes begin with 32");
        let bits = u16::from_le_bytes(split(record, 34));
        let mv = Move::from_yaneuraou16(bits);
        let (mv, found) = match mv.and_then(|mv| Some((mv, sound::packed_sfen(packed, mv)?))) {
            Some(sound) => sound,
            None => packed_sfen_with_words(packed, mv, bits)?,
        };
        let turn = turn_of(&found.hcp);
        let result = match record[38] as i8 {
            1 => GameResult::win_of(turn),
            0 => GameResult::Draw,
            -1 => GameResult::win_of(turn.opponent()),
            other => return Err(bad_result(38, "a result of 1, 0 or -1", other)),
        };
        Ok(TrainingPosition {
            hcp: found.hcp,
            key: found.key,
            mv,
            eval: i16::from_le_bytes(split(record, 32)),
            result,
            flags: if found.order == HandOrder::Gold7th { FLAG_GOLD_7TH } else { 0 },
            ply: u16::from_le_bytes(split(record, 36)),
            is_exact: record[39] == 0 && found.order != HandOrder::Other,
        })
    }

    /// The order in which PSV names the pieces in hand.
    #[inline]
    fn order(&self) -> HandOrder {
        if self.flags & FLAG_GOLD_7TH == 0 { HandOrder::Gold5th } else { HandOrder::Gold7th }
    }

    /// The side to move.
    #[inline]
    pub const fn turn(&self) -> Color {
        turn_of(&self.hcp)
    }

    /// Writes a record of HCPE, which has no flags, or of HCPE2.
    ///
    /// # Errors
    /// [`CannotHold::UnknownResult`].
    #[inline]
    pub fn to_hcpe(&self, format: Hcpe) -> Result<[u8; HCPE_BYTES], CannotHold> {
        if self.result == GameResult::Unknown {
            return Err(CannotHold::UnknownResult);
        }
        let flags = if format == Hcpe::Two { self.flags & RESULT_FLAGS } else { 0 };
        let mut record = [0; HCPE_BYTES];
        record[..32].copy_from_slice(&self.hcp);
        record[32..34].copy_from_slice(&self.eval.to_le_bytes());
        record[34..36].copy_from_slice(&self.mv.move16().to_le_bytes());
        record[36] = self.result as u8 | flags;
        Ok(record)
    }

    /// Writes a record of PSV.
    ///
    /// # Errors
    /// [`CannotHold::UnknownResult`], and [`CannotHold::MissingKing`] if the bytes are no position.
    #[inline]
    pub fn to_psv(&self) -> Result<[u8; PSV_BYTES], CannotHold> {
        let result: i8 = match self.result {
            GameResult::Draw => 0,
            GameResult::Unknown => return Err(CannotHold::UnknownResult),
            won if won == GameResult::win_of(self.turn()) => 1,
            _ => -1,
        };
        let packed =
            huffman::translate(&self.hcp, &hcp::TABLES, &packed_sfen::TABLES, self.order())
                .map_err(|_| CannotHold::MissingKing)?;
        let mut record = [0; PSV_BYTES];
        record[..32].copy_from_slice(&packed);
        record[32..34].copy_from_slice(&self.eval.to_le_bytes());
        record[34..36].copy_from_slice(&self.mv.yaneuraou16().to_le_bytes());
        record[36..38].copy_from_slice(&self.ply.to_le_bytes());
        record[38] = result as u8;
        Ok(record)
    }

    /// Checks what a table says of a position: that the bytes are one, with this key, and that the
    /// move can be played.
    ///
    /// # Errors
    /// What is wrong; the offset is 0 for the position and the key, 34 for the move.
    pub fn check(hcp: &[u8; 32], key: u64, move16: u16) -> Result<(), TeacherError> {
        let position = Position::from_hcp(hcp).map_err(bad_position)?;
        if position.to_hcp() != Ok(*hcp) {
            let message = "expected the pieces in hand in the order P L N S G B R";
            return Err(TeacherError::new(TeacherErrorKind::Position, 0, message));
        }
        if position.key() != key {
            let message = format!("expected the key `{:016x}`, found `{key:016x}`", position.key());
            return Err(TeacherError::new(TeacherErrorKind::Position, 0, message));
        }
        match Move::from_move16(move16) {
            Some(mv) if position.is_legal(mv) => Ok(()),
            mv => Err(illegal(&position, mv, move16, 34)),
        }
    }
}
