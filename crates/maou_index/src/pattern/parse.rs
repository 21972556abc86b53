//! Text to patterns.

use maou_shogi::{Color, Hand, Piece, PieceType};

use super::plan::Plan;
use super::{Area, Choice, Pattern, PatternError, Term, What};

/// The characters of a pattern, with the place.
struct Cursor {
    chars: Vec<char>,
    at: usize,
}

type Result<T> = std::result::Result<T, PatternError>;

impl Pattern {
    /// Reads a pattern, [as it is written](self).
    ///
    /// # Errors
    /// If the text is no pattern, or one that no position can fit since two terms contradict each
    /// other; the column is that of the culprit.
    pub fn parse(text: &str) -> Result<Pattern> {
        let mut cursor = Cursor { chars: text.chars().collect(), at: 0 };
        let mut terms = Vec::new();
        let mut plan = Plan::default();
        cursor.skip_spaces();
        while cursor.peek().is_some() || terms.is_empty() {
            let column = cursor.at + 1;
            let term = cursor.term()?;
            if !plan.add(&term) {
                let message =
                    format!("expected a term that can be true beside those before, found `{term}`");
                return Err(PatternError { column, message });
            }
            terms.push(term);
            cursor.skip_spaces();
        }
        Ok(Pattern { terms, plan })
    }
}

impl Cursor {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        self.at += usize::from(is_there);
        is_there
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    /// The text up to the next space or `|`.
    fn word(&self) -> String {
        let rest = &self.chars[self.at..];
        rest.iter().take_while(|&&c| !c.is_whitespace() && c != '|').collect()
    }

    /// An error about the character here.
    fn error<T>(&self, expected: &str) -> Result<T> {
        let found = match self.peek() {
            Some(c) if c.is_whitespace() => "a space".to_owned(),
            Some(c) => format!("`{c}`"),
            None => "the end".to_owned(),
        };
        let message = format!("expected {expected}, found {found}");
        Err(PatternError { column: self.at + 1, message })
    }

    fn term(&mut self) -> Result<Term> {
        let is_negated = self.word() == "not";
        if is_negated {
            self.at += 3;
            self.skip_spaces();
        }
        let mut choices = Vec::new();
        loop {
            choices.push(self.choice()?);
            let end = self.at;
            self.skip_spaces();
            if !self.take('|') {
                self.at = end;
                break;
            }
            self.skip_spaces();
        }
        match self.peek() {
            Some(c) if !c.is_whitespace() => self.error("a space or `|`"),
            _ => Ok(Term { is_negated, choices }),
        }
    }

    fn choice(&mut self) -> Result<Choice> {
        let word = self.word();
        for (name, color) in [("black", Color::Black), ("white", Color::White)] {
            if word == name {
                self.at += name.len();
                return Ok(Choice::Turn(color));
            }
        }
        if word.starts_with("hand:") {
            self.at += "hand:".len();
            return self.hands();
        }
        let what = self.what()?;
        let mut areas = vec![self.area(what)?];
        while self.take(',') {
            areas.push(self.area(what)?);
        }
        Ok(Choice::Placed(what, areas))
    }

    fn hands(&mut self) -> Result<Choice> {
        let mut hands = [Hand::EMPTY; 2];
        loop {
            let start = self.at;
            let count = self.count();
            let piece = match self.peek().and_then(piece) {
                Some(piece) if piece.piece_type() != PieceType::King => piece,
                _ if count.is_some() => return self.error("a piece in hand, of `RBGSNLP`"),
                _ => return self.error("pieces in hand such as `R2P`"),
            };
            let (kind, hand) = (piece.piece_type(), &mut hands[piece.color().index()]);
            if hand.count(kind) > 0 {
                return self.error("each piece in hand once");
            }
            let (count, total) = (count.unwrap_or(1), kind.total());
            if count == 0 || count > total.into() {
                let message =
                    format!("expected from 1 to {total} {}s in hand, found `{count}`", kind.name());
                return Err(PatternError { column: start + 1, message });
            }
            hand.set(kind, count as u8);
            self.at += 1;
            if self.peek().is_none_or(|c| c == '|' || c.is_whitespace()) {
                return Ok(Choice::Hands(hands));
            }
        }
    }

    /// The number here, if there is one; what is too great stays too great.
    fn count(&mut self) -> Option<u32> {
        let mut count = None;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            count = Some((count.unwrap_or(0) * 10 + digit).min(999));
            self.at += 1;
        }
        count
    }

    fn what(&mut self) -> Result<What> {
        let is_promoted = self.take('+');
        let what = match self.peek() {
            Some('X') => What::Any { color: Some(Color::Black), is_promoted },
            Some('x') => What::Any { color: Some(Color::White), is_promoted },
            Some('*') => What::Any { color: None, is_promoted },
            Some('.') if !is_promoted => What::Nothing,
            Some(c) => match piece(c) {
                Some(piece) if !is_promoted => What::Piece(piece),
                Some(piece) => match piece.piece_type().promoted() {
                    Some(kind) => What::Piece(Piece::new(piece.color(), kind)),
                    None => return self.error("a piece that promotes after `+`"),
                },
                None => return self.no_piece(is_promoted),
            },
            None => return self.no_piece(is_promoted),
        };
        self.at += 1;
        Ok(what)
    }

    fn no_piece<T>(&self, is_promoted: bool) -> Result<T> {
        self.error(if is_promoted {
            "a piece that promotes after `+`"
        } else {
            "a term: a piece such as `P` or `+r`, `X`, `x`, `*` or `.` and where it stands, \
             `hand:`, `black`, `white` or `not`"
        })
    }

    fn area(&mut self, what: What) -> Result<Area> {
        if self.take('*') {
            return Ok(Area::BOARD);
        }
        let files = self.range("a file from 1 to 9", '1'..='9')?;
        let ranks = self.range("a rank from a to i", 'a'..='i')?;
        if files.is_none() && ranks.is_none() {
            let after = match self.chars.get(self.at.wrapping_sub(1)) {
                Some(',') => ",".to_owned(),
                _ => what.to_string(),
            };
            return self.error(&format!(
                "a square such as `7f`, a file, a rank or `*` for anywhere after `{after}`"
            ));
        }
        Ok(Area { files: files.unwrap_or((0, 8)), ranks: ranks.unwrap_or((0, 8)) })
    }

    /// One name or two with `-` between them, in either order, from 0.
    fn range(
        &mut self,
        expected: &str,
        names: std::ops::RangeInclusive<char>,
    ) -> Result<Option<(u8, u8)>> {
        let number = |c: char| c as u8 - *names.start() as u8;
        let Some(first) = self.peek().filter(|c| names.contains(c)) else {
            return Ok(None);
        };
        self.at += 1;
        if !self.take('-') {
            return Ok(Some((number(first), number(first))));
        }
        let Some(last) = self.peek().filter(|c| names.contains(c)) else {
            return self.error(&format!("{expected} after `{first}-`"));
        };
        self.at += 1;
        Ok(Some((number(first.min(last)), number(first.max(last)))))
    }
}

/// The unpromoted piece of an SFEN letter.
fn piece(letter: char) -> Option<Piece> {
    let kind = PieceType::from_letter(u8::try_from(letter).ok()?.to_ascii_uppercase())?;
    let color = if letter.is_ascii_uppercase() { Color::Black } else { Color::White };
    Some(Piece::new(color, kind))
}
