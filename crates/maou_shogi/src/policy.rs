//! Moves as classes of a policy network, in dlshogi's scheme of 2,187.

use crate::attacks::for_each_square;
use crate::color::Color;
use crate::movegen::Sink;
use crate::mv::Move;

/// The number of classes: 27 kinds of moves to 81 squares.
pub const N_POLICY_LABELS: usize = 27 * 81;

/// No piece moves like this.
const NONE: u16 = u16::MAX;

/// File and rank steps of the ten directions as Black sees them, larger files to the left: up, up
/// left, up right, left, right, down, down left, down right, and the knight's two.
const DIRECTIONS: [(i32, i32); 10] =
    [(0, -1), (1, -1), (-1, -1), (1, 0), (-1, 0), (0, 1), (1, 1), (-1, 1), (1, -2), (-1, -2)];

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
                if direction >= 8 {
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

/// Added to the class of a move that promotes.
const PROMOTION: usize = 10 * 81;
/// The class of the first drop; the kinds follow in the order P L N S B R G.
const DROPS: usize = 20 * 81;

/// The class of a move among dlshogi's 2,187: 81 · kind of move + target, as the side to move sees
/// the board (turned by 180° for White). Nothing if no piece moves like this.
///
/// Kinds: the directions up, up left, up right, left, right, down, down left, down right, knight
/// left, knight right (0–9), the same with promotion (10–19), drops of P L N S B R G (20–26).
///
/// ```
/// use maou_shogi::{Color, Move, policy_label_2187};
/// let label = |usi, turn| policy_label_2187(Move::from_usi(usi).unwrap(), turn);
/// assert_eq!(label("7g7f", Color::Black), Some(59));
/// assert_eq!(label("3c3d", Color::White), Some(59));
/// ```
pub fn policy_label_2187(mv: Move, turn: Color) -> Option<usize> {
    let mv = if turn == Color::White { mv.flip() } else { mv };
    let to = mv.to().index();
    let Some(from) = mv.from() else { return Some(81 * (mv.origin() - 81) + DROPS + to) };
    match LABELS[from.index()][to] {
        NONE => None,
        label if mv.is_promotion() => Some(label as usize + PROMOTION),
        label => Some(label as usize),
    }
}

/// A mask being filled: 1 for the class of each legal move.
pub(crate) struct Mask<'a> {
    pub(crate) classes: &'a mut [u8; N_POLICY_LABELS],
    /// 80 if White is to move, whose squares count from the other corner, otherwise 0.
    pub(crate) flip: usize,
}

impl Mask<'_> {
    /// The square as the side to move sees it.
    #[inline(always)]
    fn view(&self, square: usize) -> usize {
        if self.flip == 0 { square } else { self.flip - square }
    }

    #[inline(always)]
    fn board(&mut self, from: usize, to: usize, promotion: usize) {
        let label = LABELS[self.view(from)][self.view(to)] as usize + promotion;
        self.classes[label] = 1;
    }

    #[inline(always)]
    fn drop(&mut self, kind: u8, to: usize) {
        self.classes[DROPS + 81 * (kind as usize - 1) + self.view(to)] = 1;
    }
}

impl Sink for Mask<'_> {
    #[inline(always)]
    fn steps(&mut self, step: i32, plain: u128, promoting: u128) {
        for_each_square!(to in plain => {
            self.board((to as i32 - step) as usize, to, 0);
        });
        for_each_square!(to in promoting => {
            self.board((to as i32 - step) as usize, to, PROMOTION);
        });
    }

    #[inline(always)]
    fn moves(&mut self, from: usize, plain: u128, promoting: u128) {
        for_each_square!(to in plain => {
            self.board(from, to, 0);
        });
        for_each_square!(to in promoting => {
            self.board(from, to, PROMOTION);
        });
    }

    #[inline(always)]
    fn drops(&mut self, kinds: &[u8], targets: u128) {
        for &kind in kinds {
            for_each_square!(to in targets => {
                self.drop(kind, to);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Position;
    use crate::testing::{random_games, sparse_positions};

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
                assert_eq!(policy_label_2187(mv, turn), expected, "{usi} {turn}");
            }
        }
    }

    #[test]
    fn a_mask_holds_the_labels_of_the_legal_moves() {
        let check = |position: &mut Position| {
            let mut expected = [0; N_POLICY_LABELS];
            let moves = position.legal_moves();
            for &mv in &moves {
                expected[policy_label_2187(mv, position.turn()).unwrap()] = 1;
            }
            // What was in the mask before does not matter.
            let mut mask = [7; N_POLICY_LABELS];
            position.legal_mask_2187(&mut mask);
            assert_eq!(mask, expected);
            assert_eq!(mask.iter().filter(|&&legal| legal == 1).count(), moves.len());
        };
        random_games(31, 32, check);
        sparse_positions(32, 2_000, check);
    }
}
