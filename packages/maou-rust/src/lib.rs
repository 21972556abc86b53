//! The compiled half of maou: Python bindings for the maou crates, and nothing else.
//!
//! A binding converts, releases the GIL, calls the library and converts back; it holds no logic.
//! The stubs in `maou_rust-stubs/` document what Python sees.

mod archives;
mod board;
mod error;
mod games;
mod hand;
mod loader;
mod lock;
mod maou_index;
mod maou_io;
mod maou_shogi;
mod moves;
mod plain;
mod position_array;
mod training;
mod vocabulary;

use std::collections::BTreeMap;

use pyo3::prelude::*;

/// Number of the interface that the stubs describe; `maou` asks for exactly one.
const INTERFACE: u32 = 5;

/// The compiled half of maou: bindings for the maou crates, and nothing else.
#[pymodule]
pub mod maou_rust {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::build_info;
    #[pymodule_export]
    use super::error::{DatasetError, IllegalMoveError, RecordError, UsageError};
    #[pymodule_export]
    use super::maou_index::python as maou_index;
    #[pymodule_export]
    use super::maou_io::python as maou_io;
    #[pymodule_export]
    use super::maou_shogi::python as maou_shogi;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("MAOU_VERSION"))?;
        module.add("INTERFACE", super::INTERFACE)?;
        // `import maou_rust.maou_io` looks here, since a submodule of an extension has no file.
        let modules = module.py().import("sys")?.getattr("modules")?;
        for (name, value) in module.dict() {
            if let Ok(submodule) = value.cast::<PyModule>() {
                let full_name = format!("maou_rust.{name}");
                submodule.setattr("__name__", &full_name)?;
                modules.set_item(full_name, submodule)?;
            }
        }
        Ok(())
    }
}

/// Tells how the extension was built and what it runs on.
#[pyfunction]
fn build_info() -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("profile", env!("MAOU_PROFILE").to_owned()),
        ("target", env!("MAOU_TARGET").to_owned()),
        ("rustc", env!("MAOU_RUSTC").to_owned()),
        ("cpu_features", cpu_features().join(",")),
    ])
}

/// The instruction sets that matter to maou and that this machine has.
fn cpu_features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    let found = [
        ("popcnt", is_x86_feature_detected!("popcnt")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("bmi2", is_x86_feature_detected!("bmi2")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
    ];
    #[cfg(target_arch = "aarch64")]
    let found = [
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        ("sve", std::arch::is_aarch64_feature_detected!("sve")),
    ];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let found: [(&str, bool); 0] = [];
    found.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
}
