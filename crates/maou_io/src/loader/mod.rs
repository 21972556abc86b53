//! Batches of a training set: threads decode its rows straight into buffers that are used again.
//!
//! [`TrainingRows`] is one split of a training set, [`Loader`] what makes batches of it. The order of the
//! rows is a function of seed and epoch alone ([`order`]), so a batch can be asked for by its
//! number, whatever the threads.

mod assemble;
mod chunk;
mod contains;
mod engine;
mod gather;
mod layout;
mod memory;
mod options;
mod order;
mod ring;
mod rows;
#[cfg(test)]
mod tests;

pub use engine::{Loader, Next};
pub use layout::{Field, Layout, Number};
pub use memory::{AlignedBytes, Memory};
pub use options::{Features, LoaderOptions, PolicyForm, SampleWeight};
pub use ring::{COO_FIELDS, Lease};
pub use rows::TrainingRows;
