//! The declaration of a win (入玉宣言) and other ways in which a king that got through wins.

use crate::attacks;
use crate::color::Color;
use crate::mv::Move;
use crate::piece::PieceType;
use crate::position::{BISHOP, Position, ROOK};
use crate::square::Square;

/// A rule about kings that reach the enemy camp.
///
/// The two by points ask for the king in the enemy camp and not in check, and for at least ten
/// other pieces of its side there. These and the hand make the points: rooks and bishops, promoted
/// or not, count five, others one. Handicaps change nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Declaration {
    /// 27 points: 28 for Black, 27 for White, as programs play.
    #[default]
    Points27,
    /// 24 points, as professionals play: 31 win; 24 to 30 would only draw.
    Points24,
    /// トライルール: the king reaches the square where the other king starts, 5a for Black and 5i
    /// for White, and cannot be taken there.
    Try,
}

impl Declaration {
    /// All rules.
    pub const ALL: [Declaration; 3] =
        [Declaration::Points27, Declaration::Points24, Declaration::Try];

    /// The name: `27`, `24` or `try`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Declaration::Points27 => "27",
            Declaration::Points24 => "24",
            Declaration::Try => "try",
        }
    }
}

impl Position {
    /// Whether the side to move may declare a win by the 27-point rule.
    ///
    /// Its king stands in the enemy camp and is not in check, at least ten of its other pieces
    /// stand there too, and those with the hand make 28 points for Black or 27 for White: rooks
    /// and bishops, promoted or not, count five, others one. Handicaps change nothing here.
    pub fn can_declare_win(&self) -> bool {
        self.can_declare_win_by(Declaration::Points27)
    }

    /// Whether the side to move wins by a rule: it may declare a win, or its king can go now, or
    /// went, to the square of the try rule.
    pub fn can_declare_win_by(&self, rule: Declaration) -> bool {
        match rule {
            Declaration::Points27 => self.has_points([28, 27][self.turn().index()]),
            Declaration::Points24 => self.has_points(31),
            Declaration::Try => self.can_try(),
        }
    }

    fn can_try(&self) -> bool {
        let Some(king) = self.king(self.turn()) else { return false };
        let goal = match self.turn() {
            Color::Black => Square::new(4, 0),
            Color::White => Square::new(4, 8),
        };
        if king == goal { !self.in_check() } else { self.is_legal(Move::board(king, goal, false)) }
    }

    /// Whether king and pieces of the side to move are in the camp, with so many points.
    fn has_points(&self, points: u32) -> bool {
        let us = self.turn().index();
        let zone = attacks::ZONE[us];
        let Some(king) = self.king(self.turn()) else { return false };
        let king = attacks::bit(king.index());
        if zone & king == 0 || self.in_check() {
            return false;
        }
        let in_camp = self.colors[us] & zone & !king;
        let n_in_camp = in_camp.count_ones();
        let big = self.classes[BISHOP] | self.classes[ROOK];
        let in_hand: u32 = self.hands[us]
            .iter()
            .map(|(kind, count)| match kind {
                PieceType::Bishop | PieceType::Rook => 5 * u32::from(count),
                _ => u32::from(count),
            })
            .sum();
        n_in_camp >= 10 && n_in_camp + 4 * (in_camp & big).count_ones() + in_hand >= points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether Black may declare by a rule, and White with the twin of the board.
    fn check(rule: Declaration, sfen: &str, black: bool, white: bool) {
        let position = Position::from_sfen(sfen).unwrap();
        assert_eq!(position.can_declare_win_by(rule), black, "{rule:?} {sfen}");
        assert_eq!(position.flipped().can_declare_win_by(rule), white, "{rule:?} twin of {sfen}");
    }

    #[test]
    fn points_need_camp_and_pieces() {
        use Declaration::Points27;
        let check = |sfen: &str, black, white| {
            check(Points27, sfen, black, white);
            let position = Position::from_sfen(sfen).unwrap();
            assert_eq!(position.can_declare_win(), black);
        };
        // Ten pieces beside the king, two of them big: 18 points, and pawns in hand.
        let ten = "K+R+B+P+P+P+P2/4+P+P+P+P1/9/9/9/9/9/9/4k4 b";
        check(&format!("{ten} 10P 1"), true, true);
        check(&format!("{ten} 9P 1"), false, true);
        check(&format!("{ten} 8P 1"), false, false);
        // A rook in hand counts five.
        check(&format!("{ten} R5P 1"), true, true);
        check(&format!("{ten} R4P 1"), false, true);
        // Nine pieces are too few, however many points.
        check("K+R+B+P+P+P+P2/4+P+P+P2/9/9/9/9/9/9/4k4 b RB9P 1", false, false);
        // The king must be there, and not in check.
        check("1+R+B+P+P+P+P2/4+P+P+P+P1/9/K8/9/9/9/9/4k4 b R9P 1", false, false);
        check("K+R+B+P+P+P+P2/4+P+P+P+P1/9/9/9/9/9/9/4k3b b R9P 1", false, false);
        // Nobody without a king.
        check("1+R+B+P+P+P+P2/4+P+P+P+P1/9/9/9/9/9/9/4k4 b R9P 1", false, false);
    }

    #[test]
    fn by_the_24_point_rule_31_points_win_for_both() {
        let ten = "K+R+B+P+P+P+P2/4+P+P+P+P1/9/9/9/9/9/9/4k4 b";
        check(Declaration::Points24, &format!("{ten} RG7P 1"), true, true);
        check(Declaration::Points24, &format!("{ten} RG6P 1"), false, false);
        check(Declaration::Points24, &format!("{ten} RB3P 1"), true, true);
        check(
            Declaration::Points24,
            "K+R+B+P+P+P+P2/4+P+P+P2/9/9/9/9/9/9/4k4 b RB9P 1",
            false,
            false,
        );
    }

    #[test]
    fn a_try_is_a_king_that_can_go_to_where_the_other_one_started() {
        let check = |sfen, expected| check(Declaration::Try, sfen, expected, expected);
        check("9/4K4/9/9/9/9/9/9/k8 b - 1", true);
        check("9/3K5/9/9/9/9/9/9/k8 b - 1", true);
        check("4K4/9/9/9/9/9/9/9/k8 b - 1", true);
        // Too far, an own piece, a guard, a capture, another square of the rank.
        check("9/9/4K4/9/9/9/9/9/k8 b - 1", false);
        check("4G4/4K4/9/9/9/9/9/9/k8 b - 1", false);
        check("8r/4K4/9/9/9/9/9/9/k8 b - 1", false);
        check("4g4/4K4/9/9/9/9/9/9/k8 b - 1", true);
        check("3K5/9/9/9/9/9/9/9/k7r b - 1", true);
        check("4K4/9/9/9/9/9/9/9/k3r4 b - 1", false);
        check("9/9/9/9/9/9/9/9/k8 b - 1", false);
    }

    #[test]
    fn names_are_pinned() {
        assert_eq!(Declaration::ALL.map(Declaration::as_str), ["27", "24", "try"]);
    }
}
