//! What a format could not hold.

use std::fmt;
use std::ops::AddAssign;

/// What was left out because the format written has no place for it, by number.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Loss {
    /// Moves of main lines.
    pub n_moves: u64,
    /// Variations, those within others included.
    pub n_variations: u64,
    /// Comment lines.
    pub n_comments: u64,
    /// Header fields: names, ratings, event, date and all others.
    pub n_headers: u64,
    /// Evals of moves.
    pub n_evals: u64,
    /// Times of moves, or fractions of a second of them.
    pub n_times: u64,
    /// Endings and results, where the game that is read again has another one.
    pub n_endings: u64,
    /// Ends of lines that could not be read or played: `tail` of the game and of variations.
    pub n_tails: u64,
}

impl Loss {
    /// Nothing.
    pub const NONE: Loss = Loss {
        n_moves: 0,
        n_variations: 0,
        n_comments: 0,
        n_headers: 0,
        n_evals: 0,
        n_times: 0,
        n_endings: 0,
        n_tails: 0,
    };

    /// Each kind of loss with its name in the plural.
    pub const fn entries(&self) -> [(&'static str, u64); 8] {
        [
            ("moves", self.n_moves),
            ("variations", self.n_variations),
            ("comments", self.n_comments),
            ("header fields", self.n_headers),
            ("evals", self.n_evals),
            ("times", self.n_times),
            ("endings", self.n_endings),
            ("unplayed ends", self.n_tails),
        ]
    }

    /// Whether everything was written.
    pub fn is_none(&self) -> bool {
        *self == Loss::NONE
    }
}

impl AddAssign for Loss {
    fn add_assign(&mut self, other: Loss) {
        self.n_moves += other.n_moves;
        self.n_variations += other.n_variations;
        self.n_comments += other.n_comments;
        self.n_headers += other.n_headers;
        self.n_evals += other.n_evals;
        self.n_times += other.n_times;
        self.n_endings += other.n_endings;
        self.n_tails += other.n_tails;
    }
}

/// `2 variations, 1 comment`, or nothing.
impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, n) in self.entries().into_iter().filter(|(_, n)| *n > 0) {
            // The names are regular plurals.
            let name = if n == 1 { &name[..name.len() - 1] } else { name };
            write!(f, "{separator}{n} {name}")?;
            separator = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_add_up_and_are_told() {
        let mut loss = Loss { n_variations: 2, n_headers: 1, ..Loss::NONE };
        loss += Loss { n_variations: 1, n_times: 1000, ..Loss::NONE };
        assert_eq!(loss.to_string(), "3 variations, 1 header field, 1000 times");
        assert!(!loss.is_none() && Loss::NONE.is_none());
        assert_eq!(Loss::NONE.to_string(), "");
    }
}
