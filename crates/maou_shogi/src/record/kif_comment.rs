//! Evals in the comments of KIF and KI2, which each program writes in its own way.
//!
//! | Program | Lines | Seen by |
//! |---|---|---|
//! | ShogiHome | `**評価値=123`, `*#評価値=123`, `**詰み=先手勝ち:15手`, `*#詰み=後手勝ち` | Black |
//! | ShogiGUI, ShogiDroid | `**対局 … 評価値 88 読み筋 …`, `**解析 0 ○ 候補1 … 評価値 +詰 13 …` | Black |
//! | 棋神アナリティクス | `** Engine … 評価値 -47 読み筋 …` | Black |
//! | ぴよ将棋, K-Shogi | `*#指し手[62]…`, `*#形勢[-30]…` | Black |
//! | floodgate, converted | `** 42 +7776FU` | Black |
//! | Shogidokoro | `*-30`, `*+Mate:5`, each with a line `*▲…` or `*△…` below | the side that moved |
//!
//! Sources: ShogiHome reads all but the last with one sign, that of Black
//! (`src/common/record/comment.ts` of <https://github.com/sunfish-shogi/shogihome>, with examples in
//! `src/tests/renderer/store/record.spec.ts`); in records of Shogidokoro between like engines the
//! sign changes with every move. 激指 writes numbers in `<analyze>`, of which no source tells the
//! point of view: they stay comments.

use super::builder::Eval;
use super::glyph::{self, Glyph};

/// The eval in a comment, `next` being the one below it, both from behind the sign of a comment.
pub(super) fn told(text: &str, next: Option<&str>) -> Option<Eval> {
    let has_line = || next.is_some_and(|next| next.chars().next().is_some_and(is_mark));
    eval(text).or_else(|| shogidokoro(text.as_bytes()).filter(|_| has_line()))
}

fn is_mark(ch: char) -> bool {
    matches!(glyph::of_char(ch), Glyph::Mark(_))
}

/// The eval in a comment, which begins behind the sign of a comment.
pub(super) fn eval(text: &str) -> Option<Eval> {
    let text = text.trim_end();
    // CSA has one more sign before what KIF writes.
    let text = match text.strip_prefix('*') {
        Some(rest) if rest.starts_with(['*', '#']) => rest,
        _ => text,
    };
    let tagged = text.strip_prefix(['*', '#']).unwrap_or(text);
    if let Some(rest) = tagged.strip_prefix("評価値=") {
        return black(value(rest));
    }
    if let Some(rest) = tagged.strip_prefix("詰み=") {
        return black(mate(rest));
    }
    if let Some(rest) = text.strip_prefix("評価値") {
        return black(value(rest.strip_prefix([' ', '　', '：', ':'])?));
    }
    if let Some(rest) = text.strip_prefix('*') {
        return black(in_line(rest).or_else(|| floodgate(rest)));
    }
    let rest = text.strip_prefix("#形勢[").or_else(|| text.strip_prefix("#指し手["))?;
    black(value(rest.split(']').next()?))
}

/// The eval behind `**評価値=`, in bytes of any encoding.
pub(super) fn plain(text: &[u8]) -> Option<Eval> {
    black(value(std::str::from_utf8(text.trim_ascii_end()).ok()?))
}

fn black(cp: Option<i64>) -> Option<Eval> {
    cp.map(Eval::Black)
}

/// `対局 時間 00:00.8 深さ 22/28 ノード数 744743 評価値 88 読み筋 …`
fn in_line(text: &str) -> Option<i64> {
    let is_report = ["対局 ", "解析 ", "検討 ", " "].iter().any(|begin| text.starts_with(begin));
    let (_, rest) = text.split_once(" 評価値 ").filter(|_| is_report)?;
    value(rest)
}

/// ` 42 -3334FU`: a number, and moves or nothing behind it.
fn floodgate(text: &str) -> Option<i64> {
    let text = text.strip_prefix(' ')?.trim_start();
    let (number, rest) = text.split_once(' ').unwrap_or((text, ""));
    let has_moves = rest.is_empty() || rest.starts_with(['+', '-']);
    signed(number).filter(|(_, rest)| has_moves && rest.is_empty()).map(|(cp, _)| cp)
}

/// The eval of Shogidokoro, in bytes of any encoding, for the side that moved.
pub(super) fn shogidokoro(text: &[u8]) -> Option<Eval> {
    let text = std::str::from_utf8(text.trim_ascii_end()).ok()?;
    if let Some((cp, "")) = signed(text) {
        return Some(Eval::Mover(cp));
    }
    let sign = sign_of(text)?;
    let distance = text[1..].strip_prefix("Mate")?;
    let plies = match distance.strip_prefix(':') {
        Some(digits) => Some(digits.parse().ok()?),
        None if distance.is_empty() => None,
        None => return None,
    };
    Some(Eval::Mover(sign * mate_cp(plies)))
}

/// A score such as `-47`, `103↑` or `12.5`, or a mate such as `+詰 13`.
fn value(text: &str) -> Option<i64> {
    let text = text.trim_start();
    if let Some((cp, rest)) = signed(text) {
        let fraction = rest.strip_prefix('.').map(|rest| rest.trim_start_matches(is_digit));
        let rest = fraction.unwrap_or(rest);
        let ends = rest.is_empty() || rest.starts_with([' ', '　', '↑', '↓', ',', '、', '(']);
        return ends.then_some(cp);
    }
    let sign = sign_of(text)?;
    let plies = text[1..].strip_prefix('詰')?.trim_start();
    let n_digits = plies.bytes().take_while(u8::is_ascii_digit).count();
    Some(sign * mate_cp(plies[..n_digits].parse().ok()))
}

/// `先手勝ち:15手`, `後手勝ち`
fn mate(text: &str) -> Option<i64> {
    let (sign, rest) = match (text.strip_prefix("先手勝ち"), text.strip_prefix("後手勝ち"))
    {
        (Some(rest), _) => (1, rest),
        (None, Some(rest)) => (-1, rest),
        (None, None) => return None,
    };
    let plies = rest.strip_prefix(':').and_then(|rest| rest.strip_suffix('手'));
    Some(sign * mate_cp(plies.and_then(|plies| plies.parse().ok())))
}

/// A mate as the games table holds it.
fn mate_cp(plies: Option<u32>) -> i64 {
    32_000 - i64::from(plies.filter(|plies| *plies < 1000).unwrap_or(0))
}

fn is_digit(ch: char) -> bool {
    ch.is_ascii_digit()
}

fn sign_of(text: &str) -> Option<i64> {
    match text.as_bytes().first()? {
        b'+' => Some(1),
        b'-' => Some(-1),
        _ => None,
    }
}

/// An integer with or without a sign, and what follows it.
fn signed(text: &str) -> Option<(i64, &str)> {
    let sign = sign_of(text);
    let digits = if sign.is_some() { &text[1..] } else { text };
    let rest = digits.trim_start_matches(is_digit);
    let digits = &digits[..digits.len() - rest.len()];
    let magnitude = digits
        .bytes()
        .fold(0i64, |cp, digit| cp.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    (!digits.is_empty()).then_some((sign.unwrap_or(1) * magnitude, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evals_in_comments_of_all_programs() {
        use Eval::Black;
        for (text, expected) in [
            ("*評価値=80", Some(Black(80))),
            ("#評価値=-60", Some(Black(-60))),
            ("**評価値=80", Some(Black(80))),
            ("*#評価値=12.5", Some(Black(12))),
            ("評価値=7", Some(Black(7))),
            ("評価値 +64  読み筋 7g7f", Some(Black(64))),
            ("評価値：-5", Some(Black(-5))),
            ("*詰み=先手勝ち:15手", Some(Black(31_985))),
            ("#詰み=後手勝ち:8手", Some(Black(-31_992))),
            ("#詰み=後手勝ち", Some(Black(-32_000))),
            (
                "*対局 時間 00:00.8 深さ 22/28 ノード数 744743 評価値 88 読み筋 ▲３四飛(24) ",
                Some(Black(88)),
            ),
            ("*解析 ○ 時間 00:03.4 深さ 20/28 評価値 103↑ 読み筋 ▲２六歩(27) ", Some(Black(103))),
            ("*解析 0  候補2 時間 00:00.0 深さ 32 ノード数 1 評価値 0 読み筋 △", Some(Black(0))),
            ("*解析 0 △ 候補1 評価値 +詰 13 読み筋 ▲", Some(Black(31_987))),
            ("*検討 候補1 時間 00:06.0 評価値 -詰 読み筋 △８四歩(83)", Some(Black(-32_000))),
            ("* Engine suisho Version 5 候補1 深さ 13/19 評価値 -47 読み筋 △", Some(Black(-47))),
            ("#指し手[62]△７五歩  ▲３三桂成", Some(Black(62))),
            ("#形勢[-130]", Some(Black(-130))),
            ("* -800 +4447HI -3142KI", Some(Black(-800))),
            ("** 42 -3334FU", Some(Black(42))),
            ("* 0", Some(Black(0))),
            ("* 42 moves ago", None),
            ("* 42.5", None),
            ("評価値は 300 くらい", None),
            ("この手の 評価値 300 は高い", None),
            ("評価値300点", None),
            ("*評価値=", None),
            ("*評価値=good", None),
            ("*読み筋=▲２六歩", None),
            ("*詰み=なし", None),
            ("解析 評価値 3", None),
            ("300", None),
            ("<analyze>-120</analyze>", None),
            ("", None),
            ("*", None),
        ] {
            assert_eq!(eval(text), expected, "{text}");
        }
    }

    #[test]
    fn evals_of_shogidokoro_are_those_of_the_mover() {
        for (text, expected) in [
            ("-30", Some(-30)),
            ("0", Some(0)),
            ("2797\r", Some(2797)),
            ("+Mate", Some(32_000)),
            ("-Mate", Some(-32_000)),
            ("+Mate:5", Some(31_995)),
            ("-Mate:6", Some(-31_994)),
            ("Mate", None),
            ("+Mate:", None),
            ("+Mated", None),
            ("3手目", None),
            ("", None),
            ("+", None),
        ] {
            assert_eq!(shogidokoro(text.as_bytes()), expected.map(Eval::Mover), "{text}");
        }
    }
}
