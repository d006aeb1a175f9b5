//! Parse, run, exit code.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use themegate::cli::{self, Cli, terminal};

fn main() -> ExitCode {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        if let Err(error) = signal_hook::flag::register(signal, Arc::clone(&interrupted)) {
            let _ = writeln!(anstream::stderr(), "themegate: signal {signal} cannot be heard: {error}");
        }
    }
    match cli::run(&Cli::parse(), &interrupted) {
        Ok(code) => ExitCode::from(code),
        Err(error) if terminal::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(anstream::stderr(), "themegate: {error:#}");
            ExitCode::from(cli::exit_code(&error))
        }
    }
}
