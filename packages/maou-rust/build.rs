//! Tells the extension how it is built and which version it is a part of.

use std::env;
use std::fs;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=MAOU_VERSION={}", distribution_version());
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

/// Reads the version of the Python distribution, which a build of main stamps
/// (`scripts/stamp.py`) while the crates keep theirs: their compiled form stays in caches.
///
/// pyproject.toml lies beside this file, in an sdist at the root of the archive.
fn distribution_version() -> String {
    let (path, text) = ["pyproject.toml", "../../pyproject.toml"]
        .into_iter()
        .find_map(|path| Some((path, fs::read_to_string(path).ok()?)))
        .expect("expected pyproject.toml beside build.rs or at the root of the sdist");
    println!("cargo::rerun-if-changed={path}");
    text.lines()
        .skip_while(|line| line.trim() != "[project]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .find_map(|line| line.strip_prefix("version = \"")?.split('"').next())
        .unwrap_or_else(|| panic!("{path}: expected `version = \"…\"` below `[project]`"))
        .to_owned()
}
