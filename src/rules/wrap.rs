//! Joins lines that a console has wrapped. PowerShell breaks what a program says on stderr at the width of its window, at a
//! blank or in the middle of a word.

/// A line without colour codes and prefixes.
#[derive(Clone, Copy)]
pub(crate) struct Line<'t> {
    pub number: u64,
    pub text: &'t [u8],
    pub indent: usize,
    pub marked: bool,
    /// The program that wrote it calls it a piece of information.
    pub informs: bool,
    /// What stood before the lines of this log; it may name what the line speaks of.
    pub about: &'t [u8],
}

/// A line held back until the next one is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held {
    pub number: u64,
    pub text: String,
    pub indent: usize,
    pub marked: bool,
    pub informs: bool,
    pub about: Vec<u8>,
    /// The line ended with a blank: PowerShell broke it between words.
    pub blank_at_end: bool,
}

impl Held {
    /// The line by itself.
    pub(crate) fn line(&self) -> Line<'_> {
        Line {
            number: self.number,
            text: self.text.as_bytes(),
            indent: self.indent,
            marked: self.marked,
            informs: self.informs,
            about: &self.about,
        }
    }

    /// This line and the next as the program printed them.
    pub(crate) fn joined(&self, next: &str) -> String {
        let blank = if self.blank_at_end { " " } else { "" };
        format!("{}{blank}{next}", self.text)
    }
}

/// Marks of a log that went through PowerShell.
pub(crate) fn is_powershell(text: &str) -> bool {
    text.starts_with("+ CategoryInfo ") || text.starts_with("+ FullyQualifiedErrorId") || text == "At line:1 char:1"
}
