//! The program `lameduck-drill`.

mod args;
#[cfg(unix)]
mod interrupt;
#[cfg(unix)]
mod print;
#[cfg(target_os = "linux")]
mod round_trip;
#[cfg(unix)]
mod run;

use std::{
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
};

use self::args::{Args, Parsed};

/// Exit codes other than 0 for a drill that was passed.
#[cfg(unix)]
const FAILED: u8 = 1;
const NOT_BEGUN: u8 = 2;
const UNAVAILABLE: u8 = 3;

/// Runs `lameduck-drill` with these arguments, the first of which is the program's name.
///
/// The exit code is 0 if no run lost a request and the server ended as expected, 1 if not, 2 for
/// wrong arguments or a drill that could not begin, and 3 if this system or user cannot run it.
#[must_use]
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    match Args::read(args) {
        Parsed::Args(args) => run(*args),
        Parsed::Message { text, is_error } => {
            let code = if is_error { NOT_BEGUN } else { 0 };
            message(&text, code);
            ExitCode::from(code)
        }
    }
}

#[cfg(unix)]
fn run(args: Args) -> ExitCode {
    match run::run(args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(error) => {
            print::error(&error);
            ExitCode::from(if error.is_unavailable() { UNAVAILABLE } else { NOT_BEGUN })
        }
    }
}

#[cfg(not(unix))]
fn run(_: Args) -> ExitCode {
    let text = "lameduck-drill stops its program with SIGTERM, which only Unix has\n";
    message(text, UNAVAILABLE);
    ExitCode::from(UNAVAILABLE)
}

/// Prints a help text, or why there is no drill. A pipe that is closed is not an error.
fn message(text: &str, code: u8) {
    let _ = match code {
        0 => io::stdout().write_all(text.as_bytes()),
        _ => io::stderr().write_all(text.as_bytes()),
    };
}
