//! JKF, JSON棋譜フォーマット: records as JSON.
//!
//! A file holds a game, an array of games, or games one behind the other. A game is read twice:
//! first it is passed over to see whether it is JSON and where its parts are, since what comes
//! first may stand last; then its lines are played, each before those that leave it.
//!
//! Source: <https://github.com/na2hiro/Kifu-for-JS/tree/master/packages/json-kifu-format>.

use super::builder::{Builder, Misplaced};
use super::csa_ending;
use super::ending::Verdict;
use super::header::parse_date;
use super::jkf_move::{self, WrittenMove};
use super::jkf_start;
use super::json::{Json, JsonError, Seen};
use super::kif_comment;
use super::kif_start::KifStart;
use super::text::Text;
use super::{Ending, ErrorKind};
use crate::{Color, Move, Position};

/// Reads all games of the text that `builder` has, which is UTF-8.
///
/// `even` is the start of an even game.
pub(super) fn read(builder: Builder, even: &Position) {
    let text = builder.text;
    let jkf = Jkf { text, builder, even, seen: Seen::default(), error: None, line_end: 0 };
    jkf.read_all();
}

struct Jkf<'a, 'e> {
    /// The text, up to where it is no JSON while a game is read.
    text: Text<'a>,
    builder: Builder<'a>,
    even: &'e Position,
    /// What the game holds.
    seen: Seen,
    /// Why the text of the game breaks off, until it is told.
    error: Option<JsonError>,
    /// Where the line read last ends.
    line_end: usize,
}

/// Where the parts of a game begin.
#[derive(Default)]
struct Parts {
    header: Option<usize>,
    initial: Option<usize>,
    moves: Option<usize>,
}

/// Lines that leave one line at the same move.
struct Forks {
    ply: usize,
    /// In the array: its begin, or the end of one of its lines.
    at: usize,
    is_begin: bool,
}

impl Jkf<'_, '_> {
    fn read_all(mut self) {
        let mut json = Json::new(self.text, 0);
        let mut in_array = false;
        loop {
            let is_whole = match json.peek() {
                None if in_array => self.refuse(&mut json, "a game or `]`"),
                // 0x1A ends files of MS-DOS.
                None | Some(0x1A) => break,
                Some(b'{') => self.read_game(&mut json),
                Some(b'[') if !in_array => {
                    json.at += 1;
                    in_array = !json.take(b']');
                    continue;
                }
                Some(_) => self.refuse_value(&mut json),
            };
            let ends = in_array && is_whole && json.take(b']');
            if !is_whole
                || in_array && !ends && !json.take(b',') && !self.refuse(&mut json, "`,` or `]`")
            {
                break;
            }
            in_array &= !ends;
        }
    }

    /// Reports that there is something else than expected, after which nothing is read.
    fn refuse(&mut self, json: &mut Json, expected: &str) -> bool {
        let JsonError { offset, message } = json.error(expected);
        self.builder.refuse(ErrorKind::Syntax, offset, message);
        self.builder.finish(offset);
        false
    }

    /// Reports a value that is no game; whether it is JSON at all.
    fn refuse_value(&mut self, json: &mut Json) -> bool {
        let at = json.at;
        let is_json = json.skip_value(b"", &mut Seen::default());
        let end = json.at;
        let found =
            self.text.shown(&self.text.bytes[at..end.max(at + 1).min(self.text.bytes.len())]);
        let (offset, message) = match &is_json {
            Ok(()) => (at, format!("expected a game as an object, found `{found}`")),
            Err(error) => (error.offset, error.message.clone()),
        };
        self.builder.refuse(ErrorKind::Syntax, offset, message);
        self.builder.finish(end);
        is_json.is_ok()
    }

    /// Reads the game that `json` stands at and passes over it; whether it is JSON to its end.
    fn read_game(&mut self, json: &mut Json) -> bool {
        let start = json.at;
        let whole = self.text;
        self.seen = Seen::default();
        let mut parts = Parts::default();
        let seen = &mut self.seen;
        let scanned = json.fields(|json, key| {
            match key {
                b"header" => parts.header = Some(json.at),
                b"initial" => parts.initial = Some(json.at),
                b"moves" => {
                    // The last of several counts.
                    *seen = Seen::default();
                    parts.moves = Some(json.at);
                }
                _ => {}
            }
            json.skip_value(key, seen)
        });
        self.error = scanned.err();
        let is_whole = self.error.is_none();
        let end = self.error.as_ref().map_or(json.at, |error| error.offset);
        self.text.bytes = &whole.bytes[..end];
        match parts.moves {
            Some(moves) => self.read_parts(&parts, moves, start),
            None => {
                let (offset, message) = match self.error.take() {
                    Some(error) => (error.offset, error.message),
                    None => (start, "expected a game with `moves`, found none".to_owned()),
                };
                self.builder.refuse(ErrorKind::Syntax, offset, message);
            }
        }
        if let Some(error) = self.error.take() {
            self.builder.report(ErrorKind::Syntax, error.offset, error.message);
        }
        self.text = whole;
        self.builder.finish(self.line_end);
        is_whole
    }

    fn read_parts(&mut self, parts: &Parts, moves: usize, start: usize) {
        let mut named_start = KifStart::new();
        if let Some(at) = parts.header {
            self.read_header(at, &mut named_start);
        }
        match self.start_position(parts.initial, named_start) {
            Ok(position) => self.builder.begin(&position),
            Err((offset, message)) => return self.builder.drop_game(offset.max(start), message),
        }
        let mut lines = Vec::new();
        self.read_line(moves, &mut lines);
        if self.builder.is_full() {
            self.read_forks(lines);
        } else {
            self.builder.game.n_variations = self.seen.n_lines;
            self.builder.game.n_comments += self.seen.n_comments;
        }
    }

    fn start_position(
        &mut self,
        initial: Option<usize>,
        mut named: KifStart,
    ) -> Result<Position, jkf_start::Fault> {
        if let Some(at) = initial {
            match jkf_start::read(&mut Json::new(self.text, at), self.text) {
                Ok(Some(position)) => return position,
                Ok(None) => {}
                Err(_) => {
                    let error = self.error.take();
                    return Err(error.map_or((at, String::new()), |e| (e.offset, e.message)));
                }
            }
        }
        // Without a position the game is an even one, unless the header names a handicap.
        if named.is_even() {
            return Ok(self.even.clone());
        }
        let at = named.at.unwrap_or_default();
        named.finish().map_err(|message| (at, message))
    }

    fn read_header(&mut self, at: usize, start: &mut KifStart) {
        let mut json = Json::new(self.text, at);
        if json.peek() != Some(b'{') {
            if json.peek() != Some(b'n') {
                let JsonError { offset, message } = json.error("a header as an object");
                self.builder.report(ErrorKind::Syntax, offset, message);
            }
            return;
        }
        let mut value = String::new();
        // Where the text breaks off is told once the moves are read.
        let _ = json.fields(|json, key| {
            let at = json.at;
            match json.peek() {
                Some(b'"') => {
                    if !json.string(&mut value)? {
                        let message = "expected UTF-8 text, found malformed bytes".to_owned();
                        self.builder.report(ErrorKind::Encoding, at, message);
                    }
                }
                Some(b'n') => return json.skip(),
                _ => {
                    json.skip()?;
                    value.clear();
                    self.text.decode(&self.text.bytes[at..json.at], &mut value);
                }
            }
            self.take_header(&String::from_utf8_lossy(key), &value, at, start);
            Ok(())
        });
    }

    fn take_header(&mut self, key: &str, value: &str, at: usize, start: &mut KifStart) {
        let trimmed = value.trim();
        let game = &mut *self.builder.game;
        match key {
            "先手" | "下手" => trimmed.clone_into(&mut game.black),
            "後手" | "上手" => trimmed.clone_into(&mut game.white),
            "棋戦" => trimmed.clone_into(&mut game.event),
            "表題" if game.event.is_empty() => trimmed.clone_into(&mut game.event),
            "開始日時" | "対局日" => game.date = parse_date(trimmed),
            "手合割" => {
                start.set_handicap(trimmed);
                start.at = Some(at);
                return;
            }
            _ => {}
        }
        self.builder.header(key, value);
    }

    /// Reads the line in the array at `at`, and puts those that leave it into `forks`; returns
    /// where it ends, unless the text breaks off before.
    fn read_line(&mut self, at: usize, forks: &mut Vec<Forks>) -> Option<usize> {
        let mut json = Json::new(self.text, at);
        let read = match json.peek() {
            Some(b'[') => json.items(|json| self.read_element(json, forks)),
            _ => {
                let JsonError { offset, message } = json.error("an array of moves");
                self.builder.break_off(ErrorKind::Syntax, offset, message);
                json.skip()
            }
        };
        if read.is_ok() {
            self.line_end = json.at;
            return Some(json.at);
        }
        // Told once: all lines that are open here break off at the same place.
        if let Some(JsonError { offset, message }) = self.error.take() {
            self.builder.break_off(ErrorKind::Syntax, offset, message);
        }
        self.line_end = self.builder.text.bytes.len();
        None
    }

    /// Reads the lines that leave others, each before those that leave it, from the end of the
    /// line which they leave to its start.
    fn read_forks(&mut self, mut open: Vec<Forks>) {
        while let Some(forks) = open.pop() {
            let mut json = Json::new(self.text, forks.at);
            let goes_on = match forks.is_begin {
                true => json.take(b'[') && json.peek() != Some(b']'),
                false => json.take(b','),
            };
            if !goes_on || json.peek().is_none() {
                continue;
            }
            if let Err(misplaced) = self.builder.begin_variation(forks.ply, self.line_end) {
                let message = match misplaced {
                    Misplaced::TooDeep => "expected fewer variations within each other",
                    Misplaced::Beyond(_) => "expected a variation of a line that goes so far",
                };
                self.builder.report(ErrorKind::Syntax, json.at, message.to_owned());
            }
            let mut lines = Vec::new();
            if let Some(at) = self.read_line(json.at, &mut lines) {
                open.push(Forks { at, is_begin: false, ..forks });
            }
            open.append(&mut lines);
        }
    }

    /// Reads what stands in place of a move: a move, or an ending, with what is said about it.
    fn read_element(&mut self, json: &mut Json, forks: &mut Vec<Forks>) -> Result<(), JsonError> {
        let at = json.at;
        if json.peek() != Some(b'{') {
            json.skip()?;
            let found = self.text.shown(&self.text.bytes[at..json.at]);
            let message = format!("expected a move as an object, found `{found}`");
            self.builder.break_off(ErrorKind::Syntax, at, message);
            return Ok(());
        }
        let (mut mv, mut time_ms, mut special, mut comments) = (None, None, None, None);
        json.fields(|json, key| {
            let at = json.at;
            match key {
                b"move" => mv = jkf_move::read(json, self.text)?,
                b"time" => time_ms = self.read_time(json)?,
                b"special" => special = self.read_special(json)?.map(|name| (name, at)),
                b"comments" => {
                    comments = Some(at);
                    json.skip()?;
                }
                b"forks" => self.pass_forks(json, forks)?,
                _ => json.skip()?,
            }
            Ok(())
        })?;
        if let Some(mv) = mv {
            self.play(mv, at..json.at);
            if let Some(ms) = time_ms {
                self.builder.set_time(ms);
            }
        }
        if let Some((name, at)) = special {
            self.end(&name, at);
        }
        if let Some(at) = comments {
            self.read_comments(at);
        }
        self.builder.time_open = false;
        Ok(())
    }

    /// Passes over lines that leave this one before the move here, which are read later.
    fn pass_forks(&mut self, json: &mut Json, forks: &mut Vec<Forks>) -> Result<(), JsonError> {
        let at = json.at;
        let Ok(number) = self.seen.forks.binary_search_by_key(&at, |(begin, _)| *begin) else {
            let is_null = json.peek() == Some(b'n');
            json.skip()?;
            if !is_null {
                let found = self.text.shown(&self.text.bytes[at..json.at]);
                let message = format!("expected variations as an array, found `{found}`");
                self.builder.report(ErrorKind::Syntax, at, message);
            }
            return Ok(());
        };
        if self.builder.is_whole() && !self.builder.is_skipping() {
            forks.push(Forks { ply: self.builder.ply(), at, is_begin: true });
        } else if self.builder.is_full() {
            // They leave a line that is not kept.
            let mut seen = Seen::default();
            let skipped = Json::new(self.text, at).skip_value(b"forks", &mut seen);
            self.builder.game.n_variations += seen.n_lines;
            self.builder.game.n_comments += seen.n_comments;
            skipped?;
        }
        match self.seen.forks[number].1 {
            // The text breaks off within it, of which the reason is known.
            0 => Err(JsonError { offset: self.text.bytes.len(), message: String::new() }),
            end => {
                json.at = end;
                Ok(())
            }
        }
    }

    /// Reads a time; nothing if there is none.
    fn read_time(&mut self, json: &mut Json) -> Result<Option<u32>, JsonError> {
        let at = json.at;
        let mut ms = None;
        let mut is_good = true;
        match json.peek() {
            Some(b'{') => json.fields(|json, key| {
                if key != b"now" {
                    return json.skip();
                }
                ms = clock_ms(json)?;
                is_good = ms.is_some();
                Ok(())
            })?,
            Some(b'n') => json.skip()?,
            _ => {
                json.skip()?;
                is_good = false;
            }
        }
        if !is_good {
            let found = self.text.shown(&self.text.bytes[at..json.at]);
            let message = format!(
                "expected a time such as `{{\"now\":{{\"m\":0,\"s\":12}}}}`, found `{found}`"
            );
            self.builder.report(ErrorKind::Syntax, at, message);
        }
        Ok(ms)
    }

    /// Reads the name of an ending; nothing if it is null.
    fn read_special(&mut self, json: &mut Json) -> Result<Option<String>, JsonError> {
        let at = json.at;
        match json.peek() {
            Some(b'"') => {
                let mut name = String::new();
                json.string(&mut name)?;
                Ok(Some(name))
            }
            Some(b'n') => json.skip().map(|()| None),
            _ => {
                json.skip()?;
                let found = self.text.shown(&self.text.bytes[at..json.at]);
                self.report_special(&found, at);
                Ok(None)
            }
        }
    }

    fn report_special(&mut self, found: &str, at: usize) {
        let message = format!("expected an ending such as `TORYO`, found `{found}`");
        self.builder.report(ErrorKind::Syntax, at, message);
    }

    fn end(&mut self, name: &str, at: usize) {
        match verdict(name, self.builder.turn_at_ending()) {
            Some(verdict) if verdict.ending == Ending::IllegalMove => {
                self.builder.end(at, self.builder.illegal_move_verdict(verdict));
            }
            Some(verdict) => self.builder.end(at, verdict),
            None => {
                let shown: String = name.chars().take(40).collect();
                self.report_special(&shown, at);
            }
        }
    }

    fn play(&mut self, mut mv: WrittenMove, element: std::ops::Range<usize>) {
        if !self.builder.is_playing() {
            if self.builder.has_verdict() && self.builder.is_whole() {
                self.builder.move_after_end(element);
            } else {
                self.builder.skip_move();
            }
            return;
        }
        let last = self.builder.last_move().map(Move::to);
        match mv.find(self.builder.position(), last) {
            Err((kind, at, message)) => self.builder.break_off(kind, at, message),
            Ok(found) => {
                let contradiction = mv.contradiction(self.builder.position(), found, last);
                if !self.builder.play(found) {
                    let message = format!("expected a legal move, found `{found}`");
                    self.builder.break_off(ErrorKind::IllegalMove, mv.at, message);
                } else if let Some((at, message)) = contradiction {
                    self.builder.report(ErrorKind::Contradiction, at, message);
                }
            }
        }
    }

    fn read_comments(&mut self, at: usize) {
        let mut json = Json::new(self.text, at);
        let mut comment = String::new();
        let is_array = json.peek() == Some(b'[');
        if !is_array && json.peek() != Some(b'n') {
            let JsonError { offset, message } = json.error("an array of comments");
            self.builder.report(ErrorKind::Syntax, offset, message);
        }
        if !is_array {
            return;
        }
        let mut waiting: Option<String> = None;
        // The text was read before: it does not break off here.
        let _ = json.items(|json| {
            if json.peek() != Some(b'"') {
                return json.skip();
            }
            json.string(&mut comment)?;
            let text = comment.strip_suffix('\n').unwrap_or(&comment);
            for line in text.split('\n') {
                // A line of text, as the other formats have it.
                let plain = |ch: char| if ch.is_control() && ch != '\t' { ' ' } else { ch };
                let line: String = line.trim_end_matches('\r').chars().map(plain).collect();
                if let Some(before) = waiting.take() {
                    self.take_comment(before, Some(&line));
                }
                waiting = Some(line);
            }
            Ok(())
        });
        if let Some(last) = waiting {
            self.take_comment(last, None);
        }
    }

    /// Takes a comment, and the eval of the move before if it tells one; some programs write it
    /// above a line of moves, the `next` comment.
    fn take_comment(&mut self, text: String, next: Option<&str>) {
        let eval = kif_comment::told(&text, next);
        let has_data = eval.is_some_and(|eval| self.builder.set_eval(eval));
        if !has_data || self.builder.is_full() {
            self.builder.push_comment(&text);
        }
    }
}

/// The verdict of an ending by its name, with `turn` to move.
pub(super) fn verdict(name: &str, turn: Color) -> Option<Verdict> {
    match name.strip_prefix('%').unwrap_or(name) {
        // 反則勝ち in KIF: the move before was against the rules.
        "ILLEGAL_ACTION" => Some(Verdict::won_by(Ending::IllegalAction, turn)),
        name => csa_ending::of_name(format!("%{name}").as_bytes(), turn),
    }
}

/// Reads hours, minutes and seconds; nothing if they are no time.
fn clock_ms(json: &mut Json) -> Result<Option<u32>, JsonError> {
    if json.peek() != Some(b'{') {
        json.skip()?;
        return Ok(None);
    }
    let mut ms = 0.0;
    let mut is_good = true;
    json.fields(|json, key| {
        let unit_ms = match key {
            b"h" => 3_600_000.0,
            b"m" => 60_000.0,
            b"s" => 1_000.0,
            _ => return json.skip(),
        };
        match json.peek() {
            Some(b'n') => json.skip()?,
            Some(b'0'..=b'9') => ms += unit_ms * json.number()?,
            _ => {
                is_good = false;
                json.skip()?;
            }
        }
        Ok(())
    })?;
    let ms = ms.round();
    Ok((is_good && ms <= f64::from(u32::MAX)).then_some(ms as u32))
}
