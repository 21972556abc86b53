//! JSON as a sequence of values with their places; nothing is kept of it.
//!
//! Source: RFC 8259.

use super::text::Text;

/// Values within each other: enough for any tree of variations that is read.
const MAX_DEPTH: usize = 640;

/// Bytes that end the plain text of a string.
const NO_TEXT: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

/// Where a text is no JSON, and what was expected there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct JsonError {
    pub offset: usize,
    pub message: String,
}

/// What [`Json::skip_value`] passed over: the lines of a game.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Begin and end of the arrays of lines, by their begin; the end is 0 where the text breaks off.
    pub forks: Vec<(usize, usize)>,
    /// Lines in them.
    pub n_lines: u32,
    /// Comments in those lines.
    pub n_comments: u32,
}

/// An array or object that is open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Open {
    Object,
    Array,
    /// The array under the key `moves`, or one in an array under `forks`.
    Line,
    /// An object in a line.
    Element,
    /// The array under the key `forks` of an element, with its number in [`Seen::forks`].
    Forks(u32),
    /// The array under the key `comments` of an element.
    Comments,
}

impl Open {
    fn closer(self) -> u8 {
        if matches!(self, Open::Object | Open::Element) { b'}' } else { b']' }
    }
}

/// A key that tells what stands under it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Key {
    Moves,
    Forks,
    Comments,
    Other,
}

impl Key {
    fn of(key: &[u8]) -> Key {
        match key {
            b"moves" => Key::Moves,
            b"forks" => Key::Forks,
            b"comments" => Key::Comments,
            _ => Key::Other,
        }
    }
}

/// A cursor in a JSON text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Json<'a> {
    text: Text<'a>,
    pub at: usize,
}

impl<'a> Json<'a> {
    /// The JSON text that begins at `at`.
    pub fn new(text: Text<'a>, at: usize) -> Json<'a> {
        Json { text, at }
    }

    /// The first byte of what comes next, blanks passed over.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                next => return next.copied(),
            }
        }
    }

    /// Passes over the byte if it comes next.
    #[inline]
    pub fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// That something else was expected here.
    pub fn error(&mut self, expected: &str) -> JsonError {
        let found = match self.peek() {
            None => "the end of the file".to_owned(),
            Some(_) => {
                let rest = &self.text.bytes[self.at..];
                let shown = self.text.shown(&rest[..rest.len().min(8)]);
                format!("`{}`", shown.chars().next().unwrap_or('\u{FFFD}'))
            }
        };
        JsonError { offset: self.at, message: format!("expected {expected}, found {found}") }
    }

    /// Hands each key of the object here to `take`, which reads or skips the value.
    pub fn fields(
        &mut self,
        mut take: impl FnMut(&mut Self, &[u8]) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        if !self.take(b'{') {
            return Err(self.error("an object"));
        }
        let mut buffer = String::new();
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let key = self.key(&mut buffer)?;
            self.peek();
            take(self, key)?;
            if self.take(b'}') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.error("`,` or `}`"));
            }
        }
    }

    /// Hands each value of the array here to `take`, which reads or skips it.
    pub fn items(
        &mut self,
        mut take: impl FnMut(&mut Self) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        if !self.take(b'[') {
            return Err(self.error("an array"));
        }
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.peek();
            take(self)?;
            if self.take(b']') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.error("`,` or `]`"));
            }
        }
    }

    /// Reads a key and its colon; `buffer` is for those with escapes.
    #[inline]
    fn key<'b>(&mut self, buffer: &'b mut String) -> Result<&'b [u8], JsonError>
    where
        'a: 'b,
    {
        if self.peek() != Some(b'"') {
            return Err(self.error("a key in double quotes"));
        }
        let key = match self.plain() {
            Some(key) => key,
            None => {
                self.string(buffer)?;
                buffer.as_bytes()
            }
        };
        if !self.take(b':') {
            return Err(self.error("`:`"));
        }
        Ok(key)
    }

    /// What stands between the quotes of the string here, if it is nothing but text; otherwise
    /// the string is not passed over.
    #[inline]
    pub fn plain(&mut self) -> Option<&'a [u8]> {
        let rest = self.text.bytes.get(self.at + 1..)?;
        let len = rest.iter().position(|byte| NO_TEXT[usize::from(*byte)])?;
        if rest[len] != b'"' {
            return None;
        }
        self.at += len + 2;
        Some(&rest[..len])
    }

    /// Passes over the string here.
    fn skip_string(&mut self) -> Result<(), JsonError> {
        match self.plain() {
            Some(_) => Ok(()),
            None => self.string(&mut String::new()).map(|_| ()),
        }
    }

    /// Reads the string here into `out`; `false` if it holds malformed bytes, which become U+FFFD.
    pub fn string(&mut self, out: &mut String) -> Result<bool, JsonError> {
        out.clear();
        if self.peek() != Some(b'"') {
            return Err(self.error("a string in double quotes"));
        }
        self.at += 1;
        let mut well_formed = true;
        loop {
            let rest = &self.text.bytes[self.at..];
            let Some(len) = rest.iter().position(|byte| NO_TEXT[usize::from(*byte)]) else {
                self.at = self.text.bytes.len();
                return Err(self.error("`\"` at the end of a string"));
            };
            well_formed &= self.text.decode(&rest[..len], out);
            self.at += len;
            match rest[len] {
                b'"' => {
                    self.at += 1;
                    return Ok(well_formed);
                }
                b'\\' => well_formed &= self.escaped(out)?,
                // Not allowed within a string, yet what it means is plain; a line end is rather
                // the sign of a string that nobody closed.
                b'\n' | b'\r' => {
                    let message = "expected `\"` at the end of a string, found the end of the line";
                    return Err(JsonError { offset: self.at, message: message.to_owned() });
                }
                control => {
                    out.push(char::from(control));
                    self.at += 1;
                }
            }
        }
    }

    /// Reads the character that is written behind the backslash here.
    fn escaped(&mut self, out: &mut String) -> Result<bool, JsonError> {
        let Some(&byte) = self.text.bytes.get(self.at + 1) else {
            self.at = self.text.bytes.len();
            return Err(self.error("a character behind `\\`"));
        };
        let ch = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{C}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.escaped_unit(out),
            _ => {
                self.at += 1;
                return Err(self.error("an escape such as `\\n` or `\\u6B69`"));
            }
        };
        out.push(ch);
        self.at += 2;
        Ok(true)
    }

    /// Reads `\u6B69`, or a pair of them for a character beyond 16 bits.
    fn escaped_unit(&mut self, out: &mut String) -> Result<bool, JsonError> {
        let Some(unit) = self.unit_at(self.at) else {
            self.at += 2;
            return Err(self.error("four digits such as `6B69` behind `\\u`"));
        };
        self.at += 6;
        let is_first_half = (0xD800..0xDC00).contains(&unit);
        let second = self.unit_at(self.at).filter(|unit| (0xDC00..0xE000).contains(unit));
        let code = match second.filter(|_| is_first_half) {
            Some(second) => {
                self.at += 6;
                0x1_0000 + ((unit - 0xD800) << 10) + (second - 0xDC00)
            }
            None => unit,
        };
        let ch = char::from_u32(code);
        out.push(ch.unwrap_or('\u{FFFD}'));
        Ok(ch.is_some())
    }

    fn unit_at(&self, at: usize) -> Option<u32> {
        let digits = self.text.bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
    }

    /// Reads the number here.
    pub fn number(&mut self) -> Result<f64, JsonError> {
        self.peek();
        let rest = &self.text.bytes[self.at..];
        // Nearly all are small: the numbers of squares, seconds.
        let value = |digit: &u8| f64::from(digit - b'0');
        match rest {
            [one @ b'0'..=b'9', b',' | b'}' | b']', ..] => {
                self.at += 1;
                return Ok(value(one));
            }
            [ten @ b'0'..=b'9', one @ b'0'..=b'9', b',' | b'}' | b']', ..] => {
                self.at += 2;
                return Ok(10.0 * value(ten) + value(one));
            }
            _ => {}
        }
        let is_part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let len = rest.iter().take_while(is_part).count();
        let text = std::str::from_utf8(&rest[..len]).unwrap_or_default();
        let Some(number) = text.parse().ok().filter(|_| !text.starts_with('+')) else {
            return Err(self.error("a number"));
        };
        self.at += len;
        Ok(number)
    }

    /// Reads `true`, `false` or `null`.
    pub fn word(&mut self) -> Result<Option<bool>, JsonError> {
        self.peek();
        let rest = &self.text.bytes[self.at..];
        for (word, value) in
            [(b"true".as_slice(), Some(true)), (b"false", Some(false)), (b"null", None)]
        {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.error("a value"))
    }

    /// Passes over the value here, in a text that [`Json::skip_value`] passed over before, to
    /// where it is no JSON.
    pub fn skip(&mut self) -> Result<(), JsonError> {
        let mut depth = 0usize;
        loop {
            match self.peek() {
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b',' | b':') if depth > 0 => self.at += 1,
                Some(b'"') => self.skip_string()?,
                Some(b'-' | b'0'..=b'9') => drop(self.number()?),
                _ => drop(self.word()?),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Passes over the value here, which stands under `key`, and tells what is in it.
    pub fn skip_value(&mut self, key: &[u8], seen: &mut Seen) -> Result<(), JsonError> {
        let mut open: Vec<Open> = Vec::new();
        let mut buffer = String::new();
        // The key of the value that comes next, if it is one in an object.
        let mut key = Key::of(key);
        let is_in_forks = |open: &[Open]| open.iter().any(|open| matches!(open, Open::Forks(_)));
        loop {
            let parent = open.last().copied();
            let is_line = matches!(parent, Some(Open::Forks(_)));
            match self.peek() {
                Some(first @ (b'{' | b'[')) => {
                    if open.len() == MAX_DEPTH {
                        let message =
                            format!("expected at most {MAX_DEPTH} values within each other");
                        return Err(JsonError { offset: self.at, message });
                    }
                    seen.n_lines += u32::from(is_line);
                    open.push(match (first, parent, key) {
                        (b'{', Some(Open::Line), _) => Open::Element,
                        (b'{', ..) => Open::Object,
                        (_, Some(Open::Forks(_)), _) | (_, None, Key::Moves) => Open::Line,
                        (_, None | Some(Open::Element), Key::Forks) => {
                            seen.forks.push((self.at, 0));
                            Open::Forks(seen.forks.len() as u32 - 1)
                        }
                        (_, Some(Open::Element), Key::Comments) => Open::Comments,
                        _ => Open::Array,
                    });
                    self.at += 1;
                    if !self.close(&mut open, seen) {
                        if first == b'{' {
                            key = Key::of(self.key(&mut buffer)?);
                        }
                        continue;
                    }
                }
                Some(b'"') => {
                    seen.n_lines += u32::from(is_line);
                    if parent == Some(Open::Comments) && is_in_forks(&open) {
                        seen.n_comments += 1;
                    }
                    self.skip_string()?;
                }
                Some(b'-' | b'0'..=b'9') => {
                    self.number()?;
                    seen.n_lines += u32::from(is_line);
                }
                _ => {
                    self.word()?;
                    seen.n_lines += u32::from(is_line);
                }
            }
            loop {
                let Some(last) = open.last() else { return Ok(()) };
                if self.take(b',') {
                    if last.closer() == b'}' {
                        key = Key::of(self.key(&mut buffer)?);
                    }
                    break;
                }
                let expected = if last.closer() == b'}' { "`,` or `}`" } else { "`,` or `]`" };
                if !self.close(&mut open, seen) {
                    return Err(self.error(expected));
                }
            }
        }
    }

    /// Closes the last open value if it ends here.
    fn close(&mut self, open: &mut Vec<Open>, seen: &mut Seen) -> bool {
        let Some(last) = open.last().copied() else { return false };
        let closes = self.take(last.closer());
        if closes {
            open.pop();
            if let Open::Forks(number) = last {
                seen.forks[number as usize].1 = self.at;
            }
        }
        closes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(text: &str) -> Result<(usize, Seen), String> {
        let mut json = Json::new(Text::new(text.as_bytes()), 0);
        let mut seen = Seen::default();
        match json.skip_value(b"", &mut seen) {
            Ok(()) => Ok((json.at, seen)),
            Err(error) => Err(format!("{}: {}", error.offset, error.message)),
        }
    }

    #[test]
    fn values_are_passed_over_whole() {
        for text in [
            "{}",
            "[]",
            "[[],{}]",
            "\"a\\\"b\"",
            "-1.5e3",
            "true",
            "false",
            "null",
            " { \"a\" : [ 1 , 2 ] , \"b\" : { } } ",
            "\"\\u6b69\\ud83d\\ude00\\n\"",
        ] {
            assert_eq!(skip(text).unwrap().0, text.trim_end().len(), "{text}");
        }
        let text =
            r#"[{"forks":[[{"comments":["a","b"]}],[{"forks":[[]]}],7]},{"move":{"forks":[]}}]"#;
        let mut json = Json::new(Text::new(text.as_bytes()), 0);
        let mut seen = Seen::default();
        assert_eq!(json.skip_value(b"moves", &mut seen), Ok(()));
        assert_eq!((seen.n_lines, seen.n_comments), (4, 2));
        assert_eq!(seen.forks, [(10, 55), (46, 50)]);
    }

    #[test]
    fn errors_have_a_place() {
        let deep = format!("{}1", "[".repeat(700));
        for (text, expected) in [
            ("", "0: expected a value, found the end of the file"),
            ("{", "1: expected a key in double quotes, found the end of the file"),
            ("{1:2}", "1: expected a key in double quotes, found `1`"),
            ("{\"a\" 1}", "5: expected `:`, found `1`"),
            ("{\"a\":1 \"b\"}", "7: expected `,` or `}`, found `\"`"),
            ("[1 2]", "3: expected `,` or `]`, found `2`"),
            ("[1,]", "3: expected a value, found `]`"),
            ("[1}", "2: expected `,` or `]`, found `}`"),
            ("[歩]", "1: expected a value, found `歩`"),
            ("\"a", "2: expected `\"` at the end of a string, found the end of the file"),
            ("\"a\n\"", "2: expected `\"` at the end of a string, found the end of the line"),
            ("\"\\x\"", "2: expected an escape such as `\\n` or `\\u6B69`, found `x`"),
            ("\"\\u12\"", "3: expected four digits such as `6B69` behind `\\u`, found `1`"),
            ("-", "0: expected a number, found `-`"),
            ("1-2", "0: expected a number, found `1`"),
            (&deep, "640: expected at most 640 values within each other"),
        ] {
            match skip(text) {
                Err(error) => assert_eq!(error, expected, "{text}"),
                Ok(_) => panic!("{text}"),
            }
        }
    }

    #[test]
    fn strings_are_unescaped() {
        for (text, expected, is_whole) in [
            (r#""a\"\\\/\b\f\n\r\t""#, "a\"\\/\u{8}\u{C}\n\r\t", true),
            (r#""\u6b69歩\uD83D\uDE00""#, "歩歩😀", true),
            (r#""\uD83Dx""#, "\u{FFFD}x", false),
            (r#""\uDE00""#, "\u{FFFD}", false),
        ] {
            let mut out = String::new();
            let mut json = Json::new(Text::new(text.as_bytes()), 0);
            assert_eq!(json.string(&mut out), Ok(is_whole), "{text}");
            assert_eq!((out.as_str(), json.at), (expected, text.len()), "{text}");
        }
    }
}
