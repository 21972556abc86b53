//! The characters of moves in KIF, told without decoding in each encoding.
//!
//! A character of two or three bytes is looked up in a table with a perfect hash, which is built
//! at compile time from one list of characters. Characters of JIS X 0208 stand in Shift_JIS and
//! EUC-JP where their row and cell say.

use crate::{Color, PieceType};

/// What a character means in a move.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Glyph {
    /// A digit or Chinese numeral, 0 to 9.
    Digit(u8),
    /// 同: the square of the move before.
    Same,
    /// A blank, of any width.
    Blank,
    /// A piece; 玉 and 王, 竜 and 龍 are the same.
    Piece(PieceType),
    /// 成, before or after the piece.
    Promoted,
    /// 不, before 成.
    Not,
    /// 打
    Drop,
    /// 右, 左, 上 and so on: which of several pieces, as bits of [`modifier`]. KIF names the origin
    /// as well.
    Modifier(u8),
    /// ▲ or △ and the like, which tell whose move it is.
    Mark(Color),
    /// Any other character.
    Other,
}

/// Which of several pieces makes a move, seen by its side; bits, since two may stand together.
pub(super) mod modifier {
    /// 右
    pub const RIGHT: u8 = 1;
    /// 左
    pub const LEFT: u8 = 2;
    /// 上, once 行 or 入 for great pieces
    pub const FORWARD: u8 = 4;
    /// 引, also 下
    pub const BACKWARD: u8 = 8;
    /// 寄
    pub const SIDEWAYS: u8 = 16;
    /// 直
    pub const STRAIGHT: u8 = 32;
}

/// The characters with row and cell in JIS X 0208; row 0 for those that it does not have.
const GLYPHS: [(char, u8, u8, Glyph); 62] = {
    use Color::{Black, White};
    use Glyph::{Blank, Digit, Drop, Mark, Modifier, Not, Piece, Promoted, Same};
    [
        ('　', 1, 1, Blank),
        ('０', 3, 16, Digit(0)),
        ('１', 3, 17, Digit(1)),
        ('２', 3, 18, Digit(2)),
        ('３', 3, 19, Digit(3)),
        ('４', 3, 20, Digit(4)),
        ('５', 3, 21, Digit(5)),
        ('６', 3, 22, Digit(6)),
        ('７', 3, 23, Digit(7)),
        ('８', 3, 24, Digit(8)),
        ('９', 3, 25, Digit(9)),
        ('一', 16, 76, Digit(1)),
        ('二', 38, 83, Digit(2)),
        ('三', 27, 16, Digit(3)),
        ('四', 27, 45, Digit(4)),
        ('五', 24, 62, Digit(5)),
        ('六', 47, 27, Digit(6)),
        ('七', 28, 23, Digit(7)),
        ('八', 40, 12, Digit(8)),
        ('九', 22, 69, Digit(9)),
        ('同', 38, 17, Same),
        ('仝', 1, 24, Same),
        ('歩', 42, 66, Piece(PieceType::Pawn)),
        ('香', 25, 65, Piece(PieceType::Lance)),
        ('桂', 23, 43, Piece(PieceType::Knight)),
        ('銀', 22, 68, Piece(PieceType::Silver)),
        ('角', 19, 49, Piece(PieceType::Bishop)),
        ('飛', 40, 84, Piece(PieceType::Rook)),
        ('金', 22, 66, Piece(PieceType::Gold)),
        ('玉', 22, 44, Piece(PieceType::King)),
        ('王', 18, 6, Piece(PieceType::King)),
        ('と', 4, 40, Piece(PieceType::ProPawn)),
        ('杏', 16, 41, Piece(PieceType::ProLance)),
        ('圭', 23, 29, Piece(PieceType::ProKnight)),
        ('全', 33, 20, Piece(PieceType::ProSilver)),
        ('馬', 39, 47, Piece(PieceType::Horse)),
        ('竜', 46, 21, Piece(PieceType::Dragon)),
        ('龍', 46, 22, Piece(PieceType::Dragon)),
        ('成', 32, 14, Promoted),
        ('不', 41, 52, Not),
        ('生', 32, 24, Not),
        ('打', 34, 39, Drop),
        ('右', 17, 6, Modifier(modifier::RIGHT)),
        ('左', 26, 24, Modifier(modifier::LEFT)),
        ('上', 30, 69, Modifier(modifier::FORWARD)),
        ('下', 18, 28, Modifier(modifier::BACKWARD)),
        ('直', 36, 30, Modifier(modifier::STRAIGHT)),
        ('寄', 20, 83, Modifier(modifier::SIDEWAYS)),
        ('引', 16, 90, Modifier(modifier::BACKWARD)),
        ('行', 25, 52, Modifier(modifier::FORWARD)),
        ('入', 38, 94, Modifier(modifier::FORWARD)),
        ('筋', 22, 58, Modifier(0)),
        ('段', 35, 42, Modifier(0)),
        ('手', 28, 74, Modifier(0)),
        ('▲', 2, 5, Mark(Black)),
        ('△', 2, 4, Mark(White)),
        ('▼', 2, 7, Mark(Black)),
        ('▽', 2, 6, Mark(White)),
        ('☗', 0, 0, Mark(Black)),
        ('☖', 0, 0, Mark(White)),
        ('⛊', 0, 0, Mark(Black)),
        ('⛉', 0, 0, Mark(White)),
    ]
};

/// An encoding of characters that are no ASCII.
pub(super) trait Width {
    /// How many bytes a character of JIS X 0208 takes.
    const BYTES: usize;

    /// 評価値, the word before an eval.
    const EVAL: &'static [u8];

    /// （ and ）, around the origin of a move where all is wide.
    const PARENTHESES: [&'static [u8]; 2];

    /// The glyph at the start of `bytes`, which are not empty, and how many bytes it takes.
    fn glyph(bytes: &[u8]) -> (Glyph, usize);
}

pub(super) struct Utf8;
pub(super) struct ShiftJis;
pub(super) struct EucJp;

impl Width for Utf8 {
    const BYTES: usize = 3;
    const EVAL: &'static [u8] = "評価値".as_bytes();
    const PARENTHESES: [&'static [u8]; 2] = ["（".as_bytes(), "）".as_bytes()];

    #[inline]
    fn glyph(bytes: &[u8]) -> (Glyph, usize) {
        match *bytes {
            [first, ..] if first < 0x80 => (ascii(first), 1),
            [first @ 0xE0..=0xEF, second, third, ..] => {
                (UTF8.find(u32::from_le_bytes([first, second, third, 0])), 3)
            }
            _ => (Glyph::Other, 1),
        }
    }
}

impl Width for ShiftJis {
    const BYTES: usize = 2;
    const EVAL: &'static [u8] = b"\x95\x5D\x89\xBF\x92\x6C";
    const PARENTHESES: [&'static [u8]; 2] = [b"\x81\x69", b"\x81\x6A"];

    #[inline]
    fn glyph(bytes: &[u8]) -> (Glyph, usize) {
        match *bytes {
            [first, ..] if first < 0x80 => (ascii(first), 1),
            [first @ (0x81..=0x9F | 0xE0..=0xFC), second, ..] => {
                (SHIFT_JIS.find(u32::from_le_bytes([first, second, 0, 0])), 2)
            }
            _ => (Glyph::Other, 1),
        }
    }
}

impl Width for EucJp {
    const BYTES: usize = 2;
    const EVAL: &'static [u8] = b"\xC9\xBE\xB2\xC1\xC3\xCD";
    const PARENTHESES: [&'static [u8]; 2] = [b"\xA1\xCA", b"\xA1\xCB"];

    #[inline]
    fn glyph(bytes: &[u8]) -> (Glyph, usize) {
        match *bytes {
            [first, ..] if first < 0x80 => (ascii(first), 1),
            [first @ 0xA1..=0xFE, second, ..] => {
                (EUC_JP.find(u32::from_le_bytes([first, second, 0, 0])), 2)
            }
            _ => (Glyph::Other, 1),
        }
    }
}

#[inline]
const fn ascii(byte: u8) -> Glyph {
    match byte {
        b'0'..=b'9' => Glyph::Digit(byte - b'0'),
        b' ' | b'\t' => Glyph::Blank,
        _ => Glyph::Other,
    }
}

const TABLE_BITS: u32 = 8;

/// Glyphs by the hash of their bytes; the bytes tell other characters apart.
struct Table {
    factor: u32,
    entries: [(u32, Glyph); 1 << TABLE_BITS],
}

static UTF8: Table = Table::new(0);
static SHIFT_JIS: Table = Table::new(1);
static EUC_JP: Table = Table::new(2);

impl Table {
    const fn new(encoding: u8) -> Table {
        let mut factor = 0x9E37_79B1u32;
        loop {
            if let Some(table) = Table::with_factor(encoding, factor) {
                return table;
            }
            factor = factor.wrapping_mul(0x0019_660D).wrapping_add(0x3C6E_F35E) | 1;
        }
    }

    /// The table, if no two glyphs share a slot.
    const fn with_factor(encoding: u8, factor: u32) -> Option<Table> {
        let mut entries = [(0, Glyph::Other); 1 << TABLE_BITS];
        let mut idx = 0;
        while idx < GLYPHS.len() {
            let (ch, row, cell, glyph) = GLYPHS[idx];
            idx += 1;
            if encoding != 0 && row == 0 {
                continue;
            }
            let bytes = match encoding {
                0 => utf8_bytes(ch),
                1 => shift_jis_bytes(row, cell),
                _ => euc_jp_bytes(row, cell),
            };
            let slot = slot(bytes, factor);
            if entries[slot].0 != 0 {
                return None;
            }
            entries[slot] = (bytes, glyph);
        }
        Some(Table { factor, entries })
    }

    #[inline]
    fn find(&self, bytes: u32) -> Glyph {
        let (known, glyph) = self.entries[slot(bytes, self.factor)];
        if known == bytes { glyph } else { Glyph::Other }
    }
}

#[inline]
const fn slot(bytes: u32, factor: u32) -> usize {
    (bytes.wrapping_mul(factor) >> (32 - TABLE_BITS)) as usize
}

const fn utf8_bytes(ch: char) -> u32 {
    let mut bytes = [0; 4];
    ch.encode_utf8(&mut bytes);
    u32::from_le_bytes(bytes)
}

const fn shift_jis_bytes(row: u8, cell: u8) -> u32 {
    let lead = (row - 1) / 2 + if row <= 62 { 0x81 } else { 0xC1 };
    let trail = match (row % 2 == 1, cell) {
        (true, 64..) => cell + 0x40,
        (true, _) => cell + 0x3F,
        (false, _) => cell + 0x9E,
    };
    u32::from_le_bytes([lead, trail, 0, 0])
}

const fn euc_jp_bytes(row: u8, cell: u8) -> u32 {
    u32::from_le_bytes([row + 0xA0, cell + 0xA0, 0, 0])
}

/// The glyph of a decoded character.
pub(super) fn of_char(ch: char) -> Glyph {
    Utf8::glyph(ch.encode_utf8(&mut [0; 4]).as_bytes()).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glyphs_are_found_in_every_encoding() {
        for (ch, row, _, glyph) in GLYPHS {
            let text = ch.to_string();
            assert_eq!(Utf8::glyph(text.as_bytes()), (glyph, 3), "{ch}");
            let (bytes, _, unmappable) = encoding_rs::SHIFT_JIS.encode(&text);
            assert_eq!(unmappable, row == 0, "{ch}");
            if row > 0 {
                assert_eq!(ShiftJis::glyph(&bytes), (glyph, 2), "{ch}");
                let (bytes, _, _) = encoding_rs::EUC_JP.encode(&text);
                assert_eq!(EucJp::glyph(&bytes), (glyph, 2), "{ch}");
            }
        }
    }

    #[test]
    fn texts_that_are_compared_in_bytes() {
        for (idx, text) in ["（", "）"].into_iter().enumerate() {
            assert_eq!(ShiftJis::PARENTHESES[idx], encoding_rs::SHIFT_JIS.encode(text).0.as_ref());
            assert_eq!(EucJp::PARENTHESES[idx], encoding_rs::EUC_JP.encode(text).0.as_ref());
        }
        assert_eq!(ShiftJis::EVAL, encoding_rs::SHIFT_JIS.encode("評価値").0.as_ref());
        assert_eq!(EucJp::EVAL, encoding_rs::EUC_JP.encode("評価値").0.as_ref());
    }

    #[test]
    fn other_characters_are_no_glyphs() {
        for ch in '\u{3000}'..='\u{9FFF}' {
            let known = GLYPHS.iter().any(|glyph| glyph.0 == ch);
            let text = ch.to_string();
            assert_eq!(Utf8::glyph(text.as_bytes()).0 != Glyph::Other, known, "{ch}");
            let (bytes, _, unmappable) = encoding_rs::SHIFT_JIS.encode(&text);
            if !unmappable {
                assert_eq!(ShiftJis::glyph(&bytes).0 != Glyph::Other, known, "{ch}");
            }
            let (bytes, _, unmappable) = encoding_rs::EUC_JP.encode(&text);
            if !unmappable {
                assert_eq!(EucJp::glyph(&bytes).0 != Glyph::Other, known, "{ch}");
            }
        }
    }
}
