//! Search over datasets: any position, pattern or game in milliseconds.
//!
//! [`build`] makes the index of a dataset, or reads into it what is new; [`Index`] answers a
//! [`Query`]. [`scan`] finds datasets below a folder.
//!
//! An index is a folder of segments, each of which holds what is known of some files of the dataset,
//! and `index.json`, which names them. Segments are mapped into memory, and every block of them is
//! compared with its checksum before it is believed.

mod also_in;
mod build;
mod error;
mod explorer;
mod fitting;
mod game_filter;
mod index;
mod key_sorter;
mod list;
mod map;
mod merge;
mod packed;
mod pattern;
mod query;
mod results;
mod scan;
mod search;
mod segment;
mod segment_writer;
mod sorted;
mod spool;
mod temporary;
mod walk;

pub use also_in::Other;
pub use build::{BuildOptions, BuildReport, DEFAULT_MEMORY, MIN_MEMORY, build};
pub use index::{Index, IndexStatus, status};
pub use pattern::{Pattern, PatternError};
pub use query::{Query, SortKey, Span, Unit};
pub use results::Columns;
pub use scan::{Found, scan};
