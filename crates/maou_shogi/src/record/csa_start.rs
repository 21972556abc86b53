//! The start position in CSA: the lines that begin with `P`, and the names of the pieces.

use crate::{Color, Piece, PieceType, Setup, Square};

/// Names of the pieces, by number of the kind less one.
const PIECE_NAMES: [&str; 14] =
    ["FU", "KY", "KE", "GI", "KA", "HI", "KI", "OU", "TO", "NY", "NK", "NG", "UM", "RY"];

/// The name of a piece.
pub(super) const fn piece_name(kind: PieceType) -> &'static str {
    PIECE_NAMES[kind.index() - 1]
}

const fn name_bytes(idx: usize) -> u16 {
    let name = PIECE_NAMES[idx].as_bytes();
    u16::from_le_bytes([name[0], name[1]])
}

/// Slot of a name in [`PIECE_TABLE`]; no two names share one, which building the table checks.
const fn slot(name: u16) -> usize {
    (name.wrapping_mul(NAME_FACTOR) >> 11) as usize
}

const NAME_FACTOR: u16 = find_factor();

const fn find_factor() -> u16 {
    let mut factor = 1;
    loop {
        let mut taken = 0u32;
        let mut idx = 0;
        while idx < 14 {
            let name = name_bytes(idx);
            taken |= 1 << (name.wrapping_mul(factor) >> 11);
            idx += 1;
        }
        if taken.count_ones() == 14 {
            return factor;
        }
        factor += 2;
    }
}

const PIECE_TABLE: [(u16, u8); 32] = {
    let mut table = [(0, 0); 32];
    let mut idx = 0;
    while idx < 14 {
        let name = name_bytes(idx);
        table[slot(name)] = (name, idx as u8 + 1);
        idx += 1;
    }
    table
};

/// The kind of piece with this name.
#[inline]
pub(super) fn piece_type(name: [u8; 2]) -> Option<PieceType> {
    let name = u16::from_le_bytes(name);
    let (known, number) = PIECE_TABLE[slot(name)];
    if known == name { PieceType::from_number(number) } else { None }
}

/// The square that two digits name.
#[inline]
pub(super) fn square(file: u8, rank: u8) -> Option<Square> {
    let (file, rank) = (file.wrapping_sub(b'1'), rank.wrapping_sub(b'1'));
    (file < 9 && rank < 9).then(|| Square::new(file, rank))
}

/// What is wrong with a line: where in the line, and what.
pub(super) type LineError = (usize, String);

/// The start position while its lines are read.
#[derive(Debug)]
pub(super) struct CsaStart {
    pub setup: Setup,
    /// Where the first of its lines begins.
    pub first_line: Option<usize>,
    /// Side whose hand takes all pieces that are left (`00AL`).
    rest_to: Option<Color>,
}

impl CsaStart {
    pub fn new() -> CsaStart {
        CsaStart { setup: Setup::EMPTY, first_line: None, rest_to: None }
    }

    /// Takes up one line without its line end.
    pub fn read_line(&mut self, line: &[u8]) -> Result<(), LineError> {
        match line {
            [b'P', b'I', removed @ ..] => self.read_even(removed),
            [b'P', rank @ b'1'..=b'9', cells @ ..] => self.read_rank(rank - b'1', cells),
            [b'P', b'+', pieces @ ..] => self.read_pieces(Color::Black, pieces),
            [b'P', b'-', pieces @ ..] => self.read_pieces(Color::White, pieces),
            _ => Err((0, "`PI`, `P1` to `P9`, `P+` or `P-`".to_owned())),
        }
    }

    /// `PI82HI22KA`: the even position less some pieces.
    fn read_even(&mut self, removed: &[u8]) -> Result<(), LineError> {
        self.setup = Setup::startpos();
        for (idx, entry) in removed.trim_ascii_end().chunks(4).enumerate() {
            let at = 2 + 4 * idx;
            let Some((square, kind)) = square_and_piece(entry) else {
                return Err((at, "a square and its piece such as `82HI`".to_owned()));
            };
            let cell = &mut self.setup.board[square.index()];
            if cell.map(Piece::piece_type) != Some(kind) {
                return Err((at, "a piece of the even position on its square".to_owned()));
            }
            *cell = None;
        }
        Ok(())
    }

    /// `P1-KY-KE … -KY`: nine cells from the ninth file on; the last blank may be missing.
    fn read_rank(&mut self, rank: u8, cells: &[u8]) -> Result<(), LineError> {
        let cells = cells.trim_ascii_end();
        for (idx, file) in (0..9).rev().enumerate() {
            let at = 3 * idx;
            let cell = cells.get(at..cells.len().min(at + 3)).unwrap_or_default();
            let piece = match cell {
                [b' ', b'*', b' '] | [b' ', b'*'] => None,
                [sign @ (b'+' | b'-'), name @ ..] => {
                    let kind = name.try_into().ok().and_then(piece_type);
                    let Some(kind) = kind else {
                        return Err((2 + at, "a piece such as `+FU` or ` * `".to_owned()));
                    };
                    Some(Piece::new(color_of(*sign), kind))
                }
                _ => return Err((2 + at, "nine cells such as `+FU` or ` * `".to_owned())),
            };
            self.setup.board[Square::new(file, rank).index()] = piece;
        }
        match cells.len() {
            0..=27 => Ok(()),
            _ => Err((29, "nine cells".to_owned())),
        }
    }

    /// `P+59OU00FU`: pieces on squares, in hand (`00`), or the rest (`00AL`).
    fn read_pieces(&mut self, color: Color, pieces: &[u8]) -> Result<(), LineError> {
        for (idx, entry) in pieces.trim_ascii_end().chunks(4).enumerate() {
            let at = 2 + 4 * idx;
            if entry == b"00AL" {
                self.rest_to = Some(color);
            } else if let [b'0', b'0', name @ ..] = entry {
                let kind = name.try_into().ok().and_then(piece_type);
                let Some(kind) = kind.filter(|kind| PieceType::HAND.contains(kind)) else {
                    return Err((at, "a piece for the hand such as `00FU`".to_owned()));
                };
                let hand = &mut self.setup.hands[color.index()];
                hand.set(kind, hand.count(kind).saturating_add(1));
            } else if let Some((square, kind)) = square_and_piece(entry) {
                let cell = &mut self.setup.board[square.index()];
                if cell.is_some() {
                    return Err((at, "an empty square".to_owned()));
                }
                *cell = Some(Piece::new(color, kind));
            } else {
                return Err((at, "a square and a piece such as `59OU`".to_owned()));
            }
        }
        Ok(())
    }

    /// The whole position, with `turn` to move.
    pub fn finished(&mut self, turn: Color) -> &Setup {
        self.setup.turn = turn;
        self.setup.move_number = 1;
        if let Some(color) = self.rest_to.take() {
            self.hand_out_rest(color);
        }
        &self.setup
    }

    fn hand_out_rest(&mut self, color: Color) {
        for kind in PieceType::HAND {
            let on_board = self.setup.board.iter().flatten();
            let n_on_board =
                on_board.filter(|piece| piece.piece_type().unpromoted() == kind).count() as u8;
            let n_in_hands: u8 =
                self.setup.hands.iter().fold(0, |n, hand| n.saturating_add(hand.count(kind)));
            let left = kind.total().saturating_sub(n_on_board.saturating_add(n_in_hands));
            let hand = &mut self.setup.hands[color.index()];
            hand.set(kind, hand.count(kind).saturating_add(left));
        }
    }
}

/// The side that a sign stands for.
#[inline]
pub(super) fn color_of(sign: u8) -> Color {
    if sign == b'+' { Color::Black } else { Color::White }
}

fn square_and_piece(entry: &[u8]) -> Option<(Square, PieceType)> {
    match *entry {
        [file, rank, first, second] => Some((square(file, rank)?, piece_type([first, second])?)),
        _ => None,
    }
}
