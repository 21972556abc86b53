//! The module registered inside an embedded interpreter: nothing is searched in target/.
//!
//! One test binary, since linking them is what tests cost: a crate's tests are a module here.

mod maou_shogi;

use std::ffi::CString;
use std::sync::Once;

use maou_rust::maou_rust;
use pyo3::prelude::*;

static REGISTERED: Once = Once::new();

/// Runs Python code that may import `maou_rust`; an exception fails the test.
fn check(code: &str) {
    REGISTERED.call_once(|| pyo3::append_to_inittab!(maou_rust));
    let code = CString::new(code).expect("code without NUL");
    Python::attach(|py| {
        if let Err(error) = py.run(&code, None, None) {
            error.print(py);
            panic!("the Python code above raised");
        }
    });
}

#[test]
fn submodules_are_importable() {
    check(
        "from maou_rust.maou_io import hello\n\
         import maou_rust, maou_rust.maou_shogi, maou_rust.maou_index\n\
         assert hello() == f'maou-rust {maou_rust.__version__}', hello()\n\
         assert maou_rust.maou_shogi.__name__ == 'maou_rust.maou_shogi'\n\
         assert isinstance(maou_rust.INTERFACE, int)\n",
    );
}

#[test]
fn build_info_names_profile_and_target() {
    check(
        "import maou_rust\n\
         info = maou_rust.build_info()\n\
         assert info['profile'] in ('daily', 'release'), info\n\
         assert info['rustc'].startswith('rustc '), info\n",
    );
}
