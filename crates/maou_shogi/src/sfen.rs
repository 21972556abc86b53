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

/// The kinds that can be in hand, from the most valuable on, as SFEN and records list them.
pub(crate) const HAND_ORDER: [PieceType; 7] = [
    PieceType::Rook,
    PieceType::Bishop,
    PieceType::Gold,
    PieceType::Silver,
    PieceType::Knight,
    PieceType::Lance,
    PieceType::Pawn,
];

/// The characters of an SFEN, with the place.
#[derive(Clone)]
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

    /// The number at the cursor, if it is above 0, fits and has no leading 0.
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

    /// An error about the character here.
    fn error<T>(&self, expected: &str) -> Result<T, SfenError> {
        let found = match self.peek() {
            Some(c) => format!("`{c}`"),
            None => "the end".to_owned(),
        };
        let message = format!("expected {expected}, found {found}");
        Err(SfenError { message, column: self.column })
    }

    /// An error about the digits here, or the character if there are none.
    fn number_error<T>(&self, expected: &str) -> Result<T, SfenError> {
        let rest = self.rest.as_str();
        let n_digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if n_digits == 0 {
            return self.error(expected);
        }
        let message = format!("expected {expected}, found `{}`", &rest[..n_digits]);
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
        let start = cursor.clone();
        setup.move_number = match cursor.number() {
            Some(number) => number,
            None => return start.number_error("a move number from 1 to 65535"),
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
                    return cursor.error(&format!("at most {n_left} on rank {}", rank + 1));
                }
                None | Some('/' | ' ') => {
                    let plural = if n_left == 1 { "" } else { "s" };
                    let rank = rank + 1;
                    return cursor.error(&format!("{n_left} more square{plural} on rank {rank}"));
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
        let mut count = 1;
        if matches!(cursor.peek(), Some('0'..='9')) {
            let start = cursor.clone();
            count = match cursor.number() {
                Some(count @ 1..=18) => count as u8,
                _ => return start.number_error("a count of pieces in hand from 1 to 18"),
            };
        }
        let held = cursor.peek().and_then(piece_letter).filter(|held| held.1 != PieceType::King);
        let Some((color, kind)) = held else {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Position;

    const START: &str = "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1";

    #[test]
    fn canonical_texts_come_back() {
        for text in [
            START,
            "l6nl/5+P1gk/2np1S3/p1p4Pp/3P2Sp1/1PPb2P1P/P5GS1/R8/LN4bKL w GR5pnsg 65535",
            "R8/2K1S1SSk/4B4/9/9/9/9/9/1L1L1L3 b RBGSNLP3g3n17p 1",
            "9/9/9/9/9/9/9/9/9 w - 1",
        ] {
            // The second one has Black's hand as `GR`, so that it is not canonical.
            let printed = Setup::from_sfen(text).unwrap().to_sfen();
            assert_eq!(printed, text.replace("GR5pnsg", "RGgsn5p"));
            assert_eq!(Setup::from_sfen(&printed).unwrap().to_sfen(), printed);
        }
        assert_eq!(Setup::from_sfen(START.strip_suffix(" 1").unwrap()).unwrap().to_sfen(), START);
    }

    #[test]
    fn other_texts_say_where_and_why() {
        for (text, column, message) in [
            ("", 1, "expected 9 more squares on rank 1, found the end"),
            ("startpos", 2, "expected a piece or a number of empty squares, found `t`"),
            (
                "lnsgkgsnl/1r5b1/pppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1",
                26,
                "expected `/` after rank 3, found `p`",
            ),
            (
                "lnsgkgsnl/1r5b1/pppppppp9/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1",
                25,
                "expected at most 1 on rank 3, found `9`",
            ),
            (
                "lnsgkgsnl/1r5b1/pppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1",
                25,
                "expected 1 more square on rank 3, found `/`",
            ),
            (
                "lnsgkgsnl/1r6b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1",
                15,
                "expected `/` after rank 2, found `1`",
            ),
            (
                "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1 b - 1",
                48,
                "expected `/` after rank 8, found ` `",
            ),
            (
                "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL",
                58,
                "expected a space and the side to move, found the end",
            ),
            (
                "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL x - 1",
                59,
                "expected the side to move, `b` or `w`, found `x`",
            ),
            (
                "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b",
                60,
                "expected a space and the hands, found the end",
            ),
            (
                "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b K 1",
                61,
                "expected a piece in hand, found `K`",
            ),
            (
                "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b 19P 1",
                61,
                "expected a count of pieces in hand from 1 to 18, found `19`",
            ),
            (
                "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b 2 1",
                62,
                "expected a piece in hand, found ` `",
            ),
            (
                "lnsgkgsnl/1r5b1/9/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b PpP 1",
                55,
                "expected each piece in hand once, found `P`",
            ),
            (
                "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 0",
                63,
                "expected a move number from 1 to 65535, found `0`",
            ),
            (
                "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 65536",
                63,
                "expected a move number from 1 to 65535, found `65536`",
            ),
            (
                "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - x",
                63,
                "expected a move number from 1 to 65535, found `x`",
            ),
            (
                "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1 7g7f",
                64,
                "expected the end, found ` `",
            ),
            (
                "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSG+KGSNL b - 1",
                54,
                "expected a piece that promotes after `+`, found `K`",
            ),
            (
                "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNS+GKGSNL b - 1",
                53,
                "expected a piece that promotes after `+`, found `G`",
            ),
            (
                "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNS+1KGSNL b - 1",
                53,
                "expected a piece that promotes after `+`, found `1`",
            ),
            (
                "lnsgkgsnl/1r5b1/ppppppppp/9/９/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1",
                29,
                "expected a piece or a number of empty squares, found `９`",
            ),
            (
                "lnsgkgsnl/1r5b1/ppppppppp/9/0/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1",
                29,
                "expected a piece or a number of empty squares, found `0`",
            ),
            (
                "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B2K2R1/LNSGKGSNL b - 1",
                55,
                "expected at most one king of Black, found another on `5i`",
            ),
            (
                "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b P 1",
                1,
                "expected at most 18 pawns, found 19",
            ),
            (
                "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b g 1",
                1,
                "expected at most 4 golds, found 5",
            ),
            (
                "lnsgkgsnl/1r5b1/1pppppppp/p8/9/9/PPPPPPPPP/1B5R1/LNSGKGSNp b - 1",
                1,
                "expected at most 18 pawns, found 19",
            ),
            (
                "4k4/9/4R4/9/9/9/9/9/4K4 b - 1",
                25,
                "expected White to move, whose king is in check, found Black",
            ),
            (
                "4k4/4K4/9/9/9/9/9/9/9 b - 1",
                23,
                "expected White to move, whose king is in check, found Black",
            ),
        ] {
            let error = Position::from_sfen(text).unwrap_err();
            assert_eq!((error.column, error.message.as_str()), (column, message), "{text}");
        }
    }

    #[test]
    fn errors_show_their_column() {
        let error = Setup::from_sfen("9/9/9/9/9/9/9/9/9 z").unwrap_err();
        assert_eq!(
            error.to_string(),
            "column 19: expected the side to move, `b` or `w`, found `z`"
        );
    }

    /// Changed texts give an error within the text or a setup that comes back, never a panic.
    #[test]
    fn any_text_is_a_setup_or_an_error() {
        use crate::testing::{Random, random_games};
        let alphabet: Vec<char> = "PLNSBRGKplnsbrgk+/-0123456789 bwx歩".chars().collect();
        let mut random = Random::new(41);
        let (mut n_read, mut n_legal) = (0, 0);
        random_games(42, 32, |position| {
            let mut text: Vec<char> = position.to_sfen().chars().collect();
            for _ in 0..1 + random.below(3) {
                let at = random.below(text.len());
                match random.below(3) {
                    0 => text[at] = alphabet[random.below(alphabet.len())],
                    1 => text.insert(at, alphabet[random.below(alphabet.len())]),
                    _ => drop(text.remove(at)),
                }
            }
            let text: String = text.into_iter().collect();
            let in_text = 1..=text.chars().count() + 1;
            match Setup::from_sfen(&text) {
                Ok(setup) => {
                    n_read += 1;
                    assert_eq!(Setup::from_sfen(&setup.to_sfen()), Ok(setup));
                }
                Err(error) => assert!(in_text.contains(&error.column), "{text}: {error}"),
            }
            match Position::from_sfen(&text) {
                Ok(_) => n_legal += 1,
                Err(error) => assert!(in_text.contains(&error.column), "{text}: {error}"),
            }
        });
        assert!(n_legal > 100 && n_read > n_legal, "{n_read} read, {n_legal} legal");
    }

    #[test]
    fn a_setup_may_break_the_rules() {
        let text = "kk7/9/9/9/9/9/9/9/P8 b 18P 7";
        assert_eq!(Setup::from_sfen(text).unwrap().to_sfen(), text);
    }
}
