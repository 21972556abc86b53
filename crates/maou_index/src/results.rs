//! Hits as columns.

use std::collections::BTreeMap;

use maou_io::{
    ArrowStream, Error, GAMES_PER_BATCH, POSITIONS_PER_BATCH, PlainColumn, Result, TableBatch,
    TableFile, map_in_order, n_threads,
};
use maou_shogi::{Move, Position};

use crate::build::is_same;
use crate::index::Index;
use crate::query::{Query, Unit};
use crate::search::{Counter, Hit, Page, Search};
use crate::segment::{Dictionary, ENDING_SHIFT, NO_DATE, NO_EVAL, Segment};
use crate::sorted::SortedPage;

/// Keys of many that a thread counts at once.
const KEYS_AT_ONCE: usize = 1 << 10;

/// Columns with their names.
pub type Columns = Vec<(&'static str, PlainColumn)>;

impl Index {
    /// How many games or positions a query has; without regard to `limit` and `offset`.
    ///
    /// # Errors
    ///
    /// If the index is damaged, or the query cannot be answered.
    pub fn count(&self, query: &Query) -> Result<u64> {
        let mut counter = Counter::default();
        Search::new(self, query)?.run(&mut counter)?;
        Ok(counter.0)
    }

    /// How many a query has for each of its keys.
    ///
    /// # Errors
    ///
    /// As of [`count`](Index::count).
    pub fn count_each(&self, query: &Query) -> Result<Vec<u64>> {
        let search = Search::new(self, query)?;
        let keys = query.keys.as_deref().unwrap_or_default();
        let count = |key: &u64| {
            let mut counter = Counter::default();
            search.exact(0, *key, &mut counter)?;
            Ok(counter.0)
        };
        let counts = |keys: &[u64]| keys.iter().map(count).collect::<Result<Vec<_>>>();
        let n_threads = n_threads(query.threads);
        if n_threads < 2 || keys.len() < 4 * KEYS_AT_ONCE {
            return counts(keys);
        }
        let chunks: Vec<&[u64]> = keys.chunks(KEYS_AT_ONCE).collect();
        let make_worker = || |at: usize| counts(chunks[at]);
        let counted = map_in_order(n_threads, chunks.len(), make_worker, &mut || true);
        Ok(counted.into_iter().flatten().collect::<Result<Vec<_>>>()?.concat())
    }

    /// The games or positions that a query asks for, as columns: `query` if `with_query`, and then
    /// `game`, `shard` and `row`; of positions `ply`, `move`, `eval_cp` and `result`, of games
    /// `n_plies` and `result`. With `details` also what the dataset knows of them, for which the
    /// batches of its files are read that hold them.
    ///
    /// # Errors
    ///
    /// As of [`count`](Index::count); with details also if a file of the dataset cannot be read or
    /// is another one by now.
    pub fn find(&self, query: &Query, with_query: bool, details: bool) -> Result<Columns> {
        let hits = self.hits(query)?;
        let mut columns = Vec::new();
        if with_query {
            let queries = hits.iter().map(|hit| hit.query).collect();
            columns.push(("query", PlainColumn::U32(queries)));
        }
        columns.extend(self.columns_of(&hits, query.unit(), details)?);
        Ok(columns)
    }

    pub(crate) fn columns_of(&self, hits: &[Hit], unit: Unit, details: bool) -> Result<Columns> {
        let mut columns = Columns::new();
        match unit {
            Unit::Positions => self.positions(hits, &mut columns)?,
            Unit::Games => self.games(hits, &mut columns)?,
        }
        if details {
            self.details(hits, unit, &mut columns)?;
        }
        Ok(columns)
    }

    pub(crate) fn hits(&self, query: &Query) -> Result<Vec<Hit>> {
        let search = Search::new(self, query)?;
        if let Some(key) = query.sort {
            let mut page = SortedPage::new(self, query, key);
            search.run(&mut page)?;
            return Ok(page.into_hits());
        }
        let mut page = Page::new(query);
        search.run(&mut page)?;
        Ok(page.hits)
    }

    fn segment(&self, hit: &Hit) -> &Segment {
        &self.segments[hit.segment as usize]
    }

    /// Where hits stand in the dataset.
    fn places(&self, hits: &[Hit], columns: &mut Columns) -> Result<()> {
        let n = hits.len();
        let (mut games, mut shards, mut rows) =
            (Vec::with_capacity(n), Vec::with_capacity(n), Vec::with_capacity(n));
        for hit in hits {
            let segment = self.segment(hit);
            let (file, row) = segment.file_of(hit.is_game, hit.row)?;
            games.push(if hit.is_game { Some(segment.id_at(hit.row)?) } else { None });
            shards.push(segment.meta.files[file].number);
            rows.push(row);
        }
        columns.push(("game", PlainColumn::OptionU64(games)));
        columns.push(("shard", PlainColumn::U32(shards)));
        columns.push(("row", PlainColumn::U32(rows)));
        Ok(())
    }

    fn result_of(&self, hit: &Hit) -> Result<u8> {
        let segment = self.segment(hit);
        Ok(match hit.is_game {
            true => segment.outcome_at(hit.row)? & 3,
            false => segment.loose_results(hit.row..hit.row + 1)?[0],
        })
    }

    pub(crate) fn ply_of(&self, hit: &Hit) -> Result<Option<u32>> {
        let segment = self.segment(hit);
        if hit.is_game {
            return Ok(Some(hit.position - segment.positions_of(hit.row)?.start));
        }
        let number = segment.loose_numbers(hit.row..hit.row + 1)?[0];
        Ok(number.checked_sub(1).map(u32::from))
    }

    fn positions(&self, hits: &[Hit], columns: &mut Columns) -> Result<()> {
        self.places(hits, columns)?;
        let n = hits.len();
        let (mut plies, mut moves, mut evals, mut results) = (
            Vec::with_capacity(n),
            Vec::with_capacity(n),
            Vec::with_capacity(n),
            Vec::with_capacity(n),
        );
        for hit in hits {
            let segment = self.segment(hit);
            plies.push(self.ply_of(hit)?);
            let mv = segment.move_at(hit.position)?;
            moves.push((mv != 0 || !hit.is_game).then_some(mv));
            let eval = segment.eval_at(hit.position)?;
            evals.push((eval != NO_EVAL || !hit.is_game).then_some(eval));
            results.push(self.result_of(hit)?);
        }
        columns.push(("ply", PlainColumn::OptionU32(plies)));
        columns.push(("move", PlainColumn::OptionU16(moves)));
        columns.push(("eval_cp", PlainColumn::OptionI16(evals)));
        columns.push(("result", PlainColumn::U8(results)));
        Ok(())
    }

    fn games(&self, hits: &[Hit], columns: &mut Columns) -> Result<()> {
        self.places(hits, columns)?;
        let n_plies = hits.iter().map(|hit| {
            let positions = self.segment(hit).positions_of(hit.row)?;
            Ok(positions.len() as u32 - 1)
        });
        columns.push(("n_plies", PlainColumn::U32(n_plies.collect::<Result<_>>()?)));
        let results = hits.iter().map(|hit| self.result_of(hit)).collect::<Result<_>>()?;
        columns.push(("result", PlainColumn::U8(results)));
        Ok(())
    }

    fn details(&self, hits: &[Hit], unit: Unit, columns: &mut Columns) -> Result<()> {
        let mut sources = vec![String::new(); hits.len()];
        let mut hcps = vec![None; hits.len()];
        self.each_row(hits, |hit, batch, row| {
            if hits[hit].is_game {
                batch.games().get(row).source.clone_into(&mut sources[hit]);
            } else {
                let loose = batch.loose();
                loose.source(row).clone_into(&mut sources[hit]);
                hcps[hit] = Some(*loose.hcp(row));
            }
            Ok(())
        })?;
        let mut sfens = Vec::with_capacity(hits.len());
        let mut texts: [Vec<Option<String>>; 4] = Default::default();
        let mut ratings: [Vec<Option<f64>>; 2] = Default::default();
        let mut dates = Vec::with_capacity(hits.len());
        for (hit, hcp) in hits.iter().zip(&hcps) {
            let position = match hcp {
                Some(hcp) => self.loose_position(hit, hcp)?,
                None => self.position(hit, unit)?,
            };
            sfens.push(position.to_sfen());
            if !hit.is_game {
                texts.iter_mut().for_each(|texts| texts.push(None));
                ratings.iter_mut().for_each(|ratings| ratings.push(None));
                dates.push(None);
                continue;
            }
            let (segment, one) = (self.segment(hit), hit.row..hit.row + 1);
            let ending = segment.outcome_at(hit.row)? >> ENDING_SHIFT & 31;
            let codes = [
                (Dictionary::Players, segment.blacks(one.clone())?[0]),
                (Dictionary::Players, segment.whites(one.clone())?[0]),
                (Dictionary::Events, segment.events(one.clone())?[0]),
                (Dictionary::Endings, ending.into()),
            ];
            for (texts, (dictionary, code)) in texts.iter_mut().zip(codes) {
                texts.push(Some(segment.text(dictionary, code)?.to_owned()));
            }
            let numbers =
                [segment.black_ratings(one.clone())?[0], segment.white_ratings(one.clone())?[0]];
            for (ratings, number) in ratings.iter_mut().zip(numbers) {
                ratings.push((!number.is_nan()).then_some(number));
            }
            let date = segment.dates(one)?[0];
            dates.push((date != NO_DATE).then_some(date));
        }
        let [black, white, event, ending] = texts;
        let [black_rating, white_rating] = ratings;
        let sfen = if unit == Unit::Games { "start" } else { "sfen" };
        columns.push((sfen, PlainColumn::Text(sfens)));
        columns.push(("black", PlainColumn::OptionText(black)));
        columns.push(("white", PlainColumn::OptionText(white)));
        columns.push(("black_rating", PlainColumn::OptionF64(black_rating)));
        columns.push(("white_rating", PlainColumn::OptionF64(white_rating)));
        columns.push(("date", PlainColumn::OptionDate(dates)));
        columns.push(("event", PlainColumn::OptionText(event)));
        columns.push(("ending", PlainColumn::OptionText(ending)));
        columns.push(("source", PlainColumn::Text(sources)));
        Ok(())
    }

    /// The row of the games table with this id, the first one if there are more; variations count.
    ///
    /// # Errors
    ///
    /// As of [`find`](Index::find) with details.
    pub fn game(&self, id: u64) -> Result<Option<ArrowStream>> {
        let query = Query {
            ids: Some(id..=id),
            unit: Some(Unit::Games),
            variations: true,
            limit: Some(1),
            ..Query::default()
        };
        let mut found = None;
        self.each_row(&self.hits(&query)?, |_, batch, row| {
            found = Some(batch.row(row));
            Ok(())
        })?;
        Ok(found)
    }

    /// Calls `look` with each hit's number, the batch of the dataset that holds it, and the row in
    /// that batch. Each batch is read once.
    pub(crate) fn each_row(
        &self,
        hits: &[Hit],
        mut look: impl FnMut(usize, &TableBatch, usize) -> Result<()>,
    ) -> Result<()> {
        let mut wanted: BTreeMap<(usize, usize), Vec<(usize, usize)>> = BTreeMap::new();
        for (number, hit) in hits.iter().enumerate() {
            let (file, row) = self.file_of(hit)?;
            let size = if hit.is_game { GAMES_PER_BATCH } else { POSITIONS_PER_BATCH };
            let row = row as usize;
            wanted.entry((file, row / size)).or_default().push((number, row % size));
        }
        let mut open = None;
        for ((file, batch), rows) in wanted {
            let table = match &mut open {
                Some((at, table)) if *at == file => table,
                other => &mut other.insert((file, self.files[file].open()?)).1,
            };
            let changed = || Error::Corrupt {
                path: table.path().to_owned(),
                message: "expected the file that the index knows, found another; open the index \
                          again"
                    .to_owned(),
            };
            if batch >= table.n_batches() {
                return Err(changed());
            }
            let batch = table.batch(batch)?;
            for (number, row) in rows {
                let hit = &hits[number];
                let is_it = row < batch.n_rows()
                    && if hit.is_game {
                        batch.games().get(row).id == self.segment(hit).id_at(hit.row)?
                    } else {
                        batch.loose().moves()[row] == self.segment(hit).move_at(hit.position)?
                    };
                if !is_it {
                    return Err(changed());
                }
                look(number, &batch, row)?;
            }
        }
        Ok(())
    }

    /// The number of the dataset's file that holds a hit, and the row in it.
    fn file_of(&self, hit: &Hit) -> Result<(usize, u32)> {
        let segment = self.segment(hit);
        let (file, row) = segment.file_of(hit.is_game, hit.row)?;
        let held = &segment.meta.files[file];
        let is_it = |file: &TableFile| is_same(held, file);
        let found = self.files.iter().position(is_it);
        Ok((found.ok_or_else(|| segment.map.damaged("expected files of the dataset"))?, row))
    }

    pub(crate) fn loose_position(&self, hit: &Hit, hcp: &[u8; 32]) -> Result<Position> {
        let segment = self.segment(hit);
        let mut position = Position::from_hcp(hcp).map_err(|error| Error::Corrupt {
            path: self.data.clone(),
            message: format!("loose position: {error}; `maou verify` tells more"),
        })?;
        let number = segment.loose_numbers(hit.row..hit.row + 1)?[0];
        position.set_move_number(number.max(1));
        Ok(position)
    }

    /// The position of a hit in a game, replayed from what the index knows; the start of a game
    /// that is asked for as a whole.
    pub(crate) fn position(&self, hit: &Hit, unit: Unit) -> Result<Position> {
        let segment = self.segment(hit);
        let first = segment.positions_of(hit.row)?.start;
        let mut position = start_of(segment, hit.row)?;
        if unit == Unit::Positions {
            for bits in segment.moves(first..hit.position)? {
                make(segment, &mut position, *bits)?;
            }
        }
        Ok(position)
    }
}

/// The position in which a game starts.
pub(crate) fn start_of(segment: &Segment, game: u32) -> Result<Position> {
    let code = segment.starts(game..game + 1)?[0];
    Position::from_sfen(segment.text(Dictionary::Starts, code)?)
        .map_err(|error| segment.map.damaged(format_args!("start: {error}")))
}

/// Plays a move of a segment. It was legal when the segment was built; one that cannot even be
/// made is of a segment that was made up.
#[inline]
pub(crate) fn make(segment: &Segment, position: &mut Position, bits: u16) -> Result<()> {
    match Move::from_move16(bits) {
        Some(mv) if is_playable(position, mv) => {
            position.make(mv);
            Ok(())
        }
        _ => Err(segment.map.damaged("expected moves that can be played")),
    }
}

/// Whether there is something to move.
#[inline]
fn is_playable(position: &Position, mv: Move) -> bool {
    match (mv.from(), mv.dropped()) {
        (Some(from), _) => position.piece_on(from).is_some(),
        (None, Some(kind)) => position.hand(position.turn()).count(kind) > 0,
        (None, None) => false,
    }
}
