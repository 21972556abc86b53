//! Writing game records as CSA and KIF text.
//!
//! Read again, a text gives the same game, but for what its format cannot hold:
//!
//! | | CSA | KIF |
//! |---|---|---|
//! | evals, ratings | kept | left out |
//! | another forbidden action | kept | becomes an illegal move |
//! | a game that was not played | becomes an interrupted one | kept |
//! | a result without an ending | left out | left out |
//! | `tail`, `eval_scale_cp`, counts of what was dropped | left out | left out |
//!
//! Start positions other than the usual one are written as boards.

mod csa;
mod kif;
mod loss;
#[cfg(test)]
mod tests;

use std::fmt;

use encoding_rs::{EUC_JP, SHIFT_JIS};

pub use csa::{CsaOptions, write_csa, write_csa_with};
pub use kif::write_kif;
pub use loss::Loss;

use super::ending::Verdict;
use super::{Encoding, GameRecord};
use crate::{Color, Square};

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

/// The bytes of a text in an encoding, without a byte order mark.
///
/// # Errors
/// If the encoding does not have all characters of the text.
pub fn encode(text: &str, encoding: Encoding) -> Result<Vec<u8>, EncodeError> {
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

/// Whether the name of the ending, with `turn` to move, would not tell who won.
fn forgets_winner(game: &GameRecord, turn: Color) -> bool {
    let told = Verdict::of(game.ending, turn).result;
    game.result.winner().is_some() && told.is_some_and(|told| told != game.result)
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
