//! `themegate classify`: what a build log says.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use super::terminal;
use crate::finding::Finding;
use crate::report::text;
use crate::rules::{Classified, LogContext, Options, RuleSet, classify};
use crate::verdict::{Verdict, judge};

/// Classifies a build log: every line is evidence of a finding, neutral, or unaccounted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  themegate classify build.log
  RAILS_ENV=production bundle exec rails assets:precompile 2>&1 | themegate classify -
  themegate classify build.log --exit-status 1 --format json

Exit status: 0 nothing to hold it, 1 something to look at or broken, 2 wrong usage, 3 the build could not finish.")]
pub struct ClassifyArgs {
    /// The log; - for standard input.
    #[arg(default_value = "-")]
    pub file: PathBuf,
    /// The exit status of the build, if it is known.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub exit_status: Option<i32>,
    /// How to print what was found.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Report every line that no rule knows.
    #[arg(long)]
    pub strict: bool,
    /// A folder with rules of this site; may be given more than once.
    #[arg(long, value_name = "DIR")]
    pub rules: Vec<PathBuf>,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Classifies the log and prints what it says; gives the exit status.
///
/// # Errors
/// If the log cannot be read, a rule pack has faults, or the output cannot be written.
pub fn run(args: &ClassifyArgs, out: &mut dyn Write) -> Result<u8> {
    let site = site_rules(&args.rules)?;
    let rules = site.as_ref().unwrap_or_else(|| RuleSet::builtin());
    let context = args.exit_status.map_or_else(LogContext::unknown, LogContext::finished);
    let mut input = open(&args.file)?;
    let options = Options { strict: args.strict };
    let classified = classify(&mut input, rules, &context, options)
        .with_context(|| format!("could not read {}", args.file.display()))?;
    let verdict = judge(&classified.findings);
    let printed = match args.format {
        Format::Text => print_text(&classified, verdict, out),
        Format::Json => print_json(&classified, verdict, out),
    };
    forgive_broken_pipe(printed)?;
    Ok(verdict.exit_code())
}

/// The program's rules with those in `folders`; none if no folder was given.
pub(crate) fn site_rules(folders: &[PathBuf]) -> Result<Option<RuleSet>> {
    if folders.is_empty() {
        return Ok(None);
    }
    let mut packs = Vec::new();
    for folder in folders {
        packs.extend(packs_in(folder)?);
    }
    match RuleSet::with_site_rules(&packs) {
        Ok(rules) => Ok(Some(rules)),
        Err(faults) => {
            let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
            anyhow::bail!("the rules have {} fault(s):\n{}", told.len(), told.join("\n"))
        }
    }
}

fn packs_in(folder: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("could not read the rules in {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let pack = std::fs::read(&path).with_context(|| format!("could not read {}", path.display()))?;
            Ok((path, pack))
        })
        .collect()
}

fn open(path: &Path) -> Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path).with_context(|| format!("could not open the log {}", path.display()))?;
    Ok(Box::new(file))
}

fn print_json(classified: &Classified, verdict: Verdict, out: &mut dyn Write) -> io::Result<()> {
    let mut value = serde_json::to_value(classified).map_err(io::Error::from)?;
    if let Some(object) = value.as_object_mut() {
        object.shift_insert(0, "verdict".to_owned(), serde_json::json!(verdict));
        object.shift_insert(0, "schema_version".to_owned(), serde_json::json!(1));
    }
    serde_json::to_writer_pretty(&mut *out, &value).map_err(io::Error::from)?;
    writeln!(out)
}

fn print_text(classified: &Classified, verdict: Verdict, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}  {}", verdict.word(), summary(classified))?;
    for finding in &classified.findings {
        writeln!(out)?;
        print_finding(finding, out)?;
    }
    out.flush()
}

fn summary(classified: &Classified) -> String {
    let Classified { lines, neutral, evidence, unaccounted, findings, .. } = classified;
    format!(
        "{lines} lines: {neutral} neutral, {evidence} evidence of {} finding(s), {unaccounted} unaccounted",
        findings.len()
    )
}

fn print_finding(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let layout = text::Layout { width: terminal::width(), verbose: true, stored: false };
    writeln!(out, "{}", text::finding(finding, layout))
}

/// A reader that has had enough (`| head`) is no error.
pub(crate) fn forgive_broken_pipe(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
