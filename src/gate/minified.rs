//! Names the source of what Vite's minifier refuses: it shows some lines of a compiled stylesheet, and not whose they are.

use crate::change::{Change, is_stylesheet};
use crate::finding::{Evidence, Finding};

/// The rule whose findings name no file.
const RULE: &str = "css-minify-failed";

/// Adds the place in the change that the lines shown come from, where one of its stylesheets holds them.
pub(super) fn place(findings: &mut [Finding], change: &Change) {
    for finding in findings.iter_mut().filter(|finding| finding.id == RULE) {
        let frame = finding.evidence.iter().find_map(|evidence| match evidence {
            Evidence::Log { excerpt, .. } => Some(Frame::of(excerpt)).filter(|frame| !frame.lines.is_empty()),
            Evidence::File { .. } => None,
        });
        let Some(frame) = frame else { continue };
        let sheets = change.files.iter().filter(|file| is_stylesheet(&file.to));
        let places = sheets.filter_map(|file| {
            let text = String::from_utf8_lossy(&file.bytes().ok()?).into_owned();
            let (likeness, line) = frame.in_source(&text)?;
            let excerpt = text.lines().nth(line).unwrap_or_default().trim().to_owned();
            Some((
                likeness,
                Evidence::File { path: file.to.clone(), line: Some(line as u64 + 1), excerpt: Some(excerpt) },
            ))
        });
        // The first of those that are alike.
        let best = places.reduce(|best, other| if other.0 > best.0 { other } else { best });
        best.into_iter().for_each(|(_, place)| finding.evidence.insert(0, place));
    }
}

/// The lines that are shown, without their blanks, and which of them is pointed at.
#[derive(Debug, Default)]
struct Frame {
    lines: Vec<String>,
    culprit: Option<usize>,
}

impl Frame {
    /// Reads `292 | .old {`, with a `^` below the line that is meant.
    fn of(excerpt: &str) -> Self {
        let mut frame = Self::default();
        for line in excerpt.lines() {
            let Some((number, text)) = line.split_once('|') else { continue };
            if number.trim().is_empty() && text.trim() == "^" {
                frame.culprit = frame.lines.len().checked_sub(1);
            } else if number.trim().parse::<u64>().is_ok() && text.contains(char::is_alphanumeric) {
                frame.lines.push(without_blanks(text));
            }
        }
        frame
    }

    /// How many of the lines the source holds, and where the one stands that is pointed at; none if that is not there.
    fn in_source(&self, text: &str) -> Option<(usize, usize)> {
        let source: Vec<String> = text.lines().map(without_blanks).collect();
        let culprit = self.lines.get(self.culprit?)?;
        let nearby = |at: usize| {
            let around = &source[at.saturating_sub(self.lines.len())..source.len().min(at + self.lines.len() + 1)];
            self.lines.iter().filter(|line| around.contains(line)).count()
        };
        let places = source.iter().enumerate().filter(|(_, line)| line.contains(culprit.as_str()));
        let best =
            places.map(|(at, _)| (nearby(at), at)).reduce(|best, other| if other.0 > best.0 { other } else { best });
        best.map(|(likeness, at)| (likeness.max(1), at))
    }
}

fn without_blanks(text: &str) -> String {
    text.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Frame, place};
    use crate::change::{ChangedFile, as_it_is};
    use crate::finding::{Evidence, Finding};

    const EXCERPT: &str = "SyntaxError: [lightningcss minify] Unexpected token Semicolon.\n291 |\n292 |  .old {\n293 |    *zoom: 1;\n\
                           |            ^\n294 |    _height: 1px;";

    #[test]
    fn the_line_that_is_pointed_at_is_found_with_its_neighbours() {
        let frame = Frame::of(EXCERPT);
        assert_eq!(frame.lines, [".old{", "*zoom:1;", "_height:1px;"]);
        let source = ".a {\n  *zoom: 1;\n}\n.old {\n  color: red;\n  *zoom:1;\n  _height: 1px;\n}\n";
        assert_eq!(frame.in_source(source), Some((3, 5)));
        assert_eq!(frame.in_source(".old { color: red }"), None);
    }

    #[test]
    fn the_file_that_holds_most_of_what_is_shown_is_named() {
        let mut change = as_it_is();
        for (path, text) in [
            ("app/javascript/styles/a.scss", ".a {\n  *zoom: 1;\n}\n"),
            ("app/javascript/styles/b.scss", ".old {\n  *zoom: 1;\n  _height: 1px;\n}\n"),
            ("app/javascript/styles/c.scss", ".c {\n  *zoom: 1;\n}\n"),
        ] {
            change.files.push(ChangedFile::holding(path, text));
        }
        let mut findings =
            ["css-minify-failed", "css-syntax-error"].map(|id| Finding::fatal(id, "x").in_log(3, EXCERPT));
        place(&mut findings, &change);
        let named = |finding: &Finding| match finding.evidence.first() {
            Some(Evidence::File { path, line, .. }) => Some((path.clone(), *line)),
            _ => None,
        };
        assert_eq!(named(&findings[0]), Some((Path::new("app/javascript/styles/b.scss").to_path_buf(), Some(2))));
        assert_eq!(named(&findings[1]), None);
    }

    #[test]
    fn nothing_is_guessed_where_no_line_is_pointed_at() {
        let frame = Frame::of("SyntaxError: [lightningcss minify] Unexpected end of input\n1 | .a {");
        assert_eq!(frame.in_source(".a {"), None);
    }
}
