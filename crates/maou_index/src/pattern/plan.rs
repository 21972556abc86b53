//! Patterns as a few comparisons.

use maou_shogi::{Bitboard, Color, Hand, PieceType, Position, Square};

use super::{Choice, Term};

/// The codes of all pieces of Black; White's are 16 bits higher.
const PIECES: u32 = 0x7ffe;
pub(super) const KING: u32 = 1 << PieceType::King as u32;
pub(super) const ANYTHING: u32 = 1 | PIECES | PIECES << 16;

/// What a pattern asks for, the cheap questions first.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    turn: Option<Color>,
    /// What single squares may hold: codes of pieces, one bit each.
    squares: Vec<(Square, u32)>,
    /// What the hands hold at least, if anything is asked for.
    hands: Option<[Hand; 2]>,
    /// Terms that are none of these.
    others: Vec<Other>,
}

#[derive(Clone, Debug)]
struct Other {
    is_negated: bool,
    tests: Vec<Test>,
}

#[derive(Clone, Debug)]
enum Test {
    Turn(Color),
    Hands([Hand; 2]),
    Square(Square, u32),
    Area(Area),
}

/// Whether one of several squares holds one of several things.
#[derive(Clone, Debug)]
struct Area {
    squares: Bitboard,
    is_empty_enough: bool,
    /// Sides of which any piece does.
    sides: Vec<Color>,
    pieces: Vec<(Color, PieceType)>,
}

impl Plan {
    /// Adds a term; false if it plainly contradicts those before.
    pub(super) fn add(&mut self, term: &Term) -> bool {
        let tests: Vec<Test> = term.choices.iter().map(Test::new).collect();
        match (&tests[..], term.is_negated) {
            ([Test::Turn(color)], is_negated) => {
                let color = if is_negated { color.opponent() } else { *color };
                return *self.turn.get_or_insert(color) == color;
            }
            ([Test::Hands(least)], false) => {
                let hands = self.hands.get_or_insert([Hand::EMPTY; 2]);
                for (hand, least) in hands.iter_mut().zip(least) {
                    for (kind, count) in least.iter() {
                        hand.set(kind, count.max(hand.count(kind)));
                    }
                }
                return PieceType::HAND
                    .iter()
                    .all(|&kind| hands[0].count(kind) + hands[1].count(kind) <= kind.total());
            }
            _ => {}
        }
        if let Some(squares) = on_single_squares(&tests, term.is_negated) {
            return squares.into_iter().all(|(square, codes)| self.restrict(square, codes));
        }
        self.others.push(Other { is_negated: term.is_negated, tests });
        true
    }

    fn restrict(&mut self, square: Square, codes: u32) -> bool {
        let known = self.squares.iter_mut().find(|known| known.0 == square);
        match known {
            Some(known) => {
                known.1 &= codes;
                known.1 != 0
            }
            None => {
                self.squares.push((square, codes));
                codes != 0
            }
        }
    }

    #[inline]
    pub(super) fn fits(&self, position: &Position) -> bool {
        self.turn.is_none_or(|turn| turn == position.turn())
            && self.squares.iter().all(|&(square, codes)| holds(position, square, codes))
            && self.hands.as_ref().is_none_or(|least| covers(position, least))
            && self
                .others
                .iter()
                .all(|other| other.tests.iter().any(|test| test.fits(position)) != other.is_negated)
    }
}

/// The term as what each of some squares may hold, if it can be said so.
fn on_single_squares(tests: &[Test], is_negated: bool) -> Option<Vec<(Square, u32)>> {
    let mut squares: Vec<(Square, u32)> = Vec::new();
    for test in tests {
        let &Test::Square(square, codes) = test else { return None };
        match squares.iter_mut().find(|known| known.0 == square) {
            Some(known) => known.1 |= codes,
            None => squares.push((square, codes)),
        }
    }
    if is_negated {
        squares.iter_mut().for_each(|(_, codes)| *codes ^= ANYTHING);
    } else if squares.len() > 1 {
        return None;
    }
    Some(squares)
}

impl Test {
    fn new(choice: &Choice) -> Test {
        match choice {
            Choice::Turn(color) => Test::Turn(*color),
            Choice::Hands(hands) => Test::Hands(*hands),
            Choice::Placed(what, areas) => {
                let squares =
                    areas.iter().fold(Bitboard::EMPTY, |squares, area| squares | area.squares());
                match squares.iter().next() {
                    Some(square) if squares.len() == 1 => Test::Square(square, what.codes()),
                    _ => Test::Area(Area::new(squares, what.codes())),
                }
            }
        }
    }

    #[inline]
    fn fits(&self, position: &Position) -> bool {
        match self {
            Test::Turn(color) => position.turn() == *color,
            Test::Hands(least) => covers(position, least),
            Test::Square(square, codes) => holds(position, *square, *codes),
            Test::Area(area) => area.fits(position),
        }
    }
}

impl Area {
    fn new(squares: Bitboard, codes: u32) -> Area {
        let mut area = Area {
            squares,
            is_empty_enough: codes & 1 != 0,
            sides: Vec::new(),
            pieces: Vec::new(),
        };
        for color in Color::ALL {
            let kinds = codes >> (16 * color.index()) & PIECES;
            if kinds == PIECES {
                area.sides.push(color);
            } else {
                let kinds =
                    PieceType::ALL.into_iter().filter(|kind| kinds >> kind.index() & 1 != 0);
                area.pieces.extend(kinds.map(|kind| (color, kind)));
            }
        }
        area
    }

    fn fits(&self, position: &Position) -> bool {
        let meets = |squares: Bitboard| !(squares & self.squares).is_empty();
        self.pieces.iter().any(|&(color, kind)| meets(position.squares_of(color, kind)))
            || self.sides.iter().any(|&color| meets(position.pieces_of(color)))
            || self.is_empty_enough && meets(!position.occupied())
    }
}

#[inline]
fn holds(position: &Position, square: Square, codes: u32) -> bool {
    let code = position.piece_on(square).map_or(0, |piece| piece.code());
    codes >> (code & 31) & 1 != 0
}

#[inline]
fn covers(position: &Position, least: &[Hand; 2]) -> bool {
    Color::ALL.iter().all(|&color| position.hand(color).covers(&least[color.index()]))
}
