//! What the readers of all formats share: playing moves, placing errors, deciding results, keeping
//! headers, comments and variations or counting them.

use std::ops::Range;

use super::ending::Verdict;
use super::lines::{Lines, Place};
use super::text::{Places, Text};
use super::{Ending, ErrorKind, GameRecord, GameResult, RecordError, Sink};

pub(super) use super::lines::Misplaced;
use crate::{Color, Move, Position};

/// A tail is cut after this many characters.
const MAX_TAIL_CHARS: usize = 1000;

/// An eval as it is told: in centipawns, beyond 31,000 a mate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Eval {
    /// Seen by Black.
    Black(i64),
    /// Seen by the side that made the move.
    Mover(i64),
}

impl Eval {
    /// The eval for the games table, with `turn` to move after the move.
    pub fn of_mover(self, turn: Color) -> i16 {
        match (self, turn) {
            (Eval::Black(cp), Color::Black) => -clamp_eval(cp),
            (Eval::Black(cp), Color::White) | (Eval::Mover(cp), _) => clamp_eval(cp),
        }
    }
}

/// Where and why a line breaks off.
#[derive(Debug)]
struct Break {
    kind: ErrorKind,
    /// The culprit; the tail begins here.
    offset: usize,
    message: String,
    /// Moves after it, which are not read.
    n_moves_after: u32,
    /// The game had ended before, and its ending stands.
    after_end: bool,
}

/// The games of one text on their way from a reader to the sink.
pub(super) struct Builder<'a> {
    pub text: Text<'a>,
    pub game: &'a mut GameRecord,
    sink: &'a mut dyn Sink,
    places: Places,
    position: Position,
    /// Everything is kept; without it, the columns of the games table only.
    is_full: bool,
    /// Whether the main line has begun, or ended without one: `game.start` is set.
    begun: bool,
    /// The main line and its variations; `position`, `broken`, `verdict` and the columns of `game`
    /// are those of the line that is being read.
    lines: Lines,
    broken: Option<Break>,
    /// The start position was no good: nothing of this game is kept or reported any more.
    dropped: bool,
    verdict: Option<Verdict>,
    /// Where it stands.
    verdict_at: usize,
    /// The last move may still get its time.
    pub time_open: bool,
}

impl<'a> Builder<'a> {
    pub fn new(
        text: Text<'a>,
        game: &'a mut GameRecord,
        is_full: bool,
        sink: &'a mut dyn Sink,
    ) -> Builder<'a> {
        game.clear();
        Builder {
            text,
            position: game.start.clone(),
            game,
            sink,
            places: Places::START,
            is_full,
            begun: false,
            lines: Lines::default(),
            broken: None,
            dropped: false,
            verdict: None,
            verdict_at: 0,
            time_open: false,
        }
    }

    /// Reports an error beside the main line; the game goes on.
    #[cold]
    pub fn report(&mut self, kind: ErrorKind, offset: usize, message: String) {
        if !self.dropped {
            self.emit(kind, offset, message, true);
        }
    }

    fn emit(&mut self, kind: ErrorKind, offset: usize, message: String, kept: bool) {
        let (line, column) = self.places.find(&self.text, offset);
        self.sink.error(RecordError { kind, line, column, message, kept });
    }

    /// Reports that the game has no start position that can be used, and drops it.
    #[cold]
    pub fn drop_game(&mut self, offset: usize, message: String) {
        self.refuse(ErrorKind::StartPosition, offset, message);
    }

    /// Reports why nothing of a game can be kept, and drops it.
    #[cold]
    pub fn refuse(&mut self, kind: ErrorKind, offset: usize, message: String) {
        if !self.dropped {
            self.emit(kind, offset, message, false);
            self.dropped = true;
        }
    }

    /// Sets the start position of the game.
    pub fn begin(&mut self, start: &Position) {
        self.game.start.clone_from(start);
        self.position.clone_from(start);
        self.begun = true;
    }

    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether headers, comments and variations are kept.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Whether moves are still played: the start is good and no move of the line was bad.
    #[inline]
    pub fn is_playing(&self) -> bool {
        self.begun
            && !self.dropped
            && self.broken.is_none()
            && self.verdict.is_none()
            && !self.is_skipping()
    }

    /// Whether a variation is being read, be it kept or left out.
    #[inline]
    pub fn is_in_variation(&self) -> bool {
        self.lines.place != Place::Main
    }

    /// Whether a variation is being passed over.
    #[inline]
    pub fn is_skipping(&self) -> bool {
        self.lines.place == Place::Skipped
    }

    /// Number of moves from the start of the game to the end of the line, as far as it is read.
    #[inline]
    pub fn ply(&self) -> usize {
        self.lines.first_ply + self.game.moves.len()
    }

    /// The move before, if any: that of the line which a variation leaves, at its begin.
    #[inline]
    pub fn last_move(&self) -> Option<Move> {
        self.game.moves.last().copied().or(self.lines.move_before)
    }

    /// Whether nothing in the line was bad so far.
    pub fn is_whole(&self) -> bool {
        self.broken.is_none()
    }

    pub fn has_verdict(&self) -> bool {
        self.verdict.is_some()
    }

    /// Whether the main line has any move or an ending, or there is a variation.
    pub fn has_body(&self) -> bool {
        self.is_in_variation()
            || self.verdict.is_some()
            || self.broken.is_some()
            || !self.game.moves.is_empty()
    }

    #[inline]
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// Plays `mv` if it is legal.
    #[inline]
    pub fn play(&mut self, mv: Move) -> bool {
        if !self.position.is_legal(mv) {
            return false;
        }
        self.position.make(mv);
        self.game.moves.push(mv);
        self.game.evals_cp.push(None);
        self.game.times_ms.push(None);
        self.time_open = true;
        true
    }

    /// Gives the last move its time.
    #[inline]
    pub fn set_time(&mut self, ms: u32) {
        if let (true, Some(last)) = (self.time_open, self.game.times_ms.last_mut()) {
            *last = Some(ms);
        }
    }

    /// Gives the last move its eval, unless it has one; `true` if it is taken.
    #[inline]
    pub fn set_eval(&mut self, eval: Eval) -> bool {
        if !self.time_open {
            return false;
        }
        let Some(last) = self.game.evals_cp.last_mut() else { return false };
        if last.is_some() {
            return false;
        }
        // The side that made the last move is not to move now.
        *last = Some(eval.of_mover(self.position.turn()));
        true
    }

    /// Breaks the line off: what begins at `offset` cannot be read or played.
    #[cold]
    pub fn break_off(&mut self, kind: ErrorKind, offset: usize, message: String) {
        if self.broken.is_none() && !self.dropped && !self.is_skipping() {
            let after_end = self.verdict.is_some();
            self.broken = Some(Break { kind, offset, message, n_moves_after: 0, after_end });
        }
        self.time_open = false;
    }

    /// Takes notice of a move that is not read since the main line is broken.
    pub fn skip_move(&mut self) {
        if let Some(broken) = &mut self.broken {
            broken.n_moves_after += 1;
        }
    }

    /// Reports a move after the end of the game, once.
    #[cold]
    pub fn move_after_end(&mut self, line: Range<usize>) {
        let found = self.text.shown(&self.text.bytes[line.clone()]);
        self.break_off(
            ErrorKind::Syntax,
            line.start,
            format!("expected nothing more after the end of the game, found `{found}`"),
        );
    }

    /// The side to move, for an ending that stands after the main line and what follows a break.
    pub fn turn_at_ending(&self) -> Color {
        match &self.broken {
            Some(broken) if broken.kind == ErrorKind::IllegalMove => match broken.n_moves_after {
                n if n.is_multiple_of(2) => self.position.turn().opponent(),
                _ => self.position.turn(),
            },
            _ => self.position.turn(),
        }
    }

    /// The verdict for an illegal move that ends the game, as told: by the side to move, unless
    /// such a move is written down, which is then the one that loses.
    pub fn illegal_move_verdict(&self, told: Verdict) -> Verdict {
        match self.ends_with_illegal_move() {
            true => Verdict::of(Ending::IllegalMove, self.position.turn()),
            false => told,
        }
    }

    /// Whether the last thing in the main line is a move that cannot be played.
    fn ends_with_illegal_move(&self) -> bool {
        matches!(&self.broken, Some(Break { kind: ErrorKind::IllegalMove, n_moves_after: 0, .. }))
    }

    /// Sets how the game ended. A second, different result is a contradiction.
    pub fn end(&mut self, offset: usize, verdict: Verdict) {
        self.time_open = false;
        if self.is_skipping() {
            return;
        }
        let Some(first) = &mut self.verdict else {
            self.verdict = Some(verdict);
            self.verdict_at = offset;
            return;
        };
        if let Some((first, second)) = first.merge(verdict) {
            let message = format!("expected `{first}` as told before, found `{second}`");
            self.report(ErrorKind::Contradiction, offset, message);
        }
    }

    /// Keeps a header field as it is written; those of the start position are not given here.
    pub fn header(&mut self, key: impl Into<String>, value: impl Into<String>) {
        if self.is_full && !self.dropped {
            self.game.headers.push((key.into(), value.into()));
        }
    }

    /// Keeps the comment in these bytes, which are one line without the sign of a comment; in the
    /// way that fills the columns only, counts it.
    #[inline]
    pub fn comment(&mut self, range: Range<usize>) {
        if self.is_full {
            self.keep_comment(range);
        } else {
            self.game.n_comments += 1;
        }
    }

    /// Keeps a comment of which nothing is lost where comments are not kept.
    #[inline]
    pub fn comment_with_data(&mut self, range: Range<usize>) {
        if self.is_full {
            self.keep_comment(range);
        }
    }

    fn keep_comment(&mut self, range: Range<usize>) {
        let text = self.text;
        self.push_comment_with(|out| {
            text.decode_line(range, out);
        });
    }

    /// Keeps a comment, a line of text; in the way that fills the columns only, counts it.
    pub fn push_comment(&mut self, text: &str) {
        self.push_comment_with(|out| out.push_str(text));
    }

    #[inline]
    fn push_comment_with(&mut self, write: impl FnOnce(&mut String)) {
        if !self.is_full || self.broken.is_some() || self.is_skipping() {
            // What is said about moves that are not kept goes with them.
            self.game.n_comments += 1;
            return;
        }
        let ply = self.ply() as u32;
        let comments = match self.lines.current() {
            Some(variation) => &mut variation.comments,
            None => &mut self.game.comments,
        };
        comments.push_with(ply, write);
    }

    /// Ends the line before `offset` and begins a variation that leaves the line read last, or one
    /// of those that it comes from, after `ply` moves from the start of the game.
    ///
    /// A variation that leaves another one before or at its first move leaves, like that one, the
    /// line which both come from. So the variations of a tree are all found again if those of
    /// each line come one after the other from its end to its start, each followed by its own. In
    /// the way that fills the columns only, the variation is counted and passed over.
    #[cold]
    pub fn begin_variation(&mut self, ply: usize, offset: usize) -> Result<(), Misplaced> {
        let is_broken = self.broken.as_ref().is_some_and(|broken| !broken.after_end);
        self.lines.main_is_broken |= is_broken && !self.is_in_variation();
        self.end_line(offset);
        self.time_open = false;
        let entered = match self.is_full && self.begun && !self.dropped {
            true => self.lines.enter(ply, self.game, &mut self.position),
            false => {
                self.lines.place = Place::Skipped;
                Ok(())
            }
        };
        if self.is_skipping() {
            self.game.n_variations += 1;
        }
        match entered {
            // The moves that it would leave are not read, which is told already.
            Err(Misplaced::Beyond(_)) if self.lines.main_is_broken => Ok(()),
            entered => entered,
        }
    }

    /// Hands the game on, with the errors of its lines, and gets ready for the next one, which
    /// begins at `end`.
    pub fn finish(&mut self, end: usize) {
        self.end_line(end);
        self.lines.finish(self.game);
        if !self.dropped && self.begun {
            self.sink.game(self.game);
        }
        self.game.clear();
        self.begun = false;
        self.dropped = false;
        self.time_open = false;
    }

    /// Settles how the line ends, which is followed by something else at `end`.
    fn end_line(&mut self, end: usize) {
        let owned = self.settle();
        if let Some(broken) = self.broken.take().filter(|_| !self.dropped) {
            self.set_tail(broken.offset, end);
            if !owned {
                self.emit(broken.kind, broken.offset, broken.message, true);
            }
        }
    }

    /// Sets result and ending; returns whether the record itself owns up to an illegal last move.
    fn settle(&mut self) -> bool {
        let verdict = self.verdict.take().unwrap_or_default();
        // `%+ILLEGAL_ACTION` behind a move of Black tells of that move.
        let loser_moved =
            verdict.result == Some(GameResult::win_of(self.position.turn().opponent()));
        let owned = self.ends_with_illegal_move()
            && match verdict.ending {
                Ending::IllegalMove => true,
                Ending::IllegalAction => loser_moved,
                _ => false,
            };
        if self.broken.as_ref().is_some_and(|broken| !broken.after_end) && !owned {
            // What the record says of its end does not belong to the moves that are kept.
            return false;
        }
        if let Some(variation) = self.lines.current() {
            variation.ending = verdict.ending;
            variation.result = verdict.result.unwrap_or(GameResult::Unknown);
        } else if !self.is_skipping() {
            let (verdict, objection) = verdict.settled(self.game);
            if let Some(message) = objection {
                self.report(ErrorKind::Contradiction, self.verdict_at, message);
            }
            self.game.ending = verdict.ending;
            self.game.result = verdict.result.unwrap_or(GameResult::Unknown);
        }
        owned
    }

    fn set_tail(&mut self, start: usize, end: usize) {
        let end = end.min(start + 4 * MAX_TAIL_CHARS);
        let mut tail = String::new();
        self.text.decode(&self.text.bytes[start..end], &mut tail);
        if let Some((at, _)) = tail.char_indices().nth(MAX_TAIL_CHARS) {
            tail.truncate(at);
        }
        let target = match self.lines.current() {
            Some(variation) => &mut variation.tail,
            None => &mut self.game.tail,
        };
        target.push_str(tail.trim_end());
    }

    /// Decodes the text of a header into `field`, without white space around it.
    pub fn set_text(&mut self, range: Range<usize>, field: fn(&mut GameRecord) -> &mut String) {
        let bytes = self.text.bytes[range.clone()].trim_ascii();
        let target = field(self.game);
        target.clear();
        let well_formed = self.text.decode(bytes, target);
        let trimmed = target.trim();
        if trimmed.len() < target.len() {
            *target = trimmed.to_owned();
        }
        if !well_formed {
            let message = format!(
                "expected {} text, found malformed bytes in `{}`",
                self.text.encoding.as_str(),
                self.text.shown(bytes)
            );
            self.report(ErrorKind::Encoding, range.start, message);
        }
    }
}

/// An eval as the games table holds it. Records write mates as scores far out, in many ways:
/// beyond 31,000 it is a mate, within 32,000 with its distance (32,000 − plies), beyond that
/// without.
pub(crate) fn clamp_eval(cp: i64) -> i16 {
    cp.clamp(-32_000, 32_000) as i16
}

#[cfg(test)]
mod tests {
    use super::clamp_eval;

    #[test]
    fn evals_far_out_are_mates_of_unknown_distance() {
        for (cp, expected) in [
            (0, 0),
            (-31_000, -31_000),
            (31_995, 31_995),
            (32_001, 32_000),
            (100_000, 32_000),
            (-100_000, -32_000),
            (i64::MIN, -32_000),
        ] {
            assert_eq!(clamp_eval(cp), expected, "{cp}");
        }
    }
}
