//! USI `position` lines and lists of SFENs: a game or a start position on each line.
//!
//! `position startpos moves 7g7f 3c3d`, `position sfen SFEN moves …`, both without `position` or
//! `moves`, `moves …` and moves alone from the usual start, and SFENs with and without `sfen` or a
//! move number. A line that cannot be read costs itself alone.
//!
//! Source: <http://shogidokoro.starfree.jp/usi.html>.

use super::builder::Builder;
use super::ending::Verdict;
use super::{Ending, ErrorKind, Format, GameResult};
use crate::{Color, Move, Position};

/// What a line may begin with, as messages name it.
const EXPECTED: &str = "`position`, an SFEN or moves such as `7g7f`";

/// The format of a file with such a line: [`Format::Sfen`] for a start position alone.
pub(super) fn format_of(line: &[u8]) -> Option<Format> {
    let line = std::str::from_utf8(line).ok()?;
    let line = &line[..comment_start(line.as_bytes()).unwrap_or(line.len())];
    let mut words = line.split_ascii_whitespace().skip_while(|word| *word == "position");
    let first = words.next()?;
    let names_position = line.starts_with("position");
    match first {
        "startpos" => Some(Format::Usi),
        "sfen" => {
            words.next().filter(|board| is_board(board))?;
            Some(format_of_rest(names_position, words))
        }
        "moves" => words.all(|word| Move::from_usi(word).is_ok()).then_some(Format::Usi),
        board if is_board(board) => Some(format_of_rest(names_position, words)),
        mv if Move::from_usi(mv).is_ok() => {
            let mut rest = words.skip_while(|word| Move::from_usi(word).is_ok());
            rest.all(|word| ending(word, Color::Black).is_some()).then_some(Format::Usi)
        }
        _ => None,
    }
}

/// The format of a line whose words behind the board are these.
fn format_of_rest<'a>(names_position: bool, words: impl Iterator<Item = &'a str>) -> Format {
    // The side to move, the hands and a number.
    let mut rest = words.skip(2);
    let has_moves = rest.any(|word| !word.bytes().all(|byte| byte.is_ascii_digit()));
    if names_position || has_moves { Format::Usi } else { Format::Sfen }
}

/// Whether a word looks like the first field of an SFEN.
fn is_board(word: &str) -> bool {
    word.bytes().filter(|byte| *byte == b'/').count() == 8
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+'))
}

/// Reads all lines of the text that `builder` has, which is UTF-8.
///
/// `even` is the start of an even game.
pub(super) fn read(mut builder: Builder, even: &Position) {
    let text = builder.text;
    let mut at = 0;
    while at < text.bytes.len() {
        let end = text.line_end(at);
        read_line(&mut builder, even, at, end);
        at = end + 1;
    }
}

/// A word of a line and where it begins in the text.
type Word<'a> = (usize, &'a [u8]);

fn words<'a>(bytes: &'a [u8], start: usize, end: usize) -> impl Iterator<Item = Word<'a>> {
    let mut at = start;
    std::iter::from_fn(move || {
        let blanks = |byte: &&u8| byte.is_ascii_whitespace() || **byte == 0x1A;
        at += bytes[at..end].iter().take_while(blanks).count();
        let len = bytes[at..end].iter().take_while(|byte| !blanks(byte)).count();
        let word = (at, &bytes[at..at + len]);
        at += len;
        (len > 0).then_some(word)
    })
}

fn read_line(builder: &mut Builder, even: &Position, start: usize, line_end: usize) {
    let text = builder.text;
    let end = comment_start(&text.bytes[start..line_end]).map_or(line_end, |at| start + at);
    let mut words = words(text.bytes, start, end).peekable();
    let Some(&(first_at, _)) = words.peek() else {
        if end < line_end {
            builder.comment(comment_text(text.bytes, end, line_end));
        }
        return;
    };
    words.next_if(|(_, word)| *word == b"position");
    let position = match words.peek().copied() {
        Some((_, b"startpos")) => {
            words.next();
            Ok(even.clone())
        }
        Some((_, b"moves")) => Ok(even.clone()),
        Some((_, word)) if is_move(word) => Ok(even.clone()),
        Some((_, b"sfen")) => {
            words.next();
            read_sfen(&mut words, end)
        }
        Some((_, word)) if std::str::from_utf8(word).is_ok_and(is_board) => {
            read_sfen(&mut words, end)
        }
        found => {
            let at = found.map_or(first_at, |(at, _)| at);
            let shown = text.shown(&text.bytes[at..end]);
            Err((ErrorKind::Syntax, at, format!("expected {EXPECTED}, found `{shown}`")))
        }
    };
    match position {
        Ok(position) => {
            builder.begin(&position);
            words.next_if(|(_, word)| *word == b"moves");
            for (at, word) in words {
                read_move(builder, at, word, line_end);
            }
            if end < line_end {
                builder.comment(comment_text(text.bytes, end, line_end));
            }
        }
        Err((kind, at, message)) => builder.refuse(kind, at, message),
    }
    builder.finish(line_end);
}

/// Where a comment begins: at a sign that no move and no SFEN holds.
fn comment_start(line: &[u8]) -> Option<usize> {
    memchr::memchr2(b'#', b';', line)
}

/// The text of the comment whose sign is at `start`.
fn comment_text(bytes: &[u8], start: usize, end: usize) -> std::ops::Range<usize> {
    let is_sign = |byte: &&u8| matches!(byte, b'#' | b';' | b' ');
    start + bytes[start..end].iter().take_while(is_sign).count()..end
}

fn is_move(word: &[u8]) -> bool {
    std::str::from_utf8(word).is_ok_and(|word| Move::from_usi(word).is_ok())
}

/// Why a line has no start position.
type Refusal = (ErrorKind, usize, String);

/// Reads the fields of an SFEN; the number of the move, which means nothing here, is passed over.
fn read_sfen<'a>(
    words: &mut std::iter::Peekable<impl Iterator<Item = Word<'a>>>,
    end: usize,
) -> Result<Position, Refusal> {
    let mut fields: Vec<Word> = Vec::with_capacity(3);
    while fields.len() < 3 {
        match words.next_if(|(_, word)| fields.is_empty() || *word != b"moves" && !is_move(word)) {
            Some(field) => fields.push(field),
            None => break,
        }
    }
    words.next_if(|(_, word)| word.iter().all(u8::is_ascii_digit));
    let texts: Vec<_> = fields.iter().map(|(_, word)| String::from_utf8_lossy(word)).collect();
    Position::from_sfen(&texts.join(" ")).map_err(|error| {
        let at = place_of(error.column, &fields).unwrap_or(end);
        (ErrorKind::StartPosition, at, error.message)
    })
}

/// Where a column stands that counts the characters of the fields, with one blank between them.
fn place_of(column: usize, fields: &[Word]) -> Option<usize> {
    let mut left = column - 1;
    for (at, word) in fields {
        let text = String::from_utf8_lossy(word);
        let n_chars = text.chars().count();
        if left <= n_chars {
            let len: usize = text.chars().take(left).map(char::len_utf8).sum();
            return Some(at + len.min(word.len()));
        }
        left -= n_chars + 1;
    }
    None
}

fn read_move(builder: &mut Builder, at: usize, word: &[u8], line_end: usize) {
    let text = std::str::from_utf8(word).unwrap_or("\u{FFFD}");
    let verdict = ending(text, builder.position().turn());
    if !builder.is_playing() {
        if builder.has_verdict() && builder.is_whole() {
            builder.move_after_end(at..line_end);
        } else {
            builder.skip_move();
        }
    } else if let Some(verdict) = verdict {
        builder.end(at, verdict);
    } else {
        match Move::from_usi(text) {
            Ok(mv) if builder.play(mv) => {}
            Ok(mv) => {
                let message = format!("expected a legal move, found `{mv}`");
                builder.break_off(ErrorKind::IllegalMove, at, message);
            }
            Err(_) => {
                let found = builder.text.shown(word);
                let message =
                    format!("expected a move such as `7g7f`, `8h2b+` or `P*5e`, found `{found}`");
                builder.break_off(ErrorKind::Syntax, at, message);
            }
        }
    }
}

/// What a word in place of a move says of the end of the game, with `turn` to move.
fn ending(word: &str, turn: Color) -> Option<Verdict> {
    let verdict = match word {
        "resign" => Verdict::of(Ending::Resign, turn),
        "win" => Verdict::of(Ending::Declaration, turn),
        "draw" => Verdict { ending: Ending::Unknown, result: Some(GameResult::Draw) },
        "rep_draw" => Verdict::of(Ending::Repetition, turn),
        "timeout" => Verdict::of(Ending::Time, turn),
        _ => return None,
    };
    Some(verdict)
}
