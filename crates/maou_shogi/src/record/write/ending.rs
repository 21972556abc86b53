//! How a line ends, as it is read again: one rule for the writers of all formats.

use super::kif_lines::Line;
use crate::record::ending::Verdict;
use crate::record::{Ending, GameResult};

/// Of the ways to write how a line ends, each with what a reader takes from it in this order, the
/// first that gives the line back; else the first with its result, else one that tells none.
/// Returns as well whether the line comes back.
pub(super) fn choose<T>(
    line: &Line<'_>,
    ways: impl IntoIterator<Item = (T, Vec<Verdict>)>,
) -> Option<(T, bool)> {
    let mut best: Option<(T, u8)> = None;
    for (way, verdicts) in ways {
        let rank = match read_again(line, verdicts) {
            (ending, result) if (ending, result) == (line.ending, line.result) => {
                return Some((way, true));
            }
            (_, result) if result == line.result && result != GameResult::Unknown => 1,
            (_, GameResult::Unknown) => 2,
            // Rather nothing than a result that the game does not have.
            _ => 3,
        };
        if best.as_ref().is_none_or(|(_, least)| rank < *least) {
            best = Some((way, rank));
        }
    }
    best.map(|(way, _)| (way, false))
}

/// What a reader makes of these verdicts at the end of a line.
fn read_again(line: &Line<'_>, verdicts: Vec<Verdict>) -> (Ending, GameResult) {
    let mut verdicts = verdicts.into_iter();
    let mut verdict = verdicts.next().unwrap_or_default();
    for next in verdicts {
        verdict.merge(next);
    }
    if let Some(game) = line.game {
        verdict = verdict.settled(game).0;
    }
    (verdict.ending, verdict.result.unwrap_or(GameResult::Unknown))
}

/// The names of CSA and JKF for an ending, the best one first.
pub(super) const fn special_names(ending: Ending) -> &'static [&'static str] {
    match ending {
        Ending::Resign => &["TORYO"],
        Ending::Checkmate => &["TSUMI"],
        Ending::Repetition | Ending::PerpetualCheck => &["SENNICHITE"],
        Ending::Declaration => &["KACHI"],
        Ending::Impasse => &["JISHOGI"],
        Ending::MaxMoves => &["MAX_MOVES"],
        Ending::Time => &["TIME_UP"],
        // Who broke the rules matters more than that it was by a move.
        Ending::IllegalMove => &["ILLEGAL_MOVE", "+ILLEGAL_ACTION", "-ILLEGAL_ACTION"],
        Ending::IllegalAction => &["+ILLEGAL_ACTION", "-ILLEGAL_ACTION", "ILLEGAL_ACTION"],
        Ending::Interrupted | Ending::Walkover => &["CHUDAN"],
        Ending::NoMate => &["FUZUMI"],
        Ending::Takeback => &["MATTA"],
        Ending::Error => &["ERROR"],
        Ending::Unknown => &[],
    }
}
