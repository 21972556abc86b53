//! What two datasets share, or a dataset and a training set: the check for leaks.

use std::cmp::Ordering;
use std::ops::Range;

use maou_io::{PlainColumn, Result, Split, TrainingSet};

use crate::index::Index;
use crate::query::{Query, Unit};
use crate::results::{Columns, make, start_of};
use crate::search::{Counter, Hit, Page, Sink};
use crate::segment::{IS_VARIATION, Keys, Segment};

/// What a dataset is compared with.
pub enum Other<'a> {
    /// A dataset, by its index.
    Dataset(&'a Index),
    /// A training set.
    TrainingSet(&'a TrainingSet),
}

/// Positions of an index that are there and are played from, by the color-blind half of their key.
struct Groups<'a> {
    index: &'a Index,
    variations: bool,
    cursors: Vec<Keys<'a>>,
    heads: Vec<Option<(u64, Range<usize>)>>,
    /// Positions that are in the dataset, by segment.
    live: Vec<Vec<Range<u32>>>,
}

/// Where the postings of a group stand: segments and places.
type Group = Vec<(usize, Range<usize>)>;

fn live_ranges(index: &Index) -> Vec<Vec<Range<u32>>> {
    let mut live: Vec<Vec<Range<u32>>> = index.segments.iter().map(|_| Vec::new()).collect();
    for run in &index.runs {
        live[run.segment].push(run.positions.clone());
    }
    live.iter_mut().for_each(|ranges| ranges.sort_unstable_by_key(|range| range.start));
    live
}

fn is_in(ranges: &[Range<u32>], position: u32) -> bool {
    let at = ranges.partition_point(|range| range.end <= position);
    ranges.get(at).is_some_and(|range| range.start <= position)
}

/// Whether a position counts: no game's last one, and of no variation unless they count, too.
fn counts(segment: &Segment, live: &[Range<u32>], position: u32, variations: bool) -> Result<bool> {
    if !is_in(live, position) {
        return Ok(false);
    }
    if position >= segment.meta.n_game_positions {
        return Ok(true);
    }
    if segment.move_at(position)? == 0 {
        return Ok(false);
    }
    if variations || segment.meta.n_variations == 0 {
        return Ok(true);
    }
    let game = segment.game_of(position, 0)?;
    Ok(segment.outcome_at(game)? & IS_VARIATION == 0)
}

impl<'a> Groups<'a> {
    fn new(index: &'a Index, variations: bool) -> Result<Groups<'a>> {
        let mut cursors: Vec<Keys<'a>> = index.segments.iter().map(Segment::keys).collect();
        let heads = cursors.iter_mut().map(Keys::next).collect::<Result<_>>()?;
        Ok(Groups { index, variations, cursors, heads, live: live_ranges(index) })
    }

    /// The next half of a key and where its postings stand.
    fn next(&mut self) -> Result<Option<(u64, Group)>> {
        let Some(half) = self.heads.iter().flatten().map(|(key, _)| key >> 1).min() else {
            return Ok(None);
        };
        let mut group = Group::new();
        for (at, head) in self.heads.iter_mut().enumerate() {
            while let Some((_, places)) = head.take_if(|(key, _)| *key >> 1 == half) {
                group.push((at, places));
                *head = self.cursors[at].next()?;
            }
        }
        Ok(Some((half, group)))
    }

    /// Calls `take` with the positions of a group that count.
    fn each(&self, group: Group, mut take: impl FnMut(usize, u32) -> bool) -> Result<()> {
        for (at, places) in group {
            let segment = &self.index.segments[at];
            for place in places {
                let position = segment.posting(place)?;
                if counts(segment, &self.live[at], position, self.variations)?
                    && !take(at, position)
                {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Whether any position of a group counts.
    fn is_there(&self, group: Group) -> Result<bool> {
        let mut is_there = false;
        self.each(group, |_, _| {
            is_there = true;
            false
        })?;
        Ok(is_there)
    }
}

/// The halves of keys that a training set has in one split.
struct SplitKeys {
    batches: Box<dyn Iterator<Item = Result<Vec<u64>>>>,
    batch: std::vec::IntoIter<u64>,
}

impl SplitKeys {
    fn next(&mut self) -> Result<Option<u64>> {
        loop {
            if let Some(key) = self.batch.next() {
                return Ok(Some(key >> 1));
            }
            match self.batches.next() {
                None => return Ok(None),
                Some(batch) => self.batch = batch?.into_iter(),
            }
        }
    }
}

/// Halves of keys in ascending order, which can be asked for one after the other.
enum Halves<'a> {
    Dataset(Groups<'a>, Option<(u64, Group)>),
    Splits(Vec<(SplitKeys, Option<u64>)>),
}

impl<'a> Halves<'a> {
    fn new(other: &Other<'a>, variations: bool) -> Result<Halves<'a>> {
        match other {
            Other::Dataset(index) => {
                let mut groups = Groups::new(index, variations)?;
                let head = groups.next()?;
                Ok(Halves::Dataset(groups, head))
            }
            Other::TrainingSet(set) => {
                let split = |split: Split| {
                    let batches = Box::new(set.keys(split));
                    let mut keys = SplitKeys { batches, batch: Vec::new().into_iter() };
                    let head = keys.next()?;
                    Ok((keys, head))
                };
                Ok(Halves::Splits(Split::ALL.into_iter().map(split).collect::<Result<_>>()?))
            }
        }
    }

    /// The lowest half that it has not gone past, and whether there is one.
    fn lowest(&self) -> Option<u64> {
        match self {
            Halves::Dataset(_, head) => head.as_ref().map(|(half, _)| *half),
            Halves::Splits(splits) => splits.iter().filter_map(|(_, head)| *head).min(),
        }
    }

    /// Goes past all halves below `half`.
    fn seek(&mut self, half: u64) -> Result<()> {
        match self {
            Halves::Dataset(groups, head) => {
                while head.as_ref().is_some_and(|(found, _)| *found < half) {
                    *head = groups.next()?;
                }
            }
            Halves::Splits(splits) => {
                for (keys, head) in splits {
                    while head.is_some_and(|found| found < half) {
                        *head = keys.next()?;
                    }
                }
            }
        }
        Ok(())
    }

    /// How often it has `half`, below which it has gone past all.
    fn n(&mut self, half: u64) -> Result<u64> {
        match self {
            Halves::Dataset(groups, head) => {
                let Some((_, group)) = head.take_if(|(found, _)| *found == half) else {
                    return Ok(0);
                };
                let mut n = 0;
                groups.each(group, |_, _| {
                    n += 1;
                    true
                })?;
                *head = groups.next()?;
                Ok(n)
            }
            Halves::Splits(splits) => {
                Ok(splits.iter().filter(|(_, head)| *head == Some(half)).count() as u64)
            }
        }
    }

    /// Whether it has `half`, below which it has gone past all.
    fn has(&mut self, half: u64) -> Result<bool> {
        match self {
            Halves::Dataset(groups, head) => {
                let Some((_, group)) = head.take_if(|(found, _)| *found == half) else {
                    return Ok(false);
                };
                let has = groups.is_there(group)?;
                *head = groups.next()?;
                Ok(has)
            }
            Halves::Splits(_) => Ok(self.n(half)? > 0),
        }
    }
}

/// A bit for each position of each segment.
struct Marks(Vec<Vec<u64>>);

impl Marks {
    fn new(index: &Index) -> Marks {
        let words = |segment: &Segment| vec![0; (segment.meta.n_positions as usize).div_ceil(64)];
        Marks(index.segments.iter().map(words).collect())
    }

    fn set(&mut self, segment: usize, position: u32) {
        self.0[segment][position as usize / 64] |= 1 << (position % 64);
    }

    /// The marked positions of a range, in order.
    fn of(&self, segment: usize, range: Range<u32>) -> impl Iterator<Item = u32> {
        let words = range.start / 64..range.end.div_ceil(64);
        words
            .flat_map(move |at| {
                let mut word = self.0[segment][at as usize];
                std::iter::from_fn(move || {
                    (word != 0).then(|| {
                        let bit = word.trailing_zeros();
                        word &= word - 1;
                        at * 64 + bit
                    })
                })
            })
            .filter(move |position| range.contains(position))
    }
}

impl Index {
    /// How many positions or games another one has as well; of the query `unit` and `variations`
    /// count.
    ///
    /// # Errors
    ///
    /// If an index or the training set is damaged, or games of a training set are asked for.
    pub fn count_also_in(&self, other: &Other<'_>, query: &Query) -> Result<u64> {
        let mut counter = Counter::default();
        match query.unit() {
            Unit::Games => self.shared_games(other, query, &mut counter)?,
            Unit::Positions => {
                self.shared_positions(other, query.variations, |_, _| counter.0 += 1)?;
            }
        }
        Ok(counter.0)
    }

    /// The positions or games that another one has as well: the columns of
    /// [`find`](Index::find), and `n`, how often the other one has them. Positions that differ in
    /// nothing but colors, as their twins do, count as equal. Of the query `unit`, `variations`,
    /// `limit` and `offset` count.
    ///
    /// # Errors
    ///
    /// As of [`count_also_in`](Index::count_also_in).
    pub fn also_in(&self, other: &Other<'_>, query: &Query, details: bool) -> Result<Columns> {
        let mut page = Page::new(query);
        let unit = query.unit();
        let n = match unit {
            Unit::Games => {
                self.shared_games(other, query, &mut page)?;
                let count = |hit: &Hit| {
                    let id = self.segments[hit.segment as usize].id_at(hit.row)?;
                    other.games_with(id, query.variations)
                };
                page.hits.iter().map(count).collect::<Result<Vec<_>>>()?
            }
            Unit::Positions => {
                let mut marks = Marks::new(self);
                self.shared_positions(other, query.variations, |segment, position| {
                    marks.set(segment, position);
                })?;
                self.take_marked(&marks, &mut page)?;
                self.count_in(other, &page.hits, query.variations)?
            }
        };
        let mut columns = self.columns_of(&page.hits, unit, details)?;
        columns.push(("n", PlainColumn::U64(n)));
        Ok(columns)
    }

    /// Calls `take` with each position that the other one has, too, in the order of keys.
    fn shared_positions(
        &self,
        other: &Other<'_>,
        variations: bool,
        mut take: impl FnMut(usize, u32),
    ) -> Result<()> {
        let mut ours = Groups::new(self, variations)?;
        let mut theirs = Halves::new(other, variations)?;
        while let Some((half, group)) = ours.next()? {
            theirs.seek(half)?;
            match theirs.lowest().map(|lowest| lowest.cmp(&half)) {
                None => break,
                Some(Ordering::Equal) if theirs.has(half)? => {
                    ours.each(group, |segment, position| {
                        take(segment, position);
                        true
                    })?;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn take_marked(&self, marks: &Marks, page: &mut Page) -> Result<()> {
        for run in &self.runs {
            let segment = &self.segments[run.segment];
            let mut game = run.rows.start;
            for position in marks.of(run.segment, run.positions.clone()) {
                let row = match run.is_games {
                    true => {
                        game = segment.game_of(position, game)?;
                        game
                    }
                    false => position - segment.meta.n_game_positions,
                };
                let (segment, is_game) = (run.segment as u32, run.is_games);
                if !page.hit(Hit { query: 0, is_twin: false, segment, is_game, row, position })? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// How often the other one has each of these positions.
    fn count_in(&self, other: &Other<'_>, hits: &[Hit], variations: bool) -> Result<Vec<u64>> {
        let mut halves: Vec<(u64, usize)> =
            self.keys_of(hits)?.into_iter().map(|key| key >> 1).zip(0..).collect();
        halves.sort_unstable();
        let mut n = vec![0; hits.len()];
        let mut theirs = Halves::new(other, variations)?;
        let mut last = None;
        for (half, hit) in halves {
            n[hit] = match last {
                Some((known, n)) if known == half => n,
                _ => {
                    theirs.seek(half)?;
                    theirs.n(half)?
                }
            };
            last = Some((half, n[hit]));
        }
        Ok(n)
    }

    /// The keys of positions.
    fn keys_of(&self, hits: &[Hit]) -> Result<Vec<u64>> {
        let mut keys = vec![0; hits.len()];
        let mut loose = Vec::new();
        let mut last = None;
        for (at, hit) in hits.iter().enumerate() {
            if !hit.is_game {
                loose.push(at);
                continue;
            }
            let segment = &self.segments[hit.segment as usize];
            let place = (hit.segment, hit.row);
            let (mut position, from) = match last.take() {
                Some((known, position, from)) if known == place => (position, from),
                _ => (start_of(segment, hit.row)?, segment.positions_of(hit.row)?.start),
            };
            for bits in segment.moves(from..hit.position)? {
                make(segment, &mut position, *bits)?;
            }
            keys[at] = position.key();
            last = Some((place, position, hit.position));
        }
        let hits: Vec<Hit> = loose.iter().map(|at| hits[*at]).collect();
        self.each_row(&hits, |number, batch, row| {
            keys[loose[number]] = batch.loose().keys()[row];
            Ok(())
        })?;
        Ok(keys)
    }

    fn shared_games(&self, other: &Other<'_>, query: &Query, sink: &mut dyn Sink) -> Result<()> {
        for run in self.runs.iter().filter(|run| run.is_games) {
            let segment = &self.segments[run.segment];
            for game in run.rows.clone() {
                if !query.variations && segment.outcome_at(game)? & IS_VARIATION != 0 {
                    continue;
                }
                if other.games_with(segment.id_at(game)?, query.variations)? > 0 {
                    let (at, position) = (run.segment as u32, segment.positions_of(game)?.start);
                    let hit = Hit {
                        query: 0,
                        is_twin: false,
                        segment: at,
                        is_game: true,
                        row: game,
                        position,
                    };
                    if !sink.hit(hit)? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}

impl Other<'_> {
    /// How many games have this id.
    fn games_with(&self, id: u64, variations: bool) -> Result<u64> {
        let index = match self {
            Other::Dataset(index) => index,
            Other::TrainingSet(set) => {
                return Err(maou_io::Error::Usage(format!(
                    "{}: expected a dataset, whose games have ids, found a training set",
                    set.path().display()
                )));
            }
        };
        let mut n = 0;
        for (at, segment) in index.segments.iter().enumerate() {
            let order = segment.id_order()?;
            let ids = segment.ids(0..segment.meta.n_games)?;
            let id_of = |game: &u32| ids.get(*game as usize).copied().unwrap_or_default();
            let first = order.partition_point(|game| id_of(game) < id);
            for game in order[first..].iter().take_while(|game| id_of(game) == id) {
                let is_live = index
                    .runs
                    .iter()
                    .any(|run| run.segment == at && run.is_games && run.rows.contains(game));
                if is_live && (variations || segment.outcome_at(*game)? & IS_VARIATION == 0) {
                    n += 1;
                }
            }
        }
        Ok(n)
    }
}
