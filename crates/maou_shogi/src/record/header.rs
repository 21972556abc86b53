//! Values of headers that CSA and KIF write alike.

use super::Date;

impl Date {
    /// The day written as `2025-01-05`.
    pub fn from_iso(text: &str) -> Option<Date> {
        parse_date(text).filter(|date| date.to_string() == text)
    }
}

/// The day at the start of a text: `2025/01/05 10:00:01`, `2025-1-5`, `2025年1月5日(日)`.
pub(super) fn parse_date(text: &str) -> Option<Date> {
    let text = text.trim_start();
    let (year, text) = number(text, 4)?;
    let text = text.strip_prefix(['/', '-', '.', '年'])?;
    let (month, text) = number(text, 2)?;
    let text = text.strip_prefix(['/', '-', '.', '月'])?;
    let (day, text) = number(text, 2)?;
    if text.starts_with(|ch: char| ch.is_ascii_digit()) {
        return None;
    }
    Date::new(year, month as u8, day as u8)
}

/// A number of at most `max_digits` digits, and what follows it.
fn number(text: &str, max_digits: usize) -> Option<(u16, &str)> {
    let len = text.bytes().take(max_digits).take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(len);
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (text, expected) in [
            ("2025/01/05 10:00:01", Some((2025, 1, 5))),
            ("2008/12/20(土)", Some((2008, 12, 20))),
            ("2005/11/29･30日", Some((2005, 11, 29))),
            ("2016年2月29日", Some((2016, 2, 29))),
            ("1999-7-15", Some((1999, 7, 15))),
            ("2015/02/29", None),
            ("2015/13/01", None),
            ("20150101", None),
            ("2015/01/011", None),
            ("平成20年", None),
            ("", None),
        ] {
            let expected = expected.map(|(year, month, day)| Date::new(year, month, day).unwrap());
            assert_eq!(parse_date(text), expected, "{text}");
        }
    }
}
