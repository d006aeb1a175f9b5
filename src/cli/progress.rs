//! Shows on a terminal what a long check is doing: the stage, the time, and the last line of the build.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::gate::Progress;

/// A line on standard error that is rewritten in place; nothing where standard error is no terminal.
#[derive(Debug)]
pub struct TerminalProgress {
    bar: ProgressBar,
}

impl TerminalProgress {
    /// Begins to show.
    #[must_use]
    pub fn start() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { bar: ProgressBar::hidden() };
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix:<12} {elapsed:>4}  {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar }
    }
}

impl Progress for TerminalProgress {
    fn stage(&self, stage: &'static str) {
        self.bar.set_prefix(stage);
        self.bar.set_message("");
        self.bar.reset_elapsed();
    }

    fn detail(&self, text: &str) {
        self.bar.set_message(crate::report::text::plain(&anstream::adapter::strip_str(text).to_string()));
    }
}

impl Drop for TerminalProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
