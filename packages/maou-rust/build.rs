//! Tells the extension how it is built, for `maou doctor`.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let profile = match env::var("PROFILE").as_deref() {
        Ok("release") => "release",
        _ => "daily",
    };
    println!("cargo::rustc-env=MAOU_PROFILE={profile}");
    println!("cargo::rustc-env=MAOU_TARGET={}", env::var("TARGET").expect("set by cargo"));
    let rustc = env::var("RUSTC").expect("set by cargo");
    let version = Command::new(rustc).arg("--version").output().expect("rustc runs");
    let version = String::from_utf8_lossy(&version.stdout);
    println!("cargo::rustc-env=MAOU_RUSTC={}", version.trim());
}
