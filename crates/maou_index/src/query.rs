//! What can be asked for.

use std::ops::RangeInclusive;

use maou_io::{Error, Result};

use crate::pattern::Pattern;

/// A range with both ends in it, either of which may be open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span<T> {
    /// The least value.
    pub low: Option<T>,
    /// The largest.
    pub high: Option<T>,
}

impl<T> Default for Span<T> {
    fn default() -> Span<T> {
        Span { low: None, high: None }
    }
}

impl<T: PartialOrd> Span<T> {
    /// Whether nothing is asked for.
    pub fn is_open(&self) -> bool {
        self.low.is_none() && self.high.is_none()
    }

    /// Whether a value lies in it.
    pub fn contains(&self, value: T) -> bool {
        self.low.as_ref().is_none_or(|low| value >= *low)
            && self.high.as_ref().is_none_or(|high| value <= *high)
    }
}

/// What is counted and listed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unit {
    /// Games.
    Games,
    /// Positions.
    Positions,
}

/// What results are sorted by; equal ones come in the order of the dataset, and those without a
/// value last.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SortKey {
    /// Centipawns for the side to move.
    Eval,
    /// Moves played before.
    Ply,
    /// Day of the game.
    Date,
    /// The higher one of the two ratings.
    Rating,
    /// Id of the game.
    Id,
    /// Moves of the game.
    NPlies,
}

impl SortKey {
    /// The keys with their names.
    pub const ALL: [(&'static str, SortKey); 6] = [
        ("eval_cp", SortKey::Eval),
        ("ply", SortKey::Ply),
        ("date", SortKey::Date),
        ("rating", SortKey::Rating),
        ("id", SortKey::Id),
        ("n_plies", SortKey::NPlies),
    ];
}

impl std::str::FromStr for SortKey {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<SortKey, String> {
        let found = SortKey::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, key)| *key).ok_or_else(|| {
            let names = SortKey::ALL.map(|(name, _)| name).join(", ");
            format!("sort: expected {names}, found `{text}`")
        })
    }
}

/// What is searched for. All that is told has to hold; what is left open does not matter.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Keys of positions, each a question of its own.
    pub keys: Option<Vec<u64>>,
    /// Whether the twin with colors swapped counts as the same position, and fits the pattern as
    /// the position does.
    pub either_color: bool,
    /// What positions look like.
    pub pattern: Option<Pattern>,
    /// Whether the mirror image, left and right swapped, fits the pattern as the position does.
    pub mirror: bool,
    /// Ids of games, from the first to the last one.
    pub ids: Option<RangeInclusive<u64>>,
    /// Name of a player; `*` stands for any text.
    pub player: Option<String>,
    /// Rating of either player, or of the one who is named.
    pub rating: Span<f64>,
    /// Day of the game, in days since 1970.
    pub date: Span<i32>,
    /// Centipawns for the side to move.
    pub eval_cp: Span<i32>,
    /// Moves played before.
    pub ply: Span<u32>,
    /// Results, as a bit for each of their numbers.
    pub results: Option<u8>,
    /// The name of an ending.
    pub ending: Option<String>,
    /// Name of the event; `*` stands for any text.
    pub event: Option<String>,
    /// Whether the last position of each game, of which no move was played, counts.
    pub finals: bool,
    /// Whether variations count.
    pub variations: bool,
    /// What is counted and listed, if not what follows from the rest.
    pub unit: Option<Unit>,
    /// What results are sorted by, if not by their place in the dataset.
    pub sort: Option<SortKey>,
    /// Whether the largest come first.
    pub descending: bool,
    /// Results at most.
    pub limit: Option<u64>,
    /// Results that are left out first.
    pub offset: u64,
    /// Number of threads that look at patterns, at ranges, at positions of very many games and at
    /// many keys; 0 takes one per core.
    pub threads: usize,
}

impl Query {
    /// Whether only some games are asked for.
    pub(crate) fn has_game_filters(&self) -> bool {
        self.has_filters_of_games_alone() || self.results.is_some()
    }

    /// Whether something is asked for that loose positions do not have.
    pub(crate) fn has_filters_of_games_alone(&self) -> bool {
        self.ids.is_some()
            || self.player.is_some()
            || !self.rating.is_open()
            || !self.date.is_open()
            || self.ending.is_some()
            || self.event.is_some()
    }

    /// Whether only some positions are asked for.
    pub(crate) fn has_position_filters(&self) -> bool {
        self.keys.is_some()
            || self.pattern.is_some()
            || !self.eval_cp.is_open()
            || !self.ply.is_open()
    }

    /// What is counted and listed.
    pub fn unit(&self) -> Unit {
        self.unit.unwrap_or(match self.has_game_filters() && !self.has_position_filters() {
            true => Unit::Games,
            false => Unit::Positions,
        })
    }

    /// Refuses what cannot be answered.
    pub(crate) fn check(&self) -> Result<()> {
        if self.unit() == Unit::Games && matches!(self.sort, Some(SortKey::Eval | SortKey::Ply)) {
            let message = "sort: expected `date`, `rating`, `id` or `n_plies` for games, found \
                           one of positions";
            return Err(Error::Usage(message.to_owned()));
        }
        Ok(())
    }
}

/// Whether a text is the one that a pattern stands for, in which `*` stands for any text.
pub(crate) fn is_like(text: &str, pattern: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return text == pattern };
    let Some(mut rest) = text.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = tail.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (text, pattern, expected) in [
            ("abc", "abc", true),
            ("abc", "ab", false),
            ("abc", "ab*", true),
            ("abc", "*c", true),
            ("abc", "*b*", true),
            ("abc", "a*c", true),
            ("abc", "a*b*c", true),
            ("ac", "a*c*c", false),
            ("", "*", true),
            ("", "", true),
            ("a", "a*a", false),
            ("羽生善治", "羽生*", true),
        ] {
            assert_eq!(is_like(text, pattern), expected, "{text} {pattern}");
        }
    }

    #[test]
    fn the_unit_follows_from_the_question() {
        let mut query = Query::default();
        assert_eq!(query.unit(), Unit::Positions);
        query.player = Some("a".to_owned());
        assert_eq!(query.unit(), Unit::Games);
        query.ply.low = Some(3);
        assert_eq!(query.unit(), Unit::Positions);
        query.unit = Some(Unit::Games);
        assert_eq!(query.unit(), Unit::Games);
    }
}
