//! The memory that batches are written to.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Where every field of a batch begins: on a line of the processor's cache.
pub(crate) const ALIGNMENT: usize = 64;

/// Bytes that stay where they are for as long as this lives.
///
/// # Safety
///
/// `start` must be the address of as many bytes as `len` says, which may be read and written, by any
/// thread, as long as this lives.
pub unsafe trait Memory: Send + Sync {
    /// The address of the first byte.
    fn start(&self) -> *mut u8;

    /// The number of bytes.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Memory of this process, zeroed, and aligned to 64 bytes.
pub struct AlignedBytes {
    start: NonNull<u8>,
    layout: Layout,
    len: usize,
}

// SAFETY: the bytes belong to this value alone; who shares it minds who writes where.
unsafe impl Send for AlignedBytes {}
// SAFETY: as above.
unsafe impl Sync for AlignedBytes {}

impl AlignedBytes {
    /// Memory for `len` bytes.
    ///
    /// # Panics
    /// If there can be no such memory.
    pub fn new(len: usize) -> AlignedBytes {
        let layout = Layout::from_size_align(len.max(1), ALIGNMENT).expect("a size in memory");
        // SAFETY: the layout's size is not 0.
        let start = unsafe { alloc_zeroed(layout) };
        let start = NonNull::new(start).unwrap_or_else(|| handle_alloc_error(layout));
        AlignedBytes { start, layout, len }
    }
}

impl Drop for AlignedBytes {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout in `new`.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

// SAFETY: the bytes live as long as the value and are its own.
unsafe impl Memory for AlignedBytes {
    fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    fn len(&self) -> usize {
        self.len
    }
}
