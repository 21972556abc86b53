//! Writing game records.
//!
//! Read again, a text gives the same game, but for what its format cannot hold, which is returned
//! as a [`Loss`]:
//!
//! | | CSA | KIF | KI2 |
//! |---|---|---|---|
//! | variations | lost | kept | kept |
//! | times | kept | kept | lost |
//! | ratings | kept | lost | lost |
//! | another forbidden action | kept | becomes an illegal move | becomes an illegal move |
//! | a game that was not played | becomes an interrupted one | kept | kept |
//! | a winner without an ending | lost | lost | lost |
//! | what could not be played at the end of a line | lost | lost | lost |
//!
//! JKF is like KIF, but for fractions of seconds, and for games that were not played, as in CSA; USI
//! lines hold the start and the main line, SFENs the start.
//!
//! A result is never written as another one: where no word of a format tells it, none is written. A
//! comment that would be read as something else gets a blank in front, and counts as lost.
//!
//! `eval_scale_cp` is not written, nor told as lost. Start positions without a name are written as
//! boards.

mod csa;
mod ending;
mod games;
mod header;
mod jkf;
mod ki2;
mod kif;
mod kif_lines;
mod loss;
mod remarks;
#[cfg(test)]
mod tests;
mod usi;

use std::fmt;

use encoding_rs::{EUC_JP, SHIFT_JIS};

pub use csa::{CsaOptions, write_csa, write_csa_with};
pub use games::{GamesText, write_record, write_records};
pub use jkf::write_jkf;
pub use kif::{write_ki2, write_kif};
pub use loss::Loss;
pub use usi::{write_sfen, write_usi};

use super::{Encoding, Variation};
use crate::{Move, Position, Square};

/// A character that an encoding does not have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EncodeError {
    /// The first such character.
    pub character: char,
    /// The encoding.
    pub encoding: Encoding,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (character, encoding) = (self.character, self.encoding.as_str());
        write!(f, "expected text that {encoding} can hold, found `{character}`")
    }
}

impl std::error::Error for EncodeError {}

/// The bytes of a text in an encoding, without a byte order mark; where CSA text names its encoding,
/// it names this one.
///
/// # Errors
/// If the encoding does not have all characters of the text.
pub fn encode(text: &str, encoding: Encoding) -> Result<Vec<u8>, EncodeError> {
    if encoding != Encoding::Utf8 && text.starts_with(csa::ENCODING_LINE) {
        // As CSA writes the name of Shift_JIS.
        let name = encoding.as_str().to_uppercase();
        let line = format!("'CSA encoding={name}\n");
        return encode(&text.replace(csa::ENCODING_LINE, &line), encoding);
    }
    let error = |character| EncodeError { character, encoding };
    let encoder = match encoding {
        Encoding::Utf8 => return Ok(text.as_bytes().to_vec()),
        Encoding::Ascii => {
            return match text.chars().find(|c| !c.is_ascii()) {
                None => Ok(text.as_bytes().to_vec()),
                Some(character) => Err(error(character)),
            };
        }
        Encoding::ShiftJis => SHIFT_JIS,
        Encoding::EucJp => EUC_JP,
    };
    let (bytes, _, has_errors) = encoder.encode(text);
    if has_errors {
        let mut buffer = [0; 4];
        let is_missing = |c: &char| encoder.encode(c.encode_utf8(&mut buffer)).2;
        if let Some(character) = text.chars().find(is_missing) {
            return Err(error(character));
        }
    }
    Ok(bytes.into_owned())
}

/// Number of lines in a variation: itself and those that leave it.
fn n_lines(variation: &Variation) -> u64 {
    1 + variation.variations.iter().map(n_lines).sum::<u64>()
}

/// The name of a move in KIF, such as `７六歩(77)`.
pub(super) fn kif_move_name(position: &Position, mv: Move, last_to: Option<Square>) -> String {
    let mut name = String::new();
    kif::push_kif_move(&mut name, position, mv, last_to);
    name
}

/// The name of a move in KI2, such as `▲７六歩`.
pub(super) fn ki2_move_name(position: &Position, mv: Move, last_to: Option<Square>) -> String {
    let mut name = String::new();
    ki2::push_ki2_move(&mut name, position, mv, last_to);
    name
}

/// The name of a move in CSA, such as `+7776FU`.
pub(super) fn csa_move_name(position: &Position, mv: Move) -> String {
    csa::written(position, mv).map(char::from).into_iter().collect()
}

/// Board and hands as KIF writes them.
pub(super) fn kif_board(position: &Position) -> String {
    let mut board = String::new();
    kif::push_board(&mut board, position);
    board
}

/// Writes `tag` and `text` as one line, whatever the text holds.
fn push_line(out: &mut String, tag: &str, text: &str) {
    out.push_str(tag);
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
    out.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
    out.push('\n');
}

/// Squares of a rank from the ninth file to the first, as boards are printed.
fn rank_squares(rank: u8) -> impl Iterator<Item = Square> {
    (0..9).rev().map(move |file| Square::new(file, rank))
}
