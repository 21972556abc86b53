//! Reading and writing game records.
//!
//! [`Reader::read`] takes the bytes of one file, tells its format and encoding by their content,
//! and hands every game and every error to a [`Sink`], in the order of the file. A bad game never
//! stops the others, and no bytes make it panic.

mod builder;
mod check;
mod comments;
mod csa;
mod csa_comment;
mod csa_ending;
mod csa_move;
mod csa_start;
mod detect;
mod ending;
mod error;
mod glyph;
mod header;
mod jkf;
mod jkf_move;
mod jkf_start;
mod json;
mod ki2;
mod kif;
mod kif_comment;
mod kif_ending;
mod kif_move;
mod kif_start;
mod kif_text;
mod lines;
mod model;
mod notation;
#[cfg(test)]
mod tests;
mod text;
mod usi;
mod write;

pub(crate) use builder::clamp_eval;
pub use check::GameError;
pub use comments::{Comment, Comments};
pub use error::{ErrorKind, RecordError};
pub use model::{Date, Ending, GameRecord, GameResult, UnknownEnding, Variation};
pub use notation::{MoveTextError, UnknownHandicap};
pub use text::Encoding;
pub use write::{
    CsaOptions, EncodeError, GamesText, Loss, encode, write_csa, write_csa_with, write_jkf,
    write_ki2, write_kif, write_record, write_records, write_sfen, write_usi,
};

use builder::Builder;
use text::{Places, Text};

use crate::Position;

/// Takes what a [`Reader`] finds, in the order of the file.
pub trait Sink {
    /// Takes a game. The record is cleared and reused for the next one: what a sink takes out of it
    /// need not be copied.
    fn game(&mut self, game: &mut GameRecord);

    /// Takes an error. The errors in a game come before the game.
    fn error(&mut self, error: RecordError);
}

/// A format of game records.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Format {
    /// The format of the Computer Shogi Association, versions 1 to 3.
    Csa,
    /// The format of Kakinoki's Kifu for Windows, KIF and KIFU.
    Kif,
    /// The format of Kakinoki's Kifu for Windows without origins of the moves, KI2 and KI2U.
    Ki2,
    /// JSON棋譜フォーマット, the JSON form of records.
    Jkf,
    /// `position` lines of USI, a game on each.
    Usi,
    /// Start positions, an SFEN on each line.
    Sfen,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 6] =
        [Format::Csa, Format::Kif, Format::Ki2, Format::Jkf, Format::Usi, Format::Sfen];

    /// The name in lower case, as in `sources.feather`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Format::Csa => "csa",
            Format::Kif => "kif",
            Format::Ki2 => "ki2",
            Format::Jkf => "jkf",
            Format::Usi => "usi",
            Format::Sfen => "sfen",
        }
    }
}

/// Reads records; one per thread, since it keeps its buffers from file to file.
#[derive(Debug, Default)]
pub struct Reader {
    game: GameRecord,
    even: Position,
    csa_start: csa::StartCache,
    unix_lines: Vec<u8>,
    is_full: bool,
}

impl Reader {
    /// A reader of what the games table holds: it counts comments and variations, and drops headers
    /// that no column has.
    pub fn new() -> Reader {
        Reader::default()
    }

    /// A reader that keeps headers, comments and variations too.
    pub fn full() -> Reader {
        Reader { is_full: true, ..Reader::default() }
    }

    /// Reads all games of one file into `sink`, and returns the format.
    ///
    /// Without a format there is exactly one error, of kind [`ErrorKind::NotARecord`],
    /// [`ErrorKind::Empty`] or [`ErrorKind::Encoding`], and no game.
    pub fn read(&mut self, bytes: &[u8], sink: &mut dyn Sink) -> Option<Format> {
        let bytes = with_line_feeds(bytes, &mut self.unix_lines);
        let text = Text::new(bytes);
        let format = match detect::detect(text) {
            Ok(format) => format,
            Err((kind, offset, message)) => {
                let mut places = Places::START;
                let (line, column) = places.find(&text, offset);
                sink.error(RecordError { kind, line, column, message, kept: false });
                return None;
            }
        };
        let mut decoded = String::new();
        let text = match format {
            // Hardly ever beyond UTF-8: not worth a reader of other encodings.
            Format::Jkf | Format::Usi | Format::Sfen => text.in_utf8(&mut decoded),
            Format::Csa | Format::Kif | Format::Ki2 => text,
        };
        let mut watched = Watched { sink, anything: false };
        let builder = Builder::new(text, &mut self.game, self.is_full, &mut watched);
        match (format, text.encoding) {
            (Format::Csa, _) => csa::read(builder, &mut self.csa_start),
            (Format::Kif | Format::Ki2, Encoding::Ascii | Encoding::Utf8) => {
                kif::read::<glyph::Utf8>(builder, &self.even, format == Format::Ki2);
            }
            (Format::Kif | Format::Ki2, Encoding::ShiftJis) => {
                kif::read::<glyph::ShiftJis>(builder, &self.even, format == Format::Ki2);
            }
            (Format::Kif | Format::Ki2, Encoding::EucJp) => {
                kif::read::<glyph::EucJp>(builder, &self.even, format == Format::Ki2);
            }
            (Format::Jkf, _) => jkf::read(builder, &self.even),
            (Format::Usi | Format::Sfen, _) => usi::read(builder, &self.even),
        }
        if !watched.anything {
            // A file that is cut off within its first lines.
            let mut places = Places::START;
            let (line, column) = places.find(&text, bytes.trim_ascii_end().len());
            let message = "expected a game, found the end of the file".to_owned();
            let kind = ErrorKind::Empty;
            watched.sink.error(RecordError { kind, line, column, message, kept: false });
        }
        Some(format)
    }
}

/// A sink that knows whether anything came.
struct Watched<'a> {
    sink: &'a mut dyn Sink,
    anything: bool,
}

impl Sink for Watched<'_> {
    fn game(&mut self, game: &mut GameRecord) {
        self.anything = true;
        self.sink.game(game);
    }

    fn error(&mut self, error: RecordError) {
        self.anything = true;
        self.sink.error(error);
    }
}

/// `bytes`, with line feeds instead of the carriage returns that end lines on old Macs.
fn with_line_feeds<'a>(bytes: &'a [u8], buffer: &'a mut Vec<u8>) -> &'a [u8] {
    let first_line = memchr::memchr2(b'\n', b'\r', bytes);
    let is_old_mac =
        first_line.is_some_and(|at| bytes[at] == b'\r') && memchr::memchr(b'\n', bytes).is_none();
    if !is_old_mac {
        return bytes;
    }
    buffer.clear();
    buffer.extend(bytes.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }));
    buffer
}
