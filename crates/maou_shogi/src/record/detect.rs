//! The format of a record, told by its content.

use super::csa_ending;
use super::glyph::Utf8;
use super::kif_move::{Lexed, lex};
use super::kif_text::is_telling_header;
use super::text::{Encoding, Text, foreign_encoding};
use super::usi;
use super::{ErrorKind, Format};
use crate::Color;

/// Why a text is no record that can be read: kind, offset and message.
pub(super) type Rejection = (ErrorKind, usize, String);

/// What a line says about the format of its text.
enum Hint {
    Nothing,
    /// CSA has such lines, and so have other texts.
    MaybeCsa,
    /// A header that KIF and KI2 share.
    MaybeKif,
    /// The text says that it is a record of the kind of KIF.
    NamesKif,
    Format(Format),
    /// No format has such a line.
    Strange,
}

/// Tells the format by the first line that is decisive.
pub(super) fn detect(text: Text) -> Result<Format, Rejection> {
    /// Names and the like of a record stand in its first bytes.
    const HEAD_BYTES: usize = 4096;
    let head = &text.bytes[..text.bytes.len().min(HEAD_BYTES)];
    if text.encoding == Encoding::Ascii && memchr::memchr(0x1B, head).is_some() {
        foreign(text.bytes)?;
    }
    let mut first_content = None;
    let (mut maybe_csa, mut maybe_kif, mut is_strange) = (false, false, false);
    let mut names_kif = false;
    let mut at = 0;
    while at < text.bytes.len() {
        let end = text.line_end(at);
        let line = text.bytes[at..end].trim_ascii();
        if !line.is_empty() && line != b"\x1A" {
            let is_first = *first_content.get_or_insert(at) == at;
            match hint(text, line, is_first) {
                Hint::Format(format) => return Ok(format),
                Hint::MaybeCsa => maybe_csa = true,
                Hint::MaybeKif => maybe_kif = true,
                Hint::NamesKif => names_kif = true,
                Hint::Strange if !maybe_csa && !maybe_kif && !names_kif => break,
                Hint::Strange => is_strange = true,
                Hint::Nothing => {}
            }
        }
        at = end + 1;
    }
    match first_content {
        // Headers without a move: KIF writes games so that have just begun.
        _ if names_kif || maybe_kif && !is_strange => Ok(Format::Kif),
        None => Err((ErrorKind::Empty, 0, "expected a game record, found nothing".to_owned())),
        Some(first) => Err(not_a_record(text, first)),
    }
}

/// Refuses encodings that are not read.
fn foreign(bytes: &[u8]) -> Result<(), Rejection> {
    let Some(name) = foreign_encoding(bytes) else { return Ok(()) };
    let message = format!("expected UTF-8, Shift_JIS or EUC-JP text, found {name}");
    Err((ErrorKind::Encoding, 0, message))
}

fn not_a_record(text: Text, at: usize) -> Rejection {
    if let Err(rejection) = foreign(text.bytes) {
        return rejection;
    }
    let line = &text.bytes[at..text.line_end(at)];
    let blanks = line.len() - line.trim_ascii_start().len();
    let found = match memchr::memchr(0, text.bytes) {
        Some(_) => "binary data".to_owned(),
        None => format!("`{}`", text.shown(&line[blanks..])),
    };
    (ErrorKind::NotARecord, at + blanks, format!("expected a game record, found {found}"))
}

/// Whether a text in UTF-8 with such a line can still be told to be KIF.
pub(super) fn may_be_kif(line: &str) -> bool {
    let hint = hint(Text::new(line.as_bytes()), line.as_bytes().trim_ascii(), false);
    matches!(hint, Hint::Nothing | Hint::MaybeKif | Hint::MaybeCsa)
}

/// What a line without blanks around it says, which may be the first one; `text` tells its
/// encoding.
fn hint(text: Text, line: &[u8], is_first: bool) -> Hint {
    match line {
        [b'\'', ..] => Hint::Nothing,
        [b'V' | b'P' | b'N' | b'$' | b'%' | b'+' | b'-' | b'T', ..] => csa_hint(text, line),
        _ if line.starts_with(b"#KIF") => Hint::NamesKif,
        [b'#' | b'*' | b'&', ..] => Hint::Nothing,
        [b'{' | b'[', ..] if is_first => json_hint(text),
        _ => other_hint(text, line),
    }
}

/// What a line says that neither JSON nor CSA has.
fn other_hint(text: Text, line: &[u8]) -> Hint {
    // Most lines of KIF begin beyond ASCII, or with blanks in front of a number.
    let may_be_usi = matches!(line, [b'+' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z', ..]);
    match Some(line).filter(|_| may_be_usi).and_then(usi::format_of) {
        Some(format) => Hint::Format(format),
        None => japanese_hint(text, line),
    }
}

fn csa_hint(text: Text, line: &[u8]) -> Hint {
    match line {
        [b'V', version @ ..] if is_version(version) => Hint::Format(Format::Csa),
        [b'P', b'I'] | [b'P', b'I', b',', ..] => Hint::Format(Format::Csa),
        [b'P', b'I' | b'+' | b'-', b'0'..=b'9', b'0'..=b'9', ..] => Hint::Format(Format::Csa),
        [b'P', b'1'..=b'9', b' ', b'*', ..] => Hint::Format(Format::Csa),
        [b'P', b'1'..=b'9', b'+' | b'-', b'A'..=b'Z', ..] => Hint::Format(Format::Csa),
        [b'+' | b'-', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'A'..=b'Z', ..] => {
            Hint::Format(Format::Csa)
        }
        [b'%', ..] if csa_ending::of_name(line, Color::Black).is_some() => {
            Hint::Format(Format::Csa)
        }
        [b'+' | b'-'] | [b'+' | b'-', b',', ..] | [b'N', b'+' | b'-', ..] => Hint::MaybeCsa,
        [b'%', b'A'..=b'Z' | b'+' | b'-', ..] | [b'$', b'A'..=b'Z', ..] => Hint::MaybeCsa,
        [b'T', seconds @ ..] if is_digits(seconds) => Hint::MaybeCsa,
        _ => other_hint(text, line),
    }
}

/// `2`, `2.2`, `3.0`
fn is_version(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// What a text says that begins as JSON does.
fn json_hint(text: Text) -> Hint {
    let found = |needle: &[u8]| memchr::memmem::find(text.bytes, needle).is_some();
    let has_parts = found(b"\"header\"") || found(b"\"initial\"") || found(b"\"move\"");
    if found(b"\"moves\"") && has_parts { Hint::Format(Format::Jkf) } else { Hint::Strange }
}

/// Words that KIF writes in place of a move, as far as they tell it from other texts.
const ENDINGS: [&str; 10] =
    ["投了", "中断", "千日手", "持将棋", "詰", "不詰", "切れ負け", "反則", "入玉", "不戦"];

fn japanese_hint(text: Text, line: &[u8]) -> Hint {
    let mut decoded = String::new();
    text.decode(&line[..line.len().min(200)], &mut decoded);
    let decoded = decoded.trim_start();
    let begins = |names: &[&str]| names.iter().any(|name| decoded.starts_with(name));
    let is_digit = |ch: &char| ch.is_ascii_digit() || ('０'..='９').contains(ch);
    let digits = decoded.chars().take_while(is_digit).map(char::len_utf8).sum();
    if decoded.starts_with("手数--") || is_kif_move(decoded, digits) {
        Hint::Format(Format::Kif)
    } else if is_ki2_move(decoded) {
        Hint::Format(Format::Ki2)
    } else if let Some((key, _)) = decoded.split_once(['：', ':']) {
        let is_wide = decoded[key.len()..].starts_with('：');
        match key.chars().next() {
            _ if is_telling_header(key.trim_end()) => Hint::MaybeKif,
            Some(ch) if (!ch.is_ascii() || is_wide) && ch != '\u{FFFD}' => Hint::Nothing,
            _ => Hint::Strange,
        }
    } else if is_board_row(decoded) || begins(&["先手番", "後手番", "上手番", "下手番"])
    {
        Hint::MaybeKif
    } else if digits > 0 || begins(&["+---------", "９ ８", "まで", "変化", "手数＝"]) {
        Hint::Nothing
    } else {
        Hint::Strange
    }
}

/// A move or an ending with the mark of its side before it, or nothing but moves.
fn is_ki2_move(line: &str) -> bool {
    let rest = line.trim_start_matches(['▲', '△', '☗', '☖', '▼', '▽', '⛊', '⛉']);
    let is_marked = rest.len() < line.len();
    is_marked
        && (matches!(lex::<Utf8>(rest.as_bytes(), 0), Lexed::Move(..))
            || ENDINGS.iter().any(|ending| rest.starts_with(ending)))
        || !is_marked && is_nothing_but_moves(line)
}

/// Moves without marks, which is all of the line.
fn is_nothing_but_moves(line: &str) -> bool {
    let mut at = 0;
    while let Lexed::Move(_, end) = lex::<Utf8>(line.as_bytes(), at) {
        let rest = line[end..].trim_start();
        if rest.is_empty() {
            return true;
        }
        at = line.len() - rest.len();
    }
    false
}

/// `| ・v銀 ・ … ・|二`
fn is_board_row(line: &str) -> bool {
    let edge = line.rsplit('|').next().unwrap_or("");
    line.starts_with('|')
        && matches!(edge, "一" | "二" | "三" | "四" | "五" | "六" | "七" | "八" | "九")
}

/// A number, a blank, and a move or an ending.
fn is_kif_move(line: &str, digits: usize) -> bool {
    let rest = &line[digits..];
    let mv = rest.trim_start();
    digits > 0
        && mv.len() < rest.len()
        && (matches!(lex::<Utf8>(mv.as_bytes(), 0), Lexed::Move(..))
            || ENDINGS.iter().any(|ending| mv.starts_with(ending)))
}
