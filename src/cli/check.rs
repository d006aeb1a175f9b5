//! `themegate check`: may this change go live?

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use super::progress::TerminalProgress;
use super::{SiteArgs, message, terminal};
use crate::byte_size::ByteSize;
use crate::change::patch::Patch;
use crate::change::revision::{LocalEdits, RepositoryPlace, SiteRevision};
use crate::gate::{self, CheckRequest, Proposal, rehearsal};
use crate::isolation::{IsolationChoice, NetworkChoice};
use crate::report::{Report, github, html, json, junit, sarif, text};
use crate::site::locate;
use crate::staging::Way;

/// May this theme go live? Copies the live tree, applies the theme there, compiles it there, and judges.
///
/// Without --theme the live tree is judged as it is: before a restart, after an upgrade, or when somebody has edited it by
/// hand. The live tree is never written.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    #[command(flatten)]
    pub(super) site: SiteArgs,
    /// A theme: its folder as published, or a single stylesheet, with what lies beside it and is imported; may be given several times
    #[arg(long = "theme", value_name = "DIR")]
    themes: Vec<PathBuf>,
    /// A commit: of the live tree's own repository, or with --theme of the theme's; whatever git rev-parse takes
    #[arg(long, value_name = "REV")]
    rev: Option<String>,
    /// The repository that REV is in, where the live tree is no checkout of it (bare ones too) [default: the live tree]
    #[arg(long, value_name = "DIR", requires = "rev", conflicts_with = "themes")]
    repo: Option<PathBuf>,
    /// The commit that the live tree was made from [default: HEAD of its checkout, else of --repo]
    #[arg(long, value_name = "REV", requires = "rev", conflicts_with = "themes")]
    base: Option<String>,
    /// What becomes of edits of the live tree that are not committed
    #[arg(long, value_enum, value_name = "WHAT", default_value = "carry", requires = "rev", conflicts_with = "themes")]
    local_edits: Edits,
    /// A unified diff against the live tree, git's own or a plain one; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["themes", "rev"])]
    patch: Option<PathBuf>,
    /// Check every theme that the site has with the next Mastodon, a tag of the live tree's repository, before the upgrade
    #[arg(long, value_name = "TAG", conflicts_with_all = ["themes", "rev", "patch"])]
    pub(super) rehearse: Option<String>,
    /// What compiles: auto, rails, builtin, or a command line run in the staged tree [default: auto]
    #[arg(long, value_name = "WHAT", env = "THEMEGATE_COMPILER")]
    compiler: Option<String>,
    /// The longest the build may take, such as 30m [default: 1h]
    #[arg(long, value_name = "TIME", env = "THEMEGATE_TIME_LIMIT", value_parser = crate::configuration::parse_duration)]
    time_limit: Option<std::time::Duration>,
    /// The longest the build may neither print nor compute [default: 10m]
    #[arg(long, value_name = "TIME", env = "THEMEGATE_STALL_LIMIT", value_parser = crate::configuration::parse_duration)]
    stall_limit: Option<std::time::Duration>,
    /// The most memory the build may hold, such as '3 GB' [default: as much as there is]
    #[arg(long, value_name = "AMOUNT", env = "THEMEGATE_MEMORY_LIMIT")]
    memory_limit: Option<ByteSize>,
    /// How the live tree is staged: the best that works here, or one way and no other [default: auto]
    #[arg(long, value_name = "WAY", value_enum, env = "THEMEGATE_STAGING")]
    staging: Option<Way>,
    /// Whether the build is kept from everything but its stage [default: auto]
    #[arg(long, value_name = "HOW", value_enum, env = "THEMEGATE_ISOLATION")]
    isolation: Option<IsolationChoice>,
    /// Whether an isolated build may use the network [default: auto]
    #[arg(long, value_name = "HOW", value_enum, env = "THEMEGATE_NETWORK")]
    network: Option<NetworkChoice>,
    /// How the report is written
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
    /// Write the report there instead of printing it
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Keep the staging directory, and say where it is
    #[arg(long)]
    keep_stage: bool,
    /// Look at the stylesheets alone, in seconds, for a commit: refuses, or has found no fault yet; never a pass
    #[arg(long, conflicts_with = "keep_stage")]
    pub(super) fast: bool,
    /// Compile, even if an earlier run has answered this very question, and without any compile cache
    #[arg(long)]
    fresh: bool,
    /// Report every line of the build log that no rule knows, not only those that look like trouble
    #[arg(long)]
    strict: bool,
    /// List harmless notes too
    #[arg(long, short)]
    pub(super) verbose: bool,
}

const EXAMPLES: &str = "\
Examples:
  themegate check --theme ~/TangerineUI           a theme folder as it is published
  themegate check --theme ~/my-theme.css          a single stylesheet
  themegate check                                 the live tree as it is
  themegate check --live /srv/mastodon/live --theme ~/a --theme ~/b
  themegate check --theme ~/a --format json | jq .verdict
  themegate check --theme ~/a --format html --output report.html
  themegate check --rev origin/stable             the live tree's repository at a commit, before you check it out
  themegate check --theme ~/TangerineUI --rev v2.5   a theme's repository at a tag
  git diff --binary v4.1.6 | themegate check --patch -   a patch against the live tree
  themegate check --rehearse v4.2.0               which installed theme breaks with the next Mastodon?
  themegate check --compiler 'docker-build-assets.sh' --isolation none
  themegate check --staging copy                  every byte copied, nothing shared with the live tree
  themegate check --network allow                 where the build has to fetch something
  themegate check --theme ~/a --fresh             compile again, whatever an earlier run said
  themegate check --theme ~/a --fast              in seconds, before a commit: is there a fault in its stylesheets?

Exit codes: 0 pass · 1 hold or block · 2 usage · 3 undecided · 6 locked by another run · 130 interrupted";

/// What becomes of edits of the live tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Edits {
    /// They stay, merged where the revision changes the same file.
    Carry,
    /// They stop the change.
    Refuse,
    /// They are overwritten.
    Drop,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For machines; the schema is schemas/report.schema.json.
    Json,
    /// SARIF 2.1.0, for code hosts.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// JUnit XML, for CI systems.
    Junit,
    /// One page without scripts, to hand on or to print.
    Html,
}

/// Runs the check and writes its report; gives the exit code.
///
/// # Errors
/// If the check could not be made, or the report not be written.
pub fn run(args: &CheckArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    let interrupted = &hear_interruptions()?;
    let progress = TerminalProgress::start();
    let request = request(args, interrupted)?;
    let outcome = match &args.rehearse {
        Some(tag) => rehearsal::rehearse(&request, tag, &people(args), &progress),
        None => gate::check(&request, &progress),
    };
    drop(progress);
    let report = outcome?;
    match deliver(&report, args, out) {
        // The reader went away (`themegate check | head`): the verdict stands all the same.
        Err(error) if terminal::is_broken_pipe(&error) => {}
        Err(error) => {
            bail!("{}\n{}   Whole report: themegate show {}", message(&error), text::word(&report), report.run)
        }
        Ok(()) => {}
    }
    Ok(report.verdict.exit_code())
}

/// How many people use each theme; unknown where there is no live tree, which the check will say.
fn people(args: &CheckArgs) -> rehearsal::People {
    let live = locate::live_tree(args.site.live.as_deref()).map_err(|error| error.to_string())?;
    super::rollback_theme::people(&live)
}

pub(super) fn deliver(report: &Report, args: &CheckArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    match &args.output {
        Some(path) => {
            let unwritable = || format!("{} could not be written", path.display());
            let file = File::create(path).with_context(unwritable)?;
            // Only words for people may hold colours.
            let file: Box<dyn Write> = match args.format {
                Format::Text => Box::new(anstream::StripStream::new(file)),
                _ => Box::new(file),
            };
            let mut file = BufWriter::new(file);
            let written = write(report, args.format, 100, (args.verbose, true), &mut file);
            written.and_then(|()| file.flush()).with_context(unwritable)?;
            writeln!(out, "{}   report: {}", text::word(report), path.display())?;
        }
        None => write(report, args.format, terminal::width(), (args.verbose, true), &mut BufWriter::new(&mut *out))?,
    }
    Ok(out.flush()?)
}

/// Ctrl-C and its like set a flag: the build is ended and the stage removed before the process ends.
pub(super) fn hear_interruptions() -> anyhow::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted))
            .with_context(|| format!("signal {signal} cannot be heard"))?;
    }
    Ok(interrupted)
}

pub(super) fn request(args: &CheckArgs, interrupted: &Arc<AtomicBool>) -> anyhow::Result<CheckRequest> {
    Ok(CheckRequest {
        live: args.site.live.clone(),
        state: args.site.state.clone(),
        config: args.site.config.clone(),
        proposal: proposal(args)?,
        compiler: args.compiler.as_deref().map(|word| word.parse().unwrap_or_else(|never| match never {})),
        time_limit: args.time_limit,
        stall_limit: args.stall_limit,
        memory_limit: args.memory_limit,
        staging: args.staging,
        isolation: args.isolation,
        network: args.network,
        keep_stage: args.keep_stage,
        strict: args.strict,
        fast: args.fast,
        by_hook: false,
        fresh: args.fresh,
        own: std::env::current_exe().context("themegate could not find its own program file")?,
        interrupted: Arc::clone(interrupted),
    })
}

fn proposal(args: &CheckArgs) -> anyhow::Result<Proposal> {
    if let Some(file) = &args.patch {
        return read_patch(file).map(Proposal::Patch);
    }
    let objects = quarantine()?;
    let place = |path: &PathBuf| RepositoryPlace { path: path.clone(), objects: objects.clone() };
    Ok(match (&args.rev, args.themes.as_slice()) {
        (None, []) => Proposal::AsItIs,
        (None, themes) => Proposal::Themes(themes.to_vec()),
        (Some(rev), []) => Proposal::SiteRevision(SiteRevision {
            repository: args.repo.as_ref().map(place),
            rev: rev.clone(),
            base: args.base.clone(),
            edits: match args.local_edits {
                Edits::Carry => LocalEdits::Carry,
                Edits::Refuse => LocalEdits::Refuse,
                Edits::Drop => LocalEdits::Drop,
            },
        }),
        (Some(rev), themes) => {
            Proposal::ThemeRevision { repositories: themes.iter().map(place).collect(), rev: rev.clone() }
        }
    })
}

fn read_patch(file: &Path) -> anyhow::Result<Patch> {
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().take(MOST_READ).read_to_end(&mut bytes).context("standard input could not be read")?;
        return Ok(Patch { file: None, bytes });
    }
    let opened = File::open(file).with_context(|| format!("the patch {} could not be read", file.display()))?;
    opened.take(MOST_READ).read_to_end(&mut bytes).with_context(|| format!("{} could not be read", file.display()))?;
    let file = std::path::absolute(file).with_context(|| format!("{} has no absolute path", file.display()))?;
    Ok(Patch { file: Some(file), bytes })
}

/// A patch that is longer is refused by its length, whatever follows.
const MOST_READ: u64 = 65 * 1024 * 1024;

/// Where git keeps what is being pushed while a `pre-receive` hook runs (git-receive-pack(1), "Quarantine environment").
fn quarantine() -> anyhow::Result<Vec<PathBuf>> {
    let own = std::env::var_os("GIT_OBJECT_DIRECTORY").into_iter().map(PathBuf::from);
    let others = std::env::var_os("GIT_ALTERNATE_OBJECT_DIRECTORIES").unwrap_or_default();
    let named = own.chain(std::env::split_paths(&others)).filter(|path| !path.as_os_str().is_empty());
    named
        .map(|path| std::path::absolute(&path).with_context(|| format!("{} has no absolute path", path.display())))
        .collect()
}

/// Writes a report in the format that was asked for.
pub(super) fn write(
    report: &Report,
    format: Format,
    width: usize,
    (verbose, stored): (bool, bool),
    out: &mut dyn Write,
) -> std::io::Result<()> {
    match format {
        Format::Text => text::write(report, text::Layout { width, verbose, stored }, out)?,
        Format::Json => json::write(report, out)?,
        Format::Sarif => sarif::write(&report.findings, out)?,
        Format::Github => github::write(&report.findings, out)?,
        Format::Junit => junit::write(&report.findings, out)?,
        Format::Html => html::write(report, stored, out)?,
    }
    out.flush()
}
