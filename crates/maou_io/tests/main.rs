//! Tests of whole runs, on generated records.

mod cases;
