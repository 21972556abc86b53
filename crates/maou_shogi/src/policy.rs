//! Moves as classes of a policy network, in two schemes, and masks of the legal ones.

use crate::attacks::for_each_square;
use crate::color::Color;
use crate::movegen::Sink;
use crate::mv::Move;
use crate::piece::PieceType;
use crate::position::Position;
use crate::square::Square;

/// The classes of dlshogi's scheme: 27 kinds of moves to 81 squares.
pub const N_LABELS_2187: usize = 27 * 81;

/// The classes of the scheme that leaves out what no move can be.
pub const N_LABELS_1496: usize = 1496;

/// How moves are numbered for a policy network, as the side to move sees the board (turned by 180°
/// for White).
///
/// ```
/// use maou_shogi::{Color, Move, PolicyScheme};
/// let mv = |usi| Move::from_usi(usi).unwrap();
/// assert_eq!(PolicyScheme::Labels2187.label(mv("7g7f"), Color::Black), Some(59));
/// assert_eq!(PolicyScheme::Labels2187.label(mv("3c3d"), Color::White), Some(59));
/// assert_eq!(PolicyScheme::Labels1496.label(mv("7g7f"), Color::Black), Some(53));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyScheme {
    /// dlshogi's: 81 · kind of move + target. Kinds: the directions up, up left, up right, left,
    /// right, down, down left, down right, knight left, knight right (0–9), the same with
    /// promotion (10–19), drops of P L N S B R G (20–26). Left is towards the larger file.
    Labels2187,
    /// The classes of the former that some legal move has, in the same order.
    Labels1496,
}

impl PolicyScheme {
    /// Both schemes.
    pub const ALL: [PolicyScheme; 2] = [PolicyScheme::Labels2187, PolicyScheme::Labels1496];

    /// The number of classes, by which a scheme is called.
    #[inline]
    pub const fn n_labels(self) -> usize {
        match self {
            PolicyScheme::Labels2187 => N_LABELS_2187,
            PolicyScheme::Labels1496 => N_LABELS_1496,
        }
    }

    /// The scheme with this number of classes.
    pub const fn from_n_labels(n_labels: usize) -> Option<PolicyScheme> {
        match n_labels {
            N_LABELS_2187 => Some(PolicyScheme::Labels2187),
            N_LABELS_1496 => Some(PolicyScheme::Labels1496),
            _ => None,
        }
    }

    /// The class of a move of this side. Nothing if no piece moves like this, or the scheme has no
    /// class for it, which is so of no legal move.
    #[inline]
    pub fn label(self, mv: Move, turn: Color) -> Option<usize> {
        let mv = if turn == Color::White { mv.flip() } else { mv };
        match self {
            PolicyScheme::Labels2187 => label_of::<Labels2187>(mv),
            PolicyScheme::Labels1496 => label_of::<Labels1496>(mv),
        }
    }

    /// The legal move of this class, of which there is at most one. Nothing if there is none, or
    /// the scheme has no such class.
    ///
    /// ```
    /// use maou_shogi::{PolicyScheme, Position};
    /// let mv = PolicyScheme::Labels2187.legal_move(59, &Position::startpos()).unwrap();
    /// assert_eq!(mv.to_string(), "7g7f");
    /// ```
    pub fn legal_move(self, label: usize, position: &Position) -> Option<Move> {
        let flip = if position.turn() == Color::White { 80 } else { 0 };
        let seen = move_of(self.label_2187(label)?, |square| {
            position.board[view(square, flip)].is_some()
        })?;
        let mv = if flip == 0 { seen } else { seen.flip() };
        position.is_legal(mv).then_some(mv)
    }

    /// The class of dlshogi's scheme that is this class, if there is such a class.
    #[inline]
    pub const fn label_2187(self, label: usize) -> Option<usize> {
        match self {
            PolicyScheme::Labels2187 if label < N_LABELS_2187 => Some(label),
            PolicyScheme::Labels1496 if label < N_LABELS_1496 => Some(WIDE[label] as usize),
            _ => None,
        }
    }

    /// The class that dlshogi's class is in this scheme. Nothing if it has none.
    #[inline]
    pub const fn from_label_2187(self, label: usize) -> Option<usize> {
        match self {
            PolicyScheme::Labels2187 if label < N_LABELS_2187 => Some(label),
            PolicyScheme::Labels1496 if label < N_LABELS_2187 && NARROW[label] != NONE => {
                Some(NARROW[label] as usize)
            }
            _ => None,
        }
    }
}

/// No piece moves like this.
const NONE: u16 = u16::MAX;

/// File and rank steps of the ten directions as Black sees them, larger files to the left: up, up
/// left, up right, left, right, down, down left, down right, and the knight's two.
const DIRECTIONS: [(i32, i32); 10] =
    [(0, -1), (1, -1), (-1, -1), (1, 0), (-1, 0), (0, 1), (1, 1), (-1, 1), (1, -2), (-1, -2)];

/// The knight's directions are the last.
const FIRST_KNIGHT: usize = 8;
/// Added to the kind of a move that promotes.
const PROMOTION: usize = 10;
/// The kind of the first drop; the others follow in the order P L N S B R G.
const DROPS: usize = 20;

/// The class of Black's moves without promotion, by origin and target.
static LABELS: [[u16; 81]; 81] = {
    let mut table = [[NONE; 81]; 81];
    let mut from = 0;
    while from < 81 {
        let mut direction = 0;
        while direction < 10 {
            let (file_step, rank_step) = DIRECTIONS[direction];
            let mut file = from / 9 + file_step;
            let mut rank = from % 9 + rank_step;
            while file >= 0 && file < 9 && rank >= 0 && rank < 9 {
                let to = 9 * file + rank;
                table[from as usize][to as usize] = (81 * direction as i32 + to) as u16;
                if direction >= FIRST_KNIGHT {
                    break;
                }
                file += file_step;
                rank += rank_step;
            }
            direction += 1;
        }
        from += 1;
    }
    table
};

/// Whether some legal move of Black's is of this kind and to this square.
const fn occurs(kind: usize, to: i32) -> bool {
    let rank = to % 9;
    if kind >= DROPS {
        // Pawns and lances on the last rank, knights on the last two could not move again.
        let first_rank = match kind - DROPS {
            0 | 1 => 1,
            2 => 2,
            _ => 0,
        };
        return rank >= first_rank;
    }
    let (direction, promotes) = (kind % PROMOTION, kind >= PROMOTION);
    let is_knight = direction >= FIRST_KNIGHT;
    if is_knight && !promotes && rank < 2 {
        return false;
    }
    let (file_step, rank_step) = DIRECTIONS[direction];
    let (mut file, mut rank) = (to / 9 - file_step, rank - rank_step);
    while file >= 0 && file < 9 && rank >= 0 && rank < 9 {
        // Promotion needs the zone at one end.
        if !promotes || to % 9 < 3 || rank < 3 {
            return true;
        }
        if is_knight {
            return false;
        }
        file -= file_step;
        rank -= rank_step;
    }
    false
}

/// The class among 1,496 by that among 2,187.
static NARROW: [u16; N_LABELS_2187] = {
    let mut table = [NONE; N_LABELS_2187];
    let mut n_found = 0;
    let mut label = 0;
    while label < N_LABELS_2187 {
        if occurs(label / 81, (label % 81) as i32) {
            table[label] = n_found;
            n_found += 1;
        }
        label += 1;
    }
    assert!(n_found as usize == N_LABELS_1496);
    table
};

/// The class among 2,187 by that among 1,496.
static WIDE: [u16; N_LABELS_1496] = {
    let mut table = [0; N_LABELS_1496];
    let mut label = 0;
    while label < N_LABELS_2187 {
        if NARROW[label] != NONE {
            table[NARROW[label] as usize] = label as u16;
        }
        label += 1;
    }
    table
};

/// The class among 1,496 of Black's moves, without and with promotion, by origin and target.
static NARROW_LABELS: [[[u16; 81]; 81]; 2] = {
    let mut table = [[[NONE; 81]; 81]; 2];
    let mut from = 0;
    while from < 81 {
        let mut to = 0;
        while to < 81 {
            let label = LABELS[from][to];
            if label != NONE {
                table[0][from][to] = NARROW[label as usize];
                table[1][from][to] = NARROW[label as usize + 81 * PROMOTION];
            }
            to += 1;
        }
        from += 1;
    }
    table
};

/// A scheme whose tables are known when a loop is compiled.
pub(crate) trait Labels {
    const N: usize;

    /// The class of Black's move, or a number above all classes.
    fn board(from: usize, to: usize, is_promotion: bool) -> usize;

    /// The class of a drop of the kind with this number.
    fn drop(kind: usize, to: usize) -> usize;
}

/// dlshogi's scheme.
pub(crate) struct Labels2187;

impl Labels for Labels2187 {
    const N: usize = N_LABELS_2187;

    #[inline(always)]
    fn board(from: usize, to: usize, is_promotion: bool) -> usize {
        LABELS[from][to] as usize + if is_promotion { 81 * PROMOTION } else { 0 }
    }

    #[inline(always)]
    fn drop(kind: usize, to: usize) -> usize {
        81 * (DROPS + kind - 1) + to
    }
}

/// The scheme of what can occur.
pub(crate) struct Labels1496;

impl Labels for Labels1496 {
    const N: usize = N_LABELS_1496;

    #[inline(always)]
    fn board(from: usize, to: usize, is_promotion: bool) -> usize {
        NARROW_LABELS[is_promotion as usize][from][to] as usize
    }

    #[inline(always)]
    fn drop(kind: usize, to: usize) -> usize {
        NARROW[Labels2187::drop(kind, to)] as usize
    }
}

/// The class of Black's move, if it has one.
#[inline(always)]
pub(crate) fn label_of<L: Labels>(mv: Move) -> Option<usize> {
    let to = mv.to().index();
    let label = match (mv.from(), mv.dropped()) {
        (Some(from), _) => L::board(from.index(), to, mv.is_promotion()),
        (None, Some(kind)) => L::drop(kind.index(), to),
        (None, None) => return None,
    };
    (label < L::N).then_some(label)
}

/// Black's move of a class among 2,187 on a board whose occupied squares are told: it comes from
/// the first of them in its direction.
#[inline(always)]
pub(crate) fn move_of(label: usize, is_occupied: impl Fn(usize) -> bool) -> Option<Move> {
    let (kind, to) = (label / 81, Square::from_index((label % 81) as u8)?);
    if kind >= DROPS {
        return Some(Move::drop(PieceType::from_number((kind - DROPS + 1) as u8)?, to));
    }
    let direction = kind % PROMOTION;
    let (file_step, rank_step) = DIRECTIONS[direction];
    let (mut file, mut rank) = (i32::from(to.file()), i32::from(to.rank()));
    loop {
        (file, rank) = (file - file_step, rank - rank_step);
        if !(0..9).contains(&file) || !(0..9).contains(&rank) {
            return None;
        }
        let from = Square::new(file as u8, rank as u8);
        if is_occupied(from.index()) {
            return Some(Move::board(from, to, kind >= PROMOTION));
        }
        if direction >= FIRST_KNIGHT {
            return None;
        }
    }
}

/// The square as a side sees it whose squares count from the other corner if `flip` is 80.
#[inline(always)]
fn view(square: usize, flip: usize) -> usize {
    if flip == 0 { square } else { flip - square }
}

/// A mask being filled: 1 for the class of each legal move.
pub(crate) struct Mask<'a, L> {
    classes: &'a mut [u8],
    /// 80 if White is to move, whose squares count from the other corner, otherwise 0.
    flip: usize,
    scheme: std::marker::PhantomData<L>,
}

impl<'a, L: Labels> Mask<'a, L> {
    /// A mask without a move, in place of what was there.
    ///
    /// # Panics
    /// If there are not as many bytes as classes.
    #[inline(always)]
    pub(crate) fn new(classes: &'a mut [u8], flip: usize) -> Mask<'a, L> {
        assert_eq!(classes.len(), L::N, "a mask has a byte for each class");
        classes.fill(0);
        Mask { classes, flip, scheme: std::marker::PhantomData }
    }

    #[inline(always)]
    fn board(&mut self, from: usize, to: usize, is_promotion: bool) {
        let label = L::board(view(from, self.flip), view(to, self.flip), is_promotion);
        self.classes[label] = 1;
    }
}

impl<L: Labels> Sink for Mask<'_, L> {
    #[inline(always)]
    fn steps(&mut self, step: i32, plain: u128, promoting: u128) {
        for_each_square!(to in plain => {
            self.board((to as i32 - step) as usize, to, false);
        });
        for_each_square!(to in promoting => {
            self.board((to as i32 - step) as usize, to, true);
        });
    }

    #[inline(always)]
    fn moves(&mut self, from: usize, plain: u128, promoting: u128) {
        for_each_square!(to in plain => {
            self.board(from, to, false);
        });
        for_each_square!(to in promoting => {
            self.board(from, to, true);
        });
    }

    #[inline(always)]
    fn drops(&mut self, kinds: &[u8], targets: u128) {
        for &kind in kinds {
            for_each_square!(to in targets => {
                self.classes[L::drop(kind as usize, view(to, self.flip))] = 1;
            });
        }
    }
}

impl Position {
    /// Writes 1 for the class of each legal move and 0 for all others.
    ///
    /// # Panics
    /// If there are not as many bytes as the scheme has classes.
    #[inline]
    pub fn legal_mask(&self, scheme: PolicyScheme, mask: &mut [u8]) {
        let flip = if self.turn() == Color::White { 80 } else { 0 };
        match scheme {
            PolicyScheme::Labels2187 => self.generate(&mut Mask::<Labels2187>::new(mask, flip)),
            PolicyScheme::Labels1496 => self.generate(&mut Mask::<Labels1496>::new(mask, flip)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{random_games, sparse_positions};

    const BOTH: [PolicyScheme; 2] = PolicyScheme::ALL;

    /// As dlshogi numbers them.
    #[test]
    fn labels_are_pinned() {
        for (usi, black, white) in [
            ("7g7f", 59, 5 * 81 + 80 - 59),
            ("3c3d", 5 * 81 + 21, 59),
            ("8h2b+", 12 * 81 + 10, 16 * 81 + 70),
            ("5i6h", 81 + 52, 7 * 81 + 28),
            ("2h7h", 3 * 81 + 61, 4 * 81 + 19),
            ("8i7g", 9 * 81 + 60, NONE as usize),
            ("8i9g", 8 * 81 + 78, NONE as usize),
            ("2a3c+", NONE as usize, 19 * 81 + 60),
            ("P*5e", 20 * 81 + 40, 20 * 81 + 40),
            ("L*1a", 21 * 81, 21 * 81 + 80),
            ("N*5e", 22 * 81 + 40, 22 * 81 + 40),
            ("S*5e", 23 * 81 + 40, 23 * 81 + 40),
            ("B*5e", 24 * 81 + 40, 24 * 81 + 40),
            ("R*5e", 25 * 81 + 40, 25 * 81 + 40),
            ("G*9i", 26 * 81 + 80, 26 * 81),
            ("1a3b", NONE as usize, NONE as usize),
        ] {
            let mv = Move::from_usi(usi).unwrap();
            for (turn, label) in [(Color::Black, black), (Color::White, white)] {
                let expected = (label != NONE as usize).then_some(label);
                assert_eq!(PolicyScheme::Labels2187.label(mv, turn), expected, "{usi} {turn}");
            }
        }
    }

    /// How many classes of each kind there are, as the scheme's definition lists them.
    #[test]
    fn the_classes_of_the_narrow_scheme_are_pinned() {
        let per_kind: Vec<usize> = (0..27)
            .map(|kind| NARROW[81 * kind..81 * (kind + 1)].iter().filter(|l| **l != NONE).count())
            .collect();
        assert_eq!(per_kind[..10], [72, 64, 64, 72, 72, 72, 64, 64, 40, 40]);
        assert_eq!(per_kind[10..20], [27, 24, 24, 24, 24, 72, 49, 49, 24, 24]);
        assert_eq!(per_kind[20..], [72, 72, 63, 81, 81, 81, 81]);
        for (usi, label) in [
            ("1b1a", 0),
            ("7g7f", 53),
            ("1c1a+", 624),
            ("P*1b", 965),
            ("L*1b", 965 + 72),
            ("N*1c", 965 + 144),
            ("S*1a", 965 + 207),
            ("B*1a", 965 + 288),
            ("R*1a", 965 + 369),
            ("G*1a", 965 + 450),
            ("G*9i", 1495),
        ] {
            let mv = Move::from_usi(usi).unwrap();
            assert_eq!(PolicyScheme::Labels1496.label(mv, Color::Black), Some(label), "{usi}");
        }
        for usi in ["2c1a", "P*1a", "N*1b", "5e5d+"] {
            let mv = Move::from_usi(usi).unwrap();
            assert_eq!(PolicyScheme::Labels1496.label(mv, Color::Black), None, "{usi}");
        }
    }

    #[test]
    fn the_schemes_map_onto_each_other() {
        let [wide, narrow] = BOTH;
        for label in 0..N_LABELS_1496 {
            let other = narrow.label_2187(label).unwrap();
            assert_eq!(narrow.from_label_2187(other), Some(label));
            assert_eq!(wide.from_label_2187(other), Some(other));
        }
        let mapped = (0..N_LABELS_2187).filter_map(|label| narrow.from_label_2187(label));
        assert!(mapped.eq(0..N_LABELS_1496), "in the same order, and all of them");
        for scheme in BOTH {
            assert_eq!(scheme.label_2187(scheme.n_labels()), None);
            assert_eq!(scheme.from_label_2187(N_LABELS_2187), None);
            assert_eq!(PolicyScheme::from_n_labels(scheme.n_labels()), Some(scheme));
        }
        assert_eq!(PolicyScheme::from_n_labels(1), None);
    }

    #[test]
    fn a_mask_holds_the_labels_of_the_legal_moves_and_labels_lead_back() {
        let mut occurred = vec![false; N_LABELS_1496];
        let mut check = |position: &mut Position| {
            let moves = position.legal_moves();
            for scheme in BOTH {
                let mut expected = vec![0; scheme.n_labels()];
                for &mv in &moves {
                    let label = scheme.label(mv, position.turn()).unwrap();
                    assert_eq!(expected[label], 0, "{mv} has a class of its own");
                    expected[label] = 1;
                    if scheme == PolicyScheme::Labels1496 {
                        occurred[label] = true;
                    }
                }
                // What was in the mask before does not matter.
                let mut mask = vec![7; scheme.n_labels()];
                position.legal_mask(scheme, &mut mask);
                assert_eq!(mask, expected);
                for (label, &is_legal) in expected.iter().enumerate() {
                    let mv = scheme.legal_move(label, position);
                    assert_eq!(mv.is_some(), is_legal == 1);
                    let again = mv.and_then(|mv| scheme.label(mv, position.turn()));
                    assert!(mv.is_none() || again == Some(label));
                    assert!(mv.is_none_or(|mv| moves.contains(&mv)));
                }
            }
        };
        random_games(31, 32, &mut check);
        sparse_positions(32, 2_000, &mut check);
        assert!(occurred.iter().all(|occurred| *occurred), "no class is for nothing");
    }
}
