//! Common openings, so that positions come back in many games as they do in real ones.

use super::rng::Rng;
use crate::Move;

/// Lines from the usual start position, the most common first.
const LINES: [&str; 16] = [
    "2g2f 8c8d 2f2e 8d8e 6i7h 4a3b 2e2d 2c2d 2h2d P*2c 2d2h 8e8f 8g8f 8b8f P*8g 8f8b",
    "7g7f 8c8d 2g2f 8d8e 8h7g 3c3d 7i8h 2b7g+ 8h7g 3a2b 3i3h 7a6b 4g4f 6c6d 3h4g 6b6c",
    "7g7f 3c3d 2g2f 8c8d 2f2e 8d8e 6i7h 4a3b 2e2d 2c2d 2h2d 8e8f 8g8f 8b8f 2d3d 2b3c",
    "7g7f 3c3d 2g2f 4c4d 3i4h 8b4b 5i6h 5a6b 6h7h 6b7b 5g5f 3a3b 4i5h 3b4c",
    "7g7f 8c8d 7i6h 3c3d 6h7g 7a6b 5g5f 5c5d 3i4h 3a4b 4i5h 4a3b 6g6f 5a4a 5h6g",
    "7g7f 3c3d 2g2f 5c5d 2f2e 8b5b 5i6h 5d5e 6h7h 5a6b 3i4h 6b7b 4i5h 7b8b",
    "5g5f 8c8d 7g7f 7a6b 2h5h 5c5d 5i4h 5a4b 4h3h 4b3b 3h2h 6a5b 3i3h",
    "7g7f 3c3d 7f7e 8c8d 2h7h 8d8e 5i4h 5a4b 4h3h 4b3b 6g6f 7a6b 3h2h",
    "2g2f 3c3d 7g7f 4c4d 2f2e 2b3c 3i4h 8b2b 5i6h 5a6b 6h7h 6b7b 4i5h",
    "7g7f 3c3d 8h2b+ 3a2b 7i8h 2b3c 8h7g 8c8d 2g2f 8d8e 3i3h 7a6b",
    "2g2f 8c8d 7g7f 4a3b 2f2e 8d8e 8h7g 3c3d 7i6h 2b7g+ 6h7g 3a4b",
    "7g7f 3c3d 6g6f 8c8d 7i7h 7a6b 7h6g 5a4b 2h6h 4b3b 5i4h 5c5d 4h3h",
    "1g1f 3c3d 7g7f 1c1d 2g2f 4c4d 3i4h 3a4b 5g5f 5c5d",
    "7g7f 3c3d 2h6h 8c8d 6g6f 6c6d 7i7h 7a7b 7h6g 7b6c",
    "3g3f 8c8d 7g7f 8d8e 8h7g 3c3d 2h3h 4a3b",
    "9g9f 8c8d 7g7f 8d8e 8h7g 6a5b 5g5f 3c3d",
];

/// The opening book: every line as moves.
#[derive(Clone, Debug)]
pub(super) struct Openings(Vec<Vec<Move>>);

impl Openings {
    pub fn new() -> Openings {
        let moves =
            |line: &str| line.split(' ').filter_map(|usi| Move::from_usi(usi).ok()).collect();
        Openings(LINES.iter().map(|line| moves(line)).collect())
    }

    /// The beginning of a line; the line in place n is taken in proportion to 1/n.
    pub fn draw(&self, rng: &mut Rng) -> &[Move] {
        /// Divisible by all places.
        const SHARE: u32 = 720_720;
        let total: u32 = (1..=LINES.len() as u32).map(|place| SHARE / place).sum();
        let mut left = rng.below(total);
        let mut line = 0;
        while left >= SHARE / (line as u32 + 1) {
            left -= SHARE / (line as u32 + 1);
            line += 1;
        }
        let line = &self.0[line];
        let shortest = 5;
        &line[..shortest + rng.below((line.len() - shortest + 1) as u32) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::{LINES, Openings, Rng};
    use crate::Position;

    #[test]
    fn lines_are_legal() {
        for (line, moves) in LINES.iter().zip(&Openings::new().0) {
            assert_eq!(line.split(' ').count(), moves.len(), "{line}");
            let mut position = Position::startpos();
            for &mv in moves {
                assert!(position.is_legal(mv), "{mv} in {line}");
                position.make(mv);
            }
        }
    }

    #[test]
    fn the_first_line_is_the_most_common() {
        let openings = Openings::new();
        let mut rng = Rng::new(1, 0);
        let drawn: Vec<_> = (0..3000).map(|_| openings.draw(&mut rng)[..5].to_vec()).collect();
        let count = |line: usize| drawn.iter().filter(|d| d[..] == openings.0[line][..5]).count();
        assert!(count(0) > 700 && count(15) > 20, "{} {}", count(0), count(15));
    }
}
