//! Who plays, when, and how fast.

use std::fmt::Write;

use super::rng::Rng;
use crate::record::{Date, GameRecord};

/// Names of invented programs.
const NAMES: [&str; 24] = [
    "Quartz", "Lantern", "Thistle", "Basalt", "Drift", "Copper", "Larkspur", "Halyard", "Snowmelt",
    "Tinder", "Rivulet", "Saffron", "Waxwing", "Inkstone", "Yarrow", "Kiln", "Lodestar",
    "Mossgate", "Nightjar", "Oakum", "Pebble", "Plover", "Umber", "Windmill",
];

const BUILDS: [&str; 4] = ["1c", "4c", "500k", "gpu"];

/// How a player spends time.
#[derive(Clone, Copy, Debug)]
enum Pace {
    /// Moves within a second or two.
    Fast,
    /// Spends the increment on every move.
    Steady,
    /// Thinks long in the middle of the game.
    Free,
}

/// One side of a game.
#[derive(Clone, Copy, Debug)]
pub(super) struct Player {
    pace: Pace,
    /// Tenths of a rating point.
    pub rating_tenths: i32,
    /// Whether moves from the opening book have an eval.
    pub evals_book: bool,
    /// Centipawns by which this program likes Black's side too much.
    pub bias_cp: i32,
}

impl Player {
    fn new(rng: &mut Rng) -> Player {
        Player {
            pace: *rng.pick(&[Pace::Fast, Pace::Steady, Pace::Steady, Pace::Free]),
            rating_tenths: rng.within(15_000, 45_000),
            evals_book: rng.permille(500),
            bias_cp: rng.noise(120),
        }
    }

    /// Whole seconds for a move at `ply`.
    pub fn seconds(&self, ply: usize, rng: &mut Rng) -> u32 {
        match self.pace {
            Pace::Fast => u32::from(rng.permille(150)),
            Pace::Steady if rng.permille(800) => 10,
            Pace::Steady => rng.below(11),
            Pace::Free if (30..90).contains(&ply) => 8 + rng.below(24),
            Pace::Free => 3 + rng.below(10),
        }
    }
}

/// Draws both players and the day, and writes them into the header of `game`.
pub(super) fn draw_header(rng: &mut Rng, game: &mut GameRecord) -> [Player; 2] {
    let players = [Player::new(rng), Player::new(rng)];
    for name in [&mut game.black, &mut game.white] {
        let version = 1 + rng.below(9);
        let _ = write!(name, "{}_v{version}_{}", rng.pick(&NAMES), rng.pick(&BUILDS));
    }
    // New programs have no rating yet.
    let rating = |player: &Player, rng: &mut Rng| {
        (!rng.permille(30)).then(|| f64::from(player.rating_tenths) / 10.0)
    };
    game.black_rating = rating(&players[0], rng);
    game.white_rating = rating(&players[1], rng);
    let (year, month, day) = (2020 + rng.below(6), 1 + rng.below(12), 1 + rng.below(28));
    game.date = Date::new(year as u16, month as u8, day as u8);
    let _ = write!(
        game.event,
        "generated-300-10F+{}+{}+{year:04}{month:02}{day:02}{:02}{:02}00",
        game.black,
        game.white,
        rng.below(24),
        30 * rng.below(2)
    );
    players
}
