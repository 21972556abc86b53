//! Which games of a segment are asked for.

use maou_io::Result;

use crate::index::Run;
use crate::query::{Query, Span, is_like};
use crate::segment::{Dictionary, ENDING_SHIFT, IS_VARIATION, NO_DATE, Segment};

/// The codes of the texts that are asked for.
struct Codes(Vec<u64>);

impl Codes {
    fn of(segment: &Segment, dictionary: Dictionary, pattern: &str) -> Result<Codes> {
        let n = segment.n_texts(dictionary);
        let mut bits = vec![0; n.div_ceil(64)];
        for code in 0..n {
            if is_like(segment.text(dictionary, code as u32)?, pattern) {
                bits[code / 64] |= 1 << (code % 64);
            }
        }
        Ok(Codes(bits))
    }

    fn contains(&self, code: u32) -> bool {
        self.0.get(code as usize / 64).is_some_and(|word| word >> (code % 64) & 1 != 0)
    }
}

/// Codes and the games' arrays of them.
struct Names<'a> {
    codes: Codes,
    black: &'a [u32],
    white: &'a [u32],
}

pub(crate) struct GameFilter<'a> {
    /// Bits of the results and of the endings that are asked for.
    outcomes: Option<(&'a [u8], u8, u32)>,
    without_variations: bool,
    names: Option<Names<'a>>,
    ratings: Option<(&'a [f64], &'a [f64], Span<f64>)>,
    dates: Option<(&'a [i32], Span<i32>)>,
    events: Option<(&'a [u32], Codes)>,
    /// The games whose ids are asked for, in order.
    pub(crate) listed: Option<Vec<u32>>,
}

impl<'a> GameFilter<'a> {
    pub(crate) fn new(segment: &'a Segment, query: &Query) -> Result<GameFilter<'a>> {
        let all = 0..segment.meta.n_games;
        let without_variations = !query.variations && segment.meta.n_variations > 0;
        let mut filter = GameFilter {
            outcomes: None,
            without_variations,
            names: None,
            ratings: None,
            dates: None,
            events: None,
            listed: None,
        };
        if without_variations || query.results.is_some() || query.ending.is_some() {
            let mut endings = u32::MAX;
            if let Some(wanted) = &query.ending {
                endings = 0;
                for code in 0..segment.n_texts(Dictionary::Endings).min(32) as u32 {
                    if segment.text(Dictionary::Endings, code)? == wanted {
                        endings |= 1 << code;
                    }
                }
            }
            let results = query.results.unwrap_or(u8::MAX);
            filter.outcomes = Some((segment.outcomes(all.clone())?, results, endings));
        }
        if let Some(pattern) = &query.player {
            filter.names = Some(Names {
                codes: Codes::of(segment, Dictionary::Players, pattern)?,
                black: segment.blacks(all.clone())?,
                white: segment.whites(all.clone())?,
            });
        }
        if !query.rating.is_open() {
            let black = segment.black_ratings(all.clone())?;
            filter.ratings = Some((black, segment.white_ratings(all.clone())?, query.rating));
        }
        if !query.date.is_open() {
            filter.dates = Some((segment.dates(all.clone())?, query.date));
        }
        if let Some(pattern) = &query.event {
            let codes = Codes::of(segment, Dictionary::Events, pattern)?;
            filter.events = Some((segment.events(all.clone())?, codes));
        }
        if let Some(ids) = &query.ids {
            let order = segment.id_order()?;
            let known = segment.ids(all)?;
            let id = |game: &u32| known.get(*game as usize).copied().unwrap_or_default();
            let start = order.partition_point(|game| id(game) < *ids.start());
            let end = order.partition_point(|game| id(game) <= *ids.end());
            let mut listed = order[start..end.max(start)].to_vec();
            listed.sort_unstable();
            filter.listed = Some(listed);
        }
        Ok(filter)
    }

    /// Whether every game is asked for.
    pub(crate) fn is_open(&self) -> bool {
        self.outcomes.is_none()
            && self.names.is_none()
            && self.ratings.is_none()
            && self.dates.is_none()
            && self.events.is_none()
            && self.listed.is_none()
    }

    /// Whether a game is asked for. That ids are has to be seen to by going through `listed`.
    pub(crate) fn matches_listed(&self, game: u32) -> bool {
        let at = game as usize;
        if let Some((outcomes, results, endings)) = self.outcomes {
            let outcome = outcomes[at];
            let ending = outcome >> ENDING_SHIFT & 31;
            if results >> (outcome & 3) & 1 == 0
                || endings >> ending & 1 == 0
                || self.without_variations && outcome & IS_VARIATION != 0
            {
                return false;
            }
        }
        let mut sides = [true; 2];
        if let Some(names) = &self.names {
            sides = [names.codes.contains(names.black[at]), names.codes.contains(names.white[at])];
        }
        if let Some((black, white, span)) = &self.ratings {
            let is_in = |rating: f64| !rating.is_nan() && span.contains(rating);
            sides = [sides[0] && is_in(black[at]), sides[1] && is_in(white[at])];
        }
        if sides == [false; 2] {
            return false;
        }
        if let Some((dates, span)) = &self.dates
            && (dates[at] == NO_DATE || !span.contains(dates[at]))
        {
            return false;
        }
        self.events.as_ref().is_none_or(|(events, codes)| codes.contains(events[at]))
    }

    /// Whether a game is asked for.
    pub(crate) fn matches(&self, game: u32) -> bool {
        let is_listed =
            self.listed.as_ref().is_none_or(|listed| listed.binary_search(&game).is_ok());
        is_listed && self.matches_listed(game)
    }

    /// Calls `take` with the games of a run that are asked for, in order, while it says `true`.
    pub(crate) fn each(
        &self,
        run: &Run,
        mut take: impl FnMut(u32) -> Result<bool>,
    ) -> Result<bool> {
        match &self.listed {
            Some(listed) => {
                let start = listed.partition_point(|game| *game < run.rows.start);
                let listed = listed[start..].iter().take_while(|game| **game < run.rows.end);
                for game in listed {
                    if self.matches_listed(*game) && !take(*game)? {
                        return Ok(false);
                    }
                }
            }
            None => {
                for game in run.rows.clone() {
                    if self.matches_listed(game) && !take(game)? {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }
}
