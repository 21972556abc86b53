mod bench;
mod bytes;
mod faults;
mod rerun;
mod stream;
mod usage;
mod verify;
