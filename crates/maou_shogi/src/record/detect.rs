//! The format of a record, told by its content.

use super::kif::is_telling_header;
use super::text::{Text, foreign_encoding};
use super::{ErrorKind, Format};

/// Why a text is no record that can be read: kind, offset and message.
pub(super) type Rejection = (ErrorKind, usize, String);

/// What a line says about the format of its text.
enum Hint {
    Nothing,
    /// A header that KIF and KI2 share.
    Header,
    Format(Format),
    /// A format that is known and not read.
    Other(&'static str),
    /// No format has such a line.
    Strange,
}

/// Tells the format by the first lines that are decisive.
pub(super) fn detect(text: Text) -> Result<Format, Rejection> {
    let mut first_content = None;
    let mut has_header = false;
    let mut at = 0;
    while at < text.bytes.len() {
        let end = text.line_end(at);
        let line = text.bytes[at..end].trim_ascii();
        if !line.is_empty() && line != b"\x1A" {
            first_content.get_or_insert(at);
            match hint(text, line) {
                Hint::Format(format) => return Ok(format),
                Hint::Other(name) => return Err(unread(text, at, name)),
                Hint::Header => has_header = true,
                Hint::Strange if !has_header => break,
                Hint::Strange | Hint::Nothing => {}
            }
        }
        at = end + 1;
    }
    match first_content {
        // Headers without a move: KIF writes games so that have just begun.
        _ if has_header => Ok(Format::Kif),
        None => {
            Err((ErrorKind::Empty, 0, "expected a CSA or KIF record, found nothing".to_owned()))
        }
        Some(first) => Err(not_a_record(text, first)),
    }
}

fn unread(text: Text, at: usize, name: &str) -> Rejection {
    let line = &text.bytes[at..text.line_end(at)];
    let blanks = line.len() - line.trim_ascii_start().len();
    let message = format!(
        "expected a CSA or KIF record, found a {name} record, which this version does not read"
    );
    (ErrorKind::NotARecord, at + blanks, message)
}

fn not_a_record(text: Text, at: usize) -> Rejection {
    if let Some(name) = foreign_encoding(text.bytes) {
        let message = format!("expected UTF-8, Shift_JIS or EUC-JP text, found {name}");
        return (ErrorKind::Encoding, 0, message);
    }
    let line = &text.bytes[at..text.line_end(at)];
    let blanks = line.len() - line.trim_ascii_start().len();
    let found = match memchr::memchr(0, text.bytes) {
        Some(_) => "binary data".to_owned(),
        None => format!("`{}`", text.shown(&line[blanks..])),
    };
    (ErrorKind::NotARecord, at + blanks, format!("expected a CSA or KIF record, found {found}"))
}

/// What a line without blanks around it says; `text` tells its encoding.
fn hint(text: Text, line: &[u8]) -> Hint {
    match line {
        [b'\'', ..] => Hint::Nothing,
        [b'V', b'0'..=b'9', ..] | [b'N', b'+' | b'-', ..] => Hint::Format(Format::Csa),
        [b'P', b'I' | b'+' | b'-' | b'1'..=b'9', ..] => Hint::Format(Format::Csa),
        [b'+' | b'-'] | [b'%', b'A'..=b'Z' | b'+' | b'-', ..] => Hint::Format(Format::Csa),
        [b'+' | b'-', b'0'..=b'9', b'0'..=b'9', ..] => Hint::Format(Format::Csa),
        [b'$', b'A'..=b'Z', ..] if line.contains(&b':') => Hint::Format(Format::Csa),
        _ if line.starts_with(b"#KIF") => Hint::Format(Format::Kif),
        [b'#' | b'*' | b'&', ..] => Hint::Nothing,
        [b'{' | b'[', ..] => json_hint(text),
        _ if is_usi(line) => Hint::Other("USI"),
        _ => japanese_hint(text, line),
    }
}

fn json_hint(text: Text) -> Hint {
    let found = |needle: &[u8]| memchr::memmem::find(text.bytes, needle).is_some();
    if found(b"\"moves\"") && (found(b"\"header\"") || found(b"\"initial\"")) {
        Hint::Other("JKF")
    } else {
        Hint::Strange
    }
}

fn is_usi(line: &[u8]) -> bool {
    [b"position ".as_slice(), b"startpos", b"sfen "].iter().any(|prefix| line.starts_with(prefix))
}

/// Words that KIF writes in place of a move, as far as they tell it from other texts.
const ENDINGS: [&str; 10] =
    ["投了", "中断", "千日手", "持将棋", "詰", "不詰", "切れ負け", "反則", "入玉", "不戦"];

fn japanese_hint(text: Text, line: &[u8]) -> Hint {
    let mut decoded = String::new();
    text.decode(&line[..line.len().min(200)], &mut decoded);
    let begins = |names: &[&str]| names.iter().any(|name| decoded.starts_with(name));
    if decoded.starts_with("手数--") || is_kif_move(&decoded) {
        Hint::Format(Format::Kif)
    } else if decoded.starts_with(['▲', '△', '☗', '☖', '▼', '▽']) {
        Hint::Other("KI2")
    } else if let Some((key, _)) = decoded.split_once(['：', ':']) {
        match () {
            () if is_telling_header(key.trim_end()) => Hint::Header,
            () if key.starts_with(|ch: char| !ch.is_ascii() && ch != '\u{FFFD}') => Hint::Nothing,
            () => Hint::Strange,
        }
    } else if begins(&["+---------", "|"]) || begins(&["先手番", "後手番", "上手番", "下手番"])
    {
        Hint::Header
    } else if begins(&["９ ８", "まで", "変化"]) {
        Hint::Nothing
    } else {
        Hint::Strange
    }
}

/// A number, a blank, and a square, 同 or an ending.
fn is_kif_move(line: &str) -> bool {
    let rest = line.trim_start_matches(|ch: char| ch.is_ascii_digit());
    let mv = rest.trim_start();
    let begins_move = |ch: char| matches!(ch, '0'..='9' | '１'..='９' | '同' | '▲' | '△');
    rest.len() < line.len()
        && mv.len() < rest.len()
        && (mv.starts_with(begins_move) || ENDINGS.iter().any(|ending| mv.starts_with(ending)))
}
