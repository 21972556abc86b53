//! Datasets of shogi games as Arrow IPC files: schema, writer, reader, manifest.
