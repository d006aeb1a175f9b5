//! `themegate completions` and `themegate man`: made from the same definition as the help.

use std::io::Write;

use clap::{Args, CommandFactory};

use super::Cli;

/// Write completions for your shell.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  themegate completions bash > ~/.local/share/bash-completion/completions/themegate\n  \
    themegate completions fish > ~/.config/fish/completions/themegate.fish"
)]
pub struct CompletionsArgs {
    /// The shell
    shell: clap_complete::Shell,
}

/// Write the manual page.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  themegate man > ~/.local/share/man/man1/themegate.1")]
pub struct ManArgs {}

/// Writes completions.
pub fn completions(args: &CompletionsArgs, out: &mut dyn Write) -> u8 {
    let mut out = out;
    clap_complete::generate(args.shell, &mut Cli::command(), "themegate", &mut out);
    0
}

/// Writes the manual page.
///
/// # Errors
/// If it cannot be written.
pub fn man(out: &mut dyn Write) -> anyhow::Result<u8> {
    let mut out = out;
    clap_mangen::Man::new(Cli::command()).render(&mut out)?;
    Ok(0)
}
