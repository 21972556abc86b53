//! CSA, versions 1 to 3.
//!
//! A text is read statement by statement: statements end at a comma or at the line end, comments
//! and headers at the line end. The first byte tells what a statement is.
//!
//! Source: <http://www2.computer-shogi.org/protocol/record_v3.html> and its predecessors; the
//! comments are those of shogi-server.

use std::ops::Range;

use super::builder::{Builder, Eval};
use super::csa_comment::{self, Comment};
use super::csa_ending;
use super::csa_move::{Refusal, find_move, time_ms};
use super::csa_start::{CsaStart, color_of};
use super::header::parse_date;
use super::{Ending, ErrorKind};
use crate::{Color, Position};

/// The start position read last with its text: most games of a batch begin in the same way.
#[derive(Debug, Default)]
pub(super) struct StartCache {
    block: Vec<u8>,
    position: Option<Position>,
}

/// Reads all games of the builder's text.
pub(super) fn read(builder: Builder<'_>, cache: &mut StartCache) {
    let text = builder.text;
    let mut csa = Csa {
        bytes: text.bytes,
        builder,
        start: CsaStart::new(),
        cache,
        start_is_one_block: true,
        has_content: false,
    };
    let mut at = 0;
    while at < text.bytes.len() {
        at = csa.read_statement(at);
        // Saves going through the dispatch once more, on nearly every line.
        at += usize::from(text.bytes.get(at) == Some(&b'\n'));
    }
    csa.finish_game(at);
}

struct Csa<'a, 'c> {
    bytes: &'a [u8],
    builder: Builder<'a>,
    start: CsaStart,
    cache: &'c mut StartCache,
    /// Nothing stands between the lines of the start position.
    start_is_one_block: bool,
    /// This game has anything but comments.
    has_content: bool,
}

impl Csa<'_, '_> {
    /// Reads what begins at `at`; returns where the next statement begins.
    #[inline]
    fn read_statement(&mut self, at: usize) -> usize {
        match self.bytes[at] {
            b'+' | b'-' => self.read_move_or_turn(at),
            b'T' => self.read_time(at),
            b'\'' => self.read_comment(at),
            // 0x1A ends files of MS-DOS.
            b'\n' | b'\r' | b',' | b' ' | b'\t' | 0x1A => at + 1,
            _ => self.read_rare(at),
        }
    }

    #[inline]
    fn read_move_or_turn(&mut self, at: usize) -> usize {
        let Some(&[sign, f0, f1, t0, t1, n0, n1]) = self.bytes[at..].first_chunk::<7>() else {
            return self.read_turn(at);
        };
        if !f0.is_ascii_digit() {
            return self.read_turn(at);
        }
        if !self.builder.is_playing() && !self.ready_for_move(sign, at) {
            return self.statement_end(at);
        }
        let ends = self.bytes.get(at + 7).is_none_or(|byte| is_statement_end(*byte));
        let played = match find_move(self.builder.position(), sign, [f0, f1], [t0, t1], [n0, n1]) {
            Ok(mv) if ends => self.builder.play(mv).then_some(()).ok_or(Refusal::Illegal),
            Ok(_) => Err(Refusal::NotAMove),
            Err(refusal) => Err(refusal),
        };
        match played {
            Ok(()) => self.read_time_and_eval(at + 7),
            Err(refusal) => self.refuse(refusal, at),
        }
    }

    /// Reads what nearly always follows a move, without going through the dispatch, whose guesses
    /// would be wrong.
    #[inline]
    fn read_time_and_eval(&mut self, mut at: usize) -> usize {
        if let Some([b',' | b'\n', b'T']) = self.bytes[at..].first_chunk::<2>() {
            at = self.read_time(at + 1);
        }
        if let Some([b'\n', b'\'']) = self.bytes[at..].first_chunk::<2>() {
            at = self.read_comment(at + 1);
        }
        at
    }

    /// Begins the main line where the turn was not told, and says whether moves are played.
    #[cold]
    fn ready_for_move(&mut self, sign: u8, at: usize) -> bool {
        if !self.builder.has_begun() {
            self.begin(color_of(sign), at);
        } else if self.builder.has_verdict() && self.builder.is_whole() {
            self.builder.move_after_end(at..self.statement_end(at));
        } else {
            self.builder.skip_move();
        }
        self.builder.is_playing()
    }

    #[cold]
    fn refuse(&mut self, refusal: Refusal, at: usize) -> usize {
        let end = self.statement_end(at);
        let found = self.builder.text.shown(&self.bytes[at..end]);
        let (kind, message) = refusal.describe(&found, self.builder.position().turn());
        self.builder.break_off(kind, at, message);
        end
    }

    /// A sign alone on its line tells who moves first.
    #[cold]
    fn read_turn(&mut self, at: usize) -> usize {
        let end = self.statement_end(at);
        let statement = self.bytes[at..end].trim_ascii();
        if statement.len() > 1 {
            if self.builder.is_playing() || !self.builder.has_begun() {
                self.has_content = true;
                return self.refuse_unbegun(at);
            }
            self.builder.skip_move();
        } else if self.builder.has_begun() {
            self.report(ErrorKind::Syntax, at, "a move such as `+7776FU`");
        } else {
            self.begin(color_of(statement[0]), at);
            // What follows in its line is no part of the start.
            if self.bytes.get(end) != Some(&b',') {
                self.remember_start(end + 1);
            }
        }
        end
    }

    fn refuse_unbegun(&mut self, at: usize) -> usize {
        if !self.builder.has_begun() {
            self.begin(color_of(self.bytes[at]), at);
        }
        if self.builder.is_playing() {
            self.refuse(Refusal::NotAMove, at)
        } else {
            self.statement_end(at)
        }
    }

    /// Sets the start position, with `turn` to move.
    fn begin(&mut self, turn: Color, at: usize) {
        self.has_content = true;
        let position = match self.start.first_line {
            Some(_) => Position::from_setup(self.start.finished(turn)),
            // Many records of even games leave the position out.
            None if turn == Color::Black => Ok(Position::startpos()),
            None => {
                let message = "expected a start position before White's first move, found none";
                return self.builder.drop_game(at, message.to_owned());
            }
        };
        match position {
            Ok(position) => self.builder.begin(&position),
            Err(error) => {
                self.builder.drop_game(self.start.first_line.unwrap_or(at), error.to_string());
            }
        }
    }

    /// Keeps the start position for games that begin with the same bytes, up to `end`.
    fn remember_start(&mut self, end: usize) {
        let first = self.start.first_line.filter(|_| self.start_is_one_block);
        if let (Some(first), true) = (first, self.builder.is_playing() && end <= self.bytes.len()) {
            self.cache.block.clear();
            self.cache.block.extend_from_slice(&self.bytes[first..end]);
            self.cache.position = Some(self.builder.position().clone());
        }
    }

    #[inline]
    fn read_time(&mut self, at: usize) -> usize {
        let (ms, end) = time_ms(self.bytes, at);
        let ends = self.bytes.get(end).is_none_or(|byte| is_statement_end(*byte));
        match ms {
            Some(ms) if ends => self.builder.set_time(ms),
            _ => self.report(ErrorKind::Syntax, at, "a time in seconds such as `T12`"),
        }
        if ends { end } else { self.statement_end(at) }
    }

    #[inline]
    fn read_comment(&mut self, at: usize) -> usize {
        let end = self.builder.text.line_end(at);
        let line = &self.bytes[at..end];
        match csa_comment::parse(line) {
            Comment::EvalBlack(cp) if self.builder.set_eval(Eval::Black(cp)) => {
                self.builder.comment_with_data(at + 1..end);
            }
            other => self.read_other_comment(other, at..end),
        }
        end
    }

    fn read_other_comment(&mut self, comment: Comment, line: Range<usize>) {
        self.start_is_one_block = self.start.first_line.is_none();
        let text = line.start + 1..line.end;
        match comment {
            Comment::BlackRating(rating) => self.builder.game.black_rating = Some(rating),
            Comment::WhiteRating(rating) => self.builder.game.white_rating = Some(rating),
            Comment::Summary(verdict) if self.builder.has_begun() => {
                self.builder.end(line.start, verdict);
            }
            Comment::Other if self.bytes[text.clone()].starts_with(b"CSA encoding=") => return,
            Comment::Other if self.take_eval_of_gui(text.clone()) => {}
            _ => return self.builder.comment(text),
        }
        self.builder.comment_with_data(text);
    }

    fn take_eval_of_gui(&mut self, text: Range<usize>) -> bool {
        if !matches!(self.bytes[text.clone()], [b'*', b'*' | b'#', ..]) {
            return false;
        }
        let eval = csa_comment::eval_of_gui(&self.decoded(&self.bytes[text]));
        eval.is_some_and(|eval| self.builder.set_eval(eval))
    }

    #[cold]
    fn read_rare(&mut self, at: usize) -> usize {
        let end = self.builder.text.line_end(at);
        let line = self.bytes[at..end].trim_ascii_end();
        match line {
            [b'%', ..] => return self.read_special(at),
            [b'/'] => self.finish_game(at),
            [b'P', ..] => return self.read_start_line(&self.bytes[at..self.statement_end(at)], at),
            [b'N', b'+' | b'-', ..] | [b'$', ..] => self.read_header(line, at),
            [b'V', b'0'..=b'9', ..] => {
                self.begin_next_if_played(at);
                // A record that is cut off here is an error, and not no game at all.
                self.has_content = true;
            }
            _ if self.builder.is_playing() && !self.builder.game.moves.is_empty() => {
                let found = self.builder.text.shown(line);
                let message = format!("expected a statement of CSA, found `{found}`");
                self.builder.break_off(ErrorKind::Syntax, at, message);
            }
            _ => self.report(ErrorKind::Syntax, at, "a statement of CSA"),
        }
        end
    }

    /// Games that are simply put one behind the other, without `/`.
    fn begin_next_if_played(&mut self, at: usize) {
        if self.builder.has_body() {
            self.finish_game(at);
        }
    }

    fn read_start_line(&mut self, line: &[u8], at: usize) -> usize {
        let line = line.trim_ascii_end();
        self.begin_next_if_played(at);
        self.has_content = true;
        if self.builder.has_begun() {
            self.report(ErrorKind::Syntax, at, "the position before the side to move");
            return at + line.len();
        }
        if self.start.first_line.is_none() {
            let block = self.cache.block.as_slice();
            if let (true, Some(position)) =
                (self.bytes[at..].starts_with(block), &self.cache.position)
            {
                self.builder.begin(position);
                return at + block.len();
            }
            self.start.first_line = Some(at);
            self.start_is_one_block = true;
        }
        if let Err((column, expected)) = self.start.read_line(line) {
            let found = self.builder.text.shown(&line[column.min(line.len())..]);
            let message = format!("expected {expected}, found `{found}`");
            self.builder.drop_game(at + column.min(line.len()), message);
        }
        at + line.len()
    }

    fn read_header(&mut self, line: &[u8], at: usize) {
        let (key, value) = match line {
            [b'N', _, ..] => line.split_at(2),
            _ => line.split_at(memchr::memchr(b':', line).map_or(line.len(), |colon| colon + 1)),
        };
        let is_first = matches!(key, b"N+" | b"N-" | b"$EVENT:" | b"$START_TIME:");
        if is_first {
            self.begin_next_if_played(at);
            self.has_content = true;
            self.start_is_one_block = self.start.first_line.is_none();
        }
        let value_at = at + key.len()..at + key.len() + value.len();
        if self.builder.is_full() {
            let key = self.decoded(key.strip_suffix(b":").unwrap_or(key));
            let value = self.decoded(value.trim_ascii());
            self.builder.header(key, trimmed(value));
        }
        match key {
            b"N+" => self.builder.set_text(value_at, |game| &mut game.black),
            b"N-" => self.builder.set_text(value_at, |game| &mut game.white),
            b"$EVENT:" => self.builder.set_text(value_at, |game| &mut game.event),
            b"$START_TIME:" => {
                self.builder.game.date = std::str::from_utf8(value).ok().and_then(parse_date);
            }
            _ => {}
        }
    }

    fn read_special(&mut self, at: usize) -> usize {
        let end = self.statement_end(at);
        let name = self.bytes[at..end].trim_ascii_end();
        if csa_ending::of_name(name, Color::Black).is_none() {
            self.report(ErrorKind::Syntax, at, "an ending such as `%TORYO`");
            return self.after_time(end);
        }
        if !self.builder.has_begun() {
            self.begin(Color::Black, at);
        }
        let turn = self.builder.turn_at_ending();
        let Some(mut verdict) = csa_ending::of_name(name, turn) else { return end };
        if verdict.ending == Ending::IllegalMove {
            verdict = self.builder.illegal_move_verdict(verdict);
        }
        self.builder.end(at, verdict);
        end
    }

    /// Where the time behind the statement that ends at `at` ends: it is not that of the last move.
    fn after_time(&self, at: usize) -> usize {
        let rest = &self.bytes[at..];
        let between = rest.iter().take_while(|byte| b"\n\r,\t ".contains(byte)).count();
        if rest.get(between) == Some(&b'T') { self.statement_end(at + between) } else { at }
    }

    /// Ends the game before `end`, and gets ready for the next one.
    fn finish_game(&mut self, end: usize) {
        if self.has_content && !self.builder.has_begun() {
            let message = "expected the side to move (`+` or `-`), found the end of the game";
            let at = self.bytes[..end].trim_ascii_end().len();
            self.builder.drop_game(at, message.to_owned());
        }
        self.builder.finish(end);
        self.start = CsaStart::new();
        self.start_is_one_block = true;
        self.has_content = false;
    }

    fn decoded(&self, bytes: &[u8]) -> String {
        let mut text = String::new();
        self.builder.text.decode(bytes, &mut text);
        text
    }

    /// Reports that at `at` there is not what was expected.
    #[cold]
    fn report(&mut self, kind: ErrorKind, at: usize, expected: &str) {
        let found = self.builder.text.shown(&self.bytes[at..self.statement_end(at)]);
        self.builder.report(kind, at, format!("expected {expected}, found `{found}`"));
    }

    /// Where the statement at `at` ends: its comma, or the end of its line.
    fn statement_end(&self, at: usize) -> usize {
        memchr::memchr2(b'\n', b',', &self.bytes[at..]).map_or(self.bytes.len(), |len| at + len)
    }
}

#[inline]
fn is_statement_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | b',' | b' ' | b'\t')
}

/// The text without white space around it, which it hardly ever has.
fn trimmed(text: String) -> String {
    let trimmed = text.trim();
    if trimmed.len() < text.len() { trimmed.to_owned() } else { text }
}
