//! Shogi rules, notations, records and labels: no I/O, no Arrow, no Python.

mod attacks;
pub mod batch;
mod bitboard;
mod checks;
mod color;
mod features;
pub mod generate;
mod hand;
mod hcp;
mod huffman;
mod key;
mod legality;
mod move_list;
mod movegen;
mod mv;
mod packed_sfen;
mod perft;
mod piece;
mod policy;
mod position;
pub mod record;
mod repetition;
mod setup;
mod sfen;
mod square;
pub mod teacher;
#[cfg(test)]
mod testing;

pub use bitboard::{Bitboard, Squares};
pub use color::Color;
pub use features::{N_DLSHOGI_PLANES_1, N_DLSHOGI_PLANES_2, N_HAND_COUNTS, N_PIECE_IDS};
pub use hand::Hand;
pub use hcp::HcpError;
pub use huffman::HandOrder;
pub use key::KEY_VERSION;
pub use move_list::MoveList;
pub use mv::{Move, UsiError};
pub use perft::perft;
pub use piece::{Piece, PieceType};
pub use policy::{N_LABELS_1496, N_LABELS_2187, PolicyScheme};
pub use position::{Position, SetupError, Undo};
pub use repetition::{History, Repetition};
pub use setup::{Handicap, Setup};
pub use sfen::SfenError;
pub use square::Square;
