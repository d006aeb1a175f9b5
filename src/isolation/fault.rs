//! Why namespaces could not be set up, in words for the report.

use std::fmt;
use std::io;
use std::path::Path;

/// One sentence without its full stop.
#[derive(Debug)]
pub(super) struct Fault(pub(super) String);

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What was tried, and where; to be given what the system said.
pub(super) fn failed<E: Into<io::Error>>(what: &str, path: &Path) -> impl FnOnce(E) -> Fault {
    let what = format!("{what} {}", path.display());
    move |error| Fault(format!("{what}: {}", error.into()))
}

/// What was tried; to be given what the system said.
pub(super) fn refused<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> Fault {
    move |error| Fault(format!("{what}: {}", error.into()))
}
