//! The command line: one file a command, with its arguments and a short `run`. Nothing else decides or prints.

pub mod check;
pub mod classify;
pub mod diff;
pub mod doctor;
pub mod doctor_watch;
pub mod freeze;
pub mod generations;
pub mod history;
pub mod hook;
pub mod init;
pub mod progress;
pub mod promote;
pub mod recover;
pub mod rollback;
pub mod rollback_theme;
pub mod rules;
pub mod shell;
pub mod show;
pub mod terminal;
pub mod verify;
pub mod withdraw;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

/// The gate in front of a Mastodon theme.
#[derive(Debug, Parser)]
#[command(
    name = "themegate",
    version,
    about = "The gate in front of a Mastodon theme: compiles it beside the live tree, and says whether it may go live",
    long_about = "The gate in front of a Mastodon theme.\n\n\
        themegate copies the live tree into a temporary staging directory, applies the theme there, runs \
        assets:precompile there, classifies every warning, compares the manifests, and says whether the theme may go live. \
        The live tree is never written by a check.",
    after_help = EXAMPLES,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What is said when a command ends in the midst of its work.
pub const BROKEN_OFF: &str = "The command broke off in the midst of its work, so there is no verdict. Above it says where.\n\
    If the system refused it a thread, allow more (ulimit -u; TasksMax= of its unit; --pids-limit of its container), and run it \
    again. If not, it is a fault of themegate: please report it. If it was changing the live tree: themegate recover";

impl Cli {
    /// The exit code of a command that broke off: *undecided*, or *interrupted* where it may have been changing the live tree.
    #[must_use]
    pub const fn broken_off(&self) -> u8 {
        match self.command {
            Command::Promote(_) | Command::Rollback(_) | Command::Recover(_) | Command::Withdraw(_) => 5,
            _ => 3,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  themegate check --theme ~/TangerineUI     may this theme go live? (run in ~/live)
  themegate check                           is the live tree, as it is, whole?
  themegate check --theme ~/TangerineUI --format json --output report.json
  themegate promote --theme ~/TangerineUI   check it, and make it live if it passes
  themegate rollback                        the live tree as it was before, in seconds
  themegate doctor                          what is wrong with the running site, and what to type
  themegate withdraw tangerineui            take a theme out of the settings now
  themegate hook install --live ~/live      refuse pushes that would break the site (run in the repository)
  themegate rollback-theme --all-on tangerineui   put everybody who picked it back on the site's theme

Exit codes:
  0 pass · 1 hold or block · 2 usage or configuration · 3 undecided · 4 promotion failed, live tree restored
  5 promotion interrupted, run `themegate recover` · 6 locked by another run · 130 interrupted";

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::CheckArgs),
    Verify(verify::VerifyArgs),
    Classify(classify::ClassifyArgs),
    Diff(diff::DiffArgs),
    Rules(rules::RulesArgs),
    Promote(promote::PromoteArgs),
    Rollback(rollback::RollbackArgs),
    Recover(recover::RecoverArgs),
    Withdraw(withdraw::WithdrawArgs),
    Hook(hook::HookArgs),
    Freeze(freeze::FreezeArgs),
    Unfreeze(freeze::UnfreezeArgs),
    RollbackTheme(rollback_theme::RollbackThemeArgs),
    Init(init::InitArgs),
    Doctor(doctor::DoctorArgs),
    Show(show::ShowArgs),
    History(show::HistoryArgs),
    Completions(shell::CompletionsArgs),
    Man(shell::ManArgs),
    /// Runs the builtin compiler in the current folder: on its registry, or on a list of stylesheets.
    #[command(name = "__compile", hide = true)]
    Compile {
        /// The list.
        sheets: Option<PathBuf>,
    },
    /// Writes the schema of the JSON report, or of the doctor's.
    #[command(name = "__schema", hide = true)]
    Schema {
        /// The doctor's
        #[arg(long)]
        diagnosis: bool,
    },
}

/// Where the site is: the options that every command on a site takes.
#[derive(Debug, Clone, Args)]
pub struct SiteArgs {
    /// The live tree [default: found upwards from here, then ~/live]
    #[arg(long, value_name = "DIR", env = "THEMEGATE_LIVE")]
    pub live: Option<PathBuf>,
    /// Where themegate keeps its stages and reports [default: .themegate beside the live tree]
    #[arg(long, value_name = "DIR", env = "THEMEGATE_STATE")]
    pub state: Option<PathBuf>,
    /// The configuration [default: themegate.toml in the live tree or beside it (under Capistrano, beside `current`)]
    #[arg(long, value_name = "FILE", env = "THEMEGATE_CONFIG")]
    pub config: Option<PathBuf>,
}

/// Runs the command that was typed; gives the process exit code.
///
/// # Errors
/// If it could not be carried out. [`exit_code`] maps the error.
pub fn run(cli: &Cli) -> anyhow::Result<u8> {
    let mut out = terminal::Named(anstream::AutoStream::auto(std::io::stdout().lock()));
    match &cli.command {
        Command::Check(args) => check::run(args, &mut out),
        Command::Verify(args) => verify::run(args, &mut out),
        Command::Diff(args) => diff::run(args, &mut out),
        Command::Classify(args) => classify::run(args, &mut out),
        Command::Rules(args) => rules::run(args, &mut out),
        Command::Promote(args) => promote::run(args, &mut insistent(out)),
        Command::Rollback(args) => rollback::run(args, &mut insistent(out)),
        Command::Recover(args) => recover::run(args, &mut insistent(out)),
        Command::Withdraw(args) => withdraw::run(args, &mut insistent(out)),
        Command::Hook(args) => hook::run(args, &mut out),
        Command::Freeze(args) => freeze::run(args, &mut out),
        Command::Unfreeze(args) => freeze::lift(args, &mut out),
        Command::RollbackTheme(args) => rollback_theme(args, &mut out),
        Command::Init(args) => init::run(args, &mut out),
        Command::Doctor(args) => doctor::run(args, &mut out),
        Command::Show(args) => show::run(args, &mut out),
        Command::History(args) => show::history(args, &mut out),
        Command::Completions(args) => Ok(shell::completions(args, &mut out)),
        Command::Man(_) => shell::man(&mut out),
        Command::Compile { sheets } => compile(sheets.as_deref(), &mut out),
        Command::Schema { diagnosis } => {
            use crate::report::{diagnosis, json};
            let schema = if *diagnosis { diagnosis::schema() } else { json::schema() };
            Ok(out.write_all(schema.as_bytes()).map(|()| 0)?)
        }
    }
}

/// The output of a command that changes the live tree.
fn insistent(out: impl Write) -> impl Write {
    terminal::Insistent::new(out, anstream::stderr())
}

/// A question is asked only where a person can see it and answer.
fn rollback_theme(args: &rollback_theme::RollbackThemeArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    let mut err = anstream::AutoStream::auto(std::io::stderr().lock());
    let mut answers = std::io::stdin().lock();
    let person = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let answers = person.then_some(&mut answers as &mut dyn std::io::BufRead);
    rollback_theme::run(args, &mut rollback_theme::Console { out, err: &mut err, answers })
}

fn compile(sheets: Option<&Path>, out: &mut dyn Write) -> anyhow::Result<u8> {
    let tree = std::env::current_dir()?;
    Ok(match sheets {
        Some(list) => crate::compiler::sheets::run_builtin(&tree, list, out)?,
        None => crate::compiler::builtin::run(&tree, out)?,
    })
}

/// An error in words, with those of its causes that it does not repeat itself.
#[must_use]
pub fn message(error: &anyhow::Error) -> String {
    error.chain().skip(1).map(ToString::to_string).fold(error.to_string(), |message, cause| {
        if message.contains(&cause) { message } else { format!("{message}: {cause}") }
    })
}

/// The exit code that stands for an error: 6 locked, 130 interrupted, 3 if the gate could not finish, 4 if a promotion
/// failed and the live tree is as it was, 5 if it has to be recovered, else 2.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> u8 {
    use crate::gate::GateError;
    use crate::promotion::PromotionError;
    use crate::promotion::aftercare::AftercareError;
    use crate::promotion::disk::DiskError;
    use crate::promotion::switch::SwitchFailure;
    use crate::site::lock::LockError;
    if let Some(error) = error.downcast_ref::<GateError>() {
        return error.exit_code();
    }
    if let Some(error) = error.downcast_ref::<PromotionError>() {
        return error.exit_code();
    }
    if let Some(error) = error.downcast_ref::<AftercareError>() {
        return error.exit_code();
    }
    match () {
        () if error.is::<SwitchFailure>() => 5,
        () if matches!(error.downcast_ref(), Some(LockError::Held { .. })) => 6,
        () if error.is::<DiskError>() || error.is::<LockError>() => 4,
        () => 2,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    #[test]
    fn a_cause_is_told_once() {
        let refused = || std::io::Error::other("no room");
        let path = std::path::Path::new("/x");
        let error: anyhow::Error = crate::promotion::disk::failed("write", path)(refused()).into();
        assert_eq!(super::message(&error), "could not write /x: no room");
        let error = Err::<(), _>(refused()).context("it could not be kept").unwrap_err();
        assert_eq!(super::message(&error), "it could not be kept: no room");
    }
}
