//! What needs a program of its own: memory is counted by its allocator.

mod memory;
