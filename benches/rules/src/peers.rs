//! The sides: each walks trees as its own crate does it fastest.

use rsshogi::board::movegen::generate_legal_all_move32;
use rsshogi::board::{Move32List, Position as RsshogiPosition};

/// A position of one crate.
pub trait Peer: Sized {
    /// Room for the moves of a ply.
    type List: Default;

    /// # Panics
    ///
    /// If this side takes the text for no position.
    fn from_sfen(sfen: &str) -> Self;

    /// Leaves `depth` ≥ 1 plies away, the last ply's moves counted without making them.
    fn counted(&mut self, depth: usize, lists: &mut [Self::List]) -> u64;

    /// Leaves `depth` plies away, each made on the board.
    fn made(&mut self, depth: usize, lists: &mut [Self::List]) -> u64;
}

/// This project.
pub struct Maou(maou_shogi::Position);

impl Peer for Maou {
    type List = ();

    fn from_sfen(sfen: &str) -> Maou {
        Maou(maou_shogi::Position::from_sfen(sfen).unwrap_or_else(|e| panic!("{sfen}: {e:?}")))
    }

    fn counted(&mut self, depth: usize, _: &mut [()]) -> u64 {
        maou_shogi::perft(&self.0, depth as u32)
    }

    fn made(&mut self, depth: usize, _: &mut [()]) -> u64 {
        fn leaves(position: &mut maou_shogi::Position, depth: usize) -> u64 {
            if depth == 0 {
                return 1;
            }
            let mut n_leaves = 0;
            for &mv in &position.legal_moves() {
                let undo = position.make(mv);
                n_leaves += leaves(position, depth - 1);
                position.undo(mv, undo);
            }
            n_leaves
        }
        leaves(&mut self.0, depth)
    }
}

/// Its moves are counted with `count`, or else with `len`: which is faster depends on the position.
pub struct Haitaka<const COUNT: bool>(haitaka::Board);

impl<const COUNT: bool> Peer for Haitaka<COUNT> {
    type List = ();

    fn from_sfen(sfen: &str) -> Haitaka<COUNT> {
        Haitaka(haitaka::Board::from_sfen(sfen).unwrap_or_else(|e| panic!("{sfen}: {e:?}")))
    }

    fn counted(&mut self, depth: usize, _: &mut [()]) -> u64 {
        fn leaves<const COUNT: bool>(board: &haitaka::Board, depth: usize) -> u64 {
            let mut n_leaves = 0;
            board.generate_moves(|moves| {
                if depth > 1 {
                    for mv in moves {
                        let mut next = board.clone();
                        next.play_unchecked(mv);
                        n_leaves += leaves::<COUNT>(&next, depth - 1);
                    }
                } else if COUNT {
                    n_leaves += moves.into_iter().count() as u64;
                } else {
                    n_leaves += moves.into_iter().len() as u64;
                }
                false
            });
            n_leaves
        }
        leaves::<COUNT>(&self.0, depth)
    }

    fn made(&mut self, depth: usize, _: &mut [()]) -> u64 {
        fn leaves(board: &haitaka::Board, depth: usize) -> u64 {
            if depth == 0 {
                return 1;
            }
            let mut n_leaves = 0;
            board.generate_moves(|moves| {
                for mv in moves {
                    let mut next = board.clone();
                    next.play_unchecked(mv);
                    n_leaves += leaves(&next, depth - 1);
                }
                false
            });
            n_leaves
        }
        leaves(&self.0, depth)
    }
}

/// Lists every move, promotions that are never better left in.
pub struct Rsshogi(RsshogiPosition);

impl Peer for Rsshogi {
    type List = Move32List;

    fn from_sfen(sfen: &str) -> Rsshogi {
        let mut position =
            RsshogiPosition::from_sfen(sfen).unwrap_or_else(|e| panic!("{sfen}: {e:?}"));
        position.init_stack();
        Rsshogi(position)
    }

    fn counted(&mut self, depth: usize, lists: &mut [Move32List]) -> u64 {
        fn leaves(position: &mut RsshogiPosition, lists: &mut [Move32List]) -> u64 {
            let (list, rest) = lists.split_last_mut().expect("there is a list for each ply");
            list.clear();
            generate_legal_all_move32(position, list);
            if rest.is_empty() {
                return list.len() as u64;
            }
            let mut n_leaves = 0;
            for &mv in list.iter() {
                position.apply_move32(mv);
                n_leaves += leaves(position, rest);
                // SAFETY: it is the move that was just made.
                unsafe { position.undo_move32_unchecked(mv) };
            }
            n_leaves
        }
        leaves(&mut self.0, &mut lists[..depth])
    }

    fn made(&mut self, depth: usize, lists: &mut [Move32List]) -> u64 {
        fn leaves(position: &mut RsshogiPosition, lists: &mut [Move32List]) -> u64 {
            let Some((list, rest)) = lists.split_last_mut() else { return 1 };
            list.clear();
            generate_legal_all_move32(position, list);
            let mut n_leaves = 0;
            for &mv in list.iter() {
                position.apply_move32(mv);
                n_leaves += leaves(position, rest);
                // SAFETY: it is the move that was just made.
                unsafe { position.undo_move32_unchecked(mv) };
            }
            n_leaves
        }
        leaves(&mut self.0, &mut lists[..depth])
    }
}
