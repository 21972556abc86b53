//! The compiled half of maou: bindings only.

use pyo3::prelude::*;

#[pymodule]
mod maou_rust {
    use pyo3::prelude::*;
    #[pymodule_init]
    fn init(m: &Bound<'_, PyModule>) -> PyResult<()> {
        m.add("__version__", env!("CARGO_PKG_VERSION"))
    }
    #[pymodule]
    mod maou_io {
        use pyo3::prelude::*;
        #[pyfunction]
        fn hello() -> String { "hi".into() }
    }
}
