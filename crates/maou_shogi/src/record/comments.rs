//! Lines of comment: all texts of a line in one, since records of programs have one for each move.

use std::fmt;

/// A line of comment, without the sign that marks it as one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Comment<'a> {
    /// Moves played from the start of the game when it is said: 0 is before the first move.
    pub ply: u32,
    /// The text, without a line end.
    pub text: &'a str,
}

/// The comments on a line of moves, in order.
///
/// ```
/// use maou_shogi::record::{Comment, Comments};
/// let mut comments = Comments::default();
/// comments.push(Comment { ply: 0, text: "a quiet day" });
/// comments.push(Comment { ply: 3, text: "a surprise" });
/// let texts: Vec<_> = comments.iter().map(|comment| comment.text).collect();
/// assert_eq!(texts, ["a quiet day", "a surprise"]);
/// ```
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Comments {
    /// All texts, one behind the other.
    text: String,
    /// The ply of each, and where its text ends.
    ends: Vec<(u32, usize)>,
}

impl Comments {
    /// Number of comments.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Removes all, and keeps the allocations.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Adds one behind the others.
    pub fn push(&mut self, comment: Comment<'_>) {
        self.push_with(comment.ply, |out| out.push_str(comment.text));
    }

    /// Adds one behind the others, whose text `write` appends.
    pub(super) fn push_with(&mut self, ply: u32, write: impl FnOnce(&mut String)) {
        write(&mut self.text);
        self.ends.push((ply, self.text.len()));
    }

    /// The comments in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Comment<'_>> + Clone {
        let mut start = 0;
        self.ends.iter().map(move |(ply, end)| {
            let text = &self.text[start..*end];
            start = *end;
            Comment { ply: *ply, text }
        })
    }
}

impl fmt::Debug for Comments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> FromIterator<Comment<'a>> for Comments {
    fn from_iter<I: IntoIterator<Item = Comment<'a>>>(comments: I) -> Comments {
        let mut all = Comments::default();
        comments.into_iter().for_each(|comment| all.push(comment));
        all
    }
}
