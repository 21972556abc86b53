mod bench;
mod bytes;
mod faults;
mod rerun;
mod usage;
mod verify;
