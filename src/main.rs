//! Parse, run, exit code.

use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use clap::Parser;
use themegate::cli::{self, Cli, terminal};
use themegate::isolation;
use themegate::precompile::{EXEC_COMMAND, HEAR_COMMAND, run_hearing, run_supervised};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    // Our own children: they must do nothing else, and hear no signal but their own.
    match arguments.next() {
        Some(word) if word == EXEC_COMMAND => return exit(run_supervised(arguments)),
        Some(word) if word == HEAR_COMMAND => return exit(run_hearing(arguments)),
        Some(word) => {
            if let Some(code) = isolation::run_child(&word, &mut arguments) {
                return exit(code);
            }
        }
        None => {}
    }
    let cli = Cli::parse();
    // Whatever was being done is undone on the way here, or journalled.
    let Ok(result) = std::panic::catch_unwind(AssertUnwindSafe(|| cli::run(&cli))) else {
        let _ = writeln!(anstream::stderr(), "themegate: {}", cli::BROKEN_OFF);
        return ExitCode::from(cli.broken_off());
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) if terminal::is_broken_pipe(&error) && cli::exit_code(&error) == 2 => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(anstream::stderr(), "themegate: {}", cli::message(&error));
            ExitCode::from(cli::exit_code(&error))
        }
    }
}

fn exit(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
