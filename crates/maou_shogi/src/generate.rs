//! Generated games: legal and varied, with evals and times, for samples, tests and benchmarks.
//!
//! They have the form of games on floodgate: mostly resignations, some mates, few repetitions,
//! declarations, lost times and interruptions; evals follow the material, and whoever wins was
//! winning. Nobody plays well in them.
//!
//! A game only depends on the options and its number: integers only, no clock, no floating point
//! but for the share of repeated openings, so that all machines make the same games.

mod choice;
mod openings;
mod play;
mod players;
mod rng;
#[cfg(test)]
mod tests;

use openings::Openings;
use play::{Plan, Play, Scratch};
use rng::Rng;

use crate::Position;
use crate::record::{CsaOptions, Format, GameRecord, write_csa_with, write_record};

/// What games are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeneratorOptions {
    /// Another seed, other games.
    pub seed: u64,
    /// Share of games, 0 to 1, that begin with one of a few common openings.
    pub repeat_openings: f64,
    /// A game that reaches this number of moves is drawn.
    pub max_plies: u16,
}

impl Default for GeneratorOptions {
    fn default() -> GeneratorOptions {
        GeneratorOptions { seed: 1, repeat_openings: 0.8, max_plies: 512 }
    }
}

/// Makes one game after the other.
///
/// ```
/// use maou_shogi::generate::{GameGenerator, GeneratorOptions};
/// use maou_shogi::record::{Format, GameRecord};
///
/// let mut generator = GameGenerator::new(GeneratorOptions { seed: 7, ..Default::default() });
/// let mut game = GameRecord::default();
/// let mut text = String::new();
/// generator.next_text(Format::Csa, &mut game, &mut text);
/// assert!(text.starts_with("V2.2\nN+"));
/// assert_eq!(game.moves.len(), game.evals_cp.len());
/// ```
#[derive(Clone, Debug)]
pub struct GameGenerator {
    options: GeneratorOptions,
    openings: Openings,
    next_game_idx: u64,
    scratch: Scratch,
}

impl GameGenerator {
    /// A generator that begins with game 0.
    pub fn new(options: GeneratorOptions) -> GameGenerator {
        GameGenerator {
            options,
            openings: Openings::new(),
            next_game_idx: 0,
            scratch: Scratch::default(),
        }
    }

    /// Goes on with the game of this number, counted from 0; games do not depend on each other.
    pub fn seek(&mut self, game_idx: u64) {
        self.next_game_idx = game_idx;
    }

    /// Makes the next game, in place of what `game` holds.
    pub fn next_game(&mut self, game: &mut GameRecord) {
        let mut rng = Rng::new(self.options.seed, self.next_game_idx);
        self.next_game_idx = self.next_game_idx.wrapping_add(1);
        game.clear();
        game.start = Position::startpos();
        let players = players::draw_header(&mut rng, game);
        let plan = Plan::draw(&mut rng);
        // Multiplying by a power of two is exact.
        let repeats = f64::from(rng.bits()) < self.options.repeat_openings * 4_294_967_296.0;
        let opening = if repeats { self.openings.draw(&mut rng) } else { &[] };
        let max_plies = usize::from(self.options.max_plies);
        Play::new(game, players, plan, opening, max_plies, &mut self.scratch, rng).run();
    }

    /// Makes the next game as a record text that ends with a line break.
    ///
    /// CSA comes as floodgate writes it: evals with a line of some moves behind them.
    pub fn next_text(&mut self, format: Format, game: &mut GameRecord, out: &mut String) {
        self.next_game(game);
        match format {
            Format::Csa => drop(write_csa_with(game, FLOODGATE, out)),
            _ => drop(write_record(format, game, out)),
        }
    }
}

/// Makes a game about 7 KB long, as on floodgate.
const FLOODGATE: CsaOptions = CsaOptions { max_line_plies: 8 };
