//! One move of KIF, told from its bytes without decoding.

use super::glyph::{Glyph, Width};
use crate::{Color, PieceType, Square};

/// A move as it is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct WrittenMove {
    /// `None` for 同: the square of the move before.
    pub to: Option<Square>,
    /// The piece as it is before the move.
    pub kind: PieceType,
    pub promotes: bool,
    pub from: Origin,
    /// The bits of [`modifier`](super::glyph::modifier) that stand behind the piece.
    pub modifiers: u8,
    /// Whose move it is, by a mark before it.
    pub side: Option<Color>,
}

/// Where the piece comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    /// `(77)`
    Board(Square),
    /// 打
    Hand,
    /// The text does not tell, as in KI2.
    Untold,
}

/// What stands after the number of a move.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Lexed {
    /// A move, which ends at this offset.
    Move(WrittenMove, usize),
    /// A square, but no move behind it.
    Malformed,
    /// No square: the name of an ending, perhaps.
    Word,
}

/// Reads what begins at `at`.
#[inline]
pub(super) fn lex<W: Width>(bytes: &[u8], at: usize) -> Lexed {
    let mut at = at;
    let mut side = None;
    if let (Glyph::Mark(color), len) = glyph_at::<W>(bytes, at) {
        side = Some(color);
        at += len;
    }
    let to = match glyph_at::<W>(bytes, at) {
        (Glyph::Digit(file), len) => {
            let (Glyph::Digit(rank), rank_len) = glyph_at::<W>(bytes, at + len) else {
                return Lexed::Malformed;
            };
            let Some(to) = square(file, rank) else { return Lexed::Malformed };
            at += len + rank_len;
            Some(to)
        }
        (Glyph::Same, len) => {
            at += len;
            None
        }
        _ => return Lexed::Word,
    };
    let mut kind = None;
    let (mut promotes, mut drops, mut negated) = (false, false, false);
    let mut modifiers = 0;
    loop {
        let (glyph, len) = glyph_at::<W>(bytes, at);
        match (glyph, kind) {
            (Glyph::Blank, None) => {}
            (Glyph::Promoted, None) if !promotes => promotes = true,
            (Glyph::Piece(piece), None) => {
                // 成銀: the piece is promoted already.
                let piece = if promotes { piece.promoted() } else { Some(piece) };
                if piece.is_none() {
                    return Lexed::Malformed;
                }
                kind = piece;
                promotes = false;
            }
            (Glyph::Modifier(bits), Some(_)) => modifiers |= bits,
            (Glyph::Not, Some(_)) => negated = true,
            (Glyph::Promoted, Some(_)) => promotes = true,
            (Glyph::Drop, Some(_)) => drops = true,
            _ => break,
        }
        at += len;
    }
    let Some(kind) = kind else { return Lexed::Malformed };
    let promotes = promotes && !negated;
    let (from, at) = origin::<W>(bytes, at, drops);
    Lexed::Move(WrittenMove { to, kind, promotes, from, modifiers, side }, at)
}

/// The origin in parentheses, perhaps after blanks; `(00)` is the hand.
#[inline]
fn origin<W: Width>(bytes: &[u8], at: usize, drops: bool) -> (Origin, usize) {
    let told = if drops { Origin::Hand } else { Origin::Untold };
    let blanks = bytes[at..].iter().take_while(|byte| **byte == b' ').count();
    match bytes.get(at + blanks..at + blanks + 4) {
        Some(&[b'(', file @ b'0'..=b'9', rank @ b'0'..=b'9', b')']) => {
            let end = at + blanks + 4;
            match square(file - b'0', rank - b'0') {
                _ if drops => (Origin::Hand, end),
                Some(from) => (Origin::Board(from), end),
                None if [file, rank] == *b"00" => (Origin::Hand, end),
                None => (told, at),
            }
        }
        Some(&[first, ..]) if first == b'(' || first >= 0x80 => {
            match wide_origin::<W>(bytes, at + blanks) {
                Some((from, end)) if !drops => (from, end),
                Some((_, end)) => (Origin::Hand, end),
                None => (told, at),
            }
        }
        _ => (told, at),
    }
}

/// The origin in wide digits or parentheses: `（７７）`.
#[cold]
fn wide_origin<W: Width>(bytes: &[u8], at: usize) -> Option<(Origin, usize)> {
    let parenthesis = |at: usize, narrow: &'static [u8], wide: &'static [u8]| {
        let rest = bytes.get(at..)?;
        [narrow, wide].iter().find(|text| rest.starts_with(text)).map(|text| at + text.len())
    };
    let digit = |at: usize| match glyph_at::<W>(bytes, at) {
        (Glyph::Digit(digit), len) => Some((digit, at + len)),
        _ => None,
    };
    let (file, at) = digit(parenthesis(at, b"(", W::PARENTHESES[0])?)?;
    let (rank, at) = digit(at)?;
    let end = parenthesis(at, b")", W::PARENTHESES[1])?;
    match square(file, rank) {
        Some(from) => Some((Origin::Board(from), end)),
        None => ((file, rank) == (0, 0)).then_some((Origin::Hand, end)),
    }
}

/// The milliseconds of a time such as `( 0:16/00:00:16)`, which begins with its parenthesis.
#[inline]
pub(super) fn time_ms(text: &[u8]) -> Option<u32> {
    // Nearly all times are below ten minutes, in this form.
    if let [b'(', b' ', minutes, b':', tens, ones, b'/', ..] = *text {
        let digit = |byte: u8| u32::from(byte.wrapping_sub(b'0'));
        let (minutes, tens, ones) = (digit(minutes), digit(tens), digit(ones));
        if minutes < 10 && tens < 10 && ones < 10 {
            return Some(1000 * (60 * minutes + 10 * tens + ones));
        }
    }
    long_time_ms(text)
}

fn long_time_ms(text: &[u8]) -> Option<u32> {
    let mut seconds = 0u64;
    let mut value = 0u64;
    let mut has_digits = false;
    for (idx, byte) in text.iter().enumerate().skip(1) {
        match byte {
            b'0'..=b'9' => {
                value = value.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
                has_digits = true;
            }
            b':' if has_digits => {
                seconds = seconds.saturating_add(value).saturating_mul(60);
                value = 0;
                has_digits = false;
            }
            b' ' => {}
            b'/' | b')' | b'.' if has_digits => {
                let seconds = seconds.saturating_add(value);
                let fraction = if *byte == b'.' { fraction_ms(&text[idx + 1..])? } else { 0 };
                return u32::try_from(seconds.saturating_mul(1000).saturating_add(fraction)).ok();
            }
            _ => return None,
        }
    }
    None
}

/// Up to three digits after a decimal point.
fn fraction_ms(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    let ms = digits.zip([100, 10, 1]).map(|(digit, unit)| u64::from(digit - b'0') * unit);
    text.first().filter(|byte| byte.is_ascii_digit()).map(|_| ms.sum())
}

#[inline]
fn glyph_at<W: Width>(bytes: &[u8], at: usize) -> (Glyph, usize) {
    match bytes.get(at..) {
        Some(rest) if !rest.is_empty() => W::glyph(rest),
        _ => (Glyph::Other, 0),
    }
}

#[inline]
fn square(file: u8, rank: u8) -> Option<Square> {
    let (file, rank) = (file.wrapping_sub(1), rank.wrapping_sub(1));
    (file < 9 && rank < 9).then(|| Square::new(file, rank))
}

#[cfg(test)]
mod tests {
    use super::super::glyph::{EucJp, ShiftJis, Utf8, modifier};
    use super::*;

    #[test]
    fn moves_in_all_spellings_and_encodings() {
        use Origin::{Board, Hand, Untold};
        let sq = |usi| Square::from_usi(usi);
        let from = |usi| Board(Square::from_usi(usi).unwrap());
        for (text, to, kind, promotes, origin) in [
            ("７六歩(77)", sq("7f"), PieceType::Pawn, false, from("7g")),
            ("▲７六歩(77)", sq("7f"), PieceType::Pawn, false, from("7g")),
            ("76歩(77)", sq("7f"), PieceType::Pawn, false, from("7g")),
            ("７６歩(77)", sq("7f"), PieceType::Pawn, false, from("7g")),
            ("７六歩 (77)", sq("7f"), PieceType::Pawn, false, from("7g")),
            ("７六歩（７７）", sq("7f"), PieceType::Pawn, false, from("7g")),
            ("７六歩 (７７)", sq("7f"), PieceType::Pawn, false, from("7g")),
            ("５五角（００）", sq("5e"), PieceType::Bishop, false, Hand),
            ("５五角打（00）", sq("5e"), PieceType::Bishop, false, Hand),
            ("同　銀(31)", None, PieceType::Silver, false, from("3a")),
            ("同銀(31)", None, PieceType::Silver, false, from("3a")),
            ("同 銀(31)", None, PieceType::Silver, false, from("3a")),
            ("２二角成(88)", sq("2b"), PieceType::Bishop, true, from("8h")),
            ("２二角不成(88)", sq("2b"), PieceType::Bishop, false, from("8h")),
            ("２二角生(88)", sq("2b"), PieceType::Bishop, false, from("8h")),
            ("同　成銀(31)", None, PieceType::ProSilver, false, from("3a")),
            ("５五成桂(56)", sq("5e"), PieceType::ProKnight, false, from("5f")),
            ("５五圭(56)", sq("5e"), PieceType::ProKnight, false, from("5f")),
            ("４五角打", sq("4e"), PieceType::Bishop, false, Hand),
            ("４五角打(00)", sq("4e"), PieceType::Bishop, false, Hand),
            ("４五角(00)", sq("4e"), PieceType::Bishop, false, Hand),
            ("４五角", sq("4e"), PieceType::Bishop, false, Untold),
            ("５八金右(49)", sq("5h"), PieceType::Gold, false, from("4i")),
            ("５八竜(49)", sq("5h"), PieceType::Dragon, false, from("4i")),
            ("５八龍(49)", sq("5h"), PieceType::Dragon, false, from("4i")),
            ("５八王(59)", sq("5h"), PieceType::King, false, from("5i")),
            ("５八玉(59)", sq("5h"), PieceType::King, false, from("5i")),
        ] {
            let side = text.starts_with('▲').then_some(Color::Black);
            let modifiers = if text.contains('右') { modifier::RIGHT } else { 0 };
            let expected = WrittenMove { to, kind, promotes, from: origin, modifiers, side };
            let check = |lexed: Lexed, n_bytes: usize| {
                assert_eq!(lexed, Lexed::Move(expected, n_bytes), "{text}");
            };
            check(lex::<Utf8>(text.as_bytes(), 0), text.len());
            let (bytes, _, _) = encoding_rs::SHIFT_JIS.encode(text);
            check(lex::<ShiftJis>(&bytes, 0), bytes.len());
            let (bytes, _, _) = encoding_rs::EUC_JP.encode(text);
            check(lex::<EucJp>(&bytes, 0), bytes.len());
        }
        for text in ["７", "７六", "７六と成", "０六歩(77)", "同", "７六成玉(77)", "７六成歩"]
        {
            let lexed = lex::<Utf8>(text.as_bytes(), 0);
            let is_move = matches!(lexed, Lexed::Move(..));
            let expected = matches!(text, "７六と成" | "７六成歩");
            assert_eq!(is_move, expected, "{text}: {lexed:?}");
        }
        for text in ["投了", "中断", "不詰", "", "\n"] {
            assert_eq!(lex::<Utf8>(text.as_bytes(), 0), Lexed::Word, "{text}");
        }
    }

    #[test]
    fn times() {
        for (text, expected) in [
            ("( 0:16/00:00:16)", Some(16_000)),
            ("(00:31 / 00:00:31)", Some(31_000)),
            ("(11:00/03:48:00)", Some(660_000)),
            ("(1:00:05/1:00:05)", Some(3_605_000)),
            ("( 0:03.250/00:00:03)", Some(3_250)),
            ("( 0:03.2/00:00:03)", Some(3_200)),
            ("( 0:16)", Some(16_000)),
            ("( 7)", Some(7_000)),
            ("(", None),
            ("()", None),
            ("(:)", None),
            ("(0:)", None),
            ("(a:b/c)", None),
            ("(99999999999999999999:00/)", None),
        ] {
            assert_eq!(time_ms(text.as_bytes()), expected, "{text}");
        }
    }
}
