//! A page of hits in another order than that of the dataset.

use maou_io::Result;

use crate::index::Index;
use crate::query::{Query, SortKey};
use crate::search::{Hit, Sink};
use crate::segment::{NO_DATE, NO_EVAL};

/// Whether there is no value, the value as a number that has its order, and the place among hits.
type Order = (u32, bool, u64, u64);

/// Keeps the first hits in the order that was asked for, and at times a few more.
pub(crate) struct SortedPage<'a> {
    index: &'a Index,
    key: SortKey,
    descending: bool,
    offset: usize,
    /// Hits that are needed.
    n: usize,
    n_seen: u64,
    kept: Vec<(Order, Hit)>,
}

/// A number whose order is that of the integers.
fn of_integer(value: i64) -> u64 {
    value as u64 ^ 1 << 63
}

/// A number whose order is that of the floating point numbers.
fn of_float(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 0 { bits ^ 1 << 63 } else { !bits }
}

impl<'a> SortedPage<'a> {
    pub(crate) fn new(index: &'a Index, query: &Query, key: SortKey) -> SortedPage<'a> {
        let offset = usize::try_from(query.offset).unwrap_or(usize::MAX);
        let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
        SortedPage {
            index,
            key,
            descending: query.descending,
            offset,
            n: offset.saturating_add(limit),
            n_seen: 0,
            kept: Vec::new(),
        }
    }

    fn value_of(&self, hit: &Hit) -> Result<Option<u64>> {
        let segment = &self.index.segments[hit.segment as usize];
        let one = hit.row..hit.row + 1;
        Ok(match (self.key, hit.is_game) {
            (SortKey::Eval, is_game) => {
                let eval = segment.eval_at(hit.position)?;
                (!is_game || eval != NO_EVAL).then(|| of_integer(eval.into()))
            }
            (SortKey::Ply, true) => {
                let first = segment.positions_of(hit.row)?.start;
                Some(u64::from(hit.position - first))
            }
            (SortKey::Ply, false) => {
                let number = segment.loose_numbers(one)?[0];
                number.checked_sub(1).map(u64::from)
            }
            (SortKey::Date, true) => {
                let date = segment.dates(one)?[0];
                (date != NO_DATE).then(|| of_integer(date.into()))
            }
            (SortKey::Rating, true) => {
                let (black, white) =
                    (segment.black_ratings(one.clone())?[0], segment.white_ratings(one)?[0]);
                // The larger one; nothing if neither is a number.
                let rating = black.max(white);
                (!rating.is_nan()).then(|| of_float(rating))
            }
            (SortKey::Id, true) => Some(segment.id_at(hit.row)?),
            (SortKey::NPlies, true) => Some(segment.positions_of(hit.row)?.len() as u64 - 1),
            (_, false) => None,
        })
    }

    fn cut(&mut self) {
        if self.n < self.kept.len() {
            if self.n > 0 {
                self.kept.select_nth_unstable_by_key(self.n - 1, |(order, _)| *order);
            }
            self.kept.truncate(self.n);
        }
    }

    pub(crate) fn into_hits(mut self) -> Vec<Hit> {
        self.cut();
        self.kept.sort_unstable_by_key(|(order, _)| *order);
        self.kept.into_iter().skip(self.offset).map(|(_, hit)| hit).collect()
    }
}

impl Sink for SortedPage<'_> {
    fn hit(&mut self, hit: Hit) -> Result<bool> {
        let value = self.value_of(&hit)?;
        let rank = value.map_or(0, |value| if self.descending { !value } else { value });
        self.kept.push(((hit.query, value.is_none(), rank, self.n_seen), hit));
        self.n_seen += 1;
        if self.kept.len() >= self.n.saturating_mul(2).max(1 << 12) {
            self.cut();
        }
        Ok(self.n > 0)
    }

    fn skip(&mut self, _: u64) -> u64 {
        0
    }

    fn could_skip(&self, n: u64) -> bool {
        n == 0
    }
}
