//! Positions for the tests of laws: seeded random games and random sparse boards.

use crate::color::Color;
use crate::piece::{Piece, PieceType};
use crate::position::Position;
use crate::setup::{Handicap, Setup};
use crate::square::Square;

/// Xorshift: the same numbers on every run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % n
    }
}

/// The bytes of hexadecimal digits.
pub(crate) fn hex(text: &str) -> [u8; 32] {
    std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
}

/// Visits the positions of random games from all kinds of starts.
pub(crate) fn random_games(seed: u64, n_games: usize, mut visit: impl FnMut(&mut Position)) {
    let mut random = Random::new(seed);
    for game in 0..n_games {
        let handicap = Handicap::ALL[game % Handicap::ALL.len()];
        let mut position = Position::from_setup(&Setup::handicap(handicap)).unwrap();
        for _ in 0..200 {
            visit(&mut position);
            let moves = position.legal_moves();
            if moves.is_empty() {
                break;
            }
            position.make(moves[random.below(moves.len())]);
        }
    }
}

/// Visits legal positions with few pieces, kings often near each other, some without a king.
pub(crate) fn sparse_positions(
    seed: u64,
    n_positions: usize,
    mut visit: impl FnMut(&mut Position),
) {
    let mut random = Random::new(seed);
    let mut n_visited = 0;
    while n_visited < n_positions {
        let mut setup = Setup::EMPTY;
        let corner = random.below(64);
        let n_pieces = 3 + random.below(12);
        for _ in 0..n_pieces {
            let kind = PieceType::ALL[random.below(14)];
            let color = Color::ALL[random.below(2)];
            let (mut file, mut rank) = (random.below(9), random.below(9));
            if random.below(3) > 0 {
                (file, rank) = (corner / 8 % 5 + file % 5, corner % 5 + rank % 5);
            }
            let square = Square::new(file as u8, rank as u8);
            setup.board[square.index()] = Some(Piece::new(color, kind));
        }
        for color in Color::ALL {
            for kind in PieceType::HAND {
                if random.below(3) == 0 {
                    setup.hands[color.index()].set(kind, 1);
                }
            }
        }
        setup.turn = Color::ALL[random.below(2)];
        if let Ok(mut position) = Position::from_setup(&setup) {
            visit(&mut position);
            n_visited += 1;
        }
    }
}

/// Visits legal positions in which the side to move has a pawn in hand and the other king stands
/// near an edge among many pieces, with nothing in front of it.
pub(crate) fn cornered_kings(seed: u64, n_positions: usize, mut visit: impl FnMut(&Position)) {
    let mut random = Random::new(seed);
    let mut n_visited = 0;
    while n_visited < n_positions {
        let mut setup = Setup::EMPTY;
        let piece = |random: &mut Random| {
            let kind = PieceType::ALL[random.below(14)];
            (kind != PieceType::King).then(|| Piece::new(Color::ALL[random.below(2)], kind))
        };
        let (file, rank) = (random.below(9), random.below(3));
        for (df, dr) in (0..25).map(|i| (i / 5, i % 5)) {
            let (f, r) = (file + df, rank + dr);
            let near = (1..4).contains(&df) && (1..4).contains(&dr);
            if (2..11).contains(&f)
                && (2..11).contains(&r)
                && random.below(100) < [12, 65][near as usize]
            {
                setup.board[9 * (f - 2) + r - 2] = piece(&mut random);
            }
        }
        for _ in 0..random.below(4) {
            setup.board[random.below(81)] = piece(&mut random);
        }
        setup.board[9 * file + rank] = Some(Piece::new(Color::White, PieceType::King));
        setup.board[9 * file + rank + 1] = None;
        setup.hands[0].set(PieceType::Pawn, 1);
        if random.below(2) == 0 {
            setup = setup.flipped();
        }
        if let Ok(position) = Position::from_setup(&setup) {
            visit(&position);
            n_visited += 1;
        }
    }
}
