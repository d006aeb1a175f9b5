//! `themegate rules`: what the program knows of build logs.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use super::classify::{forgive_broken_pipe, site_rules};
use crate::rules::{Example, Level, LogContext, Options, Rule, RuleSet, check_examples, classify};

/// Shows and checks the rules that classify build logs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  themegate rules list
  themegate rules show sass-error
  themegate rules explain 'npm error code ELIFECYCLE'
  themegate rules test --rules themegate.d")]
pub struct RulesArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: RulesCommand,
    /// A folder with rules of this site; may be given more than once.
    #[arg(long, value_name = "DIR", global = true)]
    pub rules: Vec<PathBuf>,
}

/// What `themegate rules` can do.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// Lists all rules: severity, id, tool.
    #[command(after_help = "Example:\n  themegate rules list | grep fatal")]
    List,
    /// Prints the patterns of all rules that make a finding, one a line, for grep -E -f and the like.
    #[command(after_help = "Example:\n  themegate rules patterns | rg -f - build.log")]
    Patterns,
    /// Shows one rule with its examples.
    #[command(after_help = "Example:\n  themegate rules show vite-theme-path-skipped")]
    Show {
        /// The rule's id, as in a finding.
        id: String,
    },
    /// Checks that every rule recognises its examples and leaves its near misses alone.
    #[command(after_help = "Example:\n  themegate rules test --rules themegate.d")]
    Test,
    /// Says which rule recognises a line.
    #[command(after_help = "Example:\n  themegate rules explain \"Everything's up-to-date. Nothing to do\"")]
    Explain {
        /// A line of a build log.
        line: String,
    },
}

/// Runs the command; gives the exit status.
///
/// # Errors
/// If a rule pack has faults, the id is unknown, or the output cannot be written.
pub fn run(args: &RulesArgs, out: &mut dyn Write) -> Result<u8> {
    let site = site_rules(&args.rules)?;
    let rules = site.as_ref().unwrap_or_else(|| RuleSet::builtin());
    match &args.command {
        RulesCommand::List => forgive_broken_pipe(list(rules, out))?,
        RulesCommand::Patterns => forgive_broken_pipe(patterns(rules, out))?,
        RulesCommand::Show { id } => match rules.find(id) {
            Some(rule) => forgive_broken_pipe(show(rule, out))?,
            None => bail!("there is no rule `{id}`; themegate rules list shows all of them"),
        },
        RulesCommand::Test => return test(rules, out),
        RulesCommand::Explain { line } => return explain(rules, line, out),
    }
    Ok(0)
}

fn list(rules: &RuleSet, out: &mut dyn Write) -> io::Result<()> {
    let mut all: Vec<&Rule> = rules.rules().iter().collect();
    all.sort_by(|one, other| (&one.pack, &one.id).cmp(&(&other.pack, &other.id)));
    for rule in all {
        writeln!(out, "{:<8} {:<36} {}", rule.level.word(), rule.id, rule.tool)?;
    }
    Ok(())
}

fn patterns(rules: &RuleSet, out: &mut dyn Write) -> io::Result<()> {
    for rule in rules.rules().iter().filter(|rule| rule.level > Level::Neutral) {
        writeln!(out, "{}", unnamed(rule.pattern.as_str()))?;
    }
    Ok(())
}

/// The pattern without the names of its groups, which other programs do not know or want unique.
fn unnamed(pattern: &str) -> String {
    let mut parts = pattern.split("(?P<");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "(" + part.split_once('>').map_or(part, |(_, rest)| rest))
}

fn show(rule: &Rule, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}  {}  ({})", rule.id, rule.level.word(), rule.tool)?;
    for text in [&rule.message, &rule.explanation, &rule.help].into_iter().filter(|text| !text.is_empty()) {
        writeln!(out, "  {text}")?;
    }
    writeln!(out, "  pattern     {}", rule.pattern)?;
    print_examples("matches", &rule.matches, out)?;
    print_examples("near misses", &rule.near_misses, out)?;
    writeln!(out, "  more        docs/rules.md#{}", rule.pack)
}

fn print_examples(title: &str, examples: &[Example], out: &mut dyn Write) -> io::Result<()> {
    for example in examples {
        writeln!(out, "  {title:<11} {}", example.text.lines().next().unwrap_or_default())?;
        if !example.source.is_empty() {
            writeln!(out, "              from {}", example.source)?;
        }
    }
    Ok(())
}

fn test(rules: &RuleSet, out: &mut dyn Write) -> Result<u8> {
    let report = check_examples(rules);
    for fault in &report.faults {
        forgive_broken_pipe(writeln!(out, "FAULT  {} {}:\n         {}", fault.rule, fault.problem, fault.text))?;
    }
    let counts = (report.rules, report.matches, report.near_misses, report.faults.len());
    let (all, matches, misses, faults) = counts;
    forgive_broken_pipe(writeln!(out, "{all} rules, {matches} matches, {misses} near misses: {faults} fault(s)"))?;
    Ok(u8::from(faults > 0))
}

fn explain(rules: &RuleSet, line: &str, out: &mut dyn Write) -> Result<u8> {
    let classified = classify(&mut line.as_bytes(), rules, &LogContext::unknown(), Options { strict: false })?;
    let known: Vec<&Rule> = classified.rules.keys().filter_map(|id| rules.find(id)).collect();
    for rule in &known {
        forgive_broken_pipe(writeln!(out, "{}", crate::rules::explain(rule)))?;
    }
    if known.is_empty() {
        forgive_broken_pipe(writeln!(out, "No rule knows this line, and it does not look like trouble."))?;
    }
    Ok(0)
}
