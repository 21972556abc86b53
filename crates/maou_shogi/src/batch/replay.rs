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

/// What games were, position by position, one game after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// The position before each move.
    pub rows: Vec<Hcp>,
    /// The number of its game, from 0.
    pub game_idx: Vec<u32>,
    /// How many moves of the game were made before.
    pub plies: Vec<u32>,
    /// The move.
    pub moves: Vec<u16>,
}

/// The positions before each move of each game.
///
/// # Errors
/// The first game whose start is no position with two kings, or with a move that is not legal.
pub fn replay(games: &[Moves<'_>], threads: usize) -> Result<Replayed, GameError> {
    let n_moves = games.iter().map(|(_, moves)| moves.len()).sum();
    let mut replayed = Replayed { rows: vec![[0; 32]; n_moves], ..Replayed::default() };
    let mut rest = &mut replayed.rows[..];
    let mut jobs = Vec::with_capacity(games.len().div_ceil(GAMES));
    for (number, games) in games.chunks(GAMES).enumerate() {
        let n_moves = games.iter().map(|(_, moves)| moves.len()).sum();
        let (own, others) = rest.split_at_mut(n_moves);
        jobs.push((number * GAMES, games, own));
        rest = others;
    }
    run(threads, jobs.len(), jobs.into_iter(), |(first, games, mut rows)| {
        for (number, (start, moves)) in (first..).zip(games) {
            let (own, others) = rows.split_at_mut(moves.len());
            play(start, moves, own).map_err(|message| (number, message))?;
            rows = others;
        }
        Ok(())
    })
    .map_err(|(game, message)| GameError { game, message })?;
    for (number, (_, moves)) in (0..).zip(games) {
        replayed.game_idx.extend(std::iter::repeat_n(number, moves.len()));
        replayed.plies.extend(0..moves.len() as u32);
        replayed.moves.extend_from_slice(moves);
    }
    Ok(replayed)
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
