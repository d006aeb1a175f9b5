//! Parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let code = match arguments.next() {
        Some(word) if word == themegate::precompile::EXEC_COMMAND => themegate::precompile::run_supervised(arguments),
        Some(word) if word == themegate::precompile::HEAR_COMMAND => themegate::precompile::run_hearing(arguments),
        _ => 2,
    };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
