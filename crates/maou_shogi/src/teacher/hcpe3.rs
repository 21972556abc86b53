//! Whole games with the candidates of the search: HCPE3.

use super::{CannotHold, RESULT_FLAGS, TeacherError, TeacherErrorKind, bad_position, legal};
use crate::record::{Ending, GameRecord, GameResult, clamp_eval};
use crate::{Move, Position};

/// Bytes before the moves of a game: hcp\[32\], u16 number of moves, u8 result, u8 opponent.
pub const HCPE3_HEADER_BYTES: usize = 36;

/// Bytes of a move: u16 move16, i16 eval, u16 number of candidates.
const MOVE_BYTES: usize = 6;
/// Bytes of a candidate: u16 move16, u16 visits.
const CANDIDATE_BYTES: usize = 4;
/// More candidates than moves can be legal in any position.
const MAX_CANDIDATES: usize = 600;

/// How many bytes a game takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GameLen {
    /// The next game begins so many bytes further on.
    Whole(usize),
    /// There are fewer bytes than the game takes; so many would tell more.
    Truncated(usize),
    /// At this offset, in bytes, stands a number of candidates that no position has.
    Implausible(usize),
}

/// Walks over the game that `bytes` begin with, and looks at nothing but its structure.
pub fn hcpe3_game_len(bytes: &[u8]) -> GameLen {
    let number = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    if bytes.len() < HCPE3_HEADER_BYTES {
        return GameLen::Truncated(HCPE3_HEADER_BYTES);
    }
    let mut at = HCPE3_HEADER_BYTES;
    for _ in 0..number(32) {
        if bytes.len() < at + MOVE_BYTES {
            return GameLen::Truncated(at + MOVE_BYTES);
        }
        let n_candidates = number(at + 4);
        if n_candidates > MAX_CANDIDATES {
            return GameLen::Implausible(at + 4);
        }
        at += MOVE_BYTES + n_candidates * CANDIDATE_BYTES;
    }
    if bytes.len() < at { GameLen::Truncated(at) } else { GameLen::Whole(at) }
}

/// A game with the candidates of the search at each move.
#[derive(Clone, Debug, PartialEq)]
pub struct Hcpe3Game {
    /// The position before the first move, with move number 1.
    pub start: Position,
    /// The moves that were played, all legal.
    pub moves: Vec<Move>,
    /// The eval before each move, for the side to move, as the record has it.
    pub evals_raw: Vec<i16>,
    /// How many candidates each move has; without any, its position is not for training.
    pub n_candidates: Vec<u16>,
    /// The candidates of all moves one after the other, as move16; all legal.
    pub candidates: Vec<u16>,
    /// How often each candidate was visited.
    pub visits: Vec<u16>,
    /// The result; unknown if the record's is none.
    pub result: GameResult,
    /// [`FLAG_REPETITION`](super::FLAG_REPETITION) and its like.
    pub flags: u8,
    /// Who played: 0 a program against itself, otherwise which side another one was; tools differ
    /// about 1 and 2.
    pub opponent: u8,
    /// Whether the game that it was read from is what is written of it: all of it was read, and
    /// the pieces in hand stood in the usual order.
    pub is_exact: bool,
}

impl Default for Hcpe3Game {
    fn default() -> Hcpe3Game {
        Hcpe3Game {
            start: Position::startpos(),
            moves: Vec::new(),
            evals_raw: Vec::new(),
            n_candidates: Vec::new(),
            candidates: Vec::new(),
            visits: Vec::new(),
            result: GameResult::Unknown,
            flags: 0,
            opponent: 0,
            is_exact: true,
        }
    }
}

impl Hcpe3Game {
    /// Empties everything except `start`, and keeps the allocations.
    pub fn clear(&mut self) {
        self.moves.clear();
        self.evals_raw.clear();
        self.n_candidates.clear();
        self.candidates.clear();
        self.visits.clear();
        self.result = GameResult::Unknown;
        self.flags = 0;
        self.opponent = 0;
        self.is_exact = true;
    }

    /// Reads one whole game, of as many bytes as [`hcpe3_game_len`] says.
    ///
    /// # Errors
    /// What is wrong, and whether the game was kept: up to a move or a candidate that cannot be
    /// played, or as a whole but for an unknown result. Without a legal start there is no game.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), (TeacherError, bool)> {
        self.clear();
        let Some((header, _)) = bytes.split_first_chunk::<HCPE3_HEADER_BYTES>() else {
            let message = format!("expected {HCPE3_HEADER_BYTES} bytes, found {}", bytes.len());
            return Err((TeacherError::new(TeacherErrorKind::Truncated, 0, message), false));
        };
        let hcp = header.first_chunk::<32>().expect("36 bytes begin with 32");
        let mut position = Position::from_hcp(hcp).map_err(|error| (bad_position(error), false))?;
        self.start.clone_from(&position);
        self.is_exact = position.to_hcp() == Ok(*hcp);
        self.opponent = header[35];
        self.flags = header[34] & RESULT_FLAGS;
        self.result = GameResult::from_u8(header[34] & 3).unwrap_or_default();
        let mut at = HCPE3_HEADER_BYTES;
        for _ in 0..u16::from_le_bytes([header[32], header[33]]) {
            if let Err(error) = self.read_move(bytes, &mut position, &mut at) {
                self.is_exact = false;
                return Err((error, true));
            }
        }
        if header[34] & !(RESULT_FLAGS | 3) != 0 || self.result == GameResult::Unknown {
            let message = format!(
                "expected a result of 0, 1 or 2 with flags of 4, 8 and 16, found `{}`",
                header[34]
            );
            self.result = GameResult::Unknown;
            self.flags = 0;
            self.is_exact = false;
            return Err((TeacherError::new(TeacherErrorKind::Result, 34, message), true));
        }
        Ok(())
    }

    /// Reads one move with its candidates, and plays it; what is pushed if it fails is taken back.
    fn read_move(
        &mut self,
        bytes: &[u8],
        position: &mut Position,
        at: &mut usize,
    ) -> Result<(), TeacherError> {
        let number = |at: usize| -> Result<u16, TeacherError> {
            match bytes.get(at..at + 2) {
                Some(pair) => Ok(u16::from_le_bytes([pair[0], pair[1]])),
                None => {
                    let message = "expected another move, found the end".to_owned();
                    Err(TeacherError::new(TeacherErrorKind::Truncated, at, message))
                }
            }
        };
        let bits = number(*at)?;
        let mv = legal(position, Move::from_move16(bits), bits, *at)?;
        let eval = number(*at + 2)? as i16;
        let n_candidates = number(*at + 4)?;
        let n_before = self.candidates.len();
        let mut candidate_at = *at + MOVE_BYTES;
        for _ in 0..n_candidates {
            let candidate = number(candidate_at).and_then(|bits| {
                let mv = legal(position, Move::from_move16(bits), bits, candidate_at)?;
                Ok((mv, number(candidate_at + 2)?))
            });
            match candidate {
                Ok((mv, visits)) => {
                    self.candidates.push(mv.move16());
                    self.visits.push(visits);
                }
                Err(error) => {
                    self.candidates.truncate(n_before);
                    self.visits.truncate(n_before);
                    return Err(error);
                }
            }
            candidate_at += CANDIDATE_BYTES;
        }
        position.make(mv);
        self.moves.push(mv);
        self.evals_raw.push(eval);
        self.n_candidates.push(n_candidates);
        *at = candidate_at;
        Ok(())
    }

    /// Puts the game into a record: evals as the games table has them, none where nothing was
    /// searched; the ending as far as flags, result and the last position tell it.
    pub fn to_record(&self, record: &mut GameRecord) {
        record.clear();
        record.start.clone_from(&self.start);
        record.moves.extend_from_slice(&self.moves);
        let evals = self.evals_raw.iter().zip(&self.n_candidates);
        let eval = |(eval, n): (&i16, &u16)| (*n > 0).then(|| clamp_eval(i64::from(*eval)));
        record.evals_cp.extend(evals.map(eval));
        record.times_ms.resize(self.moves.len(), None);
        record.result = self.result;
        record.ending = self.ending();
    }

    fn ending(&self) -> Ending {
        if self.flags & super::FLAG_REPETITION != 0 {
            return if self.result.winner().is_some() {
                Ending::PerpetualCheck
            } else {
                Ending::Repetition
            };
        }
        if self.flags & super::FLAG_DECLARATION != 0 {
            return Ending::Declaration;
        }
        if self.flags & super::FLAG_MAX_MOVES != 0 {
            return Ending::MaxMoves;
        }
        let mut position = self.start.clone();
        for mv in &self.moves {
            position.make(*mv);
        }
        let is_won = self.result == GameResult::win_of(position.turn().opponent());
        if self.is_exact && is_won && !position.has_legal_move() {
            Ending::Checkmate
        } else {
            Ending::Unknown
        }
    }

    /// Appends the game to `out`, with the pieces in hand in the usual order.
    ///
    /// # Errors
    /// Why the format cannot hold it; then nothing is appended.
    ///
    /// # Panics
    /// If there is not one eval and one number of candidates for each move.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), CannotHold> {
        assert_eq!(self.moves.len(), self.evals_raw.len());
        assert_eq!(self.moves.len(), self.n_candidates.len());
        let hcp = self.start.to_hcp().map_err(|_| CannotHold::MissingKing)?;
        if self.result == GameResult::Unknown {
            return Err(CannotHold::UnknownResult);
        }
        let n_moves = u16::try_from(self.moves.len()).map_err(|_| CannotHold::TooLong)?;
        out.extend_from_slice(&hcp);
        out.extend_from_slice(&n_moves.to_le_bytes());
        out.extend_from_slice(&[self.result as u8 | self.flags & RESULT_FLAGS, self.opponent]);
        let mut first = 0;
        for ((mv, eval), n) in self.moves.iter().zip(&self.evals_raw).zip(&self.n_candidates) {
            out.extend_from_slice(&mv.move16().to_le_bytes());
            out.extend_from_slice(&eval.to_le_bytes());
            out.extend_from_slice(&n.to_le_bytes());
            let end = first + usize::from(*n);
            for (candidate, visits) in self.candidates[first..end].iter().zip(&self.visits[first..])
            {
                out.extend_from_slice(&candidate.to_le_bytes());
                out.extend_from_slice(&visits.to_le_bytes());
            }
            first = end;
        }
        Ok(())
    }

    /// The flags of a game that ended so.
    pub const fn flags_of(ending: Ending) -> u8 {
        match ending {
            Ending::Repetition => super::FLAG_REPETITION,
            Ending::Declaration => super::FLAG_DECLARATION,
            Ending::MaxMoves => super::FLAG_MAX_MOVES,
            _ => 0,
        }
    }
}
