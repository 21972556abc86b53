//! Left and right swapped: file 1 becomes file 9.

use crate::mv::Move;
use crate::position::Position;
use crate::setup::Setup;
use crate::square::Square;

impl Square {
    /// The square on the same rank, as far from the other edge.
    #[inline]
    pub const fn mirror(self) -> Square {
        Square::new(8 - self.file(), self.rank())
    }
}

impl Move {
    /// The same move with left and right swapped.
    pub const fn mirror(self) -> Move {
        match (self.from(), self.dropped()) {
            (Some(from), _) => Move::board(from.mirror(), self.to().mirror(), self.is_promotion()),
            (None, Some(kind)) => Move::drop(kind, self.to().mirror()),
            (None, None) => unreachable!(),
        }
    }
}

impl Setup {
    /// The arrangement with left and right swapped; hands and turn stay.
    pub fn mirrored(&self) -> Setup {
        let mut board = [None; 81];
        for square in Square::all() {
            board[square.mirror().index()] = self.board[square.index()];
        }
        Setup { board, ..self.clone() }
    }
}

impl Position {
    /// The position with left and right swapped; its legal moves are those of this one, mirrored.
    pub fn mirrored(&self) -> Position {
        let setup = self.to_setup().mirrored();
        Position::from_setup(&setup).expect("the mirror image of a legal position is legal")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random_games;

    #[test]
    fn moves_of_the_mirror_image_are_mirrored() {
        random_games(45, 16, |position| {
            let mirrored = position.mirrored();
            assert_eq!(mirrored.mirrored(), *position);
            assert_eq!(mirrored.turn(), position.turn());
            let sorted = |mut moves: Vec<Move>| {
                moves.sort_unstable();
                moves
            };
            let expected = position.legal_moves().iter().map(|mv| mv.mirror()).collect();
            assert_eq!(sorted(mirrored.legal_moves().to_vec()), sorted(expected));
        });
    }

    #[test]
    fn files_change_and_ranks_do_not() {
        let mirror = |usi: &str| Move::from_usi(usi).unwrap().mirror().to_usi();
        assert_eq!([mirror("7g7f"), mirror("8h2b+"), mirror("P*1e")], ["3g3f", "2h8b+", "P*9e"]);
        assert_eq!(
            Position::startpos().mirrored().to_sfen(),
            "lnsgkgsnl/1b5r1/ppppppppp/9/9/9/PPPPPPPPP/1R5B1/LNSGKGSNL b - 1"
        );
    }
}
