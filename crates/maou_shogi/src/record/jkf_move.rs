//! Moves in JKF: the fields of one, and the move that they mean.

use super::ErrorKind;
use super::csa_start::piece_name;
use super::jkf_start::{Fault, color, kind};
use super::json::{Json, JsonError};
use super::text::Text;
use crate::{Color, Move, PieceType, Position, Square};

/// A value and where it stands.
type Placed<T> = (T, usize);

/// A move as it is written.
#[derive(Debug)]
pub(super) struct WrittenMove {
    pub at: usize,
    color: Option<Placed<Color>>,
    from: Option<Placed<Square>>,
    to: Option<Placed<Square>>,
    kind: Option<Placed<PieceType>>,
    promotes: bool,
    same: Option<usize>,
    capture: Option<Placed<PieceType>>,
    /// The first value that is not what it should be.
    fault: Option<Fault>,
}

/// Reads the move that `json` stands at; nothing if it is null.
pub(super) fn read(json: &mut Json, text: Text) -> Result<Option<WrittenMove>, JsonError> {
    let first = json.peek();
    let mut mv = WrittenMove {
        at: json.at,
        color: None,
        from: None,
        to: None,
        kind: None,
        promotes: false,
        same: None,
        capture: None,
        fault: None,
    };
    match first {
        Some(b'n') => {
            json.skip()?;
            return Ok(None);
        }
        Some(b'{') => {}
        _ => {
            json.skip()?;
            mv.fault = Some(fault(text, mv.at, json.at, "a move as an object"));
            return Ok(Some(mv));
        }
    }
    json.fields(|json, key| {
        if json.peek() == Some(b'n') {
            return json.skip();
        }
        let at = json.at;
        let expected = match key {
            b"color" => read_color(json, &mut mv.color)?,
            b"from" => read_square(json, &mut mv.from)?,
            b"to" => read_square(json, &mut mv.to)?,
            b"piece" => read_kind(json, &mut mv.kind)?,
            b"capture" => read_kind(json, &mut mv.capture)?,
            b"promote" => read_bool(json, |value| mv.promotes = value)?,
            b"same" => read_bool(json, |value| mv.same = value.then_some(at))?,
            // What tells it from other moves to the same square follows from the position.
            _ => {
                json.skip()?;
                None
            }
        };
        if let (Some(expected), None) = (expected, &mv.fault) {
            mv.fault = Some(fault(text, at, json.at, expected));
        }
        Ok(())
    })?;
    Ok(Some(mv))
}

fn fault(text: Text, at: usize, end: usize, expected: &str) -> Fault {
    (at, format!("expected {expected}, found `{}`", text.shown(&text.bytes[at..end])))
}

/// What was expected, if it was not that.
type Expected = Option<&'static str>;

fn read_color(json: &mut Json, out: &mut Option<Placed<Color>>) -> Result<Expected, JsonError> {
    let at = json.at;
    *out = color(json)?.map(|color| (color, at));
    Ok(out.is_none().then_some("a color, 0 or 1"))
}

fn read_kind(json: &mut Json, out: &mut Option<Placed<PieceType>>) -> Result<Expected, JsonError> {
    let at = json.at;
    *out = kind(json)?.map(|kind| (kind, at));
    Ok(out.is_none().then_some("a piece such as `FU`"))
}

fn read_bool(json: &mut Json, take: impl FnOnce(bool)) -> Result<Expected, JsonError> {
    match json.peek() {
        Some(b't' | b'f') => {
            if let Some(value) = json.word()? {
                take(value);
            }
            Ok(None)
        }
        _ => {
            json.skip()?;
            Ok(Some("true or false"))
        }
    }
}

fn read_square(json: &mut Json, out: &mut Option<Placed<Square>>) -> Result<Expected, JsonError> {
    const EXPECTED: Expected = Some("a square such as `{\"x\":7,\"y\":6}`");
    let at = json.at;
    if json.peek() != Some(b'{') {
        json.skip()?;
        return Ok(EXPECTED);
    }
    let (mut file, mut rank) = (0.0, 0.0);
    json.fields(|json, key| {
        let target = match key {
            b"x" => &mut file,
            b"y" => &mut rank,
            _ => return json.skip(),
        };
        match json.peek() {
            Some(b'0'..=b'9') => *target = json.number()?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    let number = |value: f64| (1..=9u8).find(|number| f64::from(*number) == value);
    *out = match (number(file), number(rank)) {
        (Some(file), Some(rank)) => Some((Square::new(file - 1, rank - 1), at)),
        _ => None,
    };
    Ok(if out.is_none() { EXPECTED } else { None })
}

/// Why a move cannot be played.
pub(super) type Refusal = (ErrorKind, usize, String);

impl WrittenMove {
    /// The move that is meant in `position` after a move to `last`; the caller asks whether it is
    /// legal.
    pub fn find(&mut self, position: &Position, last: Option<Square>) -> Result<Move, Refusal> {
        if let Some((at, message)) = self.fault.take() {
            return Err((ErrorKind::Syntax, at, message));
        }
        let turn = position.turn();
        if let Some((color, at)) = self.color.filter(|(color, _)| *color != turn) {
            let (expected, found) = (turn as u8, color as u8);
            let message = format!("expected a move of {turn:?}, `{expected}`, found `{found}`");
            return Err((ErrorKind::IllegalMove, at, message));
        }
        let Some(to) = self.to.map(|(to, _)| to).or(last.filter(|_| self.same.is_some())) else {
            let message = "expected the square `to` of a move, found none".to_owned();
            return Err((ErrorKind::Syntax, self.at, message));
        };
        match self.from {
            Some((from, at)) if from == to => {
                let message = format!("expected another square than `to`, found `{}`", name(from));
                Err((ErrorKind::IllegalMove, at, message))
            }
            Some((from, at)) => self.find_on_board(position, from, to, at),
            None => self.find_drop(position, to),
        }
    }

    fn find_on_board(
        &self,
        position: &Position,
        from: Square,
        to: Square,
        at: usize,
    ) -> Result<Move, Refusal> {
        let turn = position.turn();
        let Some(piece) = position.piece_on(from).filter(|piece| piece.color() == turn) else {
            let message = format!(
                "expected a square with a piece of {turn:?}, found `{}`{}",
                name(from),
                if position.piece_on(from).is_some() { " of the other side" } else { ", empty" }
            );
            return Err((ErrorKind::IllegalMove, at, message));
        };
        let moved = piece.piece_type();
        let mut promotes = self.promotes;
        match self.kind {
            // Written as CSA names a piece that promotes, after the move.
            Some((kind, _)) if kind != moved && moved.promoted() == Some(kind) => promotes = true,
            Some((kind, at)) if kind != moved => {
                let (expected, found) = (piece_name(moved), piece_name(kind));
                let from = name(from);
                let message =
                    format!("expected the piece on {from}, `{expected}`, found `{found}`");
                return Err((ErrorKind::IllegalMove, at, message));
            }
            _ => {}
        }
        Ok(Move::board(from, to, promotes))
    }

    fn find_drop(&self, position: &Position, to: Square) -> Result<Move, Refusal> {
        let Some((kind, at)) = self.kind else {
            let message =
                "expected the piece of a drop or the square `from`, found none".to_owned();
            return Err((ErrorKind::Syntax, self.at, message));
        };
        let turn = position.turn();
        if !PieceType::HAND.contains(&kind) || position.hand(turn).count(kind) == 0 {
            let name = piece_name(kind);
            let message = format!("expected a piece in the hand of {turn:?}, found `{name}`");
            return Err((ErrorKind::IllegalMove, at, message));
        }
        if self.promotes {
            let message = "expected a drop that does not promote".to_owned();
            return Err((ErrorKind::IllegalMove, self.at, message));
        }
        Ok(Move::drop(kind, to))
    }

    /// What is told besides of a move that can be played, and is wrong; it means nothing for the
    /// move.
    pub fn contradiction(
        &self,
        position: &Position,
        mv: Move,
        last: Option<Square>,
    ) -> Option<Fault> {
        let to = name(mv.to());
        if let Some(at) = self.same.filter(|_| last != Some(mv.to())) {
            let message =
                format!("expected `same` only on the square of the move before, found it on {to}");
            return Some((at, message));
        }
        let (kind, at) = self.capture?;
        match position.piece_on(mv.to()).map(|piece| piece.piece_type()) {
            Some(taken) if taken.unpromoted() == kind.unpromoted() => None,
            Some(taken) => {
                let (expected, found) = (piece_name(taken), piece_name(kind));
                Some((at, format!("expected the piece on {to}, `{expected}`, found `{found}`")))
            }
            None => {
                Some((at, format!("expected no `capture` on {to}, found `{}`", piece_name(kind))))
            }
        }
    }
}

/// A square as its two numbers.
fn name(square: Square) -> String {
    format!("{}{}", square.file() + 1, square.rank() + 1)
}
