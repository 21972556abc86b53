//! Attackers of a square, pins, moves that check, and mates.

use crate::attacks::{self as at, BLACK, WHITE, bit, for_each_square};
use crate::bitboard::Bitboard;
use crate::checks::{checkers_and_blockers, snipers, step_attackers};
use crate::color::Color;
use crate::mv::Move;
use crate::position::Position;
use crate::square::Square;

impl Position {
    /// The pieces of a side that attack a square, whatever stands there; pinned ones too.
    pub fn attackers(&self, color: Color, square: Square) -> Bitboard {
        Bitboard::from_bits(match color {
            Color::Black => attackers::<WHITE>(self, square.index(), self.colors[BLACK]),
            Color::White => attackers::<BLACK>(self, square.index(), self.colors[WHITE]),
        })
    }

    /// The pieces of a side that alone stand between their own king and a slider: they may only
    /// move along its line.
    pub fn pinned(&self, color: Color) -> Bitboard {
        let king = self.king_index(color.index());
        if king >= 81 {
            return Bitboard::EMPTY;
        }
        let (_, blockers) = match color {
            Color::Black => checkers_and_blockers::<BLACK>(self, king),
            Color::White => checkers_and_blockers::<WHITE>(self, king),
        };
        Bitboard::from_bits(blockers & self.colors[color.index()])
    }

    /// Whether a legal move checks the opponent's king.
    ///
    /// The caller knows that the move is legal ([`is_legal`](Position::is_legal) tells).
    pub fn gives_check(&self, mv: Move) -> bool {
        let mut next = self.clone();
        next.make(mv);
        next.in_check()
    }

    /// Whether the side to move is in check and has no legal move.
    pub fn is_checkmate(&self) -> bool {
        self.in_check() && !self.has_legal_move()
    }

    /// A legal move that mates, the first one in the order of
    /// [`legal_moves`](Position::legal_moves).
    ///
    /// A pawn that is dropped never mates: that is no legal move.
    pub fn mate_in_one(&self) -> Option<Move> {
        self.king(self.turn().opponent())?;
        let mut next = self.clone();
        self.legal_moves().iter().copied().find(|&mv| {
            let undo = next.make(mv);
            let is_mate = next.is_checkmate();
            next.undo(mv, undo);
            is_mate
        })
    }
}

/// The pieces among `them` (the opponents of `US`) that attack a square.
fn attackers<const US: usize>(position: &Position, square: usize, them: u128) -> u128 {
    let occupied = position.occupied_bits();
    let mut found = step_attackers::<US>(&position.classes, square, them);
    for_each_square!(sniper in snipers::<US>(&position.classes, square, them) => {
        if at::between(square, sniper) & occupied == 0 {
            found |= bit(sniper);
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{cornered_kings, random_games, sparse_positions};

    fn check_relations(position: &Position) {
        for color in Color::ALL {
            for square in Square::all() {
                let slow: Bitboard = position
                    .pieces_of(color)
                    .iter()
                    .filter(|&from| position.attacks_from(from).contains(square))
                    .collect();
                assert_eq!(position.attackers(color, square), slow, "{position:?} {square}");
            }
            // A piece is pinned if its king is attacked by a slider once it is gone.
            let pinned: Bitboard = position
                .pieces_of(color)
                .iter()
                .filter(|&square| {
                    let Some(king) = position.king(color).filter(|&king| king != square) else {
                        return false;
                    };
                    let mut setup = position.to_setup();
                    setup.board[square.index()] = None;
                    setup.turn = color;
                    // The other king may stand in check now; nobody asks.
                    let other = position.king(color.opponent());
                    if let Some(other) = other {
                        setup.board[other.index()] = None;
                    }
                    let without = Position::from_setup(&setup).unwrap();
                    let before = position.attackers(color.opponent(), king);
                    let after = without.attackers(color.opponent(), king);
                    !(after & !before).is_empty()
                })
                .collect();
            assert_eq!(position.pinned(color), pinned, "{position:?}");
        }
        if let Some(king) = position.king(position.turn()) {
            assert_eq!(position.checkers(), position.attackers(position.turn().opponent(), king));
        }
    }

    fn check_mates(position: &Position) {
        let mut mates = Vec::new();
        for &mv in &position.legal_moves() {
            let mut next = position.clone();
            next.make(mv);
            assert_eq!(position.gives_check(mv), next.in_check());
            let is_mate = next.in_check() && next.legal_moves().is_empty();
            assert_eq!(next.is_checkmate(), is_mate);
            mates.extend(is_mate.then_some(mv));
        }
        assert_eq!(position.mate_in_one(), mates.first().copied(), "{position:?}");
    }

    #[test]
    fn relations_and_mates_are_those_of_the_definition() {
        random_games(451, 4, |position| {
            check_relations(position);
            check_mates(position);
        });
        sparse_positions(452, 500, |position| {
            check_relations(position);
            check_mates(position);
        });
        let mut n_mates = 0;
        cornered_kings(453, 500, |position| {
            check_mates(position);
            n_mates += usize::from(position.mate_in_one().is_some());
        });
        assert!(n_mates > 10, "{n_mates}");
    }

    #[test]
    fn known_mates() {
        let mate =
            |sfen: &str| Position::from_sfen(sfen).unwrap().mate_in_one().map(|mv| mv.to_usi());
        assert_eq!(mate("4k4/9/4P4/9/9/9/9/9/9 b G 1").as_deref(), Some("G*5b"));
        // A mate by a dropped pawn, P*9b, is forbidden; one by a pawn on the board is not.
        assert_eq!(mate("k8/2G6/1G7/9/9/9/9/9/9 b P 1").as_deref(), Some("7b8b"));
        assert_eq!(mate("8k/9/7+RP/9/9/9/9/9/K8 b - 1").as_deref(), Some("1c1b"));
        assert_eq!(mate("9/9/4P4/9/9/9/9/9/4K4 b G 1"), None);
    }
}
