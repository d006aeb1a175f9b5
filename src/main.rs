//! Parse, run, exit code.

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use themegate::cli::{classify, rules};

#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Classifies a build log.
    Classify(classify::ClassifyArgs),
    /// Shows and checks the rules.
    Rules(rules::RulesArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let result = match &cli.command {
        Command::Classify(args) => classify::run(args, &mut out),
        Command::Rules(args) => rules::run(args, &mut out),
    };
    let code = result.unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "themegate: {error:#}");
        2
    });
    let _ = out.flush();
    ExitCode::from(code)
}
