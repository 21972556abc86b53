//! The lines of KIF that are no moves: headers, boards, variations and the last line.

use super::ErrorKind;
use super::builder::Misplaced;
use super::glyph::Width;
use super::header::parse_date;
use super::kif::Kif;
use super::kif_ending;
use crate::Color;

/// Headers that tell anything that is kept.
const USED_HEADERS: [&str; 17] = [
    "先手",
    "後手",
    "下手",
    "上手",
    "棋戦",
    "表題",
    "開始日時",
    "対局日",
    "手合割",
    "先手の持駒",
    "後手の持駒",
    "下手の持駒",
    "上手の持駒",
    "先手の持ち駒",
    "後手の持ち駒",
    "下手の持ち駒",
    "上手の持ち駒",
];

/// Whether a line with this key makes a text a record, even without moves.
pub(super) fn is_telling_header(key: &str) -> bool {
    USED_HEADERS.contains(&key) && !matches!(key, "棋戦" | "表題" | "対局日")
}

fn is_blank(line: &str) -> bool {
    line.chars().all(|ch| ch.is_whitespace() || ch == '\u{1A}')
}

/// The 12 in `変化：12手`.
fn variation_number(line: &str) -> Option<u32> {
    let text = line.strip_prefix("変化")?.trim_start_matches(['：', ':', ' ', '　']);
    let mut number = None;
    for ch in text.chars() {
        let Some(digit) = digit(ch) else { break };
        number = Some(number.unwrap_or(0u32).saturating_mul(10).saturating_add(digit));
    }
    number
}

/// A digit of any width.
fn digit(ch: char) -> Option<u32> {
    ch.to_digit(10).or_else(|| ('０'..='９').contains(&ch).then(|| ch as u32 - '０' as u32))
}

impl<W: Width> Kif<'_, W> {
    /// Reads a line that is decoded for it.
    #[cold]
    pub fn read_text_line(&mut self, line_start: usize, at: usize) -> usize {
        if let Some((number, pos)) = self.find_wide_move(at).filter(|_| !self.builder.is_skipping())
        {
            return self.read_numbered(number, pos, at);
        }
        let end = self.builder.text.line_end(at);
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        self.builder.text.decode(self.bytes[at..end].trim_ascii_end(), &mut line);
        self.interpret(&line, line_start, at);
        self.line = line;
        end + 1
    }

    fn interpret(&mut self, line: &str, line_start: usize, at: usize) {
        match line.as_bytes().first() {
            Some(b'#') if line.starts_with("#KIF") => self.begin_next_if_played(line_start),
            // `# ---- Kifu for Windows … ----` is the first line of a file.
            Some(b'#') if line.starts_with("# ----") && self.has_content => {
                self.finish_game(line_start);
            }
            Some(b'#') => {}
            Some(b'|') => self.read_row(line, line_start, at),
            Some(b'+') if line.starts_with("+--") => self.begin_next_if_played(line_start),
            _ if is_blank(line) => {}
            _ if line.starts_with("手数--") => {
                self.begin_next_if_played(line_start);
                self.has_content = true;
                self.has_table = true;
            }
            _ if line.trim_start().starts_with("変化") => {
                self.read_variation(line.trim_start(), line_start);
            }
            _ if line.starts_with("まで") => self.read_last_line(line, at),
            _ => self.read_header(line, line_start, at),
        }
    }

    fn read_row(&mut self, line: &str, line_start: usize, at: usize) {
        self.begin_next_if_played(line_start);
        self.has_content = true;
        let first = *self.start.at.get_or_insert(at);
        if let Err(message) = self.start.read_row(line) {
            self.builder
                .drop_game(if self.builder.has_begun() { at } else { first.max(at) }, message);
        }
    }

    /// `変化：12手`: what follows is played instead of the move of that number.
    fn read_variation(&mut self, line: &str, at: usize) {
        self.has_content = true;
        if !self.builder.has_begun() {
            self.begin(at);
        }
        let first = self.first_number.unwrap_or(1);
        let ply = variation_number(line).and_then(|number| number.checked_sub(first));
        // Without a number there is no such move.
        let begun = self.builder.begin_variation(ply.map_or(usize::MAX, |ply| ply as usize), at);
        let expected = match begun {
            Ok(()) => return,
            Err(Misplaced::Beyond(ply)) => {
                let last = first.saturating_add(ply as u32);
                format!("expected a variation such as `変化：{last}手`, from {first} to {last}")
            }
            Err(Misplaced::TooDeep) => "expected fewer variations within each other".to_owned(),
        };
        let found = line.trim_end();
        self.builder.report(ErrorKind::MoveNumber, at, format!("{expected}, found `{found}`"));
    }

    /// `まで85手で先手の勝ち`
    pub fn read_last_line(&mut self, line: &str, at: usize) {
        if self.builder.is_skipping() {
            return;
        }
        if !self.builder.has_begun() {
            self.begin(at);
        }
        match kif_ending::of_line(line, self.builder.turn_at_ending()) {
            Some(verdict) => self.builder.end(at, verdict),
            None => {
                let message = format!(
                    "expected an ending such as `まで85手で先手の勝ち`, found `{}`",
                    line.trim_end()
                );
                self.builder.report(ErrorKind::Syntax, at, message);
            }
        }
    }

    /// A line `key：value`, or one that tells who moves first.
    pub fn read_header(&mut self, line: &str, line_start: usize, at: usize) {
        match line.trim_end() {
            "先手番" | "下手番" => return self.set_turn(Color::Black),
            "後手番" | "上手番" => return self.set_turn(Color::White),
            _ => {}
        }
        if let Some(side) =
            line.strip_prefix("手番").map(|rest| rest.trim_start_matches(['：', ':', '＝']))
        {
            match side.trim() {
                "先手" | "下手" => return self.set_turn(Color::Black),
                "後手" | "上手" => return self.set_turn(Color::White),
                _ => {}
            }
        }
        let Some((colon, separator)) = line.char_indices().find(|(_, ch)| matches!(ch, '：' | ':'))
        else {
            return self.read_other(line, at);
        };
        let key = line[..colon].trim_end();
        let value = line[colon + separator.len_utf8()..].trim();
        if !USED_HEADERS.contains(&key) {
            return self.read_free_header(key, value);
        }
        self.begin_next_if_played(line_start);
        self.has_content = true;
        if key != "手合割" && !key.ends_with("駒") {
            self.builder.header(key, value);
        }
        let separator_len = if separator == ':' { 1 } else { W::BYTES };
        // The key is one of a few, in characters of one width, but for blanks behind it.
        let n_before = line[..colon].chars().map(|ch| match W::BYTES {
            3 => ch.len_utf8(),
            n_bytes => {
                if ch.is_ascii() {
                    1
                } else {
                    n_bytes
                }
            }
        });
        let value_at = (at + n_before.sum::<usize>() + separator_len).min(self.bytes.len());
        let value_range = value_at..self.builder.text.line_end(value_at);
        match key {
            "先手" | "下手" => self.builder.set_text(value_range, |game| &mut game.black),
            "後手" | "上手" => self.builder.set_text(value_range, |game| &mut game.white),
            "棋戦" => self.builder.set_text(value_range, |game| &mut game.event),
            "表題" if self.builder.game.event.is_empty() => {
                self.builder.set_text(value_range, |game| &mut game.event);
            }
            "開始日時" | "対局日" => self.builder.game.date = parse_date(value),
            "手合割" => {
                self.start.set_handicap(value);
                self.start.at.get_or_insert(value_at);
            }
            "先手の持駒" | "下手の持駒" | "先手の持ち駒" | "下手の持ち駒" => {
                self.set_hand(Color::Black, value, value_at);
            }
            "後手の持駒" | "上手の持駒" | "後手の持ち駒" | "上手の持ち駒" => {
                self.set_hand(Color::White, value, value_at);
            }
            _ => {}
        }
    }

    /// A header field that nothing is read from.
    fn read_free_header(&mut self, key: &str, value: &str) {
        if !self.builder.is_full() || self.builder.is_skipping() {
        } else if self.builder.has_body() || self.has_table {
            self.late_headers.push((key.to_owned(), value.to_owned()));
        } else {
            self.builder.header(key, value);
        }
    }

    fn set_turn(&mut self, turn: Color) {
        self.has_content = true;
        self.start.set_turn(turn);
    }

    fn set_hand(&mut self, color: Color, value: &str, at: usize) {
        if let Err(message) = self.start.set_hand(color, value) {
            self.builder.drop_game(at, message);
        }
    }

    /// A line that means nothing here.
    fn read_other(&mut self, line: &str, at: usize) {
        // The files above a board, and what a board says of the last move.
        let is_board_edge =
            line.contains('９') && line.contains('１') || line.starts_with("手数＝");
        if self.builder.is_skipping() || is_board_edge || line.starts_with('\u{1A}') {
            return;
        }
        let found = self.builder.text.shown(&self.bytes[at..self.builder.text.line_end(at)]);
        let message = format!("expected a header, a move or an ending, found `{found}`");
        self.builder.report(ErrorKind::Syntax, at, message);
    }
}
