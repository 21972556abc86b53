//! The bytes of a record file as text: its encoding told by content, decoded only on demand.

use encoding_rs::{EUC_JP, SHIFT_JIS, UTF_8};

/// The encoding of a record.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Encoding {
    /// Seven bits.
    Ascii,
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// Shift_JIS with the extensions of Windows (cp932).
    ShiftJis,
    /// EUC-JP.
    EucJp,
}

/// How many bytes from the first one beyond ASCII are looked at to tell the encoding.
const SAMPLE_BYTES: usize = 256;

/// With fewer bytes beyond ASCII than this in the sample, the whole text is looked at.
const SAMPLE_HIGH_BYTES: usize = 8;

impl Encoding {
    /// Tells the encoding by the first 256 bytes from where the text leaves ASCII, or by all.
    ///
    /// If nothing fits without a malformed byte, the encoding with the fewest of them is taken:
    /// programs cut names within a character.
    pub fn detect(bytes: &[u8]) -> Encoding {
        let Some(first) = first_non_ascii(bytes) else {
            return Encoding::Ascii;
        };
        let rest = &bytes[first..];
        let sample = &rest[..rest.len().min(SAMPLE_BYTES)];
        if sample.len() < rest.len() && count_high(sample) < SAMPLE_HIGH_BYTES {
            return Encoding::detect_in(rest);
        }
        Encoding::detect_in(sample)
    }

    fn detect_in(sample: &[u8]) -> Encoding {
        if is_utf8(sample) {
            return Encoding::Utf8;
        }
        if count_malformed(sample, euc_jp_char_len, 1) == 0 && !is_half_width_katakana(sample) {
            return Encoding::EucJp;
        }
        let shift_jis = count_malformed(sample, shift_jis_char_len, usize::MAX);
        match shift_jis > 0 && count_malformed(sample, euc_jp_char_len, shift_jis) < shift_jis {
            true => Encoding::EucJp,
            false => Encoding::ShiftJis,
        }
    }

    /// The encoding with this name.
    pub fn from_name(name: &str) -> Option<Encoding> {
        [Encoding::Ascii, Encoding::Utf8, Encoding::ShiftJis, Encoding::EucJp]
            .into_iter()
            .find(|encoding| encoding.as_str() == name)
    }

    /// The name of the encoding, as records write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Encoding::Ascii => "ASCII",
            Encoding::Utf8 => "UTF-8",
            Encoding::ShiftJis => "Shift_JIS",
            Encoding::EucJp => "EUC-JP",
        }
    }

    fn decoder(self) -> &'static encoding_rs::Encoding {
        match self {
            Encoding::Ascii | Encoding::Utf8 => UTF_8,
            Encoding::ShiftJis => SHIFT_JIS,
            Encoding::EucJp => EUC_JP,
        }
    }
}

fn first_non_ascii(bytes: &[u8]) -> Option<usize> {
    const CHUNK: usize = 256;
    let chunk = bytes.chunks(CHUNK).position(|chunk| !chunk.is_ascii())? * CHUNK;
    let within = bytes[chunk..].iter().position(|byte| !byte.is_ascii())?;
    Some(chunk + within)
}

fn count_high(sample: &[u8]) -> usize {
    sample.iter().filter(|byte| !byte.is_ascii()).count()
}

/// Whether all high bytes would be half-width katakana in Shift_JIS, and enough of them that a
/// text in EUC-JP would hardly have no other.
fn is_half_width_katakana(sample: &[u8]) -> bool {
    let mut high = sample.iter().filter(|byte| !byte.is_ascii());
    high.all(|byte| (0xA6..=0xDF).contains(byte)) && count_high(sample) >= 8
}

/// Whether a sample is UTF-8, but for a character cut here and there: texts in the other encodings
/// hardly have well-formed characters of three bytes.
fn is_utf8(sample: &[u8]) -> bool {
    match std::str::from_utf8(sample) {
        Ok(_) => return true,
        // The end of the sample cuts a character, which is not the only one.
        Err(error) if error.error_len().is_none() && count_high(sample) > 3 => return true,
        Err(_) => {}
    }
    let (mut n_well_formed, mut n_malformed) = (0, 0);
    for chunk in sample.utf8_chunks() {
        n_well_formed += chunk.valid().bytes().filter(|byte| *byte >= 0xC0).count();
        n_malformed += usize::from(!chunk.invalid().is_empty());
        if n_malformed > 2 + n_well_formed / 4 {
            return false;
        }
    }
    n_well_formed > 4 * n_malformed
}

/// Number of malformed characters, counted up to `limit`; one cut by the end is no fault.
fn count_malformed(sample: &[u8], char_len: fn(&[u8]) -> Option<usize>, limit: usize) -> usize {
    let mut n_malformed = 0;
    let mut at = 0;
    while at < sample.len() && n_malformed < limit {
        match char_len(&sample[at..]) {
            Some(len) => at += len,
            None if sample.len() - at < 3 && at > 0 => break,
            None => {
                n_malformed += 1;
                at += 1;
            }
        }
    }
    n_malformed
}

fn shift_jis_char_len(bytes: &[u8]) -> Option<usize> {
    match bytes[0] {
        0..=0x7F | 0xA1..=0xDF => Some(1),
        0x81..=0x9F | 0xE0..=0xFC => {
            matches!(*bytes.get(1)?, 0x40..=0x7E | 0x80..=0xFC).then_some(2)
        }
        _ => None,
    }
}

fn euc_jp_char_len(bytes: &[u8]) -> Option<usize> {
    let high = |at: usize| bytes.get(at).is_some_and(|byte| (0xA1..=0xFE).contains(byte));
    match bytes[0] {
        0..=0x7F => Some(1),
        0x8E => (high(1) && bytes[1] <= 0xDF).then_some(2),
        0x8F => (high(1) && high(2)).then_some(3),
        0xA1..=0xFE => high(1).then_some(2),
        _ => None,
    }
}

/// The text of a file, without its byte order mark.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    pub bytes: &'a [u8],
    pub encoding: Encoding,
}

impl<'a> Text<'a> {
    pub fn new(bytes: &'a [u8]) -> Text<'a> {
        match bytes.strip_prefix(b"\xEF\xBB\xBF") {
            Some(bytes) => Text { bytes, encoding: Encoding::Utf8 },
            None => Text { bytes, encoding: Encoding::detect(bytes) },
        }
    }

    /// The same text in UTF-8, decoded into `buffer` if it is in another encoding.
    pub fn in_utf8<'b>(self, buffer: &'b mut String) -> Text<'b>
    where
        'a: 'b,
    {
        if matches!(self.encoding, Encoding::Ascii | Encoding::Utf8) {
            return self;
        }
        self.decode(self.bytes, buffer);
        Text { bytes: buffer.as_bytes(), encoding: Encoding::Utf8 }
    }

    /// The end of the line at `at`: where its line feed stands, or the end of the text.
    #[inline]
    pub fn line_end(&self, at: usize) -> usize {
        memchr::memchr(b'\n', &self.bytes[at..]).map_or(self.bytes.len(), |len| at + len)
    }

    /// Appends the decoded `bytes` to `out`; `false` if there were malformed ones, which become
    /// U+FFFD.
    #[inline]
    pub fn decode(&self, bytes: &[u8], out: &mut String) -> bool {
        if bytes.is_ascii() {
            // SAFETY: ASCII is UTF-8. Looking for that again would take longer than all of the
            // rest, for the comments of a game.
            out.push_str(unsafe { std::str::from_utf8_unchecked(bytes) });
            return true;
        }
        self.decode_beyond_ascii(bytes, out)
    }

    /// Appends these bytes of the text, decoded, without blanks at the end.
    #[inline]
    pub fn decode_line(&self, range: std::ops::Range<usize>, out: &mut String) {
        let bytes = self.bytes[range].trim_ascii_end();
        if self.encoding == Encoding::Ascii {
            // SAFETY: `Encoding::detect` looked at every byte of the text.
            out.push_str(unsafe { std::str::from_utf8_unchecked(bytes) });
        } else {
            self.decode(bytes, out);
        }
    }

    fn decode_beyond_ascii(&self, bytes: &[u8], out: &mut String) -> bool {
        if matches!(self.encoding, Encoding::Ascii | Encoding::Utf8)
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            out.push_str(text);
            return true;
        }
        let (text, malformed) = self.encoding.decoder().decode_without_bom_handling(bytes);
        out.push_str(&text);
        !malformed
    }

    /// `bytes` decoded for a message: one line of at most 40 characters.
    pub fn shown(&self, bytes: &[u8]) -> String {
        const MAX_CHARS: usize = 40;
        let bytes = &bytes[..bytes.len().min(4 * MAX_CHARS + 4)];
        let mut text = String::new();
        self.decode(bytes, &mut text);
        let line = text.lines().next().unwrap_or("").trim_end();
        let mut shown: String = line.chars().take(MAX_CHARS).collect();
        if line.chars().nth(MAX_CHARS).is_some() {
            shown.push('…');
        }
        shown.chars().map(|ch| if ch.is_control() { '\u{FFFD}' } else { ch }).collect()
    }
}

/// Bytes between two marks of [`Places`].
const MARK_BYTES: usize = 4096;

/// Lines and columns of a text, counted on from the last one asked for: errors come in the order
/// of the text, mostly. Marks on the way make going back cheap.
#[derive(Clone, Debug)]
pub(super) struct Places {
    here: Place,
    /// In the order of the text.
    marks: Vec<Place>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    offset: usize,
    line: u64,
    column: u64,
}

impl Place {
    const START: Place = Place { offset: 0, line: 1, column: 1 };

    /// The place of the byte at `offset`, which is not before this one.
    fn advanced(mut self, text: &Text, offset: usize) -> Place {
        let between = &text.bytes[self.offset..offset];
        let mut since_line_start = between;
        if let Some(last) = memchr::memrchr(b'\n', between) {
            self.line += memchr::memchr_iter(b'\n', between).count() as u64;
            self.column = 1;
            since_line_start = &between[last + 1..];
        }
        let mut decoded = String::new();
        text.decode(since_line_start, &mut decoded);
        self.column += decoded.chars().count() as u64;
        self.offset = offset;
        self
    }
}

impl Places {
    /// The start of a text.
    pub const START: Places = Places { here: Place::START, marks: Vec::new() };

    /// Line and column of the byte at `offset`, both from 1, the column in characters.
    pub fn find(&mut self, text: &Text, offset: usize) -> (u64, u64) {
        let offset = offset.min(text.bytes.len());
        if offset < self.here.offset {
            let n_before = self.marks.partition_point(|mark| mark.offset <= offset);
            self.here = n_before.checked_sub(1).map_or(Place::START, |last| self.marks[last]);
        }
        // Where characters begin can be told in any place of UTF-8 only.
        let has_marks = matches!(text.encoding, Encoding::Ascii | Encoding::Utf8);
        while has_marks && self.here.offset + MARK_BYTES < offset {
            let mut to = self.here.offset + MARK_BYTES;
            while to < offset && text.bytes[to] & 0xC0 == 0x80 {
                to += 1;
            }
            self.here = self.here.advanced(text, to);
            if self.marks.last().is_none_or(|mark| mark.offset < to) {
                self.marks.push(self.here);
            }
        }
        self.here = self.here.advanced(text, offset);
        (self.here.line, self.here.column)
    }
}

/// The byte order mark or escape sequence of an encoding that is not read, and its name.
pub(super) fn foreign_encoding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => return Some("UTF-16"),
        // Without a mark, but with two characters of ASCII.
        [1..0x80, 0, 1..0x80, 0, ..] | [0, 1..0x80, 0, 1..0x80, ..] => return Some("UTF-16"),
        _ => {}
    }
    memchr::memmem::find(bytes, b"\x1B$B").map(|_| "ISO-2022-JP")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_the_same_in_any_order() {
        let mut bytes = "歩x\n".repeat(3_000).into_bytes();
        bytes.extend("桂馬🀄".repeat(3_000).bytes());
        bytes.extend(b"\x80\x80\xFF\n7");
        let text = Text::new(&bytes);
        let expected = |offset: usize| {
            let before = String::from_utf8_lossy(&bytes[..offset]).into_owned();
            let column = before.chars().rev().take_while(|ch| *ch != '\n').count() as u64 + 1;
            (before.matches('\n').count() as u64 + 1, column)
        };
        // Offsets at which a character begins, forth and back.
        let offsets = [0, 3, 4, 5, 14_999, 15_000, 15_003, 30_010, 44_990, bytes.len()];
        let mut places = Places::START;
        for offset in offsets.iter().chain(offsets.iter().rev()).chain(&[40_000, 20_000, 30_000]) {
            assert_eq!(places.find(&text, *offset), expected(*offset), "{offset}");
        }
        assert!(places.marks.len() > 5 && places.marks.is_sorted_by_key(|mark| mark.offset));
    }
}
