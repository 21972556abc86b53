//! Training sets: one row per distinct position as the side to move sees it, in key order.
//!
//! [`schema`] is the columns, [`manifest`] what a set says of itself, [`reader`] opens one, [`rows`]
//! makes record batches, [`writer`] puts a set into its folder,
//! [`verify`] checks one.

pub(crate) mod manifest;
pub(crate) mod reader;
pub(crate) mod rows;
pub(crate) mod schema;
pub(crate) mod verify;
pub(crate) mod writer;
