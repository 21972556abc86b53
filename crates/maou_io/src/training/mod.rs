//! Training sets: one row per distinct position as the side to move sees it, in key order.
//!
//! [`schema`] is the columns, [`manifest`] what a set says of itself, [`reader`] opens one.

pub(crate) mod manifest;
pub(crate) mod reader;
pub(crate) mod schema;

/// What a run needs beside the files that it writes, while it lasts.
pub(crate) const SPILL_FILE: &str = "spill.tmp";
