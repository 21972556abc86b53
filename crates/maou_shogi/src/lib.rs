//! Shogi rules, notations, records and labels: no I/O, no Arrow, no Python.
