//! What is reported about a record: a kind, a place and a sentence.

use std::fmt;

/// The kind of a [`RecordError`]; its name goes into lists of errors.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ErrorKind {
    /// The bytes are no game record of a format that is read here.
    NotARecord,
    /// There is nothing but white space, or nothing behind the first lines of a record.
    Empty,
    /// The text is in an encoding that is not read, or a text that is kept has malformed bytes.
    Encoding,
    /// The start position cannot be read or is not legal.
    StartPosition,
    /// A line cannot be read.
    Syntax,
    /// A move that can be read but not played.
    IllegalMove,
    /// A move whose number does not follow the one before.
    MoveNumber,
    /// The record tells two different results.
    Contradiction,
}

impl ErrorKind {
    /// All kinds.
    pub const ALL: [ErrorKind; 8] = [
        ErrorKind::NotARecord,
        ErrorKind::Empty,
        ErrorKind::Encoding,
        ErrorKind::StartPosition,
        ErrorKind::Syntax,
        ErrorKind::IllegalMove,
        ErrorKind::MoveNumber,
        ErrorKind::Contradiction,
    ];

    /// The name in snake case.
    pub const fn as_str(self) -> &'static str {
        match self {
            ErrorKind::NotARecord => "not_a_record",
            ErrorKind::Empty => "empty",
            ErrorKind::Encoding => "encoding",
            ErrorKind::StartPosition => "start_position",
            ErrorKind::Syntax => "syntax",
            ErrorKind::IllegalMove => "illegal_move",
            ErrorKind::MoveNumber => "move_number",
            ErrorKind::Contradiction => "contradiction",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something in a record that could not be read or played.
///
/// Displayed as `line:column: message`; the caller, who knows it, puts the path before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecordError {
    /// What kind of error it is.
    pub kind: ErrorKind,
    /// Line, from 1.
    pub line: u64,
    /// Column in characters of the decoded text, from 1.
    pub column: u64,
    /// The sentence, with the culprit in backticks.
    pub message: String,
    /// Whether the game that the error is in was kept, at least up to there.
    pub kept: bool,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for RecordError {}
