//! `themegate verify`: a tree that was compiled elsewhere.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::check::Format;
use super::progress::TerminalProgress;
use super::{check, terminal};
use crate::gate::verify::{VerifyRequest, verify};

/// Is this compiled tree whole? For image builds and CI, where the assets were compiled elsewhere. Writes nothing.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  themegate verify /opt/mastodon --log build.log\n  \
    docker build . 2>&1 | tee build.log; themegate verify ./image-root --log build.log --exit-status 0\n  \
    journalctl -u mastodon-build -o cat | themegate verify /opt/mastodon --log -\n\n\
    Exit codes: 0 pass · 1 hold or block · 2 usage · 3 undecided")]
pub struct VerifyArgs {
    /// The compiled tree: the folder that holds Mastodon's app/, config/ and public/
    #[arg(value_name = "DIR")]
    tree: PathBuf,
    /// The log of its build; - for standard input
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// The exit status of its build
    #[arg(long, value_name = "N", requires = "log")]
    exit_status: Option<i32>,
    /// How the report is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Report every line of the log that no rule knows
    #[arg(long)]
    strict: bool,
    /// List harmless notes too
    #[arg(long, short)]
    verbose: bool,
}

/// Verifies and writes the report; gives the exit code.
///
/// # Errors
/// If the tree or the log cannot be read, or the report not be written.
pub fn run(args: &VerifyArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    let request =
        VerifyRequest { tree: args.tree.clone(), log: args.log.clone(), exit: args.exit_status, strict: args.strict };
    let report = verify(&request, &TerminalProgress::start())?;
    match check::write(&report, args.format, terminal::width(), (args.verbose, false), out) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    Ok(report.verdict.exit_code())
}
