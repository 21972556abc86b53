//! The moves of KI2 and KI2U: several on a line, mostly each with the mark of its side, without its
//! origin, which the rules and words such as 右 or 上 tell.
//!
//! Headers, boards, comments, variations and the last line are those of KIF.
//!
//! Source of the words: <https://www.shogi.or.jp/faq/kihuhyouki.html>.

use super::ErrorKind;
use super::glyph::{Glyph, Width, modifier};
use super::kif::Kif;
use super::kif_move::{self, Lexed, Origin, WrittenMove};
use super::write::kif_move_name;
use crate::{Color, Move, PieceType, Position, Square};

/// Why a move of KI2 is none.
pub(super) enum Refusal {
    NotAMove,
    WrongTurn,
    Illegal,
    /// Several pieces could make it.
    Ambiguous(Vec<Move>),
}

impl<W: Width> Kif<'_, W> {
    /// Reads a line of moves, of which the first begins at `at`; returns where the next line begins.
    pub fn read_line_of_moves(&mut self, at: usize) -> usize {
        let end = self.builder.text.line_end(at);
        let mut pos = at;
        while pos < end && !self.builder.is_skipping() {
            match W::glyph(&self.bytes[pos..end]) {
                (Glyph::Blank, len) => pos += len,
                // People who write moves down one by one leave the marks out.
                (Glyph::Mark(_) | Glyph::Digit(_) | Glyph::Same, _) => {
                    match self.read_one_move(pos, end) {
                        Some(next) => pos = next,
                        None => break,
                    }
                }
                _ if self.bytes[pos] == b'\r' => pos += 1,
                _ if self.bytes[pos] == b'*' => return self.read_comment(pos),
                _ if self.read_last_words(pos, end) => break,
                _ => {
                    self.refuse_one(Refusal::NotAMove, pos, end);
                    break;
                }
            }
        }
        end + 1
    }

    /// Reads the move at `at`; returns where it ends, unless nothing more of the line is read.
    fn read_one_move(&mut self, at: usize, end: usize) -> Option<usize> {
        let (written, next) = match kif_move::lex::<W>(&self.bytes[..end], at) {
            Lexed::Move(written, next) => (written, next),
            Lexed::Word => {
                if self.builder.has_body() || !self.read_marked_header(at, end) {
                    self.read_ending(at, at);
                }
                return None;
            }
            Lexed::Malformed => {
                self.refuse_one(Refusal::NotAMove, at, end);
                return None;
            }
        };
        if let (false, Some(side)) = (self.builder.has_begun(), written.side) {
            self.start.set_turn_unless_told(side);
        }
        if self.builder.is_playing() || self.ready_for_move(at) {
            self.play_selected(written, at, next);
        }
        Some(next)
    }

    /// Takes what ends a game behind its last move, such as `まで2手で後手の勝ち` or まで alone.
    #[cold]
    fn read_last_words(&mut self, at: usize, end: usize) -> bool {
        let text = self.decoded(&self.bytes[at..end]);
        if !text.starts_with("まで") {
            return false;
        }
        if !matches!(text.trim_end(), "まで" | "まで。") {
            self.read_last_line(&text, at);
        }
        true
    }

    /// Takes a header such as `▲先手：A`, which people write like the moves; whether it is one.
    #[cold]
    fn read_marked_header(&mut self, at: usize, end: usize) -> bool {
        let (_, mark_len) = W::glyph(&self.bytes[at..end]);
        let text = self.decoded(&self.bytes[at + mark_len..end]);
        let is_player = ["先手", "後手", "下手", "上手"].iter().any(|side| text.starts_with(side));
        if is_player && text.contains(['：', ':']) {
            self.read_header(text.trim_end(), at, at + mark_len);
            return true;
        }
        false
    }

    /// Plays the one legal move that is written between `at` and `end`; whether there is one.
    pub fn play_selected(&mut self, written: WrittenMove, at: usize, end: usize) -> bool {
        let last_to = self.builder.last_move().map(|mv| mv.to());
        let turn = self.builder.position().turn();
        if let (None, Some(side)) = (self.has_turned_marks, written.side) {
            // In handicap games some give White, who begins, the mark of the one who begins.
            self.has_turned_marks = Some(side != turn);
        }
        let is_turned = self.has_turned_marks == Some(true);
        let side = written.side.map(|side| if is_turned { side.opponent() } else { side });
        let written = WrittenMove { side, ..written };
        match select(&written, self.builder.position(), last_to) {
            Ok(mv) => return self.builder.play(mv),
            Err(refusal) => self.refuse_one(refusal, at, end),
        }
        false
    }

    #[cold]
    fn refuse_one(&mut self, refusal: Refusal, at: usize, end: usize) {
        if !self.builder.is_playing() && !self.ready_for_move(at) {
            return;
        }
        let found = self.builder.text.shown(&self.bytes[at..end]);
        let is_turned = self.has_turned_marks == Some(true);
        let (kind, message) = refusal.describe(&found, self.builder.position(), is_turned);
        self.builder.break_off(kind, at, message);
    }
}

impl Refusal {
    /// Kind and message for the text `found` in `position`, where marks may be turned.
    pub fn describe(
        self,
        found: &str,
        position: &Position,
        is_turned: bool,
    ) -> (ErrorKind, String) {
        let mark = if (position.turn() == Color::Black) != is_turned { '▲' } else { '△' };
        match self {
            Refusal::NotAMove => {
                let message = format!("expected a move such as `▲７六歩`, found `{found}`");
                (ErrorKind::Syntax, message)
            }
            Refusal::WrongTurn => {
                let turn = position.turn();
                let message = format!("expected a move of {turn} (`{mark}`), found `{found}`");
                (ErrorKind::IllegalMove, message)
            }
            Refusal::Illegal => {
                (ErrorKind::IllegalMove, format!("expected a legal move, found `{found}`"))
            }
            Refusal::Ambiguous(moves) => {
                let names: Vec<String> = moves
                    .iter()
                    .map(|mv| format!("`{mark}{}`", kif_move_name(position, *mv, None)))
                    .collect();
                let names = names.join(", ");
                let message = format!(
                    "expected a move of one piece only, found `{found}`, which may be {names}"
                );
                (ErrorKind::IllegalMove, message)
            }
        }
    }
}

/// The one legal move that is written, after a move to `last_to`.
pub(super) fn select(
    written: &WrittenMove,
    position: &Position,
    last_to: Option<Square>,
) -> Result<Move, Refusal> {
    let turn = position.turn();
    if written.side.is_some_and(|side| side != turn) {
        return Err(Refusal::WrongTurn);
    }
    let to = written.to.or(last_to).ok_or(Refusal::NotAMove)?;
    let legal = position.legal_moves();
    let of = |kind: PieceType, promotes: bool| -> (Vec<Move>, Vec<Move>) {
        let is_written = |mv: &Move| {
            let moved = match mv.from() {
                Some(from) => position.piece_on(from).map(|piece| piece.piece_type()),
                None => mv.dropped(),
            };
            mv.to() == to && moved == Some(kind) && mv.is_promotion() == promotes
        };
        legal.iter().copied().filter(is_written).partition(|mv| mv.from().is_none())
    };
    let (mut drops, mut moves) = of(written.kind, written.promotes);
    if moves.is_empty() && written.kind.is_promoted() && !written.promotes {
        // Some name the piece as it is after it is promoted.
        (drops, moves) = of(written.kind.unpromoted(), true);
    }
    match written.from {
        Origin::Hand => std::mem::swap(&mut moves, &mut drops),
        Origin::Board(from) => moves.retain(|mv| mv.from() == Some(from)),
        // Without 打 a piece is dropped only where none on the board could go.
        Origin::Untold if moves.is_empty() && written.modifiers == 0 => moves = drops,
        Origin::Untold => narrow(&mut moves, written, turn),
    }
    match *moves.as_slice() {
        [mv] => Ok(mv),
        [] => Err(Refusal::Illegal),
        _ => Err(Refusal::Ambiguous(moves)),
    }
}

/// Where a move comes from, seen by its side: how far to the right and how far behind.
pub(super) fn origin_offset(from: Square, to: Square, turn: Color) -> (i8, i8) {
    let right = to.file() as i8 - from.file() as i8;
    let behind = from.rank() as i8 - to.rank() as i8;
    match turn {
        Color::Black => (right, behind),
        Color::White => (-right, -behind),
    }
}

/// Whether right and left of this piece mean beside its fellow, and not beside the target: so it is
/// with rooks and bishops, of which there are two at most and which come from far.
pub(super) fn is_great(kind: PieceType) -> bool {
    matches!(kind.unpromoted(), PieceType::Bishop | PieceType::Rook)
}

/// Leaves the moves that the words allow.
fn narrow(moves: &mut Vec<Move>, written: &WrittenMove, turn: Color) {
    let has = |bit: u8| written.modifiers & bit != 0;
    let offset = |mv: &Move| mv.from().map_or((0, 0), |from| origin_offset(from, mv.to(), turn));
    moves.retain(|mv| {
        let (right, behind) = offset(mv);
        !(has(modifier::FORWARD) && behind <= 0
            || has(modifier::BACKWARD) && behind >= 0
            || has(modifier::SIDEWAYS) && behind != 0
            || has(modifier::STRAIGHT) && (right != 0 || behind <= 0))
    });
    for (bit, sign) in [(modifier::RIGHT, 1), (modifier::LEFT, -1)] {
        if !has(bit) {
            continue;
        }
        let to_the_side = |mv: &Move| sign * offset(mv).0;
        if !is_great(written.kind) && moves.iter().any(|mv| to_the_side(mv) > 0) {
            moves.retain(|mv| to_the_side(mv) > 0);
        } else if let Some(most) = moves.iter().map(to_the_side).max() {
            moves.retain(|mv| to_the_side(mv) == most);
        }
    }
}
