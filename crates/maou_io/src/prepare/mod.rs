//! From datasets to a training set: games are replayed into records of fixed width, which wait in
//! partitions by key, in memory and in temporary files, and are merged a partition at a time.
//!
//! | Module | What it decides |
//! |---|---|
//! | [`select`] | which games stay |
//! | [`emit`], [`record`] | what becomes a record, and its bytes |
//! | [`jobs`] | the batches that are replayed |
//! | [`spill`] | where records wait |
//! | [`merge`] | what equal positions come to |
//! | [`output`] | how rows become files on all threads |
//! | [`plan`] | how memory is shared out |
//! | [`balance`] | results and evals by side |
//! | [`run`] | the order of it all |

pub(crate) mod balance;
mod emit;
mod jobs;
mod merge;
mod output;
mod plan;
mod record;
mod run;
pub(crate) mod select;
mod spill;

pub use run::{PrepareInput, PrepareOptions, PrepareProgress, PrepareReport, prepare};
