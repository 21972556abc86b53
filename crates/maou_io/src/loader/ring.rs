//! Buffers for batches, which go round between the threads that fill them and whoever reads them.

use std::sync::{Arc, RwLock};

use super::engine::Shared;
use super::gather::Gathered;
use super::layout::Number;
use super::memory::{AlignedBytes, Memory};

/// The arrays of a sparse policy: row of the batch, class, weight.
pub const COO_FIELDS: [(&str, Number); 3] =
    [("policy_rows", Number::I64), ("policy_labels", Number::I64), ("policy_weights", Number::F32)];

/// The bytes of one entry of a sparse policy.
const COO_BYTES: usize = 8 + 8 + 4;

/// Where the three arrays begin in memory of `len` bytes.
pub(super) fn coo_offsets(len: usize) -> [usize; 3] {
    let capacity = len / COO_BYTES;
    [0, 8 * capacity, 16 * capacity]
}

/// What a batch is made in.
pub(super) struct Slot {
    pub(super) main: Box<dyn Memory>,
    pub(super) content: RwLock<Content>,
}

/// What changes with every batch, beside the numbers themselves.
pub(super) struct Content {
    pub(super) gathered: Gathered,
    pub(super) coo: Box<dyn Memory>,
}

impl Slot {
    pub(super) fn new(main: Box<dyn Memory>, coo: Box<dyn Memory>) -> Slot {
        let content = Content { gathered: Gathered::default(), coo };
        Slot { main, content: RwLock::new(content) }
    }
}

impl Content {
    /// Makes room for a sparse policy; nobody reads the old memory any more.
    pub(super) fn make_room(&mut self) {
        let n = self.gathered.choices.len();
        if n * COO_BYTES > self.coo.len() {
            self.coo = Box::new(AlignedBytes::new((n + n / 2) * COO_BYTES));
        }
    }
}

/// A batch that somebody reads. Its buffers are filled anew when it is dropped, and not before.
pub struct Lease {
    pub(super) shared: Arc<Shared>,
    pub(super) slot: Arc<Slot>,
    pub(super) coo: (*mut u8, usize),
    pub(super) n_choices: usize,
}

// SAFETY: the pointer is to memory of the slot, which any thread may look at.
unsafe impl Send for Lease {}
// SAFETY: as above.
unsafe impl Sync for Lease {}

impl Lease {
    /// The memory of the fields of the layout, and its bytes.
    pub fn main(&self) -> (*mut u8, usize) {
        (self.slot.main.start(), self.slot.main.len())
    }

    /// The memory of a sparse policy, and its bytes.
    pub fn coo(&self) -> (*mut u8, usize) {
        self.coo
    }

    /// Where each of [`COO_FIELDS`] begins.
    pub fn coo_offsets(&self) -> [usize; 3] {
        coo_offsets(self.coo.1)
    }

    /// Entries of the sparse policy.
    pub fn n_choices(&self) -> usize {
        self.n_choices
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.give_back(self.slot.clone());
    }
}
