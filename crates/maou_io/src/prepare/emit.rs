//! Games and loose positions as records.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int16Type, UInt8Type, UInt16Type, UInt64Type};
use arrow_array::{Array, LargeListArray, LargeStringArray, PrimitiveArray, RecordBatch};
use arrow_schema::Schema;
use maou_shogi::{Move, Position};

use super::balance::Balance;
use super::record::{Record, Score, WHOLE_SHARE, Width};
use super::spill::{Buffers, Spill};
use crate::manifest::hex;
use crate::positions::PositionsBatch;
use crate::training::manifest::{Policy, Selection, Split};
use crate::training::schema::{MAX_EVAL_CP, UNKNOWN_PLY};

/// The columns of a games file that are read, by name, and those that only a search has.
const COLUMNS: [&str; 5] = ["id", "start", "moves", "evals_cp", "result"];
const SEARCH_COLUMNS: [&str; 2] = ["candidates", "visits"];

/// The indices of the columns of a games file that records are made of.
pub(crate) fn projection(schema: &Schema, policy: Policy) -> Vec<usize> {
    let search: &[&str] = if policy == Policy::Visits { &SEARCH_COLUMNS } else { &[] };
    COLUMNS.iter().chain(search).filter_map(|name| schema.index_of(name).ok()).collect()
}

/// Some columns of a batch of games.
struct Games<'a> {
    ids: &'a [u64],
    starts: &'a LargeStringArray,
    moves: &'a LargeListArray,
    evals_cp: &'a LargeListArray,
    results: &'a [u8],
    search: Option<[&'a LargeListArray; 2]>,
}

impl<'a> Games<'a> {
    /// Of a batch with the columns of [`projection`].
    fn new(batch: &'a RecordBatch) -> Games<'a> {
        Games {
            ids: batch.column(0).as_primitive::<UInt64Type>().values(),
            starts: batch.column(1).as_string(),
            moves: batch.column(2).as_list(),
            evals_cp: batch.column(3).as_list(),
            results: batch.column(4).as_primitive::<UInt8Type>().values(),
            search: batch.columns().get(COLUMNS.len()).map(|candidates| {
                [candidates.as_list(), batch.column(COLUMNS.len() + 1).as_list()]
            }),
        }
    }

    fn n_moves(&self) -> u64 {
        self.moves.values().len() as u64
    }
}

/// Candidates of one ply and the visits of each.
type Candidates<'a> = (&'a [u16], &'a [u16]);

/// What a search tells of one game, ply by ply.
#[derive(Clone, Copy)]
struct Search<'a> {
    candidates: &'a LargeListArray,
    visits: &'a LargeListArray,
    /// Where the plies of the game begin.
    first: [usize; 2],
}

impl<'a> Search<'a> {
    fn of(games: &Games<'a>, row: usize) -> Option<Search<'a>> {
        let [candidates, visits] = games.search?;
        let start = |list: &LargeListArray| list.value_offsets()[row] as usize;
        (candidates.is_valid(row) && visits.is_valid(row)).then(|| Search {
            candidates: candidates.values().as_list(),
            visits: visits.values().as_list(),
            first: [start(candidates), start(visits)],
        })
    }

    fn ply(&self, ply: usize) -> Candidates<'a> {
        let values = |list: &'a LargeListArray, row: usize| {
            let offsets = list.value_offsets();
            let span = offsets[row] as usize..offsets[row + 1] as usize;
            &list.values().as_primitive::<UInt16Type>().values()[span]
        };
        let [candidates, visits] = self.first;
        (values(self.candidates, candidates + ply), values(self.visits, visits + ply))
    }
}

/// Where records go, and which become some.
pub(crate) struct Target<'a> {
    pub(crate) spill: &'a Spill,
    pub(crate) width: Width,
    /// Ranges of keys; the kinds of partitions are train, validation and, of keys alone, excluded.
    pub(crate) n_ranges: usize,
    pub(crate) selection: &'a Selection,
    pub(crate) validation_per_10000: u32,
}

impl Target<'_> {
    fn range(&self, key: u64) -> usize {
        ((u128::from(key) * self.n_ranges as u128) >> 64) as usize
    }

    pub(crate) fn partition(&self, split: Split, range: usize) -> usize {
        split as usize * self.n_ranges + range
    }

    pub(crate) fn excluded(&self, range: usize) -> usize {
        Split::ALL.len() * self.n_ranges + range
    }

    /// The side of a game.
    pub(crate) fn split(&self, game_id: u64) -> Split {
        if game_id % 10_000 < u64::from(self.validation_per_10000) {
            Split::Validation
        } else {
            Split::Train
        }
    }
}

/// What was found while records were made, by split where that matters.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Found {
    pub(crate) n_games: [u64; 2],
    pub(crate) n_loose: [u64; 2],
    /// All positions that were looked at.
    pub(crate) n_positions: u64,
    pub(crate) n_filtered: u64,
    pub(crate) n_loose_filtered: u64,
    pub(crate) n_without_king: u64,
    pub(crate) n_unsearched: u64,
    pub(crate) balance: Balance,
}

impl Found {
    pub(crate) fn add(&mut self, other: &Found) {
        for split in 0..2 {
            self.n_games[split] += other.n_games[split];
            self.n_loose[split] += other.n_loose[split];
        }
        self.n_positions += other.n_positions;
        self.n_filtered += other.n_filtered;
        self.n_loose_filtered += other.n_loose_filtered;
        self.n_without_king += other.n_without_king;
        self.n_unsearched += other.n_unsearched;
        self.balance.merge(&other.balance);
    }
}

/// What is wrong with data, as a sentence without its file.
pub(crate) type Made<T> = Result<T, Wrong>;

/// Why records could not be made.
pub(crate) enum Wrong {
    /// A sentence about the data.
    Data(String),
    /// The spill file could not be written.
    Spill(crate::error::Error),
}

impl From<crate::error::Error> for Wrong {
    fn from(error: crate::error::Error) -> Wrong {
        Wrong::Spill(error)
    }
}

/// Makes records; each thread has its own.
pub(crate) struct Emitter<'a> {
    target: &'a Target<'a>,
    buffers: &'a mut Buffers,
    dataset: u8,
    found: Found,
}

/// One occurrence before it is turned to the side to move.
struct Occurrence<'a> {
    split: Split,
    mv: Move,
    eval_cp: Option<i16>,
    /// `None` if it is not known.
    ply: Option<u32>,
    result: u8,
    candidates: Option<Candidates<'a>>,
}

impl<'a> Emitter<'a> {
    pub(crate) fn new(
        target: &'a Target<'a>,
        buffers: &'a mut Buffers,
        dataset: u8,
    ) -> Emitter<'a> {
        Emitter { target, buffers, dataset, found: Found::default() }
    }

    pub(crate) fn found(self) -> Found {
        self.found
    }

    /// Makes records of those games of a batch, with the columns of [`projection`], that stay.
    /// Returns the number of moves of all.
    pub(crate) fn games(
        &mut self,
        batch: &RecordBatch,
        stays: impl Fn(usize) -> bool,
    ) -> Made<u64> {
        let games = Games::new(batch);
        let start = Position::startpos();
        let start_text = start.to_sfen();
        for row in (0..games.ids.len()).filter(|row| stays(*row)) {
            let text = games.starts.value(row);
            let position = if text == start_text { start.clone() } else { start_of(&games, row)? };
            self.game(&games, row, position)?;
        }
        Ok(games.n_moves())
    }

    fn game(&mut self, games: &Games<'_>, row: usize, mut position: Position) -> Made<()> {
        let id = games.ids[row];
        let split = self.target.split(id);
        let result = games.results[row];
        let search = Search::of(games, row);
        let evals_at = games.evals_cp.value_offsets()[row] as usize;
        let evals: &PrimitiveArray<Int16Type> = games.evals_cp.values().as_primitive();
        let has_evals = evals.null_count() < evals.len();
        let moves = span(games.moves, row);
        self.found.n_games[split as usize] += 1;
        for (ply, bits) in moves.iter().enumerate() {
            let mv = played(&position, *bits).ok_or_else(|| illegal(id, ply, *bits))?;
            let eval_idx = evals_at + ply;
            let is_given = has_evals && evals.is_valid(eval_idx);
            let occurrence = Occurrence {
                split,
                mv,
                eval_cp: is_given.then(|| evals.value(eval_idx)),
                ply: Some(ply as u32),
                result,
                candidates: search.as_ref().map(|search| search.ply(ply)),
            };
            self.position(&position, &occurrence)?;
            position.make(mv);
        }
        Ok(())
    }

    #[inline]
    fn position(&mut self, position: &Position, occurrence: &Occurrence<'_>) -> Made<()> {
        if !self.passes(occurrence) {
            return Ok(());
        }
        if matches!(occurrence.candidates, Some(([], _))) {
            self.found.n_unsearched += 1;
            return Ok(());
        }
        match position.to_hcp_seen() {
            Ok(hcp) => self.push(position.key(), hcp, occurrence),
            Err(_) => {
                self.found.n_without_king += 1;
                Ok(())
            }
        }
    }

    /// Whether the filters on positions leave it.
    fn passes(&mut self, occurrence: &Occurrence<'_>) -> bool {
        self.found.n_positions += 1;
        let Selection { ply, eval_cp, .. } = self.target.selection;
        let has_ply = ply.is_open() || occurrence.ply.is_some_and(|value| ply.contains(value));
        let has_eval = eval_cp.is_open()
            || occurrence.eval_cp.is_some_and(|value| eval_cp.contains(i32::from(value)));
        self.found.n_filtered += u64::from(!(has_ply && has_eval));
        has_ply && has_eval
    }

    fn push(&mut self, key: u64, hcp: [u8; 32], occurrence: &Occurrence<'_>) -> Made<()> {
        let turn = (key & 1) as u8;
        let score = Score::of(occurrence.result, turn);
        self.found.balance.side(turn).add(score, occurrence.eval_cp);
        let eval_cp = occurrence.eval_cp.map(|eval| eval.clamp(-MAX_EVAL_CP, MAX_EVAL_CP));
        // What is known of a ply is below the number that stands for an unknown one.
        let ply =
            occurrence.ply.map_or(UNKNOWN_PLY, |ply| ply.min(u32::from(UNKNOWN_PLY) - 1) as u16);
        let seen = |mv: Move| if turn == 0 { mv.move16() } else { mv.flip().move16() };
        let mut record = Record {
            key: key & !1,
            hcp,
            move16: seen(occurrence.mv),
            eval_cp,
            ply,
            score,
            is_played: true,
            dataset: self.dataset,
            share: WHOLE_SHARE,
        };
        if let Some(candidates) = occurrence.candidates {
            record.share = self.push_candidates(&record, occurrence.split, &seen, candidates)?;
        }
        self.write(occurrence.split, &record)
    }

    /// Writes the candidates that were not played, and returns the share of the one that was.
    fn push_candidates(
        &mut self,
        record: &Record,
        split: Split,
        seen: &impl Fn(Move) -> u16,
        (candidates, visits): Candidates<'_>,
    ) -> Made<u32> {
        let total = visits.iter().map(|n| u64::from(*n)).sum::<u64>();
        if total == 0 {
            return Ok(WHOLE_SHARE);
        }
        let mut played_share = 0;
        for (bits, visits) in candidates.iter().zip(visits) {
            let share = (u64::from(*visits) * u64::from(WHOLE_SHARE) + total / 2) / total;
            let Some(mv) = Move::from_move16(*bits) else {
                return Err(Wrong::Data(format!("expected a move as candidate, found `{bits}`")));
            };
            let candidate =
                Record { move16: seen(mv), share: share as u32, is_played: false, ..*record };
            if candidate.move16 == record.move16 {
                played_share += candidate.share;
            } else {
                self.write(split, &candidate)?;
            }
        }
        Ok(played_share)
    }

    fn write(&mut self, split: Split, record: &Record) -> Made<()> {
        let mut bytes = [0; Width::MAX];
        let target = self.target;
        target.width.write(record, &mut bytes);
        let partition = target.partition(split, target.range(record.key));
        let bytes = &bytes[..target.width.bytes()];
        Ok(self.buffers.push(target.spill, partition, bytes)?)
    }

    /// Makes records of a batch of loose positions, those of validation sources for validation.
    /// Returns the number of all.
    pub(crate) fn loose(
        &mut self,
        batch: &RecordBatch,
        validation_sources: &[String],
    ) -> Made<u64> {
        let table = PositionsBatch::new(batch);
        let results = &self.target.selection.results;
        for row in 0..table.len() {
            if !results.is_empty() && !results.contains(&table.results[row]) {
                self.found.n_loose_filtered += 1;
                continue;
            }
            let is_validation = validation_sources.iter().any(|name| name == table.source(row));
            let split = if is_validation { Split::Validation } else { Split::Train };
            self.found.n_loose[split as usize] += 1;
            let mv = Move::from_move16(table.moves[row]).ok_or_else(|| {
                Wrong::Data(format!("expected a move, found `{}`", table.moves[row]))
            })?;
            let occurrence = Occurrence {
                split,
                mv,
                eval_cp: Some(table.evals_cp[row]),
                ply: u32::from(table.ply(row)).checked_sub(1),
                result: table.results[row],
                candidates: None,
            };
            if !self.passes(&occurrence) {
                continue;
            }
            let key = table.keys[row];
            let mut hcp = *table.position(row);
            if key & 1 == 1 {
                let position = Position::from_hcp(&hcp).and_then(|p| p.to_hcp_seen());
                hcp = position.map_err(|error| Wrong::Data(error.to_string()))?;
            }
            self.push(key, hcp, &occurrence)?;
        }
        Ok(table.len() as u64)
    }

    /// Notes the keys of all positions of some games of a batch as excluded. Returns the number of
    /// moves of all.
    pub(crate) fn exclude_games(
        &mut self,
        batch: &RecordBatch,
        stays: impl Fn(usize) -> bool,
    ) -> Made<u64> {
        let games = Games::new(batch);
        for row in (0..games.ids.len()).filter(|row| stays(*row)) {
            let mut position = start_of(&games, row)?;
            for (ply, bits) in span(games.moves, row).iter().enumerate() {
                let mv = played(&position, *bits);
                let mv = mv.ok_or_else(|| illegal(games.ids[row], ply, *bits))?;
                self.exclude(position.key())?;
                position.make(mv);
            }
        }
        Ok(games.n_moves())
    }

    /// Notes the keys of a batch of loose positions as excluded, and returns how many they are.
    pub(crate) fn exclude_loose(&mut self, batch: &RecordBatch) -> Made<u64> {
        let keys = PositionsBatch::new(batch).keys;
        keys.iter().try_for_each(|key| self.exclude(*key))?;
        Ok(keys.len() as u64)
    }

    /// Notes a key as excluded, whichever color is to move.
    pub(crate) fn exclude(&mut self, key: u64) -> Made<()> {
        let key = key & !1;
        let partition = self.target.excluded(self.target.range(key));
        Ok(self.buffers.push(self.target.spill, partition, &key.to_le_bytes())?)
    }
}

/// The start of a game.
fn start_of(games: &Games<'_>, row: usize) -> Made<Position> {
    let text = games.starts.value(row);
    Position::from_sfen(text).map_err(|error| {
        let id = hex(games.ids[row]);
        Wrong::Data(format!("game {id}: expected a legal start, found `{text}`: {error}"))
    })
}

/// The moves of a game.
fn span(moves: &LargeListArray, row: usize) -> &[u16] {
    let offsets = moves.value_offsets();
    let span = offsets[row] as usize..offsets[row + 1] as usize;
    &moves.values().as_primitive::<UInt16Type>().values()[span]
}

#[inline]
fn played(position: &Position, bits: u16) -> Option<Move> {
    Move::from_move16(bits).filter(|mv| position.is_legal(*mv))
}

fn illegal(id: u64, ply: usize, bits: u16) -> Wrong {
    let found = Move::from_move16(bits).map_or_else(|| bits.to_string(), |mv| mv.to_string());
    let id = hex(id);
    Wrong::Data(format!("game {id}: expected a legal move at ply {ply}, found `{found}`"))
}
