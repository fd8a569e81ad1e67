//! Stops a server under load, and counts what was lost.

use std::process::ExitCode;

#[cfg(unix)]
fn main() -> ExitCode {
    lameduck_drill::drill::main()
}

#[cfg(not(unix))]
#[expect(clippy::print_stderr, reason = "nobody else would say so")]
fn main() -> ExitCode {
    eprintln!("lameduck-drill stops its program with SIGTERM, which this system does not have");
    ExitCode::from(2)
}
