//! Counting the leaves of the tree of moves, the test of move generators.

use crate::position::Position;

/// The number of sequences of `depth` legal moves from a position.
///
/// The moves of the last ply are counted, not made.
///
/// ```
/// use maou_shogi::{Position, perft};
/// assert_eq!(perft(&Position::startpos(), 3), 25_470);
/// ```
pub fn perft(position: &Position, depth: u32) -> u64 {
    fn leaves(position: &mut Position, depth: u32) -> u64 {
        if depth == 1 {
            return position.count_legal_moves() as u64;
        }
        let mut n_leaves = 0;
        for &mv in &position.legal_moves() {
            let undo = position.make(mv);
            n_leaves += leaves(position, depth - 1);
            position.undo(mv, undo);
        }
        n_leaves
    }
    if depth == 0 { 1 } else { leaves(&mut position.clone(), depth) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::{Handicap, Setup};

    /// The published counts from depth 1.
    fn check(sfen: &str, counts: &[u64]) {
        let position = Position::from_sfen(sfen).unwrap();
        let twin = position.flipped();
        for (depth, &count) in (1..).zip(counts) {
            assert_eq!(perft(&position, depth), count, "{sfen} depth {depth}");
            if count < 100_000_000 {
                assert_eq!(perft(&twin, depth), count, "twin of {sfen} depth {depth}");
            }
        }
    }

    #[test]
    fn start_position() {
        let sfen = "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1";
        check(sfen, &[30, 900, 25_470, 719_731, 19_861_490, 547_581_517]);
    }

    #[test]
    fn middle_game_in_check() {
        let sfen = "l6nl/5+P1gk/2np1S3/p1p4Pp/3P2Sp1/1PPb2P1P/P5GS1/R8/LN4bKL w GR5pnsg 1";
        check(sfen, &[207, 28_684, 4_809_015, 516_925_165]);
    }

    #[test]
    fn most_moves() {
        let sfen = "R8/2K1S1SSk/4B4/9/9/9/9/9/1L1L1L3 b RBGSNLP3g3n17p 1";
        check(sfen, &[593, 105_677, 53_393_368]);
    }

    #[test]
    fn handicaps() {
        check(&Setup::handicap(Handicap::Two).to_sfen(), &[26, 780, 19_740, 558_731]);
        check(&Setup::handicap(Handicap::Six).to_sfen(), &[24, 720, 16_740, 473_823]);
    }

    #[test]
    fn forced_promotions() {
        check("7lk/9/8S/9/9/9/9/7L1/8K b P 1", &[85, 639, 10_786]);
    }

    #[test]
    fn pawn_drops_on_full_files() {
        let sfen = "4k4/9/9/9/9/9/PPPPPPPP1/9/4K4 b RBGSNL2Prb3g3s3n3l7p 1";
        check(sfen, &[422, 178_926, 60_729_510]);
    }

    #[test]
    fn depth_zero_is_the_position_itself() {
        assert_eq!(perft(&Position::startpos(), 0), 1);
    }
}
