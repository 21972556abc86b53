//! Comments of CSA that carry data: evals, ratings and the summary of floodgate.

use super::builder::Eval;
use super::ending::Verdict;
use super::kif_comment;
use super::{Ending, GameResult};

/// What a comment says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Comment {
    /// `'** 42 -3334FU`: the eval of the move before, in centipawns for Black.
    EvalBlack(i64),
    /// `'black_rate:name:3495.0`
    BlackRating(f64),
    /// `'white_rate:name:3300.0`
    WhiteRating(f64),
    /// `'summary:toryo:one win:other lose`: how the game ended.
    Summary(Verdict),
    /// For human readers.
    Other,
}

/// Reads a comment, which begins with its apostrophe and ends before the line end.
#[inline]
pub(super) fn parse(line: &[u8]) -> Comment {
    match line {
        [b'\'', b'*', b'*', rest @ ..] => {
            leading_integer(rest).map_or(Comment::Other, |(cp, _)| Comment::EvalBlack(cp))
        }
        // Clients send it so, but so do people begin a list: only with nothing or moves behind.
        [b'\'', b'*', rest @ ..] => match leading_integer(rest) {
            Some((cp, rest)) if is_move_or_nothing(rest) => Comment::EvalBlack(cp),
            _ => Comment::Other,
        },
        [b'\'', b'b' | b'w' | b's', ..] => parse_named(&line[1..]),
        _ => Comment::Other,
    }
}

/// The eval in a comment as programs with a board write it, from behind the apostrophe: they put the
/// sign of KIF before what they would write there.
pub(super) fn eval_of_gui(text: &str) -> Option<Eval> {
    kif_comment::eval(text).filter(|_| text.starts_with("**") || text.starts_with("*#"))
}

fn parse_named(text: &[u8]) -> Comment {
    if let Some(rest) = text.strip_prefix(b"black_rate:") {
        rating(rest).map_or(Comment::Other, Comment::BlackRating)
    } else if let Some(rest) = text.strip_prefix(b"white_rate:") {
        rating(rest).map_or(Comment::Other, Comment::WhiteRating)
    } else if let Some(rest) = text.strip_prefix(b"summary:") {
        summary(rest).map_or(Comment::Other, Comment::Summary)
    } else {
        Comment::Other
    }
}

/// Evals as far out as this and farther are the same: mates.
const FAR_CP: i64 = 1_000_000;

/// An integer after blanks, and what follows it.
#[inline]
fn leading_integer(text: &[u8]) -> Option<(i64, &[u8])> {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if let Some((value, n_digits)) =
        digits.first_chunk().and_then(|eight| up_to_seven_digits(*eight))
        && digits[n_digits].is_ascii_whitespace()
    {
        let value = i64::from(value).min(FAR_CP);
        return Some((if negative { -value } else { value }, &digits[n_digits..]));
    }
    let mut value = 0;
    let mut rest = digits;
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        value = (10 * value + i64::from(digit - b'0')).min(FAR_CP);
        rest = after;
    }
    // `42` and `42 +7776FU`, but neither `42.5` nor `4th`.
    let ends = rest.first().is_none_or(u8::is_ascii_whitespace);
    (ends && rest.len() < digits.len()).then_some((if negative { -value } else { value }, rest))
}

/// The number that one to seven digits at the front are, and how many they are, without a branch for
/// each: how many follow cannot be guessed.
#[inline]
fn up_to_seven_digits(text: [u8; 8]) -> Option<(u32, usize)> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let bytes = u64::from_le_bytes(text);
    // Digits become 0 to 9, and nothing else has its upper half clear before and after adding 6.
    let values = bytes ^ (EACH * 0x30);
    let others = (values | ((values & (EACH * 0x7F)) + EACH * 6)) & (EACH * 0xF0);
    let n_digits = others.trailing_zeros() as usize / 8;
    if n_digits == 0 || n_digits == 8 {
        return None;
    }
    // The last digit moves into the last byte; the bytes before the first one become zeros.
    let values = values << (64 - 8 * n_digits);
    let pairs = (values * 10 + (values >> 8)) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_FFFF_0000_FFFF;
    Some(((fours * 10_000 + (fours >> 32)) as u32, n_digits))
}

fn is_move_or_nothing(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start(), [] | [b'+' | b'-', b'0'..=b'9', b'0'..=b'9', ..])
}

fn rating(text: &[u8]) -> Option<f64> {
    let number = text.rsplit(|byte| *byte == b':').next()?;
    let rating: f64 = std::str::from_utf8(number).ok()?.trim().parse().ok()?;
    rating.is_finite().then_some(rating)
}

/// `toryo:one win:other lose`, Black first.
fn summary(text: &[u8]) -> Option<Verdict> {
    let kind = text.split(|byte| *byte == b':').next()?;
    let ending = match kind {
        b"toryo" => Ending::Resign,
        b"time up" => Ending::Time,
        b"sennichite" => Ending::Repetition,
        b"oute_sennichite" => Ending::PerpetualCheck,
        b"illegal move" | b"uchifuzume" | b"oute_kaihimore" => Ending::IllegalMove,
        b"illegal kachi" => Ending::IllegalAction,
        b"kachi" => Ending::Declaration,
        b"jishogi" => Ending::Impasse,
        b"max_moves" => Ending::MaxMoves,
        b"abnormal" | b"chudan" => Ending::Interrupted,
        _ => return None,
    };
    let result = match text.rsplit(|byte| *byte == b' ').next()?.trim_ascii_end() {
        // A broken connection decides the match, not the game.
        _ if ending == Ending::Interrupted => None,
        b"win" => Some(GameResult::WhiteWins),
        b"lose" => Some(GameResult::BlackWins),
        b"draw" => Some(GameResult::Draw),
        _ => None,
    };
    Some(Verdict { ending, result })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_that_carry_data() {
        for (line, expected) in [
            ("'** 42 -3334FU +2726FU", Comment::EvalBlack(42)),
            ("'** -181", Comment::EvalBlack(-181)),
            ("'**+7", Comment::EvalBlack(7)),
            ("'** 1 [0]#2: 7 6", Comment::EvalBlack(1)),
            ("'* 42 -3334FU", Comment::EvalBlack(42)),
            ("'* 42", Comment::EvalBlack(42)),
            ("'* 42 moves ago", Comment::Other),
            ("'** 42.5", Comment::Other),
            ("'** good", Comment::Other),
            ("'**", Comment::Other),
            ("'** 99999999999999999999", Comment::EvalBlack(FAR_CP)),
            ("'** 1234567 -3334FU", Comment::EvalBlack(FAR_CP)),
            ("'** 98765 +2726FU", Comment::EvalBlack(98_765)),
            ("'** -0 +2726FU", Comment::EvalBlack(0)),
            ("'** 12:3 +2726FU", Comment::Other),
            ("'** 12/3 +2726FU", Comment::Other),
            ("'** \u{3042} +2726FU", Comment::Other),
            ("'black_rate:a:b+1f:3495.0", Comment::BlackRating(3495.0)),
            ("'white_rate:b:-12", Comment::WhiteRating(-12.0)),
            ("'black_rate:a:inf", Comment::Other),
            ("'black_rate:", Comment::Other),
            ("'Max_Moves:256", Comment::Other),
            ("'", Comment::Other),
        ] {
            assert_eq!(parse(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn summaries_name_black_first() {
        for (line, ending, result) in [
            ("'summary:toryo:a win:b lose", Ending::Resign, Some(GameResult::BlackWins)),
            ("'summary:time up:a lose:b win", Ending::Time, Some(GameResult::WhiteWins)),
            ("'summary:max_moves:a draw:b draw", Ending::MaxMoves, Some(GameResult::Draw)),
            (
                "'summary:oute_sennichite:a lose:b win",
                Ending::PerpetualCheck,
                Some(GameResult::WhiteWins),
            ),
            (
                "'summary:oute_kaihimore:a win:b lose",
                Ending::IllegalMove,
                Some(GameResult::BlackWins),
            ),
            ("'summary:abnormal:a lose:b win", Ending::Interrupted, None),
        ] {
            assert_eq!(
                parse(line.as_bytes()),
                Comment::Summary(Verdict { ending, result }),
                "{line}"
            );
        }
        assert_eq!(parse(b"'summary:"), Comment::Other);
    }
}
