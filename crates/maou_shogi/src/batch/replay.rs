//! The positions of games.

use std::fmt;

use super::Hcp;
use super::workers::run;
use crate::mv::Move;
use crate::position::Position;

/// A game: its start as SFEN, and its moves in cshogi's 16 bits.
pub type Moves<'a> = (&'a str, &'a [u16]);

/// How many games a thread takes at a time.
const GAMES: usize = 8;

/// What is wrong with a game, and which one it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GameError {
    /// The number of the game, from 0.
    pub game: usize,
    /// What is wrong with it, with the culprit in backticks.
    pub message: String,
}

impl fmt::Display for GameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "game {}: {}", self.game, self.message)
    }
}

impl std::error::Error for GameError {}

/// Writes the position before each move of each game, one after the other.
///
/// # Errors
/// The first game whose start is no position with two kings, or with a move that is not legal.
///
/// # Panics
/// If there is not one place for each move.
pub fn replay(games: &[Moves<'_>], out: &mut [Hcp], threads: usize) -> Result<(), GameError> {
    let mut rest = out;
    let mut jobs = Vec::with_capacity(games.len().div_ceil(GAMES));
    for (number, games) in games.chunks(GAMES).enumerate() {
        let n_moves = games.iter().map(|(_, moves)| moves.len()).sum();
        let (own, others) = rest.split_at_mut(n_moves);
        jobs.push((number * GAMES, games, own));
        rest = others;
    }
    assert!(rest.is_empty(), "a place for each move");
    run(threads, jobs.len(), jobs.into_iter(), |(first, games, mut out)| {
        for (number, (start, moves)) in (first..).zip(games) {
            let (own, others) = out.split_at_mut(moves.len());
            play(start, moves, own).map_err(|message| (number, message))?;
            out = others;
        }
        Ok(())
    })
    .map_err(|(game, message)| GameError { game, message })
}

fn play(start: &str, moves: &[u16], out: &mut [Hcp]) -> Result<(), String> {
    let mut position = Position::from_sfen(start).map_err(|error| {
        format!("expected a start position, found `{start}`: {}", error.message)
    })?;
    for (ply, (&bits, out)) in moves.iter().zip(out).enumerate() {
        *out = position.to_hcp().map_err(|error| error.to_string())?;
        let mv = Move::from_move16(bits).filter(|mv| position.is_legal(*mv)).ok_or_else(|| {
            let found = Move::from_move16(bits).map_or_else(|| bits.to_string(), Move::to_usi);
            format!("expected a legal move at ply {ply}, found `{found}`")
        })?;
        position.make(mv);
    }
    Ok(())
}
