//! The module registered inside an embedded interpreter: nothing is searched in target/.
//!
//! One test binary, since linking them is what tests cost: a crate's tests are a module here.

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

#[test]
fn errors_carry_their_place() {
    check(
        "import maou_rust\n\
         try:\n\
         \x20   maou_rust.maou_shogi.canonical_sfen('lnsgkgsnl/9/9/9/9/9/9/9/LNSGKGSNX b - 1')\n\
         except maou_rust.RecordError as error:\n\
         \x20   assert isinstance(error, ValueError)\n\
         \x20   assert (error.path, error.line, error.column) == (None, 1, 33), error.column\n\
         \x20   assert '`X`' in str(error), str(error)\n\
         else:\n\
         \x20   raise AssertionError('expected a RecordError')\n",
    );
}

#[test]
fn records_cross_as_plain_data() {
    check(
        "from maou_rust import maou_shogi\n\
         format, games, problems = maou_shogi.read_records(b'V2.2\\nPI\\n+\\n+7776FU\\nT3\\n%TORYO\\n')\n\
         assert format == 'csa' and problems == [], problems\n\
         game = games[0]\n\
         assert game['moves'] == [59 | 60 << 7], game\n\
         assert game['times_ms'] == [3000] and game['evals_cp'] == [None]\n\
         assert game['result'] == 1 and game['ending'] == 'resign'\n\
         assert maou_shogi.move16_to_usi(game['moves'][0]) == '7g7f'\n",
    );
}
