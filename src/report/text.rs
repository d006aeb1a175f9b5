//! The report for people: what was done, then what is wrong, worst first, with the place, the meaning and what to type.

use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::rows::rows;
use super::{PrecompileFacts, Report};
use crate::finding::{Evidence, Finding, Severity};
use crate::verdict::Verdict;

pub use super::figures::plain;
pub(crate) use super::figures::{grouped, shortened, size};

/// How wide the text may be.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// In columns.
    pub width: usize,
    /// List harmless notes too.
    pub verbose: bool,
    /// Whether `themegate show` can find the report again.
    pub stored: bool,
}

const LABEL: usize = 13;
pub(super) const RED: Style = AnsiColor::Red.on_default().bold();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
pub(super) const GREEN: Style = AnsiColor::Green.on_default().bold();
const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();

/// Writes the report. Colours are always written; the caller's stream strips them where they do not belong.
///
/// # Errors
/// If it cannot be written.
pub fn write(report: &Report, layout: Layout, out: &mut dyn Write) -> io::Result<()> {
    let mut text = body(report, layout);
    next(report, layout, &mut text);
    findings(report, layout, &mut text);
    footer(report, layout, &mut text);
    out.write_all(text.as_bytes())
}

/// Writes the report of a check that passed and is promoted at once: without what to type next.
///
/// # Errors
/// If it cannot be written.
pub fn write_before_promotion(report: &Report, layout: Layout, out: &mut dyn Write) -> io::Result<()> {
    let mut text = body(report, layout);
    findings(report, layout, &mut text);
    text.push('\n');
    out.write_all(text.as_bytes())
}

fn body(report: &Report, layout: Layout) -> String {
    let mut text = String::new();
    header(report, layout, &mut text);
    verdict(report, layout, &mut text);
    text
}

fn findings(report: &Report, layout: Layout, text: &mut String) {
    let shown = report.findings.iter().filter(|finding| layout.verbose || finding.severity > Severity::Benign);
    for finding in shown {
        text.push('\n');
        text.push_str(&self::finding(finding, layout));
    }
}

fn header(report: &Report, layout: Layout, text: &mut String) {
    let seconds = |stage: &str| report.timings.iter().find(|timing| timing.stage == stage).map(|timing| timing.seconds);
    for (label, what, stage) in rows(report) {
        let time = seconds(stage).map_or_else(String::new, |seconds| format!("{seconds:>7.1} s"));
        push_row(text, label, &what, &time, layout.width);
    }
}

pub(super) fn push_row(text: &mut String, label: &str, what: &str, time: &str, width: usize) {
    let room = width.saturating_sub(LABEL + time.len()).max(30);
    let what = plain(what);
    let lines = textwrap::wrap(&what, options(room));
    for (index, line) in lines.iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        let end = if index + 1 == lines.len() { time } else { "" };
        let gap = if end.is_empty() { 0 } else { room.saturating_sub(textwrap::core::display_width(line)) };
        let _ = writeln!(text, "{DIM}{label:<LABEL$}{DIM:#}{line}{:gap$}{DIM}{end}{DIM:#}", "");
    }
}

fn verdict(report: &Report, layout: Layout, text: &mut String) {
    let style = match report.verdict {
        Verdict::Pass => GREEN,
        Verdict::Hold => YELLOW,
        Verdict::Block | Verdict::Undecided => RED,
    };
    let word = word(report);
    let sentence = sentence(report);
    let wrapped = textwrap::wrap(&sentence, options(layout.width.saturating_sub(word.len() + 3)));
    let indent = " ".repeat(word.len() + 3);
    let _ = writeln!(text, "\n{style}{word}{style:#}   {}", wrapped.join(&format!("\n{indent}")));
}

/// What to type next.
fn next(report: &Report, layout: Layout, text: &mut String) {
    if report.promotion.is_some() {
        return;
    }
    if report.promotable {
        let _ = writeln!(text, "{:<7}themegate promote --run {}", "", report.run);
        if let Some(command) = &report.change.afterwards {
            let _ = writeln!(text, "{:<7}and then, so that git knows of it: {}", "", plain(command));
        }
    } else if let (Verdict::Pass, Some(command)) = (report.verdict, &report.change.goes_live) {
        deploy(command, layout, text);
    }
}

/// The word that heads a report: a look at the stylesheets alone never passes.
#[must_use]
pub fn word(report: &Report) -> &'static str {
    if report.fast.is_some() && report.verdict == Verdict::Pass { "NO FAULT FOUND YET" } else { report.verdict.word() }
}

/// A change that no promotion can bring: it removes files, or touches more than themes.
fn deploy(command: &str, layout: Layout, text: &mut String) {
    let how =
        "It changes more than theme sources, which is all that `themegate promote` brings. It goes live as you deploy:";
    paragraph(text, "", how, layout);
    if !command.is_empty() {
        let _ = writeln!(text, "{:<7}{}", "", plain(command));
    }
    let _ = writeln!(text, "{:<7}RAILS_ENV=production bundle exec rails assets:precompile, and a restart", "");
}

/// What the verdict means, in a sentence.
pub(super) fn sentence(report: &Report) -> String {
    let counting = report.findings.iter().filter(|finding| finding.counts()).count();
    let findings = if counting == 1 { "1 finding".to_owned() } else { format!("{counting} findings") };
    match report.verdict {
        Verdict::Pass => pass_sentence(report),
        Verdict::Hold => format!("{findings}: a person has to look before this goes live."),
        Verdict::Block if counting == 1 => "1 finding stops this change.".to_owned(),
        Verdict::Block => format!("{findings} stop this change."),
        Verdict::Undecided => "The gate could not finish, so it does not know. This is not a pass.".to_owned(),
    }
}

fn pass_sentence(report: &Report) -> String {
    if report.fast.is_some() {
        return "This is not a pass. Before it goes live: themegate check, without --fast.".to_owned();
    }
    if let Some(rehearsal) = &report.rehearsal {
        return format!("{} compiles with every theme that this site has.", rehearsal.tag);
    }
    let was_built = report.staging.is_some() || report.precompile.is_some() || report.answered_from.is_some();
    match report.themes.as_slice() {
        [] if !was_built => "Every theme that this tree offers is compiled and whole.".to_owned(),
        [] => "Every theme that this site offers compiles and is whole; what is live now was not judged (themegate verify)."
            .to_owned(),
        [theme] => format!("{theme} can go live."),
        [first @ .., last] => format!("{} and {last} can go live.", first.join(", ")),
    }
}

/// One finding as people read it.
#[must_use]
pub fn finding(finding: &Finding, layout: Layout) -> String {
    let style = match finding.severity {
        Severity::Fatal => RED,
        Severity::Review => YELLOW,
        Severity::Benign => DIM,
    };
    let word = finding.severity.word();
    let mut text = format!("{style}{word:<7}{style:#}{BOLD}{}{BOLD:#}{}\n", finding.id, standing(finding));
    paragraph(&mut text, "", &finding.message, layout);
    // A bundler prints one fault many times; the first place in the log tells as much as all of them.
    let is_log = |evidence: &&Evidence| matches!(evidence, Evidence::Log { .. });
    let files = finding.evidence.iter().filter(|evidence| !is_log(evidence)).take(6);
    for evidence in files.chain(finding.evidence.iter().find(is_log)) {
        text.push_str(&place(evidence));
    }
    if let Some(meaning) = &finding.meaning {
        paragraph(&mut text, "", meaning, layout);
    }
    if let Some(help) = &finding.help {
        paragraph(&mut text, "  do", help, layout);
    }
    for (index, command) in finding.commands.iter().enumerate() {
        let label = if index == 0 && finding.help.is_none() { "  do" } else { "" };
        let _ = writeln!(text, "{label:<INDENT$}{BOLD}{}{BOLD:#}", plain(command));
    }
    text
}

/// What keeps a finding from counting, if anything does.
pub(super) fn standing(finding: &Finding) -> String {
    match (&finding.acknowledged, finding.baseline) {
        (Some(acknowledged), _) => format!("   accepted until {}: {}", acknowledged.expires, acknowledged.reason),
        (None, Some(crate::finding::Baseline::Outstanding)) => "   the untouched site has it too".to_owned(),
        _ => String::new(),
    }
}

const INDENT: usize = 7;

fn paragraph(text: &mut String, label: &str, what: &str, layout: Layout) {
    let mut first = true;
    for line in plain(what).lines().flat_map(|line| wrapped(line, layout)) {
        let label = if std::mem::take(&mut first) { label } else { "" };
        let _ = writeln!(text, "{label:<INDENT$}{line}");
    }
}

/// Breaks at spaces alone: a path or a command must survive being copied.
pub(super) fn options(width: usize) -> textwrap::Options<'static> {
    textwrap::Options::new(width.max(30))
        .break_words(false)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
}

/// The lines of a paragraph.
fn wrapped(line: &str, layout: Layout) -> Vec<String> {
    textwrap::wrap(line, options(layout.width.saturating_sub(INDENT)))
        .into_iter()
        .map(std::borrow::Cow::into_owned)
        .collect()
}

fn place(evidence: &Evidence) -> String {
    match evidence {
        Evidence::File { path, line: Some(line), excerpt } => {
            let excerpt = excerpt.as_deref().unwrap_or_default();
            format!("  -->  {}:{line}   {DIM}{}{DIM:#}\n", plain(&path.to_string_lossy()), shortened(excerpt, 100))
        }
        Evidence::File { path, line: None, .. } => format!("  -->  {}\n", plain(&path.to_string_lossy())),
        Evidence::Log { line, excerpt } => {
            let mut text = String::new();
            for (index, part) in excerpt.lines().take(12).enumerate() {
                let label = if index == 0 { format!("line {line}") } else { String::new() };
                let mark = if index == 0 { "  log" } else { "" };
                let _ = writeln!(text, "{mark:<INDENT$}{label:<11}{DIM}| {}{DIM:#}", shortened(part, 140));
            }
            text
        }
    }
}

fn footer(report: &Report, layout: Layout, text: &mut String) {
    let benign = report.findings.iter().filter(|finding| finding.severity == Severity::Benign).count();
    if benign > 0 && !layout.verbose && layout.stored {
        let notes = if benign == 1 { "1 harmless note".to_owned() } else { format!("{benign} harmless notes") };
        let _ = writeln!(text, "\n{DIM}{notes}; themegate show {} --verbose lists them.{DIM:#}", report.run);
    }
    if let Some(kept) = report.staging.as_ref().and_then(|staging| staging.kept.as_ref()) {
        let _ = writeln!(text, "\nThe staged tree is kept: {}", kept.display());
    }
    if let Some(fast) = report.fast.as_ref().filter(|fast| !fast.left.is_empty()) {
        let left: String = fast.left.iter().map(|what| format!("\n  * {what}")).collect();
        paragraph(text, "", &format!("\nLeft to the whole check:{left}"), layout);
    }
    let builtin =
        report.fast.is_none() && report.precompile.as_ref().is_some_and(|build: &PrecompileFacts| build.builtin);
    if report.verdict == Verdict::Pass && builtin {
        paragraph(
            text,
            "",
            "\nThe builtin compiler judged the stylesheets alone; the site's own compile was not run.",
            layout,
        );
    }
    let show = if layout.stored { format!("   Whole report: themegate show {}", report.run) } else { String::new() };
    let _ = match &report.promotion {
        None => writeln!(text, "\nNothing was changed in {}.{show}", report.site.live.display()),
        Some(facts) => writeln!(text, "\nThe live tree as it was before: themegate rollback --to {}", facts.generation),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_shows_place_meaning_and_what_to_do() {
        let finding = Finding::fatal("theme-empty", "The stylesheet of x holds no rule at all.")
            .at_line("config/themes.yml", 4, "x: styles/x.scss")
            .in_log(7, "one\ntwo")
            .meaning("Users see bare HTML.")
            .help("Upload it again:\n  scp theme.scss server:");
        let text = self::finding(&finding, Layout { width: 80, verbose: false, stored: true });
        let plain = anstream::adapter::strip_str(&text).to_string();
        let expected = "fatal  theme-empty\n       The stylesheet of x holds no rule at all.\n  -->  config/themes.yml:4   x: styles/x.scss\n  log  line 7     | one\n                  | two\n       Users see bare HTML.\n  do   Upload it again:\n         scp theme.scss server:\n";
        assert_eq!(plain, expected);
    }
}
