//! Patterns: what a position has to look like.
//!
//! A pattern is terms with spaces between them, and a position has to fit all of them:
//!
//! | Term | Fits if |
//! |---|---|
//! | `P7f` | Black's pawn stands on 7f; lower case is White's, `+` promoted: `+r3g` |
//! | `R6-9` | Black's rook stands on one of the files 6 to 9; `Rh` is on rank h, `K7-9g-i` in that corner |
//! | `R2h,3h` | on 2h or on 3h; `+R*` anywhere on the board |
//! | `X5e` `x5e` `*5e` `.5e` | 5e holds a piece of Black, of White, of either, none |
//! | `hand:RB2p` | Black holds at least a rook and a bishop, White at least two pawns |
//! | `black` `white` | that side is to move |
//! | `+R*|hand:R` | one of these |
//! | `not P5` | the term after `not` does not fit |

mod matcher;
mod parse;
mod plan;
#[cfg(test)]
mod tests;

use std::fmt;

use maou_shogi::{Bitboard, Color, Hand, Piece, PieceType, Position, Square};

use plan::Plan;

pub(crate) use matcher::{Board, Matcher, Sums};

/// What a position has to look like.
///
/// ```
/// use maou_index::Pattern;
/// use maou_shogi::Position;
/// let pattern = Pattern::parse("P7g|P7f R2h black not hand:P").unwrap();
/// assert!(pattern.matches(&Position::startpos()));
/// assert_eq!(Pattern::parse("P7f Q5e").unwrap_err().column, 5);
/// ```
#[derive(Clone, Debug)]
pub struct Pattern {
    terms: Vec<Term>,
    plan: Plan,
}

/// A text that is no pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// Where, in characters from 1.
    pub column: usize,
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column, self.message)
    }
}

impl std::error::Error for PatternError {}

/// One of these, or with `not` none of them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    is_negated: bool,
    choices: Vec<Choice>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Choice {
    /// This side is to move.
    Turn(Color),
    /// The hands hold at least these pieces, Black's first.
    Hands([Hand; 2]),
    /// One of these areas holds this.
    Placed(What, Vec<Area>),
}

/// What a square may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Piece(Piece),
    /// Any piece of a side, or of both; a promoted one if so asked.
    Any {
        color: Option<Color>,
        is_promoted: bool,
    },
    Nothing,
}

/// Files and ranks from first to last, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Area {
    files: (u8, u8),
    ranks: (u8, u8),
}

impl Pattern {
    /// The pattern and its images that are asked for, each once: left and right swapped, colors
    /// swapped with the board turned, and both.
    pub fn images(&self, mirror: bool, either_color: bool) -> Vec<Pattern> {
        let mut images = vec![self.clone()];
        if mirror {
            images.push(self.mirrored());
        }
        if either_color {
            images.extend(images.clone().iter().map(Pattern::twin));
        }
        let mut distinct: Vec<Pattern> = Vec::new();
        for image in images {
            if !distinct.contains(&image) {
                distinct.push(image);
            }
        }
        distinct
    }

    /// The pattern that the mirror image of a position fits if the position fits this one.
    pub fn mirrored(&self) -> Pattern {
        self.mapped(|choice| match choice {
            Choice::Placed(what, areas) => {
                Choice::Placed(*what, areas.iter().map(|area| area.mirrored()).collect())
            }
            other => other.clone(),
        })
    }

    /// The pattern that a position with colors swapped and the board turned by 180° fits if the
    /// position fits this one.
    pub fn twin(&self) -> Pattern {
        self.mapped(|choice| match choice {
            Choice::Turn(color) => Choice::Turn(color.opponent()),
            Choice::Hands([black, white]) => Choice::Hands([*white, *black]),
            Choice::Placed(what, areas) => {
                let areas = areas.iter().map(|area| area.turned()).collect();
                Choice::Placed(what.swapped(), areas)
            }
        })
    }

    fn mapped(&self, map: impl Fn(&Choice) -> Choice) -> Pattern {
        let mut plan = Plan::default();
        let terms: Vec<Term> = self
            .terms
            .iter()
            .map(|term| Term { choices: term.choices.iter().map(&map).collect(), ..*term })
            .collect();
        terms.iter().for_each(|term| {
            plan.add(term);
        });
        Pattern { terms, plan }
    }

    /// Whether a position fits.
    #[inline]
    pub fn matches(&self, position: &Position) -> bool {
        self.plan.fits(position)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.terms == other.terms
    }
}

impl Eq for Pattern {}

impl What {
    /// The codes of the pieces that it stands for, one bit each; bit 0 is an empty square.
    fn codes(self) -> u32 {
        match self {
            What::Nothing => 1,
            What::Piece(piece) => 1 << piece.code(),
            What::Any { color, is_promoted } => {
                let kinds = PieceType::ALL.iter().filter(|kind| !is_promoted || kind.is_promoted());
                let kinds: u32 = kinds.map(|kind| 1 << kind.index()).sum();
                match color {
                    Some(Color::Black) => kinds,
                    Some(Color::White) => kinds << 16,
                    None => kinds | kinds << 16,
                }
            }
        }
    }

    fn swapped(self) -> What {
        match self {
            What::Nothing => What::Nothing,
            What::Piece(piece) => What::Piece(piece.flip()),
            What::Any { color, is_promoted } => {
                What::Any { color: color.map(Color::opponent), is_promoted }
            }
        }
    }
}

impl Area {
    const BOARD: Area = Area { files: (0, 8), ranks: (0, 8) };

    fn mirrored(self) -> Area {
        let (first, last) = self.files;
        Area { files: (8 - last, 8 - first), ..self }
    }

    fn turned(self) -> Area {
        let (first, last) = self.ranks;
        Area { ranks: (8 - last, 8 - first), ..self.mirrored() }
    }

    fn squares(self) -> Bitboard {
        let files = self.files.0..=self.files.1;
        files
            .flat_map(|file| (self.ranks.0..=self.ranks.1).map(move |rank| Square::new(file, rank)))
            .collect()
    }
}

impl fmt::Display for Pattern {
    /// The pattern as it is written; parsing gives it back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, term) in self.terms.iter().enumerate() {
            f.write_str(if idx > 0 { " " } else { "" })?;
            term.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_negated { "not " } else { "" })?;
        for (idx, choice) in self.choices.iter().enumerate() {
            f.write_str(if idx > 0 { "|" } else { "" })?;
            choice.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Choice::Turn(Color::Black) => f.write_str("black"),
            Choice::Turn(Color::White) => f.write_str("white"),
            Choice::Hands(hands) => {
                f.write_str("hand:")?;
                for color in Color::ALL {
                    for (kind, count) in hands[color.index()].iter() {
                        if count > 1 {
                            write!(f, "{count}")?;
                        }
                        write!(f, "{}", Piece::new(color, kind))?;
                    }
                }
                Ok(())
            }
            Choice::Placed(what, areas) => {
                what.fmt(f)?;
                for (idx, area) in areas.iter().enumerate() {
                    f.write_str(if idx > 0 { "," } else { "" })?;
                    area.fmt(f)?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            What::Nothing => f.write_str("."),
            What::Piece(piece) => piece.fmt(f),
            What::Any { color, is_promoted } => {
                f.write_str(if is_promoted { "+" } else { "" })?;
                f.write_str(match color {
                    Some(Color::Black) => "X",
                    Some(Color::White) => "x",
                    None => "*",
                })
            }
        }
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Area::BOARD {
            return f.write_str("*");
        }
        for ((first, last), zero) in [(self.files, b'1'), (self.ranks, b'a')] {
            let name = |number| char::from(zero + number);
            match (first, last) {
                (0, 8) => {}
                _ if first == last => write!(f, "{}", name(first))?,
                _ => write!(f, "{}-{}", name(first), name(last))?,
            }
        }
        Ok(())
    }
}
