//! Patterns for boards that change square by square.
//!
//! Each term about the board counts the squares that make it true; a table tells by how much a
//! piece on a square changes all of these counts at once. A move is three looks into the table, and
//! whether a pattern fits is asked of the counts alone.

use maou_shogi::{Color, Hand, HcpError, HcpReader, Move, Piece, PieceType, Position, Square};

use super::plan::{ANYTHING, KING};
use super::{Choice, Pattern, Term};

/// Bits of a count, which is 81 at most; a word has eight counts.
const COUNT_BITS: usize = 8;
/// What sets the highest bit of all counts that are not 0.
const CARRY: u64 = 0x7f7f_7f7f_7f7f_7f7f;

/// For each square the pieces that count, one bit each for their codes; bit 0 for none.
type Squares = [u32; 81];

/// Patterns of which one has to fit.
pub(crate) struct Matcher {
    /// Words of counts.
    n_words: usize,
    /// By code of the piece, square and word: what the counts are more than with nothing there.
    table: Vec<u64>,
    /// The counts of an empty board.
    empty: Vec<u64>,
    images: Vec<Image>,
}

/// A pattern, as far as counts tell of it.
struct Image {
    /// Whether Black and White may be to move.
    turns: [bool; 2],
    /// The counts that have to be 0 or not.
    asked: Counts,
    /// Those of them that kings alone change.
    asked_of_kings: Counts,
    /// Terms that are not about the board alone.
    others: Vec<Other>,
}

/// By word, the highest bits of the counts that are asked about, and which of them are not 0.
#[derive(Default)]
struct Counts(Vec<(u64, u64)>);

struct Other {
    is_negated: bool,
    turns: Vec<Color>,
    hands: Vec<[Hand; 2]>,
    /// Word and bit of the count of squares.
    count: Option<(usize, u64)>,
}

/// The counts of a board: as many words as the matcher has.
pub(crate) trait Sums: AsRef<[u64]> + AsMut<[u64]> + Clone {
    /// Copies counts, of which there are so many.
    fn of(words: &[u64]) -> Self;
}

impl<const N: usize> Sums for [u64; N] {
    fn of(words: &[u64]) -> Self {
        words.try_into().expect("as many words as the matcher has")
    }
}

impl Sums for Vec<u64> {
    fn of(words: &[u64]) -> Self {
        words.to_owned()
    }
}

/// A board with its counts.
#[derive(Clone)]
pub(crate) struct Board<S> {
    codes: [u8; 81],
    hands: [Hand; 2],
    turn: Color,
    sums: S,
}

impl Counts {
    fn ask(&mut self, (word, bit): (usize, u64), is_some: bool) {
        if self.0.len() <= word {
            self.0.resize(word + 1, (0, 0));
        }
        self.0[word].0 |= bit;
        self.0[word].1 |= if is_some { bit } else { 0 };
    }

    #[inline(always)]
    fn are_right(&self, sums: &[u64]) -> bool {
        let is_right =
            |(sum, (care, want)): (&u64, &(u64, u64))| ((sum + CARRY) ^ want) & care == 0;
        sums.iter().zip(&self.0).all(is_right)
    }
}

/// The squares that make one of the choices true.
fn squares_of(term: &Term) -> Squares {
    let mut squares = [0; 81];
    for choice in &term.choices {
        if let Choice::Placed(what, areas) = choice {
            for square in areas.iter().flat_map(|area| area.squares()) {
                squares[square.index()] |= what.codes();
            }
        }
    }
    squares
}

fn is_about_board(choice: &Choice) -> bool {
    matches!(choice, Choice::Placed(..))
}

/// What the counts count.
#[derive(Default)]
struct Counted(Vec<Squares>);

impl Counted {
    fn add(&mut self, squares: Squares) -> (usize, u64) {
        let per_word = u64::BITS as usize / COUNT_BITS;
        let known = self.0.iter().position(|known| *known == squares);
        let at = known.unwrap_or_else(|| {
            self.0.push(squares);
            self.0.len() - 1
        });
        (at / per_word, 1 << (at % per_word * COUNT_BITS + COUNT_BITS - 1))
    }

    fn image(&mut self, pattern: &Pattern) -> Image {
        let mut image = Image {
            turns: [true; 2],
            asked: Counts::default(),
            asked_of_kings: Counts::default(),
            others: Vec::new(),
        };
        // What single squares must not hold, and what none of several may.
        let mut wrong: Squares = [0; 81];
        for term in &pattern.terms {
            if let [Choice::Turn(color)] = term.choices[..] {
                let is_other = |turn: &Color| (*turn == color) == term.is_negated;
                Color::ALL.iter().filter(|turn| is_other(turn)).for_each(|turn| {
                    image.turns[turn.index()] = false;
                });
                continue;
            }
            let squares = squares_of(term);
            let has_board = term.choices.iter().any(is_about_board);
            if !term.choices.iter().all(is_about_board) {
                image.others.push(self.other(term, has_board.then_some(squares)));
                continue;
            }
            let mut asked = squares.iter().enumerate().filter(|(_, codes)| **codes != 0);
            let is_of_kings = squares.iter().all(|codes| codes & !(KING | KING << 16) == 0);
            if is_of_kings {
                let count = self.add(squares);
                image.asked.ask(count, !term.is_negated);
                image.asked_of_kings.ask(count, !term.is_negated);
            } else if term.is_negated {
                wrong.iter_mut().zip(squares).for_each(|(wrong, codes)| *wrong |= codes);
            } else if let (Some((square, codes)), None) = (asked.next(), asked.next()) {
                wrong[square] |= ANYTHING & !codes;
            } else {
                image.asked.ask(self.add(squares), true);
            }
        }
        if wrong != [0; 81] {
            image.asked.ask(self.add(wrong), false);
        }
        image
    }

    fn other(&mut self, term: &Term, squares: Option<Squares>) -> Other {
        let mut other = Other {
            is_negated: term.is_negated,
            turns: Vec::new(),
            hands: Vec::new(),
            count: squares.map(|squares| self.add(squares)),
        };
        for choice in &term.choices {
            match choice {
                Choice::Turn(color) => other.turns.push(*color),
                Choice::Hands(hands) => other.hands.push(*hands),
                Choice::Placed(..) => {}
            }
        }
        other
    }
}

/// Where the table has a piece on a square, with so many words of counts.
#[inline(always)]
fn place(code: u8, square: usize, n_words: usize) -> usize {
    (usize::from(code & 31) * 81 + square) * n_words
}

impl Matcher {
    pub(crate) fn new(patterns: &[Pattern]) -> Matcher {
        let mut counted = Counted::default();
        let images = patterns.iter().map(|pattern| counted.image(pattern)).collect();
        let per_word = u64::BITS as usize / COUNT_BITS;
        let n_words = counted.0.len().div_ceil(per_word).max(1);
        let mut matcher =
            Matcher { n_words, table: vec![0; 32 * 81 * n_words], empty: vec![0; n_words], images };
        for (at, squares) in counted.0.iter().enumerate() {
            let (word, one) = (at / per_word, 1_u64 << (at % per_word * COUNT_BITS));
            for (square, codes) in squares.iter().enumerate() {
                matcher.empty[word] += u64::from(codes & 1) * one;
                for code in 1..32 {
                    let place = place(code, square, n_words) + word;
                    let more = u64::from(codes >> code & 1) * one;
                    let less = u64::from(codes & 1) * one;
                    let change = &mut matcher.table[place];
                    *change = change.wrapping_add(more).wrapping_sub(less);
                }
            }
        }
        matcher
    }

    /// Words of counts.
    pub(crate) fn n_words(&self) -> usize {
        self.n_words
    }

    #[inline(always)]
    fn put<S: Sums>(&self, sums: &mut S, code: u8, square: usize) {
        let sums = sums.as_mut();
        let changes = &self.table[place(code, square, sums.len())..];
        for (sum, change) in sums.iter_mut().zip(changes) {
            *sum = sum.wrapping_add(*change);
        }
    }

    #[inline(always)]
    fn take<S: Sums>(&self, sums: &mut S, code: u8, square: usize) {
        let sums = sums.as_mut();
        let changes = &self.table[place(code, square, sums.len())..];
        for (sum, change) in sums.iter_mut().zip(changes) {
            *sum = sum.wrapping_sub(*change);
        }
    }

    /// Whether a board fits one of the patterns.
    #[inline]
    pub(crate) fn fits<S: Sums>(&self, board: &Board<S>) -> bool {
        self.images.iter().any(|image| {
            image.asked.are_right(board.sums.as_ref())
                && image.turns[board.turn.index()]
                && image.others.iter().all(|other| other.fits(board))
        })
    }

    /// Whether 32 bytes of HCP fit one of the patterns.
    ///
    /// # Errors
    ///
    /// If they are no position, as far as they are looked at: where side to move and kings tell
    /// that nothing fits, no further.
    #[inline]
    pub(crate) fn fits_hcp<S: Sums>(&self, hcp: &[u8; 32]) -> Result<bool, HcpError> {
        let reader = HcpReader::new(hcp)?;
        let mut sums = S::of(&self.empty);
        for (color, square) in Color::ALL.into_iter().zip(reader.kings()) {
            self.put(&mut sums, Piece::new(color, PieceType::King).code(), square.index());
        }
        let turn = reader.turn();
        let may_fit = |image: &Image| {
            image.turns[turn.index()] && image.asked_of_kings.are_right(sums.as_ref())
        };
        if !self.images.iter().any(may_fit) {
            return Ok(false);
        }
        let hands =
            reader.pieces(|piece, square| self.put(&mut sums, piece.code(), square.index()))?;
        Ok(self.fits(&Board { codes: [0; 81], hands, turn, sums }))
    }
}

impl Other {
    fn fits<S: Sums>(&self, board: &Board<S>) -> bool {
        let sums = board.sums.as_ref();
        let is_true = self.turns.contains(&board.turn)
            || self.count.is_some_and(|(word, bit)| (sums[word] + CARRY) & bit != 0)
            || self
                .hands
                .iter()
                .any(|least| board.hands.iter().zip(least).all(|(hand, least)| hand.covers(least)));
        is_true != self.is_negated
    }
}

impl<S: Sums> Board<S> {
    pub(crate) fn new(matcher: &Matcher, position: &Position) -> Board<S> {
        let mut board = Board {
            codes: [0; 81],
            hands: Color::ALL.map(|color| *position.hand(color)),
            turn: position.turn(),
            sums: S::of(&matcher.empty),
        };
        for square in Square::all() {
            if let Some(piece) = position.piece_on(square) {
                board.codes[square.index()] = piece.code();
                matcher.put(&mut board.sums, piece.code(), square.index());
            }
        }
        board
    }

    /// Makes a move, which is legal if there is no damage; `false` if there is nothing to move or a
    /// king would be taken.
    #[inline]
    #[must_use]
    pub(crate) fn make(&mut self, matcher: &Matcher, bits: u16) -> bool {
        let Some(mv) = Move::from_move16(bits) else { return false };
        let to = mv.to().index();
        let hand = &mut self.hands[self.turn.index()];
        let placed = if let Some(from) = mv.from() {
            let moved = std::mem::take(&mut self.codes[from.index()]);
            let taken = self.codes[to];
            if moved == 0 {
                return false;
            }
            matcher.take(&mut self.sums, moved, from.index());
            if taken != 0 {
                matcher.take(&mut self.sums, taken, to);
                let Some(kind) = PieceType::from_number(taken & 7) else { return false };
                hand.set(kind, hand.count(kind).saturating_add(1));
            }
            moved | u8::from(mv.is_promotion()) << 3
        } else {
            let Some(kind) = mv.dropped() else { return false };
            let Some(left) = hand.count(kind).checked_sub(1) else { return false };
            hand.set(kind, left);
            let taken = self.codes[to];
            matcher.take(&mut self.sums, taken, to);
            Piece::new(self.turn, kind).code()
        };
        matcher.put(&mut self.sums, placed, to);
        self.codes[to] = placed;
        self.turn = self.turn.opponent();
        true
    }
}
