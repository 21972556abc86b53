mod bench;
mod bytes;
mod faults;
mod rerun;
mod stream;
mod teacher;
mod usage;
mod verify;
