//! The object of Python that looks into archives, as the library asks for it.

use std::fs::File;
use std::io;
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
                let (name, size_bytes, handle, problem): (String, u64, Option<isize>, String) =
                    member?.extract()?;
                let problem = Some(problem).filter(|problem| !problem.is_empty());
                let table = handle.map(duplicate).transpose()?;
                take(Member { name, size_bytes, problem, table });
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

/// Another handle of a file that Python holds open until it is asked for the next member.
fn duplicate(handle: isize) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::fd::{BorrowedFd, RawFd};
        let number = RawFd::try_from(handle).map_err(io::Error::other)?;
        if number < 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: the file stays open while it is borrowed, as the protocol of `members` says.
        let file = unsafe { BorrowedFd::borrow_raw(number) };
        file.try_clone_to_owned().map(File::from)
    }
    #[cfg(windows)]
    {
        use std::os::windows::io::{BorrowedHandle, RawHandle};
        // SAFETY: the file stays open while it is borrowed, as the protocol of `members` says.
        let file = unsafe { BorrowedHandle::borrow_raw(handle as RawHandle) };
        file.try_clone_to_owned().map(File::from)
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
