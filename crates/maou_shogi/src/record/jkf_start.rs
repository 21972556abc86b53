//! The start position in JKF: a preset by name, or a board with hands.

use super::csa_start::piece_type;
use super::json::{Json, JsonError};
use super::text::Text;
use crate::{Color, Handicap, Piece, PieceType, Position, Setup, Square};

/// Names of the presets; `OTHER` stands beside a board.
const PRESETS: [(&str, Handicap); 16] = [
    ("HIRATE", Handicap::Even),
    ("KY", Handicap::Lance),
    ("KY_R", Handicap::RightLance),
    ("KA", Handicap::Bishop),
    ("HI", Handicap::Rook),
    ("HIKY", Handicap::RookLance),
    ("2", Handicap::Two),
    ("3", Handicap::Three),
    ("4", Handicap::Four),
    ("5", Handicap::Five),
    ("5_L", Handicap::FiveLeft),
    ("6", Handicap::Six),
    ("7_L", Handicap::SevenLeft),
    ("7_R", Handicap::SevenRight),
    ("8", Handicap::Eight),
    ("10", Handicap::Ten),
];

/// The name of the preset that a game starts with, if it starts with one.
pub(super) fn preset(start: &Position) -> Option<&'static str> {
    let start = start.to_setup();
    let is_it = |handicap| {
        let setup = Setup::handicap(handicap);
        setup.board == start.board && setup.hands == start.hands && setup.turn == start.turn
    };
    PRESETS.into_iter().find(|(_, handicap)| is_it(*handicap)).map(|(name, _)| name)
}

/// A value that is not what it should be: where, and what was expected and found.
pub(super) type Fault = (usize, String);

/// Reads the value of `initial` that `json` stands at: a position, or what is wrong with it;
/// nothing where it is null.
pub(super) fn read(
    json: &mut Json,
    text: Text,
) -> Result<Option<Result<Position, Fault>>, JsonError> {
    let at = place(json);
    if json.peek() == Some(b'n') {
        json.skip()?;
        return Ok(None);
    }
    let mut start = Start { text, preset: None, data: None, setup: Setup::EMPTY, fault: None };
    if json.peek() != Some(b'{') {
        start.other(json, "an initial position as an object")?;
    } else {
        json.fields(|json, key| match key {
            b"preset" => start.read_preset(json),
            b"data" if json.peek() == Some(b'n') => json.skip(),
            b"data" => start.read_data(json),
            _ => json.skip(),
        })?;
    }
    Ok(Some(start.finish(at)))
}

struct Start<'a> {
    text: Text<'a>,
    preset: Option<(String, usize)>,
    /// Where the data begin.
    data: Option<usize>,
    setup: Setup,
    fault: Option<Fault>,
}

/// Where the next value begins.
fn place(json: &mut Json) -> usize {
    json.peek();
    json.at
}

impl Start<'_> {
    /// Passes over a value that is not the one expected.
    fn other(&mut self, json: &mut Json, expected: &str) -> Result<(), JsonError> {
        let at = place(json);
        json.skip()?;
        self.set_fault(at, json.at, expected);
        Ok(())
    }

    fn set_fault(&mut self, at: usize, end: usize, expected: &str) {
        let found = self.text.shown(&self.text.bytes[at..end]);
        let fault = || (at, format!("expected {expected}, found `{found}`"));
        self.fault.get_or_insert_with(fault);
    }

    fn read_preset(&mut self, json: &mut Json) -> Result<(), JsonError> {
        let at = place(json);
        match json.peek() {
            Some(b'"') => {
                let mut name = String::new();
                json.string(&mut name)?;
                self.preset = Some((name, at));
                Ok(())
            }
            // The presets with a digit for a name have been written without quotes.
            Some(b'0'..=b'9') => {
                let name = json.number()?.to_string();
                self.preset = Some((name, at));
                Ok(())
            }
            _ => self.other(json, "the name of a preset such as `HIRATE`"),
        }
    }

    fn read_data(&mut self, json: &mut Json) -> Result<(), JsonError> {
        self.data = Some(place(json));
        if json.peek() != Some(b'{') {
            return self.other(json, "a position as an object");
        }
        json.fields(|json, key| match key {
            b"color" => match self.color(json)? {
                Some(color) => {
                    self.setup.turn = color;
                    Ok(())
                }
                None => Ok(()),
            },
            b"board" => self.read_board(json),
            b"hands" => self.read_hands(json),
            _ => json.skip(),
        })
    }

    fn color(&mut self, json: &mut Json) -> Result<Option<Color>, JsonError> {
        let at = place(json);
        let color = color(json)?;
        if color.is_none() {
            self.set_fault(at, json.at, "a color, 0 or 1");
        }
        Ok(color)
    }

    fn read_board(&mut self, json: &mut Json) -> Result<(), JsonError> {
        match json.peek() {
            // An empty board has been written as an object.
            Some(b'{') => return json.skip(),
            Some(b'[') => {}
            _ => return self.other(json, "a board as nine files of nine squares"),
        }
        let at = json.at;
        let mut file = 0;
        json.items(|json| {
            file += 1;
            self.read_file(json, file - 1)
        })?;
        if file != 9 {
            self.set_fault(at, at + 1, &format!("nine files, not {file}"));
        }
        Ok(())
    }

    fn read_file(&mut self, json: &mut Json, file: u8) -> Result<(), JsonError> {
        let at = place(json);
        if json.peek() != Some(b'[') || file >= 9 {
            return self.other(json, "a board as nine files of nine squares");
        }
        let mut rank = 0;
        json.items(|json| {
            rank += 1;
            if rank > 9 { json.skip() } else { self.read_square(json, Square::new(file, rank - 1)) }
        })?;
        if rank != 9 {
            self.set_fault(at, json.at, "a file of nine squares");
        }
        Ok(())
    }

    fn read_square(&mut self, json: &mut Json, square: Square) -> Result<(), JsonError> {
        let at = place(json);
        match json.peek() {
            Some(b'n') => return json.skip(),
            Some(b'{') => {}
            _ => return self.other(json, "a square such as `{\"color\":0,\"kind\":\"FU\"}`"),
        }
        let (mut piece_color, mut piece_kind) = (None, None);
        let mut is_good = true;
        json.fields(|json, key| {
            if json.peek() == Some(b'n') {
                return json.skip();
            }
            match key {
                b"color" => {
                    piece_color = color(json)?;
                    is_good &= piece_color.is_some();
                }
                b"kind" => {
                    piece_kind = kind(json)?;
                    is_good &= piece_kind.is_some();
                }
                _ => json.skip()?,
            }
            Ok(())
        })?;
        match (piece_color, piece_kind) {
            (Some(color), Some(kind)) if is_good => {
                self.setup.board[square.index()] = Some(Piece::new(color, kind));
            }
            (_, None) if is_good => {}
            _ => self.set_fault(at, json.at, "a square such as `{\"color\":0,\"kind\":\"FU\"}`"),
        }
        Ok(())
    }

    fn read_hands(&mut self, json: &mut Json) -> Result<(), JsonError> {
        if json.peek() != Some(b'[') {
            return self.other(json, "the hands of both sides as an array");
        }
        let mut side = 0;
        json.items(|json| {
            side += 1;
            match side {
                1 | 2 => self.read_hand(json, side - 1),
                _ => self.other(json, "no more than two hands"),
            }
        })
    }

    fn read_hand(&mut self, json: &mut Json, side: usize) -> Result<(), JsonError> {
        if json.peek() == Some(b'n') {
            return json.skip();
        }
        if json.peek() != Some(b'{') {
            return self.other(json, "a hand such as `{\"FU\":2}`");
        }
        json.fields(|json, key| {
            let at = place(json);
            let count = match json.peek() {
                Some(b'n') => {
                    json.skip()?;
                    Some(0.0)
                }
                Some(b'-' | b'0'..=b'9') => Some(json.number()?),
                _ => {
                    json.skip()?;
                    None
                }
            };
            let count = count.filter(|count| (0.0..=18.0).contains(count) && count.fract() == 0.0);
            let kind = key.try_into().ok().and_then(piece_type);
            match (count, kind.filter(|kind| PieceType::HAND.contains(kind))) {
                (Some(count), Some(kind)) => self.setup.hands[side].set(kind, count as u8),
                (Some(0.0), None) => {}
                (None, _) => self.set_fault(at, json.at, "a number of pieces from 0 to 18"),
                (Some(_), None) => {
                    let expected = {
                        let key = String::from_utf8_lossy(key);
                        format!("a piece that can be in hand with a number, not `{key}`")
                    };
                    self.set_fault(at, json.at, &expected);
                }
            }
            Ok(())
        })
    }

    fn finish(self, at: usize) -> Result<Position, Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let known = self.preset.as_ref().map(|(name, at)| {
            let known = PRESETS.iter().find(|(known, _)| known == name);
            (known.map(|(_, handicap)| *handicap), name, *at)
        });
        let (setup, at) = match (known, self.data) {
            (Some((Some(handicap), _, _)), _) => return Ok(handicap_position(handicap)),
            (None, Some(data)) => (self.setup, data),
            (Some((None, name, _)), Some(data)) if name == "OTHER" => (self.setup, data),
            (Some((None, name, at)), _) => {
                let expected =
                    if name == "OTHER" { "`data` beside `OTHER`" } else { "the name of a preset" };
                return Err((at, format!("expected {expected}, found `{name}`")));
            }
            (None, None) => {
                return Err((at, "expected `preset` or `data`, found neither".to_owned()));
            }
        };
        Position::from_setup(&setup).map_err(|error| (at, error.to_string()))
    }
}

/// The start of a handicap game, or of an even one.
pub(super) fn handicap_position(handicap: Handicap) -> Position {
    Position::from_setup(&Setup::handicap(handicap)).expect("handicaps are legal")
}

/// Reads a color, 0 or 1; another value gives nothing.
pub(super) fn color(json: &mut Json) -> Result<Option<Color>, JsonError> {
    if !matches!(json.peek(), Some(b'0'..=b'9')) {
        json.skip()?;
        return Ok(None);
    }
    Ok(match json.number()? {
        0.0 => Some(Color::Black),
        1.0 => Some(Color::White),
        _ => None,
    })
}

/// Reads the name of a kind of piece; another value gives nothing.
pub(super) fn kind(json: &mut Json) -> Result<Option<PieceType>, JsonError> {
    if json.peek() != Some(b'"') {
        json.skip()?;
        return Ok(None);
    }
    if let Some(name) = json.plain() {
        return Ok(name.try_into().ok().and_then(piece_type));
    }
    let mut name = String::new();
    json.string(&mut name)?;
    Ok(name.as_bytes().try_into().ok().and_then(piece_type))
}
