//! The compiled half of maou: Python bindings for the maou crates, and nothing else.
//!
//! A binding converts, releases the GIL, calls the library and converts back; it holds no logic.
//! The stubs in `maou_rust-stubs/` document what Python sees.

mod error;
mod maou_index;
mod maou_io;
mod maou_shogi;

use pyo3::prelude::*;

/// Number of the interface that the stubs describe; `maou` asks for exactly one.
const INTERFACE: u32 = 1;

/// The compiled half of maou: bindings for the maou crates, and nothing else.
#[pymodule]
mod maou_rust {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::build_info;
    #[pymodule_export]
    use super::error::{DatasetError, RecordError, UsageError};
    #[pymodule_export]
    use super::maou_index::maou_index;
    #[pymodule_export]
    use super::maou_io::maou_io;
    #[pymodule_export]
    use super::maou_shogi::maou_shogi;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("INTERFACE", super::INTERFACE)?;
        // `import maou_rust.maou_io` looks here, since a submodule of an extension has no file.
        let modules = module.py().import("sys")?.getattr("modules")?;
        for name in ["maou_index", "maou_io", "maou_shogi"] {
            let submodule = module.getattr(name)?;
            let full_name = format!("maou_rust.{name}");
            submodule.setattr("__name__", &full_name)?;
            modules.set_item(full_name, submodule)?;
        }
        Ok(())
    }
}
