//! Parse, run, exit code.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use themegate::cli::{self, Cli, terminal};
use themegate::precompile::{EXEC_COMMAND, HEAR_COMMAND, run_hearing, run_supervised};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    // Our own children: they must do nothing else, and hear no signal but their own.
    match arguments.next() {
        Some(word) if word == EXEC_COMMAND => return exit(run_supervised(arguments)),
        Some(word) if word == HEAR_COMMAND => return exit(run_hearing(arguments)),
        _ => {}
    }
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

fn exit(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
