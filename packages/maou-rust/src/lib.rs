//! The compiled half of maou: bindings only.
