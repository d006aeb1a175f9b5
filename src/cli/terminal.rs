//! What kind of place the output goes to.

use std::io::IsTerminal;

/// Columns of the terminal, or 100 where there is none.
#[must_use]
pub fn width() -> usize {
    if std::io::stdout().is_terminal() { textwrap::termwidth().clamp(40, 120) } else { 100 }
}

/// True if an error says that the reader of the output went away, which is success (`themegate … | head`).
#[must_use]
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let is_pipe = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(is_pipe))
}
