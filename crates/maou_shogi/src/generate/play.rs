//! Playing one game.

use super::choice::{self, Intent};
use super::players::Player;
use super::rng::Rng;
use crate::record::{Ending, GameRecord, GameResult};
use crate::{Color, History, Move, Position, Repetition, Square};

/// What is to become of a game, drawn before it begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Plan {
    /// Somebody resigns.
    Resign,
    /// The loser plays on until mate.
    Mate,
    /// The side that is behind loses on time, after the ply.
    Time(usize),
    /// Nobody finishes the game.
    Interrupt(usize),
    /// Both sides move to and fro, after the ply.
    Repeat(usize),
    /// The winner enters the promotion zone and declares.
    Declare,
}

impl Plan {
    pub fn draw(rng: &mut Rng) -> Plan {
        match rng.below(1000) {
            0..920 => Plan::Resign,
            920..965 => Plan::Mate,
            965..975 => Plan::Time(rng.within(60, 160) as usize),
            975..980 => Plan::Interrupt(rng.within(20, 140) as usize),
            980..995 => Plan::Repeat(rng.within(50, 130) as usize),
            _ => Plan::Declare,
        }
    }
}

/// Buffers that games use one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    /// Keys of all positions so far.
    keys: Vec<u64>,
    /// Moves that are already settled, the next one last.
    queue: Vec<Move>,
}

/// Evals never reach the numbers that stand for mates.
const MAX_EVAL_CP: i32 = 30_000;

/// A game being played; centipawns are Black's.
pub(super) struct Play<'a> {
    game: &'a mut GameRecord,
    position: Position,
    n_book_plies: usize,
    max_plies: usize,
    players: [Player; 2],
    plan: Plan,
    /// Percent of the usual lead before the loser resigns.
    toughness: i32,
    material_cp: i32,
    /// What the material does not show: a random walk.
    trend_cp: i32,
    /// What the players see: follows material and trend, but not every exchange.
    lead_cp: i32,
    last_to: Option<Square>,
    enters: Option<Color>,
    scratch: &'a mut Scratch,
    rng: Rng,
}

impl<'a> Play<'a> {
    pub fn new(
        game: &'a mut GameRecord,
        players: [Player; 2],
        plan: Plan,
        opening: &[Move],
        max_plies: usize,
        scratch: &'a mut Scratch,
        mut rng: Rng,
    ) -> Play<'a> {
        scratch.keys.clear();
        scratch.queue.clear();
        scratch.queue.extend(opening.iter().rev());
        Play {
            position: game.start.clone(),
            game,
            n_book_plies: opening.len(),
            max_plies,
            players,
            plan,
            toughness: rng.within(70, 150),
            material_cp: 0,
            trend_cp: 0,
            lead_cp: 0,
            last_to: None,
            enters: None,
            scratch,
            rng,
        }
    }

    pub fn run(mut self) {
        self.scratch.keys.push(self.position.key());
        loop {
            let moves = self.position.legal_moves();
            if let Some((ending, result)) = self.ending(&moves) {
                self.game.ending = ending;
                self.game.result = result;
                break;
            }
            let mv = self.next_move(&moves);
            self.push(mv);
        }
        if self.game.ending == Ending::Checkmate {
            self.see_mate();
        }
    }

    fn ply(&self) -> usize {
        self.game.moves.len()
    }

    /// The lead of the side to move.
    fn lead_stm_cp(&self) -> i32 {
        match self.position.turn() {
            Color::Black => self.lead_cp,
            Color::White => -self.lead_cp,
        }
    }

    /// The lead that a winner needs: less in long games, so that they come to an end.
    fn decisive_cp(&self) -> i32 {
        (4800 - 30 * self.ply() as i32).max(1200) * self.toughness / 100
    }

    fn ending(&self, moves: &[Move]) -> Option<(Ending, GameResult)> {
        let turn = self.position.turn();
        let loss = GameResult::win_of(turn.opponent());
        let ply = self.ply();
        if moves.is_empty() {
            return Some((Ending::Checkmate, loss));
        }
        if let Some(end) = self.repetition() {
            return Some(end);
        }
        if ply >= self.max_plies {
            return Some((Ending::MaxMoves, GameResult::Draw));
        }
        if ply < self.n_book_plies || !self.scratch.queue.is_empty() {
            return None;
        }
        match self.plan {
            Plan::Time(after) if ply > after && self.lead_stm_cp() < -400 => {
                return Some((Ending::Time, loss));
            }
            Plan::Interrupt(after) if ply > after => {
                return Some((Ending::Interrupted, GameResult::Unknown));
            }
            Plan::Declare if self.enters == Some(turn) && self.position.can_declare_win() => {
                return Some((Ending::Declaration, GameResult::win_of(turn)));
            }
            Plan::Mate | Plan::Declare => return None,
            _ => {}
        }
        (self.lead_stm_cp() < -self.decisive_cp()).then_some((Ending::Resign, loss))
    }

    /// The end by a fourth occurrence of the position.
    fn repetition(&self) -> Option<(Ending, GameResult)> {
        let (key, earlier) = self.scratch.keys.split_last()?;
        if earlier.iter().filter(|&earlier| earlier == key).count() < 3 {
            return None;
        }
        // Rare enough to build the history only now.
        let mut position = self.game.start.clone();
        let mut history = History::new(&position);
        for &mv in &self.game.moves {
            position.make(mv);
            history.push(&position);
        }
        let turn = position.turn();
        match history.repetition() {
            Repetition::Draw => Some((Ending::Repetition, GameResult::Draw)),
            Repetition::Win => Some((Ending::PerpetualCheck, GameResult::win_of(turn))),
            Repetition::Loss => Some((Ending::PerpetualCheck, GameResult::win_of(turn.opponent()))),
            Repetition::None | Repetition::Superior | Repetition::Inferior => None,
        }
    }

    fn next_move(&mut self, moves: &[Move]) -> Move {
        if let Some(mv) = self.scratch.queue.pop() {
            return mv;
        }
        let turn = self.position.turn();
        let is_decided = self.lead_stm_cp() > self.decisive_cp();
        match self.plan {
            Plan::Repeat(after) if self.ply() > after && self.lead_cp.abs() < 1000 => {
                self.queue_repetition(moves);
                if let Some(mv) = self.scratch.queue.pop() {
                    return mv;
                }
            }
            Plan::Mate if is_decided => {
                if let Some(mv) = self.mate_in_one(moves) {
                    return mv;
                }
            }
            Plan::Declare if is_decided && self.enters.is_none() => self.enters = Some(turn),
            _ => {}
        }
        let intent = Intent { last_to: self.last_to, enters: self.enters == Some(turn) };
        choice::choose(&self.position, moves, intent, &mut self.rng)
    }

    fn mate_in_one(&mut self, moves: &[Move]) -> Option<Move> {
        let mates = |&mv: &Move| {
            let undo = self.position.make(mv);
            let mates = self.position.in_check() && !self.position.has_legal_move();
            self.position.undo(mv, undo);
            mates
        };
        moves.iter().copied().filter(mates).min()
    }

    /// Queues a move and its way back for both sides, three times over, if a first try finds them.
    fn queue_repetition(&mut self, moves: &[Move]) {
        let mut position = self.position.clone();
        let first = choice::choose_any(moves, &mut self.rng);
        let Some(first_back) = way_back(&mut position, first) else { return };
        let replies = position.legal_moves();
        if replies.is_empty() {
            return;
        }
        let second = choice::choose_any(&replies, &mut self.rng);
        let Some(second_back) = way_back(&mut position, second) else { return };
        for mv in [first_back, second_back] {
            if !position.is_legal(mv) {
                return;
            }
            position.make(mv);
            if position.in_check() {
                return;
            }
        }
        for _ in 0..3 {
            self.scratch.queue.extend([second_back, first_back, second, first]);
        }
    }

    /// Plays a move, with its eval and time.
    fn push(&mut self, mv: Move) {
        let turn = self.position.turn();
        let is_book = self.ply() < self.n_book_plies;
        let gain_cp = choice::gain_cp(&self.position, mv);
        let sign = if turn == Color::Black { 1 } else { -1 };
        self.material_cp += sign * gain_cp;
        let rating_lead = self.players[0].rating_tenths - self.players[1].rating_tenths;
        self.trend_cp += self.rng.noise(24) + rating_lead / 5000;
        self.lead_cp += (self.material_cp / 2 + self.trend_cp - self.lead_cp) / 3;
        let player = self.players[turn.index()];
        let noise = self.rng.noise(12 + self.lead_cp.abs() / 16);
        let eval_cp =
            (sign * (self.lead_cp + player.bias_cp) + noise).clamp(-MAX_EVAL_CP, MAX_EVAL_CP);
        let has_eval = !is_book || player.evals_book;
        let seconds = if is_book { 0 } else { player.seconds(self.ply(), &mut self.rng) };
        self.game.moves.push(mv);
        self.game.evals_cp.push(has_eval.then_some(eval_cp as i16));
        self.game.times_ms.push(Some(1000 * seconds));
        self.position.make(mv);
        self.scratch.keys.push(self.position.key());
        self.last_to = Some(mv.to());
    }

    /// Lets the last evals before a mate tell its distance, as engines do.
    fn see_mate(&mut self) {
        for (n_plies, eval_cp) in (1..=5).zip(self.game.evals_cp.iter_mut().rev()) {
            let mate_cp = 32_000 - n_plies;
            if eval_cp.is_some() {
                *eval_cp = Some(if n_plies % 2 == 1 { mate_cp } else { -mate_cp });
            }
        }
    }
}

/// Makes a quiet move and returns the move that takes it back; `None` if it is not quiet enough.
fn way_back(position: &mut Position, mv: Move) -> Option<Move> {
    let from = mv.from()?;
    if mv.is_promotion() || position.piece_on(mv.to()).is_some() {
        return None;
    }
    position.make(mv);
    (!position.in_check()).then(|| Move::board(mv.to(), from, false))
}
