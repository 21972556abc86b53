//! Comments as they are written: a line each, and none that would be read as something else.

use std::borrow::Cow;

use crate::record::Comment;

/// A comment as it is written.
#[derive(Clone, Debug)]
pub(super) struct Remark<'a> {
    /// Moves played from the start of the game when it is said.
    pub ply: usize,
    pub text: Cow<'a, str>,
}

impl<'a> From<Comment<'a>> for Remark<'a> {
    fn from(comment: Comment<'a>) -> Remark<'a> {
        let text = comment.text.trim_end_matches(|ch: char| ch.is_whitespace() || ch.is_control());
        let is_plain = |ch: char| !ch.is_control() || ch == '\t';
        let text = match text.chars().all(is_plain) {
            true => Cow::Borrowed(text),
            false => text.chars().map(|ch| if is_plain(ch) { ch } else { ' ' }).collect(),
        };
        Remark { ply: comment.ply as usize, text }
    }
}

impl Remark<'_> {
    /// Puts a blank before the text, so that nobody takes it for data.
    pub fn quote(&mut self) {
        self.text.to_mut().insert(0, ' ');
    }
}
