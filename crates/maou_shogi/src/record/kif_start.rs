//! The start position in KIF: a handicap by name, or a board with hands.

use super::glyph::{self, Glyph};
use crate::{Color, Hand, Handicap, Piece, PieceType, Position, Setup, Square};

/// Names of the handicaps; その他 stands before a board.
const HANDICAPS: [(&str, Handicap); 19] = [
    ("平手", Handicap::Even),
    ("香落ち", Handicap::Lance),
    ("左香落ち", Handicap::Lance),
    ("右香落ち", Handicap::RightLance),
    ("角落ち", Handicap::Bishop),
    ("飛車落ち", Handicap::Rook),
    ("飛落ち", Handicap::Rook),
    ("飛香落ち", Handicap::RookLance),
    ("二枚落ち", Handicap::Two),
    ("三枚落ち", Handicap::Three),
    ("四枚落ち", Handicap::Four),
    ("五枚落ち", Handicap::Five),
    ("右五枚落ち", Handicap::Five),
    ("左五枚落ち", Handicap::FiveLeft),
    ("六枚落ち", Handicap::Six),
    ("左七枚落ち", Handicap::SevenLeft),
    ("右七枚落ち", Handicap::SevenRight),
    ("八枚落ち", Handicap::Eight),
    ("十枚落ち", Handicap::Ten),
];

/// The name of a handicap as it is compared: digits are equal in all their spellings.
fn handicap_stem(name: &str) -> Vec<(char, Glyph)> {
    let plain = |ch| match glyph::of_char(ch) {
        digit @ Glyph::Digit(_) => ('二', digit),
        _ => (ch, Glyph::Other),
    };
    let name = name.trim_end_matches('ち').replace("10", "十").replace("１０", "十");
    name.chars().map(plain).collect()
}

/// The handicap of a name in Japanese.
pub(super) fn handicap_of(name: &str) -> Option<Handicap> {
    let told = handicap_stem(name);
    let known = HANDICAPS.iter().find(|known| handicap_stem(known.0) == told);
    known.map(|known| known.1)
}

/// The start position while its lines are read.
#[derive(Debug)]
pub(super) struct KifStart {
    handicap: Option<Handicap>,
    /// The name of a handicap that is not known.
    unknown_handicap: Option<String>,
    setup: Setup,
    n_rows: u8,
    has_hands: bool,
    turn: Option<Color>,
    /// Where something went wrong, for messages, or where the position begins.
    pub at: Option<usize>,
}

impl KifStart {
    pub fn new() -> KifStart {
        KifStart {
            handicap: None,
            unknown_handicap: None,
            setup: Setup::EMPTY,
            n_rows: 0,
            has_hands: false,
            turn: None,
            at: None,
        }
    }

    /// Whether nothing but an even start was told.
    pub fn is_even(&self) -> bool {
        self.n_rows == 0
            && !self.has_hands
            && self.turn.is_none()
            && self.unknown_handicap.is_none()
            && matches!(self.handicap, None | Some(Handicap::Even))
    }

    /// Takes the name of a handicap; some write 二枚落 or 2枚落ち for 二枚落ち.
    pub fn set_handicap(&mut self, name: &str) {
        self.handicap = handicap_of(name);
        let known = self.handicap.is_some() || matches!(name, "その他" | "");
        self.unknown_handicap = (!known).then(|| name.to_owned());
    }

    /// Takes a line that tells who moves first.
    pub fn set_turn(&mut self, turn: Color) {
        self.turn = Some(turn);
    }

    /// Takes what the first move tells of who moves first, if nothing but a board is known.
    pub fn set_turn_unless_told(&mut self, turn: Color) {
        if self.n_rows > 0 && self.handicap.is_none() {
            self.turn.get_or_insert(turn);
        }
    }

    /// Takes a hand such as `飛二　金　歩十一`.
    pub fn set_hand(&mut self, color: Color, text: &str) -> Result<(), String> {
        let mut hand = Hand::default();
        // Blanks between the pieces may be left out.
        let is_piece = |ch: char| matches!(glyph::of_char(ch), Glyph::Piece(_));
        for entry in text.split_whitespace().filter(|entry| *entry != "なし") {
            let mut rest = entry;
            while let Some(first) = rest.chars().next() {
                let kind = match glyph::of_char(first) {
                    Glyph::Piece(kind) if PieceType::HAND.contains(&kind) => kind,
                    _ => {
                        return Err(format!(
                            "expected a piece in hand such as `歩二`, found `{entry}`"
                        ));
                    }
                };
                let after = &rest[first.len_utf8()..];
                let (number, next) = after.split_at(after.find(is_piece).unwrap_or(after.len()));
                let Some(count) = count(number) else {
                    return Err(format!(
                        "expected a number of pieces such as `歩二`, found `{entry}`"
                    ));
                };
                hand.set(kind, hand.count(kind).saturating_add(count));
                rest = next;
            }
        }
        self.has_hands |= !hand.is_empty();
        self.setup.hands[color.index()] = hand;
        Ok(())
    }

    /// Takes a row of the board such as `| ・v銀 ・ … ・|二`.
    pub fn read_row(&mut self, line: &str) -> Result<(), String> {
        let rank = self.n_rows;
        if rank == 9 {
            return Err(format!("expected nine rows, found another one, `{line}`"));
        }
        let mut cells = line.strip_prefix('|').unwrap_or(line).chars();
        for file in (0..9).rev() {
            let (Some(side), Some(ch)) = (cells.next(), cells.next()) else {
                return Err(format!("expected nine squares, found `{line}`"));
            };
            let color = match side {
                ' ' | '^' => Color::Black,
                'v' | 'V' => Color::White,
                _ => return Err(format!("expected ` ` or `v` before a piece, found `{side}`")),
            };
            let piece = match (ch, glyph::of_char(ch)) {
                ('・' | '･' | '.' | '　', _) => None,
                (_, Glyph::Piece(kind)) => Some(Piece::new(color, kind)),
                _ => return Err(format!("expected a piece or `・`, found `{ch}`")),
            };
            self.setup.board[Square::new(file, rank).index()] = piece;
        }
        if !cells.as_str().starts_with('|') {
            return Err(format!("expected nine squares, found `{line}`"));
        }
        self.n_rows += 1;
        Ok(())
    }

    /// The start position, or what is wrong with it.
    pub fn finish(&mut self) -> Result<Position, String> {
        if let (0, Some(name)) = (self.n_rows, &self.unknown_handicap) {
            return Err(format!(
                "expected a handicap such as `二枚落ち` or a board, found `{name}`"
            ));
        }
        let is_handicap = !matches!(self.handicap, None | Some(Handicap::Even));
        if self.n_rows == 0 {
            if self.has_hands {
                return Err("expected a board with the pieces in hand, found none".to_owned());
            }
            let mut setup = Setup::handicap(self.handicap.unwrap_or(Handicap::Even));
            setup.turn = self.turn.unwrap_or(setup.turn);
            return position(&setup);
        }
        if self.n_rows != 9 {
            return Err(format!("expected nine rows, found `{}`", self.n_rows));
        }
        // White moves first in handicap games; a board alone says nothing, and means Black.
        let default = if is_handicap { Color::White } else { Color::Black };
        self.setup.turn = self.turn.unwrap_or(default);
        position(&self.setup)
    }
}

fn position(setup: &Setup) -> Result<Position, String> {
    Position::from_setup(setup).map_err(|error| error.to_string())
}

/// A number up to 18 in Chinese numerals or digits; no number means one.
fn count(text: &str) -> Option<u8> {
    if text.is_empty() {
        return Some(1);
    }
    let mut value: u8 = 0;
    for ch in text.chars() {
        value = match (ch, glyph::of_char(ch)) {
            ('十', _) => value.max(1).checked_mul(10)?,
            (_, Glyph::Digit(digit)) if ch.is_ascii_digit() || ('０'..='９').contains(&ch) => {
                value.checked_mul(10)?.checked_add(digit)?
            }
            (_, Glyph::Digit(digit)) => value.checked_add(digit)?,
            _ => return None,
        };
    }
    Some(value)
}
