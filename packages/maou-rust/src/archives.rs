//! The object of Python that looks into archives, as the library asks for it.

use std::path::Path;

use maou_io::{Archives, Fault, Member, Members};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// An object with `members(path)` and `open(path)`.
pub(crate) struct PyArchives(pub(crate) Py<PyAny>);

impl Archives for PyArchives {
    fn list(&self, path: &Path, take: &mut dyn FnMut(Member)) -> Result<(), Fault> {
        Python::attach(|py| {
            for member in
                self.0.bind(py).call_method1("members", (path.as_os_str(),))?.try_iter()?
            {
                let (name, size_bytes, problem): (String, u64, String) = member?.extract()?;
                let problem = Some(problem).filter(|problem| !problem.is_empty());
                take(Member { name, size_bytes, problem });
            }
            Ok::<(), PyErr>(())
        })
        .map_err(Fault::from)
    }

    fn open(&self, path: &Path) -> Result<Box<dyn Members>, Fault> {
        let open = Python::attach(|py| self.0.call_method1(py, "open", (path.as_os_str(),)));
        Ok(Box::new(PyMembers(open.map_err(Fault::from)?)))
    }
}

/// An object with `read(indices)`.
struct PyMembers(Py<PyAny>);

impl Members for PyMembers {
    fn read(&mut self, indices: &[u64]) -> Result<Vec<Result<Vec<u8>, String>>, Fault> {
        Python::attach(|py| {
            let mut members = Vec::with_capacity(indices.len());
            for member in self.0.bind(py).call_method1("read", (indices,))?.try_iter()? {
                let member = member?;
                members.push(match member.cast::<PyBytes>() {
                    Ok(bytes) => Ok(bytes.as_bytes().to_vec()),
                    Err(_) => Err(member.extract::<String>()?),
                });
            }
            Ok::<_, PyErr>(members)
        })
        .map_err(Fault::from)
    }
}
