//! SFEN, the text form of positions (USI protocol).

use std::fmt;

use crate::color::Color;
use crate::hand::Hand;
use crate::piece::{Piece, PieceType};
use crate::setup::Setup;
use crate::square::Square;

/// A text that is no SFEN, or an SFEN of an arrangement that the rules do not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SfenError {
    /// What was expected and what was found, or which rule is broken.
    pub message: String,
    /// Where, in characters from 1.
    pub column: usize,
}

impl fmt::Display for SfenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column, self.message)
    }
}

impl std::error::Error for SfenError {}

/// The order of the kinds in the hands field.
const HAND_ORDER: [PieceType; 7] = [
    PieceType::Rook,
    PieceType::Bishop,
    PieceType::Gold,
    PieceType::Silver,
    PieceType::Knight,
    PieceType::Lance,
    PieceType::Pawn,
];

/// The characters of an SFEN, with the place.
struct Cursor<'a> {
    rest: std::str::Chars<'a>,
    column: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.next();
        self.column += usize::from(c.is_some());
        c
    }

    /// The number at the cursor, if it starts with 1 to 9 and fits.
    fn number(&mut self) -> Option<u16> {
        if !matches!(self.peek(), Some('1'..='9')) {
            return None;
        }
        let mut number: u16 = 0;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            number = number.checked_mul(10)?.checked_add(digit as u16)?;
            self.next();
        }
        Some(number)
    }

    fn error<T>(&self, expected: &str) -> Result<T, SfenError> {
        let found = match self.peek() {
            Some(c) => format!("`{c}`"),
            None => "the end".to_owned(),
        };
        let message = format!("expected {expected}, found {found}");
        Err(SfenError { message, column: self.column })
    }

    fn space(&mut self, next_field: &str) -> Result<(), SfenError> {
        if self.peek() != Some(' ') {
            return self.error(&format!("a space and {next_field}"));
        }
        self.next();
        Ok(())
    }
}

fn piece_letter(c: char) -> Option<(Color, PieceType)> {
    let kind = PieceType::from_letter(u8::try_from(c).ok()?.to_ascii_uppercase())?;
    Some((if c.is_ascii_uppercase() { Color::Black } else { Color::White }, kind))
}

pub(crate) fn parse(text: &str) -> Result<Setup, SfenError> {
    let mut cursor = Cursor { rest: text.chars(), column: 1 };
    let mut setup = Setup::EMPTY;
    parse_board(&mut cursor, |square, piece, _| setup.board[square.index()] = Some(piece))?;
    cursor.space("the side to move")?;
    setup.turn = match cursor.peek() {
        Some('b') => Color::Black,
        Some('w') => Color::White,
        _ => return cursor.error("the side to move, `b` or `w`"),
    };
    cursor.next();
    cursor.space("the hands")?;
    parse_hands(&mut cursor, &mut setup.hands)?;
    if cursor.peek().is_some() {
        cursor.space("the move number")?;
        let column = cursor.column;
        setup.move_number = match cursor.number() {
            Some(number) => number,
            None => {
                cursor = Cursor { rest: text.chars(), column: 1 };
                while cursor.column < column {
                    cursor.next();
                }
                return cursor.error("a move number from 1 to 65535");
            }
        };
        if cursor.peek().is_some() {
            return cursor.error("the end");
        }
    }
    Ok(setup)
}

/// Reads the board and tells each piece with its column.
fn parse_board(
    cursor: &mut Cursor<'_>,
    mut put: impl FnMut(Square, Piece, usize),
) -> Result<(), SfenError> {
    for rank in 0..9u8 {
        let mut n_left = 9u8;
        while n_left > 0 {
            match cursor.peek() {
                Some(c @ '1'..='9') if c as u8 - b'0' <= n_left => n_left -= c as u8 - b'0',
                Some('1'..='9') => {
                    return cursor.error(&format!("at most {n_left} more squares on this rank"));
                }
                Some(c) => {
                    let column = cursor.column;
                    if c == '+' {
                        cursor.next();
                    }
                    let Some((color, kind)) = cursor.peek().and_then(piece_letter) else {
                        return cursor.error(if c == '+' {
                            "a piece that promotes after `+`"
                        } else {
                            "a piece or a number of empty squares"
                        });
                    };
                    let kind = match (c, kind.promoted()) {
                        ('+', Some(promoted)) => promoted,
                        ('+', None) => return cursor.error("a piece that promotes after `+`"),
                        _ => kind,
                    };
                    n_left -= 1;
                    put(Square::new(n_left, rank), Piece::new(color, kind), column);
                }
                None => return cursor.error("a piece or a number of empty squares"),
            }
            cursor.next();
        }
        if rank < 8 {
            if cursor.peek() != Some('/') {
                return cursor.error(&format!("`/` after rank {}", rank + 1));
            }
            cursor.next();
        }
    }
    Ok(())
}

fn parse_hands(cursor: &mut Cursor<'_>, hands: &mut [Hand; 2]) -> Result<(), SfenError> {
    if cursor.peek() == Some('-') {
        cursor.next();
        return Ok(());
    }
    loop {
        let count = cursor.number();
        let held = cursor.peek().and_then(piece_letter).filter(|held| held.1 != PieceType::King);
        let (Some((color, kind)), Some(count)) =
            (held, count.map_or(Some(1), |count| u8::try_from(count).ok()))
        else {
            return cursor.error("a piece in hand");
        };
        if hands[color.index()].count(kind) != 0 {
            return cursor.error("each piece in hand once");
        }
        hands[color.index()].set(kind, count);
        cursor.next();
        if matches!(cursor.peek(), None | Some(' ')) {
            return Ok(());
        }
    }
}

/// The column of the piece on a square, in an SFEN that was read without an error.
pub(crate) fn column_of(text: &str, wanted: Square) -> usize {
    let mut found = 1;
    let mut cursor = Cursor { rest: text.chars(), column: 1 };
    let _ = parse_board(&mut cursor, |square, _, column| {
        if square == wanted {
            found = column;
        }
    });
    found
}

/// The column of a field, counted from 0, in an SFEN that was read without an error.
pub(crate) fn column_of_field(text: &str, field: usize) -> usize {
    1 + text.split(' ').take(field).map(|field| field.chars().count() + 1).sum::<usize>()
}

pub(crate) fn print(
    board: &[Option<Piece>; 81],
    hands: &[Hand; 2],
    turn: Color,
    move_number: u16,
) -> String {
    let mut text = String::with_capacity(96);
    for rank in 0..9 {
        let mut n_empty = 0u8;
        for file in (0..9).rev() {
            match board[Square::new(file, rank).index()] {
                Some(piece) => {
                    push_gap(&mut text, n_empty);
                    n_empty = 0;
                    push_piece(&mut text, piece);
                }
                None => n_empty += 1,
            }
        }
        push_gap(&mut text, n_empty);
        text.push(if rank < 8 { '/' } else { ' ' });
    }
    text.push_str(if turn == Color::Black { "b " } else { "w " });
    if hands.iter().all(Hand::is_empty) {
        text.push('-');
    }
    for color in Color::ALL {
        for kind in HAND_ORDER {
            let count = hands[color.index()].count(kind);
            if count > 1 {
                text.push_str(&count.to_string());
            }
            if count > 0 {
                push_piece(&mut text, Piece::new(color, kind));
            }
        }
    }
    text.push(' ');
    text.push_str(&move_number.to_string());
    text
}

fn push_gap(text: &mut String, n_empty: u8) {
    if n_empty > 0 {
        text.push((b'0' + n_empty) as char);
    }
}

fn push_piece(text: &mut String, piece: Piece) {
    let lower = if piece.color() == Color::White { 32 } else { 0 };
    for byte in piece.piece_type().to_sfen().bytes() {
        text.push((if byte == b'+' { byte } else { byte + lower }) as char);
    }
}
