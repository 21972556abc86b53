//! KIF and KIFU, the format of Kakinoki's Kifu for Windows, and boards (BOD) as start positions.
//!
//! A text is read line by line. Moves are told from their bytes; only headers, boards and endings
//! are decoded.
//!
//! Source: <http://kakinoki.o.oo7.jp/kif_format.html>.

use super::builder::{Builder, Eval};
use super::glyph::{Glyph, Width};
use super::kif_comment;
use super::kif_ending;
use super::kif_move::{self, Lexed, Origin, WrittenMove};
use super::kif_start::KifStart;
use super::{Ending, ErrorKind};
use crate::{Color, Move, PieceType, Position, Square};

/// Reads all games of the builder's text, whose characters are those of `W`.
///
/// `even` is the start of an even game.
///
/// In KI2 (`is_ki2`) moves stand in lines that begin with a mark.
pub(super) fn read<'a, W: Width>(builder: Builder<'a>, even: &'a Position, is_ki2: bool) {
    let text = builder.text;
    let mut kif = Kif::<W> {
        bytes: text.bytes,
        builder,
        start: KifStart::new(),
        first_number: None,
        has_content: false,
        has_table: false,
        time_is_reported: false,
        line: String::new(),
        late_headers: Vec::new(),
        even,
        is_ki2,
        has_turned_marks: None,
        width: std::marker::PhantomData,
    };
    let mut at = 0;
    while at < text.bytes.len() {
        at = kif.read_line(at);
    }
    kif.finish_game(text.bytes.len());
}

pub(super) struct Kif<'a, W> {
    pub bytes: &'a [u8],
    pub builder: Builder<'a>,
    pub start: KifStart,
    /// Number of the first move; the others follow it.
    pub first_number: Option<u32>,
    /// This game has anything but comments.
    pub has_content: bool,
    /// The line above its moves has been read.
    pub has_table: bool,
    time_is_reported: bool,
    /// The decoded line.
    pub line: String,
    /// Header fields after moves: they are those of the next game, if there is one.
    pub late_headers: Vec<(String, String)>,
    even: &'a Position,
    is_ki2: bool,
    /// Whether the marks of this game's moves are those of the other side, once one was read.
    pub has_turned_marks: Option<bool>,
    width: std::marker::PhantomData<W>,
}

/// The word that stands in place of a move, without a mark before it and a time behind it.
fn first_word(text: &str) -> &str {
    let text = text.trim_start_matches(['▲', '△', '▼', '▽', '☗', '☖', '⛊', '⛉']);
    text.split([' ', '　', '(', '（', '\r', '\t', '+']).next().unwrap_or("")
}

impl<W: Width> Kif<'_, W> {
    /// Reads the line at `at`; returns where the next one begins.
    #[inline]
    fn read_line(&mut self, line_start: usize) -> usize {
        let blanks = self.bytes[line_start..].iter().take_while(|byte| **byte == b' ').count();
        let at = line_start + blanks;
        if self.is_ki2
            && let Some(at) = self.find_unnumbered_move(at)
        {
            return self.read_line_of_moves(at);
        }
        match self.bytes.get(at) {
            Some(b'0'..=b'9') if !self.builder.is_skipping() => self.read_move_line(at),
            Some(b'0'..=b'9') => self.builder.text.line_end(at) + 1,
            Some(b'*') => self.read_comment(at),
            Some(b'&') => {
                // A bookmark keeps its sign, which tells it from a comment.
                let end = self.builder.text.line_end(at);
                self.builder.comment(at..end);
                end + 1
            }
            Some(b'\n') => at + 1,
            None => at,
            _ => self.read_text_line(line_start, at),
        }
    }

    /// The number and the place of the move or the ending in a line with wide blanks or digits, if it
    /// is one.
    pub fn find_wide_move(&self, at: usize) -> Option<(u32, usize)> {
        let glyph = |pos: usize| {
            let rest = self.bytes.get(pos..).filter(|rest| !rest.is_empty());
            rest.map_or((Glyph::Other, 0), W::glyph)
        };
        let skip_blanks = |mut pos: usize| {
            while let (Glyph::Blank, len) = glyph(pos) {
                pos += len;
            }
            pos
        };
        let first = skip_blanks(at);
        let (mut pos, mut number) = (first, 0u32);
        while let (Glyph::Digit(digit), len) = glyph(pos) {
            number = number.saturating_mul(10).saturating_add(u32::from(digit));
            pos += len;
        }
        let begin = skip_blanks(pos);
        let is_move = || match kif_move::lex::<W>(self.bytes, begin) {
            Lexed::Move(..) => true,
            Lexed::Word => {
                let text = self.decoded(&self.bytes[begin..self.builder.text.line_end(begin)]);
                kif_ending::of_word(first_word(&text), Color::Black).is_some()
            }
            Lexed::Malformed => false,
        };
        (pos > first && begin > pos && is_move()).then_some((number, begin))
    }

    /// The move without a number with which the line at `at` begins, perhaps after blanks.
    fn find_unnumbered_move(&self, at: usize) -> Option<usize> {
        let mut pos = at;
        while let Some(rest) = self.bytes.get(pos..).filter(|rest| !rest.is_empty()) {
            match W::glyph(rest) {
                (Glyph::Blank, len) => pos += len,
                (Glyph::Mark(_), _) => return Some(pos),
                (Glyph::Digit(_) | Glyph::Same, _) => {
                    let is_move = matches!(kif_move::lex::<W>(self.bytes, pos), Lexed::Move(..));
                    return is_move.then_some(pos);
                }
                _ => break,
            }
        }
        None
    }

    #[inline]
    pub fn read_comment(&mut self, at: usize) -> usize {
        let end = self.builder.text.line_end(at);
        match self.eval_in_comment(at + 1, end) {
            Some(eval) if self.builder.set_eval(eval) => {
                self.builder.comment_with_data(at + 1..end);
            }
            _ => self.builder.comment(at + 1..end),
        }
        end + 1
    }

    /// The eval in the comment between `at` and `end`; most comments are not looked at any further.
    #[inline]
    fn eval_in_comment(&self, at: usize, end: usize) -> Option<Eval> {
        let text = &self.bytes[at..end];
        match text.first()? {
            b'+' | b'-' | b'0'..=b'9' => {
                let next = self.bytes.get(end + 2..).filter(|_| self.bytes[end + 1] == b'*')?;
                let has_line = !next.is_empty() && matches!(W::glyph(next).0, Glyph::Mark(_));
                kif_comment::shogidokoro(text).filter(|_| has_line)
            }
            // As ShogiHome and the writer here do it.
            b'*' | b'#'
                if text[1..].starts_with(W::EVAL) && text.get(1 + W::EVAL.len()) == Some(&b'=') =>
            {
                kif_comment::plain(&text[W::EVAL.len() + 2..])
            }
            b'*' | b'#' => kif_comment::eval(&self.decoded(text)),
            _ if text.starts_with(W::EVAL) => kif_comment::eval(&self.decoded(text)),
            _ => None,
        }
    }

    #[inline]
    fn read_move_line(&mut self, at: usize) -> usize {
        let mut number = 0u32;
        let mut pos = at;
        while let Some(digit) = self.bytes.get(pos).filter(|byte| byte.is_ascii_digit()) {
            number = number.saturating_mul(10).saturating_add(u32::from(digit - b'0'));
            pos += 1;
        }
        while let Some(rest) = self.bytes.get(pos..).filter(|rest| !rest.is_empty()) {
            match W::glyph(rest) {
                (Glyph::Blank, len) => pos += len,
                _ => break,
            }
        }
        self.read_numbered(number, pos, at)
    }

    /// Reads what stands at `pos` behind the number of a move, in the line that begins at `at`.
    #[inline(always)]
    pub fn read_numbered(&mut self, number: u32, pos: usize, at: usize) -> usize {
        let lexed = kif_move::lex::<W>(self.bytes, pos);
        if matches!(lexed, Lexed::Word) {
            return self.read_ending(pos, at);
        }
        if !self.builder.is_playing() && !self.ready_for_move(at) {
            return self.builder.text.line_end(pos) + 1;
        }
        let first = *self.first_number.get_or_insert(number);
        if number != first.saturating_add(self.builder.ply() as u32) {
            return self.refuse_number(at, first);
        }
        let Lexed::Move(written, end) = lexed else { return self.refuse_text(pos) };
        if written.from == Origin::Untold {
            return self.read_untold(&written, pos, end);
        }
        let to = written.to.or_else(|| self.builder.last_move().map(|mv| mv.to()));
        match to.and_then(|to| find_move(&written, self.builder.position(), to)) {
            Some(mv) if self.builder.play(mv) => self.read_rest_of_move(end),
            _ => self.refuse_move(&written, pos),
        }
    }

    /// Plays a move whose origin is not told, as in KI2, which some write in numbered lines. A line
    /// that is cut off, or has anything but a time behind it, is no such move.
    #[cold]
    fn read_untold(&mut self, written: &WrittenMove, at: usize, end: usize) -> usize {
        let line_end = self.builder.text.line_end(at);
        let rest = self.bytes[end..line_end].trim_ascii();
        let is_whole = line_end < self.bytes.len()
            && (rest.is_empty() || rest.starts_with(b"(") && kif_move::time_ms(rest).is_some());
        if !is_whole {
            return self.refuse_text(at);
        }
        match self.play_selected(*written, at, end) {
            true => self.read_rest_of_move(end),
            false => line_end + 1,
        }
    }

    /// Reads the time behind a move, and returns where the next line begins.
    #[inline]
    fn read_rest_of_move(&mut self, at: usize) -> usize {
        let end = self.builder.text.line_end(at);
        let rest = self.bytes[at..end].trim_ascii();
        match rest.first() {
            None | Some(b'+') => {}
            Some(first) => {
                let plain = if *first == b'(' { kif_move::time_ms(rest) } else { None };
                match plain.or_else(|| self.wide_time_ms(rest)) {
                    Some(ms) => self.builder.set_time(ms),
                    None => self.report_time(at, rest),
                }
            }
        }
        end + 1
    }

    /// The time where blanks, digits or parentheses are wide.
    #[cold]
    fn wide_time_ms(&self, rest: &[u8]) -> Option<u32> {
        let narrow = |ch: char| match ch {
            '\u{3000}' => ' ',
            '\u{FF01}'..='\u{FF5E}' => u8::try_from(ch as u32 - 0xFEE0).map_or(ch, char::from),
            _ => ch,
        };
        let text: String = self.decoded(rest).chars().map(narrow).collect();
        let text = text.trim_start();
        text.starts_with('(').then(|| kif_move::time_ms(text.as_bytes()))?
    }

    /// Reports a time that cannot be read, once in a game.
    #[cold]
    fn report_time(&mut self, at: usize, rest: &[u8]) {
        let only_blanks = self.decoded(rest).trim().trim_end_matches('+').is_empty();
        if !only_blanks && !std::mem::replace(&mut self.time_is_reported, true) {
            let found = self.builder.text.shown(rest);
            let message = format!("expected a time such as `( 0:16/00:00:16)`, found `{found}`");
            let blanks = self.bytes[at..].iter().take_while(|byte| **byte == b' ').count();
            self.builder.report(ErrorKind::Syntax, at + blanks, message);
        }
    }

    pub fn decoded(&self, bytes: &[u8]) -> String {
        let mut text = String::new();
        self.builder.text.decode(bytes, &mut text);
        text
    }

    /// Begins the main line at its first move, and says whether moves are played.
    #[cold]
    pub fn ready_for_move(&mut self, at: usize) -> bool {
        if !self.builder.has_begun() {
            self.begin(at);
        } else if self.builder.has_verdict() && self.builder.is_whole() {
            let end = self.builder.text.line_end(at);
            self.builder.move_after_end(at..end);
        } else {
            self.builder.skip_move();
        }
        self.builder.is_playing()
    }

    #[cold]
    fn refuse_number(&mut self, at: usize, first: u32) -> usize {
        let end = self.builder.text.line_end(at);
        let expected = first.saturating_add(self.builder.ply() as u32);
        let found = self.builder.text.shown(&self.bytes[at..end]);
        let message = format!("expected move {expected}, found `{found}`");
        self.builder.break_off(ErrorKind::MoveNumber, at, message);
        end + 1
    }

    #[cold]
    fn refuse_text(&mut self, at: usize) -> usize {
        let end = self.builder.text.line_end(at);
        let found = self.builder.text.shown(&self.bytes[at..end]);
        let message = format!("expected a move such as `７六歩(77)`, found `{found}`");
        self.builder.break_off(ErrorKind::Syntax, at, message);
        end + 1
    }

    #[cold]
    fn refuse_move(&mut self, written: &WrittenMove, at: usize) -> usize {
        let first = self.builder.last_move().is_none();
        if written.to.is_none() && first {
            return self.refuse_text(at);
        }
        let end = self.builder.text.line_end(at);
        let shown = self.builder.text.shown(&self.bytes[at..end]);
        let found = shown.split([' ', '　']).next().filter(|text| text.contains('('));
        let found = found.unwrap_or(&shown);
        let mut message = format!("expected a legal move, found `{found}`");
        if let Origin::Board(from) = written.from {
            let position = self.builder.position();
            let turn = position.turn();
            match position.piece_on(from) {
                Some(piece) if piece.color() == turn && piece.piece_type() != written.kind => {
                    let name = piece.piece_type().name();
                    message += &format!(": the piece on {} is a `{name}`", kif_square(from));
                }
                Some(piece) if piece.color() == turn => {}
                _ => message += &format!(": {turn:?} has no piece on {}", kif_square(from)),
            }
        }
        self.builder.break_off(ErrorKind::IllegalMove, at, message);
        end + 1
    }

    /// Reads the word in place of a move.
    #[cold]
    pub fn read_ending(&mut self, at: usize, line_start: usize) -> usize {
        let end = self.builder.text.line_end(at);
        let text = self.decoded(&self.bytes[at..end]);
        let word = first_word(&text);
        if !self.builder.has_begun() {
            self.begin(line_start);
        }
        match kif_ending::of_word(word, self.builder.turn_at_ending()) {
            Some(verdict) if verdict.ending == Ending::IllegalMove => {
                self.builder.end(line_start, self.builder.illegal_move_verdict(verdict));
            }
            Some(verdict) => self.builder.end(line_start, verdict),
            None if self.builder.has_verdict() || !self.builder.is_whole() => {
                self.builder.skip_move();
            }
            None => {
                let message =
                    format!("expected a move such as `７六歩(77)`, found `{}`", text.trim());
                self.builder.break_off(ErrorKind::Syntax, at, message);
            }
        }
        end + 1
    }

    /// Sets the start position.
    pub fn begin(&mut self, at: usize) {
        self.has_content = true;
        if self.start.is_even() {
            return self.builder.begin(self.even);
        }
        match self.start.finish() {
            Ok(position) => self.builder.begin(&position),
            Err(message) => self.builder.drop_game(self.start.at.unwrap_or(at), message),
        }
    }

    /// Games put one behind the other: a header after moves, or below the line above them, begins
    /// the next one.
    pub fn begin_next_if_played(&mut self, line_start: usize) {
        if self.builder.has_body() || self.has_table {
            let headers = std::mem::take(&mut self.late_headers);
            self.finish_game(line_start);
            for (key, value) in headers {
                self.builder.header(&key, &value);
            }
        }
    }

    pub fn finish_game(&mut self, end: usize) {
        if self.has_content && !self.builder.has_begun() {
            self.begin(self.bytes[..end].trim_ascii_end().len());
        }
        for (key, value) in std::mem::take(&mut self.late_headers) {
            self.builder.header(&key, &value);
        }
        self.builder.finish(end);
        self.start = KifStart::new();
        self.first_number = None;
        self.has_turned_marks = None;
        self.has_content = false;
        self.has_table = false;
        self.time_is_reported = false;
    }
}

/// A square as KIF names an origin, file and rank in digits.
fn kif_square(square: Square) -> String {
    format!("{}{}", square.file() + 1, square.rank() + 1)
}

/// The move to `to` that is written, in `position`.
#[inline]
fn find_move(written: &WrittenMove, position: &Position, to: Square) -> Option<Move> {
    match written.from {
        Origin::Hand => {
            let droppable = (written.kind as u8) < PieceType::King as u8 && !written.promotes;
            droppable.then(|| Move::drop(written.kind, to))
        }
        Origin::Board(from) => {
            let kind = position.piece_on(from)?.piece_type();
            if kind == written.kind && from != to {
                return Some(Move::board(from, to, written.promotes));
            }
            named_as_after(kind, written).then(|| Move::board(from, to, true))
        }
        Origin::Untold => None,
    }
}

/// Whether a piece is named as it is after it is promoted, which some do.
#[cold]
fn named_as_after(kind: PieceType, written: &WrittenMove) -> bool {
    kind.promoted() == Some(written.kind) && !written.promotes
}
